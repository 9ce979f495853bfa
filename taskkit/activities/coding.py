"""Rows as numbers: what was used is looked at and named once for each distinct text, whatever the number of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.activities.ladder import EXCLUDED, Rows
from taskkit.activities.learnt import Learnt
from taskkit.activities.naming import ACTS, THINGS, TITLES, learn_objects, learn_screens, name_combinations, name_texts
from taskkit.activities.numbers import Numbers, digest, number
from taskkit.activities.rules import Rule, apply_rules
from taskkit.activities.templates import Templates, count_forms, plain_texts
from taskkit.errors import SettingError
from taskkit.schema import EVENTS

SESSION = ("user", "session_id")
_GROUPS = {"session": SESSION, "title": TITLES, "thing": THINGS, "act": ACTS}
SAID = ("app_role", "screen", "activity", "case_ref", "drop")  # by rules
_Array = Any  # numpy array
_ROOM = 1 << 24  # combinations for which a table of all is small


class Coded(NamedTuple):
    """A log as numbers, and what the numbers mean."""

    rows: Rows
    names: pl.DataFrame  # one row per code: `name_combinations`, and what `climb` asks for
    windows: pl.Series  # number of the window of each title
    activities: pl.Series  # the text of each activity
    sessions: pl.DataFrame  # one row per session: user and session_id
    shown: pl.DataFrame  # one row per distinct thing that rules look at: what they say of it
    learnt: Learnt  # what the names rest on
    order: slice | _Array  # where the rows stood
    twice: bool  # two rows have one key


class _Distinct(NamedTuple):
    numbers: _Array  # of every row
    table: pl.DataFrame  # one row per number


def code_rows(parts: Sequence[pl.LazyFrame], rules: Sequence[Rule], learnt: Learnt | None = None) -> Coded:
    """Turn a log into numbers, with names for what is distinct in it.

    Titles, things and acts are numbered each for themselves, because titles and things with a number in them are as many
    as there are records; without their numbers and with slots only a few combinations remain.

    Parameters
    ----------
    parts : lazy events frames that are one log together, rows in any order; only one at a time is in memory as text.
    rules : what people say about names.
    learnt : what the names rest on, where it was learnt from other parts; learnt from these by default.

    Returns
    -------
    The coded log, the same whatever the order of the rows.
    """
    if isinstance(rules, (str, Path, Rule)):
        raise SettingError(f"rules={rules!r}: give a list of rules, such as read_rules('rules.toml').")
    seq, at, lasts, excluded, found = _read(parts)
    order, own, sessions = _order(seq, found.pop("session"))
    seq, at, lasts, excluded = (column[order] for column in (seq, at, lasts, excluded))
    for column in (seq, at, lasts, excluded):
        column.flags.writeable = False  # loops are compiled for such columns once, whatever the order was
    titles, things, acts = (_Distinct(part.numbers[order], part.table) for part in found.values())
    texts = _text_of(titles.table, "window_title", "url"), _text_of(things.table, "element_name", "element_id")
    counted = (count_forms(texts[0]), count_forms(texts[1])) if learnt is None else learnt.counted
    shown, kinds = _shown(titles, things, rules, plain_texts(texts[0], counted=counted[0]), sites=learnt is None)
    # what is shown, touched and done without its numbers: only a few combinations are left
    kind = _dense(kinds)
    thing = _dense(things.table.select("app", text=plain_texts(texts[1], counted=counted[1])))
    code, first = _number_together(
        kind.numbers, shown.numbers, thing.numbers, things.numbers, acts.numbers, thing.table.height, acts.table.height
    )
    combinations = pl.DataFrame({
        "kind": kind.numbers[shown.numbers[first]], "thing": thing.numbers[things.numbers[first]],
        "act": acts.numbers[first],
    })  # fmt: skip
    if learnt is None:
        combinations = combinations.with_columns(rows=np.bincount(code, minlength=len(first)))
    names, templates = _name(combinations, kind.table, thing.table, acts.table, learnt)
    rows = Rows(own, seq, at, lasts, excluded, code, titles.numbers, shown.numbers)
    rank = pl.col("place").rank("dense").cast(pl.Int32)
    return Coded(
        rows, names.with_columns(name=pl.col("activity").rank("dense").cast(pl.Int32) - 1, place=rank),
        pl.Series(number(titles.table.select(digest(("app", "window_title"))).to_series())[0]), names["activity"].unique().sort(),
        sessions, shown.table, learnt or Learnt(*templates, counted),
        order, bool(((own[1:] == own[:-1]) & (seq[1:] == seq[:-1])).any()),
    )  # fmt: skip


def _complete(part: pl.LazyFrame) -> pl.LazyFrame:
    """A part with all the columns that are looked at."""
    have = part.collect_schema().names()
    wanted = ("seq", "timestamp", "duration_ms", "redactions", *[name for names in _GROUPS.values() for name in names])
    return part.select(
        pl.col(name) if name in have else pl.lit(None, dtype=EVENTS[name].dtype).alias(name)
        for name in dict.fromkeys(wanted)
    )


def _read(parts: Sequence[pl.LazyFrame]) -> tuple[_Array, _Array, _Array, _Array, dict[str, _Distinct]]:
    """Sequence, time, length and exclusion of every row, and its numbers with the distinct combinations behind them."""
    whole = sum(part.select(pl.len()).collect().item() for part in parts)
    columns: dict[str, list[pl.Series]] = {name: [] for name in ("seq", "at", "lasts", "excluded")}
    groups = {key: Numbers(whole) for key in _GROUPS}
    texts: dict[str, list[pl.DataFrame]] = {key: [] for key in _GROUPS}
    offset = 0
    with ThreadPoolExecutor(2) as pool:
        each = pool.map if pl.thread_pool_size() > 1 else map
        for part in parts:
            held = _complete(part).collect().rechunk()  # rows are picked far faster from one piece than from one a file
            read = held.lazy().select(  # lazily: a column that is in two groups is hashed once
                "seq", at=pl.col("timestamp").dt.timestamp("us"), lasts=pl.col("duration_ms").fill_null(0),
                excluded=pl.col("redactions").list.contains(EXCLUDED).fill_null(False),
                **{key: digest(names) for key, names in _GROUPS.items()},
            ).collect()  # fmt: skip
            list(each(Numbers.add, groups.values(), [read[key] for key in groups], [offset] * len(groups)))
            for name, pieces in columns.items():
                pieces.append(read[name])
            for key, group in groups.items():
                texts[key].append(held.select(_GROUPS[key])[group.first[group.before :] - offset])
            offset += read.height
    # a column at a time: of none but one are pieces and whole in memory at once
    seq, at, lasts, excluded = (pl.concat(columns.pop(name), rechunk=True).to_numpy() for name in [*columns])
    found = {key: _Distinct(group.numbers, pl.concat(texts[key])) for key, group in groups.items()}
    return seq, at, lasts, excluded, found


def _number_together(
    look_a: _Array, a: _Array, look_b: _Array, b: _Array, c: _Array, many_b: int, many_c: int
) -> tuple[_Array, _Array]:
    """The same for what two columns stand for in their tables and a third."""
    from taskkit.activities.kernels import number_triples, pack

    room = (int(look_a.max(initial=0)) + 1) * many_b * many_c
    if room <= _ROOM:
        numbers: _Array = np.empty(len(a), np.uint32)
        return numbers, number_triples(look_a, a, look_b, b, c, many_b, many_c, np.full(room, -1, np.int32), numbers)
    packed = np.empty(len(a), np.uint64)
    pack(look_a, a, look_b, b, c, many_b, many_c, packed)
    return number(pl.Series(packed))


def _order(seq: _Array, session: _Distinct) -> tuple[slice | _Array, _Array, pl.DataFrame]:
    """The order of rows by session and seq, their sessions' numbers in it, and the sessions in the order of their keys."""
    from taskkit.activities.kernels import rises

    place = session.table.select(pl.struct(SESSION).rank("ordinal").cast(pl.UInt32) - 1).to_series().to_numpy()
    own = place[session.numbers]
    # logs that taskkit wrote are sorted already, file by file
    order = slice(None) if rises(own, seq) else np.lexsort((seq, own))
    return order, own[order], session.table.sort(SESSION)


