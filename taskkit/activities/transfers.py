"""What is carried by hand: values copied and pasted, and values that are typed although they were there already."""

from __future__ import annotations

import polars as pl

from taskkit.activities.fields import SESSION, WRITES, element, in_order, value_key, value_length
from taskkit.log.durations import parse_duration
from taskkit.schema import require_columns

SHORTEST_VALUE = 4  # characters; shorter values meet by chance
CONSTANT_SHARE, CONSTANT_TIMES = 0.1, 10  # a value with more than this share of a field's entries is a constant of it
_FLOW = ["kind", "from_app", "from_element", "to_app", "to_element"]
_HOW = {"copy": "copied", "cut": "copied", "paste": "pasted", "text_input": "typed"}


def count_transfers(events: pl.DataFrame) -> pl.DataFrame:
    """Count what is carried by hand: a value copied in one place and pasted in another.

    A paste belongs to the latest copy of the same value (digest, or content where the log has it) in the session; without
    either it belongs to the latest copy of all.

    Parameters
    ----------
    events : events frame of `name_activities`.

    Returns
    -------
    One row per way and pair of places, most frequent first: `kind` ("copied → pasted", "cut → pasted", or "unknown →
    pasted" for pastes without a copy in the log), `from_app`, `from_element`, `to_app`, `to_element` (numbers as #, null
    where the log does not tell), `transfers`, `people`, `median_seconds` from copy to paste, `share` of all pastes.

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 9], "app": ["mail", "erp"], "what": ["copy", "paste"]}),
    ...                     columns={"timestamp": "at", "app": "app", "event_name": "what"})
    >>> tk.count_transfers(tk.name_activities(log)).select("kind", "from_app", "to_app", "transfers").rows()
    [('copied → pasted', 'mail', 'erp', 1)]
    """
    require_columns(events, "activity", made_by="name_activities")
    how = pl.col("event_type").cast(pl.String)
    rows = in_order(events.filter(how.is_in(["copy", "cut", "paste"])))
    rows = rows.with_columns(_key=value_key(rows), _place=element(rows), _how=how, _copy=how != "paste")
    source = pl.when("_copy").then(pl.struct(app="app", place="_place", at="timestamp", how="_how"))
    rows = rows.with_columns(
        _same=source.forward_fill().over([*SESSION, "_key"]), _last=source.forward_fill().over(SESSION)
    ).filter(~pl.col("_copy"))
    origin = pl.when(pl.col("_key").is_not_null()).then("_same").otherwise("_last")
    begins = origin.struct.field("how").replace({"copy": "copied"}).fill_null("unknown")
    transfers = rows.select(
        "user", kind=pl.concat_str(begins, pl.lit(" → pasted")), from_app=origin.struct.field("app"),
        from_element=origin.struct.field("place"), to_app="app", to_element="_place",
        seconds=(pl.col("timestamp") - origin.struct.field("at")).dt.total_microseconds() / 1e6,
    )  # fmt: skip
    return _counted(transfers, "transfers", transfers.height)


