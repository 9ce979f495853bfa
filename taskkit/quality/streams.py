"""Rows in the order of the recorder, with the time until the next one and what is known of that time."""

from __future__ import annotations

import warnings
from datetime import timedelta

import polars as pl

from taskkit.log.durations import parse_duration
from taskkit.schema import EVENT_TYPE, EVENTS, PRESENCE_TYPES, require_columns

KEYS = ("user", "session_id", "seq")
EXCLUDED = "excluded"  # what the recorder calls an application that it must not record
_STATES = {
    "idle": (("idle_start", "lock", "pause"), ("idle_end", "unlock", "resume", "session_end")),
    "blind": (("blind_start",), ("blind_end", "session_end")),
}
_MISSED = 2.5  # sleep: a silence of so many usual distances of signs of life, so that at least two are missing
_SHORTEST_SLEEP = 60e6  # microseconds: what is shorter may be a busy machine
_CLOSE = 60_000_000  # microseconds: a late row stands between two rows that are no further apart
_LONGEST_SPAN = 86_400e6  # microseconds: a row that says it lasted longer than a day is not believed beyond that
_OWN = 5  # distances between signs of life from which a session's own usual distance is taken, not that of the log


def read_stream(events: pl.DataFrame, *, gap: str | timedelta = "20m") -> pl.DataFrame:
    """Put the rows in order and say what is known of the time between each row and the next one of its session.

    Parameters
    ----------
    events : events frame in any row order.
    gap : a longer silence that no idle, lock, pause or blind row explains counts as a gap.

    Returns
    -------
    One row per event, sorted by user, session and seq: the columns of `events` and `run` (number of the session), `us`
    (microseconds until the next row, negative where the clock went back, null for the last row), and of that time whether
    the person was `idle` (idle, locked, paused), the recorder `blind`, the application `excluded`, and whether it
    belongs to a silence that nothing explains: `gap` (the whole silence is longer than the limit) and `asleep` (signs of
    life that were due are missing). `present` says whether the session has presence rows, `silence` numbers the stretches
    between two rows that are no signs of life, `usual` is the usual distance of signs of life (microseconds);
    a silence during which another session of the person goes on is `elsewhere` instead, which is no damage of the log,
    and so is a `night`: a silence over a local midnight in a session that has neither a session_start nor a session_end;
    `ended` marks the row that ends a session, `late` a row that alone is out of the order of the clock. A row that states
    its own length (`duration_ms`) is no silence as long as that lasts: `stated` is that part of `us` (microseconds), and
    what is said of a silence concerns the rest of it.

    >>> from datetime import UTC, datetime
    >>> events = pl.DataFrame({"user": ["p_1"] * 2, "session_id": ["s1"] * 2, "seq": [0, 1], "app": ["erp"] * 2,
    ...     "timestamp": [datetime(2026, 3, 2, h, tzinfo=UTC) for h in (8, 9)], "event_type": ["click"] * 2})
    >>> read_stream(events).select("us", "gap").row(0)
    (3600000000, True)
    """
    require_columns(events, *EVENTS.required, made_by="read_log or from_table")
    limit = parse_duration(gap) // timedelta(microseconds=1)
    rows = _in_runs(events.with_columns(_kind()).sort(*KEYS, maintain_order=True))
    alive, ended = is_a("alive"), is_a("session_end")
    rows = rows.with_columns(
        _us("timestamp").alias("us"),
        _late().alias("late"),
        is_a(*PRESENCE_TYPES).any().over("run").alias("present"),
        is_a("session_start", "session_end").any().over("run").alias("framed"),
        (~alive).cum_sum().alias("silence"),
        *(_state(*kinds).alias(name) for name, kinds in _STATES.items()),
        pl.when(~alive)
        .then(pl.col("app").eq_missing(EXCLUDED))
        .when("new")
        .then(False)
        .forward_fill()
        .alias("excluded"),
    )
    rows = rows.join(_signs_of_life(rows), on="run", how="left", maintain_order="left")
    rows = rows.with_columns(_lasts(rows), ended.alias("ended")).with_columns(_stated().alias("stated"))
    rows = _seen_elsewhere(_silent(rows, limit).drop("lasts", "framed"))
    silent = pl.any_horizontal("idle", "blind", "gap", "asleep", "elsewhere", "night", "ended")
    return rows.with_columns(pl.col("excluded") & ~silent)


