"""What goes wrong for a user: one family of errors that speak to the analyst."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TaskkitError(Exception):
    """Base of every error that taskkit raises about a user's data, files or settings."""


class LogFileError(TaskkitError):
    """A file or folder cannot be read as a log; the message names it and the cure."""


class ContractError(TaskkitError):
    """A frame breaks its contract; the message lists every problem at once."""


class SettingError(TaskkitError, ValueError):
    """A setting has a value that is not allowed; the message says what is."""


class MissingExtraError(TaskkitError, ImportError):
    """A feature needs a package of an extra that is not installed; the message names the command that installs it."""


def check_choice(value: str, *, allowed: Iterable[str], what: str) -> str:
    """Return `value` if it is allowed, else raise a SettingError with the known names and the nearest match.

    >>> check_choice("gap", allowed=["gap", "model"], what="segmentation method")
    'gap'
    """
    known = list(allowed)
    if value in known:
        return value
    near = difflib.get_close_matches(str(value), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise SettingError(f"Unknown {what} {value!r}.{hint} Known: {', '.join(sorted(known))}.")
