"""What a person does in the editor, as a correction: these rows belong to that execution, to a new one or to none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.errors import SettingError
from taskkit.widgets.editor.stretches import Array, Rows


class Edit(NamedTuple):
    """A correction as the journal keeps it: what was done in words, and the rows."""

    words: str
    op: str
    ranges: list[list[Any]]
    to: Any
    task: str | None
    first: int  # row that it begins with


def move_boundary(rows: Rows, step: int, *, to: int) -> Edit:
    """The boundary before `step` stands before the step `to`: the rows between change sides.

    Parameters
    ----------
    rows : one person's rows. step, to : numbers of steps.

    Raises
    ------
    SettingError : there is no boundary, or a segment on the way would have nothing left.
    """
    if not is_boundary(rows, step):
        raise SettingError("There is no boundary before this step: choose the line between two segments.")
    low, high = limits(rows, step)
    if not low <= to <= high or to == step:
        raise SettingError(
            "The boundary can only be moved inside the two stretches beside it; merge them to remove it."
        )
    before, after = int(rows.owner[step - 1]) if _joined(rows, step) else -1, int(rows.owner[step])
    taken, keeps = (after, step - 1) if to > step else (before, step)
    winner = before if to > step else after
    mask = _between(rows, min(step, to), max(step, to)) & (rows.segment == taken)
    far = abs(to - step)
    words = f"boundary moved {far} {'step' if far == 1 else 'steps'} {'later' if to > step else 'earlier'}"
    return _edit(rows, words, "move", mask, anchor(rows, keeps) if winner >= 0 else "none")


def split(rows: Rows, step: int) -> Edit:
    """A segment ends before `step`, and what is left of it is one of its own; so is a stretch of no task from there."""
    own = int(rows.owner[step])
    begun = rows.begins[step] if own >= 0 else step == _run(rows, step)[0]
    if own >= 0 and begun:
        raise SettingError(
            "A segment begins with this step already. Put the cursor on the step that begins the next one."
        )
    if own < 0:
        mask = _between(rows, step, _run(rows, step)[1] + 1) & (rows.segment < 0)
        return _edit(rows, "a segment of its own from here", "split", mask, "new")
    mask = (rows.segment == own) & (np.arange(len(rows.segment)) >= rows.lead[step])
    return _edit(rows, "split in two", "split", mask, "new")


def merge(rows: Rows, step: int, *, later: bool = True) -> Edit:
    """The segment of `step` and the next one (or the one before) are one execution."""
    own = _own(rows, step)
    ahead = np.flatnonzero((rows.owner != own) & (rows.owner >= 0))
    ahead = ahead[ahead > step] if later else ahead[ahead < step]
    ahead = ahead[rows.days[ahead] == rows.days[step]]
    if not len(ahead):
        raise SettingError(
            f"There is no segment {'after' if later else 'before'} this one on this day to merge it with."
        )
    other = int(rows.owner[ahead[0 if later else -1]])
    words = f"merged with the {'next' if later else 'previous'} one"
    return _edit(rows, words, "merge", rows.segment == other, anchor(rows, step))


def leave_out(rows: Rows, step: int) -> Edit:
    """The segment of `step` is not work on any task."""
    return _edit(rows, "not work", "not work", rows.segment == _own(rows, step), "none")


def assign(rows: Rows, step: int, *, task: str, example: bool = False) -> Edit:
    """The segment of `step`, or its stretch of no task, is an execution of a task; an example is learnt from."""
    if not task.strip():
        raise SettingError("Give the task a name, or choose one from the list.")
    task, own = " ".join(task.split()), int(rows.owner[step])
    words, op = (f"example of ‘{task}’", "example") if example else (f"task ‘{task}’", "assign")
    if own >= 0:
        return _edit(rows, words, op, rows.segment == own, "same", task)
    first, last = _run(rows, step)
    return _edit(rows, words, op, _between(rows, first, last + 1) & (rows.segment < 0), "new", task)


def confirm(rows: Rows, step: int) -> Edit:
    """The segment of `step` is an execution of its own, as it was found."""
    return _edit(rows, "right as found", "split", rows.segment == _own(rows, step), "new")


EDITS: dict[str, Callable[..., Edit]] = {
    "move": move_boundary,
    "split": split,
    "merge": merge,
    "not work": leave_out,
    "assign": assign,
    "confirm": confirm,
}


def count_steps(rows: Rows, edit: Edit) -> int:
    """Steps among the rows of an edit."""
    inside = pl.lit(False)
    for session, first, last in edit.ranges:
        inside |= (pl.col("session_id") == session) & pl.col("seq").is_between(first, last)
    return rows.frame.filter("step").filter(inside).height


def is_boundary(rows: Rows, step: int) -> bool:
    """Whether work changes between the step before and this one, inside a session."""
    return 0 < step < len(rows.step) and _joined(rows, step) and rows.owner[step] != rows.owner[step - 1]


def limits(rows: Rows, step: int) -> tuple[int, int]:
    """How far the boundary before `step` can be moved: a segment keeps a step, a stretch of no task may vanish."""
    first, last = _run(rows, step - 1)[0], _run(rows, step)[1]
    return first + (rows.owner[step - 1] >= 0), last + (rows.owner[step] < 0)


def anchor(rows: Rows, step: int) -> list[Any]:
    """The step by which the journal knows its execution."""
    session, seq = rows.frame.select("session_id", "seq").row(int(rows.step[step]))
    return [session, int(seq)]


def _own(rows: Rows, step: int) -> int:
    own = int(rows.owner[step])
    if own < 0:
        raise SettingError("This step belongs to no segment. Assign a task to it (A), or make a segment of it (S).")
    return own


def _joined(rows: Rows, step: int) -> bool:
    """Whether a step and the one before it are of one session."""
    return bool(rows.session[rows.step[step]] == rows.session[rows.step[step - 1]])


def _run(rows: Rows, step: int) -> tuple[int, int]:
    """First and last step of the unbroken stretch of one owner around a step, inside its session and day."""
    same = (rows.owner == rows.owner[step]) & (rows.session[rows.step] == rows.session[rows.step[step]])
    same &= rows.days == rows.days[step]
    before, after = np.flatnonzero(~same[: step + 1]), np.flatnonzero(~same[step:])
    return int(before[-1]) + 1 if len(before) else 0, step + (int(after[0]) if len(after) else len(same) - step) - 1


def _between(rows: Rows, first: int, end: int) -> Array:
    """Rows that go with the steps from `first` up to, but without, `end`, in the session of `first`."""
    place = np.arange(len(rows.segment))
    mask = (place >= rows.lead[first]) & (rows.session == rows.session[rows.step[first]])
    return np.asarray(mask & (place < rows.lead[end]) if end < len(rows.step) else mask)


def _edit(rows: Rows, words: str, op: str, mask: Array, to: Any, task: str | None = None) -> Edit:
    """The rows of a mask as ranges: session, first and last seq of rows that follow one another."""
    chosen = np.flatnonzero(mask & ~rows.apart)
    if not len(chosen):
        raise SettingError("Nothing would change: no row of the log lies there.")
    breaks = (np.diff(chosen) > 1) | (np.diff(rows.session[chosen]) != 0)
    first, last = chosen[np.r_[True, breaks]], chosen[np.r_[breaks, True]]
    keys = rows.frame.select("session_id", "seq")
    ranges = [
        [keys.row(int(a))[0], int(keys.row(int(a))[1]), int(keys.row(int(b))[1])]
        for a, b in zip(first, last, strict=True)
    ]
    return Edit(words, op, ranges, to, task, int(chosen[0]))
