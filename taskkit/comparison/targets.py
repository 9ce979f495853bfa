"""What root causes are sought for: a figure of each execution, more being worse."""

from __future__ import annotations

import polars as pl

from taskkit.errors import SettingError
from taskkit.schema import require_columns
from taskkit.variants import find_variants
from taskkit.variants.standardisation import repeated_steps

MADE = ("rework", "deviates")  # made from the activities where the segments have no such column
_UNITS = ("seconds", "minutes", "hours", "days", "steps")


def add_target(segments: pl.DataFrame, target: str, process: pl.DataFrame | None) -> tuple[pl.DataFrame, str]:
    """Add the figure to explain as `_target` (Float64), and name its unit; "share" means yes or no.

    Parameters
    ----------
    segments : one row per segment with a task.
    target : a numeric or Boolean column; "rework", "deviates"; an activity of the process.
    process : one row per process event; the hours that a case waited for the activity since its booking before.

    Raises
    ------
    SettingError : none of these. ContractError : a wait is asked for and the segments do not know their case.

    >>> frame, unit = add_target(pl.DataFrame({"elapsed_seconds": [1, 2]}), "elapsed_seconds", None)
    >>> frame["_target"].to_list(), unit
    ([1.0, 2.0], 'seconds')
    """
    own = [name for name, kind in segments.schema.items() if _is_figure(kind) and not name.startswith("_")]
    waits = process["activity"].unique().sort().to_list() if process is not None else []
    if target in own:
        truth = segments[target].dtype == pl.Boolean
        end = target.rsplit("_", 1)[-1]
        unit = "share" if truth else end if end in _UNITS else target.replace("_", " ")
        return segments.with_columns(_target=pl.col(target).cast(pl.Float64)), unit
    if target in MADE and "activities" in segments.columns:
        if target == "rework":
            return segments.with_columns(_target=repeated_steps().cast(pl.Float64)), "repeated steps"
        ways = segments if "variant_id" in segments.columns else find_variants(segments)
        usual = pl.col("variant_id").drop_nulls().mode().min().over("task_id")
        return ways.with_columns(_target=(pl.col("variant_id") != usual).cast(pl.Float64)), "share"
    if process is not None and target in waits:
        require_columns(segments, "case_id", made_by="attribute_cases (give its result as events=)")
        return segments.join(_waits(process, target), on="case_id", how="left", maintain_order="left"), "hours"
    cure = "" if process is not None else " With process=, an activity of the process: the wait for it."
    raise SettingError(
        f"The target {target!r} is neither a numeric or Boolean column of the segments nor made from them. Known: "
        f"{', '.join(map(repr, dict.fromkeys([*own, *MADE, *waits])))}.{cure}"
    )


def _is_figure(kind: pl.DataType) -> bool:
    return kind.is_numeric() or kind == pl.Boolean


def _waits(process: pl.DataFrame, activity: str) -> pl.DataFrame:
    """Hours from a case's booking before to its first booking of the activity."""
    since = (pl.col("timestamp") - pl.col("timestamp").shift(1).over("case_id")).dt.total_microseconds() / 3.6e9
    order = process.sort("case_id", "timestamp", "activity").with_columns(_target=since)
    booked = order.filter(pl.col("activity") == activity)
    return booked.group_by("case_id", maintain_order=True).agg(pl.col("_target").first())
