"""Case references: numbers of business objects are found, told from dates and counters, and stored as digests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import taskkit as tk
from taskkit.activities.references import FEW_VALUES, suggest_reference_rule
from taskkit.errors import SettingError
from taskkit.privacy import digest
from tests.frames import make_events

KEY = b"k" * 32


def named(*rows: Any) -> pl.DataFrame:
    return tk.name_activities(make_events([{"window_title": r} if isinstance(r, str) else r for r in rows]))


def found(events: pl.DataFrame, kind: str = "reference") -> dict[str, dict[str, Any]]:
    """Pattern → its row, of one kind."""
    return {row["pattern"]: row for row in tk.find_case_refs(events).filter(kind=kind).iter_rows(named=True)}


def test_planted_numbers_are_found_with_their_values_and_time() -> None:
    events = named(*[f"Invoice INV-10450{n % 6} - Enter" for n in range(12)], *["Inbox"] * 4)
    row = found(events)[r"\b(INV\-\d{6})\b"]
    assert (row["field"], row["values"], row["collisions"], row["several"], row["people"]) == (
        "window_title",
        6,
        0,
        0,
        1,
    )
    assert row["active_hours"] * 3600 == pytest.approx(60)
    assert row["share"] == pytest.approx(60 / 75)


def test_one_number_behind_two_names_is_a_collision() -> None:
    events = named(*[f"Invoice INV-45000{n}" for n in range(10, 17)], *[f"Order PO-45000{n}" for n in range(14, 20)])
    rows = found(events)
    assert rows[r"\b(INV\-\d{7})\b"]["collisions"] == rows[r"\b(PO\-\d{7})\b"]["collisions"] == 3


def test_dates_years_and_times_are_dates() -> None:
    events = named(
        *[f"Sheet 2026-03-{n:02d} - x" for n in range(10, 20)], *[f"At {n:02d}.{n:02d}.2026" for n in range(1, 9)]
    )
    assert found(events) == {}
    assert sum(row["values"] for row in found(events, "date").values()) == 18


def test_cells_pages_and_counts_are_counters() -> None:
    events = named(*[{"element_name": f"B{n}"} for n in range(10, 20)], *[f"page {n} of 99" for n in range(10, 20)])
    assert found(events) == {}
    assert len(found(events, "counter")) >= 2


def test_amounts_and_percentages_are_not_taken_for_numbers_of_things() -> None:
    events = named(*[f"Total {n},204.50, {n + 10}.55 and {n * 11} %" for n in range(1000, 1010)])
    assert found(events) == {}


def test_too_few_values_are_no_pattern() -> None:
    assert found(named(*[f"INV-10450{n}" for n in range(FEW_VALUES - 1)])) == {}


def test_an_address_says_by_its_folder_what_the_number_is_of() -> None:
    rows = [
        {"url": f"https://erp.example/{kind}/{n}/edit"} for kind in ("orders", "vendors") for n in range(4500, 4507)
    ]
    patterns = found(named(*rows))
    assert {pattern.split("/")[1] for pattern in patterns} == {"orders", "vendors"}
    assert all(row["values"] == 7 for row in patterns.values())


def test_a_row_that_shows_a_list_is_counted_apart_and_gets_no_reference() -> None:
    rows = [*(f"INV-10450{n}" for n in range(6)), "INV-104500 and INV-104501", "INV-104502, again INV-104502"]
    events = named(*rows)
    pattern, row = next(iter(found(events).items()))
    assert row["several"] == 1
    given_refs = tk.add_case_refs(events, patterns=[pattern], keep=True)["case_ref"].to_list()
    assert given_refs == [*(f"INV-10450{n}" for n in range(6)), None, "INV-104502"]


def test_every_pattern_finds_again_what_it_was_made_from() -> None:
    shown = [f"{letters}{n}" for letters in ("INV-", "PO ", "scan_", "V", "2026/", "") for n in range(104500, 104507)]
    events = named(*(f"Look at {text} - ERP" for text in shown))
    patterns = sorted(found(events), key=lambda pattern: pattern.startswith("(?:"))  # bare numbers last: the first wins
    refs = tk.add_case_refs(events, patterns=patterns, keep=True)["case_ref"]
    assert refs.to_list() == shown


def test_digests_need_a_key_and_hide_the_number() -> None:
    events = named("Invoice INV-104500")
    with pytest.raises(SettingError, match="give key=…, or keep=True"):
        tk.add_case_refs(events, patterns=[r"(INV-\d{6})"])
    hidden = tk.add_case_refs(events, patterns=[r"(INV-\d{6})"], key=KEY)["case_ref"].to_list()
    assert hidden == [digest("inv-104500", key=KEY)]
    assert "104500" not in hidden[0]


def test_a_reference_that_is_there_stays_as_it_is() -> None:
    events = named({"window_title": "INV-104500", "case_ref": "mine"}, {"window_title": "INV-104501", "case_ref": None})
    refs = tk.add_case_refs(events, patterns=[r"(INV-\d{6})"], key=KEY)["case_ref"].to_list()
    assert refs == ["mine", digest("inv-104501", key=KEY)]


def test_the_first_pattern_goes_before_the_second() -> None:
    events = named("PO-4500 of INV-104500")
    for patterns in ([r"(INV-\d+)", r"(PO-\d+)"], [r"(PO-\d+)", r"(INV-\d+)"]):
        ref = tk.add_case_refs(events, patterns=patterns, keep=True)["case_ref"][0]
        assert re.fullmatch(patterns[0], ref)


def test_a_pattern_that_cannot_be_read_is_one_clear_error() -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        tk.add_case_refs(named("x"), patterns=["("], keep=True)


def test_neither_function_changes_rows_or_their_order() -> None:
    events = named(*[f"INV-10450{n}" for n in range(6)])
    added = tk.add_case_refs(events, patterns=[r"(INV-\d{6})"], keep=True)
    assert added.drop("case_ref").equals(events.drop("case_ref", strict=False))
    assert tk.find_case_refs(events.reverse()).equals(tk.find_case_refs(events))


@given(st.lists(st.text(max_size=25), min_size=1, max_size=12))
def test_any_titles_give_patterns_that_can_be_read(texts: list[str]) -> None:
    events = named(*[f"{text} {n}{text}" for text in texts for n in (10_000, 10_001, 10_002, 10_003, 10_004)])
    listed = tk.find_case_refs(events)
    refs = tk.add_case_refs(events, patterns=listed["pattern"].to_list(), keep=True)
    assert refs.height == events.height
    assert listed["share"].is_between(0, 1 + 1e-9).all()


def test_a_candidate_becomes_a_rule_that_fills_the_reference() -> None:
    titles = [f"Invoice INV-10450{n}" for n in range(6)]
    urls = [{"url": f"https://erp.example/orders/450{n}"} for n in range(6)]
    names = [{"element_name": f"scan_510{n}"} for n in range(6)]
    events = named(*titles, *urls, *names)
    rules = [suggest_reference_rule(row) for row in found(events).values()]
    assert len(rules) == 3
    refs = tk.name_activities(events, rules=rules)["case_ref"].to_list()
    assert refs == [
        *(f"INV-10450{n}" for n in range(6)),
        *(f"450{n}" for n in range(6)),
        *(f"scan_510{n}" for n in range(6)),
    ]


def test_the_numbers_of_the_sample_are_offered() -> None:
    events = tk.read_log(Path(__file__).parents[1] / "data" / "samples" / "accounts_payable" / "ui_log")
    listed = tk.find_case_refs(tk.name_activities(events)).filter(kind="reference")
    shown = "".join(listed["pattern"])
    for planted in (r"INV\-\d{6}", r"PO\-\d{7}", r"GR\-\d{7}", r"V\-\d{5}"):
        assert planted in shown
    assert listed["collisions"].sum() == 0
