"""The inner loops of the ladder from events to actions: two passes over the rows, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

KEPT, WINDOW, FLICKER = 0, 1, 2


@njit(cache=True)
def look_ahead(session, at, alive, counts, kept, focus, name, place, window, strength, cap, flicker):
    """From the last row to the first: active seconds, windows that were passed over, and the entry a row leads to.

    Returns `seconds` (until the next row that is no sign of life, 0 where `counts` is false), `passed` (KEPT, WINDOW or
    FLICKER) and `names` (a weak row before a strong one in the same place takes its name).
    """
    n = len(session)
    seconds, passed, names = np.zeros(n, np.float64), np.zeros(n, np.uint8), name.copy()
    living, seen, acted, entry = (
        -1,
        -1,
        -1,
        -1,
    )  # the next living row, kept row, acting row; and name of the entry ahead
    for i in range(n - 1, -1, -1):
        if counts[i] and living >= 0 and session[living] == session[i]:
            seconds[i] = min(max((at[living] - at[i]) / 1e6, 0.0), cap)
        if not alive[i]:
            living = i
        if not kept[i]:
            continue
        if focus[i] and seen >= 0 and session[seen] == session[i] and window[seen] == window[i]:
            passed[i] = WINDOW
        elif focus[i] and seconds[i] < flicker:
            passed[i] = FLICKER
        seen = i
        if passed[i] != KEPT:
            continue
        together = acted >= 0 and session[acted] == session[i] and place[acted] == place[i] and place[i] >= 0
        if strength[i] == 2:
            entry = name[i]
        elif not together:
            entry = -1
        if strength[i] == 1 and together and entry >= 0:
            names[i] = entry
        acted = i
    return seconds, passed, names


@njit(cache=True)
def number_actions(session, kept, passed, names):
    """From the first row to the last: which rows stand for an action, and the number of the action of every row.

    Returns `steps` and `actions` (from 1 in every session; 0 in a session without any).
    """
    n = len(session)
    steps, actions = np.zeros(n, np.bool_), np.zeros(n, np.uint32)
    number, name, waiting = 0, -1, 0  # rows from `waiting` on belong to the action that comes next
    for i in range(n):
        if i == 0 or session[i] != session[i - 1]:
            for row in range(waiting, i):
                actions[row] = number
            number, name, waiting = 0, -1, i
        if kept[i] and passed[i] == KEPT:
            if names[i] != name:
                steps[i] = True
                number, name = number + 1, names[i]
            for row in range(waiting, i):
                actions[row] = number
            actions[i], waiting = number, n + 1
        elif waiting > n:
            if kept[i] and passed[i] == WINDOW:
                waiting = i
            else:
                actions[i] = number
    for row in range(waiting, n):
        actions[row] = number
    return steps, actions


@njit(cache=True, nogil=True)
def number_keys(keys):
    """Number equal keys in the order in which they first occur (open addressing; the keys are hashes already).

    Returns the number of every row, the row at which each number first occurs, and how often each occurs.
    """
    size = 1 << 16
    slots = np.full(size, -1, np.int64)
    known, first, count = np.empty(1024, np.uint64), np.empty(1024, np.int64), np.empty(1024, np.int64)
    found = 0
    numbers = np.empty(len(keys), np.uint32)
    for i in range(len(keys)):
        key = keys[i]
        place = np.int64((key ^ (key >> np.uint64(32))) & np.uint64(size - 1))
        while slots[place] >= 0 and known[slots[place]] != key:
            place = (place + 1) & (size - 1)
        if slots[place] < 0:
            if found == len(known):
                known = np.concatenate((known, np.empty(found, np.uint64)))
                first = np.concatenate((first, np.empty(found, np.int64)))
                count = np.concatenate((count, np.empty(found, np.int64)))
            known[found], first[found], count[found], slots[place] = key, i, 0, found
            found += 1
            if 2 * found > size:
                size *= 4
                slots = np.full(size, -1, np.int64)
                for number in range(found):
                    place = np.int64((known[number] ^ (known[number] >> np.uint64(32))) & np.uint64(size - 1))
                    while slots[place] >= 0:
                        place = (place + 1) & (size - 1)
                    slots[place] = number
            number = found - 1
        else:
            number = slots[place]
        numbers[i] = number
        count[number] += 1
    return numbers, first[:found], count[:found]
