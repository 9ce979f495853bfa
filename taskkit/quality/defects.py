"""Where a log is damaged: one row per place, for repair at home, never for a page."""

from __future__ import annotations

import warnings
from datetime import timedelta

import polars as pl

from taskkit.log.durations import parse_duration
from taskkit.quality.streams import KEYS, is_a, read_stream, silence
from taskkit.schema import EVENTS, PRESENCE_TYPES

DEFECTS = ("duplicate", "clock jump", "order break", "gap", "sleep", "blind span", "no end")
_SCHEMA = pl.Schema({"defect": pl.String, "user": pl.String, "session_id": pl.String, "seq": pl.UInt64,
                     "seconds": pl.Float64, "sentence": pl.String})  # fmt: skip
_PLACE = ("user", "session_id", "seq", "team", "utc_offset_minutes")  # they say who and where, not what was done
_RECORDED = EVENTS.schema.names()[: EVENTS.schema.names().index("redactions")]  # what a recorder writes
_LONGEST_STEP = 180_000_000  # microseconds: how far the step between two rows may be from the jump between them
_NEAR = 60.0  # seconds: how much longer than the jump back a silence may be that is taken back by it


def list_defects(events: pl.DataFrame, *, gap: str = "20m", clock_jump: str = "30s") -> pl.DataFrame:
    """List every damaged place of a log, to look at it and to repair it. It names sessions: never put it in a page.

    Parameters
    ----------
    events : events frame in any row order.
    gap : a longer silence that no idle, lock, pause or blind row explains counts as a gap.
    clock_jump : a step of the clock backwards of at least that length is a jump; a shorter one, and a single row that is
        late, is an order break.

    Returns
    -------
    One row per defect, in order of user, session and seq: `defect`, `user`, `session_id`, `seq`, `seconds`, `sentence`.

    - duplicate: the same person's row repeats an earlier one in everything but session and seq, the time included (`seq`
      is the repeated row); in a session whose times are whole seconds it may be a second click, and the sentence says so;
    - clock jump: `seconds` is negative backwards. Forwards is a silence that the clock takes back later in the session, or
      that puts the rest of the session beyond the beginning of the person's next one (`seq` is the first row after it);
    - order break: seq and clock disagree for a moment;
    - gap, sleep: a silence that nothing explains, longer than `gap`, or shorter but with signs of life missing; not while
      another session of the person goes on (`seq` is the row before it). It begins where the row before says that it ends
      (`duration_ms`). Without presence rows it may be a break, and the sentence says so; a silence over a local
      midnight is a night, unless the session has a session_start or session_end;
    - blind span: the recorder said so; no end: the session has presence rows, but no session_end (`seq` is the last row).
      A session without session_start has none only if any session of the log ends: some recorders write no ends.

    >>> from datetime import UTC, datetime
    >>> events = pl.DataFrame({"user": ["p_1"] * 2, "session_id": ["s1"] * 2, "seq": [0, 1], "app": ["erp"] * 2,
    ...     "timestamp": [datetime(2026, 3, 2, h, tzinfo=UTC) for h in (9, 8)], "event_type": ["click"] * 2})
    >>> list_defects(events)["sentence"].to_list()
    ['The clock goes back by 3600.0 s: seq gives the order.']
    """
    return defects_of(read_stream(events, gap=gap), clock_jump=clock_jump).select(_SCHEMA.names())


