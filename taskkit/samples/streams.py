"""Synthetic streams of steps with truth: tasks with variants, noise, background and interleaving, as hard as one asks for."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any

import numpy as np
import polars as pl

from taskkit.errors import SettingError
from taskkit.schema import EVENTS

APPS, ACTIVITIES = 12, 40  # applications, and activities of each
SHORTEST, LONGEST = 8, 40  # steps of a task
SHARED = 0.35  # part of a task's steps that comes from a pool all tasks use: open mail, copy, save …
VARIANTS = 12  # ways of doing a task, the more frequent ones first
OPTIONAL, SWAPPED, REPEATED = 0.25, 0.3, 0.2  # how variants differ
MOST_STEPS = 64  # of a variant
BEGAN = 1_772_438_400  # Monday 2 March 2026, 08:00 UTC
TRUTH_SCHEMA = pl.Schema({
    "user": pl.String(), "session_id": pl.String(), "seq": pl.UInt64(), "true_segment": pl.UInt32(),
    "true_task": pl.String(), "true_variant": pl.String(),
    "true_kind": pl.String(),  # task, noise (inside an instance, belongs to it), between
})  # fmt: skip

_Way = tuple[int, ...]  # activities of one way of doing a task


@dataclass(frozen=True)
class _Work:
    """What there is to do: ways of every task and how often each is taken; all weights are cumulative."""

    ways: list[list[_Way]]
    way_weights: list[list[float]]
    task_weights: list[float]
    background: list[float]


@dataclass
class _Stream:
    """The stream so far, one entry per row."""

    activity: list[int]
    instance: list[int]  # -1 = background
    task: list[int]
    way: list[int]
    kind: list[str]

    def add(self, activity: int, instance: int, task: int, way: int, kind: str) -> None:
        self.activity.append(activity)
        self.instance.append(instance)
        self.task.append(task)
        self.way.append(way)
        self.kind.append(kind)


def make_stream(
    steps: int = 30_000, *, tasks: int = 20, noise: float = 0.05, interleaving: float = 0.0, background: float = 0.4,
    batches: float = 0.5, gaps: float = 1.0, seed: int = 0,
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """Generate one person's stream of steps and, row by row beside it, its truth.

    Tasks of 8 to 40 steps share a third of their steps, are done in up to twelve ways, and come in batches with background
    work between. An error inside an instance is a foreign step, a missing one or a wrong one, a third each.

    Parameters
    ----------
    steps : rows; each is an activity of its own under `name_activities`, equal neighbours aside.
    tasks : number of different tasks.
    noise : chance of an error at each step of an instance.
    interleaving : chance that a second instance is done in turns with the first.
    background : chance of a stretch without a task (7 steps on average) before an instance.
    batches : chance that the next instance is of the same task again.
    gaps : how much longer the pauses between instances are; 0 = the clock says nothing.
    seed : the same settings and seed give the same stream; tasks depend on the seed, too.

    Returns
    -------
    The events (one row per step) and their truth: keys, `true_segment` (null = background), `true_task`, `true_variant` and
    `true_kind` (task, noise = an error that belongs to its instance, between = background).

    Raises
    ------
    SettingError : a setting is out of its range; all of them are listed.

    >>> events, truth = make_stream(500, tasks=3)
    >>> events.height, truth["true_task"].drop_nulls().n_unique()
    (500, 3)
    """
    chances = {"noise": noise, "interleaving": interleaving, "background": background, "batches": batches}
    wrong = [f"{name}={value}; allowed: 0 to 1" for name, value in chances.items() if not 0 <= value <= 1]
    wrong += [f"noise={noise}; allowed: less than 1, or no instance would end"] if noise == 1 else []
    wrong += [
        f"{name}={value}; allowed: at least 1" for name, value in (("steps", steps), ("tasks", tasks)) if value < 1
    ]
    wrong += [f"gaps={gaps}; allowed: 0 or more"] if gaps < 0 else []
    if wrong:
        raise SettingError("A stream cannot be made like this: " + "; ".join(wrong) + ".")
    chance = Random(seed)
    work = _invent(np.random.default_rng([seed, 100]), tasks)
    made = _Stream([], [], [], [], [])
    instances, task = 0, -1
    while len(made.activity) < steps:
        if chance.random() < background:
            for _ in range(1 + int(chance.expovariate(1 / 6))):
                made.add(_draw(work.background, chance), -1, -1, -1, "between")
        task = task if task >= 0 and chance.random() < batches else _draw(work.task_weights, chance)
        together = [task] if chance.random() >= interleaving else [task, _draw(work.task_weights, chance)]
        _do(work, together, instances, made, noise, chance)
        instances += len(together)
    return _frames(made, steps, _seconds(np.array(made.instance[:steps]), gaps, seed))


def _invent(chance: np.random.Generator, tasks: int) -> _Work:
    """Invent the tasks, their ways, and how often everything is done."""
    kinds = APPS * ACTIVITIES
    shared = chance.choice(kinds, size=kinds // 20, replace=False)
    ways = [_ways(_main_way(shared, chance), chance) for _ in range(tasks)]
    return _Work(
        ways,
        [_cumulative(1.0 / (1 + np.arange(len(one))) ** 1.3) for one in ways],
        _cumulative(1.0 / (1 + np.arange(tasks)) ** 0.8),
        _cumulative(chance.dirichlet(np.full(kinds, 0.05))),  # background is skewed: a few activities make most of it
    )


def _main_way(shared: np.ndarray[Any, Any], chance: np.random.Generator) -> list[int]:
    """A task's most frequent way: runs of steps in one application, then another one of the task's two to four."""
    length = int(chance.integers(SHORTEST, LONGEST + 1))
    steps: list[int] = []
    apps = chance.choice(APPS, size=int(chance.integers(2, 5)), replace=False)
    app = int(apps[0])
    while len(steps) < length:
        for _ in range(int(chance.integers(2, 7))):
            own = app * ACTIVITIES + int(chance.integers(ACTIVITIES))
            steps.append(int(chance.choice(shared)) if chance.random() < SHARED else own)
        app = int(chance.choice(apps))
    return steps[:length]


def _ways(main: list[int], chance: np.random.Generator) -> list[_Way]:
    """The main way and others: optional steps left out, neighbouring blocks swapped, a block done twice."""
    optional = chance.random(len(main)) < OPTIONAL
    optional[[0, -1]] = False
    ways = {tuple(main): None}
    for _ in range(500):  # a short task may not have so many ways
        if len(ways) == VARIANTS:
            break
        way = [step for step, may in zip(main, optional, strict=True) if not (may and chance.random() < 0.5)]
        if chance.random() < SWAPPED and len(way) > 6:
            i, k = int(chance.integers(1, len(way) - 4)), int(chance.integers(1, 3))
            way = way[:i] + way[i + k : i + 2 * k] + way[i : i + k] + way[i + 2 * k :]
        if chance.random() < REPEATED and len(way) > 6:
            i, k = int(chance.integers(1, len(way) - 4)), int(chance.integers(2, 4))
            way = way[: i + k] + way[i : i + k] + way[i + k :]
        ways[tuple(way[:MOST_STEPS])] = None
    return list(ways)


def _do(work: _Work, tasks: list[int], first: int, made: _Stream, noise: float, chance: Random) -> None:
    """Do one instance, or two in turns, with errors; their numbers start at `first`."""
    chosen = [_draw(work.way_weights[task], chance) for task in tasks]
    todo = [work.ways[task][way] for task, way in zip(tasks, chosen, strict=True)]
    at, turn = [0] * len(tasks), 0
    left = max(3, 2 + int(chance.expovariate(1 / 6))) if len(tasks) > 1 else len(todo[0])
    while any(place < len(way) for place, way in zip(at, todo, strict=True)):
        if len(tasks) > 1 and left <= 0:
            turn, left = 1 - turn, 3 + int(chance.expovariate(1 / 8))
        if at[turn] >= len(todo[turn]):
            turn = 1 - turn
        error = chance.random() < noise
        kind = _draw([0.34, 0.67, 1.0], chance) if error else -1  # a foreign step, a missing one, a wrong one
        if kind != 1:
            activity = _draw(work.background, chance) if error else todo[turn][at[turn]]
            made.add(activity, first + turn, tasks[turn], chosen[turn], "noise" if error else "task")
        if kind != 0:
            at[turn] += 1
            left -= 1


def _seconds(instances: np.ndarray[Any, Any], gaps: float, seed: int) -> np.ndarray[Any, Any]:
    """Seconds before each row: longer where the instance changes, but the two overlap; one step in a hundred has a pause."""
    chance, n = np.random.default_rng([seed, 7]), len(instances)
    changes = np.r_[True, instances[1:] != instances[:-1]]
    inside, between = chance.lognormal(np.log(2.5), 0.8, n), chance.lognormal(np.log(2.5 + 6.0 * gaps), 1.0, n)
    pause = np.where(chance.random(n) < 0.01, chance.exponential(180, n), 0.0)
    return np.where(changes, between if gaps else inside, inside) + pause


def _frames(made: _Stream, steps: int, seconds: np.ndarray[Any, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events and truth; elements and applications are words, because numbers in names would become #."""
    activity, at = np.array(made.activity[:steps]), np.round(np.cumsum(seconds), 3)
    keys = {"user": ["p_1"] * steps, "session_id": ["s1"] * steps, "seq": range(steps)}
    apps, elements = [f"app {_word(i)}" for i in range(APPS)], [_word(i) for i in range(APPS * ACTIVITIES)]
    events = {
        **keys, "timestamp": pl.Series(((BEGAN + at) * 1e6).astype(np.int64)).cast(EVENTS["timestamp"].dtype),
        "app": [apps[a // ACTIVITIES] for a in activity], "event_type": ["click"] * steps,
        "element_name": [elements[a] for a in activity],
    }  # fmt: skip
    truth = {
        **keys, "true_segment": [i if i >= 0 else None for i in made.instance[:steps]],
        "true_task": [f"task {t + 1:02d}" if t >= 0 else None for t in made.task[:steps]],
        "true_variant": [f"way {w + 1:02d}" if w >= 0 else None for w in made.way[:steps]],
        "true_kind": made.kind[:steps],
    }  # fmt: skip
    return pl.DataFrame(events, schema={name: EVENTS[name].dtype for name in events}), pl.DataFrame(
        truth, schema=TRUTH_SCHEMA
    )


def _word(number: int) -> str:
    """A made-up word for a number, another one for every number.

    >>> _word(0), _word(479)
    ('baba', 'deku')
    """
    syllables = [consonant + vowel for consonant in "bdfghklmnprstvz" for vowel in "aeiou"]
    high, low = divmod(number, len(syllables))
    return syllables[high] + syllables[low]


def _cumulative(weights: np.ndarray[Any, Any]) -> list[float]:
    whole = float(weights.sum())
    return list(accumulate(float(w) / whole for w in weights))


def _draw(cumulative: list[float], chance: Random) -> int:
    """A number with the chances that the cumulative weights give."""
    return min(bisect_right(cumulative, chance.random()), len(cumulative) - 1)
