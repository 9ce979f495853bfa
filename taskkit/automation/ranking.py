"""Which tasks are worth automating: can it, is it worth it, how hard, with every figure the verdict rests on."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from taskkit.automation.criteria import CRITERIA
from taskkit.automation.feasibility import combine_criteria, read_weights
from taskkit.automation.marks import Placed, place_marks, staying
from taskkit.automation.questionnaire import read_answers
from taskkit.automation.triage import VERDICTS, classify_effort, judge, list_gates
from taskkit.automation.value import Assumptions, appraise
from taskkit.automation.work import split_work, with_tasks
from taskkit.errors import SettingError
from taskkit.privacy import MIN_PEOPLE
from taskkit.schema import require_columns
from taskkit.variants.standardisation import expanded_tail

Numbers = npt.NDArray[np.float64]

BOOTSTRAPS = 999
EVIDENCE = 0.2  # rows for every run that a criterion of inputs or elements needs
_ROWS = ("determinism", "stable_element_share", "structured_input_share")
# automate, then integrate, then what has to be changed first, then what is not known, then what stays with people
GROUPS = dict(zip(VERDICTS, (0, 1, 2, 2, 2, 3, 4), strict=True))
_SHOWN = ("standardisation", "determinism", "decisions_foretold", "stable_element_share", "judgement_share")
_MEASURED = pl.Schema({
    "task_id": pl.String(), "task_name": pl.String(), "user": pl.String(), "segments": pl.UInt32(), "days": pl.UInt32(),
    "criterion": pl.String(), "numerator": pl.Float64(), "denominator": pl.Float64(), "between": pl.List(pl.String()),
})  # fmt: skip


def score_automation(
    events: pl.DataFrame,
    segments: pl.DataFrame | None = None,
    *,
    assumptions: Assumptions | None = None,
    weights: Mapping[str, float] | None = None,
    min_segments: int = 20,
    context: pl.DataFrame | Mapping[str, Mapping[str, Any]] | None = None,
    marks: pl.DataFrame | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Rank the tasks by what their automation could free, and say for each why or why not.

    Feasibility is the weighted geometric mean Π s^(w / Σ w) of the suitabilities s of the criteria in
    `feasibility.WEIGHTS` (a criterion where high is good, else 1 − it); one at zero makes it zero. What the log cannot
    answer (no written values, no ids) is left out, and the reason says so. Value is the active time of the recorded
    people (of the assumed population), extrapolated to a year: the most that could be freed; `savings_per_year`, return
    on investment, payback, net present value and break-even volume are those of `value.appraise`. Effort counts what
    makes a task hard. The verdicts and their order are those of `triage.judge`. Tasks are ranked by what to do with them
    (automate; integrate; standardise, fix, share; too little data; leave), then by feasibility times value, those to be
    left by feasibility alone. Intervals are the middle 95 % of 999 draws of people with replacement, widened for few
    people; they say nothing about people who were not recorded.

    Parameters
    ----------
    events : one row per interaction, with `segment_id` and `active_seconds`; a `task_id` on the rows is used.
    segments : one row per segment, with `task_id`; computed where it is missing.
    assumptions : rate, weeks, costs; the defaults of `Assumptions` if none.
    weights : weight of each criterion in the feasibility; what is not named keeps its usual one.
    min_segments : a task seen less often gets no verdict.
    context : what no log can know, {task_id: {question: answer}} or a frame; see `list_questions`.
    marks : what people marked as policy, control, exception handling, work-around or training issue (`list_marks`).
    seed : makes the intervals reproducible.

    Returns
    -------
    One row per task, best first: `rank`, `task_id`, `task_name`, `segments`, `people`, each criterion of `CRITERIA`,
    `feasibility`, `value_hours_per_year`, `value_money_per_year`, `savings_per_year` and `net_present_value`, each with
    `_low` and `_high` (null with one person), `error_rate` and `error_cost` (as assumed or
    answered), `runs_per_year`, `roi`, `payback_months`, `break_even_runs_per_year`,
    `effort` ("low", "medium", "high"), `effort_reason`, `gates` (reasons of closed gates), `verdict` and `reason`.

    Raises
    ------
    ContractError : the events have no segments. SettingError : an assumption, weight, answer or count that cannot be.

    References
    ----------
    Wellmann et al. (2020), A framework to evaluate the viability of robotic process automation, for the criteria.

    >>> import taskkit as tk
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_012), "what": list("abs" * 4)})
    >>> events = tk.from_table(log, columns={"timestamp": "at", "event_name": "what"})
    >>> events = tk.segment(tk.name_activities(events), method="anchor", end="^s$")
    >>> score_automation(events).select("segments", "verdict").row(0)
    (4, 'too little data')
    """
    settings = {"assumptions": assumptions, "weights": weights, "min_segments": min_segments, "context": context}
    rank_tasks(pl.DataFrame(schema=_MEASURED), **settings)  # type: ignore[arg-type]  # a wrong setting is told before the work
    placed = None if marks is None or marks.is_empty() else place_marks(marks, with_tasks(events, segments))
    return rank_tasks(measure_criteria(events, segments), **settings, marks=placed, seed=seed)  # type: ignore[arg-type]


