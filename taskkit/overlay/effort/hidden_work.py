"""Work that no process event shows: beside the main application, after the last booking, without any case."""

from __future__ import annotations

from typing import Any

import polars as pl

from taskkit.comparison.people import count_people
from taskkit.overlay.attribution import BARRED
from taskkit.overlay.effort.step_work import choose_main_app, is_outside, list_bookings, list_rows
from taskkit.schema import require_columns

# kind → (no process event shows it, what it is)
KINDS: dict[str, tuple[bool, str]] = {
    "inside steps, in the main application": (
        False, "work on a case before its next booking, in the application that the process runs in"
    ),
    "inside steps, elsewhere": (True, "work on a case before its next booking, in any other application"),
    "after the last booking": (True, "work on a case after the last of its bookings"),
    "case without a booking": (True, "work on a case of which the process log holds no completed event"),
    "without a case": (True, "work that belongs to no case of the process, as far as the attribution knows"),
    "not recorded": (False, "time in programs whose content was not recorded, or in none: nothing is known about it"),
}  # fmt: skip


def list_hidden_work(events: pl.DataFrame, process: pl.DataFrame, *, main_app: str | None = None) -> pl.DataFrame:
    """List how much of the active time no process event shows, by the kind of work.

    Every row of the events is of exactly one kind, so `active_hours` add up to all active time and `share` to 1. Where
    the attribution of rows to cases errs, work stands under the wrong kind (`case_confidence` of each row says how far
    to trust it).
    "Without a case" may be work on other processes, or none: it is hidden from this process log, not from everybody.

    Parameters
    ----------
    events, process, main_app : as in `list_step_work`.

    Returns
    -------
    One row per kind of `KINDS`, in that order: `kind`, `definition`, `hidden` (no process event shows it),
    `active_hours`, `share` (of all active time), `cases`, `people`, `apps` (most time first), `total_hours` (all
    active time) and `sentence`.

    Raises
    ------
    ContractError : `name_activities` or `attribute_cases` has not been run, or no process log.

    >>> import datetime as dt
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(4)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(4), "timestamp": when, "event_type": "click",
    ...                        "case_id": ["c", "c", "c", None], "app": ["erp", "xl"] * 2, "active_seconds": 36.0})
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["Approve"], "timestamp": when[1:2]})
    >>> list_hidden_work(events, process, main_app="erp")["share"].to_list()
    [0.25, 0.25, 0.25, 0.0, 0.25, 0.0]
    """
    require_columns(events, "case_id", made_by="attribute_cases")
    booked = list_bookings(process)
    attributed = list_rows(events, process, booked)
    main = choose_main_app(events, attributed, main_app)
    known = pl.col("case_id").is_in(booked["case_id"].unique().implode())
    names = list(KINDS)
    # without a main application nothing can be told to be beside it
    of_case = (
        pl.when(~known).then(pl.lit(names[3])).when(pl.col("booking").is_null()).then(pl.lit(names[2]))
        .when(is_outside(main)).then(pl.lit(names[1])).otherwise(pl.lit(names[0]))
    )  # fmt: skip
    unknown = (pl.col("app").is_null() | pl.col("app").is_in(list(BARRED))).fill_null(True)
    columns = ("user", "app", "case_id", "active_seconds")
    rest = events.filter(pl.col("case_id").is_null()).select(
        *columns, kind=pl.when(unknown).then(pl.lit(names[5])).otherwise(pl.lit(names[4]))
    )
    rows = pl.concat([attributed.select(*columns, kind=of_case), rest])
    return _sum(rows, main)


def _sum(rows: pl.DataFrame, main: str | None) -> pl.DataFrame:
    total = float(rows["active_seconds"].sum()) / 3600
    sums = rows.group_by("kind").agg(
        active_hours=pl.col("active_seconds").sum() / 3600,
        cases=pl.col("case_id").drop_nulls().n_unique(),
        people=pl.col("user").n_unique(),
    )
    used = rows.drop_nulls("app").group_by("kind", "app").agg(pl.col("active_seconds").sum())
    ordered = used.sort("kind", "active_seconds", "app", descending=[False, True, False])
    apps = ordered.group_by("kind", maintain_order=True).agg(apps=pl.col("app"))
    kinds = pl.DataFrame({
        "kind": list(KINDS), "definition": [text for _, text in KINDS.values()], "hidden": [flag for flag, _ in KINDS.values()],
    })  # fmt: skip
    result = kinds.join(sums, on="kind", how="left").join(apps, on="kind", how="left", maintain_order="left")
    result = result.with_columns(
        pl.col("active_hours").fill_null(0.0),
        pl.col("cases", "people").fill_null(0).cast(pl.UInt32),
        pl.col("apps").fill_null(pl.lit([], dtype=pl.List(pl.String))),
        total_hours=pl.lit(total),
    ).with_columns(share=pl.col("active_hours") / max(total, 1e-12))
    sentences = [_sentence(row, main) for row in result.iter_rows(named=True)]
    return result.select(
        "kind", "definition", "hidden", "active_hours", "share", "cases", "people", "apps", "total_hours",
        pl.Series("sentence", sentences, dtype=pl.String),
    )  # fmt: skip


def _sentence(row: dict[str, Any], main: str | None) -> str:
    kind = row["kind"].replace("the main application", main or "any application: the main one is not known")
    head = f"{kind[0].upper()}{kind[1:]} ({row['definition']}):"
    if not row["people"]:
        return f"{head} none."
    cases = f", on {row['cases']:,} cases" if row["cases"] else ""
    return (
        f"{head} {row['active_hours']:.1f} h, {100 * row['share']:.0f} % of all {row['total_hours']:.1f} active hours, by "
        f"{count_people(row['people'])}{cases}."
    )
