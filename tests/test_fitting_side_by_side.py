"""Task models are fitted side by side in threads: the same models, whatever the number of threads."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import taskkit as tk
from taskkit.samples.streams import make_stream
from taskkit.segments import fitted, threads, training
from taskkit.segments.starts import cluster
from taskkit.segments.streams import Division, encode


@pytest.fixture(scope="module")
def steps() -> pl.DataFrame:
    """Steps of a stream with noise and interleaving."""
    return tk.name_activities(make_stream(4_000, noise=0.1, interleaving=0.1, seed=3)[0]).filter("step")


def _with(many: int, monkeypatch: pytest.MonkeyPatch, run: Callable[[], object]) -> object:
    monkeypatch.setattr(threads.pl, "thread_pool_size", lambda: many)
    return run()


def test_models_and_labels_do_not_depend_on_the_number_of_threads(
    steps: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for many in (1, 2, 5):
        models, labels = _with(many, monkeypatch, lambda: fitted.fit_steps(steps, seed=1))
        found.append((models.to_bytes(), labels.hash_rows().to_list()))
    assert found[0] == found[1] == found[2]


def test_one_thread_starts_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    own = threading.get_ident()
    assert _with(1, monkeypatch, lambda: {*threads.in_threads(lambda _: threading.get_ident(), range(4))}) == {own}
    assert own not in _with(2, monkeypatch, lambda: {*threads.in_threads(lambda _: threading.get_ident(), range(4))})


def test_what_is_not_asked_for_any_more_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    def work() -> object:
        for item, _ in threads.in_turn(lambda item: begun.append(item), range(9)):
            if item == 2:
                return item
        return None

    assert _with(2, monkeypatch, work) == 2
    assert sorted(begun) == [0, 1, 2, 3]


def test_training_that_goes_round_in_a_circle_ends_as_it_would_without_a_memory(
    steps: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = encode(steps)
    begun = Division(np.zeros(len(stream.x), np.int16), stream.opens.astype(np.int8), np.cumsum(stream.opens) - 1, 1)
    quick = training.train(stream, begun, 40)
    asked: list[bool] = []
    monkeypatch.setattr(training, "_same", lambda *_: bool(asked.append(True)))
    slow = training.train(stream, begun, 40)
    assert asked
    for name in ("ids", "path", "kinds"):
        assert np.array_equal(getattr(quick, name), getattr(slow, name))


def test_groups_that_warn_leave_the_warnings_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = encode(tk.name_activities(make_stream(600, seed=3)[0]).filter("step"))
    ids = np.arange(len(stream.x)) % 40
    same = replace(stream, x=np.arange(len(stream.x), dtype=np.int32) % 2)
    before = [*warnings.filters]
    found = _with(8, monkeypatch, lambda: threads.in_threads(lambda n: cluster(same, ids, 12, n), range(200)))
    assert len(found) == 200
    assert warnings.filters == before
