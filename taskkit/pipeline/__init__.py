"""The whole way in one call, its results kept so that every notebook of an engagement rests on the same frames.

Results are kept on two levels: events that are named and divided, with the tasks found, rest on the log; everything
further rests on these, on the process log and on what people decided. So a correction does not divide the log anew.
A log that is too large for one frame is taken part by part (`taskkit.pipeline.large`); the frames are then those of a draw.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from taskkit.activities import name_activities, read_rules
from taskkit.decisions import Decisions, correct_segments, examples_of, journal_of, list_vanished
from taskkit.decisions.corrections import VANISHED
from taskkit.decisions.names import apply_names
from taskkit.log import import_log, is_foreign, read_log, read_metadata
from taskkit.log.parquet_files import find_files
from taskkit.overlay import attribute_cases, read_process_log
from taskkit.pipeline.keeping import FINDING, REST, digest, forget_older, read_frames, write_frames
from taskkit.pipeline.large import (
    count_large,
    divide_draw,
    keep_met_cases,
    mine_whole,
    name_tasks,
    pool_whole,
    state_draw,
)
from taskkit.pipeline.partitioned import MinedLog
from taskkit.pipeline.progress import Progress, Told
from taskkit.privacy import pool_small_tasks, shares_pages
from taskkit.quality import check_quality
from taskkit.segments import ORDER, list_segments, segment, spread_labels
from taskkit.segments.mixture import start_relabelling
from taskkit.tasks import find_tasks
from taskkit.variants import find_variants

_NO_REPORT = {"column": pl.String, "rows": pl.UInt32, "mapped_to": pl.String, "outcome": pl.String, "reason": pl.String}
_STAGES = 8
_FINDING = 4  # of them, until tasks are found
_LABELS = ("segment_id", "segment_model", "segment_confidence", "boundary_confidence")  # what a method says of a row
_REPLAYED = ("name", "correction")  # kinds of decisions that change the frames


class Mined(NamedTuple):
    """The frames of one engagement; `process` is None without a process log, `whole` for a log that is one frame."""

    events: pl.DataFrame
    segments: pl.DataFrame
    process: pl.DataFrame | None
    quality: pl.DataFrame
    import_report: pl.DataFrame
    metadata: dict[str, Any]
    vanished: pl.DataFrame = pl.DataFrame(schema=VANISHED)
    whole: MinedLog | None = None


_FRAMES = [name for name in Mined._fields if name not in ("metadata", "whole")]  # that are kept


class _Found(NamedTuple):
    """What the methods find in a log, before anybody decided anything."""

    named: pl.DataFrame  # events with activities and segments
    tasks: pl.DataFrame  # segments with tasks
    report: pl.DataFrame
    metadata: dict[str, Any]


def mine(
    log: str | Path, *, process_log: str | Path | None = None, rules: str | Path | None = None, method: str = "model",
    results: str | Path | None = None, key: bytes | None = None, progress: Told | None = None,
    executor: Executor | None = None,
) -> Mined:  # fmt: skip
    """Take a log of any size the whole way: read, name, segment, group into tasks and variants, and lay over the process.

    A Parquet log of more than 500,000 events in many files (best one for each person and day; not encrypted) is taken part by
    part (`mine_partitions`): `whole` holds the exact tasks, variants, graph and criteria of all of it. The other frames are
    then those of about 200,000 events, drawn by file: named, divided and grouped like the whole, with the same tasks.

    Parameters
    ----------
    log : a file, folder or glob that `read_log` understands.
    process_log : a file that `read_process_log` understands, if there is one.
    rules : a rule file that `read_rules` understands; a file that is not there yet holds no rules.
    method : segmentation method.
    results : folder in which the frames are kept (Parquet, mode 0600); the next call with the same files and settings
        reads them from there. None keeps nothing. What is kept of an encrypted log is not encrypted. The journal beside it
        (`decisions.sqlite`) is replayed: names of tasks, corrections of segments, examples.
    key : the key of an encrypted log (`taskkit.privacy.read_key`); of a foreign file, that of its pseudonyms and digests.
    progress : function that is told of each stage that begins: its name, how many are done, how many there are; at the end
        "done" with both numbers alike. None writes a line where stderr is a terminal.
    executor : where the parts of a large log are worked on; None does it in this process (see `mine_partitions`). The results
        do not depend on it, and a smaller log does not need it.

    Returns
    -------
    A named tuple of frames: `events` (with segment, task, variant and, with a process log, case), `segments`, `process`,
    `quality` (`check_quality` of the events), `import_report` (what an importer mapped and dropped; empty for taskkit's own
    logs), the log's `metadata`, `vanished` (decisions that could not be replayed, as in `list_vanished`) and `whole` (None but
    for a large log). Of a large log `metadata["drawn"]` says how much the frames rest on; `process` holds the cases on which
    somebody worked in the draw, and the summaries of the whole have the names that people gave, but not their corrections.

    Raises
    ------
    LogFileError : a file cannot be read; the message names it. SettingError : a large log, and no folder for results.

    >>> import pathlib, tempfile, polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 9], "what": ["open", "save"]}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.parquet"
    >>> _ = tk.write_log(log, path)
    >>> tk.mine(path, method="gap").segments["steps"].to_list()
    [2]
    """
    bar = Progress(progress, _STAGES)
    bar.begin("looking for kept results")
    events = count_large(log)
    whole = mine_whole(log, results=results, executor=executor, rules=rules, method=method, events=events, bar=bar) \
        if events else None  # fmt: skip
    base, kept = _places(log, process_log, rules, method, results, key, whole)
    said = _read_journal(results)
    if kept is not None and not said.is_empty():
        words = said.select("number", "kind", "subject", "decision", "detail").write_json()
        kept = kept.with_name(f"{kept.name}-{hashlib.sha256(words.encode()).hexdigest()[:8]}")
    if kept is not None and (mined := _read_mined(kept)) is not None:
        bar.end()
        return _for_sharing(_with_whole(mined, whole))
    found = _find(log, rules, method, key, base, bar, whole)
    mined = _finish(found, _replay(found, said, method, bar), process_log, key, bar, whole)
    if kept is not None:
        bar.begin("keeping the results")
        frames = {name: getattr(mined, name) for name in _FRAMES}
        write_frames(kept, frames, mined.metadata)
        forget_older(kept)
    bar.end()
    return _for_sharing(_with_whole(mined, whole))


def _with_whole(mined: Mined, whole: MinedLog | None) -> Mined:
    return mined if whole is None else mined._replace(whole=name_tasks(whole, mined.segments))


def _for_sharing(mined: Mined) -> Mined:
    """On pages that leave the room tasks of few people count as work outside tasks; what is kept stays whole."""
    if not shares_pages():
        return mined
    events, segments = pool_small_tasks(mined.events, mined.segments)
    whole = None if mined.whole is None else pool_whole(mined.whole, segments)
    return mined._replace(events=events, segments=segments, whole=whole)


def _places(
    log: str | Path, process_log: str | Path | None, rules: str | Path | None, method: str,
    results: str | Path | None, key: bytes | None, large: MinedLog | None,
) -> tuple[Path | None, Path | None]:  # fmt: skip
    """Folders for what is found in these files with these settings, and for the whole way without any decision."""
    if results is None:
        return None, None
    if large is not None:  # its folders are named after all that it rests on
        found = digest("found", large.folder.parent.name, large.folder.name, files={}, code=FINDING)
    else:
        files = {"log": find_files(log)} | _given("rules", rules)
        # another key gives other pseudonyms
        foreign = key is not None and len(files["log"]) == 1 and is_foreign(files["log"][0])
        secret = hashlib.sha256(key).hexdigest() if foreign and key is not None else ""
        found = digest("found", method, secret, files=files, code=FINDING)
    whole = digest(found, files=_given("process", process_log), code=REST)
    return Path(results) / f"found-{found}", Path(results) / f"{found}-{whole[:8]}"


def _given(role: str, file: str | Path | None) -> dict[str, list[Path]]:
    return {role: [Path(file)]} if file and Path(file).is_file() else {}


def _read_journal(results: str | Path | None) -> pl.DataFrame:
    """Standing decisions that change the frames; nothing is created."""
    path = journal_of(results)
    if path is None or not path.is_file():
        return pl.DataFrame(schema={"number": pl.Int64, "kind": pl.String})
    return Decisions(path).list().filter(pl.col("kind").is_in(_REPLAYED))


def _read_mined(folder: Path) -> Mined | None:
    kept = read_frames(folder, [name for name in _FRAMES if name != "process"], may_lack=["process"])
    return None if kept is None else Mined(**kept[0], metadata=kept[1])


def _find(
    log: str | Path, rules: str | Path | None, method: str, key: bytes | None, folder: Path | None, bar: Progress,
    large: MinedLog | None,
) -> _Found:  # fmt: skip
    """Read, name, segment and group a log, or take what an earlier call kept of that."""
    if folder is not None and (kept := read_frames(folder, ("named", "tasks", "report"))) is not None:
        bar.done += _FINDING
        return _Found(**kept[0], metadata=kept[1])
    if large is not None:
        bar.begin("reading single steps of the drawn files")
        bar.done += _FINDING - 1
        found = _Found(*divide_draw(log, large), pl.DataFrame(schema=_NO_REPORT), read_metadata(log))
    else:
        found = _find_all(log, rules, method, key, bar)
    if folder is not None:
        write_frames(folder, {"named": found.named, "tasks": found.tasks, "report": found.report}, found.metadata)
    return found


def _find_all(log: str | Path, rules: str | Path | None, method: str, key: bytes | None, bar: Progress) -> _Found:
    bar.begin("reading the log")
    events, report = _load(log, key)
    bar.begin("naming activities")
    events = name_activities(events, rules=read_rules(rules) if rules else [])
    bar.begin("finding pieces of work")
    events = segment(events, method=method)
    bar.begin("grouping them into tasks")
    return _Found(events, find_tasks(list_segments(events)), report, read_metadata(log))


def _replay(
    found: _Found, said: pl.DataFrame, method: str, bar: Progress
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Events and segments as people corrected and named them, and the decisions that could not be replayed."""
    bar.begin("replaying corrections and names")
    events, segments, lost = found.named, found.tasks, [pl.DataFrame(schema=VANISHED)]
    corrections, names = (said.filter(kind=kind) for kind in ("correction", "name"))
    examples = None
    if not corrections.is_empty():
        examples = examples_of(events, corrections)
        learnt = method == "model" and events["segment_model"].null_count() < events.height  # others cannot learn
        if learnt and not examples.is_empty():
            events = _learn(events, examples)
        lost.append(list_vanished(events, corrections))
        events = _as_found(correct_segments(events, corrections), found.named)
        # numbers and names of tasks stay with what people knew under them
        segments = find_tasks(list_segments(events), previous=found.tasks)
    if not said.is_empty():
        segments, refused = apply_names(segments, events, names, examples=examples)
        lost.append(refused)
    return events, segments, pl.concat(lost).sort("number")