def _shown(
    titles: _Distinct, things: _Distinct, rules: Sequence[Rule], texts: pl.Series, *, sites: bool
) -> tuple[_Distinct, pl.DataFrame]:
    """What rules look at: each distinct title, or each pair of title and thing if a rule looks at elements.

    Returns the numbers and what the rules say, and for each its application, plain text, site (where it is asked for: only
    learning looks at it) and what makes it another name.
    """
    if any(rule.element for rule in rules):
        one, other = (np.arange(part.table.height, dtype=np.uint32) for part in (titles, things))
        zero = np.zeros(len(titles.numbers), np.uint32)
        numbers, first = _number_together(one, titles.numbers, other, things.numbers, zero, len(other), 1)
        title = titles.numbers[first]
        touched = things.table[things.numbers[first]].drop("app")
        looked = pl.concat([titles.table[title], touched], how="horizontal")
    else:
        numbers, title = titles.numbers, np.arange(titles.table.height)
        looked = titles.table.with_columns(element_name=pl.lit(None, pl.String), element_id=pl.lit(None, pl.String))
    said = apply_rules(looked, rules).select(pl.col(name).alias(f"rule_{name}") for name in SAID)
    plain = titles.table.select("app", text=texts)
    if sites:
        plain = plain.with_columns(site=_sites(plain, titles.table["url"]))
    kinds = pl.concat([plain[title], said.drop("rule_case_ref")], how="horizontal")
    return _Distinct(numbers, said), kinds


