"""Which routines are found in labelled logs of simulated routines, and how fast.

uv run python benchmarks/routines.py [FOLDER OF LABELLED LOGS]

The folder holds cpn1.parquet … cpn9.parquet with the columns true_segment and true_variant. Without it only the speed is
measured.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import taskkit as tk
from taskkit.routines.mining import Stream, mine

PEER = {"cpn1": 1, "cpn2": 1, "cpn3": 1, "cpn4": 1, "cpn5": 0.910, "cpn6": 1, "cpn7": 0.971, "cpn8": 0.967, "cpn9": 1}
COLUMNS = {"seq": "seq", "timestamp": "timestamp", "user": "user", "app": "app", "window_title": "window",
           "event_name": "event_type", "element_name": "element", "value": "value", "url": "url"}  # fmt: skip


def main() -> None:
    """Print one line a log and unit, then one line a size."""
    warm_up = tk.find_routines(simulated(20, 10), within="session").height + tk.find_routines(simulated(20, 10)).height
    if len(sys.argv) > 1:
        found_in_logs(Path(sys.argv[1]))
    print("\n| sequences | of steps | within | routines | searched from | growing alone, s | all, s |\n"
          "|---|---|---|---|---|---|---|")  # fmt: skip
    for many, length in [(1_000, 25), (4_000, 25), (40_000, 25)]:
        events = simulated(many, length)
        for within in ("segment", "session"):
            routines, seconds = timed(events, within=within)
            print(f"| {many:,} | {length} | {within} | {routines.height} | {most(routines['searched_from'])} "
                  f"| {grown(events, within):.3f} | {seconds:.2f} |", flush=True)  # fmt: skip
    print(
        f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB; {warm_up} routines to warm up"
    )


def found_in_logs(folder: Path) -> None:
    """Jaccard coefficients of sets of activities: routines against true variants, both ways, and against the whole task."""
    print("| log | within | true variants | routines | of true variants | by executions | of routines | of the task | peer | s |"
          "\n|---|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for path in sorted(folder.glob("cpn*.parquet")):
        log = pl.read_parquet(path)
        truth = log.select(pl.col("seq").cast(pl.UInt64), "true_segment", "true_variant")
        events = tk.name_activities(tk.from_table(log.select(pl.exclude("^true_.*$")), columns=COLUMNS))
        events = events.join(truth, on="seq", how="left")
        begins = events.filter(pl.col("true_segment").is_first_distinct() & pl.col("step"))["activity"].unique()
        anchor = f"^(?:{'|'.join(pl.Series(begins).str.escape_regex())})$"
        for unit, units in [
            ("true segment", events.with_columns(segment_id=pl.col("true_segment").cast(pl.UInt32))),
            ("anchor segment", tk.segment(events, method="anchor", start=anchor)),
            ("session", events),
        ]:
            routines, seconds = timed(units, within="session" if unit == "session" else "segment")
            scores = " | ".join(f"{score:.3f}" for score in jaccards(events.filter("step"), routines))
            print(f"| {path.stem} | {unit} | {log['true_variant'].n_unique()} | {routines.height} | {scores} "
                  f"| {PEER[path.stem]} | {seconds:.2f} |", flush=True)  # fmt: skip


def jaccards(steps: pl.DataFrame, routines: pl.DataFrame) -> tuple[float, float, float, float]:
    """Mean best Jaccard of a true variant, the same by executions, of a routine found, and of all activities together."""
    found = [set(activities) for activities in routines["activities"]]
    true = steps.group_by("true_variant").agg(pl.col("activity").unique(), n=pl.col("true_segment").n_unique())
    planted = [set(activities) for activities in true["activity"]]
    by_variant = np.array([best(variant, found) for variant in planted])
    by_routine = [best(routine, planted) for routine in found]
    return (float(by_variant.mean()), float(np.average(by_variant, weights=true["n"])),
            float(np.mean(by_routine)) if by_routine else 0.0, best(set(steps["activity"]), found))  # fmt: skip


def best(one: set[str], others: list[set[str]]) -> float:
    """Largest Jaccard coefficient of one set with any of the others."""
    return max((len(one & other) / len(one | other) for other in others), default=0.0)


def timed(events: pl.DataFrame, **settings: Any) -> tuple[pl.DataFrame, float]:
    """What find_routines finds, and its seconds."""
    began = time.perf_counter()
    routines = tk.find_routines(events, **settings)
    return routines, time.perf_counter() - began


def grown(events: pl.DataFrame, within: str) -> float:
    """Seconds of finding the closed sequences alone."""
    unit = events["segment_id" if within == "segment" else "session_id"].cast(pl.UInt32).to_numpy()
    needed = max(3, len(events) // 4_000 if within == "session" else int(unit[-1] + 1) // 200)
    x, end = events["activity"].to_numpy().astype(np.int32), np.searchsorted(unit, unit, side="right").astype(np.int32)
    longest = 20 if within == "session" else 60
    began = time.perf_counter()
    mine(Stream(x, end, np.ones(len(x), np.int64), 200), needed=needed, gap=1, min_length=3, max_length=longest,
         disjoint=within == "session")  # fmt: skip
    return time.perf_counter() - began


def simulated(many: int, length: int) -> pl.DataFrame:
    """Executions of twenty routines over 200 activities, every tenth step something else, 1,000 executions a session."""
    draw = np.random.default_rng(7)
    routines = draw.integers(0, 200, (20, length))
    steps = routines[draw.integers(0, 20, many)]
    steps = np.where(draw.random(steps.shape) < 0.1, draw.integers(0, 200, steps.shape), steps).ravel()
    segment = np.repeat(np.arange(many), length)
    return pl.DataFrame({
        "user": pl.Series(segment // 1000 % 12).cast(pl.String), "session_id": pl.Series(segment // 1000).cast(pl.String),
        "seq": pl.Series(np.arange(len(steps))).cast(pl.UInt64), "segment_id": pl.Series(segment).cast(pl.UInt32),
        "activity": pl.Series(steps).cast(pl.String), "step": np.ones(len(steps), bool), "active_seconds": np.ones(len(steps)),
    })  # fmt: skip


def most(values: pl.Series) -> int | str:
    """The largest value, or a dash."""
    return int(values[0]) if len(values) else "–"


if __name__ == "__main__":
    main()
