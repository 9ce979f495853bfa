"""What is worth automating, for one's own weights and assumptions; verdicts are accepted or rejected with a reason."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import polars as pl

from taskkit import charts
from taskkit.automation.decision_rules import find_decision_rules
from taskkit.automation.feasibility import read_weights
from taskkit.automation.marks import place_marks
from taskkit.automation.questionnaire import QUESTIONS, read_answers
from taskkit.automation.ranking import rank_tasks
from taskkit.automation.rare import hide_rare_names
from taskkit.automation.routine_steps import list_routine_candidates
from taskkit.automation.stability import rank_stability
from taskkit.automation.transfers import find_data_transfers
from taskkit.automation.value import EFFORTS, Assumptions, list_assumptions, list_cases
from taskkit.charts.automation import VERDICTS
from taskkit.charts.automation_criteria import told
from taskkit.charts.automation_fields import field_map
from taskkit.charts.automation_ranks import rank_intervals, savings_cases
from taskkit.charts.automation_steps import routine_strip
from taskkit.charts.look import count_of, smallest_group, unchecked
from taskkit.decisions import journal_of
from taskkit.decisions.marks import list_marks
from taskkit.errors import SettingError, TaskkitError, check_choice
from taskkit.pipeline.measuring import keep_criteria
from taskkit.privacy import MIN_PEOPLE, shares_pages
from taskkit.widgets.automation_journal import TaskDecisions
from taskkit.widgets.controls import Explorer, Quick, put, shown_by, slider
from taskkit.widgets.displays import STYLE, Shown, sentence, stack
from taskkit.widgets.tables import table

_WEIGHT, _BUILD = "weight_", "build_cost_"
# assumption → least, most and step of its field
_FIELDS = {
    "population": (0, 1_000_000, 1), "hourly_rate": (0.0, 1000.0, 5.0), "weeks_per_year": (1.0, 53.0, 1.0),
    "straight_through_share": (0.0, 1.0, 0.05),
    "error_rate": (0.0, 1.0, 0.01), "error_cost": (0.0, 1e6, 5.0), "run_cost_per_year": (0.0, 1e7, 100.0),
    "years": (1, 50, 1), "discount_rate": (0.0, 1.0, 0.01),
}  # fmt: skip


class AutomationExplorer(Explorer):
    """The candidates for automation, for one's own weights and assumptions; `ranking` is the frame as first given.

    `draw` gives the plane with the criteria of the chosen task, `cases` and `ranks` what assumptions and weights do to
    it, `fields`, `rules` and `steps` what is inside a task, `decisions` what was decided. All of them work in a page
    without a kernel; weights and assumptions can be moved in a live notebook only.

    Parameters
    ----------
    events, segments : frames of `taskkit.mine`.
    assumptions : what money depends on; the defaults of `Assumptions` if none.
    weights : criterion → weight in feasibility.
    context : answers to the questionnaire, {task: {question: answer}}; those in the journal are added.
    process : frame of `read_process_log`, so that decisions may follow from what is known of the case.
    results : folder of results; the journal of decisions lies beside it. None: nothing can be recorded.
    measured : frame of `measure_criteria`, such as that of a whole log of which `events` are a part; measured here if none.
    min_segments : a task seen less often gets no verdict.
    min_people : smallest group that is shown.
    """

    def __init__(
        self,
        events: pl.DataFrame,
        segments: pl.DataFrame,
        *,
        process: pl.DataFrame | None = None,
        assumptions: Assumptions | None = None,
        weights: Mapping[str, float] | None = None,
        context: Mapping[str, Mapping[str, Any]] | None = None,
        results: str | Path | None = None,
        measured: pl.DataFrame | None = None,
        min_segments: int = 20,
        min_people: int = MIN_PEOPLE,
    ) -> None:
        self.events, self.segments, self.min_segments = events, segments, min_segments
        self.process = process if "case_id" in events.columns else None
        self.assumptions, self.weights = assumptions or Assumptions(), read_weights(weights)
        self.min_people = smallest_group(events, min_people=min_people)
        self.path = journal_of(results)
        self._context = {task: dict(answers) for task, answers in (context or {}).items()}
        self._kept = TaskDecisions(self.path, events, segments)
        self._last: tuple[Any, pl.DataFrame] | None = None  # the ranking of the last settings
        self._placed_for: tuple[tuple[int, ...], dict[str, list[dict[str, Any]]]] = ((), {})
        self._measured = (
            keep_criteria(events, segments, results=results) if measured is None else measured
        )  # the slow part, once: a slider only weighs anew
        self.ranking = self._score(self.assumptions, self.weights)

    # ------------------------------------------------------------------------------------------------ weights and money
    def controls(self) -> dict[str, Any]:
        """A slider for each weight, a number field for each assumption."""
        import ipywidgets as w

        style = {"description_width": "190px"}
        found = {
            _WEIGHT + name: slider(told(name), value, 0.0, max(5.0, value), 0.5) for name, value in self.weights.items()
        }
        costs = self.assumptions.build_cost_by_effort
        numbers: dict[str, tuple[Any, float, float, float]] = {
            name: (getattr(self.assumptions, name) or 0, *limits) for name, limits in _FIELDS.items()
        }
        numbers |= {_BUILD + effort: (costs[effort], 0.0, 1e8, 500.0) for effort in EFFORTS}
        for name, (value, least, most, step) in numbers.items():
            kind = w.BoundedIntText if isinstance(step, int) else w.BoundedFloatText
            found[name] = kind(
                value=value, min=least, max=most, step=step, description=name.replace("_", " "), style=style,
                layout={"width": "330px"},
            )  # fmt: skip
        return found

    def draw(self, **settings: float) -> Any:
        """The plane of value and feasibility with the criteria of the chosen task, and the sum of money in words."""
        ranking, assumptions, _ = self._changed(settings)
        with unchecked():
            plane = Quick(charts.value_feasibility(ranking, decided=self.decided, min_people=self.min_people))
        words = self._money(ranking, assumptions)
        return stack(plane, Shown(f"<p>{html.escape(words)}</p>", words)) if words else stack(plane)

    def cases(self, **settings: float) -> Any:
        """Savings and net present value in three cases, of the tasks that are not left to judgement and have enough data."""
        ranking, assumptions, _ = self._changed(settings)
        built = ranking.filter(~pl.col("verdict").is_in(["leave to judgement", "too little data"]))
        with unchecked():
            return Quick(savings_cases(list_cases(built, assumptions=assumptions), tasks=self._named))

    def ranks(self, **settings: float) -> Any:
        """How often each candidate stays in the top five when the weights move."""
        ranking, _, weights = self._changed(settings)
        found = rank_stability(
            ranking, measured=self._measured, weights=weights, context=self.context, marks=self._placed
        )
        return rank_intervals(found, tasks=self._named)

    def list_assumptions(self) -> Any:
        """The assumptions behind every sum of money, as a table."""
        listed = list_assumptions(self.assumptions).with_columns(pl.col("assumption").str.replace_all("_", " "))
        return table(
            listed.rename({"value": "assumed", "is_default": "as delivered"}), caption="Assumptions",
            definition="None of them is in the log. Replace them by your own before a sum is passed on; money in your currency.",
            most=20,
        )  # fmt: skip

    def live(self) -> Any:
        """Sliders and fields above the plane and the cases."""
        import ipywidgets as w

        controls, said, plane, cases = self.controls(), w.HTML(), w.Output(), w.Output()
        at_first = {name: control.value for name, control in controls.items()}

        def redraw(_: Any = None, *, money: bool = True) -> None:
            settings = {name: control.value for name, control in controls.items()}
            said.value = STYLE + self._moved(settings, at_first)  # in words at once: the pictures take a moment longer
            put(plane, shown_by(lambda: self.draw(**settings)))
            if money:
                put(cases, shown_by(lambda: self.cases(**settings)))

        for name, control in controls.items():
            money = not name.startswith(_WEIGHT)  # a weight moves no money
            control.observe(partial(redraw, money=money), names="value")
        redraw()
        wrapped = w.Layout(flex_flow="row wrap")
        weights = [control for name, control in controls.items() if name.startswith(_WEIGHT)]
        fields = [control for name, control in controls.items() if not name.startswith(_WEIGHT)]
        moved = w.Accordion([w.HBox(weights, layout=wrapped), w.HBox(fields, layout=wrapped)],
                            titles=("Weights of the criteria", "Assumptions"))  # fmt: skip
        return w.VBox([said, moved, plane, cases])

    def static(self) -> Any:
        """The plane, the cases, and the assumptions they rest on."""
        return stack(self.draw(), self.cases(), self.list_assumptions())

    # --------------------------------------------------------------------------------------------------- inside a task
    @cached_property
    def transfers(self) -> pl.DataFrame:
        """The data transfers of all tasks, frame of `find_data_transfers`."""
        return find_data_transfers(self._with_tasks())

    @cached_property
    def decision_rules(self) -> pl.DataFrame:
        """The decision rules of all tasks, frame of `find_decision_rules`."""
        return find_decision_rules(self.events, self.segments, cases=self.process)

    def fields(self, *, task_id: str | None = None) -> Any:
        """From which fields the fields of a task are filled."""
        return field_map(self.transfers, task_id=task_id, names=self._names, min_people=self.min_people)

    def steps(self, *, task_id: str | None = None) -> Any:
        """Which steps of a task a robot could take, and which stay with the person."""
        found = list_routine_candidates(self._with_tasks(), self.segments, transfers=self.transfers, marks=self.marks)
        return routine_strip(found, task_id=task_id, names=self._names, min_people=self.min_people)

    def rules(self, *, most: int = 20) -> Any:
        """The decision rules in words, as a table: what follows from the case first, then from fields, then from the order."""
        return rule_table(self.decision_rules, most=most, min_people=self.min_people)

    # ------------------------------------------------------------------------------------------------------- decisions
    @property
    def decided(self) -> pl.DataFrame | None:
        """Verdicts that were accepted or rejected, oldest first, or None without a journal."""
        return self._journal("verdict")

    @property
    def marks(self) -> pl.DataFrame:
        """What was marked as policy, control, exception handling, work-around or training issue: frame of `list_marks`."""
        return list_marks(self.path, events=self.events, segments=self.segments)

    @property
    def _placed(self) -> dict[str, list[dict[str, Any]]]:
        """The marks of each task; looked up in the segments only when the journal holds other ones."""
        marks = self.marks
        key = tuple(marks["number"])
        if key != self._placed_for[0]:
            self._placed_for = key, place_marks(marks, self.segments)
        return self._placed_for[1]

    @property
    def context(self) -> dict[str, dict[str, Any]]:
        """The answers given so far, {task: {question: answer}}; of several to one question the last one counts."""
        found = {task: dict(answers) for task, answers in self._context.items()}
        kept = self._journal("context")
        for task, said in [] if kept is None else kept.select("subject", "decision").iter_rows():
            name, _, answer = said.partition(": ")
            if name in QUESTIONS:
                found.setdefault(task, {})[name] = answer
        return found

    def decide(self, task_id: str, *, accept: bool, why: str, role: str, instead: str | None = None) -> int:
        """Accept or reject the verdict of a task with a reason; returns the number in the journal.

        What the same role decided about the task before is taken back; another role's decision stands beside it.
        """
        check_choice(task_id, allowed=self._named, what="task")
        verdict = str(self.ranking.filter(task_id=task_id)["verdict"][0])
        if instead is not None:
            check_choice(instead, allowed=VERDICTS, what="verdict")
        if instead == verdict and not accept:
            raise SettingError(f"{task_id} is called {verdict!r} already: choose another verdict, or accept it.")
        if not why.strip() or not role.strip():
            raise SettingError("A decision needs a reason and the role of who decides; one of them is empty.")
        words = f"accepted: {verdict}" if accept else f"rejected: {verdict}"
        words += f"; instead: {instead}" if instead and not accept else ""
        return self._kept.record(task_id, words, kind="verdict", why=why, role=role)

    def answer(self, task_id: str, question: str, answer: str, *, why: str = "", role: str = "analyst") -> int:
        """Answer a question of the questionnaire about a task, and rank anew; returns the number in the journal."""
        check_choice(task_id, allowed=self._named, what="task")
        check_choice(question, allowed=QUESTIONS, what="question")
        if not answer.strip():
            raise SettingError(
                "The answer is empty. Say no, or what is the case; what is written is quoted in the reason."
            )
        read_answers({task_id: {question: answer}})
        number = self._kept.record(
            task_id, f"{question}: {answer}", kind="context", why=why, role=role, same=f"{question}: "
        )
        self.ranking = self._score(self.assumptions, self.weights)
        return number

    def decisions(self) -> Any:
        """What was decided about the verdicts and answered about the tasks, as a table."""
        kept = self._kept.show()
        name = pl.col("subject").replace_strict(self._names, default=None, return_dtype=pl.String)
        gone = pl.format("not in this log (was {})", "said_of")  # it stands, but no chart and no rank follows it
        found = None if kept is None else kept.sort("kind", descending=True, maintain_order=True).with_columns(
            task_name=pl.when(pl.col("subject").is_null()).then(gone).otherwise(name),
            subject=pl.col("subject").fill_null("–"),
        )  # fmt: skip
        return table(
            found, caption="Decisions about the verdicts",
            columns={"subject": "task", "task_name": "name", "decision": "decided or answered", "why": "reason",
                     "role": "role", "time": "when (UTC)"},
            definition="From the journal beside the results; what was taken back is not listed.", most=50,
            empty="No verdict has been accepted or rejected yet, and no question answered.",
        )  # fmt: skip

    def _score(self, assumptions: Assumptions, weights: Mapping[str, float]) -> pl.DataFrame:
        return rank_tasks(
            self._measured,
            assumptions=assumptions,
            weights=weights,
            min_segments=self.min_segments,
            context=self.context,
            marks=self._placed,
        )

    def _changed(self, settings: Mapping[str, float]) -> tuple[pl.DataFrame, Assumptions, dict[str, float]]:
        """The ranking, the assumptions and the weights with the settings of the controls."""
        weights = {name.removeprefix(_WEIGHT): value for name, value in settings.items() if name.startswith(_WEIGHT)}
        costs = {name.removeprefix(_BUILD): value for name, value in settings.items() if name.startswith(_BUILD)}
        own: dict[str, Any] = {name: value for name, value in settings.items() if name in _FIELDS}
        own |= {"population": own["population"] or None} if "population" in own else {}  # 0: the recorded people
        own |= {"build_cost_by_effort": self.assumptions.build_cost_by_effort | costs} if costs else {}
        assumptions, weights = replace(self.assumptions, **own), self.weights | weights
        if assumptions == self.assumptions and weights == self.weights:
            return self.ranking, assumptions, weights
        key = (assumptions, weights, self.context, self._placed)
        if self._last is None or self._last[0] != key:  # plane, cases and words ask in turn
            self._last = key, self._score(assumptions, weights)
        return self._last[1], assumptions, weights

    def _moved(self, settings: Mapping[str, float], before: Mapping[str, float]) -> str:
        """What was moved, and how the order differs from the one before, as a sentence."""
        names = {name: told(name.removeprefix(_WEIGHT)) for name, value in settings.items() if value != before[name]}
        if not names:
            return sentence("Weights and assumptions are as they were at first.").markup
        try:
            ranking, *_ = self._changed(settings)
        except (TaskkitError, ValueError):
            return ""  # the picture says what is wrong
        first = self.ranking.select("task_id", was="rank", had="verdict")
        both = ranking.join(first, on="task_id").filter(pl.col("task_id").is_in(self._named)).sort("rank")
        other = [pl.col("rank") != pl.col("was"), pl.col("verdict") != pl.col("had")]
        moved, judged = both.select(each.sum() for each in other).row(0)
        words = f"With {', '.join(f'{label} {settings[name]:g}' for name, label in names.items())}: another rank than at first "
        words += f"for {moved} of {count_of(both.height, 'task')}, another verdict for {judged}."
        for row in both.head(1).iter_rows(named=True):
            words += f" First is {row['task_id']} {row['task_name']} ({row['verdict']})."
        return sentence(words).markup

    def _money(self, ranking: pl.DataFrame, assumptions: Assumptions) -> str:
        ready = pl.col("verdict").is_in(["automate", "integrate"]) & (pl.col("people") >= self.min_people)
        worth = ranking.filter(ready)
        money = float(worth["savings_per_year"].sum() or 0)
        if money < 0.5:
            return ""
        return (
            f"With {assumptions.hourly_rate:,.0f} an hour and {assumptions.straight_through_share:.0%} of the time freed, both "
            f"assumed, the tasks to automate or integrate would save about {money:,.0f} a year in your currency, before what "
            "it costs to build and run."
        ).replace("%", " %")

    @property
    def _named(self) -> list[str]:
        return self.ranking.filter(pl.col("people") >= self.min_people)["task_id"].to_list()

    @property
    def _names(self) -> dict[str, str]:
        return dict(self.ranking.select("task_id", "task_name").iter_rows())

    def _with_tasks(self) -> pl.DataFrame:
        if "task_id" in self.events.columns:
            return self.events
        tasks = self.segments.select("segment_id", "task_id")
        return self.events.join(tasks, on="segment_id", how="left", maintain_order="left")

    def _journal(self, kind: str) -> pl.DataFrame | None:
        kept = self._kept.read(kind)
        return None if kept is None else kept.drop_nulls("subject").drop("said_of")


def rule_table(rules: pl.DataFrame, *, most: int = 20, min_people: int = MIN_PEOPLE) -> Shown:
    """Show decision rules in words: where the work goes different ways, which way when, and how well that is foretold.

    Parameters
    ----------
    rules : frame of `find_decision_rules`.
    most : rows shown: first what follows from the case, then what follows from fields, then what follows from the order of
        work; of these the rule first that foretells most executions better than the usual way.
    min_people : smallest group that is shown.

    >>> rule_table(pl.DataFrame())
    Decision rules: No step after which executions of a task go different ways was found.
    """
    empty = "No step after which executions of a task go different ways was found."
    if rules.is_empty():
        return table(None, caption="Decision rules", empty=empty)
    rules = hide_rare_names(rules.filter(pl.col("people") >= min_people), min_people=min_people)
    ways = [
        "; ".join(f"{branch} ({share:.0%})" for branch, share in zip(branches, shares, strict=True))
        for branches, shares in rules.select("branches", "shares").iter_rows()
    ]
    shown = rules.with_columns(
        after=pl.col("after").fill_null("the start"), ways=pl.Series(ways, dtype=pl.String),
        says=pl.coalesce("rule", "why"), foretold=(100 * pl.col("accuracy")).round(0), usual=(100 * pl.col("baseline")).round(0),
    )  # fmt: skip
    of_case = pl.col("fields").list.eval(pl.element().str.starts_with("case › ")).list.any()
    by_order = pl.col("rule").str.contains("has no value yet|step before|done before").fill_null(True)
    gained = (pl.col("accuracy") - pl.col("baseline")) * pl.col("segments")
    order = [pl.col("rule").is_null(), by_order, ~of_case, gained, pl.col("task_id"), pl.col("after")]
    shown = shown.sort(order, descending=[False, False, False, True, False, False], maintain_order=True)
    return table(
        shown, caption="Decision rules", empty=empty, most=most,
        definition=f"Foretold: held out, by a rule learnt from other people; usual way: always the most frequent one. Decisions "
        f"of fewer than {min_people} people are not shown, nor their fields and steps, nor values that were written.",
        columns={"task_id": "task", "after": "after", "ways": "ways", "says": "rule", "foretold": "foretold (%)",
                 "usual": "usual way (%)", **({} if shares_pages() else {"exceptions": "exceptions"}),
                 "segments": "times", "people": "people"},
    )  # fmt: skip
