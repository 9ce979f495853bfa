"""Variants laid beside a standard path, and ways with their loops and order-free blocks drawn together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.schema import require_columns
from taskkit.variants import count_variants, find_variants, screen_of, sequence_distances
from taskkit.variants.simplification import collapse_loops, simplify_ways
from taskkit.variants.ways import check_order

__all__ = ["align_variants", "align_ways", "collapse_loops", "list_visits", "simplify_variants", "simplify_ways"]

MOST_CANDIDATES = 500  # most frequent variants among which the medoid is looked for: their distances fit in 2 MB
_EMPTY = pl.lit([], dtype=pl.List(pl.String))
_ALIGNED = pl.Schema({
    "variant_id": pl.String, "place": pl.UInt32, "step": pl.String, "relation": pl.String, "standard_step": pl.String,
    "standard_place": pl.UInt32,
})  # fmt: skip
_Row = tuple[str, int, str | None, str, str | None, int | None]


def align_variants(
    segments: pl.DataFrame, *, task_id: str, standard: str | Sequence[str] | None = None, level: str = "screen",
    rare: float = 0.2, events: pl.DataFrame | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Lay every variant of a task beside the standard path: what is the same, only here, only there, or moved.

    The alignment leaves as few steps as possible without a partner (longest common subsequence). A step that has none in
    one place and is left out in another is moved: it is shown once, where the variant has it.

    Parameters
    ----------
    segments : segments frame with `task_id`.
    task_id : the task whose variants are compared.
    standard : a variant of the task or a list of steps. Without one it is the medoid: the variant with the smallest mean
        edit distance to all segments of the task. Unlike the most frequent variant it does not change with a handful of
        segments more where many variants are about equally frequent; if it is a tie, the more frequent one is taken.
    level, rare : as in `count_variants`.
    events : the events that the segments were made of; with them the seconds are known.

    Returns
    -------
    One row per variant and place, the most frequent variant first, places from 1: `variant_id`, `place`, `step` (null: only
    in the standard), `relation` (same, only here, only there, moved), `standard_step` (null: only here), `standard_place`
    (from 1), `median_seconds` and `standard_seconds` (median time on the step in a segment of the variant and of the
    standard, all its visits together, null without events or where nobody has it), `segments` and `people` of the
    variant, `standard` (variant that is the standard; null for a list of steps).

    Raises
    ------
    ContractError : `find_tasks` has not been run. SettingError : there is no such task or variant.

    References
    ----------
    Bose and van der Aalst, Process diagnostics using trace alignment, Information Systems 37 (2012).

    >>> import polars as pl, taskkit as tk
    >>> from taskkit.variants.alignment import align_variants
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_013), "what": list("abs" * 3 + "axbs")}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.find_tasks(tk.list_segments(tk.segment(tk.name_activities(log), method="anchor", end="^s$")))
    >>> aligned = align_variants(segments, task_id="T01", level="activity")
    >>> aligned.filter(pl.col("relation") != "same").select("variant_id", "step", "relation").rows()
    [('T01-V02', 'x', 'only here')]
    """
    require_columns(segments, "task_id", "activities", made_by="find_tasks")
    check_choice(task_id, allowed=segments["task_id"].drop_nulls().unique().to_list(), what="task")
    check_order(level, what="level of an alignment")
    own = (
        pl.col("task_id") == task_id
    )  # what counts as a step may depend on the other tasks, so all of them are counted
    variants = count_variants(segments, level=level, rare=rare).filter(own)
    path, name = _standard_path(variants, standard)
    aligned = align_ways(variants, path).join(
        variants.select("variant_id", "segments", "people"), on="variant_id", how="left", maintain_order="left"
    )
    timed = _seconds_per_step(find_variants(segments, level=level, rare=rare).filter(own), level, events)
    there = timed.filter(pl.col("variant_id") == name) if name else timed.clear()
    there = there.select(standard_step="step", standard_seconds="median_seconds")
    aligned = aligned.join(timed, on=["variant_id", "step"], how="left", maintain_order="left")
    aligned = aligned.join(there, on="standard_step", how="left", maintain_order="left")
    return aligned.select(*_ALIGNED, "median_seconds", "standard_seconds", "segments", "people",
                          standard=pl.lit(name, dtype=pl.String))  # fmt: skip


def align_ways(ways: pl.DataFrame, standard: Sequence[str]) -> pl.DataFrame:
    """Lay ways beside a list of steps: what is the same, only here, only there, or moved.

    Parameters
    ----------
    ways : one row per way with `variant_id` and `activities`, such as `count_variants` gives; what is chosen of it is laid
        beside the standard, so a few rows of a long tail cost nothing.
    standard : the steps of the standard path.

    Returns
    -------
    One row per way and place, in the order of the ways, places from 1: `variant_id`, `place`, `step`, `relation`,
    `standard_step`, `standard_place`, as in `align_variants`.

    Raises
    ------
    ContractError : a column is missing.

    >>> ways = pl.DataFrame({"variant_id": ["T01-V01"], "activities": [["a", "x", "b"]]})
    >>> align_ways(ways, ["a", "b"]).select("step", "relation").rows()
    [('a', 'same'), ('x', 'only here'), ('b', 'same')]
    """
    require_columns(ways, "variant_id", "activities", made_by="count_variants")
    rows = [
        row for variant, way in ways.select("variant_id", "activities").iter_rows()
        for row in _beside(str(variant), list(way), list(standard))
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=_ALIGNED, orient="row")


