"""The segmentation editor: people who know the work correct the boundaries and names that the method proposes."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.charts.look import count_of
from taskkit.errors import MissingExtraError
from taskkit.privacy import MIN_PEOPLE
from taskkit.segments.review import count_unsure
from taskkit.widgets.displays import Shown, is_static, sentence, stack
from taskkit.widgets.editor.desk import Desk
from taskkit.widgets.tables import table

LOOK = 1.0  # seconds between two looks whether another notebook recorded something
_DONE = {
    "move": ("boundary moved", "boundaries moved"), "split": ("split or confirmed segment", "split or confirmed segments"),
    "merge": ("merge", "merges"), "not work": ("segment marked as not work", "segments marked as not work"),
    "assign": ("segment given a task", "segments given a task"), "example": ("example", "examples"),
}  # fmt: skip


class SegmentationEditor:
    """A timeline of one person's day with the segments that the method proposes, to be corrected by mouse or keyboard.

    Boundaries are dragged or moved step by step, segments split, merged, marked as not work, given a task or marked as an
    example, from which the whole log is divided anew at once. The places that the method is least sure of come first.
    Every correction is in the journal before it is drawn, so that neither a reload nor a killed kernel loses one; undoing
    is an entry of its own. Where other unsure places look like one that was settled, one click says the same of all of them,
    as one entry that is taken back as one. What another notebook records is shown within a second or two, and where both
    changed the same rows without having seen each other, both are shown and one is chosen.

    People are letters; titles and labels are not shown. A page without a kernel shows nobody's work: only how many
    corrections of which kind were recorded in which roles, and where the method is least sure by task.

    Parameters
    ----------
    events : events frame of `mine`: with `segment_id`, and best with `task_id` and the confidences.
    names : readable names of the tasks, such as {"T01": "Enter invoice"}.
    results : folder of results; the journal lies beside it. None: corrections last only as long as the kernel runs.
    min_people : activities and applications of fewer people are not named, and tasks of fewer are hidden on a page.

    Raises
    ------
    ContractError : the events were not named or segmented yet. TaskkitError : the journal cannot be read.

    >>> import polars as pl, taskkit as tk
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_004), "what": list("abcd")})
    >>> events = tk.segment(tk.name_activities(tk.from_table(log, columns={"timestamp": "at", "event_name": "what"})), method="gap")
    >>> editor = SegmentationEditor(events)
    >>> editor.edit("split", step=2)
    'Saved as number 1: split in two.'
    >>> editor.events["segment_id"].to_list()
    [0, 0, 1, 1]
    """

    def __init__(
        self,
        events: pl.DataFrame,
        *,
        names: Mapping[str, str] | None = None,
        results: str | Path | None = None,
        min_people: int = MIN_PEOPLE,
    ) -> None:
        self.desk = Desk(events, names=names, results=results, min_people=min_people)
        self._widget: Any = None

    @property
    def events(self) -> pl.DataFrame:
        """The events as the corrections leave them, as `taskkit.decisions.correct_segments` gives them."""
        return self.desk.events()

    @property
    def corrections(self) -> pl.DataFrame:
        """The corrections that stand, one row each, as `Decisions.list` gives them."""
        self.desk.refresh()
        return self.desk.corrections

    def edit(self, op: str, *, step: int, role: str = "analyst", why: str = "", **settings: Any) -> str:
        """Correct the day that is shown, as a click would; returns what was saved.

        Parameters
        ----------
        op : "move" (setting `to`: step before which the boundary is to stand), "split", "merge" (`later`: with the next
            segment, the default, or the one before), "not work", "assign" (`task`, and `example=True` to learn from it) or
            "confirm".
        step : step of the day, counted from 0: that of the boundary, or one of the segment.
        role, why : who says so in which role, and the reason.

        Raises
        ------
        SettingError : nothing was recorded, and why.
        """
        with self.desk.lock:
            self.desk.act({"do": "edit", "op": op, "step": step, "role": role, "why": why, **settings})
            self._send(0)
            return self.desk.said

    def edit_alike(self, *, role: str = "analyst", why: str = "") -> str:
        """Say of all unsure places that look like the one settled last what was said of it; returns what was saved.

        They are one entry in the journal and are taken back as one. The same is done right before and after them, between
        the same kinds of work, whoever does it.

        Raises
        ------
        SettingError : no other unsure place looks like one that was settled right before.
        """
        with self.desk.lock:
            self.desk.act({"do": "alike", "role": role, "why": why})
            self._send(0)
            return self.desk.said

    def static(self) -> Shown:
        """What was corrected, and where the method is least sure: no stretch of anybody's work."""
        self.desk.refresh()
        counted = self._counts()
        unsure = count_unsure(self.desk.base).with_columns(
            name=pl.col("task_id").replace_strict(self.desk.words.tasks, default=None, return_dtype=pl.String)
        )
        return stack(
            sentence(counted, kind="tk-callout" if self.desk.corrections.height else "tk-asked"),
            table(
                unsure,
                caption="Where the method is least sure, by task",
                definition="Beginnings inside sessions as the method found them. Unsure: confidence under 0.8; expected wrong: "
                "sum of 1 − confidence; people: who have such beginnings.",
                columns={"task_id": "task", "name": "name", "boundaries": "beginnings", "unsure": "unsure",
                         "expected_wrong": "expected wrong", "people": "people"},
                min_people=self.desk.words.least, keep=["task_id", "name"], most=20,
                empty="This way of dividing gives no confidence.",
            ),
        )  # fmt: skip

    def _counts(self) -> str:
        """How many corrections of which kind stand, and in which roles they were recorded."""
        said_by = dict(self.desk.corrections.select("number", "role").iter_rows())
        ops = [detail.op for detail in self.desk.details]
        roles = [str(said_by[detail.number]) for detail in self.desk.details]
        if not roles:
            return "No correction of the segments has been recorded yet. They are made in the running notebook."
        kinds = [count_of(ops.count(op), *words) for op, words in _DONE.items() if op in ops]
        by = [f"{role} ({roles.count(role)})" for role in sorted(set(roles))]
        return f"{count_of(len(ops), 'correction')} of the segments recorded: {', '.join(kinds)}. By role: {', '.join(by)}."

    def live(self) -> Any:
        """The editor itself, as one widget however often it is displayed."""
        if self._widget is None:
            self._widget = _widget_class()()
            self._widget.on_msg(lambda _, content, __: self._answer(content))
            self.desk.relabelling.prepare()
            _watch(self)
        return self._widget

    def _answer(self, asked: Mapping[str, Any]) -> None:
        with self.desk.lock:  # answers leave in the order in which they were asked for
            try:
                told = {"about": "day", **self.desk.handle(asked)}
            except Exception as error:  # noqa: BLE001  the page must say what went wrong, not wait for ever
                told = {"about": "problem", "problem": f"This could not be drawn: {type(error).__name__}: {error}"}
            self._widget.send(told)

    def _send(self, number: int) -> None:
        if self._widget is not None:
            self._widget.send({"about": "day", **self.desk.picture(), "problem": "", "asked": number})

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        shown = self.static() if is_static() else self.live()
        return shown._repr_mimebundle_(include=include, exclude=exclude)


