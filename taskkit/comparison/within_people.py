"""The test behind root causes: executions of one person against that person's others, people as the unit of variation."""

from __future__ import annotations

from typing import Any

import numpy as np

from taskkit.privacy import MIN_PEOPLE

Array = np.ndarray[Any, Any]

MOST_SHUFFLES, LEAST_SHUFFLES, SHUFFLED_ROWS = 999, 199, 4_000_000  # fewer shuffles on tasks of many executions


def judge_contexts(
    table: Array, ranks: Array, people: Array, strata: Array, random: np.random.Generator
) -> tuple[Array, Array]:
    """Test every context against the best of all contexts after the figures were shuffled inside each stratum.

    Parameters
    ----------
    table : (executions, contexts), 1 where a context holds.
    ranks : (executions,) figures to explain.
    people, strata : (executions,) whole numbers; a stratum lies inside one person.
    random : draws the shuffles.

    Returns
    -------
    p-value of each context, corrected for their number, and the signed part of the variation inside strata that it
    explains.

    References
    ----------
    Westfall and Young (1993), Resampling-based multiple testing: the single-step min-P procedure.

    >>> people = np.repeat(np.arange(6), 10)
    >>> table = np.tile([[0.0], [1.0]], (30, 1)).astype(np.float32)
    >>> judge_contexts(table, table[:, 0] + np.arange(60) % 3, people, people, np.random.default_rng(0))[0]
    array([0.001])
    """
    order = np.argsort(strata, kind="stable")
    table, people, strata = table[order], people[order], strata[order]
    y = (ranks[order] - _means(ranks[order, None], strata)[:, 0]).astype(np.float32)
    shuffles = int(np.clip(SHUFFLED_ROWS // max(len(y), 1), LEAST_SHUFFLES, MOST_SHUFFLES))
    place = np.unique(strata, return_inverse=True)[1]
    best = []
    for start in range(0, shuffles, 100):
        mixed = np.argsort(place + random.random((min(100, shuffles - start), len(y))), axis=1)
        best.append(scores(table, y[mixed].T, people, strata)[0].min(axis=0))
    found, explained = scores(table, y[:, None], people, strata)
    # sums in another order differ in the last bits: a tie must count as a tie
    hits = (np.concatenate(best)[None, :] <= found * (1 + 1e-5)).sum(axis=1)
    return (1 + hits) / (1 + shuffles), explained


def scores(
    table: Array, ranks: Array, people: Array, strata: Array, *, least_people: int = MIN_PEOPLE
) -> tuple[Array, Array]:
    """The p-value of each context by a t-test over people, for each column of figures.

    A person's score is the covariance of context and figure inside the person's strata, divided by the root of the context's
    sum of squares there: people with many executions on both sides count more, but no more than that. Contexts that vary inside
    fewer than `least_people` people get the p-value 1.

    Parameters
    ----------
    table : (executions, contexts). ranks : (executions, columns of figures). people, strata : (executions,).

    Returns
    -------
    (contexts, columns) p-values, and (contexts,) the signed explained part of the first column.

    >>> people = np.repeat(np.arange(6), 4)
    >>> scores(np.tile([[0.0], [1.0]], (12, 1)), np.tile([[1.0], [2.0]], (12, 1)), people, people)[1]
    array([1.])
    """
    from scipy.special import stdtr

    inside = (table - _means(table, strata)).astype(np.float32)
    y = (ranks - _means(ranks, strata)).astype(np.float32)
    first = np.zeros((table.shape[1], y.shape[1]))
    second, total = first.copy(), np.zeros(table.shape[1])
    squares, count = total.copy(), total.copy()
    for person in np.unique(people):
        rows = people == person
        own = inside[rows]
        size = (own**2).sum(axis=0, dtype=np.float64)
        varies = size > 1e-4
        covariance = (own.T @ y[rows]).astype(np.float64) * varies[:, None]
        score = covariance / np.sqrt(np.where(varies, size, 1.0))[:, None]
        first += score
        second += score**2
        total += covariance[:, 0]
        squares += np.where(varies, size, 0.0)
        count += varies
    k = np.maximum(count, 2)[:, None]
    variance = np.maximum(second - first**2 / k, 1e-9) / (k - 1)
    p_values = 2 * stdtr(k - 1, -np.abs(first / k) / np.sqrt(variance / k))
    p_values[count < least_people] = 1.0
    whole = float((y[:, 0].astype(np.float64) ** 2).sum())
    explained = np.sign(total) * total**2 / np.maximum(squares * whole, 1e-12)
    return p_values, explained


def explained_by(table: Array, ranks: Array, strata: Array) -> Array:
    """The signed part of the variation inside strata that each context explains.

    >>> explained_by(np.array([[0.0], [1.0]]), np.array([1.0, 0.0]), np.zeros(2, int))
    array([-1.])
    """
    inside, y = table - _means(table, strata), ranks - _means(ranks[:, None], strata)[:, 0]
    shared = inside.T @ y
    return np.asarray(np.sign(shared) * shared**2 / np.maximum((inside**2).sum(axis=0) * (y**2).sum(), 1e-12))


def people_compared(table: Array, people: Array) -> Array:
    """How many people have executions with and without each context.

    >>> people_compared(np.array([[1.0], [0.0], [1.0]]), np.array([0, 0, 1]))
    array([1])
    """
    counts = np.zeros(table.shape[1], np.int64)
    for person in np.unique(people):
        own = table[people == person]
        counts += (own.max(axis=0) > 0.5) & (own.min(axis=0) < 0.5)
    return counts


def likeness(table: Array, holds: Array) -> Array:
    """Correlation of each context with a rule: 1 holds for the same executions, -1 for all others.

    >>> likeness(np.array([[0.0], [1.0]]), np.array([True, False]))
    array([-1.])
    """
    inside, rule = table - table.mean(axis=0, dtype=np.float64), holds - holds.mean()
    size = np.sqrt((inside**2).sum(axis=0) * (rule**2).sum())
    return np.asarray((inside.T @ rule) / np.maximum(size, 1e-12)).astype(np.float64)


def half_width(effects: Array) -> float:
    """Half the 95 % interval of the mean over people, from Student's t; infinite for one person.

    >>> round(half_width(np.array([1.0, 2.0, 3.0])), 2)
    2.48
    """
    from scipy.special import stdtrit

    k = len(effects)
    return float(stdtrit(k - 1, 0.975) * effects.std(ddof=1) / np.sqrt(k)) if k > 1 else float("inf")


def _means(values: Array, strata: Array) -> Array:
    """The mean of each column in each row's stratum."""
    place = np.unique(strata, return_inverse=True)[1]
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    counts = np.diff(np.append(starts, len(place)))
    sums = np.add.reduceat(values[order].astype(np.float64), starts, axis=0)
    return np.asarray((sums / counts[:, None])[place])
