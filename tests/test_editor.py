"""The segmentation editor without a browser: every edit is the right correction, kept, undone and shown to others."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from taskkit.activities import name_activities
from taskkit.decisions import JOURNAL, Decisions
from taskkit.decisions.corrections import correct_segments, list_vanished
from taskkit.errors import ContractError, SettingError
from taskkit.log import write_log
from taskkit.pipeline import mine
from taskkit.widgets.displays import STATIC_VARIABLE
from taskkit.widgets.editor import SegmentationEditor
from taskkit.widgets.editor.edits import EDITS, split
from taskkit.widgets.editor.stretches import arrange
from tests.frames import START, make_events

TASKS = {"a": "T01", "b": "T02", "c": "T03"}
_WORDS = ("open", "fill", "save")  # without numbers, which would be slots of one name
_MAIL = ("open mail", "read mail", "answer mail", "send mail", "file mail")
_SHEET = ("open sheet", "fill sheet", "sum up sheet", "save sheet")
_ORDER = ("open order", "check order", "approve order", "print order", "close order", "note order")
NAMES = {"T01": "Enter invoice", "T02": "Answer mail", "T03": "Pay"}


def stretch(labels: str, *, user: str = "p_1", session: str = "s1", sure: float | None = 0.5) -> pl.DataFrame:
    """Events of one session, a step a character: the letter is the segment and its task, a dot belongs to none."""
    rows = [f"{letter} {_WORDS[place % 3]}" for place, letter in enumerate(labels)]
    events = name_activities(make_events(rows, user=user, session_id=session, utc_offset_minutes=60))
    segments = [None if letter == "." else "abc".index(letter) for letter in labels]
    return events.with_columns(
        segment_id=pl.Series(segments, dtype=pl.UInt32),
        segment_model=pl.Series(segments, dtype=pl.Int32),
        segment_confidence=pl.lit(0.9),
        boundary_confidence=pl.Series(
            [sure if s is not None and s not in segments[:n] else None for n, s in enumerate(segments)],
            dtype=pl.Float64,
        ),
        task_id=pl.Series([TASKS.get(letter) for letter in labels], dtype=pl.String),
    )


def owners(editor: SegmentationEditor) -> str:
    """The segments as they stand now, a letter each in order of their beginning."""
    ids = editor.events.filter("step")["segment_id"].to_list()
    return "".join("." if number is None else "abcdefgh"[number] for number in ids)


def last_detail(editor: SegmentationEditor) -> dict[str, Any]:
    return dict(json.loads(editor.corrections["detail"][-1]))


# ------------------------------------------------------------------------------------------------------------- the edits
@pytest.mark.parametrize(
    ("before", "op", "settings", "after"),
    [
        ("aaabbb", "move", {"step": 3, "to": 2}, "aabbbb"),
        ("aaabbb", "move", {"step": 3, "to": 5}, "aaaaab"),
        ("aaa..b", "move", {"step": 3, "to": 2}, "aa...b"),
        ("aaa..b", "move", {"step": 3, "to": 5}, "aaaaab"),
        ("aaa..b", "move", {"step": 5, "to": 3}, "aaabbb"),
        ("aaaaaa", "split", {"step": 2}, "aabbbb"),
        ("aabbaa", "split", {"step": 4}, "aabbcc"),
        ("aa..bb", "split", {"step": 3}, "aa.bcc"),
        ("aabb", "merge", {"step": 0}, "aaaa"),
        ("aabb", "merge", {"step": 2, "later": False}, "aaaa"),
        ("aa.bb", "merge", {"step": 0}, "aa.aa"),
        ("aabbaa", "not work", {"step": 0}, "..aa.."),
        ("aa..", "assign", {"step": 2, "task": "Pay"}, "aabb"),
        ("aabb", "confirm", {"step": 2}, "aabb"),
    ],
)  # fmt: skip
def test_an_edit_divides_the_rows_as_said(before: str, op: str, settings: dict[str, Any], after: str) -> None:
    editor = SegmentationEditor(stretch(before))
    editor.edit(op, **settings)
    assert owners(editor) == after


@pytest.mark.parametrize(
    ("op", "settings", "expected"),
    [
        ("move", {"step": 3, "to": 2}, {"op": "move", "rows": [["s1", 2, 2]], "to": ["s1", 3], "task": None}),
        ("split", {"step": 1}, {"op": "split", "rows": [["s1", 1, 2]], "to": "new", "task": None}),
        ("merge", {"step": 0}, {"op": "merge", "rows": [["s1", 3, 5]], "to": ["s1", 0], "task": None}),
        ("not work", {"step": 4}, {"op": "not work", "rows": [["s1", 3, 5]], "to": "none", "task": None}),
        ("assign", {"step": 4, "task": " Pay  now "}, {"op": "assign", "rows": [["s1", 3, 5]], "to": "same", "task": "Pay now"}),
        ("assign", {"step": 4, "task": "Pay", "example": True},
         {"op": "example", "rows": [["s1", 3, 5]], "to": "same", "task": "Pay"}),
    ],
)  # fmt: skip
def test_an_edit_is_kept_as_rows(op: str, settings: dict[str, Any], expected: dict[str, Any]) -> None:
    editor = SegmentationEditor(stretch("aaabbb"))
    editor.edit(op, **settings)
    assert last_detail(editor) == {"user": "p_1", **expected}


@pytest.mark.parametrize(
    ("labels", "op", "settings"),
    [
        ("aaabbb", "move", {"step": 3, "to": 0}),  # nothing would be left
        ("aaabbb", "move", {"step": 2, "to": 3}),  # no boundary there
        ("aaabbb", "split", {"step": 3}),
        ("aaa", "merge", {"step": 0}),
        ("a.", "not work", {"step": 1}),
        ("aaa", "assign", {"step": 0, "task": "  "}),
        ("aaa", "confirm", {"step": 7}),
    ],
)
def test_an_edit_that_cannot_be_is_refused_and_not_recorded(labels: str, op: str, settings: dict[str, Any]) -> None:
    editor = SegmentationEditor(stretch(labels))
    with pytest.raises(SettingError):
        editor.edit(op, **settings)
    assert editor.corrections.is_empty()


def test_a_window_that_came_to_the_front_goes_with_what_was_done_in_it() -> None:
    events = stretch("aaaa")
    focus = events[2:3].with_columns(
        seq=pl.lit(9, dtype=pl.UInt64), step=pl.lit(False), activity=pl.lit(None, dtype=pl.String),
        event_type=pl.lit("window_focus").cast(events["event_type"].dtype),
    )  # fmt: skip
    rows = pl.concat([events[:2], focus, events[2:]]).with_columns(seq=pl.int_range(5, dtype=pl.UInt64))
    assert split(arrange(_whole(rows)), 2).ranges == [["s1", 2, 4]]


def _whole(events: pl.DataFrame) -> pl.DataFrame:
    return correct_segments(events, pl.DataFrame(schema={"number": pl.Int64, "detail": pl.String}))


def test_presence_rows_are_never_part_of_a_correction() -> None:
    events = stretch("aaaa").with_columns(
        dropped=pl.Series([None, "presence", None, None], dtype=pl.String), step=pl.Series([True, False, True, True])
    )
    assert EDITS["not work"](arrange(_whole(events)), 0).ranges == [["s1", 0, 0], ["s1", 2, 3]]


def test_a_merged_segment_keeps_the_task_of_what_was_chosen() -> None:
    editor = SegmentationEditor(stretch("aabbbb"), names=NAMES)
    editor.edit("merge", step=0)
    assert editor.desk.picture()["segments"][0]["task"] == "Enter invoice"


def test_an_example_divides_everybodys_work_anew() -> None:
    mine, other = stretch("abcabcabcabc", user="p_1"), stretch("abcabcabcabc", user="p_2", session="s2")
    raw = [frame.with_columns(segment_id=pl.lit(None, pl.UInt32), task_id=pl.lit(None, pl.String),
                              segment_model=pl.lit(None, pl.Int32)) for frame in (mine, other)]  # fmt: skip
    editor = SegmentationEditor(pl.concat(raw))
    editor.edit("split", step=0)
    editor.edit("split", step=3)
    said = editor.edit("assign", step=0, task="round", example=True)
    assert "Everything was divided anew" in said
    unmarked = next(user for user in ("p_1", "p_2") if user != editor.desk.user)
    assert editor.events.filter(pl.col("user") == unmarked)["segment_id"].null_count() == 0


def test_a_very_short_example_is_marked_with_a_warning_and_the_change_of_the_unsure_places() -> None:
    people = [stretch("a" * 12 + "b" * 12 + "c" * 12, user=f"p_{n}", session=f"s{n}") for n in range(2)]
    events = pl.concat([frame.with_columns(pl.col("segment_id") + 3 * n) for n, frame in enumerate(people)])
    editor = SegmentationEditor(events)
    editor.edit("split", step=2)
    said = editor.edit("assign", step=0, task="T01", example=True)
    assert "This piece has 2 steps only; pieces of this task usually have 12 (median)" in said
    assert "Unsure places: " in said
    assert "Undo (U) takes it back" in said


def test_the_page_asks_before_a_very_short_example_is_marked() -> None:
    editor = SegmentationEditor(stretch("a" * 12 + "b" * 12 + "c" * 12))
    editor.edit("split", step=2)
    mark = {"do": "edit", "op": "assign", "step": 0, "task": "T01", "example": True}
    asked = editor.desk.handle({**mark, "ask": True})
    assert ("This piece has 2 steps only" in asked["question"], editor.corrections.height) == (True, 1)
    assert (editor.desk.handle(mark)["question"], editor.corrections.height) == ("", 2)


def test_an_example_of_the_usual_size_is_marked_without_a_warning() -> None:
    editor = SegmentationEditor(stretch("a" * 12 + "b" * 12 + "a" * 12))
    assert "usually have" not in editor.edit("assign", step=12, task="T02", example=True)


def test_what_people_watch_is_what_mine_then_gives(tmp_path: Path) -> None:
    chance, ways = random.Random(7), (_MAIL, _SHEET, _ORDER)
    people = [
        make_events([step for _ in range(25) for step in chance.choice(ways)], user=f"p_{n}", session_id=f"s{n}")
        for n in range(5)
    ]
    write_log(pl.concat(people), tmp_path / "log.parquet")
    found = mine(tmp_path / "log.parquet").events
    editor = SegmentationEditor(found, results=tmp_path / "results")
    editor.edit("split", step=2)
    editor.edit("assign", step=0, task="first work", example=True)
    again = mine(tmp_path / "log.parquet", results=tmp_path / "results").events
    keys = ["user", "session_id", "seq", "segment_id"]
    as_found, watched, mined = (frame.select(keys).sort(keys) for frame in (found, editor.events, again))
    assert not watched.equals(as_found)
    assert watched.equals(mined)


# --------------------------------------------------------------------------------------------- the same at other places
def rounds(labels: str, people: int = 1) -> pl.DataFrame:
    """People who do the same again and again: each run of a letter is a segment of its own, of the letter's model."""
    runs = [n and labels[n] != labels[n - 1] for n in range(len(labels))]
    each = pl.Series(runs, dtype=pl.Int64).cum_sum()
    frames = [stretch(labels, user=f"p_{n}", session=f"s{n}") for n in range(people)]
    return pl.concat(
        frame.with_columns(
            segment_id=(each + n * (each.max() + 1)).cast(pl.UInt32),  # type: ignore[operator]
            boundary_confidence=pl.Series([0.5 if n == 0 or run else None for n, run in enumerate(runs)]),
        )
        for n, frame in enumerate(frames)
    )


