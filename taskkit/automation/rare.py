"""Names of fields and steps that few people have or do are not said in what is shared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from taskkit.automation.quotes import without_quotes

FEW_FIELD, FEW_STEP = "a field of few people", "a step of few people"
ENDS = ("(start)", "(end)")
_PLAIN_QUOTES = {0x201C: '"', 0x201D: '"'}


def unquoted(value: str) -> str:
    """A value that is put between quotation marks, without such marks of its own: they would end the quote early.

    >>> unquoted("x” secret “y")
    'x" secret "y'
    """
    return value.translate(_PLAIN_QUOTES)


def rename(text: str, names: Mapping[str, str]) -> str:
    """The text with each name replaced by what it is to be called; of two names at one place the longer one counts.

    >>> rename("the value of a › Na or a › Name", {"a › Na": "a field of few people", "a › Name": "a › Name"})
    'the value of a field of few people or a › Name'
    """
    known = sorted((name for name in names if name), key=lambda name: (-len(name), name))
    if not known:
        return text
    found = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in known)
    return re.sub(found, lambda match: names[match[0]], text)


def hide_rare_sources(transfers: pl.DataFrame, *, min_people: int) -> pl.DataFrame:
    """The frame of `find_data_transfers` without the sources that fewer people had, and without the values it quotes."""
    sources, rules = [], []
    for own, people, rule in transfers.select("sources", "source_people", "rule").iter_rows():
        called = _called(own or [], people or [], FEW_FIELD, min_people)
        sources.append(list(dict.fromkeys(called.values())))
        rules.append(None if rule is None else without_quotes(rename(rule, called), set()))
    return transfers.with_columns(
        sources=pl.Series(sources, dtype=pl.List(pl.String)), rule=pl.Series(rules, dtype=pl.String)
    )


def hide_rare_names(decisions: pl.DataFrame, *, min_people: int) -> pl.DataFrame:
    """The frame of `find_decision_rules` without fields and steps of few people, and without the values it quotes."""
    rows = list(decisions.iter_rows(named=True))
    common = {name for row in rows for name in _common(row, min_people)}
    out = []
    for row in rows:
        ways = _called(row["branches"], row["people_of"], FEW_STEP, min_people) | {end: end for end in ENDS}
        fields = _called(row["fields"], row["source_people"], FEW_FIELD, min_people)
        texts = {
            name: row[name] and without_quotes(rename(row[name], fields | ways), common) for name in ("rule", "why")
        }
        out.append({"branches": [ways[way] for way in row["branches"]], "fields": list(fields.values()), **texts})
    schema = {name: decisions.schema[name] for name in ("branches", "fields", "rule", "why")}
    return decisions.with_columns(pl.DataFrame(out, schema=schema, orient="row"))


def _called(names: Sequence[str], people: Iterable[int | None], few: str, min_people: int) -> dict[str, str]:
    known = dict(zip(names, people, strict=False))
    return {name: name if (known.get(name) or 0) >= min_people else few for name in names}


def _common(row: Mapping[str, Any], min_people: int) -> list[str]:
    """Steps that enough people do, as far as the row tells."""
    both = [
        *zip(row["branches"], row["people_of"], strict=False),
        *zip(row["fields"], row["source_people"], strict=False),
    ]
    own = [name for name, people in both if (people or 0) >= min_people]
    return own + ([row["after"]] if row["after"] and row["people"] >= min_people else [])
