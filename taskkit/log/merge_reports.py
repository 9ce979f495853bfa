"""What became of every log of a merge: counts, clocks and sentences."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

REPORT = pl.Schema({"log": pl.String(), "against": pl.String(), "rows": pl.UInt32(), "kept": pl.UInt32(),
                     "duplicates": pl.UInt32(), "renamed_sessions": pl.UInt32(), "offset_seconds": pl.Float64(),
                     "offset_spread_seconds": pl.Float64(), "offset_rows": pl.UInt32(), "sentence": pl.String()})  # fmt: skip
OFFSETS = pl.Schema({"user": pl.String(), "session_id": pl.String(), "offset": pl.Int64(), "spread": pl.Float64(),
                      "matched": pl.UInt32()})  # fmt: skip


@dataclass
class Pair:
    """What became of a log's rows beside one earlier log."""

    against: str
    rows: int  # of people whom both have
    dropped: int
    offsets: pl.DataFrame  # one row per session that was put on the other clock
    unsure: int  # sessions at the same time with too few rows in common


@dataclass
class Log:
    """A log on its way into the result."""

    name: str
    rows: pl.DataFrame
    whole: int
    renamed: int = 0
    pairs: list[Pair] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)  # earlier logs without any of this log's people
    copies: list[tuple[str, int]] = field(default_factory=list)  # of these: name, rows that stand there too


def report_rows(log: Log) -> list[tuple[object, ...]]:
    """The log's own row, then one row per earlier log that it was matched with."""
    offsets = pl.concat([pl.DataFrame(schema=OFFSETS), *(pair.offsets for pair in log.pairs)])
    kept, twice = log.rows.height, log.whole - log.rows.height
    said = f"All {_count(log.whole, 'row')} are kept."
    if twice:
        said = f"{kept:,} of {_count(log.whole, 'row')} are kept, {twice:,} are in another log already."
    if log.renamed:
        said += f" {_count(log.renamed, 'session')} had a name that another log uses for something else: renamed."
    said += _strangers(log)
    unsure = sum(pair.unsure for pair in log.pairs)
    own = (
        log.name,
        None,
        log.whole,
        kept,
        twice,
        log.renamed,
        *_shift(offsets),
        said + _clock(offsets) + _too_few(unsure),
    )
    pairs = [
        (log.name, p.against, p.rows, p.rows - p.dropped, p.dropped, 0, *_shift(p.offsets),
         f"{p.dropped:,} of {_count(p.rows, 'row')} of the people in both logs are in {p.against} already."
         + _clock(p.offsets) + _too_few(p.unsure))
        for p in log.pairs
    ]  # fmt: skip
    return [own, *pairs]


def _strangers(log: Log) -> str:
    """Logs that share nobody: perhaps they are of other people, perhaps one person has two pseudonyms."""
    said = "".join(
        f" The same people very likely count twice: {rows:,} of {_count(log.whole, 'row')} stand in {name} too, at the very "
        "same time, in the same program and of the same kind, under other people's names. Do not use this result: read "
        "both with the same key= and merge again."
        for name, rows in log.copies
    )
    copied = {name for name, _ in log.copies}
    others = [name for name in log.strangers if name not in copied]
    if not others:
        return said
    more = f" and {_count(len(others) - 3, 'more log')}" if len(others) > 3 else ""
    return said + (
        f" No person is in both logs, this one and {', '.join(others[:3])}{more}; if somebody should be, read both with the "
        "same key."
    )


def _shift(offsets: pl.DataFrame) -> tuple[float | None, float | None, int]:
    if offsets.is_empty():
        return None, None, 0
    middle = float(offsets["offset"].median()) / 1e6  # type: ignore[arg-type]
    return middle, float(offsets["spread"].max()), int(offsets["matched"].sum())  # type: ignore[arg-type]


def _clock(offsets: pl.DataFrame) -> str:
    if offsets.is_empty():
        return ""
    middle, spread, rows = _shift(offsets)
    low, high = (float(v) / 1e6 for v in (offsets["offset"].min(), offsets["offset"].max()))  # type: ignore[arg-type]
    many = f" (between {low:+.1f} and {high:+.1f} s)" if high - low > 2 else ""
    return (
        f" {_count(offsets.height, 'session')} put on the earlier log's clock by {middle:+.1f} s{many}, found from {rows:,} "
        f"matched rows with a spread of {spread:.1f} s (interquartile range)."
    )


def _too_few(sessions: int) -> str:
    if not sessions:
        return ""
    return (
        f" {_count(sessions, 'session')} at the same time as others have too few rows in common: no clock was changed."
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"
