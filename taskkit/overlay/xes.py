"""XES files as untrusted input: streamed, no document type, no entities, bounded size and depth."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

import polars as pl

from taskkit.errors import LogFileError

MAX_BYTES = 8 << 30  # of XML, after unpacking
MAX_RATIO = 400  # unpacked to packed; real logs stay under 60
MAX_PIECE = 4 << 20  # bytes of one tag or comment: the parser reads a piece again with every block that it grows by
MAX_DEPTH = 40
MAX_ATTRIBUTES = 500  # different keys
_KINDS = {
    "string": pl.String,
    "date": pl.String,
    "id": pl.String,
    "int": pl.Int64,
    "float": pl.Float64,
    "boolean": pl.Boolean,
}


def read_xes(path: Path) -> pl.DataFrame:
    """Read the events of an XES file, the attributes of their trace as columns named `case:…`.

    Returns
    -------
    One row per event, in the order of the file.
    """
    table = _Table(path)
    with bounded_xml(path, "XES") as stream:
        _read_log(path, stream, table)
    return table.frame()


@contextmanager
def bounded_xml(path: Path, kind: str) -> Iterator[Bounded]:
    """Open XML, packed or not, as a stream with bounds; what goes wrong while it is read becomes one clear error."""
    from defusedxml.common import DefusedXmlException

    try:
        with path.open("rb") as raw:
            packed = path.name.lower().endswith(".gz")
            stream: Any = gzip.GzipFile(fileobj=raw) if packed else raw
            yield Bounded(path, stream, path.stat().st_size if packed else None)
    except DefusedXmlException as error:
        raise LogFileError(
            f"{path} declares a document type or entities. A process log needs neither, so it is not read."
        ) from error
    except ParseError as error:
        raise LogFileError(f"{path} is not complete, well-formed XML: {error}. Export it again.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LogFileError(f"{path} is not a complete gzip file ({error}). Export or copy it again.") from error
    except OSError as error:
        raise LogFileError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, LookupError, ValueError) as error:
        raise LogFileError(f"{path} cannot be read as {kind}: {error}.") from error


def _read_log(path: Path, stream: Bounded, table: _Table) -> None:
    """Walk the XML; an element is forgotten as soon as it has been read."""
    from defusedxml.ElementTree import iterparse

    open_elements: list[Element] = []
    trace: dict[str, tuple[str, str]] = {}
    for moment, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
        stream.since_last_piece = 0
        name = element.tag.rpartition("}")[2]
        if moment == "start":
            open_elements.append(element)
            if len(open_elements) > MAX_DEPTH:
                raise LogFileError(f"{path}: elements nested deeper than {MAX_DEPTH} levels; an XES log is not.")
            if len(open_elements) == 1 and name != "log":
                raise LogFileError(f"{path}: the outermost element is <{name}>, not <log>: this is no XES file.")
            if name == "trace":
                trace = {}
            continue
        open_elements.pop()
        outer = [outside.tag.rpartition("}")[2] for outside in open_elements]
        if outer == ["log", "trace", "event"] or (outer == ["log", "trace"] and name != "event"):
            continue  # an attribute, kept until its event or the first event of its trace has been read
        if outer == ["log", "trace"]:
            trace |= dict(_attributes(open_elements[1]))
            table.add(dict(_attributes(element)), trace)
            open_elements[1].clear()
        elif len(outer) == 1:
            open_elements[0].clear()


def _attributes(element: Element) -> Iterator[tuple[str, tuple[str, str]]]:
    for child in element:
        kind = child.tag.rpartition("}")[2]
        key, value = child.get("key"), child.get("value")
        if kind in _KINDS and key is not None and value is not None:
            yield key, (kind, value)


class _Table:
    """Columns that grow as attributes turn up."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, 0
        self.columns: dict[str, list[str | None]] = {}
        self.kinds: dict[str, set[str]] = {}

    def add(self, event: dict[str, tuple[str, str]], trace: dict[str, tuple[str, str]]) -> None:
        for key, (kind, value) in [*((f"case:{k}", v) for k, v in trace.items()), *event.items()]:
            column = self.columns.get(key)
            if column is None:
                if len(self.columns) >= MAX_ATTRIBUTES:
                    raise LogFileError(f"{self.path}: more than {MAX_ATTRIBUTES} different attributes; export fewer.")
                column = self.columns[key] = []
                self.kinds[key] = set()
            column.extend([None] * (self.rows - len(column)))
            if len(column) == self.rows:
                column.append(value)
                self.kinds[key].add(kind)
        self.rows += 1

    def frame(self) -> pl.DataFrame:
        series = []
        for key, column in self.columns.items():
            column.extend([None] * (self.rows - len(column)))
            texts = pl.Series(key, column, dtype=pl.String)
            kinds = self.kinds[key]
            dtype = _KINDS[next(iter(kinds))] if len(kinds) == 1 else pl.String
            if dtype == pl.Boolean:
                texts = texts.str.to_lowercase().replace_strict(
                    {"true": True, "false": False}, default=None, return_dtype=dtype
                )
            elif dtype != pl.String:
                texts = texts.cast(dtype, strict=False)
            series.append(texts)
        return pl.DataFrame(series)


class Bounded:
    """A stream that refuses to unpack more than an honest log would hold."""

    def __init__(self, path: Path, stream: IO[bytes], packed: int | None) -> None:
        self.path, self.stream, self.read_so_far, self.since_last_piece = path, stream, 0, 0
        self.limit = MAX_BYTES if packed is None else min(MAX_BYTES, max(packed * MAX_RATIO, 1 << 24))

    def read(self, size: int = -1) -> bytes:
        block = self.stream.read(size if size > 0 else 1 << 16)
        self.read_so_far += len(block)
        if self.read_so_far > self.limit:
            raise LogFileError(f"{self.path} unpacks to more than {self.limit:,} bytes; it is not read any further.")
        self.since_last_piece += len(block)
        if self.since_last_piece > MAX_PIECE:
            raise LogFileError(f"{self.path} holds a single tag or comment of more than {MAX_PIECE:,} bytes.")
        return block
