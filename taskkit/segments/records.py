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

from taskkit.activities.fields import changes
from taskkit.activities.numbers import digest, number

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

    Parameters
    ----------
    steps : in the order of user, session and seq.
    kinds : those of `find_kinds`, where they were learnt from other steps.
    """
    from taskkit.segments.kernels import look_back

    shown = _numbers(steps)
    given = _rate_kinds(shown) if kinds is None else kinds
    entry, entries = _best(shown, given)
    # numbers in the order of the alphabet, of those that are the best one somewhere
    used = pl.Series(np.unique(entry[entry >= 0]), dtype=pl.UInt32)
    named = entries[used].with_columns(
        kind=pl.col("kind").rank("dense") - 1, token=pl.struct("kind", "value").rank("dense") - 1
    )
    kind_of, token_of = (_by_entry(entries.height, used, named[name]) for name in ("kind", "token"))
    kind, token = kind_of[entry], token_of[entry]
    before, earlier = look_back(
        shown.session, kind, token, int(kind.max(initial=-1)) + 1, int(token.max(initial=-1)) + 1
    )
    if kinds is not None:
        number = entries[used]["kind"].replace_strict(given["kind"], given["number"], return_dtype=pl.Int32)
        kind = _by_entry(entries.height, used, number)[entry]
    return Records(kind, before, token, earlier)


def find_kinds(steps: pl.DataFrame) -> pl.DataFrame:
    """The kinds of numbers that are records: `kind`, its `worth` and the `number` that it has in `find_records`."""
    shown = _numbers(steps)
    kinds = _rate_kinds(shown)
    entry, entries = _best(shown, kinds)
    used = entries[np.unique(entry[entry >= 0])]["kind"].unique()
    return kinds.filter(pl.col("kind").is_in(used.implode())).sort("kind").with_row_index("number")


class _Shown(NamedTuple):
    """The numbers that steps show."""

    session: Array  # number of each step's session
    texts: list[Array]  # per source: the number of each step's text
    words: pl.DataFrame  # source, text, kind and value of every number in a text, each once


def _rate_kinds(shown: _Shown) -> pl.DataFrame:
    """`worth` of each `kind`."""
    words = shown.words.with_columns((pl.col("kind", "value").rank("dense") - 1).cast(pl.UInt32))
    steps = [
        pl.DataFrame({"text": texts, "session": shown.session})
        .with_row_index("step")
        .join(words.filter(source=source).drop("source"), on="text", how="inner")
        for source, texts in enumerate(shown.texts)
    ]
    rows = pl.concat(steps).select("step", "session", "kind", "value").sort("step", "kind", "value")
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in ("step", "kind", "value"))
    rated = rows.filter(~same.fill_null(False)).group_by("kind").agg(_worth())
    return rated.with_columns(kind=shown.words["kind"].unique().sort().gather(rated["kind"]))


def _best(shown: _Shown, kinds: pl.DataFrame) -> tuple[Array, pl.DataFrame]:
    """The number of each step whose kind tells most, as a row of the table that is returned too (-1 = none)."""
    told = kinds.filter(pl.col("worth") > 0).sort("worth", "kind", descending=[True, False]).with_row_index("place")
    words = shown.words.join(told.select("kind", "place"), on="kind", how="inner").sort("place", "value")
    fresh = changes("place", "value")
    entries, words = words.filter(fresh).select("kind", "value"), words.with_columns(entry=fresh.cum_sum() - 1)
    none = entries.height
    best = np.full(len(shown.session), none, np.int64)
    for source, texts in enumerate(shown.texts):
        own = words.filter(source=source).group_by("text").agg(pl.col("entry").min())
        first = np.full(int(texts.max(initial=0)) + 1, none, np.int64)
        first[own["text"].to_numpy()] = own["entry"].to_numpy()
        best = np.minimum(best, first[texts])
    return np.where(best < none, best, -1), entries


def _by_entry(many: int, used: pl.Series, said: pl.Series) -> Array:
    """What is said of the entries that are used, by entry; the last one, which is -1, stands for none."""
    table = np.full(many + 1, -1, np.int32)
    table[used.to_numpy()] = said.to_numpy()
    return table


def _numbers(steps: pl.DataFrame) -> _Shown:
    """Every word with a digit in the element, title or address of each step, with its kind: the word without its digits."""
    missing = [pl.lit(None, pl.String).alias(name) for name in SOURCES if name not in steps.columns]
    frame = steps.with_columns(missing)
    texts: list[Array] = []
    words: list[pl.DataFrame] = []
    for source, name in enumerate(SOURCES):
        # titles repeat: the words are looked for once in each different text, of an element once on each screen
        key = [name, "screen"] if name == "element_name" else [name]
        numbers, first, _ = number(frame.select(digest(key)).to_series())
        screen = pl.col("screen").fill_null("") if name == "element_name" else pl.lit("")
        found = frame.select(key)[first].with_row_index("text")
        found = found.select("text", screen=screen, value=pl.col(name).str.extract_all(WORD)).explode(
            "value", empty_as_null=True
        )
        found = found.drop_nulls("value")
        is_cell = pl.col("value").str.contains(CELL) & pl.lit(name == "element_name")
        texts.append(numbers)
        words.append(found.select(
            "text", source=pl.lit(source, dtype=pl.Int32),
            kind=pl.when(is_cell).then(pl.lit("row ") + pl.col("screen")).otherwise(pl.col("value").str.replace_all(r"\d+", "#")),
            value=pl.when(is_cell).then(pl.col("value").str.extract(r"(\d+)$")).otherwise("value"),
        ))  # fmt: skip
    session = np.cumsum(steps.select(changes("user", "session_id")).to_series().to_numpy())
    return _Shown(session, texts, pl.concat(words).unique())


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
