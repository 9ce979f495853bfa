"""Root causes: what goes with the slow executions of the same people, and never a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from taskkit.comparison.causes import explain
from taskkit.comparison.contexts import IDENTIFYING, KINDS, prepare, table_of_contexts
from taskkit.comparison.within_people import judge_contexts, scores
from taskkit.errors import ContractError, SettingError
from tests.frames import make_events

START = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


def office(
    seed: int = 0, *, people: int = 10, each: int = 30, sheet: float = 0.0, habit: bool = False, task: str = "T01"
) -> pl.DataFrame:
    """Executions of people with a pace of their own; a sheet is used in 40 % of them (`habit`: by half of the people always)."""
    random = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        pace = random.normal(100, 30)
        for number in range(each):
            uses = person % 2 == 0 if habit else random.random() < 0.4
            chat = random.random() < 0.3
            rows.append({
                "user": f"p_{person}", "session_id": f"{person}-{number // 10}", "task_id": task,
                "fragments": 1 + (number % 3 == 0),
                "start": START + timedelta(days=number // 10, minutes=40 * (number % 10)),
                "active_seconds": pace + random.normal(0, 15) + sheet * uses,
                "apps": ["erp"] + ["excel"] * uses + ["teams"] * chat,
                "activities": ["open erp page"] + ["copy Vendor · Invoice"] * uses + ["click Send · Chat"] * chat,
            })  # fmt: skip
    return pl.DataFrame(rows).with_row_index("segment_id")


def test_the_planted_cause_is_the_first_rule() -> None:
    row = explain(office(sheet=30)).row(0, named=True)
    assert row["rule"] in ("uses excel", "copies from “Invoice”")
    assert row["low"] < 30 < row["high"]


def test_contexts_that_hold_for_the_same_executions_are_said_to_be_the_same() -> None:
    row = explain(office(sheet=30)).row(0, named=True)
    assert {row["rule"], *row["also"]} == {"copies from “Invoice”", "uses excel", "goes to “Invoice”"}


def test_without_a_cause_one_row_says_that_nothing_stable_was_found() -> None:
    result = explain(office())
    assert result["rule"].to_list() == [None]
    assert result["sentence"][0].startswith("T01: nothing stable found. Of ")


def test_nothing_stable_is_found_in_shuffled_figures() -> None:
    found = 0
    for seed in range(40):
        frame = office(1, sheet=30).with_columns(pl.col("active_seconds").shuffle(seed).over("user"))
        found += explain(frame, seed=seed)["rule"].count()
    assert found <= 5  # 5 % of 40 is 2; more than 5 has a chance of 1.4 %


def test_what_only_slow_people_use_is_no_cause() -> None:
    frame = office(sheet=200, habit=True)
    result = explain(frame, contexts=["application"])
    assert result["rule"].to_list() == [None]
    wide = explain(frame.with_columns(always=pl.col("apps").list.contains("excel")), contexts=["always"])
    assert wide["contexts"].to_list() == [0]


def test_one_persons_slowness_makes_no_rule() -> None:
    slow = pl.when((pl.col("user") == "p_0") & pl.col("apps").list.contains("teams")).then(500.0).otherwise(0.0)
    frame = office(3).with_columns(pl.col("active_seconds") + slow)
    assert explain(frame)["rule"].to_list() == [None]


def test_a_context_of_four_people_is_not_looked_at() -> None:
    few = pl.col("user").is_in(["p_0", "p_1", "p_2", "p_3"]) & (pl.col("segment_id") % 2 == 0)
    frame = office().with_columns(special=few).with_columns(pl.col("active_seconds") + 300 * few)
    result = explain(frame, contexts=["special"])
    assert result["contexts"].to_list() == [0]
    assert "nothing stable found" in result["sentence"][0]


def test_four_people_are_too_few() -> None:
    assert "too few people" in explain(office(people=4, sheet=50))["sentence"][0]


@pytest.mark.parametrize("name", IDENTIFYING)
def test_people_and_single_executions_are_barred_as_contexts(name: str) -> None:
    with pytest.raises(SettingError, match="a person is never a cause"):
        explain(office(), contexts=[name])


def test_all_problems_of_the_contexts_are_listed() -> None:
    with pytest.raises(SettingError, match=r"(?s)'user'.*'aplication'.*Did you mean 'application'") as error:
        explain(office(), contexts=["user", "aplication", "active_seconds"])
    assert "'active_seconds' is the target" in str(error.value)


def test_an_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(SettingError, match=r"'speed'.*'active_seconds'.*'rework', 'deviates'"):
        explain(office(), target="speed")


def test_an_unknown_task_names_the_known_ones() -> None:
    with pytest.raises(SettingError, match=r"'T09'.*T01"):
        explain(office(), task_id="T09")


def test_tasks_are_needed() -> None:
    with pytest.raises(ContractError, match="find_tasks"):
        explain(office().drop("task_id"))


def test_the_order_of_rows_does_not_matter() -> None:
    frame = office(sheet=30)
    assert_frame_equal(explain(frame), explain(frame.sample(fraction=1, shuffle=True, seed=5)))


def test_the_input_is_not_changed() -> None:
    frame = office(sheet=30)
    before = frame.clone()
    explain(frame)
    assert_frame_equal(frame, before)


def test_a_truth_value_is_explained_in_percentage_points() -> None:
    random = np.random.default_rng(0)
    excel = pl.col("apps").list.contains("excel")
    draw = pl.Series(random.random(300))
    frame = office().with_columns(returned=draw < pl.when(excel).then(0.7).otherwise(0.2))
    row = explain(frame, target="returned").row(0, named=True)
    assert row["unit"] == "share"
    assert row["low"] < 0.5 < row["high"]
    assert "percentage points more" in row["sentence"]


def test_a_second_condition_is_added_where_it_explains_more() -> None:
    both = pl.col("apps").list.contains("excel") & (pl.col("fragments") > 1)
    frame = office(each=60).with_columns(pl.col("active_seconds") + 80 * both)
    rule = explain(frame, contexts=["application", "interrupted"])["rule"][0]
    assert set(rule.split(" and ")) == {"uses excel", "is interrupted"}


def test_a_second_cause_is_the_second_rule() -> None:
    frame = office(each=60, sheet=60).with_columns(
        pl.col("active_seconds") + 25 * pl.col("apps").list.contains("teams")
    )
    result = explain(frame, contexts=["application"])
    assert result["rule"].to_list() == ["uses excel", "uses teams"]
    assert result["rank"].to_list() == [1, 2]


def test_rules_speak_of_the_slow_side() -> None:
    assert explain(office(sheet=-30), contexts=["application"])["rule"].to_list() == ["does not use excel"]


def test_support_coverage_and_lift_are_counted_over_the_slow_quarter() -> None:
    frame = office(sheet=1000)
    row = explain(frame, contexts=["application"]).row(0, named=True)
    excel = frame["apps"].list.contains("excel")
    assert row["segments"] == excel.sum()
    assert row["support"] == pytest.approx(excel.mean())
    assert row["coverage"] == 1.0
    assert row["lift"] == pytest.approx(1 / excel.mean())


def test_rules_are_held_against_people_they_were_not_found_with() -> None:
    row = explain(office(sheet=60), contexts=["application"]).row(0, named=True)
    assert row["held_out_people"] == row["people_compared"] == 10
    assert row["held_out_effect"] == pytest.approx(row["effect"])


def test_each_task_is_asked_by_itself_and_their_number_is_adjusted_for() -> None:
    two = pl.concat([office(sheet=30), office(2, task="T02")]).drop("segment_id").with_row_index("segment_id")
    result = explain(two)
    assert result.select("task_id", pl.col("rule").is_null()).rows() == [("T01", False), ("T02", True)]
    assert result["p_adjusted"][0] == pytest.approx(2 * result["p_value"][0])


def test_rework_is_made_from_the_activities() -> None:
    again = pl.when(pl.col("apps").list.contains("excel")).then(pl.col("activities").list.len() + 2).otherwise(1)
    frame = office().with_columns(activities=pl.lit("a b").repeat_by(again))
    row = explain(frame, target="rework", contexts=["application"]).row(0, named=True)
    assert (row["rule"], row["unit"]) == ("uses excel", "repeated steps")


def test_what_says_the_same_as_deviating_is_no_context_by_default() -> None:
    frame = office().with_columns(deviates=pl.col("apps").list.contains("excel"))
    assert explain(frame, target="deviates")["rule"].to_list() == [None]
    assert explain(frame, target="deviates", contexts=["application"])["rule"].to_list() == ["uses excel"]


def test_the_wait_for_a_process_step_is_explained_by_the_case() -> None:
    frame = office().with_columns(case_id=pl.format("c{}", "segment_id"))
    large = pl.col("segment_id") % 3 == 0
    booked = frame.select("case_id", amount=pl.when(large).then(3000.0).otherwise(100.0), begin="start")
    receive = booked.select("case_id", "amount", activity=pl.lit("Receive"), timestamp="begin")
    hours = pl.when(pl.col("amount") > 2000).then(20).otherwise(2)
    approve = booked.select(
        "case_id", "amount", activity=pl.lit("Approve"), timestamp=pl.col("begin") + pl.duration(hours=hours)
    )
    row = explain(frame, target="Approve", process=pl.concat([receive, approve])).row(0, named=True)
    assert {row["rule"], *row["also"]} & {"has amount above 100"}
    assert (row["unit"], row["effect"]) == ("hours", 18.0)


def test_the_people_of_the_process_log_are_no_attribute_of_the_case() -> None:
    frame = office().with_columns(case_id=pl.format("c{}", "segment_id"))
    process = frame.select(
        "case_id", activity=pl.lit("Book"), timestamp="start", clerk="user", resource="user", po=pl.lit("no")
    )
    assert [name for name in prepare(frame, None, process).columns if name.startswith("case ")] == ["case po"]


def test_the_local_clock_comes_from_the_events() -> None:
    frame = office(people=1, each=1)
    events = make_events(["a"], utc_offset_minutes=120).with_columns(segment_id=pl.lit(0, pl.UInt32))
    assert prepare(frame, events, None)["_local"][0].hour == 9
    assert prepare(frame, None, None).select("_clock").item() == " UTC"


def test_every_kind_of_context_speaks() -> None:
    said = 0
    frame = prepare(office(), None, None).with_columns(pl.lit("no").alias("case po"), case_id=pl.lit("c"))
    frame = frame.with_columns(
        pl.when(pl.col("segment_id") % 2 == 0).then(pl.lit("yes")).otherwise(pl.lit("no")).alias("case po")
    )
    for kind in KINDS:
        words, table = table_of_contexts(frame, [kind])
        assert len(words) == table.shape[1] > 0, kind
        assert ((table == 0) | (table == 1)).all()
        said += len(words)
    assert said > len(KINDS)


def test_the_statistic_is_a_t_test_over_people() -> None:
    random = np.random.default_rng(4)
    people = np.repeat(np.arange(8), 20)
    table, figures = (random.random((160, 1)) < 0.5).astype(float), random.normal(0, 1, (160, 1))
    effects = []
    for person in range(8):
        context, figure = table[people == person, 0], figures[people == person, 0]
        inside = context - context.mean()
        effects.append((inside @ figure) / np.sqrt((inside**2).sum()))
    from scipy.stats import ttest_1samp

    assert scores(table, figures, people, people)[0].item() == pytest.approx(ttest_1samp(effects, 0).pvalue, rel=1e-3)


def test_p_values_grow_with_the_number_of_contexts() -> None:
    random = np.random.default_rng(2)
    people = np.repeat(np.arange(8), 30)
    table = (random.random((240, 60)) < 0.5).astype(np.float32)
    figures = random.normal(0, 1, 240) + 0.35 * table[:, 0]
    alone = judge_contexts(table[:, :1], figures, people, people, np.random.default_rng(0))[0][0]
    among = judge_contexts(table, figures, people, people, np.random.default_rng(0))[0][0]
    assert alone < 0.05 < among or alone < among / 4


def test_figures_are_shuffled_inside_people_only() -> None:
    people = np.repeat(np.arange(10), 2)
    table = np.tile([[0.0], [1.0]], (10, 1)).astype(np.float32)
    figures = table[:, 0] * (people < 5)  # the other five never change, and must not in the shuffles
    p_value = judge_contexts(table, figures, people, people, np.random.default_rng(0))[0][0]
    assert p_value == pytest.approx(2 / 2**5, abs=0.025)
