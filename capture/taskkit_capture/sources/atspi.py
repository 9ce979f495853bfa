"""Accessible elements on Linux: AT-SPI over D-Bus (jeepney), in threads of its own, each question with a deadline."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

from jeepney import DBusAddress, HeaderFields, MessageType, message_bus, new_method_call
from jeepney.io.blocking import open_dbus_connection

from taskkit_capture.sources import Element, Put, Signal, Window, is_browser, now, page_address

DEADLINE = 0.15  # seconds for one look-up
PENDING = 32  # look-ups that may wait; beyond it a click gets no element
TICK = 1.0  # seconds after which a waiting thread looks whether all is over
LABELLED_BY, ACTIVE, EDITABLE, FOCUSED = 2, 1, 7, 12  # numbers from the AT-SPI enumerations
_TOP = ("frame", "window", "dialog", "application", "desktop frame")
_SUFFIX = re.compile(r"[(（][^()（）]+[)）]\s*$")  # "… - Chromium (Incognito)", in any language
_PRIVATE = re.compile(r"(?i)(private browsing|inprivate|incognito|private window)\)?\s*$")
_A, _ROOT, _PROPERTIES = "org.a11y.atspi.", "/org/a11y/atspi/accessible/root", "org.freedesktop.DBus.Properties"
_BUS, _REGISTRY = ("org.a11y.Bus", "/org/a11y/bus"), (_A + "Registry", "/org/a11y/atspi/registry")
_Ref = tuple[str, str]  # name on the bus, path of the object


def title_tells_private(title: str | None, frame: str = "") -> bool:
    """Whether a browser's title, or its accessible frame's name, marks a private window.

    Chromium's family marks it only in the frame's name: the title and "(Incognito)", translated; so any such suffix counts.
    """
    marked = _SUFFIX.search(frame)
    if marked and not (title or "").rstrip().endswith(marked[0].strip()):
        return True
    return any(_PRIVATE.search(text) for text in (title or "", frame))


class Elements:
    """The look-ups of one recording: a worker answers from a short queue, a listener hears focus and page loads."""

    def __init__(self, put: Put, *, elements: bool, addresses: bool) -> None:
        self._put, self._elements, self._addresses = put, elements, addresses
        self._jobs: queue.Queue[tuple[Callable[..., None], tuple[Any, ...]]] = queue.Queue()
        self._front: tuple[Window | None, int | None] = (None, None)  # and its process
        self._focus: _Ref | None = None  # what had the focus last
        self._address = ""  # of the accessibility bus, if there is one
        self._missing: str | None = None
        self._pending = self._stopping = False  # whether a look at what is in front waits

    def start(self) -> None:
        """Connect and begin; without an accessibility bus there are simply no elements, and `missing` says so."""
        try:
            self._hear(Bus("SESSION"), self._locked, "member='ActiveChanged'")
            with closing(Bus("SESSION", patience=2.0)) as session:
                self._address = session.call(_BUS, "org.a11y.Bus", "GetAddress")
                status = session.call(_BUS, _PROPERTIES, "GetAll", "s", "org.a11y.Status")
            if not any(on for _, on in status.values()):
                self._missing = (
                    "Accessibility is switched off: no elements and no addresses, browsers count as private. Cure: gsettings "
                    "set org.gnome.desktop.interface toolkit-accessibility true, and start the browser again."
                )
            if self._elements or self._addresses:
                listener = Bus(self._address, patience=2.0)
                for event in ("object:state-changed:focused", "document:load-complete"):  # sent only if wanted
                    listener.call(_REGISTRY, _A + "Registry", "RegisterEvent", "s", event)
                self._hear(listener, self._heard, "member='StateChanged',arg0='focused'", "member='LoadComplete'")
                threading.Thread(target=self._work, args=(Bus(self._address),), name="elements", daemon=True).start()
        except (OSError, LookupError, ValueError, RuntimeError) as error:
            self._lost(str(error) or type(error).__name__)

    def stop(self) -> None:
        """End the threads within a second; an unfinished look-up gives no answer any more."""
        self._stopping = True

    def missing(self) -> str | None:
        """Why there are no elements and no addresses, and the cure; None if there are."""
        return self._missing

    def marks(self, window: Window, pid: int | None) -> list[bool]:
        """For each accessible frame that may be a browser's window: whether it is marked as private."""
        if self._address:
            with suppress(OSError, ValueError), closing(Bus(self._address)) as bus:  # its own: the worker's may wait
                return [title_tells_private(window.title, name) for _, name in bus.look(bus.frames, window, pid) or []]
        return []

    def show(self, window: Window | None, pid: int | None) -> None:
        """Say which window is in front now; what has the focus in it and its address are looked up."""
        self._front = (window, pid)
        if window and not self._pending:
            self._pending = True
            self._jobs.put((self._look_at_front, ()))

    def ask(self, ticket: int, x: int, y: int, window: Window, pid: int | None) -> None:
        """Look up the element under a point of a window."""
        if self._elements:
            self._add(self._look_at_point, ticket, x, y, window, pid)

    def _add(self, look_up: Callable[..., None], *args: Any) -> bool:
        """Let the worker do it, unless too many wait already: no answer is an answer."""
        free = self._jobs.qsize() < PENDING
        if free:
            self._jobs.put((look_up, args))
        return free

    def _work(self, bus: Bus) -> None:
        while not self._stopping:
            with suppress(queue.Empty):
                look_up, args = self._jobs.get(timeout=TICK)
                look_up(bus, *args)
        bus.close()

    def _look_at_point(self, bus: Bus, ticket: int, x: int, y: int, window: Window, pid: int | None) -> None:
        element = bus.look(lambda: self._element(bus, bus.at(window, pid, x, y), window, pid))
        self._put(Signal(now(), "element", (ticket, element)))

    def _look_at_focus(self, bus: Bus, at: float, ref: _Ref) -> None:
        # a second try: it may be a password field, and a page that is just opening is slow to answer
        self._focus = ref
        question = (self._element, bus, ref, *self._front)
        self._put(Signal(at, "focus", bus.look(*question) or bus.look(*question)))

    def _look_at_front(self, bus: Bus) -> None:
        """Tell the focus again, which may have been told before its window, and a browser's address."""
        self._pending = False
        window, pid = self._front
        if window is None:
            return
        element = bus.look(self._element_in_focus, bus, window, pid)
        if self._addresses and is_browser(window.app) and not window.private:
            left, top, width, height = window.box  # in the middle is the page that is shown
            url = bus.look(lambda: bus.document(bus.at(window, pid, left + width // 2, top + height // 2))[0])
            element = (element or Element(None))._replace(url=url) if url else element
        if element:
            self._put(Signal(now(), "focus", element))

    def _element_in_focus(self, bus: Bus, window: Window, pid: int | None) -> Element | None:
        ref = self._focus
        if ref is None or bus.pid(ref[0]) != pid or not bus.has(ref, FOCUSED):
            return None
        return self._element(bus, ref, window, pid)

    def _element(self, bus: Bus, ref: _Ref, window: Window | None, pid: int | None) -> Element:
        """An element; of a browser's with its address, and nothing else if it is private."""
        element = bus.describe(ref)
        if not is_browser(bus.get((ref[0], _ROOT), "Name").lower().replace(" ", "-")):
            return element
        url, frame = bus.document(ref)
        own = window if bus.pid(ref[0]) == pid else None
        if title_tells_private(own.title if own else None, frame) or (own and own.private):
            return Element(None, private=True)
        return element._replace(url=url if self._addresses else None)

    def _hear(self, bus: Bus, heard: Callable[[Any], None], *rules: str) -> None:
        """Hear signals of a bus in a thread of its own."""
        for rule in rules:
            bus.connection.send(message_bus.AddMatch(f"type='signal',{rule}"))
        threading.Thread(target=self._listen, args=(bus, heard), name="bus", daemon=True).start()

    def _listen(self, bus: Bus, heard: Callable[[Any], None]) -> None:
        try:
            while not self._stopping:
                with suppress(TimeoutError, LookupError, TypeError, ValueError):  # nothing, or nonsense, was sent
                    heard(bus.connection.receive(timeout=TICK))
        except OSError as error:
            self._lost(str(error))
        finally:
            bus.close()

    def _heard(self, message: Any) -> None:
        fields, at = message.header.fields, now()
        if fields[HeaderFields.member] == "LoadComplete":
            self.show(*self._front)
        elif self._elements and fields[HeaderFields.member] == "StateChanged" and message.body[1] == 1:
            ref = (fields[HeaderFields.sender], fields[HeaderFields.path])
            if not self._add(self._look_at_focus, at, ref):
                # what has the focus now is not known, and must not be what had it before
                self._put(Signal(at, "focus", None))

    def _locked(self, message: Any) -> None:
        if message.header.fields[HeaderFields.interface].endswith("ScreenSaver"):
            self._put(Signal(now(), "lock", bool(message.body[0])))

    def _lost(self, why: str) -> None:
        self._address = ""
        self._missing = f"No accessibility bus ({why}): browsers count as private. Cure: install at-spi2-core."
        self._put(Signal(now(), "focus", None))


class Bus:
    """One connection to a bus; questions for one thread at a time."""

    def __init__(self, address: str, patience: float = DEADLINE) -> None:
        self.connection = open_dbus_connection(address)
        self.until = now() + patience
        self._pids: dict[str, int] = {}

    def close(self) -> None:
        self.connection.close()

    def look(self, question: Callable[..., Any], *args: Any) -> Any:
        """Ask within the deadline; None when there is no answer in time, or no sensible one."""
        self.until = now() + DEADLINE
        try:
            return question(*args)
        except (OSError, LookupError, StopIteration, TypeError, ValueError):
            return None

    def call(self, ref: _Ref, interface: str, method: str, signature: str | None = None, *args: Any) -> Any:
        """Ask, and wait until the look-up's deadline; OSError when there is no answer."""
        message = new_method_call(DBusAddress(ref[1], ref[0], interface), method, signature, args)
        reply = self.connection.send_and_get_reply(message, timeout=max(0.0, self.until - now()))
        if reply.header.message_type is MessageType.error:
            raise OSError(f"{method}: the program gives no answer")
        return reply.body[0] if reply.body else None

    def accessible(self, ref: _Ref, method: str) -> Any:
        return self.call(ref, _A + "Accessible", method)

    def get(self, ref: _Ref, name: str) -> Any:
        return self.call(ref, _PROPERTIES, "Get", "ss", _A + "Accessible", name)[1]

    def has(self, ref: _Ref, state: int) -> bool:
        return bool(self.accessible(ref, "GetState")[0] >> state & 1)

    def pid(self, name: str) -> int:
        if name not in self._pids:  # a name on the bus is never given twice
            bus = ("org.freedesktop.DBus", "/org/freedesktop/DBus")
            self._pids[name] = self.call(bus, "org.freedesktop.DBus", "GetConnectionUnixProcessID", "s", name)
        return self._pids[name]

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

    def at(self, window: Window, pid: int | None, x: int, y: int) -> _Ref:
        """The innermost element of a window under a point of the screen."""
        frames = [ref for ref, _ in self.frames(window, pid)]
        found = next(ref for ref in frames if len(frames) == 1 or self.has(ref, ACTIVE))
        inner = self._inner(found, x, y)
        while inner != found and not inner[1].endswith("/null"):
            found, inner = inner, self._inner(inner, x, y)
        return found

    def _inner(self, ref: _Ref, x: int, y: int) -> _Ref:
        return tuple(self.call(ref, _A + "Component", "GetAccessibleAtPoint", "iiu", x, y, 0))

    def describe(self, ref: _Ref) -> Element:
        """What may be known of an element: never its content."""
        outer = tuple(self.get(ref, "Parent"))
        while not outer[1].endswith("/null") and self.has(outer, EDITABLE):
            ref, outer = outer, tuple(self.get(outer, "Parent"))  # the name of a text inside a field is what was typed
        role = self.accessible(ref, "GetRoleName")
        name = self.get(ref, "Name")
        if not name:
            relations = self.accessible(ref, "GetRelationSet")
            labels = [targets[0] for kind, targets in relations if kind == LABELLED_BY and targets]
            name = self.get(tuple(labels[0]), "Name") if labels else None
        mark = self.accessible(ref, "GetAttributes").get("id")
        with suppress(OSError):  # not every toolkit has it
            mark = mark or self.get(ref, "AccessibleId")
        return Element(role or None, name or None, mark or None, role == "password text")

    def document(self, ref: _Ref) -> tuple[str | None, str]:
        """Address of the outermost document around an element, and the name of the frame."""
        outermost, role = None, self.accessible(ref, "GetRoleName")
        while role not in _TOP:  # or until the deadline
            if role in ("document web", "document frame"):
                outermost = ref
            ref = tuple(self.get(ref, "Parent"))
            role = self.accessible(ref, "GetRoleName")
        frame = self.get(ref, "Name")
        known = self.call(outermost, _A + "Document", "GetAttributes") if outermost else {}
        return page_address(known.get("DocURL") or known.get("URI")), frame
