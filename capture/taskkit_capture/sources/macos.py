"""macOS: windows and titles, lock, clipboard, elements and addresses through pyobjc.

Written against the documented interfaces and proven with fakes only: it has not run on a Mac yet. The front window is polled,
not notified: NSWorkspace tells only a process whose main thread runs a run loop, elsewhere its answers stay as they were.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import queue
import re
import threading
from types import SimpleNamespace
from typing import Any

from taskkit_capture.sources import Element, Put, Signal, Window, now, page_address

DEADLINE = 0.3  # seconds for an answer of another program
POLL = 0.5  # seconds between two looks at what is in front
BLIND = "macOS no longer lets the recorder see windows: Accessibility was switched off for it in System Settings."

_ALLOW = (
    'macOS does not let this program {what}. Open System Settings, Privacy & Security, "{pane}", switch on the program that starts '
    "the recorder (the terminal, say), and start it again."
)
_SECRET = {"org.nspasteboard.ConcealedType", "org.nspasteboard.TransientType", "com.agilebits.onepassword"}
_PLAIN_TEXT, _ASK, _DENY = "public.utf8-plain-text", 1, 3  # the last two: NSPasteboardAccessBehavior
# what the browsers add to the accessible title of a private window
_PRIVATE = re.compile(
    r"(?i)[(\[](in )?(incognito|inkognito|incógnito|navigation privée|anônim[ao])[)\]]|\binprivate\b|private browsing"
    r"|privater modus|privates surfen|navigation privée|navegación privada|navegação privada|navigazione (anonima|privata)"
)


def refusal() -> str | None:
    """Why nothing can be recorded here, and the cure; None if it can."""
    modules = ("pynput", "psutil", "Quartz", "ApplicationServices", "AppKit")
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        return f'The recorder needs {" and ".join(missing)}: pip install "taskkit[capture]".'
    mac = _load()
    if mac.quartz.CGSessionCopyCurrentDictionary() is None:
        return "There is no desktop here (a remote shell?): start the recorder in a terminal on the Mac's own screen."
    if not mac.ax.AXIsProcessTrusted():
        return _ALLOW.format(what="see windows and clicks", pane="Accessibility")
    if not mac.quartz.CGPreflightListenEventAccess():
        return _ALLOW.format(what="count keys and clicks", pane="Input Monitoring")
    return None


class Desktop:
    """Windows, clipboard, lock and elements of a Mac; see `DesktopSource`."""

    def __init__(self, put: Put, *, elements: bool, addresses: bool) -> None:
        self._put, self._elements, self._addresses, self._mac = put, elements, addresses, _load()
        self._system = self._mac.ax.AXUIElementCreateSystemWide()
        self._mac.ax.AXUIElementSetMessagingTimeout(self._system, DEADLINE)  # on this object: for all of them
        self._seen: Window | str | int | None = 0  # nothing yet
        self._locked, self._secure = False, False
        self._focus: tuple[Any, str | None] = (None, None)
        self._changes = self._mac.appkit.NSPasteboard.generalPasteboard().changeCount()
        self._jobs: queue.SimpleQueue[tuple[float, int, int, int] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._watch, name="macos", daemon=True)

    def start(self) -> None:
        """Watch from a thread of its own; the window in front comes first."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._jobs.put(None)
        self._thread.join(0.9)

    def missing(self) -> str | None:
        """What it cannot see here: nothing that is known before it happens."""
        return None

    def alive(self) -> bool:
        """Whether it still can see."""
        return self._thread.is_alive() and bool(self._mac.ax.AXIsProcessTrusted())

    def window_at(self, x: int, y: int) -> Window | None:
        """The top-level window under a point of the screen."""
        with self._mac.pool():
            for pid, window in self._windows():
                left, top, width, height = window.box
                if left <= x < left + width and top <= y < top + height:
                    if isinstance(self._seen, Window) and self._seen.key == window.key:
                        return self._seen._replace(box=window.box)
                    return self._titled(pid, window, self._get(self._element_at(x, y), "AXWindow"))
        return None

    def read_clipboard(self, *, limit: int = 1_000_000, deadline: float = 0.3) -> str | None:
        """The clipboard's text, or None: no text, too long, a secret, not allowed, not in time."""
        reply: queue.SimpleQueue[str | None] = queue.SimpleQueue()

        def read() -> None:  # in a thread: the clipboard's owner may make the text only now, and hang
            with self._mac.pool():
                reply.put(_clipboard_text(self._mac.appkit.NSPasteboard.generalPasteboard(), limit))

        threading.Thread(target=read, name="clipboard", daemon=True).start()
        try:
            return reply.get(timeout=deadline)
        except queue.Empty:
            return None

    def ask_element(self, ticket: int, x: int, y: int) -> None:
        """Look up the element under a point."""
        if self._elements or self._addresses:
            self._jobs.put((now(), ticket, x, y))

    def _watch(self) -> None:
        """Thread: looks at what is in front every half second, and in between at what was clicked."""
        due, job = now(), None
        while True:
            try:
                with self._mac.pool():
                    if job is not None:
                        self._answer(*job)
                    if now() >= due:
                        self._look()
                        due = now() + POLL
                job = self._jobs.get(timeout=max(due - now(), 0))
                if job is None:
                    return
            except queue.Empty:
                job = None
            except Exception as error:  # noqa: BLE001 (whatever the bridge raises: it reports)
                self._put(Signal(now(), "trouble", f"The windows cannot be followed: {error}."))
                return

    def _look(self) -> None:
        session = self._mac.quartz.CGSessionCopyCurrentDictionary() or {}
        # without its console the session is another person's turn
        locked = bool(session.get("CGSSessionScreenIsLocked")) or not session.get("kCGSSessionOnConsoleKey", False)
        if locked != self._locked:
            self._locked, self._seen = locked, 0  # what is in front afterwards is said again
            self._put(Signal(now(), "lock", locked))
        if locked:
            return
        changes = self._mac.appkit.NSPasteboard.generalPasteboard().changeCount()
        if changes != self._changes:
            self._changes = changes
            self._put(Signal(now(), "clipboard"))
        seen, focused = self._front()
        if seen != self._seen:
            self._seen = seen
            self._put(Signal(now(), "window", seen))
        self._look_focus(focused, seen.title if isinstance(seen, Window) else None)

    def _look_focus(self, focused: Any, title: str | None) -> None:
        """Tell of the focus if it, the title (a page was left) or secure input (a password is typed) changed."""
        secure, wanted = bool(self._mac.secure_input()), self._elements or self._addresses
        if secure == self._secure and (not wanted or (focused, title) == self._focus):
            return
        self._secure, self._focus = secure, (focused, title)
        element = self._describe(focused) if wanted and focused is not None else None
        if secure:
            element = (element or Element(None))._replace(name=None, id=None, secret=True)
        self._put(Signal(now(), "focus", element))

    def _front(self) -> tuple[Window | str | None, Any]:
        """The window in front, and the element in it that has the focus."""
        if not self._mac.ax.AXIsProcessTrusted():
            return BLIND, None
        windows = self._windows()
        app = self._get(self._system, "AXFocusedApplication")
        pid = self._mac.ax.AXUIElementGetPid(app, None)[1] if app is not None else windows[0][0] if windows else 0
        window = next((window for owner, window in windows if owner == pid), None)
        if window is None:
            return None, None
        app = app or self._mac.ax.AXUIElementCreateApplication(pid)
        return self._titled(pid, window, self._get(app, "AXFocusedWindow")), self._get(app, "AXFocusedUIElement")

    def _windows(self) -> list[tuple[int, Window]]:
        """The windows on the screen, front to back, without their titles: those would need the right to film the screen."""
        quartz, found = self._mac.quartz, []
        options = quartz.kCGWindowListOptionOnScreenOnly | quartz.kCGWindowListExcludeDesktopElements
        for seen in quartz.CGWindowListCopyWindowInfo(options, quartz.kCGNullWindowID) or ():
            if seen["kCGWindowLayer"] == 0:  # menus, dock and notifications are above
                left, top, width, height = (
                    int(seen["kCGWindowBounds"][side]) for side in ("X", "Y", "Width", "Height")
                )
                window = Window(int(seen["kCGWindowNumber"]), None, None, (left, top, width, height))
                found.append((int(seen["kCGWindowOwnerPID"]), window))
        return found

    def _titled(self, pid: int, window: Window, accessible: Any) -> Window:
        title = _text(self._get(accessible, "AXTitle"))
        return window._replace(app=_app(pid), title=title, private=bool(_PRIVATE.search(title or "")))

    def _answer(self, asked: float, ticket: int, x: int, y: int) -> None:
        if now() - asked <= DEADLINE:
            found = self._element_at(x, y)
            element = self._describe(found) if found is not None else None
            if now() - asked <= 2 * DEADLINE:
                self._put(Signal(now(), "element", (ticket, element)))

    def _element_at(self, x: int, y: int) -> Any:
        error, found = self._mac.ax.AXUIElementCopyElementAtPosition(self._system, float(x), float(y), None)
        return None if error else found

    def _describe(self, found: Any) -> Element:
        role, secret = _text(self._get(found, "AXRole")), self._get(found, "AXSubrole") == "AXSecureTextField"
        private = bool(_PRIVATE.search(_text(self._get(self._get(found, "AXWindow"), "AXTitle")) or ""))
        name = id = url = None
        if self._elements and not secret:
            name = _text(self._get(found, "AXTitle")) or _text(self._get(found, "AXDescription"))
            id = _text(self._get(found, "AXIdentifier"))
        up, until = found, now() + DEADLINE
        while self._addresses and up is not None and now() < until:
            if self._get(up, "AXRole") == "AXWebArea":  # the outermost document wins: the others are frames in it
                address = self._get(up, "AXURL")
                url = str(address.absoluteString()) if address is not None else url
            up = self._get(up, "AXParent")
        kind = role.removeprefix("AX").lower() if role and self._elements else None
        return Element(kind, name, id, secret, page_address(url), private)

    def _get(self, element: Any, attribute: str) -> Any:
        """An attribute of an accessible element; None if there is none or its program does not answer in time."""
        if element is None:
            return None
        error, value = self._mac.ax.AXUIElementCopyAttributeValue(element, attribute, None)
        return None if error else value


def _load() -> SimpleNamespace:
    """The bridges to the system."""
    names = {"ax": "ApplicationServices", "quartz": "Quartz", "appkit": "AppKit"}
    mac = SimpleNamespace(**{short: importlib.import_module(name) for short, name in names.items()})
    mac.pool = importlib.import_module("objc").autorelease_pool
    mac.secure_input = ctypes.CDLL("/System/Library/Frameworks/Carbon.framework/Carbon").IsSecureEventInputEnabled
    mac.secure_input.restype = ctypes.c_ubyte
    return mac


def _app(pid: int) -> str | None:
    import psutil

    try:
        return str(psutil.Process(pid).name()).lower().removesuffix(".app")
    except (psutil.Error, ValueError):
        return None


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str) and value else None


def _clipboard_text(board: Any, limit: int) -> str | None:
    # newer systems ask the person at each reading; who was asked once and did not choose "always" is not asked again and again
    if hasattr(board, "accessBehavior") and board.accessBehavior() in (_ASK, _DENY):
        return None
    if _SECRET & {str(kind) for kind in board.types() or ()}:
        return None
    text = board.stringForType_(_PLAIN_TEXT)
    return str(text) if text and len(text) <= limit else None
