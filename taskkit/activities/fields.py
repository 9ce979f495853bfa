"""Where a row stands and which value it carries, as expressions that also work where a log lacks the columns."""

from __future__ import annotations

import polars as pl

from taskkit.activities.numbers import digest
from taskkit.schema import rises

SESSION = ("user", "session_id")
WRITES = ("text_input", "paste")


def element(frame: pl.DataFrame) -> pl.Expr:
    """The field: its label or else its id, with numbers as # ("B7" and "B8" are cells of one column)."""
    return _first_known(frame, "element_name", "element_id").str.replace_all(r"\d+", "#")


def value_key(frame: pl.DataFrame) -> pl.Expr:
    """What tells whether two values are equal: the digest, or the content where the log has that instead."""
    return _first_known(frame, "value_digest", "value")


def value_length(frame: pl.DataFrame) -> pl.Expr:
    """Characters of the value; null where the log does not tell."""
    known = [pl.col("value_length")] if "value_length" in frame.columns else []
    content = [pl.col("value").str.len_chars()] if "value" in frame.columns else []
    return pl.coalesce(*known, *content, pl.lit(None, pl.UInt32))


def excluded(frame: pl.DataFrame) -> pl.Expr:
    """True for rows that were not recorded on purpose: only that there was something is known."""
    if "redactions" not in frame.columns:
        return pl.lit(False)
    return pl.col("redactions").list.contains("excluded").fill_null(False)


def in_order(events: pl.DataFrame) -> pl.DataFrame:
    """The rows person by person and session by session, in the order in which they happened."""
    if rises(events, twice=True):  # as name_activities leaves it: to look is ten times quicker than to sort
        return events
    return events.sort(*SESSION, "seq")


def opens_session() -> pl.Expr:
    """True where a session begins, in rows that stand session by session."""
    session = digest(SESSION)
    return (session != session.shift(1)).fill_null(True)


def changes(*names: str) -> pl.Expr:
    """True where one of the columns differs from the row before, and in the first row."""
    differs = [pl.col(name).ne_missing(pl.col(name).shift(1)) for name in names]
    return pl.any_horizontal(*differs) | (pl.int_range(pl.len()) == 0)


def _first_known(frame: pl.DataFrame, *names: str) -> pl.Expr:
    return pl.coalesce(*[name for name in names if name in frame.columns], pl.lit(None, pl.String))