def _sites(plain: pl.DataFrame, urls: pl.Series) -> pl.Series:
    """The site of each title; of several addresses of one title the first in the alphabet says it."""
    same = _dense(plain)
    least = pl.DataFrame({"same": same.numbers, "url": urls}).group_by("same").agg(pl.col("url").min()).sort("same")
    return least["url"].str.extract(r"^(\w+://[^/]+)").fill_null("").gather(same.numbers)


def _name(
    combinations: pl.DataFrame, kinds: pl.DataFrame, things: pl.DataFrame, acts: pl.DataFrame, learnt: Learnt | None
) -> tuple[pl.DataFrame, tuple[Mapping[str | None, Templates], Mapping[str | None, Templates]]]:
    """Names of the combinations: objects, then screens by what was touched on them, then activities; and the templates."""
    of_objects = learn_objects(things) if learnt is None else learnt.objects
    objects = name_texts(things, of_objects)
    if learnt is None:
        title = _dense(kinds.select("app", "text", "site"))
        seen = combinations.select(
            title=pl.Series(title.numbers).gather(combinations["kind"]), thing="thing", rows="rows"
        )
        of_screens = learn_screens(title.table, objects, seen.group_by("title", "thing").agg(pl.col("rows").sum()))
    else:
        of_screens = dict(learnt.screens)
    kinds = kinds.drop("text", "site", strict=False).with_columns(template=name_texts(kinds, of_screens))
    parts = [kinds[combinations["kind"]], acts[combinations["act"]]]
    table = [*parts, pl.DataFrame({"object": objects.gather(combinations["thing"])})]
    return name_combinations(pl.concat(table, how="horizontal")), (of_objects, of_screens)


def _text_of(table: pl.DataFrame, name: str, instead: str) -> pl.Series:
    """The texts of a column, of another one where it is empty."""
    filled = pl.when(pl.col(name).str.contains(r"\S")).then(name)
    return table.select(pl.coalesce(filled, instead)).to_series()


def _dense(table: pl.DataFrame) -> _Distinct:
    """A table in which equal rows are one, and the number of each row in it."""
    numbers, first = number(table.select(digest(table.columns)).to_series())
    return _Distinct(numbers, table[first])
