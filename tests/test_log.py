"""Files in, a checked events frame out."""

from __future__ import annotations

import os
import random
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from taskkit.errors import ContractError, LogFileError, SettingError, TaskkitError
from taskkit.log import from_table, parquet_files, parse_duration, read_log, read_metadata, scan_log, write_log
from taskkit.log.words import event_type_of
from taskkit.schema import EVENTS, PRESENCE_TYPES, check
from tests.frames import START, make_events

QUIET = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = st.text(alphabet="aäß漢 '\";,\n", max_size=8)


# ---------------------------------------------------------------------------------------------------------- any table
def test_a_table_keeps_its_rows_and_their_order():
    table = pl.DataFrame({"when": [START + timedelta(seconds=s) for s in (9, 3, 6)], "what": ["a", "b", "c"]})
    events = from_table(table, columns={"timestamp": "when", "element_name": "what"})
    assert events["element_name"].to_list() == ["a", "b", "c"]
    assert events["seq"].to_list() == [0, 1, 2]
    assert check(events).is_empty()


def test_a_given_order_is_kept_where_the_clock_jumps():
    table = pl.DataFrame({"seq": [7, 5, 6], "timestamp": [START, START + timedelta(hours=1), START]})
    assert from_table(table)["seq"].to_list() == [7, 5, 6]


def test_what_is_missing_is_filled():
    events = from_table(pl.DataFrame({"timestamp": [START, START]}), user="p_x")
    assert events.select("user", "session_id", "event_type").unique().rows() == [("p_x", "s1", "other")]


def test_every_user_gets_one_session_of_his_own():
    events = from_table(pl.DataFrame({"timestamp": [START] * 3, "user": ["b", "a", "b"]}))
    assert events["session_id"].to_list() == ["s2", "s1", "s2"]


def test_a_row_without_user_takes_its_neighbour():
    table = pl.DataFrame({"timestamp": [START] * 4, "user": [None, "a", " ", "b"], "seq": [0, 1, 2, 3]})
    assert from_table(table)["user"].to_list() == ["a", "a", "a", "b"]


def test_a_table_of_pandas_is_read_without_pyarrow():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({
        "when": pandas.to_datetime(["2026-03-02 08:00", "2026-03-02 09:00"]).tz_localize("Europe/Berlin"),
        "app": ["erp", None],
        "mixed": pandas.Series([1, "x"], dtype=object),
    })  # fmt: skip
    events = from_table(frame, columns={"timestamp": "when", "value": "mixed"})
    assert events["timestamp"].dt.hour().to_list() == [7, 8]
    assert events.select("app", "value").rows() == [("erp", "1"), (None, "x")]


def test_foreign_words_become_event_types():
    names = {
        "copyCell": "copy", "pasteIntoCell": "paste", "clickButton": "click", "Left double click": "double_click",
        "Right-click": "right_click", "editField": "text_input", "Entered text": "text_input", "goToUrl": "navigate",
        "selectWorksheet": "window_focus", "Active window changed": "window_focus", "Mouse wheel (up)": "scroll",
        "Drag and drop UI element in window": "drag", "Send keys": "key", "Keyboard command": "shortcut",
        "User Idle Started": "idle_start", "User Idle Ended": "idle_end", "Session Locked": "lock",
        "Session Unlocked": "unlock", "Cut to clipboard": "cut", "User comment": "comment", "getCell": "other",
        "Select radio button in window": "click", "double_click": "double_click", "Task Mining Stopped": "session_end",
    }  # fmt: skip
    assert {name: event_type_of(name) for name in names} == names


