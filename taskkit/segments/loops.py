"""Cutting of loops: a task that is done again and again without anything between has no beginning of its own.

Every activity that comes about once a round could be the beginning. Which one it is, is decided by evidence from outside the
sequence: which cut describes the log and its records shortest, begins the sessions, and has the longer pauses before it.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from taskkit.segments.lengths import OPENING, describe, first_telling_steps
from taskkit.segments.streams import Array, Division, Stream
from taskkit.segments.threads import in_threads

RECURRENCE = 1.6  # rounds in an execution from which on it is a loop
MOST_CANDIDATES = 24
BATCH = 0.5  # part of the executions that follow one of their own kind, from which on the cut may be moved
GAIN = 3.0  # nats by which a moved cut must be better


def cut_loops(stream: Stream, division: Division) -> Division:
    """Cut every model that loops at its most likely beginning; the same division where there is none."""
    for model in range(division.models):
        candidates = _candidates(stream, division, model)
        if candidates is None:
            continue
        symbols, base, places, looping = candidates
        tried = in_threads(partial(_cut_at, stream, division, base, places, model), symbols)
        if not tried:
            continue
        best, length = min(tried, key=lambda pair: pair[1])
        if looping or length < _length_now(stream, division, places, model) - GAIN:
            division = best
    return division


def _candidates(stream: Stream, division: Division, model: int) -> tuple[list[int], Array, Array, bool] | None:
    """Activities that could begin the model's rounds, the kinds without its own cuts, its steps, and whether it loops."""
    executions = division.executions
    places = np.flatnonzero((division.path == model) & (division.ids >= 0))
    if len(places) < 20:
        return None
    x, mine = stream.x[places], executions.model == model
    often = np.bincount(x, minlength=stream.n_symbols)
    distinct = len(np.unique(division.ids[places] * stream.n_symbols + x))
    order = np.argsort(-often, kind="stable")
    core = order[: int(np.searchsorted(np.cumsum(often[order]), 0.9 * len(places))) + 1]
    n = int(mine.sum())
    looping = len(places) >= RECURRENCE * distinct and np.quantile(often[core], 0.25) >= RECURRENCE * n
    starts = np.flatnonzero(division.kinds == 1)
    label = division.path[starts]
    own = int((label == model).sum())
    again = (label[1:] == model) & (label[:-1] == model) & ~stream.opens[starts[1:]]
    if not looping and (again.sum() < BATCH * own or len(places) < 0.05 * len(stream.x)):
        return None
    base = division.kinds.copy()
    base[starts[1:][again]] = 0
    least = 0.7 * (min(int(np.quantile(often[core], 0.1)), own) if looping else own)
    early = {int(x[i]): rank for rank, i in reversed(list(enumerate(range(min(400, len(x))))))}
    likely = sorted((int(a) for a in core if often[a] >= max(2, least)), key=lambda a: early.get(a, 999))
    return likely[:MOST_CANDIDATES], base, places, bool(looping)


def _cut_at(
    stream: Stream, division: Division, base: Array, places: Array, model: int, symbol: int
) -> tuple[Division, float]:
    """The division with the model cut at an activity, and how long its description would be."""
    from taskkit.segments import kernels

    hits = places[stream.x[places] == symbol]
    hits = hits[np.diff(np.r_[-10, hits]) >= 3]
    kinds = base.copy()
    kinds[hits] = 1
    ids = kernels.number_executions(division.path, kinds, stream.opens, division.models)
    cut = Division(division.path, kinds, ids, division.models)
    begins = first_telling_steps(stream)
    begins = begins[division.path[begins] == model]
    share = np.where((kinds[begins] == 1) & (stream.x[begins] == symbol), 1.0, 1e-3)
    return cut, describe(stream, cut) + _opening(stream, share) - _pauses(stream, hits, places)


def _length_now(stream: Stream, division: Division, places: Array, model: int) -> float:
    """How long the description is as things are, measured like that of a new cut."""
    starts = division.executions.first[division.executions.model == model]
    begins = first_telling_steps(stream)
    begins = begins[division.path[begins] == model]
    share = np.bincount(stream.x[starts], minlength=stream.n_symbols)[stream.x[begins]] / max(1, len(starts))
    return describe(stream, division) + _opening(stream, np.maximum(share, 1e-3)) - _pauses(stream, starts, places)


def _opening(stream: Stream, share: Array) -> float:
    sessions = max(1, len(first_telling_steps(stream)))
    return float(-OPENING * np.log(share).sum() / sessions) if len(share) else 0.0


def _pauses(stream: Stream, cuts: Array, places: Array) -> float:
    """Nats that the pauses before the cuts are worth: only cuts of one loop are compared, which are about as many."""
    cuts = cuts[~stream.opens[cuts]]
    if len(cuts) < 5:
        return 0.0
    logs, cut = np.log(stream.gap + 0.05), np.zeros(len(stream.gap), bool)
    cut[cuts] = True
    inner = places[~cut[places]]
    if not len(inner):
        return 0.0
    mean, spread = logs[inner].mean(), max(0.3, float(logs[inner].std()))
    return float(0.5 * np.clip((logs[cuts] - mean) / spread, -2, 2).sum())
