"""smartRPA, CSV: files, clipboard, Office and browser in one wide table; older files have fewer columns."""

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
from taskkit.log.words import event_type_of

NEEDS = (("timestamp", "time:timestamp"), ("category",), ("application",), ("event_type", "concept:name"),
         ("event_src_path", "clipboard_content", "browser_url", "workbook"))  # fmt: skip
_CLIPBOARD = "Clipboard"
_LABELLED = ("A", "BUTTON", "LABEL", "OPTION", "SUMMARY", "TH")
_MAKES = r"(?i)^(change|edit|write|insert|get|copy|cut|paste)"  # the others only see a field's value
_NAVIGATION = ("link", "typed", "generated", "reload", "keyword", "urlHashChange", "auto_bookmark", "autoBookmark",
               "start_page", "startPage", "auto_toplevel", "manual_subframe", "manualSubframe", "keyword_generated",
               "form_submit", "formSubmit")  # fmt: skip
_TYPES = dict.fromkeys(_NAVIGATION, "navigate") | {
    "contextMenu": "right_click", "selectOptions": "click", "activateWorkbook": "window_focus",
    "openWorkbook": "window_focus", "newWorkbook": "window_focus", "programOpen": "other", "programClose": "other",
    "closeTab": "other", "openFile": "other", "openFolder": "other", "selectedFile": "other", "selectedFolder": "other",
    "itemSelected": "other",
}  # fmt: skip
_HOTKEYS = {"c": "copy", "x": "cut", "v": "paste"}
_FILE: Fate = (
    "element_name",
    "mapped",
    "the file's name alone, where the row names no element; folders may name people",
)
_LOOK: Fate = (None, "dropped", "state of a window or tab, no meaning for the work")
_MARKUP: Fate = (None, "dropped", "markup and content of the page")
_FATES: dict[str, Fate] = {
    "user": ("user", "mapped", "a row without user takes the user of the row before it"),
    "category": (None, "dropped", "kind of recorder; the application says more"),
    "application": ("app", "mapped", "the clipboard is no program: such a row takes the program of the row before it, and "
                    "its window and element where that is at most 1 s before"),
    "event_relevance": (None, "dropped", "an answer to a question of the recorder"),
    "event_src_path": _FILE,
    "event_dest_path": (None, "dropped", "where a file went; folders may name people"),
    "clipboard_content": ("value", "mapped", "copied or pasted text"),
    "mouse_coord": (None, "dropped", "pixels of the screen; the place inside the window is not known"),
    "workbook": ("window_title", "mapped", "with the sheet; of a path only the file's name, folders may name people"),
    "current_worksheet": ("window_title", "mapped", "with the workbook"),
    "worksheets": (None, "dropped", "all sheets of the workbook"),
    "sheets": (None, "dropped", "number of sheets"),
    "cell_content": ("value", "mapped", "content of a cell that was written or read"),
    "cell_range": ("element_id, element_name", "mapped", "name of a cell"),
    "cell_range_number": ("element_id, element_name", "mapped", "where cell_range is empty"),
    "window_size": _LOOK,
    "slides": (None, "dropped", "number of slides"),
    "effect": (None, "dropped", "an animation"),
    "hotkey": ("event_name", "mapped", "keys that were pressed"),
    "id": ("element_id, event_name", "mapped", "id of a field; the keys of a hotkey"),
    "title": ("window_title", "mapped", "where there is no workbook"),
    "description": (None, "dropped", "a sentence of the recorder; it can hold subjects and texts"),
    "browser_url": ("url", "mapped", "without query and fragment"),
    "eventQual": (None, "dropped", "how a page was reached; the event says it"),
    "tab_moved_from_index": _LOOK, "tab_moved_to_index": _LOOK, "newZoomFactor": _LOOK, "oldZoomFactor": _LOOK,
    "tab_pinned": _LOOK, "tab_audible": _LOOK, "tab_muted": _LOOK,
    "window_ingognito": (None, "dropped", "rows of private windows are left out, see the row about rows"),
    "file_size": (None, "dropped", "of a download"),
    "tag_category": ("element_role", "mapped", "together with tag_type"),
    "tag_type": ("element_role", "mapped", "together with tag_category; what is in a password field is left out"),
    "tag_name": ("element_name", "mapped", ""),
    "tag_title": ("element_name", "mapped", "where an element has no other name and is no password field"),
    "tag_value": ("value", "split", "where the event wrote it; a click only sees it"),
    "tag_checked": ("value", "mapped", "of check boxes and radio buttons"),
    "tag_html": _MARKUP, "tag_attributes": _MARKUP,
    "tag_href": (None, "dropped", "where a link leads shows in the url of the next row"),
    "tag_innerText": ("element_name", "split", "label of links and buttons; the text of other elements is content"),
    "tag_option": ("value", "mapped", "chosen option, where there is no other value"),
    "xpath": ("element_id", "mapped", "where an element has no id"),
    "xpath_full": (None, "dropped", "longer form of xpath"),
    "screenshot": (None, "dropped", "pictures of the screen are never taken in"),
    "case:concept:name": ("case_ref", "mapped", ""),
    "org:resource": ("user", "mapped", "a row without user takes the user of the row before it"),
}  # fmt: skip
_TIME: Fate = ("timestamp, seq", "mapped", "rows are ordered by it; rows of one time keep the file's order")
_EVENT: Fate = ("event_name, event_type", "mapped", "the type is what a word tells")


