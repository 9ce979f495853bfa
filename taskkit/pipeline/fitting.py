"""What is learnt from a sample of a log once, to be applied to all of its parts: names, task models, tasks."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from taskkit.activities import Learnt, Rule, learn_names, name_activities, read_rules, write_rules
from taskkit.pipeline.keeping import DONE, make_folder, write_frames
from taskkit.segments import METHODS, TaskModels, list_segments, spread_labels
from taskkit.segments.cohesion import repetitiveness
from taskkit.segments.fitted import fit_steps
from taskkit.segments.mixture import SPARSE
from taskkit.tasks import KnownTasks, find_tasks, fit_tasks

ORDER = ("user", "session_id", "seq")
ASKED = 2_000  # segments of a task whose rows are kept for what looks at values and decisions
RULES = "rules.toml"


class Fitted(NamedTuple):
    """What was learnt from a sample."""

    rules: list[Rule]
    names: Learnt
    models: TaskModels | None  # None: another method, or words say more than activities
    tasks: KnownTasks
    method: str
    found: pl.DataFrame | None  # labels of the steps, where the sample was the whole log
    kept: dict[str, float]  # task → part of its segments whose rows are kept


def fit_sample(
    events: pl.DataFrame, *, rules: Sequence[Rule], method: str, seed: int, rows: int | Callable[[], int]
) -> Fitted:
    """Learn from a sample of a log what the whole of it is named, divided and grouped by.

    Parameters
    ----------
    events : the sample, with whole sessions.
    rules, method : as for `mine`.
    seed : of the task models.
    rows : events of the whole log, or a function that tells them in the end, when they are counted; where the sample has as
        many, the whole is divided as `segment` divides it.
    """
    names = learn_names(events, rules=rules)
    named = name_activities(events, rules=rules, learnt=names)
    steps = named.filter("step").sort(ORDER)
    models = None
    if method == "model" and steps.height and repetitiveness(steps) >= SPARSE:
        models, labels = fit_steps(steps, seed=seed)
    else:
        method = "cohesion" if method == "model" else method
        labels = METHODS[method](steps)
    found = steps.select(ORDER).with_columns(labels)
    segments = find_tasks(list_segments(spread_labels(named, found)))
    expected = segments.drop_nulls("task_id").group_by("task_id").len().sort("task_id")
    rows = rows() if callable(rows) else rows
    scale = rows / max(events.height, 1)
    kept = {task: min(1.0, ASKED / (n * scale)) for task, n in expected.iter_rows()}
    return Fitted([*rules], names, models, fit_tasks(segments), method, found if events.height >= rows else None, kept)


def write_fitted(fitted: Fitted, folder: Path, about: dict[str, Any]) -> None:
    """Keep what was learnt in a folder: plain text, arrays and a frame, with mode 0600; a folder that is done has all."""
    make_folder(folder)
    write_rules(fitted.rules, folder / RULES)
    _write(folder / "names.json", fitted.names.to_json().encode())
    _write(folder / "tasks.json", fitted.tasks.to_json().encode())
    if fitted.models is not None:
        _write(folder / "models.npz", fitted.models.to_bytes())
    write_frames(folder, {"found": fitted.found}, about | {"method": fitted.method, "kept": fitted.kept})


@lru_cache(maxsize=2)
def read_fitted(folder: str) -> Fitted:
    """What `write_fitted` kept; a worker reads it once."""
    place = Path(folder)
    said = json.loads((place / DONE).read_text())
    models, found = place / "models.npz", place / "found.parquet"
    return Fitted(
        read_rules(place / RULES),
        Learnt.from_json((place / "names.json").read_text()),
        TaskModels.read(models) if models.exists() else None,
        KnownTasks.from_json((place / "tasks.json").read_text()),
        said["method"],
        pl.read_parquet(found) if found.exists() else None,
        said["kept"],
    )


def _write(path: Path, content: bytes) -> None:
    """Write beside the place and move it there: a file is there whole or not at all, and for its owner only."""
    waiting = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    waiting.replace(path)
