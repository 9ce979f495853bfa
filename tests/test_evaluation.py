"""How well segments and tasks agree with a labelled log."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import taskkit as tk
from taskkit.errors import ContractError

BENCH = Path(__file__).parents[2] / "shared" / "bench"


def labelled(found: list[int | None], true: list[int | None]) -> pl.DataFrame:
    rows = {"user": "p", "session_id": "s", "seq": range(len(found)), "segment_id": found, "true_segment": true}
    return pl.DataFrame(rows, schema_overrides={"segment_id": pl.UInt32, "true_segment": pl.Int64})


def score(found: list[int | None], true: list[int | None]) -> dict[str, float]:
    return dict(tk.score_segments(labelled(found, true)).select("metric", "value").iter_rows())


def test_the_truth_scores_full_marks() -> None:
    assert score([0, 0, 1, 1, None], [5, 5, 6, 6, None]) == {
        "segment_f1": 1.0, "boundary_f1": 1.0, "boundary_f1_tolerant": 1.0, "window_diff": 0.0
    }  # fmt: skip


def test_one_segment_for_all_scores_nothing() -> None:
    scores = score([0] * 20, [i // 4 for i in range(20)])
    assert (scores["segment_f1"], scores["boundary_f1"]) == (0.0, 0.0)


def test_a_boundary_off_by_one_counts_only_with_tolerance() -> None:
    scores = score([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1])
    assert (scores["boundary_f1"], scores["boundary_f1_tolerant"]) == (0.0, 1.0)


def test_interrupted_segments_are_matched_as_sets() -> None:
    assert score([0, 1, 0], [0, 1, 0])["segment_f1"] == 1.0


def test_the_same_grouping_under_other_names_scores_one() -> None:
    frame = pl.DataFrame({"task_id": ["a", "b", "b", None], "true_task": ["x", "y", "y", None]})
    assert tk.score_tasks(frame)["value"].to_list() == pytest.approx([1.0, 1.0])


def test_grouping_by_chance_scores_about_nothing() -> None:
    chance = np.random.default_rng(1)
    frame = pl.DataFrame({"task_id": chance.integers(0, 4, 5000), "true_task": chance.integers(0, 4, 5000)}).cast(
        pl.String
    )
    assert abs(tk.score_tasks(frame)["value"][0]) < 0.01


def test_a_log_without_labels_is_refused() -> None:
    with pytest.raises(ContractError, match="true_segment"):
        tk.score_segments(labelled([0], [0]).drop("true_segment"))


@pytest.mark.skipif(not (BENCH / "score.py").exists(), reason="the labelled logs are not beside this checkout")
def test_our_metrics_are_those_of_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    sys.modules.pop("score", None)
    import score as reference  # type: ignore[import-not-found]

    chance = np.random.default_rng(3)
    true = np.repeat(np.arange(60), chance.integers(1, 12, 60)).tolist()
    found = [None if chance.random() < 0.1 else int(t + (chance.random() < 0.05)) for t in true]
    ours = score(found, true)
    assert ours["segment_f1"] == pytest.approx(reference.segment_f1(found, true))
    assert ours["boundary_f1"] == pytest.approx(reference.boundary_f1(found, true))
    assert ours["boundary_f1_tolerant"] == pytest.approx(reference.boundary_f1(found, true, 2))
    assert ours["window_diff"] == pytest.approx(reference.window_diff(found, true))
