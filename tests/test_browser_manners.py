"""How tables and charts of a page behave in a real browser: sorting, filtering, unfolding, copying, dark, print."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from taskkit.report import write_report
from tests.conftest import CHART, write_notebook

START = """import altair as alt, polars as pl, taskkit as tk
from datetime import date
from taskkit.report import start_notebook
start_notebook()"""
TABLE = """tk.widgets.table(pl.DataFrame({
    "task": [f"Task {n:02}" for n in range(24)],
    "seen": [n * 37 % 24 * 100 for n in range(24)],
    "active_hours": [None, *(float(n) for n in range(23))],
    "day": [date(2026, 3, 28 - n) for n in range(24)],
    "people": [9] * 10 + [2] + [9] * 13,
}), caption="Tasks <i>seen</i>", min_people=5, keep=["task"], most=6)"""
SMALL = 'tk.widgets.table(pl.DataFrame({"a": ["x", "y"], "b": [1, 2]}), caption="Two rows")'
WIDE = 'pl.DataFrame({f"a_rather_long_column_{n}": [n * 123456789] * 40 for n in range(20)})'
COLOURED = """alt.Chart(alt.Data(values=[{"x": n} for n in range(4)]), title="On white", background="white").mark_bar(
    color="#0072B2").encode(x=alt.X("x:O", axis=alt.Axis(labelColor="#1D2430")), y="x:Q")"""
TALL = """alt.Chart(alt.Data(values=[{{"x": 1}}]), title="{0}").mark_bar().encode(x="x:Q").properties(width=600, height={1})"""
ROWS = """tk.widgets.table(pl.DataFrame({
    "place": [f"Place {n:02}" for n in range(60)], "what": [f"First{n:02} " + "and so on " * 30 + f"last{n:02}" for n in range(60)],
}), caption="Long rows", most=60)"""
COLUMN = """number => [...document.querySelectorAll('.tk-table table')][0].tBodies[0].rows.length && [...[...
    document.querySelectorAll('.tk-table table')][0].tBodies[0].rows].filter(row => !row.hidden)
    .map(row => (row.cells[number] || row.cells[1]).textContent)"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("manners")
    (place / "desks.csv").write_text("timestamp,app\n")
    notebook = write_notebook(place / "a.ipynb", START, TABLE, SMALL, CHART, COLOURED, WIDE)
    return write_report(place / "desks.csv", out=place / "out", notebooks=[notebook], progress=False).with_name(
        "a.html"
    )


@pytest.fixture
def opened(window: SimpleNamespace, page: Path) -> Any:
    return visit(window.page, page)


def visit(tab: Any, page: Path) -> Any:
    tab.goto(page.as_uri())
    tab.wait_for_function("() => document.querySelectorAll('.tk-tools').length == 2", timeout=20_000)
    return tab


def numbers(tab: Any, column: int) -> list[str]:
    found = tab.evaluate(COLUMN, column)
    assert isinstance(found, list)
    return found


def first_table(tab: Any) -> Any:
    return tab.locator(".tk-table").first


def test_a_click_on_a_heading_sorts_by_number(opened: Any) -> None:
    first_table(opened).get_by_role("button", name="seen", exact=True).click()
    assert numbers(opened, 1) == ["2,300", "2,200", "2,100", "2,000", "1,900", "1,800"]
    assert first_table(opened).get_by_role("columnheader", name="seen").get_attribute("aria-sort") == "descending"


def test_enter_on_a_heading_sorts_and_a_third_time_restores(opened: Any) -> None:
    before = numbers(opened, 1)
    first_table(opened).get_by_role("button", name="seen", exact=True).focus()
    opened.keyboard.press("Enter")
    opened.keyboard.press("Enter")
    assert numbers(opened, 1) == ["0", "100", "200", "300", "400", "500"]
    opened.keyboard.press("Space")
    assert numbers(opened, 1) == before
    assert first_table(opened).get_by_role("columnheader", name="seen").get_attribute("aria-sort") == "none"


