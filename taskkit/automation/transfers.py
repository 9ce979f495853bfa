"""Discovered data transfers: from which fields a task's fields are filled, by which rule, and where the rule is broken."""

from __future__ import annotations

import re

import polars as pl

from taskkit.automation.explanations import Rule, explain_values
from taskkit.automation.fields import list_values
from taskkit.errors import check_choice
from taskkit.schema import require_columns

_SCHEMA = pl.Schema({  # one row per task and field
    "task_id": pl.String(), "field": pl.String(), "app": pl.String(), "screen": pl.String(), "element_id": pl.String(),
    "element_name": pl.String(), "kind": pl.String(), "sources": pl.List(pl.String()), "rule": pl.String(), "writes": pl.UInt32(),
    "explained": pl.UInt32(), "share": pl.Float64(), "violations": pl.UInt32(), "people": pl.UInt32(), "segments": pl.UInt32(),
    "source_people": pl.List(pl.UInt32()),
})  # fmt: skip
_VIOLATIONS = pl.Schema({
    "user": pl.String(), "session_id": pl.String(), "seq": pl.UInt64(), "task_id": pl.String(), "field": pl.String(),
    "kind": pl.String(), "rule": pl.String(), "expected": pl.String(),
})  # fmt: skip
_EXPECTED = {
    "constant": "the value that it always has", "copy": "the value of {}", "part": "a part of the value of {}",
    "reformat": "the value of {}, written differently", "concatenation": "the values of {}, put together",
    "look-up": "the value that goes with the value of {}",
}  # fmt: skip


def find_data_transfers(events: pl.DataFrame, *, task_id: str | None = None) -> pl.DataFrame:
    """Find for every field that a task writes where its values come from, by the plainest rule that gives most of them.

    The rules, from plain to rich: "constant"; "copy" (the value was shown, copied or written before in the same
    execution); "part" of one; "reformat" (a number, a date, the case or the separators written differently);
    "concatenation" of two or three; "look-up" (it goes with the value of one or two other fields); and "judgement"
    where none holds. With digests instead of values only equality can be seen: constant, copy and look-up stay as they
    are, the other three cannot be found. Each value is predicted from the other executions alone. A rule may be
    followed by a second one for what it leaves ("…; else …"); the kind and the first sources are those of the first.

    Parameters
    ----------
    events : one row per interaction, with `segment_id`, `task_id`, and `value_digest` or `value`.
    task_id : only this task; all tasks by default.

    Returns
    -------
    One row per task and written field, ordered by both: `task_id`, `field` ("app › element"), `app`, `screen`,
    `element_id`, `element_name` (the most frequent ones), `kind` (null = too little data, `rule` says why), `sources`
    (fields), `rule` (a sentence; it quotes a fixed text where the log has plain values), `writes` (values written;
    what is edited or written over at once does not count, nor what the log has no value of), `explained` (of them given
    by the rule), `share`, `violations` (values that the rule does not give; null where there is no rule), `people`,
    `segments`, `source_people` (people who had a value in each of the sources). Names of elements have the changing
    parts that `name_activities` found as slots.

    Raises
    ------
    ContractError : the events have no segments or tasks. SettingError : an unknown `task_id`.

    References
    ----------
    Leno et al. (2020), Automated discovery of data transformations for robotic process automation. Gulwani (2011),
    Automating string processing in spreadsheets using input-output examples, for learning programs from examples.

    >>> import taskkit as tk
    >>> names = ["Ann Lee", "Bo Fox", "Cy Orr", "Di Poe", "Ed Ray"]
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_010), "what": ["copy", "edit"] * 5, "of": ["A", "B"] * 5,
    ...                     "value": [text for name in names for text in (name, name.split()[1])]})
    >>> events = tk.from_table(log, columns={"timestamp": "at", "event_name": "what", "element_name": "of", "value": "value"})
    >>> events = events.with_columns(segment_id=(pl.col("seq") // 2).cast(pl.UInt32), task_id=pl.lit("T01"))
    >>> find_data_transfers(events.with_columns(app=pl.lit("x")))["rule"].to_list()
    ['what stands after the first space of x › A']
    """
    rows = []
    for task, values in _by_task(events, task_id):
        written, rules = explain_values(values)
        rows.append(_summarise(task, written, rules, _people_of_fields(values)))
    return pl.concat(rows).sort("task_id", "field") if rows else pl.DataFrame(schema=_SCHEMA)


