"""Decisions about the same thing by people who had not seen each other's."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import polars as pl

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
    stretches: tuple[tuple[str, int, int], ...]

    def saw(self, other: _Entry) -> bool:
        """Whether the writer of this entry knew the other, earlier one."""
        return self.writer == other.writer or self.seen >= other.number

    def disagrees(self, other: _Entry) -> bool:
        return (self.decision, self.detail) != (other.decision, other.detail)


def find_conflicts(standing: pl.DataFrame) -> pl.DataFrame:
    """Find pairs of entries about the same thing of which the later writer had not seen the earlier one.

    About the same thing are corrections whose rows overlap, names of one task (or of the task of one anchor), marks of one
    subject, and other entries of one kind with one subject. Votes of different roles stand side by side, and so do answers
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
        yield _Entry(number, kind, subject, decision, role, writer, seen or 0, told, _stretches(kind, told))


def _parsed(detail: str | None) -> Any:
    try:
        return json.loads(detail or "null")
    except ValueError:
        return None


def _things(entry: _Entry) -> Iterator[object]:
    """What an entry is about; entries of one thing may be about the same, others are not."""
    detail = entry.detail if isinstance(entry.detail, dict) else {}
    if entry.kind == "correction":
        yield from {(entry.kind, detail.get("user"), session) for session, _, _ in entry.stretches}
    elif entry.kind == "name":
        yield (entry.kind, "task", entry.subject)
        if isinstance(detail.get("anchor"), list):
            yield (entry.kind, "anchor", json.dumps(detail["anchor"]))
    elif entry.kind == "mark":
        yield (entry.kind, entry.subject, detail.get("what"), detail.get("task_id"))
    elif entry.kind == "context":
        yield (entry.kind, entry.subject, entry.role, entry.decision.partition(":")[0])
    elif entry.kind == "verdict":
        yield (entry.kind, entry.subject, entry.role)
    else:
        yield (entry.kind, entry.subject)


def _meet(one: _Entry, other: _Entry) -> bool:
    """Whether two entries about one thing touch; corrections do where their rows overlap."""
    if one.kind != "correction":
        return True
    return any(
        session == other_session and first <= other_last and other_first <= last
        for session, first, last in one.stretches
        for other_session, other_first, other_last in other.stretches
    )


def _stretches(kind: str, detail: Any) -> tuple[tuple[str, int, int], ...]:
    rows = detail.get("rows") if kind == "correction" and isinstance(detail, dict) else None
    return tuple((each[0], each[1], each[2]) for each in rows or [] if isinstance(each, list) and len(each) == 3)


def _row(earlier: _Entry, later: _Entry) -> tuple[object, ...]:
    said = (
        f"Number {earlier.number} ({earlier.role}) says “{earlier.decision}”, number {later.number} ({later.role}) says "
        f"“{later.decision}”; neither had seen the other. Number {later.number} holds until one of them is undone or "
        "somebody decides anew."
    )
    sides = (earlier.decision, earlier.role, earlier.writer, later.decision, later.role, later.writer)
    return (later.kind, later.subject, earlier.number, later.number, *sides, said)
