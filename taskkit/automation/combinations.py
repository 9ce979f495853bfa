"""Ways in which a text is put together from two or three others, or from one and a fixed text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from taskkit.automation.transformations import Program, Step, run

Piece = tuple[int, Program] | str  # place of the source and what is done to it, or a fixed text
MOST_PIECES = 3
_LOWER: Step = ("case", "lower")
_FIRST, _LAST = ("token", " ", 0), ("token", " ", -1)
# forms in which a source goes into a combination; the plainest that fits is taken
_PIECE_FORMS: tuple[Program, ...] = (
    (), (("spaces",),), (_LOWER,), (("case", "upper"),), (("no signs",),), (("no signs",), _LOWER), (_FIRST,),
    (_FIRST, _LOWER), (_LAST,), (_LAST, _LOWER), (("letter",),), (("letter",), _LOWER), (_LAST, ("letter",)),
    (_LAST, ("letter",), _LOWER),
)  # fmt: skip


def read_combinations(given: Sequence[str | None], text: str) -> set[tuple[Piece, ...]]:
    """List the ways to put `text` together from two or three sources, or from one and a fixed text at one end.

    >>> ((0, ()), " ", (1, ())) in read_combinations(["Steven", "Richards"], "Steven Richards")
    True
    """
    pieces = _pieces(given, text)
    found: set[tuple[Piece, ...]] = set()
    for start in _starts(pieces, text):
        head: tuple[Piece, ...] = (text[:start],) if start else ()
        _extend(head, start, text, pieces, found)
    return found


def combine(pieces: Sequence[Piece], given: Sequence[str | None]) -> str | None:
    """What a combination makes of the sources' texts; null where one is missing.

    >>> combine(((0, (("letter",), ("case", "lower"))), (1, (("case", "lower"),))), ["Steven", "Richards"])
    'srichards'
    """
    out = [piece if isinstance(piece, str) else run(piece[1], given[piece[0]]) for piece in pieces]
    return None if None in out else "".join(part for part in out if part is not None)


def _pieces(given: Sequence[str | None], text: str) -> list[tuple[str, tuple[int, Program]]]:
    """Forms of the sources that occur in the text, the plainest first; a form that two sources give keeps both."""
    out: list[tuple[str, tuple[int, Program]]] = []
    for number, whole in enumerate(given):
        if whole is None or not whole.strip():
            continue
        forms: dict[str, Program] = {}
        for program in _PIECE_FORMS:
            form = run(program, whole)
            if form and form in text and (len(form) > 1 or program[:1] == (("letter",),) or len(whole) == 1):
                forms.setdefault(form, program)
        out.extend((form, (number, program)) for form, program in forms.items())
    return out


def _starts(pieces: list[tuple[str, tuple[int, Program]]], text: str) -> list[int]:
    """Where the first piece may begin: at the front, or behind a fixed text if the piece is long enough to be no accident."""
    return sorted({0, *(text.index(form) for form, _ in pieces if len(form) >= 3)})


def _extend(
    done: tuple[Piece, ...], place: int, text: str, pieces: list[tuple[str, tuple[int, Program]]],
    found: set[tuple[Piece, ...]],
) -> None:  # fmt: skip
    used = [piece for piece in done if not isinstance(piece, str)]
    if len(used) == MOST_PIECES or len(found) > 60:
        return
    for form, piece in pieces:
        if piece in used or not text.startswith(form, place) or (len(form) < 3 and not used and done):
            continue
        end = place + len(form)
        whole = (*done, piece)
        if end == len(text):
            if len(whole) > 1:
                found.add(whole)
            continue
        if len(form) >= 3 or len(used) >= 1:
            found.add((*whole, text[end:]))  # a fixed text at the end
        between = re.match(r"[^\w]{1,3}", text[end:])
        for gap in {"", between[0]} if between else {""}:
            _extend((*whole, gap) if gap else whole, end + len(gap), text, pieces, found)
