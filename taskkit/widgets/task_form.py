"""The live controls of the desk where tasks are named: the list with telling steps, the name, what is the same, taking back."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import polars as pl

from taskkit.charts.look import people, short
from taskkit.decisions import JOURNAL
from taskkit.errors import SettingError
from taskkit.widgets.displays import STYLE
from taskkit.widgets.forms import Form, beside

if TYPE_CHECKING:
    from taskkit.widgets.task_desk import TaskDesk

SPLIT = (
    "Two kinds of work under one name? Divide them in the segmentation editor: say there which task an "
    "execution is. A name that no task bears yet makes a new task."
)
AGAIN = "Charts and tables show it when the notebook is run again; the list above shows it now."


class TaskForm(Form):
    """The live controls of one desk, wired; `box` is what is shown."""

    def __init__(self, desk: TaskDesk) -> None:
        import ipywidgets as w

        super().__init__(desk.undo)
        self.desk = desk
        wide, half, auto, flow, style = self.wide, self.half, self.auto, self.flow, self.style
        self.chosen = w.Select(rows=9, description="task", layout=wide, style=style)
        self.steps, self.disputed = w.HTML(), w.HTML()
        self.name = w.Text(description="is called", placeholder="the name that the team uses", layout=half, style=style)
        self.why = w.Text(description="because", placeholder="a reason, in a sentence; no names of people", layout=wide,
                          style=style)  # fmt: skip
        self.keep = w.Button(description="Keep the name", icon="check", button_style="primary", layout=auto)
        self.other = w.Dropdown(description="the same as", layout=half, style=style)
        self.join = w.Button(description="Make them one task", icon="compress", layout=auto)
        self.pair = w.Dropdown(description="settle", layout=half, style=style)
        self.earlier, self.later = (
            w.Button(description=f"Keep the {which}", layout=auto) for which in ("earlier", "later")
        )
        self.settle = w.HBox(
            [self.pair, self.earlier, self.later], layout=w.Layout(flex_flow="row wrap", display="none")
        )
        self._wire()
        self.box = w.VBox([
            w.HTML(STYLE), self.chosen, self.steps, self.why, self.role, w.HBox([self.name, self.keep], layout=flow),
            w.HBox([self.other, self.join], layout=flow), w.HTML(beside(html.escape(SPLIT))), self.said,
            self.disputed, self.settle, self.listed, w.HBox([self.standing, self.back], layout=flow),
        ])  # fmt: skip
        self.tell()

    def _wire(self) -> None:
        self.chosen.observe(lambda _: self._choose(), names="value")
        for button, change in (
            (self.keep, self._name), (self.join, self._merge),
            (self.earlier, lambda: self._settle(keep=0)), (self.later, lambda: self._settle(keep=1)),
        ):  # fmt: skip
            button.on_click(lambda _, change=change: self.act(change))

    def _choose(self) -> None:
        """Show by which steps people recognise the chosen task, and offer the others for being the same."""
        task = self.chosen.value
        rows = self.desk.choices().select("task_id", "task_name").rows()
        self.other.options = [
            ("choose the other task", ""),
            *((f"{t}  {short(n, 60)}", t) for t, n in rows if t != task),
        ]
        self.other.value = ""
        told = "".join(
            f"<li>{html.escape(short(step, 120))} <span>({_part(share)} of its executions)</span></li>"
            for step, share in self.desk.steps(task or "")
        )
        said = f"By these steps it differs most from the other tasks:<ul style='margin:0'>{told}</ul>"
        self.steps.value = beside(said if told else "No step of it was taken by enough people to be named.")

    def _name(self) -> str:
        number = self.desk.name(self._task(), self.name.value, why=self.why.value, role=self.role.value)
        self.name.value = self.why.value = ""
        return f"Recorded as number {number} in {JOURNAL}. {AGAIN}"

    def _merge(self) -> str:
        if not self.other.value:
            raise SettingError("No other task is chosen: choose the one that this task is the same as.")
        whole = self.other.value
        number = self.desk.merge(self._task(), whole, why=self.why.value, role=self.role.value)
        self.why.value = ""
        return f"Recorded as number {number} in {JOURNAL}: {whole} takes the other task in. {AGAIN}"

    def reason(self) -> str:
        """The reason that stands in the form."""
        return str(self.why.value)

    def _settle(self, *, keep: int) -> str:
        if self.pair.value is None:
            raise SettingError("No two decisions contradict each other.")
        return self.take_back(self.pair.value[1 - keep], why=self.reason())

    def _task(self) -> str:
        if self.chosen.value is None:
            raise SettingError("No task is chosen: choose one from the list.")
        return str(self.chosen.value)

    def tell(self) -> None:
        """Show the tasks as they are called now, what stands, and what contradicts itself."""
        before = self.chosen.value
        tasks = self.desk.choices()
        self.chosen.options = [
            (f"{task}  {short(name, 70)}  ·  {hours:,.1f} h, {times:,} ×, {people(who)}", task)
            for task, name, _, hours, times, who in tasks.iter_rows()
        ]
        known = tasks["task_id"].to_list()
        self.chosen.value = before if before in known else next(iter(known), None)
        self._choose()
        self.listed.value = self.desk.static().markup
        rows = self.desk.standing.entries.select("number", "subject", "decision").rows()
        self.offer_back([(f"{n}  {task} · {short(said, 50)}", n) for n, task, said in rows])
        self._dispute()

    def _dispute(self) -> None:
        found = self.desk.standing.conflicts
        told = "".join(
            f"<p>{html.escape(said)}</p>"
            for said in found.select(pl.format("{}: {}", "subject", "sentence")).to_series()
        )
        self.disputed.value = f'<div class="tk-card tk-asked" role="status">{told}</div>' if told else ""
        self.settle.layout.display = "flex" if told else "none"
        self.pair.options = [
            (f"{r['subject']}: {r['earlier']} or {r['later']}", (r["earlier"], r["later"]))
            for r in found.iter_rows(named=True)
        ]
        self.pair.index = 0 if told else None


def _part(share: float) -> str:
    return "under 1 %" if share < 0.01 else f"{share * 100:.0f} %"
