"""The record that a step shows: the number of an invoice in a title, the row of a cell, the name of a scan.

While somebody works on one thing its number stays on the screen; with the next thing another one of its kind appears. So a
number that changes says that a piece of work may be over, and one that comes back says what is being taken up again. Only
that two numbers are equal is used, never what they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

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


def find_records(steps: pl.DataFrame, *, kinds: pl.DataFrame | None = None) -> Records:
    """Find the number that says most about what each step works on, if there is one.

    `kinds` are those of `find_kinds`, where they were learnt from other steps.
    """
    found = _numbers(steps)
    given = _rate_kinds(found) if kinds is None else kinds
    best = _best(found, given)
    number = pl.col("kind").rank("dense") - 1  # of those that are the best one somewhere
    if kinds is not None:
        number = pl.col("kind").replace_strict(given["kind"], given["number"], return_dtype=pl.Int32)
    best = best.with_columns(_token=_packed("code", "value"), _own=_packed("session", "code"))
    best = best.with_columns(
        pl.col("step").shift(1).over("_own").alias("before"),
        pl.col("step").shift(1).over(_packed("session", "_token")).alias("earlier"),
        token=pl.col("_token"),
        number=number,
    )
    arrays = []
    for name in ("number", "before", "token", "earlier"):
        array = np.full(steps.height, -1, np.int32)
        array[best["step"].to_numpy()] = best[name].cast(pl.Int32).fill_null(-1).to_numpy()
        arrays.append(array)
    return Records(*arrays)


def find_kinds(steps: pl.DataFrame) -> pl.DataFrame:
    """The kinds of numbers that are records: `kind`, its `worth` and the `number` that it has in `find_records`."""
    found = _numbers(steps)
    kinds = _rate_kinds(found)
    used = _best(found, kinds)["kind"].unique().sort()
    return kinds.filter(pl.col("kind").is_in(used.implode())).sort("kind").with_row_index("number")


class _Found(NamedTuple):
    """The numbers that steps show; kinds and values are numbered in the order of the alphabet."""

    rows: pl.DataFrame  # step, session, kind, value
    kinds: pl.Series  # text of each kind


def _rate_kinds(found: _Found) -> pl.DataFrame:
    rated = found.rows.group_by("kind").agg(_worth())
    return rated.with_columns(kind=found.kinds.gather(rated["kind"]))


def _best(found: _Found, kinds: pl.DataFrame) -> pl.DataFrame:
    """The number of each step whose kind tells most: `kind` is a text again."""
    worth = found.kinds.to_frame("text").with_row_index("kind").join(
        kinds.select(text="kind", worth="worth"), on="text", how="inner"
    )  # fmt: skip
    rows = found.rows.join(worth, on="kind", how="left", maintain_order="left").filter(pl.col("worth") > 0)
    best = rows.sort("step", "worth", "kind", "value", descending=[False, True, False, False])
    first = pl.col("step").ne_missing(pl.col("step").shift(1))
    return best.filter(first).rename({"kind": "code", "text": "kind"})


def _numbers(steps: pl.DataFrame) -> _Found:
    """Every word with a digit in the element, title or address of each step, with its kind: the word without its digits."""
    missing = [pl.lit(None, pl.String).alias(name) for name in SOURCES if name not in steps.columns]
    frame = steps.with_columns(missing).select(
        *SOURCES, step=pl.int_range(pl.len(), dtype=pl.UInt32), session=_session(steps), screen=pl.col("screen").fill_null(""),
    )  # fmt: skip
    words: list[pl.DataFrame] = []
    shown: list[pl.DataFrame] = []
    for source in SOURCES:
        # titles repeat: the words are looked for once in each different text, of an element once on each screen
        key = [source, "screen"] if source == "element_name" else [source]
        texts = frame.select(key).unique().drop_nulls(source).sort(key).with_row_index("text")
        number = pl.lit(len(words), dtype=pl.Int32)
        joined = frame.select("step", "session", *key).join(texts, on=key, how="inner")
        shown.append(joined.select("step", "session", "text", source=number))
        found = texts.with_columns(value=pl.col(source).str.extract_all(WORD)).explode("value", empty_as_null=True)
        screen = pl.col("screen") if source == "element_name" else pl.lit("")
        is_cell = pl.col("value").str.contains(CELL) & pl.lit(source == "element_name")
        words.append(found.drop_nulls("value").select(
            "text", source=number,
            kind=pl.when(is_cell).then(pl.lit("row ") + screen).otherwise(pl.col("value").str.replace_all(r"\d+", "#")),
            value=pl.when(is_cell).then(pl.col("value").str.extract(r"(\d+)$")).otherwise("value"),
        ))  # fmt: skip
    table = pl.concat(words)
    kinds = table["kind"].unique().sort()
    table = table.with_columns((pl.col("kind", "value").rank("dense") - 1).cast(pl.UInt32)).unique()
    rows = pl.concat(shown).join(table, on=["source", "text"], how="inner")
    rows = rows.select("step", "session", "kind", "value").sort("step", "kind", "value")
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in ("step", "kind", "value"))
    return _Found(rows.filter(~same.fill_null(False)), kinds)


def _packed(one: str, other: str) -> pl.Expr:
    """A dense number for each pair of numbers, in their order: one number is compared faster than two."""
    room = pl.col(other).max().cast(pl.UInt64) + 1
    return (pl.col(one).cast(pl.UInt64) * room + pl.col(other).cast(pl.UInt64)).rank("dense") - 1


def _session(steps: pl.DataFrame) -> pl.Expr:
    """A number for each session; where its steps stand together, as they do in order, none has to be compared twice."""
    own = pl.struct("user", "session_id")
    together = steps.select(own.rle_id().max() + 1 == own.n_unique()).item() if steps.height else True
    return own.rle_id() if together else own.rank("dense")


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
