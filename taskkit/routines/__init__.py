"""Repeated sequences of activities: frequent, closed, gap-tolerant."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.routines.mining import FEWEST, Array, Sequence, Stream, collapse, mine
from taskkit.routines.selection import select
from taskkit.schema import require_columns

_SCHEMA = pl.Schema({
    "routine_id": pl.String(), "activities": pl.List(pl.String), "length": pl.UInt32(), "support": pl.UInt32(),
    "share": pl.Float64(), "people": pl.UInt32(), "active_hours": pl.Float64(), "coverage": pl.Float64(),
    "occurrences": pl.UInt32(), "searched_from": pl.UInt32(), "exact": pl.Boolean(),
})  # fmt: skip
LONGEST = {"segment": 60, "session": 20}
_TASKS = pl.Schema({"tasks": pl.List(pl.String)})


def find_routines(
    events: pl.DataFrame, *, within: str = "segment", min_support: float = 0.005, gap: int = 1, min_length: int = 3,
    max_length: int | None = None, most: int = 50,
) -> pl.DataFrame:  # fmt: skip
    """Find the sequences of activities that recur, also across different tasks.

    A sequence occurs in a segment if its activities follow one another there with at most `gap` other steps between two of
    them. Candidates are the closed ones: no longer one that contains them has at least the same support. Of these, those
    are listed that together describe the log in the fewest bits: a part of a listed routine, another cut of the same loop,
    or two routines in a row by chance do not appear; the same routine in different tasks is one row.

    Parameters
    ----------
    events : events frame with `activity`, `step` and, for within="segment", `segment_id`; with `task_id` the tasks are told.
    within : "segment" or "session": what a sequence may not cross and what support counts.
    min_support : within="segment": smallest part of the segments that hold the sequence; within="session": smallest part of
        all steps that its occurrences make up. Never fewer than three of either.
    gap : other steps allowed between two steps of the sequence.
    min_length, max_length : steps of a sequence; at most 60 inside segments and 20 over sessions, where nothing tells the
        end of a routine from the beginning of the next, unless `max_length` says otherwise.
    most : routines listed.

    Returns
    -------
    One row per routine, most covered time first: `routine_id`, `activities`, `length`, `support` (segments or sessions that
    hold it), `share` of them, `people`, `active_hours` (of the steps it covers), `coverage` (part of all steps that lie
    between first and last step of an occurrence), `occurrences` (without overlap) and, where the events have
    `task_id`, `tasks` in which it occurs. At most 20,000 sequences and about 200 million steps are looked at. Where that
    does not suffice, `exact` is false: sequences that mostly pass over one and the same activity were left out;
    if need be also those of fewer than `searched_from` segments (within="session": occurrences). If nothing is left to list
    then, a warning says so.

    Raises
    ------
    ContractError : an earlier stage has not been run. SettingError : a setting out of range.

    References
    ----------
    Pattern growth: Pei et al., IEEE TKDE 16 (2004), PrefixSpan; closed sequences: Yan, Han & Afshar, SDM 2003; occurrences
    without overlap: Ding et al., ICDE 2009; choice by description length: Tatti & Vreeken, KDD 2012.

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
    if max_length is None:
        max_length = max(LONGEST[within], min_length)
    if not (0 < min_support <= 1 and gap >= 0 and 2 <= min_length <= max_length and most >= 0):
        raise SettingError("find_routines allows 0 < min_support <= 1, gap >= 0, 2 <= min_length <= max_length and most >= 0; "
                           f"found {min_support=}, {gap=}, {min_length=}, {max_length=}, {most=}.")  # fmt: skip
    steps = _ordered(events, within)
    schema = pl.Schema({**_SCHEMA, **(_TASKS if "task_id" in events.columns else {})})
    disjoint = within == "session"
    parts = steps.height if disjoint else steps["unit"].n_unique()
    needed = max(FEWEST, int(np.ceil(min_support * parts / (max_length if disjoint else 1))))
    stream, names = _encode(steps, needed, disjoint=disjoint)
    if not stream.symbols:
        return pl.DataFrame(schema=schema)
    small = collapse(stream)
    found, searched, exact = mine(
        small, needed=needed, gap=gap, min_length=min_length, max_length=max_length, disjoint=disjoint
    )
    if disjoint:
        found = [(s, n) for s, n in found if n * len(s) >= min_support * steps.height]
    where = stream.places()
    listed = [_measure(stream, where, steps, names, routine, gap) for routine in select(small, found, gap=gap)]
    if not listed and not exact:
        warnings.warn(f"No routine is listed, but sequences of fewer than {searched} were not looked at: there are too many. "
                      "Raise min_length, or lower gap or max_length.", stacklevel=2)  # fmt: skip
    listed.sort(key=lambda row: (-row["active_hours"], row["activities"]))
    listed = [
        {"routine_id": f"R{n + 1:02d}", "searched_from": searched, "exact": exact, **row}
        for n, row in enumerate(listed[:most])
    ]
    return pl.DataFrame(listed, schema=schema, orient="row")


