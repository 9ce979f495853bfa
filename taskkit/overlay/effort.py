"""Inside the steps of the process: what people do between one booking of a case and the next."""

from __future__ import annotations

import polars as pl

from taskkit.overlay.references import clock_offsets
from taskkit.schema import CASES, PROCESS, require, require_columns

COMMIT_SECONDS = 60.0  # work so shortly before a booking shows in which application it is made
_WITHOUT, _UNSEEN = "work without a case", "case without recorded work"


def step_effort(events: pl.DataFrame, process: pl.DataFrame, *, main_app: str | None = None) -> pl.DataFrame:
    """Look inside each process step: time since the step before it, time actually worked, and work outside the system.

    A row attributed to a case belongs to the case's next booking (clocks made equal, `clock_offsets`): the step is
    what happens after the previous booking of the case up to its own. Work after a case's last booking belongs to no
    step; the caveat of that last activity says how much it is.

    Parameters
    ----------
    events : one row per interaction, with `case_id` from `attribute_cases` and `active_seconds`.
    process : one row per process event.
    main_app : the system the process runs in; by default the application with most active time in the last 60 s
        before all bookings (where steps are booked).

    Returns
    -------
    One row per process activity, most touch time first: `activity`, `process_events`, `cases`, `cases_with_work`,
    `people` (recorded, who worked on it), `elapsed_median_seconds` (since the case's previous booking),
    `touch_median_seconds` (active seconds of the bookings that have recorded work), `touch_total_hours`,
    `switches_median` (changes of application of one person inside a step), `copy_pastes_median` (pastes inside a
    step), `excursion_share` (part of the touch time outside the main application), `excursion_pastes_mean` (pastes
    into other applications than the main one, for each booking with work), `main_app`, `apps` (most touch time first)
    and `caveat`. A paste into the main application is how data get in; a paste out of it is work beside the process.

    >>> import datetime as dt
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(4)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(4), "timestamp": when, "case_id": "c",
    ...                        "app": ["erp", "xl"] * 2, "event_type": "click", "active_seconds": 15.0})
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["Approve"], "timestamp": when[3:]})
    >>> step_effort(events, process, main_app="erp").select("touch_median_seconds", "excursion_share").row(0)
    (60.0, 0.5)
    """
    require_columns(events, "case_id", made_by="attribute_cases")
    require_columns(events, "active_seconds", made_by="name_activities")
    booked = _bookings(process)
    work = _inside_steps(events, booked, process)
    inside = work.drop_nulls("booking")
    steps = inside.group_by("booking", "activity", "case_id").agg(
        touch=pl.col("active_seconds").sum(),
        switches=((pl.col("app") != pl.col("app").shift(1)) & (pl.col("user") == pl.col("user").shift(1))).sum(),
        copy_pastes=(pl.col("event_type").cast(pl.String) == "paste").sum(),
    )
    of_steps = steps.group_by("activity").agg(
        cases_with_work=pl.col("case_id").n_unique(),
        steps_with_work=pl.len(),
        touch_median_seconds=pl.col("touch").median(),
        touch_total_hours=pl.col("touch").sum() / 3600,
        switches_median=pl.col("switches").median(),
        copy_pastes_median=pl.col("copy_pastes").median(),
    )
    of_log = booked.group_by("activity").agg(
        process_events=pl.len(),
        cases=pl.col("case_id").n_unique(),
        elapsed_median_seconds=pl.col("elapsed").median(),
    )
    result = (
        of_log.join(of_steps, on="activity", how="left")
        .join(inside.group_by("activity").agg(people=pl.col("user").n_unique()), on="activity", how="left")
        .join(_applications(inside, main_app), on="activity", how="left")
        .with_columns(excursion_pastes_mean=pl.col("pastes_outside") / pl.col("steps_with_work"))
        .join(_after_the_last(work, booked), on="activity", how="left")
    )
    return _finish(result)


