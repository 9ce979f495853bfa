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

from taskkit.activities.fields import opens_session
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
    kinds : those of `learn_records`, where they were learnt from other steps.
    """
    return learn_records(steps)[0] if kinds is None else _of_kinds(_numbers(steps), kinds)


def learn_records(steps: pl.DataFrame) -> tuple[Records, pl.DataFrame]:
    """What `find_records` finds, and the kinds of numbers that are records: `kind`, its `worth` and its `number`."""
    shown = _numbers(steps)
    kinds = _known_kinds(shown)
    return _of_kinds(shown, kinds), kinds


def _of_kinds(shown: _Shown, kinds: pl.DataFrame) -> Records:
    """The number of the most telling of these kinds that each step shows."""
    from taskkit.segments.kernels import look_back

    told = _telling(kinds)
    entry, place, value = _best(shown, told["kind"])
    kind_of, token_of = (np.full(len(place) + 1, -1, np.int32) for _ in range(2))
    kind_of[:-1] = told["number"].to_numpy()[place]
    # numbers in the order of the alphabet, of those that are the best one somewhere
    used = np.zeros(len(place) + 1, bool)
    used[entry] = True
    used = np.flatnonzero(used[:-1])
    token_of[used[np.lexsort((value[used], kind_of[used]))]] = np.arange(len(used))
    kind, token = kind_of[entry], token_of[entry]
    before, earlier = look_back(shown.session, kind, token, int(kind.max(initial=-1)) + 1, len(used))
    return Records(kind, before, token, earlier)


class _Shown(NamedTuple):
    """The numbers that steps show."""

    session: Array  # number of each step's session
    texts: list[Array]  # per source: the number of each step's text; no two sources have one in common
    words: pl.DataFrame  # text, kind and value of every number in a text


def _known_kinds(shown: _Shown) -> pl.DataFrame:
    """The kinds that tell most at some step, numbered in the order of the alphabet."""
    told = _telling(_rate_kinds(shown))
    entry, place, _ = _best(shown, told["kind"])
    return told[np.unique(place[entry[entry < len(place)]])].sort("kind").with_row_index("number")


def _rate_kinds(shown: _Shown) -> pl.DataFrame:
    """`worth` of each `kind`."""
    words = shown.words.with_columns((pl.col("kind", "value").rank("dense") - 1).cast(pl.UInt32))
    steps = [
        pl.DataFrame({"text": texts, "session": shown.session}).with_row_index("step").join(words, on="text", how="inner")
        for texts in shown.texts
    ]  # fmt: skip
    rows = pl.concat(steps).select("step", "session", "kind", "value").sort("step", "kind", "value")
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in ("step", "kind", "value"))
    rated = rows.filter(~same.fill_null(False)).group_by("kind").agg(_worth())
    return rated.with_columns(kind=shown.words["kind"].unique().sort().gather(rated["kind"]))


def _telling(kinds: pl.DataFrame) -> pl.DataFrame:
    """The kinds that tell anything, the one that tells most first."""
    return kinds.filter(pl.col("worth") > 0).sort("worth", "kind", descending=[True, False])


def _best(shown: _Shown, kinds: pl.Series) -> tuple[Array, Array, Array]:
    """The first number of the first of these kinds that each step shows, as an entry of two lists that are returned too: the
    place of its kind, and of its value in the alphabet. The entry after the last one stands for none."""
    known = pl.DataFrame({"kind": kinds, "place": np.arange(len(kinds))})
    words = shown.words.join(known, on="kind", how="inner")
    words = words.with_columns(pl.col("value").rank("dense"))
    many = words.height + 1
    key, entry = np.unique((words["place"] * many + words["value"]).to_numpy(), return_inverse=True)
    of_text = np.full(1 + max(int(texts.max(initial=0)) for texts in shown.texts), len(key))
    np.minimum.at(of_text, words["text"].to_numpy(), entry)
    return np.minimum.reduce([of_text[texts] for texts in shown.texts]), key // many, key % many


def _numbers(steps: pl.DataFrame) -> _Shown:
    """Every word with a digit in the element, title or address of each step, with its kind: the word without its digits."""
    missing = [pl.lit(None, pl.String).alias(name) for name in SOURCES if name not in steps.columns]
    frame = steps.with_columns(missing)
    texts: list[Array] = []
    words: list[pl.DataFrame] = []
    many = 0
    for name in SOURCES:
        # titles repeat: the words are looked for once in each different text, of an element once on each screen
        key = [name, "screen"] if name == "element_name" else [name]
        numbers, first = number(frame.select(digest(key)).to_series())
        found = frame.select(key)[first].with_columns(pl.col(name).str.extract_all(WORD).alias("value"))
        found = found.with_row_index("text", offset=many).explode("value", empty_as_null=False, keep_nulls=False)
        kind, value = pl.col("value").str.replace_all(r"\d+", "#"), pl.col("value")
        if name == "element_name":
            is_cell, screen = value.str.contains(CELL), pl.col("screen").fill_null("")
            kind = pl.when(is_cell).then(pl.lit("row ") + screen).otherwise(kind)
            value = pl.when(is_cell).then(value.str.extract(r"(\d+)$")).otherwise(value)
        texts.append(numbers + many)
        words.append(found.select("text", kind=kind, value=value))
        many += len(first)
    session = np.cumsum(steps.select(opens_session()).to_series().to_numpy())
    return _Shown(session, texts, pl.concat(words))


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
