"""Ways in which one text is made from another: a part, another format. A small fixed library, no search.

A program is a tuple of steps, each a tuple of a name and its settings. It is read off examples and has no memory of
them: what it gives for a new text cannot have been learnt by heart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache

from taskkit.automation.rare import unquoted

Step = tuple[str | int, ...]
Program = tuple[Step, ...]

SEPARATORS = (" ", ",", ";", "-", "/", "@", ".", ":", "_", "|", "\t", "\n")
# day first, then month first: a log in which both fit every example says nothing that could decide
DATE_FORMATS = (
    "%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%d %B %Y", "%d %b %Y", "%d/%m/%y", "%d.%m.%y",
    "%m/%d/%Y", "%m-%d-%Y", "%d%m%Y", "%B %d, %Y",
)  # fmt: skip
_MONTHS = {
    "%d": "day",
    "%m": "month",
    "%Y": "year",
    "%y": "year in two digits",
    "%B": "month's name",
    "%b": "month's name",
}
_NUMBER = {"dot": re.compile(r"^[^\d\-]{0,3}(-?\d{1,3}(?:[, ']?\d{3})*(?:\.\d+)?|-?\d+(?:\.\d+)?)[^\d]{0,4}$"),
           "comma": re.compile(r"^[^\d\-]{0,3}(-?\d{1,3}(?:[. ']?\d{3})*(?:,\d+)?|-?\d+(?:,\d+)?)[^\d]{0,4}$")}  # fmt: skip
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


def read_programs(given: str, text: str) -> set[Program]:
    """List the programs that make `text` from `given`: nothing, a part of it, another format, a part in another format.

    Parameters
    ----------
    given : the text of a source.
    text : the text that was written.

    Returns
    -------
    Programs; `run(program, given)` gives `text` for each. Empty where no transformation of the library fits.

    >>> (("date", "%d/%m/%Y", "%d-%m-%Y"),) in read_programs("18/06/1986", "18-06-1986")
    True
    >>> run((("token", ",", 1),), "396 Clarendon St, South Melbourne")
    'South Melbourne'
    """
    found: set[Program] = {(step,) for step in _formats(given, text)}
    if not _may_be_part(given, text):
        return found
    for step, part in _parts(given, text):
        if part == given or not part:
            continue
        if part == text:
            found.add((step,))
            continue
        found.update((step, last) for last in _formats(part, text))
        if step[0] == "token" and len(text) < len(part) < len(given) and text in part:
            found.update((step, last) for last, piece in _parts(part, text) if piece == text)
    return found


def run(program: Program, given: str | None) -> str | None:
    """What a program makes of a text; null where it does not apply.

    >>> run((("after", " "), ("replace", " ", "-")), "+61 035 376 0669")
    '035-376-0669'
    """
    text = given
    for step in program:
        if text is None:
            return None
        text = _STEPS[str(step[0])](text, *step[1:])
    return text


def kind_of(program: Program) -> str:
    """ "copy", "part" or "reformat": a part in another format is a part.

    >>> kind_of((("case", "lower"),))
    'reformat'
    """
    return "part" if any(step[0] in _PARTS for step in program) else "reformat" if program else "copy"


def describe(program: Program, source: str) -> str:
    """The program in words.

    >>> describe((("token", ",", 1),), "Address")
    'the second part of Address between commas'
    """
    for step in program:
        source = _WORDS[str(step[0])](source, *step[1:])
    return source


# ------------------------------------------------------------------------------------------------------------ reading
def _may_be_part(given: str, text: str) -> bool:
    """A part has no sign that the whole has not; asked first, because most pairs have nothing to do with each other."""
    bare = _bare(text)
    return bool(bare) and len(bare) <= len(given) and bare in _bare(given)


@lru_cache(maxsize=20_000)
def _bare(text: str) -> str:
    return "".join(sign for sign in text.lower() if sign.isalnum())


def _parts(given: str, text: str) -> Iterator[tuple[Step, str]]:
    for mark in SEPARATORS:
        if mark not in given:
            continue
        tokens = given.split(mark)
        for place, token in enumerate(tokens):
            yield ("token", mark, place), token.strip()
            yield ("token", mark, place - len(tokens)), token.strip()
        if mark in SEPARATORS[:5] or len(tokens) > 2:
            for name in ("before", "after", "before last"):
                yield (name, mark), _STEPS[name](given, mark) or ""
    runs = re.findall(r"\d+", given)
    for place, digits in enumerate(runs):
        yield ("digits", place), digits
        yield ("digits", place - len(runs)), digits
    if runs:
        yield ("all digits",), "".join(runs)
    if given.startswith(text) and len(text) < len(given):
        yield ("start", len(text)), text
    if given.endswith(text) and len(text) < len(given):
        yield ("end", len(text)), text


def _formats(given: str, text: str) -> Iterator[Step]:
    """Steps that change how a text is written, not what it says."""
    if given == text:
        return
    for name in ("lower", "upper", "title"):
        if _case(given, name) == text:
            yield "case", name
    if _spaces(given) == text:
        yield ("spaces",)
    if _bare(given) == _bare(text) and (signs := set(re.findall(r"[\W_]+", given))):
        if _join_signs(given, "") == text:
            yield ("no signs",)
        for sign in signs:
            for other in {"", *re.findall(r"[\W_]+", text)}:
                if given.replace(sign, other) == text:
                    yield "replace", sign, other
    if given.lstrip("0") == text:
        yield ("no zeros",)
    if given.isdigit() and given.zfill(len(text)) == text:
        yield "zeros", len(text)
    if given[:1] and text[:1] and any(sign.isdigit() for sign in text):
        yield from _number_steps(given, text)
        yield from _date_steps(given, text)


def _number_steps(given: str, text: str) -> Iterator[Step]:
    if len(given) > 24 or len(text) > 24 or set(re.sub(r"\D", "", given).strip("0")) != set(
        re.sub(r"\D", "", text).strip("0")
    ):  # fmt: skip
        return
    for style in _NUMBER:
        if _read_number(given, style) is None:
            continue
        for out in _NUMBER:
            match = _NUMBER[out].match(text)
            if not match:
                continue
            body, point = match[1], "." if out == "dot" else ","
            whole, _, fraction = body.partition(point)
            thousands = (re.findall(r"[^\d\-]", whole) or [""])[0]
            about = (out, thousands, len(fraction) if fraction else 0, text[: match.start(1)], text[match.end(1) :])
            step: Step = ("number", style, *about)
            if run((step,), given) == text:
                yield step


def _read_number(text: str, style: str) -> tuple[str, str] | None:
    match = _NUMBER[style].match(text)
    if not match:
        return None
    whole, _, fraction = match[1].partition("." if style == "dot" else ",")
    return re.sub(r"[^\d\-]", "", whole), fraction


def _number(given: str, *setting: str | int) -> str | None:
    style, out, thousands, decimals, before, after = setting
    read = _read_number(given, str(style))
    if read is None or read[1][int(decimals) :].strip("0"):
        return None  # cutting digits that count would be rounding
    sign, whole = ("-", read[0][1:]) if read[0].startswith("-") else ("", read[0])
    if thousands:
        whole = f"{int(whole):,}".replace(",", str(thousands))
    point = "." if out == "dot" else ","
    fraction = point + read[1][: int(decimals)].ljust(int(decimals), "0") if decimals else ""
    return f"{before}{sign}{whole}{fraction}{after}"


def _date_steps(given: str, text: str) -> Iterator[Step]:
    for form in _date_forms(given):
        for out in _date_forms(text):
            if form != out and _date(given, form, out) == text:
                yield "date", form, out


@lru_cache(maxsize=20_000)
def _date_forms(text: str) -> tuple[str, ...]:
    if not 6 <= len(text) <= 18 or sum(sign.isdigit() for sign in text) < 4:
        return ()
    return tuple(form for form in DATE_FORMATS if _date(text, form, form) == text)


def _date(text: str, form: str | int, out: str | int) -> str | None:
    try:
        return datetime.strptime(text, str(form)).strftime(str(out))
    except ValueError:
        return None


# -------------------------------------------------------------------------------------------------------------- steps
def _token(text: str, mark: str | int, place: str | int) -> str | None:
    tokens, at = text.split(str(mark)), int(place)
    return tokens[at].strip() if -len(tokens) <= at < len(tokens) and len(tokens) > 1 else None


def _digits(text: str, place: str | int) -> str | None:
    runs, at = re.findall(r"\d+", text), int(place)
    return runs[at] if -len(runs) <= at < len(runs) else None


def _case(text: str, name: str | int) -> str:
    return text.lower() if name == "lower" else text.upper() if name == "upper" else text.title()


def _spaces(text: str) -> str:
    return " ".join(text.split())


def _join_signs(text: str, other: str) -> str:
    return re.sub(r"[\W_]+", other, text)


def _around(text: str, mark: str, *, last: bool, behind: bool) -> str | None:
    if mark not in text:
        return None
    head, _, tail = text.rpartition(mark) if last else text.partition(mark)
    return (tail if behind else head).strip()


_PARTS: dict[str, Callable[..., str | None]] = {
    "token": _token,
    "before": lambda text, mark: _around(text, str(mark), last=False, behind=False),
    "after": lambda text, mark: _around(text, str(mark), last=False, behind=True),
    "before last": lambda text, mark: _around(text, str(mark), last=True, behind=False),
    "digits": _digits,
    "all digits": lambda text: re.sub(r"\D", "", text) or None,
    "start": lambda text, size: text[:size].strip() if len(text) > size else None,
    "end": lambda text, size: text[-size:].strip() if len(text) > size else None,
    "letter": lambda text: text[:1] or None,
    "no zeros": lambda text: text.lstrip("0"),
}
_STEPS: dict[str, Callable[..., str | None]] = {
    **_PARTS,
    "case": _case,
    "spaces": _spaces,
    "no signs": lambda text: _join_signs(text, ""),
    "replace": lambda text, sign, other: text.replace(str(sign), str(other)),
    "zeros": lambda text, size: text.zfill(int(size)),
    "number": _number,
    "date": _date,
}


# -------------------------------------------------------------------------------------------------------------- words
def _mark_name(mark: str | int, many: bool = True) -> str:
    names = {" ": "space", ",": "comma", ";": "semicolon", "-": "dash", "/": "slash", "@": "at sign", ".": "dot",
             ":": "colon", "_": "underscore", "|": "bar", "\t": "tab", "\n": "line break"}  # fmt: skip
    name = names.get(str(mark), repr(mark))
    return name if not many else "dashes" if name == "dash" else "slashes" if name == "slash" else f"{name}s"


def _place_name(place: str | int) -> str:
    at = int(place)
    if at >= 0:
        return _ORDINALS[at] if at < len(_ORDINALS) else f"{at + 1}th"
    return "last" if at == -1 else f"{_ORDINALS[-at - 1]} last" if -at <= len(_ORDINALS) else f"{-at}th last"


def _sample(setting: Sequence[str | int]) -> str:
    return "1234.56" if int(setting[3]) else "1234"


def _date_name(form: str | int) -> str:
    return re.sub(r"%\w", lambda sign: _MONTHS.get(sign[0], sign[0]), str(form))


def _sign_name(sign: str | int) -> str:
    return (
        "nothing" if sign == "" else _mark_name(sign, many=False) if sign in SEPARATORS else f"“{unquoted(str(sign))}”"
    )


_WORDS: dict[str, Callable[..., str]] = {
    "token": lambda of, mark, place: f"the {_place_name(place)} part of {of} between {_mark_name(mark)}",
    "before": lambda of, mark: f"what stands before the first {_mark_name(mark, False)} of {of}",
    "after": lambda of, mark: f"what stands after the first {_mark_name(mark, False)} of {of}",
    "before last": lambda of, mark: f"what stands before the last {_mark_name(mark, False)} of {of}",
    "digits": lambda of, place: f"the {_place_name(place)} number in {of}",
    "all digits": lambda of: f"the digits of {of}",
    "start": lambda of, size: f"the first {size} signs of {of}",
    "end": lambda of, size: f"the last {size} signs of {of}",
    "letter": lambda of: f"the first letter of {of}",
    "case": lambda of, name: f"{of} in {'words with capitals' if name == 'title' else f'{name} case'}",
    "spaces": lambda of: f"{of} without needless spaces",
    "no signs": lambda of: f"{of} without spaces and signs",
    "replace": lambda of, sign, other: f"{of} with {_sign_name(other)} for each {_sign_name(sign)}",
    "no zeros": lambda of: f"{of} without leading zeros",
    "zeros": lambda of, size: f"{of} filled with zeros to {size} digits",
    "number": lambda of, *setting: f"{of} as a number written like {_number(_sample(setting), 'dot', *setting[1:])}",
    "date": lambda of, form, out: f"{of} as a date written {_date_name(out)} instead of {_date_name(form)}",
}
