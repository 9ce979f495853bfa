"""The earth mover's distance between two groups' ways: exact, symmetric, and honestly tested."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.comparison import compare_variants, earth_movers_distance
from taskkit.comparison.distances import UNITS, _whole
from taskkit.comparison.people import Numbers
from taskkit.errors import ContractError, SettingError
from taskkit.variants import sequence_distances


def by_linear_programme(first: Numbers, second: Numbers, distances: Numbers) -> float:
    """The same by a general solver."""
    from scipy.optimize import linprog
    from scipy.sparse import eye, kron, vstack

    n, m = distances.shape
    sums = vstack([kron(eye(n), np.ones((1, m))), kron(np.ones((1, n)), eye(m))]).tocsr()
    amounts = np.concatenate([first / first.sum(), second / second.sum()])
    return float(linprog(distances.ravel(), A_eq=sums, b_eq=amounts, bounds=(0, None), method="highs").fun)


def make_segments(people: Sequence[tuple[str, str, Sequence[str]]], task: str = "T01") -> pl.DataFrame:
    """One row per execution of each (user, team, executions); an execution is a text of one letter per activity."""
    rows = [(user, team, [f"open {step}" for step in way]) for user, team, ways in people for way in ways]
    schema = {"user": pl.String(), "team": pl.String(), "activities": pl.List(pl.String)}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        segment_id=pl.int_range(pl.len(), dtype=pl.UInt32), task_id=pl.lit(task), active_seconds=pl.lit(60.0)
    )


def simulate(random: np.random.Generator, shift: float = 0.0) -> pl.DataFrame:
    """Six and six people with habits of their own among four ways; the second team's lean to the last by `shift`."""
    ways = np.array(["abc", "acb", "abbc", "xyz"])
    return make_segments([
        (f"{team}{n}", team, random.choice(ways, 12, p=(1 - lean) * random.dirichlet([2, 2, 2, 2]) + lean * np.array([0, 0, 0, 1])))
        for team, lean in (("x", 0.0), ("y", shift)) for n in range(6)
    ])  # fmt: skip


# ---------------------------------------------------------------------------------------------------------- the distance
problems = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda shape: st.tuples(
        st.lists(st.integers(0, 5), min_size=shape[0], max_size=shape[0]).filter(any),
        st.lists(st.integers(0, 5), min_size=shape[1], max_size=shape[1]).filter(any),
        # few different costs: ties are where a solver errs
        st.lists(
            st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]
        ),
    )
)


@settings(deadline=None, max_examples=150)
@given(problems)
def test_it_is_the_least_cost_that_a_general_solver_finds(problem: tuple[list[int], list[int], list[float]]) -> None:
    first, second = np.array(problem[0], float), np.array(problem[1], float)
    cost = np.array(problem[2]).reshape(len(first), len(second))
    assert earth_movers_distance(first, second, cost) == pytest.approx(
        by_linear_programme(first, second, cost), abs=1e-8
    )


def test_it_is_exact_for_many_ways() -> None:
    random = np.random.default_rng(4)
    ways = [list(random.choice(list("abcdefgh"), random.integers(3, 15))) for _ in range(90)]
    distances = sequence_distances(ways)
    first, second = random.dirichlet(np.full(90, 0.4)), random.dirichlet(np.ones(90))
    assert earth_movers_distance(first, second, distances) == pytest.approx(
        by_linear_programme(first, second, distances), abs=1e-8
    )


def test_what_is_in_its_place_may_be_moved_where_that_is_cheaper() -> None:
    # "ab" to "ba" costs 1, over "aba" 2/3: leaving the common half where it is would cost 0.5 instead of 1/3
    distances = sequence_distances(["ab", "aba", "ba"])
    assert distances[0, 2] > distances[0, 1] + distances[1, 2]
    assert earth_movers_distance([0.5, 0.5, 0], [0, 0.5, 0.5], distances) == pytest.approx(1 / 3)


def test_it_is_the_same_in_both_directions_and_in_any_order() -> None:
    random = np.random.default_rng(9)
    distances = sequence_distances([list(random.choice(list("abc"), random.integers(1, 6))) for _ in range(25)])
    first, second, mixed = random.dirichlet(np.ones(25)), random.dirichlet(np.ones(25)), random.permutation(25)
    forth = earth_movers_distance(first, second, distances)
    assert earth_movers_distance(second, first, distances.T) == pytest.approx(forth, abs=1e-9)
    again = earth_movers_distance(first[mixed], second[mixed], distances[np.ix_(mixed, mixed)])
    assert again == pytest.approx(forth, abs=1e-9)