def test_days_sort_by_the_calendar(opened: Any) -> None:
    first_table(opened).get_by_role("button", name="day").click()
    assert numbers(opened, 3)[:2] == ["Thu 05 Mar 2026", "Fri 06 Mar 2026"]


@pytest.mark.parametrize("clicks", [1, 2])
def test_what_is_not_known_or_hidden_stands_last(opened: Any, clicks: int) -> None:
    first_table(opened).get_by_role("button", name="Show 18 more rows").click()
    for _ in range(clicks):
        first_table(opened).get_by_role("button", name="active time").click()
    assert numbers(opened, 2)[-2:] == ["–", "hidden (fewer than 5 people)"]


def test_all_rows_of_a_cut_table_are_reached(opened: Any) -> None:
    assert len(numbers(opened, 1)) == 6
    assert first_table(opened).get_by_text("18 more rows").is_visible()
    unfold = first_table(opened).get_by_role("button", name="Show 18 more rows")
    unfold.press("Enter")
    assert len(numbers(opened, 1)) == 24
    first_table(opened).get_by_role("button", name="Show fewer rows").press("Enter")
    assert len(numbers(opened, 1)) == 6


def test_the_filter_finds_folded_rows_and_says_how_many(opened: Any) -> None:
    opened.get_by_role("searchbox", name="Filter the rows of: Tasks <i>seen</i>").fill("SUN mar")
    assert numbers(opened, 0) == ["Task 06", "Task 13", "Task 20"]
    assert first_table(opened).get_by_role("status").inner_text() == "3 of 24 rows"


def test_a_short_table_has_no_filter(opened: Any) -> None:
    assert opened.locator(".tk-table", has_text="Two rows").get_by_role("searchbox").count() == 0


def test_a_table_that_is_too_wide_is_reached_by_keyboard_and_others_are_not(opened: Any) -> None:
    wide = opened.locator(".tk-table", has_text="a_rather_long_column_19")
    opened.wait_for_function("() => [...document.querySelectorAll('.tk-table')].at(-1).tabIndex === 0")
    assert wide.get_attribute("role") == "group"
    assert first_table(opened).get_attribute("tabindex") is None


def test_copy_puts_a_png_on_the_clipboard(browser: Any, page: Path) -> None:
    context = browser.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab = visit(context.new_page(), page)
    tab.get_by_role("button", name="Copy PNG: Steps per task").press("Enter")
    tab.get_by_text("Copied.").wait_for(timeout=10_000)
    start = tab.evaluate("""async () => { const [item] = await navigator.clipboard.read();
        return [...new Uint8Array(await (await item.getType('image/png')).arrayBuffer())].slice(0, 8) }""")
    context.close()
    assert bytes(start) == b"\x89PNG\r\n\x1a\n"


