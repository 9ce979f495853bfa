"""The distinct steps of segments, each as one character, so that a query is a pattern over short texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

import numpy as np
import polars as pl

from taskkit.variants import screen_of

_FIRST = 0x10000  # every distinct step becomes one character from here on, clear of everything that a pattern gives a meaning


class Steps:
    """The distinct steps of a frame, each with the one character that stands for it."""

    def __init__(self, segments: pl.DataFrame, level: str) -> None:
        self.segments, self.level = segments, level

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row per distinct activity: `activity`, `name` (at the level), `times`."""
        flat = self.segments.select(activity=pl.col("activities").explode(empty_as_null=False, keep_nulls=False))
        counted = flat.drop_nulls().group_by("activity").agg(times=pl.len()).sort("activity")
        return counted.with_columns(name=screen_of("activity") if self.level == "screen" else pl.col("activity"))

    @cached_property
    def names(self) -> list[str]:
        """The names in alphabetical order; the place of a name is its code."""
        return self.table["name"].unique().sort().to_list()

    def most_frequent(self) -> list[str]:
        """The names, the most frequent first."""
        times = self.table.group_by("name").agg(pl.col("times").sum()).sort("times", "name", descending=[True, False])
        return times["name"].to_list()

    def ways(self) -> pl.Series:
        """The steps of every segment as one text, a character a step."""
        table = self.table.with_columns(code=pl.col("name").rank("dense"))
        flat = self.segments["activities"].explode(empty_as_null=False, keep_nulls=False)
        codes = flat.replace_strict(table["activity"], table["code"], default=0, return_dtype=pl.UInt32).to_numpy()
        rows = np.repeat(
            np.arange(self.segments.height), self.segments["activities"].list.len().fill_null(0).to_numpy()
        )
        codes, rows = codes[codes > 0], rows[codes > 0]
        if self.level == "screen":  # staying on a screen is no step
            moved = np.ones(len(codes), np.bool_)
            moved[1:] = (codes[1:] != codes[:-1]) | (rows[1:] != rows[:-1])
            codes, rows = codes[moved], rows[moved]
        # one long text with a line a segment: splitting it is faster than joining the characters of each
        signs = np.full(len(codes) + max(0, self.segments.height - 1), ord("\n"), np.dtype("<u4"))
        signs[np.arange(len(codes)) + rows] = codes + (_FIRST - 1)
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
