"""Counting ways and successions beside pm4py on the same steps; and how fast a control of the explorer is answered.

uv run python benchmarks/variants.py [STEPS …]

The steps are synthetic: executions of about twenty steps, most along one path of thirty activities, with steps left out,
repeated and exchanged. Every contender runs in a process of its own, compiled loops are warm, the median of three runs counts;
the counts of both are asserted to be equal. Preparing pm4py's pandas frame is not counted, nor is making the segments frame.
Then the ways of 100,000 segments at each level, and how long the explorer takes to draw again after each control moves.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from taskkit.variants import count_successions, count_variants

EXECUTION, ACTIVITIES, RUNS = 20, 30, 3
LEVELS = ("action", "activity", "screen", "app")


def main() -> None:
    """Print a table of both, then one of the controls."""
    if sys.argv[1:2] in (["ours"], ["theirs"]):
        print(json.dumps(OURS_AND_THEIRS[sys.argv[1]](int(sys.argv[2]))))
        return
    print("| steps | executions | ways | what | taskkit, s | pm4py, s | times faster | taskkit, CPU s | pm4py, CPU s "
          "| times less | taskkit, GB | pm4py, GB |\n|---|---|---|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for steps in [int(text) for text in sys.argv[1:]] or [500_000, 5_000_000]:
        ours, theirs = (run(who, steps) for who in ("ours", "theirs"))
        assert ours["ways"] == theirs["ways"]
        assert ours["pairs"] == theirs["pairs"]
        for what in ("variants", "successions"):
            (mine, own), (other, its) = ours[what], theirs[what]
            print(f"| {steps:,} | {ours['executions']:,} | {ours['ways'][0]:,} | {what} | {mine:.2f} | {other:.2f} "
                  f"| {other / mine:.0f} | {own:.2f} | {its:.2f} | {its / own:.0f} | {ours['memory']:.2f} "
                  f"| {theirs['memory']:.2f} |", flush=True)  # fmt: skip
    print("\n| segments | level | rare | count_variants, s | one task of ten, s |")
    print("|---|---|---|---|---|")
    segments = make_segments(100_000 * EXECUTION)
    tasks = segments.with_columns(task_id=pl.format("T{}", pl.int_range(pl.len()) % 10))
    one = tasks.filter(task_id="T3")
    for level in LEVELS:
        for rare in (0.0, 0.2):
            count = partial(count_variants, level=level, rare=rare, top=12)
            whole, part = (median(partial(count, frame))[0][0] for frame in (tasks, one))
            print(f"| {tasks.height:,} | {level} | {rare} | {whole:.2f} | {part:.2f} |", flush=True)
    move_controls(tasks)


def move_controls(segments: pl.DataFrame) -> None:
    """Print how long each control of the explorer takes to draw again, every setting for the first time."""
    from taskkit.report import start_notebook
    from taskkit.widgets import VariantExplorer

    start_notebook()
    segments, events = with_events(segments)
    small = segments.filter(pl.col("segment_id") < 2_000)
    for few in (small, segments):  # compiled first
        explorer = VariantExplorer(few, events=events.filter(pl.col("segment_id") < few.height))
        began = time.perf_counter()
        explorer.live()
        opened = time.perf_counter() - began
        took = [move(explorer.desk, name, value) for name, value in MOVES]
    print("\n| control | set to | drawn again, ms | of CPU, ms |\n|---|---|---|---|")
    for (name, value), (seconds, busy) in zip(MOVES, took, strict=True):
        print(f"| {name} | {value} | {1000 * seconds:.0f} | {1000 * busy:.0f} |")
    for what, all_of in zip(("drawn again", "of CPU"), zip(*took, strict=True), strict=True):
        print(f"\n{what}: median {1000 * statistics.median(all_of):.0f} ms, worst {1000 * max(all_of):.0f} ms", end="")
    print(
        f"\n\n{len(took)} moves with {segments.height:,} segments and {events.height:,} events; opened in {opened:.1f} s."
    )


MOVES = (
    ("level", "activity"), ("rare", 0.1), ("level", "action"), ("rare", 0.0), ("level", "screen"), ("rare", 0.05),
    ("query", '"screen 1" -> "screen 2"'), ("query", '"screen 1" ~> "screen 4" and duration > 5s'), ("query", ""),
    ("together", True), ("level", "activity"), ("level", "action"), ("rare", 0.3), ("together", False), ("level", "app"),
    ("level", "activity"), ("query", 'repeats "type into field 3*" > 1'), ("coverage", 0.5), ("query", ""), ("rare", 0.5),
    ("standard", 2), ("task", "T3"), ("level", "screen"), ("task", "T4"),
)  # fmt: skip


def move(desk: Any, name: str, value: Any) -> tuple[float, float]:
    """Seconds until a control that is moved has drawn again, and how much of CPU that took."""
    control = desk.controls[name]
    before, began, busy = desk.place.outputs, time.perf_counter(), time.process_time()
    control.value = control.options[min(value, len(control.options) - 1)][1] if name == "standard" else value
    took = time.perf_counter() - began, time.process_time() - busy
    assert desk.place.outputs is not before, (name, desk.said.value)
    return took


def with_events(segments: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The segments with what the explorer shows, and an event for each step."""
    start = pl.datetime(2026, 3, 2, time_zone="UTC") + pl.duration(minutes=pl.col("segment_id"))
    segments = segments.with_columns(start=start, elapsed_seconds=pl.col("active_seconds") * 2)
    rows = segments.select("segment_id", "user", session_id="user", timestamp="start", activity="activities")
    rows = rows.explode("activity", empty_as_null=True).with_columns(
        seq=pl.int_range(pl.len(), dtype=pl.UInt64), app=pl.lit("erp"), step=True,
        active_seconds=(pl.int_range(pl.len()) * 7 % 90) / 10,
    )  # fmt: skip
    return segments, rows.sort("user", "session_id", "seq")


