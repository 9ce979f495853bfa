"""What may be believed: coverage, gaps, blind spots, duplicates, the clock."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from taskkit.log.durations import parse_duration
from taskkit.schema import EVENTS, PRESENCE_TYPES, require_columns

_STOPS = ("idle_start", "lock", "pause", "blind_start", "session_end")  # after these nobody is known to work
_IDLE = (("idle_start", "lock", "pause"), ("idle_end", "unlock", "resume", "session_end"))
_BLIND = (("blind_start",), ("blind_end", "session_end"))
_QUALITY = pl.Schema({"check": pl.String, "level": pl.String, "value": pl.Float64, "unit": pl.String,
                      "threshold": pl.String, "n": pl.UInt32, "people": pl.UInt32, "sentence": pl.String})  # fmt: skip
_SAME = ("timestamp", "app", "event_type", "event_name", "window_title", "element_name", "element_id", "value_digest",
         "url", "x", "y")  # fmt: skip
_KEYS = ("user", "session_id")


@dataclass(frozen=True)
class _Finding:
    check: str
    level: str  # ok, note, warning
    value: float
    unit: str
    threshold: str
    sentence: str


def check_quality(events: pl.DataFrame, *, gap: str = "20m", min_people: int = 5) -> pl.DataFrame:
    """Say what may be believed of a log: its size, gaps, blind spots, duplicates, its clock and who is in it.

    Parameters
    ----------
    events : events frame in any row order.
    gap : a longer silence that no idle, lock, pause or blind row explains counts as a gap.
    min_people : fewest people in a group that can be compared or shown.

    Returns
    -------
    One row per check: `check`, `level` (ok, note, warning), `value`, `unit`, `threshold`, `n` (rows of the log),
    `people` and `sentence`. Nobody is named.

    >>> from datetime import UTC, datetime
    >>> events = pl.DataFrame({"user": ["p_1"], "session_id": ["s1"], "seq": [0], "app": ["erp"],
    ...     "timestamp": [datetime(2026, 3, 2, 8, tzinfo=UTC)], "event_type": ["click"]})
    >>> check_quality(events)["sentence"][0]
    '1 event of 1 person on 1 day.'
    """
    require_columns(events, *EVENTS.required, made_by="read_log or from_table")
    limit = parse_duration(gap).total_seconds()
    people = events["user"].n_unique() if events.height else 0
    if events.is_empty():
        found = [_Finding("size", "warning", 0.0, "events", "at least 1", "The log is empty: nothing can be said.")]
    else:
        rows = _with_states(events)
        work = rows.filter(~_is(*PRESENCE_TYPES))
        present = work.height < rows.height
        found = [
            _size(events, people),
            _groups(events, people, min_people),
            _dominance(events, people),
            _presence(present),
            _duplicates(rows, work),
            _clock(rows),
            _gaps(rows, limit, gap, present),
        ]
        if present:
            found += [_blind(rows), _incomplete(rows)]
        found += [_redacted(events), *(_without(work, name) for name in ("app", "window_title", "element_name"))]
    listed = [(f.check, f.level, f.value, f.unit, f.threshold, events.height, people, f.sentence) for f in found]
    return pl.DataFrame(listed, schema=_QUALITY, orient="row")


def add_active_seconds(events: pl.DataFrame, *, idle_cap: str = "60s") -> pl.DataFrame:
    """Add the active time that each row stands for: the time until the same person's next row in the session.

    The next row is the next `seq`, whatever the clock says; the recorder's signs of life between two rows do not count.
    The time is at least 0 (a clock that jumps back counts nothing) and at most the cap. It is 0 for the last row of a
    session and for presence rows: nobody works in them.

    Parameters
    ----------
    events : events frame in any row order.
    idle_cap : longest time that one row can stand for.

    Returns
    -------
    The same rows in the same order with `active_seconds` (Float64, seconds).

    >>> from datetime import UTC, datetime
    >>> events = pl.DataFrame({"user": ["p_1"] * 2, "session_id": ["s1"] * 2, "seq": [0, 1],
    ...     "timestamp": [datetime(2026, 3, 2, 8, 0, s, tzinfo=UTC) for s in (0, 7)], "event_type": ["click"] * 2})
    >>> add_active_seconds(events)["active_seconds"].to_list()
    [7.0, 0.0]
    """
    cap = parse_duration(idle_cap).total_seconds()
    life = pl.when(~_is("alive")).then("timestamp")
    following = life.shift(-1).backward_fill().over(_KEYS, order_by="seq")
    seconds = ((following - pl.col("timestamp")).dt.total_microseconds() / 1e6).clip(0.0, cap).fill_null(0.0)
    return events.with_columns(pl.when(_is(*PRESENCE_TYPES)).then(0.0).otherwise(seconds).alias("active_seconds"))


def list_days(events: pl.DataFrame) -> pl.DataFrame:
    """List what was recorded of each person on each local day, for a calendar of coverage; it ranks nobody.

    Parameters
    ----------
    events : events frame in any row order.

    Returns
    -------
    One row per user and local day: `user`, `day`, `first` and `last` (UTC), `events` (rows), `active_seconds` (a row
    stands for at most 60 s), `idle_seconds` (idle, locked or paused) and `blind_seconds`; the last two end with the day
    they began in, and are null if the log has no presence rows, because then nothing is known of them.

    >>> from datetime import UTC, datetime
    >>> events = pl.DataFrame({"user": ["p_1"], "session_id": ["s1"], "seq": [0], "app": ["erp"],
    ...     "timestamp": [datetime(2026, 3, 2, 8, tzinfo=UTC)], "event_type": ["click"]})
    >>> list_days(events).select("day", "events").row(0)
    (datetime.date(2026, 3, 2), 1)
    """
    require_columns(events, *EVENTS.required, made_by="read_log or from_table")
    rows = _with_states(add_active_seconds(events))
    known = bool(rows.select(_is(*PRESENCE_TYPES).any()).item()) if rows.height else False
    local = _local_time(rows)
    left = (local.dt.truncate("1d").dt.offset_by("1d") - local).dt.total_microseconds() / 1e6
    spent = pl.min_horizontal(pl.col("seconds").clip(0.0).fill_null(0.0), left)

    def total(state: str) -> pl.Expr:
        seconds = pl.when(state).then("spent").otherwise(0.0).sum()
        return (seconds if known else pl.lit(None, dtype=pl.Float64)).alias(f"{state}_seconds")

    return (
        rows.with_columns(local.dt.date().alias("day"), spent.alias("spent"))
        .group_by("user", "day")
        .agg(
            pl.col("timestamp").min().alias("first"),
            pl.col("timestamp").max().alias("last"),
            pl.len().alias("events"),
            pl.col("active_seconds").sum(),
            total("idle"),
            total("blind"),
        )
        .sort("user", "day")
    )


# ------------------------------------------------------------------------------------------------------------- the rows
def _is(*kinds: str) -> pl.Expr:
    return pl.col("event_type").cast(pl.String).is_in(kinds)


def _until_next() -> pl.Expr:
    after = pl.col("timestamp").shift(-1).over(_KEYS, order_by="seq")
    return (after - pl.col("timestamp")).dt.total_microseconds() / 1e6


def _local_time(rows: pl.DataFrame) -> pl.Expr:
    time = pl.col("timestamp").dt.replace_time_zone(None)
    if "utc_offset_minutes" not in rows.columns:
        return time
    return time + pl.duration(minutes=pl.col("utc_offset_minutes").cast(pl.Int64).fill_null(0))


def _with_states(events: pl.DataFrame) -> pl.DataFrame:
    """Rows in order with `seconds` until the next one, and whether the person was idle or the recorder blind then."""
    rows = events.sort(*_KEYS, "seq").with_columns(_until_next().alias("seconds"))
    for name, (begins, ends) in {"idle": _IDLE, "blind": _BLIND}.items():
        state = pl.when(_is(*begins)).then(True).when(_is(*ends)).then(False)
        rows = rows.with_columns(state.forward_fill().over(_KEYS, order_by="seq").fill_null(False).alias(name))
    return rows


def _times(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _hours(seconds: float) -> str:
    return (
        f"{seconds / 3600:.1f} h"
        if seconds >= 3600
        else f"{seconds / 60:.0f} min"
        if seconds >= 60
        else f"{seconds:.0f} s"
    )


def _level(share: float, *, warn: float) -> str:
    return "warning" if share > warn else "note" if share > 0 else "ok"


# ----------------------------------------------------------------------------------------------------------- the checks
def _size(events: pl.DataFrame, people: int) -> _Finding:
    days = events.select(_local_time(events).dt.date().n_unique()).item()
    said = f"{_times(events.height, 'event')} of {_times(people, 'person', 'people')} on {_times(days, 'day')}."
    return _Finding("size", "ok", float(events.height), "events", "at least 1", said)


def _groups(events: pl.DataFrame, people: int, fewest: int) -> _Finding:
    teams = pl.DataFrame()
    if "team" in events.columns:
        teams = events.drop_nulls("team").group_by("team").agg(pl.col("user").n_unique())
    if teams.height >= 2:
        small = int(teams.select(pl.col("user").min()).item())
        asked, value = f"at least {fewest} people in each team", small
        said = f"the smallest of {teams.height} teams has {_times(small, 'person', 'people')}"
    else:
        asked, value = f"at least {fewest} people", people
        said = f"{_times(people, 'person', 'people')}, not divided into teams"
    enough = value >= fewest
    verdict = "Enough people for a comparison of groups" if enough else "Too few people for a comparison of groups"
    sentence = f"{verdict}: {said} ({asked})."
    return _Finding("groups", "ok" if enough else "note", float(value), "people", asked, sentence)


def _dominance(events: pl.DataFrame, people: int) -> _Finding:
    share = max(events["user"].value_counts()["count"].to_list()) / events.height
    if people < 3:
        level, said = "note", f"{_times(people, 'person', 'people')} recorded: every result describes single persons."
    else:
        level = "warning" if share > 0.5 else "ok"
        said = f"One person made {share:.0%} of the events" + (
            ": results describe mostly that person." if level == "warning" else "; nobody dominates the log."
        )
    return _Finding("dominance", level, share, "share of events", "at most 50% by one person", said)


def _presence(present: bool) -> _Finding:
    said = (
        "The log says when people were idle, locked or paused."
        if present
        else "The log has no presence rows (idle, lock, pause, blind, session): "
        "breaks cannot be told from missing recording."
    )
    return _Finding("presence", "ok" if present else "note", float(present), "1 = yes", "presence rows exist", said)


def _duplicates(rows: pl.DataFrame, work: pl.DataFrame) -> _Finding:
    same = [
        pl.col(name).eq_missing(pl.col(name).shift(1).over(_KEYS, order_by="seq"))
        for name in _SAME
        if name in rows.columns
    ]
    first = pl.col("seq").shift(1).over(_KEYS, order_by="seq").is_null()
    twice = int(work.select((pl.all_horizontal(same) & ~first).sum()).item())
    share = twice / max(work.height, 1)
    said = (
        f"{_times(twice, 'row repeats', 'rows repeat')} the row before in every respect, time included ({share:.1%})."
    )
    return _Finding("duplicates", _level(share, warn=0.01), float(twice), "rows", "at most 1 % of the rows", said)


def _clock(rows: pl.DataFrame) -> _Finding:
    back = rows.filter(pl.col("seconds") < 0)["seconds"]
    share = len(back) / rows.height
    said = "The clock never runs backwards inside a session."
    if len(back):
        most = _hours(-float(back.min()))  # type: ignore[arg-type]
        said = f"The clock jumps back {_times(len(back), 'time')} inside a session, at most by {most}: seq gives the order."
    return _Finding("clock", _level(share, warn=0.01), float(len(back)), "jumps", "at most 1 % of the rows", said)


def _gaps(rows: pl.DataFrame, limit: float, gap: str, present: bool) -> _Finding:
    explained = pl.col("idle") | pl.col("blind") | _is(*_STOPS)
    silent = rows.filter((pl.col("seconds") > limit) & ~explained)["seconds"]
    whole = float(rows["seconds"].clip(0.0).sum())
    share = float(silent.sum()) / whole if whole else 0.0
    level = _level(share, warn=0.05 if present else 1.0)
    said = f"{_times(len(silent), 'gap')} of more than {gap}, {_hours(float(silent.sum()))} together"
    said += f" ({share:.0%} of the span)"
    said += "." if not len(silent) else ": nothing says why." if present else ": the log cannot say why."
    asked = f"at most 5 % of the span in gaps over {gap}" if present else f"gaps over {gap} are only counted"
    return _Finding("gaps", level, float(len(silent)), "gaps", asked, said)


def _blind(rows: pl.DataFrame) -> _Finding:
    seconds = float(rows.filter("blind")["seconds"].clip(0.0).sum())
    whole = float(rows.filter(~pl.col("idle"))["seconds"].clip(0.0).sum())
    share = min(seconds / whole, 1.0) if whole else 0.0
    said = f"The recorder saw nothing for {_hours(seconds)} ({share:.0%} of the time when people were not idle)."
    if not seconds:
        said = "The recorder reports no blind spots."
    return _Finding("blind_spots", _level(share, warn=0.1), seconds, "seconds", "at most 10 % of the time", said)


def _incomplete(rows: pl.DataFrame) -> _Finding:
    ends = rows.group_by(_KEYS).agg(_is("session_end").any().alias("ended"), _is(*PRESENCE_TYPES).any().alias("seen"))
    ends = ends.filter("seen")
    cut = int((~ends["ended"]).sum())
    share = cut / max(ends.height, 1)
    said = f"{cut:,} of {_times(ends.height, 'session')} {'has' if cut == 1 else 'have'} no end: it was broken off."
    if not cut:
        said = f"All {ends.height:,} sessions end properly." if ends.height > 1 else "The session ends properly."
    return _Finding(
        "incomplete_sessions", _level(share, warn=0.1), float(cut), "sessions", "at most 10 % of them", said
    )


def _redacted(events: pl.DataFrame) -> _Finding:
    count = 0
    if "redactions" in events.columns:
        count = int((events["redactions"].list.len().fill_null(0) > 0).sum())
    share = count / events.height
    said = f"Something was redacted in {_times(count, 'row')} ({share:.1%})."
    return _Finding("redacted", "note" if share > 0.2 else "ok", share, "share of rows", "a note above 0.2", said)


def _without(work: pl.DataFrame, name: str) -> _Finding:
    words = {"app": "application", "window_title": "window title", "element_name": "element name"}
    limit, word = 0.2 if name == "app" else 0.5, words[name]
    empty = work[name].null_count() if name in work.columns else work.height
    share = empty / max(work.height, 1)
    level = "ok" if share <= limit else "warning" if name == "app" else "note"
    said = f"{share:.0%} of the interactions have no {word}."
    if level != "ok":
        said += (
            " Activities can only be named roughly there." if name != "app" else " They cannot be placed in a program."
        )
    return _Finding(f"without_{name}", level, share, "share of interactions", f"at most {limit:.0%}", said)
