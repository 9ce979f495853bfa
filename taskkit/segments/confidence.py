"""How sure a segment and its beginning are: the part of their like that was right where the truth is known.

Two logistic regressions on what tells a right segment from a wrong one. Their weights were learnt once, on examples and
synthetic streams with known truth (`benchmarks/calibration.py` shows how well they hold on others), and are the same for
every log.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from taskkit.segments.streams import Array, Division, Stream
from taskkit.segments.training import Evidence, make_tables, weigh_evidence

# name: weight for "the segment is right", weight for "a segment begins there"
WEIGHTS = {
    "constant": (-4.474, -3.653),
    "how usual the first activity is as a beginning (log)": (0.626, 1.131),
    "how usual the last activity is as an end (log)": (0.694, -0.245),
    "how much better the task explains the steps than chance (mean nats)": (0.626, 0.429),
    "part of the steps that it hardly explains better": (-4.89, -2.724),
    "the worst explained step (nats)": (-0.066, -0.113),
    "shorter than is usual for the task (log ratio, at most 0)": (3.223, 0.17),
    "longer than is usual for the task (log ratio, at least 0)": (-3.823, -0.84),
    "how often it was taken up again": (0.36, -0.509),
    "part of its time span that is something else": (0.193, -0.436),
    "pause before it (nats)": (0.126, 0.571),
    "how usual the end of the segment before is (log)": (0.146, 0.117),
    "executions of the task (log)": (0.628, 0.482),
    "changes of record inside": (-0.094, 0.312),
    "begins a session": (0.207, -2.374),
    "steps (log)": (0.935, 0.897),
}


@dataclass(frozen=True)
class Usual:
    """What the executions of a log are like: what a single one is compared with."""

    index: Array  # pairs of activities, as in `Stream.pairs`
    tables: tuple[Array, ...]  # logarithms: next, any, start, end, background
    evidence: Evidence
    size: Array  # median steps of each model's executions
    executions: Array  # of each model


def measure_confidence(stream: Stream, division: Division, usual: Usual | None = None) -> tuple[Array, Array]:
    """Per step: confidence of its segment, NaN outside; confidence of the beginning at first steps, NaN elsewhere.

    `usual` is what is usual in the log that the stream is a part of; by default the stream is all of it.
    """
    segment, beginning = np.full(len(stream.x), np.nan), np.full(len(stream.x), np.nan)
    inside = division.ids >= 0
    if not inside.any():
        return segment, beginning
    features = _features(stream, division, usual or find_usual(stream, division))
    weights = np.array(list(WEIGHTS.values()))
    chance = 1 / (1 + np.exp(-(features @ weights[1:] + weights[0])))
    segment[inside] = chance[division.ids[inside], 0]
    beginning[division.executions.first] = chance[:, 1]
    return segment, beginning


def find_usual(stream: Stream, division: Division) -> Usual:
    """What the executions of a division are like."""
    log_next, _, log_any, log_start, log_end, _, _, _, background = make_tables(stream, division, keep=True).arguments[
        :9
    ]
    model, size = division.executions.model, division.executions.size
    median = [np.median(size[model == k]) if (model == k).any() else 1.0 for k in range(division.models)]
    return Usual(stream.pairs[0], (log_next, log_any, log_start, log_end, background), weigh_evidence(stream, division),
                 np.array(median), np.bincount(model, minlength=division.models))  # fmt: skip


def _features(stream: Stream, division: Division, usual: Usual) -> Array:
    """What tells a right segment from a wrong one: one row an execution, one column for each of `WEIGHTS`."""
    from taskkit.segments.row_kernels import follow

    log_next, log_any, log_start, log_end, background = usual.tables
    pause, _, other = usual.evidence.of(stream)
    executions, x = division.executions, stream.x
    model, first, last, size = executions.model, executions.first, executions.last, executions.size
    n, news = len(first), stream.records.changed & (other < -0.7)
    said, worst, hardly, stretches, changes, previous = (np.zeros(n), np.full(n, 6.0), *np.zeros((4, n), np.int64))
    follow(division.ids, x, model, usual.index, log_next, log_any, background, news,
           said, worst, hardly, stretches, changes, previous)  # fmt: skip
    followed = np.maximum(size - 1, 1)
    ratio, span = np.log(size / usual.size[model]), last - first + 1
    ended = np.where(previous >= 0, log_end[x[last[previous]], model[previous]], 0.0)
    columns = [
        np.clip(log_start[x[first], model], -8, 0), np.clip(log_end[x[last], model], -8, 0), said / followed, hardly / followed,
        worst, np.minimum(ratio, 0), np.maximum(ratio, 0), np.minimum(stretches - 1, 3), (span - size) / span,
        np.clip(pause[first], -2, 2), np.clip(ended, -6, 0), np.log(usual.executions[model]),
        np.minimum(changes, 4), stream.opens[first].astype(float), np.log(size),
    ]  # fmt: skip
    return np.stack(columns, axis=1)
