"""What a page must not hold: the raw texts of a log, its people, cases and machines, as an index that is quick to search."""

from __future__ import annotations

import base64
import binascii
import getpass
import html
import platform
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import unquote_plus

import polars as pl

from taskkit.errors import LogFileError
from taskkit.privacy import MIN_PEOPLE, PSEUDONYM, UNKNOWN_USER

RAW_COLUMNS = {
    "window_title": "raw window title",
    "url": "address",
    "element_name": "label of an element",
    "value": "content",
    "case_ref": "case reference",
}
_HEAD = 4  # characters by which secrets are found; a shorter one counts only where it is a whole text
_SLOT = re.compile(r"‹…›|#")
_ZERO_WIDTH = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_BASE64 = re.compile(r"(?<![\w+/=-])[\w+/-]{8,}={0,2}(?![\w+/=-])")
_NAME_HEADS = frozenset(("name", "names", "user", "login", "email", "e-mail", "first name", "last name", "person"))
_NO_NAMES = frozenset(("team", "teams", "group", "department", "role", "pseudonym", "number", "no", "id"))
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")


@dataclass(frozen=True)
class Hit:
    """A secret that was found: what kind it is, the text as the page has it, people of the log that it is of."""

    kind: str
    text: str
    people: int | None = None


@dataclass
class Secrets:
    """An index of texts, squeezed to letters and digits: `of` → (kind, people), and how to find them."""

    of: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    whole: dict[str, tuple[str, int | None]] = field(default_factory=dict)  # told only where it is all of a text
    numbers: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    few_variants: frozenset[str] = frozenset()
    people: int = 0
    least: int = MIN_PEOPLE
    _lengths: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, text: str, kind: str, people: int | None = None, *, sure: bool = False) -> None:
        """Add one text; a `sure` one (a name that somebody listed) counts even if it is a common word."""
        squeezed, starts, _ = squeeze(text)
        if not squeezed:
            return
        if squeezed.isdecimal():
            if len(squeezed) >= 5 and not _DATE.fullmatch(squeezed):
                self.numbers.setdefault(squeezed, (kind, people))
            return
        if len(squeezed) < _HEAD and not sure and people is not None and people >= self.least:
            return  # Box, Tab: a label that many have
        common = len(starts) == 1 and squeezed in common_words()
        if len(squeezed) < _HEAD or (common and not sure):
            if sure or not common:
                self.whole.setdefault(squeezed, (kind, people))
            return
        self.of.setdefault(squeezed, (kind, people))

    def forget(self, texts: Iterable[str]) -> None:
        """Take out every text that stands in these: what may be shown is no secret."""
        self._index()
        for text in texts:
            squeezed, starts, ends = squeeze(text)
            for at, until in self._found(squeezed, starts, ends, overlapping=True):
                self.of.pop(squeezed[at:until], None)
            self.whole.pop(squeezed, None)
        self._index()

    def find(self, text: str) -> Iterator[Hit]:
        """Every secret in a text, also one that is glued, split, in other letters, percent-encoded or in base64."""
        if not self._lengths and self.of:
            self._index()
        for view in views(text):
            squeezed, starts, ends = squeeze(view)
            for at, until in self._found(squeezed, starts, ends):
                found = squeezed[at:until]
                kind, people = self.of[found]
                yield Hit(kind, found, people)
            if squeezed in self.whole:
                kind, people = self.whole[squeezed]
                yield Hit(kind, squeezed, people)

    def find_numbers(self, text: str) -> Iterator[Hit]:
        """Case numbers and the like that stand alone in a text; 104,157 with its comma is a count and none."""
        if self.numbers:
            for match in re.finditer(r"(?<![\d.,])\d{5,}(?![\d]|[.,]\d)", text):
                if match[0] in self.numbers:
                    kind, people = self.numbers[match[0]]
                    yield Hit(kind, match[0], people)

    def _index(self) -> None:
        lengths: dict[str, set[int]] = {}
        for text in self.of:
            lengths.setdefault(text[:_HEAD], set()).add(len(text))
        self._lengths = {head: tuple(sorted(found, reverse=True)) for head, found in lengths.items()}

    def _found(
        self, squeezed: str, starts: Sequence[int], ends: frozenset[int], *, overlapping: bool = False
    ) -> Iterator[tuple[int, int]]:
        """Places of secrets that begin and end with a word; the longest at a place, unless all are asked for."""
        behind = 0
        for at in starts:
            if at < behind and not overlapping:
                continue
            for length in self._lengths.get(squeezed[at : at + _HEAD], ()):
                if at + length in ends and squeezed[at : at + length] in self.of:
                    yield at, at + length
                    behind = at + length
                    if not overlapping:
                        break


