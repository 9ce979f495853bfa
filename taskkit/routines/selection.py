"""Of all recurring sequences those that together describe the log in the fewest bits."""

from __future__ import annotations

import heapq

import numpy as np

from taskkit.routines.mining import FEWEST, Array, Sequence, Stream, sample

MOST_CANDIDATES = 5_000  # sequences that are tried, those that stand for most steps first
MOST_TRIALS = 30_000
REMEMBERED = 25_000_000  # positions of occurrences that are kept in memory, 100 MB
SAMPLE = 100_000  # steps of a larger log on which sequences are tried
OWN = 0.25  # a routine is listed if at least this part of its occurrences is not part of other routines listed


def select(stream: Stream, found: list[tuple[Sequence, int]], *, gap: int) -> list[Sequence]:
    """The routines that are worth a row of their own.

    Each step is written with a code that is the shorter the more often it is used; a routine that is listed has a code of its
    own. Sequences are taken while the log and the list together get shorter. A part of a routine, another cut of the same
    loop or two routines in a row by chance would make them longer, so they are not taken; one that others have
    replaced goes again.
    """
    found = [(sequence, support) for sequence, support in found if not _is_loop(sequence)]
    found.sort(key=lambda pair: (-pair[1] * (len(pair[0]) - 1), pair[0]))
    found = found[:MOST_CANDIDATES]
    description = _Description(stream, found, gap)
    queue = [(-shorter, i) for i in range(len(found)) if (shorter := description.try_out(i)) > 0]
    heapq.heapify(queue)
    taken: list[int] = []
    for _ in range(MOST_TRIALS):
        if not queue:
            break
        _, i = heapq.heappop(queue)
        shorter = description.try_out(i)
        if shorter <= 0:
            continue
        if queue and -shorter > queue[0][0]:
            heapq.heappush(queue, (-shorter, i))
            continue
        description.adopt(i)
        taken.append(i)
    return [found[i][0] for i in taken if description.stands_alone(i)]


def _is_loop(sequence: Sequence) -> bool:
    """Whether a sequence is a shorter one twice or more in a row, even if the last round is cut off."""
    return any(
        all(sequence[i] == sequence[i + period] for i in range(len(sequence) - period))
        for period in range(1, len(sequence) // 2 + 1)
    )


class _Description:
    """The log as it is written at the moment: by what every step is written, and how often each code is used."""

    def __init__(self, stream: Stream, found: list[tuple[Sequence, int]], gap: int) -> None:
        whole = int(stream.weight.sum())
        self.stream = stream = sample(stream, SAMPLE)
        self.part = int(stream.weight.sum()) / whole
        self.found, self.gap = found, gap
        self.places, self.begins = stream.places()
        codes = stream.symbols + len(found) + 1  # the last one for all activities that are too rare for routines
        self.rare = codes - 1
        symbols = np.where(stream.x < 0, self.rare, stream.x)
        self.usage = np.bincount(symbols, weights=stream.weight, minlength=codes).astype(np.int64)
        self.coded = np.full(len(stream.x), -1, np.int32)
        self.by_code, self.until = np.zeros(len(stream.x), np.int32), np.zeros(len(stream.x), np.int32)
        self.bits = self._bits()
        self.all = np.zeros(len(found), np.int64)
        self.kept: dict[int, Array] = {}  # occurrences of sequences that are tried again and again
        self.room = REMEMBERED

    def _bits(self) -> Array:
        return np.asarray(np.log2(self.usage.sum()) - np.log2(np.maximum(self.usage, 1)))

    def _steps(self, i: int) -> Array:
        from taskkit.routines import kernels

        if i in self.kept:
            return self.kept[i]
        pattern = np.array(self.found[i][0], np.int32)
        stream = self.stream
        steps: Array = kernels.without_overlap(
            kernels.occurrences(stream.x, stream.end, self.places, self.begins, pattern, self.gap)
        )
        self.all[i] = int(stream.weight[steps[:, 0]].sum())
        if steps.size <= self.room:
            self.kept[i] = steps
            self.room -= steps.size
        return steps

    def _rewrite(self, i: int, *, adopt: bool) -> float:
        from taskkit.routines import kernels

        steps = self._steps(i)
        if not len(steps):
            return -1.0
        own_bits = max(float(np.log2(self.usage.sum() / self.all[i])), 0.0)
        shorter, now_bits = kernels.rewrite(
            self.stream.x, self.stream.weight, steps, self.stream.symbols + i, own_bits, self.bits, self.usage,
            self.coded, self.by_code, self.until, adopt,
        )  # fmt: skip
        return float(shorter - max(now_bits, 0.0) - own_bits)

    def try_out(self, i: int) -> float:
        """Bits by which log and list get shorter with sequence i, which is written once with the codes that there are."""
        return self._rewrite(i, adopt=False)

    def adopt(self, i: int) -> None:
        """Write sequence i as a routine from now on."""
        self._rewrite(i, adopt=True)
        self.bits = self._bits()

    def stands_alone(self, i: int) -> bool:
        """Whether enough of the sequence is not written as part of others."""
        return bool(self.usage[self.stream.symbols + i] >= max(OWN * self.all[i], FEWEST * self.part))
