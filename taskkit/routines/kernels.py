"""The inner loops of routine discovery, compiled: growing sequences, comparing them, and writing the log with them.

Steps are numbers in one array `x`, unit after unit; a negative number is an activity too rare to be part of a routine, it
only fills gaps. `end` is the first position after a step's unit, `weight` how many equal units the step's unit stands for.
An occurrence is known by its last step and the latest first step from which that can be reached: with a gap limit the
latest first steps rise with the last ones, so the shortest way to a step is the one over the nearest occurrence before it,
and every step is looked at once.
"""

from __future__ import annotations

import numpy as np
from numba import njit

GAP_BITS = 1.0  # what a step that is passed over inside a routine costs in the description of the log


@njit(cache=True, nogil=True)
def grow(x, end, weight, symbols, needed, gap, min_length, max_length, disjoint, tolerant, most, budget):
    """Every sequence of at least `needed` support that no further step continues with the same support, depth first.

    Support is the weight of the units that hold the sequence; with `disjoint` that of its occurrences without overlap.
    A sequence that passes over the same activity wherever it occurs is not grown: the one with that activity has all that
    it has. With `tolerant` passing over it in most of the occurrences is enough. Returns activities, offsets, supports, and
    whether it stayed within `most` sequences and `budget` steps looked at.
    """
    depth, found, work = max_length + 1, 0, 0
    # occurrences of all levels, one behind another
    lasts, firsts = np.empty(len(x), np.int32), np.empty(len(x), np.int32)
    activities, offsets, supports = np.empty(1024, np.int32), np.zeros(most + 1, np.int64), np.empty(most, np.int64)
    child, support = np.empty((depth, symbols), np.int32), np.empty((depth, symbols), np.int64)
    place = np.zeros((depth, symbols + 1), np.int64)
    children, turn = np.zeros(depth, np.int64), np.zeros(depth, np.int64)
    count, seen, taken = np.zeros(symbols, np.int64), np.zeros(symbols, np.int64), np.full(symbols, -1, np.int64)
    passed, touched = np.full((symbols, gap + 1), -1, np.int32), np.empty(symbols, np.int32)
    path, votes = np.empty(depth, np.int32), np.zeros((symbols, 2), np.int64)
    level, begin, stop, own = 0, 0, len(x), 0
    while True:
        best, many = 0, 0
        if level < max_length:
            work += (stop - begin) * (gap + 1)
            many = _count(x, end, weight, lasts, firsts, begin, stop, level == 0, gap, disjoint, count, seen, taken, passed,
                          votes, touched)  # fmt: skip
            kept = 0
            for b in np.sort(touched[:many]):
                mostly = tolerant and votes[b, 0] >= 0 and 2 * votes[b, 1] >= count[b]
                best = max(best, 0 if mostly else seen[b])
                size, count[b], taken[b] = count[b], -1, -1
                if seen[b] >= needed and not mostly and passed[b].max() < 0:
                    child[level, kept], place[level, kept], support[level, kept] = b, own, seen[b]
                    count[b] = own
                    own += size
                    kept += 1
            children[level], place[level, kept] = kept, own
            if own > len(lasts):
                lasts, firsts = _longer(lasts, own), _longer(firsts, own)
            if kept:
                _place(x, end, lasts, firsts, begin, stop, level == 0, gap, count)
            for k in range(many):
                count[touched[k]] = 0
        else:
            children[level] = 0
        if level >= min_length and best < support[level - 1, turn[level - 1] - 1]:
            if found == most:
                return activities[:0], offsets[:1], supports[:0], False
            at = offsets[found]
            if at + level > len(activities):
                activities = _longer(activities, at + level)
            activities[at : at + level] = path[:level]
            supports[found] = support[level - 1, turn[level - 1] - 1]
            found += 1
            offsets[found] = at + level
        if work > budget:
            return activities[:0], offsets[:1], supports[:0], False
        turn[level] = 0
        while level >= 0 and turn[level] == children[level]:
            level -= 1
        if level < 0:
            return activities[: offsets[found]], offsets[: found + 1], supports[:found], True
        k = turn[level]
        turn[level], path[level] = k + 1, child[level, k]
        begin, stop, own = place[level, k], place[level, k + 1], place[level, children[level]]
        level += 1


@njit(cache=True, nogil=True)
def _longer(values, needed):
    larger = np.empty(max(needed, 2 * len(values)), values.dtype)
    larger[: len(values)] = values
    return larger


