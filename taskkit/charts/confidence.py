"""How sure a segmentation is of its results, task by task."""

from __future__ import annotations

import polars as pl

from taskkit.charts.look import PALETTE, WIDTH, Chart, finish, hidden_note, inline, nothing, short, shown
from taskkit.privacy import MIN_PEOPLE

# column of the segments frame → what it is the confidence of
_PARTS = {"boundary_confidence": "beginning", "confidence": "whole segment", "task_confidence": "kind (task)"}


def confidence_by_task(segments: pl.DataFrame, *, most: int = 20, min_people: int = MIN_PEOPLE) -> Chart:
    """Draw how sure the segmentation and the grouping are of their results, task by task.

    Parameters
    ----------
    segments : segments frame with `task_id`, `task_name`, `user` and some of `boundary_confidence`, `confidence` and
        `task_confidence`.
    most : tasks that are drawn, most time first.
    min_people : smallest group that is drawn.

    >>> confidence_by_task(pl.DataFrame({"task_id": []})).to_dict()["description"]
    'No task recurs in this log, so there is no confidence to show.'
    """
    known = segments.drop_nulls("task_id")
    if known.is_empty():
        return nothing("No task recurs in this log, so there is no confidence to show.")
    parts = {name: label for name, label in _PARTS.items() if name in known.columns and known[name].count()}
    if not parts:
        return nothing("The segmentation method gives no confidence.")
    rows = [
        known.drop_nulls(name).group_by("task_id").agg(
            pl.col("task_name").first(), of=pl.lit(label), median=pl.col(name).median(), low=pl.col(name).quantile(0.1),
            high=pl.col(name).quantile(0.9), n=pl.len(), people=pl.col("user").n_unique(),
        )
        for name, label in parts.items()
    ]  # fmt: skip
    seen, _ = shown(pl.concat(rows).sort("task_id", "of"), min_people)
    hidden = known["task_id"].n_unique() - seen["task_id"].n_unique()
    if seen.is_empty():
        return nothing(hidden_note(hidden, min_people, what="task"))
    drawn = seen.filter(pl.col("task_id").is_in(seen["task_id"].unique().sort().head(most).to_list()))
    name = pl.concat_str(pl.col("task_id"), pl.lit("  "), pl.col("task_name")).map_elements(
        lambda text: short(text, 46), return_dtype=pl.String
    )
    return finish(
        _bands(drawn.with_columns(name=name).drop("task_id", "task_name"), [*parts.values()]),
        title="How sure the method is, task by task",
        subtitle=[f"Median (mark) and middle 80 % (band) over the segments of a task. {_meaning(parts)}",
                  hidden_note(hidden, min_people, what="task")],
    )  # fmt: skip


def _meaning(parts: dict[str, str]) -> str:
    said = []
    if "confidence" in parts:
        said.append(
            "Beginning and whole segment are calibrated on logs with known truth: of 100 segments with 0.9, "
            "about 90 should be right."
            if "boundary_confidence" in parts
            else "The whole segment: higher is surer; for this method it is not a probability of being right."
        )
    if "task_confidence" in parts:
        said.append("Kind compares the tasks of this log: 0.5 = another task is just as like; not a probability.")
    return " ".join(said)


def _bands(drawn: pl.DataFrame, kinds: list[str]) -> Chart:
    """A band and a mark for each task and kind of confidence."""
    import altair as alt

    base = alt.Chart(inline(drawn)).encode(
        y=alt.Y("name:N", sort=None, title=None),
        color=alt.Color("of:N", scale=alt.Scale(domain=kinds, range=list(PALETTE[: len(kinds)])), title="confidence of the"),
        yOffset=alt.YOffset("of:N", scale=alt.Scale(domain=kinds)),
        tooltip=[
            alt.Tooltip("name:N", title="task"), alt.Tooltip("of:N", title="confidence of the"),
            alt.Tooltip("median:Q", format=".2f"), alt.Tooltip("low:Q", title="lowest tenth up to", format=".2f"),
            alt.Tooltip("n:Q", title="segments"), "people:Q",
        ],
    )  # fmt: skip
    axis = alt.Axis(tickCount=10, format=".1f")
    bars = base.mark_rule(strokeWidth=4, strokeCap="round", opacity=0.45).encode(
        x=alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), title="confidence, 0 to 1", axis=axis), x2="high:Q"
    )
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(
        x="median:Q", shape=alt.Shape("of:N", scale=alt.Scale(domain=kinds), title="confidence of the")
    )
    return (bars + dots).properties(width=WIDTH - 400, height=alt.Step(13))
