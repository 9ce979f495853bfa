"""Days and people: what was in front when, and which days were recorded."""

from __future__ import annotations

import polars as pl

from taskkit.charts.look import (
    MISSING,
    OTHER,
    WIDTH,
    Chart,
    aliases,
    finish,
    inline,
    keep_top,
    nothing,
    people,
    scale_of,
    short,
)
from taskkit.log.durations import parse_duration
from taskkit.schema import require_columns


def day_timeline(
    events: pl.DataFrame, *, by: str = "app", slot: str = "5m", most: int = 7, names: dict[str, str] | None = None
) -> Chart:
    """Draw the days of the recorded people on a clock, coloured by application or by task, with a list to choose the day.

    A slot of time takes the colour of what had most active time in it; slots of the same colour are joined. People are
    "Person A", "Person B" on this page only, in an order that has nothing to do with what anyone did.

    Parameters
    ----------
    events : events frame of `name_activities`, and of `find_tasks` for by="task_id".
    by : "app", "task_id" or any other column of text.
    slot : length of a slot.
    most : colours; what is less frequent is called other.
    names : readable names of the values, such as {"T01": "Enter invoice"}.

    Returns
    -------
    An Altair chart.

    >>> day_timeline(pl.DataFrame(schema={"user": pl.String, "app": pl.String, "timestamp": pl.Datetime("us", "UTC"),
    ...                                   "active_seconds": pl.Float64})).to_dict()["description"]
    'No active time was recorded, so there is no day to draw.'
    """
    import altair as alt

    blocks = day_blocks(events, by=by, slot=slot)
    if blocks.is_empty():
        return nothing("No active time was recorded, so there is no day to draw.")
    called = names or {}
    blocks = blocks.with_columns(pl.col("what").replace({k: short(f"{k} {v}", 42) for k, v in called.items()}))
    ranked = blocks.group_by("what").agg(pl.col("hours").sum()).sort("hours", "what", descending=[True, False])
    top = [name for name in ranked["what"].to_list() if name != MISSING][:most]
    absent = MISSING if MISSING in ranked["what"].to_list() else ""
    blocks = blocks.with_columns(keep_top("what", [*top, MISSING]))
    blocks = _numbered(blocks)
    who = aliases(events["user"].unique())
    blocks = blocks.with_columns(pl.col("user").replace(who))
    days = blocks["day"].unique().sort().to_list()
    day = alt.param(
        name="day", value=blocks["day"].mode().sort()[0], bind=alt.binding_select(options=days, name="Day: ")
    )
    chosen = alt.selection_point(fields=["what"], bind="legend", name="what")
    low, high = float(blocks["from"].min() or 0), float(blocks["to"].max() or 24)  # type: ignore[arg-type]
    hours = alt.Axis(labelExpr="format(floor(datum.value), '02') + ':00'", tickMinStep=1, title="local time")
    order = sorted(who.values(), key=lambda alias: (len(alias), alias))
    bars = (
        alt.Chart(inline(blocks.select("day", "user", "from", "to", "what")))
        .transform_filter("datum.day == day")
        .mark_bar(height={"band": 0.72})
        .encode(
            x=alt.X("from:Q", scale=alt.Scale(domain=[int(low), int(high) + 1], nice=False), axis=hours),
            x2="to:Q",
            y=alt.Y("user:N", title=None, sort=order, scale=alt.Scale(domain=order)),
            color=alt.Color(
                "what:N",
                scale=scale_of(top, other=OTHER if ranked.height > len(top) + bool(absent) else "", missing=absent),
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
            "The letters are given by chance for this page.",
        ],
    )


_LEGEND = {"app": "application", "task_id": "task", "segment": "segment"}


def day_blocks(events: pl.DataFrame, *, by: str = "app", slot: str = "5m") -> pl.DataFrame:
    """Lay active time out in slots of the local day and join neighbours that show the same.

    Returns
    -------
    One row per block: `user`, `day` (text), `what`, `from` and `to` (hours of the local day), `hours` of active time.
    """
    require_columns(events, "active_seconds", made_by="name_activities")
    require_columns(events, by, made_by="find_tasks" if by == "task_id" else "name_activities")
    minutes = parse_duration(slot).total_seconds() / 60
    offset = (
        pl.col("utc_offset_minutes").fill_null(0).cast(pl.Int64)
        if "utc_offset_minutes" in events.columns
        else pl.lit(0)
    )
    local = pl.col("timestamp").dt.replace_time_zone(None) + pl.duration(minutes=offset)
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


def coverage_calendar(days: pl.DataFrame) -> Chart:
    """Draw which person was recorded on which day, and for how many active hours.

    Parameters
    ----------
    days : frame of `list_days`.

    Returns
    -------
    An Altair chart; people are page-only letters.

    >>> coverage_calendar(pl.DataFrame({"user": [], "day": []})).to_dict()["description"]
    'No day was recorded.'
    """
    import altair as alt

    if days.is_empty():
        return nothing("No day was recorded.")
    who = aliases(days["user"].unique())
    order = sorted(who.values(), key=lambda alias: (len(alias), alias))
    table = days.select(
        who=pl.col("user").replace(who),
        day=pl.col("day").dt.strftime("%a %d %b %Y"),
        sort=pl.col("day").cast(pl.String),
        hours=pl.col("active_seconds") / 3600,
        rows="events",
        idle=pl.col("idle_seconds") / 3600,
        blind=pl.col("blind_seconds") / 60,
    )
    wanted = table.select("day", "sort").unique().sort("sort")["day"].to_list()
    most = float(table["hours"].max() or 1)  # type: ignore[arg-type]
    base = alt.Chart(inline(table)).encode(
        x=alt.X(
            "day:N",
            sort=wanted,
            title=None,
            axis=alt.Axis(
                labelAngle=0 if len(wanted) <= 12 else -45,
                labelExpr="split(datum.label, ' ')[0] + ' ' + split(datum.label, ' ')[1] + ' ' + split(datum.label, ' ')[2]",
            ),
        ),
        y=alt.Y("who:N", sort=order, title=None),
    )
    boxes = base.mark_rect(stroke="white", strokeWidth=2).encode(
        color=alt.Color(
            "hours:Q", title="active hours", scale=alt.Scale(scheme="viridis", reverse=True, domain=[0, most])
        ),
        tooltip=[
            alt.Tooltip("who:N", title="who"),
            alt.Tooltip("day:N", title="day"),
            alt.Tooltip("hours:Q", title="active hours", format=".1f"),
            alt.Tooltip("rows:Q", title="rows", format=","),
            alt.Tooltip("idle:Q", title="idle hours", format=".1f"),
            alt.Tooltip("blind:Q", title="blind minutes", format=".0f"),
        ],
    )
    words = base.mark_text(fontSize=12).encode(
        text=alt.Text("hours:Q", format=".1f"),
        color=alt.condition(f"datum.hours > {0.45 * most}", alt.value("white"), alt.value("black")),
    )
    return finish(
        (boxes + words).properties(width=min(WIDTH - 120, 86 * len(wanted)), height=alt.Step(26)),
        title="Which days were recorded, and how much active time they hold",
        subtitle=(
            f"{people(len(who))}, {table.height:,} person-days, {table['hours'].sum():.0f} active hours (hours in the cells; "
            "a row of the log stands for at most 60 s). Empty: nothing recorded. It shows coverage, not diligence: reading "
            "and calls leave few rows."
        ),
    )
