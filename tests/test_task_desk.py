"""The desk where tasks are named and made one: what it lists, records, takes back, and its twin for pages."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from taskkit.decisions import Decisions
from taskkit.decisions.names import apply_names
from taskkit.errors import SettingError, TaskkitError
from taskkit.widgets.task_desk import TaskDesk
from taskkit.widgets.task_form import TaskForm

STEPS = {"T01": ["worklist", "amount"], "T02": ["worklist", "sum up"], "T03": ["secret"]}


def frames() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Six people do T01 and T02 twice each, two of them T03; every execution has three rows."""
    found = [(task, n % 6) for task, times in (("T01", 12), ("T02", 12), ("T03", 2)) for n in range(times)]
    segments = pl.DataFrame(
        [(i, f"p{who}", task, f"found {task}", 0.9, STEPS[task], 60.0 if task == "T01" else 30.0)
         for i, (task, who) in enumerate(found)],
        schema=["segment_id", "user", "task_id", "task_name", "task_confidence", "activities", "active_seconds"], orient="row",
    )  # fmt: skip
    events = pl.DataFrame(
        [(f"p{who}", "s1", 3 * i + k, i) for i, (_, who) in enumerate(found) for k in range(3)],
        schema=["user", "session_id", "seq", "segment_id"], orient="row",
    )  # fmt: skip
    return events, segments


@pytest.fixture
def desk(tmp_path: Path) -> TaskDesk:
    return TaskDesk(*frames(), results=tmp_path / "results")


def called(desk: TaskDesk) -> dict[str, str]:
    return dict(desk.tasks.select("task_id", "task_name").iter_rows())


def replayed(desk: TaskDesk) -> pl.DataFrame:
    """The segments as mining them again would give them, as far as names are concerned."""
    events, segments = frames()
    return apply_names(segments.with_columns(switches=pl.lit(0)), events, desk.standing.entries)[0]


# ------------------------------------------------------------------------------------------------------------ what is listed
def test_tasks_are_listed_by_active_time_and_small_groups_are_not(desk: TaskDesk) -> None:
    assert desk.choices()["task_id"].to_list() == ["T01", "T02"]
    assert desk.choices().row(0) == ("T01", "found T01", "found T01", pytest.approx(0.2), 12, 6)


def test_the_step_that_others_do_not_have_tells_a_task(desk: TaskDesk) -> None:
    assert desk.steps("T02")[0] == ("sum up", 1.0)


# ------------------------------------------------------------------------------------------------------------- what is decided
def test_a_name_is_recorded_with_a_row_of_the_task_and_shown_at_once(desk: TaskDesk) -> None:
    number = desk.name("T01", "  Enter  invoices ", why="we say so", role="clerk")
    assert called(desk)["T01"] == "Enter invoices"
    assert desk.standing.entries["number"].to_list() == [number]
    assert apply_names(frames()[1], frames()[0], desk.standing.entries)[0]["task_name"][0] == "Enter invoices"


def test_a_name_survives_new_numbers(desk: TaskDesk) -> None:
    desk.name("T01", "Enter invoices", role="clerk")
    other = desk.segments.with_columns(pl.col("task_id").replace({"T01": "T02", "T02": "T01"}))
    assert desk.path is not None
    moved = TaskDesk(desk.rows, other, results=desk.path.parent / "results")
    assert called(moved)["T02"] == "Enter invoices"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (" ", "missing"),
        ("found T02", "T02 bears this name"),
        ("T02", "number of a task"),
        ("found T01", "called so already"),
    ],
)
def test_names_that_help_nobody_are_refused_with_all_problems(desk: TaskDesk, name: str, words: str) -> None:
    with pytest.raises(SettingError, match=words) as caught:
        desk.name("T01", name, role="")
    assert "role is missing" in str(caught.value)


def test_a_task_that_is_the_same_is_counted_with_the_other(desk: TaskDesk) -> None:
    desk.merge("T02", "T01", role="clerk")
    assert desk.choices().select("task_id", "times", "people").rows() == [("T01", 24, 6)]
    assert desk.steps("T01")[0][1] == pytest.approx(1.0)


def test_after_mining_again_the_same_is_shown_and_can_be_taken_back(desk: TaskDesk) -> None:
    desk.name("T02", "Sheets", role="clerk")
    number = desk.merge("T02", "T01", role="clerk")
    assert desk.path is not None
    again = TaskDesk(desk.rows, replayed(desk), results=desk.path.parent / "results")
    assert called(again) == {"T01": "found T01", "T03": "found T03"}
    again.undo(number, role="clerk")
    assert called(again)["T02"] == "Sheets"


