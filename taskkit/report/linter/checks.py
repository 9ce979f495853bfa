"""What gives somebody away in one text: secrets of the log, patterns, private fields, numbers of people, outside addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from taskkit.privacy import PSEUDONYM
from taskkit.redaction import REDACTIONS
from taskkit.report.linter.reading import Piece, words_of
from taskkit.report.linter.secrets import Secrets, views
from taskkit.schema import EVENTS


class Leak(NamedTuple):
    """One leak: where, what kind, what (masked), of how many people, how to mend it."""

    place: str
    kind: str
    what: str
    people: int | None
    how_to_mend: str


PERSONAL = words_of(
    "user person participant employee letter resource login user_name username clerk colleague worker operator "
    "user_id person_id employee_id staff_id staff_member"
)
PRIVATE_COLUMNS = frozenset(
    {c.name for c in EVENTS.columns if c.privacy in ("P2", "P3")} - {"screen", "activity", "value"}
    | {"session_id", "session", "value_digest",
       "value_shape", "value_length", "machine", "host", "hostname"}
    | PERSONAL
)  # fmt: skip

HOW = {
    "private column": "Leave the column out of the table or chart, also where it is not drawn.",
    "one person": "Show a total, a share or a distribution over at least {k} people instead of one mark a person.",
    "single case": "Show all cases together; one case tells who worked on it and when.",
    "small group": "Hide groups of fewer than {k} people (min_people), or join them with others.",
    "way of few people": "Hide ways that fewer than {k} people go, or join them with others.",
    "hidden value can be derived": "Hide a second group as well, or leave the total out.",
    "pseudonym": "Leave the person out; a pseudonym is for those who work with the log.",
    "outside address": "Leave the reference out: a page that asks for it tells who reads it, and when.",
    "address of a machine": "Leave the address or name of the machine out.",
    "log of few people": "Pages of a log of fewer than {k} people are never anonymous: record more people, or keep the pages.",
    "hand-written text": "Give a list of names (names), so that they are looked for, or reword the entry and share again.",
    "picture": "A picture's content cannot be checked: draw a chart with its data instead, or leave it out.",
    "path of this machine": "Show the name of the file instead of its path.",
}
_HOW_TEXT = "Leave the text out, or show the learnt screen or activity of at least {k} people instead."

_PATTERNS = {
    "pseudonym": re.compile(rf"(?<![0-9a-zA-Z]){PSEUDONYM}(?![0-9a-zA-Z])"),
    "path of this machine": re.compile(
        r"(?<![\w.:/<>~-])/(?:home|root|Users|tmp|var|mnt|srv|opt|work|etc|private)/[\w.@%-]+|\b[A-Za-z]:\\+[\w.@ -]+\\|"
        r"\\\\[\w.-]+\\[\w.$-]+|file://+\w", re.ASCII
    ),
}  # fmt: skip
_AS_PERSON = re.compile(
    r"\b(?i:person|participant|employee|worker|user|clerk|colleague|analyst|operator)[ _-](?:[A-Z]|\d{1,3})\b(?!-)(?! of\b)"
)
_AS_CASE = re.compile(r"\bCase [A-Z]\b")
PEOPLE = "people|persons?|colleagues?|clerks?|employees?|participants?|workers?|users|members of staff"
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4}
_WORD = "(?P<n>one|two|three|four)"
_NUMBER_WITH_PEOPLE = (
    re.compile(
        r"(?P<bound>\w+ than |\bat (?:least|most) |\bunder )?(?<![\d.,–-])(?P<n>\d+) (?:of (?:the )?\d+ )?"
        rf"(?:different |other |more |further |new )?(?:{PEOPLE})\b"
    ),
    re.compile(rf"\b(?P<bound>)(?:{PEOPLE}) ?[:=] ?(?P<n>\d+)(?![\d.,]*\d| ?%)", re.IGNORECASE),
    re.compile(rf"\b(?P<bound>)(?:only|just|exactly|merely) {_WORD} (?:{PEOPLE})\b", re.IGNORECASE),
    re.compile(
        rf"\b(?P<bound>\w+ than |at (?:least|most) )?{_WORD} (?:{PEOPLE}) (?:of the|in the|from the|do|does|did|use|uses|"
        r"works?|who|alone|never|always)\b", re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?P<bound>)(?:all|everybody|everyone)(?: of)?(?: the)?(?: (?:{PEOPLE}))? (?:but|except) {_WORD}\b", re.IGNORECASE
    ),
)  # fmt: skip
_MEASURE = re.compile(
    r"^n$|count|rows|events|steps|seconds|minutes|hours|days|times|runs|amount|cost|eur|usd|saving|share|total|sum|size|"
    r"length|width|height|duration|frequency|number_of|visits|switches|executions|timestamp|date|_ms$|bytes", re.IGNORECASE
)  # fmt: skip
_REFERENCES = words_of("href src action formaction data poster srcset background ping manifest cite")
_OUTSIDE = re.compile(r"(?:^|,|\s)\s*(?:(?:https?|ftps?|wss?):)?//[\w\[]|^\s*(?:javascript|mailto|tel):", re.IGNORECASE)
_OUTSIDE_STYLE = re.compile(r"(?:url\(|@import)\s*['\"]?\s*(?:https?:)?//", re.IGNORECASE)
_MACHINE = re.compile(
    r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.]*\d)|"
    r"(?<![\w:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:-])|"
    r"\b(?:LAPTOP|DESKTOP|NOTEBOOK|WORKSTATION|CLIENT|WIN|WKS|SRV|PC|NB|VM)-[A-Z0-9][A-Z0-9-]{3,}\b"
)
_NUMBERS = ("long_number", "national_id", "card")  # not the middle of 0.54321… or of a hexadecimal digest
_WEAK_SORTS = ("style", "script")


def check_piece(piece: Piece, secrets: Secrets, k: int) -> Iterator[Leak]:
    """Leaks in one text."""
    if piece.sort == "picture":
        yield leak(piece.place, "picture", "a picture", None, k)
        return
    hits = list(secrets.find(piece.text))
    for hit in hits or (secrets.find_capitals(piece.text) if piece.sort not in _WEAK_SORTS else ()):
        yield leak(piece.place, hit.kind, mask(hit.text), hit.people, k)
    if piece.sort not in _WEAK_SORTS:
        yield from _check_numbers(piece, secrets, k)
    yield from _check_references(piece, k)
    for view in views(piece.text):
        yield from _check_patterns(piece, view, secrets, k)
    if piece.sort == "field" and name_of(piece.text) in PRIVATE_COLUMNS:
        yield column_leak(piece.place, name_of(piece.text), k)
    if piece.sort in ("chart", "script"):
        for match in re.finditer(r"datum(?:\.|\[\\?['\"])(\w+)", piece.text):
            if name_of(match[1]) in PRIVATE_COLUMNS:
                yield column_leak(piece.place, name_of(match[1]), k)


def _check_numbers(piece: Piece, secrets: Secrets, k: int) -> Iterator[Leak]:
    if (
        piece.sort == "data"
        and is_number(piece.text)
        and _MEASURE.search(piece.column)
        and not _may_be_id(piece.column)
    ):
        return  # 104,157 seconds are no case
    for hit in secrets.find_numbers(
        piece.text, alone=piece.sort == "text" and not re.search(r"\bt[dh]\b", piece.place)
    ):
        yield leak(piece.place, hit.kind, mask(hit.text), hit.people, k)


def _check_references(piece: Piece, k: int) -> Iterator[Leak]:
    """What makes a browser ask somebody outside, at once or with a click."""
    name = match[1].rpartition(":")[2] if (match := re.search(r"(\S+)=…$", piece.place)) else ""
    asked = (
        (piece.sort == "attribute" and name in _REFERENCES and _OUTSIDE.search(piece.text))
        or (
            piece.sort == "attribute" and name == "content" and re.search(r"url\s*=\s*\S*//", piece.text, re.IGNORECASE)
        )
        or ((piece.sort == "style" or name == "style") and _OUTSIDE_STYLE.search(piece.text))
        or (
            piece.sort == "chart"
            and re.search(r"/(?:url|href|src)(?:/value)?$", piece.place)
            and _OUTSIDE.search(piece.text)
        )
    )
    if asked:
        yield leak(piece.place, "outside address", mask(piece.text.strip()), None, k)


def _check_patterns(piece: Piece, text: str, secrets: Secrets, k: int) -> Iterator[Leak]:
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            yield leak(piece.place, kind, mask(match[0]), 1 if kind == "pseudonym" else None, k)
    for kind, (pattern, test) in REDACTIONS.items():
        if kind == "email" and "@" not in text:
            continue
        if kind not in ("email",) and (piece.sort in _WEAK_SORTS or is_number(text)):
            continue
        for match in pattern.finditer(text):
            apart = kind not in _NUMBERS or not re.search(r"[\w.-]$", text[: match.start()][-1:])
            if apart and (test is None or test(match[0])):
                yield leak(piece.place, _REDACTED.get(kind, kind), mask(match[0]), None, k)
    if piece.sort in _WEAK_SORTS:
        return
    plain = text.replace("\u00a0", " ")
    for pattern in _NUMBER_WITH_PEOPLE:
        for match in pattern.finditer(plain):
            number = NUMBERS.get(match["n"].lower()) or (int(match["n"]) if match["n"].isdecimal() else 0)
            if not match["bound"] and 0 < number < k:
                yield leak(piece.place, "small group", f"“{match[0].strip()}”", number, k)
    for match in _MACHINE.finditer(text):
        yield leak(piece.place, "address of a machine", mask(match[0]), None, k)
    for match in _AS_PERSON.finditer(text):
        yield leak(piece.place, "one person", f"“{match[0]}”", 1, k)
    for match in _AS_CASE.finditer(text):
        yield leak(piece.place, "single case", f"“{match[0]}”", None, k)


_REDACTED = {
    "email": "e-mail address", "iban": "IBAN", "phone": "telephone number", "card": "card number",
    "secret": "key or token", "national_id": "national id", "long_number": "long number",
    "user_folder": "path of this machine",
}  # fmt: skip


def name_of(heading: str) -> str:
    """A heading as the name of a column: small, with underscores, without its unit."""
    plain = squeeze_spaces(re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", heading))
    return re.sub(r"[\s-]+", "_", plain.strip().casefold())


def squeeze_spaces(text: str) -> str:
    """A text with single spaces and without characters of no width."""
    return re.sub(r"\s+", " ", re.sub("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]", "", text))


def mask(text: str) -> str:
    """The first letters of a text and its length: enough to find it, too little to read it.

    >>> mask("janedoe")
    'ja… (7 characters)'
    """
    return f"{text[:2] if len(text) > 4 else text[:1]}… ({len(text)} characters)"


def leak(place: str, kind: str, what: str, people: int | None, k: int) -> Leak:
    return Leak(place, kind, what, people, HOW.get(kind, _HOW_TEXT).format(k=k))


def column_leak(place: str, name: str, k: int) -> Leak:
    return leak(place, "one person" if name in PERSONAL else "private column", f"column {name}", None, k)


def is_number(text: str) -> bool:
    return re.fullmatch(r"\s*[-+−]?[\d.,eE+-]+\s*", text) is not None


def _may_be_id(column: str) -> bool:
    return re.search(r"case|ref|(^|_)id$|number|order|invoice|document", column, re.IGNORECASE) is not None
