"""What people decide about tasks: one task instead of several, two instead of one, a better name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.schema import require_columns
from taskkit.tasks.contents import list_contents
from taskkit.tasks.naming import last_number, measure_confidence, name_tasks


def merge_tasks(segments: pl.DataFrame, *, tasks: Sequence[str], name: str | None = None) -> pl.DataFrame:
    """Make one task of several: the first of them takes in the others.

    Parameters
    ----------
    segments : segments frame of `find_tasks`; it is not changed.
    tasks : two or more task ids; the merged task has the id of the first.
    name : its name; that of the first if none is given.

    Returns
    -------
    The segments in the given order with the new `task_id`, `task_name` and `task_confidence`; without `variant_id`, as the
    variants of the merged task have to be found anew.

    Raises
    ------
    SettingError : fewer than two tasks, an unknown task or a name in use. ContractError : `find_tasks` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> days, acts = [f"2026-03-{day:02d}" for day in range(2, 6)], ["reply", "sum"] * 2
    >>> log = tk.from_table(pl.DataFrame({"at": days, "what": acts}), columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.find_tasks(tk.list_segments(tk.segment(tk.name_activities(log), method="gap")))
    >>> merge_tasks(segments, tasks=["T01", "T02"])["task_id"].to_list()
    ['T01', 'T01', 'T01', 'T01']
    """
    _require_tasks(segments, tasks)
    if len({*tasks}) < 2:
        raise SettingError(f"tasks={[*tasks]} is not enough to merge: give two or more different task ids.")
    first = segments.filter(pl.col("task_id") == tasks[0])["task_name"].drop_nulls().first()
    called = name or (first if isinstance(first, str) else tasks[0])
    _require_free(segments, {called: tasks[0]}, leaving=tasks)
    inside = pl.col("task_id").is_in([*tasks])
    return _measure(segments.with_columns(
        task_name=pl.when(inside).then(pl.lit(called)).otherwise("task_name"),
        task_id=pl.when(inside).then(pl.lit(tasks[0])).otherwise("task_id"),
    ))  # fmt: skip


def split_task(
    segments: pl.DataFrame,
    *,
    task: str,
    activity: str | None = None,
    app: str | None = None,
    variant: str | None = None,
    name: str | None = None,
) -> pl.DataFrame:
    """Make two tasks of one by a rule that a person can state: what meets it becomes a task of its own.

    Parameters
    ----------
    segments : segments frame of `find_tasks` (for `variant`, of `find_variants`); it is not changed.
    task : task id to split; segments that do not meet the rule keep it.
    activity : regular expression; the segments with an activity in which it is found.
    app : application; the segments in which it is used.
    variant : variant id; the segments done in that way. Exactly one of these three rules is given.
    name : name of the new task; found from its distinctive steps if none is given.

    Returns
    -------
    The segments in the given order; the new task has the next number that is not used yet. Without `variant_id`, as the
    variants of both parts have to be found anew.

    Raises
    ------
    SettingError : an unknown task, application or variant, not exactly one rule, a rule that leaves one part empty, a name
    in use. ContractError : `find_tasks` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> days, acts = [f"2026-03-{day:02d}" for day in range(2, 6)], ["reply", "sum"] * 2
    >>> log = tk.from_table(pl.DataFrame({"at": days, "what": acts}), columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.find_tasks(tk.list_segments(tk.segment(tk.name_activities(log), method="gap")))
    >>> merged = merge_tasks(segments, tasks=["T01", "T02"])
    >>> split_task(merged, task="T01", activity="^sum", name="Sums")["task_name"].to_list()[1::2]
    ['Sums', 'Sums']
    """
    _require_tasks(segments, [task])
    rules = {
        name: rule for name, rule in {"activity": activity, "app": app, "variant": variant}.items() if rule is not None
    }
    if len(rules) != 1:
        found = ", ".join(rules) or "none"
        raise SettingError(f"A split needs exactly one rule, found: {found}. Allowed: activity=, app= or variant=.")
    own = segments["task_id"].eq_missing(pl.Series([task]))
    meets = own & _meets(segments, own, **rules)
    if meets.sum() in (0, own.sum()):
        count = "no segment" if not meets.any() else "every segment"
        rule = ", ".join(f"{key}={value!r}" for key, value in rules.items())
        raise SettingError(
            f"The rule {rule} is met by {count} of {task} ({own.sum()}): that is no split. Choose another rule."
        )
    known = segments["task_id"].drop_nulls().unique().to_list()
    new = f"T{last_number(known) + 1:02d}"
    if name is not None:
        _require_free(segments, {name: new})
    frame = segments.with_columns(task_id=pl.when(meets).then(pl.lit(new)).otherwise("task_id"))
    taken = segments["task_name"].drop_nulls().unique().to_list()
    called = name or name_tasks(frame, [new], taken=taken)[0]
    return _measure(frame.with_columns(task_name=pl.when(meets).then(pl.lit(called)).otherwise("task_name")))


def rename_tasks(segments: pl.DataFrame, *, names: Mapping[str, str]) -> pl.DataFrame:
    """Give tasks the names that people use for them.

    Parameters
    ----------
    segments : segments frame of `find_tasks`; it is not changed.
    names : {task id: name}; other tasks keep theirs.

    Returns
    -------
    The segments in the given order with the new `task_name`.

    Raises
    ------
    SettingError : an unknown task, an empty name or one in use. ContractError : `find_tasks` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_004), "what": ["open", "save"] * 2}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.find_tasks(tk.list_segments(tk.segment(tk.name_activities(log), method="anchor", end="save")))
    >>> rename_tasks(segments, names={"T01": "Keep the file"})["task_name"].unique().to_list()
    ['Keep the file']
    """
    _require_tasks(segments, names)
    empty = [task for task, name in names.items() if not name.strip()]
    if empty:
        raise SettingError(f"An empty name is not allowed; found for {', '.join(empty)}.")
    double = sorted({name for name in names.values() if [*names.values()].count(name) > 1})
    if double:
        raise SettingError(
            f"Two tasks cannot have one name: {', '.join(map(repr, double))}. Merge them with merge_tasks, or choose another name."
        )
    _require_free(segments, {name: task for task, name in names.items()}, leaving=names)
    return segments.with_columns(task_name=pl.col("task_id").replace_strict({**names}, default=pl.col("task_name")))


def _meets(segments: pl.DataFrame, own: pl.Series, *, activity: str | None = None, app: str | None = None,
           variant: str | None = None) -> pl.Series:  # fmt: skip
    """Which segments meet the one rule that is given."""
    if activity is not None:
        texts = segments.filter(own).select(pl.col("activities").explode(empty_as_null=True)).drop_nulls().unique()
        try:
            hits = texts.filter(pl.col("activities").str.contains(activity))["activities"]
        except pl.exceptions.ComputeError as error:
            raise SettingError(f"activity={activity!r} is not a regular expression: {error}.") from error
        return segments.select(
            pl.col("activities").list.eval(pl.element().is_in(hits.implode())).list.any().fill_null(False)
        ).to_series()
    if app is not None:
        used = segments.filter(own)["apps"].explode(empty_as_null=True).drop_nulls().unique().sort()
        check_choice(app, allowed=used, what="application of the task")
        return segments["apps"].list.contains(app).fill_null(False)
    require_columns(segments, "variant_id", made_by="find_variants")
    check_choice(
        variant or "",
        allowed=segments.filter(own)["variant_id"].drop_nulls().unique().sort(),
        what="variant of the task",
    )
    return segments["variant_id"].eq_missing(pl.Series([variant]))


def _require_tasks(segments: pl.DataFrame, tasks: Iterable[str]) -> None:
    require_columns(segments, "task_id", "task_name", "activities", made_by="find_tasks")
    known = segments["task_id"].drop_nulls().unique().sort().to_list()
    unknown = [task for task in tasks if task not in known]
    if len(unknown) == 1:
        check_choice(unknown[0], allowed=known, what="task")
    elif unknown:
        raise SettingError(f"Unknown tasks {', '.join(map(repr, unknown))}. Known: {', '.join(known) or 'none'}.")


def _require_free(segments: pl.DataFrame, names: Mapping[str, str], *, leaving: Iterable[str] = ()) -> None:
    """No name may belong to a task that keeps it."""
    stay = segments.filter(~pl.col("task_id").is_in([*leaving])).select("task_name", "task_id").drop_nulls().unique()
    taken = [f"{name!r} is the name of {task}" for name, task in sorted(stay.iter_rows()) if name in names]
    if taken:
        raise SettingError(f"{'; '.join(taken)}. Choose another name, or merge the tasks with merge_tasks.")


def _measure(segments: pl.DataFrame) -> pl.DataFrame:
    """The confidence after a change; variants belong to the tasks as they were."""
    vectors, number = list_contents(segments)
    group = (segments["task_id"].rank("dense").cast(pl.Int64) - 1).fill_null(-1).to_numpy()
    sure = pl.Series(measure_confidence(vectors, number, group), dtype=pl.Float64).fill_nan(None)
    return segments.drop("variant_id", strict=False).with_columns(task_confidence=sure)
