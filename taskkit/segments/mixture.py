"""Segmentation by a mixture of task models.

Every task is a small Markov model over activities with start and end probabilities; a background model takes the noise;
suspend and resume transitions allow for interruptions. The models are fitted by hard EM (Viterbi training): decode the
stream with the models, count what each was given, repeat. Models that always follow one another are merged, so are
models with the same content; models that loop inside a segment are cut. Several numbers of models are tried on a sample
of the sessions, and the shortest description of the data (likelihood plus parameters) decides.

References
----------
Viterbi training of hidden Markov models: Juang & Rabiner, IEEE Trans. ASSP 38 (1990), "The segmental K-means algorithm".
Two-part description length: Rissanen, Automatica 14 (1978), "Modeling by shortest data description".
"""

from __future__ import annotations

import numpy as np
import polars as pl

from taskkit.errors import SettingError
from taskkit.segments.reshaping import cut_loops, merge_models, shift_loops
from taskkit.segments.streams import Array, Labels, Stream, encode
from taskkit.segments.training import carry_over, first_labels, train

STARTS = (8, 16, 32)  # numbers of models to begin with
WINDOWS = (3, 6)  # steps to either side that the first clusters are made of
SAMPLE_STEPS = 40_000  # the numbers are compared on at most about this many steps
ROUNDS = 6  # of merging and cutting
RESUME_WITHIN = 150  # steps after which suspended work is not taken up again
EDGE = 0.1  # an activity starts (ends) a task if at least this part of its occurrences does


def segment_by_model(steps: pl.DataFrame, *, seed: int = 0, tasks: int | None = None) -> pl.DataFrame:
    """Divide the steps by a mixture of task models; `tasks` bounds the number of models to begin with."""
    from taskkit.segments import kernels

    if tasks is not None and tasks < 1:
        raise SettingError(f"tasks={tasks} is not allowed: at least 1.")
    if steps.is_empty():
        return _frame(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0))
    stream = encode(steps)
    starts = [k for k in STARTS if k * 10 <= len(stream.x)] or [2]
    starts = sorted({min(k, tasks) for k in starts}) if tasks else starts
    keep = _sample(stream, seed)
    sample = stream.part(keep)
    settings = [(k, window, cut) for k in starts for window in WINDOWS for cut in (False, True)]
    tried = sorted((fit(sample, *setting, seed) for setting in settings), key=lambda labels: labels.length)
    best = min((shift_loops(sample, labels) for labels in tried[:3]), key=lambda labels: labels.length)
    if not keep.all():
        best = carry_over(stream, keep, best)
    ids = kernels.number_segments(best.path, best.kinds, stream.opens, best.models, RESUME_WITHIN)
    ids = resume_suspended(stream, best, ids)
    model = np.where(ids < 0, -1, best.path).astype(np.int32)
    return _frame(ids, model, _confidence(ids, best.fits))


def _sample(stream: Stream, seed: int) -> Array:
    """Which steps belong to a sample of whole sessions, drawn by seed, of about `SAMPLE_STEPS` steps together."""
    if len(stream.x) <= 1.5 * SAMPLE_STEPS:
        return np.ones(len(stream.x), bool)
    session = np.cumsum(stream.opens) - 1
    size = np.bincount(session)
    order = np.random.default_rng(seed).permutation(len(size))
    taken = order[: int(np.searchsorted(np.cumsum(size[order]), SAMPLE_STEPS)) + 1]
    return np.isin(session, taken)


def fit(stream: Stream, models: int, window: int, cut: bool, seed: int) -> Labels:
    """Fit `models` task models to begin with; merging, cutting and pruning find their number."""
    labels = train(stream, first_labels(stream, models, window, seed))
    for round_number in range(ROUNDS):
        merged = merge_models(stream, labels)
        changed = cut_loops(stream, merged) if cut and round_number < 3 else merged
        if changed is labels:
            break
        labels = train(stream, changed)
    return labels


def resume_suspended(stream: Stream, labels: Labels, ids: Array) -> Array:
    """Join a segment that begins in the middle of its task to the latest one of the same model that broke off there.

    A segment broke off if neither of its last two activities usually ends the task, and begins in the middle if neither of
    its first two usually starts it (less than `EDGE` of the activity's occurrences in the task). Both must lie in one
    session, at most `RESUME_WITHIN` steps apart, with something else between.
    """
    inside = np.flatnonzero(ids >= 0)
    if not len(inside):
        return ids
    order = inside[np.argsort(ids[inside], kind="stable")]
    edges = np.flatnonzero(np.diff(ids[order])) + 1
    parts = np.split(order, edges)
    session, x, path = np.cumsum(stream.opens), stream.x, labels.path
    use = np.zeros((stream.n_symbols, labels.models))
    np.add.at(use, (x[order], path[order]), 1)
    starts, ends = np.zeros_like(use), np.zeros_like(use)
    for part in parts:
        starts[x[part[0]], path[part[0]]] += 1
        ends[x[part[-1]], path[part[-1]]] += 1
    starts, ends = starts / np.maximum(use, 1), ends / np.maximum(use, 1)
    joined = ids.copy()
    broken_off: dict[int, Array] = {}
    for part in parts:
        model = int(path[part[0]])
        before = broken_off.pop(model, None)
        middle = starts[x[part[:2]], model].max() < EDGE
        near = (
            before is not None and session[before[-1]] == session[part[0]] and 1 < part[0] - before[-1] <= RESUME_WITHIN
        )
        if before is not None and middle and near:
            joined[part] = joined[before[-1]]
        if ends[x[part[-2:]], model].max() < EDGE:
            broken_off[model] = part
    return joined


def _confidence(ids: Array, fits: Array | None) -> Array:
    """Per step, for its whole segment: the part of the segment's steps that its model explains better than the background."""
    if fits is None or not (ids >= 0).any():
        return np.full(len(ids), np.nan)
    inside = ids >= 0
    share = np.bincount(ids[inside], weights=fits[inside]) / np.maximum(np.bincount(ids[inside]), 1)
    return np.where(inside, share[np.maximum(ids, 0)], np.nan)


def _frame(ids: Array, model: Array, confidence: Array) -> pl.DataFrame:
    frame = pl.DataFrame({"segment": ids, "segment_model": model, "segment_confidence": confidence})
    outside = pl.col("segment") < 0
    return frame.select(
        segment=pl.when(~outside).then(pl.col("segment").cast(pl.Int64)),
        segment_model=pl.when(~outside).then(pl.col("segment_model").cast(pl.Int32)),
        segment_confidence=pl.when(~outside).then(pl.col("segment_confidence").cast(pl.Float64)),
    )
