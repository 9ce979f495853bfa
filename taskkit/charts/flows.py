"""Between applications: time in them, switches, and what is carried by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from taskkit.charts.look import (
    INK,
    PALETTE,
    PRIVATE,
    WIDTH,
    Chart,
    finish,
    hidden_note,
    inline,
    largest,
    nothing,
    scale_of,
    short,
    shown,
)
from taskkit.privacy import MIN_PEOPLE


def time_per_app(
    apps: pl.DataFrame,
    *,
    colours: Mapping[str, str] | None = None,
    most: int = 12,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw the active hours in each application.

    Parameters
    ----------
    apps : frame of `taskkit.time_per_app`.
    colours : application → colour (`app_colours`), the same in all charts of a log.
    most : applications that are drawn.
    min_people : smallest group that is drawn.

    >>> frame = pl.DataFrame({"app": ["mail"], "active_hours": [1.5], "share": [1.0], "visits": [3], "people": [6]})
    >>> time_per_app(frame).to_dict()["title"]["text"]
    'Where the active time goes: 100 % of it is in mail'
    """
    import altair as alt

    seen, hidden = shown(apps, min_people)
    if seen.is_empty():
        return nothing(
            "No application was used by enough people to be shown."
            if hidden
            else "No time in applications was recorded."
        )
    first = seen.row(0, named=True)
    drawn = seen.head(most).with_columns(
        colour=pl.col("app").cast(pl.String).replace_strict(dict(colours or {}), default=PALETTE[0]),
        app=pl.col("app").cast(pl.String).replace(PRIVATE),
    )
    base = alt.Chart(inline(drawn)).encode(
        y=alt.Y("app:N", sort=None, title=None, axis=alt.Axis(labelFontSize=13)),
        x=alt.X("active_hours:Q", title="active hours of all people together", axis=alt.Axis(tickCount=10)),
        tooltip=[
            alt.Tooltip("app:N", title="application"),
            alt.Tooltip("active_hours:Q", title="active hours", format=".1f"),
            alt.Tooltip("share:Q", title="share", format=".0%"),
            alt.Tooltip("visits:Q", title="visits", format=","),
            alt.Tooltip("people:Q", title="people"),
        ],
    )
    bars = base.mark_bar(height={"band": 0.7}).encode(color=alt.Color("colour:N", scale=None))
    words = base.mark_text(align="left", dx=5, fontSize=12, color=INK).encode(text="label:N")
    words = words.transform_calculate(
        label=(
            "format(datum.share, '.0%') + ' · ' + format(datum.visits, ',') + ' "
            "visits · ' + datum.people + (datum.people == 1 ? ' person' : ' people')"
        )
    )
    more = max(seen.height - most, 0)
    return finish(
        (bars + words).properties(width=WIDTH - 250, height=alt.Step(30)),
        title=f"Where the active time goes: {first['share']:.0%} of it is in {first['app']}",
        subtitle=[
            f"{seen['active_hours'].sum():.1f} active hours with an application. "
            "A visit is a stretch without another application between.",
            (f"{more} further applications are not drawn. " if more else "")
            + hidden_note(hidden, min_people, what="application"),
        ],
    )


