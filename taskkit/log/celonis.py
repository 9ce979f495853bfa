"""Celonis Task Mining client: Parquet or CSV, one row per event with names of elements, typed and copied text."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from taskkit.log.readings import Fate, Reading, hide_passwords, text_of, to_events
from taskkit.log.times import read_times
from taskkit.log.words import event_type_of
from taskkit.schema import PRESENCE_TYPES

NEEDS = (("TimestampUTC",), ("EventType",), ("ProcessName",), ("SessionId",), ("UserId", "SystemUser"))
_TYPES = {
    "active window changed": "window_focus", "application window changed": "other", "focus changed": "other",
    "clipboard changed": "copy", "user comment": "comment", "keyboard command": "shortcut", "left-click": "click",
    "middle-click": "click", "right-click": "right_click", "left double click": "double_click", "mouse wheel": "scroll",
    "mouse wheel (up)": "scroll", "mouse wheel (down)": "scroll", "entered text": "text_input",
    "activated tab": "window_focus", "closed tab": "other", "element changed": "text_input", "text selected": "other",
    "copy to clipboard": "copy", "cut to clipboard": "cut", "paste from clipboard": "paste",
    "task mining started": "session_start", "task mining stopped": "session_end", "user idle started": "idle_start",
    "user idle ended": "idle_end", "session locked": "lock", "session unlocked": "unlock",
    # a desktop that is not connected cannot be worked on, as a locked one
    "session disconnected": "lock", "session remote disconnected": "lock", "session connected": "unlock",
    "session remote connected": "unlock", "alive": "alive",
}  # fmt: skip
_KEYS = {"c": "copy", "x": "cut", "v": "paste"}
_VERSION: Fate = (None, "dropped", "which program wrote the row")
_PIXELS: Fate = (None, "dropped", "pixels of the screen; the place inside the window is not known")
_OWN: Fate = (None, "dropped", "its meaning is the project's own; map it with columns={'case_ref': '…'}")
_ROLE: Fate = ("element_role", "mapped", "the first of ControlType_UIAA, TargetElementType, ElementTypeSAP")
_ELEMENT: Fate = ("element_id", "mapped", "the first of AutomationId_UIAA, TargetElementId, ElementIdSAP")
_NAME: Fate = (
    "element_name",
    "mapped",
    "the first of Name_UIAA, TargetElementName, ElementNameSAP; not the value itself",
)
_FATES: dict[str, Fate] = {
    "Id": ("seq", "mapped", "order of rows of one time, where it is a number"),
    "TimestampUTC": ("timestamp, seq", "mapped", "rows are ordered by it"),
    "TimestampLocal": ("utc_offset_minutes", "mapped", "difference to TimestampUTC"),
    "UserId": ("user", "mapped", "else SystemUser"),
    "SystemUser": ("user", "mapped", "where UserId is empty"),
    "EventType": ("event_name, event_type", "mapped", "a session that is disconnected counts as locked"),
    "ProcessName": ("app", "mapped", "without .exe; null where nobody acts"),
    "ProcessId": (None, "dropped", "number of a running program"),
    "SessionId": ("session_id", "mapped", ""),
    "MachineName": ("session_id", "mapped", "a number of the machine, where one session id is on several machines"),
    "ExtensionName": _VERSION, "ClientVersion": _VERSION, "ExtensionVersion": _VERSION,
    "SnippetId": (None, "dropped", "a recording the user started; map it with columns={'case_ref': 'SnippetId'}"),
    "ActiveWindow": ("window_title", "mapped", "with the SAP transaction"),
    "TransactionSAP": ("window_title", "mapped", "behind the title"),
    "URL": ("url", "mapped", "without query and fragment"),
    "KeyboardCommand": ("event_name, event_type", "mapped", "behind the name; Ctrl + C, X, V are copy, cut, paste"),
    "EnteredText": ("value", "mapped", "typed text"),
    "ClipboardText": ("value", "mapped", "copied or pasted text"),
    "ClipboardContentType": (None, "dropped", "kind of the copied content"),
    "Value_UIAA": ("value", "split", "where the event wrote it; a click only sees it"),
    "Comment": ("value", "mapped", "what the user wrote about the work"),
    "MousePositionX": _PIXELS, "MousePositionY": _PIXELS,
    "ControlType_UIAA": _ROLE, "TargetElementType": _ROLE, "ElementTypeSAP": _ROLE,
    "AutomationId_UIAA": _ELEMENT, "TargetElementId": _ELEMENT, "ElementIdSAP": _ELEMENT,
    "Name_UIAA": _NAME, "TargetElementName": _NAME, "ElementNameSAP": _NAME,
    "ClassName_UIAA": (None, "dropped", "class of an element in its program's code"),
    **{f"Custom{number}": _OWN for number in range(1, 6)},
}  # fmt: skip


def read_celonis(table: pl.DataFrame, *, where: str, columns: Mapping[str, str]) -> Reading:
    """Events of the client's rows: presence, actions and elements; typed and copied text is content."""
    rows, notes = _in_order(table, where)
    role = text_of(rows, "ControlType_UIAA", "TargetElementType", "ElementTypeSAP").str.to_lowercase()
    values, hidden = hide_passwords(rows.select(value=_value(rows))["value"], secret=_secret(rows))
    seen = rows.select(value=text_of(rows, "Value_UIAA"))["value"]
    name = text_of(rows, "Name_UIAA", "TargetElementName", "ElementNameSAP")
    repeats = (name == pl.lit(values)) | (name == pl.lit(seen)) | (name == text_of(rows, "EnteredText"))
    chosen = {
        "timestamp": pl.col("§time"),
        "user": pl.col("§user"),
        "session_id": _session(rows),
        "app": pl.when(~pl.col("§type").is_in(PRESENCE_TYPES)).then(_program(rows)),
        "event_name": pl.concat_str(
            text_of(rows, "EventType"), text_of(rows, "KeyboardCommand"), separator=" ", ignore_nulls=True
        ),
        "event_type": pl.col("§type"),
        "utc_offset_minutes": pl.col("§offset"),
        "window_title": pl.concat_str(
            text_of(rows, "ActiveWindow"), text_of(rows, "TransactionSAP"), separator=" | ", ignore_nulls=True
        ),
        "url": text_of(rows, "URL"),
        "element_role": role,
        "element_id": text_of(rows, "AutomationId_UIAA", "TargetElementId", "ElementIdSAP"),
        "element_name": pl.when(~repeats.fill_null(False)).then(name),
        "value": pl.lit(values),
    }
    left = seen.is_not_null() & (seen != values).fill_null(True)
    notes["Value_UIAA"] = f"{int(left.sum()):,} rows left out"
    notes["Name_UIAA"] = f"{rows.select(repeats.fill_null(False).sum()).item():,} rows repeat a value and are left out"
    if hidden:
        notes["EnteredText"] = f"{hidden:,} rows with a password are emptied"
    return Reading(to_events(rows, chosen, columns=columns, where=where), _FATES, notes)


