"""The inner loops between rows and cases, compiled: one pass over the rows each.

Cases are numbers: 0 … `known` - 1 are cases of the process, from `known` on numbers that are written like a case and are
none, NONE is nothing and SEVERAL more than one.
"""

# mypy: ignore-errors
# numba infers the types, annotations would only repeat them

from __future__ import annotations

import numpy as np
from numba import njit

NONE, SEVERAL = -1, -2
# what speaks for a case, in the order of `taskkit.overlay.attribution.CONFIDENCE`; NONE where nothing does
(
    OWN, BETWEEN_INSIDE, BETWEEN_OUTSIDE, ATTRIBUTE, VALUE, VALUE_INSIDE, VALUE_OUTSIDE, SEGMENT, TALK_OF_SEGMENT, BOOKED, CARRIED,
    BOOKING,
) = range(12)  # fmt: skip
COPIES, PASTES, SHORT = 1, 2, 4  # what a row does with a value; and that its window was only passed over
TALKS, BARRED, UNREAD = 1, 2, 4  # what an application is: talk, never work on a case, and what it shows does not count
FAR = np.iinfo(np.int64).max // 4


@njit(cache=True, nogil=True)
def add_texts(cases, numbers, of_text):
    """Merge what one column of texts shows into `cases`: nothing, one case, or several."""
    for i in range(len(cases)):
        shown = of_text[numbers[i]]
        if shown != NONE and shown != cases[i]:
            cases[i] = shown if cases[i] == NONE else SEVERAL


@njit(cache=True, nogil=True)
def add_references(cases, numbers, of_text, known):
    """What is stated as a reference comes first; a number that the process does not know gives way to one that it knows."""
    for i in range(len(cases)):
        stated = of_text[numbers[i]]
        if stated >= 0 and (stated < known or cases[i] < 0):
            cases[i] = stated
        elif cases[i] == SEVERAL:
            cases[i] = NONE


@njit(cache=True, nogil=True)
def settle_values(shown, digest, many, known):
    """The case with which each value was seen: NONE, one, or SEVERAL."""
    case = np.full(many, NONE, np.int32)
    for i in range(len(shown)):
        if digest[i] >= 0 and 0 <= shown[i] < known and case[digest[i]] != shown[i]:
            case[digest[i]] = shown[i] if case[digest[i]] == NONE else SEVERAL
    return case


@njit(cache=True, nogil=True)
def _open_case(value, at, starts, cases, opens, closes):
    """The only case that has this value as an attribute and is open at that time."""
    found = NONE
    for place in range(starts[value], starts[value + 1]):
        case = cases[place]
        if opens[case] <= at <= closes[case]:
            if found != NONE:
                return NONE
            found = case
    return found


@njit(cache=True, nogil=True)
def refer(user, at, shown, doing, digest, seen_with, starts, cases, opens, closes, shift, carried, rule):
    """Add to `shown` what the values say that were copied, pasted or entered; fills `rule` with where each comes from."""
    clip, clip_case, clip_at, owner = -1, NONE, -FAR, -1
    for i in range(len(shown)):
        if user[i] != owner:
            clip, clip_case, clip_at, owner = -1, NONE, -FAR, user[i]
        if doing[i] & SHORT:
            shown[i] = NONE
        rule[i] = OWN if shown[i] != NONE else NONE
        value = digest[i]
        if shown[i] == NONE and value >= 0:
            case = _open_case(value, at[i] + shift[owner], starts, cases, opens, closes)
            if case != NONE:
                shown[i], rule[i] = case, ATTRIBUTE
            elif seen_with[value] >= 0:
                shown[i], rule[i] = seen_with[value], VALUE
            elif doing[i] & PASTES and value == clip and clip_case >= 0 and at[i] - clip_at <= carried:
                shown[i], rule[i] = clip_case, VALUE
        if doing[i] & COPIES and value >= 0:
            clip, clip_case, clip_at = value, shown[i], at[i]


@njit(cache=True, nogil=True)
def settle_segments(shown, segment, many):
    """The case that all references of a segment agree on: NONE without any, else one or SEVERAL."""
    case = np.full(many, NONE, np.int32)
    for i in range(len(shown)):
        group = segment[i]
        if group >= 0 and shown[i] != NONE and case[group] != shown[i]:
            case[group] = shown[i] if case[group] == NONE else SEVERAL
    return case


