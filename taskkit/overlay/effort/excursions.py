"""Where a step leaves the main application, what is carried there and back, and how long nothing happens after it."""

from __future__ import annotations

from typing import Any

import polars as pl

from taskkit.comparison.people import count_people
from taskkit.overlay.effort.rekeying import find_sources
from taskkit.overlay.effort.step_work import choose_main_app, is_outside, list_bookings, list_rows, seconds_of
from taskkit.privacy import MIN_PEOPLE

PAUSE_SECONDS = 300.0  # rows further apart are two excursions: in between, the person was at something else
_KEYS = ("activity", "app", "app_role")


def list_excursions(
    events: pl.DataFrame, process: pl.DataFrame, *, main_app: str | None = None, min_people: int = MIN_PEOPLE
) -> pl.DataFrame:
    """List for every process step the applications that people leave the main one for, and what they do there.

    An excursion is a stretch of one person's rows of the step in one other application, without more than 5 minutes
    between two of them. A paste counts with the latest copy of the same value in the session (as in `count_transfers`).

    Parameters
    ----------
    events, process, main_app : as in `list_step_work`.
    min_people : a `screen` that fewer people looked at is not named, and the sentence of a row of fewer people says no
        more than that.

    Returns
    -------
    One row per process activity and application, most time first: `activity`, `app`, `app_role` (its most frequent job,
    where rules name one), `main_app`, `bookings` (with such an excursion), `share_of_bookings` (of those with recorded
    work), `excursions`, `people`, `active_hours`, `share` (of the touch time of the step), `seconds_median` (active
    seconds there, of a booking with such an excursion), `pastes_in` (pasted there), `pastes_in_from_main` (of these,
    copied in the main application), `pastes_out` (pasted elsewhere inside the step, copied
    there, be it for this case or for another one), `pastes_in_median`
    (of a booking with such an excursion), `typed` (fields typed into), `pause_median_seconds` (the longest time, of a
    booking, from the end of such an excursion to the next recorded row or booking of the case; nights and
    weekends included), `screen` (the one most
    looked at there), `screen_share` (its part of the time there) and `sentence`.

    Raises
    ------
    ContractError : `name_activities` or `attribute_cases` has not been run, or no process log.

    >>> import datetime as dt
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(4)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(4), "timestamp": when, "case_id": "c",
    ...                        "app": ["erp", "xl"] * 2, "event_type": ["copy", "paste", "click", "click"],
    ...                        "active_seconds": 15.0})
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["Approve"], "timestamp": when[3:]})
    >>> list_excursions(events, process, main_app="erp").select("app", "excursions", "pastes_in_from_main").row(0)
    ('xl', 2, 1)
    """
    booked = list_bookings(process)
    carried = events.with_columns(_source=find_sources(events))
    rows = list_rows(carried, process, booked, keep=("screen", "app_role", "_source"))
    main = choose_main_app(events, rows, main_app)
    rows = rows.drop_nulls("booking").join(booked.select("booking", "activity"), on="booking", maintain_order="left")
    rows = _with_role(rows)
    stretches = _stretches(rows, main)
    of_bookings = stretches.group_by("booking", *_KEYS).agg(
        pl.col("active_seconds", "pastes_in", "pastes_in_from_main", "typed").sum(), pl.col("pause").max(),
        excursions=pl.len(),
    )  # fmt: skip
    result = of_bookings.group_by(_KEYS).agg(
        pl.col("excursions", "pastes_in", "pastes_in_from_main", "typed").sum(),
        bookings=pl.len(), active_hours=pl.col("active_seconds").sum() / 3600,
        seconds_median=pl.col("active_seconds").median(), pastes_in_median=pl.col("pastes_in").median(),
        pause_median_seconds=pl.col("pause").median(),
    )  # fmt: skip
    whole = rows.group_by("activity").agg(
        worked=pl.col("booking").n_unique(), touch=pl.col("active_seconds").sum() / 3600
    )
    result = result.join(whole, on="activity")
    for part in (_people(stretches), _screens(rows), _pastes_out(rows)):
        result = result.join(part, on=[name for name in _KEYS if name in part.columns], how="left", nulls_equal=True)
    return _finish(result, main, min_people)


def _with_role(rows: pl.DataFrame) -> pl.DataFrame:
    """One job per application: its most frequent one, so that an application is one row of a step."""
    for name in ("screen", "app_role"):
        if name not in rows.columns:
            rows = rows.with_columns(pl.lit(None, pl.String).alias(name))
    roles = rows.drop_nulls("app_role").group_by("app", "app_role").len()
    roles = roles.sort("app", "len", "app_role", descending=[False, True, False]).unique("app", keep="first")
    return rows.drop("app_role").join(roles.select("app", "app_role"), on="app", how="left", maintain_order="left")


