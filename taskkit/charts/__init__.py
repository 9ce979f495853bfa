"""Pictures of what the functions computed: they draw what they are given."""

from __future__ import annotations

from taskkit.charts.automation import criteria_heat, value_feasibility
from taskkit.charts.automation_fields import field_map
from taskkit.charts.automation_ranks import rank_intervals, savings_cases
from taskkit.charts.automation_steps import routine_strip
from taskkit.charts.changes import fragmentation_bars, round_trip_bars, switch_cost_intervals
from taskkit.charts.confidence import confidence_by_task
from taskkit.charts.days import coverage_calendar, day_timeline
from taskkit.charts.differences import comparison_intervals
from taskkit.charts.differences_map import difference_map
from taskkit.charts.entries import entry_bars
from taskkit.charts.flows import switch_matrix, time_per_app
from taskkit.charts.ladder import variant_ladder
from taskkit.charts.look import app_colours, nothing, of_enough_people, smallest_group
from taskkit.charts.maps import succession_map
from taskkit.charts.marks import show_marks
from taskkit.charts.naming import naming_coverage
from taskkit.charts.official import official_flow
from taskkit.charts.process_case import case_view
from taskkit.charts.process_inside import process_explorer
from taskkit.charts.process_map import process_map
from taskkit.charts.process_model import model_map
from taskkit.charts.steps import step_effort_bars
from taskkit.charts.tasks import segment_lengths, task_overview
from taskkit.charts.transfers import reentry_flow, transfer_flow
from taskkit.charts.uniformity import standardisation

__all__ = [
    "app_colours",
    "case_view",
    "comparison_intervals",
    "confidence_by_task",
    "coverage_calendar",
    "criteria_heat",
    "day_timeline",
    "difference_map",
    "entry_bars",
    "field_map",
    "fragmentation_bars",
    "model_map",
    "naming_coverage",
    "nothing",
    "of_enough_people",
    "official_flow",
    "process_explorer",
    "process_map",
    "rank_intervals",
    "reentry_flow",
    "round_trip_bars",
    "routine_strip",
    "savings_cases",
    "segment_lengths",
    "show_marks",
    "smallest_group",
    "standardisation",
    "step_effort_bars",
    "succession_map",
    "switch_cost_intervals",
    "switch_matrix",
    "task_overview",
    "time_per_app",
    "transfer_flow",
    "value_feasibility",
    "variant_ladder",
]