@njit(cache=True, nogil=True)
def _among(values, wanted):
    """Whether a value is among a few; comparing whole arrays would make a new one at every call."""
    found = False
    for value in values:
        found = found or value == wanted
    return found


@njit(cache=True, nogil=True)
def _written_so(coded, positions, own):
    found = False
    for position in positions:
        found = found or coded[position] == own
    return found


@njit(cache=True, nogil=True)
def _window(end, lasts, j, stop, gap):
    """First and last position that is nearer to occurrence j than to the one after it, and within the gap."""
    p = lasts[j]
    high = min(end[p] - 1, p + 1 + gap)
    if j + 1 < stop:
        high = min(high, lasts[j + 1])
    return p + 1, high


@njit(cache=True, nogil=True)
def _count(x, end, weight, lasts, firsts, begin, stop, root, gap, disjoint, count, seen, taken, passed, votes, touched):
    """How often each activity can follow the occurrences begin … stop, its support, and what is passed over on the way.

    `passed`: what is passed over each time. `votes`: the majority vote on what is passed over last (-1: nothing), and by
    how much it leads.
    """
    many = 0
    for j in range(begin, stop):
        if root:
            low, high, first = j, j, j
        else:
            low, high = _window(end, lasts, j, stop, gap)
            first = firsts[j]
        for q in range(low, high + 1):
            b = x[q]
            if b < 0:
                continue
            if count[b] == 0:
                touched[many] = b
                many += 1
                seen[b] = 0
                votes[b, 1] = 0
                passed[b, :] = -1
                for k in range(q - low):
                    passed[b, k] = x[low + k]
            else:
                for k in range(gap):
                    if passed[b, k] >= 0 and not _among(x[low:q], passed[b, k]):
                        passed[b, k] = -1
            count[b] += 1
            before = x[q - 1] if q > low else -1
            if votes[b, 1] == 0:
                votes[b, 0], votes[b, 1] = before, 1
            else:
                votes[b, 1] += 1 if votes[b, 0] == before else -1
            if first > taken[b]:
                seen[b] += weight[q]
                taken[b] = q if disjoint else end[q] - 1
    return many


@njit(cache=True, nogil=True)
def _place(x, end, lasts, firsts, begin, stop, root, gap, count):
    """Write the occurrences of the children to where `count` says (negative: not wanted)."""
    for j in range(begin, stop):
        if root:
            low, high, first = j, j, j
        else:
            low, high = _window(end, lasts, j, stop, gap)
            first = firsts[j]
        for q in range(low, high + 1):
            b = x[q]
            if b >= 0 and count[b] >= 0:
                lasts[count[b]], firsts[count[b]] = q, first
                count[b] += 1


@njit(cache=True, nogil=True)
def closed(activities, offsets, supports, order):
    """Which sequences no longer one with at least the same support contains; `order` has the longest first."""
    many, held = len(supports), 0
    keep, marks, kept = np.zeros(many, np.bool_), np.zeros(many, np.uint64), np.empty(many, np.int64)
    for i in order:
        part = activities[offsets[i] : offsets[i + 1]]
        for item in part:
            marks[i] |= np.uint64(1) << np.uint64(item % 64)
        inside = False
        for k in range(held):
            j = kept[k]
            if supports[j] >= supports[i] and marks[i] & ~marks[j] == 0:
                whole = activities[offsets[j] : offsets[j + 1]]
                inside = len(whole) > len(part) and _is_part(part, whole)
                if inside:
                    break
        if not inside:
            keep[i], kept[held] = True, i
            held += 1
    return keep


@njit(cache=True, nogil=True)
def _is_part(part, whole):
    k = 0
    for item in whole:
        if k < len(part) and part[k] == item:
            k += 1
    return k == len(part)


@njit(cache=True, nogil=True)
def occurrences(x, end, places, begins, pattern, gap):
    """Positions of the steps of one sequence, one row an occurrence, by rising last step.

    `places` are the positions of all steps by activity, those of activity a from begins[a] to begins[a + 1].
    """
    length, size = len(pattern), begins[pattern[0] + 1] - begins[pattern[0]]
    at, back = np.empty((length, size), np.int32), np.empty((length, size), np.int32)  # back: what it continues
    at[0] = places[begins[pattern[0]] : begins[pattern[0]] + size]
    for i in range(1, length):
        reached = 0
        for j in range(size):
            low, high = _window(end, at[i - 1], j, size, gap)
            for q in range(low, high + 1):
                if x[q] == pattern[i]:
                    if reached == at.shape[1]:
                        at, back = _wider(at), _wider(back)
                    at[i, reached], back[i, reached] = q, j
                    reached += 1
        size = reached
    steps = np.empty((size, length), np.int32)
    for j in range(size):
        k = j
        for i in range(length - 1, -1, -1):
            steps[j, i] = at[i, k]
            k = back[i, k]
    return steps


