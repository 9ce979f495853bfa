"""The Windows and the macOS file of the recorder do what they say, on fakes of the two systems."""

# ruff: noqa: N802, N815 (the fakes bear the systems' names)

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from ctypes import wintypes
from types import ModuleType, SimpleNamespace
from typing import Any

import psutil
import pytest
from taskkit_capture.sources import Element, Signal, Window, macos, windows

FOREGROUND, DESKTOP_SWITCH, FOCUS, NAME_CHANGE = 0x0003, 0x0020, 0x8005, 0x800C
CLIPBOARD_UPDATE, SESSION_CHANGE, LOCK, UNLOCK = 0x031D, 0x02B1, 7, 8
EDIT, DOCUMENT, WINDOW = 50004, 50030, 50032
OWN, OUTLOOK, FRAME, CALCULATOR, REGEDIT, BROKEN = 1, 10, 20, 21, 30, 66  # windows of the fake, and their processes
NAMES = {
    OUTLOOK: "OUTLOOK.EXE",
    FRAME: "ApplicationFrameHost.exe",
    CALCULATOR: "CalculatorApp.exe",
    REGEDIT: "regedit.exe",
}


class Signals:
    """Takes signals and hands them out by kind."""

    def __init__(self) -> None:
        self.queue: queue.Queue[Signal] = queue.Queue()

    def next(self, kind: str, timeout: float = 3.0) -> Any:
        until = time.monotonic() + timeout
        while True:
            signal = self.queue.get(timeout=max(until - time.monotonic(), 0.001))
            if signal.kind == kind:
                return signal.data

    def none(self, kind: str, wait: float = 0.1) -> bool:
        """Whether no signal of the kind comes for a while."""
        with contextlib.suppress(queue.Empty):
            self.next(kind, wait)
            return False
        return True


@pytest.fixture
def signals() -> Signals:
    return Signals()


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def process(pid: int) -> SimpleNamespace:
        if pid == BROKEN:
            raise RuntimeError("no such thing")
        if pid not in NAMES:
            raise psutil.NoSuchProcess(pid)
        return SimpleNamespace(name=lambda: NAMES[pid])

    monkeypatch.setattr(psutil, "Process", process)


