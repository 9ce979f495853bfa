"""Variants beside a standard path; loops and blocks without order drawn together; time per visit."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Indel

from taskkit.activities import name_activities
from taskkit.errors import ContractError, SettingError
from taskkit.segments import list_segments
from taskkit.variants.alignment import (
    align_variants,
    align_ways,
    list_visits,
    simplify_variants,
)
from taskkit.variants.simplification import collapse_loops, simplify_ways
from tests.frames import make_events


def segments_of(*ways: Any, task: str = "T01", people: int = 3) -> pl.DataFrame:
    n = len(ways)
    return pl.DataFrame(
        {
            "segment_id": pl.Series(range(n), dtype=pl.UInt32), "user": [f"p{i % people}" for i in range(n)], "task_id": [task] * n,
            "active_seconds": [10.0] * n, "activities": pl.Series([list(way) for way in ways], dtype=pl.List(pl.String)),
        }
    )  # fmt: skip


def relations(aligned: pl.DataFrame, variant: str) -> list[tuple[str | None, str, str | None]]:
    own = aligned.filter(pl.col("variant_id") == variant)
    return own.select("step", "relation", "standard_step").rows()


def test_same_only_here_and_only_there_are_told() -> None:
    aligned = align_variants(segments_of("abcd", "abcd", "abxd"), task_id="T01", level="activity")
    assert relations(aligned, "T01-V02") == [
        ("a", "same", "a"), ("b", "same", "b"), ("x", "only here", None), (None, "only there", "c"), ("d", "same", "d"),
    ]  # fmt: skip


def test_left_out_here_and_added_there_is_moved_and_told_once() -> None:
    aligned = align_variants(segments_of("abcde", "abcde", "acdbe"), task_id="T01", level="activity")
    moved = aligned.filter(pl.col("relation") == "moved")
    assert moved.select("variant_id", "step", "place", "standard_place").rows() == [("T01-V02", "b", 4, 2)]
    assert aligned.filter(pl.col("variant_id") == "T01-V02").height == 5


def test_the_standard_is_the_medoid_not_the_most_frequent() -> None:
    ways = ["wxyz"] * 3 + ["abcd"] * 2 + ["abce"] * 2 + ["abcf"] * 2
    aligned = align_variants(segments_of(*ways), task_id="T01", level="activity")
    way = aligned.filter(pl.col("variant_id") == pl.col("standard"))["step"].to_list()
    assert way[:3] == ["a", "b", "c"]


def test_a_standard_can_be_a_variant_or_a_list() -> None:
    frame = segments_of("ab", "ab", "ac")
    named = align_variants(frame, task_id="T01", standard="T01-V02", level="activity")
    assert named["standard"].unique().to_list() == ["T01-V02"]
    listed = align_variants(frame, task_id="T01", standard=["a"], level="activity")
    assert listed["standard"].null_count() == listed.height
    assert relations(listed, "T01-V01") == [("a", "same", "a"), ("b", "only here", None)]


def test_what_is_not_there_is_an_error_with_the_known_names() -> None:
    frame = segments_of("ab")
    with pytest.raises(SettingError, match=r"Unknown task 'T1'\. Did you mean 'T01'"):
        align_variants(frame, task_id="T1")
    with pytest.raises(SettingError, match="Known: T01-V01"):
        align_variants(frame, task_id="T01", standard="T01-V09", level="activity")
    with pytest.raises(SettingError, match="no steps"):
        align_variants(frame, task_id="T01", standard=[], level="activity")
    with pytest.raises(ContractError, match="find_tasks"):
        align_variants(frame.drop("task_id"), task_id="T01")


@settings(deadline=None)  # the first example loads and compiles
@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=6), min_size=1, max_size=5))
def test_the_alignment_is_optimal_and_loses_no_step(ways: list[list[str]]) -> None:
    aligned = align_variants(segments_of(*ways), task_id="T01", level="activity", rare=0)
    path = aligned.filter(pl.col("variant_id") == pl.col("standard"))["step"].to_list()
    for _, own in aligned.group_by("variant_id"):
        way = own.sort("place")["step"].drop_nulls().to_list()
        unmatched = own.select(
            pl.when(relation="same").then(0).when(relation="moved").then(2).otherwise(1).sum()
        ).item()  # fmt: skip
        assert unmatched == Indel.distance("".join(way), "".join(path))
        assert sorted(own["standard_step"].drop_nulls()) == sorted(path)
        assert own["standard_place"].drop_nulls().sort().to_list() == list(range(1, len(path) + 1))


def two_segments() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two executions, 5 s a row: A (2 rows, one merged into it), B, back to A; and A, B only."""
    rows = ["x", "y", "z", "x", "x", "z"]
    titles = ["A", "A", "B", "A", "A", "B"]
    events = name_activities(
        make_events([{"element_name": e, "window_title": t} for e, t in zip(rows, titles, strict=True)])
    )
    events = events.with_columns(
        segment_id=pl.Series([0, 0, 0, 0, 1, 1], dtype=pl.UInt32),
        step=pl.Series([True, False, True, True, True, True]),
    )
    segments = list_segments(events).with_columns(task_id=pl.lit("T01"))
    return events, segments