def switch_matrix(switches: pl.DataFrame, *, most: int = 12, min_people: int = MIN_PEOPLE) -> Chart:
    """Draw how often people went from one application to another, as a matrix.

    Parameters
    ----------
    switches : frame of `count_switches`.
    most : applications that are drawn, most switched first.
    min_people : smallest group that is drawn.

    >>> frame = pl.DataFrame({"from_app": ["mail"], "to_app": ["erp"], "switches": [3], "people": [6]})
    >>> switch_matrix(frame).to_dict()["title"]["text"]
    'How work alternates between applications: most often from mail to erp'
    """
    import altair as alt

    private = pl.col("from_app", "to_app").cast(pl.String).replace(PRIVATE)
    seen, hidden = shown(switches.with_columns(private) if switches.height else switches, min_people)
    if seen.is_empty():
        return nothing(
            "No switch between applications was seen with enough people to be shown."
            if hidden
            else "People did not switch between applications in this log."
        )
    ends = pl.concat([seen.select(app="from_app", n="switches"), seen.select(app="to_app", n="switches")])
    order = ends.group_by("app").sum().sort("n", "app", descending=[True, False])["app"].head(most).to_list()
    drawn = seen.filter(pl.col("from_app").is_in(order) & pl.col("to_app").is_in(order))
    first, top = seen.row(0, named=True), largest(drawn["switches"])
    base = alt.Chart(inline(drawn)).encode(
        x=alt.X(
            "to_app:N",
            sort=order,
            title="to",
            axis=alt.Axis(orient="top", labelAngle=0 if len(order) < 9 else -40, labelLimit=100),
            scale=alt.Scale(domain=order),
        ),
        y=alt.Y("from_app:N", sort=order, title="from", scale=alt.Scale(domain=order)),
    )
    boxes = base.mark_rect(stroke="white", strokeWidth=2).encode(
        color=alt.Color("switches:Q", scale=alt.Scale(scheme="viridis", reverse=True, type="sqrt"), title="switches"),
        tooltip=[
            alt.Tooltip("from_app:N", title="from"),
            alt.Tooltip("to_app:N", title="to"),
            alt.Tooltip("switches:Q", format=","),
            "people:Q",
        ],
    )
    words = base.mark_text(fontSize=12).encode(
        text=alt.Text("switches:Q", format=","),
        color=alt.condition(f"datum.switches > {0.25 * top}", alt.value("white"), alt.value("black")),
    )
    return finish(
        (boxes + words).properties(width=max(90 * len(order), 200), height=alt.Step(34)),
        title=f"How work alternates between applications: most often from {first['from_app']} to {first['to_app']}",
        subtitle=[
            f"{int(drawn['switches'].sum()):,} switches between successive "
            f"steps, up to {largest(drawn['people'])} people in a cell. "
            "Two dark cells mirrored at the diagonal are a back and forth.",
            hidden_note(hidden, min_people, what="pair of applications", plural="pairs of applications"),
        ],
    )


