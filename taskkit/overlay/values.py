"""Values that were copied, pasted or entered and give their case away: attributes of a case, and what was seen with one only."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.overlay.coding import number_texts
from taskkit.privacy import digest
from taskkit.schema import PROCESS

SHORTEST_VALUE = 5  # characters; with a digit among them: words and short codes are typed for many cases
MOST_CASES = 3  # of which one is open; a value that more cases have (a currency, a price) tells nothing
OPEN_FOR = "1d"  # work on a case may begin that long before its first process event, and end that long after its last
_Array = Any  # numpy array


class Values(NamedTuple):
    """What the values of the rows say about cases."""

    numbers: _Array  # of every row: the number of its value, -1 without one
    telling: _Array  # of every number: whether it may say something by itself
    starts: _Array  # of every number: where its cases begin in `cases`, and one more place at the end
    cases: _Array  # that have the value as an attribute
    opens: _Array  # of every case: microseconds, by the process's clock
    closes: _Array


def code_values(events: pl.DataFrame, process: pl.DataFrame, cases: pl.Series, *, key: bytes | None) -> Values:
    """Number the values of the rows, and look up with `key` which of them are attributes of cases."""
    day = {
        "opens": pl.col("timestamp").min().dt.offset_by(f"-{OPEN_FOR}"),
        "closes": pl.col("timestamp").max().dt.offset_by(OPEN_FOR),
    }
    spans = process.group_by("case_id").agg(**day).sort("case_id").select(pl.col("opens", "closes").dt.timestamp("us"))
    times = spans["opens"].to_numpy(), spans["closes"].to_numpy()
    if "value_digest" not in events.columns or not events["value_digest"].count():
        return Values(
            np.full(events.height, -1, np.int32),
            np.zeros(0, np.bool_),
            np.zeros(1, np.int64),
            np.empty(0, np.int32),
            *times,
        )
    numbers, distinct = number_texts(events["value_digest"])
    names = pl.DataFrame({"name": distinct}).with_row_index("number")
    said = names.join(_telling(events, numbers), on="number", how="left", maintain_order="left")
    known = _attributes(process, cases, key).join(names, on="name").unique(["number", "case"])
    known = known.filter(pl.len().over("number") <= MOST_CASES).sort("number", "case")
    starts = np.searchsorted(known["number"].to_numpy(), np.arange(distinct.len() + 1)).astype(np.int64)
    some = distinct.is_not_null().to_numpy()
    own = np.where(some[numbers], numbers.astype(np.int32), -1)
    return Values(own, said["telling"].fill_null(False).to_numpy(), starts, known["case"].to_numpy(), *times)


def _telling(events: pl.DataFrame, numbers: _Array) -> pl.DataFrame:
    """Whether the values are long enough and hold a digit, as far as the log says so."""
    telling = pl.lit(True)
    if "value_length" in events.columns:
        telling &= (pl.col("value_length") >= SHORTEST_VALUE).fill_null(True)
    if "value_shape" in events.columns:
        telling &= pl.col("value_shape").str.contains("9", literal=True).fill_null(True)
    have = [name for name in ("value_digest", "value_length", "value_shape") if name in events.columns]
    rows = events.select(have).with_columns(number=pl.Series(numbers)).drop_nulls("value_digest")
    return rows.select("number", telling=telling).group_by("number").agg(pl.col("telling").all())


def _attributes(process: pl.DataFrame, cases: pl.Series, key: bytes | None) -> pl.DataFrame:
    """One row per case and digest of a way to write one of its attributes (its number is one of them)."""
    if key is None:
        return pl.DataFrame(schema={"case": pl.Int32, "name": pl.String})
    place = pl.DataFrame({"case_id": cases}).with_row_index("case").with_columns(pl.col("case").cast(pl.Int32))
    own = [name for name in process.columns if name not in PROCESS.schema]
    texts = [_written(process, name) for name in ("case_id", *own)]
    written = pl.concat(texts).join(place, on="case_id").select("case", "text").unique()
    telling = (pl.col("text").str.len_chars() >= SHORTEST_VALUE) & pl.col("text").str.contains(r"\d")
    written = written.filter(telling)
    written = written.filter(pl.len().over("text") <= MOST_CASES)
    distinct = written["text"].unique().sort()
    names = pl.DataFrame({"text": distinct, "name": [digest(text, key=key) for text in distinct]})
    return written.join(names.cast({"name": pl.String}), on="text").select("case", "name")


def _written(process: pl.DataFrame, name: str) -> pl.DataFrame:
    """`case_id` and `text`: an attribute as forms and documents write it."""
    distinct = process.select("case_id", value=name).drop_nulls().unique()
    dtype = distinct["value"].dtype
    if dtype.is_nested() or dtype in (pl.Boolean, pl.Binary, pl.Duration, pl.Time, pl.Null):
        return pl.DataFrame(schema={"case_id": pl.String, "text": pl.String})
    if dtype.is_temporal():
        forms = [pl.col("value").dt.strftime(form) for form in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")]
        return pl.concat([distinct.select("case_id", text=form) for form in forms]).unique()
    plain = pl.col("value").cast(pl.String).str.strip_chars()
    if dtype.is_float():
        plain = plain.str.replace(r"^(-?\d+)\.0$", "${1}")  # a whole number is written without a point
    number = plain.cast(pl.Float64, strict=False)
    amounts = distinct.select("case_id", plain=plain, number=number).filter(
        (pl.col("number").abs() < 1e13) & pl.col("plain").str.contains(r"^-?\d+(\.\d+)?$")
    )
    cents = (pl.col("number").abs() * 100).round().cast(pl.Int64)
    whole, rest = (cents // 100).cast(pl.String), (cents % 100).cast(pl.String).str.zfill(2)
    grouped = whole.str.reverse().str.replace_all(r"(\d{3})", "$1,").str.strip_chars_end(",").str.reverse()
    sign = pl.when(pl.col("number") < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    forms = [
        sign + (grouped.str.replace_all(",", mark, literal=True) if mark else whole) + point + rest
        for mark, point in (("", "."), ("", ","), (",", "."), (".", ","), ("\u00a0", ","), ("'", "."))
    ]
    return pl.concat(
        [distinct.select("case_id", text=plain), *(amounts.select("case_id", text=form) for form in forms)]
    ).unique()
