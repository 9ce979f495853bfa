"""The ways a task is done, as a ladder of chevrons."""

from __future__ import annotations

import difflib
from typing import Any

import polars as pl

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
    short,
    split_activity,
    wrap,
)
from taskkit.privacy import MIN_PEOPLE

_LEFT, _STEP, _PER_LINE, _LINES = 235.0, 91.0, 10, 3
_UNIT, _LINE, _GAP = 8, 5, 2  # pixels; units of a line of chevrons and between two ways
_CHEVRON = "M-1,-0.38L0.82,-0.38L1,0L0.82,0.38L-1,0.38L-0.82,0Z"
_SAME, _NEW, _GONE = "as in the most frequent way", "only here", "left out here"


def variant_ladder(
    variants: pl.DataFrame,
    *,
    names: dict[str, str] | None = None,
    task: str | None = None,
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
    called = names or {}
    chevrons: list[tuple[Any, ...]] = []
    labels: list[tuple[Any, ...]] = []
    first, units = task, pl.DataFrame(schema={"task": pl.String, "y": pl.Int64})
    for part in variants.sort("task_id", "variant_id").partition_by("task_id", maintain_order=True):
        used = _draw_task(part, top, min_people, chevrons, labels)
        if first is None and (part["people"] >= min_people).any():
            first = str(part["task_id"][0])
        units.vstack(pl.DataFrame({"task": [str(part["task_id"][0])] * used, "y": range(used)}), in_place=True)
    tasks = variants["task_id"].unique().sort().to_list()
    pick = picker(
        "task", "Task", {t: short(f"{t}  {called.get(t, '')}".strip(), 70) for t in tasks}, value=first or tasks[0]
    )
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
            scale=alt.Scale(domain=[_SAME, _NEW, _GONE], range=["#CFE3F1", "#F3C15F", "#FFFFFF"]),
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
    y = _LINE // 2
    for row in drawn.iter_rows(named=True):
        lines = _draw_way(task, row["activities"], usual, y, chevrons)
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


def _draw_way(task: str, activities: list[str], usual: list[str], y: int, chevrons: list[tuple[Any, ...]]) -> int:
    """One way as chevrons, line after line; returns the lines that are used."""
    steps = _compared(usual, activities)
    room = _PER_LINE * _LINES
    if len(steps) > room:
        more = len(steps) - room + 1
        steps = [*steps[: room - 1], (f"… {more} more", "steps", f"{more} more steps", "", 0, steps[-1][-1])]
    for place, step in enumerate(steps):
        at = _LEFT + (place % _PER_LINE + 0.5) * _STEP
        chevrons.append((task, at, y + place // _PER_LINE * _LINE, *step))
    return max(1, -(-len(steps) // _PER_LINE))


def _compared(usual: list[str], activities: list[str]) -> list[tuple[str, str, str, str, int, str]]:
    """The steps of a way beside the most frequent one: two lines of text, step, place, number and how they compare."""
    steps: list[tuple[str, str, str, str, int, str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, usual, activities, autojunk=False).get_opcodes():
        left_out = usual[a:b] if kind in ("delete", "replace") and activities else []
        if len(left_out) > 2:
            steps.append(
                (f"{len(left_out)} steps", "left out", f"{len(left_out)} steps of the most frequent way", "", 0, _GONE)
            )
        else:
            steps += [(*_two_lines(step), 0, _GONE) for step in left_out]
        steps += [(*_two_lines(activities[n]), n + 1, _SAME if kind == "equal" else _NEW) for n in range(c, d)]
    return steps


def _two_lines(activity: str) -> tuple[str, str, str, str]:
    verb, thing, place = split_activity(activity)
    full = activity.partition(" · ")[0]
    if verb and (thing or place):
        return short(thing or place, 13), short(verb, 13), full, place
    first, *rest = wrap(full.replace(" - ", " "), 13)
    return short(first, 13), short(" ".join(rest), 13), full, place
