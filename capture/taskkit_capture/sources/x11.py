"""Windows, titles, clipboard and lock on Linux with X11 (python-xlib); elements come from `atspi`."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil
from Xlib import X, Xatom, error
from Xlib.display import Display
from Xlib.ext import res, xfixes

from taskkit_capture.sources import Put, Signal, Window, now
from taskkit_capture.sources.atspi import Elements, is_browser, title_tells_private

EXTENSIONS = ("RECORD", "XTEST", "XFIXES", "MIT-SCREEN-SAVER")
TICK = 2.0  # seconds between looks at the screen saver
SWITCHES = ("--incognito", "--inprivate", "--private", "--private-window", "-private", "-private-window")
TEXT = ("UTF8_STRING", "text/plain;charset=utf-8", "STRING")
SECRET = "x-kde-passwordManagerHint"
_GONE = (error.ConnectionClosedError, OSError)


def refusal() -> str | None:
    """Why nothing can be recorded here, and the cure; None if it can."""
    if os.environ.get("WAYLAND_DISPLAY") or os.environ.get("XDG_SESSION_TYPE") == "wayland":
        return (
            "This is a Wayland session: a program sees there only its own windows, so the log would be full of holes. "
            "Cure: log out, choose an X11 (Xorg) session on the login screen, and start again."
        )
    name = os.environ.get("DISPLAY")
    if not name:
        return "There is no display: DISPLAY is not set. Cure: start the recorder in a terminal of the desktop session."
    try:
        display = Display()
    except (error.DisplayError, error.XError, OSError) as problem:
        return (
            f"The display {name} cannot be opened: {problem}. Cure: start the recorder as the person logged in there."
        )
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
        self._pids: dict[int, int | None] = {}
        self._shown: tuple[Any, ...] = ()  # what was last told of the window in front
        self._stopping = False
        self._watched: int | None = None
        self._hit: tuple[int, int, float, Window | None] = (0, 0, 0.0, None)
        self._saver, self._unsure, self._next_tick = False, False, 0.0
        self._thread = threading.Thread(target=self._watch, name="windows", daemon=True)

    def start(self) -> None:
        """Watch; the window in front comes first."""
        self._wake = os.pipe()
        self._screen, self._own = (_Screen(self._private, self._pids) for _ in range(2))
        self._elements.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        if self._stopping:
            return
        self._stopping = True
        os.write(self._wake[1], b".")
        self._elements.stop()
        if self._thread.is_alive():
            self._thread.join(0.8)
        self._own.close()
        for end in self._wake if not self._thread.is_alive() else ():
            os.close(end)

    def alive(self) -> bool:
        """Whether it still sees windows."""
        return self._thread.is_alive()

    def missing(self) -> str | None:
        """Why there are no elements and no addresses, and the cure; None if there are."""
        if self._unsure and self._elements.missing() is None:
            return (
                "The browser in front does not answer accessibility, so it counts as private and its time as excluded. "
                "Cure: close all its windows and start it again: it joins accessibility only at its start."
            )
        return self._elements.missing()

    def window_at(self, x: int, y: int) -> Window | None:
        """The top-level window under a point; a menu counts as its program's window, with the menu's box."""
        self._hit = (x, y, now(), self._own.at(x, y))
        return self._hit[3]

    def read_clipboard(self, *, limit: int = 1_000_000, deadline: float = 0.3) -> str | None:
        """The clipboard's text, or None."""
        return self._own.clipboard(limit, time.monotonic() + deadline)

    def ask_element(self, ticket: int, x: int, y: int) -> None:
        """Look up the element under a point."""
        if self._hit[:2] != (x, y) or now() - self._hit[2] > 0.5:  # mostly just asked for: a look costs most of 1 ms
            self.window_at(x, y)
        if window := self._hit[3]:
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
                if now() >= self._next_tick:
                    self._tick()
                while display.pending_events():  # last before the wait: every question may bring events along
                    self._event(display.next_event())
                select.select([display.fileno(), self._wake[0]], [], [], max(0.0, self._next_tick - now()))
        except _GONE as problem:
            if not self._stopping:
                self._put(Signal(now(), "trouble", f"The X server is gone, nothing can be seen any more ({problem})."))
        finally:
            screen.close()

    def _event(self, event: Any) -> None:
        atom = self._screen.display.get_atom
        if event.type != X.PropertyNotify:
            if getattr(event, "selection", None) == atom("CLIPBOARD"):
                self._put(Signal(now(), "clipboard"))
        elif event.atom in (atom("_NET_ACTIVE_WINDOW"), atom("_NET_WM_NAME"), Xatom.WM_NAME):
            self._show()
        elif event.atom == atom("_NET_CLIENT_LIST"):
            clients = set(self._screen.clients())
            for known in (self._private, self._pids):  # numbers of windows that are gone may come back for others
                for key in set(known) - clients:
                    known.pop(key, None)
            if self._watched not in clients:  # openbox leaves the last window that was closed as the active one
                self._show()

    def _show(self) -> None:
        """Tell the window in front, if it is not what was told last; hear of its title."""
        at, key = now(), self._screen.active()
        if key != self._watched:
            for number, mask in ((self._watched, X.NoEventMask), (key, X.PropertyChangeMask)):
                if number:
                    self._screen.window(number).change_attributes(event_mask=mask)
            self._watched = key
        window = self._screen.describe(key) if key else None
        pid = self._screen.pid(key) if window and key else None
        self._unsure = window is not None and key not in self._private and is_browser(window.app)
        if window and self._unsure:
            others = [self._screen.describe(other) for other in self._screen.clients()]
            told = self._elements.private(window, pid, sum(o is not None and o.title == window.title for o in others))
            if told is not None:
                self._private[window.key], self._unsure = told, False
                window = window._replace(private=told)
        shown = (window and (window.key, window.app, window.title, window.private),)
        if shown != self._shown:
            self._shown = shown
            self._put(Signal(at, "window", window))
            self._elements.show(window, pid)

    def _tick(self) -> None:
        """Look at the screen saver, and again at a window of which accessibility could not tell yet."""
        self._next_tick = now() + TICK
        saver = self._screen.root.screensaver_query_info().state == 1
        if saver != self._saver:
            self._saver = saver
            self._put(Signal(now(), "lock", saver))
        if self._unsure:
            self._show()