def read_smartrpa(table: pl.DataFrame, *, where: str, columns: Mapping[str, str]) -> Reading:
    """Events of a smartRPA file: private windows are left out, sheets and fields are named as they are elsewhere."""
    time, event = _one_of(table, "timestamp", "time:timestamp"), _one_of(table, "event_type", "concept:name")
    private = table.select(text_of(table, "window_ingognito").str.to_lowercase().is_in(["true", "1"])).to_series()
    private = private.fill_null(False)
    rows = _in_order(table.filter(~private), time, event, where)
    kind, value = _kind(rows), _value(rows)
    place, clipboard = _place(rows), text_of(rows, "application").str.strip_chars() == _CLIPBOARD
    front = ~clipboard & text_of(rows, "event_src_path").is_null()
    places, copies = place_clipboard(rows, place, clipboard=clipboard, front=front, value=value)
    secret = (
        places["element_role"].eq_missing("password") | rows.select((kind == "password").fill_null(False)).to_series()
    )
    values, hidden = hide_passwords(rows.select(value=value)["value"], secret=secret)
    keys = pl.when("§keys").then(text_of(rows, "id", "hotkey"))
    chosen = {
        "timestamp": pl.col("§time"),
        "user": pl.col("§user"),
        "app": pl.col("§app"),
        "event_name": pl.concat_str("§event", keys, separator=" ", ignore_nulls=True),
        "event_type": pl.col("§type"),
        "case_ref": text_of(rows, "case:concept:name"),
        "value": pl.lit(values),
        **{column: pl.lit(places[column]) for column in place},
    }
    unread = pl.lit(values).ne_missing(text_of(rows, "tag_value")) & text_of(rows, "tag_value").is_not_null()
    unshown = ~_labelled(rows) & text_of(rows, "tag_innerText").is_not_null()
    left = rows.select(tag_value=unread.sum(), tag_innerText=unshown.sum())
    notes = {name: f"{left[name][0]:,} rows left out" for name in left.columns}
    notes["application"] = copies
    notes |= {"tag_type": f"{hidden:,} rows with a password are emptied"} if hidden else {}
    dropped = {"rows of a private (incognito) window": int(private.sum())}
    fates = _FATES | {time: _TIME, event: _EVENT}
    events = to_events(rows, chosen, columns=columns, where=where)
    return Reading(events, fates, notes, {reason: count for reason, count in dropped.items() if count})


def _one_of(table: pl.DataFrame, *names: str) -> str:
    return next(name for name in names if name in table.columns)


