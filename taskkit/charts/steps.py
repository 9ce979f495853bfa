"""Inside the steps of the process: work against waiting, and one case on one time axis."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from taskkit.charts.look import (
    GREY,
    INK,
    PALETTE,
    SOFT,
    WIDTH,
    Chart,
    app_colours,
    count_of,
    duration_words,
    finish,
    hidden_note,
    inline,
    largest,
    most_carried,
    nothing,
    people,
    picker,
    scale_of,
    seconds_in_words,
    short,
    shown,
)
from taskkit.privacy import MIN_PEOPLE

_NO_LOG = (
    "No process log was given, so there is nothing to see inside the "
    "steps of the process. Give one as PROCESS_LOG in the second cell."
)
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
        return nothing(_NO_LOG)
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
        .properties(width=230, height=alt.Step(32))
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
            f"Recorded work on {count_of(int(seen['cases_with_work'].sum()), 'case')}, counted step by step, of "
            f"up to {people(largest(seen['people']))}. Worked on: active seconds "
            "at the desktop, median of the bookings with recorded work. The rest "
            "of the time is waiting, other work, or work that was not recorded.",
            (f"{unseen} {'step has' if unseen == 1 else 'steps have'} no recorded work. " if unseen else "")
            + hidden_note(hidden, min_people, what="step"),
        ],
    )


def case_view(events: pl.DataFrame, process: pl.DataFrame | None, *, cases: int = 5, pause: str = "15m") -> Chart:
    """Draw single cases on one time axis: bookings of the system above, desktop work on the case below.

    Long silences are cut out and named. The cases are taken from the quarter points of the recorded work, from one typical in
    the amount of recorded work to the longest; they are called Case A, Case B and so on. People are not shown.

    Parameters
    ----------
    events : events frame with `case_id`.
    process : frame of `read_process_log`, or None.
    cases : how many cases can be chosen from.
    pause : a silence of at least this length is cut out.

    >>> case_view(pl.DataFrame(), None).to_dict()["description"][:28]
    'No process log was given, so'
    """
    import altair as alt

    from taskkit.log.durations import parse_duration

    if process is None or process.is_empty():
        return nothing(_NO_LOG)
    chosen = _typical(events, process, cases)
    if not chosen:
        return nothing("No desktop work could be attributed to a case, so there is no case to look at.")
    silence = parse_duration(pause).total_seconds()
    bars: list[tuple[Any, ...]] = []
    marks: list[tuple[Any, ...]] = []
    cuts: list[tuple[Any, ...]] = []
    options: dict[str, str] = {}
    for number, (case, touch) in enumerate(chosen):
        name = f"Case {chr(65 + number)}"
        work, booked = _of_case(events, process, case)
        options[name] = f"{name}: {count_of(booked.height, 'booking')}, {seconds_in_words(touch)} of work"
        _lay_out_case(name, work, booked, silence, bars, marks, cuts)
    blocks = pl.DataFrame(bars, schema=["case", "x", "x2", "app", "seconds", "at"], orient="row")
    points = pl.DataFrame(marks, schema=["case", "x", "level", "activity", "at"], orient="row")
    gaps = pl.DataFrame(cuts, schema={"case": pl.String, "x": pl.Float64, "text": pl.String}, orient="row")
    apps = (  # most time first
        blocks.group_by("app")
        .agg(pl.col("seconds").sum())
        .sort("seconds", "app", descending=[True, False])["app"]
        .to_list()
    )
    only = "datum.case == chosen"
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, 1000]))
    upper = alt.Chart(inline(points)).transform_filter(only)
    level = alt.Y("level:Q", axis=None, scale=alt.Scale(domain=[6, 0]))
    hover = [alt.Tooltip("activity:N", title="booked"), alt.Tooltip("at:N", title="time")]
    top = alt.layer(
        alt.Chart(inline(gaps)).transform_filter(only).mark_rule(color="#D5DAE1", strokeDash=[2, 3]).encode(x=x),
        upper.transform_calculate(floor="6")
        .mark_rule(color=PALETTE[5], strokeWidth=1)
        .encode(x=x, y=level, y2="floor:Q"),
        upper.mark_point(shape="diamond", filled=True, size=100, color=PALETTE[5], opacity=1).encode(
            x=x, y=level, tooltip=hover
        ),
        upper.transform_filter("datum.x < 800")
        .mark_text(align="left", dx=8, fontSize=12, color=INK)
        .encode(x=x, y=level, text="activity:N", tooltip=hover),
        upper.transform_filter("datum.x >= 800")
        .mark_text(align="right", dx=-8, fontSize=12, color=INK)
        .encode(x=x, y=level, text="activity:N", tooltip=hover),
    ).properties(width=WIDTH - 130, height=150)
    lower = alt.layer(
        alt.Chart(inline(gaps)).transform_filter(only).mark_rule(color="#D5DAE1", strokeDash=[2, 3]).encode(x=x),
        alt.Chart(inline(blocks))
        .transform_filter(only)
        .mark_bar(height={"band": 0.7})
        .encode(
            x=x,
            x2="x2:Q",
            y=alt.Y("app:N", title=None, sort=apps, scale=alt.Scale(domain=apps)),
            color=alt.Color("app:N", scale=scale_of(apps, other="", colours=app_colours(events)), legend=None),
            tooltip=[
                alt.Tooltip("app:N", title="application"),
                alt.Tooltip("at:N", title="time"),
                alt.Tooltip("seconds:Q", title="active seconds", format=".0f"),
            ],
        ),
        alt.Chart(inline(gaps))
        .transform_filter(only)
        .mark_text(angle=0, baseline="top", dy=8, fontSize=11, color=SOFT, y="height")
        .encode(x=x, text="text:N"),
    ).properties(width=WIDTH - 130, height=alt.Step(24))
    return finish(
        alt.vconcat(top, lower, spacing=0).add_params(picker("chosen", "Case", options)).resolve_scale(x="shared"),
        title="One case: what the system saw, and the desktop work behind it",
        subtitle=[
            "Above: bookings in the process log. Below: attributed desktop work, by "
            f"application. Silences of {pause} and more are cut out at the dotted "
            "lines, with their length below. Single cases are examples; they prove nothing about the others. Choose the case above."
        ],
    )


def _typical(events: pl.DataFrame, process: pl.DataFrame, count: int) -> list[tuple[str, float]]:
    """Cases at the quarter points of touch time, typical first; only those with bookings."""
    if "case_id" not in events.columns:
        return []
    touch = (
        events.drop_nulls("case_id")
        .group_by("case_id")
        .agg(pl.col("active_seconds").sum())
        .filter(pl.col("active_seconds") > 30)
    )
    # fully recorded cases tell most: those with as many bookings as most cases have
    sizes = process.group_by("case_id").agg(n=pl.len())
    touch = (
        touch.join(sizes, on="case_id").filter(pl.col("n") >= pl.col("n").median()).sort("active_seconds", "case_id")
    )
    if touch.is_empty():
        return []
    places = [round((touch.height - 1) * q) for q in (0.5, 0.75, 0.95, 1.0, 0.25, 0.05)[:count]]
    return [(row[0], row[1]) for row in (touch.row(place) for place in dict.fromkeys(places))]


def _of_case(events: pl.DataFrame, process: pl.DataFrame, case: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    work = events.filter(
        (pl.col("case_id") == case) & (pl.col("active_seconds") > 0) & pl.col("app").is_not_null()
    ).sort("timestamp", "user", "seq")
    runs = (
        work.with_columns(
            run=(
                pl.col("app").ne_missing(pl.col("app").shift(1))
                | ((pl.col("timestamp") - pl.col("timestamp").shift(1)).dt.total_seconds() > 60)
            )
            .fill_null(True)
            .cum_sum()
        )
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("app").first(),
            start=pl.col("timestamp").first(),
            seconds=pl.col("active_seconds").sum(),
            last=pl.col("timestamp").last(),
            tail=pl.col("active_seconds").last(),
        )
    )
    return runs, process.filter(pl.col("case_id") == case).sort("timestamp")


def _lay_out_case(
    name: str,
    work: pl.DataFrame,
    booked: pl.DataFrame,
    silence: float,
    bars: list[tuple[Any, ...]],
    marks: list[tuple[Any, ...]],
    cuts: list[tuple[Any, ...]],
) -> None:
    """Give every moment a place between 0 and 1000; long silences get a fixed width."""
    spans = [(row["start"].timestamp(), row["last"].timestamp() + row["tail"]) for row in work.iter_rows(named=True)]
    moments = sorted([*spans, *((t.timestamp(), t.timestamp()) for t in booked["timestamp"])])
    parts: list[list[float]] = []
    for low, high in moments:
        if parts and low - parts[-1][1] < silence:
            parts[-1][1] = max(parts[-1][1], high)
        else:
            parts.append([low, high])
    least, gap = 70.0, 26.0
    free = max(1000.0 - 40 - len(parts) * (least + gap), 100.0)
    whole = sum(high - low for low, high in parts) or 1.0
    starts, widths, at = [], [], 10.0
    for low, high in parts:
        starts.append(at)
        widths.append(least + free * (high - low) / whole)
        at += widths[-1] + gap
    squeeze = min(1.0, 985.0 / at)

    def place(moment: float) -> float:
        index = max((i for i, (low, _) in enumerate(parts) if low <= moment + 1e-6), default=0)
        low, high = parts[index]
        inside = (min(moment, high) - low) / (high - low) if high > low else 0.0
        return round((starts[index] + inside * widths[index] * 0.9) * squeeze, 1)

    for row, (low, high) in zip(work.iter_rows(named=True), spans, strict=True):
        bars.append(
            (
                name,
                place(low),
                max(place(high), place(low) + 2),
                row["app"],
                row["seconds"],
                f"{row['start']:%d %b %H:%M}",
            )
        )
    for number, row in enumerate(booked.iter_rows(named=True)):
        moment: datetime = row["timestamp"]
        marks.append(
            (
                name,
                place(moment.timestamp()),
                float(number % 6) + 0.4,
                short(row["activity"], 26),
                f"{moment:%d %b %H:%M} UTC",
            )
        )
    for index in range(1, len(parts)):
        cuts.append(
            (
                name,
                round((starts[index] - gap / 2) * squeeze, 1),
                "+ " + seconds_in_words(parts[index][0] - parts[index - 1][1]),
            )
        )
