"""Similar segments → tasks, with readable names."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import polars as pl

from taskkit.activities import VERB
from taskkit.errors import SettingError
from taskkit.schema import SEGMENTS, TASKS, require, require_columns

Array = np.ndarray[Any, Any]

MOST_DISTINCT = 3_000  # distinct contents that are clustered against one another; further ones join the nearest cluster
SAME_TASK = 0.6  # two task models whose average contents are this similar are one task


def find_tasks(segments: pl.DataFrame, *, similarity: float = 0.4, min_segments: int = 3) -> pl.DataFrame:
    """Group segments into tasks by what they touch, and name the tasks by their distinctive steps.

    A segment is a vector of its activities (term frequency, damped, times inverse document frequency). Where segments come
    from task models, those are the groups to begin with, and models with the same content are joined. Otherwise identical
    segments are collapsed and clustered by average linkage of the cosine similarity. Groups with fewer than
    `min_segments` are no task: they stay in the rest, with a null task.

    Parameters
    ----------
    segments : segments frame of `list_segments`.
    similarity : clusters are joined while their average cosine similarity is at least this (0 to 1).
    min_segments : smallest group that is called a task.

    Returns
    -------
    The segments in the given order with `task_id` ("T01" has the most active time), `task_name` and `task_confidence`
    (cosine similarity to the task's centre, 0 to 1).

    Raises
    ------
    ContractError : not a segments frame. SettingError : a setting out of range.

    References
    ----------
    TF-IDF: Salton & Buckley, Information Processing & Management 24 (1988). Average linkage: Sokal & Michener (1958).

    >>> import polars as pl, taskkit as tk
    >>> steps = ["open mail", "reply"] * 4 + ["open sheet", "sum up"] * 4
    >>> days = [f"2026-03-{day:02d}" for day in range(2, 10) for _ in range(2)]
    >>> log = tk.from_table(pl.DataFrame({"at": days, "what": steps}), columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.list_segments(tk.segment(tk.name_activities(log), method="gap"))
    >>> tk.find_tasks(segments)["task_id"].to_list()
    ['T01', 'T01', 'T01', 'T01', 'T02', 'T02', 'T02', 'T02']
    """
    require(segments, SEGMENTS)
    if not 0 < similarity <= 1:
        raise SettingError(f"similarity={similarity} is not allowed: more than 0, at most 1.")
    frame = segments.drop("task_id", "task_name", "task_confidence", "variant_id", strict=False)
    if frame.is_empty():
        return frame.with_columns(
            task_id=pl.lit(None, pl.String), task_name=pl.lit(None, pl.String), task_confidence=pl.lit(None, pl.Float64)
        )
    vectors, content = _vectors(frame)
    if "model" in frame.columns and frame["model"].null_count() == 0:
        group = _join_models(vectors, content, frame["model"].to_numpy())
    else:
        group = _cluster(vectors, similarity)[content]
    group = _drop_small(group, min_segments)
    ids, names, confidence = _describe(frame, vectors, content, group)
    return frame.with_columns(ids, names, confidence)


def list_tasks(segments: pl.DataFrame) -> pl.DataFrame:
    """List the tasks: how often, by how many people, how long.

    Parameters
    ----------
    segments : segments frame with `task_id` and `task_name`.

    Returns
    -------
    One row per task, most active time first (see `taskkit.TASKS`); `share` is the part of the active time inside segments,
    the rest included in the whole. Segments without a task are not listed.

    Raises
    ------
    ContractError : `find_tasks` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_006), "what": ["open", "save"] * 3}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.list_segments(tk.segment(tk.name_activities(log), method="anchor", end="save"))
    >>> tk.list_tasks(tk.find_tasks(segments)).select("task_id", "segments", "people").row(0)
    ('T01', 3, 1)
    """
    require_columns(segments, "task_id", "task_name", made_by="find_tasks")
    whole = segments["active_seconds"].sum() or 1.0
    listed = segments.filter(pl.col("task_id").is_not_null()).group_by("task_id").agg(
        pl.col("task_name").first(), segments=pl.len(), people=pl.col("user").n_unique(),
        active_hours=pl.col("active_seconds").sum() / 3600, share=pl.col("active_seconds").sum() / whole,
        median_seconds=pl.col("active_seconds").median(), q25_seconds=pl.col("active_seconds").quantile(0.25),
        q75_seconds=pl.col("active_seconds").quantile(0.75), median_steps=pl.col("steps").median(),
        interrupted=(pl.col("fragments") > 1).mean(),
    )  # fmt: skip
    used = (
        segments.select("task_id", app=pl.col("apps")).explode("app", empty_as_null=True).drop_nulls()
        .group_by("task_id", "app").len().sort("task_id", "len", "app", descending=[False, True, False])
        .group_by("task_id", maintain_order=True).agg(apps=pl.col("app"))
    )  # fmt: skip
    listed = listed.join(used, on="task_id", how="left").with_columns(
        pl.col("apps").fill_null(pl.lit([], dtype=pl.List(pl.String)))
    )
    return listed.select(pl.col(c.name).cast(c.dtype) for c in TASKS.columns).sort("task_id")


# ------------------------------------------------------------------------------------------------------------ grouping
def _vectors(segments: pl.DataFrame) -> tuple[Any, Array]:
    """A sparse unit vector for each distinct content (bag of places touched), and the number of each segment's content."""
    from scipy.sparse import csr_array, diags_array

    touched = segments.select("segment_id", touched=pl.col("activities")).explode("touched", empty_as_null=True)
    touched = touched.with_columns(_without_verb("touched").fill_null("")).sort("segment_id", "touched")
    bags = segments.select("segment_id").join(
        touched.group_by("segment_id", maintain_order=True).agg(bag=pl.col("touched")),
        on="segment_id",
        maintain_order="left",
    )
    bags = bags.with_columns(content=pl.col("bag").list.join("\u0000").rank("dense") - 1)
    number = bags["content"].to_numpy().astype(np.int64)
    distinct = bags.unique("content", keep="first").sort("content")
    words = distinct.select(row=pl.col("content"), word=pl.col("bag")).explode("word", empty_as_null=True).drop_nulls()
    counts = words.group_by("row", "word").len().sort("row", "word")
    columns = counts.select(pl.col("word").rank("dense") - 1).to_series().to_numpy().astype(np.int64)
    rows = counts["row"].to_numpy().astype(np.int64)
    weights = np.bincount(number, minlength=distinct.height).astype(float)
    shape = (distinct.height, int(columns.max()) + 1 if len(columns) else 1)
    matrix = csr_array((1 + np.log(counts["len"].to_numpy()), (rows, columns)), shape=shape)
    seen = np.bincount(columns, weights=weights[rows], minlength=shape[1])
    matrix = matrix @ diags_array(np.log(1 + weights.sum() / np.maximum(seen, 1)))
    norms = np.sqrt(np.asarray((matrix * matrix).sum(axis=1)).ravel())
    return diags_array(1 / np.maximum(norms, 1e-12)) @ matrix, number


