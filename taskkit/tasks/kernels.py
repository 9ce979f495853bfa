"""The inner loop of telling contents of segments apart, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def hash_contents(codes, begin, many):
    """A 64-bit number of what each segment touches, whatever how often and in which order, with its first and last step.

    The codes of a segment's steps stand from its `begin` to that of the next; they are below `many`, or -1 for none.
    """
    out = np.empty(len(begin) - 1, np.uint64)
    seen = np.full(many, -1, np.int64)
    for s in range(len(out)):
        total = np.uint64(0)
        for i in range(begin[s], begin[s + 1]):
            code = codes[i]
            if code >= 0 and seen[code] != s:
                seen[code] = s
                total += _mix(np.uint64(code + 1))
        if begin[s] < begin[s + 1]:
            total = _mix(total ^ _mix(np.uint64(codes[begin[s]] + 2) << np.uint64(32)))
            total = _mix(total ^ np.uint64(codes[begin[s + 1] - 1] + 2))
        out[s] = total
    return out


@njit(cache=True, inline="always")
def _mix(x):
    """The finalizer of MurmurHash3: every bit of a number changes half of the bits of the result."""
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return x ^ (x >> np.uint64(33))
