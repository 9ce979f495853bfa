"""Changes of the models between trainings: merging, cutting loops, moving the beginning of a loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from taskkit.segments.streams import Array, Labels, Stream
from taskkit.segments.training import MIN_SEGMENTS, train


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
                trained = train(stream, shifted, 4)
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
