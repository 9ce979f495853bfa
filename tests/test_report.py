"""Pages: complete, private, the same for the same input, and never half a report."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from taskkit.errors import LogFileError, SettingError, TaskkitError
from taskkit.report import bundled, write_report
from taskkit.report.offline import describe, render_chart, vega_bundle
from taskkit.report.pages import data_digest, private_texts
from taskkit.report.tables import render_table
from tests.conftest import CHART, write_notebook

MakeNotebook = Callable[..., Path]

CHART_CELLS = (
    "import altair as alt, taskkit as tk\nfrom taskkit.report import start_notebook\nstart_notebook()",
    CHART,
)
FINDING = """from IPython.display import display
carried = {"application/x-taskkit-finding+json": {"finding": "Invoices recur."}, "text/html": "<p>Invoices recur.</p>"}
display(carried, raw=True)"""
POSTURE = """from IPython.display import display
card = {"application/x-taskkit-posture+json": [["people", "14 people, under pseudonyms."]], "text/html": "<p>card</p>"}
display(card, raw=True)"""


LEAKS = """import os, sys, tempfile, warnings
print(LOG, RESULTS, os.getcwd(), os.path.expanduser("~/secret"), tempfile.gettempdir())
warnings.warn("careful")
{"at": LOG}"""
SETTINGS = """import os
print("given", LOG.endswith("desks.csv"), PROCESS_LOG, METHOD, MIN_PEOPLE, os.environ["TASKKIT_STATIC"])
print(oct(os.stat(RESULTS).st_mode))
open(RESULTS + "/rows", "w").write("made by the first")"""
READS = "print(open(RESULTS + '/rows').read())"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "desks.csv"
    path.write_text("timestamp,app\n2026-03-02T08:00,erp\n")
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A report of three small notebooks, made twice; what it left in the folder for temporary files is noted."""
    place, temporary = tmp_path_factory.mktemp("small"), tmp_path_factory.mktemp("t")
    log = place / "desks.csv"
    log.write_text("timestamp,app\n2026-03-02T08:00,erp\n")
    text = "# Look\n\nSome context. What **recurs** here? More."
    notebooks = [
        write_notebook(place / "00_first.ipynb", SETTINGS, POSTURE, text=text),
        write_notebook(place / "01_charts.ipynb", *CHART_CELLS, CHART, READS),
        write_notebook(
            place / "02_end.ipynb",
            READS,
            LEAKS,
            "import polars as pl\nfrom taskkit.report import start_notebook\nstart_notebook()\npl.DataFrame({'task': ['T01']})",
            "import ipywidgets\nipywidgets.IntSlider()",
            FINDING,
        ),
    ]
    given = {"notebooks": notebooks, "method": "gap", "min_people": 7, "progress": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        patch.setattr(tempfile, "tempdir", str(temporary))
        first, second = (write_report(log, out=place / name, **given).parent for name in "xy")
        left = list(temporary.iterdir())
    pages = {path.name: path.read_text() for path in first.iterdir()}
    return SimpleNamespace(log=log, place=place, out=first, again=second, pages=pages, temporary=temporary, left=left)


def test_every_notebook_becomes_a_page_and_an_index_links_them(small: SimpleNamespace) -> None:
    assert sorted(small.pages) == ["00_first.html", "01_charts.html", "02_end.html", "index.html"]
    assert 'href="00_first.html"' in small.pages["index.html"]
    assert 'href="01_charts.html" rel="next"' in small.pages["00_first.html"]
    assert 'href="01_charts.html" rel="prev"' in small.pages["02_end.html"]


def test_index_shows_question_finding_posture_and_data(small: SimpleNamespace) -> None:
    digest = data_digest(small.log)[:16]
    for words in ("What recurs here?", "Invoices recur.", "14 people, under pseudonyms.", "desks.csv", digest):
        assert words in small.pages["index.html"]


def test_the_guided_pages_are_numbered_and_others_are_listed_below(make_notebook: MakeNotebook, log: Path) -> None:
    said = "# What recurs?\n\nnotebook 05 heeds it."
    names = {
        "00_start_here": said,
        "00_mine": "# My own",
        "05_automation": "# Worth it?",
        "05_automation-Copy1": "# Worth it?",
    }
    made = [make_notebook(name, text=text) for name, text in names.items()]
    index = write_report(log, out=log.parent / "out", notebooks=made[0].parent, progress=False)
    path, _, further = index.read_text().partition("Further notebooks")
    pages = r'href="([\w-]+)\.html">[^<\d]'  # in the list a title, in the navigation a number first
    assert re.findall(pages, path.partition("<main")[2]) == ["00_start_here", "05_automation"]
    assert re.findall(pages, further) == ["00_mine", "05_automation-Copy1"]
    first, own = (index.with_name(f"{name}.html").read_text() for name in ("00_start_here", "00_mine"))
    assert all(words in first for words in ("1 of 2", ">2 Automation</a>", "“Worth it?” heeds it."))
    assert "further notebook<" in own
    assert ">Worth it? (05_automation-Copy1)</a>" in further


def test_the_given_values_and_the_static_mode_reach_the_notebook(small: SimpleNamespace) -> None:
    assert "given True None gap 7 1" in small.pages["00_first.html"]


def test_later_notebooks_read_the_results_of_the_first(small: SimpleNamespace) -> None:
    assert all("made by the first" in small.pages[name] for name in ("01_charts.html", "02_end.html"))


def test_the_folder_of_results_is_private_and_removed(small: SimpleNamespace) -> None:
    assert "0o40700" in small.pages["00_first.html"]
    assert small.left == []


def test_two_runs_give_the_same_bytes(small: SimpleNamespace) -> None:
    assert {path.name: path.read_text() for path in small.again.iterdir()} == small.pages


def test_pages_name_nothing_of_the_machine(small: SimpleNamespace) -> None:
    library = vega_bundle()
    html = "".join(small.pages.values()).replace(library, "").replace("~/secret", "")
    for secret in (Path.home(), small.temporary, small.place, os.uname().nodename, "ipykernel_", sys.prefix):
        assert not re.search(rf"(?<![\w.-]){re.escape(str(secret))}(?!\w)", html), secret
    assert "desks.csv results" in small.pages["02_end.html"]


def test_pages_are_readable_by_their_owner_only(small: SimpleNamespace) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in small.out.iterdir()} == {0o600}


