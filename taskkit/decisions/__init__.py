"""The workshop's memory: findings, names, verdicts, marks and corrections in one SQLite file, appended to and never rewritten.

An entry is written whole or not at all, and what `record` has returned a number for survives a killed process. Undoing is
an entry of its own. Undoing an undo says the old decision once more: it stands again under a new number, as the latest
word, because others may have decided something in between.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, overload

import polars as pl

from taskkit.decisions.conflicts import find_conflicts
from taskkit.decisions.corrections import correct_segments, examples_of, list_vanished, restore_segments
from taskkit.decisions.entries import check_correction
from taskkit.decisions.tables import (
    KINDS,
    UNREADABLE,
    as_json,
    check_file,
    check_texts,
    find_newest,
    make_file,
    make_private,
    read_all,
    read_standing,
    upgrade,
)
from taskkit.errors import SettingError, TaskkitError, check_choice

__all__ = [
    "JOURNAL", "KINDS", "Decisions", "correct_segments", "examples_of", "journal_of", "list_vanished", "restore_segments",
]  # fmt: skip

JOURNAL = "decisions.sqlite"  # its name beside a folder of results
WAIT = 5  # seconds for another notebook to finish writing: a click that waits longer looks like a broken one
# what a spreadsheet takes for a formula, also behind spaces and marks that are not seen, and in full-width signs
_FORMULA = r"^([\s\p{Cf}\p{Cc}]*[=+\-@＝＋－＠﹢﹣﹦﹫−]|[\t\r\n])"


class Decisions:
    """A journal of what was decided: who in which role, when, what and why; undone by a new entry.

    Parameters
    ----------
    path : SQLite file; made with mode 0600 if it is not there. A journal of an older version is brought up to date.
    writer : who has the file open; a random word is added to it, because two notebooks are two writers under one name too.

    Raises
    ------
    TaskkitError : the file is a link, is not a journal of decisions or holds anything else, or cannot be written. A file
    of something else is left as it was.

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
        self.path, self.writer = Path(path), "-".join([*filter(None, [writer]), secrets.token_hex(4)])
        check_texts({"writer": self.writer}, {})
        make_file(self.path)
        with self._open() as connection:
            check_file(connection, self.path)
        make_private(self.path)
        with self._open(write=True) as connection:
            check_file(connection, self.path)
            upgrade(connection)
            newest = find_newest(connection)
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
        SettingError : an empty subject or text, one that cannot be kept (no text, or too long), an unknown kind, a detail
        that cannot be kept. TaskkitError : it could not be written; nothing was recorded.
        """
        entry = self._entry(subject, decision, kind=kind, why=why, role=role, detail=detail, seen=seen)
        with self._open(write=True) as connection:
            return self._add(connection, entry)

    def replace(
        self, numbers: Sequence[int], subject: str, decision: str, *, kind: str = "finding", why: str = "",
        role: str = "analyst", detail: Mapping[str, Any] | None = None, seen: int | None = None,
    ) -> int:  # fmt: skip
        """Take entries back and add the one that takes their place, all in one transaction; returns the new one's number.

        Parameters
        ----------
        numbers : entries that are taken back; one that does not stand any more is passed over.
        subject, decision, kind, why, role, detail, seen : as in `record`.

        Raises
        ------
        SettingError, TaskkitError : as in `record`; then the old entries stand as before.

        >>> import tempfile
        >>> journal = Decisions(Path(tempfile.mkdtemp()) / "decisions.sqlite")
        >>> number = journal.replace([journal.record("T01", "automate")], "T01", "leave")
        >>> journal.list().select("number", "decision").rows()
        [(3, 'leave')]
        """
        entry = self._entry(subject, decision, kind=kind, why=why, role=role, detail=detail, seen=seen)
        check_texts({}, {"number": max(numbers, default=0)})
        with self._open(write=True) as connection:
            standing = {*read_standing(connection)["number"]} & {*numbers}
            for number in sorted(standing):
                undoing = {"kind": "undo", "subject": "", "why": "decided anew", "role": role, "undoes": number}
                self._add(connection, undoing | {"seen": entry["seen"]})
            return self._add(connection, entry)

    def undo(self, number: int, *, why: str = "", role: str = "analyst") -> int:
        """Take an entry back by a new one, whose number is returned; the old one stays in the journal.

        Undoing an undo says the decision once more: it stands again, under the new number, as the latest word.

        Raises
        ------
        SettingError : no entry of this number stands.
        """
        check_texts({"why": why, "role": role}, {"number": number})
        with self._open(write=True) as connection:
            row = connection.execute(
                "SELECT kind, undoes FROM journal WHERE number = ? "
                "AND number NOT IN (SELECT undoes FROM journal WHERE undoes IS NOT NULL)", (number,)
            ).fetchone()  # fmt: skip
            if row is None:
                known = ", ".join(str(each) for each in read_standing(connection)["number"].tail(8)) or "none"
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
            return find_newest(connection)

    def list(self, kind: str | None = None) -> pl.DataFrame:
        """List the decisions that stand, oldest first; what was listed counts as read.

        Parameters
        ----------
        kind : only those of one kind.

        Returns
        -------
        One row per standing entry: `number`, `time`, `kind`, `subject`, `decision`, `why`, `role`, `detail` (JSON; null),
        `writer` and `seen` (number of the newest entry that the writer had read; both null in journals of older versions).
        A row that is damaged or that something else wrote has the kind "unreadable" and says so.
        """
        if kind is not None:
            check_choice(kind, allowed=(*KINDS, UNREADABLE), what="kind of decision")
        with self._open() as connection:
            listed, self._read[kind] = read_standing(connection), find_newest(connection)
        return listed if kind is None else listed.filter(pl.col("kind") == kind)

    def history(self) -> pl.DataFrame:
        """List all entries, oldest first, undone ones and undoings (kind "undo") too.

        Returns
        -------
        One row per entry: the columns of `list` and `undoes`, `undone_by` (numbers of entries; null).
        """
        with self._open() as connection:
            listed, self._read[None] = read_all(connection), find_newest(connection)
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
            return find_conflicts(read_standing(connection))

    def write_csv(self, path: str | Path) -> Path:
        """Write all entries as CSV with mode 0600, for spreadsheets: no cell is taken for a formula."""
        goal = Path(path)
        text = self.history().with_columns(pl.col("time").dt.strftime("%Y-%m-%d %H:%M:%S UTC"))
        # a leading apostrophe makes a spreadsheet show a text that begins like a formula
        safe = text.with_columns(pl.col(pl.String).str.replace(_FORMULA, "'${1}"))
        try:
            handle = os.open(goal, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise TaskkitError(f"The journal cannot be written to {goal}: {error.strerror}.") from error
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            safe.write_csv(file, include_bom=True)
        return goal

    def _entry(
        self, subject: str, decision: str, *, kind: str, why: str, role: str, detail: Mapping[str, Any] | None,
        seen: int | None,
    ) -> dict[str, Any]:  # fmt: skip
        """What is written for an entry, once all of it has been found fit to be kept."""
        check_choice(kind, allowed=KINDS, what="kind of decision")
        check_texts({"subject": subject, "decision": decision, "why": why, "role": role}, {"seen": seen or 0})
        if not subject.strip() or not decision.strip():
            raise SettingError("A decision needs a subject and a text; one of them is empty.")
        if kind == "correction":
            check_correction(detail)
        return {"kind": kind, "subject": subject, "decision": decision, "why": why, "role": role,
                "detail": as_json(detail), "seen": self._seen(kind) if seen is None else seen}  # fmt: skip

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
                connection.text_factory = lambda told: told.decode("utf-8", "replace")  # one bad byte hides no entry
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


@overload
def journal_of(results: None) -> None: ...
@overload
def journal_of(results: str | Path) -> Path: ...
@overload
def journal_of(results: str | Path | None) -> Path | None: ...
def journal_of(results: str | Path | None) -> Path | None:
    """Say where the journal of a folder of results lies: beside it. It need not be there yet; None has none.

    Parameters
    ----------
    results : folder of results.

    >>> journal_of("ap-discovery/results").as_posix()
    'ap-discovery/decisions.sqlite'
    """
    return None if results is None else Path(results).parent / JOURNAL
