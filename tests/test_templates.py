"""Screens learnt from titles: what changes with the record becomes a slot, what names the screen stays."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import taskkit as tk
from taskkit.activities import templates
from taskkit.activities.templates import count_forms, learn_templates, plain_texts, split
from tests.frames import make_events

SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "accounts_payable"
PEOPLE = [f"{first} {last}" for first in ("Ada", "Bea", "Cem", "Dov") for last in ("Arp", "Boll", "Cruz", "Dietz")]


def learnt(profiles: dict[str, dict[str, float]]) -> dict[str, str]:
    templates = learn_templates(profiles)
    return {text: templates.template(text) for text in profiles}


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Invoice 4711 of 2026-03-02 - ERP", "Invoice # of # - ERP"),
        ("(3) Inbox (12) - Mail", "Inbox (#) - Mail"),
        ("Total 1.234,50 · 08:15", "Total # · #"),
        ("order 3f2504e0-4f89-11d3-9a0c-0305e82c3301 open", "order # open"),
        ("News and 3 more pages - Edge", "News - Edge"),
        ("● draft.txt - Editor", "draft.txt - Editor"),
        ("  two\n lines ", "two lines"),
        ("", None),
    ],
)
def test_numbers_ids_and_counters_leave_a_text(text: str, plain: str | None) -> None:
    assert plain_texts(pl.Series([text])).to_list() == [plain]


def test_short_codes_name_a_screen_as_long_as_they_are_few() -> None:
    few = pl.Series(["ME21N Order 4500012345", "ME22N Order 4500012346", "VA01 Order 1", "Book.xlsx | Sheet2"])
    assert plain_texts(few).to_list() == ["ME21N Order #", "ME22N Order #", "VA01 Order #", "Book.xlsx | Sheet2"]
    many = pl.Series([f"T{number} open" for number in range(100, 120)])
    assert plain_texts(many).unique().to_list() == ["T# open"]


def test_cells_are_no_codes() -> None:
    assert plain_texts(pl.Series(["B1", "B2", "$C$3:D4"])).to_list() == ["B#", "B#", "$C$#:D#"]


def test_a_text_is_split_so_that_it_can_be_put_together_again() -> None:
    for text in ("Chat | Ada - Talk", "Statement_Abel_#.xlsx - Excel", "RE: Offer - Mail", "plain"):
        assert "".join(split(text)) == text


def test_who_one_talks_to_is_a_slot_where_the_same_is_done_with_all() -> None:
    names = learnt({f"Chat | {name} - Talk": {"Message": 9} for name in PEOPLE[:8]})
    assert {*names.values()} == {"Chat | ‹…› - Talk"}


def test_screens_on_which_other_things_are_done_keep_their_names() -> None:
    screens = {f"{name} - ERP": {f"field {name}": 20.0, "Save": 2.0} for name in PEOPLE}
    assert {*learnt(screens).values()} == {*screens}


def test_records_among_named_screens_become_one_screen() -> None:
    records = {f"{name} - CRM": {"Phone": 4.0, "Call": 3.0} for name in PEOPLE}
    screens = {"Search - CRM": {"Query": 9.0}, "Settings - CRM": {"Language": 5.0}}
    assert {*learnt(records | screens).values()} == {"‹…› - CRM", "Search - CRM", "Settings - CRM"}


def test_words_that_all_records_share_stay() -> None:
    names = learnt({f"Order of {name} - Shop": {"Pack": 3.0} for name in PEOPLE})
    assert {*names.values()} == {"Order of ‹…› - Shop"}


def test_without_any_deed_it_takes_many_texts_of_one_beginning() -> None:
    few = {f"Customer {name} - CRM": dict[str, float]() for name in PEOPLE[:7]}
    many = {f"Customer {name} - CRM": dict[str, float]() for name in PEOPLE}
    assert {*learnt(few).values()} == {*few}
    assert {*learnt(many | {"Start - CRM": {}}).values()} == {"Customer ‹…› - CRM", "Start - CRM"}


def test_two_places_of_one_title_can_be_slots() -> None:
    names = learnt({f"{who} - {what} - Mail": {"Reply": 2.0} for who in PEOPLE for what in PEOPLE[::-1]})
    assert {*names.values()} == {"‹…› - ‹…› - Mail"}


def test_a_record_that_was_not_there_while_learning_fits_the_template() -> None:
    templates = learn_templates({f"Chat | {name} - Talk": {"Message": 9} for name in PEOPLE})
    assert templates.template("Chat | Somebody New - Talk") == "Chat | ‹…› - Talk"


def test_two_sites_are_not_mixed() -> None:
    texts = {f"{name} - Browser": {"Read": 3.0} for name in PEOPLE}
    sites = {text: "https://one" if i % 2 else "https://two" for i, text in enumerate(texts)}
    templates = learn_templates(
        {"Help - Browser": {"Read": 3.0}} | texts, groups=sites | {"Help - Browser": "https://three"}
    )
    assert templates.template("Help - Browser") == "Help - Browser"


@settings(deadline=None, max_examples=40)
@given(st.permutations(PEOPLE), st.integers(0, 3))
def test_the_order_of_texts_does_not_matter(people: list[str], few: int) -> None:
    profiles = {f"{name} - {'CRM' if len(name) % 2 else 'ERP'}": {"Save": float(len(name))} for name in people[few:]}
    assert learnt(profiles) == learnt(dict(sorted(profiles.items())))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(max_size=30), max_size=40))
def test_any_text_has_a_template(texts: list[str]) -> None:
    plain = [text for text in plain_texts(pl.Series(texts, dtype=pl.String)).to_list() if text is not None]
    assert all(learnt({text: {} for text in plain}).values())


LETTERS = st.sampled_from([
    "ME", "N", "Sheet", "U", "ab", "ä", "文", "e\u0301", "_", "$", ":", "-", " ", ".", "/", "(", ") ", "#", "٣", "١٢٣٤", "²",
])  # fmt: skip
CODES = st.lists(st.sampled_from(["ME12", "ME13 ", "VA1", " T07 ", "2026", " - ", "x", "B2"]), max_size=4).map("".join)
DIGITS = st.integers(1, 8).flatmap(lambda many: st.text("0123456789", min_size=many, max_size=many))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(LETTERS | DIGITS, max_size=8).map("".join), min_size=1, max_size=40), st.booleans())
def test_long_numbers_are_told_apart_by_nothing(texts: list[str], many: bool) -> None:
    series = pl.Series(texts)
    counted = frozenset(sorted(count_forms(series))[::2]) if many else None
    plain = plain_texts(series, counted=counted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("taskkit.activities.templates._LONG", r"[^\s\S]")  # each text is looked at as it stands
        templates._known_plain.cache_clear()
        assert plain_texts(series, counted=counted).equals(plain)


@settings(deadline=None, max_examples=100)
@given(st.lists(CODES, min_size=1, max_size=20), st.sampled_from([0, 3, 99]))
def test_what_was_seen_before_changes_nothing(texts: list[str], room: int) -> None:
    counted = frozenset(templates._find_codes(pl.Series(texts))[1]["form"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(templates, "MOST_KNOWN", room)
        templates._known_plain.cache_clear()
        plain_texts(pl.Series(texts), counted=frozenset())  # with other forms a text has another name
        together = plain_texts(pl.Series(texts), counted=counted).to_list()
        assert together == plain_texts(pl.Series(texts), counted=counted).to_list()
        assert len(templates._known_plain(counted)) < room + len(texts)
        templates._known_plain.cache_clear()
        assert together == [plain_texts(pl.Series([text]), counted=counted).item() for text in texts]


def test_the_sample_has_as_many_screens_as_were_planted() -> None:
    truth = pl.read_parquet(SAMPLE / "truth" / "events.parquet")
    named = tk.name_activities(tk.read_log(SAMPLE / "ui_log"))
    both = named.join(truth, on=["user", "session_id", "seq"])
    true, found = both["true_screen"].drop_nulls().n_unique(), both["screen"].drop_nulls().n_unique()
    assert abs(found / true - 1) <= 0.2
    # not only as many, but the same ones: rows of one true screen are rows of one found screen
    pairs = both.drop_nulls(["true_screen", "screen"]).group_by("true_screen", "screen").len()
    agreed = pairs.group_by("true_screen").agg(pl.col("len").max())["len"].sum() / pairs["len"].sum()
    purity = pairs.group_by("screen").agg(pl.col("len").max())["len"].sum() / pairs["len"].sum()
    assert agreed > 0.97
    assert purity > 0.97


def test_less_than_a_tenth_of_the_sample_s_time_is_unnamed_without_a_rule() -> None:
    measured = tk.measure_naming(tk.name_activities(tk.read_log(SAMPLE / "ui_log")))
    assert measured.filter(named_by="unnamed")["share"].item() < 0.1


def test_names_do_not_depend_on_the_order_of_rows() -> None:
    rows = [{"window_title": f"{name} - CRM", "element_name": "Phone"} for name in PEOPLE] * 2
    rows += [{"window_title": "Search - CRM", "element_name": "Query"}] * 3
    events = make_events(rows)
    mixed = events.sample(fraction=1.0, shuffle=True, seed=random.Random(5).randint(0, 99))
    assert tk.name_activities(mixed).equals(tk.name_activities(events))


def test_a_busy_toolbar_does_not_make_one_screen_of_many() -> None:
    own = {f"{name} - ERP": {f"{name} field {n}": 10.0 for n in range(10)} for name in PEOPLE}
    with_toolbar = {title: fields | {"Save": 60.0, "Print": 20.0} for title, fields in own.items()}
    assert {*learnt(with_toolbar).values()} == {*with_toolbar}


def test_records_are_found_behind_many_screens_of_their_own() -> None:
    modules = {
        f"Module {'abcdefgh'[n % 8]}{'xyz' * (n // 8 + 1)} - ERP": {f"element {n} {k}": 20.0 for k in range(3)}
        for n in range(60)
    }
    records = {f"{name} - ERP": {"name": 1.0, "street": 1.0, "Save": 1.0} for name in PEOPLE}
    names = learnt(modules | records)
    assert {names[title] for title in records} == {"‹…› - ERP"}
    assert {names[title] for title in modules} == {*modules}
