"""What follows what: maps of the steps of a task and of the process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from taskkit.charts.graphs import draw_graph, show_graphs, strongest
from taskkit.charts.look import (
    Chart,
    finish,
    hidden_note,
    nothing,
    picker,
    seconds_in_words,
    select_tasks,
    short,
    shown,
)
from taskkit.overlay import count_process_successions
from taskkit.privacy import MIN_PEOPLE


def succession_map(
    successions: pl.DataFrame,
    *,
    names: Mapping[str, str] | None = None,
    task: str | None = None,
    tasks: Collection[str] | None = None,
    nodes: int = 10,
    edges: int = 18,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw which screen (or step) directly follows which in a task, with a list to choose the task.

    The most frequent ones are drawn with the most frequent successions between them, and for every step the strongest
    way in and out. Steps that few people took are not drawn.

    Parameters
    ----------
    successions : frame of `count_successions`.
    names : task_id → readable name.
    task : the task shown first; the first by default.
    tasks : the tasks that may be shown (`of_enough_people` of the segments); without them a task is shown if one of its
        successions alone has enough people.
    nodes, edges : most steps and successions that are drawn for a task.
    min_people : smallest group that is drawn.

    Returns
    -------
    An Altair chart.

    >>> succession_map(pl.DataFrame({"task_id": [], "people": []})).to_dict()["description"]
    'No task recurs in this log, so there is no map of its steps.'
    """
    if successions.is_empty():
        return nothing("No task recurs in this log, so there is no map of its steps.")
    successions, left_out = select_tasks(successions, tasks, min_people=min_people)
    if successions.is_empty():
        return nothing(left_out)
    called = names or {}
    parts = []
    for part in successions.partition_by("task_id", maintain_order=True):
        seen, hidden = shown(part, min_people)
        kept = strongest(seen, nodes, edges)
        times = dict(part.drop_nulls("after").group_by("after").agg(pl.col("times").sum()).iter_rows())
        said = (
            f"{int(kept['times'].sum()):,} of {int(part['times'].sum()):,} successions are drawn."
            if kept.height
            else ""
        )
        told = " ".join(filter(None, [said, hidden_note(hidden, min_people, what="succession")]))
        parts.append(draw_graph(kept, str(part["task_id"][0]), told, times=times))
    listed = [part.key for part in parts]
    options = {t: short(f"{t}  {called.get(t, '')}".strip(), 70) for t in listed}
    pick = picker("task", "Task", options, value=task if task in listed else listed[0])
    return finish(
        show_graphs(parts, pick, shade=None),
        title="Which screen directly follows which",
        subtitle=[
            "Boxes are screens with the number of times they were reached; thickness and number of an arrow tell how often. "
            "Dashed arrows go back. The most frequent are drawn. Choose the task above.",
            left_out,
        ],
    )


def process_map(
    process: pl.DataFrame | None, effort: pl.DataFrame | None = None, *, edges: int = 30, min_people: int = MIN_PEOPLE
) -> Chart:
    """Draw the directly-follows map of the process log, its steps shaded by the desktop time that goes into them.

    Parameters
    ----------
    process : frame of `read_process_log`, or None.
    effort : frame of `step_effort`; without it the steps are not shaded.
    edges : most successions that are drawn.
    min_people : the desktop time of a step that fewer people worked on is not shown.

    Returns
    -------
    An Altair chart.

    >>> process_map(None).to_dict()["description"][:34]
    'No process log was given, so there'
    """
    if process is None or process.is_empty():
        return nothing(
            "No process log was given, so there is no process map. Give one as PROCESS_LOG in the second cell."
        )
    follows = count_process_successions(process)
    kept = strongest(follows, 40, edges)
    touch: dict[str, Any] = {}
    if effort is not None and not effort.is_empty():
        seen = pl.when(pl.col("people") >= min_people).then("touch_median_seconds")
        touch = dict(effort.select("activity", seen).iter_rows())
    part = draw_graph(
        kept,
        "process",
        "",
        words=lambda name: (
            short(name, 20),
            seconds_in_words(touch[name]) if touch.get(name) is not None else "no work seen",
        ),
        shade=touch,
    )
    drawn, total = int(kept["times"].sum()), int(follows["times"].sum())
    top = max((n for n in touch if touch[n] is not None), key=lambda n: float(touch[n]), default=None)
    title = "How the cases run through the system, and where the desktop time goes"
    if top is not None:
        title = f"Most desktop time per booking goes into “{top}” (median {seconds_in_words(touch[top])})"
    return finish(
        show_graphs([part], None, shade="active desktop time of a booking (median)"),
        title=title,
        subtitle=[
            f"{process['case_id'].n_unique():,} cases; {drawn:,} of {total:,} successions "
            "are drawn. Boxes: activity of the process log and the median active "
            "desktop time of one booking. Arrows: how many times one booking directly followed another."
        ],
    )
