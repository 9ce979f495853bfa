"""The task models: decoding, counting, description length, and the moves between trainings."""

from __future__ import annotations

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import taskkit as tk
from taskkit.samples.streams import make_stream
from taskkit.segments import kernels, length_kernels, mixture, training
from taskkit.segments.joining import merge_models, part_models, split_models
from taskkit.segments.lengths import describe, first_telling_steps
from taskkit.segments.loops import cut_loops
from taskkit.segments.pieces import drop_noise, join_pieces
from taskkit.segments.records import Records
from taskkit.segments.shortening import chain_executions, divide_models, retire_models
from taskkit.segments.starts import cluster, first_divisions
from taskkit.segments.streams import Array, Division, Stream, encode
from taskkit.segments.training import decode_with, learn, train, train_interrupted
from tests.frames import make_events

STAY, NEW, RESUME, NOISE = kernels.STAY, kernels.NEW, kernels.RESUME, kernels.NOISE
NEVER = np.float32(-1e9)


# ---------------------------------------------------------------------------------------------------- streams for tests
def stream_of(
    symbols: str | Array,
    *,
    opens: list[int] | None = None,
    numbers: list[int] | None = None,
    place: Array | None = None,
) -> Stream:
    """A stream from one letter a step; `numbers` are the records of one kind, 0 = none."""
    x = np.array([ord(s) - 97 for s in symbols] if isinstance(symbols, str) else symbols, np.int32)
    first = np.zeros(len(x), bool)
    first[[0, *(opens or [])]] = True
    n_symbols = max(26, int(x.max()) + 1)
    return Stream(x, np.ones(len(x), np.float32), first, x.astype(np.int64) if place is None else place,
                  records_of(numbers or [0] * len(x), first), n_symbols)  # fmt: skip


def records_of(numbers: list[int], opens: Array) -> Records:
    kind, before, earlier = (np.full(len(numbers), -1, np.int32) for _ in range(3))
    latest, known = -1, dict[int, int]()
    for i, number in enumerate(numbers):
        if opens[i]:
            latest, known = -1, {}
        if number:
            kind[i], before[i], earlier[i] = 0, latest, known.get(number, -1)
            latest = known[number] = i
    return Records(kind, before, np.array([n - 1 for n in numbers], np.int32), earlier)


def division_of(stream: Stream, ids: list[int] | Array, models: list[int]) -> Division:
    """The division with these executions; `models` has the task of each of them, noise is that of what is around it."""
    ids = np.asarray(ids, np.int64)
    n_models, session = max(models) + 1, np.cumsum(stream.opens)
    path = np.where(ids >= 0, np.array(models)[np.maximum(ids, 0)], n_models)
    for i in np.flatnonzero(ids < 0):
        before = np.flatnonzero((ids[:i] >= 0) & (session[:i] == session[i]))
        if len(before) and (ids[i:] == ids[before[-1]]).any():
            path[i] = path[before[-1]]
    path = path.astype(np.int16)
    return Division(path, kernels.mark_kinds(ids, path, stream.opens, n_models), ids, n_models)


def written(pieces: list[tuple[str, int]], **options: Any) -> tuple[Stream, Division]:
    """Stream and true division from pieces of work: (letters, task); the letter z and task -1 are noise."""
    ids, models = list[int](), list[int]()
    for letters, task in pieces:
        ids += [-1 if task < 0 or letter == "z" else len(models) for letter in letters]
        models += [task] if task >= 0 else []
    stream = stream_of("".join(letters for letters, _ in pieces), **options)
    return stream, division_of(stream, ids, models)


TASKS = [("abcdef", 0), ("ghij", 1), ("klmno", 2)]


def some_work(rounds: int = 40, *, seed: int = 1, tasks: int = 3) -> list[tuple[str, int]]:
    """Tasks in random order, one after the other."""
    chance = random.Random(seed)
    return [chance.choice(TASKS[:tasks]) for _ in range(rounds)]


def in_parts(parts: list[tuple[str, int, int]], *, with_records: bool = False) -> tuple[Stream, Division]:
    """Stream and true division from parts of executions: (letters, execution, task)."""
    ids = [execution for letters, execution, _ in parts for _ in letters]
    known = {execution: task for _, execution, task in parts}
    stream = stream_of("".join(p[0] for p in parts), numbers=[1 + i for i in ids] if with_records else None)
    return stream, division_of(stream, ids, [known[execution] for execution in sorted(known)])


