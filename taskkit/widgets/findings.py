"""Findings in sentences: computed from the frames, with how many and how many people, and a caveat where data are thin."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import polars as pl

from taskkit.activities.measures import (
    count_entries,
    count_reentries,
    count_round_trips,
    count_transfers,
    measure_fragmentation,
    switch_cost,
    time_per_app,
)
from taskkit.charts.entries import CONSTANT
from taskkit.charts.look import (
    PRIVATE,
    count_of,
    largest,
    most_carried,
    of_tasks,
    people,
    seconds_in_words,
    select_tasks,
    smallest_group,
)
from taskkit.charts.steps import say_behind
from taskkit.comparison import MEASURES
from taskkit.privacy import MIN_PEOPLE, shares_pages
from taskkit.quality import check_quality
from taskkit.widgets.displays import Summary

_FEW = "It rests on few people: take it as a description of them, not of the work in general."

ACTIVE = (
    "Active time of a row: until the same person's next row, at most 60 s, or the row's own length if that is longer."
)
ACTED_ON = ("automate", "integrate", "standardise first", "fix the process", "share the better practice")


def summarise_log(events: pl.DataFrame) -> Summary:
    """Say what was recorded and what stands out first: how work goes to and fro, or what is carried by hand.

    The figures behind it name only what says something of this log: time cut into short stretches, changes of application
    that lead straight back, values carried by hand or typed again, fields that always get the same value.

    Parameters
    ----------
    events : events frame of `name_activities`.

    >>> import taskkit as tk
    >>> frame = pl.DataFrame({"at": [1.8e9, 1.8e9 + 36], "app": ["mail", "erp"]})
    >>> log = tk.from_table(frame, columns={"timestamp": "at", "app": "app"})
    >>> summarise_log(tk.name_activities(log))[:46]
    '0.0 active hours of 1 person were recorded; 10'
    """
    who = events["user"].n_unique() if events.height else 0
    apps = time_per_app(events)
    if apps.is_empty():
        return Summary("The log holds no work in any application: nothing can be said.")
    hours = float(events["active_seconds"].sum()) / 3600
    said = f"{hours:.1f} active hours of {people(who)} were recorded"
    common = apps.filter(pl.col("people") >= smallest_group(events))
    if common.height:
        part, app = common["active_hours"][0] / max(hours, 1e-9), common["app"][0]
        said += f"; {part:.0%} of it in {PRIVATE.get(app, app)}"
    noted = (_alternation(events), _carried_by_hand(events))
    first = " and ".join(found[0] for each in noted if (found := [short for short, _ in each if short]))
    warnings = check_quality(events).filter(pl.col("level") == "warning")["sentence"].to_list()
    beware = f" Beware: {count_of(len(warnings), 'check')} of the log warn{'s' if len(warnings) == 1 else ''}."
    said += "." + (f" {first[0].upper()}{first[1:]}." if first else "") + (beware if warnings else "") + _thin(who)
    checked = [f"Beware: {warning}" for warning in warnings] or ["No quality check raises a warning."]
    behind = [whole for each in noted for _, whole in each if whole.rstrip(".") not in said]
    return Summary(said, [*behind, *checked, ACTIVE])


def _alternation(events: pl.DataFrame) -> list[tuple[str, str]]:
    """What stretches, round trips and changes of application say, where they say something: in short (or not), and whole."""
    said, least = [], smallest_group(events)
    trips = count_round_trips(events)
    named = trips.filter(pl.col("people") >= least)
    if named.height and trips["share"].sum() >= 0.25 and trips["round_trips"].sum() >= 20:
        top, back = (
            named.row(0, named=True),
            f"{trips['share'].sum():.0%} of the changes of application lead straight back",
        )
        said.append((
            back,
            f"{back} within {seconds_in_words(top['within_seconds'])}, most often from {top['app']} to {top['there']} and "
            f"back ({count_of(top['round_trips'], 'time')}, {people(top['people'])}).",
        ))  # fmt: skip
    cut = measure_fragmentation(events).filter(pl.col("people") >= least)
    if cut.height and cut["share_under_1m"][0] >= 0.25:
        part = f"{cut['share_under_1m'][0]:.0%} of the active time is in stretches of less than a minute"
        many = f"mean of {people(cut['people'][0])}, {count_of(cut['person_days'][0], 'person-day')}"
        said.append((part, f"{part} in one application ({many})."))
    cost = switch_cost(events).head(1).filter((pl.col("low") > 0) & (pl.col("people") >= least))
    if cost.height:
        row = cost.row(0, named=True)
        said.append((
            "",
            f"After a change the next act comes about {row['cost_seconds']:.1f} s later than without one "
            f"(95 % {row['low']:.1f} to {row['high']:.1f} s; an estimate, {people(row['people'])}).",
        ))  # fmt: skip
    return said


def _carried_by_hand(events: pl.DataFrame) -> list[tuple[str, str]]:
    """What is pasted, typed again and always the same, where it says something: in short (or not), and whole."""
    said, transfers = [], count_transfers(events)
    if transfers.height:
        pasted = int(transfers["transfers"].sum())
        part = f"{count_of(pasted, 'value')} {'was' if pasted == 1 else 'were'} pasted"
        whole = f"{part}, {_across(transfers, pasted)} of them from one application into another"
        said.append((whole if pasted >= 20 else "", f"{whole}."))
    again = count_reentries(events)
    if again.height and again["share"].sum() >= 0.1 and again["reentries"].sum() >= 20:
        part = f"{int(again['reentries'].sum()):,} typed entries repeat a value"
        said.append((
            part,
            f"{part} that the same person saw, copied or wrote elsewhere up to "
            f"{seconds_in_words(again['within_seconds'][0])} before: {again['share'].sum():.0%} of those that can be judged.",
        ))  # fmt: skip
    entries = count_entries(events).filter(pl.col("people") >= smallest_group(events))
    fixed = entries.filter((pl.col("top_value_share") >= CONSTANT) & (pl.col("entries") >= 20))
    if fixed.height and int(fixed["entries"].sum()) >= 0.05 * int(entries["entries"].sum()):
        said.append((
            "",
            f"{int(fixed['entries'].sum()):,} of {count_of(int(entries['entries'].sum()), 'entry', 'entries')} go into fields "
            f"that get the same value at least {CONSTANT:.0%} of the time.",
        ))  # fmt: skip
    return said


def _across(transfers: pl.DataFrame, pasted: int) -> str:
    """How many values go from one application into another; exact outside the room only if both parts are of enough people."""
    apart = pl.col("from_app") != pl.col("to_app")
    across = int(transfers.filter(apart)["transfers"].sum())
    parts = [transfers.filter(part) for part in (apart, ~apart.fill_null(False))]
    few = [part["transfers"].sum() > 0 and largest(part["people"]) < MIN_PEOPLE for part in parts]
    if not (shares_pages() and any(few)):
        return f"{across:,}"
    part = across / max(pasted, 1)
    return "nearly all" if part >= 0.9 else "most" if part >= 0.5 else "some" if part >= 0.1 else "few"


def summarise_segments(segments: pl.DataFrame, events: pl.DataFrame) -> Summary:
    """Say how many pieces of work were found, how long they are, and how much time they do not explain.

    Parameters
    ----------
    segments, events : frames of the same log.
    """
    if segments.is_empty():
        return Summary("No segments were found: the log is too small or holds no named activity.")
    who = segments["user"].n_unique()
    inside = min(float(segments["active_seconds"].sum()) / work_seconds(events), 1)
    half = float(segments["active_seconds"].median() or 0)  # type: ignore[arg-type]
    cut = float((segments["fragments"] > 1).mean() or 0)  # type: ignore[arg-type]
    said = (
        f"The stream divides into {count_of(segments.height, 'piece')} of work of {people(who)}, which hold {inside:.0%} of "
        "the active time. The borders are the method's proposal until the people confirm them."
    )
    return Summary(
        said + _thin(who),
        [
            f"Half of the pieces are shorter than {seconds_in_words(half)} of active time.",
            f"{cut:.0%} of them were interrupted and taken up again.",
            f"{1 - inside:.0%} of the active time is in no piece of work.",
            ACTIVE,
        ],
    )


def summarise_tasks(tasks: pl.DataFrame, *, min_people: int = MIN_PEOPLE) -> Summary:
    """Say how many tasks recur, which takes most time, and how much they explain.

    Parameters
    ----------
    tasks : frame of `list_tasks`.
    min_people : tasks of fewer people are counted, but not named.

    >>> summarise_tasks(pl.DataFrame({"task_id": []}))
    'No task recurs in this log: fewer than three similar pieces of work were found.'
    """
    if tasks.is_empty():
        return Summary("No task recurs in this log: fewer than three similar pieces of work were found.")
    named = tasks.filter(pl.col("people") >= min_people)
    one = tasks.height == 1
    if named.is_empty():
        return Summary(
            f"{count_of(tasks.height, 'task')} {'recurs' if one else 'recur'}, but {'it is' if one else 'all are'} hidden: "
            f"fewer than {min_people} people."
        )
    top = named.row(0, named=True)
    said = (
        f"{_of_tasks(named.height, tasks.height, min_people)} {'recurs' if one else 'recur'} and "
        f"{'holds' if one else 'hold'} {named['share'].sum():.0%} of the time inside segments. Most time goes into "
        f"{top['task_id']} “{top['task_name']}”: {top['active_hours']:.1f} h ({top['share']:.0%})."
    )
    figures = [
        f"{top['task_id']} was seen {count_of(top['segments'], 'time')} with {people(top['people'])}; half of its executions "
        f"are shorter than {seconds_in_words(top['median_seconds'])}."
    ]
    if rare := named.filter(pl.col("segments") < 20).height:
        figures.append(
            f"{rare} {'task was' if rare == 1 else 'tasks were'} seen fewer than 20 times: too little to judge."
        )
    if shares_pages():
        figures.append(
            f"Work of fewer than {min_people} people on a task of their own counts as work outside tasks here."
        )
    return Summary(said + _thin(largest(tasks["people"])), [*figures, ACTIVE])


def summarise_variants(
    variants: pl.DataFrame, *, tasks: Collection[str] | None = None, min_people: int = MIN_PEOPLE
) -> Summary:
    """Say how uniformly tasks are done.

    Parameters
    ----------
    variants : frame of `count_variants`.
    tasks : the tasks that may be named (`charts.of_enough_people`); without them those with a way of enough people.
    min_people : smallest group; nothing is said about a task that fewer people do.

    >>> summarise_variants(pl.DataFrame({"task_id": []}))
    'No task recurs, so nothing can be said about how differently it is done.'
    """
    if variants.is_empty():
        return Summary("No task recurs, so nothing can be said about how differently it is done.")
    known, hidden = select_tasks(variants, tasks, min_people=min_people)
    by_task = known.group_by("task_id").agg(ways=pl.len(), usual=pl.col("share").max(), times=pl.col("segments").sum())
    by_task = by_task.filter(pl.col("times") >= 10).sort("usual", "task_id")
    if by_task.is_empty():
        said = "Every task was seen fewer than ten times or is hidden: nothing can be said about its ways."
        return Summary(said, [hidden])
    usual = float(by_task["usual"].median() or 0)  # type: ignore[arg-type]
    least, most = by_task.row(0, named=True), by_task.row(-1, named=True)
    said = f"In the median task the most frequent way covers {usual:.0%} of the executions"
    figures = [
        f"The median is that of {count_of(by_task.height, 'task')} with at least ten executions. A way is one sequence of "
        "screens; rare ways are not errors: ask what they are for."
    ]
    if by_task.height > 1:
        said += f"; in the least uniform one, {least['task_id']}, it covers {least['usual']:.0%}"
        figures[:0] = [
            f"{row['task_id']}: {row['usual']:.0%} of {count_of(row['times'], 'execution')} take the most frequent of "
            f"{count_of(row['ways'], 'way')}."
            for row in (least, most)
        ]
    return Summary(f"{said}.", [*figures, hidden])


def summarise_comparison(result: pl.DataFrame | None) -> Summary:
    """Say which differences between two groups chance would rarely make.

    Parameters
    ----------
    result : frame of `compare`; None or empty if there was nothing to compare.

    >>> summarise_comparison(None)
    'There are no two groups in this log, so nothing was compared.'
    """
    if result is None or result.is_empty():
        return Summary("There are no two groups in this log, so nothing was compared.")
    known = result.drop_nulls("p_adjusted")
    if known.is_empty():
        return Summary("Too few people in a group: nothing could be compared.")
    real = known.filter(pl.col("p_adjusted") < 0.05).sort("p_adjusted", "task_id")
    base = f"Of {count_of(known.height, 'comparison')} of {result['group_a'][0]} and {result['group_b'][0]}"
    base += f" ({largest(known['people_a'])} and {largest(known['people_b'])} people)"
    how = (
        "Compared are means over people of each person's own figure, by exchanging people between the groups; told from "
        "chance: p under 0.05, adjusted for the tasks of one measure (share of false discoveries)."
    )
    if real.is_empty():
        said = f"{base} none shows a difference that could be told from chance."
        return Summary(
            said, ["With so few people only large differences can be seen: this is no proof that there are none.", how]
        )
    labels = [f"{row['task_id']} in {MEASURES[row['measure']].label}" for row in real.head(3).iter_rows(named=True)]
    said = f"{base} {real.height} {'shows' if real.height == 1 else 'show'} a difference that chance alone would rarely make"
    further = f" and {real.height - 3} more" if real.height > 3 else ""
    first = ", first of all" if real.height > 1 else ":"
    return Summary(f"{said}{first} {labels[0]}.", [f"The clearest: {'; '.join(labels)}{further}.", how])


def summarise_steps(effort: pl.DataFrame | None, *, min_people: int = MIN_PEOPLE) -> Summary:
    """Say into which process step most desktop work goes, and how much of it outside the system.

    Parameters
    ----------
    effort : frame of `step_effort`; None without a process log.

    >>> summarise_steps(None)
    'No process log was given: nothing can be said about the steps of the process. Give one as PROCESS_LOG.'
    """
    if effort is None or effort.is_empty():
        said = "No process log was given: nothing can be said about the steps of the process. Give one as PROCESS_LOG."
        return Summary(said)
    known = effort.filter((pl.col("people") >= min_people) & (pl.col("cases_with_work") > 0))
    if known.is_empty():
        return Summary("No step of the process has recorded work of enough people to be shown.")
    top = known.row(0, named=True)
    said = f"Most desktop work goes into “{top['activity']}”: {top['touch_total_hours']:.1f} h"
    figures = [
        f"“{top['activity']}”: {count_of(top['cases_with_work'], 'case')} with work, {people(top['people'])}, a median of "
        f"{seconds_in_words(top['touch_median_seconds'])} of work a booking{_since(top)}."
    ]
    carrier = most_carried(known)
    if carrier is not None:
        outside = f"{carrier['excursion_share']:.0%} of the work before “{carrier['activity']}”"
        said += f"; {outside} is outside {carrier['main_app']}"
        figures.append(
            f"Before “{carrier['activity']}” is booked, people paste {carrier['excursion_pastes_mean']:.1f} values a booking "
            f"outside {carrier['main_app']} ({people(carrier['people'])}){_since(carrier)}."
        )
    behind = f"Recorded work stands behind {say_behind(effort)}"
    return Summary(f"{said}. {behind}.", [*figures, "Nothing is known about the other bookings.", ACTIVE])


def _since(step: dict[str, Any]) -> str:
    elapsed = step["elapsed_median_seconds"]
    return "" if elapsed is None else f"; it comes {seconds_in_words(elapsed)} after the booking before (median)"


def summarise_automation(ranking: pl.DataFrame, *, min_people: int = MIN_PEOPLE) -> Summary:
    """Say what could be automated, how many hours a year that work takes, and what is better left alone.

    Parameters
    ----------
    ranking : frame of `score_automation`.
    """
    known = ranking.filter(pl.col("people") >= min_people) if ranking.height else ranking
    if known.is_empty():
        return Summary("No task recurs with enough people to be judged.")
    counts = dict(known.group_by("verdict").len().iter_rows())
    listed = [f"{counts[v]} {v}" for v in (*ACTED_ON, "leave to judgement", "too little data") if v in counts]
    acted = sum(counts.get(verdict, 0) for verdict in ACTED_ON)
    hidden = ranking.height - known.height
    said = f"{acted or 'None'} of {count_of(known.height, 'task')} {'is' if acted < 2 else 'are'} worth acting on."
    few = f" {count_of(hidden, 'task')} {'is' if hidden == 1 else 'are'} hidden: fewer than {min_people} people."
    figures = [f"Proposed: {', '.join(listed)}.{few if hidden else ''}"]
    top = known.row(0, named=True)
    if top["verdict"] in ACTED_ON:
        low, high = top["value_hours_per_year_low"], top["value_hours_per_year_high"]
        span = f" (95 % {low:,.0f} to {high:,.0f})" if low is not None and high is not None else ""
        said += (
            f" First comes {top['task_id']} “{top['task_name']}” ({top['verdict']}): about "
            f"{top['value_hours_per_year']:,.0f} active hours a year{span}, not all of which can be freed."
        )
        figures.append(
            f"{top['task_id']}: {count_of(top['segments'], 'run')} by {people(top['people'])}; 44 working weeks assumed. "
            "The interval is over draws of the recorded people."
        )
    figures += ["What a control is there for, no log can tell: ask before anything is taken out.", ACTIVE]
    return Summary(said + _thin(largest(known["people"])), figures)


def work_seconds(events: pl.DataFrame) -> float:
    """Active seconds of the rows with an application: presence rows are no work."""
    return float(events.filter(pl.col("app").is_not_null())["active_seconds"].sum()) or 1.0


def _of_tasks(shown: int, whole: int, min_people: int) -> str:
    hidden = whole - shown
    return of_tasks(shown, whole) + (f" ({hidden} hidden: fewer than {min_people} people)" if hidden else "")


def _thin(who: int) -> str:
    return f" {_FEW}" if who < MIN_PEOPLE else ""
