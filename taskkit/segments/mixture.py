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

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from taskkit.errors import SettingError

Array = np.ndarray[Any, Any]

STARTS = (8, 16, 32)  # numbers of models to begin with
WINDOWS = (3, 6)  # steps to either side that the first clusters are made of
SAMPLE_STEPS = 20_000  # the numbers are compared on at most about this many steps
OPENING_WEIGHT = 20.0  # of how likely the beginnings of sessions are, against the description length
ROUNDS, ITERATIONS = 6, 12  # of merging and cutting; of EM in each
SUSPEND = -9.0  # log-probability of leaving a task without finishing it
RESUME_WITHIN = 150  # steps after which suspended work is not taken up again
EDGE = 0.1  # an activity starts (ends) a task if at least this part of its occurrences does
MIN_SEGMENTS = 3  # a model that explains fewer is given up
RARE = 2  # activities seen less often are known by their application and event type only
SEEN_ONCE_SHARE = 0.04  # part of a model's emissions that is left to whatever the log holds


@dataclass(frozen=True)
class Stream:
    """The steps as numbers: activity, seconds since the step before, first of its session."""

    x: Array
    gap: Array
    opens: Array
    n_symbols: int

    def part(self, keep: Array) -> Stream:
        """The stream of the steps in `keep` only (whole sessions)."""
        return Stream(self.x[keep], self.gap[keep], self.opens[keep], self.n_symbols)


@dataclass(frozen=True)
class Labels:
    """A division of the stream: the model of each step (`models` = background) and how it follows the step before."""

    path: Array
    kinds: Array
    models: int
    length: float = np.inf  # description length in nats
    fits: Array | None = None  # per step: the model explains it better than the background


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
    sample = _sample(stream, seed)
    settings = [(k, window, cut) for k in starts for window in WINDOWS for cut in (False, True)]
    tried = sorted(((fit(sample, *setting, seed), setting) for setting in settings), key=lambda t: t[0].length)
    best, setting = min(
        ((shift_loops(sample, labels), setting) for labels, setting in tried[:3]), key=lambda t: t[0].length
    )
    if len(sample.x) < len(stream.x):
        best = shift_loops(stream, fit(stream, *setting, seed))
    ids = kernels.number_segments(best.path, best.kinds, stream.opens, best.models, RESUME_WITHIN)
    ids = resume_suspended(stream, best, ids)
    model = np.where(ids < 0, -1, best.path).astype(np.int32)
    return _frame(ids, model, _confidence(ids, best.fits))


def encode(steps: pl.DataFrame) -> Stream:
    """Number the activities; rare ones back off to application and event type."""
    known = pl.col("activity").len().over("activity") >= RARE
    word = pl.when(known).then("activity").otherwise(
        pl.concat_str(pl.col("event_type").cast(pl.String), pl.lit(" in "), pl.col("app").fill_null("?"))
    )  # fmt: skip
    named = steps.select("user", "session_id", "timestamp", word=word)
    codes = named.select(pl.col("word").rank("dense") - 1).to_series().to_numpy().astype(np.int32)
    opens = named.select(pl.int_range(pl.len()).over("user", "session_id") == 0).to_series().to_numpy()
    gap = named.select(pl.col("timestamp").diff().dt.total_microseconds() / 1e6).to_series().fill_null(0.0).to_numpy()
    gap = np.where(opens | (gap < 0), 1.0, gap).astype(np.float32)
    return Stream(np.ascontiguousarray(codes), gap, opens.copy(), int(codes.max()) + 1)


def _sample(stream: Stream, seed: int) -> Stream:
    """Whole sessions, drawn by seed, of about `SAMPLE_STEPS` steps together."""
    if len(stream.x) <= 1.5 * SAMPLE_STEPS:
        return stream
    session = np.cumsum(stream.opens) - 1
    size = np.bincount(session)
    order = np.random.default_rng(seed).permutation(len(size))
    taken = order[: int(np.searchsorted(np.cumsum(size[order]), SAMPLE_STEPS)) + 1]
    return stream.part(np.isin(session, taken))


def fit(stream: Stream, models: int, window: int, cut: bool, seed: int) -> Labels:
    """Fit `models` task models to begin with; merging, cutting and pruning find their number."""
    labels = _train(stream, _first_labels(stream, models, window, seed))
    for round_number in range(ROUNDS):
        merged = merge_models(stream, labels)
        changed = cut_loops(stream, merged) if cut and round_number < 3 else merged
        if changed is labels:
            break
        labels = _train(stream, changed)
    return labels


