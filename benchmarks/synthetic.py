"""How well segments and tasks of synthetic streams are found, with ever more noise and interleaving.

uv run python benchmarks/synthetic.py [--steps 30000] [--seeds 0,1,2] [--conditions 0/0,5/0] [--method model] [--examples 1]

Boundary F1 (changes): rows at which another instance, or background, begins or goes on, exact. Boundary F1 (starts): rows at
which an instance begins, as `score_segments` counts them. Medians over the seeds. Streams with examples leave the marked
instances in the score.
"""

from __future__ import annotations

import argparse
import resource
import time
from statistics import median
from typing import Any

import numpy as np
import polars as pl

import taskkit as tk
from taskkit.samples.streams import make_stream

CONDITIONS = ((0, 0), (5, 0), (10, 0), (20, 0), (5, 20), (10, 30))  # per cent of noise and of interleaving
COLUMNS = ("boundary F1 (changes)", "boundary F1 (starts)", "segment F1", "task ARI", "tasks", "seconds")


def main() -> None:
    """Print one line for each condition."""
    given = _arguments()
    print(f"{given.steps} steps, 20 tasks, median of {len(given.seeds)} seeds, method {given.method}, "
          f"{given.examples} examples a task\n")  # fmt: skip
    print("| noise/interleaving | " + " | ".join(COLUMNS) + " |")
    print("|---" * (1 + len(COLUMNS)) + "|")
    for noise, interleaving in given.conditions:
        runs = [_score(given, noise / 100, interleaving / 100, seed) for seed in given.seeds]
        middle = [median(values) for values in zip(*runs, strict=True)]
        print(f"| {noise}/{interleaving} | " + " | ".join(f"{v:.3f}" for v in middle[:4])
              + f" | {middle[4]:.0f} | {middle[5]:.1f} |", flush=True)  # fmt: skip
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=30_000)
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--method", default="model")
    parser.add_argument("--examples", type=int, default=0)
    parser.add_argument(
        "--conditions", default=CONDITIONS,
        type=lambda text: [tuple(int(n) for n in part.split("/")) for part in text.split(",")],
    )  # fmt: skip
    return parser.parse_args()


def _score(given: argparse.Namespace, noise: float, interleaving: float, seed: int) -> tuple[float, ...]:
    """The figures of one stream, in the order of COLUMNS; naming is not part of the seconds."""
    events, truth = make_stream(given.steps, noise=noise, interleaving=interleaving, seed=seed)
    named = tk.name_activities(events)
    settings: dict[str, Any] = {"examples": _examples(truth, given.examples)} if given.examples else {}
    began = time.perf_counter()
    found = tk.segment(named, method=given.method, **settings)
    segments = tk.find_tasks(tk.list_segments(found))
    seconds = time.perf_counter() - began
    both = found.join(segments.select("segment_id", "task_id"), on="segment_id", how="left", maintain_order="left")
    both = both.join(truth, on=["user", "session_id", "seq"], how="left", maintain_order="left")
    scores = dict(tk.score_segments(both).select("metric", "value").iter_rows())
    inside = both.drop_nulls("true_task")
    tasks = segments["task_id"].drop_nulls().n_unique()
    return (
        _changes_f1(both), scores["boundary_f1"], scores["segment_f1"], tk.score_tasks(inside)["value"][0], tasks, seconds
    )  # fmt: skip


def _changes_f1(events: pl.DataFrame) -> float:
    """F1 of the rows at which the label changes, background being a label like any other."""
    found, true = (
        set((np.flatnonzero(events[name].ne_missing(events[name].shift(1)).to_numpy()[1:]) + 1).tolist())
        for name in ("segment_id", "true_segment")
    )
    return 2 * len(found & true) / max(1, len(found) + len(true))


def _examples(truth: pl.DataFrame, number: int) -> pl.DataFrame:
    """The first `number` uninterrupted instances of each task, as rows that a person would have marked."""
    rows = truth.with_columns(_run=pl.col("true_segment").rle_id()).drop_nulls("true_segment")
    whole = rows.group_by("true_segment", maintain_order=True).agg(
        pl.col("true_task").first(), pl.col("_run").n_unique()
    )
    marked = whole.filter(pl.col("_run") == 1).group_by("true_task", maintain_order=True).head(number)
    return rows.join(marked.select("true_segment"), on="true_segment", how="semi", maintain_order="left").select(
        "user", "session_id", "seq", pl.col("true_segment").alias("segment_id"), pl.col("true_task").alias("task")
    )


if __name__ == "__main__":
    main()
