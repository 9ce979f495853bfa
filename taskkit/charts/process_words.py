"""What is said in words about the steps of a process: which one to look into first, and what is inside it."""

from __future__ import annotations

from typing import Any

import polars as pl

from taskkit.charts.look import count_of, most_carried, people, seconds_in_words
from taskkit.charts.process_map import in_words
from taskkit.overlay.insides import Insides

LEAST = 5  # bookings that make a way
SEEN = 0.02  # part of the bookings from which a task or variant is told
_SAME = 0.5  # pastes outside in a booking from which carrying is a habit


def most_hidden(told: pl.DataFrame) -> str | None:
    """The step to look into first: most values pasted outside the main application, else most hours outside it."""
    if "excursion_pastes_mean" in told.columns and (carrier := most_carried(told)) is not None:
        return str(carrier["activity"])
    if "excursion_share" not in told.columns:
        return None
    known = told.drop_nulls("excursion_share")
    if known.is_empty():
        return None
    hours = pl.col("excursion_share") * pl.col("touch_median_seconds") * pl.col("cases_with_work")
    return str(known.sort(hours, "activity", descending=[True, False])["activity"][0])


def say_hidden(told: pl.DataFrame, insides: Insides, step: str, min_people: int, *, lead: bool = False) -> str:
    """The step in one sentence: how the bookings with values carried outside differ from those without.

    With `lead` it begins with what makes the step the first to look into, so that it reads as a statement about the whole
    process whichever step is chosen below it.
    """
    said = _say_step(told, insides, step, min_people)
    if not lead or step != most_hidden(told):
        return said
    carried = "excursion_pastes_mean" in told.columns and most_carried(told) is not None
    return f"Most {'pasted' if carried else 'work'} beside the system: {said[0].lower()}{said[1:]}"


def _say_step(told: pl.DataFrame, insides: Insides, step: str, min_people: int) -> str:
    ways = insides.ways.filter((pl.col("activity") == step) & enough(min_people))
    carried = ways.filter(pl.col("outside_pastes") >= _SAME) if "outside_pastes" in ways.columns else ways.clear()
    plain = ways.filter(pl.col("outside_pastes") < _SAME) if "outside_pastes" in ways.columns else ways.clear()
    facts = told.filter(pl.col("activity") == step)
    if carried.is_empty() or plain.is_empty() or carried["elapsed_median_seconds"].null_count() == carried.height:
        return _say_plain(step, facts)
    top, usual = carried.row(0, named=True), plain.row(0, named=True)
    main = facts["main_app"][0] if facts.height else None
    route = " → ".join(top["apps"])
    return (
        f"Before “{step}” {seconds_in_words(top['elapsed_median_seconds'])} pass where {top['outside_pastes']:.1f} values a "
        f"booking are pasted outside {main} ({route}; {seconds_in_words(top['touch_median_seconds'])} of work), "
        f"{seconds_in_words(usual['elapsed_median_seconds'])} where it is done in {' and '.join(usual['apps'])} alone"
    )


def enough(min_people: int) -> pl.Expr:
    """Which ways may be told: those of enough people and of enough bookings to be more than chance."""
    return (pl.col("people") >= min_people) & (pl.col("bookings") >= LEAST)


def _say_plain(step: str, facts: pl.DataFrame) -> str:
    row = facts.row(0, named=True) if facts.height else {}
    if row.get("touch_median_seconds") is None:
        return f"Inside “{step}”: no recorded work of enough people"
    said = f"Inside “{step}”: {seconds_in_words(row['touch_median_seconds'])} of work"
    if row.get("elapsed_median_seconds") is not None:
        said += f" in {seconds_in_words(row['elapsed_median_seconds'])} since the booking before"
    if row.get("excursion_share") is not None:
        said += f", {in_words(row['excursion_share'], 'share')} of it outside {row['main_app']}"
    return said


def say_facts(row: dict[str, Any]) -> str:
    """A row of `tell_steps` in a sentence."""
    if row.get("few"):
        return "Worked on by too few people to be told."
    if not row.get("people") or row.get("touch_median_seconds") is None:
        return "No desktop work was recorded for this step: it may be done by a machine, or by people who were not recorded."
    said = [f"Worked on for {seconds_in_words(row['touch_median_seconds'])}"]
    if row.get("elapsed_median_seconds") is not None:
        said.append(f"{seconds_in_words(row['elapsed_median_seconds'])} after the booking before (medians)")
    if row.get("excursion_share") is not None:
        said.append(f"{in_words(row['excursion_share'], 'share')} of the work outside {row['main_app']}")
    if row.get("rekeyed_median"):
        again = in_words(row["rekeyed_median"], "count")
        said.append(f"{again} {'value' if again == '1' else 'values'} typed again (median)")
    seen = f"recorded work of {people(row['people'])}"
    if all(row.get(name) is not None for name in ("process_events", "cases", "cases_with_work")):
        bound = "at least " if row["process_events"] > row["cases"] else ""  # counted once a case
        seen += f" behind {bound}{row['cases_with_work']:,} of {count_of(row['process_events'], 'booking')}"
    return "; ".join([*said, seen]) + "."


def say_unshown(tasks: pl.DataFrame, min_people: int) -> str:
    """The sentence about the tasks of a step that too few people do: how many, and in how many of the bookings."""
    few = tasks.filter(
        pl.col("variant_id").is_null() & (pl.col("people") < min_people) & (pl.col("share") >= SEEN)
        & (pl.col("median_seconds") >= 1)
    )  # fmt: skip
    if few.is_empty():
        return ""
    share = in_words(max(few["share"]), "share")
    if few.height == 1:
        return f"1 more task, in {share} of the bookings, is not shown: fewer than {min_people} people do it."
    return (
        f"{few.height} more tasks, in up to {share} of the bookings, are not shown: fewer than {min_people} people do each "
        "of them."
    )
