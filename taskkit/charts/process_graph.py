"""The places of a process on paper: from left to right while that fits, else from top to bottom, loops back around."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from taskkit.charts.layout import Edge, lay_out
from taskkit.charts.look import FAINT, INK, SOFT, Chart, inline

GATEWAYS = {"exclusive": "×", "parallel": "+"}  # kind → its sign, as in BPMN
BOX_WIDTH, BOX_HEIGHT, SMALL = 94.0, 60.0, 26.0  # pixels
_GAP, _ASIDE, _LABEL = 42.0, 96.0, (46.0, 26.0)
_BESIDE = ((0, 0), (0, -20), (0, 20), (-34, 0), (34, 0))  # pixels from the curve to which a label may move
_MOST_ACROSS = 1310.0  # pixels that are laid from left to right (drawn a little closer); more would leave the page

Point = tuple[float, float]


class Drawing(NamedTuple):
    """A process as points: one row per node, per point of a curve, per arrow head and per label of an edge."""

    nodes: pl.DataFrame  # node, kind, x, y
    lines: pl.DataFrame  # before, after, edge, order, x, y, back
    heads: pl.DataFrame  # before, after, edge, x, y, angle
    labels: pl.DataFrame  # before, after, edge, x, y
    width: float
    height: float
    across: bool


def place_process(
    edges: Mapping[Edge, float], *, kinds: Mapping[str, str], start: str, end: str, gap: float = _GAP
) -> Drawing:
    """Lay out a process and turn it into points, in pixels from the upper left corner.

    Parameters
    ----------
    edges : (before, after) → weight; heavy edges go forward.
    kinds : node → task, start, end or one of `GATEWAYS`; tasks are boxes, everything else is small.
    start, end : the first and the last node.
    gap : room between two boxes along the flow; labels of edges stand in it.

    >>> place_process({("start", "A"): 1, ("A", "end"): 1}, kinds={"A": "task"}, start="start", end="end").across
    True
    """
    plan = lay_out(edges, start=start, end=end)
    along, length = _along(plan.y, kinds, BOX_WIDTH, gap)
    across = length <= _MOST_ACROSS
    if not across:
        along, _ = _along(plan.y, kinds, BOX_HEIGHT, gap)
    aside = _ASIDE if across else BOX_WIDTH + 60

    def spot(place: float, layer: float) -> Point:
        return (along[int(layer)], place * aside) if across else (place * aside, along[int(layer)])

    spots = {node: spot(plan.x[node], plan.y[node]) for node in plan.x}
    sizes = {node: _size(kinds.get(node, "task")) for node in spots}
    ordered = sorted(plan.paths, key=lambda edge: (-edges[edge], edge))
    back = {edge: plan.y[edge[1]] <= plan.y[edge[0]] for edge in ordered}
    curves = {
        edge: _curve([spot(*at) for at in plan.paths[edge]], sizes[edge[0]], sizes[edge[1]], back[edge], across)
        for edge in ordered
    }
    return _as_frames(*_from_corner(spots, sizes, curves), sizes, back, kinds, across)


def _along(layers: Mapping[str, int], kinds: Mapping[str, str], box: float, gap: float) -> tuple[list[float], float]:
    """The middle of each layer and the length of all; layers without a box are narrow."""
    room = [SMALL + 4] * (max(layers.values(), default=0) + 1)
    for node, layer in layers.items():
        if kinds.get(node, "task") == "task":
            room[layer] = box
    places, at = [], 0.0
    for wide in room:
        places.append(at + wide / 2)
        at += wide + (gap if wide == box else 20.0)
    return [round(place, 1) for place in places], at - 20.0


def _from_corner(
    spots: Mapping[str, Point], sizes: Mapping[str, Point], curves: Mapping[Edge, list[Point]]
) -> tuple[dict[str, Point], dict[Edge, list[Point]]]:
    """The same with the highest and leftmost thing just inside the corner."""
    left = [x - sizes[node][0] / 2 for node, (x, _) in spots.items()]
    top = [y - sizes[node][1] / 2 for node, (_, y) in spots.items()]
    points = [place for curve in curves.values() for place in _on_curve(curve)]
    dx = 4 - min(left + [x for x, _ in points], default=0.0)
    dy = 6 - min(top + [y - 6 for _, y in points], default=0.0)
    moved = {node: (x + dx, y + dy) for node, (x, y) in spots.items()}
    return moved, {edge: [(x + dx, y + dy) for x, y in curve] for edge, curve in curves.items()}


def _size(kind: str) -> Point:
    return (BOX_WIDTH, BOX_HEIGHT) if kind == "task" else (SMALL, SMALL)


def _curve(path: list[Point], size: Point, target: Point, back: bool, across: bool) -> list[Point]:
    """From the side of the first node to the side of the last; what goes back leaves and arrives across the flow."""
    if not across:  # the same with the axes exchanged
        turned = _curve([(y, x) for x, y in path], (size[1], size[0]), (target[1], target[0]), back, True)
        return [(y, x) for x, y in turned]
    (xa, ya), (xb, yb) = path[0], path[-1]
    if not back:
        points = [(xa + size[0] / 2 + 2, ya), *path[1:-1], (xb - target[0] / 2 - 4, yb)]
        return [points[0], (points[0][0] + 12, ya), *points[1:-1], (points[-1][0] - 14, yb), points[-1]]
    inner = path[1:-1] or [((xa + xb) / 2, max(ya, yb) + BOX_HEIGHT / 2 + 24)]
    middle = sum(y for _, y in inner) / len(inner)
    side = 1 if middle >= (ya + yb) / 2 else -1
    first, last = (xa, ya + side * (size[1] / 2 + 2)), (xb, yb + side * (target[1] / 2 + 4))
    return [first, (xa, first[1] + side * 12), *inner, (xb, last[1] + side * 12), last]


def _as_frames(
    spots: Mapping[str, Point],
    curves: Mapping[Edge, list[Point]],
    sizes: Mapping[str, Point],
    back: Mapping[Edge, bool],
    kinds: Mapping[str, str],
    across: bool,
) -> Drawing:
    nodes = [(node, kinds.get(node, "task"), *spots[node]) for node in spots]
    lines, heads, labels, taken = [], [], [], list[Point]()
    tips = [points[-1] for points in curves.values()]
    for number, (edge, points) in enumerate(curves.items()):
        lines += [(*edge, number, order, x, y, back[edge]) for order, (x, y) in enumerate(points)]
        (x0, y0), (x1, y1) = points[-2], points[-1]
        heads.append((*edge, number, x1, y1, round(math.degrees(math.atan2(x1 - x0, y0 - y1)))))
        taken.append(_free_place(points, spots, sizes, taken, tips))
        labels.append((*edge, number, *taken[-1]))
    text, number_, whole = pl.String, pl.Float64, pl.Int64
    at: dict[str, Any] = {"x": number_, "y": number_}
    key: dict[str, Any] = {"before": text, "after": text, "edge": whole}
    drawn = [place for curve in curves.values() for place in _on_curve(curve)]
    drawn += [(x + _LABEL[0] / 2, y) for x, y in taken]
    wide = max([x for x, _ in drawn] + [x + sizes[node][0] / 2 for node, (x, _) in spots.items()])
    high = max([y for _, y in drawn] + [y + sizes[node][1] / 2 for node, (_, y) in spots.items()])
    return Drawing(
        pl.DataFrame(nodes, schema={"node": text, "kind": text} | at, orient="row"),
        pl.DataFrame(lines, schema=key | {"order": whole} | at | {"back": pl.Boolean}, orient="row"),
        pl.DataFrame(heads, schema=key | at | {"angle": whole}, orient="row"),
        pl.DataFrame(labels, schema=key | at, orient="row"),
        wide + 6,
        high + 20,
        across,
    )


def _free_place(
    points: list[Point],
    spots: Mapping[str, Point],
    sizes: Mapping[str, Point],
    taken: list[Point],
    tips: list[Point],
) -> Point:
    """A place for the label of a curve: on it or just beside it, as near to its middle as the rest allows.

    It stays clear of boxes and of other labels, and where there is room of the arrow heads (`tips`).
    """
    places = _on_curve(points)
    half = len(places) // 2
    wide, high = _LABEL
    near = [
        (abs(number - half) + (4 if move != (0, 0) else 0), (x + move[0], y + move[1]))
        for number, (x, y) in enumerate(places)
        for move in _BESIDE
    ]
    free = [
        (x, y)
        for _, (x, y) in sorted(near, key=lambda each: each[0])
        if x >= wide / 2
        and y >= high / 2
        and all(abs(x - tx) > wide or abs(y - ty) > high for tx, ty in taken)
        and all(
            abs(x - bx) > (sizes[n][0] + wide) / 2 - 6 or abs(y - by) > (sizes[n][1] + high) / 2
            for n, (bx, by) in spots.items()
        )
    ]
    clear = (at for at in free if all(abs(at[0] - x) > wide / 2 + 5 or abs(at[1] - y) > high / 2 + 5 for x, y in tips))
    return next(clear, free[0] if free else places[half])


def _on_curve(points: list[Point]) -> list[Point]:
    """Places along the cubic B-spline that the line is drawn with."""
    full = [points[0]] * 2 + points + [points[-1]] * 2
    places = []
    for a, b, c, d in zip(full, full[1:], full[2:], full[3:], strict=False):
        for t in (0.0, 0.25, 0.5, 0.75):
            w = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
            places.append(((w[0] * a[0] + w[1] * b[0] + w[2] * c[0] + w[3] * d[0]) / 6,
                           (w[0] * a[1] + w[1] * b[1] + w[2] * c[1] + w[3] * d[1]) / 6))  # fmt: skip
    return places


def scales(drawing: Drawing) -> tuple[Any, Any]:
    """The x and y channels that all layers of a drawing share: pixels."""
    import altair as alt

    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, drawing.width], nice=False, zero=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[drawing.height, 0], nice=False, zero=False))
    return x, y


def arrow_layers(drawing: Drawing, facts: pl.DataFrame, tips: list[Any]) -> tuple[list[Chart], list[Chart]]:
    """The arrows, and the labels that go above the boxes.

    `facts` has one row per edge: `before`, `after`, `wide` (pixels), `one` and `two` (lines of its label), and what
    the `tips` (tooltips) name.
    """
    import altair as alt

    x, y = scales(drawing)
    lines = drawing.lines.join(facts, on=["before", "after"], how="left").sort("edge", "order")
    curves = (
        alt.Chart(inline(lines))
        .mark_line(interpolate="basis", color="#A9B4C0")
        .encode(x=x, y=y, detail="edge:N", order="order:Q", tooltip=tips,
                strokeWidth=alt.StrokeWidth("wide:Q", scale=None),
                strokeDash=alt.condition("datum.back", alt.value([5, 3]), alt.value([1, 0])))
    )  # fmt: skip
    turned = alt.Angle("angle:Q", scale=alt.Scale(domain=[-180, 180], range=[-180, 180]))
    heads = alt.Chart(inline(drawing.heads)).mark_point(shape="triangle-up", filled=True, size=70, opacity=1)
    heads = heads.encode(x=x, y=y, angle=turned, color=alt.value("#7B8794"))
    words = drawing.labels.join(facts.select("before", "after", "one", "two"), on=["before", "after"], how="left")
    said = alt.Chart(inline(words))
    labels = []
    for line, dy, colour in (("one", -6, INK), ("two", 7, SOFT)):
        halo = said.mark_text(fontSize=11, dy=dy, color=colour, stroke="white", strokeWidth=4, strokeJoin="round")
        labels += [each.encode(x=x, y=y, text=f"{line}:N") for each in
                   (halo, said.mark_text(fontSize=11, dy=dy, color=colour))]  # fmt: skip
    return [curves, heads], labels


def sign_layers(drawing: Drawing) -> list[Chart]:
    """Start, end and gateways: circles and diamonds with their sign."""
    import altair as alt

    x, y = scales(drawing)
    small = drawing.nodes.filter(pl.col("kind") != "task").with_columns(
        sign=pl.col("kind").replace_strict(GATEWAYS, default=""),
        said=pl.col("kind").replace_strict(_SAID, default="node"),
    )
    base = alt.Chart(inline(small)).encode(x=x, y=y, tooltip=alt.Tooltip("said:N", title="sign"))
    round_ = base.transform_filter("datum.kind == 'start' || datum.kind == 'end'")
    circle = round_.mark_point(shape="circle", filled=True, opacity=1, size=SMALL**2 * 0.8, stroke=SOFT).encode(
        fill=alt.value(FAINT),
        strokeWidth=alt.condition("datum.kind == 'end'", alt.value(3), alt.value(1.2)),
    )
    beside = {"dy": SMALL / 2 + 9} if drawing.across else {"dx": SMALL / 2 + 5, "align": "left"}
    name = round_.mark_text(fontSize=11, color=SOFT, **beside).encode(text="kind:N")
    square = base.transform_filter("datum.sign != ' '")
    diamond = square.mark_point(
        shape="diamond", filled=True, opacity=1, size=SMALL**2 * 1.5, stroke=SOFT, strokeWidth=1.2
    )
    sign = square.mark_text(fontSize=17, fontWeight=600, color=INK).encode(text="sign:N")
    return [circle, name, diamond.encode(fill=alt.value("#FFF7E0")), sign]


_SAID = {
    "start": "the cases begin",
    "end": "the cases end",
    "exclusive": "one of the ways",
    "parallel": "all of the ways, in any order",
}
