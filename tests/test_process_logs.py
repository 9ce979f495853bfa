"""Process logs of every kind become the same frame, or say in one sentence why not."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from taskkit.errors import ContractError, LogFileError, SettingError, TaskkitError
from taskkit.overlay.lifecycles import list_lifecycle_problems, pair_lifecycles, time_steps
from taskkit.overlay.ocel import json_files, list_object_types, sqlite_files
from taskkit.overlay.process_log import read_process_log
from taskkit.schema import PROCESS, check

ALWAYS = "1970-01-01T00:00:00Z"
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def event(name: str, kind: str, minute: int, *objects: str, **attributes: Any) -> dict[str, Any]:
    return {
        "id": name, "type": kind, "time": (START + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z"),
        "attributes": [{"name": key, "value": value} for key, value in attributes.items()],
        "relationships": [{"objectId": target, "qualifier": "about"} for target in objects],
    }  # fmt: skip


def thing(name: str, kind: str, *values: tuple[str, str, Any]) -> dict[str, Any]:
    attributes = [{"name": key, "time": time, "value": value} for key, time, value in values]
    return {"id": name, "type": kind, "attributes": attributes}


LOG = {
    "objectTypes": [], "eventTypes": [],
    "events": [
        event("e1", "Create order", 0, "o1", "i1", "i2", resource="p_1", price=3),
        event("e2", "Create order", 1, "o2", "i3", price=4.5),
        event("e3", "Pick item", 2, "i1"),
        event("e4", "Send order", 3, "o1", "i1", "i2"),
        event("e5", "Merge orders", 4, "o1", "o2"),
    ],
    "objects": [
        thing("o1", "order", ("state", "2026-03-02T09:00:00Z", "sent"), ("state", ALWAYS, "new"), ("size", ALWAYS, 2)),
        thing("o2", "order", ("size", ALWAYS, 1)),
        *(thing(f"i{number}", "item") for number in (1, 2, 3)),
    ],
}  # fmt: skip


def write_json(log: Any, file: Path) -> Path:
    file.write_text(json.dumps(log))
    return file


def write_sqlite(log: dict[str, Any], file: Path) -> Path:
    """The standard's tables, as its examples have them."""
    database = sqlite3.connect(file)
    database.executescript(
        "CREATE TABLE event (ocel_id TEXT, ocel_type TEXT); CREATE TABLE object (ocel_id TEXT, ocel_type TEXT);"
        "CREATE TABLE event_map_type (ocel_type TEXT, ocel_type_map TEXT);"
        "CREATE TABLE object_map_type (ocel_type TEXT, ocel_type_map TEXT);"
        "CREATE TABLE event_object (ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT);"
        "CREATE TABLE object_object (ocel_source_id TEXT, ocel_target_id TEXT, ocel_qualifier TEXT);"
    )
    for part in ("event", "object"):
        for number, kind in enumerate(sorted({entry["type"] for entry in log[f"{part}s"]})):
            own = [entry for entry in log[f"{part}s"] if entry["type"] == kind]
            names = sorted({value["name"] for entry in own for value in entry["attributes"]})
            columns = ["ocel_id", "ocel_time", *(["ocel_changed_field"] if part == "object" else []), *names]
            database.execute(f"INSERT INTO {part}_map_type VALUES (?, ?)", (kind, f"Type{number}"))
            database.execute(f'CREATE TABLE "{part}_Type{number}" ({", ".join(f"{name!r}" for name in columns)})')
            for entry in own:
                rows: list[dict[str, Any]] = [{value["name"]: value["value"] for value in entry["attributes"]}]
                if part == "object":
                    first = {v["name"]: v["value"] for v in entry["attributes"] if v["time"].startswith("1970")}
                    later = [v for v in entry["attributes"] if not v["time"].startswith("1970")]
                    rows = [
                        {"ocel_time": v["time"], "ocel_changed_field": v["name"], v["name"]: v["value"]} for v in later
                    ] + [first | {"ocel_time": "1970-01-01 00:00:00"}]
                for row in rows:
                    full = {"ocel_id": entry["id"], "ocel_time": entry.get("time")} | row
                    marks = ", ".join("?" * len(columns))
                    database.execute(
                        f'INSERT INTO "{part}_Type{number}" VALUES ({marks})', [full.get(c) for c in columns]
                    )
                database.execute(f"INSERT INTO {part} VALUES (?, ?)", (entry["id"], kind))
    for entry in log["events"]:
        for relation in entry["relationships"]:
            database.execute("INSERT INTO event_object VALUES (?, ?, 'about')", (entry["id"], relation["objectId"]))
    database.commit()
    database.close()
    return file


