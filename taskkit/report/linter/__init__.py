"""The privacy linter: what on finished pages would give somebody away, where it stands and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import polars as pl

from taskkit.errors import LogFileError
from taskkit.privacy import MIN_PEOPLE
from taskkit.report.linter.checks import Leak, check_piece, leak
from taskkit.report.linter.gathering import find_secrets as find_secrets
from taskkit.report.linter.groups import check_rows
from taskkit.report.linter.reading import Piece, Rows, read_page
from taskkit.report.linter.secrets import Secrets

LEAKS = pl.Schema({"page": pl.String, "place": pl.String, "kind": pl.String, "what": pl.String, "people": pl.Int64,
                   "how_to_mend": pl.String})  # fmt: skip
MOST_PLACES = 200  # leaks listed of one kind on one page; more of the same help nobody


def lint_pages(
    pages: Mapping[str, str] | str | Path, *, secrets: Secrets | None = None, k: int = MIN_PEOPLE
) -> pl.DataFrame:
    """Look through finished pages for everything that would give somebody away, seen or not.

    Read are texts, attributes, comments, styles, scripts, specifications and data of charts, tables, files in data
    addresses and what pictures say of themselves. Found are the log's raw texts, people, sessions, digests and cases
    (`find_secrets`), addresses, numbers of accounts and telephones, pseudonyms, paths of a machine, private columns,
    groups of fewer than `k` people, marks of single people, hidden values that a total gives away, references to the
    outside; and a log of fewer than `k` people, whose pages can never be anonymous.

    Parameters
    ----------
    pages : file name → HTML, or a folder of pages.
    secrets : what must not be in them; without it only what needs no log is looked for.
    k : smallest group that may be shown, in people.

    Returns
    -------
    One row per leak: `page`, `place`, `kind`, `what` (first letters and length only), `people`, `how_to_mend`.

    Raises
    ------
    LogFileError : the folder holds no page.

    >>> lint_pages({"a.html": "<p title='ada@example.org'>42 invoices</p>"})["kind"].to_list()
    ['e-mail address']
    """
    found = secrets if secrets is not None else Secrets(people=k)
    rows = [(name, *told) for name, html in _given(pages).items() for told in _lint(name, html, found, k)]
    if 0 < found.people < k:
        few = f"{found.people} {'person' if found.people == 1 else 'people'} in the log"
        rows.append(("all pages", *leak("the log", "log of few people", few, found.people, k)))
    return pl.DataFrame(rows, schema=LEAKS, orient="row")


def _given(pages: Mapping[str, str] | str | Path) -> Mapping[str, str]:
    if isinstance(pages, Mapping):
        return pages
    files = sorted(Path(pages).glob("*.html"))
    if not files:
        raise LogFileError(f"There is no page in {pages}. Give a folder that holds .html files.")
    return {file.name: file.read_text(encoding="utf-8") for file in files}


def _lint(name: str, html: str, secrets: Secrets, k: int) -> Iterator[Leak]:
    """Leaks of one page, each once a place; of one kind at most so many."""
    contents = read_page(html, own=own_scripts())
    contents.pieces.append(Piece("the file's name", "metadata", name))
    seen: set[tuple[str, str, str]] = set()
    counts: dict[str, int] = {}
    for told in _all(contents.pieces, contents.tables, secrets, k):
        if (told.place, told.kind, told.what) in seen:
            continue
        seen.add((told.place, told.kind, told.what))
        counts[told.kind] = counts.get(told.kind, 0) + 1
        if counts[told.kind] <= MOST_PLACES:
            yield told


def _all(pieces: list[Piece], tables: list[Rows], secrets: Secrets, k: int) -> Iterator[Leak]:
    known: dict[tuple[str, str, str], list[Leak]] = {}
    for piece in pieces:
        if not re.search(r"[^\W_]", piece.text) and piece.sort != "picture":
            continue
        within = piece.place.rpartition(",")[2] if piece.sort in ("attribute", "chart", "text") else ""
        key = (piece.sort, f"{piece.column} {within}", piece.text)
        if key not in known:  # the same text stands in many places
            known[key] = list(check_piece(piece, secrets, k))
        yield from (told._replace(place=piece.place) for told in known[key])
    for rows in tables:
        yield from check_rows(rows, secrets, k)


@cache
def own_scripts() -> tuple[str, ...]:
    """Our own library: 0.9 MB that hold nothing of the log; without the packages of the lab no page has it."""
    import importlib.util

    from taskkit.report.offline import page_script, vega_bundle

    script = page_script()
    library = (vega_bundle(),) if importlib.util.find_spec("vl_convert") is not None else ()
    return (*library, script, script.rstrip("\n"))
