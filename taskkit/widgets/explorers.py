"""Controls: each wires its settings to functions and charts and owns no logic of its own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import polars as pl

from taskkit import charts
from taskkit.charts.look import smallest_group
from taskkit.comparison import compare
from taskkit.comparison.people import adjust
from taskkit.errors import SettingError
from taskkit.privacy import MIN_PEOPLE, shares_pages, suppress_small_groups
from taskkit.segments import METHODS, list_segments, segment
from taskkit.widgets.controls import Explorer, choice, slider
from taskkit.widgets.displays import sentence
from taskkit.widgets.variants import VariantExplorer

__all__ = [
    "ComparisonExplorer",
    "DayTimeline",
    "SegmentationExplorer",
    "VariantExplorer",
]

_LEARNS = ("model", "cohesion", "routine")  # methods that read the whole log before they divide it


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
            "by": choice("colour by", choices, self.by),
            "slot": choice("slot", ["2m", "5m", "10m", "30m"], self.slot),
        }

    def static(self) -> Any:
        """Three days as examples; on a page that leaves the room the day of all people together."""
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
    min_people : smallest group of which a page tells that leaves the room: lengths that fewer people had are left out there.
    """

    def __init__(
        self, events: pl.DataFrame, *, gaps: tuple[str, ...] = ("2m", "5m", "15m"), min_people: int = MIN_PEOPLE
    ) -> None:
        self.events, self.gaps, self.min_people = events, gaps, min_people
        self._found: dict[tuple[str, str], pl.DataFrame] = {}

    def controls(self) -> dict[str, Any]:
        """Method and, for "gap", the pause."""
        # a log that was mined by task models is shown as mined: to learn them again would take long and give the same
        known = {"anchor"} | ({"model"} if self._by_model else set())
        mined = "as mined (model)" if self._by_model else "as mined"
        methods = [(mined, "as mined"), *((name, name) for name in METHODS if name not in known)]
        return {
            "method": choice("method", methods, "as mined"),
            "gap": choice("pause (gap only)", [*self.gaps, "30m"], self.gaps[0]),
        }

    def adjust(self, controls: dict[str, Any]) -> None:
        """Only the method "gap" has a pause."""
        controls["gap"].disabled = controls["method"].value != "gap"

    def waiting(self, *, method: str = "as mined", gap: str = "5m", **_: Any) -> str:
        """The sentence for a method that learns."""
        if method not in _LEARNS or self._key(method, gap) in self._found:
            return ""
        return f"Dividing {self.events.height:,} events by “{method}”, which takes some seconds the first time …"

    def draw(self, *, method: str = "as mined", gap: str = "5m") -> Any:
        """Distribution of the segments' length; what was divided once is kept."""
        key = self._key(method, gap)
        if key not in self._found:
            settings = {"gap": gap} if method == "gap" else {}
            events = self.events if method == "as mined" else segment(self.events, method=method, **settings)
            self._found[key] = list_segments(events)
        return charts.segment_lengths(self._found[key])

    @property
    def _by_model(self) -> bool:
        return "segment_model" in self.events.columns and self.events["segment_model"].null_count() < self.events.height

    def _key(self, method: str, gap: str) -> tuple[str, str]:
        return method, gap if method == "gap" else ""

    def static(self) -> Any:
        """The mined segments beside those of three pauses, with a list to choose from."""
        found = {"as mined": list_segments(self.events)}
        found |= {f"gap, {gap} pause": list_segments(segment(self.events, method="gap", gap=gap)) for gap in self.gaps}
        if shares_pages():
            found = {name: common_lengths(frame, min_people=self.min_people) for name, frame in found.items()}
        return charts.segment_lengths(
            pl.concat([frame.with_columns(setting=pl.lit(name)) for name, frame in found.items()], how="diagonal")
        )


def common_lengths(segments: pl.DataFrame, *, min_people: int = MIN_PEOPLE) -> pl.DataFrame:
    """The segments of such a length that enough people had segments of that length.

    Lengths count as the same within a factor of the square root of two, as the bars of `charts.segment_lengths` do.

    Parameters
    ----------
    segments : segments frame with `user` and `active_seconds`.
    min_people : smallest number of people.

    >>> common_lengths(pl.DataFrame({"user": ["a", "b"], "active_seconds": [60.0, 60.0]}), min_people=2).height
    2
    """
    bins = segments.with_columns(bin=(pl.col("active_seconds").clip(1.0).log(2) * 2).floor())
    counted = bins.group_by("bin").agg(people=pl.col("user").n_unique()).sort("bin")
    told = suppress_small_groups(counted, k=min_people, keep=["bin"], exhaustive=True).filter(~pl.col("hidden"))
    return bins.join(told.select("bin"), on="bin", how="semi", maintain_order="left").drop("bin")


_FEWEST = 2  # people in a group, below which nothing is compared


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
        self._all  # noqa: B018  compared before somebody moves the slider
        return {"min_people": slider("smallest group", max(self.min_people, _FEWEST), _FEWEST, 20, 1)}

    def draw(self, *, min_people: int | None = None) -> Any:
        """Differences with their intervals, or the sentence why there are none."""
        if self.problem:
            return sentence(f"Nothing is compared here. {self.problem}")
        same = min_people in (None, self.min_people)
        least = min_people or self.min_people
        found = self._found if same else self._at_least(least)
        return charts.comparison_intervals(found, tasks=self._enough(least), min_people=least)

    @cached_property
    def _all(self) -> pl.DataFrame:
        """All figures that two people in each group give: what a larger group leaves out is taken from it."""
        return pl.DataFrame() if self.problem else compare(self.segments, by=self.by, min_people=_FEWEST)

    def _at_least(self, min_people: int) -> pl.DataFrame:
        """What `compare` gives for a smallest group, but for its sentences: people are not drawn again for it."""
        few = pl.min_horizontal("people_a", "people_b") < min_people
        figures = ["value_a", "value_b", "difference", "low", "high", "p_value"]
        found = self._all.with_columns(pl.when(~few).then(pl.col(name)).alias(name) for name in figures)
        adjusted = pl.col("p_value").map_batches(adjust, return_dtype=pl.Float64).over("measure")
        return found.with_columns(p_adjusted=adjusted)

    def _enough(self, min_people: int) -> list[str]:
        """The tasks that may be named."""
        return charts.of_enough_people(self.segments, min_people=smallest_group(self.segments, min_people=min_people))
