"""The throw-away desktop of the recorder's tests does what they rely on."""

from __future__ import annotations

import time

import psutil

from tests.desktop import (
    Desktop,
    desktop_fixture,  # noqa: F401
    need,
    open_chromium,
    open_dialog,
    open_form,
    open_terminal,
    wait_for,
)


def test_typed_text_arrives_in_a_terminal(desktop: Desktop) -> None:
    open_terminal(desktop)
    desktop.xdo("type", "hello 42")
    desktop.xdo("key", "Return")
    typed = desktop.folder / "typed.txt"
    assert wait_for(lambda: typed.exists() and typed.read_text(), "the typed line") == "hello 42\n"


def test_the_form_is_booked_by_keyboard(desktop: Desktop) -> None:
    open_form(desktop)
    desktop.xdo("type", "R-17")
    desktop.xdo("key", "Tab", "Tab", "space")
    assert desktop.wait_window("^Booked R-17$")


def test_windows_of_three_programs_come_to_the_front_in_turn(desktop: Desktop) -> None:
    windows = [open_form(desktop), open_dialog(desktop, "--forms", "--add-entry=City"), open_chromium(desktop)]
    assert desktop.focus("Invoice form") == windows[0]
    assert len(set(windows)) == 3


def test_nothing_of_it_is_left_over() -> None:
    need()
    with Desktop() as desktop:
        home = desktop.folder
        open_terminal(desktop)
        open_dialog(desktop, "--password")
        open_chromium(desktop)
        started = [p for p in psutil.process_iter(["environ"]) if (p.info["environ"] or {}).get("HOME") == str(home)]
    assert len(started) > 5
    assert [p for p in started if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    time.sleep(0.5)
    assert not home.exists()
