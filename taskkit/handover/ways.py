"""The one way that stands for many executions: the medoid, with what most of them do and without what few do."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.variants import sequence_distances
from taskkit.variants.simplification import collapse_loops

MOST_CANDIDATES = 300  # distinct sequences among which the medoid is looked for
IN_THE_WAY = 0.5  # what fewer executions do is an occasional step
ALWAYS = 0.9  # below, a step is drawn as one that may be left out
TOGETHER = 0.8  # neighbouring steps that are left out together in this part of the cases are left out as one
Array = np.ndarray[Any, Any]


class Way(NamedTuple):
    """The steps of a way, by the keys of `list_actions_of`, and which execution does which."""

    keys: list[str]
    done: Array  # executions × steps, does it
    block: list[int | None]  # steps that are left out together
    loop: list[int | None]  # steps that are repeated together
    occasional: dict[str, float]  # key → share, of what is not in the way


def find_way(actions: pl.DataFrame, *, min_people: int) -> Way:
    """Find the steps that stand for the executions.

    The medoid is the execution with the smallest mean edit distance to all; immediate repetitions are drawn together
    before. Steps that fewer than half of the executions or fewer than `min_people` people do are left out, and steps that
    half of them do and the medoid does not are put behind what mostly stands before them.
    """
    lists = actions.group_by("segment_id", maintain_order=True).agg("key", pl.col("user").first())
    sequences: list[list[str]] = lists["key"].to_list()
    short = [collapse_loops(sequence) for sequence in sequences]
    medoid = _medoid([[key for block, _ in blocks for key in block] for blocks in short])
    if medoid is None:
        return Way([], np.zeros((0, 0), np.bool_), [], [], {})
    way, looped = _unrolled(short[medoid])
    users = np.unique(lists["user"].to_numpy(), return_inverse=True)[1]
    way, looped = _complete(way, looped, sequences)
    done = _presence(way, sequences)
    keep = [
        place for place in range(len(way))
        if done[:, place].mean() >= IN_THE_WAY and len(np.unique(users[done[:, place]])) >= min_people
    ]  # fmt: skip
    # that a window came to the front is a step of its own only if everybody stops there
    keep = [place for place in keep if not way[place].startswith("view ") or done[:, place].mean() >= ALWAYS]
    chosen = [way[place] for place in keep]
    counted = Counter(key for sequence in sequences for key in set(sequence))
    occasional = {key: n / len(sequences) for key, n in sorted(counted.items()) if key not in chosen}
    done = done[:, keep]
    loop = _loops([looped[place] for place in keep], chosen, sequences)
    return Way(chosen, done, _blocks(done), loop, occasional)


def _medoid(sequences: list[list[str]]) -> int | None:
    counts = Counter(tuple(sequence) for sequence in sequences)
    ranked = sorted(counts, key=lambda way: (-counts[way], way))[:MOST_CANDIDATES]
    if not ranked:
        return None
    weights = np.array([counts[way] for way in ranked], float)
    best = ranked[int(np.argmin((sequence_distances(ranked) @ weights).round(9)))]
    return next(place for place, sequence in enumerate(sequences) if tuple(sequence) == best)


def _unrolled(blocks: list[tuple[tuple[str, ...], int]]) -> tuple[list[str], list[int | None]]:
    """The steps once, and the number of the loop that each is in."""
    way: list[str] = []
    looped: list[int | None] = []
    for number, (block, times) in enumerate(blocks):
        way += block
        looped += [number if times > 1 else None] * len(block)
    return way, looped


def _complete(
    way: list[str], looped: list[int | None], sequences: list[list[str]]
) -> tuple[list[str], list[int | None]]:
    """Put in what half of the executions do and the medoid does not."""
    counted = Counter(key for sequence in sequences for key in set(sequence))
    missing = [key for key, n in sorted(counted.items()) if n >= IN_THE_WAY * len(sequences) and key not in way]
    for key in missing:
        before: Counter[str] = Counter()
        for sequence in sequences:
            if key in sequence:
                earlier = [other for other in sequence[: sequence.index(key)] if other in way]
                before[earlier[-1] if earlier else ""] += 1
        after = min(before, key=lambda other: (-before[other], other))
        place = way.index(after) + 1 if after else 0
        way, looped = [*way[:place], key, *way[place:]], [*looped[:place], None, *looped[place:]]
    return way, looped


def _presence(way: list[str], sequences: list[list[str]]) -> Array:
    """Which execution does which step: the n-th time of a step in the way needs n times in the execution."""
    done = np.zeros((len(sequences), len(way)), np.bool_)
    nth: list[tuple[str, int]] = []
    seen: Counter[str] = Counter()
    for key in way:
        seen[key] += 1
        nth.append((key, seen[key]))
    for row, sequence in enumerate(sequences):
        times = Counter(sequence)
        done[row] = [times[key] >= n for key, n in nth]
    return done


def _blocks(done: Array) -> list[int | None]:
    """Neighbouring steps that may be left out, numbered by what is left out together."""
    block: list[int | None] = []
    number = 0
    for place in range(done.shape[1]):
        here = done[:, place]
        if here.mean() >= ALWAYS:
            block.append(None)
            continue
        before = done[:, place - 1] if place and block[-1] is not None else None
        either = (here | before).sum() if before is not None else 0
        if before is None or (here & before).sum() < TOGETHER * either:
            number += 1
        block.append(number)
    return block


def _loops(looped: list[int | None], way: list[str], sequences: list[list[str]]) -> list[int | None]:
    """Loops of the medoid that are loops in half of the executions that do their steps, too."""
    again = {}
    for key in {key for key, number in zip(way, looped, strict=True) if number is not None}:
        times = [sequence.count(key) for sequence in sequences if key in sequence]
        again[key] = float(np.median(times)) > way.count(key)
    real = {
        number for number in looped
        if number is not None and all(again[k] for k, n in zip(way, looped, strict=True) if n == number)
    }  # fmt: skip
    return [number if number in real else None for number in looped]
