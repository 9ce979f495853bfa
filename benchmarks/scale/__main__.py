"""From a hundred thousand to a hundred million events: writing, every stage, graphs beside others, mining in parts, Dask.

uv run --no-sync python -m benchmarks.scale [TABLE …] [--sizes N …] [--largest N] [--folder DIR]

Tables: generate, stages, memory, disk, mine, dask (all by default). Logs are made with `write_large_sample` in the folder (a
temporary one by default; one that is kept is used again). `--sizes` are those of all tables (default: 100,000, 1,000,000 and
10,000,000); `memory`, `disk` and `dask` take the largest of them. `--largest 100000000` adds one to generate and mine only: about
2 GB of disk and some minutes. DuckDB is asked only where it is there: uv run --with duckdb python -m benchmarks.scale disk

Every measurement runs in a process of its own, whose peak of memory is stated with polars and everything else in it; compiled
loops are warm; of the tables "memory" and "disk" the median of three runs counts (pm4py on pandas: one run). Counts of all
contenders are asserted to be equal. The exponent is that of the size: 1 is proportional.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.scale import contenders, mining, stages

EVENTS_A_DAY = 3_460
MEASURES = {
    "generate": mining.generate, "mine": mining.mine, "dask": mining.mine_on_dask, "stages": stages.measure,
    "prepare": contenders.prepare, **contenders.CONTENDERS,
}  # fmt: skip


def main() -> None:
    """Print the tables that are asked for."""
    if sys.argv[1:2] == ["measure"]:
        found = MEASURES[sys.argv[2]](**json.loads(sys.argv[3]))
        print(json.dumps(found))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)} (default: all)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000], metavar="N")
    parser.add_argument("--largest", type=int, metavar="N", help="one more size for generate and mine")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where logs are kept")
    options = parser.parse_args()
    if unknown := {*options.tables} - {*TABLES}:
        parser.error(f"no table {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}")
    with tempfile.TemporaryDirectory() as passing:
        folder = options.folder or Path(passing)
        for table in options.tables or TABLES:
            TABLES[table](folder, sorted(options.sizes), options.largest)
            load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
            print(f"\nLoad of the machine in the last 1, 5 and 15 minutes: {load}.\n", flush=True)


def run(measure: str, *, threads: int | None = None, **given: Any) -> dict[str, Any]:
    """One measurement in a process of its own."""
    env = os.environ | ({"POLARS_MAX_THREADS": str(threads)} if threads else {})
    command = [sys.executable, "-m", "benchmarks.scale", "measure", measure, json.dumps(given, default=str)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=env)
    if done.returncode:
        raise SystemExit(f"{measure} {given} failed; see above.")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def log_of(folder: Path, events: int) -> tuple[Path, dict[str, Any]]:
    """A log of about so many events, made unless it is there, and what making it took."""
    place = folder / f"log{events}"
    noted = place / "made.json"
    if not noted.exists():
        days = max(1, min(60, round(events / EVENTS_A_DAY / 6)))
        people = max(1, round(events / EVENTS_A_DAY / days))
        found = run("generate", folder=place, people=people, days=days)
        noted.write_text(json.dumps(found))
    return place, dict(json.loads(noted.read_text()))


def head(*names: str) -> None:
    """Begin a table."""
    print(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}", flush=True)


def row(*cells: Any) -> None:
    """One line of a table."""
    print(f"| {' | '.join(f'{c:,}' if isinstance(c, int) else str(c) for c in cells)} |", flush=True)


def exponent(before: tuple[float, float] | None, now: tuple[float, float]) -> str:
    """How time grows with size, from two of each."""
    if before is None or min(before[1], now[1]) <= 0:
        return ""
    return f"{math.log(now[1] / before[1]) / math.log(now[0] / before[0]):.2f}"


def print_generate(folder: Path, sizes: list[int], largest: int | None) -> None:
    """How fast labelled events are written."""
    head(
        "events", "people", "days", "s", "of that the blocks, s", "events/s", "processor, µs an event", "bytes an event",
        "of a worker, GB",
    )  # fmt: skip
    for size in [*sizes, *([largest] if largest else [])]:
        m = log_of(folder, size)[1]
        row(m["events"], m["people"], m["days"], f"{m['s']:.1f}", f"{m['blocks']:.1f}", round(m["events"] / m["s"]),
            f"{1e6 * m['cpu'] / m['events']:.2f}", f"{m['bytes'] / m['events']:.1f}", f"{m['memory']:.2f}")  # fmt: skip


def print_stages(folder: Path, sizes: list[int], largest: int | None) -> None:
    """Each stage on a frame in memory, with models fitted on a sample."""
    head("events", "stage", "s", "processor, s", "events/s", "peak so far, GB", "exponent")
    before: dict[str, tuple[float, float]] = {}
    for size in sizes:
        found = run("stages", folder=log_of(folder, size)[0])
        for stage, (seconds, cpu, memory) in found["stages"].items():
            now = (found["events"], seconds)
            row(found["events"], stage, f"{seconds:.2f}", f"{cpu:.2f}", round(found["events"] / seconds), f"{memory:.2f}",
                exponent(before.get(stage), now))  # fmt: skip
            before[stage] = now


def _compare(place: Path, asked: dict[str, str]) -> None:
    run("prepare", folder=place)
    found, absent = {}, []
    for name, shown in asked.items():
        m = run(name, folder=place)
        if "absent" in m:
            absent.append(m["absent"])
            continue
        found[name] = m
        first = next(iter(found.values()))
        for what, (seconds, cpu) in m["seconds"].items():
            if what in m["counts"] and what in first["counts"]:
                assert m["counts"][what] == first["counts"][what], (name, what)
            if what in first["seconds"]:
                ratio = (
                    f"{seconds / first['seconds'][what][0]:.1f}",
                    f"{cpu / max(first['seconds'][what][1], 1e-9):.1f}",
                )
            else:
                ratio = "", ""
            row(m["steps"], what, shown, f"{seconds:.3f}", ratio[0], f"{cpu:.3f}", ratio[1], f"{m['memory']:.2f}")
    print("\n" + " ".join(absent))


def print_memory(folder: Path, sizes: list[int], largest: int | None) -> None:
    """Graph, variants and a filter beside pm4py, everything in memory."""
    head("steps", "what", "who", "s", "times taskkit's", "processor, s", "times taskkit's", "peak, GB")
    asked = {
        "taskkit": "taskkit",
        "polars": "polars, streaming",
        "lazy": "pm4py, LazyFrame",
        "pandas": "pm4py, pandas",
    }
    _compare(log_of(folder, sizes[-1])[0], asked)


def print_disk(folder: Path, sizes: list[int], largest: int | None) -> None:
    """The same from Parquet, beside one pass of reading the columns it needs."""
    head("steps", "what", "who", "s", "times the bare read", "processor, s", "times the bare read", "peak, GB")
    asked = {"bare": "bare read", "taskkit_disk": "taskkit", "lazy_disk": "pm4py, LazyFrame", "duckdb": "DuckDB"}
    _compare(log_of(folder, sizes[-1])[0], asked)


def print_mine(folder: Path, sizes: list[int], largest: int | None) -> None:
    """The whole way in parts, on all cores."""
    head("events", "s", "processor, s", "µs an event", "main process, GB", "largest worker, GB", "parts", "exponent")
    before = None
    for size in [*sizes, *([largest] if largest else [])]:
        m = run("mine", folder=log_of(folder, size)[0], workers=os.cpu_count())
        now = (m["events"], m["s"])
        row(m["events"], f"{m['s']:.1f}", f"{m['cpu']:.1f}", f"{1e6 * m['s'] / m['events']:.2f}", f"{m['memory']:.2f}",
            f"{m['of_worker']:.2f}", m["parts"], exponent(before, now))  # fmt: skip
        before = now


def print_dask(folder: Path, sizes: list[int], largest: int | None) -> None:
    """One Dask worker against two."""
    head("events", "workers", "s", "times as fast as one")
    place, found = log_of(folder, sizes[-1])[0], []
    for workers in (1, 2):
        found.append(run("dask", folder=place, workers=workers))
        row(found[-1]["events"], workers, f"{found[-1]['s']:.1f}", f"{found[0]['s'] / found[-1]['s']:.2f}")
    assert found[0]["digest"] == found[1]["digest"]
    print("\nThe results of both are identical.")


TABLES = {"generate": print_generate, "stages": print_stages, "memory": print_memory, "disk": print_disk,
          "mine": print_mine, "dask": print_dask}  # fmt: skip

if __name__ == "__main__":
    main()
