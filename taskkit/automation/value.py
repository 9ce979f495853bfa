"""What automating a task would be worth: hours and money a year, what it costs, and when it has paid for itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

import polars as pl

from taskkit.errors import SettingError

EFFORTS = ("low", "medium", "high")


@dataclass(frozen=True)
class Assumptions:
    """What no log can know and money depends on: starting points to be replaced, all amounts in one currency of your own.

    - `hourly_rate` (money an hour): loaded cost of an hour of work.
    - `weeks_per_year` (weeks): working weeks of five days.
    - `population` (people): how many do this work in all; None = the recorded people only.
    - `straight_through_share` (share): part of the active time that is freed; the rest goes into what the robot hands back.
    - `error_rate` (share of runs) and `error_cost` (money an error): errors of today that automation would avoid.
    - `build_cost_by_effort` (money, once): to build it, by effort class.
    - `run_cost_per_year` (money a year): licence, operation and upkeep.
    - `years` (years) and `discount_rate` (share a year): what the net present value looks at.
    - `swing` (share): how far the low and the high case move savings and costs against or for it.

    >>> Assumptions().hourly_rate
    40.0
    """

    hourly_rate: float = 40.0
    weeks_per_year: float = 44.0
    population: int | None = None
    straight_through_share: float = 0.8
    error_rate: float = 0.0
    error_cost: float = 0.0
    build_cost_by_effort: dict[str, float] = field(
        default_factory=lambda: {"low": 4_000.0, "medium": 10_000.0, "high": 25_000.0}
    )
    run_cost_per_year: float = 1_500.0
    years: int = 3
    discount_rate: float = 0.08
    swing: float = 0.2

    def __post_init__(self) -> None:
        wrong = [
            f"  {name}={value!r}: allowed is {words}"
            for name, (low, high, words) in _ALLOWED.items()
            if (value := getattr(self, name)) is not None and not _is_allowed(name, value, low, high)
        ]
        costs = self.build_cost_by_effort
        if set(costs) != set(EFFORTS) or not all(
            _is_allowed("build_cost", cost, 0, math.inf) for cost in costs.values()
        ):
            wrong.append(f"  build_cost_by_effort={self.build_cost_by_effort!r}: allowed is a cost of 0 or more for each of "
                         f"{', '.join(EFFORTS)}")  # fmt: skip
        if wrong:
            raise SettingError(
                "These assumptions cannot be:\n" + "\n".join(wrong) + "\nCorrect them, then score again."
            )


_ANY = math.inf
_WHOLE = ("years", "population")


def _is_allowed(name: str, value: Any, low: float, high: float) -> bool:
    """A finite number within the limits, a whole one where people or years are counted."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return number and low <= value <= high and (name not in _WHOLE or value == int(value))


_ALLOWED: dict[str, tuple[float, float, str]] = {
    "hourly_rate": (0, _ANY, "0 or more"),
    "weeks_per_year": (1, 53, "1 to 53"),
    "population": (1, _ANY, "a whole number from 1, or None for the recorded people"),
    "straight_through_share": (0, 1, "0 to 1"),
    "error_rate": (0, 1, "0 to 1"),
    "error_cost": (0, _ANY, "0 or more"),
    "run_cost_per_year": (0, _ANY, "0 or more"),
    "years": (1, 50, "a whole number from 1 to 50"),
    "discount_rate": (0, 1, "0 to 1"),
    "swing": (0, 0.9, "0 to 0.9"),
}
_SAID = {
    "hourly_rate": ("money an hour", "loaded cost of an hour of work"),
    "weeks_per_year": ("weeks", "working weeks of five days in a year"),
    "population": ("people", "people who do this work in all; none given = the recorded ones"),
    "straight_through_share": (
        "share",
        "part of the active time that is freed; the rest goes into what is handed back",
    ),
    "error_rate": ("share", "part of the runs that go wrong today and would not then"),
    "error_cost": ("money an error", "what one of these errors costs"),
    "build_cost_by_effort": ("money, once", "what it costs to build, by effort class"),
    "run_cost_per_year": ("money a year", "licence, operation and upkeep"),
    "years": ("years", "how long it is expected to run"),
    "discount_rate": ("share a year", "what money of next year is worth less"),
    "swing": ("share", "how far the low and the high case move savings and costs"),
}


def list_assumptions(assumptions: Assumptions | None = None) -> pl.DataFrame:
    """List the assumptions behind every sum of money, for the page that shows them.

    Parameters
    ----------
    assumptions : those that were used; the defaults if none.

    Returns
    -------
    One row per assumption: `assumption`, `value` (text), `unit`, `meaning`, `is_default`.

    >>> list_assumptions(Assumptions(hourly_rate=55.0)).row(0)[:3]
    ('hourly_rate', '55', 'money an hour')
    """
    given, usual = assumptions or Assumptions(), Assumptions()
    rows = [
        (one.name, _text(getattr(given, one.name)), *_SAID[one.name],
         getattr(given, one.name) == getattr(usual, one.name))
        for one in fields(Assumptions)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=["assumption", "value", "unit", "meaning", "is_default"], orient="row")


