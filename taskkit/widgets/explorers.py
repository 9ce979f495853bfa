"""Controls: each wires its settings to functions and charts and owns no logic of its own."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from taskkit import charts
from taskkit.automation import score_automation
from taskkit.charts.look import smallest_group
from taskkit.comparison import compare
from taskkit.errors import SettingError, TaskkitError
from taskkit.overlay import list_attributions, step_effort
from taskkit.privacy import MIN_PEOPLE
from taskkit.segments import METHODS, list_segments, segment
from taskkit.variants import count_variants
from taskkit.widgets.displays import STYLE, Shown, is_static, sentence, stack


class Explorer:
    """A row of controls above what they change; a page without a kernel shows `static()` instead."""

    def controls(self) -> dict[str, Any]:
        """The controls: setting → ipywidgets control."""
        raise NotImplementedError

    draw: Callable[..., Any]  # what the settings give: a chart, a table or a stack of them

    def static(self) -> Any:
        """The same without a kernel, with the settings as they are at first."""
        return self.draw()

    def live(self) -> Any:
        """The controls and what they change, as an ipywidgets box."""
        import ipywidgets as w

        controls, place = self.controls(), w.Output()

        def redraw(_: Any = None) -> None:
            try:
                shown = self.draw(**{name: control.value for name, control in controls.items()})
            except TaskkitError as error:
                shown = sentence(str(error), kind="tk-problem")
            except Exception as error:  # noqa: BLE001  a control must say what went wrong, not fall silent
                shown = sentence(f"This could not be drawn: {type(error).__name__}: {error}", kind="tk-problem")
            _put(place, shown)

        for control in controls.values():
            control.observe(redraw, names="value")
        redraw()
        return w.VBox([w.HTML(STYLE), w.HBox(list(controls.values()), layout=w.Layout(flex_flow="row wrap")), place])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        shown = self.static() if is_static() else self.live()
        return shown._repr_mimebundle_(include=include, exclude=exclude)


def _put(place: Any, shown: Any) -> None:
    """Replace what an Output shows; set directly, so that it works inside callbacks and before it is displayed."""
    found = shown._repr_mimebundle_()
    data, metadata = found if isinstance(found, tuple) else (found, {})
    place.outputs = ({"output_type": "display_data", "data": dict(data), "metadata": dict(metadata)},)


def _list(label: str, options: Any, value: Any) -> Any:
    import ipywidgets as w

    return w.Dropdown(options=options, value=value, description=label, style={"description_width": "initial"})


def _slider(label: str, value: Any, least: Any, most: Any, step: Any) -> Any:
    import ipywidgets as w

    kind = w.FloatSlider if isinstance(step, float) else w.IntSlider
    return kind(
        value=value,
        min=least,
        max=most,
        step=step,
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": "460px"},
    )


class DayTimeline(Explorer):
    """Days of the recorded people on a clock, by application or by task.

    Parameters
    ----------
    events : events frame of `taskkit.mine`.
    by : "app" or "task_id".
    names : readable names, such as {"T01": "Enter invoice"}.
    min_people : what was seen with fewer people is called other.
    """

    def __init__(
        self,
        events: pl.DataFrame,
        *,
        by: str = "app",
        slot: str = "5m",
        names: Mapping[str, str] | None = None,
        min_people: int = MIN_PEOPLE,
    ) -> None:
        self.events, self.by, self.slot, self.names = events, by, slot, dict(names or {})
        self.min_people = min_people

    def controls(self) -> dict[str, Any]:
        """What colours the day, and how fine."""
        choices = [("application", "app"), *([("task", "task_id")] if "task_id" in self.events.columns else [])]
        return {
            "by": _list("colour by", choices, self.by),
            "slot": _list("slot", ["2m", "5m", "10m", "30m"], self.slot),
        }

    def static(self) -> Any:
        """Three days as examples: a page that is passed on holds no diary of everybody."""
        return self._timeline(self.by, self.slot, examples=3)

    def draw(self, *, by: str | None = None, slot: str | None = None) -> Any:
        """The timeline."""
        return self._timeline(by or self.by, slot or self.slot)

    def _timeline(self, by: str, slot: str, examples: int | None = None) -> Any:
        return charts.day_timeline(
            self.events, by=by, slot=slot, names=self.names, min_people=self.min_people, examples=examples
        )


class SegmentationExplorer(Explorer):
    """How other methods and settings would divide the same stream.

    Parameters
    ----------
    events : events frame of `taskkit.mine`; its segments are shown first.
    gaps : pauses that are compared.
    """

    def __init__(self, events: pl.DataFrame, *, gaps: tuple[str, ...] = ("2m", "5m", "15m")) -> None:
        self.events, self.gaps = events, gaps

    def controls(self) -> dict[str, Any]:
        """Method and, for "gap", the pause."""
        methods = [("as mined", "as mined"), *((name, name) for name in METHODS if name != "anchor")]
        return {
            "method": _list("method", methods, "as mined"),
            "gap": _list("pause (gap only)", [*self.gaps, "30m"], self.gaps[0]),
        }

    def draw(self, *, method: str = "as mined", gap: str = "5m") -> Any:
        """Distribution of the segments' length."""
        if method == "as mined":
            return charts.segment_lengths(list_segments(self.events))
        settings = {"gap": gap} if method == "gap" else {}
        return charts.segment_lengths(list_segments(segment(self.events, method=method, **settings)))

    def static(self) -> Any:
        """The mined segments beside those of three pauses, with a list to choose from."""
        found = {"as mined": list_segments(self.events)}
        found |= {f"gap, {gap} pause": list_segments(segment(self.events, method="gap", gap=gap)) for gap in self.gaps}
        return charts.segment_lengths(
            pl.concat([frame.with_columns(setting=pl.lit(name)) for name, frame in found.items()], how="diagonal")
        )


