"""What is told about the chosen activity of the official flow, and what its work does outside the usual way."""

from __future__ import annotations

from typing import Any

import polars as pl

from taskkit.charts.labels import distinct
from taskkit.charts.look import INK, SOFT, Chart, count_of, inline, people, seconds_in_words, short, spaced, wrap

_BARS = 8  # steps that are shown for an activity
_LEAST = 0.05  # part of the bookings from which a task that may not be shown is worth a line
_FATES = {
    "skipped": "skipped", "repeated": "repeated", "other_order": "done in another order",
    "inserted": "done where the model does not have it", "not_reached": "not reached (it may be open)",
}  # fmt: skip


def tell_activity(steps: pl.DataFrame, deviations: pl.DataFrame | None, pick: Any, min_people: int) -> Chart:
    """What is said about the chosen activity, line by line."""
    import altair as alt

    rows: list[tuple[str, int, str, bool]] = []
    for row in steps.iter_rows(named=True):
        lines = [
            (part, first == 0)
            for first, said in enumerate(_said(row, deviations, min_people))
            for part in wrap(spaced(said), 74)
        ]
        rows += [(row["activity"], number, part, head) for number, (part, head) in enumerate(lines)]
    told = pl.DataFrame(rows, schema=["activity", "line", "text", "head"], orient="row")
    high = 18 * (max((line for _, line, _, _ in rows), default=0) + 1)
    y = alt.Y("line:Q", axis=None, scale=alt.Scale(domain=[-0.6, high / 18 - 0.4], reverse=True, nice=False))
    words = alt.Chart(inline(told)).transform_filter(pick).encode(y=y, text="text:N")
    head = words.transform_filter("datum.head").mark_text(align="left", x=0, fontSize=13, fontWeight=600, color=INK)
    rest = words.transform_filter("!datum.head").mark_text(align="left", x=0, fontSize=12.5, color=INK)
    heading = alt.TitleParams("The chosen activity", fontSize=13, anchor="start")
    return alt.layer(head, rest).properties(width=470, height=high, title=heading)


def _said(row: dict[str, Any], deviations: pl.DataFrame | None, min_people: int) -> list[str]:
    said = [f"{row['activity']}: {row['passed']:,} of {count_of(row['cases'], 'case')} pass as the model has it."]
    left = [f"{words} in {_cases(row[name], min_people)}" for name, words in _FATES.items() if row[name]]
    if left and not row["few_people"]:
        said.append(f"It is {', '.join(left)}.")
    if deviations is not None:
        instead = (pl.col("returned") == row["activity"]) & (pl.col("kind") == "not in the model")
        near = deviations.filter(
            ((pl.col("activity") == row["activity"]) | instead) & (pl.col("kind") != "not reached")
        )
        said += [_deviation(each) for each in near.head(3).iter_rows(named=True)]
    if row["touch_median_seconds"] is None:
        return [*said, "No work of enough people was recorded here: nothing can be said about the inside."]
    since = row["elapsed_median_seconds"]
    said.append(
        f"Worked on for {seconds_in_words(row['touch_median_seconds'])} by {people(row['people'])} (median of bookings with "
        f"recorded work){'' if since is None else f', {seconds_in_words(since)} after the booking before'}."
    )
    if row["excursion_share"] is not None:
        pastes = row["excursion_pastes_mean"] or 0
        carried = f", with {pastes:.1f} values pasted there per booking" if pastes >= 0.1 else ""
        said.append(f"{row['excursion_share']:.0%} of that time is outside {row['main_app']}{carried}.")
    return said + _of_tasks(row, min_people)


def _cases(count: int, min_people: int) -> str:
    """How many cases; so few that a group behind them would be too small are not counted."""
    return f"fewer than {min_people} cases" if count < min_people else count_of(count, "case")


