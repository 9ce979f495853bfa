"""What an entry of kind "correction" says, read from the journal or refused."""

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
    """One correction, as it was said; `problem` is set where it cannot be understood."""

    number: int
    op: str
    user: str = ""
    rows: tuple[tuple[str, int, int], ...] = ()
    to: str | tuple[str, int] = "same"
    task: str | None = None
    problem: str = ""


def read_corrections(corrections: pl.DataFrame) -> list[Correction]:
    """Read corrections in order of number; other kinds of entries are passed over.

    >>> read_corrections(pl.DataFrame())
    []
    """
    if corrections.is_empty():
        return []
    require_columns(corrections, "number", "detail", made_by='Decisions.list(kind="correction")')
    if "kind" in corrections.columns:
        corrections = corrections.filter(kind="correction")
    return [
        read_correction(number, text)
        for number, text in corrections.sort("number").select("number", "detail").iter_rows()
    ]


def check_correction(detail: Mapping[str, Any] | None) -> None:
    """Raise a SettingError that lists everything that is wrong with the detail of a correction.

    >>> check_correction({"op": "split", "user": "p", "rows": [["s", 0, 4]], "to": "new", "task": None})
    """
    if problems := _problems(detail):
        raise SettingError("This is no correction that can be replayed: " + " ".join(problems))


def read_correction(number: int, text: str | None) -> Correction:
    """Read one correction from the JSON text of its detail.

    >>> read_correction(4, "{").op
    '?'
    """
    try:
        detail = json.loads(text or "null")
    except (ValueError, RecursionError):
        detail = None
    if problems := _problems(detail):
        op = str(detail.get("op")) if isinstance(detail, dict) else "?"
        return Correction(number, op, problem=" ".join(problems))
    to = detail["to"] if isinstance(detail["to"], str) else (detail["to"][0], detail["to"][1])
    rows = tuple((session, first, last) for session, first, last in detail["rows"])
    return Correction(number, detail["op"], detail["user"], rows, to, detail.get("task"))


def _problems(detail: Any) -> list[str]:
    if not isinstance(detail, Mapping):
        return ["it has no detail; allowed: op, user, rows, to and task."]
    op, user, rows, to, task = (detail.get(name) for name in ("op", "user", "rows", "to", "task"))
    wrong = []
    if op not in OPS:
        wrong.append(f"op={op!r}; allowed: {', '.join(OPS)}.")
    if not isinstance(user, str) or not user:
        wrong.append(f"user={user!r}; allowed: a user of the events.")
    if not isinstance(rows, (list, tuple)) or not rows or not all(_is_stretch(each) for each in rows):
        wrong.append(f"rows={rows!r}; allowed: one or more [session_id, first seq, last seq].")
    if to not in ("none", "new", "same") and not _is_row(to):
        wrong.append(f'to={to!r}; allowed: "none", "new", "same", or [session_id, seq] of a row.')
    if task is not None and not (isinstance(task, str) and task.strip()):
        wrong.append(f"task={task!r}; allowed: the name of a task, or null.")
    return wrong


def _is_row(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[0], str) and _is_seq(value[1])


def _is_stretch(value: Any) -> bool:
    row = isinstance(value, (list, tuple)) and len(value) == 3 and _is_row(value[:2])
    return row and _is_seq(value[2]) and value[1] <= value[2]


def _is_seq(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
