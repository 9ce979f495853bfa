"""Groups side by side: what is called a difference, and what is not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from taskkit.comparison import MEASURES, compare
from taskkit.errors import ContractError, SettingError


def make_segments(people: Sequence[tuple[str, str, Sequence[float]]], task: str = "T01") -> pl.DataFrame:
    """One row per figure of each (user, team, figures)."""
    rows = [(user, team, float(figure)) for user, team, figures in people for figure in figures]
    frame = pl.DataFrame(rows, schema=["user", "team", "active_seconds"], orient="row")
    return frame.with_columns(
        segment_id=pl.int_range(pl.len(), dtype=pl.UInt32), task_id=pl.lit(task), task_name=pl.lit(f"Task {task}"),
        fragments=pl.lit(1), steps=pl.lit(7), switches=pl.lit(2), activities=pl.lit(["type into Name", "paste into Name"]),
        variant_id=pl.when(pl.col("active_seconds") > 100).then(pl.lit("T01-V01")).otherwise(pl.lit("T01-V02")),
    )  # fmt: skip


def simulate(random: np.random.Generator, shift: float = 0.0, people: int = 6, times: int = 20) -> pl.DataFrame:
    """Two teams of people with their own pace; the second team is slower by `shift` (log seconds)."""
    return make_segments([
        (f"{team}{number}", team, np.exp(random.normal(random.normal(4.8, 0.25) + shift * (team == "b"), 0.45, times)))
        for team in "ab" for number in range(people)
    ])  # fmt: skip


def test_a_value_is_the_mean_over_people_of_each_persons_median() -> None:
    segments = make_segments([("p1", "a", [10, 20, 900]), ("p2", "a", [40]), ("p3", "b", [50]), ("p4", "b", [70, 90])])
    row = compare(segments, measures=["active_seconds"], min_people=2).row(0, named=True)
    assert (row["value_a"], row["value_b"], row["difference"]) == (30.0, 65.0, 35.0)
    assert (row["segments_a"], row["segments_b"], row["people_a"], row["people_b"]) == (4, 3, 2, 2)


def test_no_difference_is_called_one_no_oftener_than_it_may() -> None:
    random = np.random.default_rng(7)
    p_values = [
        compare(simulate(random), measures=["active_seconds"], permutations=199)["p_value"].item() for _ in range(200)
    ]
    assert 0.005 <= np.mean(np.array(p_values) <= 0.05) <= 0.08


def test_a_planted_difference_is_found() -> None:
    row = compare(simulate(np.random.default_rng(3), shift=0.9), measures=["active_seconds"]).row(0, named=True)
    assert row["p_value"] < 0.01
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert "rarely" in row["sentence"]


def test_too_few_people_is_a_sentence_instead_of_a_figure() -> None:
    segments = make_segments([(f"p{i}", "a" if i < 5 else "b", [30, 40]) for i in range(9)])
    result = compare(segments)
    figures = result.select("value_a", "value_b", "difference", "low", "high", "p_value", "p_adjusted")
    assert figures.null_count().row(0) == (len(MEASURES),) * 7
    assert all("too few people" in sentence and "4 people" not in sentence for sentence in result["sentence"])


def test_the_variant_measure_is_the_share_of_the_tasks_most_frequent_variant() -> None:
    segments = make_segments(
        [("p1", "a", [200, 10, 10]), ("p2", "a", [10]), ("p3", "b", [200]), ("p4", "b", [10, 200])]
    )
    row = compare(segments, measures=["variant"], min_people=2).row(0, named=True)
    assert (row["value_a"], row["value_b"]) == (pytest.approx((2 / 3 + 1) / 2), pytest.approx(0.25))


def test_a_measure_that_the_segments_do_not_hold_is_said_to_be_missing() -> None:
    segments = make_segments([(f"p{i}", "ab"[i % 2], [30]) for i in range(10)]).drop("fragments")
    row = compare(segments, measures=["interrupted"]).row(0, named=True)
    assert row["difference"] is None
    assert "no 'fragments'" in row["sentence"]


def test_people_in_both_groups_are_compared_with_themselves() -> None:
    pace = np.linspace(50, 500, 8)
    before = [(f"p{i}", "before", [p]) for i, p in enumerate(pace)]
    after = [(f"p{i}", "later", [p + 5 + i]) for i, p in enumerate(pace)]
    row = compare(make_segments([*before, *after]), measures=["active_seconds"]).row(0, named=True)
    assert row["p_value"] < 0.03  # between different people a shift of 8 s in 450 s could not be told from chance
    assert (row["low"] > 5, row["high"] < 12) == (True, True)


def test_the_result_depends_neither_on_row_order_nor_on_the_other_tasks() -> None:
    one = simulate(np.random.default_rng(1))
    other = make_segments([(f"q{i}", "ab"[i % 2], [30, 60]) for i in range(12)], task="T02")
    both = pl.concat([one, other.with_columns(pl.col("segment_id") + one.height)])
    alone = compare(one).drop("p_adjusted", "sentence")
    shuffled = compare(both.sample(fraction=1.0, shuffle=True, seed=5)).drop("p_adjusted", "sentence")
    assert shuffled.filter(pl.col("task_id") == "T01").equals(alone)


def test_p_values_are_adjusted_over_the_tasks_of_a_measure() -> None:
    segments = pl.concat([
        simulate(np.random.default_rng(n), shift=0.3).with_columns(task_id=pl.lit(f"T{n}"), segment_id=pl.lit(n * 1000, pl.UInt32))
        for n in range(4)
    ])  # fmt: skip
    result = compare(segments, measures=["active_seconds", "variant"]).filter(pl.col("measure") == "active_seconds")
    p, n = result["p_value"].to_numpy(), result.height
    wanted = [min(1.0, min(q * n / int((p <= q).sum()) for q in p if q >= one)) for one in p]
    assert n == 4
    assert result["p_adjusted"].to_list() == pytest.approx(wanted)


def test_typing_instead_of_pasting_is_compared() -> None:
    segments = make_segments([(f"p{i}", "a" if i < 5 else "b", [30, 40]) for i in range(10)]).with_columns(
        activities=pl.when(pl.col("team") == "a")
        .then(pl.lit(["paste into Name"]))
        .otherwise(pl.lit(["type into Name"]))
    )
    row = compare(segments, measures=["typed"]).row(0, named=True)
    assert (row["value_a"], row["value_b"]) == (0.0, 1.0)


def test_more_than_two_groups_ask_for_a_choice_and_list_what_there_is() -> None:
    segments = make_segments([("p1", "a", [1]), ("p2", "b", [2]), ("p3", "c", [3])])
    with pytest.raises(SettingError, match="3 groups: 'a', 'b', 'c'"):
        compare(segments)
    assert compare(segments, groups=("c", "a"), min_people=1)["group_a"].unique().to_list() == ["c"]


def test_segments_without_a_task_are_left_out() -> None:
    segments = make_segments([(f"p{i}", "ab"[i % 2], [30]) for i in range(10)])
    rest = segments.with_columns(task_id=pl.lit(None, pl.String), segment_id=pl.col("segment_id") + 10)
    assert compare(pl.concat([segments, rest]), measures=["steps"])["segments_a"].to_list() == [5]


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    segments = make_segments([("p1", "a", [1]), ("p2", "b", [2])])
    with pytest.raises(SettingError, match="active_seconds"):
        compare(segments, measures=["active_second"])
    with pytest.raises(ContractError, match="find_tasks"):
        compare(segments.drop("task_id"))


def test_the_verdict_follows_the_adjusted_p_value() -> None:
    tasks = [
        simulate(np.random.default_rng(n), shift=0.33 * (n < 2)).with_columns(task_id=pl.lit(f"T{n}"))
        for n in range(12)
    ]
    tasks = [t.with_columns(segment_id=pl.col("segment_id") + 1000 * n) for n, t in enumerate(tasks)]
    result = compare(pl.concat(tasks), measures=["active_seconds"])
    between = result.filter((pl.col("p_value") < 0.05) & (pl.col("p_adjusted") >= 0.05))
    assert between.height > 0
    assert all("no difference that could be told" in sentence for sentence in between["sentence"])


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = 0
    for n in range(60):
        row = compare(simulate(np.random.default_rng(500 + n)), measures=["active_seconds"], permutations=1).row(
            0, named=True
        )
        held += row["low"] <= 0 <= row["high"]
    assert 53 <= held <= 60
