"""Times of foreign tables: any type that tells a moment becomes a UTC timestamp in microseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import polars as pl

from taskkit.errors import ContractError
from taskkit.schema import TIME

ALLOWED = (
    "a date or datetime column (without a zone it is read as UTC), ISO text such as 2026-03-02T08:15:00.250+01:00, "
    "text with dots and the day first such as 02.03.2026 08:15:00, or numbers since 1970 in s, ms, µs or ns (from 1973 on)"
)
_UNITS = ((1e11, 1_000_000.0), (1e14, 1_000.0), (1e17, 1.0), (1e20, 0.001))  # magnitude below → µs in one unit
_EARLIEST = 1e8  # smaller numbers are seconds since a start, or a spreadsheet's day count
_LATEST = 253_402_300_799e6  # the end of the year 9999, in µs
_ZONED = r"(?:[zZ]|[+-]\d\d(?::?\d\d)?(?::?\d\d)?)$"
_DOTS = r"^(\d{1,2}\.\d{1,2}\.\d{4})(?:,?\s+|[tT])(\d)"
_DOTS_ALONE = r"^(\d{1,2}\.\d{1,2}\.\d{4})$"
_NUMBER = r"^\s*\d{9,20}(?:\.\d+)?\s*$"


def read_times(series: pl.Series, *, column: str, where: str = "") -> pl.Series:
    """Timestamps of a column, in UTC and microseconds.

    Parameters
    ----------
    series : Datetime of any unit and zone, Date, ISO text, text with dots (the day first) or numbers since 1970; the
        median tells the numbers' unit. With slashes nobody can tell day from month: such text is refused.
    column : its name in the foreign table, for messages.
    where : file or table it is from, for messages.

    Returns
    -------
    A series of the same length, Datetime in µs and UTC, without nulls.

    Raises
    ------
    ContractError : a value is no time; the message counts the rows and shows the first.

    >>> read_times(pl.Series(["2026-03-02T08:00:00+01:00"]), column="when").dt.hour().to_list()
    [7]
    """
    kind = series.dtype
    if isinstance(kind, pl.Datetime):
        times = series.dt.convert_time_zone("UTC") if kind.time_zone else series.dt.replace_time_zone("UTC")
        times = times.cast(TIME)
    elif kind == pl.Date:
        times = series.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    elif kind.is_numeric():
        times = _from_numbers(series)
    elif kind in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        times = _from_text(series.cast(pl.String))
    else:
        raise ContractError(f"{_place(column, where)} has the type {kind}, which is no time. Allowed: {ALLOWED}.")
    wrong = times.is_null()
    if wrong.any():
        first = int(wrong.arg_max() or 0)
        found = "empty" if series[first] is None else repr(str(series[first])[:80])
        raise ContractError(
            f"{_place(column, where)} holds no time in {int(wrong.sum()):,} of {len(series):,} rows; the first is row "
            f"{first} (counted from 0): {found}. Allowed: {ALLOWED}.{_slashes(found)} Convert the column first, for example "
            f'with pl.col("{column}").str.to_datetime("%d/%m/%Y %H:%M:%S"), or drop these rows knowingly.'
        )
    return times.alias("timestamp")


def zone_note(series: pl.Series) -> str:
    """What a reader must know about the zone of a time column: which rows state none, and are read as UTC.

    >>> zone_note(pl.Series(["2026-03-02T08:00:00+01:00", "2026-03-02 08:00"]))
    '1 of 2 rows state no time zone and are read as UTC'
    """
    kind = series.dtype
    if isinstance(kind, pl.Datetime) and kind.time_zone is None:
        bare = len(series)
    elif kind == pl.String and not _are_numbers(series):
        bare = int((~series.str.strip_chars().str.contains(_ZONED)).fill_null(False).sum())
    else:
        return ""
    return f"{bare:,} of {len(series):,} rows state no time zone and are read as UTC" if bare else ""


def _are_numbers(series: pl.Series) -> bool:
    """Whether all texts of a column are numbers since 1970."""
    return series.null_count() < len(series) and bool(series.drop_nulls().str.contains(_NUMBER).all())


def _place(column: str, where: str) -> str:
    return f"The time column {column!r}{f' of {where}' if where else ''}"


def _from_numbers(series: pl.Series) -> pl.Series:
    numbers = series.cast(pl.Float64)
    usual = numbers.filter(numbers.is_finite()).abs().quantile(0.5, "lower")
    if not isinstance(usual, float) or usual < _EARLIEST or usual >= _UNITS[-1][0]:
        return pl.Series(series.name, [None] * len(series), dtype=TIME)
    factor = next(factor for limit, factor in _UNITS if usual < limit)
    inside = (numbers * factor).is_between(_EARLIEST * 1e6, _LATEST)
    if series.dtype.is_integer():  # whole numbers stay exact: a float has too few digits for ns
        whole = series.set(~inside, None).cast(pl.Int64)
        micros = whole // 1000 if factor < 1 else whole * int(factor)
    else:
        micros = (numbers * factor).set(~inside, None).round().cast(pl.Int64)
    return micros.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _from_text(series: pl.Series) -> pl.Series:
    if _are_numbers(series):
        bare = series.str.strip_chars()
        whole = bare.cast(pl.Int64, strict=False)
        return _from_numbers(whole if whole.null_count() == bare.null_count() else bare.cast(pl.Float64))
    distinct = series.unique().drop_nulls()
    plain = distinct.str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d) ", "${1}T").str.replace(r"[zZ]$", "+00:00")
    plain = pl.select(
        pl.when(plain.str.contains(r"T.*[+-]\d\d:\d\d$")).then(plain).otherwise(plain + pl.lit("+00:00"))
    ).to_series()
    times = plain.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", strict=False, exact=True)
    if times.dtype != TIME:  # without a value the zone is not known
        times = times.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if (rest := times.is_null()).any():
        times = times.zip_with(~rest, _with_dots(distinct))
    late = times.is_null()
    if late.any():
        others = {text: _iso(text) for text in distinct.filter(late)}
        rest = distinct.replace_strict(list(others), list(others.values()), default=None, return_dtype=TIME)
        times = times.zip_with(~late, rest)
    return series.replace_strict(distinct, times, default=None, return_dtype=TIME)


def _with_dots(texts: pl.Series) -> pl.Series:
    """Dates with dots have the day first; the time of day may lack its seconds, or the text its time of day."""
    plain = texts.str.strip_chars().str.replace(_DOTS, "${1}T${2}").str.replace(_DOTS_ALONE, "${1}T00:00")
    plain = plain.str.replace(r"T(\d{1,2}:\d\d)(\s*[zZ+-].*)?$", "T${1}:00${2}").str.replace(
        r"(:\d\d),(\d)", "${1}.${2}"
    )
    plain = plain.str.replace(r"\s*[zZ]$", "+00:00").str.replace(r"\s*([+-]\d\d):?(\d\d)$", "${1}:${2}")
    zoned = plain.str.contains(r"[+-]\d\d:\d\d$")
    plain = plain.zip_with(zoned.fill_null(False), plain + "+00:00")
    times = plain.str.to_datetime("%d.%m.%YT%H:%M:%S%.f%:z", time_unit="us", strict=False, exact=True)
    return times if times.dtype == TIME else times.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _slashes(found: str) -> str:
    return " With slashes nobody can tell day from month." if re.match(r"'\s*\d{1,2}/\d{1,2}/\d", found) else ""


def _iso(text: str) -> datetime | None:
    """The slower reader for the rarer spellings: dates alone, basic format, minutes without seconds."""
    try:
        time = datetime.fromisoformat(text.strip())
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
