"""How uniformly a task is done, by measures that do not move with the number of executions seen."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.privacy import MIN_PEOPLE
from taskkit.schema import require_columns
from taskkit.variants import screen_of, sequence_distances

Numbers = npt.NDArray[np.float64]

LEVELS = ("activity", "screen")
MOST_SEQUENCES = 300  # distinct sequences that a task's medoid is looked for in: the most frequent ones
DRAWS, CELLS = 999, 2_000_000  # draws of people; (draws × segments) that are held in memory at once
MEASURES = ("similarity", "dispersion", "rework", "self_loops", "repeated_steps", "interrupted", "fragments")


def measure_standardisation(
    segments: pl.DataFrame, *, level: str = "activity", seed: int = 0, min_people: int = MIN_PEOPLE
) -> pl.DataFrame:
    """Measure how uniformly each task is done: its steps, its duration, what is done again, how it is torn apart.

    Counting or weighing exact sequences (entropy, share of the first variant) moves with the number of executions and with
    every glance at another window; similarity to the medoid stands still. All figures are means over executions (or
    quartiles of them). The 95 % intervals come from 999 draws of people with replacement, around the medoid that was found.

    Parameters
    ----------
    segments : one row per segment, with `task_id`, `activities`, `active_seconds`, `fragments`.
    level : "activity" compares every step, "screen" the screens one after the other (rework is then a screen come back to).
    seed : makes the result reproducible, whatever the row order.
    min_people : smallest number of people for which figures are given.

    Returns
    -------
    One row per task: `task_id`, `task_name`, `segments`, `people`; each of the following with its `_low` and `_high`;
    `sentence`. Where fewer than `min_people` people did the task, the figures are null and the sentence says so.

    - `similarity` (share): mean of 1 − edits / longer length to the medoid, the sequence most like all others;
    - `dispersion` (share): quartile coefficient of active seconds, (upper − lower quartile) / (upper + lower quartile);
    - `rework` (share): executions in which a step comes again; `self_loops` (share): at once, with nothing between;
    - `repeated_steps` (steps an execution): steps that had been done before in the same execution;
    - `interrupted` (share): executions with more than one fragment; `fragments` (an execution): how many.

    Raises
    ------
    SettingError : unknown level. ContractError : no tasks yet.

    References
    ----------
    Bonett (2006), Confidence interval for a coefficient of quartile variation, for the dispersion.

    >>> rows = [(i, f"p{i % 6}", "T01", ["open", "save"], 10.0 + i % 3, 1) for i in range(60)]
    >>> names = ["segment_id", "user", "task_id", "activities", "active_seconds", "fragments"]
    >>> result = measure_standardisation(pl.DataFrame(rows, schema=names, orient="row"))
    >>> result.select("similarity", "rework", "people").row(0)
    (1.0, 0.0, 6)
    """
    if min_people < 1:
        raise SettingError("min_people must be at least 1.")
    require_columns(segments, "segment_id", "user", "active_seconds", "fragments", made_by="list_segments")
    frame = _with_sequence(similarity_to_medoid(segments, level=level), level).drop_nulls("task_id").sort("segment_id")
    again, steps = repeated_steps("_sequence"), pl.col("_sequence")
    at_once = steps.list.eval(pl.element().eq_missing(pl.element().shift(1)).any()).list.first().fill_null(False)
    frame = frame.select(
        "task_id", "user", "similarity", task_name="task_name" if "task_name" in frame.columns else "task_id",
        seconds="active_seconds", rework=again > 0, self_loops=at_once, repeated_steps=again,
        interrupted=pl.col("fragments") > 1, fragments="fragments",
    ).with_columns(pl.col("rework", "self_loops", "repeated_steps", "interrupted", "fragments").cast(pl.Float64))  # fmt: skip
    tasks = frame.sort("task_id", maintain_order=True).partition_by("task_id", maintain_order=True)
    rows = [_measure_task(task, seed, min_people) for task in tasks]
    spans = [column for measure in MEASURES for column in (measure, f"{measure}_low", f"{measure}_high")]
    schema = {"task_id": pl.String(), "task_name": pl.String(), "segments": pl.UInt32(), "people": pl.UInt32()}
    schema |= {**dict.fromkeys(spans, pl.Float64()), "sentence": pl.String()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def similarity_to_medoid(segments: pl.DataFrame, *, level: str = "activity") -> pl.DataFrame:
    """Give every segment its similarity to the medoid of its task: the sequence of steps most like all others.

    The mean of this over a task's segments is its standardisation. It does not depend on how many segments were seen, and
    a stray step costs one step rather than making a way of its own.

    Parameters
    ----------
    segments : one row per segment, with `task_id` and `activities`.
    level : "activity" compares every step, "screen" the screens one after the other.

    Returns
    -------
    The segments in the given order with `similarity` (share: 1 − edits / longer length); null without a task. The medoid is
    the sequence of least mean distance among the task's 300 most frequent ones; of equal ones the most frequent.

    Raises
    ------
    SettingError : unknown level. ContractError : no tasks yet.

    >>> rows = [("T01", ["a", "b", "c", "d"]), ("T01", ["a", "b", "c", "d"]), ("T01", ["a", "b", "c"])]
    >>> frame = pl.DataFrame(rows, schema=["task_id", "activities"], orient="row")
    >>> similarity_to_medoid(frame)["similarity"].to_list()
    [1.0, 1.0, 0.75]
    """
    check_choice(level, allowed=LEVELS, what="level of standardisation")
    require_columns(segments, "task_id", "activities", made_by="find_tasks")
    frame = _with_sequence(segments.drop("similarity", strict=False), level)
    counts = frame.drop_nulls(["task_id", "_sequence"]).group_by("task_id", "_sequence").len()
    counts = counts.sort("task_id", "len", pl.col("_sequence").list.join("\0"), descending=[False, True, False])
    scored = [
        task.with_columns(similarity=pl.Series(_similarities(task), dtype=pl.Float64)).drop("len")
        for task in counts.partition_by("task_id", maintain_order=True)
    ]
    found = pl.concat([counts.clear().drop("len").with_columns(similarity=pl.lit(None, pl.Float64)), *scored])
    return frame.join(found, on=["task_id", "_sequence"], how="left", maintain_order="left").drop("_sequence")


def repeated_steps(activities: str = "activities") -> pl.Expr:
    """Steps of a segment that had been done before in it: steps less distinct steps.

    >>> pl.DataFrame({"activities": [["a", "b", "a", "a"]]}).select(repeated_steps())["activities"].to_list()
    [2]
    """
    return pl.col(activities).list.len().cast(pl.Int64) - pl.col(activities).list.n_unique().cast(pl.Int64)


def expanded_tail(people: int) -> float:
    """The tail to cut off a bootstrap so that few people do not make the interval too narrow (0.025 with many).

    References
    ----------
    Hesterberg (2015), What teachers should know about the bootstrap.

    >>> round(expanded_tail(1000), 3), round(expanded_tail(6), 3)
    (0.025, 0.002)
    """
    from scipy.special import ndtr, stdtrit

    if people < 2:
        return 0.0
    return float(ndtr(np.sqrt(people / (people - 1)) * stdtrit(people - 1, 0.025)))


def _with_sequence(segments: pl.DataFrame, level: str) -> pl.DataFrame:
    """The segments with `_sequence`: their activities, or their screens without staying on one."""
    if level == "activity":
        return segments.with_columns(_sequence="activities")
    steps = segments.select(_step="activities").with_row_index("_row").explode("_step", empty_as_null=True)
    steps = steps.drop_nulls("_step").with_columns(screen_of("_step"))
    moved = pl.struct("_row", "_step").ne_missing(pl.struct("_row", "_step").shift(1))
    screens = steps.filter(moved).group_by("_row", maintain_order=True).agg(_sequence="_step")
    frame = segments.with_row_index("_row").join(screens, on="_row", how="left", maintain_order="left").drop("_row")
    return frame.with_columns(pl.col("_sequence").fill_null(pl.lit([], dtype=pl.List(pl.String))))


def _similarities(counts: pl.DataFrame) -> Numbers:
    """Similarity of each distinct sequence of a task (most frequent first, `len` times seen) to the medoid."""
    sequences = counts["_sequence"].to_list()
    frequent = sequences[:MOST_SEQUENCES]
    weights = counts["len"].to_numpy()[:MOST_SEQUENCES].astype(float)
    # sums of distances differ in the last bits: of equal ones the first, the most frequent, is taken
    centre = frequent[int(np.argmin((sequence_distances(frequent) @ weights).round(9)))]
    return 1.0 - _distances_from(centre, sequences)


def _distances_from(centre: Sequence[str], sequences: Sequence[Sequence[str]]) -> Numbers:
    """Normalised Levenshtein distance of each sequence from one."""
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    code: dict[str, str] = {}
    texts = ["".join(code.setdefault(step, chr(0xE000 + len(code))) for step in each) for each in (centre, *sequences)]
    distances = cdist(texts[:1], texts[1:], scorer=Levenshtein.normalized_distance, dtype=np.float64)
    return np.asarray(distances[0], dtype=np.float64)


# ------------------------------------------------------------------------------------------------------ figures of a task
def _measure_task(task: pl.DataFrame, seed: int, min_people: int) -> tuple[Any, ...]:
    task_id, name, people = str(task["task_id"][0]), str(task["task_name"][0]), task["user"].n_unique()
    if people < min_people:
        said = f"{name}: too few people to measure how uniformly it is done (at least {min_people} are needed)."
        return (task_id, name, task.height, people, *(None,) * 3 * len(MEASURES), said)
    values = [*_of_draws(task, np.ones((1, people)))]
    random = np.random.default_rng([seed, zlib.crc32(f"{task_id}/standardisation".encode())])
    drawn = random.integers(0, people, (DRAWS, people))
    times = np.stack([(drawn == person).sum(axis=1) for person in range(people)], axis=1).astype(float)
    tail = expanded_tail(people)
    spans = np.nanquantile(_of_draws(task, times), [tail, 1 - tail], axis=1).T
    figures = {
        measure: tuple(None if np.isnan(v) else float(v) for v in (value[0], low, high))
        for measure, value, (low, high) in zip(MEASURES, values, spans, strict=True)
    }
    said = _sentence(name, figures, task.height, people)
    return (task_id, name, task.height, people, *(v for span in figures.values() for v in span), said)


def _of_draws(task: pl.DataFrame, times: Numbers) -> Numbers:
    """(measures, draws) figures of the task when each person (in order of `user`) counts `times` often in a draw."""
    means = [measure for measure in MEASURES if measure != "dispersion"]
    by_person = task.group_by("user").agg(pl.col(means).sum(), _n=pl.len()).sort("user")
    size = times @ by_person["_n"].to_numpy()
    figures = {measure: times @ by_person[measure].to_numpy() / size for measure in means}
    return np.stack([figures[m] if m in figures else _dispersions(task, times) for m in MEASURES])


def _dispersions(task: pl.DataFrame, times: Numbers) -> Numbers:
    """Quartile coefficient of the active seconds in each draw."""
    ordered = task.select("seconds", person=pl.col("user").rank("dense").cast(pl.Int64) - 1).sort("seconds", "person")
    seconds, person = ordered["seconds"].to_numpy(), ordered["person"].to_numpy()
    at_once = max(1, CELLS // len(seconds))
    parts = []
    for first in range(0, len(times), at_once):
        below = np.cumsum(times[first : first + at_once][:, person], axis=1)
        q1, q3 = (seconds[(below >= part * below[:, -1:]).argmax(axis=1)] for part in (0.25, 0.75))
        parts.append(np.divide(q3 - q1, q3 + q1, out=np.zeros_like(q1), where=q3 + q1 > 0))
    return np.concatenate(parts)


def _sentence(name: str, figures: dict[str, tuple[float | None, ...]], n: int, people: int) -> str:
    def share(measure: str) -> str:
        value, low, high = (100 * (v or 0.0) for v in figures[measure])
        return f"{value:.0f} % ({low:.0f} to {high:.0f} %)"

    repeated = figures["repeated_steps"][0] or 0.0
    return (
        f"{name}: the executions are {share('similarity')} like the most typical one; the quartile coefficient of their "
        f"active time is {share('dispersion')}; a step comes again in {share('rework')} of them, {repeated:.1f} steps an "
        f"execution are repeats; {share('interrupted')} are interrupted (95 % intervals over people in brackets; {n:,} "
        f"executions by {people} {'person' if people == 1 else 'people'})."
    )
