"""The ways a task is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from taskkit.activities import VERB
from taskkit.errors import SettingError, check_choice
from taskkit.schema import VARIANTS, require_columns

Array = np.ndarray[Any, Any]

LEVELS = ("screen", "activity")


def find_variants(segments: pl.DataFrame, *, level: str = "screen", rare: float = 0.2) -> pl.DataFrame:
    """Give every segment the variant it is: the order of what was done, without what hardly anyone does.

    At the level "screen" a variant is the order in which the screens (windows, pages, documents) are first reached: going
    back and forth between two of them is one way, however often. At the level "activity" every activity in its order
    counts, immediate repeats collapsed. What occurs in less than `rare` of the task's segments (a glance at the chat, a
    stray click) does not count at either level.

    Parameters
    ----------
    segments : segments frame with `task_id`.
    level : "screen" or "activity".
    rare : what is found in a smaller part of the task's segments is left out (0 keeps all).

    Returns
    -------
    The segments in the given order with `variant_id`: "T01-V01" is the most frequent way of doing task T01; null without a
    task.

    Raises
    ------
    ContractError : `find_tasks` has not been run. SettingError : a setting is not allowed.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_012), "what": list("abs" * 3 + "axs")}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.list_segments(tk.segment(tk.name_activities(log), method="anchor", end="^s$"))
    >>> tk.find_variants(tk.find_tasks(segments, similarity=0.2), level="activity")["variant_id"].to_list()
    ['T01-V01', 'T01-V01', 'T01-V01', 'T01-V02']
    """
    return _with_ways(segments, level, rare).drop("_way")


def count_variants(segments: pl.DataFrame, *, level: str = "screen", rare: float = 0.2) -> pl.DataFrame:
    """Count the ways each task is done.

    Parameters
    ----------
    segments : segments frame with `task_id`.
    level, rare : as in `find_variants`.

    Returns
    -------
    One row per task and variant, most frequent first (see `taskkit.VARIANTS`); shares are parts of the task's segments,
    `activities` are the screens or activities that make the variant.

    Raises
    ------
    ContractError : `find_tasks` has not been run. SettingError : a setting is not allowed.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_012), "what": list("abs" * 3 + "axs")}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.list_segments(tk.segment(tk.name_activities(log), method="anchor", end="^s$"))
    >>> tk.count_variants(tk.find_tasks(segments, similarity=0.2), level="activity")["share"].to_list()
    [0.75, 0.25]
    """
    frame = _with_ways(segments, level, rare).filter(pl.col("task_id").is_not_null())
    counted = frame.group_by("task_id", "variant_id").agg(
        activities=pl.col("_way").first(), segments=pl.len(), people=pl.col("user").n_unique(),
        median_seconds=pl.col("active_seconds").median(), q25_seconds=pl.col("active_seconds").quantile(0.25),
        q75_seconds=pl.col("active_seconds").quantile(0.75),
    ).sort("task_id", pl.col("variant_id").str.len_chars(), "variant_id")  # fmt: skip
    share = pl.col("segments") / pl.col("segments").sum().over("task_id")
    counted = counted.with_columns(share=share, cumulative_share=share.cum_sum().over("task_id"))
    return counted.select(pl.col(c.name).cast(c.dtype) for c in VARIANTS.columns)


def count_successions(segments: pl.DataFrame, *, level: str = "screen") -> pl.DataFrame:
    """Count which screen or activity directly follows which, inside each task (the directly-follows graph).

    Parameters
    ----------
    segments : segments frame with `task_id`.
    level : "screen" (staying on a screen is no succession) or "activity".

    Returns
    -------
    One row per task and pair, most frequent first: `task_id`, `before`, `after`, `times`, `segments`, `people`. A null
    `before` is the start of a segment, a null `after` its end.

    Raises
    ------
    ContractError : `find_tasks` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_006), "what": list("ab" * 3)}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.find_tasks(tk.list_segments(tk.segment(tk.name_activities(log), method="anchor", end="^b$")))
    >>> tk.count_successions(segments, level="activity").select("before", "after", "times").rows()
    [(None, 'a', 3), ('a', 'b', 3), ('b', None, 3)]
    """
    require_columns(segments, "task_id", "activities", made_by="find_tasks")
    check_choice(level, allowed=LEVELS, what="level of successions")
    nothing = pl.lit([None], dtype=pl.List(pl.String))
    step = screen_of("activities") if level == "screen" else pl.col("activities")
    steps = segments.drop_nulls("task_id").select("segment_id", "task_id", "user", "activities")
    steps = steps.explode("activities", empty_as_null=True).drop_nulls("activities").with_columns(step)
    moved = pl.struct("segment_id", "activities").ne_missing(pl.struct("segment_id", "activities").shift(1))
    moves = steps.filter(moved).group_by("segment_id", "task_id", "user", maintain_order=True).agg("activities")
    pairs = (
        moves.select("segment_id", "task_id", "user", before=pl.concat_list(nothing, "activities"),
                after=pl.concat_list("activities", nothing))
        .explode("before", "after", empty_as_null=True)
    )  # fmt: skip
    counted = pairs.group_by("task_id", "before", "after").agg(
        times=pl.len(), segments=pl.col("segment_id").n_unique(), people=pl.col("user").n_unique()
    )  # fmt: skip
    return counted.sort("task_id", "times", "before", "after", descending=[False, True, False, False])


def _with_ways(segments: pl.DataFrame, level: str, rare: float) -> pl.DataFrame:
    """The segments with `variant_id` and `_way`, what makes the variant."""
    require_columns(segments, "task_id", "activities", made_by="find_tasks")
    check_choice(level, allowed=LEVELS, what="level of variants")
    if not 0 <= rare < 1:
        raise SettingError(f"rare={rare} is not allowed: at least 0 and less than 1.")
    frame = segments.drop("variant_id", strict=False).with_row_index("_row")
    step = screen_of("step") if level == "screen" else pl.col("step")
    steps = (
        frame.select("_row", "task_id", step=pl.col("activities"))
        .explode("step", empty_as_null=True).drop_nulls(["task_id", "step"]).with_columns(step)
    )  # fmt: skip
    size = frame.group_by("task_id").agg(_size=pl.len())
    often = steps.unique(["_row", "step"]).group_by("task_id", "step").agg(_n=pl.len()).join(size, on="task_id")
    common = often.filter(pl.col("_n") >= rare * pl.col("_size")).select("task_id", "step")
    kept = steps.join(common, on=["task_id", "step"], how="semi", maintain_order="left")
    if level == "screen":
        kept = kept.unique(["_row", "step"], keep="first", maintain_order=True)
    repeated = pl.col("step").eq_missing(pl.col("step").shift(1)) & pl.col("_row").eq_missing(pl.col("_row").shift(1))
    ways = kept.filter(~repeated).group_by("_row", maintain_order=True).agg(_way=pl.col("step"))
    frame = frame.join(ways, on="_row", how="left", maintain_order="left").with_columns(
        pl.col("_way").fill_null(pl.lit([], dtype=pl.List(pl.String)))
    )
    frame = frame.with_columns(_key=pl.col("_way").list.join("\u0000"))
    ranked = (
        frame.filter(pl.col("task_id").is_not_null()).group_by("task_id", "_key").agg(_n=pl.len())
        .sort("task_id", "_n", "_key", descending=[False, True, False])
        .with_columns(_rank=pl.int_range(1, pl.len() + 1).over("task_id"))
        .with_columns(variant_id=pl.format("{}-V{}", "task_id", pl.col("_rank").cast(pl.String).str.zfill(2)))
    )  # fmt: skip
    frame = frame.join(
        ranked.select("task_id", "_key", "variant_id"), on=["task_id", "_key"], how="left", maintain_order="left"
    )
    return frame.drop("_row", "_key")


def screen_of(name: str) -> pl.Expr:
    """The screen of the activities in a column: what stands behind " · ", or all but the verb where there is no element."""
    without_verb = pl.col(name).str.replace(VERB, "")
    return pl.coalesce(pl.col(name).str.extract(r" · (.+)$"), without_verb)


def sequence_distances(sequences: Sequence[Sequence[str]]) -> Array:
    """Normalised Levenshtein distance of every pair of sequences.

    Parameters
    ----------
    sequences : n sequences of activities, of any lengths.

    Returns
    -------
    A symmetric (n, n) float array: 0 equal, 1 nothing in common; edits divided by the longer length.

    References
    ----------
    Levenshtein, Soviet Physics Doklady 10 (1966).

    >>> sequence_distances([["a", "b"], ["a", "c"]])[0, 1]
    np.float64(0.5)
    """
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    # one character per distinct item: the library compares texts fastest
    code: dict[str, str] = {}
    texts = ["".join(code.setdefault(item, chr(0xE000 + len(code))) for item in sequence) for sequence in sequences]
    return np.asarray(cdist(texts, texts, scorer=Levenshtein.normalized_distance, dtype=np.float64))
