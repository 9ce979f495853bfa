"""The stream of steps as numbers, and a division of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from taskkit.activities.fields import opens_session
from taskkit.activities.numbers import number
from taskkit.segments.records import Records, find_records, learn_records

Array = np.ndarray[Any, Any]

RARE = 2  # activities seen less often are known by their application and event type only
MOST_SYMBOLS = 3_000  # and so are the rarest of a log that has more different activities than this
LAGS = 4  # pairs of activities this many steps apart are remembered


@dataclass(frozen=True)
class Stream:
    """The steps as numbers: activity, seconds since the step before, first of its session, screen, record."""

    x: Array
    gap: Array
    opens: Array
    place: Array
    records: Records
    n_symbols: int

    def part(self, keep: Array) -> Stream:
        """The stream of the steps in `keep` only (whole sessions)."""
        return Stream(
            self.x[keep], self.gap[keep], self.opens[keep], self.place[keep], self.records.part(keep), self.n_symbols
        )

    @cached_property
    def pairs(self) -> tuple[Array, Array, Array]:
        """Numbers of the pairs of activities that stand near one another: table [second, first], both of each; 0 = none."""
        session, n = np.cumsum(self.opens), self.n_symbols
        index = np.zeros((n, n), np.int32)
        for lag in range(1, LAGS + 1):
            together = session[lag:] == session[:-lag]
            index[self.x[lag:][together], self.x[:-lag][together]] = 1
        known = np.flatnonzero(index)
        index.ravel()[known] = np.arange(1, len(known) + 1)
        return index, np.r_[0, known % n], np.r_[0, known // n]


@dataclass(frozen=True, eq=False)
class Division:
    """A division of the stream into executions of tasks.

    `path` is the task model that is active at each step (`models` = none), `kinds` how the step follows the one before
    (see `kernels`), `ids` the execution that the step belongs to (-1 = none: noise or no task).
    """

    path: Array
    kinds: Array
    ids: Array
    models: int
    length: float = np.inf  # nats in which it describes the stream

    @cached_property
    def executions(self) -> Executions:
        """First step, last step, number of steps and model of every execution."""
        inside = np.flatnonzero(self.ids >= 0)
        ids = self.ids[inside]
        n = int(ids.max(initial=-1)) + 1
        first, last, model = np.full(n, -1), np.full(n, -1), np.zeros(n, np.int64)
        last[ids], model[ids] = inside, self.path[inside]
        first[ids[::-1]] = inside[::-1]
        return Executions(first, last, np.bincount(ids, minlength=n), model)


@dataclass(frozen=True)
class Executions:
    """The executions of a division, one entry each."""

    first: Array
    last: Array
    size: Array
    model: Array


def encode(steps: pl.DataFrame) -> Stream:
    """Number the activities; rare ones back off to application and event type."""
    return encode_anew(steps)[0]


def encode_anew(steps: pl.DataFrame) -> tuple[Stream, list[str], pl.DataFrame]:
    """The stream of `encode`, what its numbers stand for, and the kinds of its records (see `learn_records`)."""
    coded = steps.select(
        place=pl.coalesce("screen", "app", pl.lit("?")), opens=pl.int_range(pl.len()).over("user", "session_id") == 0,
        gap=_seconds(),
    )  # fmt: skip
    opens, gap = (coded[name].to_numpy() for name in ("opens", "gap"))
    codes, words = _in_order(_words(steps))
    places, _ = _in_order(coded["place"])
    records, kinds = learn_records(steps)
    stream = Stream(
        codes.astype(np.int32), _pauses(gap, opens), opens.copy(), places.astype(np.int64), records, len(words)
    )
    return stream, words, kinds


def encode_as(steps: pl.DataFrame, words: list[str], kinds: pl.DataFrame) -> Stream:
    """Number the activities as other steps were numbered; the last number stands for what was not known there."""
    known = pl.Series(words, dtype=pl.String)
    code = pl.Series(range(len(words)), dtype=pl.Int32)
    numbers, first = number(steps["activity"].hash())
    own = steps["activity"][first].replace_strict(known, code, default=-1, return_dtype=pl.Int32)
    x = own.to_numpy()[numbers]
    rare = np.flatnonzero(x < 0)
    if len(rare):
        backed = _back_off().replace_strict(known, code, default=len(words), return_dtype=pl.Int32)
        x[rare] = steps.select("event_type", "app")[rare].select(backed).to_series()
    opens, gap = (column.to_numpy() for column in steps.select(opens=opens_session(), gap=_seconds()))
    place = np.zeros(len(x), np.int64)  # only first divisions look at it
    return Stream(x, _pauses(gap, opens), opens.copy(), place, find_records(steps, kinds=kinds), len(words) + 1)  # fmt: skip


def _words(steps: pl.DataFrame) -> pl.Series:
    """The activities, of rare ones what they back off to."""
    numbers, _ = number(steps["activity"].hash())
    count = np.bincount(numbers)
    often = pl.Series(count[numbers] >= max(RARE, _count_of_rank(count, MOST_SYMBOLS)))
    return steps.select(pl.when(often).then("activity").otherwise(_back_off())).to_series()


def _in_order(texts: pl.Series) -> tuple[Array, list[str]]:
    """The number of each text in the order of the alphabet, and the texts in this order."""
    numbers, first = number(texts.hash())
    distinct = texts[first]
    place = distinct.rank("ordinal").to_numpy() - 1
    return place[numbers], distinct.sort().to_list()


def _back_off() -> pl.Expr:
    return pl.concat_str(pl.col("event_type").cast(pl.String), pl.lit(" in "), pl.col("app").fill_null("?"))


def _seconds() -> pl.Expr:
    return (pl.col("timestamp").diff().dt.total_microseconds() / 1e6).fill_null(0.0)


def _pauses(seconds: Array, opens: Array) -> Array:
    return np.where(opens | (seconds < 0), 1.0, seconds).astype(np.float32)


def _count_of_rank(counts: Array, rank: int) -> int:
    """Occurrences of the activity after the `rank` most frequent ones, plus one; 0 if there are no more."""
    return int(np.sort(counts)[-rank - 1]) + 1 if len(counts) > rank else 0
