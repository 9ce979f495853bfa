"""taskkit's own logs: Parquet files that are written whole or not at all, and the chunks of a recording that broke off."""

from __future__ import annotations

import glob
import json
import os
import secrets
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import ContractError, LogFileError
from taskkit.log.any_table import ready_to_paste
from taskkit.log.csv_files import read_bytes
from taskkit.privacy import ENCRYPTION_NOTES, scan_private
from taskkit.schema import EVENTS, SCHEMA_VERSION, UNKEYED, check, require, rises

PARQUET = (".parquet", ".pq")
CHUNKS = ".chunks"  # the recorder's folder of a session that has not ended: <session>.chunks/000000.parquet, …
ORDER = ("user", "session_id", "seq")
_MAGIC = b"PAR1"
_DAMAGED = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError)
_CURE = "A table of another kind is read with from_table(pl.read_parquet(…), columns={…})."


def find_files(path: str | Path) -> list[Path]:
    """The log files that a path means: a file, all *.parquet and *.pq below a folder, or those that match a pattern.

    The chunks of a session that has a whole file beside them are left out.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise LogFileError(f"{path!r} is no path. Allowed: a file, a folder, or a pattern such as log/*.parquet.")
    text = str(path)
    place = Path(path)
    if place.is_dir():
        named = sorted(p for p in place.rglob("*") if p.suffix.lower() in PARQUET and not p.name.startswith("."))
        broken = [p for p in named if not p.exists()]
        if broken:
            raise LogFileError(
                f"{broken[0]} is a link to nothing. Mend or remove it: the log would be read without it."
            )
        found = _without_finished([p for p in named if p.is_file()], place)
        if not found:
            begun = [place] if place.suffix == CHUNKS else sorted(place.rglob(f"*{CHUNKS}"))
            if begun:
                raise LogFileError(
                    f"{text} holds no events: the recording {begun[0]} ended before anything was stored."
                )
            others = sorted(p.name for p in place.iterdir() if p.is_file())[:5]
            said = f"; it holds {', '.join(others)}: read one of these by its name" if others else "; it is empty"
            raise LogFileError(f"The folder {text} has no *.parquet file in it or below{said}.")
        _refuse_foreign(place, found)
        return found
    if place.exists():
        return [place]
    if any(sign in text for sign in "*?["):
        found = _without_finished([Path(p) for p in sorted(glob.glob(text, recursive=True)) if Path(p).is_file()])
        if not found:
            raise LogFileError(
                f"No file matches {text}. Allowed: a file, a folder, or a pattern such as log/*.parquet."
            )
        return found
    near = sorted(p.name for p in place.parent.iterdir())[:8] if place.parent.is_dir() else []
    said = (
        f" {place.parent} holds: {', '.join(near)}." if near else f" The folder {place.parent} is not there or empty."
    )
    raise LogFileError(f"There is no file or folder {text}.{said}")


def _without_finished(found: list[Path], asked: Path | None = None) -> list[Path]:
    """Chunks that were put together into a whole file, but not yet removed, would be read twice."""
    folders = {p.parent for p in found if p.parent.suffix == CHUNKS and p.parent != asked}
    finished = {folder for folder in folders if folder.with_suffix(".parquet").is_file()}
    return [p for p in found if p.parent not in finished]


def split_recordings(files: list[Path]) -> list[list[Path]]:
    """The files of each recording: one whole file, or the chunks of one folder in their order."""
    parts = groupby(files, key=lambda file: file.parent if file.parent.suffix == CHUNKS else file)
    return [list(part) for _, part in parts]


def _place(part: list[Path]) -> Path:
    """What an error calls a recording: its file or its folder of chunks."""
    return part[0] if part[0].parent.suffix != CHUNKS else part[0].parent


def _refuse_foreign(place: Path, found: list[Path]) -> None:
    """Tables and exports beside Parquet logs would be passed over in silence: they are named instead."""
    others = [p for p in sorted(place.rglob("*")) if p.is_file() and not p.name.startswith(".") and _may_be_a_log(p)]
    if others:
        names = ", ".join(str(p.relative_to(place)) for p in others[:5]) + (", …" if len(others) > 5 else "")
        raise LogFileError(
            f"The folder {place} holds {len(found)} Parquet files and {len(others)} that may be logs of another format: "
            f"{names}. Read them by their names and write them with write_log, or read the pattern {place}/**/*.parquet "
            "to leave them out."
        )


def _may_be_a_log(path: Path) -> bool:
    """A CSV or TSV file, or JSON that begins as ActivityWatch's exports do."""
    kind = path.suffix.lower()
    if kind != ".json":
        return kind in (".csv", ".tsv")
    with path.open("rb") as file:
        start = file.read(4096)
    return b'"buckets"' in start or b'"events"' in start


