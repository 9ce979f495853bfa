"""The map of a process, and below it what was found inside the step that is clicked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from taskkit.charts.look import (
    GREY,
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
    seconds_in_words,
    short,
)
from taskkit.charts.process_map import CALENDAR, NO_LOG, explain_map, in_words, succession_layers, tell_steps
from taskkit.charts.process_words import SEEN, enough, most_hidden, say_facts, say_hidden, say_unshown
from taskkit.errors import check_choice
from taskkit.overlay.insides import Insides
from taskkit.privacy import MIN_PEOPLE

_WIDE, _LEFT, _CHEVRON, _BAR = 1130.0, 145.0, 128.0, 800.0  # pixels: all, chevrons from, each of them, bars from
_MOST, _WAYS, _TASKS, _ROW, _LINE = 5, 7, 9, 50, 21
_TASK_COLOURS = {"task": PALETTE[0], "variant": "#9CC4E0"}
_SHAPE = "M-1,-0.36L0.86,-0.36L1,0L0.86,0.36L-1,0.36L-0.86,0Z"


def process_explorer(
    process: pl.DataFrame | None,
    effort: pl.DataFrame | None,
    insides: Insides | None,
    *,
    transitions: pl.DataFrame | None = None,
    step: str | None = None,
    measure: str = "touch",
    names: Mapping[str, str] | None = None,
    colours: Mapping[str, str] | None = None,
    edges: int = 30,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw the map of the process and, below it, the inside of one step: a click or the list above chooses which.

    Below the map stand the step in a sentence, the ways through the applications with the time in each and the time since
    the booking before, all applications, and the tasks and variants found there. The step shown first is the one in which
    most values are pasted outside the main application, or, if there is none with one for every two bookings, the one with
    most hours outside it. It all works in an exported page.

    Parameters
    ----------
    process : frame of `read_process_log`, or None.
    effort : frame of `step_effort`.
    insides : what `look_inside` found.
    transitions : frame of `step_effort(…, by="transition")`: the arrows then tell their median time too.
    step : the step shown first, if it is to be another one.
    measure : what colours the steps at first (see `process_map`).
    names : task_id → readable name.
    colours : application → colour (`app_colours`).
    edges : most successions that are drawn.
    min_people : ways, applications and variants of fewer people are summed up or hidden.

    Returns
    -------
    An Altair chart.

    >>> process_explorer(None, None, None).to_dict()["description"][:28]
    'No process log was given, so'
    """
    import altair as alt

    if process is None or process.is_empty():
        return nothing(NO_LOG)
    if effort is None or insides is None or insides.ways.is_empty():
        return nothing(
            "No desktop work could be laid over the process, so its steps are empty. See what could not be joined."
        )
    steps = process["activity"].unique().sort().to_list()
    if step is not None:
        check_choice(step, allowed=steps, what="step of the process")
    told = tell_steps(effort, min_people)
    first = step or most_hidden(told) or steps[0]
    listed = [name for name in effort["activity"].to_list() if name in steps]
    box = alt.binding_select(options=listed, name="Step (or click one): ")
    chosen = alt.selection_point(
        name="step",
        fields=["step"],
        on="click",
        clear=False,
        toggle=False,
        empty=False,
        bind=box,
        value=[{"step": first}],
    )
    above, drawn = succession_layers(
        process, told, transitions, edges=edges, measure=measure, min_people=min_people, chosen=chosen
    )
    table = _Tables(insides, told, dict(names or {}), min_people)
    apps = _bars(_app_rows(table), chosen, wide=500, left=110, full=190, colours=colours or {})
    tasks = _bars(_task_rows(table), chosen, wide=600, left=185, full=170, colours=_TASK_COLOURS)
    places = alt.hconcat(apps, tasks, spacing=30)
    places = places.resolve_scale(color="independent", x="independent", y="independent")
    chart = finish(
        alt.VConcatChart(vconcat=[]),  # each setting copies what it is given: the picture comes in afterwards
        title=say_hidden(told, insides, first, min_people, lead=step is None),
        subtitle=[
            f"{process['case_id'].n_unique():,} cases; {drawn} Arrows: how many times, and the median time between the two "
            f"bookings ({CALENDAR}). {explain_map(told)}",
            "Click a step, or choose it above, to see inside it."
            + (" Shown first: the step with most values pasted outside the main application." if step is None else "")
            + " Ways can differ in their cases too: a difference is a hint at a cause, not its proof.",
        ],
    )
    picture = alt.vconcat(above, _head(table, chosen), _ways(table, chosen, colours or {}), places, spacing=14)
    for name in ("vconcat", "params", "spacing"):
        chart[name] = picture[name]
    heights = _heights(table)
    chart["usermeta"] = {"heights": heights}
    chart["padding"] = leave_room(heights, first)
    apart = dict.fromkeys(("color", "x", "y"), "independent")
    chart["resolve"] = alt.Resolve(scale=alt.ScaleResolveMap(**apart))  # type: ignore[arg-type]  # three literals
    return chart


