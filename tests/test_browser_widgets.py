"""Every notebook in a real JupyterLab: run all, then operate every control with mouse and keyboard and see what it changes.

A control is given three moves. The time runs in the page, from the last event of the hand to a changed picture, table or
sentence below or above it in the same cell; the median of the three is at most 300 ms. What takes longer to make has to say
so in that time. The project is a copy: buttons that write are pressed, and the journal is read afterwards.
"""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

import taskkit as tk
from taskkit.decisions import Decisions
from taskkit.report import bundled
from tests.browser_lab import make_project, run_notebook, serve_lab

GUIDED = sorted(path.name for path in bundled("notebooks").glob("*.ipynb"))
# milliseconds: to the first change that can be seen (a machine that does other work meanwhile may be given more),
# and until one gives up
LIMIT = int(os.environ.get("TASKKIT_REDRAW_MS", "300"))
PATIENCE = 10 * LIMIT
# button → kind of its entry in the journal
WRITES = {"Record this finding": "finding", "Mark it": "mark", "accept the verdict": "verdict", "keep the answer": "context",
          "right": "verdict"}  # fmt: skip
OF_THE_LAB = re.compile(r"jupyter|favicon|service.?worker|Failed to load resource", re.I)  # not ours to mend
# they hold words until a button is pressed: only what was typed changes
FIELDS = {
    "your role", "because", "reason", "answer", "why", "role", "note for people", "if rejected", "question", "which", "pattern",
    "is called", "the same as", "",
    "Process document (Word)", "Diagram (BPMN)", "Robot skeleton (Playwright)",
}  # fmt: skip

PROBE = Path(__file__).with_name("browser_probe.js").read_text(encoding="utf-8")


IDLE = "() => window.probe.idle()"


class Control(NamedTuple):
    """One control of an open notebook."""

    number: int
    kind: str
    label: str
    cell: int
    tab: bool  # whether the tabulator key comes to it

    @property
    def way(self) -> str:
        return f'[data-probe="{self.number}"]'


class Move(NamedTuple):
    """What one move of a control changed: milliseconds to the first change and to a changed picture, if any."""

    by: str
    first: float | None
    chart: float | None


