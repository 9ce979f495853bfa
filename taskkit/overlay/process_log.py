"""The business systems' own event log, from a CSV, Parquet, XES or OCEL 2.0 file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from taskkit.errors import LogFileError, SettingError, check_choice
from taskkit.log.csv_files import read_text_table
from taskkit.overlay.lifecycles import is_lifecycle, is_mostly_lifecycle, pair_lifecycles, translate_lifecycle
from taskkit.overlay.ocel import FORMS, read_ocel
from taskkit.overlay.times import check_zone, read_process_times
from taskkit.overlay.xes import read_xes
from taskkit.schema import PROCESS, require_columns

# what foreign logs call the columns of the contract; letters and digits only, the likeliest first
NAMES = {
    "case_id": ("caseid", "caseconceptname", "case", "caseidentifier", "caseno", "casenumber", "casekey", "traceid",
                "fallid", "fallnummer", "fallnr", "vorgangsnummer", "vorgangsnr", "vorgangsid", "aktenzeichen",
                "rechnungsnummer", "rechnungsnr", "belegnummer", "belegnr", "auftragsnummer", "auftragsnr",
                "bestellnummer", "bestellnr", "schadennummer", "antragsnummer", "ticketnummer", "fall"),
    "activity": ("activity", "conceptname", "activityname", "activityid", "event", "eventname", "task", "step",
                 "aktivitaet", "taetigkeit", "prozessschritt", "arbeitsschritt", "schritt", "ereignis", "aktion"),
    "timestamp": ("timestamp", "timetimestamp", "completetimestamp", "completetime", "complete", "endtimestamp",
                  "endtime", "end", "eventtime", "datetime", "time", "date", "zeitstempel", "zeitpunkt", "endzeit",
                  "endzeitpunkt", "endezeit", "ende", "datumuhrzeit", "buchungszeit", "datum", "zeit"),
    "start_timestamp": ("starttimestamp", "starttime", "start", "startzeit", "startzeitpunkt", "beginnzeit", "beginn"),
    "resource": ("resource", "orgresource", "user", "userid", "username", "agent", "performer", "employee",
                 "bearbeiter", "bearbeiterin", "sachbearbeiter", "benutzer", "benutzername", "anwender", "mitarbeiter",
                 "ressource"),
    "lifecycle": ("lifecycle", "lifecycletransition", "lebenszyklus"),
}  # fmt: skip
# columns of these names are a lifecycle if they hold nothing but its words, a start and an end among them
LIKELY_LIFECYCLE = ("transition", "eventtype")  # most of their words are a lifecycle's: else they are kinds of events
MAYBE_LIFECYCLE = ("status", "state", "zustand", "phase", "ereignistyp", "ereignisart")
LEAST_NUMBERS = 20  # a column of fewer different numbers may as well hold codes
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})

TEXTS = (".csv", ".tsv", ".txt")
_KNOWN = f".csv, .tsv, .parquet, .xes, .xes.gz, {', '.join(FORMS)}"


def read_process_log(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    object_type: str | None = None,
    pair: bool = True,
    lifecycle: Mapping[str, str] | None = None,
    time_zone: str | None = None,
) -> pl.DataFrame:
    """Read the event log of a business system from CSV, Parquet, XES, XES.GZ or OCEL 2.0 (JSON, SQLite, XML).

    Column names are guessed from what such logs usually call them in English or German; `columns` overrides it. Times
    without an offset are of `time_zone`, by default UTC. Rows of a lifecycle (start, complete, …) become one row per
    activity that was done, with its start (`pair_lifecycles`; what has no counterpart is left out or kept without a start,
    `list_lifecycle_problems` counts it). Other columns of a text file that hold only numbers, at least 20 different ones
    and none with a leading zero, become numbers. XES and OCEL are read as untrusted input: no document type, no
    entities, no code inside a database, bounded size and depth.

    In an object-centric log one type of object is the case: by default one called "case", or the one with most events, if
    most of its events name exactly one such object and no other type comes near it; persons never are
    (`list_object_types` shows the types). An event that names several counts for each of them; one that names none is in
    no case and left out. The last value of an object's attribute is the case's; the objects of the other types stay as
    columns of lists.

    Parameters
    ----------
    path : the file.
    columns : {contract name: name in the file}, for the names that the guess misses or gets wrong.
    object_type : the type of object that is the case, for OCEL only.
    pair : False keeps the rows of a lifecycle as they are (for `list_lifecycle_problems`).
    lifecycle : {word in the file: transition}, for words of a lifecycle that are not known: {"Offen": "start"}.
    time_zone : of times without an offset, such as "Europe/Berlin"; in the hour that comes twice in autumn the first.

    Returns
    -------
    One row per process event (see `PROCESS`), ordered by time, ties in the order of the file. Other columns are kept
    under their own name, without a leading `case:`.

    Raises
    ------
    LogFileError : the file is missing, empty, cut off or not of its kind; a column cannot be found; a time cannot be
        read or is of a year before 1970; a lifecycle has unknown words; no type of object is clearly the case. The
        message names what was found and the call that cures it.
    SettingError : a name in `columns`, `lifecycle` or `time_zone` is not known.

    References
    ----------
    IEEE 1849-2023, Standard for eXtensible Event Stream (XES). Berti et al. (2024), OCEL (Object-Centric Event Log) 2.0
    Specification.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "log.csv"
    >>> _ = file.write_text("Case ID;Activity;Complete Timestamp\\n17;Approve;2026-03-02 08:00:00\\n")
    >>> read_process_log(file).row(0)[:2]
    ('17', 'Approve')
    """
    path, zone = Path(path), check_zone(time_zone)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise LogFileError(f"{path} {what}. Give one process log: {_KNOWN}.")
    frame, given = _read(path, object_type, zone)
    if frame.is_empty():
        raise LogFileError(f"{path} holds no events: nothing to lay the tasks over.")
    chosen = _choose(path, frame, given | dict(columns or {}), lifecycle or {})
    frame = _type(path, _rename(frame, chosen), chosen, zone)
    _refuse_nulls(path, frame, chosen)
    if pair or lifecycle:
        frame = translate_lifecycle(
            frame, path=path, column=chosen.get("lifecycle"), words=lifecycle or {}, strict=pair
        )
    first = [column.name for column in PROCESS.columns if column.name in frame.columns]
    others = [name for name in frame.columns if name not in first]
    frame = frame.select(*first, *others).sort("timestamp", maintain_order=True)
    if path.suffix.lower() in TEXTS:  # other kinds of files say of which type their columns are
        frame = with_numbers(frame, [name for name in others if name in frame.columns])
    return pair_lifecycles(frame) if pair else frame


def _type(path: Path, frame: pl.DataFrame, chosen: Mapping[str, str], zone: str) -> pl.DataFrame:
    """The columns of the contract with its types."""
    for name in ("case_id", "activity", "resource", "lifecycle"):
        if name in frame.columns:
            if frame[name].dtype.is_nested() or frame[name].dtype.is_float():
                raise LogFileError(f"{path}: column {chosen[name]!r} has the type {frame[name].dtype}; allowed: text or whole "
                                   "numbers. Convert the column and write the file again.")  # fmt: skip
            frame = frame.with_columns(pl.col(name).cast(pl.String).str.strip_chars().replace("", None))
    for name in ("timestamp", "start_timestamp"):
        if name in frame.columns:
            required = name == "timestamp"
            parsed = read_process_times(path, frame[name], chosen[name], required=required, zone=zone)
            frame = frame.with_columns(parsed.alias(name))
    return frame


def with_numbers(process: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """Texts that are all numbers, as numbers; with a leading zero, or only a few different ones, they are codes.

    >>> with_numbers(pl.DataFrame({"amount": [f"{n}.5" for n in range(20)]}), ["amount"])["amount"].dtype
    Float64
    """
    numbers = []
    for name in names:
        if process[name].dtype != pl.String:
            continue
        distinct = process[name].drop_nulls().unique()
        if distinct.len() >= LEAST_NUMBERS and distinct.str.contains(r"^-?(0|[1-9]\d{0,14})(\.\d+)?$").all():
            # whole ones stay whole: an order's number is written without a point
            whole = not distinct.str.contains(".", literal=True).any()
            numbers.append(pl.col(name).cast(pl.Int64 if whole else pl.Float64))
    return process.with_columns(numbers)


def guess_columns(found: Iterable[str]) -> dict[str, str]:
    """Guess which of a process log's columns are which columns of the contract.

    >>> guess_columns(["CaseID", "concept:name", "time:timestamp", "amount"])
    {'case_id': 'CaseID', 'activity': 'concept:name', 'timestamp': 'time:timestamp'}
    """
    by_key: dict[str, str] = {}
    for name in found:
        by_key.setdefault(_key(name), name)
    guess: dict[str, str] = {}
    for contract_name, likely in NAMES.items():
        known = next((by_key[key] for key in likely if key in by_key and by_key[key] not in guess.values()), None)
        if known is not None:
            guess[contract_name] = known
    return guess


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFC", name).lower().translate(_UMLAUTS))


def _read(path: Path, object_type: str | None, zone: str) -> tuple[pl.DataFrame, dict[str, str]]:
    """The file's own columns, and those of them that need no guess."""
    name = path.name.lower()
    if name.endswith(tuple(FORMS)):
        known = {"case_id": "ocel:case", "activity": "ocel:type", "timestamp": "ocel:time"}
        return read_ocel(path, object_type=object_type, zone=zone), known
    if object_type is not None:
        raise SettingError(
            f"object_type={object_type!r} is for OCEL 2.0 ({', '.join(FORMS)}); {path} has one case a row."
        )
    return (read_xes(path) if name.endswith((".xes", ".xes.gz")) else _read_table(path)), {}


