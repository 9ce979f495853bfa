"""The compiled loops of the first divisions: blocks that use the same activities, and activities near one another."""

# mypy: ignore-errors
# numba infers the types, annotations would only repeat them

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True)
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


@nb.njit(cache=True, nogil=True)
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
