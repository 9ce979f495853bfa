"""Periods as groups: before a day, and from that day on."""

from __future__ import annotations

from datetime import date

import polars as pl

from taskkit.errors import SettingError
from taskkit.schema import require_columns


def by_period(segments: pl.DataFrame, *, split: str | date) -> pl.DataFrame:
    """Divide the segments at a day, so that what came before can be compared with what came after.

    Whoever was recorded in both periods is compared with himself or herself (see `compare`).

    Parameters
    ----------
    segments : one row per segment, with `start`.
    split : first day of the later period (UTC), as "2026-03-09" or a date.

    Returns
    -------
    The segments in the given order with `period`: "before 2026-03-09" or "from 2026-03-09".

    Raises
    ------
    SettingError : not a date, or all segments lie on one side of it. ContractError : the segments have no `start`.

    >>> starts = pl.datetime_range(pl.datetime(2026, 3, 7), pl.datetime(2026, 3, 10), eager=True)
    >>> by_period(pl.DataFrame({"start": starts}), split="2026-03-09")["period"].value_counts(sort=True)["count"].to_list()
    [2, 2]
    """
    require_columns(segments, "start", made_by="list_segments")
    try:
        day = split if isinstance(split, date) else date.fromisoformat(split)
    except (TypeError, ValueError) as error:
        raise SettingError(f"split={split!r} is not a date. Write it as year-month-day: split='2026-03-09'.") from error
    later = pl.col("start").dt.date() >= day
    if segments.select(later.n_unique()).item() < 2:
        first, last = segments.select(first=pl.col("start").dt.date().min(), last=pl.col("start").dt.date().max()).row(
            0
        )
        raise SettingError(f"split={split!r} divides nothing: the segments start from {first} to {last}. "
                           "Choose a day after the first and not after the last.")  # fmt: skip
    before, since = pl.lit(f"before {day:%Y-%m-%d}"), pl.lit(f"from {day:%Y-%m-%d}")
    return segments.with_columns(period=pl.when(later).then(since).otherwise(before))
