"""What changing over does to the day: round trips, how much later the next act comes, how long stretches last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from taskkit.charts.look import (
    INK,
    PALETTE,
    SOFT,
    WIDTH,
    Chart,
    count_of,
    finish,
    hidden_note,
    inline,
    largest,
    nothing,
    people,
    seconds_in_words,
    shown,
)
from taskkit.privacy import MIN_PEOPLE

_LENGTHS = {"share_under_1m": "under 1 min", "share_1m_to_5m": "1 to 5 min", "share_5m_to_15m": "5 to 15 min",
            "share_over_15m": "15 min and more"}  # fmt: skip
_PLACES = {"application": "in one application", "screen": "on one screen"}
_SHADES = ("#9C3D10", "#E08A4F", "#F3C9A5", "#B7C9D9")  # short stretches dark, long ones pale


def round_trip_bars(
    trips: pl.DataFrame,
    *,
    colours: Mapping[str, str] | None = None,
    most: int = 12,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw how often people leave an application for another one and come straight back.

    Parameters
    ----------
    trips : frame of `count_round_trips`.
    colours : application → colour (`app_colours`), the same in all charts of a log.
    most : pairs of applications that are drawn, most round trips first.
    min_people : smallest group that is drawn.

    >>> round_trip_bars(pl.DataFrame({"people": []})).to_dict()["description"]
    'Nobody left an application and came straight back in this log.'
    """
    import altair as alt

    seen, hidden = shown(trips, min_people)
    if seen.is_empty():
        return nothing(
            "No round trip between applications was seen with enough people to be shown."
            if hidden
            else "Nobody left an application and came straight back in this log."
        )
    drawn = seen.head(most).with_columns(
        trip=pl.concat_str("app", pl.lit(" → "), "there", pl.lit(" → "), "app"),
        colour=pl.col("app").replace_strict(dict(colours or {}), default=PALETTE[0], return_dtype=pl.String),
    )
    base = alt.Chart(inline(drawn)).encode(
        y=alt.Y("trip:N", sort=None, title=None, axis=alt.Axis(labelFontSize=12)),
        x=alt.X("round_trips:Q", title="round trips"),
        tooltip=[
            alt.Tooltip("trip:N", title="round trip"),
            alt.Tooltip("round_trips:Q", title="times", format=","),
            alt.Tooltip("switches:Q", title="switches there", format=","),
            alt.Tooltip("share_back:Q", title="come straight back", format=".0%"),
            alt.Tooltip("median_seconds_away:Q", title="median seconds away", format=".1f"),
            "people:Q",
        ],
    )
    bars = base.mark_bar(height={"band": 0.7}).encode(color=alt.Color("colour:N", scale=None))
    words = base.mark_text(align="left", dx=5, fontSize=12, color=INK).encode(text="label:N")
    words = words.transform_calculate(
        label="format(datum.round_trips, ',') + ' · ' + format(datum.share_back, '.0%') + ' of the switches there · "
        "away ' + format(datum.median_seconds_away, '.0f') + ' s · ' + datum.people + ' people'"
    )
    more = max(seen.height - most, 0)
    limit = seconds_in_words(float(trips["within_seconds"][0]))
    return finish(
        (bars + words).properties(width=WIDTH - 420, height=alt.Step(26)),
        title=f"Back and forth: {trips['share'].sum():.0%} of all changes of application lead straight back within {limit}",
        subtitle=[
            f"A round trip is a switch whose next switch leads back to the same application, at most {limit} later; each "
            "switch counts at most once. “Away” is the median from the first step there to the first step back. "
            f"{int(seen['round_trips'].sum()):,} round trips.",
            (f"{count_of(more, 'rarer pair')} {'is' if more == 1 else 'are'} not drawn. " if more else "")
            + hidden_note(hidden, min_people, what="pair of applications", plural="pairs of applications"),
        ],
    )


def switch_cost_intervals(cost: pl.DataFrame, *, min_people: int = MIN_PEOPLE) -> Chart:
    """Draw how many seconds later people act after a change of application, with the 95 % intervals.

    Parameters
    ----------
    cost : frame of `switch_cost`.
    min_people : smallest group that is drawn.

    >>> switch_cost_intervals(pl.DataFrame({"people": []})).to_dict()["description"][:31]
    'Too little data to say what a c'
    """
    import altair as alt

    seen, hidden = shown(cost, min_people)
    if seen.is_empty():
        return nothing(
            "Too little data to say what a change of application costs: nobody, or too few people, acted five times with and "
            "five times without a change, in the same kind of act."
        )
    names = seen["app"].to_list()
    tooltip: list[alt.Tooltip] = [
        alt.Tooltip("app:N", title="changed to"),
        alt.Tooltip("cost_seconds:Q", title="seconds later", format="+.1f"),
        alt.Tooltip("low:Q", title="95 % from", format="+.1f"),
        alt.Tooltip("high:Q", title="95 % to", format="+.1f"),
        alt.Tooltip("after_seconds:Q", title="seconds after a change", format=".1f"),
        alt.Tooltip("inside_seconds:Q", title="seconds without one", format=".1f"),
        alt.Tooltip("switches:Q", title="changes", format=","),
        alt.Tooltip("steps:Q", title="acts without one", format=","),
        alt.Tooltip("people:Q"),
    ]
    base = alt.Chart(inline(seen)).encode(
        y=alt.Y("app:N", sort=names, title="changed to", scale=alt.Scale(domain=names)), tooltip=tooltip
    )
    colour = alt.condition(f"datum.app == '{names[0]}'", alt.value(PALETTE[5]), alt.value(PALETTE[0]))
    x = alt.X("low:Q", title="seconds later than without a change (left of the line: earlier)")
    sure = base.transform_filter("isValid(datum.low)")
    spans = sure.mark_rule(strokeWidth=4, strokeCap="round", opacity=0.5).encode(x=x, x2="high:Q", color=colour)
    dots = base.mark_point(filled=True, size=110, opacity=1).encode(x="cost_seconds:Q", color=colour)
    words = base.mark_text(align="left", x=WIDTH - 455, fontSize=12, color=SOFT).encode(text="label:N")
    words = words.transform_calculate(
        label="format(datum.after_seconds, '.1f') + ' s after, ' + format(datum.inside_seconds, '.1f') + ' s without · ' "
        "+ format(datum.switches, ',') + ' changes · ' + datum.people + (datum.people == 1 ? ' person' : ' people')"
    )
    zero = alt.Chart(alt.InlineData(values=[{"zero": 0}])).mark_rule(color=INK, strokeWidth=1).encode(x="zero:Q")
    return finish(
        alt.layer(zero, spans, dots, words).properties(width=WIDTH - 470, height=alt.Step(30)),
        title=_cost_in_words(seen.row(0, named=True)),
        subtitle=[
            "Seconds from one act to the next of the same kind, with a change of application between minus without: a "
            "person's medians, mean over people (dot) with its 95 % interval (band; people are what is drawn anew).",
            "An estimate. It holds finding, waiting and reading in the other window; it is not what would be saved without "
            "the change, and not the cost of an interruption."
            + ("" if seen["low"].null_count() == 0 else " Fewer than five people: no interval."),
            hidden_note(hidden, min_people, what="application"),
        ],
    )


