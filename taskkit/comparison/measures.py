"""What is compared between groups: a figure of each segment, and how a person's segments become the person's figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from taskkit.variants.standardisation import repeated_steps


@dataclass(frozen=True)
class Measure:
    """What is compared: a figure of each segment, and how a person's segments become the person's figure."""

    needs: str
    of_segment: Callable[[pl.DataFrame], pl.Expr]
    of_person: str  # "median" or "mean"
    unit: str
    label: str
    definition: str


def _column(name: str) -> Callable[[pl.DataFrame], pl.Expr]:
    return lambda task: pl.col(name).cast(pl.Float64)


def _most_frequent_variant(task: pl.DataFrame) -> pl.Expr:
    counts = (
        task.drop_nulls("variant_id").group_by("variant_id").len().sort(["len", "variant_id"], descending=[True, False])
    )
    return (pl.col("variant_id") == (counts["variant_id"][0] if counts.height else "")).cast(pl.Float64)


def _share_typed(task: pl.DataFrame) -> pl.Expr:
    """Part of the steps that put something in which type it; null where a segment puts nothing in."""
    typed, pasted = _count_steps("^type into "), _count_steps("^paste into ")
    return pl.when(typed + pasted > 0).then(typed / (typed + pasted))


def _share_repeated(task: pl.DataFrame) -> pl.Expr:
    """Part of the steps that have been there before in the same segment; null where a segment has no steps."""
    steps = pl.col("activities").list.len()
    return pl.when(steps > 0).then(repeated_steps() / steps)


def _count_steps(pattern: str) -> pl.Expr:
    return pl.col("activities").list.eval(pl.element().str.contains(pattern)).list.sum()


MEASURES: dict[str, Measure] = {
    "active_seconds": Measure("active_seconds", _column("active_seconds"), "median", "seconds", "active time",
                              "median active seconds of the person's segments"),
    "steps": Measure("steps", _column("steps"), "median", "steps", "steps", "median steps of the person's segments"),
    "interrupted": Measure("fragments", lambda task: (pl.col("fragments") > 1).cast(pl.Float64), "mean", "share",
                           "share interrupted", "share of the person's segments with more than one fragment"),
    "switches": Measure("switches", _column("switches"), "median", "switches", "switches of application",
                        "median changes of application in the person's segments"),
    "applications": Measure("apps", lambda task: pl.col("apps").list.n_unique().cast(pl.Float64), "mean", "applications",
                            "applications used", "mean number of different applications in the person's segments"),
    "typed": Measure("activities", _share_typed, "mean", "share", "share typed rather than pasted",
                     "mean share, over the person's segments, of the entries that are typed rather than pasted"),
    "copy_pastes": Measure("activities", lambda task: _count_steps("^paste ").cast(pl.Float64), "mean", "pastes",
                           "values pasted", "mean number of steps that paste, in the person's segments"),
    "rework": Measure("activities", _share_repeated, "mean", "share", "share of steps done again",
                      "mean share, over the person's segments, of the steps that were done before in the same segment"),
    "variant": Measure("variant_id", _most_frequent_variant, "mean", "share", "share done the most frequent way",
                       "share of the person's segments that follow the task's most frequent variant"),
}  # fmt: skip
