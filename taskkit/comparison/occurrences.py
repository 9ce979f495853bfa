"""Steps and successions in two groups: in which share of its executions does each group have them?"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from taskkit.comparison.people import (
    Flags,
    Numbers,
    adjust,
    base_of,
    figure,
    find_differences,
    take_groups,
    too_few,
    verdict_of,
)
from taskkit.errors import SettingError, check_choice
from taskkit.privacy import MIN_PEOPLE
from taskkit.schema import require_columns
from taskkit.variants import LEVELS, screen_of
from taskkit.variants.ways import check_order

FIGURES = ("value_a", "value_b", "difference", "low", "high", "p_value", "p_adjusted")
COUNTS = ("segments_a", "segments_b", "people_a", "people_b", "people_both", "segments", "people")
TEXTS = ("task_id", "task_name", "group_a", "group_b", "sentence")


@dataclass(frozen=True)
class Question:
    """What is asked of every task: the columns that tell the marks apart, the groups, and how it is tested."""

    keys: tuple[str, ...]
    names: tuple[str, str]
    rare: float
    permutations: int
    seed: int
    min_people: int


def compare_steps(
    segments: pl.DataFrame,
    *,
    by: str = "team",
    groups: tuple[str, str] | None = None,
    level: str = "screen",
    rare: float = 0.05,
    permutations: int = 1999,
    seed: int = 0,
    min_people: int = MIN_PEOPLE,
) -> pl.DataFrame:
    """Compare in which share of their executions two groups use each step of a task.

    A group's value is the mean over its people of the share of each person's executions that contain the step. Interval
    and test are those of `compare`; `p_adjusted` holds the share of false discoveries among all steps of the task.

    Parameters
    ----------
    segments : one row per segment, with `task_id` and `activities`; segments without a task are left out.
    by, groups, permutations, seed, min_people : as in `compare`.
    level : "screen" (windows, pages, documents), "activity", "action" (here the same) or "app" (applications used).
    rare : steps in a smaller part of both groups' executions together are left out (0 keeps all).

    Returns
    -------
    One row per task and step, largest difference first: `task_id`, `task_name`, `step`, `group_a`, `group_b`, `value_a`,
    `value_b`, `difference` (second minus first), `low`, `high`, `p_value`, `p_adjusted`, `segments_a`, `segments_b`,
    `people_a`, `people_b`, `people_both` (executions of the task and the people who did it), `segments`, `people`
    (executions that contain the step, and their people: hide the row in what is shared if they are few), `sentence`.
    Figures are null where a group has fewer than `min_people` people.

    Raises
    ------
    SettingError : unknown level or group, or not two groups. ContractError : no tasks yet.

    References
    ----------
    Benjamini and Hochberg (1995), Controlling the false discovery rate.

    >>> rows = [(i, f"p{i % 10}", "ab"[i % 2], "T01", ["open list", "check price"][: 1 + i % 2]) for i in range(60)]
    >>> names = ["segment_id", "user", "team", "task_id", "activities"]
    >>> result = compare_steps(pl.DataFrame(rows, schema=names, orient="row"), level="activity")
    >>> result.select("step", "value_a", "value_b", "difference").rows()
    [('check price', 0.0, 1.0, 1.0), ('open list', 1.0, 1.0, 0.0)]
    """
    check_choice(level, allowed=LEVELS, what="level of steps")
    chosen, names = _choose(segments, by, groups, level, rare, permutations, min_people)
    question = Question(("step",), names, rare, permutations, seed, min_people)
    return _compare_marks(chosen, _steps(chosen, level).unique(), question)


def compare_successions(
    segments: pl.DataFrame,
    *,
    by: str = "team",
    groups: tuple[str, str] | None = None,
    level: str = "screen",
    rare: float = 0.05,
    permutations: int = 1999,
    seed: int = 0,
    min_people: int = MIN_PEOPLE,
) -> pl.DataFrame:
    """Compare in which share of their executions one step directly follows another in two groups: the difference map.

    Value, interval and test are those of `compare_steps`; `p_adjusted` holds the share of false discoveries among all
    successions of the task.

    Parameters
    ----------
    segments : one row per segment, with `task_id` and `activities`; segments without a task are left out.
    by, groups, permutations, seed, min_people : as in `compare`.
    level : "screen" (staying on a screen is no succession), "activity" (nor is doing the same again) or "action" (it is).
    rare : successions in a smaller part of both groups' executions together are left out (0 keeps all).

    Returns
    -------
    One row per task and pair, largest difference first: `before` (null = the start) and `after` (null = the end) where
    `compare_steps` has `step`, otherwise the same columns.

    Raises
    ------
    SettingError : unknown level or group, or not two groups. ContractError : no tasks yet.

    References
    ----------
    Benjamini and Hochberg (1995), Controlling the false discovery rate.

    >>> rows = [(i, f"p{i % 10}", "ab"[i % 2], "T01", ["open list", "check price"][: 1 + i % 2]) for i in range(60)]
    >>> names = ["segment_id", "user", "team", "task_id", "activities"]
    >>> result = compare_successions(pl.DataFrame(rows, schema=names, orient="row"), level="activity")
    >>> result.filter(pl.col("before") == "open list").select("after", "difference").rows()
    [('check price', 1.0), (None, -1.0)]
    """
    check_order(level, what="level of successions")
    chosen, names = _choose(segments, by, groups, level, rare, permutations, min_people)
    question = Question(("before", "after"), names, rare, permutations, seed, min_people)
    return _compare_marks(chosen, _pairs(_steps(chosen, level)), question)


def _choose(
    segments: pl.DataFrame, by: str, groups: tuple[str, str] | None, level: str, rare: float, permutations: int,
    min_people: int,
) -> tuple[pl.DataFrame, tuple[str, str]]:  # fmt: skip
    if not 0 <= rare < 1:
        raise SettingError(f"rare={rare} is not allowed: at least 0 and less than 1.")
    steps = "apps" if level == "app" else "activities"
    require_columns(segments, "task_id", steps, made_by="find_tasks")
    chosen, first, second = take_groups(segments, by, groups, permutations=permutations, min_people=min_people)
    return chosen.select("segment_id", "user", "group", "task_id", "task_name", steps), (first, second)


def _steps(chosen: pl.DataFrame, level: str) -> pl.DataFrame:
    """One row per segment and step, in order; staying on a screen is one step, doing the same again is one activity."""
    column = "apps" if level == "app" else "activities"
    steps = chosen.select("segment_id", step=column).explode("step", empty_as_null=True).drop_nulls("step")
    if level == "action":
        return steps
    if level == "screen":
        steps = steps.with_columns(screen_of("step"))
    return steps.filter(pl.struct("segment_id", "step").ne_missing(pl.struct("segment_id", "step").shift(1)))


def _pairs(steps: pl.DataFrame) -> pl.DataFrame:
    """One row per segment and pair of steps that follow each other in it; null is its start or its end."""
    inner = steps.select("segment_id", before=pl.col("step").shift(1).over("segment_id"), after="step")
    ends = steps.group_by("segment_id").agg(before=pl.col("step").last(), after=pl.lit(None, pl.String))
    return pl.concat([inner, ends]).unique()


def _compare_marks(chosen: pl.DataFrame, marks: pl.DataFrame, question: Question) -> pl.DataFrame:
    """Compare the share of executions that have each mark (a step, a pair of steps), task by task."""
    joined = marks.join(chosen.select("segment_id", "task_id", "user", "group"), on="segment_id")
    schema = {
        name: pl.Float64() if name in FIGURES else pl.UInt32() if name in COUNTS else pl.String()
        for name in (*TEXTS[:2], *question.keys, *TEXTS[2:4], *FIGURES, *COUNTS, *TEXTS[4:])
    }
    parts = [
        _compare_task(task, joined.filter(pl.col("task_id") == task["task_id"][0]), question).select(
            pl.col(name).cast(dtype) for name, dtype in schema.items()
        )
        for task in chosen.sort("task_id").partition_by("task_id", maintain_order=True)
    ]
    return pl.concat([pl.DataFrame(schema=schema), *parts])


def _compare_task(task: pl.DataFrame, marks: pl.DataFrame, question: Question) -> pl.DataFrame:
    keys, (a, b) = question.keys, question.names
    kinds = marks.group_by(keys).agg(segments=pl.len(), people=pl.col("user").n_unique())
    kinds = kinds.filter(pl.col("segments") >= question.rare * task.height).sort(keys, nulls_last=True)
    (shares_a, in_a, n_a), (shares_b, in_b, n_b) = (_shares(task, marks, kinds, keys, name) for name in (a, b))
    n = int(in_a.sum()), int(in_b.sum())
    figures: dict[str, Any] = dict.fromkeys(FIGURES, pl.lit(None, pl.Float64))
    if kinds.height and min(n) >= question.min_people:
        source = f"{task['task_id'][0]}/{'/'.join(keys)}"
        random = np.random.default_rng([question.seed, zlib.crc32(source.encode())])
        found = find_differences(shares_a, shares_b, in_a, in_b, question.permutations, random)
        values = (found.first, found.second, found.second - found.first, found.low, found.high, found.p_value)
        columns = [pl.Series(value, dtype=pl.Float64) for value in values]
        figures = dict(zip(FIGURES, [*columns, adjust(columns[-1])], strict=True))
    counts = dict(zip(COUNTS, (n_a, n_b, *n, int((in_a & in_b).sum())), strict=False))
    result = kinds.with_columns(
        task_id=pl.lit(task["task_id"][0]), task_name=pl.lit(task["task_name"][0]), group_a=pl.lit(a), group_b=pl.lit(b),
        **figures,
        **{name: pl.lit(count) for name, count in counts.items()},
    )  # fmt: skip
    sentences = [_sentence(row, keys, question.min_people) for row in result.iter_rows(named=True)]
    return result.with_columns(sentence=pl.Series(sentences, dtype=pl.String)).sort(
        pl.col("difference").abs().round(9), *keys, descending=[True] + [False] * len(keys), nulls_last=True
    )


def _shares(
    task: pl.DataFrame, marks: pl.DataFrame, kinds: pl.DataFrame, keys: Sequence[str], group: str
) -> tuple[Numbers, Flags, int]:
    """Of a group: (people, kinds) share of each person's executions that have the mark, who is in it, its executions."""
    users, inside = task.select("user").unique().sort("user"), pl.col("group") == group
    own = task.filter(inside).group_by("user").len()
    sizes = users.join(own, on="user", how="left", maintain_order="left")["len"].fill_null(0).to_numpy().astype(float)
    cells = (
        marks.filter(inside).group_by("user", *keys).len()
        .join(kinds.select(keys).with_row_index("_kind"), on=keys, nulls_equal=True)
        .join(users.with_row_index("_person"), on="user")
    )  # fmt: skip
    shares = np.zeros((users.height, kinds.height))
    shares[cells["_person"].to_numpy(), cells["_kind"].to_numpy()] = cells["len"].to_numpy()
    return shares / np.maximum(sizes, 1.0)[:, None], sizes > 0, int(sizes.sum())


def _sentence(row: dict[str, Any], keys: Sequence[str], min_people: int) -> str:
    if len(keys) == 1:
        mark = f"“{row[keys[0]]}”"
    else:
        before, after = row["before"], row["after"]
        mark = (
            f"starts with “{after}”"
            if before is None
            else f"“{before}”, then {'the end' if after is None else f'“{after}”'}"
        )
    what = f"{row['task_name']}, {mark}"
    if row["difference"] is None:
        return f"{what}: {too_few(min_people)}"
    a, b = row["group_a"], row["group_b"]
    value = f"in {figure(row['value_a'], 'share')} of the executions in {a}, {figure(row['value_b'], 'share')} in {b}"
    span = f"95 % interval of the difference {figure(row['low'], 'share')} to {figure(row['high'], 'share')}"
    asked = "steps" if len(keys) == 1 else "successions"
    chance = f"p = {row['p_value']:.3f}, {row['p_adjusted']:.3f} adjusted for the {asked} of the task"
    return (
        f"{what}: {value} (mean over people of each person's share); {verdict_of(row['p_adjusted'])} "
        f"({span}; {chance}; {base_of(row)})."
    )
