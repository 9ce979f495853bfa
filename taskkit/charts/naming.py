"""How much of the active time has a name, and who gave it."""

from __future__ import annotations

import polars as pl

from taskkit.activities.workbench import NAMED_ENOUGH
from taskkit.charts.look import INK, PALETTE, WIDTH, Chart, count_of, finish, inline, nothing, people
from taskkit.privacy import MIN_PEOPLE

_HIDDEN = "hidden"
_KINDS = {
    "rule": ("a rule", PALETTE[2]),
    "template": ("a learnt template", PALETTE[0]),
    "title": ("the title as it stands", PALETTE[4]),
    "unnamed": ("no name yet", PALETTE[5]),
    _HIDDEN: ("too few people to be shown", "#C3C9D1"),
}


def naming_coverage(measured: pl.DataFrame, *, min_people: int = MIN_PEOPLE) -> Chart:
    """Draw how much of the active time has a name and who gave it, with the goal of 10 % unnamed.

    Parameters
    ----------
    measured : frame of `measure_naming`.
    min_people : smallest group that is shown; what rests on fewer people is one grey part.

    >>> kinds = {"named_by": ["rule", "unnamed"], "active_hours": [9.5, 0.5], "share": [0.95, 0.05], "screens": [3, 2],
    ...          "people": [6, 6]}
    >>> naming_coverage(pl.DataFrame(kinds)).to_dict()["title"]["text"]
    '95 % of the active time has a name; 5 % has none yet'
    """
    import altair as alt

    whole = float(measured["active_hours"].sum()) if measured.height else 0.0
    if whole <= 0:
        return nothing("There is no active time in this log that could have a name.")
    drawn = _parts(measured, min_people)
    kinds = alt.Scale(domain=drawn["legend"].to_list(), range=[_KINDS[kind][1] for kind in drawn["kind"]])
    axis = alt.Axis(
        format=".0%", values=[n / 10 for n in range(11)], labelExpr="format(datum.value * 100, '.0f') + ' %'"
    )
    bar = (
        alt.Chart(inline(drawn))
        .mark_bar(height=38, stroke="white", strokeWidth=1)
        .encode(
            x=alt.X("from:Q", title="share of the active time", scale=alt.Scale(domain=[0, 1]), axis=axis),
            x2="to:Q",
            y=alt.value(38),
            color=alt.Color("legend:N", scale=kinds, sort=None, title="named by",
                            legend=alt.Legend(orient="bottom", direction="vertical", columns=2, labelLimit=520)),
            tooltip=[
                alt.Tooltip("words:N", title="named by"),
                alt.Tooltip("share:Q", title="share", format=".1%"),
                alt.Tooltip("active_hours:Q", title="active hours", format=".2f"),
                alt.Tooltip("screens:Q", title="screens", format=","),
                alt.Tooltip("people:Q", title="people"),
            ],
        )
    )  # fmt: skip
    goal = alt.Chart(
        alt.InlineData(values=[{"goal": NAMED_ENOUGH, "text": f"goal: {NAMED_ENOUGH:.0%} named".replace("%", " %")}])
    )
    mark = goal.mark_rule(color=INK, strokeDash=[5, 3], strokeWidth=2).encode(
        x="goal:Q", y=alt.value(12), y2=alt.value(64)
    )
    words = goal.mark_text(align="center", baseline="bottom", color=INK, fontSize=12).encode(
        x="goal:Q", y=alt.value(9), text="text:N"
    )
    unnamed = float(measured.filter(pl.col("named_by") == "unnamed")["share"].sum())
    return finish(
        alt.layer(bar, mark, words).properties(width=WIDTH, height=72),
        title=_headline(unnamed),
        subtitle=[
            f"{whole:,.1f} active hours of at least {people(int(measured['people'].max() or 0))}; "  # type: ignore[arg-type]
            "time until the person's next event, at most 60 s an event. Excluded time and what a rule leaves out do not count.",
            "A template is a title or address whose changing parts became slots. A name that was learnt counts from the third "
            "visit on; a rule is the word of the people who know the work.",
        ],
    )  # fmt: skip


def _headline(unnamed: float) -> str:
    if unnamed < 0.0005:
        return "All of the active time has a name"
    digits = 0 if 0.01 <= unnamed <= 0.99 else 1
    return f"{1 - unnamed:.{digits}%} of the active time has a name; {unnamed:.{digits}%} has none yet"


def _parts(measured: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """The parts of the bar from left to right, with their ends and what the legend says."""
    few = (pl.col("people") < min_people) & (pl.col("active_hours") > 0)
    kind = pl.when(few).then(pl.lit(_HIDDEN)).otherwise("named_by")
    parts = measured.filter(pl.col("active_hours") > 0).group_by(kind=kind).agg(
        pl.col("active_hours", "share", "screens").sum(), pl.col("people").max()
    )  # fmt: skip
    known = {row["kind"]: row for row in parts.iter_rows(named=True)}
    rows, end = [], 0.0
    for name, (words, _) in _KINDS.items():
        if name not in known:
            continue
        row = known[name]
        said = f"{words}: {row['share']:.1%} · {row['active_hours']:,.1f} h".replace("%", " %")
        if name == _HIDDEN:
            row |= {"screens": None, "people": None}
        else:
            said += f" · {count_of(row['screens'], 'screen')} · {people(row['people'])}"
        rows.append(row | {"words": words, "legend": said, "from": end, "to": end + row["share"]})
        end += row["share"]
    return pl.DataFrame(rows)
