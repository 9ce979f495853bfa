"""The criteria behind the verdicts: all tasks beside each other, or those of the chosen task with their intervals."""

from __future__ import annotations

from typing import Any

import polars as pl

from taskkit.automation import CRITERIA
from taskkit.charts.look import (
    INK,
    PALETTE,
    Chart,
    count_of,
    finish,
    hidden_note,
    inline,
    nothing,
    short,
    shown,
    wrap,
)
from taskkit.privacy import MIN_PEOPLE

_ROW = 23  # pixels for a criterion of the chosen task
_SPEAKS = {"high": "for it", "low": "against it", "": "context"}


def criteria_heat(ranking: pl.DataFrame, *, most: int = 12, min_people: int = MIN_PEOPLE) -> Chart:
    """Draw every criterion of every task: the number, and how far it speaks for automation.

    Parameters
    ----------
    ranking : frame of `score_automation`.
    most : tasks that are drawn, best first.
    min_people : smallest group that is drawn.

    Returns
    -------
    An Altair chart.

    >>> criteria_heat(pl.DataFrame({"people": []})).to_dict()["description"]
    'No task recurs in this log, so there are no criteria to show.'
    """
    import altair as alt

    if ranking.is_empty():
        return nothing("No task recurs in this log, so there are no criteria to show.")
    enough, hidden = shown(ranking, min_people)
    if enough.is_empty():
        return nothing(hidden_note(hidden, min_people, what="task"))
    seen = enough.head(most)
    cells = _cells(seen)
    across = alt.Axis(orient="top", labelAngle=0, labelExpr=r"split(datum.label, '\n')", labelFontSize=11, title=None,
                      labelLineHeight=13, labelPadding=48)  # fmt: skip
    base = alt.Chart(inline(cells)).encode(
        x=alt.X("task:N", sort=cells["task"].unique(maintain_order=True).to_list(), axis=across),
        y=alt.Y("criterion:N", sort=cells["criterion"].unique(maintain_order=True).to_list(), title=None),
        tooltip=[alt.Tooltip("name:N", title="task"), alt.Tooltip("criterion:N"), alt.Tooltip("text:N", title="value"),
                 alt.Tooltip("unit:N"), alt.Tooltip("definition:N")],
    )  # fmt: skip
    empty = base.mark_rect(fill="#F1F3F6", stroke="white", strokeWidth=2)
    legend = alt.Legend(
        orient="bottom", values=[0, 1], titleLimit=300,
        labelExpr="datum.value == 0 ? 'little' : datum.value == 1 ? 'much' : ''",
    )  # fmt: skip
    scale = alt.Scale(scheme="viridis", domain=[0, 1], reverse=True)
    colour = alt.Color("good:Q", scale=scale, title="speaks for automation", legend=legend)
    boxes = base.transform_filter("isValid(datum.good)").mark_rect(stroke="white", strokeWidth=2).encode(color=colour)
    ink = alt.condition("isValid(datum.good) && datum.good > 0.45", alt.value("white"), alt.value("black"))
    words = base.mark_text(fontSize=12).encode(text="text:N", color=ink)
    cut = enough.height - seen.height
    return finish(
        (empty + boxes + words).properties(width=max(74 * seen.height, 300), height=alt.Step(24)),
        title="Every criterion behind the verdicts",
        subtitle=[
            f"{count_of(seen.height, 'task')}, ranked; {count_of(int(seen['segments'].sum()), 'execution')}. "
            "Dark speaks for automation, pale against it, grey is context. "
            "Shares are coloured from 0 to 100 %, other criteria from 0 to the largest "
            "task. A dash: the log cannot tell. Definitions in the tooltip and below.",
            (f"{count_of(cut, 'task')} of lower rank not drawn. " if cut else "")
            + hidden_note(hidden, min_people, what="task"),
        ],
    )


