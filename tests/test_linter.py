"""The privacy linter: every kind of leak is found wherever it hides, and pages that give nobody away pass."""

from __future__ import annotations

import base64
import gzip
import html
import json
import struct
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest

from taskkit.errors import LogFileError, TaskkitError
from taskkit.report.linter import find_secrets, lint_pages
from taskkit.report.linter.secrets import Secrets, squeeze
from taskkit.report.offline import render_chart, vega_bundle
from taskkit.report.tables import render_table
from taskkit.widgets.tables import table
from tests.frames import make_events

TITLE = "Invoice INV-104157 - Oderblick GmbH - Message - Outlook"
NAME = "Jane Doe"
LISTED = [NAME, "Ottokar", "Ottokar Graf", "Petra Müller", "Łukasz Nowak", "Bo Li", "Jan Ost", "Mark Case"]
DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
PAGE = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Tasks</title></head><body><main>'
    "<h1>Which tasks recur?</h1><p>Eleven tasks of 14 people make up 84 % of 96.6 active hours; groups of fewer than "
    "5 people are hidden.</p>{}</main></body></html>"
)


@pytest.fixture(scope="module")
def log() -> pl.DataFrame:
    """Six people in one screen; one of them alone reads a mail, and two work in a team of their own."""
    rows: list[dict[str, Any]] = []
    for person in range(6):
        for minute in range(3):
            rows.append({
                "user": f"p_{person:012x}", "session_id": f"2026-03-02-desk{person}", "seq": minute,
                "timestamp": DAY + timedelta(minutes=minute), "app": "chrome", "event_type": "click",
                "team": "north" if person < 4 else "treasury",
                "window_title": "Invoice - Enter - Horizon ERP", "screen": "Invoice - Enter - Horizon ERP",
                "element_name": "Gross amount", "activity": "click Gross amount · Invoice - Enter - Horizon ERP",
                "value": None, "value_digest": None, "case_ref": None, "url": "https://erp.example.com/invoices/new",
            })  # fmt: skip
    rows.append({
        **rows[0], "seq": 9, "app": "outlook", "window_title": TITLE, "screen": "Invoice INV-# - ‹…› - Message - Outlook",
        "url": "https://erp.example.com/invoices/104157/approve", "element_name": "Reply to Kim Berger",
        "value": "Please stop the payment to Nebelhorst", "value_digest": "71b9eedfa3f5e71f", "case_ref": "INV-104157",
        "activity": "view Invoice INV-# - ‹…› - Message - Outlook",
    })  # fmt: skip
    return make_events(rows)


@pytest.fixture(scope="module")
def secrets(log: pl.DataFrame) -> Secrets:
    process = pl.DataFrame({"case_id": ["INV-104158"], "activity": ["Enter invoice"], "resource": ["c.winterfeld"]})
    segments = pl.DataFrame({"variant_id": ["T01-V07"] * 2 + ["T01-V01"] * 6, "user": ["a", "b", *"abcdef"]})
    return find_secrets(log, process=process, names=LISTED, segments=segments, key=b"k" * 32)


def chart(rows: list[dict[str, Any]], **more: Any) -> str:
    """A chart as pages carry it: its data as rows, or as one text of comma-separated values."""
    text = pl.DataFrame(rows).write_csv()
    spec = {"title": "Tasks", "datasets": {"data-1": text}, "data": {"name": "data-1", "format": {"type": "csv"}},
            "mark": "bar", "encoding": {"x": {"field": "hours"}}}  # fmt: skip
    return render_chart(spec | more)["text/html"]