def unsure(editor: SegmentationEditor) -> list[int]:
    """Steps of all people, one after the other, that begin a segment of which nobody is sure."""
    steps = editor.events.filter("step").with_row_index("n")
    return steps.filter(pl.col("boundary_confidence") < 0.8)["n"].to_list()


def test_what_was_said_of_an_unsure_place_can_be_said_of_all_that_look_the_same() -> None:
    editor = SegmentationEditor(rounds("aaabbbaaabbb", people=2))
    before = unsure(editor)
    editor.edit("confirm", step=3)
    offered = editor.desk.picture()["alike"]
    said = editor.edit_alike(role="clerk", why="always so")
    assert offered["label"] == "Right as it is at these 3 too"
    assert said.startswith("Saved as number 2: right as found, as at number 1, at 3 places of 2 people.")
    assert [each for each in before if each not in unsure(editor)] == [3, 9, 15, 21]
    assert editor.corrections.select("role", "why").row(1) == ("clerk", "always so")


def test_nothing_is_said_of_other_places_without_the_click() -> None:
    editor = SegmentationEditor(rounds("aaabbbaaabbb", people=2))
    before = unsure(editor)
    editor.edit("confirm", step=3)
    assert [each for each in before if each not in unsure(editor)] == [3]


@pytest.mark.parametrize(
    ("before", "op", "settings", "after"),
    [
        ("aaabbbaaabbbaaabbb", "merge", {"step": 0}, "aaaaaabbbbbbcccccc"),
        ("aaabbbaaabbbaaabbb", "merge", {"step": 3, "later": False}, "aaaaaabbbbbbcccccc"),
        ("aaabbbaaabbbaaabbb", "merge", {"step": 5}, "aaabbbbbbccccccddd"),
        ("aaabbbaaabbbaaabbb", "move", {"step": 3, "to": 2}, "aabbbbccddddeeffff"),
        ("aaabbbaaabbbaaabbb", "move", {"step": 3, "to": 5}, "aaaaabcccccdeeeeef"),
    ],
)
def test_every_way_of_settling_is_done_in_the_same_way_elsewhere(
    before: str, op: str, settings: dict[str, Any], after: str
) -> None:
    editor = SegmentationEditor(rounds(before))
    editor.edit(op, **settings)
    editor.edit_alike()
    assert owners(editor) == after


