"""The room without code: real Voilà, real Chromium, a secret in the address, nothing from outside."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace

import nbformat
import pytest

from taskkit.cli.room import prepare_notebook
from taskkit.decisions import JOURNAL, Decisions
from tests.browser_lab import TOKEN as SECRET
from tests.browser_lab import serve_room
from tests.conftest import write_notebook

START = """import altair as alt
import taskkit as tk
from taskkit.widgets import running
tk.start_notebook()
running.explain_errors()"""
CONTROL = """from taskkit.widgets.controls import Explorer, slider
class Bars(Explorer):
    def controls(self):
        return {"most": slider("bars", 2, 1, 9, 1)}
    def draw(self, *, most=2):
        bars = alt.Chart(alt.Data(values=[{"x": n} for n in range(most)]), title="Costs of $ 5 and $ 7")
        return bars.mark_bar().encode(x="x:O", y="x:Q")
Bars()"""
FINDING = 'tk.widgets.finding("Two bars are drawn.", subject="02 tasks", results=RESULTS)'
WRONG = "tk.mine('no/such/log')"
SLOW = """import time
for _ in range(8):
    tk.widgets.show_progress("reading the log", 3, 12)
    time.sleep(0.5)"""
NOTE = """() => { window.told = []; new MutationObserver(() => {
    const words = document.querySelector('#tk-running span')?.textContent;
    if (words && words !== window.told.at(-1)) window.told.push(words); })
    .observe(document, { childList: true, subtree: true, characterData: true }); }"""


@pytest.fixture(scope="module")
def room(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A workshop on a small project of its own."""
    project = tmp_path_factory.mktemp("room") / "small project"
    write_notebook(project / "notebooks" / "02_tasks.ipynb", START, CONTROL, FINDING)
    write_notebook(project / "notebooks" / "03_variants.ipynb", START, WRONG, "undefined + 1")
    write_notebook(
        project / "notebooks" / "05_automation.ipynb", f"{START}\n{SLOW}", CONTROL, text="# Worth it\n\nIs it?"
    )
    # findings lie beside the folder of results, which the parameters of `write_notebook` put among the notebooks
    with serve_room(project) as served:
        yield served


def enter(window: SimpleNamespace, room: SimpleNamespace, name: str = "") -> None:
    window.page.goto(f"{room.address}/?token={SECRET}")
    if name:
        window.page.locator(f"a[href$='/{name}.ipynb']").click()
        assert window.page.url.endswith(f"/voila/render/{name}.ipynb")


def test_nobody_enters_without_the_secret(room: SimpleNamespace) -> None:
    for place in ("/", "/voila/render/02_tasks.ipynb", "/api/kernels/00000000-0000-0000-0000-000000000000"):
        assert status(room.address, place) in (302, 403), place  # 302: to the door that asks for it


def test_no_list_of_files_and_no_files(room: SimpleNamespace) -> None:
    for place in ("/voila/tree", "/voila/api/contents", "/voila/files/02_tasks.ipynb"):
        assert status(room.address, f"{place}?token={SECRET}") == 404, place


def status(address: str, place: str, **headers: str) -> int:
    return ask(address, place, **headers).status


def ask(address: str, place: str, **headers: str) -> http.client.HTTPResponse:
    with closing(http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)) as connection:
        connection.request("GET", "/" + place.removeprefix("/"), headers=headers)
        return connection.getresponse()


def test_the_secret_leaves_the_address_and_the_cookie_ends_with_the_browser(room: SimpleNamespace) -> None:
    answer = ask(room.address, f"/?token={SECRET}")
    assert (answer.status, answer.headers["Location"]) == (302, "/")
    cookie = next(each for each in answer.headers.get_all("Set-Cookie") or [] if each.startswith("username-"))
    assert "expires" not in cookie.lower()
    assert "samesite=lax" in cookie.lower()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8866", "127.0.0.1:1", "127.0.0.1.evil.example"])
def test_another_name_for_this_machine_is_not_answered(room: SimpleNamespace, host: str) -> None:
    assert status(room.address, f"/?token={SECRET}", Host=host) == 403
    assert status(room.address, "/voila/static/voila.js", Host=host) == 403


def test_a_path_that_leads_upwards_is_not_found(room: SimpleNamespace) -> None:
    for place in ("/voila/templates/taskkit/static/../../../../x", "/voila/templates/taskkit/static/%2e%2e/x",
                  "/voila/static/..%5cx"):  # fmt: skip
        assert status(room.address, place) == 404, place


def test_a_socket_without_an_origin_is_not_opened(room: SimpleNamespace) -> None:
    channels = f"/api/kernels/00000000-0000-0000-0000-000000000000/channels?token={SECRET}"
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
    assert status(room.address, channels, **upgrade) == 403
    assert status(room.address, channels, **upgrade, Origin=room.address) != 403


