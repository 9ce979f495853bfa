"""The ways a task is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from taskkit.errors import SettingError
from taskkit.variants.counting import count_ranked, count_ways, name_segments, rank_ways
from taskkit.variants.successions import count_successions
from taskkit.variants.ways import (
    IN_ORDER,
    LEVELS,
    check_rare,
    find_ways,
    leave_out,
    read_steps,
    screen_of,
)

__all__ = [
    "IN_ORDER",
    "LEVELS",
    "count_successions",
    "count_variants",
    "count_ways",
    "find_variants",
    "list_left_out",
    "screen_of",
    "sequence_distances",
]

Array = np.ndarray[Any, Any]


def find_variants(
    segments: pl.DataFrame, *, level: str = "screen", rare: float = 0.2, simplify: bool = False
) -> pl.DataFrame:
    """Give every segment the variant it is: the order of what was done, without glances and what hardly anyone does.

    The levels are rungs of the ladder of activities. "action": every step counts, repeats too. "activity": immediate
    repeats are one. "screen": the order in which the screens (windows, pages, documents) are first reached; going back and
    forth between two of them is one way, however often. "app": which applications are used, in whatever order.

    Left out are looks in passing (a glance at the chat: a step that may stand anywhere in the task or in the log, and that
    no neighbour holds in its place) and what occurs in less than `rare` of the task's segments. `list_left_out` names both.

    Parameters
    ----------
    segments : segments frame with `task_id`.
    level : "action", "activity", "screen" or "app".
    rare : what is found in a smaller part of the task's segments is left out; 0 keeps everything, glances too.
    simplify : rounds of a loop are one step "(a → b)+", neighbours that are done in either order one step "{a, b}".

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
    ways = find_ways(segments, level=level, rare=rare)
    named = ways.segments.select("_row").with_columns(variant_id=name_segments(rank_ways(ways, simplify=simplify)))
    frame = segments.drop("variant_id", strict=False).with_row_index("_row")
    return frame.join(named, on="_row", how="left", maintain_order="left").drop("_row")


def count_variants(
    segments: pl.DataFrame, *, level: str = "screen", rare: float = 0.2, top: int | None = None, simplify: bool = False
) -> pl.DataFrame:
    """Count the ways each task is done.

    Parameters
    ----------
    segments : segments frame with `task_id`.
    level, rare, simplify : as in `find_variants`.
    top : so many ways of each task get a row of their own; all others are one row, "T01-other". None: all have one.

    Returns
    -------
    One row per task and variant, most frequent first (see `taskkit.VARIANTS`); shares are parts of the task's segments,
    `activities` are the screens or activities that make the variant. And what is behind it: `ways` (how many ways the row
    stands for), `left_out` (segments of the row in which a step was left out; `list_left_out` names them) and
    `other_steps` (of "T01-other": what its ways are made of, most frequent first; empty in the other rows).

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
    if top is not None and top < 1:
        raise SettingError(f"top={top} is not allowed: at least 1, or None for a row for every way.")
    ways = find_ways(segments, level=level, rare=rare)
    return count_ranked(rank_ways(ways, simplify=simplify), top=top)


def list_left_out(segments: pl.DataFrame, *, level: str = "screen", rare: float = 0.2) -> pl.DataFrame:
    """List the steps that make no way of their own, and why: looks in passing and what hardly anyone does.

    Parameters
    ----------
    segments : segments frame with `task_id`.
    level, rare : as in `find_variants`.

    Returns
    -------
    One row per task, step and reason, most frequent first: `task_id`, `step`, `reason` ("glance": may stand anywhere,
    "rare": in fewer than `rare` of the task's segments), `times`, `segments` (that have it), `share` (of the task's
    segments), `people`. A screen can be a glance here and a step there.

    Raises
    ------
    ContractError : `find_tasks` has not been run. SettingError : a setting is not allowed.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_018), "what": list("abs" * 5 + "axs")}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.list_segments(tk.segment(tk.name_activities(log), method="anchor", end="^s$"))
    >>> from taskkit.variants import list_left_out
    >>> list_left_out(tk.find_tasks(segments, similarity=0.2)).select("step", "reason", "segments").rows()
    [('x', 'rare', 1)]
    """
    check_rare(rare)
    steps = read_steps(segments, level=level)
    out, _ = leave_out(steps, level=level, rare=rare)
    rows = np.flatnonzero(out.glance | out.rare)
    left = steps.segments.select("task_id", "user").with_row_index("_owner")[steps.owner[rows]].with_columns(
        step=steps.names.gather(steps.unit[rows]),
        reason=pl.when(pl.Series(out.glance[rows])).then(pl.lit("glance")).otherwise(pl.lit("rare")),
    )  # fmt: skip
    size = steps.segments.group_by("task_id").agg(_size=pl.len())
    listed = left.group_by("task_id", "step", "reason").agg(
        times=pl.len(), segments=pl.col("_owner").n_unique(), people=pl.col("user").n_unique()
    ).join(size, on="task_id")  # fmt: skip
    listed = listed.with_columns(share=pl.col("segments") / pl.col("_size"))
    order = ["task_id", "segments", "times", "step", "reason"]
    listed = listed.sort(order, descending=[False, True, True, False, False])
    return listed.select("task_id", "step", "reason", "times", "segments", "share", "people")


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
