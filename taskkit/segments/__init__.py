"""One person's stream → stretches of work (task instances)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from taskkit.activities.fields import changes, in_order
from taskkit.activities.numbers import number
from taskkit.errors import SettingError, check_choice
from taskkit.schema import SEGMENTS, require_columns
from taskkit.segments.cohesion import segment_by_cohesion
from taskkit.segments.fitted import TaskModels, fit_models
from taskkit.segments.mixture import segment_by_model
from taskkit.segments.rules import segment_by_anchor, segment_by_gap, segment_by_routine, segment_by_switch
from taskkit.segments.spreading import spread

__all__ = ["METHODS", "ORDER", "TaskModels", "fit_models", "list_segments", "segment", "spread_labels"]

ORDER = ("user", "session_id", "seq")

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
    steps = (whole if "examples" in settings else frame).filter("step")
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
    from taskkit.segments.row_kernels import count_changes

    asked = ("user", "session_id", "seq", "segment_id", "step", "activity", "app", "active_seconds", "team", "timestamp",
             "segment_model", "segment_confidence", "boundary_confidence")  # fmt: skip
    rows = in_order(events.select(name for name in asked if name in events.columns)).drop_nulls("segment_id")
    inside = rows.filter("step")
    # a fragment begins where the person's last work before was another segment; noise between is no interruption
    fragments = inside.select(changes("user", "session_id", "segment_id")).to_series().to_numpy()
    numbers, first, _ = number(inside["segment_id"].cast(pl.UInt64))
    begun, switches = np.zeros(len(first), np.uint32), np.zeros(len(first), np.uint32)
    count_changes(numbers, number(inside["app"].hash())[0], fragments, begun, switches)
    by_step = inside.group_by("segment_id", maintain_order=True).agg(steps=pl.len(), activities=pl.col("activity"))
    by_step = by_step.with_columns(fragments=pl.Series(begun), switches=pl.Series(switches))
    team = pl.col("team").drop_nulls().first() if "team" in rows.columns else pl.lit(None, dtype=pl.String)
    listed = rows.group_by("segment_id", maintain_order=True).agg(
        pl.col("user").first(), team=team, session_id=pl.col("session_id").first(),
        start=pl.col("timestamp").min(), end=pl.col("timestamp").max(),
        active_seconds=pl.col("active_seconds").sum(), events=pl.len(),
        model=_first_or_null(rows, "segment_model"), confidence=_first_or_null(rows, "segment_confidence"),
        boundary_confidence=_first_or_null(rows, "boundary_confidence"),
    )  # fmt: skip
    listed = listed.join(by_step, on="segment_id", how="left").join(_list_apps(rows), on="segment_id", how="left")
    listed = listed.with_columns(
        elapsed_seconds=(pl.col("end") - pl.col("start")).dt.total_microseconds() / 1e6,
        apps=pl.col("apps").fill_null(pl.lit([], dtype=pl.List(pl.String))),
    )
    columns = [c for c in SEGMENTS.columns if c.name in listed.columns]
    return listed.select(pl.col(c.name).cast(c.dtype) for c in columns).sort("segment_id")


def _list_apps(rows: pl.DataFrame) -> pl.DataFrame:
    """The applications of each segment, most used first."""
    known = rows["app"].unique().drop_nulls().sort()
    place = pl.col("app").replace_strict(
        known, pl.int_range(len(known), dtype=pl.UInt32, eager=True), return_dtype=pl.UInt32
    )
    used = rows.lazy().select("segment_id", "active_seconds", app=place).drop_nulls("app").collect()
    return (
        used.group_by("segment_id", "app", maintain_order=True).agg(time=pl.col("active_seconds").sum(), n=pl.len())
        .sort("segment_id", "time", "n", "app", descending=[False, True, True, False])
        .with_columns(app=pl.lit(known).gather("app"))
        .group_by("segment_id", maintain_order=True).agg(apps=pl.col("app"))
    )  # fmt: skip


def _first_or_null(rows: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name).first() if name in rows.columns else pl.lit(None)