# ------------------------------------------------------------------------------------------------------------- Windows
class Foreign:
    """A function behind ctypes: the arguments go through the types that the recorder gave it, pointers arrive as addresses."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call
        self.restype: Any = None
        self.argtypes: list[Any] = []

    def __call__(self, *arguments: Any) -> Any:
        assert len(arguments) == len(self.argtypes)
        return ctypes.CFUNCTYPE(self.restype, *self.argtypes)(self.call)(*arguments)


class FakeWindows:
    """As much of Windows as the recorder calls: real callbacks and real memory, invented windows."""

    def __init__(self) -> None:
        self.front, self.visible, self.session, self.refuses_hooks = OUTLOOK, True, 1, False
        self.titles = {OUTLOOK: "Inbox", FRAME: "Calculator", REGEDIT: "Registry Editor"}
        self.elevated: set[int] = set()
        self.denied: set[int] = set()
        self.clipboard: dict[str, bytes] = {}
        self.held, self.slow = False, threading.Event()
        self.slow.set()
        self.todo: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self.hooks: dict[int, Any] = {}
        self.on_message: Any = None
        self.memory: dict[int, Any] = {}

    def library(self, _name: str) -> Any:
        names = [word.split(":")[0] for word in windows._FUNCTIONS.split() if ":" in word]
        return SimpleNamespace(**{name: Foreign(getattr(self, name, lambda *_: 1)) for name in names})

    def fire(self, event: int, window: int, kind: int = 0) -> None:
        self.todo.put(lambda: self.hooks[event](None, event, window, kind, 0, 0, 0))

    def send(self, message: int, word: int = 0) -> None:
        self.todo.put(lambda: self.on_message(OWN, message, word, 0))

    def switch(self, window: int) -> None:
        self.front = window
        self.fire(FOREGROUND, window)

    def copy(self, text: str, **formats: bytes) -> None:
        self.clipboard = {"13": text.encode("utf-16-le") + b"\0\0", **formats}

    def GetForegroundWindow(self) -> int:
        return self.front

    def GetShellWindow(self) -> int:
        return 99

    def OpenInputDesktop(self, *_: Any) -> int:
        return int(self.visible)

    def GetWindowTextW(self, window: int, buffer: Any, size: int) -> int:
        text = (ctypes.c_wchar * size).from_address(buffer)
        text.value = self.titles[window][: size - 1]
        return len(text.value)

    def GetWindowRect(self, _window: int, box: Any) -> int:
        place = wintypes.RECT.from_address(box)
        place.left, place.top, place.right, place.bottom = 10, 20, 110, 70
        return 1

    def GetWindowThreadProcessId(self, window: int, pid: Any) -> int:
        wintypes.DWORD.from_address(pid).value = window
        return 1

    def FindWindowExW(self, parent: int, _after: Any, name: str, _title: Any) -> int:
        return CALCULATOR if parent == FRAME and name == "Windows.UI.Core.CoreWindow" else 0

    def WindowFromPoint(self, point: Any) -> int:
        return FRAME if point.x < 500 else 0

    def GetAncestor(self, window: int, _kind: int) -> int:
        return window

    def OpenProcess(self, _rights: int, _inherit: int, pid: int) -> int:
        return 0 if pid in self.denied else pid

    def OpenProcessToken(self, process: int, _rights: int, token: Any) -> int:
        ctypes.c_void_p.from_address(token).value = process
        return 1

    def GetTokenInformation(self, token: Any, kind: int, elevated: Any, _size: int, _used: Any) -> int:
        wintypes.DWORD.from_address(elevated).value = int(token in self.elevated)
        return int(kind == 20)

    def ProcessIdToSessionId(self, _pid: int, session: Any) -> int:
        wintypes.DWORD.from_address(session).value = self.session
        return 1

    def SetWinEventHook(self, first: int, _last: int, _module: Any, proc: Any, *_: Any) -> int:
        self.hooks[first] = windows._ON_EVENT(proc)
        return int(not self.refuses_hooks)

    def SetWindowLongPtrW(self, _window: int, _what: int, proc: Any) -> int:
        self.on_message = windows._ON_MESSAGE(proc)
        return 7

    def GetMessageW(self, *_: Any) -> int:
        job = self.todo.get()
        if job is not None:
            job()
        return int(job is not None)

    def PostThreadMessageW(self, *_: Any) -> int:
        self.todo.put(None)
        return 1

    def OpenClipboard(self, _window: Any) -> int:
        return int(not self.held)

    def RegisterClipboardFormatW(self, name: str) -> int:
        return 0xC000 + sum(name.encode())

    def IsClipboardFormatAvailable(self, kind: int) -> int:
        return int(any(self.RegisterClipboardFormatW(name.replace("_", " ")) == kind for name in self.clipboard))

    def GetClipboardData(self, kind: int) -> int:
        self.slow.wait(2)
        for name, data in self.clipboard.items():
            if name == str(kind) or self.RegisterClipboardFormatW(name.replace("_", " ")) == kind:
                buffer = ctypes.create_string_buffer(data, len(data))
                self.memory[ctypes.addressof(buffer)] = buffer
                return ctypes.addressof(buffer)
        return 0

    def GlobalLock(self, handle: int) -> int:
        return handle

    def GlobalSize(self, handle: int) -> int:
        return len(self.memory[handle])


class GoneError(Exception):
    """What the fake of COM raises."""


def control(
    kind: int, name: str = "", *, id: str = "", password: bool = False, value: str = "", inside: Any = None
) -> Any:
    return SimpleNamespace(
        CurrentControlType=kind, CurrentName=name, CurrentAutomationId=id, CurrentIsPassword=password, parent=inside,
        GetCurrentPropertyValue=lambda _property: value,
    )  # fmt: skip


class FakeAutomation:
    def __init__(self) -> None:
        self.found: Any = None
        self.waits = 0.0
        self.ControlViewWalker = SimpleNamespace(GetParentElement=lambda element: element.parent)

    def ElementFromPoint(self, _point: Any) -> Any:
        time.sleep(self.waits)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def GetFocusedElement(self) -> Any:
        return self.ElementFromPoint(None)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> FakeWindows:
    fake = FakeWindows()
    monkeypatch.setattr(windows, "_DLL", fake.library)
    return fake


@pytest.fixture
def automation(monkeypatch: pytest.MonkeyPatch) -> FakeAutomation:
    fake = FakeAutomation()
    monkeypatch.setattr(windows, "_automation", lambda _milliseconds: (fake, GoneError))
    return fake


@pytest.fixture
def desktop(system: FakeWindows, automation: FakeAutomation, signals: Signals) -> Iterator[windows.Desktop]:
    desktop = windows.Desktop(signals.queue.put, elements=True, addresses=True)
    desktop.start()
    yield desktop
    system.slow.set()
    desktop.stop()
    for thread in desktop._threads:
        thread.join(2)


def test_both_files_are_imported_on_linux_without_their_packages() -> None:
    code = (
        "import sys, taskkit_capture.sources.windows, taskkit_capture.sources.macos; "
        "print({'comtypes', 'objc', 'Quartz', 'psutil', 'pynput', 'Xlib', 'polars'} & {*sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_windows_tells_the_window_in_front_first(desktop: windows.Desktop, signals: Signals) -> None:
    assert signals.queue.get(timeout=3)[1:] == ("window", Window(OUTLOOK, "outlook", "Inbox", (10, 20, 100, 50)))


def test_windows_tells_another_window(desktop: windows.Desktop, system: FakeWindows, signals: Signals) -> None:
    signals.next("window")
    system.switch(REGEDIT)
    assert signals.next("window")[:3] == (REGEDIT, "regedit", "Registry Editor")


def test_windows_tells_a_changed_title(desktop: windows.Desktop, system: FakeWindows, signals: Signals) -> None:
    signals.next("window")
    system.titles[OUTLOOK] = "Calendar"
    system.fire(NAME_CHANGE, OUTLOOK)
    assert signals.next("window").title == "Calendar"


def test_windows_ignores_names_of_other_things(desktop: windows.Desktop, system: FakeWindows, signals: Signals) -> None:
    signals.next("window")
    system.titles[OUTLOOK] = "Calendar"
    system.fire(NAME_CHANGE, REGEDIT)
    system.fire(NAME_CHANGE, OUTLOOK, kind=-4)
    assert signals.none("window")


def test_windows_names_a_store_app_by_the_window_inside(
    desktop: windows.Desktop, system: FakeWindows, signals: Signals
) -> None:
    signals.next("window")
    system.switch(FRAME)
    assert signals.next("window")[:3] == (FRAME, "calculatorapp", "Calculator")


def test_windows_does_not_name_a_process_that_is_gone(
    desktop: windows.Desktop, system: FakeWindows, signals: Signals
) -> None:
    signals.next("window")
    system.titles[77] = "Gone"
    system.switch(77)
    assert signals.next("window")[:3] == (77, None, "Gone")


def test_windows_takes_the_shell_for_the_desktop(
    desktop: windows.Desktop, system: FakeWindows, signals: Signals
) -> None:
    signals.next("window")
    system.switch(99)
    assert signals.next("window") is None


@pytest.mark.parametrize("why", ["elevated", "denied"])
def test_windows_is_blind_before_administrator_rights(
    desktop: windows.Desktop, system: FakeWindows, signals: Signals, why: str
) -> None:
    signals.next("window")
    getattr(system, why).add(REGEDIT)
    system.switch(REGEDIT)
    assert signals.next("window") == windows.ELEVATED


def test_windows_sees_elevated_programs_with_their_rights(system: FakeWindows, signals: Signals) -> None:
    system.denied = {os.getpid(), REGEDIT}
    desktop = windows.Desktop(signals.queue.put, elements=False, addresses=False)
    system.front = REGEDIT
    assert desktop._front() == Window(REGEDIT, "regedit", "Registry Editor", (10, 20, 100, 50))


def test_windows_is_blind_before_the_secure_desktop(
    desktop: windows.Desktop, system: FakeWindows, signals: Signals
) -> None:
    signals.next("window")
    system.visible = False
    system.fire(DESKTOP_SWITCH, 0)
    assert signals.next("window") == windows.SECURE
    system.visible = True
    system.fire(DESKTOP_SWITCH, 0)
    assert signals.next("window").app == "outlook"


def test_windows_tells_lock_and_unlock_and_the_window_after_it(
    desktop: windows.Desktop, system: FakeWindows, signals: Signals
) -> None:
    signals.next("window")
    system.send(SESSION_CHANGE, LOCK)
    assert signals.next("lock") is True
    system.send(SESSION_CHANGE, UNLOCK)
    assert signals.next("lock") is False
    assert signals.next("window").app == "outlook"


@pytest.mark.parametrize("title", ["Start - [InPrivate] - Microsoft Edge", "Mozilla Firefox Privater Modus"])
def test_windows_knows_private_windows_by_title(
    desktop: windows.Desktop, system: FakeWindows, signals: Signals, title: str
) -> None:
    assert not signals.next("window").private
    system.titles[REGEDIT] = title
    system.switch(REGEDIT)
    assert signals.next("window").private


def test_windows_finds_the_window_under_a_point(desktop: windows.Desktop) -> None:
    found = desktop.window_at(50, 50)
    assert found is not None
    assert (found.key, found.app) == (FRAME, "calculatorapp")
    assert desktop.window_at(600, 50) is None


def test_windows_tells_that_the_clipboard_changed(
    desktop: windows.Desktop, system: FakeWindows, signals: Signals
) -> None:
    system.send(CLIPBOARD_UPDATE)
    assert signals.next("clipboard") is None


def test_windows_reads_the_clipboard_to_its_limit(desktop: windows.Desktop, system: FakeWindows) -> None:
    system.copy("Größe 42 €")
    assert desktop.read_clipboard(deadline=3) == "Größe 42 €"
    assert desktop.read_clipboard(limit=10, deadline=3) == "Größe 42 €"
    assert desktop.read_clipboard(limit=9, deadline=3) is None


@pytest.mark.parametrize(
    "formats",
    [
        {"ExcludeClipboardContentFromMonitorProcessing": b"\1"},
        {"Clipboard_Viewer_Ignore": b"\1"},
        {"CanIncludeInClipboardHistory": b"\0\0\0\0"},
    ],
)
def test_windows_does_not_read_a_secret(
    desktop: windows.Desktop, system: FakeWindows, formats: dict[str, bytes]
) -> None:
    system.copy("hunter2", **formats)
    assert desktop.read_clipboard(deadline=3) is None


def test_windows_reads_what_may_be_kept(desktop: windows.Desktop, system: FakeWindows) -> None:
    system.copy("R-17", CanIncludeInClipboardHistory=b"\1\0\0\0")
    assert desktop.read_clipboard(deadline=3) == "R-17"


@pytest.mark.parametrize("how", ["held", "slow"])
def test_windows_waits_for_the_clipboard_no_longer_than_its_deadline(
    desktop: windows.Desktop, system: FakeWindows, how: str
) -> None:
    system.copy("R-17")
    if how == "held":
        system.held = True
    else:
        system.slow.clear()
    start = time.monotonic()
    assert desktop.read_clipboard(deadline=0.1) is None
    assert time.monotonic() - start < 0.4


def test_windows_describes_the_element_under_a_click(
    desktop: windows.Desktop, automation: FakeAutomation, signals: Signals
) -> None:
    page = control(DOCUMENT, value="https://erp.example/orders?id=7", inside=control(WINDOW, "Orders - Google Chrome"))
    frame = control(DOCUMENT, value="https://ads.example/", inside=page)
    automation.found = control(EDIT, "Order number", id="order", inside=frame)
    desktop.ask_element(5, 60, 40)
    expected = Element("edit", "Order number", "order", url="https://erp.example/orders?id=7")
    assert signals.next("element") == (5, expected)


def test_windows_takes_no_text_for_an_address(
    desktop: windows.Desktop, automation: FakeAutomation, signals: Signals
) -> None:
    automation.found = control(DOCUMENT, "Letter", value="Dear Ms Example, see https://a.example")
    desktop.ask_element(5, 60, 40)
    assert signals.next("element")[1].url is None


def test_windows_knows_a_private_window_by_its_accessible_name(
    desktop: windows.Desktop, automation: FakeAutomation, signals: Signals
) -> None:
    automation.found = control(EDIT, inside=control(WINDOW, "Shop - Google Chrome (Incognito)"))
    desktop.ask_element(5, 60, 40)
    assert signals.next("element")[1].private


def test_windows_names_nothing_of_a_password_field(
    desktop: windows.Desktop, system: FakeWindows, automation: FakeAutomation, signals: Signals
) -> None:
    automation.found = control(EDIT, "Password of Ada", id="pw", password=True)
    system.fire(FOCUS, OUTLOOK, kind=-4)
    assert signals.next("focus") == Element("edit", secret=True)


def test_windows_says_that_the_focus_is_not_known(
    desktop: windows.Desktop, system: FakeWindows, automation: FakeAutomation, signals: Signals
) -> None:
    automation.found = GoneError()
    system.fire(FOCUS, OUTLOOK, kind=-4)
    assert signals.next("focus") is None


def test_windows_never_answers_late(
    desktop: windows.Desktop, automation: FakeAutomation, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "DEADLINE", 0.2)
    automation.found, automation.waits = control(EDIT, "Slow"), 0.5
    start = time.monotonic()
    desktop.ask_element(1, 60, 40)
    desktop.ask_element(2, 60, 40)
    assert time.monotonic() - start < 0.3  # asking does not wait
    time.sleep(0.7)
    automation.waits = 0.0
    desktop.ask_element(3, 60, 40)
    assert signals.next("element")[0] == 3


def test_windows_looks_up_nothing_that_was_not_asked_for(system: FakeWindows, signals: Signals) -> None:
    desktop = windows.Desktop(signals.queue.put, elements=False, addresses=False)
    desktop.start()
    signals.next("window")
    system.fire(FOCUS, OUTLOOK)
    desktop.ask_element(1, 60, 40)
    assert len(desktop._threads) == 1
    assert signals.none("focus")
    assert desktop._jobs.empty()
    desktop.stop()
    assert not desktop.alive()


def test_windows_gives_its_deadline_to_ui_automation(monkeypatch: pytest.MonkeyPatch) -> None:
    created = SimpleNamespace()
    interface = SimpleNamespace(CUIAutomation8="class", IUIAutomation2="interface")
    client = ModuleType("comtypes.client")
    client.GetModule = lambda name: interface  # type: ignore[attr-defined]
    client.CreateObject = lambda made, interface: created  # type: ignore[attr-defined]
    comtypes = ModuleType("comtypes")
    comtypes.CoInitializeEx, comtypes.COMError = lambda flags: None, GoneError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "comtypes", comtypes)
    monkeypatch.setitem(sys.modules, "comtypes.client", client)
    monkeypatch.setattr(sys, "coinit_flags", 0, raising=False)
    assert windows._automation(500) == (created, GoneError)
    assert (created.ConnectionTimeout, created.TransactionTimeout) == (500, 500)


def test_windows_says_that_ui_automation_does_not_start(
    system: FakeWindows, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_milliseconds: int) -> Any:
        raise OSError("no such interface")

    monkeypatch.setattr(windows, "_automation", broken)
    desktop = windows.Desktop(signals.queue.put, elements=True, addresses=False)
    desktop.start()
    assert "UI Automation cannot be started: no such interface" in signals.next("trouble")
    desktop._threads[1].join(2)
    assert not desktop.alive()
    desktop.stop()


def test_windows_says_that_hooks_were_refused(system: FakeWindows, signals: Signals) -> None:
    system.refuses_hooks = True
    desktop = windows.Desktop(signals.queue.put, elements=False, addresses=False)
    desktop.start()
    assert signals.next("trouble").startswith("Windows refused")
    desktop.stop()


def test_windows_says_that_a_callback_failed(desktop: windows.Desktop, system: FakeWindows, signals: Signals) -> None:
    signals.next("window")
    system.titles[BROKEN] = ""
    system.switch(BROKEN)
    assert "cannot be followed: no such thing" in signals.next("trouble")


def test_windows_stops_within_a_second(desktop: windows.Desktop, signals: Signals) -> None:
    signals.next("window")
    assert desktop.alive()
    start = time.monotonic()
    desktop.stop()
    assert time.monotonic() - start < 1
    assert not desktop.alive()


@pytest.mark.parametrize(
    ("change", "said"), [({"session": 0}, "session 0"), ({"visible": False}, "Unlock the computer"), ({}, None)]
)
def test_windows_refuses_with_the_cure(
    system: FakeWindows, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], said: str | None
) -> None:
    monkeypatch.setattr(windows.importlib.util, "find_spec", lambda name: name)
    for name, value in change.items():
        setattr(system, name, value)
    refused = windows.refusal()
    assert refused is None if said is None else said in (refused or "")


def test_windows_names_the_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows.importlib.util, "find_spec", lambda name: None if name == "comtypes" else name)
    assert windows.refusal() == 'The recorder needs comtypes: pip install "taskkit[capture]".'


# --------------------------------------------------------------------------------------------------------------- macOS
MAIL, SAFARI = 41, 42  # processes and windows of the fake
BOXES = {MAIL: (0, 0, 400, 300), SAFARI: (200, 100, 400, 300)}


class FakeMac:
    """As much of macOS as the recorder calls."""

    def __init__(self) -> None:
        self.order, self.titles = [MAIL, SAFARI], {MAIL: "Inbox", SAFARI: "Orders"}
        self.trusted, self.listens, self.secure, self.locked, self.console, self.session = True, True, 0, 0, 1, True
        self.focus: Any = None
        self.under: Any = None
        self.waits, self.asked = 0.0, 0
        self.timeouts: list[tuple[Any, float]] = []
        self.changes, self.kinds, self.text, self.behaviour = 3, ["public.utf8-plain-text"], "R-17", 0
        self.slow = threading.Event()
        self.slow.set()
        board = SimpleNamespace(
            changeCount=lambda: self.changes, types=lambda: self.kinds, stringForType_=self.read,
            accessBehavior=lambda: self.behaviour,
        )  # fmt: skip
        self.bridges = SimpleNamespace(
            ax=self,
            quartz=self,
            appkit=SimpleNamespace(NSPasteboard=SimpleNamespace(generalPasteboard=lambda: board)),
            pool=contextlib.nullcontext,
            secure_input=lambda: self.secure,
        )

    kCGWindowListOptionOnScreenOnly, kCGWindowListExcludeDesktopElements, kCGNullWindowID = 1, 16, 0

    def read(self, kind: str) -> str | None:
        self.slow.wait(2)
        return self.text if kind in self.kinds else None

    def AXIsProcessTrusted(self) -> bool:
        return self.trusted

    def CGPreflightListenEventAccess(self) -> bool:
        return self.listens

    def CGSessionCopyCurrentDictionary(self) -> dict[str, int] | None:
        known = {"CGSSessionScreenIsLocked": self.locked, "kCGSSessionOnConsoleKey": self.console}
        return known if self.session else None

    def CGWindowListCopyWindowInfo(self, options: int, _relative: int) -> list[dict[str, Any]]:
        assert options == 17
        dock = {"kCGWindowLayer": 20, "kCGWindowOwnerPID": 1, "kCGWindowNumber": 1}
        return [dock, *(self.listed(pid) for pid in self.order)]

    def listed(self, pid: int) -> dict[str, Any]:
        box = dict(zip(("X", "Y", "Width", "Height"), map(float, BOXES[pid]), strict=True))
        return {"kCGWindowLayer": 0, "kCGWindowOwnerPID": pid, "kCGWindowNumber": pid, "kCGWindowBounds": box}

    def AXUIElementCreateSystemWide(self) -> str:
        return "system"

    def AXUIElementSetMessagingTimeout(self, element: Any, seconds: float) -> int:
        self.timeouts.append((element, seconds))
        return 0

    def AXUIElementCreateApplication(self, pid: int) -> tuple[str, int]:
        return ("application", pid)

    def AXUIElementGetPid(self, element: tuple[str, int], _out: None) -> tuple[int, int]:
        return 0, element[1]

    def AXUIElementCopyElementAtPosition(self, _system: Any, _x: float, _y: float, _out: None) -> tuple[int, Any]:
        self.asked += 1
        time.sleep(self.waits)
        return (0, self.under) if self.under is not None else (-25212, None)

    def AXUIElementCopyAttributeValue(self, element: Any, attribute: str, _out: None) -> tuple[int, Any]:
        value = element.get(attribute) if isinstance(element, dict) else self.value(element, attribute)
        return (0, value) if value is not None else (-25212, None)

    def value(self, element: Any, attribute: str) -> Any:
        if element == "system" and attribute == "AXFocusedApplication":
            return ("application", self.order[0])
        if attribute == "AXFocusedWindow":
            return {"AXTitle": self.titles[element[1]]}
        return self.focus if attribute == "AXFocusedUIElement" else None


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> FakeMac:
    fake = FakeMac()
    monkeypatch.setattr(macos, "_load", lambda: fake.bridges)
    monkeypatch.setattr(macos, "POLL", 0.02)
    monkeypatch.setattr(macos.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setitem(NAMES, MAIL, "Mail")
    monkeypatch.setitem(NAMES, SAFARI, "Safari")
    return fake


@pytest.fixture
def screen(mac: FakeMac, signals: Signals) -> Iterator[macos.Desktop]:
    desktop = macos.Desktop(signals.queue.put, elements=True, addresses=True)
    desktop.start()
    yield desktop
    mac.slow.set()
    desktop.stop()
    desktop._thread.join(2)


def test_macos_tells_the_window_in_front_first(screen: macos.Desktop, signals: Signals) -> None:
    assert signals.queue.get(timeout=3)[1:] == ("window", Window(MAIL, "mail", "Inbox", (0, 0, 400, 300)))


def test_macos_tells_another_window(screen: macos.Desktop, mac: FakeMac, signals: Signals) -> None:
    signals.next("window")
    mac.order = [SAFARI, MAIL]
    assert signals.next("window") == Window(SAFARI, "safari", "Orders", (200, 100, 400, 300))


def test_macos_tells_a_changed_title(screen: macos.Desktop, mac: FakeMac, signals: Signals) -> None:
    signals.next("window")
    mac.titles[MAIL] = "Re: R-17"
    assert signals.next("window").title == "Re: R-17"


def test_macos_tells_a_window_once(screen: macos.Desktop, signals: Signals) -> None:
    signals.next("window")
    assert signals.none("window")


def test_macos_knows_a_private_window_by_its_accessible_title(
    screen: macos.Desktop, mac: FakeMac, signals: Signals
) -> None:
    assert not signals.next("window").private
    mac.titles[MAIL] = "Shop - Google Chrome (Incognito)"
    assert signals.next("window").private


def test_macos_is_blind_when_the_permission_is_taken_away(
    screen: macos.Desktop, mac: FakeMac, signals: Signals
) -> None:
    signals.next("window")
    mac.trusted = False
    assert signals.next("window") == macos.BLIND
    assert not screen.alive()


def test_macos_tells_lock_and_unlock_and_the_window_after_it(
    screen: macos.Desktop, mac: FakeMac, signals: Signals
) -> None:
    signals.next("window")
    mac.locked = 1
    assert signals.next("lock") is True
    assert signals.none("window")
    mac.locked = 0
    assert signals.next("lock") is False
    assert signals.next("window").app == "mail"


def test_macos_takes_another_persons_turn_for_a_lock(screen: macos.Desktop, mac: FakeMac, signals: Signals) -> None:
    mac.console = 0
    assert signals.next("lock") is True


def test_macos_finds_the_window_under_a_point(screen: macos.Desktop, mac: FakeMac, signals: Signals) -> None:
    signals.next("window")
    mac.under = {"AXRole": "AXButton", "AXWindow": {"AXTitle": "Orders"}}
    assert screen.window_at(250, 150) == Window(MAIL, "mail", "Inbox", (0, 0, 400, 300))
    assert screen.window_at(450, 350) == Window(SAFARI, "safari", "Orders", (200, 100, 400, 300))
    assert screen.window_at(900, 900) is None


def test_macos_tells_that_the_clipboard_changed(screen: macos.Desktop, mac: FakeMac, signals: Signals) -> None:
    signals.next("window")
    mac.changes += 1
    assert signals.next("clipboard") is None
    assert signals.none("clipboard")


def test_macos_reads_the_clipboard_to_its_limit(screen: macos.Desktop) -> None:
    assert screen.read_clipboard(deadline=3) == "R-17"
    assert screen.read_clipboard(limit=3, deadline=3) is None


@pytest.mark.parametrize("kind", ["org.nspasteboard.ConcealedType", "org.nspasteboard.TransientType"])
def test_macos_does_not_read_a_secret(screen: macos.Desktop, mac: FakeMac, kind: str) -> None:
    mac.kinds.append(kind)
    assert screen.read_clipboard(deadline=3) is None


@pytest.mark.parametrize(("behaviour", "read"), [(0, "R-17"), (1, None), (2, "R-17"), (3, None)])
def test_macos_does_not_make_the_system_ask_at_every_copy(
    screen: macos.Desktop, mac: FakeMac, behaviour: int, read: str | None
) -> None:
    mac.behaviour = behaviour
    assert screen.read_clipboard(deadline=3) == read


def test_macos_waits_for_the_clipboard_no_longer_than_its_deadline(screen: macos.Desktop, mac: FakeMac) -> None:
    mac.slow.clear()
    start = time.monotonic()
    assert screen.read_clipboard(deadline=0.1) is None
    assert time.monotonic() - start < 0.4


def test_macos_describes_the_element_under_a_click(screen: macos.Desktop, mac: FakeMac, signals: Signals) -> None:
    address = SimpleNamespace(absoluteString=lambda: "https://erp.example/orders")
    page = {"AXRole": "AXWebArea", "AXURL": address, "AXParent": {"AXRole": "AXWindow"}}
    mac.under = {"AXRole": "AXTextField", "AXTitle": "Order number", "AXIdentifier": "order", "AXParent": page}
    screen.ask_element(5, 60, 40)
    expected = Element("textfield", "Order number", "order", url="https://erp.example/orders")
    assert signals.next("element") == (5, expected)


def test_macos_names_nothing_of_a_password_field(screen: macos.Desktop, mac: FakeMac, signals: Signals) -> None:
    assert signals.next("focus") is None
    mac.focus = {"AXRole": "AXTextField", "AXSubrole": "AXSecureTextField", "AXTitle": "Password of Ada"}
    assert signals.next("focus") == Element("textfield", secret=True)


def test_macos_takes_secure_input_for_a_password(mac: FakeMac, signals: Signals) -> None:
    desktop = macos.Desktop(signals.queue.put, elements=False, addresses=False)
    desktop.start()
    signals.next("window")
    mac.secure = 1
    assert signals.next("focus") == Element(None, secret=True)
    mac.secure = 0
    assert signals.next("focus") is None
    desktop.stop()


def test_macos_never_answers_late(
    screen: macos.Desktop, mac: FakeMac, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(macos, "DEADLINE", 0.1)
    mac.under, mac.waits = {"AXRole": "AXButton"}, 0.5
    start = time.monotonic()
    screen.ask_element(1, 60, 40)
    screen.ask_element(2, 60, 40)
    assert time.monotonic() - start < 0.3  # asking does not wait
    time.sleep(0.7)
    mac.waits = 0.0
    screen.ask_element(3, 60, 40)
    assert signals.next("element") == (3, Element("button"))
    assert mac.asked == 2  # the second click was too old when its turn came


def test_macos_gives_its_deadline_to_the_whole_bridge(screen: macos.Desktop, mac: FakeMac) -> None:
    assert mac.timeouts == [("system", macos.DEADLINE)]


def test_macos_says_that_looking_failed(
    screen: macos.Desktop, mac: FakeMac, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals.next("window")
    monkeypatch.delitem(mac.titles, MAIL)
    assert "cannot be followed" in signals.next("trouble")
    screen._thread.join(2)
    assert not screen.alive()


def test_macos_stops_within_a_second(screen: macos.Desktop, signals: Signals) -> None:
    signals.next("window")
    assert screen.alive()
    start = time.monotonic()
    screen.stop()
    assert time.monotonic() - start < 1
    assert not screen.alive()


@pytest.mark.parametrize(
    ("change", "said"),
    [("trusted", '"Accessibility"'), ("listens", '"Input Monitoring"'), ("session", "remote shell"), ("", None)],
)
def test_macos_refuses_with_the_cure(mac: FakeMac, change: str, said: str | None) -> None:
    setattr(mac, change or "secure", False)
    refused = macos.refusal()
    assert refused is None if said is None else said in (refused or "")


def test_macos_names_the_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(macos.importlib.util, "find_spec", lambda name: None if name in ("Quartz", "AppKit") else name)
    assert macos.refusal() == 'The recorder needs Quartz and AppKit: pip install "taskkit[capture]".'
