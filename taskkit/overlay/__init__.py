"""Tasks on the process level: which case a piece of work was for, and what a process step costs inside.

The only module that may import pm4py, and only inside functions.
"""

from __future__ import annotations

from taskkit.overlay.attribution import CONFIDENCE, attribute_cases, list_attributions
from taskkit.overlay.effort import list_cases, list_unmatched, step_effort
from taskkit.overlay.process_log import count_process_successions, guess_columns, read_process_log
from taskkit.overlay.references import clock_offsets

__all__ = [
    "CONFIDENCE",
    "attribute_cases",
    "clock_offsets",
    "count_process_successions",
    "guess_columns",
    "list_attributions",
    "list_cases",
    "list_unmatched",
    "read_process_log",
    "step_effort",
]
