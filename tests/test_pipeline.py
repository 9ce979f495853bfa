"""The whole way in one call."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import taskkit as tk
from taskkit.errors import LogFileError
from taskkit.pipeline import Mined
from taskkit.pipeline.measuring import keep_criteria
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


def test_a_log_of_one_frame_has_no_summaries_beside_it(log: Path) -> None:
    mined = tk.mine(log, method="gap")
    assert mined.whole is None
    assert "drawn" not in mined.metadata
    assert mined.events.height == tk.read_log(log).height


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


# ------------------------------------------------------------------------------------------------ what people decided
def correction(op: str, rows: pl.DataFrame, to: Any, task: str | None = None) -> dict[str, Any]:
    first = rows.row(0, named=True)
    stretch = [first["session_id"], first["seq"], rows["seq"][-1]]
    return {"op": op, "user": first["user"], "rows": [stretch], "to": to, "task": task}


def execution(mined: Mined, number: int) -> pl.DataFrame:
    return mined.events.filter(segment_id=number)


def mine(log: Path, **settings: Any) -> Any:
    return tk.mine(log, **{"method": "gap", "results": log.parent / "results"} | settings)


@pytest.fixture
def journal(log: Path) -> tk.Decisions:
    return tk.Decisions(log.parent / "decisions.sqlite")


def test_a_correction_is_replayed_and_undone(log: Path, journal: tk.Decisions) -> None:
    before = mine(log)
    rows = execution(before, 0)
    detail = correction("split", rows.tail(2), "new")
    number = journal.record("split", "two pieces of work", kind="correction", detail=detail)
    after = mine(log)
    assert after.segments.height == before.segments.height + 1
    assert after.events.filter("corrected").height == 2
    journal.undo(number)
    assert mine(log).events.equals(before.events)


def test_a_correction_does_not_divide_the_log_anew(log: Path, journal: tk.Decisions) -> None:
    rows = execution(mine(log), 0)
    journal.record("x", "no work", kind="correction", detail=correction("not work", rows, "none"))
    stages: list[str] = []
    mine(log, progress=lambda stage, done, total: stages.append(stage))
    assert "finding pieces of work" not in stages
    assert "replaying corrections and names" in stages


def test_names_of_tasks_follow_their_anchor_through_corrections(log: Path, journal: tk.Decisions) -> None:
    before = mine(log, method="model")
    task = before.segments["task_id"][0]
    anchor = list(execution(before, 0).select("user", "session_id", "seq").row(0))
    journal.record(task, "Pay an invoice", kind="name", detail={"anchor": anchor})
    journal.record("x", "no work", kind="correction", detail=correction("not work", execution(before, 3), "none"))
    named = mine(log, method="model").segments.filter(task_name="Pay an invoice")
    assert named["task_id"].unique().to_list() == [task]


def test_tasks_keep_their_ids_when_another_one_takes_more_time(log: Path, journal: tk.Decisions) -> None:
    before = mine(log, method="model")
    most = before.events.filter(pl.col("task_id") == "T01", pl.col("segment_id") > 14)
    for number in most["segment_id"].unique().sort():
        rows = execution(before, number)
        journal.record("x", "no work", kind="correction", detail=correction("not work", rows, "none"))
    time, time_after = (
        dict(tk.list_tasks(mined.segments).select("task_id", "active_hours").iter_rows())
        for mined in (before, mine(log, method="model"))
    )
    assert time["T01"] > time["T02"]
    assert time_after["T02"] > time_after["T01"]


def test_an_assigned_execution_is_counted_in_its_task(log: Path, journal: tk.Decisions) -> None:
    before = mine(log, method="model")
    journal.record(
        "x", "filing", kind="correction", detail=correction("assign", execution(before, 0), "same", "Filing")
    )
    after = mine(log, method="model")
    assert after.segments.filter(task_name="Filing")["segment_id"].to_list() == [0]
    assert after.events.filter(task_id=after.segments["task_id"][0])["segment_id"].unique().to_list() == [0]
    assert after.segments["variant_id"][0].startswith(after.segments["task_id"][0])


def test_an_example_divides_the_log_by_what_was_marked(log: Path, journal: tk.Decisions) -> None:
    before = mine(log, method="model")
    two = before.events.filter(
        pl.col("segment_id").is_in([0, 1])
    )  # two executions that are one piece of work, people say
    journal.record("x", "one round", kind="correction", detail=correction("example", two, "same", "A whole round"))
    after = mine(log, method="model")
    assert after.segments.height < before.segments.height
    assert after.segments.filter(task_name="A whole round").height > 1
    assert after.events.filter("corrected")["segment_id"].n_unique() == 1


def test_what_cannot_be_replayed_is_listed_and_kept(log: Path, journal: tk.Decisions) -> None:
    rows = execution(mine(log), 0).with_columns(session_id=pl.lit("gone"))
    journal.record("x", "no work", kind="correction", detail=correction("not work", rows, "none"))
    journal.record("T77", "Nothing", kind="name")
    fresh, kept = mine(log).vanished, mine(log).vanished
    assert fresh["op"].to_list() == ["not work", "name"]
    assert kept.equals(fresh)


def test_findings_and_verdicts_make_no_new_results(log: Path, journal: tk.Decisions) -> None:
    mine(log)
    journal.record("T01", "automate", kind="verdict")
    mine(log)
    assert len([*(log.parent / "results").glob("*/segments.parquet")]) == 1


def test_old_results_of_a_workshop_are_forgotten(log: Path, journal: tk.Decisions) -> None:
    for turn in range(6):
        journal.record("T01", f"Name {turn}", kind="name")
        last = mine(log)
    assert len([*(log.parent / "results").glob("*/segments.parquet")]) == 4
    assert mine(log).segments.equals(last.segments)


def test_mining_makes_no_journal(log: Path) -> None:
    mine(log)
    assert not (log.parent / "decisions.sqlite").exists()


def test_progress_is_told_stage_by_stage_and_ends(log: Path) -> None:
    told: list[tuple[str, int, int]] = []
    mine(log, progress=lambda *stage: told.append(stage))
    assert [done for _, done, _ in told] == [*range(len(told))]
    assert told[-1] == ("done", len(told) - 1, len(told) - 1)


def test_nothing_is_written_to_a_stderr_that_is_captured(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine(log)
    assert capsys.readouterr() == ("", "")


def test_folders_of_results_are_private(log: Path) -> None:
    mine(log)
    folders = [log.parent / "results", *(log.parent / "results").iterdir()]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_criteria_are_measured_once_for_the_same_frames_and_anew_for_others(log: Path, tmp_path: Path) -> None:
    mined = tk.mine(log, method="gap", results=tmp_path / "results")
    first = keep_criteria(mined.events, mined.segments, results=tmp_path / "results")
    assert first.equals(tk.measure_criteria(mined.events, mined.segments))
    kept = next((tmp_path / "results").glob("criteria-*/criteria.parquet"))
    first.head(3).write_parquet(kept)  # whoever reads it back sees this
    assert keep_criteria(mined.events, mined.segments, results=tmp_path / "results").height == 3
    fewer = mined.segments.filter(pl.col("user") != mined.segments["user"][0])
    assert keep_criteria(mined.events, fewer, results=tmp_path / "results").height > 3
