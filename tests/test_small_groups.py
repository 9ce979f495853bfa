"""Small groups: what rests on few people is hidden, and cannot be worked out from what is shown beside it."""

from __future__ import annotations

import itertools

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit.charts.look import hidden_note, shown, smallest_group
from taskkit.privacy import MIN_PEOPLE, pool_small_tasks, suppress_small_groups
from taskkit.widgets.tables import table

SIZES = st.lists(st.integers(0, 12), min_size=1, max_size=8)


def sets_of(sizes: list[int], chance: st.DataObject) -> list[set[int]]:
    """Rows as sets of people, who may stand behind several rows."""
    return [chance.draw(st.sets(st.integers(0, 14), min_size=size, max_size=size)) for size in sizes]


@given(SIZES)
def test_of_disjoint_groups_what_is_hidden_rests_on_two_rows_and_enough_people(sizes: list[int]) -> None:
    marked = suppress_small_groups(pl.DataFrame({"people": sizes}), exhaustive=True, disjoint=True)
    hidden = [size for size, gone in zip(sizes, marked["hidden"], strict=True) if gone and size]
    rest = [size for size, gone in zip(sizes, marked["hidden"], strict=True) if not gone]
    assert not hidden or not rest or (len(hidden) > 1 and sum(hidden) >= MIN_PEOPLE)


@given(SIZES, st.data())
def test_of_overlapping_groups_what_is_left_of_the_whole_is_that_of_enough_people(
    sizes: list[int], data: st.DataObject
) -> None:
    rows = sets_of(sizes, data)
    marked = suppress_small_groups(pl.DataFrame({"people": sizes}), exhaustive=True)
    hidden = [who for who, gone in zip(rows, marked["hidden"], strict=True) if gone and who]
    if hidden and len(hidden) < sum(bool(who) for who in rows):  # something is shown that can be subtracted
        assert len(set().union(*hidden)) >= MIN_PEOPLE


@given(SIZES)
def test_no_hidden_value_follows_from_the_total_and_the_rows_shown(sizes: list[int]) -> None:
    """Of a one-way table two tables that differ in every hidden value look the same, unless all of it is hidden."""
    values = [float(7 * n + 3) for n in range(len(sizes))]
    frame = pl.DataFrame({"people": sizes, "hours": values})
    marked = suppress_small_groups(frame, exhaustive=True)
    hidden = [place for place, gone in enumerate(marked["hidden"]) if gone and sizes[place]]
    if not hidden or len(hidden) == sum(size > 0 for size in sizes):
        return
    for one, other in itertools.pairwise(hidden):
        moved = values.copy()
        moved[one], moved[other] = moved[one] - 1, moved[other] + 1
        again = suppress_small_groups(pl.DataFrame({"people": sizes, "hours": moved}), exhaustive=True)
        assert sum(moved) == sum(values)
        assert again.filter(~pl.col("hidden")).equals(marked.filter(~pl.col("hidden")))
    assert len(hidden) > 1


@given(SIZES)
def test_everything_that_was_hidden_before_stays_hidden(sizes: list[int]) -> None:
    frame = pl.DataFrame({"people": sizes})
    plain = suppress_small_groups(frame, exhaustive=False)["hidden"]
    covered = suppress_small_groups(frame, exhaustive=True)["hidden"]
    assert covered.filter(plain).all()


def test_where_nobody_is_hidden_nothing_more_is() -> None:
    assert not suppress_small_groups(pl.DataFrame({"people": [5, 9]}), exhaustive=True)["hidden"].any()


def test_shares_that_add_up_are_noticed_on_pages_that_leave_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({"people": [9, 7, 2], "share": [0.5, 0.3, 0.2]})
    assert suppress_small_groups(frame)["hidden"].to_list() == [False, False, True]
    monkeypatch.setenv("TASKKIT_SHARED", "1")
    assert suppress_small_groups(frame)["hidden"].to_list() == [False, True, True]


def test_shares_that_do_not_add_up_hide_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKKIT_SHARED", "1")
    frame = pl.DataFrame({"people": [9, 7, 2], "share": [0.5, 0.5, 0.5]})
    assert suppress_small_groups(frame)["hidden"].to_list() == [False, False, True]


def test_a_table_of_shares_does_not_tell_the_one_row_it_hides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKKIT_SHARED", "1")
    frame = pl.DataFrame({"app": list("abc"), "people": [9, 7, 2], "share": [0.5, 0.3, 0.2]})
    markup = table(frame, min_people=5).markup
    assert "50" in markup
    assert "30" not in markup
    assert "20" not in markup


def test_a_chart_of_a_page_that_leaves_the_room_leaves_out_the_next_smallest_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = pl.DataFrame({"app": list("abc"), "people": [9, 7, 2], "hours": [5.0, 3.0, 2.0]})
    assert shown(frame, 5)[0]["app"].to_list() == ["a", "b"]
    monkeypatch.setenv("TASKKIT_SHARED", "1")
    assert shown(frame, 5)[0]["app"].to_list() == ["a"]


def test_the_note_about_what_is_hidden_does_not_say_that_all_of_it_is_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKKIT_SHARED", "1")
    assert (
        hidden_note(2, 5, what="task") == "2 tasks are hidden: seen with fewer than 5 people, or next to one that is."
    )


def test_a_log_of_few_people_shows_all_in_the_room_and_nothing_outside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    two = pl.DataFrame({"user": ["a", "b"]})
    assert smallest_group(two, min_people=5) == 1
    monkeypatch.setenv("TASKKIT_SHARED", "1")
    assert smallest_group(two, min_people=5) == 5


def tasks_of(people: dict[str | None, int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = [(f"u{n}", f"{task}{n}", task) for task, count in people.items() for n in range(count)]
    events = pl.DataFrame(rows, schema={"user": pl.String, "segment_id": pl.String, "task_id": pl.String}, orient="row")
    events = events.with_columns(segment_id=pl.when(pl.col("task_id").is_not_null()).then("segment_id"))
    return events, events.drop_nulls("task_id")


def test_a_task_of_few_people_counts_as_work_outside_tasks() -> None:
    events, segments = pool_small_tasks(*tasks_of({"T01": 9, "T02": 3, None: 9}))
    assert segments["task_id"].unique().to_list() == ["T01"]
    assert events.filter(pl.col("task_id").is_null()).height == 12


def test_no_row_is_lost_when_tasks_are_pooled() -> None:
    events, segments = tasks_of({"T01": 9, "T02": 3, None: 9})
    told, _ = pool_small_tasks(events, segments)
    assert told.drop("task_id", "segment_id").equals(events.drop("task_id", "segment_id"))


def test_where_nothing_else_lies_outside_tasks_the_next_task_is_pooled_too() -> None:
    _, segments = pool_small_tasks(*tasks_of({"T01": 9, "T02": 3, "T03": 6}))
    assert segments["task_id"].unique().to_list() == ["T01"]


@given(st.dictionaries(st.sampled_from(["T01", "T02", "T03", "T04"]), st.integers(1, 9), min_size=1), st.integers(0, 9))
def test_work_outside_tasks_is_that_of_nobody_or_of_enough_people(people: dict[str | None, int], outside: int) -> None:
    events, segments = tasks_of(people | {None: outside})
    told, kept = pool_small_tasks(events, segments)
    added = told.filter(pl.col("task_id").is_null()).height > outside
    assert not added or kept.is_empty() or told.filter(pl.col("task_id").is_null())["user"].n_unique() >= MIN_PEOPLE
