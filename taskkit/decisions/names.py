"""Names that people gave to tasks, and executions of which they said which task they are, replayed on the tasks found."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import polars as pl

from taskkit.decisions.corrections import ORDER, VANISHED
from taskkit.schema import require_columns
from taskkit.tasks import rename_tasks
from taskkit.tasks.contents import list_contents
from taskkit.tasks.naming import last_number, measure_confidence


def apply_names(
    segments: pl.DataFrame,
    events: pl.DataFrame,
    names: pl.DataFrame,
    *,
    examples: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give tasks the names that people gave them, and executions the tasks that people said they are.

    A name with an anchor goes to the task that holds the anchor's execution, one without to the task of its subject. An
    execution with `task_said` gets the task that bears this name, or bore it before it was named; else the one that most
    examples of this name were found in; else a new one.

    Parameters
    ----------
    segments : segments frame of `find_tasks`.
    events : their events; `task_said` where `correct_segments` was applied.
    names : standing entries of kind "name": `number`, `subject`, `decision`, `detail` with {"anchor": [user, session_id, seq]}.
    examples : frame of `examples_of`.

    Returns
    -------
    The segments in the given order with `task_id`, `task_name` and `task_confidence` (1 where a person said the task), and
    the names that could not be given: `number`, `op` ("name"), `rows`, `found`, `sentence`, as in `list_vanished`.

    Raises
    ------
    ContractError : `find_tasks` has not been run.

    >>> import taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_004), "what": ["open", "save"] * 2}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> events = tk.segment(tk.name_activities(log), method="anchor", end="save")
    >>> segments = tk.find_tasks(tk.list_segments(events))
    >>> said = pl.DataFrame({"number": [1], "subject": ["T01"], "decision": ["Keep the file"], "detail": ['{}']})
    >>> apply_names(segments, events, said)[0]["task_name"].unique().to_list()
    ['Keep the file']
    """
    require_columns(segments, "task_id", "task_name", made_by="find_tasks")
    before = dict(
        segments.select("task_name", "task_id").drop_nulls().unique().sort("task_id", descending=True).iter_rows()
    )
    given, lost = _choose(segments, _read(names, segments, events))
    named = rename_tasks(segments, names={task: name.name for task, name in given.items()}) if given else segments
    assigned = _assign(named, events, before, given, examples)
    return assigned, pl.DataFrame(lost, schema=VANISHED, orient="row")


class _Name(NamedTuple):
    number: int
    name: str
    task: str | None
    anchored: bool
    there: bool  # the anchor's row is in the log


def _read(names: pl.DataFrame, segments: pl.DataFrame, events: pl.DataFrame) -> list[_Name]:
    """The names in order, each with the task it goes to, or None."""
    entries = [
        (number, subject, decision.strip(), _anchor(detail))
        for number, subject, decision, detail in names.sort("number").select("number", "subject", "decision", "detail").iter_rows()
    ]  # fmt: skip
    anchors = {anchor for *_, anchor in entries if anchor is not None}
    keys = pl.DataFrame(
        [*sorted(anchors)], schema=dict.fromkeys(ORDER[:2], pl.String) | {"seq": pl.Int64}, orient="row"
    )
    rows = events.lazy().select(*ORDER, "segment_id").with_columns(pl.col("seq").cast(pl.Int64))
    rows = rows.join(keys.lazy(), on=ORDER, how="semi").join(
        segments.lazy().select("segment_id", "task_id"), on="segment_id", how="left"
    )
    found = {(user, session, seq): task for user, session, seq, _, task in rows.collect().iter_rows()}
    known = {*segments["task_id"].drop_nulls()}
    return [
        _Name(number, name, subject if subject in known else None, False, True) if anchor is None
        else _Name(number, name, found.get(anchor), True, anchor in found)
        for number, subject, name, anchor in entries
    ]  # fmt: skip


def _anchor(detail: str | None) -> tuple[str, str, int] | None:
    try:
        anchor: Any = json.loads(detail or "null")["anchor"]
        user, session, seq = anchor
    except (KeyError, TypeError, ValueError):
        return None
    return (user, session, seq) if isinstance(user, str) and isinstance(session, str) and isinstance(seq, int) else None


