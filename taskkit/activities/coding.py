"""Rows as numbers: what was used is looked at and named once for each distinct text, whatever the number of events."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.activities.ladder import DROPPED, EXCLUDED
from taskkit.activities.naming import ACTS, THINGS, TITLES, learn_objects, learn_screens, name_combinations
from taskkit.activities.rules import Rule, apply_rules
from taskkit.activities.templates import plain_texts
from taskkit.schema import EVENTS

SESSION = ("user", "session_id")
_MIX = pl.lit(0x9E3779B97F4A7C15, dtype=pl.UInt64)
_Array = Any  # numpy array


class Coded(NamedTuple):
    """A log as numbers, and what the numbers mean."""

    rows: pl.DataFrame  # one row per event in the order of (session, seq): what `climb` asks for, seq, code and shown
    names: pl.DataFrame  # one row per code: the columns of `name_combinations`
    sessions: pl.DataFrame  # one row per session: user and session_id
    activities: pl.Series  # the text of each activity
    shown: pl.DataFrame  # one row per distinct thing that rules look at: what they say of it


class _Distinct(NamedTuple):
    numbers: _Array  # of every row
    table: pl.DataFrame  # one row per number: the columns, and `rows`, how often it occurs


def code_rows(events: pl.LazyFrame, rules: Sequence[Rule]) -> Coded:
    """Turn a log into numbers, with names for what is distinct in it.

    Titles, things and acts are numbered each for themselves, because titles and things with a number in them are as many
    as there are records; without their numbers and with slots only a few combinations remain.

    Parameters
    ----------
    events : lazy events frame, rows in any order.
    rules : what people say about names.

    Returns
    -------
    The coded log, the same whatever the order of the rows.
    """
    have = events.collect_schema().names()
    excluded = pl.col("redactions").list.contains(EXCLUDED) if "redactions" in have else pl.lit(False)
    groups = {"session": SESSION, "title": TITLES, "thing": THINGS, "act": ACTS}
    rows = events.select(
        "seq", at=pl.col("timestamp").dt.timestamp("us"), excluded=excluded.fill_null(False),
        alive=pl.col("event_type") == "alive",
        **{key: _digest([name for name in names if name in have]) for key, names in groups.items()},
    ).collect(engine="streaming")  # fmt: skip
    found = _number(rows, events, groups, have)
    rows, sessions = _in_order(rows.select("seq", "at", "excluded", "alive"), found)
    titles, things, acts = (_Distinct(rows[key].to_numpy(), found[key].table) for key in ("title", "thing", "act"))
    screens, objects = _learn(titles, things)
    shown = _said(titles, things, rules)
    # what is shown, touched and done, each as a small number: only a few combinations are left
    kinds = pl.concat([shown.table.drop("rule_case_ref"), screens[shown.table["title"]]], how="horizontal").drop(
        "title"
    )
    kind, thing = _dense(kinds, shown.numbers), _dense(objects, things.numbers)
    act = _Distinct(acts.numbers, acts.table)
    packed = (kind.numbers.astype(np.uint64) * np.uint64(thing.table.height) + thing.numbers) * np.uint64(
        acts.table.height
    )
    code, first = _numbered(packed + act.numbers)[:2]
    parts = (part.table.drop("rows", strict=False)[part.numbers[first]] for part in (kind, thing, act))
    names = name_combinations(pl.concat(parts, how="horizontal"))
    windows = titles.table.select(
        pl.struct(pl.col("app").fill_null(""), pl.col("window_title").fill_null("")).rank("dense")
    )
    numbers = names.select(
        "strength", "focus", name=(pl.col("activity").rank("dense") - 1).cast(pl.Int32),
        place=pl.col("place").rank("dense").cast(pl.Int32), dropped=pl.col("dropped").cast(DROPPED),
    )[code]  # fmt: skip
    rows = rows.select("session", "seq", "at", "alive", "excluded").with_columns(
        *numbers, pl.Series("code", code), pl.Series("shown", shown.numbers),
        windows.to_series().cast(pl.Int32).gather(titles.numbers).alias("window"),
    )  # fmt: skip
    dropped = pl.when("excluded").then(pl.lit(EXCLUDED, dtype=DROPPED)).otherwise("dropped")
    return Coded(
        rows.with_columns(dropped=dropped).drop("excluded"),
        names,
        sessions,
        names["activity"].unique().sort(),
        shown.table,
    )


def _digest(names: Sequence[str]) -> pl.Expr:
    """One number for a combination of texts: far faster to compare than the texts themselves."""
    mixed = pl.col(names[0]).hash() if names else pl.lit(0, dtype=pl.UInt64)
    for name in names[1:]:
        mixed = mixed * _MIX ^ pl.col(name).hash()
    return mixed


def _number(
    rows: pl.DataFrame, events: pl.LazyFrame, groups: dict[str, tuple[str, ...]], have: Sequence[str]
) -> dict[str, _Distinct]:
    """Number each group of columns, and fetch the distinct combinations behind the numbers."""
    with ThreadPoolExecutor(2) as pool:
        numbered = dict(zip(groups, pool.map(_numbered, [rows[key].to_numpy() for key in groups]), strict=True))
    # one more look at the files, for the rows in which something was seen for the first time
    firsts = np.unique(np.concatenate([first for _, first, _ in numbered.values()]))
    columns = [name for names in groups.values() for name in names if name in have]
    wanted = pl.col("_row").is_in(pl.Series(firsts, dtype=pl.get_index_type()).implode())
    picked = (
        events.select(sorted({*columns})).with_row_index("_row").filter(wanted).collect(engine="streaming").sort("_row")
    )
    out = {}
    for key, (numbers, first, count) in numbered.items():
        missing = [pl.lit(None, dtype=EVENTS[name].dtype).alias(name) for name in groups[key] if name not in have]
        places: _Array = np.searchsorted(firsts, first)
        table = picked[places].with_columns(missing).select(groups[key])
        out[key] = _Distinct(numbers, table.with_columns(pl.Series("rows", count, dtype=pl.Int64)))
    return out


def _numbered(keys: _Array) -> tuple[_Array, _Array, _Array]:
    from taskkit.activities.kernels import number_keys

    return number_keys(keys)  # type: ignore[no-any-return]


def _in_order(rows: pl.DataFrame, found: dict[str, _Distinct]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with their numbers, by session and seq, and the sessions; logs that taskkit wrote are sorted already."""
    place = found["session"].table.select(pl.struct(SESSION).rank("ordinal").cast(pl.UInt32) - 1).to_series()
    rows = rows.with_columns(pl.Series(key, part.numbers) for key, part in found.items())
    rows = rows.with_columns(session=place.gather(rows["session"]))
    session, seq = pl.col("session"), pl.col("seq")
    same, later = session == session.shift(1), session > session.shift(1)
    ordered = rows.select((later | (same & (seq >= seq.shift(1)))).fill_null(True).all()).item()
    sessions = found["session"].table.select(SESSION).sort(SESSION)
    return (rows if ordered else rows.sort("session", "seq", maintain_order=True)), sessions


