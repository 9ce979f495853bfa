"""Segmentation of sparse logs by words."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import taskkit as tk
from taskkit.segments.cohesion import SURE, find_evidence, read_words, repetitiveness, segment_by_cohesion
from tests.frames import make_events

LOG = Path(__file__).parents[2] / "shared" / "bench" / "logs" / "office50_shuffled.parquet"
WORDS = [a + b for a in ("lor", "mip", "sed", "tur", "vel", "nam", "qua") for b in ("em", "um", "ax", "io", "es", "ar")]


def one_off_work(pieces: int = 60, *, opening: str = "taskbar", seed: int = 2) -> tuple[pl.DataFrame, list[int]]:
    """Pieces of work with words of their own, hardly an activity twice; the true piece of every row."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    truth: list[int] = []
    for piece in range(pieces):
        own = chance.sample(WORDS, 4)
        length = chance.randint(9, 16)
        for place in range(length):
            element = f"{chance.choice(own)} {chance.choice(own)} {chance.choice(WORDS)}"
            if place == 0:
                element = f"{opening} {chance.choice(WORDS)}"
            elif place == length - 1:
                element = f"{chance.choice(own)} send"
            rows.append({"element_name": element, "app": own[0] if place else "desk"})
            truth.append(piece)
    steps = tk.name_activities(make_events(rows)).filter("step")
    return steps, [truth[row] for row in steps["seq"].to_list()]


def found_boundaries(steps: pl.DataFrame) -> set[int]:
    segment = segment_by_cohesion(steps)["segment"].to_numpy()
    return set((np.flatnonzero(np.diff(segment)) + 1).tolist())


def boundary_evidence(steps: pl.DataFrame) -> np.ndarray:
    """Log-odds per step that it begins a segment."""
    return find_evidence(read_words(steps))[0]


def test_pieces_of_work_are_found_where_no_activity_repeats() -> None:
    steps, truth = one_off_work()
    true = set((np.flatnonzero(np.diff(truth)) + 1).tolist())
    found = found_boundaries(steps)
    assert len(found & true) > 0.8 * max(len(found), len(true))


def test_one_row_per_step_in_the_shape_of_every_method() -> None:
    steps, _ = one_off_work(20)
    found = segment_by_cohesion(steps)
    assert found.schema == {"segment": pl.Int64, "segment_model": pl.Int32, "segment_confidence": pl.Float64}
    assert found.height == steps.height


def test_a_confidence_is_a_probability() -> None:
    sure = segment_by_cohesion(one_off_work(30)[0])["segment_confidence"]
    assert sure.is_between(0, 1).all()
    assert sure.n_unique() > 1


def test_a_segment_ends_with_its_session_and_person() -> None:
    steps, _ = one_off_work(30)
    other = steps.with_columns(user=pl.lit("p_2"))
    evening = steps.with_columns(session_id=pl.lit("s2"))
    both = pl.concat([steps, evening, other])
    found = both.with_columns(segment_by_cohesion(both))
    assert found.group_by("segment").agg(pl.struct("user", "session_id").n_unique())["user"].max() == 1


@pytest.mark.parametrize("rows", [[], ["open"], ["open", "save", "open"]])
def test_a_log_too_short_to_learn_from_is_one_segment_a_session(rows: list[str]) -> None:
    steps = tk.name_activities(make_events(["start", *rows])).filter("step").tail(len(rows))
    assert segment_by_cohesion(steps)["segment"].n_unique() == min(len(rows), 1)


def test_the_same_log_gives_the_same_evidence() -> None:
    steps, _ = one_off_work(30)
    before = steps.clone()
    assert np.array_equal(boundary_evidence(steps), boundary_evidence(steps))
    assert steps.equals(before)


def test_evidence_is_sure_where_a_session_begins_and_nowhere_else() -> None:
    evidence = boundary_evidence(one_off_work(30)[0])
    assert np.flatnonzero(evidence == SURE).tolist() == [0]


def test_opening_words_are_learnt_from_the_log() -> None:
    steps, truth = one_off_work(opening="zorx")
    evidence = boundary_evidence(steps)
    begins = np.append(True, np.diff(truth) > 0)
    assert evidence[begins].min() > np.median(evidence[~begins])


def test_a_longer_pause_never_speaks_against_a_boundary() -> None:
    steps, _ = one_off_work()
    later = pl.duration(seconds=pl.when(pl.int_range(pl.len()) >= 300).then(3000).otherwise(0))
    assert (
        boundary_evidence(steps.with_columns(pl.col("timestamp") + later))[300] >= boundary_evidence(steps)[300] - 0.5
    )


def test_repetitiveness_tells_loops_from_one_off_work() -> None:
    loop = tk.name_activities(make_events(["open", "copy", "paste", "save"] * 30)).filter("step")
    assert repetitiveness(loop) == 1.0
    assert repetitiveness(one_off_work()[0]) < 0.1
    assert repetitiveness(loop.head(1)) == 0.0


@pytest.mark.skipif(not LOG.exists(), reason="the labelled logs are not here")
def test_a_real_heterogeneous_log_is_segmented_better_than_by_text_tiling() -> None:
    log = pl.read_parquet(LOG)
    names = {"seq": "seq", "timestamp": "timestamp", "user": "user", "app": "app", "window_title": "window",
             "event_name": "event_type", "element_name": "element", "value": "value", "url": "url"}  # fmt: skip
    steps = tk.name_activities(tk.from_table(log, columns=names)).sort("seq").filter("step")
    truth = steps.join(log.select("seq", "true_segment"), on="seq", how="left", maintain_order="left")["true_segment"]
    true = set((np.flatnonzero(np.diff(truth.to_numpy())) + 1).tolist())
    found = found_boundaries(steps)
    assert 2 * len(found & true) / (len(found) + len(true)) > 0.6  # text tiling: 0.48
