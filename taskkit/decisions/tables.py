"""The table of the journal: made, brought up to date, checked for what does not belong in it, and read row by row."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import SettingError, TaskkitError

KINDS = ("finding", "name", "verdict", "context", "correction", "mark", "override")
UNREADABLE = "unreadable"  # kind of a row that this journal did not write, or that was damaged
SCHEMA = pl.Schema({"number": pl.Int64(), "time": pl.Datetime("us", "UTC"), "kind": pl.String(), "subject": pl.String(),
                    "decision": pl.String(), "why": pl.String(), "role": pl.String(), "detail": pl.String(),
                    "writer": pl.String(), "seen": pl.Int64()})  # fmt: skip
MOST_TEXT, MOST_DETAIL = 10_000, 1_000_000  # characters of a text, and of a detail as JSON
MOST_NUMBER = 2**63 - 1  # the greatest number that SQLite keeps

_COLUMNS = {"number": "INTEGER PRIMARY KEY AUTOINCREMENT", "time": "TEXT NOT NULL", "kind": "TEXT NOT NULL",
            "subject": "TEXT NOT NULL", "decision": "TEXT", "why": "TEXT NOT NULL", "role": "TEXT NOT NULL",
            "undoes": "INTEGER"}  # fmt: skip
_LATER = {"detail": "TEXT", "writer": "TEXT", "seen": "INTEGER"}  # columns that journals of older versions lack
# whatever program opens the file: nothing in it is changed or removed
_GUARDS = {
    f"journal_keeps_{what.lower()}": f"CREATE TRIGGER journal_keeps_{what.lower()} BEFORE {what} ON journal BEGIN "
    "SELECT RAISE(ABORT, 'the journal is only appended to'); END"
    for what in ("UPDATE", "DELETE")
}


def make_file(path: Path) -> None:
    """Make the file with mode 0600 if it is not there; what is there is not touched, and a link is not followed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.is_symlink():
            raise TaskkitError(
                f"The journal {path} is a link to another place, and links are not followed. Name the file itself."
            )
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
    except OSError as error:
        raise TaskkitError(f"The journal {path} cannot be opened: {error.strerror}. Choose another file.") from error


