"""One person's stream → stretches of work."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest

import taskkit as tk
from taskkit.errors import ContractError, SettingError
from taskkit.schema import SEGMENTS, check
from tests.frames import make_events

OPTIONS: dict[str, dict[str, Any]] = {"model": {}, "gap": {"gap": "1m"}, "anchor": {"start": "open", "end": "close"}}


def two_people() -> pl.DataFrame:
    """Two people who do two tasks over and over, with noise between."""
    invoice, scan = ["open", "amount", "vendor", "post", "close"], ["open scan", "rename", "upload", "close scan"]
    rows: list[dict[str, Any]] = []
    chance = random.Random(4)
    for person in ("p_1", "p_2"):
        for turn in range(40):
            for place, name in enumerate(scan if chance.random() < 0.4 else invoice):
                rows.append(
                    {
                        "user": person,
                        "session_id": f"{person}-1",
                        "element_name": name,
                        "after": 90 if place == 0 else 4,
                    }
                )
            if turn % 5 == 0:
                rows.append({"user": person, "session_id": f"{person}-1", "element_name": "chat", "app": "chat"})
    return tk.name_activities(make_events(rows))


@pytest.mark.parametrize("method", tk.METHODS)
def test_no_event_is_lost_and_ids_are_dense(method: str) -> None:
    events = two_people()
    found = tk.segment(events, method=method, **OPTIONS[method])
    ids = found["segment_id"].drop_nulls().unique().sort().to_list()
    assert found.height == events.height
    assert ids == list(range(len(ids)))
    assert len(ids) > 2


@pytest.mark.parametrize("method", tk.METHODS)
def test_a_segment_has_one_person(method: str) -> None:
    found = tk.segment(two_people(), method=method, **OPTIONS[method]).drop_nulls("segment_id")
    assert found.group_by("segment_id").agg(pl.col("user").n_unique())["user"].max() == 1


@pytest.mark.parametrize("method", tk.METHODS)
def test_the_order_of_rows_does_not_matter(method: str) -> None:
    events = two_people()
    mixed = events.sample(fraction=1, shuffle=True, seed=3)
    assert tk.segment(mixed, method=method, **OPTIONS[method]).equals(
        tk.segment(events, method=method, **OPTIONS[method])
    )


@pytest.mark.parametrize("method", tk.METHODS)
def test_an_empty_log_has_no_segments(method: str) -> None:
    empty = two_people().clear()
    assert tk.segment(empty, method=method, **OPTIONS[method])["segment_id"].len() == 0


@pytest.mark.parametrize("method", tk.METHODS)
def test_segments_keep_their_contract(method: str) -> None:
    listed = tk.list_segments(tk.segment(two_people(), method=method, **OPTIONS[method]))
    assert check(listed, SEGMENTS).is_empty()


def test_every_method_has_options_in_these_tests() -> None:
    assert set(OPTIONS) == set(tk.METHODS)


def test_the_model_finds_the_two_tasks_without_labels() -> None:
    events = two_people()
    starts = pl.col("element_name").is_in(["open", "open scan"]) | (pl.col("element_name") == "chat")
    truth = events.with_columns(
        true_segment=pl.when(pl.col("element_name") != "chat").then(starts.cum_sum()),
    )
    found = tk.segment(truth, method="model")
    scores = dict(tk.score_segments(found).select("metric", "value").iter_rows())
    assert scores["segment_f1"] > 0.9


def test_a_gap_begins_a_segment() -> None:
    events = tk.name_activities(make_events(["a", "b", {"element_name": "c", "after": 301}]))
    assert tk.segment(events, method="gap", gap="5m")["segment_id"].to_list() == [0, 0, 1]


def test_an_anchor_leaves_out_what_lies_between() -> None:
    events = tk.name_activities(make_events(["x", "open", "a", "close", "y", "open", "close"]))
    found = tk.segment(events, method="anchor", start="open", end="close")
    assert found["segment_id"].to_list() == [None, 0, 0, 0, None, 1, 1]


def test_a_start_that_follows_an_end_directly_begins_a_segment() -> None:
    events = tk.name_activities(make_events(["open", "close", "open", "close"]))
    assert tk.segment(events, method="anchor", start="open", end="close")["segment_id"].to_list() == [0, 0, 1, 1]


def test_rows_merged_into_a_step_follow_it() -> None:
    events = tk.name_activities(make_events(["a", "a", {"element_name": "b", "after": 400}, "b"]))
    assert tk.segment(events, method="gap")["segment_id"].to_list() == [0, 0, 1, 1]


def test_a_window_that_comes_to_the_front_goes_with_what_is_done_in_it() -> None:
    rows = ["a", {"event_type": "window_focus", "app": "pdf", "after": 400}, {"app": "pdf", "element_name": "b"}]
    found = tk.segment(tk.name_activities(make_events(rows)), method="gap")
    assert found["segment_id"].to_list() == [0, 1, 1]


def test_interrupted_work_has_fragments() -> None:
    events = tk.name_activities(make_events(["a", "x", "b"])).with_columns(
        segment_id=pl.Series([0, 1, 0], dtype=pl.UInt32), segment_model=pl.lit(None, pl.Int32),
        segment_confidence=pl.lit(None, pl.Float64),
    )  # fmt: skip
    assert tk.list_segments(events)["fragments"].to_list() == [2, 1]


def test_noise_inside_a_segment_is_no_interruption() -> None:
    events = tk.name_activities(make_events(["a", "x", "b"])).with_columns(
        segment_id=pl.Series([0, None, 0], dtype=pl.UInt32)
    )
    assert tk.list_segments(events)["fragments"].to_list() == [1]


def test_active_time_is_not_counted_twice() -> None:
    events = tk.segment(two_people(), method="gap", gap="1m")
    assert tk.list_segments(events)["active_seconds"].sum() <= events["active_seconds"].sum() + 1e-9


def test_an_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(SettingError, match="Did you mean 'model'"):
        tk.segment(two_people(), method="modell")


def test_a_setting_of_another_method_is_refused() -> None:
    with pytest.raises(SettingError, match="does not know that setting"):
        tk.segment(two_people(), method="gap", start="open")


def test_a_broken_pattern_is_refused() -> None:
    with pytest.raises(SettingError, match="not a regular expression"):
        tk.segment(two_people(), method="anchor", start="(")


def test_events_without_activities_are_refused() -> None:
    with pytest.raises(ContractError, match="name_activities"):
        tk.segment(make_events(["a"]))


def test_the_same_seed_gives_the_same_segments() -> None:
    assert tk.segment(two_people(), seed=5).equals(tk.segment(two_people(), seed=5))
