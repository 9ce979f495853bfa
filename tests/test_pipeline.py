"""The whole way in one call."""

from __future__ import annotations

import stat
from pathlib import Path

import polars as pl
import pytest

import taskkit as tk
from taskkit.errors import LogFileError
from tests.frames import make_events
from tests.test_segments import two_people


@pytest.fixture
def log(tmp_path: Path) -> Path:
    tk.write_log(two_people().drop("activity", "step", "active_seconds"), tmp_path / "log.parquet")
    return tmp_path / "log.parquet"


def test_the_way_ends_with_tasks_and_variants_on_events_and_segments(log: Path) -> None:
    mined = tk.mine(log)
    assert {"task_id", "variant_id"} <= {*mined.events.columns} & {*mined.segments.columns}
    assert mined.process is None


def test_kept_results_are_the_same_as_fresh_ones(log: Path, tmp_path: Path) -> None:
    first = tk.mine(log, method="gap", results=tmp_path / "results")
    again = tk.mine(log, method="gap", results=tmp_path / "results")
    assert again.events.equals(first.events)
    assert again.segments.equals(first.segments)
    assert again.metadata == first.metadata


def test_kept_results_are_used(log: Path, tmp_path: Path) -> None:
    tk.mine(log, method="gap", results=tmp_path / "results")
    kept = next((tmp_path / "results").glob("*/segments.parquet"))
    pl.read_parquet(kept).head(1).write_parquet(kept)
    assert tk.mine(log, method="gap", results=tmp_path / "results").segments.height == 1


def test_a_changed_log_does_not_meet_old_results(log: Path, tmp_path: Path) -> None:
    tk.mine(log, method="gap", results=tmp_path / "results")
    tk.write_log(make_events(["a", "b"]), log)
    assert tk.mine(log, method="gap", results=tmp_path / "results").events.height == 2


def test_kept_results_are_private(log: Path, tmp_path: Path) -> None:
    tk.mine(log, method="gap", results=tmp_path / "results")
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "results").glob("*/*")} == {0o600}


def test_a_process_log_brings_cases(tmp_path: Path) -> None:
    events = make_events([{"case_ref": "INV-1"}, {"case_ref": "INV-1"}, {"case_ref": "INV-2"}])
    tk.write_log(events, tmp_path / "log.parquet")
    (tmp_path / "process.csv").write_text(
        "case_id,activity,timestamp,resource\nINV-1,Post,2026-03-02T08:00:06Z,p_1\nINV-2,Post,2026-03-02T08:00:12Z,p_1\n"
    )
    mined = tk.mine(tmp_path / "log.parquet", process_log=tmp_path / "process.csv", method="gap")
    assert mined.events["case_id"].to_list() == ["INV-1", "INV-1", "INV-2"]


def test_a_missing_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogFileError, match="nowhere"):
        tk.mine(tmp_path / "nowhere.parquet")


def test_rules_give_their_names_and_another_rule_file_gives_other_results(log: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    plain = tk.mine(log, method="gap", rules=rules, results=tmp_path / "results")  # a file that is not there holds none
    tk.write_rules([tk.Rule(app=".", screen="One screen")], rules)
    named = tk.mine(log, method="gap", rules=rules, results=tmp_path / "results")
    assert "One screen" not in plain.events["screen"].unique()
    assert named.events["screen"].drop_nulls().unique().to_list() == ["One screen"]
    assert tk.mine(log, method="gap", rules=rules, results=tmp_path / "results").events.equals(named.events)