def test_vega_is_on_a_page_once_and_only_where_a_chart_is(small: SimpleNamespace) -> None:
    counts = {name: html.count("if(!window.vegaEmbed){(function()") for name, html in small.pages.items()}
    assert counts == {"00_first.html": 0, "01_charts.html": 1, "02_end.html": 0, "index.html": 0}
    assert len(small.pages["01_charts.html"]) < 2_000_000


def test_frames_of_a_notebook_are_shown_as_such_tables(small: SimpleNamespace) -> None:
    assert "<td>T01</td>" in small.pages["02_end.html"]


def test_a_widget_without_a_static_twin_is_said_to_be_missing(small: SimpleNamespace) -> None:
    assert "This control needs a running notebook" in small.pages["02_end.html"]


def test_every_page_has_one_heading_language_and_landmarks(small: SimpleNamespace) -> None:
    for html in small.pages.values():
        assert html.count("<h1") == 1
        assert re.search(r'<html[^>]*lang="en"', html)
        assert "<main" in html
        assert '<nav aria-label="Pages">' in html
        assert re.search(r"<title>.+</title>", html)


def test_code_is_shown_only_on_request_and_without_paths(
    small: SimpleNamespace, make_notebook: MakeNotebook, log: Path
) -> None:  # fmt: skip
    notebook = make_notebook("a", "print('answer', 6 * 7)")
    shown = write_report(log, out=log.parent / "out", notebooks=[notebook], show_code=True, progress=False)
    html = shown.with_name("a.html").read_text()
    assert "MIN_PEOPLE" in html
    assert "desks.csv" in html
    assert str(log.parent) not in html
    assert "MIN_PEOPLE" not in small.pages["00_first.html"]


