"""Where people say what a task is called and which tasks are one: choose it, name it, say why; a page shows the names."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from taskkit.charts.look import smallest_group
from taskkit.decisions import Decisions, journal_of
from taskkit.decisions.conflicts import CONFLICTS
from taskkit.decisions.names import read_names
from taskkit.errors import SettingError, TaskkitError, check_choice
from taskkit.privacy import MIN_PEOPLE
from taskkit.schema import require_columns
from taskkit.widgets.displays import Shown, is_shared, is_static, sentence, stack
from taskkit.widgets.tables import table

_STEPS = 5  # that are named, so that people recognise a task
_ENTRIES = pl.Schema({"number": pl.Int64(), "subject": pl.String(), "decision": pl.String(), "why": pl.String(),
                      "role": pl.String(), "detail": pl.String()})  # fmt: skip


class _Standing(NamedTuple):
    entries: pl.DataFrame  # of kind "name", oldest first
    conflicts: pl.DataFrame
    found: dict[str, str]  # the name that a task bore before anybody named it
    seen: int


class TaskDesk:
    """Where tasks get the names that people use, and where two tasks are said to be the same.

    What is decided is replayed whenever the log is mined again, also after tasks have got other numbers. A page without a
    kernel shows the table of the names that were given.

    Parameters
    ----------
    events, segments : frames of `taskkit.mine`.
    results : folder of results; the journal of decisions lies beside it. None: nothing can be recorded.
    min_people : smallest group of which anything is said.
    """

    def __init__(
        self, events: pl.DataFrame, segments: pl.DataFrame, *, results: str | Path | None = None, min_people: int = MIN_PEOPLE
    ) -> None:  # fmt: skip
        require_columns(segments, "task_id", "task_name", made_by="find_tasks")
        columns = ["user", "session_id", "seq", "segment_id", *({"task_said"} & {*events.columns})]
        self.rows = events.select(columns)
        self._parted = "found_task_id" in segments.columns  # tasks were made one when this was mined
        self.segments = self._as_found(segments).drop_nulls("task_id")
        self.min_people = smallest_group(events, min_people=min_people)
        self.path = journal_of(results)
        self._steps: dict[tuple[tuple[str, str], ...], dict[str, list[tuple[str, float]]]] = {}
        self.refresh()

    def _as_found(self, segments: pl.DataFrame) -> pl.DataFrame:
        """The segments with the tasks that were found, so that what stands now can be replayed on them."""
        if not self._parted:
            return segments
        put = pl.lit(False)  # into a task by a person: they stay there
        if "task_said" in self.rows.columns:
            put = pl.col("segment_id").is_in(self.rows.drop_nulls("task_said")["segment_id"].unique().implode())
        return segments.with_columns(
            pl.when(put).then(name).otherwise(f"found_{name}").alias(name) for name in ("task_id", "task_name")
        )

    # ---------------------------------------------------------------------------------------------------- what there is
    def refresh(self) -> None:
        """Read what stands in the journal; `tasks` then lists the tasks under the names that they have now.

        `tasks` has one row per task, most active time first: `task_id`, `task_name`, `found_name` (before anybody named
        it), `hours` (active), `times`, `people`. `lost` are decisions that no task of this log answers to.
        """
        self.standing = self._read()
        bare = self.segments.select("segment_id", "task_id", "task_name", "user", "active_seconds").with_columns(
            pl.col("task_id").replace_strict(self.standing.found, default=pl.col("task_name")).alias("task_name")
        )
        names = read_names(bare, self.rows, self.standing.entries)
        self.merged, self.lost, self._about = names.merged, names.lost, names.about
        self._bare = dict(bare.select("task_id", "task_name").unique().sort("task_id", "task_name").iter_rows())
        whole = bare.with_columns(whole=pl.col("task_id").replace(names.merged))
        counted = whole.group_by("whole").agg(
            found_name=pl.col("task_name").filter(pl.col("task_id") == pl.col("whole")).first(),
            hours=pl.col("active_seconds").sum() / 3600, times=pl.len().cast(pl.Int64),
            people=pl.col("user").n_unique().cast(pl.Int64),
        )  # fmt: skip
        counted = counted.rename({"whole": "task_id"}).with_columns(
            task_name=pl.col("task_id").replace_strict(
                names.given, default=pl.col("found_name"), return_dtype=pl.String
            )
        )
        self.tasks = counted.sort("hours", "task_id", descending=[True, False]).select(
            "task_id", "task_name", "found_name", "hours", "times", "people"
        )

    def choices(self) -> pl.DataFrame:
        """The tasks that enough people did to be listed, as `tasks`."""
        return self.tasks.filter(pl.col("people") >= self.min_people)

    def steps(self, task_id: str) -> list[tuple[str, float]]:
        """The steps that tell a task from the others, each with the share of its executions in which it occurs."""
        key = tuple(sorted(self.merged.items()))
        if key not in self._steps:
            self._steps[key] = self._find_steps()
        return self._steps[key].get(task_id, [])

    @cached_property
    def _done(self) -> pl.DataFrame:
        """One row per task as mined, person and step, with the number of executions in which it occurs."""
        steps = self.segments.select("segment_id", "user", "task_id", step="activities")
        steps = steps.explode("step", empty_as_null=True).drop_nulls("step").unique()
        return steps.group_by("task_id", "user", "step").agg(n=pl.len())

    def _find_steps(self) -> dict[str, list[tuple[str, float]]]:
        done = self._done.with_columns(pl.col("task_id").replace(self.merged)).group_by("task_id", "step").agg(
            pl.col("n").sum(), people=pl.col("user").n_unique()
        )  # fmt: skip
        share = done.join(self.tasks.select("task_id", "times"), on="task_id").with_columns(
            share=pl.col("n") / pl.col("times")
        )
        others = (pl.col("share").sum().over("step") - pl.col("share")) / max(self.tasks.height - 1, 1)
        # as tasks are named: often here and seldom elsewhere; rounded, so that the order of adding up decides nothing
        told = share.with_columns(score=(pl.col("share") - 1.5 * others).round(9))
        told = told.filter(pl.col("people") >= self.min_people).sort("score", "step", descending=[True, False])
        best = told.group_by("task_id", maintain_order=True).head(_STEPS).sort("task_id", maintain_order=True)
        found: dict[str, list[tuple[str, float]]] = {}
        for task, step, part in best.select("task_id", "step", "share").iter_rows():
            found.setdefault(task, []).append((step, part))
        return found

    # ---------------------------------------------------------------------------------------------------- what is decided
    def name(self, task_id: str, name: str, *, why: str = "", role: str = "analyst") -> int:
        """Give a task the name that people use; returns the number in the journal.

        Raises
        ------
        SettingError : an unknown task, no name, one that another task bears, no role; all at once.
        """
        called, now = " ".join(name.split()), dict(self.tasks.select("task_id", "task_name").iter_rows())
        check_choice(task_id, allowed=[*now], what="task")
        owner = next((task for task, other in now.items() if other == called and task != task_id), None)
        problems = [
            *(["The name is missing: type what the team calls this task."] if not called else []),
            *([f"{task_id} is called so already."] if now[task_id] == called else []),
            *(
                [f"{owner} bears this name: choose another one, or say that the two are the same task."]
                if owner
                else []
            ),
            *(
                ["This is the number of a task: choose a name in words."]
                if called in {*self.segments["task_id"]}
                else []
            ),
            *self._role_missing(role),
        ]
        if problems:
            raise SettingError("\n".join(problems))
        detail = {"anchor": self.anchor(task_id), "before": self._found(task_id)}
        return self._record(task_id, called, why=why, role=role, detail=detail)

    def merge(self, task_id: str, same_as: str, *, why: str = "", role: str = "analyst") -> int:
        """Say that a task is the same as another one, which keeps its number and name; returns the number in the journal.

        Raises
        ------
        SettingError : an unknown task, one and the same task, no role; all at once.
        """
        now = dict(self.tasks.select("task_id", "task_name").iter_rows())
        for task in (task_id, same_as):
            check_choice(task, allowed=[*now], what="task")
        problems = [f"{task_id} and {same_as} are one task already."] if task_id == same_as else []
        problems += self._role_missing(role)
        if problems:
            raise SettingError("\n".join(problems))
        detail = {"anchor": self.anchor(task_id), "same_as": self.anchor(same_as), "before": self._found(task_id)}
        said = f"is the same task as {same_as} {now[same_as]}"
        return self._record(task_id, said, why=why, role=role, detail=detail)

    def undo(self, number: int, *, why: str = "", role: str = "analyst") -> None:
        """Take a name, or that two tasks are the same, back by a new entry; the old one stays in the journal."""
        known = self.standing.entries["number"].to_list()
        if number not in known:
            raise SettingError(f"There is no name {number} that stands. Standing: {known or 'none'}.")
        self._journal().undo(number, why=why, role=role)
        self.refresh()

    def anchor(self, task_id: str) -> list[Any]:
        """A row by which the task is found again: the middle one of a typical execution that nobody assigned by hand."""
        own = self.segments.filter(pl.col("task_id") == task_id)
        if "task_said" in self.rows.columns:  # found in another task, and only put into this one
            own = own.join(self.rows.drop_nulls("task_said"), on="segment_id", how="anti")
        if own.is_empty():
            raise SettingError(
                f"{task_id} was made in the segmentation editor, by saying which task its executions are: say its new name there."
            )
        sure = [name for name in ("task_confidence", "active_seconds") if name in own.columns]
        own = own.sort(*sure, "segment_id", descending=[True] * len(sure) + [False], nulls_last=True)
        # the middle row: a boundary that is moved later leaves it where it is
        rows = self.rows.filter(pl.col("segment_id") == own["segment_id"][0]).sort("session_id", "seq")
        user, session, seq = rows.select("user", "session_id", "seq").row(rows.height // 2)
        return [str(user), str(session), int(seq)]

    def _found(self, task_id: str) -> str:
        return str(dict(self.tasks.select("task_id", "found_name").iter_rows())[task_id])

    def _role_missing(self, role: str) -> list[str]:
        return [] if role.strip() else ["Your role is missing (a role such as “process owner”, not a name)."]

    # --------------------------------------------------------------------------------------------------------- the journal
    def _record(self, task_id: str, said: str, *, why: str, role: str, detail: dict[str, Any]) -> int:
        number = self._journal().record(
            task_id, said, kind="name", why=why.strip(), role=role.strip(), detail=detail, seen=self.standing.seen
        )
        self.refresh()
        return number

    def _read(self) -> _Standing:
        """What stands; a journal that is not there is not made."""
        if self.path is None or not self.path.exists():
            nothing = pl.DataFrame(schema=_ENTRIES)
            return _Standing(nothing, pl.DataFrame(schema=CONFLICTS), {}, 0)
        journal = self._journal()
        seen = journal.newest  # asked first: what comes in between counts as not seen
        listed = journal.list(kind="name").select(*_ENTRIES)
        before = {} if self._parted else self._names_before(journal.history().filter(kind="name"))
        return _Standing(listed, journal.conflicts().filter(kind="name"), before, seen)

    def _names_before(self, entries: pl.DataFrame) -> dict[str, str]:
        """The name that each task bore before its first entry, also one that was taken back."""
        told = []
        for number, text in entries.select("number", "detail").iter_rows():
            detail = json.loads(text or "{}")
            if isinstance(detail, dict) and isinstance(detail.get("anchor"), list) and "before" in detail:
                told.append((number, *detail["anchor"], detail["before"]))
        schema = {"number": pl.Int64, "user": pl.String, "session_id": pl.String, "seq": pl.Int64, "before": pl.String}
        places = pl.DataFrame(told, schema=schema, orient="row")
        at = self.rows.with_columns(pl.col("seq").cast(pl.Int64)).join(places, on=["user", "session_id", "seq"])
        found = at.join(self.segments.select("segment_id", "task_id"), on="segment_id").sort("number")
        return dict(found.unique("task_id", keep="first").select("task_id", "before").iter_rows())

    def _journal(self) -> Decisions:
        if self.path is None:
            raise TaskkitError("There is no folder of results to record beside: give results=.")
        if not hasattr(self, "_open"):
            self._open = Decisions(self.path)
        return self._open

    # ------------------------------------------------------------------------------------------------------ what is shown
    def given(self) -> pl.DataFrame:
        """The decisions that hold: `task_id`, `said`, `found_name`, `times`, `people`, `why`, `role`, `number`."""
        now = {row["task_id"]: row for row in self.tasks.iter_rows(named=True)}
        lost, rows = {*self.lost["number"]}, []
        for entry in self.standing.entries.iter_rows(named=True):
            task, number = self._about.get(entry["number"]), entry["number"]
            whole = now.get(self.merged.get(task or "", task or ""))
            if task is None or whole is None or number in lost:
                continue
            part = "same_as" in (entry["detail"] or "")
            if not part and (task in self.merged or whole["task_name"] != entry["decision"]):
                continue  # a later name holds
            said = f"part of {whole['task_id']} {whole['task_name']}" if part else entry["decision"]
            found = self._bare.get(task)
            rows.append((task, said, found, whole["times"], whole["people"], entry["why"], entry["role"], number))
        schema = {"task_id": pl.String, "said": pl.String, "found_name": pl.String, "times": pl.Int64, "people": pl.Int64,
                  "why": pl.String, "role": pl.String, "number": pl.Int64}  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    def static(self) -> Shown:
        """The table of the names that hold, and the decisions that no task of this log answers to."""
        columns = {"task_id": "task", "said": "is called", "found_name": "name that was found", "times": "times seen",
                   "people": "people"}  # fmt: skip
        if not is_shared():
            columns |= {"why": "why", "role": "by the role", "number": "number"}
        listed = table(
            self.given().with_columns(why=pl.col("why").replace("", "–")),
            columns=columns, caption="Names that people gave to tasks", most=50, min_people=self.min_people, keep=["task_id"],
            definition="Times seen and people: of the task as it is now. What was taken back is not listed.",
            empty="No task has been named by people yet: the names are those that were found.",
        )  # fmt: skip
        if self.lost.is_empty() or is_shared():
            return listed
        return stack(listed, sentence(" ".join(self.lost["sentence"].to_list()), kind="tk-asked"))

    def live(self) -> Any:
        """The tasks with their steps, the name with its reason, and what stands."""
        from taskkit.widgets.task_form import TaskForm

        return TaskForm(self).box

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        shown = self.static() if is_static() else self.live()
        return shown._repr_mimebundle_(include=include, exclude=exclude)
