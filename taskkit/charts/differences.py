"""Two groups side by side: differences with their uncertainty."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from taskkit.charts.look import (
    GREY,
    INK,
    PALETTE,
    SOFT,
    WIDTH,
    Chart,
    finish,
    inline,
    nothing,
    picker,
    select_tasks,
    short,
)
from taskkit.comparison import MEASURES
from taskkit.privacy import MIN_PEOPLE

_TOLD, _NOT_TOLD = "chance alone would rarely make it", "cannot be told from chance"


def comparison_intervals(
    result: pl.DataFrame | None, *, tasks: Collection[str] | None = None, min_people: int = MIN_PEOPLE
) -> Chart:
    """Draw the differences between two groups with their 95 % intervals, task by task, with a list to choose the measure.

    Parameters
    ----------
    result : frame of `taskkit.compare`; None or empty if there was nothing to compare.
    tasks : the tasks that may be shown (`of_enough_people` of the segments); without them the people of both groups count.
    min_people : a task that fewer people did in both groups together is left out.

    Returns
    -------
    An Altair chart.

    >>> comparison_intervals(None).to_dict()["description"]
    'There are no two groups to compare in this log.'
    """
    import altair as alt

    if result is None or result.is_empty():
        return nothing("There are no two groups to compare in this log.")
    both = pl.col("people_a") + pl.col("people_b")
    if tasks is None:
        tasks = result.filter(both >= min_people)["task_id"].unique().to_list()
    frame, left_out = select_tasks(result, tasks, min_people=min_people)
    if frame.is_empty():
        return nothing(left_out)
    frame = frame.with_columns(
        name=pl.concat_str(pl.col("task_id"), pl.lit("  "), pl.col("task_name")).map_elements(
            _name, return_dtype=pl.String
        ),
        scale=pl.when(pl.col("unit") == "share").then(100.0).otherwise(1.0),
    )
    known = frame.filter(pl.col("difference").is_not_null())
    if known.is_empty():
        return nothing(f"Too few people in a group to compare {frame['group_a'][0]} with {frame['group_b'][0]}.")
    drawn = known.select(
        "measure",
        "name",
        *(pl.col(c) * pl.col("scale") for c in ("difference", "low", "high", "value_a", "value_b")),
        "p_adjusted",
        kind=pl.when(pl.col("p_adjusted") < 0.05).then(pl.lit(_TOLD)).otherwise(pl.lit(_NOT_TOLD)),
        base=pl.format("{} / {} people, {} / {} times", "people_a", "people_b", "segments_a", "segments_b"),
    )
    few = frame.filter(pl.col("difference").is_null() & (both >= min_people)).select(
        "measure", "name", text=pl.lit("too few people in a group")
    )
    measures = {
        row["measure"]: _measure(row["measure"], row["unit"])
        for row in frame.sort(
            "p_adjusted", maintain_order=True, nulls_last=True
        )  # the clearest difference is shown first
        .unique("measure", keep="first", maintain_order=True)
        .iter_rows(named=True)
    }
    a, b = frame["group_a"][0], frame["group_b"][0]
    names = frame["name"].unique(maintain_order=True).to_list()
    y = alt.Y("name:N", title=None, sort=names, scale=alt.Scale(domain=names))
    body = (
        alt.Chart(inline(drawn))
        .transform_filter("datum.measure == measure")
        .encode(
            y=y,
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=[_TOLD, _NOT_TOLD], range=[PALETTE[5], GREY]),
                legend=alt.Legend(orient="top", title="difference", labelLimit=400),
            ),
            tooltip=[
                alt.Tooltip("name:N", title="task"),
                alt.Tooltip("value_a:Q", title=a, format=",.1f"),
                alt.Tooltip("value_b:Q", title=b, format=",.1f"),
                alt.Tooltip("difference:Q", format="+,.1f"),
                alt.Tooltip("low:Q", title="95 % from", format="+,.1f"),
                alt.Tooltip("high:Q", title="95 % to", format="+,.1f"),
                alt.Tooltip("p_adjusted:Q", title="p, adjusted", format=".3f"),
                alt.Tooltip("base:N", title=f"{a} / {b}"),
            ],
        )
    )
    x = alt.X("low:Q", title=f"difference: {b} minus {a}, in the unit of the measure")
    spans = body.mark_rule(strokeWidth=4, strokeCap="round", opacity=0.6).encode(x=x, x2="high:Q")
    dots = body.mark_point(filled=True, size=110, opacity=1).encode(
        x="difference:Q",
        shape=alt.Shape(
            "kind:N",
            scale=alt.Scale(domain=[_TOLD, _NOT_TOLD], range=["diamond", "circle"]),
            legend=alt.Legend(orient="top", title="difference", labelLimit=400),
        ),
    )
    zero = alt.Chart(alt.InlineData(values=[{"zero": 0}])).mark_rule(color=INK, strokeWidth=1).encode(x="zero:Q")
    side = body.mark_text(align="left", x=WIDTH - 465, fontSize=11).encode(text="base:N", color=alt.value(SOFT))
    layers = [zero, spans, dots, side]
    if few.height:
        layers.append(
            alt.Chart(inline(few))
            .transform_filter("datum.measure == measure")
            .mark_text(align="left", x=WIDTH - 465, fontSize=11, color=SOFT)
            .encode(y=y, text="text:N")
        )
    told = int((drawn["kind"] == _TOLD).sum())
    return finish(
        alt.layer(*layers)
        .add_params(picker("measure", "Measure", measures))
        .properties(width=WIDTH - 480, height=alt.Step(30)),
        title=f"{a} and {b}: {f'{told} of {drawn.height} differences' if told else f'none of {drawn.height} differences'} "
        + ("would rarely come about by chance" if told else "can be told from chance"),
        subtitle=[
            f"Right of the line: more in {b}. Dots are differences of the means over people, bands their 95 % intervals. "
            "People, not executions, are the unit; p-values are adjusted for the tasks compared. Choose the measure above.",
            left_out,
        ],
    )


def _measure(name: str, unit: str) -> str:
    label = MEASURES[name].label if name in MEASURES else name.replace("_", " ")
    unit = "percentage points" if unit == "share" else unit
    return label if unit in label else f"{label} ({unit})"


def _name(text: str) -> str:
    return short(text, 44)
