"""Names of people as others write them: other letters, the other way round, with a genitive, glued to a number."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from taskkit.errors import LogFileError
from taskkit.report.linter.reading import words_of

_HEADS = words_of(
    "name names user login email e-mail mail person surname lastname firstname vorname nachname familienname kürzel "
    "mitarbeiter nom prénom prenom nombre apellido full_name"
) | {"first name", "last name", "full name", "family name", "given name"}
_NO_NAMES = words_of(
    "team teams group department role pseudonym number no id nr nummer abteilung gruppe rolle standort site"
)
_ZERO_WIDTH = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
# letters that no decomposition takes apart, and letters of other scripts that look like Latin ones
_FOLD = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "æ": "ae",
     "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ß": "ss", "ẞ": "SS", "ı": "i", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T"}
    | dict(zip("аеорсухіјѕһԁԛԝвмнткАВЕКМНОРСТУХІЈЅԌԚԜ", "aeopcyxijshdqwbmhtkABEKMHOPCTYXIJSGQW", strict=False))
    | dict(zip("αεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeiknoptuxABEZHIKMNOPTYX", strict=True))
)  # fmt: skip
_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue",
                        "Ø": "Oe", "Å": "Aa"})  # fmt: skip
_GROUPS = words_of(
    "team group department dept system role unit desk office bot robot batch job service services user users clerk clerks "
    "manager management admin administrator processor approver accounts payable accounting finance purchasing company "
    "staff employee worker operator agent supervisor director specialist analyst external internal unknown automatic "
    "auto workflow engine server rpa resource the and of"
)


def fold(text: str) -> str:
    """A text in plain Latin letters: without accents, characters of no width and letters that only look like others.

    >>> fold("Łukasz Müller")
    'Lukasz Muller'
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKD", _ZERO_WIDTH.sub("", text))
    return "".join(c for c in text if not unicodedata.combining(c)).translate(_FOLD)


def forms_of(name: str, *, parts: bool = True) -> Iterator[tuple[str, bool]]:
    """Ways in which a name is written, and of each whether it is only a part of the name.

    >>> {"Joerg Mueller", "Muller Jorg", "JMuller"} <= {form for form, part in forms_of("Jörg Müller") if not part}
    True
    """
    spelt = unicodedata.normalize("NFC", name).translate(_SPELT)
    for text in dict.fromkeys((fold(name), fold(spelt), re.sub("(?i)([aou])e", r"\1", fold(name)))):
        words = re.findall(r"[^\W_]+", text)
        wholes = {" ".join(order) for order in _orders(words)}
        if len(words) > 1:
            first, last = words[0], words[-1]
            wholes |= {f"{first[0]}{last}", f"{last}{first[0]}"} if len(last) > 3 else set()
        for whole in sorted(wholes):
            yield whole, False
            if len(whole) > 3:
                yield f"{whole}s", False
        for part in re.findall(r"[^\W\d_]{2,}", text) if parts else ():
            yield part, True
            if len(part) > 3:
                yield f"{part}s", True


def _orders(words: list[str]) -> Iterable[list[str]]:
    if not 1 < len(words) < 4:
        return [words] if len(words) < 2 else [words, [words[-1], *words[:-1]], [words[0], words[-1]]]
    short = [words[0], words[-1]]
    return [*map(list, itertools.permutations(words)), short, short[::-1]]


def is_person(text: str) -> bool:
    """Whether what stands as a person or resource of a log reads like one, and not like a team, a role or a machine."""
    words = {word.casefold() for word in re.findall(r"[^\W\d_]+", text)}
    return bool(words) and words.isdisjoint(_GROUPS)


def read_names(names: str | Path | Iterable[str] | None) -> list[str]:
    """The given names; of a file every line, and every cell where it is a CSV, without pseudonyms and headings of one.

    Raises
    ------
    LogFileError : the file cannot be read, or no name is given.
    """
    if names is None:
        return []
    if isinstance(names, (str, Path)):
        found = _from_file(Path(names))
    else:
        found = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not any(re.search(r"[^\W\d_]{2}", name) for name in found):
        where = f" in {names}" if isinstance(names, (str, Path)) else ""
        raise LogFileError(f"There is no name{where}. Give one name a line, or leave the list out.")
    return found


def _from_file(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LogFileError(
            f"No names can be read from {path}: {error}. Give a text file with one name a line, or a CSV file."
        ) from error
    lines = [line for line in _decoded(content).splitlines() if line.strip() and not line.lstrip().startswith("#")]
    rows = [[cell.strip().strip('"').strip() for cell in re.split(r"[,;\t]", line)] for line in lines]
    heads = [cell.casefold() for cell in rows[0]] if rows else []
    if not _HEADS.isdisjoint(heads):
        skipped = {n for n, head in enumerate(heads) if head in _NO_NAMES}
        kept = [[cell for n, cell in enumerate(row) if n not in skipped] for row in rows[1:]]
        named = [n for n, head in enumerate(head for head in heads if head not in _NO_NAMES) if head in _HEADS]
        whole = [" ".join(row[n] for n in named if n < len(row) and "@" not in row[n]) for row in kept]
        rows = [*([name] for name in whole), *kept] if len(named) > 1 else kept
    return list(dict.fromkeys(cell for row in rows for cell in row if cell))


def _decoded(content: bytes) -> str:
    """Text of a file as offices save it: UTF-8, UTF-16 with its mark, or the code page of Windows."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace").lstrip("\ufeff")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")