class VariantExplorer(Explorer):
    """The ways a task is done.

    Parameters
    ----------
    segments : segments frame with `task_id`.
    names : task_id → readable name.
    min_people : smallest group that is shown; a log of fewer people shows all. `tasks` are those that may be shown.
    """

    def __init__(
        self,
        segments: pl.DataFrame,
        *,
        names: Mapping[str, str] | None = None,
        level: str = "screen",
        rare: float = 0.2,
        top: int = 6,
        min_people: int = MIN_PEOPLE,
    ) -> None:
        self.segments, self.names, self.level, self.rare, self.top = segments, dict(names or {}), level, rare, top
        self.min_people = smallest_group(segments, min_people=min_people)
        self.tasks = charts.of_enough_people(segments, min_people=self.min_people)

    def controls(self) -> dict[str, Any]:
        """Level, how rare a step may be, how many ways."""
        return {
            "level": _list("level", [("screens", "screen"), ("single steps", "activity")], self.level),
            "rare": _slider("leave out what fewer than this part do", self.rare, 0.0, 0.6, 0.05),
            "top": _slider("ways", self.top, 2, 12, 1),
        }

    def draw(self, *, level: str | None = None, rare: float | None = None, top: int | None = None) -> Any:
        """The ladder."""
        found = count_variants(self.segments, level=level or self.level, rare=self.rare if rare is None else rare)
        return charts.variant_ladder(
            found, names=self.names, tasks=self.tasks, top=top or self.top, min_people=self.min_people
        )


class ComparisonExplorer(Explorer):
    """Two groups side by side; `result` is the frame (`clearest`: the clearest difference first), empty
    where there are no two groups; `problem` says why. Tasks seen with fewer than `min_people` people are left out.

    Parameters
    ----------
    segments : segments frame with `task_id` and a column of groups.
    by : column of groups.
    min_people : smallest group that is compared.
    """

    def __init__(self, segments: pl.DataFrame, *, by: str = "team", min_people: int = MIN_PEOPLE) -> None:
        self.segments, self.by, self.min_people, self.problem = segments, by, min_people, ""
        try:
            self._found = compare(segments, by=by, min_people=min_people)
            self.result = self._found.filter(pl.col("task_id").is_in(self._enough(min_people)))
        except SettingError as error:
            self.result, self.problem = pl.DataFrame(), str(error)
        self.clearest = (
            self.result.sort("p_adjusted", nulls_last=True, maintain_order=True) if self.result.width else self.result
        )

    def controls(self) -> dict[str, Any]:
        """The smallest group."""
        return {"min_people": _slider("smallest group", self.min_people, 2, 20, 1)}

    def draw(self, *, min_people: int | None = None) -> Any:
        """Differences with their intervals, or the sentence why there are none."""
        if self.problem:
            return sentence(f"Nothing is compared here. {self.problem}")
        same = min_people in (None, self.min_people)
        least = min_people or self.min_people
        found = self._found if same else compare(self.segments, by=self.by, min_people=least)
        return charts.comparison_intervals(found, tasks=self._enough(least), min_people=least)

    def _enough(self, min_people: int) -> list[str]:
        """The tasks that may be named."""
        return charts.of_enough_people(self.segments, min_people=smallest_group(self.segments, min_people=min_people))


