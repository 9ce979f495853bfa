"""The test and the interval that every comparison here rests on: people are exchanged, and people are drawn.

A group's figure is the mean over its people of each person's own figure. A person may stand in both groups (two periods,
two ways): such a pair stays together, only its labels are exchanged. One set of exchanges serves all figures of a task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.schema import require_columns
from taskkit.variants import find_variants
from taskkit.variants.standardisation import expanded_tail

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

BOOTSTRAPS = 1999
USUAL, OTHER = "most frequent way", "other ways"  # the groups of by="variant"


@dataclass(frozen=True)
class Differences:
    """Per figure: both groups' values, their difference with its 95 % interval, and the p-value."""

    first: Numbers
    second: Numbers
    low: Numbers
    high: Numbers
    p_value: Numbers


def find_differences(
    first: Numbers, second: Numbers, in_first: Flags, in_second: Flags, permutations: int, random: np.random.Generator
) -> Differences:
    """Compare two groups in many figures at once.

    Parameters
    ----------
    first, second : (people, figures) each person's figures in either group; what stands where the person is not in the
        group does not count.
    in_first, in_second : (people,) who is in which group; both need at least one person.
    permutations : exchanges of people.
    random : source of chance, used for the interval first.

    Returns
    -------
    For each figure: the mean over people in either group, the 95 % interval of the difference (second minus first) and the
    two-sided p-value.
    """
    stack = np.concatenate([np.where(in_first[:, None], first, 0.0), np.where(in_second[:, None], second, 0.0)])
    value_a, value_b = first[in_first].mean(axis=0), second[in_second].mean(axis=0)
    seen = np.abs(value_b - value_a)
    drawn_a, drawn_b = draw_people(in_first, in_second, random)
    tail = expanded_tail(min(int(in_first.sum()), int(in_second.sum())))
    low, high = np.quantile((drawn_b - drawn_a) @ stack, [tail, 1 - tail], axis=0)
    mixed_a, mixed_b = exchange_people(in_first, in_second, permutations, random)
    # sums in another order differ in the last bits: a tie must count as a tie
    hits = (np.abs((mixed_b - mixed_a) @ stack) >= seen - 1e-9 * np.maximum(1.0, seen)).sum(axis=0)
    return Differences(value_a, value_b, low, high, (1 + hits) / (1 + permutations))


