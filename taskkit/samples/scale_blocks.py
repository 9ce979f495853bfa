"""The detailed generator's executions, cut into blocks that long days of many people are put together from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.samples import Engagement, make_engagement

Array = np.ndarray[Any, Any]

PEOPLE, DAYS = 28, 6  # recorded in detail; everybody at scale is a mixture of a few of these people
TEXTS = ("window_title", "url", "element_name", "case_ref", "true_case")
KEPT = ("app", "event_type", "event_name", "utc_offset_minutes", "duration_ms", "element_role", "element_id", "value_length",
        "value_shape", "x", "y", "redactions", "true_kind")  # fmt: skip
# a document's number: its prefix and its digits; vendors' numbers and dates recur, and stay
_NUMBER = r"^(.*?(?:INV-|PO-|GR-|scan_|/invoices/|/archive/|/orders/|/receipts/))(\d+)(.*)$"
_BREAK = ("presence", "private")
_AWAY = ("idle_end", "unlock", "resume")  # rows whose waiting time is the break
FIXED, WORK, AWAY = 0, 1, 2


class Slots(NamedTuple):
    """What every execution has for itself, such as its titles with a number: `begin[e]` to `begin[e + 1]` of each list."""

    begin: Array
    before: pl.Series  # text before the number; the digest itself where values are meant
    rank: Array  # which number of the execution it is
    after: pl.Series


class Blocks(NamedTuple):
    """Rows of the detailed sample, and of which of them an execution consists."""

    rows: pl.DataFrame  # KEPT columns, one row per row of the detailed sample; its texts are Enum
    fixed: pl.Series  # texts without a document's number; the first is null
    place: dict[
        str, Array
    ]  # of each row the place of its text in `fixed`; from its end on, in the execution's own texts
    texts: Slots
    values: pl.Series  # digests that recur; the first is null
    value_place: Array
    digests: Slots
    wait: Array  # seconds between the end of the row before and this one
    scaling: Array  # FIXED, WORK or AWAY: how that wait is fitted to a day
    is_break: Array
    is_task: Array
    heads: Array  # (sessions, 2) rows that a session begins with
    tails: Array
    alive: int  # a row that is a sign of life
    fragment_begin: Array  # first row
    fragment_rows: Array
    fragment_offset: Array  # how many executions were begun since this one was
    first_fragment: Array  # of each execution, and one more
    work_rows: Array  # of each execution, without breaks
    break_rows: Array
    task: pl.Series
    variant: pl.Series
    case_slot: Array  # place of the execution's case in its own texts, or -1
    case: pl.DataFrame  # what the process log says about the case
    first_execution: Array  # of each person, and one more
    team: list[str]  # of each person
    numbers: int  # most numbers of an execution
    rows_a_day: float


def make_blocks(seed: int, *, people: int = PEOPLE, days: int = DAYS) -> Blocks:
    """Record a detailed engagement and cut it: noise and breaks stay behind the row that they came after."""
    made = make_engagement(seed=seed, people=people, days=days)
    rows, a_day = _own_rows(made)
    fragments = _fragments(rows)
    order = fragments["execution"].unique(maintain_order=True)
    whole = rows.filter("is_owned").group_by("execution", maintain_order=True).agg(
        pl.col("user", "team").first(), work=(~pl.col("is_break")).sum(), breaks=pl.col("is_break").sum(),
        task=pl.col("true_task").drop_nulls().first(), variant=pl.col("true_variant").drop_nulls().first(),
        true_case=pl.col("true_case").drop_nulls().first(),
    )  # fmt: skip
    person = whole["user"].rle_id().to_numpy()
    owner = np.where(rows["is_owned"], rows["execution"].fill_null(0), len(order)).astype(np.int64)
    texts, fixed, place = _own_texts(rows, owner, len(order))
    values, value_place, digests = _own_values(rows, owner, len(order))
    scaling = np.where(rows["event_type"].is_in(_AWAY), AWAY, np.where(rows["is_break"], FIXED, WORK))
    mine = rows.with_columns(_slot=pl.Series(place["true_case"]).cast(pl.Int64) - len(fixed)).filter("is_owned")
    of_case = mine.filter(pl.col("_slot") >= 0).group_by("execution").agg(pl.col("_slot").first())
    cases = made.process.group_by("case_id").agg(pl.col("amount", "vendor", "country", "po").first())
    firsts = np.flatnonzero(np.diff(fragments["execution"].to_numpy(), prepend=-1))
    starts = rows["starts"].to_numpy()
    return Blocks(
        rows=rows.select(as_few(rows[name]) for name in KEPT), fixed=fixed, place=place, texts=texts, values=values,
        value_place=value_place, digests=digests, wait=rows["wait"].to_numpy(), scaling=scaling.astype(np.int8),
        is_break=rows["is_break"].to_numpy(), is_task=rows["is_task"].to_numpy(),
        heads=np.flatnonzero(starts)[:, None] + np.array([0, 1]),
        tails=np.flatnonzero((rows["event_type"] == "session_end").to_numpy()), alive=rows.height - 1,
        fragment_begin=fragments["begin"].to_numpy(), fragment_rows=fragments["rows"].to_numpy(),
        fragment_offset=fragments["offset"].to_numpy(), first_fragment=np.append(firsts, fragments.height),
        work_rows=whole["work"].to_numpy().astype(np.int64), break_rows=whole["breaks"].to_numpy().astype(np.int64),
        task=as_few(whole["task"]), variant=as_few(whole["variant"]),
        case_slot=whole.join(of_case, on="execution", how="left", maintain_order="left")["_slot"].fill_null(-1).to_numpy(),
        case=whole.select(case_id="true_case").join(cases, on="case_id", how="left", maintain_order="left").drop("case_id"),
        first_execution=np.append(np.flatnonzero(np.diff(person, prepend=-1)), len(person)),
        team=whole.unique("user", maintain_order=True)["team"].to_list(), numbers=int(texts.rank.max(initial=0)) + 1,
        rows_a_day=a_day,
    )  # fmt: skip


def as_few(texts: pl.Series) -> pl.Series:
    """Texts of which there are few as numbers: drawn and written in half the time."""
    return texts.cast(pl.Enum(texts.drop_nulls().unique(maintain_order=True))) if texts.dtype == pl.String else texts


def _own_rows(made: Engagement) -> tuple[pl.DataFrame, float]:
    """Rows of sessions without a planted defect, with their waits and the execution they came in; the last is a sign of life."""
    truth = made.truth_events.drop("user", "session_id", "seq")
    broken = [d["session_id"] for d in made.truth["defects"]]
    rows = pl.concat([made.events, truth], how="horizontal").filter(~pl.col("session_id").is_in(broken))
    a_day = rows.height / rows.select(pl.struct("user", "session_id").n_unique()).item()
    alive = rows.filter(pl.col("event_type") == "alive").head(1)
    rows = rows.filter(pl.col("event_type") != "alive")
    session = ("user", "session_id")
    starts = pl.struct(session).rle_id()
    rows = rows.with_columns(session=starts).with_columns(
        starts=pl.col("session").ne_missing(pl.col("session").shift(1)),
        is_break=pl.col("true_kind").is_in(_BREAK), is_task=pl.col("true_segment").is_not_null(),
        execution=pl.col("true_segment").forward_fill().over("session"),
        seconds=pl.col("timestamp").diff().dt.total_milliseconds().fill_null(0) / 1_000,
        ended=pl.col("duration_ms").shift(1).fill_null(0) / 1_000,
    ).with_columns(
        is_owned=pl.col("execution").is_not_null() & (pl.col("event_type") != "session_end"),
        wait=pl.when("starts").then(0.0).otherwise((pl.col("seconds") - pl.col("ended")).clip(0.0)),
    )  # fmt: skip
    # numbered in the order of people, so that each has a stretch of them
    known = rows.filter("is_owned").select("execution").unique(maintain_order=True).with_row_index("number")
    rows = rows.join(known, on="execution", how="left", maintain_order="left").drop("execution")
    rows = rows.with_columns(execution=pl.when("is_owned").then(pl.col("number").cast(pl.Int64))).drop("number")
    sign = alive.with_columns(is_break=True, is_task=False, is_owned=False, starts=False, wait=0.0)
    return pl.concat([rows, sign], how="diagonal"), a_day


def _fragments(rows: pl.DataFrame) -> pl.DataFrame:
    """Stretches of one execution's rows, execution by execution, and how many others were begun before each."""
    runs = rows.with_row_index("_row").with_columns(_run=pl.struct("session", "execution").rle_id()).filter("is_owned")
    runs = runs.group_by("_run", maintain_order=True).agg(
        pl.col("session", "execution").first(), begin=pl.col("_row").first().cast(pl.Int64), rows=pl.len().cast(pl.Int64)
    )  # fmt: skip
    fresh = pl.col("execution").is_first_distinct().cast(pl.Int64)
    runs = runs.with_columns(_begun=fresh.cum_sum()).sort("execution", "begin")
    since = pl.col("_begun") - pl.col("_begun").first().over("execution")
    # a return comes after the last of the executions in between, and before the next
    return runs.with_columns(
        offset=since + pl.when(pl.int_range(pl.len()).over("execution") > 0).then(0.5).otherwise(0.0)
    )