def test_a_name_that_is_taken_back_after_mining_again_gives_the_found_one(desk: TaskDesk) -> None:
    number = desk.name("T01", "Enter invoices", role="clerk")
    assert desk.path is not None
    again = TaskDesk(desk.rows, apply_names(frames()[1], desk.rows, desk.standing.entries)[0],
                     results=desk.path.parent / "results")  # fmt: skip
    assert called(again)["T01"] == "Enter invoices"
    again.undo(number, role="clerk")
    assert called(again)["T01"] == "found T01"


def test_a_task_made_by_assigning_is_renamed_where_it_was_made() -> None:
    events, segments = frames()
    events = events.with_columns(task_said=pl.when(pl.col("segment_id") < 12).then(pl.lit("Mine")))
    with pytest.raises(SettingError, match="segmentation editor"):
        TaskDesk(events, segments).name("T01", "Other", role="clerk")


def test_without_a_folder_of_results_nothing_can_be_recorded() -> None:
    with pytest.raises(TaskkitError, match="results="):
        TaskDesk(*frames()).name("T01", "Other", role="clerk")


def test_looking_makes_no_journal(desk: TaskDesk) -> None:
    assert desk.path is not None
    assert not desk.path.exists()


# ----------------------------------------------------------------------------------------------------------------- pages
def test_the_twin_lists_what_holds_and_what_is_gone(desk: TaskDesk) -> None:
    desk.name("T01", "First", role="clerk")
    desk.name("T01", "Second", why="better", role="clerk")
    assert desk.path is not None
    Decisions(desk.path).record("T09", "Lost", kind="name")
    desk.refresh()
    assert desk.given()["said"].to_list() == ["Second"]
    assert "The name “Lost” (number 3) was not given" in desk.static().markup


def test_a_shared_page_has_neither_reason_nor_role(desk: TaskDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.name("T01", "Enter invoices", why="because of Petra", role="head of hall 3")
    monkeypatch.setenv("TASKKIT_SHARED", "1")
    markup = desk.static().markup
    assert "Enter invoices" in markup
    assert "Petra" not in markup
    assert "hall 3" not in markup


def test_the_name_of_a_small_group_is_not_on_the_page(desk: TaskDesk) -> None:
    desk.name("T03", "Secret meetings", role="clerk")
    assert "Secret meetings" not in desk.static().markup


# ------------------------------------------------------------------------------------------------------------------- live
def test_the_form_names_what_is_chosen_and_lists_it(desk: TaskDesk) -> None:
    form = TaskForm(desk)
    form.chosen.value, form.role.value, form.name.value = "T02", "clerk", "<b>Sheets"
    form.keep.click()
    assert "Recorded as number 1" in form.said.value
    assert "&lt;b&gt;Sheets" in form.listed.value
    assert form.chosen.options[1][0].startswith("T02  <b>Sheets")
    assert form.chosen.value == "T02"


def test_the_form_says_what_is_missing_in_one_box(desk: TaskDesk) -> None:
    form = TaskForm(desk)
    form.keep.click()
    assert form.said.value.count("tk-problem") == 1
    assert "name is missing" in form.said.value
    form.join.click()
    assert "No other task is chosen" in form.said.value


def test_the_form_makes_two_one_and_takes_it_back(desk: TaskDesk) -> None:
    form = TaskForm(desk)
    form.role.value, form.chosen.value, form.other.value = "clerk", "T02", "T01"
    form.join.click()
    assert [task for _, task in form.chosen.options] == ["T01"]
    form.back.click()
    assert [task for _, task in form.chosen.options] == ["T01", "T02"]


def test_who_takes_back_and_leaves_the_role_blank_is_recorded_as_not_stated(desk: TaskDesk) -> None:
    desk.name("T01", "Mail", role="clerk")
    TaskForm(desk).back.click()
    assert desk.path is not None
    assert Decisions(desk.path).history()["role"].to_list() == ["clerk", "not stated"]


def test_two_who_had_not_seen_each_other_are_shown_and_settled(desk: TaskDesk) -> None:
    assert desk.path is not None
    desk.refresh()
    other = TaskDesk(desk.rows, desk.segments, results=desk.path.parent / "results")
    other.name("T01", "Ours", role="clerk")
    form = TaskForm(desk)
    desk.name("T01", "Theirs", role="team lead")
    form.tell()
    assert "neither had seen the other" in form.disputed.value
    form.earlier.click()
    assert form.disputed.value == ""
    assert called(desk)["T01"] == "Ours"
