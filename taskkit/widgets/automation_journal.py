"""Verdicts and answers about tasks in the journal: found again when tasks get other numbers, and never taken back unseen."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from taskkit.decisions import Decisions
from taskkit.decisions.marks import anchor_of, tasks_now
from taskkit.errors import TaskkitError


class TaskDecisions:
    """What was decided and answered about tasks, as one screen has read it.

    A decision holds for the task that now has the row noted with it, whatever its number is. Somebody else's entry that
    this screen has not shown is left alone, so that both stand and are listed as a conflict.

    Parameters
    ----------
    path : journal of decisions; None: nothing can be recorded.
    events, segments : frames of `taskkit.mine`.

    >>> TaskDecisions(None, pl.DataFrame(), pl.DataFrame()).read() is None
    True
    """

    def __init__(self, path: Path | None, events: pl.DataFrame, segments: pl.DataFrame) -> None:
        self.path, self.events, self.segments = path, events, segments
        self._open: Decisions | None = None  # one for all clicks: this screen is one writer
        self._tasks: dict[int, str | None] = {}  # number → task by its row; an entry never changes
        self._own: set[int] = set()
        self._shown = 0
        self.show()

    def read(self, kind: str | None = None) -> pl.DataFrame | None:
        """List verdicts and answers that stand, `subject` being the task now (null: not in this log); None without a journal."""
        if self.path is None or not self.path.exists():
            return None
        kept = Decisions(self.path).list()
        kinds = ("verdict", "context") if kind is None else (kind,)
        kept = kept.filter(pl.col("kind").is_in(kinds) & ~pl.col("subject").str.starts_with("attribution "))
        fresh = kept.filter(~pl.col("number").is_in([*self._tasks]))
        if fresh.height:
            found = tasks_now(fresh, self.events, self.segments)
            known = {*self.segments["task_id"].drop_nulls()}
            for number, subject in fresh.select("number", "subject").iter_rows():
                self._tasks[number] = found.get(number, subject if subject in known else None)
        tasks = pl.Series([self._tasks[number] for number in kept["number"]], dtype=pl.String)
        return kept.with_columns(said_of="subject", subject=tasks)

    def show(self) -> pl.DataFrame | None:
        """Read what stands, to be shown: from now on it counts as seen."""
        kept = self.read()
        if kept is not None:
            self._shown = max([self._shown, *kept["number"]])
        return kept

    def record(self, task_id: str, words: str, *, kind: str, why: str, role: str, same: str = "") -> int:
        """Record a decision in place of what this role said before and this screen has shown; returns its number.

        Parameters
        ----------
        task_id, words, kind, why, role : the decision.
        same : only entries whose words begin so are replaced.
        """
        if self.path is None:
            raise TaskkitError("There is no folder of results to record beside: give results=.")
        standing = self.read(kind)
        before: list[int] = []
        if standing is not None:
            mine = standing.filter(pl.col("decision").str.starts_with(same), subject=task_id, role=role)
            before = [number for number in mine["number"] if number <= self._shown or number in self._own]
        if self._open is None:
            self._open = Decisions(self.path)
        anchor = anchor_of(self.events, self.segments, task_id)
        number = self._open.replace(
            before, task_id, words, kind=kind, why=why, role=role, seen=self._shown,
            detail=None if anchor is None else {"anchor": [*anchor]},
        )  # fmt: skip
        self._own.add(number)
        return number