def interrupted_work(rounds: int = 60) -> tuple[Stream, Division]:
    """Some executions of the first task are left for one of the second, and taken up again."""
    chance, parts, n = random.Random(5), list[tuple[str, int, int]](), 0
    for _ in range(rounds):
        if chance.random() < 0.4:
            cut = chance.randint(2, 4)
            parts += [("abcdef"[:cut], n, 0), ("ghij", n + 1, 1), ("abcdef"[cut:], n, 0)]
            n += 2
        else:
            parts.append((*(one := chance.choice(TASKS))[:1], n, one[1]))
            n += 1
    return in_parts(parts)


def waiting_work(rounds: int = 60) -> tuple[Stream, Division]:
    """Two tasks with the same end; at times both wait while something else is done, and either is ended first."""
    chance, parts, n = random.Random(2), list[tuple[str, int, int]](), 0
    for _ in range(rounds):
        if chance.random() < 0.5:
            ends = [("xyw", n, 0), ("xyw", n + 1, 1)]
            chance.shuffle(ends)
            parts += [("abc", n, 0), ("ghi", n + 1, 1), ("mnop", n + 2, 2), *ends]
            n += 3
        else:
            letters, task = chance.choice([("abcxyw", 0), ("ghixyw", 1), ("mnop", 2)])
            parts.append((letters, n, task))
            n += 1
    return in_parts(parts, with_records=True)


def sample(steps: int = 800, **options: Any) -> tuple[Stream, Division]:
    """A synthetic stream and its true division."""
    events, truth = make_stream(steps, **({"tasks": 4, "seed": 2} | options))
    events = tk.name_activities(events).join(truth, on=["user", "session_id", "seq"])
    rows = events.filter("step").sort("seq")
    ids = (rows["true_segment"].rank("dense").cast(pl.Int64) - 1).fill_null(-1).to_numpy()
    task = (
        rows.drop_nulls("true_segment").group_by("true_segment").agg(pl.col("true_task").first()).sort("true_segment")
    )
    return (stream := encode(rows)), division_of(stream, ids, (task["true_task"].rank("dense") - 1).to_list())


def same_divisions(one: Array, other: Array) -> bool:
    """Whether two numberings of executions say the same."""
    pairs = len(np.unique(np.stack([one, other]), axis=1).T)
    return bool(((one < 0) == (other < 0)).all()) and pairs == len(np.unique(one)) == len(np.unique(other))


def decoded(known: tuple[Stream, Division], stream: Stream) -> Division:
    """Another stream decoded with what was learnt from a known one."""
    tables, _, same, other = learn(*known)
    shows = known[0].records.kind >= 0
    rates = [float(rate[shows][0]) if shows.any() else 0.0 for rate in (same, other)]
    said = [np.where(stream.records.kind >= 0, rate, 0).astype(np.float32) for rate in rates]
    return decode_with(stream, known[0].pairs[0], tables, np.zeros(len(stream.x), np.float32), said[0], said[1])


# -------------------------------------------------------------------------------------------------------------- decoding
def random_tables(seed: int, models: int, *, noise: bool) -> dict[str, Any]:
    """Tables of 4 activities; without noise and skips the best path is found exactly, with them nearly always."""
    chance = np.random.default_rng(seed)
    index = np.add.outer(4 * np.arange(4), np.arange(4)).astype(np.int32)
    index = np.maximum(index, index.T)  # whichever way round pairs are looked up

    def logs(*shape: int) -> Array:
        return np.log(chance.uniform(0.02, 0.98, shape)).astype(np.float32)

    end = chance.uniform(0.05, 0.95, (4, models))
    leave = chance.uniform(0.05, 0.5)
    return {
        "index": index, "log_next": logs(16, models), "log_skip": logs(16, models) if noise else np.full((16, models), NEVER),
        "log_any": logs(4, models), "log_start": logs(4, models), "log_end": np.log(end).astype(np.float32),
        "log_pause": logs(4, models), "log_stay": np.log(1 - end).astype(np.float32), "log_prior": logs(models),
        "background": logs(4), "enter": np.float32(np.log(0.2)), "leave": np.float32(np.log(leave)),
        "rest_stay": np.float32(np.log(1 - leave)), "noise": np.float32(-1.0) if noise else NEVER,
        "resume": NEVER, "again": np.float32(np.log(chance.uniform(0.05, 0.9))),
    }  # fmt: skip


def run_decode(x: Array, opens: Array, bonus: Array, tables: dict[str, Any]) -> tuple[Array, Array, float]:
    none, zero = np.full(len(x), -1, np.int32), np.zeros(len(x), np.float32)
    index, *rest = tables.values()
    path, kinds, *_, total = kernels.decode(x, opens, index, bonus, none, none, zero, zero, *rest, 0, np.float32(1e9))
    return path, kinds, total