def find_secrets(
    events: pl.DataFrame, *, process: pl.DataFrame | None = None, names: str | Path | Iterable[str] | None = None,
    segments: pl.DataFrame | None = None, key: bytes | None = None, allowed: Iterable[str] = (),
    min_people: int = MIN_PEOPLE,
) -> Secrets:  # fmt: skip
    """Collect what a shared page of this log must not hold.

    That is: titles, addresses, labels, content and case references as they were recorded, what stood in the changing
    places of titles, people, sessions, digests, the machine that this runs on, the people and cases of the process log,
    and the names that are given. A learnt screen or activity of at least `min_people` people is no secret, and neither is
    a text that is part of one.

    Parameters
    ----------
    events : an events frame, best one with `screen` and `activity`.
    process : the process log's frame.
    names : names that must not appear: a text file or CSV with one name a line or cell, or the names themselves.
    segments : segments with `variant_id`, so that ways of few people are known.
    key : the engagement's key, which must not appear either.
    allowed : texts that are no secret, such as the names in the official model.
    min_people : smallest group that may be shown, in people.

    Returns
    -------
    Secrets : give them to `lint_pages`.

    Raises
    ------
    LogFileError : the file of names cannot be read.

    >>> secrets = find_secrets(pl.DataFrame({"user": ["Ada Lovelace"]}))
    >>> [hit.kind for hit in secrets.find("mail from ada.lovelace")]
    ['person of the log']
    """
    secrets = Secrets(people=events["user"].n_unique() if events.height else 0, least=min_people)
    for name in _names(names):
        secrets.add(name, "name on the list", sure=True)
        for part in re.findall(r"[^\W\d_]{3,}", name):
            secrets.add(part, "part of a name on the list")
    given = set(secrets.of)
    _add_log(secrets, events, min_people)
    if process is not None:
        _add_process(secrets, process)
    listed = {text: secrets.of[text] for text in given if text in secrets.of}
    learnt = _shown(events, "screen", min_people) + _shown(events, "activity", min_people)
    secrets.forget([*learnt, *_apps(events), *allowed])
    secrets.of |= listed  # a name that somebody listed stays one, wherever else it stands
    _add_few(secrets, events, segments, min_people)
    _add_machine(secrets)
    if key is not None:
        for text in (key.hex(), base64.b64encode(key).decode()):
            secrets.add(text, "key of the engagement")
    secrets._index()
    return secrets


