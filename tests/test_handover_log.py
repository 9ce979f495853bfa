"""The event log of a task: read back whole, without anybody in it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import taskkit as tk
from taskkit.errors import SettingError
from taskkit.handover import write_task_log
from tests.handover_frames import Row, button, enter_invoice, record


@pytest.mark.parametrize("ending", [".xes", ".csv"])
def test_every_execution_is_a_case_with_its_steps(tmp_path: Path, ending: str) -> None:
    events, segments = record()
    path = write_task_log(events, segments, tmp_path / f"task{ending}", task_id="T01")
    read = tk.read_process_log(path).rename({"case_id": "case"}) if ending == ".xes" else pl.read_csv(path)
    assert read["case"].n_unique() == 42
    assert read.height == events["step"].sum()


def test_no_person_is_in_it(tmp_path: Path) -> None:
    events, segments = record()
    text = write_task_log(events, segments, tmp_path / "task.xes", task_id="T01").read_text(encoding="utf-8")
    assert not [user for user in events["user"].unique() if user in text]


def test_what_few_people_do_has_no_name(tmp_path: Path) -> None:
    def sometimes(number: int) -> list[Row]:
        return [*enter_invoice(number), *([button("Secret", "secret")] if number < 6 else [])]

    text = write_task_log(*record(make=sometimes), tmp_path / "task.csv", task_id="T01").read_text(encoding="utf-8")
    assert "Secret" not in text
    assert text.count("(a step of few people)") == 6


def test_too_few_people_are_refused(tmp_path: Path) -> None:
    events, segments = record(executions=8, people=4)
    with pytest.raises(SettingError, match="min_people=1"):
        write_task_log(events, segments, tmp_path / "task.csv", task_id="T01")


def test_a_way_is_chosen_only_if_not_all_are(tmp_path: Path) -> None:
    events, segments = record()
    with pytest.raises(SettingError, match="all_ways"):
        write_task_log(events, segments, tmp_path / "task.csv", task_id="T01", variant_id="T01-V01")
    path = write_task_log(events, segments, tmp_path / "t.csv", task_id="T01", variant_id="T01-V01", all_ways=False)
    assert pl.read_csv(path)["way"].unique().to_list() == ["T01-V01"]


@pytest.mark.parametrize("ending", [".xes", ".csv"])
def test_applications_and_ways_of_few_people_have_no_name(tmp_path: Path, ending: str) -> None:
    def privately(number: int) -> list[Row]:
        if number >= 6:
            return enter_invoice(number)
        return [*enter_invoice(number), button("Save", "save", app="diary", window_title="Diary")]

    events, segments = record(make=privately)
    first = pl.col("user") == segments["user"].sort()[0]
    ways = segments.with_columns(variant_id=pl.when(first).then(pl.lit("T01-V02")).otherwise(pl.lit("T01-V01")))
    text = write_task_log(events, ways, tmp_path / f"t{ending}", task_id="T01").read_text(encoding="utf-8")
    assert "diary" not in text
    assert "T01-V02" not in text
    assert "T01-V01" in text
    assert "(an application of few people)" in text
    assert "(a way of few people)" in text


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t"])
def test_a_text_of_the_log_is_no_formula(tmp_path: Path, sign: str) -> None:
    events, segments = record()
    first = events.filter("step")["activity"][0]
    evil = events.with_columns(activity=pl.col("activity").replace(first, f"{sign}SUM(1)"))
    path = write_task_log(evil, segments, tmp_path / "t.csv", task_id="T01")
    assert f"'{sign}SUM(1)" in pl.read_csv(path)["activity"].to_list()