def test_german_words_become_event_types():
    names = {
        "Klick": "click", "Doppelklick": "double_click", "Rechtsklick": "right_click", "Rechte Maustaste": "right_click",
        "Eingabe": "text_input", "eingeben": "text_input", "Tippen": "text_input", "Kopieren": "copy", "Einfügen": "paste",
        "EINFÜGEN": "paste", "eingefuegt": "paste", "Einfu\u0308gen": "paste", "Ausschneiden": "cut", "Scrollen": "scroll",
        "Öffnen": "navigate", "Seite öffnen": "navigate", "Navigieren": "navigate", "Fensterwechsel": "window_focus",
        "Fenster aktiviert": "window_focus", "Programm geöffnet": "window_focus", "Taste": "key", "Taste gedrückt": "key",
        "Tastenkombination": "shortcut", "Leerlauf Beginn": "idle_start", "Leerlauf Ende": "idle_end", "Sperren": "lock",
        "Bildschirm gesperrt": "lock", "Entsperren": "unlock", "Schaltfläche gedrückt": "click", "Wert geändert": "text_input",
        "Fenstertitel geändert": "window_title", "Rechnung gesperrt": "other", "Datei öffnen": "other",
        "Aufzeichnung gestartet": "session_start", "Aufzeichnung beendet": "session_end",
    }  # fmt: skip
    assert {name: event_type_of(name) for name in names} == names


def test_the_event_types_of_the_contract_are_their_own_words():
    kinds = EVENTS["event_type"].dtype.categories
    assert [event_type_of(kind) for kind in kinds] == list(kinds)


@pytest.mark.parametrize(
    "times",
    [
        [datetime(2026, 3, 2, 8)],
        pl.Series([datetime(2026, 3, 2, 8)], dtype=pl.Datetime("ms")),
        pl.Series([datetime(2026, 3, 2, 8)]).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
        ["2026-03-02T08:00:00Z"],
        [" 2026-03-02 09:00:00+01:00 "],
        ["20260302T080000"],
        [1772438400],
        [1772438400.0],
        [1772438400_000],
        [1772438400_000_000],
        [1772438400_000_000_000],
        ["1772438400"],
        ["02.03.2026 08:00:00"],
        ["02.03.2026 08:00"],
        ["2.3.2026, 8:00:00"],
        ["02.03.2026 08:00:00,000"],
        ["02.03.2026 09:00+01:00"],
    ],
)
def test_times_of_any_kind_are_one_moment(times):
    assert from_table(pl.DataFrame({"timestamp": times}))["timestamp"].to_list() == [
        datetime(2026, 3, 2, 8, tzinfo=UTC)
    ]


def test_a_date_is_its_midnight():
    events = from_table(pl.DataFrame({"timestamp": [date(2026, 3, 2)]}))
    assert events["timestamp"][0] == datetime(2026, 3, 2, tzinfo=UTC)


def test_text_that_is_no_time_names_the_first_row():
    table = pl.DataFrame({"when": ["2026-03-02", "soon", None]})
    with pytest.raises(ContractError, match=r"'when'.*2 of 3 rows.*row 1.*'soon'.*Allowed.*ISO"):
        from_table(table, columns={"timestamp": "when"})


@pytest.mark.parametrize("text", ["02.13.2026 08:00", "31.02.2026", "02.03.26 08:00"])
def test_dots_mean_the_day_first_and_nothing_else(text):
    with pytest.raises(ContractError, match="no time in 1 of 1"):
        from_table(pl.DataFrame({"timestamp": [text]}))


def test_slashes_are_refused_because_they_are_ambiguous():
    with pytest.raises(ContractError, match=r"nobody can tell day from month.*%d/%m/%Y"):
        from_table(pl.DataFrame({"timestamp": ["02/03/2026 08:00:00"]}))


def test_spellings_of_time_may_stand_in_one_column():
    times = from_table(
        pl.DataFrame({"timestamp": ["02.03.2026 08:00:00.25", "2026-03-02T08:00:00Z", "20260302T080000"]})
    )
    assert times["timestamp"].dt.microsecond().to_list() == [250_000, 0, 0]
    assert times["timestamp"].dt.hour().to_list() == [8, 8, 8]


def test_numbers_that_are_no_epoch_are_no_time():
    with pytest.raises(ContractError, match="no time in 3 of 3"):
        from_table(pl.DataFrame({"timestamp": [1, 2, 3]}))


