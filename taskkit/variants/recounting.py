"""The ways of the same segments counted at one level after another, as a control does."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from taskkit.schema import require_columns, rises
from taskkit.variants.counting import count_ranked, name_segments, rank_ways
from taskkit.variants.ways import (
    Steps,
    Ways,
    find_glances,
    find_ways,
    number,
    only_task,
    read_steps,
    spread_of,
    with_screens,
)

Array = np.ndarray[Any, Any]


class WayCounts:
    """Ways and their times at any level and for any `rare`; what does not depend on a setting is worked out once.

    Parameters
    ----------
    segments : segments frame with `task_id`.
    events : the events that the segments were made of, for the time on each step.

    >>> segments = pl.DataFrame({"segment_id": [0, 1], "user": "p", "task_id": "T01", "activities": [["a", "b"], ["a"]],
    ...                          "active_seconds": 9.0})
    >>> WayCounts(segments).count(level="activity", rare=0.0)["activities"].to_list()
    [['a'], ['a', 'b']]
    """

    def __init__(self, segments: pl.DataFrame, *, events: pl.DataFrame | None = None) -> None:
        needed = ("segment_id", "user", "task_id", "activities", "apps", "active_seconds")
        self.segments = segments.select(name for name in needed if name in segments.columns)
        self.events = events
        self._steps: dict[str, Steps] = {}
        self._glances: dict[tuple[str, str | None], Array] = {}
        self._spread: tuple[Array, int] | None = None
        self._counted: dict[tuple[Any, ...], tuple[pl.DataFrame, pl.Series]] = {}
        self._cut: dict[tuple[str, str], tuple[Steps, Array | slice]] = {}
        self._seconds: Array | None = None

    def count(self, *, level: str, rare: float, simplify: bool = False, task: str | None = None) -> pl.DataFrame:
        """What `count_variants` gives; with `task`, of this task only."""
        return self._both(level, rare, simplify, task)[0]

    def name(self, *, level: str, rare: float, simplify: bool = False, task: str | None = None) -> pl.Series:
        """What `find_variants` gives: `variant_id` of every segment in the given order; with `task`, null for all others."""
        return self._both(level, rare, simplify, task)[1]

    def time(self, variants: list[str], *, level: str, rare: float, task: str | None = None) -> pl.DataFrame:
        """Median seconds that a segment of a variant spends on each step, all its visits together.

        One row per variant and step on which time is known: `variant_id`, `step`, `median_seconds`.
        """
        from taskkit.variants.kernels import measure_groups

        steps, _ = self._of_task(level, task)
        many = len(steps.names)
        known = pl.Series("variant_id", variants, dtype=pl.String)
        named = self.name(level=level, rare=rare, task=task).gather(steps.segments["_row"])
        # of each segment, the place of its variant among those asked for
        place = named.to_frame("variant_id").join(
            known.to_frame().with_row_index("_place"), on="variant_id", how="left", maintain_order="left"
        )["_place"].cast(pl.Int64).fill_null(-1).to_numpy()  # fmt: skip
        key, sums = self._sums(level, place, task)
        group, first = number(key, len(variants) * many)
        nobody = np.zeros(len(key), np.int64)
        *_, three = measure_groups(group, len(first), nobody, 1, sums, np.argsort(sums), np.zeros(len(key), np.bool_))
        variant, unit = np.divmod(key[first], many) if many else (key[first], key[first])
        return pl.DataFrame({
            "variant_id": known.gather(variant), "step": steps.names.gather(unit), "median_seconds": three[:, 1].copy(),
        })  # fmt: skip

    def describe(self, *, level: str, rare: float) -> pl.DataFrame:
        """How often each step of the ways is done, by how many, and how long it takes.

        One row per task and step: `task_id`, `step`, `segments`, `people`, `share` (of the task's segments), `median_seconds`
        (active time in a segment that has the step; null where no event tells).
        """
        ways, steps = self._ways(level, rare, None), self.steps(level)
        of_way = pl.DataFrame({
            "_way": np.repeat(np.arange(len(ways.first)), np.diff(ways.begin)), "_unit": ways.unit,
        }).unique()  # fmt: skip
        rows = pl.DataFrame({"_task": ways.task, "_way": ways.way, "user": ways.segments["user"]})
        size = rows.group_by("_task").agg(_size=pl.len())
        found = rows.group_by("_task", "_way", "user").agg(_n=pl.len()).join(of_way, on="_way").group_by("_task", "_unit").agg(
            segments=pl.col("_n").sum().cast(pl.UInt32), people=pl.col("user").n_unique()
        ).join(size, on="_task")  # fmt: skip
        key, sums = self._sums(level, steps.task, None)
        timed = (
            pl.DataFrame({"_key": key, "seconds": sums}).group_by("_key").agg(median_seconds=pl.col("seconds").median())
        )
        found = found.with_columns(_key=pl.col("_task") * len(steps.names) + pl.col("_unit")).join(
            timed, on="_key", how="left"
        )
        return found.select(
            task_id=pl.Series(ways.tasks, dtype=pl.String).gather(found["_task"]), step=steps.names.gather(found["_unit"]),
            segments="segments", people="people", share=pl.col("segments") / pl.col("_size"), median_seconds="median_seconds",
        ).sort("task_id", "segments", "step", descending=[False, True, False])  # fmt: skip

    def steps(self, level: str) -> Steps:
        """The steps of all segments at a level; texts are read once."""
        if level not in self._steps:
            if level == "app":
                self._steps[level] = read_steps(self.segments, level=level)
            elif level == "screen":
                self._steps[level] = with_screens(self.steps("activity"))
            else:
                self._steps["activity"] = self._steps["action"] = read_steps(self.segments, level=level)
        return self._steps[level]

    def _of_task(self, level: str, task: str | None) -> tuple[Steps, Array | slice]:
        """The steps of a task, or of all, and their places among those of all."""
        if task is None:
            return self.steps(level), slice(None)
        if (level, task) not in self._cut:
            if level == "screen":
                steps, rows = self._of_task("activity", task)
                self._cut[level, task] = with_screens(steps), rows
            else:
                self._cut[level, task] = only_task(self.steps(level), task)
        return self._cut[level, task]

    def _ways(self, level: str, rare: float, task: str | None) -> Ways:
        steps, _ = self._of_task(level, task)
        glance = self._glance(level, task) if rare > 0 and level != "app" else None
        return find_ways(self.segments, level=level, rare=rare, steps=steps, glance=glance)

    def _glance(self, level: str, task: str | None) -> Array:
        # the steps of both are the same, so are the looks in passing
        key = ("activity" if level == "action" else level), task
        if key not in self._glances:
            if self._spread is None:
                self._spread = spread_of(self.steps("activity"))
            self._glances[key] = find_glances(self._of_task(*key)[0], self._spread)
        return self._glances[key]

    def _both(self, level: str, rare: float, simplify: bool, task: str | None) -> tuple[pl.DataFrame, pl.Series]:
        key = (level, rare, simplify, task)
        if key not in self._counted:
            ranked = rank_ways(self._ways(level, rare, task), simplify=simplify)
            names, rows = name_segments(ranked), ranked.ways.segments["_row"].to_numpy()
            if len(names) < self.segments.height:
                at = np.full(self.segments.height, -1)
                at[rows] = np.arange(len(names))
                names = names.gather(pl.Series(at).replace(-1, None))
            self._counted[key] = count_ranked(ranked, top=None), names
        return self._counted[key]

    def _sums(self, level: str, place: Array, task: str | None) -> tuple[Array, Array]:
        """Seconds that each segment with a `place` spends on each of its units: (place, unit) as one number, and a sum."""
        from taskkit.variants.kernels import sum_per_unit

        steps, rows = self._of_task(level, task)
        if self.events is None or level == "app":  # the applications have no order, so no event belongs to one
            return np.zeros(0, np.int64), np.zeros(0)
        key, sums = sum_per_unit(steps.begin, steps.unit, self._step_seconds()[rows], place, len(steps.names))
        return key, sums

    def _step_seconds(self) -> Array:
        """Active seconds of each step of the activities: rows that are no step count for the step before, the first ones
        for the first."""
        from taskkit.variants.kernels import sum_per_step

        if self._seconds is None:
            steps = self.steps("activity")
            assert self.events is not None
            require_columns(self.events, "segment_id", "step", "active_seconds", made_by="segment")
            rows = in_order(self.events).join(
                steps.segments.select("segment_id").with_row_index("_own"), on="segment_id", maintain_order="left"
            )
            self._seconds = sum_per_step(
                steps.begin, len(steps.unit), rows["_own"].to_numpy(), rows["step"].fill_null(False).to_numpy(),
                rows["active_seconds"].cast(pl.Float64).to_numpy(),
            )  # fmt: skip
        return self._seconds


def in_order(events: pl.DataFrame) -> pl.DataFrame:
    """The rows of segments in the order of their sessions; what is in order already is not sorted again."""
    rows = events.select("segment_id", "step", "active_seconds", "user", "session_id", "seq").drop_nulls("segment_id")
    return rows if rises(rows) else rows.sort("user", "session_id", "seq")