def test_copy_saves_a_file_where_the_clipboard_is_closed(window: SimpleNamespace, page: Path, tmp_path: Path) -> None:
    window.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    tab = visit(window.page, page)
    with tab.expect_download() as saved:
        tab.get_by_role("button", name="Copy PNG: Steps per task").press("Enter")
    saved.value.save_as(tmp_path / "chart.png")
    assert saved.value.suggested_filename == "steps-per-task.png"
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_an_svg_from_a_dark_page_is_light(browser: Any, page: Path, tmp_path: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    tab = visit(context.new_page(), page)
    with tab.expect_download() as saved:
        tab.get_by_role("button", name="Save SVG: On white").press("Enter")
    saved.value.save_as(tmp_path / "chart.svg")
    context.close()
    drawing = (tmp_path / "chart.svg").read_text()
    assert "#0072B2" in drawing
    assert 'fill="white"' in drawing or "background-color: white" in drawing
    assert "#1D2430" in drawing


def brightness(tab: Any, what: str, name: str) -> float:
    """How bright a colour on the page is, 0 to 255."""
    colour = tab.evaluate("([what, name]) => getComputedStyle(document.querySelector(what))[name]", [what, name])
    parts = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


LABEL = ".tk-chart svg text[fill='#1D2430']"


def test_a_dark_page_draws_dark_and_follows_a_change(browser: Any, page: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    tab = visit(context.new_page(), page)
    places = ((LABEL, "fill"), ("body", "color"), (".tk-table td", "color"))
    assert min(brightness(tab, *place) for place in places) > 180
    assert max(brightness(tab, what, "backgroundColor") for what in ("body", ".tk-table td", ".tk-figure")) < 60
    tab.emulate_media(color_scheme="light")
    tab.wait_for_function("() => !document.documentElement.classList.contains('tk-dark')")
    assert max(brightness(tab, *place) for place in places) < 80
    context.close()


def test_a_dark_page_prints_light(browser: Any, page: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    tab = visit(context.new_page(), page)
    tab.emulate_media(media="print", color_scheme="dark")
    assert brightness(tab, LABEL, "fill") < 80
    assert brightness(tab, "body", "color") < 80
    assert brightness(tab, "body", "backgroundColor") > 240
    context.close()


def test_print_hides_what_is_for_clicking(opened: Any) -> None:
    opened.emulate_media(media="print")
    for what in (".tk-tools", ".tk-filter", ".tk-count + button", ".vega-bindings", "header"):
        assert not opened.locator(what).first.is_visible(), what


def paper_texts(tab: Any, path: Path) -> list[str]:
    """Print to A4 and return the words of each page of paper."""
    reader = shutil.which("pdftotext")
    if reader is None:
        pytest.skip("no pdftotext on this machine")
    tab.pdf(path=path, prefer_css_page_size=True)
    text = subprocess.run([reader, "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
    return text.split("\f")[:-1]


def page_of(words: str, pages: list[str]) -> int:
    """The number of the one page of paper on which words stand."""
    (found,) = [number for number, text in enumerate(pages) if words in text]
    return found


def test_nothing_of_a_chart_or_table_is_cut_on_paper(opened: Any) -> None:
    opened.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    opened.set_viewport_size({"width": 710, "height": 1016})  # A4 less its margins
    opened.emulate_media(media="print")
    cut = """() => [...document.querySelectorAll('.tk-chart svg, .tk-table table')]
        .filter(each => each.getBoundingClientRect().right > 711).map(each => each.textContent.slice(0, 60))"""
    assert opened.evaluate(cut) == []


def test_the_pdf_has_the_titles_and_page_numbers(opened: Any, tmp_path: Path) -> None:
    pages = paper_texts(opened, tmp_path / "page.pdf")
    text = "".join(pages)
    assert all(title in text for title in ("Steps per task", "On white", "Two rows"))
    assert re.search(rf"1\s*/\s*{len(pages)}\b", text)
    assert 1 <= len(pages) <= 4


@pytest.fixture(scope="module")
def long_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tall charts of which the second does not quite fit the rest of a page, then one that never does, then a table."""
    place = tmp_path_factory.mktemp("paper")
    (place / "desks.csv").write_text("timestamp,app\n")
    cells = [
        START,
        TALL.format("First chart", 330),
        TALL.format("Second chart", 420),
        TALL.format("Third chart", 2000),
        ROWS,
    ]
    notebook = write_notebook(place / "a.ipynb", *cells)
    texts = ["", "", "## Second heading\n\nWhat the second one shows.", "## Third heading", "## Fourth heading"]
    read = nbformat.read(notebook, as_version=4)
    for number, text in reversed(list(enumerate(texts, 2))):
        if text:
            read.cells.insert(number, nbformat.v4.new_markdown_cell(text))
    nbformat.write(read, notebook)
    index = write_report(place / "desks.csv", out=place / "out", notebooks=[notebook], progress=False)
    return index.with_name("a.html")


@pytest.fixture
def long_tab(window: SimpleNamespace, long_page: Path) -> Any:
    window.page.goto(long_page.as_uri())
    window.page.wait_for_function("() => document.querySelectorAll('.tk-tools').length == 3", timeout=20_000)
    return window.page


def test_a_chart_that_nearly_fits_the_rest_of_a_page_is_made_to_fit(long_tab: Any, tmp_path: Path) -> None:
    pages = paper_texts(long_tab, tmp_path / "page.pdf")
    assert page_of("First chart", pages) == page_of("Second chart", pages) == 0
    assert long_tab.evaluate("() => document.querySelector('main').className") == ""  # the screen is as it was
    fits = "() => [...document.querySelectorAll('.tk-chart svg')].map(svg => svg.style.getPropertyValue('--tk-fit'))"
    assert [fit != "" for fit in long_tab.evaluate(fits)] == [False, True, False]


def test_only_a_table_that_is_too_wide_is_set_smaller_on_paper(opened: Any, long_page: Path) -> None:
    zoomed = """() => { window.dispatchEvent(new Event('beforeprint'));
        return [...document.querySelectorAll('table')].map(table => table.style.getPropertyValue('--tk-zoom') !== '') }"""
    assert opened.evaluate(zoomed) == [False, False, True]
    opened.goto(long_page.as_uri())
    assert opened.evaluate(zoomed) == [False]  # long, not wide


def test_no_chart_is_taller_than_the_paper(long_tab: Any) -> None:
    long_tab.emulate_media(media="print")
    assert (
        max(
            long_tab.evaluate(
                "() => [...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().height)"
            )
        )
        < 900
    )


def test_headings_stand_on_paper_with_what_they_speak_of(long_tab: Any, tmp_path: Path) -> None:
    pages = paper_texts(long_tab, tmp_path / "page.pdf")
    for heading, what in (
        ("Second heading", "Second chart"),
        ("Third heading", "Third chart"),
        ("Fourth heading", "First00"),
    ):
        assert page_of(heading, pages) == page_of(what, pages), heading


def test_rows_are_whole_on_paper_and_heads_repeat(long_tab: Any, tmp_path: Path) -> None:
    pages = paper_texts(long_tab, tmp_path / "page.pdf")
    assert all(page_of(f"First{n:02}", pages) == page_of(f"last{n:02}", pages) for n in range(60))
    with_rows = [text for text in pages if "Place " in text]
    assert len(with_rows) > 1
    assert all(re.search(r"place\s+what", text) for text in with_rows)


def test_a_wide_table_has_an_edge_that_is_seen(opened: Any) -> None:
    """What is left over is shaded at the side; the cells must let the shade through."""
    wide = opened.locator(".tk-table", has_text="a_rather_long_column_19")
    assert wide.evaluate("box => box.scrollWidth > box.clientWidth")
    assert wide.evaluate("box => getComputedStyle(box).backgroundImage.split('linear-gradient').length") == 5
    assert wide.locator("td").first.evaluate("cell => getComputedStyle(cell).backgroundColor") == "rgba(0, 0, 0, 0)"


def test_a_page_without_scripts_shows_every_row_and_says_what_is_missing(browser: Any, page: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page.as_uri())
    assert tab.get_by_text("Scripts are switched off in this browser").is_visible()
    assert tab.locator(".tk-table").first.locator("tbody tr >> visible=true").count() == 24
    context.close()


def test_the_script_may_run_twice(opened: Any) -> None:
    script = (Path(__file__).parents[1] / "taskkit" / "report" / "page.js").read_text()
    opened.evaluate(script)
    opened.evaluate("() => { const box = document.createElement('p'); document.body.append(box); }")
    opened.wait_for_timeout(200)
    assert first_table(opened).locator(".tk-filter").count() == 1
    assert first_table(opened).locator("th").first.locator("button").count() == 1
