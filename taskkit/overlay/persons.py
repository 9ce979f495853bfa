"""Which columns of a process log name persons: no rule, picture or file may tell what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from taskkit.schema import PROCESS

_WHO = (
    "person|people|user|employee|resource|worker|agent|clerk|operator|staff|approver|owner|requester|requestor|author|"
    "assignee|creator|reviewer|login|uname|ernam|aenam|usnam|"  # the last three: what SAP calls who created and changed
    "benutzer|anwender|bearbeiter|sachbearbeiter|mitarbeiter|ersteller|erfasser|freigeber|genehmiger"
)
_PERSON = re.compile(rf"({_WHO})(s|in|id|ids|key|code|no|nr|number|nummer|name)?")
# a name or an address is a person's unless a word before it says whose it is
_NAME = re.compile(r"(first|last|full|sur|display)?names?|e?mails?|mailaddress")
_BY = re.compile(r"(creat|chang|post|enter|approv|releas|updat|modifi|assign|handl|request)edby")
_THING = re.compile(
    "vendor|supplier|customer|client|company|debtor|creditor|bank|product|item|material|article|file|document|project|plant|"
    "country|city|region|department|unit|process|activity|event|case|task|step|system|application|app|table|field|"
    "lieferant|kunde|firma"
)


def names_persons(process: pl.DataFrame, *, users: Iterable[str] | pl.Series | None = None) -> set[str]:
    """Tell which columns of a process log name persons, besides `resource`.

    A column does if its name says so ("approver", "created_by", "UserName"; a vendor's, customer's or product's name is
    no person), or if it is a text, or a list of texts, of which at least one is also a resource or a user. Yes and no,
    times and fractions name nobody. Columns of the process contract are not told.

    Parameters
    ----------
    process : one row per process event.
    users : the events' users, whose pseudonyms may stand in the process log too.

    Returns
    -------
    The names of the columns.

    >>> process = pl.DataFrame({"case_id": "c", "resource": "jdoe", "vendor_name": "Nordwind", "approver": "Jane Doe",
    ...                         "seen": "JDoe"})
    >>> sorted(names_persons(process))
    ['approver', 'seen']
    """
    known = set(_plain(users if isinstance(users, pl.Series) else pl.Series(list(users or []), dtype=pl.String)))
    if "resource" in process.columns:
        known |= set(_plain(process["resource"]))
    found = set()
    for name, dtype in process.schema.items():
        kind = dtype.inner if isinstance(dtype, (pl.List, pl.Array)) else dtype
        if name in PROCESS.schema or kind == pl.Boolean or kind.is_temporal() or kind.is_float():
            continue
        text = kind in (pl.String, pl.Categorical, pl.Enum)
        if _says_person(name) or (text and not known.isdisjoint(_plain(process[name]))):
            found.add(name)
    return found


def _says_person(name: str) -> bool:
    """Whether a column's name says that it names persons; words count, not what stands inside a word."""
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])", " ", name))
    words = [word.casefold() for word in words]
    for place, word in enumerate(words):
        if _PERSON.fullmatch(word) or _BY.fullmatch(word) or (word == "by" and place):
            return True
        if _NAME.fullmatch(word) and not any(map(_THING.fullmatch, words[:place])):
            return True
    return False


def _plain(column: pl.Series) -> pl.Series:
    """The distinct texts of a column, or of its lists, in small letters and without outer spaces."""
    while column.dtype.is_nested():
        column = column.explode(empty_as_null=True)
    texts = column.drop_nulls().unique().cast(pl.String).str.strip_chars().str.to_lowercase()
    return texts.filter(texts != "")
