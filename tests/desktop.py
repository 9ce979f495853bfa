"""A throw-away desktop for the recorder's tests: a real X display with windows that xdotool works in.

A test file takes the fixture `desktop` by `from tests.desktop import desktop_fixture  # noqa: F401`; a test that wants one
desktop for a whole file writes `with Desktop() as desktop:` in a fixture of its own, after `need()`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import CHROMIUM_FLAGS

NEEDED = ("Xvfb", "openbox", "xdotool", "xprop", "dbus-daemon", "gdbus")
TK_FORM = """import tkinter as tk
root = tk.Tk(className="Bookings")
root.title("Invoice form")
root.geometry("420x220+60+60")
fields = {}
for name in ("Invoice", "Amount"):
    tk.Label(root, text=name).pack()
    fields[name] = tk.Entry(root)
    fields[name].pack()
tk.Button(root, text="Book", command=lambda: root.title("Booked " + fields["Invoice"].get())).pack()
fields["Invoice"].focus_force()
root.mainloop()
"""
WEB_FORM = """<!doctype html><title>Order form</title>
<style>body { margin: 20px } input, button, a { display: block; height: 30px; width: 300px }</style>
<label for="order">Order number</label><input id="order" autofocus>
<label for="secret">Password</label><input id="secret" type="password">
<button id="save" onclick="document.title = 'Order saved'">Save order</button>
<a id="help" href="#help">Help page</a>
"""


def need(*commands: str) -> None:
    """Skip the test where one of the programs is missing, and fail it in CI."""
    missing = [name for name in (*NEEDED, *commands) if shutil.which(name) is None]
    if missing:
        reason = f"no {', '.join(missing)} on this machine: .ci/run names the Debian packages of the desktop tests"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(name="desktop")
def desktop_fixture() -> Iterator[Desktop]:
    """A fresh desktop for one test."""
    need()
    with Desktop() as desktop:
        yield desktop


class Desktop:
    """Xvfb, a D-Bus session with AT-SPI switched on, and openbox; everything started in it ends with it.

    `env` is the environment that makes a program run in it, `server` its X server, `folder` its home folder: what the
    programs write goes there and is removed.
    """

    def __init__(self, size: str = "1280x900x24") -> None:
        self.size = size
        self._procs: list[subprocess.Popen[Any]] = []

    def __enter__(self) -> Desktop:
        # a short path: the sockets of D-Bus may have no more than 107 characters
        self._home = tempfile.TemporaryDirectory(prefix="desk", ignore_cleanup_errors=True)
        self.folder = Path(self._home.name)
        self.env = _environment(self.folder)
        try:
            self.server, number = self._start_and_hear("Xvfb", "-displayfd", "{fd}", "-screen", "0", self.size,
                                                       "-nolisten", "tcp", "-noreset")  # fmt: skip
            self.env["DISPLAY"] = f":{number}"
            _, address = self._start_and_hear("dbus-daemon", "--session", "--nofork", "--print-address={fd}")
            self.env["DBUS_SESSION_BUS_ADDRESS"] = address
            self._switch_on_accessibility()
            self.start("openbox")
            wait_for(lambda: "window id" in self.run("xprop", "-root", "_NET_SUPPORTING_WM_CHECK"), "a window manager")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # what D-Bus started is known by its home only; Chromium's processes write over their environment
        ours = {process for process in psutil.process_iter(["environ"]) if self._has_our_home(process)}
        for started in self._procs:
            with suppress(psutil.NoSuchProcess):
                ours.update(psutil.Process(started.pid).children(recursive=True))
        for process in [*reversed(self._procs), *ours]:
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.terminate()
        with suppress(TimeoutError):
            wait_for(lambda: not any(map(_runs, ours)) and not any(p.poll() is None for p in self._procs), "the end", 5)
        for process in [*(p for p in self._procs if p.poll() is None), *filter(_runs, ours)]:
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.kill()
        for started in self._procs:
            started.wait(60)  # a killed browser may take its time: the kernel first takes back what it held
        self._home.cleanup()

    def start(self, *command: object, **settings: Any) -> subprocess.Popen[Any]:
        """Start a program in this desktop; what it prints is dropped unless `settings` of Popen say otherwise."""
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        settings = quiet | {"env": self.env, "cwd": self.folder, "start_new_session": True} | settings
        process = subprocess.Popen([str(word) for word in command], **settings)
        self._procs.append(process)
        return process

    def run(self, *command: object, check: bool = False, timeout: float = 20.0) -> str:
        """Run a program in this desktop to its end and return what it printed."""
        words = [str(word) for word in command]
        return subprocess.run(words, env=self.env, check=check, capture_output=True, text=True, timeout=timeout).stdout

    def xdo(self, *args: object) -> str:
        """Let xdotool do something: `xdo("type", "abc")`, `xdo("key", "ctrl+c")`, `xdo("mousemove", 10, 20, "click", 1)`."""
        return self.run("xdotool", *args, check=True)

    def wait_window(self, name: str, timeout: float = 20.0) -> int:
        """Wait for a visible window whose title matches, and return its number."""

        def search() -> str:
            return self.run("xdotool", "search", "--onlyvisible", "--name", name)

        return int(wait_for(search, f"a window named {name!r}", timeout).split()[-1])

    def focus(self, name: str) -> int:
        """Bring the window whose title matches to the front, and return its number."""
        window = self.wait_window(name)

        def in_front() -> bool:
            self.run("xdotool", "windowactivate", window)  # again and again: a window that is just opening may miss one
            return self.run("xdotool", "getactivewindow").strip() == str(window)

        wait_for(in_front, f"{name!r} in front")
        return window

    def click_in(self, name: str, x: int, y: int, button: int = 1) -> None:
        """Click at a place inside the window whose title matches, pixels from its upper left corner."""
        self.xdo("mousemove", "--window", self.wait_window(name), x, y, "click", button)

    def _start_and_hear(self, *command: str) -> tuple[subprocess.Popen[Any], str]:
        """Start a server that tells one line through a pipe when it is ready."""
        read, write = os.pipe()
        with os.fdopen(read) as heard:
            process = self.start(*(word.replace("{fd}", str(write)) for word in command), pass_fds=[write])
            os.close(write)
            line = heard.readline().strip()  # up to the newline: Xvfb writes it by itself, and dies if nobody reads it
        if not line:
            raise RuntimeError(f"{command[0]} did not start")
        return process, line

    def _switch_on_accessibility(self) -> None:
        for name in ("IsEnabled", "ScreenReaderEnabled"):
            self.run("gdbus", "call", "--session", "--dest", "org.a11y.Bus", "--object-path", "/org/a11y/bus", "--method",
                     "org.freedesktop.DBus.Properties.Set", "org.a11y.Status", name, "<true>")  # fmt: skip

    def _has_our_home(self, process: psutil.Process) -> bool:
        return (process.info["environ"] or {}).get("HOME") == str(self.folder)


def _runs(process: psutil.Process) -> bool:
    # init may take seconds to bury a program that has ended
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def wait_for(ready: Callable[[], Any], what: str, timeout: float = 20.0) -> Any:
    """Ask until the answer is true, and return it."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        answer = ready()
        if answer:
            return answer
        time.sleep(0.05)
    raise TimeoutError(f"waited {timeout:g} s for {what}")


