"""What is found inside the steps of the process: ways through the applications, where the time goes, which tasks."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from taskkit.errors import SettingError
from taskkit.overlay.effort.step_work import choose_main_app, list_bookings, list_rows

WAY_SHARE = 0.1  # part of a booking's active time from which an application belongs to its way
_PASTE = pl.col("event_type").cast(pl.String) == "paste"


class Insides(NamedTuple):
    """Three frames about the bookings of each process activity that have recorded work."""

    ways: pl.DataFrame
    apps: pl.DataFrame
    tasks: pl.DataFrame


def look_inside(
    events: pl.DataFrame, process: pl.DataFrame, *, main_app: str | None = None, way_share: float = WAY_SHARE
) -> Insides:
    """Look inside each process step: the ways through the applications, the time in each of them, the tasks found there.

    A row belongs to its case's next booking, as in `list_step_work`. The way of a booking is the set of applications that
    hold at least `way_share` of its active time, so that a glance at the mail makes no new way.

    Parameters
    ----------
    events : one row per interaction, with `case_id` from `attribute_cases` and `active_seconds`; `task_id` and
        `variant_id` are used where they are there.
    process : one row per process event.
    main_app : the system the process runs in; by default where most of the work of the last 60 s before bookings is.
    way_share : part of a booking's active time from which an application belongs to its way, 0 to 1.

    Returns
    -------
    `ways`, one row per activity and way, most bookings first: `activity`, `apps` (in the order in which they are mostly
    turned to), `bookings`, `share` (of the activity's bookings with work), `people`, `touch_median_seconds`,
    `elapsed_median_seconds` (since the case's previous booking: calendar time, nights and weekends included),
    `app_seconds` and `app_pastes` (for each of `apps`: median active seconds, mean pastes into it of a booking),
    `outside_pastes` (mean pastes of a booking into all applications but the main one).
    `apps`, one row per activity and application, most time first: `activity`, `app`, `main` (Boolean; null where no main
    application is known), `active_hours`, `share` (of the activity's active time), `bookings`, `people`, `pastes_mean`
    (into it, of a booking with work).
    `tasks`, one row per activity, task and variant, most bookings first; a row without a variant sums the task up:
    `activity`, `task_id`, `variant_id`, `bookings`, `share`, `people`, `median_seconds` (active seconds of the task in a
    booking), `elapsed_median_seconds` (as above); empty where no tasks have been found yet.

    Raises
    ------
    ContractError : `name_activities` or `attribute_cases` has not been run.
    SettingError : `way_share` is not between 0 and 1, or no row of the events is in `main_app`.

    >>> import datetime as dt
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(4)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(4), "timestamp": when, "case_id": "c",
    ...                        "app": ["erp", "xl"] * 2, "event_type": "click", "active_seconds": 15.0})
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["Approve"], "timestamp": when[3:]})
    >>> look_inside(events, process).ways.select("apps", "bookings", "touch_median_seconds").row(0)
    (['erp', 'xl'], 1, 60.0)
    """
    if not 0 <= way_share <= 1:
        raise SettingError(f"way_share is {way_share:g}; allowed: 0 to 1, the part of a booking's active time.")
    booked = list_bookings(process)
    rows = list_rows(events, process, booked, keep=("event_type",))
    main = choose_main_app(events, rows, main_app)
    facts = booked.select("booking", "activity", "elapsed_seconds")
    seen = pl.col("app").is_not_null() & pl.col("booking").is_not_null()
    rows = (
        rows.filter(seen).with_columns(pl.col("app").cast(pl.String)).join(facts, on="booking", maintain_order="left")
    )
    bookings = rows.group_by("booking", "activity", "elapsed_seconds").agg(touch=pl.col("active_seconds").sum())
    cells = rows.group_by("booking", "app").agg(
        seconds=pl.col("active_seconds").sum(), pastes=_PASTE.sum(), first=pl.col("position").min()
    )
    cells = cells.join(bookings, on="booking").sort("booking", "first")
    people = rows.select("booking", "user").unique()
    whole = bookings.group_by("activity").agg(whole=pl.len(), touch_all=pl.col("touch").sum())
    return Insides(
        _ways(cells, bookings, people, whole, main, way_share), _apps(rows, cells, whole, main), _tasks(rows, whole)
    )


def _ways(
    cells: pl.DataFrame,
    bookings: pl.DataFrame,
    people: pl.DataFrame,
    whole: pl.DataFrame,
    main: str | None,
    share: float,
) -> pl.DataFrame:
    most = pl.col("seconds") == pl.col("seconds").max().over("booking")  # so that no booking is without a way
    used = cells.filter((pl.col("seconds") >= share * pl.col("touch")) | most)
    used = used.with_columns(rank=pl.int_range(pl.len()).over("booking"))
    keys = used.sort("booking", "app").group_by("booking", maintain_order=True).agg(way=pl.col("app").str.join("\n"))
    outside = (pl.col("app") != main).fill_null(False) if main is not None else pl.lit(None, pl.Boolean)
    carried = cells.group_by("booking").agg(carried=pl.col("pastes").filter(outside).sum())
    own = bookings.join(keys, on="booking").join(carried, on="booking")
    of_ways = own.group_by("activity", "way").agg(
        bookings=pl.len(),
        touch_median_seconds=pl.col("touch").median(),
        elapsed_median_seconds=pl.col("elapsed_seconds").median(),
        outside_pastes=pl.col("carried").mean() if main is not None else pl.lit(None, pl.Float64),
    )
    who = own.select("booking", "activity", "way").join(people, on="booking")
    who = who.group_by("activity", "way").agg(people=pl.col("user").n_unique())
    inner = used.join(keys, on="booking").group_by("activity", "way", "app").agg(
        seconds=pl.col("seconds").median(), pastes=pl.col("pastes").mean(), rank=pl.col("rank").mean().round(2)
    ).sort("activity", "way", "rank", "app").group_by("activity", "way", maintain_order=True).agg(
        apps="app", app_seconds="seconds", app_pastes="pastes"
    )  # fmt: skip
    result = of_ways.join(who, on=["activity", "way"]).join(inner, on=["activity", "way"]).join(whole, on="activity")
    return result.sort("activity", "bookings", "way", descending=[False, True, False]).select(
        "activity", "apps", pl.col("bookings").cast(pl.UInt32), share=pl.col("bookings") / pl.col("whole"),
        people=pl.col("people").cast(pl.UInt32), touch_median_seconds="touch_median_seconds",
        elapsed_median_seconds="elapsed_median_seconds", app_seconds="app_seconds", app_pastes="app_pastes",
        outside_pastes="outside_pastes",
    )  # fmt: skip


def _apps(rows: pl.DataFrame, cells: pl.DataFrame, whole: pl.DataFrame, main: str | None) -> pl.DataFrame:
    who = rows.group_by("activity", "app").agg(people=pl.col("user").n_unique())
    sums = cells.group_by("activity", "app").agg(
        bookings=pl.len(), seconds=pl.col("seconds").sum(), pastes=pl.col("pastes").sum()
    )
    result = sums.join(who, on=["activity", "app"]).join(whole, on="activity")
    return result.sort("activity", "seconds", "app", descending=[False, True, False]).select(
        "activity", "app", main=pl.col("app") == pl.lit(main, pl.String), active_hours=pl.col("seconds") / 3600,
        share=pl.when(pl.col("touch_all") > 0).then(pl.col("seconds") / pl.col("touch_all")),
        bookings=pl.col("bookings").cast(pl.UInt32), people=pl.col("people").cast(pl.UInt32),
        pastes_mean=pl.col("pastes") / pl.col("whole"),
    )  # fmt: skip


def _tasks(rows: pl.DataFrame, whole: pl.DataFrame) -> pl.DataFrame:
    for name in ("task_id", "variant_id"):
        if name not in rows.columns:
            rows = rows.with_columns(pl.lit(None, pl.String).alias(name))
    found = rows.filter(pl.col("task_id").is_not_null())
    parts: list[pl.DataFrame] = []
    for column in (pl.lit(None, pl.String), pl.col("variant_id")):
        own = found.with_columns(variant_id=column)
        if parts:
            own = own.filter(pl.col("variant_id").is_not_null())
        key = ["activity", "task_id", "variant_id"]
        each = own.group_by("booking", "elapsed_seconds", *key).agg(seconds=pl.col("active_seconds").sum())
        who = own.group_by(key).agg(people=pl.col("user").n_unique().cast(pl.UInt32))
        sums = each.group_by(key).agg(
            bookings=pl.len().cast(pl.UInt32),
            median_seconds=pl.col("seconds").median(),
            elapsed_median_seconds=pl.col("elapsed_seconds").median(),
        )
        parts.append(sums.join(who, on=key, nulls_equal=True))
    result = pl.concat(parts).join(whole, on="activity").with_columns(share=pl.col("bookings") / pl.col("whole"))
    ordered = result.with_columns(most=pl.col("bookings").max().over("activity", "task_id")).sort(
        "activity", "most", "task_id", "bookings", "variant_id", descending=[False, True, False, True, False],
        nulls_last=False,
    )  # fmt: skip
    return ordered.select(
        "activity", "task_id", "variant_id", "bookings", "share", "people", "median_seconds", "elapsed_median_seconds"
    )
