"""Whether the planted root causes come first, and how often causes are found where there are none.

uv run python benchmarks/causes.py [SHUFFLES] [--found]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import polars as pl

import taskkit as tk
from taskkit.comparison.causes import explain
from taskkit.samples import make_engagement

SEEDS = (7, 11, 12, 13, 14, 15)
APPROVAL, ENTRY = "prepare approval", "enter invoice"
# question → what the generator planted: the sheet beside the ERP delays the approval, typing instead of pasting slows the entry
PLANTED = {
    (APPROVAL, "Approve invoice"): ("excel", "Approval sheet", "copies from “Invoice INV-# - Approve"),
    (APPROVAL, "active_seconds"): ("excel", "Approval sheet", "copies from “Invoice INV-# - Approve"),
    (ENTRY, "active_seconds"): ("copies nothing from “INV-#",),
}


def main() -> None:
    """Print the first rule of each question on several seeds, then the share of "nothing stable found" on shuffled data."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    print("| seed | segments | task | target | first rule | effect | people | planted | contexts | s |")
    print("|" + "---|" * 10)
    for seed in SEEDS:
        ask(seed, found=False)
    if "--found" in sys.argv:
        for seed in SEEDS[:2]:
            ask(seed, found=True)
    print_shuffles(numbers[0] if numbers else 200)


def ask(seed: int, *, found: bool) -> None:
    """Ask the planted questions of one engagement; cases as `attribute_cases` finds them."""
    segments, events, process = prepare(seed, found=found)
    for (task, target), planted in PLANTED.items():
        begin = time.perf_counter()
        first = explain(segments, target=target, task_id=task, events=events, process=process).row(0, named=True)
        took = time.perf_counter() - begin
        said = [first["rule"] or "nothing stable found", *(first["also"] or [])]
        right = any(text in words for words in said for text in planted)
        effect = (
            f"{first['effect']:.1f} {first['unit']} ({first['low']:.1f} to {first['high']:.1f})"
            if first["rule"]
            else ""
        )
        cells = [seed, "found" if found else "true", task, target, said[0], effect, first["people"],
                 "yes" if right else "NO", first["contexts"], f"{took:.2f}"]  # fmt: skip
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def prepare(seed: int, *, found: bool) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Segments with the true task of each, events with cases, process; the segments true, or found by `segment`."""
    made = make_engagement(seed=seed)
    truth = made.truth_events
    events = tk.name_activities(made.events)
    events = tk.segment(events) if found else events.with_columns(segment_id=truth["true_segment"])
    events = tk.attribute_cases(events, made.process)
    names = events.select("segment_id", task_name=truth["true_task"]).drop_nulls().group_by("segment_id").agg(
        pl.col("task_name").mode().min()
    )  # fmt: skip
    segments = tk.list_segments(events).join(names, on="segment_id", how="left", maintain_order="left")
    return segments.with_columns(task_id=pl.col("task_name")), events, made.process


# ----------------------------------------------------------------------------------------------------------- shuffles
def inside_people(mine: pl.DataFrame, random: np.random.Generator) -> pl.Series:
    """Each person's figures dealt anew among the person's executions."""
    draw = pl.Series(random.random(mine.height))
    mixed = mine.with_columns(draw=draw).select(pl.col("active_seconds").sort_by("draw").over("user"))
    return mixed["active_seconds"]


def among_all(mine: pl.DataFrame, random: np.random.Generator) -> pl.Series:
    """All figures dealt anew among all executions."""
    return mine["active_seconds"].sample(fraction=1, shuffle=True, seed=int(random.integers(1 << 30)))


def moved_in_time(mine: pl.DataFrame, random: np.random.Generator) -> pl.Series:
    """Each person's figures in their order, begun at another place: neighbours in time stay alike."""
    figures = mine["active_seconds"].to_numpy().copy()
    for rows in mine.with_row_index("row").sort("start").group_by("user", maintain_order=True).agg("row")["row"]:
        places = rows.to_numpy()
        figures[places] = np.roll(figures[places], random.integers(places.size))
    return pl.Series(figures)


def own_ways(mine: pl.DataFrame, random: np.random.Generator) -> pl.Series:
    """Made figures: three contexts matter to every person, to each in another direction, to people in general not at all."""
    people = mine["user"].rank("dense").to_numpy().astype(int) - 1
    contexts = [mine["apps"].list.contains("excel"), mine["fragments"] > 1, mine["start"].dt.hour() < 9]
    figures = random.normal(0, 1, people.max() + 1)[people] + random.normal(0, 1, mine.height)
    for context in contexts:
        figures += random.normal(0, 0.7, people.max() + 1)[people] * context.to_numpy()
    return pl.Series(np.exp(4 + 0.4 * figures))


NULLS: dict[str, Callable[[pl.DataFrame, np.random.Generator], pl.Series]] = {
    "dealt anew inside each person": inside_people,
    "dealt anew among all": among_all,
    "moved in time inside each person": moved_in_time,
    "contexts matter, but to each person in another direction": own_ways,
}


def print_shuffles(times: int) -> None:
    """Print how often nothing is found where contexts and figures have nothing to do with one another."""
    segments, events, process = prepare(7, found=False)
    segments = segments.join(cases_of(events), on="segment_id", how="left")
    mine = segments.filter(pl.col("task_id") == APPROVAL).sort("segment_id")
    everybody = mine["user"].unique().sort()
    print(f"\n{times} shuffles each of the active seconds of “{APPROVAL}”\n")
    print("| people | figures | nothing stable found |\n|---|---|---|")
    for size in (len(everybody), 7):
        part = mine.filter(pl.col("user").is_in(everybody[:size].implode()))
        for name, shuffle in NULLS.items():
            quiet = 0
            for number in range(times):
                figures = shuffle(part, np.random.default_rng([size, number]))
                shuffled = part.with_columns(figures.alias("active_seconds"))
                quiet += explain(shuffled, process=process, seed=number)["rule"].null_count()
            print(f"| {size} | {name} | {100 * quiet / times:.1f} % |", flush=True)

    quiet = 0
    for number in range(times // 2):
        random = np.random.default_rng(number)
        tasks = segments.drop_nulls("task_id").sort("segment_id").partition_by("task_id", maintain_order=True)
        dealt = pl.concat([task.with_columns(inside_people(task, random).alias("active_seconds")) for task in tasks])
        result = explain(dealt, process=process, seed=number)
        quiet += result["rule"].null_count() == result.height
    print(
        f"| 14 | all eight tasks in one run, {times // 2} runs, dealt anew inside each | {200 * quiet / times:.1f} % |"
    )


def cases_of(events: pl.DataFrame) -> pl.DataFrame:
    """The case of each segment, so that the shuffles need not read the events again."""
    return events.drop_nulls(["segment_id", "case_id"]).group_by("segment_id").agg(pl.col("case_id").mode().min())


if __name__ == "__main__":
    main()
