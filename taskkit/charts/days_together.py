"""Days of all people together: what stands on a page that leaves the room, where single days would be those of single people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from taskkit.charts.look import (
    FAINT,
    MISSING,
    OTHER,
    PRIVATE,
    WIDTH,
    Chart,
    app_colours,
    count_of,
    finish,
    inline,
    keep_top,
    nothing,
    of_enough_people,
    people,
    scale_of,
    short,
)
from taskkit.privacy import MIN_PEOPLE, suppress_small_groups
from taskkit.schema import require_columns

DRAWN_DAYS = "Which days were drawn"
DRAWN = "Of this large log single steps are looked at in a draw of its files: what is not recorded here may be recorded in the log."
TOGETHER = "All people together, because a single day would be the day of a single person."
_SLOT = 30  # minutes of a slot of the day
_ALL, _PART, _NONE, _REST, _UNTOLD = (
    "recorded",
    "recorded in part",
    "nothing recorded",
    "recorded in part or not at all",
    "not told (fewer than {k} people)",
)
_COLOURS = {_ALL: "#8FC1DF", _PART: "#F3CE8E", _REST: "#E6D3B8", _NONE: "#C3C9D1", _UNTOLD: FAINT}
_UNDRAWN = {_REST: "recorded in part, not drawn or not recorded", _NONE: "not drawn, or nothing recorded"}
_GAPS = {"unexplained silence": ("gap_seconds", "sleep_seconds"), "recorder blind": ("blind_seconds",)}


# ------------------------------------------------------------------------------------------------------------- rhythm
def day_rhythm(
    events: pl.DataFrame,
    *,
    by: str = "app",
    most: int = 7,
    names: Mapping[str, str] | None = None,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw what is in front at which time of the day, over all people and days.

    Parameters
    ----------
    events : events frame of `name_activities`, and of `find_tasks` for by="task_id".
    by : "app", "task_id" or any other column of text.
    most : colours; what is less frequent is called other.
    names : readable names of the values, such as {"T01": "Enter invoice"}.
    min_people : what fewer people did in a half hour of the day is in no bar of its own, and in none if it stands alone.

    >>> day_rhythm(pl.DataFrame(schema={"user": pl.String, "app": pl.String, "timestamp": pl.Datetime("us", "UTC"),
    ...                                 "active_seconds": pl.Float64})).to_dict()["description"][:30]
    'No time of the day was worked '
    """
    import altair as alt

    slots, days = rhythm_of(events, by=by, most=most, min_people=min_people)
    kind = {"app": "application", "task_id": "task"}.get(by, by)
    if slots.is_empty():
        return nothing(f"No time of the day was worked in by at least {min_people} people, so there is no day to draw.")
    called = dict(PRIVATE) | {k: short(f"{k} {v}", 42) for k, v in (names or {}).items()}
    ranked = slots.group_by("what").agg(pl.col("minutes").sum()).sort("minutes", "what", descending=[True, False])
    order = [name for name in ranked["what"].to_list() if name not in (OTHER, MISSING)]
    last = [name for name in (MISSING, OTHER) if name in ranked["what"].to_list()]
    place = {name: number for number, name in enumerate([*order, *last])}
    drawn = slots.with_columns(
        order=pl.col("what").replace_strict(place, return_dtype=pl.Int64),
        what=pl.col("what").replace(called),
        when=_clock(pl.col("from")) + "–" + _clock(pl.col("to")),
    ).sort("from", "order")
    drawn = drawn.with_columns(top=pl.col("minutes").cum_sum().over("from"))
    own = app_colours(events) if by == "app" else {}
    scale = scale_of(
        [called.get(name, name) for name in order], other=OTHER if OTHER in last else "",
        missing=MISSING if MISSING in last else "", colours={called.get(k, k): v for k, v in own.items()},
    )  # fmt: skip
    chosen = alt.selection_point(fields=["what"], bind="legend", name="what")
    low, high = float(drawn["from"].min()), float(drawn["to"].max())  # type: ignore[arg-type]
    hours = alt.Axis(labelExpr="format(datum.value, '02') + ':00'", tickMinStep=1, title="local time", grid=False)
    bars = (
        alt.Chart(inline(drawn.with_columns(bottom=pl.col("top") - pl.col("minutes")).drop("order")))
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(
            x=alt.X("from:Q", scale=alt.Scale(domain=[low, high], nice=False), axis=hours),
            x2="to:Q",
            y=alt.Y("bottom:Q", title="active minutes in the half hour", scale=alt.Scale(zero=True)),
            y2="top:Q",
            color=alt.Color("what:N", scale=scale, title=kind),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.12)),
            tooltip=[
                alt.Tooltip("what:N", title=kind),
                alt.Tooltip("when:N", title="time of day"),
                alt.Tooltip("minutes:Q", title="active minutes, mean", format=".1f"),
                alt.Tooltip("people:Q", title="people"),
            ],
        )
        .add_params(chosen)
        .properties(width=WIDTH - 220, height=260)
    )
    return finish(
        bars,
        title=f"The rhythm of the day: which {kind} is in front when",
        subtitle=[
            f"Active minutes in each half hour of the day, mean over the recorded days of {people(events['user'].n_unique())} "
            f"({days:,} person-days). Click the legend to pick one out.",
            f"{TOGETHER} What fewer than {min_people} people did then is called other or left out.",
        ],
    )


