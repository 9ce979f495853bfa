"""What each execution's way is made of: steps as numbers, without glances and without what hardly anyone does."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.activities import VERB, numbers
from taskkit.errors import SettingError, check_choice
from taskkit.schema import require_columns

Array = np.ndarray[Any, Any]

LEVELS = ("action", "activity", "screen", "app")
IN_ORDER = LEVELS[:3]  # the segments hold no order of applications

# a step of a way is a glance where it is bound to no place; measured on the worked example with its truth
PART_OF_TASK = 2 / 3  # what a larger part of the executions do belongs to the task, wherever it stands
PLACES = 6.0  # so many equally frequent neighbours on both sides stand for "anywhere"
BOUND_SHARE, BOUND_LIFT = 0.2, 2.5  # a place that has this part of the occurrences, and so many times what chance gives
FEW, PRIOR = 5.0, 10.0  # occurrences by which shares and lifts of few are drawn to nothing and to chance

_BLOCK = 1 << 17  # steps: what is made of so many stays near the processor
_WORTH = 4  # blocks that are worth a thread


class Steps(NamedTuple):
    """The steps of the segments that have a task, segment after segment, as numbers."""

    segments: pl.DataFrame  # the segments, with `_row`, the row of the given frame
    begin: Array  # of each segment, where its steps begin; one more at the end
    owner: Array  # of each step, the row of `segments`
    activity: Array  # number of the activity
    unit: Array  # number of what makes the way at the level
    names: pl.Series  # text of each unit
    task: Array  # of each segment, the place in `tasks`
    tasks: list[str]

    @property
    def activities(self) -> int:
        """How many activities there are."""
        return int(self.activity.max()) + 1 if len(self.activity) else 0


class Ways(NamedTuple):
    """The way of every segment that has a task."""

    segments: pl.DataFrame  # the segments, with `_row`, the row of the given frame
    task: Array  # of each segment, the place in `tasks`
    tasks: list[str]
    way: Array  # of each segment, the same number for the same way of the same task
    first: Array  # of each way, a segment that is done so
    times: Array  # of each way, how many are
    begin: Array  # of each way, where its steps begin in `unit`; one more at the end
    unit: Array  # the steps of the ways, as numbers
    names: pl.Series  # text of each unit
    partly: Array  # of each segment, whether a step of it was left out


class Left(NamedTuple):
    """Which steps of all segments make no way, and why."""

    glance: Array  # a look in passing
    rare: Array  # hardly anyone does it


def find_ways(
    segments: pl.DataFrame, *, level: str, rare: float, steps: Steps | None = None, glance: Array | None = None
) -> Ways:
    """The way of every segment; with `rare` 0 nothing is left out. What is known (`steps`, `glance`) is not read again."""
    from taskkit.variants.kernels import hash_ways, take_made

    check_rare(rare)
    if steps is None and rare == 0 and level in ("action", "activity"):
        whole = _find_whole(segments, single=level == "activity")
        if whole is not None:
            return whole
    steps = read_steps(segments, level=level) if steps is None else steps
    left, made = leave_out(steps, level=level, rare=rare, glance=glance)
    way, first = number(hash_ways(steps.unit, steps.owner, made, steps.task))
    times = np.bincount(way, minlength=len(first))
    begin, unit = take_made(steps.begin, first, made, steps.unit)
    partly = np.zeros(steps.segments.height, np.bool_)
    if rare > 0:
        partly[steps.owner[left.glance | left.rare]] = True
    return Ways(steps.segments, steps.task, steps.tasks, way, first, times, begin, unit, steps.names, partly)


def check_order(level: str, *, what: str) -> None:
    """Refuse a level that is unknown or has no order of steps."""
    if level == "app":
        raise SettingError(
            f"{what[:1].upper()}{what[1:]} 'app' is not allowed: a step needs its place in the order, and the applications of "
            f"a segment have none. Known: {', '.join(IN_ORDER)}."
        )
    check_choice(level, allowed=IN_ORDER, what=what)


def check_rare(rare: float) -> None:
    if not 0 <= rare < 1:
        raise SettingError(f"rare={rare} is not allowed: at least 0 and less than 1.")


def _find_whole(segments: pl.DataFrame, *, single: bool) -> Ways | None:
    """The ways where nothing is left out, from the texts themselves; None where a list holds nulls.

    Only one segment of each way is read step by step; of the others the hashed texts are enough.
    """
    frame, task, tasks = with_task(segments, "activities")
    lists = frame["activities"]
    hashed = _hash_in_blocks(lists, task, single)
    if hashed is None:
        return None
    way, first = number(hashed)
    times = np.bincount(way, minlength=len(first))
    chosen = np.zeros(frame.height, np.bool_)
    chosen[first] = True
    begin, texts = flatten(lists.filter(pl.Series(chosen)))  # to gather them would copy the whole column
    same, rows = texts.hash(0).to_numpy(), np.arange(len(texts))
    if single and len(rows):
        owner = np.repeat(np.arange(len(first)), np.diff(begin))
        kept = np.ones(len(rows), np.bool_)
        kept[1:] = (same[1:] != same[:-1]) | (owner[1:] != owner[:-1])
        begin = np.concatenate((np.zeros(1, np.int64), np.cumsum(kept)))[begin]
        rows, same = rows[kept], same[kept]
    unit, at = number(same)
    partly = np.zeros(frame.height, np.bool_)
    return Ways(frame, task, tasks, way, first, times, begin, unit, texts.gather(rows[at]), partly)


def _hash_in_blocks(lists: pl.Series, task: Array, single: bool) -> Array | None:
    """A number of each list's texts within its task, block by block on every thread of polars; None where there are nulls."""
    from taskkit.variants.kernels import hash_lists

    ends = ends_of(lists)
    hashed = np.empty(len(lists), np.uint64)

    def hash_block(block: tuple[int, int]) -> bool:
        first, behind = block
        texts = lists.slice(first, behind - first).explode(empty_as_null=False, keep_nulls=False)
        begin = ends[first : behind + 1] - ends[first]
        if texts.null_count():
            return False
        hashed[first:behind] = hash_lists(texts.hash(0).to_numpy(), begin, task[first:behind], single)
        return True

    begins = np.searchsorted(ends, np.arange(_BLOCK, ends[-1], _BLOCK), side="right") - 1
    borders = np.unique(np.concatenate(((0,), begins, (len(lists),)))).tolist()
    blocks = [*itertools.pairwise(borders)]
    many = min(pl.thread_pool_size(), len(blocks) // _WORTH)
    if many <= 1:
        return hashed if all(map(hash_block, blocks)) else None
    with ThreadPoolExecutor(many) as threads:  # polars and compiled loops let the others run
        return hashed if all(threads.map(hash_block, blocks)) else None


def rows_of(begin: Array, chosen: Array) -> tuple[Array, Array, Array]:
    """The rows of the chosen owners, the place of each row's owner among them, and where each begins now."""
    lengths = begin[chosen + 1] - begin[chosen]
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    owner = np.repeat(np.arange(len(chosen)), lengths)
    return np.arange(starts[-1]) + (begin[chosen] - starts[:-1])[owner], owner, starts


def leave_out(steps: Steps, *, level: str, rare: float, glance: Array | None = None) -> tuple[Left, Array]:
    """Which steps are left out, and which of the others make the way (not those that only repeat)."""
    from taskkit.variants.kernels import count_owners, keep_ways, only_absent

    rarely = np.zeros(len(steps.unit), np.bool_)
    if rare <= 0 or level == "app":  # the segments hold no order of applications
        glance = np.zeros_like(rarely)
    elif glance is None:
        glance = find_glances(steps)
    once, many = level in ("screen", "app"), len(steps.names)
    if rare > 0:
        task = steps.task[steps.owner]
        used = np.flatnonzero(~glance)
        pair, first = number(task[used] * many + steps.unit[used], len(steps.tasks) * many)
        common = count_owners(pair, steps.owner[used], len(first)) >= rare * np.bincount(steps.task)[task[used][first]]
        rarely[used] = ~common[pair]
    kept = ~glance & ~rarely
    made = kept if level == "action" else keep_ways(steps.unit, steps.owner, kept, once, many)
    if level == "screen" and rare > 0:  # a screen that was also passed over is in the way, so it is not left out
        glance = only_absent(glance, made, steps.unit, steps.owner, many)
    return Left(glance, rarely), made


def read_steps(segments: pl.DataFrame, *, level: str) -> Steps:
    """The steps at a level; texts are numbered once, everything after that works on numbers."""
    check_choice(level, allowed=LEVELS, what="level of variants")
    column = "apps" if level == "app" else "activities"
    frame, task, tasks = with_task(segments, column)
    begin, texts = drop_absent(*flatten(frame[column]))
    owner = np.repeat(np.arange(frame.height), np.diff(begin))
    unit, first = number(texts.hash())
    steps = Steps(frame, begin, owner, unit, unit, texts.gather(first), task, tasks)
    if level == "app":  # the segments hold no order of applications, so all have that of the alphabet
        order = steps.names.arg_sort()
        unit = order.arg_sort().to_numpy().astype(np.int64)[unit]
        return steps._replace(names=steps.names.gather(order), unit=unit[np.lexsort((unit, owner))])
    return with_screens(steps) if level == "screen" else steps


def with_screens(steps: Steps) -> Steps:
    """The steps of activities as steps of screens."""
    screens = steps.names.to_frame("x").select(screen_of("x")).to_series()
    same, first = number(screens.hash())
    return steps._replace(names=screens.gather(first), unit=same[steps.activity])


def spread_of(steps: Steps) -> tuple[Array, int]:
    """In how many tasks each activity occurs, and how many tasks there are."""
    many, task = steps.activities, steps.task[steps.owner]
    _, first = number(task * many + steps.activity, len(steps.tasks) * many)
    return np.bincount(steps.activity[first], minlength=many), len(steps.tasks)


def only_task(steps: Steps, task: str) -> tuple[Steps, Array]:
    """The steps of one task, and their places among all."""
    own = np.flatnonzero(steps.task == steps.tasks.index(task))
    rows, owner, begin = rows_of(steps.begin, own)
    cut = steps._replace(
        segments=steps.segments[own], begin=begin, owner=owner, unit=steps.unit[rows],
        activity=steps.activity[rows], task=np.zeros(len(own), np.int64), tasks=[task],
    )  # fmt: skip
    return cut, rows


def with_task(segments: pl.DataFrame, column: str) -> tuple[pl.DataFrame, Array, list[str]]:
    """The segments that have a task, with `_row`; of each the place of its task; and the tasks in their order."""
    require_columns(segments, "task_id", "activities", column, made_by="find_tasks")
    frame = segments.with_row_index("_row").drop_nulls("task_id")
    same, first = number(frame["task_id"].hash())
    tasks = frame["task_id"].gather(first).cast(pl.String)
    place = tasks.arg_sort().arg_sort().to_numpy().astype(np.int64)
    return frame, place[same], tasks.sort().to_list()


def flatten(lists: pl.Series) -> tuple[Array, pl.Series]:
    """Where each list begins (and the last ends), and what all lists hold."""
    return ends_of(lists), lists.explode(empty_as_null=False, keep_nulls=False)


def ends_of(lists: pl.Series) -> Array:
    """Where each list begins among what all lists hold, and where the last one ends."""
    ends = np.zeros(len(lists) + 1, np.int64)
    np.cumsum(lists.list.len().fill_null(0).to_numpy(), out=ends[1:])
    return ends


def drop_absent(begin: Array, texts: pl.Series) -> tuple[Array, pl.Series]:
    """The same without nulls: a step without a name is no step."""
    if not texts.null_count():
        return begin, texts
    there = texts.is_not_null().to_numpy()
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(there)))[begin], texts.drop_nulls()


