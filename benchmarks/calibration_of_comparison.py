"""False alarms and power of `compare` on the worked example, generated anew from many seeds.

The whole engagement is generated for each seed (people with new habits and paces, new invoices, new days); its true executions
are compared, so that the figures are those of the comparison alone and not of the segmentation before it.

uv run python benchmarks/calibration_of_comparison.py [ENGAGEMENTS]
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import polars as pl

import taskkit as tk
from taskkit.samples import make_engagement
from taskkit.samples.truth import true_instances

FIRST_SEED = 1_000  # none of the seeds that anything was chosen with
ALPHA = 0.05
WAY = pl.col("variant")
AGREED = WAY.is_in(["sheet and chat", "sheet and mail", "request in ERP"])


@dataclass(frozen=True)
class Question:
    """What is compared between the teams, and whether a difference was planted."""

    task: str
    measure: str  # of compare; a share is that of one way against the others
    planted: str  # "difference", "no difference", "neither"
    way: pl.Expr = WAY
    counts: pl.Expr = field(default_factory=lambda: pl.lit(True))
    seconds: str = "active_seconds"


# What follows an execution, up to 60 s, belongs to its active seconds. It differs a little between the teams (archived scans:
# 2.5 s) though nobody planted it: breaks come after so many rows, and a team that pastes has more of them. What was planted as
# no difference is the time inside the executions; what follows them is asked for, too, and stands in the table as neither.
INSIDE = "inside_seconds"
QUESTIONS = {
    "enter invoice, share of re-keying": Question(
        "enter invoice", "variant", "difference", WAY.str.starts_with("re-keying"), WAY != "new vendor"
    ),
    "enter invoice, active seconds": Question("enter invoice", "active_seconds", "difference"),
    "prepare approval, share of the approval sheet": Question(
        "prepare approval", "variant", "difference", WAY.str.starts_with("sheet"), AGREED
    ),
    "three-way match, active seconds": Question("three-way match", "active_seconds", "neither"),
    "three-way match, share with price list": Question(
        "three-way match", "variant", "no difference", WAY == "with price list"
    ),
    "archive scans, share of 'rename first'": Question(
        "archive scans", "variant", "no difference", WAY == "rename first"
    ),
    "archive scans, active seconds": Question("archive scans", "active_seconds", "neither"),
    "answer vendor query, active seconds": Question("answer vendor query", "active_seconds", "neither"),
    "three-way match, seconds inside": Question("three-way match", "active_seconds", "no difference", seconds=INSIDE),
    "archive scans, seconds inside": Question("archive scans", "active_seconds", "no difference", seconds=INSIDE),
    "answer vendor query, seconds inside": Question(
        "answer vendor query", "active_seconds", "no difference", seconds=INSIDE
    ),
}
SUMS = {
    "power, all differences": ("difference",),
    "false alarms, all planted non-differences": ("no difference",),
}


def main() -> None:
    """Print, for each planted difference and non-difference, how often it is reported."""
    engagements = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    reported, held, asked = Counter[str](), Counter[str](), Counter[str]()
    for seed in range(FIRST_SEED, FIRST_SEED + engagements):
        made = make_engagement(seed=seed)
        executions = true_instances(made.events, made.truth_events)
        for name, row in compare_all(executions, seed).items():
            if row["p_value"] is not None:
                asked[name] += 1
                reported[name] += row["p_value"] <= ALPHA
                held[name] += row["low"] <= 0 <= row["high"]
    print(f"{engagements} engagements of 7 + 7 people, seeds {FIRST_SEED} to {FIRST_SEED + engagements - 1}, α = 5 %\n")
    print("| question | planted | compared | reported | interval holds 0 |")
    print("|---|---|---|---|---|")
    for name, question in QUESTIONS.items():
        cells = [f"{100 * count[name] / max(asked[name], 1):.1f} %" for count in (reported, held)]
        print(f"| {name} | {question.planted} | {asked[name]} | {' | '.join(cells)} |")
    for title, kinds in SUMS.items():
        names = [name for name, question in QUESTIONS.items() if question.planted in kinds]
        number, hits = sum(asked[name] for name in names), sum(reported[name] for name in names)
        print(f"| {title} | | {number} | {100 * hits / max(number, 1):.1f} % | |")


def compare_all(executions: pl.DataFrame, seed: int) -> dict[str, dict[str, Any]]:
    """The answer of `compare` to each question."""
    answers = {}
    for name, asked in QUESTIONS.items():
        mine = executions.filter((pl.col("task") == asked.task) & asked.counts)
        mine = mine.with_columns(asked.way.cast(pl.String).alias("variant_id"), active_seconds=pl.col(asked.seconds))
        segments = mine.rename({"true_segment": "segment_id", "task": "task_id"})
        rows = tk.compare(segments, measures=[asked.measure], permutations=999, seed=seed)
        answers[name] = rows.row(0, named=True)
    return answers


if __name__ == "__main__":
    main()
