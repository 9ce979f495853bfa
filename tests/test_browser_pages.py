"""Exported pages in a real browser, with no network: charts draw, controls work, nobody is asked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from taskkit.report import write_report
from tests.conftest import CHART, write_notebook

DRAWN = (
    "() => [...document.querySelectorAll('.tk-chart')].every(c => c.querySelector('svg, canvas') || c.dataset.failed)"
)
# charts without a mark in them, whatever the mark is drawn with
EMPTY = """() => [...document.querySelectorAll('.tk-chart')].filter(c => !c.querySelector('canvas') &&
    !c.querySelector('svg .mark-rect path, svg .mark-symbol path, svg .mark-line path, svg .mark-area path, ' +
                     'svg .mark-rule line, svg .mark-text text, svg .mark-arc path, svg .mark-trail path'))
    .map(c => c.getAttribute('aria-label') + ': ' + c.textContent.slice(0, 200))"""


@pytest.fixture(scope="module")
def chart_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("page")
    (place / "desks.csv").write_text("timestamp,app\n")
    start = "import altair as alt\nfrom taskkit.report import start_notebook\nstart_notebook()"
    notebooks = [write_notebook(place / "a.ipynb", start, CHART, CHART), write_notebook(place / "b.ipynb", "1 + 1")]
    return write_report(place / "desks.csv", out=place / "out", notebooks=notebooks, progress=False).with_name("a.html")


def open_page(window: SimpleNamespace, path: Path) -> None:
    """Open a page from disk and see that it is whole: every chart drawn, no error, nothing asked of anybody."""
    window.errors.clear()
    window.requests.clear()
    window.page.goto(path.as_uri())
    window.page.wait_for_function(DRAWN, timeout=20_000)
    assert window.page.evaluate(EMPTY) == [], path.name
    assert window.errors == [], path.name
    outside = [url for url in window.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert outside == [], path.name


def test_charts_draw_with_no_network(window: SimpleNamespace, chart_page: Path) -> None:
    open_page(window, chart_page)
    assert window.page.locator(".tk-chart svg").count() == 2


def test_a_bound_control_changes_its_chart(window: SimpleNamespace, chart_page: Path) -> None:
    open_page(window, chart_page)
    chart = window.page.locator(".tk-chart").first
    assert chart.locator(".mark-rect path").count() == 4
    chart.locator("input[type=range]").fill("2")
    window.page.wait_for_function(
        "() => document.querySelector('.tk-chart').querySelectorAll('.mark-rect path').length == 2"
    )
    assert window.page.locator(".tk-chart").last.locator(".mark-rect path").count() == 4  # its own chart, no other


def test_a_chart_is_named_and_reached_by_keyboard(window: SimpleNamespace, chart_page: Path) -> None:
    open_page(window, chart_page)
    chart = window.page.locator("[role=graphics-document][aria-label='Steps per task']").first
    for _ in range(12):
        window.page.keyboard.press("Tab")
        if chart.evaluate("c => c === document.activeElement"):
            break
    assert chart.evaluate("c => c === document.activeElement")


def test_navigation_leads_through_all_pages(window: SimpleNamespace, chart_page: Path) -> None:
    open_page(window, chart_page.with_name("index.html"))
    window.page.locator(".tk-pages a").first.click()
    window.page.get_by_role("navigation", name="Previous and next page").locator("a[rel=next]").click()
    assert window.page.url.endswith("/b.html")
    assert window.page.locator("a[aria-current=page]").count() == 1


def test_a_page_fits_a_narrow_window(window: SimpleNamespace, chart_page: Path) -> None:
    window.page.set_viewport_size({"width": 400, "height": 800})
    open_page(window, chart_page)
    assert window.page.evaluate("() => document.documentElement.scrollWidth") <= 400


def test_every_page_of_the_sample_report_is_whole(window: SimpleNamespace, sample_report: list[Path]) -> None:
    for path in sample_report:
        open_page(window, path)
        assert window.page.locator("h1").count() == 1, path.name
        assert path.stat().st_size < 2_000_000, path.name


def test_no_table_of_the_sample_report_is_cut(window: SimpleNamespace, sample_report: list[Path]) -> None:
    cut = """() => [...document.querySelectorAll('.tk-table')].filter(box => box.scrollWidth > box.clientWidth + 1)
        .map(box => box.textContent.slice(0, 60))"""
    found = {}
    for path in sample_report:
        open_page(window, path)
        found[path.name] = window.page.evaluate(cut)
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_charts_and_tables_of_the_sample_report_fit_paper(
    window: SimpleNamespace, sample_report: list[Path]
) -> None:  # fmt: skip
    larger = """() => [...document.querySelectorAll('.tk-chart svg, .tk-table table')].filter(each => {
        const box = each.getBoundingClientRect();
        return box.right > 711 || (each.tagName === 'svg' && box.height > 900); }).map(each => each.textContent.slice(0, 60))"""
    found = {}
    for path in sample_report:
        open_page(window, path)
        window.page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
        window.page.set_viewport_size({"width": 710, "height": 1016})  # A4 less its margins
        window.page.emulate_media(media="print")
        found[path.name] = window.page.evaluate(larger)
        window.page.emulate_media(media="screen")
        window.page.set_viewport_size({"width": 1300, "height": 1000})
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_the_sample_report_has_charts_and_findings(window: SimpleNamespace, sample_report: list[Path]) -> None:
    charts = 0
    for path in sample_report[1:]:
        open_page(window, path)
        charts += window.page.locator(".tk-chart").count()
    open_page(window, sample_report[0])
    assert charts >= len(sample_report) - 2
    assert window.page.get_by_text("No finding is recorded").count() == 0


def test_bound_controls_of_the_sample_report_redraw(window: SimpleNamespace, sample_report: list[Path]) -> None:
    moved = 0
    for path in sample_report[1:]:
        open_page(window, path)
        for control in window.page.locator(".tk-chart select").all():
            chart = control.locator("xpath=ancestor::div[contains(@class, 'tk-chart')]")
            before = chart.locator("svg").first.inner_html()
            last = control.locator("option").count() - 1
            at_last = control.evaluate("box => box.selectedIndex") == last
            control.select_option(index=0 if at_last else last)
            window.page.wait_for_timeout(300)
            assert chart.locator("svg").first.inner_html() != before, path.name
            moved += 1
        assert window.errors == [], path.name
    assert moved >= 5, "pages are meant to be explored without a kernel"
