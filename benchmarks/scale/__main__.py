"""From a hundred thousand to a hundred million events: writing, every stage, graphs beside others, mining in parts, Dask.

uv run --no-sync python -m benchmarks.scale [TABLE …] [--sizes N …] [--largest N] [--folder DIR] [--page FILE]

Tables: import, generate, names, stages, samples, memory, disk, mine, dask (all by default). Logs are made with
`write_large_sample` in the folder (a temporary one by default; one that is kept is used again). `--sizes` are those of all tables
(default: 100,000, 1,000,000 and 10,000,000); `names`, `samples`, `memory`, `disk` and `dask` take the largest of them.
`--largest 100000000` adds one to generate and mine only: about 2 GB of disk and some minutes. `--page benchmarks/RESULTS.md`
writes the page of results. DuckDB is asked only where it is there: uv run --with duckdb python -m benchmarks.scale disk
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.scale import contenders, mining, stages
from benchmarks.scale.clock import QUICK, RUNS, processor
from benchmarks.scale.page import aim, head, load, machine, row, say, write_page

IMPORTS = 9
WHOLE, WAYS = "the whole way", "segments, variants and graph"
FITTED = f"{WAYS}, models fitted before"
DEFINITIONS = f"""
- Every measurement is a process of its own, whose peak of memory is stated with polars and everything else in it; modules and
  loops are compiled before, as after the first use. GB are 10⁹ bytes.
- By the clock: seconds that pass, on a machine that others may use too; below each table stands the load average (programs
  that want to run, in the last 1, 5 and 15 minutes). By processor time: seconds that all threads and processes work.
- Ratios are of one run. Graph, variants, filter and Dask are medians of {RUNS} runs, of {QUICK} where they take a fraction of
  a second, pm4py on pandas and from disk one run; everything else is one run, but the import ({IMPORTS}).
- The exponent b: processor time grows as size^b from the next smaller size; 1 is proportional.
- Counts of all contenders are asserted to be equal.
"""
EVENTS_A_DAY = 3_460
SAMPLES, DRAWS = [50_000, 100_000, 200_000, 400_000], [0, 1, 2]  # events drawn, seeds
CORES = os.cpu_count() or 1
MEASURES = {
    "generate": mining.generate, "names": mining.name_and_divide, "mine": mining.mine, "dask": mining.mine_on_dask,
    "stages": stages.measure, "samples": stages.score_samples, "prepare": contenders.prepare, **contenders.CONTENDERS,
}  # fmt: skip


def main() -> None:
    """Print the tables that are asked for, and write the page."""
    if sys.argv[1:2] == ["measure"]:
        found = MEASURES[sys.argv[2]](**json.loads(sys.argv[3]))
        print(json.dumps(found))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)} (default: all)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000], metavar="N")
    parser.add_argument("--largest", type=int, metavar="N", help="one more size for generate and mine")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where logs are kept")
    parser.add_argument("--page", type=Path, metavar="FILE", help="the page that is written")
    options = parser.parse_args()
    if unknown := {*options.tables} - {*TABLES}:
        parser.error(f"no table {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}")
    asked = options.tables or [*TABLES]
    print(f"{machine()}\n{DEFINITIONS}", flush=True)
    with tempfile.TemporaryDirectory() as passing:
        folder = options.folder or Path(passing)
        for table in asked:
            began = time.perf_counter()
            say(f"\n## {TITLES[table]}")
            TABLES[table](folder, sorted(options.sizes), options.largest)
            say(f"\nLoad average after {time.perf_counter() - began:.0f} s: {load()}.")
    if options.page is not None:
        largest = f" --largest {options.largest}" if options.largest else ""
        tables = "".join(f" {table}" for table in options.tables)
        sizes = "" if options.sizes == parser.get_default("sizes") else f" --sizes {' '.join(map(str, options.sizes))}"
        page = options.page.name if options.page.is_absolute() else options.page
        command = f"uv run --no-sync python -m benchmarks.scale{tables}{sizes}{largest} --page {page}"
        write_page(options.page, command, DEFINITIONS)


def run(measure: str, *, threads: int | None = None, **given: Any) -> dict[str, Any]:
    """One measurement in a process of its own."""
    env = _as_after_first_use() | ({"POLARS_MAX_THREADS": str(threads)} if threads else {})
    command = [sys.executable, "-m", "benchmarks.scale", "measure", measure, json.dumps(given, default=str)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=env)
    if done.returncode:
        raise SystemExit(f"{measure} {given} failed; see above.")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _as_after_first_use() -> dict[str, str]:
    """The environment, in which modules that are compiled are kept, as they are everywhere but in some containers."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


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


