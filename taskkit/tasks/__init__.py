"""Similar segments → tasks, with readable names."""

from __future__ import annotations

import polars as pl

from taskkit.errors import SettingError
from taskkit.schema import SEGMENTS, TASKS, require, require_columns
from taskkit.tasks.changes import merge_tasks, rename_tasks, split_task
from taskkit.tasks.contents import list_contents
from taskkit.tasks.fitted import KnownTasks, assign_tasks, fit_tasks
from taskkit.tasks.grouping import group_by_content, group_by_model
from taskkit.tasks.naming import keep_ids, measure_confidence, name_tasks, number_tasks

__all__ = [
    "KnownTasks", "assign_tasks", "find_tasks", "fit_tasks", "list_tasks", "merge_tasks", "rename_tasks", "split_task",
]  # fmt: skip


def find_tasks(
    segments: pl.DataFrame,
    *,
    similarity: float = 0.24,
    min_segments: int = 2,
    previous: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Group segments into tasks by what they touch and in which order, and name the tasks by their distinctive steps.

    Segments without a task model are compared by the words of the places that they touch, the pairs of words that stand
    together, and the words where they begin and end, so that logs in which hardly two steps read alike can be grouped too.
    Those with the same content are collapsed; contents are joined while even the two least similar in a group are alike
    (complete linkage). Where every segment comes from a task model, the models are the groups: those in which the same
    places follow one another are joined, and the segments of a model that is a mixture are grouped by their contents. What
    is like nothing else is no task: it stays in the rest.

    Parameters
    ----------
    segments : segments frame of `list_segments`.
    similarity : contents in one task are at least this similar (cosine, more than 0, at most 1), and so are the segments
        of a task model on average.
    min_segments : smallest group that is called a task; smaller ones stay in the rest.
    previous : segments of an older run with `task_id`, `task_name` and `activities`. Tasks whose content matches one of
        its tasks (one to one, best overall) keep that id and name; new ones get numbers that it has not used. Give the
        frame as it was before merges and splits, and repeat those afterwards.

    Returns
    -------
    The segments in the given order with `task_id` (null = rest; without `previous`, "T01" has the most active time),
    `task_name` and `task_confidence`: likeness to the own task over the likeness to it and to the nearest other task,
    where likeness is the cosine similarity to the mean of the other segments (1 = no other task is like it, 0.5 = another
    one is just as like; not a probability).

    Raises
    ------
    ContractError : not a segments frame, or `previous` has no tasks. SettingError : a setting out of range.

    References
    ----------
    TF-IDF: Salton & Buckley, Information Processing & Management 24 (1988). Complete linkage: Defays, The Computer Journal
    20 (1977). Optimal assignment: Kuhn, Naval Research Logistics Quarterly 2 (1955).

    >>> import polars as pl, taskkit as tk
    >>> steps = ["open mail", "reply"] * 4 + ["open sheet", "sum up"] * 4
    >>> days = [f"2026-03-{day:02d}" for day in range(2, 10) for _ in range(2)]
    >>> log = tk.from_table(pl.DataFrame({"at": days, "what": steps}), columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.list_segments(tk.segment(tk.name_activities(log), method="gap"))
    >>> tk.find_tasks(segments)["task_id"].to_list()
    ['T01', 'T01', 'T01', 'T01', 'T02', 'T02', 'T02', 'T02']
    """
    _check(segments, similarity, min_segments, previous)
    frame = segments.drop("task_id", "task_name", "task_confidence", "variant_id", strict=False)
    if frame.is_empty():
        return frame.with_columns(
            task_id=pl.lit(None, pl.String), task_name=pl.lit(None, pl.String), task_confidence=pl.lit(None, pl.Float64)
        )
    vectors, number = list_contents(frame)
    if "model" in frame.columns and frame["model"].null_count() == 0:
        group = group_by_model(frame, vectors, number, similarity=similarity, min_segments=min_segments)
    else:
        group = group_by_content(vectors, number, similarity=similarity, min_segments=min_segments)
    ids, names = number_tasks(frame, group), dict[str, str]()
    if previous is not None:
        ids, names = keep_ids(frame, group, previous)
    confidence = pl.Series(measure_confidence(vectors, number, group)).fill_nan(None)
    frame = frame.with_columns(task_id=pl.Series([ids[g] if g >= 0 else None for g in group.tolist()], dtype=pl.String))
    fresh = sorted({*ids} - {*names})
    names |= dict(zip(fresh, name_tasks(frame, fresh, taken=[*names.values()]), strict=True))
    called = pl.col("task_id").replace_strict(names, default=None, return_dtype=pl.String)
    return frame.with_columns(task_name=called, task_confidence=confidence.cast(pl.Float64))


def list_tasks(segments: pl.DataFrame) -> pl.DataFrame:
    """List the tasks: how often, by how many people, how long.

    Parameters
    ----------
    segments : segments frame with `task_id` and `task_name`.

    Returns
    -------
    One row per task, in order of id: most active time first, unless ids were kept (see `taskkit.TASKS`); `share` is the
    part of the active time inside segments, the rest included in the whole. Segments without a task are not listed.

    Raises
    ------
    ContractError : `find_tasks` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_006), "what": ["open", "save"] * 3}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.list_segments(tk.segment(tk.name_activities(log), method="anchor", end="save"))
    >>> tk.list_tasks(tk.find_tasks(segments)).select("task_id", "segments", "people").row(0)
    ('T01', 3, 1)
    """
    require_columns(segments, "task_id", "task_name", made_by="find_tasks")
    whole = segments["active_seconds"].sum() or 1.0
    listed = segments.filter(pl.col("task_id").is_not_null()).group_by("task_id").agg(
        pl.col("task_name").first(), segments=pl.len(), people=pl.col("user").n_unique(),
        active_hours=pl.col("active_seconds").sum() / 3600, share=pl.col("active_seconds").sum() / whole,
        median_seconds=pl.col("active_seconds").median(), q25_seconds=pl.col("active_seconds").quantile(0.25),
        q75_seconds=pl.col("active_seconds").quantile(0.75), median_steps=pl.col("steps").median(),
        interrupted=(pl.col("fragments") > 1).mean(),
    )  # fmt: skip
    used = (
        segments.select("task_id", app=pl.col("apps")).explode("app", empty_as_null=True).drop_nulls()
        .group_by("task_id", "app").len().sort("task_id", "len", "app", descending=[False, True, False])
        .group_by("task_id", maintain_order=True).agg(apps=pl.col("app"))
    )  # fmt: skip
    listed = listed.join(used, on="task_id", how="left").with_columns(
        pl.col("apps").fill_null(pl.lit([], dtype=pl.List(pl.String)))
    )
    return listed.select(pl.col(c.name).cast(c.dtype) for c in TASKS.columns).sort("task_id")


def _check(segments: pl.DataFrame, similarity: float, min_segments: int, previous: pl.DataFrame | None) -> None:
    require(segments, SEGMENTS)
    wrong = []
    if not 0 < similarity <= 1:
        wrong.append(f"similarity={similarity} is not allowed: more than 0, at most 1.")
    if min_segments < 1:
        wrong.append(f"min_segments={min_segments} is not allowed: at least 1.")
    if wrong:
        raise SettingError(" ".join(wrong))
    if previous is not None:
        require_columns(previous, "task_id", "task_name", "activities", made_by="find_tasks")