def test_only_this_machine_is_listened_to(room: SimpleNamespace) -> None:
    assert "http://127.0.0.1:" in room.said.read_text()
    port = int(room.address.rpartition(":")[2])
    with socket.socket() as other:  # another address of this machine: nobody answers there
        other.settimeout(5)
        assert other.connect_ex(("127.0.0.2", port)) != 0


def test_the_opening_page_lists_the_questions(window: SimpleNamespace, room: SimpleNamespace) -> None:
    enter(window, room)
    assert window.page.get_by_text("What recurs here?").count() == 2
    assert window.page.get_by_role("heading", level=1).inner_text() == "Workshop: small project"


def test_the_opening_page_gives_each_question_its_place_among_the_nine(
    window: SimpleNamespace, room: SimpleNamespace
) -> None:
    enter(window, room)
    assert window.page.locator(".number").all_inner_texts() == ["4", "5", "8"]


def test_the_page_says_what_is_done_until_the_last_chart(window: SimpleNamespace, room: SimpleNamespace) -> None:
    window.page.add_init_script(f"({NOTE})()")
    enter(window, room, "05_automation")
    window.page.locator("#tk-running.done").wait_for(state="attached", timeout=120_000)
    told = window.page.evaluate("() => window.told")
    assert (told[0], told[-1]) == ("The analysis starts …", "All parts are shown.")
    assert "Part 2 of 3, Worth it: reading the log, 25 % …" in told
    assert window.page.locator(".tk-chart svg").count() == 1
    assert window.errors == []


def test_the_prose_counts_as_the_opening_page_does() -> None:
    prose = nbformat.v4.new_markdown_cell("See notebook 03, and a notebook 77 of your own.")
    shown = prepare_notebook(None, notebook=nbformat.v4.new_notebook(cells=[prose]), cwd="")
    assert shown.cells[0].source == "See question 5, and a notebook 77 of your own."


def test_a_slider_moves_and_the_chart_changes(window: SimpleNamespace, room: SimpleNamespace) -> None:
    enter(window, room, "02_tasks")
    page = window.page
    page.wait_for_function("() => document.querySelectorAll('.tk-chart .mark-rect path').length == 2", timeout=120_000)
    page.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelectorAll('.tk-chart .mark-rect path').length == 3", timeout=30_000)
    outside = [url for url in window.requests if not re.match(rf"(data|blob):|{room.address}/", url)]
    assert outside == []
    assert window.errors == []


def test_no_code_is_shown(window: SimpleNamespace, room: SimpleNamespace) -> None:
    enter(window, room, "02_tasks")
    window.page.locator(".tk-chart svg").first.wait_for(timeout=120_000)
    assert "start_notebook" not in window.page.locator("body").inner_text()


def test_a_finding_is_recorded_and_told_at_the_door(window: SimpleNamespace, room: SimpleNamespace) -> None:
    enter(window, room, "02_tasks")
    text = window.page.locator("textarea")
    text.wait_for(timeout=120_000)
    text.fill("Two bars, said the room.")
    window.page.get_by_role("button", name="Record this finding").click()
    window.page.get_by_text("Recorded as number 1").wait_for(timeout=30_000)
    assert Decisions(room.folder / "notebooks" / JOURNAL).list()["decision"].to_list() == ["Two bars, said the room."]
    window.page.get_by_role("link", name="All questions").click()
    window.page.get_by_text("✓ Recorded: Two bars, said the room.").wait_for(timeout=30_000)


def test_an_error_is_one_readable_box(window: SimpleNamespace, room: SimpleNamespace) -> None:
    enter(window, room, "03_variants")
    box = window.page.locator(".tk-problem")
    box.first.wait_for(timeout=120_000)
    window.page.wait_for_timeout(2000)  # the cell after it fails too, and says nothing more
    assert box.count() == 1
    assert "no/such/log" in box.inner_text()
    assert "Traceback" not in window.page.locator("body").inner_text()


def test_a_page_that_is_left_ends_its_kernel(window: SimpleNamespace, room: SimpleNamespace) -> None:
    enter(window, room, "02_tasks")
    window.page.locator(".tk-chart svg").first.wait_for(timeout=120_000)
    told = window.page.locator("#jupyter-config-data").text_content()
    kernel = f"/api/kernels/{json.loads(told)['kernelId']}?token={SECRET}"
    assert status(room.address, kernel) == 200
    window.page.get_by_role("link", name="All questions").click()
    end = time.monotonic() + 30
    while status(room.address, kernel) == 200 and time.monotonic() < end:
        time.sleep(0.2)
    assert status(room.address, kernel) == 404
