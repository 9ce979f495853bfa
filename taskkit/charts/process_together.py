"""The typical case, over many cases and people: it stands where single cases would be those of single people."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import polars as pl

from taskkit.charts.look import (
    GREY,
    INK,
    OTHER,
    WIDTH,
    Chart,
    count_of,
    finish,
    inline,
    nothing,
    seconds_in_words,
    short,
)
from taskkit.overlay.references import known_offsets
from taskkit.privacy import MIN_PEOPLE, suppress_small_groups

_LEFT, _ROW = 430, 30  # pixels of the left half, and of a step
_UNITS = {"days": 86_400.0, "hours": 3_600.0, "minutes": 60.0, "seconds": 1.0}


def typical_case(
    events: pl.DataFrame,
    process: pl.DataFrame,
    *,
    colours: Mapping[str, str] | None = None,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw when the steps of a case are booked and how much desktop work goes before each, over all cases.

    Parameters
    ----------
    events : events frame with `case_id`.
    process : frame of `read_process_log`.
    colours : application → colour (`app_colours`).
    min_people : smallest number of people, and of cases, that a row or a part of a bar rests on.

    >>> import datetime as dt
    >>> process = pl.DataFrame({"case_id": ["1"], "activity": ["enter"], "timestamp": [dt.datetime(2026, 3, 2, 9)]})
    >>> typical_case(pl.DataFrame({"user": ["p"]}), process).to_dict()["description"]
    'No step was booked in at least 5 cases and worked on by at least 5 people, so there is no typical case.'
    """
    import altair as alt

    steps, work = steps_of_cases(events, process, min_people=min_people)
    if steps.is_empty():
        return nothing(
            f"No step was booked in at least {min_people} cases and worked on by at least {min_people} people, so there is no "
            "typical case."
        )
    order = steps["name"].to_list()
    y = alt.Y("name:N", sort=order, title=None, scale=alt.Scale(domain=order))
    most = float(steps["high"].max())  # type: ignore[arg-type]
    unit, seconds = next((unit, size) for unit, size in _UNITS.items() if most >= 2 * size or unit == "seconds")
    left = alt.Chart(inline(steps.with_columns(pl.col("low", "median", "high") / seconds))).encode(
        y=y,
        tooltip=[
            alt.Tooltip("name:N", title="step"), alt.Tooltip("median_said:N", title="since the first booking, median"),
            alt.Tooltip("quartiles_said:N", title="middle half"), alt.Tooltip("cases:Q", title="cases"),
        ],
    )  # fmt: skip
    axis = alt.Axis(title=f"{unit} since the case's first booking", tickCount=6)
    bands = left.mark_rule(strokeWidth=6, strokeCap="round", color="#9CC4E0").encode(
        x=alt.X("low:Q", axis=axis), x2="high:Q"
    )
    dots = left.mark_point(filled=True, size=90, color=INK, opacity=1).encode(x="median:Q")
    height = alt.Step(_ROW)
    timing = (bands + dots).properties(width=_LEFT, height=height)
    parts = [timing]
    if work.height:
        parts.append(_bars(work, order, colours or {}).properties(width=WIDTH - _LEFT - 190, height=height))
    return finish(
        alt.hconcat(*parts, spacing=24).resolve_scale(y="shared"),
        title="A typical case: when each step is booked, and the desktop work before it",
        subtitle=[
            f"{count_of(process['case_id'].n_unique(), 'case')}. Left: time since the case's first booking, nights and weekends "
            "included; median (dot) and middle half of the cases (band). Right: active desktop time before the booking, mean of "
            "the bookings with recorded work.",
            f"All cases and people together, because a single case would show the work of single people. What rests on fewer "
            f"than {min_people} cases or people is left out.",
        ],
    )


