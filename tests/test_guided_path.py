"""The guided path: where one is, what is recorded in whose words, what a running cell shows, what is handed over."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest

import taskkit as tk
from taskkit.decisions import JOURNAL, Decisions
from taskkit.errors import SettingError, TaskkitError
from taskkit.report import bundled
from taskkit.widgets.displays import STATIC_VARIABLE
from taskkit.widgets.guided_path import STATIONS, read_progress
from taskkit.widgets.running import error_box
from tests.frames import make_events

GUIDED = sorted(bundled("notebooks").glob("*.ipynb"))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.mark.parametrize("path", GUIDED, ids=lambda path: path.stem)
def test_a_notebook_shows_its_own_station_and_records_under_it(path: Path) -> None:
    station = next(station for station in STATIONS if station.stem == path.stem)
    source = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    assert f'tk.widgets.path(RESULTS, "{station.subject}")' in source
    assert f'subject="{station.subject}"' in source


@pytest.mark.parametrize("path", GUIDED, ids=lambda path: path.stem)
def test_the_first_cell_after_the_parameters_shows_the_posture(path: Path) -> None:
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert cells[1].splitlines()[-1].startswith("tk.widgets.posture_card(")


@pytest.mark.parametrize("path", GUIDED, ids=lambda path: path.stem)
def test_a_notebook_has_a_hint_for_the_facilitator(path: Path) -> None:
    assert "> **Facilitator.**" in path.read_text(encoding="utf-8")


def test_nothing_is_created_by_looking(results: Path) -> None:
    tk.widgets.path(results, "02 tasks")
    tk.widgets.conflicting_decisions(results)
    tk.widgets.finding("Three tasks recur.", subject="02 tasks", results=results)._repr_mimebundle_()
    assert list(results.parent.iterdir()) == []


def test_a_recorded_finding_is_ticked_and_others_are_not(results: Path) -> None:
    tk.widgets.finding("Three tasks recur.", subject="02 tasks", results=results).record()
    strip = tk.widgets.path(results, "03 variants")
    assert strip.words.splitlines()[0].count("✓") == 1
    assert "✓ Tasks" in strip.words


def test_a_finding_that_was_taken_back_is_not_ticked(results: Path) -> None:
    number = tk.widgets.finding("Three tasks recur.", subject="02 tasks", results=results).record()
    Decisions(results.parent / JOURNAL).undo(number)
    assert read_progress(results).recorded == {}


def test_corrections_and_disagreements_are_counted(results: Path) -> None:
    first, second = (Decisions(results.parent / JOURNAL) for _ in range(2))
    first.record("T01", "Enter invoice", kind="name")
    second.record("T01", "Post invoice", kind="name")
    words = tk.widgets.path(results, "02 tasks").words
    assert "2 names" in words
    assert "1 pair of decisions disagree" in words


def test_stations_are_linked_where_their_notebook_lies(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bundled("notebooks"))
    markup = tk.widgets.path(results, "02 tasks").markup
    assert '<a href="03_variants.ipynb">' in markup
    assert '<a href="02_tasks.ipynb">' not in markup, "one is there already"


def test_a_page_has_no_links_to_notebooks(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bundled("notebooks"))
    monkeypatch.setenv(STATIC_VARIABLE, "1")
    assert ".ipynb" not in tk.widgets.path(results, "02 tasks").markup


def test_the_room_puts_a_finding_into_its_own_words(results: Path) -> None:
    from taskkit.widgets.finding_desk import FindingDesk

    desk = FindingDesk(tk.widgets.finding("Three tasks recur.", subject="02 tasks", results=results))
    desk.text.value, desk.role.value, desk.why.value = "Three tasks, one of them twice.", "clerk", "seen in the room"
    desk.record.click()
    row = Decisions(results.parent / JOURNAL).list().row(0, named=True)
    assert (row["decision"], row["role"], row["why"]) == (desk.text.value, "clerk", "seen in the room")
    assert "Three tasks recur." in row["detail"], "what was computed is kept as evidence"


def test_a_recorded_finding_can_be_taken_back_with_its_button(results: Path) -> None:
    from taskkit.widgets.finding_desk import FindingDesk

    desk = FindingDesk(tk.widgets.finding("Three tasks recur.", subject="02 tasks", results=results))
    desk.record.click()
    desk.take_back.click()
    assert Decisions(results.parent / JOURNAL).list().is_empty()
    assert desk.take_back.disabled


def test_a_page_shows_the_words_of_the_room(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tk.widgets.finding("Three tasks recur.", subject="02 tasks", results=results).record("Four.", role="clerk")
    monkeypatch.setenv(STATIC_VARIABLE, "1")
    bundle = tk.widgets.finding("Three tasks recur.", subject="02 tasks", results=results)._repr_mimebundle_()
    assert "Put differently by clerk: Four." in bundle["text/plain"]
    assert bundle["application/x-taskkit-finding+json"] == {"finding": "Four."}


def test_markup_in_a_recorded_finding_stays_text(results: Path) -> None:
    tk.widgets.finding("Three.", subject="02 tasks", results=results).record("<img src=x onerror=alert(1)>")
    assert "<img" not in tk.widgets.finding("Three.", subject="02 tasks", results=results).markup


def test_two_windows_that_record_unseen_of_each_other_are_told(results: Path) -> None:
    Decisions(results.parent / JOURNAL)
    one, two = (tk.widgets.finding("Three.", subject="02 tasks", results=results) for _ in range(2))
    one.record("Three it is.")
    two.record("It is four.")
    assert "Decisions that disagree" in tk.widgets.conflicting_decisions(results).markup


def test_single_corrections_are_counted_not_listed(results: Path) -> None:
    detail = {"op": "not work", "user": "p_0123456789abcdef", "rows": [["s", 1, 2]], "to": "none", "task": None}
    Decisions(results.parent / JOURNAL).record("rows of somebody", "no work", kind="correction", detail=detail)
    shown = tk.widgets.recorded_findings(results)
    assert "rows of somebody" not in shown.markup
    assert "1 correction" in shown.markup + shown.words


def test_an_error_is_one_box_with_a_line_for_each_problem() -> None:
    box = error_box(TaskkitError("The rules cannot be used:\n  rule 1: <b> is no pattern\n  rule 2 names nothing"))
    assert box.count("<li>") == 2
    assert "&lt;b&gt;" in box


SLOW = "import time\ntime.sleep(1.6)"
WRONG = "import taskkit as tk\ntk.mine('no/such/log')"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The outputs of a slow cell, a cell that says how far it is, taskkit's error and another one, in a real kernel."""
    from nbclient import NotebookClient

    start = "from taskkit.widgets import running\nrunning.explain_errors()\nrunning.show_working()"
    told = "running.show_progress('dividing the stream', 2, 5)"
    cells = [start, "1 + 1", SLOW, told, WRONG, "1 / 0"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    folder = tmp_path_factory.mktemp("kernel")
    environment = os.environ | {"IPYTHONDIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder)}
    environment.pop(STATIC_VARIABLE, None)
    updates: list[Any] = []

    class Watching(NotebookClient):  # type: ignore[misc]
        def process_message(self, message: Any, cell: Any, cell_index: int) -> Any:
            if "display_data" in message["msg_type"]:
                updates.append((cell_index, message["msg_type"], message["content"]["data"]["text/html"]))
            return super().process_message(message, cell, cell_index)

    Watching(notebook, allow_errors=True, resources={"metadata": {"path": str(folder)}}).execute(env=environment)
    return [*notebook.cells, updates]


def test_a_quick_cell_shows_no_bar(executed: list[Any]) -> None:
    assert [output.output_type for output in executed[1].outputs] == ["execute_result"]


def test_a_slow_cell_shows_a_bar_that_goes_away(executed: list[Any]) -> None:
    sent = [(kind, markup) for cell, kind, markup in executed[-1] if cell == 2]
    assert [kind for kind, _ in sent] == ["display_data", "update_display_data"]
    assert "<progress" in sent[0][1]
    assert sent[1][1] == ""


def test_a_long_computation_says_how_far_it_is(executed: list[Any]) -> None:
    sent = [markup for cell, _, markup in executed[-1] if cell == 3]
    assert 'dividing the stream<progress aria-label="dividing the stream" value="2" max="5">' in sent[0]
    assert sent[-1] == ""


def test_an_error_of_taskkit_is_a_box_without_a_traceback(executed: list[Any]) -> None:
    assert {output.output_type for output in executed[4].outputs} == {"display_data"}
    assert "no/such/log" in executed[4].outputs[-1].data["text/html"]


def test_another_error_keeps_its_traceback(executed: list[Any]) -> None:
    assert [output.ename for output in executed[5].outputs] == ["ZeroDivisionError"]


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory) -> tk.widgets.HandoverDesk:
    users = [f"p_{n:016x}" for n in range(6)]
    row = {"app": "erp", "window_title": "Invoice"}
    rows = [row | {"user": user, "at": 20 * n, "event_type": kind, "element_id": kind}
            for user in users for n, kind in enumerate(["click", "text_input", "shortcut"] * 4)]  # fmt: skip
    events = tk.segment(tk.name_activities(make_events(rows)), method="gap", gap="5m")
    segments = tk.find_variants(tk.find_tasks(tk.list_segments(events)))
    events = events.join(segments.select("segment_id", "task_id", "variant_id"), on="segment_id", how="left")
    return tk.widgets.HandoverDesk(events, segments, results=tmp_path_factory.mktemp("project") / "results")


def test_a_hand_over_is_written_for_the_owner_only(handed: tk.widgets.HandoverDesk) -> None:
    written = handed.write(handed.tasks[0])
    assert [path.name for path in written] == ["T01.docx", "T01.bpmn", "T01_robot.py"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}


def test_a_task_of_few_people_is_not_handed_over(handed: tk.widgets.HandoverDesk) -> None:
    few = handed.segments.filter(pl.col("user") == handed.segments["user"][0])
    many = tk.widgets.HandoverDesk(handed.events, few, results=handed.results)
    with pytest.raises(SettingError, match="cannot be handed over"):
        many.write("T01")


def test_a_page_says_in_a_sentence_what_can_be_handed_over(
    handed: tk.widgets.HandoverDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STATIC_VARIABLE, "1")
    assert handed._repr_mimebundle_()["text/plain"].startswith("1 task can be handed over")
