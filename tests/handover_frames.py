"""Small recordings of one task, for the tests of the hand-over."""

from __future__ import annotations

from typing import Any

import polars as pl

import taskkit as tk
from tests.frames import make_events

FORM = {"app": "chrome", "window_title": "Invoice - Enter - Horizon ERP", "url": "https://erp.example.com/invoices/new"}
LIST = {"app": "chrome", "window_title": "Invoices - Worklist - Horizon ERP", "url": "https://erp.example.com/invoices"}
PAPER = {"app": "acrobat", "window_title": "invoice.pdf - Acrobat"}
Row = dict[str, Any]


def button(name: str, element_id: str | None = None, **where: Any) -> Row:
    """A click on a button."""
    return {"element_name": name, "element_id": element_id, "element_role": "button", **(where or FORM)}


def write(name: str, element_id: str | None, digest: str, how: str = "text_input", **where: Any) -> Row:
    """A value that is typed or pasted into a field."""
    about = {"event_type": how, "element_name": name, "element_id": element_id, "element_role": "edit"}
    return about | {"value_digest": digest, "value_length": 8} | (where or FORM)


def shown(name: str, digest: str, how: str = "click", element_id: str | None = None, **where: Any) -> Row:
    """A text that is looked at or copied."""
    about = {"event_type": how, "element_name": name, "element_id": element_id, "element_role": "text"}
    return about | {"value_digest": digest, "value_length": 8} | (where or PAPER)


def enter_invoice(number: int) -> list[Row]:
    """One execution: everybody does the same, but for the habit of typing or pasting and an optional note."""
    pasted = number % 3 == 0
    read, fill = ("copy", "paste") if pasted else ("click", "text_input")
    country = f"c{number % 4}"
    rows = [button("New invoice", "btnNewInvoice", **LIST), write("Company code", "inv.company", "1000"),
            write("Document type", "inv.type", "KR")]  # fmt: skip
    for name, element_id in (
        ("Invoice number", "inv.number"),
        ("Vendor", "inv.vendor"),
        ("Gross amount", "inv.amount"),
    ):
        digest = f"{element_id} {number}"
        rows += [shown(name, digest, read), write(name, element_id, digest, fill)]
    rows += [shown("Country", country, element_id="inv.country", **FORM), write("Tax code", "inv.tax", f"t{number % 4}"),
             write("G/L account", "inv.account", f"choice {number * 7 % 60} {number}")]  # fmt: skip
    if number % 5 < 3:
        rows.append(write("Text", None, f"free {number}"))
    rows.append(button("Post invoice"))
    return rows


def record(executions: int = 42, people: int = 7, *, make: Any = enter_invoice) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events with segments, and segments with their task: each execution is one."""
    frames, number = [], 0
    for person in range(people):
        rows: list[Row] = []
        for _ in range(executions // people):
            rows += [row | {"segment_id": number, "after": 4.0 + number % 7} for row in make(number)]
            number += 1
        segment = [row.pop("segment_id") for row in rows]
        frame = make_events(rows, user=f"p_{person:012x}", session_id=f"s{person}")
        frames.append(frame.with_columns(segment_id=pl.Series(segment, dtype=pl.UInt32)))
    events = pl.concat(frames, how="diagonal")
    named = tk.name_activities(events.drop("segment_id"))
    named = named.join(events.select("user", "session_id", "seq", "segment_id"), on=["user", "session_id", "seq"])
    named = named.sort("user", "session_id", "seq")
    segments = tk.list_segments(named).with_columns(task_id=pl.lit("T01"), task_name=pl.lit("Enter invoice"))
    return named, segments
