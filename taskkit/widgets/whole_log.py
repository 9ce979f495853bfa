"""The exact figures of a log that is too large for its notebook, beside those of the draw that everything else rests on."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from taskkit import charts
from taskkit.automation.ranking import rank_tasks
from taskkit.charts.look import people
from taskkit.errors import check_choice
from taskkit.pipeline import Mined
from taskkit.pipeline.partitioned import MinedLog
from taskkit.privacy import MIN_PEOPLE, shares_pages
from taskkit.widgets.displays import Shown, sentence, stack
from taskkit.widgets.tables import table

TASKS, WAYS = 3, 4  # tasks whose ways are listed, and ways of each
_NAMED = "Names that people gave stand here too; what they put together or corrected is counted in the draw only."


def whole_log(mined: Mined, *, what: str = "tasks", min_people: int = MIN_PEOPLE) -> Shown | None:
    """Show the exact figures of the whole log where the notebook rests on a draw of it; nothing for any other log.

    Parameters
    ----------
    mined : result of `taskkit.mine`.
    what : "tasks" (how often, by how many people, how long), "variants" (the most frequent ways of the largest tasks, and which
        screen follows which) or "automation" (the verdicts, without answers and marks of the room).
    min_people : smallest group that is shown; a log of fewer people shows all.

    Returns
    -------
    What a cell shows; None where the frames of `mined` are the whole log.

    Raises
    ------
    SettingError : `what` is none of these.

    >>> none = pl.DataFrame()
    >>> whole_log(Mined(none, none, None, none, none, {})) is None
    True
    """
    check_choice(what, allowed=_SHOWN, what="part of the whole log")
    if mined.whole is None:
        return None
    if mined.whole.tasks.is_empty():
        return sentence("No task recurs in the whole log.")
    of_people = int(mined.whole.parts["people"].sum())
    least = min_people if shares_pages() or of_people >= min_people else 1
    said = f"Counted on all {mined.whole.about['events']:,} events of {people(of_people)}, not on the draw."
    return _SHOWN[what](mined.whole, said, least)


def _tasks(whole: MinedLog, said: str, least: int) -> Shown:
    return table(
        whole.tasks, caption="Tasks of the whole log", min_people=least, keep=["task_id"], most=20,
        definition=f"{said} Medians and quartiles over executions; the share is part of the time inside segments. {_NAMED}",
        columns=["task_id", "task_name", "segments", "people", "active_hours", "share", "median_seconds", "median_steps",
                 "interrupted"],
    )  # fmt: skip


def _variants(whole: MinedLog, said: str, least: int) -> Shown:
    """The ways of the tasks with most time, and the graph of all tasks of enough people."""
    enough = whole.tasks.filter(pl.col("people") >= least).sort("active_hours", "task_id", descending=[True, False])
    names = dict(whole.tasks.select("task_id", "task_name").iter_rows())
    largest = enough["task_id"].head(TASKS).to_list()
    ways = whole.variants.filter(pl.col("task_id").is_in(largest), pl.col("people") >= least)
    ways = pl.concat([ways.filter(task_id=task).head(WAYS) for task in largest] or [ways])
    none = pl.lit("none of the task's usual screens")
    screens = pl.when(pl.col("activities").list.len() > 0).then(pl.col("activities").list.join(" → ")).otherwise(none)
    listed = table(
        ways.with_columns(screens=screens),
        caption="The most frequent ways in the whole log", most=TASKS * WAYS,
        definition=f"{said} Of the {len(largest)} tasks with most time; the share is part of the task's executions. Ways have "
        f"numbers in the draw only. Ways of fewer than {least} people are left out.",
        columns={"task_id": "task", "screens": "screens", "segments": "times seen", "share": "share", "people": "people",
                 "median_seconds": "median"},
        empty="No way is common to enough people.",
    )  # fmt: skip
    graph = charts.succession_map(whole.successions, names=names, tasks=sorted(enough["task_id"]), min_people=least)
    return stack(
        listed,
        sentence(f"{said} The map shows which screen directly follows which in all executions of a task."),
        graph,
    )


def _automation(whole: MinedLog, said: str, least: int) -> Shown:
    return table(
        rank_tasks(whole.criteria), caption="Verdicts on the whole log", min_people=least, keep=["rank", "task_id"], most=20,
        definition=f"{said} Usual weights, without the answers and marks of the room. Value: active hours a year of the recorded "
        "people, extrapolated; what looks at values and decisions rests on about 2,000 executions of each task.",
        columns={"rank": "rank", "task_id": "task", "task_name": "name", "verdict": "verdict",
                 "feasibility": "feasibility (0 to 1)", "value_hours_per_year": "value (h a year)", "people": "people",
                 "reason": "reason"},
    )  # fmt: skip


_SHOWN: dict[str, Callable[[MinedLog, str, int], Shown]] = {
    "tasks": _tasks,
    "variants": _variants,
    "automation": _automation,
}
