"""Names of tasks, tasks that are the same, and executions of which people said the task, replayed on the tasks found."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import polars as pl

from taskkit.decisions.corrections import ORDER, VANISHED
from taskkit.schema import require_columns
from taskkit.tasks import merge_tasks, rename_tasks
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
    entry with `same_as` makes the task of its anchor a part of the task that holds the other row: that one keeps its number
    and its name. An execution with `task_said` gets the task that bears this name, or bore it before it was named or made a
    part of another one, or that has this number; else the one that most examples of this name were found in; else a new
    one.

    Parameters
    ----------
    segments : segments frame of `find_tasks`.
    events : their events; `task_said` where `correct_segments` was applied.
    names : standing entries of kind "name": `number`, `subject`, `decision`, `detail` with {"anchor": [user, session_id, seq]}
        and, for a task that is the same as another one, {"same_as": [user, session_id, seq]} of a row of that one.
    examples : frame of `examples_of`.

    Returns
    -------
    The segments in the given order with `task_id`, `task_name` and `task_confidence` (1 where a person said the task), with
    `found_task_id` and `found_task_name` (as they were before) where tasks were made one, and the names that could not be
    given: `number`, `op` ("name"), `rows`, `found`, `sentence`, as in `list_vanished`.

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
    read = read_names(segments, events, names)
    frame = segments
    if read.merged:  # which task each was, so that a desk can show the parts again
        frame = frame.with_columns(found_task_id="task_id", found_task_name="task_name")
    for task in sorted({*read.merged.values()}):
        parts = sorted(part for part, whole in read.merged.items() if whole == task)
        frame = merge_tasks(frame, tasks=[task, *parts])
    if read.given:
        frame = rename_tasks(frame, names=read.given)
    # what bore a name, or has a number, at any time is what people mean by it
    ids = {task: task for task in segments["task_id"].drop_nulls().unique().sort()}
    means = {said: read.merged.get(task, task) for said, task in (ids | before | read.bore).items()}
    return _assign(frame, events, means, read.given, examples), read.lost


class Names(NamedTuple):
    """What standing names make of the tasks that were found."""

    given: dict[str, str]  # task → the name that people gave it
    merged: dict[str, str]  # task → the task of which it is a part now
    bore: dict[str, str]  # name that was given at some time and stands → its task
    about: dict[int, str]  # number of an entry → the task as it was found that the entry is about
    lost: pl.DataFrame  # names that could not be given, as in `list_vanished`


def read_names(segments: pl.DataFrame, events: pl.DataFrame, names: pl.DataFrame) -> Names:
    """Find the tasks that standing names are about: which name each gets, and which tasks are one.

    Parameters
    ----------
    segments : at least `segment_id`, `task_id`, `task_name`.
    events : at least `user`, `session_id`, `seq`, `segment_id`.
    names : as in `apply_names`.

    >>> names = pl.DataFrame({"number": [1], "subject": ["T01"], "decision": ["Keep the file"], "detail": [None]})
    >>> rows = pl.DataFrame({"user": "p", "session_id": "s", "seq": [0], "segment_id": [0]})
    >>> tasks = pl.DataFrame({"segment_id": [0], "task_id": "T01", "task_name": "file"})
    >>> read_names(tasks, rows, names).given
    {'T01': 'Keep the file'}
    """
    entries = _read(names, segments, events)
    latest, merged, bore, lost = _follow(entries)
    found = dict(segments.select("task_id", "task_name").drop_nulls().unique().sort("task_id", "task_name").iter_rows())
    lost += _refuse({task: name for task, name in found.items() if task not in merged}, latest)
    table = pl.DataFrame(sorted(lost), schema=VANISHED, orient="row")
    about = {name.number: name.task for name in entries if name.task is not None}
    return Names({task: name.name for task, name in latest.items()}, merged, bore, about, table)


class _Name(NamedTuple):
    number: int
    name: str
    task: str | None
    why: str  # why there is no task
    other: str | None = None  # the task that this one is the same as
    merges: bool = False


def _read(names: pl.DataFrame, segments: pl.DataFrame, events: pl.DataFrame) -> list[_Name]:
    """The names in order, each with the task that it goes to, or why there is none."""
    entries = [
        (number, subject, decision.strip(), *_places(detail))
        for number, subject, decision, detail in names.sort("number").select("number", "subject", "decision", "detail").iter_rows()
    ]  # fmt: skip
    places = {place for *_, anchor, other, _ in entries for place in (anchor, other) if place is not None}
    keys = pl.DataFrame([*sorted(places)], schema=dict.fromkeys(ORDER[:2], pl.String) | {"seq": pl.Int64}, orient="row")
    rows = events.lazy().select(*ORDER, "segment_id").with_columns(pl.col("seq").cast(pl.Int64))
    rows = rows.join(keys.lazy(), on=ORDER, how="semi").join(
        segments.lazy().select("segment_id", "task_id"), on="segment_id", how="left"
    )
    found = {(user, session, seq): task for user, session, seq, _, task in rows.collect().iter_rows()}
    known = {*segments["task_id"].drop_nulls()}
    read = []
    for number, subject, name, anchor, other, merges in entries:
        task, why = (subject if subject in known else None, "its task is not among the tasks that were found")
        if anchor is not None:
            task, why = found.get(anchor), _why(anchor in found)
        same = found.get(other) if other is not None else None
        if merges and task is not None and same is None:
            why = _why(other in found)
        read.append(_Name(number, name, task, why, same, merges))
    return read


_Place = tuple[str, str, int]


def _places(detail: str | None) -> tuple[_Place | None, _Place | None, bool]:
    """The row that a name was given to, the row of the task that it is the same as, and whether it says that at all."""
    try:
        told: Any = json.loads(detail or "null")
    except ValueError:
        told = None
    told = told if isinstance(told, dict) else {}
    return _place(told.get("anchor")), _place(told.get("same_as")), "same_as" in told


def _place(value: Any) -> _Place | None:
    try:
        user, session, seq = value
    except (TypeError, ValueError):
        return None
    return (user, session, seq) if isinstance(user, str) and isinstance(session, str) and isinstance(seq, int) else None


def _follow(names: list[_Name]) -> tuple[dict[str, _Name], dict[str, str], dict[str, str], list[tuple[Any, ...]]]:
    """The latest name of each task, the tasks that are a part of another one, what bore each name, and what is lost."""
    given: dict[str, _Name] = {}
    merged: dict[str, str] = {}
    bore: dict[str, str] = {}
    lost: list[tuple[Any, ...]] = []
    for name in names:
        if name.task is None or (name.merges and name.other is None):
            lost.append(_lost(name, name.why))
            continue
        task = merged.get(name.task, name.task)
        if not name.merges:
            given[task], bore[name.name] = name, task
        elif name.other is not None and (whole := merged.get(name.other, name.other)) != task:
            merged = {part: whole if now == task else now for part, now in merged.items()} | {task: whole}
            given.pop(task, None)  # the name of the whole holds
    return given, merged, bore, lost


def _refuse(found: dict[str, str], given: dict[str, _Name]) -> list[tuple[Any, ...]]:
    """Take out of the given names those that two tasks would bear, and tell them."""
    lost: list[tuple[Any, ...]] = []
    while True:  # a name that is not given leaves a task its found name, which may be another one's new name
        bears = {task: name for task, name in found.items() if task not in given}
        taken: dict[str, str] = {name: task for task, name in sorted(bears.items())}
        refused = []
        for task, name in sorted(given.items(), key=lambda item: item[1].number):
            if taken.setdefault(name.name, task) != task:
                refused.append((task, name, taken[name.name]))
        if not refused:
            return lost
        for task, name, owner in refused:
            del given[task]
            lost.append(_lost(name, f"{owner} bears it already. Merge the two tasks or choose another name"))


def _why(there: bool) -> str:
    if there:
        return "the row that it was given to belongs to no task now"
    return "the row that it was given to is not in the log any more"


def _lost(name: _Name, why: str) -> tuple[Any, ...]:
    what = "The decision" if name.merges else "The name"
    said = f"{what} “{name.name}” (number {name.number}) was not {'followed' if name.merges else 'given'}: {why}."
    return (name.number, "name", 1, int(name.task is not None and not name.merges), said)


def _assign(
    segments: pl.DataFrame, events: pl.DataFrame, means: dict[str, str], given: dict[str, str],
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
    tasks, names = _find_said(frame, events, means, given, examples)
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
    frame: pl.DataFrame, events: pl.DataFrame, means: dict[str, str], given: dict[str, str],
    examples: pl.DataFrame | None,
) -> tuple[dict[str, str], dict[str, str]]:  # fmt: skip
    """The task of each name that was said, and the name of each task."""
    names = dict(frame.select("task_id", "task_name").drop_nulls().unique().sort("task_id").iter_rows())
    owners = {name: task for task, name in names.items()}
    wanted = frame["task_said"].drop_nulls().unique().sort().to_list()
    tasks = {name: task for name in wanted if (task := owners.get(name, means.get(name)))}
    last = last_number([*names, *means])  # the number of a task that is a part of another one is not used again
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
