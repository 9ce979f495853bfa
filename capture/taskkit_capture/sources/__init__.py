"""What a platform tells the recorder: one file per source, the same names on every platform.

A platform's file (`x11`, `windows`, `macos`) has one function and one class:

- `refusal()`: why nothing can be recorded here and the cure, or None;
- `Desktop(put)`: `start`, `stop`, `alive`, `missing`, `window_at`, `read_clipboard`, `ask_element`, as `DesktopSource` says.

`inputs` has the keyboard and the mouse of every platform (pynput).
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, cast

PLATFORMS = {"linux": "x11", "win32": "windows", "darwin": "macos"}


class Window(NamedTuple):
    """A top-level window, as it was at one moment."""

    key: int  # the platform's number of the window
    app: str | None  # name of the program's process: lower case, no folder, no .exe or .app
    title: str | None
    box: tuple[int, int, int, int] = (0, 0, 0, 0)  # left, top, width, height on the screen, pixels
    private: bool = False  # a browser's private window, as far as the platform tells


class Element(NamedTuple):
    """An accessible element: the one under a click, or the one that has the focus."""

    role: str | None
    name: str | None = None
    id: str | None = None
    secret: bool = False  # a password field
    url: str | None = None  # address of the document it is in
    private: bool = False  # it is in a browser's private window


def page_address(url: str | None) -> str | None:
    """The address of a page; None for what a browser draws over its pages, such as its search for tabs."""
    return None if url and url.startswith("chrome://") and ".top-chrome" in url else url


class Signal(NamedTuple):
    """One thing that a source saw. `at` is `time.monotonic()`.

    kind and data:
    press, release: (button, x, y), button "left", "right", "middle", …; scroll: (x, y, dx, dy);
    type: a character, or None if characters are not asked for; key: a name such as "enter"; shortcut: a name such as "ctrl+s";
    window: Window in front, None if the desktop itself is, or a sentence (str) if the platform does not let us see it (blind);
    clipboard: None (it changed); focus: Element or None; lock: bool; element: (ticket, Element or None);
    trouble: a sentence: the source cannot go on.
    """

    at: float
    kind: str
    data: Any = None


BROWSERS = ("chrom", "google-chrome", "msedge", "microsoft-edge", "microsoft edge", "brave", "vivaldi", "opera", "firefox",
            "librewolf", "safari", "arc", "epiphany", "falkon", "konqueror", "iexplore")  # fmt: skip


def is_browser(app: str | None) -> bool:
    """Whether a program shows web pages and may have private windows."""
    return bool(app) and str(app).startswith(BROWSERS)


Put = Callable[[Signal], None]


class DesktopSource(Protocol):
    """What a platform's `Desktop` can do. Nothing here blocks for longer than its deadline."""

    def __init__(self, put: Put, *, elements: bool, addresses: bool) -> None:
        """`elements`: look up elements and focus; `addresses`: look up the address of a browser's document."""

    def start(self) -> None:
        """Watch windows, titles, clipboard, lock and focus from threads of its own; the window in front comes first."""

    def stop(self) -> None:
        """Stop watching; returns within a second."""

    def alive(self) -> bool:
        """Whether it still can see."""

    def missing(self) -> str | None:
        """What it cannot see here and the cure, in a sentence for the person; None if nothing is missing."""

    def window_at(self, x: int, y: int) -> Window | None:
        """The top-level window under a point of the screen; None if there is none."""

    def read_clipboard(self, *, limit: int = 1_000_000, deadline: float = 0.3) -> str | None:
        """The clipboard's text, to be digested at once; None if it is no text, longer than `limit` characters, marked as
        secret by a password manager, or not given in time (seconds)."""

    def ask_element(self, ticket: int, x: int, y: int) -> None:
        """Look up the element under a point; the answer comes as Signal(element, (ticket, …)), or never (deadline)."""


def now() -> float:
    """The recorder's clock: seconds, never set back."""
    return time.monotonic()


def platform_name() -> str | None:
    """Which file of this folder sees this platform's windows: x11, windows, macos."""
    return PLATFORMS.get(sys.platform)


def refusal() -> str | None:
    """Why nothing can be recorded here, and the cure; None if it can."""
    name = platform_name()
    if name is None:
        return f"The recorder knows Linux with X11, Windows and macOS; this is {sys.platform}."
    return cast("str | None", importlib.import_module(f"taskkit_capture.sources.{name}").refusal())


def open_desktop(put: Put, *, elements: bool, addresses: bool) -> DesktopSource:
    """The platform's windows, clipboard and elements."""
    module = importlib.import_module(f"taskkit_capture.sources.{platform_name()}")
    return cast(DesktopSource, module.Desktop(put, elements=elements, addresses=addresses))
