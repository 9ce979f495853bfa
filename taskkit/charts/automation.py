"""What is worth automating: value against feasibility, and every criterion of the chosen candidate beside it."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import polars as pl

from taskkit.charts.automation_criteria import criteria_bars
from taskkit.charts.automation_criteria import criteria_heat as criteria_heat
from taskkit.charts.automation_told import tell_candidate
from taskkit.charts.look import (
    GREY,
    INK,
    PALETTE,
    SOFT,
    Chart,
    count_of,
    finish,
    hidden_note,
    inline,
    largest,
    nothing,
    short,
    shown,
    wrap,
)
from taskkit.privacy import MIN_PEOPLE

THIN = "too little data"
VERDICTS = {
    "automate": (PALETTE[2], "circle"),
    "integrate": (PALETTE[0], "square"),
    "standardise first": (PALETTE[1], "triangle-up"),
    "fix the process": (PALETTE[5], "triangle-down"),
    "share the better practice": (PALETTE[4], "triangle-right"),
    "leave to judgement": (PALETTE[3], "diamond"),
    THIN: (GREY, "cross"),
}
_PLANE, _HIGH, _STRIP, _V = 560, 400, 44, "value_hours_per_year"  # pixels; the column that goes up
_ON, _BESIDE = "on_plane", "beside_plane"  # names of the marks that can be clicked


def value_feasibility(
    ranking: pl.DataFrame, *, decided: pl.DataFrame | None = None, task_id: str | None = None, min_people: int = MIN_PEOPLE
) -> Chart:  # fmt: skip
    """Draw the tasks in the plane of feasibility and value with both intervals, and why each got its verdict.

    Colour and shape tell the verdict. A click on a task, or the list, opens its criteria with their intervals, the
    sentence of the verdict, its closed gates, its effort and what was decided. Tasks with too little data stand in a
    strip of their own below the plane, by how often they were seen; tasks without a place for another reason too.

    Parameters
    ----------
    ranking : frame of `score_automation`.
    decided : decisions about tasks (`Decisions.list`, kind "verdict"; `subject` is the task), or None.
    task_id : the one opened first; by default the first in rank.
    min_people : smallest group that is drawn.

    Returns
    -------
    An Altair chart.

    >>> value_feasibility(pl.DataFrame({"people": []})).to_dict()["description"]
    'No task recurs in this log, so there is nothing to judge.'
    """
    import altair as alt

    if ranking.is_empty():
        return nothing("No task recurs in this log, so there is nothing to judge.")
    seen, hidden = shown(ranking, min_people)
    if seen.is_empty():
        return nothing(hidden_note(hidden, min_people, what="task"))
    on_plane = pl.col("feasibility").is_not_null() & (pl.col(_V) > 0) & (pl.col("verdict") != THIN)
    drawn, beside = seen.filter(on_plane), seen.filter(~on_plane.fill_null(False))
    tasks = seen["task_id"].to_list()
    first = task_id if task_id in tasks else tasks[0]
    labels = [short(f"{a}  {b}", 40) for a, b in seen.select("task_id", "task_name").iter_rows()]
    pick: Any = alt.selection_point(
        name="candidate", fields=["task_id"], empty=False, value=[{"task_id": first}], clear=False, toggle=False,
        on="click[event.item && event.item.datum && isString(event.item.datum.task_id)]",
        bind=alt.binding_select(options=tasks, labels=labels, name="Task: "),
    )  # fmt: skip
    left = [_plane(drawn, pick)] if drawn.height else []
    left += [_strip(beside, pick)] if beside.height else []
    parts = [*left, criteria_bars(seen, pick), tell_candidate(seen, decided, pick, width=1010)]
    chart = _put_together(parts, pick)
    return finish(
        chart,
        title=_headline(drawn),
        subtitle=[
            "Right: what the log says can be written down as rules. Up: the active hours a year that the task takes, not all "
            "of which can be freed. Lines are 95 % intervals over the recorded people; bars: criteria of the chosen task. "
            "Click a task or choose it above; click the legend to pick a verdict out.",
            hidden_note(hidden, min_people, what="task"),
        ],
    )


def _put_together(parts: list[Chart], pick: Any) -> Chart:
    """The plane and the strip above each other, the bars beside them, the words below.

    Altair copies all that is in a chart at each level; of plain dictionaries that takes a tenth of the time, which a
    slider needs. The selection is put in by hand, as one for two views: Altair would warn that it is there twice.
    """
    specs = [part.to_dict(validate=False) for part in parts]
    data: dict[str, Any] = {}
    params: list[Any] = []
    for spec in specs:
        data |= spec.pop("datasets", {})
        params += spec.pop("params", [])
        spec.pop("$schema"), spec.pop("config")
    marks = [mark.get("name", "") for spec in specs for mark in spec["layer"]]
    chosen: Any = pick.param
    params.append(chosen.to_dict() | {"views": [name for name in marks if name.startswith((_ON, _BESIDE))]})
    own = {"resolve": {"scale": {"color": "independent", "shape": "independent"}}}
    upper = {"hconcat": [{"vconcat": specs[:-2], "spacing": 12} | own, specs[-2]], "spacing": 26} | own
    return _chart_class()(vconcat=[upper, specs[-1]], datasets=data, params=params, spacing=14, **own)


@cache
def _chart_class() -> Any:
    """A chart of views under one another that takes plain dictionaries; Altair's own takes charts only."""
    import altair as alt

    def to_dict(self: Any, *args: Any, **settings: Any) -> Any:
        # its parts were made by Altair, and checking them all again takes a third of a redraw
        return alt.TopLevelMixin.to_dict(self, *args, **{"validate": False} | settings)

    return type("PlainConcat", (alt.TopLevelMixin, alt.TopLevelVConcatSpec), {"to_dict": to_dict})


