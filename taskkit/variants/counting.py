"""Ways ranked, named and counted, once it is known which segment is done which way."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.schema import VARIANTS, require_columns
from taskkit.variants.simplification import simplify_lists
from taskkit.variants.ways import Ways, number

Array = np.ndarray[Any, Any]

_EMPTY = pl.Series([[]], dtype=pl.List(pl.String))


class Ranked(NamedTuple):
    """Ways in the order of their tasks and of their frequency."""

    ways: Ways
    place: Array  # of each way, the row of `table`
    table: pl.DataFrame  # one row per variant: task_id, variant_id, _rank, ways, and what of it there is to say
    simple: bool  # whether `table` has the activities


def count_ways(segments: pl.DataFrame, *, ways: pl.DataFrame | None = None) -> pl.DataFrame:
    """Count the ways of segments that are named already, such as those that fit a query.

    Parameters
    ----------
    segments : segments frame with `task_id`, `variant_id` and, where no `ways` are given, `way` (list of steps).
    ways : frame of `count_variants` that holds the steps of each variant.

    Returns
    -------
    One row per task and variant, the most frequent first (see `taskkit.VARIANTS`); shares are parts of the task's segments
    that are given, names stay what they are.

    Raises
    ------
    ContractError : a column is missing.

    >>> segments = pl.DataFrame({"task_id": "T01", "variant_id": ["T01-V07", "T01-V02", "T01-V07"], "user": list("abc"),
    ...                          "way": [["x"], ["y"], ["x"]], "active_seconds": [1.0, 2.0, 3.0]})
    >>> count_ways(segments).select("variant_id", "segments", "median_seconds").rows()
    [('T01-V07', 2, 2.0), ('T01-V02', 1, 2.0)]
    """
    way = ["way"] if ways is None else []
    require_columns(segments, "task_id", "variant_id", *way, "user", "active_seconds", made_by="simplify_variants")
    named = segments.select("task_id", "variant_id", *way, "user", "active_seconds")
    named = named.drop_nulls(["task_id", "variant_id"])
    group, first = number(named["variant_id"].hash())
    table = named[first].select("task_id", "variant_id", *way).rename({"way": "activities"}, strict=False)
    if ways is not None:
        steps = ways.select("variant_id", "activities")
        table = table.join(steps, on="variant_id", how="left", maintain_order="left")
    table = table.with_columns(_figures(named, group, len(first)))
    table = table.sort("task_id", "segments", "variant_id", descending=[False, True, False])
    return _with_shares(table).select(pl.col(c.name).cast(c.dtype) for c in VARIANTS.columns)


def rank_ways(ways: Ways, *, simplify: bool) -> Ranked:
    """Rank the ways of each task by frequency, equally frequent ones in order of text."""
    from taskkit.variants.kernels import order_ways

    task = ways.task[ways.first]
    if simplify:
        return _rank_simple(ways)
    letters = ways.names.arg_sort().arg_sort().to_numpy().astype(np.int64)
    order = order_ways(task, ways.times, ways.begin, letters[ways.unit])
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    begins = np.searchsorted(task[order], np.arange(len(ways.tasks)))
    table = pl.DataFrame({
        "task_id": pl.Series(ways.tasks, dtype=pl.String).gather(task[order]),
        "_rank": np.arange(1, len(order) + 1) - begins[task[order]], "ways": np.ones(len(order), np.uint32), "_way": order,
    })  # fmt: skip
    return Ranked(ways, place, table.with_columns(variant_id=_variant_id()), False)


def _rank_simple(ways: Ways) -> Ranked:
    """The same of ways whose loops and blocks are drawn together: those that are one then share their rank."""
    tasks = pl.Series(ways.tasks, dtype=pl.String).gather(ways.task[ways.first]).to_list()
    names, unit, begin = ways.names.to_list(), ways.unit.tolist(), ways.begin.tolist()
    steps = [[names[u] for u in unit[a:b]] for a, b in itertools.pairwise(begin)]
    simple, _ = simplify_lists(tasks, steps, ways.times.tolist())
    named = pl.DataFrame({"task_id": pl.Series(tasks, dtype=pl.String), "_n": ways.times,
                          "_key": pl.Series(map("\0".join, simple), dtype=pl.String)}).with_row_index("_way")  # fmt: skip
    ranked = named.group_by("task_id", "_key").agg(pl.col("_n").sum(), ways=pl.len(), _way=pl.col("_way").min())
    ranked = ranked.sort("task_id", "_n", "_key", descending=[False, True, False]).with_row_index("_place").with_columns(
        _rank=pl.int_range(1, pl.len() + 1).over("task_id"),
        activities=pl.when(pl.col("_key") == "").then(pl.lit([], dtype=_EMPTY.dtype)).otherwise(pl.col("_key").str.split("\0")),
    )  # fmt: skip
    place = named.join(ranked.select("task_id", "_key", "_place"), on=["task_id", "_key"], how="left").sort("_way")
    return Ranked(
        ways, place["_place"].to_numpy().astype(np.int64), ranked.with_columns(variant_id=_variant_id()), True
    )


def name_segments(ranked: Ranked) -> pl.Series:
    """The variant of each segment that has a task."""
    return ranked.table["variant_id"].gather(ranked.place[ranked.ways.way])


def count_ranked(ranked: Ranked, *, top: int | None) -> pl.DataFrame:
    """Count the variants of every task; from `top` on they are one row, "T01-other"."""
    ways, table, other = ranked.ways, ranked.table, pl.lit(False) if top is None else pl.col("_rank") > top
    table = table.with_columns(_other=other)
    rank = table["_rank"].clip(upper_bound=None if top is None else top + 1)
    fresh = (table["task_id"].ne_missing(table["task_id"].shift(1)) | (rank != rank.shift(1))).fill_null(True)
    group = fresh.cum_sum().to_numpy().astype(np.int64) - 1  # of each row of the table
    counted = table.filter(fresh).with_columns(
        variant_id=pl.when("_other").then(pl.format("{}-other", "task_id")).otherwise("variant_id"),
        ways=np.bincount(group, weights=table["ways"].to_numpy(), minlength=0),
    )
    of_segment = group[ranked.place[ways.way]]
    counted = _with_shares(counted.with_columns(_figures(ways.segments, of_segment, counted.height, ways.partly)))
    shown = counted.select("_other", "_way") if ranked.simple else counted
    alone = ~shown["_other"].to_numpy()
    texts = counted["activities"] if ranked.simple else way_texts(ways, counted["_way"].to_numpy(), only=alone)
    empty = pl.lit(_EMPTY.first(), dtype=_EMPTY.dtype)
    counted = counted.with_columns(activities=texts, other_steps=empty)
    if counted["_other"].any():
        behind = _behind_others(ways, table["_other"].to_numpy()[ranked.place])
        counted = counted.drop("other_steps").join(behind, on="variant_id", how="left", maintain_order="left")
        counted = counted.with_columns(
            pl.col("other_steps").fill_null(empty), activities=pl.when("_other").then(empty).otherwise("activities")
        )
    return counted.select(
        *(pl.col(c.name).cast(c.dtype) for c in VARIANTS.columns),
        pl.col("ways").cast(pl.UInt32),
        "left_out",
        "other_steps",
    )


def way_texts(ways: Ways, chosen: Array, *, only: Array | None = None) -> pl.Series:
    """The steps of the chosen ways, in their order; with `only`, those that are not marked have none."""
    begin, lengths = ways.begin[chosen], ways.begin[chosen + 1] - ways.begin[chosen]
    lengths = lengths if only is None else np.where(only, lengths, 0)
    number_of = np.repeat(np.arange(len(chosen)), lengths)
    rows = np.arange(len(number_of)) + np.repeat(begin - (np.cumsum(lengths) - lengths), lengths)
    # sorted keys are not hashed: lists are cut out of the column
    made = pl.DataFrame({"way": pl.Series(number_of).set_sorted(), "step": ways.names.gather(ways.unit[rows])})
    listed = made.group_by("way", maintain_order=True).agg("step")["step"]
    if (lengths > 0).all():
        return listed
    return pl.concat([listed.cast(_EMPTY.dtype), _EMPTY]).gather(
        np.where(lengths > 0, np.cumsum(lengths > 0) - 1, len(listed))
    )


def _figures(segments: pl.DataFrame, group: Array, many: int, partly: Array | None = None) -> list[pl.Series]:
    """Segments, people, quartiles of the active seconds and marked segments of each group."""
    from taskkit.variants.kernels import measure_groups

    user, first = number(segments["user"].hash())
    seconds = segments["active_seconds"].cast(pl.Float64).to_numpy()
    marked = np.zeros(len(group), np.bool_) if partly is None else partly
    size, people, marks, three = measure_groups(group, many, user, len(first), seconds, np.argsort(seconds), marked)
    figures = {"segments": size, "people": people, "left_out": marks.astype(np.uint32)}
    spans = dict(zip(("q25_seconds", "median_seconds", "q75_seconds"), three.T, strict=True))
    return [
        *(pl.Series(name, values) for name, values in figures.items()),
        *(pl.Series(name, np.ascontiguousarray(values), nan_to_null=True) for name, values in spans.items()),
    ]


def _with_shares(counted: pl.DataFrame) -> pl.DataFrame:
    share = pl.col("segments") / pl.col("segments").sum().over("task_id")
    return counted.with_columns(share=share).with_columns(cumulative_share=pl.col("share").cum_sum().over("task_id"))


def _behind_others(ways: Ways, other: Array) -> pl.DataFrame:
    """Of every row of other ways the steps that they are made of, most frequent first: `variant_id`, `other_steps`."""
    many = len(ways.names)
    way = np.repeat(np.arange(len(ways.first)), np.diff(ways.begin))
    rows = np.flatnonzero(other[way])
    key, first = number(ways.task[ways.first][way[rows]] * many + ways.unit[rows], len(ways.tasks) * many)
    times = np.bincount(key, weights=ways.times[way[rows]], minlength=len(first)).astype(np.int64)
    found = pl.DataFrame({
        "task_id": pl.Series(ways.tasks, dtype=pl.String).gather(ways.task[ways.first][way[rows[first]]]),
        "step": ways.names.gather(ways.unit[rows[first]]), "times": times,
    }).with_columns(variant_id=pl.format("{}-other", "task_id"))  # fmt: skip
    found = found.sort("variant_id", "times", "step", descending=[False, True, False])
    return found.group_by("variant_id", maintain_order=True).agg(other_steps=pl.col("step"))


def _variant_id() -> pl.Expr:
    return pl.format("{}-V{}", "task_id", pl.col("_rank").cast(pl.String).str.zfill(2))
