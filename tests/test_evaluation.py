"""How well segments and tasks agree with a labelled log."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import taskkit as tk
from taskkit.errors import ContractError, SettingError
from taskkit.evaluation.agreement import compare_segmentations, list_differences
from taskkit.evaluation.calibration import judge_boundaries, judge_segments, measure_calibration

UNTIMED = settings(deadline=None, max_examples=60)  # the first call loads polars' and scipy's parts
BENCH = Path(__file__).parents[2] / "shared" / "bench"
LABELS = st.lists(st.tuples(*[st.one_of(st.none(), st.integers(0, 4))] * 2), min_size=1, max_size=30)


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


# ------------------------------------------------------------------------------- against definitions written out plainly
def sets_of(labels: list[int | None]) -> list[frozenset[int]]:
    return [frozenset(i for i, x in enumerate(labels) if x == k) for k in dict.fromkeys(labels) if k is not None]


def both(pairs: list[tuple[int | None, int | None]]) -> tuple[list[int | None], list[int | None]]:
    return [p[0] for p in pairs], [p[1] for p in pairs]


def ratio(hits: int, found: int, true: int) -> float:
    precision, recall = hits / max(found, 1), hits / max(true, 1)
    return 2 * precision * recall / (precision + recall) if hits else 0.0


@UNTIMED
@given(LABELS)
def test_segment_f1_is_that_of_sets_with_enough_in_common(pairs: list[tuple[int | None, int | None]]) -> None:
    found, true = both(pairs)
    ours, theirs = sets_of(found), sets_of(true)
    hits = sum(len(a & b) / len(a | b) >= 0.8 for a in ours for b in theirs)  # above one half a partner is the only one
    assert score(found, true)["segment_f1"] == pytest.approx(ratio(hits, len(ours), len(theirs)))


@UNTIMED
@given(LABELS)
def test_boundary_f1_is_that_of_the_first_rows(pairs: list[tuple[int | None, int | None]]) -> None:
    found, true = both(pairs)
    ours, theirs = ({min(rows) for rows in sets_of(labels)} - {0} for labels in (found, true))
    assert score(found, true)["boundary_f1"] == pytest.approx(ratio(len(ours & theirs), len(ours), len(theirs)))


@UNTIMED
@given(LABELS)
def test_adjusted_rand_is_that_of_all_pairs_of_rows(pairs: list[tuple[int | None, int | None]]) -> None:
    found, true = both(pairs)
    same = [(found[i] == found[j], true[i] == true[j]) for i, j in itertools.combinations(range(len(pairs)), 2)]
    agree, one, two = sum(a and b for a, b in same), sum(a for a, _ in same), sum(b for _, b in same)
    expected = one * two / len(same) if same else 0
    wanted = (agree - expected) / ((one + two) / 2 - expected) if (one + two) / 2 != expected else 1.0
    frame = pl.DataFrame({"task_id": found, "true_task": true}, schema={"task_id": pl.Int64, "true_task": pl.Int64})
    assert tk.score_tasks(frame)["value"][0] == pytest.approx(wanted)


@UNTIMED
@given(LABELS)
def test_window_diff_counts_windows_with_another_number_of_beginnings(
    pairs: list[tuple[int | None, int | None]],
) -> None:
    found, true = both(pairs)
    ours, theirs = ({min(rows) for rows in sets_of(labels)} - {0} for labels in (found, true))
    value = score(found, true)["window_diff"]
    if not sets_of(true):
        assert np.isnan(value)
        return
    k = min(max(2, round(len(true) / len(sets_of(true)) / 2)), len(true))
    # a window of k rows has k - 1 places between rows
    windows = [range(i + 1, i + k) for i in range(len(true) - k + 1)]
    assert value == pytest.approx(np.mean([len(ours & set(w)) != len(theirs & set(w)) for w in windows]))


def test_the_edit_distance_counts_rows_to_change() -> None:
    frame = labelled([0, 0, 0, 1, 1], [0, 0, 1, 1, 1]).with_columns(activity=pl.Series(list("abcde")))
    # "abc" is one step longer than "ab"; "de" is one step short of "cde"
    assert tk.score_segments(frame, tokens="activity")["value"][4] == pytest.approx((1 / 3 + 1 / 3) / 2)


def test_the_edit_distance_of_the_truth_is_nothing() -> None:
    frame = labelled([0, 1, 0, None], [0, 1, 0, None]).with_columns(activity=pl.Series(["a", None, "c", "d"]))
    assert tk.score_segments(frame, tokens="activity").row(4)[:2] == ("edit_distance", 0.0)


def test_settings_out_of_range_are_listed() -> None:
    with pytest.raises(SettingError, match=r"iou=0.*tolerance=-1"):
        tk.score_segments(labelled([0], [0]), iou=0, tolerance=-1)


def test_a_log_without_rows_has_no_scores() -> None:
    assert score([], [])["segment_f1"] == 0.0
    assert tk.score_tasks(pl.DataFrame({"task_id": [], "true_task": []}))["value"].to_list() == [1.0, 1.0]


@pytest.mark.skipif(not (BENCH / "logs").exists(), reason="the labelled logs are not beside this checkout")
@pytest.mark.parametrize("name", ["mix_noise25", "office50_real_time", "cpn5"])
def test_labelled_logs_get_the_benchmarks_scores(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    sys.modules.pop("score", None)
    import score as reference  # type: ignore[import-not-found,unused-ignore]

    log = pl.read_parquet(BENCH / "logs" / f"{name}.parquet").sort("seq")
    noise = (pl.col("true_task") == "NOISE").fill_null(False)
    chance = np.random.default_rng(5)
    said = pl.format("{}|{}|{}", "event_type", "app", pl.col("element").fill_null("").str.replace_all("[0-9]", ""))
    log = log.with_columns(
        true_segment=pl.when(~noise).then("true_segment"), session_id=pl.lit("s"), said=said.fill_null(""),
        segment_id=((pl.col("true_segment").rle_id() + pl.Series(chance.random(log.height) < 0.01).cum_sum()) // 2),
    )  # fmt: skip
    found, true = log["segment_id"].to_list(), log["true_segment"].to_list()
    ours = dict(tk.score_segments(log, tokens="said").select("metric", "value").iter_rows())
    assert ours["segment_f1"] == pytest.approx(reference.segment_f1(found, true))
    assert ours["boundary_f1"] == pytest.approx(reference.boundary_f1(found, true))
    assert ours["boundary_f1_tolerant"] == pytest.approx(reference.boundary_f1(found, true, 2))
    assert ours["window_diff"] == pytest.approx(reference.window_diff(found, true))
    assert ours["edit_distance"] == pytest.approx(reference.edit_distance(found, true, log["said"].to_list()))


@pytest.mark.skipif(not (BENCH / "score.py").exists(), reason="the labelled logs are not beside this checkout")
def test_groupings_get_the_benchmarks_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(str(BENCH))
    sys.modules.pop("score", None)
    import score as reference  # type: ignore[import-not-found,unused-ignore]

    chance = np.random.default_rng(6)
    found = [None if k == 0 else f"T{k}" for k in chance.integers(0, 5, 400)]
    true = [None if k == 0 else f"t{k}" for k in chance.integers(0, 6, 400)]
    ours = tk.score_tasks(pl.DataFrame({"task_id": found, "true_task": true}))["value"].to_list()
    assert ours == pytest.approx(list(reference.grouping(found, true).values()))


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


# ------------------------------------------------------------------------------------------------- two segmentations
def two(a: list[int | None], b: list[int | None]) -> tuple[pl.DataFrame, pl.DataFrame]:
    frame = labelled(a, b).with_columns(
        timestamp=pl.datetime_range(pl.datetime(2026, 3, 2), pl.datetime(2026, 3, 3), "1s", eager=True, time_zone="UTC")[: len(a)],
        active_seconds=pl.lit(1.0),
    )  # fmt: skip
    return frame.drop("true_segment"), frame.select(
        pl.exclude("segment_id", "true_segment"), segment_id=pl.Series(b, dtype=pl.UInt32)
    )


def agreement(a: list[int | None], b: list[int | None]) -> dict[str, float]:
    return dict(compare_segmentations(*two(a, b)).select("metric", "value").iter_rows())


def places(a: list[int | None], b: list[int | None], **given: Any) -> list[tuple[Any, ...]]:
    found = list_differences(*two(a, b), **given)
    return found.select("difference", "segments_a", "segments_b", "rows").rows()


@UNTIMED
@given(LABELS)
def test_a_segmentation_agrees_with_itself(pairs: list[tuple[int | None, int | None]]) -> None:
    a, _ = both(pairs)
    scores = agreement(a, [None if x is None else x + 10 for x in a])
    assert (scores["same_rows"], scores["adjusted_rand"]) == (1.0, 1.0)
    assert places(a, [None if x is None else x + 10 for x in a]) == []


@UNTIMED
@given(LABELS)
def test_agreement_is_the_same_both_ways(pairs: list[tuple[int | None, int | None]]) -> None:
    a, b = both(pairs)
    here, there = agreement(a, b), agreement(b, a)
    for metric in ("adjusted_rand", "identical_segments", "boundary_f1"):
        assert here[metric] == pytest.approx(there[metric])


@UNTIMED
@given(LABELS, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_the_places_hold_every_row_that_differs_once(
    pairs: list[tuple[int | None, int | None]], overlap: float
) -> None:
    a, b = both(pairs)
    rows = sum(place[3] for place in places(a, b, overlap=overlap))
    assert rows == round((1 - agreement(a, b)["same_rows"]) * len(a))


def test_identical_segments_are_counted_on_both_sides() -> None:
    assert agreement([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 1, 1])["identical_segments"] == pytest.approx(2 / 5)


@pytest.mark.parametrize(
    ("a", "b", "difference"),
    [
        ([0, 0, 0, 0], [0, 0, 0, 1], "divided in b"),
        ([0, 0, 0, 1], [0, 0, 0, 0], "joined in b"),
        ([0, 0, None, None], [None] * 4, "only in a"),
        ([None] * 4, [None, 0, 0, 0], "only in b"),
        ([0, 0, 0, None], [0, 0, None, None], "other limits"),
        ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2], "divided otherwise"),
    ],
)
def test_a_place_says_what_the_difference_is(a: list[int | None], b: list[int | None], difference: str) -> None:
    assert [place[0] for place in places(a, b)] == [difference]


def test_a_limit_off_by_a_row_does_not_make_one_place_of_a_day() -> None:
    a, b = [i // 20 for i in range(200)], [max(0, i - 1) // 20 for i in range(200)]
    assert [place[1:] for place in places(a, b)] == [([k], [k], 1) for k in range(1, 10)]


def test_the_most_time_comes_first() -> None:
    found = list_differences(*two([0] * 4 + [1] * 10, [0] * 3 + [1] + [2] * 5 + [3] * 5))
    assert found["active_seconds"].to_list() == sorted(found["active_seconds"].to_list(), reverse=True)
    assert found["segments_a"].to_list() == [[1], [0]]


def test_the_order_of_rows_does_not_matter_to_an_agreement() -> None:
    a, b = two([0, 0, 1, 1, 2, None], [0, 1, 1, 1, None, 2])
    mixed = a.sample(fraction=1, shuffle=True, seed=2), b.sample(fraction=1, shuffle=True, seed=3)
    assert compare_segmentations(*mixed).equals(compare_segmentations(a, b))
    assert list_differences(*mixed).equals(list_differences(a, b))


def test_frames_of_other_rows_are_refused() -> None:
    a, b = two([0, 0, 1], [0, 1, 1])
    with pytest.raises(ContractError, match="1 are only in a, 0 only in b"):
        compare_segmentations(a, b.head(2))


def test_logs_without_rows_have_no_differences() -> None:
    assert places([], []) == []
    assert np.isnan(agreement([], [])["same_rows"])


# -------------------------------------------------------------------------------------------------------- calibration
def test_segments_are_judged_by_their_overlap() -> None:
    judged = judge_segments(labelled([0, 0, 0, 1, 1, None], [5, 5, 5, 6, 7, 7]))
    assert judged.select("segment_id", "rows", "right").rows() == [(0, 3, True), (1, 2, False)]


@UNTIMED
@given(LABELS)
def test_judged_segments_and_beginnings_are_those_of_the_scores(pairs: list[tuple[int | None, int | None]]) -> None:
    found, true = both(pairs)
    frame, scores = labelled(found, true), score(found, true)
    segments, starts = judge_segments(frame), judge_boundaries(frame)
    n_true, begun = len(sets_of(true)), len({min(rows) for rows in sets_of(true)} - {0})
    assert scores["segment_f1"] == pytest.approx(ratio(segments["right"].sum(), segments.height, n_true))
    assert scores["boundary_f1"] == pytest.approx(ratio(starts["right"].sum(), starts.height, begun))


def test_what_is_right_as_often_as_it_says_has_a_small_error() -> None:
    chance = np.random.default_rng(8)
    sure = chance.random(20_000)
    judged = pl.DataFrame({"segment_confidence": sure, "right": chance.random(20_000) < sure})
    table = measure_calibration(judged)
    assert table["error"][-1] < 0.02
    assert (table["low"] <= table["share_right"]).all()
    assert (table["share_right"] <= table["high"]).all()


def test_overconfidence_shows() -> None:
    judged = pl.DataFrame({"segment_confidence": [0.95] * 100, "right": [True] * 60 + [False] * 40})
    assert measure_calibration(judged)["error"].to_list() == pytest.approx([0.35, 0.35])


def test_wilson_limits_are_those_of_the_literature() -> None:
    # 15 of 20: 0.531 to 0.888
    judged = pl.DataFrame({"segment_confidence": [0.5] * 20, "right": [True] * 15 + [False] * 5})
    assert measure_calibration(judged).select("low", "high").row(0) == pytest.approx((0.5313, 0.8881), abs=1e-4)


@UNTIMED
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40), st.integers(1, 12))
def test_every_row_is_in_one_bin(rows: list[tuple[float, bool]], bins: int) -> None:
    judged = pl.DataFrame(rows, schema={"segment_confidence": pl.Float64, "right": pl.Boolean}, orient="row")
    table = measure_calibration(judged, bins=bins)
    assert table["bin"].n_unique() == table.height <= bins + 1
    assert table["n"][:-1].sum() == table["n"][-1] == len(rows)


def test_people_are_counted_where_they_are_known() -> None:
    judged = pl.DataFrame(
        {"user": ["a", "a", "b"], "segment_confidence": [0.1, 0.9, 0.9], "right": [False, True, True]}
    )
    assert measure_calibration(judged, bins=2)["people"].to_list() == [1, 2, 2]


def test_without_any_confidence_there_is_only_an_empty_sum() -> None:
    table = measure_calibration(judge_boundaries(labelled([0, 1], [0, 1])), confidence="boundary_confidence")
    assert table.select("bin", "n", "share_right", "error").rows() == [("all", 0, None, None)]


def test_a_confidence_beyond_one_is_refused() -> None:
    with pytest.raises(ContractError, match="1 values outside 0 to 1"):
        measure_calibration(pl.DataFrame({"segment_confidence": [1.5], "right": [True]}))
