"""Step descriptions of the office recordings: element, window and typed text in one sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ROLE = r"(?P<role>[A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*){0,2})"
_ELEMENT = re.compile(rf"^{_ROLE}(?: '(?P<name>.*?)')?(?: \d+)?(?P<where> in [A-Z].*)?$", re.DOTALL)
_MENU = re.compile(r"^MenuItem: (?P<name>.*?)(?P<where> in (?:Window|Pane|Menu|List) '.*)$", re.DOTALL)
_TASK_BAR = re.compile(
    r"^(?:Button ')?(?P<name>.*?)(?: - \d+ running windows?|, .*|')?(?: \d+)?"
    r" in (?:Quick Launch Bar|System Tray|TaskBar)$",
    re.DOTALL,
)  # a clock or a count behind the name is a state, not a name
_WINDOW = re.compile(r"(?:^| in )(?:Window|Pane|List) '(?P<title>.*)'(?: \d+)?$", re.DOTALL)
_MASK = re.compile(r"\['((?:[^'\\]|\\.)*)'\]", re.DOTALL)
_TYPED = re.compile(r";?\s*Text:'(.*)$", re.DOTALL)
_SENT = re.compile(r"TextToSend: ?'(.*)$", re.DOTALL)
INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\ufeff\ue000-\uf8ff]")  # direction marks and icon glyphs
_TOKEN = re.compile(r"\{(?P<key>\w+)\}|(?P<open>\()|(?P<close>\))|(?P<text>.)", re.DOTALL)
_SHORTCUTS = {"C": "copy", "X": "cut", "V": "paste"}
_ROLES = {"hyperlink": "link", "menuitem": "menu item", "ui custom": "custom"}


@dataclass(frozen=True)
class Step:
    """What one description says; null where it does not."""

    role: str | None = None
    name: str | None = None
    window: str | None = None
    value: str | None = None
    keys: str | None = None  # named keys and shortcuts, where no text was typed
    event_type: str | None = None
    understood: bool = True


def read_step(description: str) -> Step:
    """Read one StepDescription; a sentence that is not understood gives nothing, it may hold typed text.

    >>> step = read_step("Edit 'Subject' in Window 'Mail'; Text:'Hello'")
    >>> step.role, step.name, step.window, step.value
    ('edit', 'Subject', 'Mail', 'Hello')
    """
    if description.startswith("#"):
        return Step()  # a remark of the recorder
    if sent := _SENT.search(description):
        return _read_keys(_unquote(sent[1]))
    typed = _TYPED.search(description)
    value = _unquote(typed[1]) if typed else None
    rest = description[: typed.start()] if typed else description
    if rest.startswith("UIAutomation."):
        parts = [re.sub(r"\\(.)", r"\1", part) for part in _MASK.findall(rest.partition("MouseUp")[0])]
        rest = f"{parts[-1]} in {parts[0]}" if len(parts) > 1 else "".join(parts)
    for pattern, role in ((_TASK_BAR, "task bar button"), (_MENU, "menu item"), (_ELEMENT, None)):
        if match := pattern.match(rest):
            found = match.groupdict()
            role = role or found["role"].lower()
            window = _WINDOW.search(rest if pattern is _ELEMENT and not found["where"] else found.get("where") or "")
            return Step(
                role=_ROLES.get(role, role),
                name=_clean(found["name"]),
                window="task bar" if pattern is _TASK_BAR else _clean(window["title"]) if window else None,
                value=value,
            )
    return Step(value=value, understood=False)


def _unquote(text: str) -> str | None:
    text = text.rstrip("\r\n")
    text = text.removeprefix("''").removesuffix("''") if text.startswith("''") and len(text) > 4 else text
    text = text.removesuffix("'").replace("\\'", "'")
    return text if text.strip() else None


def _clean(text: str | None) -> str | None:
    return " ".join(INVISIBLE.sub("", text or "").split()) or None


def _read_keys(sent: str | None) -> Step:
    """Keys as they were sent: `{LShiftKey}(S)unita{Return}`; a shortcut, named keys alone, or text."""
    text: list[str] = []
    keys: list[str] = []
    held: list[str] = []
    before = ""
    for token in _TOKEN.finditer(sent or ""):
        key, inside = token["key"], bool(held)
        if token["open"] and before.endswith(("ShiftKey", "ControlKey", "Menu", "Win")):
            held.append(before)
        elif token["close"] and held:
            held.pop()
        elif key and inside and not held[-1].endswith("ShiftKey"):
            keys.append(f"{_modifier(held[-1])}+{key}")
        elif key in ("Back", "Delete") and text:
            text.pop()
        elif key and not key.endswith(("ShiftKey", "ControlKey", "Menu", "Win")):
            keys.append(key)
            if text:
                text.append({"Return": "\n", "Tab": "\t"}.get(key, ""))
        elif not key:
            text.append(token[0])
        before = key or ""
    value = "".join(text).strip("\n\t")
    if value:
        return Step(value=value, event_type="text_input")
    named = [key for key in keys if len(key) > 1]  # a letter alone is text
    once = [key for key, last in zip(named, [None, *named], strict=False) if key != last]
    combined = [key for key in once if "+" in key]
    kind = _SHORTCUTS.get(combined[0].removeprefix("Ctrl+"), "shortcut") if combined else "key"
    return Step(keys=" ".join(once) or None, event_type=kind)


def _modifier(key: str) -> str:
    return "Ctrl" if key.endswith("ControlKey") else "Alt" if key.endswith("Menu") else "Win"
