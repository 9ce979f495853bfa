"""Object-centric event logs (OCEL 2.0): which of the objects is the case, and one row per event and case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from taskkit.errors import LogFileError, check_choice
from taskkit.overlay.ocel.json_files import read_json
from taskkit.overlay.ocel.sqlite_files import read_sqlite
from taskkit.overlay.ocel.tables import Tables, as_column
from taskkit.overlay.ocel.xml_files import read_xml

FORMS = {
    ".json": read_json,
    ".jsonocel": read_json,
    ".sqlite": read_sqlite,
    ".sqlite3": read_sqlite,
    ".db": read_sqlite,
    ".xml": read_xml,
    ".xmlocel": read_xml,
}
MOSTLY = 0.5  # of a case's events name exactly one case
PERSONS = (
    r"(?i)person|people|user|employee|resource|worker|agent|clerk|operator|staff"  # who did it is not what it is about
)
CLEARLY = 0.8  # a second type with so many of the first one's events with exactly one makes the choice unclear


def read_ocel(path: Path, *, object_type: str | None = None, zone: str = "UTC") -> pl.DataFrame:
    """Read an OCEL 2.0 file with one type of object as the case; times without an offset are of `zone`.

    Returns
    -------
    One row per event and case, in the order of the file: `ocel:case`, `ocel:type` (the activity), `ocel:time`, the
    event's attributes, the case's attributes (`case:…`, the last value) and one column of lists for each other type.
    """
    with _one_error(path):
        return _read(path, object_type, zone)


@contextmanager
def _one_error(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeEncodeError as error:
        raise LogFileError(
            f"{path} holds text that is no text (half a character): {error}. Export it again."
        ) from error
    except OSError as error:
        raise LogFileError(f"{path} cannot be read: {error.strerror}.") from error


def _read(path: Path, object_type: str | None, zone: str) -> pl.DataFrame:
    tables = FORMS[path.suffix.lower()](path)
    related = tables.typed_relations()
    chosen = _choose(path, _count_types(tables, related), object_type)
    cases = related.filter(pl.col("type") == chosen).select(
        pl.col("event").alias("ocel:event"), pl.col("object").alias("ocel:case")
    )
    frame = tables.events(zone).join(cases, on="ocel:event", maintain_order="left_right")
    if frame.is_empty():
        raise LogFileError(f"{path}: no event names an object of the type {chosen!r}, so there are no cases.")
    for name, values in tables.attributes.items():
        column = as_column(name, [values.get(row) for row in range(len(tables.event_ids))])
        frame = frame.with_columns(column.gather(frame["ocel:row"]))
    last = tables.last_values(frame["ocel:case"].unique(maintain_order=True))
    frame = frame.join(last, left_on="ocel:case", right_on="object", how="left", maintain_order="left")
    return _with_other_objects(frame, related.filter(pl.col("type") != chosen)).drop("ocel:row", "ocel:event")


def list_object_types(path: str | Path) -> pl.DataFrame:
    """List the types of objects of an OCEL 2.0 file, to choose the one that is the case.

    Parameters
    ----------
    path : file (.json, .jsonocel, .sqlite, .sqlite3, .db, .xml, .xmlocel).

    Returns
    -------
    One row per type, most events first: `object_type`, `objects`, `events` (that name at least one of them),
    `events_with_one` (that name exactly one), `events_without` (that no case of this type would show).

    Raises
    ------
    LogFileError : the file is missing or no OCEL 2.0.

    >>> import json, tempfile
    >>> file = Path(tempfile.mkdtemp()) / "log.json"
    >>> event = {"id": "e1", "type": "Approve", "time": "2026-03-02T08:00:00Z", "relationships": [{"objectId": "o1"}]}
    >>> _ = file.write_text(json.dumps({"events": [event], "objects": [{"id": "o1", "type": "invoice"}]}))
    >>> list_object_types(file).row(0)
    ('invoice', 1, 1, 1, 0)
    """
    path = Path(path)
    if not path.is_file():
        raise LogFileError(f"{path} is no file. Give one OCEL 2.0 log: {', '.join(FORMS)}.")
    if path.suffix.lower() not in FORMS:
        raise LogFileError(f"{path}: unknown kind of OCEL 2.0 log. Known: {', '.join(FORMS)}.")
    with _one_error(path):
        tables = FORMS[path.suffix.lower()](path)
        return _count_types(tables, tables.typed_relations())


def _count_types(tables: Tables, related: pl.DataFrame) -> pl.DataFrame:
    objects = pl.DataFrame({"object_type": tables.object_types}, schema={"object_type": pl.String})
    per_event = related.group_by("event", object_type="type").agg(named=pl.len())
    counted = per_event.group_by("object_type").agg(events=pl.len(), events_with_one=(pl.col("named") == 1).sum())
    listed = objects.group_by("object_type").agg(objects=pl.len()).join(counted, on="object_type", how="left")
    listed = listed.with_columns(pl.col("events", "events_with_one").fill_null(0))
    return listed.with_columns(events_without=len(tables.event_ids) - pl.col("events")).sort(
        "events", "object_type", descending=[True, False]
    ).select("object_type", pl.col("objects", "events", "events_with_one", "events_without").cast(pl.UInt32))  # fmt: skip


def _choose(path: Path, types: pl.DataFrame, object_type: str | None) -> str:
    if object_type is not None:
        return check_choice(object_type, allowed=types["object_type"], what=f"object type of {path}")
    called = types.filter(pl.col("object_type").str.to_lowercase() == "case")["object_type"]
    if called.len() == 1:
        return str(called[0])
    fit = types.filter(
        (pl.col("events") > 0)
        & (pl.col("events_with_one") > MOSTLY * pl.col("events"))
        & ~pl.col("object_type").str.contains(PERSONS)
    )
    fit = fit.sort("events_with_one", "object_type", descending=[True, False])
    if fit.height == 1 or (fit.height > 1 and fit["events_with_one"][1] < CLEARLY * fit["events_with_one"][0]):
        return str(fit["object_type"][0])
    sizes = "; ".join(
        f"{name!r}: {objects:,} objects, {events:,} events, {single:,} of them with exactly one"
        for name, objects, events, single, _ in types.head(20).iter_rows()
    )
    why = (
        "several types could be the case"
        if fit.height
        else "no type, persons aside, is named exactly once by most of its events"
    )
    raise LogFileError(
        f"{path}: {why}. Types found: {sizes or 'none'}. Choose one: read_process_log(…, object_type=…)."
    )


def _with_other_objects(frame: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """One column of lists for each other type of object: those that the event names, in the order of the file."""
    for kind in others["type"].unique().sort():
        named = others.filter(pl.col("type") == kind).group_by("event", maintain_order=True).agg(pl.col("object"))
        name = kind if kind not in frame.columns else f"{kind}_objects"
        frame = frame.join(
            named.rename({"event": "ocel:event", "object": name}), on="ocel:event", how="left", maintain_order="left"
        )
    return frame
