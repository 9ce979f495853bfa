"""Routines inside a task: the runs of steps that a robot would take, and those that stay with the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from taskkit.automation.criteria import JUDGEMENT_APPS
from taskkit.automation.fields import found_again, list_values
from taskkit.automation.marks import KINDS, STAYS, place_marks, read_detour
from taskkit.automation.rare import FEW_FIELD
from taskkit.automation.transfers import find_data_transfers
from taskkit.automation.work import Work, split_work
from taskkit.errors import check_choice
from taskkit.privacy import MIN_PEOPLE, shares_pages
from taskkit.schema import require_columns
from taskkit.variants import screen_of

STEADY = 0.8  # part of a step's rows that must be fit for a robot
EXPLAINED = 0.9  # part of a field's values that its rule must give
LEAST_RUNS = 0.2  # part of the executions that a step must be in to be listed
LEAST_STEPS = 2  # steps that a candidate must have
_INTERACTIONS = ("click", "double_click", "right_click", "drag", "text_input", "paste", "cut")
_WRITTEN = ("text_input", "paste")
_SCHEMA = pl.Schema({
    "task_id": pl.String(), "candidate": pl.UInt32(), "taken_by": pl.String(), "steps": pl.List(pl.String()),
    "first": pl.String(), "last": pl.String(), "covers_seconds_share": pl.Float64(), "segments": pl.UInt32(),
    "people": pl.UInt32(), "why": pl.String(), "people_of": pl.List(pl.UInt32()),
})  # fmt: skip


def list_routine_candidates(
    events: pl.DataFrame, segments: pl.DataFrame | None = None, *, transfers: pl.DataFrame | None = None,
    marks: pl.DataFrame | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Divide the usual steps of each task into stretches that a robot would take and stretches that stay with the person.

    The usual steps are the activities in a fifth of the executions or more, in the order in which they are usually
    first reached. A robot takes a step if it is not in a mail, chat or writing program, if its clicks and inputs are on
    elements that are found again by their id or name (where the log has any), and if the rule of its field gives nine of ten
    values where it writes; a step that writes without a known rule stays with the person. Neighbours of a
    kind make a stretch; a robot's needs two steps, else the person keeps it. What people marked as policy, control or
    exception handling (a step by its words or its screen, a detour by its application) stays with the person.

    Parameters
    ----------
    events : one row per interaction, with `segment_id`, `activity`, `step`, `active_seconds`.
    segments : one row per segment, with `task_id`; computed where it is missing.
    transfers : frame of `find_data_transfers`; found where it is missing.
    marks : frame of `list_marks`: what people said the steps are there for.

    Returns
    -------
    One row per task and stretch, in the order of work: `task_id`, `candidate` (number of the stretch in the task),
    `taken_by` ("robot", "person"), `steps`, `first`, `last`, `covers_seconds_share` (active seconds of its steps, of all
    those of the task; what is missing to 1 are rare
    steps, glances and pauses), `segments` and `people` (in which and by whom a step of it was done), `why`,
    `people_of` (people who did each step).

    Raises
    ------
    ContractError : the events have no segments or activities.

    References
    ----------
    Leno et al. (2020), Automated discovery of data transformations for robotic process automation.

    >>> import taskkit as tk
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_012), "what": list("abs" * 4)})
    >>> events = tk.from_table(log, columns={"timestamp": "at", "event_name": "what"})
    >>> events = tk.segment(tk.name_activities(events), method="anchor", end="^s$")
    >>> list_routine_candidates(events).select("taken_by", "steps").row(0)
    ('robot', ['a', 'b', 's'])
    """
    require_columns(events, "activity", "step", made_by="name_activities")
    out = [pl.DataFrame(schema=_SCHEMA)]
    for work in split_work(events, segments):
        task_id = str(work.segments["task_id"][0])
        if transfers is None:
            own = find_data_transfers(work.events.with_columns(task_id=pl.lit(task_id)))
        else:
            own = transfers.filter(pl.col("task_id") == task_id)
        said = place_marks(marks, work.segments).get(task_id, [])
        out.append(_stretches(task_id, _usual_steps(work, own, said), work))
    return pl.concat(out).sort("task_id", "candidate")


