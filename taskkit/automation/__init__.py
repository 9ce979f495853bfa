"""What is worth automating: criteria, feasibility, value and a verdict with its reasons."""

from __future__ import annotations

from taskkit.automation.criteria import CRITERIA, Criterion
from taskkit.automation.decision_rules import find_decision_rules
from taskkit.automation.determinism import written_fields
from taskkit.automation.evidence import list_evidence
from taskkit.automation.marks import place_marks
from taskkit.automation.questionnaire import QUESTIONS, list_questions
from taskkit.automation.ranking import measure_criteria, rank_tasks, score_automation
from taskkit.automation.routine_steps import list_routine_candidates, list_stretch_rows
from taskkit.automation.stability import rank_stability
from taskkit.automation.transfers import find_data_transfers, list_violations
from taskkit.automation.triage import list_verdicts
from taskkit.automation.value import Assumptions, list_assumptions, list_cases
from taskkit.automation.work import Work

__all__ = [
    "CRITERIA",
    "QUESTIONS",
    "Assumptions",
    "Criterion",
    "Work",
    "find_data_transfers",
    "find_decision_rules",
    "list_assumptions",
    "list_cases",
    "list_evidence",
    "list_questions",
    "list_routine_candidates",
    "list_stretch_rows",
    "list_verdicts",
    "list_violations",
    "measure_criteria",
    "place_marks",
    "rank_stability",
    "rank_tasks",
    "score_automation",
    "written_fields",
]
