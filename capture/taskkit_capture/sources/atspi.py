"""Accessible elements on Linux: AT-SPI over D-Bus (jeepney), in threads of its own, each question with a deadline."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from taskkit_capture.sources import Element, Put, Signal, Window, now

BROWSERS = ("chrom", "google-chrome", "msedge", "microsoft-edge", "brave", "vivaldi", "opera", "firefox", "librewolf",
            "waterfox", "epiphany", "falkon", "konqueror", "qutebrowser", "thorium", "tor-browser")  # fmt: skip
DEADLINE = 0.15  # seconds for one look-up
PENDING = 32  # look-ups that may wait; beyond it a click gets no element
LABELLED_BY, ACTIVE, EDITABLE = 2, 1, 7  # numbers from the AT-SPI enumerations
_TOP = ("frame", "window", "dialog", "application", "desktop frame")
_SUFFIX = re.compile(r"[(（][^()（）]+[)）]\s*$")  # "… - Chromium (Incognito)", in any language
_PRIVATE = re.compile(r"(?i)(private browsing|inprivate|incognito|private window)\)?\s*$")
_A, _ROOT = "org.a11y.atspi.", "/org/a11y/atspi/accessible/root"
_Ref = tuple[str, str]  # name on the bus, path of the object


def is_browser(app: str | None) -> bool:
    """Whether a program shows web pages and may have private windows."""
    return app is not None and app.startswith(BROWSERS)


def title_tells_private(title: str | None, frame: str = "") -> bool:
    """Whether a browser's title, or its accessible frame's name, marks a private window.

    Chromium's family marks it only in the frame's name: the title and "(Incognito)", translated; so any such suffix counts.
    """
    marked = _SUFFIX.search(frame)
    if marked and not (title or "").rstrip().endswith(marked[0].strip()):
        return True
    return any(_PRIVATE.search(text) for text in (title or "", frame))


class Bus:
    """One connection to the accessibility bus; questions for one thread at a time."""

    def __init__(self, address: str) -> None:
        from jeepney.io.blocking import open_dbus_connection

        self.connection = open_dbus_connection(address)
        self._pids: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._frames: dict[int, _Ref] = {}
        self._outer: dict[_Ref, tuple[_Ref, str]] = {}  # document → the outermost one, the name of its frame
        self.until = 0.0

    def call(self, ref: _Ref, interface: str, method: str, signature: str | None = None, *args: Any) -> Any:
        """Ask, and wait until the look-up's deadline; OSError when there is no answer."""
        from jeepney import DBusAddress, MessageType, new_method_call

        message = new_method_call(DBusAddress(ref[1], ref[0], interface), method, signature, args)
        reply = self.connection.send_and_get_reply(message, timeout=max(0.0, self.until - time.monotonic()))
        if reply.header.message_type is MessageType.error:
            raise OSError(f"{method}: the program gives no answer")
        return reply.body[0] if reply.body else None

    def accessible(self, ref: _Ref, method: str) -> Any:
        return self.call(ref, _A + "Accessible", method)

    def get(self, ref: _Ref, name: str) -> Any:
        return self.call(ref, "org.freedesktop.DBus.Properties", "Get", "ss", _A + "Accessible", name)[1]

    def has(self, ref: _Ref, state: int) -> bool:
        return bool(self.accessible(ref, "GetState")[0] >> state & 1)

    def pid(self, name: str) -> int:
        if name not in self._pids:
            bus = ("org.freedesktop.DBus", "/org/freedesktop/DBus")
            self._pids[name] = self.call(bus, "org.freedesktop.DBus", "GetConnectionUnixProcessID", "s", name)
        return self._pids[name]

    def name(self, program: str) -> str:
        if program not in self._names:
            self._names[program] = self.get((program, _ROOT), "Name")
        return self._names[program]

    def frames(self, window: Window, pid: int | None) -> list[tuple[_Ref, str]]:
        """The accessible frames that may be a window's, with their names: those of its title, two windows may share it."""
        apps = [tuple(app) for app in self.accessible((_A + "Registry", _ROOT), "GetChildren")]
        found = []
        for app in [app for app in apps if self.pid(app[0]) == pid] or apps:
            for child in self.accessible(app, "GetChildren"):
                name = self.get(tuple(child), "Name")
                if window.title and name.startswith(window.title):
                    found.append((tuple(child), name))
        return found

    def frame(self, window: Window, pid: int | None) -> _Ref:
        """The accessible frame of a window; LookupError if none is known."""
        if window.key not in self._frames:
            found = [ref for ref, _ in self.frames(window, pid)]
            if len(found) > 1:
                return next(ref for ref in found if self.has(ref, ACTIVE))
            if len(self._frames) > PENDING:
                self._frames.clear()
            self._frames[window.key] = found[0]
        return self._frames[window.key]

    def at(self, frame: _Ref, x: int, y: int) -> _Ref:
        """The innermost element of a frame under a point of the screen."""
        found, ref = frame, frame
        for _ in range(25):
            ref = tuple(self.call(found, _A + "Component", "GetAccessibleAtPoint", "iiu", x, y, 0))
            if ref == found or ref[1].endswith("/null"):
                break
            found = ref
        return found

    def describe(self, ref: _Ref) -> Element:
        """What may be known of an element: never its content."""
        ref = self._field(ref)
        role = self.accessible(ref, "GetRoleName")
        name = self.get(ref, "Name") or self._label(ref)
        mark = self.accessible(ref, "GetAttributes").get("id") or self._optional_id(ref)
        return Element(role or None, name or None, mark or None, role == "password text")

    def _field(self, ref: _Ref) -> _Ref:
        """Leave the text inside an editable field: its name would be what was typed."""
        outer = tuple(self.get(ref, "Parent"))
        while not outer[1].endswith("/null") and self.has(outer, EDITABLE):
            ref, outer = outer, tuple(self.get(outer, "Parent"))
        return ref

    def _label(self, ref: _Ref) -> str:
        for kind, targets in self.accessible(ref, "GetRelationSet"):
            if kind == LABELLED_BY and targets:
                return str(self.get(tuple(targets[0]), "Name"))
        return ""

    def _optional_id(self, ref: _Ref) -> str:
        try:
            return str(self.get(ref, "AccessibleId"))
        except OSError:
            if time.monotonic() >= self.until:
                raise
            return ""

    def document(self, ref: _Ref) -> tuple[str | None, str]:
        """Address of the outermost document around an element, and the name of the frame."""
        inner: list[_Ref] = []
        frame = ""
        for _ in range(60):
            if ref in self._outer:
                ref, frame = self._outer[ref]
                inner.append(ref)
                break
            role = self.accessible(ref, "GetRoleName")
            if role in _TOP:
                frame = self.get(ref, "Name")
                break
            if role in ("document web", "document frame"):
                inner.append(ref)
            ref = tuple(self.get(ref, "Parent"))
        if not inner:
            return None, frame
        if len(self._outer) > PENDING:
            self._outer.clear()
        self._outer |= dict.fromkeys(inner, (inner[-1], frame))
        known = self.call(inner[-1], _A + "Document", "GetAttributes")
        return known.get("DocURL") or known.get("URI"), frame

    def forget(self) -> None:
        self._frames.clear()
        self._outer.clear()

    def close(self) -> None:
        self.connection.close()