def list_stretch_rows(
    events: pl.DataFrame, segments: pl.DataFrame | None = None, *, task_id: str, candidate: int,
    marks: pl.DataFrame | None = None,
) -> pl.DataFrame:  # fmt: skip
    """List the rows that the share of a stretch rests on: the sum of `numerator` over that of `denominator` is its share.

    Parameters
    ----------
    events, segments : as for `list_routine_candidates`.
    task_id, candidate : a row of `list_routine_candidates`.
    marks : those that it was made with.

    Returns
    -------
    One row per row of the task with active time: `user`, `session_id`, `seq`, `segment_id`, `activity`, `numerator` (its
    active seconds if it is in the stretch, else 0), `denominator` (its active seconds). It singles people out: for those
    who check a figure, not for what is shared.

    Raises
    ------
    SettingError : unknown task or candidate.

    >>> import taskkit as tk
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_012), "what": list("abs" * 4)})
    >>> events = tk.from_table(log, columns={"timestamp": "at", "event_name": "what"})
    >>> events = tk.segment(tk.name_activities(events), method="anchor", end="^s$")
    >>> list_stretch_rows(events, task_id="T01", candidate=1).select(pl.col("numerator").sum()).item()
    11.0
    """
    works = {str(work.segments["task_id"][0]): work for work in split_work(events, segments)}
    check_choice(task_id, allowed=works, what="task")
    work = works[task_id]
    said = place_marks(marks, work.segments).get(task_id, [])
    steps = _usual_steps(work, find_data_transfers(work.events.with_columns(task_id=pl.lit(task_id))), said)
    steps = _numbered(steps) if steps.height else steps.with_columns(candidate=pl.lit(None, pl.UInt32))
    check_choice(str(candidate), allowed=[str(n) for n in steps["candidate"].unique().sort()], what="candidate")
    rows = work.events.filter(pl.col("active_seconds") > 0)
    rows = rows.join(steps.select("activity", "candidate"), on="activity", how="left", maintain_order="left")
    inside = (pl.col("candidate") == candidate).fill_null(False)
    return rows.select(
        "user", "session_id", "seq", "segment_id", "activity", denominator="active_seconds",
        numerator=pl.when(inside).then("active_seconds").otherwise(0.0),
    )  # fmt: skip


