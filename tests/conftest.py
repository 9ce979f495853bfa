"""What several test files share: a browser, small notebooks, and one report on the sample per run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import nbformat
import pytest

from taskkit.report import bundled, write_report

hypothesis.settings.register_profile("no clock", deadline=None)  # how fast something is, benchmarks say
hypothesis.settings.load_profile("no clock")

CHROMIUM_FLAGS = [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # the proof that a page asks nobody: no name but this machine's own can be looked up
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip

PARAMETERS = 'LOG = "."\nPROCESS_LOG = "."\nRESULTS = "results"\nMETHOD = "gap"\nMIN_PEOPLE = 5'
CHART = """slider = alt.param(name="least", value=0, bind=alt.binding_range(min=0, max=3, step=1, name="at least "))
bars = alt.Chart(alt.Data(values=[{"x": n} for n in range(4)]), title="Steps per task").mark_bar()
bars.encode(x="x:O", y="x:Q").add_params(slider).transform_filter("datum.x >= least")"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, shut off from every network. Where it is missing the tests are skipped, but in CI they fail."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        reason = "no Chromium on this machine: install it (Debian: apt-get install chromium) to run the browser tests"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS, chromium_sandbox=False)
        yield chromium
        chromium.close()


@pytest.fixture
def window(browser: Any) -> Iterator[SimpleNamespace]:
    """A browser window that notes everything that goes wrong in it and everything it asks for."""
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    seen = SimpleNamespace(page=context.new_page(), errors=[], requests=[])
    seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
    seen.page.on("console", lambda said: seen.errors.append(said.text) if said.type == "error" else None)
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    yield seen
    context.close()


@pytest.fixture
def make_notebook(tmp_path: Path) -> Callable[..., Path]:
    """Write a small guided notebook: text, parameters, then the given code cells."""

    def make(name: str, *cells: str, text: str = "# A title\n\nWhat recurs here?") -> Path:
        return write_notebook(tmp_path / "notebooks" / f"{name}.ipynb", *cells, text=text)

    return make


def write_notebook(path: Path, *cells: str, text: str = "# A title\n\nWhat recurs here?") -> Path:
    parameters = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), parameters, *code])
    # without it JupyterLab asks which kernel to take
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="session")
def guided_notebooks() -> list[Path]:
    found = sorted(bundled("notebooks").glob("*.ipynb"))
    if not found:
        pytest.skip("the guided notebooks are not written yet")
    return found


@pytest.fixture(scope="session")
def sample_report(tmp_path_factory: pytest.TempPathFactory, guided_notebooks: list[Path]) -> list[Path]:
    """The pages of the bundled sample, made once per run: index first."""
    out = tmp_path_factory.mktemp("report")
    index = write_report(out=out, notebooks=guided_notebooks, progress=False)
    return [index, *(out / f"{notebook.stem}.html" for notebook in guided_notebooks)]
