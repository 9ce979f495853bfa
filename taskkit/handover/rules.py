"""Where written values come from and what decides how it goes on: found for the steps as the way has them."""

from __future__ import annotations

import re
from typing import NamedTuple

import polars as pl

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
    decided = _naming_only(decided, names)
    if not quote_values:
        moved, decided = _quoting_only(moved, names), _quoting_only(decided, names)
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


def without_quotes(rule: str, names: set[str]) -> str:
    """The rule with its quotes empty, but for names of steps and for signs that are no letters or digits.

    >>> without_quotes("if “open a” was done and erp › Country is “NZ” then duty", {"open a"})
    'if “open a” was done and erp › Country is “…” then duty'
    >>> without_quotes("erp › Date with “.” for each “/”", set())
    'erp › Date with “.” for each “/”'
    """
    if rule.count("“") != rule.count("”"):  # a value that holds a quote itself
        return re.sub(r"“.*”", "“…”", rule, flags=re.DOTALL)

    def keep(quote: re.Match[str]) -> str:
        return quote[0] if quote[1] in names or re.fullmatch(r"[^\w]{1,3}", quote[1]) else "“…”"

    return re.sub(r"“([^”]*)”", keep, rule)


def _naming_only(decisions: pl.DataFrame, names: set[str]) -> pl.DataFrame:
    """Decision points without the names of steps that too few people do."""
    rows = []
    for row in decisions.iter_rows(named=True):
        hidden = [branch for branch in row["branches"] or [] if branch not in names and branch != END]
        for branch in hidden:
            row["rule"] = row["rule"] and row["rule"].replace(branch, FEW)
        row["branches"] = [FEW if branch in hidden else branch for branch in row["branches"] or []]
        if row["after"] is None or row["after"] in names:
            rows.append(row)
    return pl.DataFrame(rows, schema=DECISIONS, orient="row")


def _quoting_only(frame: pl.DataFrame, names: set[str]) -> pl.DataFrame:
    texts = [None if text is None else without_quotes(text, names) for text in frame["rule"]]
    return frame.with_columns(rule=pl.Series(texts, dtype=pl.String))


def _common(rows: pl.DataFrame, name: str, min_people: int) -> list[str]:
    people = rows.drop_nulls(name).group_by(name).agg(n=pl.col("user").n_unique())
    return people.filter(pl.col("n") >= min_people)[name].to_list()


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
        for name, dtype in schema.items()
    )
    shown = own.filter(pl.col("people").fill_null(0) >= min_people)
    return shown, own.height - shown.height
