"""What people wrote into the journal and what of it stands on pages: no pattern knows the names in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.decisions import Decisions
from taskkit.report.linter import LEAKS
from taskkit.report.linter.checks import leak, mask
from taskkit.report.linter.reading import read_page
from taskkit.report.linter.secrets import Secrets, common_words, squeeze

_WRITTEN = ("finding", "name")  # their very words are shown; of other kinds the decision is one of a list


def find_handwritten(pages: Mapping[str, str], journal: Path | None, *, own: tuple[str, ...] = ()) -> pl.DataFrame:
    """Hand-written texts of a journal that stand on pages, as leaks: they need a list of names, or somebody's word.

    Parameters
    ----------
    pages : file name → HTML.
    journal : the journal of decisions; none has no texts.
    own : scripts that belong to us.

    Returns
    -------
    One row per page and entry, with the columns of `lint_pages`.
    """
    if journal is None or not journal.is_file():
        return pl.DataFrame(schema=LEAKS)
    texts = dict(_texts(Decisions(journal).list()))
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


def _task(entry: Mapping[str, Any]) -> str:
    try:
        detail = json.loads(entry.get("detail") or "{}")
    except ValueError:
        return ""
    return str(detail.get("task") or "") if isinstance(detail, dict) else ""


def _is_ours(text: str) -> bool:
    return all(word in common_words() for word in re.findall(r"[^\W\d_]+", text.casefold()))
