"""Importers of foreign UI logs: one function and one line in `IMPORTERS` each; nothing is left out silently."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from taskkit.errors import LogFileError, check_choice
from taskkit.log import action_logger, activitywatch, celonis, office_recordings, smartrpa
from taskkit.log.any_table import guess_columns, read_table, ready_to_paste
from taskkit.log.readings import Fate, Reading
from taskkit.log.sources import Source
from taskkit.log.table import KEPT_AS_IT_IS, check_mapping
from taskkit.log.times import zone_note
from taskkit.privacy import UNKNOWN_USER

REPORT = pl.Schema({"column": pl.String, "rows": pl.UInt32, "mapped_to": pl.String, "outcome": pl.String,
                    "reason": pl.String})  # fmt: skip
FORMATS = pl.Schema([("format", pl.String), ("recorder", pl.String), ("score", pl.Float64), ("found", pl.List(pl.String)),
                     ("missing", pl.List(pl.String)), ("chosen", pl.Boolean), ("evidence", pl.String)])  # fmt: skip
ROWS = "(rows)"  # what the report calls the rows of the source
FILE, USER, KIND = "(file)", "(user)", "(event_type)"  # what it calls the file as a whole, and what no column says
_UNKNOWN: Fate = (None, "dropped", "not part of the format; columns={…} can map it")


class Read(Protocol):
    """How an importer is called: rows as they stand in the file → events with content, and the fate of everything."""

    def __call__(self, table: pl.DataFrame, *, where: str, columns: Mapping[str, str]) -> Reading: ...


@dataclass(frozen=True)
class Importer:
    """How one foreign format is recognised and read.

    `read` is a pure function of a table: texts from CSV, native types from Parquet, one row per event from JSON. Its
    events still hold typed values and clear names; `import_log` protects them.
    """

    recorder: str  # the program that writes the format
    needs: tuple[tuple[str, ...], ...]  # columns the header must have; spellings of one column stand together
    read: Read
    only_asked: bool = False  # taken only where format= says so

    def missing(self, header: Iterable[str]) -> list[str]:
        """Required columns that the header lacks."""
        have = {*header}
        return [" or ".join(names) for names in self.needs if not have.intersection(names)]

    def found(self, header: Iterable[str]) -> list[str]:
        """Required columns that the header has."""
        have = {*header}
        return [name for names in self.needs for name in names if name in have]

    def evidence(self, header: Iterable[str]) -> str:
        """Why a header is taken for this format, or what speaks against it."""
        missing = self.missing([*header])
        found = len(self.needs) - len(missing)
        return f"{found} of {len(self.needs)} required columns" + (
            f"; missing: {', '.join(missing)}" if missing else ""
        )


def detect_format(
    header: list[str], *, where: str, format: str | None = None, frame: pl.DataFrame | None = None
) -> str:
    """Name of the importer for a header.

    Raises
    ------
    LogFileError : no importer knows the header; the message names the nearest one and the way out: with a `frame`,
        a guess of its columns that is ready to paste.

    >>> detect_format(["timeStamp", "userID", "targetApp", "eventType", "content"], where="log.csv")
    'action_logger'
    """
    if format is not None:
        check_choice(format, allowed=IMPORTERS, what="log format")
    fits = [name for name in ([format] if format else _recognisable()) if not IMPORTERS[name].missing(header)]
    if fits:
        return max(fits, key=lambda name: len(IMPORTERS[name].needs))
    near = format or max(_recognisable(), key=lambda name: _nearness(IMPORTERS[name], header))
    known = ", ".join(f"{name} ({importer.recorder})" for name, importer in IMPORTERS.items())
    found = ", ".join(map(repr, header[:12])) + (f", … ({len(header)} in all)" if len(header) > 12 else "")
    guess = ready_to_paste(frame) if frame is not None else ""
    cure = f"As far as its names tell, it is read with read_log(…, {guess}). " if guess else ""
    raise LogFileError(
        f"{where} is in no format that is known here. Columns found: {found}. The nearest format is {near}: "
        f"{IMPORTERS[near].evidence(header)}. Known formats: {known}. {cure}Any other table is read with "
        "read_log(…, columns={'timestamp': '…', 'user': '…', 'event_name': '…'}); "
        f"{KEPT_AS_IT_IS}. For a report of it: tk.write_log(events, 'log.parquet') with what read_log gave, then "
        "`taskkit report log.parquet`."
    )


def score_formats(frame: pl.DataFrame) -> pl.DataFrame:
    """One row per importer: how far a table's header speaks for it."""
    header = frame.columns
    fits = [name for name in _recognisable() if not IMPORTERS[name].missing(header)]
    best = max(fits, key=lambda name: len(IMPORTERS[name].needs), default=None)
    rows = []
    for name, importer in IMPORTERS.items():
        found, missing, evidence = importer.found(header), importer.missing(header), importer.evidence(header)
        if importer.only_asked:
            guesses = guess_columns(frame)
            found, missing = guesses["column"].to_list(), [] if "timestamp" in guesses["contract"] else ["timestamp"]
            evidence = (
                f"{len(found)} columns that are guessed by name and values; it is taken only where format= says so"
            )
        score = 1 - len(missing) / max(1, len(importer.needs))
        rows.append((name, importer.recorder, score, found, missing, name == best, f"It has {evidence}."))
    return pl.DataFrame(rows, schema=FORMATS, orient="row").sort("score", descending=True, maintain_order=True)