def _usual_steps(work: Work, transfers: pl.DataFrame, marks: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """One row per usual step, in the order of work: `activity`, `people_of`, `robot`, `why` (what keeps it with the person)."""
    rows = _marked(work.events, transfers).filter(pl.col("activity").is_not_null())
    enough = MIN_PEOPLE if work.days["user"].n_unique() >= MIN_PEOPLE else 1
    rows = rows.with_columns(_at=pl.int_range(pl.len()).over("segment_id") / pl.len().over("segment_id"))
    first = rows.group_by("segment_id", "activity").agg(at=pl.col("_at").min())
    place = first.group_by("activity").agg(at=pl.col("at").median(), runs=pl.len())
    least = max(LEAST_RUNS * work.segments.height, 1.0)
    fit = rows.group_by("activity").agg(
        pl.col("talk").mean(), ruled=pl.col("ruled").mean(), stable=pl.col("stable").mean(),
        app=pl.col("app").drop_nulls().mode().sort().first(),
        field=pl.col("field").drop_nulls().mode().sort().first(), people_of=pl.col("user").n_unique(),
        writes=(pl.col("wrote") & pl.col("ruled").is_null()).mean(), written_by=pl.col("user").filter("wrote").n_unique(),
    )  # fmt: skip
    steps = place.filter(pl.col("runs") >= least).join(fit, on="activity").sort("at", "activity")
    said = pl.when(pl.col("written_by") >= enough).then("field").otherwise(pl.lit(FEW_FIELD))
    steps = steps.with_columns(marked=_said_of(steps, marks))
    why = (
        pl.when(pl.col("marked").is_not_null()).then("marked")
        .when(pl.col("talk") > 1 - STEADY).then(pl.lit("it reads or writes messages and texts"))
        .when(pl.col("ruled") < STEADY).then(pl.format("no rule gives what is written in {}", said))
        .when(pl.col("writes") > 1 - STEADY).then(pl.lit("the log does not tell where the value comes from"))
        .when(pl.col("stable") < STEADY).then(pl.lit("its element has no id or name by which it is found again"))
    )  # fmt: skip
    return steps.select("activity", "people_of", "ruled", "stable", why=why).with_columns(robot=pl.col("why").is_null())


def _said_of(steps: pl.DataFrame, marks: Sequence[Mapping[str, Any]]) -> pl.Series:
    """Why people keep a step, for each of the steps: the first mark that concerns it; null where there is none."""
    rows = steps.select("activity", "app", screen=screen_of("activity")).iter_rows(named=True)
    kept = [mark for mark in marks if mark["mark"] in STAYS and mark["what"] in ("step", "detour", "task")]
    return pl.Series(
        [next((_keeps(mark) for mark in kept if _concerns(mark, row)), None) for row in rows], dtype=pl.String
    )


def _concerns(mark: Mapping[str, Any], step: Mapping[str, Any]) -> bool:
    if mark["what"] == "detour":
        return bool(read_detour(mark["subject"])[1] == step["app"])
    return mark["what"] == "task" or any(mark["subject"] == step[name] for name in ("activity", "screen"))


def _keeps(mark: Mapping[str, Any]) -> str:
    by = f" by {mark['role']}" if mark["role"] and not shares_pages() else ""
    return f"marked as {KINDS[mark['mark']].said} in the workshop{by}"


def _marked(events: pl.DataFrame, transfers: pl.DataFrame) -> pl.DataFrame:
    """The rows with `talk`, `ruled` (null where nothing is written) and `stable` (null where nothing is touched)."""
    bare = pl.col("app").str.to_lowercase().str.strip_suffix(".exe")
    kind = pl.col("event_type").cast(pl.String)
    rows = events.drop("field", strict=False)
    again = found_again(rows)
    written = list_values(events).filter("writes").select("user", "session_id", "seq", "field")
    known = transfers.drop_nulls("share").select("field", ruled=pl.col("share") >= EXPLAINED)
    fields = written.join(known, on="field", how="left").unique(["user", "session_id", "seq"])
    return rows.join(fields, on=["user", "session_id", "seq"], how="left", maintain_order="left").with_columns(
        wrote=kind.is_in(_WRITTEN),
        talk=bare.is_in(list(JUDGEMENT_APPS)).fill_null(False),
        stable=pl.when(kind.is_in(_INTERACTIONS)).then(again),
    )


def _numbered(steps: pl.DataFrame) -> pl.DataFrame:
    """The steps with the number of their stretch; a robot's that is too short goes to the person's around it."""
    run = pl.col("robot").rle_id()
    short = pl.col("robot") & (pl.len().over("_run") < LEAST_STEPS)
    alone = (
        pl.when(short & pl.col("why").is_null())
        .then(pl.lit("a single step is not worth handing over"))
        .otherwise("why")
    )
    steps = steps.with_columns(_run=run).with_columns(why=alone, robot=pl.col("robot") & ~short)
    return steps.with_columns(candidate=pl.col("robot").rle_id() + 1)


def _stretches(task_id: str, steps: pl.DataFrame, work: Work) -> pl.DataFrame:
    """One row per stretch of neighbouring steps of a kind."""
    if steps.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    steps = _numbered(steps)
    rows = work.events.join(steps.select("activity", "candidate"), on="activity", how="inner")
    whole = work.events["active_seconds"].sum()
    measured = rows.group_by("candidate").agg(
        covers_seconds_share=pl.col("active_seconds").sum() / whole if whole else pl.lit(0.0),
        segments=pl.col("segment_id").n_unique(), people=pl.col("user").n_unique(),
    )  # fmt: skip
    reasons = pl.col("why").drop_nulls().unique(maintain_order=True).str.join("; ")
    ruled, found = pl.col("ruled").is_not_null().any(), pl.col("stable").is_not_null().any()
    robot = (
        pl.when(ruled & found).then(pl.lit("every value written follows a rule, and the elements are found again"))
        .when(ruled).then(pl.lit("every value written follows a rule; elements are not known from this log"))
        .when(found).then(pl.lit("nothing is written, and the elements are found again"))
        .otherwise(pl.lit("nothing is written; elements are not known from this log"))
    )  # fmt: skip
    listed = steps.group_by("candidate", maintain_order=True).agg(
        taken_by=pl.when(pl.col("robot").first()).then(pl.lit("robot")).otherwise(pl.lit("person")),
        steps=pl.col("activity"), people_of=pl.col("people_of"), first=pl.col("activity").first(), last=pl.col("activity").last(),
        why=pl.when(pl.col("robot").first()).then(robot).otherwise(reasons),
    )  # fmt: skip
    both = listed.join(measured, on="candidate", how="left", maintain_order="left").with_columns(
        task_id=pl.lit(task_id)
    )
    return both.select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())
