"""Segmentation by a plain rule: a pause, or a named start and end."""

from __future__ import annotations

import re

import polars as pl

from taskkit.errors import SettingError
from taskkit.log.durations import parse_duration

_SESSION = ["user", "session_id"]


def segment_by_gap(steps: pl.DataFrame, *, gap: str = "5m") -> pl.DataFrame:
    """Begin a new segment wherever nothing was done for at least `gap`, and with every session."""
    pause = pl.col("timestamp").diff().over(_SESSION).fill_null(parse_duration(gap)) >= parse_duration(gap)
    return _labels(steps.select(segment=pause.cum_sum()))


def segment_by_anchor(steps: pl.DataFrame, *, start: str | None = None, end: str | None = None) -> pl.DataFrame:
    """Begin a segment where an activity matches `start`, finish it where one matches `end` (regular expressions).

    With only `start` a segment lasts until the next start, with only `end` it begins right after the last end; with both,
    what lies between an end and the next start belongs to no segment.
    """
    if not start and not end:
        raise SettingError("Method 'anchor' needs start=, end= or both: regular expressions on the activity, "
                           "for example start='open invoice', end='Post|Save'.")  # fmt: skip
    first_of_session = pl.int_range(pl.len()).over(_SESSION) == 0
    ends = _matches(steps, end) if end else pl.Series([False] * steps.height, dtype=pl.Boolean)
    starts = _matches(steps, start) if start else None
    frame = steps.select(*_SESSION, _end=ends)
    after_end = pl.col("_end").shift(1, fill_value=False).over(_SESSION)
    if starts is None:
        return _labels(frame.select(segment=(after_end | first_of_session).cum_sum()))
    frame = frame.with_columns(_start=starts)
    # a block runs from one start (or session) to the next; inside it, rows before the first start and after the end are out
    begins = (pl.col("_start") | first_of_session).cum_sum()
    frame = frame.with_columns(_block=begins, _after_end=after_end)
    opened = pl.col("_start").cum_max().over("_block")
    # the start row itself may follow an end directly
    closed = (pl.col("_after_end") & ~pl.col("_start")).cum_max().over("_block")
    return _labels(frame.select(segment=pl.when(opened & ~closed).then("_block")))


def _matches(steps: pl.DataFrame, pattern: str) -> pl.Series:
    try:
        re.compile(pattern)
        return steps["activity"].str.contains(f"(?i){pattern}").fill_null(False)
    except (re.error, pl.exceptions.ComputeError) as error:
        raise SettingError(f"{pattern!r} is not a regular expression: {error}.") from error


def _labels(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        pl.col("segment").cast(pl.Int64),
        segment_model=pl.lit(None, dtype=pl.Int32), segment_confidence=pl.lit(None, dtype=pl.Float64),
    )  # fmt: skip
