"""Which steps of a task a robot would take, and which stay with the person."""

from __future__ import annotations

from typing import Any

import polars as pl

from taskkit.automation.rare import FEW_STEP
from taskkit.charts.look import (
    FAINT,
    INK,
    PALETTE,
    Chart,
    count_of,
    finish,
    hidden_note,
    inline,
    nothing,
    people,
    picker,
    short,
    shown,
    spaced,
    wrap,
)
from taskkit.privacy import MIN_PEOPLE

ROBOT, PERSON, REST = "a robot could take it", "stays with the person", "rare steps, glances, pauses"
_WIDE, _LINE = 1000, 18  # pixels


def routine_strip(
    candidates: pl.DataFrame, *, task_id: str | None = None, names: dict[str, str] | None = None, most: int = 6,
    min_people: int = MIN_PEOPLE,
) -> Chart:  # fmt: skip
    """Draw the usual steps of each task as a strip: stretches that a robot could take, and those that stay with the person.

    The stretches stand in the order of work, as wide as their part of the task's active time; what is not one of the usual
    steps comes last. The list opens a task: its stretches in words, with how often and by how many people they were done.

    Parameters
    ----------
    candidates : frame of `list_routine_candidates`.
    task_id : the task opened first; by default the one with the largest part for a robot.
    names : task → readable name.
    most : stretches told for a task, the first ones.
    min_people : smallest group that is drawn.

    Returns
    -------
    An Altair chart.

    >>> routine_strip(pl.DataFrame({"task_id": [], "people": []})).to_dict()["description"]
    'No task has usual steps that could be divided between a robot and a person.'
    """
    import altair as alt

    if candidates.is_empty():
        return nothing("No task has usual steps that could be divided between a robot and a person.")
    seen, hidden = shown(candidates, min_people)
    if seen.is_empty():
        return nothing(hidden_note(hidden, min_people, what="stretch of steps", plural="stretches of steps"))
    seen = seen.sort("task_id", "candidate")
    taken = pl.col("covers_seconds_share").filter(pl.col("taken_by") == "robot").sum()
    parts = seen.group_by("task_id").agg(part=taken).sort("part", "task_id", descending=[True, False])
    tasks = parts["task_id"].to_list()
    label = {task: short(f"{task}  {(names or {}).get(task, '')}".strip(), 36) for task in tasks}
    pick = picker("task", "Task", label, value=task_id if task_id in tasks else tasks[0])
    bars = _bars(seen, label)
    y = alt.Y("name:N", sort=list(label.values()), title=None)
    colour = alt.Color(
        "who:N", title=None, scale=alt.Scale(domain=[ROBOT, PERSON, REST], range=[PALETTE[2], PALETTE[3], FAINT]),
        legend=alt.Legend(orient="top", symbolType="square"),
    )  # fmt: skip
    x = alt.X(
        "from:Q", title="part of the task's active time", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1])
    )
    base = alt.Chart(inline(bars)).encode(
        y=y, x=x,
        tooltip=[alt.Tooltip("name:N", title="task"), "who:N", alt.Tooltip("share:Q", title="part of the time", format=".0%"),
                 alt.Tooltip("steps:Q", title="steps")],
    )  # fmt: skip
    boxes = base.mark_bar(stroke="white", strokeWidth=2, height={"band": 0.7}).encode(color=colour, x2="to:Q")
    words = base.transform_filter("datum.share >= 0.06").mark_text(align="left", dx=6, fontSize=12)
    words = words.encode(
        text="text:N", color=alt.condition(f"datum.who == '{REST}'", alt.value(INK), alt.value("white"))
    )
    strip = alt.layer(boxes, words).properties(width=_WIDE - 200, height=alt.Step(30)).add_params(pick)
    chart = alt.vconcat(strip, _told(seen, label, most, min_people), spacing=12)
    top = parts.row(0, named=True)
    return finish(
        chart,
        title=f"In {label[top['task_id']]} a robot could take the steps of {top['part']:.0%} of the time",
        subtitle=[
            "Green: consecutive steps whose written values follow a rule, on elements that are found again, outside "
            "mail, chat and writing. Numbers are those of the list below. What a step is there for, no log can tell.",
            hidden_note(hidden, min_people, what="stretch of steps", plural="stretches of steps"),
        ],
    )  # fmt: skip


def _bars(seen: pl.DataFrame, label: dict[str, str]) -> pl.DataFrame:
    """The stretches of each task behind one another, the rest of its time last."""
    rows: list[tuple[Any, ...]] = []
    for task, name in label.items():
        at = 0.0
        for row in seen.filter(task_id=task).iter_rows(named=True):
            share = min(row["covers_seconds_share"] or 0.0, 1 - at)
            who = ROBOT if row["taken_by"] == "robot" else PERSON
            text = spaced(f"{row['candidate']}: {share:.0%}")
            rows.append((name, who, at, at + share, share, len(row["steps"]), text))
            at += share
        rows.append((name, REST, at, 1.0, 1 - at, None, spaced(f"{1 - at:.0%}")))
    schema = {"name": pl.String, "who": pl.String, "from": pl.Float64, "to": pl.Float64, "share": pl.Float64,
              "steps": pl.Int64, "text": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _told(seen: pl.DataFrame, label: dict[str, str], most: int, min_people: int) -> Chart:
    """The runs of the chosen task in words."""
    import altair as alt

    rows: list[tuple[str, int, str, bool]] = []
    for task in label:
        own, line = seen.filter(task_id=task), 0
        for row in own.head(most).iter_rows(named=True):
            who = ROBOT if row["taken_by"] == "robot" else PERSON
            head = (
                f"{row['candidate']}: {who}, {count_of(len(row['steps']), 'step')}, {row['covers_seconds_share'] or 0:.0%} of "
                f"the time ({count_of(row['segments'], 'run')}, {people(row['people'])})"
            )
            known = zip(row["steps"], row["people_of"], strict=True)
            way = " → ".join(short(step, 60) if people_of >= min_people else FEW_STEP for step, people_of in known)
            texts = [(head, True), *((part, False) for part in wrap(short(way, 295), 150))]
            texts += [(part, False) for part in wrap(row["why"], 150)] if row.get("why") else []
            for text, first in texts:
                rows.append((task, line, spaced(text), first))
                line += 1
        if own.height > most:
            rows.append(
                (task, line, f"and {count_of(own.height - most, 'further stretch', 'further stretches')}", False)
            )
    told = pl.DataFrame(rows, schema=["task_id", "line", "text", "head"], orient="row")
    lines = max(line for _, line, _, _ in rows) + 1
    y = alt.Y("line:Q", axis=None, scale=alt.Scale(domain=[-0.6, lines - 0.4], reverse=True, nice=False))
    words = alt.Chart(inline(told)).transform_filter("datum.task_id == task").encode(y=y, text="text:N")
    heads = words.transform_filter("datum.head").mark_text(align="left", x=0, fontSize=13, fontWeight=600, color=INK)
    rest = words.transform_filter("!datum.head").mark_text(align="left", x=0, fontSize=12.5, color=INK)
    return alt.layer(heads, rest).properties(width=_WIDE, height=_LINE * lines)
