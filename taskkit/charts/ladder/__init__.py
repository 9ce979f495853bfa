"""The ways a task is done, as a ladder of chevrons."""

from __future__ import annotations

import difflib
import functools
import itertools
from collections import Counter
from collections.abc import Collection
from typing import Any

import polars as pl

from taskkit.charts.ladder.words import Words, name_steps
from taskkit.charts.look import (
    INK,
    PALETTE,
    SOFT,
    Chart,
    count_of,
    finish,
    inline,
    leave_enough,
    nothing,
    people,
    picker,
    seconds_in_words,
    select_tasks,
    short,
)
from taskkit.charts.marks import Mark, marks_of_way, say_marks, sign_way
from taskkit.privacy import MIN_PEOPLE, shares_pages

_Rows = list[tuple[Any, ...]]
_Step = tuple[str, str, str, str, int, str, str]
_LEFT, _STEP, _PER_LINE, _LINES = 235.0, 91.0, 10, 3
_UNIT, _LINE, _GAP = 8, 5, 2  # pixels; units of a line of chevrons and between two ways
_CHEVRON = "M-1,-0.38L0.82,-0.38L1,0L0.82,0.38L-1,0.38L-0.82,0Z"
_SAME, _NEW, _MOVED, _GONE = "the same", "only here", "elsewhere in the order", "left out here"
_COLOURS = {_SAME: "#CFE3F1", _NEW: "#F3C15F", _MOVED: "#D9B3CB", _GONE: "#FFFFFF"}
_RELATIONS = {"same": _SAME, "only here": _NEW, "moved": _MOVED, "only there": _GONE}
_ALWAYS = 1000.0  # per cent: a row that no wish for less coverage takes away


