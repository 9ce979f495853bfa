"""What is worth automating: value against feasibility, and every criterion behind it."""

from __future__ import annotations

import math

import polars as pl

from taskkit.automation import CRITERIA
from taskkit.charts.look import (
    INK,
    PALETTE,
    WIDTH,
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

VERDICTS = {
    "automate": (PALETTE[2], "circle"),
    "integrate": (PALETTE[0], "square"),
    "standardise first": (PALETTE[1], "triangle-up"),
    "leave to judgement": (PALETTE[3], "diamond"),
    "too little data": ("#9AA3AF", "cross"),
}


def value_feasibility(ranking: pl.DataFrame, *, min_people: int = MIN_PEOPLE) -> Chart:
    """Draw the tasks in the plane of feasibility and value, with their intervals; colour and shape tell the verdict.

    Parameters
    ----------
    ranking : frame of `score_automation`.
    min_people : smallest group that is drawn.

    >>> value_feasibility(pl.DataFrame({"people": []})).to_dict()["description"]
    'No task recurs in this log, so there is nothing to judge.'
    """
    import altair as alt

    if ranking.is_empty():
        return nothing("No task recurs in this log, so there is nothing to judge.")
    seen, hidden = shown(ranking, min_people)
    drawn = seen.filter(pl.col("feasibility").is_not_null() & (pl.col("value_hours_per_year") > 0))
    if drawn.is_empty():
        return nothing(
            "No task has both a feasibility and a value that can be shown: too little data, or too few people."
        )
    v = "value_hours_per_year"
    table = drawn.select(
        "task_id",
        "task_name",
        "feasibility",
        "feasibility_low",
        "feasibility_high",
        v,
        f"{v}_low",
        f"{v}_high",
        "segments",
        "people",
        "verdict",
    )
    table = table.with_columns(side=_sides(table, v))
    found = [name for name in VERDICTS if name in table["verdict"].to_list()]
    found += sorted(set(table["verdict"].to_list()) - set(found))
    looks = [VERDICTS.get(name, (INK, "stroke")) for name in found]
    colour = alt.Color("verdict:N", title="verdict", scale=alt.Scale(domain=found, range=[c for c, _ in looks]))
    shape = alt.Shape("verdict:N", title="verdict", scale=alt.Scale(domain=found, range=[s for _, s in looks]))
    low = float(table.select(pl.min_horizontal(v, pl.when(pl.col(f"{v}_low") > 0).then(f"{v}_low")).min()).item() or 1)
    high = float(table.select(pl.max_horizontal(v, f"{v}_high").max()).item() or 100)
    y_scale = alt.Scale(type="log", domain=[low / 1.4, high * 1.4], nice=False, clamp=True)
    ticks = [t * 10**k for k in range(-1, 6) for t in (1, 2, 5) if low / 1.4 <= t * 10**k <= high * 1.4]
    axis = alt.Axis(values=ticks, format="~s", title="value: active hours a year of the recorded people (log scale)")
    pick = alt.selection_point(fields=["verdict"], bind="legend", name="verdict")
    base = alt.Chart(inline(table)).encode(
        color=colour,
        tooltip=[
            alt.Tooltip("task_id:N", title="task"),
            alt.Tooltip("task_name:N", title="name"),
            alt.Tooltip("verdict:N"),
            alt.Tooltip("feasibility:Q", format=".2f"),
            alt.Tooltip(f"{v}:Q", title="hours a year", format=",.0f"),
            alt.Tooltip(f"{v}_low:Q", title="95 % from", format=",.0f"),
            alt.Tooltip(f"{v}_high:Q", title="95 % to", format=",.0f"),
            alt.Tooltip("segments:Q", title="times seen", format=","),
            "people:Q",
        ],
    )
    x = alt.X(
        "feasibility:Q",
        scale=alt.Scale(domain=[0, 1]),
        title="feasibility, 0 to 1",
        axis=alt.Axis(tickCount=10, format=".1f"),
    )
    y = alt.Y(f"{v}:Q", scale=y_scale, axis=axis)
    x_low = alt.X(
        "feasibility_low:Q",
        scale=alt.Scale(domain=[0, 1]),
        title="feasibility, 0 to 1",
        axis=alt.Axis(tickCount=10, format=".1f"),
    )
    across = base.mark_rule(strokeWidth=2, opacity=0.4).encode(x=x_low, x2="feasibility_high:Q", y=y)
    upright = base.mark_rule(strokeWidth=2, opacity=0.4).encode(
        x=x, y=alt.Y(f"{v}_low:Q", scale=y_scale, axis=axis), y2=f"{v}_high:Q"
    )
    dots = (
        base.mark_point(filled=True, size=170)
        .encode(x=x, y=y, shape=shape, opacity=alt.condition(pick, alt.value(1), alt.value(0.12)))
        .add_params(pick)
    )
    words = [
        base.transform_filter(f"datum.side == {side}")
        .mark_text(
            align="left" if side < 2 else "right",
            dx=10 if side < 2 else -10,
            dy=-10 if side % 2 == 0 else 11,
            fontSize=12,
            fontWeight=600,
        )
        .encode(x=x, y=y, text="task_id:N", color=alt.value(INK))
        for side in range(4)
    ]
    without = seen.height - drawn.height
    return finish(
        alt.layer(across, upright, dots, *words).properties(width=WIDTH - 250, height=430),
        title=_headline(drawn),
        subtitle=[
            "Right: what the log says can be written down as rules. Up: the active "
            "hours a year (44 working weeks assumed) that the task takes, not all of which can be freed. Lines are "
            "95 % intervals over people. Click the legend to pick a verdict out.",
            (
                f"{without} tasks have no feasibility and are not drawn. "
                if without > 1
                else "One task has no feasibility and is not drawn. "
                if without
                else ""
            )
            + hidden_note(hidden, min_people, what="task"),
        ],
    )


def criteria_heat(ranking: pl.DataFrame, *, most: int = 20, min_people: int = MIN_PEOPLE) -> Chart:
    """Draw every criterion of every task: the number, and how far it speaks for automation.

    Parameters
    ----------
    ranking : frame of `score_automation`.
    most : tasks that are drawn, best first.
    min_people : smallest group that is drawn.

    >>> criteria_heat(pl.DataFrame({"people": []})).to_dict()["description"]
    'No task recurs in this log, so there are no criteria to show.'
    """
    import altair as alt

    if ranking.is_empty():
        return nothing("No task recurs in this log, so there are no criteria to show.")
    seen, hidden = shown(ranking, min_people)
    if seen.is_empty():
        return nothing(hidden_note(hidden, min_people, what="task"))
    seen = seen.head(most)
    names = [short(f"{row['task_id']}  {row['task_name']}", 36) for row in seen.iter_rows(named=True)]
    rows = []
    for name, criterion in CRITERIA.items():
        share = criterion.unit == "share"
        top = 1.0 if share else float(seen[name].max() or 1.0)  # type: ignore[arg-type]
        for task, value in zip(names, seen[name], strict=True):
            good = (
                None
                if value is None or not criterion.better
                else value / top
                if criterion.better == "high"
                else 1 - value / top
            )
            text = (
                "–"
                if value is None
                else f"{100 * value:.0f} %"
                if share
                else f"{value:.0f}"
                if value >= 100
                else f"{value:.1f}"
            )
            rows.append(
                (task, _LABELS.get(name, name.replace("_", " ")), text, good, criterion.definition, criterion.unit)
            )
    cells = pl.DataFrame(
        rows,
        schema={
            "task": pl.String,
            "criterion": pl.String,
            "text": pl.String,
            "good": pl.Float64,
            "definition": pl.String,
            "unit": pl.String,
        },
        orient="row",
    )
    labels = cells["criterion"].unique(maintain_order=True).to_list()
    axis = alt.Axis(
        orient="top",
        labelAngle=0,
        labelExpr="split(datum.label, '|')",
        labelFontSize=11,
        labelLineHeight=13,
        labelPadding=18,
        title=None,
    )
    base = alt.Chart(inline(cells)).encode(
        x=alt.X("criterion:N", sort=labels, axis=axis),
        y=alt.Y("task:N", sort=names, title=None),
        tooltip=[
            alt.Tooltip("task:N"),
            alt.Tooltip("text:N", title="value"),
            alt.Tooltip("unit:N"),
            alt.Tooltip("definition:N"),
        ],
    )
    empty = base.mark_rect(fill="#F1F3F6", stroke="white", strokeWidth=2)
    boxes = (
        base.transform_filter("isValid(datum.good)")
        .mark_rect(stroke="white", strokeWidth=2)
        .encode(
            color=alt.Color(
                "good:Q",
                scale=alt.Scale(scheme="viridis", domain=[0, 1], reverse=True),
                title="speaks for automation",
                legend=alt.Legend(
                    orient="bottom",
                    labelExpr="datum.value == 0 ? 'little' : datum.value == 1 ? 'much' : ''",
                    values=[0, 1],
                    titleLimit=300,
                ),
            )
        )
    )
    words = base.mark_text(fontSize=12).encode(
        text="text:N",
        color=alt.condition("isValid(datum.good) && datum.good > 0.45", alt.value("white"), alt.value("black")),
    )
    return finish(
        (empty + boxes + words).properties(width=WIDTH - 250, height=alt.Step(28)),
        title="Every criterion behind the verdicts",
        subtitle=[
            f"{count_of(seen.height, 'task')}, ranked; {count_of(int(seen['segments'].sum()), 'execution')}. "
            "Dark speaks for automation, pale against it, grey is context. "
            "Shares are coloured from 0 to 100 %, other criteria from 0 to the largest "
            "task. A dash: the log cannot tell. Definitions in the tooltip and below.",
            hidden_note(hidden, min_people, what="task"),
        ],
    )


def _sides(table: pl.DataFrame, value: str) -> pl.Series:
    """For each mark a corner for its label (right above, right below, left above, left below) that hits no other."""
    spots = [(x * (WIDTH - 250), -math.log10(y) * 200) for x, y in table.select("feasibility", value).iter_rows()]
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


_LABELS = {
    "frequency_per_week": "times|a week",
    "active_hours_per_week": "hours|a week",
    "standardisation": "standard-|isation",
    "determinism": "determin-|ism",
    "copy_pastes_per_segment": "pastes|a run",
    "rekeyed_per_segment": "re-keyed|a run",
    "carried_out_per_segment": "carried|out a run",
    "apps": "appli-|cations",
    "steps": "steps",
    "interrupted": "inter-|rupted",
    "stable_element_share": "stable|elements",
    "judgement_share": "judge-|ment",
    "stability": "days|with it",
}


def _headline(drawn: pl.DataFrame) -> str:
    best = drawn.filter(pl.col("verdict").is_in(["automate", "integrate"]))
    if best.is_empty():
        return "No task is ready for automation as it is done now"
    hours = float(best["value_hours_per_year"].sum())
    names = ", ".join(best["task_id"].head(5))
    more = f" and {best.height - 5} more" if best.height > 5 else ""
    return " ".join(
        wrap(
            f"{best.height} of {count_of(drawn.height, 'task')} could be automated or "
            f"integrated ({names}{more}); they take about {hours:,.0f} active hours a year",
            200,
        )
    )