def test_a_table_without_times_is_refused():
    with pytest.raises(ContractError, match="timestamp"):
        from_table(pl.DataFrame({"what": ["a"]}))


def test_an_unknown_foreign_column_gets_the_nearest_name():
    with pytest.raises(ContractError, match=r"did you mean 'when'"):
        from_table(pl.DataFrame({"when": [START]}), columns={"timestamp": "wehn"})


def test_an_unknown_contract_name_gets_the_nearest_name():
    with pytest.raises(SettingError, match="window_title"):
        from_table(pl.DataFrame({"timestamp": [START]}), columns={"windowtitle": "timestamp"})


def test_one_key_twice_is_refused():
    with pytest.raises(ContractError, match="twice"):
        from_table(pl.DataFrame({"timestamp": [START] * 2, "seq": [1, 1]}))


def test_a_fraction_is_no_order():
    with pytest.raises(ContractError, match=r"'seq'.*row 1"):
        from_table(pl.DataFrame({"timestamp": [START] * 2, "seq": [1.0, 1.5]}))


def test_urls_lose_query_and_fragment():
    table = pl.DataFrame(
        {"timestamp": [START] * 2, "url": ["https://a.example/x?token=1#y", "https://a.example/x#y?z"]}
    )
    assert from_table(table)["url"].unique().to_list() == ["https://a.example/x"]


def test_numbers_become_texts_and_the_input_stays():
    table = pl.DataFrame({"timestamp": [START], "case": [104233], "group": ["north"]})
    before = table.clone()
    events = from_table(table, columns={"case_ref": "case", "team": "group"})
    assert events.select("case_ref", "team").row(0) == ("104233", "north")
    assert_frame_equal(table, before)


@QUIET
@given(st.lists(st.tuples(WORDS, WORDS, WORDS | st.none(), st.integers(0, 10**9)), max_size=12))
def test_any_table_keeps_its_contract(rows):
    names = ["user", "app", "element_name", "timestamp"]
    table = pl.DataFrame(rows, schema=dict.fromkeys(names[:3], pl.String) | {"timestamp": pl.Int64}, orient="row")
    table = table.with_columns(pl.col("timestamp") + 1_700_000_000)
    events = from_table(table)
    assert events.height == table.height
    assert check(events).is_empty()


# --------------------------------------------------------------------------------------------------------- own files
@QUIET
@given(
    st.lists(
        st.fixed_dictionaries({
            "user": st.sampled_from(["p_1", "p_2"]), "session_id": st.sampled_from(["s1", "s2"]),
            "element_name": WORDS | st.none(), "event_type": st.sampled_from(["click", *PRESENCE_TYPES]),
            "redactions": st.none() | st.lists(st.sampled_from(["email", "phone"]), max_size=2),
            "x": st.none() | st.floats(0, 1, width=32), "after": st.integers(-100, 100),
        }),
        min_size=1, max_size=15,
    )
)  # fmt: skip
def test_what_is_written_is_read(tmp_path, rows):
    events = make_events(rows)
    write_log(events.sample(fraction=1, shuffle=True, seed=1), tmp_path / "log.parquet")
    assert_frame_equal(read_log(tmp_path), events.sort("user", "session_id", "seq"), check_column_order=False)


def test_the_order_of_files_does_not_matter(tmp_path):
    events = make_events([{"user": f"p_{n % 3}", "element_name": str(n)} for n in range(30)])
    places = list(range(30))
    random.Random(3).shuffle(places)
    for name, part in zip("cab", (places[:10], places[10:11], places[11:]), strict=True):
        (tmp_path / name).mkdir()
        write_log(events[part], tmp_path / name / "part.parquet")
    whole = read_log(tmp_path)
    assert_frame_equal(whole, events.sort("user", "session_id", "seq"), check_column_order=False)
    assert_frame_equal(read_log(str(tmp_path / "*" / "*.parquet")), whole)
    assert_frame_equal(scan_log(tmp_path).collect().sort("user", "session_id", "seq"), whole, check_column_order=False)