def _read_table(path: Path) -> pl.DataFrame:
    name = path.name.lower()
    try:
        if name.endswith((".parquet", ".pq")):
            return pl.read_parquet(path)
        if name.endswith(TEXTS):
            return read_text_table(path).frame
    except LogFileError as error:
        # the reader of text files speaks of UI logs: the way over Parquet is the same, its end is another
        message, found, _ = str(error).partition(', then read_log("table.parquet"')
        cure = f'{message}, then read_process_log("table.parquet", columns={{…}}).'
        raise LogFileError(cure if found else message) from error
    except pl.exceptions.NoDataError as error:
        raise LogFileError(f"{path} is empty.") from error
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        first = str(error).strip().splitlines()[0]
        raise LogFileError(f"{path} cannot be read as {path.suffix[1:].upper()}: {first}") from error
    sheet = " Save the sheet as CSV." if name.endswith((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")) else ""
    raise LogFileError(f"{path}: unknown kind of process log.{sheet} Known: {_KNOWN}.")


def _choose(path: Path, frame: pl.DataFrame, columns: Mapping[str, str], words: Mapping[str, str]) -> dict[str, str]:
    found = frame.columns
    known = [column.name for column in PROCESS.columns]
    turned = {value: name for name, value in columns.items() if name not in known and value in known}
    if turned:
        meant = ", ".join(f'"{name}": "{column}"' for name, column in turned.items())
        raise SettingError(f"columns= is {{contract name: name in the file}}; did you mean columns={{{meant}}}?")
    for name in columns:
        check_choice(name, allowed=known, what="column of the process contract")
    absent = [name for name in columns.values() if name not in found]
    if absent:
        raise LogFileError(f"{path} has no column {', '.join(map(repr, absent))}. Columns found: {', '.join(found)}.")
    if len(set(columns.values())) < len(columns):
        raise SettingError(f"columns={dict(columns)} uses one column of the file twice; each can stand for one name.")
    # lists are the objects of an object-centric log: a type called "resource" or "task" is no column of the contract
    free = [name for name, dtype in frame.schema.items() if name not in columns.values() and not dtype.is_nested()]
    guess = {name: column for name, column in guess_columns(free).items() if name not in columns}
    chosen = guess | dict(columns)
    if "lifecycle" not in chosen:
        maybe = (name for name in free if _key(name) in MAYBE_LIFECYCLE and name not in chosen.values())
        likely = [name for name in free if _key(name) in LIKELY_LIFECYCLE and name not in chosen.values()]
        states = next((name for name in likely if is_mostly_lifecycle(frame[name], words)), None)
        states = states or next((name for name in maybe if is_lifecycle(frame[name], words)), None)
        chosen |= {} if states is None else {"lifecycle": states}
    missing = [name for name in PROCESS.required if name not in chosen]
    if missing:
        call = ", ".join(f'"{name}": "…"' for name in missing)
        recognised = ", ".join(f"{name} = {column!r}" for name, column in chosen.items()) or "nothing"
        raise LogFileError(
            f"{path}: no column was recognised as {', '.join(missing)}. Columns found: {', '.join(found)}. "
            f"Recognised: {recognised}. Name the others: read_process_log(…, columns={{{call}}})."
        )
    return chosen


def _rename(frame: pl.DataFrame, chosen: Mapping[str, str]) -> pl.DataFrame:
    """Contract names for the chosen columns; the others keep theirs without `case:`, marked where a name is taken."""
    names: dict[str, str] = {column: name for name, column in chosen.items()}
    taken = set(chosen)
    for name in frame.columns:
        if name in names:
            continue
        bare = name.removeprefix("case:") or name
        while bare in taken or bare in PROCESS.schema:
            bare += "_in_file"
        taken.add(bare)
        names[name] = bare
    return frame.rename(names)


def _refuse_nulls(path: Path, frame: pl.DataFrame, chosen: Mapping[str, str]) -> None:
    problems = [
        f"column {chosen[name]!r} ({name}) is empty in {frame[name].null_count():,} of {frame.height:,} rows, the "
        f"first is data row {int(frame[name].is_null().arg_max() or 0) + 1}"
        for name in PROCESS.required
        if frame[name].null_count()
    ]
    if problems:
        raise LogFileError(f"{path}: {'; '.join(problems)}. Every process event needs a case, an activity and a time.")


def count_process_successions(process: pl.DataFrame) -> pl.DataFrame:
    """Count which activity directly follows which in the cases; null is the start or end of a case.

    Parameters
    ----------
    process : frame of `read_process_log`.

    Returns
    -------
    One row per pair, most frequent first: `before`, `after`, `times`.

    >>> import datetime as dt
    >>> at = [dt.datetime(2026, 3, 2, hour, tzinfo=dt.UTC) for hour in (8, 9)]
    >>> process = pl.DataFrame({"case_id": ["c", "c"], "activity": ["Enter", "Approve"], "timestamp": at})
    >>> count_process_successions(process).select("before", "after").rows()
    [(None, 'Enter'), ('Approve', None), ('Enter', 'Approve')]
    """
    require_columns(process, "case_id", "activity", "timestamp", made_by="read_process_log")
    ordered = process.sort("case_id", "timestamp", maintain_order=True)
    pairs = ordered.select(
        before=pl.col("activity").shift(1).over("case_id"),
        after="activity",
        last=pl.col("activity").shift(-1).over("case_id").is_null(),
    )
    ends = pairs.filter("last").select(before="after", after=pl.lit(None, pl.String))
    both = pl.concat([pairs.select("before", "after"), ends])
    return (
        both.group_by("before", "after")
        .agg(times=pl.len())
        .sort("times", "before", "after", descending=[True, False, False])
    )
