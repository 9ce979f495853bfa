"""Rows that say start, suspend, resume, complete: one row per activity that was done, with its start and service time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from taskkit.errors import ContractError, LogFileError, SettingError, check_choice
from taskkit.schema import require_columns

# what logs call the transitions, in English and German; the XES standard's words first
STARTS = ("start", "started", "begin", "began", "begun", "commenced", "initiated", "in_progress", "beginn", "begonnen",
          "gestartet", "angefangen", "in_bearbeitung")  # fmt: skip
ENDS = ("complete", "completed", "end", "ended", "finish", "finished", "done", "close", "closed", "stop", "stopped",
        "ende", "abgeschlossen", "abschluss", "beendet", "erledigt", "fertig", "fertiggestellt", "geschlossen")  # fmt: skip
ABORTS = ("ate_abort", "pi_abort", "abort", "aborted", "withdraw", "withdrawn", "autoskip", "manualskip", "skip",
          "skipped", "cancel", "cancelled", "canceled", "abgebrochen", "abbruch", "storniert", "zurückgezogen",
          "zurueckgezogen", "übersprungen", "uebersprungen")  # fmt: skip
SUSPENDS = ("suspend", "suspended", "pause", "paused", "on_hold", "unterbrochen", "pausiert", "angehalten")
RESUMES = ("resume", "resumed", "fortgesetzt", "wiederaufgenommen", "wieder_aufgenommen")
BEFORE_WORK = ("schedule", "scheduled", "assign", "assigned", "reassign", "reassigned", "enable", "enabled", "unknown",
               "geplant", "eingeplant", "zugewiesen", "zugeordnet", "zugeteilt")  # fmt: skip
INSTANCE = ("concept:instance", "activity_instance", "instance_id")
_KIND = {word: kind for kind, words in (
    ("start", STARTS), ("end", ENDS), ("abort", ABORTS), ("suspend", SUSPENDS), ("resume", RESUMES), ("other", BEFORE_WORK)
) for word in words}  # fmt: skip
_TRANSITIONS = ("start", "complete", "suspend", "resume", "abort", "schedule")


def pair_lifecycles(process: pl.DataFrame) -> pl.DataFrame:
    """Make one row per activity that was done out of its rows for start, suspend, resume and complete.

    A completion is paired with the earliest open start of the same case and activity: by the log's own number of the
    activity's instance where there is one, else of the same resource, else of any. An activity that was aborted was not
    done: it uses up its start and is left out, as are starts that nothing completes (`list_lifecycle_problems` counts
    both). A log in which no row says complete has one row per activity already: every row is kept.

    Parameters
    ----------
    process : one row per process event, with `lifecycle` (`read_process_log(…, pair=False)`).

    Returns
    -------
    One row per activity done, ordered by time: the columns of its completion without `lifecycle`, `start_timestamp`
    (the log's own where no start was found; null without either) and `service_seconds` (from start to completion without
    the time it was suspended; null without a start). Without a column `lifecycle` the frame as it was given.

    References
    ----------
    IEEE 1849-2023, lifecycle extension of XES.

    >>> from datetime import datetime, UTC
    >>> at = [datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (8, 9, 10)]
    >>> process = pl.DataFrame({"case_id": "c", "activity": "Approve", "timestamp": at,
    ...                         "lifecycle": ["schedule", "start", "complete"]})
    >>> pair_lifecycles(process).select("timestamp", "service_seconds").row(0)
    (datetime.datetime(2026, 3, 2, 10, 0, tzinfo=zoneinfo.ZoneInfo(key='UTC')), 3600.0)
    """
    require_columns(process, "case_id", "activity", "timestamp", made_by="read_process_log")
    if "lifecycle" not in process.columns:
        return process
    rows = _paired(process)
    done = rows.filter(pl.col("_kind") == "end")
    if "start_timestamp" in process.columns:
        done = done.with_columns(_start=pl.coalesce("_start", "start_timestamp"))
    seconds = (pl.col("timestamp") - pl.col("_start")).dt.total_microseconds() / 1e6
    done = done.with_columns(start_timestamp="_start", service_seconds=seconds - pl.col("_suspended"))
    kept = [name for name in process.columns if name not in ("lifecycle", "service_seconds")]
    at = kept.index("timestamp") + 1
    front = [*kept[:at], *(["start_timestamp"] if "start_timestamp" not in kept else []), *kept[at:]]
    return done.sort("timestamp", "_row").select(*front, "service_seconds")


def list_lifecycle_problems(process: pl.DataFrame) -> pl.DataFrame:
    """Count the rows of a lifecycle that did not become an activity with a start and an end.

    Parameters
    ----------
    process : one row per process event, with `lifecycle` (`read_process_log(…, pair=False)`).

    Returns
    -------
    One row per activity and problem, most first: `activity`, `problem` ("started, never completed", "completed, never
    started", "aborted", "unknown transition"), `times`, `share` (of the activity's rows that could have it: its starts,
    its completions, or all its rows), `consequence`. Empty for a log without lifecycle. A log in which no row says start
    does not record starts, so its completions lack none.

    Raises
    ------
    ContractError : the rows have been paired already.

    >>> from datetime import datetime, UTC
    >>> process = pl.DataFrame({"case_id": "c", "activity": "Approve", "timestamp": [datetime(2026, 3, 2, tzinfo=UTC)],
    ...                         "lifecycle": ["start"]})
    >>> list_lifecycle_problems(process.vstack(process).with_columns(lifecycle=pl.Series(["start", "complete"])))["times"].sum()
    0
    """
    require_columns(process, "case_id", "activity", "timestamp", made_by="read_process_log")
    names = {
        "activity": pl.String,
        "problem": pl.String,
        "times": pl.UInt32,
        "share": pl.Float64,
        "consequence": pl.String,
    }
    if "lifecycle" not in process.columns:
        if "service_seconds" in process.columns:
            raise ContractError(
                "The rows of the lifecycle have been paired already, so their problems cannot be counted any more. Pass the "
                "log as it was read with pair=False: list_lifecycle_problems(read_process_log(…, pair=False))."
            )
        return pl.DataFrame(schema=names)
    rows, kind = _paired(process), pl.col("_kind")
    started = kind == "start"
    problems = {
        "started, never completed": (started, started & ~pl.col("_used"), "Left out: it was not done when the log ended."),
        "completed, never started": (
            kind == "end", (kind == "end") & pl.col("_start").is_null(), "Kept without a service time.",
        ),
        "aborted": (pl.lit(True), kind == "abort", "Left out: it was not done."),
        "unknown transition": (pl.lit(True), kind.is_null(), "Left out: say what it means with lifecycle=."),
    }  # fmt: skip
    if not (rows["_kind"] == "start").any():
        del problems["completed, never started"]
    found = [
        rows.filter(among).group_by("activity").agg(times=which.sum(), share=which.mean(), n=pl.len())
        .with_columns(problem=pl.lit(problem), consequence=pl.lit(consequence))
        for problem, (among, which, consequence) in problems.items()
    ]  # fmt: skip
    listed = (
        pl.concat(found).filter(pl.col("times") > 0).select(pl.col(name).cast(dtype) for name, dtype in names.items())
    )
    return listed.sort("times", "activity", "problem", descending=[True, False, False])


def time_steps(process: pl.DataFrame) -> pl.DataFrame:
    """Divide the time between two completions of a case into waiting for the work and the work itself.

    Parameters
    ----------
    process : one row per activity done (`read_process_log`).

    Returns
    -------
    The frame in the order of `case_id` and time, with `before` (the case's previous activity, null for the first),
    `elapsed_seconds` (since its completion), `service_seconds` (start to completion; null without a start) and
    `waiting_seconds` (previous completion to start, 0 where the work began earlier; null without a start or for the
    first activity).

    >>> from datetime import datetime, UTC
    >>> at = [datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (8, 11, 12)]
    >>> process = pl.DataFrame({"case_id": "c", "activity": ["Enter", "Approve"], "timestamp": [at[0], at[2]],
    ...                         "start_timestamp": [None, at[1]]})
    >>> time_steps(process).select("before", "elapsed_seconds", "service_seconds", "waiting_seconds").row(1)
    ('Enter', 14400.0, 3600.0, 10800.0)
    """
    process = pair_lifecycles(process)
    if "start_timestamp" not in process.columns:
        process = process.with_columns(start_timestamp=pl.lit(None, process.schema["timestamp"]))
    ordered = process.with_row_index("_row").sort("case_id", "timestamp", "_row").drop("_row")
    previous = pl.col("timestamp").shift(1).over("case_id")
    service = (pl.col("timestamp") - pl.col("start_timestamp")).dt.total_microseconds() / 1e6
    known = pl.col("service_seconds") if "service_seconds" in process.columns else pl.lit(None, pl.Float64)
    waiting = (pl.col("start_timestamp") - previous).dt.total_microseconds() / 1e6
    return ordered.with_columns(
        before=pl.col("activity").shift(1).over("case_id"),
        elapsed_seconds=(pl.col("timestamp") - previous).dt.total_microseconds() / 1e6,
        service_seconds=pl.coalesce(known, service),
        waiting_seconds=waiting.clip(lower_bound=0.0),
    )


def is_lifecycle(column: pl.Series, words: Mapping[str, str]) -> bool:
    """Whether a column holds nothing but transitions, a start and an end among them; `words` are known transitions too.

    >>> is_lifecycle(pl.Series(["Begonnen", "Abgeschlossen"]), {}), is_lifecycle(pl.Series(["open", "done"]), {})
    (True, False)
    """
    if column.dtype != pl.String or column.n_unique() > len(_KIND):
        return False
    kinds = {_KIND.get(word) for word in _say(column.drop_nulls().unique(), words)}
    return {"start", "end"} <= kinds and None not in kinds


def is_mostly_lifecycle(column: pl.Series, words: Mapping[str, str]) -> bool:
    """Whether more than half of the distinct texts of a column are transitions; `words` are known transitions too.

    >>> is_mostly_lifecycle(pl.Series(["start", "complete"]), {}), is_mostly_lifecycle(pl.Series(["created", "closed"]), {})
    (True, False)
    """
    if column.dtype != pl.String:
        return False
    said = _say(column.drop_nulls().unique(), words)
    return sum(word in _KIND for word in said) > len(said) / 2


def translate_lifecycle(
    process: pl.DataFrame, *, path: Path, column: str | None, words: Mapping[str, str], strict: bool
) -> pl.DataFrame:
    """Replace the words of a file for transitions by those of the standard; where `strict`, an unknown one is an error."""
    if "lifecycle" not in process.columns:
        if words:
            raise SettingError(
                f"lifecycle= is given, but no column of {path} was recognised as lifecycle. Name it: "
                'columns={"lifecycle": "…"}.'
            )
        return process
    distinct = process["lifecycle"].drop_nulls().unique(maintain_order=True)
    for word in words.values():
        check_choice(word, allowed=_TRANSITIONS, what="transition of a lifecycle")
    said = dict(zip(distinct, _say(distinct, words), strict=True))
    if absent := set(_plain_list(words)) - set(_plain_list(distinct)):
        raise SettingError(
            f"lifecycle=: column {column!r} of {path} does not hold {', '.join(map(repr, sorted(absent)))}. It holds "
            f"{', '.join(map(repr, distinct[:12]))}."
        )
    unknown = [word for word in distinct if said[word] not in _KIND]
    if unknown and strict:
        guesses = ("start", "complete") if len(unknown) == 2 else ("…",) * len(unknown)
        call = ", ".join(f'"{word}": "{guess}"' for word, guess in list(zip(unknown, guesses, strict=True))[:6])
        raise LogFileError(
            f"{path}: column {column!r} holds {', '.join(map(repr, unknown[:12]))}{', …' if len(unknown) > 12 else ''}, which "
            f"are no known transitions ({', '.join(_TRANSITIONS)}). Say which they are: "
            f"read_process_log(…, lifecycle={{{call}}}), or rename the column if it is no life cycle."
        )
    changed = {word: said[word] for word in distinct if words and said[word] in _TRANSITIONS}
    return process.with_columns(pl.col("lifecycle").replace(changed)) if changed else process


def _say(distinct: pl.Series, words: Mapping[str, str]) -> list[str]:
    """What each word means, as far as it is told, else the word itself as it is compared."""
    told = dict(zip(_plain_list(words), words.values(), strict=True))
    return [told.get(word, word) for word in _plain_list(distinct)]


def _plain_list(words: Iterable[str]) -> list[str]:
    frame = pl.DataFrame({"word": list(words)}, schema={"word": pl.String})
    return frame.select(_plain(pl.col("word"))).to_series().to_list()


def _plain(word: pl.Expr) -> pl.Expr:
    return word.str.strip_chars().str.to_lowercase().str.replace_all(r"[ \-]", "_")


def _paired(process: pl.DataFrame) -> pl.DataFrame:
    """The rows with `_kind`, and for each end its `_start` and `_suspended` seconds; `_used` marks starts that ended."""
    word = _plain(pl.col("lifecycle"))
    kind = pl.when(word.is_null()).then(pl.lit("end")).otherwise(
        word.replace_strict(_KIND, default=None, return_dtype=pl.String)
    )  # fmt: skip
    rows = process.with_row_index("_row").with_columns(_kind=kind)
    if not (rows["_kind"] == "end").any():
        # every row says something else ("new", "open"): these are states, not the lifecycle of an activity
        rows = rows.with_columns(_kind=pl.lit("end"))
    own = next((name for name in INSTANCE if name in process.columns), None)
    number = pl.col(own).cast(pl.String) if own else pl.lit(None, pl.String)
    who = pl.col("resource") if "resource" in process.columns else pl.lit(None, pl.String)
    rows = rows.with_columns(_instance=number, _who=who)
    marks = rows.filter(pl.col("_kind").is_in(["start", "end", "abort"])).select(
        "_row", "case_id", "activity", "timestamp", "_instance", "_who", _opens=pl.col("_kind") == "start"
    )
    pairs = _pairs(marks)
    begun = rows.select(_from="_row", _start="timestamp")
    rows = rows.join(pairs, on="_row", how="left").join(begun, on="_from", how="left")
    rows = rows.with_columns(_used=pl.col("_row").is_in(pairs["_from"].implode()))
    return rows.join(_suspensions(rows), on="_row", how="left").with_columns(
        _suspended=pl.when(pl.col("_start").is_not_null()).then(pl.col("_suspended").fill_null(0.0)).otherwise(0.0)
    )


def _pairs(marks: pl.DataFrame) -> pl.DataFrame:
    """`_row` of an end and `_from`, the row of its start; first in, first out, in ever wider groups."""
    found = pl.DataFrame(schema={"_row": marks.schema["_row"], "_from": marks.schema["_row"]})
    left = marks
    for groups, fit in (
        (["case_id", "activity", "_instance"], pl.col("_instance").is_not_null()),
        (["case_id", "activity", "_who"], pl.col("_instance").is_null()),
        (["case_id", "activity"], pl.col("_instance").is_null()),
    ):
        # of equal times the start comes first: an activity without length is still one activity
        queue = left.filter(fit).sort("timestamp", ~pl.col("_opens"), "_row")
        step = pl.when("_opens").then(1).otherwise(-1).cum_sum().over(groups)
        lowest = pl.min_horizontal(step, pl.lit(0)).cum_min().over(groups)
        queue = queue.with_columns(_level=step, _lowest=lowest)
        # an end while nothing is open takes the level to a new low: it has no start
        alone = ~pl.col("_opens") & (pl.col("_level") < pl.col("_lowest").shift(1, fill_value=0).over(groups))
        queue = queue.filter(~alone).with_columns(_turn=pl.int_range(pl.len()).over([*groups, "_opens"]))
        starts = queue.filter("_opens").select(*groups, "_turn", _from="_row")
        ends = queue.filter(~pl.col("_opens")).select(*groups, "_turn", "_row")
        new = ends.join(starts, on=[*groups, "_turn"], nulls_equal=True).select("_row", "_from")
        found = pl.concat([found, new])
        left = left.filter(~pl.col("_row").is_in(pl.concat([new["_row"], new["_from"]]).implode()))
    return found


def _suspensions(rows: pl.DataFrame) -> pl.DataFrame:
    """`_row` of an end and the seconds for which its activity was suspended; a suspension lasts until it is resumed."""
    spans = rows.filter(pl.col("_start").is_not_null()).select(
        "case_id", "activity", "_row", "_instance", "_start", _end="timestamp"
    )
    breaks = rows.filter(pl.col("_kind").is_in(["suspend", "resume"])).select(
        "case_id", "activity", "_kind", "_instance", at="timestamp", place="_row"
    )
    inside = breaks.join(spans, on=["case_id", "activity"]).filter(
        pl.col("at").is_between("_start", "_end")
        & (pl.col("_instance").is_null() | (pl.col("_instance") == pl.col("_instance_right")).fill_null(False))
    )
    # where instances overlap, a break belongs to the one that was started last
    inside = inside.sort("place", "_start", "_row").unique("place", keep="last", maintain_order=True)
    inside = inside.sort("_row", "at", "place")
    until = pl.col("at").shift(-1).over("_row").fill_null(pl.col("_end"))
    lasting = inside.with_columns(seconds=(until - pl.col("at")).dt.total_microseconds() / 1e6)
    return lasting.group_by("_row").agg(_suspended=pl.col("seconds").filter(pl.col("_kind") == "suspend").sum())