def list_cases(events: pl.DataFrame, process: pl.DataFrame) -> pl.DataFrame:
    """List the cases of the process with the recorded work on each.

    Parameters
    ----------
    events : one row per interaction, with `case_id` from `attribute_cases` and `active_seconds`.
    process : one row per process event.

    Returns
    -------
    One row per case (see `CASES`), in order of their first process event.

    >>> import datetime as dt
    >>> at = [dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)]
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["Approve"], "timestamp": at})
    >>> events = pl.DataFrame({"user": "p", "timestamp": at, "app": "erp", "case_id": "c", "active_seconds": 15.0})
    >>> list_cases(events, process).select("case_id", "touch_seconds", "people").row(0)
    ('c', 15.0, 1)
    """
    require_columns(events, "case_id", made_by="attribute_cases")
    require_columns(events, "active_seconds", made_by="name_activities")
    of_log = process.group_by("case_id").agg(
        start=pl.col("timestamp").min(), end=pl.col("timestamp").max(), process_events=pl.len()
    )
    work = events.drop_nulls("case_id")
    of_work = work.group_by("case_id").agg(
        events=pl.len(), touch_seconds=pl.col("active_seconds").sum(), people=pl.col("user").n_unique()
    )
    cases = of_log.join(of_work, on="case_id", how="left").join(_apps_of(work, "case_id"), on="case_id", how="left")
    cases = cases.with_columns(
        pl.col("events", "people").fill_null(0),
        elapsed_seconds=(pl.col("end") - pl.col("start")).dt.total_microseconds() / 1e6,
    )
    return cases.select(pl.col(c.name).cast(c.dtype) for c in CASES.columns).sort("start", "case_id")


def list_unmatched(events: pl.DataFrame, process: pl.DataFrame) -> pl.DataFrame:
    """List both sides that the overlay could not join: work without a case, and cases without recorded work.

    Parameters
    ----------
    events : one row per interaction, with `case_id` from `attribute_cases` and `active_seconds`.
    process : one row per process event.

    Returns
    -------
    One row per application with work that has no case (`side` "work without a case") and one per case on which no
    work was recorded ("case without recorded work"): `side`, `item` (application or case), `events` (rows without a
    case, or process events of the case), `people` (recorded people; null for cases), `active_hours` (null for cases),
    `share` (of all active time, or of all cases: the shares of a side add up to its size).

    >>> import datetime as dt
    >>> at = [dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)]
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["Approve"], "timestamp": at})
    >>> events = pl.DataFrame({"user": "p", "app": "erp", "case_id": [None], "active_seconds": 15.0},
    ...                       schema_overrides={"case_id": pl.String})
    >>> list_unmatched(events, process).select("side", "item", "share").rows()
    [('work without a case', 'erp', 1.0), ('case without recorded work', 'c', 1.0)]
    """
    require_columns(events, "case_id", made_by="attribute_cases")
    require_columns(events, "active_seconds", made_by="name_activities")
    total = float(events["active_seconds"].sum()) or 1.0
    work = events.filter(pl.col("case_id").is_null() & pl.col("app").is_not_null()).group_by(item="app").agg(
        events=pl.len(), people=pl.col("user").n_unique(), active_hours=pl.col("active_seconds").sum() / 3600,
        share=pl.col("active_seconds").sum() / total,
    )  # fmt: skip
    cases = process.group_by(item="case_id").agg(events=pl.len())
    number = max(cases.height, 1)
    unseen = cases.join(events.select(item="case_id").drop_nulls().unique(), on="item", how="anti").with_columns(
        people=pl.lit(None, pl.UInt32), active_hours=pl.lit(None, pl.Float64), share=pl.lit(1 / number)
    )
    schema = {"side": pl.String, "item": pl.String, "events": pl.UInt32, "people": pl.UInt32,
              "active_hours": pl.Float64, "share": pl.Float64}  # fmt: skip
    both = pl.concat([
        side.with_columns(side=pl.lit(name)).select(pl.col(c).cast(dtype) for c, dtype in schema.items())
        for side, name in ((work, _WITHOUT), (unseen, _UNSEEN))
    ])  # fmt: skip
    return both.sort("side", "active_hours", "item", descending=[True, True, False])


def _bookings(process: pl.DataFrame) -> pl.DataFrame:
    """Completed process events in order, with the seconds since the case's previous one."""
    require(process.select(name for name in process.columns if name in PROCESS.schema), PROCESS)
    if "lifecycle" in process.columns:
        completed = pl.col("lifecycle").str.to_lowercase() == "complete"
        process = process.filter(completed.fill_null(True) | ~completed.any())
    booked = process.with_row_index("place").sort("case_id", "timestamp", "place")
    since = pl.col("timestamp") - pl.col("timestamp").shift(1).over("case_id")
    return booked.select(
        "case_id", "activity", "timestamp", elapsed=since.dt.total_microseconds() / 1e6
    ).with_row_index("booking")  # fmt: skip


