"""Sentences about rules without the contents that they quote."""

from __future__ import annotations

import re


def without_quotes(rule: str, names: set[str]) -> str:
    """The rule with its quotes empty, but for names of steps and for signs that are no letters or digits.

    >>> without_quotes("if “open a” was done and erp › Country is “NZ” then duty", {"open a"})
    'if “open a” was done and erp › Country is “…” then duty'
    >>> without_quotes("erp › Date with “.” for each “/”", set())
    'erp › Date with “.” for each “/”'
    """
    if rule.count("“") != rule.count("”"):  # a value that holds a quote itself
        return re.sub(r"“.*”", "“…”", rule, flags=re.DOTALL)

    def keep(quote: re.Match[str]) -> str:
        return quote[0] if quote[1] in names or re.fullmatch(r"[^\w]{1,3}", quote[1]) else "“…”"

    return re.sub(r"“([^”]*)”", keep, rule)
