"""Signals to rows: bursts of keys, double clicks, drags, scrolling, copies and pastes. No meaning is given here.

A row waits in a queue until nothing can change it any more (the second click of a double click, the name of the element
under a click, the clipboard after ctrl+c), so that rows are written in the order in which they happened.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from taskkit.privacy import digest, shape
from taskkit_capture.settings import Settings
from taskkit_capture.sources import DesktopSource, Element, Signal, Window

DOUBLE_CLICK, BURST_PAUSE, MERGE, CLIPBOARD_WAIT, TITLE_HOLD, FOCUS_LAG = 0.4, 3.0, 0.5, 0.5, 0.5, 0.2  # seconds
PRIVATE_HOLD, OPEN = (
    1.0,
    60.0,
)  # seconds until a browser's window is known to be private or not; until anything is given up
_NEAR, _DRAGGED = 5, 8  # pixels
COPY = {"ctrl+c": "copy", "ctrl+insert": "copy", "ctrl+shift+c": "copy", "cmd+c": "copy",
        "ctrl+x": "cut", "shift+delete": "cut", "ctrl+shift+x": "cut", "cmd+x": "cut"}  # fmt: skip
PASTE = {"ctrl+v", "ctrl+shift+v", "shift+insert", "cmd+v", "cmd+shift+v"}
FIELDS = {"entry", "text", "edit", "edit bar", "editbar", "combo box", "combobox", "spin button", "spinner", "table cell",
          "dataitem", "axtextfield", "axtextarea", "axcombobox", "axcell"}  # fmt: skip
_BUTTONS = {"left": ("click", None), "right": ("right_click", None)}


class Clip(NamedTuple):
    """What is known of the clipboard: never its text, unless the profile keeps values."""

    digest: str | None
    length: int | None
    shape: str | None
    value: str | None = None


_DESKTOP = Window(0, "desktop", None)
_UNKNOWN = Clip(None, None, None)  # copied where nobody may look: it is not looked at later either


class Draft:
    """A row that may still change, until `due`."""

    def __init__(self, at: float, due: float, event_type: str, window: Window | None, element: Element | None) -> None:
        self.at, self.due, self.last = at, due, at
        self.row: dict[str, Any] = {"event_type": event_type}
        self.window, self.element = window, element
        self.taken = False
        self.button, self.place = "", (0, 0)

    def count(self, at: float, more: int = 1) -> None:
        """Take another input into the row."""
        self.row["input_count"] = self.row.get("input_count", 0) + more
        self.last = at


class Assembly:
    """Builds rows out of signals. `why_excluded(window, element)` tells what may not be looked at."""

    def __init__(self, settings: Settings, desktop: DesktopSource, why_excluded: Callable[..., str | None]) -> None:
        self._settings, self._desktop, self._why_excluded = settings, desktop, why_excluded
        self._drafts: deque[Draft] = deque()
        self.window: Window | None = None
        self._left: Window | None = None  # what was in front before the desktop
        self._focus: tuple[float, Element | None] = (0.0, None)
        self._blind: str | None = None
        self._urls: dict[int, str] = {}
        self._tickets: dict[int, Draft] = {}
        self._ticket = 0
        self._down: Draft | None = None  # a button is held
        self._clicked: Draft | None = None  # a second click may follow
        self._burst: Draft | None = None
        self._typed: list[str] | None = []  # in memory until the field is left, only if digests of typed values are on
        self._copying: Draft | None = None
        self._clip: Clip | None = None
        self._clip_at = self._input_at = float("-inf")

    def feed(self, signal: Signal) -> None:
        """Take one signal in."""
        if self._blind is None or signal.kind == "window":  # where nothing can be seen nobody knows what an input means
            getattr(self, f"_on_{signal.kind}")(signal.at, signal.data)

    def take(self, at: float, *, everything: bool = False) -> list[Draft]:
        """The rows that nothing can change any more at this time, in order."""
        if self._burst is not None and (everything or at - self._burst.last > self._pause):
            self._end_burst(at)
        ready = []
        while self._drafts and (everything or self._drafts[0].due <= at):
            draft = self._drafts.popleft()
            draft.taken = True
            ready.append(draft)
        if not self._drafts:
            self._tickets.clear()
        return ready

    def presence(self, at: float, kind: str, said: str | None = None) -> None:
        """Add a row about the recording itself: idle, pause, blind, session …"""
        if kind != "alive":
            self._end_burst(at)
        draft = Draft(at, at, kind, None, None)
        draft.row["event_name"] = said
        self._drafts.append(draft)

    def next_due(self) -> float | None:
        """When the next row can be written, if nothing happens."""
        burst = self._burst.last + self._pause if self._burst is not None else None
        return min(filter(None, [self._drafts[0].due, burst])) if self._drafts else None

    def show_window(self, at: float) -> None:
        """Say again which window is in front: after a pause or a lock nobody knows."""
        if self.window is not None:
            self._add_window(at, self.window, "window_focus")

    def forget(self) -> None:
        """Drop what was half done: a button that is down, typed characters."""
        if self._down is not None:
            self._down.due = 0.0
        self._down = self._clicked = self._copying = None
        self._end_burst(0.0)
        self._clip = None

    def follow(self, signal: Signal) -> None:
        """Keep track of what is in front, and write nothing of it: during a pause or a lock."""
        if signal.kind == "window":
            self.window = signal.data if isinstance(signal.data, Window) else None
            self._focus = (signal.at, None)
        elif signal.kind == "focus":
            self._focus = (signal.at, signal.data)
        elif signal.kind == "clipboard":
            self._clip = _UNKNOWN

    # ------------------------------------------------------------------------------------------------------- mouse
    def _on_press(self, at: float, data: tuple[str, int, int]) -> None:
        button, x, y = data
        self._input_at = at
        self._end_burst(at)
        if self._down is not None:  # its release got lost, or a second button is pressed
            self._down.due = at
        last, self._clicked = self._clicked, None
        if last is not None and last.button == button and self._again(last, at, x, y):
            last.row["event_type"] = "double_click"
            last.count(at)
            last.due = at + OPEN
            self._down = last
            return
        window = self._desktop.window_at(x, y) or self.window
        event_type, said = _BUTTONS.get(button, ("click", button))
        draft = self._add(at, event_type, window, None, hold=OPEN)
        draft.row |= {"event_name": said, **_inside(window, x, y)}
        draft.count(at)
        draft.button, draft.place = button, (x, y)
        self._down = draft
        if self._settings.elements:
            self._ticket += 1
            self._tickets[self._ticket] = draft
            self._desktop.ask_element(self._ticket, x, y)

    def _again(self, last: Draft, at: float, x: int, y: int) -> bool:
        """Whether a press goes on with the click before: near in time and place, at most a triple click."""
        near = abs(x - last.place[0]) <= _NEAR and abs(y - last.place[1]) <= _NEAR
        return near and not last.taken and at - last.last <= DOUBLE_CLICK and last.row["input_count"] < 3

    def _on_release(self, at: float, data: tuple[str, int, int]) -> None:
        button, x, y = data
        draft = self._down
        if draft is None or draft.taken or draft.button != button:
            return
        self._down, self._clicked = None, draft
        draft.due = max(at, draft.last) + DOUBLE_CLICK
        if abs(x - draft.place[0]) + abs(y - draft.place[1]) > _DRAGGED:
            draft.row |= {"event_type": "drag", "duration_ms": _ms(at - draft.at)}
            draft.due, self._clicked = at, None

    def _on_scroll(self, at: float, data: tuple[int, int, float, float]) -> None:
        x, y, dx, dy = data
        self._input_at = at
        way = ("down" if dy < 0 else "up") if dy else ("left" if dx < 0 else "right")
        steps = max(1, round(abs(dy or dx)))
        last = self._drafts[-1] if self._drafts else None
        if last is not None and last.row["event_type"] == "scroll" and last.row["event_name"] == way and (
            at - last.last <= MERGE and last.place == (x, y)
        ):  # fmt: skip
            last.count(at, steps)
            last.row["duration_ms"] = _ms(at - last.at)
            last.due = at + MERGE
            return
        window = self._desktop.window_at(x, y) or self.window
        draft = self._add(at, "scroll", window, None, hold=MERGE)
        draft.row |= {"event_name": way, "duration_ms": 0, **_inside(window, x, y)}
        draft.place = (x, y)
        draft.count(at, steps)

    def _on_element(self, at: float, data: tuple[int, Element | None]) -> None:
        draft = self._tickets.pop(data[0], None)
        if draft is not None and not draft.taken:
            draft.element = data[1]
            if data[1] is not None and data[1].url:
                draft.row["url"] = data[1].url

    # ---------------------------------------------------------------------------------------------------- keyboard
    @property
    def _pause(self) -> float:
        """How long typing may rest within a burst; a value that is to be digested ends with its field."""
        return OPEN if self._settings.typed_digests else BURST_PAUSE

    def _on_type(self, at: float, char: str | None) -> None:
        self._input_at = at
        self._clicked = None
        if self._burst is not None and at - self._burst.last > self._pause:
            self._end_burst(at)
        if self._burst is None:
            self._burst = self._add(at, "text_input", self.window, self._focus[1], hold=2 * OPEN)
            self._typed = []
        self._burst.count(at)
        if self._typed is not None and self._settings.typed_digests:
            self._typed = [*self._typed, char] if char is not None and len(self._typed) < 2000 else None

    def _on_key(self, at: float, name: str) -> None:
        self._input_at = at
        self._clicked = None
        if name == "backspace" and self._burst is not None:  # a correction belongs to what is typed
            self._burst.count(at)
            self._typed = self._typed[:-1] if self._typed else None
            return
        self._end_burst(at)
        last = self._drafts[-1] if self._drafts else None
        if (
            last is not None
            and last.row["event_type"] == "key"
            and last.row["event_name"] == name
            and at - last.last <= MERGE
        ):
            last.count(at)
            last.row["duration_ms"] = _ms(at - last.at)
            last.due = at + MERGE
            return
        draft = self._add(at, "key", self.window, self._focus[1], hold=MERGE)
        draft.row["event_name"] = name
        draft.count(at)

    def _on_shortcut(self, at: float, name: str) -> None:
        self._input_at = at
        self._end_burst(at)
        kind = "paste" if name in PASTE else "shortcut"
        draft = self._add(at, kind, self.window, self._focus[1], hold=CLIPBOARD_WAIT if name in COPY else 0.0)
        draft.row["event_name"] = name
        draft.count(at)
        if name in COPY:
            self._copying = draft
        elif kind == "paste" and self._clip is None and not self._hidden():
            self._clip = self._read_clip()
        if kind == "paste":
            self._carry(draft)

    def _end_burst(self, at: float) -> None:
        burst, self._burst = self._burst, None
        typed, self._typed = self._typed, []
        if burst is None:
            return
        burst.row["duration_ms"] = _ms(burst.last - burst.at)
        burst.due = at
        # a terminal, a page or an unknown field may ask for a password without saying so
        known = burst.element is not None and (burst.element.role or "").lower() in FIELDS
        if typed and known and self._settings.typed_digests and not self._why_excluded(burst.window, burst.element):
            self._carry(burst, self._digested("".join(typed)))

    # --------------------------------------------------------------------------------------------------- clipboard
    def _on_clipboard(self, at: float, _: None) -> None:
        copying, self._copying = self._copying, None
        if copying is not None and (copying.taken or at - copying.at > CLIPBOARD_WAIT):
            copying = None
        by_hand = at - self._input_at <= 1.0
        hidden = self._hidden()
        clip = (
            self._read_clip() if by_hand and not hidden else None
        )  # what a program puts there by itself is not looked at
        again = at - self._clip_at < CLIPBOARD_WAIT and copying is None  # the owner said it twice
        self._clip, self._clip_at = _UNKNOWN if hidden else clip, at
        if hidden or again or not by_hand:
            return
        if copying is None:  # by a menu or a button
            copying = self._add(at, "copy", self.window, self._focus[1])
            copying.row["event_name"] = "clipboard"
        copying.row["event_type"] = COPY.get(copying.row["event_name"], "copy")
        copying.due = at
        self._carry(copying)

    def _hidden(self) -> bool:
        return self._why_excluded(self.window, self._focus[1]) is not None

    def _read_clip(self) -> Clip | None:
        if "value_digest" in self._settings.left_empty:
            return None
        text = self._desktop.read_clipboard()
        return self._digested(text) if text else None

    def _digested(self, text: str) -> Clip:
        kept = text if self._settings.profile == "full" else None
        return Clip(digest(text.strip(), key=self._settings.key), len(text.strip()), shape(text.strip()[:200]), kept)

    def _carry(self, draft: Draft, clip: Clip | None = None) -> None:
        clip = clip or self._clip
        if clip is not None:
            draft.row |= {
                "value_digest": clip.digest,
                "value_length": clip.length,
                "value_shape": clip.shape,
                "value": clip.value,
            }

    # ----------------------------------------------------------------------------------------------------- windows
    def _on_window(self, at: float, seen: Window | str | None) -> None:
        if isinstance(seen, str):
            if self._blind is None:
                self.presence(at, "blind_start", seen)
            self._blind, self.window = seen, None
            return
        if self._blind is not None:
            self.presence(at, "blind_end", self._blind)
            self._blind = None
        before, self.window = self.window, seen
        last = self._drafts[-1] if self._drafts else None
        if before is None and last is not None and last.window is _DESKTOP and last.row["event_type"] == "window_focus":
            self._drafts.pop()  # between two windows nothing is in front for a moment
            before = self._left
        self._left = before
        if seen is None or before is None or (seen.key, seen.app) != (before.key, before.app):
            self._end_burst(at)
            self._focus = (at, None)
            if seen is not None or before is not None:
                hold = FOCUS_LAG if seen is None else PRIVATE_HOLD if seen.private else 0.0
                self._add_window(at, seen, "window_focus", hold=hold)
        elif seen.private != before.private:
            self._learn_private(at, seen)
        elif seen.title != before.title:
            if last is not None and last.row["event_type"] in ("window_title", "navigate") and not last.taken:
                last.window = seen  # titles that run are one row
            else:
                self._add_window(at, seen, "window_title", hold=TITLE_HOLD)

    def _learn_private(self, at: float, seen: Window) -> None:
        """A browser's window counts as private until the platform tells: what waits is judged anew."""
        waiting = [d for d in self._drafts if d.window is not None and d.window.key == seen.key]
        for draft in waiting:
            draft.window = seen
        if not any(draft.row["event_type"] == "window_focus" for draft in waiting):
            self._add_window(at, seen, "window_focus")

    def _add_window(self, at: float, window: Window | None, event_type: str, hold: float = 0.0) -> None:
        self._add(at, event_type, window, None, hold=hold)

    def _on_focus(self, at: float, element: Element | None) -> None:
        self._focus = (at, element)
        if element is None or self.window is None:
            self._typed = None  # nobody knows the field: it may be a password's
            return
        if self._burst is not None:
            # the platform tells late: a field that was entered just before the burst is the burst's own
            if self._burst.element is None or at - self._burst.at < FOCUS_LAG or element.secret:
                self._burst.element = element
            elif element != self._burst.element:
                self._end_burst(at)
        url = element.url
        if url and url != self._urls.get(self.window.key):
            self._urls[self.window.key] = url
            last = next((d for d in reversed(self._drafts) if d.window and d.window.key == self.window.key), None)
            if last is not None and last.row["event_type"] in ("window_title", "window_focus"):
                last.row["url"] = url
                last.row["event_type"] = {"window_title": "navigate"}.get(last.row["event_type"], "window_focus")
            else:
                self._add(at, "navigate", self.window, None).row["url"] = url

    # -------------------------------------------------------------------------------------------------------- rows
    def _add(
        self, at: float, event_type: str, window: Window | None, element: Element | None, *, hold: float = 0.0
    ) -> Draft:
        window = window or _DESKTOP
        draft = Draft(at, at + hold, event_type, window, element)
        draft.row["url"] = (element.url if element else None) or self._urls.get(window.key)
        self._drafts.append(draft)
        return draft


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _inside(window: Window | None, x: int, y: int) -> dict[str, float]:
    """The place of a point inside a window, 0 to 1."""
    if window is None or window.box[2] < 1 or window.box[3] < 1:
        return {}
    left, top, width, height = window.box
    across, down = (x - left) / width, (y - top) / height
    return {"x": across, "y": down} if 0 <= across <= 1 and 0 <= down <= 1 else {}
