"""What a person waits for in the workshop: the first chart in JupyterLab and in the room, and an example in the editor.

uv run python benchmarks/workshop.py [--quick] [--kept] [--only NOTEBOOK] [--runs 3] [--clicks 7]
    [--project FOLDER]

A real Chromium against a real JupyterLab and a real Voilà, on a project of the worked example; times run in the page.
Cold: the folder of results is emptied before; kept: the results lie there, as on every later opening. Each run has a fresh
kernel. `--quick` takes one notebook, once; `--only` those whose name holds the word; `--kept` leaves the cold openings out;
`--project` takes a project of one's own, with the results that are kept in it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import taskkit as tk
from taskkit.report import bundled
from tests.browser_lab import ALL_RAN, TOKEN, serve_lab, serve_room
from tests.conftest import CHROMIUM_FLAGS

# the first picture is noted by the page itself; the clock of a page begins with its navigation
WATCH = """() => { const seen = '.tk-chart svg, .tk-ed-seg'; window.drawn = null;
    new MutationObserver((_, watch) => { if (document.querySelector(seen)) { watch.disconnect();
        requestAnimationFrame(() => { window.drawn = performance.now(); }); } })
        .observe(document, { childList: true, subtree: true }); }"""
ALL_DRAWN = "() => [...document.querySelectorAll('.tk-chart')].every(c => c.querySelector('svg') || c.dataset.failed)"
IDLE = r"#jp-main-statusbar >> text=/Python 3.*\| Idle/"
# from the click to the frame after the answer was drawn: the editor notes when it has drawn what was asked for; a piece of
# very few steps is asked about first, and is passed by
EXAMPLE = """() => new Promise(done => { const root = document.querySelector('.tk-ed'), begun = performance.now();
    const told = new MutationObserver(() => { told.disconnect(); requestAnimationFrame(() => setTimeout(() => {
        const taken = performance.now() - begun, saved = /^Saved/.test(root.querySelector('.tk-ed-status').textContent);
        root.querySelector('.tk-ed-menu:not([hidden]) button')?.click(); // Cancel
        done(saved ? taken : null); })); });
    told.observe(root, { attributes: true, attributeFilter: ['data-answered'] });
    root.querySelector('button[data-key="E"]').click();
    setTimeout(() => { root.querySelector('.tk-ed-menu:not([hidden]) button')?.click(); done(null); }, 20_000); })"""
Times = dict[str, float | None]


def main() -> None:
    """Print a row per notebook as it is measured, then the editor."""
    asked = _asked()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # for the kernels: who works with it keeps compiled modules
    print(_machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="taskkit-") as folder, _browser() as browser:
        project = tk.open_project(asked.project) if asked.project else _project(Path(folder) / "ap")
        names = [path.stem for path in sorted((project.path / "notebooks").glob("*.ipynb")) if asked.only in path.stem]
        with serve_lab(project.path) as lab, serve_room(project.path) as room:
            print("\n| notebook | where | results | kernel (s) | first chart (s) | last chart (s) | n |", flush=True)
            print("|---|---|---|---|---|---|---|")
            if asked.kept and not asked.project:
                tk.mine(project.log, process_log=project.process_log, rules=project.rules, results=project.results)
            for results in ("kept",) if asked.kept else ("cold", "kept"):
                for name in names:
                    for where, server, measure in (("JupyterLab", lab, _in_lab), ("room", room, _in_room)):
                        before = project.results if results == "cold" else None
                        _row(browser, server, measure, name, where, results, before, asked.runs)
            print(_legend(), flush=True)
            _examples(browser, lab, asked.clicks)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one notebook, once")
    parser.add_argument("--kept", action="store_true", help="only with kept results")
    parser.add_argument("--only", default="", metavar="NOTEBOOK", help="notebooks whose name holds this")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="openings of each (default: 3)")
    parser.add_argument(
        "--clicks", type=int, default=7, metavar="N", help="examples that are marked, at least 2 (default: 7)"
    )
    parser.add_argument("--project", metavar="FOLDER", help="a project that was made, instead of one of the sample")
    asked = parser.parse_args()
    asked.kept = asked.kept or bool(asked.project)
    asked.clicks = max(asked.clicks, 2)
    if asked.quick:
        asked.only, asked.runs = asked.only or "02_tasks", 1
    return asked


def _row(
    browser: Any, server: SimpleNamespace, measure: Callable[..., Times], name: str, where: str, results: str,
    emptied: Path | None, runs: int,
) -> None:  # fmt: skip
    """Open a notebook several times and print the medians."""
    taken: list[Times] = []
    for _ in range(runs):
        if emptied is not None:
            shutil.rmtree(emptied, ignore_errors=True)
            emptied.mkdir(mode=0o700)
        context = browser.new_context(viewport={"width": 1300, "height": 1000})
        page = context.new_page()
        page.add_init_script(f"({WATCH})()")
        taken.append(measure(page, server, name))
        context.close()
    cells = [_median([each[key] for each in taken]) for key in ("kernel", "first", "last")]
    print(f"| {name} | {where} | {results} | {' | '.join(cells)} | {runs} |", flush=True)


def _in_lab(page: Any, lab: SimpleNamespace, name: str) -> Times:
    """Open in JupyterLab, wait for the kernel, run all."""
    kernel, begun = _run_all(page, lab, name)
    page.wait_for_function(ALL_DRAWN, timeout=60_000)
    last, first = page.evaluate("() => [performance.now(), window.drawn]")
    _end_kernels(lab)
    return {"kernel": kernel, "first": first and first - begun, "last": last - begun}


def _run_all(page: Any, lab: SimpleNamespace, name: str) -> tuple[float, float]:
    """Open a notebook and run all of it; when its kernel was idle and when Run All Cells was clicked, on the page's clock."""
    page.goto(f"{lab.address}/lab/tree/notebooks/{name}.ipynb?token={TOKEN}&reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    page.locator(IDLE).wait_for(timeout=60_000)
    kernel = page.evaluate("() => performance.now()")
    page.locator(".lm-MenuBar-itemLabel:text-is('Run')").click()
    run = page.locator(".lm-Menu-itemLabel:text-is('Run All Cells')")
    run.wait_for()
    begun = page.evaluate("() => performance.now()")
    run.click()
    page.wait_for_function(ALL_RAN, timeout=300_000)
    return kernel, begun


def _in_room(page: Any, room: SimpleNamespace, name: str) -> Times:
    """Open in the room, where the kernel is started and all is run by itself."""
    page.goto(room.door)
    page.goto(f"{room.address}/voila/render/{name}.ipynb", wait_until="commit")
    page.locator("#tk-running.done").wait_for(state="attached", timeout=300_000)
    last, first = page.evaluate("() => [performance.now(), window.drawn]")
    page.goto(room.address)  # a page that is left ends its kernel
    return {"kernel": None, "first": first, "last": last}


def _examples(browser: Any, lab: SimpleNamespace, clicks: int) -> None:
    """Mark examples in the editor of the notebook on segmentation, one after the other, with kept results."""
    page = browser.new_context(viewport={"width": 1300, "height": 1000}).new_page()
    _run_all(page, lab, "01_segmentation")
    page.locator(".tk-ed-line").first.wait_for(timeout=60_000)
    page.wait_for_timeout(5_000)  # people look at the picture before they mark anything; meanwhile it gets ready
    taken, passed = [], 0
    while len(taken) < clicks and passed < 4 * clicks:
        passed += 1
        page.locator('.tk-ed button[data-key="J"]').click()
        page.wait_for_function("() => !document.querySelector('.tk-ed[data-busy]')")
        page.wait_for_timeout(1_500)  # the look at the journal is over
        if page.evaluate("() => !!document.querySelector('.tk-ed-seg.tk-ed-here:not(.tk-ed-none)')"):
            taken += [each for each in [page.evaluate(EXAMPLE)] if each is not None]
    page.context.close()
    _end_kernels(lab)
    print(
        "\n| an example in the editor | ms |\n|---|---|\n"
        f"| the first | {taken[0]:.0f} |\n| the others, median of {len(taken) - 1} | {median(taken[1:]):.0f} |\n"
        f"| the slowest | {max(taken):.0f} |\n\nFrom the click on Example to the frame in which the whole log is divided anew and "
        f"drawn.\nLoad average at the end: {_load()}."
    )


def _end_kernels(lab: SimpleNamespace) -> None:
    for session in json.load(urllib.request.urlopen(f"{lab.address}/api/sessions?token={TOKEN}")):
        address = f"{lab.address}/api/sessions/{session['id']}?token={TOKEN}"
        urllib.request.urlopen(urllib.request.Request(address, method="DELETE"))


def _project(place: Path) -> tk.Project:
    sample = bundled("samples") / "accounts_payable"
    return tk.create_project(
        place, log=sample / "ui_log", process_log=sample / "process_log.csv", model=sample / "process_model.bpmn",
        notebooks=bundled("notebooks"),
    )  # fmt: skip


@contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS, chromium_sandbox=False)


def _median(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known) / 1000:.1f}" if known else ""


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "not known"


def _machine() -> str:
    used = ", ".join(f"{name} {version(name)}" for name in ("jupyterlab", "voila", "polars"))
    return f"{os.cpu_count()} cores, load average {_load()}, Python {platform.python_version()}, {used}; medians of n openings."


def _legend() -> str:
    return (
        "\nKernel: from the navigation to an idle kernel. First and last chart: in JupyterLab from the click on Run All Cells,\n"
        "in the room from the navigation, kernel included; the editor counts as a chart. No figure: the notebook draws none."
    )


if __name__ == "__main__":
    main()