@pytest.mark.parametrize("settings", [{"step": 0}, {"step": 3, "later": False}])
def test_pieces_that_follow_one_another_become_one(settings: dict[str, Any]) -> None:
    events = rounds("aaabbbaaabbb").with_columns(
        activity=pl.Series(["open", "fill", "save"] * 4), segment_model=pl.lit(0, pl.Int32)
    )
    editor = SegmentationEditor(events)
    editor.edit("merge", **settings)
    editor.edit_alike()
    assert owners(editor) == "a" * 12


@pytest.mark.parametrize(
    ("other", "column"), [("open the other", "activity"), ("save the other", "activity"), (7, "segment_model")]
)
def test_other_steps_and_other_kinds_of_work_do_not_look_the_same(other: Any, column: str) -> None:
    events = rounds("aaabbbaaabbb")
    row = 8 if other == "save the other" else 9
    here = pl.int_range(pl.len()) == row
    kind = events.schema[column]
    changed = pl.when(here).then(pl.lit(other, kind) if column == "segment_model" else pl.lit(other)).otherwise(column)
    editor = SegmentationEditor(events.with_columns(changed.alias(column)))
    editor.edit("confirm", step=3)
    assert editor.desk.picture()["alike"] is None
    with pytest.raises(SettingError, match="No other unsure place"):
        editor.edit_alike()


