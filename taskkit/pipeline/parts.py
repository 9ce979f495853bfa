"""The whole way through one part of a log, with models that were fitted before: what a worker does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from taskkit.activities import name_activities
from taskkit.activities.fields import changes
from taskkit.activities.numbers import digest as digest_of
from taskkit.activities.numbers import number
from taskkit.automation.criteria import CRITERIA
from taskkit.automation.work import Work
from taskkit.pipeline.fitting import Fitted, read_fitted
from taskkit.pipeline.keeping import DONE, digest, write_frames
from taskkit.pipeline.partitions import Partition, read_part
from taskkit.segments import LOOKED_AT, METHODS, list_segments, spread_labels
from taskkit.tasks import assign_tasks

ORDER = ("user", "session_id", "seq")
# criteria that are sums over the rows of single segments: nothing outside of a part changes them
LOCAL = ("copy_pastes_per_segment", "rekeyed_per_segment", "screens", "structured_input_share", "judgement_share",
         "waiting_share")  # fmt: skip
ASKED = ("user", "session_id", "seq", "segment_id", "timestamp", "app", "event_type", "screen", "step", "active_seconds",
         "element_role", "value", "value_digest", "value_length")  # fmt: skip
SEED = 20260302  # of the draw of segments whose rows are kept


def mine_part(part: Partition, fitted: str, results: str, criteria: bool = True) -> dict[str, Any]:
    """Name, divide, group and measure one part, and keep what comes out; a part that is done is not done again.

    Parameters
    ----------
    part : of `list_partitions`.
    fitted : folder of `write_fitted`.
    results : folder in which a folder is made for the part, named after a digest of its files and of what was fitted.
    criteria : false leaves out what only criteria ask for; a part that has it is as good.

    Returns
    -------
    What there is to say about the part: `name`, `folder`, `events`, `steps`, `people`, `sessions`, `segments`, `unseen` (steps
    whose activity the models do not know), `criteria` (they can be summed up from it), `new` (false: it was done before).
    """
    contents = digest(Path(fitted).name, files={"log": [Path(file) for file in part.files]}, code=())
    folder = Path(results) / f"{part.name}-{contents}"
    try:
        done = dict(json.loads((folder / DONE).read_text()), new=False)
        if done["criteria"] or not criteria:
            return done
    except (OSError, ValueError):
        pass
    frames, said = measure_part(read_part(part.files, criteria=criteria), read_fitted(fitted), criteria=criteria)
    about = {"name": part.name, "folder": folder.name, **said, "criteria": criteria}
    write_frames(folder, frames, about)
    return about | {"new": True}


def measure_part(
    events: pl.DataFrame, fitted: Fitted, *, criteria: bool = True
) -> tuple[dict[str, pl.DataFrame], dict[str, Any]]:
    """The frames that are kept of a part, and what there is to say about it."""
    named = name_activities(events, rules=fitted.rules, learnt=fitted.names)
    steps = named.filter("step") if fitted.models is None else named.select(_known(named, LOOKED_AT)).filter("step")
    divided = spread_labels(named, steps.select(ORDER).with_columns(_label(steps, fitted)))
    segments = assign_tasks(list_segments(divided), fitted.tasks)
    frames = {"people": _count_people(segments), "activities": _count_activities(segments)}
    rows = None
    if criteria:
        asked, segments, rows = _for_criteria(divided, segments, fitted.kept)
        frames |= asked
    tasks = segments["task_id"].unique().to_list()
    frames |= _by_task("segments", segments, tasks) | ({} if rows is None else _by_task("rows", rows, tasks))
    known = fitted.models.words if fitted.models is not None else []
    said = {
        "events": events.height, "steps": steps.height, "people": divided.filter(changes("user"))["user"].n_unique(),
        "sessions": int(named.select(changes("user", "session_id").sum()).item()), "segments": segments.height,
        "unseen": int((~steps["activity"].is_in(known)).sum()) if known else 0,
    }  # fmt: skip
    return frames, said


def _by_task(name: str, frame: pl.DataFrame, tasks: Iterable[str | None]) -> dict[str, pl.DataFrame]:
    """A frame for each task, which may be empty: whoever works on a task reads nothing of the others."""
    found = frame.partition_by("task_id", as_dict=True, maintain_order=True)
    return {of_task(name, task): found.get((task,), frame.clear()) for task in tasks}


def of_task(name: str, task_id: str | None) -> str:
    """What the part of a frame is called that belongs to a task, or to none."""
    return f"{name}-{task_id or 'rest'}"


def _for_criteria(
    divided: pl.DataFrame, segments: pl.DataFrame, share: dict[str, float]
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame, pl.DataFrame]:
    """What criteria ask for: sums of the local ones, days and applications; the segments with their time zone; rows to keep."""
    # segments are numbered from 0: they are found by their numbers
    number, task = divided["segment_id"], segments["task_id"]
    rows = divided.select(_known(divided, ASKED)).filter(_of_segments(task.is_not_null(), number))
    # sessions stand in the order in which a person's work in tasks begins in them
    begin = rows.select("user", "session_id", "timestamp", _run=changes("user", "session_id").cum_sum())
    first_of = (pl.col("user", "session_id").first(), pl.col("timestamp").min().alias("_begin"))
    begin = begin.group_by("_run", maintain_order=True).agg(first_of).drop("_run")
    drawn = segments["segment_id"].is_in(_drawn(segments, share)["segment_id"].implode())
    kept = divided.filter(_of_segments(drawn, number))
    kept = kept.with_columns(task_id=task.gather(kept["segment_id"]))
    local = pl.col("timestamp") + pl.duration(minutes=_offset(divided))
    days = divided.select("user", day=local.dt.date())
    days = days.filter(changes("user", "day")).unique().sort("user", "day")
    inside = divided.select("segment_id", "timestamp", utc_offset_minutes=_offset(divided)).drop_nulls("segment_id")
    first = inside.group_by("segment_id").agg(pl.col("utc_offset_minutes").get(pl.col("timestamp").arg_min()))
    apps = divided.select("app", "active_seconds").drop_nulls("app").group_by("app").agg(add_up("active_seconds"))
    sums = _measure(_by_time(rows, begin), segments.drop_nulls("task_id"), days)
    return (
        {"criteria": sums, "days": days, "apps": apps.sort("app")},
        segments.join(first, on="segment_id", how="left", maintain_order="left"),
        kept.join(begin, on=["user", "session_id"], how="left", maintain_order="left"),
    )


def _known(frame: pl.DataFrame, names: Iterable[str]) -> list[str]:
    return [name for name in names if name in frame.columns]


def _of_segments(which: pl.Series, number: pl.Series) -> pl.Series:
    """The rows of the segments that are marked in a list of all."""
    return which.gather(number).fill_null(False)


def _by_time(rows: pl.DataFrame, begin: pl.DataFrame) -> pl.DataFrame:
    """The rows with the sessions of a person in the order of their times; to look is quicker than to sort."""
    if begin.equals(begin.sort("user", "_begin", "session_id")):
        return rows
    timed = rows.join(begin, on=["user", "session_id"], how="left", maintain_order="left")
    return timed.sort("user", "_begin", "session_id", "seq").drop("_begin")


def _label(steps: pl.DataFrame, fitted: Fitted) -> pl.DataFrame:
    """What a method finds for the steps; what it found for them in the whole log, if it did."""
    if fitted.found is not None:
        mine = steps.select(ORDER).join(fitted.found, on=ORDER, how="inner", maintain_order="left")
        if mine.height == steps.height:
            return mine.drop(ORDER)
    return fitted.models.label(steps) if fitted.models is not None and steps.height else METHODS[fitted.method](steps)


def _measure(rows: pl.DataFrame, segments: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Sums of each person and task for the criteria that need no other part: `task_id`, `user`, `criterion`, both sums."""
    work = Work(rows, segments, days)
    of_task = segments.select("segment_id", "task_id", "user")
    out = []
    for name in LOCAL:
        found = (
            CRITERIA[name]
            .function(work)
            .group_by("segment_id", maintain_order=True)
            .agg(pl.col("numerator", "denominator").sum())
        )
        found = found.join(of_task, on="segment_id", how="inner").sort("segment_id")
        summed = found.group_by("task_id", "user", maintain_order=True).agg(pl.col("numerator", "denominator").sum())
        out.append(summed.sort("task_id", "user").with_columns(criterion=pl.lit(name)))
    return pl.concat(out)


