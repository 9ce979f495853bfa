"""Learning from marked examples while people watch: prepared once, then everything is divided anew at every mark."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from threading import Lock, Thread

import polars as pl

from taskkit.charts.look import count_of
from taskkit.decisions.corrections import correct_segments, examples_of
from taskkit.segments import ORDER, spread_labels
from taskkit.segments.mixture import start_relabelling
from taskkit.widgets.editor.alike import Surroundings
from taskkit.widgets.editor.stretches import UNSURE

# an example of at most a third of the usual steps is short, where 4 or more are usual
FEW, FEW_OF = 3, 4
Place = tuple[float, str, str, int]  # confidence, user, session and seq of a boundary

_LABELS = ("segment_id", "segment_model", "segment_confidence", "boundary_confidence")
_FOUND = (*_LABELS, "task_id")


class Relabelling:
    """The method's division of the log, or what becomes of it with the marked examples."""

    def __init__(self, base: pl.DataFrame, tasks: Mapping[str, str]) -> None:
        self.base = base
        self._ids = {name: task for task, name in tasks.items()}  # what people say is a name
        # the confidence of a beginning may stand on a row before its first step
        sure = pl.col("boundary_confidence").max().over("segment_id")
        begun = pl.col("timestamp").min().over("user", "session_id")
        self.steps = base.with_columns(boundary_confidence=sure, _begun=begun).filter("step")
        self._label: Callable[[pl.DataFrame], pl.DataFrame] | None = None
        self._lock = Lock()
        self._told: pl.DataFrame | None = None
        self._parts: dict[str, pl.DataFrame] = {}
        self._tasks: dict[int, str] = {}  # model → task
        self._found: list[Place] | None = None
        self._divided: pl.DataFrame | None = None
        self._around: Surroundings | None = None
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
        self._told, self._parts = told, {}
        self._found = self._divided = self._around = None
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
        spread = spread_labels(events.drop(_FOUND), pl.concat(parts).drop("task_id"))
        task = pl.col("segment_model").replace_strict(self._tasks, default=None, return_dtype=pl.String)
        return spread.with_columns(task_id=task)

    def places(self, corrections: pl.DataFrame, spoken_of: Collection[str]) -> list[Place]:
        """The unsure beginnings inside sessions as the corrections leave them, least sure first.

        Parameters
        ----------
        corrections : standing corrections. spoken_of : the people whose rows they name.
        """
        if self._found is None:
            self._found = _list_unsure(self.divided())
        said = pl.col("user").cast(pl.String).is_in([*spoken_of])
        corrected = correct_segments(self.divided().filter(said), corrections) if spoken_of else None
        others = [place for place in self._found if place[1] not in spoken_of]
        return sorted([*others, *(_list_unsure(corrected) if corrected is not None else [])])

    def divided(self) -> pl.DataFrame:
        """All steps in order with what the method takes them for, before anybody corrected it."""
        if self._divided is None:
            steps = self.steps.select(*ORDER, "activity", "dropped", "_begun", "task_id", *_LABELS)
            if self._parts:  # these are the same steps in the same order
                labels = pl.concat([self._parts[user] for user in sorted(self._parts)]).rename(
                    {"segment": "segment_id"}
                )
                steps = steps.drop("task_id", *_LABELS).hstack(labels.select("task_id", *_LABELS))
            self._divided = steps
        return self._divided

    def surroundings(self) -> Surroundings:
        """All steps, to be asked which places look the same."""
        if self._around is None:
            self._around = Surroundings(self.divided())
        return self._around

    def _name(self, labels: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
        """Give each model the task of the examples that it holds, else the one that most of its steps had."""
        frame = labels.join(self.steps.select(*ORDER, "task_id"), on=ORDER, how="left", maintain_order="left")
        frame = frame.join(
            told.select(*ORDER, _told=pl.col("task").replace(self._ids)), on=ORDER, how="left", maintain_order="left"
        )
        named = frame.drop_nulls("segment").group_by("segment_model").agg(
            _task=pl.coalesce(pl.col("_told").drop_nulls().first(), pl.col("task_id").drop_nulls().mode().min())
        )  # fmt: skip
        self._tasks = dict(named.drop_nulls().iter_rows())
        named = frame.drop("task_id", "_told").join(named, on="segment_model", how="left", maintain_order="left")
        return named.rename({"_task": "task_id"})

    def say(self, before: int, now: int, few: str) -> str:
        """What the last example changed, with the unsure places before and now; `few` is told of a very short one."""
        turn = "fewer" if now < before else "more" if now > before else "as many"
        unsure = f" Unsure places: {before:,} before, {now:,} now ({turn})." if before or now else ""
        return f"{self.changed}{unsure}{' ' + few if few else ''} Undo (U) takes it back."

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


def tell_few(steps: int, usual: float | None) -> str:
    """What to tell people about an example with very few steps; empty for others.

    Parameters
    ----------
    usual : median number of steps of the pieces of its task; None where there are none yet.

    >>> tell_few(4, 9.0)
    ''
    """
    if usual is None or usual < FEW_OF or steps > usual / FEW:
        return ""
    return (
        f"This piece has {count_of(steps, 'step')} only; pieces of this task usually have {usual:.0f} (median). Everything is "
        "divided anew from an example, and the method may learn the wrong thing from one as short as this."
    )


def _list_unsure(steps: pl.DataFrame) -> list[Place]:
    """The unsure beginnings inside sessions: sessions come one after the other in time."""
    frame = steps.sort("user", "_begun", "session_id", "seq")
    inside = pl.int_range(pl.len()).over("user", "session_id") > 0
    begins = (pl.int_range(pl.len()).over("segment_id") == 0) & pl.col("segment_id").is_not_null()
    sure = pl.col("boundary_confidence").max().over("segment_id")
    frame = frame.with_columns(_sure=sure).filter(begins & inside & (pl.col("_sure") < UNSURE))
    return frame.select("_sure", *ORDER).rows()
