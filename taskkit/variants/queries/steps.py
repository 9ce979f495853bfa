"""The distinct steps of segments, each as one character, so that a query is a pattern over short texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from taskkit.variants.ways import flatten, number, screen_of

Array = np.ndarray[Any, Any]

_FIRST = 0x10000  # every distinct step becomes one character from here on, clear of everything that a pattern gives a meaning


class Steps:
    """The distinct steps of a frame, each with the one character that stands for it; they are read when first asked for."""

    def __init__(self, segments: pl.DataFrame, level: str) -> None:
        self.segments, self.level = segments, level

    @cached_property
    def _read(self) -> tuple[Array, Array, pl.Series]:
        """Of each step its row and the number of its name, and the names."""
        begin, texts = flatten(self.segments["activities"])
        rows = np.repeat(np.arange(self.segments.height), np.diff(begin))
        if texts.null_count():
            rows, texts = rows[texts.is_not_null().to_numpy()], texts.drop_nulls()
        unit, first = number(texts.hash())
        names = texts.gather(first)
        if self.level == "screen":
            screens = names.to_frame("x").select(screen_of("x")).to_series()
            same, first = number(screens.hash())
            names, unit = screens.gather(first), same[unit]
        return rows, unit, names

    @cached_property
    def names(self) -> list[str]:
        """The names in alphabetical order; the place of a name is its code."""
        return self._read[2].sort().to_list()

    def most_frequent(self) -> list[str]:
        """The names, the most frequent first."""
        _, unit, names = self._read
        table = pl.DataFrame({"name": names, "times": np.bincount(unit, minlength=len(names))})
        return table.sort("times", "name", descending=[True, False])["name"].to_list()

    @cached_property
    def ways(self) -> pl.Series:
        """The steps of every segment as one text, a character a step."""
        rows, unit, names = self._read
        codes = names.arg_sort().arg_sort().to_numpy()[unit].astype(np.uint32)
        if self.level != "action":  # staying on a screen is no step, nor is doing the same again
            moved = np.ones(len(codes), np.bool_)
            moved[1:] = (codes[1:] != codes[:-1]) | (rows[1:] != rows[:-1])
            codes, rows = codes[moved], rows[moved]
        # one long text with a line a segment: splitting it is faster than joining the characters of each
        signs = np.full(len(codes) + max(0, self.segments.height - 1), ord("\n"), np.dtype("<u4"))
        signs[np.arange(len(codes)) + rows] = codes + _FIRST
        lines = pl.Series([signs.tobytes().decode("utf-32-le")]).str.split("\n").explode(empty_as_null=False)
        return lines.head(self.segments.height)


def bare_name(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])


def name_pattern(quoted: str) -> Callable[[str], bool]:
    """Whether a text fits a name in quotes: capitals do not matter, * is any text, a backslash takes a sign as it is."""
    pieces = re.findall(r"\\.|\*+|[^\\*]+", quoted[1:-1], re.DOTALL)
    regex = "".join(".*" if p[0] == "*" else re.escape(p[1:] if p[0] == "\\" else p) for p in pieces)
    fits = re.compile(regex, re.IGNORECASE | re.DOTALL).fullmatch
    return lambda text: fits(text) is not None


def one_of(codes: list[int], *, other: bool = False) -> str:
    """A pattern for one step that is (or is not) among the codes, neighbouring codes as one range."""
    if not codes:
        return "."
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    inside = "".join(f"{chr(_FIRST + low)}-{chr(_FIRST + high)}" for low, high in ranges)
    return f"[{'^' if other else ''}{inside}]"
