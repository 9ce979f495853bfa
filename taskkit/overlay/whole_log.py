"""Whether a process log can be that of the recording: the same cases, and clocks in the same time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from taskkit.errors import ContractError
from taskkit.overlay.coding import Bookings
from taskkit.overlay.references import find_words, offsets_of

FEW = 0.25  # of the bookings whose case the person saw at all: with fewer on a row of their case, other hours are tried
LEAST_BOOKINGS = 20  # that must fall on a row of their case at another hour
CLEARLY = 3.0  # times as many as without it
SAMPLE = 2000  # bookings that are tried at every hour
HALF_HOUR = 1_800_000_000  # microseconds
REACH = 28  # half hours
LONGEST = 24  # characters of a number that is shown as a pattern
ZONES = (
    "Europe/London", "Europe/Berlin", "Europe/Helsinki", "Europe/Istanbul", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata",
    "Asia/Bangkok", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney", "America/New_York", "America/Chicago",
    "America/Denver", "America/Los_Angeles", "America/Sao_Paulo",
)  # fmt: skip
_Array = Any  # numpy array


def refuse_wrong_hours(user: _Array, at: _Array, shown: _Array, known: int, bookings: Bookings, matched: int) -> None:
    """Raise a ContractError if the process log fits the recording at another hour, but not as it stands.

    Parameters
    ----------
    user, at, shown : person, time (microseconds) and shown case of every row, by person.
    known : number of cases.
    bookings : process events of the people.
    matched : how many of them fall on a row of their case as it stands (`offsets_of`).
    """
    count = len(bookings.when)
    if count < LEAST_BOOKINGS or matched >= FEW * count:
        return
    rows = np.flatnonzero((shown >= 0) & (shown < known))
    user, at, shown = user[rows], at[rows], shown[rows]
    owner = np.repeat(np.arange(len(bookings.first) - 1), np.diff(bookings.first))
    seen = np.isin(owner * known + bookings.cases, np.unique(user.astype(np.int64) * known + shown))
    able = int(seen.sum())
    if able < LEAST_BOOKINGS or matched >= FEW * able:
        return
    some = _take(bookings, owner, np.flatnonzero(seen)[:: -(-able // SAMPLE)])
    hours = [shift for shift in range(-REACH, REACH + 1) if shift]
    fits = [_fit(user, at, shown, known, some, shift) for shift in hours]
    # of equally good ones the nearest
    best = min(zip(fits, hours, strict=True), key=lambda pair: (-pair[0], abs(pair[1]), pair[1]))[1]
    there = _fit(user, at, shown, known, bookings, best)
    if there >= max(LEAST_BOOKINGS, CLEARLY * matched, FEW * able):
        raise ContractError(_say(best, there, able, matched, int(np.median(bookings.when))))


def _take(bookings: Bookings, owner: _Array, places: _Array) -> Bookings:
    first = np.searchsorted(owner[places], np.arange(len(bookings.first)))
    return Bookings(first.astype(np.int64), bookings.when[places], bookings.cases[places])


def _fit(user: _Array, at: _Array, shown: _Array, known: int, bookings: Bookings, shift: int) -> int:
    """How many bookings fall on a row of their case if the process log is so many half hours ahead."""
    moved = bookings._replace(when=bookings.when - shift * HALF_HOUR)
    return int(offsets_of(user, at, shown, known, moved)[:, 1].sum())


def _say(shift: int, there: int, able: int, matched: int, when: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=when)
    ahead = timedelta(minutes=30 * shift)
    zone = next((name for name in ZONES if moment.astimezone(ZoneInfo(name)).utcoffset() == ahead), "…")
    hours = f"{abs(shift) / 2:g} h"
    return (
        f"The process log seems to be {hours} {'ahead of' if shift > 0 else 'behind'} the recording: at that shift {there:,} of "
        f"{able:,} bookings fall on a row of their case, as it stands {matched:,}. Times without a zone are read as UTC: if "
        f'the log has none, read it again with read_process_log(…, time_zone="{zone}"); else move its column timestamp by '
        f"{'-' if shift > 0 else '+'}{hours}."
    )


def refuse_other_process(events: pl.DataFrame, cases: pl.Series) -> None:
    """Raise the ContractError for a recording that has nothing to do with the cases; numbers as patterns only."""
    words = find_words(events)
    patterns = pl.DataFrame(
        {"pattern": [_pattern(word) for word in words if len(word) <= LONGEST]}, schema={"pattern": pl.String}
    )
    often = patterns.group_by("pattern").len().sort("len", "pattern", descending=[True, False])["pattern"][:3].to_list()
    shows = (
        f"the recording shows numbers like {', '.join(map(repr, often))}" if often else "the recording shows no numbers"
    )
    raise ContractError(
        f"No row shows one of the {cases.len():,} cases ({_pattern(str(cases[0]))!r}), and nobody recorded booked one; {shows} "
        "(letters as a, digits as 9: nothing is named). Is it the right process log? Does case_id need its prefix, or were "
        "the references stored as digests (then give key=)?"
    )


def _pattern(text: str) -> str:
    """INV-104233 as AAA-999999."""
    return "".join("9" if c.isdigit() else ("A" if c.isupper() else "a") if c.isalpha() else c for c in text)
