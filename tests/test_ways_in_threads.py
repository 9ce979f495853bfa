"""Ways are hashed block by block on several threads: neither blocks nor threads nor the shape of the column change one."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from taskkit.variants import count_variants
from taskkit.variants.ways import Ways, find_ways, read_steps

LEVELS = ("action", "activity")
TEXTS = pl.List(pl.String)
SCHEMA: dict[str, pl.DataType] = {
    "task_id": pl.String(), "user": pl.String(), "activities": TEXTS, "active_seconds": pl.Float64(),
}  # fmt: skip
COUNT_THREADS = """
import sys, threading
import polars as pl
from taskkit.variants import count_variants, ways
segments = pl.DataFrame({"task_id": "T01", "user": "p_1", "activities": [["a", "b"], ["b"]] * 200, "active_seconds": 1.0})
count_variants(segments, level="action", rare=0)
ways._BLOCK, started, begin = 4, [], threading.Thread.start
threading.Thread.start = lambda thread: (started.append(thread), begin(thread))
assert count_variants(segments, level="action", rare=0)["segments"].to_list() == [200, 200]
print(len(started))
"""


def drawn(rows: int, *, seed: int = 1, empty: float = 0.1) -> pl.DataFrame:
    """Segments with few different steps, of which some have no task, no list or no step."""
    rng = np.random.default_rng(seed)
    lists = [[f"step {n}" for n in rng.integers(0, 4, rng.integers(0, 6))] for _ in range(rows)]
    return pl.DataFrame({
        "task_id": [None if rng.random() < empty else f"T{rng.integers(1, 4):02d}" for _ in range(rows)],
        "user": [f"p_{rng.integers(1, 4)}" for _ in range(rows)],
        "activities": [None if rng.random() < empty / 2 else steps for steps in lists],
        "active_seconds": rng.integers(0, 99, rows).astype(float),
    }, schema=SCHEMA)  # fmt: skip


def done(*lists: list[str] | None) -> pl.DataFrame:
    """Segments of one task with these steps."""
    return pl.DataFrame({"task_id": "T01", "user": "p_1", "activities": pl.Series(lists, dtype=TEXTS),
                         "active_seconds": 1.0}, schema=SCHEMA)  # fmt: skip


SHAPES = {
    "many": drawn(900),
    "a slice": drawn(900)[301:620],
    "chunks that are slices": pl.concat([drawn(400)[7:305], drawn(9)[:0], drawn(300, seed=2)[1:]], rechunk=False),
    "without nulls": drawn(900, empty=0),
    "as numbers": drawn(900).cast({"activities": pl.List(pl.Categorical)}),
    "a list longer than a block": done(["a"], ["b", "c"] * 200, ["a"], [], ["b", "c"] * 200),
    "empty lists alone": done([], [], []),
    "empty lists at both ends": done([], ["a"], []),
    "no list": done(None, None),
    "one row": done(["a", "a", "b"]),
    "no row": drawn(0),
}


def assert_same(ways: Ways, others: Ways) -> None:
    for name, one, other in zip(Ways._fields, ways, others, strict=True):
        if isinstance(one, pl.DataFrame | pl.Series):
            assert one.equals(other), name  # type: ignore[arg-type]  # both are of the same field
        else:
            np.testing.assert_array_equal(one, other, err_msg=name)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("segments", SHAPES.values(), ids=SHAPES)
def test_hashed_texts_give_the_ways_that_every_step_gives(
    monkeypatch: pytest.MonkeyPatch, segments: pl.DataFrame, threads: int, level: str
) -> None:
    monkeypatch.setattr("taskkit.variants.ways._BLOCK", 50)
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    step_by_step = find_ways(segments, level=level, rare=0, steps=read_steps(segments, level=level))
    assert_same(find_ways(segments, level=level, rare=0), step_by_step)


@pytest.mark.parametrize("level", LEVELS)
def test_the_size_of_a_block_changes_nothing(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    whole = count_variants(drawn(900), level=level, rare=0)
    for size in (1, 7, 333):
        monkeypatch.setattr("taskkit.variants.ways._BLOCK", size)
        assert_frame_equal(count_variants(drawn(900), level=level, rare=0), whole)


@pytest.mark.parametrize("place", [0, 500, 899])
def test_a_step_without_a_name_is_no_step_whichever_block_it_is_in(monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    monkeypatch.setattr("taskkit.variants.ways._BLOCK", 50)
    lists = drawn(900, empty=0)["activities"].to_list()
    nameless = [[None, *steps] if row == place else steps for row, steps in enumerate(lists)]
    absent = drawn(900, empty=0).with_columns(activities=pl.Series(nameless, dtype=TEXTS))
    counted = count_variants(absent, level="action", rare=0)
    assert_frame_equal(counted, count_variants(drawn(900, empty=0), level="action", rare=0))


@pytest.mark.parametrize(("threads", "started"), [(1, 0), (2, 2)])
def test_a_process_with_one_thread_starts_no_other(threads: int, started: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", COUNT_THREADS], env={"POLARS_MAX_THREADS": str(threads)}, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.stdout.split() == [str(started)], ran.stderr
