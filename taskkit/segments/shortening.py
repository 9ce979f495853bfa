"""Moves that the description length decides on, applied to the division that is ahead.

A model that holds two tasks is divided, one that holds no task is given up to what lies between tasks, and executions that
come one right after the other are put together: each where the log is described shorter then. Pauses are not described;
where they tell executions from one another, no pieces are put together over such a pause.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np

from taskkit.segments.lengths import describe
from taskkit.segments.starts import cluster
from taskkit.segments.streams import Array, Division, Stream
from taskkit.segments.training import MIN_EXECUTIONS, marked

APART = 0.5  # Bhattacharyya coefficient below which two kinds of executions may be two tasks, not two ways of one
STRANGE = 0.7  # coefficient below which one may be done after the other in the same task, and is no further round
SAVING = 0.1  # nats a step that a model must save beside no task; tasks save two and more
TELLING = 0.5  # standard deviations by which pauses before executions are longer, for the clock to tell something
NEAR = 4  # steps from the end of an execution to a piece that goes on from it
LINKS = 8  # doublings: chains of up to 2**8 pieces
LEAST = 2 * MIN_EXECUTIONS  # executions of each half of a model that is divided


def divide_models(stream: Stream, division: Division) -> Division:
    """Divide models by what their executions hold while the log is described shorter by two than by one."""
    length, model = describe(stream, division), 0
    while model < division.models:
        trial = halved(stream, division, model, APART)
        if trial is not None and (shorter := describe(stream, trial)) < length:
            division, length = trial, shorter  # the first half is tried again, the second at the end
        else:
            model += 1
    return division


def halved(stream: Stream, division: Division, model: int, apart: float) -> Division | None:
    """The division with the executions of a model in two by what they hold; None if they are few or share too much."""
    mine = (division.path == model) & (division.ids >= 0)
    known, number = np.unique(division.ids[mine], return_inverse=True)
    if len(known) < 2 * LEAST:
        return None
    ids = np.full(len(stream.x), -1, np.int64)
    ids[mine] = number
    group = cluster(stream, ids, 2, 0)
    if np.bincount(group, minlength=2).min() < LEAST:
        return None
    halves = (number_of(stream.x[mine][group[number] == half], stream.n_symbols) for half in (0, 1))
    if coefficient(*halves) >= apart:
        return None
    return with_other_half(division, model, np.isin(division.ids, known[group == 1]))


def number_of(activities: Array, n_symbols: int) -> Array:
    """How often each activity occurs."""
    return np.bincount(activities, minlength=n_symbols)


def coefficient(one: Array, other: Array) -> float:
    """Bhattacharyya coefficient of two counts of activities: 1 = the same shares, 0 = nothing in common."""
    return float(np.sqrt(one) @ np.sqrt(other) / max(1e-9, np.sqrt(one.sum() * other.sum())))


def pause_share(stream: Stream, division: Division, steps: Array) -> float | None:
    """Whether the pauses before some steps are like those inside executions (0) or like those before them (1).

    None where the clock does not tell the one from the other.
    """
    logs = np.log(stream.gap + 0.05)
    before = np.zeros(len(logs), bool)
    before[division.executions.first] = True
    inside = ~before & (division.ids >= 0)
    before &= ~stream.opens
    steps = steps[~stream.opens[steps]]
    if not len(steps) or before.sum() < LEAST or not inside.any():
        return None
    spread = max(0.3, float(logs[inside].std()))
    apart = float(logs[before].mean() - logs[inside].mean()) / spread
    return float(logs[steps].mean() - logs[inside].mean()) / spread / apart if apart >= TELLING else None


def with_other_half(division: Division, model: int, other: Array) -> Division:
    """The division with some steps of a model as a model of their own, the last one."""
    path = np.where(division.path == division.models, division.models + 1, division.path)
    path[other] = division.models
    # noise inside an execution stays with the model that is active around it
    last = np.maximum.accumulate(np.where(division.ids >= 0, np.arange(len(path)), 0))
    noise = (division.ids < 0) & (division.path == model)
    path[noise] = np.where(path[last[noise]] == division.models, division.models, model)
    return Division(path.astype(np.int16), division.kinds, division.ids, division.models + 1)


def retire_models(stream: Stream, division: Division) -> Division:
    """Give models up whose steps are described nearly as shortly as belonging to no task: what is done there has no order."""
    from taskkit.segments import kernels

    length, model = describe(stream, division), 0
    while model < division.models and division.models > 1:
        mine = division.path == model
        ids = _dense(np.where(mine, -1, division.ids))
        path = np.where(mine, division.models, division.path)
        path = np.where(path > model, path - 1, path).astype(np.int16)
        models = division.models - 1
        trial = Division(path, kernels.mark_kinds(ids, path, stream.opens, models), ids, models)
        if (ids >= 0).any() and (longer := describe(stream, trial)) < length + SAVING * mine.sum():
            division, length = trial, longer
        else:
            model += 1
    return division


def _dense(ids: Array) -> Array:
    """The numbers of the executions without holes."""
    known, number = np.unique(ids, return_inverse=True)
    return np.asarray(number.astype(np.int64) - (1 if len(known) and known[0] < 0 else 0))


def chain_executions(stream: Stream, division: Division) -> Division:
    """Put executions together that come one right after the other, where the log is described shorter then.

    Executions of two models, or of one model that begin differently, are judged together.
    """
    from taskkit.segments import kernels

    length, n = describe(stream, division), int(division.ids.max(initial=-1)) + 1
    target, current = np.arange(n), division
    for (_, host, _), pairs in _neighbours(stream, division):
        moved = target.copy()
        for before, piece in pairs:
            moved[piece] = moved[before]
        for _ in range(LINKS):
            moved = moved[moved]
        ids = np.where(division.ids >= 0, moved[np.maximum(division.ids, 0)], -1)
        path = current.path.copy()
        path[marked(division.ids, [piece for _, piece in pairs])] = host
        trial = Division(path, kernels.mark_kinds(ids, path, stream.opens, division.models), ids, division.models)
        shorter = describe(stream, trial)
        if shorter < length:
            target, current, length = moved, trial, shorter
    return division if current is division else replace(current, ids=_dense(current.ids))


def _neighbours(stream: Stream, division: Division) -> list[tuple[tuple[int, int, int], list[tuple[int, int]]]]:
    """Executions of which one begins right where the other is over, by model and first activity of the second; many first."""
    executions, found = division.executions, defaultdict(list)
    order = np.argsort(executions.first, kind="stable")
    session = np.cumsum(stream.opens)
    for before, piece in pairwise(order):
        first, last = int(executions.first[piece]), int(executions.last[before])
        if last < first and session[first] == session[last] and first - last <= NEAR:
            key = (int(executions.model[piece]), int(executions.model[before]), int(stream.x[first]))
            found[key].append((int(before), int(piece)))
    kept = [
        (key, pairs)
        for key, pairs in found.items()
        if len(pairs) >= MIN_EXECUTIONS and _strange(stream, division, pairs)
    ]
    return sorted(kept, key=lambda item: (-len(item[1]), item[0]))


def _strange(stream: Stream, division: Division, pairs: list[tuple[int, int]]) -> bool:
    """Whether what comes after is no further round of what comes before, and no longer pause comes between."""
    paused = pause_share(stream, division, division.executions.first[[piece for _, piece in pairs]])
    if paused is not None and paused >= 0.5:
        return False
    uses = (
        number_of(stream.x[marked(division.ids, list(side))], stream.n_symbols) for side in zip(*pairs, strict=True)
    )
    return coefficient(*uses) < STRANGE