def _own_texts(rows: pl.DataFrame, owner: Array, many: int) -> tuple[Slots, pl.Series, dict[str, Array]]:
    """Divide the texts into those that recur and those with a document's number, which every execution has for itself."""
    long = pl.concat([
        rows.select(text=name, column=pl.lit(name), owner=pl.Series(owner)).with_row_index("row") for name in TEXTS
    ]).drop_nulls("text")  # fmt: skip
    parts = [pl.col("text").str.extract(_NUMBER, place) for place in (1, 2, 3)]
    long = long.with_columns(before=parts[0], number=parts[1], after=parts[2])
    numbered = pl.col("number").is_not_null() & (pl.col("owner") < many)
    own, rest = long.filter(numbered), long.filter(~numbered)
    fixed = pl.concat([pl.Series("text", [None], dtype=pl.String), rest["text"].unique(maintain_order=True)])
    known = pl.DataFrame({"text": fixed[1:]}).with_row_index("place", offset=1)
    rest = rest.join(known, on="text", maintain_order="left")
    slots, own = _slots(own, "text", many)
    places = {}
    for name in TEXTS:
        here, there = rest.filter(pl.col("column") == name), own.filter(pl.col("column") == name)
        places[name] = _places(rows.height, here, there, len(fixed))
    return slots, fixed, places


