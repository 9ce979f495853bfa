"""Names for what was used: objects and screens learnt from the log, activities put together from both."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import polars as pl

from taskkit.activities.templates import NUMBER, SLOT, Templates, learn_templates
from taskkit.schema import PRESENCE_TYPES

TITLES = ("app", "window_title", "url")
THINGS = ("app", "element_name", "element_id")
ACTS = ("event_type", "event_name", "element_role")
VERB = r"^(type into|paste into|press key in|shortcut in|\S+) "  # how the text of an activity begins
_VERBS = {
    "click": "click", "double_click": "double-click", "right_click": "right-click", "drag": "drag",
    "text_input": "type into", "key": "press key in", "shortcut": "shortcut in", "copy": "copy", "cut": "cut",
    "paste": "paste into", "window_focus": "view", "window_title": "view", "navigate": "open", "comment": "comment",
    "other": "use",
}  # fmt: skip
# keys that only move inside a form or correct an entry: reaching a field by tab or by mouse is the same entry
_MOVING = ("tab", "shift+tab", "up", "down", "left", "right", "home", "end", "page_up", "page_down", "backspace", "delete",
           "shift", "ctrl", "alt", "cmd", "win", "caps_lock", "ctrl+a")  # fmt: skip
# names that recorders give to it when a window comes to the front by itself
_FRONT = ("", "window_focus", "window_title", "currentwindow", "active window changed", "window changed", "focus",
          "foreground", "aktives fenster gewechselt")  # fmt: skip
_POINTER = r"(?i)^(mouse ?(move|over|enter|leave)|hover|pointer)"
_WORD = re.compile(r"[^\W\d_]{3,}")
# what a row does to the field it is in: from 2 on it says what the entry is, 1 only leads to it
_STRENGTH = {"click": 1, "double_click": 1, "key": 1, "shortcut": 1, "text_input": 2, "paste": 3, "copy": 4, "cut": 4}


def learn_objects(things: pl.DataFrame) -> dict[str | None, Templates]:
    """Templates of each application's objects: slots where it shows many of one form.

    Parameters
    ----------
    things : one row per distinct `app` and plain `text` (null: the element has no name).
    """
    rows = things.drop_nulls("text").sort("app", "text")
    return {
        app: learn_templates({text: {} for text in part["text"]})
        for (app,), part in rows.group_by("app", maintain_order=True)
    }


def learn_screens(titles: pl.DataFrame, objects: pl.Series, seen: pl.DataFrame) -> dict[str | None, Templates]:
    """Templates of each application's titles or addresses, learnt from what was touched while they were shown.

    Parameters
    ----------
    titles : one row per distinct `app` and plain `text`, with its `site`.
    objects : name of each thing.
    seen : one row per pair of `title` and `thing` (numbers of rows in both) with `rows`, how often it occurs.
    """
    profiles: dict[int, dict[str, float]] = {}
    texts = titles["text"].to_list()
    for title, thing, rows in seen.sort("title", "thing").iter_rows():
        text, name = texts[title], objects[thing]
        if text is None or name is None:
            continue
        # a name that repeats a word of the title ("INV-1_Miller.pdf") says nothing about what can be done there
        words = {*_WORD.findall(text)}
        plain = " ".join(SLOT if word in words else word for word in _PIECES.findall(name))
        profile = profiles.setdefault(title, {})
        profile[plain] = profile.get(plain, 0.0) + rows
    learnt: dict[str | None, Templates] = {}
    rows = titles.with_row_index("row").drop_nulls("text").sort("app", "text")
    for (app,), part in rows.group_by("app", maintain_order=True):
        lines = part.select("row", "text", "site").rows()
        learnt[app] = learn_templates({text: profiles.get(row, {}) for row, text, _ in lines},
                                      groups={text: site for _, text, site in lines})  # fmt: skip
    return learnt


def name_texts(table: pl.DataFrame, learnt: Mapping[str | None, Templates]) -> pl.Series:
    """Template of each row's `text`, as its `app` has it; where nothing was learnt of the application, the text itself."""
    plain = Templates()
    named = [
        None if text is None else learnt.get(app, plain).template(text)
        for app, text in table.select("app", "text").iter_rows()
    ]
    return pl.Series(named, dtype=pl.String)


