"""Inside the steps of the process: work against waiting."""

from __future__ import annotations

from typing import Any

import polars as pl

from taskkit.charts.look import (
    GREY,
    INK,
    PALETTE,
    Chart,
    count_of,
    duration_words,
    finish,
    hidden_note,
    inline,
    largest,
    most_carried,
    nothing,
    people,
    shown,
    spaced,
)
from taskkit.charts.process_case import NO_LOG
from taskkit.privacy import MIN_PEOPLE

_TICKS = (1, 10, 60, 600, 3600, 14400, 86400, 604800)


def step_effort_bars(effort: pl.DataFrame | None, *, min_people: int = MIN_PEOPLE) -> Chart:
    """Draw for each process step how long it takes on the clock, how long people work on it, where, and how often they paste.

    Parameters
    ----------
    effort : frame of `step_effort`, or None without a process log.
    min_people : smallest group that is drawn.

    >>> step_effort_bars(None).to_dict()["description"][:28]
    'No process log was given, so'
    """
    import altair as alt

    if effort is None or effort.is_empty():
        return nothing(NO_LOG)
    seen, hidden = shown(effort.filter(pl.col("cases_with_work") > 0), min_people)
    if seen.is_empty():
        return nothing("No step of the process has recorded work of enough people to be shown.")
    table = seen.select(
        "activity",
        "process_events",
        "cases_with_work",
        "people",
        "elapsed_median_seconds",
        "touch_median_seconds",
        "touch_total_hours",
        "switches_median",
        "excursion_pastes_mean",
        "excursion_share",
        main=pl.col("main_app").fill_null("the main application"),
        inside=pl.col("touch_total_hours") * (1 - pl.col("excursion_share").fill_null(0)),
    )
    order = table["activity"].to_list()
    tips: list[Any] = [
        alt.Tooltip("activity:N", title="step"),
        alt.Tooltip("process_events:Q", title="bookings", format=","),
        alt.Tooltip("cases_with_work:Q", title="cases with recorded work", format=","),
        "people:Q",
        alt.Tooltip("touch_total_hours:Q", title="active hours", format=".1f"),
        alt.Tooltip("excursion_share:Q", title="outside the main application", format=".0%"),
        alt.Tooltip("main:N", title="main application"),
    ]
    base = alt.Chart(inline(table)).encode(y=alt.Y("activity:N", sort=order, title=None), tooltip=tips)
    bare = alt.Y("activity:N", sort=order, title=None, axis=alt.Axis(labels=False, ticks=False, domain=False))
    scale = alt.Scale(type="log", nice=False, padding=14)
    axis = alt.Axis(
        labelExpr=duration_words().replace(" + ' h'", " + ' h'"), values=list(_TICKS), title="median time (log scale)"
    )
    times = alt.layer(
        base.mark_rule(color="#D5DAE1", strokeWidth=4).encode(
            x=alt.X("touch_median_seconds:Q", scale=scale, axis=axis), x2="elapsed_median_seconds:Q"
        ),
        base.transform_fold(["touch_median_seconds", "elapsed_median_seconds"], as_=["which", "seconds"])
        .transform_filter("datum.seconds > 0")
        .transform_calculate(kind="datum.which == 'touch_median_seconds' ? 'worked on' : 'since the booking before'")
        .mark_point(filled=True, size=110, opacity=1)
        .encode(
            x=alt.X("seconds:Q", scale=scale, axis=axis),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=["worked on", "since the booking before"], range=[PALETTE[0], GREY]),
                legend=alt.Legend(orient="top", title="one booking", labelLimit=250),
            ),
            shape=alt.Shape(
                "kind:N",
                scale=alt.Scale(domain=["worked on", "since the booking before"], range=["circle", "square"]),
                legend=alt.Legend(orient="top", title="one booking", labelLimit=250),
            ),
        ),
    ).properties(width=370, height=alt.Step(32))
    places = (
        base.transform_calculate(
            **{
                "in the main application": "datum.inside",
                "in other applications": "datum.touch_total_hours - datum.inside",
            }
        )
        .transform_fold(["in the main application", "in other applications"], as_=["where", "hours"])
        .mark_bar(height={"band": 0.62})
        .encode(
            y=bare,
            x=alt.X("hours:Q", title="active hours in all"),
            color=alt.Color(
                "where:N",
                scale=alt.Scale(
                    domain=["in the main application", "in other applications"], range=["#56B4E9", PALETTE[1]]
                ),
                legend=alt.Legend(orient="top", title="worked", labelLimit=250),
            ),
        )
        .properties(width=270, height=alt.Step(32))
    )
    carried = (
        base.transform_fold(["excursion_pastes_mean", "switches_median"], as_=["what", "count"])
        .transform_calculate(kind="datum.what == 'switches_median' ? 'switches (median)' : 'pastes outside (mean)'")
        .mark_text(fontSize=13, color=INK)
        .encode(
            y=bare,
            x=alt.X(
                "kind:N",
                title="in one booking",
                sort=["pastes outside (mean)", "switches (median)"],
                axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False),
            ),
            text=alt.Text("count:Q", format=".1~f"),
        )
        .properties(width=270, height=alt.Step(32))
    )
    carrier = most_carried(seen)
    title = "Inside the steps: minutes of work in hours of waiting"
    if carrier is not None:
        title = (
            f"Before “{carrier['activity']}” is booked, {carrier['excursion_pastes_mean']:.1f} values are pasted outside "
            f"{carrier['main_app']}"
        )
    unseen = effort.height - seen.height - hidden
    return finish(
        alt.hconcat(times, places, carried, spacing=18).resolve_scale(color="independent", shape="independent"),
        title=title,
        subtitle=[
            f"Recorded work behind {say_behind(effort)}, of up to {people(largest(seen['people']))}. Worked on: active "
            "seconds at the desktop, median of the bookings with recorded work. Since the booking before: calendar time, "
            "nights and weekends included; the rest of it is waiting, other work, or work that was not recorded.",
            (f"{unseen} {'step has' if unseen == 1 else 'steps have'} no recorded work. " if unseen else "")
            + hidden_note(hidden, min_people, what="step"),
        ],
    )


def say_behind(effort: pl.DataFrame) -> str:
    """Say behind how many of the bookings there is recorded work.

    They are counted once a case and step: where a case has the same booking twice this is a lower bound, and says so.

    Parameters
    ----------
    effort : frame of `step_effort`.

    >>> say_behind(pl.DataFrame({"process_events": [10, 10], "cases": [10, 10], "cases_with_work": [9, 6]}))
    '15 of 20 bookings (75 %)'
    """
    seen, booked = int(effort["cases_with_work"].sum()), int(effort["process_events"].sum())
    bound = "at least " if booked > int(effort["cases"].sum()) else ""
    return spaced(f"{bound}{seen:,} of {count_of(booked, 'booking')} ({seen / max(booked, 1):.0%})")
