"""The cases of the process with the recorded work on each."""

from __future__ import annotations

import polars as pl

from taskkit.schema import CASES, require_columns


def list_cases(events: pl.DataFrame, process: pl.DataFrame) -> pl.DataFrame:
    """List the cases of the process with the recorded work on each.

    Parameters
    ----------
    events : one row per interaction, with `case_id` from `attribute_cases` and `active_seconds`.
    process : one row per process event.

    Returns
    -------
    One row per case (see `CASES`), in order of their first process event.

    >>> import datetime as dt
    >>> at = [dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)]
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["Approve"], "timestamp": at})
    >>> events = pl.DataFrame({"user": "p", "timestamp": at, "app": "erp", "case_id": "c", "active_seconds": 15.0})
    >>> list_cases(events, process).select("case_id", "touch_seconds", "people").row(0)
    ('c', 15.0, 1)
    """
    require_columns(events, "case_id", made_by="attribute_cases")
    require_columns(events, "active_seconds", made_by="name_activities")
    of_log = process.group_by("case_id").agg(
        start=pl.col("timestamp").min(), end=pl.col("timestamp").max(), process_events=pl.len()
    )
    work = events.drop_nulls("case_id")
    of_work = work.group_by("case_id").agg(
        events=pl.len(), touch_seconds=pl.col("active_seconds").sum(), people=pl.col("user").n_unique()
    )
    cases = of_log.join(of_work, on="case_id", how="left").join(_apps_of(work, "case_id"), on="case_id", how="left")
    cases = cases.with_columns(
        pl.col("events", "people").fill_null(0),
        elapsed_seconds=(pl.col("end") - pl.col("start")).dt.total_microseconds() / 1e6,
    )
    return cases.select(pl.col(c.name).cast(c.dtype) for c in CASES.columns).sort("start", "case_id")


def _apps_of(work: pl.DataFrame, key: str) -> pl.DataFrame:
    used = work.drop_nulls("app").group_by(key, "app").agg(pl.col("active_seconds").sum())
    ordered = used.sort(key, "active_seconds", "app", descending=[False, True, False])
    return ordered.group_by(key, maintain_order=True).agg(apps=pl.col("app"))
