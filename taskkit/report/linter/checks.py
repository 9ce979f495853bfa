"""What gives somebody away: patterns in texts, columns that are private, groups that are small, sums that tell the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from taskkit.privacy import PSEUDONYM
from taskkit.redaction import REDACTIONS
from taskkit.report.linter.reading import Piece, Rows
from taskkit.report.linter.secrets import Secrets, views
from taskkit.schema import EVENTS


class Leak(NamedTuple):
    """One leak: where, what kind, what (masked), of how many people, how to mend it."""

    place: str
    kind: str
    what: str
    people: int | None
    how_to_mend: str


PRIVATE_COLUMNS = frozenset(
    {c.name for c in EVENTS.columns if c.privacy in ("P2", "P3")} - {"screen", "activity", "value"}
    | {"user", "person", "participant", "employee", "letter", "resource", "session_id", "session", "value_digest",
       "value_shape", "value_length", "login", "user_name", "username", "machine", "host", "hostname"}
)  # fmt: skip
_PERSONAL = frozenset(
    {"user", "person", "participant", "employee", "letter", "resource", "login", "user_name", "username"}
)

HOW = {
    "private column": "Leave the column out of the table or chart, also where it is not drawn.",
    "one person": "Show a total, a share or a distribution over at least {k} people instead of one mark a person.",
    "single case": "Show all cases together; one case tells who worked on it and when.",
    "small group": "Hide groups of fewer than {k} people (min_people), or join them with others.",
    "way of few people": "Hide ways that fewer than {k} people go, or join them with others.",
    "hidden value can be derived": "Hide a second group as well, or leave the total out.",
    "pseudonym": "Leave the person out; a pseudonym is for those who work with the log.",
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
_AS_PERSON = re.compile(r"\b(?i:person|participant|employee|worker|user)[ _-](?:[A-Z]|\d{1,3})\b(?!-)(?! of\b)")
_AS_CASE = re.compile(r"\bCase [A-Z]\b")
_NUMBER_WITH_PEOPLE = re.compile(
    r"(?P<bound>\w+ than |\bat (?:least|most) |\bunder )?(?<![\d.,–-])(?P<n>\d+) (?:of \d+ )?(?:people|persons?)\b"
)
_PEOPLE_COLUMN = re.compile(r"(?:^|_)(?:people|persons|users)(?:$|_(?!share|hours|days|needed|least))")
_NO_COUNT = re.compile(r"share|rate|percent|%|median|mean|_per_|^per_|hours|seconds|days|least|min_people")
_TOTAL = re.compile(r"^(all|totals?|sum|overall|together|grand total)\b", re.IGNORECASE)
_ADDS_UP = re.compile(
    r"^(n|count|counts|people|persons|segments|executions|instances|events|rows|cases|steps|times|entries|switches|"
    r"visits|hours|active_hours|sum|frequency|runs|occurrences|number)(_|$)"
)
_HIDDEN_ONE = re.compile(
    r"\b(?:1|one) [a-z ]{3,60}(?: is hidden: seen)?[a-z ]*(?:with|of|by|that) fewer than \d+ people"
)
_NUMBERS = ("long_number", "national_id", "card")  # not the middle of 0.54321… or of a hexadecimal digest
_WEAK_SORTS = ("style", "script")


def check_piece(piece: Piece, secrets: Secrets, k: int) -> Iterator[Leak]:
    """Leaks in one text."""
    if piece.sort == "picture":
        yield _leak(piece.place, "picture", "a picture", None, k)
        return
    for hit in secrets.find(piece.text):
        yield _leak(piece.place, hit.kind, mask(hit.text), hit.people, k)
    if piece.sort not in _WEAK_SORTS and not (
        piece.sort == "data" and _is_number(piece.text) and not _may_be_id(piece.column)
    ):
        for hit in secrets.find_numbers(piece.text):
            yield _leak(piece.place, hit.kind, mask(hit.text), hit.people, k)
    for view in views(piece.text):
        yield from _check_patterns(piece, view, secrets, k)
    if piece.sort == "field" and name_of(piece.text) in PRIVATE_COLUMNS:
        yield _column(piece.place, name_of(piece.text), k)
    if piece.sort in ("chart", "script"):
        for match in re.finditer(r"datum(?:\.|\[\\?['\"])(\w+)", piece.text):
            if name_of(match[1]) in PRIVATE_COLUMNS:
                yield _column(piece.place, name_of(match[1]), k)


def _check_patterns(piece: Piece, text: str, secrets: Secrets, k: int) -> Iterator[Leak]:
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            yield _leak(piece.place, kind, mask(match[0]), 1 if kind == "pseudonym" else None, k)
    for kind, (pattern, test) in REDACTIONS.items():
        if kind == "email" and "@" not in text:
            continue
        if kind not in ("email",) and (piece.sort in _WEAK_SORTS or _is_number(text)):
            continue
        for match in pattern.finditer(text):
            apart = kind not in _NUMBERS or not re.search(r"[\w.-]$", text[: match.start()][-1:])
            if apart and (test is None or test(match[0])):
                yield _leak(piece.place, _REDACTED.get(kind, kind), mask(match[0]), None, k)
    if piece.sort in _WEAK_SORTS:
        return
    if secrets.people >= k:
        for match in _NUMBER_WITH_PEOPLE.finditer(text.replace("\u00a0", " ")):
            if not match["bound"] and 0 < int(match["n"]) < k:
                yield _leak(piece.place, "small group", f"“{match[0].strip()}”", int(match["n"]), k)
    for match in _AS_PERSON.finditer(text):
        yield _leak(piece.place, "one person", f"“{match[0]}”", 1, k)
    for match in _AS_CASE.finditer(text):
        yield _leak(piece.place, "single case", f"“{match[0]}”", None, k)


_REDACTED = {
    "email": "e-mail address", "iban": "IBAN", "phone": "telephone number", "card": "card number",
    "secret": "key or token", "national_id": "national id", "long_number": "long number",
    "user_folder": "path of this machine",
}  # fmt: skip


def check_rows(rows: Rows, secrets: Secrets, k: int) -> Iterator[Leak]:
    """Leaks in a table or in a chart's data that its rows make: private columns, small groups, sums that tell the rest."""
    names = [name_of(column) for column in rows.columns]
    if rows.rows:
        for name, heading in zip(names, rows.columns, strict=True):
            if name in PRIVATE_COLUMNS or heading.strip().lower().replace(" ", "_") in PRIVATE_COLUMNS:
                yield _column(rows.place, name, k)
    if secrets.people < k:
        return  # a log of few people is shown in full, and says so
    yield from _small_groups(rows, names, secrets, k)
    yield from _derivable(rows, names, k)


