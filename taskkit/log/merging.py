"""Several recorders' logs become one: what is there twice is found, clocks are put on one another, nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl

from taskkit.errors import ContractError, SettingError
from taskkit.log.durations import parse_duration
from taskkit.log.merge_reports import OFFSETS, REPORT, Log, Pair, report_rows
from taskkit.schema import EVENTS, PRESENCE_TYPES, check

KEYS, _SESSION = ["user", "session_id", "seq"], ["user", "session_id"]
_RECORDED = EVENTS.schema.names()[: EVENTS.schema.names().index("redactions") + 1]
_CONTENT = ["app", "event_type", "event_name", "window_title", "url", "element_role", "element_id", "element_name",
            "value_digest"]  # fmt: skip
_RARE = 8  # contents that a session has more often say little about the clock, and make many pairs
_SPANS = {"idle_start": "idle", "idle_end": "idle", "lock": "lock", "unlock": "lock", "pause": "pause", "resume": "pause",
          "blind_start": "blind", "blind_end": "blind", "session_start": "session", "session_end": "session"}  # fmt: skip
_BIN = 1_000_000  # microseconds: the offset is looked for in steps of a second
_EXACT = 1_000  # microseconds: two rows so close after the shift are one before any others are
_APART, _CLEARER = 3, 1.2  # the best offset outweighs every other, more than so many steps away, by that factor
_AGREEING = 0.2  # of the rows that could match: a few repeated steps do not make two recordings one


def merge_logs(
    logs: Sequence[pl.DataFrame], *, names: Sequence[str] | None = None, max_offset: str = "15m", tolerance: str = "1s",
    min_matches: int = 10,
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """Merge the logs of several recorders into one: rows that are there twice are kept once, clocks are put on one another.

    The logs are taken in an order of their own, whatever order they are given in: the one with the most rows first, then
    the one that begins first. Each is compared with those before it:

    1. A row with the same key and the same content is kept once. Where a key is the same and the content is not, the
       session of the later log gets a suffix (`s1~2`), so that nothing is lost.
    2. Where a person has a session at about the time of a session in an earlier log, rows of the same content (application,
       kind, title, address, element, digest) are looked for; the offset of the clock is the one on which most of them
       agree, rare contents weighing more; at least a fifth of the rows that could match must. The session is put on the
       earlier log's clock, its rows that are there already (same content, within `tolerance`, each counted once) are
       dropped, the others stay; of idle, lock, pause, blind and session rows both halves or none. With too few matches no
       clock is changed, and only rows of the very same time and content are dropped.
    3. Everything else is put together as it is. Where two logs have nobody in common, the report says so: people are
       the same only if both logs were read with the same key. Where most rows of such a log stand in the other too, at
       the same time, in the same program and of the same kind, it warns that the same people count twice.

    Merge first, then name activities: columns that taskkit derived are left out. A session of which only some rows are
    kept stays a session of its own, beside the other: where both go on at once, sums of active time count twice.

    Parameters
    ----------
    logs : events frames, in any row order.
    names : names of the logs for the report; "log 1", "log 2", … by default.
    max_offset : largest difference of two clocks that is looked for. "14h" finds a wrong time zone too; but a routine that is
        done again in the same way some hours later cannot be told from a clock that is wrong by as much.
    tolerance : how far two recordings of one event may lie apart after the shift.
    min_matches : fewest rows on which an offset may rest.

    Returns
    -------
    The events frame, sorted by user, session_id and seq, and a report. The report has one row per log, in the given order
    (`against` is null), followed by one row per earlier log that it was matched with: `log`, `against`, `rows`, `kept`,
    `duplicates` (kept + duplicates = rows), `renamed_sessions`, `offset_seconds` (what was added to the log's clock,
    median over its matched sessions), `offset_spread_seconds` (interquartile range of the matched rows), `offset_rows`
    (matched rows that it rests on), `sentence`. In a pair's row `rows` counts the rows of people whom both logs have.

    Raises
    ------
    ContractError : a frame is no events frame, listing every problem of every log.
    SettingError : no log, something that is no frame (a path, the pair of `import_log`), or names that do not fit.

    >>> from datetime import UTC, datetime
    >>> log = pl.DataFrame({"user": ["p_1"], "session_id": ["s1"], "seq": [0], "app": ["erp"], "event_type": ["click"],
    ...     "timestamp": [datetime(2026, 3, 2, 8, tzinfo=UTC)]}, schema_overrides=EVENTS.schema)
    >>> events, report = merge_logs([log, log])
    >>> events.height, report["duplicates"].to_list()
    (1, [0, 1, 1])
    """
    _refuse_no_frames(logs)
    called = _names(logs, names)
    settings = _Settings(_us(max_offset), _us(tolerance), min_matches)
    _refuse_broken(logs, called)
    ready = [Log(name, _prepare(log), log.height) for name, log in zip(called, logs, strict=True)]
    order = sorted(range(len(ready)), key=lambda n: _rank(ready[n].rows))
    taken: list[Log] = []
    for place, number in enumerate(order, 1):
        log = ready[number]
        for other in taken:
            _compare(log, other, taken, place, settings)
        taken.append(log)
    events = pl.concat([log.rows for log in taken], how="diagonal").drop("_content", "_at").sort(KEYS)
    report = pl.DataFrame([row for log in ready for row in report_rows(log)], schema=REPORT, orient="row")
    return events.select(_in_order(events.columns)), report


@dataclass(frozen=True)
class _Settings:
    reach: int  # microseconds
    tolerance: int  # microseconds
    least: int


# ------------------------------------------------------------------------------------------------------ before merging
def _refuse_no_frames(logs: object) -> None:
    """Raise one error that says of everything that is no log what to pass instead."""
    allowed = "Allowed: a list of events frames, merge_logs([first, second])."
    if not isinstance(logs, Sequence) or isinstance(logs, str | bytes):
        raise SettingError(f"merge_logs was given {_what(logs)}. {allowed}")
    if len(logs) == 2 and _is_report(logs[1]) and isinstance(logs[0], pl.DataFrame):
        raise SettingError(f"merge_logs was given {_what(logs)}. {allowed}")
    wrong = [f"  number {n} is {_what(log)}" for n, log in enumerate(logs, 1) if not _is_log(log)]
    if wrong:
        raise SettingError("These are no logs to merge:\n" + "\n".join(wrong) + f"\n{allowed}")


def _is_report(item: object) -> bool:
    return isinstance(item, pl.DataFrame) and {"column", "mapped_to", "outcome"} <= {*item.columns}


def _is_log(item: object) -> bool:
    return isinstance(item, pl.DataFrame) and not _is_report(item)


def _what(item: object) -> str:
    """What somebody passed, and what to pass instead."""
    if isinstance(item, str | bytes | Path):
        return f"a path ({str(item)[:80]!r}): read it first, read_log(path, key=key)"
    if _is_report(item):
        return "the report of import_log: pass the events alone, import_log(path, key=key)[0]"
    if isinstance(item, pl.DataFrame):
        return "a single frame: put it into a list with the others"
    if isinstance(item, pl.LazyFrame):
        return "a lazy frame: pass lazy.collect()"
    if isinstance(item, Sequence) and any(isinstance(part, pl.DataFrame) for part in item):
        return "a pair (events, report), as import_log returns it: pass its first part, import_log(path, key=key)[0]"
    if isinstance(item, Mapping):
        return "a mapping: merge_logs(list(logs.values()), names=list(logs))"
    return f"a {type(item).__name__} ({str(item)[:80]!r})"


def _names(logs: Sequence[pl.DataFrame], names: Sequence[str] | None) -> list[str]:
    if not len(logs):
        raise SettingError("There is no log to merge. Allowed: a list of one or more events frames.")
    called = [f"log {n}" for n in range(1, len(logs) + 1)] if names is None else list(names)
    if len(called) != len(logs) or len(set(called)) != len(called):
        raise SettingError(
            f"{len(logs)} logs and the names {', '.join(map(repr, called))}; allowed: one name for each log, all different."
        )
    return called


def _refuse_broken(logs: Sequence[pl.DataFrame], names: Sequence[str]) -> None:
    lines = []
    for name, log in zip(names, logs, strict=True):
        for problem in check(log, EVENTS).iter_rows(named=True):
            where = (
                ""
                if problem["first_row"] is None
                else f" ({problem['rows']} rows, the first is row {problem['first_row']})"
            )
            lines.append(
                f"  {name}, column {problem['column']!r}: {problem['found']}{where}; allowed: {problem['allowed']}"
            )
    if lines:
        raise ContractError(
            "These logs cannot be merged, they are no events frames:\n"
            + "\n".join(lines)
            + "\nRead them with read_log or "
            "from_table."
        )


def _prepare(log: pl.DataFrame) -> pl.DataFrame:
    """Recorded and own columns, with what identifies the content of a row and its time as a number."""
    known = [name for name in log.columns if name in _RECORDED or name not in EVENTS.schema]
    content = _with_all(log, _CONTENT).select(pl.struct(pl.col(_CONTENT).cast(pl.String)).hash(seed=7)).to_series()
    return log.select(*known, content.alias("_content"), pl.col("timestamp").to_physical().alias("_at")).sort(KEYS)


def _rank(rows: pl.DataFrame) -> tuple[int, int, int]:
    """Most rows first, then the earliest; equal logs are told apart by their content, not by where they were given."""
    mixed = rows.select(pl.struct("user", "session_id", "seq", "_at", "_content").hash(seed=7).sum()).item()
    return -rows.height, int(rows["_at"].to_numpy().min()) if rows.height else 0, int(mixed or 0)


def _in_order(names: Sequence[str]) -> list[str]:
    """The contract's columns in its order, then the analyst's own by name."""
    return [n for n in EVENTS.schema.names() if n in names] + sorted(n for n in names if n not in EVENTS.schema)


# ------------------------------------------------------------------------------------------------------------ comparing
def _compare(log: Log, other: Log, taken: Sequence[Log], place: int, settings: _Settings) -> None:
    """Take out of a log what an earlier one has, rename what it names alike, put its clock on the other's."""
    people = log.rows.select("user").unique().join(other.rows.select("user").unique(), on="user", how="semi")
    if people.is_empty():
        if not log.rows.is_empty() and not other.rows.is_empty():
            log.strangers.append(other.name)
            twice = _under_other_names(log.rows, other.rows)
            log.copies += [(other.name, twice)] if twice > log.rows.height / 2 else []
        return
    there = other.rows.join(people, on="user", how="semi", maintain_order="left")
    common = log.rows.join(people, on="user", how="semi").height
    before = log.rows.height
    clash = _drop_equal_keys(log, there)
    if not clash.is_empty():
        log.renamed += clash.height
        log.rows = _renamed(log.rows, clash, [*taken, log], place)
    spans = _near(log.rows, there, settings.reach)
    offsets = _offsets(log.rows, there, spans, settings)
    log.rows = _shifted(log.rows, offsets)
    exact = log.rows.join(spans, on=_SESSION, how="semi", maintain_order="left")
    sure = exact.join(offsets, on=_SESSION, how="semi", maintain_order="left")
    gone = _twice(sure, there, exact.join(offsets, on=_SESSION, how="anti", maintain_order="left"), settings)
    gone = gone.join(_torn_spans(exact, gone), on=KEYS, how="anti")
    log.rows = log.rows.join(gone, on=KEYS, how="anti", maintain_order="left")
    unsure = spans.filter("at_once").select(_SESSION).unique().join(offsets, on=_SESSION, how="anti").height
    dropped = before - log.rows.height
    if dropped or unsure or offsets.height:
        log.pairs.append(Pair(other.name, common, dropped, offsets, unsure))


