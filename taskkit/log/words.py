"""Foreign event names to event types, where a word tells."""

from __future__ import annotations

import re

from taskkit.schema import EVENT_TYPES

_START = {"start", "started", "begin", "began", "on"}
_END = {"end", "ended", "stop", "stopped", "finish", "finished", "off"}
_RECORDER = {"recorder", "recording", "session", "mining", "capture", "tracking"}
_CLICK = {"click", "clicks", "clicked", "tap", "tapped"}
_CONTROL = {"button", "checkbox", "radio", "check", "menu", "option", "tree", "link", "list", "combobox", "dropdown"}
_ACT = {"press", "pressed", "set", "select", "selected", "toggle", "check", "uncheck", "expand", "collapse", "choose"}
_WRITE = {"edit", "edited", "input", "type", "typed", "typing", "enter", "entered", "insert", "inserted", "populate",
          "fill", "filled", "write", "keystrokes"}  # fmt: skip
_PLACE = {"tab", "window", "worksheet", "sheet", "app", "application", "program"}
_TURN = {"select", "selected", "activate", "activated", "active", "focus", "focused", "switch", "switched", "change",
         "changed", "open", "opened", "new", "create", "created"}  # fmt: skip
_KEY = {"key", "keys", "keypress", "keydown", "keyup", "keyboard"}

# every set needs one of its words in the name; the first rule that holds decides
_RULES: tuple[tuple[str, tuple[set[str], ...]], ...] = (
    ("idle_end", ({"idle", "afk", "away"}, _END | {"not"})),
    ("idle_start", ({"idle", "afk", "away"},)),
    ("unlock", ({"unlock", "unlocked"},)),
    ("lock", ({"lock", "locked"}, {"session", "screen", "workstation", "computer", "desktop"})),
    ("session_start", (_RECORDER, {"start", "started", "begin", "began"})),
    ("session_end", (_RECORDER, {"end", "ended", "stop", "stopped", "finished"})),
    ("pause", (_RECORDER, {"pause", "paused"})),
    ("resume", (_RECORDER, {"resume", "resumed"})),
    ("paste", ({"paste", "pasted", "pasting"},)),
    ("cut", ({"cut"},)),
    ("copy", ({"copy", "copied", "copying", "clipboard"},)),
    ("double_click", ({"double"}, _CLICK)),
    ("double_click", ({"doubleclick", "dblclick", "doubleclicked"},)),
    ("right_click", ({"right", "context"}, _CLICK)),
    ("right_click", ({"rightclick", "contextmenu"},)),
    ("drag", ({"drag", "dragged", "dragging"},)),
    ("scroll", ({"scroll", "scrolled", "scrolling", "wheel"},)),
    ("shortcut", ({"hotkey", "hotkeys", "shortcut", "shortcuts"},)),
    ("shortcut", ({"keyboard"}, {"command"})),
    ("click", (_CLICK | {"leftclick", "mouseclick"},)),
    ("navigate", ({"navigate", "navigated", "navigation", "navigates", "url", "visit", "visited", "browse"},)),
    ("navigate", ({"open", "load", "goto"}, {"page", "website", "link"})),
    ("key", ({"press", "pressed", "send", "sent", "down", "up"}, _KEY)),
    ("click", (_ACT, _CONTROL)),
    ("text_input", (_WRITE,)),
    ("text_input", ({"change", "changed", "set"}, {"value", "field", "cell", "text"})),
    ("window_title", ({"title"},)),
    ("window_focus", (_TURN, _PLACE)),
    ("key", (_KEY,)),
    ("comment", ({"comment", "note", "annotation"},)),
    ("alive", ({"alive", "heartbeat"},)),
)  # fmt: skip
_ALONE = {"focus": "window_focus", "lock": "lock", "locked": "lock", "press": "click", "goto": "navigate"}


def event_type_of(name: str | None) -> str:
    """Event type that the words of a foreign event name tell; "other" where none does.

    >>> [event_type_of(name) for name in ("pasteIntoCell", "Left double click", "navigate_to", "getCell")]
    ['paste', 'double_click', 'navigate', 'other']
    """
    words = split_words(name or "")
    if "_".join(words) in EVENT_TYPES:
        return "_".join(words)
    found = {*words}
    if len(found) == 1 and words[0] in _ALONE:
        return _ALONE[words[0]]
    return next((kind for kind, needs in _RULES if all(found & need for need in needs)), "other")


def split_words(name: str) -> list[str]:
    """Words of a name in lower case: camelCase, snake_case, digits and punctuation divide it.

    >>> split_words("goToURL_now")
    ['go', 'to', 'url', 'now']
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W\d_]+", " ", name)
    return spaced.lower().split()
