"""What an entry of kind "correction" says, read from the journal or refused.

Its detail names one place: `op`, `user`, `rows`, `to` and `task`. Where one decision holds at many places, it has `op` and
`task`, and `places` with the `user`, `rows` and `to` of each: one entry that is undone as one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from taskkit.errors import SettingError
from taskkit.schema import require_columns

OPS = ("move", "split", "merge", "not work", "assign", "example")
_MOST = 2**63 - 1


class Correction(NamedTuple):
    """One place of a correction, as it was said; `problem` is set where it cannot be understood."""

    number: int
    op: str
    user: str = ""
    rows: tuple[tuple[str, int, int], ...] = ()
    to: str | tuple[str, int] = "same"
    task: str | None = None
    problem: str = ""
    places: int = 1  # that the entry names

    @property
    def said(self) -> tuple[object, ...]:
        """What is said, whoever says it and wherever else."""
        return self.op, self.user, self.rows, self.to, self.task


def read_corrections(corrections: pl.DataFrame) -> list[Correction]:
    """Read corrections in order of number, each place of them; other kinds of entries are passed over.

    >>> read_corrections(pl.DataFrame())
    []
    """
    if corrections.is_empty():
        return []
    require_columns(corrections, "number", "detail", made_by='Decisions.list(kind="correction")')
    if "kind" in corrections.columns:
        corrections = corrections.filter(kind="correction")
    entries = corrections.sort("number").select("number", "detail").iter_rows()
    return [place for number, text in entries for place in read_correction(number, text)]


def check_correction(detail: Mapping[str, Any] | None) -> None:
    """Raise a SettingError that lists everything that is wrong with the detail of a correction.

    >>> check_correction({"op": "split", "user": "p", "rows": [["s", 0, 4]], "to": "new", "task": None})
    """
    if problems := _problems(detail):
        raise SettingError("This is no correction that can be replayed: " + " ".join(problems))


def read_correction(number: int, text: str | None) -> list[Correction]:
    """Read one correction from the JSON text of its detail: a row for each place that it names.

    >>> read_correction(4, "{")[0].op
    '?'
    """
    try:
        detail = json.loads(text or "null")
    except (ValueError, RecursionError):
        detail = None
    if problems := _problems(detail):
        op = str(detail.get("op")) if isinstance(detail, dict) else "?"
        return [Correction(number, op, problem=" ".join(problems))]
    places = detail.get("places", [detail])
    return [
        Correction(
            number, detail["op"], place["user"], tuple((session, first, last) for session, first, last in place["rows"]),
            place["to"] if isinstance(place["to"], str) else (place["to"][0], place["to"][1]), detail.get("task"),
            places=len(places),
        )
        for place in places
    ]  # fmt: skip


def _problems(detail: Any) -> list[str]:
    if not isinstance(detail, Mapping):
        return ["it has no detail; allowed: op, user, rows, to and task."]
    op, task, wrong = detail.get("op"), detail.get("task"), []
    if op not in OPS:
        wrong.append(f"op={op!r}; allowed: {', '.join(OPS)}.")
    places = detail.get("places", [detail])
    if not isinstance(places, (list, tuple)) or not places or not all(isinstance(each, Mapping) for each in places):
        wrong.append(f"places={places!r}; allowed: one or more of user, rows and to.")
    else:
        wrong += [problem for place in places for problem in _problems_of_place(place)]
    if task is not None and not (isinstance(task, str) and task.strip()):
        wrong.append(f"task={task!r}; allowed: the name of a task, or null.")
    return wrong


def _problems_of_place(place: Mapping[str, Any]) -> list[str]:
    user, rows, to = (place.get(name) for name in ("user", "rows", "to"))
    wrong = []
    if not isinstance(user, str) or not user:
        wrong.append(f"user={user!r}; allowed: a user of the events.")
    if not isinstance(rows, (list, tuple)) or not rows or not all(_is_stretch(each) for each in rows):
        wrong.append(f"rows={rows!r}; allowed: one or more [session_id, first seq, last seq].")
    if to not in ("none", "new", "same") and not _is_row(to):
        wrong.append(f'to={to!r}; allowed: "none", "new", "same", or [session_id, seq] of a row.')
    return wrong


def _is_row(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[0], str) and _is_seq(value[1])


def _is_stretch(value: Any) -> bool:
    row = isinstance(value, (list, tuple)) and len(value) == 3 and _is_row(value[:2])
    return row and _is_seq(value[2]) and value[1] <= value[2]


def _is_seq(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
