"""One person's rows as the editor sees them, and the picture of one day: plain lists that a page can draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

Array = np.ndarray[Any, Any]

UNSURE = 0.8  # confidence under which a boundary is offered to be looked at
APART = ("presence", "excluded")  # rows that belong to no work whatever is done around them
_LEADS = ("window_focus", "window_title", "navigate")  # what comes to the front goes with what is then done in it
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Rows:
    """One person's rows in the order of their sessions in time; the arrays hold one entry a row, or one a step."""

    frame: pl.DataFrame
    segment: Array  # of each row; -1 = none
    apart: Array  # of each row: belongs to no work
    session: Array  # of each row: number of the session
    step: Array  # row of each step
    lead: Array  # first row that goes with each step
    second: Array  # local time of each step, seconds since 1970; never runs backwards
    begins: Array  # of each step: first one of its segment
    sure: Array  # of each step that begins a segment: confidence of the beginning; nan = not known

    @property
    def days(self) -> Array:
        """Local day of each step, in days since 1970."""
        return np.asarray(self.second // 86400, np.int64)

    @property
    def owner(self) -> Array:
        """Segment of each step; -1 = none."""
        return np.asarray(self.segment[self.step])


def arrange(events: pl.DataFrame) -> Rows:
    """Arrange one person's events: sessions in order of time, inside them the order of the recorder."""
    own = ["_begun", "session_id", "seq"]
    frame = events.with_columns(_begun=pl.col("timestamp").min().over("session_id")).sort(own).drop("_begun")
    plain = frame.select(
        segment=pl.col("segment_id").cast(pl.Int64).fill_null(-1),
        apart=pl.col("dropped").is_in(APART).fill_null(False),
        session=pl.col("session_id").rle_id(),
        step="step",
        leads=pl.col("event_type").cast(pl.String).is_in(_LEADS) & pl.col("activity").is_null(),
        second=(pl.col("timestamp").dt.timestamp("ms") / 1000) + pl.col("utc_offset_minutes").fill_null(0) * 60.0,
    )
    columns = {name: plain[name].to_numpy() for name in plain.columns}
    step = np.flatnonzero(columns["step"])
    segment = np.asarray(columns["segment"], np.int64)
    owner = segment[step]
    known, first = np.unique(owner, return_index=True)
    begins = np.zeros(len(step), bool)
    begins[first[known >= 0]] = True
    return Rows(
        frame, segment, columns["apart"], columns["session"], step, _leads(step, columns["leads"], columns["session"]),
        np.maximum.accumulate(columns["second"][step]), begins, _confidence(frame, owner, begins),
    )  # fmt: skip


def _leads(step: Array, leads: Array, session: Array) -> Array:
    """First row that goes with each step: windows that came to the front right before it."""
    lead = step.copy()
    for number, row in enumerate(step):
        first = row
        while first > 0 and leads[first - 1] and session[first - 1] == session[row]:
            first -= 1
        lead[number] = first
    return np.asarray(lead)


def _confidence(frame: pl.DataFrame, owner: Array, begins: Array) -> Array:
    """Confidence of the beginning, which may stand on a row before the first step."""
    known = frame.drop_nulls(["segment_id", "boundary_confidence"]).group_by("segment_id").agg(
        pl.col("boundary_confidence").max()
    )  # fmt: skip
    of = dict(known.iter_rows())
    return np.array([of.get(int(o), np.nan) if b else np.nan for o, b in zip(owner, begins, strict=True)], np.float64)


def describe_segments(rows: Rows) -> pl.DataFrame:
    """One row per segment: `segment_id`, `said` (task that a person gave), `task_id` (the method's), `sure`, `corrected`,
    `steps`; what a person did not touch tells the task of a segment that was put together."""
    of_steps = rows.frame.filter(pl.col("step") & pl.col("segment_id").is_not_null())
    untouched = pl.col("task_id").filter(~pl.col("corrected")).drop_nulls()
    return of_steps.group_by("segment_id").agg(
        said=pl.col("task_said").drop_nulls().last(),
        task_id=pl.coalesce(untouched.mode().min(), pl.col("task_id").drop_nulls().mode().min()),
        sure=pl.col("segment_confidence").max(),
        corrected=pl.col("corrected").any(),
        steps=pl.len(),
    ).sort("segment_id")  # fmt: skip


def draw_day(rows: Rows, day: int, *, tasks: Mapping[str, str], activities: Mapping[str, int], apps: Mapping[str, int],
             examples: Array) -> dict[str, Any]:  # fmt: skip
    """What the page needs of one day: a list entry per step, and one per segment.

    `t` seconds since midnight, `a` activity, `p` application (-1 = not named), `g` place in `segments` (-1 = no task),
    `begin` steps that begin a segment with their confidence; `examples` are the rows marked as examples.
    """
    here = np.flatnonzero(rows.days == day)
    owner = rows.owner[here]
    known = describe_segments(rows).filter(pl.col("segment_id").is_in(owner[owner >= 0].tolist()))
    place = {int(number): place for place, number in enumerate(known["segment_id"])}
    marked = set(rows.segment[examples].tolist()) if len(examples) else set()
    picked = rows.frame[rows.step[here].tolist()]
    before = set(rows.owner[: here[0]].tolist()) if len(here) else set()
    after = set(rows.owner[here[-1] + 1 :].tolist()) if len(here) else set()
    segments = [
        {
            "task": each["said"] or tasks.get(each["task_id"] or "", each["task_id"]),
            "said": each["said"] is not None,
            "sure": _short(each["sure"]),
            "corrected": each["corrected"],
            "example": each["segment_id"] in marked,
            "steps": each["steps"],
            "elsewhere": each["segment_id"] in before or each["segment_id"] in after,
        }
        for each in known.iter_rows(named=True)
    ]
    decided = picked["corrected"].to_list()
    return {
        "t": [round(float(second) - day * 86400, 1) for second in rows.second[here]],
        "a": [activities.get(name, -1) for name in picked["activity"]],
        "p": [apps.get(name, -1) for name in picked["app"]],
        "g": [place.get(int(number), -1) for number in owner],
        "open": [int(n) for n in np.flatnonzero(np.diff(rows.session[rows.step[here]], prepend=-1))],
        "begin": [
            [n, _short(None if np.isnan(sure) else float(sure)), bool(decided[n])]
            for n, (begins, sure) in enumerate(zip(rows.begins[here], rows.sure[here], strict=True))
            if begins
        ],
        "segments": segments,
    }


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def find_rows(rows: Rows, keys: Iterable[tuple[str, int]]) -> Array:
    """Numbers of the rows with these sessions and seqs, in order; those that are not there are left out."""
    wanted = pl.DataFrame([*keys], schema={"session_id": pl.String, "seq": pl.UInt64}, orient="row")
    if wanted.is_empty():
        return np.empty(0, np.int64)
    own = rows.frame.select(pl.col("session_id").cast(pl.String), pl.col("seq").cast(pl.UInt64)).with_row_index("_row")
    return own.join(wanted, on=["session_id", "seq"], how="semi")["_row"].to_numpy().astype(np.int64)


def day_words(day: int) -> str:
    """A local day in words.

    >>> day_words(20515)
    'Tue 3 Mar 2026'
    """
    when = _EPOCH + timedelta(days=int(day))
    return f"{when:%a} {when.day} {when:%b} {when.year}"


def clock(second: float) -> str:
    """Local time of day as people read it.

    >>> clock(20515 * 86400 + 33_000)
    '09:10'
    """
    inside = int(second) % 86400
    return f"{inside // 3600:02d}:{inside % 3600 // 60:02d}"
