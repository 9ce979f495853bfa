"""The checks of what the rows hold: times, kinds, applications, titles, elements, and what was removed."""

from __future__ import annotations

import polars as pl

from taskkit.quality.checks import Finding, Seen, times
from taskkit.quality.streams import EXCLUDED, is_a

_NO_ELEMENT = ("window_focus", "window_title", "navigate", "scroll", "shortcut", "comment")  # they have none by nature
_FEW_ROWS = 20  # under it a few rows of one time say nothing about the clock


def check_redacted(seen: Seen) -> Finding:
    """How much was removed."""
    count = 0
    if "redactions" in seen.rows.columns:
        count = int((seen.rows["redactions"].list.len().fill_null(0) > 0).sum())
    share = count / seen.rows.height
    said = f"Something was redacted in {times(count, 'row')} ({share:.1%})."
    return Finding("redacted", "note" if share > 0.2 else "ok", share, "share of rows", "a note above 20 %",
                   seen.rows.height, times(count, "row"), said)  # fmt: skip


def check_fields(seen: Seen) -> list[Finding]:
    """Interactions without time, kind, application, title or element; what is excluded does not count."""
    work = seen.work.filter(pl.col("app").ne_missing(EXCLUDED))
    pointed = work.filter(~is_a(*_NO_ELEMENT))
    return [
        _alike(work),
        _without_kind(work),
        _without(work, "app", ["app"], "application", 0.2, " They cannot be placed in a program."),
        _without(work, "window_title", ["window_title", "url"], "window title and no address", 0.5,
                 " Activities can only be named roughly there."),
        _without(pointed, "element_name", ["element_name", "element_id"], "element", 0.5,
                 " What was clicked or filled in is not known there."),
    ]  # fmt: skip


def _alike(work: pl.DataFrame) -> Finding:
    """Interactions that share their time with another one of the person: days instead of times, a constant."""
    same = work.height - work.select("user", "timestamp").n_unique()
    share = same / max(work.height, 1)
    level = "ok" if work.height < _FEW_ROWS or share <= 0.5 else "note" if share <= 0.9 else "warning"
    said = f"{share:.0%} of the interactions have the same time as another of the person"
    said += "." if level == "ok" else ": the times are too coarse to read durations from them."
    return Finding("same_time", level, share, "share of interactions", "at most 50 %; a warning above 90 %", work.height,
                   times(same, "row"), said)  # fmt: skip


def _without_kind(work: pl.DataFrame) -> Finding:
    other = int(work.select(is_a("other").sum()).item())
    share = other / max(work.height, 1)
    said = f"{share:.0%} of the interactions do not say of which kind they are"
    said += ": copies, pastes and entries cannot be told from clicks there." if share > 0.5 else "."
    return Finding("without_kind", "note" if share > 0.5 else "ok", share, "share of interactions", "at most 50 %",
                   work.height, times(other, "row"), said)  # fmt: skip


def _without(work: pl.DataFrame, name: str, fields: list[str], word: str, limit: float, then: str) -> Finding:
    have = [field for field in fields if field in work.columns]
    empty = work.height
    if have:
        empty = int(work.select(pl.all_horizontal(pl.col(have).is_null() | (pl.col(have) == "")).sum()).item())
    share = empty / max(work.height, 1)
    level = "ok" if share <= limit else "warning" if name == "app" else "note"
    kind = "interactions with an element" if name == "element_name" else "interactions"
    said = f"{share:.0%} of the {'clicks and entries' if name == 'element_name' else 'interactions'} have no {word}."
    return Finding(f"without_{name}", level, share, f"share of {kind}", f"at most {limit:.0%}", work.height,
                   times(empty, "row"), said + (then if level != "ok" else ""))  # fmt: skip
