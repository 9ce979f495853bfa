"""The workshop's memory."""

from __future__ import annotations

import csv
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from taskkit.decisions import Decisions
from taskkit.decisions.marks import list_marks, mark
from taskkit.errors import SettingError, TaskkitError


def test_a_decision_is_found_again_by_another_reader(tmp_path: Path) -> None:
    Decisions(tmp_path / "d.sqlite").record("T01", "standardise first", kind="verdict", why="two habits", role="clerk")
    found = Decisions(tmp_path / "d.sqlite").list().row(0, named=True)
    assert (found["subject"], found["decision"], found["why"], found["role"]) == (
        "T01",
        "standardise first",
        "two habits",
        "clerk",
    )


def test_an_undone_decision_stands_no_more_but_is_not_deleted(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    first = journal.record("T01", "automate")
    journal.undo(first, why="changed our mind")
    assert journal.list().is_empty()
    assert journal.record("T01", "leave") == first + 2  # the undoing is an entry of its own


def test_undoing_what_does_not_stand_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no decision 7"):
        Decisions(tmp_path / "d.sqlite").undo(7)


def test_the_journal_is_private(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_an_unknown_kind_and_an_empty_text_are_refused(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    with pytest.raises(SettingError, match="Known: context, correction, finding"):
        journal.record("T01", "x", kind="gossip")
    with pytest.raises(SettingError, match="empty"):
        journal.record("T01", " ")


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("these are my notes, not a database at all")
    with pytest.raises(TaskkitError, match="not a journal"):
        Decisions(other)
    assert other.read_text().startswith("these are my notes")


# ------------------------------------------------------------------------------------------------------------ undo and redo
def test_undoing_an_undo_says_the_decision_once_more(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    first = journal.record("T01", "automate", kind="verdict")
    again = journal.undo(journal.undo(first))
    assert journal.list().select("number", "kind", "subject", "decision").row(0) == (
        again,
        "verdict",
        "T01",
        "automate",
    )


def test_what_was_said_once_more_can_be_undone_again(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    journal.undo(journal.undo(journal.undo(journal.record("T01", "automate"))))
    assert journal.list().is_empty()


def test_the_same_undo_is_not_undone_twice(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    undoing = journal.undo(journal.record("T01", "automate"))
    journal.undo(undoing)
    with pytest.raises(SettingError, match=f"no decision {undoing} that stands"):
        journal.undo(undoing)


def test_the_history_tells_what_undid_what(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    first = journal.record("T01", "automate")
    journal.undo(first)
    assert journal.history().select("number", "undoes", "undone_by").rows() == [(1, None, 2), (2, 1, None)]


# ------------------------------------------------------------------------------------------------------------------ entries
def test_a_detail_is_kept_as_json_and_one_kind_can_be_listed(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    journal.record("T01", "Pay", kind="name", detail={"anchor": ["p_1", "s1", 4]})
    journal.record("T01", "policy", kind="mark")
    assert journal.list("name")["detail"].to_list() == ['{"anchor": ["p_1", "s1", 4]}']


def test_a_detail_that_cannot_be_kept_is_refused_and_nothing_is_recorded(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    with pytest.raises(SettingError, match="cannot be kept"):
        journal.record("T01", "x", detail={"at": tmp_path})
    with pytest.raises(SettingError, match="no correction that can be replayed"):
        journal.record("T01", "x", kind="correction")
    assert journal.newest == 0


def test_a_journal_of_an_older_version_is_brought_up_to_date_and_keeps_its_entries(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "d.sqlite")) as old, old:
        old.execute(
            "CREATE TABLE journal (number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, kind TEXT NOT NULL, "
            "subject TEXT NOT NULL, decision TEXT, why TEXT NOT NULL, role TEXT NOT NULL, undoes INTEGER)"
        )
        row = ("2026-03-02T08:00:00+00:00", "name", "T01", "Pay", "", "clerk", None)
        old.execute(
            "INSERT INTO journal (time, kind, subject, decision, why, role, undoes) VALUES (?,?,?,?,?,?,?)", row
        )
    journal = Decisions(tmp_path / "d.sqlite")
    assert journal.record("T02", "Scan", kind="name", detail={}) == 2
    assert journal.list().select("decision", "detail").rows() == [("Pay", None), ("Scan", "{}")]


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "d.sqlite")) as other, other:
        other.execute("CREATE TABLE visits (page TEXT)")
    before = (tmp_path / "d.sqlite").read_bytes()
    with pytest.raises(TaskkitError, match="tables: visits"):
        Decisions(tmp_path / "d.sqlite")
    assert (tmp_path / "d.sqlite").read_bytes() == before


def test_a_file_that_others_can_read_is_taken_from_their_eyes(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    journal.path.chmod(0o644)
    Decisions(journal.path)
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_what_sqlite_puts_beside_the_file_is_private_too(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO journal (time, kind, subject, why, role) VALUES ('', '', '', '', '')")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        connection.execute("ROLLBACK")
    assert modes == {"d.sqlite": 0o600, "d.sqlite-journal": 0o600}


def test_a_journal_that_was_removed_is_missed_and_not_begun_anew(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    journal.path.unlink()
    with pytest.raises(TaskkitError, match="nothing was recorded"):
        journal.record("T01", "automate")
    assert not journal.path.exists()


def test_the_csv_holds_every_entry_is_private_and_no_cell_is_a_formula(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    journal.undo(journal.record("=HYPERLINK(1)", "@x", why="+1", role="-clerk"))
    written = journal.write_csv(tmp_path / "d.csv")
    rows = list(csv.DictReader(written.read_text(encoding="utf-8-sig").splitlines()))
    assert [rows[0][name] for name in ("subject", "decision", "why", "role")] == [
        "'=HYPERLINK(1)",
        "'@x",
        "'+1",
        "'-clerk",
    ]
    assert [row["kind"] for row in rows] == ["finding", "undo"]
    assert stat.S_IMODE(written.stat().st_mode) == 0o600


# ---------------------------------------------------------------------------------------------------------------- conflicts
@pytest.fixture
def two(tmp_path: Path) -> tuple[Decisions, Decisions]:
    return Decisions(tmp_path / "d.sqlite", writer="one"), Decisions(tmp_path / "d.sqlite", writer="two")


def pairs(journal: Decisions) -> list[tuple[int, int]]:
    return journal.conflicts().select("earlier", "later").rows()


def correct(journal: Decisions, first: int, last: int, **settings: Any) -> int:
    detail = {"op": "split", "user": "p_1", "rows": [["s1", first, last]], "to": "new", "task": None}
    return journal.record("split", f"rows {first} to {last}", kind="correction", detail=detail, **settings)


def test_two_who_had_not_seen_each_other_are_in_conflict(two: tuple[Decisions, Decisions]) -> None:
    two[0].record("T01", "Pay", kind="name", role="clerk")
    two[1].record("T01", "Book", kind="name", role="owner")
    assert pairs(two[0]) == [(1, 2)]
    assert "Number 1 (clerk) says “Pay”, number 2 (owner) says “Book”" in two[0].conflicts()["sentence"][0]
    assert two[0].list().height == 2  # none is lost


def test_who_had_read_the_earlier_one_is_not_in_conflict(two: tuple[Decisions, Decisions]) -> None:
    two[0].record("T01", "Pay", kind="name")
    two[1].list("name")
    two[1].record("T01", "Book", kind="name")
    assert pairs(two[0]) == []


def test_reading_another_kind_or_asking_for_the_newest_is_not_having_seen_it(two: tuple[Decisions, Decisions]) -> None:
    two[0].record("T01", "Pay", kind="name")
    two[1].list("mark")
    assert two[1].newest == 1
    two[1].record("T01", "Book", kind="name")
    assert pairs(two[0]) == [(1, 2)]


def test_writing_something_else_is_not_having_seen_it_either(two: tuple[Decisions, Decisions]) -> None:
    two[0].record("T01", "Pay", kind="name")
    two[1].record("T02", "Scan", kind="name")
    two[1].record("T01", "Book", kind="name")
    assert pairs(two[0]) == [(1, 3)]


def test_a_conflict_is_over_when_one_of_them_is_undone(two: tuple[Decisions, Decisions]) -> None:
    two[0].record("T01", "Pay", kind="name")
    second = two[1].record("T01", "Book", kind="name")
    two[0].undo(second)
    assert pairs(two[0]) == []


def test_a_conflict_is_over_when_somebody_who_saw_both_decides_anew(two: tuple[Decisions, Decisions]) -> None:
    two[0].record("T01", "Pay", kind="name")
    two[1].record("T01", "Book", kind="name")
    two[0].record("T01", "Still Pay", kind="name")  # has seen its own only: one more conflict
    assert pairs(two[1]) == [(1, 2), (2, 3)]
    two[0].list()
    two[0].record("T01", "Pay and book", kind="name")
    assert pairs(two[1]) == []


def test_saying_it_again_without_looking_settles_nothing(two: tuple[Decisions, Decisions]) -> None:
    two[0].record("T01", "Pay", kind="name")
    two[1].record("T01", "Book", kind="name")
    two[1].record("T01", "Book it", kind="name")
    assert pairs(two[0]) == [(1, 2), (1, 3)]


def test_two_who_say_the_same_do_not_disagree(two: tuple[Decisions, Decisions]) -> None:
    for each in two:
        each.record("T01", "Pay", kind="name")
    assert pairs(two[0]) == []


def test_votes_of_different_roles_stand_side_by_side(two: tuple[Decisions, Decisions]) -> None:
    two[0].record("T01", "automate", kind="verdict", role="clerk")
    two[1].record("T01", "leave", kind="verdict", role="owner")
    assert pairs(two[0]) == []


@pytest.mark.parametrize(("first", "last", "found"), [(4, 9, [(1, 2)]), (0, 0, [(1, 2)]), (6, 9, []), (5, 5, [(1, 2)])])
def test_corrections_are_in_conflict_where_their_rows_overlap(
    two: tuple[Decisions, Decisions], first: int, last: int, found: list[tuple[int, int]]
) -> None:
    correct(two[0], 0, 5)
    correct(two[1], first, last)
    assert pairs(two[0]) == found


def test_a_correction_of_many_places_is_in_conflict_where_one_of_them_is(two: tuple[Decisions, Decisions]) -> None:
    mine, theirs = two
    rows = [{"user": user, "rows": [["s1", 4, 9]], "to": "new"} for user in ("p_1", "p_2")]
    mine.record("two places", "right", kind="correction", detail={"op": "split", "task": None, "places": rows})
    for user, to in (("p_3", "none"), ("p_2", "none")):
        detail = {"op": "not work", "user": user, "rows": [["s1", 8, 8]], "to": to, "task": None}
        theirs.record("rows", "not work", kind="correction", detail=detail)
    assert mine.conflicts().select("earlier", "later").rows() == [(1, 3)]


def test_names_of_one_anchor_are_names_of_one_task(two: tuple[Decisions, Decisions]) -> None:
    for each, task in zip(two, ("T01", "T04"), strict=True):
        each.record(task, f"Name {task}", kind="name", detail={"anchor": ["p_1", "s1", 4]})
    assert pairs(two[0]) == [(1, 2)]


def test_what_the_writer_says_to_have_seen_counts(two: tuple[Decisions, Decisions]) -> None:
    first = correct(two[0], 0, 5)
    correct(two[1], 0, 4, seen=first)
    assert pairs(two[0]) == []


def test_one_writer_name_in_two_notebooks_is_still_two_writers(tmp_path: Path) -> None:
    same = [Decisions(tmp_path / "d.sqlite", writer="notebook") for _ in range(2)]
    for each, name in zip(same, ("Pay", "Book"), strict=True):
        each.record("T01", name, kind="name")
    assert pairs(same[0]) == [(1, 2)]


def test_moving_the_row_that_others_were_given_to_is_a_conflict(two: tuple[Decisions, Decisions]) -> None:
    detail = {"op": "not work", "user": "p_1", "rows": [["s1", 4, 7]], "to": "none", "task": None}
    two[0].record("rows", "no work", kind="correction", detail=detail)
    merged = {"op": "merge", "user": "p_1", "rows": [["s1", 0, 3]], "to": ["s1", 5], "task": None}
    two[1].record("rows", "merged", kind="correction", detail=merged)
    assert pairs(two[0]) == [(1, 2)]


def test_giving_rows_to_one_piece_of_work_is_no_conflict(two: tuple[Decisions, Decisions]) -> None:
    for each, first in zip(two, (0, 10), strict=True):
        detail = {"op": "merge", "user": "p_1", "rows": [["s1", first, first + 3]], "to": ["s1", 5], "task": None}
        each.record("rows", "merged", kind="correction", detail=detail)
    assert pairs(two[0]) == []


def test_one_name_for_two_tasks_is_a_conflict(two: tuple[Decisions, Decisions]) -> None:
    two[0].record("T01", "Pay", kind="name")
    two[1].record("T02", "pay", kind="name")
    assert pairs(two[0]) == [(1, 2)]
    assert "cannot be told apart" in two[0].conflicts()["sentence"][0]


def test_a_mark_everywhere_and_one_in_a_task_are_about_the_same_step(two: tuple[Decisions, Decisions]) -> None:
    two[0].record("Approve", "policy", kind="mark", detail={"what": "step", "task_id": None})
    two[1].record("Approve", "control", kind="mark", detail={"what": "step", "task_id": "T01"})
    assert pairs(two[0]) == [(1, 2)]


# ------------------------------------------------------------------------------------------------------------------ replace
def test_what_is_replaced_stands_until_the_new_one_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    first, add = journal.record("T01", "automate"), Decisions._add

    def dies(self: Decisions, connection: sqlite3.Connection, entry: dict[str, Any]) -> int:
        if entry["kind"] == "finding":
            raise OSError("killed here")
        return add(self, connection, entry)

    monkeypatch.setattr(Decisions, "_add", dies)
    with pytest.raises(OSError, match="killed"):
        journal.replace([first], "T01", "leave")
    assert journal.list()["decision"].to_list() == ["automate"]


def test_replacing_passes_over_what_stands_no_more(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    first = journal.record("T01", "automate")
    journal.undo(first)
    journal.replace([first], "T01", "leave")
    assert journal.history()["kind"].to_list() == ["finding", "undo", "finding"]


# ------------------------------------------------------------------------------------------------------- what others wrote
def damage(path: Path, **changed: Any) -> None:
    """A row that another program wrote."""
    row = {"time": "2026-03-02T08:00:00+00:00", "kind": "mark", "subject": "Pay", "decision": "policy", "why": "",
           "role": "clerk", "detail": None, "writer": "x", "seen": 0} | changed  # fmt: skip
    with closing(sqlite3.connect(path)) as other, other:
        names = ", ".join(row)
        other.execute(f"INSERT INTO journal ({names}) VALUES ({', '.join('?' * len(row))})", (*row.values(),))


@pytest.mark.parametrize(
    "changed",
    [{"time": "yesterday"}, {"time": "2026-03-02T08:00:00"}, {"detail": "[1"}, {"detail": "[1,2]"}, {"kind": "gossip"},
     {"subject": b"\x00\xff"}, {"seen": "all"}, {"decision": None}],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_told_and_blocks_nothing(tmp_path: Path, changed: dict[str, Any]) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    journal.record("T01", "automate", kind="verdict")
    damage(journal.path, **changed)
    assert journal.list()["kind"].to_list() == ["verdict", "unreadable"]
    assert journal.list("unreadable")["subject"].to_list() == ["entry 2"]
    assert journal.conflicts().is_empty()
    assert list_marks(journal).is_empty()
    assert journal.undo(2) == 3  # and it can be taken back


@pytest.mark.parametrize(
    "detail", ['{"what": 5}', '{"what": "step", "task_id": [1]}', '{"what": "task", "task_id": "T01", "anchor": "abc"}',
               '{"what": "task", "task_id": "T01", "anchor": ["s", 99999999999999999999]}'],
)  # fmt: skip
def test_a_mark_with_an_odd_detail_blocks_no_chart(tmp_path: Path, detail: str) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    mark(journal, "Approve", "control")
    damage(journal.path, detail=detail)
    events = pl.DataFrame({"session_id": "s", "seq": [4], "segment_id": 0})
    listed = list_marks(journal, events=events, segments=pl.DataFrame({"segment_id": [0], "task_id": ["T02"]}))
    assert "Approve" in listed["subject"].to_list()


@pytest.mark.parametrize(
    "wrong", [{"why": None}, {"seen": 2**70}, {"seen": -1}, {"why": "\ud800"}, {"detail": {"a": "\ud800"}},
              {"why": "x" * 10_001}, {"decision": 5}, {"detail": [1]}],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_in_words(tmp_path: Path, wrong: dict[str, Any]) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    with pytest.raises(SettingError, match="cannot be"):
        journal.record(**{"subject": "T01", "decision": "automate"} | wrong)
    assert journal.newest == 0


def test_no_program_can_change_or_remove_an_entry(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    journal.record("T01", "automate")
    for order in ("DELETE FROM journal", "UPDATE journal SET decision = 'leave'"):
        with closing(sqlite3.connect(journal.path)) as other, pytest.raises(sqlite3.IntegrityError, match="appended"):
            other.execute(order)


def test_a_journal_with_a_trigger_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = Decisions(tmp_path / "d.sqlite").path
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TRIGGER eats AFTER INSERT ON journal BEGIN DELETE FROM journal; END")
    with pytest.raises(TaskkitError, match="trigger eats"):
        Decisions(path)


def test_the_wrong_file_keeps_its_mode_and_a_link_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "visits.sqlite"
    with closing(sqlite3.connect(other)) as database, database:
        database.execute("CREATE TABLE visits (page TEXT)")
    other.chmod(0o644)
    with pytest.raises(TaskkitError, match="not a journal"):
        Decisions(other)
    assert stat.S_IMODE(other.stat().st_mode) == 0o644
    (tmp_path / "d.sqlite").symlink_to(tmp_path / "elsewhere.sqlite")
    with pytest.raises(TaskkitError, match="is a link"):
        Decisions(tmp_path / "d.sqlite")
    assert not (tmp_path / "elsewhere.sqlite").exists()


def test_a_writer_that_holds_the_file_does_not_freeze_a_click_for_long(tmp_path: Path) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(TaskkitError, match="nothing was recorded"):
            journal.record("T01", "automate")
    assert time.monotonic() - began < 12


@pytest.mark.parametrize("text", [" =1+1", "\u200b=1+1", "＝1+1", "\u00a0@x", "−1"])
def test_a_formula_behind_a_space_or_in_full_width_is_none_either(tmp_path: Path, text: str) -> None:
    journal = Decisions(tmp_path / "d.sqlite")
    journal.record("T01", text)
    written = journal.write_csv(tmp_path / "d.csv").read_text(encoding="utf-8-sig")
    assert next(csv.DictReader(written.splitlines()))["decision"] == f"'{text}"
