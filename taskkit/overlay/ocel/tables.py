"""What every form of an OCEL 2.0 file says: events, objects and which event was about which object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import LogFileError
from taskkit.overlay.times import place_in_zone
from taskkit.schema import TIME

MAX_ATTRIBUTES = 500  # different names
RESERVED = ("ocel_", "ocel:")  # names of the standard's own columns, which some programs write as attributes too
MAX_CELLS = 400_000_000  # events × attributes: what one table may ask for


@dataclass
class Tables:
    """The tables of one file, as texts; whoever reads a form of the standard fills them with `add_…` and `checked`."""

    path: Path
    event_ids: list[str] = field(default_factory=list)
    event_types: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    attributes: dict[str, dict[int, Any]] = field(default_factory=dict)  # name → row of the event → value
    object_ids: list[str] = field(default_factory=list)
    object_types: list[str] = field(default_factory=list)
    changes: list[tuple[str, str, str, Any]] = field(default_factory=list)  # object, name, time ("" = always), value
    relations: list[tuple[str, str]] = field(default_factory=list)  # event, object
    problems: dict[str, list[str]] = field(default_factory=dict)  # what is wrong → where

    def blame(self, what: str, where: object) -> None:
        """Note one more place where the file is wrong."""
        self.problems.setdefault(what, []).append(str(where)[:60])

    def add_event(self, number: int, name: object, kind: object, time: object) -> bool:
        """Take an event, unless one of its three texts is none."""
        texts = (as_text(name), as_text(kind), as_text(time))
        if None in texts:
            self.blame("events without an id, a type or a time that is text", f"number {number + 1}")
            return False
        for column, text in zip((self.event_ids, self.event_types, self.times), texts, strict=True):
            column.append(text or "")
        return True

    def add_object(self, number: int, name: object, kind: object) -> bool:
        """Take an object, unless its id or type is no text."""
        texts = (as_text(name), as_text(kind))
        if None in texts:
            self.blame("objects without an id or a type that is text", f"number {number + 1}")
            return False
        self.object_ids.append(texts[0] or "")
        self.object_types.append(texts[1] or "")
        return True

    def add_relation(self, event: object, target: object) -> None:
        """Take a relation from an event to an object; what it is called makes no difference here."""
        names = (as_text(event), as_text(target))
        if names[0] is None or names[1] is None:
            self.blame("relations without an object's id that is text", f"event {event}")
        else:
            self.relations.append((names[0], names[1]))

    def set_attribute(self, row: int, name: object, value: object) -> None:
        """Give an event's row an attribute."""
        text = as_text(name)
        if text is None:
            self.blame("attributes without a name", f"event {self.event_ids[row]}")
        elif value is not None and not text.startswith(RESERVED):
            self.attributes.setdefault(text, {})[row] = value
            if len(self.attributes) > MAX_ATTRIBUTES or len(self.attributes) * (row + 1) > MAX_CELLS:
                raise LogFileError(f"{self.path}: more than {MAX_ATTRIBUTES} different attributes; export fewer.")

    def add_change(self, target: str, name: object, time: object, value: object) -> None:
        """Take the value that an object's attribute has from a time on."""
        text = as_text(name)
        if text is None:
            self.blame("attributes without a name", f"object {target}")
        elif value is not None and not text.startswith(RESERVED):
            self.changes.append((target, text, as_text(time) or "", value))

    def checked(self) -> Tables:
        """The tables, or one error that lists everything that is wrong with them."""
        for what, names in (("events", self.event_ids), ("objects", self.object_ids)):
            for name in _twice(names):
                self.blame(f"{what} whose id another one has", name)
        if self.problems:
            said = "; ".join(
                f"{len(places):,} {what} (the first: {places[0]})" for what, places in self.problems.items()
            )
            raise LogFileError(f"{self.path} breaks the OCEL 2.0 standard: {said}. Export it again.")
        if not self.event_ids:
            raise LogFileError(f"{self.path} holds no events: nothing to lay the tasks over.")
        return self

    def events(self, zone: str = "UTC") -> pl.DataFrame:
        """One row per event: `ocel:row`, `ocel:event`, `ocel:type`, `ocel:time`."""
        frame = pl.DataFrame({"ocel:event": self.event_ids, "ocel:type": self.event_types, "ocel:time": self.times})
        times = iso_times(frame["ocel:time"], zone)
        # what cannot be read as one of the standard's times stays text: the reader of process logs says what is wrong
        return frame.with_columns(times if not times.null_count() else frame["ocel:time"]).with_row_index("ocel:row")

    def typed_relations(self) -> pl.DataFrame:
        """One row per event and object: `event`, `object`, `type`; an object that the file does not list has none."""
        pairs = pl.DataFrame(self.relations, schema={"event": pl.String, "object": pl.String}, orient="row")
        objects = pl.DataFrame({"object": self.object_ids, "type": self.object_types}, schema_overrides={
            "object": pl.String, "type": pl.String})  # fmt: skip
        known = pl.DataFrame({"event": self.event_ids}, schema={"event": pl.String})
        return pairs.unique(maintain_order=True).join(objects, on="object", maintain_order="left").join(
            known, on="event", how="semi", maintain_order="left"
        )  # fmt: skip

    def last_values(self, objects: pl.Series) -> pl.DataFrame:
        """One row per object with the last value of each attribute, as columns named `case:…`."""
        names = {"object": pl.String, "name": pl.String, "time": pl.String}
        log = pl.DataFrame([change[:3] for change in self.changes], schema=names, orient="row").with_row_index("row")
        log = log.with_columns(iso_times(log["time"])).join(objects.to_frame("object"), on="object", how="semi")
        last = log.sort("time", "row", nulls_last=False).unique(["object", "name"], keep="last", maintain_order=True)
        place = {name: at for at, name in enumerate(objects)}
        columns: dict[str, list[Any]] = {}
        for row, target, name in last.sort("row").select("row", "object", "name").iter_rows():
            columns.setdefault(name, [None] * len(place))[place[target]] = self.changes[row][3]
        found = [as_column(f"case:{name}", values) for name, values in columns.items()]
        return pl.DataFrame([objects.alias("object"), *found])