def find_glances(steps: Steps, spread: tuple[Array, int] | None = None) -> Array:
    """Which steps are looks in passing: they may stand anywhere in the task, here too.

    A step that many executions do without (at most two thirds have it) and that has six or more equally frequent
    neighbours both before and after it, or that occurs in more than half of the tasks of the log, is a glance wherever no
    neighbour is its own: one that holds a fifth of its occurrences and two and a half times what chance would give. The
    neighbours of a step are those of the visit to its unit (the screen) that it belongs to. Where the steps are those of
    one task, `spread` says in how many tasks of the log each activity occurs, and how many tasks there are.
    """
    from taskkit.variants.kernels import count_owners, surround

    many, task = steps.activities, steps.task[steps.owner]
    pair, first = number(task * many + steps.activity, len(steps.tasks) * many)
    times = np.bincount(pair, minlength=len(first))
    of_task, of_activity = task[first], steps.activity[first]
    size = np.bincount(steps.task, minlength=len(steps.tasks))
    share = count_owners(pair, steps.owner, len(first)) / size[of_task]
    within, tasks = (np.bincount(of_activity, minlength=many), len(steps.tasks)) if spread is None else spread
    background = (2 * within[of_activity] > tasks) & (tasks >= 3)
    asked = (share <= PART_OF_TASK) & (background | (times >= PLACES))
    rows = np.flatnonzero(asked[pair])
    own, anywhere, bound = pair[rows], ~np.zeros(len(first), np.bool_), np.zeros(len(rows), np.bool_)
    whole = np.bincount(of_task, weights=times, minlength=len(size)).astype(np.int64) + size
    seen = np.zeros((len(size), many + 2), np.int64)
    seen[of_task, of_activity] = times
    seen[:, many:] = size[:, None]
    for side in surround(steps.unit, steps.activity, steps.owner, many, rows):
        place, place_first = number(own * (many + 2) + side, len(first) * (many + 2))
        n = np.bincount(place, minlength=len(place_first))
        of = own[place_first]
        chance = seen[of_task[of], side[place_first]] / whole[of_task[of]]
        others = times[of] - 1
        lift = (n - 1 + PRIOR * chance) / (others + PRIOR) / chance
        bound |= (((n - 1) / (others + FEW) >= BOUND_SHARE) & (lift >= BOUND_LIFT))[place]
        twice = np.bincount(of, weights=n * (n - 1), minlength=len(first))
        anywhere &= times * (times - 1) >= PLACES * (twice + 1)
    glance = np.zeros(len(steps.unit), np.bool_)
    glance[rows] = (background | anywhere)[own] & ~bound
    return glance


def number(keys: pl.Series | Array, limit: int = 0) -> tuple[Array, Array]:
    """Number equal keys in order of first occurrence: the numbers, and the row of each one's first.

    Keys below a `limit` that is not much more than their number are looked up in a table.
    """
    from taskkit.variants.kernels import number_dense

    if not 0 < limit <= max(4 * len(keys), 1 << 16):
        return numbers.number(keys if isinstance(keys, pl.Series) else keys.astype(np.uint64, copy=False), np.int64)
    found, rows = np.empty(len(keys), np.int64), np.empty(limit, np.int64)
    return found, rows[: number_dense(keys, np.full(limit, -1, np.int64), rows, found)]


def screen_of(name: str) -> pl.Expr:
    """The screen of the activities in a column: what stands behind " · ", or all but the verb where there is no element."""
    without_verb = pl.col(name).str.replace(VERB, "")
    return pl.coalesce(pl.col(name).str.extract(r" · (.+)$"), without_verb)
