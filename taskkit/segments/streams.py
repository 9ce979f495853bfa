"""The stream of steps as numbers, and a division of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

Array = np.ndarray[Any, Any]

RARE = 2  # activities seen less often are known by their application and event type only


@dataclass(frozen=True)
class Stream:
    """The steps as numbers: activity, seconds since the step before, first of its session."""

    x: Array
    gap: Array
    opens: Array
    n_symbols: int

    def part(self, keep: Array) -> Stream:
        """The stream of the steps in `keep` only (whole sessions)."""
        return Stream(self.x[keep], self.gap[keep], self.opens[keep], self.n_symbols)


@dataclass(frozen=True)
class Labels:
    """A division of the stream: the model of each step (`models` = background) and how it follows the step before."""

    path: Array
    kinds: Array
    models: int
    length: float = np.inf  # description length in nats
    fits: Array | None = None  # per step: the model explains it better than the background


def encode(steps: pl.DataFrame) -> Stream:
    """Number the activities; rare ones back off to application and event type."""
    known = pl.col("activity").len().over("activity") >= RARE
    word = pl.when(known).then("activity").otherwise(
        pl.concat_str(pl.col("event_type").cast(pl.String), pl.lit(" in "), pl.col("app").fill_null("?"))
    )  # fmt: skip
    named = steps.select("user", "session_id", "timestamp", word=word)
    codes = named.select(pl.col("word").rank("dense") - 1).to_series().to_numpy().astype(np.int32)
    opens = named.select(pl.int_range(pl.len()).over("user", "session_id") == 0).to_series().to_numpy()
    gap = named.select(pl.col("timestamp").diff().dt.total_microseconds() / 1e6).to_series().fill_null(0.0).to_numpy()
    gap = np.where(opens | (gap < 0), 1.0, gap).astype(np.float32)
    return Stream(np.ascontiguousarray(codes), gap, opens.copy(), int(codes.max()) + 1)
