"""How often the comparison of groups cries wolf, and how often its intervals hold the truth.

uv run python benchmarks/comparison.py [SIMULATIONS]
"""

from __future__ import annotations

import sys

import numpy as np
import polars as pl

import taskkit as tk


def main() -> None:
    """Print, for several sizes of the groups, false alarms of people and of executions as the unit, and coverage."""
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(f"{simulations} simulations without a difference, 20 executions a person\n")
    print(
        "| people | false alarms, people permuted | false alarms, executions permuted | 95 % interval holds the truth |"
    )
    print("|---|---|---|---|")
    for size in (5, 6, 7, 10):
        alarms = wrong = held = 0
        for number in range(simulations):
            random = np.random.default_rng([size, number])
            frame = simulate(random, size)
            row = tk.compare(frame, measures=["active_seconds"], permutations=499, seed=number).row(0, named=True)
            alarms += row["p_value"] <= 0.05
            held += row["low"] <= 0 <= row["high"]
            wrong += by_executions(frame, random) <= 0.05
        rates = [f"{100 * count / simulations:.1f} %" for count in (alarms, wrong, held)]
        print(f"| {size} + {size} | {' | '.join(rates)} |", flush=True)


def simulate(random: np.random.Generator, size: int) -> pl.DataFrame:
    """Two groups of people, each with a pace of their own and no difference between the groups."""
    rows = [
        (f"{team}{person}", team, seconds)
        for team in "ab"
        for person in range(size)
        for seconds in np.exp(random.normal(random.normal(4.8, 0.25), 0.45, 20))
    ]
    frame = pl.DataFrame(rows, schema=["user", "team", "active_seconds"], orient="row")
    return frame.with_columns(segment_id=pl.int_range(pl.len(), dtype=pl.UInt32), task_id=pl.lit("T01"))


def by_executions(frame: pl.DataFrame, random: np.random.Generator, permutations: int = 499) -> float:
    """The usual mistake: permuting executions as if one person's were independent of one another."""
    seconds, first = frame["active_seconds"].to_numpy(), (frame["team"] == "a").to_numpy()
    seen = abs(seconds[first].mean() - seconds[~first].mean())
    hits = 0
    for _ in range(permutations):
        mixed = random.permutation(first)
        hits += abs(seconds[mixed].mean() - seconds[~mixed].mean()) >= seen
    return (1 + hits) / (1 + permutations)


if __name__ == "__main__":
    main()
