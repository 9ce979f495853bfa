"""Learning from people: a few marked executions or boundaries, and everything is labelled anew."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest

import taskkit as tk
from taskkit.errors import ContractError, SettingError
from taskkit.segments.mixture import start_relabelling
from tests.frames import make_events

KEYS = ["user", "session_id", "seq"]
WORK = {"mail": ["open mail", "read", "answer", "send"], "sheet": ["open sheet", "copy", "sum up", "check", "save"],
        "order": ["find order", "amount", "approve"]}  # fmt: skip


def log(rounds: int = 60, *, seed: int = 1) -> pl.DataFrame:
    """Three tasks of two people in random order, with `true_segment` and `true_task`."""
    chance, rows, truth = random.Random(seed), list[dict[str, Any]](), list[tuple[int, str]]()
    for piece in range(rounds):
        task = chance.choice(sorted(WORK))
        person = "p_1" if 2 * piece < rounds else "p_2"
        for name in WORK[task]:
            rows.append(
                {"element_name": name, "app": task, "user": person, "session_id": f"{person} {piece % rounds // 15}"}
            )
            truth.append((piece, task))
    events = tk.name_activities(make_events(rows))
    told = pl.DataFrame(truth, schema=["true_segment", "true_task"], orient="row").with_row_index("seq")
    return events.join(told.with_columns(pl.col("seq").cast(events["seq"].dtype)), on="seq", maintain_order="left")


def marked(events: pl.DataFrame, each: int = 1, *, tasks: tuple[str, ...] = tuple(WORK)) -> pl.DataFrame:
    """The first executions of each of the tasks, as a person would mark them."""
    steps = events.filter(pl.col("step") & pl.col("true_task").is_in(tasks)).sort(KEYS)
    chosen = steps.filter(pl.col("true_segment").rank("dense").over("true_task") <= each)
    return chosen.select(*KEYS, segment_id="true_segment", task="true_task")


def recall(found: pl.DataFrame) -> float:
    """Part of the true executions that are found with exactly their steps."""
    steps = found.filter("step").drop_nulls("true_segment")
    true = steps.group_by("true_segment").agg(pl.col("seq").sort()).get_column("seq").to_list()
    ours = steps.drop_nulls("segment_id").group_by("segment_id").agg(pl.col("seq").sort()).get_column("seq").to_list()
    ours = {tuple(rows) for rows in ours}
    return sum(tuple(rows) in ours for rows in true) / len(true)


def later_beginnings(events: pl.DataFrame) -> pl.DataFrame:
    """The first steps of three true executions that begin in the middle of a session."""
    first = pl.col("seq") == pl.col("seq").min().over("true_segment")
    opens = pl.col("seq") == pl.col("seq").min().over("user", "session_id")
    return events.filter("step").sort(KEYS).filter(first & ~opens).slice(4, 3)


def test_one_execution_a_task_finds_the_others() -> None:
    events = log()
    found = tk.segment(events, examples=marked(events))
    assert recall(found) >= 0.98


def test_what_is_found_has_the_task_that_was_marked() -> None:
    events = log()
    found = tk.segment(events, examples=marked(events)).filter("step").drop_nulls("segment_model")
    pairs = found.select("segment_model", "true_task").unique()
    assert pairs.height == pairs["segment_model"].n_unique() == len(WORK)


def test_executions_come_out_exactly_as_they_were_marked() -> None:
    """Somebody marks two steps of one execution and the first step of the next as one piece of work: so be it."""
    events = log()
    steps = events.filter("step").sort(KEYS)
    examples = pl.concat([
        marked(events).filter(pl.col("segment_id") > 5),
        steps.slice(2, 3).select(*KEYS, segment_id=pl.lit(900, pl.Int64), task=pl.lit("odd")),
    ])  # fmt: skip
    found = (
        tk.segment(events, examples=examples)
        .filter("step")
        .join(examples.rename({"segment_id": "mark"}), on=KEYS, how="left")
    )
    for mark in examples["segment_id"].unique().to_list():
        ours = found.filter(pl.col("mark") == mark)["segment_id"]
        assert ours.n_unique() == 1
        assert ours[0] is not None
        assert found.filter(pl.col("segment_id") == ours[0])["mark"].to_list() == [mark] * len(ours)


def test_steps_far_apart_come_out_as_they_were_marked() -> None:
    events = log()
    steps = events.filter("step").sort(KEYS).gather([2, 9, 23])
    odd = steps.select(*KEYS, segment_id=pl.lit(900, pl.Int64), task=pl.lit("odd"))
    found = tk.segment(events, examples=pl.concat([marked(events).join(odd, on=KEYS, how="anti"), odd])).filter("step")
    ours = found.join(odd.select(KEYS), on=KEYS, how="semi")["segment_id"]
    assert ours.n_unique() == 1
    assert found.filter(pl.col("segment_id") == ours[0]).select(KEYS).equals(odd.select(KEYS))


def test_a_found_model_of_two_tasks_is_parted_by_examples() -> None:
    events = log()
    both = pl.when(pl.col("true_task") == "sheet").then(1).otherwise(0)
    before = events.with_columns(
        segment_id=pl.col("true_segment").cast(pl.UInt32),
        segment_model=both.cast(pl.Int32),
        segment_confidence=pl.lit(0.5),
    )
    found = tk.segment(before, examples=marked(events)).filter("step").drop_nulls("segment_model")
    assert found.select("segment_model", "true_task").n_unique() == len(WORK)


def test_an_accepted_boundary_begins_a_segment() -> None:
    events = tk.segment(log())
    inside = events.filter("step").sort(KEYS).filter(pl.col("element_name") == "sum up").head(3)
    found = tk.segment(events, examples=inside.select(*KEYS, begins=True)).filter("step").sort(KEYS)
    begins = pl.col("segment_id").ne_missing(pl.col("segment_id").shift(1))
    assert found.with_columns(b=begins).join(inside, on=KEYS, how="semi")["b"].to_list() == [True] * 3


def test_at_a_rejected_boundary_none_begins() -> None:
    events = tk.segment(log())
    no = later_beginnings(events)
    found = tk.segment(events, examples=no.select(*KEYS, begins=False)).filter("step").drop_nulls("segment_id")
    firsts = found.filter(pl.col("seq") == pl.col("seq").min().over("segment_id"))
    assert firsts.join(no, on=KEYS, how="semi").is_empty()


def test_at_a_rejected_boundary_the_segment_before_goes_on() -> None:
    events = tk.segment(log())
    no = later_beginnings(events).select(*KEYS, begins=False)
    found = tk.segment(events, examples=no).filter("step").sort(KEYS)
    goes_on = (pl.col("segment_id") == pl.col("segment_id").shift(1)).fill_null(False)
    assert found.with_columns(goes_on=goes_on).join(no, on=KEYS, how="semi")["goes_on"].to_list() == [True] * 3


def test_a_boundary_too_many_is_taken_away() -> None:
    """An earlier run parted three executions in the middle."""
    whole = tk.segment(log())
    middle = whole.filter(pl.col("step") & (pl.col("element_name") == "sum up")).sort(KEYS).slice(2, 3)
    later = pl.col("element_name").is_in(["sum up", "check", "save"])
    parted = pl.col("true_segment").is_in(middle["true_segment"].to_list()) & later
    events = whole.with_columns(segment_id=(2 * pl.col("segment_id") + parted.cast(pl.UInt32)))
    assert recall(events) < recall(whole)
    found = tk.segment(events, examples=middle.select(*KEYS, begins=False))
    assert recall(found) == recall(whole)


def test_boundaries_that_are_right_change_nothing() -> None:
    events = tk.segment(log())
    steps = events.filter("step").sort(KEYS)
    begins = pl.col("seq") == pl.col("seq").min().over("segment_id")
    found = tk.segment(events, examples=steps.select(*KEYS, begins=begins).head(40))
    assert found["segment_id"].to_list() == events["segment_id"].to_list()


def test_tasks_without_an_example_are_kept_from_the_run_before() -> None:
    events = log()
    before = tk.segment(events, examples=marked(events))
    after = tk.segment(before, examples=marked(events, tasks=("mail",)))
    others = pl.col("true_task") != "mail"
    assert recall(after.filter(others)) == recall(before.filter(others)) >= 0.98
    pairs = after.filter(others & pl.col("step")).select("segment_model", "true_task").unique()
    assert pairs.height == 2


def test_a_correction_spreads_to_the_executions_like_it() -> None:
    """An earlier run took orders and mails for one piece of work each; one mark of each is enough to part them all."""
    events = log()
    apart = events.with_columns(
        segment_id=(pl.col("true_segment") // 2).cast(pl.UInt32), segment_model=pl.lit(0, pl.Int32),
        segment_confidence=pl.lit(0.5),
    )  # fmt: skip
    assert recall(apart) < 0.1
    assert recall(tk.segment(apart, examples=marked(events))) >= 0.98


def test_more_examples_do_no_harm() -> None:
    events = log()
    assert recall(tk.segment(events, examples=marked(events, 4))) >= recall(tk.segment(events, examples=marked(events)))


def test_without_tasks_each_marked_execution_is_one_of_its_own_task() -> None:
    events = log()
    assert recall(tk.segment(events, examples=marked(events).drop("task"))) >= 0.98


def test_the_order_of_the_examples_does_not_matter() -> None:
    events = log()
    examples = marked(events, 2)
    mixed = examples.sample(fraction=1, shuffle=True, seed=2)
    assert tk.segment(events, examples=mixed).equals(tk.segment(events, examples=examples))


def test_the_numbers_of_marked_executions_do_not_matter() -> None:
    events = log()
    examples = marked(events, 2)
    other = examples.with_columns(segment_id=700 + 3 * pl.col("segment_id"))
    assert tk.segment(events, examples=other).equals(tk.segment(events, examples=examples))


def test_the_examples_are_not_changed() -> None:
    events = log()
    examples = marked(events)
    kept, whole = examples.clone(), events.clone()
    tk.segment(events, examples=examples)
    assert examples.equals(kept)
    assert events.equals(whole)


def test_every_row_of_the_log_is_kept() -> None:
    events = log()
    found = tk.segment(events, examples=marked(events))
    assert found.select(KEYS).equals(events.sort(KEYS).select(KEYS))
    ids = found["segment_id"].drop_nulls().unique().sort().to_list()
    assert ids == list(range(len(ids)))


def test_labelling_again_and_again_has_the_keys_of_the_steps() -> None:
    events = tk.segment(log())
    labels = start_relabelling(events)(marked(events))
    assert labels.select(KEYS).equals(events.filter("step").sort(KEYS).select(KEYS))


def test_labelling_again_and_again_says_the_same_as_segmenting() -> None:
    events = tk.segment(log())
    labels = start_relabelling(events)(marked(events))
    found = tk.segment(events, examples=marked(events)).filter("step").sort(KEYS)
    pairs = pl.DataFrame([labels["segment"].alias("a"), found["segment_id"].alias("b")]).unique()
    assert pairs.height == labels["segment"].n_unique() == found["segment_id"].n_unique()


def test_a_second_labelling_does_not_depend_on_the_first() -> None:
    events = tk.segment(log())
    label = start_relabelling(events)
    alone = label(marked(events))
    label(marked(events, tasks=("order",)))
    assert label(marked(events)).equals(alone)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda e: e.with_columns(seq=pl.col("seq") + 100_000), "user, session_id and seq"),
        (lambda e: e.with_columns(user=pl.lit("somebody")), "user, session_id and seq"),
        (lambda e: e.drop("segment_id"), "segment_id.*begins"),
        (lambda e: e.drop("session_id"), "session_id"),
        (lambda e: e.with_columns(segment_id=pl.lit(1)), "one person and one task"),
        (lambda e: e.clear(), "None of the examples"),
    ],
    ids=["no such row", "nobody", "nothing is said", "no session", "two tasks in one", "none"],
)
def test_examples_that_cannot_be_are_refused(wrong: Any, says: str) -> None:
    events = log()
    with pytest.raises((SettingError, ContractError), match=f"(?s){says}"):
        tk.segment(events, examples=wrong(marked(events)))


def test_an_execution_of_two_people_is_refused() -> None:
    events = log()
    steps = events.filter("step").group_by("user", maintain_order=True).head(2)
    with pytest.raises(SettingError, match="one person"):
        tk.segment(events, examples=steps.select(*KEYS, segment_id=pl.lit(7)))


def test_every_wrong_execution_is_named() -> None:
    events = log()
    wrong = marked(events, 2).with_columns(
        segment_id=pl.when(pl.int_range(pl.len()).over("task") % 2 == 0).then(4).otherwise(9)
    )
    with pytest.raises(SettingError, match=r"\[4, 9\]"):
        tk.segment(events, examples=wrong)


def test_examples_are_for_the_model_only() -> None:
    events = log()
    with pytest.raises(SettingError, match="does not know that setting"):
        tk.segment(events, method="gap", examples=marked(events))


def test_relabelling_needs_named_activities() -> None:
    with pytest.raises(ContractError, match="name_activities"):
        start_relabelling(make_events(["a"]))