def every_path(x: Array, opens: Array, bonus: Array, t: dict[str, Any], models: int) -> dict[tuple[Any, ...], float]:
    """The score of every sequence of (model, kind), by trying them all."""
    scores: dict[tuple[Any, ...], float] = {}

    def go(i: int, score: float, last: int, older: int, done: tuple[tuple[int, int], ...]) -> None:
        if i == len(x):
            scores[done] = max(score, scores.get(done, -np.inf))
            return
        b = int(x[i])
        now = done[-1][0] if done else models
        left = 0.0
        if done:
            left = float(t["leave"]) if now == models else max(t["log_end"][last, now], t["log_pause"][last, now])
        for k in range(models):
            begun = left + bonus[i] + t["log_prior"][k] + t["log_start"][b, k]
            if not opens[i] and now == k:
                begun = max(begun, t["log_end"][last, k] + bonus[i] + t["again"] + t["log_start"][b, k])
            go(i + 1, score + begun, b, -1, (*done, (k, NEW)))
        if not opens[i] and now < models:
            pair = t["index"][last, b]
            skip = t["index"][older, b] if older >= 0 else 0
            emission = max(t["log_next"][pair, now], t["log_skip"][skip, now], t["log_any"][b, now])
            go(i + 1, score + t["log_stay"][last, now] + emission, b, last, (*done, (now, STAY)))
            if t["noise"] > NEVER:
                go(i + 1, score + t["noise"] + t["background"][b], last, older, (*done, (now, NOISE)))
        if not opens[i] and now == models and done:
            go(i + 1, score + t["rest_stay"] + t["background"][b], b, -1, (*done, (models, STAY)))
        entered = left + t["enter"] + t["background"][b] + 0.5 * bonus[i]
        go(i + 1, score + entered, b, -1, (*done, (models, NEW)))

    go(0, 0.0, 0, -1, ())
    return scores


tiny = st.tuples(
    st.lists(st.integers(0, 3), min_size=1, max_size=5), st.integers(1, 2), st.integers(0, 10_000), st.integers(1, 9)
)  # activities, models, seed, first step of the second session


def tiny_stream(letters: list[int], seed: int, second: int) -> tuple[Array, Array, Array]:
    """Activities, beginnings of sessions and bonuses of beginnings; no bonus is so large that leaving no task pays twice."""
    opens = np.zeros(len(letters), bool)
    opens[0] = True
    if second < len(letters):
        opens[second] = True
    bonus = np.random.default_rng(seed).uniform(-2, 1, len(letters)).astype(np.float32)
    return np.array(letters, np.int32), opens, bonus


