"""Which time has no name yet, and what a rule would catch: what the rule workbench rests on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from taskkit.activities.rules import SAYS, Rule, apply_rules, check_rules
from taskkit.activities.suggestions import divide, escaped, pattern_of
from taskkit.errors import SettingError
from taskkit.schema import EVENTS, require_columns

UNNAMED = "unnamed"
NAMED_ENOUGH = 0.9  # of the active time: what is left is too thin to be worth a rule
_COMBINATION = ("app", "window_title", "url", "element_name", "element_id")
_TITLES = pl.coalesce("window_title", "url").drop_nulls().n_unique()


def measure_naming(events: pl.DataFrame) -> pl.DataFrame:
    """Measure how much of the active time has a name, and who gave it.

    Parameters
    ----------
    events : events frame of `name_activities`.

    Returns
    -------
    One row each for rule, template, title and unnamed: `named_by`, `active_hours`, `share` (of the active time that is
    neither excluded nor left out by a rule), `screens` (distinct) and `people`.

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"timestamp": [1.8e9 + n * 9 for n in range(8)],
    ...                                   "window_title": ["Inbox", "Note"] * 4}))
    >>> tk.measure_naming(tk.name_activities(log)).select("named_by", "share").rows()
    [('rule', 0.0), ('template', 0.0), ('title', 1.0), ('unnamed', 0.0)]
    """
    require_columns(events, "named_by", "active_seconds", made_by="name_activities")
    found = _working(events).group_by(named_by=pl.col("named_by").fill_null(UNNAMED)).agg(
        active_hours=pl.col("active_seconds").sum() / 3600, screens=pl.col("screen").drop_nulls().n_unique(),
        people=pl.col("user").n_unique(),
    )  # fmt: skip
    every = pl.DataFrame({"named_by": ["rule", "template", "title", UNNAMED]})
    table = every.join(found, on="named_by", how="left", maintain_order="left").with_columns(
        pl.col("active_hours").fill_null(0.0), pl.col("screens", "people").fill_null(0)
    )
    whole = max(float(table["active_hours"].sum()), 1e-12)
    return table.select(
        "named_by", "active_hours", (pl.col("active_hours") / whole).alias("share"), "screens", "people"
    )


def list_unnamed(events: pl.DataFrame, *, most: int = 20) -> pl.DataFrame:
    """List the time that has no name yet, the largest chunk first, each with a rule that would name it.

    A chunk holds the titles (or addresses) of one application that share a part; each title is in the chunk that takes
    most time. Time in which only the application is known is one chunk for each application.

    Parameters
    ----------
    events : events frame of `name_activities`.
    most : largest number of chunks.

    Returns
    -------
    One row per chunk: `app`, `example` (a title or address; null where there is none), `titles` (distinct), `active_hours`,
    `share` (of the active time), `people`, and what a rule could say: `title` or `url` (pattern; null where not needed)
    and `screen` (the application where nothing else is known). `suggest_rule` makes a rule of a row.

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"timestamp": [1.8e9 + n * 9 for n in range(3)], "app": ["crm"] * 3,
    ...                                   "window_title": ["Ada - Customer", "Bob - Customer", "Tasks"]}))
    >>> tk.list_unnamed(tk.name_activities(log)).select("title", "screen", "titles").row(0)
    ('\\\\bCustomer\\\\b', '‹…› - Customer', 2)
    """
    require_columns(events, "named_by", "active_seconds", made_by="name_activities")
    rows = _working(events)
    whole = max(float(rows["active_seconds"].sum()), 1e-12)
    rows = rows.filter(pl.col("named_by").is_null() & (pl.col("active_seconds") > 0))
    rows = _with_texts(rows)
    texts = (
        rows.group_by("app", "window_title", "url")
        .agg(pl.col("active_seconds").sum())
        .sort("app", "window_title", "url")
    )
    chunks = []
    for (app,), part in texts.group_by("app", maintain_order=True):
        chunks += [{"app": app, **row} for row in divide(part, most=most)]
    schema = {"app": pl.String, "window_title": pl.String, "url": pl.String, "title_pattern": pl.String,
              "url_pattern": pl.String, "suggested": pl.String}  # fmt: skip
    keyed = pl.DataFrame(chunks, schema=schema).with_columns(pl.col("suggested").fill_null(pl.col("app")))
    joined = rows.join(keyed, on=["app", "window_title", "url"], how="inner", nulls_equal=True)
    listed = joined.group_by("app", title="title_pattern", address="url_pattern", named="suggested").agg(
        pl.coalesce("window_title", "url").drop_nulls().min().alias("example"),
        pl.coalesce("window_title", "url").drop_nulls().n_unique().alias("titles"),
        active_hours=pl.col("active_seconds").sum() / 3600, people=pl.col("user").n_unique(),
    )  # fmt: skip
    listed = listed.sort("active_hours", "app", "named", descending=[True, False, False]).head(most)
    return listed.select("app", "example", "titles", "active_hours", (pl.col("active_hours") * 3600 / whole).alias("share"),
                         "people", "title", pl.col("address").alias("url"), pl.col("named").alias("screen"))  # fmt: skip


def list_learnt(events: pl.DataFrame, *, most: int = 20) -> pl.DataFrame:
    """List the screens whose names were learnt, the one with most time first: people may know a better name.

    Parameters
    ----------
    events : events frame of `name_activities`.
    most : largest number of screens.

    Returns
    -------
    One row per screen of an application, with the columns of `list_unnamed`; `screen` is the learnt name, `title` or `url`
    a pattern of all its titles.

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"timestamp": [1.8e9 + n * 9 for n in range(9)], "app": ["crm"] * 9,
    ...                                   "window_title": ["Order 17", "Order 4711", "Inbox"] * 3}))
    >>> list_learnt(tk.name_activities(log)).select("title", "screen", "titles").row(0)
    ('^Order \\\\d+$', 'Order #', 2)
    """
    require_columns(events, "named_by", "active_seconds", made_by="name_activities")
    rows = _with_texts(_working(events))
    whole = max(float(rows["active_seconds"].sum()), 1e-12)
    rows = rows.filter(pl.col("named_by").is_in(["template", "title"]))
    texts = pl.coalesce("window_title", "url").drop_nulls()
    listed = rows.group_by("app", "screen").agg(
        texts.min().alias("example"), texts.n_unique().alias("titles"), texts.unique().sort().alias("_texts"),
        pl.col("window_title").is_not_null().any().alias("_titled"),
        active_hours=pl.col("active_seconds").sum() / 3600, people=pl.col("user").n_unique(),
    ).sort("active_hours", "app", "screen", descending=[True, False, False]).head(most)  # fmt: skip
    patterns = [pattern_of(name, members) for name, members in listed.select("screen", "_texts").iter_rows()]
    listed = listed.with_columns(
        pl.Series("_pattern", patterns, dtype=pl.String), share=pl.col("active_hours") * 3600 / whole
    )
    return listed.select(
        "app", "example", "titles", "active_hours", "share", "people",
        title=pl.when("_titled").then("_pattern"), url=pl.when(~pl.col("_titled")).then("_pattern"), screen="screen",
    ).filter(pl.coalesce("title", "url").is_not_null())  # fmt: skip


def suggest_rule(chunk: Mapping[str, Any]) -> Rule:
    """Make a rule of a row of `list_unnamed` or `list_learnt`; it looks at this application only.

    >>> suggest_rule({"app": "notepad++", "title": "^Order", "url": None, "screen": "Order"}).app
    '^notepad\\\\+\\\\+$'
    """
    app = f"^{escaped(chunk['app'])}$" if chunk["app"] else None
    screen = re.sub(r"\{(\w+)\}", r"(\1)", chunk["screen"] or "")  # braces would ask for what a pattern caught
    return Rule(app=app, title=chunk["title"], url=chunk["url"], screen=screen or None)


def measure_rules(events: pl.DataFrame, *, rules: Sequence[Rule]) -> pl.DataFrame:
    """Measure what each rule catches now: the rows in which it is the first to say something.

    Parameters
    ----------
    events : events frame of `name_activities` with these rules.
    rules : in the order in which they are tried.

    Returns
    -------
    One row per rule: `rule` (from 1), `looks_at`, `says`, `titles` (distinct), `events`, `active_hours`, `share` (of the
    active time; what it leaves out is measured against it too) and `people`; zeros where earlier rules say it all.

    Raises
    ------
    SettingError : a rule cannot be used.
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"timestamp": [1.8e9, 1.8e9 + 9], "window_title": ["Ada - CRM", "Bob - CRM"]}))
    >>> rules = [tk.Rule(title="CRM$", screen="Customer")]
    >>> measure_rules(tk.name_activities(log, rules=rules), rules=rules).select("says", "events", "people").row(0)
    ('screen: Customer', 2, 1)
    """
    require_columns(events, "named_by", "active_seconds", made_by="name_activities")
    rules = check_rules(rules)
    rows = _with_texts(_recorded(events))
    distinct = rows.select(_COMBINATION).unique(maintain_order=True)
    said = apply_rules(distinct, rules)
    numbers = pl.concat_list(f"{name}_rule" for name in (*SAYS, "drop")).list.drop_nulls().list.unique()
    first = (
        distinct.with_columns(said.select(_place=numbers)).explode("_place", empty_as_null=True).drop_nulls("_place")
    )
    caught = rows.join(first, on=_COMBINATION, how="inner", nulls_equal=True).group_by(_place="_place").agg(
        titles=_TITLES, events=pl.len(), active_hours=pl.col("active_seconds").sum() / 3600,
        people=pl.col("user").n_unique(),
    )  # fmt: skip
    words = [
        (number, " and ".join(f"{k}: {v}" for k, v in rule.patterns.items()),
         ", ".join([*(f"{k}: {v}" for k, v in rule.says.items()), *(["left out"] if rule.drop else [])]))
        for number, rule in enumerate(rules)
    ]  # fmt: skip
    schema = {"_place": pl.Int32, "looks_at": pl.String, "says": pl.String}
    listed = pl.DataFrame(words, schema=schema, orient="row").join(
        caught, on="_place", how="left", maintain_order="left"
    )
    whole = max(float(_working(events)["active_seconds"].sum()), 1e-12)
    return listed.with_columns(pl.col("titles", "events", "people", "active_hours").fill_null(0)).select(
        pl.col("_place").add(1).alias("rule"), "looks_at", "says", "titles", "events", "active_hours",
        (pl.col("active_hours") * 3600 / whole).alias("share"), "people",
    )  # fmt: skip


def preview_rule(events: pl.DataFrame, *, rule: Rule, rules: Sequence[Rule] = (), place: int = 0) -> pl.DataFrame:
    """Show what a rule would catch, and what it would take away from other rules and from learnt names.

    Titles that have no name yet stand together: `now` is null.

    Parameters
    ----------
    events : events frame of `name_activities` with `rules`.
    rule : the rule to try.
    rules : the rules that hold so far, in their order.
    place : where it would stand among them, from 0; a rule before it keeps what both match.

    Returns
    -------
    One row per thing that it says and what stands there now: `says` (app_role, screen, activity, case_ref, drop),
    `outcome` (caught, kept by an earlier rule, or in the log already: a reference that was recorded), `now`, `named_by`
    (rule 1, …, template, title, unnamed; program for an application without role; log),
    `becomes`, `titles`, `events`, `active_hours`, `share` (of the active time) and `people`; most time first. Empty if it
    matches nothing.

    Raises
    ------
    SettingError : a rule cannot be used, or there is no such place.
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"timestamp": [1.8e9, 1.8e9 + 9], "window_title": ["Ada - CRM", "Bob - CRM"]}))
    >>> named = tk.name_activities(log)
    >>> tk.preview_rule(named, rule=tk.Rule(title="CRM$", screen="Customer")).select("becomes", "titles").rows()
    [('Customer', 2)]
    """
    require_columns(events, "screen", "activity", "active_seconds", made_by="name_activities")
    if not 0 <= place <= len(rules):
        raise SettingError(f"place={place} is no place among {len(rules)} rules; allowed: 0 to {len(rules)}.")
    trial = check_rules([*rules[:place], rule, *rules[place:]], where="the rules with the new one")
    rows = _with_texts(_recorded(events))
    distinct = rows.select(_COMBINATION).unique(maintain_order=True)
    before, after = apply_rules(distinct, rules), apply_rules(distinct, trial)
    alone = apply_rules(distinct, [rule])
    whole = max(float(_working(events)["active_seconds"].sum()), 1e-12)
    found = []
    for name in (*SAYS, "drop"):
        hit = alone[f"{name}_rule"].is_not_null()
        if not hit.any():
            continue
        wins = (after[f"{name}_rule"] == place).fill_null(False)
        said = distinct.with_columns(
            hit=hit, outcome=pl.Series(wins.replace_strict([True, False], ["caught", "kept by an earlier rule"])),
            number=_holder(name, before), becomes=_becomes(name, rule, alone),
        ).filter("hit")  # fmt: skip
        joined = rows.join(said, on=_COMBINATION, how="inner", nulls_equal=True)
        found.append(_previewed(joined, name, whole))
    if not found:
        return _previewed(
            rows.head(0).with_columns(outcome=pl.lit(""), number=pl.lit(0), becomes=pl.lit("")), "screen", whole
        )
    return pl.concat(found)


def _holder(name: str, said: pl.DataFrame) -> pl.Series:
    """The rule that says it so far; that a row is left out and what it does are one thing to be said."""
    rivals = ("activity_rule", "drop_rule") if name in ("activity", "drop") else (f"{name}_rule",)
    return said.select(pl.coalesce(rivals)).to_series()


def _becomes(name: str, rule: Rule, said: pl.DataFrame) -> pl.Series | pl.Expr:
    """What stands there afterwards; of references only how they are made, or every case would be a row."""
    if name == "drop":
        return pl.lit("left out")
    return pl.lit(rule.case_ref) if name == "case_ref" else said[name]


def _previewed(joined: pl.DataFrame, name: str, whole: float) -> pl.DataFrame:
    ruled = pl.col("number").is_not_null()
    by, outcome = pl.when(ruled).then(pl.format("rule {}", pl.col("number") + 1)), pl.col("outcome")
    if name == "app_role":
        now, learnt = pl.col("app_role"), pl.lit("program")
    elif name == "case_ref":
        given = pl.col("case_ref").is_not_null() & ~ruled
        now = pl.when(given | ruled).then(pl.lit("a reference"))
        learnt = pl.when(given).then(pl.lit("log")).otherwise(pl.lit(UNNAMED))
        outcome = pl.when(given).then(pl.lit("in the log already")).otherwise(outcome)
    else:
        dropped = pl.when(ruled & (pl.col("dropped") == "rule").fill_null(False)).then(pl.lit("left out"))
        named = pl.when(ruled | pl.col("named_by").is_not_null())
        now = named.then("screen") if name == "screen" else dropped.otherwise(named.then("activity"))
        learnt = pl.col("named_by").fill_null(UNNAMED)
    grouped = joined.group_by(outcome=outcome, now=now, named_by=by.otherwise(learnt), becomes="becomes").agg(
        titles=_TITLES, events=pl.len(),
        active_hours=pl.col("active_seconds").sum() / 3600, people=pl.col("user").n_unique(),
    )  # fmt: skip
    return grouped.select(
        pl.lit(name).alias("says"), "outcome", "now", "named_by", "becomes", "titles", "events", "active_hours",
        (pl.col("active_hours") * 3600 / whole).alias("share"), "people",
    ).sort("active_hours", "now", "becomes", "named_by", descending=[True, False, False, False], nulls_last=True)  # fmt: skip


def _working(events: pl.DataFrame) -> pl.DataFrame:
    """Rows whose time could have a name."""
    return events.filter(~pl.col("dropped").is_in(["presence", "excluded", "rule"]).fill_null(False))


def _recorded(events: pl.DataFrame) -> pl.DataFrame:
    """Rows that a rule can speak of: those that a rule leaves out so far too."""
    return events.filter(~pl.col("dropped").is_in(["presence", "excluded"]).fill_null(False))


def _with_texts(rows: pl.DataFrame) -> pl.DataFrame:
    wanted = [name for name in (*_COMBINATION, "case_ref") if name not in rows.columns]
    return rows.with_columns(pl.lit(None, dtype=EVENTS[name].dtype).alias(name) for name in wanted)
