"""The worked example at the size of a department: a hundred million labelled events from the blocks of the detailed one."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import SettingError
from taskkit.privacy import digest
from taskkit.samples.official_model import official_model
from taskkit.samples.scale_blocks import Blocks, make_blocks
from taskkit.samples.scale_days import Staff, make_days, name_person
from taskkit.samples.world import SAMPLE_KEY
from taskkit.schema import EVENTS, SCHEMA_VERSION

LARGE = 1_000  # days of people above which `taskkit sample` takes this generator
EVENTS_A_DAY = 3_460
_ROWS_AT_ONCE = 220_000
_BOOKINGS = ".bookings"
_TYPES = "ARROW:schema"  # under this name a Parquet file keeps the types of its columns


def write_large_sample(
    folder: str | Path, *, seed: int = 7, people: int = 500, days: int = 60, events: int = EVENTS_A_DAY,
    workers: int | None = None, progress: Callable[[int, int], None] | None = None,
) -> Path:  # fmt: skip
    """Write a log of many people with its truth, one Parquet file for each person and day.

    The detailed generator records 28 people on six days; their executions are the blocks of every day that is written. Each
    person is a mixture of a few recorded colleagues of the same team, with a pace of their own; every execution has documents,
    digests of values and times of its own; interruptions, noise and breaks come along with it. A recorded day of the detailed
    sample has 540 events; here it has `events`, with as many breaks as there, and shorter ones: two hours instead of seven.
    Waits between two rows are what was recorded, times a random factor of about 1; only above some 4,000 events a day are
    they shortened so that the day ends in the evening. No defects are planted, and each case is worked on once.

    Parameters
    ----------
    folder : is made if it is missing; its folders log and truth must be empty or missing.
    seed : the same seed gives the same files, whatever the number of workers.
    people : how many are recorded; the first half is team north.
    days : working days from Monday 2 March 2026 on; a person is absent on about one in thirty.
    events : events of a person and day, about.
    workers : processes; as many as there are cores by default.
    progress : is called with (days of people done, days of people in all).

    Returns
    -------
    The folder, with log/PERSON/DAY.parquet, truth/PERSON/FIRST_DAY.parquet (per row: execution, task, variant, case, kind),
    process_log.parquet (the last booking of each execution that has one), process_model.bpmn and README.md; mode 0600.

    Raises
    ------
    SettingError : fewer than one person, day, worker or 50 events a day, or there is a log in the folder already.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = write_large_sample(folder, people=2, days=1, events=200, workers=1)
    ...     len([*made.glob("log/*/*.parquet")])
    2
    """
    workers = (os.cpu_count() or 1) if workers is None else workers
    if min(people, days, workers) < 1 or events < 50:
        raise SettingError(
            f"people={people}, days={days}, events={events}, workers={workers}; allowed: at least 1 of each, 50 events."
        )
    folder = Path(folder)
    for name in ("log", "truth", _BOOKINGS):
        if (folder / name).is_dir() and any((folder / name).iterdir()):
            raise SettingError(f"{folder / name} is not empty. Remove it or write into another folder.")
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    staff = Staff(seed, people, days, events)
    at_once = max(_ROWS_AT_ONCE // events, 1)
    jobs = [(index, first, min(at_once, days - first)) for index in range(people) for first in range(0, days, at_once)]
    rows = done = 0
    for made, worked in _run(folder, staff, jobs, min(workers, len(jobs))):
        rows, done = rows + made, done + worked
        if progress is not None:
            progress(done, people * days)
    bookings = pl.concat([pl.read_parquet(file) for file in sorted((folder / _BOOKINGS).iterdir())])
    _write([(folder / "process_log.parquet", bookings.sort("timestamp", "case_id"), {})])
    shutil.rmtree(folder / _BOOKINGS)
    for name, text in {
        "process_model.bpmn": official_model(),
        "README.md": _readme(staff, rows, bookings.height),
    }.items():
        with _private(folder / name) as handle, os.fdopen(handle, "wb") as file:
            file.write(text.encode())
    return folder


def _run(folder: Path, staff: Staff, jobs: list[tuple[int, int, int]], workers: int) -> Iterator[tuple[int, int]]:
    """Rows and days of each job, as they are done."""
    if workers == 1:
        made = make_blocks(staff.seed)
        yield from (_write_days(folder, made, staff, *job) for job in jobs)
        return
    before = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = (
        "1"  # read when a worker loads polars: processes share the cores, threads would fight
    )
    try:
        # a new interpreter: a copy of this process would have its threads' locks but not its threads
        spawn = multiprocessing.get_context("spawn")
        blocks: Any = spawn.Queue()
        blocks.cancel_join_thread()  # whoever does not come for them is not waited for
        with ProcessPoolExecutor(
            workers, mp_context=spawn, initializer=_keep, initargs=(folder, blocks, staff)
        ) as pool:
            for _ in range(workers):
                pool.submit(_start)  # the workers load their modules while the blocks are made here
            made = make_blocks(staff.seed)
            for _ in range(workers):
                blocks.put(made)
            yield from pool.map(_write_kept, jobs, chunksize=1)
    finally:
        os.environ.pop("POLARS_MAX_THREADS")
        if before is not None:
            os.environ["POLARS_MAX_THREADS"] = before


_kept: list[tuple[Path, Blocks, Staff]] = []  # of a worker: sent once, not with every job


def _keep(folder: Path, blocks: Any, staff: Staff) -> None:
    _kept[:] = [(folder, blocks.get(), staff)]


def _start() -> None:
    """What a worker is first asked for, so that there is one."""


def _write_kept(job: tuple[int, int, int]) -> tuple[int, int]:
    return _write_days(*_kept[0], *job)


def _write_days(
    folder: Path, blocks: Blocks, staff: Staff, index: int, first: int, days: int
) -> tuple[int, int]:  # fmt: skip
    """Write some days of one person; says how many rows and days."""
    made = make_days(blocks, staff, index, first, days)
    user = name_person(index)
    notes = {
        "schema_version": SCHEMA_VERSION, "recorder": "taskkit.samples", "profile": "standard, digests of typed values",
        "consent": "Invented people.", "platform": "generated", "ended_cleanly": "true",
        "key_id": digest("key id", key=SAMPLE_KEY)[:8],
    }  # fmt: skip
    for name in ("log", "truth"):
        (folder / name / user).mkdir(mode=0o700, exist_ok=True)
    notes |= _types_of(made.events)
    files = [(folder / "log" / user / f"{date}.parquet", made.events.slice(begin, rows), notes)
             for date, begin, rows in made.begins]  # fmt: skip
    if made.begins:
        date = made.begins[0][0]
        files += [(folder / "truth" / user / f"{date}.parquet", made.truth, _types_of(made.truth)),
                  (folder / _BOOKINGS / f"{user}-{date}.parquet", made.bookings, {})]  # fmt: skip
    _write(files)
    return made.events.height, days


def _write(files: list[tuple[Path, pl.DataFrame, dict[str, str]]]) -> None:
    """Write frames and what their files say about themselves, all at once: alone each file would take a third longer."""
    written = [BytesIO() for _ in files]
    pl.collect_all(
        # statistics of so short columns help nobody, and cost as much time as a third of the rest
        frame.lazy().sink_parquet(file, compression="zstd", compression_level=1, statistics=False, lazy=True,
                                  metadata=notes)
        for file, (_, frame, notes) in zip(written, files, strict=True)
    )  # fmt: skip
    for contents, (path, _, _) in zip(written, files, strict=True):
        with _private(path) as handle, os.fdopen(handle, "wb") as file:
            file.write(contents.getbuffer())


def _types_of(frame: pl.DataFrame) -> dict[str, str]:
    """What a file is to say about the types of a frame: texts that are numbers here (Enum) are texts unless the contract differs.

    In a file both are a dictionary and places in it, but of numbers it need not be made again.
    """
    types = {
        name: EVENTS.schema.get(name, pl.String()) if isinstance(kind, pl.Enum) else kind
        for name, kind in frame.schema.items()
    }
    empty = BytesIO()
    pl.DataFrame(schema=types).write_parquet(empty)
    empty.seek(0)
    return {_TYPES: pl.read_parquet_metadata(empty)[_TYPES]}


@contextmanager
def _private(path: Path) -> Iterator[int]:
    """A new file that only its owner may read."""
    yield os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)


def _readme(staff: Staff, rows: int, bookings: int) -> str:
    return f"""# Worked example at scale: accounts payable

Generated by `taskkit sample --people {staff.people} --days {staff.days} --seed {staff.seed}` ({staff.events:,} events of a
person and day, about); nobody was recorded, and every company, person and number is invented. Licence: CC0 1.0, no rights reserved.

- `log/`: {rows:,} interactions of {staff.people:,} people in two teams, one file for each person and day.
- `truth/`: what is true about every row: execution (`true_segment`), task, variant, case and kind of row. Read it beside the log
  by user, session_id and seq.
- `process_log.parquet`: {bookings:,} bookings of the ERP, one for each execution that books its case.
- `process_model.bpmn`: the official flow (BPMN 2.0).

{json.dumps(staff._asdict())}
"""
