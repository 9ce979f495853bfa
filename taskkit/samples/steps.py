"""A script: the rows that one person's work on one task leaves in a UI log, before they get a clock."""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

from taskkit.samples.world import Invoice, Person

# median seconds before a step
QUICK, ACT, LOOK, READ = 1.3, 4.0, 8.5, 20.0
# where a typed or pasted value comes from
CONSTANT, COPY, DEPENDENCY, JUDGEMENT, SLIP = "constant", "copy", "dependency", "judgement", "slip"
ERP = "https://erp.example.com"
SLOT = "‹…›"
# around what changes in a title; Unicode keeps both for private use, and they are taken out before the events are written
_OPEN, _CLOSE = "\ue000", "\ue001"


def slot(text: str) -> str:
    """Mark a part of a title that changes from record to record.

    >>> screen_of(f"Invoice {slot('INV-1')} - Match"), plain(f"Invoice {slot('INV-1')} - Match")
    ('Invoice ‹…› - Match', 'Invoice INV-1 - Match')
    """
    return f"{_OPEN}{text}{_CLOSE}"


def plain(title: str) -> str:
    """The title as the program shows it: without the marks of `slot`."""
    return title.replace(_OPEN, "").replace(_CLOSE, "")


def screen_of(title: str) -> str:
    """The title with its changing parts as slots."""
    return re.sub(f"{_OPEN}[^{_CLOSE}]*{_CLOSE}", SLOT, title)


class Row(NamedTuple):
    """One interaction without user and time."""

    app: str | None
    title: str | None  # its changing parts marked by `slot`
    url: str | None
    event_type: str
    event_name: str | None
    role: str | None
    element_id: str | None
    element: str | None
    value: str | None  # content that is only ever written as a digest
    wait: float  # median seconds before it
    shown: str | None  # business object's number that the window shows
    case: str | None  # true case
    commit: tuple[str, tuple[str, ...]] | None  # what the ERP books because of it, and for which cases
    kind: str  # task, noise, between, private, presence
    made: str | None = None  # where a typed or pasted value comes from: a constant, a copy, …


class Script:
    """Writes down a task's rows; the window in front stays until another one gets the focus."""

    def __init__(self, task: str, person: Person, rng: Random, invoice: Invoice | None = None) -> None:
        self.task, self.person, self.rng, self.invoice = task, person, rng, invoice
        self.variant = ""
        self.case = invoice.number if invoice else None
        self.rows: list[Row] = []
        self.parts: list[tuple[float, list[Row]]] = [(0.0, self.rows)]  # seconds to wait before each part
        self.window: tuple[str | None, str | None, str | None, str | None] = (None, None, None, None)

    def row(
        self, event_type: str, wait: float, *, name: str | None = None, role: str | None = None,
        element_id: str | None = None, element: str | None = None, value: str | None = None, made: str | None = None,
    ) -> None:  # fmt: skip
        """Add a row in the window that is in front."""
        app, title, url, shown = self.window
        about = (role, element_id, element, value, wait, shown, self.case, None, "task", made)
        self.rows.append(Row(app, title, url, event_type, name, *about))

    def focus(
        self, app: str, title: str, url: str | None = None, *, shown: str | None = None, wait: float = QUICK
    ) -> None:
        """Bring a window to the front; nothing is written if it is there already."""
        window = (app, title, ERP + url if url else None, shown)
        if window != self.window:
            self.window = window
            self.row("window_focus", wait)

    def go(self, title: str, url: str | None = None, *, shown: str | None = None, wait: float = QUICK) -> None:
        """Show another page or document in the window that is in front."""
        self.window = (self.window[0], title, ERP + url if url else None, shown)
        self.row("navigate" if url else "window_title", wait)

    def click(
        self, element: str, element_id: str | None = None, *, role: str = "button", wait: float = ACT,
        value: str | None = None, kind: str = "click",
    ) -> None:  # fmt: skip
        """Click something; `value` is what the clicked field shows."""
        self.row(kind, wait, role=role, element_id=element_id, element=element, value=value)

    def key(self, name: str, *, wait: float = QUICK) -> None:
        """Press a key or a shortcut."""
        self.row("shortcut" if "+" in name else "key", wait, name=name)

    def scroll(self, wait: float = LOOK) -> None:
        """Scroll while reading."""
        self.row("scroll", wait, role="document")

    def copy(self, element: str, element_id: str | None, value: str, *, role: str = "text") -> None:
        """Select a shown value and copy it."""
        self.click(element, element_id, role=role, kind="double_click", wait=2.6, value=value)
        self.row("copy", QUICK, name="ctrl+c", role=role, element_id=element_id, element=element, value=value)

    def paste(self, element: str, element_id: str | None, value: str, *, role: str = "edit") -> None:
        """Paste a copied value into a field or a cell."""
        self.click(element, element_id, role=role, wait=1.8)
        about = {"role": role, "element_id": element_id, "element": element}
        self.row("paste", QUICK, name="ctrl+v", value=value, made=COPY, **about)

    def write(
        self, element: str, element_id: str | None, value: str, kind: str, *, role: str = "edit", wait: float = 2.6
    ) -> None:
        """Type a value into a field: reached by tab or by mouse, at times with a slip that is corrected at once."""
        if self.rng.random() < self.person.tabs:
            self.key("tab", wait=wait)
        else:
            self.click(element, element_id, role=role, wait=wait)
        if kind == COPY and len(value) > 3 and self.rng.random() < 0.05:
            self.enter(element, element_id, value[:-1], SLIP, role=role)
            self.key("ctrl+a", wait=2.0)
        self.enter(element, element_id, value, kind, role=role)

    def text(self, element: str, element_id: str | None, words: int, *, wait: float = LOOK) -> None:
        """Write a free text of about so many words; no two are the same."""
        value = " ".join("x" * self.rng.randint(2, 9) for _ in range(words)) + f" {self.rng.random():.9f}"
        self.enter(element, element_id, value, JUDGEMENT, wait=wait)

    def enter(
        self, element: str, element_id: str | None, value: str, kind: str, *, role: str = "edit", wait: float = QUICK
    ) -> None:
        """Type into the field that has the focus already."""
        self.row("text_input", wait, role=role, element_id=element_id, element=element, value=value, made=kind)

    def commit(self, activity: str, *cases: str) -> None:
        """The last row makes the ERP book an activity for the cases (the script's own case by default)."""
        about = cases or ((self.case,) if self.case else ())
        self.rows[-1] = self.rows[-1]._replace(commit=(activity, tuple(about)))

    def suspend(self, seconds: float) -> None:
        """Somebody else must act first: the rest of the script waits so long."""
        self.rows = []
        self.parts.append((seconds, self.rows))
        self.window = (None, None, None, None)

    def chance(self, probability: float) -> bool:
        """True with the probability."""
        return self.rng.random() < probability