def write_xml(log: dict[str, Any], file: Path) -> Path:
    """The standard's elements, as its examples have them."""
    root = ElementTree.Element("log")
    for part in ("object", "event"):
        types = ElementTree.SubElement(root, f"{part}-types")
        for kind in sorted({entry["type"] for entry in log[f"{part}s"]}):
            of_type = ElementTree.SubElement(ElementTree.SubElement(types, f"{part}-type", name=kind), "attributes")
            for name, declared in (("size", "integer"), ("price", "float"), ("state", "string")):
                ElementTree.SubElement(of_type, "attribute", name=name, type=declared)
    for part in ("objects", "events"):
        entries = ElementTree.SubElement(root, part)
        for entry in log[part]:
            own = {key: entry[key] for key in ("id", "type", "time") if key in entry}
            element = ElementTree.SubElement(entries, part[:-1], own)
            values = ElementTree.SubElement(element, "attributes")
            for value in entry["attributes"]:
                changed = {"time": value["time"]} if "time" in value else {}
                ElementTree.SubElement(values, "attribute", {"name": value["name"]} | changed).text = str(
                    value["value"]
                )
            related = ElementTree.SubElement(element, "objects")
            for relation in entry.get("relationships", []):
                ElementTree.SubElement(
                    related, "relationship", {"object-id": relation["objectId"], "qualifier": "about"}
                )
    file.write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
    return file


WRITERS: dict[str, Callable[[Any, Path], Path]] = {
    "log.json": write_json,
    "log.jsonocel": write_json,
    "log.sqlite": write_sqlite,
    "log.db": write_sqlite,
    "log.xml": write_xml,
}


# ------------------------------------------------------------------------------------------------------------- OCEL 2.0
@pytest.mark.parametrize("name", WRITERS)
def test_the_objects_that_most_events_name_once_are_the_cases(tmp_path: Path, name: str) -> None:
    log = read_process_log(WRITERS[name](LOG, tmp_path / name))
    assert check(log, PROCESS).is_empty()
    assert log.select("case_id", "activity", "resource", "price", "state", "size").rows() == [
        ("o1", "Create order", "p_1", 3.0, "sent", 2),  # the last value, whatever the order in the file
        ("o2", "Create order", None, 4.5, None, 1),
        ("o1", "Send order", None, None, "sent", 2),
        ("o1", "Merge orders", None, None, "sent", 2),  # an event counts for each of its cases
        ("o2", "Merge orders", None, None, None, 1),
    ]
    assert log["item"].to_list() == [["i1", "i2"], ["i3"], ["i1", "i2"], None, None]


@pytest.mark.parametrize("name", WRITERS)
def test_another_type_can_be_the_case(tmp_path: Path, name: str) -> None:
    log = read_process_log(WRITERS[name](LOG, tmp_path / name), object_type="item")
    assert log.filter(pl.col("case_id") == "i1")["activity"].to_list() == ["Create order", "Pick item", "Send order"]
    with pytest.raises(SettingError, match=r"'items'.* Did you mean 'item'"):
        read_process_log(tmp_path / name, object_type="items")


@pytest.mark.parametrize("name", ["log.db", "log.xml"])
def test_all_forms_say_the_same(tmp_path: Path, name: str) -> None:
    both = [read_process_log(WRITERS[each](LOG, tmp_path / each)) for each in ("log.json", name)]
    keys = ["timestamp", "case_id"]
    assert_frame_equal(*(log.sort(keys) for log in both), check_column_order=False, check_row_order=False)


def test_the_sizes_of_the_types_are_listed(tmp_path: Path) -> None:
    listed = list_object_types(write_json(LOG, tmp_path / "log.json"))
    assert listed.rows() == [("item", 3, 4, 2, 1), ("order", 2, 4, 3, 1)]


def test_a_choice_that_is_not_clear_is_left_to_the_analyst(tmp_path: Path) -> None:
    events = [event(f"e{number}", "Act", number, "a1", "b1") for number in range(4)]
    log = {"events": events, "objects": [thing("a1", "invoice"), thing("b1", "order")]}
    with pytest.raises(LogFileError, match=r"'invoice': 1 objects, 4 events.*'order'.*object_type="):
        read_process_log(write_json(log, tmp_path / "log.json"))


def test_persons_are_no_cases_by_themselves(tmp_path: Path) -> None:
    events = [event(f"e{number}", "Act", number, "u", *(["o"] if number else [])) for number in range(4)]
    log = {"events": events, "objects": [thing("u", "employee"), thing("o", "order")]}
    assert read_process_log(write_json(log, tmp_path / "log.json"))["case_id"].unique().to_list() == ["o"]


def test_an_object_named_twice_by_an_event_counts_once(tmp_path: Path) -> None:
    log = {"events": [event("e", "Act", 0, "o", "o")], "objects": [thing("o", "order")]}
    assert read_process_log(write_json(log, tmp_path / "log.json")).height == 1


def test_events_without_a_case_are_left_out(tmp_path: Path) -> None:
    log = {"events": [event("e", "Act", 0, "o"), event("f", "Idle", 1)], "objects": [thing("o", "order")]}
    assert read_process_log(write_json(log, tmp_path / "log.json"))["activity"].to_list() == ["Act"]


