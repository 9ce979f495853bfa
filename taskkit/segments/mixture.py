"""Segmentation by a mixture of task models.

Every task is a small Markov model over activities with start and end probabilities; noise has a model of its own, inside
executions and between them; work that is interrupted is kept in mind and may be taken up again, above all when the record that
it was about comes back. The models are fitted by hard EM (Viterbi training) from several views of the stream. Between trainings
models are joined, parted and cut, pieces are put together and noise is taken out, whenever the log is described shorter then;
the shortest description decides among the fits, so the number of tasks is found. What is ahead in the end is divided, chained and
trained as if it were interrupted, as long as that is shorter.

References
----------
Viterbi training of hidden Markov models: Juang & Rabiner, IEEE Trans. ASSP 38 (1990), "The segmental K-means algorithm".
Description length, coded in turn: Rissanen, IEEE Trans. Information Theory 30 (1984), "Universal coding, information,
prediction, and estimation".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from taskkit.errors import SettingError
from taskkit.schema import require_columns
from taskkit.segments.cohesion import repetitiveness, segment_by_cohesion
from taskkit.segments.confidence import Usual, measure_confidence
from taskkit.segments.examples import KEYS, base_of, mark, relabel
from taskkit.segments.joining import join_models, joined_models, merge_models, part_models, similar_models, split_models
from taskkit.segments.lengths import describe, first_telling_steps, unlikely_openings
from taskkit.segments.loops import cut_loops
from taskkit.segments.pieces import drop_noise, join_pieces
from taskkit.segments.shortening import chain_executions, divide_models, retire_models
from taskkit.segments.starts import first_divisions
from taskkit.segments.streams import Array, Division, Stream, encode
from taskkit.segments.threads import in_threads, in_turn
from taskkit.segments.training import ITERATIONS, decode_with, learn, train, train_interrupted

if TYPE_CHECKING:
    from taskkit.segments.fitted import TaskModels

SAMPLE_STEPS = 20_000  # the tasks of a log three times as long are found on a sample of about this many steps
LEARNT_STEPS = 100_000  # and their models learnt from all of it, or from this many steps of one that is longer still
LONG = 10_000  # steps from which on less is left to chance
ROUNDS = 4  # of changes between trainings
FITS = 6  # first divisions that are worked out, at least
MOST_TRIALS = 20
SHORT_TRAINING = 4  # iterations after a change that may be taken back
SHORTENINGS = 3  # rounds of changes that only the description length decides on
WORTH = 0.001  # part of the description that a round must save for another one
KINDRED = 0.15  # Bhattacharyya coefficient from which on two models may be one
NEARLY = 0.003  # part of the description by which a join may be longer before pieces and noise are looked at again
SPARSE = 0.35  # repetitiveness of a log below which its words say more than its activities
CRUMB = 0.05  # part of the usual steps of a task below which an execution is none
SLIP = 3  # noise steps right before an execution that may belong to it
SHORT = 4  # where executions have this many steps, one of a single step is none


def segment_by_model(
    steps: pl.DataFrame, *, seed: int = 0, examples: pl.DataFrame | None = None, models: TaskModels | None = None
) -> pl.DataFrame:
    """Divide the steps by a mixture of task models, or by their words where hardly any activity repeats.

    With `examples` the models of the marked tasks are learnt from these; other tasks are kept as an earlier run found
    them, which the steps bring along as `segment_id` and `segment_model`. With `models` nothing is fitted.
    """
    if steps.is_empty():
        return to_frame(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0), np.empty(0))
    if models is not None:
        if examples is not None:
            raise SettingError("Give examples= or models=, not both: examples change the models.")
        return models.label(steps)
    if examples is None and repetitiveness(steps) < SPARSE:
        return segment_by_cohesion(steps)
    stream = encode(steps)
    if examples is None:
        division = fit(stream, seed)
    else:
        division = join_pieces(stream, relabel(stream, mark(steps, examples), base_of(stream, steps)))
    return label_division(stream, tidy(stream, division))


def start_relabelling(events: pl.DataFrame) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Prepare events for being labelled anew with every example that a person marks.

    Parameters
    ----------
    events : events frame with `activity` and `step`, best one that `segment` has divided: tasks without an example are kept.

    Returns
    -------
    A function of the examples (as in `segment`): one row per step with `user`, `session_id`, `seq`, `segment` (null = no
    task), `segment_model` and `segment_confidence`.

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> steps = ["open mail", "reply", "send", "open sheet", "sum up", "save"] * 4
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_024), "what": steps})
    >>> events = tk.name_activities(tk.from_table(log, columns={"timestamp": "at", "event_name": "what"}))
    >>> label = tk.start_relabelling(events)
    >>> examples = events.head(6).select("user", "session_id", "seq", segment_id=pl.Series([0, 0, 0, 1, 1, 1]),
    ...                                  task=pl.Series(["mail"] * 3 + ["sheet"] * 3))
    >>> label(examples)["segment"].to_list()[:9]
    [0, 0, 0, 1, 1, 1, 2, 2, 2]
    """
    require_columns(events, "activity", "step", made_by="name_activities")
    steps = events.filter("step").sort(KEYS)
    stream = encode(steps)
    base = base_of(stream, steps)
    keys = steps.select(KEYS)

    def label(examples: pl.DataFrame) -> pl.DataFrame:
        division = relabel(stream, mark(steps, examples), base, iterations=1)
        return keys.hstack(label_division(stream, tidy(stream, division)))

    return label


