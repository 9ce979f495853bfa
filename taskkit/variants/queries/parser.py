"""The grammar of queries: recursive descent over tokens, straight to a polars expression."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterable
from datetime import date
from itertools import permutations
from typing import Any, NamedTuple

import polars as pl

from taskkit.errors import SettingError
from taskkit.log.durations import parse_duration
from taskkit.variants.queries.steps import Steps, bare_name, name_pattern, one_of

MAX_CHARACTERS, MAX_DEPTH, MAX_IN_ANY_ORDER = 4000, 40, 4
# word of the language → columns that it speaks of, and what makes them
COLUMNS = {
    "application": ("apps",), "date": ("start",), "duration": ("active_seconds",), "elapsed": ("elapsed_seconds",),
    "steps": ("steps",), "task": ("task_id", "task_name"), "team": ("team",), "variant": ("variant_id",),
}  # fmt: skip
_CLOSED = ("user", "session_id", "segment_id")  # a query asks about work, not for somebody's
_HINTS = {
    "user": " Nobody can be asked for: queries are about work, not about persons.",
    "task": " The frame has no column task_id: run find_tasks first.",
    "variant": " The frame has no column variant_id: run find_variants first.",
    "=": " Directly followed is written ->, eventually followed ~>.",
}
_COMPARE: dict[str, Callable[[pl.Expr, Any], pl.Expr]] = {
    "=": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_TOKEN = re.compile(
    r'(?P<name>"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')|(?P<arrow>->|~>)|(?P<sign>>=|<=|!=|=|>|<)|(?P<mark>[(),])'
    r"|(?P<date>\d{4}-\d\d-\d\d)|(?P<duration>(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+\b)|(?P<number>\d+(?:\.\d+)?\b)"
    r"|(?P<word>[^\W\d]\w*)"
)
_SAID = {
    "name": "a name in quotes", "date": "a day such as 2026-03-04", "duration": "a duration such as 5m",
    "number": "a number", "column": "a condition (duration, elapsed, steps, application, task, team, date, variant, …)",
}  # fmt: skip


class Token(NamedTuple):
    kind: str
    text: str
    place: int


def read_tokens(text: str) -> tuple[list[Token], int]:
    """The tokens of a text, and the place up to which it could be read."""
    tokens: list[Token] = []
    place = 0
    while True:
        place += len(text[place:]) - len(text[place:].lstrip())
        found = _TOKEN.match(text, place)
        if not found:
            return tokens, place
        tokens.append(Token(str(found.lastgroup), found.group(), place))
        place = found.end()


class Parser:
    """Recursive descent over the tokens of one query, straight to a polars expression.

    `offered` collects what would be understood at the end of the text; without it, names that are not known are problems.
    """

    def __init__(self, text: str, segments: pl.DataFrame, steps: Steps, offered: list[str] | None = None) -> None:
        self.text, self.segments, self.steps, self.offered = text, segments, steps, offered
        self.tokens, end = read_tokens(text)
        self.stopped = end if end < len(text) else None
        self.tokens.append(Token("end" if self.stopped is None else "unread", text[end : end + 1], end))
        self.at = self.depth = 0
        self.wanted: list[str] = []  # what would be understood at this token
        self.values: list[str] | None = None  # values of the column whose condition is being read
        self.problems: list[tuple[int, str]] = []

    def read(self) -> pl.Expr:
        if len(self.text) > MAX_CHARACTERS:
            raise SettingError(f"The query has {len(self.text)} characters; allowed: {MAX_CHARACTERS}.")
        fits = self._either()
        if self.here.kind != "end":
            self._need("end")
        if self.problems:
            raise SettingError("\n".join(self._mark(place, said) for place, said in sorted(self.problems)))
        return fits

    def offers(self) -> Iterable[str]:
        """What would be understood at the end of the text, as it would be written."""
        for wanted in self.wanted:
            if wanted == "name":
                names = self.steps.most_frequent() if self.values is None else self.values
                yield from ('"' + re.sub(r'(["\\*])', r"\\\1", name) + '"' for name in names)
            elif wanted == "column":
                yield from self._columns()
            elif wanted not in _SAID and wanted != "end":
                yield f"{wanted}(" if wanted in ("any", "all") else wanted

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    def _take(self, *wanted: str) -> str | None:
        """The text of this token if it is one of those wanted (a kind or a word itself), going on behind it."""
        token = self.here
        kind = "column" if token.kind == "word" and token.text.lower() in self._columns() else token.kind
        said = token.text.lower() if token.kind in ("word", "mark", "arrow", "sign") else ""
        if kind in wanted or said in wanted:
            self.at, self.wanted = self.at + 1, []
            return said or token.text
        self.wanted += [w for w in wanted if w not in self.wanted]
        return None

    def _need(self, *wanted: str) -> str:
        return self._take(*wanted) or self._fail()

    def _fail(self) -> str:
        known = [w for w in self.wanted if w not in ("end", *_SAID)]
        wanted = [*known, *(_SAID[w] for w in self.wanted if w in _SAID)] + ["the end"] * ("end" in self.wanted)
        token = self.here
        found = {"end": "the end of the query", "unread": f"{token.text}"}.get(token.kind, token.text)
        if token.kind == "unread" and token.text in "\"'":
            found = "a name whose closing quote is missing"
        near = (
            difflib.get_close_matches(token.text.lower(), known + self._columns(), n=1) if token.kind == "word" else []
        )
        hint = f" Did you mean {near[0]}?" if near else ""
        hint = _HINTS.get(token.text.lower(), hint) if token.kind in ("word", "sign") else hint
        self.problems.append((token.place, f"Found {found}; expected {', '.join(wanted)}.{hint}"))
        raise SettingError("\n".join(self._mark(place, said) for place, said in sorted(self.problems)))

    def _mark(self, place: int, said: str) -> str:
        """A problem with the piece of the text around it and a sign below its place."""
        begin = max(0, place - 60)
        piece = re.sub(r"\s", " ", self.text[begin : place + 60])
        return f"The query cannot be read at character {place + 1}:\n  {piece}\n  {' ' * (place - begin)}^\n{said}"

    def _either(self) -> pl.Expr:
        fits = self._both()
        while self._take("or"):
            fits = fits | self._both()
        return fits

    def _both(self) -> pl.Expr:
        fits = self._test()
        while self._take("and"):
            fits = fits & self._test()
        return fits

    def _test(self) -> pl.Expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise SettingError(f"The query nests deeper than {MAX_DEPTH} levels; allowed: {MAX_DEPTH}.")
        fits = self._one_test()
        self.depth -= 1
        return fits

    def _one_test(self) -> pl.Expr:
        way = pl.col("_way")
        if place := self._take("starts", "ends", "contains"):
            chain = self._chain()
            return way.str.contains({"starts": f"^{chain}", "ends": f"{chain}$"}.get(place, chain))
        if self._take("not"):
            return ~self._test()
        if self._take("("):
            fits = self._either()
            self._need(")")
            return fits
        if self._take("repeats"):
            times = way.str.count_matches(one_of(self._codes(self._need("name"))))
            return _COMPARE[self._need(*_COMPARE)](times, float(self._need("number")))
        if self.here.text in ("any", "all") or self.here.kind == "name":
            return way.str.contains(self._chain())
        word = self._take("any", "all", "name", "column")  # the first three only say what is expected here
        return self._condition(word) if word else pl.lit(self._fail())

    def _chain(self) -> str:
        """Steps joined by arrows, as a pattern over the characters that stand for them."""
        pattern = self._step()
        while arrow := self._take("->", "~>"):
            pattern += ("" if arrow == "->" else ".*") + self._step()
        return pattern

    def _step(self) -> str:
        kind = self._need("name", "any", "all", "not")
        if kind not in ("any", "all", "not"):
            return one_of(self._codes(kind))
        place = self.tokens[self.at - 1].place
        names = [self._codes(name) for name in self._names()]
        if kind != "all":
            return one_of(sorted(set().union(*names)), other=kind == "not")
        if len(names) > MAX_IN_ANY_ORDER:
            said = f"all(…) takes at most {MAX_IN_ANY_ORDER} names, found {len(names)}; join more of them with `and`."
            self.problems.append((place, said))
            return "."
        orders = (".*".join(order) for order in permutations([one_of(codes) for codes in names]))
        return f"(?:{'|'.join(orders)})"

    def _names(self) -> list[str]:
        self._need("(")
        names = [self._need("name")]
        while self._need(",", ")") == ",":
            names.append(self._need("name"))
        return names

    def _codes(self, quoted: str) -> list[int]:
        """The codes of the steps that a name in quotes fits."""
        fits = name_pattern(quoted)
        codes = [code for code, name in enumerate(self.steps.names) if fits(name)]
        if not codes and self.steps.names:
            self._unknown(quoted, self.steps.names, f"{self.steps.level}")
        return codes

    def _unknown(self, quoted: str, known: list[str], what: str) -> None:
        if self.offered is not None:
            return
        said = bare_name(quoted).replace("*", "").lower().strip()
        within = [name for name in known if said and said in name.lower()][:3]
        lowered = {name.lower(): name for name in known}
        close = [lowered[name] for name in difflib.get_close_matches(said, lowered, n=3, cutoff=0.5)]
        near = ", ".join(f'"{name}"' for name in list(dict.fromkeys(within + close))[:3])
        star = ' A name is the whole name; write "*" for any text.' if within else ""
        place = self.tokens[self.at - 1].place
        self.problems.append((place, f"No {what} is called {quoted}.{f' Near: {near}.' if near else ''}{star}"))

    def _columns(self) -> list[str]:
        """What a condition can speak of: the words of the language, then the frame's other columns."""
        simple = [
            name for name, dtype in self.segments.schema.items()
            if name not in _CLOSED and re.fullmatch(r"[a-z]\w*", name)
            and (dtype.is_numeric() or dtype in (pl.String, pl.Boolean, pl.Date, pl.Datetime, pl.List(pl.String)))
        ]  # fmt: skip
        said = [word for word, names in COLUMNS.items() if names[0] in self.segments.columns]
        return [*said, *(name for name in simple if name not in said and name != "activities")] or ["steps"]

    def _condition(self, word: str) -> pl.Expr:
        """The condition on a column whose word has just been read."""
        names = [name for name in COLUMNS.get(word, (word,)) if name in self.segments.columns]
        dtype = self.segments.schema[names[0]] if names else pl.Null()
        if dtype in (pl.String, pl.List(pl.String)):
            return self._text_condition(names, optional=word == "application")
        sign = self._need(*(["=", "!="] if dtype == pl.Boolean else _COMPARE))
        column = pl.col(names[0])
        value: Any
        if dtype == pl.Boolean:
            value = self._need("true", "false") == "true"
        elif dtype in (pl.Date, pl.Datetime):
            value, column = self._day(self._need("date")), column.cast(pl.Date)
        elif names[0].endswith("_seconds"):
            wanted = ("duration",) if word in COLUMNS else ("duration", "number")
            text = self._need(*wanted)
            value = float(text) if text[-1].isdigit() else parse_duration(text).total_seconds()
        else:
            value = float(self._need("number"))
        return _COMPARE[sign](column, value).fill_null(sign == "!=")

    def _day(self, text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.problems.append((self.tokens[self.at - 1].place, f"{text} is no day of the calendar."))
            return date.min

    def _text_condition(self, names: list[str], *, optional: bool) -> pl.Expr:
        listed = self.segments.schema[names[0]] == pl.List(pl.String)
        distinct = [self.segments[n].explode(empty_as_null=True) if listed else self.segments[n] for n in names]
        known = pl.concat([s.rename("value") for s in distinct]).drop_nulls().unique().sort().to_list()
        self.values = known
        sign = (self._take("=", "!=", "name") if optional else None) or self._need("=", "!=")
        if sign not in ("=", "!="):
            quoted = [sign]
        else:
            word = self._need("name", "any")
            quoted = self._names() if word == "any" else [word]
        self.values = None
        fitting: set[str] = set()
        for name in quoted:
            fits = name_pattern(name)
            found = {value for value in known if fits(value)}
            if not found and known:
                self._unknown(name, known, f"value of {names[0]}")
            fitting |= found
        wanted = sorted(fitting)
        one = [
            pl.col(n).list.eval(pl.element().is_in(wanted)).list.any() if listed else pl.col(n).is_in(wanted)
            for n in names
        ]
        either = pl.any_horizontal(e.fill_null(False) for e in one)
        return ~either if sign == "!=" else either
