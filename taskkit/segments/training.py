"""Training of the task models: a first division by clusters of windows, then hard EM."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from taskkit.segments.streams import Array, Labels, Stream

ITERATIONS = 12
OPENING_WEIGHT = 20.0  # of how likely the beginnings of sessions are, against the description length
SUSPEND = -9.0  # log-probability of leaving a task without finishing it
MIN_SEGMENTS = 3  # a model that explains fewer is given up
SEEN_ONCE_SHARE = 0.04  # part of a model's emissions that is left to whatever the log holds


def train(stream: Stream, labels: Labels, iterations: int = ITERATIONS) -> Labels:
    """Hard EM: decode with the models, count what each was given, until hardly anything changes."""
    from taskkit.segments import kernels

    x = stream.x
    pair1, first1 = kernels.pairs(x, stream.n_symbols, 1)
    pair2, first2 = kernels.pairs(x, stream.n_symbols, 2)
    for iteration in range(iterations):
        gap_score = _gap_score(stream, labels)
        tables = _tables(stream, labels, pair1, pair2, first1, first2)
        path, kinds, likelihood = kernels.decode(x, pair1, pair2, gap_score, stream.opens, *tables.arguments)
        changed = float(np.mean(kinds != labels.kinds))
        labels = Labels(path, kinds, tables.models)
        if changed < 5e-4 and iteration > 2:
            break
    counts = kernels.count(x, pair1, pair2, path, kinds, labels.models, stream.n_symbols, len(first1), len(first2))
    parameters = sum(int(np.count_nonzero(counts[i])) for i in (0, 2, 3, 4))
    paused = float(
        gap_score[(kinds == 1) & (path < labels.models)].sum()
        + 0.5 * gap_score[(kinds == 1) & (path == labels.models)].sum()
    )
    length = (
        paused
        - float(likelihood)
        + 0.5 * np.log(len(x)) * parameters
        + _unlikely_openings(stream, labels, counts[2], counts[3])
    )
    log_any, background = tables.arguments[2], tables.arguments[7]
    inside = np.minimum(path, max(labels.models - 1, 0))
    best = np.maximum.reduce(
        [tables.arguments[0][pair1, inside], tables.arguments[1][pair2, inside], log_any[x, inside]]
    )
    return replace(labels, length=length, fits=(path < labels.models) & (best > background[x]))


def carry_over(stream: Stream, keep: Array, labels: Labels) -> Labels:
    """Divide the whole stream with the models that were trained on the part of it in `keep`."""
    from taskkit.segments import kernels

    pair1, first1 = kernels.pairs(stream.x, stream.n_symbols, 1)
    pair2, first2 = kernels.pairs(stream.x, stream.n_symbols, 2)
    part = stream.part(keep)
    tables = _tables(part, labels, pair1[keep], pair2[keep], first1, first2)
    gap_score = _gap_score(part, labels, stream.gap)
    path, kinds, _ = kernels.decode(stream.x, pair1, pair2, gap_score, stream.opens, *tables.arguments)
    return train(stream, Labels(path, kinds, tables.models), 3)


def _unlikely_openings(stream: Stream, labels: Labels, use: Array, starts: Array) -> float:
    """Nats for sessions that would begin in the middle of a task: people begin their day at the beginning of something."""
    first = np.flatnonzero(stream.opens)[:50]
    model = labels.path[first]
    known = model < labels.models
    share = np.full(len(first), 0.5)
    share[known] = starts[stream.x[first[known]], model[known]] / np.maximum(
        1.0, use[stream.x[first[known]], model[known]]
    )
    return float(-OPENING_WEIGHT * np.log(share + 1e-3).mean())


def _gap_score(stream: Stream, labels: Labels, gaps: Array | None = None) -> Array:
    """How much more the pause before each step speaks for a new segment than for going on (log ratio, bounded)."""
    gaps = stream.gap if gaps is None else gaps
    new = labels.kinds == 1
    between, within = stream.gap[new & ~stream.opens], stream.gap[~new]
    if len(within) < 2:
        return np.zeros(len(gaps), np.float32)
    inside = _log_normal(within)
    outside = _log_normal(between) if len(between) > 50 else inside
    if outside[0] < inside[0]:
        outside = inside
    ratio = _log_density(gaps, outside) - _log_density(gaps, inside)
    return np.asarray(np.clip(ratio, -3, 4), np.float32)


def _log_normal(values: Array) -> tuple[float, float]:
    logs = np.log(values + 0.05)
    return float(logs.mean()), max(0.3, float(logs.std()))


def _log_density(values: Array, given: tuple[float, float]) -> Array:
    z = (np.log(values + 0.05) - given[0]) / given[1]
    return np.asarray(-0.5 * z * z - np.log(given[1]))


@dataclass(frozen=True)
class _Tables:
    models: int
    arguments: tuple[Any, ...]


def _tables(stream: Stream, labels: Labels, pair1: Array, pair2: Array, first1: Array, first2: Array) -> _Tables:
    """Turn the counts of a division into the log-probabilities that `decode` reads; weak models are given up."""
    from taskkit.segments import kernels

    x, n_symbols = stream.x, stream.n_symbols
    counts = kernels.count(
        x, pair1, pair2, labels.path, labels.kinds, labels.models, n_symbols, len(first1), len(first2)
    )
    *tables, begun, rest = counts
    strong = (begun[:-1] >= MIN_SEGMENTS) | (tables[2].sum(axis=0) > 0.02 * len(x))
    if not strong.any():
        strong[int(np.argmax(begun[:-1]))] = True
    successors, skips, use, starts, ends, sources1, sources2 = (np.ascontiguousarray(t[:, strong]) for t in tables)
    begun = np.r_[begun[:-1][strong], begun[-1]]
    everywhere = np.bincount(x, minlength=n_symbols) / len(x)
    background = 0.9 * (rest + 20 * everywhere) / (rest.sum() + 20) + 0.1 * everywhere + 1e-7
    total, segments = use.sum(axis=0), starts.sum(axis=0)
    # a step that begins a segment is seldom inside one: its successors inside the model count less
    inner = 1 - np.minimum(0.9, starts / (use + 1.0))
    log_next = np.log(0.62 * successors * inner[x_of(pair1, x, len(first1))] / (sources1[first1] + 0.5) + 1e-9)
    log_skip = np.log(0.22 * skips * inner[x_of(pair2, x, len(first2))] / (sources2[first2] + 0.5) + 1e-9)
    log_any = np.log(0.12 * use / (total + 1) + SEEN_ONCE_SHARE * background[:, None])
    log_start = np.log(0.8 * starts / (segments + 0.5) + 0.15 * use / (total + 1) + 0.05 * background[:, None])
    end = np.clip((ends + segments / (total + 1)) / (use + 1.0), 1e-4, 0.98)
    prior = np.log((begun + 0.5) / (begun.sum() + 0.5 * len(begun)))
    leave = 1 / (rest.sum() / max(1.0, begun[-1]) + 1)
    again = np.log(_share_repeated(labels))
    small = np.float32
    arrays = [a.astype(small) for a in (log_next, log_skip, log_any, log_start, np.log(end), np.log(1 - end),
                                        prior[:-1], np.log(background))]  # fmt: skip
    numbers = [small(v) for v in (prior[-1], np.log(leave), np.log(1 - min(leave, 0.999)), SUSPEND, again)]
    return _Tables(int(strong.sum()), (*arrays, *numbers))


def x_of(pair: Array, x: Array, n_pairs: int) -> Array:
    """The second activity of each pair."""
    second = np.zeros(n_pairs, np.int64)
    second[pair] = x
    return second


def _share_repeated(labels: Labels) -> float:
    """How often a segment is followed by one of the same model."""
    models = labels.path[labels.kinds == 1]
    both = (models[1:] < labels.models) & (models[:-1] < labels.models)
    same = int(((models[1:] == models[:-1]) & both).sum())
    return float(np.clip(same / max(1, int(both.sum())), 0.02, 0.9))


def first_labels(stream: Stream, models: int, window: int, seed: int) -> Labels:
    """Cluster windows of steps by what they use, then smooth the clusters to blocks."""
    from scipy.cluster.vq import kmeans2

    from taskkit.segments import kernels

    x, n = stream.x, len(stream.x)
    frequency = np.bincount(x, minlength=stream.n_symbols) / n
    weighted = _embed(stream) * (1e-3 / (1e-3 + frequency))[:, None]  # frequent activities say little
    total = np.vstack([np.zeros(weighted.shape[1]), np.cumsum(weighted[x], axis=0)])
    here = np.arange(n)
    windows = total[np.minimum(n, here + window + 1)] - total[np.maximum(0, here - window)]
    windows /= np.linalg.norm(windows, axis=1, keepdims=True) + 1e-9
    every = max(1, n // 20_000)
    models = min(models, len(windows[::every]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # empty or equal clusters only mean fewer models to begin with
        centres, _ = kmeans2(windows[::every], models, minit="++", seed=np.random.default_rng(seed))
    path: Array = np.argmax(windows @ centres.T - 0.5 * (centres**2).sum(axis=1), axis=1).astype(np.int16)
    for _ in range(5):
        use = np.zeros((stream.n_symbols, models))
        np.add.at(use, (x, path), 1)
        log_any = np.log(0.9 * use / (use.sum(axis=0) + 1) + 0.1 * frequency[:, None] + 1e-8).astype(np.float32)
        path = kernels.decode_blocks(x, stream.opens, log_any, np.float32(-7.0))
    begins = np.r_[True, path[1:] != path[:-1]] | stream.opens
    return Labels(path, begins.astype(np.int8), models)


def _embed(stream: Stream, dimensions: int = 32) -> Array:
    """Place activities that occur near one another close together: truncated SVD of positive mutual information."""
    from scipy.linalg import svd
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import svds

    from taskkit.segments import kernels

    near = kernels.count_near(stream.x, stream.opens, stream.n_symbols, 6)
    near = (near + near.T).astype(np.float64)
    total = near.sum(axis=1, keepdims=True) + 1e-9
    information = np.maximum(0.0, np.log(near * near.sum() / (total * total.T) + 1e-12))
    if stream.n_symbols <= 2 * dimensions:
        left, strength, _ = svd(information)
        left, strength = left[:, :dimensions], strength[:dimensions]
    else:
        start = np.ones(stream.n_symbols) / np.sqrt(stream.n_symbols)  # fixed: the same result every time
        left, strength, _ = svds(csr_array(information), k=dimensions, v0=start)
    placed = left * np.sqrt(np.maximum(strength, 0.0))
    return np.asarray(placed / (np.linalg.norm(placed, axis=1, keepdims=True) + 1e-9))
