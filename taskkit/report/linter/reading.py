"""What a finished page contains: every text with the place where it stands, every table and every chart's data as rows."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from taskkit.errors import TaskkitError

LARGEST_PAGE = 40_000_000  # characters; our own pages have less than 2 million
DEEPEST = 4  # a page in an attribute of a page in a picture …


def words_of(text: str) -> frozenset[str]:
    """A set of words, written as one line."""
    return frozenset(text.split())


_VOID = words_of("area base br col embed hr img input link meta source track wbr")
_INLINE = words_of(
    "a abbr b bdi bdo cite code data del dfn em font i ins kbd label mark q s samp small span strong sub sup time "
    "tspan tt u var wbr"
)
_RAW = ("script", "style")
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")


@dataclass(frozen=True)
class Piece:
    """One text of a page: where it stands, what sort of text it is, what it says."""

    place: str
    sort: str  # text, attribute, comment, style, script, chart, data, field, key, metadata, picture
    text: str
    column: str = ""  # name of the data's column, where it is data


@dataclass
class Rows:
    """A table or the data of a chart: column names and rows as text, and which rows say that they are hidden."""

    place: str
    columns: list[str]
    rows: list[list[str]]
    hidden: list[bool]
    note: str = ""  # what is said beside it, where it stands
    beside: str = ""  # text right before and behind a table

    def column(self, number: int) -> list[str]:
        """Texts of one column, a missing cell as an empty text."""
        return [row[number] if number < len(row) else "" for row in self.rows]


@dataclass
class Contents:
    """Everything that a page holds."""

    pieces: list[Piece] = field(default_factory=list)
    tables: list[Rows] = field(default_factory=list)


def read_page(html: str, *, own: tuple[str, ...] = (), inside: str = "", depth: int = 0) -> Contents:
    """Take a page apart: visible and hidden text, attributes, comments, styles, scripts, charts, tables.

    Parameters
    ----------
    html : the finished page.
    own : scripts that belong to us; where they stand word for word they are not looked into.
    inside : place of this page in another, for a page that stands in an attribute or a picture.
    depth : how deep it lies in others.

    Raises
    ------
    TaskkitError : the page is larger than 40 million characters.
    """
    if len(html) > LARGEST_PAGE:
        raise TaskkitError(
            f"A page has {len(html):,} characters; at most {LARGEST_PAGE:,} are checked. Show fewer rows on it."
        )
    for script in own:
        html = html.replace(f">{script}</script>", ">" + "\n" * script.count("\n") + "</script>")
    reader = _Reader(inside)
    reader.feed(html)
    reader.finish()
    contents = reader.contents
    charts = 0
    for place, kind, text in reader.raw:
        if kind == "json":
            charts += 1
            _read_json(text, f"{place}, chart {charts}", contents)
        else:
            plain = _CSS_ESCAPE.sub(_character, text) if kind == "style" else text
            contents.pieces.append(Piece(place, kind, plain))
    for piece in [piece for piece in contents.pieces if piece.sort == "attribute" and piece.text.lstrip()[:1] in "[{"]:
        _read_json(piece.text, piece.place, contents)
    from taskkit.report.linter.pictures import read_inner

    if depth < DEEPEST:
        for piece in [piece for piece in contents.pieces if "data:" in piece.text or "<" in piece.text]:
            for inner in read_inner(piece, depth=depth):
                contents.pieces += inner.pieces
                contents.tables += inner.tables
    return contents


def _character(match: re.Match[str]) -> str:
    """A character that CSS writes as its number."""
    number = int(match[1], 16)
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else " "


class _Reader(HTMLParser):
    """Collects texts block by block: `Jane <b>Doe</b>` is one text, two cells of a table are two."""

    def __init__(self, inside: str) -> None:
        super().__init__(convert_charrefs=True)
        self.inside, self.contents, self.raw = inside, Contents(), []  # type: tuple[str, Contents, list[tuple[str, str, str]]]
        self.open: list[str] = []
        self.text: list[str] = []
        self.began = ""
        self.script: tuple[str, str, list[str]] | None = None
        self.tables: list[_Table] = []
        self.met = 0
        self.near = ""  # the text before a table
        self.above: Rows | None = None  # the table before a text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _INLINE:
            self._flush()
        if tag not in _VOID:
            self.open.append(tag)
        place = self._place()
        known = {name: value or "" for name, value in attrs}
        for name, value in known.items():
            if value:
                self.contents.pieces.append(Piece(f"{place} {name}=…", "attribute", value))
            if name not in _KNOWN_NAMES:
                self.contents.pieces.append(Piece(f"{place} {name}", "attribute", name.replace("-", " ")))
        if tag in _RAW:
            kind = "style" if tag == "style" else "json" if "json" in known.get("type", "") else "script"
            self.script = (place, kind, [])
        if tag == "table":
            self.met += 1
            self.tables.append(_Table(f"{self.inside}line {self.getpos()[0]}, table {self.met}"))
        if self.tables:
            self.tables[-1].start(tag, known)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE:
            self._flush()
        if tag in _RAW and self.script is not None:
            place, kind, parts = self.script
            self.raw.append((place, kind, "".join(parts)))
            self.script = None
        if self.tables:
            self.tables[-1].end(tag)
            if tag == "table":
                self._add(self.tables.pop())
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self.script is not None:
            self.script[2].append(data)
            return
        if not self.text:
            self.began = self._place()
        self.text.append(data)
        if self.tables:
            self.tables[-1].data(data)

    def handle_comment(self, data: str) -> None:
        self.contents.pieces.append(Piece(f"{self._place()} comment", "comment", data))

    def handle_decl(self, decl: str) -> None:
        self.contents.pieces.append(Piece(f"{self._place()} declaration", "comment", decl))

    def handle_pi(self, data: str) -> None:
        self.contents.pieces.append(Piece(f"{self._place()} instruction", "comment", data))

    def unknown_decl(self, data: str) -> None:
        self.handle_decl(data)

    def finish(self) -> None:
        """What is still open at the end belongs to the page too: a browser shows it."""
        if self.script is not None:
            self.script[2].append(self.rawdata)  # a script that never ends: the parser would drop it
        self.close()
        self._flush()
        if self.script is not None:
            self.raw.append((self.script[0], self.script[1], "".join(self.script[2])))
        while self.tables:
            self._add(self.tables.pop())

    def _add(self, table: _Table) -> None:
        rows = table.rows_of()
        if rows is not None:
            self.contents.tables.append(rows)
            rows.beside, self.above = self.near, rows

    def _flush(self) -> None:
        text = "".join(self.text)
        if text.strip():
            self.contents.pieces.append(Piece(self.began, "text", text))
            if not self.tables:
                self.near = text[:500]
                if self.above is not None:
                    self.above.beside += f"\n{self.near}"
                    self.above = None
        self.text = []

    def _place(self) -> str:
        return f"{self.inside}line {self.getpos()[0]}, {' > '.join(self.open[-3:]) or 'top'}"


# attributes whose very name cannot be text that somebody made up
_KNOWN_NAMES = words_of(
    "id class style href src alt title lang type rel name content charset role tabindex colspan rowspan scope width "
    "height viewbox fill stroke d x y cx cy r points transform xmlns http-equiv for value checked disabled open "
    "aria-label aria-labelledby aria-hidden aria-current aria-describedby hidden align valign border target"
)


class _Table:
    """Cells of one table, with wide cells repeated, headings apart from rows."""

    def __init__(self, place: str) -> None:
        self.place, self.heads, self.rows = place, [], []  # type: tuple[str, list[list[str]], list[list[str]]]
        self.row: list[str] | None = None
        self.cell: list[str] | None = None
        self.wide, self.only_heads, self.in_head = 1, True, False
        self.note: list[str] = []
        self.in_note = False

    def start(self, tag: str, known: Mapping[str, str]) -> None:
        if tag in ("thead", "caption", "tfoot"):
            self.in_head = self.in_head or tag == "thead"
            self.in_note = tag != "thead"
        elif tag == "tr":
            self.row, self.only_heads = [], True
        elif tag in ("td", "th"):
            self._close()
            self.row = [] if self.row is None else self.row
            wide = known.get("colspan", "1")
            self.cell, self.wide = [], min(int(wide), 100) if wide.isdigit() else 1
            self.only_heads = self.only_heads and tag == "th"
            if known.get("class") == "h":
                self.cell.append("hidden ")
        elif tag == "br" and self.cell is not None:
            self.cell.append(" ")

    def end(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._close()
        elif tag in ("tr", "table"):
            self._close()
            if self.row and not re.fullmatch(
                r"[\d,]+ more rows?|[\d,]+ of [\d,]+ rows\.?", self.row[0]
            ):  # a foot, no row
                (self.heads if self.in_head or (self.only_heads and not self.rows) else self.rows).append(self.row)
            self.row = None
        elif tag in ("thead", "caption", "tfoot"):
            self.in_head = self.in_head and tag != "thead"
            self.in_note = False

    def data(self, data: str) -> None:
        if self.cell is not None:
            self.cell.append(data)
        if self.in_note:
            self.note.append(data)

    def _close(self) -> None:
        if self.cell is not None and self.row is not None:
            self.row += ["".join(self.cell).strip()] * self.wide
        self.cell = None

    def rows_of(self) -> Rows | None:
        self.end("table")
        wide = max((len(row) for row in (*self.heads, *self.rows)), default=0)
        columns = [" ".join(dict.fromkeys(head[n] for head in self.heads if n < len(head))) for n in range(wide)]
        hidden = [any(re.match(r"(hidden\b|too few people)", cell) for cell in row) for row in self.rows]
        return Rows(self.place, columns, self.rows, hidden, " ".join(self.note)) if wide else None


# --------------------------------------------------------------------------------------------------------------- charts
def _read_json(text: str, place: str, contents: Contents) -> None:
    """Every text of a specification, named by its path, and every set of data as rows."""
    try:
        spec = json.loads(text)
    except (ValueError, RecursionError):
        contents.pieces.append(Piece(place, "script", text))
        return
    said: list[str] = []
    met: set[tuple[str, object]] = set()  # names and whole numbers, each told once
    before = len(contents.tables)
    for path, key, value in _walk(spec):
        if isinstance(value, str):
            if key in ("values", "data") or path.startswith("/datasets/"):
                rows = _from_csv(value, f"{place}, data {path}")
                if rows is not None:
                    contents.tables.append(rows)
                    contents.pieces += _data_pieces(rows)
                    continue
            said.append(value)
            contents.pieces.append(Piece(f"{place}, {path}", "field" if key == "field" else "chart", value))
        elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            contents.tables.append(_from_dicts(value, f"{place}, data {path}"))
        if isinstance(value, int) and abs(value) >= 10_000 and (key, value) not in met:
            met.add((key, value))
            contents.pieces.append(Piece(f"{place}, {path}", "data", str(value), key))
        if key and (key, "") not in met:
            met.add((key, ""))
            contents.pieces.append(Piece(f"{place}, {path}", "key" if key.isidentifier() else "chart", key))
    for rows in contents.tables[before:]:
        rows.note = " ".join(said)[:20_000]


def _walk(value: Any, path: str = "", key: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every value of a JSON text with its path and its name, without recursion: what is deep is looked at too."""
    waiting = [(path, key, value)]
    while waiting:
        path, key, value = waiting.pop()
        yield path, key, value
        if isinstance(value, Mapping):
            waiting += [(f"{path}/{name}", str(name), inner) for name, inner in reversed([*value.items()])]
        elif isinstance(value, list):
            waiting += [(f"{path}/{n}", key, inner) for n, inner in reversed(list(enumerate(value)))]


