"""Times of process logs: one format throughout, in the zone that the file or the analyst names."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import available_timezones

import polars as pl

from taskkit.errors import ContractError, LogFileError, SettingError
from taskkit.log.times import read_times
from taskkit.schema import TIME

NO_TIMES = ("", "NaT", "nan", "NaN", "None", "null", "NULL")  # how programs write that there is none
TIME_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z", "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S%.f", "%Y/%m/%d %H:%M",
    "%d.%m.%Y %H:%M:%S%.f", "%d.%m.%Y %H:%M", "%d-%m-%Y %H:%M:%S%.f", "%d-%m-%Y %H:%M",
    "%d/%m/%Y %H:%M:%S%.f", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S%.f", "%m/%d/%Y %H:%M",
    "%d/%m/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p",
    "%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M %p", "%d-%b-%Y %H:%M:%S%.f", "%d-%b-%Y %H:%M",
    "%d-%b-%Y %I:%M:%S %p", "%d-%b-%Y %I:%M %p", "%d %b %Y %H:%M:%S%.f", "%d %b %Y %H:%M",
)  # fmt: skip
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # no business system has older bookings; "1.7.26" is not the year 26
_SHOWN = (
    "2026-07-01T08:15:00Z, 2026-07-01 08:15, 2026/07/01 08:15, 01.07.2026 08:15, 01-07-2026 08:15, 01/07/2026 08:15, "
    "07/01/2026 08:15 AM, 01-Jul-2026 08:15, each with or without seconds, one of them throughout"
)


def check_zone(time_zone: str | None) -> str:
    """The zone of times that state none: UTC, unless it is named.

    >>> check_zone(None)
    'UTC'
    """
    if time_zone is None:
        return "UTC"
    known = available_timezones()
    if time_zone not in known:
        near = difflib.get_close_matches(str(time_zone), sorted(known), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise SettingError(
            f"time_zone={time_zone!r} is no time zone.{hint} Allowed: names of the time-zone database, such as "
            "'Europe/Berlin', 'America/New_York' or 'UTC'."
        )
    return time_zone


def place_in_zone(times: pl.Expr, zone: str) -> pl.Expr:
    """Wall-clock times of a zone in UTC: of an hour that came twice the first, an hour that was left out an hour later."""
    given = times.cast(pl.Datetime("us"))
    there = given.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    later = given.dt.offset_by("1h").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(there, later).dt.convert_time_zone("UTC").cast(TIME)


def read_process_times(path: Path, series: pl.Series, column: str, *, required: bool, zone: str = "UTC") -> pl.Series:
    """Read a column of times as UTC; times without an offset are of `zone`.

    Raises
    ------
    LogFileError : a time cannot be read, is of a year before 1970, or day and month could be exchanged.
    """
    if series.dtype == pl.String:
        texts = series.str.strip_chars().replace(dict.fromkeys(NO_TIMES))
        times = _read_texts(path, texts, column, required, zone)
    else:
        times = _read_typed(path, series, column, zone)
    early = (times < EARLIEST).fill_null(False)
    if early.any():
        row = int(early.arg_max() or 0)
        raise LogFileError(
            f"{path}, column {column!r}: {int(early.sum()):,} times are of a year before 1970, the first in data row {row + 1}: "
            f"{str(series[row])!r} (year {times[row].year}). Write years with four digits, and leave a time that is not known "
            "empty."
        )
    return times


def _read_typed(path: Path, series: pl.Series, column: str, zone: str) -> pl.Series:
    kind, given = series.dtype, series.drop_nulls()
    if kind == pl.Date or (isinstance(kind, pl.Datetime) and kind.time_zone is None):
        given = given.to_frame("time").select(place_in_zone(pl.col("time"), zone)).to_series()
    try:
        known = read_times(given, column=column, where=str(path))
    except ContractError as error:
        raise LogFileError(str(error)) from error
    places = pl.Series(range(series.len())).filter(series.is_not_null())
    return pl.Series(column, [None] * series.len(), dtype=TIME).scatter(places, known)


def _read_texts(path: Path, texts: pl.Series, column: str, required: bool, zone: str) -> pl.Series:
    start = texts.drop_nulls().head(1000)  # most formats fail at once: the whole column is read with the others only
    likely = [form for form in TIME_FORMATS if not _parse(start, form, zone).null_count()] or TIME_FORMATS
    readings = {form: _parse(texts, form, zone) for form in likely}
    filled = texts.len() - texts.null_count()
    full = {form: times for form, times in readings.items() if times.len() - times.null_count() == filled}
    if full:
        _refuse_ambiguous(path, column, full, texts)
        return next(iter(full.values()))
    best = max(readings.values(), key=lambda times: times.len() - times.null_count())
    wrong = (best.is_null() & texts.is_not_null()).arg_max() or 0
    raise LogFileError(
        f"{path}, column {column!r}: {int((best.is_null() & texts.is_not_null()).sum()):,} of {filled:,} times cannot "
        f"be read, the first in data row {wrong + 1}: {texts[wrong]!r}. Allowed: {_SHOWN}. {_way_out(column)}"
        + ("" if required else ' Or leave the column out by mapping "start_timestamp" to another one.')
    )


def _way_out(column: str, form: str = "…") -> str:
    return (
        f'Other forms: read the table with polars, convert it with pl.col({column!r}).str.to_datetime("{form}"), write it '
        'with write_parquet("log.parquet"), then read_process_log("log.parquet").'
    )


def _parse(texts: pl.Series, form: str, zone: str) -> pl.Series:
    if "%#z" in form:
        with_zone = texts.str.replace(r"[Zz]$", "+00:00")
        return with_zone.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
    bare = texts.to_frame("time").select(pl.col("time").str.to_datetime(form, time_unit="us", strict=False))
    return bare.select(place_in_zone(pl.col("time"), zone)).to_series()


def _refuse_ambiguous(path: Path, column: str, readings: Mapping[str, pl.Series], texts: pl.Series) -> None:
    """Day/month and month/day that both fit every row must not be guessed: half a year of waiting hangs on it."""
    first, *others = readings.items()
    for form, times in others:
        if form[:3] != first[0][:3] and not times.equals(first[1]):
            raise LogFileError(
                f"{path}, column {column!r}: times such as {texts.drop_nulls()[0]!r} can be read as day/month or month/day, "
                f"and every row fits both. Write them as year-month-day first. {_way_out(column, form)}"
            )
