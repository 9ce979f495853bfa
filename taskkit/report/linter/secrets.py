"""What a page must not hold, as an index that is quick to search: squeezed texts, names in capitals, numbers of cases."""

from __future__ import annotations

import base64
import binascii
import html
import re
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_plus

from taskkit.privacy import MIN_PEOPLE
from taskkit.report.linter.names import fold, forms_of

_HEAD = 4  # characters by which secrets are found; a shorter one counts only where it is a whole text
_BASE64 = re.compile(r"(?<![\w+/=-])[\w+/-]{8,}={0,2}(?![\w+/=-])")
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_WORD = re.compile(r"[^\W_]+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\dA-Za-z_]+")
_END = re.compile(r";|[.!?]\s|\n\s*\n")  # between two words: what stands behind says something else
_BEFORE = r"(?:(?<=[a-z,] )|(?<=\bMr )|(?<=\bMs )|(?<=\bMrs )|(?<=\bDr )|(?<=\bHerr )|(?<=\bFrau )|(?<=[rs]\. ))"
_CASE_NUMBER = re.compile(
    r"(?P<word>\b(?:case|invoice|order|document|number|no|ref|reference|id|ticket|vorgang|rechnung)\b[ .:#-]{1,3})?"
    r"(?<![\d.,])(?P<n>\d{5,}|\d{1,3}(?:,\d{3})+)(?![\d]|[.,]\d)", re.IGNORECASE
)  # fmt: skip
_LARGEST = 1_000_000  # bytes that one packed text may unfold to


@dataclass(frozen=True)
class Hit:
    """A secret that was found: what kind it is, the text as the page has it, people of the log that it is of."""

    kind: str
    text: str
    people: int | None = None


class Squeezed(NamedTuple):
    """Letters and digits of a text in small, with the places where words, and parts of words, begin and end."""

    text: str
    starts: list[int]
    ends: frozenset[int]
    inner: frozenset[int]  # further borders: JaneDoe2 has two
    breaks: list[int]  # words that begin a new sentence
    plain: str
    words: list[tuple[int, int]]  # where each word stands in `plain`