@settings(max_examples=40, deadline=None)
@given(tiny)
def test_without_noise_the_best_path_of_all_is_found(case: tuple[list[int], int, int, int]) -> None:
    letters, models, seed, second = case
    x, opens, bonus = tiny_stream(letters, seed, second)
    tables = random_tables(seed, models, noise=False)
    path, kinds, total = run_decode(x, opens, bonus, tables)
    scores = every_path(x, opens, bonus, tables, models)
    assert total == pytest.approx(max(scores.values()), abs=1e-3)
    found = tuple(zip(path.tolist(), kinds.tolist(), strict=True))
    assert scores[found] == pytest.approx(max(scores.values()), abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(tiny)
def test_the_score_is_that_of_the_path(case: tuple[list[int], int, int, int]) -> None:
    letters, models, seed, second = case
    x, opens, bonus = tiny_stream(letters, seed, second)
    tables = random_tables(seed, models, noise=True)
    path, kinds, total = run_decode(x, opens, bonus, tables)
    scores = every_path(x, opens, bonus, tables, models)
    assert scores[tuple(zip(path.tolist(), kinds.tolist(), strict=True))] == pytest.approx(total, abs=1e-3)


def test_interrupted_work_is_one_execution() -> None:
    stream = stream_of("abcdef" + "abc" + "ghij" + "def" + "ghij")
    found = decoded(interrupted_work(), stream)
    assert found.ids.tolist() == [0] * 6 + [1] * 3 + [2] * 4 + [1] * 3 + [3] * 4
    assert found.kinds[13] == RESUME


def test_work_is_not_taken_up_in_another_session() -> None:
    stream = stream_of("abcdef" + "abc" + "ghij" + "def" + "ghij", opens=[13])
    found = decoded(interrupted_work(), stream)
    assert not set(found.ids[:13].tolist()) & set(found.ids[13:].tolist())


def test_noise_leaves_an_execution_whole() -> None:
    pieces = some_work(40) + [("abczdef", 0), ("z", -1), ("gzhij", 1)] * 3
    found = decoded(written(pieces), stream_of("abcdef" + "abzcdef" + "ghzij"))
    assert found.ids.tolist() == [0] * 6 + [1, 1, -1, 1, 1, 1, 1] + [2, 2, -1, 2, 2]
    assert found.kinds[[8, 15]].tolist() == [NOISE, NOISE]


def test_what_resembles_no_task_belongs_to_none() -> None:
    pieces = [("abcdef", 0), ("zyxwvu", -1), ("ghij", 1), ("yvwzxu", -1)] * 15
    found = decoded(written(pieces), stream_of("abcdefwvuzyxghijyzwu"))
    assert found.ids.tolist() == [0] * 6 + [-1] * 6 + [1] * 4 + [-1] * 4


@pytest.mark.parametrize(("number", "resumed"), [(7, 0), (8, 1)])
def test_the_record_decides_which_work_is_taken_up(number: int, resumed: int) -> None:
    """Two pieces of work wait; either could go on with the same steps, only the number tells which."""
    stream = stream_of("abc" + "ghi" + "mnop" + "xyw", numbers=[7] * 3 + [8] * 3 + [9] * 4 + [number] * 3)
    found = decoded(waiting_work(), stream)
    assert found.ids.tolist() == [0] * 3 + [1] * 3 + [2] * 4 + [resumed] * 3


@pytest.mark.parametrize(("number", "resumed"), [(7, 0), (8, 1)])
def test_of_two_executions_of_a_task_the_one_with_the_record_is_taken_up(number: int, resumed: int) -> None:
    stream = stream_of("abc" + "abc" + "mnop" + "xyw", numbers=[7] * 3 + [8] * 3 + [9] * 4 + [number] * 3)
    found = decoded(waiting_work(), stream)
    assert found.ids.tolist() == [0] * 3 + [1] * 3 + [2] * 4 + [resumed] * 3


@pytest.mark.parametrize("horizon", [12, 400])
def test_interruptions_are_found_whatever_is_kept_beyond_them(horizon: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, truth = interrupted_work()
    monkeypatch.setattr(training, "HORIZON", horizon)
    found = decode_with(stream, stream.pairs[0], *learn(stream, truth))
    assert same_divisions(found.ids, truth.ids)


def test_nothing_changes_once_the_horizon_is_longer_than_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, truth = sample(interleaving=0.4)
    learnt, results = learn(stream, truth), []
    for horizon in (len(stream.x), 3 * len(stream.x)):
        monkeypatch.setattr(training, "HORIZON", horizon)
        results.append(decode_with(stream, stream.pairs[0], *learnt))
    assert (results[0].path == results[1].path).all()
    assert (results[0].kinds == results[1].kinds).all()


def test_work_left_longer_ago_than_the_horizon_is_not_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, truth = interrupted_work()
    monkeypatch.setattr(training, "HORIZON", 2)
    found = decode_with(stream, stream.pairs[0], *learn(stream, truth))
    assert not (found.kinds == RESUME).any()


def test_an_execution_never_leaves_its_session() -> None:
    stream, truth = sample(600, interleaving=0.3)
    opens = stream.opens.copy()
    opens[::50] = True
    stream = replace(stream, opens=opens)
    found = train(stream, truth, 3)
    session = np.cumsum(stream.opens)
    inside = found.ids >= 0
    assert inside.any()
    assert len(np.unique(np.stack([found.ids[inside], session[inside]]), axis=1).T) == found.ids.max() + 1


def test_training_on_the_truth_keeps_it_where_nothing_is_noisy() -> None:
    stream, truth = written(some_work(60))
    assert same_divisions(train(stream, truth).ids, truth.ids)


def test_training_gives_the_same_division_twice() -> None:
    stream, truth = sample()
    assert (train(stream, truth, 3).ids == train(stream, truth, 3).ids).all()


# -------------------------------------------------------------------------------------------------- numbers and counts
def random_path(seed: int, length: int, models: int) -> tuple[Array, Array, Array]:
    chance = np.random.default_rng(seed)
    path = np.repeat(chance.integers(0, models + 1, length), chance.integers(1, 5, length))[:length].astype(np.int16)
    opens = chance.random(length) < 0.15
    opens[0] = True
    return path, chance.choice([STAY, STAY, NEW, RESUME, NOISE], length).astype(np.int8), opens


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 40), st.integers(1, 3))
def test_numbers_and_kinds_say_the_same(seed: int, length: int, models: int) -> None:
    path, kinds, opens = random_path(seed, length, models)
    ids = kernels.number_executions(path, kinds, opens, models)
    marked = kernels.mark_kinds(ids, path, opens, models)
    assert (kernels.number_executions(path, marked, opens, models) == ids).all()
    assert (kernels.mark_kinds(ids, path, opens, models) == marked).all()


