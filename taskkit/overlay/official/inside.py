"""Inside the official activities: the work that leads to each booking, and where it leaves the usual way of its task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from taskkit.overlay.effort import step_effort
from taskkit.overlay.official.deviations import count_passes
from taskkit.overlay.official.models import OfficialModel, model_of
from taskkit.overlay.official.replay import bookings_of, name_as_model
from taskkit.overlay.references import known_offsets
from taskkit.schema import require_columns
from taskkit.variants import count_variants
from taskkit.variants.alignment import list_visits
from taskkit.variants.standards import Standard, list_deviations, measure_conformance, standard_from_steps

SLACK = 2.0  # seconds that a booking may be stamped before the click that caused it
LEVEL = "screen"
_EFFORT = ("elapsed_median_seconds", "touch_median_seconds", "touch_total_hours", "people", "excursion_share",
           "excursion_pastes_mean", "main_app", "apps")  # fmt: skip
_OUTSIDE = pl.Schema({
    "activity": pl.String, "task_id": pl.String, "kind": pl.String, "step": pl.String, "left": pl.String,
    "executions": pl.UInt32, "share": pl.Float64, "people": pl.UInt32, "median_seconds": pl.Float64,
    "active_hours": pl.Float64, "measured": pl.UInt32,
})  # fmt: skip
_KEPT = pl.Schema({
    "activity": pl.String, "standard": pl.String, "measured": pl.UInt32, "measured_people": pl.UInt32,
    "leaving_share": pl.Float64,
})  # fmt: skip


def list_official_steps(
    events: pl.DataFrame, segments: pl.DataFrame, process: pl.DataFrame, model: str | Path | Standard | OfficialModel, *,
    main_app: str | None = None, standards: Mapping[str, Standard] | None = None, names: Mapping[str, str] | None = None,
    min_people: int = 1,
) -> pl.DataFrame:  # fmt: skip
    """Lay what happens over the official flow: what becomes of each activity, and how its work is done inside.

    Parameters
    ----------
    events : one row per interaction, with `case_id` from `attribute_cases`, `segment_id` and `active_seconds`.
    segments : segments of these events with `task_id` from `find_tasks` (`variant_id` where `find_variants` has been run).
    process : one row per process event.
    model : BPMN file, or what `read_model` or `read_standard` gives.
    main_app : the system the process runs in, as in `step_effort`.
    standards : task_id → how the task should be done, at the level of screens; by default its most frequent variant.
    names : {name in the log: name in the model}, as in `replay_model`.
    min_people : the task of an activity is chosen among those that at least so many people do.

    Returns
    -------
    One row per activity of the model, in its order: `place`, `activity`; from the cheapest alignments of the cases with
    the model: `cases` (that come to it), `passed`, `skipped`, `repeated`, `other_order`, `inserted` (see
    `list_process_deviations`), `not_reached`, `fitness` (passed, part of the cases); from `step_effort`:
    `elapsed_median_seconds`, `touch_median_seconds`, `touch_total_hours`, `people`, `excursion_share`,
    `excursion_pastes_mean`, `main_app`, `apps`; and from the task instances that lead to its bookings: `executions`,
    `bookings` (with recorded work), `task_id`, `task_name` (found in most of these bookings, as in `look_inside`: a batch counts
    for each booking that it leads to), `task_share` (part of the bookings), `task_people`, `few_tasks` (tasks of fewer than
    `min_people` people), `few_share` (the largest part of the bookings that one of them is found in), `variant_id` (the task's
    most frequent way here), `variant_share` (of its executions), `standard` (what the executions of that task were measured
    against), `measured` (how many), `measured_people`
    (whose), `leaving_share` (those that do not keep to it), and the step outside of it with most time:
    `outside`, `outside_left` (the step of the standard after which it is gone to most often), `outside_share` (of these
    executions), `outside_people`, `outside_median_seconds`. Of each case that it works on, a task instance belongs to the booking
    that most of its active time leads to. Nulls: no recorded work. `elapsed_median_seconds` is calendar time, nights and
    weekends included.

    Raises
    ------
    ContractError : a step before has not been run. SettingError : no activity of the log is one of the model.

    >>> import datetime as dt
    >>> from taskkit.variants.standards import standard_from_steps
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(3)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(2), "timestamp": when[:2], "case_id": "c",
    ...                        "app": "erp", "event_type": "click", "active_seconds": 15.0, "segment_id": 0, "step": True})
    >>> segments = pl.DataFrame({"segment_id": [0], "user": "p", "task_id": "T01", "activities": [["open · A"]],
    ...                          "active_seconds": 30.0})
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["pay"], "timestamp": when[2:]})
    >>> steps = list_official_steps(events, segments, process, standard_from_steps(["pay"]))
    >>> steps.select("activity", "passed", "touch_median_seconds", "task_id").row(0)
    ('pay', 1, 30.0, 'T01')
    """
    official = model_of(model)
    process = name_as_model(process, official, names)
    steps = count_passes(process, official)
    effort = step_effort(events, process, main_app=main_app).select("activity", *_EFFORT)
    steps = steps.join(effort, on="activity", how="left", maintain_order="left")
    led = _lead(events, segments, process)
    executions = _executions(led, segments)
    most = _most_frequent(led, executions, segments, min_people)
    steps = steps.join(most, on="activity", how="left", maintain_order="left")
    kept, found = _measure(most, executions, segments, events, official, standards)
    steps = steps.join(kept, on="activity", how="left", maintain_order="left")
    beside = found.filter(kind="done outside").unique("activity", keep="first", maintain_order=True).select(
        "activity", outside="step", outside_left="left", outside_share="share", outside_people="people",
        outside_median_seconds="median_seconds",
    )  # fmt: skip
    steps = steps.join(beside, on="activity", how="left", maintain_order="left")
    return steps.with_columns(pl.col("executions", "bookings", "few_tasks").fill_null(0))


def list_inside_deviations(
    events: pl.DataFrame, segments: pl.DataFrame, process: pl.DataFrame, model: str | Path | Standard | OfficialModel, *,
    standards: Mapping[str, Standard] | None = None, names: Mapping[str, str] | None = None, min_people: int = 1,
) -> pl.DataFrame:  # fmt: skip
    """List, for each official activity, what its executions do outside the usual way of their task, and what they leave out.

    Looked at are the executions of the task that most bookings of the activity come from.

    Parameters
    ----------
    events, segments, process, model, standards, names, min_people : as in `list_official_steps`.

    Returns
    -------
    One row per activity of the model and step, in the model's order, "done outside" before "left out", most time first:
    `activity`, `task_id`, `kind`, `step` (a screen), `left` (the step of the standard after which it is done, or left out,
    most often; null: the start), `executions`, `share` (of the task's executions here), `people`, `median_seconds` (active
    time there in an execution; null for what is left out), `active_hours` (in all), `measured` (executions looked at).

    Raises
    ------
    ContractError : a step before has not been run.

    >>> import datetime as dt
    >>> from taskkit.variants.standards import standard_from_steps
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(3)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(2), "timestamp": when[:2], "case_id": "c",
    ...                        "active_seconds": 15.0, "segment_id": [0, 0], "step": True})
    >>> segments = pl.DataFrame({"segment_id": [0], "user": "p", "task_id": "T01", "activities": [["open · A", "open · B"]]})
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["pay"], "timestamp": when[2:]})
    >>> usual = {"T01": standard_from_steps(["A"])}
    >>> found = list_inside_deviations(events, segments, process, standard_from_steps(["pay"]), standards=usual)
    >>> found.select("kind", "step", "left", "median_seconds").rows()
    [('done outside', 'B', 'A', 15.0)]
    """
    official = model_of(model)
    led = _lead(events, segments, name_as_model(process, official, names))
    executions = _executions(led, segments)
    most = _most_frequent(led, executions, segments, min_people)
    return _measure(most, executions, segments, events, official, standards)[1]


def list_executions(events: pl.DataFrame, segments: pl.DataFrame, process: pl.DataFrame) -> pl.DataFrame:
    """Say which bookings each task instance leads to: of each case, the one that most of its active time leads to.

    An instance that works on several cases, a batch, leads to a booking of each.

    Parameters
    ----------
    events, segments, process : as in `list_official_steps`.

    Returns
    -------
    One row per segment with a task and case of which it has attributed work before a booking: `segment_id`, `user`,
    `case_id`, `activity` (of the booking), `booked` (its time), `seconds` (active, that lead to it), `task_id`,
    `task_name`, `variant_id`.

    >>> import datetime as dt
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(4)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(2), "timestamp": when[:2],
    ...                        "case_id": ["c", "d"], "active_seconds": 15.0, "segment_id": 0})
    >>> segments = pl.DataFrame({"segment_id": [0], "user": "p", "task_id": "T01"})
    >>> process = pl.DataFrame({"case_id": ["c", "d"], "activity": "pay", "timestamp": when[2:]})
    >>> list_executions(events, segments, process).select("segment_id", "case_id", "activity").rows()
    [(0, 'c', 'pay'), (0, 'd', 'pay')]
    """
    return _executions(_lead(events, segments, process), segments)


def _lead(events: pl.DataFrame, segments: pl.DataFrame, process: pl.DataFrame) -> pl.DataFrame:
    """Active `seconds` by segment (null: none), person, case and the booking of the case that they lead to."""
    require_columns(events, "case_id", made_by="attribute_cases")
    require_columns(events, "segment_id", made_by="segment")
    require_columns(events, "active_seconds", made_by="name_activities")
    require_columns(segments, "segment_id", "user", "task_id", made_by="find_tasks")
    offsets = known_offsets(events, process).select("user", "offset_seconds")
    moved = pl.duration(microseconds=(pl.col("offset_seconds").fill_null(0) * 1e6).round().cast(pl.Int64))
    rows = events.drop_nulls("case_id").join(offsets, on="user", how="left")
    rows = rows.select("segment_id", "user", "case_id", "active_seconds", at=pl.col("timestamp") + moved)
    ends = bookings_of(process).select(
        "case_id", "activity", booked="timestamp", when=pl.col("timestamp") + pl.duration(seconds=SLACK), order="at"
    )
    # sorted here; polars cannot see that inside `by` and would warn
    led = rows.sort("at", "user", "segment_id").join_asof(
        ends.sort("when", "case_id", "order"), left_on="at", right_on="when", by="case_id", strategy="forward",
        check_sortedness=False,
    )  # fmt: skip
    key = ["segment_id", "user", "case_id", "activity", "booked"]
    spent = led.drop_nulls("booked").group_by(key).agg(seconds=pl.col("active_seconds").sum())
    return spent.sort("segment_id", "case_id", "seconds", "booked", "activity", "user",
                      descending=[False, False, True, False, False, False])  # fmt: skip


def _executions(led: pl.DataFrame, segments: pl.DataFrame) -> pl.DataFrame:
    most = (
        led.drop_nulls("segment_id").unique(["segment_id", "case_id"], keep="first", maintain_order=True).drop("user")
    )
    told = [name for name in ("task_name", "variant_id") if name in segments.columns]
    blank = [pl.lit(None, pl.String).alias(name) for name in ("task_name", "variant_id") if name not in told]
    tasks = segments.drop_nulls("task_id").select("segment_id", "user", "task_id", *told).with_columns(blank)
    return most.join(tasks, on="segment_id", maintain_order="left").select(
        "segment_id", "user", "case_id", "activity", "booked", "seconds", "task_id", "task_name", "variant_id"
    )


def _most_frequent(
    led: pl.DataFrame, executions: pl.DataFrame, segments: pl.DataFrame, min_people: int
) -> pl.DataFrame:
    """One row per activity: its executions, the task that most of its bookings come from, and that task's usual way here."""
    whole = led.unique(["activity", "case_id", "booked"]).group_by("activity").agg(bookings=pl.len())
    count = executions.group_by("activity").agg(executions=pl.col("segment_id").n_unique())
    names = [name for name in ("task_name",) if name in segments.columns]
    tasks = segments.drop_nulls("task_id").select("segment_id", "task_id", *names)
    if not names:
        tasks = tasks.with_columns(task_name=pl.lit(None, pl.String))
    found = led.join(tasks, on="segment_id").group_by("activity", "task_id").agg(
        pl.col("task_name").drop_nulls().sort().first(), task_people=pl.col("user").n_unique(),
        _times=pl.struct("case_id", "booked").n_unique(),
    ).join(whole, on="activity").with_columns(task_share=pl.col("_times") / pl.col("bookings"))  # fmt: skip
    enough = pl.col("task_people") >= min_people
    few = found.filter(~enough).group_by("activity").agg(few_tasks=pl.len(), few_share=pl.col("task_share").max())
    most = found.filter(enough).sort("activity", "_times", "task_id", descending=[False, True, False]).unique(
        "activity", keep="first", maintain_order=True
    )  # fmt: skip
    alone = executions.unique(["activity", "segment_id"], keep="first", maintain_order=True)
    ways = alone.drop_nulls("variant_id").group_by("activity", "task_id", "variant_id").agg(_n=pl.len())
    ways = ways.sort("activity", "_n", "variant_id", descending=[False, True, False]).unique(
        ["activity", "task_id"], keep="first", maintain_order=True
    )
    ways = ways.join(alone.group_by("activity", "task_id").agg(_all=pl.len()), on=["activity", "task_id"])
    result = whole.join(count, on="activity", how="left").join(most.drop("bookings"), on="activity", how="left")
    result = result.join(few, on="activity", how="left").join(ways, on=["activity", "task_id"], how="left")
    return result.sort("activity").select(
        "activity", pl.col("executions", "bookings").fill_null(0).cast(pl.UInt32), "task_id", "task_name", "task_share",
        "task_people", pl.col("few_tasks").fill_null(0).cast(pl.UInt32), "few_share", "variant_id",
        variant_share=pl.col("_n") / pl.col("_all"),
    )  # fmt: skip