def _stretches(rows: pl.DataFrame, main: str | None) -> pl.DataFrame:
    """One row per excursion."""
    same = ["booking", "user", "session_id", "app"]
    gap = seconds_of(pl.col("at") - pl.col("at").shift(1))
    begins = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in same) | (gap > PAUSE_SECONDS)
    # the next of the case may be another person's row, so that comes from the order of time
    next_at = pl.col("at").shift(-1).over("booking", order_by=["at", "position"])
    paste = pl.col("paste")
    numbered = rows.with_columns(_run=begins.fill_null(True).cum_sum(), _next=pl.coalesce(next_at, "booked"))
    return (
        numbered.filter(is_outside(main))
        .group_by("_run", maintain_order=True)
        .agg(
            pl.col("booking", "user", *_KEYS).first(),
            pl.col("active_seconds").sum(),
            pastes_in=paste.sum(),
            pastes_in_from_main=(paste & (pl.col("_source") == pl.lit(main, dtype=pl.String))).sum(),
            typed=pl.col("typed").sum(),
            pause=pl.max_horizontal(seconds_of(pl.col("_next").last() - pl.col("at").last()), pl.lit(0.0)),
        )
    )


def _people(stretches: pl.DataFrame) -> pl.DataFrame:
    return stretches.group_by(_KEYS).agg(people=pl.col("user").n_unique())


def _screens(rows: pl.DataFrame) -> pl.DataFrame:
    """The screen that holds most of the time in an application."""
    used = (
        rows.drop_nulls("screen")
        .group_by("activity", "app", "screen")
        .agg(pl.col("active_seconds").sum(), seen_by=pl.col("user").n_unique())
    )
    share = pl.col("active_seconds") / pl.col("active_seconds").sum().over("activity", "app")
    ordered = used.with_columns(screen_share=share.fill_nan(None)).sort(
        "activity", "app", "active_seconds", "screen", descending=[False, False, True, False]
    )
    return ordered.unique(["activity", "app"], keep="first").drop("active_seconds")


def _pastes_out(rows: pl.DataFrame) -> pl.DataFrame:
    out = rows.filter(pl.col("paste") & (pl.col("_source") != pl.col("app")))
    return out.group_by("activity", app="_source").agg(pastes_out=pl.len())


def _finish(result: pl.DataFrame, main: str | None, min_people: int) -> pl.DataFrame:
    counts = ("bookings", "excursions", "people", "pastes_in", "pastes_in_from_main", "pastes_out", "typed")
    result = result.with_columns(
        pl.col(counts).fill_null(0).cast(pl.UInt32),
        main_app=pl.lit(main, dtype=pl.String),
        share_of_bookings=pl.col("bookings") / pl.col("worked"),
        share=(pl.col("active_hours") / pl.col("touch")).fill_nan(None),
        screen=pl.when(pl.col("seen_by") >= min_people).then("screen"),
    ).sort("active_hours", "activity", "app", descending=[True, False, False])
    sentences = [_sentence(row, min_people) for row in result.iter_rows(named=True)]
    return result.select(
        *_KEYS, "main_app", "bookings", "share_of_bookings", "excursions", "people", "active_hours", "share",
        "seconds_median", "pastes_in", "pastes_in_from_main", "pastes_out", "pastes_in_median", "typed",
        "pause_median_seconds", "screen", "screen_share", pl.Series("sentence", sentences, dtype=pl.String),
    )  # fmt: skip


def _sentence(row: dict[str, Any], min_people: int) -> str:
    head = f"“{row['activity']}”, {row['app']}"
    if row["people"] < min_people:
        return f"{head}: fewer than {min_people} people went there; no more is said of it."
    n, worked = row["bookings"], row["worked"]
    said = (
        f"{head}: in {n:,} of {worked:,} bookings with recorded work ({100 * n / worked:.0f} %), by {count_people(row['people'])}, "
        f"with a median of {row['seconds_median']:.0f} active seconds there ({100 * row['share']:.0f} % of the step's touch time)"
    )
    if row["screen"] is not None:
        said += f", mostly on “{row['screen']}”"
    if row["pastes_in"]:
        said += (
            f"; {row['pastes_in']:,} values are pasted there (a median of {row['pastes_in_median']:.0f} in a booking)"
        )
        if row["pastes_in_from_main"]:
            said += f", {row['pastes_in_from_main']:,} of them copied in {row['main_app']}"
    if row["pastes_out"]:
        said += f"; {row['pastes_out']:,} values pasted elsewhere were copied there, for this case or another one"
    if row["typed"]:
        said += f"; {row['typed']:,} fields are typed into"
    wait = row["pause_median_seconds"]
    if wait is not None and wait > PAUSE_SECONDS:
        said += f"; afterwards nothing is recorded for the case for a median of {_clock(wait)}"
    return said + "."


def _clock(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