def _text(value: Any) -> str:
    if value is None:
        return "the recorded people"
    return ", ".join(f"{k} {v:,.6g}" for k, v in value.items()) if isinstance(value, dict) else f"{value:,.6g}"


# ----------------------------------------------------------------------------------------------------------------- money
def appraise(
    hours_per_year: float, runs_per_year: float, *, effort: str, assumptions: Assumptions, run_cost_factor: float = 1.0,
    build_cost_factor: float = 1.0,
) -> dict[str, float | None]:  # fmt: skip
    """Appraise one task: savings, return on investment, payback, net present value, break-even volume.

    With savings S = hours × rate × straight-through share + runs × error rate × error cost, build cost B, run cost R a
    year, n years and discount rate d:

    - `savings_per_year` = S, before what it costs to run;
    - `roi` = (n (S − R) − B) / (B + n R): what is left over all years for every unit of money spent;
    - `payback_months` = 12 B / (S − R); null where the savings do not pay for the running;
    - `net_present_value` = −B + Σ (S − R) / (1 + d)^t for t = 1 … n;
    - `break_even_runs_per_year` = (R + B / a) / (S / runs) with a = Σ 1 / (1 + d)^t: the volume at which the net present
      value is zero; null where a run saves nothing.

    >>> plan = Assumptions(hourly_rate=10, straight_through_share=1, run_cost_per_year=0, years=1, discount_rate=0)
    >>> found = appraise(1000, 500, effort="medium", assumptions=plan)
    >>> found["savings_per_year"], found["payback_months"], found["net_present_value"], found["break_even_runs_per_year"]
    (10000.0, 12.0, 0.0, 500.0)
    """
    build = assumptions.build_cost_by_effort[effort] * build_cost_factor
    running = assumptions.run_cost_per_year * run_cost_factor
    years = assumptions.years
    savings = savings_per_year(hours_per_year, runs_per_year, assumptions)
    net, spent = savings - running, build + years * running
    annuity = sum((1 + assumptions.discount_rate) ** -year for year in range(1, int(years) + 1))
    each = savings / runs_per_year if runs_per_year > 0 else 0.0
    return {
        "savings_per_year": savings,
        "roi": (years * net - build) / spent if spent > 0 else None,
        "payback_months": 12 * build / net if net > 0 else None,
        "net_present_value": net * annuity - build,
        "break_even_runs_per_year": (running + build / annuity) / each if each > 0 else None,
    }


def savings_per_year(hours_per_year: float, runs_per_year: float, assumptions: Assumptions) -> float:
    """What is freed in a year: hours that go straight through, and errors that are no longer made."""
    freed = hours_per_year * assumptions.hourly_rate * assumptions.straight_through_share
    return float(freed + runs_per_year * assumptions.error_rate * assumptions.error_cost)


def list_cases(ranking: pl.DataFrame, *, assumptions: Assumptions | None = None) -> pl.DataFrame:
    """Appraise every task three times: as assumed, and with hours and costs moved against and for it by `swing`.

    Parameters
    ----------
    ranking : frame of `score_automation`, made with the same assumptions.
    assumptions : those; the defaults if none.

    Returns
    -------
    Three rows per task: `task_id`, `task_name`, `case` ("−20 %", "as assumed", "+20 %"; the first has so much less
    time freed and errors avoided, and costs more by so much), `savings_per_year`, `roi`, `payback_months`, `net_present_value`,
    `break_even_runs_per_year`.
    Tasks without an effort class are left out.

    >>> list_cases(pl.DataFrame(schema={"task_id": pl.String, "effort": pl.String})).height
    0
    """
    plan = assumptions or Assumptions()
    rows = []
    judged = ranking.drop_nulls("effort") if "effort" in ranking.columns else ranking.clear()
    for row in judged.iter_rows(named=True):
        errors = {name: row[name] for name in ("error_rate", "error_cost") if row.get(name) is not None}
        own = replace(plan, **errors)
        hours, runs = row["value_hours_per_year"], row["runs_per_year"]
        for sign, name in ((-1, f"−{plan.swing:.0%}"), (0, "as assumed"), (1, f"+{plan.swing:.0%}")):
            up, down = 1 + sign * plan.swing, 1 - sign * plan.swing
            found = appraise(hours * up, runs, effort=row["effort"], assumptions=replace(own, error_cost=own.error_cost * up),
                             run_cost_factor=down,
                             build_cost_factor=down)  # fmt: skip
            rows.append(
                {"task_id": row["task_id"], "task_name": row["task_name"], "case": name.replace("%", " %"), **found}
            )
    number = ["savings_per_year", "roi", "payback_months", "net_present_value", "break_even_runs_per_year"]
    schema = dict.fromkeys(["task_id", "task_name", "case"], pl.String) | dict.fromkeys(number, pl.Float64)
    return pl.DataFrame(rows, schema=schema, orient="row")
