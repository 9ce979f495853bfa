"""taskkit's own logs: Parquet files that are written whole or not at all."""

from __future__ import annotations

import glob
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import ContractError, LogFileError
from taskkit.log.any_table import ready_to_paste
from taskkit.log.csv_files import read_bytes
from taskkit.schema import EVENTS, SCHEMA_VERSION, require

PARQUET = (".parquet", ".pq")
ORDER = ("user", "session_id", "seq")
_MAGIC = b"PAR1"
_CURE = "A table of another kind is read with from_table(pl.read_parquet(…), columns={…})."


def find_files(path: str | Path) -> list[Path]:
    """The log files that a path means: a file, all *.parquet and *.pq below a folder, or those that match a pattern."""
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
        found = [p for p in named if p.is_file()]
        if not found:
            others = sorted(p.name for p in place.iterdir() if p.is_file())[:5]
            said = f"; it holds {', '.join(others)}: read one of these by its name" if others else "; it is empty"
            raise LogFileError(f"The folder {text} has no *.parquet file in it or below{said}.")
        _refuse_foreign(place, found)
        return found
    if place.exists():
        return [place]
    if any(sign in text for sign in "*?["):
        found = sorted(Path(p) for p in glob.glob(text, recursive=True) if Path(p).is_file())
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


def read_parquet_log(paths: list[Path]) -> pl.DataFrame:
    """Events of many files, in the order of their keys whatever the order of the files."""
    frames = [_read_one(path) for path in paths]
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
        files = pl.Series([str(p) for p, frame in zip(paths, frames, strict=True) for _ in range(frame.height)])
        row = events.filter(twice).sort(ORDER).row(0, named=True)
        raise ContractError(
            f"{int(twice.sum()):,} rows have a key (user, session_id, seq) that another row has too, the first is "
            f"{tuple(row[k] for k in ORDER)}; found in {', '.join(files.filter(twice).unique().sort().head(6))}. "
            "Is one recording there twice, as parts and as a whole? Remove one of them."
        )
    return events.select(_in_order(events.columns)).sort(ORDER)


def _named(paths: list[Path]) -> str:
    return f"{paths[0]} has" if len(paths) == 1 else f"The {len(paths)} files from {paths[0]} to {paths[-1]} have"


def parquet_names(path: Path) -> list[str]:
    """Names of the columns of a Parquet file, without its rows."""
    _check_start(path)
    try:
        return list(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as error:
        raise _unreadable(path, error) from None


def count_rows(path: Path) -> int:
    """Rows of a Parquet file, from its footer."""
    try:
        return int(pl.scan_parquet(path).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as error:
        raise _unreadable(path, error) from None


def read_foreign_parquet(path: Path) -> pl.DataFrame:
    """Any Parquet file as it stands."""
    _check_start(path)
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as error:
        raise _unreadable(path, error) from None


def scan_parquet_log(paths: list[Path]) -> pl.LazyFrame:
    """The same files as a lazy frame, with the contract's types; rows come in the order of the files."""
    frames = []
    for path in paths:
        _check_start(path)
        try:
            lazy = pl.scan_parquet(path)
            names = lazy.collect_schema().names()
        except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as error:
            raise _unreadable(path, error) from None
        _need_columns(names, path)
        frames.append(lazy.with_columns(_utc(lazy, name).cast(EVENTS[name].dtype) for name in names if _known(name)))
    return pl.concat(frames, how="diagonal")


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
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as error:
        raise _unreadable(path, error) from None
    return {name: value for name, value in notes.items() if not name.startswith("ARROW:")}


def _read_one(path: Path) -> pl.DataFrame:
    version = read_parquet_notes(path).get("schema_version", SCHEMA_VERSION)
    if version.isdigit() and int(version) > int(SCHEMA_VERSION):
        raise LogFileError(
            f"{path} was written with version {version} of the contracts, this taskkit knows {SCHEMA_VERSION}. "
            "Update taskkit."
        )
    frame = read_foreign_parquet(path)
    _need_columns(frame.columns, path, frame)
    _refuse_lossy(frame, path)
    lazy = frame.lazy()
    try:
        frame = lazy.with_columns(
            _utc(lazy, name).cast(EVENTS[name].dtype) for name in frame.columns if _known(name)
        ).collect()
    except pl.exceptions.PolarsError as error:
        raise ContractError(
            f"{path}: a column has not the type of the contract ({_first_line(error)}). {_CURE}"
        ) from None
    return require(frame, source=str(path))


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


def _utc(lazy: pl.LazyFrame, name: str) -> pl.Expr:
    """A time without a zone is UTC; a wrong cast of anything else is an error, never a null."""
    kind = lazy.collect_schema()[name]
    naive = name == "timestamp" and isinstance(kind, pl.Datetime) and kind.time_zone is None
    return pl.col(name).dt.replace_time_zone("UTC") if naive else pl.col(name)


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
    data = read_bytes(path) if path.stat().st_size < 12 else b""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(-min(4, path.stat().st_size), os.SEEK_END)
        end = file.read(4)
    if start != _MAGIC or end != _MAGIC or data:
        cut = (
            "it is cut off at the end; was the copy or the recording broken off?"
            if start == _MAGIC
            else "it is no Parquet."
        )
        raise LogFileError(f"{path} cannot be read as Parquet: {cut} Remove it or copy it again.")


def _unreadable(path: Path, error: BaseException) -> LogFileError:
    return LogFileError(f"{path} cannot be read as Parquet ({_first_line(error)}). Remove it or copy it again.")


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:200]


def _in_order(names: list[str]) -> list[str]:
    return [name for name in EVENTS.schema if name in names] + [name for name in names if not _known(name)]