def is_parquet(path: Path) -> bool:
    """Whether a file is or should be Parquet."""
    if path.suffix.lower() in PARQUET:
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) == _MAGIC
    except OSError as error:
        raise LogFileError(f"{path} cannot be read: {error.strerror}.") from error


def read_parquet_log(paths: list[Path], *, key: bytes | None = None) -> pl.DataFrame:
    """Events of many files, in the order of their keys whatever the order of the files; the key is for encrypted ones."""
    parts = split_recordings(paths)
    if len(parts) > 1 and (events := _read_alike(parts, key)) is not None:
        return events
    frames = [_read_one(part, key) for part in parts]
    try:
        events = pl.concat(frames, how="diagonal")
    except pl.exceptions.PolarsError as error:
        raise LogFileError(
            f"The files {paths[0]} … {paths[-1]} do not go together: a column has different types in them ({error}). "
            "Read them one by one and cast it."
        ) from None
    if events.is_empty():
        raise LogFileError(f"{_named(paths)} no rows: there is no log in it. Was the recording or the export finished?")
    twice = events.select(pl.struct(ORDER).is_duplicated()).to_series()
    if twice.any():
        files = pl.Series([str(_place(p)) for p, frame in zip(parts, frames, strict=True) for _ in range(frame.height)])
        row = events.filter(twice).sort(ORDER).row(0, named=True)
        raise ContractError(
            f"{int(twice.sum()):,} rows have a key (user, session_id, seq) that another row has too, the first is "
            f"{tuple(row[k] for k in ORDER)}; found in {', '.join(files.filter(twice).unique().sort().head(6))}. "
            "Is one recording there twice, as parts and as a whole? Remove one of them."
        )
    return events.select(_in_order(events.columns)).sort(ORDER)


def _read_alike(parts: list[list[Path]], key: bytes | None) -> pl.DataFrame | None:
    """Recordings of one form in one scan; None where anything is wrong: one by one, it can be said where."""
    try:
        if len({read_form(part) for part in parts}) > 1 or _is_newer(read_parquet_notes(parts[0][-1])):
            return None
        events = scan_private([path for part in parts for path in part], key=key).collect()
        _need_columns(events.columns, parts[0][0])
    except (ContractError, LogFileError, *_DAMAGED):
        return None
    if events.is_empty() or _typed(events.schema) or not check(events, UNKEYED).is_empty():
        return None
    if not rises(events):
        events = events.sort(ORDER)
        if not rises(events):
            return None
    # one column after the other: of none but one are the pieces, one a file, and the whole in memory at once
    return pl.DataFrame([events.drop_in_place(name).rechunk() for name in _in_order(events.columns)])


def _named(paths: list[Path]) -> str:
    return f"{paths[0]} has" if len(paths) == 1 else f"The {len(paths)} files from {paths[0]} to {paths[-1]} have"


def parquet_names(path: Path) -> list[str]:
    """Names of the columns of a Parquet file, without its rows."""
    _check_start(path)
    try:
        return pl.scan_parquet(path, glob=False).collect_schema().names()
    except _DAMAGED as error:
        raise _unreadable(path, error) from None


