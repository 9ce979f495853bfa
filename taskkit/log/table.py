"""Any table to events: a mapping of column names, everything that is missing filled."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import polars as pl

from taskkit.errors import ContractError, SettingError, check_choice
from taskkit.log.times import read_times
from taskkit.log.words import event_type_of
from taskkit.schema import EVENT_TYPE, EVENT_TYPES, EVENTS, require

KEPT_AS_IT_IS = "from_table keeps names and values as they are: pseudonyms and redaction are for read_log"
_OF_A_FILE = f"A file is read with read_log(path, columns={{…}}); {KEPT_AS_IT_IS}."
RECORDED = EVENTS.columns[: [column.name for column in EVENTS.columns].index("redactions") + 1]


def from_table(
    frame: Any, *, columns: Mapping[str, str] | None = None, user: str = "p_unknown", source: str = ""
) -> pl.DataFrame:
    """Make an events frame from any table; every row stays, in the table's order.

    What the table lacks is filled: one user, one session per user, and `seq` = the row order of the table (the rows are
    not sorted by time first). A `seq` that the table brings is kept even where the clock jumps. A row without user
    takes the user of the row before it (at the start: after it). Foreign event names land in `event_name`;
    `event_type` is what a word in them tells (copy, paste, click, edit, navigate …), else "other". A url loses its
    query and fragment.
    Names and titles are kept as they are: pseudonyms and redaction are for `read_log`, or for `taskkit.privacy`.

    Parameters
    ----------
    frame : polars or pandas frame, one row per interaction.
    columns : {contract name: foreign name}. A column that already bears its contract name needs no entry; columns that
        are neither named here nor in the contract are left out. Without `event_name`, texts of `event_type` that are
        not in the contract are taken for foreign event names.
    user : the one user of a table without users.
    source : what messages call the table.

    Returns
    -------
    One row per row of `frame`, in the same order, with all recorded columns of the events contract.

    Raises
    ------
    ContractError : no time column, a mapped column that is not there, a value that cannot be read, or a key
        (user, session_id, seq) that occurs twice.
    SettingError : `columns` is no mapping, or names a column that the contract does not have.

    >>> table = pl.DataFrame({"when": ["2026-03-02T08:00:00Z"], "what": ["clickButton"]})
    >>> from_table(table, columns={"timestamp": "when", "event_name": "what"})["event_type"].to_list()
    ['click']
    """
    table, where = as_polars(frame), source or "the table"
    chosen = _choose(table, check_mapping(table, {} if columns is None else columns, where), where)
    picked = table.select(pl.col(foreign).alias(name) for name, foreign in chosen.items())
    picked = picked.with_columns(read_times(picked["timestamp"], column=chosen["timestamp"], where=where))
    for name in picked.columns:
        if name not in ("timestamp", "event_type"):
            picked = picked.with_columns(_cast(picked[name], name, chosen[name], where))
    picked = picked.with_columns(_event_types(picked))
    if "url" in picked.columns:
        picked = picked.with_columns(pl.col("url").str.replace(r"[?#].*$", ""))
    picked = _fill_keys(picked, user)
    names = [c for c in EVENTS.columns if c in RECORDED or c.name in picked.columns]
    return require(
        picked.select(
            pl.col(c.name) if c.name in picked.columns else pl.lit(None, dtype=c.dtype).alias(c.name) for c in names
        ),
        source=where,
    )


def as_polars(frame: Any, *, asked_by: str = "from_table", else_do: str = _OF_A_FILE) -> pl.DataFrame:
    """The frame in polars; anything else is an error that says what a file needs."""
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if not (hasattr(frame, "columns") and hasattr(frame, "isna") and hasattr(frame, "astype")):
        raise ContractError(
            f"{asked_by} was given a {type(frame).__name__} ({str(frame)[:80]!r}); allowed: a polars or pandas frame. {else_do}"
        )
    if len({*map(str, frame.columns)}) < len(frame.columns):
        raise ContractError("The pandas frame has two columns of one name; rename them first.")
    return pl.DataFrame({str(name): _from_pandas(frame[name]) for name in frame.columns})


def _from_pandas(column: Any) -> pl.Series:
    """A pandas column without pyarrow and without importing pandas: value by value, NaN and NaT as null."""
    values = [
        None if missing else value.to_pydatetime(warn=False) if hasattr(value, "to_pydatetime") else value
        for value, missing in zip(column.astype(object).tolist(), column.isna().tolist(), strict=True)
    ]
    try:
        return pl.Series(values)
    except (TypeError, pl.exceptions.PolarsError):
        return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)


def check_mapping(table: pl.DataFrame, columns: object, where: str) -> dict[str, str]:
    """The mapping {contract name: foreign name}; raises with everything that is wrong with it."""
    if not isinstance(columns, Mapping) or not all(isinstance(name, str) for pair in columns.items() for name in pair):
        raise SettingError(
            f"columns={str(columns)[:80]} is no mapping. Allowed: {{contract name: name in the table}}, such as "
            "columns={'timestamp': 'When', 'app': 'Program'}."
        )
    columns = dict(columns)
    for name in columns:
        check_choice(name, allowed=EVENTS.schema, what="column of the events contract")
    missing = [foreign for foreign in columns.values() if foreign not in table.columns]
    if missing:
        near = {f: difflib.get_close_matches(str(f), table.columns, n=1) for f in missing}
        said = ", ".join(f"{f!r}" + (f" (did you mean {near[f][0]!r}?)" if near[f] else "") for f in missing)
        raise ContractError(f"{where} has no column {said}. Columns found: {_listed(table.columns)}.")
    return columns


def _choose(table: pl.DataFrame, columns: dict[str, str], where: str) -> dict[str, str]:
    """Contract name → name in the table; a column that bears its contract name needs no entry."""
    taken = {*columns.values()}
    same = {name: name for name in EVENTS.schema if name in table.columns and name not in columns and name not in taken}
    chosen = columns | same
    if "timestamp" not in chosen:
        raise ContractError(
            f"No column of {where} is mapped to 'timestamp', so nothing can be put in time. "
            f"Say which it is: columns={{'timestamp': '…'}}. Columns found: {_listed(table.columns)}."
        )
    return chosen


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (f", … ({len(names)} in all)" if len(names) > 20 else "") if names else "none"


def _cast(series: pl.Series, name: str, foreign: str, where: str) -> pl.Series:
    """The column in the contract's type; a value that would be lost is an error."""
    wanted = EVENTS[name].dtype
    try:
        out = series.cast(wanted, strict=False)
        if wanted.is_integer() and (series.dtype.is_float() or series.dtype == pl.String):
            number = series.cast(pl.Float64, strict=False)
            out = pl.select(
                pl.coalesce(out if series.dtype == pl.String else None, number.round().cast(wanted, strict=False))
            ).to_series()
            out = out.set((number != number.round()).fill_null(False), None)
    except pl.exceptions.PolarsError:
        raise ContractError(
            f"Column {foreign!r} of {where} has the type {series.dtype}; allowed for {name!r}: {wanted}."
        ) from None
    if wanted == pl.String:
        out = out.set((out.str.strip_chars() == "").fill_null(False), None)
    blank = series.is_null()
    if series.dtype == pl.String:
        blank = blank | (series.str.strip_chars() == "").fill_null(True)
    wrong = out.is_null() & ~blank
    if wrong.any():
        first = int(wrong.arg_max() or 0)
        raise ContractError(
            f"Column {foreign!r} of {where} cannot be read as {name!r} in {int(wrong.sum()):,} rows; the first is row "
            f"{first} (counted from 0): {str(series[first])[:80]!r}. Allowed: {wanted}, {EVENTS[name].meaning}."
        )
    return out.alias(name)


