"""Windows, titles, clipboard and lock on Linux with X11 (python-xlib); elements come from `atspi`."""

from __future__ import annotations

import os
import select
import threading
from contextlib import suppress
from typing import Any

import psutil
from Xlib import X, Xatom, error
from Xlib.display import Display
from Xlib.ext import res, xfixes

from taskkit_capture.sources import Put, Signal, Window, is_browser, now
from taskkit_capture.sources.atspi import Elements, title_tells_private

EXTENSIONS = ("RECORD", "XTEST", "XFIXES", "X-Resource", "MIT-SCREEN-SAVER")
TICK = 1.0  # seconds between looks at the screen saver
TEXT = {"UTF8_STRING": "utf-8", "text/plain;charset=utf-8": "utf-8", "STRING": "latin-1"}  # the best first
SECRET = "x-kde-passwordManagerHint"
_GONE = (error.ConnectionClosedError, OSError)


def refusal() -> str | None:
    """Why nothing can be recorded here, and the cure; None if it can."""
    if os.environ.get("WAYLAND_DISPLAY") or os.environ.get("XDG_SESSION_TYPE") == "wayland":
        return "This is a Wayland session: programs see only their own windows. Cure: log out, choose an X11 (Xorg) session."
    name = os.environ.get("DISPLAY")
    if not name:
        return "There is no display: DISPLAY is not set. Cure: start the recorder in a terminal of the desktop session."
    try:
        display = Display()
    except (error.DisplayError, error.XError, OSError) as problem:
        return f"The display {name} cannot be opened: {problem}. Cure: start the recorder as the person logged in."
    missing = [extension for extension in EXTENSIONS if not display.query_extension(extension)]
    display.close()
    if missing:
        return f"The display {name} lacks {', '.join(missing)}. Cure: use a current Xorg server and switch them on."
    return None


class Desktop:
    """What the X server tells. See `DesktopSource`."""

    def __init__(self, put: Put, *, elements: bool, addresses: bool) -> None:
        self._put = put
        self._elements = Elements(put, elements=elements, addresses=addresses)
        self._private: dict[int, bool] = {}  # browser windows of which it is known
        self._shown: Any = "nothing"  # what was last told of the window in front
        self._watched: int | None = None  # the window whose titles are heard
        self._saver = self._unsure = self._stopping = False
        self._thread = threading.Thread(target=self._watch, name="windows", daemon=True)

    def start(self) -> None:
        """Watch; the window in front comes first."""
        self._screen, self._own = _Screen(self._private), _Screen(self._private)  # one for each thread
        self._elements.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; the threads end within a second."""
        self._stopping = True
        self._elements.stop()
        self._own.close()

    def alive(self) -> bool:
        """Whether it still sees windows."""
        return self._thread.is_alive()

    def missing(self) -> str | None:
        """Why there are no elements and no addresses, and the cure; None if there are."""
        unsure = "The browser in front does not answer accessibility: it counts as private. Cure: start it again."
        return self._elements.missing() or (unsure if self._unsure else None)

    def window_at(self, x: int, y: int) -> Window | None:
        """The top-level window under a point; None for a menu, which belongs to the window in front."""
        return self._own.at(x, y)

    def read_clipboard(self, *, limit: int = 1_000_000, deadline: float = 0.3) -> str | None:
        """The clipboard's text, or None."""
        return self._own.clipboard(limit, now() + deadline)

    def ask_element(self, ticket: int, x: int, y: int) -> None:
        """Look up the element under a point."""
        if window := self._own.at(x, y):
            self._elements.ask(ticket, x, y, window, self._own.pid(window.key))

    def _watch(self) -> None:
        screen, display = self._screen, self._screen.display
        try:
            screen.root.change_attributes(event_mask=X.PropertyChangeMask)
            display.xfixes_query_version()
            clipboard = display.get_atom("CLIPBOARD")
            display.xfixes_select_selection_input(screen.root, clipboard, xfixes.XFixesSetSelectionOwnerNotifyMask)
            self._show()
            while not self._stopping:
                self._tick()
                while display.pending_events():  # last before the wait: every question may bring events along
                    self._event(display.next_event())
                select.select([display.fileno()], [], [], TICK)
        except _GONE as problem:
            if not self._stopping:
                self._put(Signal(now(), "trouble", f"The X server is gone, nothing can be seen any more ({problem})."))
        finally:
            screen.close()

    def _tick(self) -> None:
        """Look at the screen saver, and again at a window of which accessibility could not tell yet."""
        saver = self._screen.root.screensaver_query_info().state == 1
        if saver != self._saver:
            self._saver = saver
            self._put(Signal(now(), "lock", saver))
        if self._unsure:
            self._show()

    def _event(self, event: Any) -> None:
        atom = self._screen.display.get_atom
        if event.type == X.PropertyNotify:
            # openbox leaves the last window that was closed as the active one: then only the list of clients changes
            if event.atom in (*map(atom, ("_NET_ACTIVE_WINDOW", "_NET_CLIENT_LIST", "_NET_WM_NAME")), Xatom.WM_NAME):
                self._show()
        elif getattr(event, "selection", None) == atom("CLIPBOARD"):
            self._put(Signal(now(), "clipboard"))

    def _show(self) -> None:
        """Tell the window in front, if it is not what was told last; hear of its title."""
        at, screen = now(), self._screen
        key, clients = screen.active(), screen.clients()
        for gone in set(self._private).difference(clients):  # their numbers may come back for other windows
            self._private.pop(gone)
        if key != self._watched:
            for number, mask in ((self._watched, X.NoEventMask), (key, X.PropertyChangeMask)):
                if number:
                    screen.window(number).change_attributes(event_mask=mask)
            self._watched = key
        window = screen.describe(key) if key else None
        pid = screen.pid(window.key) if window else None
        self._unsure = window is not None and is_browser(window.app) and window.key not in self._private
        if window and self._unsure:
            window = self._judge(window, pid, clients)
        shown = window and (window.key, window.app, window.title, window.private)
        if shown != self._shown:
            self._shown = shown
            self._put(Signal(at, "window", window))
            self._elements.show(window, pid)

    def _judge(self, window: Window, pid: int | None, clients: list[int]) -> Window:
        """A browser's window with what accessibility tells about it: private or not, if it can be told."""
        marks = self._elements.marks(window, pid)
        # a window may be on the screen before accessibility knows it: a twin's answer is not its answer
        twins = sum(self._screen.title(key) == window.title for key in clients) if marks else 0
        if len(set(marks)) == 1 and len(marks) >= twins:
            self._private[window.key], self._unsure = marks[0], False
            window = window._replace(private=marks[0])
        return window


