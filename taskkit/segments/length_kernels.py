"""The compiled count of how many nats a division needs to describe the log.

Everything is coded in turn with what has been seen so far (prequential: Dawid, J. Royal Statistical Society A 147, 1984;
Rissanen, IEEE Trans. Information Theory 30, 1984), so that models that are not worth their parameters cost more than they
save; unseen activities back off from pair to model to log (Witten & Bell, IEEE Trans. Information Theory 37, 1991).
"""

from __future__ import annotations

import numba as nb
import numpy as np

MOST_HOPS = 20  # steps of the same kind of record that are looked back over
KNOWN_RECORDS = 50  # a record that comes back is one of at most this many
LEAST = 1e-250  # a product of shares below this is near the end of what a number can hold


@nb.njit(cache=True, inline="always")
def add(nats, product, share):
    """Nats and a product of shares that is still to be taken the logarithm of, with one more: logarithms are slow."""
    product *= share
    if product < LEAST:
        nats -= np.log(product)
        product = 1.0
    return nats, product


@nb.njit(cache=True, nogil=True)
def measure_length(
    x, path, ids, opens, index, k_models, n_symbols, n_pairs, kind, before, token, earlier, n_kinds,
):  # fmt: skip
    """Nats for the activities with the division, and nats for the records given the division."""
    n, n_executions = len(x), ids.max() + 1
    final, after = np.full(n_executions, -1, np.int64), np.full(n, -1, np.int64)
    coming = -1
    for i in range(n - 1, -1, -1):
        after[i] = coming  # the next step of the session that belongs to an execution
        if ids[i] >= 0:
            coming = i
            if final[ids[i]] < 0:
                final[ids[i]] = i
        if opens[i]:
            coming = -1
    latest = np.full(n_executions, -1, np.int64)
    pair = np.zeros((n_pairs, k_models), np.int32)
    context, variety = np.zeros((n_symbols, k_models), np.int32), np.zeros((n_symbols, k_models), np.int32)
    ended, paused = np.zeros((n_symbols, k_models), np.int32), np.zeros((n_symbols, k_models), np.int32)
    used, used_total, used_kinds = np.zeros((n_symbols, k_models), np.int32), np.zeros(k_models), np.zeros(k_models)
    begun, begun_total, begun_kinds = np.zeros((n_symbols, k_models), np.int32), np.zeros(k_models), np.zeros(k_models)
    anywhere, n_anywhere = np.zeros(n_symbols), 0.0
    idle, n_idle, idle_kinds = np.zeros(n_symbols), 0.0, 0.0
    chosen, n_chosen = np.full(k_models + 1, 0.5), 0.5 * (k_models + 1)
    inside, outside = np.full(2, 0.5), np.full((2, 3), 0.5)
    waiting, n_pauses, current = 0, 0.5, -1
    kept, known, n_known = np.full((n_kinds, 2), 0.5), np.full((n_kinds, 2), 0.5), np.zeros(n_kinds)
    symbols, said, records, shown = 0.0, 1.0, 0.0, 1.0
    for i in range(n):
        b, c = x[i], ids[i]
        plain = (anywhere[b] + 10.0 / n_symbols) / (n_anywhere + 10.0)
        anywhere[b] += 1
        n_anywhere += 1
        if opens[i]:
            current, waiting = -1, 0
            n_known[:] = 0
        # what kind of step it is
        if current >= 0:
            event = 1 if c < 0 else 0
            symbols, said = add(symbols, said, inside[event] / inside.sum())
            inside[event] += 1
        else:
            event = 0 if c < 0 else (1 if latest[c] < 0 else 2)
            if waiting > 0:
                symbols, said = add(symbols, said, outside[1, event] / outside[1].sum())
                outside[1, event] += 1
            else:
                symbols, said = add(symbols, said, outside[0, event] / (outside[0, 0] + outside[0, 1] + 0.01))
                outside[0, event] += 1
            if event == 2:
                symbols, said = add(symbols, said, 1 / max(waiting, 1))
                waiting -= 1
        # which activity it is
        if c < 0:
            symbols, said = add(symbols, said, (idle[b] + (idle_kinds + 1) * plain) / (n_idle + idle_kinds + 1))
            idle_kinds += idle[b] == 0
            idle[b] += 1
            n_idle += 1
        else:
            k = path[i]
            likely = (used[b, k] + (used_kinds[k] + 1) * plain) / (used_total[k] + used_kinds[k] + 1)
            if latest[c] < 0:
                symbols, said = add(symbols, said, chosen[k] / n_chosen)
                chosen[k] += 1
                n_chosen += 1
                own = (begun[b, k] + (begun_kinds[k] + 0.5) * likely) / (begun_total[k] + begun_kinds[k] + 0.5)
                symbols, said = add(symbols, said, own)
                begun_kinds[k] += begun[b, k] == 0
                begun[b, k] += 1
                begun_total[k] += 1
            else:
                a = x[latest[c]]
                r = index[b, a]
                seen = pair[r, k] if r > 0 else 0
                own = (seen + (variety[a, k] + 0.5) * likely) / (context[a, k] + variety[a, k] + 0.5)
                symbols, said = add(symbols, said, own)
                variety[a, k] += seen == 0
                pair[r, k] += 1
                context[a, k] += 1
            used_kinds[k] += used[b, k] == 0
            used[b, k] += 1
            used_total[k] += 1
            # what comes after it: more, the end, or something else first
            trials = used[b, k] - 0.5
            end = (ended[b, k] + 0.5 * (begun_total[k] + 1.0) / (used_total[k] + 1.0)) / trials
            pause = (paused[b, k] + 0.5 * n_pauses / (i + 20.0)) / trials
            end, pause = min(max(end, 1e-4), 0.98), min(max(pause, 1e-5), 0.98)
            if end + pause > 0.999:
                end, pause = end * 0.999 / (end + pause), pause * 0.999 / (end + pause)
            if final[c] == i:
                symbols, said = add(symbols, said, end)
                ended[b, k] += 1
                current = -1
            elif after[i] >= 0 and ids[after[i]] != c:
                symbols, said = add(symbols, said, pause)
                paused[b, k] += 1
                n_pauses += 1
                waiting += 1
                current = -1
            else:
                symbols, said = add(symbols, said, 1 - end - pause)
                current = c
            latest[c] = i
        # which record it shows
        d = kind[i]
        if d >= 0:
            u, hops = before[i], 0
            while c >= 0 and u >= 0 and hops < MOST_HOPS and ids[u] != c:
                u = before[u]
                hops += 1
            if c >= 0 and u >= 0 and ids[u] == c:
                changed = 0 if token[u] == token[i] else 1
                records, shown = add(records, shown, kept[d, changed] / kept[d].sum())
                kept[d, changed] += 1
            else:
                changed = 1
            if changed:
                old = 1 if earlier[i] >= 0 else 0
                number = min(n_known[d], KNOWN_RECORDS) + 1.0 if old else float(KNOWN_RECORDS)
                records, shown = add(records, shown, known[d, old] / known[d].sum() / number)
                known[d, old] += 1
            if earlier[i] < 0:
                n_known[d] += 1
    return symbols - np.log(said), records - np.log(shown)
