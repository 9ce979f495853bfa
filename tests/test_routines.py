"""Repeated sequences: found completely, counted rightly, listed once."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import taskkit as tk
from taskkit.errors import ContractError, SettingError
from taskkit.routines import mining, selection
from taskkit.routines.mining import Stream, collapse, mine, sample
from tests.frames import make_events

UNITS = st.lists(st.text("abcd", min_size=1, max_size=7), min_size=1, max_size=8)


def named(*units: str, people: int = 1, tasks: str | None = None) -> pl.DataFrame:
    """Segments of one letter a step; person n % people does the n-th; `tasks` has one letter a segment."""
    rows = [
        {"element_name": letter, "user": f"p_{n % people}", "session_id": f"s{n % people}", "segment": n}
        for n, unit in enumerate(units)
        for letter in unit
    ]
    events = make_events([{k: v for k, v in row.items() if k != "segment"} for row in rows])
    return events.with_columns(
        activity=pl.col("element_name"), step=True, active_seconds=pl.lit(5.0),
        segment_id=pl.Series([row["segment"] for row in rows], dtype=pl.UInt32),
        **({"task_id": pl.Series([tasks[row["segment"]] for row in rows])} if tasks else {}),
    )  # fmt: skip


def stream_of(units: list[str]) -> Stream:
    lengths = np.array([len(unit) for unit in units])
    x = np.array(["abcd".index(letter) for unit in units for letter in unit], np.int32)
    return Stream(x, np.repeat(np.cumsum(lengths), lengths).astype(np.int32), np.ones(len(x), np.int64), 4)


def windows(sequence: tuple[int, ...], unit: list[int], gap: int) -> list[tuple[int, int]]:
    """First and last position of every way to find a sequence in a unit, by trying all."""
    return [
        (places[0], places[-1])
        for places in itertools.combinations(range(len(unit)), len(sequence))
        if all(unit[p] == item for p, item in zip(places, sequence, strict=True))
        and all(b - a <= gap + 1 for a, b in itertools.pairwise(places))
    ]


def support_of(sequence: tuple[int, ...], units: list[str], gap: int, *, disjoint: bool) -> int:
    """Units that hold a sequence, or its occurrences without overlap."""
    total = 0
    for unit in units:
        found = sorted(windows(sequence, ["abcd".index(c) for c in unit], gap), key=lambda w: (w[1], -w[0]))
        end, many = -1, 0
        for first, last in found:
            if first > end:
                end, many = last, many + 1
        total += many if disjoint else min(many, 1)
    return total


def closed_by_brute_force(units: list[str], needed: int, gap: int, *, disjoint: bool) -> dict[tuple[int, ...], int]:
    parts = {
        tuple("abcd".index(unit[p]) for p in places)
        for unit in units
        for size in range(1, len(unit) + 1)
        for places in itertools.combinations(range(len(unit)), size)
    }
    supports = {s: n for s in parts if (n := support_of(s, units, gap, disjoint=disjoint)) >= needed}
    return {
        s: n for s, n in supports.items()
        if len(s) >= 2 and not any(len(o) > len(s) and m >= n and contains(o, s) for o, m in supports.items())
    }  # fmt: skip


def contains(whole: tuple[int, ...], part: tuple[int, ...]) -> bool:
    rest = iter(whole)
    return all(item in rest for item in part)


@settings(max_examples=150, deadline=None)
@given(UNITS, st.integers(1, 4), st.integers(0, 3), st.booleans())
def test_exactly_the_closed_sequences_are_found(units: list[str], needed: int, gap: int, disjoint: bool) -> None:
    found, _, exact = mine(stream_of(units), needed=needed, gap=gap, min_length=2, max_length=8, disjoint=disjoint)
    assert exact
    assert dict(found) == closed_by_brute_force(units, needed, gap, disjoint=disjoint)


@settings(max_examples=60, deadline=None)
@given(UNITS, st.integers(0, 2), st.booleans())
def test_equal_units_may_be_taken_together(units: list[str], gap: int, disjoint: bool) -> None:
    stream = stream_of(units * 3)
    how = {"needed": 3, "gap": gap, "min_length": 2, "max_length": 8}
    assert sorted(mine(stream, disjoint=disjoint, **how)[0]) == sorted(
        mine(collapse(stream), disjoint=disjoint, **how)[0]
    )


@settings(max_examples=60, deadline=None)
@given(UNITS, st.integers(0, 2))
def test_listed_numbers_are_true(units: list[str], gap: int) -> None:
    units = units * 2
    for row in tk.find_routines(named(*units, people=3), gap=gap, min_length=2).iter_rows(named=True):
        sequence = tuple("abcd".index(a) for a in row["activities"])
        held = [n for n, unit in enumerate(units) if windows(sequence, ["abcd".index(c) for c in unit], gap)]
        assert row["support"] == len(held) >= 3
        assert row["share"] == pytest.approx(len(held) / len(units))
        assert row["people"] == len({n % 3 for n in held})
        assert row["occurrences"] == support_of(sequence, units, gap, disjoint=True)


@settings(max_examples=30, deadline=None)
@given(UNITS, st.randoms(), st.sampled_from(["segment", "session"]))
def test_the_order_of_rows_is_irrelevant(units: list[str], random: object, within: str) -> None:
    events = named(*units * 2, people=2)
    order = list(range(events.height))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert_frame_equal(tk.find_routines(events[order], within=within), tk.find_routines(events, within=within))


def test_input_is_not_changed() -> None:
    events = named(*["abcd"] * 4)
    before = events.clone()
    tk.find_routines(events)
    assert_frame_equal(events, before)


def test_copies_of_a_routine_in_different_tasks_are_one_row() -> None:
    units = [f"{before}abcde{after}" for before, after in zip("klmnopqr", "stuvwxyz", strict=True)]
    routines = tk.find_routines(named(*units, tasks="ABABABAB"))
    assert routines.select("activities", "tasks").rows() == [(list("abcde"), ["A", "B"])]


def test_without_tasks_there_is_no_such_column() -> None:
    assert "tasks" not in tk.find_routines(named(*["abc"] * 4)).columns


def test_rest_is_no_task() -> None:
    events = named(*["abc"] * 4, tasks="AAAA").with_columns(task_id=pl.when(pl.col("segment_id") < 2).then("task_id"))
    assert tk.find_routines(events)["tasks"].to_list() == [["A"]]


def test_a_loop_is_listed_in_one_cut() -> None:
    routines = tk.find_routines(named("abcde" * 60), within="session")
    assert routines.select("activities", "occurrences").rows() == [(list("abcde"), 60)]


def test_two_routines_in_a_row_by_chance_are_no_third_one() -> None:
    draw = np.random.default_rng(1)
    stream = "".join("abcd" if heads else "wxyz" for heads in draw.random(200) < 0.5)
    assert sorted("".join(a) for a in tk.find_routines(named(stream), within="session")["activities"]) == [
        "abcd",
        "wxyz",
    ]


def test_a_long_routine_is_one_row() -> None:
    letters = "".join(chr(ord("A") + n) for n in range(40))
    assert tk.find_routines(named(*[letters] * 5))["length"].to_list() == [40]


def test_two_ways_with_the_same_beginning_are_two_routines() -> None:
    routines = tk.find_routines(named(*["abcdefg", "abcdxyz"] * 30), gap=0)
    assert sorted("".join(a) for a in routines["activities"]) == ["abcdefg", "abcdxyz"]


def test_a_step_in_between_now_and_then_is_passed_over() -> None:
    draw = np.random.default_rng(2)
    units = [f"abc{draw.choice(list('pqrstuvw'))}def" for _ in range(40)]
    first = tk.find_routines(named(*units), gap=1).row(0, named=True)
    assert (first["activities"], first["support"]) == (list("abcdef"), 40)
    assert list("abcdef") not in tk.find_routines(named(*units), gap=0)["activities"].to_list()


def test_time_and_coverage_count_what_lies_between_first_and_last_step() -> None:
    routines = tk.find_routines(named(*["abpc", "qabc", "zzzz", "abrc"]), gap=1)
    assert routines["activities"].to_list() == [["a", "b", "c"]]
    assert routines["coverage"].item() == pytest.approx(11 / 16)
    assert routines["active_hours"].item() == pytest.approx(11 * 5 / 3600)


def test_fewer_than_three_are_no_routine() -> None:
    assert tk.find_routines(named("abcd", "abcd", "wxyz"), min_support=0.01).is_empty()


def noisy(letters: str) -> pl.DataFrame:
    """Executions of one routine, every fifth step another letter."""
    draw = np.random.default_rng(3)
    return named(
        *["".join(draw.choice(list("uvwxyz")) if draw.random() < 0.2 else c for c in letters) for _ in range(80)]
    )


def test_where_the_bound_is_met_the_rows_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tk.find_routines(noisy("abcdefgh"))["exact"].all()
    monkeypatch.setattr(mining, "MOST_SEQUENCES", 60)
    bounded = tk.find_routines(noisy("abcdefgh"))
    assert bounded.height > 0
    assert not bounded["exact"].any()
    assert bounded["searched_from"].min() > 3


def test_nothing_found_within_the_bound_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mining, "MOST_SEQUENCES", 1)
    with pytest.warns(UserWarning, match="not looked at"):
        assert tk.find_routines(noisy("abcdefgh")).is_empty()


def test_a_sample_keeps_units_and_their_order() -> None:
    stream = stream_of(["abc"] * 5_000)
    small = sample(stream, 5_000)
    assert 4_000 <= len(small.x) <= 6_000
    assert small.end[-1] == len(small.x)
    assert (np.diff(small.end) >= 0).all()


def test_a_routine_is_found_on_a_sample_too(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(4)
    events = named("".join("abcde" if heads else "vwxyz" for heads in draw.random(4_000) < 0.5))
    monkeypatch.setattr(selection, "SAMPLE", 5_000)
    assert sorted("".join(a) for a in tk.find_routines(events, within="session")["activities"]) == ["abcde", "vwxyz"]


@pytest.mark.parametrize("within", ["segment", "session"])
def test_an_empty_log_has_no_routines(within: str) -> None:
    found = tk.find_routines(named("abc").clear(), within=within)
    assert found.is_empty()
    assert found.columns[:2] == ["routine_id", "activities"]


def test_segments_are_needed_for_routines_inside_segments() -> None:
    with pytest.raises(ContractError, match="segment_id"):
        tk.find_routines(named("abc").drop("segment_id"))


@pytest.mark.parametrize("wrong", [{"min_support": 0}, {"gap": -1}, {"min_length": 1}, {"max_length": 2}, {"most": -1}])
def test_settings_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        tk.find_routines(named("abc"), **wrong)
