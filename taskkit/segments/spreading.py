"""What a method found for the steps, carried to all rows, with segments numbered from 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from taskkit.activities.numbers import digest, number

ORDER = ("user", "session_id", "seq")
_FRONT = ("window_focus", "window_title", "navigate")
_ASIDE = ("presence", "excluded")  # nothing is done there, or nothing may be known
_Array = Any  # numpy array


def spread(events: pl.DataFrame, labelled: pl.DataFrame) -> pl.DataFrame:
    """The events, in the order of user, session and seq, with the segment of every row: see `spread_labels`."""
    from taskkit.segments.row_kernels import carry, number_segments

    segment = labelled["segment"].cast(pl.Int64)
    known, first = number(segment.fill_null(0).reinterpret(signed=False))
    label = np.where(segment.is_null().to_numpy(), -1, known.astype(np.int64))
    session, source, begins = _sessions(events), np.empty(events.height, np.int64), np.empty(events.height, np.bool_)
    of, own = _kinds(events), _rows_of(events, session, labelled)
    opens = np.ones(events.height, np.bool_)
    opens[1:] = session[1:] != session[:-1]
    carry(opens, of["step"], of["aside"], of["acts"], of["leads"], of["scrolls"], own, label, source)
    # what a row without a boundary would say is below everything
    boundary = labelled["boundary_confidence"].cast(pl.Float64).fill_null(-np.inf).to_numpy()
    ids, sure = np.empty(events.height, np.int64), np.full(len(first), -np.inf)
    number_segments(source, own, label, boundary, ids, begins, sure)
    found = pl.DataFrame({"source": source, "segment_id": ids, "begins": begins}).with_columns(
        pl.when(pl.col(name) >= 0).then(name).name.keep() for name in ("source", "segment_id")
    )
    told = pl.Series(sure).gather(found["segment_id"])
    return events.hstack(
        found.select(
            boundary_confidence=pl.when(pl.col("begins") & (told > -np.inf)).then(told),
            segment_model=labelled["segment_model"].cast(pl.Int32).gather(found["source"]),
            segment_confidence=labelled["segment_confidence"].cast(pl.Float64).gather(found["source"]),
            segment_id=pl.col("segment_id").cast(pl.UInt32),
        )
    )


def _sessions(frame: pl.DataFrame) -> _Array:
    """One number for the session of each row."""
    return frame.select(digest(("user", "session_id"))).to_series().to_numpy()


def _rows_of(events: pl.DataFrame, session: _Array, labelled: pl.DataFrame) -> _Array:
    """The row of `labelled` that is about each event (-1 = none); mostly it is about the steps, one after the other."""
    rows, steps = np.full(events.height, -1, np.int64), np.flatnonzero(events["step"].to_numpy())
    if (
        len(steps) == labelled.height
        and np.array_equal(session[steps], _sessions(labelled))
        and np.array_equal(events["seq"].to_numpy()[steps], labelled["seq"].to_numpy())
    ):
        rows[steps] = np.arange(len(steps))
        return rows
    numbered = labelled.select(*ORDER, _row=pl.int_range(pl.len(), dtype=pl.Int64))
    joined = events.select(ORDER).join(numbered, on=ORDER, how="left", maintain_order="left")
    return joined["_row"].fill_null(-1).to_numpy()


def _kinds(events: pl.DataFrame) -> dict[str, _Array]:
    """What decides where a row belongs, one array of true and false each."""
    kind, idle, app = pl.col("event_type"), pl.col("activity").is_null(), pl.col("app").hash()
    told = events.select(
        "step", acts=~idle, scrolls=kind == "scroll", aside=pl.col("dropped").is_in(_ASIDE).fill_null(False),
        leads=kind.is_in(_FRONT) & idle & (app == app.shift(-1)).fill_null(False),
    )  # fmt: skip
    return {name: told[name].to_numpy() for name in told.columns}
