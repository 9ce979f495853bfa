"""The field-to-field map of a task: where the values of each written field come from, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from taskkit.automation.rare import hide_rare_sources
from taskkit.charts.look import (
    GREY,
    INK,
    PALETTE,
    SOFT,
    Chart,
    count_of,
    finish,
    inline,
    nothing,
    people,
    picker,
    short,
    shown,
    spaced,
    wrap,
)
from taskkit.privacy import MIN_PEOPLE, shares_pages
from taskkit.schema import require_columns

UNKNOWN = "too little data"
KINDS = {
    "copy": (PALETTE[0], "circle"),
    "part": (PALETTE[4], "triangle-up"),
    "reformat": (PALETTE[2], "triangle-down"),
    "concatenation": (PALETTE[6], "triangle-right"),
    "look-up": (PALETTE[1], "square"),
    "constant": (SOFT, "triangle-left"),
    "judgement": (PALETTE[3], "diamond"),
    UNKNOWN: (GREY, "cross"),
}
_WIDE, _ROW, _LEFT, _RIGHT = 1060.0, 27.0, 270.0, 590.0  # pixels: the picture, a row, where lines begin and end
_BENDS = 12  # straight parts of a line
_COLUMNS = ("task_id", "field", "kind", "sources", "rule", "writes", "explained", "share", "violations", "people",
            "source_people")  # fmt: skip


def field_map(
    transfers: pl.DataFrame,
    *,
    task_id: str | None = None,
    names: Mapping[str, str] | None = None,
    most: int = 18,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw where the values of a task's written fields come from: sources left, written fields right, a line per rule.

    Colour and mark tell the kind of rule, thickness the share of values that it gives (each predicted from the other
    executions). A field without a line is a constant, needs judgement, or was written too rarely; its mark says which.

    Parameters
    ----------
    transfers : frame of `find_data_transfers`.
    task_id : the task shown first; by default the first one. The list above the chart holds the others.
    names : task → readable name.
    most : fields drawn for a task, those written most often.
    min_people : smallest group that is drawn.

    Returns
    -------
    An Altair chart.

    >>> field_map(pl.DataFrame({"task_id": [], "people": []})).to_dict()["description"]
    'No field with a value was written in a task, so there is nothing to map.'
    """
    import altair as alt

    if transfers.is_empty():
        return nothing("No field with a value was written in a task, so there is nothing to map.")
    require_columns(transfers, *_COLUMNS, made_by="find_data_transfers")
    seen, hidden = shown(transfers, min_people)
    if seen.is_empty():
        return nothing(f"No field was written by at least {min_people} people, so none is shown.")
    seen = hide_rare_sources(seen.select(_COLUMNS), min_people=min_people).with_columns(
        kind=pl.col("kind").fill_null(UNKNOWN)
    )
    title = _title(seen)
    seen = _without_exceptions(seen) if shares_pages() else seen
    tasks = seen["task_id"].unique().sort().to_list()
    labels = {task: short(f"{task}  {(names or {}).get(task, '')}".strip(), 45) for task in tasks}
    parts = [_place(own, most) for _, own in sorted(seen.group_by("task_id"))]
    rows = max(part[2] for part in parts)
    pick = picker("task", "Task", labels, value=task_id if task_id in labels else tasks[0])
    chosen = "datum.task_id == task"
    found = [kind for kind in KINDS if kind in set(seen["kind"])]
    legend = alt.Legend(orient="top", title="kind of rule", columns=8, symbolSize=120)
    scale = alt.Scale(domain=found, range=[KINDS[kind][0] for kind in found])
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, _WIDE], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[rows * _ROW, 0], nice=False))
    lines, ends = pl.concat([part[0] for part in parts]), pl.concat([part[1] for part in parts])
    curves = (
        alt.Chart(inline(lines)).transform_filter(chosen).mark_line(opacity=0.7, strokeCap="round", interpolate="monotone")
        .encode(x=x, y=y, detail="line:N", color=alt.Color("kind:N", scale=scale, legend=legend),
                strokeWidth=alt.StrokeWidth("share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[1, 7])),
                tooltip=_tips())
    )  # fmt: skip
    base = alt.Chart(inline(ends)).transform_filter(chosen).encode(x=x, y=y, tooltip=_tips())
    shape = alt.Shape("kind:N", legend=legend, scale=alt.Scale(domain=found, range=[KINDS[k][1] for k in found]))
    marks = base.transform_filter("datum.right").mark_point(filled=True, size=110, opacity=1, strokeWidth=3)
    marks = marks.encode(shape=shape, color=alt.Color("kind:N", scale=scale, legend=legend))
    text: dict[str, Any] = {"fontSize": 12, "color": INK}
    left = base.transform_filter("!datum.right").mark_text(align="right", dx=-8, **text).encode(text="name:N")
    right = base.transform_filter("datum.right").mark_text(align="left", dx=12, dy=-1, **text).encode(text="name:N")
    notes = alt.Chart(inline(ends)).transform_filter(f"{chosen} && datum.right").encode(y=y, text="note:N")
    notes = notes.mark_text(align="left", x=_RIGHT + 262, fontSize=11.5, color=SOFT)
    chart = alt.layer(curves, marks, left, right, notes).add_params(pick)
    return finish(
        chart.properties(width=_WIDE, height=rows * _ROW),
        title=title,
        subtitle=[
            "Left: where the value was shown, copied or written before in the same run. Right: the field that is written, the "
            f"share of its values that the rule gives (each foretold from the other runs){_BROKEN[shares_pages()]}. A thicker "
            "line explains more. The rule in words is in the tooltip; what was written is not shown.",
            _left_out(hidden, sum(part[3] for part in parts), min_people),
        ],
    )  # fmt: skip


def _left_out(hidden: int, cut: int, min_people: int) -> str:
    said = f"{count_of(hidden, 'field')} written by fewer than {min_people} people not shown. " if hidden else ""
    return said + (f"{count_of(cut, 'field')} written more rarely than those drawn are left out." if cut else "")


def _without_exceptions(seen: pl.DataFrame) -> pl.DataFrame:
    """The fields without how often their rule is broken: by how many people is not known, and it is often one."""
    coarse = pl.when(pl.col("share") >= _NEARLY).then(1.0).otherwise((pl.col("share") * 10).round() / 10)
    none = [pl.lit(None, seen.schema[name]).alias(name) for name in ("explained", "violations")]
    return seen.with_columns(coarse.alias("share"), *none)


_NEARLY = 0.95  # from this share on a page that leaves the room says nearly all
_BROKEN = {
    False: ", and how many break it",
    True: ", in tenths, because single exceptions would be those of single people",
}


def _tips() -> list[Any]:
    import altair as alt

    counts = [] if shares_pages() else [
        alt.Tooltip("explained:Q", title="given by the rule", format=","),
        alt.Tooltip("violations:Q", title="break the rule", format=","),
    ]  # fmt: skip
    return [
        alt.Tooltip("field:N"), alt.Tooltip("kind:N"), alt.Tooltip("rule:N"),
        alt.Tooltip("writes:Q", title="values written", format=","), *counts, "people:Q",
    ]  # fmt: skip


def _place(own: pl.DataFrame, most: int) -> tuple[pl.DataFrame, pl.DataFrame, int, int]:
    """Points of the lines and places of the names of one task, how many rows it needs, how many fields are left out."""
    kinds = {kind: number for number, kind in enumerate(KINDS)}
    top = own.sort("writes", "field", descending=[True, False]).head(most)
    top = top.with_columns(_kind=pl.col("kind").replace_strict(kinds, default=len(kinds), return_dtype=pl.Int64))
    fields = top.sort("_kind", "writes", "field", descending=[False, True, False]).to_dicts()
    order = list(dict.fromkeys(source for row in fields for source in row["sources"]))
    rows = max(len(order), len(fields), 1)
    at_left = {name: (i + 0.5) * _ROW * rows / len(order) for i, name in enumerate(order)}
    lines, ends = [], []
    for number, row in enumerate(fields):
        y = (number + 0.5) * _ROW * rows / len(fields)
        facts = [row[name] for name in ("task_id", "field", "kind", "writes", "explained", "violations", "people")]
        facts.append("\n".join(wrap(spaced(short(row["rule"] or "", 200)), 80)))
        ends.append((*facts, row["share"] or 0.0, "", _RIGHT, y, short(row["field"], 38), _note(row), True))
        for source in row["sources"]:
            for step in range(_BENDS + 1):
                t = step / _BENDS
                bend = t * t * (3 - 2 * t)
                place = (_LEFT + t * (_RIGHT - 8 - _LEFT), at_left[source] * (1 - bend) + y * bend)
                lines.append((*facts, row["share"] or 0.0, f"{source}→{row['field']}", *place, "", "", False))
    task = fields[0]["task_id"]
    for name, y in at_left.items():
        ends.append((task, name, "copy", None, None, None, None, "", 0.0, "", _LEFT, y, short(name, 40), "", False))
    cut = max(own.height - most, 0)
    return (
        pl.DataFrame(lines, schema=_POINTS, orient="row"),
        pl.DataFrame(ends, schema=_POINTS, orient="row"),
        rows,
        cut,
    )


_POINTS = {
    "task_id": pl.String, "field": pl.String, "kind": pl.String, "writes": pl.Int64, "explained": pl.Int64,
    "violations": pl.Int64, "people": pl.Int64, "rule": pl.String, "share": pl.Float64, "line": pl.String, "x": pl.Float64,
    "y": pl.Float64, "name": pl.String, "note": pl.String, "right": pl.Boolean,
}  # fmt: skip


def _note(row: dict[str, Any]) -> str:
    """What stands behind a written field: kind, support, people."""
    if row["kind"] == UNKNOWN:
        return f"too little data: {count_of(row['writes'], 'value')}"
    seen = f"{count_of(row['writes'], 'value')}, {people(row['people'])}"
    if row["kind"] == "judgement":
        return f"judgement: no rule found ({seen})"
    broken = f", {row['violations']:,} break it" if row["violations"] else ""
    part = _about(row["share"]) if shares_pages() else _part(row["share"])
    return spaced(f"{row['kind']}: {part} of {seen}{broken}")


def _about(share: float | None) -> str:
    return (
        "–" if share is None else "nearly all" if share >= _NEARLY else "few" if share < 0.05 else f"about {share:.0%}"
    )


def _part(share: float | None) -> str:
    """A share that is called 100 % only where nothing is missing."""
    return "–" if share is None else f"{min(share, 1.0 if share >= 1 else 0.99):.0%}"


def _title(seen: pl.DataFrame) -> str:
    known = seen.filter(pl.col("kind") != UNKNOWN)
    if known.is_empty():
        return "Where written values come from: too little data for a rule in any field"
    writes, explained = int(known["writes"].sum()), int(known["explained"].sum())
    judged = int((known["kind"] == "judgement").sum())
    part = explained / max(writes, 1)
    told = _about(part) if shares_pages() else f"{part:.0%}"
    return (
        f"In all tasks {told} of {writes:,} written values follow a rule; "
        f"{count_of(judged, 'field')} of {known.height:,} {'needs' if judged == 1 else 'need'} judgement"
    )