def _plane(drawn: pl.DataFrame, pick: Any) -> Chart:
    """The plane: a mark per task, its two intervals, its name."""
    import altair as alt

    table = drawn.select(
        "task_id", "task_name", "feasibility", "feasibility_low", "feasibility_high", _V, f"{_V}_low", f"{_V}_high",
        "segments", "people", "verdict",
    )  # fmt: skip
    table = table.with_columns(side=_sides(table, _V))
    found = [name for name in VERDICTS if name in table["verdict"].to_list()]
    found += sorted(set(table["verdict"].to_list()) - set(found))
    looks = [VERDICTS.get(name, (INK, "stroke")) for name in found]
    legend = alt.Legend(orient="top", columns=4, title="verdict")
    colour = alt.Color("verdict:N", scale=alt.Scale(domain=found, range=[c for c, _ in looks]), legend=legend)
    shape = alt.Shape("verdict:N", scale=alt.Scale(domain=found, range=[s for _, s in looks]), legend=legend)
    x, x_low, y, y_low = _axes(table)
    legend_pick = alt.selection_point(fields=["verdict"], bind="legend", name="verdict")
    base = alt.Chart(inline(table)).encode(color=colour)
    faded = alt.condition(legend_pick, alt.value(0.45), alt.value(0.08))
    across = base.mark_rule(strokeWidth=2).encode(x=x_low, x2="feasibility_high:Q", y=y, opacity=faded)
    upright = base.mark_rule(strokeWidth=2).encode(x=x, y=y_low, y2=f"{_V}_high:Q", opacity=faded)
    rings = (
        alt.Chart(inline(table)).transform_filter(pick)
        .mark_point(size=520, color=INK, strokeWidth=1.6, filled=False).encode(x=x, y=y)
    )  # fmt: skip
    dots = (
        base.mark_point(filled=True, size=170, cursor="pointer")
        .encode(
            x=x, y=y, shape=shape, tooltip=_tips(), opacity=alt.condition(legend_pick, alt.value(1), alt.value(0.12))
        )
        .add_params(legend_pick)
        .properties(name=_ON)
    )
    words = base.mark_text(
        align={"expr": "datum.side < 2 ? 'left' : 'right'"}, dx={"expr": "datum.side < 2 ? 12 : -12"},
        dy={"expr": "datum.side % 2 == 0 ? -10 : 11"}, fontSize=12, fontWeight=600,
    ).encode(x=x, y=y, text="task_id:N", color=alt.value(INK))  # fmt: skip
    return alt.layer(across, upright, rings, dots, words).properties(width=_PLANE, height=_HIGH)


def _axes(table: pl.DataFrame) -> tuple[Any, Any, Any, Any]:
    """Encodings of both axes, for the marks and for the lower ends of the intervals."""
    import altair as alt

    lowest = pl.min_horizontal(_V, pl.when(pl.col(f"{_V}_low") > 0).then(f"{_V}_low"))
    low = float(table.select(lowest.min()).item() or 1)
    high = float(table.select(pl.max_horizontal(_V, f"{_V}_high").max()).item() or 100)
    scale = alt.Scale(type="log", domain=[low / 1.4, high * 1.4], nice=False, clamp=True)
    ticks = [t * 10**k for k in range(-1, 6) for t in (1, 2, 5) if low / 1.4 <= t * 10**k <= high * 1.4]
    up = alt.Axis(values=ticks, format="~s", title="value: active hours a year (log scale)")
    along = alt.Axis(tickCount=10, format=".1f")
    shares = alt.Scale(domain=[0, 1])
    return (
        alt.X("feasibility:Q", scale=shares, title="feasibility, 0 to 1", axis=along),
        alt.X("feasibility_low:Q", scale=shares, title="feasibility, 0 to 1", axis=along),
        alt.Y(f"{_V}:Q", scale=scale, axis=up),
        alt.Y(f"{_V}_low:Q", scale=scale, axis=up),
    )