def measure_criteria(events: pl.DataFrame, segments: pl.DataFrame | None = None) -> pl.DataFrame:
    """Measure every criterion of every task, as sums of each recorded person: all that a ranking needs of the log.

    The slow part of `score_automation`, to be done once; `rank_tasks` ranks with other assumptions, weights and answers.

    Parameters
    ----------
    events, segments : as for `score_automation`.

    Returns
    -------
    One row per task, criterion and recorded person: `task_id`, `task_name`, `user`, `segments` (of the person in the
    task), `days` (recorded), `criterion`, `numerator`, `denominator`, `between` (the
    applications between which values are carried by hand; null for other criteria).

    Raises
    ------
    ContractError : the events have no segments.

    >>> import taskkit as tk
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_012), "what": list("abs" * 4)})
    >>> events = tk.from_table(log, columns={"timestamp": "at", "event_name": "what"})
    >>> events = tk.segment(tk.name_activities(events), method="anchor", end="^s$")
    >>> measure_criteria(events).filter(criterion="steps").select("numerator", "denominator").row(0)
    (12.0, 4.0)
    """
    out = [pl.DataFrame(schema=_MEASURED)]
    for work in split_work(events, segments):
        people = work.days.group_by("user").agg(days=pl.len()).sort("user")
        people = people.join(work.segments.group_by("user").agg(segments=pl.len()), on="user", how="left")
        about = people.with_columns(
            pl.col("segments").fill_null(0), task_id=pl.lit(str(work.segments["task_id"][0])),
            task_name=pl.lit(str(work.segments["task_name"][0])),
        )  # fmt: skip
        for name, criterion in CRITERIA.items():
            rows = criterion.function(work)
            sums = sum_by_person(rows)
            into: Any = (
                rows["into"].drop_nulls() if name == "carried_out_per_segment" and "into" in rows.columns else []
            )
            between = [work.main_app, str(into[0])] if len(into) else None
            both = about.join(sums, on="user", how="left", maintain_order="left").with_columns(
                pl.col("numerator", "denominator").fill_null(0.0),
                criterion=pl.lit(name),
                between=pl.lit(between, pl.List(pl.String)),
            )
            out.append(both.select(pl.col(column).cast(dtype) for column, dtype in _MEASURED.items()))
    return pl.concat(out)


def sum_by_person(rows: pl.DataFrame) -> pl.DataFrame:
    """Sums of each person of the rows that a criterion gives, in the same order whatever that of the rows."""
    rows = rows.select("user", "numerator", "denominator").sort("user", "numerator", "denominator")
    return rows.group_by("user", maintain_order=True).agg(pl.col("numerator", "denominator").sum())