def simplify_variants(
    segments: pl.DataFrame, *, level: str = "screen", rare: float = 0.2, free: float = 0.2, least: int = 5
) -> pl.DataFrame:
    """Give every segment its way with loops and order-free blocks drawn together, and the variant that this makes it.

    A loop is one marked step, however many rounds: "(a → b)+". Two steps have no fixed order if, where they stand next to
    each other and occur once, each order makes at least `free` of the cases and at least `least` segments of the task;
    neighbours without a fixed order are one step: "{a, b}".

    Parameters
    ----------
    segments : segments frame with `task_id`.
    level : "screen": all visits in their order, so that going back and forth is a loop; "activity": every activity, doing
        it again at once is the same one; "action": that too, and it is a loop.
    rare : steps in a smaller part of the task's segments are left out.
    free, least : see above; `free=1` keeps every order.

    Returns
    -------
    The segments in the given order with `way` (list of steps, marked ones among them), `rounds` (rounds beyond the first
    that the loops stand for) and `variant_id`, numbered by frequency; `variant_id` is null without a task.

    Raises
    ------
    ContractError : `find_tasks` has not been run. SettingError : a setting is not allowed.

    >>> import polars as pl
    >>> from taskkit.variants.alignment import simplify_variants
    >>> ways = [list("ababc"), list("abababc"), list("ac")]
    >>> segments = pl.DataFrame({"segment_id": [0, 1, 2], "user": "p", "task_id": "T01", "activities": ways})
    >>> simplify_variants(segments, level="activity").select("way", "rounds", "variant_id").rows()[:2]
    [(['(a → b)+', 'c'], 1, 'T01-V01'), (['(a → b)+', 'c'], 2, 'T01-V01')]
    """
    require_columns(segments, "segment_id", "task_id", "activities", made_by="find_tasks")
    check_order(level, what="level of a loop")
    wrong = [f"{n}={v}" for n, v, low in (("rare", rare, 0 <= rare < 1), ("free", free, 0 < free <= 1)) if not low]
    if wrong:
        raise SettingError(f"{', '.join(wrong)} is not allowed: rare from 0 to below 1, free above 0 and at most 1.")
    visits = list_visits(segments, level=level, rare=rare)
    ways = visits.group_by("segment_id", maintain_order=True).agg(way=pl.col("step"))
    frame = segments.drop("variant_id", "way", "rounds", strict=False)
    frame = frame.join(ways, on="segment_id", how="left", maintain_order="left").with_columns(
        pl.col("way").fill_null(_EMPTY)
    )
    frame = simplify_ways(frame, free=free, least=least)
    key = pl.col("way").list.join("\0")
    ranked = (
        frame.drop_nulls("task_id").group_by("task_id", _key=key).agg(_n=pl.len())
        .sort("task_id", "_n", "_key", descending=[False, True, False])
        .with_columns(_rank=pl.int_range(1, pl.len() + 1).over("task_id").cast(pl.String).str.zfill(2))
        .select("task_id", "_key", variant_id=pl.format("{}-V{}", "task_id", "_rank"))
    )  # fmt: skip
    return frame.with_columns(_key=key).join(
        ranked, on=["task_id", "_key"], how="left", maintain_order="left"
    ).drop("_key")  # fmt: skip


def list_visits(
    segments: pl.DataFrame, *, level: str = "screen", rare: float = 0.0, events: pl.DataFrame | None = None
) -> pl.DataFrame:
    """List the visits of every segment: stretches on one screen or one activity, with the time spent there.

    Parameters
    ----------
    segments : segments frame; with `rare`, it needs `task_id`.
    level : "screen", "activity", or "action" (doing the same again is another visit).
    rare : steps in a smaller part of the task's segments are left out, with their time.
    events : the events that the segments were made of, for the time.

    Returns
    -------
    One row per visit in order: `segment_id`, `step`, `seconds` (active time from the first row of the visit to the next
    visit, rows without a meaning of their own included; null without events).

    >>> import polars as pl
    >>> from taskkit.variants.alignment import list_visits
    >>> segments = pl.DataFrame({"segment_id": [0], "activities": [["click x · A", "click y · A", "open B"]]})
    >>> list_visits(segments)["step"].to_list()
    ['A', 'B']
    """
    require_columns(segments, "segment_id", "activities", made_by="list_segments")
    task = ["task_id"] if "task_id" in segments.columns else []
    name = screen_of("step") if level == "screen" else pl.col("step")
    steps = (
        segments.select("segment_id", *task, step="activities").explode("step", empty_as_null=True).drop_nulls("step")
        .with_columns(name, _index=pl.int_range(pl.len(), dtype=pl.UInt32).over("segment_id"))
    )  # fmt: skip
    if events is None:
        steps = steps.with_columns(seconds=pl.lit(None, dtype=pl.Float64))
    else:
        steps = steps.join(_times(events), on=["segment_id", "_index"], how="left", maintain_order="left")
    if rare:
        size = segments.group_by("task_id").agg(_size=pl.len())
        often = steps.group_by("task_id", "step").agg(_n=pl.col("segment_id").n_unique())
        often = often.join(size, on="task_id", nulls_equal=True).filter(pl.col("_n") >= rare * pl.col("_size"))
        steps = steps.join(often, on=["task_id", "step"], how="semi", nulls_equal=True, maintain_order="left")
    if level == "action":
        return steps.select("segment_id", "step", "seconds")
    begins = pl.col("segment_id").ne_missing(pl.col("segment_id").shift(1)) | pl.col("step").ne(pl.col("step").shift(1))
    if events is None:
        return steps.filter(begins.fill_null(True)).select("segment_id", "step", "seconds")
    visits = steps.group_by(begins.fill_null(True).cum_sum().alias("_visit"), maintain_order=True)
    # a sum of nothing is 0; without events of the segment the time is not known
    known = pl.when(pl.col("seconds").is_not_null().any()).then(pl.col("seconds").sum())
    return visits.agg(pl.col("segment_id", "step").first(), seconds=known).drop("_visit")


