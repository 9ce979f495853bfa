"""Which executions a hand-over rests on, and what was done in them, action by action."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from taskkit.activities import VERB
from taskkit.errors import SettingError, check_choice
from taskkit.schema import require_columns
from taskkit.variants import find_variants

WRITES, COPIES, CLICKS = ("text_input", "paste"), ("copy", "cut"), ("click", "double_click")
_KEYS = ("user", "session_id", "seq")
_SHOWN = ("text", "static text", "label", "cell")  # roles of what is only read
_STRENGTH = {"click": 1, "double_click": 1, "key": 1, "shortcut": 1, "text_input": 3, "paste": 3, "copy": 4, "cut": 4}
_OPTIONAL = ("event_name", "url", "element_role", "element_id", "element_name")


class Executions(NamedTuple):
    """The executions of a task, and those of the way that was chosen."""

    of_task: pl.DataFrame  # segments
    chosen: pl.DataFrame  # segments
    variant_id: str | None
    actions: pl.DataFrame  # of the chosen ones, see list_actions_of


def choose_executions(
    events: pl.DataFrame,
    segments: pl.DataFrame,
    *,
    task_id: str,
    variant_id: str | None,
    min_people: int,
    all_ways: bool = False,
) -> Executions:
    """Take the executions of one way of a task (without a way, of the most frequent one), or of all its ways.

    Raises
    ------
    ContractError : the frames come from too early a step. SettingError : there is no such task or way, or so few people
        did it that a document would speak of them.
    """
    require_columns(
        events, "segment_id", "activity", "step", "action", "dropped", "screen", "active_seconds", made_by="segment"
    )
    require_columns(segments, "segment_id", "task_id", "activities", made_by="find_tasks")
    if min_people < 1:
        raise SettingError(f"min_people={min_people} is not allowed: a whole number of people, 1 or more.")
    check_choice(task_id, allowed=segments["task_id"].drop_nulls().unique().to_list(), what="task")
    ways = segments if "variant_id" in segments.columns else find_variants(segments)
    of_task = ways.filter(pl.col("task_id") == task_id).sort("segment_id")
    counted = (
        of_task.drop_nulls("variant_id")
        .group_by("variant_id")
        .len()
        .sort("len", "variant_id", descending=[True, False])
    )
    known = counted["variant_id"].to_list()
    if variant_id is not None:
        check_choice(variant_id, allowed=known, what="variant")
    elif known and not all_ways:
        variant_id = str(known[0])
    chosen = of_task.filter(pl.col("variant_id") == variant_id) if variant_id else of_task
    people = chosen["user"].n_unique()
    if people < min_people:
        raise SettingError(
            f"{variant_id or task_id} was done by {people} {'person' if people == 1 else 'people'}; a document that is handed "
            f"on speaks of at least {min_people}. Choose a way that more people take (count_variants lists them), or, for a "
            "recording of your own work only, say so with min_people=1."
        )
    return Executions(of_task, chosen, variant_id, list_actions_of(events, chosen["segment_id"]))


def list_actions_of(events: pl.DataFrame, segment_ids: pl.Series) -> pl.DataFrame:
    """List the actions of executions, with the element that each was done on.

    Returns
    -------
    One row per action in order: `segment_id`, `user`, `session_id`, `seq` (of the row that stands for it), `action`,
    `place` (from 0), `timestamp`, `key` (what makes actions the same: typing and pasting into a field are, and so are clicking and
    copying a text that is shown), `act`, `app`, `screen`, `activity`, `said` (the activity is a name that a rule gave),
    `url`, `event_name`, `element_role`, `element_id`, `element` (name with its changing parts as slots, null without
    one), `seconds` (active, with the rows that follow without a meaning).
    """
    missing = [pl.lit(None, pl.String).alias(name) for name in _OPTIONAL if name not in events.columns]
    rows = events.filter(pl.col("segment_id").is_in(segment_ids.implode())).with_columns(missing).sort(_KEYS)
    kind = pl.col("event_type").cast(pl.String)
    order = (pl.col("step").cast(pl.Int64).cum_sum().over("segment_id") - 1).clip(lower_bound=0)
    rows = rows.with_columns(
        kind=kind, place=order.cast(pl.UInt32),
        strength=kind.replace_strict(_STRENGTH, default=0, return_dtype=pl.UInt8),
    )  # fmt: skip
    seconds = rows.group_by("segment_id", "place").agg(seconds=pl.col("active_seconds").sum())
    about = ("kind", "event_name", "element_role", "element_id", "element_name")
    strongest = pl.col(about).sort_by("strength", descending=True, maintain_order=True).first()
    meant = rows.filter(pl.col("action").is_not_null() & (pl.col("dropped").is_null() | pl.col("step")))
    acts = meant.group_by("segment_id", "session_id", "action").agg(strongest)
    steps = rows.filter("step").drop(*about).join(acts, on=["segment_id", "session_id", "action"], how="left")
    steps = steps.join(seconds, on=["segment_id", "place"], how="left").sort("segment_id", "place")
    return steps.with_columns(_element(), said=_said(), act=_act()).select(
        "segment_id", "user", "session_id", "seq", "action", "place", "timestamp", "act", "app", "screen", "activity",
        "said", "url", "event_name", "element_role",
        "element_id", "element", "seconds", key=_key(),
    )  # fmt: skip


def _said() -> pl.Expr:
    """True where the text of the activity is not put together from verb, object and screen: a rule gave it."""
    return ~pl.col("activity").str.ends_with(pl.col("screen").fill_null("")).fill_null(False)


def _element() -> pl.Expr:
    """The element's name as the activity has it: with slots, so that a customer's name does not stand in it."""
    what = pl.col("activity").str.replace(VERB, "").str.strip_suffix(pl.concat_str(pl.lit(" · "), "screen"))
    there = ~_said() & pl.col("element_name").is_not_null() & (what != pl.col("screen"))
    return pl.when(there).then(what).alias("element")


def _act() -> pl.Expr:
    shown = pl.col("element_role").is_in(_SHOWN).fill_null(False)
    return pl.when(pl.col("kind").is_in(CLICKS) & shown).then(pl.lit("read")).otherwise("kind")


def _key() -> pl.Expr:
    field = pl.coalesce("element", "element_id")
    deed = (
        pl.when(pl.col("act").is_in(WRITES)).then(pl.lit("fill"))
        .when(pl.col("act").is_in([*COPIES, "read"])).then(pl.lit("read"))
    )  # fmt: skip
    whole = pl.concat_str(deed, pl.col("app").fill_null(""), pl.col("screen").fill_null(""), field, separator="\0")
    return pl.when(~pl.col("said")).then(whole).fill_null(pl.col("activity")).alias("key")