def _under_other_names(here: pl.DataFrame, there: pl.DataFrame) -> int:
    """Rows of people who share more than half of them, at the very same time, with one person of the other log."""
    what = ["_at", "app", "event_type"]
    one, two = (rows.select("user", *what).unique() for rows in (here, there))
    if one.join(two, on=what, how="semi", nulls_equal=True).height <= one.height / 2:
        return 0  # the usual case, and cheap
    pairs = one.join(two, on=what, nulls_equal=True, suffix="_there").group_by("user", "user_there").len("same")
    best = pairs.group_by("user").agg(pl.col("same").max()).join(one.group_by("user").len("all"), on="user")
    twins = best.filter(pl.col("same") > pl.col("all") / 2)["user"]
    found = here.filter(pl.col("user").is_in(twins.implode()))
    return found.join(there, on=what, how="semi", nulls_equal=True).height


def _drop_equal_keys(log: Log, there: pl.DataFrame) -> pl.DataFrame:
    """Drop rows that are there under the same key; return the sessions that use a key for something else."""
    fields = [f for f in _RECORDED if f not in KEYS and (f in log.rows.columns or f in there.columns)]
    here, there = _with_all(log.rows, fields), _with_all(there, fields)
    both = here.select(*KEYS, *fields).join(there.select(*KEYS, *fields), on=KEYS, suffix="_there")
    same = pl.all_horizontal(pl.col(f).eq_missing(pl.col(f"{f}_there")) for f in fields)
    both = both.select(*KEYS, same.alias("same"))
    log.rows = log.rows.join(both.filter("same"), on=KEYS, how="anti", maintain_order="left")
    return both.filter(~pl.col("same")).select(_SESSION).unique()


