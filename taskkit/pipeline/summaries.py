"""From the parts of a log to its summaries, task by task: variants, directly-follows graph, measures, criteria."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.automation.criteria import CRITERIA, Criterion
from taskkit.automation.ranking import sum_by_person
from taskkit.automation.work import Work
from taskkit.pipeline.keeping import DONE, digest, write_frames
from taskkit.pipeline.parts import LOCAL, add_up, of_task
from taskkit.schema import SEGMENTS
from taskkit.tasks import list_tasks
from taskkit.variants import count_successions
from taskkit.variants.counting import count_ranked, name_segments, rank_ways
from taskkit.variants.ways import find_glances, find_ways, read_steps, with_screens

LEVEL, RARE = "screen", 0.2  # of variants, as `find_variants` has them by default
# criteria that ask for values and decisions: measured on the segments whose rows are kept
ON_ROWS = ("determinism", "decisions_foretold", "carried_out_per_segment", "stable_element_share")
MEASURED = pl.Schema({
    "task_id": pl.String(), "task_name": pl.String(), "user": pl.String(), "segments": pl.UInt32(), "days": pl.UInt32(),
    "criterion": pl.String(), "numerator": pl.Float64(), "denominator": pl.Float64(), "between": pl.List(pl.String()),
})  # fmt: skip


def join_parts(folder: Path, parts: Sequence[str], frames: Path, criteria: bool = True) -> None:
    """Put the small frames of all parts together and write them: people, activities, and for criteria days and applications.

    Parameters
    ----------
    folder : that of the parts.
    parts : names of their folders.
    frames : folder to write to.
    criteria : false leaves out what they ask for.
    """
    counted = _scan(folder, parts, "people").collect().sort("user")  # a person is in one part
    used = _scan(folder, parts, "activities").group_by("task_id", "activity").agg(pl.col("times").sum()).collect()
    joined = {
        # segments are numbered in order of the person, as in one log
        "people": counted.with_columns(base=pl.col("segments").cum_sum() - pl.col("segments")),
        "activities": used.sort("task_id", "activity"),
    }
    if criteria:
        apps = _scan(folder, parts, "apps").group_by("app").agg(add_up("active_seconds")).collect()
        joined["apps"] = apps.sort("active_seconds", "app", descending=[True, False])
        joined["days"] = _scan(folder, parts, "days").collect().unique().sort("user", "day")
    write_frames(frames, joined, {})


def mine_task(task_id: str | None, folder: str, parts: Sequence[str], frames: str, criteria: bool = True) -> str:
    """Find the variants, the graph and the measures of one task in the segments of all parts, and keep them.

    Parameters
    ----------
    task_id : of the task; None for the segments that belong to no task.
    folder : that of the parts.
    parts : names of their folders.
    frames : folder of `join_parts`; a folder for the task is made in it.
    criteria : false leaves them out.

    Returns
    -------
    The name of that folder. What was done for the same parts is not done again.
    """
    own = Path(frames) / (task_id or "rest")
    if (own / DONE).exists():
        return own.name
    shared = {file.stem: pl.read_parquet(file) for file in sorted(Path(frames).glob("*.parquet"))}
    base = shared["people"].select("user", _base=pl.col("base").cast(pl.Int64) - pl.col("first").cast(pl.Int64))
    segments = _scan(Path(folder), parts, of_task("segments", task_id), schema=SEGMENTS.schema).collect()
    segments = _numbered(segments, base)
    if not segments["segment_id"].is_sorted():  # parts of one person each come in the order of their people
        segments = segments.sort("segment_id")
    if task_id is None:
        listed = segments.with_columns(variant_id=pl.lit(None, pl.String))
        write_frames(own, {"segments": listed.select(*SEGMENTS.schema)}, {})
        return own.name
    segments, variants = _vary(segments, shared["activities"])
    hours = pl.lit(segments.select(add_up("active_seconds")).item() / 3600)
    frames_of_task = {
        "segments": segments.select(*SEGMENTS.schema), "variants": variants, "successions": count_successions(segments),
        "tasks": list_tasks(segments).with_columns(active_hours=hours),
    }  # fmt: skip
    if criteria:
        rows = _numbered(_scan(Path(folder), parts, of_task("rows", task_id)).collect(), base)
        rows = rows.sort("user", "_begin", "session_id", "seq").drop("_begin", "task_id")
        local = _scan(Path(folder), parts, "criteria").filter(task_id=task_id).collect()
        main_app = str(shared["apps"]["app"][0]) if shared["apps"].height else ""
        frames_of_task["criteria"] = _measure(segments, rows, local, shared["days"], main_app)
    write_frames(own, frames_of_task, {})
    return own.name


def write_summaries(frames: Path, tasks: Iterable[str]) -> None:
    """Put the frames of all tasks together: tasks, variants, successions, criteria."""
    whole = pl.read_parquet(frames / "people.parquet")["active_seconds"].sum() or 1.0
    found = sorted(tasks)
    joined = {
        name: pl.concat([pl.read_parquet(frames / task / f"{name}.parquet") for task in found])
        for name in ("tasks", "variants", "successions", "criteria")
        if found and (frames / found[0] / f"{name}.parquet").exists()
    }  # fmt: skip
    if found:
        joined["tasks"] = joined["tasks"].with_columns(share=pl.col("active_hours") * 3600 / whole)
    write_frames(frames / "all", joined, {})


def of_parts(folder: Path, parts: Sequence[str]) -> str:
    """A digest of parts: summaries of the same parts are the same."""
    return digest(*sorted(parts), files={}, code=())


def _scan(folder: Path, parts: Sequence[str], name: str, schema: pl.Schema | None = None) -> pl.LazyFrame:
    """A frame of all parts that have it; of none it is empty, by the `schema`."""
    files = [file for part in sorted(parts) if (file := folder / part / f"{name}.parquet").exists()]
    if not files and schema is not None:
        return pl.LazyFrame(schema=schema)
    return pl.scan_parquet(files, glob=False, missing_columns="insert", extra_columns="ignore")


def _numbered(rows: pl.DataFrame, base: pl.DataFrame) -> pl.DataFrame:
    """Numbers that segments have in their part as those of the whole log."""
    joined = rows.join(base, on="user", how="left", maintain_order="left")
    number = (pl.col("segment_id").cast(pl.Int64) + pl.col("_base")).cast(pl.UInt32)
    return joined.with_columns(segment_id=number).drop("_base")


def _vary(segments: pl.DataFrame, activities: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The segments of one task with their variant, and the variants; how far activities spread is known of all tasks."""
    steps = read_steps(segments, level="activity")
    within = activities.group_by("activity").agg(tasks=pl.len())
    spread = steps.names.to_frame("activity").join(within, on="activity", how="left", maintain_order="left")["tasks"]
    steps = with_screens(steps)
    glance = find_glances(steps, (spread.fill_null(1).to_numpy(), activities["task_id"].n_unique()))
    ranked = rank_ways(find_ways(segments, level=LEVEL, rare=RARE, steps=steps, glance=glance), simplify=False)
    return segments.with_columns(variant_id=name_segments(ranked)), count_ranked(ranked, top=None)


