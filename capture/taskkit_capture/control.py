"""The recorder's only door: a private socket of this machine, for pause, resume, status and stop."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener  # local sockets and pipes only, and only bytes pass
from pathlib import Path
from typing import Any

from taskkit.errors import SettingError

COMMANDS = ("pause", "resume", "status", "stop")


def control_folder() -> Path:
    """Where the socket lies: a folder that only this person can enter."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base) / "taskkit-capture" if base else Path(tempfile.gettempdir()) / f"taskkit-capture-{_person()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix" and (folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077):
        raise SettingError(f"{folder} can be entered by others: remove it, or set XDG_RUNTIME_DIR to a private folder.")
    return folder


class Control:
    """Listens for commands as long as a recording runs. `answer(command)` is called in its thread."""

    def __init__(self, answer: Callable[[str], dict[str, Any]]) -> None:
        folder = control_folder()
        if ask("status", quiet=True) is not None:
            raise SettingError(
                "A recording is running already: `taskkit-capture status` shows it, `taskkit-capture stop` ends it."
            )
        self._secret = secrets.token_bytes(32)
        with os.fdopen(os.open(folder / "secret", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(self._secret)
        address = _address(folder)
        with suppress(OSError):
            os.unlink(address)
        before = os.umask(0o177) if os.name == "posix" else 0
        try:
            self._listener = Listener(address, authkey=self._secret)
        finally:
            if os.name == "posix":
                os.umask(before)
        self._answer, self._folder = answer, folder
        threading.Thread(target=self._serve, daemon=True, name="control").start()

    def close(self) -> None:
        """Close the door and remove it."""
        self._listener.close()
        for name in (_address(self._folder), self._folder / "secret"):
            with suppress(OSError):
                os.unlink(name)

    def _serve(self) -> None:
        while True:
            try:
                with self._listener.accept() as caller:
                    command = caller.recv_bytes(100).decode(errors="replace")
                    known = command in COMMANDS
                    caller.send_bytes(
                        json.dumps(self._answer(command) if known else {"error": "unknown command"}).encode()
                    )
            except AuthenticationError:
                continue
            except (OSError, EOFError):
                if not Path(_address(self._folder)).exists() or getattr(self._listener, "_listener", None) is None:
                    return


def ask(command: str, *, quiet: bool = False) -> dict[str, Any] | None:
    """Send a command to the running recording; None (quiet) or a SettingError if none runs."""
    folder = control_folder()
    try:
        with Client(_address(folder), authkey=(folder / "secret").read_bytes()) as server:
            server.send_bytes(command.encode())
            if server.poll(10):
                return dict(json.loads(server.recv_bytes(10_000)))
    except (OSError, EOFError, AuthenticationError):
        pass
    if quiet:
        return None
    raise SettingError("No recording is running. `taskkit-capture start` begins one.")


def _address(folder: Path) -> str:
    return rf"\\.\pipe\taskkit-capture-{_person()}" if sys.platform == "win32" else str(folder / "control.sock")


def _person() -> str:
    import getpass

    return getpass.getuser() if os.name != "posix" else str(os.getuid())
