"""How uniformly each task is done."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from taskkit.charts.look import (
    PALETTE,
    SOFT,
    WIDTH,
    Chart,
    count_of,
    finish,
    inline,
    nothing,
    people,
    select_tasks,
    short,
)
from taskkit.errors import check_choice
from taskkit.privacy import MIN_PEOPLE

# measure of `measure_standardisation` → heading, what more of it means, whether it is a share
_MEASURES = {
    "similarity": ("like the typical execution (%)", "more: steps more alike", True),
    "dispersion": ("spread of active time (%)", "more: time more varied", True),
    "rework": ("a step comes again (%)", "more: more done again", True),
    "repeated_steps": ("repeated steps an execution", "more: more done again", False),
    "self_loops": ("a step repeated at once (%)", "more: more done again", True),
    "interrupted": ("interrupted (%)", "more: more torn apart", True),
    "fragments": ("pieces of an execution", "more: more torn apart", False),
}
_SHOWN = ("similarity", "dispersion", "rework", "repeated_steps", "interrupted")
_LABELS = 300  # pixels for the names of the tasks


def standardisation(
    measured: pl.DataFrame,
    *,
    tasks: Collection[str] | None = None,
    measures: Sequence[str] = _SHOWN,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw how uniformly each task is done: one panel a measure, one row a task, with 95 % intervals over people.

    Parameters
    ----------
    measured : frame of `measure_standardisation`.
    tasks : the tasks that may be shown (`of_enough_people` of the segments); without them the people of a task count.
    measures : panels from left to right: "similarity", "dispersion", "rework", "repeated_steps", "self_loops",
        "interrupted" or "fragments".
    min_people : smallest group that is drawn.

    Returns
    -------
    An Altair chart.

    Raises
    ------
    SettingError : unknown measure.

    >>> standardisation(pl.DataFrame({"task_id": [], "people": []})).to_dict()["description"]
    'No task recurs in this log, so there is nothing to say about how uniformly it is done.'
    """
    import altair as alt

    for measure in measures:
        check_choice(measure, allowed=_MEASURES, what="measure of standardisation")
    if measured.is_empty():
        return nothing("No task recurs in this log, so there is nothing to say about how uniformly it is done.")
    frame, left_out = select_tasks(measured, tasks, min_people=min_people)
    if frame.is_empty():
        return nothing(left_out)
    known = frame.drop_nulls("similarity")
    if known.is_empty():
        return nothing("Too few people did a task to measure how uniformly it is done.")
    few = frame.height - known.height
    name = pl.concat_str("task_id", pl.lit("  "), "task_name").map_elements(_name, return_dtype=pl.String)
    known = known.with_columns(name=name)
    wide = (WIDTH - _LABELS) // len(measures) - 18
    panels = [_panel(known, measure, place == 0, wide) for place, measure in enumerate(measures)]
    return finish(
        alt.hconcat(*panels, spacing=14),
        title=_title(known),
        subtitle=[
            "Marks are means over the executions of a task (spread: quartiles), bands 95 % intervals over people. Typical is "
            "the execution most like all others, step by step; spread is the distance of the quartiles of active time, "
            "divided by their sum.",
            left_out,
            f"{count_of(few, 'task')} with too few people {'is' if few == 1 else 'are'} not measured." if few else "",
        ],
    )  # fmt: skip


def _panel(known: pl.DataFrame, measure: str, first: bool, wide: int) -> Chart:
    """One measure of all tasks; the names stand beside the first."""
    import altair as alt

    heading, more, share = _MEASURES[measure]
    scale = 100.0 if share else 1.0
    drawn = known.select(
        "name", *((scale * pl.col(c)).alias(n) for c, n in _columns(measure).items()), n="segments", people="people"
    )
    names = known["name"].to_list()
    axis = alt.Axis(labelLimit=_LABELS) if first else alt.Axis(labels=False, ticks=False)
    most = 100.0 if share else max(1.0, float(drawn["high"].max() or 0))  # type: ignore[arg-type]
    reach = alt.Scale(domain=[0, most])
    form = ".0f" if share else ".2f"
    base = alt.Chart(inline(drawn)).encode(
        y=alt.Y("name:N", sort=names, scale=alt.Scale(domain=names), title=None, axis=axis),
        tooltip=[
            alt.Tooltip("name:N", title="task"),
            alt.Tooltip("value:Q", title=heading, format=form),
            alt.Tooltip("low:Q", title="95 % from", format=form),
            alt.Tooltip("high:Q", title="95 % to", format=form),
            alt.Tooltip("n:Q", title="executions", format=","),
            alt.Tooltip("people:Q"),
        ],
    )
    x = alt.X("low:Q", title=more, scale=reach, axis=alt.Axis(tickCount=4))
    bands = base.mark_rule(strokeWidth=4, strokeCap="round", opacity=0.45, color=PALETTE[0]).encode(x=x, x2="high:Q")
    dots = base.mark_point(filled=True, size=80, opacity=1, color=PALETTE[0]).encode(x=alt.X("value:Q", title=more))
    title = alt.TitleParams(heading, fontSize=12, fontWeight=600, anchor="start", color=SOFT)
    return (bands + dots).properties(width=wide, height=alt.Step(26), title=title)


def _columns(measure: str) -> dict[str, str]:
    return {measure: "value", f"{measure}_low": "low", f"{measure}_high": "high"}


def _title(known: pl.DataFrame) -> str:
    """The most and the least uniform task, where their intervals do not meet."""
    ordered = known.sort("similarity", "task_id", descending=[True, False])
    top, last = ordered.row(0, named=True), ordered.row(-1, named=True)
    if top["similarity_low"] > last["similarity_high"]:
        return (
            f"Step by step, {top['task_id']} is done most uniformly ({top['similarity']:.0%} like its typical execution), "
            f"{last['task_id']} least ({last['similarity']:.0%})"
        )
    return (
        f"How uniformly {count_of(known.height, 'task')} {'is' if known.height == 1 else 'are'} done, by up to "
        + people(
            int(known["people"].max() or 0)  # type: ignore[arg-type]
        )
    )


def _name(text: str) -> str:
    return short(text, 42)