def _in_order(table: pl.DataFrame, where: str) -> tuple[pl.DataFrame, dict[str, str]]:
    """Rows by time and number, with person, type and distance to UTC."""
    times = read_times(table["TimestampUTC"], column="TimestampUTC", where=where).alias("§time")
    number = text_of(table, "Id").cast(pl.Float64, strict=False).alias("§id")
    rows = table.with_row_index("§row").with_columns(times, number, _wall_clock(table).alias("§local"))
    rows = rows.sort("§time", "§id", "§row")
    minutes = (pl.col("§local") - pl.col("§time")).dt.total_seconds() / 60
    inside = pl.when(minutes.is_between(-1440, 1440)).then(minutes.round())
    rows = rows.with_columns(inside.cast(pl.Int16).alias("§offset"), _user(rows).alias("§user"))
    names = text_of(rows, "EventType").str.strip_chars()
    kinds = {
        name: _TYPES.get(name.lower()) or event_type_of(name)
        for name in rows.select(names).to_series().unique().drop_nulls()
    }
    kind = names.replace_strict(list(kinds), list(kinds.values()), default="other", return_dtype=pl.String)
    pressed = text_of(rows, "KeyboardCommand").str.to_lowercase().str.extract(r"^(?:ctrl|control|strg)\s*\+\s*([cxv])$")
    copied = pressed.replace_strict(_KEYS, default=None, return_dtype=pl.String)
    rows = rows.with_columns(pl.when(kind == "shortcut").then(pl.coalesce(copied, kind)).otherwise(kind).alias("§type"))
    wrong = int(rows.select((text_of(rows, "TimestampLocal").is_not_null() & pl.col("§offset").is_null()).sum()).item())
    return rows, {"TimestampLocal": f"{wrong:,} rows are no local time of their UTC time"} if wrong else {}


