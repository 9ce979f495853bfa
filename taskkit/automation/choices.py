"""Choices inside a task: how well logged fields foretell them, and how much of them is the habit of a person."""

from __future__ import annotations

import numpy as np
import polars as pl

from taskkit.automation.decision_points import Point, find_points
from taskkit.automation.decision_rules import FOLDS, LEAST_SKILL
from taskkit.automation.fields import list_values
from taskkit.automation.trees import Flags, learn_tree, predict
from taskkit.automation.work import Work
from taskkit.privacy import MIN_PEOPLE

MOST_RUNS = 2_000  # segments whose decisions are looked at
USUAL = 0.1  # part of the segments that a way needs to be one of the usual ones


def decisions_foretold(work: Work) -> pl.DataFrame:
    """One row per decision: right where a rule learnt from other people, or else the most frequent way, tells it.

    Of a task with more than 2,000 segments every second, third … one is looked at.

    References
    ----------
    Rozinat and van der Aalst (2006), Decision mining in ProM.
    """
    none = pl.DataFrame(schema={"user": pl.String, "segment_id": pl.UInt32, "after": pl.String,
                                "numerator": pl.Float64, "denominator": pl.Float64})  # fmt: skip
    if not {"step", "activity"} <= set(work.events.columns):
        return none
    begin = pl.col("timestamp").min().over("user", "session_id")
    thinned = _thinned(work)
    rows = thinned.with_columns(_begin=begin).sort("user", "_begin", "session_id", "seq").drop("_begin")
    rows = rows.drop("place", strict=False).with_row_index("place")  # the places that `list_values` gives
    steps = rows.filter(pl.col("step") & pl.col("activity").is_not_null())
    steps = steps.select("place", "segment_id", "user", step="activity")
    out = [none]
    values = work.values if thinned.height == work.events.height else list_values(rows)
    for point in find_points(steps, values, None):
        if not point.passed_over:  # the same decisions said once more
            right = _foretold(point).astype(float)
            decisions = pl.DataFrame({"user": point.users, "segment_id": pl.Series(point.segments, dtype=pl.UInt32),
                                      "after": point.after, "numerator": right, "denominator": 1.0})  # fmt: skip
            out.append(decisions.select(none.columns))
    return pl.concat(out)


def _thinned(work: Work) -> pl.DataFrame:
    """The rows of every second, third … segment where a task has very many; more of them say nothing more."""
    wanted = work.segments["segment_id"].sort()
    if len(wanted) <= MOST_RUNS:
        return work.events
    wanted = wanted.gather_every(-(-len(wanted) // MOST_RUNS))
    return work.events.filter(pl.col("segment_id").is_in(wanted.implode()))


def _foretold(point: Point) -> Flags:
    """Which decisions are told right: by the rule if it is one at all, else by always taking the most frequent way."""
    ways = len(point.branches)
    usual: Flags = point.taken == np.bincount(point.taken, minlength=ways).argmax()
    people = sorted(set(point.users))
    groups = point.users if len(people) > 1 else [str(segment) for segment in point.segments]
    names = {name: number for number, name in enumerate(sorted(set(groups)))}
    fold = np.array([names[name] for name in groups]) % FOLDS
    right = np.zeros(len(point.taken), np.bool_)
    for number in np.unique(fold):
        test = fold == number
        tree = learn_tree(point.features, point.taken, branches=ways, rows=~test)
        right[test] = (predict(tree, point.features, len(test)) == point.taken)[test]
    return right if right.mean() >= usual.mean() + LEAST_SKILL * (1 - usual.mean()) else usual


def personal_habit(work: Work) -> pl.DataFrame:
    """One row per segment: does the person's own most frequent other variant tell it, where everybody's does not?"""
    frame = work.segments.select("user", "segment_id", way="variant_id").drop_nulls("way")
    if frame["user"].n_unique() < 2 or frame["way"].n_unique() < 2:
        return frame.select("user", "segment_id", numerator=pl.lit(0.0), denominator=pl.lit(0.0)).clear()
    own = _told_by_others(frame, ["user"])
    frame = frame.with_columns(own=own, everybody=_told_by_others(frame, []))
    frame = frame.filter(pl.len().over("user") > 1).sort("segment_id")
    return frame.select(
        "user", "segment_id", numerator=pl.col("own") - pl.col("everybody"), denominator=1 - pl.col("everybody")
    )


def quicker_way(work: Work) -> pl.DataFrame:
    """One row per segment: seconds more than the mean of the quickest way that enough people take, over its seconds."""
    frame = work.segments.drop_nulls("variant_id").sort("segment_id")
    ways = frame.group_by("variant_id").agg(
        n=pl.len(), people=pl.col("user").n_unique(), mean=pl.col("active_seconds").mean()
    )
    usual = ways.filter((pl.col("people") >= MIN_PEOPLE) & (pl.col("n") >= USUAL * frame.height))
    quickest = usual["mean"].min()
    if quickest is None:
        frame = frame.clear()
    seconds = pl.col("active_seconds").cast(pl.Float64)
    return frame.select("user", "segment_id", numerator=seconds - pl.lit(quickest, pl.Float64), denominator=seconds)


def _told_by_others(frame: pl.DataFrame, group: list[str]) -> pl.Series:
    """1 where the most frequent way among the other segments of the group is the segment's own (ties share)."""
    counts = frame.group_by(*group, "way").agg(n=pl.len()) if group else frame.group_by("way").agg(n=pl.len())
    top = counts.sort("n", "way", descending=[True, False])
    ranked = top.group_by(group, maintain_order=True) if group else None
    ends = [pl.col("n").first().alias("first"), pl.col("n").get(1, null_on_oob=True).fill_null(0).alias("second"),
            (pl.col("n") == pl.col("n").first()).sum().alias("ties")]  # fmt: skip
    best = ranked.agg(ends) if ranked is not None else top.select(ends)
    both = frame.join(counts, on=[*group, "way"], how="left", maintain_order="left")
    both = both.join(best, on=group, how="left", maintain_order="left") if group else both.join(best, how="cross")
    others = pl.col("n") - 1  # the segment does not vote for itself
    rival = pl.when((pl.col("n") == pl.col("first")) & (pl.col("ties") == 1)).then("second").otherwise("first")
    told = pl.when(others > rival).then(1.0).when(others == rival).then(0.5).otherwise(0.0)
    return both.select(told=told)["told"]