def count_rows(part: list[Path]) -> int:
    """Rows of a recording, from the footers of its files; no key is needed."""
    try:
        return int(pl.scan_parquet(part, glob=False).select(pl.len()).collect().item())
    except _DAMAGED as error:
        raise _unreadable(_place(part), error) from None


def read_foreign_parquet(path: Path) -> pl.DataFrame:
    """Any Parquet file as it stands."""
    _check_start(path)
    try:
        return pl.read_parquet(path, glob=False)
    except _DAMAGED as error:
        raise _unreadable(path, error) from None


def scan_parquet_log(paths: list[Path], *, key: bytes | None = None) -> pl.LazyFrame:
    """The same files as a lazy frame, with the contract's types; rows come in the order of the files."""
    for path in paths:
        _check_start(path)
    frames = []
    # one scan for many files is ten times as fast as one for each, but wants the same columns in all of them
    for _, alike in groupby(split_recordings(paths), key=read_form):
        files = [path for part in alike for path in part]
        try:
            lazy = scan_private(files, key=key)
            schema = lazy.collect_schema()
        except _DAMAGED as error:
            raise _unreadable(files[0], error) from None
        _need_columns(schema.names(), files[0])
        frames.append(lazy.with_columns(_typed(schema)))
    return pl.concat(frames, how="diagonal")


def read_form(part: list[Path]) -> str:
    """The columns of a recording with their types and the version of the contracts, as its file says it; an encrypted one,
    which has its own key, by its name."""
    _check_start(part[0])
    try:
        notes = pl.read_parquet_metadata(part[0])
    except _DAMAGED as error:
        raise _unreadable(part[0], error) from None
    if "encrypted_columns" in notes or "ARROW:schema" not in notes:
        return str(part[0])
    return f"{notes.get('schema_version')} {notes['ARROW:schema']}"


def write_parquet_log(events: pl.DataFrame, path: Path, metadata: Mapping[str, Any]) -> None:
    """Write checked and sorted events: temporary name in the same folder, fsync, rename; only the owner may read."""
    events = require(events, source="the events to be written").sort(ORDER)
    if path.is_dir() or not path.parent.is_dir():
        raise LogFileError(
            f"{path} is a folder or its folder is not there; allowed: a file name in an existing folder."
        )
    notes = {"schema_version": SCHEMA_VERSION} | {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
        for name, value in metadata.items()
        if name not in ENCRYPTION_NOTES  # of the log that was read: this file is not encrypted
    }
    passing = path.parent / f".{path.name}.{secrets.token_hex(4)}.part"
    handle = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            events.write_parquet(file, compression="zstd", compression_level=3, metadata=notes)
            file.flush()
            os.fsync(file.fileno())
        os.replace(passing, path)
    except BaseException:
        passing.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the name itself survives a crash only when its folder is on the disk too
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_parquet_notes(path: Path) -> dict[str, str]:
    """What a Parquet file says about itself."""
    _check_start(path)
    try:
        notes = pl.read_parquet_metadata(path)
    except _DAMAGED as error:
        raise _unreadable(path, error) from None
    return {name: value for name, value in notes.items() if not name.startswith("ARROW:")}


def _read_one(part: list[Path], key: bytes | None) -> pl.DataFrame:
    notes, place = read_parquet_notes(part[-1]), _place(part)
    if _is_newer(notes):
        raise LogFileError(
            f"{place} was written with version {notes['schema_version']} of the contracts, this taskkit knows "
            f"{SCHEMA_VERSION}. Update taskkit."
        )
    frame = _read_together(part, key)
    _need_columns(frame.columns, place, frame)
    _refuse_lossy(frame, place)
    try:
        frame = frame.with_columns(_typed(frame.schema))
    except pl.exceptions.PolarsError as error:
        raise ContractError(
            f"{place}: a column has not the type of the contract ({_first_line(error)}). {_CURE}"
        ) from None
    return require(frame, source=str(place))


