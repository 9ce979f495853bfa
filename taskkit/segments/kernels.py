"""The compiled inner loops of the task models: one pass over the steps, O(steps × models).

Tables are indexed (pair of activities, model), so that one step reads the values of all models side by side.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

STAY, NEW, SWITCH = 0, 1, 2  # how a step follows the one before: same stretch, a new segment, suspended or resumed work


@nb.njit(cache=True, fastmath=False)
def decode(
    x, pair1, pair2, gap_score, session_start, log_next, log_skip, log_any, log_start, log_end, log_stay, log_prior,
    background, enter_background, leave_background, stay_background, suspend, again,
):  # fmt: skip
    """The most likely model and kind of every step (Viterbi). Model number K is the background."""
    n, k_models = len(x), log_start.shape[1]
    score = np.empty(k_models, np.float32)
    following = np.empty(k_models, np.float32)
    back_model = np.empty((n, k_models + 1), np.int16)
    back_kind = np.empty((n, k_models + 1), np.int8)
    for k in range(k_models):
        score[k] = log_prior[k] + log_start[x[0], k]
        back_kind[0, k] = NEW
        back_model[0, k] = 0
    rest = enter_background + background[x[0]]
    back_kind[0, k_models] = NEW
    back_model[0, k_models] = 0
    lowest = np.float32(-1e30)
    total = 0.0
    for i in range(1, n):
        a, b, r1, r2, opens = x[i - 1], x[i], pair1[i], pair2[i], session_start[i]
        best_end, end_model = rest + leave_background, k_models
        best_any, any_model = rest, k_models
        for k in range(k_models):
            value = score[k] + log_end[a, k]
            if value > best_end:
                best_end, end_model = value, k
            if score[k] > best_any:
                best_any, any_model = score[k], k
        begin, switch, top = best_end + gap_score[i], best_any + suspend, lowest
        for k in range(k_models):
            emission = max(log_next[r1, k], log_skip[r2, k], log_any[b, k])
            best, source, kind = lowest if opens else score[k] + log_stay[a, k] + emission, k, STAY
            value = begin + log_prior[k] + log_start[b, k]
            if value > best:
                best, source, kind = value, end_model, NEW
            value = score[k] + log_end[a, k] + gap_score[i] + again + log_start[b, k]
            if value > best:
                best, source, kind = value, k, NEW
            value = switch + log_any[b, k]
            if value > best and not opens and any_model != k:
                best, source, kind = value, any_model, SWITCH
            following[k] = best
            back_model[i, k], back_kind[i, k] = source, kind
            top = max(top, best)
        best, source, kind = lowest if opens else rest + stay_background + background[b], k_models, STAY
        value = best_end + enter_background + background[b] + np.float32(0.5) * gap_score[i]
        if value > best:
            best, source, kind = value, end_model, NEW
        value = switch + background[b]
        if value > best and any_model != k_models and not opens:
            best, source, kind = value, any_model, SWITCH
        back_model[i, k_models], back_kind[i, k_models] = source, kind
        top = max(top, best)
        rest = best - top
        total += top
        for k in range(k_models):
            score[k] = following[k] - top
    model, best = k_models, rest
    for k in range(k_models):
        if score[k] > best:
            best, model = score[k], k
    path, kinds = np.empty(n, np.int16), np.empty(n, np.int8)
    for i in range(n - 1, -1, -1):
        path[i], kinds[i] = model, back_kind[i, model]
        model = back_model[i, model]
    return path, kinds, total + best


@nb.njit(cache=True)
def count(x, pair1, pair2, path, kinds, k_models, n_symbols, n_pair1, n_pair2):
    """What every model was seen to do: successors, successors with one step between, activities, starts and ends."""
    n = len(x)
    successors = np.zeros((n_pair1, k_models), np.float32)
    skips = np.zeros((n_pair2, k_models), np.float32)
    activities = np.zeros((n_symbols, k_models), np.float32)
    starts = np.zeros((n_symbols, k_models), np.float32)
    ends = np.zeros((n_symbols, k_models), np.float32)
    sources1 = np.zeros((n_symbols, k_models), np.float32)
    sources2 = np.zeros((n_symbols, k_models), np.float32)
    begun = np.zeros(k_models + 1, np.float32)
    rest = np.zeros(n_symbols, np.float32)
    for i in range(n):
        k = path[i]
        if kinds[i] == NEW:
            begun[k] += 1
        if k == k_models:
            rest[x[i]] += 1
            continue
        activities[x[i], k] += 1
        if kinds[i] == NEW:
            starts[x[i], k] += 1
        elif i > 0 and path[i - 1] == k and kinds[i] == STAY:
            successors[pair1[i], k] += 1
            sources1[x[i - 1], k] += 1
            if i > 1 and path[i - 2] == k and kinds[i - 1] == STAY:
                skips[pair2[i], k] += 1
                sources2[x[i - 2], k] += 1
        if i == n - 1 or kinds[i + 1] == NEW:
            ends[x[i], k] += 1
    return successors, skips, activities, starts, ends, sources1, sources2, begun, rest


@nb.njit(cache=True)
def decode_blocks(x, session_start, log_any, penalty):
    """A sticky unigram model: the first rough division into blocks that use the same activities."""
    n, k_models = len(x), log_any.shape[1]
    score = log_any[x[0]].copy()
    switched = np.empty((n, k_models), np.bool_)
    best_model = np.empty(n, np.int16)
    path = np.empty(n, np.int16)
    for i in range(1, n):
        top, model = score[0], 0
        for k in range(k_models):
            if score[k] > top:
                top, model = score[k], k
        best_model[i] = model
        cost = np.float32(0) if session_start[i] else penalty
        for k in range(k_models):
            value = score[k] - top
            switched[i, k] = value < cost
            score[k] = (cost if value < cost else value) + log_any[x[i], k]
    model = np.argmax(score)
    for i in range(n - 1, -1, -1):
        path[i] = model
        if i > 0 and switched[i, model]:
            model = best_model[i]
    return path


@nb.njit(cache=True)
def number_segments(path, kinds, session_start, k_models, longest):
    """Number the segments; work that was suspended and resumed within `longest` steps keeps its number, background is -1."""
    n = len(path)
    labels = np.full(n, -1, np.int64)
    open_label = np.full(k_models, -1, np.int64)
    last_seen = np.zeros(k_models, np.int64)
    fresh = -1
    for i in range(n):
        if session_start[i]:
            open_label[:] = -1
        k = path[i]
        if k == k_models:
            continue
        known = open_label[k] >= 0 and i - last_seen[k] <= longest
        if kinds[i] == NEW or not known:
            fresh += 1
            open_label[k] = fresh
        labels[i] = open_label[k]
        last_seen[k] = i
    return labels


@nb.njit(cache=True)
def count_near(x, session_start, n_symbols, window):
    """How often two activities stand near one another, weighted by 1/distance."""
    near = np.zeros((n_symbols, n_symbols), np.float32)
    for i in range(len(x)):
        for distance in range(1, window + 1):
            j = i - distance
            if j < 0 or session_start[j + 1]:
                break
            near[x[j], x[i]] += 1.0 / distance
    return near


def pairs(x: np.ndarray[Any, Any], n_symbols: int, lag: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Number the pairs (activity `lag` steps ago, this activity): the number at each step, and the first of each pair."""
    key = np.full(len(x), -1, np.int64)
    key[lag:] = x[:-lag].astype(np.int64) * n_symbols + x[lag:]
    known, number = np.unique(key, return_inverse=True)
    return number.astype(np.int32), np.maximum(known // n_symbols, 0)