def leave_room(heights: Mapping[str, int], first: str) -> dict[str, int]:
    """The padding of the picture: a page measures it once, with the first step, and steps differ in height."""
    spare = max(heights.values(), default=0) - heights.get(first, 0)
    return {"left": 5, "top": 5, "right": 5, "bottom": 5 + spare}


class _Tables(NamedTuple):
    insides: Insides
    told: pl.DataFrame
    names: dict[str, str]
    min_people: int


def _heights(table: _Tables) -> dict[str, int]:
    """Step → pixels that its ways, and its applications and tasks below them, need."""
    ways, apps, tasks = (
        Counter(row[0] for row in rows) for rows in (_way_rows(table)[1], _app_rows(table), _task_rows(table))
    )
    return {step: ways[step] * _ROW + max(apps[step], tasks[step]) * _LINE for step in table.told["activity"]}


def _head(table: _Tables, chosen: Any) -> Chart:
    """The chosen step in words."""
    import altair as alt

    rows = [
        (row["activity"], f"Inside “{row['activity']}”", say_facts(row)) for row in table.told.iter_rows(named=True)
    ]
    base = alt.Chart(inline(pl.DataFrame(rows, schema=["step", "head", "facts"], orient="row"))).transform_filter(
        chosen
    )
    head = base.mark_text(align="left", baseline="top", x=0, y=6, fontSize=15, fontWeight=600, color=INK)
    facts = base.mark_text(align="left", baseline="top", x=0, y=28, fontSize=12, color=SOFT)
    layers = alt.layer(head.encode(text="head:N"), facts.encode(text="facts:N"))
    return layers.properties(width=_WIDE, height=44)


# --------------------------------------------------------------------------------------------------------------- ways
def _ways(table: _Tables, chosen: Any, colours: Mapping[str, str]) -> Chart:
    """Each way through the applications as a row of chevrons, with the time since the booking before as a bar."""
    import altair as alt

    steps, sides = _way_rows(table)
    apps = sorted({row[3] for row in steps})
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, _WIDE], nice=False))
    y = alt.Y("y:O", axis=None)
    at: dict[str, Any] = {"step": pl.String, "y": pl.Int64}
    side = alt.Chart(inline(pl.DataFrame(sides, schema=at | _SIDE, orient="row"))).transform_filter(chosen).encode(y=y)
    chevrons = alt.Chart(inline(pl.DataFrame(steps, schema=at | _STEP, orient="row"))).transform_filter(chosen)
    chevrons = chevrons.encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("app:N", title="application"),
            alt.Tooltip("said:N", title="median time in it"),
            alt.Tooltip("pasted:N", title="values (mean)"),
        ],
    )
    palette = alt.Scale(domain=apps, range=[colours.get(app, GREY) for app in apps])
    shapes = chevrons.mark_point(
        shape=_SHAPE, size=(_CHEVRON - 4) ** 2, filled=True, opacity=0.35, stroke="#7B8794", strokeWidth=0.7
    ).encode(color=alt.Color("app:N", scale=palette, legend=None))
    texts_of: tuple[tuple[str, int, Any, str], ...] = (  # name, size, weight, its height without and with a third line
        ("app", 12, 600, "-7 : -13"), ("said", 11, 400, "8 : 1"), ("pasted", 11, 400, "8 : 14"),
    )  # fmt: skip
    lines = [
        chevrons.mark_text(
            fontSize=size, fontWeight=weight, dy=alt.ExprRef(f"datum.pasted == ' ' ? {heights}"), color=INK
        ).encode(text=f"{name}:N")
        for name, size, weight, heights in texts_of
    ]
    placed: tuple[tuple[str, float, int, int, Any, str], ...] = (
        ("head", 0, -8, 13, 600, INK), ("facts", 0, 9, 11, 400, SOFT), ("caption1", 0, 8, 11, 500, SOFT),
        ("caption2", _LEFT, 8, 11, 500, SOFT), ("caption3", _BAR, 8, 11, 500, SOFT), ("more", _LEFT, 0, 12, 400, SOFT),
        ("worked", _BAR, 12, 11, 400, SOFT),
    )  # fmt: skip
    texts = [
        side.mark_text(align="left", x=place, dy=dy, fontSize=size, fontWeight=weight, color=ink).encode(
            text=f"{name}:N"
        )
        for name, place, dy, size, weight, ink in placed
    ]
    bars = side.transform_filter("datum.bar > 0").mark_bar(height=14, yOffset=-7, color=PALETTE[5], opacity=0.75)
    bars = bars.transform_calculate(begin=f"{_BAR}").encode(x=alt.X("begin:Q", scale=x["scale"], axis=None), x2="bar:Q")
    ends = side.mark_text(align="left", dx=5, dy=-7, fontSize=12, fontWeight=600, color=INK)
    ends = ends.encode(x=alt.X("bar:Q", scale=x["scale"], axis=None), text="elapsed:N")
    return alt.layer(*texts, bars, ends, shapes, *lines).properties(width=_WIDE, height=alt.Step(_ROW))


