"""Text tables from files: every record is read whole, or the file is refused with the line that is wrong."""

from __future__ import annotations

import csv
import hashlib
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from taskkit.errors import LogFileError
from taskkit.log.table import KEPT_AS_IT_IS

SEPARATORS = (",", ";", "\t")
MAX_BYTES = 2 * 2**30  # a foreign file is read whole into memory
_FIELD_LIMIT = 16 * 2**20  # characters of one field; recorders store whole pages of HTML in one


@dataclass(frozen=True)
class TextTable:
    """A text file as it stands: all columns are text, empty fields are null."""

    frame: pl.DataFrame
    sha256: bytes
    separator: str
    encoding: str = "utf-8"  # or cp1252
    repaired: Counter[str] = field(default_factory=Counter)  # column → rows with unescaped quotation marks


def read_text_table(path: Path) -> TextTable:
    """Read a CSV file with `,`, `;` or tab as texts.

    UTF-8 with or without byte-order mark, else cp1252 (Windows, western languages); line breaks inside quotes belong to
    the field. Quotation marks that a recorder forgot to escape are read as they stand if the record then has the
    header's width, and counted.

    Raises
    ------
    LogFileError : no text, in neither encoding, no header, or a record that is wider or narrower than the header.
    """
    data = read_bytes(path)
    text, encoding = _decode(data, path)
    separator = _separator(text)
    cure = _cure(path, separator if separator in text.partition("\n")[0] else "|", encoding)
    lines = _Lines(text)
    limit = csv.field_size_limit(_FIELD_LIMIT)
    try:
        header, records, repaired = _read_records(lines, separator, path, cure)
    finally:
        csv.field_size_limit(limit)
    columns = list(zip(*records, strict=True)) if records else [()] * len(header)
    frame = pl.DataFrame(
        {
            name: pl.Series([value or None for value in column], dtype=pl.String)
            for name, column in zip(header, columns, strict=True)
        }
    )
    return TextTable(frame, hashlib.sha256(data).digest(), separator, encoding, repaired)