def test_a_sure_boundary_offers_nothing() -> None:
    events = rounds("aaabbbaaabbb").with_columns(boundary_confidence=pl.col("boundary_confidence") + 0.4)
    editor = SegmentationEditor(events)
    editor.edit("confirm", step=3)
    assert editor.desk.picture()["alike"] is None


@pytest.mark.parametrize("then", [{"do": "next", "by": 1}, {"do": "undo"}, {"do": "edit", "op": "split", "step": 1}])
def test_the_offer_is_about_what_was_done_last(then: dict[str, Any]) -> None:
    editor = SegmentationEditor(rounds("aaabbbaaabbb"))
    editor.edit("confirm", step=3)
    editor.desk.handle(then)
    assert editor.desk.picture()["alike"] is None


def test_one_undo_takes_all_places_back_and_one_redo_does_it_again(tmp_path: Path) -> None:
    editor = SegmentationEditor(rounds("aaabbbaaabbb", people=2), results=tmp_path / "results")
    editor.edit("merge", step=0)
    editor.edit_alike()
    merged = owners(editor)
    editor.desk.handle({"do": "undo"})
    undone = owners(editor)
    editor.desk.handle({"do": "redo"})
    assert (undone, owners(editor)) == ("aaaaaabbbcccdddeeefffggg", merged)
    assert Decisions(tmp_path / JOURNAL).history()["kind"].to_list() == [
        "correction",
        "correction",
        "undo",
        "correction",
    ]