def exponent(before: tuple[float, ...] | None, now: tuple[float, ...]) -> str:
    """How time grows with size, from two of each."""
    if before is None or min(before[1], now[1]) <= 0:
        return ""
    return f"{math.log(now[1] / before[1]) / math.log(now[0] / before[0]):.2f}"


def print_import(folder: Path, sizes: list[int], largest: int | None) -> None:
    """What `import taskkit` costs, fresh processes taken in turn."""
    statements = {"python": "pass", "polars": "import polars", "taskkit": "import taskkit",
                  "used": "import taskkit; taskkit.read_log"}  # fmt: skip
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in statements}
    for _ in range(IMPORTS):
        for name, statement in statements.items():
            began, before = time.perf_counter(), processor()
            subprocess.run([sys.executable, "-c", statement], check=True, env=_as_after_first_use())
            took[name].append((time.perf_counter() - began, processor() - before))
    medians = {name: [statistics.median(values) for values in zip(*of, strict=True)] for name, of in took.items()}
    head("statement", "s", "processor, s", "times polars, without bare Python", "by processor time")
    times: tuple[float, ...] = ()
    for name, statement in statements.items():
        own = [value - bare for value, bare in zip(medians[name], medians["python"], strict=True)]
        times = tuple(a / (b - c) for a, b, c in zip(own, medians["polars"], medians["python"], strict=True))
        row(f"`{statement}`", *(f"{value:.3f}" for value in medians[name]), *(f"{value:.2f}" for value in times))
    aim("`import taskkit` and its first function, times `import polars`", "≤ 1.5", *(f"{value:.2f}" for value in times))


def print_generate(folder: Path, sizes: list[int], largest: int | None) -> None:
    """How fast labelled events are written."""
    head(
        "events", "people", "days", "s", "of that the blocks, s", "events/s", "processor, s", "events per processor second",
        "bytes an event", "of a worker, GB",
    )  # fmt: skip
    for size in [*sizes, *([largest] if largest else [])]:
        m = log_of(folder, size)[1]
        clock, busy = round(m["events"] / m["s"]), round(m["events"] / m["cpu"])
        row(m["events"], m["people"], m["days"], f"{m['s']:.1f}", f"{m['blocks']:.1f}", clock, f"{m['cpu']:.1f}", busy,
            f"{m['bytes'] / m['events']:.1f}", f"{m['memory']:.2f}")  # fmt: skip
    say("\nThe blocks are made once, by one process: the smaller the log, the more they weigh.")
    aim(
        f"writing {m['events']:,} labelled events, events/s",
        "≥ 1,000,000",
        f"{clock:,}",
        f"{busy * CORES:,} on {CORES} cores",
    )


def print_names(folder: Path, sizes: list[int], largest: int | None) -> None:
    """From Parquet to named activities, and from these to segments, a part at a time."""
    head("events", "parts", "processes", "from … to", "s", "events/s", "processor, s", "events per processor second",
         "of a worker, GB")  # fmt: skip
    found = run("names", folder=log_of(folder, sizes[-1])[0], workers=CORES)
    events = found["events"]
    m, divided = found["names"], found["segments"]
    named, segments = (
        ("Parquet to named activities", m, m["s"]),
        ("named activities to segments", divided, divided["own"] / CORES),
    )
    for what, of, seconds in (named, segments):
        row(events, found["parts"], CORES, what, f"{seconds:.1f}", round(events / seconds), f"{of['cpu']:.1f}",
            round(events / of["cpu"]), f"{of['of_worker']:.2f}")  # fmt: skip
    aim("Parquet to named activities, events/s", "≥ 5,000,000", f"{round(events / m['s']):,}",
        f"{round(events / m['cpu']) * CORES:,} on {CORES} cores")  # fmt: skip
    aim("segmentation with a fitted model, part by part, events/s and core", "≥ 1,000,000",
        f"{round(events / divided['own']):,}", f"{round(events / divided['cpu']):,}")  # fmt: skip


