"""Signals to rows: bursts of keys, double clicks, drags, scrolling, copies and pastes. No meaning is given here.

A row waits in a queue until nothing can change it any more (the second click of a double click, the name of the element
under a click, the clipboard after ctrl+c), so that rows are written in the order in which they happened.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from taskkit.privacy import digest, shape
from taskkit_capture.settings import Settings
from taskkit_capture.sources import DesktopSource, Element, Signal, Window, is_browser

OPEN = 60.0  # seconds, as all here; nothing is waited for longer than this: a button that is held, a burst
BURST_PAUSE = 3.0  # a longer rest ends a burst
DOUBLE_CLICK, MERGE, TITLE_HOLD = 0.4, 0.5, 0.5
CLIPBOARD_WAIT, BY_HAND = 0.7, 1.0  # from ctrl+c, and from any input, to the change of the clipboard
FOCUS_LAG, FIELD_LAG = 0.2, 0.5  # until a platform tells what has the focus; until it is sure to have told
PRIVATE_HOLD = 1.0  # until a browser's window is known to be private or not
_NEAR, _DRAGGED = 5, 8  # pixels
COPY = {"ctrl+c": "copy", "ctrl+insert": "copy", "ctrl+shift+c": "copy", "cmd+c": "copy",
        "ctrl+x": "cut", "shift+delete": "cut", "ctrl+shift+x": "cut", "cmd+x": "cut"}  # fmt: skip
PASTE = {"ctrl+v", "ctrl+shift+v", "shift+insert", "cmd+v", "cmd+shift+v"}
FIELDS = {"entry", "text", "edit", "edit bar", "editbar", "combo box", "combobox", "spin button", "spinner", "table cell",
          "dataitem", "textfield", "textarea", "cell"}  # fmt: skip
_INPUTS = {"press", "scroll", "type", "key", "shortcut"}
_KEYED = {"text_input", "key", "shortcut", "paste"}
_BUTTONS = {"left": ("click", None), "right": ("right_click", None)}
_DESKTOP = Window(0, "desktop", None)


class Draft:
    """A row that may still change, until `due`."""

    def __init__(
        self, at: float, event_type: str, window: Window | None, element: Element | None, said: str | None, hold: float
    ) -> None:
        self.at, self.due, self.last = at, at + hold, at
        self.row: dict[str, Any] = {"event_type": event_type, "event_name": said}
        self.window, self.element = window, element
        self.taken = False
        self.button, self.place, self.ticket = "", (0, 0), 0

    def count(self, at: float, more: int = 1) -> None:
        """Take another input into the row."""
        self.row["input_count"] = self.row.get("input_count", 0) + more
        self.last = at


class Assembly:
    """Builds rows out of signals. `why_excluded(window, element, url)` tells what may not be looked at."""

    def __init__(self, settings: Settings, desktop: DesktopSource, why_excluded: Callable[..., str | None]) -> None:
        self._settings, self._desktop, self._why_excluded = settings, desktop, why_excluded
        self._drafts: deque[Draft] = deque()
        self._written_at = float("-inf")
        self._front: Window | str | None = None  # what the platform told last
        self.window: Window | None = None  # what inputs go to; None where nobody knows
        self._left: Window | None = None  # what was in front before the desktop
        self._focus: Element | None = None
        self._blind: str | None = None
        self._urls: dict[int, str] = {}
        self._ticket = 0
        self._down: Draft | None = None  # a button is held
        self._clicked: Draft | None = None  # a second click may follow
        self._burst: Draft | None = None
        self._typed: list[str] | None = []  # in memory until the field is left, only if digests of typed values are on
        self._copying: Draft | None = None
        self._clip: dict[str, Any] = {}  # what rows say of the value in the clipboard; empty if nobody looked at it
        self._sealed = False  # it was copied where nobody may look
        self._clip_at = self._input_at = float("-inf")

    def feed(self, signal: Signal) -> None:
        """Take one signal in."""
        if self._blind is not None and signal.kind not in ("window", "element"):
            self.follow(signal)  # where nothing can be seen nobody knows what an input means
            return
        if signal.kind in _INPUTS:
            self._input_at = signal.at
            if signal.kind != "press":
                self._clicked = None
        getattr(self, f"_on_{signal.kind}")(signal.at, signal.data)

    def take(self, at: float, *, everything: bool = False) -> list[Draft]:
        """The rows that nothing can change any more at this time, in order."""
        if self._burst is not None and (everything or self._burst.due <= at):
            self._end_burst(at)
        ready = []
        while self._drafts and (everything or self._drafts[0].due <= at):
            draft = self._drafts.popleft()
            draft.taken = True
            # a source may tell late what it saw early: the rows stand as they were understood, and time does not go back
            draft.at = self._written_at = max(draft.at, self._written_at)
            ready.append(draft)
        return ready

    def presence(self, at: float, kind: str, said: str | None = None) -> None:
        """Add a row about the recording itself: idle, pause, blind, session …"""
        if kind != "alive":
            self._end_burst(at)
        self._drafts.append(Draft(at, kind, None, None, said, 0.0))

    def next_due(self) -> float | None:
        """When the next row can be written, if nothing happens."""
        return self._drafts[0].due if self._drafts else None

    def show_window(self, at: float) -> None:
        """Say again what is in front: after a pause or a lock nobody knows."""
        focus, self.window = self._focus, None
        self._on_window(at, self._front)
        self._focus = focus

    def forget(self) -> None:
        """Drop what was half done: a button that is down, typed characters."""
        if self._down is not None:
            self._down.due = 0.0
        self._down = self._clicked = self._copying = None
        self._typed = None
        self._end_burst(0.0)

    def follow(self, signal: Signal) -> None:
        """Keep track of what is in front, and write nothing of it: during a pause, a lock or a blind span."""
        if signal.kind == "window":
            self._front, self._focus = signal.data, None
        elif signal.kind == "focus":
            self._focus = signal.data
        elif signal.kind == "clipboard":
            self._clip, self._sealed = {}, True

    # ------------------------------------------------------------------------------------------------------- mouse
    def _on_press(self, at: float, data: tuple[str, int, int]) -> None:
        button, x, y = data
        self._end_burst(at)
        if self._down is not None:  # its release got lost, or a second button is pressed
            self._down.due = at
        draft, self._clicked = self._clicked, None
        if draft is not None and self._again(draft, at, data):
            draft.row["event_type"] = "double_click"
            draft.due = at + OPEN
        else:
            event_type, said = _BUTTONS.get(button, ("click", button))
            draft = self._point(at, event_type, x, y, said=said, hold=OPEN)
            draft.button = button
            if self._settings.elements and self._may_look(draft.window, None):
                self._ticket = draft.ticket = self._ticket + 1
                self._desktop.ask_element(draft.ticket, x, y)
        draft.count(at)
        self._down = draft

    def _again(self, last: Draft, at: float, data: tuple[str, int, int]) -> bool:
        """Whether a press goes on with the click before: near in time and place, at most a triple click."""
        button, x, y = data
        near = abs(x - last.place[0]) <= _NEAR and abs(y - last.place[1]) <= _NEAR
        more = last.button == button and last.row["input_count"] < 3
        return near and more and not last.taken and at - last.last <= DOUBLE_CLICK

    def _on_release(self, at: float, data: tuple[str, int, int]) -> None:
        button, x, y = data
        draft = self._down
        if draft is None or draft.taken or draft.button != button:
            return
        self._down = None
        if abs(x - draft.place[0]) + abs(y - draft.place[1]) > _DRAGGED:
            draft.row |= {"event_type": "drag", "duration_ms": _ms(at - draft.at)}
            draft.due = at
        else:
            self._clicked = draft
            draft.due = at + DOUBLE_CLICK

    def _on_scroll(self, at: float, data: tuple[int, int, float, float]) -> None:
        x, y, dx, dy = data
        way = ("down" if dy < 0 else "up") if dy else ("left" if dx < 0 else "right")
        steps = max(1, round(abs(dy or dx)))
        if not self._goes_on(at, "scroll", way, steps=steps, place=(x, y)):
            self._point(at, "scroll", x, y, said=way, hold=MERGE).count(at, steps)

    def _on_element(self, _: float, data: tuple[int, Element | None]) -> None:
        ticket, element = data
        draft = next((draft for draft in self._drafts if draft.ticket == ticket), None)
        if draft is not None and element is not None:
            draft.element = element
            draft.row["url"] = element.url or draft.row["url"]

    # ---------------------------------------------------------------------------------------------------- keyboard
    def _on_type(self, at: float, char: str | None) -> None:
        if self._burst is not None and self._burst.due <= at:
            self._end_burst(at)
        if self._burst is None:
            self._burst = self._add(at, "text_input", self.window, self._focus)
            self._typed = []
        self._go_on_typing(self._burst, at)
        if char is None or not self._settings.typed_digests:
            self._typed = None
        elif self._typed is not None:
            self._typed.append(char)

    def _go_on_typing(self, burst: Draft, at: float) -> None:
        burst.count(at)
        # a value that is to be digested ends with its field, not with a rest
        burst.due = burst.at + OPEN if self._settings.typed_digests else min(burst.at + OPEN, at + BURST_PAUSE)

    def _on_key(self, at: float, name: str) -> None:
        if name == "backspace" and self._burst is not None:  # a correction belongs to what is typed
            self._go_on_typing(self._burst, at)
            self._typed = self._typed[:-1] if self._typed else None
            return
        self._end_burst(at)
        if not self._goes_on(at, "key", name):
            self._add(at, "key", self.window, self._focus, said=name, hold=MERGE).count(at)

    def _on_shortcut(self, at: float, name: str) -> None:
        self._end_burst(at)
        kind, hold = ("paste" if name in PASTE else "shortcut"), (CLIPBOARD_WAIT if name in COPY else 0.0)
        draft = self._add(at, kind, self.window, self._focus, said=name, hold=hold)
        draft.count(at)
        if name in COPY:
            self._copying = draft
        elif kind == "paste":
            draft.row |= self._clip

    def _end_burst(self, at: float) -> None:
        burst, self._burst = self._burst, None
        typed, self._typed = self._typed, []
        if burst is None:
            return
        burst.row["duration_ms"] = _ms(burst.last - burst.at)
        burst.due = at
        # a terminal or a page may ask for a password unsaid, and a password manager's typing is over before its field is told
        known = burst.element is not None and (burst.element.role or "").lower() in FIELDS
        if typed and known and at - burst.at >= FIELD_LAG and self._may_look(burst.window, burst.element):
            burst.row |= self._describe("".join(typed))

    # --------------------------------------------------------------------------------------------------- clipboard
    def _on_clipboard(self, at: float, _: None) -> None:
        copying, self._copying = self._copying, None
        if copying is not None and (copying.taken or at - copying.at > CLIPBOARD_WAIT):
            copying = None
        again = copying is None and at - self._clip_at < CLIPBOARD_WAIT  # the owner said it twice
        self._clip, self._clip_at = {}, at
        places = [(self.window, self._focus), *([(copying.window, copying.element)] if copying is not None else [])]
        if not all(self._may_look(*place) for place in places):
            self._sealed = True
            return
        if at - self._input_at > BY_HAND:  # what a program puts there by itself is not looked at
            return
        # after a hidden copy a clipboard manager may put the same value there: only a new ctrl+c says that it is another
        self._sealed = self._sealed and copying is None
        if not self._sealed and "value_digest" not in self._settings.left_empty:
            self._clip = self._describe(self._desktop.read_clipboard())
        if again:
            return
        if copying is None:  # by a menu or a button
            copying = self._add(at, "copy", self.window, self._focus, said="clipboard")
        copying.row |= {"event_type": COPY.get(copying.row["event_name"], "copy"), **self._clip}
        copying.due = at

    def _may_look(self, window: Window | None, element: Element | None) -> bool:
        """Whether a value may be looked at there, in memory; what is written is decided once more when it is."""
        return window is not None and self._why_excluded(window, element, self._url(window, element)) is None

    def _describe(self, value: str | None) -> dict[str, Any]:
        """What rows say of a value: never its text, unless the profile keeps values."""
        value = (value or "").strip()
        if not value:
            return {}
        return {
            "value_digest": digest(value, key=self._settings.key),
            "value_length": len(value),
            "value_shape": shape(value[:200]),
            "value": value if self._settings.profile == "full" else None,
        }

    # ----------------------------------------------------------------------------------------------------- windows
    def _on_window(self, at: float, seen: Window | str | None) -> None:
        self._front = seen
        if isinstance(seen, str):
            if self._blind is None:
                self.forget()
                self.presence(at, "blind_start", seen)
            self._blind, self.window = seen, None
            return
        if self._blind is not None:
            self.presence(at, "blind_end", self._blind)
            self._blind = None
        seen = seen or _DESKTOP
        before, self.window = self.window, seen
        last = self._drafts[-1] if self._drafts else None
        if last is not None and last.window is _DESKTOP and last.row["event_type"] == "window_focus":
            self._drafts.pop()  # between two windows nothing is in front for a moment
            before = self._left
        self._left = before
        if before is None or (seen.key, seen.app) != (before.key, before.app):
            self._end_burst(at)
            self._focus = None
            late = seen.private or (self._settings.lists_addresses and is_browser(seen.app))
            hold = FOCUS_LAG if seen is _DESKTOP else PRIVATE_HOLD if late else 0.0
            self._add(at, "window_focus", seen, hold=hold)
        elif seen.private != before.private:
            self._learn_private(at, seen)
        elif seen.title != before.title:
            if self._settings.lists_addresses:
                self._urls.pop(seen.key, None)  # another page, whose address may be denied: not known until it is told
            if last is not None and last.row["event_type"] in ("window_title", "navigate"):
                last.window = seen  # titles that run are one row
            else:
                self._add(at, "window_title", seen, hold=TITLE_HOLD)
        self._judge_burst()

    def _learn_private(self, at: float, seen: Window) -> None:
        """A browser's window counts as private until the platform tells: what waits is judged anew."""
        waiting = [draft for draft in self._drafts if draft.window is not None and draft.window.key == seen.key]
        for draft in waiting:
            draft.window = seen
        if not any(draft.row["event_type"] == "window_focus" for draft in waiting):
            self._add(at, "window_focus", seen)

    def _on_focus(self, at: float, element: Element | None) -> None:
        self._focus = element
        if element is None or self.window is None or self.window is _DESKTOP:
            self._typed = None  # nobody knows the field: it may be a password's
            return
        for draft in self._drafts:  # the platform tells late: what was pressed since is in this field
            lag = FOCUS_LAG if draft is self._burst else 0.0  # entered just before a burst, it is the burst's own
            here = draft.row["event_type"] in _KEYED and (draft.window or _DESKTOP).key == self.window.key
            if here and draft.at > at - lag:
                draft.element = element
        if self._burst is not None and self._burst.element is None:
            self._burst.element = element
        elif self._burst is not None and element != self._burst.element and self._may_look(self.window, element):
            self._end_burst(at)
        if element.url and element.url != self._urls.get(self.window.key):
            self._urls[self.window.key] = element.url
            self._navigate(at, self.window, element.url)
        self._judge_burst()

    def _navigate(self, at: float, window: Window, url: str) -> None:
        last = next((d for d in reversed(self._drafts) if d.window and d.window.key == window.key), None)
        if last is None or last.row["event_type"] not in ("window_title", "window_focus"):
            last = self._add(at, "navigate", window)
        elif last.row["event_type"] == "window_title":
            last.row["event_type"] = "navigate"
        last.row["url"] = url

    def _judge_burst(self) -> None:
        """What is being typed goes with the place that it turns out to be in, if nobody may look there."""
        if self._burst is not None and self.window is not None and not self._may_look(self.window, self._focus):
            self._burst.window, self._burst.element = self.window, self._focus
            self._burst.row["url"] = self._url(self.window, self._focus)

    # -------------------------------------------------------------------------------------------------------- rows
    def _add(
        self, at: float, event_type: str, window: Window | None, element: Element | None = None, *,
        said: str | None = None, hold: float = 0.0,
    ) -> Draft:  # fmt: skip
        window = window or _DESKTOP
        draft = Draft(at, event_type, window, element, said, hold)
        draft.row["url"] = self._url(window, element)
        self._drafts.append(draft)
        return draft

    def _point(self, at: float, event_type: str, x: int, y: int, *, said: str | None, hold: float) -> Draft:
        """A row of the window under the mouse."""
        window = self._desktop.window_at(x, y) or self.window
        draft = self._add(at, event_type, window, said=said, hold=hold)
        draft.row |= _inside(window, x, y)
        draft.place = (x, y)
        return draft

    def _goes_on(
        self, at: float, event_type: str, said: str, *, steps: int = 1, place: tuple[int, int] = (0, 0)
    ) -> bool:
        """Count an input in the last row if it is more of the same; whether it is."""
        last = self._drafts[-1] if self._drafts else None
        if last is None or at - last.last > MERGE:
            return False
        if (last.row["event_type"], last.row["event_name"], last.place) != (event_type, said, place):
            return False
        last.count(at, steps)
        last.row["duration_ms"] = _ms(at - last.at)
        last.due = at + MERGE
        return True

    def _url(self, window: Window, element: Element | None) -> str | None:
        return (element.url if element is not None else None) or self._urls.get(window.key)


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _inside(window: Window | None, x: int, y: int) -> dict[str, float]:
    """The place of a point inside a window, 0 to 1."""
    if window is None or window.box[2] < 1 or window.box[3] < 1:
        return {}
    left, top, width, height = window.box
    across, down = (x - left) / width, (y - top) / height
    return {"x": across, "y": down} if 0 <= across <= 1 and 0 <= down <= 1 else {}
