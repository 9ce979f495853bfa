"""Synthetic streams: deterministic, in the events contract, and as noisy and interleaved as was asked for."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import taskkit as tk
from taskkit.errors import SettingError
from taskkit.samples.streams import make_stream
from taskkit.schema import EVENTS, check

KEYS = ["user", "session_id", "seq"]


def test_the_events_keep_their_contract() -> None:
    assert check(make_stream(800)[0], EVENTS).is_empty()


def test_the_same_seed_gives_the_same_stream() -> None:
    first, again = make_stream(800, seed=3, interleaving=0.3), make_stream(800, seed=3, interleaving=0.3)
    assert first[0].equals(again[0])
    assert first[1].equals(again[1])
    assert not first[0].equals(make_stream(800, seed=4, interleaving=0.3)[0])


def test_truth_stands_beside_every_event() -> None:
    events, truth = make_stream(800)
    assert truth.select(KEYS).equals(events.select(KEYS))


def test_naming_tells_the_activities_apart_and_nothing_more() -> None:
    events = make_stream(20_000, noise=0.1)[0]
    named = tk.name_activities(events).drop_nulls("activity")
    pairs = named.select("app", "element_name", "activity").unique()
    assert named.height == events.height
    assert pairs.height == pairs["activity"].n_unique() == events.select("app", "element_name").n_unique()
    assert pairs.height > 250


def test_without_noise_a_way_is_always_done_alike() -> None:
    events, truth = make_stream(6_000, noise=0.0)
    whole = truth.with_columns(events["element_name"]).drop_nulls("true_segment")
    whole = whole.filter(pl.col("true_segment") < whole["true_segment"].max())  # the last one may be cut off
    done = whole.group_by("true_segment", "true_task", "true_variant").agg("element_name")
    assert done.group_by("true_task", "true_variant").agg(pl.col("element_name").n_unique())["element_name"].max() == 1
    assert set(truth["true_kind"]) == {"task", "between"}


def test_noise_is_two_thirds_of_the_errors_asked_for() -> None:
    kinds = make_stream(20_000, noise=0.2)[1].filter(pl.col("true_kind") != "between")["true_kind"]
    # a foreign or wrong step in 67 of 100 errors; a missing one leaves no row
    assert (kinds == "noise").mean() == pytest.approx(0.2 * 0.67 / (1 - 0.2 * 0.33), abs=0.01)


def test_instances_are_interrupted_only_where_they_are_interleaved() -> None:
    def pieces(interleaving: float) -> float:
        segment = make_stream(8_000, interleaving=interleaving)[1]["true_segment"]
        runs = pl.DataFrame({"segment": segment, "run": segment.rle_id()}).drop_nulls().unique()
        return runs.height / runs["segment"].n_unique()

    assert pieces(0.0) == 1.0
    assert pieces(0.3) > 1.3


def test_pauses_are_longer_between_instances_unless_the_clock_says_nothing() -> None:
    def ratio(gaps: float) -> float:
        events, truth = make_stream(20_000, gaps=gaps)
        pause = events["timestamp"].diff().dt.total_microseconds().to_numpy()[1:]
        segment = truth["true_segment"].fill_null(2**32 - 1).to_numpy()
        changes = segment[1:] != segment[:-1]
        return float(np.median(pause[changes]) / np.median(pause[~changes]))

    assert ratio(1.0) > 2.5
    assert ratio(0.0) == pytest.approx(1.0, abs=0.15)


def test_every_wrong_setting_is_named() -> None:
    with pytest.raises(SettingError, match=r"noise=2.*tasks=0"):
        make_stream(100, noise=2, tasks=0)
