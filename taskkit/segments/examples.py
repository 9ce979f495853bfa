"""Learning from people: a few marked executions, or boundaries that are there or are not, and everything is labelled anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from taskkit.errors import SettingError
from taskkit.schema import require_columns
from taskkit.segments.streams import Array, Division, Stream
from taskkit.segments.training import Fixed, decode_with, learn

KEYS = ["user", "session_id", "seq"]
WEIGHT = 5.0  # what a marked step counts beside one that was only found
SURE = 50.0  # nats for a boundary that a person put there, or took away
SAME_TASK = 0.5  # Bhattacharyya coefficient from which on a found model is the marked task, and gives way to it
SAME = 0.7  # intersection over union from which on a found execution is the marked one
ITERATIONS = 3


def mark(steps: pl.DataFrame, examples: pl.DataFrame) -> Fixed:
    """What the examples say of each step; see `taskkit.segment` for what they may hold."""
    require_columns(examples, *KEYS, made_by="whoever marks examples")
    told = [name for name in ("segment_id", "begins") if name in examples.columns]
    if not told:
        raise SettingError(
            "Examples need a column `segment_id` (marked executions) or `begins` (true or false: a boundary)."
        )
    marked = steps.select(KEYS).join(
        examples.unique(KEYS, keep="last", maintain_order=True), on=KEYS, how="left", maintain_order="left"
    )
    n = steps.height
    bonus = np.zeros(n, np.float32)
    if "begins" in told:
        bonus = (
            marked.select(pl.when("begins").then(SURE).when(~pl.col("begins")).then(-SURE).otherwise(0.0))
            .to_series()
            .to_numpy()
        )
    if "segment_id" not in told or marked["segment_id"].null_count() == n:
        if not bonus.any():
            raise SettingError(
                "None of the examples is a step of these events: user, session_id and seq must be those of the events."
            )
        return Fixed(np.full(n, -1, np.int64), np.full(n, -1, np.int16), 0, WEIGHT, bonus.astype(np.float32))
    own = pl.col("task") if "task" in examples.columns else pl.col("segment_id").cast(pl.String)
    task = pl.when(pl.col("segment_id").is_not_null()).then(own.fill_null("?"))
    codes = marked.select(
        ids=(pl.col("segment_id").rank("dense") - 1).cast(pl.Int64).fill_null(-1),
        path=(task.rank("dense") - 1).cast(pl.Int16).fill_null(-1),
    )  # fmt: skip
    ids, path = (codes[name].to_numpy().copy() for name in ("ids", "path"))
    mixed = (
        marked.drop_nulls("segment_id")
        .group_by("segment_id")
        .agg(people=pl.col("user").n_unique(), tasks=own.n_unique())
    )
    wrong = mixed.filter((pl.col("people") > 1) | (pl.col("tasks") > 1))["segment_id"].to_list()
    if wrong:
        raise SettingError(f"A marked execution has one person and one task; these have more: {sorted(wrong)}.")
    return Fixed(ids, path, int(path.max()) + 1, WEIGHT, bonus.astype(np.float32))


def relabel(stream: Stream, fixed: Fixed, base: Division | None, iterations: int = ITERATIONS) -> Division:
    """The division of the stream that follows the examples; tasks without an example are kept as `base` has them."""
    division = _begin(stream, fixed, base)
    index = stream.pairs[0]
    for _ in range(iterations):
        division = decode_with(stream, index, *learn(stream, division, fixed), fixed=fixed)
        division = _impose(stream, division, fixed)
    return _go_on(stream, division, fixed)


def _begin(stream: Stream, fixed: Fixed, base: Division | None) -> Division:
    """The marked executions, and those of the found models that are not what was marked."""
    from taskkit.segments import kernels

    if base is None or fixed.models == 0:
        if base is not None:
            return base
        path = np.where(fixed.ids >= 0, fixed.path, fixed.models).astype(np.int16)
        return Division(path, kernels.mark_kinds(fixed.ids, path, stream.opens, fixed.models), fixed.ids, fixed.models)
    number = np.full(base.models + 1, -1)
    agreed = _agreed(base, fixed)
    touched = set(base.path[(fixed.ids >= 0) & (base.ids >= 0)].tolist())
    for model in range(base.models):
        alike = _marked_task(stream, base, model, fixed)
        if model in agreed:
            number[model] = agreed[model]  # a mark confirms what was found: its executions are the marked task's
        elif alike is None:
            number[model] = number.max(initial=fixed.models - 1) + 1
        elif alike in agreed.values() and model not in touched:
            number[model] = alike  # another way of a task that was found right
    models = int(number.max(initial=fixed.models - 1)) + 1
    number[base.models] = models
    found = (base.ids >= 0) & (number[base.path] >= 0) & (fixed.ids < 0)
    found &= ~np.isin(base.ids, np.unique(base.ids[(fixed.ids >= 0) & (base.ids >= 0)]))
    elsewhere = np.where(number[base.path] >= 0, number[base.path], models)
    path = np.where(fixed.ids >= 0, fixed.path, elsewhere).astype(np.int16)
    ids = np.where(fixed.ids >= 0, fixed.ids, np.where(found, base.ids + fixed.ids.max() + 1, -1))
    return _numbered(stream, path, ids, models)


def _agreed(base: Division, fixed: Fixed) -> dict[int, int]:
    """Found models whose execution is, at most marks that touch it, what was marked; with the marked task."""
    told: dict[tuple[int, int], list[bool]] = {}
    for execution in range(int(fixed.ids.max()) + 1):
        marked = fixed.ids == execution
        inside = base.ids[marked & (base.ids >= 0)]
        if not len(inside):
            continue
        best = int(np.bincount(inside).argmax())
        both, task = int((base.ids[marked] == best).sum()), int(fixed.path[marked][0])
        same = both / (int(marked.sum()) + int(base.executions.size[best]) - both) >= SAME
        told.setdefault((int(base.executions.model[best]), task), []).append(same)
    claims = [model for model, _ in told]  # a model that holds two of the marked tasks is neither of them
    return {
        model: task
        for (model, task), marks in sorted(told.items())
        if np.mean(marks) >= 0.5 and claims.count(model) == 1
    }


def _marked_task(stream: Stream, base: Division, model: int, fixed: Fixed) -> int | None:
    """The marked task that holds what a found model holds, if there is one."""

    def use(which: Array) -> Array:
        counts = np.bincount(stream.x[which], minlength=stream.n_symbols).astype(float)
        return np.asarray(np.sqrt(counts / max(1.0, counts.sum())))

    own = use((base.path == model) & (base.ids >= 0))
    near = [float(own @ use(fixed.path == task)) for task in range(fixed.models)]
    return int(np.argmax(near)) if near and max(near) >= SAME_TASK else None


def _impose(stream: Stream, division: Division, fixed: Fixed) -> Division:
    """Marked executions stay as they were marked, whatever the models say."""
    marked = fixed.ids >= 0
    if not marked.any():
        return division
    path = np.where(marked, fixed.path, division.path).astype(np.int16)
    ids = np.where(marked, fixed.ids + int(division.ids.max(initial=-1)) + 1, division.ids)
    return _numbered(stream, path, ids, division.models)


def _go_on(stream: Stream, division: Division, fixed: Fixed) -> Division:
    """Where a person took a boundary away, the execution before goes on, whatever the models say."""
    ids, path = division.ids.copy(), division.path.copy()
    session = np.cumsum(stream.opens)
    for step in np.flatnonzero((fixed.bonus < 0) & ~stream.opens):
        before = np.flatnonzero((ids[:step] >= 0) & (session[:step] == session[step]))
        if not len(before):
            continue
        whole, model = ids[before[-1]], path[before[-1]]
        ahead = np.flatnonzero((ids[step : step + 2] >= 0) & (session[step : step + 2] == session[step]))
        new = int(ids[step + ahead[0]]) if len(ahead) else -1
        joins = ids == new if new >= 0 and not (ids[:step] == new).any() else np.zeros(len(ids), bool)
        between = slice(int(before[-1]) + 1, step + 1)  # what was taken for noise there goes along
        joins[between] |= ids[between] < 0
        ids[joins], path[joins] = whole, model
    return _numbered(stream, path, ids, division.models)


def _numbered(stream: Stream, path: Array, ids: Array, models: int) -> Division:
    from taskkit.segments import kernels

    inside = ids >= 0
    known, first, number = np.unique(ids[inside], return_index=True, return_inverse=True)
    rank = np.empty(len(known), np.int64)
    rank[np.argsort(first)] = np.arange(len(known))
    dense = np.full(len(ids), -1, np.int64)
    dense[inside] = rank[number]
    return Division(path, kernels.mark_kinds(dense, path, stream.opens, models), dense, models)


def base_of(stream: Stream, steps: pl.DataFrame) -> Division | None:
    """The division that the steps bring along from an earlier run of the model; None if they bring none."""
    if "segment_model" not in steps.columns or steps["segment_model"].null_count() == steps.height:
        return None
    model = steps["segment_model"].fill_null(-1).to_numpy().astype(np.int64)
    ids = steps["segment_id"].cast(pl.Int64).fill_null(-1).to_numpy().copy()
    known = np.unique(model[model >= 0])
    # noise inside an execution keeps the model that is active around it
    last = np.maximum.accumulate(np.where(model >= 0, np.arange(len(model)), -1))
    session = np.cumsum(stream.opens)
    carried = np.where((last >= 0) & (session[np.maximum(last, 0)] == session), model[np.maximum(last, 0)], -1)
    inside = carried >= 0
    path = np.where(inside, np.searchsorted(known, np.maximum(carried, known[0])), len(known)).astype(np.int16)
    return replace(_numbered(stream, path, np.where(model >= 0, ids, -1), len(known)))
