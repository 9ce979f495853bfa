"""Loops and order-free blocks of ways drawn together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import polars as pl

LONGEST_LOOP = 10  # steps


def simplify_ways(frame: pl.DataFrame, *, free: float = 0.2, least: int = 5, count: str | None = None) -> pl.DataFrame:
    """Draw the loops and order-free blocks of ways together; only distinct ways are looked at one by one.

    Parameters
    ----------
    frame : one row per segment with `task_id` and `way` (list of steps).
    free, least : as in `simplify_variants`.
    count : column that says how many segments a row stands for; one without it.

    Returns
    -------
    The frame with the simplified `way` and with `rounds`.

    >>> import polars as pl
    >>> from taskkit.variants.simplification import simplify_ways
    >>> simplify_ways(pl.DataFrame({"task_id": "T01", "way": [["a", "a", "b"]]})).select("way", "rounds").row(0)
    (['(a)+', 'b'], 1)
    """
    size = pl.len() if count is None else pl.col(count).sum()
    distinct = frame.group_by("task_id", "way").agg(_n=size).sort("task_id", "way", nulls_last=True)
    simple, rounds = simplify_lists(
        *distinct.select("task_id", "way", "_n").to_dict(as_series=False).values(), free=free, least=least
    )
    distinct = distinct.with_columns(
        _simple=pl.Series(simple, dtype=pl.List(pl.String)), rounds=pl.Series(rounds, dtype=pl.UInt32)
    ).drop("_n")
    joined = frame.drop("rounds", strict=False).join(
        distinct, on=["task_id", "way"], how="left", nulls_equal=True, maintain_order="left"
    )
    return joined.with_columns(way="_simple").drop("_simple")


def simplify_lists(
    tasks: Sequence[Any], ways: Sequence[Sequence[str]], times: Sequence[int], *, free: float = 0.2, least: int = 5
) -> tuple[list[list[str]], list[int]]:
    """What `simplify_ways` does, on lists: the task, the steps and the frequency of each way; and the rounds of each.

    >>> simplify_lists(["T01"], [["a", "a", "b"]], [3])
    ([['(a)+', 'b']], [1])
    """
    looped = [collapse_loops(way) for way in ways]
    marked = [[f"({' → '.join(steps)})+" if n > 1 else steps[0] for steps, n in loops] for loops in looped]
    both = _without_order(tasks, marked, times, free, least)
    simple = [_in_blocks(way, both.get(task)) for task, way in zip(tasks, marked, strict=True)]
    return simple, [sum(n - 1 for _, n in loops) for loops in looped]


def collapse_loops(sequence: Sequence[str]) -> list[tuple[tuple[str, ...], int]]:
    """Draw immediate repetitions of one step or of a block of up to ten together.

    From left to right the repetition that covers most is taken, of equally long ones that with the shorter block.

    Returns
    -------
    Pairs of a block and how often it comes in a row; a step that is not repeated is a block of one, once.

    >>> collapse_loops(["a", "b", "a", "b", "c"])
    [(('a', 'b'), 2), (('c',), 1)]
    """
    found: list[tuple[tuple[str, ...], int]] = []
    place, steps = 0, tuple(sequence)
    if len(set(steps)) == len(steps):
        return [((step,), 1) for step in steps]
    while place < len(steps):
        best = (1, 1)
        for length in range(1, min(LONGEST_LOOP, (len(steps) - place) // 2) + 1):
            if steps[place + length] != steps[place]:
                continue
            block, times = steps[place : place + length], 1
            while steps[place + times * length : place + (times + 1) * length] == block:
                times += 1
            if times > 1 and length * times > best[0] * best[1]:
                best = (length, times)
        found.append((steps[place : place + best[0]], best[1]))
        place += best[0] * best[1]
    return found


def _without_order(
    tasks: Sequence[Any], ways: Sequence[Sequence[str]], times: Sequence[int], free: float, least: int
) -> dict[Any, set[tuple[str, str]]]:
    """Pairs of steps, both ways round, that stand next to each other in either order, for each task."""
    counted: dict[Any, dict[tuple[str, str], int]] = {}
    for task, way, n in zip(tasks, ways, times, strict=True):
        pairs = counted.setdefault(task, {})
        several = {step for step, count in Counter(way).items() if count > 1} if len(set(way)) < len(way) else ()
        for pair in pairwise(way):
            if pair[0] not in several and pair[1] not in several:
                pairs[pair] = pairs.get(pair, 0) + n
    found: dict[Any, set[tuple[str, str]]] = {}
    for task, pairs in counted.items():
        for (one, other), there in pairs.items():
            fewer, both = min(there, pairs.get((other, one), 0)), there + pairs.get((other, one), 0)
            if fewer >= least and fewer >= free * both:
                found.setdefault(task, set()).add((one, other))
    return found


def _in_blocks(way: list[str], both: set[tuple[str, str]] | None) -> list[str]:
    """The way with neighbours that have no fixed order among each other as one step."""
    if both is None or both.isdisjoint(pairwise(way)):
        return way
    blocks: list[list[str]] = []
    for step in way:
        if blocks and all((step, other) in both for other in blocks[-1]):
            blocks[-1].append(step)
        else:
            blocks.append([step])
    return [block[0] if len(block) == 1 else "{" + ", ".join(sorted(block)) + "}" for block in blocks]
