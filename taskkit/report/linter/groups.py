"""Tables and data of charts: private columns, groups that are small, marks of single people, sums that tell the rest."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

from taskkit.report.linter.checks import NUMBERS, PEOPLE, PRIVATE_COLUMNS, Leak, column_leak, leak, mask, name_of
from taskkit.report.linter.reading import Rows
from taskkit.report.linter.secrets import Secrets, squeeze

_PEOPLE_COLUMN = re.compile(
    r"(?:^|_)(?:people|persons|users|staff|headcount|clerks|employees|colleagues|workers|participants)"
    r"(?:$|_(?!share|hours|days|needed|least))"
)
_NO_COUNT = re.compile(r"share|rate|percent|%|median|mean|_per_|^per_|hours|seconds|days|least|min_people")
_ORDER = re.compile(
    r"rank|order|index|step|position|row|seq|number|hour|day|week|month|minute|date|time|level|task|bin|edge|node|path|"
    r"screen|^[xyn]$|^no$"
)
_IN_A_NAME = re.compile(r"[^\W\d_]+(?:[ .'’-]+[^\W\d_]+)?\.?")
_WHO = re.compile(r"^(who|whom|by|pid|p|desk|seat|person_?no)$")
_TOTAL = re.compile(r"^(all|totals?|sum|overall|together|grand total)\b", re.IGNORECASE)
_ADDS_UP = re.compile(
    r"^(n|count|counts|people|persons|segments|executions|instances|events|rows|cases|steps|times|entries|switches|"
    r"visits|hours|active_hours|sum|frequency|runs|occurrences|number)(_|$)"
)
_HIDDEN_ONE = re.compile(
    r"\b(?:1|one) [a-z ]{3,60}(?: is hidden: seen)?[a-z ]*(?:with|of|by|that) fewer than \d+ people"
)


def check_rows(rows: Rows, secrets: Secrets, k: int) -> Iterator[Leak]:
    """Leaks in a table or in a chart's data that its rows make: private columns, small groups, sums that tell the rest."""
    names = [name_of(column) for column in rows.columns]
    if rows.rows:
        for name, heading in zip(names, rows.columns, strict=True):
            if name in PRIVATE_COLUMNS or heading.strip().lower().replace(" ", "_") in PRIVATE_COLUMNS:
                yield column_leak(rows.place, name, k)
    yield from _names_over_cells(rows, secrets, k)
    yield from _small_groups(rows, names, secrets, k)
    yield from _one_each(rows, names, secrets, k)
    yield from _derivable(rows, names, k)


def _names_over_cells(rows: Rows, secrets: Secrets, k: int) -> Iterator[Leak]:
    """Names whose parts stand in two cells beside each other; a cell that holds the whole name is told elsewhere."""
    for number, row in enumerate(rows.rows if secrets.names else ()):
        for at, (left, right) in enumerate(itertools.pairwise(row)):
            if _IN_A_NAME.fullmatch(left) and _IN_A_NAME.fullmatch(right):
                both = {squeeze(left + right).text, squeeze(right + left).text}
                whole = next((name for name in sorted(both) if name in secrets.named), None)
                if whole is not None and secrets.of[whole][0] == "name on the list":
                    where = f"{rows.place}, row {number + 1}, columns {at + 1} and {at + 2}"
                    yield leak(where, "name on the list", mask(whole), None, k)


def _small_groups(rows: Rows, names: list[str], secrets: Secrets, k: int) -> Iterator[Leak]:
    for number, name in enumerate(names):
        if not _counts_people(name, rows.columns[number]):
            continue
        for row, text in enumerate(rows.column(number)):
            count = _whole_number(text)
            if not rows.hidden[row] and count is not None and 0 < count < k:
                kind = "way of few people" if any("variant" in other for other in names) else "small group"
                yield leak(
                    f"{rows.place}, row {row + 1}, column {rows.columns[number]}", kind, f"{count} people", count, k
                )
    for number, name in enumerate(names):
        if "variant" in name or name == "way":
            for row, text in enumerate(rows.column(number)):
                if text in secrets.few_variants and not rows.hidden[row]:
                    yield leak(f"{rows.place}, row {row + 1}", "way of few people", mask(text), None, k)


def _counts_people(name: str, heading: str) -> bool:
    inner = any(re.fullmatch(PEOPLE, unit, re.IGNORECASE) for unit in re.findall(r"[(\[]([^)\]]*)[)\]]", heading))
    return (inner or _PEOPLE_COLUMN.search(name) is not None) and not _NO_COUNT.search(name)


def _one_each(rows: Rows, names: list[str], secrets: Secrets, k: int) -> Iterator[Leak]:
    """Rows numbered or lettered through: as many as there are people, or under a heading that asks who."""
    if any(map(_counts_people, names, rows.columns)):
        return
    for number, name in enumerate(names):
        found = set(rows.column(number)) - {""}
        as_many = len(found) == secrets.people > 2 and not _ORDER.search(name)
        if (as_many or _WHO.search(name)) and _numbered_through(found):
            yield leak(f"{rows.place}, column {rows.columns[number]}", "one person", f"{len(found)} marks", 1, k)