# ------------------------------------------------------------------------------------------------------- first labels
def _first_labels(stream: Stream, models: int, window: int, seed: int) -> Labels:
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
        warnings.simplefilter("ignore", UserWarning)  # an empty cluster only means fewer models to begin with
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


# ------------------------------------------------------------------------------------------------------------ training
def _train(stream: Stream, labels: Labels, iterations: int = ITERATIONS) -> Labels:
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


def _gap_score(stream: Stream, labels: Labels) -> Array:
    """How much more the pause before each step speaks for a new segment than for going on (log ratio, bounded)."""
    new = labels.kinds == 1
    between, within = stream.gap[new & ~stream.opens], stream.gap[~new]
    if len(within) < 2:
        return np.zeros(len(stream.x), np.float32)
    inside = _log_normal(within)
    outside = _log_normal(between) if len(between) > 50 else inside
    if outside[0] < inside[0]:
        outside = inside
    ratio = _log_density(stream.gap, outside) - _log_density(stream.gap, inside)
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


# -------------------------------------------------------------------------------------------------- merging and cutting
def merge_models(stream: Stream, labels: Labels, *, follow: float = 0.6, alike: float = 0.85) -> Labels:
    """Merge models that nearly always follow one another, then models that do the same; unchanged if there are none."""
    starts = np.flatnonzero(labels.kinds == 1)
    stops = np.r_[starts[1:], len(stream.x)]
    path, kinds, models = labels.path.copy(), labels.kinds.copy(), labels.models
    label = path[starts].astype(np.int64)
    before, after = label[:-1], label[1:]
    linked = ~stream.opens[starts[1:]] & (before != after) & (before < models) & (after < models)
    often = np.zeros((models + 1, models + 1))
    np.add.at(often, (before[linked], after[linked]), 1)
    seen = np.bincount(label, minlength=models + 1).astype(float)
    forth, back = often / np.maximum(seen[:, None], 1), often / np.maximum(seen[None, :], 1)
    pause = _standard_log_gap(stream)
    pauses = np.zeros_like(often)
    np.add.at(pauses, (before[linked], after[linked]), pause[starts[1:][linked]])
    opening = np.bincount(label[stream.opens[starts]], minlength=models + 1) / np.maximum(seen, 1)
    score = (
        np.maximum(forth, back) - 0.15 * np.maximum(np.tanh(pauses / np.maximum(often, 1)), 0) - 0.3 * opening[None, :]
    )
    score = np.where(often >= MIN_SEGMENTS, score, 0)
    used: set[int] = set()
    for flat in np.argsort(-score, axis=None, kind="stable")[: 4 * models]:
        a, b = divmod(int(flat), models + 1)
        if score[a, b] < follow:
            break
        if a in used or b in used:
            continue
        used |= {a, b}
        joins = np.flatnonzero(linked & (before == a) & (after == b))
        target = a if forth[a, b] >= follow else b
        for j in joins:
            path[starts[j] : stops[j + 1]] = target
            kinds[starts[j + 1]] = 0
        if forth[a, b] >= follow and back[a, b] >= follow:
            path[path == b] = a
    for a, b in _alike(stream, path, models, alike):
        if a not in used and b not in used:
            used |= {a, b}
            path[path == b] = a
    if not used:
        return labels
    kept = np.unique(path[path < models])
    renumber = np.full(models + 1, -1, np.int16)
    renumber[kept], renumber[models] = np.arange(len(kept)), len(kept)
    return Labels(renumber[path], kinds, len(kept))


def _standard_log_gap(stream: Stream) -> Array:
    logs = np.log(stream.gap + 0.05)
    spread = float(logs.std())
    return np.asarray((logs - logs.mean()) / spread) if spread > 1e-6 else np.zeros(len(logs))


