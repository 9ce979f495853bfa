"""Decisions about the same thing by people who had not seen each other's."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import polars as pl

from taskkit.decisions.entries import Correction, read_correction

CONFLICTS = pl.Schema({"kind": pl.String(), "subject": pl.String(), "earlier": pl.Int64(), "later": pl.Int64()} | {
    f"{which}_{what}": pl.String() for which in ("earlier", "later") for what in ("decision", "role", "writer")
} | {"sentence": pl.String()})  # fmt: skip


class _Entry(NamedTuple):
    number: int
    kind: str
    subject: str
    decision: str
    role: str
    writer: str
    seen: int
    detail: Any
    places: dict[tuple[str, str], list[Correction]]  # of a correction: by user and session what it names there

    def saw(self, other: _Entry) -> bool:
        """Whether the writer of this entry knew the other, earlier one."""
        return self.writer == other.writer or self.seen >= other.number

    def disagrees(self, other: _Entry) -> bool:
        if self.kind == "correction":
            return any(one.said != two.said for one, two in _touching(self, other))
        if self.kind == "name" and self.decision.strip() == other.decision.strip():
            return not self.names_the_task_of(other)
        return (self.decision.strip(), self.told) != (other.decision.strip(), other.told)

    def names_the_task_of(self, other: _Entry) -> bool:
        return self.subject == other.subject or (self.anchor is not None and self.anchor == other.anchor)

    @property
    def told(self) -> dict[str, Any]:
        """The detail without the row by which a task is found again: two may have noted another row of one task."""
        return {name: each for name, each in self.fields.items() if name != "anchor"}

    @property
    def fields(self) -> dict[str, Any]:
        return self.detail if isinstance(self.detail, dict) else {}

    @property
    def anchor(self) -> str | None:
        anchor = self.fields.get("anchor")
        return json.dumps(anchor) if isinstance(anchor, list) else None


def find_conflicts(standing: pl.DataFrame) -> pl.DataFrame:
    """Find pairs of entries about the same thing of which the later writer had not seen the earlier one.

    About the same thing are corrections whose rows overlap, or of which one moves the row that the other gives its rows to;
    names of one task (or of the task of one anchor), and one name for two tasks; marks of one subject; and other entries of
    one kind with one subject or one anchor. Votes of different roles stand side by side, and so do answers
    to different questions. Two who say the same do not disagree. A pair is settled by an entry about the same thing whose
    writer had seen both.

    Parameters
    ----------
    standing : frame of `Decisions.list`.

    Returns
    -------
    One row per pair; see `Decisions.conflicts`.

    >>> find_conflicts(pl.DataFrame(schema={"number": pl.Int64, "kind": pl.String})).height
    0
    """
    found: set[tuple[int, int]] = set()
    entries = {entry.number: entry for entry in _read(standing)}
    about: dict[object, list[_Entry]] = defaultdict(list)
    for entry in entries.values():
        for thing in _things(entry):
            about[thing].append(entry)
    settled: set[tuple[int, int]] = set()
    for same in about.values():
        for place, later in enumerate(same):
            for earlier in same[:place]:
                if later.saw(earlier) or not _meet(earlier, later) or not later.disagrees(earlier):
                    continue
                pair = (earlier.number, later.number)
                found.add(pair)
                after = (each for each in same[place + 1 :] if _meet(each, earlier) and _meet(each, later))
                if any(each.saw(earlier) and each.saw(later) for each in after):
                    settled.add(pair)
    rows = [_row(entries[earlier], entries[later]) for earlier, later in sorted(found - settled)]
    return pl.DataFrame(rows, schema=CONFLICTS, orient="row")


def _read(standing: pl.DataFrame) -> Iterator[_Entry]:
    if standing.is_empty():
        return
    # what an older version wrote names no writer and counts as seen by everybody
    columns = ["number", "kind", "subject", "decision", "role", "writer", "seen", "detail"]
    known = standing.filter(pl.col("writer").is_not_null()).sort("number").select(columns)
    for number, kind, subject, decision, role, writer, seen, detail in known.iter_rows():
        told = _parsed(detail)
        places = _places(number, detail) if kind == "correction" else {}
        yield _Entry(number, kind, subject, decision, role, writer, seen or 0, told, places)


def _parsed(detail: str | None) -> Any:
    try:
        return json.loads(detail or "null")
    except (ValueError, RecursionError):
        return None


def _things(entry: _Entry) -> Iterator[object]:
    """What an entry is about; entries of one thing may be about the same, others are not."""
    kind, fields = entry.kind, entry.fields
    if kind == "correction":
        yield from ((kind, *place) for place in entry.places)
    elif kind == "mark":
        yield (kind, entry.subject, fields.get("what") if isinstance(fields.get("what"), str) else None)
    else:
        more: tuple[str, ...] = ()
        if kind in ("verdict", "context"):
            more = (entry.role, entry.decision.partition(":")[0] if kind == "context" else "")
        yield (kind, "subject", entry.subject, *more)
        if entry.anchor is not None:
            yield (kind, "anchor", entry.anchor, *more)
        if kind == "name" and "same_as" not in fields:  # who says that two tasks are one may call them alike
            yield (kind, "called", entry.decision.strip().casefold())


def _meet(one: _Entry, other: _Entry) -> bool:
    """Whether two entries about one thing touch: corrections do where one's rows hold the other's, or the other's goal."""
    if one.kind == "mark":  # a mark without a task holds wherever the step occurs
        tasks = (one.fields.get("task_id"), other.fields.get("task_id"))
        return None in tasks or tasks[0] == tasks[1]
    if one.kind != "correction":
        return True
    return any(True for _ in _touching(one, other))


