"""The ways a task is done, as a ladder of chevrons."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection
from typing import Any

import polars as pl

from taskkit.charts.labels import middle_cut, plain_address, shared_ending
from taskkit.charts.look import (
    INK,
    PALETTE,
    SOFT,
    Chart,
    finish,
    inline,
    nothing,
    picker,
    seconds_in_words,
    select_tasks,
    short,
    split_activity,
    wrap,
)
from taskkit.privacy import MIN_PEOPLE

_Words = dict[str, tuple[str, str, str, str]]  # step → two lines, full name, place
_LEFT, _STEP, _PER_LINE, _LINES = 235.0, 91.0, 10, 3
_UNIT, _LINE, _GAP = 8, 5, 2  # pixels; units of a line of chevrons and between two ways
_CHEVRON = "M-1,-0.38L0.82,-0.38L1,0L0.82,0.38L-1,0.38L-0.82,0Z"
_SAME, _NEW, _GONE = "as in the most frequent way", "only here", "left out here"
_MOVED = "elsewhere in the order"


def variant_ladder(
    variants: pl.DataFrame,
    *,
    names: dict[str, str] | None = None,
    task: str | None = None,
    tasks: Collection[str] | None = None,
    top: int = 6,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw the most frequent ways of doing each task as rows of chevrons, with a list to choose the task.

    What a way shares with the task's most frequent way is pale, what it does otherwise is coloured. Ways that few people
    use are not drawn one by one: the last row says how many there are and what part of the executions they make.

    Parameters
    ----------
    variants : frame of `count_variants`.
    names : task_id → readable name.
    task : the task shown first; by default the first with a way that enough people use.
    tasks : the tasks that may be shown (`of_enough_people` of the segments); without them a task is shown if one of its
        ways alone has enough people.
    top : ways that are drawn for each task.
    min_people : smallest group that is drawn.

    Returns
    -------
    An Altair chart.

    >>> variant_ladder(pl.DataFrame({"task_id": []})).to_dict()["description"]
    'No task recurs in this log, so there are no ways of doing it.'
    """
    import altair as alt

    if variants.is_empty():
        return nothing("No task recurs in this log, so there are no ways of doing it.")
    variants, hidden = select_tasks(variants, tasks, min_people=min_people)
    if variants.is_empty():
        return nothing(hidden)
    called = names or {}
    chevrons: list[tuple[Any, ...]] = []
    labels: list[tuple[Any, ...]] = []
    first, units = task, pl.DataFrame(schema={"task": pl.String, "y": pl.Int64})
    for part in variants.sort("task_id", "variant_id").partition_by("task_id", maintain_order=True):
        used = _draw_task(part, top, min_people, chevrons, labels)
        if first is None and (part["people"] >= min_people).any():
            first = str(part["task_id"][0])
        units.vstack(pl.DataFrame({"task": [str(part["task_id"][0])] * used, "y": range(used)}), in_place=True)
    listed = variants["task_id"].unique().sort().to_list()
    options = {t: short(f"{t}  {called.get(t, '')}".strip(), 70) for t in listed}
    pick = picker("task", "Task", options, value=first if first in listed else listed[0])
    wide = alt.Scale(domain=[0, _LEFT + _STEP * _PER_LINE])
    x = alt.X("x:Q", axis=None, scale=wide)
    # rows of a few pixels instead of a scale in pixels: so the chart is as high as the chosen task needs
    y = alt.Y("y:O", axis=None, scale=alt.Scale(type="band", padding=0))
    steps = pl.DataFrame(chevrons, schema=_CHEVRONS, orient="row")
    rows = pl.DataFrame(labels, schema=_LABELS, orient="row")
    body = (
        alt.Chart(inline(steps))
        .transform_filter("datum.task == task")
        .encode(
            x=x,
            y=y,
            tooltip=[
                alt.Tooltip("full:N", title="step"),
                alt.Tooltip("place:N", title="in"),
                alt.Tooltip("number:Q", title="step number"),
                alt.Tooltip("kind:N", title="compared"),
            ],
        )
    )
    arrows = body.mark_point(
        shape=_CHEVRON, size=(_STEP - 3) ** 2, filled=True, opacity=1, stroke="#7B8794", strokeWidth=0.7
    ).encode(
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=[_SAME, _NEW, _MOVED, _GONE], range=["#CFE3F1", "#F3C15F", "#D9B3CB", "#FFFFFF"]),
            legend=alt.Legend(
                title="steps",
                orient="top",
                symbolType="square",
                direction="horizontal",
                symbolStrokeColor="#7B8794",
                symbolStrokeWidth=0.7,
            ),
        )
    )
    upper = body.mark_text(fontSize=11, dy=-6, color=INK).encode(text="line1:N")
    lower = body.mark_text(fontSize=10, dy=7, color="#3B4654").encode(text="line2:N")
    side = alt.Chart(inline(rows)).transform_filter("datum.task == task").encode(y=y)
    track = (
        side.mark_bar(height=7, color="#E4E8ED")
        .transform_calculate(end="100", begin="0")
        .encode(x=alt.X("begin:Q", scale=wide, axis=None), x2="end:Q")
    )
    share = (
        side.mark_bar(height=7, color=PALETTE[0])
        .transform_calculate(end="100 * datum.share", begin="0")
        .encode(x=alt.X("begin:Q", scale=wide, axis=None), x2="end:Q")
    )
    bold = side.mark_text(align="left", fontSize=13, fontWeight=600, dy=-13, color=INK, x=0).encode(text="head:N")
    plain = side.mark_text(align="left", fontSize=11, dy=12, color=SOFT, x=0).encode(text="facts:N")
    tail = side.mark_text(align="left", fontSize=12, color=SOFT).encode(
        x=alt.X("at:Q", scale=wide, axis=None), text="tail:N"
    )
    room = alt.Chart(inline(units)).transform_filter("datum.task == task").mark_point(opacity=0).encode(y=y)
    layers = alt.layer(room, track, share, bold, plain, tail, arrows, upper, lower).add_params(pick)
    return finish(
        layers.properties(width=int(_LEFT + _STEP * _PER_LINE), height=alt.Step(_UNIT)),
        title="How differently the same task is done",
        subtitle=[
            "Each row is one way: part of the task's executions (bar), times "
            f"seen, people, median active time. Up to {top} ways used by at "
            f"least {min_people} {'people' if min_people != 1 else 'person'} are drawn; the last row sums up all others.",
            "Read along the chevrons; a long way goes on in the next line. Choose the task above.",
            hidden,
        ],
    )