def test_seconds_are_known_with_events_and_add_up() -> None:
    events, segments = two_segments()
    visits = list_visits(segments, events=events)
    assert visits.group_by("segment_id", maintain_order=True).agg("seconds")["seconds"].to_list() == [
        [10, 5, 5],
        [5, 0],
    ]
    assert visits["seconds"].sum() == segments["active_seconds"].sum()
    assert list_visits(segments)["seconds"].null_count() == 5


def test_seconds_here_and_in_the_standard_stand_beside_each_other() -> None:
    events, segments = two_segments()
    aligned = align_variants(segments, task_id="T01", events=events)
    assert aligned["median_seconds"].to_list() == aligned["standard_seconds"].to_list() == [10.0, 2.5]  # A: 15 and 5
    unknown = events.filter(pl.col("segment_id") == 0)  # a segment without events is no segment without time
    assert align_variants(segments, task_id="T01", events=unknown)["median_seconds"].to_list() == [15.0, 5.0]
    assert align_variants(segments, task_id="T01")["median_seconds"].null_count() == 2


def test_rows_before_the_first_step_count_for_it() -> None:
    events, segments = two_segments()
    late = events.with_columns(step=pl.Series([False, True, True, True, True, True]))
    assert list_visits(list_segments(late), events=late)["seconds"].to_list() == [10, 5, 5, 5, 0]
    assert segments.height == 2


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        ("", []),
        ("abc", [(("a",), 1), (("b",), 1), (("c",), 1)]),
        ("aaab", [(("a",), 3), (("b",), 1)]),
        ("xababab", [(("x",), 1), (("a", "b"), 3)]),
        ("abcabcab", [(("a", "b", "c"), 2), (("a",), 1), (("b",), 1)]),
    ],
)
def test_loops_are_collapsed(sequence: str, expected: list[tuple[tuple[str, ...], int]]) -> None:
    assert collapse_loops(list(sequence)) == expected


@settings(deadline=None)  # the first example loads and compiles
@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_collapsed_loops_unroll_to_what_they_were(sequence: list[str]) -> None:
    assert [step for block, times in collapse_loops(sequence) for _ in range(times) for step in block] == sequence


def test_the_number_of_rounds_makes_no_variant() -> None:
    simple = simplify_variants(segments_of("xabab", "xabababab", "xab"), level="activity")
    assert simple["variant_id"].to_list() == ["T01-V01", "T01-V01", "T01-V02"]
    assert simple["rounds"].to_list() == [1, 3, 0]


def test_going_back_and_forth_between_screens_is_a_loop() -> None:
    back = ["click x · A", "click y · A", "open B", "click x · A", "open B"]
    assert simplify_variants(segments_of(back))["way"].to_list() == [["(A → B)+"]]


def test_neighbours_in_either_order_are_one_step_if_both_are_frequent() -> None:
    frame = segments_of(*["xaby"] * 6, *["xbay"] * 5)
    assert simplify_variants(frame, level="activity")["way"].unique().to_list() == [["x", "{a, b}", "y"]]
    assert simplify_variants(frame.head(10), level="activity")["variant_id"].n_unique() == 2  # four are too few
    assert simplify_variants(frame, level="activity", free=0.5)["variant_id"].n_unique() == 2
    assert simplify_variants(frame, level="activity", free=1)["variant_id"].n_unique() == 2