@pytest.mark.parametrize(
    "form", ["alike", "another column", "another type", "rows that stand twice", "a wrong value", "a file twice"]
)
@QUIET
@given(
    st.lists(
        st.tuples(st.sampled_from("bac"), st.sampled_from("yx"), st.integers(0, 9)),
        min_size=2,
        max_size=12,
        unique=True,
    )
)
def test_files_are_read_at_once_as_one_by_one(tmp_path, form, keys):
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    rows = [
        {"user": user, "session_id": session, "seq": seq, "app": f"{n}"} for n, (user, session, seq) in enumerate(keys)
    ]
    for n, row in enumerate(rows):
        write_log(make_events([row]), folder / f"{n:02d}.parquet")
    last = folder / f"{len(rows) - 1:02d}.parquet"
    frame = pl.read_parquet(last)
    other = {
        "another column": frame.with_columns(mine=pl.lit(1)), "rows that stand twice": pl.concat([frame] * 2),
        "another type": frame.cast({"seq": pl.Int32, "timestamp": pl.Datetime("ms")}),
        "a wrong value": frame.with_columns(user=pl.lit(None, pl.String)),
    }  # fmt: skip
    if form in other:
        other[form].write_parquet(last)
    elif form == "a file twice":
        frame.write_parquet(folder / "twice.parquet")
    files = sorted(folder.iterdir())
    at_once = parquet_files._read_alike([[file] for file in files], None)
    assert (at_once is not None) == (form == "alike")

    def outcome():
        try:
            return read_log(folder)
        except TaskkitError as error:
            return str(error)

    told = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_files, "_read_alike", lambda parts, key: None)
        one_by_one = outcome()
    if isinstance(told, str):
        assert told == one_by_one
        assert form in ("rows that stand twice", "a wrong value", "a file twice")
    else:
        assert_frame_equal(told, one_by_one)
        assert told.select(parquet_files.ORDER).rows() == sorted(keys)


def test_the_same_log_gives_the_same_bytes(tmp_path):
    events = make_events(["a", "b", "c"])
    write_log(events, tmp_path / "1.parquet", metadata={"consent": "yes"})
    write_log(events.reverse(), tmp_path / "2.parquet", metadata={"consent": "yes"})
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()


def test_only_the_owner_may_read_and_nothing_else_is_left(tmp_path):
    write_log(make_events(["a"]), tmp_path / "log.parquet")
    assert os.stat(tmp_path / "log.parquet").st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["log.parquet"]


def test_a_broken_frame_is_not_written(tmp_path):
    with pytest.raises(ContractError, match="app"):
        write_log(make_events(["a"]).drop("app"), tmp_path / "log.parquet")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_log(make_events(["a"]), tmp_path / "log.parquet")
    before = (tmp_path / "log.parquet").read_bytes()

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(LogFileError, match="No space left"):
        write_log(make_events(["b"]), tmp_path / "log.parquet")
    assert (tmp_path / "log.parquet").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_other_types_are_cast_where_nothing_is_lost(tmp_path):
    events = make_events(["a"]).with_columns(
        pl.col("seq").cast(pl.Int32), pl.col("event_type").cast(pl.String), pl.col("app").cast(pl.Categorical),
        pl.col("timestamp").dt.replace_time_zone(None).cast(pl.Datetime("ms")),
    )  # fmt: skip
    events.write_parquet(tmp_path / "log.parquet")
    assert_frame_equal(read_log(tmp_path), make_events(["a"]), check_column_order=False)


@pytest.mark.parametrize(
    "change",
    [pl.col("seq").cast(pl.Int64) - 5, pl.lit("tap").alias("event_type"), pl.lit("soon").alias("timestamp")],
)
def test_a_cast_that_loses_something_names_the_file(tmp_path, change):
    make_events(["a"]).with_columns(change).write_parquet(tmp_path / "bad.parquet")
    with pytest.raises(ContractError, match=r"bad\.parquet"):
        read_log(tmp_path)


