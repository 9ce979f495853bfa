"""Short labels that stay apart: addresses by host and last part, a shared ending left out, equal texts cut in the middle."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from taskkit.charts.look import short

_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.]*://([^\s/?#]+)(/[^\s?#]*)?\S*")


def distinct(texts: Mapping[str, str], width: int) -> dict[str, str]:
    """Cut the texts to at most `width` characters; those that would read the same are cut in the middle instead.

    >>> distinct({"a": "Invoice to enter", "b": "Invoice to match"}, 12)
    {'a': 'Invoic…enter', 'b': 'Invoic…match'}
    """
    cut = {key: short(text, width) for key, text in texts.items()}
    same, told = Counter(cut.values()), Counter(texts.values())
    return {
        key: middle_cut(texts[key], width) if same[label] > told[texts[key]] else label for key, label in cut.items()
    }


def middle_cut(text: str, width: int) -> str:
    """A text of at most `width` characters, its beginning and its end; what is cut is marked.

    >>> middle_cut("Invoice to enter", 12)
    'Invoic…enter'
    """
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return text[: width - 1 - end].rstrip() + "…" + text[len(text) - end :].lstrip()


def plain_address(text: str) -> str:
    """The text with each address as its host and the last part of its path.

    >>> plain_address("view https://erp.example.org/app/invoices/enter")
    'view erp.example.org/…/enter'
    """

    def name(found: re.Match[str]) -> str:
        parts = [part for part in (found[2] or "").split("/") if part]
        return found[1].removeprefix("www.") + ("/" + ("…/" if len(parts) > 1 else "") + parts[-1] if parts else "")

    return _ADDRESS.sub(name, text)


def shared_ending(names: Iterable[str]) -> str:
    """The last part after " - " that all names have, with its dash; empty where there are fewer than two names.

    >>> shared_ending(["Invoices - Horizon ERP", "Search - Horizon ERP"])
    ' - Horizon ERP'
    """
    found = list(names)
    ends = {" - " + name.rpartition(" - ")[2] if " - " in name else "" for name in found}
    return ends.pop() if len(ends) == 1 and len(found) > 1 else ""