def test_attributes_with_the_names_of_our_columns_do_no_harm(tmp_path: Path) -> None:
    taken = dict.fromkeys(("case_id", "activity", "timestamp", "ocel:case", "ocel:row", "event", "order"), "x")
    first = event("e", "Act", 0, "o")
    first["attributes"] = [{"name": key, "value": value} for key, value in taken.items()]
    log = {"events": [first], "objects": [thing("o", "order", ("case_id", "", "y"), ("event", "", "z"))]}
    read = read_process_log(write_json(log, tmp_path / "log.json"))
    assert read.select("case_id", "activity", "case_id_in_file").row(0) == ("o", "Act", "x")
    assert read["timestamp"].to_list() == [START]


def test_times_of_several_zones_are_one_clock(tmp_path: Path) -> None:
    times = ["2026-03-02T10:00:00+02:00", "2026-03-02T08:00:00Z", "2026-03-02 08:00:00", "2026-03-02T08:00:00.000000"]
    events = [event(f"e{n}", "Act", 0, "o") | {"time": time} for n, time in enumerate(times)]
    log = {"events": events, "objects": [thing("o", "order")]}
    assert read_process_log(write_json(log, tmp_path / "log.json"))["timestamp"].unique().to_list() == [START]


def test_object_types_are_for_object_centric_logs_only(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("case,activity,time\n1,Enter,2026-03-02T08:00:00Z\n")
    with pytest.raises(SettingError, match=r"OCEL 2\.0"):
        read_process_log(tmp_path / "log.csv", object_type="order")


# ------------------------------------------------------------------------------------------------- hostile or broken ones
def broken(**parts: Any) -> bytes:
    return json.dumps(LOG | parts).encode()


BROKEN = {
    "cut": (json.dumps(LOG).encode()[:-40], "not complete, well-formed JSON"),
    "empty": (b"", "not complete, well-formed JSON"),
    "deep": (b"[" * 200_000, "nested far deeper"),
    "deep inside": (b'{"events": ' + b"[" * 100_000 + b"]" * 100_000 + b', "objects": []}', "nested far deeper"),
    "binary": (b"\0\xff\xfe\0", "not complete, well-formed JSON"),
    "a list": (b"[1, 2]", "no OCEL 2.0 log.*Found: list"),
    "another file": (b'{"name": "package", "version": 1}', "no OCEL 2.0 log.*Found: name, version"),
    "OCEL 1": (b'{"ocel:global-log": {}, "ocel:events": {}, "ocel:objects": {}}', "OCEL 1.0"),
    "no events": (broken(events=[]), "no events"),
    "no objects": (broken(objects=[]), "Types found: none"),
    "twice": (broken(events=LOG["events"] * 2), "5 events whose id another one has .the first: e1"),
    "objects twice": (broken(objects=LOG["objects"] * 2), "5 objects whose id another one has"),
    "numbers for events": (broken(events=[1, 2]), "2 events that are no objects"),
    "no time": (broken(events=[{"id": "e", "type": "Act"}]), "1 events without an id, a type or a time"),
    "wrong id": (broken(events=[event("e", "Act", 0) | {"id": {"a": 1}}]), "without an id"),
    "wrong time": (broken(events=[event("e", "Act", 0, "o1") | {"time": "yesterday"}]), "yesterday"),
    "relations": (broken(events=[event("e", "Act", 0) | {"relationships": {"a": 1}}]), "relationships that are no lists"),
    "relation": (broken(events=[event("e", "Act", 0) | {"relationships": ["o1"]}]), "entries are no objects"),
    "surrogate": (broken(events=[event("e", "\ud800", 0, "o1")]), "text"),
    "all at once": (broken(events=[1], objects=[2]), "1 events that are no.*1 objects that are no"),
    "huge number": (broken().replace(b'"value": 3}', b'"value": ' + b"9" * 6000 + b"}"), "not complete, well-formed"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_hostile_or_broken_json_is_refused(tmp_path: Path, name: str) -> None:
    content, message = BROKEN[name]
    (tmp_path / "log.json").write_bytes(content)
    with pytest.raises(LogFileError, match=message):
        read_process_log(tmp_path / "log.json")


def test_half_a_character_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    file = write_json({"events": [event("e", "Act", 0, "o")], "objects": [thing("o", "\ud800")]}, tmp_path / "log.json")
    for read in (list_object_types, read_process_log):
        with pytest.raises(LogFileError, match="half a character"):
            read(file)


@pytest.mark.parametrize("name", [*WRITERS, "log.xes"])
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    (tmp_path / name).write_bytes(b"{}")
    for method in ("open", "read_bytes"):
        monkeypatch.setattr(Path, method, refused)
    with pytest.raises(LogFileError, match="Permission denied"):
        read_process_log(tmp_path / name)


def test_json_that_is_too_large_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_files, "MAX_BYTES", 100)
    with pytest.raises(LogFileError, match=r"OCEL 2\.0 SQLite"):
        read_process_log(write_json(LOG, tmp_path / "log.json"))


def test_odd_values_are_kept_as_text(tmp_path: Path) -> None:
    odd = [10**30, {"a": [1]}, None, "null\0byte", True]
    events = [event(f"e{n}", "Act", n, "o", odd=value) for n, value in enumerate(odd)]
    log = read_process_log(write_json({"events": events, "objects": [thing("o", "order")]}, tmp_path / "log.json"))
    assert log["odd"].to_list() == [str(10**30), "{'a': [1]}", None, "null\0byte", "True"]


def test_too_many_attributes_are_refused(tmp_path: Path) -> None:
    many = event("e", "Act", 0, "o", **{f"a{number}": number for number in range(600)})
    with pytest.raises(LogFileError, match="more than 500 different attributes"):
        read_process_log(write_json({"events": [many], "objects": [thing("o", "order")]}, tmp_path / "log.json"))


def change(file: Path, *statements: str) -> Path:
    database = sqlite3.connect(file)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    return file


SPOILT = {
    "no table": (["DROP TABLE event_object"], "no table 'event_object'. Tables found: event"),
    "no column": (["ALTER TABLE event RENAME COLUMN ocel_type TO kind"], "has no column 'ocel_type'"),
    "a view": (["DROP TABLE event_object", "CREATE VIEW event_object AS WITH RECURSIVE n(ocel_event_id, ocel_object_id) AS "
                "(SELECT 1, 1 UNION ALL SELECT ocel_event_id + 1, 1 FROM n) SELECT * FROM n"], "no table 'event_object'"),
    "a virtual table": (["DROP TABLE event_object", "CREATE VIRTUAL TABLE event_object USING fts5(ocel_event_id)"],
                        "no table 'event_object'"),
    "a computed column": (["DROP TABLE event_object", "CREATE TABLE event_object (ocel_event_id TEXT, ocel_object_id TEXT "
                           "GENERATED ALWAYS AS (hex(zeroblob(400000))) VIRTUAL)", "INSERT INTO event_object VALUES ('e1')"],
                          "computed columns"),
    "a huge value": (["UPDATE event SET ocel_type = hex(zeroblob(2000000)) WHERE ocel_id = 'e1'"], "cannot be read as SQLite"),
    "a type without a table": (["INSERT INTO event_map_type VALUES ('Act', 'nothing')"], "types of events without a table"),
    "an event without a row": (["INSERT INTO event VALUES ('e9', 'Pick item')"], "events without a row"),
    "another type": (["UPDATE event SET ocel_type = 'Pick item' WHERE ocel_id = 'e1'"], "table 'event' does not give them"),
    "bytes": (["UPDATE event_object SET ocel_object_id = x'00ff'"], "without an object's id"),
    "text that is none": (["UPDATE event_object SET ocel_object_id = CAST(x'ff' AS TEXT)"], "cannot be read as SQLite"),
    "events twice": (["INSERT INTO event_Type0 SELECT * FROM event_Type0"], "whose id another one has"),
    "no events": (["DELETE FROM event", *(f"DELETE FROM event_Type{number}" for number in range(4))], "no events"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_hostile_or_broken_sqlite_is_refused(tmp_path: Path, name: str) -> None:
    statements, message = SPOILT[name]
    with pytest.raises(LogFileError, match=message):
        read_process_log(change(write_sqlite(LOG, tmp_path / "log.sqlite"), *statements))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<log><events>", "not complete, well-formed XML"),
        (b"<page/>", "outermost element is <page>"),
        (b"<log><event/></log>", "needs the parts"),
        (b'<!DOCTYPE log [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;">]><log>&c;</log>', "document type"),
        (b"<log>" + b"<objects>" * 60 + b"</objects>" * 60 + b"</log>", "nested deeper"),
        (b'<log><objects><object/></objects><events><event id="e"/></events></log>', "1 objects without.*1 events without"),
    ],
)  # fmt: skip
def test_hostile_or_broken_xml_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "log.xml").write_bytes(content)
    with pytest.raises(LogFileError, match=message):
        read_process_log(tmp_path / "log.xml")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").write_bytes(b"case,activity")
    with pytest.raises(LogFileError, match="no SQLite file"):
        read_process_log(tmp_path / "log.sqlite")


def test_a_database_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    file = write_sqlite(LOG, tmp_path / "log.sqlite")
    file.write_bytes(file.read_bytes()[:9000])
    with pytest.raises(LogFileError, match="cannot be read as SQLite"):
        read_process_log(file)


def test_a_database_that_is_still_written_to_is_refused(tmp_path: Path) -> None:
    file = write_sqlite(LOG, tmp_path / "log.sqlite")
    (tmp_path / "log.sqlite-wal").write_bytes(b"more")
    with pytest.raises(LogFileError, match="still being written"):
        read_process_log(file)


def test_more_rows_than_a_log_has_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_files, "MAX_ROWS", 3)
    with pytest.raises(LogFileError, match="more than 3 rows"):
        read_process_log(write_sqlite(LOG, tmp_path / "log.sqlite"))


