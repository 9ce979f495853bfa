"""Every foreign format: read whole or refused in one sentence, content out, each row and column accounted for."""

from __future__ import annotations

import ast
import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from taskkit.errors import ContractError, LogFileError, SettingError, TaskkitError
from taskkit.log import (
    IMPORTERS,
    csv_files,
    from_table,
    guess_columns,
    import_log,
    list_formats,
    read_log,
    read_metadata,
    scan_log,
    write_log,
)
from taskkit.log.foreign import ROWS as ABOUT_ROWS
from taskkit.log.foreign import Importer
from taskkit.log.readings import Reading
from taskkit.schema import check
from tests.frames import make_events

KEY = b"k" * 32
CANARY = "Canary-4711"
QUIET = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SMART = {"timestamp": "2026-03-02T08:00:01Z", "user": "ada", "category": "Browser", "application": "Chrome",
         "event_type": "changeField", "browser_url": "https://a.example/x"}  # fmt: skip
CELONIS = {"Id": 1, "TimestampUTC": datetime(2026, 3, 2, 8), "TimestampLocal": datetime(2026, 3, 2, 9), "SystemUser": "ada",
           "EventType": "Left-click", "ProcessName": "EXCEL.EXE", "ProcessId": 77, "SessionId": "3", "UserId": "u1"}  # fmt: skip
LOGGER = {"timeStamp": "2026-03-02T08:00:01Z", "userID": "ada", "targetApp": "Chrome", "eventType": "copy",
          "content": CANARY}  # fmt: skip
OFFICE = {"StepId": "0", "RecordingId": "R1", "TimeStamp": "2026-03-02T08:00:01Z", "StepName": "Populate text field in window",
          "StepDescription": f"Edit 'To' in Window 'Mail'; Text:'{CANARY}'", "ApplicationProcessName": "chrome",
          "ApplicationParentWindowName": "Mail"}  # fmt: skip
TABLE = {"When": "2026-03-02T08:00:01Z", "Login": "ada", "Program": "erp", "Action": "Entered text", "Text": CANARY}
# one or two rows of every format, with content in them
SMALL: dict[str, list[dict[str, Any]]] = {
    "action_logger": [LOGGER, LOGGER | {"eventType": "paste", "timeStamp": "2026-03-02T08:00:04Z"}],
    "smartrpa": [SMART | {"tag_value": CANARY}, SMART | {"event_type": "paste", "clipboard_content": CANARY}],
    "office_recordings": [OFFICE, OFFICE | {"StepId": "1"}],
    "celonis": [CELONIS | {"EventType": "Entered text", "EnteredText": CANARY}, CELONIS | {"ClipboardText": CANARY}],
    "table": [TABLE, TABLE | {"Action": "Paste"}],
}


