"""The segmentation editor in a real JupyterLab: mouse and keyboard, reloads, killed kernels and two notebooks at once."""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from taskkit.decisions import JOURNAL, Decisions
from tests.conftest import write_notebook
from tests.test_browser_lab import TOKEN, lab, run_notebook
from tests.test_editor import NAMES, rounds, stretch

assert lab  # the fixture: a JupyterLab for this file

LABELS = "aaaaaabbbbbbbb..cccccc"
READY = "() => document.querySelector('.tk-ed-line') && !document.querySelector('.tk-ed[data-busy]')"
TIMED = """key => new Promise(done => {
    const root = document.querySelector('.tk-ed'), lane = root.querySelector('.tk-ed-lane'), begun = performance.now();
    const told = new MutationObserver(() => { told.disconnect(); requestAnimationFrame(() => done(performance.now() - begun)); });
    told.observe(lane, { childList: true });
    root.querySelector(`button[data-key="${key}"]`).click();
})"""

AS_FOUND = "6, 14, 16"
STEPS = "[...document.querySelectorAll('.tk-ed-line')].map(each => Number(each.dataset.step))"


class Opened:
    """Notebooks with an editor on a small log of two people; the journal lies in a project of its own."""

    def __init__(self, lab: SimpleNamespace, name: str) -> None:
        self.lab, self.name, self.project = lab, name, lab.root / name
        self.project.mkdir()
        people = [stretch(LABELS, user="p_1", sure=0.3), stretch(LABELS, user="p_2", session="s2", sure=0.9)]
        people[1] = people[1].with_columns(pl.col("segment_id") + 3)
        pl.concat(people).write_parquet(self.project / "events.parquet")

    def run(self, seen: SimpleNamespace, name: str = "editor", *, more: str = "") -> Any:
        """The page of a notebook after all its cells were run."""
        cell = (
            "import os, pathlib\nimport polars as pl\nfrom taskkit.widgets import editor as e\n"
            f"os.chdir({str(self.project)!r})\npathlib.Path('{name}.pid').write_text(str(os.getpid()))\n{more}\n"
            f"e.SegmentationEditor(pl.read_parquet('events.parquet'), names={NAMES!r}, results='results')"
        )
        notebook = f"{self.name}_{name}.ipynb"
        write_notebook(self.lab.root / "notebooks" / notebook, cell)
        run_notebook(seen, self.lab, notebook)
        seen.page.wait_for_function(READY, timeout=60_000)
        seen.page.locator(".tk-ed").scroll_into_view_if_needed()
        return seen.page

    @property
    def journal(self) -> Decisions:
        return Decisions(self.project / JOURNAL)

    @property
    def numbers(self) -> list[int]:
        """Numbers of the corrections that stand."""
        return self.journal.list("correction")["number"].to_list()

    def close(self) -> None:
        """End the kernels, so that the next test has the machine for itself."""
        for session in json.load(urllib.request.urlopen(f"{self.lab.address}/api/sessions?token={TOKEN}")):
            if session["path"].startswith(f"notebooks/{self.name}_"):
                address = f"{self.lab.address}/api/sessions/{session['id']}?token={TOKEN}"
                urllib.request.urlopen(urllib.request.Request(address, method="DELETE"))


