"""The record that a step shows: the number of an invoice in a title, the row of a cell, the name of a scan.

While somebody works on one thing its number stays on the screen; with the next thing another one of its kind appears. So a
number that changes says that a piece of work may be over, and one that comes back says what is being taken up again. Only
that two numbers are equal is used, never what they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

Array = np.ndarray[Any, Any]

WORD = r"[\p{L}_]*[-_]?\d[\d\p{L}._-]*"  # a word with a digit in it
CELL = r"^[A-Z]{1,2}\d{1,6}$"  # the address of a spreadsheet's cell: its row is the record
SOURCES = ("element_name", "window_title", "url")
LEAST_VALUES = 5  # kinds with fewer different numbers tell nothing
PERSISTENCE = 0.2  # how much more often than by chance a number stays the same from one step of its kind to the next


@dataclass(frozen=True)
class Records:
    """Per step: kind of number (-1 = none), latest earlier step of the session with one of that kind (-1 = none), the number
    itself as a code, latest earlier step with the same number."""

    kind: Array
    before: Array
    token: Array
    earlier: Array

    @property
    def kinds(self) -> int:
        """How many kinds there are, at least one."""
        return max(1, int(self.kind.max(initial=-1)) + 1)

    @property
    def changed(self) -> Array:
        """Steps whose number differs from the latest one of its kind."""
        return np.asarray((self.kind >= 0) & (self.before >= 0) & (self.earlier != self.before))

    def part(self, keep: Array) -> Records:
        """The records of the steps in `keep` only (whole sessions)."""
        place = (np.cumsum(keep) - 1).astype(np.int32)
        moved = [np.where(a[keep] >= 0, place[np.maximum(a[keep], 0)], -1).astype(np.int32)
                 for a in (self.before, self.earlier)]  # fmt: skip
        return Records(self.kind[keep], moved[0], self.token[keep], moved[1])


def find_records(steps: pl.DataFrame) -> Records:
    """Find the number that says most about what each step works on, if there is one."""
    found = _numbers(steps)
    worth = found.group_by("kind").agg(_worth())
    found = found.join(worth, on="kind", how="left", maintain_order="left").filter(pl.col("worth") > 0)
    best = found.sort("step", "worth", "kind", "value", descending=[False, True, False, False])
    best = best.unique("step", keep="first", maintain_order=True).with_columns(
        pl.col("step").shift(1).over("session", "kind").alias("before"),
        pl.col("step").shift(1).over("session", "kind", "value").alias("earlier"),
        token=pl.struct("kind", "value").rank("dense") - 1,
        number=pl.col("kind").rank("dense") - 1,
    )
    arrays = []
    for name in ("number", "before", "token", "earlier"):
        array = np.full(steps.height, -1, np.int32)
        array[best["step"].to_numpy()] = best[name].cast(pl.Int32).fill_null(-1).to_numpy()
        arrays.append(array)
    return Records(*arrays)


def _numbers(steps: pl.DataFrame) -> pl.DataFrame:
    """Every word with a digit in the element, title or address of each step, with its kind: the word without its digits."""
    missing = [pl.lit(None, pl.String).alias(name) for name in SOURCES if name not in steps.columns]
    frame = steps.with_columns(missing).select(
        *SOURCES, step=pl.int_range(pl.len(), dtype=pl.UInt32),
        session=pl.struct("user", "session_id").rank("dense"), screen=pl.col("screen").fill_null(""),
    )  # fmt: skip
    parts = []
    for source in SOURCES:
        # titles repeat: the words are looked for once in each different text
        texts = frame.select(pl.col(source).drop_nulls().unique())
        words = texts.with_columns(value=pl.col(source).str.extract_all(WORD)).explode("value", empty_as_null=True)
        joined = frame.select("step", "session", "screen", source).join(words.drop_nulls(), on=source, how="inner")
        is_cell = pl.col("value").str.contains(CELL) & pl.lit(source == "element_name")
        parts.append(joined.select(
            "step", "session",
            kind=pl.when(is_cell).then(pl.lit("row ") + pl.col("screen")).otherwise(pl.col("value").str.replace_all(r"\d+", "#")),
            value=pl.when(is_cell).then(pl.col("value").str.extract(r"(\d+)$")).otherwise("value"),
        ))  # fmt: skip
    return pl.concat(parts).unique(["step", "kind", "value"]).sort("step", "kind", "value")


def _worth() -> pl.Expr:
    """How telling a kind of number is: it has many values, none of which rules, and stays the same for a while."""
    counts = pl.col("value").value_counts().struct.field("count")
    stays = (pl.col("value") == pl.col("value").shift(1)).mean().fill_null(0.0)
    inside = pl.col("session") == pl.col("session").shift(1)  # a date changes between sessions only: it is no record
    changes = ((pl.col("value") != pl.col("value").shift(1)) & inside).sum()
    by_chance = ((counts / pl.len()) ** 2).sum()
    telling = (
        (pl.col("value").n_unique() >= LEAST_VALUES)
        & (counts.max() <= 0.5 * pl.len())
        & (changes >= LEAST_VALUES)
        & (stays - by_chance >= PERSISTENCE)
    )
    return pl.when(telling).then((stays + 0.1) * pl.col("value").n_unique().log()).otherwise(0.0).alias("worth")
