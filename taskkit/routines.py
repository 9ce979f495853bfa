"""Repeated sequences of activities: frequent, closed, gap-tolerant."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.schema import require_columns

Array = np.ndarray[Any, Any]

MOST_SEQUENCES = 20_000  # sequences that are looked at, most supported first
NEW = 0.5  # a routine is listed if at least this part of the steps it covers is not covered by those before it
_SCHEMA = pl.Schema({
    "routine_id": pl.String(), "activities": pl.List(pl.String), "length": pl.UInt32(), "support": pl.UInt32(),
    "share": pl.Float64(), "people": pl.UInt32(), "active_hours": pl.Float64(), "coverage": pl.Float64(),
})  # fmt: skip


def find_routines(
    events: pl.DataFrame, *, within: str = "segment", min_support: float = 0.02, gap: int = 1, min_length: int = 3,
    max_length: int = 20, most: int = 50,
) -> pl.DataFrame:  # fmt: skip
    """Find the sequences of activities that recur, also across different tasks.

    A sequence occurs in a segment if its activities follow one another there with at most `gap` other steps between two of
    them. Only closed sequences are listed (no longer one has the same support), and none that mostly covers steps which
    those before it cover already: that would be another cut of the same. At most 20,000 sequences are
    looked at, most supported first.

    Parameters
    ----------
    events : events frame with `activity`, `step` and, for within="segment", `segment_id`.
    within : "segment" or "session": what a sequence may not cross and what support counts.
    min_support : smallest part of the segments (sessions) that hold the sequence; never fewer than three.
    gap : other steps allowed between two steps of the sequence.
    min_length, max_length : steps of a sequence.
    most : routines listed.

    Returns
    -------
    One row per routine, most covered time first: `routine_id`, `activities`, `length`, `support` (segments or sessions),
    `share` of them, `people`, `active_hours` (of the steps it covers) and `coverage` (part of all steps it covers).

    Raises
    ------
    ContractError : an earlier stage has not been run. SettingError : a setting out of range.

    References
    ----------
    Pattern growth: Pei et al., IEEE TKDE 16 (2004), PrefixSpan; closed sequences: Yan, Han & Afshar, SDM 2003.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_012), "what": list("abcx" * 3)}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> events = tk.segment(tk.name_activities(log), method="anchor", end="^x$")
    >>> tk.find_routines(events)["activities"].to_list()
    [['a', 'b', 'c', 'x']]
    """
    check_choice(within, allowed=("segment", "session"), what="unit for within=")
    require_columns(events, "activity", "step", "active_seconds", made_by="name_activities")
    if within == "segment":
        require_columns(events, "segment_id", made_by="segment")
    if not (0 < min_support <= 1 and gap >= 0 and 2 <= min_length <= max_length):
        raise SettingError("find_routines allows 0 < min_support <= 1, gap >= 0 and 2 <= min_length <= max_length; "
                           f"found {min_support=}, {gap=}, {min_length=}, {max_length=}.")  # fmt: skip
    stream = _encode(events, within)
    if stream is None:
        return pl.DataFrame(schema=_SCHEMA)
    needed = max(3, int(np.ceil(min_support * stream.units)))
    grown = _grow(stream, needed, gap, min_length, max_length)
    return _list(stream, _closed(grown), most)


@dataclass(frozen=True)
class _Stream:
    """Steps as numbers, ordered by unit: activity, unit, first position after the unit, person, seconds."""

    x: Array
    unit: Array
    end: Array
    person: Array
    seconds: Array
    names: list[str]

    @property
    def units(self) -> int:
        return int(self.unit[-1]) + 1


@dataclass(frozen=True)
class _Sequence:
    items: tuple[int, ...]
    support: int
    first: Array  # position of the first step of each occurrence
    last: Array  # position of its last step


def _encode(events: pl.DataFrame, within: str) -> _Stream | None:
    keys = ["segment_id"] if within == "segment" else ["user", "session_id"]
    steps = events.filter(pl.col("step")).drop_nulls(keys).sort(*keys, "user", "session_id", "seq")
    if steps.is_empty():
        return None
    coded = steps.select(
        x=pl.col("activity").rank("dense") - 1, unit=pl.struct(keys).rle_id(), person=pl.col("user").rank("dense") - 1,
        seconds="active_seconds",
    )  # fmt: skip
    unit = coded["unit"].to_numpy().astype(np.int64)
    end = np.searchsorted(unit, unit, side="right")
    return _Stream(coded["x"].to_numpy().astype(np.int64), unit, end, coded["person"].to_numpy().astype(np.int64),
                   coded["seconds"].to_numpy(), steps["activity"].unique().sort().to_list())  # fmt: skip


def _grow(stream: _Stream, needed: int, gap: int, min_length: int, max_length: int) -> list[_Sequence]:
    """Grow sequences step by step, the most supported first, until the bound."""
    everywhere = np.arange(len(stream.x))
    queue: list[tuple[int, tuple[int, ...], Array, Array]] = []
    for item, places in _by_item(stream, everywhere, everywhere):
        _push(queue, stream, (item,), places, places, needed)
    found: list[_Sequence] = []
    for _ in range(MOST_SEQUENCES):
        if not queue:
            break
        support, items, first, last = heapq.heappop(queue)
        if len(items) >= min_length:
            found.append(_Sequence(items, -support, first, last))
        if len(items) == max_length:
            continue
        following = np.concatenate([last + 1 + skip for skip in range(gap + 1)])
        begun = np.tile(first, gap + 1)
        inside = following < np.tile(stream.end[last], gap + 1)
        following, begun = following[inside], begun[inside]
        order = np.lexsort((-begun, following))  # of all ways to reach a step the shortest
        following, begun = following[order], begun[order]
        keep = np.r_[True, following[1:] != following[:-1]] if len(following) else np.zeros(0, bool)
        following, begun = following[keep], begun[keep]
        for item, chosen in _by_item(stream, following, np.arange(len(following))):
            _push(queue, stream, (*items, item), begun[chosen], following[chosen], needed)
    return found


def _by_item(stream: _Stream, places: Array, values: Array) -> list[tuple[int, Array]]:
    """The values of `places`, parted by the activity that stands there."""
    items = stream.x[places]
    order = np.argsort(items, kind="stable")
    edges = np.flatnonzero(np.diff(items[order])) + 1
    return [(int(items[part[0]]), values[part]) for part in np.split(order, edges) if len(part)]


def _push(queue: list[tuple[int, tuple[int, ...], Array, Array]], stream: _Stream, items: tuple[int, ...], first: Array,
          last: Array, needed: int) -> None:  # fmt: skip
    support = len(np.unique(stream.unit[last]))
    if support >= needed:
        heapq.heappush(queue, (-support, items, first, last))


def _closed(found: list[_Sequence]) -> list[_Sequence]:
    """Sequences for which no longer one has the same support."""
    by_support: dict[int, list[_Sequence]] = {}
    for sequence in sorted(found, key=lambda s: -len(s.items)):
        longer = by_support.setdefault(sequence.support, [])
        if not any(_is_part(sequence.items, other.items) for other in longer):
            longer.append(sequence)
    return [sequence for group in by_support.values() for sequence in group]


def _is_part(part: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    rest = iter(whole)
    return len(part) < len(whole) and all(item in rest for item in part)


def _list(stream: _Stream, closed: list[_Sequence], most: int) -> pl.DataFrame:
    """The routines by covered time; one that mostly covers what is covered already is only another cut of the same."""
    measured = [(_covered(stream, sequence), sequence) for sequence in closed]
    measured.sort(key=lambda t: (-float(stream.seconds[t[0]].sum()), t[1].items))
    told = np.zeros(len(stream.x), bool)
    rows: list[tuple[Any, ...]] = []
    for inside, s in measured:
        if len(rows) == most:
            break
        if (inside & ~told).sum() < NEW * inside.sum():
            continue
        told |= inside
        rows.append((
            f"R{len(rows) + 1:02d}", [stream.names[item] for item in s.items], len(s.items), s.support,
            s.support / stream.units, len(np.unique(stream.person[s.last])), float(stream.seconds[inside].sum()) / 3600,
            float(inside.mean()),
        ))  # fmt: skip
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _covered(stream: _Stream, sequence: _Sequence) -> Array:
    """Which steps lie between the first and the last step of an occurrence."""
    edges = np.zeros(len(stream.x) + 1, np.int64)
    np.add.at(edges, sequence.first, 1)
    np.add.at(edges, sequence.last + 1, -1)
    return np.asarray(np.cumsum(edges[:-1]) > 0)