def _ordered(events: pl.DataFrame, within: str) -> pl.DataFrame:
    """The steps, unit after unit, with the number of their unit and person."""
    keys = ["segment_id"] if within == "segment" else ["user", "session_id"]
    told = {"user", "session_id", "seq", "activity", "active_seconds", "task_id", *keys} & set(events.columns)
    steps = events.filter(pl.col("step")).select(sorted(told)).drop_nulls(keys).sort(*keys, "user", "session_id", "seq")
    return steps.with_columns(unit=pl.struct(keys).rle_id())


def _encode(steps: pl.DataFrame, needed: int, *, disjoint: bool) -> tuple[Stream, list[str]]:
    """Activities as numbers, in the order of their names; those too rare for any routine have none."""
    often = pl.len() if disjoint else pl.col("unit").n_unique()
    frequent = steps.group_by("activity").agg(often=often).filter(pl.col("often") >= needed).sort("activity")
    names = frequent["activity"].to_list()
    numbers = pl.DataFrame({"activity": frequent["activity"], "x": np.arange(len(names), dtype=np.int32)})
    x = steps.select("activity").join(numbers, on="activity", how="left", maintain_order="left")["x"].fill_null(-1)
    unit = steps["unit"].to_numpy()
    end = np.searchsorted(unit, unit, side="right").astype(np.int32)
    own = x.to_numpy().astype(
        np.int32
    )  # a copy: an array that may not be written to would be compiled for a second time
    return Stream(own, end, np.ones(len(unit), np.int64), len(names)), names


def _measure(
    stream: Stream, where: tuple[Array, Array], steps: pl.DataFrame, names: list[str], routine: Sequence, gap: int,
) -> dict[str, Any]:  # fmt: skip
    """What one routine is and where it occurs."""
    from taskkit.routines import kernels

    rows: Array = kernels.occurrences(stream.x, stream.end, *where, np.array(routine, np.int32), gap)
    edges = np.zeros(len(stream.x) + 1, np.int64)
    np.add.at(edges, rows[:, 0], 1)
    np.add.at(edges, rows[:, -1] + 1, -1)
    inside = np.cumsum(edges[:-1]) > 0
    held = steps[rows[:, -1]]
    support = held["unit"].n_unique()
    told = {"tasks": held["task_id"].drop_nulls().unique().sort().to_list()} if "task_id" in steps.columns else {}
    return {
        "activities": [names[item] for item in routine], "length": len(routine), "support": support,
        "share": support / steps["unit"].n_unique(), "people": held["user"].n_unique(),
        "active_hours": float(steps["active_seconds"].filter(pl.Series(inside)).sum()) / 3600,
        "coverage": float(inside.mean()), "occurrences": len(kernels.without_overlap(rows)), **told,
    }  # fmt: skip