class _Screen:
    """One connection to the X server, for one thread."""

    def __init__(self, private: dict[int, bool], pids: dict[int, int | None]) -> None:
        self.display = Display()
        self.display.set_error_handler(lambda *_: None)  # a window that is gone is no news
        self.root = self.display.screen().root
        self._private, self._pids = private, pids
        self._programs: dict[tuple[int, float], tuple[str, bool]] = {}

    def close(self) -> None:
        with contextlib.suppress(*_GONE):
            self.display.close()

    def window(self, key: int) -> Any:
        return self.display.create_resource_object("window", key)

    def active(self) -> int | None:
        return next((key for key in self._read(self.root, "_NET_ACTIVE_WINDOW") if key), None)

    def clients(self) -> list[int]:
        return list(self._read(self.root, "_NET_CLIENT_LIST_STACKING") or self._read(self.root, "_NET_CLIENT_LIST"))

    def describe(self, key: int) -> Window | None:
        """A window as it is now; None if it is gone."""
        window = self.window(key)
        try:
            size, place = window.get_geometry(), self.root.translate_coords(window, 0, 0)
            title = self._read(window, "_NET_WM_NAME", "UTF8_STRING") or self._read(window, "WM_NAME")
        except error.XError:
            return None
        text = title.decode("utf-8", "replace") if isinstance(title, bytes) else None
        app, switched = self._program(self.pid(key))
        if is_browser(app) and (switched or title_tells_private(text)):
            self._private[key] = True
        private = is_browser(app) and self._private.get(key, True)  # not told yet: private
        return Window(key, app, text, (place.x, place.y, size.width, size.height), private)

    def at(self, x: int, y: int) -> Window | None:
        """The top-level window under a point: the client inside the window manager's frame."""
        try:
            child = top = self.root.translate_coords(self.root, x, y).child
            while child and not self._read(child, "WM_STATE"):
                place = child.translate_coords(self.root, x, y)
                child = place.child
            return self.describe(child.id) if child else self._owner(top) if top else None
        except (error.XError, *_GONE):
            return None

    def _owner(self, popup: Any) -> Window | None:
        """The window of the program that owns a menu or another window without a frame."""
        box = popup.get_geometry()
        pid = self.pid(popup.id)
        keys = [self.active(), *reversed(self.clients())]
        own = next((key for key in keys if key and pid is not None and self.pid(key) == pid), None)
        window = self.describe(own) if own else None
        return window and window._replace(box=(box.x, box.y, box.width, box.height))

    def pid(self, key: int) -> int | None:
        """The process of a window: as the X server knows it, else as the window says (X over a network)."""
        if key not in self._pids:
            found = None
            with contextlib.suppress(error.XError, AttributeError):  # a server without X-Resource
                ids = self.display.res_query_client_ids([{"client": key, "mask": res.LocalClientPIDMask}]).ids
                found = next((int(entry.value[0]) for entry in ids if entry.value), None)
            with contextlib.suppress(error.XError):
                found = found or next(iter(self._read(self.window(key), "_NET_WM_PID")), None)
            self._pids[key] = found
        return self._pids[key]

    def _program(self, pid: int | None) -> tuple[str | None, bool]:
        """Name of a process, and whether it was started for private browsing."""
        try:
            process = psutil.Process(pid) if pid else None
            if process is None:
                return None, False
            known = (process.pid, process.create_time())
            if known not in self._programs:
                name = os.path.basename(process.name()).lower().removesuffix(".exe")
                self._programs[known] = (name, any(switch in SWITCHES for switch in process.cmdline()[1:]))
            return self._programs[known]
        except psutil.Error:
            return None, False

    def _read(self, window: Any, name: str, kind: str | None = None) -> Any:
        atom = self.display.get_atom
        found = window.get_full_property(atom(name), atom(kind) if kind else X.AnyPropertyType)
        return found.value if found else ()

    def clipboard(self, limit: int, until: float) -> str | None:
        """Ask the clipboard's owner for its text, in a window made for this one answer."""
        try:
            window = self.root.create_window(0, 0, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask)
            try:
                return self._text(window, limit, until)
            finally:
                window.destroy()
                self.display.flush()
        except (error.XError, UnicodeDecodeError, *_GONE):
            return None

    def _text(self, window: Any, limit: int, until: float) -> str | None:
        atom = self.display.get_atom
        targets = set(self._convert(window, "TARGETS", 4096, until) or ())
        kind = next((name for name in TEXT if atom(name) in targets), None)
        if atom(SECRET) in targets or kind is None:
            return None
        content = self._convert(window, kind, limit * 4, until)
        text = bytes(content).decode("latin-1" if kind == "STRING" else "utf-8") if content is not None else None
        return text if text is not None and len(text) <= limit else None

    def _convert(self, window: Any, target: str, limit: int, until: float) -> Any:
        """What the owner of the clipboard gives for a target, at most `limit` bytes; None for nothing."""
        atom, events = self.display.get_atom, self._events(window, until)
        store, size = atom("TASKKIT_CLIPBOARD"), 0
        parts: list[bytes] = []
        window.convert_selection(atom("CLIPBOARD"), atom(target), store, X.CurrentTime)
        answer = next((event for event in events if event.type == X.SelectionNotify), None)
        if answer is None or not answer.property:
            return None
        found = window.get_property(store, X.AnyPropertyType, 0, limit // 4 + 1, delete=True)
        if found is None or found.property_type != atom("INCR"):
            return found.value if found and not found.bytes_after else None
        for event in events:  # in pieces: each is asked for by deleting the one before; an empty one ends it
            if event.type == X.PropertyNotify and event.atom == store and event.state == X.PropertyNewValue:
                found = window.get_property(store, X.AnyPropertyType, 0, limit // 4 + 1, delete=True)
                size += len(found.value) if found else 0
                if found is None or found.bytes_after or size > limit:
                    return None
                if not found.value:
                    return b"".join(parts)
                parts.append(bytes(found.value))
        return None

    def _events(self, window: Any, until: float) -> Iterator[Any]:
        self.display.flush()
        while (left := until - time.monotonic()) > 0:
            while self.display.pending_events():
                event = self.display.next_event()
                if getattr(event, "requestor", getattr(event, "window", None)) == window:
                    yield event
            select.select([self.display.fileno()], [], [], left)
