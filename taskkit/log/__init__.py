"""Files in, a checked events frame out: taskkit's own Parquet logs, foreign formats, any table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import LogFileError, check_choice
from taskkit.log.any_table import guess_columns
from taskkit.log.durations import parse_duration
from taskkit.log.foreign import IMPORTERS, Importer, detect_format, read_as, remarks, score_formats
from taskkit.log.parquet_files import (
    ORDER,
    count_rows,
    find_files,
    is_parquet,
    parquet_names,
    read_form,
    read_parquet_log,
    read_parquet_notes,
    scan_parquet_log,
    split_recordings,
    write_parquet_log,
)
from taskkit.log.protection import protect
from taskkit.log.sources import read_source
from taskkit.log.table import check_mapping, from_table
from taskkit.privacy import UNKNOWN_USER
from taskkit.schema import EVENTS, require

__all__ = [
    "IMPORTERS",
    "Importer",
    "from_table",
    "guess_columns",
    "import_log",
    "list_formats",
    "parse_duration",
    "read_log",
    "read_metadata",
    "scan_log",
    "write_log",
]


def read_log(
    path: str | Path,
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    keep_values: bool = False,
    key: bytes | None = None,
) -> pl.DataFrame:
    """Read a log: taskkit's Parquet files, or one file in a foreign format.

    Parameters
    ----------
    path : a file, a folder (all *.parquet in it and below), a pattern such as "log/2026-03-*.parquet", or one
        foreign file (CSV, Parquet, ActivityWatch's JSON). In a folder a session that did not end is read from its chunks
        (`<session>.chunks/`), unless its whole file is there too.
    format : name of the foreign format (`IMPORTERS`); recognised by the columns where it is not given.
    columns : {contract name: name in the file}, for any table, see `import_log`.
    keep_values : for a foreign file, see `import_log`.
    key : for an encrypted log, the key it was recorded with; for a foreign file, the key of its digests and pseudonyms,
        see `import_log`. Both are read with `taskkit.privacy.read_key`.

    Returns
    -------
    Events frame, one row per interaction, sorted by (user, session_id, seq) whatever the order of the files.

    Raises
    ------
    LogFileError : the path or a file cannot be read as a log, has no rows, or is encrypted and the key is missing or
        another one; the message names it and the cure.
    ContractError : a file can be read but breaks the events contract.
    SettingError : an unknown format, or a mapping that is none.

    >>> import tempfile
    >>> table = pl.DataFrame({"timestamp": ["2026-03-02T08:00:00Z"], "app": ["erp"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_log(from_table(table), Path(folder) / "monday.parquet")
    ...     read_log(folder)["app"].to_list()
    ['erp']
    """
    files = find_files(path)
    foreign = _foreign(files)
    if not foreign and format is None and columns is None:
        return read_parquet_log(files, key=key)
    if len(files) > 1:
        raise LogFileError(
            f"{path} means {len(files)} files and {foreign[0] if foreign else files[0]} is to be read as a foreign format; "
            "such files are read one at a time: pl.concat([read_log(file, key=key) for file in files])."
        )
    return import_log(files[0], format=format, columns=columns, keep_values=keep_values, key=key)[0]


def scan_log(path: str | Path, *, key: bytes | None = None) -> pl.LazyFrame:
    """Open taskkit's Parquet logs lazily: nothing but the columns and rows that are asked for is read.

    The contract's types hold; keys and values are not checked and the rows come in the order of the files, so sort by
    (user, session_id, seq) where order matters.

    Parameters
    ----------
    path : a file, a folder or a pattern, as for `read_log`.
    key : the key that an encrypted log was recorded with.

    Returns
    -------
    Lazy events frame, one row per interaction.

    Raises
    ------
    LogFileError, ContractError : a file is no Parquet log, or is encrypted and the key does not fit; foreign formats
        cannot be scanned.

    >>> import tempfile
    >>> table = pl.DataFrame({"timestamp": ["2026-03-02T08:00:00Z"], "app": ["erp"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_log(from_table(table), Path(folder) / "monday.parquet")
    ...     scan_log(folder).select("app").collect()["app"].to_list()
    ['erp']
    """
    return pl.concat(scan_parts(path, key=key), how="diagonal")


def scan_parts(path: str | Path, *, megabytes: float = 16.0, key: bytes | None = None) -> list[pl.LazyFrame]:
    """Open logs as `scan_log` does, in parts of about so many megabytes of files, for work that takes one at a time."""
    files = find_files(path)
    foreign = _foreign(files)
    if foreign:
        raise LogFileError(
            f"{foreign[0]} is no Parquet log of taskkit; a foreign format is read with read_log, then write_log."
        )
    parts: dict[int, list[Path]] = {}
    size = 0
    for file in files:
        parts.setdefault(int(size / (megabytes * 1e6)), []).append(file)
        size += file.stat().st_size
    return [scan_parquet_log(part, key=key) for part in parts.values()]


def write_log(events: pl.DataFrame, path: str | Path, *, metadata: Mapping[str, Any] | None = None) -> None:
    """Write an events frame as one Parquet file, whole or not at all, readable by its owner only.

    The frame is checked and sorted by (user, session_id, seq). The same frame and metadata give the same bytes.

    Parameters
    ----------
    events : events frame.
    path : file to write; an older file of that name is replaced.
    metadata : what the log says about itself (`consent`, `kept_until`, `recorder`, …); the schema version is added.

    Raises
    ------
    ContractError : the frame breaks the events contract.
    LogFileError : the file cannot be written there.

    >>> import tempfile
    >>> events = from_table(pl.DataFrame({"timestamp": ["2026-03-02T08:00:00Z"]}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_log(events, Path(folder) / "log.parquet", metadata={"consent": "Notice of 1 March"})
    ...     read_metadata(folder)["consent"]
    'Notice of 1 March'
    """
    try:
        write_parquet_log(events, Path(path), metadata or {})
    except OSError as error:
        raise LogFileError(f"{path} cannot be written: {error.strerror}.") from error


def import_log(
    path: str | Path,
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    keep_values: bool = False,
    key: bytes | None = None,
    user: str | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read one foreign file (CSV, Parquet or ActivityWatch's JSON), and report what became of each column.

    Content is off by default: a copied, pasted or typed value becomes a digest, a length and a shape while it is
    read; users become pseudonyms; names, titles and addresses are redacted. What is in a password field never enters.
    A label or title on the screen that repeats what was typed before (a subject line, a new file's name) stays, after
    redaction: its class is P2. Without `key` the key is made from the file, so that the same file gives the same
    frame. Such a key keeps a reader of the frame from seeing values and names; it does not protect against somebody
    who has the file too, and pseudonyms of two files do not match. For that, give the engagement's own key
    (`taskkit.privacy.read_key`).

    Parameters
    ----------
    path : the file.
    format : name in `IMPORTERS`; recognised by the columns where it is not given. "table" reads any table by the names
        of its columns and reports each guess.
    columns : {contract name: name in the file}. With a time column in it the file is read as any table, by this
        mapping alone; without one it adds to what the format maps, {"case_ref": "Custom1"}.
    keep_values : keep the content in `value` too (class P3: handle the log as confidential).
    key : key of digests and pseudonyms, at least 16 bytes.
    user : the one person of a file that names none; without it the file counts as one unknown person.

    Returns
    -------
    The events frame, sorted by (user, session_id, seq); and the report, one row per source column: `column`, `rows` (not
    empty), `mapped_to`, `outcome` (mapped, split, dropped), `reason`. Where rows of the file gave no event, or two, rows
    of the report called "(rows)" count them: mapped + 2 × split = events, mapped + split + dropped = rows of the file.
    Rows called "(file)", "(user)" and "(event_type)" say what no column does: read as cp1252, nobody named, no row's
    kind known; they count again rows that are counted above.

    Raises
    ------
    LogFileError, ContractError : the file cannot be read, no importer knows it, or a value cannot be understood.
    SettingError : an unknown format, or a mapping that is none.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "log.csv"
    ...     header = "timeStamp,userID,targetApp,eventType,content"
    ...     size = file.write_text(header + "\\n2026-03-02T08:00:00Z,ada,Excel,copy,x\\n")
    ...     events, report = import_log(file)
    >>> events["value"].to_list(), events["value_shape"].to_list(), report["outcome"].unique().to_list()
    ([None], ['a'], ['mapped'])
    """
    if format is not None:
        check_choice(format, allowed=IMPORTERS, what="log format")
    file = _one_file(path)
    source = read_source(file)
    name = _choose_format(source.frame, file, format, columns)
    reading, report = read_as(source.frame, name, where=str(file), columns=columns)
    events = reading.events
    if user is not None and events["user"].unique().to_list() == [UNKNOWN_USER]:
        events = events.with_columns(pl.lit(user).alias("user"))
    key = key if key is not None else source.sha256
    events = protect(events, key=key, keep_values=keep_values, clear_sessions=reading.clear_sessions)
    events = require(events.sort(ORDER), source=str(file))
    report = pl.concat([report, remarks(events, source)])
    marks = pl.col("column").replace_strict(dict(source.repaired), default=0, return_dtype=pl.UInt32)
    said = pl.format("{}; {} rows with unescaped quotation marks are read as they stand", "reason", marks)
    return events, report.with_columns(pl.when(marks > 0).then(said).otherwise("reason").alias("reason"))


def list_formats(path: str | Path) -> pl.DataFrame:
    """Say how far a foreign file looks like each known format, and which one it would be read as.

    Parameters
    ----------
    path : one CSV, Parquet or JSON file.

    Returns
    -------
    One row per importer, the likeliest first: `format`, `recorder`, `score` (share of the required columns that are
    there), `found`, `missing`, `chosen`, `evidence` (a sentence).

    Raises
    ------
    LogFileError : the file is damaged, empty, or of no kind that is known.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "log.csv"
    ...     size = file.write_text("timeStamp,userID,targetApp,eventType\\n2026-03-02T08:00:00Z,ada,Excel,copy\\n")
    ...     list_formats(file).filter("chosen").select("format", "score").rows()
    [('action_logger', 1.0)]
    """
    return score_formats(read_source(_one_file(path)).frame)


def _one_file(path: str | Path) -> Path:
    files = find_files(path)
    if len(files) != 1 or Path(path).is_dir():
        raise LogFileError(f"{path} is not a file; a foreign format is read one file at a time.")
    return files[0]


def _choose_format(frame: pl.DataFrame, file: Path, format: str | None, columns: Mapping[str, str] | None) -> str:
    """The format that is asked for, that a mapping means, or that the columns tell."""
    if format is None and columns is not None:
        own = check_mapping(frame, columns, str(file))
        chosen = score_formats(frame).filter("chosen")["format"]
        return "table" if "timestamp" in own or chosen.is_empty() else str(chosen[0])
    return detect_format(frame.columns, where=str(file), format=format, frame=frame)


def read_metadata(path: str | Path) -> dict[str, str]:
    """Read what the files of a log say about themselves, merged over all of them.

    Parameters
    ----------
    path : a file, a folder or a pattern, as for `read_log`.

    Returns
    -------
    Name → text, no key is needed. Equal statements are said once, different ones are joined by " / "; counts in JSON are
    added up. Of a session that did not end the last chunk speaks. `ended_cleanly` says how many did not end, `signed_off`
    how many were not signed off. `consent` and `kept_until` are for `taskkit.privacy.posture`; a foreign file has its
    `format`, the `evidence` for it and its `recorder`; `empty_files` counts those without a row, where there are any.

    >>> import tempfile
    >>> events = from_table(pl.DataFrame({"timestamp": ["2026-03-02T08:00:00Z"]}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_log(events, Path(folder) / "log.parquet")
    ...     read_metadata(folder)
    {'schema_version': '1'}
    """
    parts = split_recordings(find_files(path))
    foreign = [is_foreign(part[-1]) for part in parts]
    notes = [
        _foreign_notes(part[-1]) if other else read_parquet_notes(part[-1])
        for part, other in zip(parts, foreign, strict=True)
    ]
    empty = sum(count_rows(part) == 0 for part, other in zip(parts, foreign, strict=True) if not other)
    merged = {"empty_files": f"{empty} of {len(parts)}"} if empty else {}
    for name in sorted({name for note in notes for name in note}):
        told = [note[name] for note in notes if name in note]
        merged[name] = _STATEMENTS[name](told) if name in _STATEMENTS else _add_up(told) or " / ".join(sorted({*told}))
        silent = len(notes) - len(told)
        if silent and name in ("consent", "ended_cleanly", "kept_until", "signed_off"):
            merged[name] += f" ({silent} of {len(notes)} files do not say so)"
    return merged


def is_foreign(file: Path) -> bool:
    """Whether a file is of another recorder; a Parquet file is where an importer knows its columns and we do not."""
    if not is_parquet(file):
        return True
    names = parquet_names(file)
    own = all(name in names for name in EVENTS.required)
    return not own and any(not importer.missing(names) for importer in IMPORTERS.values() if not importer.only_asked)


def _foreign(files: list[Path]) -> list[Path]:
    """The files of other recorders; chunks of one session are of one kind, and so are files with the same columns."""
    own: set[str] = set()
    found = []
    for part in split_recordings(files):
        form = read_form(part) if is_parquet(part[0]) else None
        if form in own:
            continue
        if is_foreign(part[0]):
            found.append(part[0])
        elif form is not None:
            own.add(form)
    return found


def _foreign_notes(file: Path) -> dict[str, str]:
    frame = read_source(file).frame
    name = detect_format(frame.columns, where=str(file), frame=frame)
    recorder = IMPORTERS[name].recorder
    return {
        "format": name,
        "recorder": recorder,
        "evidence": f"Taken for {name}: it has {IMPORTERS[name].evidence(frame.columns)}.",
        "consent": f"The log comes from a foreign recorder ({recorder}); the file carries no statement of consent.",
    }


def _add_up(told: list[str]) -> str | None:
    """Sum of JSON objects that count things; None if they are none."""
    total: dict[str, int] = {}
    for text in told:
        try:
            counts = json.loads(text)
        except ValueError:
            return None
        if not isinstance(counts, dict) or not all(isinstance(n, int) for n in counts.values()):
            return None
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return json.dumps(total, sort_keys=True)


def _count_ended(told: list[str]) -> str:
    """How many recordings did not end as they should."""
    broken = sum(text not in ("true", "yes") for text in told)  # "yes": written again from merged statements
    if broken and len(told) == 1:
        return "no: the recording did not end"
    return f"no: {broken} of {len(told)} recordings did not end" if broken else "yes"


def _from_to(told: list[str]) -> str:
    """First and last of several dates or times; anything else is said as it stands."""
    known = sorted({*told})
    dates = all(re.match(r"\d{4}-\d\d-\d\d", text) for text in known)
    return f"{known[0]} to {known[-1]}" if dates and len(known) > 1 else " / ".join(known)


_STATEMENTS = {"ended_cleanly": _count_ended, "kept_until": _from_to, "signed_off": _from_to}
