"""Corrections of segments and their replay."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit.decisions import correct_segments, examples_of, list_vanished, restore_segments
from taskkit.decisions.entries import OPS, check_correction
from taskkit.decisions.names import apply_names
from taskkit.errors import ContractError, SettingError
from taskkit.schema import check
from taskkit.segments import list_segments
from taskkit.tasks import find_tasks, rename_tasks
from tests.frames import make_events

LABELS = ["segment_id", "segment_model", "segment_confidence", "boundary_confidence"]


def stream(*ids: int | None, user: str = "p_1", session: str = "s1", models: bool = True) -> pl.DataFrame:
    """One row per id: events of one person with these segments, each of the model of its number's parity."""
    events = make_events([{"user": user, "session_id": session, "element_name": f"e{i}"} for i in range(len(ids))])
    first = [each is not None and each not in ids[:place] for place, each in enumerate(ids)]
    return events.with_columns(
        activity=pl.Series([f"use {('mail', 'sheet')[(each or 0) % 2]} {i % 3}" for i, each in enumerate(ids)]),
        step=pl.lit(True),
        dropped=pl.lit(None, pl.String),
        active_seconds=pl.lit(5.0),
        segment_id=pl.Series(ids, dtype=pl.UInt32),
        segment_model=pl.Series([None if each is None or not models else each % 2 for each in ids], dtype=pl.Int32),
        segment_confidence=pl.Series([None if each is None else 0.5 for each in ids], dtype=pl.Float64),
        boundary_confidence=pl.Series([0.25 if begins else None for begins in first], dtype=pl.Float64),
    )


def said(*details: dict[str, Any] | str) -> pl.DataFrame:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in details]
    return pl.DataFrame(
        {"number": range(1, len(texts) + 1), "detail": texts}, schema={"number": pl.Int64, "detail": pl.String}
    )


def correction(op: str, first: int, last: int, to: Any, task: str | None = None, *, user: str = "p_1",
               session: str = "s1") -> dict[str, Any]:  # fmt: skip
    return {"op": op, "user": user, "rows": [[session, first, last]], "to": to, "task": task}


def ids(events: pl.DataFrame, *details: dict[str, Any]) -> list[int | None]:
    return correct_segments(events, said(*details))["segment_id"].to_list()


# ---------------------------------------------------------------------------------------------------------- what each does
def test_a_split_makes_two_of_one_and_numbers_anew() -> None:
    assert ids(stream(0, 0, 0, 1), correction("split", 1, 2, "new")) == [0, 1, 1, 2]


def test_a_moved_boundary_gives_rows_to_the_neighbour() -> None:
    assert ids(stream(0, 0, 1, 1), correction("move", 1, 1, ["s1", 2])) == [0, 1, 1, 1]


def test_merged_segments_are_one() -> None:
    assert ids(stream(0, 0, 1, 1, 2), correction("merge", 2, 3, ["s1", 0])) == [0, 0, 0, 0, 1]


def test_what_is_no_work_belongs_to_no_segment() -> None:
    found = correct_segments(stream(0, 0, 1), said(correction("not work", 0, 1, "none")))
    assert found["segment_id"].to_list() == [None, None, 0]
    assert found["segment_model"].to_list() == [None, None, 1]
    assert found["segment_confidence"].to_list() == [None, None, 0.5]


def test_an_assigned_execution_bears_its_task_on_all_rows() -> None:
    found = correct_segments(stream(0, 0, 1), said(correction("assign", 1, 1, "same", "Pay")))
    assert found["task_said"].to_list() == ["Pay", "Pay", None]
    assert found["corrected"].to_list() == [False, True, False]


def test_an_assignment_without_a_task_takes_the_earlier_one_back() -> None:
    first, second = correction("assign", 0, 1, "same", "Pay"), correction("assign", 0, 1, "same")
    assert correct_segments(stream(0, 0), said(first, second))["task_said"].to_list() == [None, None]


