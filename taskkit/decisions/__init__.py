"""The workshop's memory: findings, names, verdicts, marks and corrections in one SQLite file, appended to and never rewritten.

An entry is written whole or not at all, and what `record` has returned a number for survives a killed process. Undoing is
an entry of its own. Undoing an undo says the old decision once more: it stands again under a new number, as the latest
word, because others may have decided something in between.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.decisions.conflicts import find_conflicts
from taskkit.decisions.corrections import correct_segments, examples_of, list_vanished, restore_segments
from taskkit.decisions.entries import check_correction
from taskkit.errors import SettingError, TaskkitError, check_choice

__all__ = [
    "JOURNAL", "KINDS", "Decisions", "correct_segments", "examples_of", "list_vanished", "restore_segments",
]  # fmt: skip

JOURNAL = "decisions.sqlite"  # its name beside a folder of results
KINDS = ("finding", "name", "verdict", "context", "correction", "mark", "override")
WAIT = 30  # seconds for another notebook to finish writing

_COLUMNS = {"number": "INTEGER PRIMARY KEY AUTOINCREMENT", "time": "TEXT NOT NULL", "kind": "TEXT NOT NULL",
            "subject": "TEXT NOT NULL", "decision": "TEXT", "why": "TEXT NOT NULL", "role": "TEXT NOT NULL",
            "undoes": "INTEGER"}  # fmt: skip
_LATER = {"detail": "TEXT", "writer": "TEXT", "seen": "INTEGER"}  # columns that journals of older versions lack
_SCHEMA = pl.Schema({"number": pl.Int64(), "time": pl.Datetime("us", "UTC"), "kind": pl.String(), "subject": pl.String(),
                     "decision": pl.String(), "why": pl.String(), "role": pl.String(), "detail": pl.String(),
                     "writer": pl.String(), "seen": pl.Int64()})  # fmt: skip


class Decisions:
    """A journal of what was decided: who in which role, when, what and why; undone by a new entry.

    Parameters
    ----------
    path : SQLite file; made with mode 0600 if it is not there. A journal of an older version is brought up to date.
    writer : who has the file open: two notebooks are two writers. A random word by default.

    Raises
    ------
    TaskkitError : the file is not a journal of decisions, or cannot be written.

    >>> import tempfile, pathlib
    >>> journal = Decisions(pathlib.Path(tempfile.mkdtemp()) / "decisions.sqlite")
    >>> number = journal.record("T01", "automate", kind="verdict", why="rule-based", role="process owner")
    >>> journal.list()["decision"].to_list()
    ['automate']
    >>> undoing = journal.undo(number, why="the fields are not stable", role="clerk")
    >>> journal.list().height
    0
    >>> again = journal.undo(undoing, why="they are stable after all", role="clerk")
    >>> journal.list().select("number", "decision").row(0)
    (3, 'automate')
    """

    def __init__(self, path: str | Path, *, writer: str | None = None) -> None:
        self.path, self.writer = Path(path), writer or secrets.token_hex(4)
        _make_private(self.path)
        with self._open(write=True) as connection:
            _upgrade(connection, self.path)
            newest = _newest(connection)
        # per kind the newest entry that was read; None stands for all kinds
        self._read: dict[str | None, int] = {None: newest}

    def record(
        self, subject: str, decision: str, *, kind: str = "finding", why: str = "", role: str = "analyst",
        detail: Mapping[str, Any] | None = None, seen: int | None = None,
    ) -> int:  # fmt: skip
        """Add a decision in one transaction and return its number.

        Parameters
        ----------
        subject : what it is about: a task, a variant, a notebook's question.
        decision : what was decided, in words.
        kind : one of `KINDS`.
        why, role : the reason, and who decided in which role.
        detail : what a program needs to replay it; kept as JSON. A correction needs one.
        seen : number of the newest entry that the writer had read; by default what this object has read.

        Raises
        ------
        SettingError : an empty subject or text, an unknown kind, a detail that cannot be kept. TaskkitError : it could not
        be written; nothing was recorded.
        """
        check_choice(kind, allowed=KINDS, what="kind of decision")
        if not subject.strip() or not decision.strip():
            raise SettingError("A decision needs a subject and a text; one of them is empty.")
        if kind == "correction":
            check_correction(detail)
        entry = {"kind": kind, "subject": subject, "decision": decision, "why": why, "role": role,
                 "detail": _as_json(detail), "seen": self._seen(kind) if seen is None else seen}  # fmt: skip
        with self._open(write=True) as connection:
            return self._add(connection, entry)

    def undo(self, number: int, *, why: str = "", role: str = "analyst") -> int:
        """Take an entry back by a new one, whose number is returned; the old one stays in the journal.

        Undoing an undo says the decision once more: it stands again, under the new number, as the latest word.

        Raises
        ------
        SettingError : no entry of this number stands.
        """
        with self._open(write=True) as connection:
            row = connection.execute(
                "SELECT kind, undoes FROM journal WHERE number = ? "
                "AND number NOT IN (SELECT undoes FROM journal WHERE undoes IS NOT NULL)", (number,)
            ).fetchone()  # fmt: skip
            if row is None:
                known = ", ".join(str(each) for each in _standing(connection)["number"].tail(8)) or "none"
                raise SettingError(f"There is no decision {number} that stands. Standing, latest last: {known}.")
            entry = {
                "kind": "undo",
                "subject": "",
                "why": why,
                "role": role,
                "undoes": number,
                "seen": self._seen(None),
            }
            if row[0] == "undo":
                old = connection.execute(
                    "SELECT kind, subject, decision, detail FROM journal WHERE number = ?", row[1:]
                )
                entry |= dict(zip(("kind", "subject", "decision", "detail"), old.fetchone(), strict=True))
            return self._add(connection, entry)

    @property
    def newest(self) -> int:
        """Number of the newest entry in the file, 0 if there is none; asking does not count as reading the entry."""
        with self._open() as connection:
            return _newest(connection)

    def list(self, kind: str | None = None) -> pl.DataFrame:
        """List the decisions that stand, oldest first; what was listed counts as read.

        Parameters
        ----------
        kind : only those of one kind.

        Returns
        -------
        One row per standing entry: `number`, `time`, `kind`, `subject`, `decision`, `why`, `role`, `detail` (JSON; null),
        `writer` and `seen` (number of the newest entry that the writer had read; both null in journals of older versions).
        """
        if kind is not None:
            check_choice(kind, allowed=KINDS, what="kind of decision")
        with self._open() as connection:
            listed, self._read[kind] = _standing(connection), _newest(connection)
        return listed if kind is None else listed.filter(pl.col("kind") == kind)

    def history(self) -> pl.DataFrame:
        """List all entries, oldest first, undone ones and undoings (kind "undo") too.

        Returns
        -------
        One row per entry: the columns of `list` and `undoes`, `undone_by` (numbers of entries; null).
        """
        with self._open() as connection:
            listed, self._read[None] = _all(connection), _newest(connection)
        return listed

    def conflicts(self) -> pl.DataFrame:
        """List pairs of standing entries about the same thing that were written without having seen each other.

        Both stand, and the later one holds, until one of them is undone or somebody decides anew who has seen both.

        Returns
        -------
        One row per pair: `kind`, `subject`, of the `earlier` and the `later` entry the number, and each one's decision, role
        and writer (`earlier_decision` …), and a `sentence` for people.
        """
        with self._open() as connection:
            return find_conflicts(_standing(connection))

    def write_csv(self, path: str | Path) -> Path:
        """Write all entries as CSV with mode 0600, for spreadsheets: no cell is taken for a formula."""
        goal = Path(path)
        text = self.history().with_columns(pl.col("time").dt.strftime("%Y-%m-%d %H:%M:%S UTC"))
        # a leading apostrophe makes a spreadsheet show a text that begins like a formula
        safe = text.with_columns(pl.col(pl.String).str.replace(r"^([=+\-@\t\r\n])", "'${1}"))
        try:
            handle = os.open(goal, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise TaskkitError(f"The journal cannot be written to {goal}: {error.strerror}.") from error
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            safe.write_csv(file, include_bom=True)
        return goal

    def _seen(self, kind: str | None) -> int:
        return max(self._read[None], self._read.get(kind, 0))

    def _add(self, connection: sqlite3.Connection, entry: dict[str, Any]) -> int:
        full = {"time": datetime.now(UTC).isoformat(), "writer": self.writer, **entry}
        names, places = ", ".join(full), ", ".join("?" * len(full))
        added = connection.execute(f"INSERT INTO journal ({names}) VALUES ({places})", (*full.values(),))
        return int(added.lastrowid or 0)

    @contextmanager
    def _open(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction; one that writes has the right to from its beginning, so that nothing comes in between."""
        place = f"{self.path.absolute().as_uri()}?mode=rw"  # a file that was removed is missed, not made anew and empty
        try:
            with closing(sqlite3.connect(place, uri=True, timeout=WAIT, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous=EXTRA")  # FULL, and the end of a transaction is on the disk too
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                try:
                    yield connection
                except BaseException:
                    if connection.in_transaction:  # SQLite has taken it back itself where the disk is full
                        connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise TaskkitError(
                f"The journal {self.path} could not be used, and nothing was recorded: {error}. Was the file moved or "
                "write-protected, is the disk full, or does another program keep it open? Mend that and try again."
            ) from error
        except sqlite3.DatabaseError as error:
            raise TaskkitError(f"{self.path} is not a journal of decisions ({error}). Choose another file.") from error


def _make_private(path: Path) -> None:
    """Make the file if it is not there, and take it from others' eyes if it is; SQLite's side files follow its mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                os.fchmod(file.fileno(), 0o600)
    except OSError as error:
        raise TaskkitError(f"The journal {path} cannot be opened: {error.strerror}. Choose another file.") from error


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Make the table, or add the columns that an older version did not have; a file of something else is left alone."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        columns = ", ".join(f"{name} {kind}" for name, kind in (_COLUMNS | _LATER).items())
        connection.execute(f"CREATE TABLE journal ({columns})")
    have = {row[1] for row in connection.execute("PRAGMA table_info(journal)")}
    if not {*_COLUMNS} <= have:
        found = ", ".join(sorted(tables)) or "none"
        raise TaskkitError(f"{path} is not a journal of decisions (tables: {found}). Choose another file.")
    for name, kind in _LATER.items():
        if name not in have:
            connection.execute(f"ALTER TABLE journal ADD COLUMN {name} {kind}")


def _newest(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(number), 0) FROM journal").fetchone()[0])


def _all(connection: sqlite3.Connection) -> pl.DataFrame:
    rows = connection.execute(
        f"SELECT {', '.join(f'journal.{name}' for name in _SCHEMA)}, journal.undoes, later.number FROM journal "
        "LEFT JOIN journal AS later ON later.undoes = journal.number ORDER BY journal.number"
    ).fetchall()
    parsed = [(row[0], datetime.fromisoformat(row[1]), *row[2:]) for row in rows]
    return pl.DataFrame(parsed, schema=_SCHEMA | {"undoes": pl.Int64(), "undone_by": pl.Int64()}, orient="row")


def _standing(connection: sqlite3.Connection) -> pl.DataFrame:
    standing = pl.col("undone_by").is_null() & (pl.col("kind") != "undo")
    return _all(connection).filter(standing).drop("undoes", "undone_by")


def _as_json(detail: Mapping[str, Any] | None) -> str | None:
    try:
        return None if detail is None else json.dumps(detail, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SettingError(
            f"The detail of a decision cannot be kept: {error}. Allowed: texts, numbers, true, false, null, lists and "
            "mappings of these."
        ) from error
