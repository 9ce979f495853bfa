"""The hand-over: what developers and process owners get for one task, written with a click."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.charts.look import of_enough_people, smallest_group
from taskkit.errors import SettingError, TaskkitError
from taskkit.handover import describe_work, write_bpmn, write_document, write_robot
from taskkit.privacy import MIN_PEOPLE
from taskkit.widgets.displays import STYLE, Shown, is_static, sentence

FOLDER = "handover"  # beside the folder of results
FORMS = {
    "document": "Process document (Word)",
    "bpmn": "Diagram (BPMN)",
    "robot": "Robot skeleton (Playwright)",
}


class HandoverDesk:
    """Where the hand-over of a task is written: a document, a BPMN diagram, the skeleton of a robot.

    Nothing that is written holds a typed value or a pseudonym. A page without a kernel says what can be written, and how.

    Parameters
    ----------
    events, segments : frames of `taskkit.mine`.
    names : task_id → readable name.
    results : folder of results; the files are written into the folder `handover` beside it. None: nothing is written.
    min_people : tasks of fewer people are not offered.
    """

    def __init__(
        self, events: pl.DataFrame, segments: pl.DataFrame, *, names: Mapping[str, str] | None = None,
        results: str | Path | None = None, min_people: int = MIN_PEOPLE,
    ) -> None:  # fmt: skip
        self.events, self.segments, self.names, self.results = events, segments, dict(names or {}), results
        self.min_people = smallest_group(events, min_people=min_people)
        self.tasks = list(of_enough_people(segments, min_people=self.min_people)) if segments.height else []

    def write(self, task_id: str, *, forms: tuple[str, ...] = tuple(FORMS)) -> list[Path]:
        """Write the hand-over of a task and return the files.

        Parameters
        ----------
        task_id : one of `tasks`.
        forms : what is written, of `FORMS`.
        """
        if self.results is None:
            raise SettingError("There is no folder of results to write beside: give results=.")
        if task_id not in self.tasks:
            raise SettingError(
                f"{task_id!r} cannot be handed over. Known tasks of enough people: {', '.join(self.tasks)}."
            )
        work = describe_work(self.events, self.segments, task_id=task_id, min_people=self.min_people)
        folder = Path(self.results).parent / FOLDER
        folder.mkdir(exist_ok=True, mode=0o700)
        writers = {
            "document": lambda: write_document(work, folder / f"{task_id}.docx"),
            "bpmn": lambda: write_bpmn(work, folder / f"{task_id}.bpmn"),
            "robot": lambda: write_robot(work, folder / f"{task_id}_robot.py", kind="playwright"),
        }
        written = [writers[form]() for form in FORMS if form in forms]
        for path in written:
            os.chmod(path, 0o600)
        return written

    def static(self) -> Shown:
        """The sentence of a page."""
        if not self.tasks:
            return sentence("No task recurs with enough people to be handed over.")
        return sentence(
            f"{len(self.tasks)} {'task' if len(self.tasks) == 1 else 'tasks'} can be handed over as a process document, a BPMN "
            "diagram and the skeleton of a robot: in the running notebook with a button, in Python with tk.describe_work."
        )

    def live(self) -> Any:
        """The list of tasks, what is written, and the button."""
        import ipywidgets as w

        if not self.tasks or self.results is None:
            return w.HTML(STYLE + self.static().markup)
        label, auto = {"description_width": "40px"}, w.Layout(width="auto")
        options = [(f"{task} {self.names.get(task, '')}".strip(), task) for task in self.tasks]
        task = w.Dropdown(
            options=options, description="task", style=label, layout=w.Layout(width="560px", max_width="100%")
        )
        forms = {
            name: w.Checkbox(value=True, description=words, indent=False, layout=auto) for name, words in FORMS.items()
        }
        button, said = w.Button(description="Write the hand-over", icon="file", layout=auto), w.HTML()

        def write(_: Any) -> None:
            said.value = f"{STYLE}<p>Writing the hand-over of {html.escape(task.value)} …</p>"
            chosen = tuple(name for name, box in forms.items() if box.value)
            said.value = STYLE + self._answer(task.value, chosen).markup

        button.on_click(write)
        boxes = w.HBox(list(forms.values()), layout=w.Layout(flex_flow="row wrap", grid_gap="0 1.5rem"))
        return w.VBox([task, boxes, button, said])

    def _answer(self, task_id: str, forms: tuple[str, ...]) -> Shown:
        if not forms:
            return sentence("Nothing is chosen: tick what should be written.", kind="tk-problem")
        try:
            written = self.write(task_id, forms=forms)
        except (TaskkitError, OSError) as error:
            return sentence(str(error), kind="tk-problem")
        names = ", ".join(path.name for path in written)
        return sentence(
            f"Written to the folder {FOLDER} beside the results: {names}. Read names and titles through before you pass them on.",
            kind="tk-callout",
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        shown = self.static() if is_static() else self.live()
        return shown._repr_mimebundle_(include=include, exclude=exclude)
