"""Quotes in sentences about rules: names stay, contents go."""

from __future__ import annotations

import pytest

from taskkit.automation.quotes import without_quotes


@pytest.mark.parametrize(
    ("rule", "plain"),
    [
        ("always “4711”", "always “…”"),
        ("if “open” was done then b", "if “open” was done then b"),
        ("x with “ - ” for each “/”", "x with “ - ” for each “/”"),
        ("always “a” b”", "always “…”"),
    ],
)
def test_quotes_of_values_are_emptied(rule: str, plain: str) -> None:
    assert without_quotes(rule, {"open"}) == plain