def exchange_people(
    in_first: Flags, in_second: Flags, permutations: int, random: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Weights that turn the stacked figures (first group's people, then the second's) into the means of exchanged groups.

    Returns two (permutations, 2 × people) arrays, one for each group.
    """
    people = len(in_first)
    paired, only_a, only_b = in_first & in_second, in_first & ~in_second, in_second & ~in_first
    weights = np.zeros((2, permutations, 2 * people))
    one, every = 1 / in_first.sum(), np.arange(permutations)[:, None]
    two = 1 / in_second.sum()
    pairs = np.flatnonzero(paired)
    swapped = (random.random((permutations, pairs.size)) < 0.5) * people
    weights[0, every, pairs + swapped] = one
    weights[1, every, pairs + people - swapped] = two
    single = np.concatenate([np.flatnonzero(only_a), people + np.flatnonzero(only_b)])
    shuffled = random.permuted(np.broadcast_to(single, (permutations, single.size)), axis=1)
    size = int(only_a.sum())
    weights[0, every, shuffled[:, :size]] = one
    weights[1, every, shuffled[:, size:]] = two
    return weights[0], weights[1]


def draw_people(in_first: Flags, in_second: Flags, random: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Weights as in `exchange_people`, for draws of people with replacement: those in both, in one and in the other apart."""
    people = len(in_first)
    times = np.zeros((BOOTSTRAPS, people))
    for stratum in (in_first & in_second, in_first & ~in_second, in_second & ~in_first):
        members = np.flatnonzero(stratum)
        if members.size:
            drawn = members[random.integers(0, members.size, (BOOTSTRAPS, members.size))]
            np.add.at(times, (np.arange(BOOTSTRAPS)[:, None], drawn), 1.0)
    nobody = np.zeros_like(times)
    return (
        np.concatenate([times * in_first / in_first.sum(), nobody], axis=1),
        np.concatenate([nobody, times * in_second / in_second.sum()], axis=1),
    )


def adjust(p_values: pl.Series) -> pl.Series:
    """Benjamini–Hochberg over the rows that have a p-value."""
    known = p_values.drop_nulls().to_numpy()
    adjusted = np.full(p_values.len(), np.nan)
    if known.size:
        order = np.argsort(-known, kind="stable")
        ranks = np.arange(known.size, 0, -1)
        smallest = np.minimum.accumulate(known[order] * known.size / ranks)
        values = np.empty(known.size)
        values[order] = np.minimum(smallest, 1.0)
        adjusted[p_values.is_not_null().to_numpy()] = values
    return pl.Series(adjusted, dtype=pl.Float64).fill_nan(None)


def take_groups(
    segments: pl.DataFrame, by: str, groups: tuple[str, str] | None, *, permutations: int, min_people: int
) -> tuple[pl.DataFrame, str, str]:
    """The segments of two groups, with their `group`, in order of `segment_id`, and the names of the groups."""
    if permutations < 1 or min_people < 1:
        raise SettingError("permutations and min_people must be at least 1.")
    require_columns(segments, "task_id", made_by="find_tasks")
    if by == "variant" and by not in segments.columns:
        segments = _with_usual_way(segments)
    require_columns(segments, "segment_id", "user", by, made_by="by_period" if by == "period" else "list_segments")
    first, second = _two_groups(segments, by, groups)
    chosen = segments.filter(pl.col("task_id").is_not_null() & pl.col(by).cast(pl.String).is_in([first, second]))
    chosen = chosen.with_columns(pl.col(by).cast(pl.String).alias("group")).sort("segment_id")
    if "task_name" not in chosen.columns:
        chosen = chosen.with_columns(task_name=pl.col("task_id"))
    return chosen, first, second


def _with_usual_way(segments: pl.DataFrame) -> pl.DataFrame:
    frame = segments if "variant_id" in segments.columns else find_variants(segments)
    counts = frame.drop_nulls(["task_id", "variant_id"]).group_by("task_id", "variant_id").len()
    first = counts.sort("task_id", "len", "variant_id", descending=[False, True, False]).unique(
        "task_id", keep="first", maintain_order=True
    )
    frame = frame.join(first.select("task_id", _usual="variant_id"), on="task_id", how="left", maintain_order="left")
    usual = pl.when(pl.col("variant_id") == pl.col("_usual")).then(pl.lit(USUAL)).otherwise(pl.lit(OTHER))
    return frame.with_columns(variant=pl.when(pl.col("variant_id").is_not_null()).then(usual)).drop("_usual")


def _two_groups(segments: pl.DataFrame, by: str, groups: tuple[str, str] | None) -> tuple[str, str]:
    found = sorted(segments[by].drop_nulls().cast(pl.String).unique())
    if groups is None:
        if len(found) != 2:
            named = ", ".join(map(repr, found)) or "none"
            cure = "Choose two: groups=(first, second)." if len(found) > 2 else "Two are needed to compare."
            raise SettingError(f"Column {by!r} holds {len(found)} groups: {named}. {cure}")
        return found[0], found[1]
    if len(groups) != 2 or groups[0] == groups[1]:
        raise SettingError(f"groups={groups!r} are not two different groups. Found in {by!r}: {', '.join(found)}.")
    for group in groups:
        check_choice(group, allowed=found, what=f"group of {by!r}")
    return groups[0], groups[1]


# ---------------------------------------------------------------------------------------------------------- sentences
def base_of(row: dict[str, Any]) -> str:
    """What a comparison rests on: executions and people of both groups."""
    both = f" ({count_people(row['people_both'])} in both)" if row.get("people_both") else ""
    return (
        f"{row['group_a']}: {row['segments_a']:,} times by {count_people(row['people_a'])}; "
        f"{row['group_b']}: {row['segments_b']:,} times by {count_people(row['people_b'])}{both}"
    )


def verdict_of(p_adjusted: float) -> str:
    """The same words for every comparison; the adjusted p-value decides."""
    if p_adjusted < 0.05:
        return "a difference that chance alone would rarely make"
    return "no difference that could be told from chance"


def count_people(count: int) -> str:
    """A number of people in words."""
    return f"{count} {'person' if count == 1 else 'people'}"


def figure(value: float, unit: str) -> str:
    """A value with its unit, shares as percentages.

    >>> figure(-0.25, "share")
    '−25 %'
    """
    return f"{spoken(100 * value, 0)} %" if unit == "share" else f"{spoken(value, 1)} {unit}"


def spoken(value: float, places: int) -> str:
    """A number for a sentence: with a minus sign, not a hyphen, and none before what is rounded to nothing."""
    text = f"{abs(value):.{places}f}"
    return text if value >= 0 or float(text) == 0 else f"−{text}"


def too_few(min_people: int) -> str:
    """The sentence for a group that is too small."""
    return f"too few people to compare (at least {min_people} in each group are needed)."
