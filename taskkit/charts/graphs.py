"""A laid-out graph as boxes, curves, arrow heads and numbers, as high as the chosen one needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from taskkit.charts.labels import distinct, plain_address, shared_ending
from taskkit.charts.layout import Edge, lay_out
from taskkit.charts.look import (
    INK,
    PALETTE,
    SOFT,
    WIDTH,
    Chart,
    duration_words,
    inline,
    split_activity,
)

START, END = "start", "end"
_BOX_WIDTH, _BOX_HEIGHT, _LAYER, _UNIT, _NOTE = 150, 38, 72, 4, 30  # pixels


class Part(NamedTuple):
    key: str
    boxes: list[tuple[Any, ...]]
    lines: list[tuple[Any, ...]]
    heads: list[tuple[Any, ...]]
    numbers: list[tuple[Any, ...]]
    width: float
    height: int
    note: str


def strongest(successions: pl.DataFrame, nodes: int, edges: int) -> pl.DataFrame:
    """The most frequent steps, the successions between them, and for every step its strongest way in and out."""
    named = successions.with_columns(pl.col("before").fill_null(START), pl.col("after").fill_null(END))
    named = named.filter(
        (pl.col("before") != pl.col("after")) & ~((pl.col("before") == START) & (pl.col("after") == END))
    )
    size = named.group_by(node="after").agg(pl.col("times").sum()).filter(pl.col("node") != END)
    top = [START, END, *size.sort("times", "node", descending=[True, False])["node"].head(nodes)]
    inside = named.filter(pl.col("before").is_in(top) & pl.col("after").is_in(top)).sort(
        "times", "before", "after", descending=[True, False, False]
    )
    strongest = pl.concat(
        [
            inside.head(edges),
            inside.unique("before", keep="first", maintain_order=True),
            inside.unique("after", keep="first", maintain_order=True),
        ]
    )
    return strongest.unique(maintain_order=True)


def draw_graph(
    kept: pl.DataFrame,
    key: str,
    note: str,
    *,
    words: Any = None,
    shade: Mapping[str, Any] | None = None,
    times: Mapping[str, int] | None = None,
) -> Part:
    """Turn successions into boxes, curves, arrow heads and numbers, in pixels."""
    weights: dict[Edge, float] = {(b, a): float(t) for b, a, t in kept.select("before", "after", "times").iter_rows()}
    if not weights:
        return Part(
            key, [], [], [], [], 300, 12, " ".join(filter(None, ["No succession is shared by enough people.", note]))
        )
    plan = lay_out(weights, start=START, end=END)
    apart = max(min(_BOX_WIDTH + 34.0, (WIDTH + 80 - _BOX_WIDTH) / max(plan.width, 0.01)), _BOX_WIDTH + 8.0)
    top = _BOX_HEIGHT / 2 + (_NOTE if note else 4)
    spot = {node: (plan.x[node] * apart, plan.y[node] * _LAYER + top) for node in plan.x}
    boxes, lines, heads, numbers = [], [], [], []
    labels = _labels([node for node in spot if node not in (START, END)])
    for node, (x, y) in spot.items():
        one, two = (node, "") if node in (START, END) else labels[node] if words is None else words(node)
        boxes.append(
            (
                key,
                round(x, 1),
                round(y / _UNIT),
                one,
                two,
                "" if node in (START, END) else node,
                (times or {}).get(node, 0),
                (shade or {}).get(node),
            )
        )
    for number, (edge, path) in enumerate(sorted(plan.paths.items(), key=lambda item: (weights[item[0]], item[0]))):
        back = plan.y[edge[1]] <= plan.y[edge[0]]
        points = _route([(px * apart, py * _LAYER + top) for px, py in path], back)
        tip = f"{_plain(edge[0])} → {_plain(edge[1])}"
        for order, (x, y) in enumerate(points):
            lines.append((key, number, order, round(x), round(y / _UNIT), weights[edge], back, tip))
        (x0, y0), (x1, y1) = points[-2 if points[-2] != points[-1] else -3], points[-1]
        heads.append((key, round(x1), round(y1 / _UNIT), round(math.degrees(math.atan2(x1 - x0, y0 - y1)))))
        middle = _middle(points)
        numbers.append((key, round(middle[0]), round(middle[1] / _UNIT), f"{weights[edge]:,.0f}"))
    return Part(
        key, boxes, lines, heads, numbers, plan.width * apart, int((plan.layers * _LAYER - 24 + top) / _UNIT), note
    )


def _middle(points: list[tuple[float, float]]) -> tuple[float, float]:
    """The place of the number of an edge: in the middle of its points."""
    inner = points[2:-2] or points[1:3]
    half = len(inner) // 2
    return (
        inner[half]
        if len(inner) % 2
        else ((inner[half - 1][0] + inner[half][0]) / 2, (inner[half - 1][1] + inner[half][1]) / 2)
    )


def _labels(nodes: list[str]) -> dict[str, tuple[str, str]]:
    """For each box two lines that tell it from the others."""
    ending = shared_ending(nodes)
    first, second = {}, {}
    for node in nodes:
        verb, thing, place = split_activity(plain_address(node.removesuffix(ending)))
        first[node] = thing or place or verb
        second[node] = (verb or place) if thing or place else ""
    one, two = distinct(first, 20), distinct(second, 20)
    return {node: (one[node], two[node]) for node in nodes}


def _plain(node: str) -> str:
    return plain_address(node.partition(" · ")[0])


def _route(points: list[tuple[float, float]], back: bool) -> list[tuple[float, float]]:
    """A smooth curve through the points, from the edge of the first box to the edge of the last."""
    half = _BOX_HEIGHT / 2 + 3
    (xa, ya), (xb, yb) = points[0], points[-1]
    if back:  # leaves and arrives at the side, so that it is not taken for a way down
        side = 1 if xb >= xa else -1
        reach = max(_BOX_WIDTH * 0.75, 0.12 * (ya - yb)) * side
        inner = [(x, y) for x, y in points[1:-1]] or [((xa + xb) / 2 + reach, (ya + yb) / 2)]
        points = [(xa + side * _BOX_WIDTH / 2, ya - 4), *inner, (xb + side * (_BOX_WIDTH / 2 + 3), yb + 4)]
    else:
        points = [(xa, ya + half), *points[1:-1], (xb, yb - half - 4)]
    # a short straight piece at both ends: the curve leaves and arrives upright
    (xa, ya), (xb, yb) = points[0], points[-1]
    lean = 0 if back else 12
    return [points[0], (xa, ya + lean), *points[1:-1], (xb, yb - lean), points[-1]]


def show_graphs(parts: list[Part], pick: Any, *, shade: str | None) -> Chart:
    import altair as alt

    text, number, whole = pl.String, pl.Float64, pl.Int64
    boxes = _frame(
        parts,
        "boxes",
        {
            "task": text,
            "x": number,
            "y": whole,
            "one": text,
            "two": text,
            "full": text,
            "times": whole,
            "shade": number,
        },
    )
    lines = _frame(
        parts,
        "lines",
        {
            "task": text,
            "edge": whole,
            "order": whole,
            "x": whole,
            "y": whole,
            "times": number,
            "back": pl.Boolean,
            "tip": text,
        },
    )
    heads = _frame(parts, "heads", {"task": text, "x": whole, "y": whole, "angle": whole})
    numbers = _frame(parts, "numbers", {"task": text, "x": whole, "y": whole, "text": text})
    limit = pl.DataFrame(
        {"task": [p.key for p in parts], "height": [p.height for p in parts], "note": [p.note for p in parts]}
    )
    wide = max(max(part.width for part in parts), 400)
    scale = alt.Scale(domain=[-_BOX_WIDTH / 2 - 30, wide + _BOX_WIDTH / 2 + 30])
    x = alt.X("x:Q", axis=None, scale=scale)
    # rows of a few pixels instead of a scale in pixels: so the chart is as high as the chosen task needs
    y = alt.Y("y:O", axis=None, scale=alt.Scale(type="band", padding=0))
    only = "datum.task == task" if pick is not None else "true"
    space = alt.Chart(inline(_rooms(limit))).transform_filter(only).mark_point(opacity=0).encode(y=y)
    curves = (
        alt.Chart(inline(lines))
        .transform_filter(only)
        .mark_line(opacity=0.8, interpolate="basis")
        .encode(
            x=x,
            y=y,
            detail="edge:N",
            order="order:Q",
            tooltip=[alt.Tooltip("tip:N", title="succession"), alt.Tooltip("times:Q", format=",")],
            strokeWidth=alt.StrokeWidth("times:Q", scale=alt.Scale(range=[1, 7], domainMin=0), legend=None),
            strokeDash=alt.condition("datum.back", alt.value([5, 3]), alt.value([1, 0])),
            color=alt.value("#A9B4C0"),
        )
    )
    tips = (
        alt.Chart(inline(heads))
        .transform_filter(only)
        .mark_point(shape="triangle-up", filled=True, size=70, color="#7B8794", opacity=1)
        .encode(x=x, y=y, angle=alt.Angle("angle:Q", scale=alt.Scale(domain=[-180, 180], range=[-180, 180])))
    )
    base = alt.Chart(inline(boxes)).transform_filter(only).encode(x=x, y=y)
    hover = [alt.Tooltip("full:N", title="step"), alt.Tooltip("times:Q", format=",")]
    rect = base.mark_point(
        shape=f"M-1,-{_BOX_HEIGHT / _BOX_WIDTH}H1V{_BOX_HEIGHT / _BOX_WIDTH}H-1Z",
        size=_BOX_WIDTH**2,
        filled=True,
        opacity=1,
        stroke=PALETTE[0],
        strokeWidth=1.2,
    ).encode(tooltip=hover)
    ink: Any = alt.value(INK)
    soft: Any = alt.value("#3B4654")
    if shade:
        most = float(boxes["shade"].max() or 1)  # type: ignore[arg-type]
        ticks = [s for s in (0, 60, 120, 180, 300, 600, 1200, 3600) if s <= most]
        blank = rect.encode(fill=alt.value("#E4E8ED"))
        rect = rect.transform_filter("isValid(datum.shade)")
        colour = alt.Color(
            "shade:Q",
            title=shade,
            scale=alt.Scale(scheme="blues", domainMin=0),
            legend=alt.Legend(
                orient="top", labelExpr=duration_words(), values=ticks, gradientLength=260, titleLimit=400
            ),
        )
        rect = blank + rect.encode(fill=colour)
        dark = f"datum.shade > {0.6 * most}"
        ink, soft = (alt.condition(dark, alt.value("white"), alt.value(colour_)) for colour_ in (INK, "#3B4654"))
    else:
        rect = rect.encode(fill=alt.condition("datum.full == ' '", alt.value("#E4E8ED"), alt.value("#EAF3F9")))
    one = base.mark_text(fontSize=12, fontWeight=600, dy=alt.ExprRef("datum.full != ' ' ? -7 : 0")).encode(
        text="one:N", color=ink
    )
    two = (
        base.mark_text(fontSize=11, dy=9)
        .transform_calculate(
            second="datum.two"
            if shade
            else "datum.full != ' ' ? (datum.two != ' ' ? datum.two + ' · ' : '') + format(datum.times, ',') + ' ×' : ' '"
        )
        .encode(text="second:N", color=soft)
    )
    halo = alt.Chart(inline(numbers)).transform_filter(only)
    count = halo.mark_text(fontSize=11, color=INK, stroke="white", strokeWidth=4, strokeJoin="round").encode(
        x=x, y=y, text="text:N"
    )
    count2 = halo.mark_text(fontSize=11, color=INK).encode(x=x, y=y, text="text:N")
    notes = (
        alt.Chart(inline(limit))
        .transform_filter(only)
        .mark_text(align="left", baseline="top", x=0, y=0, fontSize=12, color=SOFT)
        .encode(text="note:N")
    )
    layers = alt.layer(space, curves, tips, rect, one, two, count, count2, notes)
    if pick is not None:
        layers = layers.add_params(pick)
    return layers.properties(width=int(min(max(wide + _BOX_WIDTH + 60, 500), WIDTH + 110)), height=alt.Step(_UNIT))


def _frame(parts: list[Part], name: str, schema: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([row for part in parts for row in getattr(part, name)], schema=dict(schema), orient="row")


def _rooms(limit: pl.DataFrame) -> pl.DataFrame:
    """One row per task and unit of its height."""
    return limit.select("task", y=pl.int_ranges(0, pl.col("height"))).explode("y", empty_as_null=True)
