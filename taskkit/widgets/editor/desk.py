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

from taskkit.charts.look import PALETTE, aliases, of_enough_people, smallest_group
from taskkit.decisions import JOURNAL, Decisions
from taskkit.decisions.corrections import correct_segments, restore_segments
from taskkit.errors import SettingError, TaskkitError, check_choice
from taskkit.schema import require_columns
from taskkit.widgets.editor.edits import EDITS, Edit, count_steps
from taskkit.widgets.editor.relabelling import Place, Relabelling
from taskkit.widgets.editor.stretches import Rows, arrange, clock, day_words, draw_day, list_places

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
        folder = Path(results).parent if results is not None else Path(tempfile.mkdtemp(prefix="taskkit-"))
        if results is None:
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.journal = Decisions(folder / JOURNAL)
        self.lock = RLock()
        self._arranged: dict[str, tuple[tuple[int, ...], Rows]] = {}
        self.version, self.said = 0, ""
        self._seen: dict[int, int] = {}  # version of the picture → newest entry of the journal that it shows
        steps = self.base.filter("step")
        self.letters = aliases(self.base["user"].unique())
        self._users = {letter: user for user, letter in self.letters.items()}
        self._events = {str(key[0]): part for key, part in self.base.partition_by("user", as_dict=True).items()}
        self._learn_words(steps, names or {}, smallest_group(self.base, min_people=min_people))
        self.relabelling = Relabelling(self.base, self.tasks)
        self.place: tuple[Any, ...] | None = None
        self.scope = ""
        self._mine: set[int] = set()
        self._redo: list[dict[str, Any]] = []
        self._opened = self._read()
        first = min(self.letters.values(), key=lambda letter: (len(letter), letter), default="")
        self.user, self.day, self.cursor = self._users.get(first, ""), 0, 0
        self._look_first()

    def _learn_words(self, steps: pl.DataFrame, names: Mapping[str, str], least: int) -> None:
        """What may be named: activities and applications seen with enough people; tasks by their names."""
        self.least = least
        self.activities = {name: n for n, name in enumerate(of_enough_people(steps, by="activity", min_people=least))}
        common = set(of_enough_people(steps, by="app", min_people=least))
        used = steps.drop_nulls("app").group_by(pl.col("app").cast(pl.String)).len().sort(
            "len", "app", descending=[True, False]
        )  # fmt: skip
        self.apps = {name: n for n, name in enumerate(a for a in used["app"] if a in common)}
        found = self.base["task_id"].drop_nulls().unique().sort().to_list()
        self.tasks = {task: names.get(task, task) for task in found}
        self._common = {self.tasks[task] for task in of_enough_people(steps, by="task_id", min_people=least)}
        sizes = steps.drop_nulls(["task_id", "segment_id"]).group_by("task_id", "segment_id").len()
        median = sizes.group_by("task_id").agg(pl.col("len").median())
        self.usual = {self.tasks[task]: float(size) for task, size in sorted(median.iter_rows())}

    def handle(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Do what the page asks for; what goes wrong is said in the answer."""
        with self.lock:
            self.said = ""
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
            "next": self._next, "keep": self._keep,
        }  # fmt: skip
        if asked["do"] != "edit":  # an edit is written as it was meant, on the picture that was looked at
            self.refresh()
        actions[check_choice(asked["do"], allowed=actions, what="thing to do")](asked)

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
        self.details: list[dict[str, Any]] = [json.loads(text) for text in self.corrections["detail"]]
        self.relabelling.follow(self.corrections)
        self._places: list[Place] | None = None
        clashes = self.journal.conflicts()
        self._clashes = clashes.filter(pl.col("kind") == KIND).to_dicts()
        self.version += 1
        self._seen[self.version] = self._newest
        return self._newest

    def rows(self, user: str) -> Rows:
        """One person's rows as they stand now; made anew only where something about them was said."""
        mine = [n for n, detail in enumerate(self.details) if detail.get("user") == user]
        key = (self.relabelling.turn, *self.corrections["number"][mine].to_list())
        known = self._arranged.get(user)
        if known is None or known[0] != key:
            events = self.relabelling.label(self._events[user], user)
            corrected = correct_segments(events, self.corrections[mine]) if mine else events
            whole = _complete(corrected, _CORRECTED).with_columns(pl.col("corrected").fill_null(False))
            known = self._arranged[user] = (key, arrange(whole))
        return known[1]

    def events(self) -> pl.DataFrame:
        """The whole log as it stands now."""
        with self.lock:
            return correct_segments(self.relabelling.label(self.base), self.corrections)

    def places(self) -> list[Place]:
        """The boundaries that the method is least sure of, least sure first: confidence, user, session, seq."""
        if self._places is None:
            spoken_of = {detail["user"] for detail in self.details} & {*self._events}
            found = [each for each in self.relabelling.places() if each[1] not in spoken_of]
            for user in spoken_of:
                rows = self.rows(user)
                keys = rows.frame.select("session_id", "seq")
                found += [(sure, user, *keys.row(int(rows.step[step]))) for sure, step in list_places(rows)]
            self._places = sorted(found)
        return [each for each in self._places if not self.scope or each[1] == self.scope]

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
        edit = EDITS[asked["op"]](rows, first + int(asked["step"]), **given)
        self._redo.clear()
        before = self._unsure()
        number = self._record(edit, asked)
        self.cursor = int(asked.get("to", asked["step"]))
        changed = ""
        if edit.op == "example":
            usual = self.usual.get(edit.task or "", 0.0)
            changed = self.relabelling.say(
                count_steps(rows, edit), usual=usual, unsure_before=before, unsure_now=self._unsure()
            )
        self.said = f"Saved as number {number}: {edit.words}.{changed}"

    def _unsure(self) -> int:
        """Unsure places of all people."""
        self.places()
        return len(self._places or ())

    def _record(self, edit: Edit, asked: Mapping[str, Any]) -> int:
        rows = self.rows(self.user)
        second = rows.second[min(int(np.searchsorted(rows.step, edit.first)), len(rows.step) - 1)]
        subject = f"{self.letters[self.user]}, {day_words(int(second // 86400))}, {clock(second)}"
        detail = {"op": edit.op, "user": self.user, "rows": edit.ranges, "to": edit.to, "task": edit.task}
        return self._write(subject, edit.words, detail, asked)

    def _write(self, subject: str, words: str, detail: Mapping[str, Any], asked: Mapping[str, Any]) -> int:
        role = str(asked.get("role", "")).strip() or "analyst"
        number = self.journal.record(
            subject, words, kind=KIND, why=str(asked.get("why", "")).strip(), role=role, detail=detail,
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
        at = self.corrections["number"].to_list().index(number)
        entry = self.corrections.row(at, named=True) | {"detail": self.details[at]}
        self.journal.undo(number, role=str(asked.get("role", "")).strip() or "analyst")
        self._redo.append(entry)
        self._read()
        session, seq, _ = entry["detail"]["rows"][0]
        self._look_at(entry["detail"]["user"], session, seq)

    def _again(self, asked: Mapping[str, Any]) -> None:
        if not self._redo:
            raise SettingError("There is nothing to do again.")
        entry = self._redo.pop()
        number = self._write(entry["subject"], entry["decision"], entry["detail"], {**asked, "why": entry["why"]})
        session, seq, _ = entry["detail"]["rows"][0]
        self._look_at(entry["detail"]["user"], session, seq)
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

    def conflicts(self) -> list[dict[str, Any]]:
        """Corrections of the same rows by two notebooks that had not seen one another, this editor's own ones first."""
        told = []
        for pair in self._clashes:
            mine = [which for which in ("earlier", "later") if pair[f"{which}_writer"] == self.journal.writer]
            keep, take = ("earlier", "later") if mine == ["earlier"] else ("later", "earlier")
            words = ("Keep mine", "Take theirs") if mine else ("Keep the later", "Keep the earlier")
            told.append({
                "subject": pair["subject"], "keep": pair[keep], "take": pair[take], "mine": bool(mine),
                "words": [f"{word} (number {pair[side]})" for word, side in zip(words, (keep, take), strict=True)],
                "sides": [
                    f"Number {pair[side]}, {pair[f'{side}_role']}: {pair[f'{side}_decision']}" for side in (keep, take)
                ],
                "holds": f"Both are kept; number {pair['later']} holds until one is taken back.",
            })  # fmt: skip
        return sorted(told, key=lambda each: not each["mine"])

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
        tasks = self._tasks()
        day = draw_day(rows, self.day, tasks=self.tasks, activities=self.activities, apps=self.apps,
                       examples=self._example_rows(rows))  # fmt: skip
        places = self.places()
        keys = [each[1:] for each in places]
        return day | {
            "version": self.version,
            "person": self.letters[self.user],
            "people": sorted(self._users, key=lambda letter: (len(letter), letter)),
            "day": self.day,
            "days": [[int(d), day_words(int(d))] for d in np.unique(rows.days)],
            "cursor": self.cursor,
            "activities": list(self.activities),
            "apps": list(self.apps),
            "tasks": tasks,
            "unsure": {"of": len(places), "at": keys.index(self.place) + 1 if self.place in keys else 0,
                       "known": bool(self.base["boundary_confidence"].count())},
            "following": min(self._last_at + 1, len(places)) if self.place is not None else 0,
            "usual": self.usual,
            "undo": self._undoable(),
            "redo": bool(self._redo),
            "said": self.said,
            "conflicts": self.conflicts(),
            "kept": self.kept,
            "hidden": self.least,
        }  # fmt: skip

    def _tasks(self) -> list[list[Any]]:
        """The tasks: name, label, colour and whether one can choose it; what people named comes after what was found.

        What too few people do is hidden everywhere else and not offered, unless a person named it.
        """
        spoken_of = {d["task"] for d in self.details if d.get("task")}
        offered, said = self._common | spoken_of, spoken_of - set(self.tasks.values())
        labelled = [(name, task if name == task else f"{task} {name}") for task, name in self.tasks.items()]
        labelled += [(name, name) for name in sorted(said)]
        return [
            [name, label, PALETTE[n] if n < len(PALETTE) else "#7A8594", name in offered]
            for n, (name, label) in enumerate(labelled)
        ]

    def _example_rows(self, rows: Rows) -> np.ndarray[Any, Any]:
        """Rows with which the marked examples of the person begin."""
        firsts = [d["rows"][0][:2] for d in self.details if d["op"] == "example" and d["user"] == self.user]
        if not firsts:
            return np.empty(0, np.int64)
        wanted = pl.DataFrame(firsts, schema={"session_id": pl.String, "seq": pl.UInt64}, orient="row")
        found = (
            rows.frame.select("session_id", "seq")
            .with_row_index("_row")
            .join(wanted, on=["session_id", "seq"], how="semi")
        )
        return found["_row"].to_numpy().astype(np.int64)


def _complete(events: pl.DataFrame, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The events with the columns that are read, null where there were none."""
    return events.with_columns(
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in columns.items() if name not in events.columns
    )