def rank_tasks(
    measured: pl.DataFrame,
    *,
    assumptions: Assumptions | None = None,
    weights: Mapping[str, float] | None = None,
    min_segments: int = 20,
    context: pl.DataFrame | Mapping[str, Mapping[str, Any]] | None = None,
    marks: Placed | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Rank the tasks from the sums of `measure_criteria`: quick enough to be done at every move of a slider.

    Parameters
    ----------
    measured : frame of `measure_criteria`.
    assumptions, weights, min_segments, context, seed : as for `score_automation`.
    marks : those of each task, of `place_marks`.

    Returns
    -------
    The frame of `score_automation`.

    >>> rank_tasks(pl.DataFrame(schema=_MEASURED)).columns[:4]
    ['rank', 'task_id', 'task_name', 'segments']
    """
    if min_segments < 1:
        raise SettingError(f"min_segments={min_segments} is not allowed: at least 1.")
    require_columns(measured, *_MEASURED, made_by="measure_criteria")
    plan, weighing, answers = assumptions or Assumptions(), read_weights(weights), read_answers(context)
    rows = []
    for task in measured.sort("task_id", maintain_order=True).partition_by("task_id", maintain_order=True):
        task_id = str(task["task_id"][0])
        own = answers.get(task_id, {})
        errors = {name: own[name] for name in ("error_rate", "error_cost") if name in own}
        rows.append(
            _score_one(task, replace(plan, **errors), weighing, min_segments, own, (marks or {}).get(task_id, []), seed)
        )
    ranking = pl.DataFrame(rows, schema=_schema(), orient="row")
    group = pl.col("verdict").replace_strict(GROUPS, return_dtype=pl.Int8)
    gain = pl.col("feasibility") * pl.when(pl.col("verdict") == VERDICTS[-1]).then(1.0).otherwise(
        "value_hours_per_year"
    )
    ranking = ranking.sort(group, gain, "task_id", descending=[False, True, False], nulls_last=True)
    return ranking.with_row_index("rank", offset=1)


def _schema() -> pl.Schema:
    number = pl.Float64()
    spans = [
        *CRITERIA,
        "feasibility",
        "value_hours_per_year",
        "value_money_per_year",
        "savings_per_year",
        "net_present_value",
    ]
    single = ["error_rate", "error_cost", "runs_per_year", "roi", "payback_months", "break_even_runs_per_year"]
    return pl.Schema(
        {"task_id": pl.String(), "task_name": pl.String(), "segments": pl.UInt32(), "people": pl.UInt32()}
        | dict.fromkeys([name + end for name in spans for end in ("", "_low", "_high")], number)
        | dict.fromkeys(single, number)
        | {"effort": pl.String(), "effort_reason": pl.String(), "gates": pl.List(pl.String())}
        | {"verdict": pl.String(), "reason": pl.String()}
    )


def _score_one(
    task: pl.DataFrame,
    plan: Assumptions,
    weights: dict[str, float],
    min_segments: int,
    answers: dict[str, Any],
    marks: Sequence[Mapping[str, Any]],
    seed: int,
) -> dict[str, Any]:
    task_id, task_name = str(task["task_id"][0]), str(task["task_name"][0])
    everybody = task.filter(pl.col("criterion") == next(iter(CRITERIA)))
    n, recorded = int(everybody["segments"].sum()), everybody.height
    people = int((everybody["segments"] > 0).sum())
    sums = sums_of(task, min_segments=min_segments)
    point = ratios(sums, np.ones((1, recorded)))
    draws, tail = {name: np.array([]) for name in point}, 0.025
    if people > 1:
        random = np.random.default_rng([seed, zlib.crc32(task_id.encode())])
        draws = ratios(sums, random.multinomial(recorded, np.full(recorded, 1 / recorded), BOOTSTRAPS).astype(float))
        tail = expanded_tail(recorded)
    scale = plan.weeks_per_year * (plan.population / max(people, 1) if plan.population else 1.0)
    figures = {name: _plain(value[0]) for name, value in point.items()}
    hours, runs = (float(point[name][0]) * scale for name in ("active_hours_per_week", "frequency_per_week"))
    effort, hard = classify_effort(figures)
    appraised = appraise(hours, runs, effort=effort, assumptions=plan)
    spans: dict[str, tuple[float | None, float | None]] = {
        name: _interval(value, tail) for name, value in draws.items()
    }
    spans["feasibility"] = _interval(combine_criteria(draws, weights), tail)
    spans["value_hours_per_year"] = low, high = _interval(draws["active_hours_per_week"] * scale, tail)
    worth = [None if v is None else v * plan.hourly_rate for v in (low, high)]
    spans["value_money_per_year"] = worth[0], worth[1]
    cases = [
        None
        if bound is None
        else appraise(bound, runs * bound / hours if hours else 0.0, effort=effort, assumptions=plan)
        for bound in (low, high)
    ]
    for name in ("savings_per_year", "net_present_value"):
        spans[name] = tuple(None if case is None else case[name] for case in cases)  # type: ignore[assignment]
    days = int(everybody["days"].sum())
    pairs = task["between"].drop_nulls()
    between = (str(pairs[0][0]), str(pairs[0][1])) if len(pairs) else None
    verdict, reason = _say(figures, answers, n, people, hours, days, min_segments, between, marks)
    if appraised["net_present_value"] is not None and appraised["net_present_value"] < 0 and verdict in VERDICTS[:2]:
        reason += f" As assumed its net present value over {plan.years} years is negative."
    return {
        "task_id": task_id, "task_name": task_name, "segments": n, "people": people, **figures,
        "feasibility": _plain(combine_criteria(point, weights)[0]), "value_hours_per_year": hours,
        "value_money_per_year": hours * plan.hourly_rate, "runs_per_year": runs, **appraised,
        **{name + end: value for name, span in spans.items() for end, value in zip(("_low", "_high"), span, strict=True)},
        "error_rate": plan.error_rate, "error_cost": plan.error_cost,
        "effort": effort, "effort_reason": hard, "gates": list_gates(figures, answers, marks), "verdict": verdict, "reason": reason,
    }  # fmt: skip


def sums_of(task: pl.DataFrame, *, min_segments: int = 20) -> dict[str, tuple[Numbers, Numbers]]:
    """Criterion → numerators and denominators of the recorded people, in order of `user`, of one task's measured rows.

    A criterion of inputs or elements that rests on rows in number less than a fifth of the runs, and on fewer than
    `min_segments` rows or five people, is not known: it would close a gate on a handful of rows.
    """
    rows, people = pl.col("denominator").sum(), (pl.col("denominator") > 0).sum()
    enough = (rows >= EVIDENCE * pl.col("segments").sum()) | ((rows >= min_segments) & (people >= MIN_PEOPLE))
    thin = pl.col("criterion").is_in(_ROWS) & ~enough.over("criterion")
    task = task.with_columns(
        pl.when(thin).then(0.0).otherwise(name).alias(name) for name in ("numerator", "denominator")
    )
    parts = task.sort("user").partition_by("criterion", as_dict=True, maintain_order=True)
    return {
        str(name): (part["numerator"].to_numpy(), part["denominator"].to_numpy()) for (name,), part in parts.items()
    }


def ratios(sums: dict[str, tuple[Numbers, Numbers]], times: Numbers) -> dict[str, Numbers]:
    """Value of each criterion in each draw (row of `times`: how often each person counts); NaN where nothing is known."""
    out = {}
    over = times @ np.stack([sums[name][0] for name in CRITERIA], axis=1)
    under = times @ np.stack([sums[name][1] for name in CRITERIA], axis=1)
    found = np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)
    for number, name in enumerate(CRITERIA):
        out[name] = found[:, number]
    return out


def _interval(draws: Numbers, tail: float) -> tuple[float | None, float | None]:
    known = draws[~np.isnan(draws)]
    if not known.size:
        return None, None
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _say(
    figures: dict[str, float | None],
    answers: dict[str, Any],
    n: int,
    people: int,
    hours: float,
    days: int,
    least: int,
    between: tuple[str, str] | None,
    marks: Sequence[Mapping[str, Any]],
) -> tuple[str, str]:
    """The verdict and a sentence with the figures it rests on."""
    seen = f"{n:,} {'run' if n == 1 else 'runs'} by {people} {'person' if people == 1 else 'people'}"
    if n < least:
        return "too little data", f"Seen in {seen}; at least {least:,} runs are needed for a verdict."
    known = {name: value for name in _SHOWN if (value := figures[name]) is not None}
    said = ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in known.items())
    unknown = [name.replace("_", " ") for name in _SHOWN if name not in known]
    recorded = f"{days:,} recorded person-{'day' if days == 1 else 'days'}"
    closing = f" ({said}; {seen}; about {hours:,.0f} h a year, extrapolated from {recorded})."
    if unknown:
        closing += f" Not known from this log: {', '.join(unknown)}."
    verdict, why = judge(figures, answers, between=between, marks=marks)
    return verdict, why + closing + staying(marks)
