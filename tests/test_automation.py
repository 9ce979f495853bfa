"""What is worth automating: criteria, determinism, feasibility, verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from taskkit.activities import name_activities
from taskkit.automation import CRITERIA, Work, score_automation, written_fields
from taskkit.errors import ContractError, SettingError
from tests.frames import make_events

SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "accounts_payable"
KEY = ["user", "session_id", "seq"]


def make_task(runs: list[list[dict[str, Any]]], people: int = 6) -> pl.DataFrame:
    """Events of one task from its runs; run i is done by person i modulo `people`, 10 active seconds a row."""
    rows = [
        {"user": f"p_{number % people}", "session_id": f"s{number}", "segment_id": number, "active_seconds": 10.0,
         "task_id": "T01", "step": True, "activity": row.get("element_id", "look"), **row}
        for number, run in enumerate(runs)
        for row in run
    ]  # fmt: skip
    extra = {"segment_model": pl.Int32, "segment_confidence": pl.Float64, "team": pl.String}
    return make_events(rows).with_columns(pl.lit(None, dtype).alias(name) for name, dtype in extra.items())


def field(app: str, name: str, value: str, kind: str = "text_input") -> dict[str, Any]:
    return {"app": app, "element_id": name, "value_digest": value, "event_type": kind}


def simulate(kind: str, runs: int, seed: int = 3) -> pl.DataFrame:
    """Runs of which all, half or none of the written values follow a rule; the sheet is read, not written."""
    random = np.random.default_rng(seed)
    out = []
    for _ in range(runs):
        number, vendor = f"INV{random.integers(1_000_000)}", f"V{random.integers(8)}"
        sheet = [field("excel", "number", number, "copy"), field("excel", "vendor", vendor, "copy")]
        followed = [field("erp", "number", number, "paste"), field("erp", "centre", "CC" + vendor)]
        free = [
            field("erp", "note", f"x{random.integers(1_000_000)}"),
            field("erp", "priority", f"{random.integers(5)}"),
        ]
        out.append(sheet + {"all": followed, "half": followed + free, "none": free}[kind])
    return make_task(out)


@pytest.mark.parametrize(("kind", "truth"), [("all", 1.0), ("half", 0.5), ("none", 0.0)])
@pytest.mark.parametrize("runs", [30, 120])
def test_determinism_tells_rule_based_from_free_work(kind: str, truth: float, runs: int) -> None:
    assert written_fields(simulate(kind, runs))["predictable"].mean() == pytest.approx(truth, abs=0.13)


def test_each_field_is_explained_by_its_best_rule() -> None:
    rules = dict(written_fields(simulate("half", 120)).select("field", "rule").unique().iter_rows())
    assert rules["erp · number"] == "copy"
    assert rules["erp · centre"].startswith("depends on")
    assert rules["erp · note"] == "none"
    same = make_task([[field("erp", "company", "1000")]] * 10)
    assert written_fields(same)["rule"].unique().to_list() == ["constant"]


def test_a_dependency_is_learnt_from_other_segments_only() -> None:
    runs = [
        [field("erp", "key", f"K{i}"), field("erp", "value", f"W{i}"), field("erp", "value", f"W{i}")]
        for i in range(20)
    ]
    assert written_fields(make_task(runs))["predictable"].sum() == 0


def test_a_segment_does_not_vote_for_itself() -> None:
    runs = [[field("erp", "code", code)] for code in "AAABB"]  # without its own vote each A faces two against two
    assert written_fields(make_task(runs))["predictable"].sum() == 0


def test_a_habit_is_not_a_rule() -> None:
    runs = [[field("erp", "code", "A" if i % 5 < 3 else "B")] for i in range(40)]
    assert written_fields(make_task(runs))["predictable"].mean() == pytest.approx((0.6 - 0.5) / 0.5)


def test_cells_of_a_sheet_are_one_field() -> None:
    runs = [[{**field("excel", "cell", "ok"), "element_name": f"K{i}"}] for i in range(10)]
    assert written_fields(make_task(runs))["field"].unique().to_list() == ["excel · column K"]


def test_without_values_determinism_is_not_known() -> None:
    events = simulate("all", 30).drop("value_digest")
    row = score_automation(events).row(0, named=True)
    assert row["determinism"] is None
    assert "Not known from this log: determinism" in row["reason"]
    assert row["feasibility"] is not None


def value(name: str, events: pl.DataFrame) -> float:
    return float(score_automation(events)[name].item())


def test_standardisation_stands_still_while_the_log_grows() -> None:
    def noisy(runs: int) -> pl.DataFrame:
        random = np.random.default_rng(5)
        names = [[name for name in "ABCDEFGHIJKL" if random.random() > 0.02] for _ in range(runs)]
        return make_task([[{"app": "erp", "element_id": name} for name in run] for run in names])

    few, many = value("standardisation", noisy(10)), value("standardisation", noisy(200))
    assert (few, many) == (pytest.approx(0.975, abs=0.02), pytest.approx(0.975, abs=0.01))


def test_counts_are_per_segment() -> None:
    run = [
        field("excel", "a", "1", "copy"),
        field("erp", "a", "1", "paste"),
        field("erp", "b", "1"),
        field("mail", "c", "9"),
    ]
    row = score_automation(make_task([run] * 20)).row(0, named=True)
    assert (row["copy_pastes_per_segment"], row["rekeyed_per_segment"], row["apps"], row["steps"]) == (1, 1, 3, 4)
    assert (row["stable_element_share"], row["judgement_share"], row["interrupted"]) == (1.0, 0.25, 0.0)


def test_a_rate_counts_recorded_days_of_everybody() -> None:
    events = make_task([[{}]] * 20, people=2)
    idle = make_events(["x"], user="p_9", active_seconds=1.0)
    both = pl.concat([events, idle], how="diagonal")
    assert value("frequency_per_week", both) == pytest.approx(20 * 5)
    assert value("value_hours_per_year", both) == pytest.approx(20 * 10 / 3600 * 5 * 44)


def test_money_follows_the_rate() -> None:
    row = score_automation(make_task([[{}]] * 20), hourly_rate=50.0, weeks_per_year=10).row(0, named=True)
    assert row["value_money_per_year"] == pytest.approx(row["value_hours_per_year"] * 50)
    assert row["value_hours_per_year"] == pytest.approx(20 * 10 / 3600 * 5 * 10)


def test_few_runs_get_no_verdict_but_a_sentence() -> None:
    row = score_automation(simulate("all", 19)).row(0, named=True)
    assert row["verdict"] == "too little data"
    assert "19 runs by 6 people" in row["reason"]


def test_verdicts_follow_from_the_figures() -> None:
    assert score_automation(simulate("all", 60))["verdict"].item() == "automate"
    assert score_automation(simulate("none", 60))["verdict"].item() == "leave to judgement"
    sheet = [{**field("erp", f"f{i}", f"v{i}", "copy"), "active_seconds": 60.0} for i in range(3)]
    out = sheet + [field("excel", f"c{i}", f"v{i}", "paste") for i in range(3)]
    assert score_automation(make_task([out] * 30))["verdict"].item() == "integrate"
    random = np.random.default_rng(2)
    loose = [
        [{"app": "erp", "element_id": str(name)} for name in random.permutation(list("ABCDEFGHIJ"))] for _ in range(30)
    ]
    assert score_automation(make_task(loose))["verdict"].item() == "standardise first"


def test_a_closed_gate_makes_feasibility_zero_and_says_why() -> None:
    notes = make_task([[field("erp", "note", f"text {i}")] for i in range(30)])
    row = score_automation(notes).row(0, named=True)
    assert row["feasibility"] == 0.0
    assert row["reason"].startswith("No written value follows a rule")


def test_intervals_hold_the_figure_and_need_people() -> None:
    row = score_automation(simulate("half", 60)).row(0, named=True)
    assert row["feasibility_low"] <= row["feasibility"] <= row["feasibility_high"]
    alone = score_automation(simulate("half", 60).with_columns(user=pl.lit("p_1"))).row(0, named=True)
    assert (alone["feasibility_low"], alone["value_hours_per_year_high"]) == (None, None)


def test_the_ranking_does_not_depend_on_row_order() -> None:
    two = pl.concat([
        simulate("half", 40),
        simulate("all", 40, seed=9).with_columns(
            pl.col("segment_id") + 40, session_id="t" + pl.col("session_id"), task_id=pl.lit("T02")
        ),
    ])  # fmt: skip
    assert score_automation(two.sample(fraction=1.0, shuffle=True, seed=4)).equals(score_automation(two))


def test_events_without_segments_and_wrong_settings_are_refused() -> None:
    with pytest.raises(ContractError, match="segment"):
        score_automation(make_events(["x"], active_seconds=1.0))
    with pytest.raises(SettingError, match="hourly_rate"):
        score_automation(simulate("all", 20), hourly_rate=-1.0)


@pytest.mark.parametrize("name", list(CRITERIA))
def test_every_criterion_gives_sums_of_people_and_says_what_it_is(name: str) -> None:
    events = simulate("half", 20)
    segments = events.group_by("segment_id", maintain_order=True).agg(
        pl.col("user", "task_id").first(), pl.col("active_seconds").sum(), activities=pl.col("activity"),
        apps=pl.col("app").unique(), steps=pl.len(), fragments=pl.lit(1), start=pl.col("timestamp").first(),
    )  # fmt: skip
    days = events.select("user").unique().with_columns(days=pl.lit(1))
    sums = CRITERIA[name].function(Work(events, segments, days))
    assert sums.columns == ["user", "numerator", "denominator"]
    assert (sums["user"].is_unique().all(), bool((sums["denominator"] > 0).all())) == (True, True)
    assert CRITERIA[name].definition
    assert CRITERIA[name].unit


def test_the_sample_is_judged_as_it_was_made() -> None:
    events = pl.read_parquet(SAMPLE / "ui_log" / "*.parquet").unique(KEY, maintain_order=True)
    truth = pl.read_parquet(SAMPLE / "truth" / "events.parquet").select(
        *KEY, segment_id="true_segment", task_id="true_task", segment_model=pl.lit(None, pl.Int32),
        segment_confidence=pl.lit(None, pl.Float64),
    )  # fmt: skip
    ranking = score_automation(name_activities(events).join(truth, on=KEY, how="left", maintain_order="left"))
    engagement = json.loads((SAMPLE / "truth" / "engagement.json").read_text(encoding="utf-8"))
    determinism = {task["task"]: task["determinism"]["share"] for task in engagement["tasks"]}
    found = dict(ranking.select("task_id", "determinism").iter_rows())
    assert found == {task: pytest.approx(share, abs=0.1) for task, share in determinism.items()}
    wanted = {entry["task"]: entry["rank"] for entry in engagement["automation"]}
    ranks = np.array([(row["rank"], wanted[row["task_id"]]) for row in ranking.iter_rows(named=True)], dtype=float)
    assert np.corrcoef(ranks.T)[0, 1] > 0.6
    verdicts = dict(ranking.select("task_id", "verdict").iter_rows())
    assert verdicts["prepare approval"] == "integrate"
    assert verdicts["answer vendor query"] == "leave to judgement"
    assert verdicts["archive scans"] == "automate"
