"""Between applications: time in them and switches."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from taskkit.charts.labels import distinct
from taskkit.charts.look import (
    INK,
    PALETTE,
    PRIVATE,
    WIDTH,
    Chart,
    count_of,
    finish,
    hidden_note,
    inline,
    largest,
    nothing,
    picker,
    shown,
)
from taskkit.privacy import MIN_PEOPLE, shares_pages


def time_per_app(
    apps: pl.DataFrame,
    *,
    colours: Mapping[str, str] | None = None,
    most: int = 12,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw the active hours in each application, role of an application or screen.

    Parameters
    ----------
    apps : frame of `taskkit.time_per_app`; of screens the application can be chosen in the picture.
    colours : application → colour (`app_colours`), the same in all charts of a log.
    most : applications (roles, screens) that are drawn.
    min_people : smallest group that is drawn.

    >>> frame = pl.DataFrame({"app": ["mail"], "active_hours": [1.5], "share": [1.0], "visits": [3], "people": [6],
    ...                       "median_visit_seconds": [9.0]})
    >>> time_per_app(frame).to_dict()["title"]["text"]
    'Where the active time goes: 100 % of it is in mail'
    """
    by, what, plural = next((kind for kind in _PLACES if kind[0] in apps.columns), _PLACES[-1])
    seen, hidden = shown(apps, min_people, within="app" if by == "screen" and "app" in apps.columns else None)
    seen = _as_displayed(seen) if shares_pages() else seen
    if "app" in seen.columns:  # a recorder may tell the window without the program, as of the task bar
        seen = seen.with_columns(pl.col("app").fill_null("no application"))
    if seen.is_empty():
        return nothing(
            f"No {what} was used by enough people to be shown." if hidden else "No time in applications was recorded."
        )
    first = seen.row(0, named=True)
    drawn = _drawn(seen, by, colours, most)
    chart, more = _time_bars(drawn, by, what), max(seen.height - most, 0)
    rest = f"{count_of(more, 'further ' + what, 'further ' + plural)} {'is' if more == 1 else 'are'} not drawn. "
    if by == "screen":
        chart = chart.add_params(picker("application", "Application", _choices(drawn)))
        rest = f"The {most} with most time are drawn; choose an application to see its own. "
    where = f"{'on' if by == 'screen' else 'in'} {PRIVATE.get(first[by], first[by])}"
    return finish(
        chart,
        title=f"Where the active time goes: {first['share']:.0%} of it is {where}",
        subtitle=[
            f"{seen['active_hours'].sum():.1f} active hours; time until the person's next event, at most 60 s an event. "
            f"A visit is a stretch without another {what} between, its length the median of its active seconds.",
            (rest if more else "") + hidden_note(hidden, min_people, what=what, plural=plural),
        ],
    )


_PLACES = (("screen", "screen", "screens"), ("app_role", "role of an application", "roles of applications"),
           ("app", "application", "applications"))  # fmt: skip


def _time_bars(drawn: pl.DataFrame, by: str, what: str) -> Chart:
    """Bars of active hours with their figures beside them; of screens those of the chosen application."""
    import altair as alt

    screens = by == "screen"
    base = alt.Chart(inline(drawn)).encode(
        y=alt.Y("place:N", sort=None, title=None, axis=alt.Axis(labelFontSize=12 if screens else 13)),
        x=alt.X("active_hours:Q", title="active hours of all people together", axis=alt.Axis(tickCount=10)),
        tooltip=[
            alt.Tooltip("whole:N", title=what),
            alt.Tooltip("active_hours:Q", title="active hours", format=".1f"),
            alt.Tooltip("share:Q", title="share", format=".1%"),
            alt.Tooltip("visits:Q", title="visits", format=","),
            alt.Tooltip("median_visit_seconds:Q", title="median seconds of a visit", format=".0f"),
            alt.Tooltip("people:Q", title="people"),
        ],
    )
    colour = alt.Color("colour:N", scale=None)
    if screens:
        base = base.transform_filter("application == '' ? datum.overall : datum.app == application")
        known = dict(drawn.select("app", "colour").unique().sort("app").iter_rows())
        apps = alt.Scale(domain=list(known), range=list(known.values()))
        colour = alt.Color("app:N", scale=apps, legend=alt.Legend(orient="top", title=None))
    bars = base.mark_bar(height={"band": 0.7}).encode(color=colour)
    words = base.mark_text(align="left", dx=5, fontSize=12, color=INK).encode(text="label:N")
    words = words.transform_calculate(
        label="format(datum.share, datum.share < 0.01 ? '.1%' : '.0%') + ' · ' + format(datum.visits, ',') + ' "
        "visits of ' + format(datum.median_visit_seconds, '.0f') + ' s · ' + datum.people "
        "+ (datum.people == 1 ? ' person' : ' people')"
    )
    return (bars + words).properties(width=WIDTH - (430 if screens else 250), height=alt.Step(24 if screens else 30))


def _drawn(seen: pl.DataFrame, by: str, colours: Mapping[str, str] | None, most: int) -> pl.DataFrame:
    """The rows to draw with label and colour; of screens also the first of each application."""
    known = dict(colours or {})
    if by == "screen":
        overall = pl.int_range(pl.len()) < most
        seen = seen.with_columns(overall=overall).filter((pl.int_range(pl.len()) < most).over("app") | overall)
        place = distinct({text: PRIVATE.get(text, text) for text in seen["screen"].unique()}, 46)
        label = pl.col("screen").replace_strict(place, return_dtype=pl.String)
        twice = pl.struct("screen").is_duplicated()  # two applications may have a screen of the same name
        label = pl.when(twice).then(pl.concat_str("app", pl.lit(": "), label)).otherwise(label)
    else:
        seen, label = seen.head(most), pl.col(by).cast(pl.String).replace(PRIVATE)
    colour = pl.col("app") if "app" in seen.columns else pl.col(by)
    return seen.with_columns(
        place=label, whole=pl.col(by).cast(pl.String).replace(PRIVATE),
        colour=colour.cast(pl.String).replace_strict(known, default=PALETTE[0], return_dtype=pl.String),
    )  # fmt: skip


def _as_displayed(seen: pl.DataFrame) -> pl.DataFrame:
    """The figures as exact as they are read: what is not shown must not follow from further digits."""
    digits = {"active_hours": 1, "share": 3, "median_visit_seconds": 0}
    return seen.with_columns(pl.col(name).round(n) for name, n in digits.items() if name in seen.columns)


def _choices(drawn: pl.DataFrame) -> dict[str, str]:
    apps = drawn.group_by("app").agg(pl.col("active_hours").sum()).sort("active_hours", "app", descending=[True, False])
    return {"": "all"} | {app: PRIVATE.get(app, app) for app in apps["app"].to_list()}


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
