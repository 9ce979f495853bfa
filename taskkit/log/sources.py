"""Foreign files as they stand: one table of texts or native types, whatever the kind of file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from taskkit.errors import LogFileError
from taskkit.log.csv_files import check_size, read_bytes, read_text_table
from taskkit.log.json_files import read_json_table
from taskkit.log.parquet_files import is_parquet, read_foreign_parquet


@dataclass(frozen=True)
class Source:
    """One foreign file: its rows, and a digest of its bytes."""

    frame: pl.DataFrame
    sha256: bytes
    kind: str  # CSV, JSON or Parquet
    repaired: Mapping[str, int] = field(default_factory=dict)  # column → rows with unescaped quotation marks
    encoding: str = "utf-8"


def read_source(path: Path) -> Source:
    """Read a CSV, JSON or Parquet file whole; the content decides which of them it is.

    Raises
    ------
    LogFileError : the file is empty, damaged, too large or of none of these kinds; or it has no rows.
    """
    if is_parquet(path):
        check_size(path)
        with path.open("rb") as file:
            source = Source(read_foreign_parquet(path), hashlib.file_digest(file, "sha256").digest(), "Parquet")
    elif _is_json(path):
        data = read_bytes(path)
        source = Source(read_json_table(data, path), hashlib.sha256(data).digest(), "JSON")
    else:
        table = read_text_table(path)
        source = Source(table.frame, table.sha256, "CSV", table.repaired, table.encoding)
    if source.frame.is_empty():
        what = "no events" if source.kind == "JSON" else "a header but no rows"
        raise LogFileError(f"{path} has {what}: there is no log in it. Was the export finished?")
    return source


def _is_json(path: Path) -> bool:
    """Whether a file is or should be JSON: no table has a header that begins with a brace."""
    try:
        with path.open("rb") as file:
            start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError as error:
        raise LogFileError(f"{path} cannot be read: {error.strerror}.") from error
    return start.startswith((b"{", b"[")) or (path.suffix.lower() == ".json" and bool(start))
