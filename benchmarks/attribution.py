"""How often work is joined to the right case, beside joining by nearest time, on seeds of the worked example.

uv run --no-sync python benchmarks/attribution.py [SEED …]

Four tables: ways of joining; the default way with clocks set wrong for each person; how far confidence can be believed; what
is left over on both sides, in truth and as found. The confidences were made with seeds 7, 11, 12 and 13: the third table
leaves those out.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

import polars as pl

import taskkit as tk
from taskkit.overlay.unmatched import list_unmatched
from taskkit.samples import SAMPLE_KEY, write_sample
from taskkit.schema import PRESENCE_TYPES

KEYS = ["user", "session_id", "seq"]
MADE_WITH = (7, 11, 12, 13)
TEXTS = ("window_title", "url", "element_name", "case_ref", "value_digest")
SKEWS = (("none", 0, 0), ("30 s late for all", 30, 0), ("±30 s", 0, 30), ("±120 s", 0, 120), ("±10 min", 0, 600))
BANDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


def main() -> None:
    """Print all tables."""
    seeds = [int(text) for text in sys.argv[1:]] or [7, 11, 21, 22]
    logs = {seed: load(seed) for seed in seeds}
    print("| seed | joined by | precision | recall | s |\n|---|---|---|---|---|")
    for seed, (found, process) in logs.items():
        for name, (events, settings) in ways(found):
            began = time.perf_counter()
            joined = (
                tk.attribute_cases(events, process, **settings) if settings is not None else nearest(events, process)
            )
            took = time.perf_counter() - began
            print(f"| {seed} | {name} | {' | '.join(f'{n:.3f}' for n in quality(joined))} | {took:.1f} |", flush=True)
    graded = skewed(logs)
    reliability([joined for seed, joined in graded if seed not in MADE_WITH])
    unmatched(logs)


def load(seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events with truth and found segments, and the process log."""
    with tempfile.TemporaryDirectory() as folder:
        root = write_sample(Path(folder), seed=seed)
        truth = pl.read_parquet(root / "truth" / "events.parquet")
        events = tk.segment(tk.name_activities(tk.read_log(root / "ui_log")))
        return events.join(truth, on=KEYS, how="left"), tk.read_process_log(root / "process_log.csv")


def ways(found: pl.DataFrame) -> Iterator[tuple[str, tuple[pl.DataFrame, dict[str, bytes] | None]]]:
    """Name, events and settings of each way of joining (None: by nearest time)."""
    true = found["true_segment"].cast(pl.UInt32)
    yield "nearest in time", (found, None)
    yield "next booking alone (no texts)", (found.drop(TEXTS, strict=False), {})
    yield "without segments", (found.drop("segment_id"), {})
    yield "without values", (found.drop("value_digest"), {})
    yield "without segments and values", (found.drop("segment_id", "value_digest"), {})
    yield "**default** (found segments)", (found, {})
    yield "default and the key", (found, {"key": SAMPLE_KEY})
    yield "true segments", (found.with_columns(segment_id=true), {})


def nearest(events: pl.DataFrame, process: pl.DataFrame) -> pl.DataFrame:
    """The baseline of the trade: the person's nearest process event within two minutes."""
    known = process.select("case_id", user="resource", at="timestamp").drop_nulls().sort("at")
    return events.sort("timestamp").join_asof(
        known, left_on="timestamp", right_on="at", by="user", strategy="nearest", tolerance="2m", check_sortedness=False
    )


def quality(joined: pl.DataFrame) -> tuple[float, float]:
    """Of the rows that got a case the share that got the right one; of those that have one the share that got it."""
    rows = mark(joined)
    return tuple(float(rows.drop_nulls(name)["right"].mean()) for name in ("case_id", "true_case"))  # type: ignore[return-value,arg-type]


def mark(joined: pl.DataFrame) -> pl.DataFrame:
    """The rows that can have a case, and whether theirs is right."""
    rows = joined.filter(~pl.col("event_type").cast(pl.String).is_in(PRESENCE_TYPES))
    return rows.with_columns(right=(pl.col("case_id") == pl.col("true_case")).fill_null(False))


