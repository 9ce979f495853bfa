"""From Parquet files to named activities: events a second and memory.

uv run python benchmarks/activities.py [COPIES …]

The worked example is copied that often, each copy with other people (140 copies are ten million events): once with the same
document numbers in all of them, once with numbers of their own, so that nearly every record has its own titles. Compiled
loops are warm; the way and the floor (reading the naming columns alone) run in processes of their own, the median of five runs
counts.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

import taskkit as tk

SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "accounts_payable" / "ui_log"
COPIES_A_FILE = 4
COLUMNS = ["user", "session_id", "seq", "timestamp", "app", "event_type", "event_name", "window_title", "url", "element_role",
           "element_id", "element_name"]  # fmt: skip


def main() -> None:
    """Print one line a size."""
    if sys.argv[1:2] in (["way"], ["floor"]):
        measure(Path(sys.argv[2])) if sys.argv[1] == "way" else measure_floor(Path(sys.argv[2]))
        return
    head = ("document numbers", "events", "files", "distinct titles", "actions", "screens", "s", "M events/s", "peak memory, GB",
            "reading alone, s")  # fmt: skip
    print(f"| {' | '.join(head)} |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for copies in [int(text) for text in sys.argv[1:]] or [14, 140]:
        for own in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                write(Path(folder), copies, own)
                way, floor = (
                    subprocess.run(
                        [sys.executable, __file__, what, folder], check=True, capture_output=True, text=True
                    ).stdout.strip()
                    for what in ("way", "floor")
                )
                print(f"| {'own' if own else 'shared'} | {way} | {floor} |", flush=True)


def write(folder: Path, copies: int, own: bool) -> None:
    """Write the copies, some to a file."""
    events = tk.read_log(SAMPLE)
    for start in range(0, copies, COPIES_A_FILE):
        parts = []
        for number in range(start, min(start + COPIES_A_FILE, copies)):
            texts = ("window_title", "url", "element_name", "case_ref") if own else ()
            renumbered = [pl.col(name).str.replace_all(r"(\d{5,})", f"{number:03d}$1") for name in texts]
            parts.append(events.with_columns(*renumbered, user=pl.col("user").str.replace("p_", f"p_{number:03x}")))
        tk.write_log(pl.concat(parts), folder / f"part_{start:04d}.parquet")


def measure(folder: Path) -> None:
    """Time the reading of actions."""
    tk.read_actions(SAMPLE)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        actions = tk.read_actions(folder)
        seconds.append(time.perf_counter() - began)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    events, titles = (
        pl.scan_parquet(folder / "*.parquet").select(pl.len(), pl.col("window_title").n_unique()).collect().row(0)
    )
    assert 0 < actions["events"].sum() <= events
    took = statistics.median(seconds)
    print(f"{events:,} | {len(list(folder.iterdir()))} | {titles:,} | {actions.height:,} | {actions['screen'].n_unique()} "
          f"| {took:.2f} | {events / took / 1e6:.2f} | {memory:.2f}")  # fmt: skip


def measure_floor(folder: Path) -> None:
    """Time the reading of the naming columns."""
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        pl.scan_parquet(folder / "*.parquet").select(COLUMNS).collect(engine="streaming")
        seconds.append(time.perf_counter() - began)
    print(f"{statistics.median(seconds):.2f}")


if __name__ == "__main__":
    main()
