"""The workshop's memory."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from taskkit import Decisions
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
    with pytest.raises(SettingError, match="Known: context, finding"):
        journal.record("T01", "x", kind="gossip")
    with pytest.raises(SettingError, match="empty"):
        journal.record("T01", " ")


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("these are my notes, not a database at all")
    with pytest.raises(TaskkitError, match="not a journal"):
        Decisions(other)
    assert other.read_text().startswith("these are my notes")
