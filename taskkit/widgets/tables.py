"""Small tables that need no network: units in the headings, numbers on the right, few rows first, small groups hidden."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from taskkit.activities import VERB
from taskkit.charts.look import PRIVATE, aliases, short, spaced
from taskkit.privacy import suppress_small_groups
from taskkit.schema import CONTRACTS
from taskkit.widgets.displays import Shown, is_shared

_NEVER = (
    "window_title",
    "url",
    "element_name",
    "value",
    "value_digest",
    "value_shape",
    "case_ref",
    "case_id",
    "resource",
)
REACH = 200  # rows that can be unfolded: a page stays small
_LONGEST = 1500  # characters of a text: no finding is cut
_SHARES = (
    "share",
    "time_share",
    "similarity",
    "cumulative_share",
    "interrupted",
    "excursion_share",
    "fitness",
    "leaving_share",
    "outside_share",
    "task_share",
    "variant_share",
    "judgement_share",
    "stable_element_share",
    "determinism",
    "standardisation",
    "stability",
    "coverage",
    "share_back",
    "pasted_share",
    "top_value_share",
    "share_under_1m",
    "share_1m_to_5m",
    "share_5m_to_15m",
    "share_over_15m",
)
_WORDS = {
    "task_id": "task",
    "task_name": "name",
    "variant_id": "way",
    "active_hours": "active time (h)",
    "people": "people",
    "segments": "times seen",
    "median_seconds": "median",
    "q25_seconds": "lower quartile",
    "q75_seconds": "upper quartile",
    "median_steps": "steps (median)",
    "value_hours_per_year": "value (h a year)",
    "value_money_per_year": "value (money a year)",
    "touch_total_hours": "active time (h)",
    "copy_pastes_median": "pastes (median)",
    "switches_median": "switches (median)",
}


def table(
    frame: pl.DataFrame | None,
    *,
    caption: str = "",
    definition: str = "",
    columns: Sequence[str] | Mapping[str, str] | None = None,
    most: int = 12,
    min_people: int = 1,
    keep: Sequence[str] = (),
    empty: str = "There is nothing to show here.",
) -> Shown:
    """Show the first rows of a frame as a table that reads well and needs no network.

    Columns that may hold names, case numbers or content are never shown; people appear as letters.

    Parameters
    ----------
    frame : any frame; None is shown as the sentence `empty`.
    caption, definition : what the table is, and how its figures are defined.
    columns : columns in the order wanted, or {column: heading}; all by default.
    most : rows shown at first; the last line says how many more there are, and up to 200 of all can be unfolded.
    min_people : rows that rest on fewer people (column `people`) are hidden.
    keep : columns that stay readable in a hidden row.
    empty : sentence for a frame without rows.

    >>> table(pl.DataFrame({"task_id": ["T01"], "active_hours": [1.25]}), caption="Tasks")
    Tasks: 1 row
    """
    frame, further = tell_journal(frame) if is_shared() else (frame, "")
    definition = f"{definition} {further}".strip()
    if frame is None or frame.is_empty():
        empty = further or empty
        words = f"{caption}: {empty}" if caption else empty
        return Shown(
            f'<div class="tk-card"><p>{f"<b>{html.escape(caption)}.</b> " if caption else ""}{html.escape(empty)}</p></div>',
            words,
        )
    frame, hidden = _hide_small_groups(frame, min_people, keep)
    wanted = [name for name in (columns or frame.columns) if name in frame.columns and name not in _NEVER]
    wanted = [name for name in wanted if not (further and name in _IN_THE_ROOM)]
    frame = _without_names(frame, wanted)
    headings = dict(columns) if isinstance(columns, Mapping) else {}
    shown = [_column(frame[name], headings.get(name)) for name in wanted]
    head = "".join(f'<th scope="col"{_side(right)}>{html.escape(heading)}</th>' for heading, right, _ in shown)
    cells = [_cells_of(frame[name], right, texts) for name, (_, right, texts) in zip(wanted, shown, strict=True)]
    body = "".join(
        f"<tr{_kind(row, hidden[row], most)}>"
        + (_hidden_row(frame, row, wanted, keep, min_people) if hidden[row] else "".join(each[row] for each in cells))
        + "</tr>"
        for row in range(min(frame.height, max(most, REACH)))
    )
    title = (
        f"<caption><b>{html.escape(caption)}</b>{f'<span>{html.escape(definition)}</span>' if definition else ''}</caption>"
        if caption
        else ""
    )
    markup = (
        f'<div class="tk-table"><table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        f"{_foot(frame.height, most, len(wanted))}</table></div>"
    )
    return Shown(markup, f"{caption or 'Table'}: {frame.height:,} {'row' if frame.height == 1 else 'rows'}")


_IN_THE_ROOM = ("number", "why", "note", "role", "writer", "seen", "detail")
_KINDS = {"verdict": "verdict", "context": "answer", "mark": "mark", "correction": "correction", "override": "override"}


def tell_journal(frame: pl.DataFrame | None) -> tuple[pl.DataFrame | None, str]:
    """What a page that leaves the room tells of a frame of the journal of decisions, and the sentence about the rest.

    Findings and names stay, with the day. Of other entries only their number is told: they are about few people's work, or say
    who thinks what. Any other frame comes back as it is, with no sentence.
    """
    if frame is None or frame.is_empty() or "number" not in frame.columns:
        return frame, ""
    if {"op", "sentence"} <= set(frame.columns):  # of `list_vanished`: each is about one person's work
        many = "correction could", "corrections could"
        return frame.clear(), f"{frame.height} {many[frame.height != 1]} not be replayed in full."
    if not {"kind", "subject", "decision", "role"} <= set(frame.columns):
        return frame, ""
    kept = frame.filter(pl.col("kind").is_in(["finding", "name"])).with_columns(pl.col("time").dt.date())
    rest = dict(frame.group_by("kind").len().iter_rows())
    told = [f"{rest[kind]} {said}{'s' if rest[kind] != 1 else ''}" for kind, said in _KINDS.items() if kind in rest]
    also = f"Also recorded: {', '.join(told)}. " if told else ""
    return kept, f"{also}Who said what, and why, stays in the room."


def _hide_small_groups(frame: pl.DataFrame, min_people: int, keep: Sequence[str]) -> tuple[pl.DataFrame, pl.Series]:
    """The frame without the figures of small groups, and which rows those are."""
    if "people" not in frame.columns or min_people <= 1:
        return frame, pl.Series([False] * frame.height)
    # a row without anybody gives nobody away
    nobody = frame["people"].fill_null(1) == 0
    marked = suppress_small_groups(frame, k=min_people, keep=keep)
    shown = marked.select(
        pl.when(nobody).then(frame[name]).otherwise(marked[name]).alias(name) for name in frame.columns
    )
    return shown, marked["hidden"] & ~nobody


def _without_names(frame: pl.DataFrame, wanted: Sequence[str]) -> pl.DataFrame:
    """The frame with letters for people, and words for what was not recorded on purpose."""
    if "user" in wanted:
        frame = frame.with_columns(pl.col("user").replace(aliases(frame["user"].drop_nulls())))
    named = [name for name in ("app", "where") if name in wanted]
    return frame.with_columns(pl.col(named).cast(pl.String).replace(PRIVATE)) if named else frame


def _cells_of(values: pl.Series, right: bool, texts: Sequence[str]) -> list[str]:
    """The cells of one column; a day or time carries what it is sorted by."""
    side = _side(right, max((len(re.sub(r"<[^>]*>", "", text)) for text in texts), default=0))
    if not isinstance(values.dtype, (pl.Date, pl.Datetime)):
        return [f"<td{side}>{text}</td>" for text in texts]
    side = ' class="d"'
    form = "%Y-%m-%d" if isinstance(values.dtype, pl.Date) else "%Y-%m-%d %H:%M"
    ordered = values.dt.strftime(form).fill_null("")
    return [f'<td{side} data-v="{key}">{text}</td>' for key, text in zip(ordered, texts, strict=True)]


def _kind(row: int, small: bool, most: int) -> str:
    """What page.js knows a row by: one of a small group stays at the end, one beyond `most` is folded."""
    names = " ".join(name for name, holds in (("tk-small", small), ("tk-rest", row >= most)) if holds)
    return (f' class="{names}"' if names else "") + (" hidden" if row >= most else "")


def _foot(height: int, most: int, width: int) -> str:
    """How many rows are folded, and how many are not there at all."""
    more = height - most
    if more <= 0:
        return ""
    beyond = height - max(most, REACH)
    note = f"; only the first {max(most, REACH):,} rows can be unfolded here" if beyond > 0 else ""
    return (
        f'<tfoot><tr><td colspan="{width}"><span class="tk-count">{more:,} more {"row" if more == 1 else "rows"}{note}'
        "</span></td></tr></tfoot>"
    )


def _side(right: bool, longest: int = 0) -> str:
    """On which side a column stands; one of long texts is kept from being squeezed to a word a line."""
    return ' class="n"' if right else ' class="w"' if longest > 70 else ' class="m"' if longest > 24 else ""


def _hidden_row(frame: pl.DataFrame, row: int, wanted: Sequence[str], keep: Sequence[str], min_people: int) -> str:
    kept = [name for name in wanted if name in keep]
    cells = "".join(f"<td>{html.escape(str(frame[name][row]))}</td>" for name in kept)
    why = f"fewer than {min_people} people" + (", or next to such a row" if is_shared() else "")
    return f'{cells}<td class="h" colspan="{len(wanted) - len(kept)}">hidden ({why})</td>'


def _column(values: pl.Series, heading: str | None) -> tuple[str, bool, list[str]]:
    """Heading with its unit, whether it stands on the right, and the cells."""
    name = values.name
    words = heading or _WORDS.get(name) or name.replace("_", " ")
    if name == "level":
        return (
            words,
            False,
            [f'<span class="tk-mark {html.escape(str(v))}">{html.escape(str(v))}</span>' for v in values],
        )
    if values.dtype.is_numeric():
        if name in _SHARES or _unit_is_share(name):
            return (
                f"{words.removesuffix(' share')} (%)" if "%" not in words else words,
                True,
                _cells(values, lambda v: f"{100 * v:.0f}"),
            )
        if name.endswith("_seconds"):
            words = words.removesuffix(" seconds")
            most = float(values.max() or 0)  # type: ignore[arg-type]
            unit, divisor = ("s", 1) if most < 1200 else ("min", 60) if most < 36_000 else ("h", 3600)
            return f"{words} ({unit})", True, _cells(values, lambda v: _rounded(v / divisor))
        hours = name.endswith("_hours")
        return words, True, _cells(values, lambda v: "under 1 min" if hours and 0 < v < 1 / 60 else _rounded(v))
    return words, False, _cells(values, _way if name == "activities" else _text)


def _way(activities: Sequence[str], most: int = 14) -> str:
    """A sequence of activities, each screen named once: what is done there stands behind it."""
    parts: list[str] = []
    last = None
    for activity in list(activities)[:most]:
        verb = re.match(VERB, activity)
        thing, _, place = activity[verb.end() if verb else 0 :].partition(" · ")
        said = verb[0].strip() if verb else ""
        screen, done = (place, f"{said} {thing}".strip()) if place else (thing, said)
        if screen != last:
            parts.append(f"<b>{html.escape(short(screen, 44))}</b>")
            last = screen
        parts[-1] += f"{': ' if parts[-1].endswith('</b>') else ', '}{html.escape(short(done, 32))}" if done else ""
    rest = len(activities) - most
    return " → ".join(parts) + (f" and {rest} more {'step' if rest == 1 else 'steps'}" if rest > 0 else "")


def _unit_is_share(name: str) -> bool:
    return not name.endswith("confidence") and any(
        column.name == name and column.allowed == (0.0, 1.0)
        for contract in CONTRACTS.values()
        for column in contract.columns
    )


def _cells(values: pl.Series, show: Any) -> list[str]:
    return ["–" if value is None else show(value) for value in values]


def _rounded(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 or value == round(value) else f"{value:.1f}" if size >= 1 else f"{value:.2f}"


def _text(value: Any) -> str:
    if isinstance(value, (list, pl.Series)):
        items = [str(item) for item in value]
        most = 3 if all(len(item) < 20 for item in items) else 8
        joined = ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
        return html.escape(joined)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%d %b %Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%a %d %b %Y}"
    text = spaced(str(value))
    return (
        html.escape(text)
        if len(text) <= _LONGEST
        else f'<span title="{html.escape(text)}">{html.escape(short(text, _LONGEST))}</span>'
    )
