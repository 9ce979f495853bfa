"""The compiled inner loops of segmentation by words: change around a step, boundaries under a prior of the length.

Every pass is O(steps × longest segment) or less and needs no table of steps × words.
"""
# mypy: ignore-errors
# numba infers the types; annotations would only repeat them

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True)
def change(code, points, opens, memory):
    """1 − cosine between what stands before a step and from it on, inside its session; both fade over `memory` steps."""
    n, d = len(code), points.shape[1]
    keep = 1.0 - 1.0 / memory
    after = np.empty((n, d), np.float32)
    for t in range(n - 1, -1, -1):
        follows = t + 1 < n and not opens[t + 1]
        for j in range(d):
            after[t, j] = points[code[t], j] + (keep * after[t + 1, j] if follows else 0.0)
    before = np.zeros(d)
    out = np.ones(n)
    for t in range(n):
        if opens[t]:
            before[:] = 0.0
        product, length1, length2 = 0.0, 0.0, 0.0
        for j in range(d):
            product += before[j] * after[t, j]
            length1 += before[j] * before[j]
            length2 += after[t, j] * after[t, j]
            before[j] = keep * before[j] + points[code[t], j]
        if length1 > 1e-12 and length2 > 1e-12:
            out[t] = 1.0 - product / np.sqrt(length1 * length2)
    return out


@nb.njit(cache=True)
def log_odds(weights, first, column, code, before, measures):
    """Value of the logistic model at every step: words of the step, words of the step before, measures of change."""
    texts, n, m = len(first) - 1, len(code), measures.shape[1]
    words = (len(weights) - m - 1) // 2
    here, last = np.zeros(texts), np.zeros(texts)
    for text in range(texts):
        for cell in range(first[text], first[text + 1]):
            here[text] += weights[column[cell]]
            last[text] += weights[words + column[cell]]
    out = np.empty(n)
    for t in range(n):
        value = weights[2 * words + m] + here[code[t]] + last[before[t]]
        for j in range(m):
            value += weights[2 * words + j] * measures[t, j]
        out[t] = value
    return out


@nb.njit(cache=True)
def logistic_loss(weights, wish, penalty, first, column, code, before, measures, begins):
    """Negative log-likelihood of the boundaries and the penalty for weights that are not as wished, with its slope."""
    texts, m = len(first) - 1, measures.shape[1]
    words = (len(weights) - m - 1) // 2
    values = log_odds(weights, first, column, code, before, measures)
    here, last = np.zeros(texts), np.zeros(texts)
    slope = np.empty(len(weights))
    loss = 0.0
    for j in range(len(weights)):
        slope[j] = penalty[j] * (weights[j] - wish[j])
        loss += 0.5 * slope[j] * (weights[j] - wish[j])
    for t in range(len(code)):
        small = np.exp(-abs(values[t]))
        loss += max(values[t], 0.0) + np.log1p(small) - begins[t] * values[t]
        error = (1.0 / (1.0 + small) if values[t] >= 0.0 else small / (1.0 + small)) - begins[t]
        here[code[t]] += error
        last[before[t]] += error
        for j in range(m):
            slope[2 * words + j] += error * measures[t, j]
        slope[2 * words + m] += error
    for text in range(texts):
        for cell in range(first[text], first[text + 1]):
            slope[column[cell]] += here[text]
            slope[words + column[cell]] += last[text]
    return loss, slope


@nb.njit(cache=True)
def inner(a, b):
    """Scalar product without BLAS, whose threads cost more than they bring on vectors of this size."""
    total = 0.0
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


@nb.njit(cache=True)
def fit_logistic(start, wish, penalty, first, column, code, before, measures, begins, rounds):
    """Weights of the logistic model (L-BFGS with ten remembered steps and backtracking)."""
    memory = 10
    weights = start.copy()
    loss, slope = logistic_loss(weights, wish, penalty, first, column, code, before, measures, begins)
    moves, turns = np.zeros((memory, len(start))), np.zeros((memory, len(start)))
    scale, part = np.zeros(memory), np.zeros(memory)
    known = 0
    for _ in range(rounds):
        direction = -slope
        for back in range(min(known, memory)):
            i = (known - 1 - back) % memory
            part[i] = inner(moves[i], direction) / scale[i]
            direction -= part[i] * turns[i]
        if known > 0:
            i = (known - 1) % memory
            direction *= scale[i] / inner(turns[i], turns[i])
        else:
            direction /= max(np.sqrt(inner(slope, slope)), 1.0)
        for back in range(min(known, memory) - 1, -1, -1):
            i = (known - 1 - back) % memory
            direction += (part[i] - inner(turns[i], direction) / scale[i]) * moves[i]
        descent, size, better = inner(slope, direction), 1.0, False
        for _ in range(20):
            tried = weights + size * direction
            new, new_slope = logistic_loss(tried, wish, penalty, first, column, code, before, measures, begins)
            if new <= loss + 1e-4 * size * descent:
                better = True
                break
            size *= 0.5
        if not better:
            break
        i = known % memory
        moves[i], turns[i] = tried - weights, new_slope - slope
        scale[i] = inner(moves[i], turns[i])
        if scale[i] > 1e-12:
            known += 1
        gained = loss - new
        weights, loss, slope = tried, new, new_slope
        if gained < 1e-6 * max(abs(loss), 1.0):
            break
    return weights


@nb.njit(cache=True)
def place_boundaries(evidence, log_length):
    """The most likely boundaries (semi-Markov Viterbi); the first step always begins a segment."""
    n, longest = len(evidence), len(log_length) - 1
    best = np.full(n + 1, -1e18)
    back = np.zeros(n + 1, np.int64)
    best[0] = 0.0
    for t in range(1, n + 1):
        for length in range(1, min(longest, t) + 1):
            value = best[t - length] + log_length[length]
            if value > best[t]:
                best[t], back[t] = value, t - length
        if t < n:
            best[t] += evidence[t]
    begins = np.zeros(n, np.bool_)
    t = n
    while t > 0:
        t = back[t]
        begins[t] = True
    return begins


@nb.njit(cache=True)
def boundary_chances(evidence, log_length):
    """Probability of a boundary at every step over all ways to place them (forward-backward)."""
    n, longest = len(evidence), len(log_length) - 1
    forward, backward = np.empty(n + 1), np.empty(n + 1)
    forward[0], backward[n] = 0.0, 0.0
    values = np.empty(longest + 1)
    for t in range(1, n + 1):
        reach, top = min(longest, t), -1e18
        for length in range(1, reach + 1):
            values[length] = forward[t - length] + log_length[length]
            top = max(top, values[length])
        total = 0.0
        for length in range(1, reach + 1):
            total += np.exp(values[length] - top)
        forward[t] = top + np.log(total) + (evidence[t] if t < n else 0.0)
    for t in range(n - 1, -1, -1):
        reach, top = min(longest, n - t), -1e18
        for length in range(1, reach + 1):
            values[length] = (
                backward[t + length] + log_length[length] + (evidence[t + length] if t + length < n else 0.0)
            )
            top = max(top, values[length])
        total = 0.0
        for length in range(1, reach + 1):
            total += np.exp(values[length] - top)
        backward[t] = top + np.log(total)
    return np.minimum(np.exp(forward[:n] + backward[:n] - forward[n]), 1.0)
