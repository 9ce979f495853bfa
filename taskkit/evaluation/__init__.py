"""How well segments and tasks agree with a labelled log."""

from __future__ import annotations

import polars as pl

from taskkit.errors import SettingError
from taskkit.evaluation.metrics import (
    adjusted_rand,
    boundary_f1,
    edit_distance,
    f1,
    match,
    number_labels,
    v_measure,
    window_diff,
)
from taskkit.schema import require_columns

ORDER = ("user", "session_id", "seq")


def score_segments(
    events: pl.DataFrame,
    *,
    truth: str = "true_segment",
    iou: float = 0.8,
    tolerance: int = 2,
    tokens: str | None = None,
) -> pl.DataFrame:
    """Score the segments of a log against its true ones; a segment is a set of rows and need not be contiguous.

    Parameters
    ----------
    events : events frame with `segment_id` and the true label in the column `truth` (null = no task).
    iou : overlap (intersection over union of rows) from which a found segment counts as a true one, more than 0.
    tolerance : rows by which a boundary may be off for `boundary_f1_tolerant`.
    tokens : column that says what a row does, such as "activity": adds the metric `edit_distance`.

    Returns
    -------
    One row per metric: `metric`, `value`, `n` (true segments), `definition`. The metrics are `segment_f1`, `boundary_f1`,
    `boundary_f1_tolerant`, `window_diff` and, with `tokens`, `edit_distance`.

    Raises
    ------
    ContractError : a needed column is missing. SettingError : `iou` or `tolerance` is out of range.

    References
    ----------
    Matching by overlap: Everingham et al., International Journal of Computer Vision 88 (2010), here on sets of rows.
    WindowDiff: Pevzner & Hearst, Computational Linguistics 28 (2002). Edit distance: Leno et al., ICPM 2020.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": "a", "session_id": "s", "seq": range(4), "segment_id": [0, 0, 1, 1],
    ...                      "true_segment": [7, 7, 8, 8]})
    >>> score_segments(rows)["value"].to_list()
    [1.0, 1.0, 1.0, 0.0]
    """
    wrong = [f"iou={iou}; allowed: more than 0, at most 1"] if not 0 < iou <= 1 else []
    wrong += [f"tolerance={tolerance}; allowed: 0 or more rows"] if tolerance < 0 else []
    if wrong:
        raise SettingError("Segments cannot be scored like this: " + "; ".join(wrong) + ".")
    require_columns(events, "segment_id", made_by="segment")
    require_columns(events, truth, made_by="joining the truth of a labelled log")
    frame = events.sort(ORDER)
    found, true = number_labels(frame["segment_id"]), number_labels(frame[truth])
    n_found, n = int(found.max(initial=-1)) + 1, int(true.max(initial=-1)) + 1
    rows = [
        ("segment_f1", f1(len(match(found, true, iou)[0]), n_found, n),
         f"F1 of found segments matched one to one with true ones at an overlap of at least {iou:g}"),
        ("boundary_f1", boundary_f1(found, true, 0), "F1 of the rows at which segments begin, the log's first row aside"),
        ("boundary_f1_tolerant", boundary_f1(found, true, tolerance), f"the same, off by at most {tolerance} rows"),
        ("window_diff", window_diff(found, true), "part of windows with a different number of beginnings; lower is better"),
    ]  # fmt: skip
    if tokens is not None:
        require_columns(events, tokens, made_by="name_activities")
        said = frame[tokens].cast(pl.String).fill_null("").to_list()
        rows.append(("edit_distance", edit_distance(found, true, said),
                     "mean part of a found segment's rows to edit until it reads like a true one; lower is better"))  # fmt: skip
    return _table(rows, n)


def score_tasks(events: pl.DataFrame, *, task: str = "task_id", truth: str = "true_task") -> pl.DataFrame:
    """Score how rows are grouped into tasks against the true grouping; rows without a task are a group of their own.

    Parameters
    ----------
    events : frame with a column of found tasks and one of true tasks, one row per event.
    task, truth : names of these columns.

    Returns
    -------
    One row per metric: `metric`, `value`, `n` (rows), `definition`. The metrics are `adjusted_rand` and `v_measure`.

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
    found, true = number_labels(events[task]), number_labels(events[truth])
    rows = [
        (
            "adjusted_rand",
            adjusted_rand(found, true),
            "agreement on pairs of rows, 0 as by chance, 1 the same grouping",
        ),
        ("v_measure", v_measure(found, true), "harmonic mean of homogeneity and completeness, 0 to 1"),
    ]
    return _table(rows, events.height)


def _table(rows: list[tuple[str, float, str]], n: int) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["metric", "value", "definition"], orient="row").select(
        "metric", "value", pl.lit(n).alias("n"), "definition"
    )
