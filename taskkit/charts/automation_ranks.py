"""How firm the ranking is when the weights move, and what three cases of the assumptions make of the money."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from taskkit.charts.look import FAINT, GREY, INK, PALETTE, SOFT, Chart, count_of, finish, inline, nothing, short

TOP = 5


def rank_intervals(stability: pl.DataFrame, *, tasks: Collection[str] | None = None) -> Chart:
    """Draw for each candidate the ranks it takes when weights and people are drawn anew, and how often it is in the top five.

    Parameters
    ----------
    stability : frame of `rank_stability`.
    tasks : tasks that may be shown (`of_enough_people`); all by default.

    Returns
    -------
    An Altair chart.

    >>> rank_intervals(pl.DataFrame({"task_id": []})).to_dict()["description"]
    'No candidate has a rank that could move: too little data.'
    """
    import altair as alt

    seen, hidden = _allowed(stability, tasks)
    if seen.is_empty():
        return nothing("No candidate has a rank that could move: too little data.")
    seen = seen.sort("rank_median", "task_id").with_columns(name=_names(seen.sort("rank_median", "task_id")))
    order, last = seen["name"].to_list(), float(seen["rank_high"].max() or 1)  # type: ignore[arg-type]
    firm = seen.filter((pl.col("top5_share") >= 0.95) | (pl.col("top5_share") <= 0.05)).height
    table = seen.select("name", "rank_low", "rank_median", "rank_high", "top5_share")
    base = alt.Chart(inline(table)).encode(
        y=alt.Y("name:N", sort=order, title=None),
        tooltip=[
            alt.Tooltip("name:N", title="task"),
            alt.Tooltip("rank_median:Q", title="rank, median", format=".3~g"),
            alt.Tooltip("rank_low:Q", title="95 % from", format=".3~g"),
            alt.Tooltip("rank_high:Q", title="95 % to", format=".3~g"),
            alt.Tooltip("top5_share:Q", title="draws in the top five", format=".0%"),
        ],
    )
    scale = alt.Scale(domain=[0.5, last + 0.5], nice=False)
    axis = alt.Axis(
        values=list(range(1, int(last) + 1)), format="d", orient="top", title="rank: median and middle 95 %"
    )
    shade = (
        alt.Chart(alt.InlineData(values=[{"from": 0.5, "to": min(TOP, last) + 0.5}]))
        .mark_rect(color=FAINT, opacity=0.6)
        .encode(x=alt.X("from:Q", scale=scale, axis=axis), x2="to:Q")
    )
    spans = base.mark_rule(strokeWidth=4, color=PALETTE[4]).encode(
        x=alt.X("rank_low:Q", scale=scale, axis=axis), x2="rank_high:Q"
    )
    dots = base.mark_point(filled=True, size=110, color=PALETTE[0], opacity=1).encode(
        x=alt.X("rank_median:Q", scale=scale, axis=axis)
    )
    left = alt.layer(shade, spans, dots).properties(width=440, height=alt.Step(28))
    bare = alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labels=False, ticks=False, domain=False))
    shares = alt.X(
        "top5_share:Q",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format=".0%", orient="top", title="draws in the top five", tickCount=5),
    )
    bars = base.mark_bar(height={"band": 0.55}, color=PALETTE[0]).encode(x=shares, y=bare)
    words = base.mark_text(align="left", dx=5, fontSize=12, color=INK).encode(
        x=shares, y=bare, text=alt.Text("top5_share:Q", format=".0%")
    )
    right = alt.layer(bars, words).properties(width=240, height=alt.Step(28))
    return finish(
        alt.hconcat(left, right, spacing=26),
        title=f"{firm} of {count_of(seen.height, 'candidate')} {'is' if firm == 1 else 'are'} in or out of the top five "
        "whatever the weights",
        subtitle=[
            "The weights of the criteria are drawn at random around the given ones, and the people with replacement. A long line: "
            "the rank is a matter of what one finds important. Grey: the top five.",
            hidden,
        ],
    )


def savings_cases(cases: pl.DataFrame, *, tasks: Collection[str] | None = None) -> Chart:
    """Draw what each candidate would save in a year and be worth over the years, as assumed and with ±20 %.

    Parameters
    ----------
    cases : frame of `list_cases`: the low, the assumed and the high case of each task, in this order.
    tasks : tasks that may be shown (`of_enough_people`); all by default.

    Returns
    -------
    An Altair chart; a candidate that is worth its cost in the low case too is green, one that never is orange.

    >>> savings_cases(pl.DataFrame({"task_id": []})).to_dict()["description"]
    'No candidate has an effort class, so no money can be told.'
    """
    import altair as alt

    seen, hidden = _allowed(cases, tasks)
    if seen.is_empty():
        return nothing("No candidate has an effort class, so no money can be told.")
    table = _widened(seen)
    order = table["name"].to_list()
    found = {"pays in every case": PALETTE[2], "depends on the case": GREY, "pays in no case": PALETTE[5]}
    scale = alt.Scale(domain=list(found), range=list(found.values()))
    base = alt.Chart(inline(table)).encode(
        color=alt.Color(
            "pays:N", scale=scale, title="net present value", legend=alt.Legend(orient="top", symbolType="square")
        ),
        tooltip=[
            alt.Tooltip("name:N", title="task"),
            *(alt.Tooltip(f"savings_{n}:Q", title=f"savings a year, {w}", format=",.0f") for n, w in _CASES),
            *(alt.Tooltip(f"worth_{n}:Q", title=f"net present value, {w}", format=",.0f") for n, w in _CASES),
            alt.Tooltip("back:Q", title="payback in months", format=",.0f"),
            alt.Tooltip("runs:Q", title="break-even runs a year", format=",.0f"),
        ],
    )

    def panel(what: str, title: str, *, named: bool, width: int) -> Chart:
        axis = alt.Axis() if named else alt.Axis(labels=False, ticks=False, domain=False)
        y = alt.Y("name:N", sort=order, title=None, axis=axis)
        along = alt.Axis(format="~s", orient="top", title=title, tickCount=5)
        spans = base.mark_rule(strokeWidth=4, opacity=0.45).encode(
            y=y, x=alt.X(f"{what}_low:Q", axis=along), x2=f"{what}_high:Q"
        )
        dots = base.mark_point(filled=True, size=110, opacity=1).encode(y=y, x=alt.X(f"{what}_base:Q", axis=along))
        zero = (
            alt.Chart(alt.InlineData(values=[{"zero": 0}])).mark_rule(color=SOFT).encode(x=alt.X("zero:Q", axis=along))
        )
        return alt.layer(zero, spans, dots).properties(width=width, height=alt.Step(28))

    low, high = seen["case"][0], seen["case"][-1]
    pays = int((table["pays"] == "pays in every case").sum())
    return finish(
        alt.hconcat(
            panel("savings", "savings a year, before running costs", named=True, width=330),
            panel("worth", "net present value over the years", named=False, width=400),
            spacing=26,
        ),
        title=f"{pays} of {count_of(table.height, 'candidate')} {'pays' if pays == 1 else 'pay'} in every case of the assumptions",
        subtitle=[
            f"Dots: as assumed; lines: from {low} to {high} (so much less or more time is freed, and costs are higher or lower by "
            "so much). In your currency. The assumptions are listed on this page; none of them is in the log.",
            hidden,
        ],
    )  # fmt: skip


_CASES = (("low", "low case"), ("base", "as assumed"), ("high", "high case"))


def _widened(cases: pl.DataFrame) -> pl.DataFrame:
    """One row per task, the most worth first: both figures in the three cases, and whether it pays."""
    figures = [pl.col("savings_per_year").alias("savings"), pl.col("net_present_value").alias("worth")]
    wide = cases.group_by("task_id", maintain_order=True).agg(
        pl.col("task_name").first(),
        *(figure.get(at).name.suffix(f"_{name}") for figure in figures for at, (name, _) in enumerate(_CASES)),
        back=pl.col("payback_months").get(1), runs=pl.col("break_even_runs_per_year").get(1),
    )  # fmt: skip
    wide = wide.sort("worth_base", "task_id", descending=[True, False])
    pays = (
        pl.when(pl.col("worth_low") > 0)
        .then(pl.lit("pays in every case"))
        .when(pl.col("worth_high") <= 0)
        .then(pl.lit("pays in no case"))
        .otherwise(pl.lit("depends on the case"))
    )
    return wide.with_columns(name=_names(wide), pays=pays).drop("task_id", "task_name")


def _names(frame: pl.DataFrame) -> pl.Series:
    return pl.Series(
        [short(f"{a}  {b}", 36) for a, b in frame.select("task_id", "task_name").iter_rows()], dtype=pl.String
    )


def _allowed(frame: pl.DataFrame, tasks: Collection[str] | None) -> tuple[pl.DataFrame, str]:
    """The rows of tasks that may be shown, and the sentence about the others."""
    if tasks is None or frame.is_empty():
        return frame, ""
    seen = frame.filter(pl.col("task_id").is_in(list(tasks)))
    count = frame["task_id"].n_unique() - seen["task_id"].n_unique()
    return seen, f"{count_of(count, 'task')} seen with too few people not shown." if count else ""
