"""taskkit: task mining for Jupyter. Frames in, frames out; nothing heavy is loaded before it is used."""

from __future__ import annotations

import importlib
from typing import Any

# public name → module that defines it; loaded at first use, so that `import taskkit` stays as light as polars
_PUBLIC = {
    name: module
    for module, names in {
        "taskkit.errors": "TaskkitError LogFileError ContractError SettingError MissingExtraError",
        "taskkit.schema": "EVENTS SEGMENTS TASKS VARIANTS PROCESS CASES check",
        "taskkit.privacy": "posture pseudonym redact suppress_small_groups",
        "taskkit.log": "IMPORTERS from_table guess_columns import_log list_formats read_log read_metadata scan_log write_log",
        "taskkit.log.merging": "merge_logs",
        "taskkit.quality": "check_quality judge_uses list_days list_defects",
        "taskkit.activities": "Rule count_entries count_reentries count_round_trips count_switches count_transfers "
        "learn_names list_actions measure_fragmentation name_activities read_actions read_rules switch_cost time_per_app "
        "write_rules",
        "taskkit.segments.fitted": "fit_models",
        "taskkit.tasks.fitted": "assign_tasks fit_tasks",
        "taskkit.activities.references": "add_case_refs find_case_refs",
        "taskkit.activities.workbench": "list_unnamed measure_naming preview_rule",
        "taskkit.segments": "METHODS list_segments segment",
        "taskkit.segments.mixture": "start_relabelling",
        "taskkit.segments.review": "count_unsure list_unsure",
        "taskkit.routines": "find_routines",
        "taskkit.tasks": "find_tasks list_tasks merge_tasks rename_tasks split_task",
        "taskkit.variants": "count_successions count_variants count_ways find_variants list_left_out",
        "taskkit.variants.alignment": "align_variants simplify_variants",
        "taskkit.variants.queries": "complete_query match",
        "taskkit.variants.standardisation": "measure_standardisation",
        "taskkit.variants.standards": "list_deviations measure_conformance measure_leaving read_standard standard_from_steps "
        "standard_from_successions standard_from_variant",
        "taskkit.comparison": "by_period compare compare_steps compare_successions compare_variants",
        "taskkit.comparison.causes": "explain",
        "taskkit.overlay": "attribute_cases clock_offsets compare_step_work discover_model explain_steps list_cases "
        "list_excursions list_hidden_work list_lifecycle_problems list_object_types list_resources list_step_work "
        "list_unmatched look_inside map_resources pair_lifecycles read_process_log step_effort time_steps write_ocel write_xes",
        "taskkit.overlay.hand_check": "draw_hand_check score_hand_check",
        "taskkit.overlay.official": "list_executions list_inside_deviations list_official_steps list_process_deviations "
        "read_model replay_model",
        "taskkit.automation": "Assumptions CRITERIA QUESTIONS find_data_transfers find_decision_rules list_assumptions "
        "list_evidence list_questions list_routine_candidates list_stretch_rows list_violations measure_criteria rank_stability "
        "rank_tasks score_automation",
        "taskkit.handover": "describe_work document_session write_bpmn write_document write_robot write_task_log",
        "taskkit.evaluation": "score_segments score_tasks",
        "taskkit.evaluation.agreement": "compare_segmentations list_differences",
        "taskkit.evaluation.calibration": "judge_boundaries judge_segments measure_calibration",
        "taskkit.decisions": "Decisions correct_segments examples_of list_vanished restore_segments",
        "taskkit.decisions.marks": "list_marks list_vanished_marks",
        "taskkit.project": "create_project open_project refresh_project",
        "taskkit.pipeline": "mine",
        "taskkit.pipeline.partitioned": "mine_partitions",
        "taskkit.pipeline.workers": "start_workers",
        "taskkit.report": "find_secrets lint_pages share_report start_notebook write_report",
    }.items()
    for name in names.split()
}
_MODULES = ("charts", "widgets")

__all__ = sorted([*_PUBLIC, *_MODULES])
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"taskkit.{name}")
    raise AttributeError(f"module 'taskkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