def png(*chunks: tuple[bytes, bytes], after: bytes = b"") -> str:
    """A picture of one grey point with further chunks, as a data address."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0\x80")), (b"IEND", b"")]
    made = b"".join(struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in parts)
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + made + after).decode()


def heads(*rows: tuple[object, ...], names: tuple[str, ...]) -> str:
    return render_table(pl.DataFrame(rows, schema=names, orient="row"))


GOOD = [{"task": "T01", "hours": 3.5, "people": 9}, {"task": "T02", "hours": 1.5, "people": 6}]
TOTAL = [("T01", 40), ("T02", 20), ("all", 63)]
CSV = f"who\n{NAME}".encode()
LATIN = NAME.encode("latin-1")
LEAKS: dict[str, tuple[str, str]] = {
    # texts of the log, in plain sight
    "raw title in text": (f"<p>Most time is spent in {TITLE}.</p>", "raw window title"),
    "raw title in a tooltip": (f'<span title="{TITLE}">a screen</span>', "raw window title"),
    "address in a link": ('<a href="https://erp.example.com/invoices/104157/approve">a case</a>', "address"),
    "label in a cell": (heads(("Reply to Kim Berger", 9), names=("step", "times")), "label of an element"),
    "content of a field": ("<li>Please stop the payment to Nebelhorst</li>", "content"),
    "case reference in a heading": ("<h2>Why INV-104157 took so long</h2>", "case reference"),
    "case of the process log": ("<td>inv 104158</td>", "case reference"),
    "case by its digits": ("<p>Case no. 104157 waited.</p>", "case reference"),
    "person of the process log": ("<p>C.Winterfeld booked most.</p>", "person of the process log"),
    "digest": ("<code>71b9eedfa3f5e71f</code>", "digest"),
    "session": ("<p>Example: 2026-03-02-desk3</p>", "session"),
    "pseudonym": ("<p>Example: p_000000000003.</p>", "pseudonym"),
    "key": (f"<!-- {(b'k' * 32).hex()} -->", "key of the engagement"),
    "firm in a title's slot": ("<p>Oderblick  GmbH is the exception.</p>", "changing part of a title"),
    # names, in disguise
    "name in text": (f"<p>{NAME} explained it.</p>", "name on the list"),
    "single name": ("<p>As Ottokar said</p>", "name on the list"),
    "name split over tags": ("<p>Jane <b>Doe</b> explained it.</p>", "name on the list"),
    "name split inside a word": ("<p>Ja<i>ne D</i>oe explained it.</p>", "name on the list"),
    "name in capitals": ("<p>JANE DOE</p>", "name on the list"),
    "name with an accent": ("<p>Jané Doë</p>", "name on the list"),
    "name with characters of no width": ("<p>Ja\u200bne\u2060 D\u00adoe</p>", "name on the list"),
    "name in entities": ("<p>&#74;ane&nbsp;&#x44;oe</p>", "name on the list"),
    "name in entities twice": ("<p>&amp;#74;ane &amp;#68;oe</p>", "name on the list"),
    "name percent-encoded": (f'<a href="notes.html?{quote("by=" + NAME)}">notes</a>', "name on the list"),
    "name percent-encoded twice": (f'<a href="n.html#{quote(quote(NAME))}">notes</a>', "name on the list"),
    "name in base64": (f'<i data-x="{base64.b64encode(LATIN).decode()}"></i>', "name on the list"),
    "name glued": ("<p>jane.doe and JaneDoe_2026.xlsx</p>", "name on the list"),
    # hidden places
    "alt text": (f'<img alt="{NAME} at work" src="data:,">', "name on the list"),
    "aria label": (f'<div role="img" aria-label="What {NAME} does"></div>', "name on the list"),
    "data attribute": (f'<div data-owner="{NAME}"></div>', "name on the list"),
    "name of an attribute": ("<div data-jane-doe></div>", "name on the list"),
    "JSON in an attribute": ("<div data-rows='[{\"people\": 2, \"hours\": 3}]'></div>", "small group"),
    "comment": (f"<!-- made by {NAME} -->", "name on the list"),
    "meta": (f'<meta name="author" content="{NAME}">', "name on the list"),
    "hidden element": (f'<div style="display:none" hidden>{TITLE}</div>', "raw window title"),
    "template": (f"<template><p>{TITLE}</p></template>", "raw window title"),
    "content of a style": (f'<style>p::after {{ content: "{NAME}" }}</style>', "name on the list"),
    "escaped content of a style": ('<style>p::after { content: "\\4a ane \\44 oe" }</style>', "name on the list"),
    "comment of a style": (f"<style>/* {NAME} */</style>", "name on the list"),
    "style of an element": (f'<p style="--by: {NAME}">x</p>', "name on the list"),
    "script": (f"<script>var by = '{NAME}';</script>", "name on the list"),
    "escaped script": ("<script>var by = 'Jane\\u0020D\\x6fe';</script>", "name on the list"),
    "page in a frame": (f'<iframe srcdoc="{html.escape("<p>" + NAME + "</p>")}"></iframe>', "name on the list"),
    "script that never ends": (f"<script>var by = '{NAME}'", "name on the list"),
    # charts
    "title of a chart": (chart(GOOD, title=f"What {NAME} does"), "name on the list"),
    "tooltip of a chart": (chart(GOOD, encoding={"tooltip": {"value": TITLE}}), "raw window title"),
    "description of a chart": (chart(GOOD, description=TITLE), "raw window title"),
    "meta data of a chart": (chart(GOOD, usermeta={"author": {"name": NAME}}), "name on the list"),
    "text in a chart's data": (chart([{"step": TITLE, "hours": 2.0}]), "raw window title"),
    "text in a chart's rows": (chart(GOOD, data={"values": [{"step": TITLE}]}), "raw window title"),
    "hidden field of a chart": (chart([{"hours": 2.0, "window_title": "x"}]), "private column"),
    "people in a chart's data": (chart([{"hours": 2.0, "user": "x"}]), "one person"),
    "field of an encoding": (chart(GOOD, encoding={"detail": {"field": "session_id"}}), "private column"),
    "field of a formula": (chart(GOOD, transform=[{"calculate": "datum['user'] + 1", "as": "a"}]), "one person"),
    "option of a control": (chart(GOOD, params=[{"name": "a", "bind": {"options": ["x", NAME]}}]), "name on the list"),
    "mark of one person": (chart([{"hours": 2.0, "who": "Person C"}]), "one person"),
    "mark of one case": (chart([{"hours": 2.0, "which": "Case B"}]), "single case"),
    "small group in a chart": (chart([*GOOD, {"task": "T03", "hours": 0.4, "people": 2}]), "small group"),
    "way of one person": (chart([{"variant_id": "T01-V02", "people": 1}]), "way of few people"),
    "way of few people without a count": (chart([{"variant_id": "T01-V07", "share": 0.1}]), "way of few people"),
    # tables
    "private heading": (heads(("x", 9), names=("window_title", "times")), "private column"),
    "people as rows": (heads(("x", 9), names=("Person", "hours")), "one person"),
    "small group in a table": (heads(("T01", 3), names=("task", "people")), "small group"),
    "small group in a sentence": ("<p>Only 3 people do this.</p>", "small group"),
    "small team by its name": (heads(("treasury", 9), names=("team", "hours")), "group of few people"),
    "rest of a total": (
        f"<table><tr><th>task</th><th>segments</th></tr>{''.join(f'<tr><td>{a}</td><td>{b}</td></tr>' for a, b in TOTAL)}"
        "<tr><td>T03</td><td>hidden (fewer than 5 people)</td></tr></table>",
        "hidden value can be derived",
    ),
    "rest of a whole": (
        "<table><tr><th>task</th><th>share (%)</th></tr><tr><td>a</td><td>60</td></tr><tr><td>b</td><td>30</td></tr>"
        '<tr><td class="h" colspan="2">fewer than 5 people</td></tr></table>',
        "hidden value can be derived",
    ),
    "few people behind a total": (
        chart([{"team": "a", "people": 9, "hidden": False}, {"team": None, "people": None, "hidden": True},
               {"team": None, "people": None, "hidden": True}, {"team": "all", "people": 12, "hidden": False}]),
        "hidden value can be derived",
    ),
    "small group in words": ("<p>Only two people of the north do this.</p>", "small group"),
    "all but one": ("<p>All people but one do this.</p>", "small group"),
    "small group of colleagues": ("<p>3 colleagues and no more</p>", "small group"),
    "small group behind a colon": ("<p>people: 3</p>", "small group"),
    "small group under another heading": (heads(("T01", 3), names=("task", "staff")), "small group"),
    "small group as a unit": (heads(("T01", 3), names=("task", "n (people)")), "small group"),
    "small group in a cell as a word": (heads(("T01", "one"), names=("task", "people")), "small group"),
    "small group with its share": (heads(("T01", "1 (7 %)"), names=("task", "people")), "small group"),
    "person by a letter": ("<p>Clerk B is slower.</p>", "one person"),
    "one mark a person under a neutral name": (
        chart([{"pick": number, "hours": 1.5 * number} for number in range(1, 7)]), "one person",
    ),
    "numbered people": (chart([{"who": 1, "hours": 3.2}, {"who": 2, "hours": 7.5}]), "one person"),
    "small team in a sentence": ("<p>In treasury it takes longer.</p>", "group of few people"),
    "rest of two totals": (
        heads(("north", 10), ("hidden (fewer than 5 people)", ""), ("total", 13), ("all", 13), names=("team", "segments")),
        "hidden value can be derived",
    ),
    "total in a sentence beside the table": (
        heads(("north", 10), ("hidden (fewer than 5 people)", ""), names=("team", "hours")) + "<p>In all 13 hours.</p>",
        "hidden value can be derived",
    ),
    "row hidden by a dash": (
        heads(("north", "10", "7"), ("south", "–", "–"), ("all", "13", "9"), names=("team", "hours", "people")),
        "hidden value can be derived",
    ),
    # as names are written
    "genitive": ("<p>Ottokars invoices</p>", "name on the list"),
    "umlaut written out": ("<p>Ask Mueller</p>", "part of a name on the list"),
    "letter with a stroke": ("<p>Lukasz said so</p>", "part of a name on the list"),
    "short name in a sentence": ("<p>Jan said so.</p>", "part of a name on the list"),
    "name the other way round": ("<p>Li, Bo</p>", "name on the list"),
    "name with a number": ("<p>petramueller2</p>", "name on the list"),
    "name over two cells": (heads(("Mark", "Case", 9), names=("first", "second", "n")), "name on the list"),
    "name over two cells the other way round": (heads(("Case", "Mark", 9), names=("a", "b", "n")), "name on the list"),
    "name glued the other way round": ("<p>MuellerPetra.xlsx</p>", "name on the list"),
    "login of a name": ("<p>pmueller</p>", "name on the list"),
    "look-alike letters": ("<p>Оttоkаr</p>", "name on the list"),
    "surname of a login of the process log": ("<p>Winterfeld booked most.</p>", "person of the process log"),
    "name as a name of a column": (chart([{"JaneDoe": 3, "n": 7}], data={"values": [{"JaneDoe": 3}]}), "name on the list"),
    "case as a number": (chart(GOOD, data={"values": [{"x": 104157}]}), "case reference"),
    "case under a neutral heading": (chart([{"x": 104157, "people": 7}]), "case reference"),
    "case with a comma": ("<p>case 104,157</p>", "case reference"),
    "packed name": (f"<i data-x='{base64.b64encode(gzip.compress(NAME.encode())).decode()}'></i>", "name on the list"),
    "name in wide letters": (
        f"<i data-x='{base64.b64encode(NAME.encode('utf-16-le')).decode()}'></i>", "name on the list",
    ),
    # what asks somebody outside, and machines
    "picture from outside": ("<img alt='' src='https://example.org/p.gif'>", "outside address"),
    "page that moves on": ("<meta http-equiv=refresh content='0;url=https://example.org/'>", "outside address"),
    "link to the outside": ("<a href='//example.org/x'>x</a>", "outside address"),
    "font from outside": ("<style>@import url(https://example.org/a.css)</style>", "outside address"),
    "data from outside": (chart(GOOD, data={"url": "https://example.org/a.csv"}), "outside address"),
    "address of a machine": ("<p>10.1.2.33</p>", "address of a machine"),
    "address of a network card": ("<p>00:1A:2B:3C:4D:5E</p>", "address of a machine"),
    "name of a machine": ("<p>LAPTOP-7PQ31X</p>", "address of a machine"),
    # patterns that need no log
    "e-mail address": ("<p>ask ada@example.org</p>", "e-mail address"),
    "IBAN": ("<td>DE89 3704 0044 0532 0130 00</td>", "IBAN"),
    "telephone number": ("<td>+49 30 901820</td>", "telephone number"),
    "path of the machine": ("<p>read from /home/ada/logs/desk.parquet</p>", "path of this machine"),
    "path of a Windows machine": ("<p>C:\\Users\\ada\\log.csv</p>", "path of this machine"),
    # files inside of pages
    "text of a picture": (f'<img alt="a" src="{png((b"tEXt", b"Author" + bytes(1) + LATIN))}">', "name on the list"),
    "compressed text of a picture": (
        f'<img alt="a" src="{png((b"zTXt", b"Comment" + bytes(2) + zlib.compress(LATIN)))}">', "name on the list",
    ),
    "camera notes of a picture": (f'<img alt="a" src="{png((b"eXIf", b"MM" + bytes(6) + LATIN))}">', "name on the list"),
    "what follows a picture": (f'<img alt="a" src="{png(after=LATIN)}">', "name on the list"),
    "picture in a style": (f"<style>p {{ mask: url({png((b'tEXt', b'by' + bytes(1) + LATIN))}) }}</style>", "name on the list"),
    "comment of a photograph": (
        f'<img alt="a" src="data:image/jpeg;base64,{base64.b64encode(bytes.fromhex("ffd8fffe000a") + LATIN).decode()}">',
        "name on the list",
    ),
    "drawing": (
        f'<img alt="a" src="data:image/svg+xml,{quote(f"<svg><title>{NAME}</title></svg>")}">', "name on the list",
    ),
    "file to take along": (
        f'<a download="a.csv" href="data:text/csv;base64,{base64.b64encode(CSV).decode()}">CSV</a>',
        "name on the list",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("planted", "kind"), LEAKS.values(), ids=LEAKS.keys())
def test_a_leak_is_found_wherever_it_hides(planted: str, kind: str, secrets: Secrets) -> None:
    found = lint_pages({"tasks.html": PAGE.format(planted)}, secrets=secrets)
    assert kind in found["kind"].to_list(), found


CLEAN = {
    "nothing planted": "",
    "a chart of enough people": chart(GOOD),
    "a table of enough people": heads(("T01", 5, 3.5), ("T02", 14, 1.25), names=("task", "people", "hours")),
    "a screen and a step that six people share": "<li>Invoice - Enter - Horizon ERP</li><li>click Gross amount</li>",
    "a label inside such a step": "<td>Gross amount</td>",
    "two hidden rows and no total": table(
        pl.DataFrame({"task": [*"abcd"], "share": [0.5, 0.3, 0.1, 0.1], "people": [9, 9, 2, 1]}), min_people=5
    )._repr_mimebundle_()["text/html"],
    "a total and no hidden row": heads(("T01", 40), ("T02", 23), ("all", 63), names=("task", "segments")),
    "counts that look like numbers of cases": "<p>104,157 rows, 0.104157 of them, 104157.5 seconds</p>",
    "versions and digests": "<dd>taskkit 0.1.0, polars 2.1.0, Python 3.11.7; a3f5c1d2e4b60718</dd>",
    "words about people": "<p>Fewer than 5 people, at least 3 people, two persons; person by person.</p>",
    "dates": "<td>2026-03-02</td><td>02 Mar 2026 08:15 UTC</td><td>20260302</td>",
    "the foot of a folded table": (
        "<table><tr><th>task</th><th>people</th></tr><tr><td>T01</td><td>9</td></tr>"
        '<tr><td colspan="2">3 more rows</td></tr></table>'
    ),
    "one hidden row among shares that overlap": (
        "<table><tr><th>left for</th><th>task</th><th>share (%)</th></tr><tr><td>chat</td><td>a</td><td>40</td></tr>"
        '<tr><td>chat</td><td>b</td><td>45</td></tr><tr><td class="h" colspan="3">fewer than 5 people</td></tr></table>'
    ),
    "words of a session's name over the end of a sentence": "<p>Made at the desk. Desk. 3 rows.</p><p>2026-03-02, desk 3</p>",
    "a month that is a name": "<p>02 Jan 2026, Jan 2026</p>",
    "address of a drawing's kind": '<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    "seconds that look like the number of a case": chart([{"active_seconds": 104157, "people": 7}]),
    "as many screens as people": chart([{"step": n, "hours": 2.5} for n in range(1, 7)]),
    "a column of people": heads(("T01", 9), names=("task", "People")),
}


@pytest.mark.parametrize("shown", CLEAN.values(), ids=CLEAN.keys())
def test_a_page_that_gives_nobody_away_passes(shown: str, secrets: Secrets) -> None:
    assert lint_pages({"tasks.html": PAGE.format(shown)}, secrets=secrets).to_dicts() == []


def test_a_leak_says_where_what_and_how_to_mend_but_not_the_text(secrets: Secrets) -> None:
    rows = "<table><tr><th>task</th><th>people</th></tr><tr><td>T01</td><td>3</td></tr></table>"
    page = PAGE.format(f"\n\n<p>{NAME}</p>{rows}")
    found = lint_pages({"tasks.html": page}, secrets=secrets).sort("kind")
    assert found["place"].to_list() == ["line 3, body > main > p", "line 3, table 1, row 1, column people"]
    assert found["what"].to_list() == ["ja… (7 characters)", "3 people"]
    assert found["people"].to_list() == [None, 3]
    assert "at least 5 people" in found["how_to_mend"][0]
    assert not any(word in str(found.to_dicts()) for word in ("Jane", "jane", "Doe"))


def test_our_own_library_is_not_looked_into_but_one_changed_by_a_letter_is(secrets: Secrets) -> None:
    library = vega_bundle()
    ours = PAGE.format(f"<script>{library}</script>")
    changed = PAGE.format(f"<script>{library}var by='{NAME}'</script>")
    assert lint_pages({"a.html": ours}, secrets=secrets).is_empty()
    assert "name on the list" in lint_pages({"a.html": changed}, secrets=secrets)["kind"].to_list()


def test_lines_are_those_of_the_page_with_its_library(secrets: Secrets) -> None:
    page = f"<script>{vega_bundle()}</script>\n<p>{NAME}</p>"
    place = lint_pages({"a.html": page}, secrets=secrets)["place"][0]
    assert place.startswith(f"line {page[: page.index(NAME)].count(chr(10)) + 1},")


def test_the_smallest_group_is_a_setting(secrets: Secrets) -> None:
    page = {"a.html": PAGE.format(chart([{"task": "T01", "people": 5}]))}
    assert lint_pages(page, secrets=secrets, k=5).is_empty()
    assert lint_pages(page, secrets=secrets, k=6)["kind"].to_list() == ["small group"]


def test_a_log_of_few_people_is_a_leak_itself(log: pl.DataFrame) -> None:
    few = find_secrets(log.filter(pl.col("team") == "treasury"))
    found = lint_pages({"a.html": PAGE.format(heads(("T01", 2), names=("task", "people")))}, secrets=few)
    assert found["kind"].to_list() == ["small group", "log of few people"]
    assert found.row(1, named=True)["what"] == "2 people in the log"


def test_a_person_of_the_process_log_stays_one_where_an_activity_or_lane_holds_the_name(log: pl.DataFrame) -> None:
    process = pl.DataFrame({"case_id": ["1"], "activity": ["Approve by Kim Kranich"], "resource": ["Kim Kranich"]})
    found = find_secrets(log, process=process, allowed=["Kim Kranich"])
    assert {hit.kind for hit in found.find("Approve by Kim Kranich")} == {"person of the process log"}


def test_a_role_in_the_process_log_is_no_person(log: pl.DataFrame) -> None:
    process = pl.DataFrame({"case_id": ["1"], "activity": ["Pay"], "resource": ["Accounts payable clerk"]})
    found = find_secrets(log, process=process, allowed=["Accounts payable clerk"])
    assert list(found.find("Accounts payable clerk pays")) == []


def test_a_session_is_found_with_its_own_signs_only() -> None:
    events = pl.DataFrame({"user": ["p_000000000001"], "session_id": ["Recording_14"]})
    found = find_secrets(events)
    assert [hit.kind for hit in found.find("see recording_14 there")] == ["session"]
    assert list(found.find("a missing recording. 14 people; recording 14")) == []


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_a_list_of_names_is_read_as_offices_save_it(encoding: str, log: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("Vorname;Nachname;Team\nJörg;Köhler;north\n", encoding=encoding)
    found = find_secrets(log, names=tmp_path / "names.csv")
    assert [hit.kind for hit in found.find("by joerg koehler")] == ["name on the list"]
    assert list(found.find("Vorname north")) == []


def test_names_that_are_words_of_our_pages_do_not_make_every_page_a_leak() -> None:
    found = Secrets(people=6)
    found.add_name("Mark Case", "name on the list")
    page = {"a.html": PAGE.format(chart(GOOD) + "<table><tr><th>Case</th></tr></table>")}
    assert lint_pages(page, secrets=found).is_empty()
    spoken = {"a.html": PAGE.format("<p>They asked Mr Case about it.</p>")}
    assert lint_pages(spoken, secrets=found)["kind"].to_list() == ["part of a name on the list"]


def test_a_list_without_a_name_is_refused(log: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\n# nobody\n", encoding="utf-8")
    for names in (tmp_path / "names.txt", [], [" "]):
        with pytest.raises(LogFileError, match="There is no name"):
            find_secrets(log, names=names)


def test_names_come_from_a_list_or_a_table_of_them(log: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("Jane Doe\nKim Li\n", encoding="utf-8")
    (tmp_path / "names.csv").write_text("name,team,pseudonym\nJane Doe,gross amount,p_1\n", encoding="utf-8")
    for file in ("names.txt", "names.csv"):
        found = find_secrets(log, names=tmp_path / file)
        assert [hit.kind for hit in found.find("by jane doe")] == ["name on the list"]
        assert list(found.find("gross amount")) == []
    with pytest.raises(LogFileError, match="one name a line"):
        find_secrets(log, names=tmp_path / "none.txt")


def test_a_listed_name_counts_even_where_a_screen_holds_it(log: pl.DataFrame) -> None:
    found = find_secrets(log, names=["Horizon ERP"])
    assert [hit.kind for hit in found.find("Invoice - Enter - Horizon ERP")] == ["name on the list"]


def test_many_titles_and_a_large_page_take_seconds_not_minutes(secrets: Secrets) -> None:
    many = Secrets(people=9)
    for number in range(100_000):
        many.add(f"Invoice {number} of customer {number % 977} - Horizon ERP", "raw window title")
    text = " ".join(f"invoice {number} of task" for number in range(50_000))
    started = datetime.now(UTC)
    found = lint_pages(
        {"a.html": PAGE.format(f"<p>{text}</p><p>Invoice 99999 of customer 345 - Horizon ERP</p>")}, secrets=many
    )
    assert found["kind"].to_list() == ["raw window title"]
    assert datetime.now(UTC) - started < timedelta(minutes=1)


def test_a_page_beyond_all_measure_is_refused() -> None:
    with pytest.raises(TaskkitError, match="at most 40,000,000"):
        lint_pages({"a.html": " " * 40_000_001})


def test_a_folder_of_pages_is_read_and_an_empty_one_refused(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE.format("<p>ada@example.org</p>"), encoding="utf-8")
    assert lint_pages(tmp_path)["page"].to_list() == ["a.html"]
    with pytest.raises(LogFileError, match="no page in"):
        lint_pages(tmp_path / "none")


def test_words_are_compared_without_case_accents_and_signs() -> None:
    assert squeeze("Jané_DOE (2)")[0] == "janedoe2"


def test_broken_markup_and_data_are_read_as_text(secrets: Secrets) -> None:
    broken = f'</p></table><td>x<script type="application/json">{{{json.dumps(NAME)}</script><!-- <p'
    assert "name on the list" in lint_pages({"a.html": broken}, secrets=secrets)["kind"].to_list()
