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
def count_up(segment, session, step, app, at, start, end, steps, fragments, switches):
    """Fill for each segment the times of its first and last row, its steps, how many fragments it has, and how many of its
    steps are in another application than the step before.

    A fragment begins where the person's last step before was in another segment; noise between is no interruption.
    """
    last, before = np.full(len(steps), -1), -1
    for i in range(len(segment)):
        if i == 0 or session[i] != session[i - 1]:
            before = -1
        here = segment[i]
        if here < 0:
            continue
        start[here], end[here] = min(start[here], at[i]), max(end[here], at[i])
        if step[i]:
            steps[here] += 1
            fragments[here] += here != before
            switches[here] += last[here] >= 0 and last[here] != app[i]
            last[here], before = app[i], here


@nb.njit(cache=True)
def add_up(group, values, sums):
    """Add up the values of each group (-1 = none) in their order; what is lost in rounding goes to the next (Kahan, 1965)."""
    lost = np.zeros(len(sums))
    for i in range(len(group)):
        here = group[i]
        if here >= 0:
            value = values[i] - lost[here]
            whole = sums[here] + value
            lost[here] = (whole - sums[here]) - value
            sums[here] = whole


@nb.njit(cache=True)
def follow(
    ids, x, model, index, log_next, log_any, background, news, said, worst, hardly, stretches, changes, previous
):
    """Fill for each execution what its steps say of it, each told by the one before it in the execution.

    `model` is the task model of each execution, `news` whether a step shows another record than before. `said` adds up how
    much better the model explains the steps than chance (nats), `worst` is the least of it, `hardly` counts the steps that it
    explains no better, `stretches` how often the execution is taken up, `changes` its news; `previous` is the execution whose
    step stands before it (-1 = none).
    """
    last, before = np.full(len(model), -1), -1
    for i in range(len(ids)):
        own = ids[i]
        if own < 0:
            continue
        if last[own] < 0:
            previous[own] = before
        else:
            pair = index[x[i], x[last[own]]]
            more = max(log_next[pair, model[own]], log_any[x[i], model[own]]) - background[x[i]]
            bounded = min(max(more, -3.0), 6.0)
            said[own] += bounded
            worst[own] = min(worst[own], bounded)
            hardly[own] += more < 0.5
        stretches[own] += own != before
        changes[own] += news[i]
        last[own], before = i, own
