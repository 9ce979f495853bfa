"""Events → actions → activities: noise set aside, entries merged, titles brought to screens, names given by rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from taskkit.activities.coding import code_rows
from taskkit.activities.ladder import climb, spell_out
from taskkit.activities.learnt import Learnt
from taskkit.activities.measures import (
    count_entries,
    count_reentries,
    count_round_trips,
    count_switches,
    count_transfers,
    measure_fragmentation,
    switch_cost,
    time_per_app,
)
from taskkit.activities.naming import VERB
from taskkit.activities.rules import Rule, read_rules, write_rules
from taskkit.log import scan_parts
from taskkit.log.durations import parse_duration
from taskkit.schema import EVENTS, TIME, UNKEYED, check, require, require_columns

__all__ = [
    "VERB", "Learnt", "Rule", "count_entries", "count_reentries", "count_round_trips", "count_switches",
    "count_transfers", "learn_names", "list_actions", "measure_fragmentation", "name_activities", "read_actions",
    "read_rules", "switch_cost", "time_per_app", "write_rules",
]  # fmt: skip

KEYS = ("user", "session_id", "seq")
SHORT_VALUE, CARRIED_MINUTES = 4, 30  # shorter values are equal by chance; later ones were not carried
_DERIVED = ("app_role", "screen", "named_by", "action", "dropped", "activity", "step", "active_seconds")


def name_activities(
    events: pl.DataFrame, *, rules: Sequence[Rule] = (), idle_cap: str = "60s", learnt: Learnt | None = None
) -> pl.DataFrame:
    """Name what each event does, on a ladder that can be walked down again: event, action, activity.

    An activity is a verb, an object and a screen ("click Save · Invoice # - Enter - Horizon ERP"). Screens are titles (or
    addresses) whose numbers became # and whose changing parts became ‹…›: learnt from the log, see `learn_templates`. What
    the rules say goes before what is learnt. An action is what is done in one go: a click into a field, the text typed
    there and its corrections are one entry; successive rows of one activity are one action. Presence rows, excluded
    time, scrolling, pointer moves, keys that only move inside a form, and windows that only flickered are set aside. A
    window that came to the front is an action of its own ("view …") only if nothing else was done in it. No row is lost.

    Parameters
    ----------
    events : events frame (see `taskkit.EVENTS`), rows in any order.
    rules : names given by people (`read_rules`); every distinct combination is looked at once.
    idle_cap : longest time that counts as active after an event, such as "60s".
    learnt : what the names rest on, where `learn_names` learnt it from a part of the log or from another one; by default
        it is learnt from these events.

    Returns
    -------
    The events, ordered by user, session and seq, with `app_role`, `screen`, `named_by` (null: time that is not named yet,
    because only the program is known or the title was visited fewer than three times), `action` (number of the action in
    the session: the same number on all its rows, those set aside in it included), `dropped` (why a row is set aside),
    `activity` (null where set aside), `step` (the row stands for its action) and `active_seconds` (seconds until the
    person's next event, at most `idle_cap` or the row's own `duration_ms`, if that is longer). A rule that finds a case
    reference fills `case_ref` where it is empty.

    Raises
    ------
    ContractError : the frame breaks the events contract; every problem is listed.

    >>> import polars as pl, taskkit as tk
    >>> table = {"at": [1.8e9, 1.8e9 + 5, 1.8e9 + 9], "what": ["click", "click", "copy"], "on": ["Save 1", "Save 2", "Sum"]}
    >>> log = tk.from_table(pl.DataFrame(table),
    ...                     columns={"timestamp": "at", "event_name": "what", "element_name": "on"})
    >>> named = tk.name_activities(log)
    >>> named["activity"].to_list(), named["step"].to_list()
    (['click Save #', 'click Save #', 'copy Sum'], [True, False, True])
    >>> named.filter(action=1).height  # down again: the events of the first action
    2
    """
    if isinstance(events, pl.LazyFrame):
        events = events.collect()
    if not check(events, UNKEYED).is_empty():
        require(events, EVENTS)
    coded = code_rows([events.lazy()], rules, learnt)
    if coded.twice:
        require(events, EVENTS)
    frame = events.drop(_DERIVED, strict=False)
    frame = frame if isinstance(coded.order, slice) else frame[coded.order]
    done = climb(coded.rows, coded.names, coded.windows, idle_cap=parse_duration(idle_cap).total_seconds())
    named = frame.hstack(spell_out(done, coded.rows, coded.names, coded.activities))
    found = coded.shown["rule_case_ref"]
    if found.null_count() < len(found):
        recorded = pl.col("case_ref") if "case_ref" in named.columns else pl.lit(None, dtype=pl.String)
        named = named.with_columns(case_ref=pl.coalesce(recorded, found.gather(coded.rows.shown)))
    return named.select(*[name for name in EVENTS.schema if name in named.columns],
                        *[name for name in frame.columns if name not in EVENTS.schema])  # fmt: skip


def learn_names(events: pl.DataFrame | Sequence[pl.LazyFrame], *, rules: Sequence[Rule] = ()) -> Learnt:
    """Learn what the names of a log rest on, to name a part of it, or another log, as these events are named.

    Parameters
    ----------
    events : events frame, or lazy frames that are one log together, of which one at a time is in memory.
    rules : names given by people, the same as for `name_activities`.

    Returns
    -------
    The templates of `name_activities`: which parts of which application's titles and labels change with the record. What
    occurs in these events gets the name that it has there; of what does not, titles of a known form get their template,
    and others stand for themselves.

    >>> import polars as pl, taskkit as tk
    >>> columns = {"timestamp": "at", "window_title": "title"}
    >>> seen = [f"Chat | {name} - Talk" for name in "ABCDEFGHIJKLM"]
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_013), "title": seen}), columns=columns)
    >>> other = tk.from_table(pl.DataFrame({"at": [1_800_000_000], "title": ["Chat | Zoe - Talk"]}), columns=columns)
    >>> tk.name_activities(other, learnt=learn_names(log))["screen"].to_list()
    ['Chat | ‹…› - Talk']
    """
    return code_rows([events.lazy()] if isinstance(events, pl.DataFrame) else events, rules).learnt


def read_actions(
    path: str | Path,
    *,
    rules: Sequence[Rule] = (),
    idle_cap: str = "60s",
    key: bytes | None = None,
    learnt: Learnt | None = None,
) -> pl.DataFrame:
    """Read logs straight to their actions: for millions of events, of which only what mining needs is kept.

    The names are those of `name_activities` over the same files. Texts are looked at once for each distinct combination;
    rows pass as numbers.

    Parameters
    ----------
    path : Parquet logs, as for `scan_log`; their keys are not checked.
    rules, idle_cap, learnt : as for `name_activities`.
    key : the key of an encrypted log (`taskkit.privacy.read_key`).

    Returns
    -------
    One row per action, ordered by user, session and seq: `user`, `session_id`, `seq` and `timestamp` of the row that
    stands for it, `app`, `screen`, `activity`, `events` (rows that belong to it) and `active_seconds` of them.

    Raises
    ------
    LogFileError, ContractError : a file is no Parquet log of events.

    >>> import pathlib, tempfile, polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 5], "what": ["copy", "paste"], "app": ["mail", "erp"]}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "log.parquet"
    >>> tk.write_log(log, file)
    >>> tk.read_actions(file)["activity"].to_list()
    ['copy mail', 'paste erp']
    """
    coded = code_rows(scan_parts(path, key=key), rules, learnt)
    rows = coded.rows
    done = climb(rows, coded.names, coded.windows, idle_cap=parse_duration(idle_cap).total_seconds())
    # the rows of an action stand together, so that sums over them are sums over stretches
    opens = np.ones(len(rows.session), np.bool_)
    opens[1:] = (done.action[1:] != done.action[:-1]) | (rows.session[1:] != rows.session[:-1])
    begins = np.flatnonzero(opens)
    whole = done.action[begins] > 0
    seconds = np.add.reduceat(done.active_seconds, begins)[whole] if len(begins) else np.empty(0)
    step = np.flatnonzero(done.step)
    of_action = {"events": np.diff(begins, append=len(opens))[whole].astype(np.uint32), "active_seconds": seconds}
    return pl.concat(
        [
            coded.sessions.with_columns(_enum("user"), _enum("session_id"))[rows.session[step]],
            pl.DataFrame({"seq": rows.seq[step], "timestamp": pl.Series(rows.at[step]).cast(TIME)}),
            coded.names.select(_enum("app"), _enum("screen"))[rows.code[step]],
            coded.activities.to_frame("activity").select(_enum("activity"))[done.name[step].astype(np.uint32)],
            pl.DataFrame(of_action),
        ],
        how="horizontal",
    )


def _enum(name: str) -> pl.Expr:
    """Texts as numbers of their alphabetical list: millions of rows stay small."""
    return pl.col(name).cast(pl.Categorical)


def list_actions(events: pl.DataFrame) -> pl.DataFrame:
    """List the actions of a named log, and where a value that was entered came from.

    An action enters a value that came from another action of the same session if the digests are equal: pasted where it
    was copied before ("copy-paste"), or typed although it was copied, entered or shown elsewhere before ("re-keying").
    The latest such action within half an hour counts. Values under four characters are left out: they are equal by chance.

    Parameters
    ----------
    events : events frame of `name_activities`.

    Returns
    -------
    One row per action, ordered by user, session and number: `user`, `session_id`, `action`, `start`, `end` (of its rows),
    `app`, `app_role`, `screen`, `activity`, `events`, `active_seconds`, `value_digest` (the last value that travelled), `source`
    (copy-paste, re-keying or null) and `source_action`. Its rows are
    `events.filter(user=…, session_id=…, action=…)`.

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"timestamp": [1.8e9, 1.8e9 + 9], "event_type": ["copy", "paste"],
    ...     "app": ["mail", "erp"], "value_digest": ["d1", "d1"], "value_length": [8, 8]}))
    >>> tk.list_actions(tk.name_activities(log)).select("activity", "source", "source_action").rows()
    [('copy mail', None, None), ('paste erp', 'copy-paste', 1)]
    """
    require_columns(events, "action", "activity", "step", made_by="name_activities")
    keys = ["user", "session_id", "action"]
    rows = events.filter(pl.col("action").is_not_null()).sort(KEYS)
    missing = [
        pl.lit(None, dtype=EVENTS[n].dtype).alias(n) for n in ("value_digest", "value_length") if n not in rows.columns
    ]
    rows = rows.with_columns(missing)
    stands = [pl.col(name).filter("step").first() for name in ("app", "app_role", "screen", "activity")]
    carried = pl.when(pl.col("value_length").fill_null(9) >= SHORT_VALUE).then("value_digest")
    listed = rows.group_by(keys, maintain_order=True).agg(
        pl.col("timestamp").min().alias("start"), pl.col("timestamp").max().alias("end"), *stands,
        pl.len().alias("events"), pl.col("active_seconds").sum(), carried.drop_nulls().last().alias("value_digest"),
        pl.col("event_type").cast(pl.String).is_in(["paste"]).any().alias("_pastes"),
        pl.col("event_type").cast(pl.String).is_in(["text_input"]).any().alias("_types"),
    )  # fmt: skip
    place = pl.struct("app", "screen", at=pl.col("activity").str.replace(VERB, ""))
    seen = pl.when(pl.col("value_digest").is_not_null()).then(pl.struct("action", "start", place.alias("place")))
    before = seen.shift(1).over("user", "session_id", "value_digest")
    near = (pl.col("start") - before.struct.field("start")) <= pl.duration(minutes=CARRIED_MINUTES)
    elsewhere = pl.col("value_digest").is_not_null() & near & (before.struct.field("place") != place)
    source = (
        pl.when(elsewhere & pl.col("_pastes"))
        .then(pl.lit("copy-paste"))
        .when(elsewhere & pl.col("_types"))
        .then(pl.lit("re-keying"))
    )
    return listed.with_columns(
        source=source, source_action=pl.when(source.is_not_null()).then(before.struct.field("action"))
    ).drop("_pastes", "_types")
