"""Numbers of equal texts and of equal combinations: rows are compared by them far faster than by their texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

_MIX = pl.lit(0x9E3779B97F4A7C15, dtype=pl.UInt64)
_Array = Any  # numpy array


def digest(names: Sequence[str]) -> pl.Expr:
    """One number for a combination of texts."""
    mixed = pl.col(names[0]).hash()
    for name in names[1:]:
        mixed = mixed * _MIX ^ pl.col(name).hash()
    return mixed


class Numbers:
    """Numbers of equal keys, part by part."""

    def __init__(self, whole: int, dtype: Any = np.uint32) -> None:
        self.numbers: _Array = np.empty(whole, dtype)
        self.before = 0  # numbers that were known before the last part
        self._state: tuple[Any, ...] = (np.zeros((1 << 12, 2), np.uint64), np.empty(1024, np.int64), 0)

    def add(self, keys: pl.Series | _Array, offset: int) -> None:
        """Number the 64-bit keys of one part, whose first row is the log's row `offset`."""
        from taskkit.activities.kernels import number_keys

        self.before = self._state[-1]
        table, first, found = self._state
        here = self.numbers[offset : offset + len(keys)]
        given = keys.to_numpy() if isinstance(keys, pl.Series) else keys
        self._state = number_keys(given, offset, table, first, found, here)

    @property
    def first(self) -> _Array:
        """The row at which each number first occurs."""
        return self._state[1][: self._state[-1]]


def number(keys: pl.Series | _Array, dtype: Any = np.uint32) -> tuple[_Array, _Array]:
    """The number of every 64-bit key in order of first occurrence, and the first row of each number."""
    numbers = Numbers(len(keys), dtype)
    numbers.add(keys, 0)
    return numbers.numbers, numbers.first
