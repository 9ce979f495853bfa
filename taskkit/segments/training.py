"""Training of the task models: decode the stream, count what each model was given, until hardly anything changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from taskkit.segments.streams import Array, Division, Stream

ITERATIONS = 8
MIN_EXECUTIONS = 3  # a model that explains fewer is given up
NEXT, SKIP, ANY, UNSEEN = 0.70, 0.18, 0.10, 0.02  # what an activity inside an execution may follow from
HORIZON = 400  # steps after which suspended work is not taken up again
BEAM = 15.0  # hypotheses this much less likely than the best one take nothing up again
GENEROUS, PAUSES, RESUMES = 2, 0.02, 0.2  # decodings in which work may easily be interrupted, and how easily
PAUSE, RESUMED = 5, -2  # places in the arguments of the tables
RECENT_RECORDS = 50  # a record that comes back is one of at most this many


@dataclass(frozen=True)
class Tables:
    """What `decode` reads: logarithms of probabilities, in the order of its arguments."""

    models: int
    arguments: tuple[Any, ...]


def train(stream: Stream, division: Division, iterations: int = ITERATIONS, fixed: Fixed | None = None) -> Division:
    """Hard EM (Viterbi training): decode with the models, count what each was given, until hardly anything changes."""
    course = [division]
    for iteration in range(iterations):
        before, again = division.ids, next((i for i, old in enumerate(course[:-1]) if _same(old, division)), None)
        if again is None:
            division = decode_with(stream, stream.pairs[0], *learn(stream, division, fixed), fixed=fixed)
        else:  # it goes round in a circle: what came next then comes next now
            division = course[again + 1]
        course.append(division)
        largest = max(1, int(before.max(initial=0)))
        changed = float(np.mean((before >= 0) != (division.ids >= 0)))
        changed += abs(int(division.ids.max(initial=0)) - int(before.max(initial=0))) / largest
        if changed < 1e-3 and iteration > 2:
            break
    return division


def marked(numbers: Array, chosen: list[int]) -> Array:
    """Which of the numbers are among the chosen ones; -1 is none of them."""
    among = np.zeros(max([int(numbers.max(initial=0)), *chosen]) + 2, bool)
    among[chosen] = True
    return np.asarray(among[numbers])


def _same(one: Division, other: Division) -> bool:
    """Whether two divisions are the same, step by step."""
    return one.models == other.models and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("ids", "path", "kinds")
    )


@dataclass(frozen=True)
class Fixed:
    """What people said of the stream: steps whose execution is known, and boundaries that are there or are not."""

    ids: Array  # per step: number of the marked execution, -1 = not marked
    path: Array  # per step: the model of the marked execution
    models: int  # models of marked tasks come first
    weight: float  # what a marked step counts beside one that was only found
    bonus: Array  # per step: nats for a beginning there


def learn(
    stream: Stream, division: Division, fixed: Fixed | None = None, *, whole: Stream | None = None, keep: bool = False
) -> tuple[Tables, Array, Array, Array]:
    """Tables of the models of a division; for each step of the stream, or of the `whole` that it is a sample of, how much
    its pause speaks for a beginning, and what its record says of going on where it is the same, and where it is another."""
    return make_tables(stream, division, fixed, keep=keep), *weigh_evidence(stream, division).of(whole or stream)


@dataclass(frozen=True)
class Evidence:
    """What pauses and records say of beginnings; `within` and `between`: mean and spread of the logarithm of pauses."""

    within: tuple[float, float] | None  # None: too few pauses
    between: tuple[float, float] | None
    same: Array  # per kind of record
    other: Array

    def of(self, stream: Stream) -> tuple[Array, Array, Array]:
        """For each step: how much its pause speaks for a beginning, and what its record says where it is the same, and not."""
        kind = np.clip(stream.records.kind, -1, len(self.same) - 1)  # -1, no record: the last place
        same, other = (np.r_[rates, 0].astype(np.float32)[kind] for rates in (self.same, self.other))
        if self.within is None or self.between is None:
            return np.zeros(len(stream.gap), np.float32), same, other
        score = _log_density(stream.gap, self.between) - _log_density(stream.gap, self.within)
        return np.asarray(np.clip(score, -3, 4), np.float32), same, other


def weigh_evidence(stream: Stream, division: Division) -> Evidence:
    """How much more long pauses, and records that change, speak for a beginning than for going on (log ratios)."""
    begins = np.zeros(len(stream.x), bool)
    begins[division.executions.first] = True
    between, within = stream.gap[begins & ~stream.opens], stream.gap[~begins]
    same, other = record_scores(stream, division.ids)
    if len(within) < 2:
        return Evidence(None, None, same, other)
    inside = _log_normal(within)
    outside = _log_normal(between) if len(between) > 50 else inside
    return Evidence(inside, inside if outside[0] < inside[0] else outside, same, other)


def decode_with(
    stream: Stream, index: Array, tables: Tables, pause: Array, same: Array, other: Array, *, fixed: Fixed | None = None
) -> Division:  # fmt: skip
    """The most likely division of the stream under the tables."""
    from taskkit.segments import kernels

    records = stream.records
    bonus = pause if fixed is None else (pause + fixed.bonus).astype(np.float32)
    said = (bonus, records.kind, records.token, same, other)
    limits = (HORIZON, np.float32(BEAM))
    decode: Any = kernels.decode
    path, kinds, ids, _ = decode(stream.x, stream.opens, index, *said, *tables.arguments, *limits)
    return Division(path, kinds, ids, tables.models)


def make_tables(stream: Stream, division: Division, fixed: Fixed | None = None, *, keep: bool = False) -> Tables:
    """Turn the counts of a division into log-probabilities; models with hardly any execution are given up, unless kept."""
    from taskkit.segments import kernels

    x, n_symbols = stream.x, stream.n_symbols
    index, first, second = stream.pairs
    weight = np.ones(len(x), np.float32)
    if fixed is not None:
        weight[fixed.ids >= 0] = fixed.weight
    *counts, rest = kernels.count(x, division.ids, division.path, weight, index, division.models, n_symbols, len(first))
    begun = counts[3].sum(axis=0)
    strong = (begun >= MIN_EXECUTIONS) | (counts[2].sum(axis=0) > 0.02 * len(x)) | keep
    if fixed is not None:
        strong[: fixed.models] = True
    if not strong.any():
        strong[int(np.argmax(begun))] = True
    if not strong.all():
        counts = [np.ascontiguousarray(table[:, strong]) for table in counts]
    successors, skips, uses, starts, ends, pauses, sources, skip_sources = counts
    begun, total = begun[strong], uses.sum(axis=0)
    everywhere = np.bincount(x, minlength=n_symbols) / len(x)
    background = 0.9 * (rest + 20 * everywhere) / (rest.sum() + 20) + 0.1 * everywhere + 1e-7
    successors[0], skips[0] = 0, 0
    inner = 1 - np.minimum(0.9, starts / (uses + 1.0))  # what begins an execution is seldom inside one
    log_next = _log_share(NEXT, successors, inner, sources, first, second)
    log_skip = _log_share(SKIP, skips, inner, skip_sources, first, second)
    log_any = np.log(ANY * uses / (total + 1) + UNSEEN * background[:, None])
    log_start = np.log(0.8 * starts / (begun + 0.5) + 0.15 * uses / (total + 1) + 0.05 * background[:, None])
    end = np.clip((ends + begun / (total + 1)) / (uses + 1.0), 1e-4, 0.98)
    inside = float((division.ids >= 0).sum())
    rate = np.clip((pauses.sum() + 0.5) / (inside + 1), 3e-4, 0.05)
    pause = np.clip((pauses + 5 * rate) / (uses + 5), 1e-4, 0.9)
    log_prior, numbers = _transitions(division, begun, inside)
    arrays = (
        log_next,
        log_skip,
        log_any,
        log_start,
        np.log(end),
        np.log(pause),
        np.log(1 - end),
        log_prior,
        np.log(background),
    )
    single = [np.ascontiguousarray(array, np.float32) for array in arrays]
    return Tables(int(strong.sum()), (*single, *(np.float32(number) for number in numbers)))


def _log_share(part: float, seen: Array, inner: Array, sources: Array, first: Array, second: Array) -> Array:
    """Logarithms of how likely each pair is; most pairs are seen in few models and take the least there is."""
    place = np.flatnonzero(seen)
    pair, model = np.divmod(place, seen.shape[1])
    share = part * seen.ravel()[place] * inner[second[pair], model] / (sources[first[pair], model] + 0.5)
    logs = np.full(seen.shape, np.log(np.float32(1e-9)), np.float32)
    logs.ravel()[place] = np.log(share + 1e-9)
    return logs


def _transitions(division: Division, begun: Array, inside: float) -> tuple[Array, tuple[float, ...]]:
    """Which task comes next; and nats for entering, leaving and staying in no task, noise, resuming, the same task again."""
    kinds, idle = division.kinds, division.path == division.models
    runs = float((idle & (kinds == 1)).sum())
    prior = np.r_[begun + 0.5, max(1.0, runs)]
    prior = np.log(prior / prior.sum())
    leave = (runs + 1) / (float(idle.sum()) + runs + 6)
    noise = float((~idle & (kinds == 3)).sum())
    noisy = np.clip((noise + 0.01 * inside) / (inside + noise + 1), 0.005, 0.15)
    resumed, fresh = float((kinds == 2).sum()), float((kinds == 1).sum())
    resume = np.clip((resumed + 0.5) / (resumed + fresh + 1), 0.01, 0.5)
    models = division.path[(kinds == 1) & ~idle]
    again = np.clip(np.mean(models[1:] == models[:-1]) if len(models) > 1 else 0.1, 0.02, 0.9)
    numbers = (prior[-1], np.log(leave), np.log(1 - min(leave, 0.999)), np.log(noisy), np.log(resume), np.log(again))
    return prior[:-1], numbers


def train_interrupted(stream: Stream, division: Division, iterations: int = ITERATIONS) -> Division:
    """Train as if work were often interrupted: where nothing has been taken up again yet, nothing ever would be."""
    for _ in range(GENEROUS):
        tables, *rest = learn(stream, division)
        arguments = list(tables.arguments)
        arguments[PAUSE] = np.maximum(arguments[PAUSE], np.float32(np.log(PAUSES)))
        arguments[RESUMED] = np.maximum(arguments[RESUMED], np.float32(np.log(RESUMES)))
        division = decode_with(stream, stream.pairs[0], Tables(tables.models, tuple(arguments)), *rest)
    return train(stream, division, iterations)


def _log_normal(values: Array) -> tuple[float, float]:
    logs = np.log(values + 0.05)
    return float(logs.mean()), max(0.3, float(logs.std()))


def _log_density(values: Array, given: tuple[float, float]) -> Array:
    z = (np.log(values + 0.05) - given[0]) / given[1]
    return np.asarray(-0.5 * z * z - np.log(given[1]))


def record_scores(stream: Stream, ids: Array) -> tuple[Array, Array]:
    """For each kind of record, what a step says of going on where its record is the last one there, and where it is another.

    Log ratios, learnt from how often the kind changes inside executions and between them. A record that comes back in a new
    execution would have to be chosen among those of its kind that were seen of late.
    """
    from taskkit.segments import kernels

    records = stream.records
    seen, changed = kernels.count_changes(ids, records.kind, records.before, records.token, records.kinds)
    (seen_out, seen_in), (changed_out, changed_in) = seen, changed
    rate_in = (changed_in.sum() + 1) / (seen_in.sum() + 2)
    rate_out = (changed_out.sum() + 1) / (seen_out.sum() + 2)
    within = (changed_in + 5 * rate_in) / (seen_in + 5)
    between = (changed_out + 5 * rate_out) / (seen_out + 5)
    fresh = (records.kind >= 0) & (records.earlier < 0)
    recent = np.bincount(records.kind[fresh], minlength=records.kinds) / max(1, int(stream.opens.sum()))
    choice = 0.7 * np.log(np.clip(recent, 1, RECENT_RECORDS) + 1.0)
    return np.clip(np.log(1 - within) + choice, -0.5, 4), np.clip(np.log(within / between), -4, 0.5)
