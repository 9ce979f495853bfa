"""Ids that last, names that can be read, and how sure each segment is of its task."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from taskkit.activities import VERB
from taskkit.tasks.contents import ROWS_AT_ONCE, Array, add_up, find_centres, list_contents, to_unit_length

SAME_CONTENT = 0.5  # a task of an older run and one of this run are the same from this similarity of their centres
UNNAMED = "Unnamed task"


def number_tasks(segments: pl.DataFrame, group: Array) -> list[str]:
    """T01, T02, … for the groups 0, 1, …: most active time first, then most segments, then the earlier one."""
    groups = int(group.max(initial=-1)) + 1
    inside = group >= 0
    time = np.bincount(group[inside], weights=segments["active_seconds"].to_numpy()[inside], minlength=groups)
    begins = (
        segments.select("start", group=pl.Series(group))
        .filter(pl.col("group") >= 0)
        .sort("group")
        .group_by("group", maintain_order=True)
    )
    first = begins.agg(pl.col("start").min())["start"].to_physical().to_numpy()
    order = np.lexsort((first, -np.bincount(group[inside], minlength=groups), -np.round(time, 6)))
    ids = [""] * groups
    for place, number in enumerate(order.tolist()):
        ids[number] = f"T{place + 1:0{max(2, len(str(groups)))}d}"
    return ids


def keep_ids(segments: pl.DataFrame, group: Array, previous: pl.DataFrame) -> tuple[list[str], dict[str, str]]:
    """Ids for the groups: those of the older tasks with the same content, one to one; new groups get numbers never used.

    Returns
    -------
    One id per group, and the names that older tasks bring with them.
    """
    from scipy.optimize import linear_sum_assignment

    old = previous.filter(pl.col("task_id").is_not_null())
    known = old["task_id"].unique().sort().to_list()
    fresh = number_tasks(segments, group)
    both = pl.concat([old.select("activities"), segments.select("activities")])
    vectors, number = list_contents(both)
    older = old["task_id"].replace_strict(known, range(len(known)), return_dtype=pl.Int64).to_numpy()
    before, now = find_centres(vectors[number[: old.height]], older), find_centres(vectors[number[old.height :]], group)
    like = (now @ before.T).toarray()
    kept: dict[int, str] = {}
    for task, match in zip(*linear_sum_assignment(np.where(like >= SAME_CONTENT, -like, 0.0)), strict=True):
        if like[task, match] >= SAME_CONTENT:
            kept[int(task)] = known[match]
    last = last_number(known)
    ids = [""] * len(fresh)
    for new in sorted(range(len(fresh)), key=lambda g: fresh[g]):
        if new not in kept:
            last += 1
        ids[new] = kept.get(new, f"T{last:02d}")
    names = dict(old.select("task_id", "task_name").unique("task_id", keep="first").drop_nulls().iter_rows())
    return ids, {i: names[i] for i in kept.values() if i in names}


def last_number(ids: Sequence[str]) -> int:
    """The highest number among ids such as "T07"; 0 where there is none."""
    return max((int(found[1]) for found in (re.fullmatch(r"T(\d+)", i) for i in ids) if found), default=0)


def measure_confidence(vectors: Any, number: Array, group: Array) -> Array:
    """How sure each segment is of its task, 0 to 1; NaN without one.

    Likeness to the own task over the likeness to the own and the nearest other one, a likeness being the cosine similarity
    to the mean of a task's segments, the segment itself left out: 1 = no other task is like it, 0.5 = another one is just
    as like, 0 = the other segments of its task have nothing of it.
    """
    groups = int(group.max(initial=-1)) + 1
    sure = np.full(len(group), np.nan)
    sums = add_up(vectors[number], group, groups)
    squares = np.asarray(sums.multiply(sums).sum(axis=1)).ravel()
    centres = to_unit_length(sums).T
    pairs, position = np.unique(np.stack([number, group], axis=1)[group >= 0], axis=0, return_inverse=True)
    out = np.zeros(len(pairs))
    for start in range(0, len(pairs), ROWS_AT_ONCE):
        rows, own = pairs[start : start + ROWS_AT_ONCE].T
        near = (vectors[rows] @ centres).toarray()
        at = np.arange(len(rows)), own
        share = near[at] * np.sqrt(squares[own])  # with the sum of the whole task, the segment itself among it
        others = np.maximum(squares[own] - 2 * share + 1, 0)
        likeness = np.clip(np.where(others > 1e-9, (share - 1) / np.sqrt(np.maximum(others, 1e-9)), 0.0), 0, 1)
        near[at] = 0
        out[start : start + ROWS_AT_ONCE] = likeness / np.maximum(likeness + near.max(axis=1, initial=0), 1e-9)
    sure[group >= 0] = np.round(out, 9)[
        np.asarray(position).ravel()
    ]  # sums differ in the last digits with the order of rows
    return sure


def name_tasks(segments: pl.DataFrame, order: Sequence[str], *, taken: Sequence[str] = (), most: int = 2) -> list[str]:
    """A name for each id in `order`: the objects of its most distinctive steps, deeds on an element first among equals.

    Parameters
    ----------
    segments : `activities` and `task_id` (null = rest).
    taken : names that are in use already; no two tasks have the same name.
    """
    score = _score_things(segments, tasks=segments["task_id"].drop_nulls().n_unique())
    ranked = dict(score.group_by("task_id", maintain_order=True).agg("thing").iter_rows())
    names: list[str] = []
    for task in order:
        best: list[str] = []
        for thing in ranked.get(task, [])[:12]:
            words = {*re.findall(r"\w+", thing.lower())}
            if not any(words & {*re.findall(r"\w+", other.lower())} for other in best):
                best.append(thing)
            if len(best) == most:
                break
        name, count = " + ".join(best) or UNNAMED, 2
        while (new := name if count == 2 and name not in [*taken, *names] else f"{name} ({count})") in [*taken, *names]:
            count += 1
        names.append(new)
    return names


def _score_things(segments: pl.DataFrame, *, tasks: int) -> pl.DataFrame:
    """The objects that each task touches, most distinctive first: share of its segments with it, less that in other tasks."""
    steps = (
        segments.filter(pl.col("task_id").is_not_null())
        .select("task_id", row=pl.int_range(pl.len()), step=pl.col("activities").list.unique())
        .explode("step", empty_as_null=True).drop_nulls()
    )  # fmt: skip
    on_element = pl.col("step").str.contains(" · ", literal=True)  # and not a window that was only looked at
    things = steps.select("step").unique().with_columns(
        thing=_thing(),
        weight=pl.when(pl.col("step").str.contains("^(?i)click|^use|^press")).then(1.0).when(on_element).then(0.8).otherwise(0.6),
    ).drop_nulls("thing")  # fmt: skip
    held = steps.join(things, on="step")
    held = held.group_by("task_id", "row", "thing").agg(pl.col("weight").max())
    sizes = segments.drop_nulls("task_id").group_by("task_id").agg(size=pl.len())
    share = held.group_by("task_id", "thing").agg(n=pl.len(), weight=pl.col("weight").mean()).join(sizes, on="task_id")
    share = share.with_columns(share=pl.col("n") / pl.col("size"))
    total = share.group_by("thing").agg(everywhere=pl.col("share").sum())
    others = (pl.col("everywhere") - pl.col("share")) / max(tasks - 1, 1)
    # rounded, so that the order in which shares were added up decides nothing
    score = (pl.col("weight") * (pl.col("share") - 1.5 * others)).round(9)
    return share.join(total, on="thing").with_columns(score=score).sort(
        "task_id", "score", "thing", descending=[False, True, False]
    )  # fmt: skip


def _thing() -> pl.Expr:
    """What a step was done to: the activity without its verb and its screen; of a sentence, the label it quotes."""
    bare = pl.col("step").str.replace(VERB, "").str.split(" · ").list.first()
    bare = pl.coalesce(bare.str.extract(r"'([^'{}]{3,40})'"), bare)
    bare = bare.str.replace_all(r"\S*[#‹›\[\]{}]\S*|\p{Co}", "").str.replace_all(r"\s+", " ").str.strip_chars(" .,:;-'")
    return pl.when(bare.str.len_chars().is_between(3, 40)).then(bare)
