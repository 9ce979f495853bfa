"""The inner loops of counting ways, compiled: every step is looked at once, and owners (segments) stand together."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def count_owners(thing, owner, many):
    """How many owners have each thing; the rows of an owner stand together."""
    count, last = np.zeros(many, np.int64), np.full(many, -1, np.int64)
    for i in range(len(thing)):
        if last[thing[i]] != owner[i]:
            last[thing[i]] = owner[i]
            count[thing[i]] += 1
    return count


@njit(cache=True, nogil=True)
def keep_ways(unit, owner, kept, first_only, many):
    """Which steps make the way: `kept` ones, and no immediate repeat, or with `first_only` no unit of the owner twice."""
    out, last = np.zeros(len(unit), np.bool_), np.full(many, -1, np.int64)
    before, previous = -1, -1
    for i in range(len(unit)):
        if not kept[i]:
            continue
        if first_only:
            out[i] = last[unit[i]] != owner[i]
            last[unit[i]] = owner[i]
        else:
            out[i] = unit[i] != before or owner[i] != previous
        before, previous = unit[i], owner[i]
    return out


@njit(cache=True, nogil=True)
def hash_ways(unit, owner, made, task):
    """A 64-bit number of each owner's way, so that equal ways of one task have equal numbers."""
    out = (task.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for i in range(len(unit)):
        if made[i]:
            x = out[owner[i]] ^ (np.uint64(unit[i]) + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            out[owner[i]] = x ^ (x >> np.uint64(31))
    return out


@njit(cache=True, nogil=True)
def surround(unit, activity, owner, many):
    """The activities before and after the visit that each step belongs to: steps in a row with the same unit.

    `many` stands for the start of the segment, `many + 1` for its end.
    """
    n = len(unit)
    before, after = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        if i == 0 or owner[i] != owner[i - 1]:
            before[i] = many
        else:
            before[i] = before[i - 1] if unit[i] == unit[i - 1] else activity[i - 1]
    for i in range(n - 1, -1, -1):
        if i == n - 1 or owner[i] != owner[i + 1]:
            after[i] = many + 1
        else:
            after[i] = after[i + 1] if unit[i] == unit[i + 1] else activity[i + 1]
    return before, after


@njit(cache=True, nogil=True)
def follow(unit, owner, task, many):
    """One number for each succession (task, before, after), starts and ends of segments among them, and whose it is.

    Unit `many` is the start or the end; a segment without steps goes from start to end nowhere.
    """
    n, found = len(unit), 0
    key, whose = np.empty(2 * n, np.int64), np.empty(2 * n, np.int64)
    for i in range(n):
        own = np.int64(task[owner[i]]) * (many + 1)
        before = np.int64(many) if i == 0 or owner[i] != owner[i - 1] else np.int64(unit[i - 1])
        key[found], whose[found] = (own + before) * (many + 1) + unit[i], owner[i]
        found += 1
        if i == n - 1 or owner[i] != owner[i + 1]:
            key[found], whose[found] = (own + unit[i]) * (many + 1) + many, owner[i]
            found += 1
    return key[:found], whose[:found]


@njit(cache=True, nogil=True)
def only_absent(marked, made, unit, owner, many):
    """The marked steps whose unit is not part of the owner's way anyway."""
    out, last = np.zeros(len(unit), np.bool_), np.full(many, -1, np.int64)
    begin = 0
    for i in range(len(unit)):
        if made[i]:
            last[unit[i]] = owner[i]
        if i == len(unit) - 1 or owner[i] != owner[i + 1]:
            for j in range(begin, i + 1):
                out[j] = marked[j] and last[unit[j]] != owner[j]
            begin = i + 1
    return out
