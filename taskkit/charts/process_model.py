"""A discovered model of the process as BPMN, its steps coloured by what they cost inside."""

from __future__ import annotations

from typing import Any

import polars as pl

from taskkit.charts.look import Chart, finish, nothing
from taskkit.charts.process_graph import place_process
from taskkit.charts.process_map import MEASURES, explain_map, stack_layers, tell_steps
from taskkit.errors import check_choice
from taskkit.privacy import MIN_PEOPLE


def model_map(
    model: Any, effort: pl.DataFrame | None = None, *, measure: str = "touch", min_people: int = MIN_PEOPLE
) -> Chart:
    """Draw a discovered model as BPMN, its steps coloured by a measure that can be chosen in the page.

    Parameters
    ----------
    model : what `discover_model` found, or a sentence why there is none.
    effort : frame of `step_effort`; without it the steps are not coloured.
    measure, min_people : see `process_map`.

    Returns
    -------
    An Altair chart.

    >>> model_map("No model: pm4py is not installed.").to_dict()["description"]
    'No model: pm4py is not installed.'
    """
    check_choice(measure, allowed=MEASURES, what="measure of the map")
    if isinstance(model, str):
        return nothing(model)
    if model.nodes.filter(pl.col("kind") == "task").is_empty():
        return nothing("The process log holds no bookings, so there is no model of it.")
    kinds = dict(model.nodes.select("node", "kind").iter_rows())
    weights = {(a, b): 1.0 if back else 2.0 for a, b, back in model.edges.select("before", "after", "back").iter_rows()}
    drawing = place_process(weights, kinds=kinds, start="start", end="end", gap=26.0)
    told = tell_steps(effort, min_people)
    facts = model.edges.select(
        "before", "after", wide=pl.lit(1.6), one=pl.lit(""), two=pl.lit(""), tip=pl.lit("the flow")
    )
    names = dict(model.nodes.select("node", "name").iter_rows())
    layers = stack_layers(drawing, facts, told, names=names, measure=measure, tips=[])
    return finish(
        layers,
        title=f"A model that fits {model.fitting:.0%} of the cases" if model.fitting is not None else "A model of the process",
        subtitle=[
            "Discovered from the process log by the inductive miner"
            + (f"; where no clear order is found, successions under {model.noise:.0%} of the usual one are left out. "
               if model.noise else ". ")
            + "A case fits if replaying it leaves nothing over. × one of the ways, + all of them in any order; dashed: back.",
            explain_map(told),
        ],
    )  # fmt: skip
