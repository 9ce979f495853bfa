"""The state behind the editor: frames, the journal, who and which day is shown; every edit is in the journal before it is drawn."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import polars as pl

from taskkit.charts.look import aliases, count_of, people, smallest_group
from taskkit.decisions import Decisions, journal_of
from taskkit.decisions.corrections import correct_segments, restore_segments
from taskkit.decisions.entries import Correction, read_corrections
from taskkit.errors import SettingError, TaskkitError, check_choice
from taskkit.schema import require_columns
from taskkit.widgets.editor.alike import Key, Settled, find_settled, offer_words, settle_all
from taskkit.widgets.editor.edits import EDITS, Edit, count_steps
from taskkit.widgets.editor.relabelling import Place, Relabelling, tell_few
from taskkit.widgets.editor.stretches import Rows, arrange, clock, day_words, draw_day, find_rows
from taskkit.widgets.editor.words import Words, tell_conflicts
from taskkit.widgets.finding_desk import NOT_STATED

KEYS = ("user", "session_id", "seq")
KIND = "correction"
_ASKED = {  # columns that the corrections read, with their types where a frame has none
    "segment_model": pl.Int32(), "segment_confidence": pl.Float64(), "boundary_confidence": pl.Float64(),
    "task_id": pl.String(), "dropped": pl.String(), "utc_offset_minutes": pl.Int16(),
}  # fmt: skip
_CORRECTED = {"task_said": pl.String(), "corrected": pl.Boolean()}


class Desk:
    """What the editor knows; `handle` takes what the page asks for and returns what it is to draw."""

    def __init__(
        self, events: pl.DataFrame, *, names: Mapping[str, str] | None, results: str | Path | None, min_people: int
    ) -> None:
        require_columns(events, *KEYS, "timestamp", "app", "activity", "step", made_by="name_activities")
        require_columns(events, "segment_id", made_by="segment")
        self.base = restore_segments(_complete(events, _ASKED)).sort(KEYS)
        self.kept = results is not None
        if results is None:
            folder = tempfile.mkdtemp(prefix="taskkit-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            results = Path(folder) / "results"
        self.journal = Decisions(journal_of(results))
        self.lock = RLock()
        self._arranged: dict[str, tuple[tuple[int, ...], Rows]] = {}
        self.version, self.said, self.question = 0, "", ""
        self._settled: tuple[int, Settled] | None = None  # the unsure place settled last, and its number in the journal
        self._seen: dict[int, int] = {}  # version of the picture → newest entry of the journal that it shows
        self.letters = aliases(self.base["user"].unique())
        self._users = {letter: user for user, letter in self.letters.items()}
        self._events = {str(key[0]): part for key, part in self.base.partition_by("user", as_dict=True).items()}
        self.words = Words(self.base, names or {}, smallest_group(self.base, min_people=min_people))
        self.relabelling = Relabelling(self.base, self.words.tasks)
        self.place: tuple[Any, ...] | None = None
        self.scope = ""
        self._mine: set[int] = set()
        self._redo: list[dict[str, Any]] = []
        self._opened = self._read()
        first = min(self.letters.values(), key=lambda letter: (len(letter), letter), default="")
        self.user, self.day, self.cursor = self._users.get(first, ""), 0, 0
        self._look_first()

    def handle(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Do what the page asks for; what goes wrong is said in the answer."""
        with self.lock:
            self.said = self.question = ""
            try:
                problem = ""
                self.act(asked)
            except (TaskkitError, OSError) as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001  a control must say what went wrong, not fall silent
                problem = f"This could not be done: {type(error).__name__}: {error}"
            return self.picture() | {"problem": problem, "asked": asked.get("number", 0), "view": asked.get("view")}

    def act(self, asked: Mapping[str, Any]) -> None:
        """Do what was asked for, or raise the error that says why not."""
        actions: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "open": lambda _: None, "show": self._show, "edit": self._edit, "undo": self._undo, "redo": self._again,
            "next": self._next, "keep": self._keep, "alike": self._settle_alike,
        }  # fmt: skip
        if asked["do"] not in (
            "edit",
            "alike",
        ):  # these are written as they were meant, on the picture that was looked at
            self.refresh()
        offered = self._settled
        actions[check_choice(asked["do"], allowed=actions, what="thing to do")](asked)
        if asked["do"] != "open" and self._settled is offered:
            self._settled = None  # the offer is about what was done last

    def refresh(self) -> bool:
        """Read what was recorded elsewhere since the last look; whether there was anything."""
        with self.lock:
            if self.journal.newest == self._newest:
                return False
            self._read()
            self.said = "Another notebook recorded something; the picture is up to date."
            return True

    # reading

    def _read(self) -> int:
        """Read the corrections that stand and forget what was drawn from others; the newest number."""
        self._newest: int = self.journal.newest
        self.corrections = self.journal.list(KIND)
        self.details: list[Correction] = read_corrections(self.corrections)  # one or more of each
        self.relabelling.follow(self.corrections)
        self._places: list[Place] | None = None
        self._alike: list[Key] | None = None
        clashes = self.journal.conflicts()
        self._clashes = clashes.filter(pl.col("kind") == KIND).to_dicts()
        self.version += 1
        self._seen[self.version] = self._newest
        return self._newest

    def rows(self, user: str) -> Rows:
        """One person's rows as they stand now; made anew only where something about them was said."""
        mine = {detail.number for detail in self.details if detail.user == user}
        key = (self.relabelling.turn, *sorted(mine))
        known = self._arranged.get(user)
        if known is None or known[0] != key:
            events = self.relabelling.label(self._events[user], user)
            said = self.corrections.filter(pl.col("number").is_in(mine))
            corrected = correct_segments(events, said) if mine else events
            whole = _complete(corrected, _CORRECTED).with_columns(pl.col("corrected").fill_null(False))
            known = self._arranged[user] = (key, arrange(whole))
        return known[1]

    def events(self) -> pl.DataFrame:
        """The whole log as it stands now."""
        with self.lock:
            return correct_segments(self.relabelling.label(self.base), self.corrections)

    def places(self) -> list[Place]:
        """The boundaries that the method is least sure of, least sure first: confidence, user, session, seq."""
        return [each for each in self._all_places() if not self.scope or each[1] == self.scope]

    def _all_places(self) -> list[Place]:
        if self._places is None:
            spoken_of = {detail.user for detail in self.details} & {*self._events}
            self._places = self.relabelling.places(self.corrections, spoken_of)
        return self._places

    def alike(self) -> list[Key]:
        """The other unsure places of all people that look like the one that was settled last."""
        if self._alike is None and self._settled is not None:
            places = [each[1:] for each in self._all_places()]
            self._alike = self.relabelling.surroundings().alike(self._settled[1], places)
        return self._alike if self._alike and self._settled else []

    # showing

    def _look_first(self) -> None:
        """Begin at the place that the method is least sure of, else with the first person's first day."""
        places = self.places()
        if places:
            self._go(places[0][1:])
        elif self.user:
            self._choose_day(None)

    def _go(self, key: Iterable[Any]) -> None:
        user, session, seq = key
        self.place = (user, session, seq)
        self._last_at = self._position()
        self._look_at(user, session, seq)

    def _look_at(self, user: str, session: str, seq: int) -> None:
        """Show the day of a row and put the cursor on it, or on the step after it."""
        rows = self.rows(user)
        at = rows.frame.with_row_index("_row").filter((pl.col("session_id") == session) & (pl.col("seq") >= seq))
        row = int(at["_row"].min() or 0)  # type: ignore[arg-type]
        step = min(int(np.searchsorted(rows.step, row)), len(rows.step) - 1)
        self.user, self.day = user, int(rows.days[step])
        self.cursor = step - int(np.flatnonzero(rows.days == self.day)[0])

    def _show(self, asked: Mapping[str, Any]) -> None:
        user = self._users.get(asked.get("person", ""), self.user)
        changed, self.user = user != self.user, user
        if changed and self.scope:
            self.scope = user
        self._choose_day(None if changed else asked.get("day"))

    def _choose_day(self, day: int | None) -> None:
        days = np.unique(self.rows(self.user).days)
        if len(days):
            self.day = day if day is not None and day in days else int(days[0])
        self.cursor = 0

    def _next(self, asked: Mapping[str, Any]) -> None:
        self.scope = self.user if asked.get("scope") == "person" else ""
        places = self.places()
        if not places:
            return
        keys = [each[1:] for each in places]
        at = keys.index(self.place) if self.place in keys else None
        forward = asked.get("by", 1) > 0
        if at is None:
            self._go(keys[min(self._last_at, len(keys) - 1)])
        else:
            self._go(keys[(at + (1 if forward else -1)) % len(keys)])

    # writing

    def _edit(self, asked: Mapping[str, Any]) -> None:
        rows = self.rows(self.user)
        here = np.flatnonzero(rows.days == self.day)
        first = int(here[0])
        if asked["op"] not in EDITS or not 0 <= int(asked["step"]) < len(here):
            raise SettingError("There is no such edit or step.")
        given = {name: asked[name] for name in ("later", "task", "example") if name in asked}
        if "to" in asked:
            given["to"] = first + int(asked["to"])
        step = first + int(asked["step"])
        edit = EDITS[asked["op"]](rows, step, **given)
        few = tell_few(count_steps(rows, edit), self.words.usual.get(edit.task or "")) if edit.op == "example" else ""
        if few and asked.get("ask"):
            self.question = few
            return
        spots = {name: given[name] for name in ("to", "later") if name in given}
        settled = find_settled(self.user, rows, asked["op"], step, **spots)
        self._redo.clear()
        before = len(self._all_places())
        number = self._record(edit, asked)
        self.cursor = int(asked.get("to", asked["step"]))
        self._settled = None if settled is None else (number, settled)
        changed = self.relabelling.say(before, len(self._all_places()), few) if edit.op == "example" else ""
        self.said = f"Saved as number {number}: {edit.words}.{changed}"

    def _settle_alike(self, asked: Mapping[str, Any]) -> None:
        """Say of all places that look like the one settled last what was said of it, as one entry."""
        if self._settled is None or not self.alike():
            raise SettingError("No other unsure place looks like one that was settled right before.")
        like, settled = self._settled
        edits, missed = settle_all(settled, self.alike(), self.rows)
        places = [{"user": user, "rows": edit.ranges, "to": edit.to} for user, edit in edits]
        where = f"{count_of(len(places), 'place')} of {people(len({user for user, _ in edits}))}"
        words = f"{edits[0][1].words}, as at number {like}"
        detail = {"op": edits[0][1].op, "task": None, "like": like, "places": places}
        self._redo.clear()
        number = self._write(where, words, detail, asked)
        left = f" At {count_of(missed, 'place')} it could not be done." if missed else ""
        self.said = f"Saved as number {number}: {words}, at {where}.{left} Undo (U) takes all of it back at once."

    def _record(self, edit: Edit, asked: Mapping[str, Any]) -> int:
        rows = self.rows(self.user)
        second = rows.second[min(int(np.searchsorted(rows.step, edit.first)), len(rows.step) - 1)]
        subject = f"{self.letters[self.user]}, {day_words(int(second // 86400))}, {clock(second)}"
        detail = {"op": edit.op, "user": self.user, "rows": edit.ranges, "to": edit.to, "task": edit.task}
        return self._write(subject, edit.words, detail, asked)

    def _write(self, subject: str, words: str, detail: Mapping[str, Any], asked: Mapping[str, Any]) -> int:
        number = self.journal.record(
            subject, words, kind=KIND, why=str(asked.get("why", "")).strip(), role=_role(asked), detail=detail,
            seen=self._seen.get(asked.get("version", self.version), self._newest),
        )  # fmt: skip
        self._mine.add(number)
        self._last_at = self._position()
        self._read()
        return number

    def _undo(self, asked: Mapping[str, Any]) -> None:
        """Take back the newest correction of this editor, or the newest from before it was opened; never another's."""
        number = self._undoable()
        if number is None:
            raise SettingError(
                "There is nothing left to take back here. What another notebook records is taken back there."
            )
        self._take_back(number, asked)
        self.said = f"Number {number} was taken back."

    def _take_back(self, number: int, asked: Mapping[str, Any]) -> None:
        entry = self.corrections.row(by_predicate=pl.col("number") == number, named=True)
        self._redo.append(entry | {"detail": json.loads(entry["detail"])})
        self._look_where(number)
        self.journal.undo(number, role=_role(asked))
        self._read()

    def _look_where(self, number: int) -> None:
        """Show the stretch that a correction is about; the picture stays where it is about several."""
        places = [detail for detail in self.details if detail.number == number and detail.user in self._events]
        if len(places) == 1 and places[0].rows:
            self._look_at(places[0].user, *places[0].rows[0][:2])

    def _again(self, asked: Mapping[str, Any]) -> None:
        if not self._redo:
            raise SettingError("There is nothing to do again.")
        entry = self._redo.pop()
        number = self._write(entry["subject"], entry["decision"], entry["detail"], {**asked, "why": entry["why"]})
        self._look_where(number)
        self.said = f"Saved again as number {number}: {entry['decision']}."

    def _undoable(self) -> int | None:
        standing = self.corrections["number"].to_list()
        own = [n for n in standing if n in self._mine] or [n for n in standing if n <= self._opened]
        return max(own, default=None)

    def _keep(self, asked: Mapping[str, Any]) -> None:
        """Settle a conflict: the other correction is taken back."""
        keep, drop = int(asked["keep"]), int(asked["drop"])
        if drop not in self.corrections["number"].to_list():
            raise SettingError(f"Number {drop} does not stand any more, so there is nothing to settle.")
        self._take_back(drop, asked)
        self._redo.clear()
        self.said = f"Number {keep} holds; number {drop} was taken back and stays in the journal."

    # the picture

    _last_at = 0

    def _position(self) -> int:
        keys = [each[1:] for each in self.places()]
        return keys.index(self.place) if self.place in keys else self._last_at

    def picture(self) -> dict[str, Any]:
        """What the page draws: one person's day, without any pseudonym."""
        rows = self.rows(self.user) if self.user else None
        if rows is None or not len(rows.step):
            return {"empty": "No step of work was recorded here, so there is nothing to divide.", "said": self.said}
        words = self.words
        day = draw_day(rows, self.day, tasks=words.tasks, activities=words.activities, apps=words.apps,
                       examples=find_rows(rows, self._examples()))  # fmt: skip
        places = self.places()
        keys = [each[1:] for each in places]
        return day | {
            "version": self.version,
            "person": self.letters[self.user],
            "people": sorted(self._users, key=lambda letter: (len(letter), letter)),
            "day": self.day,
            "days": [[int(d), day_words(int(d))] for d in np.unique(rows.days)],
            "cursor": self.cursor,
            "activities": list(words.activities),
            "apps": list(words.apps),
            "tasks": words.list_tasks(detail.task for detail in self.details),
            "unsure": {"of": len(places), "at": keys.index(self.place) + 1 if self.place in keys else 0,
                       "known": bool(self.base["boundary_confidence"].count())},
            "following": min(self._last_at + 1, len(places)) if self.place is not None else 0,
            "question": self.question,
            "alike": self._offer(),
            "undo": self._undoable(),
            "redo": bool(self._redo),
            "said": self.said,
            "conflicts": tell_conflicts(self._clashes, self.journal.writer),
            "kept": self.kept,
            "hidden": words.least,
        }  # fmt: skip

    def _examples(self) -> list[tuple[str, int]]:
        """Session and seq with which the marked examples of the person begin."""
        return [each.rows[0][:2] for each in self.details if each.op == "example" and each.user == self.user]

    def _offer(self) -> dict[str, str] | None:
        """What is offered after an unsure place was settled, if others look the same."""
        if self._settled is None or not (places := self.alike()):
            return None
        before, after = (self.words.step(name) for name in self.relabelling.surroundings().around(self._settled[1].key))
        return offer_words(self._settled[1], places, before, after)


def _role(asked: Mapping[str, Any]) -> str:
    return str(asked.get("role", "")).strip() or NOT_STATED


def _complete(events: pl.DataFrame, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The events with the columns that are read, null where there were none."""
    return events.with_columns(
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in columns.items() if name not in events.columns
    )
