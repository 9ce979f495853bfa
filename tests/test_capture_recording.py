"""The recorder on a real X display: what it sees, what it never writes, and what it does when something breaks."""

from __future__ import annotations

import io
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from taskkit_capture.control import ask

from taskkit.log import read_log, read_metadata
from taskkit.privacy import digest
from taskkit.report import write_report
from tests.desktop import WEB_FORM, Desktop, need, open_chromium, open_dialog, open_form, open_terminal, wait_for
from tests.recorder import ROOT, Recorder

PRESENCE = ("session_start", "session_end", "alive")
INJECT = """import sys, time
from Xlib import X, display
from Xlib.ext import xtest
presses, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
shown = display.Display()
letter, tab = shown.keysym_to_keycode(ord("a")), shown.keysym_to_keycode(0xff09)
began, sent = time.perf_counter(), {"key": 0, "click": 0, "scroll": 0}
n = 0
while time.perf_counter() - began < seconds:
    for _ in range(10):
        kind = presses if presses != "mixed" else ("key", "click", "scroll")[n // 50 % 3]
        button = 1 if kind == "click" else 5
        down, up = (X.KeyPress, X.KeyRelease) if kind == "key" else (X.ButtonPress, X.ButtonRelease)
        code = (tab if n % 2 else letter) if kind == "key" else button
        xtest.fake_input(shown, down, code)
        xtest.fake_input(shown, up, code)
        sent[kind] += 1
        n += 1
    shown.flush()
    due = began + 2 * n / rate
    time.sleep(max(0.0, due - time.perf_counter()))
shown.sync()
print(sum(sent.values()), time.perf_counter() - began)
"""


@pytest.fixture(scope="module")
def desktop() -> Iterator[Desktop]:
    """One desktop for the tests that do not break it."""
    need("xterm")
    with Desktop() as shown:
        open_terminal(shown)
        yield shown


@pytest.fixture
def fragile() -> Iterator[Desktop]:
    """A desktop of its own, to be broken."""
    need()
    with Desktop() as shown:
        open_form(shown)
        yield shown


