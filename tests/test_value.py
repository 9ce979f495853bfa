"""What automation is worth: savings, payback, net present value, break-even volume, checked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit.automation.value import Assumptions, appraise, list_assumptions, list_cases
from taskkit.errors import SettingError

PLAN = Assumptions(
    hourly_rate=50.0, straight_through_share=0.8, run_cost_per_year=1_000.0, years=2, discount_rate=0.1,
    build_cost_by_effort={"low": 2_000.0, "medium": 5_000.0, "high": 20_000.0},
)  # fmt: skip


def test_appraisal_by_hand() -> None:
    found = appraise(100.0, 400.0, effort="medium", assumptions=PLAN)
    # 100 h × 50 × 0.8 = 4,000 saved, 3,000 after running; 3,000 / 1.1 + 3,000 / 1.21 − 5,000
    assert found["savings_per_year"] == pytest.approx(4_000)
    assert found["payback_months"] == pytest.approx(12 * 5_000 / 3_000)
    assert found["net_present_value"] == pytest.approx(3_000 / 1.1 + 3_000 / 1.21 - 5_000)
    assert found["roi"] == pytest.approx((2 * 3_000 - 5_000) / (5_000 + 2 * 1_000))
    # a run saves 10; 1,000 a year of running and 5,000 spread over two discounted years have to be saved
    assert found["break_even_runs_per_year"] == pytest.approx((1_000 + 5_000 / (1 / 1.1 + 1 / 1.21)) / 10)


@given(hours=st.floats(1, 10_000), runs=st.floats(1, 100_000), rate=st.floats(0, 0.5), years=st.integers(1, 10))
def test_the_net_present_value_is_zero_at_the_break_even_volume(
    hours: float, runs: float, rate: float, years: int
) -> None:
    plan = replace(PLAN, discount_rate=rate, years=years)
    volume = appraise(hours, runs, effort="high", assumptions=plan)["break_even_runs_per_year"]
    assert volume is not None
    there = appraise(hours * volume / runs, volume, effort="high", assumptions=plan)
    assert there["net_present_value"] == pytest.approx(0.0, abs=1e-4)


def test_what_does_not_pay_for_its_running_never_pays_back() -> None:
    found = appraise(10.0, 40.0, effort="low", assumptions=PLAN)
    assert found["payback_months"] is None
    assert (found["net_present_value"] or 0.0) < 0


def test_avoided_errors_are_savings() -> None:
    plan = Assumptions(error_rate=0.1, error_cost=30.0)
    assert appraise(0.0, 200.0, effort="low", assumptions=plan)["savings_per_year"] == pytest.approx(0.1 * 200 * 30)


def test_nothing_saved_has_no_break_even_volume() -> None:
    assert appraise(0.0, 0.0, effort="low", assumptions=PLAN)["break_even_runs_per_year"] is None


def test_assumptions_that_cannot_be_are_all_told_at_once() -> None:
    with pytest.raises(SettingError, match=r"(?s)hourly_rate.*straight_through_share.*build_cost_by_effort"):
        Assumptions(hourly_rate=-1.0, straight_through_share=1.5, build_cost_by_effort={"low": 1.0})


@pytest.mark.parametrize("wrong", [{"years": 2.5}, {"hourly_rate": "40"}, {"population": float("nan")},
                                   {"build_cost_by_effort": {"low": 1.0, "medium": float("nan"), "high": 3.0}}])  # fmt: skip
def test_what_is_no_finite_number_is_refused(wrong: Any) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        Assumptions(**wrong)


def test_cases_take_the_errors_that_were_answered_and_swing_them() -> None:
    ranking = pl.DataFrame({"task_id": ["T01"], "task_name": ["x"], "effort": ["low"], "value_hours_per_year": [0.0],
                            "runs_per_year": [100.0], "error_rate": [0.1], "error_cost": [50.0]})  # fmt: skip
    assert list_cases(ranking, assumptions=PLAN)["savings_per_year"].to_list() == pytest.approx([400, 500, 600])


def test_every_assumption_is_listed_and_what_was_changed_is_marked() -> None:
    listed = list_assumptions(Assumptions(years=5))
    assert listed.filter(~pl.col("is_default"))["assumption"].to_list() == ["years"]
    assert listed["meaning"].null_count() == 0
    assert listed.height == len(Assumptions.__dataclass_fields__)


def test_the_three_cases_swing_time_and_cost_against_and_for_it() -> None:
    ranking = pl.DataFrame({"task_id": ["T01"], "task_name": ["x"], "effort": ["medium"],
                            "value_hours_per_year": [100.0], "runs_per_year": [400.0]})  # fmt: skip
    cases = list_cases(ranking, assumptions=PLAN)
    assert cases["case"].to_list() == ["−20 %", "as assumed", "+20 %"]
    assert cases["savings_per_year"].to_list() == pytest.approx([3_200, 4_000, 4_800])
    value = (3_200 - 1_200) * (1 / 1.1 + 1 / 1.21) - 6_000
    assert cases["net_present_value"][0] == pytest.approx(value)