@pytest.fixture
def opened(lab: SimpleNamespace, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Notebooks of this test alone."""
    notebooks = Opened(lab, re.sub(r"\W", "_", request.node.name))
    yield notebooks
    notebooks.close()


@pytest.fixture(scope="module")
def one_notebook(browser: Any, lab: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """One open notebook for all tests that need no fresh one: to open one takes most of a test's time."""
    seen, notebooks = watched(browser), Opened(lab, "shared")
    seen.run, seen.opened = notebooks.run(seen), notebooks
    yield seen
    notebooks.close()
    seen.page.context.close()


@pytest.fixture
def desk(one_notebook: SimpleNamespace) -> SimpleNamespace:
    """The open notebook with nothing corrected, at the first unsure place."""
    journal = one_notebook.opened.journal
    for number in one_notebook.opened.numbers:
        journal.undo(number)
    one_notebook.page.wait_for_function(f"() => [{AS_FOUND}].every((n, at) => {STEPS}[at] === n)", timeout=20_000)
    one_notebook.page.wait_for_function(f"() => {STEPS}.length === 3")
    return one_notebook


def watched(browser: Any) -> SimpleNamespace:
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    seen = SimpleNamespace(page=context.new_page(), errors=[], requests=[])
    seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
    seen.page.on("console", lambda told: seen.errors.append(told.text) if told.type == "error" else None)
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    return seen


def boundaries(page: Any) -> list[int]:
    return [int(each) for each in page.locator(".tk-ed-line").evaluate_all("all => all.map(each => each.dataset.step)")]


def said(page: Any, text: str) -> None:
    page.locator(".tk-ed-status").get_by_text(text).wait_for(timeout=10_000)


def serious(page: Any) -> list[str]:
    """What axe-core finds wrong with the editor."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context=".tk-ed").response["violations"]
    return [each["id"] for each in found if each["impact"] in ("serious", "critical")]


def put_cursor(page: Any, step: int) -> None:
    page.locator(".tk-ed-needle").focus()
    page.keyboard.press("Home")
    for _ in range(step):
        page.keyboard.press("ArrowRight")


def test_a_dragged_boundary_is_kept_after_a_reload_and_undone_by_keyboard(
    opened: Opened, window: SimpleNamespace
) -> None:
    page = opened.run(window)
    assert boundaries(page) == [6, 14, 16]
    line, goal = (page.locator(f".tk-ed-line[data-step='{n}']").bounding_box() for n in (6, 14))
    middle = line["y"] + line["height"] / 2
    page.mouse.move(line["x"] + line["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(line["x"] + line["width"] / 2 + (goal["x"] - line["x"]) * 3 / 8, middle, steps=6)
    page.mouse.up()
    said(page, "Saved as number 1: boundary moved 3 steps later.")
    assert boundaries(page) == [9, 14, 16]
    page = opened.run(window)  # the page is loaded again and all is run again
    assert boundaries(page) == [9, 14, 16]
    page.locator(".tk-ed-needle").focus()
    page.keyboard.press("Control+z")
    said(page, "Number 1 was taken back.")
    assert boundaries(page) == [6, 14, 16]
    assert opened.numbers == []


@pytest.mark.parametrize(
    ("keys", "step", "op", "lines"),
    [
        (["s"], 3, "split", [3, 6, 14, 16]),
        (["m"], 3, "merge", [14, 16]),
        (["Shift+M"], 8, "merge", [14, 16]),
        (["n"], 8, "not work", [6, 16]),
        (["a", "P", "a", "y", "Enter"], 8, "assign", [6, 14, 16]),
        (["a", "N", "e", "w", "Enter"], 14, "assign", [6, 14, 16]),
        (["e"], 8, "example", None),
        (["b", "ArrowRight"], 8, "move", [7, 14, 16]),
        (["y"], 8, "split", [6, 14, 16]),
    ],
)
def test_every_correction_is_made_with_the_keyboard(
    desk: SimpleNamespace, keys: list[str], step: int, op: str, lines: list[int] | None
) -> None:
    page, before = desk.page, desk.opened.journal.newest
    cells = page.locator(".jp-Cell").count()
    put_cursor(page, step)
    for key in keys:
        page.keyboard.press(key)
    said(page, f"Saved as number {before + 1}:")
    assert [json.loads(text)["op"] for text in desk.opened.journal.list("correction")["detail"]] == [op]
    assert lines is None or boundaries(page) == lines
    assert page.locator(".jp-Cell").count() == cells  # a and m are shortcuts of the notebook as well


def test_places_that_look_alike_are_settled_by_one_key_and_taken_back_by_one(
    opened: Opened, window: SimpleNamespace
) -> None:
    rounds("aaabbbaaabbb", people=2).write_parquet(opened.project / "events.parquet")
    page = opened.run(window)
    put_cursor(page, 3)
    page.keyboard.press("y")
    page.locator(".tk-ed-alike").get_by_text("3 other unsure places of 2 people look the same: after").wait_for()
    assert opened.numbers == [1]  # nothing happens by itself
    assert serious(page) == []
    page.keyboard.press("g")
    said(page, "Saved as number 2: right as found, as at number 1, at 3 places of 2 people.")
    assert not page.locator(".tk-ed-alike").is_visible()
    assert page.locator(".tk-ed-unsure").count() == 1  # of the day that is shown: work that begins with the other step
    page.keyboard.press("u")
    said(page, "Number 2 was taken back.")
    assert page.locator(".tk-ed-unsure").count() == 2
    assert opened.numbers == [1]


def test_a_very_short_example_is_asked_about_first(desk: SimpleNamespace) -> None:
    page, before = desk.page, desk.opened.journal.newest
    put_cursor(page, 2)
    page.keyboard.press("s")
    said(page, f"Saved as number {before + 1}:")
    put_cursor(page, 0)
    page.keyboard.press("e")
    page.locator(".tk-ed-menu").get_by_text("This piece has 2 steps only").wait_for()
    assert desk.opened.numbers == [before + 1]
    page.get_by_role("button", name="Mark it all the same").click()
    said(page, f"Saved as number {before + 2}: example of")


def test_a_killed_kernel_loses_no_click_that_was_acknowledged(opened: Opened, window: SimpleNamespace) -> None:
    for number, step in enumerate((2, 4), start=1):
        page = opened.run(window)
        put_cursor(page, step)
        page.locator(".tk-ed button[data-key='S']").click()
        said(page, f"Saved as number {number}:")
        os.kill(int((opened.project / "editor.pid").read_text()), signal.SIGKILL)
        assert opened.numbers == list(range(1, number + 1))
    assert boundaries(opened.run(window)) == [2, 4, 6, 14, 16]


def test_two_notebooks_lose_nothing_and_show_their_conflict(
    opened: Opened, window: SimpleNamespace, browser: Any
) -> None:
    mine = opened.run(window, "mine")
    theirs = opened.run(watched(browser), "theirs", more="e.LOOK = 3600  # it learns of nothing by itself")
    put_cursor(mine, 3)
    mine.keyboard.press("n")
    said(mine, "Saved as number 1:")
    put_cursor(theirs, 18)
    theirs.keyboard.press("s")
    said(theirs, "Saved as number 2:")
    mine.wait_for_function("() => document.querySelector('.tk-ed-line[data-step=\"18\"]')", timeout=10_000)
    assert (boundaries(mine), boundaries(theirs)) == ([6, 14, 16, 18], [6, 14, 16, 18])
    assert not mine.locator(".tk-ed-clash").is_visible()
    put_cursor(mine, 8)
    mine.keyboard.press("s")
    said(mine, "Saved as number 3:")
    put_cursor(theirs, 10)  # its picture is older than number 3
    theirs.keyboard.press("n")
    for page in (mine, theirs):
        page.locator(".tk-ed-clash").get_by_text("Another notebook changed this stretch").wait_for(timeout=10_000)
    assert opened.numbers == [1, 2, 3, 4]
    mine.get_by_role("button", name="Keep mine (number 3)").click()
    said(mine, "Number 3 holds; number 4 was taken back")
    assert not mine.locator(".tk-ed-clash").is_visible()
    assert opened.numbers == [1, 2, 3]
    theirs.context.close()


def test_the_picture_changes_within_300_ms_of_a_click(desk: SimpleNamespace) -> None:
    page, taken, before = desk.page, [], desk.opened.journal.newest
    for step in (2, 4, 8, 10, 18):
        put_cursor(page, step)
        taken.append(page.evaluate(TIMED, "S"))
        said(page, f"Saved as number {before + len(taken)}:")
    assert statistics.median(taken) < 300, taken


def test_the_next_unsure_place_is_shown_and_its_boundary_has_the_focus(desk: SimpleNamespace) -> None:
    page = desk.page
    page.locator(".tk-ed-needle").focus()
    for _ in range(2):
        before = page.locator(".tk-ed-count").inner_text()
        page.keyboard.press("j")
        page.wait_for_function(f"() => document.querySelector('.tk-ed-count').textContent !== {before!r}")
        assert "30 % sure that new work begins" in page.evaluate("() => document.activeElement.ariaValueText")


def test_no_pseudonym_is_in_the_page_and_nothing_is_asked_of_the_world(
    desk: SimpleNamespace, lab: SimpleNamespace
) -> None:
    page = desk.page
    assert page.locator(".tk-ed h4").inner_text().startswith("Person ")
    shown = page.locator(".tk-ed").evaluate("each => each.outerHTML")
    assert not [secret for secret in ("p_1", "p_2") if secret in shown]
    assert [url for url in desk.requests if not re.match(rf"(data|blob):|{lab.address}/", url)] == []
    assert [error for error in desk.errors if "tk-ed" in error or "editor" in error.lower()] == []


def test_the_wheel_scrolls_the_page_and_zooms_only_with_ctrl(desk: SimpleNamespace) -> None:
    turned = """ctrlKey => !document.querySelector('.tk-ed-lane').dispatchEvent(
        new WheelEvent('wheel', { deltaY: 40, ctrlKey, bubbles: true, cancelable: true }))"""
    desk.page.locator(".tk-ed-needle").focus()
    assert [desk.page.evaluate(turned, held) for held in (False, True)] == [False, True]


def test_axe_finds_nothing_serious(desk: SimpleNamespace) -> None:
    assert serious(desk.page) == []


def test_a_log_with_nothing_to_divide_says_so(window: SimpleNamespace, lab: SimpleNamespace, tmp_path: Path) -> None:
    stretch("aa").with_columns(step=pl.lit(False)).write_parquet(tmp_path / "events.parquet")
    cell = (
        "import polars as pl\nfrom taskkit.widgets.editor import SegmentationEditor\n"
        f"SegmentationEditor(pl.read_parquet({str(tmp_path / 'events.parquet')!r}))"
    )
    write_notebook(lab.root / "notebooks" / "nothing.ipynb", cell)
    run_notebook(window, lab, "nothing.ipynb")
    window.page.locator(".tk-ed-empty").get_by_text("nothing to divide").wait_for(timeout=20_000)
