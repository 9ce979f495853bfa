"""Ten million interactions and half a million process events: how long joining them takes, and how much memory.

uv run --no-sync python benchmarks/attribution_scale.py [COPIES …]

The worked example is copied that often (140 copies are ten million events), each copy with its own people, document numbers,
values and segments, so that nearly every record has its own titles; a third more copies of the process log belong to people
who were not recorded. Joining runs in a process of its own: the memory is the peak of that process, with both frames in it.
The frame of the events has only the columns that the join reads; "mixed" has its files in reverse order, each with its rows
shuffled. Processor seconds are of all threads together: beside other work on the machine they say more than the clock.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

import taskkit as tk

SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "accounts_payable"
COPIES_A_FILE = 4
TEXTS = ("window_title", "url", "element_name", "case_ref")
COLUMNS = ["user", "session_id", "seq", "timestamp", "app", "event_type", *TEXTS, "value_digest", "value_length",
           "value_shape", "dropped", "active_seconds", "segment_id"]  # fmt: skip


def main() -> None:
    """Print one line a size and order."""
    if sys.argv[1:2] == ["measure"]:
        measure(Path(sys.argv[2]), mixed=sys.argv[3] == "mixed")
        return
    head = ("events", "process events", "distinct titles", "rows", "reading, s", "joining, s", "processor, s",
            "peak memory, GB",
            "of that read, GB", "rows with a case")  # fmt: skip
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for copies in [int(text) for text in sys.argv[1:]] or [14, 140]:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), copies)
            for order in ("in order", "mixed"):
                command = [sys.executable, __file__, "measure", folder, order]
                print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(), flush=True)


def write(folder: Path, copies: int) -> None:
    """Write the copies of both logs."""
    events = tk.segment(tk.name_activities(tk.read_log(SAMPLE / "ui_log"))).select(COLUMNS)
    process = tk.read_process_log(SAMPLE / "process_log.csv")
    segments = int(events["segment_id"].max() or 0) + 1  # type: ignore[arg-type]
    for start in range(0, copies, COPIES_A_FILE):
        parts = []
        for number in range(start, min(start + COPIES_A_FILE, copies)):
            own = [pl.col(name).str.replace_all(r"(\d{5,})", f"{number:03d}$1") for name in TEXTS]
            parts.append(events.with_columns(
                *own, person(number, "user"), pl.col("segment_id") + number * segments,
                value_digest=f"{number:03x}" + pl.col("value_digest").str.slice(3),
            ))  # fmt: skip
        part = pl.concat(parts)
        part.write_parquet(folder / f"part_{start:04d}.parquet")
        part.sample(fraction=1.0, shuffle=True, seed=start).write_parquet(folder / f"mixed_{start:04d}.parquet")
    every = [
        process.with_columns(pl.col("case_id").str.replace(r"(\d{5,})", f"{number:03d}$1"), person(number, "resource"))
        for number in range(copies + copies // 3)
    ]
    pl.concat(every).write_parquet(folder / "process.parquet")


def person(number: int, column: str) -> pl.Expr:
    """Other people in every copy."""
    return pl.col(column).str.replace("p_", f"p_{number:03x}", literal=True)


def measure(folder: Path, *, mixed: bool) -> None:
    """Time one join in a process that has its compiled loops ready."""
    sample = tk.name_activities(tk.read_log(SAMPLE / "ui_log"))
    tk.attribute_cases(sample, tk.read_process_log(SAMPLE / "process_log.csv"))
    tk.attribute_cases(
        sample.reverse().with_columns(segment_id=pl.lit(0, pl.UInt32)), tk.read_process_log(SAMPLE / "process_log.csv")
    )
    del sample
    began = time.perf_counter()
    files = sorted(folder.glob("mixed_*.parquet"), reverse=True) if mixed else sorted(folder.glob("part_*.parquet"))
    events = pl.read_parquet(files)
    process = pl.read_parquet(folder / "process.parquet")
    reading, read = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    began, before = time.perf_counter(), time.process_time()
    joined = tk.attribute_cases(events, process)
    took, processor = time.perf_counter() - began, time.process_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    titles, cases = events["window_title"].n_unique(), joined["case_id"].count()
    print(f"| {events.height:,} | {process.height:,} | {titles:,} | {'mixed' if mixed else 'in order'} | {reading:.1f} | "
          f"{took:.1f} | {processor:.1f} | {memory:.2f} | {read:.2f} | {cases:,} |")  # fmt: skip


if __name__ == "__main__":
    main()
