"""The circumstances of an execution: what it used, when it was, what came before, what the case was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.schema import PROCESS
from taskkit.variants import find_variants, screen_of

Array = np.ndarray[Any, Any]

# what would name a person, a machine or a single execution can be no context
IDENTIFYING = ("user", "team", "resource", "session_id", "segment_id", "case_id", "start", "end", "case_ref")
LEAST_SHARE, LEAST_TIMES = 0.05, 10  # a context with fewer executions, or without so many, says too little
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CUTS = (0.25, 0.5, 0.75)  # a number is asked about at its quartiles


def prepare(segments: pl.DataFrame, events: pl.DataFrame | None, process: pl.DataFrame | None) -> pl.DataFrame:
    """Add to all segments what only their neighbours, their events or their cases tell.

    Parameters
    ----------
    segments : one row per segment, with `task_id`.
    events : one row per interaction with `segment_id`; gives local time and, where `attribute_cases` has run, the case.
    process : one row per process event; gives the attributes of the case.

    Returns
    -------
    The segments in order of `segment_id`, with `_before` (task before it in the session), `_local` (start on the local
    clock), `_clock` ("" or " UTC" where no offset is known) and one column `case <attribute>` per attribute of the case.

    >>> import datetime as dt
    >>> rows = {"segment_id": [0, 1], "user": "p", "session_id": "s", "task_id": ["T01", "T02"],
    ...         "start": [dt.datetime(2026, 3, 2, 8, m, tzinfo=dt.UTC) for m in (0, 5)]}
    >>> prepare(pl.DataFrame(rows), None, None)["_before"].to_list()
    [None, 'T01']
    """
    frame = segments.sort("segment_id").drop("_before", "_local", "_clock", strict=False)
    if "task_name" not in frame.columns:
        frame = frame.with_columns(task_name=pl.col("task_id"))
    if events is not None and "segment_id" in events.columns:
        frame = frame.join(_of_events(events, frame.columns), on="segment_id", how="left", maintain_order="left")
    if {"session_id", "start"} <= {*frame.columns}:
        order = ["user", "session_id", "start", "segment_id"]
        before = frame.sort(order).select(
            "segment_id", _before=pl.col("task_name").shift(1).over("user", "session_id", order_by=["start", "segment_id"])
        )  # fmt: skip
        frame = frame.join(before, on="segment_id", how="left", maintain_order="left")
    if isinstance(frame.schema.get("start"), pl.Datetime):
        known = "utc_offset_minutes" in frame.columns
        offset = pl.col("utc_offset_minutes").fill_null(0) if known else pl.lit(0)
        frame = frame.with_columns(
            _local=pl.col("start").dt.replace_time_zone(None) + pl.duration(minutes=offset),
            _clock=pl.lit("" if known else " UTC"),
        )
    if process is not None and "case_id" in frame.columns:
        frame = frame.join(_attributes(process, frame), on="case_id", how="left", maintain_order="left")
    return frame


def _of_events(events: pl.DataFrame, have: Sequence[str]) -> pl.DataFrame:
    """Offset of the clock and most frequent case of each segment, as far as the segments do not say so themselves."""
    wanted = []
    if "utc_offset_minutes" in events.columns and "utc_offset_minutes" not in have:
        wanted.append(pl.col("utc_offset_minutes").drop_nulls().min())
    if "case_id" in events.columns and "case_id" not in have:
        wanted.append(pl.col("case_id").drop_nulls().mode().min())
    return events.drop_nulls("segment_id").group_by("segment_id").agg(wanted)


def _attributes(process: pl.DataFrame, segments: pl.DataFrame) -> pl.DataFrame:
    """One row per case: the columns of the process log that never change inside a case and name none of the people."""
    people = segments["user"].unique().implode()
    names = [name for name in process.columns if name not in PROCESS.schema and name not in IDENTIFYING]
    names = [name for name in names if not process[name].dtype.is_nested()]
    counts = process.group_by("case_id").agg(pl.col(name).drop_nulls().n_unique() for name in names)
    kept = [
        name
        for name in names
        if (counts[name] <= 1).all() and not process[name].cast(pl.String).is_in(people).any()
    ]  # fmt: skip
    return process.group_by("case_id").agg(pl.col(name).drop_nulls().first().alias(f"case {name}") for name in kept)


# ------------------------------------------------------------------------------------------------------------- kinds
def _said(rows: pl.DataFrame, text: pl.Expr, yes: str, no: str) -> pl.DataFrame:
    """Rows and texts as contexts: row, yes (the context in words), no (its absence in words)."""
    rows = rows.select("row", text=text).drop_nulls()
    # joined by +: pl.format panicked on a column of two chunks here (polars 2.1)
    (before, after), (not_before, not_after) = yes.split("{}"), no.split("{}")
    return rows.select("row", yes=before + pl.col("text") + after, no=not_before + pl.col("text") + not_after).unique()


def _steps(task: pl.DataFrame) -> pl.DataFrame:
    return task.select("row", "activities").explode("activities", empty_as_null=True).drop_nulls()


def _application(task: pl.DataFrame) -> pl.DataFrame:
    rows = task.select("row", "apps").explode("apps", empty_as_null=True)
    return _said(rows, pl.col("apps"), "uses {}", "does not use {}")


def _screen(task: pl.DataFrame) -> pl.DataFrame:
    return _said(_steps(task), screen_of("activities"), "goes to “{}”", "does not go to “{}”")


def _copied_from(task: pl.DataFrame) -> pl.DataFrame:
    copies = _steps(task).filter(pl.col("activities").str.contains("^(copy|cut) "))
    return _said(copies, screen_of("activities"), "copies from “{}”", "copies nothing from “{}”")


def _time_of_day(task: pl.DataFrame) -> pl.DataFrame:
    hour = pl.col("_local").dt.hour()
    part = (
        pl.when(hour < 10).then(pl.lit("before 10:00")).when(hour < 12).then(pl.lit("from 10:00 to 12:00"))
        .when(hour < 14).then(pl.lit("from 12:00 to 14:00")).otherwise(pl.lit("after 14:00"))
    )  # fmt: skip
    return _said(task, part + pl.col("_clock"), "begins {}", "does not begin {}")


def _weekday(task: pl.DataFrame) -> pl.DataFrame:
    day = pl.col("_local").dt.weekday().replace_strict(dict(enumerate(DAYS, 1)), return_dtype=pl.String)
    return _said(task, day, "is done on a {}", "is not done on a {}")


def _preceding_task(task: pl.DataFrame) -> pl.DataFrame:
    before = pl.col("_before").fill_null("nothing else in the session")
    return _said(task, before, "comes right after {}", "does not come right after {}")


def _variant(task: pl.DataFrame) -> pl.DataFrame:
    named = task if "variant_id" in task.columns else find_variants(task)
    return _said(named, pl.col("variant_id"), "is done the way {}", "is not done the way {}")


def _interrupted(task: pl.DataFrame) -> pl.DataFrame:
    rows = task.filter(pl.col("fragments") > 1)
    return rows.select("row", yes=pl.lit("is interrupted"), no=pl.lit("is not interrupted"))


def _case(task: pl.DataFrame) -> pl.DataFrame:
    parts = [_of_column(task, name) for name in task.columns if name.startswith("case ")]
    return pl.concat([task.select("row", yes=pl.lit(""), no=pl.lit("")).clear(), *parts])


def _of_column(task: pl.DataFrame, name: str) -> pl.DataFrame:
    """A text or a truth value is asked about value by value, a number at its quartiles."""
    column, label = task[name], name.removeprefix("case ") if name.startswith("case ") else name
    if not column.dtype.is_numeric():
        label = label.replace("{", "").replace("}", "")
        return _said(task, pl.col(name).cast(pl.String), f"has {label} = {{}}", f"does not have {label} = {{}}")
    cuts = sorted({float(column.quantile(cut) or 0) for cut in _CUTS}) if column.drop_nulls().len() else []
    parts = [
        task.filter(pl.col(name) > cut).select("row", yes=pl.lit(f"has {label} above {cut:,.6g}"),
                                               no=pl.lit(f"has no {label} above {cut:,.6g}"))
        for cut in cuts
    ]  # fmt: skip
    return pl.concat([task.select("row", yes=pl.lit(""), no=pl.lit("")).clear(), *parts])


# kind → (columns it needs, function that gives row, yes, no); where two kinds say the same, the first gives the words
KINDS: dict[str, tuple[tuple[str, ...], Callable[[pl.DataFrame], pl.DataFrame]]] = {
    "case": (("case_id",), _case),
    "copied from": (("activities",), _copied_from),
    "application": (("apps",), _application),
    "screen": (("activities",), _screen),
    "variant": (("activities",), _variant),
    "preceding task": (("_before",), _preceding_task),
    "time of day": (("_local",), _time_of_day),
    "weekday": (("_local",), _weekday),
    "interrupted": (("fragments",), _interrupted),
}


def check_kinds(
    contexts: Sequence[str] | None, segments: pl.DataFrame, *, target: str, bars: Sequence[str]
) -> list[str]:
    """The kinds of context to look at; by default all that the columns allow.

    A kind that says what the target says (`bars`) is looked at only where it is asked for.

    Raises
    ------
    SettingError : an unknown kind or column, one that names people or single executions, or the target itself; every
        problem is listed.

    >>> check_kinds(None, pl.DataFrame({"fragments": [1]}), target="steps", bars=())
    ['interrupted']
    """
    usable = [name for name, (needs, _) in KINDS.items() if {*needs} <= {*segments.columns}]
    if contexts is None:
        return [name for name in usable if name not in bars]
    problems = []
    for name in dict.fromkeys(contexts):
        if name in IDENTIFYING:
            problems.append(f"{name!r} names people or single executions, and a person is never a cause; compare groups "
                            "of people with taskkit.compare.")  # fmt: skip
        elif name == target:
            problems.append(f"{name!r} is the target: it would explain itself.")
        elif name in KINDS and name not in usable:
            problems.append(f"{name!r} needs the columns {', '.join(n.lstrip('_') for n in KINDS[name][0])}.")
        elif name not in KINDS and (name not in segments.columns or name.startswith("_")):
            own = [c for c in segments.columns if c not in IDENTIFYING and not c.startswith("_")]
            try:
                check_choice(name, allowed=[*KINDS, *own], what="context")
            except SettingError as error:
                problems.append(str(error))
    if problems:
        raise SettingError("These contexts cannot be looked at:\n" + "\n".join(f"  {p}" for p in problems))
    return list(dict.fromkeys(contexts))


def table_of_contexts(task: pl.DataFrame, kinds: Sequence[str]) -> tuple[list[tuple[str, str]], Array]:
    """Which context holds for which execution of one task.

    Parameters
    ----------
    task : the task's segments, of `prepare`.
    kinds : names of `KINDS` or of columns.

    Returns
    -------
    The words of each context (that it holds, that it does not) and an (executions, contexts) array of 0 and 1. Contexts
    with fewer than ten executions or a twentieth of them, or without so many, are left out.

    >>> table_of_contexts(pl.DataFrame({"fragments": [1, 2] * 20}), ["interrupted"])[0]
    [('is interrupted', 'is not interrupted')]
    """
    rows = task.drop("row", strict=False).with_row_index("row")
    least = max(LEAST_TIMES, LEAST_SHARE * rows.height)
    words: list[tuple[str, str]] = []
    columns: list[Array] = []
    for kind in kinds:
        said = KINDS[kind][1](rows) if kind in KINDS else _of_column(rows, kind)
        sizes = said.group_by("yes", "no").agg("row").sort("yes")
        for yes, no, where in sizes.filter(pl.col("row").list.len().is_between(least, rows.height - least)).iter_rows():
            if (yes, no) not in words:
                words.append((yes, no))
                column = np.zeros(rows.height, np.float32)
                column[where] = 1
                columns.append(column)
    return words, np.stack(columns, axis=1) if columns else np.zeros((rows.height, 0), np.float32)
