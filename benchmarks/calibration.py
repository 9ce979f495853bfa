"""Whether the confidence of segments and of their beginnings means what it says, on logs that its weights were not learnt from.

uv run python benchmarks/calibration.py [SEED …]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import polars as pl

import taskkit as tk
from taskkit.samples import write_sample
from taskkit.samples.streams import make_stream


def main() -> None:
    """Print a reliability table for the worked example on new seeds, and for synthetic streams."""
    frames = [_example(seed) for seed in [int(text) for text in sys.argv[1:]] or [12, 13]]
    _show("the worked example", frames)
    _show("synthetic streams (5 % and 20 % noise)", [_stream(0.05, 4), _stream(0.2, 5)])


def _show(name: str, frames: list[pl.DataFrame]) -> None:
    for what, judge, column in (
        ("segments (right: intersection over union of 0.8)", tk.judge_segments, "segment_confidence"),
        ("beginnings (right: exact)", tk.judge_boundaries, "boundary_confidence"),
    ):
        judged = pl.concat([judge(frame).select("user", column, "right") for frame in frames])
        table = tk.measure_calibration(judged, confidence=column)
        print(f"\n{name}: {what}\n")
        print("| " + " | ".join(table.columns) + " |\n" + "|---" * table.width + "|")
        for row in table.iter_rows():
            print("| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row) + " |")


def _example(seed: int) -> pl.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        root = write_sample(Path(folder), seed=seed)
        truth = pl.read_parquet(root / "truth" / "events.parquet")
        events = tk.read_log(root / "ui_log")
    return tk.segment(tk.name_activities(events)).join(truth, on=["user", "session_id", "seq"], how="left")


def _stream(noise: float, seed: int) -> pl.DataFrame:
    events, truth = make_stream(12_000, noise=noise, seed=seed)
    return tk.segment(tk.name_activities(events)).join(truth, on=["user", "session_id", "seq"], how="left")


if __name__ == "__main__":
    main()
