"""The document: complete, the same bytes each time, and nothing of the log is markup in it."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import fromstring

import polars as pl
import pytest

from taskkit.errors import SettingError
from taskkit.handover import Handover, describe_work, document_session, write_document
from taskkit.handover.document import list_blocks
from tests.handover_frames import Row, button, enter_invoice, record

HEADINGS = ["Purpose", "Volumes and times", "Applications", "Steps", "Decisions", "Exceptions and other ways",
            "Data transfers", "Open questions", "What this rests on"]  # fmt: skip
EVIL = "a|b <script>alert(1)</script> [x](y) `z`\n# title\n| c | ![i](j) *b* _u_"


@pytest.fixture(scope="module")
def work() -> Handover:
    return describe_work(*record(), task_id="T01")


def test_all_parts_are_there(work: Handover, tmp_path: Path) -> None:
    lines = write_document(work, tmp_path / "work.md").read_text(encoding="utf-8").splitlines()
    assert [line[3:] for line in lines if line.startswith("## ")] == HEADINGS
    assert lines[0] == "# Enter invoice"


def test_every_step_has_its_row(work: Handover, tmp_path: Path) -> None:
    text = write_document(work, tmp_path / "work.md").read_text(encoding="utf-8")
    assert (
        "| edit “Invoice number” (id inv.number) | type (67%) or paste (33%) | copied from acrobat › Invoice number |"
        in text
    )
    assert text.count("\n| 14 | ") == 1


def test_what_the_log_cannot_know_is_marked(work: Handover, tmp_path: Path) -> None:
    text = write_document(work, tmp_path / "work.md").read_text(encoding="utf-8")
    assert "> **To be answered by the expert:**" in text
    assert text.count("- [ ] ") == len(work.questions)


def test_tables_are_whole(work: Handover) -> None:
    for block in list_blocks(work):
        if block.kind == "table":
            assert {len(row) for row in block.rows} == {len(block.widths)}
            assert sum(block.widths) == pytest.approx(1)


@pytest.mark.parametrize("ending", [".md", ".docx"])
def test_the_same_work_gives_the_same_bytes(work: Handover, tmp_path: Path, ending: str) -> None:
    if ending == ".docx":
        pytest.importorskip("docx")
    first, second = (write_document(work, tmp_path / f"{name}{ending}").read_bytes() for name in "ab")
    assert first == second


def test_texts_of_the_log_are_no_markdown(tmp_path: Path) -> None:
    events, segments = record(make=lambda number: [*enter_invoice(number), button(EVIL, "evil")])
    text = write_document(describe_work(events, segments, task_id="T01"), tmp_path / "work.md").read_text(
        encoding="utf-8"
    )
    assert "alert" in text
    told = re.sub(r"\\.", "", text)  # what is escaped is no markup
    for sign in ("<script", "[x](y", " `z`", "![i]", " *b*", "\n# title"):
        assert sign not in told, sign
    steps = text.split("## Steps")[1].split("## Decisions")[0]
    columns = {line.replace("\\|", "").count("|") for line in steps.splitlines() if line.startswith("|")}
    assert columns == {8}


def test_word_opens_it_with_all_texts(work: Handover, tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    document = docx.Document(str(write_document(work, tmp_path / "work.docx")))
    assert [p.text for p in document.paragraphs if p.style.name == "Heading 1"] == HEADINGS
    steps = next(table for table in document.tables if table.cell(0, 0).text == "No.")
    assert len(steps.rows) == work.steps.height + 1
    assert steps.cell(1, 2).text == "button “New invoice” (id btnNewInvoice)"


def test_header_rows_come_again_on_each_page(work: Handover, tmp_path: Path) -> None:
    pytest.importorskip("docx")
    with zipfile.ZipFile(write_document(work, tmp_path / "work.docx")) as archive:
        assert archive.testzip() is None
        root = fromstring(archive.read("word/document.xml"))
    word = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    tables = list(root.iter(f"{word}tbl"))
    assert [len(list(table.iter(f"{word}tblHeader"))) for table in tables] == [1] * len(tables)


def test_signs_that_xml_forbids_do_not_break_the_word_file(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")

    def evil(number: int) -> list[Row]:
        return [*enter_invoice(number), button("x\x00\x0b]]>&lt;\u202e<w:p>", "evil")]

    path = write_document(describe_work(*record(make=evil), task_id="T01"), tmp_path / "work.docx")
    steps = next(table for table in docx.Document(str(path)).tables if table.cell(0, 0).text == "No.")
    assert any("]]>&lt; <w:p>" in row.cells[2].text for row in steps.rows)


def test_a_recording_has_no_part_on_other_executions(tmp_path: Path) -> None:
    events, _ = record(executions=2, people=1)
    text = write_document(document_session(events), tmp_path / "flow.md").read_text(encoding="utf-8")
    assert "## Decisions" not in text
    assert "One recording from" in text


def test_other_endings_are_refused(work: Handover, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"\.md or \.docx"):
        write_document(work, tmp_path / "work.pdf")


def test_shares_and_times_are_shown_with_units(work: Handover) -> None:
    cells = [cell for block in list_blocks(work) for row in block.rows for cell in row]
    assert "62%" in cells
    seconds = work.facts.filter(pl.col("unit") == "seconds")["value"]
    assert seconds.is_between(60, 200).all()  # the example is made so
    assert any(cell.endswith(" min") or cell.endswith(" s") for cell in cells)


def test_why_there_is_no_rule_is_a_sentence(work: Handover) -> None:
    after = work.steps["activity"][3]
    decision = {"after": after, "branches": ["a", "b"], "shares": [0.5, 0.5], "why": "no logged field predicts it: none tells",
                "baseline": 0.5, "segments": 42, "people": 7}  # fmt: skip
    asked = replace(work, decisions=pl.DataFrame([decision], schema=work.decisions.schema))
    said = [cell for block in list_blocks(asked) for row in block.rows for cell in row]
    assert "No rule. No logged field predicts it: none tells." in said
