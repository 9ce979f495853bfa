"""How many nats a division needs to describe the log: what fits and changes of a fit are compared by."""

from __future__ import annotations

import numpy as np

from taskkit.segments.streams import Array, Division, Stream

OPENING = 20.0  # weight of how likely the beginnings of sessions are
SESSIONS = 50  # as many beginnings are looked at
RARELY = 3  # a first step of a session that occurs less often tells nothing
FIRST_STEPS = 6


def describe(stream: Stream, division: Division) -> float:
    """Nats for the activities and the records, given the division, and for the division."""
    from taskkit.segments import length_kernels

    index, first, _ = stream.pairs
    records = stream.records
    return float(sum(length_kernels.measure_length(
        stream.x, division.path, division.ids, stream.opens, index, division.models, stream.n_symbols, len(first),
        records.kind, records.before, records.token, records.earlier, records.kinds,
    )))  # fmt: skip


def unlikely_openings(stream: Stream, division: Division) -> float:
    """Nats for sessions that would begin in the middle of a task: people begin their day at the beginning of something."""
    begins = first_telling_steps(stream)
    inside = division.ids >= 0
    uses = np.zeros((stream.n_symbols, division.models + 1))
    starts = np.zeros_like(uses)
    np.add.at(uses, (stream.x[inside], division.path[inside]), 1)
    first = division.executions.first
    np.add.at(starts, (stream.x[first], division.path[first]), 1)
    here = (stream.x[begins], division.path[begins])
    share = np.where(inside[begins], starts[here] / np.maximum(1.0, uses[here]), 0.5)
    return float(-OPENING * np.log(share + 1e-3).mean())


def first_telling_steps(stream: Stream, most: int | None = SESSIONS, often: Array | None = None) -> Array:
    """The first step of each of the first sessions, or the first after it whose activity is not rare."""
    often = np.bincount(stream.x, minlength=stream.n_symbols) if often is None else often
    result = []
    for first in np.flatnonzero(stream.opens)[:most]:
        step = int(first)
        while often[stream.x[step]] < RARELY and step < first + FIRST_STEPS:
            if step + 1 >= len(stream.x) or stream.opens[step + 1]:
                break
            step += 1
        result.append(step)
    return np.array(result, np.int64)
