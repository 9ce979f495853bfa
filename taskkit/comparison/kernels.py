"""The inner loop of the earth mover's distance, compiled: the transport problem by the primal network simplex.

Nodes are the rows (supply), the columns (demand) and a root; the basis is a spanning tree. It stays strongly feasible
(the last blocking arc of a cycle leaves), so degenerate pivots cannot cycle (Cunningham 1976). Amounts are whole numbers:
flows have no rounding errors, and ties are broken by place alone.
"""
# mypy: ignore-errors

from __future__ import annotations

import numpy as np
from numba import njit

DETOUR = 1.0  # cost of the way over the root on either side: two of them exceed every distance, so none stays in use
LEAST = 1e-10  # smaller savings are rounding errors of the prices; no result is off by more


@njit(cache=True, nogil=True)
def transport_costs(supplies, demands, distances):
    """Least cost of moving each row of `supplies` to the same row of `demands` (whole numbers of equal sums)."""
    result = np.empty(len(supplies))
    for k in range(len(supplies)):
        rows, columns = np.flatnonzero(supplies[k]), np.flatnonzero(demands[k])
        cost = np.empty((len(rows), len(columns)))
        for i in range(len(rows)):
            for j in range(len(columns)):
                cost[i, j] = distances[rows[i], columns[j]]
        result[k] = _solve(supplies[k][rows], demands[k][columns], cost)
    return result


@njit(cache=True, nogil=True)
def _solve(supply, demand, cost):
    """Cost of the cheapest plan; starts with every amount going over the root."""
    n, m = cost.shape
    root, total = n + m, supply.sum()
    parent, depth = np.full(root + 1, root), np.ones(root + 1, np.int64)
    flow, upward = np.zeros(root + 1, np.int64), np.zeros(root + 1, np.bool_)  # of the arc to the parent
    price, child = np.zeros(root + 1), np.full(root + 1, -1)
    after, before = np.full(root + 1, -1), np.full(root + 1, -1)  # siblings
    parent[root], depth[root] = -1, 0
    for u in range(root):
        flow[u] = supply[u] if u < n else demand[u - n]
        upward[u] = u < n
        price[u] = -DETOUR if u < n else DETOUR
        _hang(u, root, parent, child, after, before)
    stack, row, idle = np.empty(root + 1, np.int64), 0, 0
    while idle < n:
        j, reduced = _cheapest(cost[row], price, n)
        reduced += price[row]
        if reduced >= -LEAST:
            row, idle = (row + 1) % n, idle + 1
            continue
        idle = 0
        _pivot(row, n + j, cost[row, j], parent, depth, flow, upward, price, child, after, before, stack)
        row = (row + 1) % n
    return _cost_of(parent, flow, upward, cost, n, root) / total


@njit(cache=True, nogil=True)
def _cheapest(costs, price, n):
    """The column that a row would rather send to, and what that saves (without the row's own price)."""
    best, least = 0, np.inf
    for j in range(len(costs)):
        value = costs[j] - price[n + j]
        if value < least:
            best, least = j, value
    return best, least


@njit(cache=True, nogil=True)
def _pivot(one, other, cost, parent, depth, flow, upward, price, child, after, before, stack):
    """Take the arc from `one` to `other` into the tree, let the last blocking arc of the cycle leave."""
    u, v = one, other
    while u != v:
        if depth[u] >= depth[v]:
            u = parent[u]
        else:
            v = parent[v]
    apex, moved, leaving, own_side = u, np.int64(9223372036854775807), -1, True
    u = one
    while u != apex:
        if upward[u] and flow[u] < moved:
            moved, leaving, own_side = flow[u], u, True
        u = parent[u]
    u = other
    while u != apex:
        if not upward[u] and flow[u] <= moved:
            moved, leaving, own_side = flow[u], u, False
        u = parent[u]
    u = one
    while u != apex:
        flow[u] += -moved if upward[u] else moved
        u = parent[u]
    u = other
    while u != apex:
        flow[u] += moved if upward[u] else -moved
        u = parent[u]
    top, above = (one, other) if own_side else (other, one)
    shift = (price[other] - cost if own_side else price[one] + cost) - price[top]
    # the cut part of the tree is hung up anew, its arcs between the two ends turned round
    u, up, amount, way = top, above, moved, own_side
    while True:
        old, old_amount, old_way = parent[u], flow[u], upward[u]
        _take_off(u, parent, child, after, before)
        _hang(u, up, parent, child, after, before)
        flow[u], upward[u] = amount, way
        if u == leaving:
            break
        u, up, amount, way = old, u, old_amount, not old_way
    stack[0], size = top, 1
    while size:
        size -= 1
        u = stack[size]
        price[u] += shift
        depth[u] = depth[parent[u]] + 1
        u = child[u]
        while u >= 0:
            stack[size] = u
            size += 1
            u = after[u]


@njit(cache=True, nogil=True)
def _hang(u, up, parent, child, after, before):
    parent[u], before[u], after[u] = up, -1, child[up]
    if child[up] >= 0:
        before[child[up]] = u
    child[up] = u


@njit(cache=True, nogil=True)
def _take_off(u, parent, child, after, before):
    if before[u] >= 0:
        after[before[u]] = after[u]
    else:
        child[parent[u]] = after[u]
    if after[u] >= 0:
        before[after[u]] = before[u]


@njit(cache=True, nogil=True)
def _cost_of(parent, flow, upward, cost, n, root):
    """Cost of the plan that the tree stands for."""
    spent = 0.0
    for u in range(root):
        if parent[u] == root:
            spent += DETOUR * flow[u]
        else:
            i, j = (u, parent[u]) if u < n else (parent[u], u)
            spent += cost[i, j - n] * flow[u]
    return spent
