"""The compiled inner loops of the task models: one pass over the steps, O(steps × models).

Tables are indexed (activity, model) or (pair of activities, model), so that one step reads the values of all models side by
side. Work that is left for something else is not forgotten: every hypothesis keeps a chain of what it left, with the activity
it stopped at, and may take it up again (per-survivor processing: Raheli, Polydoros & Tzou, IEEE Trans. Communications 43, 1995).
"""

from __future__ import annotations

import numba as nb
import numpy as np

# how a step follows: the same execution goes on, a new one begins, an older one is taken up, noise inside one
STAY, NEW, RESUME, NOISE = 0, 1, 2, 3
MEMORY = 4  # an execution remembers its latest record of this many kinds
MODEL, BEGIN, LAST, UP, UP_AT = 0, 1, 2, 3, 4  # what is known of an execution that was left: columns
MOST_LEFT = 12  # executions that were left and are thought of at a step
NOTHING = np.float32(-1e30)
SLACK = np.float32(1e-3)  # a bound may be rounded down by so much


@nb.njit(cache=True, inline="always")
def record_says(kinds, tokens, row, kind, token, same, other):
    """What a record says of going on with the work that remembers the records in a row (log ratio)."""
    if kind >= 0:
        for r in range(MEMORY):
            if kinds[row, r] == kind:
                return same if tokens[row, r] == token else other
    return np.float32(0)


@nb.njit(cache=True, inline="always")
def remember(kinds, tokens, row, kind, token):
    """Put a record in front of the ones that a row remembers, each kind once."""
    if kind < 0:
        return
    place = MEMORY - 1
    for r in range(MEMORY):
        if kinds[row, r] == kind:
            place = r
            break
    for r in range(place, 0, -1):
        kinds[row, r], tokens[row, r] = kinds[row, r - 1], tokens[row, r - 1]
    kinds[row, 0], tokens[row, 0] = kind, token


@nb.njit(cache=True, nogil=True)
def _promise(index, log_next, log_skip, log_any):
    """The most that going on in each model with each activity can say, whatever came before."""
    promised = log_any.copy()
    for b in range(len(promised)):
        for a in range(-1, index.shape[1]):
            pair = index[b, a] if a >= 0 else 0
            if pair > 0 or a < 0:
                for k in range(promised.shape[1]):
                    promised[b, k] = max(promised[b, k], log_next[pair, k], log_skip[pair, k])
    return promised