def _in_order(table: pl.DataFrame, time: str, event: str, where: str) -> pl.DataFrame:
    """Rows by time, with person, program and type; some versions write a colon before the milliseconds."""
    said = table[time]
    if said.dtype == pl.String:
        said = said.str.replace(r"^(\s*\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d):(\d{1,6})", "${1}.${2}")
    times = read_times(said, column=time, where=where).alias("§time")
    rows = table.with_row_index("§row").with_columns(times).sort("§time", "§row")
    app = text_of(rows, "application").str.strip_chars()
    names = text_of(rows, event).str.strip_chars()
    rows = rows.with_columns(
        text_of(rows, "user", "org:resource").str.strip_chars().forward_fill().backward_fill().alias("§user"),
        pl.when(app != _CLIPBOARD).then(app).alias("§app"),
        # files are watched in the background: they do not tell which program is in front
        pl.when((app != _CLIPBOARD) & text_of(rows, "event_src_path").is_null()).then(app).alias("§front"),
        names.alias("§event"),
        (names.str.to_lowercase() == "hotkey").fill_null(False).alias("§keys"),
    )
    before = [pl.col(name).forward_fill().over("§user") for name in ("§front", "§app")]
    rows = rows.with_columns(pl.coalesce("§app", *before, pl.col("§app").backward_fill().over("§user")).alias("§app"))
    known = {name: _TYPES.get(name) or event_type_of(name) for name in rows["§event"].unique().drop_nulls()}
    kinds = pl.col("§event").replace_strict(list(known), list(known.values()), default="other", return_dtype=pl.String)
    pressed = text_of(rows, "id", "hotkey").str.to_lowercase().str.extract(r"^(?:ctrl|cmd|command)\s*\+\s*([cxv])$")
    copied = pressed.replace_strict(_HOTKEYS, default=None, return_dtype=pl.String)
    hotkey = pl.coalesce(copied, pl.lit("shortcut"))
    return rows.with_columns(pl.when("§keys").then(hotkey).otherwise(kinds).alias("§type"))


def _kind(rows: pl.DataFrame) -> pl.Expr:
    return text_of(rows, "tag_type").str.to_lowercase()


def _labelled(rows: pl.DataFrame) -> pl.Expr:
    """Whether the text of an element is its label; a button without category and type is still told by its event."""
    category, kind, event = text_of(rows, "tag_category").str.to_uppercase(), _kind(rows), pl.col("§event")
    button = category.is_null() & kind.is_null() & event.str.contains("(?i)button")
    told = category.is_in(_LABELLED) | kind.is_in(["button", "submit"]) | event.str.contains("(?i)link") | button
    return told.fill_null(False)


def _place(rows: pl.DataFrame) -> dict[str, pl.Expr]:
    """What a row says of window, address and element."""
    book, sheet = file_name_of(text_of(rows, "workbook")), text_of(rows, "current_worksheet")
    title = pl.concat_str(book, sheet, separator=" | ", ignore_nulls=True)
    cell = text_of(rows, "cell_range", "cell_range_number")
    secret = (_kind(rows) == "password").fill_null(False)
    role = _role(text_of(rows, "tag_category").str.to_uppercase(), _kind(rows))
    return {
        "window_title": pl.when(title != "").then(title).otherwise(text_of(rows, "title")),
        "url": text_of(rows, "browser_url"),
        "element_id": pl.coalesce(cell, pl.when(~pl.col("§keys")).then(text_of(rows, "id")), text_of(rows, "xpath")),
        "element_name": pl.coalesce(
            cell,
            text_of(rows, "tag_name"),
            pl.when(_labelled(rows)).then(_label(rows)),
            pl.when(~secret).then(text_of(rows, "tag_title")),
            file_name_of(text_of(rows, "event_src_path")),
        ),
        "element_role": pl.when(cell.is_not_null()).then(pl.lit("cell")).otherwise(role),
    }


def _value(rows: pl.DataFrame) -> pl.Expr:
    """What was copied, pasted, written or chosen on a row."""
    makes = pl.col("§event").str.contains(_MAKES).fill_null(False)
    ticked = pl.when(_kind(rows).is_in(["checkbox", "radio"])).then(text_of(rows, "tag_checked"))
    return pl.coalesce(
        text_of(rows, "clipboard_content"),
        text_of(rows, "cell_content"),
        ticked,
        pl.when(makes).then(text_of(rows, "tag_value")),
        text_of(rows, "tag_option"),
    )


def _label(rows: pl.DataFrame) -> pl.Expr:
    return (
        text_of(rows, "tag_innerText").str.replace_all(r"(\\[nrt]|\s)+", " ").str.strip_chars().str.head(LONGEST_LABEL)
    )


def _role(category: pl.Expr, kind: pl.Expr) -> pl.Expr:
    roles = {"button": "button", "submit": "button", "checkbox": "check box", "radio": "radio button",
             "password": "password"}  # fmt: skip
    tags = {"A": "link", "BUTTON": "button", "SELECT": "combo box", "INPUT": "edit", "TEXTAREA": "edit"}
    by_kind = kind.replace_strict(roles, default=None, return_dtype=pl.String)
    return pl.coalesce(
        by_kind, category.replace_strict(tags, default=None, return_dtype=pl.String), category.str.to_lowercase()
    )