def test_places_settled_alike_are_there_again_when_it_is_opened_anew(tmp_path: Path) -> None:
    first = SegmentationEditor(rounds("aaabbbaaabbb", people=2), results=tmp_path / "results")
    first.edit("move", step=3, to=2)
    first.edit_alike()
    again = SegmentationEditor(rounds("aaabbbaaabbb", people=2), results=tmp_path / "results")
    assert owners(again) == owners(first) == "aabbbbccddddeeffffgghhhh"


def test_another_notebooks_word_on_one_of_the_places_is_a_conflict_of_both(tmp_path: Path) -> None:
    own, other = (SegmentationEditor(rounds("aaabbbaaabbb"), results=tmp_path / "results") for _ in range(2))
    own.edit("confirm", step=3)
    other.edit("not work", step=10)
    own.edit_alike()
    (shown,) = own.desk.picture()["conflicts"]
    assert (shown["keep"], shown["take"], own.corrections["number"].to_list()) == (3, 2, [1, 2, 3])


def test_two_who_say_the_same_of_a_place_do_not_disagree(tmp_path: Path) -> None:
    own, other = (SegmentationEditor(rounds("aaabbbaaabbb"), results=tmp_path / "results") for _ in range(2))
    own.edit("confirm", step=3)
    other.edit("confirm", step=9)
    own.edit_alike()
    assert own.desk.picture()["conflicts"] == []


def test_a_place_whose_rows_are_gone_is_listed_and_the_others_hold(tmp_path: Path) -> None:
    editor = SegmentationEditor(rounds("aaabbbaaabbb", people=3), results=tmp_path / "results")
    editor.edit("merge", step=0)
    editor.edit_alike()
    left = rounds("aaabbbaaabbb", people=3).filter(pl.col("user") != "p_2")
    said = Decisions(tmp_path / JOURNAL).list("correction")
    lost = list_vanished(left, said)
    assert lost["number"].to_list() == [2, 2]
    assert "Correction 2 (merge) at one of its 5 places was not applied" in lost["sentence"][0]
    assert correct_segments(left, said)["segment_id"].n_unique() == 4


def test_what_mine_then_gives_is_what_was_settled_alike(tmp_path: Path) -> None:
    chance, ways = random.Random(7), (_MAIL, _SHEET, _ORDER)
    people = [
        make_events([step for _ in range(25) for step in chance.choice(ways)], user=f"p_{n}", session_id=f"s{n}")
        for n in range(5)
    ]
    write_log(pl.concat(people), tmp_path / "log.parquet")
    editor = SegmentationEditor(mine(tmp_path / "log.parquet").events, results=tmp_path / "results")
    editor.edit("confirm", step=editor.desk.cursor)
    assert "places" in editor.edit_alike()
    again = mine(tmp_path / "log.parquet", results=tmp_path / "results").events
    keys = ["user", "session_id", "seq", "segment_id", "boundary_confidence"]
    assert editor.events.select(keys).sort(keys).equals(again.select(keys).sort(keys))


def test_a_step_of_few_people_is_not_named_in_the_offer() -> None:
    people = [rounds("aaabbbaaabbb").with_columns(user=pl.lit(f"p_{n}"), session_id=pl.lit(f"s{n}")) for n in range(5)]
    people[0] = people[0].with_columns(pl.col("activity").replace({"click b open · erp": "my own way"}))
    numbered = pl.concat([frame.with_columns(pl.col("segment_id") + 4 * n) for n, frame in enumerate(people)])
    editor = SegmentationEditor(numbered)
    editor.desk.handle({"do": "show", "person": editor.desk.letters["p_0"]})
    editor.edit("confirm", step=3)
    words = editor.desk.picture()["alike"]["words"]
    assert "after ‘click a save · erp’, before a step that fewer than 5 people take, " in words


