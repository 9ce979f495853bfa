"""Columns that may name somebody are encrypted on the disk: Parquet's own encryption, in one pair of functions."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import polars as pl

from taskkit.errors import LogFileError
from taskkit.privacy.keys import keyed
from taskkit.schema import EVENTS

ENCRYPTION_NOTES = ("encrypted_columns", "encryption_key_id")  # what an encrypted file's metadata say of it


def write_private(
    frame: pl.DataFrame, file: Path | IO[bytes], *, key: bytes | None, metadata: Mapping[str, str]
) -> None:
    """Write a frame as Parquet; with a key its columns of class P2 and P3 are encrypted, and the metadata say so.

    The footer stays readable and is signed, so that the other columns and the metadata need no key. Each column has a key
    of its own, derived from `key`. What is not encrypted is not protected against change either.

    Parameters
    ----------
    frame : rows of the events contract; a column that the contract does not know counts as content.
    file : path or open file to write.
    key : at least 16 bytes (`read_key`); None encrypts nothing.
    metadata : what the file says about itself; `encrypted_columns` and `encryption_key_id` are added.
    """
    notes = {name: value for name, value in metadata.items() if name not in ENCRYPTION_NOTES}
    options: dict[str, Any] = {}
    if key is not None:
        columns = [leaf for name, dtype in frame.schema.items() if _private(name) for leaf in _leaves(name, dtype)]
        notes |= {"encrypted_columns": json.dumps(columns), "encryption_key_id": encryption_key_id(key)}
        footer_key, column_keys = _parquet_keys(key, columns)
        options["encryption"] = pl.ParquetEncryptionProperties(
            footer_key=footer_key, column_keys=column_keys, plaintext_footer=True
        )
    with _unstable_on_purpose():
        frame.write_parquet(file, compression="zstd", compression_level=3, metadata=notes, **options)


def scan_private(files: Sequence[Path], *, key: bytes | None = None) -> pl.LazyFrame:
    """Open Parquet files of one recording, encrypted by `write_private` or not.

    Parameters
    ----------
    files : files with the same columns, encrypted with the same key.
    key : the key they were encrypted with; not needed where they are not.

    Returns
    -------
    Lazy frame of the rows, in the order of the files.

    Raises
    ------
    LogFileError : they are encrypted and the key is missing or another one.
    """
    notes = pl.read_parquet_metadata(files[0])
    options: dict[str, Any] = {}
    if columns := json.loads(notes.get("encrypted_columns", "[]")):
        _need_key(key, files[0], columns, notes.get("encryption_key_id"))
        footer_key, column_keys = _parquet_keys(key or b"", columns)
        options["decryption"] = pl.ParquetDecryptionProperties(footer_key=footer_key, column_keys=column_keys)
    with _unstable_on_purpose():
        return pl.scan_parquet(list(files), glob=False, **options)


def encryption_key_id(key: bytes) -> str:
    """Name a key without giving it away: a file says with it which key it needs.

    >>> len(encryption_key_id(b"k" * 32))
    8
    """
    return keyed("encryption key id", key)[:8]


def _need_key(key: bytes | None, file: Path, columns: Sequence[str], needed: str | None) -> None:
    if key is None:
        raise LogFileError(
            f"{file} is encrypted in its columns {', '.join(columns)}. Give the key that it was recorded with: "
            "key=taskkit.privacy.read_key(key_file)."
        )
    if needed != encryption_key_id(key):
        raise LogFileError(
            f"The key does not fit {file}: it needs the key {needed}, this is the key {encryption_key_id(key)}. "
            "Read the key file that it was recorded with, key=taskkit.privacy.read_key(key_file)."
        )


def _private(name: str) -> bool:
    return EVENTS.privacy_of(name) in ("P2", "P3")


def _leaves(name: str, dtype: pl.DataType) -> list[str]:
    """The names that Parquet gives to the parts of a nested column: each has a key of its own."""
    if isinstance(dtype, pl.List):
        return _leaves(f"{name}.list.element", dtype.inner)  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return [leaf for field in dtype.fields for leaf in _leaves(f"{name}.{field.name}", field.dtype)]  # type: ignore[arg-type]
    return [name]


def _parquet_keys(key: bytes, columns: Iterable[str]) -> tuple[bytes, dict[str, bytes]]:
    """Keys of 32 bytes for the footer and for each column, derived from the one key."""
    return bytes.fromhex(keyed("parquet footer", key)), {
        name: bytes.fromhex(keyed(f"parquet column {name}", key)) for name in columns
    }


@contextmanager
def _unstable_on_purpose() -> Iterator[None]:
    """polars calls its encryption unstable: it is used in this file only, and its tests tell when it changes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pl.exceptions.UnstableWarning)
        yield