class _Screen:
    """One connection to the X server, for one thread."""

    def __init__(self, private: dict[int, bool]) -> None:
        self.display = Display()
        self.display.set_error_handler(lambda *_: None)  # a window that is gone is no news
        self.root = self.display.screen().root
        self._private = private

    def close(self) -> None:
        with suppress(*_GONE):
            self.display.close()

    def window(self, key: int) -> Any:
        return self.display.create_resource_object("window", key)

    def active(self) -> int | None:
        return next((key for key in self._read(self.root, "_NET_ACTIVE_WINDOW") if key), None)

    def clients(self) -> list[int]:
        """All top-level windows, the uppermost last."""
        return list(self._read(self.root, "_NET_CLIENT_LIST_STACKING") or self._read(self.root, "_NET_CLIENT_LIST"))

    def title(self, key: int) -> str | None:
        window = self.window(key)
        found = self._read(window, "_NET_WM_NAME") or self._read(window, "WM_NAME")
        return bytes(found).decode("utf-8", "replace") if found else None

    def describe(self, key: int) -> Window | None:
        """A window as it is now; None if it is gone."""
        window = self.window(key)
        try:
            size, place = window.get_geometry(), self.root.translate_coords(window, 0, 0)
        except error.XError:
            return None
        title = self.title(key)
        app = _program(self.pid(key))
        if is_browser(app) and title_tells_private(title):
            self._private[key] = True
        private = is_browser(app) and self._private.get(key, True)  # not told yet: private
        return Window(key, app, title, (place.x, place.y, size.width, size.height), private)

    def at(self, x: int, y: int) -> Window | None:
        """The top-level window under a point: the client inside the window manager's frame."""
        try:
            child = self.root.translate_coords(self.root, x, y).child
            while child and not self._read(child, "WM_STATE"):
                child = child.translate_coords(self.root, x, y).child
            return self.describe(child.id) if child else None
        except (error.XError, *_GONE):
            return None

    def pid(self, key: int) -> int | None:
        """The process of a window, as the X server knows it: what the window itself says is often missing or wrong."""
        with suppress(error.XError):
            ids = self.display.res_query_client_ids([{"client": key, "mask": res.LocalClientPIDMask}]).ids
            return next((int(entry.value[0]) for entry in ids if entry.value), None)
        return None

    def _read(self, window: Any, name: str) -> Any:
        with suppress(error.XError):
            found = window.get_full_property(self.display.get_atom(name), X.AnyPropertyType)
            return found.value if found else ()
        return ()

    def clipboard(self, limit: int, until: float) -> str | None:
        """Ask the clipboard's owner for its text, in a window made for this one answer."""
        atom, text = self.display.get_atom, ""
        with suppress(*_GONE):
            window = self.root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
            with suppress(LookupError, UnicodeDecodeError, error.XError):
                targets = self._convert(window, "TARGETS", 4096, until)
                kinds = [name for name in TEXT if atom(name) in targets]
                if atom(SECRET) not in targets:
                    text = bytes(self._convert(window, kinds[0], limit * 4, until)).decode(TEXT[kinds[0]])
            window.destroy()
            self.display.flush()
        return text if 0 < len(text) <= limit else None

    def _convert(self, window: Any, target: str, limit: int, until: float) -> Any:
        """What the owner of the clipboard gives for a target, at most `limit` bytes at once; LookupError for nothing."""
        atom = self.display.get_atom
        window.convert_selection(atom("CLIPBOARD"), atom(target), atom("TASKKIT_CLIPBOARD"), X.CurrentTime)
        answer = self._answer(window, until)
        if answer is None or not answer.property:
            raise LookupError(f"no {target} on the clipboard")
        found = window.get_property(answer.property, X.AnyPropertyType, 0, limit // 4 + 1, delete=True)
        if found is None or found.bytes_after or found.property_type == atom("INCR"):
            raise LookupError(f"more than wanted as {target}")
        return found.value

    def _answer(self, window: Any, until: float) -> Any:
        """The answer that comes for a window in time; one for a window before it is too late."""
        self.display.flush()
        while (left := until - now()) > 0:
            while self.display.pending_events():
                event = self.display.next_event()
                if event.type == X.SelectionNotify and event.requestor == window:
                    return event
            select.select([self.display.fileno()], [], [], left)
        return None


def _program(pid: int | None) -> str | None:
    """Name of a process; Wine's programs have the suffix."""
    try:
        return psutil.Process(pid).name().lower().removesuffix(".exe") if pid else None
    except psutil.Error:
        return None
