"""Segmentation by rules: loops of the directly-follows graph, and changes of the main application."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import taskkit as tk
from taskkit.errors import SettingError
from taskkit.segments.rules import find_loops, segment_by_routine, segment_by_switch
from tests.frames import make_events

UNTIMED = settings(deadline=None, max_examples=60)  # the first call loads scipy
LOGS = Path(__file__).parents[2] / "shared" / "bench" / "logs"
COLUMNS = {"seq": "seq", "timestamp": "timestamp", "user": "user", "app": "app", "window_title": "window",
           "event_name": "event_type", "element_name": "element", "value": "value", "url": "url"}  # fmt: skip


def steps_of(rows: list[Any], **shared: Any) -> pl.DataFrame:
    return tk.name_activities(make_events(rows, **shared)).filter("step")


def routine(names: str, **settings: Any) -> list[int | None]:
    """Segments, numbered from 0, of a session in which each letter is an activity."""
    found = segment_by_routine(steps_of(list(names)), **settings)["segment"]
    order = found.drop_nulls().unique(maintain_order=True).to_list()
    return [None if label is None else order.index(label) for label in found.to_list()]


# ------------------------------------------------------------------------------------------------------------- routine
def test_every_round_of_a_loop_is_a_segment() -> None:
    assert routine("abcabcabc") == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_an_inner_repetition_divides_nothing() -> None:
    assert routine("abcbcd" * 3) == [0] * 6 + [1] * 6 + [2] * 6


def test_a_round_that_breaks_off_at_once_makes_no_beginning_of_a_repetition() -> None:
    assert routine("abcbz" * 3 + "ap" + "abcbz" * 3)[14:18] == [2, 3, None, 4]
    assert len(set(routine("abcbz" * 3 + "ap" + "abcbz" * 3)) - {None}) == 7


def test_two_pieces_of_work_in_any_order_each_begin_a_segment() -> None:
    assert routine("abc" "xyz" "xyz" "abc" "abc" "xyz" "abc") == [n for n in range(7) for _ in range(3)]  # fmt: skip


def test_what_lies_on_no_loop_belongs_to_no_segment() -> None:
    assert routine("abcabcabcpq") == [0, 0, 0, 1, 1, 1, 2, 2, 2, None, None]


def test_work_without_a_loop_has_no_segments() -> None:
    assert routine("abcdef") == [None] * 6


def test_rare_ways_do_not_move_the_beginning() -> None:
    names = "abcd" * 40 + "cd" + "abcd" * 40
    assert len(set(routine(names))) == 80


def test_all_ways_count_where_nothing_is_rare() -> None:
    steps = "abcd" * 30 + "ad" + "abcd" * 30
    assert routine(steps, rare=0.0) == routine(steps)


@UNTIMED
@given(st.lists(st.lists(st.integers(1, 5), max_size=6), min_size=2, max_size=20))
def test_rounds_with_one_beginning_and_end_are_found_whatever_lies_between(rounds: list[list[int]]) -> None:
    x = np.array([step for inner in rounds for step in [0, *inner, 9]])
    headers, members = find_loops(x, np.arange(len(x)) == 0, rare=0.0)
    assert headers.tolist() == [0]
    assert {0, 9} <= set(members.tolist()) <= set(x.tolist())


@UNTIMED
@given(st.lists(st.integers(0, 6), max_size=60), st.lists(st.integers(0, 59), max_size=4))
def test_numbers_of_activities_carry_no_meaning(names: list[int], cuts: list[int]) -> None:
    x = np.array(names, dtype=np.int64)
    opens = np.isin(np.arange(len(x)), [0, *cuts])
    other = np.array([4, 6, 0, 3, 1, 5, 2])
    here, there = find_loops(x, opens), find_loops(other[x], opens)
    for one, two in zip(here, there, strict=True):
        assert sorted(other[one].tolist()) == two.tolist()


def test_every_loop_has_a_beginning_however_many_ways_lead_to_it() -> None:
    # fifteen sessions that begin at another place of one ring each: none has a tenth of the entries
    x = np.concatenate([np.roll(np.arange(15), k) for k in range(15)])
    headers, members = find_loops(x, np.arange(len(x)) % 15 == 0, rare=0.0)
    assert headers.tolist() == members.tolist() == list(range(15))


def test_a_loop_that_several_sessions_enter_anew_is_one() -> None:
    rows = [{"element_name": name, "session_id": f"s{n // 9}"} for n, name in enumerate("abcabcabc" * 4)]
    found = segment_by_routine(steps_of(rows))["segment"]
    assert found.n_unique() == 12


def test_what_comes_before_the_first_round_of_a_session_belongs_to_no_segment() -> None:
    rows = [{"element_name": name, "session_id": f"s{n // 6:02}"} for n, name in enumerate("abc" * 40)]
    rows += [{"element_name": name, "session_id": "s99"} for name in "c" + "abc" * 3]
    for rare in (0.0, 0.1):
        found = segment_by_routine(steps_of(rows), rare=rare)["segment"]
        assert found.is_null().arg_true().to_list() == [120]
        assert found.drop_nulls().n_unique() == 43


def test_a_part_of_more_than_all_is_refused() -> None:
    with pytest.raises(SettingError, match="rare=2"):
        segment_by_routine(steps_of(["a"]), rare=2)


@pytest.mark.skipif(not LOGS.exists(), reason="the labelled logs are not beside this checkout")
@pytest.mark.parametrize("number", [1, 3, 7, 9])
def test_simulated_routines_are_found_exactly(number: int) -> None:
    log = pl.read_parquet(LOGS / f"cpn{number}.parquet").sort("seq")
    events = tk.name_activities(tk.from_table(log.select(pl.exclude("^true_.*$")), columns=COLUMNS))
    found = segment_by_routine(events.filter("step"))["segment"]
    scored = events.filter("step").select("user", "session_id", "seq").with_columns(segment_id=found)
    scored = scored.join(log.select("seq", "true_segment").cast({"seq": pl.UInt64}), on="seq", how="left")
    assert tk.score_segments(scored)["value"][1] >= 0.95


# -------------------------------------------------------------------------------------------------------------- switch
def visits(*stays: tuple[str, int], seconds: float = 10.0) -> list[int]:
    """Segments of visits (application, steps), the steps `seconds` apart, numbered from 0."""
    rows = [{"app": app, "element_name": f"{app} {'xyzuvw'[k % 6]}"} for app, times in stays for k in range(times)]
    found = segment_by_switch(steps_of(rows, seconds=seconds))["segment"]
    return (found.rle_id()).to_list()


def test_another_application_in_which_one_stays_begins_a_segment() -> None:
    assert visits(("erp", 5), ("mail", 5)) == [0] * 5 + [1] * 5


def test_a_short_visit_belongs_to_the_work_it_interrupts() -> None:
    assert visits(("erp", 5), ("chat", 1), ("erp", 5)) == [0] * 11


def test_a_short_visit_from_which_one_does_not_come_back_leads_to_what_comes_next() -> None:
    assert visits(("erp", 5), ("explorer", 1), ("mail", 5)) == [0] * 5 + [1] * 6


def test_work_that_was_come_back_to_goes_on_however_shortly() -> None:
    assert visits(("erp", 5), ("chat", 1), ("erp", 1), ("mail", 5)) == [0] * 7 + [1] * 5


def test_short_visits_alone_are_one_segment() -> None:
    assert visits(("erp", 1), ("mail", 1), ("chat", 1), seconds=5) == [0, 0, 0]


def test_a_pause_ends_the_segment_in_the_same_application() -> None:
    rows = [{"element_name": name, "after": 400 if name == "d" else 10} for name in "abcdef"]
    assert segment_by_switch(steps_of(rows))["segment"].rle_id().to_list() == [0, 0, 0, 1, 1, 1]


def test_time_away_is_no_stay() -> None:
    rows: list[dict[str, Any]] = [{"app": "erp", "element_name": name, "after": 10} for name in "abcdefghij"]
    rows += [{"app": "chat", "element_name": "x", "after": 10}, {"app": "erp", "element_name": "a", "after": 200}]
    rows += [{"app": "erp", "element_name": name, "after": 10} for name in "bcdefghij"]
    found = segment_by_switch(steps_of(rows), stay="90s")["segment"]
    assert found.n_unique() == 1


def test_people_do_not_share_segments() -> None:
    rows = [{"user": f"p_{n // 4}", "session_id": f"s{n // 4}", "element_name": "abcd"[n % 4]} for n in range(12)]
    steps = steps_of(rows)
    together = (
        steps.select("user").with_columns(segment_by_switch(steps)).group_by("segment").agg(pl.col("user").n_unique())
    )
    assert together.height == 3
    assert together["user"].max() == 1


def test_places_are_chosen_by_a_known_column() -> None:
    with pytest.raises(SettingError, match="app_role"):
        segment_by_switch(steps_of(["a"]), by="window")


def test_screens_can_be_the_places() -> None:
    chance = random.Random(1)
    rows = [
        {"window_title": title, "element_name": chance.choice("abcdefgh")} for title in ["Orders"] * 12 + ["Stock"] * 12
    ]
    steps = steps_of(rows, seconds=8.0)
    assert segment_by_switch(steps)["segment"].n_unique() == 1
    assert segment_by_switch(steps, by="screen")["segment"].n_unique() == 2


def test_the_input_stays_as_it_was() -> None:
    steps = steps_of(list("abcabc"))
    before = steps.clone()
    segment_by_switch(steps)
    segment_by_routine(steps)
    assert steps.equals(before)