def skewed(logs: dict[int, tuple[pl.DataFrame, pl.DataFrame]]) -> list[tuple[int, pl.DataFrame]]:
    """Print what wrong clocks do; returns the joined rows of every seed and skew."""
    print("\n| seed | process clock, extra | precision | recall | nearest in time | largest error of the offset, s |")
    print("|---|---|---|---|---|---|")
    graded = []
    for seed, (found, process) in logs.items():
        rng, right = Random(seed), tk.clock_offsets(found, process)
        for name, all_seconds, own_seconds in SKEWS:
            extra = {user: all_seconds + rng.uniform(-own_seconds, own_seconds) for user in right["user"]}
            shift = pl.col("resource").replace_strict(extra, default=0.0, return_dtype=pl.Float64)
            late = process.with_columns(pl.col("timestamp") + pl.duration(microseconds=(shift * 1e6).cast(pl.Int64)))
            joined = tk.attribute_cases(found, late)
            graded.append((seed, mark(joined)))
            by_time = " / ".join(f"{n:.2f}" for n in quality(nearest(found, late)))
            offsets = tk.clock_offsets(found, late)["offset_seconds"]
            error = float((offsets - right["offset_seconds"] - pl.Series(extra.values())).abs().max())  # type: ignore[arg-type]
            both = " | ".join(f"{n:.3f}" for n in quality(joined))
            print(f"| {seed} | {name} | {both} | {by_time} | {error:.1f} |", flush=True)
    return graded


def reliability(graded: list[pl.DataFrame]) -> None:
    """Print the share that is right by rule and confidence, beside the confidence."""
    if not graded:
        return
    rows = pl.concat(rows.select("case_source", "case_confidence", "right") for rows in graded).drop_nulls()
    print("\n| rule | confidence | right | n |\n|---|---|---|---|")
    by_rule = rows.group_by("case_source", "case_confidence").agg(pl.col("right").mean(), n=pl.len())
    for rule, confidence, right, n in by_rule.sort("case_source", "case_confidence").iter_rows():
        print(f"| {rule} | {confidence:.2f} | {right:.3f} | {n:,} |")
    band = pl.col("case_confidence").cast(pl.Float64)
    print("\n| confidence band | mean confidence | right | n |\n|---|---|---|---|")
    for low, high in pairwise(BANDS):
        inside = rows.filter((band >= low) & (band < high))
        if inside.height:
            said, right = inside.select(band.mean(), pl.col("right").mean()).row(0)
            print(f"| {low:g} to {high:g} | {said:.3f} | {right:.3f} | {inside.height:,} |")
    said, right = rows.select(band.mean(), pl.col("right").mean()).row(0)
    print(f"| all | {said:.3f} | {right:.3f} | {rows.height:,} |")


def unmatched(logs: dict[int, tuple[pl.DataFrame, pl.DataFrame]]) -> None:
    """Print what is left over on both sides, in truth and as found.

    A stray click on a case's own window belongs to no task; whether that second is work on the case is a matter of words, and
    nobody could tell from a log. Work without a case is printed for both readings.
    """
    print("\n| seed | left over | truth | found | difference |\n|---|---|---|---|---|")
    for seed, (found, process) in logs.items():
        joined = tk.attribute_cases(found, process)
        stray = pl.col("true_case").is_null() & (pl.col("true_kind") == "noise")
        on_screen = pl.when(stray).then(pl.col("window_title").str.extract(r"(INV-\d{6})")).otherwise("true_case")
        sides = list_unmatched(joined, process)
        readings = (("work without a case", "active_hours", "strays have none", pl.col("true_case")),
                    ("work without a case", "active_hours", "strays have the case on screen", on_screen),
                    ("case without recorded work", "share", "of all cases", pl.col("true_case")))  # fmt: skip
        for side, column, reading, true_case in readings:
            true = list_unmatched(joined.with_columns(case_id=true_case), process)
            wanted, have = (float(table.filter(pl.col("side") == side)[column].sum()) for table in (true, sides))
            print(f"| {seed} | {side} ({reading}), {column} | {wanted:.3f} | {have:.3f} | {have / wanted - 1:+.1%} |")


if __name__ == "__main__":
    main()
