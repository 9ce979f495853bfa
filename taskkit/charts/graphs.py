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

MARK = "\u2060"  # keeps the signs' names apart from steps of that name; it is never shown
START, END = f"{MARK}start", f"{MARK}end"
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
    edges: tuple[Edge, ...] = ()  # in order of the numbers that lines, heads and numbers hold


class Space(NamedTuple):
    """What every layer of a graph shares: the filter of the chosen task, and the scales."""

    only: str
    x: Any
    y: Any


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


def of_enough_cases(process: pl.DataFrame, follows: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """The successions of enough cases and people, their counts rounded: a rare one must not follow from the others.

    Behind a succession stand those who made its two bookings. Where both steps are booked by one and the same, that is a system
    as a rule, and the boxes tell it anyhow.
    """
    at = process.sort("case_id", "timestamp", maintain_order=True)
    who = pl.col("resource").cast(pl.String) if "resource" in process.columns else pl.lit(None, pl.String)
    at = at.select("case_id", "activity", who=who)
    last = at.group_by("case_id", maintain_order=True).last()
    ends = last.select(
        "case_id", before="activity", after=pl.lit(None, pl.String), one="who", other=pl.lit(None, pl.String)
    )
    earlier = {"before": pl.col("activity"), "one": pl.col("who")}
    pairs = at.select(
        "case_id", after="activity", other="who", **{n: c.shift(1).over("case_id") for n, c in earlier.items()}
    ).select(ends.columns)
    everybody = dict(at.group_by("activity").agg(pl.col("who").drop_nulls().n_unique()).iter_rows())
    steps = pl.concat([pairs, ends]).group_by("before", "after").agg(
        cases=pl.col("case_id").n_unique(), people=pl.col("one").append(pl.col("other")).drop_nulls().n_unique()
    )  # fmt: skip
    sole = pl.max_horizontal(pl.col("before", "after").replace_strict(everybody, default=0, return_dtype=pl.Int64)) <= 1
    few = (pl.col("cases") < min_people) | (pl.col("people").is_between(1, min_people - 1) & ~sole)
    enough = steps.filter(~few)
    kept = follows.join(enough, on=["before", "after"], how="semi", nulls_equal=True, maintain_order="left")
    return kept.with_columns(((pl.col("times") / _ROUND).round() * _ROUND).cast(follows.schema["times"]))


_ROUND = 5  # counts of successions are rounded to this on a page that leaves the room


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
    taken: list[tuple[float, float]] = []
    labels = _labels([node for node in spot if node not in (START, END)])
    for node, (x, y) in spot.items():
        one, two = (node.strip(MARK), "") if node in (START, END) else labels[node] if words is None else words(node)
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
        heads.append((key, number, round(x1), round(y1 / _UNIT), round(math.degrees(math.atan2(x1 - x0, y0 - y1)))))
        middle = _free_place(points, [*spot.values()], taken)
        taken.append(middle)
        numbers.append((key, number, round(middle[0]), round(middle[1] / _UNIT), f"{weights[edge]:,.0f}"))
    height = int((plan.layers * _LAYER - 24 + top) / _UNIT)
    drawn = tuple(sorted(plan.paths, key=lambda edge: (weights[edge], edge)))
    return Part(key, boxes, lines, heads, numbers, plan.width * apart, height, note, drawn)


def _free_place(
    points: list[tuple[float, float]], boxes: list[tuple[float, float]], taken: list[tuple[float, float]]
) -> tuple[float, float]:
    """The place of the number of an edge: on its curve, as near to the middle as boxes and other numbers allow."""
    places = _on_curve(points)
    half = len(places) // 2
    for x, y in sorted(places, key=lambda place: abs(places.index(place) - half)):
        free = all(abs(x - bx) > _BOX_WIDTH / 2 + 8 or abs(y - by) > _BOX_HEIGHT / 2 + 6 for bx, by in boxes)
        if free and all(abs(x - tx) > 38 or abs(y - ty) > 13 for tx, ty in taken):
            return x, y
    return places[half]


def _on_curve(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Places along the cubic B-spline of the points, an odd number of them."""
    places = []
    for a, b, c, d in zip(points, points[1:], points[2:], points[3:], strict=False):
        for t in (0.0, 0.25, 0.5, 0.75):
            w = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
            places.append(((w[0] * a[0] + w[1] * b[0] + w[2] * c[0] + w[3] * d[0]) / 6,
                           (w[0] * a[1] + w[1] * b[1] + w[2] * c[1] + w[3] * d[1]) / 6))  # fmt: skip
    return places[1:]


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
    return plain_address(node.strip(MARK).partition(" · ")[0])


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


def show_graphs(parts: list[Part], pick: Any, *, shade: str | None, arrows: Any = None) -> Chart:
    """Draw the parts, one at a time where a list chooses; `arrows` gives the layers below and above the boxes."""
    import altair as alt

    limit = pl.DataFrame(
        {"task": [p.key for p in parts], "height": [p.height for p in parts], "note": [p.note for p in parts]}
    )
    wide = max(max(part.width for part in parts), 400)
    scale = alt.Scale(domain=[-_BOX_WIDTH / 2 - 30, wide + _BOX_WIDTH / 2 + 30])
    # rows of a few pixels instead of a scale in pixels: so the chart is as high as the chosen task needs
    y = alt.Y("y:O", axis=None, scale=alt.Scale(type="band", padding=0))
    room = Space("datum.task == task" if pick is not None else "true", alt.X("x:Q", axis=None, scale=scale), y)
    space = alt.Chart(inline(_rooms(limit))).transform_filter(room.only).mark_point(opacity=0).encode(y=y)
    below, above = (arrows or _counted_arrows)(parts, room)
    notes = (
        alt.Chart(inline(limit))
        .transform_filter(room.only)
        .mark_text(align="left", baseline="top", x=0, y=0, fontSize=12, color=SOFT)
        .encode(text="note:N")
    )
    layers = alt.layer(space, *below, *_boxes(parts, room, shade), *above, notes)
    if pick is not None:
        layers = layers.add_params(pick)
    return layers.properties(width=int(min(max(wide + _BOX_WIDTH + 60, 500), WIDTH + 110)), height=alt.Step(_UNIT))


def edge_frames(parts: list[Part]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The points of the curves, the arrow heads and the numbers, each with the number of its edge in the part."""
    text, number, whole = pl.String, pl.Float64, pl.Int64
    place = {"task": text, "edge": whole}
    at = {"x": whole, "y": whole}
    line = place | {"order": whole} | at | {"times": number, "back": pl.Boolean, "tip": text}
    lines = _frame(parts, "lines", line)
    heads = _frame(parts, "heads", place | at | {"angle": whole})
    return lines, heads, _frame(parts, "numbers", place | at | {"text": text})


def _counted_arrows(parts: list[Part], room: Space) -> tuple[list[Chart], list[Chart]]:
    """Arrows as thick as they are frequent, the number on each; those that go back are dashed."""
    import altair as alt

    lines, heads, numbers = edge_frames(parts)
    curves = (
        alt.Chart(inline(lines))
        .transform_filter(room.only)
        .mark_line(opacity=0.8, interpolate="basis")
        .encode(
            x=room.x,
            y=room.y,
            detail="edge:N",
            order="order:Q",
            tooltip=[alt.Tooltip("tip:N", title="succession"), alt.Tooltip("times:Q", format=",")],
            strokeWidth=alt.StrokeWidth("times:Q", scale=alt.Scale(range=[1, 7], domainMin=0), legend=None),
            strokeDash=alt.condition("datum.back", alt.value([5, 3]), alt.value([1, 0])),
            color=alt.value("#A9B4C0"),
        )
    )
    tips = arrow_heads(heads, room).encode(color=alt.value("#7B8794"))
    return [curves, tips], edge_numbers(numbers, room)


def arrow_heads(heads: pl.DataFrame, room: Space) -> Chart:
    """A triangle at the end of each curve."""
    import altair as alt

    turned = alt.Angle("angle:Q", scale=alt.Scale(domain=[-180, 180], range=[-180, 180]))
    shape = alt.Chart(inline(heads)).transform_filter(room.only)
    return shape.mark_point(shape="triangle-up", filled=True, size=70, opacity=1).encode(
        x=room.x, y=room.y, angle=turned
    )


def edge_numbers(numbers: pl.DataFrame, room: Space) -> list[Chart]:
    """The text of each edge (`text`), on a white halo."""
    import altair as alt

    halo = alt.Chart(inline(numbers)).transform_filter(room.only)
    behind = halo.mark_text(fontSize=11, color=INK, stroke="white", strokeWidth=4, strokeJoin="round")
    return [each.encode(x=room.x, y=room.y, text="text:N") for each in (behind, halo.mark_text(fontSize=11, color=INK))]


def _boxes(parts: list[Part], room: Space, shade: str | None) -> list[Chart]:
    """The boxes and the two lines of text in each."""
    import altair as alt

    text, whole = pl.String, pl.Int64
    schema = {"task": text, "x": pl.Float64, "y": whole, "one": text, "two": text, "full": text, "times": whole}
    boxes = _frame(parts, "boxes", schema | {"shade": pl.Float64})
    counted = bool(boxes["times"].sum())
    base = alt.Chart(inline(boxes)).transform_filter(room.only).encode(x=room.x, y=room.y)
    hover = [alt.Tooltip("full:N", title="step"), *([alt.Tooltip("times:Q", format=",")] if counted or shade else [])]
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
    two_lines = "datum.full != ' '" if counted and not shade else "datum.two != ' '"
    one = base.mark_text(fontSize=12, fontWeight=600, dy=alt.ExprRef(f"{two_lines} ? -7 : 0")).encode(
        text="one:N", color=ink
    )
    times = "datum.full != ' ' ? (datum.two != ' ' ? datum.two + ' · ' : '') + format(datum.times, ',') + ' ×' : ' '"
    two = (
        base.mark_text(fontSize=11, dy=9)
        .transform_calculate(second=times if counted and not shade else "datum.two")
        .encode(text="second:N", color=soft)
    )
    return [rect, one, two]


def _frame(parts: list[Part], name: str, schema: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([row for part in parts for row in getattr(part, name)], schema=dict(schema), orient="row")


def _rooms(limit: pl.DataFrame) -> pl.DataFrame:
    """One row per task and unit of its height."""
    return limit.select("task", y=pl.int_ranges(0, pl.col("height"))).explode("y", empty_as_null=True)