@njit(cache=True, nogil=True)
def look_back(user, at, app, shown, rule, segment, of_segment, last, last_at, last_rule, any_at, entered):
    """Fill in the last reference of the row's own segment or, outside segments that show any, of the person's.

    `any_at` is when the person last saw any reference, `entered` when the application in front came to the front.
    """
    seen = np.full(len(of_segment), -1, np.int64)
    owner, out_row, any_row = -1, -1, -1
    for i in range(len(shown)):
        if user[i] != owner:
            owner, out_row, any_row, entered[i] = user[i], -1, -1, at[i]
        else:
            entered[i] = entered[i - 1] if app[i] == app[i - 1] else at[i]
        group = segment[i]
        inside = group >= 0 and of_segment[group] != NONE
        if shown[i] != NONE:
            any_row = i
            if inside:
                seen[group] = i
            else:
                out_row = i
        row = seen[group] if inside else out_row
        last[i], last_at[i], last_rule[i] = NONE, -FAR, NONE
        if row >= 0:
            last[i], last_at[i], last_rule[i] = shown[row], at[row], rule[row]
        any_at[i] = at[any_row] if any_row >= 0 else -FAR


@njit(cache=True, nogil=True)
def decide(
    user, at, app, kind, shown, rule, segment, of_segment, last, last_at, last_rule, any_at, entered, shift, first, when, booked,
    carried, close, ahead, case, source, age,
):  # fmt: skip
    """From the last row to the first: the case of every row, the rule that found it, and how far away the evidence was.

    `first`, `when`, `booked` are the bookings of each person in order of time, by the process's clock, `shift` how far that
    is ahead. Fills `case`, `source` and `age` (microseconds).
    """
    seen = np.full(len(of_segment), -1, np.int64)
    owner, out_row, any_row, place, left = -1, -1, -1, 0, 0
    for i in range(len(shown) - 1, -1, -1):
        if user[i] != owner:
            owner, out_row, any_row, place, left = user[i], -1, -1, first[user[i] + 1], at[i]
        elif app[i] != app[i + 1]:
            left = at[i + 1]
        group = segment[i]
        inside = group >= 0 and of_segment[group] != NONE
        if shown[i] != NONE:
            any_row = i
            if inside:
                seen[group] = i
            else:
                out_row = i
        row = seen[group] if inside else out_row
        case[i], source[i], age[i] = NONE, NONE, 0
        what = kind[app[i]]
        if what & BARRED:
            continue
        # the first booking that is not over yet: `place` follows the rows, which the clock orders but for its jumps
        now = at[i] + shift[owner]
        while place > first[owner] and when[place - 1] >= now:
            place -= 1
        while place < first[owner + 1] and when[place] < now:
            place += 1
        since = abs(at[i] - last_at[i])
        until = abs(at[row] - at[i]) if row >= 0 else FAR
        following = shown[row] if row >= 0 else NONE
        if shown[i] != NONE:
            case[i], source[i] = shown[i], rule[i]
        elif not what & TALKS and last[i] != NONE and last[i] == following and since <= carried and until <= carried:
            case[i], age[i] = last[i], since + until
            if last_rule[i] == OWN and rule[row] == OWN:
                source[i] = BETWEEN_INSIDE if inside else BETWEEN_OUTSIDE
            else:
                source[i] = VALUE_INSIDE if inside else VALUE_OUTSIDE
        elif inside and of_segment[group] >= 0:
            case[i], source[i], age[i] = of_segment[group], SEGMENT, min(since, until)
            if what & TALKS:  # how long the person stayed there: a glance is about anything
                source[i], age[i] = TALK_OF_SEGMENT, abs(left - entered[i])
        elif not what & TALKS:
            many = 0  # bookings of the next moment at which the person booked
            if place < first[owner + 1] and when[place] - now <= ahead:
                while place + many < first[owner + 1] and when[place + many] == when[place]:
                    many += 1
            of_next, of_last = False, False
            if following != NONE and until <= close:
                of_next = _holds(booked, place, many, following)
            if last[i] != NONE and since <= close:
                of_last = _holds(booked, place, many, last[i])
            free = place == first[owner] or when[place - 1] - shift[owner] < last_at[i]
            if of_next:
                case[i], source[i], age[i] = following, BOOKED, until
            elif of_last:
                case[i], source[i], age[i] = last[i], BOOKED, since
            elif last[i] != NONE and since <= close and free:
                case[i], source[i], age[i] = last[i], CARRIED, since
            elif many == 1:
                near = abs(at[i] - any_at[i])
                if any_row >= 0:
                    near = min(near, abs(at[any_row] - at[i]))
                if near > carried:
                    case[i], source[i], age[i] = booked[place], BOOKING, when[place] - now