def add_active_seconds(events: pl.DataFrame, *, idle_cap: str = "60s") -> pl.DataFrame:
    """Add the active time that each row stands for: the time until the same person's next row in the session.

    The next row is the next `seq`, whatever the clock says; the recorder's signs of life between two rows do not count.
    The time is at least 0 (a clock that jumps back counts nothing) and at most the cap, or the row's own `duration_ms` where
    that is longer: a recorder of spans says itself how long a window was in front. It is 0 for the last row of a session
    and for presence rows: nobody works in them.

    Parameters
    ----------
    events : events frame in any row order.
    idle_cap : longest time that one row can stand for, unless it says itself that it lasted longer.

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
    rows = events.select(*KEYS, "timestamp", _kind(), *(["duration_ms"] if "duration_ms" in events.columns else []))
    if not _in_order(rows):
        rows = rows.with_row_index("_row").sort(*KEYS, maintain_order=True)
    rows = _in_runs(rows)
    most = pl.max_horizontal(pl.lit(cap), _length(rows) / 1e6)
    seconds = pl.min_horizontal((_us_between(~is_a("alive")) / 1e6).clip(0.0).fill_null(0.0), most)
    seconds = pl.when(is_a(*PRESENCE_TYPES)).then(0.0).otherwise(seconds).alias("active_seconds")
    found = rows.select(seconds, *(["_row"] if "_row" in rows.columns else []))
    if "_row" in found.columns:
        found = found.sort("_row")
    return events.with_columns(found["active_seconds"])


def _kind() -> pl.Expr:
    """The kind of event; a word that the contract does not know is some other interaction."""
    return pl.col("event_type").cast(EVENT_TYPE, strict=False).fill_null(pl.lit("other", dtype=EVENT_TYPE))


def is_a(*kinds: str) -> pl.Expr:
    """Whether the event is of one of the kinds."""
    return pl.col("event_type").is_in(pl.Series(kinds, dtype=EVENT_TYPE).implode())


def silence() -> pl.Expr:
    """Microseconds of the time until the next row that no row states to be its own length."""
    return pl.col("us") - pl.col("stated")


def local_time(rows: pl.DataFrame) -> pl.Expr:
    """The time on the person's own clock; UTC where the log does not say how far that is."""
    time = pl.col("timestamp").dt.replace_time_zone(None)
    if "utc_offset_minutes" not in rows.columns:
        return time
    return time + pl.duration(minutes=pl.col("utc_offset_minutes").cast(pl.Int64).fill_null(0))


def _changes() -> pl.Expr:
    """Whether a row is the first of its session, for rows in order."""
    changed = [pl.col(name).ne_missing(pl.col(name).shift(1)) for name in ("user", "session_id")]
    return (pl.any_horizontal(changed) | (pl.int_range(pl.len()) == 0)).alias("new")


