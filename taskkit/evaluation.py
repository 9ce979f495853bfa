"""How well segments and tasks agree with a labelled log."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from taskkit.schema import require_columns

Array = np.ndarray[Any, Any]


def score_segments(
    events: pl.DataFrame, *, truth: str = "true_segment", iou: float = 0.8, tolerance: int = 2
) -> pl.DataFrame:
    """Score the segments of a log against its true ones; a segment is a set of rows and need not be contiguous.

    Parameters
    ----------
    events : events frame with `segment_id` and the true label in the column `truth` (null = no task).
    iou : overlap (intersection over union of rows) from which a found segment counts as a true one.
    tolerance : rows by which a boundary may be off for `boundary_f1_tolerant`.

    Returns
    -------
    One row per metric: `metric`, `value`, `n` (true segments), `definition`.

    Raises
    ------
    ContractError : a needed column is missing.

    References
    ----------
    WindowDiff: Pevzner & Hearst, Computational Linguistics 28 (2002).

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": "a", "session_id": "s", "seq": range(4), "segment_id": [0, 0, 1, 1],
    ...                      "true_segment": [7, 7, 8, 8]})
    >>> score_segments(rows)["value"].to_list()
    [1.0, 1.0, 1.0, 0.0]
    """
    require_columns(events, "segment_id", made_by="segment")
    require_columns(events, truth, made_by="joining the truth of a labelled log")
    frame = events.sort("user", "session_id", "seq")
    found, true = _codes(frame["segment_id"]), _codes(frame[truth])
    n = int(true.max(initial=-1)) + 1
    rows = [
        ("segment_f1", _segment_f1(found, true, iou),
         f"F1 of found segments matched one to one with true ones at an overlap of at least {iou:g}"),
        ("boundary_f1", _boundary_f1(found, true, 0), "F1 of the rows at which segments begin, the log's first row aside"),
        ("boundary_f1_tolerant", _boundary_f1(found, true, tolerance), f"the same, off by at most {tolerance} rows"),
        ("window_diff", _window_diff(found, true), "part of windows with a different number of beginnings; lower is better"),
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=["metric", "value", "definition"], orient="row").select(
        "metric", "value", pl.lit(n).alias("n"), "definition"
    )


def score_tasks(events: pl.DataFrame, *, task: str = "task_id", truth: str = "true_task") -> pl.DataFrame:
    """Score how rows are grouped into tasks against the true grouping; rows without a task are a group of their own.

    Parameters
    ----------
    events : frame with a column of found tasks and one of true tasks, one row per event.
    task, truth : names of these columns.

    Returns
    -------
    One row per metric: `metric`, `value`, `n` (rows), `definition`.

    Raises
    ------
    ContractError : a needed column is missing.

    References
    ----------
    Adjusted Rand index: Hubert & Arabie, Journal of Classification 2 (1985). V-measure: Rosenberg & Hirschberg, EMNLP 2007.

    >>> import polars as pl
    >>> score_tasks(pl.DataFrame({"task_id": ["a", "a", "b"], "true_task": ["x", "x", "y"]}))["value"].to_list()
    [1.0, 1.0]
    """
    require_columns(events, task, made_by="find_tasks")
    require_columns(events, truth, made_by="joining the truth of a labelled log")
    found, true = _codes(events[task].fill_null("none")), _codes(events[truth].fill_null("none"))
    table = np.zeros((int(found.max(initial=0)) + 1, int(true.max(initial=0)) + 1))
    np.add.at(table, (found, true), 1)
    rows = [
        ("adjusted_rand", _adjusted_rand(table), "agreement on pairs of rows, 0 as by chance, 1 the same grouping"),
        ("v_measure", _v_measure(table), "harmonic mean of homogeneity and completeness, 0 to 1"),
    ]
    return pl.DataFrame(rows, schema=["metric", "value", "definition"], orient="row").select(
        "metric", "value", pl.lit(events.height).alias("n"), "definition"
    )


def _codes(labels: pl.Series) -> Array:
    """Dense numbers of the labels in order of first appearance; null is -1."""
    kept = labels.drop_nulls().unique(maintain_order=True)
    numbers = pl.DataFrame({"label": kept, "code": np.arange(len(kept))})
    joined = labels.to_frame("label").join(numbers, on="label", how="left", maintain_order="left")
    return joined["code"].fill_null(-1).to_numpy().astype(np.int64)


def _f1(hits: int, found: int, true: int) -> float:
    return 2 * hits / (found + true) if found + true else 0.0


def _segment_f1(found: Array, true: Array, iou: float) -> float:
    n_found, n_true = int(found.max(initial=-1)) + 1, int(true.max(initial=-1)) + 1
    both = (found >= 0) & (true >= 0)
    pairs, common = np.unique(np.stack([found[both], true[both]], axis=1), axis=0, return_counts=True)
    size_found = np.bincount(found[found >= 0], minlength=n_found)
    size_true = np.bincount(true[true >= 0], minlength=n_true)
    overlap = common / (size_found[pairs[:, 0]] + size_true[pairs[:, 1]] - common) if len(pairs) else np.zeros(0)
    used_found, used_true, hits = set(), set(), 0
    for i in np.lexsort((np.arange(len(overlap)), -overlap)):
        a, b = int(pairs[i, 0]), int(pairs[i, 1])
        if overlap[i] >= iou and a not in used_found and b not in used_true:
            used_found.add(a)
            used_true.add(b)
            hits += 1
    return _f1(hits, n_found, n_true)


def _beginnings(labels: Array) -> Array:
    """Rows at which a segment begins, the log's first row aside."""
    _, first = np.unique(labels, return_index=True)
    first = first[labels[first] >= 0]
    return np.sort(first[first > 0])