def test_parts_of_a_split_keep_the_task_that_was_said() -> None:
    found = correct_segments(
        stream(0, 0, 0), said(correction("assign", 0, 2, "same", "Pay"), correction("split", 2, 2, "new"))
    )
    assert found["task_said"].to_list() == ["Pay"] * 3


def test_noise_that_becomes_work_gets_a_model_of_its_own() -> None:
    found = correct_segments(stream(0, None, None, 1), said(correction("split", 1, 2, "new")))
    assert found["segment_model"].to_list() == [0, 2, 2, 1]


def test_methods_without_models_stay_without() -> None:
    found = correct_segments(stream(0, None, 1, models=False), said(correction("split", 1, 1, "new")))
    assert found["segment_model"].to_list() == [None, None, None]


def test_time_away_stays_outside_whatever_lies_around_it() -> None:
    events = stream(0, None, 1).with_columns(dropped=pl.Series([None, "presence", None]))
    assert ids(events, correction("merge", 1, 2, ["s1", 0])) == [0, None, 0]


def test_an_interrupted_segment_is_moved_in_pieces() -> None:
    detail = {**correction("merge", 0, 0, ["s1", 3]), "rows": [["s1", 0, 0], ["s1", 2, 2]]}
    assert ids(stream(0, 1, 0, 2), detail) == [0, 1, 0, 0]


def test_what_a_person_decided_is_sure_and_the_rest_is_as_found() -> None:
    found = correct_segments(stream(0, 0, 1, 1, 2), said(correction("move", 1, 1, ["s1", 2])))
    assert found["segment_confidence"].to_list() == [0.5, 1.0, 1.0, 1.0, 0.5]
    assert found["boundary_confidence"].to_list() == [0.25, 1.0, None, None, 0.25]


def test_a_first_row_that_others_left_behind_is_a_boundary_that_a_person_put() -> None:
    found = correct_segments(stream(0, 1, 1), said(correction("move", 1, 1, ["s1", 0])))
    assert found["boundary_confidence"].to_list() == [0.25, None, 1.0]


def test_the_result_keeps_the_contract_and_the_input_is_left_alone() -> None:
    events = stream(0, 0, 1)
    before = events.clone()
    found = correct_segments(events, said(correction("split", 1, 1, "new", "Pay")))
    problems = check(found)
    assert problems.filter(pl.col("column").is_in(found.columns)).is_empty(), problems
    assert events.equals(before)


def test_rows_keep_their_places_where_the_frame_is_in_no_order() -> None:
    events, shuffle = stream(0, 0, 1, 1), [2, 0, 3, 1]
    mixed = correct_segments(events[shuffle], said(correction("split", 1, 1, "new")))
    assert mixed.equals(correct_segments(events, said(correction("split", 1, 1, "new")))[shuffle])


def test_correcting_what_is_corrected_begins_with_what_was_found() -> None:
    once = correct_segments(stream(0, 0, 1), said(correction("split", 1, 1, "new")))
    assert correct_segments(once, said(correction("split", 1, 1, "new"))).equals(once)


def test_events_that_are_not_segmented_are_refused() -> None:
    with pytest.raises(ContractError, match="segment_id"):
        correct_segments(make_events(["a"]), said(correction("split", 0, 0, "new")))


# ------------------------------------------------------------------------------------------------------- what is not there
@pytest.mark.parametrize(
    ("detail", "words"),
    [
        (correction("split", 7, 9, "new"), "none of its rows is in the log any more"),
        (correction("split", 0, 0, "new", user="p_9"), "none of its rows is in the log any more"),
        (correction("merge", 0, 0, ["s1", 9]), "given to is not in the log any more"),
        (correction("merge", 0, 0, ["s1", 3]), "belongs to no piece of work now"),
        ("{}", "cannot be understood"),
        ("no json", "cannot be understood"),
    ],
)
def test_what_cannot_be_replayed_is_told_and_changes_nothing(detail: dict[str, Any] | str, words: str) -> None:
    events = stream(0, 1, 1, None)
    told = list_vanished(events, said(detail))
    assert words in told["sentence"][0]
    assert correct_segments(events, said(detail)).select(LABELS).equals(events.select(LABELS))