def _in_runs(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(_changes()).with_columns(pl.col("new").cum_sum().alias("run"))


def _in_order(rows: pl.DataFrame) -> bool:
    """Whether every session stands in one piece and in the order of seq: then nothing needs to be sorted."""
    marked = rows.select(*KEYS, _changes())
    rising = marked.select((pl.col("new") | (pl.col("seq") > pl.col("seq").shift(1))).all()).item()
    return bool(rising) and not marked.filter("new").select("user", "session_id").is_duplicated().any()


def _us(time: str) -> pl.Expr:
    """Microseconds until the next row of the session."""
    after = pl.when(pl.col("run") == pl.col("run").shift(-1)).then(pl.col(time).shift(-1))
    return (after - pl.col(time)).dt.total_microseconds()


def _length(rows: pl.DataFrame) -> pl.Expr:
    """How long the row says that it lasted, in microseconds; 0 where it does not say."""
    if "duration_ms" not in rows.columns:
        return pl.lit(0.0)
    return pl.col("duration_ms").cast(pl.Float64, strict=False).fill_nan(0.0).fill_null(0.0) * 1e3


def _lasts(rows: pl.DataFrame) -> pl.Expr:
    """Microseconds for which this row, or an earlier one of the session, says that it still lasts.

    A window lasts over the rows inside it. Where the clock goes back, the ends that were told before count no more.
    """
    length = _length(rows).clip(0.0, _LONGEST_SPAN)
    if not rows.select((length > 0).any()).item():
        return pl.lit(0, dtype=pl.Int64).alias("lasts")
    time = pl.col("timestamp").dt.epoch("us")
    back = ((pl.col("us").shift(1) < -_CLOSE) & ~pl.col("late")).fill_null(False).cum_sum()
    end = pl.when(length > 0).then(time + length.cast(pl.Int64)).cum_max().forward_fill().over("run", back)
    return (end - time).clip(lower_bound=0).fill_null(0).alias("lasts")


def _stated() -> pl.Expr:
    return pl.min_horizontal("lasts", pl.col("us").clip(lower_bound=0).fill_null(0))


def _silent(rows: pl.DataFrame, limit: int) -> pl.DataFrame:
    """Mark the silences that nothing explains: gaps and sleep, and nights where a recorder does not say when it ran."""
    alive, local = is_a("alive"), local_time(rows)
    explained = pl.any_horizontal("idle", "blind", "late", "ended")
    long = ((_us_between(~alive) - pl.col("lasts") > limit) & ~explained).fill_null(False)
    until = pl.when(~alive).then(local).shift(-1).backward_fill().dt.date()
    over_midnight = until > (local + pl.duration(microseconds="lasts")).dt.date()
    night = long & ~pl.col("framed") & over_midnight.fill_null(False)
    due = pl.max_horizontal(_MISSED * pl.col("usual"), pl.lit(_SHORTEST_SLEEP))
    asleep = ((silence() > due) & pl.col("usual").is_not_null() & ~explained).fill_null(False)
    over_signs = {"gap": long & ~night, "night": night}  # a silence goes on over signs of life
    rows = rows.with_columns(
        *(
            pl.when(~alive).then(is_so).when("new").then(False).forward_fill().alias(n)
            for n, is_so in over_signs.items()
        ),
        asleep.alias("asleep"),
    )
    return rows.with_columns(pl.col("asleep") & ~pl.col("night"))


def _seen_elsewhere(rows: pl.DataFrame) -> pl.DataFrame:
    """Mark silences in which another session of the person goes on: a second recorder, a second machine."""
    keys = ["run", "silence"]
    quiet = rows.filter(pl.col("gap") | pl.col("asleep")).group_by("user", *keys).agg(
        (pl.col("timestamp") + pl.duration(microseconds="stated")).first(),
        (pl.col("timestamp").last() + pl.duration(microseconds=pl.col("us").last())).alias("until")
    )  # fmt: skip
    work = rows.filter(~is_a(*PRESENCE_TYPES)).join(quiet, on="user", how="semi")
    work = work.select("user", "timestamp", pl.col("timestamp").alias("seen"), pl.col("run").alias("by")).sort(
        "timestamp"
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sortedness of columns cannot be checked")  # sorted just above
        near = quiet.sort("timestamp", *keys).join_asof(
            work, on="timestamp", by="user", strategy="forward", allow_exact_matches=False
        )
    near = near.filter((pl.col("by") != pl.col("run")) & (pl.col("seen") < pl.col("until")))
    if near.is_empty():
        return rows.with_columns(elsewhere=pl.lit(False))
    rows = rows.join(near.select(*keys, elsewhere=pl.lit(True)), on=keys, how="left", maintain_order="left")
    there = pl.col("elsewhere").fill_null(False) & (pl.col("gap") | pl.col("asleep"))
    return rows.with_columns(there.alias("elsewhere"), pl.col("gap") & ~there, pl.col("asleep") & ~there)


def _late() -> pl.Expr:
    """Whether a row alone is earlier than the one before it, while its neighbours are in order and close together."""
    run, time = pl.col("run"), pl.col("timestamp")
    inside = (run == run.shift(1)) & (run == run.shift(-1)) & (time < time.shift(1))
    around = (time.shift(-1) - time.shift(1)).dt.total_microseconds()
    return (inside & around.is_between(0, _CLOSE)).fill_null(False)


def _us_between(counts: pl.Expr) -> pl.Expr:
    """Microseconds until the next row of the session that counts; null after the last of them."""
    at, run = (pl.when(counts).then(name).shift(-1).backward_fill() for name in ("timestamp", "run"))
    return pl.when(run == pl.col("run")).then((at - pl.col("timestamp")).dt.total_microseconds())


def _state(begins: tuple[str, ...], ends: tuple[str, ...]) -> pl.Expr:
    state = pl.when(is_a(*begins)).then(True).when(is_a(*ends) | pl.col("new")).then(False)
    return state.forward_fill().fill_null(False)


def _signs_of_life(rows: pl.DataFrame) -> pl.DataFrame:
    """Usual distance of signs of life per session, estimated: its own median, or that of all sessions if it has few."""
    alive = rows.filter(is_a("alive")).select("run", _us("timestamp").alias("us")).filter(pl.col("us") > 0)
    own = alive.group_by("run").agg(pl.col("us").median().alias("usual"), pl.len().alias("n"))
    every = alive["us"].median() if alive.height >= _OWN else None
    usual = pl.when(pl.col("n") >= _OWN).then("usual").otherwise(pl.lit(every, dtype=pl.Float64))
    with_signs = rows.filter(is_a("alive")).select("run").unique()
    return with_signs.join(own, on="run", how="left").select("run", usual.alias("usual"))
