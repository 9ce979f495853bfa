"""The control for the steps of the process: it wires the overlay's frames to the map and what is inside its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from taskkit.charts.look import app_colours, nothing, smallest_group
from taskkit.charts.marks import standing_marks
from taskkit.charts.process_inside import leave_room, process_explorer
from taskkit.charts.process_map import MEASURES, NO_LOG, tell_steps
from taskkit.charts.process_model import model_map
from taskkit.charts.process_words import most_hidden, say_hidden
from taskkit.errors import MissingExtraError, check_choice
from taskkit.overlay import list_attributions, step_effort
from taskkit.overlay.discovery import discover_model
from taskkit.overlay.effort import explain_steps, list_excursions, list_hidden_work, list_step_work
from taskkit.overlay.insides import Insides, look_inside
from taskkit.privacy import MIN_PEOPLE
from taskkit.schema import PROCESS
from taskkit.widgets.controls import Explorer, Quick, choice

_BOOKED = ""  # the main application of each step is the one in which it is booked


class ProcessExplorer(Explorer):
    """The map of the process and the inside of its steps; a click on a step, or the list, chooses which.

    `work`, `effort`, `transitions`, `insides` and `attributions` are the frames behind it, computed once; without a
    process log they are None and the pictures say so. Step and colour are chosen in the picture itself, also on a page
    without a kernel; the application that counts as the main one needs a kernel.

    Parameters
    ----------
    events : events frame with `case_id`.
    process : frame of `read_process_log`, or None.
    names : task_id → readable name.
    min_people : smallest group that is shown; a log of fewer people shows all.

    >>> ProcessExplorer(pl.DataFrame({"user": ["p"]}), None).effort is None
    True
    """

    def __init__(
        self,
        events: pl.DataFrame,
        process: pl.DataFrame | None,
        *,
        names: Mapping[str, str] | None = None,
        min_people: int = MIN_PEOPLE,
    ) -> None:
        self.events, self.process, self.names = events, process, dict(names or {})
        self.min_people = smallest_group(events, min_people=min_people)
        self.work = self.effort = self.transitions = self.attributions = None
        self.insides: Insides | None = None
        self._drawn: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._found: dict[str | None, tuple[pl.DataFrame, pl.DataFrame, Insides]] = {}
        if process is not None:
            self.work, self.attributions = list_step_work(events, process), list_attributions(events)
            self.effort, self.transitions, self.insides = self._frames(None)

    def controls(self) -> dict[str, Any]:
        """The application that counts as the main one; step and colour are chosen in the picture."""
        apps = self.events["app"].drop_nulls().unique().sort().to_list() if "app" in self.events.columns else []
        return {
            "main_app": choice(  # None would be shown as an empty list
                "main application", [("where the step is booked", _BOOKED), *((a, a) for a in apps)], _BOOKED
            )
        }

    def draw(self, *, main_app: str | None = None, step: str | None = None, measure: str = "touch") -> Any:
        """The map and the inside of a step; what is drawn once is kept, so that a change shows at once.

        A mark that is set later makes another picture.
        """
        check_choice(measure, allowed=MEASURES, what="measure of the map")
        main_app = main_app or None
        if self.process is None:
            return nothing(NO_LOG)
        kept = self._kept(main_app)
        if kept not in self._drawn:
            effort, transitions, insides = self._frames(main_app)
            chart = process_explorer(
                self.process, effort, insides, transitions=transitions, names=self.names,
                colours=app_colours(self.events), min_people=self.min_people,
            )  # fmt: skip
            self._drawn[kept] = Quick(chart).to_dict()
        return _Drawn(self._with(self._drawn[kept], main_app, step, measure))

    def waiting(self, *, main_app: str | None = None, **_: Any) -> str:
        """The sentence for an application that was not counted as the main one yet."""
        main_app = main_app or None
        if self.process is None or self._kept(main_app) in self._drawn:
            return ""
        return f"Counting the steps with {main_app or 'the application of the booking'} as the main application …"

    def _kept(self, main_app: str | None) -> tuple[Any, ...]:
        return main_app, standing_marks()

    def model(self, *, noise: float = 0.2, measure: str = "touch") -> Any:
        """The process as a discovered BPMN model, coloured alike; without pm4py a sentence with the cure."""
        if self.process is None:
            return nothing(NO_LOG)
        try:
            found: Any = discover_model(self.process, noise=noise)
        except MissingExtraError as error:
            found = str(error)
        return model_map(found, self.effort, measure=measure, min_people=self.min_people)

    def hidden_work(self) -> pl.DataFrame | None:
        """Where the recorded hours are (`list_hidden_work`)."""
        return None if self.process is None else list_hidden_work(self.events, self.process)

    def excursions(self) -> pl.DataFrame | None:
        """The work outside the main application, by step and application (`list_excursions`)."""
        return None if self.process is None else list_excursions(self.events, self.process, min_people=self.min_people)

    def causes(self, *, step: str | None = None) -> pl.DataFrame | None:
        """What goes with long waiting before a step: which cases (`explain_steps`), and what is done in them.

        Without `step` it is the one that the map shows first.
        """
        if self.process is None or self.effort is None:
            return None
        step = step or most_hidden(tell_steps(self.effort, self.min_people))
        found = [
            explain_steps(self.events, self.process, activity=step, contexts=contexts).drop_nulls("rule")
            for contexts in (["case"], None)
            if step is not None and (contexts is None or set(self.process.columns) - set(PROCESS.schema))
        ]
        return pl.concat(found).unique("rule", keep="first", maintain_order=True) if found else None

    def _frames(self, main_app: str | None) -> tuple[pl.DataFrame, pl.DataFrame, Insides]:
        if main_app not in self._found and self.process is not None:
            self._found[main_app] = (
                step_effort(self.events, self.process, main_app=main_app),
                step_effort(self.events, self.process, main_app=main_app, by="transition"),
                look_inside(self.events, self.process, main_app=main_app),
            )
        return self._found[main_app]

    def _with(self, spec: dict[str, Any], main_app: str | None, step: str | None, measure: str) -> dict[str, Any]:
        """The kept picture with another step and colour at first."""
        effort, _, insides = self._frames(main_app)
        told = tell_steps(effort, self.min_people)
        wanted: dict[str, Any] = {"measure": measure}
        if step is not None:
            check_choice(step, allowed=effort["activity"].to_list(), what="step of the process")
            wanted["step"] = [{"step": step}]
        params = [p | {"value": wanted[p["name"]]} if p["name"] in wanted else p for p in spec.get("params", [])]
        changed = spec | ({"params": params} if params else {})
        if step is not None and "usermeta" in spec:
            changed["padding"] = leave_room(spec["usermeta"]["heights"], step)
        if step is not None and step != most_hidden(told) and isinstance(spec.get("title"), dict):
            changed["title"] = spec["title"] | {"text": say_hidden(told, insides, step, self.min_people)}
        return changed


class _Drawn:
    """A finished specification: it was checked when it was made."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec

    def to_dict(self) -> dict[str, Any]:
        return self.spec

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        import altair as alt

        renderer: Any = alt.renderers.get()
        return renderer(self.spec)
