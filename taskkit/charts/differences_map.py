"""Two groups on one map: which way from step to step is taken more often in one of them."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

import polars as pl

from taskkit.charts.graphs import (
    END,
    START,
    Part,
    Space,
    arrow_heads,
    draw_graph,
    edge_frames,
    edge_numbers,
    show_graphs,
    strongest,
)
from taskkit.charts.labels import distinct, plain_address, shared_ending
from taskkit.charts.look import (
    INK,
    PALETTE,
    SOFT,
    Chart,
    count_of,
    finish,
    hidden_note,
    inline,
    nothing,
    picker,
    select_tasks,
    short,
    shown,
    wrap,
)
from taskkit.privacy import MIN_PEOPLE

TOLD, NOT_TOLD = "chance alone would rarely make it", "cannot be told from chance"
_FIRST, _SECOND, _SAME = PALETTE[0], PALETTE[5], "#B9C1CA"  # more in the first group, in the second, alike
_ENDS = [pl.col("before").fill_null(START), pl.col("after").fill_null(END)]


def difference_map(
    successions: pl.DataFrame | None,
    *,
    task: str | None = None,
    tasks: Collection[str] | None = None,
    nodes: int = 12,
    edges: int = 18,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw which screen (or step) directly follows which in a task, coloured by how much more often one group does it.

    The colour of an arrow is the difference of the shares of executions that have the succession, its thickness the share
    in both groups together. What chance alone would rarely make is solid with a dark outline, everything else dashed. The
    most frequent successions are drawn, for every step its strongest way in and out, and every difference that is told
    from chance. What few people did is not drawn, nor a task with too few people in a group.

    Parameters
    ----------
    successions : frame of `compare_successions`; None or empty if there was nothing to compare.
    task : the task shown first; by default the one with most differences told from chance.
    tasks : the tasks that may be shown (`of_enough_people` of the segments); without them a task is shown if one of its
        successions alone has enough people.
    nodes, edges : most steps and successions that are drawn for a task, differences told from chance apart.
    min_people : smallest group that is drawn.

    Returns
    -------
    An Altair chart.

    >>> difference_map(None).to_dict()["description"]
    'There are no two groups to compare in this log.'
    """
    if successions is None or successions.is_empty():
        return nothing("There are no two groups to compare in this log.")
    a, b = successions["group_a"][0], successions["group_b"][0]
    frame, left_out = select_tasks(successions, tasks, min_people=min_people)
    if frame.is_empty():
        return nothing(left_out)
    enough = frame.filter(
        pl.col("difference").is_not_null() & (pl.min_horizontal("people_a", "people_b") >= min_people)
    )
    few = frame["task_id"].n_unique() - enough["task_id"].n_unique()
    if enough.is_empty():
        return nothing(f"Too few people in a group to compare {a} with {b}.")
    told = enough["p_adjusted"].lt(0.05)
    found = enough.filter(told & (pl.col("people") >= min_people))["task_id"].value_counts(sort=True)
    clear = {task_id: int(count) for task_id, count in found.sort("task_id").iter_rows()}
    parts = [_part(own, nodes, edges, min_people) for own in enough.partition_by("task_id", maintain_order=True)]
    names = dict(enough.select("task_id", "task_name").iter_rows())
    first = max(names, key=lambda each: clear.get(each, 0))  # of equal ones the first
    options = {key: _option(key, name, clear.get(key, 0)) for key, name in names.items()}
    pick = picker("task", "Task", options, value=task if task in names else first)
    return finish(
        show_graphs(parts, pick, shade=None, arrows=partial(_arrows, compared=enough)),
        title=_title(a, b, clear, enough.filter(pl.col("people") >= min_people).height, names),
        subtitle=[
            f"Numbers on the arrows: so many percentage points more (+) or fewer (−) of the executions in {b} than in {a} go "
            "this way (means over people). Thick: many executions of both do. People are the unit; p-values are adjusted for "
            "the successions of the task. Choose the task above.",
            left_out,
            f"{count_of(few, 'task')} with fewer than {min_people} people in a group "
            f"{'is' if few == 1 else 'are'} not compared." if few else "",
        ],
    )  # fmt: skip


def _part(own: pl.DataFrame, nodes: int, edges: int, min_people: int) -> Part:
    """The graph of one task: the strongest successions, and all that are told from chance."""
    seen, hidden = shown(own.with_columns(times=pl.col("segments")), min_people)
    clear = seen.filter(pl.col("p_adjusted") < 0.05).with_columns(_ENDS)
    kept = pl.concat([strongest(seen, nodes, edges), clear.filter(pl.col("before") != pl.col("after"))])
    kept = kept.unique(["before", "after"], maintain_order=True)
    said = f"{kept.height} of {own.height} successions are drawn." if kept.height else ""
    note = " ".join(filter(None, [said, hidden_note(hidden, min_people, what="succession")]))
    steps = sorted({*kept["before"], *kept["after"]} - {START, END})
    ending = shared_ending(steps)
    named = distinct({step: plain_address(step.removesuffix(ending)) for step in steps}, 46)
    return draw_graph(kept, str(own["task_id"][0]), note, words=lambda step: _two_lines(named[step]))


def _two_lines(name: str) -> tuple[str, str]:
    """A name on two lines of a box."""
    first, *rest = wrap(name, 20)
    return short(first.rstrip(" -·"), 20), short(" ".join(rest).lstrip(" -·"), 25)