def test_names_that_look_like_sql_are_names(tmp_path: Path) -> None:
    file = write_sqlite(LOG, tmp_path / 'a "b" %20?mode=rwc.db')
    change(file, "UPDATE event_map_type SET ocel_type_map = 'x\"; DROP TABLE event; --' WHERE ocel_type = 'Pick item'",
           'ALTER TABLE event_Type2 RENAME TO "event_x""; DROP TABLE event; --"')  # fmt: skip
    assert read_process_log(file).height == 5


def test_reading_leaves_a_database_as_it_was(tmp_path: Path) -> None:
    file = write_sqlite(LOG, tmp_path / "log.sqlite")
    os.chmod(file, 0o400)
    before = file.read_bytes()
    read_process_log(file)
    assert file.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["log.sqlite"]


@quick
@given(cut=st.integers(0, 4000), flips=st.lists(st.tuples(st.integers(0, 50_000), st.integers(0, 255)), max_size=4))
@pytest.mark.parametrize("name", ["log.json", "log.sqlite", "log.xml", "log.xes", "log.csv"])
def test_a_damaged_file_is_a_log_or_one_clear_error(
    tmp_path: Path, name: str, cut: int, flips: list[tuple[int, int]]
) -> None:
    content = bytearray(_whole(tmp_path, name))
    for place, value in flips:
        content[place % len(content)] = value
    file = tmp_path / name
    file.write_bytes(bytes(content[: len(content) - cut % len(content) if cut % 3 == 0 else len(content)]))
    assert check(_read_or_refuse(file), PROCESS).is_empty()


