"""How near determinism and decision rules come to the planted ones, per task and field, on several seeds.

uv run python benchmarks/determinism.py [SEED …]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

import taskkit as tk
from taskkit.automation.decision_rules import find_decision_rules
from taskkit.automation.transfers import find_data_transfers
from taskkit.samples import write_sample

KEY = ["user", "session_id", "seq"]


def main() -> None:
    """Print one line a task: planted and found share, with the true tasks and with the found ones, and the kinds."""
    print("| seed | task | values | planted | found | difference | found tasks | kinds found: constant, copy, look-up, judgement "
          "(planted) | fields off by more than 0.05 |\n|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for seed in [int(text) for text in sys.argv[1:]] or [7, 11, 12, 13]:
        with tempfile.TemporaryDirectory() as folder:
            root = write_sample(Path(folder), seed=seed)
            truth = pl.read_parquet(root / "truth" / "events.parquet")
            planted = json.loads((root / "truth" / "engagement.json").read_text(encoding="utf-8"))["tasks"]
            cases = pl.read_csv(root / "process_log.csv")
            events = tk.name_activities(tk.read_log(root / "ui_log"))
        report(seed, events, truth, planted)
        report_decisions(seed, events, truth, cases)


def report(seed: int, events: pl.DataFrame, truth: pl.DataFrame, planted: list[dict[str, Any]]) -> None:
    """Print the lines of one seed."""
    events = events.join(truth, on=KEY, how="left", maintain_order="left")
    began = time.perf_counter()
    known = events.with_columns(segment_id="true_segment", task_id="true_task")
    transfers = find_data_transfers(known)
    seconds = time.perf_counter() - began
    found = found_tasks(events)
    worst = 0.0
    for task in planted:
        name, about = task["task"], task["determinism"]
        mine = transfers.filter(pl.col("task_id") == name)
        share = mine["explained"].sum() / mine["writes"].sum()
        worst = max(worst, abs(share - about["share"]))
        kinds = dict(mine.group_by("kind").agg(pl.col("explained").sum()).iter_rows())
        judged = mine["writes"].sum() - mine["explained"].sum()
        said = ", ".join(
            f"{n} ({about[was]})" for n, was in ((kinds.get("constant", 0), "constant"), (kinds.get("copy", 0), "copy"),
                                                 (kinds.get("look-up", 0), "dependency"))
        ) + f", {judged} ({about['judgement'] + about['slip']})"  # fmt: skip
        print(f"| {seed} | {name} | {mine['writes'].sum()} | {about['share']:.3f} | {share:.3f} | {share - about['share']:+.3f} "
              f"| {found.get(name, float('nan')):.3f} | {said} | {', '.join(fields_off(mine, about['fields'])) or '–'} |",
              flush=True)  # fmt: skip
    print(f"\nseed {seed}: largest difference {worst:.3f}; {seconds:.1f} s for {transfers['writes'].sum()} values\n")


# where the generator decides by a rule, and where by chance or habit: the step before, the fields of the rule, and the
# variants that go against it because a person's habit decides between two of the branches
ENTER, APPROVE = "Invoice INV-# - Enter - Horizon ERP", "Invoice INV-# - Approve - Horizon ERP"
DECISIONS = {
    f"click Country · {ENTER}": (["case › po"], []),
    f"type into Tax code · {ENTER}": (["case › po"], []),
    f"open {APPROVE}": (["case › amount", "case › po"], ["request in ERP"]),
    f"click Propose from order · {ENTER}": ([], []),
    f"type into Payment terms · {ENTER}": ([], []),
    f"click Approve · {APPROVE}": ([], []),
    "type into Document type · Invoice - Enter - Horizon ERP": ([], []),
}


def report_decisions(seed: int, events: pl.DataFrame, truth: pl.DataFrame, cases: pl.DataFrame) -> None:
    """Print what became of each planted decision: the rule, how often it holds, and how often it should."""
    events = events.join(truth, on=KEY, how="left").with_columns(segment_id="true_segment", case_id="true_case")
    events = events.filter(pl.col("true_task").is_in(["enter invoice", "prepare approval"]))
    segments = events.select("segment_id", task_id="true_task").unique()
    began = time.perf_counter()
    rules = find_decision_rules(events, segments, cases=cases)
    seconds = time.perf_counter() - began
    variants = events.select("segment_id", "true_variant").unique()["true_variant"]
    print("| seed | after | asks (planted) | accuracy | planted | baseline | rule |\n|---|---|---|---|---|---|---|")
    for after, (fields, against) in DECISIONS.items():
        row = rules.filter(pl.col("after") == after).row(-1, named=True)
        missed = variants.is_in(against).sum() / row["segments"]
        planted = f"{1 - missed:.3f}" if fields else "chance"
        asked = f"{', '.join(sorted(row['fields'])) or '–'} ({', '.join(fields) or '–'})"
        print(f"| {seed} | {after} | {asked} | {row['accuracy']:.3f} | {planted} | {row['baseline']:.3f} "
              f"| {row['rule'] or row['why']} |")  # fmt: skip
    print(
        f"\nseed {seed}: {rules.height} decision points, {rules['rule'].count()} with a rule, {seconds:.1f} s\n",
        flush=True,
    )


def found_tasks(events: pl.DataFrame) -> dict[str, float]:
    """Share found without the truth: each found task goes to the true task that most of its written values belong to."""
    segmented = tk.segment(events)
    segments = tk.find_tasks(tk.list_segments(segmented))
    segmented = segmented.join(
        segments.select("segment_id", "task_id"), on="segment_id", how="left", maintain_order="left"
    )
    transfers = find_data_transfers(segmented)
    wrote = segmented.filter(pl.col("true_value").is_not_null() & pl.col("task_id").is_not_null())
    most = wrote.group_by("task_id", "true_task").len().sort("len", "true_task").group_by("task_id").last()
    joined = transfers.join(most, on="task_id").group_by("true_task").agg(pl.col("explained", "writes").sum())
    return {name: explained / writes for name, explained, writes in joined.iter_rows() if name}


def fields_off(mine: pl.DataFrame, planted: dict[str, dict[str, int]]) -> list[str]:
    """Fields whose share of given values is off by more than 0.05, with both shares."""
    out = []
    cells = mine.with_columns(key=pl.coalesce(pl.when(pl.col("field").str.contains("› columns? ")).then(pl.lit("cell")),
                                              "element_id", "element_name"))  # fmt: skip
    shares = cells.group_by("key").agg(pl.col("explained").sum() / pl.col("writes").sum())
    for name, share in shares.sort("key").iter_rows():
        kinds = planted.get(name, {})
        given = sum(n for kind, n in kinds.items() if kind not in ("judgement", "slip"))
        true = given / sum(kinds.values()) if kinds else float("nan")
        if not abs(share - true) <= 0.05:
            out.append(f"{name} {share:.2f} ({true:.2f})")
    return out


if __name__ == "__main__":
    main()
