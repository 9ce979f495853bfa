"""OCEL 2.0 in JSON, as untrusted input: bounded in size and depth, every part checked before it is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from taskkit.errors import LogFileError
from taskkit.overlay.ocel.tables import Tables

MAX_BYTES = 1 << 30  # the whole file is held in memory, several times over


def read_json(path: Path) -> Tables:
    """Read the tables of an OCEL 2.0 JSON file.

    Raises
    ------
    LogFileError : it is too large or nested too deeply, no JSON, no OCEL 2.0, or breaks the standard.
    """
    content = _load(path)
    tables = Tables(path)
    for number, event in enumerate(content["events"]):
        if not isinstance(event, dict):
            tables.blame("events that are no objects of JSON", f"number {number + 1}")
        elif tables.add_event(number, event.get("id"), event.get("type"), event.get("time")):
            name = tables.event_ids[-1]
            for relation in _parts(tables, event, "relationships", f"event {name}"):
                tables.add_relation(name, relation.get("objectId"))
            for attribute in _parts(tables, event, "attributes", f"event {name}"):
                tables.set_attribute(len(tables.event_ids) - 1, attribute.get("name"), attribute.get("value"))
    for number, thing in enumerate(content["objects"]):
        if not isinstance(thing, dict):
            tables.blame("objects that are no objects of JSON", f"number {number + 1}")
        elif tables.add_object(number, thing.get("id"), thing.get("type")):
            name = tables.object_ids[-1]
            for attribute in _parts(tables, thing, "attributes", f"object {name}"):
                tables.add_change(name, attribute.get("name"), attribute.get("time"), attribute.get("value"))
    return tables.checked()


def _load(path: Path) -> dict[str, Any]:
    if (size := path.stat().st_size) > MAX_BYTES:
        raise LogFileError(
            f"{path} has {size:,} bytes; JSON is read up to {MAX_BYTES:,}. Export the log as OCEL 2.0 SQLite."
        )
    try:
        content = json.loads(path.read_bytes(), parse_constant=lambda _: None)  # NaN and Infinity are no values
    except RecursionError:
        raise LogFileError(f"{path} is nested far deeper than an OCEL 2.0 log; it is not read.") from None
    except (ValueError, UnicodeDecodeError, OSError) as error:
        raise LogFileError(f"{path} is not complete, well-formed JSON: {error}. Export it again.") from error
    found = list(content)[:6] if isinstance(content, dict) else [type(content).__name__]
    if "ocel:events" in found or "ocel:global-log" in found:
        raise LogFileError(
            f"{path} is OCEL 1.0. Convert it once: pm4py.write_ocel2_json(pm4py.read_ocel_json(path), new_path)."
        )
    if not isinstance(content, dict) or not all(isinstance(content.get(part), list) for part in ("events", "objects")):
        raise LogFileError(
            f"{path} is no OCEL 2.0 log: it needs the lists 'events' and 'objects' on the outermost level. Found: "
            f"{', '.join(str(name)[:40] for name in found) or 'nothing'}."
        )
    return content


def _parts(tables: Tables, owner: dict[str, Any], part: str, where: str) -> list[dict[str, Any]]:
    found = owner.get(part) or []
    if not isinstance(found, list):
        tables.blame(f"{part} that are no lists", where)
        return []
    right = [entry for entry in found if isinstance(entry, dict)]
    if len(right) < len(found):
        tables.blame(f"{part} whose entries are no objects of JSON", where)
    return right
