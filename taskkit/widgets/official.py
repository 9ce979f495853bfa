"""The official flow beside what happens: computed once, drawn and told; without a process log or a model it says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.charts.look import count_of, nothing, short, smallest_group
from taskkit.charts.official import how_cases_keep, official_flow
from taskkit.overlay.official import (
    OfficialModel,
    list_inside_deviations,
    list_official_steps,
    list_process_deviations,
    replay_model,
)
from taskkit.overlay.official.models import model_of
from taskkit.privacy import MIN_PEOPLE, shares_pages
from taskkit.variants.standards import Standard
from taskkit.widgets.displays import Summary

_ABSENT = "No process log and official model were given, so there is no official flow to look into. Give both in the second cell."


class OfficialFlow:
    """The official flow of the process with what happens in it, for one page.

    Parameters
    ----------
    events : events of `attribute_cases` with `segment_id`.
    segments : segments of these events with `task_id`.
    process : frame of `read_process_log`, or None.
    model : BPMN file, or what `read_model` or `read_standard` gives, or None.
    min_people : smallest group that is shown.
    names : {name in the log: name in the model}, as in `replay_model`.

    Its frames are None where the process log or the model is: `replay` (`replay_model`), `deviations`
    (`list_process_deviations`), `steps` (`list_official_steps`), `inside` (`list_inside_deviations`, most time first).

    >>> flow = OfficialFlow(pl.DataFrame({"user": ["p"]}), pl.DataFrame(), None, None)
    >>> flow.summary()[:26]
    'No process log and officia'
    """

    def __init__(
        self,
        events: pl.DataFrame,
        segments: pl.DataFrame,
        process: pl.DataFrame | None,
        model: str | Path | Standard | OfficialModel | None,
        *,
        min_people: int = MIN_PEOPLE,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.min_people = smallest_group(events, min_people=min_people)
        self.model: OfficialModel | None = None
        self.replay: pl.DataFrame | None = None
        self.deviations: pl.DataFrame | None = None
        self.steps: pl.DataFrame | None = None
        self.inside: pl.DataFrame | None = None
        if process is not None and model is not None:
            self.model = model_of(model)
            self.replay = replay_model(process, self.model, names=names)
            deviations = list_process_deviations(process, self.model, names=names)
            few = shares_pages() & (pl.col("cases") < self.min_people)  # a single case is told nowhere outside the room
            self.deviations = deviations.filter(~few)
            frames = (events, segments, process, self.model)
            self.steps = list_official_steps(*frames, names=names, min_people=self.min_people)
            inside = list_inside_deviations(*frames, names=names, min_people=self.min_people)
            self.inside = inside.sort("active_hours", descending=True, maintain_order=True)

    def draw(self, *, activity: str | None = None) -> Any:
        """The flow with its figures; a click on an activity opens what is done inside (`charts.official_flow`)."""
        if self.model is None or self.steps is None:
            return nothing(_ABSENT)
        return official_flow(
            self.model, self.steps, replay=self.replay, deviations=self.deviations, inside=self.inside, activity=activity,
            min_people=self.min_people,
        )  # fmt: skip

    def summary(self) -> Summary:
        """What the page says in two sentences: cases that fit, and where the inside leaves the usual way; figures behind it."""
        if self.model is None or self.replay is None or self.deviations is None or self.inside is None:
            return Summary(_ABSENT)
        if self.replay.is_empty():
            return Summary("The process log is empty: nothing can be said about the official flow.")
        mean = float(self.replay["fitness"].mean() or 0)  # type: ignore[arg-type]
        keep, *others = how_cases_keep(self.replay, self.model.name).split(", ")
        figures = [f"Of the other cases {' and '.join(others)}." if others else ""]
        figures.append(
            f"Mean fitness {mean:.2f}, where 1 is a perfect fit; the conditions at gateways are not checked."
        )
        enough = (pl.col("people") == 0) | (pl.col("people") >= self.min_people)
        left = self.deviations.filter(enough & (pl.col("kind") != "not reached")).head(1)
        if left.height:
            row = left.row(0, named=True)
            figures.append(
                f"Most often it is left at “{row['activity']}”: {row['kind']}, in {count_of(row['cases'], 'case')}."
            )
        outside = self.inside.filter((pl.col("people") >= self.min_people) & (pl.col("kind") == "done outside"))
        said = f"{keep}."
        if outside.height:
            row = outside.row(0, named=True)
            said += (
                f" What the log does not show is inside: on the way to “{row['activity']}” {row['share']:.0%} of "
                f"{row['measured']:,} executions leave the usual way for “{short(row['step'], 60)}”."
            )
            figures.append(
                f"“{short(row['step'], 60)}”: {row['active_hours']:.1f} h of active time in all, {row['people']} people; the usual "
                "way is the most frequent one of the task behind the activity."
            )
        return Summary(said, figures)