def defects_of(rows: pl.DataFrame, *, clock_jump: str = "30s") -> pl.DataFrame:
    """The defects of a stream; `signs` marks a silence in which signs of life are missing, `doubtful` a row or a silence
    that may be none: a second click, a break."""
    back = _steps_back(rows, parse_duration(clock_jump) // timedelta(microseconds=1))
    following = pl.when(pl.col("run") == pl.col("run").shift(-1)).then(pl.col("seq").shift(-1))
    silent = _silences(rows.with_columns(next_seq=following))
    jumps = back.filter(pl.col("defect") == "clock jump")
    forwards = pl.concat([_taken_back(silent, jumps), _beyond_the_next(silent, rows)]).unique(
        ["run", "silence"], keep="first", maintain_order=True
    )
    silent = silent.join(forwards, on=["run", "silence"], how="left", maintain_order="left")
    gone = pl.col("why").is_not_null()
    parts = [
        _duplicates(rows),
        back,
        _forward(silent.filter(gone)),
        _named(silent.filter(~gone & ~pl.col("elsewhere") & ~pl.col("night"))),
        _blind(rows),
        _no_end(rows),
    ]
    marks = ("signs", "doubtful")
    parts = [p.with_columns(pl.lit(False).alias(name) for name in marks if name not in p.columns) for p in parts]
    wanted = [*_SCHEMA.names(), *marks]
    parts = [
        p.with_columns(pl.col("seconds").cast(pl.Float64), pl.col("seq").cast(pl.UInt64)).select(wanted) for p in parts
    ]
    return pl.concat(parts).sort(*KEYS, "defect")


def _duplicates(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of interactions that repeat an earlier row of the person; content is compared only where the time is the same."""
    work = rows.filter(~is_a(*PRESENCE_TYPES))
    near = work.filter(work.select(pl.struct("user", "timestamp").is_duplicated()).to_series())
    same = [name for name in _RECORDED if name in rows.columns and name not in _PLACE]
    alike = pl.struct("user", *same)
    elsewhere = pl.col("run") != pl.col("run").first().over(alike)  # a copy in another session is no second click
    twice = near.with_columns(elsewhere.alias("copied")).filter(~alike.is_first_distinct())
    timed = rows.filter(pl.col("run").is_in(twice["run"].unique().implode())).group_by("run")
    whole = timed.agg((pl.col("timestamp").dt.microsecond() == 0).all().alias("whole"))
    twice = twice.join(whole, on="run", how="left", maintain_order="left")
    twice = twice.with_columns(doubtful=pl.col("whole") & ~pl.col("copied"))
    sure = "This row repeats an earlier one in every respect, time included: drop it."
    unsure = "This row repeats an earlier one, but times are whole seconds here: it may be a second click: look before you drop it."
    return twice.with_columns(
        defect=pl.lit("duplicate"), seconds=pl.lit(0.0),
        sentence=pl.when("doubtful").then(pl.lit(unsure)).otherwise(pl.lit(sure)),
    )  # fmt: skip


def _steps_back(rows: pl.DataFrame, least: int) -> pl.DataFrame:
    """Rows at which the clock goes back: jumps that stay, and rows that are merely out of order."""
    run = pl.col("run")
    step = pl.when(run == run.shift(1)).then(pl.col("us").shift(1))
    found = rows.with_columns(step.alias("step"))
    found = found.filter(pl.col("step") < 0)
    found = found.with_columns(jump=(-pl.col("step") >= least) & ~pl.col("late"))
    told = _told_by_signs(found, rows.filter(is_a("alive")))
    found = found.with_columns(pl.when("jump").then(told).otherwise("step").truediv(1e6).alias("seconds"))
    jumped = _said("The clock goes back by ", -pl.col("seconds"), " s: seq gives the order.")
    late = _said("This row is ", -pl.col("seconds"), " s earlier than the one before it: seq gives the order.")
    return found.with_columns(
        defect=pl.when("jump").then(pl.lit("clock jump")).otherwise(pl.lit("order break")),
        sentence=pl.when("jump").then(jumped).otherwise(late),
    )


def _told_by_signs(found: pl.DataFrame, signs: pl.DataFrame) -> pl.Series:
    """Length of a jump from the distance of the signs of life around it, which the time between two rows does not blur."""
    order = pl.col("seq").cast(pl.Int64).alias("order")
    places = found.select("run", order, "step", "usual").with_row_index("at").sort("order")
    beats = signs.select("run", order, "timestamp").sort("order")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sortedness of columns cannot be checked")  # sorted just above
        for name, strategy in (("before", "backward"), ("after", "forward")):
            beat = beats.rename({"timestamp": name})
            places = places.join_asof(beat, on="order", by="run", strategy=strategy)  # type: ignore[arg-type]
    told = (pl.col("after") - pl.col("before")).dt.total_microseconds() - pl.col("usual").cast(pl.Int64)
    near = (pl.col("step") - told).is_between(0, _LONGEST_STEP).fill_null(False)
    return places.sort("at").select(pl.when(near).then(told).otherwise("step").alias("told")).to_series()


def _said(before: str, seconds: pl.Expr, after: str) -> pl.Expr:
    return pl.concat_str(pl.lit(before), seconds.round(1).cast(pl.String), pl.lit(after))


def _silences(rows: pl.DataFrame) -> pl.DataFrame:
    """Unexplained silences, one row each, at the row before; nights too, which a clock may have made."""
    quiet = rows.filter(pl.any_horizontal("gap", "asleep", "elsewhere", "night"))
    silent = quiet.group_by("user", "session_id", "run", "silence").agg(
        pl.col("seq", "present").first(),
        (pl.col("timestamp") + pl.duration(microseconds="stated")).first(),
        pl.col("next_seq").get(pl.col("us").arg_max()),  # after the longest piece, if there are signs of life inside
        silence().sum().alias("us"),
        pl.col("gap", "elsewhere", "night").any(),
        pl.col("asleep").any().alias("signs"),
    )
    return silent.with_columns(seconds=pl.col("us") / 1e6, doubtful=~pl.col("present"))


def _taken_back(silent: pl.DataFrame, jumps: pl.DataFrame) -> pl.DataFrame:
    """Silences of about the length by which the clock goes back later in the session; each jump back takes one."""
    later = silent.join(jumps.select("run", at="seq", back=-pl.col("seconds")), on="run")
    near = (pl.col("seconds") - pl.col("back")).is_between(-1, _NEAR) & (pl.col("at") > pl.col("seq"))
    pairs = later.filter(near).sort("run", "at", "seq", descending=[False, False, True])
    return pairs.unique(["run", "at"], keep="first", maintain_order=True).select(
        "run", "silence", why=pl.lit("and back again later")
    )


def _beyond_the_next(silent: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Silences without which the session would have ended before the person's next one began."""
    sessions = rows.group_by("user", "run").agg(begin=pl.col("timestamp").first(), finish=pl.col("timestamp").last())
    sessions = sessions.sort("user", "begin", "run").with_columns(next=pl.col("begin").shift(-1).over("user"))
    known = silent.join(sessions.select("run", "finish", "next"), on="run")
    without = pl.col("finish") - pl.duration(microseconds="us")
    beyond = (pl.col("finish") > pl.col("next")) & (without <= pl.col("next")) & (pl.col("timestamp") < pl.col("next"))
    # without presence rows two programs' sessions side by side look the same
    known = known.filter(beyond & pl.col("present") & ~pl.col("night"))
    return known.select("run", "silence", why=pl.lit("past the beginning of the person's next session"))


def _forward(silent: pl.DataFrame) -> pl.DataFrame:
    why = pl.concat_str(pl.lit(" s, "), "why", pl.lit(": this is no pause."))
    said = pl.concat_str(_said("The clock goes forward by about ", pl.col("seconds"), ""), why)
    return silent.with_columns(defect=pl.lit("clock jump"), sentence=said, seq=pl.col("next_seq"), signs=pl.lit(False),
                               doubtful=pl.lit(False))  # fmt: skip


def _named(silent: pl.DataFrame) -> pl.DataFrame:
    dead = " s, and signs of life that were due are missing: the machine slept or the recorder stood still."
    quiet = _said("Nothing for ", pl.col("seconds"), "")
    unknown = " s; without presence rows a break cannot be told from missing recording."
    why = pl.when("signs").then(pl.lit(dead)).when("doubtful").then(pl.lit(unknown))
    said = pl.concat_str(quiet, why.otherwise(pl.lit(" s, and no row says why.")))
    return silent.with_columns(defect=pl.when("gap").then(pl.lit("gap")).otherwise(pl.lit("sleep")), sentence=said)


def _blind(rows: pl.DataFrame) -> pl.DataFrame:
    """Blind spans: from a row that begins one to the row that ends it, or to the end of the session."""
    begins = pl.col("blind") & (pl.col("new") | ~pl.col("blind").shift(1, fill_value=False))
    spans = rows.with_columns(span=begins.cum_sum()).filter("blind").group_by("user", "session_id", "span").agg(
        pl.col("seq").first(), (pl.col("us").clip(lower_bound=0).sum() / 1e6).alias("seconds")
    )  # fmt: skip
    said = _said("The recorder saw nothing for ", pl.col("seconds"), " s, and says so.")
    return spans.with_columns(defect=pl.lit("blind span"), sentence=said)


def ends_due(rows: pl.DataFrame) -> pl.DataFrame:
    """The sessions that should have an end, with their last row and whether they end."""
    ends = rows.filter("present").group_by("user", "session_id").agg(
        pl.col("seq").last(), pl.col("ended").any(), is_a("session_start").any().alias("begun")
    )  # fmt: skip
    return ends.filter(pl.col("begun") | pl.col("ended").any())


def _no_end(rows: pl.DataFrame) -> pl.DataFrame:
    ends = ends_due(rows)
    said = pl.lit("The session has no end: the recorder was broken off, or is still running.")
    return ends.filter(~pl.col("ended")).with_columns(defect=pl.lit("no end"), seconds=pl.lit(0.0), sentence=said)
