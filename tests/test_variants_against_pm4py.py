"""Ways and successions are those of pm4py on the same log."""

from __future__ import annotations

import warnings
from collections import Counter
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.variants import count_successions, count_variants
from tests.frames import START

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the packages that pm4py imports
    pandas, pm4py = pytest.importorskip("pandas"), pytest.importorskip("pm4py")

LOGS = st.lists(
    st.tuples(st.text("abc", max_size=6), st.sampled_from(["p_1", "p_2", "p_3"])), min_size=1, max_size=12
).filter(lambda rows: any(text for text, _ in rows))
FIXED = [("abab", "p_1"), ("aab", "p_2"), ("", "p_1"), ("baa", "p_2"), ("abab", "p_3"), ("a", "p_1"), ("aab", "p_1")]


def segments_of(rows: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(i, user, "T01", list(text), 1.0) for i, (text, user) in enumerate(rows)],
        schema={"segment_id": pl.UInt32, "user": pl.String, "task_id": pl.String, "activities": pl.List(pl.String),
                "active_seconds": pl.Float64},
        orient="row",
    )  # fmt: skip


def log_of(rows: list[tuple[str, str]]) -> Any:
    """The same as an event log; all rows of a case at one time, so that only the order of rows tells the order."""
    events = [
        (str(case), letter, START + timedelta(minutes=case)) for case, (text, _) in enumerate(rows) for letter in text
    ]
    return pandas.DataFrame(events, columns=["case:concept:name", "concept:name", "time:timestamp"])


def quietly(function: Any, log: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a library
        return function(log)


def assert_same(rows: list[tuple[str, str]]) -> None:
    log, segments = log_of(rows), segments_of(rows)
    counted = count_variants(segments, level="action", rare=0)
    ours = {tuple(way): n for way, n in counted.select("activities", "segments").rows() if way}
    assert ours == dict(Counter(quietly(pm4py.get_variants, log)))
    pairs = count_successions(segments, level="action")
    graph, starts, ends = quietly(pm4py.discover_dfg, log)
    inner = pairs.drop_nulls(["before", "after"])
    assert {(a, b): n for a, b, n in inner.select("before", "after", "times").rows()} == dict(graph)
    assert dict(pairs.filter(pl.col("before").is_null()).select("after", "times").rows()) == dict(starts)
    assert dict(pairs.filter(pl.col("after").is_null()).select("before", "times").rows()) == dict(ends)


def test_self_loops_ties_empty_segments_and_several_people_are_counted_alike() -> None:
    assert_same(FIXED)


@settings(max_examples=25, deadline=None)
@given(LOGS)
def test_any_log_is_counted_alike(rows: list[tuple[str, str]]) -> None:
    assert_same(rows)


@settings(max_examples=15, deadline=None)
@given(LOGS)
def test_activities_are_actions_without_immediate_repeats(rows: list[tuple[str, str]]) -> None:
    single = [("".join(c for i, c in enumerate(text) if i == 0 or c != text[i - 1]), user) for text, user in rows]
    ours = count_variants(segments_of(rows), level="activity", rare=0).select("activities", "segments").rows()
    theirs = quietly(pm4py.get_variants, log_of(single))
    assert {tuple(way): n for way, n in ours if way} == dict(Counter(theirs))
    pairs = count_successions(segments_of(rows), level="activity").drop_nulls(["before", "after"])
    graph, _, _ = quietly(pm4py.discover_dfg, log_of(single))
    assert {(a, b): n for a, b, n in pairs.select("before", "after", "times").rows()} == dict(graph)