def _choose(segments: pl.DataFrame, names: list[_Name]) -> tuple[dict[str, _Name], list[tuple[Any, ...]]]:
    """The name that each task gets, the latest of several; names that no task or two tasks would bear are told."""
    given = {name.task: name for name in names if name.task is not None}
    lost = [_lost(name, _why(name)) for name in names if name.task is None]
    found = dict(segments.select("task_id", "task_name").drop_nulls().unique().iter_rows())
    while True:  # a name that is not given leaves a task its found name, which may be another one's new name
        bears = {task: name for task, name in found.items() if task not in given}
        taken: dict[str, str] = {name: task for task, name in sorted(bears.items())}
        refused = []
        for task, name in sorted(given.items(), key=lambda item: item[1].number):
            if taken.setdefault(name.name, task) != task:
                refused.append((task, name, taken[name.name]))
        if not refused:
            return given, sorted(lost)
        for task, name, owner in refused:
            del given[task]
            lost.append(_lost(name, f"{owner} bears it already. Merge the two tasks or choose another name"))


def _why(name: _Name) -> str:
    if not name.anchored:
        return "its task is not among the tasks that were found"
    return (
        "the row that it was given to belongs to no task now"
        if name.there
        else "the row that it was given to is not in the log any more"
    )


def _lost(name: _Name, why: str) -> tuple[Any, ...]:
    said = f"The name “{name.name}” (number {name.number}) was not given: {why}."
    return (name.number, "name", 1, int(name.there and name.task is not None), said)


def _assign(
    segments: pl.DataFrame, events: pl.DataFrame, before: dict[str, str], given: dict[str, _Name],
    examples: pl.DataFrame | None,
) -> pl.DataFrame:  # fmt: skip
    """Put the executions of which people said so into the tasks that they named."""
    if "task_said" not in events.columns:
        return segments
    said = events.filter(pl.col("task_said").is_not_null(), pl.col("segment_id").is_not_null())
    said = said.group_by("segment_id").agg(pl.col("task_said").first())
    if said.is_empty():
        return segments
    frame = segments.join(said, on="segment_id", how="left", maintain_order="left")
    tasks, names = _find_said(frame, events, before, given, examples)
    assigned = pl.col("task_said").is_not_null()
    frame = frame.with_columns(
        task_id=pl.coalesce(pl.col("task_said").replace_strict(tasks, default=None, return_dtype=pl.String), "task_id")
    )
    frame = frame.with_columns(
        task_name=pl.col("task_id").replace_strict(names, default=pl.col("task_name"), return_dtype=pl.String)
    )
    return _measure(frame).with_columns(
        task_confidence=pl.when(assigned).then(1.0).otherwise("task_confidence")
    ).drop("task_said", "variant_id", strict=False)  # fmt: skip


def _find_said(
    frame: pl.DataFrame, events: pl.DataFrame, before: dict[str, str], given: dict[str, _Name],
    examples: pl.DataFrame | None,
) -> tuple[dict[str, str], dict[str, str]]:  # fmt: skip
    """The task of each name that was said, and the name of each task."""
    names = dict(frame.select("task_id", "task_name").drop_nulls().unique().sort("task_id").iter_rows())
    owners = {name: task for task, name in names.items()}
    wanted = frame["task_said"].drop_nulls().unique().sort().to_list()
    tasks = {name: task for name in wanted if (task := owners.get(name, before.get(name)))}
    last = last_number([*names])
    for name in wanted:
        if name in tasks:
            continue
        free = {*names} - {*given} - {*tasks.values()}
        task = _task_of_examples(frame, events, examples, name, free)
        if task is None:
            last += 1
            task = f"T{last:02d}"
        tasks[name], names[task] = task, name
    return tasks, names


def _task_of_examples(
    frame: pl.DataFrame, events: pl.DataFrame, examples: pl.DataFrame | None, name: str, free: set[str]
) -> str | None:
    """The task in which most executions that were marked as examples of a name were found, if it is free for the name."""
    if examples is None or examples.is_empty():
        return None
    rows = examples.filter(pl.col("task") == name).select(*ORDER).join(events.select(*ORDER, "segment_id"), on=ORDER)
    held = frame.join(rows.select("segment_id").unique().drop_nulls(), on="segment_id", how="semi")
    counted = held.filter(pl.col("task_id").is_in([*free])).group_by("task_id").len()
    best = counted.sort("len", "task_id", descending=[True, False])["task_id"].first()
    return best if isinstance(best, str) else None


def _measure(segments: pl.DataFrame) -> pl.DataFrame:
    """How sure each segment is of its task, after some were given another one."""
    vectors, number = list_contents(segments)
    group = (segments["task_id"].rank("dense").cast(pl.Int64) - 1).fill_null(-1).to_numpy()
    sure = pl.Series(measure_confidence(vectors, number, group), dtype=pl.Float64).fill_nan(None)
    return segments.with_columns(task_confidence=sure)
