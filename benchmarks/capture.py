"""What the recorder costs: processor, memory, bytes an event; and whether it keeps up.

uv run python benchmarks/capture.py [--seconds 60]

Needs the programs of the desktop tests (Xvfb, openbox, xdotool, dbus, xterm, chromium). Everything runs on a display of its own
with accessibility switched on. At human rates a person works in three windows: about 3 inputs a second and a mouse
that moves for half of the time, 60 times a second. The same work twenty times as fast gives the size of the log.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.desktop import Desktop, open_chromium, open_form, open_terminal
from tests.recorder import Recorder

WORK = """import random, subprocess, sys, time
from Xlib import X, display
from Xlib.ext import xtest
seconds, speed = float(sys.argv[1]), float(sys.argv[2])
windows = sys.argv[3:]
luck, shown = random.Random(1), display.Display()
letters = [shown.keysym_to_keycode(ord(c)) for c in "abcdefgh12345"]
tab, ctrl, c, v = (shown.keysym_to_keycode(k) for k in (0xff09, 0xffe3, ord("c"), ord("v")))
def tap(*codes):
    for code in codes: xtest.fake_input(shown, X.KeyPress, code)
    for code in reversed(codes): xtest.fake_input(shown, X.KeyRelease, code)
    shown.sync()
def rest(s): time.sleep(s / speed)
end = time.time() + seconds
while time.time() < end:
    subprocess.run(["xdotool", "windowactivate", luck.choice(windows)], check=False)
    rest(1.5)
    for _ in range(3):
        x, y = luck.randrange(200, 700), luck.randrange(150, 500)
        for step in range(max(2, int(90 / speed))):
            xtest.fake_input(shown, X.MotionNotify, x=x + step, y=y); shown.sync(); time.sleep(1 / 60)
        xtest.fake_input(shown, X.ButtonPress, 1); xtest.fake_input(shown, X.ButtonRelease, 1); shown.sync()
        rest(0.8)
        for _ in range(luck.randrange(3, 14)): tap(luck.choice(letters)); rest(0.18)
        tap(tab); rest(0.5)
    tap(ctrl, c); rest(1.0); tap(ctrl, v); rest(0.5)
    for _ in range(5): xtest.fake_input(shown, X.ButtonPress, 5); xtest.fake_input(shown, X.ButtonRelease, 5); shown.sync()
    rest(2.5)
"""


def main() -> None:
    """Print one line for each rate."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    seconds = parser.parse_args().seconds
    print(
        "| rate | inputs a second | rows | CPU, % of a core | CPU an input, µs | memory, MB | most, MB | bytes a row |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for speed in (1, 20):  # 20: to see the size of a longer log
        with Desktop() as desktop, tempfile.TemporaryDirectory() as folder:
            _line(desktop, Path(folder), seconds, speed)


def _line(desktop: Desktop, folder: Path, seconds: float, speed: int) -> None:
    windows = [open_terminal(desktop), open_form(desktop), open_chromium(desktop)]
    recorder = Recorder(desktop, folder / "r")
    process = psutil.Process(recorder.process.pid)
    time.sleep(2)
    before, began = process.cpu_times(), time.perf_counter()
    desktop.run(sys.executable, "-c", WORK, seconds, speed, *windows, timeout=seconds + 60)
    after, took, memory = process.cpu_times(), time.perf_counter() - began, process.memory_info().rss
    used = after.user + after.system - before.user - before.system
    most = (
        int(
            next(
                line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmHWM" in line
            ).split()[1]
        )
        * 1024
    )
    events = recorder.stop()
    inputs = int(events["input_count"].sum())
    (whole,) = recorder.log.glob("*.parquet")
    size = whole.stat().st_size / pl.scan_parquet(whole).select(pl.len()).collect().item()
    print(f"| {'human' if speed == 1 else f'{speed} × human'} | {inputs / took:.1f} | {events.height:,} | {used / took:.2%} | "
          f"{used / inputs * 1e6:,.0f} | {memory / 1e6:.0f} | {most / 1e6:.0f} | {size:.1f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