# ----------------------------------------------------------------------------------------------------- kept, undone, shared
def test_corrections_are_there_again_when_it_is_opened_anew(tmp_path: Path) -> None:
    SegmentationEditor(stretch("aaabbb"), results=tmp_path / "results").edit("move", step=3, to=2)
    assert owners(SegmentationEditor(stretch("aaabbb"), results=tmp_path / "results")) == "aabbbb"


def test_what_mine_has_corrected_is_not_corrected_twice(tmp_path: Path) -> None:
    SegmentationEditor(stretch("aaabbb"), results=tmp_path / "results").edit("move", step=3, to=2)
    corrected = correct_segments(stretch("aaabbb"), Decisions(tmp_path / JOURNAL).list("correction"))
    assert owners(SegmentationEditor(corrected, results=tmp_path / "results")) == "aabbbb"


def test_undo_and_redo(tmp_path: Path) -> None:
    editor = SegmentationEditor(stretch("aaabbb"), results=tmp_path / "results")
    editor.edit("move", step=3, to=2)
    editor.desk.handle({"do": "undo"})
    undone = owners(editor)
    editor.desk.handle({"do": "redo"})
    assert (undone, owners(editor), Decisions(tmp_path / JOURNAL).history().height) == ("aaabbb", "aabbbb", 3)


def test_undo_takes_back_what_was_there_before_but_not_what_another_notebook_did(tmp_path: Path) -> None:
    SegmentationEditor(stretch("aaabbb"), results=tmp_path / "results").edit("split", step=1)
    editor = SegmentationEditor(stretch("aaabbb"), results=tmp_path / "results")
    SegmentationEditor(stretch("aaabbb"), results=tmp_path / "results").edit("split", step=2)
    editor.desk.handle({"do": "undo"})
    assert editor.corrections["number"].to_list() == [2]
    assert "nothing left to take back" in editor.desk.handle({"do": "undo"})["problem"]


def test_what_another_notebook_recorded_is_in_the_picture(tmp_path: Path) -> None:
    one, other = (SegmentationEditor(stretch("aaabbb"), results=tmp_path / "results") for _ in range(2))
    other.edit("split", step=1)
    assert one.desk.handle({"do": "open"})["g"] == [0, 1, 1, 2, 2, 2]


def test_edits_of_different_rows_are_no_conflict(tmp_path: Path) -> None:
    one, other = (SegmentationEditor(stretch("aaabbb"), results=tmp_path / "results") for _ in range(2))
    one.edit("split", step=1)
    other.edit("not work", step=4)
    assert (owners(other), other.desk.picture()["conflicts"]) == ("abb...", [])


@pytest.fixture
def clash(tmp_path: Path) -> SegmentationEditor:
    """Two notebooks said different things of the same rows without having seen each other: numbers 1 (theirs), 2 (mine)."""
    own, other = (SegmentationEditor(stretch("aaabbb"), results=tmp_path / "results") for _ in range(2))
    other.edit("not work", step=4, role="clerk")
    own.edit("assign", step=4, task="Pay")
    return own


def test_conflicting_edits_are_both_kept_and_shown(clash: SegmentationEditor) -> None:
    (shown,) = clash.desk.picture()["conflicts"]
    assert shown["sides"] == ["Number 2, analyst: task ‘Pay’", "Number 1, clerk: not work"]
    assert clash.corrections["number"].to_list() == [1, 2]


@pytest.mark.parametrize(("keep", "drop", "left"), [(2, 1, "aaabbb"), (1, 2, "aaa...")])
def test_a_conflict_is_settled_by_choosing(clash: SegmentationEditor, keep: int, drop: int, left: str) -> None:
    answer = clash.desk.handle({"do": "keep", "keep": keep, "drop": drop})
    assert (owners(clash), answer["conflicts"]) == (left, [])
    assert Decisions(clash.desk.journal.path).history().height == 3