def squeeze(text: str) -> tuple[str, list[int], frozenset[int]]:
    """A text as its letters and digits in small, with the places where words begin and end.

    >>> squeeze("Jané  DOE")[0]
    'janedoe'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKD", _ZERO_WIDTH.sub("", text))
        text = "".join(c for c in text if not unicodedata.combining(c))
    words = re.findall(r"[^\W_]+", text.casefold())
    starts, at = [], 0
    for word in words:
        starts.append(at)
        at += len(word)
    return "".join(words), starts, frozenset([*starts[1:], at])


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
            inner = base64.b64decode(word.translate(str.maketrans("-_", "+/")) + "=" * (-len(word) % 4)).decode()
        except (binascii.Error, ValueError):
            continue
        if inner.isprintable():
            yield inner


def _unescape(match: re.Match[str]) -> str:
    number = int(match[1] or match[2] or match[3], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else " "


@cache
def common_words() -> frozenset[str]:
    """Words of our own charts, tables and sentences: one of them alone gives nobody away."""
    package = Path(__file__).parents[2]
    # not the modules whose examples hold names, or whose sample does
    folders = ("activities", "automation", "charts", "comparison", "overlay", "quality", "segments", "tasks", "variants",
               "widgets", "pipeline")  # fmt: skip
    files = [file for folder in folders for file in (package / folder).rglob("*.py")]
    files += sorted((package / "report").glob("*.j2"))
    words: set[str] = set()
    for file in files:
        words.update(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", file.read_text("utf-8")).lower()))
    return frozenset(words)


# -------------------------------------------------------------------------------------------------------- from the log
def _add_log(secrets: Secrets, events: pl.DataFrame, least: int) -> None:
    for column, kind in RAW_COLUMNS.items():
        for text, people in _counted(events, column):
            secrets.add(text, kind, people)
            if column == "case_ref":
                _add_digits(secrets, text, kind, people)
    for text, people in _counted(events, "value_digest"):
        secrets.add(text, "digest", people)
    for text, _ in _counted(events, "session_id"):
        if len(text) >= 4:
            secrets.add(text, "session", 1)
    for text, _ in _counted(events, "user"):
        if text != UNKNOWN_USER and not re.fullmatch(PSEUDONYM, text):
            secrets.add(text, "person of the log", 1, sure=True)
    if "case_id" in events.columns:
        for text, people in _counted(events, "case_id"):
            secrets.add(text, "case reference", people)
            _add_digits(secrets, text, "case reference", people)
    for text, people in _slots(events):
        secrets.add(text, "changing part of a title", people)


def _add_digits(secrets: Secrets, text: str, kind: str, people: int | None) -> None:
    """INV-104157 is also 104157."""
    for digits in re.findall(r"\d{5,}", text):
        secrets.add(digits, kind, people)


def _add_process(secrets: Secrets, process: pl.DataFrame) -> None:
    for text in process["case_id"].unique().drop_nulls().to_list():
        secrets.add(text, "case reference")
        _add_digits(secrets, text, "case reference", None)
    if "resource" in process.columns:
        for text in process["resource"].unique().drop_nulls().to_list():
            if not re.fullmatch(PSEUDONYM, text):
                secrets.add(text, "person of the process log", 1)
    secrets.forget(process["activity"].unique().drop_nulls().to_list())


def _add_few(secrets: Secrets, events: pl.DataFrame, segments: pl.DataFrame | None, least: int) -> None:
    """Groups that are too small by themselves: a team, a step, a way of working that hardly anybody has."""
    if secrets.people < least:
        return  # a log of few people is shown in full, and says so
    for text, people in _counted(events, "team"):
        if people < least:
            secrets.whole.setdefault(squeeze(text)[0], ("group of few people", people))
    if segments is not None and "variant_id" in segments.columns:
        ways = segments.drop_nulls("variant_id").group_by("variant_id").agg(pl.col("user").n_unique())
        secrets.few_variants = frozenset(ways.filter(pl.col("user") < least)["variant_id"].to_list())


def _add_machine(secrets: Secrets) -> None:
    node = platform.node()
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # no such user in the system's list
        login = ""
    for text, kind in ((node, "name of this machine"), (login, "login name on this machine")):
        if len(text) > 3 and text.lower() not in ("root", "user", "localhost", "runner"):
            secrets.add(text, kind)
    if len(Path.home().parts) > 2:
        secrets.add(str(Path.home()), "path of this machine")


def _counted(events: pl.DataFrame, column: str) -> list[tuple[str, int]]:
    if column not in events.columns or events[column].dtype != pl.String:
        return []
    counted = (
        events.filter(pl.col(column).is_not_null())
        .group_by(pl.col(column).alias("text"))
        .agg(pl.col("user").n_unique())
    )
    return list(counted.sort("text").iter_rows())


def _shown(events: pl.DataFrame, column: str, least: int) -> list[str]:
    """Learnt names that may be shown; in a log of few people all of them."""
    few = events["user"].n_unique() < least if events.height else True
    return [text for text, people in _counted(events, column) if few or people >= least]


def _apps(events: pl.DataFrame) -> list[str]:
    return [text for column in ("app", "app_role") for text, _ in _counted(events, column)]


def _slots(events: pl.DataFrame) -> list[tuple[str, int]]:
    """What stood in the places of titles that change, such as the firm in a file's name."""
    if not {"window_title", "screen"} <= {*events.columns}:
        return []
    pairs = events.filter(pl.col("screen").str.contains("‹…›", literal=True) & pl.col("window_title").is_not_null())
    found: dict[str, int] = {}
    patterns: dict[str, re.Pattern[str]] = {}
    counted = pairs.group_by("screen", "window_title").agg(pl.col("user").n_unique()).sort("screen", "window_title")
    for screen, title, people in counted.iter_rows():
        if screen not in patterns:
            patterns[screen] = _pattern(screen)
        match = patterns[screen].fullmatch(title)
        for text in match.groups() if match else ():
            text = re.sub(r"\[\w+\]", " ", text).strip()  # the marks of redaction
            if len(squeeze(text)[0]) >= _HEAD and not all(word in common_words() for word in _words(text)):
                found[text] = max(people, found.get(text, 0))
    return sorted(found.items())


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.casefold())


def _pattern(screen: str) -> re.Pattern[str]:
    parts: Mapping[str, str] = {"‹…›": "(.+?)", "#": r"[\d][\w.,:/-]*?"}
    at, made = 0, ""
    for match in _SLOT.finditer(screen):
        made += re.escape(screen[at : match.start()]) + parts[match[0]]
        at = match.end()
    return re.compile(made + re.escape(screen[at:]))


def _names(names: str | Path | Iterable[str] | None) -> list[str]:
    """The given names; of a file every line, and every cell where it is a CSV, without pseudonyms and headings of one."""
    if names is None:
        return []
    if not isinstance(names, (str, Path)):
        return [name.strip() for name in names if name.strip()]
    try:
        lines = Path(names).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise LogFileError(
            f"No names can be read from {names}: {error}. Give a text file with one name a line, or a CSV file."
        ) from error
    rows = [[cell.strip().strip('"').strip() for cell in re.split(r"[,;\t]", line)] for line in lines]
    heads = [cell.casefold() for cell in rows[0]] if rows else []
    if not _NAME_HEADS.isdisjoint(heads):
        rows = rows[1:]
        skipped = {n for n, head in enumerate(heads) if head in _NO_NAMES}
        rows = [[cell for n, cell in enumerate(row) if n not in skipped] for row in rows]
    return list(dict.fromkeys(cell for row in rows for cell in row if cell))
