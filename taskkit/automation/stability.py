"""How firmly a ranking stands: when the weights move, and when other people of the same kind had been recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from taskkit.automation.criteria import CRITERIA
from taskkit.automation.feasibility import combine_criteria, read_weights
from taskkit.automation.marks import Placed
from taskkit.automation.questionnaire import read_answers
from taskkit.automation.ranking import GROUPS, ratios, sums_of
from taskkit.automation.triage import VERDICTS, judge
from taskkit.errors import SettingError
from taskkit.schema import require_columns

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

TOP = 5


def rank_stability(
    ranking: pl.DataFrame,
    *,
    measured: pl.DataFrame | None = None,
    weights: Mapping[str, float] | None = None,
    context: pl.DataFrame | Mapping[str, Mapping[str, Any]] | None = None,
    marks: Placed | None = None,
    draws: int = 1000,
    spread: float = 0.5,
    seed: int = 0,
) -> pl.DataFrame:
    """Say how often each task stays among the first five when the weights move and other people are recorded.

    In each draw the weights come from a Dirichlet distribution around the given ones and the criteria from people drawn
    with replacement (from `measured`) or, without it, from a normal distribution over the criteria's own intervals; the
    verdicts are found anew, and the tasks ranked as by `score_automation`.

    Parameters
    ----------
    ranking : frame of `score_automation`.
    measured : frame of `measure_criteria` for the same log; without it the criteria are drawn one by one.
    weights, context, marks : those that the ranking was made with.
    draws : how many.
    spread : how far the weights move: standard deviation of an average weight, as a part of it.
    seed : makes the result reproducible.

    Returns
    -------
    One row per task, in the order of the ranking: `task_id`, `task_name`, `top5_share` (of the draws), `rank_low`,
    `rank_median`, `rank_high` (the middle 95 % of the draws).

    Raises
    ------
    SettingError : draws under 1 or a spread that is not positive.

    >>> rank_stability(pl.DataFrame(schema={"task_id": pl.String, "task_name": pl.String, "verdict": pl.String})).height
    0
    """
    if draws < 1 or not 0 < spread < float("inf"):
        raise SettingError(f"draws={draws}, spread={spread}: allowed are 1 draw or more and a spread above 0.")
    require_columns(ranking, "task_id", "task_name", "verdict", made_by="score_automation")
    if ranking.is_empty():
        return _frame(ranking, np.zeros((draws, 0), np.int64))
    answers, random = read_answers(context), np.random.default_rng([seed, 5])
    weighing = {name: weight for name, weight in read_weights(weights).items() if weight > 0}
    moved = random.dirichlet(np.array(list(weighing.values())) * _concentration(weighing, spread), draws)
    group, gain = np.zeros((draws, ranking.height), np.int64), np.zeros((draws, ranking.height))
    times = _draw_people(measured, draws, random)
    for column, row in enumerate(ranking.iter_rows(named=True)):
        figures = _draw_figures(row, measured, times, draws, random)
        feasible = np.nan_to_num(_weighed(figures, list(weighing), moved), nan=-1.0)
        verdicts = _judge_all(
            row, figures, answers.get(row["task_id"], {}), draws, (marks or {}).get(row["task_id"], [])
        )
        group[:, column] = [GROUPS[verdict] for verdict in verdicts]
        stays = group[:, column] == GROUPS[VERDICTS[-1]]
        gain[:, column] = feasible * np.where(stays, 1.0, np.nan_to_num(figures["active_hours_per_week"]))
    order = np.stack(
        [np.lexsort((ranking["task_id"].rank("ordinal").to_numpy(), -g, v)) for v, g in zip(group, gain, strict=True)]
    )
    return _frame(ranking, order.argsort(axis=1) + 1)


def _concentration(weights: dict[str, float], spread: float) -> float:
    """Parameter that gives a weight of average size the wanted standard deviation."""
    k, whole = len(weights), sum(weights.values())
    return max((k - 1) / spread**2 - 1, 0.5) / whole


def _draw_people(measured: pl.DataFrame | None, draws: int, random: np.random.Generator) -> Numbers:
    if measured is None or measured.is_empty():
        return np.ones((draws, 1))
    n = measured["user"].n_unique()
    return random.multinomial(n, np.full(n, 1 / n), draws).astype(float)


def _draw_figures(
    row: dict[str, Any], measured: pl.DataFrame | None, times: Numbers, draws: int, random: np.random.Generator
) -> dict[str, Numbers]:
    if measured is not None:
        return ratios(sums_of(measured.filter(pl.col("task_id") == row["task_id"])), times)
    out = {}
    for name in CRITERIA:
        value, low, high = (row[name + end] for end in ("", "_low", "_high"))
        if value is None:
            out[name] = np.full(draws, np.nan)
        elif low is None or high is None:
            out[name] = np.full(draws, float(value))
        else:
            out[name] = np.clip(random.normal(value, max(high - low, 0.0) / 3.92, draws), low, high)
    return out


def _weighed(figures: dict[str, Numbers], names: list[str], moved: Numbers) -> Numbers:
    """Feasibility in each draw, with its own weights."""
    parts = [combine_criteria({name: figures[name]}, {name: 1.0}) for name in names]
    known = ~np.isnan(np.stack(parts, axis=1))
    weight = moved * known
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(known, np.log(np.nan_to_num(np.stack(parts, axis=1))) * weight, 0.0).sum(axis=1)
        return np.asarray(np.exp(logs / weight.sum(axis=1)))


def _judge_all(
    row: dict[str, Any], figures: dict[str, Numbers], answers: dict[str, Any], draws: int, marks: list[dict[str, Any]]
) -> list[str]:
    if row["verdict"] == "too little data":
        return [row["verdict"]] * draws
    columns = {name: values.tolist() for name, values in figures.items()}
    return [
        judge({name: None if (v := values[n]) != v else v for name, values in columns.items()}, answers, marks=marks)[0]
        for n in range(draws)
    ]


def _frame(ranking: pl.DataFrame, ranks: Whole) -> pl.DataFrame:
    if ranking.is_empty():
        low = median = high = top = np.array([], dtype=float)
    else:
        low, median, high = np.quantile(ranks, [0.025, 0.5, 0.975], axis=0, method="inverted_cdf")
        top = (ranks <= TOP).mean(axis=0)
    return ranking.select("task_id", "task_name").with_columns(
        top5_share=pl.Series(top, dtype=pl.Float64), rank_low=pl.Series(low, dtype=pl.Float64).cast(pl.UInt32),
        rank_median=pl.Series(median, dtype=pl.Float64).cast(pl.UInt32),
        rank_high=pl.Series(high, dtype=pl.Float64).cast(pl.UInt32),
    )  # fmt: skip
