"""What of a row may be written: exclusion, the profile's columns, redaction. Everything passes here before the disk."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from taskkit.privacy import redact
from taskkit_capture.settings import ALWAYS_DENIED, Settings
from taskkit_capture.sources import Element, Window, is_browser

EXCLUDED = "excluded"  # what the log calls a program whose content is not recorded
_TEXTS = ("window_title", "url", "element_name", "element_id", "value", "app")
# roles whose names say what is operated: AT-SPI, UI Automation, macOS. Names of cells, texts and list items are content.
NAMED = {
    "push button", "button", "toggle button", "link", "menu", "menu item", "check menu item", "radio menu item", "page tab",
    "check box", "radio button", "switch", "entry", "text", "combo box", "spin button", "slider", "column header",
    "table column header", "password text", "splitbutton", "hyperlink", "menuitem", "tabitem", "checkbox", "radiobutton",
    "edit", "combobox", "spinner", "headeritem", "menubutton", "popupbutton",
    "textfield", "textarea", "disclosuretriangle",
}  # fmt: skip
_KEPT_SECONDS = 10.0  # in an excluded window one row every so often says that work went on


class Cleaning:
    """Decides what of each row is written, and counts what is not."""

    def __init__(self, settings: Settings) -> None:
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._empty = settings.left_empty
        self._deny = {name: _matcher(settings.deny.get(name, ())) for name in ("apps", "titles", "urls")}
        self._allow = {name: _matcher(patterns) for name, patterns in settings.allow.items() if patterns}
        self._always = _matcher(ALWAYS_DENIED)
        self._labels = [(_matcher([pattern]), label) for pattern, label in settings.labels]
        self._redact = lru_cache(maxsize=4096)(lambda text: redact(text, words=settings.words))
        self._last_excluded: tuple[float, Any] = (float("-inf"), None)

    def why_excluded(self, window: Window | None, element: Element | None, url: str | None = None) -> str | None:
        """Why nothing but its time may be kept of what is done in a window or an element; None if it may."""
        if element is not None and element.secret:
            return "password"
        if (window is not None and window.private) or (element is not None and element.private):
            return "private_window"
        if window is None:
            return None
        seen = {"apps": window.app or "", "titles": window.title or "", "urls": strip_address(url) or ""}
        if self._always(seen["apps"]) or any(matches(seen[name]) for name, matches in self._deny.items()):
            return "denied"
        browser = is_browser(window.app)
        if browser and not seen["urls"] and self._settings.lists_addresses:
            return "unknown_address"  # it may be one that is denied
        asked = [name for name in self._allow if name != "urls" or browser or len(self._allow) == 1]
        return None if all(self._allow[name](seen[name]) for name in asked) else "not_allowed"

    def clean(
        self, row: dict[str, Any], *, at: float, window: Window | None, element: Element | None
    ) -> dict[str, Any] | None:
        """The row as it may be written, or None if nothing of it may."""
        why = self.why_excluded(window, element, row.get("url"))
        if why is not None:
            return self._excluded(row, why, at, window)
        self._last_excluded = (float("-inf"), None)
        row = {**row, "app": window.app if window else None, "window_title": window.title if window else None}
        row["url"] = strip_address(row.get("url"))
        if element is not None:
            row |= {"element_role": element.role, "element_id": element.id, "element_name": self._name_of(element)}
        if self._settings.profile == "categories":
            title = row["window_title"] or ""
            row["window_title"] = next((label for matches, label in self._labels if matches(title)), None)
        row = {name: None if name in self._empty else value for name, value in row.items()}
        removed: list[str] = []
        for name in _TEXTS:
            if row.get(name):
                row[name], kinds = self._redact(row[name][:500])
                removed += [kind for kind in kinds if kind not in removed]
        row["redactions"] = removed or None
        self.counts["redacted_rows"] += bool(removed)
        return row

    def _name_of(self, element: Element) -> str | None:
        """The name of something that is operated; what is only shown is content, a single sign may be a typed one."""
        name, role = element.name or "", (element.role or "").lower()
        hidden = self._deny["titles"](name) or ("titles" in self._allow and "tab" in role)
        return name[:80] if role in NAMED and len(name) > 1 and not hidden else None

    def _excluded(self, row: dict[str, Any], why: str, at: float, window: Window | None) -> dict[str, Any] | None:
        """What is left of an excluded row: that time passed. One row on entering, then one every ten seconds of work."""
        last, where = self._last_excluded
        place = (why, window.key if window else None)
        self.counts[f"{why}_rows"] += 1
        if place == where and at - last < _KEPT_SECONDS:
            return None
        self._last_excluded = (at, place)
        return {"event_type": "other" if place == where else "window_focus", "app": EXCLUDED}


def strip_address(url: str | None) -> str | None:
    """An address without query, fragment, user name and password; of files and data only what kind of address it is."""
    if not url:
        return None
    found = re.match(r"(?i)(https?|ftp)://(?:[^/?#@]*@)?([^?#]*)", url)
    if found:
        return f"{found[1].lower()}://{found[2].split(';')[0].replace('%40', '@')}"
    return (
        re.split(r"[?#]", url, maxsplit=1)[0] if url.startswith(("about:", "chrome:")) else url.split(":", 1)[0] + ":"
    )


def _matcher(patterns: Iterable[str]) -> Any:
    """Whether a text matches one of the patterns (* and ?), whatever its case; no pattern matches nothing."""
    either = "|".join(fnmatch.translate(pattern.casefold()) for pattern in patterns)
    if not either:
        return lambda text: False
    found = re.compile(either)
    return lambda text: found.match(text.casefold()) is not None
