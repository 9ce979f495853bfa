"""Tasks that people said are the same, and executions that were given a task by its number."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from taskkit.decisions import correct_segments
from taskkit.decisions.names import apply_names
from tests.test_corrections import NAMES, TASKS, WORK, correction, given_names, said

ROW = {task: ["p_1", "s1", 3 * TASKS.filter(task_id=task)["segment_id"].item(0) + 1] for task in ("T01", "T02")}
Entry = tuple[str, str, dict[str, Any]]
SAME: Entry = ("T02", "is the same task as T01", {"anchor": ROW["T02"], "same_as": ROW["T01"]})


def names(*rows: Entry) -> pl.DataFrame:
    entries = [(n, task, name, json.dumps(detail)) for n, (task, name, detail) in enumerate(rows, 1)]
    schema = {"number": pl.Int64, "subject": pl.String, "decision": pl.String, "detail": pl.String}
    return pl.DataFrame(entries, schema=schema, orient="row")


def test_a_task_that_is_the_same_as_another_one_becomes_a_part_of_it() -> None:
    merged, lost = apply_names(TASKS, WORK, names(SAME))
    assert given_names(merged) == {"T01": NAMES["T01"]}
    assert lost.is_empty()


def test_what_the_tasks_were_is_kept_beside_what_they_are() -> None:
    merged, _ = apply_names(TASKS, WORK, names(SAME))
    assert merged["found_task_id"].equals(TASKS["task_id"], check_names=False)


def test_a_name_of_the_part_from_before_does_not_go_to_the_whole() -> None:
    merged, _ = apply_names(TASKS, WORK, names(("T02", "Sheets", {"anchor": ROW["T02"]}), SAME))
    assert given_names(merged) == {"T01": NAMES["T01"]}


def test_a_name_given_afterwards_goes_to_the_whole() -> None:
    merged, _ = apply_names(TASKS, WORK, names(SAME, ("T02", "Office", {"anchor": ROW["T02"]})))
    assert given_names(merged) == {"T01": "Office"}


def test_a_chain_of_the_same_ends_in_one_task_and_a_ring_is_no_harm() -> None:
    back = ("T01", "is the same task as T02", {"anchor": ROW["T01"], "same_as": ROW["T02"]})
    merged, lost = apply_names(TASKS, WORK, names(SAME, back))
    assert {*given_names(merged)} == {"T01"}
    assert lost.is_empty()


def test_the_same_as_a_row_that_is_gone_is_told() -> None:
    merged, lost = apply_names(
        TASKS, WORK, names(("T02", "same", {"anchor": ROW["T02"], "same_as": ["p_1", "s1", 999]}))
    )
    assert given_names(merged) == NAMES
    assert "not in the log any more" in lost["sentence"][0]


def test_an_assignment_by_number_means_the_task_of_that_number() -> None:
    events = correct_segments(WORK, said(correction("assign", 0, 2, "same", "T02")))
    assigned, _ = apply_names(TASKS, events, names(("T02", "Sheets", {"anchor": ROW["T02"]})))
    assert assigned.select("task_id", "task_name").row(0) == ("T02", "Sheets")


def test_an_assignment_to_a_part_goes_to_the_whole() -> None:
    events = correct_segments(WORK, said(correction("assign", 0, 2, "same", NAMES["T02"])))
    assigned, _ = apply_names(TASKS, events, names(SAME))
    assert {*assigned["task_id"]} == {"T01"}


def test_an_assignment_by_a_name_that_was_replaced_finds_the_task() -> None:
    events = correct_segments(WORK, said(correction("assign", 0, 2, "same", "Old")))
    both = names(("T02", "Old", {"anchor": ROW["T02"]}), ("T02", "New", {"anchor": ROW["T02"]}))
    assert apply_names(TASKS, events, both)[0]["task_name"][0] == "New"


def test_a_new_task_never_takes_the_number_of_a_part() -> None:
    events = correct_segments(WORK, said(correction("assign", 0, 2, "same", "Something else")))
    assert apply_names(TASKS, events, names(SAME))[0]["task_id"][0] == "T03"
