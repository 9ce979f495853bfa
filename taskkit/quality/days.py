"""What was recorded of each person on each day, against the working window."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from taskkit.errors import SettingError
from taskkit.quality.streams import EXCLUDED, add_active_seconds, is_a, local_time, read_stream
from taskkit.schema import EVENTS, PRESENCE_TYPES, require_columns

_DAY = ["user", "day"]
_MIDNIGHT = 86_400_000_000  # microseconds of a day
_QUARTER = 900_000_000
_LONGEST = 31 * _MIDNIGHT  # a longer time between two rows is a wrong clock: it ends with the day it began in
_SHORTEST = 3_600_000_000  # a learnt window under an hour comes from a trial, not from working days
_COUNTED = ("idle", "blind", "gap", "asleep", "excluded")
_SILENT = ("gap", "asleep", "elsewhere", "night")


@dataclass(frozen=True)
class Window:
    """The part of the local day in which work is expected, in microseconds since midnight."""

    start: int
    end: int
    learnt_from: int = 0  # person-days; 0 = it was given

    def __str__(self) -> str:
        return f"{_clock(self.start)}-{_clock(self.end)}"


def list_days(events: pl.DataFrame, *, gap: str = "20m", working_window: str | None = None) -> pl.DataFrame:
    """List what was recorded of each person on each local day, for a calendar of coverage; it ranks nobody.

    Parameters
    ----------
    events : events frame in any row order.
    gap : a longer silence that no idle, lock, pause or blind row explains counts as a gap.
    working_window : local time in which work is expected, such as "08:00-17:00". None: learnt from the log, from the
        median first to the median last interaction of all person-days together, to the nearest quarter of an hour; a
        window of less than an hour is none.

    Returns
    -------
    One row per user and local day with a row of the log: `user`, `day`, `first` and `last` (UTC), `events` (rows),
    `active_seconds` (see `add_active_seconds`), and of that day

    - `idle_seconds`: idle, locked or paused; `blind_seconds`: the recorder said that it saw nothing;
    - `excluded_seconds`: an application was in front that must not be recorded;
    - `gap_seconds`: silences longer than `gap` that no row explains, and no other session of the person;
      `sleep_seconds`: silences in which at least two signs of life that were due are missing, so that the machine slept or
      the recorder stood still (mostly part of the gaps);
    - `window_seconds`: length of the working window; `covered_seconds`: its part between the rows of a session that is
      none of blind, excluded, gap, sleep and night; `coverage`: the one divided by the other.

    Null is what the log cannot tell: without presence rows nothing is known of breaks, without signs of life
    nothing of sleep. It says what the log covers, not how much anybody worked.

    Raises
    ------
    SettingError : the working window is no window.

    >>> from datetime import UTC, datetime
    >>> events = pl.DataFrame({"user": ["p_1"], "session_id": ["s1"], "seq": [0], "app": ["erp"],
    ...     "timestamp": [datetime(2026, 3, 2, 8, tzinfo=UTC)], "event_type": ["click"]})
    >>> list_days(events).select("day", "events").row(0)
    (datetime.date(2026, 3, 2), 1)
    """
    require_columns(events, *EVENTS.required, made_by="read_log or from_table")
    needed = [name for name in (*EVENTS.required, "utc_offset_minutes", "duration_ms") if name in events.columns]
    return days_of(read_stream(add_active_seconds(events.select(needed)), gap=gap), working_window)[0]


def days_of(rows: pl.DataFrame, working_window: str | None) -> tuple[pl.DataFrame, Window | None]:
    """The days of a stream that has `active_seconds`, and the working window that was taken."""
    given = read_window(working_window)
    rows = rows.with_columns(local_time(rows).alias("local"))
    window = given or learn_window(rows)
    days = (
        rows.with_columns(pl.col("local").dt.date().alias("day"))
        .group_by(_DAY)
        .agg(
            pl.col("timestamp").min().alias("first"),
            pl.col("timestamp").max().alias("last"),
            pl.len().alias("events"),
            pl.col("active_seconds").sum().round(6),
            pl.col("present").any().alias("_present"),
            (pl.col("app").eq_missing(EXCLUDED)).any().alias("_excluded"),
            pl.col("usual").is_not_null().any().alias("_signs"),
        )
    )
    pieces = _pieces(rows)
    days = days.join(_totals(pieces), on=_DAY, how="left").join(_covered(pieces, window), on=_DAY, how="left")
    known, long = pl.col("_present"), None if window is None else (window.end - window.start) / 1e6
    days = days.with_columns(pl.lit(long, dtype=pl.Float64).alias("window_seconds"))
    seconds = {
        "idle": known, "blind": known, "excluded": known | pl.col("_excluded"), "gap": known, "asleep": pl.col("_signs"),
        "covered": known & pl.col("window_seconds").is_not_null(),
    }  # fmt: skip
    named = {"asleep": "sleep_seconds"}
    return days.select(
        *_DAY, "first", "last", "events", "active_seconds",
        *(pl.when(tells).then(pl.col(name).fill_null(0) / 1e6).alias(named.get(name, f"{name}_seconds"))
          for name, tells in seconds.items()),
        "window_seconds",
    ).with_columns((pl.col("covered_seconds") / pl.col("window_seconds")).alias("coverage")).sort(_DAY), window  # fmt: skip


def read_window(text: str | None) -> Window | None:
    """Read a working window such as "08:00-17:00"; None stays None.

    >>> str(read_window("8:00-16:30"))
    '08:00-16:30'
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\s*", str(text), re.ASCII)
    if found:
        hours, minutes, end_hours, end_minutes = map(int, found.groups())
        start, end = hours * 60 + minutes, end_hours * 60 + end_minutes
        if minutes < 60 and end_minutes < 60 and start < end <= 24 * 60:
            return Window(start * 60_000_000, end * 60_000_000)
    raise SettingError(
        f"{text!r} is no working window. Allowed: two local times of one day, the earlier first, such as "
        '"08:00-17:00", or None to learn it from the log.'
    )