def transfer_flow(
    transfers: pl.DataFrame,
    *,
    colours: Mapping[str, str] | None = None,
    most: int = 18,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw what is carried by hand: from where values are copied, and where they are pasted.

    Parameters
    ----------
    transfers : frame of `count_transfers`.
    colours : application → colour (`app_colours`), the same in all charts of a log.
    most : flows that are drawn, most frequent first.
    min_people : smallest group that is drawn.

    >>> transfer_flow(pl.DataFrame({"transfers": [], "people": []})).to_dict()["description"]
    'No copy and paste was recorded.'
    """
    import altair as alt

    if transfers.is_empty():
        return nothing("No copy and paste was recorded.")
    known = transfers.filter(pl.col("from_app").is_not_null())
    seen, hidden = shown(known, min_people)
    if seen.is_empty():
        return nothing("No copy-paste between two known places was seen with enough people to be shown.")
    place = [
        pl.when(pl.col(f"{end}_element").is_null())
        .then(pl.col(f"{end}_app"))
        .otherwise(pl.concat_str(pl.col(f"{end}_app").fill_null("?"), pl.lit(" · "), pl.col(f"{end}_element")))
        .alias(f"{end}_place")
        for end in ("from", "to")
    ]
    flows = seen.with_columns(place).head(most)
    flows = flows.with_columns(pl.col("from_place", "to_place").map_elements(_label, return_dtype=pl.String))
    left, right = _stack(flows, "from_place"), _stack(flows, "to_place")
    right = _untangled(flows, left, right)
    height = max(30 * max(len(left), len(right)), 120)
    y = {("from", name): (i + 0.5) / len(left) * height for i, name in enumerate(left)}
    y |= {("to", name): (i + 0.5) / len(right) * height for i, name in enumerate(right)}
    across = 430.0
    rows = [
        (
            number,
            at * across,
            y[("from", row["from_place"])] * (1 - bend) + y[("to", row["to_place"])] * bend,
            row["transfers"],
            row["people"],
            row["median_seconds"],
            row["from_place"],
            row["to_place"],
            row["from_app"],
        )
        for number, row in enumerate(flows.iter_rows(named=True))
        for at, bend in ((step / 12, _ease(step / 12)) for step in range(13))
    ]
    lines = pl.DataFrame(
        rows, schema=["flow", "x", "y", "transfers", "people", "seconds", "from", "to", "app"], orient="row"
    )
    apps = (
        flows.group_by("from_app")
        .agg(pl.col("transfers").sum())
        .sort("transfers", "from_app", descending=[True, False])
    )
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-300, across + 300]))
    yy = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[height, 0]))
    curves = (
        alt.Chart(inline(lines))
        .mark_line(opacity=0.75, interpolate="monotone", strokeCap="round")
        .encode(
            x=x,
            y=yy,
            detail="flow:N",
            strokeWidth=alt.StrokeWidth(
                "transfers:Q", scale=alt.Scale(range=[1.5, 14], domainMin=0), title="transfers"
            ),
            color=alt.Color(
                "app:N", title="copied in", scale=scale_of(apps["from_app"].to_list(), other="", colours=colours)
            ),
            tooltip=[
                alt.Tooltip("from:N", title="copied from"),
                alt.Tooltip("to:N", title="pasted into"),
                "transfers:Q",
                "people:Q",
                alt.Tooltip("seconds:Q", title="median seconds from copy to paste", format=".1f"),
            ],
        )
    )
    ends = pl.DataFrame(
        [(-8.0, y[("from", n)], f"{n}  ({c:,})") for n, c in left.items()], schema=["x", "y", "text"], orient="row"
    )
    starts = pl.DataFrame(
        [(across + 8.0, y[("to", n)], f"({c:,})  {n}") for n, c in right.items()],
        schema=["x", "y", "text"],
        orient="row",
    )
    label: dict[str, Any] = {"fontSize": 12, "color": INK}
    text = [
        alt.Chart(inline(ends)).mark_text(align="right", **label).encode(x=x, y=yy, text="text:N"),
        alt.Chart(inline(starts)).mark_text(align="left", **label).encode(x=x, y=yy, text="text:N"),
    ]
    total, drawn = int(transfers["transfers"].sum()), int(flows["transfers"].sum())
    unknown = int(transfers.filter(pl.col("from_app").is_null())["transfers"].sum())
    top = flows.row(0, named=True)
    return finish(
        alt.layer(curves, *text).properties(width=WIDTH - 90, height=height),
        title=f"What people carry by hand: most often from {top['from_place']} to {top['to_place']}",
        subtitle=[
            f"{drawn:,} of {total:,} pastes are drawn ({len(flows)} most frequent flows); thickness is the number of pastes."
            + _without_copy(unknown),
            hidden_note(hidden, min_people, what="flow"),
        ],
    )


def _without_copy(count: int) -> str:
    if not count:
        return ""
    return f" {count:,} {'paste has' if count == 1 else 'pastes have'} no copy of the same value in the log and cannot be drawn."


def _label(place: str) -> str:
    return short(place, 40)


def _ease(t: float) -> float:
    return t * t * (3 - 2 * t)


def _stack(flows: pl.DataFrame, end: str) -> dict[str, int]:
    """The places of one side with their transfers, those of one application together, most carried first."""
    app = end.replace("place", "app")
    sums = flows.group_by(end, app).agg(pl.col("transfers").sum())
    sums = sums.with_columns(of_app=pl.col("transfers").sum().over(app))
    sums = sums.sort("of_app", app, "transfers", end, descending=[True, False, True, False], nulls_last=True)
    merged: dict[str, int] = {}
    for name, count in sums.select(end, "transfers").iter_rows():
        merged[name] = merged.get(name, 0) + count
    return merged


def _untangled(flows: pl.DataFrame, left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    """The places of the right side in the order in which the left side reaches them: fewer bands cross."""
    row = {name: number for number, name in enumerate(left)}
    reached = flows.select(
        "to_place", "transfers", at=pl.col("from_place").replace_strict(row, return_dtype=pl.Float64)
    )
    middle = reached.group_by("to_place").agg((pl.col("at") * pl.col("transfers")).sum() / pl.col("transfers").sum())
    order = dict(middle.iter_rows())
    return dict(sorted(right.items(), key=lambda item: (order[item[0]], item[0])))
