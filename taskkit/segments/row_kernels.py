"""The compiled loops between what was found for the steps and what is said of every row."""

# mypy: ignore-errors
# numba infers the types, annotations would only repeat them

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True)
def carry(opens, step, aside, acts, leads, scrolls, own, label, source):
    """Fill `source`: the labelled row that each row follows (-1 = none).

    `own` is the labelled row of each step, `label` the segment of each labelled row (-1 = none of both). A step follows
    itself; of the other rows those that are `aside` follow none, and those between two steps of one segment, those that were
    merged into a step and those that scroll the step before; a window that came to the front follows the step after it.
    """
    n = len(own)
    after = -1
    for i in range(n - 1, -1, -1):  # first the step after each row
        if step[i]:
            after = own[i]
        source[i] = after
        if opens[i]:
            after = -1
    before = -1
    for i in range(n):
        if opens[i]:
            before = -1
        after = source[i]
        if step[i]:
            before = source[i] = own[i]
            continue
        source[i] = -1
        if aside[i]:
            continue
        same = before >= 0 and after >= 0 and label[before] >= 0 and label[before] == label[after]
        if same or acts[i]:
            source[i] = before
        elif leads[i]:
            source[i] = after
        elif scrolls[i]:
            source[i] = before


@nb.njit(cache=True)
def number_segments(source, own, label, boundary, ids, begins, sure):
    """Fill the segment of each row, numbered from 0 in order of the first row (-1 = none), and where a segment begins.

    Fills `sure`, too: the greatest `boundary` of each segment's own labelled rows.
    """
    number, fresh = np.full(len(sure), -1, np.int64), 0
    for i in range(len(source)):
        ids[i], begins[i] = -1, False
        if source[i] < 0 or label[source[i]] < 0:
            continue
        here = label[source[i]]
        if number[here] < 0:
            number[here] = fresh
            begins[i] = True
            fresh += 1
        ids[i] = number[here]
        if own[i] >= 0:
            sure[ids[i]] = max(sure[ids[i]], boundary[own[i]])


@nb.njit(cache=True)
def count_changes(segment, app, opens, fragments, switches):
    """Fill for each segment how many of its steps open a fragment, and how many are in another application than the step before."""
    last = np.full(len(switches), -1, np.int64)
    for i in range(len(segment)):
        here = segment[i]
        if opens[i]:
            fragments[here] += 1
        if last[here] >= 0 and last[here] != app[i]:
            switches[here] += 1
        last[here] = app[i]
