"""Agreement between two labellings of the same rows, on arrays: numbers from 0 in order of first row, -1 = no label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

Array = np.ndarray[Any, Any]


class Overlap(NamedTuple):
    """Pairs of groups of two labellings that share rows, and how many."""

    first: Array
    second: Array
    rows: Array


def number_labels(labels: pl.Series) -> Array:
    """Dense numbers of the labels in order of first appearance; null is -1."""
    kept = labels.drop_nulls().unique(maintain_order=True)
    numbers = pl.DataFrame({"label": kept, "code": np.arange(len(kept))})
    joined = labels.to_frame("label").join(numbers, on="label", how="left", maintain_order="left")
    return joined["code"].fill_null(-1).to_numpy().astype(np.int64)


def overlaps(first: Array, second: Array) -> Overlap:
    """Pairs of groups that share rows, in order of both numbers; rows without a label in either are left out."""
    both = (first >= 0) & (second >= 0)
    wide = int(second.max(initial=-1)) + 1
    pairs, rows = np.unique(first[both] * max(wide, 1) + second[both], return_counts=True)
    return Overlap(*np.divmod(pairs, max(wide, 1)), rows)


def sizes(labels: Array) -> Array:
    """Rows of each group."""
    return np.bincount(labels[labels >= 0], minlength=int(labels.max(initial=-1)) + 1)


def f1(hits: int, found: int, true: int) -> float:
    """Harmonic mean of precision and recall; 0 where there is neither."""
    return 2 * hits / (found + true) if found + true else 0.0


def match(found: Array, true: Array, least: float) -> tuple[Array, Array, Array]:
    """Pairs of groups matched one to one, greatest intersection over union first, down to `least`."""
    n_found, n_true, shared = sizes(found), sizes(true), overlaps(found, true)
    union = n_found[shared.first] + n_true[shared.second] - shared.rows
    part = shared.rows / union
    used_found, used_true, kept = set(), set(), []
    near = np.flatnonzero(part >= least)
    for i in near[np.lexsort((-shared.second[near], -shared.first[near], -part[near]))].tolist():
        a, b = int(shared.first[i]), int(shared.second[i])
        if a not in used_found and b not in used_true:
            used_found.add(a)
            used_true.add(b)
            kept.append(i)
    return shared.first[kept], shared.second[kept], part[kept]


def beginnings(labels: Array) -> Array:
    """Rows at which a group begins, the first row of all aside."""
    _, first = np.unique(labels, return_index=True)
    first = first[labels[first] >= 0]
    return np.sort(first[first > 0])


def match_beginnings(found: Array, true: Array, tolerance: int) -> Array:
    """For each found row the true one it stands for, one to one and at most `tolerance` rows away; -1 = none."""
    used: set[int] = set()
    partner = np.full(len(found), -1)
    low = np.searchsorted(true, found - tolerance)
    high = np.searchsorted(true, found + tolerance, side="right")
    for i, x in enumerate(found.tolist()):
        near = [(abs(y - x), y) for y in true[low[i] : high[i]].tolist() if y not in used]
        if near:
            partner[i] = min(near)[1]
            used.add(int(partner[i]))
    return partner


def boundary_f1(found: Array, true: Array, tolerance: int) -> float:
    """F1 of the beginnings, matched one to one within `tolerance` rows."""
    a, b = beginnings(found), beginnings(true)
    return f1(int((match_beginnings(a, b, tolerance) >= 0).sum()), len(a), len(b))


def window_diff(found: Array, true: Array) -> float:
    """Part of windows, half a true group long, in which the number of beginnings differs."""
    n, groups = len(true), int(true.max(initial=-1)) + 1
    if not n or not groups:
        return float("nan")
    width = min(max(2, round(n / groups / 2)), n)

    def running(labels: Array) -> Array:
        flags = np.zeros(n, np.int64)
        flags[beginnings(labels)] = 1
        return np.cumsum(flags)

    a, b, i = running(found), running(true), np.arange(n - width + 1)
    return float(np.mean((a[i + width - 1] - a[i]) != (b[i + width - 1] - b[i])))


def edit_distance(found: Array, true: Array, tokens: Sequence[str]) -> float:
    """Mean over the found groups of the smallest normalised Levenshtein distance to a true group that shares rows with it."""
    from rapidfuzz.distance import Levenshtein

    shared, best = overlaps(found, true), np.ones(int(found.max(initial=-1)) + 1)
    if not len(best):
        return float("nan")
    words = number_labels(pl.Series(tokens, dtype=pl.String))
    ours, theirs = _texts(found, words), _texts(true, words)
    for a, b in zip(shared.first.tolist(), shared.second.tolist(), strict=True):
        best[a] = min(best[a], Levenshtein.normalized_distance(ours[a], theirs[b]))
    return float(best.mean())


def _texts(labels: Array, words: Array) -> list[list[int]]:
    """The words of each group, in order."""
    order = np.flatnonzero(labels >= 0)
    order = order[np.argsort(labels[order], kind="stable")]
    parts = np.split(words[order], np.cumsum(sizes(labels))[:-1])
    return [part.tolist() for part in parts]


def adjusted_rand(first: Array, second: Array) -> float:
    """Agreement on pairs of rows, corrected for chance; rows without a label (-1) are a group of their own."""
    first, second = first + 1, second + 1

    def pairs(rows: Array) -> float:
        return float((rows * (rows - 1.0) / 2).sum())

    same, one, two = pairs(overlaps(first, second).rows), pairs(sizes(first)), pairs(sizes(second))
    every = len(first) * (len(first) - 1) / 2
    expected, most = one * two / every if every else 0.0, (one + two) / 2
    return 1.0 if most == expected else float((same - expected) / (most - expected))


def v_measure(found: Array, true: Array) -> float:
    """Harmonic mean of homogeneity and completeness; rows without a label (-1) are a group of their own."""
    found, true = found + 1, true + 1

    def entropy(rows: Array) -> float:
        part = rows[rows > 0] / len(found)
        return float(-(part * np.log(part)).sum())

    if not len(found):
        return 1.0
    joint, ours, theirs = entropy(overlaps(found, true).rows), entropy(sizes(found)), entropy(sizes(true))
    homogeneity = 1.0 if theirs == 0 else (theirs + ours - joint) / theirs
    completeness = 1.0 if ours == 0 else (theirs + ours - joint) / ours
    both = homogeneity + completeness
    return 2 * homogeneity * completeness / both if both > 0 else 0.0
