"""Pseudonyms, redaction, digests, small groups and the posture."""

from __future__ import annotations

import stat
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit.errors import LogFileError, SettingError
from taskkit.privacy import (
    digest,
    make_key,
    posture,
    pseudonym,
    read_key,
    redact,
    shape,
    suppress_small_groups,
)
from tests.frames import make_events

KEY = b"a key for tests only, 32 bytes!!"


@given(st.text(min_size=4), st.text(min_size=4))
def test_two_names_have_one_pseudonym_only_if_they_are_the_same(one: str, other: str) -> None:
    same = one.strip().casefold() == other.strip().casefold()
    assert (pseudonym(one, key=KEY) == pseudonym(other, key=KEY)) == same


def test_another_key_gives_another_pseudonym() -> None:
    assert pseudonym("ada", key=KEY) != pseudonym("ada", key=KEY[::-1])


@given(st.text(alphabet=st.characters(categories=("L", "N")), min_size=12))
def test_a_digest_does_not_hold_its_value(value: str) -> None:
    assert value not in digest(value, key=KEY)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(SettingError, match="at least 16"):
        digest("x", key=b"short")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to ada.lovelace+x@mail.example.org now", "email"),
        ("IBAN DE89 3704 0044 0532 0130 00", "iban"),
        ("card 4111 1111 1111 1111", "card"),
        ("call +49 170 1234567", "phone"),
        ("ref 123456789012", "long_number"),
        (r"C:\Users\adalovelace\x.docx", "user_folder"),
    ],
)
def test_what_names_somebody_is_removed(text: str, kind: str) -> None:
    clean, kinds = redact(text)
    assert kinds == [kind]
    assert not any(
        part in clean for part in text.split() if any(c.isdigit() or c == "@" for c in part) and len(part) > 3
    )


@pytest.mark.parametrize(
    "text", ["Invoice 5105600123 - ERP", "IBAN DE12 3704 0044 0532 0130 00", "12:30:45", "Sheet1!A2", ""]
)
def test_what_names_nobody_stays(text: str) -> None:
    assert redact(text) == (text, [])


def test_a_shape_tells_the_kind_of_characters_only() -> None:
    assert shape("INV-104233") == shape("ABC-99") == "A-9"


def test_small_groups_are_hidden_but_stay_as_rows() -> None:
    frame = pl.DataFrame({"task_id": ["T01", "T02"], "people": [5, 4], "hours": [10.0, 3.0]})
    hidden = suppress_small_groups(frame, keep=["task_id"])
    assert hidden.rows() == [("T01", 5, 10.0, False), ("T02", None, None, True)]


def test_a_group_of_unknown_size_is_hidden() -> None:
    frame = pl.DataFrame({"people": [None], "hours": [1.0]}, schema={"people": pl.UInt32, "hours": pl.Float64})
    assert suppress_small_groups(frame)["hours"].to_list() == [None]


def test_suppressing_needs_a_count_of_people() -> None:
    with pytest.raises(SettingError, match="no column 'people'"):
        suppress_small_groups(pl.DataFrame({"hours": [1.0]}))


def test_the_key_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert read_key(tmp_path / "key") == key
    with pytest.raises(FileExistsError):
        make_key(tmp_path / "key")


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogFileError, match="nokey"):
        read_key(tmp_path / "nokey")


def test_the_posture_says_when_content_is_in_the_log() -> None:
    said = dict(posture(make_events(["a"], value="secret")).iter_rows())
    assert "confidential" in said["not recorded"]


def test_the_posture_of_few_people_warns_against_sharing() -> None:
    said = dict(posture(make_events(["a"])).iter_rows())
    assert "nothing here is anonymous" in said["sharing"]


def test_the_posture_counts_what_was_removed() -> None:
    said = dict(posture(make_events([{"redactions": ["email", "iban"]}, {"redactions": ["email"]}])).iter_rows())
    assert "e-mail addresses (2 rows), account numbers (1 row)" in said["removed"]


def test_a_date_of_deletion_that_has_passed_is_said_to_have() -> None:
    said = dict(posture(make_events(["a"]), metadata={"kept_until": "2001-01-01"}).iter_rows())
    assert "should have been deleted" in said["kept until"]
    said = dict(posture(make_events(["a"]), metadata={"kept_until": "9999-01-01"}).iter_rows())
    assert said["kept until"] == "9999-01-01. Then the log is to be deleted."


def test_names_are_not_called_pseudonyms() -> None:
    said = dict(posture(make_events(["a"], user="Ada Lovelace")).iter_rows())
    assert "under the names of the log" in said["people"]
    said = dict(posture(make_events(["a"], user=pseudonym("Ada Lovelace", key=KEY))).iter_rows())
    assert said["people"].startswith("1 person, under pseudonyms")


def test_columns_that_nobody_knows_are_named() -> None:
    said = dict(posture(make_events(["a"]).with_columns(typed_text=pl.lit("x"))).iter_rows())
    assert "may hold content: typed_text" in said["not recorded"]


def test_digests_are_spoken_of_only_where_there_are_some() -> None:
    assert "digest" not in dict(posture(make_events(["a"])).iter_rows())["not recorded"]


def test_an_empty_log_shows_nothing() -> None:
    assert dict(posture(make_events(["a"]).clear()).iter_rows())["recorded"] == "Nothing: the log is empty."