def _is_newer(notes: Mapping[str, str]) -> bool:
    version = notes.get("schema_version", SCHEMA_VERSION)
    return version.isdigit() and int(version) > int(SCHEMA_VERSION)


def _read_together(part: list[Path], key: bytes | None) -> pl.DataFrame:
    """The rows of a recording in one scan; only if that fails file by file, to name the one that is at fault."""
    for path in part:
        _check_start(path)
    try:
        return scan_private(part, key=key).collect()
    except _DAMAGED as error:
        if len(part) == 1:
            raise _unreadable(part[0], error) from None
        return pl.concat([_read_together([path], key) for path in part], how="diagonal")


def _refuse_lossy(frame: pl.DataFrame, path: Path) -> None:
    """A cast must not change a value: times need a time type, whole numbers must be whole."""
    if not isinstance(frame["timestamp"].dtype, pl.Datetime):
        raise ContractError(
            f"{path}: column 'timestamp' has the type {frame['timestamp'].dtype}; allowed: a datetime. {_CURE}"
        )
    for name in frame.columns:
        whole = _known(name) and EVENTS[name].dtype.is_integer() and frame[name].dtype.is_float()
        if whole and (frame[name] != frame[name].round()).any():
            raise ContractError(f"{path}: column {name!r} holds fractions; allowed: whole numbers. {_CURE}")


def _known(name: str) -> bool:
    return name in EVENTS.schema


def _typed(schema: pl.Schema) -> list[pl.Expr]:
    """The columns that have not yet the types of the contract, cast to them: a wrong cast is an error, never a null.

    A time without a zone is UTC.
    """
    naive = isinstance(kind := schema["timestamp"], pl.Datetime) and kind.time_zone is None
    at = pl.col("timestamp").dt.replace_time_zone("UTC") if naive else pl.col("timestamp")
    wrong = [name for name, kind in schema.items() if _known(name) and kind != EVENTS.schema[name]]
    return [(at if name == "timestamp" else pl.col(name)).cast(EVENTS.schema[name]) for name in wrong]


def _need_columns(names: list[str], path: Path, frame: pl.DataFrame | None = None) -> None:
    missing = [name for name in EVENTS.required if name not in names]
    if missing:
        guess = ready_to_paste(frame) if frame is not None else ""
        cure = f"As far as its names tell, it is read with read_log(…, {guess}). {_CURE}" if guess else _CURE
        raise ContractError(
            f"{path} is no log of taskkit: it has no column {', '.join(map(repr, missing))}. "
            f"Columns found: {', '.join(names[:15])}. {cure}"
        )


def _check_start(path: Path) -> None:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            start = file.read(4)
            file.seek(-min(4, size), os.SEEK_END)
            end = file.read(4)
    except OSError as error:
        now = " Is it being recorded right now? Then read it once more." if path.parent.suffix == CHUNKS else ""
        raise LogFileError(f"{path} cannot be read: {error.strerror}.{now}") from error
    if size < 12:
        read_bytes(path)  # says what is wrong with an empty file
    if start != _MAGIC or end != _MAGIC or size < 12:
        cut = (
            "it is cut off at the end; was the copy or the recording broken off?"
            if start == _MAGIC
            else "it is no Parquet."
        )
        raise LogFileError(f"{path} cannot be read as Parquet: {cut} Remove it or copy it again.")


def _unreadable(path: Path, error: BaseException) -> LogFileError:
    if "ncryption" in str(error):
        return LogFileError(
            f"{path} is damaged: its encrypted contents fail their check ({_first_line(error)}). Copy it again."
        )
    return LogFileError(f"{path} cannot be read as Parquet ({_first_line(error)}). Remove it or copy it again.")


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:200]


def _in_order(names: list[str]) -> list[str]:
    return [name for name in EVENTS.schema if name in names] + [name for name in names if not _known(name)]