def _cells(seen: pl.DataFrame) -> pl.DataFrame:
    """One row per task and criterion: the words in the cell, and how far they speak for automation (null = context)."""
    rows = []
    for name, criterion in CRITERIA.items():
        if name not in seen.columns:
            continue
        share, top = criterion.unit == "share", _top(seen, name)
        for row in seen.iter_rows(named=True):
            value, good = row[name], None
            if value is not None and criterion.better:
                good = min(max(value / top, 0.0), 1.0)
                good = 1 - good if criterion.better == "low" else good
            task = "\n".join([row["task_id"], *wrap(short(row["task_name"], 30), 11)[:3]])
            whole = f"{row['task_id']}  {row['task_name']}"
            rows.append((task, whole, told(name), _figure(value, share), good, criterion.definition, criterion.unit))
    schema = {"task": pl.String, "name": pl.String, "criterion": pl.String, "text": pl.String, "good": pl.Float64,
              "definition": pl.String, "unit": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def told(name: str) -> str:
    """A criterion's name as a reader says it.

    >>> told("carried_out_per_segment")
    'carried out a run'
    """
    return (
        name.replace("_per_segment", " a run").replace("_per_week", " a week").replace("_share", "").replace("_", " ")
    )


def criteria_bars(ranking: pl.DataFrame, pick: Any) -> Chart:
    """The criteria of the chosen task as bars with their intervals; what the log cannot tell has no bar.

    Shares run from 0 to 100 %, the others from 0 to the largest task.
    """
    import altair as alt

    table = _bars(ranking)
    order = table["criterion"].unique(maintain_order=True).to_list()
    colour = alt.Color(
        "speaks:N",
        title="a long bar speaks",
        scale=alt.Scale(domain=list(_SPEAKS.values()), range=[PALETTE[0], PALETTE[1], "#B9C1CC"]),
        legend=alt.Legend(orient="top", symbolType="square"),
    )
    base = (
        alt.Chart(inline(table))
        .transform_filter(pick)
        .encode(
            y=alt.Y("criterion:N", sort=order, title=None, axis=alt.Axis(labelLimit=150)),
        )
    )
    tips = [
        alt.Tooltip("criterion:N"),
        alt.Tooltip("text:N", title="value"),
        alt.Tooltip("span:N", title="95 % interval"),
        alt.Tooltip("n:Q", title="runs", format=","),
        alt.Tooltip("people:Q"),
        alt.Tooltip("unit:N"),
        alt.Tooltip("definition:N"),
    ]
    x = alt.X("size:Q", scale=alt.Scale(domain=[0, 1], clamp=True), axis=None)
    bars = (
        base.transform_filter("isValid(datum.size)")
        .mark_bar(height={"band": 0.55})
        .encode(x=x, color=colour, tooltip=tips)
    )
    spans = (
        base.transform_filter("isValid(datum.size_low)")
        .mark_rule(color=INK, strokeWidth=2)
        .encode(x=alt.X("size_low:Q", scale=alt.Scale(domain=[0, 1], clamp=True), axis=None), x2="size_high:Q")
    )
    words = base.mark_text(align="left", x=218, fontSize=12, color=INK).encode(text="text:N")
    heading = alt.TitleParams("Criteria of the chosen task", fontSize=13, anchor="start")
    return alt.layer(bars, spans, words).properties(width=210, height=_ROW * len(order), title=heading)


def _bars(ranking: pl.DataFrame) -> pl.DataFrame:
    """One row per task and criterion: the value, its words, and the sizes of the bar and its interval."""
    rows = []
    for name, criterion in CRITERIA.items():
        if name not in ranking.columns:
            continue
        share, top = criterion.unit == "share", _top(ranking, name)
        for row in ranking.iter_rows(named=True):
            value, low, high = row[name], row.get(f"{name}_low"), row.get(f"{name}_high")
            known = low is not None and high is not None
            span = f"{_figure(low, share)} to {_figure(high, share)}" if known else "none: too few people"
            sizes = [None if number is None else number / top for number in (value, low, high)]
            rows.append(
                (row["task_id"], told(name), _figure(value, share) if value is not None else "not known", span, *sizes,
                 _SPEAKS[criterion.better], row["segments"], row["people"], criterion.unit, criterion.definition)
            )  # fmt: skip
    number, text = pl.Float64, pl.String
    schema = {
        "task_id": text, "criterion": text, "text": text, "span": text, "size": number, "size_low": number,
        "size_high": number, "speaks": text, "n": pl.Int64, "people": pl.Int64, "unit": text, "definition": text,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _top(ranking: pl.DataFrame, name: str) -> float:
    """What fills a bar: 1 for a share, the largest task (with its interval) for the others."""
    if CRITERIA[name].unit == "share":
        return 1.0
    found = [ranking[column].max() for column in (name, f"{name}_high") if column in ranking.columns]
    return max((float(value) for value in found if value is not None), default=0.0) or 1.0  # type: ignore[arg-type]


def _figure(value: float | None, share: bool) -> str:
    if value is None:
        return "–"
    if share:
        return f"{100 * max(value, 0.0):.0f} %"  # a habit less than that of everybody is none
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
