"""One person's stream → stretches of work."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import taskkit as tk
from taskkit.errors import ContractError, SettingError
from taskkit.samples.streams import make_stream
from taskkit.schema import SEGMENTS, check
from tests.frames import make_events

LOGS = Path(__file__).parents[2] / "shared" / "bench" / "logs"
COLUMNS = {"seq": "seq", "timestamp": "timestamp", "user": "user", "app": "app", "window_title": "window",
           "event_name": "event_type", "element_name": "element", "value": "value", "url": "url"}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {"model": {}, "gap": {"gap": "1m"}, "anchor": {"start": "open", "end": "close"},
                                      "routine": {}, "switch": {"stay": "5s"}, "cohesion": {}}  # fmt: skip


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


ODD_LOGS: dict[str, list[dict[str, Any] | str]] = {
    "one step": ["a"],
    "two steps": ["a", "b"],
    "one session": ["a", "b", "c", "d"] * 10,
    "always the same": [{"element_name": "a", "after": 100}] * 30,
    "never the same": [{"element_name": a + b} for a in "abcdef" for b in "klmno"],
    "one step a session": [{"element_name": "abc"[n % 3], "session_id": f"s{n}"} for n in range(300)],
    "a step, then a session": ["a", *({"element_name": name, "session_id": "s2"} for name in "bcdbcdbcd")],
    "no names": [{"app": app, "event_type": kind} for app in ("a", "b") for kind in ("click", "key")] * 10,
}


@pytest.mark.parametrize("name", ODD_LOGS)
def test_the_model_gets_along_with_odd_logs(name: str) -> None:
    events = tk.name_activities(make_events(ODD_LOGS[name]))
    found = tk.segment(events)
    ids = found["segment_id"].drop_nulls().unique().sort().to_list()
    assert found.height == events.height
    assert ids == list(range(len(ids)))
    assert found.drop_nulls("segment_id")["segment_confidence"].is_between(0, 1).all()


def test_the_model_divides_people_whatever_they_are_called() -> None:
    events = two_people()
    other = events.with_columns(user=pl.lit("person ") + pl.col("user"))
    assert tk.segment(other)["segment_id"].to_list() == tk.segment(events)["segment_id"].to_list()


def test_the_model_does_not_look_at_the_date() -> None:
    events = two_people()
    later = events.with_columns(pl.col("timestamp") + pl.duration(days=400))
    assert tk.segment(later)["segment_id"].to_list() == tk.segment(events)["segment_id"].to_list()


def test_segmenting_again_changes_nothing() -> None:
    once = tk.segment(two_people())
    assert tk.segment(once).equals(once)


def labelled_log(name: str) -> pl.DataFrame:
    """A labelled log as it is scored elsewhere, segmented without its labels."""
    log = pl.read_parquet(LOGS / f"{name}.parquet")
    events = tk.segment(tk.name_activities(tk.from_table(log.select(pl.exclude("^true_.*$")), columns=COLUMNS)))
    return events.join(log.select(pl.col("seq").cast(events["seq"].dtype), "true_segment"), on="seq", how="left")


@pytest.mark.skipif(not LOGS.exists(), reason="the labelled logs are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "segment_f1", "boundary_f1"),
    [("student_record", 0.99, 0.99), ("mix_alternating", 0.98, 0.98), ("office50_shuffled", 0.45, 0.0)],
)
def test_recorded_work_is_found_in_labelled_logs(name: str, segment_f1: float, boundary_f1: float) -> None:
    scores = dict(tk.score_segments(labelled_log(name)).select("metric", "value").iter_rows())
    assert scores["segment_f1"] >= segment_f1
    assert scores["boundary_f1"] >= boundary_f1


def test_active_seconds_of_segments_lose_nothing_in_rounding() -> None:
    named = tk.name_activities(make_stream(4_000, noise=0.1, interleaving=0.1, seed=5)[0])
    # seconds with many digits: plain addition would lose the last ones
    odd = named.with_columns(active_seconds=(pl.col("active_seconds") + 0.1) / 3 + pl.col("seq") * 1e-7)
    found = tk.segment(odd, method="gap")
    rows = found.drop_nulls("segment_id").group_by("segment_id").agg("active_seconds").sort("segment_id")
    exact = [math.fsum(seconds) for seconds in rows["active_seconds"]]
    off = [abs(a - b) / math.ulp(b) for a, b in zip(tk.list_segments(found)["active_seconds"], exact, strict=True)]
    assert max(off) <= 1


def test_a_row_that_does_not_say_whether_it_is_a_step_is_none() -> None:
    named = tk.name_activities(make_events(["Save", "Copy", "Close"]))
    found = tk.segment(named, method="gap").with_columns(step=pl.when(pl.col("step")).then(True))
    untold = found.with_columns(step=pl.when(pl.int_range(pl.len()) > 0).then("step"))
    assert (tk.list_segments(found)["steps"] - tk.list_segments(untold)["steps"]).to_list() == [1]