def run(who: str, steps: int) -> dict[str, Any]:
    """One contender in a process of its own."""
    done = subprocess.run([sys.executable, __file__, who, str(steps)], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def measure_ours(steps: int) -> dict[str, Any]:
    """Seconds of both, with the sizes of the largest ways and the graph for the comparison."""
    segments = make_segments(steps)
    count_variants(segments.head(100), level="action", rare=0), count_successions(segments.head(100), level="action")
    ways_took, ways = median(lambda: count_variants(segments, level="action", rare=0))
    pairs_took, pairs = median(lambda: count_successions(segments, level="action"))
    inner = pairs.drop_nulls(["before", "after"])
    sizes = sorted(ways["segments"].to_list(), reverse=True)
    graph = sorted(inner.select("before", "after", "times").rows())
    return {"variants": ways_took, "successions": pairs_took, "ways": [len(sizes), *sizes[:500]], "pairs": graph,
            "executions": segments.height, "memory": memory()}  # fmt: skip


def measure_theirs(steps: int) -> dict[str, Any]:
    """The same of pm4py."""
    warnings.simplefilter("ignore")
    import pandas as pd
    import pm4py

    segments = make_segments(steps)
    flat = segments.select("segment_id", "activities").explode("activities")
    at = np.arange(flat.height).astype("datetime64[s]")
    log = pd.DataFrame({"case:concept:name": flat["segment_id"].cast(pl.String).to_numpy(),
                        "concept:name": flat["activities"].to_numpy(), "time:timestamp": at})  # fmt: skip
    log["time:timestamp"] = log["time:timestamp"].dt.tz_localize("UTC")
    ways_took, ways = median(lambda: pm4py.get_variants(log))
    pairs_took, (graph, _, _) = median(lambda: pm4py.discover_dfg(log))
    sizes = sorted((int(n) for n in ways.values()), reverse=True)
    pairs = sorted((a, b, int(n)) for (a, b), n in graph.items())
    return {"variants": ways_took, "successions": pairs_took, "ways": [len(sizes), *sizes[:500]], "pairs": pairs,
            "memory": memory()}  # fmt: skip


def make_segments(steps: int) -> pl.DataFrame:
    """Segments of one task of about twenty steps each."""
    draw = np.random.default_rng(7)
    path = np.arange(EXECUTION) * ACTIVITIES // EXECUTION
    executions = steps // EXECUTION
    strays = draw.random((executions, EXECUTION)) < 0.05 * (draw.random((executions, 1)) < 0.6)
    code = np.where(strays, draw.integers(0, ACTIVITIES, (executions, EXECUTION)), path)
    names = pl.Series([f"type into field {i} · screen {i // 4}" for i in range(ACTIVITIES)])
    rows = pl.DataFrame(
        {"segment_id": np.repeat(np.arange(executions), EXECUTION), "activities": names.gather(code.ravel())}
    )
    return rows.group_by("segment_id", maintain_order=True).agg("activities").with_columns(
        user=pl.format("p_{}", pl.col("segment_id") % 50), task_id=pl.lit("T01"), apps=pl.lit(["erp", "mail"]),
        active_seconds=30.0 + pl.col("segment_id") * 7919 % 1000 / 10,
    )  # fmt: skip


def median(function: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """Median seconds and seconds of CPU of some runs (the second hardly moves where others work beside), and the last result."""
    seconds, busy = [], []
    for _ in range(RUNS):
        began, before = time.perf_counter(), time.process_time()
        result = function()
        seconds.append(time.perf_counter() - began)
        busy.append(time.process_time() - before)
    return (statistics.median(seconds), statistics.median(busy)), result


def memory() -> float:
    """Peak memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


OURS_AND_THEIRS = {"ours": measure_ours, "theirs": measure_theirs}

if __name__ == "__main__":
    main()
