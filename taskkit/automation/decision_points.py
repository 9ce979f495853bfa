"""Where executions of a task go different ways, and what the log knew before each of these decisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from taskkit.automation.fields import UNNAMED
from taskkit.automation.trees import Codes, Feature

MIN_EXECUTIONS = 10  # executions that a decision point needs
LEAST_SHARE = 0.05  # executions of a point that must go a way for it to be one of its branches …
LEAST_RUNS = 3  # … and at least so many
MOST_FIELDS, MOST_FLAGS = 60, 40
MOST_DECISIONS = 20_000  # of one point; more say nothing more
LEAST_BACK, MOST_APART = (
    0.8,
    0.25,
)  # of an optional step: how often the other branches follow, how different they may be
START, END = "(start)", "(end)"
PEOPLE = ("user", "team", "resource")  # a rule is about work, not about who does it
_NUMBER = r"^[^\d\-]{0,2}-?\d{1,3}(?:,?\d{3})*(?:\.\d+)?$"


@dataclass(frozen=True)
class Point:
    """A step after which executions go different ways: one entry per decision in `taken`, `users` and each feature."""

    after: str
    branches: list[str]
    taken: npt.NDArray[np.int64]
    users: list[str]
    segments: list[int]
    features: list[Feature]
    labels: list[list[str | None]]  # per feature: what a class is called; null = a digest, a value without a name
    passed_over: bool = False  # optional steps among the branches were passed over


def find_points(steps: pl.DataFrame, values: pl.DataFrame, attributes: pl.DataFrame | None) -> Iterator[Point]:
    """Give the decision points of one task, most executions first.

    Parameters
    ----------
    steps : `place`, `segment_id`, `user`, `step`, in the order of work; repeats of a step at once are one.
    values : rows from `list_values` with the same places.
    attributes : one row per segment with what is known of its case, or null.

    Returns
    -------
    Points that at least ten executions reach and that two ways or more leave, each taken by at least 5 % of them.
    """
    moves = _moves(steps)
    runs = moves.group_by("after").agg(runs=pl.col("segment_id").n_unique())
    ways = moves.group_by("after", "next").agg(went=pl.col("segment_id").n_unique()).join(runs, on="after")
    ways = ways.filter((pl.col("went") >= LEAST_SHARE * pl.col("runs")) & (pl.col("went") >= LEAST_RUNS))
    points = ways.filter((pl.len().over("after") > 1) & (pl.col("runs") >= MIN_EXECUTIONS))
    points = points.sort("runs", "after", "went", "next", descending=[True, False, True, False])
    done, known, coded = _done(steps), _known(values, _sources(values)), _coded(moves)
    for after, own in points.group_by("after", maintain_order=True).agg("next").iter_rows():
        reached = np.flatnonzero(coded.after == coded.number[after])
        whole = [coded.number[name] for name in own]
        for optional, branches in ((False, whole), (True, _without_detours(coded, reached, whole))):
            if len(branches) < 2:
                continue
            mine = _decisions(moves, coded, reached, branches)
            if mine.height > MOST_DECISIONS:
                mine = mine.gather_every(mine.height // MOST_DECISIONS + 1)
            features, labels = _features(mine, known, done, attributes)
            # most frequent first, as the decisions came out
            names = mine.group_by("next").len().sort("len", "next", descending=[True, False])["next"].to_list()
            taken = mine["next"].replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy()
            yield Point(
                after, names, taken, mine["user"].to_list(), mine["segment_id"].to_list(), features, labels, optional
            )


class _Coded(NamedTuple):
    """The moves as numbers, by segment and place: points are looked at often."""

    number: dict[str, int]  # of each step
    after: Codes
    next: Codes
    segment: Codes


def _coded(moves: pl.DataFrame) -> _Coded:
    names = pl.concat([moves["after"], moves["next"]]).unique().sort()
    kind = pl.Enum(names)
    after, then = (moves[name].cast(kind).to_physical().cast(pl.Int64).to_numpy() for name in ("after", "next"))
    number = {name: code for code, name in enumerate(names)}
    return _Coded(number, after, then, moves["segment_id"].cast(pl.Int64).to_numpy())


def _without_detours(moves: _Coded, reached: Codes, branches: list[int]) -> list[int]:
    """The branches that are left when optional steps are passed over; none where no branch is optional.

    A branch is an optional step if whoever takes it comes to the other branches afterwards, in much the same shares as
    those who do not: whether a document is looked at first does not decide what is done then.
    """
    if len(branches) < 3:
        return []
    now, optional = _decide(moves, reached, branches), set()
    for branch in branches:
        rest = [one for one in branches if one != branch]
        then = _decide(moves, reached, rest)
        took, left = then[(now == branch) & (then >= 0)], then[(now >= 0) & (now != branch) & (then >= 0)]
        back = len(took) / max(int((now == branch).sum()), 1)
        shares = ((np.bincount(side, minlength=max(rest) + 1) / max(len(side), 1))[rest] for side in (took, left))
        if back >= LEAST_BACK and abs(next(shares) - next(shares)).sum() / 2 <= MOST_APART:
            optional.add(branch)
    return [one for one in branches if one not in optional] if optional else []


def _moves(steps: pl.DataFrame) -> pl.DataFrame:
    """One row per step and one per beginning: `after`, `next`, `before` (the step before), `place` (of the next one)."""
    fresh = pl.col("step").ne_missing(pl.col("step").shift(1)).over("segment_id")
    steps = steps.filter(fresh)
    last = (
        steps.group_by("segment_id", maintain_order=True)
        .last()
        .with_columns(pl.lit(END).alias("step"), pl.col("place") + 1)
    )
    whole = pl.concat([steps, last.select(steps.columns)]).sort("segment_id", "place", maintain_order=True)
    return whole.with_columns(
        after=pl.col("step").shift(1).over("segment_id").fill_null(START),
        before=pl.col("step").shift(2).over("segment_id").fill_null(START),
    ).rename({"step": "next"})


def _decide(moves: _Coded, reached: Codes, branches: list[int]) -> Codes:
    """For each time a point is reached: the branch taken first, before the point is reached again; −1 where none is.

    A rare step between the point and a branch is a detour, not a way of its own: somebody who reads the mail first still
    decides.
    """
    is_branch = np.zeros(len(moves.number), np.bool_)
    is_branch[branches] = True
    ways = np.flatnonzero(is_branch[moves.next])
    if not len(ways) or not len(reached):
        return np.full(len(reached), -1)
    nearest = np.searchsorted(ways, reached)
    way = ways[np.minimum(nearest, len(ways) - 1)]
    found = (nearest < len(ways)) & (moves.segment[way] == moves.segment[reached])
    again = np.append(reached[1:], len(moves.next))
    found &= (way <= again) | (moves.segment[np.minimum(again, len(moves.next) - 1)] != moves.segment[reached])
    return np.where(found, moves.next[way], -1)


def _decisions(moves: pl.DataFrame, coded: _Coded, reached: Codes, branches: list[int]) -> pl.DataFrame:
    """The decisions at a point in the order of work, with the branch that was taken as `next`."""
    way = _decide(coded, reached, branches)
    names = pl.Series("next", [*coded.number], dtype=pl.String)
    mine = moves[reached[way >= 0]].with_columns(names.gather(way[way >= 0]))
    return mine.sort("place", maintain_order=True)


def _done(steps: pl.DataFrame) -> pl.DataFrame:
    """First place of each step, one row per segment, for the steps that some executions have and others have not."""
    first = steps.group_by("segment_id", "step").agg(first=pl.col("place").min())
    share = pl.len().over("step") / steps["segment_id"].n_unique()
    first = first.with_columns(share=share).filter(pl.col("share").is_between(LEAST_SHARE, 1 - LEAST_SHARE))
    even = first.group_by("step").agg(pl.col("share").first()).with_columns(off=(pl.col("share") - 0.5).abs())
    kept = even.sort("off", "step")["step"].head(MOST_FLAGS)
    kept_rows = first.filter(pl.col("step").is_in(kept.implode()))
    return kept_rows.sort("step").pivot("step", index="segment_id", values="first", maintain_order=True)


def _sources(values: pl.DataFrame) -> list[str]:
    """Fields to ask about: those with a value in most segments; a clipboard last, where its text comes from says more."""
    shown = values.drop_nulls("seen_as").group_by("field").agg(
        n=pl.col("segment_id").n_unique(), kinds=pl.col("seen_as").n_unique(), first=pl.col("place").min()
    )  # fmt: skip
    shown = shown.filter(pl.col("n") >= LEAST_RUNS).with_columns(late=pl.col("field").str.ends_with(UNNAMED))
    return shown.sort("late", "n", "first", descending=[False, True, False])["field"].head(MOST_FIELDS).to_list()


class _Known(NamedTuple):
    """The values that fields had, field by field in the order of segments and places, to be looked up at many points."""

    field: str
    segment: Codes
    place: Codes
    code: Codes  # of the value, in the order of the alphabet
    values: pl.Series
    texts: pl.Series | None  # None: digests only

    def before(self, segment: Codes, place: Codes) -> Codes:
        """The row with the last value of a segment before a place; −1 where there is none."""
        if not len(self.segment):
            return np.full(len(segment), -1)
        room = np.int64(max(int(self.place.max()), int(place.max(initial=0))) + 1)
        at = np.searchsorted(self.segment * room + self.place, segment * room + place) - 1
        return np.where((at >= 0) & (self.segment[at] == segment), at, -1)


def _known(values: pl.DataFrame, sources: list[str]) -> list[_Known]:
    """What is known of each source; texts are compared once, everything after that works on numbers."""
    rows = (
        values.drop_nulls("seen_as")
        .select("segment_id", "place", "field", "seen_as", "text")
        .sort("segment_id", "place")
    )
    by_field = rows.partition_by("field", as_dict=True)
    out = []
    for name in sources:
        own = by_field.get((name,), rows.clear())
        code = (own["seen_as"].rank("dense") - 1).cast(pl.Int64).to_numpy()
        texts = own["text"] if own["text"].null_count() < own.height else None
        segment, place = (own[column].cast(pl.Int64).to_numpy() for column in ("segment_id", "place"))
        out.append(_Known(name, segment, place, code, own["seen_as"], texts))
    return out


def _features(
    mine: pl.DataFrame, known: list[_Known], done: pl.DataFrame, attributes: pl.DataFrame | None
) -> tuple[list[Feature], list[list[str | None]]]:
    """What was known before each decision: of the case, in the fields, and of what had been done."""
    columns: list[tuple[str, pl.Series, pl.Series | None] | tuple[Feature, list[str | None]]] = []
    if attributes is not None:
        about = mine.select("segment_id").join(attributes, on="segment_id", how="left", maintain_order="left")
        columns += [(f"case › {name}", about[name], about[name].cast(pl.String)) for name in about.columns[1:]]
    where = [mine[name].cast(pl.Int64).to_numpy() for name in ("segment_id", "place")]
    for source in known:
        rows = source.before(*where)
        if source.texts is None:
            columns.append(_dense(source, rows))
        else:
            there = pl.Series(rows).replace(-1, None)
            columns.append((source.field, source.values.gather(there), source.texts.gather(there)))
    columns.append(("the step before", mine["before"], mine["before"]))
    flags = mine.select("segment_id", "place").join(done, on="segment_id", how="left", maintain_order="left")
    ways, place = set(mine["next"].unique()), flags["place"].to_numpy()
    for step in flags.columns[2:]:
        if step not in ways:
            flag = (flags[step].to_numpy() < place).astype(np.int64)  # not done: NaN, which is below nothing
            said, number = np.unique(flag, return_inverse=True)
            told: list[str | None] = ["true" if one else "false" for one in said]
            columns.append((Feature(f"done › {step}", codes=number.astype(np.int64)), told))
    features, labels = [], []
    for column in columns:
        if len(column) == 2:
            if column[0].codes is not None and (column[0].codes != column[0].codes[0]).any():
                features.append(column[0])
                labels.append(column[1])
            continue
        name, given, shown = column
        if given.n_unique() < 2:
            continue
        feature, classes = _feature(name, given, shown)
        features.append(feature)
        labels.append(classes)
    return features, labels


def _dense(source: _Known, rows: Codes) -> tuple[Feature, list[str | None]]:
    """The classes that occur at a point, numbered from 0 in the order of the alphabet; digests have no names."""
    code = np.where(rows >= 0, source.code[rows], -1) if len(source.code) else rows
    classes, number = np.unique(code, return_inverse=True)
    missing = 1 if len(classes) and classes[0] < 0 else 0
    return Feature(source.field, codes=number.astype(np.int64) - missing), [None] * (len(classes) - missing)


def _feature(name: str, given: pl.Series, shown: pl.Series | None) -> tuple[Feature, list[str | None]]:
    numbers = _numbers(given, shown)
    if numbers is not None:
        return Feature(name, numbers=numbers), []
    known = given.cast(pl.String)
    classes = known.drop_nulls().unique().sort()
    codes = known.replace_strict(classes, range(len(classes)), default=-1, return_dtype=pl.Int64).fill_null(-1)
    if shown is None:
        return Feature(name, codes=codes.to_numpy()), list(classes)
    texts = dict(zip(known, shown, strict=True))
    return Feature(name, codes=codes.to_numpy()), [texts.get(one) for one in classes]


def _numbers(given: pl.Series, shown: pl.Series | None) -> npt.NDArray[np.float64] | None:
    """The values as numbers, if they are: digests are none, and few different ones are rather classes."""
    if given.dtype.is_numeric():
        return given.cast(pl.Float64).fill_null(float("nan")).to_numpy() if given.n_unique() > 2 else None
    if shown is None or shown.dtype != pl.String or shown.null_count() == shown.len():
        return None
    plain = shown.drop_nulls()
    if plain.n_unique() < 8 or not bool(plain.str.contains(_NUMBER).all()) or bool(plain.str.contains("^0[0-9]").any()):
        return None
    return shown.str.replace_all(r"[^\d.\-]", "").cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