def _alike(stream: Stream, path: Array, models: int, at_least: float) -> list[tuple[int, int]]:
    """Pairs of models with nearly the same content, most alike first."""
    use = np.zeros((models, stream.n_symbols))
    inside = path < models
    np.add.at(use, (path[inside], stream.x[inside]), 1)
    rarity = np.log(models / (1 + (use > 0.01 * use.sum(axis=1, keepdims=True)).sum(axis=0)) + 1)
    vectors = np.sqrt(use / (use.sum(axis=1, keepdims=True) + 1e-9)) * rarity
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    similarity = np.triu(vectors @ vectors.T, 1)
    order = np.argsort(-similarity, axis=None, kind="stable")[: 4 * models]
    return [(int(i) // models, int(i) % models) for i in order if similarity.ravel()[i] >= at_least]


def cut_loops(stream: Stream, labels: Labels, *, recurrence: float = 1.6) -> Labels:
    """Cut a model whose activities recur inside one segment, at the activity that most speaks for a start."""
    x, kinds, done = stream.x, labels.kinds.copy(), False
    starts = np.flatnonzero(kinds == 1)
    stops = np.r_[starts[1:], len(x)]
    pause = _standard_log_gap(stream)
    for model in range(labels.models):
        mine = np.flatnonzero(labels.path[starts] == model)
        if not len(mine):
            continue
        places = np.concatenate([np.arange(starts[i], stops[i]) for i in mine])
        anchor = _loop_anchor(stream, places, starts[mine], stops[mine], pause, recurrence)
        if anchor is None:
            continue
        hits = places[(x[places] == anchor) & (kinds[places] == 0)]
        hits = hits[np.diff(np.r_[-10, hits]) >= 3]
        done |= len(hits) > 0
        kinds[hits] = 1
    return replace(labels, kinds=kinds) if done else labels


def shift_loops(stream: Stream, labels: Labels, *, anchors: int = 12) -> Labels:
    """Try other places to cut the models that follow themselves: a loop has no beginning of its own, the shortest
    description decides."""
    best, improved, rounds = labels, True, 0
    while improved and rounds < 2:
        improved, rounds = False, rounds + 1
        for model in range(best.models):
            if model >= best.models:
                break
            for shifted in _shifts(stream, best, model, anchors):
                trained = _train(stream, shifted, 4)
                if trained.length < best.length - 1:
                    best, improved = trained, True
    return best


def _shifts(stream: Stream, labels: Labels, model: int, anchors: int) -> list[Labels]:
    """The division with one looping model cut at another of its activities, for each activity that could be a start."""
    x = stream.x
    starts = np.flatnonzero(labels.kinds == 1)
    label = labels.path[starts]
    mine, places = int((label == model).sum()), np.flatnonzero(labels.path == model)
    again = (label[1:] == model) & (label[:-1] == model)
    if not mine or len(places) < 0.05 * len(x) or (again.sum() < 0.5 * mine and mine > 3):
        return []
    often = np.bincount(x[places], minlength=stream.n_symbols)
    order = np.argsort(-often, kind="stable")
    core = order[: int(np.searchsorted(np.cumsum(often[order]), 0.95 * len(places))) + 1]
    levels = {max(2, mine), int(np.quantile(often[core], 0.25)), int(np.quantile(often[core], 0.5))}
    likely = [a for a in core if often[a] >= 2 and any(0.75 * level <= often[a] <= 1.34 * level for level in levels)]
    early = {
        int(x[i]): rank for rank, i in reversed(list(enumerate(places[:200])))
    }  # what comes first in the log first
    result = []
    for anchor in sorted(likely, key=lambda a: early.get(int(a), 999))[:anchors]:
        kinds = labels.kinds.copy()
        inner = starts[1:][again]
        kinds[inner[~stream.opens[inner]]] = 0
        hits = places[x[places] == anchor]
        kinds[hits[np.diff(np.r_[-10, hits]) >= 3]] = 1
        result.append(replace(labels, kinds=kinds))
    return result


def _loop_anchor(
    stream: Stream, places: Array, starts: Array, stops: Array, pause: Array, recurrence: float
) -> int | None:
    """The activity that opens each round of a loop, or None where the segments do not loop."""
    x = stream.x[places]
    if len(places) < 20:
        return None
    often = np.bincount(x, minlength=stream.n_symbols)
    segment = np.repeat(np.arange(len(starts)), stops - starts)
    if len(places) / len(np.unique(segment * stream.n_symbols + x)) < recurrence:
        return None
    order = np.argsort(-often, kind="stable")
    core = order[: int(np.searchsorted(np.cumsum(often[order]), 0.9 * len(places))) + 1]
    rounds = np.quantile(often[core], 0.25)  # what occurs once a round has the low counts
    candidates = core[(often[core] >= 0.7 * rounds) & (often[core] <= 1.4 * rounds)]
    if rounds < recurrence * len(starts) or not len(candidates):
        return None
    evidence = np.zeros(stream.n_symbols)
    for start, stop in zip(starts, stops, strict=True):
        weight = 3.0 if stream.opens[start] else 1.0
        for offset in range(min(6, stop - start)):
            evidence[stream.x[start + offset]] += weight * 0.5**offset
    pauses = np.bincount(x, weights=pause[places], minlength=stream.n_symbols) / np.maximum(often, 1)
    score = evidence / len(starts) + 1.5 * np.maximum(pauses, 0)
    return int(candidates[np.argmax(score[candidates])])


# ------------------------------------------------------------------------------------------------------- suspended work
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


# -------------------------------------------------------------------------------------------------------------- result
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