def _read_or_refuse(file: Path) -> pl.DataFrame:
    """The log, or an empty one where the file is refused by an error of ours that names it; others are raised."""
    try:
        return read_process_log(file)
    except TaskkitError as error:
        if str(file) not in str(error):
            raise
        return pl.DataFrame(schema=PROCESS.schema)


def _whole(folder: Path, name: str) -> bytes:
    kept = folder / f"whole_{name}"
    if not kept.exists():
        if name in WRITERS:
            WRITERS[name](LOG, kept)
        else:
            rows = "".join(f"c{n},Enter,2026-03-02T08:0{n}:00Z\n" for n in range(6))
            trace = (
                '<trace><string key="concept:name" value="c"/><event><string key="concept:name" value="Enter"/>'
                '<date key="time:timestamp" value="2026-03-02T08:00:00Z"/></event></trace>'
            )
            kept.write_text(
                f"case,activity,time\n{rows}" if name.endswith("csv") else f"<log>{trace * 3}</log>", encoding="utf-8"
            )
    return kept.read_bytes()


KEYS = ["id", "type", "time", "attributes", "relationships", "objectId", "name", "value"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("o1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@quick
@given(events=st.lists(JSON, max_size=3), objects=st.lists(JSON, max_size=2), whole=st.booleans())
def test_json_of_any_shape_is_a_log_or_one_clear_error(
    tmp_path: Path, events: list[Any], objects: list[Any], whole: bool
) -> None:
    log = {"events": [*events, *(LOG["events"] if whole else [])], "objects": [*objects, *LOG["objects"]]}
    (tmp_path / "log.json").write_text(json.dumps(log))
    assert check(_read_or_refuse(tmp_path / "log.json"), PROCESS).is_empty()


# --------------------------------------------------------------------------------------------------------------- tables
def write_csv(folder: Path, header: str, *lines: str) -> Path:
    (folder / "log.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return folder / "log.csv"


PLAIN = "case,activity,time"


@pytest.mark.parametrize(("text", "hour"), [
    ("2026-07-01 08:00", 6), ("01.07.2026 08:00", 6), ("2026-07-01T08:00:00Z", 8), ("2026-03-02 08:00", 7),
])  # fmt: skip
def test_times_without_an_offset_are_of_the_zone_that_is_named(tmp_path: Path, text: str, hour: int) -> None:
    file = write_csv(tmp_path, PLAIN, f"c,Act,{text}")
    assert read_process_log(file, time_zone="Europe/Berlin")["timestamp"].dt.hour().to_list() == [hour]
    assert read_process_log(file)["timestamp"].dt.hour().to_list() == [8]


@pytest.mark.parametrize(("text", "utc"), [("2026-10-25 02:30:00", "00:30"), ("2026-03-29 02:30:00", "01:30")])
def test_hours_that_the_clock_change_repeats_or_leaves_out_are_read(tmp_path: Path, text: str, utc: str) -> None:
    log = read_process_log(write_csv(tmp_path, PLAIN, f"c,Act,{text}"), time_zone="Europe/Berlin")
    assert log["timestamp"].dt.strftime("%H:%M").to_list() == [utc]


def test_a_zone_counts_for_tables_with_types_and_object_centric_logs(tmp_path: Path) -> None:
    bare = START.replace(tzinfo=None)
    pl.DataFrame({"case": "c", "activity": "Act", "time": [bare, None]})[:1].write_parquet(tmp_path / "log.parquet")
    events = [event("e", "Act", 0, "o") | {"time": "2026-03-02 08:00:00"}]
    file = write_json({"events": events, "objects": [thing("o", "order")]}, tmp_path / "log.json")
    for path in (tmp_path / "log.parquet", file):
        assert read_process_log(path, time_zone="Europe/Berlin")["timestamp"].dt.hour().to_list() == [7]


def test_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"Did you mean 'Europe/Berlin'"):
        read_process_log(write_csv(tmp_path, PLAIN, "c,Act,2026-03-02 08:00"), time_zone="Europe/Berlim")


def test_a_year_of_two_digits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogFileError, match=r"before 1970.*data row 1: '1\.7\.26 08:00' \(year 26\).*four digits"):
        read_process_log(write_csv(tmp_path, PLAIN, "c,Act,1.7.26 08:00"))


@pytest.mark.parametrize("text", [
    "07/13/2026 08:15 AM", "13/07/2026 08:15:00 am", "13-Jul-2026 08:15", "13-JUL-2026 08:15:00", "13 Jul 2026 08:15",
    "2026-07-13 08:15 AM",
])  # fmt: skip
def test_usual_ways_to_write_times_are_read(tmp_path: Path, text: str) -> None:
    log = read_process_log(write_csv(tmp_path, PLAIN, f"c,Act,{text}"))
    assert log["timestamp"].to_list() == [datetime(2026, 7, 13, 8, 15, tzinfo=UTC)]


def test_other_times_are_refused_with_the_allowed_ones_and_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(LogFileError, match=r"01-Jul-2026 08:15.*str\.to_datetime.*log\.parquet"):
        read_process_log(write_csv(tmp_path, PLAIN, "c,Act,last Tuesday"))


@pytest.mark.parametrize("header", [
    "Vorgangsnummer;Aktivität;Zeitstempel;Bearbeiter;Startzeit", "Vorgangsnummer;Aktivitaet;Endzeit;Bearbeiter;Startzeit",
    "Rechnungsnummer;Tätigkeit;Zeitpunkt;Benutzer;Beginn",
])  # fmt: skip
def test_german_headers_are_known(tmp_path: Path, header: str) -> None:
    log = read_process_log(write_csv(tmp_path, header, "17;Prüfen;2026-03-02 08:00;p_1;2026-03-02 07:00"))
    assert log.select("case_id", "activity", "resource").row(0) == ("17", "Prüfen", "p_1")
    assert log["start_timestamp"].to_list() == [START - timedelta(hours=1)]


def test_columns_the_wrong_way_round_are_turned(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r'did you mean columns=\{"case_id": "Belegnr"\}\?'):
        read_process_log(
            write_csv(tmp_path, "Belegnr,activity,time", "c,Act,2026-03-02 08:00"), columns={"Belegnr": "case_id"}
        )


def test_a_broken_table_is_cured_with_the_reader_of_process_logs(tmp_path: Path) -> None:
    with pytest.raises(LogFileError, match=r'then read_process_log\("table\.parquet", columns=\{…\}\)\.$') as error:
        read_process_log(write_csv(tmp_path, PLAIN, "c,Act,2026-03-02 08:00", "c,Act"))
    assert "from_table" not in str(error.value)


def test_a_spreadsheet_is_to_be_saved_as_csv(tmp_path: Path) -> None:
    (tmp_path / "log.xlsx").write_bytes(b"PK")
    with pytest.raises(LogFileError, match="Save the sheet as CSV"):
        read_process_log(tmp_path / "log.xlsx")


def test_numbers_of_a_text_file_are_numbers_and_codes_stay_text(tmp_path: Path) -> None:
    lines = [f"c{n},Act,2026-03-02 08:00,{n}.5,{4500000000 + n},{n:05d},{n % 3}" for n in range(1, 30)]
    log = read_process_log(write_csv(tmp_path, f"{PLAIN},amount,po,code,kind", *lines))
    assert log.select("amount", "po", "code", "kind").dtypes == [pl.Float64, pl.Int64, pl.String, pl.String]


def test_entries_that_are_no_objects_are_left_out_without_comparing_all_with_all(tmp_path: Path) -> None:
    class Entry(dict[str, Any]):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared")

    entries = [Entry(objectId="o1"), 5, Entry(objectId="o2")]
    tables = json_files.Tables(tmp_path / "log.json")
    assert len(json_files._parts(tables, {"relationships": entries}, "relationships", "event e1")) == 2
    assert list(tables.problems) == ["relationships whose entries are no objects of JSON"]


# ------------------------------------------------------------------------------------------------------------ lifecycles
TWICE = ("c,Act,2026-03-02 08:00,{},x", "c,Act,2026-03-02 09:00,{},y")


@pytest.mark.parametrize("header", ["lifecycle:transition", "Status"])
@pytest.mark.parametrize("words", [("Begonnen", "Abgeschlossen"), ("gestartet", "beendet"), ("Started", "Finished")])
def test_usual_words_for_transitions_are_known(tmp_path: Path, header: str, words: tuple[str, str]) -> None:
    lines = [line.format(word) for line, word in zip(TWICE, words, strict=True)]
    log = read_process_log(write_csv(tmp_path, f"{PLAIN},{header},note", *lines))
    assert log["service_seconds"].to_list() == [3600.0]


def test_a_status_that_is_no_lifecycle_stays_an_attribute(tmp_path: Path) -> None:
    lines = [line.format(word) for line, word in zip(TWICE, ("offen", "abgeschlossen"), strict=True)]
    assert read_process_log(write_csv(tmp_path, f"{PLAIN},Status,note", *lines))["Status"].len() == 2


@pytest.mark.parametrize("header", ["Event Type", "transition"])
def test_kinds_of_events_are_no_lifecycle(tmp_path: Path, header: str) -> None:
    lines = [line.format(word) for line, word in zip([*TWICE, TWICE[1]], ("created", "changed", "closed"), strict=True)]
    log = read_process_log(write_csv(tmp_path, f"{PLAIN},{header},note", *lines))
    assert log[header].to_list() == ["created", "changed", "closed"]
    lines = [line.format(word) for line, word in zip(TWICE, ("start", "complete"), strict=True)]
    log = read_process_log(write_csv(tmp_path, f"{PLAIN},{header},note", *lines))
    assert log["service_seconds"].to_list() == [3600.0]


def test_unknown_words_for_transitions_are_asked_for(tmp_path: Path) -> None:
    lines = [line.format(word) for line, word in zip(TWICE, ("Rein", "Raus"), strict=True)]
    file = write_csv(tmp_path, f"{PLAIN},lifecycle:transition,note", *lines)
    call = r'lifecycle=\{"Rein": "start", "Raus": "complete"\}'
    with pytest.raises(LogFileError, match=rf"'lifecycle:transition' holds 'Rein', 'Raus'.*{call}.*no life cycle"):
        read_process_log(file)
    assert read_process_log(file, lifecycle={"Rein": "start", "Raus": "complete"})["service_seconds"].to_list() == [
        3600
    ]
    assert read_process_log(file, pair=False).height == 2
    with pytest.raises(SettingError, match=r"does not hold 'drin'.*It holds 'Rein', 'Raus'"):
        read_process_log(file, lifecycle={"Drin": "start"})
    with pytest.raises(SettingError, match="Unknown transition of a lifecycle 'beginning'"):
        read_process_log(file, lifecycle={"Rein": "beginning"})


def test_problems_of_a_log_that_was_paired_are_refused() -> None:
    with pytest.raises(ContractError, match="pair=False"):
        list_lifecycle_problems(pair_lifecycles(rows((0, "start"), (1, "complete"))))


def rows(*given: tuple[Any, ...]) -> pl.DataFrame:
    """Process events from (minute, lifecycle, resource, instance); all of one case and activity."""
    full = [(*row, *([None] * (4 - len(row)))) for row in given]
    return pl.DataFrame(
        {
            "case_id": ["c"] * len(full),
            "activity": ["Approve"] * len(full),
            "timestamp": [START + timedelta(minutes=row[0]) for row in full],
            "resource": [row[2] for row in full],
            "lifecycle": [row[1] for row in full],
            "concept:instance": [row[3] for row in full],
        },
        schema_overrides={"resource": pl.String, "lifecycle": pl.String, "concept:instance": pl.String},
    )


def spans(process: pl.DataFrame) -> list[tuple[float | None, float, float | None]]:
    """(start, end, service) of each activity, in minutes."""
    paired = pair_lifecycles(process)
    minutes = [
        ((pl.col(name) - START).dt.total_seconds() / 60).alias(name) for name in ("start_timestamp", "timestamp")
    ]
    return paired.select(*minutes, pl.col("service_seconds") / 60).rows()


def test_start_and_complete_become_one_activity() -> None:
    process = rows((0, "schedule"), (1, "assign"), (2, "start"), (7, "complete"))
    assert spans(process) == [(2, 7, 5)]
    assert "lifecycle" not in pair_lifecycles(process).columns


def test_the_first_start_goes_with_the_first_end() -> None:
    assert spans(rows((0, "start"), (1, "start"), (5, "complete"), (9, "complete"))) == [(0, 5, 5), (1, 9, 8)]


def test_ends_go_with_the_starts_of_the_same_person() -> None:
    process = rows((0, "start", "p_1"), (1, "start", "p_2"), (5, "complete", "p_2"), (9, "complete", "p_1"))
    assert spans(process) == [(1, 5, 4), (0, 9, 9)]


def test_work_that_was_handed_over_is_still_one_activity() -> None:
    assert spans(rows((0, "start", "p_1"), (5, "complete", "p_2"))) == [(0, 5, 5)]


def test_the_logs_own_numbers_of_instances_come_first() -> None:
    process = rows(
        (0, "start", "p_1", "a"), (1, "start", "p_1", "b"), (5, "complete", "p_1", "b"), (9, "complete", "p_1", "a")
    )
    assert spans(process) == [(1, 5, 4), (0, 9, 9)]


def test_an_end_without_a_start_takes_no_later_one() -> None:
    assert spans(rows((0, "complete"), (2, "start"), (5, "complete"))) == [(None, 0, None), (2, 5, 3)]


def test_a_start_at_the_time_of_its_end_comes_before_it() -> None:
    assert spans(rows((0, "complete"), (0, "start"))) == [(0, 0, 0)]


def test_a_start_without_an_end_was_not_done_and_is_counted() -> None:
    process = rows((0, "start"), (3, "complete"), (4, "start"))
    assert spans(process) == [(0, 3, 3)]
    assert list_lifecycle_problems(process).select("problem", "times", "share").rows() == [
        ("started, never completed", 1, 0.5)
    ]


def test_an_aborted_activity_uses_up_its_start_and_is_counted() -> None:
    process = rows((0, "start"), (3, "ate_abort"), (4, "start"), (6, "complete"))
    assert spans(process) == [(4, 6, 2)]
    assert list_lifecycle_problems(process)["problem"].to_list() == ["aborted"]


def test_a_log_that_records_no_starts_lacks_none() -> None:
    assert list_lifecycle_problems(rows((0, "complete"), (1, "complete"))).is_empty()


def test_every_problem_is_listed_with_its_consequence() -> None:
    process = rows((0, "complete"), (1, "dance"), (2, "start"), (3, "withdraw"), (4, "start"))
    listed = list_lifecycle_problems(process)
    assert set(listed["problem"]) == {
        "aborted",
        "completed, never started",
        "started, never completed",
        "unknown transition",
    }
    assert listed["consequence"].null_count() == 0


def test_time_suspended_is_no_service_time() -> None:
    process = rows((0, "start"), (2, "suspend"), (6, "resume"), (8, "suspend"), (9, "complete"))
    assert spans(process) == [(0, 9, 4)]


def test_suspensions_outside_an_activity_count_for_none() -> None:
    assert spans(rows((0, "suspend"), (1, "resume"), (2, "start"), (4, "complete"), (5, "suspend"))) == [(2, 4, 2)]


def test_states_that_are_no_lifecycle_leave_every_row() -> None:
    assert pair_lifecycles(rows((0, "new"), (1, "open"))).height == 2


def test_a_log_without_lifecycle_stays_as_it_is() -> None:
    process = rows((0, "x")).drop("lifecycle")
    assert_frame_equal(pair_lifecycles(process), process)
    assert list_lifecycle_problems(process).is_empty()


def test_files_with_lifecycles_are_read_as_activities(tmp_path: Path) -> None:
    lines = ["case,activity,time,lifecycle:transition,resource"]
    lines += [
        f"c,Approve,2026-03-02T08:0{n}:00Z,{word},p_1" for n, word in enumerate(("schedule", "start", "COMPLETE"))
    ]
    (tmp_path / "log.csv").write_text("\n".join(lines))
    log = read_process_log(tmp_path / "log.csv")
    assert log.select("start_timestamp", "service_seconds").row(0) == (START + timedelta(minutes=1), 60.0)
    assert read_process_log(tmp_path / "log.csv", pair=False)["lifecycle"].to_list() == [
        "schedule",
        "start",
        "COMPLETE",
    ]


def test_waiting_and_service_add_up_to_what_elapsed() -> None:
    first = rows((0, "start"), (10, "complete")).with_columns(activity=pl.lit("Enter"))
    second = rows((25, "start"), (30, "complete"))
    timed = time_steps(pl.concat([first, second]))
    assert timed.select("elapsed_seconds", "waiting_seconds", "service_seconds").rows() == [
        (None, None, 600.0), (1200.0, 900.0, 300.0),
    ]  # fmt: skip


@quick
@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["start", "complete", "suspend", "resume", "ate_abort", "schedule"]),
                          st.sampled_from(["p_1", "p_2", None])), min_size=1, max_size=14))  # fmt: skip
