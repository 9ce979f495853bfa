"""The joined log for any process-mining tool: process events and the desktop work of the same cases in one file."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from taskkit.errors import LogFileError, check_choice
from taskkit.overlay.exports.ocel_files import FORMS, Ocel
from taskkit.overlay.exports.work import LEVELS, list_documents, list_process, list_work
from taskkit.overlay.exports.xes_files import write_traces


def write_xes(
    events: pl.DataFrame,
    process: pl.DataFrame,
    path: str | Path,
    *,
    segments: pl.DataFrame | None = None,
    level: str = "segment",
    people: bool = False,
) -> Path:
    """Write the process log and the desktop work of its cases as one XES log, a trace for each case.

    The file is for the analyst, not for sharing: case numbers, times and pseudonyms together can tell who somebody is,
    and small groups are not hidden. It holds no window titles, addresses, labels or values; with `level="activity"` it
    holds the names of the activities, and with the `segments` of `find_tasks` those of the tasks: both are made of titles
    whose changing parts have become slots (class P2). The columns of the process log go out as they came in,
    spans of time as seconds, but for those that hold lists or bytes, have no name, or name persons (by what they are
    called, such as approver, user or created_by, or by holding a name that is in `resource` too). Work
    without a case is not in it. Only the owner may read the file.

    Parameters
    ----------
    events : one row per interaction, with `case_id` from `attribute_cases`, `active_seconds` and `segment_id`.
    process : one row per process event.
    path : file to write (.xes); one that is there is replaced.
    segments : segments frame of `find_tasks`, so that work is called by its task; else by `task_id` or the application.
    level : "segment" (one event per stretch of work and case) or "activity" (one per action).
    people : write pseudonyms as `org:resource`; by default nobody is in the file. Resources of the process log that are
    no pseudonyms are never written.

    Returns
    -------
    The file. Each event has `concept:name`, `time:timestamp` (its end), `start_timestamp`, `taskkit:level` ("process",
    "task" or "action") and, where it is desktop work, `taskkit:touch_seconds`, `taskkit:apps` (most used first),
    `taskkit:confidence` (mean of `case_confidence`, weighted by time) and `taskkit:booking` (the process activity that most of
    its time led to; work ends with that booking at the latest and stands before it; null after a case's last booking).
    Desktop times are on the process log's clock
    (`clock_offsets`).

    Raises
    ------
    ContractError : `attribute_cases` or `segment` has not been run, or a case is not in the process log. SettingError :
        unknown level, or users that are no pseudonyms. LogFileError : the file cannot be written.

    References
    ----------
    IEEE 1849-2023, Standard for eXtensible Event Stream (XES).

    >>> import datetime as dt, tempfile
    >>> at = [dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)]
    >>> events = pl.DataFrame({"user": "p_0123456789ab", "session_id": "s", "seq": 0, "timestamp": at, "app": "erp",
    ...                        "active_seconds": 9.0, "segment_id": 0, "case_id": "c"})
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["Approve"], "timestamp": at})
    >>> file = write_xes(events, process, Path(tempfile.mkdtemp()) / "joined.xes")
    >>> file.read_text().count("<event>")
    2
    """
    check_choice(level, allowed=LEVELS, what="level of desktop work")
    file = _target(path, (".xes",))
    work = list_work(events, process, segments=segments, level=level, people=people)
    write_traces(list_process(process, people=people, users=events["user"].unique()), work, file)
    return file


def write_ocel(
    events: pl.DataFrame,
    process: pl.DataFrame,
    path: str | Path,
    *,
    segments: pl.DataFrame | None = None,
    level: str = "segment",
    people: bool = False,
    key: bytes | None = None,
) -> Path:
    """Write the process log and the desktop work of its cases as one object-centric log (OCEL 2.0).

    Objects are the cases, the task instances (`task`), the applications, the documents and, with `people=True`, the
    persons by their pseudonyms. A document is another business object that a row shows in `case_ref`: it gets a number,
    its name is not written. What else is in the file and for whom it is: as with `write_xes`.

    Parameters
    ----------
    events : one row per interaction, with `case_id` from `attribute_cases`, `active_seconds` and `segment_id`.
    process : one row per process event.
    path : file to write: .json or .jsonocel, .sqlite, .sqlite3 or .db; one that is there is replaced.
    segments : segments frame of `find_tasks`, so that work is called by its task; else by `task_id` or the application.
    level : "segment" (an event per task instance and case) or "activity" (an event per action too).
    people : add the persons.
    key : the key with which case references were made digests, so that those of cases are not taken for documents.

    Returns
    -------
    The file. Relations are qualified: a process event `books` its case; work is `for` a case, an `execution of` or a
    `step of` a task instance, `uses` applications, `shows` documents and is done `by` a person; a task instance is `for`
    its cases. Events have `level`, `start_timestamp` and, where they are work, `touch_seconds`, `confidence` and
    `booking`, as with `write_xes`.

    Raises
    ------
    ContractError, SettingError, LogFileError : as with `write_xes`.

    References
    ----------
    Berti et al. (2024), OCEL (Object-Centric Event Log) 2.0 Specification.

    >>> import datetime as dt, tempfile
    >>> at = [dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)]
    >>> events = pl.DataFrame({"user": "p_0123456789ab", "session_id": "s", "seq": 0, "timestamp": at, "app": "erp",
    ...                        "active_seconds": 9.0, "segment_id": 0, "case_id": "c"})
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["Approve"], "timestamp": at})
    >>> file = write_ocel(events, process, Path(tempfile.mkdtemp()) / "joined.json")
    >>> from taskkit.overlay import read_process_log
    >>> read_process_log(file, object_type="case")["activity"].to_list()
    ['work in erp', 'Approve']
    """
    check_choice(level, allowed=LEVELS, what="level of desktop work")
    file = _target(path, tuple(FORMS))
    log = Ocel()
    log.add_process(list_process(process, people=people, users=events["user"].unique()))
    levels = LEVELS[: LEVELS.index(level) + 1]
    for each in levels:
        work = list_work(events, process, segments=segments, level=each, people=people)
        log.add_work(work, list_documents(events, process, work, key=key))
    FORMS[file.suffix.lower()](log.finished(), file)
    return file


def _target(path: str | Path, endings: tuple[str, ...]) -> Path:
    file = Path(path)
    if file.suffix.lower() not in endings:
        raise LogFileError(f"{file}: the name must end in {' or '.join(endings)}.")
    if file.is_dir() or not file.parent.is_dir():
        raise LogFileError(f"{file} is a folder or its folder is not there; allowed: a file in an existing folder.")
    return file