def _event_types(picked: pl.DataFrame) -> list[pl.Series]:
    """`event_type`, and `event_name` where a foreign `event_type` brought the name."""
    given = picked["event_type"].cast(pl.String) if "event_type" in picked.columns else None
    names = picked["event_name"] if "event_name" in picked.columns else given
    if names is None:
        names = pl.Series("event_name", [None] * picked.height, dtype=pl.String)
    if given is None:
        given = names
    known = {text: text if text in EVENT_TYPES else event_type_of(text) for text in given.unique().drop_nulls()}
    types = given.replace_strict(list(known), list(known.values()), default="other", return_dtype=pl.String)
    return [types.fill_null("other").cast(EVENT_TYPE).alias("event_type"), names.alias("event_name")]


def _fill_keys(picked: pl.DataFrame, user: str) -> pl.DataFrame:
    """Fill user, session and seq, in this order."""
    picked = picked.with_row_index("_row")
    order = ["seq", "_row"] if "seq" in picked.columns else ["_row"]
    inside = pl.col("session_id") if "session_id" in picked.columns else pl.lit(0)
    if "user" in picked.columns:
        users = pl.col("user").forward_fill().backward_fill().over(inside, order_by=order).fill_null(user)
    else:
        users = pl.lit(user)
    picked = picked.with_columns(users.alias("user"))
    numbered = pl.lit("s") + pl.col("user").rank("dense").cast(pl.String)  # unique although the key has the user too
    if "session_id" in picked.columns:
        filled = pl.col("session_id").forward_fill().backward_fill().over("user", order_by=order)
        picked = picked.with_columns(filled.fill_null(numbered))
    else:
        picked = picked.with_columns(numbered.alias("session_id"))
    if "seq" not in picked.columns:
        picked = picked.with_columns(pl.col("_row").cast(pl.UInt64).alias("seq"))
    return picked.drop("_row")
