"""The guided notebooks in a real JupyterLab: run all cells, and see that charts are drawn and nothing failed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from taskkit.report import bundled
from tests.conftest import CHART, write_notebook

TOKEN = "for-this-test"
START = "import altair as alt\nfrom taskkit.report import start_notebook\nstart_notebook()"
GUIDED = sorted(path.name for path in bundled("notebooks").glob("*.ipynb"))
ALL_RAN = r"""() => { const said = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')]
    .map(prompt => prompt.textContent);
    const failed = document.querySelector('.jp-RenderedText[data-mime-type="application/vnd.jupyter.error"]');
    return failed || (said.length && said.every(text => /\[\d+\]/.test(text))); }"""


@pytest.fixture(scope="module")
def lab(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A JupyterLab on a copy of the notebooks and the sample, with settings of its own."""
    root = tmp_path_factory.mktemp("lab")
    write_notebook(root / "notebooks" / "small.ipynb", START, CHART)
    for name in GUIDED:
        shutil.copy(bundled("notebooks") / name, root / "notebooks" / name)
    (root / "data").mkdir()
    (root / "data" / "samples").symlink_to(bundled("samples"))
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


def test_a_chart_draws_and_its_slider_works(window: SimpleNamespace, lab: SimpleNamespace) -> None:
    run_notebook(window, lab, "small.ipynb")
    chart = window.page.locator(".jp-OutputArea .tk-chart").first
    chart.locator("svg .mark-rect path").nth(3).wait_for(state="attached", timeout=20_000)
    chart.locator("input[type=range]").fill("2")
    window.page.wait_for_function("() => document.querySelectorAll('.tk-chart .mark-rect path').length == 2")
    outside = [url for url in window.requests if not re.match(rf"(data|blob):|{lab.address}/", url)]
    assert outside == []


@pytest.mark.parametrize("name", GUIDED)
def test_guided_notebook_runs_and_draws(window: SimpleNamespace, lab: SimpleNamespace, name: str) -> None:
    run_notebook(window, lab, name)
    source = (bundled("notebooks") / name).read_text(encoding="utf-8")
    if "tk.charts." in source or "Explorer(" in source:
        chart = ".jp-OutputArea .tk-chart svg, .jp-OutputArea .tk-chart canvas"
        window.page.wait_for_function(f"() => document.querySelector({chart!r})", timeout=30_000)
    assert window.page.locator(".jp-OutputArea-output[data-mime-type*='stderr'], .jp-RenderedError").count() == 0
    page_errors = [error for error in window.errors if "vega" in error.lower()]
    assert page_errors == []
