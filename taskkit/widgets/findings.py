"""Findings in sentences: computed from the frames, with how many and how many people, and a caveat where data are thin."""

from __future__ import annotations

from collections.abc import Collection

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
    spaced,
)
from taskkit.charts.steps import say_behind
from taskkit.comparison import MEASURES
from taskkit.privacy import MIN_PEOPLE, shares_pages
from taskkit.quality import check_quality

_FEW = "It rests on few people: take it as a description of them, not of the work in general."

ACTED_ON = ("automate", "integrate", "standardise first", "fix the process", "share the better practice")


def summarise_log(events: pl.DataFrame) -> str:
    """Say what was recorded, where the time goes, how work goes to and fro, and what speaks against believing it.

    Of the first answers only those are named that say something of this log: time cut into short stretches, changes of
    application that lead straight back, values carried by hand or typed again, fields that always get the same value.

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
        return "The log holds no work in any application: nothing can be said."
    hours = float(events["active_seconds"].sum()) / 3600
    said = f"{hours:.1f} active hours of {people(who)} were recorded"
    common = apps.filter(pl.col("people") >= smallest_group(events))
    if common.height:
        part, app = common["active_hours"][0] / max(hours, 1e-9), common["app"][0]
        said += f"; {part:.0%} of it in {PRIVATE.get(app, app)}"
    said += "."
    said += _alternation(events) + _carried_by_hand(events)
    warnings = check_quality(events).filter(pl.col("level") == "warning")["sentence"].to_list()
    said += f" Beware: {' '.join(warnings)}" if warnings else " No quality check raises a warning."
    return spaced(said + _thin(who))


def _alternation(events: pl.DataFrame) -> str:
    """Sentences on stretches, round trips and what a change of application costs, where they say something."""
    said, least = "", smallest_group(events)
    cut = measure_fragmentation(events).filter(pl.col("people") >= least)
    if cut.height and cut["share_under_1m"][0] >= 0.25:
        said += (
            f" {cut['share_under_1m'][0]:.0%} of the active time is in stretches of less than a minute in one application "
            f"(mean of {people(cut['people'][0])}, {count_of(cut['person_days'][0], 'person-day')})."
        )
    trips = count_round_trips(events)
    named = trips.filter(pl.col("people") >= least)
    if named.height and trips["share"].sum() >= 0.25 and trips["round_trips"].sum() >= 20:
        top = named.row(0, named=True)
        said += (
            f" {trips['share'].sum():.0%} of the changes of application lead straight back within "
            f"{seconds_in_words(top['within_seconds'])}, most often from {top['app']} to {top['there']} and back "
            f"({count_of(top['round_trips'], 'time')}, {people(top['people'])})."
        )
    cost = switch_cost(events).head(1).filter((pl.col("low") > 0) & (pl.col("people") >= least))
    if cost.height:
        row = cost.row(0, named=True)
        said += (
            f" After a change the next act comes about {row['cost_seconds']:.1f} s later than without one "
            f"(95 % {row['low']:.1f} to {row['high']:.1f} s; an estimate, {people(row['people'])})."
        )
    return said


def _carried_by_hand(events: pl.DataFrame) -> str:
    """Sentences on what is pasted, what is typed again and what is always the same, where they say something."""
    said, transfers = "", count_transfers(events)
    if transfers.height:
        pasted = int(transfers["transfers"].sum())
        said += (
            f" {count_of(pasted, 'value')} {'was' if pasted == 1 else 'were'} pasted, "
            f"{_across(transfers, pasted)} of them from one application into another."
        )
    again = count_reentries(events)
    if again.height and again["share"].sum() >= 0.1 and again["reentries"].sum() >= 20:
        said += (
            f" {int(again['reentries'].sum()):,} typed entries repeat a value that the same person saw, copied or wrote "
            f"elsewhere up to {seconds_in_words(again['within_seconds'][0])} before: {again['share'].sum():.0%} of those that "
            "can be judged."
        )
    entries = count_entries(events).filter(pl.col("people") >= smallest_group(events))
    fixed = entries.filter((pl.col("top_value_share") >= CONSTANT) & (pl.col("entries") >= 20))
    if fixed.height and int(fixed["entries"].sum()) >= 0.05 * int(entries["entries"].sum()):
        said += (
            f" {int(fixed['entries'].sum()):,} of {count_of(int(entries['entries'].sum()), 'entry', 'entries')} go into fields "
            f"that get the same value at least {CONSTANT:.0%} of the time."
        )
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


def summarise_segments(segments: pl.DataFrame, events: pl.DataFrame) -> str:
    """Say how many pieces of work were found, how long they are, and how much time they do not explain.

    Parameters
    ----------
    segments, events : frames of the same log.
    """
    if segments.is_empty():
        return "No segments were found: the log is too small or holds no named activity."
    whole = work_seconds(events)
    inside = float(segments["active_seconds"].sum())
    half = float(segments["active_seconds"].median() or 0)  # type: ignore[arg-type]
    cut = float((segments["fragments"] > 1).mean() or 0)  # type: ignore[arg-type]
    said = (
        f"The stream divides into {count_of(segments.height, 'piece')} of work of "
        f"{people(segments['user'].n_unique())}, half of them shorter than "
        f"{seconds_in_words(half)}; they hold {min(inside / whole, 1):.0%} "
        f"of the active time, and {cut:.0%} of them were interrupted. "
        "The borders are the method's proposal until the people confirm them."
    )
    return spaced(said + _thin(segments["user"].n_unique()))


def summarise_tasks(tasks: pl.DataFrame, *, min_people: int = MIN_PEOPLE) -> str:
    """Say how many tasks recur, which takes most time, and how much they explain.

    Parameters
    ----------
    tasks : frame of `list_tasks`.
    min_people : tasks of fewer people are counted, but not named.

    >>> summarise_tasks(pl.DataFrame({"task_id": []}))
    'No task recurs in this log: fewer than three similar pieces of work were found.'
    """
    if tasks.is_empty():
        return "No task recurs in this log: fewer than three similar pieces of work were found."
    named = tasks.filter(pl.col("people") >= min_people)
    one = tasks.height == 1
    said = (
        f"{_of_tasks(named.height, tasks.height, min_people)} {'recurs' if one else 'recur'} and "
        f"{'holds' if one else 'hold'} {named['share'].sum():.0%} of the time inside segments."
    )
    if named.is_empty():
        return spaced(
            f"{count_of(tasks.height, 'task')} {'recurs' if one else 'recur'}, but {'it is' if one else 'all are'} hidden: "
            f"fewer than {min_people} people."
        )
    top = named.row(0, named=True)
    said += (
        f" Most time goes into {top['task_id']} “{top['task_name']}”: "
        f"{top['active_hours']:.1f} h ({top['share']:.0%}), seen {count_of(top['segments'], 'time')} "
        f"with {people(top['people'])}, median {seconds_in_words(top['median_seconds'])}."
    )
    rare = named.filter(pl.col("segments") < 20).height
    if rare:
        said += f" {rare} {'task was' if rare == 1 else 'tasks were'} seen fewer than 20 times: too little to judge."
    if shares_pages():
        said += f" Work of fewer than {min_people} people on a task of their own counts as work outside tasks here."
    return spaced(said + _thin(largest(tasks["people"])))


def summarise_variants(
    variants: pl.DataFrame, *, tasks: Collection[str] | None = None, min_people: int = MIN_PEOPLE
) -> str:
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
        return "No task recurs, so nothing can be said about how differently it is done."
    known, hidden = select_tasks(variants, tasks, min_people=min_people)
    by_task = (
        known.group_by("task_id")
        .agg(
            ways=pl.len(),
            usual=pl.col("share").max(),
            times=pl.col("segments").sum(),
        )
        .filter(pl.col("times") >= 10)
        .sort("usual", "task_id")
    )
    if by_task.is_empty():
        return f"Every task was seen fewer than ten times or is hidden: nothing can be said about its ways. {hidden}".rstrip()
    usual = float(by_task["usual"].median() or 0)  # type: ignore[arg-type]
    least, most = by_task.row(0, named=True), by_task.row(-1, named=True)
    said = f"In the median task the most frequent way covers {usual:.0%} of the executions"
    if by_task.height > 1:
        said += (
            f"; most uniform in its ways is {most['task_id']} ({most['usual']:.0%}, {count_of(most['times'], 'time')}), least "
            f"{least['task_id']} ({least['usual']:.0%} of {least['times']:,}, {count_of(least['ways'], 'way')})"
        )
    return spaced(f"{said}. Rare ways are not errors: ask what they are for. {hidden}".rstrip())


def summarise_comparison(result: pl.DataFrame | None) -> str:
    """Say which differences between two groups chance would rarely make.

    Parameters
    ----------
    result : frame of `compare`; None or empty if there was nothing to compare.

    >>> summarise_comparison(None)
    'There are no two groups in this log, so nothing was compared.'
    """
    if result is None or result.is_empty():
        return "There are no two groups in this log, so nothing was compared."
    known = result.drop_nulls("p_adjusted")
    if known.is_empty():
        return "Too few people in a group: nothing could be compared."
    a, b = result["group_a"][0], result["group_b"][0]
    real = known.filter(pl.col("p_adjusted") < 0.05).sort("p_adjusted", "task_id")
    base = f"{count_of(known.height, 'comparison')} of {a} and {b} ("
    base += f"{largest(known['people_a'])} and {largest(known['people_b'])} people)"
    if real.is_empty():
        return (
            f"Of {base} none shows a difference that could be told from chance. With so few "
            "people only large differences can be seen: this is no proof that there are none."
        )
    first = ", ".join(
        f"{row['task_id']} in {MEASURES[row['measure']].label}" for row in real.head(3).iter_rows(named=True)
    )
    return (
        f"Of {base} {real.height} {'shows' if real.height == 1 else 'show'} a difference that "
        f"chance alone would rarely make: {first}{' and others' if real.height > 3 else ''}."
    )


def summarise_steps(effort: pl.DataFrame | None, *, min_people: int = MIN_PEOPLE) -> str:
    """Say into which process step most desktop work goes, and how much of it outside the system.

    Parameters
    ----------
    effort : frame of `step_effort`; None without a process log.

    >>> summarise_steps(None)
    'No process log was given: nothing can be said about the steps of the process. Give one as PROCESS_LOG.'
    """
    if effort is None or effort.is_empty():
        return "No process log was given: nothing can be said about the steps of the process. Give one as PROCESS_LOG."
    known = effort.filter((pl.col("people") >= min_people) & (pl.col("cases_with_work") > 0))
    if known.is_empty():
        return "No step of the process has recorded work of enough people to be shown."
    top = known.row(0, named=True)
    said = (
        f"Most desktop work goes into “{top['activity']}”: {top['touch_total_hours']:.1f} "
        f"h on {count_of(top['cases_with_work'], 'case')} by {people(top['people'])}, a median of "
        f"{seconds_in_words(top['touch_median_seconds'])} of work a booking"
    )
    if top["elapsed_median_seconds"] is not None:
        said += f" in {seconds_in_words(top['elapsed_median_seconds'])} since the booking before"
    said += "."
    carrier = most_carried(known)
    if carrier is not None:
        said += (
            f" Before “{carrier['activity']}” is booked, people paste {carrier['excursion_pastes_mean']:.1f} values a booking "
            f"outside {carrier['main_app']} and work {carrier['excursion_share']:.0%} of the time there"
        )
        if carrier["elapsed_median_seconds"] is not None:
            said += (
                f"; a booking comes {seconds_in_words(carrier['elapsed_median_seconds'])} after the one before (median)"
            )
        said += "."
    return spaced(f"{said} Recorded work stands behind {say_behind(effort)}; nothing is known about the others.")


def summarise_automation(ranking: pl.DataFrame, *, min_people: int = MIN_PEOPLE) -> str:
    """Say what could be automated, how many hours a year that work takes, and what is better left alone.

    Parameters
    ----------
    ranking : frame of `score_automation`.
    """
    known = ranking.filter(pl.col("people") >= min_people) if ranking.height else ranking
    if known.is_empty():
        return "No task recurs with enough people to be judged."
    counts = dict(known.group_by("verdict").len().iter_rows())
    listed = ", ".join(f"{counts[v]} {v}" for v in (*ACTED_ON, "leave to judgement", "too little data") if v in counts)
    said = f"Of {_of_tasks(known.height, ranking.height, min_people)}: {listed}."
    top = known.row(0, named=True)
    if top["verdict"] in ACTED_ON:
        low, high = top["value_hours_per_year_low"], top["value_hours_per_year_high"]
        span = f"95 % {low:,.0f} to {high:,.0f}; " if low is not None and high is not None else ""
        said += (
            f" First in rank is {top['task_id']} “{top['task_name']}” ({top['verdict']}): "
            f"about {top['value_hours_per_year']:,.0f} active hours a year ({span}44 working weeks assumed), "
            f"not all of which can be freed; from {count_of(top['segments'], 'run')} by {people(top['people'])}."
        )
    return spaced(
        f"{said} What a control is there for, no log can tell: ask before anything is taken out."
        + _thin(largest(known["people"]))
    )


def work_seconds(events: pl.DataFrame) -> float:
    """Active seconds of the rows with an application: presence rows are no work."""
    return float(events.filter(pl.col("app").is_not_null())["active_seconds"].sum()) or 1.0


def _of_tasks(shown: int, whole: int, min_people: int) -> str:
    hidden = whole - shown
    return of_tasks(shown, whole) + (f" ({hidden} hidden: fewer than {min_people} people)" if hidden else "")


def _thin(who: int) -> str:
    return f" {_FEW}" if who < MIN_PEOPLE else ""
