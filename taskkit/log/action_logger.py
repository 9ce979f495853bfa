"""Action Logger (Apromore RPA UILogger): one CSV file, rows of the clipboard come late."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from taskkit.log.readings import (
    LONGEST_LABEL,
    Fate,
    Reading,
    file_name_of,
    hide_passwords,
    place_clipboard,
    text_of,
    to_events,
)
from taskkit.log.times import read_times

NEEDS = (("timeStamp",), ("userID",), ("targetApp",), ("eventType",))
_STATE = r"(?i)^(click|select|open|create|close|focus)"  # events that only see a field's value, they do not make it
_LABELLED = ("A", "BUTTON", "LABEL", "OPTION", "SUMMARY", "TH")
_CLIPBOARD = "OS-Clipboard"
_CASE = ("caseid", "caseID", "caseId")
_FATES: dict[str, Fate] = {
    "timeStamp": ("timestamp, seq", "mapped", "rows are ordered by it; rows of one time keep the file's order"),
    "userID": ("user", "mapped", "a row without user takes the user of the row before it"),
    **dict.fromkeys(_CASE, ("case_ref", "mapped", "")),
    "targetApp": (
        "app",
        "mapped",
        "OS-Clipboard is no program: such a row takes the program of the row before it, and its "
        "window and element where that is at most 1 s before",
    ),
    "eventType": ("event_name, event_type", "mapped", "the type is what a word tells"),
    "url": ("url", "mapped", "without query and fragment"),
    "content": ("value", "mapped", "copied or pasted text"),
    "target.workbookName": ("window_title", "mapped", "with the sheet; of a path only the file's name"),
    "target.sheetName": ("window_title", "mapped", "with the workbook"),
    "target.id": ("element_id, element_name", "mapped", "the name of a cell; of a field without any other name"),
    "target.class": (None, "dropped", "look of an element, no meaning"),
    "target.className": (None, "dropped", "look of an element, no meaning"),
    "target.tagName": ("element_role", "mapped", "together with the type"),
    "target.type": ("element_role", "mapped", "together with the tag"),
    "target.name": ("element_name", "mapped", ""),
    "target.value": ("value", "split", "where content is empty and the event wrote or read it; a click only sees it"),
    "target.innerText": ("element_name", "split", "label of links and buttons; the text of other elements is content"),
    "target.checked": ("value", "mapped", "of check boxes and radio buttons"),
    "target.href": (None, "dropped", "where a link leads shows in the url of the next row"),
    "target.option": ("value", "mapped", "chosen option, where content and value are empty"),
    "target.title": ("element_name", "mapped", "where an element has no other name"),
    "target.innerHTML": (None, "dropped", "markup and content of the page"),
}


def read_action_logger(table: pl.DataFrame, *, where: str, columns: Mapping[str, str]) -> Reading:
    """Events of an Action Logger file: stable order by time, clipboard rows joined to person and program."""
    rows = _in_order(table, where)
    kind, sees = _kind(rows), pl.col("eventType").str.contains(_STATE).fill_null(False)
    ticked = pl.when(kind.is_in(["checkbox", "radio"])).then(text_of(rows, "target.checked"))
    field_value = pl.when(~sees).then(text_of(rows, "target.value"))
    value = pl.coalesce(text_of(rows, "content"), ticked, field_value, text_of(rows, "target.option"))
    place, clipboard = _place(rows), pl.col("targetApp").str.strip_chars() == _CLIPBOARD
    places, copies = place_clipboard(rows, place, clipboard=clipboard, front=~clipboard, value=value)
    secret = (
        places["element_role"].eq_missing("password") | rows.select((kind == "password").fill_null(False)).to_series()
    )
    values, hidden = hide_passwords(rows.select(value=value)["value"], secret=secret)
    chosen = {
        "timestamp": pl.col("§time"),
        "user": pl.col("§user"),
        "app": pl.col("§app"),
        "event_name": pl.col("eventType"),
        "case_ref": text_of(rows, *_CASE),
        "value": pl.lit(values),
        **{column: pl.lit(places[column]) for column in place},
    }
    unused = sees | text_of(rows, "content").is_not_null() | ticked.is_not_null()
    left = rows.select(
        value=(text_of(rows, "target.value").is_not_null() & unused).sum(),
        text=(text_of(rows, "target.innerText").is_not_null() & ~_labelled(rows)).sum(),
    ).row(0)
    notes = {
        "target.value": f"{left[0]:,} rows left out",
        "target.innerText": f"{left[1]:,} rows left out",
        "targetApp": copies,
        "userID": f"{table['userID'].null_count():,} rows",
        "timeStamp": f"{_late(rows['§row']):,} rows came late",
    } | ({"target.type": f"{hidden:,} rows with a password are emptied"} if hidden else {})
    return Reading(to_events(rows, chosen, columns=columns, where=where), _FATES, notes)


def _in_order(table: pl.DataFrame, where: str) -> pl.DataFrame:
    """Rows by time, with person and program; the § keeps our columns apart from any of the file's."""
    times = read_times(table["timeStamp"], column="timeStamp", where=where).alias("§time")
    rows = table.with_row_index("§row").with_columns(times).sort("§time", "§row")
    user, app = pl.col("userID").str.strip_chars(), pl.col("targetApp").str.strip_chars()
    rows = rows.with_columns(
        user.forward_fill().backward_fill().alias("§user"), pl.when(app != _CLIPBOARD).then(app).alias("§app")
    )
    return rows.with_columns(pl.col("§app").forward_fill().backward_fill().over("§user"))