def _boundary_f1(found: Array, true: Array, tolerance: int) -> float:
    a, b = _beginnings(found), _beginnings(true)
    used, hits = set(), 0
    for x in a:
        near = [int(y) for y in b[np.searchsorted(b, x - tolerance) : np.searchsorted(b, x + tolerance, side="right")]]
        free = [(abs(y - int(x)), y) for y in near if y not in used]
        if free:
            used.add(min(free)[1])
            hits += 1
    return _f1(hits, len(a), len(b))


def _window_diff(found: Array, true: Array) -> float:
    n, segments = len(true), int(true.max(initial=-1)) + 1
    if not n or not segments:
        return float("nan")
    width = min(max(2, round(n / segments / 2)), n)

    def running(labels: Array) -> Array:
        flags = np.zeros(n, np.int64)
        flags[_beginnings(labels)] = 1
        return np.cumsum(flags)

    a, b, i = running(found), running(true), np.arange(n - width + 1)
    return float(np.mean((a[i + width - 1] - a[i]) != (b[i + width - 1] - b[i])))


def _adjusted_rand(table: Array) -> float:
    def choose(counts: Array) -> float:
        return float((counts * (counts - 1) / 2).sum())

    same, rows, columns, all_pairs = (
        choose(table),
        choose(table.sum(1)),
        choose(table.sum(0)),
        choose(table.sum(keepdims=True)),
    )
    expected, most = rows * columns / all_pairs if all_pairs else 0.0, (rows + columns) / 2
    return 1.0 if most == expected else float((same - expected) / (most - expected))


def _v_measure(table: Array) -> float:
    p = table / table.sum()

    def entropy(q: Array) -> float:
        q = q[q > 0]
        return float(-(q * np.log(q)).sum())

    joint, found, true = entropy(p.ravel()), entropy(p.sum(1)), entropy(p.sum(0))
    homogeneity = 1.0 if true == 0 else (true + found - joint) / true
    completeness = 1.0 if found == 0 else (true + found - joint) / found
    both = homogeneity + completeness
    return 2 * homogeneity * completeness / both if both else 0.0
