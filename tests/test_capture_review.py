"""The recorded person reads a session in plain words, deletes spans of it, and signs it off."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskkit_capture.chunks import SCHEMA, write_whole
from taskkit_capture.review import REMOVED, delete_span, find_span, review, summarise, tell_span

from taskkit.errors import LogFileError, SettingError
from taskkit.quality.streams import read_stream
from taskkit.schema import check
from tests.frames import START, make_events

NOTES = {"profile": "standard", "ended_cleanly": "true", "notice_digest": "0123456789abcdef",
         "excluded": json.dumps({"password_rows": 4, "redacted_rows": 2})}  # fmt: skip
KEY = b"a key for tests only, 32 bytes!!"
# START is 8:00 UTC; the person's clock shows 10:00
ROWS: list[dict[str, Any]] = [
    {"event_type": "session_start", "app": None},
    {"event_type": "window_focus", "window_title": "Invoice 4711", "after": 60},
    {"event_type": "click", "element_name": "Customer", "after": 60},
    {"event_type": "text_input", "input_count": 14, "duration_ms": 5000, "after": 58},
    {"event_type": "copy", "value_digest": "d1", "value_length": 8, "value_shape": "A-9", "after": 122},
    {"event_type": "idle_start", "app": None, "after": 60},
    {"event_type": "idle_end", "app": None, "after": 120},
    {"event_type": "window_focus", "app": "chromium", "window_title": "Orders", "url": "https://shop.test/orders"},
    {"event_type": "paste", "app": "chromium", "window_title": "Orders", "value_digest": "d1", "value_length": 8,
     "value_shape": "A-9"},
    {"event_type": "click", "app": "chromium", "window_title": "Orders", "element_name": "Save", "redactions": ["email"]},
    {"event_type": "session_end", "app": None, "event_name": "stopped by the person", "after": 60},
]  # fmt: skip


def session(rows: Iterable[dict[str, Any]] = ROWS) -> pl.DataFrame:
    shared = {"app": "erp", "utc_offset_minutes": 120, "event_name": None}
    made = make_events([shared | row for row in rows])
    empty = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in SCHEMA.items() if name not in made.columns]
    return made.with_columns(empty).select(SCHEMA.names())


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "s1.parquet"
    write_whole(session(), path, NOTES)
    return path


def answers(*given: str) -> Any:
    left = iter(given)

    def ask(_: str) -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    return ask


def looked(path: Path, *given: str, **settings: Any) -> str:
    """What the person is told who answers so."""
    told: list[str] = []
    review(path, ask=answers(*given), tell=told.append, **settings)
    return "\n".join(told)


# ------------------------------------------------------------------------------------------------------------ reading
@pytest.mark.parametrize(
    "said",
    [
        "From 02 Mar 2026 10:00", "11 rows", "profile: standard", "erp (5 min)", "chromium (1 min)", "2 clicks", "1 copy",
        "2 window focuses",
        "Titles in the file: 2", "Invoice 4711 (1)", "Orders (3)", "https://shop.test/orders (1)", "Customer (1)", "email (1 row)",
        "password (4 rows)", "Away: 1 time, 2 min", "Fingerprints of values: in 2 rows", "test a guess", "Not signed off",
    ],
)  # fmt: skip
def test_the_summary_says(said: str) -> None:
    assert said in summarise(session(), NOTES)


def test_the_summary_names_the_most_frequent_twenty() -> None:
    rows = [{"window_title": f"Title {n:02}"} for n in range(25)] + [{"window_title": "Title 24"}]
    said = summarise(session(rows), NOTES)
    assert "Title 24 (2)" in said
    assert "and 5 more" in said
    assert "Title 23" not in said


def test_a_title_cannot_command_the_terminal() -> None:
    rows = session([{"window_title": "\x1b]0;gotcha\x07", "element_name": "\x1b[2J"}])
    assert "\x1b" not in summarise(rows, NOTES) + tell_span(rows, at(0), at(5))


def test_a_session_that_broke_off_is_said_to_have() -> None:
    assert "did not end cleanly" in summarise(session(), NOTES | {"ended_cleanly": "false"})


def test_a_span_is_told_minute_by_minute() -> None:
    assert tell_span(session(), at(1), at(8.2)).split("\n") == [
        "10:01 erp 'Invoice 4711': 1 window focus",
        "10:02 erp: 1 click (Customer), typed 14 keys",
        "10:05 erp: 1 copy (a value of 8 characters)",
        "10:06 away",
        "10:08 back",
        "10:08 chromium 'Orders' https://shop.test/orders: 1 window focus",
        "10:08 chromium 'Orders': 1 paste (a value of 8 characters)",
    ]


def test_a_text_that_is_in_the_file_is_shown() -> None:
    rows = session([{"event_type": "copy", "value": "secret plan"}])
    assert "1 copy ('secret plan')" in tell_span(rows, at(0), at(1))
    assert "secret plan (1)" in summarise(rows, NOTES)


def test_a_span_without_rows_says_so() -> None:
    assert tell_span(session(), at(3.5), at(4)) == "Nothing was recorded in this span."


# ----------------------------------------------------------------------------------------------------------- deleting
def test_a_deleted_span_is_a_gap_of_its_length() -> None:
    left = delete_span(session(), at(1.5), at(5.5))
    assert left.filter(pl.col("event_name") == REMOVED).select("timestamp", "event_type").rows() == [
        (at(1.5), "blind_start"), (at(5.5), "blind_end")]  # fmt: skip
    assert left["event_type"].to_list()[:5] == [
        "session_start",
        "window_focus",
        "blind_start",
        "blind_end",
        "idle_start",
    ]


def test_typing_that_lasts_into_the_span_goes_too() -> None:
    burst = at(0) + timedelta(seconds=178)
    left = delete_span(session(), at(3), at(3.5))
    assert "text_input" not in left["event_type"]
    assert left.filter(pl.col("event_type") == "blind_start")["timestamp"].to_list() == [burst]


def test_the_same_value_elsewhere_loses_its_digest() -> None:
    left = delete_span(session(), at(4.5), at(5.5))
    paste = left.filter(pl.col("event_type") == "paste")
    assert paste.select("value_digest", "value_length", "value_shape", "value").row(0) == (None,) * 4


def test_another_value_keeps_its_digest() -> None:
    left = delete_span(session(), at(1.5), at(2.2))
    assert left["value_digest"].drop_nulls().to_list() == ["d1", "d1"]


def test_an_absence_that_reaches_into_the_span_ends_at_its_border() -> None:
    left = delete_span(session(), at(7), at(8.1))
    around = left.slice(5, 6).select("event_type", "timestamp").rows()
    assert around[:4] == [("idle_start", at(6)), ("idle_end", at(7)), ("blind_start", at(7)), ("blind_end", at(8.1))]


def test_an_absence_that_lasts_longer_than_the_span_goes_on_after_it() -> None:
    left = delete_span(session(), at(5.5), at(7))
    assert left.select("event_type", "timestamp").rows()[5:9] == [
        ("blind_start", at(5.5)), ("blind_end", at(7)), ("idle_start", at(7)), ("idle_end", at(8))]  # fmt: skip


def test_the_session_keeps_its_beginning_and_end() -> None:
    left = delete_span(session(), at(-10), at(100))
    assert left["event_type"].to_list() == ["session_start", "blind_start", "blind_end", "session_end"]
    assert left["timestamp"].is_sorted()


def test_what_came_during_typing_that_lasts_into_the_span_goes_with_it() -> None:
    rows = session(
        [{"event_type": "text_input", "duration_ms": 9000}, {"event_type": "scroll", "after": 2}, {"after": 60}]
    )
    assert delete_span(rows, at(0.1), at(0.5))["event_type"].to_list() == ["blind_start", "blind_end", "click"]


def test_an_empty_span_changes_nothing() -> None:
    assert delete_span(session(), at(3.5), at(4)).equals(session())


@given(st.integers(-60, 700), st.integers(1, 700), st.integers(-60, 700), st.integers(1, 700))
def test_whatever_is_deleted_the_frame_holds_its_contract(a: int, length: int, b: int, other: int) -> None:
    events = session()
    left = delete_span(events, at(a / 60), at((a + length) / 60))
    left = delete_span(left, at(b / 60), at((b + other) / 60))
    assert check(left).is_empty()
    assert left["seq"].is_sorted()
    assert left.select("seq").is_unique().all()
    assert left["timestamp"].is_sorted()
    inside = pl.col("timestamp").is_between(at(b / 60), at((b + other) / 60), closed="none")
    presence = ["session_start", "session_end"]
    assert set(left.filter(inside)["event_type"]) <= {*presence, "blind_start", "blind_end"}


@given(st.integers(0, 600), st.integers(1, 600))
def test_nothing_stays_idle_or_blind_because_of_a_deletion(start: int, length: int) -> None:
    left = delete_span(session(), at(start / 60), at((start + length) / 60))
    last = read_stream(left).row(-1, named=True)
    assert (last["idle"], last["blind"]) == (False, False)


# -------------------------------------------------------------------------------------------------------- local times
def test_a_span_is_local_time_with_both_minutes() -> None:
    assert find_span(session(), "10:01-10:02") == (at(1), at(3))


def test_a_span_over_midnight_is_found() -> None:
    rows = session([{}, {"after": 20 * 3600}])
    assert find_span(rows, "23:50-00:10") == (at(830), at(851))


def test_a_span_that_two_days_have_needs_the_day() -> None:
    rows = session([{}, {"after": 30 * 3600}])
    with pytest.raises(SettingError, match="Say which day: 2026-03-02 10:30-11:00"):
        find_span(rows, "10:30-11:00")
    assert find_span(rows, "2026-03-03 10:30-11:00") == (at(1470), at(1501))


@pytest.mark.parametrize("text", ["", "ten to eleven", "10:05", "25:00-26:00", "10:5-10:10", "10:08-10:01"])
def test_a_span_that_is_none_gets_an_example(text: str) -> None:
    with pytest.raises(SettingError, match="Allowed: local times such as 10:00-10:"):
        find_span(session(), text)


def test_a_span_outside_the_session_gets_its_times() -> None:
    with pytest.raises(SettingError, match="outside the session: from 2026-03-02 10:00 to"):
        find_span(session(), "18:00-19:00")


# --------------------------------------------------------------------------------------------------------- the file
def test_a_deleted_row_is_nowhere_on_the_disk(file: Path) -> None:
    assert b"Invoice 4711" in file.read_bytes()
    looked(file, delete=["10:01-10:02"])
    assert [path.name for path in file.parent.iterdir()] == ["s1.parquet"]
    assert b"Invoice 4711" not in file.read_bytes()


def test_a_deletion_is_counted_and_everything_else_said_of_the_file_stays(file: Path) -> None:
    looked(file, delete=["10:01-10:01"])
    looked(file, delete=["10:05-10:05"])
    notes = pl.read_parquet_metadata(file)
    assert json.loads(notes["removed_spans"]) == {"spans": 2, "rows": 2, "seconds": 120}
    assert NOTES.items() <= notes.items()


def test_the_file_stays_private(file: Path) -> None:
    looked(file, delete=["10:01-10:01"], sign=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_sign_off_is_in_the_file(file: Path) -> None:
    looked(file, sign=True)
    assert datetime.fromisoformat(pl.read_parquet_metadata(file)["signed_off"]).utcoffset() == timedelta(0)


def test_a_deletion_clears_the_sign_off_and_says_so(file: Path) -> None:
    looked(file, sign=True)
    assert "sign it again" in looked(file, delete=["10:01-10:01"])
    assert "signed_off" not in pl.read_parquet_metadata(file)


def test_a_file_that_cannot_be_written_stays_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(LogFileError, match="No space left"):
        looked(file, delete=["10:01-10:01"])
    assert file.read_bytes() == before
    assert len(list(file.parent.iterdir())) == 1


def test_an_encrypted_file_stays_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "s1.parquet"
    write_whole(session(), path, NOTES, key=KEY)
    assert "Orders (3)" in looked(path, "delete 10:01-10:02", "yes", key=KEY)
    assert b"Orders" not in path.read_bytes()
    with pytest.raises(LogFileError, match="encrypted"):
        looked(path)


def test_a_session_with_chunks_beside_it_is_refused(file: Path) -> None:
    file.with_suffix(".chunks").mkdir()
    with pytest.raises(LogFileError, match="taskkit-capture recover"):
        looked(file)


def test_a_missing_file_and_a_foreign_one_are_refused(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_text("no Parquet")
    for name, said in (("a", "no session of the recorder"), ("b", "cannot be read"), ("c", "cannot be read")):
        with pytest.raises(LogFileError, match=said):
            looked(tmp_path / f"{name}.parquet")


def test_two_people_in_one_file_are_refused(tmp_path: Path) -> None:
    rows = session([{"user": "p_1"}, {"user": "p_2"}])
    write_whole(rows, tmp_path / "s1.parquet", NOTES)
    with pytest.raises(LogFileError, match="one finished session of one person"):
        looked(tmp_path / "s1.parquet")


# --------------------------------------------------------------------------------------------------------- by commands
def test_a_question_stands_before_a_deletion(file: Path) -> None:
    assert "Nothing was deleted." in looked(file, "delete 10:01-10:02", "no", "quit")
    assert pl.read_parquet(file).height == 11
    assert "3 rows deleted" in looked(file, "delete 10:01-10:02", "yes", "quit")
    assert pl.read_parquet(file).height == 10


def test_what_goes_is_shown_before_the_question(file: Path) -> None:
    assert "10:05 erp: 1 copy" in looked(file, "delete 10:05-10:05", "no")


def test_the_person_may_look_and_sign(file: Path) -> None:
    said = looked(file, "show 10:05-10:05", "show", "sign", "quit")
    assert said.count("10:05 erp: 1 copy") == 2
    assert "Signed off at" in said


@pytest.mark.parametrize(
    ("typed", "said"),
    [("remove all", "both minutes included"), ("delete", "is no span"), ("show noon", "is no span"),
     ("help", "both minutes included"), ("delete 10:04-10:04", "nothing to delete")],
)  # fmt: skip
def test_what_cannot_be_done_gets_a_sentence(file: Path, typed: str, said: str) -> None:
    assert said in looked(file, typed, "yes", "quit")


def test_the_end_of_input_ends_it(file: Path) -> None:
    before = file.read_bytes()
    assert "Titles in the file" in looked(file)
    assert file.read_bytes() == before
