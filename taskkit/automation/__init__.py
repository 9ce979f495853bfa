"""What is worth automating: criteria, feasibility, value and a verdict with its reasons."""

from __future__ import annotations

from taskkit.automation.criteria import CRITERIA, Criterion, Work
from taskkit.automation.determinism import written_fields
from taskkit.automation.ranking import score_automation

__all__ = ["CRITERIA", "Criterion", "Work", "score_automation", "written_fields"]