@pytest.fixture(autouse=True)
def _door(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """`ask` in this process knocks at the door of the desktop's recorder."""
    for name in ("desktop", "fragile"):
        if name in request.fixturenames:
            monkeypatch.setenv("XDG_RUNTIME_DIR", request.getfixturevalue(name).env["XDG_RUNTIME_DIR"])


def inject(desktop: Desktop, kind: str, rate: float, seconds: float) -> tuple[int, float]:
    """Inputs from another process: events a second (a press and a release are two); returns presses and seconds."""
    sent, took = desktop.run(sys.executable, "-c", INJECT, kind, rate, seconds, check=True, timeout=60).split()
    return int(sent), float(took)


def told(events: pl.DataFrame) -> list[tuple[str, str | None, str | None]]:
    work = events.filter(~pl.col("event_type").is_in(PRESENCE))
    return work.select("event_type", "app", "event_name").rows()


def bytes_below(*folders: Path) -> bytes:
    """Every byte of every file, and of every Parquet file also what it holds uncompressed."""
    found = []
    for path in (p for folder in folders for p in folder.rglob("*") if p.is_file()):
        found += [path.name.encode(), path.read_bytes()]
        if path.suffix == ".parquet":
            plain = io.BytesIO()
            pl.read_parquet(path).write_ipc(plain, compression="uncompressed")
            found += [plain.getvalue(), str(pl.read_parquet_metadata(path)).encode()]
    return b"\n".join(found)


# ------------------------------------------------------------------------------------------------------ what it sees
def test_a_session_over_three_programs_is_recorded_action_by_action(fragile, tmp_path):
    open_terminal(fragile)
    open_chromium(fragile)
    recorder = Recorder(fragile, tmp_path / "r")
    fragile.focus("Order form")
    time.sleep(1.0)
    fragile.xdo("key", "Tab")  # into the password field and back: the browser says where the focus is
    time.sleep(0.4)  # the browser tells the focus a moment later
    fragile.xdo("key", "shift+Tab")
    time.sleep(0.5)
    fragile.xdo("type", "--delay", "30", "PO-4711")
    fragile.xdo("key", "ctrl+a")
    fragile.xdo("key", "ctrl+c")
    time.sleep(0.8)
    fragile.focus("Invoice form")
    time.sleep(0.5)
    fragile.click_in("Invoice form", 200, 32)
    time.sleep(0.6)
    fragile.xdo("key", "ctrl+v")
    fragile.xdo("key", "Tab")
    fragile.xdo("type", "--delay", "30", "12.50")
    time.sleep(0.3)
    fragile.xdo("key", "Tab", "space")  # the button: it changes the title
    fragile.wait_window("Booked PO-4711")
    time.sleep(0.8)
    fragile.focus("Terminal one")
    time.sleep(0.5)
    fragile.xdo("type", "--delay", "30", "ls")
    fragile.xdo("key", "Return")
    events = recorder.stop()
    python = events.filter(pl.col("window_title") == "Invoice form")["app"][0]
    assert told(events)[-16:] == [
        ("key", "chromium", "tab"), ("window_focus", "excluded", None),
        ("text_input", "chromium", None), ("shortcut", "chromium", "ctrl+a"), ("copy", "chromium", "ctrl+c"),
        ("window_focus", python, None), ("click", python, None), ("paste", python, "ctrl+v"), ("key", python, "tab"),
        ("text_input", python, None), ("key", python, "tab"), ("text_input", python, None), ("window_title", python, None),
        ("window_focus", "xterm", None), ("text_input", "xterm", None), ("key", "xterm", "enter"),
    ]  # fmt: skip
    copy, paste = (events.row(by_predicate=pl.col("event_type") == kind, named=True) for kind in ("copy", "paste"))
    assert copy["value_digest"] == paste["value_digest"] == digest("PO-4711", key=recorder.key)
    assert (copy["value_length"], copy["value_shape"], copy["element_role"]) == (7, "A-9", "entry")
    typed = events.filter(pl.col("event_type") == "text_input")
    assert typed["input_count"].to_list() == [7, 5, 1, 2]
    assert typed.row(0, named=True)["element_id"] == "order"
    assert typed.row(0, named=True)["element_name"] == "Order number"
    assert events.filter(pl.col("event_type") == "window_title")["window_title"].to_list() == ["Booked PO-4711"]
    assert events["timestamp"].is_sorted()
    assert events["seq"].to_list() == list(range(events.height))


@pytest.mark.parametrize("kind", ["key", "mixed"])
def test_five_thousand_inputs_a_second_are_all_counted(desktop, tmp_path, kind):
    desktop.focus("Terminal one")
    recorder = Recorder(desktop, tmp_path / "r", elements=False)
    sent, took = inject(desktop, kind, 5000, 3)
    time.sleep(1)
    events = recorder.stop()
    assert 2 * sent / took > 4000
    assert events["input_count"].sum() == sent
    assert read_metadata(recorder.log)["ended_cleanly"] == "yes"


def test_pause_and_resume_by_hot_key_and_by_command(desktop, tmp_path):
    desktop.focus("Terminal one")
    recorder = Recorder(desktop, tmp_path / "r")
    desktop.xdo("key", "ctrl+alt+p")
    wait_for(lambda: recorder.hears("^Paused"), "the pause")
    desktop.xdo("type", "hidden")
    desktop.xdo("key", "ctrl+alt+p")
    wait_for(lambda: recorder.hears("goes on"), "the end of the pause")
    assert "paused since" in recorder.ask("pause")
    desktop.xdo("type", "hidden")
    assert "recording since" in recorder.ask("resume")
    desktop.xdo("type", "ab")
    events = recorder.stop()
    assert [kind for kind, _, _ in told(events)] == [
        "window_focus", "pause", "resume", "window_focus", "pause", "resume", "window_focus", "text_input"]  # fmt: skip
    assert events["input_count"].sum() == 2


def test_idleness_is_said(desktop, tmp_path):
    desktop.focus("Terminal one")
    recorder = Recorder(desktop, tmp_path / "r", idle_seconds=1)
    time.sleep(2.5)
    desktop.xdo("type", "a")
    assert [kind for kind, _, _ in told(recorder.stop())][:4] == [
        "window_focus",
        "idle_start",
        "idle_end",
        "text_input",
    ]


def test_nothing_is_recorded_at_the_times_of_a_scheduled_pause(desktop, tmp_path):
    desktop.focus("Terminal one")
    recorder = Recorder(desktop, tmp_path / "r", pauses=["00:00-23:59"])
    wait_for(lambda: recorder.hears("^Paused"), "the pause")
    desktop.xdo("type", "hidden")
    events = recorder.stop()
    assert events["input_count"].sum() == 0
    assert events.filter(pl.col("event_type") == "pause")["event_name"].to_list() == ["scheduled"]


# ------------------------------------------------------------------------------------------- what it never writes
def test_canaries_are_nowhere_on_the_disk(fragile, tmp_path):
    open_dialog(fragile, "--password", title="Sign in")
    recorder = Recorder(fragile, tmp_path / "r", typed_digests=True, deny={"titles": ["*CanaryTitle*"]})
    fragile.focus("Invoice form")
    fragile.xdo("type", "--delay", "20", "canarynormal")
    fragile.xdo("key", "Tab")
    fragile.focus("Sign in")
    time.sleep(0.5)
    fragile.xdo("type", "--delay", "20", "canarypassword")
    time.sleep(0.5)
    open_terminal(fragile, title="CanaryTitle payroll")
    time.sleep(0.5)
    fragile.xdo("type", "--delay", "20", "canarydenied")
    time.sleep(0.5)
    events = recorder.stop()
    fragile.folder.joinpath("typed.txt").unlink(missing_ok=True)
    written = bytes_below(recorder.log, fragile.folder).lower()
    assert [c for c in (b"canarynormal", b"canarypassword", b"canarydenied", b"canarytitle") if c in written] == []
    assert b"excluded" in written
    assert events.filter(pl.col("app") == "excluded").height >= 2
    assert digest("canarypassword", key=recorder.key) not in events["value_digest"].to_list()
    assert 14 not in events["input_count"].to_list()  # not even how long the password is


@pytest.mark.parametrize("profile", ["counts", "standard"])
def test_a_page_with_a_denied_address_and_a_password_leave_nothing_in_any_profile(fragile, tmp_path, profile):
    open_chromium(fragile, page=WEB_FORM.replace("Order form", "Canarymail"), title="Canarymail")
    recorder = Recorder(fragile, tmp_path / "r", profile=profile, deny={"urls": ["file:*"]})
    fragile.focus("Invoice form")
    time.sleep(0.5)
    open_dialog(fragile, "--password", title="Sign in")
    fragile.xdo("type", "--delay", "20", "canarypassword")
    fragile.focus("Canarymail")
    time.sleep(1.0)
    fragile.xdo("key", "ctrl+a")
    fragile.xdo("key", "ctrl+c")
    time.sleep(0.8)
    fragile.focus("Invoice form")
    time.sleep(0.5)
    fragile.xdo("key", "ctrl+v")
    events = recorder.stop()
    assert b"canarymail" not in bytes_below(recorder.log).lower()
    assert events["value_digest"].drop_nulls().is_empty()
    assert events.filter(pl.col("app") == "chromium").is_empty()
    assert 14 not in events["input_count"].to_list()


def test_preview_writes_nothing(desktop, tmp_path):
    recorder = Recorder(desktop, tmp_path / "r")
    recorder.stop()
    shutil.rmtree(recorder.log)
    shown = desktop.start(sys.executable, "-m", "taskkit_capture", "preview", tmp_path / "r/capture.toml", cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
    try:
        desktop.focus("Terminal one")
        time.sleep(2)
        desktop.xdo("type", "--delay", "20", "abc")
        desktop.xdo("key", "Return")
        for line in shown.stdout:
            if "enter" in line:
                break
            assert "abc" not in line
    finally:
        shown.terminate()
        shown.wait(10)
        shown.stdout.close()
    assert {p.name for p in (tmp_path / "r").iterdir()} == {"key", "capture.toml"}


def test_everything_it_writes_is_private(desktop, tmp_path):
    os.umask(0o022)
    recorder = Recorder(desktop, tmp_path / "r")
    inject(desktop, "key", 1000, 1)
    wait_for(lambda: ask("status")["rows_on_disk"], "a chunk")
    door = Path(desktop.env["XDG_RUNTIME_DIR"]) / "taskkit-capture"
    places = [*recorder.log.rglob("*"), recorder.log, door, *door.iterdir()]
    assert {path.stat().st_mode & 0o077 for path in places} == {0}
    recorder.stop()
    assert {path.stat().st_mode & 0o777 for path in recorder.log.iterdir()} == {0o600}
    assert list(door.iterdir()) == []


def test_it_records_without_any_network(desktop, tmp_path):
    if subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine allows no network namespaces")
    desktop.focus("Terminal one")
    recorder = Recorder(desktop, tmp_path / "r", wrap=("unshare", "-rn"))
    desktop.xdo("type", "--delay", "20", "abc")
    assert recorder.stop()["input_count"].sum() == 3


def test_there_is_no_network_code():
    words = ("import socket", "urllib", "http.client", "requests", "httpx", "aiohttp", "ftplib", "smtplib", "AF_INET", "import ssl",
             "pickle", "eval(", "exec(")  # fmt: skip
    code = {path: path.read_text() for path in (ROOT / "capture").rglob("*.py")}
    assert len(code) > 10
    assert [(path.name, word) for path, text in code.items() for word in words if word in text] == []


# --------------------------------------------------------------------------------------------------- when things break
def test_killed_at_any_moment_it_loses_nothing_that_was_acknowledged(desktop, tmp_path):
    desktop.focus("Terminal one")
    moments = random.Random(5)
    for number in range(20):
        recorder = Recorder(desktop, tmp_path / f"r{number}", elements=False)
        stream = desktop.start(sys.executable, "-c", INJECT, "key", "1200", "30")  # a row for every press
        wait_for(lambda: ask("status")["rows_on_disk"] > 0, "a first chunk")
        time.sleep(moments.random() * 0.7)
        status = ask("status")
        recorder.process.kill()
        recorder.wait()
        stream.terminate()
        stream.wait()
        events = recorder.events()
        assert events.height >= status["rows_on_disk"] > 0
        # what was being written, and what had come since
        assert events.height >= status["rows_on_disk"] + status["rows_waiting"] - 400
        assert events["seq"].to_list() == list(range(events.height))
        assert read_metadata(recorder.log)["ended_cleanly"].startswith("no")


def test_the_end_of_the_x_server_is_said_and_the_log_is_whole(fragile, tmp_path):
    recorder = Recorder(fragile, tmp_path / "r")
    fragile.xdo("type", "--delay", "20", "abc")
    time.sleep(1)
    fragile.server.kill()
    assert recorder.wait() == 4
    assert recorder.hears("Recording has ended: .*(desktop|display|X server)")
    assert recorder.events()["input_count"].sum() == 3
    assert read_metadata(recorder.log)["ended_cleanly"].startswith("no")


def test_a_folder_that_is_removed_is_said(desktop, tmp_path):
    recorder = Recorder(desktop, tmp_path / "r")
    shutil.rmtree(recorder.log)
    inject(desktop, "key", 1000, 1)
    assert recorder.wait() == 4
    assert recorder.hears("could not be finished .*No such file")
    assert recorder.hears(r"rows could not be written")


def test_a_full_disk_is_said_and_what_was_acknowledged_stays(desktop, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(disk)], check=False, capture_output=True
    ).returncode:
        pytest.skip("a small file system can be mounted by root only")
    try:
        recorder = Recorder(desktop, tmp_path / "r", log=disk / "log")
        stream = desktop.start(sys.executable, "-c", INJECT, "key", "2000", "60")
        code = recorder.wait(60)
        stream.terminate()
        assert code == 4
        assert recorder.hears("No space left")
        safe = int(
            next(line for line in recorder.said if "rows are safe" in line)
            .split(" rows are safe")[0]
            .split()[-1]
            .replace(",", "")
        )
        assert recorder.events().height == safe > 0
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_more_inputs_than_can_be_taken_in_end_the_session_as_incomplete(desktop, tmp_path):
    few = "import taskkit_capture.recording as r; r.MOST_WAITING = 30"
    recorder = Recorder(desktop, tmp_path / "r", before=few)
    recorder.process.send_signal(signal.SIGSTOP)  # it cannot keep up
    inject(desktop, "key", 1000, 0.5)
    recorder.process.send_signal(signal.SIGCONT)
    assert recorder.wait() == 4
    assert recorder.hears("more inputs came than could be taken in")
    assert read_metadata(recorder.log)["ended_cleanly"].startswith("no")


@pytest.fixture
def clock(tmp_path: Path) -> SimpleNamespace:
    """A wall clock that a test can move, in seconds, for a recorder with this `env`; the monotonic one runs on."""
    need("faketime")
    file, library = tmp_path / "clock", next(Path("/usr/lib").rglob("libfaketime.so.1"))
    file.write_text("+0")
    env = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
           "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # fmt: skip
    return SimpleNamespace(env=env, move=file.write_text)


def test_a_clock_that_is_set_back_ends_the_session_loudly(desktop, tmp_path, clock):
    recorder = Recorder(desktop, tmp_path / "r", env=clock.env)
    clock.move("-3600")
    assert recorder.wait() == 4
    assert recorder.hears("the clock was set back by 3600 seconds")
    assert recorder.events()["timestamp"].is_sorted()


def test_a_clock_that_jumps_ahead_is_a_blind_span(desktop, tmp_path, clock):
    recorder = Recorder(desktop, tmp_path / "r", env=clock.env)
    time.sleep(1.5)
    clock.move("+3600")
    time.sleep(2)
    events = recorder.stop()
    blind = events.filter(pl.col("event_type").is_in(["blind_start", "blind_end"]))["timestamp"].to_list()
    assert 3590 < (blind[1] - blind[0]).total_seconds() < 3610


# ------------------------------------------------------------------------------------------------------------- refusals
def start(folder: Path, desktop: Desktop, answer: str, **env: str) -> tuple[int, str]:
    """`taskkit-capture start` at a terminal where somebody answers; its exit code and what it says."""
    terminal, theirs = pty.openpty()
    os.write(terminal, answer.encode() or b"\x04")
    done = subprocess.run([sys.executable, "-m", "taskkit_capture", "start", str(folder / "capture.toml")], cwd=ROOT, text=True,
                          env={**desktop.env, **env}, stdin=theirs, capture_output=True, timeout=30, check=False)  # fmt: skip
    os.close(terminal)
    os.close(theirs)
    return done.returncode, done.stderr


def test_without_consent_nothing_is_recorded(desktop, tmp_path):
    recorder = Recorder(desktop, tmp_path / "r")
    recorder.stop()
    shutil.rmtree(recorder.log)
    for answer in ("no\n", "", "y\n"):
        code, said = start(tmp_path / "r", desktop, answer)
        assert (code, "othing was recorded" in said) == (3, True)
        assert not recorder.log.exists()
    piped = subprocess.run([sys.executable, "-m", "taskkit_capture", "start", str(tmp_path / "r/capture.toml")], cwd=ROOT,
                           env=desktop.env, input=b"yes\nyes\n", capture_output=True, timeout=30, check=False)  # fmt: skip
    assert (piped.returncode, b"by a person at a terminal" in piped.stderr) == (3, True)
    assert not recorder.log.exists()


def test_it_refuses_where_it_could_not_see(desktop, tmp_path):
    recorder = Recorder(desktop, tmp_path / "r")
    recorder.stop()
    wayland = start(tmp_path / "r", desktop, "yes\n", WAYLAND_DISPLAY="wayland-0", XDG_SESSION_TYPE="wayland")
    assert (wayland[0], "Wayland" in wayland[1]) == (3, True)
    nowhere = start(tmp_path / "r", desktop, "yes\n", DISPLAY="")
    assert (nowhere[0], "DISPLAY" in nowhere[1]) == (3, True)


def test_a_second_recorder_is_refused(desktop, tmp_path):
    recorder = Recorder(desktop, tmp_path / "r")
    second = start(tmp_path / "r", desktop, "yes\n")
    assert (second[0], "running already" in second[1]) == (3, True)
    recorder.stop()


# ---------------------------------------------------------------------------------------------------------- whole way
def test_the_self_test_passes_here(desktop):
    done = subprocess.run([sys.executable, "-m", "taskkit_capture", "self-test"], cwd=ROOT, text=True, env=desktop.env,
                          capture_output=True, timeout=90, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\nok ") == 9
    assert "of a core" in done.stdout


def test_an_encrypted_session_is_read_with_its_key_only(desktop, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r/log.key").write_bytes(b"e" * 32)
    (tmp_path / "r/log.key").chmod(0o600)
    desktop.focus("Terminal one")
    recorder = Recorder(desktop, tmp_path / "r", encryption_key_file="log.key")
    desktop.xdo("type", "abc")
    time.sleep(0.8)
    recorder.ask("stop")
    assert recorder.wait() == 0
    assert b"Terminal one" not in b"".join(p.read_bytes() for p in recorder.log.iterdir())
    assert "Terminal one" in read_log(recorder.log, key=b"e" * 32)["window_title"].to_list()


def test_what_was_recorded_goes_straight_into_a_report(desktop, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r/log.key").write_bytes(b"e" * 32)
    (tmp_path / "r/log.key").chmod(0o600)
    desktop.focus("Terminal one")
    recorder = Recorder(desktop, tmp_path / "r", encryption_key_file="log.key")
    for _ in range(3):
        desktop.xdo("type", "--delay", "20", "abc")
        desktop.xdo("key", "Return")
        desktop.xdo("key", "ctrl+s")
    time.sleep(0.8)
    recorder.ask("stop")
    assert recorder.wait() == 0
    index = write_report(
        recorder.log, out=tmp_path / "pages", key=b"e" * 32, progress=False,
        notebooks=[ROOT / "notebooks/00_start_here.ipynb", ROOT / "notebooks/02_tasks.ipynb"],
    )  # fmt: skip
    page = (index.parent / "00_start_here.html").read_text()
    assert "accepted by the recorded person" in page
    assert "xterm" in page