@nb.njit(cache=True, nogil=True)
def decode(
    x, opens, index, start_bonus, kind_of, token_of, same, other, log_next, log_skip, log_any, log_start, log_end, log_pause,
    log_stay, log_prior, background, enter, leave, rest_stay, noise, resume, again, horizon, beam,
):  # fmt: skip
    """The most likely model, kind and execution of every step (Viterbi). Model number K stands for no task."""
    n, k_models = len(x), log_start.shape[1]
    states = k_models + 1
    score, following = np.full(states, NOTHING), np.full(states, NOTHING)
    ending, going = np.full(states, NOTHING), np.full(states, NOTHING)  # nats for an end, and for being left
    last, older, begin = np.zeros(states, np.int32), np.full(states, -1, np.int32), np.full(states, -1, np.int32)
    node, node_at = np.full(states, -1, np.int32), np.zeros(states, np.int32)
    known, token = np.full((states, MEMORY), -1, np.int32), np.full((states, MEMORY), -1, np.int32)
    back_model, back_kind = np.empty((n, states), np.int16), np.empty((n, states), np.int8)
    back_begin = np.empty((n, states), np.int32)
    # the chain of what was left: model, first step, last activity, records, price of a late return, link and when that was
    # made; at most one a state and step, and none is looked at after `horizon` steps, so the places are used again
    room = states * (horizon + 2)
    left, left_fee = np.empty((room, 5), np.int32), np.empty(room, np.float32)  # side by side: chains are walked often
    left_known, left_token = np.empty((room, MEMORY), np.int32), np.empty((room, MEMORY), np.int32)
    used = 0
    made, made_at = np.empty(states, np.int32), np.empty(states, np.int32)
    thought_of, thought = np.full(n, -1, np.int64), 0  # by first step: when a state last thought of an execution
    anew, late = np.empty(states, np.float32), np.empty(states, np.float32)
    late_source, late_node = np.empty(states, np.int16), np.empty(states, np.int32)
    promised = _promise(index, log_next, log_skip, log_any)
    # from far behind only something new can come: such a state is found anew at every step, and nothing is kept of it
    near, many = np.full(states, k_models, np.int32), 1
    total = 0.0
    for i in range(n):
        b, bonus, kind_i, token_i = x[i], start_bonus[i], kind_of[i], token_of[i]
        best_end, end_model = np.float32(0), 0
        if i > 0:
            best_end, end_model = score[k_models] + leave, k_models
            for s in range(many - 1):
                k = near[s]
                value = score[k] + going[k]
                if value > best_end:
                    best_end, end_model = value, k
        begun = best_end + bonus
        for k in range(k_models):
            anew[k] = begun + log_prior[k] + log_start[b, k]
        returns = False
        if not opens[i]:
            # a late return has to be better than something new: chains in which none can be are not walked
            floor, most = -NOTHING, max(np.float32(0), same[i], other[i]) + SLACK
            for k in range(k_models):
                late[k] = anew[k]
                floor = min(floor, anew[k] - promised[b, k])
            for t in range(many):  # who of the likely ones could take up something it left?
                s = near[t]
                if score[s] < best_end - beam:
                    continue
                leaving = score[s] + (leave if s == k_models else going[s])
                if leaving < best_end - beam or leaving + resume + most <= floor:
                    continue
                leaving += resume
                m, p, at, thought = 0, node[s], node_at[s], thought + 1
                if s < k_models:
                    thought_of[begin[s]] = thought
                    m = 1
                while p >= 0 and i - at <= horizon and m < MOST_LEFT:
                    if thought_of[left[p, BEGIN]] != thought:
                        thought_of[left[p, BEGIN]] = thought
                        m += 1
                        j = left[p, MODEL]
                        value = leaving + left_fee[p]
                        if value + most + promised[b, j] > late[j]:
                            pair = index[b, left[p, LAST]]
                            value += max(log_next[pair, j], log_skip[pair, j], log_any[b, j])
                            value += record_says(left_known, left_token, p, kind_i, token_i, same[i], other[i])
                            if value > late[j]:
                                late[j], late_source[j], late_node[j] = value, s, p
                                returns = True
                    p, at = left[p, UP], left[p, UP_AT]
        for k in range(k_models):
            following[k], back_model[i, k], back_kind[i, k] = anew[k], end_model, NEW
        if not opens[i]:
            for t in range(many - 1):
                k = near[t]
                best, source, kind = anew[k], end_model, NEW
                value = score[k] + ending[k] + bonus + again + log_start[b, k]
                if value > best:
                    best, source = value, k
                value = score[k] + noise + background[b]
                if value > best:
                    best, source, kind = value, k, NOISE
                value = score[k] + log_stay[last[k], k]
                if value + most > best:
                    pair1 = index[b, last[k]]
                    pair2 = index[b, older[k]] if older[k] >= 0 else 0
                    value += max(log_next[pair1, k], log_skip[pair2, k], log_any[b, k])
                    value += record_says(known, token, k, kind_i, token_i, same[i], other[i])
                    if value > best:
                        best, source, kind = value, k, STAY
                following[k], back_model[i, k], back_kind[i, k] = best, source, kind
            if returns:
                for k in range(k_models):
                    if late[k] > following[k]:
                        following[k], back_model[i, k], back_kind[i, k] = late[k], late_source[k], RESUME
        idle, source, kind = best_end + enter + background[b] + np.float32(0.5) * bonus, end_model, NEW
        if not opens[i] and (end_model == k_models or score[k_models] + rest_stay + background[b] >= idle):
            idle, source, kind = score[k_models] + rest_stay + background[b], k_models, STAY
        following[k_models], back_model[i, k_models], back_kind[i, k_models] = idle, source, kind
        top = following.max()
        total += top
        many = 0
        for k in range(states):
            score[k] = following[k] - top
            if score[k] > -beam or k == k_models:  # no task is always among them, as the last one
                near[many], many = k, many + 1
        if not opens[i]:
            for t in range(many):
                made[back_model[i, near[t]]] = -2
            for t in range(many):
                kind, source = back_kind[i, near[t]], back_model[i, near[t]]
                if kind in (NEW, RESUME) and made[source] == -2:
                    made[source], made_at[source] = node[source], node_at[source]
                    if source < k_models:  # what is left now may be taken up again
                        left[used, MODEL], left[used, BEGIN], left[used, LAST] = source, begin[source], last[source]
                        left[used, UP], left[used, UP_AT] = node[source], node_at[source]
                        left_fee[used] = min(np.float32(0), log_pause[last[source], source] - ending[source])
                        for r in range(MEMORY):
                            left_known[used, r], left_token[used, r] = known[source, r], token[source, r]
                        made[source], made_at[source] = used, i
                        used = (used + 1) % room
        for t in range(many):  # only now, when everything that was left is put down
            k = near[t]
            kind = back_kind[i, k]
            if kind == STAY:
                older[k], last[k] = last[k], b
            elif kind != NOISE:
                source = back_model[i, k]
                node[k], node_at[k] = (-1, 0) if opens[i] else (made[source], made_at[source])
                if kind == RESUME:
                    p = late_node[k]
                    older[k], begin[k] = left[p, LAST], left[p, BEGIN]
                    for r in range(MEMORY):
                        known[k, r], token[k, r] = left_known[p, r], left_token[p, r]
                else:
                    older[k], begin[k] = -1, i
                    for r in range(MEMORY):
                        known[k, r] = -1
                last[k] = b
            if kind != NOISE and k < k_models:
                ending[k], going[k] = log_end[b, k], max(log_end[b, k], log_pause[b, k])
                remember(known, token, k, kind_i, token_i)
            back_begin[i, k] = begin[k]
    model = 0
    for k in range(states):
        if score[k] > score[model]:
            model = k
    path, kinds, begun = np.empty(n, np.int16), np.empty(n, np.int8), np.full(n, -1, np.int64)
    for i in range(n - 1, -1, -1):
        path[i], kinds[i] = model, back_kind[i, model]
        if model < k_models and kinds[i] != NOISE:
            begun[i] = back_begin[i, model]
        model = back_model[i, model]
    ids, number, fresh = np.full(n, -1, np.int64), np.full(n, -1, np.int64), 0
    for i in range(n):  # an execution is known by its first step
        if begun[i] >= 0:
            if number[begun[i]] < 0:
                number[begun[i]] = fresh
                fresh += 1
            ids[i] = number[begun[i]]
    return path, kinds, ids, total


