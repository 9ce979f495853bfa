"""The distance between two groups' ways: against pm4py in one run, and what its test costs.

uv run python benchmarks/distances.py [VARIANTS ...]
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

from taskkit.comparison import earth_movers_distance
from taskkit.comparison.distances import _test
from taskkit.variants import sequence_distances

REPEATS = 5


def main() -> None:
    """Print, for several numbers of variants, both times, their ratio, and the time of 999 exchanges of people."""
    sizes = [int(size) for size in sys.argv[1:]] or [30, 100, 300]
    assert (
        abs(distance_of(*make_groups(5)) - pm4py_distance(*make_groups(5))) < 1e-6
    )  # loaded and compiled before timing
    print(
        "| variants in both groups | distance | pm4py, s | taskkit, s | times faster | 999 exchanges of 8 + 8 people, s |"
    )
    print("|---|---|---|---|---|---|")
    for size in sizes:
        ways, first, second = make_groups(size)
        fast, ours = timed(lambda w=ways, a=first, b=second: distance_of(w, a, b), REPEATS)
        slow, theirs = timed(lambda w=ways, a=first, b=second: pm4py_distance(w, a, b), 1)
        assert abs(ours - theirs) < 1e-6, f"{ours} is not pm4py's {theirs}"
        tested, _ = timed(lambda w=ways: exchanges(w), 1)
        print(
            f"| {size} × {size} | {ours:.6f} | {slow:.2f} | {fast:.4f} | {slow / fast:,.0f} | {tested:.2f} |",
            flush=True,
        )


def make_groups(size: int) -> tuple[list[list[str]], np.ndarray, np.ndarray]:
    """Different ways of 5 to 30 steps that grew out of one another, and two groups' shares of them."""
    random = np.random.default_rng(size)
    steps = [f"step {n}" for n in range(25)]
    ways: dict[tuple[str, ...], None] = {tuple(random.choice(steps, 15)): None}
    while len(ways) < size:
        parent = list(list(ways)[random.integers(len(ways))])
        for _ in range(random.integers(1, 4)):
            place = int(random.integers(len(parent)))
            parent[place : place + int(random.integers(2))] = random.choice(steps, random.integers(3)).tolist()
        if 5 <= len(parent) <= 30:
            ways[tuple(parent)] = None
    # shares of a power of two sum to 1 without rounding: pm4py's solver calls problems infeasible that do not
    first, second = ((1 + random.multinomial(4096 - size, random.dirichlet(np.full(size, 0.5)))) / 4096 for _ in "ab")
    return [list(way) for way in ways], first, second


def distance_of(ways: list[list[str]], first: np.ndarray, second: np.ndarray) -> float:
    """Ground distances and transport, as `compare_variants` has them."""
    return earth_movers_distance(first, second, sequence_distances(ways))


def pm4py_distance(ways: list[list[str]], first: np.ndarray, second: np.ndarray) -> float:
    """The same by pm4py."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it announces that this part will be removed
        from pm4py.algo.evaluation.earth_mover_distance.variants import pyemd
    languages = (dict(zip(map(tuple, ways), shares.tolist(), strict=True)) for shares in (first, second))
    return float(pyemd.apply(*languages))


def exchanges(ways: list[list[str]]) -> tuple[float, float, float]:
    """The test of `compare_variants` on 8 and 8 people who do 60 executions each."""
    random = np.random.default_rng(1)
    shares = np.stack([random.multinomial(60, random.dirichlet(np.full(len(ways), 0.3))) / 60 for _ in range(16)])
    first = np.arange(16) < 8
    return _test(shares, shares, first, ~first, sequence_distances(ways), 999, random)


def timed(work: Callable[[], object], repeats: int) -> tuple[float, object]:
    """Median seconds and the result."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), result


if __name__ == "__main__":
    main()
