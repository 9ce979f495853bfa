"""The ladder from events to actions to activities, up and down again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import taskkit as tk
from taskkit.errors import ContractError
from taskkit.quality import add_active_seconds
from tests.frames import make_events

FIELD: dict[str, Any] = {"window_title": "Form", "element_name": "Amount"}
KINDS = ["click", "double_click", "text_input", "copy", "paste", "key", "shortcut", "scroll", "window_focus", "idle_start",
         "alive", "other"]  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries({
        "event_type": st.sampled_from(KINDS), "window_title": st.sampled_from(["Form", "List", None]),
        "element_name": st.sampled_from(["Amount", "Save", None]), "app": st.sampled_from(["erp", "mail"]),
        "session_id": st.sampled_from(["s1", "s2"]), "after": st.sampled_from([0.2, 2.0, 90.0]),
        "value_digest": st.sampled_from([None, "d1"]), "event_name": st.sampled_from([None, "tab", "ctrl+c"]),
    }), min_size=1, max_size=40,
)  # fmt: skip


def named(*rows: dict[str, Any] | str) -> pl.DataFrame:
    return tk.name_activities(make_events(list(rows)))


def test_a_click_into_a_field_is_part_of_what_is_typed_there() -> None:
    found = named(FIELD, FIELD | {"event_type": "text_input"})
    assert found["activity"].to_list() == ["type into Amount · Form"] * 2
    assert found["step"].to_list() == [True, False]


def test_a_corrected_entry_is_one_action() -> None:
    correct = {"event_type": "shortcut", "event_name": "ctrl+a", "window_title": "Form"}
    found = named(FIELD | {"event_type": "text_input"}, correct, FIELD | {"event_type": "text_input"})
    assert found["action"].to_list() == [1, 1, 1]
    assert found["dropped"].to_list() == [None, "key", None]


def test_selecting_a_text_is_part_of_copying_it() -> None:
    found = named(
        FIELD | {"event_type": "double_click"}, FIELD | {"event_type": "copy"}, FIELD | {"element_name": "Save"}
    )
    assert found.filter("step")["activity"].to_list() == ["copy Amount · Form", "click Save · Form"]


def test_a_click_on_another_element_stays() -> None:
    found = named(FIELD | {"element_name": "Save"}, FIELD | {"event_type": "text_input"})
    assert found.filter("step")["activity"].to_list() == ["click Save · Form", "type into Amount · Form"]


def test_an_entry_does_not_reach_into_another_session() -> None:
    found = named(FIELD | {"session_id": "s1"}, FIELD | {"session_id": "s2", "event_type": "text_input"})
    assert found["activity"].to_list() == ["click Amount · Form", "type into Amount · Form"]


def test_a_window_belongs_to_what_is_done_in_it() -> None:
    found = named({"window_title": "List"}, {"event_type": "window_focus", "window_title": "Form"}, FIELD)
    assert found.select("action", "dropped").rows() == [(1, None), (2, "window"), (2, None)]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"event_type": "alive", "app": None}, "presence"),
        ({"event_type": "scroll"}, "scroll"),
        ({"event_type": "key", "event_name": "Tab"}, "key"),
        ({"event_type": "other", "event_name": "mouse move"}, "pointer"),
        ({"redactions": ["excluded"]}, "excluded"),
    ],
)
def test_what_carries_no_meaning_says_why(row: dict[str, Any], why: str) -> None:
    found = named("Save", row, "Close")
    assert found["dropped"].to_list() == [None, why, None]
    assert found["activity"].to_list() == ["click Save · erp", None, "click Close · erp"]


def test_active_seconds_are_those_of_the_quality_gate() -> None:
    events = make_events(
        [
            "a",
            {"event_type": "alive", "app": None, "after": 30},
            {"after": 10},
            {"event_type": "idle_start", "app": None},
        ]
    )
    assert (
        tk.name_activities(events)["active_seconds"].to_list() == add_active_seconds(events)["active_seconds"].to_list()
    )


def test_a_rule_that_drops_says_so() -> None:
    found = tk.name_activities(make_events(["Save", {"app": "music"}]), rules=[tk.Rule(app="music", drop=True)])
    assert found["dropped"].to_list() == [None, "rule"]


@settings(deadline=None, max_examples=150)
@given(ROWS)
def test_the_ladder_can_be_walked_down_again(rows: list[dict[str, Any]]) -> None:
    events = tk.name_activities(make_events(rows))
    actions = tk.list_actions(events)
    assert actions["events"].sum() == events["action"].is_not_null().sum()
    assert actions.height == events["step"].sum()
    for action in actions.iter_rows(named=True):
        own = events.filter(user=action["user"], session_id=action["session_id"], action=action["action"])
        assert own.filter("step")["activity"].to_list() == [action["activity"]]
        assert {*own["activity"].drop_nulls()} == {action["activity"]}
        assert own["active_seconds"].sum() == pytest.approx(action["active_seconds"])
        assert own["seq"].to_list() == sorted(own["seq"].to_list())
    # the rows of an action stand together, and numbers rise by one
    for _, session in events.filter(pl.col("action").is_not_null()).group_by("session_id"):
        assert session["action"].diff().drop_nulls().is_in([0, 1]).all()


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_every_row_either_has_an_activity_or_a_reason(rows: list[dict[str, Any]]) -> None:
    events = tk.name_activities(make_events(rows))
    assert (events["activity"].is_null() == events["dropped"].is_not_null()).all()


@settings(deadline=None, max_examples=40)
@given(rows=ROWS)
def test_actions_read_from_files_are_those_of_the_frame(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    events = make_events(rows)
    folder = tmp_path_factory.mktemp("logs")
    for (session,), part in events.group_by("session_id"):
        tk.write_log(part, folder / f"{session}.parquet")
    read = tk.read_actions(folder)
    listed = tk.list_actions(tk.name_activities(events))
    assert read["activity"].to_list() == listed["activity"].to_list()
    assert read["events"].to_list() == listed["events"].to_list()
    assert read["active_seconds"].to_list() == pytest.approx(listed["active_seconds"].to_list())


def test_actions_read_from_unsorted_files_are_in_order(tmp_path: Path) -> None:
    events = make_events(["a", {"session_id": "s0"}, "b", "c"])
    for number, row in enumerate([3, 0, 2, 1]):
        tk.write_log(events[row : row + 1], tmp_path / f"{number}.parquet")
    assert tk.read_actions(tmp_path)["seq"].to_list() == [1, 0, 2, 3]


def test_a_pasted_value_came_from_where_it_was_copied() -> None:
    rows = [
        {"app": "mail", "event_type": "copy", "value_digest": "one", "value_length": 9},
        {"app": "pdf", "event_type": "copy", "value_digest": "two", "value_length": 9},
        {"app": "erp", "event_type": "paste", "value_digest": "one", "value_length": 9},
    ]
    assert tk.list_actions(named(*rows)).select("source", "source_action").row(2) == ("copy-paste", 1)


def test_a_typed_value_that_was_shown_elsewhere_is_re_keyed() -> None:
    rows = [
        {"app": "pdf", "event_type": "click", "value_digest": "one", "value_length": 9},
        {"app": "erp", "event_type": "text_input", "value_digest": "one", "value_length": 9},
    ]
    assert tk.list_actions(named(*rows)).select("source", "source_action").row(1) == ("re-keying", 1)


@pytest.mark.parametrize(
    "change", [{"value_length": 2}, {"after": 3_000}, {"session_id": "s2"}, {"value_digest": "two"}]
)
def test_a_value_that_did_not_travel_has_no_source(change: dict[str, Any]) -> None:
    first = {"app": "pdf", "event_type": "copy", "value_digest": "one", "value_length": change.get("value_length", 9)}
    second = {"app": "erp", "event_type": "paste", "value_digest": "one", "value_length": 9} | change
    assert tk.list_actions(named(first, second))["source"].to_list() == [None, None]


def test_actions_need_names() -> None:
    with pytest.raises(ContractError, match="name_activities"):
        tk.list_actions(make_events(["Save"]))


def test_the_text_that_a_field_reports_after_a_paste_is_the_paste() -> None:
    paste, report = FIELD | {"event_type": "paste"}, FIELD | {"event_type": "text_input", "after": 0.5}
    found = named(paste, report)
    assert found["activity"].to_list() == ["paste into Amount · Form"] * 2
    assert tk.count_entries(found).select("entries", "pasted_share").rows() == [(1, 1.0)]


def test_typing_on_after_a_paste_is_an_entry_of_its_own() -> None:
    paste, more = FIELD | {"event_type": "paste"}, FIELD | {"event_type": "text_input", "after": 9.0}
    assert named(paste, more).filter("step")["activity"].to_list() == [
        "paste into Amount · Form",
        "type into Amount · Form",
    ]


def test_a_value_that_stays_in_its_field_is_not_re_keyed() -> None:
    written = {"value_digest": "one", "value_length": 9}
    paste, more = (
        FIELD | {"event_type": "paste"} | written,
        FIELD | {"event_type": "text_input", "after": 9.0} | written,
    )
    assert tk.list_actions(named(paste, more))["source"].to_list() == [None, None]


def test_a_row_stands_for_as_long_as_it_says_it_lasts() -> None:
    look = {"event_type": "window_focus", "app": "word", "duration_ms": 2_400_000}
    found = named(look, {"event_type": "idle_start", "app": None, "after": 2_400})
    assert found["active_seconds"].to_list() == [2_400.0, 0.0]


def test_a_document_that_is_read_by_scrolling_did_not_flicker() -> None:
    focus = {"event_type": "window_focus", "app": "reader", "window_title": "Contract"}
    scroll = {"event_type": "scroll", "app": "reader", "window_title": "Contract"}
    found = named("Order", focus, *[scroll | {"after": 0.4}] * 3, {"element_name": "Save", "after": 20.0})
    assert found.filter("step")["activity"].to_list() == ["click Order · erp", "view Contract", "click Save · erp"]


def test_the_last_window_of_a_session_was_looked_at() -> None:
    found = named("Order", {"event_type": "window_focus", "app": "reader", "window_title": "Contract"})
    assert found["activity"].to_list() == ["click Order · erp", "view Contract"]


@pytest.mark.parametrize("name", [None, "", "window_focus", "Active window changed"])
def test_a_window_that_came_to_the_front_is_viewed_whatever_the_recorder_calls_it(name: str | None) -> None:
    focus = {"event_type": "window_focus", "event_name": name, "app": "reader", "window_title": "Contract"}
    assert named(focus, {"app": "erp"})["activity"][0] == "view Contract"
    assert named(focus, {"app": "reader", "window_title": "Contract", "element_name": "Sign"})["dropped"][0] == "window"