_PIECES = re.compile(r"[^\W\d_]+|[^\w\s]+|[\d_]+")


def name_combinations(table: pl.DataFrame) -> pl.DataFrame:
    """Put names together for each combination of what was shown, touched and done.

    Parameters
    ----------
    table : `app`, `template` (of the title), `object`, `event_type`, `event_name`, `element_role`, and what the rules say:
        `rule_app_role`, `rule_screen`, `rule_activity`, `rule_drop`.

    Returns
    -------
    One row per row: `app`, `app_role`, `screen`, `named_by` (rule, template, title; null where only the program is known),
    `activity`, `dropped` (presence, rule, scroll, pointer, key; null where the row may carry meaning), `place` (field the
    row is in; null without one), `strength` (2 types, 3 pastes, 4 copies, 1 leads to
    one of these, 0 other), `focus` and `alive`.
    """
    role = pl.coalesce("rule_app_role", "app")
    table = table.with_columns(app_role=role, screen=pl.coalesce("rule_screen", "template", role))
    return table.select(_of_combinations())


@cache
def _of_combinations() -> list[pl.Expr]:
    """What `name_combinations` says: put together once, as there are many parts and little to say of each."""
    named = (
        pl.when(pl.col("rule_screen").is_not_null() | pl.col("rule_activity").is_not_null()).then(pl.lit("rule"))
        .when(pl.col("template").str.contains_any([SLOT, NUMBER])).then(pl.lit("template"))
        .when(pl.col("template").is_not_null()).then(pl.lit("title"))
    )  # fmt: skip
    kind, called = pl.col("event_type").cast(pl.String), pl.col("event_name").str.strip_chars()
    passive = _comes_to_front(kind) | called.str.contains(r"\+") | (called.str.len_bytes() == 0)
    verb = pl.coalesce(pl.when(~passive).then(called), kind.replace(_VERBS))
    what = pl.coalesce("object", "element_role")
    text = (
        pl.when(what.is_not_null() & pl.col("screen").is_not_null()).then(pl.concat_str(what, pl.lit(" · "), "screen"))
        .otherwise(pl.coalesce(what, "screen"))
    )  # fmt: skip
    activity = pl.coalesce("rule_activity", pl.concat_str(verb, pl.lit(" "), text.fill_null("")).str.strip_chars())
    place = pl.when(pl.col("object").is_not_null()).then(
        pl.concat_str("screen", "object", separator=" · ", ignore_nulls=True)
    )
    return [
        pl.col("app", "app_role", "screen"), (kind == "alive").alias("alive"), named.alias("named_by"),
        _set_aside(kind).alias("dropped"), _comes_to_front(kind).alias("focus"), activity.alias("activity"), place.alias("place"),
        kind.replace_strict(_STRENGTH, default=0, return_dtype=pl.UInt8).alias("strength"),
    ]  # fmt: skip


def _set_aside(kind: pl.Expr) -> pl.Expr:
    """Why a row carries no meaning by itself."""
    keys: Sequence[str] = ("key", "shortcut")
    return (
        pl.when(kind.is_in(PRESENCE_TYPES)).then(pl.lit("presence"))
        .when("rule_drop").then(pl.lit("rule"))
        .when(kind == "scroll").then(pl.lit("scroll"))
        .when((kind == "other") & pl.col("event_name").str.contains(_POINTER)).then(pl.lit("pointer"))
        .when(kind.is_in(keys) & pl.col("event_name").str.to_lowercase().is_in(_MOVING)).then(pl.lit("key"))
    )  # fmt: skip


def _comes_to_front(kind: pl.Expr) -> pl.Expr:
    """A window that came to the front by itself; what somebody did for it ("selectTab") is a deed."""
    name = pl.col("event_name").str.strip_chars().str.to_lowercase()
    return kind.is_in(["window_focus", "window_title"]) & (name.is_null() | name.is_in(_FRONT)).fill_null(True)