class Elements:
    """The look-ups of one recording: a worker answers from a short queue, a listener hears focus and page loads."""

    def __init__(self, put: Put, *, elements: bool, addresses: bool) -> None:
        self._put, self._elements, self._addresses = put, elements, addresses
        self._jobs: queue.Queue[tuple[Callable[..., None], tuple[Any, ...]] | None] = queue.Queue(PENDING)
        self._front: tuple[Window | None, int | None] = (None, None)
        self._told: tuple[str, Element | None, int | None] = ("", None, None)  # program, element in focus, window
        self._focus: _Ref | None = None
        self._focus_at = float("-inf")
        self._bus: Bus | None = None  # the worker's
        self._judge: Bus | None = None  # of the thread that watches windows
        self._listeners: list[Any] = []
        self._missing: str | None = None
        self._pending = self._stopping = False  # whether a look-up of an address waits

    def start(self) -> None:
        """Connect and begin; without an accessibility bus there are simply no elements, and `missing` says so."""
        try:
            self._hear("SESSION", ["member='ActiveChanged'"], self._locked)
            session = Bus("SESSION")
            session.until = time.monotonic() + 2
            bus = ("org.a11y.Bus", "/org/a11y/bus")
            address = session.call(bus, "org.a11y.Bus", "GetAddress")
            status = session.call(bus, "org.freedesktop.DBus.Properties", "GetAll", "s", "org.a11y.Status")
            session.close()
            if not any(on for _, on in status.values()):
                self._missing = (
                    "Accessibility is switched off: programs started so far show no elements and no addresses, and browsers "
                    "count as private. Cure: gsettings set org.gnome.desktop.interface toolkit-accessibility true, and "
                    "start the browser again."
                )
            self._judge, self._bus = Bus(address), Bus(address)
            if self._elements or self._addresses:
                rules = ["member='StateChanged',arg0='focused'", "member='LoadComplete'"]
                self._hear(address, rules, self._heard, ("object:state-changed:focused", "document:load-complete"))
                threading.Thread(target=self._work, name="elements", daemon=True).start()
        except (OSError, LookupError, ValueError, RuntimeError) as error:
            self._lost(str(error) or type(error).__name__)

    def stop(self) -> None:
        """End the threads; an unfinished look-up gives no answer any more."""
        self._stopping = True
        for connection in self._listeners:
            connection.interrupt()
        with contextlib.suppress(queue.Full):
            self._jobs.put_nowait(None)
        if self._judge:
            self._judge.close()

    def missing(self) -> str | None:
        """Why there are no elements and no addresses, and the cure; None if there are."""
        return self._missing

    def private(self, window: Window, pid: int | None, twins: int) -> bool | None:
        """Whether a browser's window is private; None if it cannot be told. For the thread that watches windows.

        `twins`: how many windows on the screen have its title.
        """
        found = self._try(self._judge, lambda bus: bus.frames(window, pid)) or []
        told = {title_tells_private(window.title, name) for _, name in found}
        # a window may be on the screen before accessibility knows it: a twin's answer is not its answer
        return told.pop() if len(told) == 1 and len(found) >= twins else None

    def show(self, window: Window | None, pid: int | None) -> None:
        """Say which window is in front now; a browser's address is looked up."""
        before, self._front = self._front[0], (window, pid)
        known = window and before and before.key == window.key
        # a focus told before its window, or as private while that was not known, would be lost
        flipped = window and before and known and window.private != before.private
        if flipped or (not known and now() - self._focus_at < 1):
            self._add(self._look_again, pid)
        if window and self._addresses and is_browser(window.app) and not window.private and not self._pending:
            self._pending = True
            self._add(self._look_address, window, pid)

    def ask(self, ticket: int, x: int, y: int, window: Window, pid: int | None) -> None:
        """Look up the element under a point of a window."""
        if window.private:
            self._put(Signal(now(), "element", (ticket, Element(None, private=True))))
        elif self._elements:
            self._add(self._look_at, ticket, x, y, window, pid)

    def _add(self, look_up: Callable[..., None], *args: Any) -> None:
        with contextlib.suppress(queue.Full):  # too many wait already: no answer is an answer
            self._jobs.put_nowait((look_up, args))

    def _work(self) -> None:
        while not self._stopping and (job := self._jobs.get()) is not None:
            job[0](*job[1])
        if self._bus:
            self._bus.close()

    def _try(self, bus: Bus | None, look_up: Callable[[Bus], Any]) -> Any:
        if bus is None:
            return None
        bus.until = time.monotonic() + DEADLINE
        try:
            return look_up(bus)
        except (OSError, LookupError, StopIteration, TypeError, ValueError):  # no answer in time, or no sensible one
            bus.forget()
            return None

    def _look_at(self, ticket: int, x: int, y: int, window: Window, pid: int | None) -> None:
        def look_up(bus: Bus) -> Element | None:
            return self._element(bus, bus.at(bus.frame(window, pid), x, y))

        self._put(Signal(now(), "element", (ticket, self._try(self._bus, look_up))))

    def _look_address(self, window: Window, pid: int | None) -> None:
        def look_up(bus: Bus) -> tuple[str, str | None]:
            left, top, width, height = window.box
            middle = bus.at(bus.frame(window, pid), left + width // 2, top + height // 2)
            return middle[0], bus.document(middle)[0]

        self._pending = False
        program, url = self._try(self._bus, look_up) or ("", None)
        # the element in focus stays what it is: it may be a password field
        element = (self._told[1] if self._told[0] == program else None) or Element(None)
        if url and not element.private:
            self._focused(program, element._replace(url=url))

    def _look_focus(self, at: float, ref: _Ref) -> None:
        def look_up(bus: Bus) -> Element:
            return self._element(bus, ref)

        # a second try: it may be a password field, and a page that is just opening is slow to answer
        self._focus, self._focus_at = ref, now()
        self._focused(ref[0], self._try(self._bus, look_up) or self._try(self._bus, look_up), at)

    def _look_again(self, pid: int | None) -> None:
        ref = self._focus
        if ref and self._try(self._bus, lambda bus: bus.pid(ref[0])) == pid:
            self._look_focus(now(), ref)

    def _focused(self, program: str, element: Element | None, at: float | None = None) -> None:
        told = (program, element, self._front[0] and self._front[0].key)
        if told != self._told:
            self._told = told
            self._put(Signal(at or now(), "focus", element))

    def _element(self, bus: Bus, ref: _Ref) -> Element:
        window, pid = self._front
        browser = is_browser(bus.name(ref[0]).lower().replace(" ", "-"))
        element = bus.describe(ref)
        if not browser:
            return element
        url, frame = bus.document(ref)
        own = window if window and bus.pid(ref[0]) == pid else None
        if title_tells_private(own.title if own else None, frame) or (own and own.private):
            return Element(None, private=True)
        return element._replace(url=url if self._addresses else None)

    def _hear(self, address: str, rules: list[str], heard: Callable[[Any], None], events: tuple[str, ...] = ()) -> None:
        """Hear signals of a bus in a thread of its own."""
        from jeepney import DBusAddress, message_bus, new_method_call
        from jeepney.io.threading import open_dbus_connection

        connection = open_dbus_connection(address)
        for rule in rules:
            connection.send(message_bus.AddMatch(f"type='signal',{rule}"))
        registry = DBusAddress("/org/a11y/atspi/registry", _A + "Registry", _A + "Registry")
        for event in events:  # the older and the newer form of the call; the registry ignores the one it does not know
            connection.send(new_method_call(registry, "RegisterEvent", "s", (event,)))
            connection.send(new_method_call(registry, "RegisterEvent", "sass", (event, [], "")))
        self._listeners.append(connection)
        threading.Thread(target=self._listen, args=(connection, heard), name="bus", daemon=True).start()

    def _listen(self, connection: Any, heard: Callable[[Any], None]) -> None:
        from jeepney import MessageType
        from jeepney.io.threading import ReceiveStopped

        try:
            while not self._stopping:
                message = connection.receive()
                if message.header.message_type is MessageType.signal:
                    with contextlib.suppress(LookupError, TypeError, ValueError):  # some program sent nonsense
                        heard(message)
        except ReceiveStopped:
            pass
        except OSError as error:
            self._lost(str(error))
        finally:
            connection.close()

    def _heard(self, message: Any) -> None:
        from jeepney import HeaderFields

        fields = message.header.fields
        if fields[HeaderFields.member] == "LoadComplete":
            self.show(*self._front)
        elif self._elements and fields[HeaderFields.member] == "StateChanged" and message.body[1] == 1:
            try:
                ref = (fields[HeaderFields.sender], fields[HeaderFields.path])
                self._jobs.put_nowait((self._look_focus, (now(), ref)))
            except queue.Full:  # what has the focus now is not known, and must not be what had it before
                self._put(Signal(now(), "focus", None))

    def _locked(self, message: Any) -> None:
        from jeepney import HeaderFields

        if message.header.fields.get(HeaderFields.interface, "").endswith("ScreenSaver") and message.body:
            self._put(Signal(now(), "lock", bool(message.body[0])))

    def _lost(self, reason: str) -> None:
        self._bus = self._judge = None
        self._missing = (
            f"No accessibility bus ({reason}): elements and addresses are not recorded, and browsers count as private. "
            "Cure: install at-spi2-core, and log in again."
        )
        self._put(Signal(now(), "focus", None))