def variant_ladder(
    variants: pl.DataFrame,
    *,
    names: dict[str, str] | None = None,
    task: str | None = None,
    tasks: Collection[str] | None = None,
    top: int = 12,
    coverage: float = 1.0,
    aligned: pl.DataFrame | None = None,
    standard: str = "the most frequent way",
    steps: pl.DataFrame | None = None,
    choose: bool = True,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw the most frequent ways of doing each task as rows of chevrons, with a list to choose the task.

    What a way shares with the way it is compared with is pale, what it does otherwise is coloured. Ways that are not drawn
    one by one are never left out silently: the last row says how many they are and what part of the executions they make.

    Parameters
    ----------
    variants : frame of `count_variants`.
    names : task_id → readable name.
    task : the task shown first; by default the first with a way that enough people use.
    tasks : the tasks that may be shown (`of_enough_people` of the segments); without them a task is shown if one of its
        ways alone has enough people.
    top : ways that are drawn for each task, at most.
    coverage : part of a task's executions from which on no further way is drawn; the page has a control for it.
    aligned : frame of `align_variants` of the drawn ways; without it they are laid beside the most frequent drawn way here.
    standard : what the ways are compared with, in words.
    steps : `task_id`, `step`, `segments`, `share`, `people`, `median_seconds`: what a click on a step says above the ways;
        steps of fewer people than `min_people` say only that.
    choose : whether the chart has controls of its own for task and coverage.
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
    beside = {str(key[0]): part for key, part in aligned.group_by("variant_id")} if aligned is not None else {}
    data: dict[str, _Rows] = {name: [] for name in _TABLES}
    first = task
    for part in variants.sort("task_id", "variant_id").partition_by("task_id", maintain_order=True):
        _lay_out(part, top, min_people, beside, data, steps)
        if first is None and (part["people"] >= min_people).any():
            first = str(part["task_id"][0])
    listed = variants["task_id"].unique().sort().to_list()
    options = {t: short(f"{t}  {(names or {}).get(t, '')}".strip(), 70) for t in listed}
    several = variants["task_id"].n_unique() > 1
    chart = finish(
        alt.LayerChart(layer=[]),
        title="How differently the same task is done"
        if choose
        else f"How differently it is done: {options[listed[0]]}",
        subtitle=[
            "Each row is one way: its part of the task's executions (dark bar; pale: the ways above it), times seen, people, "
            f"median active time. Only ways used by at least {min_people} {'people' if min_people != 1 else 'person'} are "
            "drawn; the last row sums up all others.",
            f"Read along the chevrons; a long way goes on in the next line. Colours compare with {standard}. A click on a "
            f"step marks it in all ways{'' if steps is None else ' and says above how it is done'}, a click beside the "
            "steps ends that."
            + (f" Choose {'task and coverage' if several else 'the coverage'} above." if choose else ""),
            hidden,
            *say_marks(_marks_of_ways(variants, min_people)),
        ],
    )
    picture = _layers()
    chart.layer, chart.width, chart.height = picture.layer, int(_LEFT + _STEP * _PER_LINE), alt.Step(_UNIT)
    shown = str(first if first in listed else listed[0])
    chart.params = [*picture.params, *(c.param for c in _controls(options, shown, coverage, choose=choose))]
    chart.datasets = {
        name: inline(pl.DataFrame(rows, schema=_TABLES[name], orient="row")).values for name, rows in data.items()
    }
    return chart


_CHEVRONS = pl.Schema({
    "task": pl.String, "low": pl.Float64, "high": pl.Float64, "x": pl.Float64, "y": pl.Int64, "line1": pl.String,
    "line2": pl.String, "full": pl.String, "place": pl.String, "number": pl.Int64, "kind": pl.String, "time": pl.String,
    "way": pl.String,
})  # fmt: skip
_LABELS = pl.Schema({
    "task": pl.String, "low": pl.Float64, "high": pl.Float64, "y": pl.Int64, "above": pl.Float64, "share": pl.Float64,
    "head": pl.String, "facts": pl.String, "so_far": pl.String, "tail": pl.String, "spread": pl.String,
})  # fmt: skip
_SAID = pl.Schema({
    "task": pl.String, "low": pl.Float64, "high": pl.Float64, "y": pl.Int64, "full": pl.String, "place": pl.String,
    "said": pl.String,
})  # fmt: skip
_TABLES = {"steps": _CHEVRONS, "ways": _LABELS, "room": pl.Schema(list(_LABELS.items())[:4]), "said": _SAID}


def _controls(options: dict[str, str], value: str, coverage: float, *, choose: bool) -> list[Any]:
    import altair as alt

    wanted = round(100 * coverage)
    if not choose:
        return [alt.param(name="task", value=value), alt.param(name="coverage", value=wanted)]
    slider = alt.binding_range(min=10, max=100, step=5, name="Ways until they make this part of the executions (%): ")
    return [picker("task", "Task", options, value=value), alt.param(name="coverage", value=wanted, bind=slider)]


@functools.cache
def _layers() -> Any:
    """Bars, texts and chevrons above one another, without data: building this takes longer than all the rest."""
    import altair as alt

    def table(name: str) -> Any:
        """A chart of those rows of a table that the chosen task and coverage leave."""
        data = alt.NamedData(name=name, format=inline(pl.DataFrame(schema=_TABLES[name])).format)
        wanted = "datum.task == task && coverage > datum.low && coverage <= datum.high"
        return alt.Chart(data).transform_filter(wanted)

    wide = alt.Scale(domain=[0, _LEFT + _STEP * _PER_LINE])
    # rows of a few pixels instead of a scale in pixels: so the chart is as high as the chosen task needs
    y = alt.Y("y:O", axis=None, scale=alt.Scale(type="band", padding=0))
    tips = {"full": "step", "place": "in", "number": "step number", "kind": "compared", "time": "time on it"}
    chosen = alt.selection_point(name="marked", fields=["full", "place"])
    body = table("steps").encode(
        x=alt.X("x:Q", axis=None, scale=wide),
        y=y,
        opacity=alt.condition(chosen, alt.value(1), alt.value(0.25)),
        tooltip=[alt.Tooltip(f"{name}:{'Q' if name == 'number' else 'N'}", title=said) for name, said in tips.items()],
    )
    legend = alt.Legend(
        title=None, orient="top", symbolType="square", direction="horizontal", symbolStrokeColor="#7B8794",
        symbolStrokeWidth=0.7,
    )  # fmt: skip
    kinds = alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
    arrows = body.mark_point(shape=_CHEVRON, size=(_STEP - 3) ** 2, filled=True, stroke="#7B8794", strokeWidth=0.7)
    arrows = arrows.encode(color=alt.Color("kind:N", scale=kinds, legend=legend)).properties(name="chevrons")
    arrows = arrows.add_params(chosen)
    upper = body.mark_text(fontSize=11, dy=-6, color=INK).encode(text="line1:N")
    lower = body.mark_text(fontSize=10, dy=7, color="#3B4654").encode(text="line2:N")
    side = table("ways").encode(y=y)
    bars = [
        side.mark_bar(height=7, color=colour)
        .transform_calculate(begin=begin, end=end)
        .encode(
            x=alt.X("begin:Q", scale=wide, axis=None), x2="end:Q", tooltip=alt.Tooltip("spread:N", title="executions")
        )
        for colour, begin, end in (
            ("#E4E8ED", "0", "100"),
            ("#B9D3E6", "0", "100 * datum.above"),
            (PALETTE[0], "100 * datum.above", "100 * (datum.above + datum.share)"),
        )
    ]
    bold = side.mark_text(align="left", fontSize=13, fontWeight=600, dy=-13, color=INK, x=0).encode(text="head:N")
    plain = side.mark_text(align="left", fontSize=11, dy=12, color=SOFT, x=0).encode(text="facts:N")
    so_far = side.mark_text(align="left", fontSize=11, color=SOFT, x=106).encode(text="so_far:N")
    tail = side.mark_text(align="left", fontSize=12, color=SOFT, x=_LEFT).encode(text="tail:N")
    space = table("room").mark_point(opacity=0).encode(y=y)
    said = table("said").mark_text(align="left", fontSize=13, color=INK, x=0).encode(y=y, text="said:N")
    said = said.transform_filter({"param": "marked", "empty": False})
    return alt.layer(space, *bars, bold, plain, so_far, tail, arrows, upper, lower, said)


def _marks_of_ways(variants: pl.DataFrame, min_people: int) -> list[Mark]:
    """The marks of the ways that are drawn, each once."""
    ways = variants.filter(pl.col("people") >= min_people).select("activities", "task_id").iter_rows()
    return list(dict.fromkeys(mark for steps, task in ways for mark in marks_of_way(steps, task)))


def _lay_out(
    part: pl.DataFrame, top: int, min_people: int, beside: dict[str, pl.DataFrame], to: dict[str, _Rows],
    told: pl.DataFrame | None,
) -> None:  # fmt: skip
    """Lay one task's ways out from the top, and after each the row that sums up the rest if no more are wanted."""
    steps, rows, room = to["steps"], to["ways"], to["room"]
    task, whole = str(part["task_id"][0]), int(part["segments"].sum())
    summed = pl.col("variant_id").str.ends_with("-other")
    drawn = part.filter((pl.col("people") >= min_people) & ~summed).head(top)
    drawn = leave_enough(drawn, part, min_people)
    ways = int(part["ways"].sum()) if "ways" in part.columns else part.height
    usual: list[str] = drawn["activities"][0].to_list() if drawn.height else []
    words = name_steps(drawn, beside)
    y, seen, at = 0, 0, -1.0
    if told is not None:  # a line above the ways for what a click says
        own_steps = told.filter(pl.col("task_id") == task)
        to["said"] += [(task, at, _ALWAYS, _GAP, *row) for row in _say_steps(own_steps, words, min_people)]
        room.extend((task, at, _ALWAYS, place) for place in range(_LINE))
        y = _LINE
    for number, row in enumerate(drawn.iter_rows(named=True), start=1):
        own = beside.get(str(row["variant_id"]))
        shown = _compared(usual, row["activities"], words) if own is None else _as_aligned(own, words)
        lines = _draw_way(shown, (task, at, _ALWAYS), y + _LINE // 2, str(row["variant_id"]), steps)
        rows.append((task, at, _ALWAYS, y + _LINE // 2, seen / whole, row["share"], *_facts(row, seen, whole, task)))
        used = lines * _LINE + _GAP
        room.extend((task, at, _ALWAYS, place) for place in range(y, y + used))
        y, seen = y + used, seen + row["segments"]
        last = number == drawn.height
        at, before = _ALWAYS if last else 100 * seen / whole, at
        _sum_up((task, before, at), (y, seen, whole), ways - number, min_people, rows, room)
    if not drawn.height:
        _sum_up((task, at, _ALWAYS), (y, 0, whole), ways, min_people, rows, room)


def _sum_up(
    key: tuple[str, float, float], at: tuple[int, int, int], ways: int, min_people: int, rows: _Rows, room: _Rows
) -> None:
    """The row of all that is not drawn one by one: how many ways, executions and what part of them."""
    y, seen, whole = at
    if seen == whole:
        return
    left = whole - seen
    said = f"{ways:,} more {'way' if ways == 1 else 'ways'}, {count_of(left, 'execution')}, {_percent(left / whole)}"
    if not seen and shares_pages():  # a way may be counted here only so that the others cannot be told by subtraction
        said += f": used by fewer than {min_people} people, or next to such a way; the map of steps says more about this task"
    elif not seen:
        said += f": none used by {min_people} people or more; the map of steps says more about this task"
    elif min_people > 1:
        said += f": rarer, or used by fewer than {min_people} people"
    rows.append(
        (*key, y + _LINE // 2, seen / whole, left / whole, _percent(left / whole), f"{left:,} ×", None, said, said)
    )
    room.extend((*key, place) for place in range(y, y + _LINE + _GAP))


def _say_steps(told: pl.DataFrame, words: Words, min_people: int) -> list[tuple[str, str, str]]:
    """What a click on each step says: full name, place, and how often, by how many and how long it is done."""
    said = {}
    for row in told.iter_rows(named=True):
        *_, full, place = words.get(row["step"], ("", "", "", ""))
        name = f"“{full}”{f' in {place}' if place else ''}"
        text = f"{name}: done by fewer than {min_people} people, so no more is said"
        if row["people"] >= min_people:
            text = f"{name}: in {count_of(row['segments'], 'execution')} ({_percent(row['share'])}) by {people(row['people'])}"
            if row["median_seconds"] is not None:
                text += f"; median active time on it {seconds_in_words(row['median_seconds'])} in each"
        if full:
            said[full, place] = text
    return [(*key, text) for key, text in said.items()]


def _facts(row: dict[str, Any], seen: int, whole: int, task: str) -> tuple[str | None, ...]:
    """The texts beside a way: name and part, how often, by how many and how long, what part so far, nothing drawn, spread."""
    facts = f"{row['segments']:,} × · {people(row['people'])} · {seconds_in_words(row['median_seconds'])}"
    name = str(row["variant_id"]).rpartition("-")[2]
    so_far = f"{_percent((seen + row['segments']) / whole)} so far" if seen else None
    spread = facts
    if row.get("q25_seconds") is not None:
        spread += (
            f" ({seconds_in_words(row['q25_seconds'])} to {seconds_in_words(row['q75_seconds'])} for the middle half)"
        )
    if row.get("left_out") and not shares_pages():  # of how many people it was is not known
        spread += f"; in {row['left_out']:,} a rare step or a glance was left out"
    empty = None if row["activities"] else "no step that enough executions share"
    head = f"{sign_way(row['activities'], task)}{name} · {_percent(row['share'])}"
    return head, facts, so_far, empty, spread


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def _draw_way(steps: list[_Step], key: tuple[str, float, float], y: int, way: str, chevrons: _Rows) -> int:
    """One way as chevrons, line after line; returns the lines that are used."""
    room = _PER_LINE * _LINES
    if len(steps) > room:
        more = len(steps) - room + 1
        steps = [*steps[: room - 1], (f"… {more} more", "steps", f"{more} more steps", "", 0, steps[-1][5], "")]
    for place, step in enumerate(steps):
        at = _LEFT + (place % _PER_LINE + 0.5) * _STEP
        chevrons.append((*key, at, y + place // _PER_LINE * _LINE, *step, way))
    return max(1, -(-len(steps) // _PER_LINE))


def _as_aligned(own: pl.DataFrame, words: Words) -> list[_Step]:
    """The steps of a way as they were laid beside the standard; many in a row that are left out are one."""
    steps: list[_Step] = []
    number = 0
    if own["step"].null_count() == own.height:
        return []
    rows = own.sort("place").iter_rows(named=True)
    for gone, group in itertools.groupby(rows, key=lambda row: row["relation"] == "only there"):
        part = list(group)
        if gone and len(part) > 2:
            steps.append(_left_out(len(part)))
            continue
        for row in part:
            number += not gone
            times = [row.get("median_seconds"), row.get("standard_seconds")]
            said = [f"{seconds_in_words(times[0])} here"] if times[0] is not None else []
            said += [f"{seconds_in_words(times[1])} in the way compared with"] if times[1] is not None else []
            step = row["standard_step"] if gone else row["step"]
            steps.append((*words[step], 0 if gone else number, _RELATIONS[row["relation"]], ", ".join(said)))
    return steps


def _left_out(count: int) -> _Step:
    return (f"{count} steps", "left out", f"{count} steps that are left out", "", 0, _GONE, "")


def _compared(usual: list[str], activities: list[str], words: Words) -> list[_Step]:
    """The steps of a way beside the most frequent one: two lines of text, step, place, number and how they compare.

    A step that both have, at different places, is drawn once, where this way has it.
    """
    steps: list[_Step] = []
    parts = difflib.SequenceMatcher(None, usual, activities, autojunk=False).get_opcodes()
    changed = [part for part in parts if part[0] != "equal"]
    gone = Counter(step for _, a, b, _, _ in changed for step in usual[a:b])
    fresh = Counter(step for _, _, _, c, d in changed for step in activities[c:d])
    not_here, moved = gone & fresh, gone & fresh
    for kind, a, b, c, d in parts:
        left_out = _without(usual[a:b], not_here) if kind != "equal" and activities else []
        if len(left_out) > 2:
            steps.append(_left_out(len(left_out)))
        else:
            steps += [(*words[step], 0, _GONE, "") for step in left_out]
        for n in range(c, d):
            state = _SAME if kind == "equal" else _MOVED if moved[activities[n]] > 0 else _NEW
            moved[activities[n]] -= state == _MOVED
            steps.append((*words[activities[n]], n + 1, state, ""))
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