@dataclass
class Secrets:
    """An index of texts, squeezed to letters and digits: `of` → (kind, people), and how to find them."""

    of: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    whole: dict[str, tuple[str, int | None]] = field(default_factory=dict)  # told only where it is all of a text
    numbers: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)  # people: found inside of words too, and never forgotten
    exact: dict[str, set[str]] = field(default_factory=dict)  # told only with their own signs between the words
    capitals: dict[str, str] = field(default_factory=dict)  # short names: told where they have a capital letter
    teams: dict[str, int] = field(default_factory=dict)  # groups of few people by their names
    few_variants: frozenset[str] = frozenset()
    names: int = 0  # how many names were listed
    people: int = 0
    least: int = MIN_PEOPLE
    _breaks: dict[str, int] = field(default_factory=dict)
    _lengths: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _patterns: list[re.Pattern[str]] = field(default_factory=list)

    def add(self, text: str, kind: str, people: int | None = None, *, sure: bool = False, exact: bool = False) -> None:
        """Add one text; a `sure` one (a name that somebody listed) counts even if it is a common word."""
        found = squeeze(text)
        squeezed = found.text
        if not squeezed:
            return
        if squeezed.isdecimal():
            if len(squeezed) >= 5 and not _DATE.fullmatch(squeezed):
                self.numbers.setdefault(squeezed, (kind, people))
            return
        if len(squeezed) < _HEAD and not sure and people is not None and people >= self.least:
            return  # Box, Tab: a label that many have
        common = len(found.starts) == 1 and squeezed in common_words()
        if len(squeezed) < _HEAD or (common and not sure):
            if sure or not common:
                self.whole.setdefault(squeezed, (kind, people))
            return
        if exact and squeezed not in self.of:
            self.exact.setdefault(squeezed, set())
        if squeezed in self.exact:
            self.exact[squeezed].add(_span(found, 0, len(squeezed)))
        self.of.setdefault(squeezed, (kind, people))
        self._breaks[squeezed] = max(len(found.breaks), self._breaks.get(squeezed, 0))

    def add_name(self, name: str, kind: str, people: int | None = None, *, parts: bool = True) -> None:
        """Add a person's name in all ways in which it is written; short and common ones count with a capital letter."""
        for form, part in forms_of(name, parts=parts):
            squeezed = squeeze(form).text
            said = kind if not part or kind.startswith("person") else f"part of a {kind}"
            if squeezed.isdecimal():
                continue
            if len(squeezed) >= _HEAD and (" " in form or squeezed not in common_words()):
                self.exact.pop(squeezed, None)
                if squeezed not in self.named or not part:
                    self.of[squeezed] = (said, people)
                self.named.add(squeezed)
            elif form.isalpha():
                self.capitals.setdefault(form[0].upper() + form[1:].lower(), said)
                if not part or squeezed not in common_words():
                    self.whole.setdefault(squeezed, (said, people))

    def forget(self, texts: Iterable[str]) -> None:
        """Take out every text that stands in these: what may be shown is no secret. People stay in."""
        self.index()
        for text in texts:
            found = squeeze(text)
            for at, until in self._found(found, overlapping=True):
                if found.text[at:until] not in self.named:
                    self.of.pop(found.text[at:until], None)
            self.whole.pop(found.text, None)
        self.index()

    def find(self, text: str) -> Iterator[Hit]:
        """Every secret in a text, also one that is glued, split, in other letters, percent-encoded or in base64."""
        if not self._lengths and self.of:
            self.index()
        for view in views(text):
            found = squeeze(view)
            for at, until in self._found(found):
                kind, people = self.of[found.text[at:until]]
                yield Hit(kind, found.text[at:until], people)
            if found.text in self.whole:
                kind, people = self.whole[found.text]
                yield Hit(kind, found.text, people)

    def find_capitals(self, text: str) -> Iterator[Hit]:
        """Short names (Jan, Bo) and names that are words (Hall) in running text, and small teams by their names."""
        if not self._patterns:
            self._patterns = [*self._short_names(), *self._team_names()]
        for view in views(text) if len(self.capitals) + len(self.teams) else ():
            for pattern in self._patterns:
                for match in pattern.finditer(fold(view)):
                    if match[1] in self.capitals:
                        yield Hit(self.capitals[match[1]], match[1])
                    else:
                        yield Hit("group of few people", match[1], self.teams.get(match[1].casefold()))

    def find_numbers(self, text: str, *, alone: bool = False) -> Iterator[Hit]:
        """Case numbers and the like that stand alone in a text; 104,157 rows with its comma is a count and none."""
        for match in _CASE_NUMBER.finditer(text) if self.numbers else ():
            plain = match["n"].replace(",", "")
            whole = alone and match[0] == text.strip()
            if plain in self.numbers and ("," not in match["n"] or match["word"] or whole):
                kind, people = self.numbers[plain]
                yield Hit(kind, plain, people)

    def index(self) -> None:
        """Make it ready to be searched."""
        lengths: dict[str, set[int]] = {}
        for text in self.of:
            lengths.setdefault(text[:_HEAD], set()).add(len(text))
        self._lengths = {head: tuple(sorted(found, reverse=True)) for head, found in lengths.items()}
        self._patterns = []

    def _short_names(self) -> Iterator[re.Pattern[str]]:
        own = [name for name in self.capitals if name in our_capitals()]
        other = [name for name in self.capitals if name not in our_capitals()]
        for names, before in ((other, r"(?<!\d )(?<!\d\. )(?<!\w)"), (own, _BEFORE)):
            if names:
                yield re.compile(rf"{before}({'|'.join(map(re.escape, sorted(names)))})(?!\w)(?!\.? \d)")

    def _team_names(self) -> Iterator[re.Pattern[str]]:
        if self.teams:
            either = "|".join(map(re.escape, sorted(self.teams)))
            yield re.compile(rf"(?i)\b(?:(?:in|of|from|at|by) (?:the )?|team )({either})(?!\w)")

    def _found(self, squeezed: Squeezed, *, overlapping: bool = False) -> Iterator[tuple[int, int]]:
        """Places of secrets that begin and end with a word; the longest at a place, unless all are asked for."""
        behind, text, words = 0, squeezed.text, frozenset(squeezed.starts)
        for at in sorted(words | squeezed.inner) if squeezed.inner else squeezed.starts:
            if at < behind and not overlapping:
                continue
            for length in self._lengths.get(text[at : at + _HEAD], ()):
                until = at + length
                found = text[at:until]
                if found not in self.of or not (until in squeezed.ends or until in squeezed.inner):
                    continue
                if found not in self.named and not (at in words and until in squeezed.ends):
                    continue
                if not self._holds(squeezed, at, until, found):
                    continue
                yield at, until
                behind = until
                if not overlapping:
                    break

    def _holds(self, squeezed: Squeezed, at: int, until: int, found: str) -> bool:
        """Not glued over the end of a sentence, and with its own signs where it is told by them only."""
        breaks = bisect_left(squeezed.breaks, until) - bisect_right(squeezed.breaks, at)
        if breaks > self._breaks.get(found, 0):
            return False
        return found not in self.exact or _span(squeezed, at, until) in self.exact[found]