def read_as(
    table: pl.DataFrame, name: str, *, where: str, columns: Mapping[str, str] | None
) -> tuple[Reading, pl.DataFrame]:
    """Events of a table in a format, and the report; every row of the table is accounted for.

    Raises
    ------
    LogFileError : the rows that came out and those that were dropped are not those that went in.
    """
    own = check_mapping(table, {} if columns is None else columns, where)
    if ours := [column for column in table.columns if column.startswith("§")]:
        raise LogFileError(
            f"{where} has columns {', '.join(ours[:5])}; names that begin with § are taken. Rename them."
        )
    try:
        importer = IMPORTERS[name]
        reading = importer.read(table if importer.only_asked else _as_texts(table), where=where, columns=own)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).strip().split("\n")[0][:300]
        raise LogFileError(f"{where} cannot be read as {name}: {reason}. Try columns={{…}} of your own.") from error
    report = _report(table, reading, own)
    lost = table.height - sum(reading.dropped.values()) + sum(reading.doubled.values()) - reading.events.height
    if lost:
        raise LogFileError(
            f"{where}: {table.height:,} rows were read as {name}, {reading.events.height:,} came out and "
            f"{sum(reading.dropped.values()):,} are said to be left out; {abs(lost):,} are unaccounted for. This is a "
            "fault of the importer: report it, and read the file with columns={…} meanwhile."
        )
    if reading.events.is_empty():
        said = "; ".join(f"{count:,}: {reason}" for reason, count in reading.dropped.items())
        raise LogFileError(f"{where} has {table.height:,} rows, and none of them is an event of {name} ({said}).")
    return reading, report


def _recognisable() -> list[str]:
    return [name for name, importer in IMPORTERS.items() if not importer.only_asked]


def _nearness(importer: Importer, header: list[str]) -> float:
    def best(names: tuple[str, ...]) -> float:
        pairs = ((a.lower(), b.lower()[:80]) for a in names for b in header[:300])
        return max((difflib.SequenceMatcher(None, a, b).ratio() for a, b in pairs), default=0.0)

    return sum(best(names) for names in importer.needs) / len(importer.needs)


def _as_texts(table: pl.DataFrame) -> pl.DataFrame:
    """What is no text and no time becomes text: an importer need not know who wrote the file."""
    plain = [
        pl.col(name).cast(pl.String)
        for name, kind in table.schema.items()
        if not kind.is_temporal() and not kind.is_nested() and kind != pl.String
    ]
    return table.with_columns(plain)


def _report(table: pl.DataFrame, reading: Reading, columns: Mapping[str, str]) -> pl.DataFrame:
    """One row per source column: how many rows fill it, where it went, and why; then what became of rows."""
    asked = {foreign: ", ".join(n for n, f in columns.items() if f == foreign) for foreign in columns.values()}
    rows = []
    for name in table.columns:
        mapped_to, outcome, reason = reading.fates.get(name, _UNKNOWN)
        if name in asked and asked[name] not in (mapped_to or "").split(", "):
            mapped_to = f"{mapped_to}, {asked[name]}" if mapped_to else asked[name]
            outcome, reason = "mapped", "as asked for by columns="
        notes = [reading.notes.get(name, "")]
        if mapped_to is not None and "timestamp" in mapped_to.split(", "):
            notes.append(zone_note(table[name]))
        said = "; ".join(note for note in notes if note)
        reason = f"{reason} ({said})" if said else reason
        rows.append((name, table.height - table[name].null_count(), mapped_to, outcome, reason))
    if reading.dropped or reading.doubled:
        one = table.height - sum(reading.dropped.values()) - sum(reading.doubled.values())
        rows.append((ROWS, one, "events", "mapped", "each gave one event"))
        rows += [(ROWS, count, "events", "split", reason) for reason, count in reading.doubled.items()]
        rows += [(ROWS, count, None, "dropped", reason) for reason, count in reading.dropped.items()]
    return pl.DataFrame(rows, schema=REPORT, orient="row")


def remarks(events: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Rows of the report about what no single column tells: the encoding, people without a name, kinds without a word."""
    rows = []
    if source.encoding != "utf-8":
        said = f"the file is no UTF-8 and is read as {source.encoding}; if letters look wrong, save it as CSV UTF-8"
        rows.append((FILE, source.frame.height, "events", "mapped", said))
    unnamed = int((events["user"] == UNKNOWN_USER).sum())
    if unnamed == events.height:
        rows.append((USER, unnamed, "user", "mapped",
                     "the file names nobody; it counts as one person: give user="))  # fmt: skip
    elif unnamed:
        rows.append((USER, unnamed, "user", "mapped",
                     f"{unnamed:,} of {events.height:,} rows name nobody; they count as one person more"))  # fmt: skip
    if (events["event_type"] == "other").all():
        rows.append((KIND, events.height, "event_type", "mapped",
                     f"{events.height:,} of {events.height:,} rows: kind unknown; map event_type or event_name with "
                     "columns={…} to a column whose words tell click, copy, paste, text input …"))  # fmt: skip
    return pl.DataFrame(rows, schema=REPORT, orient="row")


IMPORTERS: dict[str, Importer] = {
    "action_logger": Importer(
        "Action Logger, Apromore RPA UILogger", action_logger.NEEDS, action_logger.read_action_logger
    ),
    "smartrpa": Importer("smartRPA", smartrpa.NEEDS, smartrpa.read_smartrpa),
    "office_recordings": Importer(
        "Microsoft 50 business assignments", office_recordings.NEEDS, office_recordings.read_office_recordings
    ),
    "activitywatch": Importer("ActivityWatch, JSON export", activitywatch.NEEDS, activitywatch.read_activitywatch),
    "celonis": Importer("Celonis Task Mining client", celonis.NEEDS, celonis.read_celonis),
    "table": Importer("any table, columns guessed by name", (), read_table, only_asked=True),
}