_CHEVRONS = {
    "task": pl.String,
    "x": pl.Float64,
    "y": pl.Int64,
    "line1": pl.String,
    "line2": pl.String,
    "full": pl.String,
    "place": pl.String,
    "number": pl.Int64,
    "kind": pl.String,
}
_LABELS = {
    "task": pl.String,
    "y": pl.Int64,
    "share": pl.Float64,
    "head": pl.String,
    "facts": pl.String,
    "at": pl.Float64,
    "tail": pl.String,
}


def _draw_task(
    part: pl.DataFrame, top: int, min_people: int, chevrons: list[tuple[Any, ...]], labels: list[tuple[Any, ...]]
) -> int:
    """Lay one task's ways out from the top; returns the units of height that are used."""
    task, whole = str(part["task_id"][0]), int(part["segments"].sum())
    drawn = part.filter(pl.col("people") >= min_people).head(top)
    usual: list[str] = drawn["activities"][0].to_list() if drawn.height else []
    words = _labels(sorted({step for way in drawn["activities"] for step in way}))
    y = _LINE // 2
    for row in drawn.iter_rows(named=True):
        lines = _draw_way(task, row["activities"], usual, words, y, chevrons)
        facts = (
            f"{row['segments']:,} × · {row['people']} {'person' if row['people'] == 1 else 'people'} "
            f"· {seconds_in_words(row['median_seconds'])}"
        )
        labels.append((task, y, row["share"], f"{row['share']:.0%}".replace("%", " %"), facts, None, None))
        if not row["activities"]:
            labels.append((task, y, 0.0, None, None, _LEFT, "no step that enough executions share"))
        y += lines * _LINE + _GAP
    rest = whole - int(drawn["segments"].sum())
    if rest:
        more = part.height - drawn.height
        ways = f"{more:,} more {'way' if more == 1 else 'ways'}"
        why = (
            f"{ways}, each rarer than those above or used by fewer than {min_people} people"
            if min_people > 1
            else f"{ways}, each rarer than those above"
        )
        if not drawn.height:
            why = (
                f"{ways[:-5] if more == 1 else f'{more:,}'} ways, none used by {min_people} "
                "people or more: the map of steps below says more about this task"
            )
        labels.append((task, y, rest / whole, f"{rest / whole:.0%}".replace("%", " %"), f"{rest:,} ×", _LEFT, why))
        y += _LINE + _GAP
    return y