def _learn(events: pl.DataFrame, examples: pl.DataFrame) -> pl.DataFrame:
    """The events divided anew with the marked examples, as the editor does it while people watch."""
    return spread_labels(events.drop(_LABELS), start_relabelling(events)(examples))


def _as_found(events: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """The events with the segments that were found before anybody marked an example: the editor begins with these."""
    found = named.select(*ORDER, pl.col(_LABELS).name.prefix("found_"))
    return events.drop(f"found_{name}" for name in _LABELS).join(found, on=ORDER, how="left", maintain_order="left")


def _finish(
    found: _Found, replayed: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame], process_log: str | Path | None,
    key: bytes | None, bar: Progress, large: MinedLog | None,
) -> Mined:  # fmt: skip
    """Variants, cases and the quality of it all."""
    bar.begin("finding variants and cases")
    events, segments, vanished = replayed
    segments = find_variants(segments)
    events = events.join(segments.select("segment_id", "task_id", "variant_id"), on="segment_id", how="left",
                         maintain_order="left")  # fmt: skip
    process = read_process_log(process_log) if process_log else None
    if process is not None:
        events = attribute_cases(events, process, key=key)
    about = found.metadata
    if large is not None:
        drawn = state_draw(events, large)
        if process is not None:
            drawn["of_cases"], process = process["case_id"].n_unique(), keep_met_cases(process, events)
            drawn["cases"] = process["case_id"].n_unique()
        about = {**about, "drawn": drawn}
    return Mined(events, segments, process, check_quality(events), found.report, about, vanished)


def _load(log: str | Path, key: bytes | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The events, and what an importer reports of a foreign file."""
    files = find_files(log)
    if len(files) == 1 and is_foreign(files[0]):
        return import_log(files[0], key=key)
    return read_log(log, key=key), pl.DataFrame(schema=_NO_REPORT)
