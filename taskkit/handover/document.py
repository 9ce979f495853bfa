"""The hand-over as a document: one list of blocks, written as Markdown or DOCX."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from taskkit.errors import SettingError
from taskkit.handover.asking import sentence
from taskkit.handover.contents import Handover

ASK = "To be answered by the expert"
_KINDS = (".md", ".docx")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!&$@:])")
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]+"
)


class Block(NamedTuple):
    """A piece of the document: "title", "heading", "paragraph", "ask", "list", "questions" or "table"."""

    kind: str
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()  # of a table, the first is its header; of a list, one text each
    widths: tuple[float, ...] = ()  # of a table's columns, in parts of the page


def write_document(handover: Handover, path: str | Path) -> Path:
    """Write the hand-over as a document: Markdown (.md) or Word (.docx).

    The same hand-over gives the same bytes. It holds purpose, volumes, applications, the step table, decisions, exceptions,
    data transfers, open questions for the expert and what the description rests on. DOCX needs python-docx (extra `lab`).

    Parameters
    ----------
    handover : from `describe_work` or `document_session`.
    path : the file; its ending chooses the format.

    Returns
    -------
    The path.

    Raises
    ------
    SettingError : the ending is neither. MissingExtraError : python-docx is not installed.

    >>> import pathlib, tempfile, polars as pl, taskkit as tk
    >>> from taskkit.handover import document_session, write_document
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 5], "what": ["copy", "paste"], "app": ["mail", "erp"]}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> file = write_document(document_session(tk.name_activities(log)), pathlib.Path(tempfile.mkdtemp()) / "steps.md")
    >>> file.read_text(encoding="utf-8").splitlines()[0]
    '# Recorded work in mail, erp'
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in _KINDS:
        raise SettingError(f"{path.name}: a document is written as {' or '.join(_KINDS)}, not as {kind or 'this'!r}.")
    blocks = list_blocks(handover)
    if kind == ".md":
        path.write_text(_as_markdown(blocks), encoding="utf-8", newline="\n")
    else:
        from taskkit.handover.docx import write_docx

        write_docx(blocks, path)
    return path


def list_blocks(handover: Handover) -> list[Block]:
    """The document's blocks in their order."""
    blocks = [Block("title", handover.title), Block("paragraph", _subtitle(handover)), Block("heading", "Purpose")]
    purpose = handover.purpose
    blocks.append(
        Block("paragraph", purpose) if purpose else Block("ask", "What is it for, what starts it, what is its result?")
    )
    blocks += [Block("heading", "Volumes and times"), _facts(handover.facts)]
    blocks += _section("Applications", _applications(handover.applications), "No application is known.")
    blocks += _section("Steps", _steps(handover), "No step was recorded.")
    if handover.steps["block"].null_count() < handover.steps.height:
        blocks.append(
            Block("paragraph", "Steps marked “may be left out” are not done in every execution (see their share).")
        )
    if handover.kind == "task":
        blocks += _section(
            "Decisions", _decisions(handover.decisions), "No decision point with enough people behind it was found."
        )
        blocks += _section("Exceptions and other ways", _exceptions(handover.exceptions), "No other way was found.")
        blocks += _section(
            "Data transfers", _transfers(handover.transfers), "No written field with enough people behind it was found."
        )
    blocks += [Block("heading", "Open questions"), Block("questions", ASK, tuple((q,) for q in handover.questions))]
    blocks += [Block("heading", "What this rests on"), Block("list", "", tuple((a,) for a in handover.assumptions))]
    return [block._replace(text=plain_text(block.text), rows=tuple(tuple(plain_text(c) for c in row) for row in block.rows))
            for block in blocks]  # fmt: skip


def plain_text(text: str) -> str:
    """One line without control characters and without marks that change the direction of writing."""
    return " ".join(_CONTROL.sub(" ", text).split())


def _subtitle(handover: Handover) -> str:
    if handover.kind == "recording":
        return "One recorded flow, written down by taskkit. Contents that were typed or copied are not part of it."
    which = ", ".join(filter(None, [handover.task_id, handover.variant_id]))
    return f"Process definition of {which}, written by taskkit from recorded work. Contents are not part of it."


def _section(heading: str, table: Block, otherwise: str) -> list[Block]:
    return [Block("heading", heading), table if len(table.rows) > 1 else Block("paragraph", otherwise)]


def _facts(facts: pl.DataFrame) -> Block:
    rows = [
        (r["fact"].capitalize(), _figure(r), str(r["n"]), str(r["people"]), r["definition"])
        for r in facts.iter_rows(named=True)
    ]
    return Block("table", "", (("Figure", "Value", "n", "People", "Definition"), *rows), (0.24, 0.2, 0.07, 0.09, 0.4))


def _figure(fact: dict[str, Any]) -> str:
    if fact["value"] is None:
        return "not known"
    text = _with_unit(fact["value"], fact["unit"])
    if fact["low"] is not None:
        text += f" ({_with_unit(fact['low'], fact['unit'])} to {_with_unit(fact['high'], fact['unit'])})"
    return text


