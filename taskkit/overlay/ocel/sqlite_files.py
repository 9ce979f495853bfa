"""OCEL 2.0 in SQLite, as untrusted input: opened for reading only, plain tables of the standard, bounded rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from taskkit.errors import LogFileError
from taskkit.overlay.ocel.tables import Tables

MAX_ROWS = 20_000_000  # of one table
MAX_VALUE = 1 << 20  # bytes of one row
_NEEDED = ("event", "object", "event_object", "event_map_type", "object_map_type")
_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)  # no functions, no recursion, nothing that writes or loads


def read_sqlite(path: Path) -> Tables:
    """Read the tables of an OCEL 2.0 SQLite file.

    Raises
    ------
    LogFileError : it is no SQLite file, still being written, no OCEL 2.0, too large, or breaks the standard.
    """
    with path.open("rb") as raw:
        if raw.read(16) != b"SQLite format 3\0":
            raise LogFileError(f"{path} is no SQLite file. Known forms of OCEL 2.0: JSON, SQLite and XML.")
    if (log := path.with_name(path.name + "-wal")).exists() and log.stat().st_size:
        raise LogFileError(
            f"{path} is still being written ({log.name} is beside it). Close the program that writes it."
        )
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE)
            database.set_authorizer(_authorise)
            return _read_tables(_Database(path, database))
    except (sqlite3.Error, sqlite3.Warning, UnicodeDecodeError) as error:
        raise LogFileError(f"{path} cannot be read as SQLite: {error}. Export or copy it again.") from error


def _authorise(action: int, what: str | None, *_: object) -> int:
    allowed = action in _ALLOWED or (action == sqlite3.SQLITE_PRAGMA and what == "table_xinfo")
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


class _Database:
    """The plain tables of a file; views, virtual tables and computed columns run code, so they are not looked at."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path, self.database = path, database
        plain = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"
        self.names = {str(name).casefold(): str(name) for (name,) in database.execute(plain).fetchmany(10_000)}

    def rows(self, table: str, *needed: str) -> Iterator[dict[str, Any]]:
        """The rows of one table by column name; the columns in `needed` must be there."""
        quoted = self.names[table.casefold()].replace('"', '""')
        if any(row[6] > 1 for row in self.database.execute(f'PRAGMA table_xinfo("{quoted}")')):
            raise LogFileError(
                f"{self.path}: table {table!r} has computed columns; a log needs none, so it is not read."
            )
        found = self.database.execute(f'SELECT * FROM "{quoted}"')
        columns = [str(column[0]) for column in found.description]
        if missing := [name for name in needed if name not in columns]:
            raise LogFileError(
                f"{self.path}: table {table!r} has no column {', '.join(map(repr, missing))}. "
                f"Columns found: {', '.join(columns[:12])}."
            )
        for number, row in enumerate(found):
            if number >= MAX_ROWS:
                raise LogFileError(f"{self.path}: table {table!r} has more than {MAX_ROWS:,} rows; export fewer.")
            yield dict(zip(columns, row, strict=True))


def _read_tables(database: _Database) -> Tables:
    if missing := [name for name in _NEEDED if name not in database.names]:
        found = ", ".join(sorted(database.names.values())[:12]) or "none"
        raise LogFileError(
            f"{database.path} is no OCEL 2.0 log: it has no table {', '.join(map(repr, missing))}. Tables found: {found}."
        )
    tables = Tables(database.path)
    for number, row in enumerate(database.rows("object", "ocel_id", "ocel_type")):
        tables.add_object(number, row["ocel_id"], row["ocel_type"])
    for row in database.rows("event_object", "ocel_event_id", "ocel_object_id"):
        tables.add_relation(row["ocel_event_id"], row["ocel_object_id"])
    kinds = {str(row["ocel_id"]): str(row["ocel_type"]) for row in database.rows("event", "ocel_id", "ocel_type")}
    seen = set()
    for table, kind in _tables_of(database, tables, "event"):
        for row in database.rows(table, "ocel_id", "ocel_time"):
            name = str(row["ocel_id"])
            if kinds.get(name) != kind:
                tables.blame("events of a type that table 'event' does not give them", name)
            elif tables.add_event(len(tables.event_ids), row["ocel_id"], kind, row["ocel_time"]):
                seen.add(name)
                for attribute, value in row.items():
                    tables.set_attribute(len(tables.event_ids) - 1, attribute, value)
    for name in kinds:
        if name not in seen:
            tables.blame("events without a row in the table of their type", name)
    for table, _ in _tables_of(database, tables, "object"):
        for row in database.rows(table, "ocel_id"):
            _add_changes(tables, row)
    return tables.checked()


def _tables_of(database: _Database, tables: Tables, of: str) -> Iterator[tuple[str, str]]:
    """The tables of the types of events or objects, with the type; of those that are there."""
    for row in sorted(
        database.rows(f"{of}_map_type", "ocel_type", "ocel_type_map"), key=lambda row: str(row["ocel_type"])
    ):
        table = f"{of}_{row['ocel_type_map']}"
        if table.casefold() in database.names:
            yield table, str(row["ocel_type"]).strip()
        else:
            tables.blame(f"types of {of}s without a table", row["ocel_type"])


def _add_changes(tables: Tables, row: dict[str, Any]) -> None:
    changed = row.get("ocel_changed_field")
    for name, value in row.items():
        if changed in (None, name):
            tables.add_change(str(row["ocel_id"]), name, row.get("ocel_time"), value)