def _numbered_through(found: set[str]) -> bool:
    if 1 < len(found) < 27 and found == {chr(ord("A") + n) for n in range(len(found))}:
        return True
    marks = [match for text in found if (match := re.fullmatch(r"[A-Za-z]{0,2}[ _-]?0*(\d{1,4})(?:\.0)?", text))]
    return 1 < len(found) == len(marks) and sorted(int(match[1]) for match in marks) in _runs(len(found))


def _runs(length: int) -> list[list[int]]:
    return [[*range(length)], [*range(1, length + 1)]]


def _derivable(rows: Rows, names: list[str], k: int) -> Iterator[Leak]:
    """A total, and rows that are hidden: what is left over is the hidden row, or a sum of too few people."""
    totals = [n for n, row in enumerate(rows.rows) if any(_TOTAL.match(cell) for cell in row[:3])]
    dashed = _dashed(rows, names, totals)
    rows = replace(rows, hidden=[said or dash for said, dash in zip(rows.hidden, dashed, strict=True)])
    hidden = sum(rows.hidden) or (1 if _HIDDEN_ONE.search(rows.note) else 0)
    for number, name in enumerate(names) if hidden else ():
        if not _ADDS_UP.search(name):
            continue
        for place, left in _left_overs(rows, number, totals):
            if left > 0 and (hidden == 1 or (_PEOPLE_COLUMN.search(name) and left < k)):
                yield leak(place, "hidden value can be derived", f"the total less the rows shown: {left:g}", None, k)
    yield from _rest_of_shares(rows, names, totals, k)


def _dashed(rows: Rows, names: list[str], totals: list[int]) -> list[bool]:
    """Rows that say by a dash in place of the number of people that they are hidden."""
    counts = [rows.column(number) for number, name in enumerate(names) if _counts_people(name, rows.columns[number])]
    return [
        n not in totals and any(column[n].strip() in ("–", "—", "-", "…", "*") for column in counts)
        for n in range(len(rows.rows))
    ]


def _left_overs(rows: Rows, number: int, totals: list[int]) -> Iterator[tuple[str, float]]:
    """What each total leaves over, those of the table's rows and those that the text beside it says."""
    heading = rows.columns[number]
    for total in totals:
        left = _left_over(rows, number, rows.column(number)[total], totals)
        if left is not None:
            yield f"{rows.place}, row {total + 1}, column {heading}", left
    words = [word for word in re.findall(r"[a-z]+", heading.casefold()) if len(word) > 2]
    if words and not totals:
        whole = r"\b(?:in all|altogether|together|total|overall|sum)\b\D{0,30}?([\d,]*\.?\d+)"
        said = rf"(?i){whole}\s+(?:\w+\s+)?(?:{'|'.join(words)})"
        for match in re.finditer(said, rows.beside):
            left = _left_over(rows, number, match[1], totals)
            if left is not None:
                yield f"{rows.place}, column {heading} and the text beside it", left


def _rest_of_shares(rows: Rows, names: list[str], totals: list[int], k: int) -> Iterator[Leak]:
    firsts = [text for row, text in enumerate(rows.column(0)) if not rows.hidden[row]]
    if sum(rows.hidden) == 1 and not totals and len(set(firsts)) == len(firsts):  # each row another part of one whole
        for number, name in enumerate(names):
            whole = 100 if "%" in rows.columns[number] else 1
            parts = [_share(text, whole) for row, text in enumerate(rows.column(number)) if not rows.hidden[row]]
            known = [part for part in parts if part is not None]
            if name in ("share", "part") and len(known) == len(parts) > 1 and 0.5 < sum(known) < 0.999:
                place = f"{rows.place}, column {rows.columns[number]}"
                yield leak(place, "hidden value can be derived", "the whole less the shares shown", None, k)


def _left_over(rows: Rows, number: int, total: str, totals: list[int]) -> float | None:
    texts = rows.column(number)
    whole = _plain_number(total)
    shown = [_plain_number(text) for row, text in enumerate(texts) if row not in totals and not rows.hidden[row]]
    known = [value for value in shown if value is not None]
    if whole is None or len(known) < len(shown) - sum(rows.hidden):
        return None
    return round(whole - sum(known), 9)


def _plain_number(text: str) -> float | None:
    match = re.match(r"\s*(-?[\d,]*\.?\d+(?:[eE][+-]?\d+)?)", text)
    try:
        return float(match[1].replace(",", "")) if match else None
    except ValueError:
        return None


def _whole_number(text: str) -> int | None:
    """A number of people, in words too; "3 more rows" is none."""
    plain = text.strip().casefold()
    if plain in NUMBERS:
        return NUMBERS[plain]
    told = re.fullmatch(rf"\s*[\d,]+(?:\.0+)?(?: (?:{PEOPLE}|of [\d,]+))?(?: ?\([^)]*\))?\s*", text)
    number = _plain_number(text) if told else None
    return int(number) if number is not None and number == int(number) else None


def _share(text: str, whole: int) -> float | None:
    number = _plain_number(text)
    return None if number is None else number / (100 if "%" in text else whole)
