"""The official flow of the process, and what really happens in it: on the process level and inside its steps."""

from __future__ import annotations

from taskkit.overlay.official.deviations import list_process_deviations
from taskkit.overlay.official.inside import list_executions, list_inside_deviations, list_official_steps
from taskkit.overlay.official.models import OfficialModel, read_model
from taskkit.overlay.official.replay import replay_model

__all__ = [
    "OfficialModel", "list_executions", "list_inside_deviations", "list_official_steps", "list_process_deviations",
    "read_model", "replay_model",
]  # fmt: skip