def _from_csv(text: str, place: str) -> Rows | None:
    line = text.find("\n")
    if line < 0 or text.lstrip()[:1] in "[{<":
        return None
    sign = "\t" if "\t" in text[:line] else ";" if ";" in text[:line] and "," not in text[:line] else ","
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=sign))
    except csv.Error:
        return None
    columns, rows = lines[0], [row for row in lines[1:] if row]
    return Rows(place, columns, rows, _said_hidden(columns, rows))


def _from_dicts(found: list[dict[str, Any]], place: str) -> Rows:
    columns = list(dict.fromkeys(name for row in found for name in row))
    rows = [["" if row.get(name) is None else _text(row[name]) for name in columns] for row in found]
    return Rows(place, columns, rows, _said_hidden(columns, rows))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _said_hidden(columns: list[str], rows: list[list[str]]) -> list[bool]:
    where = columns.index("hidden") if "hidden" in columns else None
    return [where is not None and len(row) > where and row[where].lower() == "true" for row in rows]


def _data_pieces(rows: Rows) -> Iterator[Piece]:
    """Each different text of a column once, with the row that it stands in first; and the names of the columns."""
    for number, name in enumerate(rows.columns):
        yield Piece(f"{rows.place}, column {number + 1}", "field", name)
        seen: dict[str, int] = {}
        for at, text in enumerate(rows.column(number), 1):
            seen.setdefault(text, at)
        for text, at in seen.items():
            if text:
                yield Piece(f"{rows.place}, row {at}", "data", text, name)
    for at, row in enumerate(rows.rows, 1):  # cells beyond the heading
        for text in row[len(rows.columns) :]:
            yield Piece(f"{rows.place}, row {at}", "data", text)
