"""Rules in words, as `find_data_transfers` gives them, back into code; what is not understood stays a TODO."""

from __future__ import annotations

import re
from collections.abc import Callable

_MARKS = {
    "space": " ", "comma": ",", "semicolon": ";", "dash": "-", "dashes": "-", "slash": "/", "slashes": "/", "at sign": "@",
    "dot": ".", "colon": ":", "underscore": "_", "bar": "|", "tab": "\t", "line break": "\n", "nothing": "",
}  # fmt: skip
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_DATES = (("month's name", "%B"), ("year in two digits", "%y"), ("year", "%Y"), ("month", "%m"), ("day", "%d"))
_ORDER = rf"(?P<place>(?:(?:{'|'.join(_ORDINALS)}|\d+th)(?: last)?)|last)"
_MARK = r"(?P<mark>.+?)"
_Make = Callable[[re.Match[str], str], "str | None"]


def read_formula(rule: str, sources: list[str]) -> str | None:
    """The Python expression for a rule over one source, which it calls `source`; null where the rule is not understood.

    >>> read_formula("the second part of erp › Address between commas", ["erp › Address"])
    "source.split(',')[1].strip()"
    >>> read_formula("the first letter of erp › Name in lower case", ["erp › Name"])
    'source[:1].lower()'
    >>> read_formula("whatever people think of erp › Name", ["erp › Name"])
    """
    if len(sources) != 1 or rule.count(sources[0]) != 1:
        return None
    return _read(rule.replace(sources[0], "\0").removeprefix("the value of ").strip())


def _read(words: str) -> str | None:
    """From the outside inwards: the outermost words are the last step."""
    if words == "\0":
        return "source"
    for pattern, make in _SENTENCES:
        match = re.fullmatch(pattern, words, re.DOTALL)
        if match and "\0" in match["of"]:
            inner = _read(match["of"])
            code = make(match, inner) if inner else None
            if code:
                return code
    return None


def _mark(name: str) -> str | None:
    if name in _MARKS:
        return _MARKS[name]
    if name.removesuffix("s") in _MARKS:
        return _MARKS[name.removesuffix("s")]
    quoted = re.fullmatch(r"“([^\w…]{1,3})”", name, re.DOTALL)
    return quoted[1] if quoted else None


def _place(words: str) -> int | None:
    if words == "last":
        return -1
    last = words.endswith(" last")
    word = words.removesuffix(" last")
    at = _ORDINALS.index(word) + 1 if word in _ORDINALS else int(word.removesuffix("th"))
    return -at if last else at - 1


def _date(words: str) -> str:
    for name, sign in _DATES:
        words = words.replace(name, sign)
    return words


def _token(match: re.Match[str], of: str) -> str | None:
    mark = _mark(match["mark"])
    return f"{of}.split({mark!r})[{_place(match['place'])}].strip()" if mark else None


def _around(function: str, index: int) -> _Make:
    def make(match: re.Match[str], of: str) -> str | None:
        mark = _mark(match["mark"])
        return f"{of}.{function}({mark!r})[{index}].strip()" if mark else None

    return make


def _replace(match: re.Match[str], of: str) -> str | None:
    sign, other = _mark(match["mark"]), _mark(match["other"])
    return f"{of}.replace({sign!r}, {other!r})" if sign and other is not None else None


def _redate(match: re.Match[str], of: str) -> str | None:
    form, out = _date(match["form"]), _date(match["out"])
    return f"datetime.datetime.strptime({of}, {form!r}).strftime({out!r})" if "%" in form and "%" in out else None


_SENTENCES: tuple[tuple[str, _Make], ...] = (
    (r"(?P<of>.+) as a date written (?P<out>.+) instead of (?P<form>.+)", _redate),
    (rf"(?P<of>.+) with (?P<other>.+) for each {_MARK}", _replace),
    (r"(?P<of>.+) in lower case", lambda m, of: f"{of}.lower()"),
    (r"(?P<of>.+) in upper case", lambda m, of: f"{of}.upper()"),
    (r"(?P<of>.+) in words with capitals", lambda m, of: f"{of}.title()"),
    (r"(?P<of>.+) without needless spaces", lambda m, of: f"' '.join({of}.split())"),
    (r"(?P<of>.+) without spaces and signs", lambda m, of: f"re.sub(r'[\\W_]+', '', {of})"),
    (r"(?P<of>.+) without leading zeros", lambda m, of: f"{of}.lstrip('0')"),
    (r"(?P<of>.+) filled with zeros to (?P<n>\d{1,3}) digits", lambda m, of: f"{of}.zfill({m['n']})"),
    (rf"the {_ORDER} part of (?P<of>.+) between {_MARK}", _token),
    (rf"the {_ORDER} number in (?P<of>.+)", lambda m, of: f"re.findall(r'\\d+', {of})[{_place(m['place'])}]"),
    (rf"what stands before the first {_MARK} of (?P<of>.+)", _around("partition", 0)),
    (rf"what stands after the first {_MARK} of (?P<of>.+)", _around("partition", 2)),
    (rf"what stands before the last {_MARK} of (?P<of>.+)", _around("rpartition", 0)),
    (r"the digits of (?P<of>.+)", lambda m, of: f"re.sub(r'\\D', '', {of})"),
    (r"the first (?P<n>\d{1,4}) signs of (?P<of>.+)", lambda m, of: f"{of}[:{m['n']}]"),
    (r"the last (?P<n>\d{1,4}) signs of (?P<of>.+)", lambda m, of: f"{of}[-{m['n']}:]"),
    (r"the first letter of (?P<of>.+)", lambda m, of: f"{of}[:1]"),
)
