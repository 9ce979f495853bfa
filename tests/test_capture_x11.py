"""What the recorder sees on a real X display: windows, titles, clipboard, lock, elements, private windows."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from taskkit_capture.sources import Element, Signal, Window

from tests.desktop import Desktop, open_chromium, open_dialog, open_form, open_terminal, wait_for
from tests.desktop import desktop_fixture as desktop_fixture

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="X11 is for Linux")

if sys.platform == "linux":
    from taskkit_capture.sources import atspi, x11

# an owner of the clipboard with what a test wants: targets by name, and "silent" to answer nothing at all
OWNER = """
import sys, time
from Xlib import X, Xatom, display
from Xlib.protocol import event
d = display.Display(); w = d.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
offers = dict(pair.split("=", 1) for pair in sys.argv[1:])
w.set_selection_owner(d.get_atom("CLIPBOARD"), X.CurrentTime); d.flush()
while True:
    e = d.next_event()
    if e.type != X.SelectionRequest or "silent" in offers: continue
    name = d.get_atom_name(e.target)
    if name == "TARGETS": e.requestor.change_property(e.property, Xatom.ATOM, 32, [d.get_atom(o) for o in offers])
    else: e.requestor.change_property(e.property, e.target, 8, offers[name].encode())
    e.requestor.send_event(event.SelectionNotify(time=e.time, requestor=e.requestor, selection=e.selection,
                                                 target=e.target, property=e.property)); d.flush()
