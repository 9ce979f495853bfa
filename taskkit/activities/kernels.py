"""The inner loops between events and actions, compiled: one pass over the rows each.

Large results are filled in, not made here: memory that numpy makes comes in large pages, which is worth a second in ten
million rows.
"""

from __future__ import annotations

import numpy as np
from numba import njit

KEPT, WINDOW, FLICKER = 0, 1, 2
LEADS, TYPES, PASTES = 1, 2, 3  # strength of a row in its field; 4 copies or cuts


@njit(cache=True, nogil=True)
def look_ahead(
    session, at, lasts, aside, code, title, kept, counts, alive, focus, name, place, strength, window, cap, flicker, echo,
    seconds, passed, names,
):  # fmt: skip
    """From the last row to the first: active seconds, windows that were passed over, and the entry a row leads to.

    `kept` … `strength` say what a code is, `window` what a title is; `aside` marks rows that are left out whatever their
    code. Fills `seconds` (until the next row that is no sign of life, at most `cap` or what the row says it `lasts`),
    `passed` (KEPT, WINDOW, or FLICKER where the window is left within `flicker` seconds) and `names` (a weak row before a
    strong one in the same place takes its name; so does the text that a field reports within `echo` seconds of a paste).
    """
    # the next living row, kept row, acting row; and the name of the entry ahead
    living, seen, acted, entry = -1, -1, -1, -1
    leaves = 0  # when the window that is in front at the next row is left
    for i in range(len(session) - 1, -1, -1):
        what = code[i]
        seconds[i], passed[i], names[i] = 0.0, KEPT, name[what]
        if counts[what] and living >= 0 and session[living] == session[i]:
            seconds[i] = min(max((at[living] - at[i]) / 1e6, 0.0), max(cap, lasts[i] / 1e3))
        if not alive[what]:
            if living < 0 or session[living] != session[i]:
                leaves = np.iinfo(np.int64).max
            elif window[title[living]] != window[title[i]]:
                leaves = at[living]
            living = i
        if aside[i] or not kept[what]:
            continue
        if focus[what] and seen >= 0 and session[seen] == session[i] and window[title[seen]] == window[title[i]]:
            passed[i] = WINDOW
        elif focus[what] and leaves - at[i] < flicker * 1e6:
            passed[i] = FLICKER
        seen = i
        if passed[i] != KEPT:
            continue
        together = (
            acted >= 0 and session[acted] == session[i] and place[what] >= 0 and place[code[acted]] == place[what]
        )
        if strength[what] == PASTES and together and strength[code[acted]] == TYPES and at[acted] - at[i] <= echo * 1e6:
            names[acted] = name[what]
        if strength[what] >= TYPES:
            entry = name[what]
        elif not together:
            entry = -1
        if strength[what] == LEADS and together and entry >= 0:
            names[i] = entry
        acted = i


@njit(cache=True, nogil=True)
def number_actions(session, aside, code, kept, passed, names, steps, actions):
    """From the first row to the last: which rows stand for an action, and the number of the action of every row.

    Fills `steps` and `actions` (from 1 in every session; 0 in a session without any).
    """
    n = len(session)
    number, name, waiting = 0, -1, 0  # rows from `waiting` on belong to the action that comes next
    for i in range(n):
        if i == 0 or session[i] != session[i - 1]:
            for row in range(waiting, i):
                actions[row] = number
            number, name, waiting = 0, -1, i
        steps[i], own = False, kept[code[i]] and not aside[i]
        if own and passed[i] == KEPT:
            if names[i] != name:
                steps[i] = True
                number, name = number + 1, names[i]
            for row in range(waiting, i):
                actions[row] = number
            actions[i], waiting = number, n + 1
        elif waiting > n:
            if own and passed[i] == WINDOW:
                waiting = i
            else:
                actions[i] = number
    for row in range(waiting, n):
        actions[row] = number


