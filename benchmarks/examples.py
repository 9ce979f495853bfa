"""What one or three marked executions a task find, and how fast everything is labelled anew and divided.

uv run python benchmarks/examples.py [FOLDER of labelled logs]

Recall: executions that were not marked and are found with an intersection over union of 0.8; median of three draws. "From
examples alone" knows nothing of the log before; "as corrections" starts from what was found without examples.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

import taskkit as tk
from taskkit.samples import write_sample
from taskkit.samples.streams import make_stream

KEYS = ["user", "session_id", "seq"]
COLUMNS = {"seq": "seq", "timestamp": "timestamp", "user": "user", "app": "app", "window_title": "window",
           "event_name": "event_type", "element_name": "element", "value": "value", "url": "url"}  # fmt: skip


def main() -> None:
    """Print recall with examples for each log, then the speed of labelling and of dividing."""
    print(
        "| log | examples a task | recall, from examples alone | segment F1 | segment F1, as corrections | without examples |"
    )
    print("|---|---|---|---|---|---|")
    for name, events in _logs():
        found = tk.segment(events)
        plain = _f1(found)
        for number in (1, 3):
            runs = [_run(events, found, number, seed) for seed in range(3)]
            values = [median(column) for column in zip(*runs, strict=True)]
            print(f"| {name} | {number} | " + " | ".join(f"{v:.3f}" for v in values) + f" | {plain:.3f} |", flush=True)
    _speed()


def _logs() -> list[tuple[str, pl.DataFrame]]:
    with tempfile.TemporaryDirectory() as folder:
        root = write_sample(Path(folder), seed=7)
        truth = pl.read_parquet(root / "truth" / "events.parquet")
        sample = tk.name_activities(tk.read_log(root / "ui_log")).join(truth, on=KEYS, how="left")
    logs = [("worked example, seed 7", sample)]
    for path in sorted(Path(sys.argv[1]).glob("*.parquet")) if len(sys.argv) > 1 else []:
        log = pl.read_parquet(path)
        noise = pl.col("true_task") == "NOISE"
        truth = log.select("seq", pl.when(~noise).then("true_segment"), pl.when(~noise).then("true_task"))
        events = tk.name_activities(tk.from_table(log.select(pl.exclude("^true_.*$")), columns=COLUMNS))
        logs.append((path.stem, events.join(truth, on="seq", how="left")))
    return logs


def _run(events: pl.DataFrame, found: pl.DataFrame, number: int, seed: int) -> tuple[float, float, float]:
    """Recall and F1 from examples alone, and F1 as corrections."""
    examples, marked = _mark(events, number, seed)
    alone = tk.segment(events.drop("segment_id", "segment_model", strict=False), examples=examples)
    pairs = alone.drop_nulls("segment_id").group_by("segment_id", "true_segment").len()
    size_true = dict(events.drop_nulls("true_segment").group_by("true_segment").len().iter_rows())
    size_found = dict(alone.drop_nulls("segment_id").group_by("segment_id").len().iter_rows())
    right = {t for s, t, n in pairs.iter_rows() if t in size_true and n / (size_found[s] + size_true[t] - n) >= 0.8}
    others = set(size_true) - marked
    return len(right & others) / max(1, len(others)), _f1(alone), _f1(tk.segment(found, examples=examples))


def _mark(events: pl.DataFrame, number: int, seed: int) -> tuple[pl.DataFrame, set[int]]:
    """`number` executions of usual length, hardly interrupted, of each task, drawn by seed."""
    steps = events.filter("step").sort(KEYS).with_row_index("place").drop_nulls("true_task")
    listed = steps.group_by("true_task", "true_segment").agg(
        n=pl.len(), span=pl.col("place").max() - pl.col("place").min() + 1
    )
    usual = (pl.col("n") / pl.col("n").median().over("true_task")).is_between(0.5, 1.5) & (
        pl.col("span") <= 1.15 * pl.col("n")
    )
    chance, marked = np.random.default_rng(seed), set()
    for _, task in sorted(
        listed.filter(usual).sort("true_segment").group_by("true_task"), key=lambda pair: str(pair[0])
    ):
        marked |= {
            int(s) for s in chance.choice(task["true_segment"].to_numpy(), min(number, task.height), replace=False)
        }
    rows = steps.filter(pl.col("true_segment").is_in(sorted(marked)))
    return rows.select(*KEYS, segment_id="true_segment", task="true_task"), marked


def _f1(events: pl.DataFrame) -> float:
    return float(tk.score_segments(events.filter("step"))["value"][0])


def _speed() -> None:
    """Labelling 100,000 steps anew after one example a task; dividing a million steps, models and all."""
    events, truth = make_stream(100_000, tasks=8, seed=1)
    named = tk.name_activities(events).join(truth, on=KEYS, how="left")
    examples, _ = _mark(named, 1, 0)
    label = tk.start_relabelling(named)
    times = []
    for _ in range(6):
        began = time.perf_counter()
        label(examples)
        times.append(time.perf_counter() - began)
    print(f"\nlabelling {named.filter('step').height:,} steps anew after one example a task: {median(times[1:]):.3f} s")
    people = [
        make_stream(40_000, seed=0)[0].with_columns(user=pl.lit(f"p_{i}"), session_id=pl.lit(f"p_{i}-1"))
        for i in range(25)
    ]
    named = tk.name_activities(pl.concat(people))
    times = []
    for _ in range(3):
        began = time.perf_counter()
        tk.segment(named)
        times.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    steps = f"{named.filter('step').height:,} steps"
    print(f"dividing {steps}: {median(times[1:]):.1f} s (first call {times[0]:.1f} s), peak memory {peak:.2f} GB")


if __name__ == "__main__":
    main()
