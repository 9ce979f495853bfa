"""Is a method as sure as it should be? Confidence against a labelled log, as a reliability table."""

from __future__ import annotations

import numpy as np
import polars as pl

from taskkit.errors import ContractError, SettingError
from taskkit.evaluation.metrics import beginnings, match, match_beginnings, number_labels
from taskkit.schema import TIME, require_columns

ORDER = ("user", "session_id", "seq")
Z = 1.959964  # 95 % of a normal distribution lie within


def judge_segments(events: pl.DataFrame, *, truth: str = "true_segment", iou: float = 0.8) -> pl.DataFrame:
    """Judge each found segment of a labelled log: right if it is a true one, by the rule of `score_segments`.

    Parameters
    ----------
    events : events frame with `segment_id`, the true label in the column `truth` (null = no task) and, if known,
        `segment_confidence`.
    iou : overlap (intersection over union of rows) from which a found segment counts as a true one.

    Returns
    -------
    One row per segment, in order of user and first event: `segment_id`, `user`, `start` (null without a clock), `rows`,
    `segment_confidence`, `right`.

    Raises
    ------
    ContractError : a needed column is missing. SettingError : `iou` is out of range.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": "a", "session_id": "s", "seq": range(4), "segment_id": [0, 0, 1, 1],
    ...                      "true_segment": [7, 7, 8, 9], "segment_confidence": [0.9, 0.9, 0.2, 0.2]})
    >>> judge_segments(rows).select("segment_id", "segment_confidence", "right").rows()
    [(0, 0.9, True), (1, 0.2, False)]
    """
    if not 0 < iou <= 1:
        raise SettingError(f"iou={iou}; allowed: more than 0, at most 1.")
    frame = _labelled(events, truth, "segment_confidence")
    found = number_labels(frame["segment_id"])
    judged = frame.drop_nulls("segment_id").group_by("segment_id", maintain_order=True).agg(
        pl.col("user").first(), start=pl.col("timestamp").min(), rows=pl.len(), segment_confidence=pl.first("segment_confidence"),
    )  # fmt: skip
    right = np.zeros(judged.height, np.bool_)
    right[match(found, number_labels(frame[truth]), iou)[0]] = True
    return judged.with_columns(right=pl.Series(right))


def judge_boundaries(events: pl.DataFrame, *, truth: str = "true_segment", tolerance: int = 0) -> pl.DataFrame:
    """Judge each beginning of a found segment: right if a true segment begins there, by the rule of `score_segments`.

    Parameters
    ----------
    events : events frame with `segment_id`, the true label in the column `truth` (null = no task) and, if known,
        `boundary_confidence` (how sure the method is that a segment begins with the row).
    tolerance : rows by which a beginning may be off.

    Returns
    -------
    One row per beginning, in the order of the events: `user`, `session_id`, `seq`, `segment_id`, `boundary_confidence`, `right`.
    The log's first row is left out: it is known.

    Raises
    ------
    ContractError : a needed column is missing. SettingError : `tolerance` is negative.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": "a", "session_id": "s", "seq": range(4), "segment_id": [0, 1, 1, 2],
    ...                      "true_segment": [7, 7, 7, 8], "boundary_confidence": [1.0, 0.4, 0.0, 0.9]})
    >>> judge_boundaries(rows).select("boundary_confidence", "right").rows()
    [(0.4, False), (0.9, True)]
    """
    if tolerance < 0:
        raise SettingError(f"tolerance={tolerance}; allowed: 0 or more rows.")
    frame = _labelled(events, truth, "boundary_confidence")
    at = beginnings(number_labels(frame["segment_id"]))
    right = match_beginnings(at, beginnings(number_labels(frame[truth])), tolerance) >= 0
    begun = frame[at].select(*ORDER, "segment_id", "boundary_confidence")
    return begun.with_columns(right=pl.Series(right, dtype=pl.Boolean))


