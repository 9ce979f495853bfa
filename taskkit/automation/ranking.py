"""Which tasks are worth automating, with every figure the verdict rests on."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from taskkit.automation.criteria import CRITERIA, Work
from taskkit.errors import SettingError
from taskkit.schema import require_columns
from taskkit.segments import list_segments
from taskkit.tasks import find_tasks

Numbers = npt.NDArray[np.float64]

BOOTSTRAPS = 999
# criterion → what makes it stop a task from being automated at all, in words
GATES = {
    "standardisation": "no two runs have a step in common",
    "determinism": "no written value follows a rule",
    "stable_element_share": "no element can be found again by its id",
    "judgement_share": "all of the time goes into reading and composing messages",
}
RULE_BASED, LAWLESS, SIMILAR, COMPOSED, TRANSFERS = 0.7, 0.5, 0.55, 0.5, 1.0  # thresholds of the verdicts, see `_judge`
_LAST = {"leave to judgement": 1, "too little data": 2}
_SHOWN = ("standardisation", "determinism", "stable_element_share", "judgement_share")


def score_automation(
    events: pl.DataFrame,
    *,
    segments: pl.DataFrame | None = None,
    hourly_rate: float = 40.0,
    weeks_per_year: int = 44,
    min_segments: int = 20,
    seed: int = 0,
) -> pl.DataFrame:
    """Rank the tasks by what their automation could free, and say for each why or why not.

    Feasibility is the geometric mean of standardisation, determinism, the share of stable elements and the share of
    time that is not judgement; any of them at zero makes it zero. A criterion that the log cannot answer (no written
    values, no ids) is left out, and the reason says so. Value is the active time of all recorded people, extrapolated
    to a year: the most that could be freed, not a promise. Tasks are ranked by feasibility times value, what is
    better left to judgement and what was seen too rarely after the others. Intervals are
    the middle 95 % of 999 draws of people with replacement; they say nothing about people who were not recorded.

    Verdicts: "too little data" under `min_segments` segments; "leave to judgement" where a gate is closed, under half
    of the written values follow a rule or over half of the time goes into messages; "integrate" where one value a run
    or more is carried by hand out of the log's main application (most active time) into another; "standardise first"
    where runs are less similar than 0.55 or less than 0.7 of the values follow a rule; else "automate". The thresholds
    are starting points for a workshop, set with the bundled sample in view; what a control is there for, no log can tell.

    Parameters
    ----------
    events : one row per interaction, with `segment_id` and `active_seconds`; a `task_id` on the rows is used.
    segments : one row per segment, with `task_id`; computed where it is missing.
    hourly_rate : money for an hour of work.
    weeks_per_year : working weeks of five days.
    min_segments : a task seen less often gets no verdict.
    seed : makes the intervals reproducible.

    Returns
    -------
    One row per task, best first: `rank`, `task_id`, `task_name`, `segments`, `people`, one column per criterion of
    `CRITERIA`, `feasibility` and `value_hours_per_year` with `_low` and `_high` (null with one person),
    `value_money_per_year`, `verdict` and `reason`.

    Raises
    ------
    ContractError : the events have no segments. SettingError : a rate, weeks or count below its least value.

    References
    ----------
    Leno et al. (2020), Automated discovery of data transformations for robotic process automation, for determinism by
    dependencies between fields.

    >>> import taskkit as tk
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_012), "what": list("abs" * 4)})
    >>> events = tk.from_table(log, columns={"timestamp": "at", "event_name": "what"})
    >>> events = tk.segment(tk.name_activities(events), method="anchor", end="^s$")
    >>> score_automation(events).select("segments", "verdict").row(0)
    (4, 'too little data')
    """
    for name, value, least in (("hourly_rate", hourly_rate, 0), ("weeks_per_year", weeks_per_year, 1),
                               ("min_segments", min_segments, 1)):  # fmt: skip
        if value < least:
            raise SettingError(f"{name}={value} is not allowed: at least {least}.")
    require_columns(events, "segment_id", made_by="segment")
    require_columns(events, "active_seconds", made_by="name_activities")
    segments = _with_tasks(events, segments)
    days = _recorded_days(events)
    rows = [
        _score_one(work, days, hourly_rate, weeks_per_year, min_segments, seed)
        for work in _split(events, segments, days)
    ]
    ranking = pl.DataFrame(rows, schema=_schema(), orient="row")
    ranking = ranking.with_columns(gain=pl.col("feasibility") * pl.col("value_hours_per_year"))
    last = pl.col("verdict").replace_strict(_LAST, default=0, return_dtype=pl.Int8)
    ranking = ranking.sort(last, pl.col("gain"), "task_id", descending=[False, True, False], nulls_last=True)
    return ranking.drop("gain").with_row_index("rank", offset=1)


def _schema() -> pl.Schema:
    number = pl.Float64
    return pl.Schema(
        {"task_id": pl.String, "task_name": pl.String, "segments": pl.UInt32, "people": pl.UInt32}
        | dict.fromkeys(CRITERIA, number)
        | {"feasibility": number, "feasibility_low": number, "feasibility_high": number}
        | {"value_hours_per_year": number, "value_hours_per_year_low": number, "value_hours_per_year_high": number}
        | {"value_money_per_year": number, "verdict": pl.String, "reason": pl.String}
    )


def _with_tasks(events: pl.DataFrame, segments: pl.DataFrame | None) -> pl.DataFrame:
    if segments is None:
        segments = list_segments(events)
        if "task_id" in events.columns:
            tasks = events.drop_nulls("segment_id").group_by("segment_id").agg(pl.col("task_id").drop_nulls().first())
            segments = segments.drop("task_id", strict=False).join(tasks, on="segment_id", how="left")
        else:
            segments = find_tasks(segments)
    require_columns(segments, "segment_id", "user", "active_seconds", made_by="list_segments")
    require_columns(segments, "task_id", made_by="find_tasks")
    if "task_name" not in segments.columns:
        segments = segments.with_columns(task_name=pl.col("task_id"))
    return segments.drop_nulls("task_id").sort("task_id", "segment_id")


def _recorded_days(events: pl.DataFrame) -> pl.DataFrame:
    local = pl.col("timestamp")
    if "utc_offset_minutes" in events.columns:
        local = local + pl.duration(minutes=pl.col("utc_offset_minutes").fill_null(0))
    return events.group_by("user").agg(days=local.dt.date().n_unique()).sort("user")


def _split(events: pl.DataFrame, segments: pl.DataFrame, days: pl.DataFrame) -> list[Work]:
    """One `Work` per task, rows in the order of work."""
    of_task = segments.select("segment_id", _task="task_id")
    rows = events.drop_nulls("segment_id").join(of_task, on="segment_id", how="inner")
    begin = pl.col("timestamp").min().over("user", "session_id")
    rows = rows.with_columns(_begin=begin).sort("user", "_begin", "session_id", "seq").drop("_begin")
    by_task = rows.partition_by("_task", as_dict=True, include_key=False)
    time = events.drop_nulls("app").group_by("app").agg(pl.col("active_seconds").sum())
    main_app = str(time.sort("active_seconds", "app", descending=[True, False])["app"][0]) if time.height else ""
    return [
        Work(by_task.get((task_id,), rows.clear().drop("_task")), own, days, main_app)
        for (task_id,), own in segments.group_by("task_id", maintain_order=True)
    ]


def _score_one(
    work: Work, days: pl.DataFrame, hourly_rate: float, weeks_per_year: int, min_segments: int, seed: int
) -> tuple[Any, ...]:
    task_id, task_name = str(work.segments["task_id"][0]), str(work.segments["task_name"][0])
    sums = {name: _sums(criterion.function(work), days) for name, criterion in CRITERIA.items()}
    everybody = np.ones((1, days.height))
    point = {name: float(_ratio(everybody, *pair)[0]) for name, pair in sums.items()}
    people = work.segments["user"].n_unique()
    draws = {name: np.full(BOOTSTRAPS, np.nan) for name in sums}
    if people > 1:
        random = np.random.default_rng([seed, zlib.crc32(task_id.encode())])
        counts = random.multinomial(days.height, np.full(days.height, 1 / days.height), size=BOOTSTRAPS).astype(float)
        draws = {name: _ratio(counts, *pair) for name, pair in sums.items()}
    feasibility = _feasibility({name: np.array([value]) for name, value in point.items()})
    hours = point["active_hours_per_week"] * weeks_per_year
    row = {name: None if np.isnan(value) else value for name, value in point.items()}
    known = {"task": task_name, "segments": work.segments.height, "people": people, "hours": hours, **row}
    known["person_days"] = int(days["days"].sum())
    verdict, reason = _verdict(known, min_segments)
    return (
        task_id, task_name, work.segments.height, people, *row.values(),
        _plain(feasibility[0]), *_interval(_feasibility(draws)),
        hours, *_interval(draws["active_hours_per_week"] * weeks_per_year), hours * hourly_rate, verdict, reason,
    )  # fmt: skip


def _sums(of_people: pl.DataFrame, days: pl.DataFrame) -> tuple[Numbers, Numbers]:
    aligned = days.select("user").join(of_people, on="user", how="left", maintain_order="left").fill_null(0.0)
    return aligned["numerator"].to_numpy().astype(float), aligned["denominator"].to_numpy().astype(float)


def _ratio(counts: Numbers, numerator: Numbers, denominator: Numbers) -> Numbers:
    over, under = counts @ numerator, counts @ denominator
    ratio: Numbers = np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)
    return ratio


def _feasibility(values: dict[str, Numbers]) -> Numbers:
    """Geometric mean of what is known of the four; NaN if nothing is."""
    parts = np.stack([
        values["standardisation"], values["determinism"], values["stable_element_share"],
        1 - values["judgement_share"],
    ])  # fmt: skip
    known = ~np.isnan(parts)
    with np.errstate(divide="ignore"):
        logs = np.log(np.where(known, np.clip(parts, 0, 1), 1.0)).sum(axis=0)
    n = known.sum(axis=0)
    mean: Numbers = np.exp(logs / np.maximum(n, 1))
    mean[n == 0] = np.nan
    return mean


def _interval(draws: Numbers) -> tuple[float | None, float | None]:
    known = draws[~np.isnan(draws)]
    if not known.size:
        return None, None
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _verdict(known: dict[str, Any], min_segments: int) -> tuple[str, str]:
    """The verdict and a sentence with the figures it rests on."""
    n, people = known["segments"], known["people"]
    seen = f"{n:,} {'run' if n == 1 else 'runs'} by {people} {'person' if people == 1 else 'people'}"
    if n < min_segments:
        return "too little data", f"Seen in {seen}; at least {min_segments:,} runs are needed for a verdict."
    figures = ", ".join(f"{name.replace('_', ' ')} {known[name]:.2f}" for name in _SHOWN if known[name] is not None)
    unknown = [name.replace("_", " ") for name in _SHOWN if known[name] is None]
    recorded = f"{known['person_days']:,} recorded person-{'day' if known['person_days'] == 1 else 'days'}"
    closing = f" ({figures}; {seen}; about {known['hours']:,.0f} h a year, extrapolated from {recorded})."
    if unknown:
        closing += f" Not known from this log: {', '.join(unknown)}."
    verdict, why = _judge(known)
    return verdict, why + closing


def _judge(known: dict[str, Any]) -> tuple[str, str]:
    rules, similar, composed = known["determinism"], known["standardisation"], known["judgement_share"]
    for name, words in GATES.items():
        closed = 1.0 if name == "judgement_share" else 0.0
        if known[name] is not None and known[name] == closed:
            return "leave to judgement", words[0].upper() + words[1:]
    if composed is not None and composed > COMPOSED:
        return "leave to judgement", f"{composed:.0%} of the time goes into messages and free text"
    if rules is not None and rules < LAWLESS:
        return "leave to judgement", f"Only {rules:.0%} of the written values follow a rule"
    out = known["carried_out_per_segment"]
    if out is not None and out >= TRANSFERS:
        return "integrate", f"{out:.1f} values a run are carried by hand out of the log's main application"
    if similar is not None and similar < SIMILAR:
        return "standardise first", f"Runs differ: they are {similar:.0%} like the most typical one"
    if rules is not None and rules < RULE_BASED:
        return "standardise first", f"{rules:.0%} of the written values follow a rule, the others must be settled first"
    return "automate", "Runs are alike and most written values follow a rule"
