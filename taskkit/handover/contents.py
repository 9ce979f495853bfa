"""What a hand-over holds, as frames and sentences: the same contents become a document, a diagram and a robot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from taskkit.handover.asking import list_assumptions, list_questions
from taskkit.handover.executions import Executions, choose_executions
from taskkit.handover.rules import choose_decisions, find_rules
from taskkit.handover.steps import describe_steps, list_applications
from taskkit.handover.ways import find_way
from taskkit.privacy import MIN_PEOPLE

RESAMPLES = 400  # of people, for intervals
FEWEST_STEPS = 0.1  # occasional steps that fewer executions do are not listed
_TEXT, _COUNT, _NUMBER = pl.String(), pl.UInt32(), pl.Float64()
EXCEPTIONS = pl.Schema({
    "kind": _TEXT, "name": _TEXT, "differs": _TEXT, "share": _NUMBER, "segments": _COUNT,
    "people": _COUNT, "median_seconds": _NUMBER,
})  # fmt: skip
FACTS = pl.Schema({
    "fact": _TEXT, "value": _NUMBER, "low": _NUMBER, "high": _NUMBER, "unit": _TEXT, "n": _COUNT,
    "people": _COUNT, "definition": _TEXT,
})  # fmt: skip


@dataclass(frozen=True)
class Handover:
    """What is handed over of one piece of work.

    `facts` (one row per figure), `applications` (one row per application), `steps` (one row per step of the way),
    `decisions` (one row per decision point), `exceptions` (one row per other way and occasional step), `transfers` (one row
    per written field), `questions` for the expert and `assumptions`. No frame holds a pseudonym or a written value.
    """

    title: str
    kind: str  # "task" or "recording"
    task_id: str | None
    variant_id: str | None
    purpose: str | None
    facts: pl.DataFrame
    applications: pl.DataFrame
    steps: pl.DataFrame
    decisions: pl.DataFrame
    exceptions: pl.DataFrame
    transfers: pl.DataFrame
    questions: tuple[str, ...]
    assumptions: tuple[str, ...]


def describe_work(
    events: pl.DataFrame, segments: pl.DataFrame, *, task_id: str, variant_id: str | None = None,
    transfers: pl.DataFrame | None = None, decisions: pl.DataFrame | None = None, purpose: str | None = None,
    quote_values: bool = False, min_people: int = MIN_PEOPLE,
) -> Handover:  # fmt: skip
    """Describe one way of doing a task so that a developer and a process owner can go on with it.

    The steps are those of the medoid execution (the one nearest to all others), without what fewer than half of the
    executions do and with what half of them do. Typing and pasting into a field are one step, so are reading a shown text
    and copying it.

    Parameters
    ----------
    events : events frame of `segment`.
    segments : segments frame of `find_tasks`; with `variant_id` of `find_variants`, or the ways are found here.
    task_id : the task.
    variant_id : the way; without it the most frequent one.
    transfers, decisions : frames of `find_data_transfers` and `find_decision_rules`; without them they are found here.
    quote_values : rules quote written values where the log has them, such as “NZ”. By default the quotes are empty.
    purpose : what the work is for; the log cannot know, so without it the document asks.
    min_people : what fewer people did is not described; 1 only for a recording of your own work.

    Returns
    -------
    A `Handover`, to be written with `write_document`, `write_bpmn` and `write_robot`.

    Raises
    ------
    ContractError : a frame comes from too early a step. SettingError : there is no such task or way, or too few people did
    it.

    References
    ----------
    Bose and van der Aalst, Process diagnostics using trace alignment, Information Systems 37 (2012), for the medoid as
    the way that others are laid beside.

    >>> import polars as pl, taskkit as tk
    >>> from taskkit.handover import describe_work
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_009), "what": list("abs" * 3)}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> log = tk.segment(tk.name_activities(log), method="anchor", end="^s$")
    >>> work = describe_work(log, tk.find_tasks(tk.list_segments(log)), task_id="T01", min_people=1)
    >>> work.steps["activity"].to_list()
    ['a', 'b', 's']
    """
    runs = choose_executions(events, segments, task_id=task_id, variant_id=variant_id, min_people=min_people)
    way = find_way(runs.actions, min_people=min_people)
    found = find_rules(
        events, runs, transfers=transfers, decisions=decisions, quote_values=quote_values, min_people=min_people
    )
    steps = describe_steps(runs.actions, way, found.transfers, min_people=min_people)
    exceptions, hidden = _exceptions(segments, runs, way.occasional, min_people)
    decided = choose_decisions(found.decisions, steps)
    unseen = {"other ways": hidden} | found.unseen
    return Handover(
        title=_name(runs), kind="task", task_id=task_id, variant_id=runs.variant_id, purpose=purpose, facts=_facts(events, runs),
        applications=list_applications(runs.actions, min_people=min_people), steps=steps, decisions=decided,
        exceptions=exceptions, transfers=found.transfers,
        questions=list_questions(steps, found.transfers, decided, exceptions, purpose=purpose, interrupted=_interrupted(runs)),
        assumptions=list_assumptions(
            runs.of_task, runs.chosen, steps, min_people=min_people, unseen=unseen,
        ),
    )  # fmt: skip


def _name(runs: Executions) -> str:
    named = (
        runs.of_task["task_name"].drop_nulls() if "task_name" in runs.of_task.columns else pl.Series(dtype=pl.String)
    )
    return str(named[0]) if len(named) else str(runs.of_task["task_id"][0])


def _interrupted(runs: Executions) -> float:
    if "fragments" not in runs.chosen.columns:
        return 0.0
    return float((runs.chosen["fragments"] > 1).sum()) / max(runs.chosen.height, 1)


def _facts(events: pl.DataFrame, runs: Executions) -> pl.DataFrame:
    chosen, task = runs.chosen, runs.of_task
    n, people = chosen.height, chosen["user"].n_unique()
    seconds = chosen["active_seconds"]
    a_week, over = _per_week(events, chosen)
    low, high = _interval(chosen)
    part = n / max(task.height, 1)
    rows: list[tuple[str, float | None, float | None, float | None, str, int, int, str]] = [
        ("executions of this way", n, None, None, "executions", n, people, "executions found in the recorded time"),
        ("share of the task", part, None, None, "share", task.height, task["user"].n_unique(),
         "executions of this way among all executions of the task"),
        ("executions in five recorded days", a_week, None, None, "executions", n, people,
         f"executions of this way by all recorded people in five recorded days: {over}"),
        ("median active time", seconds.median(), low, high, "seconds", n, people,  # type: ignore[list-item]
         "sum of the times to the person's next event, each at most the idle cap; interval: 95 %, people drawn again"),
        ("quarter of the executions take at most", seconds.quantile(0.25, "linear"), None, None, "seconds", n, people,
         "lower quartile of the active time"),
        ("three quarters take at most", seconds.quantile(0.75, "linear"), None, None, "seconds", n, people,
         "upper quartile of the active time"),
        ("interrupted executions", _interrupted(runs), None, None, "share", n, people,
         "executions with other work between their first and their last step"),
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=FACTS, orient="row", strict=False)


def _per_week(events: pl.DataFrame, chosen: pl.DataFrame) -> tuple[float, str]:
    """Executions in five recorded days as the criterion counts them, and how, in words."""
    from taskkit.automation.criteria import frequency_per_week
    from taskkit.automation.work import split_work

    (work,) = split_work(events, chosen)
    counted = frequency_per_week(work)
    people, days = work.days["user"].n_unique(), work.days.height
    said = f"divided by the {days} recorded person-days of all work, times five, times {people} recorded people"
    return float(counted["numerator"].sum()) / max(float(counted["denominator"].sum()), 1.0), said


def _interval(chosen: pl.DataFrame) -> tuple[float | None, float | None]:
    """95 % interval of the median active time, people drawn again; none below five people."""
    people = [
        part["active_seconds"].to_numpy() for _, part in chosen.sort("user").group_by("user", maintain_order=True)
    ]
    if len(people) < MIN_PEOPLE:
        return None, None
    draw = np.random.default_rng(0).integers(0, len(people), (RESAMPLES, len(people)))
    medians = [np.median(np.concatenate([people[one] for one in row])) for row in draw]
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(low), float(high)


def _exceptions(
    segments: pl.DataFrame, runs: Executions, occasional: dict[str, float], min_people: int
) -> tuple[pl.DataFrame, int]:
    """Other ways of the task and steps that only some executions have; and how many ways are not shown."""
    ways = runs.of_task.drop_nulls("variant_id").group_by("variant_id").agg(
        segments=pl.len(), people=pl.col("user").n_unique(), median_seconds=pl.col("active_seconds").median()
    ).sort("segments", "variant_id", descending=[True, False])  # fmt: skip
    others = ways.filter(pl.col("variant_id") != runs.variant_id)
    shown = others.filter(pl.col("people") >= min_people)
    differs = _differences(segments, runs) if shown.height else {}
    size = runs.of_task.height
    rows = [
        (
            "other way",
            v,
            differs.get(v, "not compared: the ways were found with settings of their own"),
            n / size,
            n,
            p,
            s,
        )
        for v, n, p, s in shown.iter_rows()
    ]
    return pl.DataFrame([*rows, *_sometimes(runs, occasional, min_people)], schema=EXCEPTIONS, orient="row"), (
        others.height - shown.height
    )


def _differences(segments: pl.DataFrame, runs: Executions) -> dict[str, str]:
    """What each other way of the task does otherwise, in words; nothing where the ways were not found by default."""
    from taskkit.variants import find_variants
    from taskkit.variants.alignment import align_variants

    task_id = str(runs.of_task["task_id"][0])
    usual = find_variants(segments).filter(pl.col("task_id") == task_id).sort("segment_id")
    if not usual["variant_id"].equals(runs.of_task["variant_id"]):
        return {}
    aligned = align_variants(segments, task_id=task_id, standard=runs.variant_id)
    return {str(key[0]): _in_words(part) for key, part in aligned.group_by("variant_id", maintain_order=True)}


def _in_words(aligned: pl.DataFrame) -> str:
    said = {"only here": "also", "only there": "without", "moved": "elsewhere in the order"}
    out = []
    for relation, words in said.items():
        steps = aligned.filter(pl.col("relation") == relation)
        names = [here or there for here, there in steps.select("step", "standard_step").iter_rows()]
        if names:
            out.append(f"{words}: {', '.join(dict.fromkeys(names))}")
    return "; ".join(out) or "the same screens in the same order"


def _sometimes(
    runs: Executions, occasional: dict[str, float], min_people: int
) -> list[tuple[str, str, str, float, int, int, float | None]]:
    """Steps of some executions of the way, most frequent first."""
    keys = [key for key, share in occasional.items() if share >= FEWEST_STEPS]
    found = runs.actions.filter(pl.col("key").is_in(keys)).group_by("key").agg(
        activity=pl.col("activity").mode().min(), segments=pl.col("segment_id").n_unique(),
        people=pl.col("user").n_unique(), seconds=pl.col("seconds").median(),
    ).filter(pl.col("people") >= min_people).sort("segments", "key", descending=[True, False])  # fmt: skip
    return [
        (
            "occasional step",
            activity,
            "done in some executions of this way only",
            n / runs.chosen.height,
            n,
            people,
            seconds,
        )
        for _, activity, n, people, seconds in found.iter_rows()
    ]