def _measure(
    segments: pl.DataFrame, rows: pl.DataFrame, local: pl.DataFrame, days: pl.DataFrame, main_app: str
) -> pl.DataFrame:
    """What `measure_criteria` gives for one task."""
    begins = segments.select("segment_id", "utc_offset_minutes", timestamp="start")  # all that is asked of rows here
    whole = Work(begins, segments, days, main_app)
    asked = segments.join(rows.select("segment_id").unique(), on="segment_id", how="semi", maintain_order="left")
    on_rows = Work(rows, asked, days, main_app)
    people = days.group_by("user").agg(days=pl.len()).sort("user")
    people = people.join(segments.group_by("user").agg(segments=pl.len()), on="user", how="left", maintain_order="left")
    task, called = str(segments["task_id"][0]), str(segments["task_name"][0])
    about = people.with_columns(pl.col("segments").fill_null(0), task_id=pl.lit(task), task_name=pl.lit(called))
    out = []
    for name, criterion in CRITERIA.items():
        sums, between = local.filter(criterion=name).select("user", "numerator", "denominator"), None
        if name not in LOCAL:
            sums, between = _sums(name, criterion, on_rows if name in ON_ROWS else whole)
        both = about.join(sums, on="user", how="left", maintain_order="left").with_columns(
            # several threads add up in any order: the last digits mean nothing
            pl.col("numerator", "denominator").fill_null(0.0).round(6), criterion=pl.lit(name),
            between=pl.lit(between, pl.List(pl.String)),
        )  # fmt: skip
        out.append(both.select(pl.col(column).cast(kind) for column, kind in MEASURED.items()))
    return pl.concat(out)


def _sums(name: str, criterion: Criterion, work: Work) -> tuple[pl.DataFrame, list[str] | None]:
    """Sums of each person, and the applications between which values are carried."""
    rows = criterion.function(work)
    into: Any = rows["into"].drop_nulls() if name == "carried_out_per_segment" and "into" in rows.columns else []
    return sum_by_person(rows), [work.main_app, str(into[0])] if len(into) else None