_STEP: dict[str, Any] = {"x": pl.Float64, "app": pl.String, "said": pl.String, "pasted": pl.String}
_TEXTS = ("head", "facts", "caption1", "caption2", "caption3", "more", "worked", "elapsed")
_SIDE: dict[str, Any] = {**dict.fromkeys(_TEXTS, pl.String), "bar": pl.Float64}
_CAPTIONS = ("of the bookings", "ways through the applications: median time in each, mean number of values pasted into it",
             "calendar time since the booking before (median), and worked on")  # fmt: skip


def _way_rows(table: _Tables) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    steps: list[tuple[Any, ...]] = []
    sides: list[tuple[Any, ...]] = []
    for part in table.insides.ways.partition_by("activity", maintain_order=True):
        step = part["activity"][0]
        shown = leave_enough(part.filter(enough(table.min_people)).head(_WAYS), part, table.min_people)
        most = max([s for s in shown["elapsed_median_seconds"] if s is not None], default=1.0) or 1.0
        sides.append((step, -1, "", "", *_CAPTIONS, "", "", "", None))
        for y, row in enumerate(shown.iter_rows(named=True)):
            elapsed = row["elapsed_median_seconds"]
            bar = None if elapsed is None else _BAR + max(2.0, 250 * elapsed / most)
            sides.append((step, y, in_words(row["share"], "share"), f"{row['bookings']:,} × · {people(row['people'])}", "", "", "",
                          "", f"{seconds_in_words(row['touch_median_seconds'])} worked on",
                          "" if elapsed is None else seconds_in_words(elapsed), bar))  # fmt: skip
            steps += _chevrons(step, y, row)
        left, ways = int(part["bookings"].sum()) - int(shown["bookings"].sum()), part.height - shown.height
        if ways:
            more = f"{count_of(ways, 'more way')}, {count_of(left, 'booking')}: rarer"
            more += f", or of fewer than {table.min_people} people" if table.min_people > 1 else ""
            share = in_words(left / int(part["bookings"].sum()), "share")
            sides.append((step, shown.height, share, f"{left:,} ×", "", "", "", more, "", "", None))
    return steps, sides


