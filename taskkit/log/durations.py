"""Durations as they are written at the surface: a number and a unit."""

from __future__ import annotations

import re
from datetime import timedelta

from taskkit.errors import SettingError

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str | timedelta) -> timedelta:
    """Read a duration such as "5m": a number and one of the units ms, s, m, h, d; parts can be strung together.

    Parameters
    ----------
    text : such as "500ms", "60s", "1.5h" or "1h30m"; a timedelta is passed through.

    Returns
    -------
    A timedelta of at least 0.

    Raises
    ------
    SettingError : the text is no duration.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(text, timedelta):
        return text
    bare = str(text).strip()
    if not re.fullmatch(r"(\d+(\.\d+)?\s*(ms|s|m|h|d)\s*)+", bare, re.ASCII):
        raise SettingError(
            f"{text!r} is no duration. Allowed: a number and a unit ({', '.join(_UNITS)}), "
            'such as "500ms", "60s", "5m", "1.5h", "2d" or "1h30m".'
        )
    try:
        parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", bare, re.ASCII)
        return sum((timedelta(**{_UNITS[unit]: float(number)}) for number, unit in parts), timedelta())
    except OverflowError:
        raise SettingError(f"The duration {text!r} is too long; allowed: up to 999999999 days.") from None
