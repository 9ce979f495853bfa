"""Similar segments → tasks, variants and routines."""

from __future__ import annotations

import polars as pl
import pytest

import taskkit as tk
from taskkit.errors import ContractError, SettingError
from taskkit.schema import TASKS, VARIANTS, check
from taskkit.variants import sequence_distances
from tests.frames import make_events
from tests.test_segments import two_people


def found(method: str = "model") -> pl.DataFrame:
    settings = {} if method == "model" else {"gap": "30s"}
    return tk.find_tasks(tk.list_segments(tk.segment(two_people(), method=method, **settings)))


def sequences(*rows: str, user: str = "p_1") -> pl.DataFrame:
    """Segments frame with one segment per text, one activity per character, all of one task."""
    events = make_events(
        [
            {"element_name": f"{c}{c}", "window_title": f"screen {c}", "after": 999 if i == 0 else 1}
            for row in rows
            for i, c in enumerate(row)
        ],
        user=user,
    )
    listed = tk.list_segments(tk.segment(tk.name_activities(events), method="gap"))
    return listed.with_columns(task_id=pl.lit("T01"), task_name=pl.lit("test"))


@pytest.mark.parametrize("method", ["model", "gap"])
def test_two_kinds_of_work_are_two_tasks(method: str) -> None:
    segments = found(method)
    scan = segments["activities"].list.eval(pl.element().str.contains("scan")).list.any()
    table = segments.with_columns(scan=scan).drop_nulls("task_id").group_by("task_id").agg(pl.col("scan").mean())
    assert sorted(table["scan"].to_list()) == pytest.approx([0.0, 1.0], abs=0.2 if method == "model" else 0)


def test_tasks_keep_their_contract() -> None:
    assert check(tk.list_tasks(found()), TASKS).is_empty()


def test_the_task_with_the_most_active_time_comes_first() -> None:
    hours = tk.list_tasks(found())["active_hours"].to_list()
    assert hours == sorted(hours, reverse=True)


def test_a_task_is_named_by_what_was_done() -> None:
    names = tk.list_tasks(found())["task_name"].to_list()
    assert any("scan" in name or "rename" in name or "upload" in name for name in names)


def test_two_tasks_never_have_the_same_name() -> None:
    assert tk.list_tasks(found())["task_name"].is_unique().all()


def test_a_group_that_is_too_small_is_no_task() -> None:
    segments = tk.find_tasks(sequences("abc", "abc").drop("task_id", "task_name"), min_segments=3)
    assert segments["task_id"].null_count() == 2


def test_the_order_of_segments_does_not_matter() -> None:
    segments = tk.list_segments(tk.segment(two_people(), method="gap", gap="30s"))
    mixed = tk.find_tasks(segments.sample(fraction=1, shuffle=True, seed=2)).sort("segment_id")
    assert mixed["task_id"].to_list() == tk.find_tasks(segments)["task_id"].to_list()


def test_no_segments_give_no_tasks() -> None:
    segments = tk.find_tasks(tk.list_segments(tk.segment(two_people(), method="gap")).clear())
    assert tk.list_tasks(segments).is_empty()


def test_a_similarity_out_of_range_is_refused() -> None:
    with pytest.raises(SettingError, match="similarity"):
        tk.find_tasks(sequences("ab"), similarity=0)


def test_segments_without_tasks_cannot_be_counted() -> None:
    with pytest.raises(ContractError, match="find_tasks"):
        tk.count_variants(tk.list_segments(tk.segment(two_people(), method="gap")))


def test_variants_are_ways_and_their_shares_add_up() -> None:
    counted = tk.count_variants(sequences("abc", "abc", "acb"), rare=0, level="activity")
    assert counted["share"].to_list() == pytest.approx([2 / 3, 1 / 3])
    assert counted["cumulative_share"].to_list() == pytest.approx([2 / 3, 1.0])


def test_variants_keep_their_contract() -> None:
    assert check(tk.count_variants(found()), VARIANTS).is_empty()


def test_what_hardly_anyone_does_makes_no_variant() -> None:
    counted = tk.count_variants(sequences(*["abc"] * 19, "abzc"), rare=0.1, level="activity")
    assert counted["segments"].to_list() == [20]


def test_no_activity_is_left_out_with_rare_zero() -> None:
    counted = tk.count_variants(sequences(*["abc"] * 19, "abzc"), rare=0, level="activity")
    assert counted["segments"].to_list() == [19, 1]


def test_going_back_and_forth_between_screens_is_one_way() -> None:
    assert tk.count_variants(sequences("abc", "ababc", "abcbc"), level="screen", rare=0).height == 1


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(SettingError, match="Known: activity, screen"):
        tk.count_variants(sequences("ab"), level="window")


def test_every_segment_with_a_task_has_a_variant() -> None:
    segments = tk.find_variants(found())
    assert segments.filter(pl.col("task_id").is_null() != pl.col("variant_id").is_null()).is_empty()


def test_successions_count_starts_and_ends() -> None:
    counted = tk.count_successions(sequences("ab", "ab"), level="activity")
    ends = counted.filter(pl.col("after").is_null() | pl.col("before").is_null())
    assert ends["times"].to_list() == [2, 2]


def test_staying_on_a_screen_is_no_succession() -> None:
    segments = sequences("abc").with_columns(activities=pl.lit(["click x · S", "click y · S", "click z · T"]))
    assert tk.count_successions(segments, level="screen").select("before", "after").drop_nulls().rows() == [("S", "T")]


def test_another_cut_of_a_routine_is_not_listed() -> None:
    events = make_events([c * 2 for c in "abcdabcdabcdabc"])
    named = tk.segment(tk.name_activities(events), method="gap")
    assert tk.find_routines(named.with_columns(segment_id=(pl.col("seq") // 4).cast(pl.UInt32)))[
        "length"
    ].to_list() == [4]


def test_distances_are_edits_over_the_longer_length() -> None:
    distances = sequence_distances([["a", "b", "c"], ["a", "c"], []])
    assert distances.round(3).tolist() == [[0, 0.333, 1], [0.333, 0, 1], [1, 1, 0]]


def test_a_routine_may_have_other_steps_between() -> None:
    events = make_events([c * 2 for c in "abxcabycabzc"])
    named = tk.segment(tk.name_activities(events), method="anchor", end="^click cc")
    routines = tk.find_routines(named, gap=1)
    assert routines["activities"].to_list() == [["click aa · erp", "click bb · erp", "click cc · erp"]]
    assert routines["support"].to_list() == [3]


def test_a_routine_does_not_cross_segments() -> None:
    events = make_events([c * 2 for c in "abcabcabc"])
    named = tk.segment(tk.name_activities(events), method="anchor", end="^click cc")
    assert not any(r[0] != "click aa · erp" for r in tk.find_routines(named)["activities"])


def test_a_part_of_a_routine_with_the_same_support_is_not_listed() -> None:
    events = make_events([c * 2 for c in "abcdabcdabcd"])
    named = tk.segment(tk.name_activities(events), method="anchor", end="^click dd")
    assert tk.find_routines(named)["length"].to_list() == [4]


def test_routines_cover_at_most_everything() -> None:
    events = tk.segment(two_people(), method="gap", gap="30s")
    assert tk.find_routines(events)["coverage"].max() <= 1.0


def test_routine_settings_out_of_range_are_refused() -> None:
    events = tk.segment(two_people(), method="gap", gap="30s")
    with pytest.raises(SettingError, match="min_support"):
        tk.find_routines(events, min_support=0)
