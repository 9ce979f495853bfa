"""The notice says what each profile records, fits a screen, and nothing starts without the word yes."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from taskkit_capture.notice import accept, write_notice
from taskkit_capture.settings import PROFILES

from taskkit.errors import SettingError


def notice(profile: str = "standard", **given: Any) -> str:
    told = {
        "purpose": "Better invoices",
        "seen_by": "Team A",
        "kept_until": "2027-02-01",
        "contact": "the works council",
    }
    return write_notice(profile=profile, **(told | given))


def parts(text: str) -> tuple[str, str]:
    """What the notice says is recorded, and what is not; in one line each."""
    recorded, rest = text.split("\nRecorded\n")[1].split("\nNot recorded\n")
    return " ".join(recorded.split()), " ".join(rest.split("\nWhat you can do\n")[0].split())


@pytest.mark.parametrize("profile", PROFILES)
def test_a_notice_fits_on_a_screen(profile: str) -> None:
    text = notice(profile, typed_digests=True, denied=[f"*pattern {n}*" for n in range(40)], purpose="Why? " * 40)
    assert text.count("\n") < 32
    assert max(map(len, text.split("\n"))) <= 118


@pytest.mark.parametrize("profile", PROFILES)
def test_a_notice_names_purpose_readers_day_and_who_to_ask(profile: str) -> None:
    text = notice(profile)
    assert all(said in text for said in ("Better invoices", "Team A", "2027-02-01", "the works council", profile))


@pytest.mark.parametrize("profile", PROFILES)
def test_titles_are_on_the_side_where_the_profile_puts_them(profile: str) -> None:
    recorded, not_recorded = parts(notice(profile))
    assert ("Titles of windows" in recorded) == ("window_title" not in PROFILES[profile] and profile != "categories")
    assert ("Titles" in not_recorded) == (profile in ("counts", "categories"))


@pytest.mark.parametrize("profile", PROFILES)
def test_fingerprints_are_told_where_they_are_kept(profile: str) -> None:
    assert ("fingerprint" in parts(notice(profile))[0]) == ("value_digest" not in PROFILES[profile])


@pytest.mark.parametrize("profile", PROFILES)
def test_only_the_full_profile_says_that_text_is_kept(profile: str) -> None:
    recorded, not_recorded = parts(notice(profile, typed_digests=True))
    assert ("THE TEXT ITSELF" in recorded) == (profile == "full")
    assert ("copy or type" in not_recorded) == (profile != "full")


def test_typed_text_stays_out_of_the_full_profile_without_digests_of_it() -> None:
    assert "The text that you type" in parts(notice("full"))[1]
    assert "The text that you type" not in parts(notice("full", typed_digests=True))[1]


def test_digests_of_typed_values_are_told() -> None:
    assert "paste or type" in parts(notice(typed_digests=True))[0]
    assert "held in memory" in parts(notice(typed_digests=True))[0]
    assert "held in memory" not in parts(notice())[0]


def test_the_exceptions_are_named() -> None:
    assert "*payroll*" in parts(notice(denied=["*payroll*"]))[1]
    assert "and 2 more" in parts(notice(denied=[f"*{n}*" for n in range(10)]))[1]


def test_encryption_is_told_only_where_it_is() -> None:
    assert "are encrypted" in notice(encrypted=True)
    assert "not encrypted" in notice()


@pytest.mark.parametrize("missing", ["purpose", "seen_by"])
def test_a_notice_without_purpose_or_readers_is_none(missing: str) -> None:
    with pytest.raises(SettingError, match="purpose and seen_by"):
        notice(**{missing: " "})


def test_an_unknown_profile_gets_the_known_ones() -> None:
    with pytest.raises(SettingError, match="Did you mean 'standard'"):
        notice("standart")


def test_yes_gives_the_digest_of_what_was_shown() -> None:
    shown: list[str] = []
    assert (
        accept("the notice", ask=lambda _: " Yes ", tell=shown.append) == hashlib.sha256(b"the notice").hexdigest()[:16]
    )
    assert shown == ["the notice"]


@pytest.mark.parametrize("answer", ["", "y", "no", "yes please", "ja"])
def test_another_answer_is_no(answer: str) -> None:
    with pytest.raises(SettingError, match="nothing was recorded"):
        accept("the notice", ask=lambda _: answer, tell=lambda _: None)


@pytest.mark.parametrize("error", [EOFError, KeyboardInterrupt])
def test_nobody_to_answer_is_no(error: type[BaseException]) -> None:
    def ask(_: str) -> str:
        raise error

    with pytest.raises(SettingError, match="nothing was recorded"):
        accept("the notice", ask=ask, tell=lambda _: None)


@pytest.mark.parametrize(("second", "agreed"), [("yes", True), ("no", False)])
def test_the_text_of_copies_is_asked_for_twice(second: str, agreed: bool) -> None:
    answers = iter(["yes", second])
    try:
        digest = accept("the notice", twice=True, ask=lambda _: next(answers), tell=lambda _: None)
    except SettingError:
        digest = ""
    assert bool(digest) == agreed
    assert next(answers, "all asked") == "all asked"
