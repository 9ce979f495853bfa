"""Marks of business context: a step, way, detour or task is policy, control, exception handling, work-around or training issue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.automation.marks import KINDS, WHATS, detour_words, read_detour, variant_words
from taskkit.decisions import Decisions
from taskkit.errors import SettingError, check_choice
from taskkit.schema import require_columns
from taskkit.variants import screen_of

MARKS = tuple(KINDS)
_SCHEMA = pl.Schema({
    "what": pl.String(), "subject": pl.String(), "task_id": pl.String(), "mark": pl.String(), "note": pl.String(),
    "role": pl.String(), "number": pl.Int64(),
})  # fmt: skip


def list_marks(
    journal: Decisions | str | Path | None, *, events: pl.DataFrame | None = None, segments: pl.DataFrame | None = None
) -> pl.DataFrame:
    """List what people marked as policy, control, exception handling, work-around or training issue, oldest first.

    Parameters
    ----------
    journal : the journal of decisions or its path; None, or a file that is not there, holds no marks.
    events, segments : frames of `mine`: a task that got another number since it was marked is found again by the row that
        was noted with the mark; without such a row its `task_id` is null, and charts do not show it. None: tasks are as
        they were.

    Returns
    -------
    One row per mark that stands: `what` ("step", "variant", "detour", "task"), `subject` (in words), `task_id` (null =
    wherever it occurs), `mark` (one of `MARKS`), `note`, `role`, `number` (in the journal).

    >>> list_marks("no/such/decisions.sqlite").height
    0
    """
    if not isinstance(journal, Decisions):
        if journal is None or not Path(journal).exists():
            return pl.DataFrame(schema=_SCHEMA)
        journal = Decisions(journal)
    kept = journal.list(kind="mark")
    moved = tasks_now(kept, events, segments)
    rows = []
    for row in kept.iter_rows(named=True):
        detail = _told(row["detail"])
        task, what = moved.get(row["number"], detail.get("task_id")), detail.get("what", "step")
        if what not in WHATS or row["decision"] not in MARKS or not (task is None or isinstance(task, str)):
            continue  # something else wrote it: it stays in the journal, and no chart can show it
        rows.append((what, row["subject"], task, row["decision"], row["why"], row["role"], row["number"]))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def mark(
    journal: Decisions,
    subject: str,
    kind: str,
    *,
    what: str = "step",
    task_id: str | None = None,
    anchor: Sequence[Any] | None = None,
    note: str = "",
    role: str = "analyst",
) -> int:
    """Mark a step, way, detour or task, and write that into the journal; returns its number.

    Parameters
    ----------
    journal : the journal of decisions.
    subject : what is marked, in the words of the charts: a step's name, the steps of a way with " → " between them
        (`variant_words`), a detour as "mail during “Approve”" (`detour_words`), a task's name.
    kind : one of `MARKS`.
    what : "step", "variant", "detour" or "task".
    task_id : the task in which it is; needed for a way and for a task. None: wherever it occurs.
    anchor : (session_id, seq) of a row of an execution of the task, by which the task is found again (`anchor_of`).
    note : why, in a sentence.
    role : role of who says so; no name.

    Raises
    ------
    SettingError : an unknown mark or thing, words that are no way or detour, or a task that is missing; all at once.

    >>> import tempfile
    >>> journal = Decisions(Path(tempfile.mkdtemp()) / "decisions.sqlite")
    >>> mark(journal, "Approve invoice", "control", note="four eyes", role="process owner")
    1
    >>> list_marks(journal).row(0)[:4]
    ('step', 'Approve invoice', None, 'control')
    """
    problems = _problems(subject, kind, what, task_id, role)
    if problems:
        raise SettingError("This cannot be marked:\n" + "\n".join(f"  {said}" for said in problems))
    detail: dict[str, Any] = {"what": what, "task_id": task_id}
    if anchor is not None:
        detail["anchor"] = [str(anchor[0]), int(anchor[1])]
    return journal.record(subject, kind, kind="mark", why=note.strip(), role=role.strip(), detail=detail)


def _problems(subject: str, kind: str, what: str, task_id: str | None, role: str) -> list[str]:
    problems = []
    for value, allowed, name in ((kind, MARKS, "mark"), (what, WHATS, "thing to mark")):
        try:
            check_choice(value, allowed=allowed, what=name)
        except SettingError as error:
            problems.append(str(error))
    if not subject.strip():
        problems.append("Nothing is named: say which step, way, detour or task is meant.")
    elif what == "detour" and not read_detour(subject)[1]:
        problems.append(f"{subject!r} is no detour: write it as {detour_words('Approve', 'mail')!r}.")
    if what in ("variant", "task") and not task_id:
        problems.append(f"A {what} needs the task that it belongs to: give task_id.")
    if not role.strip():
        problems.append("The role of who says so is missing (a role such as 'process owner', not a name).")
    return problems


def anchor_of(events: pl.DataFrame, segments: pl.DataFrame, task_id: str) -> tuple[str, int] | None:
    """A row by which a task is found again when tasks have got other numbers: the middle one of its longest execution.

    Parameters
    ----------
    events, segments : frames of `mine`.
    task_id : the task.

    >>> events = pl.DataFrame({"session_id": "s", "seq": [4, 5, 6], "segment_id": 0})
    >>> anchor_of(events, pl.DataFrame({"segment_id": [0], "task_id": ["T01"], "active_seconds": [9.0]}), "T01")
    ('s', 5)
    """
    own = segments.filter(pl.col("task_id") == task_id).sort("active_seconds", "segment_id", descending=[True, False])
    if own.is_empty():
        return None
    rows = events.filter(pl.col("segment_id") == own["segment_id"][0]).sort("session_id", "seq")
    return (str(rows["session_id"][rows.height // 2]), int(rows["seq"][rows.height // 2])) if rows.height else None


def list_vanished_marks(
    marks: pl.DataFrame, segments: pl.DataFrame, *, process: pl.DataFrame | None = None
) -> pl.DataFrame:
    """List the marks whose step, way, detour or task is no longer in the log: they stand, but no chart can show them.

    Parameters
    ----------
    marks : frame of `list_marks`.
    segments : segments frame of `find_tasks`.
    process : frame of `read_process_log`, whose steps may be marked as well.

    Returns
    -------
    The marks that were not found, with `sentence`.

    >>> marks = pl.DataFrame({"what": ["step"], "subject": ["Sign"], "task_id": [None], "mark": ["control"], "number": [3]})
    >>> list_vanished_marks(marks, pl.DataFrame({"task_id": ["T01"], "activities": [["Pay"]]}))["sentence"].to_list()
    ['The step “Sign”, marked as control (number 3), is not in this log.']
    """
    require_columns(segments, "task_id", "activities", made_by="find_tasks")
    if marks.is_empty():
        return marks.with_columns(sentence=pl.lit(None, pl.String))
    steps = _steps_by_task(segments)
    known = set().union(*steps.values()) if steps else set()
    booked = set() if process is None else set(process["activity"].drop_nulls())
    apps = set(segments["apps"].explode(empty_as_null=True).drop_nulls()) if "apps" in segments.columns else None
    names = set(steps) | set(segments["task_name"].drop_nulls() if "task_name" in segments.columns else [])
    rows = []
    for row in marks.iter_rows(named=True):
        own = steps.get(row["task_id"], set()) if row["task_id"] is not None else known | booked
        if row["what"] == "task":
            there = row["task_id"] in steps
        elif row["what"] == "detour":
            step, app = read_detour(row["subject"])
            there = (apps is None or app in apps) and step in known | booked | names
        else:
            there = set(row["subject"].split(" → ") if row["what"] == "variant" else [row["subject"]]) <= own
        if not there:
            named = row["subject"] if row["what"] == "detour" else f"“{row['subject']}”"
            said = f"The {'way' if row['what'] == 'variant' else row['what']} {named}, marked as {row['mark']} "
            rows.append((row["number"], f"{said}(number {row['number']}), is not in this log."))
    told = pl.DataFrame(rows, schema={"number": pl.Int64, "sentence": pl.String}, orient="row")
    return marks.join(told, on="number", how="inner", maintain_order="left")


def _steps_by_task(segments: pl.DataFrame) -> dict[str, set[str]]:
    """Task → its steps, by the names of activities and of screens."""
    steps = segments.drop_nulls("task_id").select("task_id", step="activities").explode("step", empty_as_null=True)
    steps = steps.drop_nulls().unique().with_columns(screen=screen_of("step")).sort("task_id", "step")
    found = steps.group_by("task_id", maintain_order=True).agg("step", "screen")
    return {task: {*names, *screens} for task, names, screens in found.iter_rows()}


def tasks_now(kept: pl.DataFrame, events: pl.DataFrame | None, segments: pl.DataFrame | None) -> dict[int, str | None]:
    """Find the tasks that entries are about by the rows that were noted with them, as tasks get other numbers.

    Parameters
    ----------
    kept : frame of `Decisions.list`: `number`, `detail` with {"anchor": [session_id, seq]}.
    events, segments : frames of `mine`; None: nothing is looked up.

    Returns
    -------
    Number of the entry → the task that now holds its row, or None where there is no such row any more. Entries without a
    row are left out.

    >>> kept = pl.DataFrame({"number": [3], "detail": ['{"anchor": ["s", 4]}']})
    >>> events = pl.DataFrame({"session_id": "s", "seq": [4], "segment_id": 0})
    >>> tasks_now(kept, events, pl.DataFrame({"segment_id": [0], "task_id": ["T02"]}))
    {3: 'T02'}
    """
    rows = [
        (number, *anchor)
        for number, said in kept.select("number", "detail").iter_rows()
        if (anchor := _anchor(_told(said).get("anchor"))) is not None
    ]
    if events is None or segments is None or not rows:
        return {}
    noted = pl.DataFrame(rows, schema={"number": pl.Int64, "session_id": pl.String, "seq": pl.UInt64}, orient="row")
    at = events.lazy().select(pl.col("session_id").cast(pl.String), pl.col("seq").cast(pl.UInt64), "segment_id")
    at = at.join(noted.lazy().select("session_id", "seq").unique(), on=["session_id", "seq"], how="semi")
    at = at.unique(["session_id", "seq"], keep="first", maintain_order=True).join(
        segments.lazy().select("segment_id", "task_id"), on="segment_id", how="left"
    )
    found = noted.join(at.collect(), on=["session_id", "seq"], how="left", maintain_order="left")
    return dict(found.select("number", "task_id").iter_rows())


def _told(detail: str | None) -> dict[str, Any]:
    """The detail of an entry; empty if it is no mapping."""
    try:
        told = json.loads(detail or "{}")
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _anchor(value: Any) -> tuple[str, int] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    session, seq = value
    fine = isinstance(session, str) and isinstance(seq, int) and not isinstance(seq, bool) and 0 <= seq < 2**63
    return (session, seq) if fine else None


__all__ = ["MARKS", "WHATS", "anchor_of", "detour_words", "list_marks", "list_vanished_marks", "mark", "read_detour",
           "tasks_now", "variant_words"]  # fmt: skip
