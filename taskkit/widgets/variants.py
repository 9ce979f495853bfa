"""The control for the ways a task is done: it wires count_variants, match, align_variants and the ladder to one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from taskkit import charts
from taskkit.charts.look import LETTERS, count_of, people, smallest_group
from taskkit.errors import check_choice
from taskkit.privacy import MIN_PEOPLE
from taskkit.variants import IN_ORDER, count_ways, screen_of
from taskkit.variants.alignment import align_ways
from taskkit.variants.queries import complete_query, fits
from taskkit.variants.queries.steps import Steps
from taskkit.variants.recounting import WayCounts
from taskkit.variants.ways import check_order
from taskkit.widgets.controls import Explorer, Quick, choice, slider
from taskkit.widgets.displays import Shown, sentence, stack
from taskkit.widgets.tables import table

LADDER = {"screen": "screens", "activity": "activities", "action": "every single action", "app": "applications"}
_PARTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)  # of the executions
_USUAL = ""  # compared with the most frequent way


class VariantExplorer(Explorer):
    """The ways a task is done, laid beside one of them; a query leaves the executions that fit it.

    Parameters
    ----------
    segments : segments frame with `task_id`.
    names : task_id → readable name.
    events : events that the segments were made of; with them the time on each step and its rows are shown.
    task : the task shown first; by default the one with most executions.
    level : rung of the ladder of activities: "screen", "activity", "action" or "app".
    rare : steps in a smaller part of the task's executions are left out.
    coverage : ways are drawn one by one until they make this part of the executions.
    top : ways that are drawn, at most.
    min_people : smallest group that is shown; a log of fewer people shows all. `tasks` are those that may be shown.

    >>> segments = pl.DataFrame({"segment_id": [0], "user": "p", "task_id": "T01", "activities": [["a", "b"]],
    ...                          "active_seconds": 9.0})
    >>> VariantExplorer(segments).ways(level="activity")["activities"].to_list()
    [['a', 'b']]
    """

    def __init__(
        self, segments: pl.DataFrame, *, names: Mapping[str, str] | None = None, events: pl.DataFrame | None = None,
        task: str | None = None, level: str = "screen", rare: float = 0.2, coverage: float = 0.9, top: int = 12,
        min_people: int = MIN_PEOPLE,
    ) -> None:  # fmt: skip
        self.segments, self.events, self.names = segments, events, dict(names or {})
        self.level, self.rare, self.coverage, self.top = level, rare, coverage, top
        self.min_people = smallest_group(segments, min_people=min_people)
        self.tasks = charts.of_enough_people(segments, min_people=self.min_people)
        sizes = segments.filter(pl.col("task_id").is_in(self.tasks)).group_by("task_id").len()
        self.task = task or next(iter(sizes.sort("len", "task_id", descending=[True, False])["task_id"]), "")
        if self.tasks:
            check_choice(self.task, allowed=self.tasks, what="task")
        self.levels = [level for level in LADDER if level != "app" or "apps" in segments.columns]
        self.parts = sorted({*_PARTS, rare})
        self.counts = WayCounts(segments, events=events)
        self._rows: dict[str, pl.DataFrame] = {}  # of each task, its segments
        self._read: dict[tuple[str | None, str], Steps] = {}  # what queries have read
        self._fitting: tuple[Any, pl.DataFrame] = (None, segments)  # the answer to the last query

    def controls(self) -> dict[str, Any]:
        """Task, rung, how rare a step may be, how much is drawn, loops, what is compared with, and the query."""
        import ipywidgets as w

        tasks = [(f"{task}  {self.names.get(task, '')}".strip(), task) for task in self.tasks]
        levels = [(LADDER[level], level) for level in self.levels]
        return {
            "task": choice("task", tasks, self.task or None),
            "level": choice("level", levels, self.level),
            "together": choice("loops, free order", [("step by step", False), ("drawn together", True)], False),
            "standard": choice("compare with", self.standards(), _USUAL),
            "rare": w.SelectionSlider(
                options=[(f"{100 * part:.0f} %", part) for part in self.parts], value=self.rare, continuous_update=False,
                description="leave out what fewer than this part do", style={"description_width": "initial"},
                layout={"width": "460px"},
            ),
            "coverage": slider("draw ways until they make this part", self.coverage, 0.1, 1.0, 0.05),
            "query": w.Combobox(
                description="only executions with", placeholder='such as: contains "mail*" and duration > 5m',
                layout={"width": "940px"}, style={"description_width": "initial"},
            ),
        }  # fmt: skip

    def draw(
        self, *, task: str | None = None, level: str | None = None, rare: float | None = None, coverage: float | None = None,
        standard: str = _USUAL, query: str = "", together: bool = False,
    ) -> Any:  # fmt: skip
        """The ladder of one task's ways, under a sentence about the query if there is one."""
        if not self.tasks:
            counted = self.counts.count(level=self.level, rare=self.rare)
            return charts.variant_ladder(counted, tasks=[], min_people=self.min_people)
        settings = self._settings(task, level, rare, together)
        whole, ways = self.ways(**settings), self.ways(query=query, **settings)
        path = self._standard(whole, standard)
        said = "the most frequent way" if standard == _USUAL else standard.rpartition("-")[2]
        picture = charts.variant_ladder(
            ways, names=self.names, tasks=[settings["task"]], top=self.top, choose=False,
            aligned=self._beside(ways, path, settings), coverage=self.coverage if coverage is None else coverage, standard=said,
            min_people=self.min_people,
        )  # fmt: skip
        picture = Quick(picture)
        if together:
            picture = stack(
                sentence("↻ marks a loop, however many rounds, ⇅ neighbours that are done in either order."), picture
            )
        if not query.strip():
            return picture
        fit, of = int(ways["segments"].sum()), int(whole["segments"].sum())
        words = f"{fit:,} of {count_of(of, 'execution')} fit the query. Parts are parts of those that fit."
        return (
            stack(sentence(words), picture) if fit else sentence(f"None of {count_of(of, 'execution')} fits the query.")
        )

    def static(self) -> Any:
        """All tasks with controls for task and coverage that need no kernel; compared with the most frequent way."""
        settings = self._settings()
        ways = [self.ways(**settings | {"task": task}) for task in self.tasks]
        if not ways:
            return self.draw()
        beside = [
            self._beside(found, self._standard(found, _USUAL), settings | {"task": task})
            for task, found in zip(self.tasks, ways, strict=True)
        ]
        aligned = pl.concat([_none(), *(found for found in beside if found is not None)], how="diagonal")
        return charts.variant_ladder(
            self.counts.count(level=self.level, rare=self.rare), names=self.names, task=self.task, tasks=self.tasks, top=self.top,
            coverage=self.coverage, aligned=aligned, min_people=self.min_people,
            steps=self.counts.describe(level=self.level, rare=self.rare),
        )  # fmt: skip

    def ways(
        self, *, task: str | None = None, level: str | None = None, rare: float | None = None, together: bool = False,
        query: str = "",
    ) -> pl.DataFrame:  # fmt: skip
        """The ways of a task as `count_variants` gives them, of the executions that fit the query; names stay the same."""
        settings = self._settings(task, level, rare, together)
        known = self.counts.count(**self._asked(settings))
        if not query.strip():
            return known
        return count_ways(self._executions(query, settings), ways=known)

    def executions(self, *, query: str = "", **settings: Any) -> pl.DataFrame:
        """The segments of a task that fit the query, with their `variant_id`."""
        return self._executions(query, self._settings(**settings))

    def evidence(
        self, way: str, step: str | None = None, *, query: str = "", task: str | None = None, level: str | None = None,
        rare: float | None = None, together: bool = False, most: int = 12,
    ) -> Shown:  # fmt: skip
        """The rows behind a way or behind one step of it; people are letters, and few people are not shown.

        Without events these are the executions themselves.
        """
        settings = self._settings(task, level, rare, together)
        own = self._executions(query, settings).filter(pl.col("variant_id") == way)
        rows, caption = own, f"Executions of the way {way}"
        if step and self.events is not None:
            rows = self.events.filter(pl.col("segment_id").is_in(own["segment_id"].implode()))
            rows = rows.filter(pl.col("step") & (_step_at(settings["level"]) == step))
            caption = f"Rows behind “{step}” in the way {way}"
        seen = rows["user"].n_unique()
        if seen < self.min_people:
            return sentence(f"{caption}: seen with fewer than {self.min_people} people, so they are not shown.")
        start = "timestamp" if "timestamp" in rows.columns else "start"
        rows = rows.sort([name for name in (start, "user", "segment_id", "seq") if name in rows.columns])
        columns = {
            "user": "person", start: "when (UTC)", "app": "application", "event_type": "kind", "activity": "activity",
            "active_seconds": "time", "steps": "steps", "switches": "switches",
        }  # fmt: skip
        of = f"{count_of(rows.height, 'row')} of {count_of(own.height, 'execution')} by {people(seen)}"
        definition = f"{of}, the earliest {most} shown."
        rows = rows.head(most)
        return table(rows, caption=caption, definition=f"{definition} {LETTERS}", columns=columns, most=most)

    def steps(self, way: str, **settings: Any) -> list[str]:
        """The steps of a way whose rows can be shown."""
        found = self.ways(**settings).filter(pl.col("variant_id") == way)
        at = settings.get("together") or not found.height
        return [] if at else list(dict.fromkeys(found["activities"][0].to_list()))

    def names_of(self, level: str | None = None) -> str:
        """The level whose names a query uses."""
        level = level or self.level
        return level if level in IN_ORDER else "screen"

    def completions(self, text: str, *, task: str | None = None, level: str | None = None) -> list[str]:
        """How a query can go on."""
        level = self.names_of(level)
        return complete_query(text, self._of_task(task or self.task), level=level, steps=self._steps(task, level))

    def live(self) -> Any:
        """The controls, the picture and the evidence, as an ipywidgets box; `desk` holds the controls."""
        from taskkit.widgets.ladder_desk import LadderDesk

        self.desk = LadderDesk(self)
        return self.desk.box

    def _settings(
        self, task: str | None = None, level: str | None = None, rare: float | None = None, together: bool = False
    ) -> dict[str, Any]:
        level, rare = level or self.level, self.rare if rare is None else rare
        if together:
            check_order(level, what="level of a loop")
        return {"task": task or self.task, "level": level, "rare": rare, "together": together}

    def _asked(self, settings: dict[str, Any]) -> dict[str, Any]:
        """The settings as the counts take them: of one task."""
        return {
            "level": settings["level"],
            "rare": settings["rare"],
            "simplify": settings["together"],
            "task": settings["task"],
        }

    def _of_task(self, task: str) -> pl.DataFrame:
        if task not in self._rows:
            self._rows[task] = self.segments.with_row_index("_row").filter(pl.col("task_id") == task)
        return self._rows[task]

    def _steps(self, task: str | None, level: str) -> Steps:
        key = (task or self.task, level)
        if key not in self._read:
            self._read[key] = Steps(self._of_task(key[0]), level)
        return self._read[key]

    def _executions(self, query: str, settings: dict[str, Any]) -> pl.DataFrame:
        """The segments of a task that fit a query, which is asked for by several in turn."""
        if self._fitting[0] != (query, settings):
            own, level = self._of_task(settings["task"]), self.names_of(settings["level"])
            own = own.with_columns(variant_id=self.counts.name(**self._asked(settings)).gather(own["_row"]))
            fit = fits(own.drop("_row"), query, level=level, steps=self._steps(settings["task"], level))
            own = own.drop("_row") if fit.all() else own.drop("_row").filter(fit)
            self._fitting = (query, settings), own
        return self._fitting[1]

    def _enough(self, ways: pl.DataFrame) -> pl.DataFrame:
        return ways.filter(pl.col("people") >= self.min_people)

    def standards(self, **settings: Any) -> list[tuple[str, str]]:
        """What the ways can be compared with: those that enough people use."""
        if not self.tasks:
            return [("the most frequent way", _USUAL)]
        shares = self._enough(self.ways(**settings)).select("variant_id", "share").head(30).rows()
        ways = [(f"{way.rpartition('-')[2]} · {100 * share:.0f} %", way) for way, share in shares]
        return [("the most frequent way", _USUAL), *ways]

    def _standard(self, whole: pl.DataFrame, standard: str) -> list[str]:
        """The steps of the way that is compared with."""
        enough = self._enough(whole)
        if standard != _USUAL:
            check_choice(standard, allowed=enough["variant_id"].to_list(), what="way to compare with")
            enough = enough.filter(pl.col("variant_id") == standard)
        return list(enough["activities"][0]) if enough.height else []

    def _beside(self, ways: pl.DataFrame, path: list[str], settings: dict[str, Any]) -> pl.DataFrame | None:
        """The drawn ways laid beside a path, with the time on each step where events tell it."""
        drawn = self._enough(ways).head(self.top)
        if not path or drawn.is_empty():
            return None
        aligned = align_ways(drawn, path).select(_none().columns)
        if self.events is None or settings["level"] not in IN_ORDER or settings["together"]:
            return aligned
        times = self.counts.time(
            drawn["variant_id"].to_list(), level=settings["level"], rare=settings["rare"], task=settings["task"]
        )
        return aligned.join(times, on=["variant_id", "step"], how="left", maintain_order="left")


def _none() -> pl.DataFrame:
    schema = {"variant_id": pl.String, "place": pl.UInt32, "step": pl.String, "relation": pl.String}
    return pl.DataFrame(schema=schema | {"standard_step": pl.String})


def _step_at(level: str) -> pl.Expr:
    return screen_of("activity") if level == "screen" else pl.col("app" if level == "app" else "activity")