def _small_groups(rows: Rows, names: list[str], secrets: Secrets, k: int) -> Iterator[Leak]:
    for number, name in enumerate(names):
        if not _PEOPLE_COLUMN.search(name) or _NO_COUNT.search(name):
            continue
        for row, text in enumerate(rows.column(number)):
            count = _whole_number(text)
            if not rows.hidden[row] and count is not None and 0 < count < k:
                kind = "way of few people" if any("variant" in other for other in names) else "small group"
                yield _leak(
                    f"{rows.place}, row {row + 1}, column {rows.columns[number]}", kind, f"{count} people", count, k
                )
    for number, name in enumerate(names):
        if "variant" in name or name == "way":
            for row, text in enumerate(rows.column(number)):
                if text in secrets.few_variants and not rows.hidden[row]:
                    yield _leak(f"{rows.place}, row {row + 1}", "way of few people", mask(text), None, k)


def _derivable(rows: Rows, names: list[str], k: int) -> Iterator[Leak]:
    """A total, and rows that are hidden: what is left over is the hidden row, or a sum of too few people."""
    totals = [n for n, row in enumerate(rows.rows) if any(_TOTAL.match(cell) for cell in row[:3])]
    hidden = sum(rows.hidden) or (1 if _HIDDEN_ONE.search(rows.note) else 0)
    if len(totals) == 1 and hidden:
        for number, name in enumerate(names):
            if not _ADDS_UP.search(name):
                continue
            left = _left_over(rows, number, totals[0])
            if left is not None and left > 0 and (hidden == 1 or (_PEOPLE_COLUMN.search(name) and left < k)):
                place = f"{rows.place}, row {totals[0] + 1}, column {rows.columns[number]}"
                yield _leak(place, "hidden value can be derived", f"the total less the rows shown: {left:g}", None, k)
    firsts = [text for row, text in enumerate(rows.column(0)) if not rows.hidden[row]]
    if sum(rows.hidden) == 1 and not totals and len(set(firsts)) == len(firsts):  # each row another part of one whole
        for number, name in enumerate(names):
            whole = 100 if "%" in rows.columns[number] else 1
            parts = [_share(text, whole) for row, text in enumerate(rows.column(number)) if not rows.hidden[row]]
            known = [part for part in parts if part is not None]
            if name in ("share", "part") and len(known) == len(parts) > 1 and 0.5 < sum(known) < 0.999:
                place = f"{rows.place}, column {rows.columns[number]}"
                yield _leak(place, "hidden value can be derived", "the whole less the shares shown", None, k)


def _left_over(rows: Rows, number: int, total: int) -> float | None:
    texts = rows.column(number)
    whole = _plain_number(texts[total])
    shown = [_plain_number(text) for row, text in enumerate(texts) if row != total and not rows.hidden[row]]
    known = [value for value in shown if value is not None]
    if whole is None or len(known) < len(shown) - sum(rows.hidden):
        return None
    return whole - sum(known)


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


def _leak(place: str, kind: str, what: str, people: int | None, k: int) -> Leak:
    return Leak(place, kind, what, people, HOW.get(kind, _HOW_TEXT).format(k=k))


def _column(place: str, name: str, k: int) -> Leak:
    return _leak(place, "one person" if name in _PERSONAL else "private column", f"column {name}", None, k)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*[-+−]?[\d.,eE+-]+\s*", text) is not None


def _may_be_id(column: str) -> bool:
    return re.search(r"case|ref|(^|_)id$|number|order|invoice|document", column, re.IGNORECASE) is not None


def _plain_number(text: str) -> float | None:
    match = re.match(r"\s*(-?[\d,]*\.?\d+(?:[eE][+-]?\d+)?)", text)
    try:
        return float(match[1].replace(",", "")) if match else None
    except ValueError:
        return None


def _whole_number(text: str) -> int | None:
    """A number of people; "3 more rows" is none."""
    number = (
        _plain_number(text) if re.fullmatch(r"\s*[\d,]+(?:\.0+)?(?: (?:people|persons?|of [\d,]+))?\s*", text) else None
    )
    return int(number) if number is not None and number == int(number) else None


def _share(text: str, whole: int) -> float | None:
    number = _plain_number(text)
    return None if number is None else number / (100 if "%" in text else whole)