@pytest.mark.parametrize("work", [interrupted_work, waiting_work, lambda: written(some_work(80)), lambda: sample(900)])
def test_what_is_far_behind_changes_nothing(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, truth = work()
    learnt = learn(stream, truth)
    found = decode_with(stream, stream.pairs[0], *learnt)
    monkeypatch.setattr(training, "BEAM", 1e9)
    every = decode_with(stream, stream.pairs[0], *learnt)
    for name in ("ids", "path", "kinds"):
        assert np.array_equal(getattr(found, name), getattr(every, name)), name


def test_what_is_near_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, truth = sample(900)
    learnt = learn(stream, truth)
    found = decode_with(stream, stream.pairs[0], *learnt)
    monkeypatch.setattr(training, "BEAM", 0.5)
    assert not np.array_equal(decode_with(stream, stream.pairs[0], *learnt).path, found.path)


def test_decoded_kinds_are_those_of_the_executions() -> None:
    stream, truth = sample(interleaving=0.3)
    found = train(stream, truth, 2)
    tasks = found.ids >= 0
    assert (
        kernels.mark_kinds(found.ids, found.path, stream.opens, found.models)[tasks] == found.kinds[tasks]
    ).mean() > 0.99


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 60), st.integers(1, 3))
def test_every_step_is_counted_once(seed: int, length: int, models: int) -> None:
    path, kinds, opens = random_path(seed, length, models)
    ids = kernels.number_executions(path, kinds, opens, models)
    stream = replace(stream_of(np.random.default_rng(seed).integers(0, 5, length)), opens=opens)
    index, first, _ = stream.pairs
    weight = np.ones(length, np.float32)
    successors, _, uses, starts, ends, _, sources, _, rest = kernels.count(
        stream.x, ids, path, weight, index, models, stream.n_symbols, len(first)
    )
    n = int(ids.max(initial=-1)) + 1
    assert uses.sum() + rest.sum() == length
    assert starts.sum() == ends.sum() == n
    assert successors.sum() == sources.sum() == uses.sum() - n


# ---------------------------------------------------------------------------------------------------- description length
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 30))
def test_noise_never_makes_the_description_shorter(seed: int, count: int) -> None:
    stream, truth = written(some_work(30))
    chance = np.random.default_rng(seed)
    where = chance.integers(1, len(stream.x), count)
    x = np.insert(stream.x, where, chance.integers(16, 26, count))
    noisy = stream_of(x)
    models = [int(m) for m in truth.executions.model]
    assert describe(noisy, division_of(noisy, np.insert(truth.ids, where, -1), models)) > describe(stream, truth)


@given(st.lists(st.floats(1e-12, 1.0), max_size=200))
def test_one_logarithm_of_many_shares_is_the_sum_of_theirs(shares: list[float]) -> None:
    nats, product, shares = 0.0, 1.0, shares + [1e-9] * 30  # more than a product can hold
    for share in shares:
        nats, product = length_kernels.add.py_func(nats, product, share)
    assert nats - np.log(product) == pytest.approx(-np.log(shares).sum())


def shifted(stream: Stream, truth: Division, by: int) -> Division:
    ids = (
        np.r_[np.repeat(truth.ids[:1], by), truth.ids[:-by]]
        if by > 0
        else np.r_[truth.ids[-by:], np.repeat(truth.ids[-1:], -by)]
    )
    return division_of(stream, ids, truth.executions.model.tolist())


@pytest.mark.parametrize("by", [-3, -1, 1, 3])
def test_the_truth_is_described_shorter_than_what_is_shifted(by: int) -> None:
    for stream, truth in (written(some_work(60)), sample(1_500, background=0.0)):
        assert describe(stream, truth) < describe(stream, shifted(stream, truth, by))


def test_the_truth_is_described_shorter_than_one_task() -> None:
    stream, truth = sample(1_500, background=0.0)
    whole = division_of(stream, np.zeros(len(stream.x)), [0])
    one_task = division_of(stream, truth.ids, [0] * len(truth.executions.first))
    assert describe(stream, truth) < min(describe(stream, whole), describe(stream, one_task))


def test_the_truth_is_described_shorter_than_no_tasks() -> None:
    stream, truth = written(some_work(60))
    nothing = replace(truth, ids=np.full_like(truth.ids, -1), path=np.full_like(truth.path, truth.models))
    assert describe(stream, truth) < describe(stream, nothing)


def test_a_record_of_its_own_makes_an_execution_cheaper() -> None:
    pieces = some_work(40)
    with_work = [i + 1 for i, (letters, _) in enumerate(pieces) for _ in letters]
    stream, truth = written(pieces, numbers=with_work)
    across, _ = written(pieces, numbers=[with_work[0], with_work[0], with_work[0], *with_work[:-3]])
    assert describe(stream, truth) < describe(across, truth)


def test_the_numbering_of_activities_does_not_matter() -> None:
    stream, truth = sample()
    codes = np.random.default_rng(1).permutation(stream.n_symbols).astype(np.int32)
    assert describe(replace(stream, x=codes[stream.x]), truth) == pytest.approx(describe(stream, truth), rel=1e-9)


