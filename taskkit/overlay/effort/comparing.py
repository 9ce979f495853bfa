"""The work inside steps, side by side: cases of one kind against the others, people as the unit of variation."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from taskkit.comparison.people import adjust, base_of, figure, find_differences, too_few, verdict_of
from taskkit.errors import SettingError, check_choice
from taskkit.overlay.effort.case_groups import add_groups, others_than
from taskkit.privacy import MIN_PEOPLE
from taskkit.schema import require_columns


@dataclass(frozen=True)
class StepMeasure:
    """What is compared: a figure of each booking, and how a person's bookings become the person's figure."""

    value: pl.Expr
    of_person: str  # "median" or "mean"
    unit: str
    label: str


STEP_MEASURES = {
    "touch_seconds": StepMeasure(pl.col("touch_seconds"), "median", "seconds", "touch time"),
    "elapsed_hours": StepMeasure(pl.col("elapsed_seconds") / 3600, "median", "hours", "time since the booking before"),
    "waiting_hours": StepMeasure(pl.col("waiting_seconds") / 3600, "median", "hours", "waiting time"),
    "excursion_share": StepMeasure(
        pl.when(pl.col("touch_seconds") > 0).then(pl.col("excursion_seconds") / pl.col("touch_seconds")),
        "mean", "share", "part of the touch time outside the main application",
    ),
    "copy_pastes": StepMeasure(pl.col("copy_pastes").cast(pl.Float64), "mean", "pastes", "values pasted"),
    "rekeyed": StepMeasure(pl.col("rekeyed").cast(pl.Float64), "mean", "values", "values typed again"),
    "switches": StepMeasure(pl.col("switches").cast(pl.Float64), "median", "switches", "switches of application"),
}  # fmt: skip
RESULT = pl.Schema({
    "activity": pl.String, "measure": pl.String, "unit": pl.String, "group_a": pl.String, "group_b": pl.String,
    "value_a": pl.Float64, "value_b": pl.Float64, "difference": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "p_value": pl.Float64, "p_adjusted": pl.Float64, "bookings_a": pl.UInt32, "bookings_b": pl.UInt32,
    "people_a": pl.UInt32, "people_b": pl.UInt32, "people_both": pl.UInt32, "sentence": pl.String,
})  # fmt: skip


def compare_step_work(
    work: pl.DataFrame,
    *,
    by: str | pl.Expr = "outcome",
    groups: tuple[str, str] | None = None,
    bands: int = 2,
    activity: str | None = None,
    measures: Sequence[str] | None = None,
    permutations: int = 1999,
    seed: int = 0,
    min_people: int = MIN_PEOPLE,
) -> pl.DataFrame:
    """Compare the work inside each step between kinds of cases, with people rather than bookings as the unit of variation.

    A group's value is the mean over its people of each person's own figure (median of the person's bookings, or mean:
    `STEP_MEASURES`); a booking counts for the person who worked most on it, and bookings without recorded work do not count.
    A person who works on cases of both groups stays a pair: only the labels are exchanged. Interval and test are those of
    `compare`; `p_adjusted` holds the share of false discoveries among all steps and groups of one measure.

    Parameters
    ----------
    work : frame of `list_step_work`.
    by : what tells the cases apart: an attribute of the process log such as "vendor"; a number such as "amount", cut into
        `bands` of equally many cases; "outcome" (the last activity of the case, where the log has no such column); or an
        expression over the columns of `work`, such as `(pl.col("amount") > 2000) | (pl.col("po") == "no")`.
    groups : two of the groups; the difference is second minus first. Without it, two groups are compared with each other;
        of more, the eight with most cases are each compared with all other cases.
    bands : parts that a number is cut into.
    activity : one process activity; None compares each.
    measures : names of `STEP_MEASURES`; by default all.
    permutations, seed, min_people : as in `compare`.

    Returns
    -------
    One row per activity, measure and pair of groups: `activity`, `measure`, `unit`, `group_a`, `group_b`, `value_a`,
    `value_b`, `difference` (b minus a) with its 95 % interval `low` to `high`, `p_value`, `p_adjusted`, `bookings_a`,
    `bookings_b`, `people_a`, `people_b`, `people_both`, `sentence`. Where a group has fewer than `min_people` people, the
    figures are null and the `sentence` says so.

    Raises
    ------
    SettingError : an unknown column, activity, measure or group, or fewer than two groups. ContractError : not a frame of
        `list_step_work`.

    References
    ----------
    Those of `compare`.

    >>> rows = [("Approve", f"c{i}", f"p{i % 7}", i % 2, 60.0 + 60 * (i % 2)) for i in range(70)]
    >>> names = ["activity", "case_id", "user", "large", "touch_seconds"]
    >>> work = pl.DataFrame(rows, schema=names, orient="row").with_row_index("booking")
    >>> compare_step_work(work, by=pl.col("large") == 1, measures=["touch_seconds"])["difference"].to_list()
    [60.0]
    """
    require_columns(work, "booking", "case_id", "activity", "user", "touch_seconds", made_by="list_step_work")
    if permutations < 1 or min_people < 1:
        raise SettingError("permutations and min_people must be at least 1.")
    if activity is not None:
        check_choice(activity, allowed=sorted(work["activity"].unique()), what="process activity")
    for name in measures or ():
        check_choice(name, allowed=STEP_MEASURES, what="measure")
    names = measures or [name for name, m in STEP_MEASURES.items() if {*m.value.meta.root_names()} <= {*work.columns}]
    grouped, pairs = add_groups(work, by, groups=groups, bands=bands)
    # people are told apart in the recorded work only
    chosen = grouped.drop_nulls(["user", "group"]).sort("booking")
    steps = [activity] if activity is not None else sorted(chosen["activity"].unique())
    rows = [
        _compare_one(chosen.filter(pl.col("activity") == step), step, name, pair, permutations, seed, min_people)
        for step in steps
        for name in names
        for pair in pairs
    ]
    result = pl.DataFrame(rows, schema=RESULT, orient="row")
    adjusted = pl.col("p_value").map_batches(adjust, return_dtype=pl.Float64).over("measure")
    result = result.with_columns(p_adjusted=adjusted)
    sentences = [_sentence(row, min_people) for row in result.iter_rows(named=True)]
    return result.with_columns(sentence=pl.Series(sentences, dtype=pl.String))


def _compare_one(
    work: pl.DataFrame, step: str, name: str, pair: tuple[str, str | None], permutations: int, seed: int, min_people: int
) -> tuple[Any, ...]:  # fmt: skip
    second, first = pair
    other = others_than(second) if first is None else first
    measure = STEP_MEASURES[name]
    in_a = pl.col("group") != second if first is None else pl.col("group") == first
    side = pl.when(pl.col("group") == second).then(pl.lit("b")).when(in_a).then(pl.lit("a"))
    of_person = pl.col("value").median() if measure.of_person == "median" else pl.col("value").mean()
    long = (
        work.select("user", side=side, value=measure.value).drop_nulls().group_by("user", "side")
        .agg(value=of_person, bookings=pl.len())
    )  # fmt: skip
    people = long.pivot("side", on_columns=["a", "b"], index="user", values=["value", "bookings"]).sort("user")
    counts = [int(people[f"bookings_{side}"].sum()) for side in "ab"]
    a, b = (people[f"value_{side}"].cast(pl.Float64).to_numpy() for side in "ab")
    has_a, has_b = ~np.isnan(a), ~np.isnan(b)
    figures: tuple[float | None, ...] = (None,) * 6
    if min(has_a.sum(), has_b.sum()) >= min_people:
        random = np.random.default_rng([seed, zlib.crc32(f"{step}/{name}/{second}".encode())])
        found = find_differences(a[:, None], b[:, None], has_a, has_b, permutations, random)
        mean_a, mean_b = float(found.first[0]), float(found.second[0])
        figures = (mean_a, mean_b, mean_b - mean_a, *(float(f[0]) for f in (found.low, found.high, found.p_value)))
    have = (int(has_a.sum()), int(has_b.sum()), int((has_a & has_b).sum()))
    return (step, name, measure.unit, other, second, *figures, None, *counts, *have, None)


def _sentence(row: dict[str, Any], min_people: int) -> str:
    measure = STEP_MEASURES[row["measure"]]
    what = f"{row['activity']}, {measure.label}"
    if row["difference"] is None:
        return f"{what}, {row['group_a']} and {row['group_b']}: {too_few(min_people)}"
    unit = measure.unit
    per, unit = (1 / 60, "minutes") if unit == "seconds" and _is_long(row) else (1.0, unit)
    scale, ending = (100.0, " percentage points") if unit == "share" else (per, f" {unit}")
    span = f"{scale * row['low']:.1f} to {scale * row['high']:.1f}{ending}".replace("-", "−")
    a, b = (
        f"{figure(per * row['value_a'], unit)} where {row['group_a']}",
        f"{figure(per * row['value_b'], unit)} where {row['group_b']}",
    )
    base = base_of(row | {"segments_a": row["bookings_a"], "segments_b": row["bookings_b"]})
    return (
        f"{what}: {a}, {b} (mean over people of each person's {measure.of_person} over bookings); "
        f"{verdict_of(row['p_adjusted'])} (95 % interval of the difference {span}; p = {row['p_value']:.3f}, "
        f"{row['p_adjusted']:.3f} adjusted for the steps and groups compared; {base})."
    )


def _is_long(row: dict[str, Any]) -> bool:
    """Whether a figure of the sentence is above two minutes: in seconds it would be hard to read."""
    figures = (row[name] for name in ("value_a", "value_b", "low", "high"))
    return any(value is not None and abs(value) > 120 for value in figures)