def learn_window(rows: pl.DataFrame) -> Window | None:
    """Median first to median last interaction over all person-days, or None where that is no span of time."""
    time = (pl.col("local") - pl.col("local").dt.truncate("1d")).dt.total_microseconds()
    work = rows.filter(~is_a(*PRESENCE_TYPES)).group_by("user", pl.col("local").dt.date().alias("day"))
    spans = work.agg(time.min().alias("first"), time.max().alias("last"))
    if spans.is_empty():
        return None
    start, end = (round(float(spans[name].median()) / _QUARTER) * _QUARTER  # type: ignore[arg-type]
                  for name in ("first", "last"))  # fmt: skip
    return Window(start, end, spans.height) if end - start >= _SHORTEST else None


def _pieces(rows: pl.DataFrame) -> pl.DataFrame:
    """The time between rows, cut at midnight: one row per piece, in microseconds of its local day."""
    time = _cut_silences(rows.filter(pl.col("us") > 0)).select(
        "user", pl.col("local").dt.date().alias("day"),
        (pl.col("local") - pl.col("local").dt.truncate("1d")).dt.total_microseconds().alias("a"), "us",
        *_COUNTED, "elsewhere", "night", "present", "ended",
    )  # fmt: skip
    time = time.with_columns((pl.col("a") + pl.col("us")).alias("b")).drop("us")
    over = pl.col("b") > _MIDNIGHT
    inside = time.filter(~over)
    days = pl.when(pl.col("b") > _LONGEST).then(0).otherwise((pl.col("b") - 1) // _MIDNIGHT)
    night = time.filter(over).with_columns(pl.int_ranges(0, days + 1).alias("n")).explode("n", empty_as_null=False)
    night = night.with_columns(
        pl.col("day") + pl.duration(days="n"),
        (pl.col("a") - pl.col("n") * _MIDNIGHT).clip(lower_bound=0).alias("a"),
        (pl.col("b") - pl.col("n") * _MIDNIGHT).clip(upper_bound=_MIDNIGHT).alias("b"),
    ).drop("n")
    return pl.concat([inside, night])


def _cut_silences(rows: pl.DataFrame) -> pl.DataFrame:
    """A silence begins where the row before it says that it ends: the time up to there is a piece of its own."""
    both = pl.any_horizontal(_SILENT) & (pl.col("stated") > 0)
    lasting = rows.filter(both).with_columns(
        pl.col("stated").alias("us"),
        pl.col("app").eq_missing(EXCLUDED).alias("excluded"),
        *(pl.lit(False).alias(name) for name in _SILENT),
    )
    stated = pl.when(both).then("stated").otherwise(0)
    rest = rows.with_columns(pl.col("local") + pl.duration(microseconds=stated), pl.col("us") - stated)
    return pl.concat([rest.filter(pl.col("us") > 0), lasting])


def _totals(pieces: pl.DataFrame) -> pl.DataFrame:
    spent = pl.col("b") - pl.col("a")
    return pieces.group_by(_DAY).agg(pl.when(name).then(spent).otherwise(0).sum().alias(name) for name in _COUNTED)


def _covered(pieces: pl.DataFrame, window: Window | None) -> pl.DataFrame:
    """Covered time in the window; what two sessions cover at once, or a clock that went back, counts once."""
    if window is None:
        return pl.DataFrame(schema={"user": pl.String, "day": pl.Date, "covered": pl.Int64})
    seen = pieces.filter(
        pl.col("present") & ~pl.any_horizontal("blind", "excluded", "gap", "asleep", "elsewhere", "night", "ended")
    )
    seen = seen.select(*_DAY, pl.col("a", "b").clip(window.start, window.end)).filter(pl.col("a") < pl.col("b"))
    before = pl.col("b").cum_max().shift(1).over(_DAY).fill_null(0)
    new = (pl.col("b") - pl.max_horizontal("a", before)).clip(lower_bound=0)
    return (
        seen.sort(*_DAY, "a", "b")
        .with_columns(new.alias("new"))
        .group_by(_DAY)
        .agg(pl.col("new").sum().alias("covered"))
    )


def _clock(microseconds: int) -> str:
    minutes = microseconds // 60_000_000
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