def test_the_numbering_of_models_does_not_matter() -> None:
    stream, truth = sample()
    numbers = np.r_[np.random.default_rng(1).permutation(truth.models), truth.models].astype(np.int16)
    assert describe(stream, replace(truth, path=numbers[truth.path])) == pytest.approx(
        describe(stream, truth), rel=1e-9
    )


def test_a_description_has_a_length() -> None:
    stream, truth = sample(200)
    assert 0 < describe(stream, truth) < 200 * np.log(stream.n_symbols) * 2


# ------------------------------------------------------------------------------------------------------- loops and models
@pytest.mark.parametrize("opening", "abcdef")
def test_a_loop_begins_where_sessions_begin(opening: str) -> None:
    turned = "abcdef"["abcdef".index(opening) :] + "abcdef"[: "abcdef".index(opening)]
    stream = stream_of(turned * 80, opens=list(range(60, 480, 60)))
    whole = division_of(stream, np.cumsum(stream.opens) - 1, [0] * 8)
    cut = cut_loops(stream, whole)
    assert {chr(97 + symbol) for symbol in stream.x[cut.executions.first]} == {opening}
    assert cut.executions.size.tolist() == [6] * 80


def test_what_is_no_loop_is_not_cut() -> None:
    stream, truth = written(some_work(60))
    assert same_divisions(cut_loops(stream, truth).ids, truth.ids)


def test_a_session_begins_where_it_tells_something() -> None:
    stream = stream_of("zabcd" + "abcd" + "yabcd" + "abcd", opens=[9])
    assert first_telling_steps(stream).tolist() == [1, 10]


