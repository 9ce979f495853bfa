"""The whole way over a log that is larger than memory: part by part, in this process, on all cores or on a cluster."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from taskkit.activities import read_rules
from taskkit.errors import SettingError, check_choice
from taskkit.pipeline.fitting import fit_sample, read_fitted, write_fitted
from taskkit.pipeline.keeping import DONE, digest
from taskkit.pipeline.partitions import ROWS, SAMPLED_ROWS, draw_sample, list_partitions, read_part
from taskkit.pipeline.parts import mine_part
from taskkit.pipeline.progress import Progress, Told
from taskkit.pipeline.summaries import join_parts, mine_task, of_parts, write_summaries
from taskkit.pipeline.workers import LOOPS
from taskkit.segments import METHODS

CODE = ("errors", "schema", "redaction", "privacy", "log", "quality", "activities", "segments", "routines", "tasks", "variants",
        "overlay", "automation", "pipeline")  # fmt: skip


class MinedLog(NamedTuple):
    """What was found in a log of many parts; the frames are small, the segments are read as they are needed."""

    folder: Path  # where all of it is kept
    tasks: pl.DataFrame  # see `list_tasks`
    variants: pl.DataFrame  # see `count_variants`
    successions: pl.DataFrame  # see `count_successions`
    criteria: pl.DataFrame  # see `measure_criteria`: for `rank_tasks`; empty where they were left out
    parts: pl.DataFrame  # one row per part: name, events, steps, people, sessions, segments, unseen, new
    about: dict[str, Any]  # events, sampled events, seed, method

    def scan_segments(self) -> pl.LazyFrame:
        """All segments with task and variant (see `taskkit.SEGMENTS`), task by task."""
        return pl.scan_parquet(sorted(self.folder.glob("*/segments.parquet")), glob=False)


def mine_partitions(
    log: str | Path, *, results: str | Path, executor: Executor | None = None, rules: str | Path | None = None,
    method: str = "model", seed: int = 0, rows: int = ROWS, sampled_rows: int = SAMPLED_ROWS, criteria: bool = True,
    progress: Told | None = None,
) -> MinedLog:  # fmt: skip
    """Take a log of many files the whole way, one part at a time or many at once: activities to automation criteria.

    Names, task models and tasks are fitted once, on files drawn by `seed`, and applied to every part; a part is all files of
    one person, or of several people with few events. Variants, graph and measures are then found task by task. Every count is
    exact; what rests on the sample are the names, the boundaries and the tasks. Where the sample is the whole log, the results
    are those of `mine`. Of a task with more than about 2,000 segments the four criteria that look at values and decisions
    (determinism, decisions_foretold, carried_out_per_segment, stable_element_share) are measured on about so many.

    Parameters
    ----------
    log : Parquet log: a folder, file or pattern; best one file for each person and day. Not encrypted.
    results : folder in which all is kept (Parquet, mode 0600). A part that is done is not done again; one with another file,
        or with models fitted to other files or settings, is.
    executor : where the work is done; None does it in this process. Any `concurrent.futures.Executor`: processes
        (`start_workers`), or the machines of a Dask cluster (`Client.get_executor()`) that see log and results under the same
        paths. The results do not depend on it.
    rules, method : as for `mine`. Other methods than "model" divide each part for itself.
    seed : of the sample and of the task models.
    rows : events of a part, about.
    sampled_rows : events that names, models and tasks are fitted on, about; a log with no more is fitted as a whole.
    criteria : false leaves the automation criteria out: segments, tasks, variants and graph are there sooner. A later call with
        criteria takes the parts again, with the models that are fitted; one without takes none again.
    progress : function that is told of each stage or part that begins: its name, how many are done, how many there are.

    Returns
    -------
    A named tuple of frames: `tasks`, `variants`, `successions`, `criteria`, `parts`, `about`; `scan_segments()` reads segments.

    Raises
    ------
    LogFileError : a file cannot be read. SettingError : an unknown method, or counts that cannot be.

    >>> import tempfile, polars as pl, taskkit as tk
    >>> folder = Path(tempfile.mkdtemp())
    >>> table = {"at": range(1_800_000_000, 1_800_000_036), "what": list("abs") * 12, "who": list("pq") * 18}
    >>> log = tk.from_table(pl.DataFrame(table), columns={"timestamp": "at", "event_name": "what", "user": "who"})
    >>> tk.write_log(log, folder / "log.parquet")
    >>> mined = mine_partitions(folder / "log.parquet", results=folder / "results", method="gap")
    >>> mined.about["events"], mined.scan_segments().collect().height
    (36, 2)
    """
    check_choice(method, allowed=METHODS, what="segmentation method")
    if rows < 1 or sampled_rows < 1:
        raise SettingError(f"rows={rows}, sampled_rows={sampled_rows}; allowed: at least 1 of each.")
    bar = Progress(progress, 3)
    bar.begin("fitting names, task models and tasks")
    with ThreadPoolExecutor(2) as beside:  # the files are counted, and loops are loaded, beside the fitting
        if not any(Path(results).glob("parts-*")):
            beside.submit(importlib.import_module, LOOPS)
        files, whole = draw_sample(log, seed=seed, rows=sampled_rows)
        listed = beside.submit(list_partitions, log, rows=rows)
        place = Path(results) / f"parts-{_digest(method, rules, seed, rows, sampled_rows, files, whole)}"
        about = _fit(place / "fitted", files, rules, method, seed, lambda: sum(part.rows for part in listed.result()))
        parts = listed.result()
    about = {"events": sum(part.rows for part in parts)} | about
    bar.stages += len(parts)
    done = [
        *_run(
            executor,
            mine_part,
            [(part, str(place / "fitted"), str(place), criteria) for part in parts],
            bar,
            [p.name for p in parts],
        )
    ]
    bar.begin("putting the parts together")
    folders = [said["folder"] for said in done]
    state = of_parts(place, folders)
    frames = place / f"{'whole' if criteria else 'ways'}-{state}"
    if not (frames / "all" / DONE).exists():
        join_parts(place, folders, frames, criteria)
        jobs = [
            (task, str(place), tuple(folders), str(frames), criteria) for task in _large_first(frames, place / "fitted")
        ]
        bar.stages += len(jobs) - 1
        names = [*_run(executor, mine_task, jobs, bar, [f"task {job[0] or 'none'}" for job in jobs])]
        write_summaries(frames, [name for name in names if name != "rest"])
    _forget(place, {*folders, f"whole-{state}", f"ways-{state}", "fitted"})
    bar.end()
    return _read(frames, done, about)


def _large_first(frames: Path, fitted: Path) -> list[str | None]:
    """The tasks that occur, those with most steps first, so that no worker is left with a large one; last what is no task."""
    steps = pl.read_parquet(frames / "activities.parquet").group_by("task_id").agg(pl.col("times").sum())
    steps = steps.filter(pl.col("task_id").is_in([*read_fitted(str(fitted)).tasks.names]))
    return [*steps.sort("times", "task_id", descending=[True, False])["task_id"], None]


def _fit(
    folder: Path, files: list[str], rules: str | Path | None, method: str, seed: int, total: Callable[[], int]
) -> dict[str, Any]:
    """Fit on the files of a sample what is not kept already, and say on how much; `total` tells the events of the whole log."""
    if not (folder / DONE).exists():
        events = read_part(files)
        given = read_rules(rules) if rules else []
        fitted = fit_sample(events, rules=given, method=method, seed=seed, rows=total)
        write_fitted(fitted, folder, {"sampled": events.height, "files": len(files), "seed": seed})
    said = json.loads((folder / DONE).read_text())
    return {"sampled_events": said["sampled"], "seed": seed, "method": said["method"]}


def _digest(
    method: str, rules: str | Path | None, seed: int, rows: int, sampled: int, files: list[str], whole: bool
) -> str:
    """Digest of what the models rest on: settings, rules, code and the files of the sample."""
    given = {"rules": [Path(rules)]} if rules and Path(rules).is_file() else {}
    return digest(method, str(seed), str(rows), str(sampled), str(whole), code=CODE,
                  files={"sample": [Path(file) for file in files], **given})  # fmt: skip


def _run(
    executor: Executor | None,
    function: Callable[..., Any],
    jobs: list[tuple[Any, ...]],
    bar: Progress,
    names: list[str],
) -> Iterator[Any]:
    """Results of all jobs in their order; each is told when it is done (in this process: when it begins)."""
    if executor is None:
        for job, name in zip(jobs, names, strict=True):
            bar.begin(name)
            yield function(*job)
        return
    named: dict[Future[Any], str] = {
        executor.submit(function, *job): name for job, name in zip(jobs, names, strict=True)
    }
    try:
        for future in as_completed(named):
            future.result()
            bar.begin(named[future])
    except BaseException:
        for future in named:
            future.cancel()
        raise
    yield from (future.result() for future in named)


def _read(frames: Path, done: Iterable[dict[str, Any]], about: dict[str, Any]) -> MinedLog:
    kept = {}
    for name in ("tasks", "variants", "successions", "criteria"):
        file = frames / "all" / f"{name}.parquet"
        kept[name] = pl.read_parquet(file) if file.exists() else pl.DataFrame()
    parts = pl.DataFrame([*done]).drop("folder", "criteria").sort("name")
    return MinedLog(frames, **kept, parts=parts, about=about)


def _forget(place: Path, used: set[str]) -> None:
    """Remove parts and summaries of an earlier state of the log."""
    for folder in place.iterdir():
        if folder.is_dir() and folder.name not in used:
            shutil.rmtree(folder, ignore_errors=True)
