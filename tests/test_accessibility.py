"""Every page of the sample's report, seen with axe-core: light and dark, wide and narrow, nothing serious."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.test_browser_pages import DRAWN

axe_package = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
FOUND = """() => axe.run(document, {resultTypes: ['violations']}).then(result => result.violations
    .filter(each => ['serious', 'critical'].includes(each.impact))
    .flatMap(each => each.nodes.map(node => `${each.id}: ${node.html.slice(0, 160)}`)))"""


@pytest.fixture(scope="module", params=[("light", 1300), ("dark", 1300), ("light", 400), ("dark", 800)], ids=str)
def tab(request: pytest.FixtureRequest, browser: Any) -> Any:
    scheme, width = request.param
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 1000})
    yield context.new_page()
    context.close()


def violations(tab: Any, path: Path) -> list[str]:
    tab.goto(path.as_uri())
    tab.wait_for_function(DRAWN, timeout=30_000)
    tab.wait_for_timeout(200)  # what is wider than its place is told by the browser a moment later
    # a page allows no script from elsewhere: axe is given to it as the tests themselves are
    tab.evaluate((Path(axe_package.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = tab.evaluate(FOUND)
    assert isinstance(found, list)
    return found


def test_no_page_of_the_sample_has_a_serious_violation(tab: Any, sample_report: list[Path]) -> None:
    found = {path.name: violations(tab, path) for path in sample_report}
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_axe_would_see_one(tab: Any, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text("<!doctype html><html lang='en'><title>a</title><main><h1>a</h1><select><option>1</select></main>")
    assert any(text.startswith("select-name") for text in violations(tab, path))


def test_every_page_of_the_sample_fits_its_window(tab: Any, sample_report: list[Path]) -> None:
    wide = {}
    for path in sample_report:
        tab.goto(path.as_uri())
        tab.wait_for_function(DRAWN, timeout=30_000)
        if (width := tab.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")) > 0:
            wide[path.name] = width
    assert wide == {}