def as_text(value: object) -> str | None:
    """A name, type or time as text; None where it is none. Whole numbers serve as names in some files."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value).strip() or None


def as_column(name: str, values: Sequence[Any]) -> pl.Series:
    """Values of a file as one column: whole numbers, numbers or truths where all of them are, else text."""
    kinds = {type(value) for value in values if value is not None}
    try:
        if kinds == {bool}:
            return pl.Series(name, values, dtype=pl.Boolean)
        if kinds == {int}:
            return pl.Series(name, values, dtype=pl.Int64)
        if kinds and kinds <= {int, float}:
            return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    except (OverflowError, TypeError, pl.exceptions.PolarsError):
        pass  # a number that no column of numbers can hold stays text
    texts = [None if value is None else str(value) for value in values]
    return pl.Series(name, texts, dtype=pl.String)


def iso_times(texts: pl.Series, zone: str = "UTC") -> pl.Series:
    """The standard's times in UTC, null where a text is none; without an offset they are of `zone`."""
    even = pl.col("text").str.strip_chars().str.replace(" ", "T", literal=True).str.replace(r"[Zz]$", "+00:00")
    with_zone = even.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)
    bare = [
        place_in_zone(even.str.to_datetime(form, time_unit="us", strict=False), zone)
        for form in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
    ]
    frame = texts.to_frame("text").select(pl.coalesce(with_zone, *bare).cast(TIME).alias(texts.name))
    return frame.to_series()


def _twice(names: Iterable[str]) -> list[str]:
    column = pl.Series("name", list(names), dtype=pl.String)
    return column.filter(column.is_duplicated()).unique(maintain_order=True).to_list()