def measure_calibration(
    judged: pl.DataFrame, *, confidence: str = "segment_confidence", right: str = "right", bins: int = 10
) -> pl.DataFrame:
    """Measure whether confidence means what it says: of the rows with confidence 0.8, about 80 in 100 should be right.

    Parameters
    ----------
    judged : one row per judged thing, such as the result of `judge_segments`; rows without a confidence are left out.
    confidence : column with the confidence, 0 to 1.
    right : column that says whether the row is right.
    bins : number of equally wide bins of confidence.

    Returns
    -------
    One row per bin that has rows and a last one for all: `bin` ("0.8 to 0.9" or "all"), `n`, `people` (null without the
    column `user`), `mean_confidence`, `share_right`, `low` and `high` (its 95 % interval by Wilson, which takes the rows
    for independent) and `error`: how far confidence and share are apart. The error of the last row is the expected
    calibration error, the mean of the bins' errors weighted by n.

    Raises
    ------
    ContractError : a column is missing, or a confidence is not within 0 to 1. SettingError : fewer than one bin.

    References
    ----------
    Wilson, Journal of the American Statistical Association 22 (1927). Expected calibration error: Naeini et al., AAAI 2015.

    >>> import polars as pl
    >>> judged = pl.DataFrame({"segment_confidence": [0.9, 0.9, 0.9, 0.9, 0.1], "right": [True, True, True, False, False]})
    >>> measure_calibration(judged, bins=2).select("bin", "n", "share_right", pl.col("error").round(2)).rows()
    [('0 to 0.5', 1, 0.0, 0.1), ('0.5 to 1', 4, 0.75, 0.15), ('all', 5, 0.6, 0.14)]
    """
    if bins < 1:
        raise SettingError(f"bins={bins}; allowed: at least 1.")
    require_columns(judged, confidence, right, made_by="judge_segments or judge_boundaries")
    kept = judged.drop_nulls(confidence)
    outside = kept.filter(~pl.col(confidence).is_between(0, 1))
    if outside.height:
        raise ContractError(f"Column {confidence!r} has {outside.height} values outside 0 to 1, the first is "
                            f"{outside[confidence][0]}. A confidence is a part of 1.")  # fmt: skip
    people = pl.col("user").n_unique() if "user" in judged.columns else pl.lit(None)
    counted = [
        pl.len().cast(pl.UInt32).alias("n"), people.cast(pl.UInt32).alias("people"),
        pl.col(confidence).mean().alias("mean_confidence"), pl.col(right).mean().alias("share_right"),
    ]  # fmt: skip
    number = (pl.col(confidence) * bins).floor().clip(0, bins - 1).cast(pl.Int64)
    table = kept.group_by(_number=number).agg(counted).sort("_number")
    table = table.with_columns(error=(pl.col("mean_confidence") - pl.col("share_right")).abs())
    names = {k: f"{round(k / bins, 4):g} to {round((k + 1) / bins, 4):g}" for k in range(bins)}
    expected = float((table["error"] * table["n"]).sum() / kept.height) if kept.height else None
    whole = kept.select(counted).with_columns(error=pl.lit(expected, dtype=pl.Float64), bin=pl.lit("all"))
    table = table.with_columns(bin=pl.col("_number").replace_strict(names, return_dtype=pl.String))
    columns = ["bin", "n", "people", "mean_confidence", "share_right", "low", "high", "error"]
    return (
        pl.concat([table.drop("_number"), whole.select(table.drop("_number").columns)])
        .with_columns(_wilson())
        .select(columns)
    )


def _wilson() -> list[pl.Expr]:
    """Limits of the 95 % interval of `share_right`."""
    p, n = pl.col("share_right"), pl.col("n").cast(pl.Float64)
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * (p * (1 - p) / n + Z**2 / (4 * n**2)).sqrt()
    return [(middle - half).clip(0, 1).round(12).alias("low"), (middle + half).clip(0, 1).round(12).alias("high")]


def _labelled(events: pl.DataFrame, truth: str, confidence: str) -> pl.DataFrame:
    """The events in order, with empty columns for a clock and a confidence that are not there."""
    require_columns(events, *ORDER, "segment_id", made_by="segment")
    require_columns(events, truth, made_by="joining the truth of a labelled log")
    empty = {"timestamp": TIME, confidence: pl.Float64()}
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in empty.items() if name not in events.columns]
    return events.with_columns(missing).sort(ORDER)