def test_shares_become_whole_numbers_of_one_sum() -> None:
    shares = np.random.default_rng(1).dirichlet(np.ones(77), 50)
    whole = _whole(shares)
    assert (whole.sum(axis=1) == UNITS).all()
    assert (whole >= 0).all()
    assert np.abs(whole / UNITS - shares).max() < 1e-10


def test_amounts_and_distances_that_are_none_are_listed() -> None:
    with pytest.raises(SettingError, match=r"first has nothing in it; second has amounts that are negative.*shape"):
        earth_movers_distance([0.0, 0.0], [1.0, -1.0, 2.0], [[0.0, 1.0]])
    with pytest.raises(SettingError, match="outside 0 to 1"):
        earth_movers_distance([1.0], [1.0], [[2.0]])


# ------------------------------------------------------------------------------------------------------------- the test
def test_a_groups_distribution_is_the_mean_of_its_peoples() -> None:
    segments = make_segments(
        [("p1", "x", ["ab"] * 9), ("p2", "x", ["xy"]), ("p3", "y", ["ab"]), ("p4", "y", ["ab", "xy"])]
    )
    row = compare_variants(segments, rare=0, min_people=2, permutations=9).row(0, named=True)
    assert row["distance"] == pytest.approx(0.25)  # 1/2 and 1/2 against 3/4 and 1/4, ways that have nothing in common
    assert [row[c] for c in ("variants_a", "variants_b", "segments_a", "segments_b", "people_a")] == [2, 2, 10, 3, 2]


def test_equal_groups_are_no_distance_apart() -> None:
    row = compare_variants(make_segments([(f"p{i}", "xy"[i % 2], ["ab", "ba"]) for i in range(10)])).row(0, named=True)
    assert (row["distance"], row["by_chance"], row["p_value"]) == (0.0, 0.0, 1.0)


def test_ways_are_called_different_no_oftener_than_they_may_when_nothing_differs() -> None:
    random = np.random.default_rng(21)
    p_values = [compare_variants(simulate(random), rare=0, permutations=199)["p_value"].item() for _ in range(200)]
    assert 0.005 <= np.mean(np.array(p_values) <= 0.05) <= 0.08


def test_a_planted_difference_of_ways_is_found() -> None:
    row = compare_variants(simulate(np.random.default_rng(2), shift=0.6), rare=0).row(0, named=True)
    assert row["p_value"] < 0.01
    assert row["distance"] > 2 * row["by_chance"] > 0
    assert "rarely" in row["sentence"]


def test_people_in_both_periods_are_compared_with_themselves() -> None:
    # everybody mixes two ways in another proportion, and in time everybody takes up a third one now and then
    segments = make_segments([
        (f"p{i}", when, ["abcd"] * (2 * i) + ["efgh"] * (10 - 2 * i) + ["wxyz"] * (2 if when == "later" else 0))
        for i in range(6) for when in ("before", "later")
    ])  # fmt: skip
    paired = compare_variants(segments, rare=0).row(0, named=True)
    apart = compare_variants(segments.with_columns(user=pl.col("user") + pl.col("team")), rare=0).row(0, named=True)
    assert paired["people_both"] == 6
    assert paired["p_value"] < 0.05 < apart["p_value"]


def test_few_people_get_a_sentence_instead_of_a_distance() -> None:
    row = compare_variants(make_segments([(f"p{i}", "xy"[i > 4], ["ab", "ba"]) for i in range(9)])).row(0, named=True)
    assert [row[name] for name in ("distance", "by_chance", "p_value", "p_adjusted")] == [None] * 4
    assert "too few people" in row["sentence"]


def test_the_distance_depends_neither_on_row_order_nor_on_the_other_tasks() -> None:
    one = simulate(np.random.default_rng(6), shift=0.1)
    other = make_segments([(f"q{i}", "xy"[i % 2], ["ab", "ba"]) for i in range(12)], task="T00")
    both = pl.concat([one, other.with_columns(pl.col("segment_id") + one.height)])
    shuffled = compare_variants(both.sample(fraction=1.0, shuffle=True, seed=5), rare=0).filter(
        pl.col("task_id") == "T01"
    )
    alone = compare_variants(one, rare=0)
    assert shuffled.drop("p_adjusted", "sentence").equals(alone.drop("p_adjusted", "sentence"))


def test_ways_are_not_compared_by_ways_nor_before_there_are_tasks() -> None:
    segments = simulate(np.random.default_rng(6))
    with pytest.raises(SettingError, match="by='team'"):
        compare_variants(segments, by="variant")
    with pytest.raises(ContractError, match="find_tasks"):
        compare_variants(segments.drop("task_id"))
