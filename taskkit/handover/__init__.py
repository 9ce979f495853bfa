"""From a way of doing a task to what developers and process owners need: document, diagram, event log, robot skeleton."""

from __future__ import annotations

from taskkit.handover.bpmn import write_bpmn
from taskkit.handover.contents import Handover, describe_work
from taskkit.handover.document import write_document
from taskkit.handover.event_log import write_task_log
from taskkit.handover.recordings import document_session
from taskkit.handover.robots import write_robot

__all__ = [
    "Handover",
    "describe_work",
    "document_session",
    "write_bpmn",
    "write_document",
    "write_robot",
    "write_task_log",
]
