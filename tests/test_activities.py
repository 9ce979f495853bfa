"""Events → named activities."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import taskkit as tk
from taskkit.errors import ContractError
from tests.frames import make_events


def test_no_row_is_lost_and_steps_are_marked() -> None:
    named = tk.name_activities(make_events(["Save", "Save", {"event_type": "scroll"}, "Close"]))
    assert named["step"].to_list() == [True, False, False, True]
    assert named.height == 4


def test_numbers_do_not_make_new_activities() -> None:
    named = tk.name_activities(
        make_events([{"window_title": "Invoice 4711 - ERP"}, {"window_title": "Invoice 4712 - ERP"}])
    )
    assert named["activity"].unique().to_list() == ["click Invoice # - ERP"]


def test_a_title_part_with_many_texts_becomes_a_slot() -> None:
    vendors = ["Abel", "Bohm", "Czar", "Dahl", "Ekma", "Frey", "Gast", "Hahn", "Ibsen", "Jung", "Kern", "Lahm"]
    named = tk.name_activities(
        make_events([{"window_title": f"{name} - Vendor - ERP", "element_name": "Save"} for name in vendors])
    )
    assert named["activity"].unique().to_list() == ["click Save · ‹…› - Vendor - ERP"]


def test_names_in_a_list_of_mails_become_slots() -> None:
    senders = [chr(65 + i) * 3 + " GmbH" for i in range(12)]
    named = tk.name_activities(
        make_events([{"window_title": "Inbox", "element_name": f"Offer - {name}"} for name in senders])
    )
    assert named["activity"].unique().to_list() == ["click Offer - ‹…› GmbH · Inbox"]


def test_field_names_with_underscores_are_not_slots() -> None:
    fields = [f"q_{chr(97 + i)}_name" for i in range(20)]
    assert tk.name_activities(make_events(fields))["activity"].n_unique() == 20


def test_a_title_part_with_few_texts_stays() -> None:
    screens = ["Enter", "Match", "Approve"] * 5
    named = tk.name_activities(make_events([{"window_title": f"Invoice - {name} - ERP"} for name in screens]))
    assert named["activity"].n_unique() == 3


def test_a_window_that_was_only_looked_at_is_a_step() -> None:
    look = [{"event_type": "window_focus", "app": "pdf", "window_title": "Scan"}, {"app": "erp", "window_title": "ERP"}]
    assert tk.name_activities(make_events(look))["activity"].to_list() == ["view Scan", "click ERP"]


def test_a_window_in_which_something_was_done_is_not_a_step_of_its_own() -> None:
    rows = [{"event_type": "window_focus", "window_title": "ERP"}, {"window_title": "ERP", "element_name": "Save"}]
    assert tk.name_activities(make_events(rows))["step"].to_list() == [False, True]


def test_a_window_that_flickered_is_no_step() -> None:
    rows = [{"event_type": "window_focus", "app": "chat"}, {"app": "erp", "after": 0.4}]
    assert tk.name_activities(make_events(rows))["step"].to_list() == [False, True]


def test_presence_rows_carry_no_activity() -> None:
    rows = [{"event_type": "session_start", "app": None}, "Save", {"event_type": "idle_start", "app": None}]
    assert tk.name_activities(make_events(rows))["activity"].null_count() == 2


def test_repeats_in_two_sessions_are_not_merged() -> None:
    rows = [{"session_id": "s1", "element_name": "Save"}, {"session_id": "s2", "element_name": "Save"}]
    assert tk.name_activities(make_events(rows))["step"].to_list() == [True, True]


def test_naming_twice_changes_nothing() -> None:
    once = tk.name_activities(make_events(["Save", "Save", "Close"]))
    assert tk.name_activities(once).select(once.columns).equals(once)


def test_the_order_of_rows_does_not_matter() -> None:
    events = make_events(["Save", {"event_type": "window_focus", "app": "pdf"}, "Close", "Close", {"app": "chat"}])
    assert tk.name_activities(events.sample(fraction=1, shuffle=True, seed=1)).equals(tk.name_activities(events))


def test_the_input_is_not_changed() -> None:
    events = make_events(["Save", "Close"])
    before = events.clone()
    tk.name_activities(events)
    assert events.equals(before)


def test_a_frame_that_breaks_the_contract_is_refused_with_every_problem() -> None:
    broken = make_events(["Save"]).drop("app").with_columns(user=pl.lit(None, pl.String))
    with pytest.raises(ContractError, match=r"(?s)column 'user'.*column 'app'"):
        tk.name_activities(broken)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=12))
def test_any_title_can_be_named(titles: list[str]) -> None:
    named = tk.name_activities(make_events([{"window_title": title} for title in titles]))
    assert named.height == len(titles)


def test_switches_count_steps_only() -> None:
    rows = [
        {"app": "mail"},
        {"app": "chat", "event_type": "window_focus"},
        {"app": "erp", "after": 0.2},
        {"app": "mail"},
    ]
    counted = tk.count_switches(tk.name_activities(make_events(rows)))
    assert counted.select("from_app", "to_app", "switches").rows() == [("erp", "mail", 1), ("mail", "erp", 1)]


def test_a_paste_belongs_to_the_copy_of_the_same_value() -> None:
    rows = [
        {"app": "mail", "event_type": "copy", "value_digest": "one"},
        {"app": "pdf", "event_type": "copy", "value_digest": "two"},
        {"app": "erp", "event_type": "paste", "value_digest": "one"},
    ]
    counted = tk.count_transfers(tk.name_activities(make_events(rows)))
    assert counted.select("from_app", "to_app", "median_seconds").rows() == [("mail", "erp", 10.0)]


def test_a_paste_without_a_copy_is_not_lost() -> None:
    counted = tk.count_transfers(tk.name_activities(make_events([{"event_type": "paste", "value_digest": "x"}])))
    assert counted.select("from_app", "transfers").rows() == [(None, 1)]


def test_time_per_app_adds_up_to_the_active_time() -> None:
    named = tk.name_activities(make_events([{"app": "mail"}, {"app": "erp", "after": 500}, {"app": "mail"}]))
    assert tk.time_per_app(named)["active_hours"].sum() == pytest.approx(65 / 3600)
