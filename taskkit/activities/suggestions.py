"""Suggestions for rules: titles without a name in chunks that share a part, and patterns that match all of them."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from taskkit.activities.rules import LONGEST
from taskkit.activities.templates import SLOT, plain_texts, split

_Key = tuple[str | None, str | None]  # title, address
_Word = tuple[bool, str]  # whether it is a part of an address, and the part
_FAMILY = 0.25  # a part that stands in so many of an application's titles is its own name, not a kind of screen
_MANY = 12  # titles from which that can be told


def divide(part: pl.DataFrame, *, most: int) -> list[dict[str, str | None]]:
    """Divide the titles and addresses of an application into chunks that share a part, the one with most time first.

    Parameters
    ----------
    part : one row per title and address: `window_title`, `url`, `active_seconds`.
    most : largest number of chunks; titles that are in none of them are left out.

    Returns
    -------
    One entry per title and address: `window_title`, `url`, `title_pattern`, `url_pattern`, `suggested` of its chunk.
    """
    rows = part.select("window_title", "url", "active_seconds").iter_rows()
    # whole milliseconds: sums of them do not depend on the order of rows
    left: dict[_Key, int] = {(title, url): round(seconds * 1000) for title, url, seconds in rows}
    plain = plain_texts(pl.Series([key[0] or key[1] for key in left], dtype=pl.String))
    shapes = {key: split(text or "") for key, text in zip(left, plain, strict=True)}
    holders = _holders(shapes)
    heap = [(-sum(left[key] for key in keys), _special(word, keys, shapes), word) for word, keys in holders.items()]
    heapq.heapify(heap)
    chunks: list[tuple[list[_Key], str | None]] = []
    while heap and len(chunks) < most:
        weight, place, word = heapq.heappop(heap)
        members = holders[word] = [key for key in holders[word] if key in left]
        now = sum(left[key] for key in members)
        if members and now != -weight:  # a larger chunk took some of its titles
            heapq.heappush(heap, (-now, place, word))
        elif members:
            chunks.append((members, word[1]))
            for key in members:
                del left[key]
    chunks.append(([key for key in left if not any(shapes[key][::2])], None))
    return [entry for members, word in chunks for entry in _entries(members, shapes, word)]


def _holders(shapes: Mapping[_Key, tuple[str, ...]]) -> dict[_Word, list[_Key]]:
    """Part → the titles (or addresses) that have it; what most of them have says nothing."""
    words = {key: {(key[0] is None, word) for word in shape[::2] if word} for key, shape in shapes.items()}
    shared = Counter(word for own in words.values() for word in own)
    few = len(shapes) < _MANY
    family = set() if few else {word for word, count in shared.items() if count > _FAMILY * len(shapes)}
    holders: dict[_Word, list[_Key]] = {}
    for key, own in words.items():
        for word in own - family or own:
            holders.setdefault(word, []).append(key)
    return holders


def _special(word: _Word, keys: Sequence[_Key], shapes: Mapping[_Key, tuple[str, ...]]) -> int:
    """Rank of a part among equal ones: titles end with the program's name, addresses begin with the site's."""
    place = min(shapes[key].index(word[1]) for key in keys)
    return -place if word[0] else place


def _entries(
    members: list[_Key], shapes: Mapping[_Key, tuple[str, ...]], word: str | None
) -> list[dict[str, str | None]]:
    """The titles of a chunk, each with the name of the screen and the pattern of its title or of its address."""
    title = url = suggested = None
    if word is not None:
        first = shapes[members[0]]
        suggested = f"{SLOT} - {word}" if first[::2].index(word) else f"{word} - {SLOT}"
        if len(members) == 1:
            suggested = word = "".join(first)
        pattern = pattern_of(word, [key[0] or key[1] or "" for key in members], whole=len(members) == 1)
        title, url = (pattern, None) if members[0][0] is not None else (None, pattern)
    said = {"title_pattern": title, "url_pattern": url, "suggested": suggested}
    return [{"window_title": key[0], "url": key[1], **said} for key in members]


def pattern_of(name: str, texts: Sequence[str], *, whole: bool = True) -> str | None:
    """The narrowest pattern of a name, or of a part of it, that matches all its texts."""
    every = pl.Series(texts)
    for number, gap in ((r"\d+", " "), (r"[#\d][\d.,:/-]*", " "), (r"\S+", r"\s+"), (r".+", r".*")):
        words = escaped(name, gap).replace(r"\#", number).replace(SLOT, ".+")
        bounded = (r"\b" if name[:1].isalnum() else "") + words + (r"\b" if name[-1:].isalnum() else "")
        for pattern in [f"^{words}$", bounded, words][not whole :]:  # an underscore is no bound
            if len(pattern) <= LONGEST and every.str.contains(f"(?i){pattern}").all():
                return pattern
    return None


def escaped(text: str, gap: str = " ") -> str:
    """A text as a pattern; blanks stay readable."""
    return gap.join(re.escape(piece) for piece in text.split()).replace(r"\-", "-")