def fit(stream: Stream, seed: int = 0) -> Division:
    """The division of the stream that describes it shortest, found on a sample of sessions where it is long."""
    learnt, division, final = settle(stream, seed)
    return division if final else decode_with(stream, learnt.pairs[0], *learn(learnt, division, whole=stream))


def settle(stream: Stream, seed: int) -> tuple[Stream, Division, bool]:
    """What models are learnt from: the stream or a sample of it, and its division; whether that is the one of the stream.

    In a long stream the tasks are found on a sample of a sample, and pieces are put together where there is more of it: what is
    rare in the one, and how often, the other tells.
    """
    sample, learnt = _some_sessions(stream, seed, SAMPLE_STEPS), _some_sessions(stream, seed, LEARNT_STEPS)
    best = search(sample, seed)
    if sample is stream:
        return stream, best, True
    division = decode_with(learnt, sample.pairs[0], *learn(sample, best, whole=learnt))
    return learnt, join_pieces(learnt, division), False


def _some_sessions(stream: Stream, seed: int, steps: int) -> Stream:
    keep = sample_sessions(stream, seed, steps)
    return stream if keep.all() else stream.part(keep)


def sample_sessions(stream: Stream, seed: int, steps: int) -> Array:
    """Which steps belong to a sample of sessions, drawn by seed, the last one cut short; all where there are not many more."""
    if len(stream.x) <= 3 * steps:
        return np.ones(len(stream.x), bool)
    session = np.cumsum(stream.opens) - 1
    size = np.bincount(session)
    order = np.random.default_rng(seed).permutation(len(size))
    rank = np.empty(len(size), np.int64)
    rank[order] = np.cumsum(size[order]) - size[order]  # steps of the sessions drawn before
    place = np.arange(len(session)) - np.flatnonzero(stream.opens)[session]
    return np.asarray(rank[session] + place < steps)


def search(stream: Stream, seed: int) -> Division:
    """Let the most promising first divisions run against one another; the shortest description wins.

    Every division is changed round by round. Those whose description stays far behind drop out; a long log, in which
    little is left to chance, keeps fewer.
    """
    views = first_divisions(stream, seed)
    field = [view[0] for view in views]
    rest = sorted((division for view in views for division in view[1:]), key=lambda d: d.length)
    field = _ahead(stream, field + rest[: max(0, FITS - len(field))], 0)
    for turn in range(ROUNDS):
        changed = in_threads(partial(change, stream, quieten=turn < ROUNDS - 1), field)
        field, before = _ahead(stream, changed, turn + 1), field
        if all(any(division is old for old in before) for division in field):
            break
    finished = in_threads(partial(finish, stream), field[: 1 if len(stream.x) > LONG else 2])
    return min(finished, key=lambda d: d.length + unlikely_openings(stream, d))


def _ahead(stream: Stream, field: list[Division], turn: int) -> list[Division]:
    """The divisions that are not far behind the best, without doubles, shortest description first."""
    n = len(stream.x)
    ranked = sorted(field, key=lambda d: d.length + unlikely_openings(stream, d))
    limit = ranked[0].length * (1 + (0.03, 0.02, 0.01, 0.005, 0.003)[turn]) + (1000, 500, 300, 100, 100)[turn]
    most = (FITS + 2, 3, 2, 1, 1)[turn] if n > LONG else FITS + 2
    ahead: list[Division] = []
    for division in ranked:
        if division.length > limit or len(ahead) >= most:
            break
        if not any(d.models == division.models and np.array_equal(d.ids, division.ids) for d in ahead):
            ahead.append(division)
    return ahead


def change(stream: Stream, division: Division, *, quieten: bool = True) -> Division:
    """One round of changes, with training after each; the same division if there is nothing to change."""
    iterations = 4 if len(stream.x) > LONG else ITERATIONS
    moves = (merge_models, join_models, cut_loops, part_models, join_pieces)
    changed = division
    for move in (*moves, drop_noise) if quieten else moves:
        moved = move(stream, changed)
        changed = changed if moved is changed else train(stream, moved, iterations)
    return division if changed is division else replace(changed, length=describe(stream, changed))


def finish(stream: Stream, division: Division) -> Division:
    """The changes that cost most or come last: joins judged after training, strangers in one model, pieces."""
    for _ in range(SHORTENINGS):
        division, before = shorten(stream, division), division
        if division.length > before.length * (1 - WORTH):
            break
    for move in (join_after_training, split_models, join_pieces):
        division = move(stream, division)
    return replace(division, length=describe(stream, division))


