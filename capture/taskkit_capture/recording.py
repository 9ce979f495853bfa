"""The loop: signals in, rows out, and whatever hinders it said loudly. Nothing is lost or skipped in silence."""

from __future__ import annotations

import json
import os
import queue
import secrets
import shutil
import signal as signals
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from taskkit.errors import SettingError
from taskkit.privacy import digest, pseudonym
from taskkit.schema import SCHEMA_VERSION
from taskkit_capture import VERSION
from taskkit_capture.assembly import Assembly, Draft
from taskkit_capture.chunks import Chunks, expire, recover
from taskkit_capture.cleaning import Cleaning
from taskkit_capture.control import Control
from taskkit_capture.settings import Settings
from taskkit_capture.sources import Signal, now, open_desktop, platform_name, refusal
from taskkit_capture.sources.inputs import Inputs

CLEAN, REFUSED, BROKEN = 0, 3, 4  # exit codes
TICK, ALIVE, SLEEP, STALL, SET_BACK, REMIND = 1.0, 60.0, 10.0, 5.0, 2.0, 3600.0  # seconds
MOST_WAITING = 200_000  # signals: more than the memory is for; the session ends as incomplete rather than dropping some
_INPUTS = {"press", "scroll", "type", "key", "shortcut"}


class Recording:
    """One session. `run` returns the exit code; with `show` the rows are shown and nothing is written."""

    def __init__(
        self, settings: Settings, *, tell: Callable[[str], None],
        show: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:  # fmt: skip
        why = refusal()
        if why is not None:
            raise SettingError(f"Nothing is recorded. {why}")
        self._settings, self._tell, self._show = settings, tell, show
        self.notice_digest = ""
        self._queue: queue.SimpleQueue[Signal] = queue.SimpleQueue()
        self._ended: tuple[str, bool] | None = None  # why, and whether cleanly
        self._offset = time.time() - now()
        self._paused: str | None = None
        self._locked = self._idle = False
        self._seq = 0
        self._said: set[str] = set()
        self.session_id = f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        self._began = datetime.now()
        self._user = pseudonym(settings.person, key=settings.key)
        self._cleaning = Cleaning(settings)
        # whatever the profile keeps: password fields and denied addresses are known by them
        self._desktop = open_desktop(self._put, elements=settings.elements, addresses=True)
        self._inputs = Inputs(
            self._put, mouse=settings.mouse, keyboard=settings.keyboard, characters=settings.typed_digests
        )
        self._assembly = Assembly(settings, self._desktop, self._cleaning.why_excluded)
        self._chunks: Chunks | None = None

    def run(self) -> int:
        """Record until somebody or something ends it."""
        control = Control(self._answer) if self._show is None else None
        try:
            if self._show is None:
                self._prepare_folder()
            _keep_memory_private()
            for number in {signals.SIGTERM, signals.SIGINT, getattr(signals, "SIGHUP", signals.SIGTERM)}:
                signals.signal(
                    number, lambda number, _: self._put(Signal(now(), "command", signals.Signals(number).name))
                )
            threading.excepthook = lambda died: self._end(
                f"a listener of the desktop ended ({died.exc_value})", cleanly=False
            )
            at = self._last_tick = self._last_alive = self._last_input = now()
            self._assembly.presence(at, "session_start", f"taskkit-capture {VERSION}, {self._settings.profile}")
            self._desktop.start()
            self._inputs.start()
            if self._chunks is not None:  # a session that is killed at once is a session too
                self._write(self._assembly.take(now()), now())
                self._chunks.flush()
                self._notify("Recording has begun.")
            if self._show is not None:
                self._tell("Shown as it happens, places of clicks left out.")
            else:
                self._tell(f"Recording ({self._settings.profile}). Pause and go on: {self._settings.pause_hotkey}. "
                       "Status, stop: taskkit-capture status, taskkit-capture stop.")  # fmt: skip
            while self._ended is None:
                self._step()
            code = self._finish()  # the file first: listeners may hang when their display is gone
            self._inputs.stop()
            self._desktop.stop()
            return code
        except OSError as error:  # the folder, before the first row
            self._alarm(f"Nothing is recorded: {error.strerror or error}: {error.filename or 'the terminal is gone'}.")
            return REFUSED
        finally:
            if control is not None:
                control.close()

    # -------------------------------------------------------------------------------------------------------- loop
    def _put(self, signal: Signal) -> None:
        self._queue.put(signal)
        if self._queue.qsize() > MOST_WAITING:
            self._end(f"more inputs came than could be taken in ({MOST_WAITING:,} were waiting)", cleanly=False)

    def _step(self) -> None:
        due = self._assembly.next_due()
        wait = min(TICK, max(0.02, due - now())) if due is not None else TICK
        with suppress(queue.Empty):
            self._take_in(self._queue.get(timeout=wait))
            for _ in range(min(self._queue.qsize(), 1000)):
                self._take_in(self._queue.get_nowait())
        at = now()
        if at - self._last_tick >= TICK:
            self._tick(at)
        self._write(self._assembly.take(at), at)

    def _take_in(self, signal: Signal) -> None:
        if signal.kind == "command":
            self._command(signal.data, signal.at)
        elif signal.kind == "trouble":
            self._end(str(signal.data), cleanly=False)
        elif signal.kind == "lock":
            self._lock(bool(signal.data), signal.at)
        elif signal.kind == "shortcut" and signal.data == self._settings.pause_hotkey:
            self._command("resume" if self._paused else "pause", signal.at)
        elif self._paused or self._locked:
            self._assembly.follow(signal)
        else:
            if signal.kind in _INPUTS:
                self._last_input = signal.at
                if self._idle:
                    self._idle = False
                    self._assembly.presence(signal.at, "idle_end")
            self._assembly.feed(signal)

    def _tick(self, at: float) -> None:
        """Once a second: the clock, signs of life, idleness, scheduled pauses, and whether everybody still listens."""
        gap, jump = at - self._last_tick, time.time() - (at + self._offset)
        if jump < -SET_BACK:
            self._end(
                f"the clock was set back by {-jump:.0f} seconds; start again to record the right time", cleanly=False
            )
            return
        if jump > SLEEP or gap > STALL:
            self._assembly.presence(self._last_tick, "blind_start", "sleep, a stall, or the clock was set forward")
            self._write(self._assembly.take(at, everything=True), at)
            self._offset = time.time() - at
            self._assembly.presence(at, "blind_end", "sleep, a stall, or the clock was set forward")
            self._last_input = at
        self._last_tick = at
        missing = self._desktop.missing()
        if missing and missing not in self._said:
            self._said.add(missing)
            self._tell(missing)
        if not self._inputs.alive() or not self._desktop.alive():
            self._end("the desktop is gone: its display or permission ended", cleanly=False)
        if not self._paused and not self._locked:
            if not self._idle and at - self._last_input > self._settings.idle_seconds:
                self._idle = True
                self._assembly.presence(at, "idle_start")
            if at - self._last_alive >= ALIVE:
                self._last_alive = at
                self._assembly.presence(at, "alive")
            if at - self._last_said >= REMIND:
                self._notify("Recording goes on.")
        local = datetime.now().time()
        scheduled = any(
            begin <= local < end if begin < end else not end <= local < begin for begin, end in self._settings.pauses
        )
        if scheduled and self._paused is None:
            self._pause("scheduled", at)
        elif not scheduled and self._paused == "scheduled":
            self._resume(at)

    # ----------------------------------------------------------------------------------------------------- control
    def _answer(self, command: str) -> dict[str, Any]:
        """What the door says; called in its own thread."""
        if command != "status":
            self._queue.put(Signal(now(), "command", command))
            end = now() + 5
            while now() < end and (self._paused is None) == (command == "pause") and self._ended is None:
                time.sleep(0.02)
        chunks = self._chunks
        return {
            "state": "stopping" if command == "stop" or self._ended else "paused" if self._paused else "recording",
            "since": f"{self._began:%H:%M}", "session": self.session_id,
            "profile": self._settings.profile, "folder": str(self._settings.folder),
            "rows_on_disk": chunks.acknowledged if chunks else 0, "rows_waiting": chunks.waiting if chunks else 0,
        }  # fmt: skip

    def _command(self, command: str, at: float) -> None:
        if command == "pause" and self._paused is None:
            self._pause("by the person", at)
        elif command == "resume" and self._paused is not None:
            self._resume(at)
        elif command == "stop" or command.startswith("SIG"):
            self._end(
                "stopped by the person" if command == "stop" else f"ended by the system ({command})", cleanly=True
            )

    def _pause(self, why: str, at: float) -> None:
        self._assembly.forget()
        self._paused, self._idle = why, False
        self._assembly.presence(at, "pause", why)
        self._tell("Paused: nothing is recorded until you go on.")

    def _resume(self, at: float) -> None:
        self._paused = None
        self._last_input = at
        self._assembly.presence(at, "resume")
        self._assembly.show_window(at)
        self._tell("Recording goes on.")

    def _lock(self, locked: bool, at: float) -> None:
        if locked == self._locked:
            return
        self._locked, self._idle, self._last_input = locked, False, at
        self._inputs.forget_modifiers()
        self._assembly.forget()
        if not self._paused:
            self._assembly.presence(at, "lock" if locked else "unlock")
            if not locked:
                self._assembly.show_window(at)

    # ----------------------------------------------------------------------------------------------------- writing
    def _prepare_folder(self) -> None:
        settings = self._settings
        settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        recover(settings.folder, tell=self._tell, key=settings.encryption_key)
        expire(settings.folder, today=datetime.now().date(), tell=self._tell)
        self._chunks = Chunks(settings.folder, self.session_id, self._notes, key=settings.encryption_key)

    def _notes(self) -> dict[str, str]:
        """What the file says about itself."""
        settings = self._settings
        digests = ", digests of typed values" if settings.typed_digests else ""
        return {
            "schema_version": SCHEMA_VERSION, "recorder": f"taskkit-capture {VERSION}", "profile": settings.profile + digests,
            "excluded": json.dumps(dict(self._cleaning.counts)), "notice_digest": self.notice_digest,
            "consent": f"Notice {self.notice_digest} accepted by the recorded person at the start of each session",
            "purpose": settings.purpose, "kept_until": settings.kept_until.isoformat(), "platform": str(platform_name()),
            "key_id": digest("key id", key=settings.key)[:8],
        }  # fmt: skip

    def _write(self, drafts: list[Draft], at: float) -> None:
        rows = []
        for draft in drafts:
            row = self._cleaning.clean(draft.row, at=draft.at, window=draft.window, element=draft.element)
            if row is None:
                continue
            moment = datetime.fromtimestamp(draft.at + self._offset, UTC)
            offset = moment.astimezone().utcoffset() or timedelta()
            row |= {"user": self._user, "session_id": self.session_id, "seq": self._seq, "timestamp": moment,
                    "team": self._settings.team, "utc_offset_minutes": int(offset.total_seconds() // 60)}  # fmt: skip
            self._seq += 1
            rows.append(row)
            if self._show is not None:
                self._show(row)
        if self._chunks is not None:
            try:
                self._chunks.add(rows, at)
            except OSError as error:
                self._end(
                    f"the log cannot be written ({error.strerror or error}: {self._settings.folder})", cleanly=False
                )

    def _end(self, why: str, *, cleanly: bool) -> None:
        self._ended = self._ended or (why, cleanly)

    def _finish(self) -> int:
        assert self._ended is not None
        why, cleanly = self._ended
        at = now()
        self._assembly.forget()
        self._assembly.presence(at, "session_end", why)
        self._write(self._assembly.take(at, everything=True), at)
        if self._chunks is None:
            return CLEAN if cleanly else BROKEN
        chunks = self._chunks
        try:
            whole: Path | None = chunks.finish({"end_reason": why, "ended_cleanly": str(cleanly).lower()})
        except OSError as error:
            chunks.close()
            whole, cleanly = None, False
            self._alarm(f"The session could not be finished ({error.strerror or error}). {chunks.acknowledged:,} rows are safe in "
                        f"{self._settings.folder}; {chunks.waiting} rows could not be written. When there is room again: "
                        f"taskkit-capture recover {self._settings.folder}")  # fmt: skip
        if not cleanly:
            self._alarm(f"Recording has ended: {why}.")
        if whole is not None:
            self._tell(f"{chunks.acknowledged:,} rows in {whole}. Look at them: taskkit-capture review {whole}")
        return CLEAN if cleanly else BROKEN

    def _alarm(self, text: str) -> None:
        """Say it where the person looks: the terminal and the desktop."""
        with suppress(OSError):
            self._tell(text)
        self._notify(text, "--urgency=critical")

    def _notify(self, text: str, *options: str) -> None:
        """Show a notification of the desktop, where there is a program for it: who is recorded must be able to see it."""
        self._last_said = now()
        program = shutil.which("notify-send")
        if program and self._show is None:
            with suppress(OSError):
                subprocess.Popen([program, *options, "taskkit-capture", text], stderr=subprocess.DEVNULL)


def _keep_memory_private() -> None:
    """No core dump: what was copied or typed may still be in memory."""
    if os.name == "posix":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
