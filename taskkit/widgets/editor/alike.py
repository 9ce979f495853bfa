"""Unsure places that look like one that a person has settled: the same steps around them, between the same kinds of work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.charts.look import count_of, people
from taskkit.errors import SettingError
from taskkit.widgets.editor.edits import Edit, confirm, is_boundary, merge, move_boundary
from taskkit.widgets.editor.stretches import UNSURE, Rows, find_rows

Key = tuple[str, str, int]  # user, session and seq of the step that begins a piece of work
_KEY = ("user", "session_id", "seq")


class Settled(NamedTuple):
    """What a person said about an unsure beginning, to be said again wherever it looks the same."""

    op: str
    by: int  # steps that the boundary was moved; 0: it stands, or is gone
    into_earlier: bool  # merged: the piece before was chosen, and took in the one after
    key: Key


def find_settled(
    user: str, rows: Rows, op: str, step: int, *, to: int | None = None, later: bool = True
) -> Settled | None:
    """Which unsure beginning an edit settles, read from the rows before it; None if it settles none.

    Parameters
    ----------
    rows : the person's rows. op, step, to, later : the edit, as in `EDITS`; `to` is a step of the rows.
    """
    if op not in ("move", "confirm", "merge"):
        return None
    place, into_earlier = step, False
    if op != "move":
        place = int(np.flatnonzero(rows.begins & (rows.owner == rows.owner[step]))[0])
    if op == "merge":
        other = rows.owner[_neighbour(rows, step, later=later)]
        place = max(place, int(np.flatnonzero(rows.begins & (rows.owner == other))[0]))
        if rows.owner[_neighbour(rows, place, later=False)] not in (rows.owner[step], other):
            return None  # a third piece lies between
        into_earlier = bool(rows.owner[step] != rows.owner[place])
    if not (is_boundary(rows, place) and rows.begins[place] and rows.sure[place] < UNSURE):
        return None
    session, seq = rows.frame.select("session_id", "seq").row(int(rows.step[place]))
    return Settled(op, 0 if to is None else to - step, into_earlier, (user, session, int(seq)))


def settle_all(
    settled: Settled, places: Sequence[Key], rows_of: Callable[[str], Rows]
) -> tuple[list[tuple[str, Edit]], int]:
    """The same edit at all these beginnings: user and edit of each, in an order in which they can be applied.

    Returns
    -------
    The edits, and at how many places none could be made.

    Raises
    ------
    SettingError : it can be made at none of them.
    """
    made: list[tuple[str, Edit]] = []
    for user in sorted({key[0] for key in places}):
        rows = rows_of(user)
        steps = np.searchsorted(rows.step, find_rows(rows, [key[1:] for key in places if key[0] == user])).tolist()
        # what is given to the piece after it goes on with that one, where it is given on as well
        backwards = settled.op == "merge" and not settled.into_earlier
        for step in reversed(steps) if backwards else steps:
            try:
                made.append((user, settle(rows, step, settled)))
            except SettingError as error:
                problem = error
    if not made:
        raise problem
    return made, len(places) - len(made)


def offer_words(settled: Settled, places: Sequence[Key], before: str, after: str) -> dict[str, str]:
    """What is offered: the sentence (`words`) and what the button says (`label`).

    >>> offer_words(Settled("confirm", 0, False, ("p", "s", 4)), [("p", "s", 9)], "‘save’", "‘open’")["words"]
    '1 other unsure place of 1 person looks the same: after ‘save’, before ‘open’, between the same kinds of work.'
    """
    many = len(places) > 1
    do = {"confirm": "Right as it is", "merge": "Merge", "move": "Move it"}[settled.op]
    return {
        "words": f"{count_of(len(places), 'other unsure place')} of {people(len({key[0] for key in places}))} "
        f"{'look' if many else 'looks'} the same: after {before}, before {after}, between the same kinds of work.",
        "label": f"{do} {f'at these {len(places):,}' if many else 'there'} too",
    }


def settle(rows: Rows, step: int, settled: Settled) -> Edit:
    """The same edit at another beginning.

    Raises
    ------
    SettingError : it cannot be made there.
    """
    if settled.op == "move":
        return move_boundary(rows, step, to=step + settled.by)
    if settled.op == "confirm":
        return confirm(rows, step)
    if settled.into_earlier:
        return merge(rows, _neighbour(rows, step, later=False))
    return merge(rows, step, later=False)


def _neighbour(rows: Rows, step: int, *, later: bool) -> int:
    """The nearest step of another piece of work; an edit has found that there is one."""
    other = np.flatnonzero((rows.owner >= 0) & (rows.owner != rows.owner[step]))
    return int(other[other > step][0] if later else other[other < step][-1])


class Surroundings:
    """All steps of all people as the method divided them, to be asked which places look the same.

    Parameters
    ----------
    steps : one row per step, in order: `user`, `session_id`, `seq`, `activity`, `segment_model` and `task_id`.
    """

    def __init__(self, steps: pl.DataFrame) -> None:
        kind = pl.coalesce(pl.col("segment_model").cast(pl.String), "task_id")  # not all methods learn models
        session = pl.struct("user", "session_id").rle_id()
        codes = steps.select(
            session=session, activity=pl.col("activity").cast(pl.String).rank("dense").fill_null(0),
            kind=kind.rank("dense").fill_null(0),
        )  # fmt: skip
        self._session, self._activity, self._kind = (codes[name].to_numpy() for name in codes.columns)
        self.keys = steps.select(pl.col("user", "session_id").cast(pl.String), pl.col("seq").cast(pl.Int64))
        self.activities = steps["activity"]

    def alike(self, settled: Settled, places: Sequence[Key]) -> list[Key]:
        """Those of the places around which the same is done as around the settled one, in the given order.

        The same steps must be taken right before and after the beginning, up to where it was moved, and what the method
        took for one kind of work must be before it, and after it.
        """
        home, at = self.find([settled.key])[0], self.find(places)
        same = at != home
        for away in range(min(settled.by, 0) - 1, max(settled.by, 0) + 1):
            if not self._inside(np.array([home]), away)[0]:
                return []
            same &= self._inside(at, away)
            there = np.clip(at + away, 0, len(self._kind) - 1)
            same &= self._activity[there] == self._activity[home + away]
            if away in (-1, 0):
                same &= self._kind[there] == self._kind[home + away]
        return [place for place, alike in zip(places, same, strict=True) if alike]

    def around(self, key: Key) -> tuple[Any, Any]:
        """The steps before and after a beginning."""
        home = int(self.find([key])[0])
        return self.activities[home - 1], self.activities[home]

    def find(self, places: Sequence[Key]) -> np.ndarray[Any, Any]:
        """Where these steps stand among all."""
        schema = {"user": pl.String, "session_id": pl.String, "seq": pl.Int64}
        wanted = pl.DataFrame([*places], schema=schema, orient="row")
        found = wanted.join(self.keys.with_row_index("_row"), on=_KEY, how="left", maintain_order="left")
        return found["_row"].cast(pl.Int64).to_numpy()

    def _inside(self, at: np.ndarray[Any, Any], away: int) -> np.ndarray[Any, Any]:
        """Whether a step that far away is of the same session."""
        there = at + away
        inside = (there >= 0) & (there < len(self._session))
        session = self._session[np.clip(there, 0, len(self._session) - 1)]
        return np.asarray(inside & (session == self._session[at]))
