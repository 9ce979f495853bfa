"""What is learnt from a part of a log and applied to the rest: names, task models, tasks."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from taskkit.activities import Learnt, learn_names, name_activities
from taskkit.errors import LogFileError, SettingError
from taskkit.evaluation.agreement import compare_segmentations
from taskkit.samples import make_engagement
from taskkit.segments import TaskModels, list_segments, segment
from taskkit.segments.fitted import fit_steps
from taskkit.tasks import KnownTasks, assign_tasks, find_tasks, fit_tasks

KEYS = ["user", "session_id", "seq"]


@pytest.fixture(scope="module")
def events() -> pl.DataFrame:
    """Named events of four people on three days."""
    return name_activities(make_engagement(people=4, days=3).events)


@pytest.fixture(scope="module")
def later() -> pl.DataFrame:
    """The same office, other people, other work: raw events."""
    return make_engagement(seed=8, people=3, days=2).events


@pytest.fixture(scope="module")
def fitted(events: pl.DataFrame) -> tuple[TaskModels, pl.DataFrame]:
    """Task models, and what was found for the steps that they were fitted on."""
    return fit_steps(events.filter("step"))


@pytest.fixture(scope="module")
def divided(events: pl.DataFrame) -> pl.DataFrame:
    """The events as `segment` divides them."""
    return segment(events)


@pytest.fixture(scope="module")
def tasks(events: pl.DataFrame, fitted: tuple[TaskModels, pl.DataFrame]) -> pl.DataFrame:
    return find_tasks(list_segments(segment(events, models=fitted[0])))


def test_a_part_has_the_names_that_it_has_in_the_whole(events: pl.DataFrame) -> None:
    learnt = Learnt.from_json(learn_names(events).to_json())
    for user in events["user"].unique().sort().head(3):
        part = name_activities(events.filter(user=user), learnt=learnt)
        same = [name for name in part.columns if name != "named_by"]  # what recurs is counted in the part
        assert_frame_equal(part.select(same), events.filter(user=user).select(same))


def test_learnt_names_are_written_and_read_alike(events: pl.DataFrame) -> None:
    text = learn_names(events).to_json()
    assert Learnt.from_json(text).to_json() == text


def test_texts_that_were_not_seen_are_brought_to_the_known_templates(events: pl.DataFrame, later: pl.DataFrame) -> None:
    learnt = learn_names(events)
    named = name_activities(later, learnt=learnt).filter("step")
    fresh = ~later["window_title"].is_in(events["window_title"].unique().implode())
    assert fresh.any()  # other invoices, other suppliers
    assert named["activity"].is_in(events["activity"].unique().implode()).mean() > 0.9


def test_fitting_divides_as_segment_does(
    events: pl.DataFrame, divided: pl.DataFrame, fitted: tuple[TaskModels, pl.DataFrame]
) -> None:
    steps = events.filter("step").select(KEYS).hstack(fitted[1])
    one = divided.filter("step")
    assert steps["segment_model"].equals(one["segment_model"])
    assert steps["segment_confidence"].equals(one["segment_confidence"])
    found, again = (frame.rle_id() for frame in (steps["segment"], one["segment_id"]))
    assert found.equals(again)


def test_models_divide_what_they_were_fitted_on_nearly_as_it_was_found(
    events: pl.DataFrame, divided: pl.DataFrame, fitted: tuple[TaskModels, pl.DataFrame]
) -> None:
    both = compare_segmentations(divided, segment(events, models=fitted[0]))
    agreed = dict(both.select("metric", "value").iter_rows())
    assert agreed["same_rows"] > 0.95
    assert agreed["boundary_f1"] > 0.95


@pytest.mark.parametrize("learnt", [10**6, 900])
def test_models_of_a_sample_divide_the_whole_as_it_was_found(
    events: pl.DataFrame, learnt: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskkit.segments.mixture.SAMPLE_STEPS", 600)
    monkeypatch.setattr("taskkit.segments.mixture.LEARNT_STEPS", learnt)
    steps = events.filter("step").sort(KEYS)
    models, found = fit_steps(steps)
    assert_frame_equal(models.label(steps).select("segment", "segment_model"), found.select("segment", "segment_model"))
    count = found["segment"].max() + 1
    assert (models.usual.executions.sum() == count) if learnt > 900 else (models.usual.executions.sum() < count / 2)


def test_models_hold_the_pairs_that_work_has_and_no_others(
    events: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = events.filter("step").sort(KEYS)
    models, _ = fit_steps(steps)
    tables = [*models.tables.arguments[:2], models.usual.tables[0]]
    assert all(any((table[row] != table[0]).any() for table in tables) for row in range(1, len(models.pairs[0])))
    monkeypatch.setattr("taskkit.segments.fitted._of_work", lambda *given: given)
    every, _ = fit_steps(steps)
    assert len(models.pairs[0]) < len(every.pairs[0])
    assert_frame_equal(models.label(steps), every.label(steps))


def test_models_are_written_and_read_alike(events: pl.DataFrame, fitted: tuple[TaskModels, pl.DataFrame]) -> None:
    read = TaskModels.from_bytes(fitted[0].to_bytes())
    assert read.to_bytes() == fitted[0].to_bytes()
    assert_frame_equal(segment(events, models=read), segment(events, models=fitted[0]))


def test_a_person_is_divided_alike_alone_and_among_others(
    events: pl.DataFrame, fitted: tuple[TaskModels, pl.DataFrame]
) -> None:
    user = events["user"][0]
    among = segment(events, models=fitted[0]).filter(user=user)
    assert segment(events.filter(user=user), models=fitted[0])["segment_confidence"].equals(among["segment_confidence"])


def test_people_are_divided_block_by_block(
    events: pl.DataFrame, fitted: tuple[TaskModels, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ["segment_id", "segment_model"]
    whole = segment(events, models=fitted[0])
    blocks = []
    divide = TaskModels.divide
    monkeypatch.setattr(TaskModels, "divide", lambda self, steps: (blocks.append(steps), divide(self, steps))[1])
    monkeypatch.setattr("taskkit.segments.fitted._BLOCK", 1)
    assert_frame_equal(segment(events, models=fitted[0]).select(found), whole.select(found))
    assert sorted(block["user"].unique().to_list() for block in blocks) == [
        [user] for user in events["user"].unique().sort()
    ]


def test_a_file_that_holds_no_models_is_told(tmp_path: Path) -> None:
    file = tmp_path / "models.npz"
    file.write_bytes(b"nothing")
    with pytest.raises(LogFileError, match="holds no task models"):
        TaskModels.read(file)


def test_examples_and_models_are_not_given_both(events: pl.DataFrame, fitted: tuple[TaskModels, pl.DataFrame]) -> None:
    examples = events.head(0).select(KEYS).with_columns(segment_id=pl.lit(0))
    with pytest.raises(SettingError, match="not both"):
        segment(events, models=fitted[0], examples=examples)


def test_known_segments_have_the_tasks_that_were_found(tasks: pl.DataFrame) -> None:
    known = KnownTasks.from_json(fit_tasks(tasks).to_json())
    for user in tasks["user"].unique():
        part = tasks.filter(user=user)
        assert_frame_equal(assign_tasks(part, known), part)


def test_segments_that_were_not_seen_have_the_task_of_their_like(tasks: pl.DataFrame) -> None:
    half = tasks.gather_every(2)
    known = fit_tasks(half)
    other = tasks.gather_every(2, offset=1)
    given = assign_tasks(other, known)
    usual = other["task_id"].is_in(half["task_id"].drop_nulls().unique().implode()) & other["task_id"].is_not_null()
    assert (given.filter(usual)["task_id"] == other.filter(usual)["task_id"]).mean() > 0.95


def test_segments_without_models_are_told_by_their_contents(events: pl.DataFrame) -> None:
    segments = find_tasks(list_segments(segment(events, method="gap", gap="30s")))
    known = fit_tasks(segments.gather_every(2))
    given = assign_tasks(segments.gather_every(2, offset=1), known)
    assert given["task_id"].null_count() < given.height
    assert given.filter(pl.col("task_id").is_not_null())["task_confidence"].is_between(0, 1).all()
