"""What a standard is: the allowed successions of steps, with starts and ends; and how far a way lies from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from taskkit.errors import SettingError

MAX_PLACES = 1000  # of a standard; the distances between all of them are kept
Array = np.ndarray[Any, Any]


class Gap(NamedTuple):
    """A stretch where a way leaves the standard: the steps around it, what is done there and what is left out."""

    left: str | None
    inserted: tuple[int, ...]  # places in the way
    skipped: tuple[str, ...]
    returned: str | None


@dataclass(frozen=True)
class Standard:
    """How a task should be done: places with a step each, which place may follow which, where it starts and ends.

    A step may stand at several places (in different branches, or before and after another step).

    >>> Standard("pay", "drawn", ("open", "save"), ((0, 1),), (0,), (1,)).repeats
    False
    """

    name: str
    source: str
    steps: tuple[str, ...]
    successions: tuple[tuple[int, int], ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def __post_init__(self) -> None:
        known = range(len(self.steps))
        used = [*self.starts, *self.ends, *(place for pair in self.successions for place in pair)]
        problems = ["it has no steps"] if not self.steps else []
        problems += [f"no place {place}" for place in sorted({p for p in used if p not in known})]
        problems += [f"{len(self.steps)} places, allowed: {MAX_PLACES}"] if len(self.steps) > MAX_PLACES else []
        if not problems and not np.isfinite(self.skips[0][0, -1]):
            problems = ["no way leads from a start to an end"]
        if problems:
            raise SettingError(f"{self.name!r} ({self.source}) is no standard: {'; '.join(problems)}.")

    @property
    def shortest(self) -> int:
        """Steps of the shortest way through the standard."""
        return int(self.skips[0][0, -1])

    @cached_property
    def repeats(self) -> bool:
        """Whether one step can come twice on a way through the standard."""
        between = self.skips[0][1:, :-1]
        return any(
            np.isfinite(between[i, j])
            for i, one in enumerate(self.steps)
            for j, other in enumerate(self.steps)
            if one == other
        )

    @cached_property
    def skips(self) -> tuple[Array, Array]:
        """Fewest places left out between two, and the place before the second on that way.

        Rows: the start, then the places; columns: the places, then the end.
        """
        n = len(self.steps)
        after: list[list[int]] = [[] for _ in range(n + 1)]
        after[0] = sorted(set(self.starts))
        for one, other in sorted(set(self.successions)):
            after[one + 1].append(other)
        for place in sorted(set(self.ends)):
            after[place + 1].append(n)
        fewest, before = np.full((n + 1, n + 1), np.inf), np.full((n + 1, n + 1), -1)
        for source in range(n + 1):
            waiting = deque((place, 0, source) for place in after[source])
            while waiting:
                place, skipped, last = waiting.popleft()
                if np.isfinite(fewest[source, place]):
                    continue
                fewest[source, place], before[source, place] = skipped, last
                if place < n:
                    waiting.extend((following, skipped + 1, place + 1) for following in after[place + 1])
        return fewest, before

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """The places of each step."""
        found: dict[str, list[int]] = {}
        for place, step in enumerate(self.steps):
            found.setdefault(step, []).append(place)
        return found

    def align(self, way: Sequence[str]) -> list[Gap]:
        """Find a cheapest alignment of a way with the standard and return where the two differ.

        Every step that the standard does not have there costs 1, and every step of the standard that is left out. Among
        equally cheap alignments the way meets the standard as early as it can. One state per place of the standard that was
        met last; what is left out between two is known from the shortest paths.

        >>> Standard("pay", "drawn", ("open", "save"), ((0, 1),), (0,), (1,)).align(["open", "look"])
        [Gap(left='open', inserted=(1,), skipped=('save',), returned=None)]
        """
        fewest, _ = self.skips
        cost = np.full(len(self.steps) + 1, np.inf)
        cost[0] = 0
        came: list[dict[int, int]] = []
        for step in way:
            following, chosen = cost + 1, {}
            for place in self.places.get(step, ()):
                total = cost + fewest[:, place]
                best = int(np.argmin(total))
                if total[best] < following[place + 1]:
                    following[place + 1], chosen[place + 1] = total[best], best
            cost = following
            came.append(chosen)
        met, last = [(len(way), len(self.steps) + 1)], int(np.argmin(cost + fewest[:, -1]))
        for at in range(len(way) - 1, -1, -1):
            if last in came[at]:
                met.append((at, last))
                last = came[at][last]
        return list(self._gaps([(-1, 0), *reversed(met)]))

    def _gaps(self, met: list[tuple[int, int]]) -> Iterable[Gap]:
        """Differences between each two meetings (place in the way, place in the standard + 1)."""
        for (at, here), (later, there) in pairwise(met):
            fewest, before = self.skips[0][here], self.skips[1][here]
            skipped, last = [], int(before[there - 1])
            for _ in range(int(fewest[there - 1])):
                skipped.append(self.steps[last - 1])
                last = int(before[last - 1])
            inserted = tuple(range(at + 1, later))
            if inserted or skipped:
                yield Gap(
                    self.steps[here - 1] if here else None, inserted, tuple(reversed(skipped)),
                    self.steps[there - 1] if there <= len(self.steps) else None,
                )  # fmt: skip


def standard_of_graph(
    name: str, source: str, pairs: Iterable[tuple[Hashable | None, Hashable | None]], step_of: dict[Hashable, str]
) -> Standard:
    """A standard from pairs of places; None before a place is the start, None after it the end.

    What lies on no way from the start to an end is left out.
    """
    pairs = list(dict.fromkeys(pairs))
    ahead, behind = _reached(pairs), _reached([(b, a) for a, b in pairs])
    places = [place for place in step_of if place in ahead and place in behind]
    number = {place: at for at, place in enumerate(places)}
    inner = [(number[a], number[b]) for a, b in pairs if a in number and b in number]
    return Standard(
        name, source, tuple(step_of[place] for place in places), tuple(inner),
        tuple(number[b] for a, b in pairs if a is None and b in number),
        tuple(number[a] for a, b in pairs if b is None and a in number),
    )  # fmt: skip


def _reached(pairs: Iterable[tuple[Hashable | None, Hashable | None]]) -> set[Hashable]:
    after: dict[Hashable | None, list[Hashable | None]] = {}
    for one, other in pairs:
        after.setdefault(one, []).append(other)
    found: set[Hashable] = set()
    waiting = list(after.get(None, ()))
    while waiting:
        place = waiting.pop()
        if place is not None and place not in found:
            found.add(place)
            waiting += after.get(place, ())
    return found