@njit(cache=True, nogil=True)
def _wider(table):
    wider = np.empty((table.shape[0], 2 * table.shape[1] + 1), table.dtype)
    wider[:, : table.shape[1]] = table
    return wider


@njit(cache=True, nogil=True)
def without_overlap(steps):
    """As many occurrences as can be without overlap: always the one that ends first."""
    chosen, size, last = np.empty(len(steps), np.int64), 0, -1
    for j in range(len(steps)):
        if steps[j, 0] > last:
            chosen[size] = j
            size += 1
            last = steps[j, -1]
    return steps[chosen[:size]]


@njit(cache=True, nogil=True)
def rewrite(x, weight, steps, code, own_bits, bits, usage, coded, by_code, until, adopt):
    """Bits by which the log gets shorter if the occurrences `steps` are written as `code`, and bits of one as it stands now.

    `adopt` writes them.

    `coded` has for every step the first step of the routine it is written with (-1: by itself), `by_code` and `until` for
    such a first step the routine's code and last step. An occurrence is taken where it is shorter than what stands there;
    a routine that it cuts is undone.
    """
    change, undone, gaps, now_bits = np.zeros(len(usage), np.int64), np.zeros(len(x), np.bool_), 0.0, 0.0
    for row in steps:
        passed_over = row[-1] - row[0] + 1 - len(row)
        saved = _saved(x, row, bits, coded, by_code, until, undone)
        now_bits += saved / len(steps)
        if saved <= own_bits + GAP_BITS * passed_over:
            continue
        change[code] += weight[row[0]]
        gaps += weight[row[0]] * GAP_BITS * passed_over
        gaps -= weight[row[0]] * GAP_BITS * _replace(x, row, weight[row[0]], change, coded, by_code, until, undone)
        for position in row:
            own = coded[position]
            if own >= 0:
                undone[own] = True
        if adopt:
            for position in row:
                own = coded[position]
                if own >= 0:
                    undone[own] = False
                    for r in range(own, until[own] + 1):
                        if coded[r] == own:
                            coded[r] = -1
            coded[row] = row[0]
            by_code[row[0]], until[row[0]] = code, row[-1]
    total, later = usage.sum(), usage.sum() + change.sum()
    shorter = total * np.log2(total) - later * np.log2(later) - gaps
    for c in np.flatnonzero(change):
        now = usage[c] + change[c]
        shorter += (now * np.log2(now) if now else 0.0) - (usage[c] * np.log2(usage[c]) if usage[c] else 0.0)
    if adopt:
        usage += change
    return shorter, now_bits


@njit(cache=True, nogil=True)
def _saved(x, row, bits, coded, by_code, until, undone):
    """Bits of what stands where an occurrence would be written, less those of the steps that a cut routine sets free."""
    saved = 0.0
    for k in range(len(row)):
        own = coded[row[k]]
        if own < 0 or undone[own]:
            saved += bits[x[row[k]]]
        elif not _written_so(coded, row[:k], own):
            saved += bits[by_code[own]]
            for r in range(own, until[own] + 1):
                if coded[r] != own:
                    saved += GAP_BITS
                elif not _among(row, r):
                    saved -= bits[x[r]]
    return saved


@njit(cache=True, nogil=True)
def _replace(x, row, weight, change, coded, by_code, until, undone):
    """Take what stands at the steps of an occurrence out of the usage; returns how many steps were passed over in it."""
    passed_over = 0
    for k in range(len(row)):
        own = coded[row[k]]
        if own < 0 or undone[own]:
            change[x[row[k]]] -= weight
        elif not _written_so(coded, row[:k], own):
            change[by_code[own]] -= weight
            for r in range(own, until[own] + 1):
                if coded[r] != own:
                    passed_over += 1
                elif not _among(row, r):
                    change[x[r]] += weight
    return passed_over
