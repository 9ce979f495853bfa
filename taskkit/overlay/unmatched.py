"""What the overlay could not join: work without a case, and cases without recorded work."""

from __future__ import annotations

import polars as pl

from taskkit.schema import require_columns

_WITHOUT, _UNSEEN = "work without a case", "case without recorded work"


def list_unmatched(events: pl.DataFrame, process: pl.DataFrame) -> pl.DataFrame:
    """List both sides that the overlay could not join: work without a case, and cases without recorded work.

    Work without a case is the active time of all rows with an application and no `case_id`: work on something else, breaks
    in mail and chat, and work on a case that nothing gives away. On the worked example its size and the share of cases
    without recorded work are within a few per cent of the truth (`benchmarks/attribution.py`).

    Parameters
    ----------
    events : one row per interaction, with `case_id` from `attribute_cases` and `active_seconds`.
    process : one row per process event.

    Returns
    -------
    One row per application with work that has no case (`side` "work without a case") and one per case on which no
    work was recorded ("case without recorded work"): `side`, `item` (application or case), `events` (rows without a
    case, or process events of the case), `people` (recorded people; null for cases), `active_hours` (null for cases),
    `share` (of all active time, or of all cases: the shares of a side add up to its size).

    Raises
    ------
    ContractError : `attribute_cases` or `name_activities` has not been run.

    >>> import datetime as dt
    >>> at = [dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)]
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["Approve"], "timestamp": at})
    >>> events = pl.DataFrame({"user": "p", "app": "erp", "case_id": [None], "active_seconds": 15.0},
    ...                       schema_overrides={"case_id": pl.String})
    >>> list_unmatched(events, process).select("side", "item", "share").rows()
    [('work without a case', 'erp', 1.0), ('case without recorded work', 'c', 1.0)]
    """
    require_columns(events, "case_id", made_by="attribute_cases")
    require_columns(events, "active_seconds", made_by="name_activities")
    total = float(events["active_seconds"].sum()) or 1.0
    work = events.filter(pl.col("case_id").is_null() & pl.col("app").is_not_null()).group_by(item="app").agg(
        events=pl.len(), people=pl.col("user").n_unique(), active_hours=pl.col("active_seconds").sum() / 3600,
        share=pl.col("active_seconds").sum() / total,
    )  # fmt: skip
    cases = process.group_by(item="case_id").agg(events=pl.len())
    seen = events.select(item="case_id").drop_nulls().unique()
    unseen = cases.join(seen, on="item", how="anti").with_columns(
        people=pl.lit(None, pl.UInt32), active_hours=pl.lit(None, pl.Float64), share=pl.lit(1 / max(cases.height, 1))
    )
    schema = {"side": pl.String, "item": pl.String, "events": pl.UInt32, "people": pl.UInt32,
              "active_hours": pl.Float64, "share": pl.Float64}  # fmt: skip
    both = pl.concat([
        side.with_columns(side=pl.lit(name)).select(pl.col(c).cast(dtype) for c, dtype in schema.items())
        for side, name in ((work, _WITHOUT), (unseen, _UNSEEN))
    ])  # fmt: skip
    return both.sort("side", "active_hours", "item", descending=[True, True, False])
