"""How often work is joined to the right case, beside joining by nearest time, on seeds of the worked example.

uv run python benchmarks/attribution.py [SEED …]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import polars as pl

import taskkit as tk
from taskkit.samples import write_sample
from taskkit.schema import PRESENCE_TYPES

KEYS = ["user", "session_id", "seq"]


def main() -> None:
    """Print precision (of the rows that got a case) and recall (of the rows that have one) for each way of joining."""
    print("| seed | joined by | precision | recall | s |\n|---|---|---|---|---|")
    for seed in [int(text) for text in sys.argv[1:]] or [7, 11, 12]:
        with tempfile.TemporaryDirectory() as folder:
            root = write_sample(Path(folder), seed=seed)
            truth = pl.read_parquet(root / "truth" / "events.parquet")
            events = tk.name_activities(tk.read_log(root / "ui_log")).join(truth, on=KEYS, how="left")
            process = tk.read_process_log(root / "process_log.csv")
        found = tk.segment(events)
        codes = events.select(pl.col("true_segment").rank("dense").cast(pl.UInt32) - 1).to_series()
        ways = {
            "nearest in time": (nearest, events),
            "references": (tk.attribute_cases, events),
            "references and found segments": (tk.attribute_cases, found),
            "references and true segments": (tk.attribute_cases, events.with_columns(segment_id=codes)),
        }
        for name, (join, rows) in ways.items():
            began = time.perf_counter()
            joined = join(rows, process).filter(~pl.col("event_type").cast(pl.String).is_in(PRESENCE_TYPES))
            seconds = time.perf_counter() - began
            got, right = joined.drop_nulls("case_id"), (pl.col("case_id") == pl.col("true_case")).fill_null(False)
            precision = got.select(right.mean()).item()
            recall = joined.drop_nulls("true_case").select(right.mean()).item()
            print(f"| {seed} | {name} | {precision:.3f} | {recall:.3f} | {seconds:.1f} |", flush=True)


def nearest(events: pl.DataFrame, process: pl.DataFrame) -> pl.DataFrame:
    """The baseline of the trade: the person's nearest process event within two minutes."""
    known = process.select("case_id", user="resource", at="timestamp").drop_nulls().sort("at")
    return events.sort("timestamp").join_asof(
        known, left_on="timestamp", right_on="at", by="user", strategy="nearest", tolerance="2m", check_sortedness=False
    )


if __name__ == "__main__":
    main()
