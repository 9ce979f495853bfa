"""What people said a piece of work is there for, policy or work-around, and what that means for its automation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from taskkit.errors import check_choice
from taskkit.privacy import shares_pages
from taskkit.schema import require_columns
from taskkit.variants import screen_of

Placed = dict[str, list[dict[str, Any]]]


class Kind(NamedTuple):
    """One kind of mark: what it means, its sign in charts, and how a reason puts it."""

    meaning: str
    sign: str
    said: str


KINDS: dict[str, Kind] = {
    "policy": Kind("A rule of the organisation, of a contract or of the law asks for it.", "§", "policy"),
    "control": Kind("It is done to check the work of others or a figure, on purpose.", "◆", "a control"),
    "exception handling": Kind("It deals with the cases that the usual way does not fit.", "◇", "exception handling"),
    "work-around": Kind("It makes up for something that the system or the process does not do.", "↷", "a work-around"),
    "training issue": Kind("It is done because another, better way is not known or not practised.", "✎", "a training issue"),
}  # fmt: skip
WHATS = ("step", "variant", "detour", "task")
STAYS = ("policy", "control", "exception handling")  # such steps stay with the person
USUAL = 0.2  # part of a task's executions in which a marked step, way or detour must be to count for its verdict
_DETOUR = re.compile(r"^(?P<app>.+) during “(?P<activity>.+)”$")


def detour_words(activity: str, application: str) -> str:
    """A detour in words: where it leads, and from which step or task.

    >>> detour_words("Approve", "mail")
    'mail during “Approve”'
    """
    return f"{application} during “{activity}”"


def read_detour(subject: str) -> tuple[str, str]:
    """Activity and application of a detour's words; both empty if they are none.

    >>> read_detour("mail during “Approve”")
    ('Approve', 'mail')
    """
    found = _DETOUR.match(subject)
    return (found["activity"], found["app"]) if found else ("", "")


def variant_words(steps: Sequence[str]) -> str:
    """A way of doing a task in words: its steps in order. Its number may change, its steps do not.

    >>> variant_words(["read", "pay"])
    'read → pay'
    """
    return " → ".join(steps)


def place_marks(marks: pl.DataFrame | None, segments: pl.DataFrame) -> Placed:
    """Say for each task which marks concern it: its own, and those of a step, way or detour that is usual in it.

    Parameters
    ----------
    marks : frame of `list_marks`: `what`, `subject`, `task_id`, `mark`, `note`, `role`; None: there are none.
    segments : one row per segment, with `task_id`, `activities` and `apps`.

    Returns
    -------
    Task → its marks in the order in which they were made, each with `share` (of its executions that hold it; 1 for a
    mark of the whole task).

    Raises
    ------
    ContractError : a column is missing. SettingError : an unknown mark, or a mark of something unknown.

    >>> marks = pl.DataFrame({"what": ["step"], "subject": ["b"], "task_id": None, "mark": "control", "note": "", "role": "x"})
    >>> place_marks(marks, pl.DataFrame({"task_id": ["T01"], "activities": [["a", "b"]]}))["T01"][0]["share"]
    1.0
    """
    if marks is None or marks.is_empty():
        return {}
    require_columns(marks, "what", "subject", "task_id", "mark", "note", "role", made_by="list_marks")
    known = _with_screens(segments.drop_nulls("task_id"))
    rows = list(marks.iter_rows(named=True))
    for row in rows:
        check_choice(row["mark"], allowed=KINDS, what="mark")
        check_choice(row["what"], allowed=WHATS, what="marked thing")
    out: Placed = {}
    for row in rows:
        for task, share in _shares(row, known).items():
            if share >= USUAL:
                out.setdefault(task, []).append(row | {"share": share})
    return out


def _shares(row: Mapping[str, Any], segments: pl.DataFrame) -> dict[str, float]:
    """Task → part of its executions that hold what is marked."""
    own = segments if row["task_id"] is None else segments.filter(pl.col("task_id") == row["task_id"])
    if own.is_empty():
        return {}
    if row["what"] == "task":
        return {} if row["task_id"] is None else {str(row["task_id"]): 1.0}
    if row["what"] == "step":
        found = pl.col("activities").list.contains(row["subject"]) | pl.col("_screens").list.contains(row["subject"])
    elif row["what"] == "variant":
        ways = row["subject"].split(" → ")
        found = _as_ways("activities", ways) | _as_ways("_screens", ways)
    else:
        activity, application = read_detour(row["subject"])
        if "apps" not in own.columns:
            return {}
        found = pl.col("apps").list.contains(application)
        if row["task_id"] is None:
            names = own["task_name"] if "task_name" in own.columns else own["task_id"]
            own = own.filter((pl.col("task_id") == activity) | (names == activity))
    shares = own.group_by("task_id").agg(share=found.fill_null(False).mean()).sort("task_id")
    return {str(task): float(share or 0.0) for task, share in shares.iter_rows()}


def _as_ways(column: str, steps: list[str]) -> pl.Expr:
    """Whether the steps stand in the column in this order, others between them or not: rare steps are no part of a way."""

    def holds(path: pl.Series) -> bool:
        rest = iter(path)
        return all(any(step == each for each in rest) for step in steps)

    return pl.col(column).map_elements(holds, return_dtype=pl.Boolean)


def _with_screens(segments: pl.DataFrame) -> pl.DataFrame:
    numbered = segments.with_row_index("_row")
    steps = numbered.select("_row", _step="activities").explode("_step", empty_as_null=True)
    steps = steps.with_columns(screen_of("_step").alias("_screens"))
    screens = steps.group_by("_row", maintain_order=True).agg("_screens")
    return numbered.join(screens, on="_row", how="left", maintain_order="left").drop("_row")


def verdict_of_task(marks: Sequence[Mapping[str, Any]], *, carries: bool) -> tuple[str, str] | None:
    """The verdict that a mark of the whole task leads to, with the sentence; what stays with people decides first.

    Parameters
    ----------
    marks : those of one task (`place_marks`).
    carries : whether values are carried by hand out of the main application.

    >>> verdict_of_task([{"what": "task", "mark": "policy", "role": "controller", "note": "four eyes"}], carries=False)
    ('leave to judgement', 'The workshop (controller) marked the task as policy: four eyes')
    """
    whole = [row for row in marks if row["what"] == "task"]
    for kinds, verdict in ((STAYS, "leave to judgement"), *_leads(carries)):
        for row in whole:
            if row["mark"] in kinds:
                return verdict, _said(row, "the task")
    return None


def verdict_of_parts(marks: Sequence[Mapping[str, Any]], *, carries: bool) -> tuple[str, str] | None:
    """The verdict that marks of steps, ways and detours lead to, if a robot would otherwise take a work-around over.

    >>> verdict_of_parts([{"what": "step", "subject": "Copy", "mark": "work-around", "role": "clerk", "note": ""}], carries=False)
    ('fix the process', 'The workshop (clerk) marked the step “Copy” as a work-around')
    """
    for kinds, verdict in _leads(carries):
        for row in marks:
            if row["what"] != "task" and row["mark"] in kinds:
                return verdict, _said(row, in_words(row))
    return None


def _leads(carries: bool) -> tuple[tuple[tuple[str, ...], str], ...]:
    return (
        (("work-around",), "integrate" if carries else "fix the process"),
        (("training issue",), "share the better practice"),
    )


def staying(marks: Sequence[Mapping[str, Any]]) -> str:
    """The sentence about the steps that stay with the person because people marked them, or nothing.

    >>> staying([{"what": "step", "subject": "Check", "mark": "control", "role": "", "note": ""}])
    ' With the person stays the step “Check” (a control).'
    """
    found = [f"{in_words(row)} ({KINDS[row['mark']].said})" for row in marks
             if row["what"] != "task" and row["mark"] in STAYS]  # fmt: skip
    if not found:
        return ""
    return f" With the person {'stays' if len(found) == 1 else 'stay'} {', '.join(dict.fromkeys(found))}."


def in_words(row: Mapping[str, Any]) -> str:
    """What is marked, in words.

    >>> in_words({"what": "step", "subject": "Approve"})
    'the step “Approve”'
    """
    if row["what"] == "detour":
        return f"the detour to {row['subject']}"
    return f"the {'way' if row['what'] == 'variant' else row['what']} “{row['subject']}”"


def _said(row: Mapping[str, Any], what: str) -> str:
    """Who marked it as what, and why; on a page that leaves the room neither the role nor the note."""
    room = not shares_pages()
    who = f"The workshop ({row['role']})" if row["role"] and room else "The workshop"
    why = f": {row['note'].rstrip('.')}" if row["note"] and room else ""
    return f"{who} marked {what} as {KINDS[row['mark']].said}{why}"
