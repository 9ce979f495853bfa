"""Which rows type again what was there already, and where a pasted value comes from, row by row."""

from __future__ import annotations

import numpy as np
import polars as pl

from taskkit.activities.fields import SESSION, WRITES, element, in_order, value_key, value_length
from taskkit.activities.transfers import CONSTANT_SHARE, CONSTANT_TIMES, SHORTEST_VALUE
from taskkit.log.durations import parse_duration


def mark_rekeyed(events: pl.DataFrame, *, within: str = "30m") -> pl.Series:
    """Say for every row whether it types again what the same person saw, copied or wrote elsewhere shortly before.

    The rule is that of `count_reentries`, whose sum over all flows is the number of rows marked here.

    Parameters
    ----------
    events : one row per interaction, with digests (or content) of values; without them no row is marked.
    within : longest time from the earlier row to the entry.

    Returns
    -------
    One Boolean per row of the events, in their order.

    >>> from datetime import UTC, datetime
    >>> log = pl.DataFrame({"user": "p_1", "session_id": "s1", "seq": [0, 1], "app": ["pdf", "erp"],
    ...     "timestamp": [datetime(2026, 3, 2, 8, 0, s, tzinfo=UTC) for s in (0, 9)], "event_type": ["click", "text_input"],
    ...     "value_digest": ["d1", "d1"], "value_length": [8, 8]})
    >>> mark_rekeyed(log).to_list()
    [False, True]
    """
    marks = np.zeros(events.height, bool)
    what = [
        name
        for name in ("element_name", "element_id", "value_digest", "value", "value_length")
        if name in events.columns
    ]
    keyed = events.select(
        *SESSION, "seq", "timestamp", "app", "event_type", *what, key=value_key(events)
    ).with_row_index("row")  # fmt: skip
    rows = in_order(keyed.filter(pl.col("key").is_not_null() & pl.col("app").is_not_null()))
    # hashes of 64 bits instead of texts: quicker to sort and to join
    rows = rows.select(
        "row", "timestamp", key=pl.col("key").hash(), own=pl.struct("user", "key").hash(),
        place=pl.struct("app", element(rows).alias("element")).hash(), typed=pl.col("event_type") == "text_input",
        writes=pl.col("event_type").cast(pl.String).is_in(WRITES), length=value_length(rows),
    )  # fmt: skip
    rows = rows.sort("own", maintain_order=True).with_columns(
        pl.when(pl.col("own") == pl.col("own").shift(1))
        .then(pl.col("place", "timestamp").shift(1))
        .name.prefix("from_")
    )  # the row before with the same value; a window over so many groups takes five times as long
    seconds = (pl.col("timestamp") - pl.col("from_timestamp")).dt.total_microseconds() / 1e6
    again = rows.filter(
        pl.col("typed") & (pl.col("length") >= SHORTEST_VALUE)
        & (pl.col("place") != pl.col("from_place")) & seconds.is_between(0, parse_duration(within).total_seconds())
    )  # fmt: skip
    marks[again.join(_constants(rows), on=["place", "key"], how="anti")["row"].to_numpy()] = True
    return pl.Series("rekeyed", marks)


def find_sources(events: pl.DataFrame) -> pl.Series:
    """Name for every paste the application in which its value was copied, by the rule of `count_transfers`.

    Parameters
    ----------
    events : one row per interaction.

    Returns
    -------
    One text per row of the events, in their order; null for rows that paste nothing, or something of unknown origin.

    >>> log = pl.DataFrame({"user": "p_1", "session_id": "s1", "seq": [0, 1], "app": ["mail", "erp"],
    ...                     "event_type": ["copy", "paste"]})
    >>> find_sources(log).to_list()
    [None, 'mail']
    """
    how = pl.col("event_type").cast(pl.String)
    moves = events.with_row_index("row").filter(how.is_in(["copy", "cut", "paste"]))
    moves = in_order(moves.with_columns(key=value_key(moves), pasted=how == "paste"))
    copied = pl.when(~pl.col("pasted")).then("app").forward_fill()
    source = pl.when(pl.col("key").is_not_null()).then(copied.over([*SESSION, "key"])).otherwise(copied.over(SESSION))
    found = moves.with_columns(source=source).filter("pasted").select("row", "source")
    rows = pl.DataFrame({"row": pl.int_range(events.height, dtype=pl.get_index_type(), eager=True)})
    return rows.join(found, on="row", how="left", maintain_order="left")["source"]


def _constants(rows: pl.DataFrame) -> pl.DataFrame:
    """The values that a field gets so often that they say nothing."""
    written = rows.filter("writes").group_by("place", "key").len("n")
    often = pl.col("n") > CONSTANT_SHARE * pl.col("n").sum().over("place")
    return written.filter(often & (pl.col("n") >= CONSTANT_TIMES))
