"""What each execution's way is made of: steps as numbers, without glances and without what hardly anyone does."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.activities import VERB
from taskkit.errors import SettingError, check_choice
from taskkit.schema import require_columns

Array = np.ndarray[Any, Any]

LEVELS = ("action", "activity", "screen", "app")

# a step of a way is a glance where it is bound to no place; measured on the worked example with its truth
PART_OF_TASK = 2 / 3  # what a larger part of the executions do belongs to the task, wherever it stands
PLACES = 6.0  # so many equally frequent neighbours on both sides stand for "anywhere"
BOUND_SHARE, BOUND_LIFT = 0.2, 2.5  # a place that has this part of the occurrences, and so many times what chance gives
FEW, PRIOR = 5.0, 10.0  # occurrences by which shares and lifts of few are drawn to nothing and to chance


class Steps(NamedTuple):
    """The steps of the segments that have a task, segment after segment, as numbers."""

    segments: pl.DataFrame  # the segments, with `_row`, the row of the given frame
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
    """The steps and what became of them."""

    steps: Steps
    glance: Array  # a look in passing
    rare: Array  # hardly anyone does it
    made: Array  # the step makes its segment's way
    way: Array  # of each segment, the same number for the same way of the same task
    first: Array  # of each way, a segment that is done so
    times: Array  # of each way, how many are


def find_ways(segments: pl.DataFrame, *, level: str, rare: float) -> Ways:
    """The way of every segment; with `rare` 0 nothing is left out."""
    from taskkit.variants.kernels import count_owners, hash_ways, keep_ways, only_absent

    if not 0 <= rare < 1:
        raise SettingError(f"rare={rare} is not allowed: at least 0 and less than 1.")
    steps = read_steps(segments, level=level)
    glance = rarely = np.zeros(len(steps.unit), np.bool_)
    if rare > 0:
        if level != "app":  # the segments hold no order of applications
            glance = find_glances(steps)
        task = steps.task[steps.owner]
        used = np.flatnonzero(~glance)
        pair, first, _ = number(task[used] * len(steps.names) + steps.unit[used])
        common = count_owners(pair, steps.owner[used], len(first)) >= rare * np.bincount(steps.task)[task[used][first]]
        rarely = rarely.copy()
        rarely[used] = ~common[pair]
    kept = ~glance & ~rarely
    once, many = level in ("screen", "app"), len(steps.names)
    made = kept if level == "action" else keep_ways(steps.unit, steps.owner, kept, once, many)
    if level == "screen":  # a screen that was also passed over is in the way, so it is not left out
        glance = only_absent(glance, made, steps.unit, steps.owner, many)
    keys = hash_ways(steps.unit, steps.owner, made, steps.task)
    return Ways(steps, glance, rarely, made, *number(keys))


def read_steps(segments: pl.DataFrame, *, level: str) -> Steps:
    """The steps at a level; texts are numbered once, everything after that works on numbers."""
    check_choice(level, allowed=LEVELS, what="level of variants")
    column = "apps" if level == "app" else "activities"
    require_columns(segments, "task_id", "activities", column, made_by="find_tasks")
    frame = segments.with_row_index("_row").drop_nulls("task_id")
    lists = frame[column]
    owner = np.repeat(np.arange(frame.height), lists.list.len().fill_null(0).to_numpy())
    texts = lists.explode(empty_as_null=False, keep_nulls=False)
    if texts.null_count():
        owner, texts = owner[texts.is_not_null().to_numpy()], texts.drop_nulls()
    activity, first, _ = number(texts.hash(0).to_numpy())
    names, unit = texts.gather(first), activity
    if level == "screen":
        screens = names.to_frame("x").select(screen_of("x")).to_series()
        same, first, _ = number(screens.hash(0).to_numpy())
        names, unit = screens.gather(first), same[activity]
    if level == "app":  # the segments hold no order of applications, so all have that of the alphabet
        order = names.arg_sort()
        unit = order.arg_sort().to_numpy()[unit].astype(np.int64)
        names, unit = names.gather(order), unit[np.lexsort((unit, owner))]
    tasks = frame["task_id"].unique().sort().to_list()
    task = frame["task_id"].cast(pl.Enum(tasks)).to_physical().to_numpy().astype(np.int64)
    return Steps(frame, owner, activity, unit, names, task, tasks)


def find_glances(steps: Steps) -> Array:
    """Which steps are looks in passing: they may stand anywhere in the task, here too.

    A step that many executions do without (at most two thirds have it) and that has six or more equally frequent
    neighbours both before and after it, or that occurs in more than half of the tasks of the log, is a glance wherever no
    neighbour is its own: one that holds a fifth of its occurrences and two and a half times what chance would give. The
    neighbours of a step are those of the visit to its unit (the screen) that it belongs to.
    """
    from taskkit.variants.kernels import count_owners, surround

    many, task = steps.activities, steps.task[steps.owner]
    ends = surround(steps.unit, steps.activity, steps.owner, many)
    pair, first, times = number(task * many + steps.activity)
    of_task, of_activity = task[first], steps.activity[first]
    size = np.bincount(steps.task, minlength=len(steps.tasks))
    share = count_owners(pair, steps.owner, len(first)) / size[of_task]
    everywhere = 2 * np.bincount(of_activity, minlength=many)[of_activity] > len(steps.tasks)
    background = everywhere & (len(steps.tasks) >= 3)
    asked = (share <= PART_OF_TASK) & (background | (times >= PLACES))
    rows = np.flatnonzero(asked[pair])
    own, anywhere, bound = pair[rows], ~np.zeros(len(first), np.bool_), np.zeros(len(rows), np.bool_)
    whole = np.bincount(task, minlength=len(size)) + size
    seen = np.bincount(task * (many + 2) + steps.activity, minlength=len(size) * (many + 2)).reshape(
        len(size), many + 2
    )
    seen[:, many:] = size[:, None]
    for side in ends:
        place, place_first, n = number(own * (many + 2) + side[rows])
        of = own[place_first]
        chance = seen[of_task[of], side[rows][place_first]] / whole[of_task[of]]
        others = times[of] - 1
        lift = (n - 1 + PRIOR * chance) / (others + PRIOR) / chance
        bound |= (((n - 1) / (others + FEW) >= BOUND_SHARE) & (lift >= BOUND_LIFT))[place]
        twice = np.bincount(of, weights=n * (n - 1), minlength=len(first))
        anywhere &= times * (times - 1) >= PLACES * (twice + 1)
    glance = np.zeros(len(steps.unit), np.bool_)
    glance[rows] = (background | anywhere)[own] & ~bound
    return glance


def way_texts(ways: Ways) -> pl.Series:
    """The units of each way, in the order of the ways' numbers."""
    steps = ways.steps
    begin = np.searchsorted(steps.owner, ways.first)
    lengths = np.searchsorted(steps.owner, ways.first, side="right") - begin
    way = np.repeat(np.arange(len(begin)), lengths)
    rows = np.arange(len(way)) + np.repeat(begin - (np.cumsum(lengths) - lengths), lengths)
    kept = ways.made[rows]
    made = pl.DataFrame({"way": way[kept], "step": steps.names.gather(steps.unit[rows[kept]])})
    listed = made.group_by("way", maintain_order=True).agg("step")
    every = pl.DataFrame({"way": np.arange(len(begin))}).join(listed, on="way", how="left", maintain_order="left")
    return every["step"].fill_null(pl.Series([[]], dtype=pl.List(pl.String)))


def number(keys: Array) -> tuple[Array, Array, Array]:
    """Number equal keys in order of first occurrence: the numbers, the row of each one's first, how often it occurs."""
    from taskkit.activities.kernels import number_keys

    numbers, empty = np.empty(len(keys), np.int64), np.empty(1024, np.int64)
    start = (np.zeros((1 << 16, 2), np.uint64), empty, empty.copy(), 0)
    _, first, count, found = number_keys(keys.astype(np.uint64, copy=False), 0, *start, numbers)
    return numbers, first[:found], count[:found]


def screen_of(name: str) -> pl.Expr:
    """The screen of the activities in a column: what stands behind " · ", or all but the verb where there is no element."""
    without_verb = pl.col(name).str.replace(VERB, "")
    return pl.coalesce(pl.col(name).str.extract(r" · (.+)$"), without_verb)