def shorten(stream: Stream, division: Division) -> Division:
    """Changes that are kept where the log is described shorter after training; the same division if none is."""
    best, moves = division, (join_models, divide_models, chain_executions, join_pieces, drop_noise)
    if (retired := retire_models(stream, division)) is not division:
        best = train(stream, retired, SHORT_TRAINING)  # not judged: no task describes its steps about as shortly
    best = replace(best, length=describe(stream, best))
    begun, waiting = best.length, [train_interrupted, *moves]
    while waiting:
        for move, trained in in_turn(partial(_moved, stream, best), waiting):
            waiting = waiting[waiting.index(move) + 1 :]
            if trained.length < best.length - 1:
                best = trained
                break
    return best if best.length < begun - 1 or retired is not division else division


def _moved(stream: Stream, division: Division, move: Callable[[Stream, Division], Division]) -> Division:
    """The division after a move and some training; itself where nothing moves."""
    moved = move(stream, division)
    if moved is division:
        return division
    trained = part_models(stream, train(stream, moved, SHORT_TRAINING))
    return replace(trained, length=describe(stream, trained))


def join_after_training(stream: Stream, division: Division) -> Division:
    """Join two models, or give a small one up, where the log is described shorter once the others have been trained again."""
    division, tried, shorter = replace(division, length=describe(stream, division)), set[tuple[int, int]](), True
    while shorter and len(tried) < MOST_TRIALS and division.models > 1:
        size, shorter = np.bincount(division.path[division.ids >= 0], minlength=division.models), False
        pairs: dict[tuple[int, int], tuple[int, int]] = {}  # by sizes: the same two are not tried again
        for a, b in similar_models(stream, division, KINDRED):
            pairs.setdefault((int(size[a]), int(size[b])), (a, b))
        fresh = {pair: key for key, pair in pairs.items() if key not in tried}
        for pair, trial in in_turn(partial(_joined, stream, division), list(fresh)[: MOST_TRIALS - len(tried)]):
            tried.add(fresh[pair])
            if trial.length < division.length - 1:
                division, shorter = trial, True
                break
    return division


def _joined(stream: Stream, division: Division, pair: tuple[int, int]) -> Division:
    """The division with two models as one, trained again; pieces and noise are looked at where it is not much longer."""
    trial = train(stream, joined_models(division, *pair), 3)
    length = describe(stream, trial)
    if length < division.length * (1 + NEARLY):
        trial = train(stream, drop_noise(stream, join_pieces(stream, trial)), 4)
        length = describe(stream, trial)
    return replace(trial, length=length)


def tidy(stream: Stream, division: Division, *, crumbs: Array | None = None, often: Array | None = None) -> Division:
    """Leave out crumbs: executions of a single step, or a few where the task has very many.

    A session's rare first steps, and noise right before an execution that shows its record, belong to what follows them.
    `crumbs` (see `find_crumbs`) and `often` (occurrences of each activity) are given where the stream is only a part.
    """
    from taskkit.segments.kernels import adopt

    executions, ids = division.executions, division.ids.copy()
    least = find_crumbs(division) if crumbs is None else crumbs
    crumb = np.r_[executions.size <= least[executions.model], False]  # the last one is -1: no execution
    ids[crumb[ids]] = -1
    for first, step in zip(np.flatnonzero(stream.opens), first_telling_steps(stream, None, often), strict=True):
        if ids[step] >= 0:
            ids[first:step] = ids[step]
    ids = adopt(ids, stream.opens, stream.records.token, SLIP)
    known = np.zeros(int(ids.max(initial=-1)) + 2, bool)
    known[ids] = True
    known[-1] = False
    return replace(division, ids=np.where(ids >= 0, np.cumsum(known)[ids] - 1, -1))


def find_crumbs(division: Division) -> Array:
    """Steps up to which an execution of each model is a crumb; 0 where none is."""
    executions = division.executions
    crumbs = np.zeros(division.models)
    for model in range(division.models):
        size = executions.size[executions.model == model]
        if len(size) and np.median(size) >= SHORT:
            crumbs[model] = max(1.0, CRUMB * float(np.median(size)))
    return crumbs


def label_division(stream: Stream, division: Division, usual: Usual | None = None) -> pl.DataFrame:
    """One row a step: execution, task model, confidence of the execution and of a beginning; null outside."""
    return to_frame(division.ids, division.path, *measure_confidence(stream, division, usual))


def to_frame(ids: Array, model: Array, confidence: Array, boundary: Array) -> pl.DataFrame:
    """One row a step: execution, task model, confidence of the execution and of a beginning; null outside."""
    frame = pl.DataFrame({"segment": ids, "segment_model": model}).with_columns(
        segment_confidence=pl.Series(confidence), boundary_confidence=pl.Series(boundary)
    )
    inside = pl.col("segment") >= 0
    return frame.select(
        segment=pl.when(inside).then(pl.col("segment").cast(pl.Int64)),
        segment_model=pl.when(inside).then(pl.col("segment_model").cast(pl.Int32)),
        segment_confidence=pl.when(inside).then(pl.col("segment_confidence").cast(pl.Float64)),
        boundary_confidence=pl.when(inside).then(pl.col("boundary_confidence").cast(pl.Float64).fill_nan(None)),
    )
