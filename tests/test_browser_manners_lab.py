"""Tables and charts in a live notebook behave as on a page: sorting, filtering, copying, and JupyterLab's dark theme."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.conftest import CHART, write_notebook
from tests.test_browser_lab import lab, run_notebook  # noqa: F401  a fixture is found by its name

START = "import altair as alt, polars as pl, taskkit as tk\nfrom taskkit.report import start_notebook\nstart_notebook()"
TABLE = """tk.widgets.table(pl.DataFrame({"task": [f"Task {n:02}" for n in range(12)],
    "seen": [n * 5 % 12 for n in range(12)]}), caption="Tasks seen", most=6)"""
COLOURED = f'import altair as alt\n{CHART}.configure_axis(labelColor="#1D2430")'
ROWS = "rows => rows.filter(row => !row.hidden).map(row => row.cells[1].textContent)"


@pytest.fixture
def notebook(window: SimpleNamespace, lab: SimpleNamespace) -> SimpleNamespace:  # noqa: F811
    write_notebook(lab.root / "notebooks" / "manners.ipynb", START, TABLE, COLOURED, START)
    run_notebook(window, lab, "manners.ipynb")
    window.page.locator(".jp-OutputArea .tk-tools").first.wait_for(state="attached", timeout=20_000)
    return window


def test_tables_sort_and_filter_in_a_notebook(notebook: SimpleNamespace) -> None:
    table = notebook.page.locator(".jp-OutputArea .tk-table", has_text="Tasks seen")
    table.get_by_role("button", name="seen", exact=True).focus()
    notebook.page.keyboard.press("Enter")
    assert table.locator("tbody tr").evaluate_all(ROWS) == ["11", "10", "9", "8", "7", "6"]
    table.get_by_role("searchbox").press_sequentially("task 07")  # letters that are shortcuts elsewhere
    assert table.locator("tbody tr").evaluate_all(ROWS) == ["11"]
    assert notebook.page.locator(".tk-filter").count() == 1


def test_a_chart_is_copied_from_a_notebook_and_follows_its_dark_theme(notebook: SimpleNamespace) -> None:
    page = notebook.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy PNG: Steps per task").press("Enter")
    page.get_by_text("Copied.").wait_for(timeout=10_000)
    kinds = page.evaluate("async () => (await navigator.clipboard.read())[0].types")
    assert kinds == ["image/png"]
    colour = "() => getComputedStyle(document.querySelector(\".tk-chart svg text[fill='#1D2430']\")).fill"
    light = page.evaluate(colour)
    page.evaluate("() => document.body.setAttribute('data-jp-theme-light', 'false')")
    page.wait_for_function("() => document.documentElement.classList.contains('tk-dark')")
    assert light == "rgb(29, 36, 48)"
    assert page.evaluate(colour) != light
    assert (
        page.evaluate("() => getComputedStyle(document.querySelector('.tk-table td')).backgroundColor")
        == "rgb(20, 24, 31)"
    )
