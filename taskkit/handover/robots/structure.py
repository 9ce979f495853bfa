"""Where an `if`, a loop or a decision begins and ends among the steps."""

from __future__ import annotations

from dataclasses import dataclass

from taskkit.handover.contents import Handover
from taskkit.handover.flow import Step, branches_after, crosses, rule_of_block, size_of, starts


@dataclass(frozen=True)
class Opening:
    """What stands before a step: so many levels are closed, then a block, a loop or a decision opens."""

    kind: str  # block, loop, decision, end
    about: str = ""
    rule: str | None = None
    share: float = 1.0
    number: int = 0
    closes: int = 0
    opens: int = 0


def list_openings(place: int, steps: list[Step], handover: Handover) -> list[Opening]:
    """What is closed and opened before the step at a place; behind the last step everything is closed."""
    found: list[Opening] = []
    closing = sum(_ends_before(place, steps, name) for name in ("block", "loop"))
    if closing:
        found.append(Opening("end", closes=closing))
    if place >= len(steps):
        return found
    step = steps[place]
    for row in branches_after(place - 1, steps, handover):
        others = [f"{branch} ({share:.0%})" for branch, share in row["others"]]
        about, rule = "; ".join(others), row["rule"] or "no logged field predicts it"
        found.append(Opening("decision", about, rule, number=place))
    both = []
    if starts(place, steps, "block"):
        rule = rule_of_block(place, steps, handover)
        both.append(Opening("block", step["element"] or step["activity"] or "", rule, step["share"], opens=1))
    if starts(place, steps, "loop") and not crosses(place, steps):
        both.append(Opening("loop", step["element"] or step["activity"] or "", opens=1))
    if len(both) == 2 and size_of(place, steps, "loop") > size_of(place, steps, "block"):
        both.reverse()
    return found + both


def _ends_before(place: int, steps: list[Step], name: str) -> int:
    if place == 0:
        return 0
    last = steps[place - 1][name]
    if last is None or (place < len(steps) and steps[place][name] == last):
        return 0
    return 0 if name == "loop" and crosses(place - 1, steps) else 1