def _with_unit(value: float, unit: str) -> str:
    if unit == "seconds":
        return _time(value)
    return f"{value:.0%}" if unit == "share" else f"{value:,.0f}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _applications(frame: pl.DataFrame) -> Block:
    rows = [
        (r["app"], str(r["screens"]), _share(r["share"]), str(r["executions"]), str(r["people"]))
        for r in frame.iter_rows(named=True)
    ]
    header = ("Application", "Screens", "Share of active time", "Executions", "People")
    return Block("table", "", (header, *rows), (0.3, 0.14, 0.24, 0.18, 0.14))


def _steps(handover: Handover) -> Block:
    """Screens are given once, where they change."""
    rows: list[tuple[str, ...]] = []
    last = None
    for r in handover.steps.iter_rows(named=True):
        where = (r["app"], r["screen"])
        place = "″" if where == last else " · ".join(filter(None, where))
        last = where
        marks = [f"in loop {r['loop'] + 1}"] if r["loop"] is not None else []
        marks += ["may be left out"] if r["block"] is not None else []
        done = r["done"] + (f" [{', '.join(marks)}]" if marks else "")
        rows.append((
            str(r["number"]), place, _element(r), done, r["value_from"] or "", _time(r["median_seconds"]), _share(r["share"]),
        ))  # fmt: skip
    header = ("No.", "Application · screen", "Element", "What is done", "Value", "Median", "Share")
    return Block("table", "", (header, *rows), (0.05, 0.23, 0.2, 0.19, 0.18, 0.08, 0.07))


def _element(step: dict[str, Any]) -> str:
    name = " ".join(filter(None, [step["role"], f"“{step['element']}”" if step["element"] else ""]))
    return f"{name} (id {step['element_id']})" if step["element_id"] else name


def _decisions(frame: pl.DataFrame) -> Block:
    rows = []
    for r in frame.iter_rows(named=True):
        branches = zip(r["branches"] or [], r["shares"] or [], strict=False)
        ways = "; ".join(f"{step} ({share:.0%})" for step, share in branches)
        rule = r["rule"] or f"No rule. {sentence(r['why'] or 'no logged field predicts it')}"
        sure = f"{_share(r['accuracy'])} (always the most frequent: {_share(r['baseline'])})" if r["rule"] else ""
        rows.append((r["after"] or "the start", ways, rule, sure, f"{r['segments']} / {r['people']}"))
    header = ("After", "It goes on with", "Rule", "Right in", "Executions / people")
    return Block("table", "", (header, *rows), (0.19, 0.25, 0.27, 0.15, 0.14))


def _exceptions(frame: pl.DataFrame) -> Block:
    rows = [
        (
            r["kind"],
            r["name"],
            r["differs"],
            _share(r["share"]),
            f"{r['segments']} / {r['people']}",
            _time(r["median_seconds"]),
        )
        for r in frame.iter_rows(named=True)
    ]
    header = ("Kind", "Name", "What is different", "Share", "Executions / people", "Median")
    return Block("table", "", (header, *rows), (0.12, 0.26, 0.3, 0.08, 0.14, 0.1))


def _transfers(frame: pl.DataFrame) -> Block:
    rows = [
        (
            r["field"] or "", r["kind"] or "too little data", r["rule"] or "", ", ".join(r["sources"] or []),
            f"{_number(r['explained'])} of {_number(r['writes'])} ({_share(r['share'])})", _number(r["violations"]),
            _number(r["people"]),
        )
        for r in frame.iter_rows(named=True)
    ]  # fmt: skip
    header = ("Field", "Kind", "Rule", "Sources", "Explained", "Otherwise", "People")
    return Block("table", "", (header, *rows), (0.2, 0.13, 0.22, 0.17, 0.12, 0.09, 0.07))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _as_markdown(blocks: list[Block]) -> str:
    lines: list[str] = []
    for block in blocks:
        text = markdown(block.text)
        if block.kind == "title":
            lines.append(f"# {text}")
        elif block.kind == "heading":
            lines.append(f"## {text}")
        elif block.kind == "ask":
            lines.append(f"> **{ASK}:** {text}")
        elif block.kind == "table":
            header, *rows = [[markdown(cell) or " " for cell in row] for row in block.rows]
            table = [header, ["---"] * len(header), *rows]
            lines.append("\n".join(f"| {' | '.join(row)} |" for row in table))
        elif block.kind in ("list", "questions"):
            mark = "- [ ] " if block.kind == "questions" else "- "
            lead = [f"**{text}:**\n"] if text else []
            lines.append("\n".join([*lead, *(mark + markdown(row[0]) for row in block.rows)]))
        else:
            lines.append(text)
    return "\n\n".join(lines) + "\n"


def markdown(text: str) -> str:
    """Text that Markdown shows as it is: nothing in it becomes a link, a tag, a picture or a table.

    >>> markdown("a|b <img src=x> [x](http://y)")
    'a\\\\|b \\\\<img src=x\\\\> \\\\[x\\\\](http\\\\://y)'
    """
    escaped = _MARKDOWN.sub(r"\\\1", text)
    # at the beginning of a line, numbers, pluses and dashes would begin a list
    return re.sub(
        r"^(\s*)([-+=]|\d+(?=[.)](?:\s|$)))",
        lambda m: f"{m[1]}{m[2]}\\" if m[2][0].isdigit() else f"{m[1]}\\{m[2]}",
        escaped,
    )
