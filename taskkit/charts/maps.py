"""What follows what: maps of the steps of a task; that of the process has a module of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from taskkit.charts.graphs import draw_graph, show_graphs, strongest
from taskkit.charts.look import (
    Chart,
    finish,
    hidden_note,
    nothing,
    picker,
    select_tasks,
    short,
    shown,
)
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
