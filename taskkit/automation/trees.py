"""A decision tree of depth two at most, small enough to be said in a sentence, with a price for every question it asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

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


def learn_tree(features: Sequence[Feature], taken: Codes, *, branches: int, depth: int = DEPTH) -> Node:
    """Learn which branch is taken; a question is asked only if it saves more bits than it costs to state.

    Parameters
    ----------
    features : what is known before each decision, each with one entry per decision.
    taken : number of the branch taken, per decision.
    branches : number of branches.
    depth : questions on one way at most.

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
    counts = np.bincount(taken, minlength=branches).astype(float)
    leaf = Node(int(counts.argmax()))
    if depth == 0 or (counts > 0).sum() < 2:
        return leaf
    best, saved = leaf, 0.0
    price = np.log2(max(len(features), 2)) + 0.5 * np.log2(len(taken)) * ((counts > 0).sum() - 1)
    for number, feature in enumerate(features):
        for gain, named, over in _questions(feature, taken, branches, price + saved):
            if gain - price > saved + 1e-9:
                best, saved = Node(leaf.branch, number, named, over), gain - price
    if best.feature < 0:
        return leaf
    answer = _answers(features[best.feature], best)
    parts = [
        learn_tree(take(features, rows) if depth > 1 else (), taken[rows], branches=branches, depth=depth - 1)
        for rows in (answer, ~answer)
    ]
    return Node(best.branch, best.feature, best.named, best.over, parts[0], parts[1])


def predict(node: Node, features: Sequence[Feature], size: int) -> Codes:
    """The branch that the tree expects for each decision."""
    if node.feature < 0 or node.yes is None or node.no is None:
        return np.full(size, node.branch, dtype=np.int64)
    answer = _answers(features[node.feature], node)
    return np.where(answer, predict(node.yes, features, size), predict(node.no, features, size))


def take(features: Sequence[Feature], rows: npt.NDArray[np.bool_]) -> list[Feature]:
    """The features of some of the decisions."""
    return [
        Feature(
            one.name, None if one.codes is None else one.codes[rows], None if one.numbers is None else one.numbers[rows]
        )
        for one in features
    ]


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