def _tips() -> list[Any]:
    import altair as alt

    return [
        alt.Tooltip("task_id:N", title="task"), alt.Tooltip("task_name:N", title="name"), alt.Tooltip("verdict:N"),
        alt.Tooltip("feasibility:Q", format=".2f"), alt.Tooltip("feasibility_low:Q", title="95 % from", format=".2f"),
        alt.Tooltip("feasibility_high:Q", title="95 % to", format=".2f"),
        alt.Tooltip(f"{_V}:Q", title="hours a year", format=",.0f"),
        alt.Tooltip(f"{_V}_low:Q", title="hours, 95 % from", format=",.0f"),
        alt.Tooltip(f"{_V}_high:Q", title="hours, 95 % to", format=",.0f"),
        alt.Tooltip("segments:Q", title="times seen", format=","), "people:Q",
    ]  # fmt: skip


def _strip(beside: pl.DataFrame, pick: Any) -> Chart:
    """Tasks that have no place on the plane, by how often they were seen."""
    import altair as alt

    table = beside.select("task_id", "task_name", "segments", "people", "verdict").with_columns(
        why=pl.when(pl.col("verdict") == THIN).then(pl.lit("seen too rarely for a verdict"))
        .otherwise(pl.lit("no feasibility or no active time known"))
    )  # fmt: skip
    top = max(largest(table["segments"]), 5)
    base = alt.Chart(inline(table)).encode(
        x=alt.X("segments:Q", title="times seen in the log", scale=alt.Scale(domain=[0, top], nice=True),
                axis=alt.Axis(tickCount=6, format=",d", grid=False)),
    )  # fmt: skip
    rings = base.transform_filter(pick).mark_point(size=420, color=INK, strokeWidth=1.6, y=_STRIP / 2)
    dots = base.mark_point(shape="cross", filled=True, size=130, color=GREY, cursor="pointer", y=_STRIP / 2)
    tips = [alt.Tooltip("task_id:N", title="task"), alt.Tooltip("task_name:N", title="name"), alt.Tooltip("why:N"),
            alt.Tooltip("segments:Q", title="times seen"), "people:Q"]  # fmt: skip
    dots = dots.properties(name=_BESIDE).encode(tooltip=tips)
    words = base.mark_text(dx=11, dy=-9, align="left", fontSize=12, fontWeight=600, color=SOFT, y=_STRIP / 2)
    words = words.encode(text="task_id:N")
    heading = alt.TitleParams("Too little data, not on the plane", fontSize=13, anchor="start", color=SOFT)
    return alt.layer(rings, dots, words).properties(width=_PLANE, height=_STRIP, title=heading)


def _sides(table: pl.DataFrame, value: str) -> pl.Series:
    """For each mark a corner for its label (right above, right below, left above, left below) that hits no other."""
    spots = [(x * _PLANE, -math.log10(y) * 200) for x, y in table.select("feasibility", value).iter_rows()]
    taken = [(x - 9, y - 9, x + 9, y + 9) for x, y in spots]
    sides: list[int] = []
    for x, y in spots:
        boxes = [
            (x + 8, y - 18, x + 40, y - 3),
            (x + 8, y + 3, x + 40, y + 18),
            (x - 40, y - 18, x - 8, y - 3),
            (x - 40, y + 3, x - 8, y + 18),
        ]
        hits = [sum(a < u and c > s and b < w and d > t for s, t, u, w in taken) for a, b, c, d in boxes]
        sides.append(hits.index(min(hits)))
        taken.append(boxes[sides[-1]])
    return pl.Series("side", sides, dtype=pl.Int64)


def _headline(drawn: pl.DataFrame) -> str:
    if drawn.is_empty():
        return "No task has both a feasibility and a value that can be shown: too little data"
    best = drawn.filter(pl.col("verdict").is_in(["automate", "integrate"]))
    if best.is_empty():
        return "No task is ready for automation as it is done now"
    hours = float(best["value_hours_per_year"].sum())
    names = ", ".join(best["task_id"].head(5))
    worth = best["net_present_value"] if "net_present_value" in best.columns else pl.Series([], dtype=pl.Float64)
    dear = int((worth < 0).sum())
    lost = f"; of {dear} of them the net present value is negative as assumed" if dear else ""
    more = f" and {best.height - 5} more" if best.height > 5 else ""
    return " ".join(
        wrap(
            f"{best.height} of {count_of(drawn.height, 'task')} could be automated or "
            f"integrated ({names}{more}); they take about {hours:,.0f} active hours a year{lost}",
            200,
        )
    )
