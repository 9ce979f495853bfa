"""One person's stream → stretches of work (task instances)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from taskkit.activities.fields import in_order
from taskkit.activities.numbers import digest, number
from taskkit.errors import SettingError, check_choice
from taskkit.schema import SEGMENTS, require_columns
from taskkit.segments.cohesion import segment_by_cohesion
from taskkit.segments.fitted import TaskModels, fit_models
from taskkit.segments.mixture import segment_by_model
from taskkit.segments.rules import segment_by_anchor, segment_by_gap, segment_by_routine, segment_by_switch
from taskkit.segments.spreading import spread
from taskkit.segments.streams import Array

__all__ = ["LOOKED_AT", "METHODS", "ORDER", "TaskModels", "fit_models", "list_segments", "segment", "spread_labels"]

ORDER = ("user", "session_id", "seq")
# what task models look at in a step
LOOKED_AT = (*ORDER, "timestamp", "app", "event_type", "screen", "activity", "step", "window_title", "url",
             "element_name")  # fmt: skip

# name → function(steps, **settings) → frame with the columns `segment` (Int64, null = no task), `segment_model` and
# `segment_confidence`, one row per step in the given order; a label never spans two users
METHODS: dict[str, Callable[..., pl.DataFrame]] = {
    "model": segment_by_model,
    "gap": segment_by_gap,
    "anchor": segment_by_anchor,
    "routine": segment_by_routine,
    "switch": segment_by_switch,
    "cohesion": segment_by_cohesion,
}


def segment(events: pl.DataFrame, *, method: str = "model", **settings: Any) -> pl.DataFrame:
    """Divide every person's stream of work into segments: one segment is one execution of a piece of work.

    Methods are found on the steps of `name_activities` and carried to all rows: rows merged into a step follow it, a
    window that came to the front goes with what was then done in it, presence rows and excluded ones belong to none.

    Parameters
    ----------
    events : events frame with `activity`, `step` and `active_seconds`.
    method : one of `METHODS`:
        "model" (default; settings `seed=0`, `examples=None`, `models=None`): a mixture of task models, those of `fit_models`
        where they are given; logs in which hardly any activity repeats are divided by their words;
        "gap" (`gap="5m"`): a new segment after every pause of that length;
        "anchor" (`start=`, `end=`): a segment begins and ends where an activity matches a regular expression;
        "routine" (`rare=0.1`): every round of a loop in the directly-follows graph is a segment;
        "switch" (`by="app"`, `stay="30s"`, `gap="5m"`): a new segment where somebody goes elsewhere and stays;
        "cohesion": by the words of the log, for logs in which hardly any activity repeats.

    `examples` are what people said, as a frame with the keys `user`, `session_id`, `seq` of steps and `segment_id` (one
    number for each marked execution) with, if there are several of one task, `task`; or `begins` (true: a segment begins
    there, false: none does). One execution a task is enough. Events that were segmented before keep the tasks that have
    no example; corrections of an earlier run are such examples.

    Returns
    -------
    The events, ordered by user, session and seq, with `segment_id` (dense from 0; null = belongs to no task; a segment
    need not be contiguous), `segment_model` (task model, null for other methods), `segment_confidence` (0 to 1: of so many
    like it that part is right on logs with known truth, at an intersection over union of 0.8) and, on the row with which a
    segment begins, `boundary_confidence` (0 to 1: as much for the beginning). Only the model's confidence is calibrated.

    Raises
    ------
    SettingError : an unknown method or setting. ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = pl.DataFrame({"at": ["2026-03-02T08:00", "2026-03-02T08:01", "2026-03-02T09:00"], "on": ["a", "b", "a"]})
    >>> events = tk.name_activities(tk.from_table(log, columns={"timestamp": "at", "element_name": "on"}))
    >>> tk.segment(events, method="gap", gap="5m")["segment_id"].to_list()
    [0, 0, 1]
    """
    check_choice(method, allowed=METHODS, what="segmentation method")
    require_columns(events, "activity", "step", "active_seconds", made_by="name_activities")
    whole = in_order(events)
    frame = whole.drop("segment_id", "segment_model", "segment_confidence", "boundary_confidence", strict=False)
    asked = LOOKED_AT if method == "model" else frame.columns
    steps = whole if "examples" in settings else frame.select(name for name in asked if name in frame.columns)
    steps = steps.filter("step")
    try:
        labels = METHODS[method](steps, **settings)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        raise SettingError(f"Segmentation method {method!r} does not know that setting: {error}.") from error
    return spread_labels(frame, steps.select(ORDER).with_columns(labels))


def spread_labels(events: pl.DataFrame, labelled: pl.DataFrame) -> pl.DataFrame:
    """Carry what a method found for the steps to all rows: what `segment` does last.

    Parameters
    ----------
    events : events frame in the order of user, session and seq, without segments.
    labelled : one row per step: `user`, `session_id`, `seq` and what the function in `METHODS` returned.

    >>> import polars as pl, taskkit as tk
    >>> log = pl.DataFrame({"at": ["2026-03-02T08:00", "2026-03-02T08:01"], "on": ["a", "b"]})
    >>> events = tk.name_activities(tk.from_table(log, columns={"timestamp": "at", "element_name": "on"}))
    >>> found = events.select("user", "session_id", "seq", segment=pl.Series([7, 7]), segment_model=pl.lit(None, pl.Int32),
    ...                       segment_confidence=pl.lit(1.0))
    >>> spread_labels(events, found)["segment_id"].to_list()
    [0, 0]
    """
    if "boundary_confidence" not in labelled.columns:
        labelled = labelled.with_columns(boundary_confidence=pl.lit(None, pl.Float64))
    return spread(events, labelled)


def list_segments(events: pl.DataFrame) -> pl.DataFrame:
    """List the segments of an events frame: who, when, how long, what was done.

    Parameters
    ----------
    events : events frame with `segment_id`.

    Returns
    -------
    One row per segment, in order of `segment_id` (see `taskkit.SEGMENTS`): times in seconds, `active_seconds` counts each
    event until the person's next one, at most the idle cap; `fragments` is 1 for a segment that was never interrupted.

    Raises
    ------
    ContractError : `segment` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> events = tk.from_table(pl.DataFrame({"at": [1_800_000_000, 1_800_000_005], "on": ["a", "b"]}),
    ...                        columns={"timestamp": "at", "element_name": "on"})
    >>> tk.list_segments(tk.segment(tk.name_activities(events), method="gap"))["steps"].to_list()
    [2]
    """
    require_columns(events, "segment_id", "activity", "step", "active_seconds", made_by="segment")
    asked = ("user", "session_id", "seq", "segment_id", "step", "activity", "app", "active_seconds", "team", "timestamp",
             "segment_model", "segment_confidence", "boundary_confidence")  # fmt: skip
    rows = in_order(events.select(name for name in asked if name in events.columns))
    rows = rows.with_columns(pl.col("step").fill_null(False))
    segment, first, count = _number_segments(rows["segment_id"])
    done = np.flatnonzero((segment >= 0) & rows["step"].to_numpy())
    done = done[np.argsort(segment[done], kind="stable")]
    listed = rows[first].select(
        "segment_id", "user", team=_first_known(rows, "team", segment, len(first)), session_id="session_id",
        **_add_up(rows, segment, len(first)), events=pl.Series(count),
        activities=_lists(rows["activity"].gather(done), segment[done], len(first)),
        model=_or_null(rows, "segment_model"), confidence=_or_null(rows, "segment_confidence"),
        boundary_confidence=_or_null(rows, "boundary_confidence"),
    )  # fmt: skip
    listed = listed.with_columns(elapsed_seconds=(pl.col("end") - pl.col("start")).dt.total_microseconds() / 1e6)
    columns = [c for c in SEGMENTS.columns if c.name in listed.columns]
    return listed.select(pl.col(c.name).cast(c.dtype) for c in columns)


def _number_segments(ids: pl.Series) -> tuple[Array, ...]:
    """The place of each row's segment in the order of `segment_id` (-1 = none), and of each segment the first row and how
    many rows it has."""
    inside = np.flatnonzero(ids.is_not_null().to_numpy())
    numbers, first = number(ids.drop_nulls().cast(pl.UInt64))
    order = ids.gather(inside[first]).arg_sort().to_numpy()
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    segment = np.full(len(ids), -1, np.int64)
    segment[inside] = place[numbers]
    return segment, inside[first][order], np.bincount(numbers, minlength=len(first))[order]


def _add_up(rows: pl.DataFrame, segment: Array, n: int) -> dict[str, pl.Series | pl.Expr]:
    """What is counted or added up over the rows of each segment, and its applications, most used first."""
    from taskkit.segments.row_kernels import add_up, count_up

    app, shown = number(rows["app"].hash())
    session = rows.select(digest(("user", "session_id"))).to_series().to_numpy()
    at, seconds = rows["timestamp"].to_physical().to_numpy(), rows["active_seconds"].fill_null(0.0).to_numpy()
    start, end = np.full(n, np.iinfo(np.int64).max), np.full(n, np.iinfo(np.int64).min)
    counts, active = np.zeros((3, n), np.uint32), np.zeros(n)
    count_up(segment, session, rows["step"].to_numpy(), app, at, start, end, *counts)
    add_up(segment, seconds, active)
    times = {"start": start, "end": end}
    return {
        **{name: pl.Series(time).cast(rows["timestamp"].dtype) for name, time in times.items()},
        **{name: pl.when(pl.Series(counts[0]) > 0).then(pl.Series(count))
           for name, count in zip(("steps", "fragments", "switches"), counts, strict=True)},
        "active_seconds": pl.Series(active), "apps": _list_apps(segment, app, rows["app"].gather(shown), seconds, n),
    }  # fmt: skip


def _list_apps(segment: Array, app: Array, names: pl.Series, seconds: Array, n: int) -> pl.Series:
    """The applications of each segment, most used first."""
    from taskkit.segments.row_kernels import add_up

    inside, many = segment >= 0, len(names)
    place = np.where(inside, segment * many + app, -1)  # a place for each application in each segment
    times = np.bincount(place[inside], minlength=n * many)
    used = np.zeros(n * many)
    add_up(place, seconds, used)
    rank = names.rank("dense").fill_null(0).to_numpy()  # 0 where no application is known
    met = np.flatnonzero(times)
    met = met[rank[met % many] > 0]
    order = met[np.lexsort((rank[met % many], -times[met], -used[met], met // many))]
    return _lists(names.gather(order % many), order // many, n).fill_null(pl.lit([], dtype=pl.List(pl.String)))


def _lists(values: pl.Series, group: Array, n: int) -> pl.Series:
    """The values of each of `n` groups, which stand one after the other, as a list; null where there are none."""
    frame = pl.DataFrame({"group": group, "value": values}).with_columns(pl.col("group").set_sorted())
    lists = frame.group_by("group", maintain_order=True).agg("value")
    return pl.DataFrame({"group": np.arange(n)}).join(lists, on="group", how="left", maintain_order="left")["value"]


def _first_known(rows: pl.DataFrame, name: str, segment: Array, n: int) -> pl.Series:
    """The first value in each segment; null where there is none."""
    if name not in rows.columns:
        return pl.Series([None], dtype=pl.String).gather(np.zeros(n, np.uint32))
    known = np.flatnonzero((segment >= 0) & rows[name].is_not_null().to_numpy())[::-1]
    row = np.full(n, -1)
    row[segment[known]] = known
    return rows[name].gather(pl.Series(row).replace(-1, None))


def _or_null(rows: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name) if name in rows.columns else pl.lit(None)
