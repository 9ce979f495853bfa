"""Days and people: what was in front when, and which days were recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from taskkit.charts.days_together import DRAWN, DRAWN_DAYS, coverage_by_day, day_rhythm, local_time
from taskkit.charts.look import (
    FAINT,
    INK,
    LETTERS,
    MISSING,
    OTHER,
    PRIVATE,
    WIDTH,
    Chart,
    aliases,
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
    smallest_group,
    spaced,
)
from taskkit.log.durations import parse_duration
from taskkit.privacy import MIN_PEOPLE, shares_pages
from taskkit.schema import require_columns


def day_timeline(
    events: pl.DataFrame,
    *,
    by: str = "app",
    slot: str = "5m",
    most: int = 7,
    names: dict[str, str] | None = None,
    min_people: int = MIN_PEOPLE,
    examples: int | None = None,
) -> Chart:
    """Draw the days of the recorded people on a clock, coloured by application or by task, with a list to choose the day.

    A slot of time takes the colour of what had most active time in it; slots of the same colour are joined. People are
    "Person A", "Person B" in this report only, in an order that has nothing to do with what anyone did.

    Parameters
    ----------
    events : events frame of `name_activities`, and of `find_tasks` for by="task_id".
    by : "app", "task_id" or any other column of text.
    slot : length of a slot.
    most : colours; what is less frequent is called other.
    names : readable names of the values, such as {"T01": "Enter invoice"}.
    min_people : what was seen with fewer people is called other; a log of fewer people shows all.
    examples : how many days can be chosen, those with most active time; all by default. A page that is passed on needs no
        diary of everybody.

    Returns
    -------
    An Altair chart; while pages are made that leave the room, the day of all people together (`day_rhythm`).

    >>> day_timeline(pl.DataFrame(schema={"user": pl.String, "app": pl.String, "timestamp": pl.Datetime("us", "UTC"),
    ...                                   "active_seconds": pl.Float64})).to_dict()["description"]
    'No active time was recorded, so there is no day to draw.'
    """
    import altair as alt

    if shares_pages():
        return day_rhythm(events, by=by, most=most, names=names, min_people=min_people)
    blocks = day_blocks(events, by=by, slot=slot)
    if blocks.is_empty():
        return nothing("No active time was recorded, so there is no day to draw.")
    least = smallest_group(events, min_people=min_people)
    common = of_enough_people(events, by=by, min_people=least)
    called = dict(PRIVATE) | {k: short(f"{k} {v}", 42) for k, v in (names or {}).items()}
    blocks = blocks.with_columns(keep_top("what", [*common, MISSING]))
    ranked = blocks.group_by("what").agg(pl.col("hours").sum()).sort("hours", "what", descending=[True, False])
    colours = app_colours(events) if by == "app" else {}
    usual = [name for name in colours or ranked["what"].to_list() if name in ranked["what"].to_list()]
    top = [name for name in usual if name not in (MISSING, OTHER, *PRIVATE)][:most]
    top += [name for name in PRIVATE if name in common and name in usual]
    absent = MISSING if MISSING in ranked["what"].to_list() else ""
    blocks = _numbered(blocks.with_columns(keep_top("what", [*top, MISSING])))
    rest = OTHER if OTHER in blocks["what"].to_list() else ""
    blocks = blocks.with_columns(pl.col("what").replace(called))
    who = aliases(events["user"].unique())
    blocks = blocks.with_columns(pl.col("user").replace(who))
    days = _fullest_days(events, blocks["day"].unique().to_list())[:examples]
    blocks = blocks.filter(pl.col("day").is_in(days))
    days, fullest = sorted(days), days[0]
    day = alt.param(name="day", value=fullest, bind=alt.binding_select(options=days, name="Day: "))
    chosen = alt.selection_point(fields=["what"], bind="legend", name="what")
    low, high = float(blocks["from"].min() or 0), float(blocks["to"].max() or 24)  # type: ignore[arg-type]
    step = next(step for step in _STEPS if (high - low) / step <= 14 or step == _STEPS[-1])
    low, high = math.floor(low / step + 1e-6) * step, math.ceil(high / step - 1e-6) * step
    hours = alt.Axis(
        labelExpr="format(floor(datum.value + 0.001), '02') + ':' + "
        "format(round((datum.value + 0.001 - floor(datum.value + 0.001)) * 60), '02')",
        values=[round(low + n * step, 4) for n in range(round((high - low) / step) + 1)],
        title="local time",
    )
    order = sorted(who.values(), key=lambda alias: (len(alias), alias))
    bars = (
        alt.Chart(inline(blocks.select("day", "user", "from", "to", "what")))
        .transform_filter("datum.day == day")
        .mark_bar(height={"band": 0.72})
        .encode(
            x=alt.X("from:Q", scale=alt.Scale(domain=[low, high], nice=False), axis=hours),
            x2="to:Q",
            y=alt.Y("user:N", title=None, sort=order),
            color=alt.Color(
                "what:N",
                scale=scale_of(
                    [called.get(t, t) for t in top], other=rest, missing=absent, colours=_named(colours, called)
                ),
                title=_LEGEND.get(by, by),
            ),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.12)),
            tooltip=[
                alt.Tooltip("user:N", title="who"),
                alt.Tooltip("what:N", title=_LEGEND.get(by, by)),
                alt.Tooltip("from:Q", title="from (hour)", format=".2f"),
                alt.Tooltip("to:Q", title="to (hour)", format=".2f"),
            ],
        )
        .add_params(day, chosen)
        .properties(width=WIDTH - 220, height=alt.Step(30))
    )
    kind = {"app": "application", "task_id": "task"}.get(by, by)
    return finish(
        bars,
        title=f"Which {kind} was worked with, over one day of each person",
        subtitle=[
            f"{people(len(who))}, {len(days)} {'day' if len(days) == 1 else 'days'}. Each slot of {slot} takes the colour of the "
            f"{kind} with most active time in it; white means no active "
            "time. Choose the day above; click the legend to pick one out.",
            "Who has no row was not seen at work on that day. "
            + LETTERS
            + (
                f" What was seen with fewer than {least} people is called other."
                if len(common) < events[by].n_unique() - events[by].has_nulls()
                else ""
            ),
        ],
    )


_STEPS = (1 / 60, 1 / 12, 1 / 6, 0.25, 0.5, 1, 2)  # hours between two ticks
_LEGEND = {"app": "application", "task_id": "task", "segment": "segment"}


def _named(colours: Mapping[str, str], called: Mapping[str, str]) -> dict[str, str]:
    return {called.get(name, name): colour for name, colour in colours.items()}


def _fullest_days(events: pl.DataFrame, days: Sequence[str]) -> list[str]:
    """The days with most active time first, whatever they are coloured by."""
    spent = events.group_by(day=local_time(events).dt.strftime("%Y-%m-%d")).agg(pl.col("active_seconds").sum())
    spent = spent.filter(pl.col("day").is_in(list(days)))
    return spent.sort(pl.col("active_seconds").round(3), "day", descending=[True, False])["day"].to_list()


def day_blocks(events: pl.DataFrame, *, by: str = "app", slot: str = "5m") -> pl.DataFrame:
    """Lay active time out in slots of the local day and join neighbours that show the same.

    Returns
    -------
    One row per block: `user`, `day` (text), `what`, `from` and `to` (hours of the local day), `hours` of active time.
    """
    require_columns(events, "active_seconds", made_by="name_activities")
    require_columns(events, by, made_by="find_tasks" if by == "task_id" else "name_activities")
    minutes = parse_duration(slot).total_seconds() / 60
    local = local_time(events)
    place = (local.dt.hour().cast(pl.Float64) * 60 + local.dt.minute()) // minutes
    rows = events.filter((pl.col("active_seconds") > 0) & (pl.col("app").is_not_null()))
    slots = (
        rows.group_by(
            "user", day=local.dt.strftime("%Y-%m-%d"), place=place, what=pl.col(by).cast(pl.String).fill_null(MISSING)
        )
        .agg(pl.col("active_seconds").sum())
        .filter(pl.col("active_seconds") >= 5)
    )
    best = slots.sort("user", "day", "place", "active_seconds", "what", descending=[False] * 3 + [True, False])
    best = best.unique(["user", "day", "place"], keep="first", maintain_order=True)
    runs = best.with_columns(
        run=pl.struct("user", "day", "what", shift=pl.col("place") - pl.int_range(pl.len())).rle_id()
    )
    return (
        runs.group_by("run", maintain_order=True)
        .agg(
            pl.col("user").first(),
            pl.col("day").first(),
            pl.col("what").first(),
            pl.col("place").first().mul(minutes / 60).alias("from"),
            ((pl.col("place").last() + 1) * minutes / 60).alias("to"),
            hours=pl.col("active_seconds").sum() / 3600,
        )
        .drop("run")
    )


def _numbered(blocks: pl.DataFrame) -> pl.DataFrame:
    return blocks.with_columns(pl.col("from").round(3), pl.col("to").round(3))


def coverage_calendar(
    days: pl.DataFrame, *, full: float = 0.8, min_people: int = MIN_PEOPLE, drawn: bool = False
) -> Chart:
    """Draw which person was recorded on which day, fully or in part, and where a span of the day is missing.

    It says what the log covers, not how long anybody worked: a day is recorded, recorded in part, or not. A weekday without
    a recording is a grey box, a weekend without one is left empty.

    Parameters
    ----------
    days : frame of `list_days`.
    full : share of the working window from which a day counts as fully recorded.
    min_people : smallest number of people that a page tells of that leaves the room; only there it matters.
    drawn : the days are those of a draw from a larger log (`Mined.whole` is there): of the others it can say nothing.

    Returns
    -------
    An Altair chart; people are letters. While pages are made that leave the room, counts of people (`coverage_by_day`).

    >>> coverage_calendar(pl.DataFrame({"user": [], "day": []})).to_dict()["description"]
    'No day was recorded.'
    """
    import altair as alt

    if shares_pages():
        return coverage_by_day(days, full=full, min_people=min_people, drawn=drawn)
    if days.is_empty():
        return nothing("No day was recorded.")
    who = aliases(days["user"].unique())
    table = _calendar(days, who, full).with_columns(pl.col("state").replace({_NONE: _UNDRAWN} if drawn else {}))
    wanted = table["day"].unique().sort().to_list()
    order = sorted(who.values(), key=lambda alias: (len(alias), alias))
    shown = _all_days(wanted)
    wide, high = _sizes(len(shown), len(order))
    each = "utcFormat(utcParse(datum.value, '%Y-%m-%d'), '%a %d %b')"
    mondays = [day for day in wanted if date.fromisoformat(day).weekday() == 0] or wanted[:1]
    axis = alt.Axis(values=wanted if wide >= _LABEL else mondays, labelAngle=0, labelExpr=each, labelOverlap=True)
    states = [state for state in _STATES if state in table["state"].to_list()]
    holes = [hole for hole in _HOLES if hole in table["missing"].to_list()]
    base = alt.Chart(inline(table)).encode(
        x=alt.X("day:O", title=None, axis=axis, scale=alt.Scale(domain=shown, paddingInner=0.08)),
        y=alt.Y("who:N", sort=order, title=None, scale=alt.Scale(domain=order, paddingInner=0.12)),
        tooltip=[
            alt.Tooltip("who:N", title="who"),
            alt.Tooltip("day:O", title="day"),
            alt.Tooltip("state:N", title="recording"),
            alt.Tooltip("missing:N", title="missing"),
        ],
    )
    legend = alt.Legend(orient="top", labelLimit=500, direction="horizontal", columns=4)
    chart = base.transform_filter("datum.state != ' '").mark_rect().encode(
        color=alt.Color("state:N", title=None, legend=legend,
                        scale=alt.Scale(domain=states, range=[_STATES[state] for state in states])),
    )  # fmt: skip
    if holes:
        marks = base.transform_filter("datum.missing != 'nothing'").mark_point(
            filled=True, size=min(70, (min(wide, high) - 4) ** 2 * 0.6), color=INK, opacity=1, strokeWidth=0
        )
        shapes = alt.Scale(domain=holes, range=[_HOLES[hole] for hole in holes])
        shape_legend = alt.Legend(orient="top", labelLimit=500, direction="horizontal", symbolFillColor=INK, columns=4)
        chart = chart + marks.encode(shape=alt.Shape("missing:N", title=None, scale=shapes, legend=shape_legend))
    broken = table.filter(pl.col("missing") != "nothing").height
    covers = " It shows what the log covers, not how much anybody worked."
    said = [
        f"{people(len(who))}, {_span(wanted)}, {count_of(days.height, 'person-day')}. {_marked(days, broken)}"
        + _definition(days, full) + (f" {DRAWN}" if drawn else covers),
        LETTERS,
    ]  # fmt: skip
    title = DRAWN_DAYS if drawn else "Which days were recorded"
    return finish(
        chart.properties(width=alt.Step(wide), height=alt.Step(high)).resolve_scale(
            color="independent", shape="independent"
        ),
        title=title,
        subtitle=said,
        description=spaced(" ".join([f"{title}.", *said])),
    )


_FULL, _PART, _UNKNOWN, _NONE, _UNDRAWN = (
    "recorded",
    "recorded in part",
    "recorded, breaks are not known",
    "nothing recorded on a weekday",
    "not drawn, or nothing recorded",
)
_STATES = {_FULL: "#8FC1DF", _PART: "#F3CE8E", _UNKNOWN: "#A9C4D8", _NONE: FAINT, _UNDRAWN: FAINT}
_HOLES = {"unexplained silence": "cross", "recorder blind": "diamond", "excluded on purpose": "circle"}
# a span that was excluded is marked from this share of the working window on: a short one is nobody's business
_NOTABLE = 0.05
_LABEL, _LONGEST = 62, 120  # pixels a label of a day needs; days from which on only recorded ones are drawn


def _calendar(days: pl.DataFrame, who: Mapping[str, str], full: float) -> pl.DataFrame:
    """One row per cell: who, day, state and the gravest thing that is missing."""
    silent = pl.max_horizontal(pl.col("gap_seconds", "sleep_seconds").fill_null(0)) > 0
    private = pl.col("excluded_seconds").fill_null(0) > _NOTABLE * pl.col("window_seconds").fill_null(86_400)
    kinds = (silent, pl.col("blind_seconds").fill_null(0) > 0, private)
    missing = pl.coalesce(pl.when(kind).then(pl.lit(name)) for name, kind in zip(_HOLES, kinds, strict=True))
    covered = pl.col("coverage")
    state = (
        pl.when(covered.is_null())
        .then(pl.lit(_UNKNOWN))
        .when(covered >= full)
        .then(pl.lit(_FULL))
        .otherwise(pl.lit(_PART))
    )
    cells = days.select(
        who=pl.col("user").replace(who),
        day=pl.col("day").cast(pl.String),
        state=state,
        missing=missing.fill_null("nothing"),
    )
    recorded = cells["day"].unique().to_list()
    weekday = pl.col("day").str.to_date().dt.weekday() <= 5
    blank = (
        pl.DataFrame({"who": sorted(who.values())})
        .join(pl.DataFrame({"day": _all_days(recorded)}), how="cross")
        .filter(weekday)
    )
    blank = blank.join(cells, on=["who", "day"], how="anti")
    blank = blank.with_columns(state=pl.lit(_NONE), missing=pl.lit("nothing"))
    return pl.concat([cells, blank]).sort("who", "day")


def _all_days(recorded: Sequence[str]) -> list[str]:
    """Every day from the first to the last, so that weekends stay visible; of a long time only the recorded ones."""
    first, last = date.fromisoformat(min(recorded)), date.fromisoformat(max(recorded))
    span = (last - first).days + 1
    return sorted(recorded) if span > _LONGEST else [str(first + timedelta(days=n)) for n in range(span)]


def _sizes(days: int, rows: int) -> tuple[float, float]:
    """Width and height of a cell in pixels: many days or people make small cells."""
    return max(min((WIDTH - 120) / max(days, 1), 86.0), 3.0), 26.0 if rows <= 20 else 16.0


def _span(days: Sequence[str]) -> str:
    first, last = (f"{date.fromisoformat(day):%d %b %Y}" for day in (days[0], days[-1]))
    return first if first == last else f"{first} to {last}"


def _marked(days: pl.DataFrame, broken: int) -> str:
    """What the marks mean, or that the log cannot tell what is missing."""
    if not days["coverage"].is_not_null().any() and not broken:
        return "Nothing stands out: how much of a working day the log covers is not known."
    return (
        f"{count_of(broken, 'person-day is', 'person-days are')} marked: a silence that nothing explains, a span in which the "
        "recorder was blind, or one that is excluded on purpose."
    )


def _definition(days: pl.DataFrame, full: float) -> str:
    """What fully recorded means here, if the log can tell."""
    if not days["coverage"].is_not_null().any():
        return ""
    return f" Recorded: the log covers at least {full:.0%} of the working window; in part: less."
