"""Closed frequent sequences of activities with a gap limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

Array = np.ndarray[Any, Any]
Sequence = tuple[int, ...]

FEWEST = 3  # a routine is done at least that often
MOST_SEQUENCES = 20_000  # found before the least support is raised
BLOCK = 1_000  # steps of a long unit that are sampled together
MOST_STEPS = 200_000_000  # looked at before the least support is raised, about two seconds


@dataclass(frozen=True)
class Stream:
    """Steps as numbers, unit after unit: activity (negative: too rare), first position after the unit, weight of the unit."""

    x: Array
    end: Array
    weight: Array
    symbols: int

    def places(self) -> tuple[Array, Array]:
        """Positions of all steps by activity, and where those of each activity begin."""
        order = np.argsort(self.x, kind="stable")
        begins = np.searchsorted(self.x[order], np.arange(self.symbols + 1))
        return order.astype(np.int32), begins.astype(np.int64)


def mine(stream: Stream, *, needed: int, gap: int, min_length: int, max_length: int,
         disjoint: bool) -> tuple[list[tuple[Sequence, int]], int, bool]:  # fmt: skip
    """The closed sequences with their supports, the support from which all were looked at, and whether really all were.

    Closed: no longer sequence of at least the same support contains it. Where there are more sequences than can be looked
    at, those that mostly pass over one and the same activity are left out, which noise makes by the thousand; where that
    does not do, the least support is doubled until it does. Neither depends on the order of the search.
    """
    from taskkit.routines import kernels

    tolerant = False
    while True:
        activities, offsets, supports, complete = kernels.grow(
            stream.x, stream.end, stream.weight, stream.symbols, needed, gap, min_length, max_length, disjoint,
            tolerant, MOST_SEQUENCES, MOST_STEPS + len(stream.x) * (gap + 1),
        )  # fmt: skip
        if complete:
            break
        tolerant, needed = True, needed * 2 if tolerant else needed
    order = np.argsort(-np.diff(offsets), kind="stable")
    keep = kernels.closed(activities, offsets, supports, order)
    return (
        [(tuple(activities[offsets[i] : offsets[i + 1]].tolist()), int(supports[i])) for i in np.flatnonzero(keep)],
        needed,
        not tolerant,
    )


def collapse(stream: Stream) -> Stream:
    """One unit for all that are equal, with their number as its weight: the same work is looked at once."""
    unit = np.r_[0, np.cumsum(np.diff(stream.end) != 0)] if len(stream.end) else stream.end
    equal = (
        pl.DataFrame({"unit": unit, "x": stream.x})
        .group_by("unit", maintain_order=True).agg("x")
        .group_by("x", maintain_order=True).agg(weight=pl.len())
    )  # fmt: skip
    lengths = equal["x"].list.len().to_numpy().astype(np.int64)
    return Stream(
        equal["x"].explode().to_numpy().astype(np.int32),
        np.repeat(np.cumsum(lengths), lengths).astype(np.int32),
        np.repeat(equal["weight"].to_numpy(), lengths).astype(np.int64),
        stream.symbols,
    )


def sample(stream: Stream, most: int) -> Stream:
    """At most about that many steps, taken evenly from the whole stream in units or blocks of them."""
    if len(stream.x) <= most:
        return stream
    position = np.arange(len(stream.x))
    block = np.minimum(stream.end, (position // BLOCK + 1) * BLOCK).astype(np.int32)  # long units are cut into blocks
    number = np.r_[0, np.cumsum(np.diff(block) != 0)]
    stride = len(stream.x) / most
    kept = np.floor(number / stride) != np.floor((number - 1) / stride)  # of every `stride` blocks one
    lengths = np.bincount(number[kept])
    lengths = lengths[lengths > 0]
    end = np.repeat(np.cumsum(lengths), lengths).astype(np.int32)
    return Stream(stream.x[kept], end, stream.weight[kept], stream.symbols)
