"""Pseudonyms, redaction, digests, encryption, small groups and the posture: what keeps people safe, in one place."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import polars as pl

from taskkit.errors import LogFileError, SettingError
from taskkit.redaction import REDACTIONS as REDACTIONS
from taskkit.redaction import redact as redact
from taskkit.schema import EVENTS

MIN_PEOPLE = 5  # groups under this size are hidden in anything shared
PSEUDONYM = r"p_[0-9a-f]{12}"  # what `pseudonym` makes, as a pattern
KEY_BYTES = 32
ENCRYPTION_NOTES = ("encrypted_columns", "encryption_key_id")  # what an encrypted file's metadata say of it
UNKNOWN_USER = "p_unknown"  # a log that does not say who worked
_DERIVED = ("activity", "case_id", "screen")  # made from what was recorded


def pseudonym(name: str, *, key: bytes) -> str:
    """Replace a name by a keyed pseudonym: the same name and key give the same pseudonym.

    Without the key nobody can tell whose it is. Upper and lower case and outer spaces do not matter. HMAC-SHA256, the
    first 48 bits.

    >>> pseudonym(" Ada ", key=b"k" * 32) == pseudonym("ada", key=b"k" * 32)
    True
    """
    return "p_" + _keyed(name.strip().casefold(), key)[:12]


def digest(value: str, *, key: bytes) -> str:
    """Keyed digest of a value: shows that the same value travelled, not what it was. HMAC-SHA256, the first 64 bits.

    >>> len(digest("INV-1", key=b"k" * 32))
    16
    """
    return _keyed(value, key)[:16]


def shape(value: str) -> str:
    """Character-class shape of a value: letters become a or A, digits 9, runs are collapsed, common signs stay.

    >>> shape("INV-104233"), shape("Jane Doe")
    ('A-9', 'Aa Aa')
    """
    classes = re.sub(r"[^\W\d_]", lambda m: "A" if m[0].isupper() else "a", value)
    plain = re.sub(r"[^\w \-/.,:;#@+&()%€$£*?']", ".", re.sub(r"\s", " ", re.sub(r"\d", "9", classes)))
    return re.sub(r"(.)\1+", r"\1", plain)[:40]


def _keyed(text: str, key: bytes) -> str:
    if len(key) < 16:
        raise SettingError(
            f"The key has {len(key)} bytes; allowed: at least 16. Make one with taskkit.privacy.make_key."
        )
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def make_key(path: Path) -> bytes:
    """Make the engagement's key file (mode 0600, never overwritten); destroy it, and no pseudonym can be undone."""
    key = secrets.token_bytes(KEY_BYTES)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
    return key


def read_key(path: Path) -> bytes:
    """Read the engagement's key file.

    Raises
    ------
    LogFileError : the file is missing or too short.
    """
    try:
        key = Path(path).read_bytes()
    except OSError as error:
        raise LogFileError(f"No key can be read from {path}: {error.strerror}. Make one with make_key.") from error
    if len(key) < 16:
        raise LogFileError(f"The key file {path} has {len(key)} bytes; allowed: at least 16.")
    return key


# --------------------------------------------------------------------------------------------------------- encryption
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
    return _keyed("encryption key id", key)[:8]


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
    return bytes.fromhex(_keyed("parquet footer", key)), {
        name: bytes.fromhex(_keyed(f"parquet column {name}", key)) for name in columns
    }


