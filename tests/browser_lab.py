"""A real JupyterLab for tests: start one on a folder, open a notebook in it and run all its cells."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

TOKEN = "for-this-test"
ALL_RAN = r"""() => { const said = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')]
    .map(prompt => prompt.textContent);
    const failed = document.querySelector('.jp-RenderedText[data-mime-type="application/vnd.jupyter.error"]');
    return failed || (said.length && said.every(text => /\[\d+\]/.test(text))); }"""


@contextmanager
def serve_lab(root: Path) -> Iterator[SimpleNamespace]:
    """A JupyterLab on a folder, with settings of its own; its `address` and its `root`."""
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = os.environ | {name: str(root / f".{name.lower()}") for name in folders}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
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


def wait_until_up(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not come up: {log.read_text()}")


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