def rhythm_of(
    events: pl.DataFrame, *, by: str = "app", most: int = 7, min_people: int = MIN_PEOPLE
) -> tuple[pl.DataFrame, int]:
    """Count the active time of each half hour of the day, over all people and days.

    Returns
    -------
    One row per half hour and value that rests on enough people: `from`, `to` (hours of the local day), `what`, `minutes`
    (active, mean over all person-days), `people`; and the number of person-days.
    """
    require_columns(events, "active_seconds", made_by="name_activities")
    require_columns(events, by, made_by="find_tasks" if by == "task_id" else "name_activities")
    local = local_time(events)
    rows = events.filter((pl.col("active_seconds") > 0) & pl.col("app").is_not_null()).select(
        "user",
        "active_seconds",
        day=local.dt.date(),
        slot=(local.dt.hour().cast(pl.Int64) * 60 + local.dt.minute()) // _SLOT,
        what=pl.col(by).cast(pl.String).fill_null(MISSING),
    )
    days = rows.select("user", "day").n_unique()
    common = of_enough_people(rows, by="what", min_people=min_people) if rows.height else []
    ranked = rows.group_by("what").agg(pl.col("active_seconds").sum())
    ranked = ranked.sort("active_seconds", "what", descending=[True, False])
    named = [name for name in ranked["what"] if name in common and name not in (MISSING, *PRIVATE)][:most]
    rows = rows.with_columns(keep_top("what", [*named, MISSING, *(name for name in PRIVATE if name in common)]))
    # one kind of work over the day is a split of a whole that other charts show: what is hidden of it must not be the rest
    counted = rows.group_by("what", "slot").agg(people=pl.col("user").n_unique()).sort("what", "slot")
    told = [
        suppress_small_groups(part, k=min_people, keep=["what", "slot"], exhaustive=True).filter(~pl.col("hidden"))
        for part in counted.partition_by("what")
    ]
    kept = pl.concat(told).select("what", "slot", own=True) if told else counted.select("what", "slot", own=True)
    rows = rows.join(kept, on=["what", "slot"], how="left").with_columns(
        what=pl.when(pl.col("own").fill_null(False)).then("what").otherwise(pl.lit(OTHER))
    )
    slots = rows.group_by("slot", "what").agg(
        minutes=(pl.col("active_seconds").sum() / 60 / max(days, 1)).round(2), people=pl.col("user").n_unique()
    )
    return (
        slots.filter((pl.col("people") >= min_people) & (pl.col("minutes") > 0))
        .select((pl.col("slot") * _SLOT / 60).alias("from"), ((pl.col("slot") + 1) * _SLOT / 60).alias("to"), "what",
                "minutes", "people")
        .sort("from", "what"),
        days,
    )  # fmt: skip


def local_time(events: pl.DataFrame) -> pl.Expr:
    """The local time of each row, without a zone."""
    has = "utc_offset_minutes" in events.columns
    offset = pl.col("utc_offset_minutes").fill_null(0).cast(pl.Int64) if has else pl.lit(0)
    return pl.col("timestamp").dt.replace_time_zone(None) + pl.duration(minutes=offset)


def _clock(hours: pl.Expr) -> pl.Expr:
    whole, minutes = hours.floor().cast(pl.Int64), ((hours % 1) * 60).round().cast(pl.Int64)
    return whole.cast(pl.String).str.zfill(2) + ":" + minutes.cast(pl.String).str.zfill(2)