def _cost_in_words(row: Mapping[str, Any]) -> str:
    cost, low, high = row["cost_seconds"], row["low"], row["high"]
    to = "" if row["app"] == "all applications" else f" to {row['app']}"
    if low is not None and low <= 0 <= high:
        return f"After a change of application{to} the next act comes neither later nor earlier, as far as can be told"
    span = "" if low is None else f" (95 % {abs(low):.1f} to {abs(high):.1f} s)" if cost >= 0 else ""
    return f"After a change of application{to} the next act comes {abs(cost):.1f} s {'later' if cost >= 0 else 'earlier'}{span}"


def fragmentation_bars(fragmentation: pl.DataFrame, *, min_people: int = MIN_PEOPLE) -> Chart:
    """Draw in stretches of which length the active time is spent, without a change of application or of screen.

    Parameters
    ----------
    fragmentation : frame of `measure_fragmentation`.
    min_people : smallest group that is drawn.

    >>> fragmentation_bars(pl.DataFrame({"people": []})).to_dict()["description"][:37]
    'No day has ten active minutes, so how'
    """
    import altair as alt

    seen, hidden = shown(fragmentation, min_people)
    if seen.is_empty():
        return nothing(
            f"How the day is cut up is not shown: fewer than {min_people} people have a day with ten active minutes."
            if hidden
            else "No day has ten active minutes, so how the day is cut up cannot be said."
        )
    order = list(_LENGTHS.values())
    long = seen.unpivot(
        list(_LENGTHS), index=["change_of", "people", "person_days"], variable_name="length", value_name="share"
    ).with_columns(
        order=pl.col("length").replace_strict({k: i for i, k in enumerate(_LENGTHS)}, return_dtype=pl.Int64),
        length=pl.col("length").replace_strict(_LENGTHS, return_dtype=pl.String),
        place=pl.col("change_of").replace_strict(_PLACES, return_dtype=pl.String),
    )
    long = long.sort("place", "order").with_columns(end=pl.col("share").cum_sum().over("place"))
    long = long.with_columns(middle=pl.col("end") - pl.col("share") / 2)
    base = alt.Chart(inline(long)).encode(y=alt.Y("place:N", title=None, axis=alt.Axis(labelFontSize=13)))
    bars = base.mark_bar(height={"band": 0.72}).encode(
        x=alt.X("share:Q", title="part of the active time", axis=alt.Axis(format=".0%", tickCount=10),
                scale=alt.Scale(domain=[0, 1])),
        order="order:Q",
        color=alt.Color("length:N", scale=alt.Scale(domain=order, range=list(_SHADES)), sort=order,
                        legend=alt.Legend(orient="top", title="stretches of")),
        tooltip=[
            alt.Tooltip("length:N", title="stretches of"),
            alt.Tooltip("share:Q", title="part of the active time", format=".0%"),
            alt.Tooltip("person_days:Q", title="person-days"),
            "people:Q",
        ],
    )  # fmt: skip
    words = (
        base.transform_filter("datum.share >= 0.04")
        .mark_text(fontSize=12)
        .encode(
            x="middle:Q",
            text=alt.Text("share:Q", format=".0%"),
            color=alt.condition("datum.order == 0", alt.value("white"), alt.value(INK)),
        )
    )
    first = seen.row(0, named=True)
    return finish(
        (bars + words).properties(width=WIDTH - 150, height=alt.Step(46)),
        title=f"How the day is cut up: {first['share_under_1m']:.0%} of the active time is in stretches of less than a minute",
        subtitle=[_stretch_in_words(row) for row in seen.iter_rows(named=True)]
        + [
            "A stretch is work without a change of application (screen); breaks end it, windows that flickered do not. Made per "
            f"person and day, then the mean over people: {count_of(largest(seen['person_days']), 'person-day')} of "
            f"{people(largest(seen['people']))}."
        ],
    )


def _stretch_in_words(row: Mapping[str, Any]) -> str:
    half, low, high = (seconds_in_words(row[name]) for name in ("median_seconds", "q25_seconds", "q75_seconds"))
    return (
        f"{_PLACES[row['change_of']].capitalize()}: half of the stretches last less than {half}, the middle half {low} to "
        f"{high}; {row['stretches_per_hour']:.0f} stretches an active hour."
    )
