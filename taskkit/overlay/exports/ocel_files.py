"""A joined log as OCEL 2.0: JSON, written in pieces, or an SQLite file with the standard's tables."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import polars as pl

from taskkit.overlay.exports.private_files import private_file
from taskkit.overlay.exports.work import split_attributes

ALWAYS = "1970-01-01T00:00:00Z"  # the standard's time of an attribute that never changes
_TIME = "%Y-%m-%dT%H:%M:%S%.6f+00:00"
_JSON_TYPES = {pl.Int64: "integer", pl.UInt32: "integer", pl.Float64: "float", pl.Boolean: "boolean"}
_SQL_TYPES = {"integer": "INTEGER", "float": "REAL", "boolean": "BOOLEAN", "time": "TIMESTAMP", "string": "TEXT"}
_OF_WORK = ("a:touch_seconds", "a:confidence", "a:booking")


class Ocel:
    """The parts of an object-centric log while they are gathered.

    `events` have `id`, `type`, `time` and attributes `a:…`; `objects` have `id` and attributes, by type; `relations` have
    `event`, `object`, `qualifier`; `links` have `source`, `target`, `qualifier`.
    """

    def __init__(self) -> None:
        self.events: list[pl.DataFrame] = []
        self.objects: dict[str, list[pl.DataFrame]] = {}
        self.relations: list[pl.DataFrame] = []
        self.links: list[pl.DataFrame] = []
        self._cases = pl.Series("case_id", [], pl.String)

    def add_process(self, process: pl.DataFrame) -> None:
        """Take the process events and their cases."""
        cases, others = split_attributes(process)
        self._cases = cases["case_id"].cast(pl.String)
        identity = pl.concat_str(pl.lit("booking:"), pl.int_range(1, pl.len() + 1))
        own = _own_attributes(process.with_columns(level=pl.lit("process")), identity, [])
        used, free = {*own.columns, *_OF_WORK, *others.columns}, {}
        for name in others.columns:
            if name in (*own.columns, *_OF_WORK):
                free[name] = f"a:log_{name[2:]}"
                while free[name] in used:
                    free[name] += "_"
                used.add(free[name])
        self.events.append(pl.concat([own, others.rename(free)], how="horizontal"))
        self._object("case", cases.rename({"case_id": "id"}))
        self._relate(own["id"], process["case_id"], "books")
        self._people(own["id"], process["person"])

    def add_work(self, work: pl.DataFrame, documents: pl.DataFrame) -> None:
        """Take task instances, applications, documents and persons, with the events that name them."""
        action = bool(work.height) and work["level"][0] == "action"
        kind = "action" if action else "execution"
        ids = pl.concat_str(pl.lit(f"{kind}:"), pl.int_range(1, pl.len() + 1))
        own = _own_attributes(work, ids, [name[2:] for name in _OF_WORK])
        instance = pl.concat_str(self._free("task"), "instance")
        self.events.append(own)
        tasks = work.select(pl.col("case_id"), id=instance, **{"a:task": pl.col("name")})
        self._relate(own["id"], work["case_id"], "for")
        self._relate(own["id"], tasks["id"], "step of" if action else "execution of")
        self._people(own["id"], work["person"])
        used = pl.DataFrame({"event": own["id"], "app": work["apps"]}).explode("app", empty_as_null=True).drop_nulls()
        used = used.with_columns(id=self._free("app") + pl.col("app"))
        self._object("application", used.select("id", pl.col("app").alias("a:name")))
        self._relate(used["event"], used["id"], "uses")
        shown = documents.with_columns(id=pl.concat_str(self._free("document"), "document"))
        self._object("document", shown.select("id", pl.col("document").cast(pl.Int64).alias("a:number")))
        self._relate(own["id"].gather(shown["place"]), shown["id"], "shows")
        if not action:  # the instances and what they are for are known from the stretches of work
            self._object("task", tasks.select("id", "a:task"))
            self.links.append(tasks.select(source="id", target="case_id", qualifier=pl.lit("for")))

    def finished(self) -> Ocel:
        """The parts with each object once; events by time, work before the booking that it ends with."""
        events = pl.concat(self.events, how="diagonal").with_row_index("_place")
        self.events = [events.sort("time", pl.col("a:level") == "process", "_place").drop("_place")]
        for kind, parts in self.objects.items():
            self.objects[kind] = [pl.concat(parts).unique("id", keep="first", maintain_order=True)]
        return self

    def _free(self, kind: str) -> pl.Expr:
        """What the objects of a kind are called before their own name: as no case begins, or two objects were one."""
        start, number = f"{kind}:", 2
        while self._cases.str.starts_with(start).any():
            start, number = f"{kind}_{number}:", number + 1
        return pl.lit(start)

    def _people(self, events: pl.Series, persons: pl.Series) -> None:
        known = pl.DataFrame({"event": events, "person": persons}).drop_nulls().select(
            "event", id=self._free("person") + pl.col("person")
        )  # fmt: skip
        self._object("person", known.select("id"))
        self._relate(known["event"], known["id"], "by")

    def _object(self, kind: str, frame: pl.DataFrame) -> None:
        if frame.height:
            self.objects.setdefault(kind, []).append(frame)

    def _relate(self, events: pl.Series, objects: pl.Series, qualifier: str) -> None:
        pairs = pl.DataFrame({"event": events, "object": objects.cast(pl.String)})
        self.relations.append(pairs.with_columns(qualifier=pl.lit(qualifier)))


def _own_attributes(frame: pl.DataFrame, identity: pl.Expr, more: list[str]) -> pl.DataFrame:
    own = {f"a:{name}": pl.col(name) for name in ("level", *more)}
    return frame.select(
        id=identity, type="name", time="end", **{"a:start_timestamp": pl.col("start")}, **own,
    )  # fmt: skip


def write_json(log: Ocel, path: Path) -> None:
    """Write OCEL 2.0 as JSON, one event and one object a line."""
    events = log.events[0]
    objects = {kind: parts[0] for kind, parts in log.objects.items()}
    related = _by(pl.concat(log.relations), "event", "object")
    links = pl.concat(log.links) if log.links else pl.DataFrame(schema={"source": pl.String})
    linked = _by(links, "source", "target") if links.height else {}
    with private_file(path) as passing, passing.open("w", encoding="utf-8", newline="\n") as file:
        kinds = [{"name": kind, "attributes": _declared(frame)} for kind, frame in objects.items()]
        types = [
            {"name": kind, "attributes": _declared(_filled(events.filter(pl.col("type") == kind)))}
            for kind in events["type"].unique().sort()
        ]
        file.write(f'{{"objectTypes": {_json(kinds)},\n"eventTypes": {_json(types)},\n"objects": ')
        _write_list(file, _json_objects(objects, linked))
        file.write(',\n"events": ')
        _write_list(file, _json_events(events, related))
        file.write("}\n")


def _json_objects(
    objects: dict[str, pl.DataFrame], linked: dict[str, list[dict[str, str]]]
) -> Iterator[dict[str, Any]]:
    for kind, frame in objects.items():
        for row in _texts_of_times(frame).iter_rows(named=True):
            name = row.pop("id")
            values = [{"name": key[2:], "time": ALWAYS, "value": v} for key, v in row.items() if v is not None]
            yield _without_empty(id=name, type=kind, attributes=values, relationships=linked.get(name, []))


def _json_events(events: pl.DataFrame, related: dict[str, list[dict[str, str]]]) -> Iterator[dict[str, Any]]:
    for row in _texts_of_times(events).iter_rows(named=True):
        name, kind, time = row.pop("id"), row.pop("type"), row.pop("time")
        values = [{"name": key[2:], "value": value} for key, value in row.items() if value is not None]
        yield _without_empty(id=name, type=kind, time=time, attributes=values, relationships=related.get(name, []))


def _without_empty(**parts: Any) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if part != []}


def _by(pairs: pl.DataFrame, key: str, target: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for name, other, qualifier in pairs.unique(maintain_order=True).select(key, target, "qualifier").iter_rows():
        found.setdefault(name, []).append({"objectId": other, "qualifier": qualifier})
    return found


def _write_list(file: IO[str], entries: Iterable[dict[str, Any]]) -> None:
    before = "[\n"
    for entry in entries:
        file.write(before + _json(entry))
        before = ",\n"
    file.write("\n]" if before == ",\n" else "[]")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _declared(frame: pl.DataFrame) -> list[dict[str, str]]:
    return [
        {"name": name[2:], "type": _type_of(dtype)} for name, dtype in frame.schema.items() if name.startswith("a:")
    ]


def _type_of(dtype: pl.DataType) -> str:
    return "time" if isinstance(dtype, pl.Datetime) else _JSON_TYPES.get(type(dtype), "string")


def _filled(frame: pl.DataFrame) -> pl.DataFrame:
    """Without the attributes that no row has."""
    return frame.select(
        name for name in frame.columns if not name.startswith("a:") or frame[name].null_count() < frame.height
    )


def _texts_of_times(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(name).dt.strftime(_TIME) for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)
    )


def write_sqlite(log: Ocel, path: Path) -> None:
    """Write OCEL 2.0 as an SQLite file with the tables of the standard."""
    events = log.events[0]
    objects = {kind: parts[0] for kind, parts in log.objects.items()}
    by_type = {str(kind): events.filter(pl.col("type") == kind) for kind in events["type"].unique().sort()}
    event_tables, object_tables = _table_names(by_type), _table_names(objects)
    with private_file(path) as passing, closing(sqlite3.connect(passing, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")  # the file is put in its place when it is whole
        database.execute("BEGIN")
        for part, tables in (("event", event_tables), ("object", object_tables)):
            _fill(database, f"{part}_map_type", pl.DataFrame(
                {"ocel_type": list(tables), "ocel_type_map": list(tables.values())},
                schema={"ocel_type": pl.String, "ocel_type_map": pl.String},
            ), key=("ocel_type",))  # fmt: skip
        every = [frame.select(ocel_id="id", ocel_type=pl.lit(kind)) for kind, frame in objects.items()]
        _fill(database, "event", events.select(ocel_id="id", ocel_type="type"), key=("ocel_id",))
        _fill(database, "object", pl.concat(every), key=("ocel_id",))
        pairs, links = ("ocel_event_id", "ocel_object_id"), ("ocel_source_id", "ocel_target_id")
        linked = pl.concat(log.links) if log.links else pl.DataFrame(schema=dict.fromkeys(("s", "t", "q"), pl.String))
        for table, frame, names in (
            ("event_object", pl.concat(log.relations), pairs),
            ("object_object", linked, links),
        ):
            columns = (*names, "ocel_qualifier")
            _fill(
                database,
                table,
                frame.unique(maintain_order=True).rename(dict(zip(frame.columns, columns, strict=True))),
                key=columns,
            )
        for kind, frame in by_type.items():
            own = _filled(frame).drop("type").rename({"id": "ocel_id", "time": "ocel_time"})
            _fill(database, f"event_{event_tables[kind]}", own, key=("ocel_id",))
        for kind, frame in objects.items():
            own = frame.select(
                ocel_id="id", ocel_time=pl.lit(ALWAYS), ocel_changed_field=pl.lit(None, pl.String),
                **{name: pl.col(name) for name in frame.columns if name != "id"},
            )  # fmt: skip
            _fill(database, f"object_{object_tables[kind]}", own)
        database.execute("COMMIT")


def _table_names(types: Iterable[str]) -> dict[str, str]:
    """A name of letters, digits and underscores for the table of each type."""
    kinds = list(types)
    bare = (re.sub(r"[^A-Za-z0-9]+", "_", kind).strip("_")[:60] or "type" for kind in kinds)
    return dict(zip(kinds, _distinct(bare), strict=True))


def _distinct(wanted: Iterable[str]) -> list[str]:
    """The names, numbered where SQLite would take two for the same: it does not know A from a."""
    names: list[str] = []
    taken: set[str] = set()
    for base in wanted:
        name, number = base, 2
        while name.casefold() in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name.casefold())
        names.append(name)
    return names


def _fill(database: sqlite3.Connection, table: str, frame: pl.DataFrame, *, key: tuple[str, ...] = ()) -> None:
    names = _distinct(name.removeprefix("a:") for name in frame.columns)
    columns = [
        f"{_quoted(name)} {_SQL_TYPES[_type_of(dtype)]}" for name, dtype in zip(names, frame.dtypes, strict=True)
    ]
    if key:
        columns.append(f"PRIMARY KEY ({', '.join(map(_quoted, key))})")
    database.execute(f"CREATE TABLE {_quoted(table)} ({', '.join(columns)})")
    marks = ", ".join("?" * frame.width)
    database.executemany(f"INSERT INTO {_quoted(table)} VALUES ({marks})", _texts_of_times(frame).iter_rows())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""').replace("\0", "") + '"'


FORMS: dict[str, Callable[[Ocel, Path], None]] = {
    ".json": write_json,
    ".jsonocel": write_json,
    ".sqlite": write_sqlite,
    ".sqlite3": write_sqlite,
    ".db": write_sqlite,
}