def squeeze(text: str) -> Squeezed:
    """A text as its letters and digits in small, with the places where words begin and end.

    >>> squeeze("Jané  DOE").text
    'janedoe'
    """
    text = fold(text)
    starts, inner, breaks, words, parts = [], [], [], [], []
    at, last = 0, None
    for match in _WORD.finditer(text):
        word = match[0]
        if last is not None and last.end() - last.start() > 3 and _END.search(text, last.end(), match.start()):
            breaks.append(at)
        starts.append(at)
        words.append(match.span())
        small = word.casefold()
        if not (word.isdecimal() or (word.isalpha() and (word.islower() or word.istitle()))):
            border = at
            for part in _PART.finditer(word):
                border += len(part[0].casefold())
                inner.append(border)
        parts.append(small)
        at += len(small)
        last = match
    ends = frozenset([*starts[1:], at])
    return Squeezed("".join(parts), starts, ends, frozenset(inner) - ends, breaks, text, words)


def _span(squeezed: Squeezed, at: int, until: int) -> str:
    """The text from one word to another as it stands, in small."""
    first = bisect_left(squeezed.starts, at)
    last = bisect_left(squeezed.starts, until) - 1
    return squeezed.plain[squeezed.words[first][0] : squeezed.words[last][1]].casefold()


def views(text: str) -> Iterator[str]:
    """A text as it stands, and as it reads once what it is wrapped in is taken off."""
    yield text
    plain = text
    for _ in range(3):  # wrapped in each other: %2520, &amp;#74;
        before = plain
        if "%" in plain:
            plain = unquote_plus(plain)
        if "&" in plain:
            plain = html.unescape(plain)
        if "\\" in plain:
            plain = re.sub(r"\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2}))", _unescape, plain)
            plain = re.sub(r"\\[nrt]", " ", plain)
        if plain == before:
            break
    if plain != text:
        yield plain
    for match in _BASE64.finditer(plain) if len(plain) < 5_000_000 else ():
        word = match[0]
        if len(word) > 200_000 or (word.isalpha() and (word.islower() or word.istitle())):
            continue
        try:
            content = base64.b64decode(word.translate(str.maketrans("-_", "+/")) + "=" * (-len(word) % 4))
        except (binascii.Error, ValueError):
            continue
        inner = _readable(content)
        if inner:
            yield inner


def _readable(content: bytes) -> str:
    """What stands in bytes, if it is text: packed or not, in UTF-8 or UTF-16."""
    if content[:2] in (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda"):
        try:
            return zlib.decompressobj(47).decompress(content, _LARGEST).decode("utf-8", errors="replace")
        except zlib.error:
            return ""
    wide = content.count(0) * 2 >= len(content) > 8
    try:
        inner = content.decode("utf-16-be" if wide and content[0] == 0 else "utf-16-le" if wide else "utf-8")
    except ValueError:
        return ""
    return inner if inner.isprintable() else ""


def _unescape(match: re.Match[str]) -> str:
    number = int(match[1] or match[2] or match[3], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else " "


@cache
def common_words() -> frozenset[str]:
    """Words of our own charts, tables and sentences: one of them alone gives nobody away."""
    words: set[str] = set()
    for file in _own_files():
        words.update(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", file.read_text("utf-8")).lower()))
    return frozenset(words)


@cache
def our_capitals() -> frozenset[str]:
    """Words that our own pages write with a capital letter, at the beginning of a sentence or a heading."""
    return frozenset(word for file in _own_files() for word in re.findall(r"\b[A-Z][a-z]+\b", file.read_text("utf-8")))


@cache
def _own_files() -> tuple[Path, ...]:
    package = Path(__file__).parents[2]
    # not the modules whose examples hold names, or whose sample does
    folders = ("activities", "automation", "charts", "comparison", "overlay", "quality", "segments", "tasks", "variants",
               "widgets", "pipeline")  # fmt: skip
    files = [file for folder in folders for file in (package / folder).rglob("*.py")]
    return (*files, *sorted((package / "report").glob("*.j2")))