def read_bytes(path: Path) -> bytes:
    """Content of a file; an empty, unreadable or too large one is an error that names it."""
    check_size(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LogFileError(f"{path} cannot be read: {error.strerror}.") from error
    if not data.strip():
        raise LogFileError(f"{path} is empty: there is no log in it. Was the export finished?")
    return data


def check_size(path: Path) -> None:
    """Refuse a file that is too large to be read whole."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise LogFileError(f"{path} cannot be read: {error.strerror}.") from error
    if size > MAX_BYTES:
        raise LogFileError(
            f"{path} has {size / 2**30:.1f} GB; allowed: up to {MAX_BYTES / 2**30:g} GB, because a foreign file is read "
            "whole. Export it in parts (one per person or month), read them one by one and write each with write_log."
        )


def _cure(path: Path, separator: str, encoding: str) -> str:
    """What to do with a file that is no proper table; the way over Parquet keeps pseudonyms and redaction."""
    shown = separator.replace("\t", "\\t")
    called = "utf8" if encoding == "utf-8" else encoding
    return (
        f'Repair the file, or read it yourself: pl.read_csv({path.name!r}, separator="{shown}", encoding="{called}", '
        'infer_schema=False).write_parquet("table.parquet"), then read_log("table.parquet", columns={…}). '
        f"from_table(…, columns={{…}}) takes the frame itself; but {KEPT_AS_IT_IS}."
    )


def _decode(data: bytes, path: Path) -> tuple[str, str]:
    """The text and its encoding; a UTF-8 file that is damaged is not taken for another encoding."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise LogFileError(f"{path} is UTF-16 text; allowed: UTF-8 or cp1252. Save it as CSV UTF-8.")
    if (zero := data.find(b"\0")) >= 0:
        line = data[:zero].count(b"\n") + 1
        raise LogFileError(
            f"{path} is a binary file, not a CSV file or a Parquet log of taskkit: byte {zero} in line {line} is NUL. If "
            "it was text, the export is damaged there: export it again."
        )
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError as error:
        known = data.decode("utf-8", "replace")
        broken = known.count("\ufffd")
        whole = sum(map(len, re.findall(r"[^\x00-\x7f]+", known))) - broken
        damaged = data.startswith(BOM_UTF8) or whole >= broken
        if not damaged:
            try:
                return data.decode("cp1252"), "cp1252"
            except UnicodeDecodeError:
                pass
        line = data[: error.start].count(b"\n") + 1
        raise LogFileError(
            f"{path} is {'damaged UTF-8' if damaged else 'neither UTF-8 nor cp1252'} text: byte {error.start} in line {line} "
            f"cannot be read. Export it again as CSV UTF-8. {_cure(path, _separator(known), 'utf8-lossy' if damaged else '…')}"
        ) from None


def _separator(text: str) -> str:
    head = text[: text.find("\n")] if "\n" in text else text
    return max(SEPARATORS, key=head.count)


class _Lines:
    """The lines of a text, remembering which ones the current record has used."""

    def __init__(self, text: str) -> None:
        self._lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
        self.next = 0
        self.used: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.next >= len(self._lines):
            raise StopIteration
        self.next += 1
        self.used.append(self._lines[self.next - 1])
        return self.used[-1]


def _read_records(
    lines: _Lines, separator: str, path: Path, cure: str
) -> tuple[list[str], list[list[str]], Counter[str]]:
    reader = csv.reader(lines, delimiter=separator, strict=True)
    header: list[str] = []
    records: list[list[str]] = []
    repaired: Counter[str] = Counter()
    while True:
        lines.used.clear()
        first = lines.next + 1
        try:
            record = next(reader)
        except StopIteration:
            return header, [row[: len(header)] for row in records], repaired
        except csv.Error as error:
            record = _tolerant(lines.used[0], separator) if len(lines.used) == 1 else []
            if not header or len(record) != len(header):
                raise LogFileError(
                    f"{path}, line {first}: the quotation marks do not close ({error}); is the file cut off? {cure}"
                ) from None
            repaired.update(name for name, value in zip(header, record, strict=True) if '"' in value)
        if not any(record):
            continue  # an empty line
        if not header:
            header = _header(record, path, cure)
            if len(header) == 1:
                raise LogFileError(
                    f"{path} has a single column {header[0][:60]!r} when it is split at comma, semicolon or tab. Is it a "
                    f"table with another separator? {cure}"
                )
            continue
        # empty fields too many are a habit of the file if every row has them; in one row alone something has shifted
        width = len(records[0]) if records else max(len(header), len(record))
        if len(record) != width or any(record[len(header) :]):
            raise LogFileError(
                f"{path}, line {first}: {len(record)} fields where the header has {len(header)} columns "
                f"(separator {separator!r}). {cure}"
            )
        records.append(record)


def _tolerant(line: str, separator: str) -> list[str]:
    """Fields of one line with unescaped quotation marks: a quote closes a field only before a separator or the end."""
    mark = re.escape(separator)
    pattern = rf'(?:^|{mark})(?:"(?P<quoted>.*?)"(?={mark}|$)|(?P<bare>[^{mark}"]*)(?={mark}|$))'
    line = line.rstrip("\r\n")
    fields, end = [], 0
    for match in re.finditer(pattern, line):
        if match.start() != end:
            return []
        quoted = match["quoted"]
        fields.append(quoted.replace('""', '"') if quoted is not None else match["bare"])
        end = match.end()
    return fields if end == len(line) else []


def _header(record: list[str], path: Path, cure: str) -> list[str]:
    while record and not record[-1].strip():
        record.pop()
    names = [name.strip() or f"column_{number}" for number, name in enumerate(record, start=1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise LogFileError(f"{path}: the header names {', '.join(map(repr, twice))} more than once. {cure}")
    return names
