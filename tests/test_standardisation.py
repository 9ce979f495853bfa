"""How uniformly a task is done: figures that stand still while the log grows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from taskkit.errors import ContractError, SettingError
from taskkit.variants.standardisation import MEASURES, measure_standardisation, repeated_steps, similarity_to_medoid

LETTERS = "abcdefghij"


def make_segments(
    ways: Sequence[str], *, people: int = 6, task: str = "T01", **columns: Sequence[float]
) -> pl.DataFrame:
    """One row per way, a text of one letter per activity; people take turns."""
    frame = pl.DataFrame({
        "segment_id": np.arange(len(ways), dtype=np.uint32), "user": [f"p{i % people}" for i in range(len(ways))],
        "task_id": [task] * len(ways), "activities": [[f"click {step} · screen {step}" for step in way] for way in ways],
        "active_seconds": [60.0] * len(ways), "fragments": [1] * len(ways),
    }, schema_overrides={"activities": pl.List(pl.String)})  # fmt: skip
    return frame.with_columns(pl.Series(name, values) for name, values in columns.items())


def noisy(n: int, noise: float, seed: int = 0) -> list[str]:
    """The same ten steps n times, each replaced by another one with the probability `noise`."""
    random = np.random.default_rng(seed)
    return ["".join(random.choice(list("XYZUVW")) if random.random() < noise else c for c in LETTERS) for _ in range(n)]


def test_similarity_is_one_less_edits_by_the_longer_length() -> None:
    frame = make_segments(["abcd", "abcd", "abcd", "abxd", "ab", "abcdefgh"])
    assert similarity_to_medoid(frame)["similarity"].to_list() == [1, 1, 1, 0.75, 0.5, 0.5]


def test_the_medoid_is_the_sequence_most_like_all_others() -> None:
    # "abcd" is one edit from each of the others, which are two from each other; none is more frequent
    frame = make_segments(["abcX", "abYd", "aZcd", "abcd"])
    assert similarity_to_medoid(frame)["similarity"].to_list() == [0.75, 0.75, 0.75, 1.0]


def test_each_task_has_a_medoid_of_its_own_and_work_without_a_task_none() -> None:
    tasks = pl.Series(["T01", "T02", "T01", None])
    frame = make_segments(["ab", "xy", "ab", "ab"]).with_columns(task_id=tasks)
    assert similarity_to_medoid(frame)["similarity"].to_list() == [1.0, 1.0, 1.0, None]


def test_what_is_rarer_than_the_most_frequent_sequences_is_measured_all_the_same() -> None:
    ways = [chr(0x4E00 + i) + LETTERS for i in range(400)]
    assert similarity_to_medoid(make_segments(ways))["similarity"].min() == pytest.approx(10 / 11)


def test_similarity_stands_still_while_the_log_grows_and_shows_the_noise() -> None:
    values = [similarity_to_medoid(make_segments(noisy(n, 0.02)))["similarity"].mean() for n in (12, 60, 600)]
    assert values == pytest.approx([0.98] * 3, abs=0.02)
    assert similarity_to_medoid(make_segments(noisy(300, 0.2)))["similarity"].mean() == pytest.approx(0.8, abs=0.02)


def test_staying_on_a_screen_is_one_step_at_the_level_of_screens() -> None:
    frame = make_segments(["aab", "ab", "ab"] * 2)
    assert similarity_to_medoid(frame, level="screen")["similarity"].to_list() == [1.0] * 6
    assert similarity_to_medoid(frame)["similarity"].min() < 1
    assert measure_standardisation(frame, level="screen")["rework"].item() == 0
    assert measure_standardisation(frame)["rework"].item() == pytest.approx(1 / 3)


def test_repeats_are_counted_at_once_and_later() -> None:
    frame = make_segments(["abc", "aabc", "abac", "ababab", "abc", "abc"])
    row = measure_standardisation(frame).row(0, named=True)
    assert (row["rework"], row["self_loops"]) == (pytest.approx(3 / 6), pytest.approx(1 / 6))
    assert row["repeated_steps"] == pytest.approx((1 + 1 + 4) / 6)
    assert frame.select(repeated_steps())["activities"].to_list() == [0, 1, 1, 4, 0, 0]


def test_dispersion_is_the_quartile_coefficient_of_the_active_time() -> None:
    frame = make_segments(["ab"] * 8, people=8, active_seconds=[10.0, 20, 30, 40, 50, 60, 70, 80])
    row = measure_standardisation(frame).row(0, named=True)
    assert row["dispersion"] == pytest.approx((60 - 20) / (60 + 20))
    assert row["dispersion_low"] < row["dispersion"] < row["dispersion_high"]


def test_dispersion_does_not_change_with_the_unit_of_time() -> None:
    seconds = np.random.default_rng(3).lognormal(4, 0.5, 90)
    one, sixty = (measure_standardisation(make_segments(["ab"] * 90, active_seconds=seconds * k)) for k in (1, 60))
    assert one["dispersion"].item() == pytest.approx(sixty["dispersion"].item())


def test_interruptions_are_shares_and_fragments() -> None:
    row = measure_standardisation(make_segments(["ab"] * 6, fragments=[1, 1, 1, 2, 4, 3])).row(0, named=True)
    assert (row["interrupted"], row["fragments"]) == (0.5, 2.0)


def test_intervals_are_wider_where_people_differ_than_where_executions_do() -> None:
    seconds = np.where(np.arange(240) % 6 < 3, 30.0, 120.0)  # three slow people, three fast ones
    mixed = np.where(np.arange(240) // 6 % 2 < 1, 30.0, 120.0)  # the same times, spread over all
    width = []
    for times in (seconds, mixed):
        row = measure_standardisation(make_segments(["ab" if t < 60 else "abab" for t in times])).row(0, named=True)
        width.append(row["rework_high"] - row["rework_low"])
    assert width[0] > 0.4 > 0.1 > width[1]


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = 0
    for n in range(80):
        random = np.random.default_rng(n)
        habits = random.beta(4, 4, 8)  # mean one half
        ways = ["aab" if random.random() < habits[i % 8] else "ab" for i in range(160)]
        row = measure_standardisation(make_segments(ways, people=8), seed=n).row(0, named=True)
        held += row["rework_low"] <= 0.5 <= row["rework_high"]
    assert 70 <= held <= 80


def test_few_people_get_a_sentence_instead_of_figures() -> None:
    row = measure_standardisation(make_segments(["ab"] * 8, people=4)).row(0, named=True)
    assert [row[name] for name in MEASURES] == [None] * len(MEASURES)
    assert (row["segments"], row["people"]) == (8, 4)
    assert "too few people" in row["sentence"]


def test_the_result_depends_neither_on_row_order_nor_on_the_other_tasks() -> None:
    seconds = np.random.default_rng(3).lognormal(4, 0.5, 60)
    one = make_segments(noisy(60, 0.1), active_seconds=seconds)
    other = make_segments(["ab"] * 12, task="T00").with_columns(pl.col("segment_id") + 60)
    shuffled = measure_standardisation(pl.concat([one, other]).sample(fraction=1.0, shuffle=True, seed=2))
    assert shuffled["task_id"].to_list() == ["T00", "T01"]
    assert shuffled.filter(pl.col("task_id") == "T01").equals(measure_standardisation(one))


def test_segments_without_steps_are_measured_as_unlike() -> None:
    frame = make_segments(["ab"] * 11 + [""])
    row = measure_standardisation(frame).row(0, named=True)
    assert (row["similarity"], row["rework"], row["self_loops"]) == (pytest.approx(11 / 12), 0.0, 0.0)


def test_unknown_levels_and_missing_tasks_are_refused() -> None:
    with pytest.raises(SettingError, match="Known: activity, screen"):
        measure_standardisation(make_segments(["ab"]), level="app")
    with pytest.raises(ContractError, match="find_tasks"):
        measure_standardisation(make_segments(["ab"]).drop("task_id"))