def _arrows(parts: list[Part], room: Space, *, compared: pl.DataFrame) -> tuple[list[Chart], list[Chart]]:
    """Arrows coloured by the difference; what is told from chance has an outline, the rest is dashed."""
    import altair as alt

    effects = _effects(parts, compared)
    lines, heads, numbers = (frame.join(effects, on=["task", "edge"]) for frame in edge_frames(parts))
    lines = lines.drop("times", "back", "number").sort("task", "edge", "order")
    numbers = numbers.select("task", "x", "y", "kind", text="number")
    a, b = compared["group_a"][0], compared["group_b"][0]
    most = max(10.0, float(effects["difference"].abs().max() or 0))  # type: ignore[arg-type]
    colour = alt.Color(
        "difference:Q",
        title=f"difference of shares: {b} minus {a} (percentage points)",
        scale=alt.Scale(domain=[-most, 0, most], range=[_FIRST, _SAME, _SECOND], interpolate="rgb"),
        legend=alt.Legend(
            orient="top",
            titleLimit=420,
            tickCount=5,
            labelExpr="datum.value == 0 ? '0' : replace(format(datum.value, '+'), '-', '−')",
        ),
    )
    dash = alt.StrokeDash(
        "kind:N",
        title="difference",
        scale=alt.Scale(domain=[TOLD, NOT_TOLD], range=[[1, 0], [5, 4]]),
        legend=alt.Legend(orient="top", symbolType="stroke", symbolSize=500, symbolStrokeColor=INK, labelLimit=400),
    )
    base = alt.Chart(inline(lines)).transform_filter(room.only)
    path = {"x": room.x, "y": room.y, "detail": "edge:N", "order": "order:Q"}
    outline = base.transform_filter(f"datum.kind == '{TOLD}'").mark_line(color=INK, interpolate="basis")
    curves = base.mark_line(interpolate="basis").encode(
        **path, color=colour, strokeDash=dash, strokeWidth=alt.StrokeWidth("wide:Q", scale=None), tooltip=_tips(a, b)
    )
    thick = alt.StrokeWidth("rim:Q", scale=None)
    tips = arrow_heads(heads, room).encode(
        color=colour, stroke=alt.condition(f"datum.kind == '{TOLD}'", alt.value(INK), alt.value("#7B8794"))
    )
    faint = edge_numbers(numbers.filter(pl.col("kind") == NOT_TOLD), room)
    faint[1] = faint[1].encode(color=alt.value(SOFT))
    strong = edge_numbers(numbers.filter(pl.col("kind") == TOLD), room)
    return [outline.encode(**path, strokeWidth=thick), curves, tips], [*faint, *strong]


def _effects(parts: list[Part], compared: pl.DataFrame) -> pl.DataFrame:
    """One row per drawn edge: what its colour, width, dash, number and tooltip say."""
    edges = pl.DataFrame(
        [(part.key, number, before, after) for part in parts for number, (before, after) in enumerate(part.edges)],
        schema={"task": pl.String, "edge": pl.Int64, "before": pl.String, "after": pl.String},
        orient="row",
    )
    points = 100 * pl.col("difference")
    rounded = points.round(0).cast(pl.Int64)
    sign = pl.when(rounded > 0).then(pl.lit("+")).when(rounded < 0).then(pl.lit("−")).otherwise(pl.lit("±"))
    both = pl.col("segments") / (pl.col("segments_a") + pl.col("segments_b"))
    wide = (1.5 + 4.5 * both).round(1)
    return edges.join(
        compared.with_columns(*_ENDS).rename({"task_id": "task"}), on=["task", "before", "after"]
    ).select(
        "task", "edge", pl.format("{}{}", sign, rounded.abs()).alias("number"), wide.alias("wide"), rim=wide + 2.5,
        difference=points, low=100 * pl.col("low"), high=100 * pl.col("high"), a=100 * pl.col("value_a"),
        b=100 * pl.col("value_b"), p="p_adjusted", n="segments", people="people",
        kind=pl.when(pl.col("p_adjusted") < 0.05).then(pl.lit(TOLD)).otherwise(pl.lit(NOT_TOLD)),
    )  # fmt: skip


def _tips(a: str, b: str) -> list[Any]:
    import altair as alt

    return [
        alt.Tooltip("tip:N", title="succession"),
        alt.Tooltip("a:Q", title=f"{a}: % of executions", format=".0f"),
        alt.Tooltip("b:Q", title=f"{b}: % of executions", format=".0f"),
        alt.Tooltip("difference:Q", title="difference (percentage points)", format="+.0f"),
        alt.Tooltip("low:Q", title="95 % from", format="+.0f"),
        alt.Tooltip("high:Q", title="95 % to", format="+.0f"),
        alt.Tooltip("p:Q", title="p, adjusted", format=".3f"),
        alt.Tooltip("n:Q", title="executions that have it", format=","),
        alt.Tooltip("people:Q"),
    ]


def _option(key: str, name: str, clear: int) -> str:
    told = f" ({count_of(clear, 'clear difference')})" if clear else ""
    return short(f"{key}  {name}".strip(), 60) + told


def _title(a: str, b: str, clear: dict[str, int], compared: int, names: dict[str, str]) -> str:
    successions = count_of(compared, "succession")
    if not clear:
        return f"{a} and {b}: none of {successions} differs beyond chance"
    top = max(sorted(clear), key=lambda key: clear[key])
    total = sum(clear.values())
    where = "" if total == 1 else f", {'all' if clear[top] == total else clear[top]} of them"
    return (
        f"{a} and {b}: {total} of {successions} {'differs' if total == 1 else 'differ'} beyond chance{where} in {top} "
        f"“{names[top]}”"
    )
