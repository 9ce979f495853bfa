"""One task's work: its rows and its segments, put apart once for everything that is measured on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from taskkit.automation.determinism import written_fields
from taskkit.automation.fields import list_values
from taskkit.schema import require_columns
from taskkit.segments import list_segments
from taskkit.tasks import find_tasks
from taskkit.variants import find_variants


@dataclass(frozen=True)
class Work:
    """One task's rows and segments, and the days on which each recorded person was recorded at all."""

    events: pl.DataFrame
    segments: pl.DataFrame
    days: pl.DataFrame  # user, day: one row per recorded day of everybody, also of those who never did the task
    main_app: str = ""  # application with the most active time of the whole log: the system of record

    @cached_property
    def values(self) -> pl.DataFrame:
        """The rows that show or write a value, see `list_values`: several criteria rest on them."""
        return list_values(self.events)

    @cached_property
    def written(self) -> pl.DataFrame:
        """The written values with the rules that give them, found once: the slow part of what is measured."""
        return written_fields(self.events, values=self.values)


def split_work(events: pl.DataFrame, segments: pl.DataFrame | None = None) -> list[Work]:
    """Put the tasks apart, in the order of `task_id`, the rows of each in the order of work.

    Parameters
    ----------
    events : one row per interaction, with `segment_id` and `active_seconds`; a `task_id` is used if `segments` is missing.
    segments : one row per segment, with `task_id`; computed where it is missing.

    Returns
    -------
    One `Work` per task; segments with `variant_id`, found where it is missing.

    Raises
    ------
    ContractError : the events have no segments, or the segments no tasks.
    """
    require_columns(events, "segment_id", made_by="segment")
    require_columns(events, "active_seconds", made_by="name_activities")
    segments = with_tasks(events, segments)
    days = _recorded_days(events)
    of_task = segments.select("segment_id", _task="task_id")
    rows = events.drop_nulls("segment_id").join(of_task, on="segment_id", how="inner")
    begin = pl.col("timestamp").min().over("user", "session_id")
    rows = rows.with_columns(_begin=begin).sort("user", "_begin", "session_id", "seq").drop("_begin")
    by_task = rows.partition_by("_task", as_dict=True, include_key=False)
    time = events.drop_nulls("app").group_by("app").agg(pl.col("active_seconds").sum())
    main_app = str(time.sort("active_seconds", "app", descending=[True, False])["app"][0]) if time.height else ""
    return [
        Work(by_task.get((task_id,), rows.clear().drop("_task")), own, days, main_app)
        for (task_id,), own in segments.group_by("task_id", maintain_order=True)
    ]


def with_tasks(events: pl.DataFrame, segments: pl.DataFrame | None) -> pl.DataFrame:
    """The segments that belong to a task, with its name and their ways; found where they are missing."""
    if segments is None:
        segments = list_segments(events)
        if "task_id" in events.columns:
            tasks = events.drop_nulls("segment_id").group_by("segment_id").agg(pl.col("task_id").drop_nulls().first())
            segments = segments.drop("task_id", strict=False).join(tasks, on="segment_id", how="left")
        else:
            segments = find_tasks(segments)
    require_columns(segments, "segment_id", "user", "active_seconds", made_by="list_segments")
    require_columns(segments, "task_id", made_by="find_tasks")
    if "task_name" not in segments.columns:
        segments = segments.with_columns(task_name=pl.col("task_id"))
    segments = segments.drop_nulls("task_id").sort("task_id", "segment_id")
    return segments if "variant_id" in segments.columns or segments.is_empty() else find_variants(segments)


def _recorded_days(events: pl.DataFrame) -> pl.DataFrame:
    local = pl.col("timestamp")
    if "utc_offset_minutes" in events.columns:
        local = local + pl.duration(minutes=pl.col("utc_offset_minutes").fill_null(0))
    return events.select("user", day=local.dt.date()).unique().sort("user", "day")
