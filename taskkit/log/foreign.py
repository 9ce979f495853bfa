"""Importers of foreign UI logs: one function and one line in `IMPORTERS` each; nothing is left out silently."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from taskkit.errors import LogFileError, check_choice
from taskkit.log.descriptions import INVISIBLE, Step, read_step
from taskkit.log.table import from_table
from taskkit.log.times import read_times

REPORT = pl.Schema({"column": pl.String, "rows": pl.UInt32, "mapped_to": pl.String, "outcome": pl.String,
                    "reason": pl.String})  # fmt: skip
_Fate = tuple[str | None, str, str]  # mapped_to, outcome, reason
_Read = Callable[[pl.DataFrame, str], tuple[pl.DataFrame, pl.DataFrame]]


@dataclass(frozen=True)
class Importer:
    """How one foreign format is recognised and read.

    `read` is a pure function: (table of texts, what messages call it) → (events with content, report). Its events still
    hold typed values and clear names; `import_log` protects them.
    """

    recorder: str  # the program that writes the format
    needs: tuple[tuple[str, ...], ...]  # columns the header must have; spellings of one column stand together
    read: _Read

    def missing(self, header: Iterable[str]) -> list[str]:
        """Required columns that the header lacks."""
        have = {*header}
        return [" or ".join(names) for names in self.needs if not have.intersection(names)]

    def evidence(self, header: Iterable[str]) -> str:
        """Why a header is taken for this format, or what speaks against it."""
        missing = self.missing(header)
        found = len(self.needs) - len(missing)
        return f"{found} of {len(self.needs)} required columns" + (
            f"; missing: {', '.join(missing)}" if missing else ""
        )


def detect_format(header: list[str], *, where: str, format: str | None = None) -> str:
    """Name of the importer for a header.

    Raises
    ------
    LogFileError : no importer knows the header; the message names the nearest one and the way out.

    >>> detect_format(["timeStamp", "userID", "targetApp", "eventType", "content"], where="log.csv")
    'action_logger'
    """
    if format is not None:
        check_choice(format, allowed=IMPORTERS, what="log format")
    fits = [name for name in ([format] if format else IMPORTERS) if not IMPORTERS[name].missing(header)]
    if fits:
        return max(fits, key=lambda name: len(IMPORTERS[name].needs))
    near = format or max(IMPORTERS, key=lambda name: _nearness(IMPORTERS[name], header))
    known = ", ".join(f"{name} ({importer.recorder})" for name, importer in IMPORTERS.items())
    found = ", ".join(map(repr, header[:12])) + (f", … ({len(header)} in all)" if len(header) > 12 else "")
    raise LogFileError(
        f"{where} is in no format that is known here. Columns found: {found}. The nearest format is {near}: "
        f"{IMPORTERS[near].evidence(header)}. Known formats: {known}. Any other table is read with "
        "from_table(pl.read_csv(…), columns={'timestamp': '…', 'user': '…', 'event_name': '…'})."
    )


def _nearness(importer: Importer, header: list[str]) -> float:
    def best(names: tuple[str, ...]) -> float:
        pairs = ((a.lower(), b.lower()) for a in names for b in header[:300])
        return max((difflib.SequenceMatcher(None, a, b).ratio() for a, b in pairs), default=0.0)

    return sum(best(names) for names in importer.needs) / len(importer.needs)


# ------------------------------------------------------------------------------------------------------ Action Logger
_STATE = r"(?i)^(click|select|open|create|close|focus)"  # events that only see a field's value, they do not make it
_LABELLED = ("A", "BUTTON", "LABEL", "OPTION", "SUMMARY", "TH")
_CLIPBOARD = "OS-Clipboard"
_ACTION_LOGGER: dict[str, _Fate] = {
    "timeStamp": ("timestamp, seq", "mapped", "rows are ordered by it; rows of one time keep the file's order"),
    "userID": ("user", "mapped", "a row without user takes the user of the row before it"),
    "caseid": ("case_ref", "mapped", ""),
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


def read_action_logger(table: pl.DataFrame, where: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events of an Action Logger file: stable order by time, clipboard rows joined to person and program."""
    table = table.with_row_index("_row").with_columns(read_times(table["timeStamp"], column="timeStamp", where=where))
    table = table.sort("timestamp", "_row")
    user, app = pl.col("userID").str.strip_chars(), pl.col("targetApp").str.strip_chars()
    table = table.with_columns(
        user=user.forward_fill().backward_fill(),
        app=pl.when(app != _CLIPBOARD).then(app),
        excel=_text(table, "target.sheetName").is_not_null() | _text(table, "target.workbookName").is_not_null(),
    ).with_columns(app=pl.col("app").forward_fill().backward_fill().over("user"))
    tag, kind = _text(table, "target.tagName").str.to_uppercase(), _text(table, "target.type").str.to_lowercase()
    # a link with neither tag nor type is still told by its event
    labelled = tag.is_in(_LABELLED) | kind.is_in(["button", "submit"]) | pl.col("eventType").str.contains("(?i)link")
    label = _text(table, "target.innerText").str.replace_all(r"(\\[nrt]|\s)+", " ").str.strip_chars().str.head(80)
    sees = pl.col("eventType").str.contains(_STATE)
    ticked = pl.when(kind.is_in(["checkbox", "radio"])).then(_text(table, "target.checked"))
    field_value = pl.when(~sees.fill_null(False)).then(_text(table, "target.value"))
    cell, name = _text(table, "target.id"), _text(table, "target.name")
    events = from_table(
        table.select(
            "timestamp",
            "user",
            "app",
            "url" if "url" in table.columns else pl.lit(None, dtype=pl.String).alias("url"),
            event_name="eventType",
            case_ref=_text(table, _first(table, ("caseid", "caseID", "caseId"))),
            window_title=pl.concat_str(
                _text(table, "target.workbookName"),
                _text(table, "target.sheetName"),
                separator=" | ",
                ignore_nulls=True,
            ),
            element_id=cell,
            element_name=pl.coalesce(
                pl.when("excel").then(cell), name, pl.when(labelled).then(label), _text(table, "target.title"), cell
            ),
            element_role=pl.when("excel").then(pl.lit("cell")).otherwise(_role(tag, kind)),
            value=pl.coalesce(_text(table, "content"), ticked, field_value, _text(table, "target.option")),
        ),
        source=where,
    )
    fates = _ACTION_LOGGER | dict.fromkeys(("caseID", "caseId"), _ACTION_LOGGER["caseid"])
    unused = sees.fill_null(False) | _text(table, "content").is_not_null() | ticked.is_not_null()
    left = table.select(
        value=(_text(table, "target.value").is_not_null() & unused).sum(),
        text=(_text(table, "target.innerText").is_not_null() & ~labelled.fill_null(False)).sum(),
    ).row(0)
    notes = {"target.value": f"{left[0]:,} rows left out",
             "target.innerText": f"{left[1]:,} rows left out",
             "targetApp": f"{(table['targetApp'] == _CLIPBOARD).sum():,} rows",
             "userID": f"{table['userID'].null_count():,} rows",
             "timeStamp": f"{_late(table['_row']):,} rows came late"}  # fmt: skip
    return events, _report(table.drop("_row", "timestamp", "user", "app", "excel"), fates, notes)


