"""From Parquet files to named activities: events a second and memory.

uv run python benchmarks/activities.py [COPIES …]

The worked example is copied that often, each copy with other people (140 copies are ten million events): once with the same
document numbers in all of them, once with numbers of their own, so that nearly every record has its own titles. Compiled
loops are warm; each line runs in a process of its own, its median of five runs counts. The floor is what reading the
naming columns alone costs.
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
    if sys.argv[1:2] == ["one"]:
        measure(Path(sys.argv[2]))
        return
    print(
        "| events | files | distinct titles | actions | screens | s | M events/s | reading alone, s | ratio | peak memory, GB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for copies in [int(text) for text in sys.argv[1:]] or [14, 140]:
        for own in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                write(Path(folder), copies, own)
                done = subprocess.run(
                    [sys.executable, __file__, "one", folder], check=True, capture_output=True, text=True
                )
                print(f"| {'own' if own else 'shared'} {done.stdout.strip()}", flush=True)


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
    """Time the reading of actions five times, in turn with the floor."""
    tk.read_actions(SAMPLE)
    seconds, floor, ratios = [], [], []
    for _ in range(5):
        began = time.perf_counter()
        read = pl.scan_parquet(folder / "*.parquet").select(COLUMNS).collect(engine="streaming").height
        floor.append(time.perf_counter() - began)
        began = time.perf_counter()
        actions = tk.read_actions(folder)
        seconds.append(time.perf_counter() - began)
        ratios.append(seconds[-1] / floor[-1])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    titles = pl.scan_parquet(folder / "*.parquet").select(pl.col("window_title").n_unique()).collect().item()
    assert actions["events"].sum() <= read
    took = statistics.median(seconds)
    print(f"| {read:,} | {len(list(folder.iterdir()))} | {titles:,} | {actions.height:,} | {actions['screen'].n_unique()} "
          f"| {took:.2f} | {read / took / 1e6:.2f} | {statistics.median(floor):.2f} | {statistics.median(ratios):.1f} "
          f"| {memory:.2f} |")  # fmt: skip


if __name__ == "__main__":
    main()
