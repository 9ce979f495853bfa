"""Any table: columns guessed by their names and values, each guess with its evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from taskkit.errors import ContractError
from taskkit.log.readings import Fate, Reading, hide_passwords, text_of
from taskkit.log.table import RECORDED, as_polars, from_table
from taskkit.log.times import read_times
from taskkit.log.words import fold
from taskkit.schema import EVENTS

GUESSES = pl.Schema({"contract": pl.String, "column": pl.String, "evidence": pl.String})
_LOOKED_AT = 1000  # values that are tried
# contract name → names it goes by elsewhere, the likelier first; in lower case, letters and digits only, ae for ä
_NAMES: dict[str, tuple[str, ...]] = {
    "timestamp": ("timestamp", "timestamputc", "timeutc", "utctime", "eventtime", "datetime", "time", "timetimestamp",
                  "starttime", "start", "starttimestamp", "when", "zeitstempel", "zeitpunkt", "datumuhrzeit", "datumzeit",
                  "zeit", "startzeit", "beginn", "wann", "date", "datum", "ts", "createdat"),
    "user": ("user", "userid", "username", "resource", "orgresource", "employee", "person", "login", "account",
             "systemuser", "operator", "benutzer", "benutzername", "benutzerid", "benutzerkennung", "nutzer",
             "nutzername", "nutzerid", "anwender", "mitarbeiter", "mitarbeiterin", "bearbeiter"),
    "session_id": ("sessionid", "session", "recordingid", "recording", "run", "runid", "sitzung", "sitzungsid",
                   "aufzeichnung"),
    "seq": ("seq", "sequence", "sequencenumber", "stepid", "stepnumber", "eventnumber", "rownumber", "index",
            "laufendenummer", "laufnummer", "lfdnr", "schrittnummer", "zeilennummer"),
    "app": ("app", "application", "applicationname", "program", "process", "processname", "targetapp", "software",
            "executable", "system", "anwendung", "anwendungsname", "programm", "programmname", "prozess", "prozessname",
            "applikation"),
    "event_type": ("eventtype", "actiontype", "interaction", "interactiontype", "ereignistyp", "ereignisart",
                   "aktionstyp", "aktionsart", "interaktion"),
    "event_name": ("eventname", "event", "action", "actionname", "activity", "activityname", "conceptname", "step",
                   "stepname", "operation", "command", "ereignis", "ereignisname", "aktion", "aktionsname", "aktivitaet",
                   "taetigkeit", "schritt", "befehl"),
    "window_title": ("windowtitle", "window", "title", "activewindow", "caption", "screen", "screenname", "page",
                     "pagetitle", "form", "dialog", "workbook", "fenstertitel", "titel", "fenster", "fenstername",
                     "aktivesfenster", "maske", "seitentitel", "seite", "formular", "arbeitsmappe"),
    "url": ("url", "browserurl", "pageurl", "address", "link", "uri", "webadresse", "internetadresse", "adresse"),
    "element_name": ("elementname", "element", "control", "controlname", "field", "fieldname", "label", "targetname",
                     "widget", "cell", "objectname", "feldname", "feld", "bedienelement", "steuerelement",
                     "schaltflaeche", "beschriftung", "zelle"),
    "element_id": ("elementid", "controlid", "targetid", "automationid", "xpath", "selector", "feldid",
                   "steuerelementid"),
    "element_role": ("elementrole", "elementtype", "controltype", "role", "tag", "tagname", "targettype", "elementtyp",
                     "elementart", "feldtyp"),
    "value": ("value", "content", "text", "enteredtext", "input", "clipboard", "clipboardcontent", "clipboardtext",
              "typedtext", "data", "wert", "feldwert", "inhalt", "eingabe", "eingegebenertext", "zwischenablage"),
    "case_ref": ("caseref", "caseid", "caseconceptname", "case", "documentnumber", "ordernumber", "ticket",
                 "ticketid", "fall", "fallid", "fallnummer", "vorgangsnummer", "vorgangsid", "belegnummer",
                 "auftragsnummer", "rechnungsnummer", "bestellnummer", "aktenzeichen"),
    "team": ("team", "department", "group", "unit", "abteilung", "gruppe", "bereich"),
    "duration_ms": ("durationms", "durationmilliseconds", "elapsedms", "dauerms", "dauermillisekunden"),
    "utc_offset_minutes": ("utcoffsetminutes", "timezoneoffset", "utcoffset"),
}  # fmt: skip
_UNASKED: Fate = (None, "dropped", "its name tells no column of the contract; columns={…} can map it")
_OF_A_FILE = (
    'The columns of a file are guessed by import_log(path, format="table"), whose report states every guess; '
    "list_formats(path) says which format it is in."
)
_LATER: Fate = (None, "dropped", "made by later steps of taskkit; columns={…} can map it")


def guess_columns(frame: Any) -> pl.DataFrame:
    """Guess which columns of any table are which of the events contract, by their names and by their values.

    Parameters
    ----------
    frame : any table, polars or pandas, one row per interaction; names of columns may be English or German.

    Returns
    -------
    One row per guess, in the order of the contract: `contract`, `column`, `evidence`. Every column is used once at
    most, and only where its values can be read as the contract's type.

    Raises
    ------
    ContractError : it is no frame, but the path of a file, say; the message says how a file is guessed.

    >>> guess_columns(pl.DataFrame({"When": ["2026-03-02T08:00:00Z"], "Program": ["erp"]})).select("contract", "column").rows()
    [('timestamp', 'When'), ('app', 'Program')]
    """
    frame = as_polars(frame, asked_by="guess_columns", else_do=_OF_A_FILE)
    rows: dict[str, tuple[str, str]] = {}
    keys: dict[str, list[str]] = {}
    for name in frame.columns:
        keys.setdefault(re.sub(r"[^a-z0-9]", "", fold(name).lower()), []).append(name)
    for contract, known in _NAMES.items():
        taken = {column for column, _ in rows.values()}
        named = [name for key in known for name in keys.get(key, []) if name not in taken]
        for name in named:
            if fits := _fits(frame[name], contract):
                rows[contract] = (name, f"its name says so; {fits}")
                break
    if "timestamp" not in rows and (found := _time_by_values(frame, {column for column, _ in rows.values()})):
        rows["timestamp"] = found
    order = [name for name in EVENTS.schema if name in rows]
    return pl.DataFrame([(name, *rows[name]) for name in order], schema=GUESSES, orient="row")


def read_table(table: pl.DataFrame, *, where: str, columns: Mapping[str, str]) -> Reading:
    """Events of any table: the columns that are mapped, else those that the names and values tell."""
    guesses = {row[0]: (row[1], row[2]) for row in guess_columns(table).iter_rows()} if not columns else {}
    known = {column.name for column in RECORDED}
    chosen = {name: column for name, (column, _) in guesses.items()} | dict(columns)
    if "timestamp" not in chosen and "timestamp" not in table.columns:
        raise ContractError(
            f"No column of {where} tells a time by its name and values, so nothing can be put in time. Say which it is: "
            f"columns={{'timestamp': '…'}}. Columns found: {', '.join(table.columns[:20])}."
        )
    taken = {*chosen.values()}
    chosen |= {name: name for name in sorted(known & {*table.columns} - taken - {*chosen})}
    fates: dict[str, Fate] = {name: _LATER if name in EVENTS.schema else _UNASKED for name in table.columns}
    for contract, column in chosen.items():
        said = f"guessed: {guesses[contract][1]}" if contract in guesses else "mapped by columns= or by its own name"
        also = fates[column][0]
        fates[column] = (f"{also}, {contract}" if also else contract, "mapped", said)
    rows, late = (table, 0) if "seq" in chosen else _in_order(table, chosen["timestamp"], where)
    used = [name for name in rows.columns if name in {*chosen.values()}]
    events = from_table(rows.select(used), columns=chosen, source=where)
    role = text_of(events, "element_role").str.to_lowercase()
    values, hidden = hide_passwords(events["value"], secret=events.select(role.str.contains("password")).to_series())
    notes = {chosen["timestamp"]: f"{late:,} rows came late"} if late else {}
    if hidden:
        notes[chosen["value"]] = f"{hidden:,} rows with a password are emptied"
    return Reading(events.with_columns(values), fates, notes)


def _in_order(table: pl.DataFrame, time: str, where: str) -> tuple[pl.DataFrame, int]:
    """Rows by time, rows of one time in the file's order, which may be newest first; and how many came late."""
    times = read_times(table[time], column=time, where=where)
    newest_first = not times.is_sorted() and times.is_sorted(descending=True)
    place = pl.int_range(pl.len(), dtype=pl.Int64) * (-1 if newest_first else 1)
    rows = table.with_columns(times.alias("§time"), place.alias("§row")).sort("§time", "§row")
    late = rows["§row"] > rows["§row"].reverse().cum_min().reverse()
    return rows.drop("§time", "§row"), int(late.sum())


