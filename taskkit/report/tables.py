"""Frames as tables that read well: no quotes, numbers aligned, lists as text, long ones cut with a word about it."""

from __future__ import annotations

import datetime as dt
import html
from typing import Any

import polars as pl

MOST_ROWS = 30
REACH = 200  # rows that can be unfolded: a page stays small
FOLDED = ' class="tk-rest" hidden'  # a row that page.js unfolds


def render_table(frame: pl.DataFrame) -> str:
    """Turn a frame into an HTML table of 30 rows, and up to 200 folded; what is left out is said below it.

    >>> "<td>erp, mail</td>" in render_table(pl.DataFrame({"apps": [["erp", "mail"]]}))
    True
    """
    from taskkit.widgets.displays import TABLE_STYLE

    numbers = {name for name, dtype in frame.schema.items() if dtype.is_numeric()}
    side = {name: ' style="text-align:right"' if name in numbers else "" for name in frame.columns}
    head = "".join(
        f'<th scope="col"{side[name]}>{html.escape(name).replace("_", "_<wbr>")}</th>' for name in frame.columns
    )
    rows = (
        "".join(f"<td{side[name]}>{html.escape(cell_text(value))}</td>" for name, value in row.items())
        for row in frame.head(REACH).iter_rows(named=True)
    )
    body = "".join(f"<tr{FOLDED if number >= MOST_ROWS else ''}>{row}</tr>" for number, row in enumerate(rows))
    rest = f"{MOST_ROWS} of {frame.height:,} rows." if frame.height > MOST_ROWS else ""
    foot = f'<p><span class="tk-count">{rest}</span></p>' if rest else ""
    none = "<p>No rows.</p>" if frame.is_empty() else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'{TABLE_STYLE}<div class="tk-table">{table}{foot}{none}</div>'


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