def open_terminal(desktop: Desktop, title: str = "Terminal one", command: str = "cat > typed.txt") -> int:
    """An xterm; without a command of its own, what is typed into it ends line by line in `folder / "typed.txt"`."""
    need("xterm")
    desktop.start("xterm", "-T", title, "-geometry", "80x20+500+40", "-e", "sh", "-c", command)
    return desktop.focus(title)


def open_form(desktop: Desktop) -> int:
    """A Tk form, "Invoice form", with the cursor in its first entry; its button makes the title "Booked …"."""
    desktop.start(sys.executable, "-c", TK_FORM)
    return desktop.focus("Invoice form")


def open_dialog(desktop: Desktop, *options: str, title: str = "Dialog") -> int:
    """A GTK window of zenity: `open_dialog(desktop, "--password")`, `open_dialog(desktop, "--forms", "--add-entry=City")`."""
    need("zenity")
    desktop.start("zenity", f"--title={title}", *options)
    return desktop.focus(title)


def open_chromium(desktop: Desktop, *options: str, page: str = WEB_FORM, title: str = "Order form") -> int:
    """Chromium with one page from a file, `folder / "page.html"`, and its accessibility tree."""
    need("chromium")
    file = desktop.folder / "page.html"
    file.write_text(page, encoding="utf-8")
    flags = [*CHROMIUM_FLAGS, "--force-renderer-accessibility", "--no-sandbox", "--no-default-browser-check",
             "--disable-breakpad", "--disable-crash-reporter",
             "--password-store=basic", "--window-position=100,100", "--window-size=900,600",
             f"--user-data-dir={desktop.folder / 'chromium'}"]  # fmt: skip
    desktop.start("chromium", *flags, *options, file.as_uri())
    return desktop.focus(title)


def _environment(home: Path) -> dict[str, str]:
    """This process's environment without its own desktop, and with every folder for files below `home`."""
    left_out = ("WAYLAND_DISPLAY", "XAUTHORITY", "SESSION_MANAGER", "XDG_SESSION_ID", "AT_SPI_BUS_ADDRESS")
    env = {name: value for name, value in os.environ.items() if name not in left_out}
    for name in ("CONFIG", "CACHE", "DATA", "STATE"):
        env[f"XDG_{name}_HOME"] = str(home / name.lower())
    runtime = home / "run"
    runtime.mkdir(mode=0o700)
    more = {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "XDG_SESSION_TYPE": "x11", "TMPDIR": str(home),
            "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "GSETTINGS_BACKEND": "memory", "GTK_MODULES": "gail:atk-bridge",
            "QT_ACCESSIBILITY": "1", "NO_AT_BRIDGE": "0", "ACCESSIBILITY_ENABLED": "1"}  # fmt: skip
    return env | more
