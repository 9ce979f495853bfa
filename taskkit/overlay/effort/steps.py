"""What each step of the process, or each transition to it, costs inside."""

from __future__ import annotations

import numpy as np
import polars as pl

from taskkit.comparison.people import BOOTSTRAPS, count_people
from taskkit.errors import check_choice
from taskkit.overlay.effort.step_work import choose_main_app, list_bookings, list_rows, sum_rows
from taskkit.overlay.references import known_offsets
from taskkit.privacy import MIN_PEOPLE
from taskkit.variants.standardisation import expanded_tail

GROUPS = {"activity": ("activity",), "transition": ("before", "activity")}
BINS = 2000  # a median of more bookings than this is placed to a two-thousandth of their ranks


def step_effort(
    events: pl.DataFrame, process: pl.DataFrame, *, main_app: str | None = None, by: str = "activity"
) -> pl.DataFrame:
    """Look inside each process step: time since the step before it, time actually worked, and work outside the system.

    The bookings of `list_step_work`, summed by activity, or by what was booked before and what is booked now. Work after
    a case's last booking belongs to no step: it counts in the `hidden_share` of that last activity, and its caveat says
    how much it is.

    Parameters
    ----------
    events : one row per interaction, with `case_id` from `attribute_cases` and `active_seconds`; `task_id` and
        `variant_id` are used where they are there.
    process : one row per process event.
    main_app : the system the process runs in; by default the application with most active time in the last 60 s
        before all bookings (where steps are booked).
    by : "activity" or "transition".

    Returns
    -------
    One row per process activity (by="transition": per `before` and `activity`; null before a case's first booking), most
    touch time first: `activity`, `process_events`, `cases`, `cases_with_work`, `people` (recorded, who worked on it),
    `elapsed_median_seconds` (since the case's previous booking; calendar time, nights and weekends included),
    `waiting_median_seconds` (of that, without service or touch time; nights and weekends included; over the bookings for
    which it is known), `touch_median_seconds` (active seconds of the bookings that
    have recorded work) with `touch_low` and `touch_high` (its 95 % interval: people are drawn, with replacement, with all
    their bookings, tails widened for few people; null under 5 people), `touch_total_hours`, `switches_median` (changes of
    application of one person inside a step), `copy_pastes_median` (pastes inside a step), `rekeyed_median` (values typed
    although they were there), `excursion_share` (part of the touch time outside the main application),
    `excursion_pastes_mean` (pastes into other applications than the main one, for each booking with work), `hidden_share`
    (the part of the touch time, with that after a last booking, which is outside the main application or after the last
    booking), `main_app`, `apps` and `tasks` (most touch time first), `variants` (how many different ones) and `caveat`.
    Without `task_id` in the events `tasks` is null, without `variant_id` `variants`, and the caveat says so.
    A paste into the main application is how data get in; a paste out of it is work beside the process.

    Raises
    ------
    SettingError : an unknown `by`, or no row of the events is in `main_app`. ContractError : no cases yet, or no process log.

    References
    ----------
    Hesterberg (2015), What teachers should know about the bootstrap, for the widened tails.

    >>> import datetime as dt
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(4)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(4), "timestamp": when, "case_id": "c",
    ...                        "app": ["erp", "xl"] * 2, "event_type": "click", "active_seconds": 15.0})
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["Approve"], "timestamp": when[3:]})
    >>> step_effort(events, process, main_app="erp").select("touch_median_seconds", "excursion_share").row(0)
    (60.0, 0.5)
    """
    check_choice(by, allowed=GROUPS, what="grouping of steps")
    keys = list(GROUPS[by])
    booked = list_bookings(process)
    clocks = known_offsets(events, process)
    rows = list_rows(events, process, booked, clocks=clocks)
    main_app = choose_main_app(events, rows, main_app)
    work = sum_rows(rows, booked, main_app)
    inside = rows.drop_nulls("booking").join(work.select("booking", *keys), on="booking", maintain_order="left")
    unsure = pl.col("user").is_in(clocks.filter(~pl.col("compared"))["user"].implode())
    people = inside.group_by(keys).agg(
        people=pl.col("user").n_unique(), unsure=pl.col("user").filter(unsure).n_unique()
    )  # fmt: skip
    result = (
        _sums(work, keys)
        .join(people, on=keys, how="left", nulls_equal=True)
        .join(_intervals(work, keys), on=keys, how="left", nulls_equal=True)
        .join(_after_the_last(rows, work, keys), on=keys, how="left", nulls_equal=True)
    )
    for name, column in {"apps": "app", "tasks": "task_id"}.items():
        result = result.join(
            _most_used(inside, keys, column).rename({column: name}), on=keys, how="left", nulls_equal=True
        )
    return _finish(result, keys, main_app, _lacking(events))


