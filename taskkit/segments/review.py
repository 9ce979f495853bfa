"""The boundaries that a method is least sure of: what people should look at first."""

from __future__ import annotations

import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.schema import require_columns

ORDER = ("user", "session_id", "seq")
_SESSION = ["user", "session_id"]
_GROUPS = {"task": ["task_id"], "activity": ["activity"], "activities": ["activity_before", "activity"]}


def list_unsure(events: pl.DataFrame, *, most: int = 20) -> pl.DataFrame:
    """List the boundaries that the method is least sure of, for people who know the work to confirm or to correct.

    Single boundaries are the work of single people: look at them together with these people, and share `count_unsure`.

    Parameters
    ----------
    events : events frame of `segment`; `boundary_confidence` holds what the method knows of each beginning.
    most : boundaries that are listed.

    Returns
    -------
    One row per boundary, the least sure one first: `user`, `session_id`, `seq`, `timestamp` of the row with which a segment
    begins, `boundary_confidence` (0 to 1), `activity_before` and `activity` (last step before, and first step),
    `seconds_between` these two, `segment_id` and, where the events have it, `task_id` of the segment that begins. The beginning
    of a session is left out: nothing comes before it. Without a known confidence (some methods, segments from elsewhere) the
    frame has no rows.

    Raises
    ------
    ContractError : `segment` has not been run. SettingError : `most` is negative.

    >>> import polars as pl, taskkit as tk
    >>> log = pl.DataFrame({"at": [1.8e9, 1.8e9 + 5, 1.8e9 + 65, 1.8e9 + 70], "on": ["a", "b", "a", "c"]})
    >>> events = tk.name_activities(tk.from_table(log, columns={"timestamp": "at", "element_name": "on"}))
    >>> events = tk.segment(events, method="gap", gap="1m").with_columns(boundary_confidence=pl.Series([1.0, None, 0.4, None]))
    >>> list_unsure(events).select("boundary_confidence", "activity_before", "activity", "seconds_between").row(0)
    (0.4, 'use b', 'use a', 60.0)
    """
    if most < 0:
        raise SettingError(f"most={most}; allowed: 0 or more boundaries.")
    listed = _boundaries(events).sort("boundary_confidence", *ORDER).head(most)
    columns = [
        *ORDER, "timestamp", "boundary_confidence", "activity_before", "activity", "seconds_between", "segment_id", "task_id",
    ]  # fmt: skip
    return listed.select(name for name in columns if name in listed.columns)


def count_unsure(events: pl.DataFrame, *, by: str = "task", below: float = 0.8) -> pl.DataFrame:
    """Count the boundaries that the method is not sure of, by the task that begins or by what is done before and after.

    Parameters
    ----------
    events : events frame of `segment`; for by="task" with `task_id`, as `mine` gives it.
    by : "task", "activity" (the first step) or "activities" (pairs of the last step before and the first step: they say
        most, but many of them are seen with few people).
    below : confidence under which a boundary counts as unsure, 0 to 1.

    Returns
    -------
    One row per task, first step or pair, most to look at first: `task_id` (null = no task), `activity`, or `activity_before`
    and `activity`; `boundaries`, of these `unsure` ones, `expected_wrong` (sum of 1 − confidence: how many of them are wrong
    if the confidence means what it says), `mean_confidence`, `median_seconds` between the steps, `people` with such a
    boundary. The beginnings of sessions are left out, and there are no rows without a known confidence, as in `list_unsure`.

    Raises
    ------
    ContractError : an earlier stage has not been run. SettingError : a setting that is not allowed.

    >>> import polars as pl, taskkit as tk
    >>> log = pl.DataFrame({"at": [1.8e9, 1.8e9 + 5, 1.8e9 + 65, 1.8e9 + 70], "on": ["a", "b", "a", "c"]})
    >>> events = tk.name_activities(tk.from_table(log, columns={"timestamp": "at", "element_name": "on"}))
    >>> events = tk.segment(events, method="gap", gap="1m").with_columns(boundary_confidence=pl.Series([1.0, None, 0.4, None]))
    >>> count_unsure(events, by="activities").drop("mean_confidence", "median_seconds").row(0)
    ('use b', 'use a', 1, 1, 0.6, 1)
    """
    check_choice(by, allowed=_GROUPS, what="grouping for by=")
    if not 0 <= below <= 1:
        raise SettingError(f"below={below}; allowed: 0 to 1, a confidence.")
    if by == "task":
        require_columns(events, "task_id", made_by="mine, or by joining the segments of find_tasks on segment_id")
    sure = pl.col("boundary_confidence")
    counted = _boundaries(events).group_by(_GROUPS[by]).agg(
        boundaries=pl.len(), unsure=(sure < below).sum(),
        # rounded: the order of a sum is not fixed, and the order of the rows rests on it
        expected_wrong=(1 - sure).sum().round(6), mean_confidence=sure.mean().round(6),
        median_seconds=pl.col("seconds_between").median(), people=pl.col("user").n_unique(),
    )  # fmt: skip
    return counted.sort("expected_wrong", *_GROUPS[by], descending=[True, *[False] * len(_GROUPS[by])], nulls_last=True)


def _boundaries(events: pl.DataFrame) -> pl.DataFrame:
    """The rows with which a segment begins inside a session and whose confidence is known, with the steps around them."""
    require_columns(events, *ORDER, "timestamp", "activity", "step", made_by="name_activities")
    require_columns(events, "segment_id", made_by="segment")
    if "boundary_confidence" not in events.columns:  # segments from elsewhere
        events = events.with_columns(boundary_confidence=pl.lit(None, dtype=pl.Float64))
    own = pl.when("step").then(pl.struct("activity", "timestamp"))
    frame = events.sort(ORDER).with_columns(
        _before=own.forward_fill().shift(1).over(_SESSION), _first=own.backward_fill().over(_SESSION)
    )
    sure = pl.col("boundary_confidence").is_not_null() & pl.col("segment_id").is_not_null()
    begun = frame.filter(sure & pl.col("_before").is_not_null())
    before, first = pl.col("_before").struct, pl.col("_first").struct
    seconds = (first.field("timestamp") - before.field("timestamp")).dt.total_microseconds() / 1e6
    return begun.with_columns(
        activity_before=before.field("activity"), activity=first.field("activity"), seconds_between=seconds
    ).drop("_before", "_first")
