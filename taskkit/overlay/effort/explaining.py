"""Root causes on the level of process steps: which circumstances go with the slow bookings of one activity."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from taskkit.activities.fields import in_order
from taskkit.comparison.causes import explain
from taskkit.errors import SettingError, check_choice
from taskkit.overlay.effort.step_work import choose_main_app, list_bookings, list_rows, sum_rows
from taskkit.overlay.persons import names_persons
from taskkit.overlay.process_log import with_numbers
from taskkit.schema import PROCESS, require_columns

TARGETS = (
    "waiting_hours", "waiting_seconds", "elapsed_hours", "elapsed_seconds", "touch_seconds", "excursion_seconds", "switches",
    "copy_pastes", "rekeyed",
)  # fmt: skip
KINDS = ("copied from", "application", "screen")  # what was done; where several say the same, the first gives the words


def explain_steps(
    events: pl.DataFrame,
    process: pl.DataFrame,
    *,
    activity: str,
    target: str = "waiting_hours",
    contexts: Sequence[str] | None = None,
    main_app: str | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Find which circumstances go with the slow bookings of one process activity, as a short list of rules.

    Each booking of `list_step_work` is taken for an execution by the person who worked most on it, and each person is
    compared with himself or herself; search, test and figures are those of `taskkit.explain`. Bookings without recorded
    work do not count. Attributes of the case say for which cases a step is slow; screens and applications say what is
    done in the slow ones, often as a consequence of those attributes: ask for each with `contexts`.

    Parameters
    ----------
    events : one row per interaction, with `activity` and `step` from `name_activities` and `case_id` from
        `attribute_cases`.
    process : one row per process event; its other columns are the attributes of the case, but for those that name
        persons (approver, user, created_by …): nobody is told as a cause.
    activity : one process activity.
    target : one of `TARGETS`, a figure of `list_step_work`; more is taken for worse. Waiting and elapsed hours are
        calendar time, nights and weekends included.
    contexts : kinds of context of `taskkit.comparison.contexts.KINDS`, such as ["case"], or attributes of the case; None
        takes all that can be had, for a wait without the clock: what waited overnight is gone on with in the morning.
    main_app : as in `list_step_work`.
    seed : of the shuffles and folds.

    Returns
    -------
    The frame of `taskkit.explain`, with the activity as `task_id`; `segments` counts bookings.

    Raises
    ------
    SettingError : an unknown activity, target or context, or one that names persons. ContractError :
        no cases yet, or no process log.

    >>> import datetime as dt
    >>> at = [dt.datetime(2026, 3, 2 + i // 10, 8, 2 * (i % 10), tzinfo=dt.UTC) for i in range(100)]
    >>> events = pl.DataFrame({"user": [f"p{i % 5}" for i in range(100)], "session_id": "s", "seq": range(100),
    ...     "timestamp": at, "app": "erp", "event_type": "click", "case_id": [f"c{i}" for i in range(100)], "step": True,
    ...     "activity": "look", "active_seconds": [20.0 + i % 9 + 40 * (i // 5 % 2) for i in range(100)]})
    >>> process = events.select("case_id", "timestamp", activity=pl.lit("Approve"),
    ...                         po=pl.Series([*["yes"] * 5, *["no"] * 5] * 10))
    >>> explain_steps(events, process, activity="Approve", target="touch_seconds")["rule"].to_list()
    ['has po = no']
    """
    require_columns(events, "activity", "step", made_by="name_activities")
    check_choice(activity, allowed=sorted(process["activity"].drop_nulls().unique()), what="process activity")
    check_choice(target, allowed=TARGETS, what="target")
    booked = list_bookings(process)
    carried = in_order(events).with_columns(_named=pl.when("step").then(pl.col("activity").cast(pl.String)))
    rows = list_rows(carried, process, booked, keep=("_named", "utc_offset_minutes"))
    main = choose_main_app(events, rows, main_app)
    work = sum_rows(rows, booked, main).filter(pl.col("activity") == activity).drop_nulls("user")
    if work.is_empty():
        raise SettingError(f"No booking of {activity!r} has recorded work: nothing can be said about it.")
    persons = names_persons(process, users=events["user"].unique())
    if asked := sorted(persons.intersection(contexts or ())):
        raise SettingError(f"contexts= names columns that tell people apart, not cases: {', '.join(map(repr, asked))}. A "
                           "person is no cause; leave them out.")  # fmt: skip
    process = process.drop(persons)
    attributes = [name for name in process.columns if name not in PROCESS.schema]
    found = explain(
        _as_segments(work, rows, target), target=target, contexts=contexts if contexts is not None else _kinds(attributes, target),
        process=with_numbers(process, attributes), seed=seed,
    )  # fmt: skip
    said = pl.col("sentence").str.replace_all("an execution", "a booking", literal=True)
    return found.with_columns(said.str.replace_all("execution", "booking", literal=True))


def _kinds(attributes: list[str], target: str) -> list[str]:
    clock = () if target.startswith(("waiting", "elapsed")) else ("time of day", "weekday")
    return [*(["case"] if attributes else []), *KINDS, *clock]


def _as_segments(work: pl.DataFrame, rows: pl.DataFrame, target: str) -> pl.DataFrame:
    """Bookings as `explain` wants its executions; only the target stands there as a figure."""
    local = [pl.col("utc_offset_minutes").first()] if "utc_offset_minutes" in rows.columns else []
    of_rows = rows.drop_nulls("booking").group_by("booking", maintain_order=True).agg(
        *local, pl.col("session_id").first(), start=pl.col("timestamp").min(), activities=pl.col("_named").drop_nulls(),
    )  # fmt: skip
    figure = pl.col(target.replace("_hours", "_seconds")) / (3600 if target.endswith("_hours") else 1)
    return work.select(
        "booking", "user", "case_id", "apps", task_id="activity", segment_id="booking", **{target: figure.cast(pl.Float64)}
    ).join(of_rows, on="booking", how="left", maintain_order="left").drop("booking")  # fmt: skip
