"""Each stage on a log in memory; names, task models and tasks are fitted on a sample of it and applied to all."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

import taskkit as tk
from benchmarks.scale.clock import memory
from taskkit.activities import name_activities
from taskkit.pipeline.fitting import Fitted, fit_sample
from taskkit.pipeline.partitions import list_partitions, read_part, sample_files
from taskkit.segments import list_segments, segment
from taskkit.tasks import assign_tasks

SAMPLED = 200_000
JUDGED = 12
ORDER = ("user", "session_id", "seq")


def measure(folder: str) -> dict[str, Any]:
    """Seconds, processor seconds and peak of memory of each stage."""
    log = Path(folder, "log")
    parts = list_partitions(log)
    total = sum(part.rows for part in parts)
    took: dict[str, tuple[float, float, float]] = {}

    def run(stage: str, function: Callable[[], Any]) -> Any:
        began, busy = time.perf_counter(), time.process_time()
        result = function()
        took[stage] = (time.perf_counter() - began, time.process_time() - busy, memory())
        return result

    sample = read_part(sample_files(parts, log, seed=0, rows=SAMPLED))
    fitted = run(f"fit on {min(SAMPLED, total):,} events",
                 lambda: fit_sample(sample, rules=[], method="model", seed=0, rows=total + 1))  # fmt: skip
    held = {"events": run("read_log", lambda: tk.read_log(log))}
    named = {"rules": fitted.rules, "learnt": fitted.names}
    # taken out of the dictionary: a frame that was used is not held beside the next
    held["events"] = run("name_activities", lambda: name_activities(held.pop("events"), **named))
    divided = run("segment", lambda: _segment(held.pop("events"), fitted))
    segments = run("list_segments", lambda: list_segments(divided))
    segments = run("assign tasks", lambda: assign_tasks(segments, fitted.tasks))
    segments = run("find_variants", lambda: tk.find_variants(segments))
    run("count_variants", lambda: tk.count_variants(segments, top=12))
    run("count_successions", lambda: tk.count_successions(segments))
    run("measure_criteria", lambda: tk.measure_criteria(divided, segments))
    return {"events": divided.height, "stages": took}


def score_samples(folder: str, sizes: list[int], seeds: list[int]) -> dict[str, Any]:
    """How well what was fitted on samples of the others' files divides the work of every `JUDGED`th part, against the truth."""
    log = Path(folder, "log")
    parts = list_partitions(log)
    step = min(JUDGED, len(parts))
    judged = parts[step // 2 :: step]
    others = [part for part in parts if part not in judged] or parts
    files = [Path(file) for part in judged for file in part.files]
    events = read_part([str(file) for file in files])
    truth = Path(folder, "truth")
    true = pl.concat(
        pl.read_parquet(sorted((truth / user).glob("*.parquet"))) for user in sorted({f.parent.name for f in files})
    )
    total, found = sum(part.rows for part in parts), []
    for size in sizes:
        for seed in seeds:
            sample = read_part(sample_files(others, log, seed=seed, rows=size))
            began = time.perf_counter()
            fitted = fit_sample(sample, rules=[], method="model", seed=seed, rows=total + 1)
            took = time.perf_counter() - began
            divided = _segment(name_activities(events, rules=fitted.rules, learnt=fitted.names), fitted)
            segments = assign_tasks(list_segments(divided), fitted.tasks)
            divided = divided.with_columns(task_id=segments["task_id"].gather(divided["segment_id"]))
            divided = divided.join(true, on=ORDER, how="left", maintain_order="left")
            scores = pl.concat([tk.score_segments(divided), tk.score_tasks(divided)])
            found.append(
                {"size": size, "events": sample.height, "s": took, **dict(scores.select("metric", "value").iter_rows())}
            )
    return {"judged": events.height, "people": events["user"].n_unique(), "found": found}


def _segment(named: pl.DataFrame, fitted: Fitted) -> pl.DataFrame:
    settings = {"method": fitted.method} if fitted.models is None else {"models": fitted.models}
    return segment(named, **settings)
