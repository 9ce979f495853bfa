"""Charts in a real JupyterLab: they draw, their controls work, and nothing is asked of the world."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from taskkit.report import bundled
from tests.browser_lab import ALL_RAN, TOKEN, run_notebook, serve_lab
from tests.conftest import CHART, write_notebook

__all__ = ["ALL_RAN", "GUIDED", "TOKEN", "lab", "run_notebook"]  # other files take the fixture from here

START = "import altair as alt\nfrom taskkit.report import start_notebook\nstart_notebook()"
GUIDED = sorted(path.name for path in bundled("notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def lab(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A JupyterLab on a copy of the notebooks and the sample, with settings of its own."""
    root = tmp_path_factory.mktemp("lab")
    write_notebook(root / "notebooks" / "small.ipynb", START, CHART)
    for name in GUIDED:
        shutil.copy(bundled("notebooks") / name, root / "notebooks" / name)
    (root / "data").mkdir()
    (root / "data" / "samples").symlink_to(bundled("samples"))
    with serve_lab(root) as server:
        yield server


def test_a_chart_draws_and_its_slider_works(window: SimpleNamespace, lab: SimpleNamespace) -> None:
    run_notebook(window, lab, "small.ipynb")
    chart = window.page.locator(".jp-OutputArea .tk-chart").first
    chart.locator("svg .mark-rect path").nth(3).wait_for(state="attached", timeout=20_000)
    chart.locator("input[type=range]").fill("2")
    window.page.wait_for_function("() => document.querySelectorAll('.tk-chart .mark-rect path').length == 2")
    outside = [url for url in window.requests if not re.match(rf"(data|blob):|{lab.address}/", url)]
    assert outside == []
