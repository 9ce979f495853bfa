"""The desk of business context: what can be marked, marking, taking back, and its twin for pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from taskkit import charts
from taskkit.charts.marks import standing_marks
from taskkit.decisions import Decisions
from taskkit.errors import SettingError, TaskkitError
from taskkit.widgets.context import ContextDesk, _Form, marks_card

STEPS = ["worklist", "type into Amount · Invoice - ERP", "save"]


@pytest.fixture(autouse=True)
def no_marks() -> Iterator[None]:
    yield
    charts.show_marks(None)


def frames(people: int = 6, each: int = 4) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events and segments: everybody does one task, and leaves for the mail every second time; one has a secret."""
    events: list[tuple[Any, ...]] = []
    segments: list[tuple[Any, ...]] = []
    for n in range(people * each):
        steps = [*STEPS, *(["mailbox"] if n // people % 2 else []), *(["secret step"] if n == 0 else [])]
        events += [(f"p{n % people}", f"s{n % people}", 10 * n + i, n, step) for i, step in enumerate(steps)]
        apps = ["erp", "mail"] if n // people % 2 else ["erp"]
        segments.append((n, f"p{n % people}", f"s{n % people}", "T01", "Enter", steps, apps, 30.0))
    names = ["segment_id", "user", "session_id", "task_id", "task_name", "activities", "apps", "active_seconds"]
    return (
        pl.DataFrame(events, schema=["user", "session_id", "seq", "segment_id", "activity"], orient="row"),
        pl.DataFrame(segments, schema=names, orient="row"),
    )


@pytest.fixture
def desk(tmp_path: Path) -> ContextDesk:
    return ContextDesk(*frames(), names={"T01": "Enter"}, results=tmp_path / "results")


def test_steps_are_listed_by_activity_and_screen_most_frequent_first(desk: ContextDesk) -> None:
    found = desk.choices("step")
    assert set(found["subject"]) == {*STEPS, "Invoice - ERP", "mailbox"}
    assert found["times"].is_sorted(descending=True)


def test_what_few_people_did_cannot_be_named(desk: ContextDesk) -> None:
    assert "secret" not in " ".join(desk.choices("step")["label"])


def test_the_search_narrows_by_all_words_in_any_case(desk: ContextDesk) -> None:
    assert desk.choices("step", search="ERP amount")["subject"].to_list() == [STEPS[1]]
    assert desk.choices("step", search="nowhere").is_empty()


def test_what_a_task_is_left_for_is_a_detour_and_its_own_application_is_none(desk: ContextDesk) -> None:
    assert desk.choices("detour")["subject"].to_list() == ["mail during “Enter”"]


def test_a_way_is_named_by_its_steps(desk: ContextDesk) -> None:
    ways = desk.choices("variant")
    assert "worklist → Invoice - ERP → save" in ways["subject"].to_list()
    assert set(ways["task_id"]) == {"T01"}


def test_a_step_of_the_process_can_be_marked(tmp_path: Path) -> None:
    process = pl.DataFrame({"case_id": [f"c{n}" for n in range(9)], "activity": "Approve"})
    found = ContextDesk(*frames(), process=process).choices("step").filter(kind="step of the process")
    assert found.select("subject", "times").row(0) == ("Approve", 9)


@pytest.mark.parametrize(("booked", "counted"), [
    ({"resource": [f"U{n % 7}" for n in range(9)]}, "9 ×, 7 users of the business system"), ({}, "9 ×, 9 cases"),
])  # fmt: skip
def test_who_books_in_the_business_system_is_not_counted_among_the_recorded_people(
    booked: dict[str, list[str]], counted: str
) -> None:
    process = pl.DataFrame({"case_id": [f"c{n}" for n in range(9)], "activity": "Approve"} | booked)
    found = ContextDesk(*frames(), process=process).choices("step").filter(kind="step of the process")
    assert found["label"].to_list() == [f"Approve  ·  step of the process, {counted}"]


def test_a_mark_is_recorded_and_shown_by_charts_at_once(desk: ContextDesk) -> None:
    number = desk.record("step", "save", "control", note="four eyes", role="process owner")
    assert desk.marks["number"].to_list() == [number]
    assert [mark.subject for mark in standing_marks()] == ["save"]


def test_a_mark_that_is_taken_back_is_no_longer_shown_but_kept(desk: ContextDesk) -> None:
    number = desk.record("step", "save", "control", role="clerk")
    desk.undo(number, role="clerk")
    assert standing_marks() == ()
    assert desk.path is not None
    assert Decisions(desk.path).history().height == 2


def test_only_a_mark_can_be_taken_back_here(desk: ContextDesk) -> None:
    assert desk.path is not None
    number = Decisions(desk.path).record("T01", "accepted: automate", kind="verdict")
    with pytest.raises(SettingError, match="no mark"):
        desk.undo(number)


def test_a_task_is_noted_with_an_execution_by_which_it_is_found_again(desk: ContextDesk) -> None:
    desk.record("task", "Enter", "policy", task_id="T01", role="clerk")
    moved = desk.segments.with_columns(task_id=pl.lit("T09"))
    assert desk.path is not None
    marks_card(desk.events, moved, results=desk.path.parent / "results")
    assert [mark.task_id for mark in standing_marks()] == ["T09"]


def test_without_a_folder_of_results_nothing_can_be_recorded() -> None:
    with pytest.raises(TaskkitError, match="results="):
        ContextDesk(*frames()).record("step", "save", "control", role="clerk")


def test_the_twin_for_pages_lists_what_stands_and_what_is_gone(desk: ContextDesk) -> None:
    assert "Nothing is marked yet" in desk.static().words
    desk.record("step", "save", "control", note="four eyes", role="clerk")
    desk.record("step", "sign", "control", role="clerk")
    markup = desk.static().markup
    assert "four eyes" in markup
    assert "The step “sign”, marked as control (number 2), is not in this log." in markup


def test_the_card_counts_the_marks_by_kind(desk: ContextDesk) -> None:
    desk.record("step", "save", "control", role="clerk")
    desk.record("step", "worklist", "control", role="clerk")
    assert desk.path is not None
    assert "◆ control 2 ×" in marks_card(desk.events, desk.segments, results=desk.path.parent / "results").words


# --------------------------------------------------------------------------------------------------------------- live
def test_the_form_marks_what_is_chosen_and_shows_it(desk: ContextDesk) -> None:
    form = _Form(desk)
    form.search.value = "save"
    form.kind.value, form.note.value, form.role.value = "work-around", "no interface", "clerk"
    form.keep.click()
    assert desk.marks.select("subject", "mark", "note").row(0) == ("save", "work-around", "no interface")
    assert "no interface" in form.listed.value
    assert "Recorded as number 1" in form.said.value


def test_the_form_says_what_is_missing_in_one_box(desk: ContextDesk) -> None:
    form = _Form(desk)
    form.keep.click()
    assert form.said.value.count("tk-problem") == 1
    assert "role" in form.said.value
    form.search.value = "nowhere"
    form.keep.click()
    assert "Nothing is chosen" in form.said.value


def test_the_form_takes_the_newest_back(desk: ContextDesk) -> None:
    form = _Form(desk)
    assert form.back.disabled
    form.role.value = "clerk"
    form.keep.click()
    form.back.click()
    assert desk.marks.is_empty()
    assert form.back.disabled


def test_who_takes_back_and_leaves_the_role_blank_is_recorded_as_not_stated(desk: ContextDesk) -> None:
    desk.record("step", "save", "control", role="clerk")
    form = _Form(desk)
    form.role.value = "  "
    form.back.click()
    assert desk.path is not None
    assert Decisions(desk.path).history()["role"].to_list() == ["clerk", "not stated"]


def test_a_step_is_marked_in_one_task_where_one_is_chosen(desk: ContextDesk) -> None:
    form = _Form(desk)
    form.task.value, form.role.value = "T01", "clerk"
    form.keep.click()
    assert desk.marks["task_id"].to_list() == ["T01"]


def test_a_note_is_text_and_never_markup(desk: ContextDesk) -> None:
    desk.record("step", "save", "control", note="<script>alert(1)</script>", role="clerk")
    assert "<script>" not in _Form(desk).listed.value
