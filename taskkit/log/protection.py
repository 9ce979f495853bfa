"""Protection on the way in: values to digests, users to pseudonyms, names and titles redacted."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from taskkit.privacy import UNKNOWN_USER, digest, pseudonym, redact, shape

REDACTED = ("window_title", "url", "element_name", "element_id", "event_name", "app", "case_ref")
_FOLDERS = r"^.*[\\/]"  # a program is its file's name: the folders before it may be somebody's
_SIGN_IN = r"^(\w+://)[^/@]*@"  # user and password in an address


def protect(
    events: pl.DataFrame, *, key: bytes, keep_values: bool = False, clear_sessions: bool = False
) -> pl.DataFrame:
    """Take content and clear names out of an events frame; every distinct text is looked at once.

    Parameters
    ----------
    events : events frame with content in `value`.
    key : key of digests and pseudonyms.
    keep_values : keep the content beside its digest.
    clear_sessions : session ids are names of machines and become digests too.

    Returns
    -------
    The same rows with `value_digest`, `value_length`, `value_shape`, pseudonyms in `user`, redacted names and titles,
    and the kinds that were removed in `redactions`; `value` is null unless it is kept.
    """
    values = events["value"]
    out = events.with_columns(
        _digests(values, key).fill_null(_digests(events["value_digest"], key)).alias("value_digest"),
        values.str.len_chars().fill_null(events["value_length"]).alias("value_length"),
        _shapes(values).fill_null(_shapes(events["value_shape"])).alias("value_shape"),
        (values if keep_values else pl.Series("value", [None] * len(values), dtype=pl.String)),
    )
    users = events["user"].unique()
    # nobody's name is no name: that the log does not say who worked must stay readable
    called = [u if u == UNKNOWN_USER else pseudonym(u, key=key) for u in users]
    out = out.with_columns(_each(events["user"], users, called, pl.String))
    if clear_sessions:
        out = out.with_columns(("s_" + _digests(events["session_id"], key).str.head(12)).alias("session_id"))
    events = events.with_columns(
        pl.col("app").str.replace(_FOLDERS, ""), pl.col("url").str.replace(_SIGN_IN, "$1"),
    )  # fmt: skip
    kinds = pl.DataFrame({"redactions": events["redactions"]})
    for name in REDACTED:
        texts = events[name].unique().drop_nulls()
        clean = [redact(text) for text in texts]
        out = out.with_columns(_each(events[name], texts, [text for text, _ in clean], pl.String))
        found = [removed or None for _, removed in clean]
        kinds = kinds.with_columns(_each(events[name], texts, found, pl.List(pl.String)).alias(name))
    lists = [pl.col(name).fill_null([]) for name in kinds.columns]
    together = pl.concat_list(lists).list.unique(maintain_order=True)
    return out.with_columns(
        kinds.select(pl.when(together.list.len() > 0).then(together).alias("redactions")).to_series()
    )


def _digests(texts: pl.Series, key: bytes) -> pl.Series:
    known = texts.unique().drop_nulls()
    return _each(texts, known, [digest(text, key=key) for text in known], pl.String)


def _shapes(texts: pl.Series) -> pl.Series:
    known = texts.unique().drop_nulls()
    return _each(texts, known, [shape(text) for text in known], pl.String)


def _each(
    series: pl.Series, known: pl.Series, values: Sequence[object], dtype: pl.DataType | type[pl.DataType]
) -> pl.Series:
    """The value of each distinct text, on every row."""
    if known.is_empty():
        return pl.Series(series.name, [None] * len(series), dtype=dtype)
    place = series.replace_strict(known, pl.int_range(len(known), dtype=pl.UInt32, eager=True), default=None)
    return pl.Series(values, dtype=dtype).gather(place).alias(series.name)