def test_what_is_left_of_the_rows_is_corrected_and_told() -> None:
    events = stream(0, 0, 0, 0)
    told = list_vanished(events, said(correction("split", 2, 9, "new")))
    assert told.select("number", "op", "rows", "found").row(0) == (1, "split", 2, 1)
    assert told["sentence"][0].startswith("Correction 1 (split) was applied to what is left: 1 of the 2 rows")
    assert ids(events, correction("split", 2, 9, "new")) == [0, 0, 1, 1]


def test_what_can_be_replayed_is_not_listed() -> None:
    assert list_vanished(stream(0, 0), said(correction("split", 1, 1, "new"))).is_empty()


def test_a_correction_that_nobody_could_replay_is_refused_with_every_fault() -> None:
    with pytest.raises(SettingError, match=r"(?s)op='divide'.*user=''.*rows=\[\['s1', 4, 2\]\].*to='there'.*task=' '"):
        check_correction({"op": "divide", "user": "", "rows": [["s1", 4, 2]], "to": "there", "task": " "})


# ------------------------------------------------------------------------------------------------ one entry, many places
def at_places(op: str, *places: dict[str, Any], task: str | None = None) -> dict[str, Any]:
    kept = [{name: place[name] for name in ("user", "rows", "to")} for place in places]
    return {"op": op, "task": task, "places": kept}


def test_an_entry_of_many_places_is_as_many_entries_of_one() -> None:
    events = pl.concat([stream(0, 0, 1, 1), stream(2, 2, 3, 3, user="p_2")])
    each = [correction("move", 1, 1, ["s1", 2], user=user) for user in ("p_1", "p_2")]
    both = correct_segments(events, said(at_places("move", *each)))
    assert both["segment_id"].to_list() == [0, 1, 1, 1, 2, 3, 3, 3]
    assert both.equals(correct_segments(events, said(*each)))


def test_a_place_that_is_gone_is_told_and_the_others_are_corrected() -> None:
    both = at_places("split", correction("split", 1, 1, "new"), correction("split", 7, 9, "new"))
    told = list_vanished(stream(0, 0, 1), said(both))
    assert told["sentence"].to_list() == [
        "Correction 1 (split) at one of its 2 places was not applied: none of its rows is in the log any more."
    ]
    assert ids(stream(0, 0, 1), both) == [0, 1, 2]


def test_an_entry_of_many_places_is_refused_with_the_faults_of_every_place() -> None:
    good, bad = correction("split", 1, 1, "new"), correction("split", 1, 1, "there")
    with pytest.raises(SettingError, match=r"(?s)to='there'.*user=''"):
        check_correction(at_places("split", good, bad, {**good, "user": ""}))
    for places in ([], "s1", [3]):
        with pytest.raises(SettingError, match="places="):
            check_correction({"op": "split", "task": None, "places": places})


# ---------------------------------------------------------------------------------------------------------------- examples
def test_examples_are_the_steps_that_were_marked() -> None:
    events = stream(0, 0, 1, 1).with_columns(step=pl.Series([True, True, False, True]))
    marked = examples_of(
        events, said(correction("example", 0, 1, "same", "Pay"), correction("example", 2, 3, "same", "Scan"))
    )
    assert marked.select("seq", "segment_id", "task").rows() == [(0, 0, "Pay"), (1, 0, "Pay"), (3, 1, "Scan")]


def test_examples_follow_later_corrections() -> None:
    events = stream(0, 0, 0, 1)
    mark = correction("example", 0, 2, "same", "Pay")
    off, on = correction("not work", 2, 2, "none"), correction("move", 3, 3, ["s1", 0])
    assert examples_of(events, said(mark, off, on))["seq"].to_list() == [0, 1, 3]
    assert examples_of(events, said(mark, correction("assign", 0, 0, "same", "Book")))["task"].unique().to_list() == [
        "Book"
    ]


