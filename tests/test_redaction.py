"""What is removed from texts, and what must stay: every kind with its true cases and its false alarms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit.redaction import REDACTIONS, redact

TOKEN = "".join(["sk-", "proj-", "Ab3dEf6hIj9kLm2nOp5qRs8t"])  # put together here: no scanner takes them for real ones
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N"

REMOVED = {
    "national_id": [
        "078-05-1120", "AB 12 34 56 C", "AB123456C", "86095742719", "65 929 970 489", "RSSMRA85T10A562S",
        "rssmra85t10a562s", "12345678Z", "12345678-Z", "X1234567L", "X-1234567-L", "BSN 111222333", "BSN: 1112.22.333",
        "burgerservicenummer 123456782", "2 55 08 14 168 025 38", "255081416802538", "1 55 08 2A 168 025 50",
    ],
    "phone": [
        "+49 170 1234567", "0049 170 1234567", "(030) 123 45 67", "(030) 1234567", "(089) 12345-678", "(555) 212-4567",
        "555-212-4567", "01 23 45 67 89", "Tel. 030 1234567", "Tel.: 030/1234567", "Telefon 0301234567",
        "phone no. 555 212 4567", "Fax: (030) 123 45 68", "Tél. 01.23.45.67.89", "Mobil 0170-1234567",
    ],
    "secret": [
        "AKIA" + "IOSFODNN7EXAMPLE", "ghp_" + "aB3" * 12, TOKEN, JWT, "Bearer abcdef0123456789abcdef",
        "5f4dcc3b5aa765d61d8327deb882cf99", "3f786850e387550fdab836ed7e6dc881de23001b",
        "b2Xk9QpLm3VtZ7RwY1cJf8HsNd4GaE6u", "q8Zr2Tn5Xw9Lb4Vc7Km1Pj6Hd3Fs0GyA+eU2oQ9i=", "password: hunter2!",
        "token=abc123", "API key: 9f8e7d",
    ],
}  # fmt: skip

STAYS = [
    "Invoice 5105600123 - ERP", "INV-2024-000123", "RE 2024/0815", "4500012345-00010", "Order 123-45-678",
    "2024-03-01", "01.03.2024 12:30:45", "20240301T101500", "20240301A", "Backup 20240301B.zip", "Q3/2024", "KW 47/2024",
    "v2.13.4.1187", "10.0.19045.3803", "Windows Phone 8.1.15127.138", "Chrome 131.0.6778.85", "iPhone 15 Pro 256 GB",
    "1.234.567,89 EUR", "$1,234,567.89", "EUR 12 345,00", "12 345 678,50", "99,95 % of 1 000 000", "3 x 400 V 50 Hz 16 A",
    "192.168.178.24", "Room 4.05.12", "Fax 2024-11-22", "Fax 01.11.2024", "Sheet (1) 2024", "page 12 of 345",
    "12345678A", "X1234567A", "RSSMRA85T10A562T", "BSN 111222334", "Ref 111222333", "000-12-3456", "666-12-3456",
    "1.0049170123", "0.000 000 053",
    "0000123456", "GB123456A",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "deadbeef", "AbstractSingletonProxyFactoryBeanManager2",
    "Quarterly-Report-2024-Final-Version-3-Signed-by-Everybody", "task-management-2024-overview-of-everything",
    "https://erp.example.org/purchase-orders/2024/vendors/10042/positions/30/edit", "x" * 60, "=" * 60, "A1" * 10,
    "Telefon", "Password", "Reset your password", "Token ring", "The secret garden", "PO (45) 1234", "Kd.-Nr. 10 04 22",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in REMOVED.items() for text in texts])
@pytest.mark.parametrize("frame", ["{}", "see {} there", "({})", "a: {}, b", "{}."])
def test_what_names_somebody_is_removed(kind: str, text: str, frame: str) -> None:
    if text[0] == "(" and frame == "({})":
        frame = "{}"
    clean, kinds = redact(frame.format(text))
    assert clean == frame.format(f"[{kind}]")
    assert kinds == [kind]


@pytest.mark.parametrize("text", STAYS)
@pytest.mark.parametrize("frame", ["{}", "see {} there", "({})"])
def test_what_names_nobody_stays(text: str, frame: str) -> None:
    assert redact(frame.format(text)) == (frame.format(text), [])


@pytest.mark.parametrize("number", ["12345678Z", "RSSMRA85T10A562S"])
def test_a_wrong_check_letter_is_no_id(number: str) -> None:
    others = [number[:-1] + chr(letter) for letter in range(ord("A"), ord("Z") + 1) if chr(letter) != number[-1]]
    assert [text for text in others if redact(text) != (text, [])] == []


@pytest.mark.parametrize(
    "text", ["AB123456CX", "XAB123456C", "1078-05-1120", "078-05-11201", "12345678ZZ", "9555-212-4567"]
)
def test_a_part_of_a_longer_word_is_no_id(text: str) -> None:
    assert redact(text) == (text, [])


# ------------------------------------------------------------------------------------------------------- given words
@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Ada Lovelace", "[name] Lovelace"),
        ("report_ADA_v2.docx", "report_[name]_v2.docx"),
        ("adaptive Nevada", "adaptive Nevada"),
        ("ada@host-17:~", "[name]@[name]:~"),
        ("ada.l@example.org", "[email]"),
        ("host-17 host-171", "[name] host-171"),
        ("a.b axb", "[name] axb"),
    ],
)
def test_given_words_are_removed_as_words(text: str, clean: str) -> None:
    assert redact(text, words=("ada", "host-17", "a.b"))[0] == clean


def test_a_word_inside_a_mark_is_left_alone() -> None:
    assert redact("ada@example.org, Email", words=["email"]) == ("[email], [name]", ["email", "name"])


def test_the_longer_of_two_words_wins() -> None:
    assert redact("ada-lovelace", words=["ada", "ada-lovelace"])[0] == "[name]"


@pytest.mark.parametrize("words", [(), ("",), (" ",), ("a",)])
def test_no_word_removes_nothing(words: tuple[str, ...]) -> None:
    assert redact("a cat", words=words) == ("a cat", [])


def test_one_word_need_not_be_in_a_list() -> None:
    assert redact("Ada", words="ada")[0] == "[name]"


# -------------------------------------------------------------------------------------------------------- properties
PIECES = st.sampled_from(
    [*[t for texts in REMOVED.values() for t in texts], *STAYS, " ", "-", "٣", "ı", "İ", "ſ", "\n", "x"]
)


@given(st.lists(PIECES | st.text(max_size=8), max_size=6).map("".join))
def test_any_text_is_redacted_and_a_redacted_text_is_left_alone(text: str) -> None:
    clean, kinds = redact(text)
    assert (clean == text) == (kinds == [])
    assert set(kinds) <= set(REDACTIONS)
    assert len(redact(clean)[0]) <= len(clean) + 20


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_given_word_is_nowhere_in_what_is_kept(before: str, after: str) -> None:
    assert "lovelace" not in redact(f"{before} Lovelace {after}", words=["lovelace"])[0].casefold()


def test_a_long_text_takes_no_long_time() -> None:
    for text in ("1 " * 50_000, "a" * 100_000, "a@" * 50_000, "(0" * 50_000, "A1b2" * 25_000, "0 1-" * 25_000):
        assert isinstance(redact(text)[0], str)
