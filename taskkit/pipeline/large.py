"""A log that is too large to be held as one frame: summaries of the whole of it, and single steps of a stated draw."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.activities import name_activities
from taskkit.errors import LogFileError, SettingError
from taskkit.log import is_foreign
from taskkit.log.parquet_files import count_rows, find_files, read_parquet_log
from taskkit.pipeline.fitting import read_fitted
from taskkit.pipeline.partitioned import MinedLog, mine_partitions
from taskkit.pipeline.partitions import SAMPLED_ROWS, list_partitions, sample_files
from taskkit.pipeline.progress import Progress
from taskkit.privacy import MIN_PEOPLE
from taskkit.segments import METHODS, ORDER, list_segments, spread_labels
from taskkit.tasks import assign_tasks
from taskkit.variants import screen_of

LARGE = 500_000  # events: up to here a laptop holds all of them, and every control answers at once
FITTED = SAMPLED_ROWS  # events of a larger log that names, models and tasks are fitted on, about
DRAWN = 200_000  # events of which single steps are looked at, about; the first of the files that are drawn for fitting
SEED = 0


def count_large(log: str | Path) -> int:
    """Events of a log that is too large to be held as one frame; 0 for all others.

    Those are Parquet logs of more than LARGE events that are not encrypted, in files of which none need be larger than that.
    """
    files = find_files(log)
    if is_foreign(files[0]) or "encrypted_columns" in pl.read_parquet_metadata(files[0]):
        return 0
    events = _count(files)
    return events if events > LARGE >= events / len(files) else 0


def mine_whole(
    log: str | Path, *, results: str | Path | None, executor: Executor | None, rules: str | Path | None, method: str,
    events: int, bar: Progress,
) -> MinedLog:  # fmt: skip
    """Take all of a large log the whole way, part by part; the bar goes on where this ends.

    Raises
    ------
    SettingError : there is no folder for the results.
    """
    if results is None:
        raise SettingError(
            f"The log {log} has {events:,} events. More than {LARGE:,} are taken the whole way part by part, and what is found in "
            "each part is kept: give a folder, results=…"
        )

    parts = 0

    def told(stage: str, done: int, total: int) -> None:
        nonlocal parts
        if done < total:  # after the parts comes the draw
            parts = total
            if bar.told is not None:
                bar.told(stage, bar.done + done, bar.stages + total)

    whole = mine_partitions(log, results=results, executor=executor, rules=rules, method=method, seed=SEED,
                            sampled_rows=FITTED, progress=told)  # fmt: skip
    bar.done, bar.stages = bar.done + parts, bar.stages + parts
    return whole


def divide_draw(log: str | Path, whole: MinedLog) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The events of the drawn files, named and divided as in the whole log, and their segments with the tasks of the whole."""
    files = sample_files(list_partitions(log), log, seed=SEED, rows=DRAWN)
    fitted = read_fitted(str(whole.folder.parent / "fitted"))
    events = read_parquet_log([Path(file) for file in files])
    named = name_activities(events, rules=fitted.rules, learnt=fitted.names)
    steps = named.filter("step")
    labels = fitted.models.label(steps) if fitted.models is not None and steps.height else METHODS[fitted.method](steps)
    divided = spread_labels(named, steps.select(ORDER).with_columns(labels))
    return divided, assign_tasks(list_segments(divided), fitted.tasks)


def state_draw(events: pl.DataFrame, whole: MinedLog) -> dict[str, Any]:
    """How much was drawn, of how much; `posture` says it."""
    days = pl.read_parquet(whole.folder / "days.parquet")
    drawn = events.select(pl.struct("user", "session_id").n_unique()).item()
    return {
        "events": events.height, "people": events["user"].n_unique(), "sessions": drawn, "seed": SEED,
        "of_events": int(whole.about["events"]), "of_people": int(whole.parts["people"].sum()),
        "of_sessions": int(whole.parts["sessions"].sum()), "first_day": str(days["day"].min()), "last_day": str(days["day"].max()),
    }  # fmt: skip


def keep_met_cases(process: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """The process log of the cases that somebody worked on in the draw.

    Of the others the draw cannot say whether nobody worked on them, or only nobody in it.
    """
    return process.join(events.select("case_id").drop_nulls().unique(), on="case_id", how="semi", maintain_order="left")


def name_tasks(whole: MinedLog, segments: pl.DataFrame) -> MinedLog:
    """The summaries with the names that people gave; what they put together or corrected stands in the draw only."""
    names = dict(segments.select("task_id", "task_name").drop_nulls().unique().iter_rows())
    said = pl.col("task_id").replace_strict(names, default=pl.col("task_name"), return_dtype=pl.String)
    named = {name: getattr(whole, name) for name in ("tasks", "criteria")}
    return whole._replace(
        **{name: frame.with_columns(task_name=said) for name, frame in named.items() if frame.height and names}
    )


def pool_whole(whole: MinedLog, segments: pl.DataFrame) -> MinedLog:
    """The summaries as pages may show them that leave the room: tasks that the draw shows there, and steps of several people.

    Pages are looked through against the draw, so what would be told of few people there is not told at all.
    """
    if whole.tasks.is_empty():
        return whole
    steps = segments.select("user", step="activities").explode("step", empty_as_null=True, keep_nulls=False).unique()
    seen = steps.select("user", step=screen_of("step")).group_by("step").agg(people=pl.col("user").n_unique())
    known = seen.filter(pl.col("people") >= MIN_PEOPLE)["step"].to_list()
    tasks = whole.tasks.filter(
        pl.col("people") >= MIN_PEOPLE, pl.col("task_id").is_in(segments["task_id"].unique().implode())
    )
    told = pl.col("task_id").is_in(tasks["task_id"].implode())
    ends = [pl.col(name).is_null() | pl.col(name).is_in(known) for name in ("before", "after")]
    return whole._replace(
        tasks=tasks, criteria=whole.criteria.filter(told), successions=whole.successions.filter(told, *ends),
        variants=whole.variants.filter(told, pl.col("activities").list.set_difference(pl.lit(known)).list.len() == 0),
    )  # fmt: skip


def _count(files: list[Path]) -> int:
    """Events of all files, from their footers: at once where they have the same columns."""
    try:
        scan = pl.scan_parquet(files, glob=False, missing_columns="insert", extra_columns="ignore")
        return int(scan.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError):
        return sum(_count_one(file) for file in files)


def _count_one(file: Path) -> int:
    try:
        return count_rows([file])
    except LogFileError:  # whoever reads it says what is wrong with it
        return 0
