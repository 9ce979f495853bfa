"""People, sessions and texts as numbers: what 10 million rows are compared by."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.activities.numbers import number
from taskkit.errors import ContractError

_Array = Any  # numpy array


def refuse_empty_cells(events: pl.DataFrame) -> None:
    """Refuse rows that do not say whose they are, or when they were: they cannot be put in order."""
    columns = ("user", "session_id", "seq", "timestamp")
    if empty := [f"{name} ({events[name].null_count():,})" for name in columns if events[name].null_count()]:
        raise ContractError(
            f"Columns {', '.join(empty)} of the events have empty cells; allowed: none. Read the log with read_log."
        )


class Bookings(NamedTuple):
    """The process events of each person in order of time."""

    first: _Array  # of every person: the first one, and one more place at the end
    when: _Array  # microseconds by the process's clock
    cases: _Array


def book(process: pl.DataFrame, people: pl.Series, cases: pl.Series) -> Bookings:
    """What each of the people booked, in order of time; one moment may book many cases."""
    if "resource" not in process.columns:
        return Bookings(np.zeros(people.len() + 1, np.int64), np.empty(0, np.int64), np.empty(0, np.int32))
    own = process.select(user="resource", case="case_id", when=pl.col("timestamp").dt.timestamp("us")).drop_nulls()
    number = pl.DataFrame({"user": people}).with_row_index("number")
    place = pl.DataFrame({"case": cases}).with_row_index("place").with_columns(pl.col("place").cast(pl.Int32))
    own = own.join(number, on="user").join(place, on="case").select("number", "when", "place")
    own = own.unique().sort("number", "when", "place")
    first = np.searchsorted(own["number"].to_numpy(), np.arange(people.len() + 1))
    return Bookings(first.astype(np.int64), own["when"].to_numpy(), own["place"].to_numpy())


def put_in_order(events: pl.DataFrame) -> tuple[slice | _Array, _Array, pl.Series]:
    """The order of work (people, their sessions by first time, inside them seq), each row's person in it, the people."""
    from taskkit.activities.kernels import rises

    mixed = pl.col("user").hash() * pl.lit(0x9E3779B97F4A7C15, dtype=pl.UInt64) ^ pl.col("session_id").hash()
    numbers, first = number(events.select(mixed).to_series())
    found = len(first)
    began = np.full(found, np.iinfo(np.int64).max)
    at = events["timestamp"].dt.timestamp("us").to_numpy()
    np.minimum.at(began, numbers, at)
    sessions = events.select("user", "session_id")[first].with_columns(began=began).with_row_index("number")
    sessions = sessions.sort("user", "began", "session_id").with_row_index("place")
    people = sessions["user"].unique(maintain_order=True)
    place, person = np.empty(found, np.int64), np.empty(found, np.int32)
    place[sessions["number"].to_numpy()] = sessions["place"].to_numpy()
    person[sessions["number"].to_numpy()] = sessions.select(pl.col("user").rank("dense") - 1).to_series().to_numpy()
    group, seq = place[numbers], events["seq"].to_numpy()
    if rises(group, seq):
        return slice(None), person[numbers], people
    if int(seq.max()) < 1 << 40 and found < 1 << 23:
        group <<= 40  # one key is sorted far faster than two
        group |= seq.astype(np.int64)
        order = pl.Series(group).arg_sort().to_numpy()
    else:
        order = np.lexsort((seq, group))
    return order, person[numbers[order]], people


def number_texts(column: pl.Series) -> tuple[_Array, pl.Series]:
    """The number of each row's text, and the distinct texts."""
    numbers, first = number(column.hash())
    return numbers, column.gather(first)
