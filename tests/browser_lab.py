"""A real JupyterLab and a real room without code for tests: a project of the sample, a server on it, a notebook opened."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

import taskkit as tk
from taskkit.cli.room import TOKEN as ROOM_TOKEN
from taskkit.report import bundled

TOKEN = "for-this-test"
_mined: list[Path] = []  # the project of this run whose results are copied, so that they are computed once
ALL_RAN = r"""() => { const said = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')]
    .map(prompt => prompt.textContent);
    const failed = document.querySelector('.jp-RenderedText[data-mime-type="application/vnd.jupyter.error"]');
    return failed || (said.length && said.every(text => /\[\d+\]/.test(text))); }"""


def make_project(root: Path, factory: pytest.TempPathFactory) -> tk.Project:
    """A project of the bundled sample with the guided notebooks and kept results."""
    if not _mined:
        sample, place = bundled("samples") / "accounts_payable", factory.mktemp("mined") / "ap"
        project = tk.create_project(
            place, log=sample / "ui_log", process_log=sample / "process_log.csv", model=sample / "process_model.bpmn",
            notebooks=bundled("notebooks"),
        )  # fmt: skip
        tk.mine(project.log, process_log=project.process_log, rules=project.rules, results=project.results)
        _mined.append(place)
    shutil.copytree(_mined[0], root)
    return tk.open_project(root)


@contextmanager
def serve_lab(root: Path) -> Iterator[SimpleNamespace]:
    """A JupyterLab on a folder, with settings of its own; its `address` and its `root`."""
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = os.environ | {name: str(root / f".{name.lower()}") for name in folders}
    port = _free_port()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}",
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    with (root / "lab.log").open("w") as said:
        server = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT)
    try:
        wait_until_up(f"http://127.0.0.1:{port}/api?token={TOKEN}", server, root / "lab.log")
        yield SimpleNamespace(address=f"http://127.0.0.1:{port}", root=root)
    finally:
        server.terminate()
        server.wait(20)


@contextmanager
def serve_room(project: Path) -> Iterator[SimpleNamespace]:
    """The room on a project: its `address`, the `door` with the secret, and the file of what was `said`."""
    port, said = _free_port(), project / "said.log"
    command = [sys.executable, "-m", "taskkit.cli", "workshop", str(project), "--port", str(port), "--no-browser"]
    with said.open("w") as log:
        server = subprocess.Popen(command, env=os.environ | {ROOM_TOKEN: TOKEN}, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    room = SimpleNamespace(address=address, door=f"{address}/?token={TOKEN}", folder=project, said=said)
    try:
        wait_until_up(f"{address}/voila/static/voila.js", server, said)
        yield room
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_until_up(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except urllib.error.HTTPError:
            return  # it answers, if only that it lets nobody in
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not come up: {log.read_text()}")


def run_notebook(window: SimpleNamespace, lab: SimpleNamespace, name: str) -> None:
    """Open a notebook, run all its cells and see that each ran without an error."""
    page = window.page
    page.goto(f"{lab.address}/lab/tree/notebooks/{name}?token={TOKEN}&reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    # the notebook's own indicator says idle while there is no kernel yet, and a run would be lost: ask the status bar
    page.locator(r"#jp-main-statusbar >> text=/Python 3.*\| Idle/").wait_for(timeout=60_000)
    page.locator(".lm-MenuBar-itemLabel:text-is('Run')").click()
    page.locator(".lm-Menu-itemLabel:text-is('Run All Cells')").click()
    page.wait_for_function(ALL_RAN, timeout=180_000)
    failed = page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']")
    assert failed.all_inner_texts() == []


def open_room(window: SimpleNamespace, room: SimpleNamespace, name: str) -> None:
    """Open a notebook in the room and wait until the last of its parts is shown and the last chart is drawn."""
    window.page.goto(room.door)
    window.page.goto(f"{room.address}/voila/render/{name}", wait_until="commit")
    window.page.locator("#tk-running.done").wait_for(state="attached", timeout=300_000)
