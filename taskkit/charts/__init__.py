"""Pictures of what the functions computed: they draw what they are given."""

from __future__ import annotations

from taskkit.charts.automation import criteria_heat, value_feasibility
from taskkit.charts.days import coverage_calendar, day_timeline
from taskkit.charts.differences import comparison_intervals
from taskkit.charts.flows import switch_matrix, time_per_app, transfer_flow
from taskkit.charts.ladder import variant_ladder
from taskkit.charts.look import app_colours, nothing, of_enough_people, smallest_group
from taskkit.charts.maps import process_map, succession_map
from taskkit.charts.steps import case_view, step_effort_bars
from taskkit.charts.tasks import confidence_by_task, segment_lengths, task_overview

__all__ = [
    "app_colours",
    "case_view",
    "comparison_intervals",
    "confidence_by_task",
    "coverage_calendar",
    "criteria_heat",
    "day_timeline",
    "nothing",
    "of_enough_people",
    "process_map",
    "segment_lengths",
    "smallest_group",
    "step_effort_bars",
    "succession_map",
    "switch_matrix",
    "task_overview",
    "time_per_app",
    "transfer_flow",
    "value_feasibility",
    "variant_ladder",
]
