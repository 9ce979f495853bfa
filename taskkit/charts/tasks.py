"""Tasks and segments: what recurs, what it costs, how long one execution takes."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from taskkit.charts.look import (
    INK,
    PALETTE,
    WIDTH,
    Chart,
    count_of,
    duration_words,
    finish,
    hidden_note,
    inline,
    largest,
    nothing,
    of_tasks,
    people,
    picker,
    seconds_in_words,
    short,
    shown,
)
from taskkit.privacy import MIN_PEOPLE
from taskkit.schema import require_columns


def task_overview(tasks: pl.DataFrame, *, most: int = 20, min_people: int = MIN_PEOPLE) -> Chart:
    """Draw the tasks by the time they take, with how often they recur and how long one execution takes.

    Parameters
    ----------
    tasks : frame of `list_tasks`.
    most : tasks that are drawn, most time first.
    min_people : smallest group that is drawn.

    >>> task_overview(pl.DataFrame({"task_id": [], "people": []})).to_dict()["description"]
    'No task recurs in this log.'
    """
    import altair as alt

    if tasks.is_empty():
        return nothing("No task recurs in this log.")
    seen, hidden = shown(tasks, min_people)
    if seen.is_empty():
        return nothing(hidden_note(hidden, min_people, what="task"))
    drawn = seen.head(most).select(
        "task_id",
        "segments",
        "people",
        "active_hours",
        "share",
        "median_seconds",
        "q25_seconds",
        "q75_seconds",
        "median_steps",
        "interrupted",
        name=pl.concat_str(pl.col("task_id"), pl.lit("  "), pl.col("task_name")).map_elements(
            _name, return_dtype=pl.String
        ),
    )
    tips: list[Any] = [
        alt.Tooltip("name:N", title="task"),
        alt.Tooltip("segments:Q", title="times seen", format=","),
        "people:Q",
        alt.Tooltip("active_hours:Q", title="active hours", format=".1f"),
        alt.Tooltip("share:Q", title="share of segment time", format=".0%"),
        alt.Tooltip("median_seconds:Q", title="median active seconds", format=",.0f"),
        alt.Tooltip("median_steps:Q", title="median steps"),
        alt.Tooltip("interrupted:Q", title="interrupted", format=".0%"),
    ]
    base = alt.Chart(inline(drawn)).encode(y=alt.Y("name:N", sort=None, title=None), tooltip=tips)
    hours = base.mark_bar(color=PALETTE[0], height={"band": 0.7}).encode(
        x=alt.X("active_hours:Q", title="active hours, all people")
    )
    words = (
        base.mark_text(align="left", dx=5, fontSize=12, color=INK)
        .transform_calculate(
            label="format(datum.segments, ',') + ' × · ' + datum.people + (datum.people == 1 ? ' person' : ' people')"
        )
        .encode(x="active_hours:Q", text="label:N")
    )
    left = (hours + words).properties(width=330, height=alt.Step(30))
    y = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labels=False, ticks=False, domain=False))
    scale = alt.Scale(type="log", nice=False, padding=12)
    axis = alt.Axis(labelExpr=duration_words(), values=_nice(drawn), title="active time of one execution (log scale)")
    span = base.mark_rule(strokeWidth=6, color="#B9D7EA", strokeCap="round").encode(
        x=alt.X("q25_seconds:Q", scale=scale, axis=axis), x2="q75_seconds:Q", y=y
    )
    dot = base.mark_point(filled=True, size=90, color=PALETTE[0], opacity=1).encode(
        x=alt.X("median_seconds:Q", scale=scale, axis=axis), y=y
    )
    right = (span + dot).properties(width=310, height=alt.Step(30))
    share = float(seen["share"].sum())
    more = max(seen.height - most, 0)
    return finish(
        alt.hconcat(left, right, spacing=20),
        title=f"What recurs: {of_tasks(seen.height, tasks.height)} "
        f"{'holds' if tasks.height == 1 else 'hold'} {share:.0%} of segment time",
        subtitle=[
            f"{count_of(int(seen['segments'].sum()), 'execution')} by up to "
            f"{people(largest(seen['people']))}. Left: total time and how often. "
            "Right: median (dot) and middle half (band) of one execution.",
            (f"{count_of(more, 'further task')} {'is' if more == 1 else 'are'} not drawn. " if more else "")
            + hidden_note(hidden, min_people, what="task"),
        ],
    )


def segment_lengths(segments: pl.DataFrame, *, by: str = "setting") -> Chart:
    """Draw how long the segments are, for one or more settings of the segmentation, with a list to choose the setting.

    Parameters
    ----------
    segments : segments frame; a column `by` tells settings apart, if there are several.
    by : column that names the setting.

    >>> segment_lengths(pl.DataFrame({"active_seconds": []})).to_dict()["description"]
    'There are no segments.'
    """
    import altair as alt

    require_columns(segments, "active_seconds", made_by="list_segments")
    if segments.is_empty():
        return nothing("There are no segments.")
    frame = segments if by in segments.columns else segments.with_columns(pl.lit("as given").alias(by))
    edges = [2 ** (k / 2) for k in range(0, 27)]
    bins = (
        frame.select(
            pl.col(by), bin=((pl.col("active_seconds").clip(1.0).log(2) * 2).floor().clip(0, 25)).cast(pl.Int64)
        )
        .group_by(by, "bin")
        .agg(segments=pl.len())
    )
    bins = bins.sort(by, "bin").with_columns(
        low=pl.col("bin").map_elements(lambda k: edges[k], return_dtype=pl.Float64),
        high=pl.col("bin").map_elements(lambda k: edges[k + 1], return_dtype=pl.Float64),
        share=pl.col("segments") / pl.col("segments").sum().over(by),
    )
    told = frame.group_by(by, maintain_order=True).agg(
        n=pl.len(),
        median=pl.col("active_seconds").median(),
        steps=pl.col("steps").median(),
        who=pl.col("user").n_unique(),
    )
    facts = pl.DataFrame(
        [
            (
                row[by],
                f"{row['n']:,} segments of {people(row['who'])}, median "
                f"{seconds_in_words(row['median'])} and {row['steps']:.0f} steps",
                row["median"],
            )
            for row in told.iter_rows(named=True)
        ],
        schema=[by, "text", "median"],
        orient="row",
    )
    settings = told[by].to_list()
    top = float(bins["share"].max() or 1)  # type: ignore[arg-type]
    pick = picker("setting", "Segmentation", {s: s for s in settings})
    low, high = float(bins["low"].min() or 1), float(bins["high"].max() or 3600)  # type: ignore[arg-type]
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    ticks = [s for s in (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400) if low <= s <= high]
    axis = alt.Axis(labelExpr=duration_words(), title="active time of a segment (log scale)", values=ticks)
    chosen = f"datum.{by} == setting" if len(settings) > 1 else "true"
    bars = (
        alt.Chart(inline(bins))
        .transform_filter(chosen)
        .transform_calculate(zero="0")
        .mark_rect(color=PALETTE[0], stroke="white")
        .encode(
            x=alt.X("low:Q", scale=scale, axis=axis),
            x2="high:Q",
            y2="zero:Q",
            y=alt.Y(
                "share:Q",
                title="part of the segments",
                axis=alt.Axis(format=".0%"),
                scale=alt.Scale(domain=[0, top]),
            ),
            tooltip=[
                alt.Tooltip("segments:Q", format=","),
                alt.Tooltip("share:Q", format=".1%"),
                alt.Tooltip("low:Q", title="from seconds", format=",.0f"),
                alt.Tooltip("high:Q", title="to seconds", format=",.0f"),
            ],
        )
    )
    middle = alt.Chart(inline(facts)).transform_filter(chosen)
    rule = middle.mark_rule(color=PALETTE[5], strokeWidth=2).encode(x=alt.X("median:Q", scale=scale))
    words = middle.mark_text(align="left", x=8, y=6, fontSize=13, baseline="top", color=INK).encode(text="text:N")
    layers = alt.layer(bars, rule, words).properties(width=WIDTH - 120, height=240)
    return finish(
        layers.add_params(pick) if len(settings) > 1 else layers,
        title="How long one piece of work takes, by segmentation"
        if len(settings) > 1
        else "How long one piece of work takes",
        subtitle="The orange line is the median. A good segmentation is not the one with the prettiest curve: look at a day above, "
        "and ask the people whether the borders are theirs."
        if len(settings) > 1
        else "The orange line is the median.",
    )


def _name(text: str) -> str:
    return short(text, 46)


def _nice(drawn: pl.DataFrame) -> list[int]:
    low, high = float(drawn["q25_seconds"].min() or 1), float(drawn["q75_seconds"].max() or 60)  # type: ignore[arg-type]
    ticks = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 36000]
    return [s for s in ticks if 0.7 * max(low, 1) <= s <= 1.4 * max(high, math.e)]