def list_violations(events: pl.DataFrame, transfers: pl.DataFrame) -> pl.DataFrame:
    """List the rows in which a field was not written as its rule says: exceptions, slips, and what the rule misses.

    Parameters
    ----------
    events : the events that the transfers were found in.
    transfers : rows of `find_data_transfers`; a filtered frame lists the violations of its fields only.

    Returns
    -------
    One row per violation, in the order of task, field and row: `user`, `session_id`, `seq`, `task_id`, `field`, `kind`,
    `rule` and `expected` ("the value of X"); never what was written or what should have been.

    Raises
    ------
    ContractError : a column is missing in one of the frames.

    >>> import taskkit as tk
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_010), "what": "edit", "of": "A", "value": ["x"] * 9 + ["y"]})
    >>> events = tk.from_table(log, columns={"timestamp": "at", "event_name": "what", "element_name": "of", "value": "value"})
    >>> events = events.with_columns(segment_id=pl.col("seq").cast(pl.UInt32), task_id=pl.lit("T01"))
    >>> list_violations(events, find_data_transfers(events)).select("seq", "expected").row(0)
    (9, 'the value that it always has')
    """
    require_columns(transfers, "task_id", "field", "kind", made_by="find_data_transfers")
    ruled = transfers.filter(pl.col("kind").is_not_null() & (pl.col("kind") != "judgement"))
    wanted = set(ruled["task_id"].unique())
    out = [pl.DataFrame(schema=_VIOLATIONS)]
    for task, values in _by_task(events, None, only=wanted):
        written, rules = explain_values(values)
        fields = ruled.filter(pl.col("task_id") == task)["field"]
        broken = written.filter(pl.col("judged") & pl.col("rule").is_null() & pl.col("field").is_in(fields.implode()))
        said = pl.DataFrame(_sentences(rules), schema=["field", "kind", "rule", "expected"], orient="row")
        broken = broken.drop("kind", "rule").with_columns(task_id=pl.lit(task)).join(said, on="field", how="inner")
        out.append(broken.select(pl.col(name).cast(dtype) for name, dtype in _VIOLATIONS.items()))
    return pl.concat(out).sort("task_id", "field", "user", "session_id", "seq")


def _by_task(
    events: pl.DataFrame, task_id: str | None, *, only: set[str] | None = None
) -> list[tuple[str, pl.DataFrame]]:
    """Values of each task, tasks in order."""
    require_columns(events, "segment_id", made_by="segment")
    require_columns(events, "task_id", made_by="find_tasks")
    rows = events.filter(pl.col("segment_id").is_not_null() & pl.col("task_id").is_not_null())
    if task_id is not None:
        check_choice(task_id, allowed=rows["task_id"].unique().sort(), what="task")
        only = {task_id}
    if only is not None:
        rows = rows.filter(pl.col("task_id").is_in(sorted(only)))
    parts = rows.partition_by("task_id", as_dict=True)
    return [(str(task), list_values(part)) for (task,), part in sorted(parts.items())]


def _people_of_fields(values: pl.DataFrame) -> dict[str, int]:
    return dict(values.drop_nulls("seen_as").group_by("field").agg(pl.col("user").n_unique()).iter_rows())


def _summarise(task: str, written: pl.DataFrame, rules: list[Rule], had: dict[str, int]) -> pl.DataFrame:
    said = pl.DataFrame(
        [(rule.field, rule.kind, list(sources), words, [had.get(source, 0) for source in sources])
         for rule, sources, words in _joined(rules)],
        schema={"field": pl.String, "kind": pl.String, "sources": pl.List(pl.String), "rule": pl.String,
                "source_people": pl.List(pl.UInt32)}, orient="row",
    )  # fmt: skip
    most = [pl.col(name).drop_nulls().mode().sort().first() for name in ("app", "screen", "element_id", "element_name")]
    counted = written.group_by("field").agg(
        *most, explained=pl.col("rule").count(),
        writes=pl.when(pl.col("judged").any()).then(pl.col("judged").sum()).otherwise(pl.len()),
        people=pl.col("user").n_unique(), segments=pl.col("segment_id").n_unique(),
    )  # fmt: skip
    ruled = pl.col("kind").is_not_null() & (pl.col("kind") != "judgement")
    counted = counted.join(said, on="field", how="left").with_columns(
        task_id=pl.lit(task),
        share=pl.when(pl.col("kind").is_not_null()).then(pl.col("explained") / pl.col("writes")),
        violations=pl.when(ruled).then(pl.col("writes") - pl.col("explained")),
    )
    return counted.select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())


def _joined(rules: list[Rule]) -> list[tuple[Rule, list[str], str]]:
    """The first rule of each field, with the sources and the words of both."""
    by_field: dict[str, list[Rule]] = {}
    for rule in rules:
        by_field.setdefault(rule.field, []).append(rule)
    return [
        (own[0], list(dict.fromkeys(source for rule in own for source in rule.sources)),
         "; else ".join(rule.words for rule in own))
        for own in by_field.values()
    ]  # fmt: skip


def _sentences(rules: list[Rule]) -> list[tuple[str, str | None, str, str]]:
    """The rules without the fixed texts that they quote, and what is expected, in words."""
    out = []
    for first, _, words in _joined(rules):
        said = re.sub("“[^”]*”", "a fixed text", words).replace("always a fixed text", "always the same value")
        both = " and ".join(first.sources) if first.kind in ("concatenation", "look-up") else " or ".join(first.sources)
        out.append((first.field, first.kind, said, _EXPECTED.get(first.kind or "", "").format(both)))
    return out