def steps_of_cases(
    events: pl.DataFrame, process: pl.DataFrame, *, min_people: int = MIN_PEOPLE
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Time of the steps and work before them, over all cases; only what rests on enough cases and people.

    Returns
    -------
    One row per step: `name`, `cases`, `median`, `low`, `high` (seconds since the case's first booking; quartiles) and the same
    in words; and one row per step and application: `name`, `app`, `minutes`, `people`.
    """
    booked = process.drop_nulls("timestamp").sort("case_id", "timestamp", maintain_order=True)
    since = (pl.col("timestamp") - pl.col("timestamp").first().over("case_id")).dt.total_seconds()
    firsts = booked.with_columns(seconds=since).unique(["case_id", "activity"], keep="first", maintain_order=True)
    work = _work_before(events, booked)
    seen = work.group_by("activity").agg(people=pl.col("user").n_unique())
    steps = firsts.group_by("activity").agg(
        cases=pl.len(), median=pl.col("seconds").median(), low=pl.col("seconds").quantile(0.25),
        high=pl.col("seconds").quantile(0.75),
    )  # fmt: skip
    steps = steps.join(seen, on="activity", how="left").with_columns(pl.col("people").fill_null(0))
    # a step that no recorded person worked on (a system books it) stands for nobody
    enough = (pl.col("cases") >= min_people) & ((pl.col("people") >= min_people) | (pl.col("people") == 0))
    steps = steps.filter(enough).sort("median", "activity")
    if not int(steps["people"].max() or 0):  # type: ignore[arg-type]
        return steps.clear().select("cases", name="activity"), work.clear().select("user")
    told = steps.select(
        "cases", "median", "low", "high",
        name=pl.col("activity").map_elements(lambda text: short(text, 34), return_dtype=pl.String),
        median_said=pl.col("median").map_elements(seconds_in_words, return_dtype=pl.String),
        quartiles_said=pl.concat_str(
            pl.col("low").map_elements(seconds_in_words, return_dtype=pl.String), pl.lit(" to "),
            pl.col("high").map_elements(seconds_in_words, return_dtype=pl.String),
        ),
    )  # fmt: skip
    return told, _by_app(work.join(steps.select("activity"), on="activity", how="semi"), min_people)


def _work_before(events: pl.DataFrame, booked: pl.DataFrame) -> pl.DataFrame:
    """Rows of attributed work with the booking of the case that comes next, by the clock of the process log."""
    schema = {"user": pl.String, "case_id": pl.String, "app": pl.String, "active_seconds": pl.Float64, "activity": pl.String,
              "booking": pl.Int64}  # fmt: skip
    if not {"case_id", "active_seconds", "app"} <= set(events.columns):
        return pl.DataFrame(schema=schema)
    rows = events.drop_nulls(["case_id", "app"]).filter(pl.col("active_seconds") > 0)
    ahead = known_offsets(events, booked).select("user", "offset_seconds")
    rows = rows.join(ahead, on="user", how="left").select(
        "user",
        "case_id",
        "app",
        "active_seconds",
        at=pl.col("timestamp")
        + pl.duration(microseconds=(pl.col("offset_seconds").fill_null(0) * 1e6).round().cast(pl.Int64)),
    )
    bookings = booked.select("case_id", "activity", at="timestamp").with_row_index("booking").sort("at")
    bookings = bookings.with_columns(pl.col("booking").cast(pl.Int64), pl.col("at").cast(rows.schema["at"]))
    with warnings.catch_warnings():  # both are sorted; polars cannot check that beside `by`
        warnings.simplefilter("ignore", UserWarning)
        joined = rows.sort("at").join_asof(bookings, on="at", by="case_id", strategy="forward")
    return joined.drop_nulls("activity").select(
        "user", "case_id", pl.col("app").cast(pl.String), "active_seconds", "activity", "booking"
    )


def _by_app(work: pl.DataFrame, k: int) -> pl.DataFrame:
    """Mean minutes of the bookings with recorded work by application; few people's are called other or left out."""
    sizes = work.group_by("activity").agg(bookings=pl.col("booking").n_unique())
    counted = work.group_by("activity", "app").agg(people=pl.col("user").n_unique()).sort("activity", "app")
    told = [
        suppress_small_groups(part, k=k, keep=["activity", "app"], exhaustive=True).filter(~pl.col("hidden"))
        for part in counted.partition_by("activity")
    ]
    kept = pl.concat(told).select("activity", "app", own=True) if told else counted.select("activity", "app", own=True)
    rows = work.join(kept, on=["activity", "app"], how="left").with_columns(
        app=pl.when(pl.col("own").fill_null(False)).then("app").otherwise(pl.lit(OTHER))
    )
    spent = rows.group_by("activity", "app").agg(pl.col("active_seconds").sum(), people=pl.col("user").n_unique())
    spent = spent.filter(pl.col("people") >= k).join(sizes, on="activity")
    return spent.select(
        "app",
        "people",
        name=pl.col("activity").map_elements(lambda text: short(text, 34), return_dtype=pl.String),
        minutes=(pl.col("active_seconds") / 60 / pl.col("bookings")).round(2),
    ).sort("name", "app")


def _bars(work: pl.DataFrame, order: list[str], colours: Mapping[str, str]) -> Chart:
    import altair as alt

    ranked = work.group_by("app").agg(pl.col("minutes").sum()).sort("minutes", "app", descending=[True, False])
    apps = [app for app in ranked["app"].to_list() if app != OTHER]
    apps += [OTHER] if OTHER in ranked["app"].to_list() else []
    shades = [colours.get(app, GREY) if app != OTHER else "#C3C9D1" for app in apps]
    place = {app: number for number, app in enumerate(apps)}
    drawn = work.with_columns(order=pl.col("app").replace_strict(place, return_dtype=pl.Int64))
    legend = alt.Legend(orient="right", title="application", symbolType="square")
    return (
        alt.Chart(inline(drawn))
        .mark_bar(height={"band": 0.7}, stroke="white", strokeWidth=0.5)
        .encode(
            x=alt.X("minutes:Q", stack="zero", title="active minutes before the booking, mean"),
            y=alt.Y("name:N", sort=order, title=None, axis=None, scale=alt.Scale(domain=order)),
            color=alt.Color("app:N", scale=alt.Scale(domain=apps, range=shades), legend=legend),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("name:N", title="before"), alt.Tooltip("app:N", title="application"),
                alt.Tooltip("minutes:Q", title="active minutes, mean", format=".1f"), alt.Tooltip("people:Q", title="people"),
            ],
        )
    )  # fmt: skip