def _cluster(vectors: Any, similarity: float) -> Array:
    """Average linkage of the distinct contents; those beyond the bound join the nearest cluster."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    n = vectors.shape[0]
    if n == 1:
        return np.zeros(1, np.int64)
    base = np.linspace(0, n - 1, min(n, MOST_DISTINCT)).astype(np.int64)
    distance = 1 - np.clip((vectors[base] @ vectors[base].T).toarray(), 0, 1)
    np.fill_diagonal(distance, 0)
    found = fcluster(linkage(squareform(distance, checks=False), "average"), 1 - similarity, "distance") - 1
    if len(base) == n:
        return np.asarray(found, np.int64)
    return np.asarray(np.argmax((vectors @ _centres(vectors[base], found).T), axis=1), np.int64)


def _join_models(vectors: Any, content: Array, model: Array) -> Array:
    """Task models whose average contents are nearly the same become one group."""
    _, group = np.unique(model, return_inverse=True)
    while True:
        centres = _centres(vectors[content], group)
        close = np.triu(centres @ centres.T, 1)
        if close.size == 0 or close.max() < SAME_TASK:
            return np.asarray(group)
        a, b = np.unravel_index(int(np.argmax(close)), close.shape)
        _, group = np.unique(np.where(group == b, a, group), return_inverse=True)


def _centres(vectors: Any, group: Array) -> Array:
    from scipy.sparse import csr_array

    members = csr_array((np.ones(len(group)), (group, np.arange(len(group)))))
    centres = (members @ vectors).toarray()
    return np.asarray(centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12))


def _drop_small(group: Array, min_segments: int) -> Array:
    """Groups of fewer than `min_segments` become -1."""
    return np.where(np.bincount(group)[group] >= min_segments, group, -1)


# -------------------------------------------------------------------------------------------------------- ids and names
def _describe(
    segments: pl.DataFrame, vectors: Any, content: Array, group: Array
) -> tuple[pl.Series, pl.Series, pl.Series]:
    found = np.unique(group[group >= 0])
    time = np.array([segments["active_seconds"].to_numpy()[group == g].sum() for g in found])
    order = found[np.argsort(-time, kind="stable")]
    names = _names(segments.with_columns(_group=group), order)
    width = max(2, len(str(len(order))))
    ids: list[str | None] = [None] * segments.height
    called: list[str | None] = [None] * segments.height
    confidence: list[float | None] = [None] * segments.height
    rank = {int(g): i for i, g in enumerate(order)}
    if len(order):
        centres = _centres(vectors[content[group >= 0]], np.array([rank[int(g)] for g in group[group >= 0]]))
        for i in np.flatnonzero(group >= 0):
            task = rank[int(group[i])]
            ids[i], called[i] = f"T{task + 1:0{width}d}", names[task]
            near = float((vectors[[content[i]]] @ centres[task])[0])
            confidence[i] = min(max(near, 0.0), 1.0)
    return (pl.Series("task_id", ids, pl.String), pl.Series("task_name", called, pl.String),
            pl.Series("task_confidence", confidence, pl.Float64))  # fmt: skip


def _names(segments: pl.DataFrame, order: Array, most: int = 2) -> list[str]:
    """A name per group: the objects of its most distinctive steps, those that end a piece of work first among equals."""
    steps = (
        segments.select("segment_id", "_group", step=pl.col("activities").list.unique())
        .explode("step", empty_as_null=True)
        .drop_nulls()
    )
    done = pl.col("step").str.contains(" · ", literal=True)  # on an element, not a window that was only looked at
    steps = steps.with_columns(
        thing=_thing(),
        weight=pl.when(pl.col("step").str.contains("^(?i)click|^use|^press"))
        .then(1.0)
        .when(done)
        .then(0.8)
        .otherwise(0.6),
    ).drop_nulls("thing")
    steps = steps.sort("segment_id", "thing", "weight", descending=[False, False, True]).unique(
        ["segment_id", "thing"], keep="first"
    )
    sizes = segments.group_by("_group").agg(size=pl.len())
    share = (
        steps.group_by("_group", "thing")
        .agg(n=pl.len(), weight=pl.col("weight").mean())
        .join(sizes, on="_group")
        .with_columns(share=pl.col("n") / pl.col("size"))
    )
    # distinctive: the share of the task's segments with it, less the mean share of the other tasks
    total = share.group_by("thing").agg(everywhere=pl.col("share").sum())
    others = max(len(order) - 1, 1)
    share = share.join(total, on="thing").with_columns(
        score=pl.col("weight") * (pl.col("share") - 1.5 * (pl.col("everywhere") - pl.col("share")) / others)
    ).sort("_group", "score", "thing", descending=[False, True, False])  # fmt: skip
    names: list[str] = []
    for group in order:
        best: list[str] = []
        for thing in share.filter(pl.col("_group") == int(group))["thing"].head(12):
            words = set(re.findall(r"\w+", thing.lower()))
            if not any(words & set(re.findall(r"\w+", b.lower())) for b in best):
                best.append(thing)
            if len(best) == most:
                break
        name = " + ".join(best) or "Unnamed task"
        names.append(name if name not in names else f"{name} ({names.count(name) + 1})")
    return names


def _without_verb(name: str) -> pl.Expr:
    """Where something was done: copying from a field, pasting into it and typing there touch the same place."""
    return pl.col(name).str.replace(VERB, "")


def _thing() -> pl.Expr:
    """What a step was done to: the activity without its screen and its verb."""
    bare = _without_verb("step").str.split(" · ").list.first()
    bare = bare.str.replace_all(r"\S*[#‹›\[\]]\S*", "").str.replace_all(r"\s+", " ").str.strip_chars(" .,:;-")
    return pl.when(bare.str.len_chars().is_between(3, 40)).then(bare)
