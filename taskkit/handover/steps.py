"""The step table: where each step is done, on which element, how, and where its value comes from."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from taskkit.handover.executions import COPIES, WRITES
from taskkit.handover.ways import Way

STABLE = 0.95  # an element with one id in this part of its rows is found again
BROWSERS = ("chrome", "chromium", "msedge", "edge", "firefox", "safari", "opera", "brave", "iexplore", "browser")
_TEXT, _COUNT, _NUMBER, _TEXTS = pl.String(), pl.UInt32(), pl.Float64(), pl.List(pl.String())
STEPS = pl.Schema({
    "number": _COUNT, "activity": _TEXT, "app": _TEXT, "screen": _TEXT, "address": _TEXT,
    "role": _TEXT, "element": _TEXT, "element_id": _TEXT, "stable": pl.Boolean(), "browser": pl.Boolean(),
    "act": _TEXT, "keys": _TEXT, "done": _TEXT, "value_from": _TEXT, "kind": _TEXT,
    "rule": _TEXT, "sources": _TEXTS, "median_seconds": _NUMBER, "share": _NUMBER,
    "executions": _COUNT, "people": _COUNT, "block": _COUNT, "loop": _COUNT,
})  # fmt: skip
_DONE = {
    "click": "click", "double_click": "double-click", "right_click": "right-click", "drag": "drag", "text_input": "type",
    "paste": "paste", "copy": "copy", "cut": "cut", "read": "look at", "key": "press the key", "shortcut": "press the keys",
    "window_focus": "go to the window", "window_title": "wait for the window", "navigate": "open the page",
}  # fmt: skip
_RANK = {"copy": 0, "cut": 0, "paste": 1, "text_input": 2, "read": 3, "double_click": 4, "click": 5, "navigate": 6}
_FROM = {
    "constant": "always the same value", "copy": "copied from {}", "part": "a part of {}", "reformat": "{} in another form",
    "concatenation": "put together from {}", "look-up": "follows from {}", "judgement": "the person decides",
}  # fmt: skip


def describe_steps(actions: pl.DataFrame, way: Way, transfers: pl.DataFrame, *, min_people: int) -> pl.DataFrame:
    """Describe the steps of a way.

    Returns
    -------
    One row per step: `number` from 1, `activity`, `app`, `screen`, `address` (the page's, where it is
    always the same and `min_people` people were there),
    `role`, `element`, `element_id`, `stable` (the id is always the same), `browser`, `act` (most frequent kind of event),
    `keys` (of a shortcut), `done` (in words, with shares where it is done in several manners), `value_from`, `kind`,
    `rule`, `sources` (of the written value, where a transfer is known), `median_seconds` (active, in the executions that
    do it), `share` of executions, `executions`, `people`, `block` (steps of one number are left out together; null: hardly
    ever left out), `loop` (steps of one number are repeated together).
    """
    once = actions.group_by("key", "segment_id").agg(pl.col("seconds").sum())
    seconds = dict(once.group_by("key").agg(pl.col("seconds").median()).iter_rows())
    groups = {str(key[0]): part for key, part in actions.group_by("key", maintain_order=True)}
    owners = actions.group_by("segment_id", maintain_order=True).agg(pl.col("user").first())["user"]
    fields = _by_field(transfers)
    rows = []
    for place, key in enumerate(way.keys):
        did = owners.filter(pl.Series(way.done[:, place]))
        step = _describe(groups[key], min_people) | {
            "number": place + 1, "median_seconds": seconds[key], "share": float(way.done[:, place].mean()),
            "executions": len(did), "people": did.n_unique(), "block": way.block[place], "loop": way.loop[place],
        }  # fmt: skip
        rows.append(step | _value(step, fields))
    return pl.DataFrame(rows, schema=STEPS, orient="row")


def list_applications(actions: pl.DataFrame, *, min_people: int) -> pl.DataFrame:
    """List the applications that the executions use: `app`, `screens`, `actions`, `share` of the active time, `executions`,
    `people`; those that fewer people use are left out."""
    whole = float(actions["seconds"].sum()) or 1.0
    return actions.drop_nulls("app").group_by("app").agg(
        screens=pl.col("screen").n_unique(), actions=pl.len(), share=pl.col("seconds").sum() / whole,
        executions=pl.col("segment_id").n_unique(), people=pl.col("user").n_unique(),
    ).filter(pl.col("people") >= min_people).sort("share", "app", descending=[True, False])  # fmt: skip


def source_name(app: str | None, element: str | None) -> str:
    """The name of a field as people read it: application › element.

    >>> source_name("erp", "Vendor")
    'erp › Vendor'
    """
    return f"{app or '?'} › {element or '?'}"


def _describe(rows: pl.DataFrame, min_people: int) -> dict[str, Any]:
    """What the actions of one key have in common; the most frequent of what they have not."""
    ranked = rows.with_columns(rank=pl.col("act").replace_strict(_RANK, default=9, return_dtype=pl.UInt8))
    # one deed an execution: what is selected and then copied is copied
    rows = ranked.sort("segment_id", "rank", "place").unique("segment_id", keep="first", maintain_order=True)
    first = {name: _most(rows[name]) for name in ("activity", "app", "screen", "element_role", "element", "act")}
    known = rows.drop_nulls("url")
    ids, address = rows["element_id"].drop_nulls(), known["url"]
    element_id = _most(ids)
    stable = bool(len(ids)) and (ids == element_id).sum() >= STABLE * rows.height
    browser = len(address) * 2 >= rows.height or (first["app"] or "").lower().removesuffix(".exe") in BROWSERS
    # a page that only some rows tell may be one person's own
    often = known.height >= STABLE * rows.height and known["user"].n_unique() >= min_people
    always = often and address.n_unique() == 1
    keys = _most(rows["event_name"]) if first["act"] in ("key", "shortcut") else None
    return {
        "activity": first["activity"], "app": first["app"], "screen": first["screen"], "role": first["element_role"],
        "address": address[0] if always else None, "element": first["element"], "element_id": element_id if stable else None,
        "stable": stable, "browser": browser, "act": first["act"], "keys": keys, "done": _in_words(rows, keys),
    }  # fmt: skip


def _most(values: pl.Series) -> str | None:
    """The most frequent value; of equally frequent ones the first in the alphabet."""
    found = values.drop_nulls()
    return str(found.mode().cast(pl.String).min()) if len(found) else None


def _in_words(rows: pl.DataFrame, keys: str | None) -> str:
    if bool(rows["said"][0]):
        return str(rows["activity"][0])
    counted = rows.group_by("act").len().sort("len", "act", descending=[True, False])
    often = counted.filter(pl.col("len") >= 0.05 * rows.height)
    words = [(_DONE.get(act, act.replace("_", " ")), n / rows.height) for act, n in often.iter_rows()]
    if len(words) == 1:
        return f"{words[0][0]} {keys}" if keys else words[0][0]
    return " or ".join(f"{word} ({share:.0%})" for word, share in words)


def _by_field(transfers: pl.DataFrame) -> dict[tuple[str | None, str], dict[str, Any]]:
    """Transfers by application and id, and by application and name; an id goes first."""
    found: dict[tuple[str | None, str], dict[str, Any]] = {}
    for name in ("element_name", "element_id"):
        for row in transfers.iter_rows(named=True):
            if row[name]:
                found[row["app"], row[name]] = row
    return found


def _value(step: dict[str, Any], fields: dict[tuple[str | None, str], dict[str, Any]]) -> dict[str, Any]:
    """Where the value that a step writes comes from."""
    nothing = {"value_from": None, "kind": None, "rule": None, "sources": None}
    if step["act"] in COPIES or step["act"] == "read":
        return nothing | {"value_from": "the value shown here"}
    keys = [(step["app"], name) for name in (step["element_id"], step["element"]) if name]
    row = next((fields[key] for key in keys if key in fields), None)
    if step["act"] not in WRITES and row is None:
        return nothing
    if row is None or row["kind"] is None:
        return nothing | {"value_from": "not known from the log"}
    words = _FROM.get(row["kind"], row["kind"]).format(", ".join(row["sources"] or []) or "another field")
    broken = f"; {row['violations']} of {row['writes']} otherwise" if row["violations"] else ""
    said = {"value_from": words + broken, "kind": row["kind"], "rule": row["rule"], "sources": row["sources"]}
    return nothing | said


def slug(text: str | None, *, otherwise: str = "field") -> str:
    """A name that is safe as an identifier: ASCII letters, digits and underscores, not beginning with a digit.

    >>> slug("Gross amount (€)"), slug("7 b'); drop"), slug("—")
    ('gross_amount', 'field_7_b_drop', 'field')
    """
    import unicodedata

    plain = unicodedata.normalize("NFKD", text or "").encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:40].strip("_")
    return name if name and not name[0].isdigit() else f"{otherwise}_{name}".rstrip("_")
