"""OCEL 2.0 in XML, as untrusted input: streamed like XES, no document type, no entities, bounded size and depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from taskkit.errors import LogFileError
from taskkit.overlay.ocel.tables import Tables
from taskkit.overlay.xes import MAX_DEPTH, bounded_xml

_READ: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "int": int,
    "float": float,
    "boolean": lambda text: {"true": True, "1": True, "false": False, "0": False}[text.lower()],
}


def read_xml(path: Path) -> Tables:
    """Read the tables of an OCEL 2.0 XML file.

    Raises
    ------
    LogFileError : it is too large or nested too deeply, no XML, no OCEL 2.0, or breaks the standard.
    """
    tables, types, parts = Tables(path), dict[tuple[str, str, str], str](), set[str]()
    for outer, element in _entries(path):
        parts.add(outer)
        kind = element.get("type", "")
        if outer in ("event-types", "object-types"):
            for attribute in element.iterfind("attributes/attribute"):
                types[outer[:-6], element.get("name", ""), attribute.get("name", "")] = attribute.get("type", "")
        elif outer == "events":
            if tables.add_event(len(tables.event_ids), element.get("id"), kind, element.get("time")):
                for attribute in element.iterfind("attributes/attribute"):
                    name = attribute.get("name", "")
                    value = _value(attribute, types.get(("event", kind, name)))
                    tables.set_attribute(len(tables.event_ids) - 1, name, value)
                for relation in element.iterfind("objects/*"):
                    tables.add_relation(tables.event_ids[-1], relation.get("object-id"))
        elif outer == "objects" and tables.add_object(len(tables.object_ids), element.get("id"), kind):
            for attribute in element.iterfind("attributes/attribute"):
                name = attribute.get("name", "")
                value = _value(attribute, types.get(("object", kind, name)))
                tables.add_change(tables.object_ids[-1], name, attribute.get("time"), value)
    if not {"events", "objects"} <= parts:
        raise LogFileError(
            f"{path} is no OCEL 2.0 log: it needs the parts <events> and <objects>, both with entries. Found: "
            f"{', '.join(sorted(parts)[:6]) or 'none'}."
        )
    return tables.checked()


def _entries(path: Path) -> Iterator[tuple[str, Element]]:
    """Each type, object and event with the name of the part it stands in; forgotten as soon as it has been read."""
    from defusedxml.ElementTree import iterparse

    with bounded_xml(path, "OCEL 2.0") as stream:
        open_elements: list[Element] = []
        for moment, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
            stream.since_last_piece = 0
            element.tag = element.tag.rpartition("}")[2]
            if moment == "start":
                open_elements.append(element)
                if len(open_elements) > MAX_DEPTH:
                    raise LogFileError(f"{path}: elements nested deeper than {MAX_DEPTH} levels; an OCEL log is not.")
                if len(open_elements) == 1 and element.tag != "log":
                    raise LogFileError(
                        f"{path}: the outermost element is <{element.tag}>, not <log>: this is no OCEL file."
                    )
                continue
            open_elements.pop()
            if len(open_elements) == 2:
                yield open_elements[1].tag, element
                open_elements[1].clear()


def _value(attribute: Element, kind: str | None) -> Any:
    """The text of an attribute as its declared type; text where it is none of it."""
    text = attribute.get("value") or (attribute.text or "").strip()
    try:
        return _READ.get(kind or "", str)(text) if text else None
    except (ValueError, KeyError):
        return text
