"""The rows that a figure rests on: every number of the ranking can be traced with one call."""

from __future__ import annotations

import polars as pl

from taskkit.automation.criteria import CRITERIA
from taskkit.automation.work import split_work
from taskkit.errors import check_choice


def list_evidence(
    events: pl.DataFrame, segments: pl.DataFrame | None = None, *, task_id: str, criterion: str
) -> pl.DataFrame:
    """List the rows that a figure of a task rests on; the sum of `numerator` over the sum of `denominator` is the figure.

    Parameters
    ----------
    events, segments : as for `score_automation`.
    task_id : task of the figure.
    criterion : one of `CRITERIA`.

    Returns
    -------
    One row per row, segment, decision or recorded day that counts: `user`, `session_id`, `seq`, `segment_id`, `day`
    (null where the row is not of that kind), whatever else says what it is (`field`, `after`), `numerator`,
    `denominator`. It singles people out: for those who check a figure, not for what is shared.

    Raises
    ------
    SettingError : unknown task or criterion. ContractError : the events have no segments.

    >>> import taskkit as tk
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_012), "what": list("abs" * 4)})
    >>> events = tk.from_table(log, columns={"timestamp": "at", "event_name": "what"})
    >>> events = tk.segment(tk.name_activities(events), method="anchor", end="^s$")
    >>> list_evidence(events, task_id="T01", criterion="steps")["numerator"].to_list()
    [3.0, 3.0, 3.0, 3.0]
    """
    check_choice(criterion, allowed=CRITERIA, what="criterion")
    works = {str(work.segments["task_id"][0]): work for work in split_work(events, segments)}
    check_choice(task_id, allowed=works, what="task")
    rows = CRITERIA[criterion].function(works[task_id])
    keys = {"user": pl.String, "session_id": pl.String, "seq": pl.UInt64, "segment_id": pl.UInt32, "day": pl.Date}
    rows = rows.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in keys.items() if name not in rows.columns
    )
    rest = [name for name in rows.columns if name not in (*keys, "numerator", "denominator")]
    rows = rows.select(*keys, *rest, "numerator", "denominator")
    return rows.sort(*keys, *rest, nulls_last=True, maintain_order=True)
