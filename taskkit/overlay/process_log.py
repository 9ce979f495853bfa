"""The business systems' own event log, from a CSV, Parquet, XES or OCEL 2.0 file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from taskkit.errors import ContractError, LogFileError, SettingError, check_choice
from taskkit.log.csv_files import read_text_table
from taskkit.log.times import read_times
from taskkit.overlay.lifecycles import pair_lifecycles
from taskkit.overlay.ocel import FORMS, read_ocel
from taskkit.overlay.xes import read_xes
from taskkit.schema import PROCESS, TIME, require_columns

# what foreign logs call the columns of the contract; letters and digits only, the likeliest first
NAMES = {
    "case_id": ("caseid", "caseconceptname", "case", "caseidentifier", "caseno", "casenumber", "casekey", "traceid"),
    "activity": ("activity", "conceptname", "activityname", "activityid", "event", "eventname", "task", "step"),
    "timestamp": ("timestamp", "timetimestamp", "completetimestamp", "completetime", "complete", "endtimestamp",
                  "endtime", "end", "eventtime", "datetime", "time", "date"),
    "start_timestamp": ("starttimestamp", "starttime", "start"),
    "resource": ("resource", "orgresource", "user", "userid", "username", "agent", "performer", "employee"),
    "lifecycle": ("lifecycle", "lifecycletransition", "transition", "eventtype"),
}  # fmt: skip
NO_TIMES = ("", "NaT", "nan", "NaN", "None", "null", "NULL")  # how programs write that there is none
TIME_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z", "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S%.f", "%Y/%m/%d %H:%M",
    "%d.%m.%Y %H:%M:%S%.f", "%d.%m.%Y %H:%M", "%d-%m-%Y %H:%M:%S%.f", "%d-%m-%Y %H:%M",
    "%d/%m/%Y %H:%M:%S%.f", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S%.f", "%m/%d/%Y %H:%M",
)  # fmt: skip

_KNOWN = f".csv, .tsv, .parquet, .xes, .xes.gz, {', '.join(FORMS)}"


def read_process_log(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    object_type: str | None = None,
    pair: bool = True,
) -> pl.DataFrame:
    """Read the event log of a business system from CSV, Parquet, XES, XES.GZ or OCEL 2.0 (JSON, SQLite, XML).

    Column names are guessed from what such logs usually call them (`guess_columns` shows the guess); `columns`
    overrides it. Times without an offset are read as UTC. Rows of a lifecycle (start, complete, …) become one row per
    activity that was done, with its start (`pair_lifecycles`; what has no counterpart is left out or kept without a start,
    `list_lifecycle_problems` counts it). XES and OCEL are read as untrusted input: no document
    type, no entities, no code inside a database, bounded size and depth.

    In an object-centric log one type of object is the case: by default one called "case", or the one with most events, if
    most of its events name exactly one such object and no other type comes near it; persons never are
    (`list_object_types` shows the types). An event that names several counts for each of them; one that names none is in
    no case and left out. The last value of an object's attribute is the case's; the objects of the other types stay as
    columns of lists.

    Parameters
    ----------
    path : the file.
    columns : {contract name: name in the file}, for the names that the guess misses or gets wrong.
    object_type : the type of object that is the case, for OCEL only.
    pair : False keeps the rows of a lifecycle as they are (for `list_lifecycle_problems`).

    Returns
    -------
    One row per process event (see `PROCESS`), ordered by time, ties in the order of the file. Other columns are kept
    under their own name, without a leading `case:`.

    Raises
    ------
    LogFileError : the file is missing, empty, cut off or not of its kind; a column cannot be found; a time cannot be
        read; no type of object is clearly the case. The message names what was found and the call that cures it.

    References
    ----------
    IEEE 1849-2023, Standard for eXtensible Event Stream (XES). Berti et al. (2024), OCEL (Object-Centric Event Log) 2.0
    Specification.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "log.csv"
    >>> _ = file.write_text("Case ID;Activity;Complete Timestamp\\n17;Approve;2026-03-02 08:00:00\\n")
    >>> read_process_log(file).row(0)[:2]
    ('17', 'Approve')
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise LogFileError(f"{path} {what}. Give one process log: {_KNOWN}.")
    frame, given = _read(path, object_type)
    if frame.is_empty():
        raise LogFileError(f"{path} holds no events: nothing to lay the tasks over.")
    chosen = _choose(path, frame, given | dict(columns or {}))
    frame = _rename(frame, chosen)
    for name in ("case_id", "activity", "resource", "lifecycle"):
        if name in frame.columns:
            if frame[name].dtype.is_nested() or frame[name].dtype.is_float():
                raise LogFileError(f"{path}: column {chosen[name]!r} has the type {frame[name].dtype}; allowed: text or whole "
                                   "numbers. Convert the column and write the file again.")  # fmt: skip
            frame = frame.with_columns(pl.col(name).cast(pl.String).str.strip_chars().replace("", None))
    for name in ("timestamp", "start_timestamp"):
        if name in frame.columns:
            parsed = _times(path, frame[name], chosen[name], required=name == "timestamp")
            frame = frame.with_columns(parsed.alias(name))
    _refuse_nulls(path, frame, chosen)
    first = [column.name for column in PROCESS.columns if column.name in frame.columns]
    others = [name for name in frame.columns if name not in first]
    frame = frame.select(*first, *others).sort("timestamp", maintain_order=True)
    return pair_lifecycles(frame) if pair else frame


