"""One person's stream → stretches of work (task instances)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from taskkit.activities.fields import in_order
from taskkit.errors import SettingError, check_choice
from taskkit.schema import SEGMENTS, require_columns
from taskkit.segments.cohesion import segment_by_cohesion
from taskkit.segments.fitted import TaskModels, fit_models
from taskkit.segments.mixture import segment_by_model
from taskkit.segments.rules import segment_by_anchor, segment_by_gap, segment_by_routine, segment_by_switch

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
    return _dense(_spread(events.join(labelled, on=ORDER, how="left", maintain_order="left")))


def _spread(frame: pl.DataFrame) -> pl.DataFrame:
    """Carry the labels of the steps to all other rows of the session."""
    session = ["user", "session_id"]
    kind = pl.col("event_type").cast(pl.String)
    mark = pl.when("step").then(pl.struct("segment", "segment_model", "segment_confidence"))
    frame = frame.with_columns(_before=mark.forward_fill().over(session), _after=mark.backward_fill().over(session))
    label_before, label_after = pl.col("_before").struct.field("segment"), pl.col("_after").struct.field("segment")
    leads = kind.is_in(["window_focus", "window_title", "navigate"]) & pl.col("activity").is_null()
    chosen = (
        pl.when("step").then(mark)
        .when(pl.col("dropped").is_in(["presence", "excluded"])).then(None)  # nothing is done there, or nothing may be known
        .when(label_before == label_after).then("_before")
        .when(pl.col("activity").is_not_null()).then("_before")  # merged into the step before
        .when(leads & pl.col("app").eq_missing(pl.col("app").shift(-1))).then("_after")
        .when(kind == "scroll").then("_before")
    )  # fmt: skip
    frame = frame.with_columns(_chosen=chosen).drop(
        "segment", "segment_model", "segment_confidence", "_before", "_after"
    )
    return frame.unnest("_chosen")


def _dense(frame: pl.DataFrame) -> pl.DataFrame:
    """Number the segments from 0 in order of user and first event."""
    order = frame.select("segment").drop_nulls().unique(maintain_order=True).with_row_index("segment_id")
    numbered = frame.join(order, on="segment", how="left", maintain_order="left").drop("segment")
    sure = pl.col("boundary_confidence").max().over("segment_id")
    begins = pl.col("segment_id").is_not_null() & (pl.int_range(pl.len()).over("segment_id") == 0)
    return numbered.with_columns(
        boundary_confidence=pl.when(begins).then(sure)).with_columns(
        pl.col("segment_id").cast(pl.UInt32), pl.col("segment_model").cast(pl.Int32),
        pl.col("segment_confidence").cast(pl.Float64),
    )  # fmt: skip


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
    frame = in_order(events)
    own_stream = ["user", "session_id"]
    # a fragment begins where the person's last work before was another segment; noise between is no interruption
    inside = frame.filter(pl.col("step") & pl.col("segment_id").is_not_null()).with_columns(
        _begins=pl.col("segment_id").ne_missing(pl.col("segment_id").shift(1)).over(own_stream),
        _switch=pl.col("app").ne_missing(pl.col("app").shift(1)).over("segment_id")
        & (pl.int_range(pl.len()).over("segment_id") > 0),
    )
    by_step = inside.group_by("segment_id", maintain_order=True).agg(
        steps=pl.len(),
        fragments=pl.col("_begins").sum(),
        activities=pl.col("activity"),
        switches=pl.col("_switch").sum(),
    )
    rows = frame.filter(pl.col("segment_id").is_not_null())
    apps = (
        rows.filter(pl.col("app").is_not_null())
        .group_by("segment_id", "app", maintain_order=True).agg(time=pl.col("active_seconds").sum(), n=pl.len())
        .sort("segment_id", "time", "n", "app", descending=[False, True, True, False])
        .group_by("segment_id", maintain_order=True).agg(apps=pl.col("app"))
    )  # fmt: skip
    team = pl.col("team").drop_nulls().first() if "team" in rows.columns else pl.lit(None, dtype=pl.String)
    listed = rows.group_by("segment_id", maintain_order=True).agg(
        pl.col("user").first(), team=team, session_id=pl.col("session_id").first(),
        start=pl.col("timestamp").min(), end=pl.col("timestamp").max(),
        active_seconds=pl.col("active_seconds").sum(), events=pl.len(),
        model=_first_or_null(rows, "segment_model"), confidence=_first_or_null(rows, "segment_confidence"),
        boundary_confidence=_first_or_null(rows, "boundary_confidence"),
    )  # fmt: skip
    listed = listed.join(by_step, on="segment_id", how="left").join(apps, on="segment_id", how="left")
    listed = listed.with_columns(
        elapsed_seconds=(pl.col("end") - pl.col("start")).dt.total_microseconds() / 1e6,
        apps=pl.col("apps").fill_null(pl.lit([], dtype=pl.List(pl.String))),
    )
    columns = [c for c in SEGMENTS.columns if c.name in listed.columns]
    return listed.select(pl.col(c.name).cast(c.dtype) for c in columns).sort("segment_id")


def _first_or_null(rows: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name).first() if name in rows.columns else pl.lit(None)