def test_pairing_loses_no_completion_and_uses_no_start_twice(given_rows: list[tuple[Any, ...]]) -> None:
    process = rows(*given_rows)
    if "complete" not in process["lifecycle"]:
        return
    paired = pair_lifecycles(process)
    assert paired.height == (process["lifecycle"] == "complete").sum()
    started = paired.drop_nulls("start_timestamp")
    assert (started["start_timestamp"] <= started["timestamp"]).all()
    assert (started["service_seconds"] >= 0).all()
    counted = {row["problem"]: row["times"] for row in list_lifecycle_problems(process).iter_rows(named=True)}
    if "start" in process["lifecycle"]:
        assert counted.get("completed, never started", 0) == paired["start_timestamp"].null_count()
    uses = process.filter(pl.col("lifecycle") == "start")["timestamp"].value_counts()
    taken = started["start_timestamp"].value_counts(name="n").join(
        uses, left_on="start_timestamp", right_on="timestamp", how="left"
    )  # fmt: skip
    assert (taken["n"] <= taken["count"]).all()


@quick
@given(st.permutations(range(6)))
def test_pairing_does_not_depend_on_the_order_of_rows(order: list[int]) -> None:
    process = rows(
        (0, "start", "p_1"),
        (1, "start", "p_2"),
        (2, "suspend"),
        (3, "resume"),
        (5, "complete", "p_2"),
        (9, "complete", "p_1"),
    )
    assert_frame_equal(pair_lifecycles(process[order]), pair_lifecycles(process))
