"""The document as a Word file, with the same bytes for the same contents."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taskkit.errors import MissingExtraError

if TYPE_CHECKING:
    from taskkit.handover.document import Block

PAGE, MARGIN = (29.7, 21.0), 1.8  # A4 across, since the step table is wide; centimetres
_INK, _ASK, _HEAD, _RULE = "1F2937", "B45309", "E8EEF4", "B8C2CC"
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def write_docx(blocks: Sequence[Block], path: Path) -> None:
    """Write blocks as DOCX.

    Raises
    ------
    MissingExtraError : python-docx is not installed.
    """
    try:
        import docx
    except ImportError as error:
        raise MissingExtraError(
            "A Word document needs python-docx. Install it with: pip install 'taskkit[lab]', or write Markdown (.md)."
        ) from error
    document = docx.Document()
    _set_up(document, blocks)
    for block in blocks:
        _add(document, block)
    unstamped = io.BytesIO()
    document.save(unstamped)
    path.write_bytes(_without_dates(unstamped.getvalue()))


def _set_up(document: Any, blocks: Sequence[Block]) -> None:
    from datetime import UTC, datetime

    from docx.enum.section import WD_ORIENT
    from docx.shared import Cm, Pt, RGBColor

    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Cm(PAGE[0]), Cm(PAGE[1])
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, Cm(MARGIN))
    for name, size in (("Normal", 10), ("Title", 22), ("Heading 1", 13), ("List Bullet", 10)):
        style = document.styles[name]
        style.font.name, style.font.size = "Calibri", Pt(size)
        style.font.color.rgb = RGBColor.from_string(_INK)
        _name_for_all_scripts(style)
    document.styles["Heading 1"].paragraph_format.space_before = Pt(14)
    document.styles["Heading 1"].paragraph_format.space_after = Pt(4)
    told = document.core_properties
    told.title = next((block.text for block in blocks if block.kind == "title"), "")[:255]
    told.author, told.comments, told.last_modified_by = "taskkit", "", "taskkit"
    told.created = told.modified = datetime(1980, 1, 1, tzinfo=UTC)


def _name_for_all_scripts(style: Any) -> None:
    """The template's headings name a theme font, which would win over the name."""
    from docx.oxml.ns import qn

    fonts = style.element.rPr.rFonts
    for name in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{name}"), None)


def _add(document: Any, block: Block) -> None:
    from docx.shared import RGBColor

    if block.kind == "title":
        document.add_heading(block.text, 0)
    elif block.kind == "heading":
        document.add_heading(block.text, 1)
    elif block.kind == "table":
        _add_table(document, block)
    elif block.kind in ("list", "questions"):
        mark = "☐ " if block.kind == "questions" else ""
        if block.text:
            _coloured(document.add_paragraph(), f"{block.text}:")
        for (text,) in block.rows:
            document.add_paragraph(mark + text, style="List Bullet" if not mark else None)
    elif block.kind == "ask":
        from taskkit.handover.document import ASK

        paragraph = document.add_paragraph()
        _coloured(paragraph, f"{ASK}: ")
        paragraph.add_run(block.text).font.color.rgb = RGBColor.from_string(_ASK)
    else:
        document.add_paragraph(block.text)


def _coloured(paragraph: Any, text: str) -> None:
    from docx.shared import RGBColor

    run = paragraph.add_run(text)
    run.bold = True
    run.font.color.rgb = RGBColor.from_string(_ASK)


def _add_table(document: Any, block: Block) -> None:
    from docx.shared import Cm, Pt

    header, *rows = block.rows
    table = document.add_table(rows=len(block.rows), cols=len(header))
    table.autofit = False
    whole = PAGE[0] - 2 * MARGIN
    widths = [Cm(whole * part) for part in block.widths]
    _draw_lines(table)
    grid = table._tbl.tr_lst
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for number, (row, texts) in enumerate(zip(grid, [header, *rows], strict=True)):
        for cell, text, width in zip(row.tc_lst, texts, widths, strict=True):
            _fill(table, cell, text, width, bold=number == 0, size=Pt(8.5))
        _keep_together(row, repeat=number == 0)
    document.add_paragraph().paragraph_format.space_after = Pt(2)


def _fill(table: Any, cell: Any, text: str, width: Any, *, bold: bool, size: Any) -> None:
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls
    from docx.shared import Pt
    from docx.table import _Cell

    cell.width = width
    paragraph = _Cell(cell, table).paragraphs[0]
    paragraph.paragraph_format.space_after = Pt(1)
    run = paragraph.add_run(text)
    run.bold, run.font.size = bold, size
    if bold:
        cell.get_or_add_tcPr().append(
            parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="{_HEAD}"/>')
        )


def _draw_lines(table: Any) -> None:
    """Thin lines between rows, none between columns."""
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    line = f'w:val="single" w:sz="4" w:space="0" w:color="{_RULE}"'
    sides = "".join(f"<w:{side} {line}/>" for side in ("top", "bottom", "insideH"))
    table._tbl.tblPr.append(parse_xml(f"<w:tblBorders {nsdecls('w')}>{sides}</w:tblBorders>"))


def _keep_together(row: Any, *, repeat: bool) -> None:
    """A row is not broken over pages, and the header comes again on each."""
    from docx.oxml import OxmlElement

    about = row.get_or_add_trPr()
    about.append(OxmlElement("w:cantSplit"))
    if repeat:
        about.append(OxmlElement("w:tblHeader"))


def _without_dates(content: bytes) -> bytes:
    """The same archive with one fixed date on all entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, _ZIP_DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            new.writestr(entry, old.read(name))
    return out.getvalue()
