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
def surround(unit, activity, owner, many, rows):
    """The activities before and after the visit that each of the `rows` belongs to: steps in a row with the same unit.

    `many` stands for the start of the segment, `many + 1` for its end.
    """
    n, wanted = len(unit), len(rows)
    before, after = np.empty(wanted, np.int64), np.empty(wanted, np.int64)
    at, here = 0, many
    for i in range(n):
        if i == 0 or owner[i] != owner[i - 1]:
            here = many
        elif unit[i] != unit[i - 1]:
            here = activity[i - 1]
        if at < wanted and rows[at] == i:
            before[at] = here
            at += 1
    at = wanted - 1
    for i in range(n - 1, -1, -1):
        if i == n - 1 or owner[i] != owner[i + 1]:
            here = many + 1
        elif unit[i] != unit[i + 1]:
            here = activity[i + 1]
        if at >= 0 and rows[at] == i:
            after[at] = here
            at -= 1
    return before, after


@njit(cache=True, nogil=True)
def count_follows(code, unit_of, begin, task, person, mark, width, again, table, seen):
    """Count the successions of owners in `table`: times, owners, mark of the last owner, its person plus one.

    Unit 0 is the start or the end of an owner; owners without steps have neither. Without `again` a unit does not follow
    itself. Units are below `width`, so task, before and after are one number, which is the row of the succession; `mark` and
    above are the owners' own.
    """
    for s in range(len(task)):
        first, behind, before = begin[s], begin[s + 1], np.int64(0)
        for i in range(first, behind):
            after = np.int64(unit_of[code[i]])
            if after != before or again:
                _count_one((task[s] * width + before) * width + after, mark + s, person[s], table, seen)
                before = after
        if behind > first:
            _count_one((task[s] * width + before) * width, mark + s, person[s], table, seen)


@njit(cache=True, nogil=True)
def count_some_follows(code, unit_of, begin, task, person, mark, width, again, keys, table, seen, at, found):
    """The same where there is no row for each succession that there can be: it is looked for in `keys` (number plus one).

    `found` are there already; the owners from `at` on are counted. Returns how many are there now and the owner before which
    there was no place left: no array grows here.
    """
    mask = np.uint64(len(keys) - 1)
    for s in range(at, len(task)):
        first, behind, before = begin[s], begin[s + 1], np.int64(0)
        if 2 * (found + behind - first + 1) > len(keys):
            return found, s
        for i in range(first, behind + 1 if behind > first else first):
            after = np.int64(unit_of[code[i]]) if i < behind else np.int64(0)
            if after != before or again or i == behind:
                place, new = _take_place((task[s] * width + before) * width + after, keys, mask)
                _count_one(place, mark + s, person[s], table, seen)
                found += new
                before = after
    return found, len(task)


@njit(cache=True, nogil=True)
def _count_one(place, mark, person, table, seen):
    own, who = np.uint32(mark), np.uint32(person + 1)
    table[place, 0] += np.uint32(1)
    table[place, 1] += np.uint32(table[place, 2] != own)  # no branch: half of them would be guessed wrong
    table[place, 2] = own
    if table[place, 3] != who:  # the owners of one person mostly stand together
        table[place, 3] = who
        seen[place, person] = True


@njit(cache=True, nogil=True)
def _take_place(number, keys, mask):
    """The row of a number, which has it from now on, and whether it is new."""
    place = _find_place(number, keys, mask)
    new = keys[place] == 0
    keys[place] = number + 1
    return place, new


@njit(cache=True, nogil=True)
def find_places(numbers, keys):
    """The rows of numbers that are not in the keys yet."""
    places = np.empty_like(numbers)
    for i in range(len(numbers)):
        places[i], _ = _take_place(numbers[i], keys, np.uint64(len(keys) - 1))
    return places


@njit(cache=True, nogil=True)
def _find_place(key, keys, mask):
    place = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32) & mask)
    while keys[place] and keys[place] != key + 1:
        place = (place + 1) & np.int64(mask)
    return place


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