def test_metadata_are_merged_over_the_files(tmp_path):
    write_log(make_events(["a"]), tmp_path / "1.parquet", metadata={"consent": "N1", "excluded": {"banking": 2}})
    write_log(make_events(["a"]), tmp_path / "2.parquet", metadata={"consent": "N1", "excluded": {"banking": 3}})
    write_log(make_events(["a"]), tmp_path / "3.parquet", metadata={"recorder": "r 1.0"})
    notes = read_metadata(tmp_path)
    assert notes == {"consent": "N1 (1 of 3 files do not say so)", "excluded": '{"banking": 5}', "recorder": "r 1.0",
                     "schema_version": "1"}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------- bad input
def _truncated(folder: Path) -> None:
    write_log(make_events(["a", "b"]), folder / "log.parquet")
    (folder / "log.parquet").write_bytes((folder / "log.parquet").read_bytes()[:-60])


def _twice(folder: Path) -> None:
    for name in ("log.parquet", "log_copy.parquet"):
        write_log(make_events(["a", "b"]), folder / name)


def _without_app(folder: Path) -> None:
    make_events(["a"]).drop("app").write_parquet(folder / "log.parquet")


def _newer(folder: Path) -> None:
    make_events(["a"]).write_parquet(folder / "log.parquet", metadata={"schema_version": "99"})


BROKEN = {
    "empty file": (lambda f: (f / "log.parquet").write_bytes(b""), "empty"),
    "short file": (lambda f: (f / "log.parquet").write_bytes(b"PAR1"), "cut off"),
    "truncated": (_truncated, "cut off"),
    "text": (lambda f: (f / "log.parquet").write_text("hello, this is no log"), "no Parquet"),
    "garbage": (
        lambda f: (f / "log.parquet").write_bytes(b"PAR1" + b"\7" * 400 + b"PAR1"),
        "cannot be read as Parquet",
    ),
    "missing column": (_without_app, "'app'.*from_table"),
    "one log twice": (_twice, r"log\.parquet.*log_copy\.parquet"),
    "newer contracts": (_newer, "99.*Update"),
    "no log in the folder": (lambda f: (f / "log.txt").write_text("x"), r"log\.txt"),
    "empty folder": (lambda f: None, "no \\*.parquet"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_log_is_one_clear_error(tmp_path, kind):
    make, said = BROKEN[kind]
    make(tmp_path)
    with pytest.raises(TaskkitError, match=f"(?s){said}") as caught:
        read_log(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "polars" not in type(caught.value).__module__


@pytest.mark.parametrize("path", ["missing.parquet", "missing/log.parquet", "*.parquet"])
def test_a_path_that_leads_nowhere_is_named(tmp_path, path):
    with pytest.raises(LogFileError, match=r"missing|matches"):
        read_log(tmp_path / path)


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("60s", 60), ("1.5h", 5400), ("1h30m", 5400), ("2d", 172800)]
)
def test_durations_are_read(text, seconds):
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 weeks", "5m!", "999999999999d", "٣m"])
def test_a_text_that_is_no_duration_says_what_is(text):
    with pytest.raises(SettingError, match="llowed"):
        parse_duration(text)


def test_every_parquet_file_of_a_folder_is_read_whatever_its_suffix(tmp_path: Path) -> None:
    for number, name in enumerate(("a.parquet", "B.PARQUET", "c.pq")):
        write_log(make_events(["x"], session_id=f"s{number}"), tmp_path / name)
    assert read_log(tmp_path).height == 3


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    write_log(make_events(["x"]), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").symlink_to(tmp_path / "gone.parquet")
    with pytest.raises(LogFileError, match="link to nothing"):
        read_log(tmp_path)


@pytest.mark.parametrize("column", [pl.lit(1.5).alias("seq"), pl.lit(1_800_000_000).alias("timestamp")])
def test_a_cast_never_changes_a_value(tmp_path: Path, column: pl.Expr) -> None:
    make_events(["x"]).with_columns(column).write_parquet(tmp_path / "odd.parquet")
    with pytest.raises(ContractError, match=r"odd\.parquet"):
        read_log(tmp_path / "odd.parquet")
