"""The workshop's memory: findings, names and verdicts in one SQLite file, appended to and never rewritten."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from taskkit.errors import SettingError, TaskkitError, check_choice

KINDS = ("finding", "name", "verdict", "context")

_SCHEMA = pl.Schema({"number": pl.Int64(), "time": pl.Datetime("us", "UTC"), "kind": pl.String(), "subject": pl.String(),
                     "decision": pl.String(), "why": pl.String(), "role": pl.String()})  # fmt: skip


class Decisions:
    """A journal of what was decided: who in which role, when, what and why; undone by a new entry.

    Parameters
    ----------
    path : SQLite file; made with mode 0600 if it is not there.

    Raises
    ------
    TaskkitError : the file is not a journal of decisions.

    >>> import tempfile, pathlib
    >>> journal = Decisions(pathlib.Path(tempfile.mkdtemp()) / "decisions.sqlite")
    >>> number = journal.record("T01", "automate", kind="verdict", why="rule-based", role="process owner")
    >>> journal.list()["decision"].to_list()
    ['automate']
    >>> journal.undo(number, why="the fields are not stable", role="clerk")
    >>> journal.list().height
    0
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            self._run(
                "CREATE TABLE IF NOT EXISTS journal (number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, "
                "kind TEXT NOT NULL, subject TEXT NOT NULL, decision TEXT, why TEXT NOT NULL, role TEXT NOT NULL, "
                "undoes INTEGER)"
            )
        except sqlite3.DatabaseError as error:
            raise TaskkitError(f"{self.path} is not a journal of decisions ({error}). Choose another file.") from error

    def record(
        self, subject: str, decision: str, *, kind: str = "finding", why: str = "", role: str = "analyst"
    ) -> int:
        """Add a decision about a subject (a task, a variant, a notebook's question); returns its number."""
        check_choice(kind, allowed=KINDS, what="kind of decision")
        if not subject.strip() or not decision.strip():
            raise SettingError("A decision needs a subject and a text; one of them is empty.")
        now = datetime.now(UTC).isoformat()
        return self._run(
            "INSERT INTO journal (time, kind, subject, decision, why, role) VALUES (?, ?, ?, ?, ?, ?)",
            (now, kind, subject, decision, why, role),
        )

    def undo(self, number: int, *, why: str = "", role: str = "analyst") -> None:
        """Take a decision back by a new entry; the old one stays in the journal."""
        known = self.list()["number"].to_list()
        if number not in known:
            raise SettingError(f"There is no decision {number} that stands. Standing: {known or 'none'}.")
        now = datetime.now(UTC).isoformat()
        self._run(
            "INSERT INTO journal (time, kind, subject, why, role, undoes) VALUES (?, 'undo', '', ?, ?, ?)",
            (now, why, role, number),
        )

    def list(self) -> pl.DataFrame:
        """The decisions that stand, oldest first: `number`, `time`, `kind`, `subject`, `decision`, `why`, `role`."""
        with closing(sqlite3.connect(self.path)) as connection:
            rows = connection.execute(
                "SELECT number, time, kind, subject, decision, why, role FROM journal WHERE undoes IS NULL AND number NOT IN "
                "(SELECT undoes FROM journal WHERE undoes IS NOT NULL) ORDER BY number"
            ).fetchall()
        parsed = [(row[0], datetime.fromisoformat(row[1]), *row[2:]) for row in rows]
        return pl.DataFrame(parsed, schema=_SCHEMA, orient="row")

    def _run(self, statement: str, values: tuple[object, ...] = ()) -> int:
        with closing(sqlite3.connect(self.path, timeout=10)) as connection, connection:
            return int(connection.execute(statement, values).lastrowid or 0)
