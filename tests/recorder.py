"""A real recorder in a throw-away desktop, for tests."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.log import read_log
from taskkit.privacy import make_key
from tests.desktop import Desktop, wait_for

ROOT = Path(__file__).parents[1]


class Recorder:
    """`taskkit-capture start` as a process, with the notice accepted; what it says is in `said`. `before` is run first."""

    def __init__(self, desktop: Desktop, folder: Path, *, wrap: tuple[str, ...] = (), env: dict[str, str] | None = None,
                 log: Path | None = None, before: str = "", **settings: Any) -> None:  # fmt: skip
        folder.mkdir(exist_ok=True)
        self.desktop, self.folder, self.log = desktop, folder, log or folder / "log"
        self.key = (folder / "key").read_bytes() if (folder / "key").exists() else make_key(folder / "key")
        given = {"folder": str(self.log), "key_file": "key", "purpose": "Test", "seen_by": "Nobody", **settings}
        lines = [f"{name} = {json.dumps(value)}" for name, value in given.items() if not isinstance(value, dict)]
        for name, table in given.items():
            if isinstance(table, dict):
                lines += [f"[{name}]", *(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in table.items())]
        (folder / "capture.toml").write_text("\n".join(lines))
        self.env = {**desktop.env, **(env or {})}
        self.said: list[str] = []
        self._terminal, slave = pty.openpty()  # consent is given at a terminal
        os.write(self._terminal, b"yes\nyes\n")
        code = f"{before}\nimport sys; from taskkit_capture.cli import main; sys.exit(main())"
        self.process = desktop.start(
            *wrap, sys.executable, "-c", code, "start", folder / "capture.toml", env=self.env, cwd=ROOT,
            stdin=slave, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        os.close(slave)
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        wait_for(lambda: self.hears("^Recording") or self.process.poll() is not None, "the recorder")
        assert self.process.poll() is None, self.said

    def _listen(self) -> None:
        with self.process.stderr as lines:
            self.said.extend(line.rstrip() for line in lines)

    def hears(self, pattern: str) -> bool:
        return any(re.search(pattern, line) for line in self.said)

    def ask(self, command: str) -> str:
        """What `taskkit-capture status` and the like print."""
        told = subprocess.run([sys.executable, "-m", "taskkit_capture", command], env=self.env, cwd=ROOT, text=True,
                              capture_output=True, timeout=30, check=False)  # fmt: skip
        return told.stdout + told.stderr

    def acknowledged(self) -> int:
        found = re.search(r"(\d+) rows on the disk", self.ask("status"))
        assert found is not None
        return int(found[1])

    def stop(self) -> pl.DataFrame:
        """End the session and read it."""
        time.sleep(0.8)  # what was just done arrives
        self.ask("stop")
        assert self.wait() == 0, self.said
        return self.events()

    def wait(self, timeout: float = 20.0) -> int:
        code = self.process.wait(timeout)
        self._reader.join(5)
        with suppress(OSError):
            os.close(self._terminal)
        return int(code)

    def events(self) -> pl.DataFrame:
        return read_log(self.log).with_columns(pl.col("event_type").cast(pl.String))