def test_a_block_holds_only_what_is_free_among_each_other() -> None:
    frame = segments_of(*["abc"] * 6, *["bac"] * 6, *["acb"] * 6)
    ways = simplify_variants(frame, level="activity")["way"]
    assert set(map(tuple, ways.to_list())) == {("{a, b}", "c"), ("a", "{b, c}")}  # a and c have an order


def test_orders_of_one_task_say_nothing_about_another() -> None:
    both = pl.concat([segments_of(*["ab"] * 5, *["ba"] * 5), segments_of(*["ab"] * 9, task="T02")])
    both = both.with_columns(segment_id=pl.int_range(pl.len(), dtype=pl.UInt32))
    ways = simplify_variants(both, level="activity").group_by("task_id", maintain_order=True).agg(pl.col("way").first())
    assert ways["way"].to_list() == [["{a, b}"], ["a", "b"]]


def test_variants_do_not_depend_on_the_order_of_rows_and_keep_it() -> None:
    frame = segments_of("abab", "ac", "abab", "x", "", "ca", "ab")
    turned = simplify_variants(frame.reverse(), level="activity", rare=0)
    straight = simplify_variants(frame, level="activity", rare=0)
    assert turned.reverse().equals(straight)
    assert straight["segment_id"].to_list() == frame["segment_id"].to_list()


def test_what_is_in_no_task_has_no_variant() -> None:
    frame = segments_of("ab", "ab").with_columns(task_id=pl.Series(["T01", None]))
    assert simplify_variants(frame, level="activity")["variant_id"].to_list() == ["T01-V01", None]


def test_rare_steps_are_left_out() -> None:
    frame = segments_of(*["ab"] * 9, "azb")
    assert simplify_variants(frame, level="activity")["variant_id"].n_unique() == 1
    assert simplify_variants(frame, level="activity", rare=0)["variant_id"].n_unique() == 2


def test_all_wrong_settings_are_said() -> None:
    with pytest.raises(SettingError, match="rare=2, free=0"):
        simplify_variants(segments_of("ab"), rare=2, free=0)


def test_simplify_ways_keeps_rows_and_columns() -> None:
    frame = pl.DataFrame({"task_id": ["T01", None], "way": [["a", "a"], ["b"]], "mine": [1, 2]})
    simple = simplify_ways(frame)
    assert simple["way"].to_list() == [["(a)+"], ["b"]]
    assert simple["mine"].to_list() == [1, 2]


def test_a_row_can_stand_for_many_segments() -> None:
    frame = pl.DataFrame({"task_id": "T01", "way": [["a", "b"], ["b", "a"]], "times": [6, 5]})
    assert simplify_ways(frame, count="times")["way"].to_list() == [["{a, b}"]] * 2
    assert simplify_ways(frame)["way"].to_list() == frame["way"].to_list()


def test_ways_are_laid_beside_a_list_of_steps_with_their_repeats() -> None:
    ways = pl.DataFrame({"variant_id": ["A", "B"], "activities": [["a", "a", "b"], ["b"]]})
    rows = align_ways(ways, ["a", "b"]).select("variant_id", "step", "relation", "standard_step").rows()
    assert set(rows) == {
        ("A", "a", "only here", None), ("A", "a", "same", "a"), ("A", "b", "same", "b"),
        ("B", None, "only there", "a"), ("B", "b", "same", "b"),
    }  # fmt: skip


def test_doing_the_same_again_is_a_loop_at_the_level_of_actions_only() -> None:
    frame = segments_of("aab", "ab")
    assert simplify_variants(frame, level="action", rare=0)["way"].to_list() == [["(a)+", "b"], ["a", "b"]]
    assert simplify_variants(frame, level="activity", rare=0)["way"].to_list() == [["a", "b"], ["a", "b"]]
    aligned = align_variants(frame, task_id="T01", standard=["a", "b"], level="action", rare=0)
    assert aligned.filter(pl.col("relation") != "same").select("step", "relation").rows() == [("a", "only here")]


def test_applications_have_no_order_to_lay_beside_another() -> None:
    for function in (align_variants, simplify_variants):
        settings = {"task_id": "T01"} if function is align_variants else {}
        with pytest.raises(
            SettingError, match=r"applications of a segment have none\. Known: action, activity, screen"
        ):
            function(segments_of("ab"), level="app", **settings)