def _measure(
    frequent: pl.DataFrame, executions: pl.DataFrame, segments: pl.DataFrame, events: pl.DataFrame, official: OfficialModel,
    standards: Mapping[str, Standard] | None,
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """How the most frequent task of each activity keeps to its standard, and what is done outside of it."""
    most = dict(frequent.drop_nulls("task_id").select("activity", "task_id").iter_rows())
    known = _usual_ways(segments, set(most.values())) | dict(standards or {})
    kept, parts = [], [pl.DataFrame(schema=_OUTSIDE)]
    for activity in official.activities:
        task = most.get(activity)
        if task is None or task not in known:
            continue
        inside = executions.filter(activity=activity, task_id=task).select("segment_id")
        part = segments.join(inside, on="segment_id", how="semi", maintain_order="left")
        if part.is_empty():  # it only begins before such a booking, and leads to another
            continue
        conformance = measure_conformance(part, known[task], level=LEVEL)
        people = part["user"].n_unique()
        kept.append((activity, known[task].name, part.height, people, conformance["deviates"].mean()))
        listed = _outside(part, events, known[task]).with_columns(activity=pl.lit(activity), task_id=pl.lit(task))
        parts.append(listed.select(pl.col(name).cast(dtype) for name, dtype in _OUTSIDE.items()))
    return pl.DataFrame(kept, schema=_KEPT, orient="row"), pl.concat(parts)


def _usual_ways(segments: pl.DataFrame, tasks: set[str]) -> dict[str, Standard]:
    """The most frequent variant of each task, as its standard."""
    if not tasks or "active_seconds" not in segments.columns:
        return {}
    ways = count_variants(segments, level=LEVEL).filter(
        pl.col("task_id").is_in(sorted(tasks)) & (pl.col("activities").list.len() > 0)
    )
    first = ways.unique("task_id", keep="first", maintain_order=True).select("task_id", "variant_id", "activities")
    return {
        task: standard_from_steps(way, name=variant, source=f"variant at the level {LEVEL}")
        for task, variant, way in first.iter_rows()
    }


def _outside(segments: pl.DataFrame, events: pl.DataFrame, standard: Standard) -> pl.DataFrame:
    """Steps done outside the standard and steps of it that are left out, over the segments of one task."""
    measured = segments.height
    rows = events.join(segments.select("segment_id"), on="segment_id", how="semi", maintain_order="left")
    visits = list_visits(segments, level=LEVEL, events=rows).with_columns(pl.col("seconds").fill_null(0))
    spent = visits.group_by("segment_id", "step").agg(pl.col("seconds").sum())
    spent = spent.join(segments.select("segment_id", "user"), on="segment_id")
    outside = spent.filter(~pl.col("step").is_in(list(standard.steps))).group_by("step").agg(
        executions=pl.len(), people=pl.col("user").n_unique(), median_seconds=pl.col("seconds").median(),
        active_hours=pl.col("seconds").sum() / 3600, kind=pl.lit("done outside"),
    )  # fmt: skip
    listed = list_deviations(segments, standard, level=LEVEL)
    need = pl.DataFrame({"step": list(dict.fromkeys(standard.steps))}, schema={"step": pl.String})
    lacking = (
        segments.select("segment_id", "user").join(need, how="cross").join(spent, on=["segment_id", "step"], how="anti")
    )
    left_out = lacking.join(
        listed.select(step="skipped").explode("step", empty_as_null=True).unique(), on="step", how="semi"
    )
    left_out = left_out.group_by("step").agg(
        executions=pl.len(), people=pl.col("user").n_unique(), median_seconds=pl.lit(None, pl.Float64),
        active_hours=pl.lit(0.0), kind=pl.lit("left out"),
    )  # fmt: skip
    both = pl.concat([outside, left_out])
    after = pl.concat([
        listed.select("left", "segments", step=name, kind=pl.lit(kind)).explode("step", empty_as_null=True)
        for name, kind in (("done", "done outside"), ("skipped", "left out"))
    ]).drop_nulls("step")  # fmt: skip
    after = after.group_by("kind", "step", "left").agg(pl.col("segments").sum())
    after = after.sort("kind", "step", "segments", "left", descending=[False, False, True, False])
    after = after.unique(["kind", "step"], keep="first", maintain_order=True).drop("segments")
    both = both.join(after, on=["kind", "step"], how="left").with_columns(
        share=pl.col("executions") / measured, measured=pl.lit(measured)
    )
    return both.sort("kind", "active_hours", "executions", "step", descending=[False, True, True, False])
