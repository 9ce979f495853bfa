"""What may be believed: coverage, gaps, blind spots, duplicates, the clock, and what a log is good enough for."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from taskkit.privacy import MIN_PEOPLE, UNKNOWN_USER
from taskkit.quality.checks import (
    MIN_EVENTS,
    Finding,
    Seen,
    check_blind,
    check_clock,
    check_coverage,
    check_days,
    check_dominance,
    check_duplicates,
    check_ends,
    check_excluded,
    check_gaps,
    check_groups,
    check_order,
    check_presence,
    check_size,
    check_sleep,
)
from taskkit.quality.contents import check_fields, check_redacted
from taskkit.quality.days import days_of, list_days, read_window
from taskkit.quality.defects import DEFECTS, defects_of, list_defects
from taskkit.quality.streams import add_active_seconds, is_a, read_stream
from taskkit.quality.verdicts import USES, judge_uses, list_use_caveats
from taskkit.schema import EVENTS, PRESENCE_TYPES, require_columns

__all__ = [
    "DEFECTS",
    "USES",
    "add_active_seconds",
    "check_quality",
    "judge_uses",
    "list_days",
    "list_defects",
    "list_use_caveats",
]

_QUALITY = pl.Schema({"check": pl.String, "level": pl.String, "value": pl.Float64, "unit": pl.String,
                      "threshold": pl.String, "n": pl.UInt32, "people": pl.UInt32, "where": pl.String,
                      "sentence": pl.String})  # fmt: skip


def check_quality(
    events: pl.DataFrame, *, gap: str = "20m", working_window: str | None = None, clock_jump: str = "30s",
    min_people: int = MIN_PEOPLE,
) -> pl.DataFrame:  # fmt: skip
    """Say what may be believed of a log: its size and people, what it covers, where it is damaged, what its rows lack.

    Parameters
    ----------
    events : events frame in any row order.
    gap : a longer silence that no idle, lock, pause or blind row explains counts as a gap.
    working_window : local time in which work is expected, such as "08:00-17:00"; None: learnt from the log (`list_days`).
    clock_jump : a step of the clock of at least that length is a jump, a shorter one an order break.
    min_people : fewest people in a group that can be compared or shown.

    Returns
    -------
    One row per check: `check`, `level` (ok; note: good to know; warning: later figures are affected), `value`, `unit`,
    `threshold`, `n` (what the value rests on: rows, sessions or person-days), `people` (null where the log
    does not say who worked), `where` (how many sessions, days or rows are concerned) and `sentence`. Nobody is named.
    What a log cannot tell has no row, or a sentence that says so.

    Raises
    ------
    ContractError : columns are missing. SettingError : a duration or the working window cannot be read.

    >>> from datetime import UTC, datetime
    >>> events = pl.DataFrame({"user": ["p_1"], "session_id": ["s1"], "seq": [0], "app": ["erp"],
    ...     "timestamp": [datetime(2026, 3, 2, 8, tzinfo=UTC)], "event_type": ["click"]})
    >>> check_quality(events)["sentence"][0]
    '1 event of 1 person on 1 day: too few to tell what recurs from chance.'
    """
    require_columns(events, *EVENTS.required, made_by="read_log or from_table")
    if events.is_empty():
        read_window(working_window)
        found = [
            Finding("size", "warning", 0.0, "events", f"at least {MIN_EVENTS} events", 0, "nowhere",
                    "The log is empty: nothing can be said.")
        ]  # fmt: skip
    else:
        found = list(_check_all(_look(events, gap, working_window, clock_jump), gap, clock_jump, min_people))
    people = _people(events) if events.is_empty() else _people(events) or None
    listed = [
        (f.check, f.level, f.value, f.unit, _spaced(f.threshold), f.n, people, _spaced(f.where), _spaced(f.sentence))
        for f in found
    ]
    return pl.DataFrame(listed, schema=_QUALITY, orient="row")


def _people(events: pl.DataFrame) -> int:
    return events.filter(pl.col("user") != UNKNOWN_USER)["user"].n_unique()


def _spaced(text: str) -> str:
    return re.sub(r"(\d)%", r"\1 %", text)


def _look(events: pl.DataFrame, gap: str, working_window: str | None, clock_jump: str) -> Seen:
    rows = read_stream(add_active_seconds(events), gap=gap)
    days, window = days_of(rows, working_window)
    work = rows.filter(~is_a(*PRESENCE_TYPES))
    defects = defects_of(rows, clock_jump=clock_jump)
    return Seen(rows, work, days, window, defects, _people(rows), rows["run"].n_unique())


def _check_all(seen: Seen, gap: str, clock_jump: str, min_people: int) -> Iterable[Finding]:
    yield from (check_size(seen), check_days(seen), check_groups(seen, min_people), check_dominance(seen))
    yield check_presence(seen)
    if seen.present:
        yield check_coverage(seen)
    yield check_gaps(seen, gap)
    if seen.rows["usual"].is_not_null().any():
        yield check_sleep(seen)
    if seen.present:
        yield from (check_blind(seen), check_excluded(seen))
    yield from (check_duplicates(seen), check_clock(seen, clock_jump), check_order(seen))
    if seen.present:
        yield check_ends(seen)
    yield check_redacted(seen)
    yield from check_fields(seen)