def _write(path: Path, rows: list[dict[str, Any]], *, separator: str = ",") -> Path:
    """The rows as a CSV or Parquet file, whatever its name says; missing cells are empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".parquet":
        pl.DataFrame([{name: row.get(name) for name in names} for row in rows], infer_schema_length=None).write_parquet(
            path
        )
        return path
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), newline="", encoding="utf-8")
    return path


def _span(minute: str, seconds: float, **data: Any) -> dict[str, Any]:
    return {"id": 1, "timestamp": f"2026-03-02T08:{minute}+00:00", "duration": seconds, "data": data}


def _bucket(kind: str, *events: dict[str, Any], host: str = "ada-pc", name: str = "") -> dict[str, Any]:
    return {"id": name or f"aw-{kind}_{host}", "created": "2026-01-01T00:00:00Z", "name": None, "type": kind,
            "client": "aw-watcher", "hostname": host, "data": {}, "events": list(events)}  # fmt: skip


def _export(path: Path, *buckets: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"buckets": {bucket["id"]: bucket for bucket in buckets}}), encoding="utf-8")
    return path


WINDOWS = _bucket("currentwindow", _span("10:00", 30, app="EXCEL.EXE", title="b.xlsx"),
                  _span("06:00", 60, app="chrome.exe", title=CANARY), _span("05:00", 60, app="chrome.exe", title="Mail"),
                  _span("00:05", 20, app="EXCEL.EXE", title="b.xlsx"),
                  _span("00:00", 10, app="EXCEL.EXE", title="b.xlsx"))  # fmt: skip
ABSENCES = _bucket("afkstatus", _span("09:00", 30, status="not-afk"), _span("07:00", 120, status="afk"))
TABS = _bucket("web.tab.current", _span("06:10", 20, url=f"https://{CANARY}.example", title=CANARY, incognito=True),
               _span("04:50", 50, url=f"https://mail.example/inbox?id={CANARY}", title="Mail", incognito=False),
               _span("01:00", 60, url="https://behind.example", title="Behind", incognito=False),
               host="unknown", name="aw-watcher-web-chrome")  # fmt: skip
KEYS = _bucket("os.hid.input", _span("01:00", 1, presses=3, clicks=1))


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return _export(tmp_path / "aw.json", WINDOWS, ABSENCES, TABS, KEYS)


def _file(folder: Path, name: str) -> Path:
    if name == "activitywatch":
        return _export(folder / "log.json", WINDOWS, ABSENCES, TABS, KEYS)
    return _write(folder / "log.csv", SMALL[name])


def _read(file: Path, name: str, **settings: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    return import_log(file, format="table" if name == "table" else None, **settings)


# ---------------------------------------------------------------------------------------------------- every importer
@pytest.mark.parametrize("name", IMPORTERS)
def test_rows_and_columns_are_accounted_for(tmp_path: Path, name: str) -> None:
    file = _file(tmp_path, name)
    events, report = _read(file, name)
    rows = report.filter(pl.col("column") == ABOUT_ROWS).group_by("outcome").agg(pl.col("rows").sum())
    count = dict(rows.iter_rows())
    source = 11 if name == "activitywatch" else len(SMALL[name])
    if count:
        assert count["mapped"] + count.get("split", 0) + count["dropped"] == source
    assert events.height == (count["mapped"] + 2 * count.get("split", 0) if count else source)
    assert report["reason"].str.len_chars().min() is not None
    assert check(events).is_empty()


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("name", IMPORTERS)
def test_content_is_a_digest_unless_it_is_asked_for(tmp_path: Path, name: str, keep: bool) -> None:
    events, _ = _read(_file(tmp_path, name), name, keep_values=keep, key=KEY)
    shown = CANARY.lower() in events.write_json().lower()
    assert shown is (keep and name != "activitywatch")
    if name != "activitywatch":
        assert events["value_length"].drop_nulls().to_list() == [len(CANARY)] * 2
        assert events["value_digest"].drop_nulls().n_unique() == 1


@pytest.mark.parametrize("name", ["smartrpa", "celonis"])
def test_passwords_never_enter(tmp_path: Path, name: str) -> None:
    entered = {"EventType": "Entered text", "EnteredText": "S3cret!"}
    secret = {"smartrpa": SMART | {"tag_type": "password", "tag_value": "S3cret!", "tag_title": "S3cret!"},
              "celonis": CELONIS | entered | {"TargetElementType": "password"}}  # fmt: skip
    copied = {"smartrpa": SMART | {"event_type": "copy", "clipboard_content": "S3cret!"},
              "celonis": CELONIS | {"EventType": "Copy to clipboard", "ClipboardText": "S3cret!"}}  # fmt: skip
    file = _write(tmp_path / "log.csv", [*SMALL[name], secret[name], copied[name]])
    events, report = import_log(file, keep_values=True)
    assert "S3cret!" not in events.write_json()
    assert events["value_digest"].null_count() == 2
    assert "2 rows with a password are emptied" in " ".join(report["reason"])


@pytest.mark.parametrize("name", ["action_logger", "table"])
def test_passwords_of_simpler_formats_never_enter(tmp_path: Path, name: str) -> None:
    row = {"action_logger": LOGGER | {"eventType": "paste", "target.type": "password"},
           "table": TABLE | {"Control type": "Password box"}}[name]  # fmt: skip
    events, _ = _read(_write(tmp_path / "log.csv", [row]), name, keep_values=True)
    assert CANARY not in events.write_json()
    assert events["value_digest"].to_list() == [None]


@pytest.mark.parametrize("name", [name for name in IMPORTERS if name != "table"])
def test_the_format_is_told_with_its_evidence(tmp_path: Path, name: str) -> None:
    file = _file(tmp_path, name)
    formats = list_formats(file)
    assert set(formats["format"]) == set(IMPORTERS)
    assert formats.filter("chosen")["format"].to_list() == [name]
    assert formats.filter("chosen").select("score", pl.col("missing").list.len()).row(0) == (1.0, 0)
    assert read_metadata(file)["evidence"] == f"Taken for {name}: it has {IMPORTERS[name].evidence(_header(file))}."


def _header(file: Path) -> list[str]:
    return import_log(file)[1]["column"].to_list()


@pytest.mark.parametrize("name", SMALL)
def test_parquet_gives_what_csv_gives(tmp_path: Path, name: str) -> None:
    texts = [{column: str(value) for column, value in row.items()} for row in SMALL[name]]
    table = _read(_write(tmp_path / "log.csv", texts), name, key=KEY)[0]
    assert_frame_equal(_read(_write(tmp_path / "log.parquet", SMALL[name]), name, key=KEY)[0], table)


@pytest.mark.parametrize("name", SMALL)
def test_two_hundred_columns_more_change_nothing(tmp_path: Path, name: str) -> None:
    wide = [row | {f"extra{n}": CANARY for n in range(200)} for row in SMALL[name]]
    events, report = _read(_write(tmp_path / "wide.csv", wide), name, key=KEY)
    assert_frame_equal(events, _read(_file(tmp_path, name), name, key=KEY)[0])
    extra = report.filter(pl.col("column").str.starts_with("extra"))
    assert extra["outcome"].to_list() == ["dropped"] * 200


@pytest.mark.parametrize("name", IMPORTERS)
def test_mixed_time_zones_are_told(tmp_path: Path, name: str) -> None:
    file = _file(tmp_path, name)
    text = file.read_text()
    place = text.index("2026-03-02T08:") + len("2026-03-02T08:00:01") if name != "celonis" else 0
    if name == "activitywatch":
        text = text.replace("+00:00", "", 1)
    elif name == "celonis":
        text = text.replace("2026-03-02 08:00:00", "2026-03-02T08:00:00Z", 1)
    else:
        text = text[:place] + text[place:].replace("Z", "", 1)
    file.write_text(text)
    reasons = _read(file, name)[1]["reason"]
    total = 11 if name == "activitywatch" else 2
    assert any(f"1 of {total} rows state no time zone and are read as UTC" in reason for reason in reasons)


FLAWS = [
    '"',
    ",",
    "\n",
    '"\n',
    "\r\n",
    "\0",
    "\ufeff",
    ";",
    "{",
    "}",
    "]",
    "é",
    "9" * 30,
    "\\",
    "\\ud800",
    "null",
    "NaN",
]


@QUIET
@given(data=st.data())
@pytest.mark.parametrize("name", IMPORTERS)
def test_a_random_flaw_is_read_whole_or_refused(tmp_path: Path, name: str, data: st.DataObject) -> None:
    text = _file(tmp_path, name).read_text()
    place, cut = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 30))
    flawed = text[:place] + data.draw(st.sampled_from(FLAWS)) + text[place + cut :]
    events = _is_correct_or_refused(tmp_path / "flawed.csv", flawed.encode(), name)
    structured = name not in ("activitywatch", "office_recordings")  # their flaws can move content into titles
    assert events is None or not structured or CANARY.lower() not in events.write_json().lower()


@QUIET
@given(data=st.data())
@pytest.mark.parametrize("name", SMALL)
def test_a_damaged_parquet_file_is_read_whole_or_refused(tmp_path: Path, name: str, data: st.DataObject) -> None:
    whole = bytearray(_write(tmp_path / "whole.parquet", SMALL[name]).read_bytes())
    if data.draw(st.booleans()):
        del whole[data.draw(st.integers(0, len(whole) - 1)) :]
    else:
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    _is_correct_or_refused(tmp_path / "flawed.parquet", bytes(whole), name)


@pytest.mark.parametrize("own", [False, True])
def test_no_flipped_byte_of_a_parquet_file_gets_past_as_another_exception(tmp_path: Path, own: bool) -> None:
    file = tmp_path / "flawed.parquet"
    write_log(make_events(["a", "b"]), file) if own else _write(file, SMALL["celonis"])
    whole, outcomes = file.read_bytes(), set()
    for place in range(0, len(whole), 11):  # some of these make the reader of Parquet panic
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        try:
            outcomes.add(check(read_log(file)).is_empty())
        except TaskkitError:
            outcomes.add(TaskkitError)
    assert outcomes == {True, TaskkitError}


CELLS = st.sampled_from(["", " ", "x", "2026-03-02T08:00:00Z", "2026-03-02 08:00", "0001-01-01", "9999-12-31T23:59:59Z",
                         "1772438400", "1e400", "-5", "true", "a\nb", 'q"q', "a,b;c\td", "NaN", "漢字", CANARY,
                         "x" * 300])  # fmt: skip


@QUIET
@given(data=st.data())
@pytest.mark.parametrize("name", SMALL)
def test_any_cells_in_known_columns_are_read_whole_or_refused(tmp_path: Path, name: str, data: st.DataObject) -> None:
    names = list(dict.fromkeys(column for row in SMALL[name] for column in row))
    names = data.draw(st.permutations(names))[data.draw(st.integers(0, 2)) :]
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, CELLS)), min_size=1, max_size=6))
    rows = [row | SMALL[name][0] if data.draw(st.booleans()) else row for row in rows]
    file = _write(tmp_path / "cells.csv", rows, separator=data.draw(st.sampled_from([",", ";", "\t"])))
    events = _is_correct_or_refused(file, file.read_bytes(), name)
    filled = [row for row in rows if any(row.values())]
    assert events is None or events.height == len(filled)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
SPANS = st.fixed_dictionaries(
    {"timestamp": st.sampled_from(["2026-03-02T08:00:00Z", "2026-03-02T08:00:30+01:00", "9999-12-31T23:59:59Z"]) | JSON,
     "duration": st.floats(-10, 1e9) | JSON},
    optional={"data": st.fixed_dictionaries({}, optional={"app": JSON, "title": st.just(CANARY), "status": st.just("afk"),
                                                          "incognito": st.just(True), "url": JSON})},
)  # fmt: skip


@QUIET
@given(st.lists(st.tuples(st.sampled_from(["currentwindow", "afkstatus", "web.tab.current", "x"]), st.lists(SPANS, max_size=5)),
                min_size=1, max_size=4))  # fmt: skip
def test_any_export_is_read_whole_or_refused(tmp_path: Path, buckets: list[Any]) -> None:
    made = [_bucket(kind, *spans, name=f"b{n}") for n, (kind, spans) in enumerate(buckets)]
    _is_correct_or_refused(_export(tmp_path / "any.json", *made), (tmp_path / "any.json").read_bytes(), "activitywatch")


def _is_correct_or_refused(file: Path, content: bytes, name: str) -> pl.DataFrame | None:
    """The events if the file can be read, and then they keep their contract; None where one clear error says why not."""
    file.write_bytes(content)
    said = ""
    try:
        events, report = _read(file, name, key=KEY)
    except TaskkitError as error:
        said = str(error)
    if said:
        assert file.name in said
        return None
    assert check(events).is_empty()
    assert report.height >= 1
    assert events["value"].null_count() == events.height
    return events


def test_an_importer_that_loses_rows_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(table: pl.DataFrame, *, where: str, columns: Any) -> Reading:
        return Reading(from_table(table.head(1), columns={"timestamp": "timeStamp"}), {})

    file = _file(tmp_path, "action_logger")
    monkeypatch.setitem(IMPORTERS, "action_logger", Importer("x", IMPORTERS["action_logger"].needs, forgetful))
    with pytest.raises(LogFileError, match="1 are unaccounted for"):
        import_log(file)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "MAX_BYTES", 100)
    for name in ("action_logger", "activitywatch"):
        with pytest.raises(LogFileError, match="Export it in parts"):
            import_log(_file(tmp_path, name))
    with pytest.raises(LogFileError, match="Export it in parts"):
        import_log(_write(tmp_path / "log.parquet", SMALL["celonis"]))


def test_a_zero_byte_far_behind_is_refused(tmp_path: Path) -> None:
    file = _write(tmp_path / "log.csv", SMALL["action_logger"] * 2000)
    file.write_bytes(file.read_bytes() + b"2026-03-02T08:00:05Z,ada,Chrome,copy,a\0b\r\n")
    with pytest.raises(LogFileError, match=r"line 4002 is NUL"):
        import_log(file)


# ---------------------------------------------------------------------------------------------------------- smartRPA
def _smart(tmp_path: Path, *rows: dict[str, str], **settings: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    whole = [SMART | {"timestamp": f"2026-03-02 08:00:{n:02d}:5"} | row for n, row in enumerate(rows)]
    return import_log(_write(tmp_path / "smart.csv", whole), **settings)


def test_foreign_event_names_of_smartrpa_become_types(tmp_path: Path) -> None:
    names = {"changeField": "text_input", "clickTextField": "click", "mouseClick": "click", "doubleClick": "double_click",
             "contextMenu": "right_click", "link": "navigate", "typed": "navigate", "selectTab": "window_focus",
             "newTab": "window_focus", "openWorkbook": "window_focus", "editCell": "text_input", "getCell": "other",
             "created": "other", "deleted": "other", "moved": "other", "openFile": "other", "programOpen": "other",
             "copy": "copy", "paste": "paste", "cut": "cut", "WorksheetActivated": "window_focus"}  # fmt: skip
    events, _ = _smart(tmp_path, *({"event_type": name} for name in names))
    assert dict(events.select("event_name", pl.col("event_type").cast(pl.String)).iter_rows()) == names


def test_hotkeys_are_named_by_their_keys(tmp_path: Path) -> None:
    events, _ = _smart(
        tmp_path, *({"event_type": "hotkey", "id": keys} for keys in ("ctrl+c", "Ctrl + V", "ctrl+shift+c"))
    )
    assert events["event_type"].to_list() == ["copy", "paste", "shortcut"]
    assert events["event_name"].to_list() == ["hotkey ctrl+c", "hotkey Ctrl + V", "hotkey ctrl+shift+c"]


def test_times_with_a_colon_before_the_milliseconds_are_read(tmp_path: Path) -> None:
    events, report = _smart(tmp_path, {}, {})
    assert events["timestamp"].dt.microsecond().to_list() == [500_000] * 2
    assert "2 of 2 rows state no time zone" in report.filter(pl.col("column") == "timestamp")["reason"][0]


@pytest.mark.parametrize(
    ("path", "name"),
    [("C:\\Users\\Ada Lovelace\\x\\bill.pdf", "bill.pdf"), ("/home/ada/bill.pdf", "bill.pdf"), ("/Users/ada/", "[user_folder]"),
     ("C:\\Users\\Ada Lovelace", "[user_folder]"), ("/home/ada/ada@example.org.txt", "[email]"), ("bill.pdf", "bill.pdf")],
)  # fmt: skip
def test_of_a_path_only_the_file_name_enters(tmp_path: Path, path: str, name: str) -> None:
    events, _ = _smart(tmp_path, {"event_type": "created", "application": "Explorer", "event_src_path": path})
    assert events["element_name"].to_list() == [name]
    assert "lovelace" not in events.write_json().lower()


def test_private_windows_are_left_out_and_counted(tmp_path: Path) -> None:
    events, report = _smart(tmp_path, {}, {"event_type": "newWindow", "window_ingognito": "true", "title": CANARY})
    assert events.height == 1
    assert report.filter(column=ABOUT_ROWS, outcome="dropped").select("rows", "reason").row(0) == (
        1, "rows of a private (incognito) window",
    )  # fmt: skip


def test_older_smartrpa_files_are_known_by_their_process_mining_names(tmp_path: Path) -> None:
    row = {"case:concept:name": "7", "time:timestamp": "2026-03-02 08:00:00", "org:resource": "ada", "category": "Browser",
           "application": "Chrome", "concept:name": "changeField", "browser_url": "https://a.example",
           "tag_value": CANARY}  # fmt: skip
    events, report = import_log(_write(tmp_path / "old.csv", [row]))
    assert events.select("case_ref", "event_type", "value_length").row(0) == ("7", "text_input", len(CANARY))
    assert report.filter(pl.col("reason").str.contains("not part of the format")).is_empty()


def test_a_clipboard_row_takes_the_program_in_front_not_the_watcher_of_files(tmp_path: Path) -> None:
    file = {"event_type": "created", "application": "Explorer", "event_src_path": "/x/y"}
    clip = {"event_type": "copy", "application": "Clipboard", "clipboard_content": "z", "user": ""}
    events, _ = _smart(tmp_path, {"application": "Excel"}, file, clip)
    assert events["app"].to_list() == ["Excel", "Explorer", "Excel"]


def test_a_clipboard_row_takes_window_and_element_of_the_cell_before(tmp_path: Path) -> None:
    cell = {"timestamp": "2026-03-02 08:00:01", "event_type": "getCell", "application": "Excel", "workbook": "/home/ada/b.xlsx",
            "current_worksheet": "S", "cell_range": "A2"}  # fmt: skip
    file = {"timestamp": "2026-03-02 08:00:01.5", "event_type": "created", "application": "Explorer",
            "event_src_path": "/x/y"}  # fmt: skip
    clip = {"event_type": "copy", "application": "Clipboard", "clipboard_content": "z", "user": "", "browser_url": ""}
    late = clip | {"timestamp": "2026-03-02 08:00:02.001"}
    events, report = _smart(tmp_path, cell, file, clip | {"timestamp": "2026-03-02 08:00:02"}, late)
    copies = events.filter(pl.col("event_type") == "copy").select("app", "window_title", "element_name", "element_role")
    assert copies.rows() == [("Excel", "b.xlsx | S", "A2", "cell"), ("Excel", None, None, None)]
    assert "1 take the program of a row that is further away" in report.filter(column="application")["reason"][0]


def test_a_copy_at_a_password_field_of_smartrpa_is_a_password(tmp_path: Path) -> None:
    field = {"timestamp": "2026-03-02 08:00:01", "event_type": "clickTextField", "tag_type": "password"}
    clip = {"timestamp": "2026-03-02 08:00:02", "event_type": "copy", "application": "Clipboard", "browser_url": ""}
    events, _ = _smart(tmp_path, field, clip | {"clipboard_content": CANARY}, keep_values=True)
    assert events["element_role"].to_list() == ["password"] * 2
    assert CANARY not in events.write_json()


def test_of_a_workbook_only_the_file_name_enters_the_title(tmp_path: Path) -> None:
    books = ["C:\\Bills of Ada Lovelace\\b.xlsx", "b.xlsx", "https://x.example/ada/b.xlsx"]
    events, _ = _smart(tmp_path, *({"application": "Excel", "workbook": book} for book in books))
    assert events["window_title"].to_list() == ["b.xlsx"] * 3


def test_a_button_of_smartrpa_keeps_its_label_without_category(tmp_path: Path) -> None:
    button = {"event_type": "clickButton", "tag_innerText": "Send"}
    events, _ = _smart(tmp_path, button, button | {"tag_category": "TD"}, button | {"event_type": "click"})
    assert events["element_name"].to_list() == ["Send", None, None]


# ----------------------------------------------------------------------------------------------------------- Celonis
def _client(tmp_path: Path, *rows: dict[str, Any], **settings: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    whole = [CELONIS | {"Id": n} | row for n, row in enumerate(rows)]
    return import_log(_write(tmp_path / "tm.parquet", whole), **settings)


def test_event_types_of_the_client_become_ours(tmp_path: Path) -> None:
    names = {"Active window changed": "window_focus", "Clipboard changed": "copy", "User comment": "comment",
             "Keyboard command": "shortcut", "Left-click": "click", "Right-click": "right_click",
             "Left double click": "double_click", "Mouse wheel (up)": "scroll", "Entered text": "text_input",
             "Activated tab": "window_focus", "Closed tab": "other", "Element changed": "text_input",
             "Copy to clipboard": "copy", "Cut to clipboard": "cut", "Paste from clipboard": "paste",
             "Task Mining Started": "session_start", "Task Mining Stopped": "session_end", "User Idle Started": "idle_start",
             "User Idle Ended": "idle_end", "Session Locked": "lock", "Session Unlocked": "unlock",
             "Session Disconnected": "lock", "Session Remote Connected": "unlock", "Alive": "alive",
             "Text selected": "other"}  # fmt: skip
    events, _ = _client(tmp_path, *({"EventType": name} for name in names))
    assert dict(events.select("event_name", pl.col("event_type").cast(pl.String)).iter_rows()) == names
    nobody = events.filter(pl.col("event_type").is_in(["alive", "lock", "idle_start", "session_end"]))
    assert nobody["app"].null_count() == nobody.height > 0


def test_local_time_gives_the_distance_to_utc(tmp_path: Path) -> None:
    local = [datetime(2026, 3, 2, 13, 30), datetime(2026, 3, 1, 22), datetime(2030, 1, 1), None]
    events, report = _client(tmp_path, *({"TimestampLocal": time} for time in local))
    assert events["utc_offset_minutes"].to_list() == [330, -600, None, None]
    assert events["timestamp"].unique().to_list() == [datetime(2026, 3, 2, 8, tzinfo=UTC)]
    assert "1 rows are no local time" in report.filter(column="TimestampLocal")["reason"][0]


def test_a_person_under_two_names_is_one(tmp_path: Path) -> None:
    events, _ = _client(
        tmp_path, {}, {"UserId": None}, {"UserId": None, "SystemUser": None}, {"UserId": "u2", "SystemUser": "bea"}
    )
    users = events.sort("event_type", "seq")["user"]
    assert users.value_counts()["count"].sort().to_list() == [1, 3]


def test_one_session_number_on_two_machines_is_two_sessions(tmp_path: Path) -> None:
    events, _ = _client(tmp_path, {"MachineName": "ada-pc"}, {"MachineName": "ADA-LAPTOP"}, {"MachineName": "ada-pc"})
    assert events["session_id"].value_counts().sort("session_id").rows() == [("3-1", 1), ("3-2", 2)]
    assert "ada" not in events.write_json().lower()


def test_columns_of_the_project_are_mapped_when_asked(tmp_path: Path) -> None:
    rows = ({"Custom1": "V-1", "Custom2": "x"}, {"Custom1": None, "Custom2": None})
    plain = _client(tmp_path, *rows)[1].filter(column="Custom1")
    events, report = _client(tmp_path, *rows, columns={"case_ref": "Custom1"})
    assert plain.select("mapped_to", "outcome").row(0) == (None, "dropped")
    assert events["case_ref"].to_list() == ["V-1", None]
    assert report.filter(column="Custom1").select("mapped_to", "outcome").row(0) == ("case_ref", "mapped")
    assert report.filter(column="Custom2")["outcome"].to_list() == ["dropped"]


def test_an_element_that_is_called_like_its_content_has_no_name(tmp_path: Path) -> None:
    events, report = _client(
        tmp_path, {"Name_UIAA": CANARY, "Value_UIAA": CANARY}, {"Name_UIAA": "Amount", "Value_UIAA": CANARY}
    )
    assert events["element_name"].to_list() == [None, "Amount"]
    assert "1 rows repeat a value" in report.filter(column="Name_UIAA")["reason"][0]


def test_equal_times_follow_the_client_s_numbers(tmp_path: Path) -> None:
    rows = [CELONIS | {"Id": n, "EventType": f"Custom {n}"} for n in (11, 9, 10)]
    events, _ = import_log(_write(tmp_path / "tm.csv", rows))
    assert events["event_name"].to_list() == ["Custom 9", "Custom 10", "Custom 11"]


def test_a_foreign_parquet_file_is_not_taken_for_our_own(tmp_path: Path) -> None:
    file = _write(tmp_path / "tm.parquet", SMALL["celonis"])
    assert read_log(file).height == 2
    assert read_metadata(file)["format"] == "celonis"
    with pytest.raises(LogFileError, match="no Parquet log of taskkit"):
        scan_log(file)


# ----------------------------------------------------------------------------------------------------- ActivityWatch
def _aw(tmp_path: Path, *buckets: dict[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    return import_log(_export(tmp_path / "aw.json", *buckets), key=KEY)


def _dropped(report: pl.DataFrame) -> dict[str, int]:
    return dict(report.filter(column=ABOUT_ROWS, outcome="dropped").select("reason", "rows").iter_rows())


def test_an_export_becomes_windows_tabs_and_absences_in_order(export: Path) -> None:
    events, _ = import_log(export)
    minute, kind = pl.col("timestamp").dt.strftime("%M:%S"), pl.col("event_type").cast(pl.String)
    assert events.select(minute, kind, "app", "duration_ms").rows() == [
        ("00:00", "window_focus", "EXCEL", 25_000), ("05:00", "window_focus", "chrome", 60_000),
        ("05:00", "navigate", "chrome", 50_000), ("06:00", "window_focus", "chrome", 60_000),
        ("07:00", "idle_start", None, None), ("09:00", "idle_end", None, None), ("10:00", "window_focus", "EXCEL", 30_000),
    ]  # fmt: skip
    assert events["url"].drop_nulls().to_list() == ["https://mail.example/inbox"]
    assert events["user"].unique().to_list() == ["p_unknown"]


def test_private_tabs_leave_nothing_but_their_number(export: Path) -> None:
    events, report = import_log(export, keep_values=True)
    assert CANARY.lower() not in events.write_json().lower()
    assert _dropped(report)["rows of a private (incognito) window or tab"] == 1
    assert "1 titles of windows" in report.filter(column="data.title")["reason"][0]


def test_a_private_window_is_known_by_its_title(tmp_path: Path) -> None:
    spans = [_span("00:00", 5, app=app, title=f"{CANARY} {mark}") for app, mark in
             [("firefox", "— Mozilla Firefox Private Browsing"), ("msedge.exe", "- [InPrivate]"),
              ("Google Chrome", "(Incognito)")]]  # fmt: skip
    letter = _span("00:09", 5, app="WINWORD.EXE", title="Private browsing at work")
    events, report = _aw(tmp_path, _bucket("currentwindow", *spans, letter))
    assert events["window_title"].to_list() == ["Private browsing at work"]
    assert _dropped(report)["rows of a private (incognito) window or tab"] == 3


def test_tabs_behind_another_program_and_plain_counts_are_dropped_and_counted(export: Path) -> None:
    dropped = _dropped(import_log(export)[1])
    assert dropped["tabs while their browser was not in front"] == 1
    assert dropped["counts of keys, clicks and scrolling, which are no single events"] == 1
    assert dropped["heartbeats that go on with the row before them"] == 1
    reasons = dict(import_log(export)[1].select("column", "reason").iter_rows())
    assert "3 in all" in reasons["data.presses"]
    assert dropped["spans of presence: between two absences the person was there"] == 1


def test_overlapping_windows_end_where_the_next_begins(tmp_path: Path) -> None:
    spans = [
        _span("00:00", 60, app="a", title="x"),
        _span("00:10", 0, app="b", title="y"),
        _span("00:20", 5, app="a", title="x"),
    ]
    events, _ = _aw(tmp_path, _bucket("currentwindow", *spans))
    assert events["duration_ms"].to_list() == [10_000, 0, 5_000]


def test_every_machine_is_a_session_and_is_not_named(tmp_path: Path) -> None:
    two = [_bucket("currentwindow", _span("00:00", 1, app="a", title="x"), host=host) for host in ("ada-pc", "bea-pc")]
    events, _ = _aw(tmp_path, *two)
    assert events["session_id"].n_unique() == 2
    assert events["session_id"].str.contains(r"^s_[0-9a-f]{12}$").all()


def test_without_windows_a_tab_belongs_to_the_browser_of_its_bucket(tmp_path: Path) -> None:
    bucket = _bucket(
        "web.tab.current", _span("00:00", 5, url="https://a.example/x", title="A"), name="aw-watcher-web-firefox"
    )
    assert _aw(tmp_path, bucket)[0].select("app", "url").row(0) == ("firefox", "https://a.example/x")


def test_the_order_of_the_export_does_not_matter(tmp_path: Path) -> None:
    turned = [bucket | {"events": bucket["events"][::-1]} for bucket in (KEYS, TABS, WINDOWS, ABSENCES)]
    straight = _aw(tmp_path, WINDOWS, ABSENCES, TABS, KEYS)[0]
    assert_frame_equal(_aw(tmp_path, *turned)[0], straight)


def test_one_bucket_alone_is_read_and_may_be_given_a_person(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text("\ufeff" + json.dumps(WINDOWS), encoding="utf-8")
    events, _ = import_log(tmp_path / "one.json", user="ada", key=KEY)
    assert events.height == 4
    assert events["user"].str.contains(r"^p_[0-9a-f]{12}$").all()


BAD_JSON = {
    "deep": ("[" * 200_000, "nested too deeply"),
    "cut off": ('{"buckets": {"a": {"type": "x", "events": [{"timesta', "no JSON.*cut off"),
    "huge number": ('{"buckets": {"a": {"events": [{"timestamp": 1' + "1" * 5000 + "}]}}}", "cannot be read as JSON"),
    "no number": ('{"buckets": {"a": {"type": "x", "events": [{"timestamp": NaN}]}}}', "NaN is no number"),
    "name twice": ('{"buckets": {"a": {"events": []}, "a": {"events": []}}}', "names 'a' more than once"),
    "other form": ('{"hello": [1, 2]}', "no log of a known form"),
    "a list": ("[1, 2]", "no log of a known form"),
    "events are texts": ('{"buckets": {"a": {"events": ["x"]}}}', "no log of a known form"),
    "no events": ('{"buckets": {"a": {"type": "currentwindow", "events": []}}}', "no events"),
    "nothing of use": (json.dumps({"buckets": {"a": KEYS}}), "none of them is an event.*1: counts of keys"),
    "no duration": (json.dumps({"buckets": {"a": _bucket("currentwindow", _span("00:00", "long"))}}), "no number in 1 of 1"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_JSON)
def test_bad_json_is_one_clear_error(tmp_path: Path, kind: str) -> None:
    content, said = BAD_JSON[kind]
    (tmp_path / "log.json").write_text(content)
    with pytest.raises(TaskkitError, match=f"(?s){said}") as caught:
        read_log(tmp_path / "log.json")
    assert "log.json" in str(caught.value)


# --------------------------------------------------------------------------------------------------------- any table
def test_columns_are_guessed_by_name_and_values() -> None:
    frame = pl.DataFrame({"Time": ["soon"], "Created at": ["2026-03-02 08:00"], "User Name": ["ada"], "Window": ["Mail"],
                          "Seq": [1.5], "colour": ["red"]})  # fmt: skip
    guesses = guess_columns(frame)
    assert guesses.select("contract", "column").rows() == [
        ("user", "User Name"), ("timestamp", "Created at"), ("window_title", "Window"),
    ]  # fmt: skip
    assert guesses["evidence"].to_list()[1] == "its name says so; 1 values are times"


def test_a_time_column_of_any_name_is_found_by_its_values() -> None:
    guesses = guess_columns(pl.DataFrame({"note": ["a", "b"], "moment": ["2026-03-02T08:00", "2026-03-02T09:00"]}))
    assert guesses.filter(contract="timestamp").select("column", pl.col("evidence").str.head(21)).row(0) == (
        "moment", "its name says nothing",
    )  # fmt: skip


def test_an_unknown_header_is_an_error_with_the_guess_ready_to_paste(tmp_path: Path) -> None:
    for file in (_write(tmp_path / "t.csv", SMALL["table"]), _write(tmp_path / "t.parquet", SMALL["table"])):
        with pytest.raises(TaskkitError) as caught:
            read_log(file)
        found = str(caught.value).partition("columns=")[2].partition("}")[0] + "}"
        assert read_log(file, columns=ast.literal_eval(found)).height == 2


def test_a_mapping_reads_any_table_and_is_reported(tmp_path: Path) -> None:
    file = _write(tmp_path / "t.csv", SMALL["table"])
    events, report = import_log(file, columns={"timestamp": "When", "app": "Program"})
    assert events["app"].to_list() == ["erp", "erp"]
    assert report.select("column", "mapped_to").rows() == [
        ("When", "timestamp"), ("Login", None), ("Program", "app"), ("Action", None), ("Text", None), ("(user)", "user"),
        ("(event_type)", "event_type"),
    ]  # fmt: skip


def test_guesses_are_stated_with_their_evidence(tmp_path: Path) -> None:
    report = import_log(_write(tmp_path / "t.csv", SMALL["table"]), format="table")[1]
    assert report.filter(column="Login").select("mapped_to", "reason").row(0) == (
        "user", "guessed: its name says so; 2 values are texts",
    )  # fmt: skip


def test_a_german_table_is_read_as_it_is(tmp_path: Path) -> None:
    rows = [{"Datum": "02.03.2026", "Zeitstempel": f"02.03.2026 08:1{n}", "Benutzername": "Jörg", "Anwendung": "SAP",
             "Fenstertitel": "Beleg", "Aktion": name, "Schaltfläche": "Prüfen", "Wert": CANARY}
            for n, name in enumerate(["Klick", "Einfügen", "Text eingegeben", "Fensterwechsel"])]  # fmt: skip
    file = _write(tmp_path / "t.csv", rows, separator=";")
    file.write_bytes(file.read_text(encoding="utf-8").encode("cp1252"))
    events, report = import_log(file, format="table")
    assert events["event_type"].to_list() == ["click", "paste", "text_input", "window_focus"]
    assert events["timestamp"][0] == datetime(2026, 3, 2, 8, 10, tzinfo=UTC)
    assert events.select("app", "window_title", "element_name").row(0) == ("SAP", "Beleg", "Prüfen")
    assert CANARY not in events.write_json()
    assert report.filter(column="(file)").select("rows", "outcome").row(0) == (4, "mapped")
    assert "read as cp1252" in report.filter(column="(file)")["reason"][0]


def test_utf8_is_read_without_a_word(tmp_path: Path) -> None:
    report = import_log(_write(tmp_path / "t.csv", [TABLE | {"Text": "ä"}]), format="table")[1]
    assert report.filter(pl.col("column").str.starts_with("(")).is_empty()


def test_a_date_alone_is_said_to_be_one() -> None:
    guesses = guess_columns(pl.DataFrame({"Datum": ["02.03.2026"]}))
    assert "dates without a time of day" in guesses["evidence"][0]


def test_a_file_that_names_nobody_says_so_until_a_person_is_given(tmp_path: Path) -> None:
    row = {name: text for name, text in TABLE.items() if name != "Login"}
    file = _write(tmp_path / "t.csv", [row, row])
    said = import_log(file, format="table")[1].filter(column="(user)")
    assert said.select("rows", "mapped_to", "outcome").row(0) == (2, "user", "mapped")
    assert said["reason"][0] == "the file names nobody; it counts as one person: give user="
    assert import_log(file, format="table", user="ada")[1].filter(column="(user)").is_empty()


def test_kinds_that_no_row_tells_are_reported(tmp_path: Path) -> None:
    file = _write(tmp_path / "t.csv", [TABLE | {"Action": "x"}] * 3)
    said = import_log(file, format="table")[1].filter(column="(event_type)")["reason"][0]
    assert said.startswith("3 of 3 rows: kind unknown; map event_type or event_name")


@pytest.mark.parametrize("frame", ["log.csv", Path("log.csv"), None, 3])
def test_what_is_no_frame_is_no_table_to_guess(frame: Any) -> None:
    with pytest.raises(ContractError, match=r"guess_columns was given a .*polars or pandas frame.*import_log"):
        guess_columns(frame)


def test_an_unknown_format_says_how_a_report_is_made_of_it(tmp_path: Path) -> None:
    with pytest.raises(LogFileError, match=r"tk\.write_log\(events, 'log\.parquet'\).*taskkit report log\.parquet"):
        read_log(_write(tmp_path / "t.csv", SMALL["table"]))


def test_the_cure_for_another_separator_can_be_run(tmp_path: Path) -> None:
    file = _write(tmp_path / "odd.csv", SMALL["table"], separator="|")
    with pytest.raises(
        LogFileError, match=r'separator="\|", encoding="utf8".*keeps names and values as they are'
    ) as caught:
        read_log(file)
    assert "pl.read_csv('odd.csv'" in str(caught.value)
    table = pl.read_csv(file, separator="|", encoding="utf8", infer_schema=False)
    table.write_parquet(tmp_path / "table.parquet")
    events = read_log(tmp_path / "table.parquet", columns={"timestamp": "When", "user": "Login"})
    assert events["user"].str.starts_with("p_").all()


def test_a_table_newest_first_is_put_in_order(tmp_path: Path) -> None:
    rows = [{"time": f"2026-03-02T08:00:0{s}Z", "action": name} for s, name in [(5, "d"), (3, "c"), (3, "b"), (1, "a")]]
    events, _ = import_log(_write(tmp_path / "t.csv", rows), format="table")
    assert events["event_name"].to_list() == ["a", "b", "c", "d"]


def test_digests_of_a_table_are_made_anew(tmp_path: Path) -> None:
    rows = [{"timestamp": "2026-03-02T08:00:01Z", "value_digest": CANARY, "value_length": "3", "x": "0.5"}]
    events, _ = import_log(_write(tmp_path / "t.csv", rows), format="table")
    assert events.select("value_length", "x").row(0) == (3, 0.5)
    assert events["value_digest"].str.contains(r"^[0-9a-f]{16}$").all()


def test_a_table_without_a_time_says_so(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"No column of .* tells a time"):
        import_log(_write(tmp_path / "t.csv", [{"a": "x", "b": "y"}]), format="table")


@pytest.mark.parametrize("columns", [["timestamp"], "timestamp", {"timestamp": 3}, {1: "When"}])
def test_a_mapping_that_is_none_says_what_is(tmp_path: Path, columns: Any) -> None:
    file = _write(tmp_path / "t.csv", SMALL["table"])
    for call in (lambda: read_log(file, columns=columns), lambda: from_table(pl.read_csv(file), columns=columns)):
        with pytest.raises(SettingError, match="no mapping"):
            call()


# ------------------------------------------------------------------------------------------------------ whole folders
@pytest.mark.parametrize("path", [None, 3, b"log.parquet", ["a", "b"]])
def test_what_is_no_path_is_one_clear_error(path: Any) -> None:
    for function in (read_log, scan_log, read_metadata, import_log, list_formats):
        with pytest.raises(LogFileError, match="is no path"):
            function(path)


def test_a_parquet_file_without_rows_is_refused_as_a_csv_file_is(tmp_path: Path) -> None:
    write_log(make_events(["a"]).clear(), tmp_path / "empty.parquet")
    with pytest.raises(LogFileError, match="no rows"):
        read_log(tmp_path / "empty.parquet")


def test_a_foreign_parquet_file_without_rows_is_refused(tmp_path: Path) -> None:
    pl.DataFrame([CELONIS]).clear().write_parquet(tmp_path / "tm.parquet")
    with pytest.raises(LogFileError, match="a header but no rows"):
        read_log(tmp_path / "tm.parquet")


def test_an_empty_file_among_others_is_counted(tmp_path: Path) -> None:
    write_log(make_events(["a"]).clear(), tmp_path / "1.parquet")
    write_log(make_events(["a"]), tmp_path / "2.parquet")
    assert read_log(tmp_path).height == 1
    assert read_metadata(tmp_path)["empty_files"] == "1 of 2"


@pytest.mark.parametrize("name", ["log.csv", "deeper/log.TSV", "export.json"])
def test_foreign_files_beside_our_own_are_not_passed_over(tmp_path: Path, name: str) -> None:
    write_log(make_events(["a"]), tmp_path / "1.parquet")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(json.dumps({"buckets": {}}))
    with pytest.raises(LogFileError, match=rf"1 that may be logs of another format: {name}"):
        read_log(tmp_path)
    assert read_log(str(tmp_path / "**/*.parquet")).height == 1


def test_files_that_are_no_logs_may_lie_beside(tmp_path: Path) -> None:
    write_log(make_events(["a"]), tmp_path / "1.parquet")
    (tmp_path / "README.md").write_text("about, this; folder")
    (tmp_path / "engagement.json").write_text('{"team": 5}')
    assert read_log(tmp_path).height == 1


# ------------------------------------------------------------------------------------------------------- text tables
def test_separators_at_the_end_of_every_row_are_a_habit_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(
        "timeStamp,userID,targetApp,eventType\n" + "2026-03-02T08:00:01Z,ada,Excel,copy,,\n" * 3
    )
    assert import_log(tmp_path / "log.csv")[0].height == 3


def test_a_separator_too_many_in_one_row_is_a_shift(tmp_path: Path) -> None:
    rows = [
        "timeStamp,userID,targetApp,eventType,url",
        "2026-03-02T08:00:01Z,ada,Excel,copy,",
        "2026-03-02T08:00:01Z,,ada,Excel,copy,",
    ]
    (tmp_path / "log.csv").write_text("\n".join(rows))
    with pytest.raises(LogFileError, match="line 3: 6 fields"):
        import_log(tmp_path / "log.csv")
