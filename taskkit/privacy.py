"""Pseudonyms, redaction, digests, small groups and the posture: what keeps people safe, in one place."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import LogFileError, SettingError
from taskkit.schema import EVENTS

MIN_PEOPLE = 5  # groups under this size are hidden in anything shared
KEY_BYTES = 32
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
    """Character-class shape of a value: letters become a or A, digits 9, runs are collapsed, other characters stay.

    >>> shape("INV-104233"), shape("Jane Doe")
    ('A-9', 'Aa Aa')
    """
    classes = re.sub(r"[^\W\d_]", lambda m: "A" if m[0].isupper() else "a", value)
    return re.sub(r"(.)\1+", r"\1", re.sub(r"\d", "9", classes))[:40]


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


# ---------------------------------------------------------------------------------------------------------- redaction
def _is_iban(text: str) -> bool:
    bare = re.sub(r"\s", "", text).upper()
    if not 15 <= len(bare) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    digits = [int(c) for c in text if c.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [d if i % 2 == 0 else (d * 2 - 9 if d > 4 else d * 2) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


# kind → (pattern, test that a match must pass); the order decides which kind a text is called
REDACTIONS: dict[str, tuple[re.Pattern[str], Callable[[str], bool] | None]] = {
    "email": (re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), None),
    "iban": (re.compile(r"\b[A-Za-z]{2}\d{2}(?:\s?[A-Za-z0-9]{4}){2,7}(?:\s?[A-Za-z0-9]{1,3})?\b"), _is_iban),
    "card": (re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)"), _is_card),
    "phone": (re.compile(r"(?<![\w+])(?<!\d )(?:\+|00)\d(?:[ ()/.-]{0,2}\d){6,14}(?!\w)"), None),
    "user_folder": (re.compile(r"(?i)(?<=[\\/]users[\\/])[^\\/\s]+|(?<=/home/)[^/\s]+"), None),
    "long_number": (re.compile(r"(?<!\d)\d{11,}(?!\d)"), None),
}


def redact(text: str) -> tuple[str, list[str]]:
    """Remove what may name a person or an account from a text; what was removed is named, not kept.

    Kinds: e-mail addresses, IBANs (mod-97), card numbers (Luhn), international phone numbers, user folders in paths, digit
    runs of 11 or more. Names of persons and firms in running text are not recognised.

    Returns
    -------
    The text with `[kind]` marks, and the kinds that were removed, in the order of `REDACTIONS`.

    >>> redact("Mail from ada@example.org")
    ('Mail from [email]', ['email'])
    """
    found: list[str] = []
    for kind, (pattern, test) in REDACTIONS.items():
        hit = False

        def mark(match: re.Match[str], kind: str = kind, test: Callable[[str], bool] | None = test) -> str:
            nonlocal hit
            if test is not None and not test(match[0]):
                return match[0]
            hit = True
            return f"[{kind}]"

        text = pattern.sub(mark, text)
        if hit:
            found.append(kind)
    return text, found


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
    One row per statement: `topic` (recorded, not recorded, removed, people, consent, sharing), `statement`.

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
        ("recorded", _recorded(events, filled)),
        ("not recorded", _not_recorded(events, filled)),
        ("removed", f"Before the log was written: {kinds}." if kinds else "No redaction is marked in this log."),
        ("people", f"{_people(events, people)} Results describe tasks; nobody is ranked."),
        ("consent", meta.get("consent") or "The log does not say which notice the people agreed to."),
        ("kept until", _kept_until(meta.get("kept_until"))),
        ("sharing", shared),
    ]
    return pl.DataFrame(rows, schema=["topic", "statement"], orient="row")


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


def _kept_until(stated: str | None) -> str:
    """The date of deletion in words; a date that has passed is said to have."""
    if not stated:
        return "The log states no date of deletion."
    try:
        passed = date.fromisoformat(stated) < datetime.now(UTC).date()
    except ValueError:
        return stated
    return f"{stated}. This date has passed: the log should have been deleted." if passed else stated