def test_without_examples_there_are_no_rows() -> None:
    assert examples_of(stream(0, 0), said(correction("split", 1, 1, "new"))).height == 0
    assert examples_of(stream(0, 0), said()).height == 0


# ------------------------------------------------------------------------------------------------- any corrections at all
PEOPLE = {"p_1": (0, 0, 1, 1, None, 2), "p_2": (3, 3, None, 4, 3)}
EVENTS = pl.concat([stream(*own, user=user) for user, own in PEOPLE.items()])
TO = st.one_of(st.sampled_from(["none", "new", "same"]), st.tuples(st.just("s1"), st.integers(0, 7)).map(list))
STRETCH = st.tuples(st.integers(0, 7), st.integers(0, 3)).map(lambda pair: ["s1", pair[0], sum(pair)])
DETAILS = st.lists(st.fixed_dictionaries({
    "op": st.sampled_from(OPS), "user": st.sampled_from(["p_1", "p_2", "p_gone"]),
    "rows": st.lists(STRETCH, min_size=1, max_size=2), "to": TO, "task": st.sampled_from([None, "Pay", "Book"]),
}), max_size=6)  # fmt: skip


@given(DETAILS)
def test_no_segment_spans_two_people_and_numbers_are_dense(details: list[dict[str, Any]]) -> None:
    found = correct_segments(EVENTS, said(*details)).drop_nulls("segment_id")
    assert (found.group_by("segment_id").agg(pl.col("user").n_unique())["user"] == 1).all()
    assert found["segment_id"].unique(maintain_order=True).to_list() == list(range(found["segment_id"].n_unique()))


@given(DETAILS)
def test_every_row_keeps_its_place_and_restoring_gives_back_what_was_found(details: list[dict[str, Any]]) -> None:
    assert restore_segments(correct_segments(EVENTS, said(*details))).equals(EVENTS)


@given(DETAILS)
def test_rows_that_nobody_named_stay_with_the_rows_they_were_with(details: list[dict[str, Any]]) -> None:
    found = correct_segments(EVENTS, said(*details)).filter(~pl.col("corrected"))
    pairs = found.select("found_segment_id", "segment_id").unique()
    assert pairs["found_segment_id"].is_unique().all()
    assert found.filter(pl.col("segment_id").is_null() != pl.col("found_segment_id").is_null()).is_empty()


@given(DETAILS)
def test_a_segment_has_one_model_one_confidence_one_task_and_at_most_one_boundary(
    details: list[dict[str, Any]],
) -> None:
    found = correct_segments(EVENTS, said(*details)).drop_nulls("segment_id")
    counts = found.group_by("segment_id").agg(
        pl.col("segment_model", "segment_confidence", "task_said").n_unique(),
        pl.col("boundary_confidence").drop_nulls().len(),
    )
    assert all((each or 0) <= 1 for each in counts.drop("segment_id").max().row(0))


