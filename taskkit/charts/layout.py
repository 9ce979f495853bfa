"""Layers, order and curves of a directed graph, in plain Python: no program for drawing graphs is needed.

References: Sugiyama, Tagawa & Toda, IEEE Transactions on Systems, Man and Cybernetics 11 (1981).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

Edge = tuple[str, str]

PULL = 0.12  # of every node towards the middle


class Layout(NamedTuple):
    """Places in units of one layer (y) and one node (x), and the points that each edge passes."""

    x: dict[str, float]
    y: dict[str, int]
    paths: dict[Edge, list[tuple[float, float]]]
    width: float
    layers: int


def lay_out(edges: Mapping[Edge, float], *, start: str, end: str) -> Layout:
    """Place the nodes of a weighted directed graph in layers from `start` to `end`.

    Heavy edges go down; edges that would close a circle go up. Long edges pass between the nodes of the layers they
    cross. The same edges give the same picture.

    >>> lay_out({("a", "b"): 2, ("b", "c"): 1}, start="a", end="c").y
    {'a': 0, 'b': 1, 'c': 2}
    """
    loops = {edge for edge in edges if edge[0] == edge[1]}
    down = _acyclic({e: w for e, w in edges.items() if e not in loops}, start, end)
    y = _layers(set(down), edges, end)
    chains = {edge: _chain(edge, y) for edge in edges if edge not in loops}
    x = _order(chains, y, edges)
    paths = {edge: [(x[node], level) for node, level in chain] for edge, chain in chains.items()}
    real = {node for edge in edges for node in edge}
    lowest = min(x.values(), default=0.0)
    paths = {edge: [(px - lowest, py) for px, py in path] for edge, path in paths.items()}
    places = {node: x[node] - lowest for node in sorted(real) if node in x}
    return Layout(
        places, {n: y[n] for n in places}, paths, max(x.values(), default=0.0) - lowest, max(y.values(), default=0) + 1
    )


def _acyclic(edges: Mapping[Edge, float], start: str, end: str) -> set[Edge]:
    """The heaviest edges that close no circle: they point down."""
    kept: dict[str, set[str]] = defaultdict(set)
    down: set[Edge] = set()
    for edge in sorted(edges, key=lambda e: (-edges[e], e)):
        before, after = edge
        if after == start or before == end or _reaches(kept, after, before):
            continue
        kept[before].add(after)
        down.add(edge)
    return down


def _reaches(edges: Mapping[str, set[str]], source: str, target: str) -> bool:
    seen, open_nodes = {source}, [source]
    while open_nodes:
        node = open_nodes.pop()
        if node == target:
            return True
        fresh = edges.get(node, set()) - seen
        seen |= fresh
        open_nodes.extend(fresh)
    return False


def _layers(down: set[Edge], edges: Mapping[Edge, float], end: str) -> dict[str, int]:
    """Longest path from the top; the end lies at the bottom."""
    nodes = sorted({node for edge in edges for node in edge})
    before: dict[str, list[str]] = {node: [] for node in nodes}
    for a, b in down:
        before[b].append(a)
    level: dict[str, int] = {}

    def place(node: str) -> int:
        if node not in level:
            level[node] = max((place(b) + 1 for b in before[node]), default=0)
        return level[node]

    for node in nodes:
        place(node)
    if end in level:
        level[end] = max((lvl + 1 for node, lvl in level.items() if node != end), default=0)
    return level


def _chain(edge: Edge, y: Mapping[str, int]) -> list[tuple[str, float]]:
    """The edge's nodes and, in the layers between, places that it passes."""
    a, b = edge
    step = 1 if y[b] >= y[a] else -1
    between = [(f"\0{a}\0{b}\0{level}", float(level)) for level in range(y[a] + step, y[b], step)]
    return [(a, float(y[a])), *between, (b, float(y[b]))]


def _order(
    chains: Mapping[Edge, list[tuple[str, float]]], y: Mapping[str, int], edges: Mapping[Edge, float]
) -> dict[str, float]:
    """Order inside the layers by the weighted middle of the neighbours, then places that keep a distance."""
    layer: dict[int, list[str]] = defaultdict(list)
    near: dict[str, list[tuple[str, float]]] = defaultdict(list)
    room: dict[str, float] = {}
    for node in sorted(y):
        layer[y[node]].append(node)
        room[node] = 1.0
    for edge in sorted(chains, key=lambda e: (-edges[e], e)):
        chain = chains[edge]
        for (a, _), (b, _) in pairwise(chain):
            near[a].append((b, edges[edge]))
            near[b].append((a, edges[edge]))
        for node, level in chain[1:-1]:
            layer[int(level)].append(node)
            room[node] = 0.32
    x = {node: 0.0 for nodes in layer.values() for node in nodes}
    for nodes in layer.values():
        _spread(nodes, {node: float(i) for i, node in enumerate(nodes)}, room, x)
    for sweep in range(24):
        for level in sorted(layer, reverse=bool(sweep % 2)):
            wanted = {}
            for node in layer[level]:
                weight = sum(w for _, w in near[node]) or 1.0
                # a weak pull to the middle keeps loosely tied parts near
                wanted[node] = (1 - PULL) * sum(x[other] * w for other, w in near[node]) / weight if near[node] else 0.0
            layer[level].sort(key=lambda node: (wanted[node], node))
            _spread(layer[level], wanted, room, x)
    return x


def _spread(nodes: list[str], wanted: Mapping[str, float], room: Mapping[str, float], x: dict[str, float]) -> None:
    """Places as near as possible to the wanted ones, in order and without overlap: neighbours that touch move as one block."""
    offset = 0.0
    blocks: list[tuple[float, int, list[tuple[str, float]]]] = []  # mean start, members, (node, offset in the block)
    previous = 0.0
    for node in nodes:
        gap = (previous + room[node]) / 2 if blocks else 0.0
        offset += gap
        previous = room[node]
        blocks.append((wanted[node] - offset, 1, [(node, offset)]))
        while len(blocks) > 1 and blocks[-1][0] < blocks[-2][0]:
            start_b, size_b, nodes_b = blocks.pop()
            start_a, size_a, nodes_a = blocks.pop()
            blocks.append(
                ((start_a * size_a + start_b * size_b) / (size_a + size_b), size_a + size_b, nodes_a + nodes_b)
            )
    for start, _, members in blocks:
        for node, place in members:
            x[node] = start + place
