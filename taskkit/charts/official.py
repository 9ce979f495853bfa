"""The official flow as it is drawn, with what really happens in it; a click on an activity opens what is done inside."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from taskkit.charts.layout import lay_out
from taskkit.charts.look import (
    INK,
    PALETTE,
    SOFT,
    WIDTH,
    Chart,
    count_of,
    finish,
    inline,
    nothing,
    seconds_in_words,
    short,
    wrap,
)
from taskkit.charts.official_inside import outside_bars, tell_activity
from taskkit.overlay.official import OfficialModel
from taskkit.privacy import MIN_PEOPLE

_WIDE, _BOX, _HIGH, _GATE, _EVENT = WIDTH + 110, 86, 44, 15, 11  # pixels: the picture, boxes, half a gateway, a radius
_APART, _ROWS = 150, 118  # between nodes of a model without a drawing
_STRETCH = 1.25  # rows of a drawing: room for the figures below a box
_INKS = {"name": INK, "all": SOFT, "some": "#B34700", "time": SOFT}  # of the texts in and below a box
_OF_TASK = ("task_id", "task_name", "task_share", "leaving_share")
_HALF = {"activity": (_BOX / 2, _HIGH / 2), "one of": (_GATE, _GATE), "all of": (_GATE, _GATE)}


class Drawing(NamedTuple):
    """Where the nodes are, and the points of the flows, in pixels."""

    spots: dict[str, tuple[float, float]]
    lines: list[tuple[list[tuple[float, float]], str]]
    width: float
    height: float


def official_flow(
    model: OfficialModel, steps: pl.DataFrame, *, replay: pl.DataFrame | None = None, deviations: pl.DataFrame | None = None,
    inside: pl.DataFrame | None = None, activity: str | None = None, min_people: int = MIN_PEOPLE,
) -> Chart:  # fmt: skip
    """Draw the official flow with what really happens in it: cases that keep to it, work and waiting, and the work inside.

    The flow stands as in its file, or in layers where the file has no drawing. Below each activity: the cases that pass as
    the model has it, of those that come to it, and the median active desktop time of a booking beside the time since the
    booking before. The shade is the part of the desktop time outside the main application. A click on an activity (or the
    list) shows below it where the cases leave the model, and what the work inside does outside the usual way of its task.

    Parameters
    ----------
    model : from `read_model`.
    steps : frame of `list_official_steps`.
    replay : frame of `replay_model`, for the share of cases that fit.
    deviations : frame of `list_process_deviations`.
    inside : frame of `list_inside_deviations`.
    activity : the one shown first; by default the one with most active time outside the usual way.
    min_people : smallest group that is shown; work of fewer people is not.

    Returns
    -------
    An Altair chart.

    >>> from taskkit.overlay.official.models import model_of
    >>> from taskkit.variants.standards import standard_from_steps
    >>> official_flow(model_of(standard_from_steps(["pay"])), pl.DataFrame({"activity": []})).to_dict()["description"]
    'There is nothing to lay over the official flow: no activity of it was looked at.'
    """
    import altair as alt

    if steps.is_empty():
        return nothing("There is nothing to lay over the official flow: no activity of it was looked at.")
    enough = pl.col("people").fill_null(0) >= min_people
    private = ("touch_median_seconds", "excursion_share", "excursion_pastes_mean", "few_share", *_OF_TASK)
    blank = steps.with_columns(pl.when(enough).then(pl.col(name)).alias(name) for name in private)
    steps = _without_few(blank, min_people)
    work = _enough(inside, min_people)
    moved = _enough(deviations, min_people)
    listed = steps["activity"].to_list()
    first = activity if activity is not None and activity in listed else _most(work, listed)
    pick = alt.selection_point(
        name="step", fields=["activity"], empty=False, value=[{"activity": first}], clear=False,
        on="click[event.item && event.item.datum && isString(event.item.datum.activity)]", toggle=False,
        bind=alt.binding_select(options=listed, name="Activity: "),
    )  # fmt: skip
    upper = _flow(model, steps, pick)
    lower = alt.hconcat(tell_activity(steps, moved, pick, min_people), outside_bars(work, listed, pick), spacing=24)
    chart = alt.vconcat(upper, lower, spacing=18).resolve_scale(color="independent")
    return finish(
        chart, title=_title(steps, replay, work, first),
        subtitle=[
            "Below an activity: cases that pass it as the model has it, of all that come to it; median active desktop time of a "
            "booking, and median time since the booking before, nights and weekends included. Grey: no work was "
            "recorded there, or that of fewer than "
            f"{min_people} people. Conditions at gateways are not checked. Click an activity, or choose it above.",
            *_hidden(inside, work, min_people),
        ],
    )  # fmt: skip


def how_cases_keep(replay: pl.DataFrame, name: str = "") -> str:
    """How many cases follow the official flow to its end, how many so far, and how many leave it.

    >>> how_cases_keep(pl.DataFrame({"fits": [True, False, False, False], "unfinished": [False, True, True, False]}))[:71]
    '1 of 4 cases (25 %) follows the official flow to its end, 2 (50 %) foll'
    """
    all_of, fits, late = replay.height, int(replay["fits"].sum()), int(replay["unfinished"].sum())
    left, flow = all_of - fits - late, f"the official flow{name and f' {name!r}'}"
    said = [
        f"{fits:,} of {count_of(all_of, 'case')} ({_percent(fits, all_of)}) follow{'s' if fits == 1 else ''} {flow} to its end"
    ]
    if late:
        words = "follows it so far and is not finished" if late == 1 else "follow it so far and are not finished"
        said.append(f"{late:,} ({_percent(late, all_of)}) {words}")
    if left:
        said.append(f"{left:,} ({_percent(left, all_of)}) {'leaves' if left == 1 else 'leave'} it")
    return ", ".join(said)


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return "under 1 %" if 0 < share < 0.5 else f"{share:.0f} %"


def _without_few(steps: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """Without what few people do in an activity; a task of few people counts among those that are not shown."""
    few = (pl.col("task_people") < min_people).fill_null(False)
    # 0 people: nobody's work was recorded, and the process log alone says how long it took
    alone = pl.col("people").fill_null(0).is_between(1, min_people - 1)
    measured = pl.col("measured_people") >= min_people
    return steps.with_columns(
        leaving_share=pl.when(measured).then("leaving_share"),
        elapsed_median_seconds=pl.when(~alone).then("elapsed_median_seconds"),
        few_people=alone,
    ).with_columns(
        pl.when(~few).then(pl.col(*_OF_TASK)).name.keep(),
        few_tasks=pl.col("few_tasks") + few.cast(pl.UInt32),
        few_share=pl.when(few).then(pl.max_horizontal("few_share", "task_share")).otherwise("few_share"),
    )


def _enough(frame: pl.DataFrame | None, min_people: int) -> pl.DataFrame | None:
    """Without what a few people did; 0 people: nobody is known."""
    return None if frame is None else frame.filter((pl.col("people") == 0) | (pl.col("people") >= min_people))


def _hidden(inside: pl.DataFrame | None, work: pl.DataFrame | None, min_people: int) -> list[str]:
    count = 0 if inside is None or work is None else inside.height - work.height
    what = "step inside the activities was" if count == 1 else "steps inside the activities were"
    return (
        [f"{count:,} {what} done by fewer than {min_people} people and {'is' if count == 1 else 'are'} hidden."]
        if count
        else []
    )


def _most(work: pl.DataFrame | None, listed: list[str]) -> str:
    if work is None or work.is_empty():
        return listed[0]
    spent = work.group_by("activity", maintain_order=True).agg(pl.col("active_hours").sum())
    return str(spent.sort("active_hours", descending=True, maintain_order=True)["activity"][0])


def _title(steps: pl.DataFrame, replay: pl.DataFrame | None, work: pl.DataFrame | None, first: str) -> str:
    said = "The official flow, and what really happens in it"
    if replay is not None and replay.height:
        said = how_cases_keep(replay)
    found = None if work is None else work.filter(activity=first, kind="done outside").head(1)
    if found is None or found.is_empty():
        return said
    row = found.row(0, named=True)
    return (
        f"{said}; inside “{first}” {row['share']:.0%} of {row['measured']:,} executions go to “{short(row['step'], 45)}”, outside "
        "the usual way"
    )


def place_nodes(model: OfficialModel) -> Drawing:
    """Where everything is drawn: as in the file, or in layers from left to right."""
    kinds = dict(model.nodes.select("node", "kind").iter_rows())
    ends = model.flows.select("source", "target", "name").rows()
    if model.nodes["x"].null_count() == 0 and model.nodes.height:
        spots = {node: (x, y) for node, x, y in model.nodes.select("node", "x", "y").iter_rows()}
        bends = [list(zip(xs, ys, strict=True))[1:-1] for xs, ys in model.flows.select("xs", "ys").iter_rows()]
    else:
        start = next((n for n, kind in kinds.items() if kind == "start"), "")
        end = next((n for n, kind in kinds.items() if kind == "end"), "")
        plan = lay_out({(a, b): 1.0 for a, b, _ in ends}, start=start, end=end)
        spots = {node: (plan.y[node] * _APART, plan.x[node] * _ROWS) for node in plan.x}
        bends = [[(y * _APART, x * _ROWS) for x, y in plan.paths.get((a, b), [])[1:-1]] for a, b, _ in ends]
    xs, ys = [x for x, _ in spots.values()], [y for _, y in spots.values()]
    low, top = min(xs), min(ys)
    across = min(1.0, (_WIDE - _BOX - 20) / max(max(xs) - low, 1.0))

    def at(x: float, y: float) -> tuple[float, float]:
        return round((x - low) * across + _BOX / 2 + 4, 1), round((y - top) * _STRETCH + _HIGH, 1)

    spots = {node: at(*spot) for node, spot in spots.items()}
    lines = []
    for (source, target, name), inner in zip(ends, bends, strict=True):
        if source in spots and target in spots:
            way = [spots[source], *(at(*point) for point in inner), spots[target]]
            way[0] = _border(way[0], way[1], kinds.get(source, ""))
            way[-1] = _border(way[-1], way[-2], kinds.get(target, ""))
            lines.append((way, name))
    return Drawing(spots, lines, _WIDE, max(y for _, y in spots.values()) + _HIGH / 2 + 44)


def _border(centre: tuple[float, float], other: tuple[float, float], kind: str) -> tuple[float, float]:
    """Where a line from the centre of a node leaves it."""
    (x, y), (dx, dy) = centre, (other[0] - centre[0], other[1] - centre[1])
    wide, high = _HALF.get(kind, (_EVENT, _EVENT))
    if kind == "activity":
        part = min(wide / abs(dx) if dx else 9e9, high / abs(dy) if dy else 9e9)
    else:
        part = wide / max((dx * dx + dy * dy) ** 0.5, 1e-9)
    part = min(part, 1.0)
    return round(x + dx * part, 1), round(y + dy * part, 1)


def _flow(model: OfficialModel, steps: pl.DataFrame, pick: Any) -> Chart:
    """The drawing, one layer of marks after the other."""
    import altair as alt

    drawing = place_nodes(model)
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, drawing.width], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[drawing.height, 0], nice=False))
    points = [(i, j, px, py) for i, (way, _) in enumerate(drawing.lines) for j, (px, py) in enumerate(way)]
    lines = pl.DataFrame(points, schema=["edge", "order", "x", "y"], orient="row")
    curves = alt.Chart(inline(lines)).mark_line(color="#7B8794", strokeWidth=1.3, strokeJoin="round")
    heads, names = [], []
    for way, name in drawing.lines:
        (ax, ay), (bx, by) = way[-2], way[-1]
        turn = (0 if by < ay else 180) if abs(by - ay) > abs(bx - ax) else (90 if bx > ax else 270)
        heads.append((bx, by, turn))
        if name:
            (ax, ay), (bx, by) = way[0], way[1]
            beside = abs(by - ay) > abs(bx - ax)
            names.append((ax + 12 if beside else (ax + bx) / 2, ay + 12 if beside else ay - 8, short(name, 14)))
    tips = alt.Chart(inline(pl.DataFrame(heads, schema=["x", "y", "turn"], orient="row")))
    tip = tips.mark_point(shape="triangle-up", filled=True, size=45, color="#7B8794", opacity=1)
    turned = alt.Angle("turn:Q", scale=alt.Scale(domain=[0, 360], range=[0, 360]))
    told = pl.DataFrame(names, schema={"x": pl.Float64, "y": pl.Float64, "name": pl.String}, orient="row")
    labels = alt.Chart(inline(told)).mark_text(fontSize=11, color=SOFT).encode(x=x, y=y, text="name:N")
    layers = [
        curves.encode(x=x, y=y, detail="edge:N", order="order:Q"), tip.encode(x=x, y=y, angle=turned), labels,
        *_gates(model, drawing, x, y), *_activities(model, steps, drawing, x, y, pick),
    ]  # fmt: skip
    return alt.layer(*layers).properties(width=int(drawing.width), height=int(drawing.height))


def _gates(model: OfficialModel, drawing: Drawing, x: Any, y: Any) -> list[Chart]:
    import altair as alt

    rows, names = [], []
    for node, kind, name in model.nodes.filter(pl.col("kind") != "activity").select("node", "kind", "name").iter_rows():
        if node in drawing.spots:
            px, py = drawing.spots[node]
            rows.append((px, py, kind, {"one of": "×", "all of": "+"}.get(kind, ""), name))
            gate = kind in ("one of", "all of")
            parts = wrap(name, 16 if gate else 9)[:3] if name else []
            high = py - _GATE - 8 - 12 * (len(parts) - 1) if gate else py + _EVENT + 12
            names += [(px, high + 12 * i, part) for i, part in enumerate(parts)]
    nodes = pl.DataFrame(rows, schema=["x", "y", "kind", "sign", "name"], orient="row")
    base = alt.Chart(inline(nodes)).encode(x=x, y=y, tooltip=[alt.Tooltip("name:N", title=" ")])
    gates, events = (
        "datum.kind == 'one of' || datum.kind == 'all of'",
        "datum.kind != 'one of' && datum.kind != 'all of'",
    )
    diamond = base.transform_filter(gates).mark_point(
        shape="diamond", size=(2 * _GATE) ** 2, filled=True, fill="white", stroke=INK, strokeWidth=1.3, opacity=1
    )
    sign = base.transform_filter(gates).mark_text(fontSize=15, fontWeight=600, color=INK).encode(text="sign:N")
    circle = base.transform_filter(events).mark_point(
        shape="circle", size=(2 * _EVENT) ** 2 * 0.785, filled=True, fill="white", stroke=INK, opacity=1
    ).encode(strokeWidth=alt.condition("datum.kind == 'end'", alt.value(3.5), alt.value(1.3)))  # fmt: skip
    told = pl.DataFrame(names, schema={"x": pl.Float64, "y": pl.Float64, "name": pl.String}, orient="row")
    words = alt.Chart(inline(told)).mark_text(fontSize=11, color=SOFT).encode(x=x, y=y, text="name:N")
    return [diamond, sign, circle, words]


def _activities(model: OfficialModel, steps: pl.DataFrame, drawing: Drawing, x: Any, y: Any, pick: Any) -> list[Chart]:
    import altair as alt

    known = {row["activity"]: row for row in steps.iter_rows(named=True)}
    boxes, texts = [], []
    for node, name in model.nodes.filter(kind="activity").select("node", "name").iter_rows():
        row, (px, py) = known.get(name), drawing.spots.get(node, (0.0, 0.0))
        if row is None or node not in drawing.spots:
            continue
        passed, came = row["passed"], row["cases"]
        worked = seconds_in_words(row["touch_median_seconds"]) if row["touch_median_seconds"] is not None else "–"
        since = seconds_in_words(row["elapsed_median_seconds"]) if row["elapsed_median_seconds"] is not None else "–"
        boxes.append((px, py, name, row["excursion_share"], f"{passed:,} of {came:,}", worked, since))
        parts = [short(part, 14) for part in wrap(name, 13)[:2]]
        texts += [
            (px, py + (13 * i - 6.5 * (len(parts) - 1)), part, 12.0, "name", name) for i, part in enumerate(parts)
        ]
        below = py + _HIGH / 2 + 12
        texts.append(
            (px, below, f"{passed:,} of {count_of(came, 'case')}", 10.5, "all" if passed == came else "some", name)
        )
        if row["touch_median_seconds"] is not None or row["elapsed_median_seconds"] is not None:
            texts.append((px, below + 14, f"{worked} in {since}", 10.5, "time", name))
    schema = {"x": pl.Float64, "y": pl.Float64, "activity": pl.String, "outside": pl.Float64, "passed": pl.String,
              "worked": pl.String, "since": pl.String}  # fmt: skip
    base = alt.Chart(inline(pl.DataFrame(boxes, schema=schema, orient="row"))).encode(x=x, y=y)
    shape = f"M-1,-{_HIGH / _BOX}H1V{_HIGH / _BOX}H-1Z"
    colour = alt.Fill(
        "outside:Q", title="part of the desktop time outside the main application",
        scale=alt.Scale(domain=[0, 1], range=["#FFFFFF", "#F2B36B"], interpolate="rgb"),
        legend=alt.Legend(orient="top", format=".0%", gradientLength=220, titleLimit=420, values=[0, 0.5, 1]),
    )  # fmt: skip
    # a mark whose colour is unknown would not be drawn at all
    blank = base.mark_point(shape=shape, size=_BOX**2, filled=True, fill="#EEF0F3", opacity=1, stroke=None)
    rect = base.transform_filter("isValid(datum.outside)").mark_point(shape=shape, size=_BOX**2, opacity=1, stroke=None)
    frame = base.mark_point(shape=shape, size=_BOX**2, fill="transparent", opacity=1, cursor="pointer").encode(
        stroke=alt.condition(pick, alt.value(PALETTE[5]), alt.value(PALETTE[0])),
        strokeWidth=alt.condition(pick, alt.value(3), alt.value(1.2)),
        tooltip=[alt.Tooltip("activity:N"), alt.Tooltip("passed:N", title="cases that pass"),
                 alt.Tooltip("worked:N", title="active time (median)"),
                 alt.Tooltip("since:N", title="since the booking before (median)"),
                 alt.Tooltip("outside:Q", title="of it outside the main application", format=".0%")],
    ).add_params(pick)  # fmt: skip
    words = alt.Chart(inline(pl.DataFrame(texts, schema=["x", "y", "text", "size", "kind", "activity"], orient="row")))
    named = words.mark_text(color=INK, cursor="pointer").encode(
        x=x, y=y, text="text:N", size=alt.Size("size:Q", scale=None, legend=None),
        color=alt.Color("kind:N", legend=None, scale=alt.Scale(domain=list(_INKS), range=[*_INKS.values()])),
    )  # fmt: skip
    return [blank, rect.encode(fill=colour), frame, named]
