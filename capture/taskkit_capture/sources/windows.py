"""Windows: windows, titles, lock and clipboard by ctypes, elements and addresses by UI Automation (comtypes).

Written against the documented interfaces and proven with fakes only: it has not run on a Windows desktop yet.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import queue
import re
import sys
import threading
import time
from ctypes import byref, wintypes
from types import SimpleNamespace
from typing import Any

from taskkit_capture.sources import Element, Put, Signal, Window, now, page_address

DEADLINE = 0.5  # seconds for the look-up of an element
SECURE = "The lock screen or a question of the system is in front: Windows shows it to no other program."
ELEVATED = "A program with administrator rights is in front: Windows hides its input from programs without them."

_FOREGROUND, _DESKTOP_SWITCH, _FOCUS, _NAME_CHANGE = 0x0003, 0x0020, 0x8005, 0x800C
_CLIPBOARD_UPDATE, _SESSION_CHANGE, _QUIT = 0x031D, 0x02B1, 0x0012
_LOCKED, _UNLOCKED = 0x7, 0x8
_UNICODE_TEXT, _DOCUMENT, _WINDOW, _PANE, _VALUE = 13, 50030, 50032, 50033, 30045
_SECRET = ("ExcludeClipboardContentFromMonitorProcessing", "Clipboard Viewer Ignore")  # there = a secret
_MAY_BE_KEPT = "CanIncludeInClipboardHistory"  # 0 = a secret
# control types in the order of their numbers, from 50000
_ROLES = """button calendar checkbox combobox edit hyperlink image listitem list menu menubar menuitem progressbar
radiobutton scrollbar slider spinner statusbar tab tabitem statictext toolbar tooltip tree treeitem custom group thumb datagrid
dataitem document splitbutton window pane header headeritem table titlebar separator semanticzoom appbar"""
# what the browsers add to a private window's title (Chrome and its kin: only to its accessible name)
_PRIVATE = re.compile(
    r"(?i)[(\[](in )?(incognito|inkognito|incógnito|navigation privée|anônim[ao])[)\]]|\binprivate\b|private browsing"
    r"|privater modus|navigation privée|navegación privada|navegação privada|navigazione anonima|privénavigatie"
)
_ADDRESS = re.compile(r"[a-z][a-z+.-]{1,20}://\S{1,4000}")  # elsewhere a document's value is its text
# library, then functions with the types of result and arguments: p pointer or handle, i int, n its size is a pointer's,
# w text, o point
_FUNCTIONS = """
user32 GetForegroundWindow:p GetShellWindow:p GetWindowTextW:ippi GetWindowRect:ipp GetWindowThreadProcessId:ipp
user32 FindWindowExW:pppww WindowFromPoint:po GetAncestor:ppi OpenInputDesktop:piii CloseDesktop:ip
user32 SetProcessDpiAwarenessContext:ip SetWinEventHook:piippiii CreateWindowExW:piwwiiiiipppp DestroyWindow:ip
user32 SetWindowLongPtrW:ppip CallWindowProcW:nppinn GetMessageW:ippii DispatchMessageW:np PostThreadMessageW:iiinn
user32 AddClipboardFormatListener:ip OpenClipboard:ip CloseClipboard:i RegisterClipboardFormatW:iw
user32 IsClipboardFormatAvailable:ii GetClipboardData:pi
kernel32 OpenProcess:piii CloseHandle:ip GlobalLock:pp GlobalUnlock:ip GlobalSize:np ProcessIdToSessionId:iip
advapi32 OpenProcessToken:ipip GetTokenInformation:ipipip
wtsapi32 WTSRegisterSessionNotification:ipi WTSUnRegisterSessionNotification:ip
"""
_TYPES: dict[str, Any] = {"p": ctypes.c_void_p, "i": ctypes.c_int, "n": ctypes.c_ssize_t, "w": ctypes.c_wchar_p}
_TYPES["o"] = wintypes.POINT
_DLL: Any = getattr(ctypes, "WinDLL", None)  # ctypes has them on Windows only
_CALLBACK: Any = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)
_ON_EVENT = _CALLBACK(None, *(_TYPES[t] for t in "pipiiii"))
_ON_MESSAGE = _CALLBACK(*(_TYPES[t] for t in "npinn"))


def refusal() -> str | None:
    """Why nothing can be recorded here, and the cure; None if it can."""
    missing = [name for name in ("pynput", "psutil", "comtypes") if importlib.util.find_spec(name) is None]
    if missing:
        return f'The recorder needs {" and ".join(missing)}: pip install "taskkit[capture]".'
    api, session = _load(), wintypes.DWORD()
    if api.ProcessIdToSessionId(os.getpid(), byref(session)) and session.value == 0:
        return "This is session 0, where services run: it has no desktop. Start the recorder as the person who is to be recorded."
    if not _sees_desktop(api):
        return (
            f"The desktop cannot be seen. {SECURE} Unlock the computer and start the recorder from the desktop itself."
        )
    return None


class Desktop:
    """Windows, clipboard, lock and elements of a Windows desktop; see `DesktopSource`."""

    def __init__(self, put: Put, *, elements: bool, addresses: bool) -> None:
        self._put, self._elements, self._addresses, self._api = put, elements, addresses, _load()
        self._elevated = _is_elevated(self._api, os.getpid())
        self._seen: Window | str | int | None = 0  # nothing yet
        self._threads = [threading.Thread(target=self._watch, name="windows", daemon=True)]
        if elements or addresses:
            self._threads.append(threading.Thread(target=self._look_up, name="elements", daemon=True))
        self._ready = threading.Event()
        self._jobs: queue.SimpleQueue[tuple[float, int | None, int, int] | None] = queue.SimpleQueue()
        self._focus: object = None

    def start(self) -> None:
        """Watch from threads of its own; the window in front comes first."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop watching; a look-up that hangs is left behind."""
        self._ready.wait(0.2)
        self._jobs.put(None)
        self._api.PostThreadMessageW(self._threads[0].native_id or 0, _QUIT, 0, 0)
        self._threads[0].join(0.7)

    def missing(self) -> str | None:
        """What it cannot see here: nothing that is known before it happens."""
        return None

    def alive(self) -> bool:
        """Whether it still can see."""
        return all(thread.is_alive() for thread in self._threads)

    def window_at(self, x: int, y: int) -> Window | None:
        """The top-level window under a point of the screen."""
        handle = self._api.GetAncestor(self._api.WindowFromPoint(wintypes.POINT(x, y)), 2)  # GA_ROOT
        return self._window(handle)[1] if handle and handle != self._api.GetShellWindow() else None

    def read_clipboard(self, *, limit: int = 1_000_000, deadline: float = 0.3) -> str | None:
        """The clipboard's text, or None: no text, too long, a secret, not in time."""
        reply: queue.SimpleQueue[str | None] = queue.SimpleQueue()

        def read() -> None:  # in a thread: the clipboard's owner may render the text only now, and hang
            reply.put(_clipboard_text(self._api, limit, now() + deadline))

        threading.Thread(target=read, name="clipboard", daemon=True).start()
        try:
            return reply.get(timeout=deadline)
        except queue.Empty:
            return None

    def ask_element(self, ticket: int, x: int, y: int) -> None:
        """Look up the element under a point."""
        if self._elements or self._addresses:
            self._jobs.put((now(), ticket, x, y))

    # ----------------------------------------------------------------------------------------------------- windows
    def _watch(self) -> None:
        """Thread: hooks, a window that only takes messages, and the loop that serves both."""
        api, on_event, on_message = self._api, _ON_EVENT(self._on_event), _ON_MESSAGE(self._on_message)
        api.SetProcessDpiAwarenessContext(-4)  # per monitor, version 2: the pixels that the mouse is told in
        window = api.CreateWindowExW(0, "Static", None, 0, 0, 0, 0, 0, -3, None, None, None)  # HWND_MESSAGE
        self._next = api.SetWindowLongPtrW(window, -4, on_message)  # GWLP_WNDPROC
        told = [api.AddClipboardFormatListener(window), api.WTSRegisterSessionNotification(window, 0)]
        for event in (_FOREGROUND, _DESKTOP_SWITCH, _NAME_CHANGE, _FOCUS):
            told.append(api.SetWinEventHook(event, event, None, on_event, 0, 0, 0))  # ends with its thread
        self._ready.set()
        if not all(told):
            self._put(Signal(now(), "trouble", "Windows refused to tell of windows, the clipboard or the lock screen."))
        self._on_event(None, _FOREGROUND, None, 0, 0, 0, 0)
        message = wintypes.MSG()
        while api.GetMessageW(byref(message), None, 0, 0) > 0:
            api.DispatchMessageW(byref(message))
        api.WTSUnRegisterSessionNotification(window)
        api.DestroyWindow(window)

    def _on_event(self, _hook: Any, event: int, window: Any, kind: int, child: int, _thread: int, _time: int) -> None:
        try:
            if event == _FOCUS:
                if self._elements or self._addresses:
                    self._focus = job = (now(), None, 0, 0)
                    self._jobs.put(job)
            elif event != _NAME_CHANGE or (kind == child == 0 and window == getattr(self._seen, "key", None)):
                seen = self._front()
                if seen != self._seen:
                    self._seen = seen
                    self._put(Signal(now(), "window", seen))
        except Exception as error:  # noqa: BLE001 (a callback of the system: it reports)
            self._put(Signal(now(), "trouble", f"The windows cannot be followed: {error}."))

    def _on_message(self, window: Any, message: int, word: int, long: int) -> int:
        if message == _CLIPBOARD_UPDATE:
            self._put(Signal(now(), "clipboard"))
        elif message == _SESSION_CHANGE and word in (_LOCKED, _UNLOCKED):
            self._put(Signal(now(), "lock", word == _LOCKED))
            self._seen = 0  # what is in front afterwards is said again
            if word == _UNLOCKED:
                self._on_event(None, _FOREGROUND, None, 0, 0, 0, 0)
        return int(self._api.CallWindowProcW(self._next, window, message, word, long))

    def _front(self) -> Window | str | None:
        if not _sees_desktop(self._api):
            return SECURE
        handle = self._api.GetForegroundWindow()
        if not handle or handle == self._api.GetShellWindow():
            return None
        pid, window = self._window(handle)
        return ELEVATED if pid and not self._elevated and _is_elevated(self._api, pid) else window

    def _window(self, handle: int) -> tuple[int, Window]:
        pid, box, title = self._pid(handle), wintypes.RECT(), ctypes.create_unicode_buffer(512)
        app = _app(pid)
        if app == "applicationframehost":  # the frame of a store app: the app itself is a window in it
            inner = self._api.FindWindowExW(handle, None, "Windows.UI.Core.CoreWindow", None)
            app = _app(self._pid(inner)) if inner else app
        self._api.GetWindowTextW(handle, title, len(title))
        self._api.GetWindowRect(handle, byref(box))
        place = (box.left, box.top, box.right - box.left, box.bottom - box.top)
        return pid, Window(handle, app, title.value or None, place, bool(_PRIVATE.search(title.value)))

    def _pid(self, handle: int) -> int:
        pid = wintypes.DWORD()
        self._api.GetWindowThreadProcessId(handle, byref(pid))
        return pid.value

    # ---------------------------------------------------------------------------------------------------- elements
    def _look_up(self) -> None:
        """Thread: asks UI Automation, one element after the other; a program that hangs delays nothing else."""
        try:
            automation, refused = _automation(int(DEADLINE * 1000))
        except Exception as error:  # noqa: BLE001 (whatever COM raises; without it no password field is known)
            self._put(Signal(now(), "trouble", f"UI Automation cannot be started: {error}."))
            return
        while (job := self._jobs.get()) is not None:
            asked, ticket, x, y = job
            if (job is not self._focus) if ticket is None else (now() - asked > DEADLINE):
                continue  # a later focus waits, or nobody waits any more
            try:
                point = wintypes.POINT(x, y)
                found = automation.GetFocusedElement() if ticket is None else automation.ElementFromPoint(point)
                element = self._describe(automation, found) if found else None
            except (refused, OSError, ValueError):  # the element is gone, or its program does not answer
                element = None
            if ticket is None:
                self._put(Signal(now(), "focus", element))  # also late: it may be a password field
            elif now() - asked <= DEADLINE:
                self._put(Signal(now(), "element", (ticket, element)))

    def _describe(self, automation: Any, found: Any) -> Element:
        secret, number, roles = bool(found.CurrentIsPassword), found.CurrentControlType - 50000, _ROLES.split()
        role = roles[number] if self._elements and 0 <= number < len(roles) else None
        named = self._elements and not secret
        name, id = (found.CurrentName or None, found.CurrentAutomationId or None) if named else (None, None)
        url, private, until = None, False, now() + DEADLINE
        while found and now() < until:
            kind = found.CurrentControlType
            if self._addresses and kind == _DOCUMENT:  # the outermost document wins: the others are frames in it
                value = str(found.GetCurrentPropertyValue(_VALUE) or "")
                url = value if _ADDRESS.fullmatch(value) else url
            private = private or (kind in (_WINDOW, _PANE) and bool(_PRIVATE.search(found.CurrentName or "")))
            found = automation.ControlViewWalker.GetParentElement(found)
        return Element(role, name, id, secret, page_address(url), private)


