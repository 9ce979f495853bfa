"""The desk of verdicts: accept or reject with a reason, answer what no log can know; a page shows what was decided."""

from __future__ import annotations

from typing import Any

from taskkit.automation.questionnaire import QUESTIONS
from taskkit.charts.automation import VERDICTS
from taskkit.decisions import JOURNAL
from taskkit.errors import TaskkitError
from taskkit.widgets.automation import AutomationExplorer
from taskkit.widgets.displays import STYLE, is_static, sentence
from taskkit.widgets.finding_desk import NOT_STATED


class VerdictDesk:
    """Where verdicts are accepted or rejected, and what no log can know is asked; a page shows what was decided.

    Parameters
    ----------
    automation : the explorer whose verdicts are judged; it needs `results` to record anything.
    """

    def __init__(self, automation: AutomationExplorer) -> None:
        self.automation = automation

    def static(self) -> Any:
        """What was decided and answered."""
        return self.automation.decisions()

    def live(self) -> Any:
        """Task, verdict, decision with reason and role; question and answer; below, what was decided."""
        import ipywidgets as w

        each, wide, style = self.automation, w.Layout(width="520px"), {"description_width": "110px"}
        labels = [(f"{task} {each._names[task]}", task) for task in each._named]
        task = w.Dropdown(options=labels, description="task", layout=wide, style=style)
        verdict, said, listed = w.HTML(), w.HTML(), w.HTML()
        role = w.Text(description="your role", placeholder="process owner", layout=wide, style=style)
        why = w.Text(description="reason", layout=wide, style=style)
        instead = w.Dropdown(options=[("nothing else", ""), *((v, v) for v in VERDICTS)], description="if rejected",
                             layout=wide, style=style)  # fmt: skip
        asked = w.Dropdown(options=[(one.text, name) for name, one in QUESTIONS.items()], description="question",
                           layout=w.Layout(width="780px"), style=style)  # fmt: skip
        answer = w.Text(description="answer", placeholder="no, or what is the case", layout=wide, style=style)
        yes, no = w.Button(description="accept the verdict"), w.Button(description="reject the verdict")
        keep = w.Button(description="keep the answer")

        def redraw(_: Any = None) -> None:
            row = each.ranking.filter(task_id=task.value).row(0, named=True) if task.value else None
            verdict.value = sentence(f"{row['verdict']}: {row['reason']}").markup if row else ""
            listed.value = self.static().markup

        def pressed(button: Any) -> None:
            try:
                if button is keep:
                    number = each.answer(
                        task.value, asked.value, answer.value, why=why.value, role=role.value.strip() or NOT_STATED
                    )
                else:
                    number = each.decide(
                        task.value, accept=button is yes, why=why.value, role=role.value, instead=instead.value or None
                    )
                said.value = sentence(f"Recorded as number {number} in {JOURNAL}.", kind="tk-callout").markup
            except (TaskkitError, OSError) as error:
                said.value = sentence(str(error), kind="tk-problem").markup
            redraw()

        for button in (yes, no, keep):
            button.on_click(pressed)
        task.observe(redraw, names="value")
        redraw()
        return w.VBox([w.HTML(STYLE), task, verdict, role, why, w.HBox([yes, no, instead]), asked, w.HBox([answer, keep]),
                       said, listed])  # fmt: skip

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        shown = self.static() if is_static() else self.live()
        return shown._repr_mimebundle_(include=include, exclude=exclude)
