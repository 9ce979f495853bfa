"""What the page may say: steps and applications of enough people, the tasks, and corrections that contradict one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from taskkit.charts.look import PALETTE, of_enough_people

_OTHER = "#7A8594"  # tasks after the last colour


class Words:
    """Activities and applications seen with enough people (name → place in the list), and tasks by their names.

    `tasks` are readable names by id, `usual` the median number of steps of each name's pieces.

    Parameters
    ----------
    events : events frame with `task_id`.
    names : task_id → readable name. least : people from which on something is named.
    """

    def __init__(self, events: pl.DataFrame, names: Mapping[str, str], least: int) -> None:
        self.least, steps = least, events.filter("step")
        self.activities = {name: n for n, name in enumerate(of_enough_people(steps, by="activity", min_people=least))}
        common = set(of_enough_people(steps, by="app", min_people=least))
        used = steps.drop_nulls("app").group_by(pl.col("app").cast(pl.String)).len().sort(
            "len", "app", descending=[True, False]
        )  # fmt: skip
        self.apps = {name: n for n, name in enumerate(a for a in used["app"] if a in common)}
        found = events["task_id"].drop_nulls().unique().sort().to_list()
        self.tasks = {task: names.get(task, task) for task in found}
        self._common = {self.tasks[task] for task in of_enough_people(steps, by="task_id", min_people=least)}
        sizes = steps.drop_nulls(["task_id", "segment_id"]).group_by("task_id", "segment_id").len()
        median = sizes.group_by("task_id").agg(pl.col("len").median())
        self.usual = {self.tasks[task]: float(size) for task, size in sorted(median.iter_rows())}

    def step(self, activity: str) -> str:
        """A step in words."""
        return f"‘{activity}’" if activity in self.activities else f"a step that fewer than {self.least} people take"

    def list_tasks(self, said: Iterable[str | None]) -> list[list[Any]]:
        """The tasks: name, label, colour and whether one can choose it; what people named comes after what was found.

        What too few people do is hidden everywhere else and not offered, unless a person said it.
        """
        spoken_of = {task for task in said if task}
        offered, new = self._common | spoken_of, spoken_of - set(self.tasks.values())
        labelled = [(name, task if name == task else f"{task} {name}") for task, name in self.tasks.items()]
        labelled += [(name, name) for name in sorted(new)]
        return [
            [name, label, PALETTE[n] if n < len(PALETTE) else _OTHER, name in offered]
            for n, (name, label) in enumerate(labelled)
        ]


def tell_conflicts(pairs: Sequence[Mapping[str, Any]], writer: str) -> list[dict[str, Any]]:
    """Corrections of the same rows by two notebooks that had not seen one another, the writer's own ones first.

    Parameters
    ----------
    pairs : rows of `Decisions.conflicts`.
    """
    told = []
    for pair in pairs:
        mine = [which for which in ("earlier", "later") if pair[f"{which}_writer"] == writer]
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