def _times(events: pl.DataFrame) -> pl.DataFrame:
    """Active seconds per step of a segment: rows that are no step count for the step before, the first ones for the first."""
    require_columns(events, "segment_id", "step", "active_seconds", made_by="segment")
    rows = events.drop_nulls("segment_id").sort("user", "session_id", "seq")
    index = (pl.col("step").cast(pl.Int64).cum_sum().over("segment_id") - 1).clip(lower_bound=0).cast(pl.UInt32)
    return rows.group_by("segment_id", _index=index).agg(seconds=pl.col("active_seconds").sum())


def _standard_path(variants: pl.DataFrame, standard: str | Sequence[str] | None) -> tuple[list[str], str | None]:
    """The steps of the standard and the variant that it is."""
    if standard is not None and not isinstance(standard, str):
        if not standard:
            raise SettingError("The standard has no steps. Give a variant, a list of steps, or nothing for the medoid.")
        return list(standard), None
    if standard is None:
        frequent = variants.sort("segments", "variant_id", descending=[True, False]).head(MOST_CANDIDATES)
        distances = sequence_distances(frequent["activities"].to_list())
        standard = str(frequent["variant_id"][int(np.argmin((distances @ frequent["segments"].to_numpy()).round(9)))])
    check_choice(standard, allowed=variants["variant_id"].to_list(), what="variant")
    way = variants.row(by_predicate=pl.col("variant_id") == standard, named=True)["activities"]
    return list(way), standard


def _beside(variant: str, way: list[str], path: list[str]) -> list[_Row]:
    """One variant's rows: pairs of an optimal alignment, with what is moved brought together."""
    from rapidfuzz.distance import LCSseq

    pairs: list[tuple[int | None, int | None]] = []
    here_done = there_done = 0
    for piece in [*LCSseq.opcodes(way, path), None]:  # between what is equal: first what is only here, then only there
        if piece is None or piece.tag == "equal":
            here_to, there_to = (len(way), len(path)) if piece is None else (piece.src_start, piece.dest_start)
            pairs += [(place, None) for place in range(here_done, here_to)]
            pairs += [(None, place) for place in range(there_done, there_to)]
        if piece is not None and piece.tag == "equal":
            pairs += zip(range(piece.src_start, piece.src_end), range(piece.dest_start, piece.dest_end), strict=True)
            here_done, there_done = piece.src_end, piece.dest_end
    missing: dict[str, list[int]] = {}
    for here, there in pairs:
        if here is None and there is not None:
            missing.setdefault(path[there], []).append(there)
    moved: dict[int, int] = {}
    for here, there in pairs:
        if there is None and here is not None and missing.get(way[here]):
            moved[here] = missing[way[here]].pop(0)
    rows: list[_Row] = []
    for here, there in pairs:
        if here is None and there in moved.values():
            continue
        relation = (
            "only there" if here is None else "same" if there is not None else "moved" if here in moved else "only here"
        )
        partner = there if here is None or there is not None else moved.get(here)
        rows.append((
            variant, len(rows) + 1, None if here is None else way[here], relation,
            None if partner is None else path[partner], None if partner is None else partner + 1,
        ))  # fmt: skip
    return rows


def _seconds_per_step(segments: pl.DataFrame, level: str, events: pl.DataFrame | None) -> pl.DataFrame:
    """Median seconds that a segment of a variant spends on each step; all visits of a segment count together."""
    visits = list_visits(segments, level=level, events=events).drop_nulls("seconds")
    total = visits.group_by("segment_id", "step").agg(pl.col("seconds").sum())
    total = total.join(segments.select("segment_id", "variant_id"), on="segment_id")
    return total.group_by("variant_id", "step").agg(median_seconds=pl.col("seconds").median())
