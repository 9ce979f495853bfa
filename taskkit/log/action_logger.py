"""Action Logger (Apromore RPA UILogger): one CSV file, rows of the clipboard come late."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from taskkit.log.readings import Fate, Reading, hide_passwords, text_of, to_events
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
    "targetApp": ("app", "mapped", "OS-Clipboard is no program: such a row takes the program of the row before it"),
    "eventType": ("event_name, event_type", "mapped", "the type is what a word tells"),
    "url": ("url", "mapped", "without query and fragment"),
    "content": ("value", "mapped", "copied or pasted text"),
    "target.workbookName": ("window_title", "mapped", "with the sheet"),
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
    tag, kind = text_of(rows, "target.tagName").str.to_uppercase(), text_of(rows, "target.type").str.to_lowercase()
    # a link with neither tag nor type is still told by its event
    labelled = tag.is_in(_LABELLED) | kind.is_in(["button", "submit"]) | pl.col("eventType").str.contains("(?i)link")
    label = text_of(rows, "target.innerText").str.replace_all(r"(\\[nrt]|\s)+", " ").str.strip_chars().str.head(80)
    sees = pl.col("eventType").str.contains(_STATE)
    ticked = pl.when(kind.is_in(["checkbox", "radio"])).then(text_of(rows, "target.checked"))
    field_value = pl.when(~sees.fill_null(False)).then(text_of(rows, "target.value"))
    cell, name = text_of(rows, "target.id"), text_of(rows, "target.name")
    excel = text_of(rows, "target.sheetName").is_not_null() | text_of(rows, "target.workbookName").is_not_null()
    value = pl.coalesce(text_of(rows, "content"), ticked, field_value, text_of(rows, "target.option"))
    values, secret = hide_passwords(
        rows.select(value=value)["value"], secret=rows.select(kind == "password").to_series()
    )
    chosen = {
        "timestamp": pl.col("§time"),
        "user": pl.col("§user"),
        "app": pl.col("§app"),
        "url": text_of(rows, "url"),
        "event_name": pl.col("eventType"),
        "case_ref": text_of(rows, *_CASE),
        "window_title": pl.concat_str(
            text_of(rows, "target.workbookName"), text_of(rows, "target.sheetName"), separator=" | ", ignore_nulls=True
        ),
        "element_id": cell,
        "element_name": pl.coalesce(
            pl.when(excel).then(cell), name, pl.when(labelled).then(label), text_of(rows, "target.title"), cell
        ),
        "element_role": pl.when(excel).then(pl.lit("cell")).otherwise(_role(tag, kind)),
        "value": pl.lit(values),
    }
    unused = sees.fill_null(False) | text_of(rows, "content").is_not_null() | ticked.is_not_null()
    left = rows.select(
        value=(text_of(rows, "target.value").is_not_null() & unused).sum(),
        text=(text_of(rows, "target.innerText").is_not_null() & ~labelled.fill_null(False)).sum(),
    ).row(0)
    notes = {
        "target.value": f"{left[0]:,} rows left out",
        "target.innerText": f"{left[1]:,} rows left out",
        "targetApp": f"{(table['targetApp'] == _CLIPBOARD).sum():,} rows",
        "userID": f"{table['userID'].null_count():,} rows",
        "timeStamp": f"{_late(rows['§row']):,} rows came late",
    } | ({"target.type": f"{secret:,} rows with a password are emptied"} if secret else {})
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


def _late(rows: pl.Series) -> int:
    """How many rows stand later in the file than a row with a later time."""
    return int((rows > rows.reverse().cum_min().reverse()).sum())


def _role(tag: pl.Expr, kind: pl.Expr) -> pl.Expr:
    roles = {"button": "button", "submit": "button", "checkbox": "check box", "radio": "radio button",
             "password": "password"}  # fmt: skip
    tags = {"A": "link", "BUTTON": "button", "SELECT": "combo box", "INPUT": "edit", "TEXTAREA": "edit"}
    by_kind = kind.replace_strict(roles, default=None, return_dtype=pl.String)
    return pl.coalesce(by_kind, tag.replace_strict(tags, default=None, return_dtype=pl.String), tag.str.to_lowercase())