def count_reentries(events: pl.DataFrame, *, within: str = "30m") -> pl.DataFrame:
    """Count what is typed again: a value that the same person saw, copied or wrote in another place shortly before.

    A typed entry is a re-entry if the latest earlier row of this person with the same value (digest, or content where the
    log has it), at most `within` before, stands in another place (application and field). Typed again where it was, as
    after a slip, it is none. Values that can meet by chance do not count: shorter than four characters (or of unknown
    length), and constants of a field, that is values with ten or more entries and more than a tenth of all entries of that
    field, such as a company code. What a person read on paper or in a picture, or heard, cannot be seen.

    Parameters
    ----------
    events : events frame of `name_activities`, with digests (or content) of values.
    within : longest time from the earlier row to the entry, such as "30m".

    Returns
    -------
    One row per way and pair of places, most frequent first: `kind` ("shown → typed", "copied → typed", "typed → typed",
    "pasted → typed"), `from_app`, `from_element`, `to_app`, `to_element` (numbers as #), `reentries`, `people`,
    `median_seconds` between the two, `share` of the typed entries whose value counts, `within_seconds`. Empty if the log
    holds no digests.

    Raises
    ------
    ContractError : `name_activities` has not been run.
    SettingError : `within` is no duration.

    >>> from datetime import UTC, datetime
    >>> import polars as pl, taskkit as tk
    >>> log = pl.DataFrame({"user": "p_1", "session_id": "s1", "seq": [0, 1], "app": ["pdf", "erp"],
    ...     "timestamp": [datetime(2026, 3, 2, 8, 0, s, tzinfo=UTC) for s in (0, 9)], "event_type": ["click", "text_input"],
    ...     "value_digest": ["d1", "d1"], "value_length": [8, 8]})
    >>> log = log.cast({name: tk.EVENTS.schema[name] for name in log.columns})
    >>> count_reentries(tk.name_activities(log)).select("kind", "from_app", "to_app", "reentries").rows()
    [('shown → typed', 'pdf', 'erp', 1)]
    """
    require_columns(events, "activity", made_by="name_activities")
    limit = parse_duration(within).total_seconds()
    key = value_key(events)
    rows = in_order(events.filter(key.is_not_null() & pl.col("app").is_not_null()))
    rows = rows.select(
        "user", "timestamp", "app", how=pl.col("event_type").cast(pl.String), element=element(rows),
        key=value_key(rows), length=value_length(rows),
    )  # fmt: skip
    place = ["app", "element"]
    earlier = [pl.col(name).shift(1).over("user", "key").alias(f"from_{name}") for name in (*place, "how", "timestamp")]
    field = [*place, "key"]
    rows = rows.join(_constants(rows), on=field, how="left", nulls_equal=True, maintain_order="left")
    rows = rows.with_columns(*earlier)
    typed = rows.filter(
        (pl.col("how") == "text_input") & (pl.col("length") >= SHORTEST_VALUE) & pl.col("constant").is_null()
    )
    begins = pl.col("from_how").replace_strict(_HOW, default="shown", return_dtype=pl.String)
    found = typed.select(
        "user", "from_app", "from_element", kind=pl.concat_str(begins, pl.lit(" → typed")), to_app="app", to_element="element",
        seconds=(pl.col("timestamp") - pl.col("from_timestamp")).dt.total_microseconds() / 1e6,
    )  # fmt: skip
    elsewhere = pl.col("from_app").ne_missing(pl.col("to_app")) | pl.col("from_element").ne_missing(
        pl.col("to_element")
    )
    again = found.filter(pl.col("from_app").is_not_null() & elsewhere & pl.col("seconds").is_between(0, limit))
    return _counted(again, "reentries", typed.height).with_columns(within_seconds=pl.lit(limit))


def _constants(rows: pl.DataFrame) -> pl.DataFrame:
    """The values that a field gets so often that they say nothing: app, element, key, constant (true)."""
    written = rows.filter(pl.col("how").is_in(WRITES)).group_by("app", "element", "key").len("n")
    often = pl.col("n") > CONSTANT_SHARE * pl.col("n").sum().over("app", "element")
    kept = written.filter(often & (pl.col("n") >= CONSTANT_TIMES))
    return kept.select("app", "element", "key", constant=pl.lit(True))


def _counted(moves: pl.DataFrame, name: str, whole: int) -> pl.DataFrame:
    """One row per flow from the single moves: how many, by how many people, how soon, which part of the whole."""
    counted = moves.group_by(_FLOW).agg(
        pl.len().cast(pl.UInt32).alias(name),
        people=pl.col("user").n_unique(),
        median_seconds=pl.col("seconds").median(),
    )
    counted = counted.with_columns(share=pl.col(name) / max(whole, 1))
    return counted.sort(name, *_FLOW, descending=[True, *[False] * len(_FLOW)])