def make_private(path: Path) -> None:
    """Take the file from others' eyes; SQLite's side files follow its mode."""
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def check_file(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file of something else, and a journal with anything in it that is not ours, such as a trigger."""
    found = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE name != 'sqlite_sequence'").fetchall()
    tables = sorted(str(name) for kind, name, _ in found if kind == "table")
    have = {row[1] for row in connection.execute("PRAGMA table_info(journal)")}
    if found and not {*_COLUMNS} <= have:
        raise TaskkitError(
            f"{path} is not a journal of decisions (tables: {', '.join(tables) or 'none'}). Choose another file."
        )
    strange = [
        f"{kind} {name}"
        for kind, name, told in found
        if (kind, name) != ("table", "journal") and _GUARDS.get(name) != told
    ]
    if strange:
        raise TaskkitError(
            f"{path} holds more than a journal of decisions, and what it does is not known: {', '.join(sorted(strange))}. "
            "Nothing was read or written. Remove that, or restore the file."
        )


def upgrade(connection: sqlite3.Connection) -> None:
    """Make the table, or add what an older version did not have."""
    columns = ", ".join(f"{name} {kind}" for name, kind in (_COLUMNS | _LATER).items())
    connection.execute(f"CREATE TABLE IF NOT EXISTS journal ({columns})")
    have = {row[1] for row in connection.execute("PRAGMA table_info(journal)")}
    for name, kind in _LATER.items():
        if name not in have:
            connection.execute(f"ALTER TABLE journal ADD COLUMN {name} {kind}")
    guards = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    for name, guard in _GUARDS.items():
        if name not in guards:
            connection.execute(guard)


def find_newest(connection: sqlite3.Connection) -> int:
    """Number of the newest entry, 0 if there is none."""
    return int(connection.execute("SELECT coalesce(max(number), 0) FROM journal").fetchone()[0])


def read_all(connection: sqlite3.Connection) -> pl.DataFrame:
    """Every entry, oldest first, with `undoes` and `undone_by`; what cannot be read is told as such, in its place."""
    rows = connection.execute(f"SELECT {', '.join(SCHEMA)}, undoes FROM journal ORDER BY number").fetchall()
    undone: dict[int, int] = {}
    for number, *_, undoes in rows:
        if isinstance(undoes, int):
            undone.setdefault(undoes, number)
    entries = [(*_read(row), undone.get(row[0])) for row in rows]
    return pl.DataFrame(entries, schema=SCHEMA | {"undoes": pl.Int64(), "undone_by": pl.Int64()}, orient="row")


def read_standing(connection: sqlite3.Connection) -> pl.DataFrame:
    """The entries that stand, oldest first."""
    standing = pl.col("undone_by").is_null() & (pl.col("kind") != "undo")
    return read_all(connection).filter(standing).drop("undoes", "undone_by")


def check_texts(texts: Mapping[str, Any], numbers: Mapping[str, Any]) -> None:
    """Raise a SettingError that lists which texts and numbers of an entry cannot be kept."""
    wrong = []
    for name, text in texts.items():
        if not isinstance(text, str):
            wrong.append(f"{name} is {text!r}; allowed: a text.")
        elif len(text) > MOST_TEXT:
            wrong.append(f"{name} has {len(text):,} characters; allowed: {MOST_TEXT:,}. Shorten it.")
        elif not _is_unicode(text):
            wrong.append(f"{name} holds half a character ({text[:40]!r}); write it anew.")
    for name, number in numbers.items():
        if not _is_number(number):
            wrong.append(f"{name} is {number!r}; allowed: the number of an entry.")
    if wrong:
        raise SettingError("This cannot be recorded: " + " ".join(wrong))


def as_json(detail: Mapping[str, Any] | None) -> str | None:
    """The detail of an entry as JSON text."""
    try:
        told = None if detail is None else json.dumps(detail, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise SettingError(
            f"The detail of a decision cannot be kept: {error}. Allowed: texts, numbers, true, false, null, lists and "
            "mappings of these."
        ) from error
    if told is not None and not (told.startswith("{") and len(told) <= MOST_DETAIL and _is_unicode(told)):
        raise SettingError(
            f"The detail of a decision cannot be kept: allowed is a mapping of at most {MOST_DETAIL:,} characters as JSON, "
            "with whole characters only."
        )
    return told


def _read(row: Iterable[Any]) -> tuple[Any, ...]:
    """One row of the file as an entry; one that is not as it should be becomes an entry that says so."""
    number, time, kind, subject, decision, why, role, detail, writer, seen, undoes = row
    when = _parse_time(time)
    texts, maybe = (kind, subject, why, role), (decision, detail, writer)
    fine = all(isinstance(text, str) for text in texts) and all(text is None or isinstance(text, str) for text in maybe)
    fine = fine and all(each is None or _is_number(each) for each in (seen, undoes))
    fine = fine and ((kind in KINDS and decision is not None) or kind == "undo")
    # a correction says itself what is wrong with it, when it is replayed
    fine = fine and (kind == "correction" or _is_mapping(detail))
    if fine and when is not None:
        return (number, when, kind, subject, decision, why, role, detail, writer, seen, undoes)
    known = undoes if isinstance(undoes, int) else None
    return (number, when, UNREADABLE, f"entry {number}", "cannot be read: damaged, or not written by taskkit", "", "",
            None, None, None, known)  # fmt: skip


def _parse_time(time: Any) -> datetime | None:
    try:
        when = datetime.fromisoformat(time)
    except (TypeError, ValueError):
        return None
    return when if when.tzinfo is not None else None


def _is_mapping(detail: str | None) -> bool:
    try:
        return detail is None or isinstance(json.loads(detail), dict)
    except (ValueError, RecursionError):
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_NUMBER


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
