"""Tasks on the process level: which case a piece of work was for, and what a process step costs inside.

The only module that may import pm4py, and only inside functions.
"""

from __future__ import annotations

from taskkit.overlay.attribution import CONFIDENCE, attribute_cases, list_attributions
from taskkit.overlay.discovery import ProcessModel, discover_model
from taskkit.overlay.effort import (
    STEP_MEASURES,
    compare_step_work,
    explain_steps,
    list_cases,
    list_excursions,
    list_hidden_work,
    list_step_work,
    step_effort,
)
from taskkit.overlay.exports import write_ocel, write_xes
from taskkit.overlay.insides import Insides, look_inside
from taskkit.overlay.lifecycles import list_lifecycle_problems, pair_lifecycles, time_steps
from taskkit.overlay.ocel import list_object_types
from taskkit.overlay.process_log import count_process_successions, guess_columns, read_process_log
from taskkit.overlay.references import clock_offsets
from taskkit.overlay.resources import list_resources, map_resources
from taskkit.overlay.unmatched import list_unmatched

__all__ = [
    "CONFIDENCE",
    "STEP_MEASURES",
    "Insides",
    "ProcessModel",
    "attribute_cases",
    "clock_offsets",
    "compare_step_work",
    "count_process_successions",
    "discover_model",
    "explain_steps",
    "guess_columns",
    "list_attributions",
    "list_cases",
    "list_excursions",
    "list_hidden_work",
    "list_lifecycle_problems",
    "list_object_types",
    "list_resources",
    "list_step_work",
    "list_unmatched",
    "look_inside",
    "map_resources",
    "pair_lifecycles",
    "read_process_log",
    "step_effort",
    "time_steps",
    "write_ocel",
    "write_xes",
]