def _draw_way(
    task: str, activities: list[str], usual: list[str], words: _Words, y: int, chevrons: list[tuple[Any, ...]]
) -> int:
    """One way as chevrons, line after line; returns the lines that are used."""
    steps = _compared(usual, activities, words)
    room = _PER_LINE * _LINES
    if len(steps) > room:
        more = len(steps) - room + 1
        steps = [*steps[: room - 1], (f"… {more} more", "steps", f"{more} more steps", "", 0, steps[-1][-1])]
    for place, step in enumerate(steps):
        at = _LEFT + (place % _PER_LINE + 0.5) * _STEP
        chevrons.append((task, at, y + place // _PER_LINE * _LINE, *step))
    return max(1, -(-len(steps) // _PER_LINE))


def _compared(usual: list[str], activities: list[str], words: _Words) -> list[tuple[str, str, str, str, int, str]]:
    """The steps of a way beside the most frequent one: two lines of text, step, place, number and how they compare.

    A step that both have, at different places, is drawn once, where this way has it.
    """
    steps: list[tuple[str, str, str, str, int, str]] = []
    parts = difflib.SequenceMatcher(None, usual, activities, autojunk=False).get_opcodes()
    changed = [part for part in parts if part[0] != "equal"]
    gone = Counter(step for _, a, b, _, _ in changed for step in usual[a:b])
    fresh = Counter(step for _, _, _, c, d in changed for step in activities[c:d])
    not_here, moved = gone & fresh, gone & fresh
    for kind, a, b, c, d in parts:
        left_out = _without(usual[a:b], not_here) if kind != "equal" and activities else []
        if len(left_out) > 2:
            steps.append(
                (f"{len(left_out)} steps", "left out", f"{len(left_out)} steps of the most frequent way", "", 0, _GONE)
            )
        else:
            steps += [(*words[step], 0, _GONE) for step in left_out]
        for n in range(c, d):
            state = _SAME if kind == "equal" else _MOVED if moved[activities[n]] > 0 else _NEW
            moved[activities[n]] -= state == _MOVED
            steps.append((*words[activities[n]], n + 1, state))
    return steps


def _without(steps: list[str], taken: Counter[str]) -> list[str]:
    """The steps without those that `taken` still holds, which are used up."""
    rest = []
    for step in steps:
        if taken[step] > 0:
            taken[step] -= 1
        else:
            rest.append(step)
    return rest


def _labels(activities: list[str]) -> _Words:
    """For each step two lines that tell it from the others of the task, its full name and its place."""
    ending = shared_ending(activities)
    lines = {activity: _two_lines(plain_address(activity.removesuffix(ending))) for activity in activities}
    again = Counter((one, two) for one, two, _, _ in lines.values())
    apart = {}
    for activity, (one, two, full, place) in lines.items():
        if again[one, two] > 1:
            rest = full.replace(" - ", " ")
            one, two = rest[:12].rstrip(), middle_cut(rest[12:].lstrip() or place, 12)
        apart[activity] = (one, two, full + (ending if not place else ""), place)
    return apart


def _two_lines(activity: str) -> tuple[str, str, str, str]:
    verb, thing, place = split_activity(activity)
    full = activity.partition(" · ")[0]
    if verb and (thing or place):
        return short(thing or place, 12), short(verb, 12), full, place
    first, *rest = wrap(full.replace(" - ", " "), 12)
    return short(first, 12), short(" ".join(rest), 12), full, place
