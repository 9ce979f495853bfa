"""How well tasks are found when the segments are given: labelled logs in a folder, and the worked example on several seeds.

uv run python benchmarks/grouping.py [FOLDER] [SEED …]

FOLDER holds one Parquet file per log with seq, timestamp, user, app, window, event_type, element, value, url, true_segment and
true_task ("NOISE" or null = belongs to no task; dropped here). One setting for all logs. Scores are over rows and over
segments: a log of few long segments scores over rows even if every segment is a group of its own, so both are shown, beside
the score of that floor.
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

COLUMNS = {
    "seq": "seq", "timestamp": "timestamp", "user": "user", "app": "app", "window_title": "window",
    "event_name": "event_type", "element_name": "element", "value": "value", "url": "url",
}  # fmt: skip
KEYS = ["user", "session_id", "seq"]


def main() -> None:
    """Print one line a log: segments, tasks, scores over rows and over segments, seconds."""
    folders = [Path(text) for text in sys.argv[1:] if not text.isdigit()]
    print("| log | segments | true tasks | found | rest | ARI | V | ARI of segments | ARI, each its own task | s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for folder in folders:
        for path in sorted(folder.glob("*.parquet")):
            print(score(path.stem, *read_labelled(path)), flush=True)
    for seed in [int(text) for text in sys.argv[1:] if text.isdigit()] or [7, 11, 12]:
        with tempfile.TemporaryDirectory() as root:
            write_sample(Path(root), seed=seed)
            truth = pl.read_parquet(Path(root) / "truth" / "events.parquet").select(*KEYS, "true_segment", "true_task")
            events = tk.name_activities(tk.read_log(Path(root) / "ui_log"))
        print(score(f"worked example, seed {seed}", events, truth), flush=True)
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def read_labelled(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The named events of a labelled log, which have not seen its labels, and the labels."""
    log = pl.read_parquet(path)
    events = tk.name_activities(tk.from_table(log.select(pl.exclude("^true_.*$")), columns=COLUMNS))
    labels = log.select(pl.col("seq").cast(pl.UInt64), "true_segment", "true_task")
    return events, labels.with_columns(pl.col("true_task").replace("NOISE", None))


def regroup(events: pl.DataFrame, truth: pl.DataFrame) -> tuple[pl.DataFrame, float]:
    """The rows with their true labels and the tasks found for the true segments; the seconds that took."""
    rows = events.join(truth, on=[key for key in KEYS if key in truth.columns], how="left", maintain_order="left")
    given = pl.when(pl.col("true_task").is_not_null()).then("true_segment")
    rows = rows.with_columns(segment_id=given.rank("dense").cast(pl.UInt32) - 1)
    segments = tk.list_segments(rows)
    began = time.perf_counter()
    found = tk.find_tasks(segments)
    seconds = time.perf_counter() - began
    return rows.join(found.select("segment_id", "task_id"), on="segment_id", how="left", maintain_order="left"), seconds


def score(name: str, events: pl.DataFrame, truth: pl.DataFrame) -> str:
    """One line of the table: the true segments go in, the tasks found for them are compared with the true ones."""
    rows, seconds = regroup(events, truth)
    each = rows.drop_nulls("segment_id").unique("segment_id", keep="first")
    ari, v = tk.score_tasks(rows)["value"]
    floor = tk.score_tasks(rows.with_columns(task_id=pl.col("segment_id").cast(pl.String)))["value"][0]
    tasks, rest = each["task_id"].drop_nulls().n_unique(), each["task_id"].null_count()
    return (
        f"| {name} | {each.height} | {each['true_task'].n_unique()} | {tasks} | {rest} | {ari:.3f} | {v:.3f} "
        f"| {tk.score_tasks(each)['value'][0]:.3f} | {floor:.3f} | {seconds:.2f} |"
    )


if __name__ == "__main__":
    main()
