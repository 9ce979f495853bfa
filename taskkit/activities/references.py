"""Numbers of business objects in titles, addresses and names: found, offered with what speaks for them, stored as digests."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from taskkit.activities.rules import Rule
from taskkit.errors import SettingError
from taskkit.privacy import digest
from taskkit.schema import EVENTS, require_columns

FIELDS = ("window_title", "url", "element_name")
# letters in front, then digits that may be grouped: INV-104529, PO 4500012345, 2026/0017, V20331
_NUMBER = re.compile(r"(?<![\w/.,-])(?:([^\W\d_]{1,6})([-_/ #]?))?(\d{2,}(?:[-/.]\d+)*)(?![\w,]|\.\d| ?%)")
_PATH_NUMBER = re.compile(r"(?:(?<=/)([^\W\d_]{1,6})([-_]?)|/([\w.-]*[^\W\d_][\w.-]*)/|/)(\d{2,}(?:-\d+)*)(?=/|$|[?#])")
_DATE = re.compile(
    r"(19|20)\d\d([-/.]\d{1,2}){1,2}|\d{1,2}[-/.]\d{1,2}[-/.](19|20)?\d\d|(19|20)\d\d(0[1-9]|1[0-2])([0-3]\d)?"
)
_TIME = re.compile(r"\d{1,2}[.]\d\d")
_AMOUNT = re.compile(r"\d+[.]\d{1,2}")
SHORTEST = 4  # digits; what is shorter is a counter, a page or a cell
FEW_VALUES = 5  # a pattern with fewer values names no business object


def find_case_refs(events: pl.DataFrame, *, most: int = 20) -> pl.DataFrame:
    """Find patterns of document numbers in titles, addresses and names, and say what speaks for and against each.

    A pattern is the letters in front of a number and the lengths of its digits ("INV-" and six digits). Dates, years and
    counters are listed too, but not as references. Nothing is stored: choose, then `add_case_refs`.

    Parameters
    ----------
    events : events frame of `name_activities`.
    most : largest number of patterns.

    Returns
    -------
    One row per field and pattern, likely references with most time first: `field`, `pattern` (regular expression; its
    first group is the reference), `kind` (reference, date, counter), `values` (distinct), `collisions` (values of which
    the digits also turn up behind other letters: one number, two things), `active_hours` and `share` of the
    active time in rows that show exactly one such value, `several` (rows that show more than one: lists), `people`,
    `example` (P2).

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"timestamp": [1.8e9 + n for n in range(6)],
    ...                                   "window_title": [f"Invoice INV-10450{n} - ERP" for n in range(6)]}))
    >>> tk.find_case_refs(tk.name_activities(log)).select("pattern", "kind", "values").row(0)
    ('\\\\b(INV\\\\-\\\\d{6})\\\\b', 'reference', 6)
    """
    require_columns(events, "active_seconds", made_by="name_activities")
    rows = events.filter(~pl.col("dropped").is_in(["presence", "excluded", "rule"]).fill_null(False))
    whole = max(float(rows["active_seconds"].sum()), 1e-12)
    found, seen = [], []
    for name in [name for name in FIELDS if name in rows.columns]:
        named = (
            rows.filter(pl.col("element_role").ne_missing("cell"))
            if name == "element_name" and "element_role" in rows.columns
            else rows
        )
        texts = named[name].drop_nulls().unique().sort()  # what a cell is called says where it is
        patterns = _patterns(texts.to_list(), name)
        for pattern, (values, of_text) in sorted(patterns.items()):
            table = pl.DataFrame({name: list(of_text), "_shown": [len(v) for v in of_text.values()]},
                                 schema={name: pl.String, "_shown": pl.UInt32})  # fmt: skip
            shown = rows.select(name, "user", "active_seconds").join(table, on=name)
            one = shown.filter(pl.col("_shown") == 1)
            seen.append((pattern.letters, {re.sub(r"\D", "", value) for value in values}))
            found.append((
                name, _expression(pattern, values, name), _kind(pattern, values), len(values), len(seen) - 1,
                float(one["active_seconds"].sum()) / 3600, shown.height - one.height, shown["user"].n_unique(), min(values),
            ))  # fmt: skip
    collisions = [
        len(
            digits
            & set().union(*(other for letters_2, other in seen if letters_2 != letters and letters_2 and letters))
        )
        for letters, digits in seen
    ]
    schema = {"field": pl.String, "pattern": pl.String, "kind": pl.String, "values": pl.UInt32, "collisions": pl.UInt32,
              "active_hours": pl.Float64, "several": pl.UInt32, "people": pl.UInt32, "example": pl.String}  # fmt: skip
    listed = [(*row[:4], collisions[row[4]], *row[5:]) for row in found]
    table = pl.DataFrame(listed, schema=schema, orient="row")
    order = pl.col("kind").replace_strict(["reference", "date", "counter"], [0, 1, 2], return_dtype=pl.Int8)
    table = table.sort(order, -pl.col("active_hours"), "field", "pattern").head(most)
    share = (pl.col("active_hours") * 3600 / whole).alias("share")
    return table.select(
        "field", "pattern", "kind", "values", "collisions", "active_hours", share, "several", "people", "example"
    )


def add_case_refs(
    events: pl.DataFrame, *, patterns: Sequence[str], key: bytes | None = None, keep: bool = False
) -> pl.DataFrame:
    """Fill `case_ref` where it is empty with the one number that a row shows; stored as a keyed digest.

    Parameters
    ----------
    events : events frame.
    patterns : regular expressions in order, as `find_case_refs` lists them; the first group (or the whole match) is the
        reference. A row that shows two different values of a pattern shows a list, and gets none.
    key : the engagement's key (`taskkit.privacy.read_key`); `attribute_cases` takes the same one.
    keep : store the numbers themselves, where the engagement's privacy profile allows it.

    Returns
    -------
    The same rows with `case_ref`.

    Raises
    ------
    SettingError : neither a key nor keep=True is given, or a pattern cannot be read.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"timestamp": [1.8e9], "window_title": ["Invoice INV-104500 - ERP"]}))
    >>> tk.add_case_refs(log, patterns=[r"(INV-\\d{6})"], keep=True)["case_ref"].to_list()
    ['INV-104500']
    """
    if isinstance(patterns, str) or not all(isinstance(pattern, str) for pattern in patterns):
        raise SettingError(
            "patterns= takes a list of regular expressions, such as find_case_refs(events)['pattern'].head(1).to_list()."
        )
    if key is None and not keep:
        raise SettingError(
            "Case references are stored as digests: give key=…, or keep=True to store the numbers themselves."
        )
    have = [name for name in FIELDS if name in events.columns]
    given = pl.col("case_ref") if "case_ref" in events.columns else pl.lit(None, dtype=pl.String)
    columns = {
        f"_{place}{name}": _shown(events, name, pattern) for place, pattern in enumerate(patterns) for name in have
    }
    found = events.with_columns(**columns).with_columns(case_ref=pl.coalesce(given, *columns))["case_ref"]
    if not keep and key is not None:
        own = events["case_ref"] if "case_ref" in events.columns else pl.Series([None] * events.height, dtype=pl.String)
        new = found.filter(own.is_null()).unique().drop_nulls()
        hidden = found.replace(new, pl.Series([digest(text.lower(), key=key) for text in new], dtype=pl.String))
        found = own.zip_with(own.is_not_null(), hidden)
    known = [name for name in EVENTS.schema if name in events.columns or name == "case_ref"]
    return events.with_columns(found.alias("case_ref")).select(
        *known, *[n for n in events.columns if n not in EVENTS.schema]
    )


def suggest_reference_rule(found: Mapping[str, Any]) -> Rule:
    """Make a rule of a row of `find_case_refs`; of several values in one text it takes the first, and keeps it as it is.

    >>> suggest_reference_rule({"field": "url", "pattern": "/orders/([0-9]{7})"})
    Rule(app=None, title=None, url='/orders/(?<ref>[0-9]{7})', ..., case_ref='{ref}', ...)
    """
    field = {"window_title": "title", "url": "url", "element_name": "element"}[found["field"]]
    # the first group is the reference; what stands before it holds no bracket of its own but escaped ones
    pattern = re.sub(r"(?<!\\)\((?!\?)", "(?<ref>", found["pattern"], count=1)
    looks: dict[str, Any] = {field: pattern}
    return Rule(**looks, case_ref="{ref}")


def _shown(events: pl.DataFrame, name: str, pattern: str) -> pl.Series:
    """The one value that each row shows of a pattern; looked for once in each distinct text."""
    texts = events[name].unique().drop_nulls()
    try:
        group = texts.str.extract_groups(pattern).struct.fields
        every = texts.str.extract_all(pattern)
    except pl.exceptions.PolarsError as error:
        raise SettingError(f"The pattern {pattern!r} cannot be read: {' '.join(str(error).split())[:200]}") from None
    if group:
        every = every.list.eval(pl.element().str.extract(pattern, 1))
    one = pl.DataFrame({"text": texts, "found": every}).select(
        "text", found=pl.when(pl.col("found").list.n_unique() == 1).then(pl.col("found").list.first())
    )
    return events.select(text=name).join(one, on="text", how="left", maintain_order="left")["found"]


class _Pattern(NamedTuple):
    """What stands before the digits of a pattern, and whether it holds dates."""

    folder: str  # of an address: the part before a bare number says what it is a number of
    letters: str
    mark: str
    date: bool
    digits: int  # of a bare number: 4 and 10 digits are two things; 0 with letters


def _patterns(texts: Sequence[str], field: str) -> dict[_Pattern, tuple[set[str], dict[str, set[str]]]]:
    """Pattern → its values, and the values each text shows."""
    values: dict[_Pattern, set[str]] = defaultdict(set)
    of_text: dict[_Pattern, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    expression = _PATH_NUMBER if field == "url" else _NUMBER
    for text in texts:
        for match in expression.finditer(text):
            letters, mark, digits = match[1] or "", match[2] or "", match[match.re.groups]
            # a common word before a number is no part of it: "page 12"; a code is written together or in capitals
            if mark == " " and not letters.isupper():
                letters, mark = "", ""
            value = f"{letters}{mark}{digits}"
            folder = (match[3] or "") if field == "url" else ""
            length = 0 if letters else len(re.sub(r"\D", "", digits))
            pattern = _Pattern(folder, letters, mark, bool(_DATE.fullmatch(value) or _TIME.fullmatch(value)), length)
            values[pattern].add(value)
            of_text[pattern][text].add(value)
    return {pattern: (values[pattern], of_text[pattern]) for pattern in values if len(values[pattern]) >= FEW_VALUES}


def _kind(pattern: _Pattern, values: set[str]) -> str:
    if pattern.date:
        return "date"
    short = sum(len(re.sub(r"\D", "", value)) < SHORTEST or bool(_AMOUNT.fullmatch(value)) for value in values)
    return "counter" if short > 0.5 * len(values) else "reference"


def _expression(pattern: _Pattern, values: set[str], field: str) -> str:
    """The regular expression of a pattern: what stands before it, and as many digits as were seen."""
    shapes = {
        re.sub(r"\d+", lambda run: f"<{len(run[0])}>", value[len(pattern.letters + pattern.mark) :]) for value in values
    }
    forms: dict[str, set[int]] = defaultdict(set)
    for shape in shapes:
        forms[re.sub(r"<\d+>", "<>", shape)].update(int(n) for n in re.findall(r"<(\d+)>", shape))
    bodies = []
    for form in sorted(forms):
        low, high = min(forms[form]), max(forms[form])
        digits = rf"\d{{{low}}}" if low == high else rf"\d{{{low},{high}}}"
        bodies.append(re.escape(form).replace("<>", digits))
    body = bodies[0] if len(bodies) == 1 else f"(?:{'|'.join(bodies)})"
    folder = f"/{re.escape(pattern.folder)}/" if pattern.folder else "/"
    # a number without letters must not be found inside one that has some
    head, tail = (r"\b" if pattern.letters else r"(?:^|[^\w/.,-])"), r"\b"
    if field == "url":
        head, tail = folder, r"(?:/|$|[?#])"
    return f"{head}({re.escape(pattern.letters + pattern.mark)}{body}){tail}"