def test_an_edit_on_an_old_picture_is_a_conflict_not_lost(tmp_path: Path) -> None:
    """The desk had read the other's entry already, but the person had not seen it yet."""
    own, other = (SegmentationEditor(stretch("aaabbb"), results=tmp_path / "results") for _ in range(2))
    seen = own.desk.handle({"do": "open"})["version"]
    other.edit("not work", step=4)
    own.desk.refresh()
    answer = own.desk.handle({"do": "edit", "op": "assign", "step": 2, "task": "Pay", "version": seen})
    again = own.desk.handle({"do": "edit", "op": "assign", "step": 4, "task": "Pay", "version": seen})
    assert (answer["conflicts"], len(again["conflicts"])) == ([], 1)


def test_role_and_reason_are_kept(tmp_path: Path) -> None:
    editor = SegmentationEditor(stretch("aaabbb"), results=tmp_path / "results")
    editor.edit("split", step=1, role="clerk", why="two letters")
    assert editor.corrections.select("role", "why", "decision").row(0) == ("clerk", "two letters", "split in two")


def test_a_role_that_was_left_blank_is_not_stated() -> None:
    editor = SegmentationEditor(stretch("aaabbb"))
    editor.desk.handle({"do": "edit", "op": "split", "step": 1, "role": " "})
    editor.desk.handle({"do": "undo", "role": ""})
    assert editor.desk.journal.history()["role"].to_list() == ["not stated", "not stated"]


# -------------------------------------------------------------------------------------------------------------- the picture
def test_no_pseudonym_title_or_session_goes_to_the_page() -> None:
    editor = SegmentationEditor(stretch("aaabbb").with_columns(window_title=pl.lit("Letter to Jane Doe")))
    editor.edit("split", step=1)
    sent = json.dumps(editor.desk.picture())
    assert not [secret for secret in ("p_1", "s1", "Jane") if secret in sent]


def test_activities_of_few_people_are_not_named() -> None:
    people = [stretch("abc", user=f"p_{n}", session=f"s{n}") for n in range(5)]
    rare = people[0].with_columns(activity=pl.when(pl.col("seq") == 1).then(pl.lit("my own way")).otherwise("activity"))
    editor = SegmentationEditor(pl.concat([rare, *people[1:]]))
    assert "my own way" not in json.dumps(
        [editor.desk.handle({"do": "show", "person": f"Person {x}"}) for x in "ABCDE"]
    )


def test_the_least_sure_place_comes_first_and_leaves_the_list_when_it_is_decided() -> None:
    events = stretch("aabbcc").with_columns(
        boundary_confidence=pl.Series([None, None, 0.7, None, 0.2, None], dtype=pl.Float64)
    )
    editor = SegmentationEditor(events)
    first = editor.desk.picture()
    assert (first["cursor"], first["unsure"]) == (4, {"at": 1, "of": 2, "known": True})
    editor.edit("confirm", step=4)
    following = editor.desk.handle({"do": "next", "by": 1})
    assert (following["cursor"], following["unsure"]) == (2, {"at": 1, "of": 1, "known": True})


def test_the_position_in_the_list_is_kept_after_an_edit() -> None:
    editor = SegmentationEditor(stretch("aabbcc"))
    editor.desk.handle({"do": "next", "by": 1})  # the second of the two
    editor.edit("confirm", step=editor.desk.cursor)
    picture = editor.desk.picture()
    assert (picture["unsure"]["at"], picture["unsure"]["of"], picture["following"]) == (0, 1, 1)


def test_a_task_of_few_people_is_not_offered() -> None:
    people = [stretch("aabb" if n else "aacc", user=f"p_{n}", session=f"s{n}") for n in range(6)]
    numbered = pl.concat([frame.with_columns(pl.col("segment_id") + 3 * n) for n, frame in enumerate(people)])
    tasks = SegmentationEditor(numbered, names=NAMES).desk.picture()["tasks"]
    assert [name for name, _, _, offered in tasks if not offered] == ["Pay"]


