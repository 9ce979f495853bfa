"""Pseudonyms, redaction, digests, encryption, small groups and the posture: what keeps people safe, in one place."""

from __future__ import annotations

from taskkit.privacy.encryption import ENCRYPTION_NOTES, encryption_key_id, scan_private, write_private
from taskkit.privacy.groups import MIN_PEOPLE, SHARED_VARIABLE, pool_small_tasks, shares_pages, suppress_small_groups
from taskkit.privacy.keys import KEY_BYTES, PSEUDONYM, digest, make_key, pseudonym, read_key, shape
from taskkit.privacy.posture import UNKNOWN_USER, posture
from taskkit.redaction import REDACTIONS, redact

__all__ = [
    "ENCRYPTION_NOTES",
    "KEY_BYTES",
    "MIN_PEOPLE",
    "PSEUDONYM",
    "REDACTIONS",
    "SHARED_VARIABLE",
    "UNKNOWN_USER",
    "digest",
    "encryption_key_id",
    "make_key",
    "pool_small_tasks",
    "posture",
    "pseudonym",
    "read_key",
    "redact",
    "scan_private",
    "shape",
    "shares_pages",
    "suppress_small_groups",
    "write_private",
]
