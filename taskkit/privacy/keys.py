"""Pseudonyms, digests and shapes, and the key file that they rest on."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from taskkit.errors import LogFileError, SettingError

PSEUDONYM = r"p_[0-9a-f]{12}"  # what `pseudonym` makes, as a pattern
KEY_BYTES = 32


def pseudonym(name: str, *, key: bytes) -> str:
    """Replace a name by a keyed pseudonym: the same name and key give the same pseudonym.

    Without the key nobody can tell whose it is. Upper and lower case and outer spaces do not matter. HMAC-SHA256, the
    first 48 bits.

    >>> pseudonym(" Ada ", key=b"k" * 32) == pseudonym("ada", key=b"k" * 32)
    True
    """
    return "p_" + keyed(name.strip().casefold(), key)[:12]


def digest(value: str, *, key: bytes) -> str:
    """Keyed digest of a value: shows that the same value travelled, not what it was. HMAC-SHA256, the first 64 bits.

    >>> len(digest("INV-1", key=b"k" * 32))
    16
    """
    return keyed(value, key)[:16]


def shape(value: str) -> str:
    """Character-class shape of a value: letters become a or A, digits 9, runs are collapsed, common signs stay.

    >>> shape("INV-104233"), shape("Jane Doe")
    ('A-9', 'Aa Aa')
    """
    classes = re.sub(r"[^\W\d_]", lambda m: "A" if m[0].isupper() else "a", value)
    plain = re.sub(r"[^\w \-/.,:;#@+&()%€$£*?']", ".", re.sub(r"\s", " ", re.sub(r"\d", "9", classes)))
    return re.sub(r"(.)\1+", r"\1", plain)[:40]


def keyed(text: str, key: bytes) -> str:
    """HMAC-SHA256 of a text as 64 hexadecimal digits."""
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
