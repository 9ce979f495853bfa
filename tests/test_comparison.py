"""Groups side by side: what is called a difference, and what is not."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit.comparison import MEASURES, by_period, compare, compare_steps, compare_successions
from taskkit.comparison.people import draw_people, exchange_people, spoken
from taskkit.errors import ContractError, SettingError


def make_segments(people: Sequence[tuple[str, str, Sequence[float]]], task: str = "T01") -> pl.DataFrame:
    """One row per figure of each (user, team, figures)."""
    rows = [(user, team, float(figure)) for user, team, figures in people for figure in figures]
    frame = pl.DataFrame(rows, schema=["user", "team", "active_seconds"], orient="row")
    return frame.with_columns(
        segment_id=pl.int_range(pl.len(), dtype=pl.UInt32), task_id=pl.lit(task), task_name=pl.lit(f"Task {task}"),
        fragments=pl.lit(1), steps=pl.lit(7), switches=pl.lit(2), activities=pl.lit(["type into Name", "paste into Name"]),
        apps=pl.lit(["erp", "mail"]),
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


def make_ways(people: Sequence[tuple[str, str, Sequence[str]]], task: str = "T01") -> pl.DataFrame:
    """One row per execution of each (user, team, executions); an execution is a text of one letter per activity."""
    rows = [(user, team, [f"open {step}" for step in way]) for user, team, ways in people for way in ways]
    schema = {"user": pl.String(), "team": pl.String(), "activities": pl.List(pl.String)}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        segment_id=pl.int_range(pl.len(), dtype=pl.UInt32), task_id=pl.lit(task), active_seconds=pl.lit(60.0)
    )


def simulate_ways(random: np.random.Generator, shift: float = 0.0, people: int = 6, times: int = 15) -> pl.DataFrame:
    """Two teams whose people have habits of their own; the second team takes step b more often by `shift`."""
    habits = [
        (f"{team}{n}", team, np.clip(random.beta(2, 2) + shift * (team == "y"), 0, 1))
        for team in "xy"
        for n in range(people)
    ]
    return make_ways([(user, team, ["abc" if hit else "ac" for hit in random.random(times) < habit])
                      for user, team, habit in habits])  # fmt: skip


# ------------------------------------------------------------------------------------------------- exchanges of people
def test_the_p_value_is_that_of_all_exchanges_between_different_people() -> None:
    figures = [31.0, 35, 47, 52, 80, 44, 61, 77, 93, 120]
    segments = make_segments([(f"p{i}", "ab"[i > 4], [figure]) for i, figure in enumerate(figures)])
    seen = np.mean(figures[5:]) - np.mean(figures[:5])
    splits = [sum(chosen) for chosen in itertools.combinations(figures, 5)]
    exact = np.mean([abs((sum(figures) - total) / 5 - total / 5) >= seen - 1e-9 for total in splits])
    row = compare(segments, measures=["active_seconds"], permutations=9999).row(0, named=True)
    assert row["p_value"] == pytest.approx(exact, abs=0.008)
    assert row["people_both"] == 0


def test_the_p_value_is_that_of_all_exchanges_of_labels_inside_a_person() -> None:
    before, change = [300.0, 40, 90, 500, 150, 220, 60], [12.0, -3, 9, 4, 15, -6, 8]
    segments = make_segments([
        *((f"p{i}", "before", [b]) for i, b in enumerate(before)),
        *((f"p{i}", "later", [b + c]) for i, (b, c) in enumerate(zip(before, change, strict=True))),
    ])  # fmt: skip
    signs = [abs(np.dot(sign, change)) for sign in itertools.product([-1, 1], repeat=7)]
    exact = np.mean(np.array(signs) >= sum(change) - 1e-9)
    row = compare(segments, measures=["active_seconds"], permutations=9999).row(0, named=True)
    assert row["p_value"] == pytest.approx(exact, abs=0.012)
    assert row["people_both"] == 7
    assert "7 people in both" in row["sentence"]


def test_people_in_one_group_only_are_exchanged_beside_the_pairs() -> None:
    pairs = [(f"p{i}", team, [100 + 40 * i + 30 * (team == "b")]) for i in range(4) for team in "ab"]
    singles = [("q1", "a", [90.0]), ("q2", "a", [400.0]), ("q3", "b", [410.0]), ("q4", "b", [95.0])]
    row = compare(make_segments([*pairs, *singles]), measures=["active_seconds"], permutations=9999).row(0, named=True)
    alone = np.array([90.0, 400, 410, 95])
    seen = abs(row["difference"])
    hits = [
        abs(30 * sum(sign) + alone[list({0, 1, 2, 3} - {*one})].sum() - alone[list(one)].sum()) / 6 >= seen - 1e-9
        for sign in itertools.product([-1, 1], repeat=4)
        for one in itertools.combinations(range(4), 2)
    ]
    assert (row["people_a"], row["people_b"], row["people_both"]) == (6, 6, 4)
    assert row["p_value"] == pytest.approx(np.mean(hits), abs=0.02)


@given(
    st.lists(st.sampled_from([(True, False), (False, True), (True, True)]), min_size=2, max_size=9), st.integers(0, 99)
)
def test_every_exchange_and_every_draw_has_two_whole_groups(where: list[tuple[bool, bool]], seed: int) -> None:
    in_a, in_b = np.array(where).T
    if not (in_a.any() and in_b.any()):
        return
    random = np.random.default_rng(seed)
    mixed_a, mixed_b = exchange_people(in_a, in_b, 20, random)
    stood = np.concatenate([in_a, in_b])
    used = mixed_a * in_a.sum() + mixed_b * in_b.sum()
    assert np.allclose(used, stood)  # every figure of a person in a group is used once, in one of the groups
    pairs, people = np.flatnonzero(in_a & in_b), len(where)
    assert np.allclose(
        (mixed_a[:, pairs] + mixed_a[:, people + pairs]) * in_a.sum(), 1
    )  # one of each pair in either group
    drawn_a, drawn_b = draw_people(in_a, in_b, random)
    assert np.allclose([drawn_a.sum(axis=1), drawn_b.sum(axis=1)], 1)
    assert np.allclose(
        drawn_a[:, pairs] * in_a.sum(), drawn_b[:, people + pairs] * in_b.sum()
    )  # pairs are drawn together
    assert not drawn_a[:, people:].any()


# ------------------------------------------------------------------------------------------------- measures and groups
def test_applications_pastes_and_repeated_steps_are_compared() -> None:
    segments = make_segments([(f"p{i}", "ab"[i > 4], [30]) for i in range(10)]).with_columns(
        apps=pl.when(pl.col("team") == "a").then(pl.lit(["erp"])).otherwise(pl.lit(["erp", "mail", "excel"])),
        activities=pl.when(pl.col("team") == "a").then(pl.lit(["open List", "type into Name"]))
        .otherwise(pl.lit(["paste into Name", "open List", "paste into Name", "paste Sheet"])),
    )  # fmt: skip
    result = compare(segments, measures=["applications", "copy_pastes", "rework"])
    assert result["value_a"].to_list() == [1.0, 0.0, 0.0]
    assert result["value_b"].to_list() == [3.0, 3.0, 0.25]


def test_by_default_every_measure_that_the_segments_hold_is_compared() -> None:
    segments = make_segments([(f"p{i}", "ab"[i % 2], [30]) for i in range(10)])
    assert set(compare(segments)["measure"]) == {*MEASURES}
    assert set(compare(segments.drop("apps", "fragments"))["measure"]) == {*MEASURES} - {"applications", "interrupted"}


def test_the_usual_way_is_compared_with_the_other_ways() -> None:
    # ways are told apart by the factory: above 100 seconds it is V01
    segments = make_segments([(f"p{i}", "a", [200, 210, 220, 50, 60]) for i in range(6)])
    result = compare(segments, by="variant")
    row = result.filter(pl.col("measure") == "active_seconds").row(0, named=True)
    assert (row["group_a"], row["group_b"]) == ("most frequent way", "other ways")
    assert (row["value_a"], row["value_b"], row["people_both"]) == (210.0, 55.0, 6)
    assert "variant" not in result["measure"]


def test_two_ways_are_compared_by_their_numbers() -> None:
    segments = make_segments([(f"p{i}", "a", [200, 210, 50]) for i in range(6)])
    result = compare(segments, by="variant_id", groups=("T01-V02", "T01-V01"), measures=["active_seconds"])
    assert result["difference"].to_list() == [155.0]


def test_a_day_divides_the_segments_into_two_periods() -> None:
    days = pl.datetime_range(pl.datetime(2026, 3, 6), pl.datetime(2026, 3, 11), "1d", time_zone="UTC", eager=True)
    segments = make_segments([(f"p{i}", "a", [10 * (d + 1) for d in range(6)]) for i in range(5)])
    dated = by_period(segments.with_columns(start=pl.concat([days] * 5)), split="2026-03-09")
    assert dated["period"].to_list()[:6] == ["before 2026-03-09"] * 3 + ["from 2026-03-09"] * 3
    row = compare(dated, by="period", measures=["active_seconds"]).row(0, named=True)
    assert (row["value_a"], row["value_b"], row["people_both"]) == (20.0, 50.0, 5)


def test_a_day_that_divides_nothing_is_refused_with_the_days_there_are() -> None:
    segments = pl.DataFrame({"start": pl.datetime_range(pl.datetime(2026, 3, 2), pl.datetime(2026, 3, 13), eager=True)})
    with pytest.raises(SettingError, match="from 2026-03-02 to 2026-03-13"):
        by_period(segments, split="2026-04-01")
    with pytest.raises(SettingError, match="year-month-day"):
        by_period(segments, split="9 March")
    with pytest.raises(ContractError, match="by_period"):
        compare(make_segments([("p1", "a", [1])]), by="period")


# ------------------------------------------------------------------------------------------------ steps and successions
def test_a_step_counts_once_an_execution_and_each_person_alike() -> None:
    segments = make_ways(
        [("p1", "x", ["aba", "a", "a", "a"]), ("p2", "x", ["b"]), ("p3", "y", ["ab"]), ("p4", "y", ["b"])]
    )
    result = compare_steps(segments, min_people=2, permutations=9)
    shares = {row["step"]: (row["value_a"], row["value_b"]) for row in result.iter_rows(named=True)}
    assert shares == {"a": (0.5, 0.5), "b": (0.625, 1.0)}
    row = result.filter(pl.col("step") == "b").row(0, named=True)
    assert [row[name] for name in ("segments_a", "segments_b", "people_a", "people_b", "segments", "people")] == [
        5,
        2,
        2,
        2,
        4,
        4,
    ]


def test_successions_begin_and_end_with_nothing() -> None:
    people = [(f"{team}{i}", team, ["ab" if team == "x" else "ba"]) for team in "xy" for i in range(5)]
    result = compare_successions(make_ways(people))
    found = {(row["before"], row["after"]): row["difference"] for row in result.iter_rows(named=True)}
    assert found == {(None, "a"): -1, ("a", "b"): -1, ("b", None): -1, (None, "b"): 1, ("b", "a"): 1, ("a", None): 1}
    assert (result["p_adjusted"] < 0.05).all()
    said = " ".join(result["sentence"])
    assert "starts with “a”" in said
    assert "“b”, then the end" in said


def test_doing_the_same_again_is_a_succession_of_actions_only() -> None:
    people = [(f"{team}{i}", team, ["aab"]) for team in "xy" for i in range(5)]
    pairs = {
        level: compare_successions(make_ways(people), level=level)["before"].len()
        for level in ("screen", "activity", "action")
    }
    assert pairs == {"screen": 3, "activity": 3, "action": 4}


def test_applications_are_compared_but_follow_no_order() -> None:
    people = [(f"{team}{i}", team, ["ab"]) for team in "xy" for i in range(5)]
    segments = make_ways(people).with_columns(
        apps=pl.when(pl.col("user").str.starts_with("x")).then(["erp", "mail"]).otherwise(["erp"])
    )
    found = compare_steps(segments, level="app").select("step", "difference").rows()
    assert found == [("mail", -1.0), ("erp", 0.0)]
    with pytest.raises(SettingError, match=r"applications of a segment have none\. Known: action, activity, screen"):
        compare_successions(segments, level="app")


def test_sentences_have_minus_signs_and_no_hyphens_before_numbers() -> None:
    people = [(f"{team}{i}", team, ["ab" if team == "x" else "ba"]) for team in "xy" for i in range(5)]
    said = " ".join(compare_successions(make_ways(people))["sentence"])
    assert "−100 % to −100 %" in said
    assert not re.search(r"-\d", said)
    assert [spoken(value, 0) for value in (-0.4, 0.4, -1.0)] == ["0", "0", "−1"]


def test_a_planted_step_is_found_and_the_others_are_not() -> None:
    result = compare_steps(simulate_ways(np.random.default_rng(5), shift=0.6, people=8))
    assert result.filter(pl.col("p_adjusted") < 0.05)["step"].to_list() == ["b"]
    assert result["step"][0] == "b"
    assert result["low"][0] < result["difference"][0] < result["high"][0]


def test_steps_are_called_different_no_oftener_than_they_may_when_nothing_differs() -> None:
    random = np.random.default_rng(11)
    p_values = [
        compare_steps(simulate_ways(random), permutations=199).filter(pl.col("step") == "b")["p_value"].item()
        for _ in range(200)
    ]
    assert 0.005 <= np.mean(np.array(p_values) <= 0.05) <= 0.08


def test_p_values_of_steps_are_adjusted_inside_each_task() -> None:
    random = np.random.default_rng(2)
    letters = "abcdefgh"
    people = [(f"{team}{i}", team, ["".join(c for c in letters if random.random() < 0.5) or "a" for _ in range(9)])
              for team in "xy" for i in range(6)]  # fmt: skip
    one, other = make_ways(people), make_ways(people[:1] + people[-1:], task="T02")
    both = pl.concat([one, other.with_columns(pl.col("segment_id") + one.height)])
    result = compare_steps(both).filter(pl.col("task_id") == "T01")
    p = result["p_value"].to_numpy()
    wanted = [min(1.0, min(q * len(p) / int((p <= q).sum()) for q in p if q >= each)) for each in p]
    assert len(p) == 8
    assert result["p_adjusted"].to_list() == pytest.approx(wanted)


def test_rare_steps_are_left_out_unless_asked_for() -> None:
    people = [
        (f"{team}{i}", team, ["ab"] * 9 + ["abz" if team + str(i) == "x0" else "ab"]) for team in "xy" for i in range(5)
    ]
    assert compare_steps(make_ways(people))["step"].to_list() == ["a", "b"]
    kept = compare_steps(make_ways(people), rare=0).filter(pl.col("step") == "z")
    assert kept.select("segments", "people").row(0) == (1, 1)


def test_few_people_get_a_sentence_instead_of_a_share_of_steps() -> None:
    result = compare_steps(make_ways([(f"p{i}", "xy"[i > 4], ["ab", "ac"]) for i in range(9)]))
    assert result.select("value_a", "difference", "low", "p_value", "p_adjusted").null_count().row(0) == (3,) * 5
    assert all("too few people" in sentence for sentence in result["sentence"])


def test_steps_do_not_depend_on_row_order() -> None:
    segments = simulate_ways(np.random.default_rng(8), shift=0.2)
    shuffled = segments.sample(fraction=1.0, shuffle=True, seed=3)
    assert compare_successions(shuffled).equals(compare_successions(segments))


def test_unknown_levels_and_shares_are_refused() -> None:
    segments = simulate_ways(np.random.default_rng(8))
    with pytest.raises(SettingError, match="Known: action, activity, app, screen"):
        compare_steps(segments, level="window")
    with pytest.raises(SettingError, match="rare=1"):
        compare_successions(segments, rare=1)
    with pytest.raises(ContractError, match="find_tasks"):
        compare_steps(segments.drop("activities"))
