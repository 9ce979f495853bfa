"""The files of a session: chunks that are whole or not there, one file at the end, recovery, retention."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import LogFileError
from taskkit.privacy import scan_private, write_private
from taskkit.schema import EVENTS

ROWS, SECONDS = 200, 10.0  # a chunk is written when it has so many rows, or is so old
# what a recording can fill; case_ref and what is derived come later
COLUMNS = [name for name in EVENTS.schema if name in {
    "user", "session_id", "seq", "timestamp", "app", "event_type", "event_name", "team", "utc_offset_minutes", "duration_ms",
    "input_count", "window_title", "url", "element_role", "element_id", "element_name", "value", "value_digest", "value_length",
    "value_shape", "x", "y", "redactions"}]  # fmt: skip
SCHEMA = pl.Schema({name: EVENTS.schema[name] for name in COLUMNS})


class Chunks:
    """Takes the rows of one session; a row is acknowledged when it is safely on the disk. `notes` says what the file is to say."""

    def __init__(
        self, folder: Path, session_id: str, notes: Callable[[], Mapping[str, str]], *, key: bytes | None = None
    ) -> None:
        self._whole = folder / f"{session_id}.parquet"
        self._place = folder / f"{session_id}.chunks"
        self._notes, self._key = notes, key
        self._rows: list[dict[str, Any]] = []
        self._since = 0.0
        self._number = 0
        self.acknowledged = 0
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._place.mkdir(mode=0o700)
        self._lock = _lock(self._place / "lock")

    def add(self, rows: list[dict[str, Any]], at: float) -> None:
        """Take rows; full and old chunks are written. Raises OSError if they cannot be."""
        if rows and not self._rows:
            self._since = at
        self._rows += rows
        while len(self._rows) >= ROWS:
            self._write(ROWS)
        if at - self._since >= SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is there."""
        if self._rows:
            self._write(len(self._rows))

    @property
    def waiting(self) -> int:
        """Rows that are not on the disk yet."""
        return len(self._rows)

    def finish(self, notes: Mapping[str, str]) -> Path:
        """Write what is left, make one file of the chunks, remove them. Raises OSError if the disk refuses."""
        self.flush()
        compact(self._place, self._whole, {**self._notes(), **notes}, key=self._key)
        self._lock.close()
        shutil.rmtree(self._place)
        return self._whole

    def close(self) -> None:
        """Let the chunks be as they are, for `recover`."""
        self._lock.close()

    def _write(self, count: int) -> None:
        frame = pl.DataFrame(self._rows[:count], schema=SCHEMA)
        write_whole(
            frame,
            self._place / f"{self._number:06}.parquet",
            {**self._notes(), "ended_cleanly": "false"},
            key=self._key,
        )
        self._number += 1
        self.acknowledged += count
        del self._rows[:count]


def write_whole(frame: pl.DataFrame, path: Path, notes: Mapping[str, str], *, key: bytes | None = None) -> None:
    """Write a Parquet file of mode 0600 under a hidden name, make sure that it is on the disk, give it its name."""
    passing = path.with_name(f".{path.name}.tmp")
    buffer = io.BytesIO()  # in memory first: a full disk is then an OSError of ours
    write_private(frame, buffer, key=key, metadata=notes)
    try:
        with os.fdopen(os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(passing, path)
        _sync_folder(path.parent)
    except OSError:
        with suppress(OSError):
            passing.unlink(missing_ok=True)
        raise


def compact(place: Path, whole: Path, notes: Mapping[str, str], *, key: bytes | None = None) -> None:
    """Make one file of a session's chunks."""
    files = sorted(place.glob("[0-9]*.parquet"))
    frame = scan_private(files, key=key).collect() if files else pl.DataFrame(schema=SCHEMA)
    write_whole(frame, whole, notes, key=key)


def recover(folder: Path, *, tell: Callable[[str], None], key: bytes | None = None) -> list[Path]:
    """Make whole files of the chunks that a crash left; what cannot be taken up is left as it is, and said.

    A session that is being recorded is left alone.
    """
    made = []
    for place in sorted(folder.glob("*.chunks")):
        lock = _lock(place / "lock")
        if lock is None:
            tell(f"{place.stem} is being recorded: left as it is.")
            continue
        try:
            whole = _take_up(place, key, tell)
        except LogFileError as error:
            tell(f"{place.stem} is left as it is. {error}")
            continue
        finally:
            lock.close()
        shutil.rmtree(place)
        made += [whole] if whole is not None else []
    return made


def _take_up(place: Path, key: bytes | None, tell: Callable[[str], None]) -> Path | None:
    whole, files = place.with_suffix(".parquet"), sorted(place.glob("[0-9]*.parquet"))
    if whole.exists():
        return None
    if not files:
        tell(f"{place.stem} broke off before anything of it was written.")
        return None
    notes = _notes_of(files[-1])
    if notes.get("encryption_key_id") and key is None:
        raise LogFileError(f"It is encrypted: taskkit-capture recover {place.parent} --key FILE.")
    notes |= {"ended_cleanly": "false", "end_reason": "the recorder ended without a word (killed, or the power failed)"}
    compact(place, whole, notes, key=key)
    tell(f"{whole.name}: taken up, parts: {len(files)}; marked as not ended cleanly.")
    return whole


def expire(folder: Path, *, today: date, tell: Callable[[str], None]) -> int:
    """Delete the sessions whose last day has passed, and say so."""
    gone = 0
    for path in [*folder.glob("*.parquet"), *folder.glob("*.chunks")]:
        first = min(path.glob("[0-9]*.parquet"), default=None) if path.is_dir() else path
        try:
            until = _notes_of(first).get("kept_until") if first is not None else None
        except LogFileError as error:
            tell(str(error))
            continue
        if until and date.fromisoformat(until) < today:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            tell(f"Deleted {path.name}: it was to be kept until {until}.")
            gone += 1
    for torn in folder.glob(".*.parquet.tmp"):  # what a crash left half written
        torn.unlink()
    return gone


def _notes_of(path: Path) -> dict[str, str]:
    try:
        return {name: text for name, text in pl.read_parquet_metadata(path).items() if not name.startswith("ARROW:")}
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LogFileError(f"{path} cannot be read as Parquet ({error}). Copy it again or move it away.") from None


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # a name survives a crash only when its folder is on the disk too
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _lock(path: Path) -> Any:
    """Hold a file as long as the process lives; None if another process holds it."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        file.close()
        return None
    return file