@given(DETAILS, DETAILS)
def test_a_correction_that_is_taken_back_was_never_said(
    details: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    entries = said(*details, *more)
    assert correct_segments(EVENTS, entries.head(len(details))).equals(correct_segments(EVENTS, said(*details)))


@given(DETAILS)
def test_segments_can_be_listed_and_grouped_after_any_corrections(details: list[dict[str, Any]]) -> None:
    found = correct_segments(EVENTS, said(*details))
    listed = list_segments(found)
    assert listed.height == found["segment_id"].drop_nulls().n_unique()


# ------------------------------------------------------------------------------------------------------------------- names
def tasks_of(events: pl.DataFrame) -> pl.DataFrame:
    return find_tasks(list_segments(events))


def names(*rows: tuple[str, str, list[Any] | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(n, task, name, None if at is None else json.dumps({"anchor": at})) for n, (task, name, at) in enumerate(rows, 1)],
        schema={"number": pl.Int64, "subject": pl.String, "decision": pl.String, "detail": pl.String}, orient="row",
    )  # fmt: skip


WORK = stream(*(i // 3 for i in range(24)))  # eight executions, two tasks in turn
TASKS = tasks_of(WORK)
NAMES = dict(TASKS.select("task_id", "task_name").unique().iter_rows())


def given_names(segments: pl.DataFrame) -> dict[str, str]:
    return dict(segments.select("task_id", "task_name").drop_nulls().unique().iter_rows())


def test_a_name_goes_to_the_task_that_holds_its_anchor_now() -> None:
    own = TASKS["task_id"][1]
    named, lost = apply_names(TASKS, WORK, names(("T99", "Sheets", ["p_1", "s1", 4])))
    assert given_names(named) == NAMES | {own: "Sheets"}
    assert lost.is_empty()


def test_the_latest_name_of_a_task_holds() -> None:
    named, _ = apply_names(TASKS, WORK, names(("T01", "Old", None), ("T01", "New", None)))
    assert given_names(named)["T01"] == "New"


def test_two_tasks_can_exchange_their_names() -> None:
    named, lost = apply_names(TASKS, WORK, names(("T01", NAMES["T02"], None), ("T02", NAMES["T01"], None)))
    assert given_names(named) == {"T01": NAMES["T02"], "T02": NAMES["T01"]}
    assert lost.is_empty()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("T77", "Sheets", None)], "its task is not among the tasks"),
        ([("T01", "Sheets", ["p_1", "s1", 999])], "not in the log any more"),
        ([("T01", "Same", None), ("T02", "Same", None)], "T01 bears it already"),
    ],
)
def test_names_that_cannot_be_given_are_told(rows: list[Any], words: str) -> None:
    _, lost = apply_names(TASKS, WORK, names(*rows))
    assert lost.height == 1
    assert words in lost["sentence"][0]


def test_an_assigned_execution_joins_the_task_of_that_name() -> None:
    events = correct_segments(WORK, said(correction("assign", 0, 2, "same", NAMES["T02"])))
    own = TASKS.filter(task_id="T02")["segment_id"].to_list()
    assigned, _ = apply_names(TASKS, events, names())
    assert sorted(assigned.filter(task_id="T02")["segment_id"].to_list()) == sorted({0, *own})
    assert assigned["task_confidence"][0] == 1.0


def test_an_assignment_finds_its_task_after_the_task_was_renamed() -> None:
    events = correct_segments(WORK, said(correction("assign", 0, 2, "same", NAMES["T02"])))
    assigned, _ = apply_names(TASKS, events, names(("T02", "Sheets", None)))
    assert assigned["task_name"][0] == "Sheets"
    assert {*given_names(assigned)} == {"T01", "T02"}


def test_a_name_that_no_task_bears_makes_a_new_task() -> None:
    events = correct_segments(WORK, said(correction("assign", 0, 2, "same", "Something else")))
    assigned, _ = apply_names(TASKS, events, names())
    assert assigned.select("task_id", "task_name").row(0) == ("T03", "Something else")


def test_a_name_of_examples_goes_to_the_task_they_were_found_in() -> None:
    entries = said(correction("example", 0, 2, "same", "My mail"))
    events = correct_segments(WORK, entries)
    task = TASKS["task_id"][0]
    assigned, _ = apply_names(TASKS, events, names(), examples=examples_of(WORK, entries))
    assert given_names(assigned) == NAMES | {task: "My mail"}


def test_examples_do_not_take_a_name_that_people_gave() -> None:
    entries = said(correction("example", 0, 2, "same", "My mail"))
    task = TASKS["task_id"][0]
    assigned, _ = apply_names(
        TASKS, correct_segments(WORK, entries), names((task, "Post", None)), examples=examples_of(WORK, entries)
    )
    assert given_names(assigned)[task] == "Post"
    assert assigned["task_name"][0] == "My mail"


def test_names_are_as_rename_tasks_gives_them() -> None:
    named, _ = apply_names(TASKS, WORK, names(("T01", "Mail", None)))
    assert named.equals(rename_tasks(TASKS, names={"T01": "Mail"}))