def _with_all(rows: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    schema = EVENTS.schema
    return rows.with_columns(pl.lit(None, dtype=schema[f]).alias(f) for f in fields if f not in rows.columns)


def _renamed(rows: pl.DataFrame, sessions: pl.DataFrame, logs: Sequence[Log], number: int) -> pl.DataFrame:
    """Give the sessions a suffix that makes them new in all logs."""
    known = pl.concat([log.rows.select(_SESSION).unique() for log in logs])
    new = sessions.with_columns(new=pl.concat_str("session_id", pl.lit(f"~{number}")))
    while not new.join(known, left_on=["user", "new"], right_on=_SESSION, how="semi").is_empty():
        number += 1
        new = sessions.with_columns(new=pl.concat_str("session_id", pl.lit(f"~{number}")))
    renamed = rows.join(new, on=_SESSION, how="left", maintain_order="left")
    return renamed.with_columns(session_id=pl.coalesce("new", "session_id")).drop("new")


def _near(here: pl.DataFrame, there: pl.DataFrame, reach: int) -> pl.DataFrame:
    """Pairs of sessions of one person in the two logs that lie near one another, and whether they are at the same time."""
    ends = [pl.col("_at").min().alias("a"), pl.col("_at").max().alias("b")]
    own, others = here.group_by(_SESSION).agg(ends), there.group_by(_SESSION).agg(ends)
    pairs = own.join(others, on="user", suffix="_there").filter(pl.col("session_id") != pl.col("session_id_there"))
    apart = pl.max_horizontal(pl.col("a_there") - pl.col("b"), pl.col("a") - pl.col("b_there"))
    known = own.join(others, on=_SESSION, how="semi").select(
        _SESSION
    )  # goes on in a session that both have: nothing to match
    near = pairs.filter(apart <= reach).join(known, on=_SESSION, how="anti")
    return near.select(*_SESSION, "session_id_there", (apart <= 0).alias("at_once"))


# --------------------------------------------------------------------------------------------------------------- clocks
def _offsets(here: pl.DataFrame, there: pl.DataFrame, spans: pl.DataFrame, settings: _Settings) -> pl.DataFrame:
    """Offset of the clock of each session: the difference in time on which most rows of equal content agree."""
    own = _rare(here.join(spans, on=_SESSION, how="semi")).rename({"_at": "at", "share": "own"})
    others = _rare(there).drop("seq").rename({"session_id": "session_id_there"})
    together = spans.drop("at_once")
    pairs = own.join(together, on=_SESSION).join(others, on=["user", "session_id_there", "_content"])
    pairs = pairs.with_columns(d=pl.col("_at") - pl.col("at"), w=pl.col("own") * pl.col("share"))
    pairs = pairs.filter(pl.col("d").abs() <= settings.reach).with_columns(bin=pl.col("d").floordiv(_BIN))
    bins = pairs.group_by(*_SESSION, "bin").agg(pl.col("w").sum()).sort(*_SESSION, "bin")
    following = (pl.col("bin").shift(-1) == pl.col("bin") + 1).over(_SESSION).fill_null(False)
    bins = bins.with_columns((pl.col("w") + pl.when(following).then(pl.col("w").shift(-1)).otherwise(0.0)).alias("w"))
    bins = bins.with_columns(pl.col("w").round(9)).sort(
        *_SESSION, "w", pl.col("bin").abs(), "bin", descending=[False, False, True, False, False]
    )
    best = bins.unique(_SESSION, keep="first", maintain_order=True).rename({"bin": "top", "w": "most"})
    rival = bins.join(best, on=_SESSION).filter((pl.col("bin") - pl.col("top")).abs() > _APART)
    best = best.join(rival.group_by(_SESSION).agg(pl.col("w").max().alias("rival")), on=_SESSION, how="left")
    best = best.filter(pl.col("most") >= _CLEARER * pl.col("rival").fill_null(0.0))
    close = pairs.join(best, on=_SESSION).filter((pl.col("bin") - pl.col("top")).is_between(0, 1))
    found = close.group_by(_SESSION).agg(
        pl.col("d").median().round().cast(pl.Int64).alias("offset"),
        ((pl.col("d").quantile(0.75, "linear") - pl.col("d").quantile(0.25, "linear")) / 1e6).alias("spread"),
        pl.col("seq").n_unique().alias("matched"),
    )
    found = found.join(_within(own, others, together, found), on=_SESSION, how="left")
    sure = (pl.col("matched") >= settings.least) & (pl.col("matched") >= _AGREEING * pl.col("within").fill_null(0))
    return found.filter(sure).select(OFFSETS.names()).cast(OFFSETS).sort(_SESSION)


def _within(own: pl.DataFrame, others: pl.DataFrame, together: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """How many of a session's rows lie, on the other clock, inside a session of the other log: those that could match."""
    spans = others.group_by("user", "session_id_there").agg(
        pl.col("_at").min().alias("from"), pl.col("_at").max().alias("to")
    )
    rows = own.join(found.select(*_SESSION, "offset"), on=_SESSION).join(together, on=_SESSION)
    rows = rows.join(spans, on=["user", "session_id_there"])
    inside = (pl.col("at") + pl.col("offset")).is_between("from", "to")
    return rows.filter(inside).group_by(_SESSION).agg(pl.col("seq").n_unique().alias("within"))


def _rare(rows: pl.DataFrame) -> pl.DataFrame:
    """Interactions whose content is rare in their session, with its weight: one divided by how often it is there."""
    presence = pl.col("event_type").is_in(pl.Series(PRESENCE_TYPES, dtype=EVENTS.schema["event_type"]).implode())
    counted = rows.filter(~presence).select(*KEYS, "_content", "_at", n=pl.len().over(*_SESSION, "_content"))
    return counted.filter(pl.col("n") <= _RARE).with_columns(share=1.0 / pl.col("n")).drop("n")


def _shifted(rows: pl.DataFrame, offsets: pl.DataFrame) -> pl.DataFrame:
    if offsets.is_empty():
        return rows
    moved = rows.join(offsets.select(*_SESSION, "offset"), on=_SESSION, how="left", maintain_order="left")
    moved = moved.with_columns(pl.col("offset").fill_null(0))
    return moved.with_columns(
        pl.col("_at") + pl.col("offset"), pl.col("timestamp") + pl.duration(microseconds="offset")
    ).drop("offset")


# ----------------------------------------------------------------------------------------------------------- duplicates
def _twice(sure: pl.DataFrame, there: pl.DataFrame, unsure: pl.DataFrame, settings: _Settings) -> pl.DataFrame:
    """Keys of rows that are in the other log already: first those of the same time, then those within the tolerance."""
    columns = ["user", "_content", "_at"]
    left = there.select(columns).with_row_index("_row")
    gone: list[pl.DataFrame] = []
    for rows, tolerance in ((pl.concat([sure, unsure]), 0), (sure, _EXACT), (sure, settings.tolerance)):
        done = pl.concat([rows.select(KEYS).clear(), *gone])
        rest = rows.select(*KEYS, *columns[1:]).join(done, on=KEYS, how="anti", maintain_order="left")
        if rest.is_empty():
            continue
        found, used = _paired(rest, left, tolerance)
        left = left.join(used, on="_row", how="anti")
        gone.append(found)
    return pl.concat([there.select(KEYS).clear(), *gone])


def _torn_spans(rows: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """Keys of presence rows whose other half would stay: without its end a session would be idle, or blind, for ever."""
    kind = pl.col("event_type").cast(pl.String).replace_strict(_SPANS, default=None, return_dtype=pl.String)
    spans = rows.with_columns(kind.alias("span")).drop_nulls("span").select(*KEYS, "event_type", "span").sort(KEYS)
    begins = pl.col("event_type").cast(pl.String).str.ends_with("start") | pl.col("event_type").is_in(["lock", "pause"])
    spans = spans.with_columns(begins.cum_sum().over(*_SESSION, "span").alias("number"))
    spans = spans.join(gone.with_columns(gone=pl.lit(True)), on=KEYS, how="left", maintain_order="left")
    torn = ~pl.col("gone").fill_null(False).all().over(*_SESSION, "span", "number")
    return spans.filter(pl.col("gone") & torn).select(KEYS)


def _paired(here: pl.DataFrame, there: pl.DataFrame, tolerance: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pair rows of equal content no further apart than the tolerance, each at most once: a chain of rows counts as one place."""
    mine = here.select("user", "_content", "_at", pl.lit(True).alias("mine"), "session_id", "seq")
    both = pl.concat(
        [mine, there.select("user", "_content", "_at", pl.lit(False).alias("mine"), "_row")], how="diagonal"
    )
    both = both.sort("user", "_content", "_at", "mine", "session_id", "seq", "_row", nulls_last=True)
    changed = (pl.col("user") != pl.col("user").shift(1)) | (pl.col("_content") != pl.col("_content").shift(1))
    place = (changed | (pl.col("_at") - pl.col("_at").shift(1) > tolerance)).fill_null(True).cum_sum()
    both = both.with_columns(place.alias("place"))
    counts = both.group_by("place").agg(pl.col("mine").sum().alias("a"), (~pl.col("mine")).sum().alias("b"))
    shared = both.join(counts.filter((pl.col("a") > 0) & (pl.col("b") > 0)), on="place", maintain_order="left")
    rank = pl.int_range(pl.len()).over("place", "mine")
    paired = shared.filter(rank < pl.min_horizontal("a", "b"))
    return paired.filter("mine").select(KEYS), paired.filter(~pl.col("mine")).select("_row")


def _us(text: str) -> int:
    return parse_duration(text) // timedelta(microseconds=1)