def _learn(titles: _Distinct, things: _Distinct) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Template of every title and object of every thing, learnt from what was touched while a title was shown."""
    site = pl.col("url").str.extract(r"^(\w+://[^/]+)").fill_null("")
    shown = titles.table.select("app", site=site, text=_plain(titles.table, "window_title", "url"))
    named = things.table.select("app", text=_plain(things.table, "element_name", "element_id"))
    title, thing = _dense(shown.select("app", "text"), titles.numbers), _dense(named, things.numbers)
    _, first, count = _numbered(title.numbers.astype(np.uint64) * np.uint64(thing.table.height) + thing.numbers)
    seen = pl.DataFrame({"title": title.numbers[first], "thing": thing.numbers[first], "rows": count})
    objects = learn_objects(thing.table)
    sites = shown.group_by("app", "text").agg(pl.col("site").min())
    kinds = title.table.join(sites, on=["app", "text"], how="left", nulls_equal=True, maintain_order="left")
    screens = learn_screens(kinds, objects, seen)
    of_title = shown.select("app", "text").join(
        title.table.with_columns(template=screens),
        on=["app", "text"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    of_thing = named.join(
        thing.table.with_columns(object=objects),
        on=["app", "text"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    return of_title.select("app", "template"), of_thing.select("object")


def _plain(table: pl.DataFrame, name: str, instead: str) -> pl.Series:
    """Plain texts of a column, of another one where it is empty."""
    filled = pl.when(pl.col(name).str.contains(r"\S")).then(name)
    return plain_texts(table.select(pl.coalesce(filled, instead)).to_series())


def _said(titles: _Distinct, things: _Distinct, rules: Sequence[Rule]) -> _Distinct:
    """What the rules say of each distinct title, or of each pair of title and thing if a rule looks at elements."""
    if any(rule.element for rule in rules):
        pairs, first, _ = _numbered(titles.numbers.astype(np.uint64) * np.uint64(things.table.height) + things.numbers)
        title = titles.numbers[first]
        looked = pl.concat(
            [titles.table[title].drop("rows"), things.table[things.numbers[first]].drop("app", "rows")],
            how="horizontal",
        )
    else:
        pairs, title = titles.numbers, np.arange(titles.table.height)
        looked = titles.table.with_columns(
            element_name=pl.lit(None, dtype=pl.String), element_id=pl.lit(None, dtype=pl.String)
        )
    said = apply_rules(looked, rules).select(pl.col(name).alias(f"rule_{name}") for name in (
        "app_role", "screen", "activity", "case_ref", "drop"))  # fmt: skip
    return _Distinct(pairs, said.with_columns(pl.Series("title", title, dtype=pl.UInt32)))


def _dense(table: pl.DataFrame, numbers: _Array) -> _Distinct:
    """The numbers of rows in a table in which equal rows are one."""
    distinct = table.unique(maintain_order=True)
    place = distinct.with_columns(_number=pl.int_range(pl.len(), dtype=pl.UInt32))
    which = table.join(place, on=table.columns, how="left", nulls_equal=True, maintain_order="left")["_number"]
    return _Distinct(which.to_numpy()[numbers], distinct)