def _sums(work: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    worked = pl.col("touch_seconds").is_not_null()
    touch, outside = pl.col("touch_seconds").sum(), pl.col("excursion_seconds").sum()
    return work.group_by(keys).agg(
        process_events=pl.len(),
        cases=pl.col("case_id").n_unique(),
        cases_with_work=pl.col("case_id").filter(worked).n_unique(),
        steps_with_work=worked.sum(),
        elapsed_median_seconds=pl.col("elapsed_seconds").median(),
        waiting_median_seconds=pl.col("waiting_seconds").median(),
        touch_median_seconds=pl.col("touch_seconds").median(),
        touch_total_hours=touch / 3600,
        outside_hours=outside / 3600,
        switches_median=pl.col("switches").median(),
        copy_pastes_median=pl.col("copy_pastes").median(),
        rekeyed_median=pl.col("rekeyed").median(),
        excursion_share=(outside / touch).fill_nan(None),
        excursion_pastes_mean=pl.col("excursion_pastes").sum() / worked.sum(),
        variants=pl.col("variants").list.explode(empty_as_null=True).drop_nulls().n_unique(),
    )


def _after_the_last(rows: pl.DataFrame, work: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Hours of work after the last booking of a case, by that booking."""
    last = work.group_by("case_id", maintain_order=True).agg(pl.col(name).last() for name in keys)
    late = rows.filter(pl.col("booking").is_null()).select("case_id", "active_seconds").join(last, on="case_id")
    return late.group_by(keys).agg(late_hours=pl.col("active_seconds").sum() / 3600)


def _most_used(inside: pl.DataFrame, keys: list[str], column: str) -> pl.DataFrame:
    if column not in inside.columns:
        return inside.select(keys).clear().with_columns(pl.lit(None, pl.List(pl.String)).alias(column))
    used = inside.drop_nulls(column).group_by(*keys, column).agg(pl.col("active_seconds").sum())
    ordered = used.sort(*keys, "active_seconds", column, descending=[*[False] * len(keys), True, False])
    return ordered.group_by(keys, maintain_order=True).agg(column)


def _intervals(work: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """The 95 % interval of each median touch time; nothing for groups of too few people."""
    rows = []
    worked = work.drop_nulls("touch_seconds").select(*keys, "user", "touch_seconds")
    for key, group in worked.group_by(keys):
        if group["user"].n_unique() >= MIN_PEOPLE:
            rows.append((*key, *_median_interval(group, np.random.default_rng(0))))
    texts = dict.fromkeys(keys, pl.String)
    return pl.DataFrame(rows, schema={**texts, "touch_low": pl.Float64, "touch_high": pl.Float64}, orient="row")


def _median_interval(group: pl.DataFrame, random: np.random.Generator) -> tuple[float, float]:
    """Bootstrap of the median: people are drawn with all their bookings."""
    ordered = group.sort("touch_seconds", "user")
    values, who = ordered["touch_seconds"].to_numpy(), ordered["user"].rank("dense").to_numpy().astype(np.int64) - 1
    people, n = int(who.max()) + 1, len(values)
    # equal numbers of bookings to a bin: how many of them are each person's, up to each bin
    ranks = np.arange(n) * min(n, BINS) // n
    counts = np.zeros((people, int(ranks[-1]) + 1))
    np.add.at(counts, (who, ranks), 1.0)
    middles = values[np.searchsorted(ranks, np.arange(counts.shape[1])) + (np.bincount(ranks) - 1) // 2]
    drawn = random.multinomial(people, np.full(people, 1 / people), BOOTSTRAPS).astype(np.float64)
    summed = drawn @ counts.cumsum(axis=1)
    half = summed[:, -1:] / 2
    lower, upper = (summed >= half).argmax(axis=1), (summed > half).argmax(axis=1)
    tail = expanded_tail(people)
    low, high = np.quantile((middles[lower] + middles[upper]) / 2, [tail, 1 - tail])
    return float(low), float(high)


def _lacking(events: pl.DataFrame) -> str:
    """The columns of tasks and variants that the events do not have, in words."""
    words = {"task_id": "tasks", "variant_id": "variants"}
    return " or ".join(word for name, word in words.items() if name not in events.columns)


def _finish(result: pl.DataFrame, keys: list[str], main_app: str | None, lacking: str) -> pl.DataFrame:
    counts = ("process_events", "cases", "cases_with_work", "people")
    result = result.with_columns(
        pl.col("people", "unsure", "late_hours").fill_null(0),
        pl.col("apps" if "tasks" in lacking else ("apps", "tasks")).fill_null(pl.lit([], dtype=pl.List(pl.String))),
        main_app=pl.when(pl.col("steps_with_work") > 0).then(pl.lit(main_app, dtype=pl.String)),
    )
    hidden = (pl.col("outside_hours") + pl.col("late_hours")) / (pl.col("touch_total_hours") + pl.col("late_hours"))
    known = pl.col("main_app").is_not_null()
    result = result.with_columns(
        pl.when(known).then(pl.col("excursion_share", "excursion_pastes_mean")).name.keep(),
        hidden_share=pl.when(known).then(hidden.fill_nan(None)),
    ).sort("touch_total_hours", *keys, descending=[True, *[False] * len(keys)])
    if "variants" in lacking:
        result = result.with_columns(variants=pl.lit(None, pl.UInt32))
    caveats = [_caveat(**row, lacking=lacking) for row in result.select(
        "process_events", "steps_with_work", "people", "unsure", "main_app", "late_hours", "touch_low"
    ).iter_rows(named=True)]  # fmt: skip
    return result.select(
        *keys, *(pl.col(name).cast(pl.UInt32) for name in counts), "elapsed_median_seconds", "waiting_median_seconds",
        "touch_median_seconds", "touch_low", "touch_high", "touch_total_hours", "switches_median", "copy_pastes_median",
        "rekeyed_median", "excursion_share", "excursion_pastes_mean", "hidden_share", "main_app", "apps", "tasks",
        pl.col("variants").cast(pl.UInt32), pl.Series("caveat", caveats, dtype=pl.String),
    )  # fmt: skip


def _caveat(
    process_events: int, steps_with_work: int, people: int, unsure: int, main_app: str | None, late_hours: float,
    touch_low: float | None, lacking: str,
) -> str:  # fmt: skip
    late = (
        f"{late_hours:.1f} h of work after the case's last process event belong to no step."
        if late_hours >= 0.05
        else ""
    )
    if not steps_with_work:
        nothing = (
            f"None of the {process_events:,} process events has recorded work: nothing can be said about this step."
        )
        return f"{nothing} {late}".rstrip()
    share = steps_with_work / process_events
    parts = [
        f"Recorded work for {steps_with_work:,} of {process_events:,} process events ({100 * share:.0f} %), by "
        f"{count_people(people)}; nothing is known about the others."
    ]
    if unsure:
        parts.append(
            f"The clocks could not be compared for {unsure} of {count_people(people)}: their work may stand under the wrong "
            "step."
        )
    if touch_low is None:
        parts.append(f"No interval for the touch time: under {MIN_PEOPLE} people did most of a booking's work.")
    if main_app is not None:
        parts.append(f"Excursions are work outside {main_app}.")
    if lacking:
        parts.append(f"No {lacking} were given.")
    return " ".join([*parts, late]).rstrip()