def print_stages(folder: Path, sizes: list[int], largest: int | None) -> None:
    """Each stage on a frame in memory, with models fitted on a sample."""
    head(
        "events", "stage", "s", "events/s", "processor, s", "events per processor second", "peak so far, GB", "exponent"
    )
    before: dict[str, tuple[float, float]] = {}
    for size in sizes:
        found = run("stages", folder=log_of(folder, size)[0])
        for stage, (seconds, cpu, memory) in found["stages"].items():
            now = (found["events"], cpu)
            fit = stage.startswith("fit")  # on as many events at every size
            rates = ("", "") if fit else (round(found["events"] / seconds), round(found["events"] / max(cpu, 1e-9)))
            row(found["events"], stage, f"{seconds:.2f}", rates[0], f"{cpu:.2f}", rates[1], f"{memory:.2f}",
                "" if fit else exponent(before.get(stage), now))  # fmt: skip
            before[stage] = now
    seconds, cpu = found["stages"]["segment"][:2]
    aim("the same, the whole log in memory", "≥ 1,000,000", f"{found['events'] / seconds / CORES:,.0f}",
        f"{found['events'] / cpu:,.0f}")  # fmt: skip


def _compare(place: Path, asked: dict[str, str]) -> dict[str, dict[str, Any]]:
    """A row for each contender and question; times are those of the first contender, or of its own bare read."""
    run("prepare", folder=place)
    found: dict[str, dict[str, Any]] = {}
    absent = []
    for name, shown in asked.items():
        m = run(name, folder=place)
        if "absent" in m:
            absent.append(m["absent"])
            continue
        found[name] = m
        first = next(iter(found.values()))
        m["times"] = {}
        for what, (seconds, cpu) in m["seconds"].items():
            if what in m["counts"] and what in first["counts"]:
                assert m["counts"][what] == first["counts"][what], (name, what)
            clock, busy = m.get("bare", first["seconds"])[what]
            m["times"][what] = seconds / clock, cpu / max(busy, 1e-9)
            row(m["steps"], what, shown, f"{seconds:.3f}", f"{m['times'][what][0]:.1f}", f"{cpu:.3f}",
                f"{m['times'][what][1]:.1f}", f"{m['memory']:.2f}")  # fmt: skip
    if absent:
        say("\n" + " ".join(absent))
    return found


def print_samples(folder: Path, sizes: list[int], largest: int | None) -> None:
    """How much of a log names, models and tasks are to be fitted on."""
    found = run("samples", folder=log_of(folder, sizes[-1])[0], sizes=SAMPLES, seeds=DRAWS)
    head(
        "events drawn", "draws", "fit, s", "segment F1", "boundary F1", "boundary F1 ±2", "WindowDiff", "task V-measure"
    )
    for size in SAMPLES:
        of = [one for one in found["found"] if one["size"] == size]
        spread = {name: sorted(one[name] for one in of) for name in of[0]}
        measures = ("segment_f1", "boundary_f1", "boundary_f1_tolerant", "window_diff", "v_measure")
        said = (f"{statistics.median(v):.3f} ({v[0]:.3f} to {v[-1]:.3f})" for v in (spread[name] for name in measures))
        row(int(statistics.median(spread["events"])), len(of), f"{statistics.median(spread['s']):.1f}", *said)
    say(f"\nMedian (least to most). Scored against the truth on {found['judged']:,} events of {found['people']} people of whom "
        "nothing was in a sample. By default about 400,000 events are drawn.")  # fmt: skip


def print_memory(folder: Path, sizes: list[int], largest: int | None) -> None:
    """Graph, variants and a filter beside pm4py, everything in memory."""
    head("steps", "what", "who", "s", "times taskkit's", "processor, s", "times taskkit's", "peak, GB")
    asked = {"taskkit": "taskkit", "polars": "polars, streaming", "lazy": "pm4py, LazyFrame", "pandas": "pm4py, pandas"}
    found = _compare(log_of(folder, sizes[-1])[0], asked)
    for what, name, wanted in (
        (contenders.GRAPH, "pandas", 100), (contenders.GRAPH, "lazy", 30), (contenders.VARIANTS, "pandas", 10),
        (contenders.VARIANTS, "lazy", 3),
    ):  # fmt: skip
        times = (f"{value:.0f}" for value in found[name]["times"][what])
        aim(f"{what} in memory, times as fast as {asked[name]}", f"≥ {wanted}", *times)


def print_disk(folder: Path, sizes: list[int], largest: int | None) -> None:
    """The same from Parquet, beside one pass of reading the columns it needs."""
    head("steps", "what", "who", "s", "times the bare read", "processor, s", "times the bare read", "peak, GB")
    asked = {"bare": "bare read", "taskkit_disk": "taskkit", "lazy_disk": "pm4py, LazyFrame", "duckdb": "DuckDB"}
    found = _compare(log_of(folder, sizes[-1])[0], asked)
    say("\ntaskkit's times are those of a bare read in turn with it; taskkit and the bare read take the segments (a list of "
        "activities each), the others one row a step.")  # fmt: skip
    for what in (contenders.GRAPH, contenders.VARIANTS):
        times = (f"{value:.1f}" for value in found["taskkit_disk"]["times"][what])
        aim(f"{what} from Parquet, times a bare read", "≤ 2", *times)