def _chevrons(step: str, y: int, row: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = list(zip(row["apps"], row["app_seconds"], row["app_pastes"], strict=True))
    rest = len(found) - _MOST
    made = []
    for place, (app, seconds, pastes) in enumerate(found[: _MOST - (rest > 0)]):
        pasted = f"{pastes:.1f} pasted into it" if pastes >= 0.5 else ""
        made.append((step, y, _LEFT + (place + 0.5) * _CHEVRON, short(app, 15), seconds_in_words(seconds), pasted))
    if rest > 0:
        made.append((step, y, _LEFT + (_MOST - 0.5) * _CHEVRON, f"{rest + 1} more", "applications", ""))
    return made


# -------------------------------------------------------------------------------------------------- applications, tasks
def _app_rows(table: _Tables) -> list[tuple[Any, ...]]:
    """The applications of each step with their part of its active time."""
    rows: list[tuple[Any, ...]] = []
    for part in table.insides.apps.partition_by("activity", maintain_order=True):
        step = part["activity"][0]
        shown = part.filter((pl.col("people") >= table.min_people) & (pl.col("share") >= 0.005)).head(_TASKS)
        rows.append((step, -1, "Where the work is done", "", 0.0, "", "all of its active time", ""))
        rows += [
            (step, y, "", row["app"] + (" (main)" if row["main"] else ""), row["share"] or 0.0, row["app"], "",
             f"{in_words(row['share'] or 0.0, 'share')} · {seconds_in_words(row['active_hours'] * 3600)}"
             + (f" · {row['pastes_mean']:.1f} pasted into it a booking" if row["pastes_mean"] >= 0.05 else ""))
            for y, row in enumerate(shown.iter_rows(named=True))
        ]  # fmt: skip
    return rows


def _task_rows(table: _Tables) -> list[tuple[Any, ...]]:
    """The tasks found in each step, and the ways they were done there."""
    rows: list[tuple[Any, ...]] = []
    of_steps = {key[0]: part for key, part in table.insides.tasks.group_by("activity")}
    for step in table.told["activity"]:
        part = of_steps.get(step, table.insides.tasks.clear())
        shown = part.filter(
            (pl.col("people") >= table.min_people) & (pl.col("share") >= SEEN) & (pl.col("median_seconds") >= 1)
        )
        shown = shown.sort(
            pl.col("bookings").max().over("task_id"), "task_id", "bookings", "variant_id",
            descending=[True, False, True, False], nulls_last=False,
        ).head(_TASKS) if shown.height else shown  # fmt: skip
        rows.append((step, -1, "Tasks found in it, and the variants of each", "", 0.0, "", "", ""))
        if shown.is_empty():
            rows.append((step, 0, "", "none of enough people", 0.0, "", "", ""))
        for y, row in enumerate(shown.iter_rows(named=True)):
            task = row["variant_id"] is None
            name = f"{row['task_id']} {table.names.get(row['task_id'], '')}".strip() if task else (
                "variant " + str(row["variant_id"]).rpartition("-")[2])  # fmt: skip
            elapsed = row["elapsed_median_seconds"]
            facts = (f"{in_words(row['share'], 'share')} · {people(row['people'])} · {seconds_in_words(row['median_seconds'])}"
                     + (f" · after {seconds_in_words(elapsed)}" if elapsed is not None else ""))  # fmt: skip
            rows.append((step, y, "", short(name, 27), row["share"], "task" if task else "variant", "", facts))
        if unsaid := say_unshown(part, table.min_people):
            rows.append((step, max(shown.height, 1), "", unsaid, 0.0, "", "", ""))
    return rows


def _bars(
    rows: list[tuple[Any, ...]], chosen: Any, *, wide: int, left: int, full: int, colours: Mapping[str, str]
) -> Chart:
    """Rows of name, bar and facts; the first row is a heading."""
    import altair as alt

    schema = {"step": pl.String, "y": pl.Int64, "head": pl.String, "name": pl.String, "share": pl.Float64,
              "colour": pl.String, "note": pl.String, "facts": pl.String}  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    kinds = [name for name in frame["colour"].unique().sort().to_list() if name]
    base = alt.Chart(inline(frame)).transform_filter(chosen).encode(y=alt.Y("y:O", axis=None))
    scale = alt.Scale(domain=[0, wide], nice=False)
    bars = base.transform_filter("datum.y >= 0").transform_calculate(
        begin=f"{left}", end=f"{left} + {full} * datum.share"
    )
    bars = bars.mark_bar(height=13).encode(
        x=alt.X("begin:Q", scale=scale, axis=None), x2="end:Q",
        color=alt.Color("colour:N", scale=alt.Scale(domain=kinds, range=[colours.get(k, GREY) for k in kinds]), legend=None),
    )  # fmt: skip
    facts = base.transform_calculate(end=f"{left} + {full} * datum.share").mark_text(
        align="left", dx=6, fontSize=11, color=SOFT
    )
    facts = facts.encode(x=alt.X("end:Q", scale=scale, axis=None), text="facts:N")
    head = base.mark_text(align="left", x=0, fontSize=12, fontWeight=600, color=INK).encode(text="head:N")
    name = base.mark_text(align="left", x=0, fontSize=12, color=INK).encode(text="name:N")
    return alt.layer(bars, facts, head, name).properties(width=wide, height=alt.Step(_LINE))
