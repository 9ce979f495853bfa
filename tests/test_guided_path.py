"""The guided path: where one is, what is recorded in whose words, what a running cell shows, what is handed over."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest

import taskkit as tk
from taskkit.decisions import JOURNAL, Decisions
from taskkit.errors import SettingError, TaskkitError
from taskkit.report import bundled
from taskkit.report.notebooks import run_notebooks
from taskkit.widgets.displays import STATIC_VARIABLE, STYLE, Summary
from taskkit.widgets.guided_path import PAGES_VARIABLE, STATIONS, read_progress
from taskkit.widgets.running import error_box
from tests.browser_lab import run_notebook
from tests.conftest import write_notebook
from tests.frames import make_events
from tests.test_browser_lab import lab  # noqa: F401  a fixture

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
    last = cells[1].splitlines()[-1]
    assert last.startswith("tk.widgets.posture_card(")
    assert ("whole=True" in last) == (path.stem == STATIONS[0].stem), "whole where one begins, one line in the others"


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
    assert "4 Tasks ✓" in strip.words


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


def test_the_stations_are_numbered_from_1_to_9(results: Path) -> None:
    assert re.findall(r"<b>(\d+)</b>", tk.widgets.path(results, "02 tasks").markup) == list("123456789")


def test_a_station_is_done_or_here_or_to_come(results: Path) -> None:
    tk.widgets.finding("It is short.", subject="00 recording", results=results).record()
    items = re.findall(r"<li([^>]*)>", tk.widgets.path(results, "00 at a glance").markup)
    assert items == [' class="done"', ' class="here" aria-current="step"', *[""] * 7]


@pytest.mark.parametrize(("here", "links"), [
    ("00 recording", {"next": "00_work_at_a_glance"}),
    ("04 process", {"prev": "03_variants", "next": "04_the_official_flow"}),
    ("06 findings", {"prev": "05_automation"}),
    ("a notebook of my own", {}),
])  # fmt: skip
def test_one_goes_on_to_the_next_station_and_back(
    results: Path, here: str, links: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bundled("notebooks"))
    found = re.findall(r'<a rel="(\w+)" href="(\w+)\.ipynb">', tk.widgets.path(results, here).markup)
    assert dict(found) == links


def test_a_copied_notebook_is_at_the_station_it_was_copied_from(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copies = results.parent / "notebooks"
    copies.mkdir()
    for name in ("02_tasks.ipynb", "02_tasks-Copy1.ipynb", "03_variants.ipynb"):
        (copies / name).touch()
    monkeypatch.chdir(copies)
    strip = tk.widgets.path(results, "02 tasks")  # as both say
    assert "Copy1" not in strip.markup
    assert strip.words.endswith("the path has 9.")


def test_a_page_links_to_the_pages_that_are_made_with_it(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bundled("notebooks"))
    monkeypatch.setenv(STATIC_VARIABLE, "1")
    monkeypatch.setenv(PAGES_VARIABLE, "02_tasks/03_variants")
    markup = tk.widgets.path(results, "02 tasks").markup
    assert set(re.findall(r'href="([^"]+)"', markup)) == {"03_variants.html"}


def test_the_kernel_of_a_page_knows_which_pages_are_made(make_notebook: Callable[..., Path], results: Path) -> None:
    cell = "import taskkit as tk\ntk.widgets.path(RESULTS, '02 tasks')"
    paths = [make_notebook(name, cell) for name in ("02_tasks", "03_variants")]
    paths.append(make_notebook("05_automation", cell))  # there, but not among the pages
    scratch = results.parent / "scratch"
    executed = run_notebooks(paths[:2], {"RESULTS": str(results)}, scratch=scratch, progress=False)
    html = executed[0].cells[-1].outputs[0].data["text/html"]
    assert set(re.findall(r'href="([^"]+)"', html)) == {"03_variants.html"}


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


def test_a_blank_role_is_not_stated(results: Path) -> None:
    from taskkit.widgets.finding_desk import FindingDesk

    desk = FindingDesk(tk.widgets.finding("Three tasks recur.", subject="02 tasks", results=results))
    desk.role.value = "  "
    desk.record.click()
    tk.widgets.finding("Three tasks recur.", subject="03 variants", results=results).record()
    assert Decisions(results.parent / JOURNAL).list()["role"].to_list() == ["not stated", "not stated"]


def test_the_short_finding_is_recorded_with_its_figures_in_the_detail(results: Path) -> None:
    said = Summary("Three tasks recur.", ["T01 was seen 40 times with 9 people."])
    tk.widgets.finding(said, figures=["Its median is 3 min."], subject="02 tasks", results=results).record()
    row = Decisions(results.parent / JOURNAL).list().row(0, named=True)
    assert row["decision"] == "Three tasks recur."
    assert json.loads(row["detail"])["figures"] == ["T01 was seen 40 times with 9 people.", "Its median is 3 min."]


def test_the_figures_behind_a_finding_are_folded_below_it(results: Path) -> None:
    said = [Summary("Three tasks recur.", ["T01: 9 people."]), Summary("Teams <differ>.", ["p < 0.05"])]
    markup = tk.widgets.finding(said, subject="02 tasks", results=results).markup
    shown, folded = markup.split("<details")
    assert "Three tasks recur. Teams &lt;differ&gt;." in shown
    assert "<li>T01: 9 people.</li><li>p &lt; 0.05</li>" in folded
    assert " open" not in folded.partition(">")[0]


def test_a_finding_without_figures_has_nothing_to_unfold(results: Path) -> None:
    assert "<details" not in tk.widgets.finding("Three tasks recur.", results=results).markup


# -------------------------------------------------------------------------------------------------------------- in a browser
FOLDED = Summary("Three tasks recur.", ["T01 was seen 40 times with 9 people."])


def show(window: Any, *parts: Any, width: int = 1300) -> Any:
    page = window.page
    page.set_viewport_size({"width": width, "height": 900})
    body = "".join(part.markup for part in parts)
    page.set_content(
        f'<!DOCTYPE html><html lang="en" data-tk-page><body style="background:var(--tk-paper)">{STYLE}<main>{body}</main>'
    )
    return page


def test_figures_unfold_by_the_keyboard(window: Any) -> None:
    page = show(window, tk.widgets.finding(FOLDED))
    figures = page.get_by_text("T01 was seen 40 times")
    assert not figures.is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert figures.is_visible()


def test_on_paper_the_figures_are_printed_and_the_posture_stays_one_line(window: Any) -> None:
    posture = tk.widgets.posture_card(make_events([{"user": "p_1"}]))
    page = show(window, posture, tk.widgets.finding(FOLDED))
    page.emulate_media(media="print")
    assert page.get_by_text("T01 was seen 40 times").bounding_box()["height"] > 10
    assert not page.get_by_text("No screenshots.").is_visible()
    assert page.get_by_text("no typed texts or screenshots").is_visible()


@pytest.mark.parametrize("width", [1300, 800, 360])
def test_the_names_of_the_stations_do_not_run_into_one_another(window: Any, results: Path, width: int) -> None:
    page = show(window, tk.widgets.path(results, "01 segmentation"), width=width)
    boxes = page.locator(".tk-path li i").evaluate_all("all => all.map(each => each.getClientRects()[0].toJSON())")
    seen = [box for box in boxes if box["width"] > 1]
    assert len(seen) == (9 if width > 700 else 0)
    assert all(left["right"] < right["left"] for left, right in pairwise(seen))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_text("3 Pieces of work").is_visible() == (width <= 700), (
        "where names have no room, one's own is said"
    )


def test_strip_posture_and_finding_have_no_fault_of_accessibility(window: Any, results: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tk.widgets.finding(FOLDED, subject="00 recording", results=results).record()
    parts = [tk.widgets.posture_card(make_events([{"user": "p_1"}])), tk.widgets.path(results, "01 segmentation"),
             tk.widgets.finding(FOLDED)]  # fmt: skip
    page = show(window, *parts)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(
            page, options={"runOnly": ["wcag2a", "wcag2aa"], "rules": {"document-title": {"enabled": False}}}
        )
        assert found.response["violations"] == []


def test_in_jupyterlab_one_goes_on_with_a_click_and_nothing_leaves_no_box(window: Any, lab: Any) -> None:  # noqa: F811
    cells = [
        "import taskkit as tk\ntk.start_notebook()",
        "tk.widgets.path(RESULTS, '02 tasks')",
        "tk.widgets.Shown('')",
    ]
    write_notebook(lab.root / "notebooks" / "path.ipynb", *cells)
    run_notebook(window, lab, "path.ipynb")
    outputs = window.page.locator(".jp-OutputArea-output").evaluate_all("all => all.map(each => each.offsetHeight)")
    assert len([height for height in outputs if height]) == 1, "the strip alone"
    window.page.get_by_role("link", name="5 Ways →").click()  # JupyterLab puts another rel in
    window.page.locator(".lm-TabBar-tabLabel:text-is('03_variants.ipynb')").wait_for(timeout=20_000)


# ------------------------------------------------------------------------------------------------------ two notebooks at once
def two_desks(results: Path) -> Any:
    """The form of one question in two notebooks that were opened before either recorded."""
    from taskkit.widgets.finding_desk import FindingDesk

    Decisions(results.parent / JOURNAL)
    return [FindingDesk(tk.widgets.finding("Three.", subject="02 tasks", results=results)) for _ in range(2)]


def test_two_who_record_unseen_of_each_other_are_told_both_texts_at_once(results: Path) -> None:
    one, two = two_desks(results)
    for desk, text, role in ((one, "Three it is.", "clerk"), (two, "It is four.", "IT")):
        desk.text.value, desk.role.value = text, role
        desk.record.click()
    said = two.others.value
    assert 'role="alert"' in said
    assert "number 1 (clerk) says “Three it is.”, number 2 (IT) says “It is four.”" in said
    assert "Agree on a wording and record it" in said
    assert one.others.value == "", "the first had nothing to disagree with yet"


def test_somebody_who_begins_to_write_is_told_what_was_recorded_meanwhile(results: Path) -> None:
    one, two = two_desks(results)
    one.text.value = "Three it is."
    one.record.click()
    assert two.others.value == ""
    two.why.value = "counted"
    assert "“Three it is.”" in two.others.value
    assert "Speak with them before you record" in two.others.value


def test_recording_what_was_agreed_settles_it(results: Path) -> None:
    one, two = two_desks(results)
    for desk, text in ((one, "Three it is."), (two, "It is four."), (two, "Three, and one that is rare.")):
        desk.text.value = text
        desk.record.click()
    assert Decisions(results.parent / JOURNAL).conflicts().is_empty()
    assert two.others.value == ""


def test_taking_back_leaves_the_word_of_the_other(results: Path) -> None:
    one, two = two_desks(results)
    one.text.value, two.text.value = "Three it is.", "It is four."
    one.record.click()
    two.record.click()
    two.take_back.click()
    assert "Number 1 (not stated) holds: “Three it is.”" in two.said.value
    assert two.others.value == ""


def test_what_somebody_recorded_on_another_question_is_no_disagreement(results: Path) -> None:
    one, two = two_desks(results)
    tk.widgets.finding("Many ways.", subject="03 variants", results=results).record()
    one.record.click()
    two.why.value = "x"
    assert "Many ways" not in one.others.value + two.others.value


def test_a_notebook_that_is_opened_on_a_disagreement_shows_it(results: Path) -> None:
    from taskkit.widgets.finding_desk import FindingDesk

    one, two = two_desks(results)
    one.text.value, two.text.value = "<i>Three</i>", "It is four."
    one.record.click()
    two.record.click()
    later = FindingDesk(tk.widgets.finding("Three.", subject="02 tasks", results=results)).others.value
    assert "&lt;i&gt;Three&lt;/i&gt;" in later


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
    cells = [start, "1 + 1", SLOW, told, WRONG, "1 / 0", "import taskkit as tk\ntk.widgets.Shown('')"]
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
    assert any("no/such/log" in output.data["text/html"] for output in executed[4].outputs)


def test_another_error_keeps_its_traceback(executed: list[Any]) -> None:
    assert [output.ename for output in executed[5].outputs] == ["ZeroDivisionError"]


def test_nothing_to_say_leaves_no_empty_box(executed: list[Any]) -> None:
    assert [output for output in executed[6].outputs if output.data["text/html"]] == []


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