def test_two_tasks_that_take_turns_are_parted() -> None:
    stream = stream_of("abacbcdefdfe" * 30)
    together = division_of(stream, np.arange(len(stream.x)) // 12, [0] * 30)
    parted = part_models(stream, together)
    assert same_divisions(parted.ids, np.arange(len(stream.x)) // 6)
    assert len(np.unique(parted.path)) == 2


def test_a_task_that_comes_back_to_its_screens_stays_one() -> None:
    place = np.tile([0, 0, 1, 1, 2, 2, 3, 3, 0, 1, 2, 3], 30)
    stream = stream_of("abcdefghijkl" * 30, place=place)
    together = division_of(stream, np.arange(len(stream.x)) // 12, [0] * 30)
    assert part_models(stream, together) is together


def test_parts_of_one_task_are_merged() -> None:
    stream, truth = written([("abcdef", 0), ("ghij", 1), ("klmn", 2), ("abcdef", 0), ("klmn", 2), ("ghij", 1)] * 12)
    halves = truth.ids * 2 + np.isin(stream.x, [3, 4, 5])
    halves = np.unique(halves, return_inverse=True)[1]
    models = [int(3 if stream.x[np.flatnonzero(halves == e)[0]] == 3 else truth.path[np.flatnonzero(halves == e)[0]])
              for e in range(halves.max() + 1)]  # fmt: skip
    merged = merge_models(stream, division_of(stream, halves, models))
    assert same_divisions(merged.ids, truth.ids)


def test_moves_change_nothing_that_is_right() -> None:
    stream, truth = written(some_work(200))
    moves = (merge_models, part_models, split_models, join_pieces, drop_noise)
    for move in (*moves, divide_models, retire_models, chain_executions):
        assert same_divisions(move(stream, truth).ids, truth.ids), move.__name__


def test_two_kinds_of_executions_in_one_model_are_split() -> None:
    stream, truth = written(some_work(60, tasks=2))
    split = split_models(stream, division_of(stream, truth.ids, [0] * 60))
    assert same_divisions(split.ids, truth.ids)
    assert same_divisions(split.path, truth.path)


def test_a_model_of_several_tasks_is_divided() -> None:
    """What comes after x and y depends on the task, so that one model describes both worse."""
    chance = random.Random(1)
    stream, truth = written([chance.choice([("axbycd", 0), ("exfygh", 1)]) for _ in range(120)])
    divided = divide_models(stream, division_of(stream, truth.ids, [0] * 120))
    assert same_divisions(divided.ids, truth.ids)
    assert same_divisions(divided.path, truth.path)


def test_a_model_without_any_order_is_no_task() -> None:
    chance, pieces = random.Random(4), list[tuple[str, int]]()
    for work in some_work(150):
        pieces += [work, ("".join(chance.choices("pqrstuvw", k=chance.randint(1, 12))), 3)]
    stream, everything = written(pieces)
    found, between = retire_models(stream, everything), everything.path == 3
    assert found.models == 3
    assert (found.ids[between] == -1).all()
    assert same_divisions(found.ids[~between], everything.ids[~between])


def halves_and_whole(pause: float) -> tuple[Stream, Division, Division]:
    """Two tasks, a pause of 20 seconds before each execution; halves of the first, `pause` seconds apart; and the truth."""
    stream, truth = written(some_work(120, tasks=2))
    half = np.isin(stream.x, [3, 4, 5])
    gap = np.ones(len(stream.x), np.float32)
    gap[truth.executions.first], gap[stream.x == 3] = 20, pause
    _, first, ids = np.unique(truth.ids * 2 + half, return_index=True, return_inverse=True)
    models = [2 if half[i] else int(truth.path[i]) for i in first]
    stream = replace(stream, gap=gap)
    return stream, division_of(stream, ids, models), truth


def test_pieces_that_come_one_after_the_other_are_chained() -> None:
    stream, halves, truth = halves_and_whole(pause=1)
    assert same_divisions(chain_executions(stream, halves).ids, truth.ids)


def test_nothing_is_chained_over_a_pause_like_those_between_executions() -> None:
    stream, halves, _ = halves_and_whole(pause=20)
    assert chain_executions(stream, halves) is halves


def test_rounds_of_a_loop_are_not_chained() -> None:
    stream, truth = written([("abcdef", 0)] * 60)
    assert chain_executions(stream, truth) is truth


def test_halves_without_a_pause_between_are_not_parted() -> None:
    stream = stream_of("abacbcdefdfe" * 30)
    whole = division_of(stream, np.arange(len(stream.x)) // 12, [0] * 30)
    gap = np.where(np.arange(len(stream.x)) % 12 == 0, 20, 1).astype(np.float32)
    assert part_models(replace(stream, gap=gap), whole) is whole
    gap[6::12] = 20
    assert part_models(replace(stream, gap=gap), whole) is not whole


def test_training_may_begin_with_interruptions_that_were_never_seen() -> None:
    """Trained from pieces, nothing would ever be taken up again."""
    stream, truth = sample(4000, interleaving=0.5, noise=0.0, background=0.0)
    order = np.cumsum(np.r_[True, np.diff(truth.ids) != 0]) - 1
    first = np.unique(order, return_index=True)[1]
    pieces = division_of(stream, order, truth.path[first].tolist())
    plain, found = train(stream, pieces), train_interrupted(stream, pieces)
    assert (found.kinds == RESUME).sum() > 2 * (plain.kinds == RESUME).sum()
    assert describe(stream, found) < describe(stream, plain)


# ------------------------------------------------------------------------------------------------------ pieces and noise
def replies(title: str = "Case {}") -> tuple[Stream, Division, Array]:
    """Cases that are opened and answered much later; the division with question and answer apart, and the truth."""
    rows: list[dict[str, Any]] = []
    truth, apart, models = list[int](), list[int](), list[int]()
    chance = random.Random(3)
    waiting: list[int] = []

    def do(elements: str, case: int, model: int) -> None:
        for letter in elements:
            rows.append({"element_name": letter * 3, "window_title": title.format(500 + case)})
            truth.append(case)
            apart.append(len(models))
        models.append(model)

    for case in range(60):
        if case % 2:
            do("abcdefgh", case, 0)
            waiting.append(case)
        else:
            do("klmn", case, 1)
        if len(waiting) > 4:
            do("xyw", waiting.pop(chance.randrange(2)), 2)
    steps = tk.name_activities(make_events(rows)).filter("step").sort("seq")
    stream = encode(steps)
    return stream, division_of(stream, apart, models), np.array(truth)


def test_an_answer_hours_later_is_joined_by_its_record() -> None:
    stream, apart, truth = replies()
    joined = join_pieces(stream, apart)
    assert same_divisions(joined.ids, truth)
    assert not same_divisions(apart.ids, truth)


def test_a_date_joins_nothing() -> None:
    """The same work in another order of things: titles show the day, which is the same in many executions."""
    rows = [{"element_name": letter * 3, "window_title": f"Journal {1 + piece // 10}.3."}
            for piece in range(100) for letter in ("abcd" if piece % 3 else "klmn")]  # fmt: skip
    stream = encode(tk.name_activities(make_events(rows)).filter("step").sort("seq"))
    truth = division_of(stream, np.arange(400) // 4, [0 if piece % 3 else 1 for piece in range(100)])
    assert join_pieces(stream, truth) is truth


def test_without_records_nothing_far_apart_is_joined() -> None:
    stream, apart, _ = replies("Case")
    joined = join_pieces(stream, apart)
    session = np.arange(len(stream.x))
    for execution in range(int(joined.ids.max()) + 1):
        assert np.ptp(session[joined.ids == execution]) < 16


def test_activities_that_come_anywhere_are_noise() -> None:
    chance, parts = random.Random(6), list[tuple[str, int, int]]()
    for n in range(120):
        letters, task = chance.choice([("abcdefghijkl", 0), ("mnopqrstuvwx", 1)])
        for noise in "yz":
            if chance.random() < 0.2:
                place = chance.randint(1, len(letters) - 1)
                letters = letters[:place] + noise + letters[place:]
        parts.append((letters, n, task))
    stream, everything = in_parts(parts)
    found, noise = drop_noise(stream, everything), stream.x >= 24
    assert (found.ids[noise] == -1).all()
    assert (found.ids[~noise] == everything.ids[~noise]).all()


# ------------------------------------------------------------------------------------------------- the whole of the method
def test_first_divisions_are_divisions() -> None:
    stream, _ = sample(600)
    for division in (division for view in first_divisions(stream, 0) for division in view):
        assert len(division.ids) == len(division.path) == len(stream.x)
        assert (np.unique(division.ids[division.ids >= 0]) == np.arange(division.ids.max() + 1)).all()
        assert division.path.max() <= division.models
        assert np.isfinite(division.length)


@pytest.mark.parametrize("seed", range(4))
def test_fitting_finds_what_was_done(seed: int) -> None:
    stream, truth = written(some_work(100, seed=seed))
    assert same_divisions(mixture.fit(stream).ids, truth.ids)


def test_fitting_finds_most_beginnings_of_a_synthetic_stream() -> None:
    stream, truth = sample(1_500, noise=0.02, seed=0)
    found, true = (set(division.executions.first.tolist()) for division in (mixture.fit(stream), truth))
    assert 2 * len(found & true) > 0.75 * (len(found) + len(true))


def test_fitting_is_the_same_every_time() -> None:
    stream, _ = sample(500)
    first, again = mixture.fit(stream, 3), mixture.fit(stream, 3)
    assert (first.ids == again.ids).all()
    assert (first.path == again.path).all()


def test_a_sample_has_sessions_from_their_beginning() -> None:
    stream, _ = written(some_work(200), opens=list(range(50, 800, 50)))
    kept, session = mixture.sample_sessions(stream, 0, 120), np.cumsum(stream.opens)
    assert 120 <= kept.sum() < 240
    for s in np.unique(session):
        assert (np.diff(kept[session == s].astype(int)) <= 0).all()


def test_a_log_larger_than_the_sample_is_divided_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = some_work(200)
    ends = np.cumsum([len(letters) for letters, _ in pieces])
    stream, truth = written(pieces, opens=ends[9:-1:10].tolist())
    whole = mixture.fit(stream)
    monkeypatch.setattr(mixture, "SAMPLE_STEPS", 300)
    part = mixture.fit(stream)
    assert same_divisions(whole.ids, truth.ids)
    assert len(set(part.executions.first.tolist()) & set(whole.executions.first.tolist())) > 0.97 * len(
        whole.executions.first
    )


def test_models_are_learnt_from_more_than_the_sample_their_tasks_were_found_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = some_work(200)
    ends = np.cumsum([len(letters) for letters, _ in pieces])
    stream, _ = written(pieces, opens=ends[9:-1:10].tolist())
    monkeypatch.setattr(mixture, "SAMPLE_STEPS", 100)
    learnt, division, final = mixture.settle(stream, 0)
    assert (learnt is stream, final) == (True, False)
    assert len(division.ids) == len(stream.x)
    monkeypatch.setattr(mixture, "LEARNT_STEPS", 200)
    learnt, division, final = mixture.settle(stream, 0)
    assert 200 <= len(learnt.x) == len(division.ids) < 300
    assert not final
    assert len(mixture.fit(stream).ids) == len(stream.x)


def test_a_part_of_a_stream_is_the_stream_of_the_part() -> None:
    stream, _ = written(
        some_work(30), opens=[50], numbers=[1 + i // 7 for i in range(sum(len(p) for p, _ in some_work(30)))]
    )
    keep = np.arange(len(stream.x)) >= 50
    part = stream.part(keep)
    assert part.opens[0]
    assert (part.x == stream.x[50:]).all()
    assert part.records.before.max() < len(part.x)


def test_groups_of_few_kinds_are_the_same_every_time():
    kinds = [np.random.default_rng(0).choice(900, 8, replace=False) for _ in range(3)]
    steps = np.concatenate([kinds[n % 3] for n in range(3000)])
    stream: Any = SimpleNamespace(x=steps, n_symbols=900)
    found = [cluster(stream, np.repeat(np.arange(3000), 8), 3, 0).tolist() for _ in range(4)]
    assert found[0] == found[1] == found[2] == found[3]
    assert all(len({*found[0][first::3]}) == 1 for first in range(3))  # equal ones stay together