class StepExplorer(Explorer):
    """Inside the steps of the process: effort of each step; without a process log it says so.

    Parameters
    ----------
    events : events frame with `case_id`.
    process : frame of `read_process_log`, or None; `effort` and `attributions` are None then too.
    """

    def __init__(self, events: pl.DataFrame, process: pl.DataFrame | None, *, min_people: int = MIN_PEOPLE) -> None:
        self.events, self.process = events, process
        self.min_people = smallest_group(events, min_people=min_people)
        self.effort = step_effort(events, process) if process is not None else None
        self.attributions = list_attributions(events) if process is not None else None

    def controls(self) -> dict[str, Any]:
        """The application that counts as the main one."""
        apps = self.events["app"].drop_nulls().unique().sort().to_list()
        return {
            "main_app": _list("main application", [("where the step is booked", None), *((a, a) for a in apps)], None)
        }

    def draw(self, *, main_app: str | None = None) -> Any:
        """The effort of each step."""
        if main_app is None or self.process is None:
            return charts.step_effort_bars(self.effort, min_people=self.min_people)
        return charts.step_effort_bars(
            step_effort(self.events, self.process, main_app=main_app), min_people=self.min_people
        )


class AutomationExplorer(Explorer):
    """What is worth automating, for a rate and a least number of executions; `ranking` is the frame.

    Parameters
    ----------
    events, segments : frames of `taskkit.mine`.
    hourly_rate : money for an hour of work.
    min_segments : a task seen less often gets no verdict.
    """

    def __init__(
        self,
        events: pl.DataFrame,
        segments: pl.DataFrame,
        *,
        hourly_rate: float = 40.0,
        min_segments: int = 20,
        min_people: int = MIN_PEOPLE,
    ) -> None:
        self.events, self.segments, self.hourly_rate, self.min_segments = events, segments, hourly_rate, min_segments
        self.min_people = smallest_group(events, min_people=min_people)
        self.ranking = score_automation(events, segments=segments, hourly_rate=hourly_rate, min_segments=min_segments)

    def controls(self) -> dict[str, Any]:
        """Rate and least number of executions."""
        return {
            "hourly_rate": _slider("money for an hour (your currency)", self.hourly_rate, 10.0, 150.0, 5.0),
            "min_segments": _slider("fewest executions", self.min_segments, 5, 100, 5),
        }

    def draw(self, *, hourly_rate: float | None = None, min_segments: int | None = None) -> Any:
        """The plane of value and feasibility, and the sum of money in words."""
        ranking = self.ranking
        if (hourly_rate, min_segments) not in ((None, None), (self.hourly_rate, self.min_segments)):
            ranking = score_automation(
                self.events,
                segments=self.segments,
                hourly_rate=hourly_rate or self.hourly_rate,
                min_segments=min_segments or self.min_segments,
            )
        rate = hourly_rate or self.hourly_rate
        worth = ranking.filter(
            pl.col("verdict").is_in(["automate", "integrate"]) & (pl.col("people") >= self.min_people)
        )
        money = float(worth["value_money_per_year"].sum())
        plane = charts.value_feasibility(ranking, min_people=self.min_people)
        if money < 0.5:
            return stack(plane)
        words = (
            f"With {rate:,.0f} an hour assumed, in your currency, the tasks to automate or integrate take about "
            f"{money:,.0f} a year, not all of which can be freed. Effort and upkeep are not deducted."
        )
        return stack(plane, Shown(f"<p>{html.escape(words)}</p>", words))