# ----------------------------------------------------------------------------------------------------------- coverage
def coverage_by_day(
    days: pl.DataFrame, *, full: float = 0.8, min_people: int = MIN_PEOPLE, drawn: bool = False
) -> Chart:
    """Draw of how many people each day is recorded in full, in part or not at all.

    Parameters
    ----------
    days : frame of `list_days`.
    full : share of the working window from which a day counts as fully recorded.
    min_people : smallest number of people that is told.
    drawn : the days are those of a draw from a larger log.

    >>> coverage_by_day(pl.DataFrame({"user": [], "day": []})).to_dict()["description"]
    'No day was recorded of at least 5 people.'
    """
    import altair as alt

    everybody = days["user"].n_unique()
    if everybody < min_people:
        return nothing(f"No day was recorded of at least {min_people} people.")
    called = _UNDRAWN if drawn else {}
    table = coverage_of(days, full=full, min_people=min_people).with_columns(pl.col("state").replace(called))
    shown = table["day"].unique().sort().to_list()
    colours = {called.get(state, state).format(k=min_people): colour for state, colour in _COLOURS.items()}
    states = [state for state in colours if state in table["state"].to_list()]
    wide = max(min((WIDTH - 120) / max(len(shown), 1), 86.0), 3.0)
    mondays = [day for day in shown if date.fromisoformat(day).weekday() == 0] or shown[:1]
    axis = alt.Axis(
        values=shown if wide >= 62 else mondays, labelAngle=0, labelOverlap=True,
        labelExpr="utcFormat(utcParse(datum.value, '%Y-%m-%d'), '%a %d %b')",
    )  # fmt: skip
    legend = alt.Legend(orient="top", direction="horizontal", columns=5, labelLimit=400)
    bars = (
        alt.Chart(inline(table))
        .mark_bar()
        .encode(
            x=alt.X("day:O", title=None, axis=axis, scale=alt.Scale(domain=shown, paddingInner=0.15)),
            y=alt.Y("from:Q", title="people", scale=alt.Scale(domain=[0, everybody], nice=False), axis=alt.Axis(tickMinStep=1)),
            y2="to:Q",
            color=alt.Color("state:N", title=None, legend=legend,
                            scale=alt.Scale(domain=states, range=[colours[state] for state in states])),
            tooltip=[alt.Tooltip("day:O", title="day"), alt.Tooltip("state:N", title="recording"),
                     alt.Tooltip("said:N", title="people")],
        )
        .properties(width=alt.Step(wide), height=200)
    )  # fmt: skip
    known = bool(days["coverage"].is_not_null().any())
    said = [
        f"{people(everybody)}, {_span(shown)}. "
        + (f"Recorded: the log covers at least {full:.0%} of the working window; in part: less. " if known else
           "How much of a working day the log covers is not known. ")
        + (DRAWN if drawn else "It shows what the log covers, not how much anybody worked."),
        f"{TOGETHER} Numbers under {min_people} are not told, nor what would tell them by subtraction. {_gaps(days, min_people)}",
    ]  # fmt: skip
    return finish(bars, title=DRAWN_DAYS if drawn else "Which days were recorded", subtitle=said)


def coverage_of(days: pl.DataFrame, *, full: float = 0.8, min_people: int = MIN_PEOPLE) -> pl.DataFrame:
    """Count people by day and state of recording, without a number that stands for few of them.

    Returns
    -------
    One row per day and part of its bar: `day` (text), `state`, `from`, `to` (people, stacked), `said`. A weekend on which
    nothing was recorded has no row.
    """
    everybody = days["user"].n_unique()
    covered = pl.col("coverage").fill_null(1.0) >= full  # where breaks are not known the day counts as recorded
    counted = days.group_by("day").agg(
        whole=pl.col("user").filter(covered).n_unique(), part=pl.col("user").filter(~covered).n_unique()
    )
    counted = pl.concat([counted, _free_weekdays(counted["day"])], how="vertical_relaxed")
    rows = []
    for day, whole, part in counted.sort("day").iter_rows():
        height = 0
        for state, count, said in _split(whole, part, everybody, min_people):
            rows.append((str(day), state, height, height + count, said))
            height += count
    schema = {"day": pl.String, "state": pl.String, "from": pl.Int64, "to": pl.Int64, "said": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _free_weekdays(recorded: pl.Series) -> pl.DataFrame:
    """Weekdays between the first and the last day on which nobody was recorded."""
    between = (
        pl.DataFrame({"day": recorded}).select(pl.date_range(pl.col("day").min(), pl.col("day").max()))
        if len(recorded)
        else pl.DataFrame({"day": recorded})
    )
    free = between.filter((pl.col("day").dt.weekday() <= 5) & ~pl.col("day").is_in(recorded.implode()))
    return free.with_columns(whole=pl.lit(0), part=pl.lit(0))


def _split(whole: int, part: int, everybody: int, k: int) -> list[tuple[str, int, str]]:
    """Parts of a day's bar: each is nobody or at least `k` people; what is less is drawn as the most it could be."""
    none = everybody - whole - part
    rest, untold = part + none, _UNTOLD.format(k=k)
    few, at_least = f"fewer than {k}", f"at least {everybody - k + 1}"
    small = min(k - 1, everybody)
    if 0 < rest < k and whole >= k:
        return [(_ALL, everybody - small, at_least), (untold, small, few)]
    if 0 < whole < k and rest >= k:
        return [(untold, small, few), (_REST, everybody - small, at_least)]
    if 0 < whole < k:
        return [(untold, everybody, "not told")]
    told = [(_ALL, whole, str(whole))]
    if 0 < part < k or 0 < none < k:
        return [each for each in [*told, (_REST, rest, str(rest))] if each[1]]
    return [each for each in [*told, (_PART, part, str(part)), (_NONE, none, str(none))] if each[1]]


def _gaps(days: pl.DataFrame, k: int) -> str:
    """Of how many people something is missing inside a day, where they are enough."""
    said = []
    for kind, columns in _GAPS.items():
        has = [name for name in columns if name in days.columns]
        missing = days.filter(pl.max_horizontal(pl.col(has).fill_null(0)) > 0) if has else days.clear()
        if missing["user"].n_unique() >= k:
            said.append(f"{kind}: {count_of(missing.height, 'person-day')} of {people(missing['user'].n_unique())}")
    return f"Missing inside days: {'; '.join(said)}." if said else ""


def _span(days: Sequence[str]) -> str:
    first, last = (f"{date.fromisoformat(day):%d %b %Y}" for day in (days[0], days[-1]))
    return first if first == last else f"{first} to {last}"
