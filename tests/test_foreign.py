"""Importers of foreign logs: every row arrives, content does not, and what was left out is said."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from taskkit.errors import LogFileError, SettingError, TaskkitError
from taskkit.log import IMPORTERS, import_log, read_log, read_metadata
from taskkit.log.csv_files import read_text_table
from taskkit.log.descriptions import read_step
from taskkit.privacy import posture
from taskkit.schema import check

FOREIGN = Path(__file__).parents[2] / "shared/bench/foreign"
KEY = b"k" * 32
CANARY = "Canary-4711"
REAL = {"action_logger_student_record": 2409, "action_logger_reimbursement": 4591, "office50_recordings": 5718}
QUIET = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

LOGGER = ["timeStamp", "userID", "targetApp", "eventType", "url", "content", "target.workbookName",
          "target.sheetName", "target.id", "target.class", "target.tagName", "target.type", "target.name",
          "target.value", "target.innerText", "target.checked", "target.innerHTML"]  # fmt: skip
OFFICE = ["StepId", "RecordingId", "ProcessId", "TimeStamp", "StepName", "StepDescription", "ApplicationProcessName",
          "ApplicationParentWindowName", "AutomationStep", "NextStepId", "label_EventName", "label_EventId"]  # fmt: skip

SMART = ["timestamp", "user", "category", "application", "event_type", "event_src_path", "clipboard_content", "mouse_coord",
         "workbook", "current_worksheet", "cell_content", "cell_range", "hotkey", "id", "title", "description",
         "browser_url", "window_ingognito", "tag_category", "tag_type", "tag_name", "tag_title", "tag_value", "tag_html",
         "tag_attributes", "tag_innerText", "xpath", "screenshot"]  # fmt: skip
CELONIS = ["Id", "TimestampLocal", "TimestampUTC", "SystemUser", "EventType", "ProcessName", "ProcessId", "SessionId",
           "ExtensionName", "ClientVersion", "ExtensionVersion", "UserId", "ActiveWindow", "URL", "KeyboardCommand",
           "EnteredText", "ClipboardText", "Name_UIAA", "ControlType_UIAA", "Value_UIAA", "TargetElementType",
           "TransactionSAP", "Comment", "Custom1"]  # fmt: skip


def _logger(second: int, app: str, event: str, user: str = "ada", **more: str) -> dict[str, str]:
    return {
        "timeStamp": f"2026-03-02T08:00:{second:02d}.000Z",
        "userID": user,
        "targetApp": app,
        "eventType": event,
    } | {"target." + name if name not in ("content", "url") else name: value for name, value in more.items()}


def _office(number: int, name: str, description: str, app: str = "chrome", window: str = "Mail") -> dict[str, str]:
    return {"StepId": str(number), "RecordingId": "R1", "ProcessId": "P9", "StepName": name, "StepDescription": description,
            "TimeStamp": f"2026-03-02T08:00:{number:02d}+00:00", "ApplicationProcessName": app,
            "ApplicationParentWindowName": window, "AutomationStep": f"[script {CANARY}]",
            "label_EventName": "Send a mail"}  # fmt: skip


def _smart(second: int, app: str, event: str, user: str = "ada", **more: str) -> dict[str, str]:
    return {"timestamp": f"2026-03-02T08:00:{second:02d}.000Z", "user": user, "application": app, "event_type": event,
            "category": "Browser", "mouse_coord": "(1, 2)", "screenshot": f"{CANARY}.png",
            "description": CANARY} | more  # fmt: skip


def _celonis(number: int, event: str, app: str = "EXCEL.EXE", **more: str) -> dict[str, str]:
    return {"Id": str(number), "TimestampUTC": f"2026-03-02T08:00:{number:02d}.000Z", "ProcessId": "77", "SessionId": "3",
            "TimestampLocal": f"2026-03-02T09:00:{number:02d}.000", "SystemUser": "CORP\\ada", "UserId": "ada",
            "ProcessName": app, "EventType": event, "ActiveWindow": "Mail", "Custom1": f"{CANARY}"} | more  # fmt: skip


# a link's label and a cell's name are the only texts that may be shown
ROWS = {
    "action_logger": (LOGGER, [
        _logger(1, "Excel", "getCell", workbookName="b.xlsx", sheetName="S", id="A2", value=CANARY),
        _logger(5, "Chrome", "clickTextField", name="first", tagName="INPUT", type="text", value=CANARY),
        _logger(6, "Chrome", "paste", name="first", tagName="INPUT", type="text", content=CANARY),
        _logger(2, "OS-Clipboard", "copy", user="", content=CANARY),
        _logger(7, "Chrome", "editField", name="first", tagName="INPUT", type="text", value=CANARY,
                url="https://a.example/form?id=" + CANARY),
        _logger(8, "Chrome", "click", tagName="TD", innerText=CANARY, innerHTML=f"<b>{CANARY}</b>\n"),
        _logger(9, "Chrome", "clickButton", tagName="BUTTON", type="submit", innerText="\\n  Send\\n"),
    ]),
    "office_recordings": (OFFICE, [
        _office(0, "Click UI element in window", "Button 'New mail' in Window 'Mail'"),
        _office(1, "Populate text field in window", f"Edit 'To' 2 in Window 'Mail'; Text:'''{CANARY}\nto you'''"),
        _office(2, "Send keys", "TextToSend:'{LShiftKey}(C)anary-4711{Return}'", app="", window=""),
        _office(3, "Send keys", "TextToSend:'{LControlKey}({V})'", app="", window=""),
        _office(4, "Press button in window", "Google Chrome - 2 running windows in Quick Launch Bar", app="", window=""),
        _office(5, "Populate text field in window", f"something new Text:'{CANARY}'"),
        _office(6, "Click UI element in window", f"a sentence nobody knows {CANARY}"),
    ]),
    "smartrpa": (SMART, [
        _smart(1, "Microsoft Excel", "getCell", workbook="b.xlsx", current_worksheet="S", cell_range="A2", cell_content=CANARY),
        _smart(3, "Clipboard", "copy", user="", category="Clipboard", clipboard_content=CANARY),
        _smart(4, "Chrome", "clickTextField", tag_category="INPUT", tag_type="text", tag_name="first", tag_value=CANARY,
               title="Mail", browser_url="https://a.example/form?id=" + CANARY),
        _smart(5, "Chrome", "changeField", tag_category="INPUT", tag_type="text", tag_name="first", tag_value=CANARY + "X",
               tag_html=f"<b>{CANARY}</b>", tag_attributes=f"{{value: {CANARY}}}", xpath="//input[1]"),
        _smart(2, "Explorer", "created", category="OperatingSystem", event_src_path="C:\\Users\\Canary-4711\\a b.txt"),
        _smart(6, "Chrome", "changeField", tag_category="INPUT", tag_type="password", tag_name="secret", tag_value="Pw-" + CANARY,
               tag_title=CANARY),
        _smart(7, "Chrome", "hotkey", category="OperatingSystem", id="ctrl+s"),
    ]),
    "celonis": (CELONIS, [
        _celonis(0, "Task Mining Started"),
        _celonis(1, "Keyboard command", KeyboardCommand="Ctrl + C", ClipboardText=CANARY),
        _celonis(2, "Entered text", Name_UIAA="To", ControlType_UIAA="Edit", EnteredText=CANARY),
        _celonis(3, "Left-click", Name_UIAA="Amount", ControlType_UIAA="Edit", Value_UIAA=CANARY),
        _celonis(4, "User comment", Comment=CANARY + " is odd", UserId=""),
        _celonis(5, "Entered text", TargetElementType="password", EnteredText="Pw-" + CANARY, Name_UIAA="Password"),
        _celonis(6, "Session Locked"),
    ]),
}  # fmt: skip


def _text(name: str, *, separator: str = ",", drop: tuple[str, ...] = (), more: dict[str, str] | None = None) -> str:
    header, rows = ROWS[name]
    header = [column for column in header if column not in drop] + list(more or {})
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", extrasaction="ignore", delimiter=separator)
    writer.writeheader()
    writer.writerows(row | (more or {}) for row in rows)
    return out.getvalue()


@pytest.fixture(params=sorted(ROWS))
def name(request) -> str:
    return request.param


@pytest.fixture
def file(tmp_path, name) -> Path:
    (tmp_path / "log.csv").write_text(_text(name), newline="", encoding="utf-8")
    return tmp_path / "log.csv"


# -------------------------------------------------------------------------------------------- every importer keeps this
def test_every_importer_has_a_test_log():
    others = {"activitywatch", "table"}  # no CSV of a form of its own: tests/test_importers.py
    assert set(ROWS) | others == set(IMPORTERS)


def test_every_row_arrives_and_the_contract_holds(file, name):
    events, _ = import_log(file)
    assert events.height == len(ROWS[name][1])
    assert check(events).is_empty()


def test_the_report_has_one_row_per_source_column(file, name):
    _, report = import_log(file)
    about_all = ["(user)"] if name == "office_recordings" else []
    assert report["column"].to_list() == ROWS[name][0] + about_all
    assert set(report["outcome"]) <= {"mapped", "split", "dropped"}
    assert report.filter(pl.col("outcome") == "dropped")["reason"].str.len_chars().min() > 10
    assert report.filter((pl.col("outcome") == "dropped") != pl.col("mapped_to").is_null()).is_empty()


def test_content_is_nowhere_in_the_events(file):
    events, _ = import_log(file, key=KEY)
    assert CANARY.lower() not in events.write_json().lower()
    assert events["value"].null_count() == events.height
    assert events["value_digest"].drop_nulls().len() > 0


def test_content_comes_only_when_it_is_asked_for(file):
    events, _ = import_log(file, keep_values=True)
    assert events["value"].str.starts_with(CANARY).any()


def test_the_same_file_gives_the_same_frame(file):
    assert_frame_equal(import_log(file)[0], import_log(file)[0])
    assert_frame_equal(read_log(file, key=KEY), import_log(file, key=KEY)[0])


def test_names_become_pseudonyms(file):
    users = import_log(file, user="recorder")[0]["user"].unique().to_list()
    assert len(users) == 1
    assert users[0].startswith("p_")
    assert users[0] not in ("p_ada", "p_unknown")


def test_titles_and_labels_are_redacted(tmp_path, name):
    text = _text(name).replace("Mail", "ada@example.org").replace("b.xlsx", "ada@example.org")
    (tmp_path / "log.csv").write_text(text, newline="", encoding="utf-8")
    events = read_log(tmp_path / "log.csv")
    assert "ada@example.org" not in events.write_json()
    assert events["redactions"].drop_nulls().explode().unique().to_list() == ["email"]


def test_the_file_says_that_it_carries_no_consent(file, name):
    notes = read_metadata(file)
    assert notes["format"] == name
    told = dict(posture(read_log(file), metadata=notes).iter_rows())
    assert "no statement of consent" in told["consent"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_separator_mark_and_line_ends_do_not_matter(tmp_path, file, name, separator, mark, ends):
    other = tmp_path / "other.csv"
    text = _text(name, separator=separator).replace("\r\n", ends)
    other.write_bytes((mark + text).encode())
    assert_frame_equal(import_log(other, key=KEY)[0], import_log(file, key=KEY)[0])


def test_two_hundred_more_columns_are_reported_and_left_out(tmp_path, file, name):
    wide = tmp_path / "wide.csv"
    wide.write_text(_text(name, more={f"extra_{n}": CANARY for n in range(200)}), newline="", encoding="utf-8")
    events, report = import_log(wide, key=KEY)
    assert_frame_equal(events, import_log(file, key=KEY)[0])
    assert report.filter(pl.col("column").str.starts_with("extra_"))["outcome"].to_list() == ["dropped"] * 200


def test_a_missing_column_names_the_nearest_format(tmp_path, name):
    needed = IMPORTERS[name].needs[0][0]
    (tmp_path / "log.csv").write_text(_text(name, drop=(needed,)), newline="", encoding="utf-8")
    with pytest.raises(LogFileError, match=rf"nearest format is {name}.*missing: {needed}.*from_table"):
        read_log(tmp_path / "log.csv")


@pytest.mark.parametrize("time", ["", "yesterday", "2026-13-45", "1", "-1", "9" * 40, "10000-01-01T00:00:00Z"])
def test_an_absurd_time_is_one_error(tmp_path, name, time):
    text = _text(name).replace("2026-03-02T08:00:05", time, 1).replace(".000Z", "Z").replace(time + "Z", time)
    (tmp_path / "log.csv").write_text(text.replace(time + "+00:00", time), newline="", encoding="utf-8")
    with pytest.raises(TaskkitError, match=r"log\.csv.*no time in [1-7] of 7 rows"):
        read_log(tmp_path / "log.csv")


BROKEN = {
    "empty": (lambda text: b"", "empty"),
    "only a header": (lambda text: text.split("\r\n")[0].encode(), "no rows"),
    "cut off in a row": (lambda text: text.rstrip("\r\n").rpartition(",")[0].encode(), "line 8|line 9|fields"),
    "cut off in quotes": (lambda text: (text + '"abc,').encode(), "do not close"),
    "one row shifted": (
        lambda text: text.replace("\r\n", "\r\n,", 2).replace("\r\n,", "\r\n", 1).encode(),
        "line 3|fields",
    ),
    "a row too long": (lambda text: (text.rstrip("\r\n") + ",x\r\n").encode(), "fields where the header"),
    "one column twice": (lambda text: b"StepId,StepId\r\n1,2\r\n", "more than once"),
    "binary": (lambda text: b"\x89PNG\0\0" + text.encode(), "binary"),
    "no encoding": (lambda text: text.encode() + b"\xe4\x81", "neither UTF-8 nor cp1252.*encoding="),
    "damaged UTF-8": (lambda text: text.replace("Excel", "Büro").encode() + b"\xc3\xa4\xc3", "damaged UTF-8"),
    "UTF-16": (lambda text: text.encode("utf-16"), "UTF-16"),
    "another format": (lambda text: b"a,b\r\n1,2\r\n", "no format that is known.*action_logger.*office_recordings"),
    "wrong separator": (lambda text: text.replace(",", "|").encode(), "single column.*separator"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_one_clear_error(tmp_path, name, kind):
    change, said = BROKEN[kind]
    (tmp_path / "log.csv").write_bytes(change(_text(name)))
    with pytest.raises(TaskkitError, match=f"(?s){said}") as caught:
        read_log(tmp_path / "log.csv")
    assert "log.csv" in str(caught.value)


@QUIET
@given(data=st.data())
def test_a_file_with_a_random_flaw_is_read_whole_or_refused(tmp_path, name, data):
    text = _text(name)
    place = data.draw(st.integers(0, len(text)))
    flaw = data.draw(st.sampled_from(['"', ",", "\n", '"\n', "\r\n", "\0", "\ufeff", ";", "''", "{", "é"]))
    cut = data.draw(st.integers(0, 4))
    (tmp_path / "log.csv").write_text(text[:place] + flaw + text[place + cut :], newline="", encoding="utf-8")
    said = None
    try:
        events, _ = import_log(tmp_path / "log.csv")
    except TaskkitError as error:
        said = str(error)
    if said is not None:
        assert "log.csv" in said
    else:
        assert events.height >= len(ROWS[name][1])
        assert check(events).is_empty()
        if cut == 0 and name != "office_recordings":  # a sentence with a damaged mark may keep what was typed
            assert CANARY.lower() not in events.write_json().lower()


def test_an_unknown_format_gets_the_known_ones(file):
    with pytest.raises(SettingError, match="office_recordings"):
        import_log(file, format="office")


def test_several_foreign_files_at_once_are_refused(tmp_path, file):
    (tmp_path / "other.csv").write_bytes(file.read_bytes())
    with pytest.raises(LogFileError, match="one at a time"):
        read_log(tmp_path / "*.csv")


# -------------------------------------------------------------------------------------------------------- single ones
def _import(tmp_path: Path, name: str) -> pl.DataFrame:
    (tmp_path / "log.csv").write_text(_text(name), newline="", encoding="utf-8")
    return import_log(tmp_path / "log.csv", keep_values=True)[0]


def test_late_clipboard_rows_find_their_place_person_and_program(tmp_path):
    events = _import(tmp_path, "action_logger")
    assert events["event_name"].to_list()[:3] == ["getCell", "copy", "clickTextField"]
    assert events.row(1, named=True)["app"] == "Excel"
    assert events["user"].n_unique() == 1
    assert events["timestamp"].is_sorted()


def _logged(tmp_path: Path, *rows: dict[str, str], **settings) -> tuple[pl.DataFrame, pl.DataFrame]:
    out = io.StringIO()
    writer = csv.DictWriter(out, LOGGER, restval="")
    writer.writeheader()
    writer.writerows(rows)
    (tmp_path / "log.csv").write_text(out.getvalue(), newline="", encoding="utf-8")
    return import_log(tmp_path / "log.csv", **settings)


CELL = {"workbookName": "C:\\Users\\Lovelace\\b.xlsx", "sheetName": "S", "id": "A2"}


def test_a_copy_takes_window_and_element_of_a_row_at_most_a_second_before(tmp_path):
    rows = [_logger(1, "Excel", "getCell", **CELL), _logger(2, "OS-Clipboard", "copy", user="", content="x"),
            _logger(4, "OS-Clipboard", "copy", user="", content="y")]  # fmt: skip
    events, report = _logged(tmp_path, *rows)
    where = events.select("app", "window_title", "element_id", "element_name", "element_role").rows()
    assert where == [("Excel", "b.xlsx | S", "A2", "A2", "cell")] * 2 + [("Excel", None, None, None, None)]
    reason = report.filter(column="targetApp")["reason"][0]
    assert "2 rows; 1 of them take window and element too" in reason
    assert "1 take the program of a row that is further away: a guess" in reason


def test_a_copy_takes_nothing_of_another_person(tmp_path):
    rows = [_logger(1, "Excel", "getCell", **CELL), _logger(2, "OS-Clipboard", "copy", user="bob", content="x")]
    events, _ = _logged(tmp_path, *rows)
    assert events.filter(pl.col("event_name") == "copy")["window_title"].to_list() == [None]


def test_a_copied_label_is_no_name_of_the_copy(tmp_path):
    link = _logger(1, "Chrome", "clickLink", tagName="A", innerText=f" {CANARY} ", url="https://a.example/x")
    events, _ = _logged(tmp_path, link, _logger(2, "OS-Clipboard", "copy", content=CANARY))
    assert events.select("element_name", "url").rows() == [
        (CANARY, "https://a.example/x"), (None, "https://a.example/x"),
    ]  # fmt: skip


def test_a_copy_at_a_password_field_is_a_password(tmp_path):
    field = _logger(1, "Chrome", "clickTextField", tagName="INPUT", type="password", name="pin")
    events, _ = _logged(tmp_path, field, _logger(2, "OS-Clipboard", "copy", content=CANARY), keep_values=True)
    assert CANARY not in events.write_json()


def test_a_button_without_tag_and_type_keeps_its_label(tmp_path):
    events, report = _logged(tmp_path, _logger(1, "Chrome", "clickButton", innerText="Send"))
    assert events["element_name"].to_list() == ["Send"]
    assert "0 rows left out" in report.filter(column="target.innerText")["reason"][0]


def test_equal_times_keep_the_order_of_the_file(tmp_path):
    rows = [_logger(1, "Chrome", f"click{n}") for n in range(9)]
    out = io.StringIO()
    csv.DictWriter(out, LOGGER, restval="").writerows([dict(zip(LOGGER, LOGGER, strict=True)), *rows])
    (tmp_path / "log.csv").write_text(out.getvalue(), newline="", encoding="utf-8")
    assert read_log(tmp_path / "log.csv")["event_name"].to_list() == [f"click{n}" for n in range(9)]


def test_a_click_only_sees_the_value_of_a_field(tmp_path):
    events = _import(tmp_path, "action_logger")
    seen = events.filter(pl.col("event_name") == "clickTextField")
    assert seen["value"].to_list() == [None]


def test_what_a_split_column_leaves_out_is_counted(tmp_path):
    (tmp_path / "log.csv").write_text(_text("action_logger"), newline="", encoding="utf-8")
    reasons = dict(import_log(tmp_path / "log.csv")[1].select("column", "reason").iter_rows())
    assert "1 rows left out" in reasons["target.value"]
    assert "1 rows left out" in reasons["target.innerText"]


def test_elements_of_sheet_field_and_button_are_named(tmp_path):
    events = _import(tmp_path, "action_logger")
    assert events["element_name"].to_list() == ["A2", "A2", "first", "first", "first", None, "Send"]
    assert events["element_role"].to_list() == ["cell", "cell", "edit", "edit", "edit", "td", "button"]
    assert events["window_title"][0] == "b.xlsx | S"


@pytest.mark.parametrize("spelling", ["target.class", "target.className"])
def test_both_spellings_and_a_case_column_are_known(tmp_path, spelling):
    text = _text("action_logger", separator=";", more={"caseid": "7"}).replace("target.class", spelling, 1)
    (tmp_path / "log.csv").write_text(text, newline="", encoding="utf-8")
    events, report = import_log(tmp_path / "log.csv")
    assert events["case_ref"].unique().to_list() == ["7"]
    reasons = dict(report.select("column", "reason").iter_rows())
    assert "not part of the format" not in reasons[spelling] + reasons["caseid"]


def test_quotes_that_were_not_escaped_are_read_as_they_stand(tmp_path):
    text = _text("action_logger").replace(",A2,,,,," + CANARY, ',A2,,,,,"[["Main St, 4";3207]]"')
    (tmp_path / "log.csv").write_text(text, newline="", encoding="utf-8")
    events, report = import_log(tmp_path / "log.csv", keep_values=True)
    assert events["value"][0] == '[["Main St, 4";3207]]'
    assert "1 rows with unescaped" in report.filter(pl.col("column") == "target.value")["reason"][0]


def test_labels_of_the_recordings_do_not_arrive(tmp_path):
    events = _import(tmp_path, "office_recordings")
    assert "Send a mail" not in events.write_json()
    assert "P9" not in events.write_json()


def test_steps_are_split_into_element_window_and_content(tmp_path):
    events = _import(tmp_path, "office_recordings")
    assert events["element_role"].to_list() == ["button", "edit", None, None, "task bar button", None, None]
    assert events["element_name"].to_list() == ["New mail", "To", None, None, "Google Chrome", None, None]
    kinds = ["click", "text_input", "text_input", "paste", "click", "text_input", "click"]
    assert events["event_type"].to_list() == kinds
    assert events["value"].to_list() == [None, CANARY + "\nto you", CANARY, None, None, CANARY, None]
    assert events["app"].to_list() == ["chrome"] * 4 + [None] + ["chrome"] * 2


@pytest.mark.parametrize(
    ("description", "role", "name"),
    [
        ("Pane in Pane 'Mail'", "pane", None),
        ("MenuItem: Paste Ctrl+V in Pane 'Mail'", "menu item", "Paste Ctrl+V"),
        ("Hyperlink 'it's here' 3 in Window 'Mail' 2", "link", "it's here"),
        ("System Clock, 04:53 PM, 21-02-2022 in System Tray", "task bar button", "System Clock"),
        ("UIAutomation.PressButtonButton:appmask['Window \\'A \\'b\\'\\'']['Button \\'Finish\\'']", "button", "Finish"),
        ("Text '\ue712' in Button 'Add' in Pane 'Mail'", "text", None),
        ("# End of autogenerated actions using the recorder", None, None),
    ],
)
def test_descriptions_are_understood(description, role, name):
    step = read_step(description)
    assert (step.role, step.name, step.understood) == (role, name, True)


# --------------------------------------------------------------------------------------------------- the real files
@pytest.mark.skipif(not FOREIGN.is_dir(), reason="the published recordings are not part of the project")
@pytest.mark.parametrize("stem", REAL)
def test_the_published_recordings_arrive_whole(stem):
    path = FOREIGN / f"{stem}.csv"
    events, report = import_log(path)
    assert events.height == REAL[stem]
    assert check(events).is_empty()
    columns = report.filter(~pl.col("column").str.starts_with("("))["column"].to_list()
    assert columns == read_text_table(path).frame.columns
    assert events["value"].null_count() == events.height
    # a label elsewhere may show what was typed before; the row that typed it must not
    typed = import_log(path, keep_values=True)[0].filter(pl.col("value").str.len_chars() > 20)
    shown = pl.concat_str("event_name", "element_name", "window_title", "url", ignore_nulls=True, separator="|")
    assert typed.height > 100
    assert typed.filter(shown.str.contains(pl.col("value"), literal=True)).is_empty()


@pytest.mark.skipif(not FOREIGN.is_dir(), reason="the published recordings are not part of the project")
def test_no_published_description_is_left_out():
    _, report = import_log(FOREIGN / "office50_recordings.csv")
    reason = report.filter(pl.col("column") == "StepDescription")["reason"][0]
    assert "(0 rows not understood)" in reason


def test_ids_programs_and_references_name_nobody(tmp_path):
    table = pl.DataFrame({
        "timestamp": ["2026-03-02T08:00:00Z"], "app": ["C:\\Users\\ada.lovelace\\tool.exe"], "element_id": ["ada@firm.de"],
        "case_ref": ["ada@firm.de"], "url": ["https://ada:hunter2@intranet/x"],
    })  # fmt: skip
    table.write_csv(tmp_path / "log.csv")
    events, _ = import_log(tmp_path / "log.csv", columns={"timestamp": "timestamp"})
    assert events.select("app", "element_id", "case_ref", "url").row(0) == (
        "tool.exe",
        "[email]",
        "[email]",
        "https://intranet/x",
    )