def _late(rows: pl.Series) -> int:
    """How many rows stand later in the file than a row with a later time."""
    return int((rows > rows.reverse().cum_min().reverse()).sum())


def _role(tag: pl.Expr, kind: pl.Expr) -> pl.Expr:
    roles = {"button": "button", "submit": "button", "checkbox": "check box", "radio": "radio button"}
    tags = {"A": "link", "BUTTON": "button", "SELECT": "combo box", "INPUT": "edit", "TEXTAREA": "edit"}
    by_kind = kind.replace_strict(roles, default=None, return_dtype=pl.String)
    return pl.coalesce(by_kind, tag.replace_strict(tags, default=None, return_dtype=pl.String), tag.str.to_lowercase())


# -------------------------------------------------------------------------------------------------- office recordings
_LABEL: _Fate = (None, "dropped", "a label: knowing it would answer what is to be found out")
_OFFICE: dict[str, _Fate] = {
    "StepId": ("seq", "mapped", "order inside the recording"),
    "RecordingId": ("session_id", "mapped", ""),
    "ProcessId": _LABEL,
    "TimeStamp": ("timestamp", "mapped", ""),
    "StepName": ("event_name, event_type", "mapped", "named keys and shortcuts stand behind the name"),
    "StepDescription": ("element_role, element_name, window_title, value", "split",
                        "typed text is content and goes to value; a sentence that is not understood is left out whole"),
    "ApplicationProcessName": ("app", "mapped", "keys that were sent take program and window of the row before"),
    "ApplicationParentWindowName": ("window_title", "mapped", "else the window in the description"),
    "AutomationStep": (None, "dropped", "a script; it repeats the description and the typed text"),
    "NextStepId": (None, "dropped", "repeats the order of StepId"),
    "label_EventName": _LABEL,
    "label_EventId": _LABEL,
}  # fmt: skip
_STEP = {"role": pl.String, "name": pl.String, "window": pl.String, "value": pl.String, "keys": pl.String,
         "event_type": pl.String, "understood": pl.Boolean}  # fmt: skip


