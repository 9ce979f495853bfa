"""Moves between trainings that change executions: putting pieces together, and declaring activities noise."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import numpy as np

from taskkit.segments.lengths import describe
from taskkit.segments.streams import Array, Division, Stream
from taskkit.segments.threads import in_threads, in_turn
from taskkit.segments.training import HORIZON, MIN_EXECUTIONS, marked, record_scores

RECORD_PRIOR = 6.5  # nats that a record which comes back in the same task speaks for the same execution
NEAR_PRIOR = 4.0  # nats for a small task that begins right where others stop, more often than by chance
LIFT = 2.0  # how much more often than by chance
SMALL = 0.6  # size of a piece beside the executions that it would be a part of
CHANGES = -1.0  # log ratio of changes inside executions and between them: only records that change with the work tell
MOST_PIECES = 4  # executions of one task that show a record; a date in a title is in more
FIRST_STEPS = 6  # of an execution in which its record is looked for
SPREAD = 0.4  # different predecessors beside occurrences: an activity that comes anywhere
NOISE_SHARE = 0.08  # part of a task's steps that one noise activity makes up, at most
MOST_NOISE = 40

Pairs = list[tuple[int, int]]


# ------------------------------------------------------------------------------------------------------ pieces together
def join_pieces(stream: Stream, division: Division) -> Division:
    """Put executions together that are pieces of one: a record comes back, or a small part that many tasks share.

    A group of pieces (same task, same first activity) is joined to the executions it seems to go on from if the log is
    then described at most so much longer as a record that comes back, or nearness, is worth.
    """
    from taskkit.segments import kernels

    groups = _groups(stream, division)
    executions = division.executions
    n, share = (
        len(executions.first),
        np.bincount(executions.model, minlength=division.models) / max(1, len(executions.first)),
    )
    target, current, length = np.arange(n), division, describe(stream, division)
    for (near, model, host, _), pairs in groups:
        pairs = [(piece, whole) for piece, whole in pairs if target[piece] == piece]
        lift = len(pairs) / max(1, int((executions.model == host).sum())) / max(share[model], 1e-9)
        if len(pairs) < MIN_EXECUTIONS or (near and lift < LIFT):
            continue
        moved = target.copy()
        for piece, whole in pairs:
            if moved[whole] != piece:
                moved[piece] = moved[whole]
        for _ in range(5):
            moved = moved[moved]
        ids = np.where(division.ids >= 0, moved[np.maximum(division.ids, 0)], -1)
        path = current.path.copy()
        path[marked(division.ids, [piece for piece, _ in pairs])] = host
        trial = Division(path, kernels.mark_kinds(ids, path, stream.opens, division.models), ids, division.models)
        longer = describe(stream, trial)
        if longer < length + (NEAR_PRIOR if near else RECORD_PRIOR) * len(pairs):
            target, current, length = moved, trial, longer
    return _dense(current) if current is not division else division


def _groups(stream: Stream, division: Division) -> list[tuple[tuple[bool, int, int, int], Pairs]]:
    """Pieces and the executions they may belong to, by: near or by record, task of both, first activity; large first."""
    from taskkit.segments import piece_kernels

    executions, found = division.executions, defaultdict(list)
    size = np.array([np.median(executions.size[executions.model == k]) if (executions.model == k).any() else 0
                     for k in range(division.models)])  # fmt: skip
    begins, stops, models = executions.first, executions.last, executions.model
    beside = piece_kernels.stops_before(division.ids, stream.opens, begins, stops)
    near = (beside >= 0) & (models[beside] != models) & (stops[beside] < begins)
    earlier, telling = stream.records.earlier, _telling(stream, division)
    shown = piece_kernels.shows_before(division.ids, earlier, telling, begins, stops, FIRST_STEPS, HORIZON)
    for is_near, wholes, pieces in ((True, beside, np.flatnonzero(near)), (False, shown, np.flatnonzero(shown >= 0))):
        hosts = wholes[pieces]
        keys = np.stack([models[pieces], models[hosts], stream.x[begins[pieces]], pieces, hosts], axis=1)
        for model, host, symbol, piece, whole in keys.tolist():
            found[is_near, model, host, symbol].append((piece, whole))
    kept = []
    for key, pairs in found.items():
        small = np.median(executions.size[[piece for piece, _ in pairs]]) <= SMALL * size[key[2]]
        fits = key[1] == key[2] or small
        if len(pairs) >= MIN_EXECUTIONS and fits:
            kept.append((key, pairs))
    return sorted(kept, key=lambda item: (item[0][0], -len(item[1]), item[0]))


def _telling(stream: Stream, division: Division) -> Array:
    """Steps whose record stands for one piece of work: its kind changes with the work, and few executions of a task show it."""
    records, shows = stream.records, np.flatnonzero((stream.records.kind >= 0) & (division.ids >= 0))
    tokens = int(records.token.max(initial=-1)) + 1
    seen = np.unique(
        records.token[shows] * (int(division.ids.max(initial=-1)) + 1) + division.ids[shows].astype(np.int64)
    )
    token = seen // (int(division.ids.max(initial=-1)) + 1)
    model = division.executions.model[seen % (int(division.ids.max(initial=-1)) + 1)]
    times = np.bincount(token * division.models + model, minlength=tokens * division.models)
    telling = np.zeros(len(stream.x), bool)
    changes = record_scores(stream, division.ids)[1][records.kind[shows]] < CHANGES
    telling[shows] = changes & (
        times[records.token[shows].astype(np.int64) * division.models + division.path[shows]] <= MOST_PIECES
    )
    return telling


def _dense(division: Division) -> Division:
    """The division with the executions numbered from 0 in order of their first step."""
    known, number = np.unique(division.ids, return_inverse=True)
    ids = number.astype(np.int64) - (1 if len(known) and known[0] < 0 else 0)
    return Division(division.path, division.kinds, ids, division.models)


# ---------------------------------------------------------------------------------------------------------------- noise
def drop_noise(stream: Stream, division: Division) -> Division:
    """Take activities that come anywhere, whatever was done before, for noise if that describes the log shorter."""
    models_of, ranked = _anywhere(stream, division)
    best, length = division, describe(stream, division)
    firsts = [first for first in (3, 6, 10, 15, 20) if first <= len(ranked)]  # kinds of noise help one another
    trials = in_threads(partial(_quieter, stream, division, models_of=models_of), [ranked[:first] for first in firsts])
    waiting = ranked
    for first, (trial, shorter) in zip(firsts, trials, strict=True):
        if shorter < length:
            best, length, waiting = trial, shorter, ranked[first:]
    while waiting:
        quieter = partial(_quieter, stream, best, models_of=models_of)
        for _, (trial, shorter) in in_turn(quieter, [[symbol] for symbol in waiting]):
            waiting = waiting[1:]
            if shorter < length:
                best, length = trial, shorter
                break
    return _dense(best) if best is not division else division


def _anywhere(stream: Stream, division: Division) -> tuple[dict[int, list[int]], list[int]]:
    """Activities with many different predecessors for their number, with the models in which they have; most spread first."""
    inside = np.flatnonzero(division.ids >= 0)
    order = inside[np.argsort(division.ids[inside], kind="stable")]
    same = division.ids[order[1:]] == division.ids[order[:-1]]
    before, after = stream.x[order[:-1]][same].astype(np.int64), stream.x[order[1:]][same]
    n = stream.n_symbols
    where = division.path[order[1:]][same].astype(np.int64) * n + after
    size = division.models * n
    variety = np.bincount(np.unique(where * n + before) // n, minlength=size)
    often = np.bincount(where, minlength=size)
    total = np.bincount(division.path[inside], minlength=division.models)
    spread = (
        (often >= 5) & (variety >= SPREAD * often) & (often <= NOISE_SHARE * np.repeat(total[: division.models], n))
    )
    models_of: dict[int, list[int]] = defaultdict(list)
    for flat in np.flatnonzero(spread):
        models_of[int(flat % n)].append(int(flat // n))

    def rank(symbol: int) -> tuple[float, float, int]:
        cells = [k * n + symbol for k in models_of[symbol]]
        return -len(cells), -float(variety[cells].sum() / often[cells].sum()), symbol

    return models_of, sorted(models_of, key=rank)[:MOST_NOISE]


def _quieter(
    stream: Stream, division: Division, symbols: list[int], models_of: dict[int, list[int]]
) -> tuple[Division, float]:
    """The division with some activities taken for noise, and how long its description is."""
    trial = _without(stream, division, symbols, models_of)
    return trial, describe(stream, trial)


def _without(stream: Stream, division: Division, symbols: list[int], models_of: dict[int, list[int]]) -> Division:
    from taskkit.segments import kernels

    ids = division.ids.copy()
    for symbol in symbols:
        ids[(stream.x == symbol) & marked(division.path, models_of[symbol])] = -1
    kinds = kernels.mark_kinds(ids, division.path, stream.opens, division.models)
    return Division(division.path, kinds, ids, division.models)