@njit(cache=True, nogil=True)
def say(session, code, aside, passed, name, screen, reason, whole, nothing, visits, why, shown, doing):
    """From the first row to the last: how often people came to each screen, and what is said of every row.

    `screen` and `reason` say the number of each code's screen (-1 = none) and of why it is set aside (`whole` = it is not;
    the three before it: passed over, flickered, left out). Fills `visits` (a visit is a stretch without another screen
    between), `why`, `shown` (code; one more than the last where a row is left out) and `doing` (`name`; `nothing` where a
    row is set aside).
    """
    last, own = -1, -1
    for i in range(len(session)):
        cause = reason[code[i]]
        if aside[i]:
            cause = whole - 1
        elif cause == whole and passed[i] != KEPT:
            cause = whole - 4 + passed[i]
        why[i] = cause
        shown[i] = len(screen) if aside[i] else code[i]
        doing[i] = name[i] if cause == whole else nothing
        here = screen[code[i]]
        if here >= 0 and not aside[i]:
            if here != last or session[i] != own:
                visits[here] += 1
            last, own = here, np.int64(session[i])


@njit(cache=True, nogil=True)
def _place(key, mask):
    """Fibonacci hashing: the upper bits of a product spread small and large keys alike."""
    return np.int64((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20) & mask)


@njit(cache=True, nogil=True)
def number_keys(keys, offset, table, first, found, numbers):
    """Number equal keys in the order in which they first occur (open addressing).

    `table` holds pairs of a key and its number plus one (0 where empty; a power of two of them), `first` the row at which
    each number first occurs, both for what was `found` so far; `offset` is the row at which these keys begin. Fills
    `numbers`; returns the table, `first` and `found` as they are now.
    """
    mask, last, number = np.uint64(len(table) - 1), np.uint64(0), np.uint32(0)
    for i in range(len(keys)):
        key = keys[i]
        if i and key == last:  # what is in front stays in front for a while
            numbers[i] = number
            continue
        place, last = _place(key, mask), key
        while table[place, 1] and table[place, 0] != key:
            place = (place + 1) & np.int64(mask)
        if not table[place, 1]:
            if found == len(first):
                first = np.concatenate((first, np.empty(found, np.int64)))
            first[found] = offset + i
            found += 1
            table[place, 0], table[place, 1] = key, found
            number = np.uint32(found - 1)
            if 2 * found > len(table):
                old, table = table, np.zeros((4 * len(table), 2), np.uint64)
                mask = np.uint64(len(table) - 1)
                for other in range(len(old)):
                    if old[other, 1]:
                        place = _place(old[other, 0], mask)
                        while table[place, 1]:
                            place = (place + 1) & np.int64(mask)
                        table[place] = old[other]
        else:
            number = np.uint32(table[place, 1] - np.uint64(1))
        numbers[i] = number
    return table, first, found


@njit(cache=True, nogil=True)
def number_triples(look_a, a, look_b, b, c, many_b, many_c, table, numbers):
    """Number what `a` and `b` stand for in their tables together with `c`, where there is room for every combination.

    `table` (-1 everywhere) has a place for each combination; fills `numbers`. Returns the rows at which each number first
    occurs.
    """
    first, found = np.empty(1024, np.int64), 0
    for i in range(len(a)):
        place = (np.int64(look_a[a[i]]) * many_b + look_b[b[i]]) * many_c + c[i]
        number = table[place]
        if number < 0:
            if found == len(first):
                first = np.concatenate((first, np.empty(found, np.int64)))
            number = found
            table[place], first[number] = number, i
            found += 1
        numbers[i] = number
    return first[:found]


@njit(cache=True, nogil=True)
def rises(session, seq):
    """Whether rows stand in the order of session and seq."""
    for i in range(1, len(session)):
        if session[i] < session[i - 1] or (session[i] == session[i - 1] and seq[i] < seq[i - 1]):
            return False
    return True


@njit(cache=True, nogil=True)
def pack(look_a, a, look_b, b, c, many_b, many_c, out):
    """One number for three: what `a` and `b` stand for in their tables, and `c`; fills `out`."""
    for i in range(len(a)):
        out[i] = (np.uint64(look_a[a[i]]) * np.uint64(many_b) + np.uint64(look_b[b[i]])) * np.uint64(
            many_c
        ) + np.uint64(c[i])
