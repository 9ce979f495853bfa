"""Counting ways and successions beside pm4py on the same steps; and how fast a control of the explorer is answered.

uv run python benchmarks/variants.py [STEPS …]

The steps are synthetic: executions of about twenty steps, most along one path of thirty activities, with steps left out,
repeated and exchanged. Every contender runs in a process of its own, compiled loops are warm, the median of three runs counts;
the counts of both are asserted to be equal. Preparing pm4py's pandas frame is not counted, nor is making the segments frame.
Then the ways of 100,000 segments at each level, as when a control moves.
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
    print("| steps | executions | ways | what | taskkit, s | pm4py, s | times faster | taskkit, GB | pm4py, GB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for steps in [int(text) for text in sys.argv[1:]] or [500_000, 5_000_000]:
        ours, theirs = (run(who, steps) for who in ("ours", "theirs"))
        assert ours["ways"] == theirs["ways"]
        assert ours["pairs"] == theirs["pairs"]
        for what in ("variants", "successions"):
            ratio = theirs[what] / ours[what]
            print(f"| {steps:,} | {ours['executions']:,} | {ours['ways'][0]:,} | {what} | {ours[what]:.2f} | {theirs[what]:.2f} "
                  f"| {ratio:.0f} | {ours['memory']:.2f} | {theirs['memory']:.2f} |", flush=True)  # fmt: skip
    print("\n| segments | level | rare | count_variants, s | one task of ten, s |")
    print("|---|---|---|---|---|")
    segments = make_segments(100_000 * EXECUTION)
    tasks = segments.with_columns(task_id=pl.format("T{}", pl.int_range(pl.len()) % 10))
    one = tasks.filter(task_id="T3")
    for level in LEVELS:
        for rare in (0.0, 0.2):
            count = partial(count_variants, level=level, rare=rare, top=12)
            whole, part = (median(partial(count, frame))[0] for frame in (tasks, one))
            print(f"| {tasks.height:,} | {level} | {rare} | {whole:.2f} | {part:.2f} |", flush=True)


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
        active_seconds=pl.lit(60.0),
    )  # fmt: skip


def median(function: Callable[[], Any]) -> tuple[float, Any]:
    """Median seconds of some runs and the last result."""
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), result


def memory() -> float:
    """Peak memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


OURS_AND_THEIRS = {"ours": measure_ours, "theirs": measure_theirs}

if __name__ == "__main__":
    main()