"""
TK_OWNER = "import tkinter, sys; t = tkinter.Tk(); t.clipboard_append(sys.argv[1] * int(sys.argv[2])); t.mainloop()"
EDITABLE_PAGE = """<!doctype html><title>Order form</title><style>* { height: 60px; width: 300px; display: block }</style>
<body style="margin: 0; height: 400px"><textarea id="area" aria-label="Remark"></textarea>
<div contenteditable id="rich" aria-label="Letter" role="textbox"><p>canary in the letter</p></div>
<div contenteditable id="plain"><p>canary without a role</p></div>"""


class Heard:
    """A started source and what it told."""

    def __init__(self, **settings: bool) -> None:
        self.signals: list[Signal] = []
        self.source = x11.Desktop(self.signals.append, **{"elements": True, "addresses": True} | settings)
        self.source.start()

    def all(self, kind: str) -> list[Any]:
        return [signal.data for signal in list(self.signals) if signal.kind == kind]

    def wait(self, kind: str, fits: Callable[[Any], Any]) -> Any:
        return wait_for(lambda: [(data,) for data in self.all(kind) if fits(data)], kind, 8)[-1][0]

    def titles(self) -> list[str | None]:
        return [window and window.title for window in self.all("window")]

    def element(self, x: int, y: int) -> Any:
        """The element under a point: asked until there is one, as a page may still be opening."""

        def ask() -> Any:
            ticket = len(self.signals)
            self.source.ask_element(ticket, x, y)
            return self.wait("element", lambda data: data[0] == ticket)[1]

        return wait_for(ask, "an element", 8)


@pytest.fixture
def listen(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Heard]]:
    """Start a source in the desktop; it is stopped at the end."""
    _enter(desktop, monkeypatch)
    started: list[Heard] = []

    def start(**settings: bool) -> Heard:
        started.append(Heard(**settings))
        return started[-1]

    yield start
    for heard in started:
        heard.source.stop()


def _enter(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for name in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_SESSION_TYPE"):
        monkeypatch.setenv(name, desktop.env[name])


# ------------------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"XDG_SESSION_TYPE": "wayland", "DISPLAY": ":0"}, "choose an X11"),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, "choose an X11"),
        ({}, "DISPLAY is not set"),
        ({"DISPLAY": ":4711"}, ":4711 cannot be opened"),
    ],
)
def test_refusal_names_the_reason_and_the_cure(env: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WAYLAND_DISPLAY", "DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # python-xlib leaves the sockets open that found no server
        reason = x11.refusal() or ""
        gc.collect()
    assert said in reason
    assert "Cure:" in reason


def test_a_display_with_everything_is_not_refused(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    _enter(desktop, monkeypatch)
    assert x11.refusal() is None


def test_a_display_without_an_extension_is_refused(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    _enter(desktop, monkeypatch)
    monkeypatch.setattr(x11, "EXTENSIONS", ("RECORD", "NO-SUCH-EXTENSION"))
    assert "lacks NO-SUCH-EXTENSION" in (x11.refusal() or "")


# ------------------------------------------------------------------------------------------------- windows and titles
def test_the_window_in_front_comes_first_and_then_each_one_that_follows(desktop: Desktop, listen: Any) -> None:
    open_terminal(desktop)
    heard = listen()
    heard.wait("window", lambda window: window)
    open_form(desktop)
    heard.wait("window", lambda window: window and window.title == "Invoice form")
    desktop.focus("Terminal one")
    wait_for(lambda: heard.titles()[-1] == "Terminal one", "the terminal")
    assert [title for title in heard.titles() if title] == ["Terminal one", "Invoice form", "Terminal one"]


def test_a_tk_window_that_does_not_say_its_process_has_its_program_by_the_server(desktop: Desktop, listen: Any) -> None:
    open_form(desktop)
    assert listen().wait("window", lambda window: window).app.startswith("python")


def test_a_new_title_is_told_with_the_same_key(desktop: Desktop, listen: Any) -> None:
    open_form(desktop)
    heard = listen()
    first = heard.wait("window", lambda window: window)
    desktop.click_in("Invoice form", 210, 95)
    booked = heard.wait("window", lambda window: window and window.title.startswith("Booked"))
    assert (booked.key, booked.app) == (first.key, first.app)


def test_an_empty_desktop_is_told_as_none(desktop: Desktop, listen: Any) -> None:
    terminal = desktop.start("xterm", "-T", "Short")
    desktop.focus("Short")
    heard = listen()
    heard.wait("window", lambda window: window)
    terminal.terminate()
    wait_for(lambda: heard.titles()[-1] is None, "the empty desktop")
    assert heard.source.alive()


def test_windows_that_vanish_at_once_do_not_end_the_watch(desktop: Desktop, listen: Any) -> None:
    heard = listen()
    for number in range(6):
        desktop.start("xterm", "-T", f"Brief {number}", "-e", "true")
    open_terminal(desktop, "Lasting")
    assert heard.wait("window", lambda window: window and window.title == "Lasting").app == "xterm"


def test_a_dead_server_is_trouble_and_not_silence(desktop: Desktop, listen: Any) -> None:
    heard = listen()
    desktop.server.kill()
    assert "X server is gone" in heard.wait("trouble", lambda data: True)
    wait_for(lambda: not heard.source.alive(), "the end of the watch", 3)
    assert heard.source.window_at(5, 5) is None
    assert heard.source.read_clipboard() is None


def test_stop_ends_every_thread_within_a_second(desktop: Desktop, listen: Any) -> None:
    before = set(threading.enumerate())
    heard = listen()
    began = time.monotonic()
    heard.source.stop()
    assert time.monotonic() - began < 1
    wait_for(lambda: not set(threading.enumerate()) - before, "the end of its threads", 2)
    assert not heard.source.alive()


# ------------------------------------------------------------------------------------------------- the window at a point
def test_the_window_at_a_point_is_the_client_with_its_box(desktop: Desktop, listen: Any) -> None:
    key = open_form(desktop)
    heard = listen()
    window = heard.source.window_at(200, 150)
    assert window is not None
    assert (window.title, window.box[2:]) == ("Invoice form", (420, 220))
    left, top = (
        int(desktop.run("xwininfo", "-id", key).split(f"Absolute upper-left {axis}:")[1].split()[0]) for axis in "XY"
    )
    assert window.box[:2] == (left, top)


def test_there_is_no_window_on_the_bare_desktop(desktop: Desktop, listen: Any) -> None:
    open_form(desktop)
    assert listen().source.window_at(1270, 890) is None


def test_a_menu_is_no_window_of_its_own(desktop: Desktop, listen: Any) -> None:
    open_terminal(desktop)
    heard = listen()
    assert heard.source.window_at(600, 150).app == "xterm"
    desktop.xdo("mousemove", 600, 150, "keydown", "ctrl", "mousedown", 1)
    wait_for(lambda: heard.source.window_at(605, 160) is None, "the menu")
    desktop.xdo("mouseup", 1, "keyup", "ctrl")
    wait_for(lambda: heard.source.window_at(605, 160), "the window below it")


# ----------------------------------------------------------------------------------------------------------- clipboard
def _own_clipboard(desktop: Desktop, heard: Heard, *command: str) -> None:
    before = len(heard.all("clipboard"))
    desktop.start(sys.executable, "-c", *command)
    wait_for(lambda: len(heard.all("clipboard")) > before, "the change of the clipboard", 8)


def test_a_copy_is_told_without_its_content(desktop: Desktop, listen: Any) -> None:
    heard = listen()
    _own_clipboard(desktop, heard, OWNER, "UTF8_STRING=canary")
    assert set(heard.all("clipboard")) == {None}


@pytest.mark.parametrize(
    ("offers", "text"),
    [
        (["UTF8_STRING=Grüße"], "Grüße"),
        (["STRING=plain"], "plain"),
        (["STRING=old", "UTF8_STRING=new"], "new"),
        (["image/png=xx"], None),
        (["UTF8_STRING=pass", "x-kde-passwordManagerHint=secret"], None),
    ],
)
def test_the_clipboard_gives_text_unless_it_is_secret(
    offers: list[str], text: str | None, desktop: Desktop, listen: Any
) -> None:
    heard = listen()
    _own_clipboard(desktop, heard, OWNER, *offers)
    assert heard.source.read_clipboard(deadline=3) == text


def test_an_empty_clipboard_gives_nothing(desktop: Desktop, listen: Any) -> None:
    assert listen().source.read_clipboard() is None


def test_an_owner_that_is_silent_costs_no_more_than_the_deadline(desktop: Desktop, listen: Any) -> None:
    heard = listen()
    _own_clipboard(desktop, heard, OWNER, "silent=1")
    began = time.monotonic()
    assert heard.source.read_clipboard(deadline=0.2) is None
    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize(("count", "text"), [(1000, "äb" * 1000), (6666, None)])
def test_a_text_that_comes_in_pieces_is_not_read(count: int, text: str | None, desktop: Desktop, listen: Any) -> None:
    heard = listen()
    _own_clipboard(desktop, heard, TK_OWNER, "äb", str(count))
    assert heard.source.read_clipboard(deadline=3) == text


def test_a_text_over_the_limit_is_not_read(desktop: Desktop, listen: Any) -> None:
    heard = listen()
    _own_clipboard(desktop, heard, OWNER, "UTF8_STRING=" + "ab" * 501)
    assert heard.source.read_clipboard(limit=1000, deadline=3) is None
    assert heard.source.read_clipboard(limit=1002, deadline=3) == "ab" * 501


# ---------------------------------------------------------------------------------------------------------------- lock
def test_the_screen_saver_is_a_lock(desktop: Desktop, listen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x11, "TICK", 0.05)
    heard = listen()
    switch = (
        "import sys; from Xlib import display as m; d = m.Display(); d.force_screen_saver(int(sys.argv[1])); d.sync()"
    )
    for mode in ("1", "0"):
        desktop.run(sys.executable, "-c", switch, mode)
        wait_for(lambda mode=mode: heard.all("lock")[-1:] == [mode == "1"], "the lock", 5)
    assert heard.all("lock") == [True, False]


def test_the_desktops_own_lock_is_heard(desktop: Desktop, listen: Any) -> None:
    heard = listen()
    desktop.run("gdbus", "emit", "--session", "--object-path", "/org/gnome/ScreenSaver", "--signal",
                "org.gnome.ScreenSaver.ActiveChanged", "true", check=True)  # fmt: skip
    assert heard.wait("lock", lambda data: True) is True


# ------------------------------------------------------------------------------------------------------------ elements
def test_focus_in_a_password_entry_is_secret(desktop: Desktop, listen: Any) -> None:
    heard = listen()
    open_dialog(desktop, "--forms", "--add-entry=Customer", "--add-password=Pin")
    heard.wait("focus", lambda element: element and element.role == "text")
    desktop.xdo("key", "Tab")
    assert heard.wait("focus", lambda element: element and element.role == "password text").secret


def test_a_focus_told_before_its_window_is_told_again_after_it(desktop: Desktop, listen: Any) -> None:
    open_dialog(desktop, "--password")
    heard = listen()
    window = heard.wait("window", lambda window: window)
    elements, pid = heard.source._elements, heard.source._own.pid(window.key)
    elements.show(None, None)
    desktop.xdo("key", "Tab", "key", "shift+Tab")
    heard.wait("focus", lambda element: element and element.secret)
    before = len(heard.signals)
    elements.show(window, pid)
    wait_for(lambda: [s for s in heard.signals[before:] if s.kind == "focus" and s.data.secret], "the focus again", 5)
    elements.show(window._replace(key=1), -1)  # a window of another program does not get it
    time.sleep(0.3)
    assert len([s for s in heard.signals[before:] if s.kind == "focus"]) == 1


def test_elements_of_a_page_have_role_name_id_and_address(desktop: Desktop, listen: Any) -> None:
    heard = listen()
    open_chromium(desktop)
    wait_for(lambda: heard.element(300, 290).id, "the page", 8)
    heard.wait("focus", lambda element: element and element.id == "order")
    box = heard.source.window_at(300, 290).box
    found = {}
    for y in range(box[1] + 60, box[1] + 400, 12):
        element = heard.element(200, y)
        if element.id:
            found[element.id] = element
    url = (desktop.folder / "page.html").as_uri()
    assert found["order"] == Element("entry", "Order number", "order", False, url)
    assert found["secret"] == Element("password text", "Password", "secret", True, url)
    assert found["save"] == Element("push button", "Save order", "save", False, url)
    assert found["help"] == Element("link", "Help page", "help", False, url)


def test_what_is_typed_into_fields_is_never_delivered(desktop: Desktop, listen: Any) -> None:
    heard = listen()
    open_chromium(desktop, page=EDITABLE_PAGE)
    wait_for(lambda: heard.element(140, 360).id, "the page", 8)
    for y in range(270, 540, 30):
        desktop.xdo("mousemove", 140, y, "click", 1, "type", "canary")
        heard.element(140, y)
    named = {element.id for _, element in heard.all("element") if element}
    assert {"area", "rich", "plain"} <= named
    assert not [signal for signal in heard.signals if "canary" in str(signal)]


def test_a_new_address_is_told_after_a_link(desktop: Desktop, listen: Any) -> None:
    heard = listen()
    page = '<!doctype html><title>Order form</title><a href="two.html" autofocus id="next">Go on</a>'
    (desktop.folder / "two.html").write_text("<!doctype html><title>Second page</title>", encoding="utf-8")
    open_chromium(desktop, page=page)
    heard.wait("focus", lambda element: element and element.url and element.url.endswith("page.html"))
    desktop.xdo("key", "Return")
    url = heard.wait("focus", lambda element: element and element.url and element.url.endswith("two.html")).url
    assert url == (desktop.folder / "two.html").as_uri()


def test_without_addresses_no_element_has_one(desktop: Desktop, listen: Any) -> None:
    heard = listen(addresses=False)
    open_chromium(desktop)
    wait_for(lambda: heard.element(300, 290).id, "the page", 8)
    assert not [element for element in heard.all("focus") if element and element.url]
    assert not [element for _, element in heard.all("element") if element and element.url]


def test_a_program_that_hangs_costs_only_its_deadline(desktop: Desktop, listen: Any) -> None:
    heard = listen()
    key = open_dialog(desktop, "--entry")
    heard.wait("focus", lambda element: element)
    window = heard.source.window_at(640, 450)
    assert window is not None
    assert window.key == key or window.title == "Dialog"
    hung = int(desktop.run("xdotool", "getwindowpid", key))
    os.kill(hung, signal.SIGSTOP)
    try:
        began = time.monotonic()
        heard.source.ask_element(7, 640, 450)
        assert heard.wait("element", lambda data: data[0] == 7) == (7, None)
        assert time.monotonic() - began < 1
        for ticket in range(100, 200):  # far more than may wait
            heard.source.ask_element(ticket, 640, 450)
        assert heard.source.alive()
    finally:
        os.kill(hung, signal.SIGCONT)
    time.sleep(0.2)
    assert len(heard.all("element")) <= 2 + atspi.PENDING


def test_without_an_accessibility_bus_elements_are_missing_and_said(
    desktop: Desktop, listen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    heard = listen()
    open_terminal(desktop)
    heard.wait("window", lambda window: window and window.title == "Terminal one")
    assert "No accessibility bus" in (heard.source.missing() or "")


def test_accessibility_that_is_switched_off_is_said(desktop: Desktop, listen: Any) -> None:
    for name in ("IsEnabled", "ScreenReaderEnabled"):
        desktop.run("gdbus", "call", "--session", "--dest", "org.a11y.Bus", "--object-path", "/org/a11y/bus", "--method",
                    "org.freedesktop.DBus.Properties.Set", "org.a11y.Status", name, "<false>", check=True)  # fmt: skip
    assert "Accessibility is switched off" in (listen().source.missing() or "")


def test_with_accessibility_nothing_is_missing(desktop: Desktop, listen: Any) -> None:
    assert listen().source.missing() is None


# ----------------------------------------------------------------------------------------------------- private windows
@pytest.mark.parametrize(
    ("title", "frame", "private"),
    [
        ("Order - Chromium", "Order - Chromium", False),
        ("Order - Chromium", "Order - Chromium (Incognito)", True),
        ("Order - Chromium", "Order - Chromium (Inkognito)", True),
        ("Order - Chromium", "Order - Chromium （シークレット モード）", True),
        ("Order (draft)", "Order (draft)", False),
        ("Incognito mode explained - Chromium", "Incognito mode explained - Chromium", False),
        ("Order — Mozilla Firefox Private Browsing", "", True),
        ("Mozilla Firefox (Private Browsing)", "", True),
        ("Order - [InPrivate]", "Order - InPrivate", True),
    ],
)
def test_marks_of_private_windows(title: str, frame: str, private: bool) -> None:
    assert atspi.title_tells_private(title, frame) is private


def test_a_private_window_beside_a_normal_one_of_the_same_title_is_told_apart(desktop: Desktop, listen: Any) -> None:
    heard = listen()
    normal = open_chromium(desktop)
    heard.wait("window", lambda window: window and window.title.startswith("Order") and not window.private)
    desktop.start("chromium", "--no-sandbox", f"--user-data-dir={desktop.folder / 'chromium'}", "--incognito",
                  (desktop.folder / "page.html").as_uri())  # fmt: skip
    hidden = heard.wait("window", lambda window: window and window.title.startswith("Order") and window.key != normal)
    heard.wait("focus", lambda element: element and element.private)
    assert heard.element(300, 290) == Element(None, private=True)
    time.sleep(0.5)
    told = {(window.key, window.private) for window in heard.all("window") if window}
    assert (hidden.key, True) in told
    assert (hidden.key, False) not in told
    desktop.run("xdotool", "windowactivate", normal)
    back = wait_for(lambda: (window := heard.all("window")[-1]) and window.key == normal and window, "the normal one")
    assert not back.private


@pytest.mark.parametrize("bus", [True, False])
def test_a_browser_started_for_private_browsing_is_private_throughout(
    bus: bool, desktop: Desktop, listen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not bus:
        monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    heard = listen()
    open_chromium(desktop, "--incognito")
    heard.wait("window", lambda window: window and window.title.startswith("Order"))
    assert {window.private for window in heard.all("window") if window} == {True}


def test_a_browser_that_cannot_be_asked_counts_as_private(
    desktop: Desktop, listen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    heard = listen()
    open_chromium(desktop)
    window: Window = heard.wait("window", lambda window: window and window.title.startswith("Order"))
    assert window.private
    assert "browsers count as private" in (heard.source.missing() or "")
    assert heard.source.window_at(300, 290).private
