"""Inside the steps of the process: what people do between one booking of a case and the next."""

from __future__ import annotations

from taskkit.overlay.effort.cases import list_cases
from taskkit.overlay.effort.comparing import STEP_MEASURES, compare_step_work
from taskkit.overlay.effort.excursions import list_excursions
from taskkit.overlay.effort.explaining import explain_steps
from taskkit.overlay.effort.hidden_work import list_hidden_work
from taskkit.overlay.effort.step_work import list_step_work
from taskkit.overlay.effort.steps import step_effort

__all__ = [
    "STEP_MEASURES", "compare_step_work", "explain_steps", "list_cases", "list_excursions", "list_hidden_work",
    "list_step_work", "step_effort",
]  # fmt: skip