@contextmanager
def _unstable_on_purpose() -> Iterator[None]:
    """polars calls its encryption unstable: it is used in this file only, and its tests tell when it changes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pl.exceptions.UnstableWarning)
        yield


# ------------------------------------------------------------------------------------------------------- small groups
def suppress_small_groups(
    frame: pl.DataFrame, *, people: str = "people", k: int = MIN_PEOPLE, keep: Iterable[str] = ()
) -> pl.DataFrame:
    """Hide every row that rests on fewer than `k` people: its values become null, only the columns in `keep` stay.

    Parameters
    ----------
    frame : one row per group, with a column that counts people.
    people : name of that column.
    k : smallest group that is shown.
    keep : columns that stay readable in a hidden row (a task's number, say); they must not give anybody away.

    Returns
    -------
    The frame with the same rows and a Boolean column `hidden`.

    >>> suppress_small_groups(pl.DataFrame({"team": ["a", "b"], "people": [7, 2]}))["people"].to_list()
    [7, None]
    """
    if people not in frame.columns:
        raise SettingError(f"The frame has no column {people!r} to count people; found: {', '.join(frame.columns)}.")
    hidden = (pl.col(people) < k).fill_null(True)
    stay = {*keep}
    return frame.with_columns(hidden.alias("hidden")).with_columns(
        pl.when("hidden").then(None).otherwise(pl.col(name)).alias(name) for name in frame.columns if name not in stay
    )


# ------------------------------------------------------------------------------------------------------------ posture
def posture(events: pl.DataFrame, *, metadata: Mapping[str, Any] | None = None, k: int = MIN_PEOPLE) -> pl.DataFrame:
    """Say in plain sentences what was recorded, what was not, and who may see it.

    Parameters
    ----------
    events : an events frame.
    metadata : what the log's files say about themselves (`taskkit.log.read_metadata`); unknown facts are said to be so.
    k : smallest group that shared pages show.

    Returns
    -------
    One row per statement: `topic` (recorded, not recorded, removed, people, consent, kept until, sharing; and where the
    metadata say so: excluded, withdrawn, signed off, ended), `statement`.

    >>> posture(pl.DataFrame(schema=EVENTS.schema))["topic"].to_list()[0]
    'recorded'
    """
    meta = dict(metadata or {})
    n, people = events.height, events["user"].n_unique() if events.height else 0
    filled = {name for name in events.columns if events[name].null_count() < n}
    removed = pl.Series(dtype=pl.String)
    if "redactions" in filled:
        removed = events["redactions"].drop_nulls().explode(empty_as_null=True).drop_nulls()
    kinds = ", ".join(f"{kind} ({count:,} rows)" for kind, count in sorted(removed.value_counts().iter_rows()))
    shared = (
        f"Groups of fewer than {k} people are hidden. Single days and cases are examples, under letters that are not the "
        "pseudonyms of the log."
        if people >= k
        else f"Fewer than {k} people were recorded, so nothing here is anonymous: share it only with them or with their consent."
    )
    rows = [
        ("recorded", _recorded(events, filled) + (f" Profile: {meta['profile']}." if meta.get("profile") else "")),
        ("not recorded", _not_recorded(events, filled)),
        ("removed", f"Before the log was written: {kinds}." if kinds else "No redaction is marked in this log."),
        ("excluded", _excluded(meta.get("excluded"))),
        ("withdrawn", _withdrawn(meta.get("removed_spans"))),
        ("people", f"{_people(events, people)} Results describe tasks; nobody is ranked."),
        ("consent", meta.get("consent") or "The log does not say which notice the people agreed to."),
        ("signed off", _signed_off(meta)),
        ("kept until", _kept_until(meta.get("kept_until"))),
        ("ended", _ended(meta.get("ended_cleanly"))),
        ("sharing", shared),
    ]
    return pl.DataFrame([row for row in rows if row[1]], schema=["topic", "statement"], orient="row")


def _recorded(events: pl.DataFrame, filled: set[str]) -> str:
    if events.is_empty():
        return "Nothing: the log is empty."
    days = events["timestamp"].sort().dt.strftime("%d %b %Y")
    span = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    naming = [c.name for c in EVENTS.columns if c.privacy == "P2" and c.name in filled and c.name not in _DERIVED]
    said = f"{events.height:,} {'row' if events.height == 1 else 'rows'}, {span}: what was used, and when."
    return said + (f" Fields that may name persons or customers: {', '.join(naming)}." if naming else "")


def _not_recorded(events: pl.DataFrame, filled: set[str]) -> str:
    if "value" in filled:
        return "Values that were typed or copied are in this log: handle it as confidential."
    said = "No typed text and no clipboard content in fields of their own, no screenshots."
    if "value_digest" in filled:
        said += " Equal values are known by keyed digest."
    if filled & {"window_title", "element_name"}:
        said += " Titles and labels show what the programs showed, which can repeat what was typed."
    unknown = [name for name in events.columns if name not in EVENTS.schema]
    return said + (f" Columns of your own that may hold content: {', '.join(unknown)}." if unknown else "")


def _people(events: pl.DataFrame, people: int) -> str:
    if not people:
        return "Nobody."
    if UNKNOWN_USER in events["user"].unique():
        return "The log does not say who worked; it counts as one person."
    said = f"{people} {'person' if people == 1 else 'people'}"
    if events["user"].str.contains(r"^p_[0-9a-f]{12}$").all():
        return f"{said}, under pseudonyms."
    return f"{said}, under the names of the log: replace them with taskkit.privacy.pseudonym before you share anything."


def _counts(stated: Any) -> dict[str, int]:
    """Counts that a log states, as JSON or as they are; none where it states none."""
    try:
        counts = json.loads(stated) if isinstance(stated, str) else stated
    except ValueError:
        return {}
    return {k: n for k, n in counts.items() if isinstance(n, int) and n} if isinstance(counts, Mapping) else {}


def _excluded(stated: Any) -> str:
    counts = _counts(stated)
    said = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in sorted(counts.items()))
    return (
        f"While it was recorded: {said}. Of what was excluded the log keeps no content, only that time passed."
        if said
        else ""
    )


def _withdrawn(stated: Any) -> str:
    counts = _counts(stated)
    if not counts.get("spans"):
        return ""
    length = f" ({counts['seconds'] / 60:,.0f} minutes)" if "seconds" in counts else ""
    rows = f", {counts['rows']:,} rows" if "rows" in counts else ""
    return f"The recorded people removed spans afterwards: {counts['spans']:,}{length}{rows}; each left a marked gap."


def _signed_off(meta: Mapping[str, Any]) -> str:
    """Whether the recorded people looked at the log and let it go; only logs of our recorder can say so."""
    if meta.get("signed_off"):
        return f"By the recorded people, {meta['signed_off']}."
    ours = str(meta.get("recorder", "")).startswith("taskkit-capture")
    return "No recording was signed off by the recorded person." if ours else ""


def _ended(stated: Any) -> str:
    if not stated:
        return ""
    if str(stated).startswith(("yes", "true")):
        return "Every recording that says how it ended ended as it should."
    return f"{str(stated).removeprefix('no: ').capitalize()}: what came last in them may be missing."


def _kept_until(stated: str | None) -> str:
    """The date of deletion in words; a date that has passed is said to have."""
    if not stated:
        return "The log states no date of deletion."
    today = datetime.now(UTC).date().isoformat()
    passed = [day < today for day in re.findall(r"\b\d{4}-\d\d-\d\d\b", stated)]
    if any(passed):
        which = "This date has" if all(passed) else "The first of these dates has"
        return f"{stated}. {which} passed: the log should have been deleted."
    return stated
