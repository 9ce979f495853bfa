"""How well the default segmentation finds the planted task instances of the worked example, on seeds it was not made with.

uv run python benchmarks/segmentation.py [SEED …]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

import taskkit as tk
from taskkit.samples import write_sample


def main() -> None:
    """Print one line a seed: events, seconds, segment and boundary scores, task scores."""
    print(
        "| seed | events | true segments | segment F1 | boundary F1 | boundary F1 ±2 | WindowDiff | task ARI | tasks / true | s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for seed in [int(text) for text in sys.argv[1:]] or [7, 11, 12, 13]:
        with tempfile.TemporaryDirectory() as folder:
            root = write_sample(Path(folder), seed=seed)
            truth = pl.read_parquet(root / "truth" / "events.parquet")
            events = tk.read_log(root / "ui_log")
        began = time.perf_counter()
        events = tk.segment(tk.name_activities(events))
        segments = tk.find_tasks(tk.list_segments(events))
        seconds = time.perf_counter() - began
        events = events.join(segments.select("segment_id", "task_id"), on="segment_id", how="left")
        events = events.join(truth, on=["user", "session_id", "seq"], how="left")
        scores = tk.score_segments(events)
        f1, exact, near, windows = scores["value"]
        ari = tk.score_tasks(events)["value"][0]
        tasks = f"{segments['task_id'].drop_nulls().n_unique()} / {truth['true_task'].drop_nulls().n_unique()}"
        print(f"| {seed} | {events.height} | {scores['n'][0]} | {f1:.2f} | {exact:.2f} | {near:.2f} | {windows:.2f} | {ari:.2f} "
              f"| {tasks} | {seconds:.1f} |", flush=True)  # fmt: skip
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