def test_next_stays_with_one_person_where_that_is_wanted() -> None:
    both = [stretch("aabb", user=user, session=user, sure=sure) for user, sure in (("p_1", 0.5), ("p_2", 0.4))]
    editor = SegmentationEditor(pl.concat(both))
    here = editor.desk.user
    answers = [editor.desk.handle({"do": "next", "by": 1, "scope": "person"}) for _ in range(2)]
    assert (answers[-1]["unsure"]["of"], editor.desk.user) == (1, here)


def test_days_are_local_days() -> None:
    late = timedelta(hours=15, minutes=30)  # 23:30 in Greenwich is the next day at an offset of an hour
    editor = SegmentationEditor(stretch("aab").with_columns(pl.col("timestamp") + late))
    assert START.day == 2
    assert editor.desk.picture()["days"][0][1] == "Tue 3 Mar 2026"


def test_what_cannot_be_drawn_is_said_to_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    editor, sent = SegmentationEditor(stretch("aabb")), list[Any]()
    monkeypatch.setattr(editor, "_widget", SimpleNamespace(send=sent.append))
    monkeypatch.setattr(editor.desk, "picture", lambda: 1 / 0)
    editor._answer({"do": "open"})
    assert sent == [{"about": "problem", "problem": "This could not be drawn: ZeroDivisionError: division by zero"}]


# ------------------------------------------------------------------------------------------------------------ empty states
def test_without_confidence_there_are_no_places_and_it_can_still_be_corrected() -> None:
    editor = SegmentationEditor(stretch("aabb", sure=None))
    assert editor.desk.handle({"do": "next", "by": 1})["unsure"] == {"at": 0, "of": 0, "known": False}
    assert editor.edit("split", step=1).startswith("Saved as number 1")


def test_a_log_of_one_row_is_drawn() -> None:
    assert SegmentationEditor(stretch("a")).desk.picture()["g"] == [0]


def test_a_log_without_steps_says_so() -> None:
    editor = SegmentationEditor(stretch("aa").with_columns(step=pl.lit(False)))
    assert "nothing to divide" in editor.desk.handle({"do": "open"})["empty"]


def test_segments_without_tasks_are_drawn() -> None:
    picture = SegmentationEditor(stretch("aabb").drop("task_id", "segment_model")).desk.picture()
    assert ([each["task"] for each in picture["segments"]], picture["tasks"]) == ([None, None], [])


def test_without_results_nothing_is_kept_and_it_says_so() -> None:
    assert SegmentationEditor(stretch("aabb")).desk.picture()["kept"] is False


def test_events_that_were_not_divided_are_refused() -> None:
    with pytest.raises(ContractError, match="segment_id"):
        SegmentationEditor(stretch("aabb").drop("segment_id"))


# ---------------------------------------------------------------------------------------------------- without a kernel
def test_a_page_shows_counts_and_nobodys_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATIC_VARIABLE, "1")
    editor = SegmentationEditor(stretch("aaabbb"), names=NAMES)
    editor.edit("split", step=1, role="clerk")
    editor.edit("not work", step=4)
    shown = str(editor._repr_mimebundle_()["text/html"])
    assert "2 corrections of the segments recorded: 1 split or confirmed segment, 1 segment marked as not work" in shown
    assert "By role: analyst (1), clerk (1)" in shown
    assert not [secret for secret in ("Person", "p_1", "Mar 2026") if secret in shown]


def test_a_page_hides_tasks_of_few_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATIC_VARIABLE, "1")
    people = [stretch("aabb" if n else "aacc", user=f"p_{n}", session=f"s{n}") for n in range(6)]
    numbered = pl.concat(
        [frame.with_columns(pl.col("segment_id") + 3 * n) for n, frame in enumerate(people)]
    )  # fmt: skip
    shown = SegmentationEditor(numbered, names=NAMES).static().markup
    row = shown[shown.index("T03") :].partition("</tr>")[0]
    assert "0.5" not in row
    assert "0.5" not in shown[shown.index("T03") :]
