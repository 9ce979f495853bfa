"""Controls wired to functions and charts, cards, tables and findings; on a page without a kernel each shows its static twin."""

from __future__ import annotations

from taskkit.automation.triage import list_verdicts
from taskkit.widgets.automation import AutomationExplorer, rule_table
from taskkit.widgets.automation_desk import VerdictDesk
from taskkit.widgets.cards import conflicting_decisions, finding, posture_card, question, recorded_findings
from taskkit.widgets.columns import ColumnMapper
from taskkit.widgets.context import ContextDesk, marks_card
from taskkit.widgets.displays import Shown, show, stack
from taskkit.widgets.editor import SegmentationEditor
from taskkit.widgets.explorers import (
    ComparisonExplorer,
    DayTimeline,
    SegmentationExplorer,
    VariantExplorer,
)
from taskkit.widgets.findings import (
    summarise_automation,
    summarise_comparison,
    summarise_log,
    summarise_segments,
    summarise_steps,
    summarise_tasks,
    summarise_variants,
)
from taskkit.widgets.guided_path import path
from taskkit.widgets.hand_check import HandCheck
from taskkit.widgets.handover_desk import HandoverDesk
from taskkit.widgets.lists import (
    list_both_unmatched,
    list_caveats,
    list_criteria,
    list_findings,
    summarise_all,
)
from taskkit.widgets.official import OfficialFlow
from taskkit.widgets.process import ProcessExplorer
from taskkit.widgets.quality import caveat_card, list_checks, summarise_quality
from taskkit.widgets.running import show_progress
from taskkit.widgets.tables import table
from taskkit.widgets.task_desk import TaskDesk
from taskkit.widgets.whole_log import whole_log
from taskkit.widgets.workbench import RuleWorkbench

__all__ = [
    "AutomationExplorer",
    "ColumnMapper",
    "ComparisonExplorer",
    "ContextDesk",
    "DayTimeline",
    "HandCheck",
    "HandoverDesk",
    "OfficialFlow",
    "ProcessExplorer",
    "RuleWorkbench",
    "SegmentationEditor",
    "SegmentationExplorer",
    "Shown",
    "TaskDesk",
    "VariantExplorer",
    "VerdictDesk",
    "caveat_card",
    "conflicting_decisions",
    "finding",
    "list_both_unmatched",
    "list_caveats",
    "list_checks",
    "list_criteria",
    "list_findings",
    "list_verdicts",
    "marks_card",
    "path",
    "posture_card",
    "question",
    "recorded_findings",
    "rule_table",
    "show",
    "show_progress",
    "stack",
    "summarise_all",
    "summarise_automation",
    "summarise_comparison",
    "summarise_log",
    "summarise_quality",
    "summarise_segments",
    "summarise_steps",
    "summarise_tasks",
    "summarise_variants",
    "table",
    "whole_log",
]
