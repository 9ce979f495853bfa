"""Frames as tables that read well: no quotes, numbers aligned, lists as text, long ones cut with a word about it."""

from __future__ import annotations

import datetime as dt
import html
from typing import Any

import polars as pl

MOST_ROWS = 30


def render_table(frame: pl.DataFrame) -> str:
    """Turn a frame into an HTML table of at most 30 rows; what is left out is said below it.

    >>> "<td>erp, mail</td>" in render_table(pl.DataFrame({"apps": [["erp", "mail"]]}))
    True
    """
    numbers = {name for name, dtype in frame.schema.items() if dtype.is_numeric()}
    side = {name: ' style="text-align:right"' if name in numbers else "" for name in frame.columns}
    head = "".join(
        f'<th scope="col"{side[name]}>{html.escape(name).replace("_", "_<wbr>")}</th>' for name in frame.columns
    )
    rows = (
        "".join(f"<td{side[name]}>{html.escape(cell_text(value))}</td>" for name, value in row.items())
        for row in frame.head(MOST_ROWS).iter_rows(named=True)
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    rest = f"<p>{MOST_ROWS} of {frame.height:,} rows.</p>" if frame.height > MOST_ROWS else ""
    none = "<p>No rows.</p>" if frame.is_empty() else ""
    return f'<table class="tk-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}{none}'


def cell_text(value: Any) -> str:
    """One value as a reader wants to see it.

    >>> [cell_text(value) for value in (None, True, 1234, 0.27315, 1234.5, ["a", "b"])]
    ['–', 'yes', '1,234', '0.273', '1,234', 'a, b']
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        size = abs(value)
        return f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"
    if isinstance(value, list):
        return ", ".join(map(cell_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {cell_text(inner)}" for name, inner in value.items())
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, dt.datetime) else str(value)