def guess_columns(found: Iterable[str]) -> dict[str, str]:
    """Guess which of a process log's columns are which columns of the contract.

    >>> guess_columns(["CaseID", "concept:name", "time:timestamp", "amount"])
    {'case_id': 'CaseID', 'activity': 'concept:name', 'timestamp': 'time:timestamp'}
    """
    by_key: dict[str, str] = {}
    for name in found:
        by_key.setdefault(_key(name), name)
    guess: dict[str, str] = {}
    for contract_name, likely in NAMES.items():
        known = next((by_key[key] for key in likely if key in by_key and by_key[key] not in guess.values()), None)
        if known is not None:
            guess[contract_name] = known
    return guess


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _read(path: Path, object_type: str | None) -> tuple[pl.DataFrame, dict[str, str]]:
    """The file's own columns, and those of them that need no guess."""
    name = path.name.lower()
    if name.endswith(tuple(FORMS)):
        known = {"case_id": "ocel:case", "activity": "ocel:type", "timestamp": "ocel:time"}
        return read_ocel(path, object_type=object_type), known
    if object_type is not None:
        raise SettingError(
            f"object_type={object_type!r} is for OCEL 2.0 ({', '.join(FORMS)}); {path} has one case a row."
        )
    return (read_xes(path) if name.endswith((".xes", ".xes.gz")) else _read_table(path)), {}


def _read_table(path: Path) -> pl.DataFrame:
    name = path.name.lower()
    try:
        if name.endswith((".parquet", ".pq")):
            return pl.read_parquet(path)
        if name.endswith((".csv", ".tsv", ".txt")):
            return read_text_table(path).frame
    except pl.exceptions.NoDataError as error:
        raise LogFileError(f"{path} is empty.") from error
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        first = str(error).strip().splitlines()[0]
        raise LogFileError(f"{path} cannot be read as {path.suffix[1:].upper()}: {first}") from error
    raise LogFileError(f"{path}: unknown kind of process log. Known: {_KNOWN}.")


def _choose(path: Path, frame: pl.DataFrame, columns: Mapping[str, str]) -> dict[str, str]:
    found = frame.columns
    known = [column.name for column in PROCESS.columns]
    for name in columns:
        check_choice(name, allowed=known, what="column of the process contract")
    absent = [name for name in columns.values() if name not in found]
    if absent:
        raise LogFileError(f"{path} has no column {', '.join(map(repr, absent))}. Columns found: {', '.join(found)}.")
    if len(set(columns.values())) < len(columns):
        raise SettingError(f"columns={dict(columns)} uses one column of the file twice; each can stand for one name.")
    # lists are the objects of an object-centric log: a type called "resource" or "task" is no column of the contract
    free = [name for name, dtype in frame.schema.items() if name not in columns.values() and not dtype.is_nested()]
    guess = {name: column for name, column in guess_columns(free).items() if name not in columns}
    chosen = guess | dict(columns)
    missing = [name for name in PROCESS.required if name not in chosen]
    if missing:
        call = ", ".join(f'"{name}": "…"' for name in missing)
        recognised = ", ".join(f"{name} = {column!r}" for name, column in chosen.items()) or "nothing"
        raise LogFileError(
            f"{path}: no column was recognised as {', '.join(missing)}. Columns found: {', '.join(found)}. "
            f"Recognised: {recognised}. Name the others: read_process_log(…, columns={{{call}}})."
        )
    return chosen


def _rename(frame: pl.DataFrame, chosen: Mapping[str, str]) -> pl.DataFrame:
    """Contract names for the chosen columns; the others keep theirs without `case:`, marked where a name is taken."""
    names: dict[str, str] = {column: name for name, column in chosen.items()}
    taken = set(chosen)
    for name in frame.columns:
        if name in names:
            continue
        bare = name.removeprefix("case:") or name
        while bare in taken or bare in PROCESS.schema:
            bare += "_in_file"
        taken.add(bare)
        names[name] = bare
    return frame.rename(names)


