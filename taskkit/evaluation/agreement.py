"""Two segmentations of one log: how much they agree, and where they do not."""

from __future__ import annotations

import numpy as np
import polars as pl

from taskkit.errors import ContractError, SettingError
from taskkit.evaluation.metrics import (
    Array,
    adjusted_rand,
    boundary_f1,
    f1,
    match,
    number_labels,
    overlaps,
    sizes,
    window_diff,
)
from taskkit.schema import require_columns

ORDER = ("user", "session_id", "seq")


def compare_segmentations(a: pl.DataFrame, b: pl.DataFrame, *, tolerance: int = 2) -> pl.DataFrame:
    """Measure how much two segmentations of the same log agree; neither is taken for the truth.

    Parameters
    ----------
    a, b : events frames with the same rows and a `segment_id` each, such as the results of two methods.
    tolerance : rows by which a beginning may be off for `boundary_f1_tolerant`.

    Returns
    -------
    One row per metric: `metric`, `value`, `n` (what it is counted over), `unit` of n, `people` (in the log), `definition`. All
    but `window_diff` are the same when a and b change places; 1 is full agreement, for `window_diff` 0.

    Raises
    ------
    ContractError : `segment` has not been run, or the frames have different rows. SettingError : `tolerance` is negative.

    References
    ----------
    Adjusted Rand index: Hubert & Arabie, Journal of Classification 2 (1985). WindowDiff: Pevzner & Hearst, Computational
    Linguistics 28 (2002).

    >>> import polars as pl
    >>> a = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(6), "segment_id": [0, 0, 0, 1, 1, 1]})
    >>> b = a.with_columns(segment_id=pl.Series([0, 0, 1, 1, 1, 1]))
    >>> compare_segmentations(a, b).filter(metric="boundary_f1_tolerant")["value"].to_list()
    [1.0]
    """
    if tolerance < 0:
        raise SettingError(f"tolerance={tolerance}; allowed: 0 or more rows.")
    frame = _together(a, b)
    one, two = number_labels(frame["_a"]), number_labels(frame["_b"])
    n_one, n_two = len(sizes(one)), len(sizes(two))
    begun = len(np.union1d(np.unique(one, return_index=True)[1], np.unique(two, return_index=True)[1]))
    people = frame["user"].n_unique()
    agree = float(1 - _differs(one, two).mean()) if len(one) else float("nan")
    rows = [
        ("same_rows", agree, frame.height, "rows",
         "part of the rows whose segments in a and b are each other's largest overlap, or that are in none in both"),
        ("adjusted_rand", adjusted_rand(one, two), frame.height, "rows",
         "agreement on pairs of rows, 0 as by chance; rows in no segment are a group of their own"),
        ("identical_segments", f1(len(match(one, two, 1.0)[0]), n_one, n_two), n_one + n_two, "segments",
         "part of the segments of both that have exactly the same rows in a and b"),
        ("boundary_f1", boundary_f1(one, two, 0), begun, "beginnings",
         "F1 of the rows at which segments begin, the log's first row aside"),
        ("boundary_f1_tolerant", boundary_f1(one, two, tolerance), begun, "beginnings",
         f"the same, off by at most {tolerance} rows"),
        ("window_diff", window_diff(two, one), n_one, "segments",
         "part of windows, half a segment of a long, with a different number of beginnings; lower is better"),
    ]  # fmt: skip
    table = pl.DataFrame(rows, schema=["metric", "value", "n", "unit", "definition"], orient="row")
    return table.select("metric", "value", "n", "unit", pl.lit(people).alias("people"), "definition")


