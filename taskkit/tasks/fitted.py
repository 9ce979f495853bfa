"""Tasks apart from the log they were found in: found once in a part, given to the segments of the rest and of later days."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from taskkit.schema import SEGMENTS, require, require_columns
from taskkit.tasks.contents import ROWS_AT_ONCE, Array, Vocabulary, add_up, read_contents, to_unit_length

_SEEN = {"content": pl.String, "model": pl.Int32, "task_id": pl.String, "task_confidence": pl.Float64}


@dataclass(frozen=True)
class KnownTasks:
    """The tasks of `find_tasks` with all that is needed to tell which of them another segment is."""

    names: dict[str, str]  # task_id → task_name, in order of id
    seen: pl.DataFrame  # contents with a known task: content, model, task_id (null = rest), task_confidence
    of_model: dict[int, str | None]  # task models whose segments are all one task
    likened: list[str]  # tasks that a segment is given by its content
    similarity: float
    vocabulary: Vocabulary
    centres: Any  # sparse, one unit row per task

    def to_json(self) -> str:
        """The same text for the same tasks; floats are written so that they are read back exactly."""
        centres = [part.tolist() for part in (self.centres.data, self.centres.indices, self.centres.indptr)]
        said = {
            "names": self.names, "seen": self.seen.rows(), "of_model": sorted(self.of_model.items()), "likened": self.likened,
            "similarity": self.similarity, "known": self.vocabulary.known, "weight": self.vocabulary.weight.tolist(),
            "centres": centres,
        }  # fmt: skip
        return json.dumps(said, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> KnownTasks:
        """What `to_json` wrote."""
        from scipy.sparse import csr_array

        said = json.loads(text)
        vocabulary = Vocabulary(said["known"], np.array(said["weight"]))
        data, indices, indptr = (np.array(part) for part in said["centres"])
        centres = csr_array(
            (data, indices.astype(np.int32), indptr.astype(np.int32)), shape=(len(indptr) - 1, len(said["weight"]))
        )
        seen = pl.DataFrame([tuple(row) for row in said["seen"]], schema=_SEEN, orient="row")
        of_model = {int(model): task for model, task in said["of_model"]}
        return cls(said["names"], seen, of_model, said["likened"], said["similarity"], vocabulary, centres)


def fit_tasks(segments: pl.DataFrame, *, similarity: float = 0.24) -> KnownTasks:
    """Learn what the tasks of these segments are, to give them to the segments of other parts of the log.

    Parameters
    ----------
    segments : segments frame of `find_tasks`.
    similarity : a segment that is told by its content is at least so similar to its task (cosine to the mean of its segments).

    Returns
    -------
    The tasks, for `assign_tasks`.

    Raises
    ------
    ContractError : `find_tasks` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> steps = ["open mail", "reply"] * 4 + ["open sheet", "sum up"] * 4
    >>> days = [f"2026-03-{day:02d}" for day in range(2, 10) for _ in range(2)]
    >>> log = tk.from_table(pl.DataFrame({"at": days, "what": steps}), columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.list_segments(tk.segment(tk.name_activities(log), method="gap"))
    >>> known = KnownTasks.from_json(fit_tasks(tk.find_tasks(segments)).to_json())
    >>> assign_tasks(segments.head(1), known)["task_id"].to_list()
    ['T01']
    """
    require(segments, SEGMENTS)
    require_columns(segments, "task_id", "task_name", "task_confidence", made_by="find_tasks")
    named = segments.select("task_id", "task_name").drop_nulls("task_id").unique().sort("task_id")
    names = dict(named.iter_rows())
    contents = read_contents(segments)
    place = pl.Series(list(names), dtype=pl.String)
    codes = pl.Series(range(len(names)), dtype=pl.Int64)
    group = segments["task_id"].replace_strict(place, codes, default=-1, return_dtype=pl.Int64).to_numpy()
    model = segments["model"] if "model" in segments.columns else pl.Series([None] * segments.height, dtype=pl.Int32)
    seen = segments.select(
        pl.Series("content", contents.keys, dtype=pl.String).gather(contents.number), model.cast(pl.Int32),
        "task_id", "task_confidence",
    ).unique(maintain_order=True).sort("content", "model", nulls_last=True)  # fmt: skip
    kinds = seen.drop_nulls("model").group_by("model").agg(pl.col("task_id").unique()).sort("model")
    of_model = {int(m): tasks[0] for m, tasks in kinds.iter_rows() if len(tasks) == 1}
    told = pl.col("model").is_null() | ~pl.col("model").is_in(list(of_model))
    likened = seen.filter(told)["task_id"].drop_nulls().unique().sort().to_list()
    centres = to_unit_length(add_up(contents.vectors[contents.number], group, len(names)))
    return KnownTasks(names, seen, of_model, likened, similarity, contents.vocabulary, centres)


def assign_tasks(segments: pl.DataFrame, known: KnownTasks) -> pl.DataFrame:
    """Give segments the tasks that were found in another part of the log.

    What was seen there has the task that it has there. Other segments have the task of their task model, or else that of the
    most similar mean content; what is like none belongs to the rest.

    Parameters
    ----------
    segments : segments frame of `list_segments`.
    known : tasks of `fit_tasks`.

    Returns
    -------
    The segments in the given order with `task_id`, `task_name` and `task_confidence` as in `find_tasks`; of a content that
    was not seen there, the confidence is measured with the means of the known tasks.

    >>> import polars as pl, taskkit as tk
    >>> steps = ["open mail", "reply"] * 4 + ["open sheet", "sum up"] * 4
    >>> days = [f"2026-03-{day:02d}" for day in range(2, 10) for _ in range(2)]
    >>> log = tk.from_table(pl.DataFrame({"at": days, "what": steps}), columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.find_tasks(tk.list_segments(tk.segment(tk.name_activities(log), method="gap")))
    >>> tk.assign_tasks(segments.head(2), tk.fit_tasks(segments))["task_id"].to_list()
    ['T01', 'T01']
    """
    require_columns(segments, "activities", made_by="list_segments")
    frame = segments.drop("task_id", "task_name", "task_confidence", "variant_id", strict=False)
    contents = read_contents(frame, known.vocabulary)
    model = pl.col("model").cast(pl.Int32) if "model" in frame.columns else pl.lit(None, pl.Int32)
    content = pl.Series("content", contents.keys, dtype=pl.String).gather(contents.number)
    rows = frame.select(model=model).with_columns(content, _number=pl.Series(contents.number))
    met = known.seen.with_columns(_seen=True)
    rows = rows.join(met, on=["content", "model"], how="left", nulls_equal=True, maintain_order="left")
    fresh = np.flatnonzero(rows["_seen"].is_null().to_numpy())
    task, sure = rows["task_id"].to_list(), rows["task_confidence"].to_numpy().copy()
    if len(fresh):
        found, likeness = _liken(contents.vectors, contents.number[fresh], rows["model"][fresh].to_list(), known)
        for row, one in zip(fresh.tolist(), found, strict=True):
            task[row] = one
        sure[fresh] = likeness
    ids = pl.Series(task, dtype=pl.String)
    called = ids.replace_strict(known.names, default=None, return_dtype=pl.String)
    return frame.with_columns(task_id=ids, task_name=called, task_confidence=pl.Series(sure).fill_nan(None))


def _liken(vectors: Any, number: Array, models: list[int | None], known: KnownTasks) -> tuple[list[str | None], Array]:
    """The task of each segment with a content that was not seen, and how sure it is."""
    ids = list(known.names)
    if not ids:
        return [None] * len(number), np.full(len(number), np.nan)
    distinct, place = np.unique(number, return_inverse=True)
    centres = known.centres.T
    near = np.concatenate([
        (vectors[distinct[start : start + ROWS_AT_ONCE]] @ centres).toarray() for start in range(0, len(distinct), ROWS_AT_ONCE)
    ])  # fmt: skip
    allowed = np.isin(ids, known.likened)
    among = np.where(allowed, near, -1.0)
    best = np.where(among.max(axis=1) >= known.similarity, among.argmax(axis=1), -1)
    position = {task: number for number, task in enumerate(ids)}
    of_model = {model: -1 if task is None else position[task] for model, task in known.of_model.items()}
    chosen = np.array([
        of_model[model] if model is not None and model in of_model else best[content]
        for model, content in zip(models, place.tolist(), strict=True)
    ])  # fmt: skip
    rows = np.arange(len(chosen))
    like = near[place]
    own = like[rows, chosen].copy()
    like[rows, chosen] = 0
    sure = np.round(np.clip(own, 0, 1) / np.maximum(np.clip(own, 0, 1) + like.max(axis=1), 1e-9), 9)
    return [ids[task] if task >= 0 else None for task in chosen.tolist()], np.where(chosen >= 0, sure, np.nan)
