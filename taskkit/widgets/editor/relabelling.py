"""Learning from marked examples while people watch: prepared once, then everything is divided anew at every mark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock, Thread

import polars as pl

from taskkit.decisions.corrections import examples_of
from taskkit.segments import ORDER, spread_labels
from taskkit.segments.mixture import start_relabelling
from taskkit.widgets.editor.stretches import UNSURE

# an example of at most a third of the usual steps is short, where 4 or more are usual; the page asks by the same rule
FEW, FEW_OF = 3, 4
Place = tuple[float, str, str, int]  # confidence, user, session and seq of a boundary

_FOUND = ("segment_id", "segment_model", "segment_confidence", "boundary_confidence", "task_id")


class Relabelling:
    """The method's division of the log, or what becomes of it with the marked examples."""

    def __init__(self, base: pl.DataFrame, tasks: Mapping[str, str]) -> None:
        self.base = base
        self._ids = {name: task for task, name in tasks.items()}  # what people say is a name
        self.steps = base.filter("step")
        self._label: Callable[[pl.DataFrame], pl.DataFrame] | None = None
        self._lock = Lock()
        self._told: pl.DataFrame | None = None
        self._parts: dict[str, pl.DataFrame] = {}
        self._found: list[Place] | None = None
        self.turn = 0  # how often everything was divided anew
        self.changed = ""  # what the last mark changed, as a sentence

    def prepare(self) -> None:
        """Prepare in the background, so that the first mark need not wait."""
        Thread(target=self._warm, daemon=True, name="taskkit editor: prepare examples").start()

    def _warm(self) -> None:
        """Divide once for nothing: the first time is slower than all later ones."""
        label, marked = self._prepared(), self.steps.filter(pl.col("segment_id") == pl.col("segment_id").min())
        if marked.height:
            label(marked.select(*ORDER, "segment_id"))

    def _prepared(self) -> Callable[[pl.DataFrame], pl.DataFrame]:
        with self._lock:
            if self._label is None:
                self._label = start_relabelling(self.base)
            return self._label

    def follow(self, corrections: pl.DataFrame) -> bool:
        """Divide the log anew if the examples are not those of the last time; whether it was."""
        told = examples_of(self.steps, corrections) if corrections.height else None
        told = told if told is not None and told.height else None
        if told is self._told or (told is not None and self._told is not None and told.equals(self._told)):
            return False
        before = self._parts
        self._told, self._parts, self._found = told, {}, None
        self.turn += 1
        if told is not None:
            labels = self._name(self._prepared()(told), told)
            self._parts = {str(key[0]): part for key, part in labels.partition_by("user", as_dict=True).items()}
            self.changed = self._say(labels, before)
        return True

    def label(self, events: pl.DataFrame, user: str | None = None) -> pl.DataFrame:
        """One person's events (or those of all) as the method divides them with the examples."""
        parts = [part for each, part in sorted(self._parts.items()) if user in (None, each)]
        if not parts:
            return events
        spread = spread_labels(events.drop(_FOUND), pl.concat(parts))
        # a row that goes with a step has its segment, and so its task
        return spread.with_columns(task_id=pl.col("task_id").drop_nulls().first().over("segment_id"))

    def places(self) -> list[Place]:
        """The unsure beginnings inside sessions before anybody corrected them, in no order."""
        if self._found is None:
            frame = self.base.rename({"segment_id": "segment"})
            if self._parts:
                frame = pl.concat(list(self._parts.values())).sort(ORDER).with_columns(step=pl.lit(True))
            sure = frame.with_columns(_sure=pl.col("boundary_confidence").max().over("segment")).filter("step")
            session = pl.int_range(pl.len()).over("user", "session_id")
            begins = (pl.int_range(pl.len()).over("segment") == 0) & pl.col("segment").is_not_null() & (session > 0)
            self._found = sure.filter(begins & (pl.col("_sure") < UNSURE)).select("_sure", *ORDER).rows()
        return self._found

    def _name(self, labels: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
        """Give each model the task of the examples that it holds, else the one that most of its steps had."""
        frame = labels.join(self.steps.select(*ORDER, "task_id"), on=ORDER, how="left", maintain_order="left")
        frame = frame.join(
            told.select(*ORDER, _told=pl.col("task").replace(self._ids)), on=ORDER, how="left", maintain_order="left"
        )
        named = frame.drop_nulls("segment").group_by("segment_model").agg(
            _task=pl.coalesce(pl.col("_told").drop_nulls().first(), pl.col("task_id").drop_nulls().mode().min())
        )  # fmt: skip
        named = frame.drop("task_id", "_told").join(named, on="segment_model", how="left", maintain_order="left")
        return named.rename({"_task": "task_id"})

    def say(self, steps: int, *, usual: float, unsure_before: int, unsure_now: int) -> str:
        """What the last example changed, and whether it has very few steps; `usual` is the median of its task's pieces."""
        turn = "fewer" if unsure_now < unsure_before else "more" if unsure_now > unsure_before else "as many"
        unsure = (
            f" Unsure places: {unsure_before:,} before, {unsure_now:,} now ({turn})."
            if unsure_before or unsure_now
            else ""
        )
        few = ""
        if usual >= FEW_OF and steps <= usual / FEW:
            few = (
                f" This example has {steps} {'step' if steps == 1 else 'steps'} only; pieces of this task usually have "
                f"{usual:.0f} (median), so the method may learn the wrong thing from it."
            )
        return f"{self.changed}{unsure}{few} Undo (U) takes it back."

    def _say(self, labels: pl.DataFrame, before: dict[str, pl.DataFrame]) -> str:
        """How much of the log a mark changed."""
        old = pl.concat([before[user] for user in sorted(before)]) if before else self.steps.select(
            *ORDER, "task_id", segment=pl.col("segment_id").cast(pl.Int64)
        )  # fmt: skip
        both = labels.select(*ORDER, "segment", "task_id").join(
            old.select(*ORDER, _old="segment", _task="task_id"), on=ORDER, how="left", maintain_order="left"
        )
        now, then = both["segment"].n_unique(), both["_old"].n_unique()
        moved = both.select(pl.col("task_id").ne_missing(pl.col("_task")).mean()).item() or 0.0
        share = f"{100 * moved:.0f} %" if moved >= 0.01 else "under 1 %" if moved else "none"
        return (
            f" Everything was divided anew: {then:,} pieces became {now:,}, and {share} of all steps "
            f"{'has' if share == 'none' else 'have'} another task now."
        )