def test_a_path_inside_a_longer_one_is_left_alone() -> None:
    texts = private_texts({Path("/srv/logs/desks.csv"): "desks.csv"})
    assert texts["/srv/logs/desks.csv"] == "desks.csv"
    assert next(iter(texts)) == "/srv/logs/desks.csv"


def test_a_failing_notebook_stops_the_report_and_leaves_no_page(make_notebook: MakeNotebook, log: Path) -> None:
    good, bad = make_notebook("a", "1"), make_notebook("b", "1", "raise ValueError('no such column')")
    out = log.parent / "out"
    with pytest.raises(TaskkitError, match=r"b\.ipynb, code cell 3 .*\n.*ValueError: no such column"):
        write_report(log, out=out, notebooks=[good, bad], progress=False)
    assert not out.exists()


def test_it_works_inside_a_running_event_loop(make_notebook: MakeNotebook, log: Path) -> None:
    import asyncio

    async def inside_jupyter() -> Path:
        return write_report(log, out=log.parent / "out", notebooks=[make_notebook("a")], progress=False)

    with ThreadPoolExecutor(1) as thread:  # the browser tests may have a loop running in this one
        assert thread.submit(asyncio.run, inside_jupyter()).result().is_file()


def test_progress_is_one_line_a_notebook_where_there_is_no_terminal(
    make_notebook: MakeNotebook, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(log, out=log.parent / "out", notebooks=[make_notebook("a"), make_notebook("b")])
    said = capsys.readouterr().err
    assert [line.split(":")[0] for line in said.splitlines()] == ["a", "b"]


def test_errors_name_what_is_missing(make_notebook: MakeNotebook, log: Path) -> None:
    with pytest.raises(LogFileError, match="no log at nowhere"):
        write_report("nowhere")
    with pytest.raises(SettingError, match="Unknown segmentation method 'gapp'"):
        write_report(log, notebooks=[make_notebook("a")], method="gapp")
    with pytest.raises(SettingError, match="min_people is 0"):
        write_report(log, notebooks=[make_notebook("a")], min_people=0)
    with pytest.raises(SettingError, match="Known: notebooks, samples"):
        bundled("data")


def test_a_notebook_without_parameters_is_refused(log: Path, tmp_path: Path) -> None:
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "plain.ipynb").write_text(json.dumps(notebook))
    with pytest.raises(TaskkitError, match=r"plain\.ipynb has no cell tagged `parameters`"):
        write_report(log, out=tmp_path / "out", notebooks=tmp_path / "plain.ipynb", progress=False)


def test_a_chart_cannot_break_out_of_its_script() -> None:
    html = render_chart({"title": "</script><script>alert(1)</script>", "data": {"name": "<!--"}})["text/html"]
    assert html.count("<script") == 2
    assert "<!--" not in html
    assert "alert(1)</script>" not in html


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"description": "d", "title": "t"}, "d"),
        ({"title": {"text": ["a", "b"], "subtitle": "s"}}, "a b. s"),
        ({"vconcat": [{}, {"title": "inner"}]}, "inner"),
        ({"spec": {"title": "facet"}}, "facet"),
        ({}, "Chart"),
    ],
)
def test_every_chart_has_words_for_a_screen_reader(spec: dict[str, object], words: str) -> None:
    assert describe(spec) == words


def test_frames_become_tables_that_read_well() -> None:
    frame = pl.DataFrame({"name": ["<b>"] * 31, "hours": [1234.56] * 31, "apps": [["erp", "mail"]] * 31})
    table = render_table(frame)
    assert "&lt;b&gt;" in table
    assert '<td style="text-align:right">1,235</td><td>erp, mail</td>' in table
    assert table.count("<tr>") == 31
    assert "30 of 31 rows." in table
    assert "No rows." in render_table(frame.clear())


def test_data_digest_knows_content_and_not_place(tmp_path: Path) -> None:
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "log.parquet").write_bytes(b"rows")
    same = data_digest(tmp_path / "x") == data_digest(tmp_path / "y")
    (tmp_path / "y" / "log.parquet").write_bytes(b"other rows")
    assert same
    assert data_digest(tmp_path / "x") != data_digest(tmp_path / "y")