@cache
def _widget_class() -> Any:
    """The widget: its state holds only the program; days pass as messages, so that no saved notebook keeps one."""
    try:
        import anywidget
    except ImportError as error:
        raise MissingExtraError(
            "The segmentation editor needs the package anywidget: pip install 'taskkit[lab]'."
        ) from error
    here = Path(__file__).parent

    class EditorWidget(anywidget.AnyWidget):
        _esm = (here / "editor.js").read_text(encoding="utf-8")
        _css = (here / "editor.css").read_text(encoding="utf-8")

    return EditorWidget


def _watch(editor: SegmentationEditor) -> None:
    """Look from time to time whether another notebook recorded something, as long as the editor is there."""
    found = weakref.ref(editor)
    pause = threading.Event()

    def look() -> None:
        stamp = None
        while (kept := found()) is not None:
            now = _stamp(kept.desk.journal.path)
            if now != stamp:
                stamp = now
                _tell(kept)
            del kept
            pause.wait(LOOK)

    threading.Thread(target=look, daemon=True, name="taskkit editor: watch the journal").start()


def _tell(editor: SegmentationEditor) -> None:
    with editor.desk.lock:
        try:
            if editor.desk.refresh():
                editor._send(0)
        except Exception as error:  # noqa: BLE001  told where it can be read; the next look may find the file again
            editor._widget.send({"about": "problem", "problem": str(error)})


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size