def ready_to_paste(frame: pl.DataFrame) -> str:
    """The guess as an argument, ready to paste; empty where no time column is found."""
    guessed = dict(guess_columns(frame).select("contract", "column").iter_rows())
    return f"columns={guessed!r}" if "timestamp" in guessed else ""


def _fits(series: pl.Series, contract: str) -> str:
    """How many of the looked-at values can be read as the contract's type, in words; empty if one cannot."""
    tried = series.drop_nulls().head(_LOOKED_AT)
    if tried.dtype == pl.String:
        tried = tried.filter(tried.str.strip_chars() != "")
    if tried.is_empty():
        return ""
    wanted = EVENTS[contract].dtype
    if contract == "timestamp":
        return _times(tried)
    if wanted.is_numeric() or contract == "utc_offset_minutes":
        number = tried.cast(pl.Float64, strict=False)
        low = -1440 if contract == "utc_offset_minutes" else 0
        whole = (number == number.round()) & number.is_between(low, 2**32 - 1)
        if number.null_count() or not whole.all() or (contract == "seq" and series.n_unique() < len(series)):
            return ""
        return f"{len(tried):,} values are whole numbers"
    if tried.dtype.is_nested() or tried.dtype.is_temporal() or tried.dtype == pl.Binary:
        return ""
    return f"{len(tried):,} values are texts" if tried.dtype == pl.String else f"{len(tried):,} values can be texts"


def _times(tried: pl.Series) -> str:
    try:
        times = read_times(tried, column=tried.name)
    except (ContractError, pl.exceptions.PolarsError):
        return ""
    if (times == times.dt.truncate("1d")).all():
        return f"{len(tried):,} values are dates without a time of day, taken for midnight"
    return f"{len(tried):,} values are times"


def _time_by_values(frame: pl.DataFrame, taken: set[str]) -> tuple[str, str] | None:
    """The first column whose values are all dates or times, where no name tells one."""
    for name, kind in frame.schema.items():
        may_be = name not in taken and (kind in (pl.String, pl.Date) or isinstance(kind, pl.Datetime))
        if may_be and frame[name].null_count() == 0 and (fits := _times(frame[name].head(_LOOKED_AT))):
            return name, f"its name says nothing; {fits}, as in no column before it"
    return None
