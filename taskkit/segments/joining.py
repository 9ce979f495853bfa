"""Moves between trainings that change the models: joining those that are one task, parting those that are two."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np

from taskkit.segments.lengths import describe
from taskkit.segments.shortening import halved, pause_share
from taskkit.segments.streams import Array, Division, Stream
from taskkit.segments.threads import in_threads
from taskkit.segments.training import MIN_EXECUTIONS

FOLLOW = 0.6  # part of a model's executions that must follow (precede) another's for the two to be one
ALIKE = 0.85  # cosine of what two models hold from which on they are one
SIMILAR = 0.5  # Bhattacharyya coefficient from which on the length of the description decides
STRANGERS = 0.3  # Bhattacharyya coefficient below which two kinds of executions share next to nothing
PARTS = 4  # pieces of work that one model is parted into, at most
OVERLAP = 0.1  # part of the executions in which the stretches of two screens overlap, for the two to belong together


# -------------------------------------------------------------------------------------------------------------- joining
def merge_models(stream: Stream, division: Division) -> Division:
    """Merge models that nearly always follow one another, then models that hold the same; the same division if none do."""
    pairs = [(a, b, True) for a, b in _following(stream, division)]
    division = _merged(stream, division, pairs) if pairs else division
    alike: list[tuple[int, int, bool]] = []
    for a, b in _alike(stream, division.path, division.models):
        if not any(model in pair for pair in alike for model in (a, b)):
            alike.append((a, b, False))
    return _merged(stream, division, alike) if alike else division


def _following(stream: Stream, division: Division) -> list[tuple[int, int]]:
    """Pairs of models of which one nearly always follows or precedes the other, without a long pause; each model once."""
    starts, models = np.flatnonzero(division.kinds == 1), division.models
    label = division.path[starts].astype(np.int64)
    before, after = label[:-1], label[1:]
    linked = ~stream.opens[starts[1:]] & (before != after) & (before < models) & (after < models)
    often = np.zeros((models + 1, models + 1))
    np.add.at(often, (before[linked], after[linked]), 1)
    seen = np.maximum(np.bincount(label, minlength=models + 1).astype(float), 1)
    pauses, pause = np.zeros_like(often), _standard_log_gap(stream)
    np.add.at(pauses, (before[linked], after[linked]), pause[starts[1:][linked]])
    opening = np.bincount(label[stream.opens[starts]], minlength=models + 1) / seen
    score = np.maximum(often / seen[:, None], often / seen[None, :])
    score = score - 0.15 * np.maximum(np.tanh(pauses / np.maximum(often, 1)), 0) - 0.3 * opening[None, :]
    score = np.where(often >= MIN_EXECUTIONS, score, 0)
    chosen: list[tuple[int, int]] = []
    used: set[int] = set()
    for flat in np.argsort(-score, axis=None, kind="stable")[: 4 * models]:
        a, b = divmod(int(flat), models + 1)
        if score[a, b] < FOLLOW:
            break
        if a not in used and b not in used:
            used |= {a, b}
            chosen.append((a, b))
    return chosen


def _merged(stream: Stream, division: Division, pairs: list[tuple[int, int, bool]]) -> Division:
    """The division with each pair of models as one; of a pair that follows, executions side by side become one."""
    starts = np.flatnonzero(division.kinds == 1)
    stops = np.r_[starts[1:], len(stream.x)]
    path, kinds, models = division.path.copy(), division.kinds.copy(), division.models
    label = path[starts].astype(np.int64)
    seen = np.maximum(np.bincount(label, minlength=models + 1), 1)
    for a, b, follows in pairs:
        if follows:
            joins = np.flatnonzero((label[:-1] == a) & (label[1:] == b) & ~stream.opens[starts[1:]])
            forth, back = len(joins) / seen[a], len(joins) / seen[b]
            for j in joins:
                path[starts[j] : stops[j + 1]] = a if forth >= FOLLOW else b
                kinds[starts[j + 1]] = 0
            if forth < FOLLOW or back < FOLLOW:
                continue
        path[path == b] = a
    return _numbered(stream, path, kinds, models)


def _numbered(stream: Stream, path: Array, kinds: Array, models: int) -> Division:
    """A division with dense numbers of the models that are left."""
    from taskkit.segments import kernels

    kept = np.unique(path[path < models])
    renumber = np.full(models + 1, -1, np.int16)
    renumber[kept], renumber[models] = np.arange(len(kept)), len(kept)
    path = renumber[path]
    return Division(path, kinds, kernels.number_executions(path, kinds, stream.opens, len(kept)), len(kept))


def _standard_log_gap(stream: Stream) -> Array:
    logs = np.log(stream.gap + 0.05)
    spread = float(logs.std())
    return np.asarray((logs - logs.mean()) / spread) if spread > 1e-6 else np.zeros(len(logs))


def _uses(stream: Stream, path: Array, models: int, inside: Array) -> Array:
    use = np.zeros((models, stream.n_symbols))
    np.add.at(use, (path[inside], stream.x[inside]), 1)
    return use


def _alike(stream: Stream, path: Array, models: int) -> list[tuple[int, int]]:
    """Pairs of models with nearly the same content, most alike first."""
    use = _uses(stream, path, models, path < models)
    rarity = np.log(models / (1 + (use > 0.01 * use.sum(axis=1, keepdims=True)).sum(axis=0)) + 1)
    vectors = np.sqrt(use / (use.sum(axis=1, keepdims=True) + 1e-9)) * rarity
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    similarity = np.triu(vectors @ vectors.T, 1)
    order = np.argsort(-similarity, axis=None, kind="stable")[: 4 * models]
    return [(int(i) // models, int(i) % models) for i in order if similarity.ravel()[i] >= ALIKE]


def join_models(stream: Stream, division: Division) -> Division:
    """Join models while the log is described shorter by one than by two."""
    length = describe(stream, division)
    while division.models > 1:
        trials = [joined_models(division, a, b) for a, b in similar_models(stream, division, SIMILAR)[:6]]
        lengths = in_threads(partial(describe, stream), trials)
        if not trials or min(lengths) >= length:
            break
        length = min(lengths)
        division = trials[lengths.index(length)]
    return division


def joined_models(division: Division, a: int, b: int) -> Division:
    """The division with models a and b (a < b) as one."""
    path = np.where(division.path == b, a, division.path)
    path = np.where(path > b, path - 1, path).astype(np.int16)
    return Division(path, division.kinds, division.ids, division.models - 1)


def similar_models(stream: Stream, division: Division, least: float) -> list[tuple[int, int]]:
    """Pairs of models that hold similar activities (Bhattacharyya coefficient at least `least`), most similar first."""
    use = np.sqrt(_uses(stream, division.path, division.models, division.ids >= 0))
    use /= np.linalg.norm(use, axis=1, keepdims=True) + 1e-9
    near = np.triu(use @ use.T, 1)
    order = np.argsort(-near, axis=None, kind="stable")[: 3 * division.models]
    return [divmod(int(i), division.models) for i in order if near.ravel()[i] >= least]


# -------------------------------------------------------------------------------------------------------------- parting
def split_models(stream: Stream, division: Division) -> Division:
    """Split a model whose executions are of two kinds that share next to nothing."""
    for model in range(division.models):
        division = halved(stream, division, model, STRANGERS) or division
    return division


def part_models(stream: Stream, division: Division) -> Division:
    """Part a model whose executions are pieces of work one after the other that share no screen.

    Two tasks that always take turns look like one. They are two where the screens fall into groups, two or more to a
    group, that are used in turns inside their group and never across: then nothing binds the one half to the other.
    """
    from taskkit.segments import kernels

    ids, path, models = division.ids.copy(), division.path.copy(), division.models
    inside = np.flatnonzero(ids >= 0)
    order = inside[np.argsort(ids[inside], kind="stable")]
    parts = np.split(order, np.flatnonzero(np.diff(ids[order])) + 1) if len(order) else []
    fresh = int(ids.max(initial=-1)) + 1
    for model in range(division.models):
        mine = [part for part in parts if division.path[part[0]] == model]
        firsts = _separate_places(stream, mine)
        if firsts is not None and _without_pause(stream, division, mine, firsts):
            continue
        for execution, part in enumerate(mine if firsts is not None else []):
            for group, first in enumerate(firsts[execution] if firsts is not None else []):
                if first < len(part):
                    path[part[first:]] = models + group
                    if first > 0:
                        ids[part[first:]] = fresh
                        fresh += 1
        models += firsts.shape[1] if firsts is not None else 0
    if models == division.models:
        return division
    path[division.path == division.models] = models
    return Division(path, kernels.mark_kinds(ids, path, stream.opens, models), ids, models)


def _without_pause(stream: Stream, division: Division, parts: list[Array], firsts: Array) -> bool:
    """Whether the parts follow one another as the steps inside executions do, where the clock tells."""
    places = [part[first] for part, row in zip(parts, firsts, strict=True) for first in row if 0 < first < len(part)]
    paused = pause_share(stream, division, np.array(places, np.int64))
    return paused is not None and paused < 0.5


def _separate_places(stream: Stream, parts: list[Array]) -> Array | None:
    """Where in each execution the second, third … group of screens begins; None if they are not separate."""
    if len(parts) < 2 * MIN_EXECUTIONS:
        return None
    places, number = np.unique(np.concatenate([stream.place[part] for part in parts]), return_inverse=True)
    execution = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    position = np.concatenate([np.arange(len(part)) for part in parts])
    never = int(position.max()) + 1
    first = np.full((len(parts), len(places)), never)
    last = np.full((len(parts), len(places)), -1)
    np.minimum.at(first, (execution, number), position)
    np.maximum.at(last, (execution, number), position)
    often = np.flatnonzero((last >= 0).mean(axis=0) >= 0.3)
    groups = [group for group in _overlapping(first, last, often)
              if len(group) > 1 and np.isin(number, group).sum() >= 4 * len(parts)]  # fmt: skip
    if len(groups) < 2:
        return None
    groups = sorted(groups, key=lambda group: float(np.median(first[:, group].min(axis=1))))[:PARTS]
    for one, next_one in pairwise(groups):
        ends, begins = last[:, one].max(axis=1), first[:, next_one].min(axis=1)
        both = (ends >= 0) & (begins < never)
        if both.sum() < 2 * MIN_EXECUTIONS or (ends[both] < begins[both]).mean() < 1 - OVERLAP:
            return None
    return np.stack([first[:, group].min(axis=1) for group in groups[1:]], axis=1)


def _overlapping(first: Array, last: Array, often: Array) -> list[list[int]]:
    """Groups of screens whose stretches overlap in more than a few executions."""
    group = {int(a): int(a) for a in often}

    def root(a: int) -> int:
        while group[a] != a:
            a = group[a]
        return a

    for i, a in enumerate(often):
        for b in often[i + 1 :]:
            both = (last[:, a] >= 0) & (last[:, b] >= 0)
            overlap = (first[both, a] <= last[both, b]) & (first[both, b] <= last[both, a])
            if both.sum() > 1 and overlap.mean() > OVERLAP:
                group[root(int(a))] = root(int(b))
    roots = sorted({root(int(a)) for a in often})
    return [[int(a) for a in often if root(int(a)) == r] for r in roots]