def _inside_steps(events: pl.DataFrame, booked: pl.DataFrame, process: pl.DataFrame) -> pl.DataFrame:
    """Attributed rows in the order of work, with the booking of their case that they lead to."""
    begin = pl.col("timestamp").min().over("user", "session_id")
    work = events.with_columns(begin=begin).drop_nulls("case_id")
    offsets = clock_offsets(events, process)
    work = work.join(offsets.select("user", "offset_seconds"), on="user", how="left").select(
        "user", "begin", "session_id", "seq", "app", "event_type", "active_seconds", "case_id",
        at=pl.col("timestamp") + pl.duration(microseconds=(pl.col("offset_seconds") * 1e6).round().cast(pl.Int64)),
    )  # fmt: skip
    slack = pl.duration(seconds=2)
    ends = booked.select("booking", "activity", "case_id", booked="timestamp", when=pl.col("timestamp") + slack)
    return work.sort("at", "user", "session_id", "seq").join_asof(
        ends.sort("when", "booking"), left_on="at", right_on="when", by="case_id", strategy="forward",
        check_sortedness=False,
    ).sort("booking", "user", "begin", "session_id", "seq")  # fmt: skip


def _applications(inside: pl.DataFrame, main_app: str | None) -> pl.DataFrame:
    """One row per activity: its applications, the main one of the process and the part of the touch time outside it."""
    if main_app is None:
        near = (pl.col("booked") - pl.col("at")).dt.total_microseconds() / 1e6 <= COMMIT_SECONDS
        booking = _apps_of(inside.filter(near).with_columns(all=pl.lit(0)), "all")["apps"]
        main_app = booking[0][0] if booking.len() else None
    main = pl.lit(main_app, dtype=pl.String)
    touch, outside = pl.col("active_seconds"), pl.col("app") != main
    excursions = inside.group_by("activity").agg(
        main_app=main.first(),
        excursion_share=touch.filter(outside).sum() / touch.sum(),
        pastes_outside=((pl.col("event_type").cast(pl.String) == "paste") & outside).sum(),
    )  # fmt: skip
    return excursions.join(_apps_of(inside, "activity"), on="activity").with_columns(
        pl.when(pl.col("main_app").is_not_null()).then(pl.col("excursion_share").fill_nan(None)),
        pl.when(pl.col("main_app").is_not_null()).then("pastes_outside"),
    )


def _apps_of(work: pl.DataFrame, key: str) -> pl.DataFrame:
    used = work.drop_nulls("app").group_by(key, "app").agg(pl.col("active_seconds").sum())
    ordered = used.sort(key, "active_seconds", "app", descending=[False, True, False])
    return ordered.group_by(key, maintain_order=True).agg(apps=pl.col("app"))


def _after_the_last(work: pl.DataFrame, booked: pl.DataFrame) -> pl.DataFrame:
    """Hours of work after the last booking of a case, by the activity of that booking."""
    last = booked.group_by("case_id", maintain_order=True).agg(pl.col("activity").last())
    late = work.filter(pl.col("booking").is_null()).select("case_id", "active_seconds").join(last, on="case_id")
    return late.group_by("activity").agg(late_hours=pl.col("active_seconds").sum() / 3600)


def _finish(result: pl.DataFrame) -> pl.DataFrame:
    counts = ("process_events", "cases", "cases_with_work", "people")
    result = result.with_columns(
        pl.col("cases_with_work", "people", "steps_with_work", "touch_total_hours", "late_hours").fill_null(0),
        pl.col("apps").fill_null(pl.lit([], dtype=pl.List(pl.String))),
    )
    result = result.sort("touch_total_hours", "activity", descending=[True, False])
    caveats = [_caveat(**row) for row in result.select(
        "process_events", "steps_with_work", "people", "main_app", "late_hours"
    ).iter_rows(named=True)]  # fmt: skip
    return result.select(
        "activity", *(pl.col(name).cast(pl.UInt32) for name in counts), "elapsed_median_seconds",
        "touch_median_seconds", "touch_total_hours", "switches_median", "copy_pastes_median",
        "excursion_share",
        "excursion_pastes_mean",
        "main_app", "apps", pl.Series("caveat", caveats, dtype=pl.String),
    )  # fmt: skip


def _caveat(
    process_events: int, steps_with_work: int, people: int, main_app: str | None, late_hours: float
) -> str:  # fmt: skip
    if not steps_with_work:
        return f"None of the {process_events:,} process events has recorded work: nothing can be said about this step."
    share = steps_with_work / process_events
    parts = [
        f"Recorded work for {steps_with_work:,} of {process_events:,} process events ({share:.0%}), by {people} "
        f"{'person' if people == 1 else 'people'}; nothing is known about the others."
    ]
    if main_app is not None:
        parts.append(f"Excursions are work outside {main_app}.")
    if late_hours >= 0.05:
        parts.append(f"{late_hours:.1f} h of work after the case's last process event belong to no step.")
    return " ".join(parts)