def _wall_clock(table: pl.DataFrame) -> pl.Series:
    """Local time as if it were UTC; what cannot be read is null, an offset is only an offset."""
    none = pl.Series([None] * table.height, dtype=pl.Datetime("us", "UTC"))
    if "TimestampLocal" not in table.columns:
        return none
    local = table["TimestampLocal"]
    if isinstance(local.dtype, pl.Datetime):
        return local.dt.replace_time_zone(None).dt.replace_time_zone("UTC").cast(none.dtype)
    bare = local.cast(pl.String).str.strip_chars().str.replace(r"\s*(?:[zZ]|[+-]\d\d:?\d\d)$", "").str.replace(" ", "T")
    times = bare.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    return times.dt.replace_time_zone("UTC")


def _user(rows: pl.DataFrame) -> pl.Expr:
    """One name for a person: a row with the system's name alone takes the UserId that goes with it."""
    own, system = text_of(rows, "UserId").str.strip_chars(), text_of(rows, "SystemUser").str.strip_chars()
    joined = pl.when(system.is_not_null()).then(own.min().over(system))
    return pl.coalesce(own, joined, system).forward_fill().backward_fill().over("SessionId")


def _session(rows: pl.DataFrame) -> pl.Expr:
    """The client's session; with a number where it occurs on several machines of one person."""
    session = text_of(rows, "SessionId")
    if "MachineName" not in rows.columns:
        return session
    machine = text_of(rows, "MachineName").fill_null("").str.to_lowercase()
    numbered = pl.concat_str(session, machine.rank("dense").over("§user", session).cast(pl.String), separator="-")
    return pl.when(machine.n_unique().over("§user", session) > 1).then(numbered).otherwise(session)


def _program(rows: pl.DataFrame) -> pl.Expr:
    return text_of(rows, "ProcessName").str.extract(r"([^\\/]+)$").str.replace(r"(?i)\.exe\s*$", "")


def _value(rows: pl.DataFrame) -> pl.Expr:
    """What was typed, copied, pasted or said on a row."""
    writes = pl.col("§type") == "text_input"
    return pl.coalesce(
        text_of(rows, "EnteredText"), text_of(rows, "ClipboardText"), text_of(rows, "Comment"),
        pl.when(writes).then(text_of(rows, "Value_UIAA")),
    )  # fmt: skip


def _secret(rows: pl.DataFrame) -> pl.Series:
    """Rows on a password field."""
    marks = [name for name in rows.columns if name.lower().startswith("ispassword")]
    told = [text_of(rows, name).str.to_lowercase().is_in(["true", "1"]).fill_null(False) for name in marks]
    kind = [
        text_of(rows, name).str.to_lowercase().str.contains("password").fill_null(False)
        for name in ("TargetElementType", "ControlType_UIAA", "ElementTypeSAP")
    ]
    return rows.select(pl.any_horizontal(*told, *kind)).to_series()
