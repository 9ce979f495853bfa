"""What people wrote into journal, rules and notebooks and what of it stands on pages: no pattern knows the names in it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.activities import read_rules
from taskkit.decisions import Decisions
from taskkit.report.linter import LEAKS
from taskkit.report.linter.checks import leak, mask
from taskkit.report.linter.reading import read_page
from taskkit.report.linter.secrets import Secrets, common_words, squeeze
from taskkit.report.notebooks import find_notebooks

_WRITTEN = ("finding", "name")  # their very words are shown; of other kinds the decision is one of a list


def find_handwritten(
    pages: Mapping[str, str], journal: Path | None, *, rules: Path | None = None, notebooks: Sequence[Path] = (),
    own: tuple[str, ...] = (),
) -> pl.DataFrame:  # fmt: skip
    """Hand-written texts that stand on pages, as leaks: they need a list of names, or somebody's word.

    Parameters
    ----------
    pages : file name → HTML.
    journal : the journal of decisions; none has no texts.
    rules : the file of rules, whose names of screens and steps somebody wrote.
    notebooks : those that were run; what differs from the guided ones is somebody's own prose.
    own : scripts that belong to us.

    Returns
    -------
    One row per page and entry, with the columns of `lint_pages`.
    """
    texts: dict[str, str] = {}
    if journal is not None and journal.is_file():
        texts |= _texts(Decisions(journal).list())
    if rules is not None and rules.is_file():
        texts |= _of_rules(rules)
    texts |= _of_notebooks(notebooks)
    index = Secrets()
    for text, entry in texts.items():
        index.add(text, entry, sure=True)
    index.index()
    rows = []
    for page, html in pages.items() if texts else ():
        met: set[str] = set()
        for piece in read_page(html, own=own).pieces:
            for hit in index.find(piece.text) if piece.sort not in ("style", "script", "key") else ():
                if hit.kind not in met:
                    met.add(hit.kind)
                    rows.append(
                        (page, *leak(f"{piece.place}: {hit.kind}", "hand-written text", mask(hit.text), None, 5))
                    )
    return pl.DataFrame(rows, schema=LEAKS, orient="row")


def _texts(entries: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Each hand-written text with the entry that it stands in."""
    for entry in entries.iter_rows(named=True):
        where = f"{entry['kind']} {entry['number']} of the journal, about {entry['subject']}"
        written = [entry["decision"]] if entry["kind"] in _WRITTEN else []
        said = [entry["why"], entry["role"], _task(entry)]
        said += [entry["decision"]] if entry["kind"] == "context" else []
        # "process owner" is a role that our own texts speak of; with a name in it, it is not
        written += [text for text in said if text and not _is_ours(text)]
        for text in written:
            if text and len(squeeze(text).text) >= 2:
                yield text, where


def _of_rules(path: Path) -> Iterator[tuple[str, str]]:
    """What rules say, without the places that each row fills in."""
    for number, rule in enumerate(read_rules(path), start=1):
        for text in (part for said in rule.says.values() for part in re.split(r"\{\w+\}", said)):
            if len(squeeze(text).text) >= 2 and not _is_ours(text):
                yield text, f"rule {number} of {path.name}"


def _of_notebooks(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Prose and texts in the code of notebooks that the guided ones do not hold."""
    guided = {text for path in (find_notebooks() if paths else ()) for _, text in _of_cells(path)}
    for path in paths:
        for number, text in _of_cells(path):
            if text not in guided and len(squeeze(text).text) >= 2 and not _is_ours(text):
                yield text, f"{path.name}, cell {number}"


def _of_cells(path: Path) -> Iterator[tuple[int, str]]:
    """Every line of prose without its marks, and every text in code, with the number of its cell."""
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"], start=1):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            found = re.split(r"\n|\]\([^)]*\)|[*_`\[\]|<>]", source)
        elif cell["cell_type"] == "code":
            found = _constants(source)
        else:
            continue
        yield from ((number, text.strip()) for text in found if text.strip())


def _constants(source: str) -> list[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # a line for the shell, say: then every text between quotes
        return re.findall(r"""["']([^"'\n]+)["']""", source)
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _task(entry: Mapping[str, Any]) -> str:
    try:
        detail = json.loads(entry.get("detail") or "{}")
    except ValueError:
        return ""
    return str(detail.get("task") or "") if isinstance(detail, dict) else ""


def _is_ours(text: str) -> bool:
    return all(word in common_words() for word in re.findall(r"[^\W\d_]+", text.casefold()))
