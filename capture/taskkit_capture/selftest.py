"""The proof, on the person's own machine, that what must not be recorded is nowhere on the disk."""

from __future__ import annotations

import io
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from taskkit.errors import TaskkitError
from taskkit.privacy import digest, make_key
from taskkit_capture.sources import refusal

DENIED = "taskkit denied window"
_FORM = f"""import sys, tkinter as tk
root = tk.Tk(className="selftest"); root.title("taskkit self-test"); root.geometry("420x160+40+40")
typed, copied, hidden = (tk.Entry(root, width=40) for _ in range(3))
for entry in (typed, copied, hidden): entry.pack()
copied.insert(0, sys.argv[1])
typed.bind("<Return>", lambda e: (copied.focus_force(), copied.select_range(0, "end")))
copied.bind("<Return>", lambda e: (root.title("{DENIED} " + sys.argv[2]), hidden.focus_force()))
hidden.bind("<Return>", lambda e: root.destroy())
root.after(200, typed.focus_force)
root.mainloop()
"""
_SETTINGS = f"""folder = "log"
key_file = "engagement.key"
purpose = "Self-test"
seen_by = "Nobody: it is deleted at the end"
keep_days = 1
typed_digests = true
[deny]
titles = ["{DENIED}*"]
"""


def self_test(*, tell: Callable[[str], None]) -> int:
    """Type, copy and hide canaries in a window of its own, record it, and look for them in every byte that was written.

    Returns 0 if all is as promised, 1 if not. What it writes is deleted.
    """
    why = refusal()
    if why is not None:
        raise TaskkitError(f"The self-test needs a desktop. {why}")
    with tempfile.TemporaryDirectory(prefix="taskkit-self-test-") as name:
        folder = Path(name)
        key = make_key(folder / "engagement.key")
        (folder / "capture.toml").write_text(_SETTINGS, encoding="utf-8")
        canaries = {kind: f"canary{kind}{secrets.token_hex(6)}" for kind in ("typed", "copied", "title", "hidden")}
        tell("A window opens and is typed in for some seconds: please do not touch keyboard and mouse.")
        cost = _play(folder, canaries)
        checks = _checks(folder, canaries, key)
        for said, right in checks:
            tell(f"{'ok    ' if right else 'FAILED'}  {said}")
        tell(cost)
        return 0 if all(right for _, right in checks) else 1


def _play(folder: Path, canaries: dict[str, str]) -> str:
    """Record the form while it is used; returns what the recorder cost."""
    import psutil

    bus = f"unix:path={os.environ.get('XDG_RUNTIME_DIR')}/bus"  # where the desktop's bus is, if nothing else says so
    env = {"DBUS_SESSION_BUS_ADDRESS": bus, **os.environ, "XDG_RUNTIME_DIR": str(folder)}  # a door of its own
    code = "import sys; from taskkit_capture.selftest import record; sys.exit(record(sys.argv[1]))"
    with (folder / "said").open("w") as said:
        recorder = subprocess.Popen([sys.executable, "-c", code, str(folder / "capture.toml")], env=env, stderr=said)
        try:
            process, began = psutil.Process(recorder.pid), time.monotonic()
            while "Recording (" not in (heard := (folder / "said").read_text()):
                if recorder.poll() is not None or time.monotonic() > began + 20:
                    raise TaskkitError(f"The recorder did not start: {heard.strip()}")
                time.sleep(0.1)
            before, began = process.cpu_times(), time.monotonic()
            _use_form(canaries)
            after, memory, took = process.cpu_times(), process.memory_info().rss, time.monotonic() - began
            stop = [sys.executable, "-m", "taskkit_capture", "stop"]
            subprocess.run(stop, env=env, check=True, stdout=subprocess.DEVNULL, timeout=30)
            recorder.wait(timeout=30)
        finally:
            recorder.kill()
            recorder.wait()
    used = after.user + after.system - before.user - before.system
    return f"Cost: {used / took:.1%} of a core while typing fast, {memory / 1e6:.0f} MB of memory."


def record(settings: str) -> int:
    """Record the self-test's own window: nobody is asked, since nobody works in it and the log is deleted."""
    from taskkit_capture.recording import Recording
    from taskkit_capture.settings import read_settings

    return Recording(read_settings(Path(settings)), tell=lambda text: print(text, file=sys.stderr, flush=True)).run()


def _use_form(canaries: dict[str, str]) -> None:
    press = _keyboard()
    form = subprocess.Popen([sys.executable, "-c", _FORM, canaries["copied"], canaries["title"]])
    try:
        time.sleep(2.5)
        if form.poll() is not None:
            raise TaskkitError("The window of the self-test did not open: is tkinter there (Debian: python3-tk)?")
        for keys in (canaries["typed"], [("cmd" if sys.platform == "darwin" else "ctrl", "c")], canaries["hidden"]):
            for key in keys:
                press(*key)
            time.sleep(0.8)  # for the clipboard
            press("enter")
            time.sleep(0.6)
        form.wait(timeout=5)
    except subprocess.TimeoutExpired:
        raise TaskkitError(
            "The window did not get what was typed: something else had the keyboard. Try again."
        ) from None
    finally:
        form.kill()
        form.wait()


def _keyboard() -> Callable[..., None]:
    """A function that presses keys together as a keyboard would. On X11 pynput sends letters past the server's record."""
    if sys.platform == "linux":
        from Xlib import XK, X, display
        from Xlib.ext import xtest

        shown = display.Display()
        symbols = {"ctrl": "Control_L", "enter": "Return"}

        def send(kind: str, name: str) -> None:
            code = shown.keysym_to_keycode(XK.string_to_keysym(symbols.get(name, name)))
            xtest.fake_input(shown, X.KeyPress if kind == "press" else X.KeyRelease, code)
            shown.sync()
    else:
        from pynput.keyboard import Controller, Key

        keyboard = Controller()

        def send(kind: str, name: str) -> None:
            getattr(keyboard, kind)(getattr(Key, name, name))

    def press(*names: str) -> None:
        for name in names:
            send("press", name)
        for name in reversed(names):
            send("release", name)
        time.sleep(0.03)

    return press


def _checks(folder: Path, canaries: dict[str, str], key: bytes) -> list[tuple[str, bool]]:
    """What was promised, and whether it is so."""
    (session,) = (folder / "log").glob("*.parquet")
    events = pl.read_parquet(session)
    plain = io.BytesIO()
    events.write_ipc(plain, compression="uncompressed")  # the file itself is compressed: look into it as well as at it
    written = [plain.getvalue(), str(pl.read_parquet_metadata(session)).encode()]
    written += [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    typed = events.filter(pl.col("event_type") == "text_input")["input_count"].to_list()
    size = session.stat().st_size / events.height
    names = {"typed": "typed text", "copied": "the copied value", "title": "the denied window's title",
             "hidden": "text typed in the denied window"}  # fmt: skip
    return [
        *((f"{said} is in no byte on the disk", not any(canaries[name].encode() in data for data in written))
          for name, said in names.items()),
        ("the typing itself is there, as a number of keys", len(canaries["typed"]) in typed),
        ("the copy is there, as a keyed digest", digest(canaries["copied"], key=key) in events["value_digest"].to_list()),
        ("the time in the denied window is there, as excluded", "excluded" in events["app"].to_list()),
        ("the session ended cleanly", events["event_type"].to_list()[-1] == "session_end"),
        (f"{events.height} events, {size:.0f} bytes each in this short session (longer ones compress better)", True),
    ]  # fmt: skip