@pytest.fixture(scope="module")
def lab(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A project of the sample with its results, in a JupyterLab; `lab.project` is the project."""
    root = tmp_path_factory.mktemp("lab") / "ap"
    project = make_project(root, tmp_path_factory)
    with serve_lab(root) as lab:
        lab.project = project
        yield lab


@pytest.mark.parametrize("name", GUIDED)
def test_every_control_of_a_notebook_changes_what_is_seen(
    window: SimpleNamespace, lab: SimpleNamespace, name: str
) -> None:
    run_notebook(window, lab, name)
    operate_all(window, lab.project)
    assert [url for url in window.requests if not re.match(rf"(data|blob):|{lab.address}/", url)] == []
    assert [error for error in window.errors if not OF_THE_LAB.search(error)] == []


def operate_all(window: SimpleNamespace, project: tk.Project) -> None:
    """Operate every control of the open notebook: each changes what is seen, in time, and what was pressed is written."""
    page = window.page
    see_that_it_is_clean(window)
    before = Decisions(project.decisions).history().height
    page.evaluate(PROBE)
    controls = find_controls(page)
    assert [told(control) for control in controls if not control.tab and control.kind != "fold"] == []
    forms = {control.cell for control in controls if control.label == "Write the hand-over"}
    moves = {control: operate(page, control) for control in controls}
    acting = {
        c: m for c, m in moves.items() if m and c.label not in FIELDS and (c.kind == "button" or c.cell not in forms)
    }
    assert [told(control) for control, made in acting.items() if all(move.first is None for move in made)] == []
    by_keyboard = [c for c, made in acting.items() if c.kind in ("dropdown", "slider", "text", "tick")]
    deaf = [c for c in by_keyboard if all(move.first is None for move in acting[c] if move.by == "keyboard")]
    assert [told(control) for control in deaf] == []
    slow = [control for control, made in acting.items() if median(made) > LIMIT]
    for _ in range(2):  # a machine that is busy with something else is asked again; a slow control is slow each time
        slow = [
            control for control in slow if median(moves[control]) > LIMIT and median(operate(page, control)) > LIMIT
        ]
    assert {told(control): moves[control] for control in slow} == {}
    see_what_was_written(project, {control.label for control in acting}, before)


def see_what_was_written(project: tk.Project, pressed: set[str], before: int) -> None:
    """The journal holds an entry of every kind of button that was pressed, and the files that were asked for are there."""
    written = Decisions(project.decisions).history().slice(before)
    kinds = set(written["kind"])
    assert {kind for label, kind in WRITES.items() if label in pressed} <= kinds
    if "Take it back" in pressed:
        assert written["undoes"].drop_nulls().len() > 0
    if "Keep this rule" in pressed:
        assert project.rules.exists()
    if "Write the hand-over" in pressed:
        assert list((project.path / "handover").glob("*.docx"))


def see_that_it_is_clean(window: SimpleNamespace) -> None:
    """No error, no warning, and all charts drawn."""
    drawn = "() => [...document.querySelectorAll('.jp-OutputArea .tk-chart')].every(c => c.querySelector('svg'))"
    window.page.wait_for_function(drawn, timeout=30_000)
    assert window.page.locator(".tk-chart[data-failed]").all_inner_texts() == []
    noise = ".jp-OutputArea-output[data-mime-type*='stderr'], .jp-RenderedError, .tk-problem"
    assert window.page.locator(noise).all_inner_texts() == []


def find_controls(page: Any) -> list[Control]:
    """The ipywidgets controls on the page, with what is folded away."""
    return [Control(**found) for found in page.evaluate("() => window.probe.find()")]


def operate(page: Any, control: Control) -> list[Move]:
    """Two moves with the mouse and one with the keyboard, or the other way round."""
    if control.kind != "fold":
        page.evaluate("number => window.probe.unfold(number)", control.number)
    state = page.evaluate("number => window.probe.state(number)", control.number)
    if state["disabled"] or state["fixed"] or not state["there"]:
        return []
    page.locator(control.way).scroll_into_view_if_needed()
    made: list[Move] = []
    for by in HOW.get(control.kind, ("mouse", "keyboard", "mouse")):
        if page.evaluate("number => window.probe.state(number)", control.number)["disabled"]:
            break
        page.evaluate("([n, patience]) => window.probe.watch(n, patience)", [control.number, patience_of(control)])
        HANDS[control.kind](page, page.locator(control.way), by, len(made))
        seen = page.evaluate("() => window.probe.told")
        made.append(Move(by, seen["first"], seen["chart"]))
        page.wait_for_function(IDLE, timeout=60_000)  # what one move began is not taken for the next one's
        if not made[-1].first and control.label in FIELDS:
            break
    if control.kind in ("text", "combobox", "words") and len(made) == 3:
        page.keyboard.press("Backspace")  # as it was
    if control.kind == "tick" and len(made) % 2:
        page.locator(control.way).click()  # as it was
    if control.kind == "dropdown" and state.get("chosen") is not None:
        page.locator(control.way).select_option(index=state["chosen"])  # what comes next is seen as it was at first
        page.wait_for_function(IDLE, timeout=60_000)
    return made


def patience_of(control: Control) -> int:
    return 250 if control.label in FIELDS else PATIENCE


def median(made: list[Move]) -> float:
    times = [move.first for move in made if move.first is not None]
    return statistics.median(times) if times else 0.0


def told(control: Control) -> str:
    return f"cell {control.cell}, {control.kind} {control.label!r}"


def _slide(page: Any, place: Any, by: str, turn: int) -> None:
    if by == "keyboard":
        place.focus()
        page.keyboard.press("ArrowLeft")
        return
    track = place.locator("xpath=ancestor::*[contains(@class,'noUi-target')]").bounding_box()
    page.mouse.click(track["x"] + track["width"] * (0, 0.75, 0.1)[turn], track["y"] + track["height"] / 2)


def _type(page: Any, place: Any, by: str, turn: int) -> None:
    if place.get_attribute("type") == "number":
        _count(page, place, by)
        return
    place.click() if by == "mouse" else place.focus()
    page.keyboard.press("End")
    page.keyboard.press("a" if turn % 2 == 0 else "Backspace")


def _count(page: Any, place: Any, by: str) -> None:
    if by == "keyboard":
        place.focus()
        page.keyboard.press("ArrowUp")
        return
    box = place.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 9, box["y"] + box["height"] * 0.3)


def _press(page: Any, place: Any, by: str, turn: int) -> None:
    if by == "mouse":
        place.click()
        return
    place.focus()
    page.keyboard.press("Enter")


def _tick(page: Any, place: Any, by: str, turn: int) -> None:
    if by == "mouse":
        place.click()
        return
    place.focus()
    page.keyboard.press("Space")


def _choose(page: Any, place: Any, by: str, turn: int) -> None:
    options, now = place.evaluate("each => [each.options.length, each.selectedIndex]")
    if by == "keyboard":
        place.focus()
        page.keyboard.press("ArrowDown" if now < options - 1 else "ArrowUp")
        return
    place.select_option(index=(now + 1) % options)


# a button that is pressed has done what it does; one of several choices is chosen once
HOW = {"button": ("mouse", "keyboard"), "choices": ("mouse",), "fold": ("mouse", "mouse"),
       "slider": ("keyboard", "mouse", "mouse"), "dropdown": ("keyboard", "mouse", "keyboard")}  # fmt: skip
HANDS = {"slider": _slide, "text": _type, "combobox": _type, "words": _type, "button": _press, "choices": _press,
         "fold": _press, "tick": _tick, "dropdown": _choose, "list": _choose}  # fmt: skip