def _slots(own: pl.DataFrame, key: str, many: int) -> tuple[Slots, pl.DataFrame]:
    """Number what an execution has for itself; `own` has owner, before, number, after and one row for each use."""
    found = own.unique(["owner", key], maintain_order=True).sort("owner", maintain_order=True)
    found = found.with_columns(
        rank=pl.col("number").rank("dense").over("owner").cast(pl.Int64) - 1, slot=pl.int_range(pl.len()).over("owner")
    )
    begin = np.searchsorted(found["owner"].to_numpy(), np.arange(many + 1))
    slots = Slots(begin, found["before"], found["rank"].to_numpy(), found["after"])
    return slots, own.join(found.select("owner", key, "slot"), on=["owner", key], how="left", maintain_order="left")


def _own_values(rows: pl.DataFrame, owner: Array, many: int) -> tuple[pl.Series, Array, Slots]:
    """The same of digests: a value that only one case has belongs to it, others are constants of the business."""
    long = (
        rows.select("value_digest", "true_case", owner=pl.Series(owner))
        .with_row_index("row")
        .drop_nulls("value_digest")
    )
    alone = (
        pl.col("owner").filter(pl.col("true_case").is_null()).n_unique() + pl.col("true_case").drop_nulls().n_unique()
    )
    long = long.with_columns(one=alone.over("value_digest") <= 1)
    rest, own = (long.filter(flag & (pl.col("owner") < many)) for flag in (~pl.col("one"), pl.col("one")))
    known = pl.concat(
        [pl.Series("value_digest", [None], dtype=pl.String), rest["value_digest"].unique(maintain_order=True)]
    )
    rest = rest.join(pl.DataFrame({"value_digest": known[1:]}).with_row_index("place", offset=1), on="value_digest")
    named = own.with_columns(before="value_digest", number="value_digest", after=pl.lit(""))
    slots, own = _slots(named, "value_digest", many)
    return known, _places(rows.height, rest, own, len(known)), slots


def _places(rows: int, recurring: pl.DataFrame, own: pl.DataFrame, fixed: int) -> Array:
    place = np.zeros(rows, np.uint32)
    place[recurring["row"].to_numpy()] = recurring["place"].to_numpy()
    place[own["row"].to_numpy()] = own["slot"].to_numpy() + fixed
    return place
