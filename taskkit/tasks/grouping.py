"""Segments → groups of the same content; what is like nothing else belongs to none."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from taskkit.activities import VERB
from taskkit.tasks.contents import ROWS_AT_ONCE, Array, add_up, find_centres, to_unit_length

MOST_DISTINCT = 3_000  # distinct contents that are clustered against one another; further ones join the nearest cluster
SAME_ORDER = 0.4  # two task models whose successions are this similar are one task


def group_by_content(vectors: Any, number: Array, *, similarity: float, min_segments: int) -> Array:
    """Group of each segment by complete linkage of the distinct contents; -1 = rest."""
    n = vectors.shape[0]
    base = _choose_base(np.bincount(number, minlength=n))
    found = _join((vectors[base] @ vectors[base].T).toarray(), similarity)
    group = np.full(n, -1, np.int64)
    group[base] = found
    others = np.flatnonzero(group < 0)
    centres = find_centres(vectors[base], found).T if len(others) else None
    for start in range(0, len(others), ROWS_AT_ONCE):
        rows = others[start : start + ROWS_AT_ONCE]
        near = (vectors[rows] @ centres).toarray()
        group[rows] = np.where(near.max(axis=1) >= similarity, near.argmax(axis=1), -1)
    group[np.diff(vectors.indptr) == 0] = -1  # nothing was done that has a name
    return drop_small(group[number], min_segments)


def group_by_model(
    segments: pl.DataFrame, vectors: Any, number: Array, *, similarity: float, min_segments: int
) -> Array:
    """Group of each segment by its task model; models in which the same places follow one another are one group.

    The order is what tells here: noise between the steps of two tasks makes their words alike, but hardly ever do the same
    two places follow each other in it. A model whose segments are less alike on average than what belongs together is a
    mixture: its segments are grouped by their contents.
    """
    models, group = np.unique(segments["model"].to_numpy(), return_inverse=True)
    if len(models) > 1:
        centres = _successions(segments, group)
        group = _join((centres @ centres.T).toarray(), SAME_ORDER)[group]
    group = np.asarray(group, np.int64)
    mixed = np.flatnonzero((_cohesion(vectors[number], group) < similarity)[group])
    if len(mixed):
        contents, own = np.unique(number[mixed], return_inverse=True)
        apart = group_by_content(vectors[contents], own, similarity=similarity, min_segments=min_segments)
        group[mixed] = np.where(apart >= 0, apart + group.max() + 1, -1)
    return drop_small(group, min_segments)


def drop_small(group: Array, min_segments: int) -> Array:
    """Groups of fewer than `min_segments` become -1; the others are numbered from 0."""
    inside = group >= 0
    large = np.bincount(group[inside], minlength=int(group.max(initial=-1)) + 1) >= min_segments
    return np.where(inside & large[group], (np.cumsum(large) - 1)[group], -1) if inside.any() else group


def _cohesion(vectors: Any, group: Array) -> Array:
    """Mean similarity of two segments of a group; 1 for a single one."""
    sums, size = add_up(vectors, group, int(group.max()) + 1), np.bincount(group)
    squares = np.asarray(sums.multiply(sums).sum(axis=1)).ravel()
    return np.where(size > 1, (squares - size) / np.maximum(size * (size - 1), 1), 1.0)


def _choose_base(times: Array) -> Array:
    """The contents that are clustered against one another: the most frequent ones, and others spread over the rest."""
    n = len(times)
    if n <= MOST_DISTINCT:
        return np.arange(n)
    frequent = np.argsort(-times, kind="stable")[: MOST_DISTINCT // 2]
    return np.unique(np.concatenate([frequent, np.linspace(0, n - 1, MOST_DISTINCT // 2).astype(np.int64)]))


def _join(likeness: Array, least: float) -> Array:
    """Cluster of each row by complete linkage: the two least alike in a cluster are at least this similar."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(likeness) == 1:
        return np.zeros(1, np.int64)
    distance = 1 - np.clip(likeness, 0, 1)
    np.fill_diagonal(distance, 0)
    found = fcluster(linkage(squareform(distance, checks=False), "complete"), 1 - least, "distance")
    return np.asarray(found, np.int64) - 1


def _successions(segments: pl.DataFrame, group: Array) -> Any:
    """For each group the part of its segments in which one place follows another, as sparse unit rows."""
    from scipy.sparse import csr_array

    steps = segments.select(row=pl.int_range(pl.len()), group=pl.Series(group), step="activities")
    steps = steps.explode("step", empty_as_null=True)
    places = steps.select("step").unique().with_columns(place=pl.col("step").str.replace(VERB, ""))
    steps = steps.join(places, on="step", how="left", nulls_equal=True, maintain_order="left").drop("step")
    steps = steps.filter(
        pl.col("place").ne_missing(pl.col("place").shift()) | (pl.col("row") != pl.col("row").shift()).fill_null(True)
    )
    after = pl.col("place").shift(-1).over("row")
    begins = steps.group_by("row", "group", maintain_order=True).agg(after=pl.col("place").first())
    pairs = pl.concat(
        [
            steps.select("row", "group", "place", after=after),
            begins.select("row", "group", place=pl.lit(None, pl.String), after="after"),
        ]
    ).unique()
    pairs = pairs.group_by("group", "place", "after").len().with_columns(
        pair=pl.struct(pl.col("place").rank("dense").fill_null(0), pl.col("after").rank("dense").fill_null(0)).rank("dense") - 1
    ).sort("group", "pair")  # fmt: skip
    sizes = np.bincount(group)
    at = pairs["group"].to_numpy().astype(np.int64), pairs["pair"].to_numpy().astype(np.int64)
    table = csr_array((pairs["len"].to_numpy() / sizes[at[0]], at), shape=(len(sizes), int(at[1].max()) + 1))
    return to_unit_length(table)