def print_mine(folder: Path, sizes: list[int], largest: int | None) -> None:
    """The whole way in parts, on all cores."""
    head("events", "what", "s", "µs an event", "processor, s", "µs an event", "main process, GB", "largest worker, GB",
         "in all at most, GB", "exponent")  # fmt: skip
    before: dict[str, dict[str, Any]] = {}
    for size in [*sizes, *([largest] if largest else [])]:
        place = log_of(folder, size)[0]
        found = {WHOLE: run("mine", folder=place, workers=CORES)}
        if size != largest:
            found[WAYS] = ways = run("mine", folder=place, workers=CORES, criteria=False, again=True)
            found[FITTED] = ways | {name: ways[f"fitted_{name}"] for name in ("s", "cpu", "memory", "of_worker", "all")}
        for what, m in found.items():
            m["each"] = 1e6 * m["s"] / m["events"], 1e6 * m["cpu"] / m["events"]
            grown = (
                exponent(tuple(before[what][n] for n in ("events", "cpu")), (m["events"], m["cpu"]))
                if what in before
                else ""
            )
            row(m["events"], what, f"{m['s']:.1f}", f"{m['each'][0]:.2f}", f"{m['cpu']:.1f}", f"{m['each'][1]:.2f}",
                *(f"{m[name]:.2f}" for name in ("memory", "of_worker", "all")), grown)  # fmt: skip
        if size == sizes[-1] and size != largest:
            for what, seconds, gigabytes in ((WHOLE, 60, 4), (WAYS, 15, 2), (FITTED, 15, 2)):
                m = found[what]
                aim(
                    f"{what} at {m['events']:,} events, s",
                    f"≤ {seconds}",
                    f"{m['s']:.1f}",
                    f"{m['cpu'] / CORES:.1f} a core",
                )
                if what != FITTED:
                    aim(f"{what}: memory of all processes, GB", f"≤ {gigabytes}", f"{m['all']:.2f}")
        if size == largest:
            m, smaller = found[WHOLE], before[WHOLE]["each"]
            aim(f"{WHOLE} at {m['events']:,} events: memory of all processes, GB", "< 8", f"{m['all']:.2f}")
            aim(
                "time per event, times that at the size before",
                "≤ 1.3",
                *(f"{a / b:.2f}" for a, b in zip(m["each"], smaller, strict=True)),
            )
        before = found
    say(
        f"\n{CORES} workers, one thread each. Memory is looked at once a second; in all: what all processes hold at one "
        "time, shared pages once (proportional set size). Models are fitted on a sample of as many events at every size."
    )


def print_dask(folder: Path, sizes: list[int], largest: int | None) -> None:
    """One Dask worker against two."""
    head("events", "workers", "s", "times as fast as one", "processor, s")
    place = log_of(folder, sizes[-1])[0]
    took = [(workers, run("dask", folder=place, workers=workers)) for _ in range(RUNS) for workers in (1, 2)]
    assert len({found["digest"] for _, found in took}) == 1
    s, cpu = (
        {n: statistics.median(found[of] for workers, found in took if workers == n) for n in (1, 2)}
        for of in ("s", "cpu")
    )
    for workers in (1, 2):
        times = f"{s[1] / s[workers]:.2f}"
        row(took[0][1]["events"], workers, f"{s[workers]:.1f}", times, f"{cpu[workers]:.1f}")
    say("\nMedians, one worker and two in turn; the results of all runs are identical.")
    aim("two Dask workers, times as fast as one", "≥ 1.6", times)


TABLES = {"import": print_import, "generate": print_generate, "names": print_names, "stages": print_stages,
          "samples": print_samples, "memory": print_memory, "disk": print_disk, "mine": print_mine, "dask": print_dask}  # fmt: skip
TITLES = {
    "import": "Import", "generate": "Writing labelled logs", "names": "From Parquet to named activities and segments, part by part",
    "stages": "Each stage, the whole log in memory", "samples": "How much of a log models are fitted on",
    "memory": "Graph, variants and filter, in memory",
    "disk": "Graph and variants from Parquet", "mine": "The whole way, part by part", "dask": "On Dask",
}  # fmt: skip

if __name__ == "__main__":
    main()