def _kind(rows: pl.DataFrame) -> pl.Expr:
    return text_of(rows, "target.type").str.to_lowercase()


def _labelled(rows: pl.DataFrame) -> pl.Expr:
    """Whether the text of an element is its label; a link or button without tag and type is still told by its event."""
    tag, kind, event = text_of(rows, "target.tagName").str.to_uppercase(), _kind(rows), pl.col("eventType")
    button = tag.is_null() & kind.is_null() & event.str.contains("(?i)button")
    told = tag.is_in(_LABELLED) | kind.is_in(["button", "submit"]) | event.str.contains("(?i)link") | button
    return told.fill_null(False)


def _place(rows: pl.DataFrame) -> dict[str, pl.Expr]:
    """What a row says of window, address and element."""
    book, sheet = file_name_of(text_of(rows, "target.workbookName")), text_of(rows, "target.sheetName")
    excel = sheet.is_not_null() | book.is_not_null()
    label = text_of(rows, "target.innerText").str.replace_all(r"(\\[nrt]|\s)+", " ").str.strip_chars()
    cell, name = text_of(rows, "target.id"), text_of(rows, "target.name")
    role = _role(text_of(rows, "target.tagName").str.to_uppercase(), _kind(rows))
    return {
        "url": text_of(rows, "url"),
        "window_title": pl.concat_str(book, sheet, separator=" | ", ignore_nulls=True).replace("", None),
        "element_id": cell,
        "element_name": pl.coalesce(
            pl.when(excel).then(cell), name, pl.when(_labelled(rows)).then(label.str.head(LONGEST_LABEL)),
            text_of(rows, "target.title"), cell,
        ),
        "element_role": pl.when(excel).then(pl.lit("cell")).otherwise(role),
    }  # fmt: skip


def _late(rows: pl.Series) -> int:
    """How many rows stand later in the file than a row with a later time."""
    return int((rows > rows.reverse().cum_min().reverse()).sum())


def _role(tag: pl.Expr, kind: pl.Expr) -> pl.Expr:
    roles = {"button": "button", "submit": "button", "checkbox": "check box", "radio": "radio button",
             "password": "password"}  # fmt: skip
    tags = {"A": "link", "BUTTON": "button", "SELECT": "combo box", "INPUT": "edit", "TEXTAREA": "edit"}
    by_kind = kind.replace_strict(roles, default=None, return_dtype=pl.String)
    return pl.coalesce(by_kind, tag.replace_strict(tags, default=None, return_dtype=pl.String), tag.str.to_lowercase())