def list_differences(a: pl.DataFrame, b: pl.DataFrame, *, overlap: float = 0.5) -> pl.DataFrame:
    """List where two segmentations of the same log differ, the most time first.

    Segments of a and b that have much in common are one place to look at. A row differs unless its segments in a and b are
    each other's largest overlap, or it is in no segment in both.

    Parameters
    ----------
    a, b : events frames with the same rows and a `segment_id` each.
    overlap : part of the rows of the smaller of two segments that the other one must have for them to be one place. With a
        small part, limits that are off by some rows make one place of a whole day.

    Returns
    -------
    One row per place where rows differ: `user`, `session_id`, `start`, `end` (of its segments), `difference` (only in a, only
    in b: no segment of the other has so much in common with it; other limits; divided in b; joined in b; divided
    otherwise), `segments_a`, `segments_b` (their ids), `rows` and `active_seconds` that differ. Rows of a segment of a count
    for its place, other rows for the place of their segment of b, so that the sums are those of all rows that differ.

    Raises
    ------
    ContractError : `segment` has not been run, or the frames have different rows. SettingError : `overlap` is no part.

    >>> import polars as pl, taskkit as tk
    >>> log = pl.DataFrame({"at": [1.8e9, 1.8e9 + 5, 1.8e9 + 45, 1.8e9 + 55], "on": ["a", "b", "a", "b"]})
    >>> events = tk.name_activities(tk.from_table(log, columns={"timestamp": "at", "element_name": "on"}))
    >>> a, b = (tk.segment(events, method="gap", gap=gap) for gap in ("1m", "30s"))
    >>> list_differences(a, b).select("difference", "segments_a", "segments_b", "active_seconds").row(0)
    ('divided in b', [0], [0, 1], 10.0)
    """
    if not 0 <= overlap <= 1:
        raise SettingError(f"overlap={overlap}; allowed: 0 to 1, a part of the smaller segment's rows.")
    require_columns(a, "timestamp", "active_seconds", made_by="name_activities")
    frame = _together(a, b)
    one, two = number_labels(frame["_a"]), number_labels(frame["_b"])
    place_one, place_two = _places(one, two, overlap)
    frame = frame.with_columns(
        _place_a=_of(place_one, one), _place_b=_of(place_two, two), _differs=pl.Series(_differs(one, two))
    ).with_columns(_place=pl.coalesce("_place_a", "_place_b"))
    differing = (
        frame.filter("_differs").group_by("_place").agg(rows=pl.len(), active_seconds=pl.col("active_seconds").sum())
    )
    sides = [
        frame.filter(pl.col(f"_{side}").is_not_null()).group_by(pl.col(f"_place_{side}").alias("_place")).agg(
            pl.col("user").first(), pl.col("session_id").first(), start=pl.col("timestamp").min(),
            end=pl.col("timestamp").max(), segments=pl.col(f"_{side}").unique().sort(), side=pl.lit(side),
        )
        for side in ("a", "b")
    ]  # fmt: skip
    none = pl.lit([], dtype=pl.List(a["segment_id"].dtype))
    listed = pl.concat(sides, how="vertical_relaxed").sort("start", "side").group_by("_place", maintain_order=True).agg(
        pl.col("user").first(), pl.col("session_id").first(), pl.col("start").min(), pl.col("end").max(),
        *(pl.col("segments").filter(pl.col("side") == side).first().alias(f"segments_{side}") for side in ("a", "b")),
    ).with_columns(pl.col("segments_a", "segments_b").fill_null(none))  # fmt: skip
    listed = listed.join(differing, on="_place", how="inner").with_columns(difference=_difference())
    return listed.select(
        "user", "session_id", "start", "end", "difference", "segments_a", "segments_b", "rows", "active_seconds"
    ).sort("active_seconds", "user", "session_id", "start", descending=[True, False, False, False])


def _together(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """The rows of a in order, with both segments as `_a` and `_b`."""
    for frame in (a, b):
        require_columns(frame, *ORDER, "segment_id", made_by="segment")
    keep = [name for name in (*ORDER, "timestamp", "active_seconds") if name in a.columns]
    one, two = a.select(*keep, _a="segment_id").sort(ORDER), b.select(*ORDER, _b="segment_id").sort(ORDER)
    if not one.select(ORDER).equals(two.select(ORDER)):
        only_a, only_b = one.join(two, on=ORDER, how="anti").height, two.join(one, on=ORDER, how="anti").height
        raise ContractError(
            f"The two segmentations are not of the same rows: a has {a.height} rows, b {b.height}; {only_a} are only in a, "
            f"{only_b} only in b (by user, session_id and seq). Segment the same events frame twice and pass both results."
        )
    return one.with_columns(two["_b"])


def _differs(one: Array, two: Array) -> Array:
    """Rows whose groups are not each other's largest overlap; the earlier group is the larger one of equals."""
    shared = overlaps(one, two)
    best_one, best_two = _largest(shared.first, shared.rows), _largest(shared.second, shared.rows)
    mutual = np.intersect1d(best_one, best_two)
    partner = np.full(len(sizes(one)) + 1, -1)
    partner[shared.first[mutual]] = shared.second[mutual]
    same: Array = np.where(one >= 0, (two >= 0) & (partner[one] == two), two < 0)
    return ~same


def _largest(group: Array, rows: Array) -> Array:
    """Position of the pair with the most rows for each group."""
    order = np.lexsort((np.arange(len(rows)), -rows, group))
    first = np.ones(len(order), np.bool_)
    first[1:] = group[order][1:] != group[order][:-1]
    return order[first]


def _places(one: Array, two: Array, overlap: float) -> tuple[Array, Array]:
    """Number of the place that each group of either side belongs to: groups that share rows belong together."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n_one, n_two, shared = sizes(one), sizes(two), overlaps(one, two)
    linked = shared.rows >= overlap * np.minimum(n_one[shared.first], n_two[shared.second])
    n = len(n_one) + len(n_two)
    ends = (shared.first[linked], len(n_one) + shared.second[linked])
    links = csr_array((np.ones(int(linked.sum())), ends), shape=(n, n))
    place = connected_components(links, directed=False)[1] if n else np.empty(0, np.int32)
    return place[: len(n_one)], place[len(n_one) :]


def _of(place: Array, groups: Array) -> pl.Series:
    """The place of each row's group; null for rows in none."""
    found = np.append(place, -1)[groups].astype(np.int64)
    return pl.Series(found).replace(-1, None)


def _difference() -> pl.Expr:
    in_a, in_b = pl.col("segments_a").list.len(), pl.col("segments_b").list.len()
    return (
        pl.when(in_b == 0).then(pl.lit("only in a"))
        .when(in_a == 0).then(pl.lit("only in b"))
        .when((in_a == 1) & (in_b == 1)).then(pl.lit("other limits"))
        .when(in_a == 1).then(pl.lit("divided in b"))
        .when(in_b == 1).then(pl.lit("joined in b"))
        .otherwise(pl.lit("divided otherwise"))
    )  # fmt: skip
