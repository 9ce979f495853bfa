"""How near ranking and verdicts come to the planted ones, on several seeds, and the ranking of labelled recordings.

uv run python benchmarks/automation.py [SEED …] [FOLDER WITH LABELLED LOGS]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
from scipy.stats import spearmanr

import taskkit as tk
from taskkit.automation.ranking import measure_criteria, rank_tasks
from taskkit.samples import write_sample

KEY = ["user", "session_id", "seq"]
COLUMNS = {"seq": "seq", "timestamp": "timestamp", "user": "user", "app": "app", "window_title": "window",
           "event_name": "event_type", "element_name": "element", "value": "value", "url": "url"}  # fmt: skip
# what a workshop would answer: both are controls on purpose, as the truth's "why" says
ANSWERS = {
    "payment run": {"control": "a control on purpose"},
    "change vendor data": {"control": "four eyes on purpose"},
}


def main() -> None:
    """Print one line a seed, kind of tasks and answers; then the ranking over the labelled recordings."""
    print("| seed | tasks | answers | rank correlation | wrong verdicts | seconds |\n|---|---|---|---|---|---|")
    folders = [Path(text) for text in sys.argv[1:] if not text.isdigit()]
    for seed in [int(text) for text in sys.argv[1:] if text.isdigit()] or [7, 11, 12, 13, 21, 22]:
        with tempfile.TemporaryDirectory() as folder:
            root = write_sample(Path(folder), seed=seed)
            truth = pl.read_parquet(root / "truth" / "events.parquet")
            planted = json.loads((root / "truth" / "engagement.json").read_text(encoding="utf-8"))["automation"]
            events = tk.name_activities(tk.read_log(root / "ui_log"))
        report(seed, events.join(truth, on=KEY, how="left", maintain_order="left"), planted)
    for logs in folders:
        report_recordings(logs)


def report(seed: int, events: pl.DataFrame, planted: list[dict[str, Any]]) -> None:
    """Print the lines of one seed."""
    known = as_segments(events, "true_segment", "true_task")
    score_seed(seed, "true", known, None, planted)
    found = tk.segment(events.select(pl.exclude("^true_.*$")))
    segments = tk.find_tasks(tk.list_segments(found))
    score_seed(seed, "found", found, segments, planted, names=name_tasks(found, segments, events))


def score_seed(
    seed: int, kind: str, events: pl.DataFrame, segments: pl.DataFrame | None, planted: list[dict[str, Any]],
    *, names: dict[str, str] | None = None,
) -> None:  # fmt: skip
    """Print the lines of one seed and one kind of tasks: without answers and with those of the truth."""
    began = time.perf_counter()
    measured = measure_criteria(events, segments)
    seconds = time.perf_counter() - began
    wanted = {entry["task"]: entry for entry in planted}
    for answers in (None, ANSWERS):
        if names is None:
            names = pl.DataFrame({"task_id": list(wanted), "true_task": list(wanted), "main": True})
        called = dict(names.select("task_id", "true_task").iter_rows())
        context = None if answers is None else {i: answers[name] for i, name in called.items() if name in answers}
        ranking = rank_tasks(measured, context=context)
        best = ranking.join(
            names.filter("main").select("task_id", name="true_task"), on="task_id", maintain_order="left"
        )
        ranks = [wanted[name]["rank"] for name in best["name"]]
        rho = spearmanr(range(len(ranks)), ranks).statistic
        wrong = [
            f"{row['name']}: {row['verdict']}, planted {wanted[row['name']]['verdict']}"
            for row in best.iter_rows(named=True)
            if not row["verdict"].startswith(wanted[row["name"]]["verdict"])
        ]
        missing = sorted(set(wanted) - set(best["name"]))
        said = "; ".join(wrong + [f"{name}: not found" for name in missing]) or "–"
        print(f"| {seed} | {kind} ({ranking.height}) | {'none' if answers is None else 'of the truth'} | {rho:.3f} | "
              f"{said} | {seconds:.1f} |", flush=True)  # fmt: skip


def name_tasks(found: pl.DataFrame, segments: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Found task → true task of most of its rows; `main` is the found one with most rows of a true task."""
    of_task = segments.select("segment_id", "task_id").drop_nulls()
    rows = found.select(*KEY, "segment_id").join(of_task, on="segment_id").join(truth.select(*KEY, "true_task"), on=KEY)
    counts = rows.drop_nulls("true_task").group_by("task_id", "true_task").len()
    counts = counts.sort("len", "true_task", "task_id", descending=[True, False, False])
    most = counts.unique("task_id", keep="first", maintain_order=True)
    return most.with_columns(main=pl.col("true_task").is_first_distinct())


def as_segments(events: pl.DataFrame, segment: str, task: str) -> pl.DataFrame:
    """The labelled segments and tasks as if they had been found."""
    return events.with_columns(
        segment_id=pl.col(segment).cast(pl.UInt32), task_id=task, segment_model=pl.lit(None, pl.Int32),
        segment_confidence=pl.lit(None, pl.Float64),
    )  # fmt: skip


def load_recordings(logs: Path) -> pl.DataFrame:
    """Two recorded routines, noise, and fifty office processes as one log; each recording is a person of its own."""
    parts, first = [], 0
    for name in ("student_record", "reimbursement", "mix_noise25", "office50_shuffled"):
        log = pl.read_parquet(logs / f"{name}.parquet").with_columns(user=pl.lit(name)).sort("seq")
        events = tk.name_activities(tk.from_table(log.select(pl.exclude("^true_.*$")), columns=COLUMNS)).sort("seq")
        task = pl.format("office50 {}", "true_task") if name.startswith("office50") else pl.col("true_task")
        labels = log.select(code=pl.col("true_segment").rank("dense") + first, task=task.cast(pl.String))
        first += int(labels["code"].max())  # type: ignore[arg-type]  # a rank
        events = events.with_columns(labels)
        if name == "mix_noise25":  # of the mixed log the noise only: it lacks the clipboard's rows
            events = events.filter(pl.col("task") == "NOISE")
        parts.append(events)
    return as_segments(pl.concat(parts, how="diagonal_relaxed"), "code", "task")


def report_recordings(logs: Path) -> None:
    """Print the ranking over the labelled tasks, with every task judged that was seen three times."""
    events = load_recordings(logs)
    measured = measure_criteria(events)
    for least in (20, 3):
        ranking = rank_tasks(measured, min_segments=least)
        print(f"\n{ranking.height} tasks, verdicts from {least} segments\n\n| rank | task | segments | verdict | feasibility | "
              "standardisation | determinism | hours a week |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
        shown = ranking.filter(~pl.col("task_id").str.starts_with("office50") | (pl.col("rank") <= 8))
        for row in shown.iter_rows(named=True):
            figures = [row[name] for name in ("feasibility", "standardisation", "determinism", "active_hours_per_week")]
            said = " | ".join("–" if value is None else f"{value:.2f}" for value in figures)
            print(f"| {row['rank']} | {row['task_id']} | {row['segments']} | {row['verdict']} | {said} |")


if __name__ == "__main__":
    main()
