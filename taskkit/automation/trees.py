"""A decision tree of depth two at most, small enough to be said in a sentence, with a price for every question it asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

DEPTH = 2
MOST_NAMED = 8  # values that a question may list
LEAST_SEEN = 2  # executions in which a value must be seen to be named: a number seen once says nothing about the next
ANY = -1e308  # a limit below every number: the answer is yes wherever there is one
LEAST_LEAF = 3  # executions that each answer of a question must have


@dataclass(frozen=True)
class Feature:
    """What is known before a decision: classes (codes, −1 = no value) or numbers (NaN = no value)."""

    name: str
    codes: Codes | None = None
    numbers: Numbers | None = None


@dataclass(frozen=True)
class Node:
    """A question about one feature, or a leaf (`feature` < 0) that says which branch is taken."""

    branch: int
    feature: int = -1
    named: tuple[int, ...] = ()  # classes for which the answer is yes
    over: float = float("nan")  # numbers above it are a yes
    yes: Node | None = None
    no: Node | None = None


def learn_tree(
    features: Sequence[Feature], taken: Codes, *, branches: int, depth: int = DEPTH, rows: Flags | None = None
) -> Node:
    """Learn which branch is taken; a question is asked only if it saves more bits than it costs to state.

    Parameters
    ----------
    features : what is known before each decision, each with one entry per decision.
    taken : number of the branch taken, per decision.
    branches : number of branches.
    depth : questions on one way at most.
    rows : which decisions are learnt from; all by default.

    Returns
    -------
    The root; a leaf where no question pays.

    References
    ----------
    Quinlan and Rivest (1989), Inferring decision trees using the minimum description length principle.

    >>> feature = Feature("country", codes=np.array([0, 0, 0, 0, 1, 1, 1, 1] * 4))
    >>> learn_tree([feature], np.array([0, 0, 0, 0, 1, 1, 1, 1] * 4), branches=2).named
    (0,)
    """
    coded = [number for number, feature in enumerate(features) if feature.codes is not None]
    codes = (
        np.stack([np.asarray(features[number].codes) for number in coded])
        if coded and depth
        else np.empty((0, 0), np.int64)
    )
    chosen = np.arange(len(taken)) if rows is None else np.flatnonzero(rows)
    return _learn(features, coded, codes, chosen, taken, branches, depth)


def _learn(
    features: Sequence[Feature], coded: list[int], codes: Codes, rows: Codes, taken: Codes, branches: int, depth: int
) -> Node:
    here = taken[rows]
    counts = np.bincount(here, minlength=branches).astype(float)
    leaf = Node(int(counts.argmax()))
    if depth == 0 or (counts > 0).sum() < 2:
        return leaf
    best, saved = leaf, 0.0
    price = np.log2(max(len(features), 2)) + 0.5 * np.log2(len(rows)) * ((counts > 0).sum() - 1)
    worth = _worth_asking(codes[:, rows], here, branches, price) if coded else np.empty(0, np.bool_)
    passed = {number for number, one in zip(coded, worth, strict=True) if not one}
    for number, feature in enumerate(features):
        if number in passed:
            continue
        for gain, named, over in _questions(_of(feature, rows), here, branches, price + saved):
            if gain - price > saved + 1e-9:
                best, saved = Node(leaf.branch, number, named, over), gain - price
    if best.feature < 0:
        return leaf
    answer = _answers(_of(features[best.feature], rows), best)
    yes, no = (
        _learn(features, coded, codes, part, taken, branches, depth - 1) for part in (rows[answer], rows[~answer])
    )
    return Node(best.branch, best.feature, best.named, best.over, yes, no)


def predict(node: Node, features: Sequence[Feature], size: int) -> Codes:
    """The branch that the tree expects for each decision."""
    if node.feature < 0 or node.yes is None or node.no is None:
        return np.full(size, node.branch, dtype=np.int64)
    answer = _answers(features[node.feature], node)
    return np.where(answer, predict(node.yes, features, size), predict(node.no, features, size))


def _of(feature: Feature, rows: Codes) -> Feature:
    """The feature of some of the decisions."""
    if feature.numbers is not None:
        return Feature(feature.name, numbers=feature.numbers[rows])
    return Feature(feature.name, codes=np.asarray(feature.codes)[rows])


def _worth_asking(codes: Codes, taken: Codes, branches: int, needed: float) -> Flags:
    """Which features, one a row, may have the question that saves most: all are counted at once, as most say nothing.

    What is left out is worse than another feature, or saves too little, by more than sums in another order could differ.
    """
    codes = codes + 1  # row 0: no value
    rows = codes.max(axis=1, initial=0) + 1
    first = np.cumsum(rows) - rows
    table = np.bincount(((codes + first[:, None]) * branches + taken).ravel(), minlength=int(rows.sum()) * branches)
    table = table.reshape(-1, branches)
    seen = table.sum(axis=1)
    named = np.flatnonzero(seen >= LEAST_SEEN)
    feature = np.repeat(np.arange(len(codes)), rows)[named]
    table, seen = table[named], seen[named]
    whole = np.bincount(taken, minlength=branches)
    price = np.log2(np.maximum(np.bincount(feature, minlength=len(codes)), 2))
    most = np.full(len(codes), -np.inf)
    starts = np.searchsorted(feature, feature)
    bits = np.arange(len(taken) + 1.0)
    bits *= np.log2(np.maximum(bits, 1.0))
    for branch in np.flatnonzero(whole):
        order = np.lexsort((-seen, -table[:, branch] / seen, feature))  # see _questions
        place = np.arange(len(order)) - starts
        yes = table[order].cumsum(axis=0)
        yes -= (yes - table[order])[starts]
        size = yes.sum(axis=1)
        gains = bits[len(taken)] - bits[whole].sum() - bits[size] + bits[yes].sum(axis=1)
        gains += bits[whole - yes].sum(axis=1) - bits[len(taken) - size] - price[feature] * (place + 1)
        gains[(place >= MOST_NAMED) | (np.minimum(size, len(taken) - size) < LEAST_LEAF)] = -np.inf
        np.maximum.at(most, feature, gains)
    return np.asarray(most >= max(needed, float(most.max(initial=-np.inf))) - 1e-6)


def _answers(feature: Feature, node: Node) -> npt.NDArray[np.bool_]:
    if feature.numbers is not None:
        return np.nan_to_num(feature.numbers, nan=-np.inf) > node.over
    return np.isin(np.array(feature.codes), node.named)


def _questions(
    feature: Feature, taken: Codes, branches: int, needed: float
) -> Iterator[tuple[float, tuple[int, ...], float]]:
    """Questions about a feature: bits that the answer saves, less what it costs to state it; named classes or a limit."""
    if feature.numbers is not None:
        yield from _limits(feature.numbers, taken, branches)
        return
    codes = feature.codes
    assert codes is not None
    classes = int(codes.max(initial=-1)) + 2  # row 0: no value
    table = (
        np.bincount((codes + 1) * branches + taken, minlength=classes * branches)
        .reshape(classes, branches)
        .astype(float)
    )
    seen = table.sum(axis=1)
    nameable = np.flatnonzero(seen >= LEAST_SEEN)
    if len(nameable) == 0 or (seen > 0).sum() < 2:
        return
    whole = table.sum(axis=0)
    rest = whole - table[nameable].sum(axis=0)
    if _bits(whole) - _bits(table[nameable]).sum() - _bits(rest) <= needed:
        return  # not even all classes apart would save enough
    share = table[nameable] / seen[nameable, None]
    cost = np.log2(max(len(nameable), 2)) * np.arange(1, MOST_NAMED + 1)
    for branch in np.flatnonzero(whole):
        # the classes that go this way most often, one more at a time: no other set of as many tells more
        order = nameable[np.lexsort((nameable, -seen[nameable], -share[:, branch]))][:MOST_NAMED]
        yes = table[order].cumsum(axis=0)
        size = yes.sum(axis=1)
        gains = _bits(whole) - _bits(yes) - _bits(whole - yes) - cost[: len(order)]
        gains[np.minimum(size, whole.sum() - size) < LEAST_LEAF] = -np.inf
        best = int(gains.argmax())
        if np.isfinite(gains[best]):
            yield float(gains[best]), tuple(sorted(int(row) - 1 for row in order[: best + 1])), float("nan")


def _limits(numbers: Numbers, taken: Codes, branches: int) -> Iterator[tuple[float, tuple[int, ...], float]]:
    """The best limit of a number; decisions without a number stand below every limit."""
    filled = np.nan_to_num(numbers, nan=-np.inf)
    order = np.argsort(filled, kind="stable")
    values = filled[order]
    above = np.zeros((len(values), branches))
    above[np.arange(len(values)), taken[order]] = 1.0
    below = above.cumsum(axis=0)
    whole = below[-1]
    cuts = np.flatnonzero(values[1:] > values[:-1])
    cuts = cuts[(cuts + 1 >= LEAST_LEAF) & (len(values) - cuts - 1 >= LEAST_LEAF)]
    if len(cuts) == 0:
        return
    gains = _bits(whole) - _bits(below[cuts]) - _bits(whole - below[cuts])
    best = int(gains.argmax())
    low, high = values[cuts[best]], values[cuts[best] + 1]
    yield float(gains[best]) - float(np.log2(len(cuts) + 1)), (), _round_between(low, high)


def _round_between(low: float, high: float) -> float:
    """The roundest number from `low` up to, not including, `high`: 2000 reads better than 1998.37."""
    if not np.isfinite(low):
        return ANY
    middle, digits = (low + high) / 2, -int(np.floor(np.log10(max(abs(high), abs(low), 1e-9))))
    for places in range(digits, digits + 12):
        number = round(middle, places)
        if low <= number < high:
            return float(number)
    return float(low)


def _bits(counts: Numbers) -> Numbers:
    """Bits that it takes to state the branches, given how often each is taken; one figure per row."""
    total = counts.sum(axis=-1)
    each = counts * np.log2(np.maximum(counts, 1.0))  # counts are whole numbers
    return np.asarray(total * np.log2(np.maximum(total, 1.0)) - each.sum(axis=-1))
