"""Where written values come from and what decides how it goes on: found for the steps as the way has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from taskkit.automation.fields import list_values
from taskkit.automation.quotes import without_quotes
from taskkit.automation.rare import FEW_FIELD, rename
from taskkit.handover.executions import Executions, list_actions_of

OFTEN = 0.1  # what fewer executions of the task do does not make a decision point
SURE = 0.9  # a way on that is taken so often needs no rule
MOST_DECISIONS = 15
END, FEW = "(end)", "(a step of few people)"
_TEXT, _COUNT, _NUMBER, _TEXTS, _NUMBERS = (
    pl.String(),
    pl.UInt32(),
    pl.Float64(),
    pl.List(pl.String()),
    pl.List(pl.Float64()),
)
TRANSFERS = pl.Schema({
    "field": _TEXT, "app": _TEXT, "screen": _TEXT, "element_id": _TEXT, "element_name": _TEXT,
    "kind": _TEXT, "sources": _TEXTS, "rule": _TEXT, "writes": _COUNT, "explained": _NUMBER,
    "share": _NUMBER, "violations": _COUNT, "people": _COUNT, "segments": _COUNT,
})  # fmt: skip
DECISIONS = pl.Schema({
    "after": _TEXT, "branches": _TEXTS, "shares": _NUMBERS, "rule": _TEXT,
    "fields": _TEXTS, "accuracy": _NUMBER, "baseline": _NUMBER, "exceptions": _COUNT,
    "segments": _COUNT, "people": _COUNT, "why": _TEXT,
})  # fmt: skip
_PEOPLE = {"source_people": pl.List(_COUNT), "people_of": pl.List(_COUNT)}  # behind each source and each branch


class Rules(NamedTuple):
    """The rules of a task, and how many are not shown because too few people are behind them."""

    transfers: pl.DataFrame
    decisions: pl.DataFrame
    unseen: dict[str, int]


def find_rules(
    events: pl.DataFrame, runs: Executions, *, transfers: pl.DataFrame | None, decisions: pl.DataFrame | None,
    quote_values: bool, min_people: int,
) -> Rules:  # fmt: skip
    """Take the frames that are given, and find the others in all executions of the task."""
    own = runs.of_task.select("segment_id", "task_id")
    task_id = str(own["task_id"][0])
    rows = events.drop("task_id", strict=False).join(own, on="segment_id", how="inner", maintain_order="left")
    if transfers is None:
        from taskkit.automation.transfers import find_data_transfers

        transfers = find_data_transfers(rows, task_id=task_id)
    plain = _as_steps(rows, own["segment_id"], min_people)
    if decisions is None:
        from taskkit.automation.decision_rules import find_decision_rules

        decisions = find_decision_rules(plain, own, task_id=task_id)
    moved, few = _shown(transfers, TRANSFERS, task_id, min_people)
    decided, few_decided = _shown(decisions, DECISIONS, task_id, min_people)
    names = {text for name in ("activity", "screen") for text in _common(rows, name, min_people)}
    fields = _people_of(list_values(rows).drop_nulls("seen_as"), "field")
    moved = _hide_sources(_hide_elements(moved, rows, min_people), fields, min_people)
    decided = _hide_names(decided, names, fields, _steps_of(decided, rows), min_people)
    if not quote_values:
        names |= {FEW, FEW_FIELD}
        moved, decided = _quoting_only(moved, names), _quoting_only(decided, names)
    moved, decided = moved.select(TRANSFERS.names()), decided.select(DECISIONS.names())
    return Rules(moved, decided, {"written fields": few, "decision points": few_decided})


def choose_decisions(decisions: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """The decision points of the way: those with a rule, and those where the most frequent way on is not nearly certain.

    Where all but one way lead back to an earlier step, only the order is another: that decides nothing.
    """
    of_way = [*steps["activity"].drop_nulls(), *steps["screen"].drop_nulls()]
    order = {step: place for place, step in enumerate(steps["activity"])}  # of a step that comes again, the last
    ahead = [
        sum(order.get(branch, len(order)) > order.get(after, -1) for branch in branches or [])
        for after, branches in decisions.select("after", "branches").iter_rows()
    ]
    there = pl.col("after").is_null() | pl.col("after").is_in(of_way)
    open_ended = pl.col("rule").is_not_null() | (pl.col("baseline").fill_null(0.0) < SURE)
    missed = pl.col("segments").fill_null(0) * (1 - pl.col("baseline").fill_null(0.0))
    chosen = decisions.with_row_index("_row").filter(there & open_ended, pl.Series(ahead, dtype=pl.UInt32) > 1)
    return chosen.sort(missed, "_row", descending=[True, False]).head(MOST_DECISIONS).sort("_row").drop("_row")


def _hide_sources(transfers: pl.DataFrame, fields: Mapping[str, int], min_people: int) -> pl.DataFrame:
    """Transfers without the names of sources that too few people had, in the rule as in the list."""
    rows = []
    for row in transfers.iter_rows(named=True):
        own, said = row["sources"] or [], row["rule"] or ""
        people = {name: n for name, n in fields.items() if name in said} | {name: fields.get(name, 0) for name in own}
        people |= dict(zip(own, row["source_people"] or [], strict=False))
        called = {name: name if n >= min_people else FEW_FIELD for name, n in people.items()}
        row |= {"sources": [called[name] for name in own], "rule": row["rule"] and rename(said, called)}
        rows.append(row)
    return pl.DataFrame(rows, schema=transfers.schema, orient="row")


def _hide_elements(transfers: pl.DataFrame, rows: pl.DataFrame, min_people: int) -> pl.DataFrame:
    """Transfers without the most frequent name or id of an element where too few people had an element so called."""
    for name in ("element_id", "element_name"):
        common = _common(rows, name, min_people) if name in rows.columns else []
        transfers = transfers.with_columns(pl.when(pl.col(name).is_in(common)).then(name))
    return transfers


def _hide_names(
    decisions: pl.DataFrame, names: set[str], fields: Mapping[str, int], steps: Mapping[str, int], min_people: int
) -> pl.DataFrame:
    """Decision points without the names of steps that too few people do and of fields that too few people had."""
    rows = []
    for row in decisions.iter_rows(named=True):
        if row["after"] is not None and row["after"] not in names:
            continue
        called = _called(row, names, fields, steps, min_people)
        row["branches"] = [called[name] for name in row["branches"] or []]
        row["fields"] = [called[name] for name in row["fields"] or []]
        row |= {text: row[text] and rename(row[text], called) for text in ("rule", "why")}
        rows.append(row)
    return pl.DataFrame(rows, schema=decisions.schema, orient="row")


def _called(
    row: Mapping[str, Any], names: set[str], fields: Mapping[str, int], steps: Mapping[str, int], min_people: int
) -> dict[str, str]:
    """What every name in a decision point is called."""
    ways, asked = row["branches"] or [], row["fields"] or []
    said = f"{row['rule'] or ''} {row['why'] or ''}"
    # a name inside of a longer one must be known too, or the longer one would be cut up
    called = {name: name if name in names else FEW for name in steps if name in said}
    called |= {name: name if n >= min_people else FEW_FIELD for name, n in fields.items() if name in said}
    for name in asked:
        known = name in names or name.startswith("case › ") or name == "the step before"
        called.setdefault(name, name if known else FEW if name in steps else FEW_FIELD)
    for name, n in zip(asked, row["source_people"] or [], strict=False):
        if n < min_people:
            called[name] = FEW if name in steps else FEW_FIELD
    taken = dict(zip(ways, row["people_of"] or [], strict=False))
    for name in ways:
        called[name] = name if name in names and taken.get(name, min_people) >= min_people else FEW
    return called | {END: END}


def _steps_of(decisions: pl.DataFrame, rows: pl.DataFrame) -> dict[str, int]:
    """People of all steps at the level at which the decision points have them."""
    used = {name for ways in decisions["branches"].to_list() for name in ways or []} | set(
        decisions["after"].drop_nulls()
    )
    found = [_people_of(rows, name) for name in ("activity", "screen")]
    return {name: n for people in found if used & people.keys() for name, n in people.items()}


def _quoting_only(frame: pl.DataFrame, names: set[str]) -> pl.DataFrame:
    """The sentences with empty quotes; a text that is always the same goes up to the last mark, whatever stands in it."""
    out: dict[str, list[str | None]] = {}
    for name in ("rule", "why"):
        if name in frame.columns:
            out[name] = [None if text is None else without_quotes(text, names) for text in frame[name]]
    if "kind" in frame.columns:
        out["rule"] = [
            re.sub(r"“.*”", "“…”", text, flags=re.DOTALL)
            if text and kind == "constant" and "; else " not in text
            else said
            for kind, text, said in zip(frame["kind"], frame["rule"], out["rule"], strict=True)
        ]
    return frame.with_columns(pl.Series(name, texts, dtype=pl.String) for name, texts in out.items())


def _people_of(rows: pl.DataFrame, name: str) -> dict[str, int]:
    return dict(rows.drop_nulls(name).group_by(name).agg(pl.col("user").n_unique()).sort(name).iter_rows())


def _common(rows: pl.DataFrame, name: str, min_people: int) -> list[str]:
    return [text for text, people in _people_of(rows, name).items() if people >= min_people]


def _as_steps(rows: pl.DataFrame, segment_ids: pl.Series, min_people: int) -> pl.DataFrame:
    """The rows with the activities as the way's steps have them: typing and pasting are one, what few do is none."""
    actions = list_actions_of(rows, segment_ids)
    used = actions.group_by("key").agg(
        _step=pl.col("activity").mode().min(), _n=pl.col("segment_id").n_unique(), _people=pl.col("user").n_unique()
    ).filter(pl.col("_n") >= OFTEN * len(segment_ids), pl.col("_people") >= min_people)  # fmt: skip
    # reading a field again in order to compare decides nothing
    again = pl.col("key").str.contains("^(read|fill)\x00") & ~pl.struct("segment_id", "key").is_first_distinct()
    names = (
        actions.filter(~again)
        .join(used.select("key", "_step"), on="key")
        .filter(~pl.col("_step").str.starts_with("view "))
    )
    named = rows.join(names.select("session_id", "user", "seq", "_step"), on=["session_id", "user", "seq"], how="left",
                      maintain_order="left")  # fmt: skip
    return named.with_columns(activity="_step", step=pl.col("step") & pl.col("_step").is_not_null()).drop("_step")


def _shown(frame: pl.DataFrame, schema: pl.Schema, task_id: str, min_people: int) -> tuple[pl.DataFrame, int]:
    """The task's rows with all columns, without those that too few people are behind; and how many these are."""
    own = frame.filter(pl.col("task_id") == task_id) if "task_id" in frame.columns else frame
    own = own.select(
        (pl.col(name) if name in own.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in (schema | _PEOPLE).items()
    )
    shown = own.filter(pl.col("people").fill_null(0) >= min_people)
    return shown, own.height - shown.height