def _drawn(segments: pl.DataFrame, kept: dict[str, float]) -> pl.DataFrame:
    """The segments of each task whose rows are kept: drawn by a digest of their first row, the same in every run."""
    shares = pl.DataFrame(
        {"task_id": [*kept], "_share": [*kept.values()]}, schema={"task_id": pl.String, "_share": pl.Float64}
    )
    own = pl.struct("user", "session_id", "start", "steps").hash(SEED).cast(pl.Float64) / 2.0**64
    drawn = segments.select("segment_id", "task_id", _place=own).join(shares, on="task_id", how="inner")
    return drawn.filter((pl.col("_place") < pl.col("_share")) | (pl.col("_share") >= 1)).select("segment_id")


def add_up(name: str) -> pl.Expr:
    """Sum of seconds in whole microseconds: the same whatever the order in which several threads add them up."""
    return ((pl.col(name) * 1e6).round().cast(pl.Int64).sum() / 1e6).alias(name)


def _count_people(segments: pl.DataFrame) -> pl.DataFrame:
    """How many segments each person has, the number of the first, and the seconds in all of them."""
    of_user = (pl.len().alias("segments"), pl.col("segment_id").min().alias("first"), add_up("active_seconds"))
    return segments.group_by("user").agg(*of_user).sort("user")


def _count_activities(segments: pl.DataFrame) -> pl.DataFrame:
    """How often each activity occurs in each task."""
    steps = segments.drop_nulls("task_id").select("task_id", activity="activities")
    steps = steps.explode("activity", empty_as_null=False, keep_nulls=False).drop_nulls()
    numbers, first = number(steps.select(digest_of(("task_id", "activity"))).to_series())
    times = np.bincount(numbers, minlength=len(first))
    distinct: pl.DataFrame = steps[first].with_columns(times=pl.Series(times, dtype=pl.UInt32))
    return distinct.sort("task_id", "activity")


def _offset(events: pl.DataFrame) -> pl.Expr:
    have = "utc_offset_minutes" in events.columns
    return pl.col("utc_offset_minutes").cast(pl.Int64).fill_null(0) if have else pl.lit(0, pl.Int64)
