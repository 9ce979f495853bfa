"""The least sure boundaries: which, in what order, with what around them, and counted without naming anybody."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import taskkit as tk
from taskkit.errors import ContractError, SettingError
from tests.frames import make_events

# a segment of "open, type" every ten minutes; the sureness of their beginnings
SURE = [0.9, 0.3, 0.7]


def cut(sure: list[float] = SURE, *, user: str = "p_1", task: str | None = "T01", **shared: Any) -> pl.DataFrame:
    rows = [{"element_name": name, "after": 600 if name == "open" else 5} for _ in sure for name in ("open", "type")]
    events = tk.segment(tk.name_activities(make_events(rows, user=user, **shared)), method="gap")
    begins = [value for known in sure for value in (known, None)]
    return events.with_columns(
        boundary_confidence=pl.Series(begins, dtype=pl.Float64), task_id=pl.lit(task, dtype=pl.String)
    )


def test_the_least_sure_boundary_comes_first() -> None:
    assert tk.list_unsure(cut())["boundary_confidence"].to_list() == [0.3, 0.7]


def test_the_beginning_of_a_session_is_no_question() -> None:
    assert 0 not in tk.list_unsure(cut([0.1, 0.9]))["seq"].to_list()


def test_a_boundary_is_told_with_what_is_done_before_and_after() -> None:
    row = tk.list_unsure(cut()).row(0, named=True)
    assert (row["activity_before"], row["activity"], row["seconds_between"]) == (
        "click type · erp",
        "click open · erp",
        600.0,
    )
    assert (row["user"], row["session_id"], row["seq"], row["segment_id"], row["task_id"]) == ("p_1", "s1", 2, 1, "T01")


def test_a_boundary_on_a_row_without_meaning_is_told_by_its_first_step() -> None:
    events = cut().with_columns(pl.col("seq") * 10)
    focus = events.filter(seq=20).with_columns(
        pl.col("seq") - 1, pl.col("timestamp").dt.offset_by("-2s"), step=pl.lit(False), activity=pl.lit(None, pl.String)
    )
    later = events.with_columns(pl.when(pl.col("seq") != 20).then("boundary_confidence").alias("boundary_confidence"))
    row = tk.list_unsure(pl.concat([later, focus])).row(0, named=True)
    assert (row["seq"], row["activity_before"], row["activity"]) == (19, "click type · erp", "click open · erp")
    assert row["seconds_between"] == 600.0


def test_a_step_of_another_session_is_not_before() -> None:
    events = pl.concat([cut(session_id="s1"), cut([0.2, 0.8], session_id="s2")])
    assert tk.list_unsure(events)["boundary_confidence"].to_list() == [0.3, 0.7, 0.8]


def test_only_so_many_are_listed() -> None:
    assert tk.list_unsure(cut(), most=1).height == 1


def test_methods_without_confidence_give_no_rows() -> None:
    unknown = cut().with_columns(boundary_confidence=pl.lit(None, dtype=pl.Float64))
    for events in (unknown, unknown.drop("boundary_confidence")):
        assert tk.list_unsure(events).is_empty()
        assert tk.count_unsure(events).is_empty()
        assert tk.count_unsure(events, by="activities").is_empty()
        assert tk.list_unsure(events).columns == tk.list_unsure(cut()).columns


def test_a_log_without_rows_gives_no_rows() -> None:
    assert tk.list_unsure(cut().clear()).is_empty()


def test_without_tasks_there_is_no_task_column() -> None:
    assert "task_id" not in tk.list_unsure(cut().drop("task_id")).columns


def test_a_missing_column_is_named_with_the_function_that_makes_it() -> None:
    with pytest.raises(ContractError, match=r"'segment_id'.*made by segment"):
        tk.list_unsure(cut().drop("segment_id"))
    with pytest.raises(ContractError, match=r"'task_id'.*find_tasks"):
        tk.count_unsure(cut().drop("task_id"))


def test_settings_that_are_not_allowed_are_refused() -> None:
    with pytest.raises(SettingError, match="most=-1"):
        tk.list_unsure(cut(), most=-1)
    with pytest.raises(SettingError, match="below=2"):
        tk.count_unsure(cut(), below=2)
    with pytest.raises(SettingError, match="Did you mean 'task'"):
        tk.count_unsure(cut(), by="tasks")


def test_unsure_boundaries_are_counted_by_task() -> None:
    events = pl.concat([cut(), cut(user="p_2"), cut([0.9, 0.9], user="p_3", task="T02")])
    counted = tk.count_unsure(events, below=0.5)
    assert counted.select("task_id", "boundaries", "unsure", "people").rows() == [("T01", 4, 2, 2), ("T02", 1, 0, 1)]
    assert counted["expected_wrong"].to_list() == [2.0, 0.1]


def test_unsure_boundaries_are_counted_by_what_is_done_around_them() -> None:
    counted = tk.count_unsure(pl.concat([cut(), cut(user="p_2")]), by="activities")
    assert counted.select("activity_before", "activity", "unsure").rows() == [
        ("click type · erp", "click open · erp", 4)
    ]


def test_unsure_boundaries_are_counted_by_the_first_step() -> None:
    counted = tk.count_unsure(pl.concat([cut(), cut(user="p_2")]), by="activity")
    assert counted.select("activity", "boundaries", "people").rows() == [("click open · erp", 4, 2)]


def test_counts_name_nobody() -> None:
    for by in ("task", "activity", "activities"):
        assert not {"user", "session_id", "seq", "timestamp"} & {*tk.count_unsure(cut(), by=by).columns}


@given(st.permutations(range(12)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    events = pl.concat([cut([0.5, 0.5, 0.5]), cut([0.5, 0.5, 0.5], user="p_2", task="T02")])
    shuffled = events[order]
    assert tk.list_unsure(shuffled).equals(tk.list_unsure(events))
    assert tk.count_unsure(shuffled).equals(tk.count_unsure(events))


def test_the_events_are_not_changed() -> None:
    events = cut()
    before = events.clone()
    tk.list_unsure(events)
    tk.count_unsure(events)
    assert events.equals(before)