def _times(path: Path, series: pl.Series, column: str, *, required: bool) -> pl.Series:
    if series.dtype != pl.String:
        try:
            known = read_times(series.drop_nulls(), column=column, where=str(path))
        except ContractError as error:
            raise LogFileError(str(error)) from error
        places = pl.Series(range(series.len())).filter(series.is_not_null())
        return pl.Series(column, [None] * series.len(), dtype=TIME).scatter(places, known)
    texts = series.cast(pl.String).str.strip_chars().replace(dict.fromkeys(NO_TIMES))
    start = texts.drop_nulls().head(1000)  # most formats fail at once: the whole column is read with the others only
    likely = [form for form in TIME_FORMATS if not _parse(start, form).null_count()] or TIME_FORMATS
    readings = {form: _parse(texts, form) for form in likely}
    filled = texts.len() - texts.null_count()
    full = {form: times for form, times in readings.items() if times.len() - times.null_count() == filled}
    if full:
        _refuse_ambiguous(path, column, full, texts)
        return next(iter(full.values()))
    best = max(readings.values(), key=lambda times: times.len() - times.null_count())
    wrong = (best.is_null() & texts.is_not_null()).arg_max() or 0
    raise LogFileError(
        f"{path}, column {column!r}: {int((best.is_null() & texts.is_not_null()).sum()):,} of {filled:,} times cannot "
        f"be read, the first in data row {wrong + 1}: {texts[wrong]!r}. Allowed: 2026-03-02T08:15:00Z and the usual "
        "variants, one of them throughout."
        + ("" if required else ' Or leave the column out by mapping "start_timestamp" to another one.')
    )


def _parse(texts: pl.Series, form: str) -> pl.Series:
    if "%#z" in form:
        with_zone = texts.str.replace(r"[Zz]$", "+00:00")
        return with_zone.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
    return texts.str.to_datetime(form, time_unit="us", strict=False).dt.replace_time_zone("UTC")


def _refuse_ambiguous(path: Path, column: str, readings: Mapping[str, pl.Series], texts: pl.Series) -> None:
    """Day/month and month/day that both fit every row must not be guessed: half a year of waiting hangs on it."""
    first, *others = readings.items()
    for form, times in others:
        if form[:3] != first[0][:3] and not times.equals(first[1]):
            raise LogFileError(
                f"{path}, column {column!r}: times such as {texts.drop_nulls()[0]!r} can be read as day/month or "
                f"month/day, and every row fits both. Write them as year-month-day first."
            )


def _refuse_nulls(path: Path, frame: pl.DataFrame, chosen: Mapping[str, str]) -> None:
    problems = [
        f"column {chosen[name]!r} ({name}) is empty in {frame[name].null_count():,} of {frame.height:,} rows, the "
        f"first is data row {int(frame[name].is_null().arg_max() or 0) + 1}"
        for name in PROCESS.required
        if frame[name].null_count()
    ]
    if problems:
        raise LogFileError(f"{path}: {'; '.join(problems)}. Every process event needs a case, an activity and a time.")


def count_process_successions(process: pl.DataFrame) -> pl.DataFrame:
    """Count which activity directly follows which in the cases; null is the start or end of a case.

    Parameters
    ----------
    process : frame of `read_process_log`.

    Returns
    -------
    One row per pair, most frequent first: `before`, `after`, `times`.

    >>> import datetime as dt
    >>> at = [dt.datetime(2026, 3, 2, hour, tzinfo=dt.UTC) for hour in (8, 9)]
    >>> process = pl.DataFrame({"case_id": ["c", "c"], "activity": ["Enter", "Approve"], "timestamp": at})
    >>> count_process_successions(process).select("before", "after").rows()
    [(None, 'Enter'), ('Approve', None), ('Enter', 'Approve')]
    """
    require_columns(process, "case_id", "activity", "timestamp", made_by="read_process_log")
    ordered = process.sort("case_id", "timestamp", maintain_order=True)
    pairs = ordered.select(
        before=pl.col("activity").shift(1).over("case_id"),
        after="activity",
        last=pl.col("activity").shift(-1).over("case_id").is_null(),
    )
    ends = pairs.filter("last").select(before="after", after=pl.lit(None, pl.String))
    both = pl.concat([pairs.select("before", "after"), ends])
    return (
        both.group_by("before", "after")
        .agg(times=pl.len())
        .sort("times", "before", "after", descending=[True, False, False])
    )