@nb.njit(cache=True, nogil=True)
def look_back(session, kind, token, n_kinds, n_tokens):
    """The latest earlier step of the session with a record of the same kind, and with the same record (-1 = none)."""
    n = len(kind)
    before, earlier = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    of_kind, of_token = np.full(n_kinds, -1, np.int32), np.full(n_tokens, -1, np.int32)
    for i in range(n):
        if kind[i] < 0:
            continue
        last, same = of_kind[kind[i]], of_token[token[i]]
        if last >= 0 and session[last] == session[i]:
            before[i] = last
        if same >= 0 and session[same] == session[i]:
            earlier[i] = same
        of_kind[kind[i]], of_token[token[i]] = i, i
    return before, earlier


@nb.njit(cache=True, nogil=True)
def adopt(ids, opens, token, slip):
    """Let steps right before an execution belong to it that show its record and were taken for noise.

    At most `slip` steps before it are looked at, and its records at the first `slip` steps.
    """
    adopted, seen = ids.copy(), np.zeros(ids.max() + 1 if len(ids) else 0, np.bool_)
    for first in range(len(ids)):
        if ids[first] < 0 or seen[ids[first]]:
            continue
        seen[ids[first]] = True
        step = first - 1
        while step >= 0 and first - step <= slip and ids[step] < 0 and not opens[step + 1]:
            for own in range(first, min(first + slip, len(ids))):
                if token[step] >= 0 and ids[own] == ids[first] and token[own] == token[step]:
                    adopted[step:first] = ids[first]
            step -= 1
    return adopted