@njit(cache=True, nogil=True)
def grade(case, source, age, known, until, shares, least, confidence):
    """The confidence of every row by its evidence's kind and distance; no case for what is none or has less than `least`.

    `until` and `shares` have one row per kind: upper ends of distance, rising, and the share that is right up to there.
    """
    for i in range(len(case)):
        confidence[i] = np.nan
        if 0 <= case[i] < known:
            band = 0
            while age[i] > until[source[i], band]:
                band += 1
            if shares[source[i], band] >= least:
                confidence[i] = shares[source[i], band]
        if np.isnan(confidence[i]):
            case[i], source[i] = NONE, NONE


@njit(cache=True, nogil=True)
def _holds(booked, place, many, case):
    """Whether a sorted stretch of bookings holds a case."""
    low, high = place, place + many
    while low < high:
        middle = (low + high) // 2
        if booked[middle] < case:
            low = middle + 1
        else:
            high = middle
    return low < place + many and booked[low] == case


@njit(cache=True, nogil=True)
def find_offsets(user, at, shown, known, first, when, booked, reach, width, step, found):
    """For each person the clock difference that explains most bookings, by the rows that show the booked case.

    Fills `found`: the middle difference of the best window, how many bookings it explains, the earliest and the latest
    middle of a window that is nearly as good, and how many bookings could have spoken.
    """
    head, follows = np.full(known, -1, np.int64), np.empty(len(shown), np.int64)
    slots, wide = 2 * reach // step + 1, width // step
    count, stamp = np.zeros(slots + wide, np.int64), np.zeros(slots + wide, np.int64)
    number, start = 0, 0
    while start < len(user):
        owner, end = user[start], start
        while end < len(user) and user[end] == owner:
            if 0 <= shown[end] < known:
                follows[end], head[shown[end]] = head[shown[end]], end
            end += 1
        count[:] = 0
        spoke = 0
        for place in range(first[owner], first[owner + 1]):
            number, before, row = number + 1, number, head[booked[place]]
            while row >= 0:
                apart = when[place] - at[row]
                if abs(apart) <= reach:
                    slot = (apart + reach) // step
                    for window in range(slot + 1, slot + wide + 1):  # windows begin `wide` - 1 slots earlier
                        if stamp[window] != number:
                            stamp[window] = number
                            count[window] += 1
                    before = -1
                row = follows[row]
            spoke += before < 0
        best = 0
        for window in range(slots + wide):
            nearer = abs(2 * window - slots - wide) < abs(2 * best - slots - wide)
            if count[window] > count[best] or (count[window] == count[best] and nearer):
                best = window
        if count[best]:
            low, high = best, best
            for window in range(slots + wide):
                if count[window] >= count[best] - 2 * np.sqrt(count[best]) and count[window] > 0:
                    low, high = min(low, window), max(high, window)
            begin = (best - wide) * step - reach  # of the window that holds slots best - wide … best - 1
            apart_all, size = np.empty(64, np.float64), 0
            for place in range(first[owner], first[owner + 1]):
                row = head[booked[place]]
                while row >= 0:
                    apart = when[place] - at[row]
                    if begin <= apart < begin + wide * step and abs(apart) <= reach:
                        if size == len(apart_all):
                            apart_all = np.concatenate((apart_all, np.empty(size, np.float64)))
                        apart_all[size] = apart
                        size += 1
                    row = follows[row]
            found[owner, 0], found[owner, 1] = np.median(apart_all[:size]), count[best]
            found[owner, 2] = (low - wide) * step - reach + width / 2
            found[owner, 3] = (high - wide) * step - reach + width / 2
            found[owner, 4] = spoke
        for i in range(start, end):
            if 0 <= shown[i] < known:
                head[shown[i]] = -1
        start = end
