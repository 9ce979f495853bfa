"""First divisions of the stream, from different views of it; training goes on from each."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice
from threading import Lock
from typing import Any

import numpy as np

from taskkit.segments.lengths import describe
from taskkit.segments.loops import cut_loops
from taskkit.segments.rules import find_loops
from taskkit.segments.streams import Array, Division, Stream
from taskkit.segments.threads import in_threads
from taskkit.segments.training import train

GROUPS = (1, 4, 12, 30)  # numbers of tasks that segments are grouped into at first
WINDOWS = ((12, 4), (24, 3), (24, 6))  # numbers of clusters of windows, steps to either side
FIRST_ITERATIONS = 3
TOGETHER = (
    0.5,
    0.65,
    0.8,
)  # part of its occurrences in which an activity stands beside another that it hangs together with
DENSE = 150  # columns up to which a matrix is decomposed as a whole
THREAD = 0.05  # part of all steps that a thread of work has at least
# what is warned of holds for all threads: two that change it at once would leave it changed
ONE_AT_A_TIME = Lock()


def first_divisions(stream: Stream, seed: int) -> list[list[Division]]:
    """For each view of the stream the divisions that it suggests, shortly trained, shortest description first."""
    views: list[list[Callable[[], Division]]] = []
    for ids in (_structured_runs(stream), _record_runs(stream), _loop_rounds(stream), _several_loops(stream)):
        if ids is not None and ids.max(initial=-1) >= 2:
            groups = [k for k in GROUPS if k == 1 or ids.max() + 1 >= 3 * k]
            views.append([partial(_of_groups, stream, ids, k, seed) for k in groups])
    threads = (_threads(stream, share) for share in TOGETHER)
    views += [[partial(replace, one)] for one in islice((one for one in threads if one is not None), 1)]
    windows = [(k, width) for k, width in WINDOWS if 10 * k <= len(stream.x)]
    used = _sums_of_places(stream) if windows else np.empty(0)
    views += [[partial(_of_windows, stream, used, k, width, seed)] for k, width in windows]
    if not views:
        views = [[partial(_one_task, stream)]]
    trained = iter(in_threads(partial(_trained, stream), [make for view in views for make in view]))
    return [sorted(islice(trained, len(view)), key=lambda division: division.length) for view in views]


def _trained(stream: Stream, make: Callable[[], Division]) -> Division:
    division = train(stream, make(), FIRST_ITERATIONS)
    return replace(division, length=describe(stream, division))


# -------------------------------------------------------------------------------------------------------- runs of steps
def _structured_runs(stream: Stream, hole: int = 2, least: int = 3) -> Array:
    """Runs of steps that stand in pairs which are no chance: work between stretches of noise."""
    good = _in_pairs(stream)
    places = np.flatnonzero(good)
    ids = np.full(len(good), -1, np.int64)
    if not len(places):
        return ids
    session = np.cumsum(stream.opens)
    fresh = np.r_[True, (np.diff(places) > hole + 1) | (np.diff(session[places]) > 0)]
    ids[places] = np.cumsum(fresh) - 1
    size = np.bincount(ids[places])
    kept = np.cumsum(size >= least) - 1
    return np.where((ids >= 0) & (size[np.maximum(ids, 0)] >= least), kept[np.maximum(ids, 0)], -1)


def _in_pairs(stream: Stream) -> Array:
    """Steps that stand beside (or next but one to) an activity that they stand beside more often than by chance."""
    session = np.cumsum(stream.opens)
    good = np.zeros(len(stream.x), bool)
    for lag in (1, 2):
        _, number, telling = _telling_pairs(stream, lag)
        hit = telling[number] & (session[lag:] == session[:-lag])
        good[:-lag] |= hit
        good[lag:] |= hit
    return good


def _telling_pairs(
    stream: Stream, lag: int, z: float = 4.0, least: int = 4, share: float = 0.2
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Pairs of activities `lag` steps apart, which of them each step ends, and whether a pair is no chance."""
    x, n = stream.x, len(stream.x)
    often = np.bincount(x, minlength=stream.n_symbols).astype(float)
    key = x[:-lag].astype(np.int64) * stream.n_symbols + x[lag:]
    known, number, seen = np.unique(key, return_inverse=True, return_counts=True)
    a, b = often[known // stream.n_symbols], often[known % stream.n_symbols]
    expected = a * b / n
    telling = (seen >= least) & ((seen - expected) / np.sqrt(expected + 0.25) > z) & (seen >= share * np.minimum(a, b))
    return known, number, telling


def _threads(stream: Stream, share: float) -> Division | None:
    """Work that goes on side by side: activities that hang together, cut where each comes round; None if all do."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    from taskkit.segments import kernels

    if len(stream.x) < 2:
        return None
    known, _, telling = _telling_pairs(stream, 1, share=share)
    first, second = np.divmod(known[telling], stream.n_symbols)
    graph = csr_array((np.ones(len(first)), (first, second)), shape=(stream.n_symbols,) * 2)
    part = connected_components(graph, directed=False)[1]
    steps = np.bincount(part[stream.x])
    large = np.flatnonzero(steps >= THREAD * len(stream.x))
    if len(large) < 2:
        return None
    models = len(large)
    number = np.full(len(steps), models)
    number[large] = np.arange(models)
    path = number[part[stream.x]].astype(np.int16)
    session = np.cumsum(stream.opens) - 1
    ids = np.where(path < models, session * models + path, -1)
    known_ids, dense = np.unique(ids, return_inverse=True)
    ids = dense.astype(np.int64) - (1 if known_ids[0] < 0 else 0)
    whole = Division(path, kernels.mark_kinds(ids, path, stream.opens, models), ids, models)
    return cut_loops(stream, whole)


def _record_runs(stream: Stream, *, changes: float = 0.35, least: int = 20, share: float = 0.1) -> Array | None:
    """A new stretch where a record changes, for kinds of records that mostly stay; None if few steps show one."""
    records = stream.records
    of, shows = np.maximum(records.kind, 0), records.kind >= 0
    seen = np.bincount(of[shows], minlength=records.kinds)
    changed = np.bincount(of[records.changed], minlength=records.kinds)
    steady = shows & ((seen >= least) & (changed < changes * np.maximum(seen, 1)))[of]
    if steady.mean() < share:
        return None
    return np.asarray(np.cumsum(stream.opens | (steady & records.changed)) - 1)


def _loop_rounds(stream: Stream) -> Array:
    """The rounds of the one loop that the whole stream would be."""
    return train(stream, cut_loops(stream, train(stream, _one_task(stream), 2)), 4).ids


def _one_task(stream: Stream) -> Division:
    """Every session is an execution of one task."""
    return Division(np.zeros(len(stream.x), np.int16), stream.opens.astype(np.int8), np.cumsum(stream.opens) - 1, 1)


def _several_loops(stream: Stream) -> Array:
    """The rounds of all loops of the directly-follows graph, each from its own header on."""
    headers, members = find_loops(stream.x.astype(np.int64), stream.opens)
    begins = np.isin(stream.x, headers)
    if not begins.any():
        return np.full(len(begins), -1, np.int64)
    rounds = np.cumsum(begins | stream.opens) - 1
    begun = np.zeros(int(rounds.max()) + 1, bool)
    begun[rounds[begins]] = True
    inside = begun[rounds] & np.isin(stream.x, members)
    number = np.unique(rounds[inside], return_inverse=True)[1]
    ids = np.full(len(begins), -1, np.int64)
    ids[inside] = number
    return ids


# ---------------------------------------------------------------------------------------------------------------- groups
def _of_groups(stream: Stream, ids: Array, groups: int, seed: int) -> Division:
    """Each of the given segments is an execution of one of `groups` tasks, by what is done in it."""
    from taskkit.segments import kernels

    label = cluster(stream, ids, groups, seed) if groups > 1 else np.zeros(ids.max() + 1, np.int64)
    models = int(label.max()) + 1
    path = np.where(ids >= 0, label[np.maximum(ids, 0)], models).astype(np.int16)
    return Division(path, kernels.mark_kinds(ids, path, stream.opens, models), ids.copy(), models)


def cluster(stream: Stream, ids: Array, groups: int, seed: int, dimensions: int = 24) -> Array:
    """k-means of the segments' activities (TF-IDF, truncated SVD)."""
    from scipy.sparse import csr_array, diags_array

    inside = ids >= 0
    used, symbols = np.unique(stream.x[inside], return_inverse=True)
    n, n_symbols = int(ids.max()) + 1, len(used)
    counts = csr_array((np.ones(len(symbols)), (ids[inside], symbols)), shape=(n, n_symbols))
    counts.sum_duplicates()
    counts.data = 1 + np.log(counts.data)
    rarity = np.log(1 + n / np.maximum(np.bincount(counts.indices, minlength=n_symbols), 1))
    weighted = (counts @ diags_array(rarity)).tocsr()
    size = min(dimensions, n_symbols - 1, n - 1)
    if size < 1:
        return np.zeros(n, np.int64)
    placed = weighted @ _directions(weighted, size)
    placed /= np.linalg.norm(placed, axis=1, keepdims=True) + 1e-9
    _, label = _group(placed, min(groups, n), seed, rounds=20)
    return np.unique(label, return_inverse=True)[1]


def _group(points: Array, groups: int, seed: int, *, rounds: int = 10) -> tuple[Array, Array]:
    """k-means: the centres, and the group of each point; empty or equal groups only mean fewer models to begin with."""
    from scipy.cluster.vq import kmeans2

    with ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = kmeans2(points, groups, minit="++", seed=np.random.default_rng(seed), iter=rounds)
    return np.asarray(found[0]), np.asarray(found[1])


def _sums_of_places(stream: Stream) -> Array:
    """Where the steps up to each one stand, added up; frequent activities say little."""
    frequency = np.bincount(stream.x, minlength=stream.n_symbols) / len(stream.x)
    weighted = _embed(stream) * (1e-3 / (1e-3 + frequency))[:, None]
    return np.vstack([np.zeros(weighted.shape[1]), np.cumsum(weighted[stream.x], axis=0)])


def _of_windows(stream: Stream, total: Array, models: int, width: int, seed: int) -> Division:
    """Clusters of windows of steps by what they use (`_sums_of_places`), smoothed to blocks."""
    from taskkit.segments import start_kernels

    x, n = stream.x, len(stream.x)
    frequency = np.bincount(x, minlength=stream.n_symbols) / n
    here = np.arange(n)
    windows = total[np.minimum(n, here + width + 1)] - total[np.maximum(0, here - width)]
    windows /= np.linalg.norm(windows, axis=1, keepdims=True) + 1e-9
    every = max(1, n // 20_000)
    models = min(models, len(windows[::every]))
    centres, _ = _group(windows[::every], models, seed)
    path: Array = np.argmax(windows @ centres.T - 0.5 * (centres**2).sum(axis=1), axis=1).astype(np.int16)
    for _ in range(5):
        uses = np.zeros((stream.n_symbols, models))
        np.add.at(uses, (x, path), 1)
        log_any = np.log(0.9 * uses / (uses.sum(axis=0) + 1) + 0.1 * frequency[:, None] + 1e-8).astype(np.float32)
        path = start_kernels.decode_blocks(x, stream.opens, log_any, np.float32(-7.0))
    begins = np.r_[True, path[1:] != path[:-1]] | stream.opens
    return Division(path, begins.astype(np.int8), np.cumsum(begins) - 1, models)


def _embed(stream: Stream, dimensions: int = 32) -> Array:
    """Place activities that occur near one another close together: truncated SVD of positive mutual information."""
    from scipy.sparse import csr_array

    from taskkit.segments import start_kernels

    near = start_kernels.count_near(stream.x, stream.opens, stream.n_symbols, 6)
    near = (near + near.T).astype(np.float64)
    total = near.sum(axis=1, keepdims=True) + 1e-9
    information = np.maximum(0.0, np.log(near * near.sum() / (total * total.T) + 1e-12))
    matrix = csr_array(information)
    placed = matrix @ _directions(
        matrix, min(dimensions, stream.n_symbols)
    )  # symmetric: these are its singular vectors
    strength = np.linalg.norm(placed, axis=0)
    placed = placed / np.sqrt(np.maximum(strength, 1e-12))
    return np.asarray(placed / (np.linalg.norm(placed, axis=1, keepdims=True) + 1e-9))


def _directions(matrix: Any, size: int) -> Array:
    """The first right singular vectors of a sparse matrix, one a column; the same in every call, whatever its rank."""
    from scipy.linalg import eigh
    from scipy.sparse.linalg import eigsh

    columns = matrix.shape[1]
    gram = (matrix.T @ matrix).tocsr()
    if columns <= DENSE or size >= columns:
        vectors = eigh(gram.toarray(), subset_by_index=(max(0, columns - size), columns - 1))[1]
    else:  # its own random numbers would differ from call to call
        vectors = eigsh(gram, k=size, v0=np.ones(columns) / np.sqrt(columns), rng=np.random.default_rng(0))[1]
    return np.asarray(vectors[:, -size:])