def read_office_recordings(table: pl.DataFrame, where: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events of the office recordings: element, window and typed text are read from the description."""
    said = table["StepDescription"].unique().drop_nulls().sort()
    steps = pl.DataFrame([vars(read_step(text)) for text in said] or [vars(Step())], schema=_STEP)
    steps = steps.head(len(said)).with_columns(said.alias("StepDescription"))
    rows = table.with_row_index("_row").join(steps, on="StepDescription", how="left", maintain_order="left")
    title = pl.col("ApplicationParentWindowName").str.replace_all(INVISIBLE.pattern, "")
    rows = rows.with_columns(_window=title.str.replace_all(r"\s+", " ").str.strip_chars())
    keys = pl.col("keys").is_not_null() | (pl.col("event_type") == "text_input").fill_null(False)
    order = pl.col("StepId").cast(pl.Float64, strict=False)

    def front(name: str) -> pl.Expr:
        before = pl.col(name).forward_fill().over("RecordingId", order_by=[order, "_row"])
        return pl.when(keys).then(pl.coalesce(name, before)).otherwise(pl.col(name))

    events = from_table(
        rows.select(
            session_id="RecordingId",
            seq="StepId",
            timestamp="TimeStamp",
            app=front("ApplicationProcessName"),
            event_type=pl.coalesce("event_type", "StepName"),
            event_name=pl.concat_str("StepName", "keys", separator=" ", ignore_nulls=True),
            window_title=pl.coalesce(front("_window"), "window"),
            element_role="role",
            element_name="name",
            value="value",
        ),
        source=where,
    )
    unread = rows.filter(~pl.col("understood").fill_null(True)).height
    filled = rows.filter(keys & pl.col("ApplicationProcessName").is_null()).height
    notes = {"StepDescription": f"{unread:,} rows not understood", "ApplicationProcessName": f"{filled:,} rows"}
    return events, _report(table, _OFFICE, notes)


# -------------------------------------------------------------------------------------------------------------- shared
def _text(table: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name) if name in table.columns else pl.lit(None, dtype=pl.String)


def _first(table: pl.DataFrame, names: tuple[str, ...]) -> str:
    return next((name for name in names if name in table.columns), names[0])


def _report(table: pl.DataFrame, fates: dict[str, _Fate], notes: dict[str, str]) -> pl.DataFrame:
    """One row per source column: how many rows fill it, where it went, and why."""
    unknown: _Fate = (None, "dropped", "not part of the format; from_table(…, columns={…}) can map it")
    rows = []
    for name in table.columns:
        mapped_to, outcome, reason = fates.get(name, unknown)
        reason += f" ({notes[name]})" if name in notes else ""
        rows.append((name, table.height - table[name].null_count(), mapped_to, outcome, reason))
    return pl.DataFrame(rows, schema=REPORT, orient="row")


IMPORTERS: dict[str, Importer] = {
    "action_logger": Importer(
        "Action Logger, Apromore RPA UILogger",
        (("timeStamp",), ("userID",), ("targetApp",), ("eventType",)),
        read_action_logger,
    ),
    "office_recordings": Importer(
        "Microsoft 50 business assignments",
        (("StepId",), ("RecordingId",), ("TimeStamp",), ("StepName",), ("StepDescription",),
         ("ApplicationProcessName",), ("ApplicationParentWindowName",)),
        read_office_recordings,
    ),
}  # fmt: skip
