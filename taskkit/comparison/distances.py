"""How far apart two groups' ways of doing a task are: one global earth mover's distance with a test of its own."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from taskkit.comparison.people import (
    Flags,
    Numbers,
    adjust,
    base_of,
    exchange_people,
    take_groups,
    too_few,
    verdict_of,
)
from taskkit.errors import SettingError
from taskkit.privacy import MIN_PEOPLE
from taskkit.schema import require_columns
from taskkit.variants import count_variants, find_variants, sequence_distances

UNITS = 2**40  # shares become whole numbers of this size: exact in the solver, rounded by less than 1e-12
RESULT = pl.Schema({
    "task_id": pl.String, "task_name": pl.String, "group_a": pl.String, "group_b": pl.String, "distance": pl.Float64,
    "by_chance": pl.Float64, "p_value": pl.Float64, "p_adjusted": pl.Float64, "variants_a": pl.UInt32,
    "variants_b": pl.UInt32, "segments_a": pl.UInt32, "segments_b": pl.UInt32, "people_a": pl.UInt32,
    "people_b": pl.UInt32, "people_both": pl.UInt32, "sentence": pl.String,
})  # fmt: skip


def compare_variants(
    segments: pl.DataFrame,
    *,
    by: str = "team",
    groups: tuple[str, str] | None = None,
    level: str = "screen",
    rare: float = 0.2,
    permutations: int = 999,
    seed: int = 0,
    min_people: int = MIN_PEOPLE,
) -> pl.DataFrame:
    """Compare which ways two groups do each task, all ways at once, by the earth mover's distance.

    The distance is the least part of the steps that would have to be edited to turn one group's ways into the other's:
    shares of ways are moved, and moving costs the normalised Levenshtein distance between two ways (edits divided by the
    longer length). 0 = the same ways equally often, 1 = no step in common. A group's distribution is the mean over its
    people of each person's own, so that nobody counts more for having done the task more often.

    Two small groups are never quite alike: `by_chance` is the mean distance of groups of the same sizes between which
    people were exchanged at random (a person found in both groups keeps both distributions and only their labels are
    exchanged). The p-value is the share of exchanges that are at least as far apart; ground distances are computed once,
    and every exchange is solved exactly. The distance has no direction: between periods it tells what people have in
    common, not what each of them changed in a way of his or her own.

    Parameters
    ----------
    segments : one row per segment, with `task_id` and `activities`; segments without a task are left out.
    by, groups, permutations, seed, min_people : as in `compare`.
    level, rare : what makes a way, as in `find_variants`. Typing in place of pasting shows at the level "activity" only.

    Returns
    -------
    One row per task: `task_id`, `task_name`, `group_a`, `group_b`, `distance`, `by_chance`, `p_value`, `p_adjusted` (over
    the tasks), `variants_a`, `variants_b` (different ways), `segments_a`, `segments_b`, `people_a`, `people_b`,
    `people_both`, `sentence`. Figures are null where a group has fewer than `min_people` people.

    Raises
    ------
    SettingError : unknown group, or not two groups. ContractError : no tasks yet.

    References
    ----------
    Leemans, Syring and van der Aalst (2019), Earth movers' stochastic conformance checking, for the distance.

    >>> rows = [(i, f"p{i % 10}", "ab"[i % 2], "T01", ["open a", ["open b", "open c"][i % 2]]) for i in range(60)]
    >>> names = ["segment_id", "user", "team", "task_id", "activities"]
    >>> result = compare_variants(pl.DataFrame(rows, schema=names, orient="row").with_columns(active_seconds=1.0))
    >>> result["distance"].round(6).to_list()
    [0.5]
    """
    if by in ("variant", "variant_id"):
        raise SettingError(f"by={by!r} divides the ways by themselves. Choose people or periods: by='team'.")
    require_columns(segments, "task_id", "activities", made_by="find_tasks")
    chosen, *names = take_groups(segments, by, groups, permutations=permutations, min_people=min_people)
    ways = count_variants(chosen, level=level, rare=rare).select("task_id", "variant_id", "activities").drop_nulls()
    chosen = find_variants(chosen, level=level, rare=rare)
    rows = []
    for task in chosen.sort("task_id", "segment_id").partition_by("task_id", maintain_order=True):
        own = ways.filter(pl.col("task_id") == task["task_id"][0]).sort("variant_id")
        rows.append(_compare_task(task, own, names, permutations, seed, min_people))
    result = pl.DataFrame(rows, schema=RESULT, orient="row")
    result = result.with_columns(p_adjusted=adjust(result["p_value"]))
    sentences = [_sentence(row, min_people) for row in result.iter_rows(named=True)]
    return result.with_columns(sentence=pl.Series(sentences, dtype=pl.String))


def earth_movers_distance(first: npt.ArrayLike, second: npt.ArrayLike, distances: npt.ArrayLike) -> float:
    """Least cost of moving one distribution onto another, exactly.

    What both have in common may not be left out beforehand: the normalised Levenshtein distance breaks the triangle
    inequality ("ab" to "ba" costs 1, over "aba" only 2/3), so moving what is in its place already can pay.

    Parameters
    ----------
    first : (n,) amounts, zero or more; they are brought to a sum of 1, as are those of `second`.
    second : (m,) amounts.
    distances : (n, m) cost of moving one unit, 0 to 1.

    Returns
    -------
    The distance, exact to 1e-9.

    Raises
    ------
    SettingError : amounts or distances that are not allowed.

    References
    ----------
    Cunningham (1976), A network simplex method, for the way it is solved.

    >>> round(earth_movers_distance([0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [[0, 1/3, 1], [1/3, 0, 1/3], [1, 1/3, 0]]), 6)
    0.333333
    """
    from taskkit.comparison.kernels import transport_costs

    one, other, cost = (np.asarray(a, dtype=np.float64) for a in (first, second, distances))
    problems = [
        f"{name} has {what}"
        for name, amounts in (("first", one), ("second", other))
        for wrong, what in (
            (amounts.ndim != 1, f"{amounts.ndim} dimensions instead of 1"),
            (not np.isfinite(amounts).all() or (amounts < 0).any(), "amounts that are negative or no numbers"),
            (not amounts.sum() > 0, "nothing in it"),
        )
        if wrong
    ]
    if cost.shape != (one.size, other.size):
        problems.append(f"distances have the shape {cost.shape} instead of {(one.size, other.size)}")
    if not ((cost >= 0) & (cost <= 1)).all():
        problems.append("distances lie outside 0 to 1")
    if problems:
        raise SettingError(f"No earth mover's distance: {'; '.join(problems)}.")
    supply, demand = _whole(one[None] / one.sum()), _whole(other[None] / other.sum())
    return float(transport_costs(supply, demand, np.ascontiguousarray(cost))[0])


def _compare_task(
    task: pl.DataFrame, ways: pl.DataFrame, names: list[str], permutations: int, seed: int, min_people: int
) -> tuple[Any, ...]:
    task_id = str(task["task_id"][0])
    (a, in_a), (b, in_b) = (_distributions(task, ways, name) for name in names)
    people = int(in_a.sum()), int(in_b.sum()), int((in_a & in_b).sum())
    figures: tuple[float | None, ...] = (None, None, None)
    if min(people[:2]) >= min_people:
        random = np.random.default_rng([seed, zlib.crc32(f"{task_id}/variants".encode())])
        distances = sequence_distances(ways["activities"].to_list())
        figures = _test(a, b, in_a, in_b, distances, permutations, random)
    variants = [int((x.sum(axis=0) > 0).sum()) for x in (a, b)]
    segments = [int((task["group"] == name).sum()) for name in names]
    return (task_id, str(task["task_name"][0]), *names, *figures, None, *variants, *segments, *people, None)


def _distributions(task: pl.DataFrame, ways: pl.DataFrame, group: str) -> tuple[Numbers, Flags]:
    """(people, ways) share of each way in each person's executions in the group, and who is in it."""
    users = task.select("user").unique().sort("user")
    cells = (
        task.filter(pl.col("group") == group).group_by("user", "variant_id").len()
        .join(users.with_row_index("_person"), on="user")
        .join(ways.select("variant_id").with_row_index("_way"), on="variant_id")
    )  # fmt: skip
    counts = np.zeros((users.height, ways.height))
    counts[cells["_person"].to_numpy(), cells["_way"].to_numpy()] = cells["len"].to_numpy()
    sizes = counts.sum(axis=1)
    return counts / np.maximum(sizes, 1.0)[:, None], sizes > 0


def _test(
    a: Numbers, b: Numbers, in_a: Flags, in_b: Flags, distances: Numbers, permutations: int, random: np.random.Generator
) -> tuple[float, float, float]:
    """The distance, its mean over exchanges of people, and the share of exchanges that are at least as far apart."""
    from taskkit.comparison.kernels import transport_costs

    seen = float(transport_costs(_whole(a[in_a].mean(0)[None]), _whole(b[in_b].mean(0)[None]), distances)[0])
    weights_a, weights_b = exchange_people(in_a, in_b, permutations, random)
    stack = np.concatenate([a, b])
    mixed = transport_costs(_whole(weights_a @ stack), _whole(weights_b @ stack), distances)
    # whole numbers are rounded: a tie must count as a tie
    return seen, float(mixed.mean()), (1 + int((mixed >= seen - 1e-9).sum())) / (1 + permutations)


def _whole(shares: Numbers) -> npt.NDArray[np.int64]:
    """Shares (rows that sum to 1) as whole numbers of one sum; the largest share takes what rounding leaves."""
    whole = np.rint(shares * UNITS).astype(np.int64)
    whole[np.arange(len(whole)), whole.argmax(axis=1)] += UNITS - whole.sum(axis=1)
    return whole


def _sentence(row: dict[str, Any], min_people: int) -> str:
    what = f"{row['task_name']}, all ways together"
    if row["distance"] is None:
        return f"{what}: {too_few(min_people)}"
    a, b = row["group_a"], row["group_b"]
    chance = f"p = {row['p_value']:.3f}, {row['p_adjusted']:.3f} adjusted for the number of tasks compared"
    return (
        f"{what}: {100 * row['distance']:.0f} % of the steps would have to change to turn the {row['variants_a']} "
        f"{_ways(row['variants_a'])} of {a} into the {row['variants_b']} of {b}, {100 * row['by_chance']:.0f} % between "
        f"people mixed at random; {verdict_of(row['p_adjusted'])} ({chance}; {base_of(row)})."
    )


def _ways(count: int) -> str:
    return "way" if count == 1 else "ways"