def _of_tasks(row: dict[str, Any], min_people: int) -> list[str]:
    """The task that most bookings come from, and that others are not shown."""
    said, few, share = [], row["few_tasks"], row["few_share"] or 0
    if row["task_id"] is not None:
        name = f" “{short(row['task_name'], 40)}”" if row["task_name"] else ""
        leaving = row["leaving_share"]
        left_way = (
            f"; {leaving:.0%} of its {count_of(row['measured'], 'execution')} do not keep to its usual way ({row['standard']})"
            if leaving is not None
            else ""
        )
        head = (
            "Most frequent task that may be shown"
            if few and share >= row["task_share"]
            else "Most frequent task inside"
        )
        said.append(
            f"{head}: {row['task_id']}{name}, in {row['task_share']:.0%} of {count_of(row['bookings'], 'booking')} with "
            f"recorded work{left_way}."
        )
    more = " more" if said else ""
    if share < _LEAST:
        return said
    if few == 1:
        said.append(
            f"1{more} task, in {share:.0%} of the bookings, is not shown: fewer than {min_people} people do it."
        )
    elif few:
        said.append(
            f"{few:,}{more} tasks, the most frequent of them in {share:.0%} of the bookings, are not shown: fewer than "
            f"{min_people} people do each of them."
        )
    return said


def _deviation(row: dict[str, Any]) -> str:
    kinds = {"skipped": "is skipped", "not in the model": "is done, which the model does not know", "inserted": "is inserted",
             "repeated": "is repeated", "other order": "is done in another order"}  # fmt: skip
    where = f"after “{row['left']}”" if row["left"] else "at the start"
    extra = row["extra_hours"]
    lost = (
        f", {extra / max(row['times'], 1):.1f} h more than in cases that fit (mean)"
        if extra is not None and extra > 0
        else ""
    )
    return f"“{row['activity']}” {kinds[row['kind']]} {where} in {count_of(row['cases'], 'case')} ({row['share']:.1%}{lost})."


def outside_bars(work: pl.DataFrame | None, listed: list[str], pick: Any) -> Chart:
    """What the executions behind the chosen activity do outside the usual way, by the time spent there."""
    import altair as alt

    rows: list[tuple[Any, ...]] = []
    for activity in listed:
        own = pl.DataFrame() if work is None else work.filter(activity=activity).head(_BARS)
        if own.is_empty():
            rows.append(
                (activity, 0, "No work outside the usual way that enough people share was recorded here.", None, "")
            )
            continue
        steps = own["step"].to_list()
        labels = distinct({step: step for step in steps}, 44)
        for number, row in enumerate(own.iter_rows(named=True)):
            done = row["kind"] == "done outside"
            note = (f"median {seconds_in_words(row['median_seconds'])}, {people(row['people'])}" if done
                    else f"left out, {people(row['people'])}")  # fmt: skip
            rows.append(
                (
                    activity,
                    number,
                    labels[row["step"]],
                    row["share"],
                    spaced(f"{row['share']:.0%} of {row['measured']:,} · {note}"),
                )
            )
    schema = {"activity": pl.String, "line": pl.Int64, "step": pl.String, "share": pl.Float64, "note": pl.String}
    shown = pl.DataFrame(rows, schema=schema, orient="row").with_columns(known=pl.col("share").is_not_null())
    y = alt.Y("line:O", axis=None, scale=alt.Scale(domain=list(range(_BARS)), padding=0.1))
    base = alt.Chart(inline(shown)).transform_filter(pick).encode(y=y)
    x = alt.X("share:Q", axis=None, scale=alt.Scale(domain=[0, 1.6]))  # room for the words behind the longest bar
    bars = (
        base.transform_filter("datum.known")
        .mark_bar(color="#F2B36B", height=alt.RelativeBandSize(0.42), yOffset=9)
        .encode(x=x)
    )
    names = base.mark_text(align="left", x=0, dy=-8, fontSize=12, color=INK).encode(text="step:N")
    notes = (
        base.transform_filter("datum.known")
        .mark_text(align="left", dx=6, dy=9, fontSize=11, color=SOFT)
        .encode(x=x, text="note:N")
    )
    heading = alt.TitleParams(
        "Inside: done outside the usual way of the task (part of the executions), most time first",
        fontSize=13,
        anchor="start",
    )
    return alt.layer(bars, names, notes).properties(width=600, height=38 * _BARS, title=heading)
