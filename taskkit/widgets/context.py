"""Where people say what a step, way, detour or task is there for: choose it, mark it, say why; a page shows what stands."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.automation.marks import KINDS
from taskkit.charts.look import count_of, people, short, smallest_group
from taskkit.charts.marks import show_marks
from taskkit.decisions import JOURNAL, Decisions, journal_of
from taskkit.decisions.marks import (
    MARKS,
    anchor_of,
    detour_words,
    list_marks,
    list_vanished_marks,
    mark,
    variant_words,
)
from taskkit.errors import SettingError, TaskkitError, check_choice
from taskkit.overlay import list_excursions
from taskkit.privacy import MIN_PEOPLE
from taskkit.variants import screen_of
from taskkit.variants.recounting import WayCounts
from taskkit.widgets.displays import STYLE, Shown, is_shared, is_static, sentence, stack
from taskkit.widgets.forms import Form, beside
from taskkit.widgets.tables import table

WHATS = {"step": "a step", "variant": "a way of doing a task", "detour": "a detour", "task": "a whole task"}
_BOOKED, _USERS, _CASES = (
    "step of the process", ("user of the business system", "users of the business system"), ("case", "cases")
)  # fmt: skip
_MOST = 200  # entries of the list: more are found by searching
_RARE = 0.2  # as in the explorer of variants, so that its ways are the same
_SCHEMA = pl.Schema({"subject": pl.String(), "task_id": pl.String(), "kind": pl.String(), "times": pl.Int64(),
                     "people": pl.Int64(), "label": pl.String()})  # fmt: skip


class ContextDesk:
    """Where steps, ways, detours and tasks are marked as policy, control, exception handling, work-around or training issue.

    What is marked shows its sign in every chart that is made from then on, and the triage of automation follows it. A page
    without a kernel shows the table of what stands.

    Parameters
    ----------
    events, segments : frames of `taskkit.mine`.
    names : task_id → readable name.
    process : frame of `read_process_log`: its steps, and the detours out of them, can be marked as well.
    results : folder of results; the journal of decisions lies beside it. None: nothing can be recorded.
    min_people : smallest group that is named.
    """

    def __init__(
        self, events: pl.DataFrame, segments: pl.DataFrame, *, names: Mapping[str, str] | None = None,
        process: pl.DataFrame | None = None, results: str | Path | None = None, min_people: int = MIN_PEOPLE,
    ) -> None:  # fmt: skip
        self.events, self.segments, self.names = events, segments.drop_nulls("task_id"), dict(names or {})
        self.process = process
        self.min_people = smallest_group(events, min_people=min_people)
        self.path = journal_of(results)
        self._seen = 0  # newest entry of the journal when the marks were shown last
        self._listed: dict[str, pl.DataFrame] = {}
        self._open: _AsDrawn | None = None
        self.refresh()

    # ---------------------------------------------------------------------------------------------- what can be marked
    def choices(self, what: str, *, search: str = "", task_id: str | None = None) -> pl.DataFrame:
        """What can be marked, most frequent first: `subject`, `task_id`, `kind`, `times`, `people`, `label`.

        `search`: words that must all stand in the label, in upper or lower case; `task_id`: only what is in this task.
        """
        check_choice(what, allowed=WHATS, what="thing to mark")
        if what not in self._listed:
            found = {"step": self._steps, "variant": self._ways, "detour": self._detours, "task": self._tasks}[what]()
            found = found.filter(pl.col("people") >= self.min_people)
            self._listed[what] = found.sort("times", "subject", descending=[True, False], maintain_order=True)
        found = self._listed[what]
        if task_id is not None:
            inside = self._subjects_of(task_id) if what == "step" else []
            found = found.filter((pl.col("task_id") == task_id) | pl.col("subject").is_in(inside))
        for word in search.casefold().split():
            found = found.filter(pl.col("label").str.to_lowercase().str.contains(word, literal=True))
        return found.head(_MOST)

    @cached_property
    def _done(self) -> pl.DataFrame:
        """One row per execution and step, by the names of activities and of screens."""
        steps = self.segments.select("segment_id", "user", "task_id", activity="activities")
        steps = steps.explode("activity", empty_as_null=True).drop_nulls("activity").unique(maintain_order=True)
        screens = steps.with_columns(screen_of("activity").alias("activity")).unique(maintain_order=True)
        return pl.concat([screens.with_columns(kind=pl.lit("screen")), steps.with_columns(kind=pl.lit("activity"))])

    def _subjects_of(self, task_id: str) -> list[str]:
        return self._done.filter(task_id=task_id)["activity"].unique().to_list()

    def _steps(self) -> pl.DataFrame:
        done = self._done.group_by(subject="activity", maintain_order=True).agg(
            kind=pl.col("kind").first(), times=pl.len(), people=pl.col("user").n_unique()
        )
        found, booked_by = [done], ("", "")
        if self.process is not None and self.process.height:
            booked = self.process.group_by(subject="activity").agg(kind=pl.lit(_BOOKED), times=pl.len())
            # bookings name no recorded person: as many people as took part, if the log knows them
            who = "resource" if "resource" in self.process.columns else "case_id"
            counts = self.process.group_by(subject="activity").agg(people=pl.col(who).n_unique())
            booked_by = _USERS if who == "resource" else _CASES
            found.insert(0, booked.join(counts, on="subject"))
        both = pl.concat([f.select("subject", "kind", pl.col("times", "people").cast(pl.Int64)) for f in found])
        return _labelled(both.unique("subject", keep="first", maintain_order=True), booked_by=booked_by)

    def _ways(self) -> pl.DataFrame:
        if self.segments.is_empty():
            return pl.DataFrame(schema=_SCHEMA)
        ways = WayCounts(self.segments, events=self.events).count(level="screen", rare=_RARE)
        ways = ways.filter(~pl.col("variant_id").str.ends_with("-other"), pl.col("activities").list.len() > 0)
        said = [variant_words(steps) for steps in ways["activities"]]
        return _labelled(
            ways.select("task_id", kind=pl.col("variant_id").str.replace("-", " "), times="segments", people="people")
            .with_columns(subject=pl.Series(said, dtype=pl.String))
        )  # fmt: skip

    def _detours(self) -> pl.DataFrame:
        used = self.segments.select("segment_id", "user", "task_id", app="apps").explode("app", empty_as_null=True)
        used = used.drop_nulls("app").unique(maintain_order=True)
        counted = used.group_by("task_id", "app").agg(times=pl.len(), people=pl.col("user").n_unique())
        # what an execution mostly uses is no detour
        most = self.segments.group_by("task_id").agg(app=pl.col("apps").list.first().drop_nulls().mode().sort().first())
        counted = counted.join(most, on=["task_id", "app"], how="anti")
        rows = [
            (detour_words(self.names.get(task, task), app), task, f"detour of {task}", times, who)
            for task, app, times, who in counted.select("task_id", "app", "times", "people").iter_rows()
        ]
        if self.process is not None and self.process.height and "case_id" in self.events.columns:
            away = list_excursions(self.events, self.process, min_people=self.min_people)
            rows += [
                (detour_words(step, app), None, "detour of a step of the process", times, who)
                for step, app, times, who in away.select("activity", "app", "bookings", "people").iter_rows()
            ]
        schema = {name: _SCHEMA[name] for name in ("subject", "task_id", "kind", "times", "people")}
        return _labelled(pl.DataFrame(rows, schema=schema, orient="row"))

    def _tasks(self) -> pl.DataFrame:
        found = self.segments.group_by("task_id").agg(times=pl.len(), people=pl.col("user").n_unique())
        name = pl.Series([self.names.get(task, task) for task in found["task_id"]], dtype=pl.String)
        return _labelled(found.with_columns(subject=name, kind=pl.lit("task")))

    # ------------------------------------------------------------------------------------------------ marking and undoing
    def record(
        self, what: str, subject: str, kind: str, *, task_id: str | None = None, note: str = "", role: str = "analyst"
    ) -> int:
        """Mark something, and show it in the charts from now on; returns the number in the journal."""
        journal = self._journal()
        anchor = anchor_of(self.events, self.segments, task_id) if task_id else None
        number = mark(journal, subject, kind, what=what, task_id=task_id, anchor=anchor, note=note, role=role)
        self.refresh()
        return number

    def undo(self, number: int, *, why: str = "", role: str = "analyst") -> None:
        """Take a mark back by a new entry; the old one stays in the journal."""
        if number not in self.marks["number"].to_list():
            raise SettingError(
                f"There is no mark {number} that stands. Standing: {self.marks['number'].to_list() or 'none'}."
            )
        self._journal().undo(number, why=why, role=role)
        self.refresh()

    def refresh(self) -> None:
        """Read what stands in the journal into `marks` (frame of `list_marks`), and show it in the charts from now on."""
        there = self.path is not None and self.path.exists()
        # noted before it is read: what another notebook writes from here on was not seen, and is told as a conflict
        self._seen = self._journal().newest if there else 0
        self.marks = list_marks(self.path if there else None, events=self.events, segments=self.segments)
        if self.path is not None:
            show_marks(self.marks)

    def _journal(self) -> Decisions:
        if self.path is None:
            raise TaskkitError("There is no folder of results to record beside: give results=.")
        if self._open is None:
            self._open = _AsDrawn(self.path)
        self._open.drawn = self._seen
        return self._open

    # ------------------------------------------------------------------------------------------------------ what is shown
    def static(self) -> Any:
        """The table of what stands, and what is marked but no longer in the log."""
        marks = self._of_enough() if is_shared() else self.marks
        shown = tell_marks(marks, self.segments, names=self.names, process=self.process)
        if rest := self.marks.height - marks.height:
            return stack(shown, sentence(f"{count_of(rest, 'mark is', 'marks are')} of the room only."))
        return shown

    def _of_enough(self) -> pl.DataFrame:
        """The marks of what enough people do, in the words of the charts."""
        named: set[tuple[str, str]] = set()
        for what in set(self.marks["what"]) & {*WHATS}:
            self.choices(what)
            named |= {(what, subject) for subject in self._listed[what]["subject"]}
        keep = [pair in named for pair in self.marks.select("what", "subject").iter_rows()]
        return self.marks.filter(pl.Series(keep, dtype=pl.Boolean))

    def live(self) -> Any:
        """The list with its search, the mark with its note, and what stands."""
        for what in WHATS:  # looked up before somebody clicks
            self.choices(what)
        return _Form(self).box

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        shown = self.static() if is_static() else self.live()
        return shown._repr_mimebundle_(include=include, exclude=exclude)


def marks_card(
    events: pl.DataFrame, segments: pl.DataFrame, *, process: pl.DataFrame | None = None, results: str | Path | None = None
) -> Shown:  # fmt: skip
    """Show the marks of the workshop in all charts from here on, and say how many there are and which are not in the log.

    Parameters
    ----------
    events, segments : frames of `taskkit.mine`.
    process : frame of `read_process_log`, whose steps may be marked as well.
    results : folder of results; the journal of decisions lies beside it.

    >>> marks_card(pl.DataFrame(), pl.DataFrame(), results="no/such/results").words[:38]
    'Nothing is marked as policy, control, '
    """
    path = journal_of(results)
    marks = (
        list_marks(path, events=events, segments=segments) if path is not None and path.exists() else list_marks(None)
    )
    show_marks(marks)
    if marks.is_empty():
        return Shown("", f"Nothing is marked as {', '.join(MARKS[:-1])} or {MARKS[-1]} yet.")
    counts = marks["mark"].value_counts(sort=True).sort("count", "mark", descending=[True, False])
    said = ", ".join(f"{KINDS[kind].sign} {kind} {count} ×" for kind, count in counts.iter_rows())
    gone = _gone(list_vanished_marks(marks, segments, process=process))
    told = sentence(f"Marked in the workshop, and shown in the charts below: {said}.")
    return stack(told, sentence(gone, kind="tk-asked")) if gone else told


def _gone(vanished: pl.DataFrame) -> str:
    """What is marked and no longer in the log; on a page that leaves the room only how much."""
    if is_shared():
        count = vanished.height
        return f"{count_of(count, 'mark is', 'marks are')} of what is not in this log." if count else ""
    return " ".join(vanished["sentence"].to_list())


def tell_marks(
    marks: pl.DataFrame, segments: pl.DataFrame, *, names: Mapping[str, str] | None = None, process: pl.DataFrame | None = None
) -> Shown:  # fmt: skip
    """The marks that stand as a table, and the sentences about those that are not in the log."""
    gone = _gone(list_vanished_marks(marks, segments, process=process))
    sign = pl.Series([f"{KINDS[kind].sign} {kind}" for kind in marks["mark"]], dtype=pl.String)
    shown = marks.with_columns(
        mark=sign, what=pl.col("what").replace("variant", "way"),
        where=pl.col("task_id").fill_null("everywhere"), note=pl.col("note").replace("", None).fill_null("–"),
    )  # fmt: skip
    listed = table(
        shown, caption="What is marked, and why", most=50,
        columns={"what": "what", "subject": "named", "where": "task", "mark": "marked as"}
        | ({} if is_shared() else {"note": "note", "role": "by the role", "number": "number"}),
        definition="; ".join(f"{each.sign} {kind}: {each.meaning.rstrip('.')}" for kind, each in KINDS.items())
        + ". From the journal beside the results; what was taken back is not listed.",
        empty="Nothing is marked yet: choose a step, way, detour or task, and say what it is there for.",
    )  # fmt: skip
    return stack(listed, sentence(gone, kind="tk-asked")) if gone else listed


def _labelled(found: pl.DataFrame, *, booked_by: tuple[str, str] = ("", "")) -> pl.DataFrame:
    """The rows with the line that the list shows: the name, what it is, how often it was seen and with how many people.

    A step of the process is booked by users of the business system (or is known by its cases), who are not the recorded people.
    """
    if "task_id" not in found.columns:
        found = found.with_columns(task_id=pl.lit(None, pl.String))
    lines = [
        f"{short(subject, 110)}  ·  {kind}, {times:,} ×, {count_of(who, *booked_by) if kind == _BOOKED else people(who)}"
        for subject, kind, times, who in found.select("subject", "kind", "times", "people").iter_rows()
    ]
    return found.with_columns(label=pl.Series(lines, dtype=pl.String)).select(
        pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items()
    )


class _AsDrawn(Decisions):
    """The journal, written to by people who have read what stood in it when the desk was drawn, and nothing later."""

    drawn = 0

    def record(self, subject: str, decision: str, *, seen: int | None = None, **rest: Any) -> int:
        return super().record(subject, decision, seen=self.drawn if seen is None else seen, **rest)


class _Form(Form):
    """The live controls of one desk, wired; `box` is what is shown."""

    def __init__(self, desk: ContextDesk) -> None:
        import ipywidgets as w

        super().__init__(desk.undo)
        self.desk, self._rows = desk, pl.DataFrame(schema=_SCHEMA)
        wide, half, style = self.wide, self.half, self.style
        tasks = [("all tasks", ""), *((f"{t}  {desk.names.get(t, '')}".strip(), t) for t in self._tasks())]
        self.what = w.ToggleButtons(options=[(said, name) for name, said in WHATS.items()], description="what",
                                    style=style | {"button_width": "160px"})  # fmt: skip
        self.task = w.Dropdown(options=tasks, description="in the task", layout=half, style=style)
        self.search = w.Text(description="search", placeholder="words of its name", continuous_update=True,
                             layout=half, style=style)  # fmt: skip
        self.chosen = w.Select(rows=8, description="which", layout=wide, style=style)
        self.counted = w.HTML()
        self.kind = w.ToggleButtons(options=[(f"{KINDS[kind].sign} {kind}", kind) for kind in MARKS], description="as",
                                    style=style | {"button_width": "160px"})  # fmt: skip
        self.meaning = w.HTML()
        self.note = w.Text(
            description="because", placeholder="a note, in a sentence; no names", layout=wide, style=style
        )
        self.keep = w.Button(description="Mark it", icon="check", button_style="primary")
        self._wire()
        flow = self.flow
        self.box = w.VBox([
            w.HTML(STYLE), self.what, w.HBox([self.task, self.search], layout=flow), self.chosen, self.counted, self.kind,
            self.meaning, self.note, w.HBox([self.role, self.keep], layout=flow), self.said, self.listed,
            w.HBox([self.standing, self.back], layout=flow),
        ])  # fmt: skip
        self._offer()
        self._explain()
        self.tell()

    def _tasks(self) -> list[str]:
        return self.desk.choices("task")["task_id"].sort().to_list()

    def _wire(self) -> None:
        for control in (self.what, self.task, self.search):
            control.observe(lambda _: self._offer(), names="value")
        self.kind.observe(lambda _: self._explain(), names="value")
        self.keep.on_click(lambda _: self.act(self._mark))

    def _offer(self) -> None:
        """List what can be marked, as the search narrows it."""
        try:
            self._rows = self.desk.choices(self.what.value, search=self.search.value, task_id=self.task.value or None)
        except TaskkitError as error:
            self.say(str(error), "tk-problem")
            return
        before = self.chosen.index
        self.chosen.options = [(label, n) for n, label in enumerate(self._rows["label"])]
        self.chosen.index = None if not self._rows.height else before if before and before < self._rows.height else 0
        found = self._rows.height
        said = f"{count_of(found, 'entry', 'entries')}, most frequent first." if found else "Nothing of that name."
        said = f"The {_MOST} most frequent are listed; search for others." if found == _MOST else said
        if self.desk.min_people > 1:
            said += f" What fewer than {self.desk.min_people} people did is not listed."
        self.counted.value = beside(html.escape(said))

    def _explain(self) -> None:
        self.meaning.value = beside(html.escape(KINDS[self.kind.value].meaning))

    def _mark(self) -> str:
        if self.chosen.index is None:
            raise SettingError("Nothing is chosen: choose from the list what is marked.")
        row = self._rows.row(self.chosen.value, named=True)
        task = row["task_id"] or (self.task.value or None)
        number = self.desk.record(self.what.value, row["subject"], self.kind.value, task_id=task, note=self.note.value,
                                  role=self.role.value)  # fmt: skip
        self.note.value = ""
        return f"Recorded as number {number} in {JOURNAL}. Charts that are drawn from now on show {KINDS[self.kind.value].sign}."

    def tell(self) -> None:
        """Show what stands, and offer it for taking back."""
        marks = self.desk.marks
        self.listed.value = self.desk.static().markup
        self.offer_back([
            (f"{n}  {short(s, 50)} · {m}", n) for n, s, m in marks.select("number", "subject", "mark").iter_rows()
        ])  # fmt: skip