def _touching(one: _Entry, other: _Entry) -> Iterator[tuple[Correction, Correction]]:
    """Pairs of places of two entries that touch."""
    for where in one.places.keys() & other.places.keys():
        for first in one.places[where]:
            for second in other.places[where]:
                if _overlap(first.rows, second.rows + _target(second)) or _overlap(_target(first), second.rows):
                    yield first, second


def _overlap(ones: tuple[tuple[str, int, int], ...], others: tuple[tuple[str, int, int], ...]) -> bool:
    return any(
        session == other_session and first <= other_last and other_first <= last
        for session, first, last in ones
        for other_session, other_first, other_last in others
    )


def _places(number: int, detail: str | None) -> dict[tuple[str, str], list[Correction]]:
    """What a correction names in each user's sessions, also the rows that it gives others to; none if it cannot be understood."""
    found: dict[tuple[str, str], list[Correction]] = defaultdict(list)
    for place in read_correction(number, detail):
        for session in {session for session, _, _ in place.rows + _target(place)}:
            found[place.user, session].append(place)
    return dict(found)


def _target(place: Correction) -> tuple[tuple[str, int, int], ...]:
    """The row whose piece of work others were given to."""
    return ((*place.to, place.to[1]),) if isinstance(place.to, tuple) else ()


def _row(earlier: _Entry, later: _Entry) -> tuple[object, ...]:
    if later.kind == "name" and not later.names_the_task_of(earlier):
        said = (
            f"Number {earlier.number} ({earlier.role}) calls {earlier.subject} “{earlier.decision}”, number {later.number} "
            f"({later.role}) calls {later.subject} “{later.decision}”; neither had seen the other. Two tasks of one name "
            "cannot be told apart: undo one of them, or choose another name."
        )
    else:
        said = (
            f"Number {earlier.number} ({earlier.role}) says “{earlier.decision}”, number {later.number} ({later.role}) says "
            f"“{later.decision}”; neither had seen the other. Number {later.number} holds until one of them is undone or "
            "somebody decides anew."
        )
    sides = (earlier.decision, earlier.role, earlier.writer, later.decision, later.role, later.writer)
    return (later.kind, later.subject, earlier.number, later.number, *sides, said)
