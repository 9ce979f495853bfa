"""The compiled search for executions that seem to go on from others: one pass over the steps."""

from __future__ import annotations

import numba as nb
import numpy as np

from taskkit.segments.streams import Array

MOST_BESIDE = 4  # steps back from the first one of an execution
MOST_HOPS = 10  # earlier steps with the same record that are looked back over


@nb.njit(cache=True, nogil=True)
def stops_before(ids: Array, opens: Array, first: Array, last: Array) -> Array:
    """For each execution the one that stops right before it, noise aside, if it is over there; -1 if there is none."""
    beside = np.full(len(first), -1, np.int64)
    for piece in range(len(first)):
        i = first[piece]
        while i > 0 and not opens[i] and first[piece] - i < MOST_BESIDE:
            i -= 1
            if ids[i] >= 0:
                beside[piece] = ids[i] if last[ids[i]] == i else -1
                break
    return beside


@nb.njit(cache=True, nogil=True)
def shows_before(
    ids: Array, earlier: Array, telling: Array, first: Array, last: Array, first_steps: int, horizon: int
) -> Array:
    """For each execution the latest one, over before it, that shows the record of one of its first steps; -1 if none."""
    found, seen = np.full(len(first), -1, np.int64), np.zeros(len(first), np.int64)
    for i in range(len(ids)):
        piece = ids[i]
        if piece < 0 or seen[piece] >= first_steps:
            continue
        seen[piece] += 1
        if found[piece] >= 0 or not telling[i]:
            continue
        step, hops = earlier[i], 0
        while step >= 0 and (ids[step] < 0 or ids[step] == piece) and hops < MOST_HOPS:
            step, hops = earlier[step], hops + 1
        if step >= 0 and ids[step] >= 0 and ids[step] != piece:
            whole = ids[step]
            if last[whole] < first[piece] <= last[whole] + horizon:
                found[piece] = whole
    return found