def _load() -> SimpleNamespace:
    """The system's functions with their types: without them ctypes would cut 64-bit handles."""
    api = SimpleNamespace()
    for library, *functions in (line.split() for line in _FUNCTIONS.strip().splitlines()):
        dll = _DLL(library)
        for name, types in (function.split(":") for function in functions):
            function = getattr(dll, name)
            function.restype, *function.argtypes = [_TYPES[letter] for letter in types]
            setattr(api, name, function)
    return api


def _automation(milliseconds: int) -> tuple[Any, type[Exception]]:
    """UI Automation with its own deadlines (Windows 8 and later), and the error that it raises."""
    vars(sys).setdefault("coinit_flags", 0)  # read by comtypes: this thread is of the multithreaded apartment
    comtypes, client = importlib.import_module("comtypes"), importlib.import_module("comtypes.client")
    comtypes.CoInitializeEx(0)
    types = client.GetModule("UIAutomationCore.dll")
    automation = client.CreateObject(types.CUIAutomation8, interface=types.IUIAutomation2)
    automation.ConnectionTimeout = automation.TransactionTimeout = milliseconds
    return automation, comtypes.COMError


def _app(pid: int) -> str | None:
    import psutil

    try:
        return str(psutil.Process(pid).name()).lower().removesuffix(".exe")
    except (psutil.Error, ValueError):
        return None