@nb.njit(cache=True, nogil=True)
def number_executions(path, kinds, opens, k_models):
    """The execution of each step, numbered in order of the first step, as the kinds say; -1 for noise and no task."""
    ids = np.full(len(path), -1, np.int64)
    current = np.full(k_models + 1, -1, np.int64)
    fresh = -1
    for i in range(len(path)):
        if opens[i]:
            current[:] = -1
        k = path[i]
        if k == k_models or kinds[i] == NOISE:
            continue
        if kinds[i] == NEW or current[k] < 0:
            fresh += 1
            current[k] = fresh
        ids[i] = current[k]
    return ids


@nb.njit(cache=True, nogil=True)
def mark_kinds(ids, path, opens, k_models):
    """The kinds that say what the numbers of the executions say."""
    kinds = np.zeros(len(ids), np.int8)
    seen = np.zeros(ids.max() + 2, np.bool_)
    current = -1
    for i in range(len(ids)):
        if opens[i]:
            current = -1
        c = ids[i]
        if c < 0:
            if path[i] < k_models:
                kinds[i] = NOISE
            elif i == 0 or path[i - 1] != k_models or opens[i]:
                kinds[i] = NEW
            continue
        if not seen[c]:
            kinds[i] = NEW
            seen[c] = True
        elif c != current:
            kinds[i] = RESUME
        current = c
    return kinds


@nb.njit(cache=True, nogil=True)
def count(x, ids, path, weight, index, k_models, n_symbols, n_pairs):
    """What every model was seen to do: successors, successors over one step, activities, starts, ends, interruptions."""
    n, n_executions = len(x), ids.max() + 1
    last, older = np.full(n_executions, -1, np.int32), np.full(n_executions, -1, np.int32)
    final, model = np.zeros(n_executions, np.int64), np.zeros(n_executions, np.int16)
    successors, skips = np.zeros((n_pairs, k_models), np.float32), np.zeros((n_pairs, k_models), np.float32)
    uses, starts = np.zeros((n_symbols, k_models), np.float32), np.zeros((n_symbols, k_models), np.float32)
    ends, pauses = np.zeros((n_symbols, k_models), np.float32), np.zeros((n_symbols, k_models), np.float32)
    sources, skip_sources = np.zeros((n_symbols, k_models), np.float32), np.zeros((n_symbols, k_models), np.float32)
    rest = np.zeros(n_symbols, np.float32)
    for i in range(n):
        if ids[i] >= 0:
            final[ids[i]] = i
    step_before = -1
    for i in range(n):
        c, b = ids[i], x[i]
        if c < 0:
            rest[b] += 1
            continue
        if step_before >= 0 and ids[step_before] != c and final[ids[step_before]] > i:
            pauses[x[step_before], path[step_before]] += weight[step_before]
        step_before = i
        k, w = path[i], weight[i]
        model[c] = k
        uses[b, k] += w
        a = last[c]
        if a < 0:
            starts[b, k] += w
        else:
            successors[index[b, a], k] += w
            sources[a, k] += w
            if older[c] >= 0:
                skips[index[b, older[c]], k] += w
                skip_sources[older[c], k] += w
        older[c], last[c] = a, b
    for c in range(n_executions):
        if last[c] >= 0:
            ends[last[c], model[c]] += weight[final[c]]
    return successors, skips, uses, starts, ends, pauses, sources, skip_sources, rest


@nb.njit(cache=True, nogil=True)
def count_changes(ids, kind, before, token, n_kinds):
    """How often each kind of record was seen again, and was another, between executions (row 0) and inside them (row 1)."""
    seen, changed = np.zeros((2, n_kinds), np.int64), np.zeros((2, n_kinds))
    for i in range(len(ids)):
        if kind[i] < 0 or before[i] < 0 or ids[i] < 0 or ids[before[i]] < 0:
            continue
        inside = 1 if ids[before[i]] == ids[i] else 0
        seen[inside, kind[i]] += 1
        changed[inside, kind[i]] += token[i] != token[before[i]]
    return seen, changed