@njit(cache=True, nogil=True)
def hash_lists(texts, begin, task, single):
    """A 64-bit number of each list of hashed texts within its task; with `single` immediate repeats count once.

    Every step is a permutation of what was before it, so equal numbers of different lists are as rare as chance gives.
    """
    out = np.empty(len(task), np.uint64)
    for s in range(len(task)):
        x = (np.uint64(task[s]) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        for i in range(begin[s], begin[s + 1]):
            if single and i > begin[s] and texts[i] == texts[i - 1]:
                continue
            x = (x ^ texts[i]) * np.uint64(0xBF58476D1CE4E5B9)
            x ^= x >> np.uint64(32)
        out[s] = x
    return out


@njit(cache=True, nogil=True)
def number_dense(keys, table, first, numbers):
    """Number equal keys in the order in which they first occur; `table` (-1 everywhere) has a place for each key.

    Fills `first` (the row of each number's first) and `numbers`; returns how many there are.
    """
    found = 0
    for i in range(len(keys)):
        key = keys[i]
        if table[key] < 0:
            table[key] = found
            first[found] = i
            found += 1
        numbers[i] = table[key]
    return found


@njit(cache=True, nogil=True)
def take_made(begin, chosen, made, unit):
    """The units that make the way of the chosen owners, one after the other, and where each owner's begin."""
    starts = np.zeros(len(chosen) + 1, np.int64)
    for c in range(len(chosen)):
        number = 0
        for i in range(begin[chosen[c]], begin[chosen[c] + 1]):
            number += made[i]
        starts[c + 1] = starts[c] + number
    units, found = np.empty(starts[-1], np.int64), 0
    for c in range(len(chosen)):
        for i in range(begin[chosen[c]], begin[chosen[c] + 1]):
            if made[i]:
                units[found] = unit[i]
                found += 1
    return starts, units


@njit(cache=True, nogil=True)
def order_ways(task, times, begin, place):
    """The ways by task, then the more frequent first, then in order of text: `place` is that of each step's text among all.

    A merge sort: most ways occur once or twice, so it is the texts that decide, and a comparison ends where they differ.
    """
    n = len(task)
    order, other = np.arange(n), np.empty(n, np.int64)
    width = 1
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            a, b = low, middle
            for at in range(low, high):
                if a < middle and (b >= high or _not_after(order[a], order[b], task, times, begin, place)):
                    other[at], a = order[a], a + 1
                else:
                    other[at], b = order[b], b + 1
        order, other, width = other, order, 2 * width
    return order


@njit(cache=True, nogil=True)
def _not_after(one, two, task, times, begin, place):
    """Whether way `one` comes before way `two`, or they are equal."""
    if task[one] != task[two]:
        return task[one] < task[two]
    if times[one] != times[two]:
        return times[one] > times[two]
    size, against = begin[one + 1] - begin[one], begin[two + 1] - begin[two]
    for i in range(min(size, against)):
        here, there = place[begin[one] + i], place[begin[two] + i]
        if here != there:
            return here < there
    return size <= against


@njit(cache=True, nogil=True)
def measure_groups(group, many, user, users, seconds, ascending, marked):
    """Of each group of rows: how many, how many users and marked rows, and lower quartile, median and upper quartile.

    `ascending` are the rows in order of their seconds, rows without (not a number) last; those have no part in the
    quartiles, and a group of such rows has not a number. Taking the rows in that order sorts every group at once. The
    lower and upper quartile are the nearest seconds that were seen.
    """
    size, people, marks = np.zeros(many, np.int64), np.zeros(many, np.int64), np.zeros(many, np.int64)
    known = np.zeros(many, np.int64)
    for i in range(len(group)):
        size[group[i]] += 1
        marks[group[i]] += marked[i]
        known[group[i]] += seconds[i] == seconds[i]
    begin, free, rows = np.zeros(many + 1, np.int64), np.zeros(many, np.int64), np.empty(len(group), np.int64)
    for g in range(many):  # numpy's cumulated sum takes seconds to compile
        free[g], begin[g + 1] = begin[g], begin[g] + size[g]
    for row in ascending:
        rows[free[group[row]]] = row
        free[group[row]] += 1
    last, three = np.full(users, -1, np.int64), np.full((many, 3), np.nan)
    for g in range(many):
        first, last_one = begin[g], known[g] - 1
        for at in range(first, begin[g + 1]):
            if last[user[rows[at]]] != g:
                last[user[rows[at]]] = g
                people[g] += 1
        if last_one >= 0:
            three[g, 0] = seconds[rows[first + int(last_one * 0.25 + 0.5)]]
            low, high = seconds[rows[first + last_one // 2]], seconds[rows[first + (last_one + 1) // 2]]
            three[g, 1] = (low + high) / 2
            three[g, 2] = seconds[rows[first + int(last_one * 0.75 + 0.5)]]
    return size, people, marks, three


@njit(cache=True, nogil=True)
def sum_per_step(begin, steps, owner, is_step, seconds):
    """Seconds of each of the `steps` of all owners, whose events come in order; not a number where no event tells.

    An event that is no step counts for the step before it, those before the first step for the first.
    """
    out, done = np.full(steps, np.nan), np.zeros(len(begin) - 1, np.int64)
    for i in range(len(owner)):
        own = owner[i]
        done[own] += is_step[i]
        at = begin[own] + max(done[own] - 1, 0)
        if at < begin[own + 1] and seconds[i] == seconds[i]:
            out[at] = seconds[i] if np.isnan(out[at]) else out[at] + seconds[i]
    return out


@njit(cache=True, nogil=True)
def sum_per_unit(begin, unit, seconds, place, many):
    """Seconds that each owner with a `place` spends on each of its units: pairs of (place, unit) as one number and a sum."""
    key, sums = np.empty(len(unit), np.int64), np.empty(len(unit), np.float64)
    total, found = np.full(many, np.nan), 0
    for s in range(len(place)):
        if place[s] < 0:
            continue
        for i in range(begin[s], begin[s + 1]):
            if seconds[i] == seconds[i]:
                total[unit[i]] = seconds[i] if np.isnan(total[unit[i]]) else total[unit[i]] + seconds[i]
        for i in range(begin[s], begin[s + 1]):
            if total[unit[i]] == total[unit[i]]:
                key[found], sums[found] = place[s] * many + unit[i], total[unit[i]]
                total[unit[i]] = np.nan
                found += 1
    return key[:found], sums[:found]