def _sees_desktop(api: Any) -> bool:
    desktop = api.OpenInputDesktop(0, 0, 1)  # DESKTOP_READOBJECTS
    return bool(desktop and api.CloseDesktop(desktop))


def _is_elevated(api: Any, pid: int) -> bool:
    """Whether a process has administrator rights; one that may not be asked has more rights than we."""
    process, token = api.OpenProcess(0x1000, 0, pid), ctypes.c_void_p()  # PROCESS_QUERY_LIMITED_INFORMATION
    elevated, size = wintypes.DWORD(), wintypes.DWORD()
    try:
        if not process or not api.OpenProcessToken(process, 8, byref(token)):  # TOKEN_QUERY
            return True
        return not api.GetTokenInformation(token, 20, byref(elevated), 4, byref(size)) or elevated.value != 0
    finally:
        for handle in (process, token.value):
            if handle:
                api.CloseHandle(handle)


def _clipboard_text(api: Any, limit: int, until: float) -> str | None:
    while not api.OpenClipboard(None):  # another program has it
        if now() > until:
            return None
        time.sleep(0.01)
    try:
        kept = api.RegisterClipboardFormatW(_MAY_BE_KEPT)
        secret = any(api.IsClipboardFormatAvailable(api.RegisterClipboardFormatW(name)) for name in _SECRET)
        if secret or (api.IsClipboardFormatAvailable(kept) and not any(_clipboard_bytes(api, kept, 4))):
            return None
        text = _clipboard_bytes(api, _UNICODE_TEXT, 2 * limit + 4).decode("utf-16-le", "replace").split("\0", 1)[0]
        return text if 0 < len(text) <= limit else None
    finally:
        api.CloseClipboard()


def _clipboard_bytes(api: Any, kind: int, most: int) -> bytes:
    handle = api.GetClipboardData(kind)
    start = api.GlobalLock(handle) if handle else None
    if not start:
        return b""
    try:
        return ctypes.string_at(start, min(api.GlobalSize(handle), most))
    finally:
        api.GlobalUnlock(handle)
