"""The way as a graph: steps, exclusive gateways where it parts, and where everything is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from taskkit.handover.asking import sentence
from taskkit.handover.contents import Handover
from taskkit.handover.rules import END

WIDE, HIGH, GATE, EVENT = 130, 80, 50, 36  # sizes of tasks, gateways and events in the diagram
COLUMN, LANE, TOP, LEFT = 180, 130, 260, 60
RULED = ("constant", "copy", "part", "reformat", "concatenation", "look-up")  # kinds of values that a rule gives
Step = dict[str, Any]


@dataclass(frozen=True)
class Node:
    """An event ("startEvent", "endEvent"), a step ("userTask", "scriptTask", "manualTask") or an "exclusiveGateway"."""

    id: str
    kind: str
    name: str
    said: str  # documentation
    column: int
    lane: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in the diagram."""
        if self.kind.endswith("Task"):
            return WIDE, HIGH
        return (GATE, GATE) if self.kind.endswith("Gateway") else (EVENT, EVENT)

    @property
    def centre(self) -> tuple[int, int]:
        """Middle of the shape in the diagram."""
        return LEFT + self.column * COLUMN + WIDE // 2, TOP + self.lane * LANE


@dataclass(frozen=True)
class Edge:
    """A sequence flow with the points that it is drawn through."""

    id: str
    source: str
    target: str
    name: str
    points: tuple[tuple[int, int], ...] = ()


@dataclass
class Flow:
    """Nodes from left to right and the flows between them."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    columns: int = 0

    def add(self, kind: str, name: str = "", said: str = "", *, lane: int = 0, beside: bool = False) -> str:
        """Add a node in the next column, or in the last one beside what stands there."""
        if not beside:
            self.columns += 1
        known = {"startEvent": "start", "endEvent": "end", "exclusiveGateway": "gateway"}
        prefix = known.get(kind, "step")
        number = sum(node.id.startswith(prefix) for node in self.nodes) + 1
        self.nodes.append(Node(f"{prefix}_{number}", kind, name, said, self.columns - 1, lane))
        return self.nodes[-1].id

    def join(self, source: str, target: str, name: str = "") -> None:
        """Add a flow."""
        self.edges.append(Edge(f"flow_{len(self.edges) + 1}", source, target, name))


def draw_flow(handover: Handover) -> Flow:
    """Put the steps of a hand-over, what may be left out, loops and decision points together as a graph.

    A decision point whose branches are the next step and a later one, or a step outside of the way, becomes an exclusive
    gateway that is named by its rule; steps that are left out together lie between two gateways.
    """
    steps = list(handover.steps.iter_rows(named=True))
    flow = Flow()
    open_ends: dict[int, list[tuple[str, str]]] = {}  # step that is jumped to → gateways and the flow's name
    at = flow.add("startEvent", "Start")
    at = _decide(flow, at, -1, steps, handover, open_ends)
    for place, step in enumerate(steps):
        at = _enter(flow, at, place, steps, open_ends, handover)
        node = flow.add(_kind(step), step["activity"] or step["done"], _said(step))
        flow.join(at, node, _name_of_way_on(flow, at, step))
        at = _leave(flow, node, place, steps)
        at = _decide(flow, at, place, steps, handover, open_ends)
    if len(steps) in open_ends:
        at = _merge(flow, at, open_ends.pop(len(steps)))
    flow.join(at, flow.add("endEvent", "End"))
    return _routed(flow)


def _kind(step: Step) -> str:
    if step["app"] is None:
        return "manualTask"
    return "scriptTask" if step["kind"] in RULED else "userTask"


def _said(step: Step) -> str:
    told = [f"{step['done']}; {step['share']:.0%} of {step['executions'] / max(step['share'], 1e-9):.0f} executions"]
    told += [f"value: {step['value_from']}"] if step["value_from"] else []
    told += [f"rule: {step['rule']}"] if step["rule"] else []
    told += ["The person decides."] if step["kind"] == "judgement" else []
    return "; ".join(told)


def starts(place: int, steps: list[Step], name: str) -> bool:
    """Whether a block or loop begins at a step."""
    number = steps[place][name]
    return number is not None and (place == 0 or steps[place - 1][name] != number)


def _ends(place: int, steps: list[Step], name: str) -> bool:
    number = steps[place][name]
    return number is not None and (place + 1 == len(steps) or steps[place + 1][name] != number)


def crosses(place: int, steps: list[Step]) -> bool:
    """Whether the loop at a step and a block that is left out overlap without one holding the other: then the loop is not
    drawn."""
    own = [i for i, step in enumerate(steps) if step["loop"] == steps[place]["loop"]]
    for number in {steps[i]["block"] for i in own} - {None}:
        block = {i for i, step in enumerate(steps) if step["block"] == number}
        if not (block <= set(own) or set(own) <= block):
            return True
    return False


def _enter(
    flow: Flow, at: str, place: int, steps: list[Step], open_ends: dict[int, list[tuple[str, str]]], handover: Handover
) -> str:
    """What stands before a step: the end of a jump, the gate of a block that may be left out, the head of a loop."""
    if place in open_ends:
        at = _merge(flow, at, open_ends.pop(place))
    block, loop = starts(place, steps, "block"), starts(place, steps, "loop") and not crosses(place, steps)
    both = ["block", "loop"] if block and loop else ["block"] if block else ["loop"] if loop else []
    if block and loop and size_of(place, steps, "loop") > size_of(place, steps, "block"):
        both.reverse()  # the larger one goes outside
    for what in both:
        if what == "block":
            rule = rule_of_block(place, steps, handover)
            name = rule or f"Is “{steps[place]['activity']}” needed?"
            gate = flow.add("exclusiveGateway", name, "" if rule else "What decides it is not known from the log.")
        else:
            gate = flow.add("exclusiveGateway", "")
        flow.join(at, gate)
        at = gate
    return at


def size_of(place: int, steps: list[Step], name: str) -> int:
    """Steps of the block or loop that a step is in."""
    return sum(step[name] == steps[place][name] for step in steps)


def _leave(flow: Flow, node: str, place: int, steps: list[Step]) -> str:
    """What stands behind a step: the end of a loop, of a block that may be left out; inner ones first."""
    at = node
    loop = _ends(place, steps, "loop") and not crosses(place, steps)
    block = _ends(place, steps, "block")
    both = ["loop", "block"] if loop and block else ["loop"] if loop else ["block"] if block else []
    if loop and block and size_of(place, steps, "loop") > size_of(place, steps, "block"):
        both.reverse()
    for what in both:
        gate = flow.add("exclusiveGateway", "Once more?" if what == "loop" else "")
        flow.join(at, gate)
        first = next(i for i, step in enumerate(steps) if step[what] == steps[place][what])
        head = _head(flow, first, steps, what)
        if what == "loop":
            flow.join(gate, head, "again")
        else:
            flow.join(head, gate, f"left out ({1 - steps[first]['share']:.0%})")
        at = gate
    return at


def _head(flow: Flow, first: int, steps: list[Step], what: str) -> str:
    """The gateway before a loop or block: counted back from its first step, the inner one nearest."""
    node = [node.id for node in flow.nodes if node.kind.endswith("Task") and node.lane == 0][first]
    before = [edge.source for edge in flow.edges if edge.target == node]
    gate = before[0]
    other = "block" if what == "loop" else "loop"
    own, theirs = size_of(first, steps, what), size_of(first, steps, other)
    if (
        starts(first, steps, other)
        and not crosses(first, steps)
        and (own, what == "block") > (theirs, other == "block")
    ):
        gate = next(edge.source for edge in flow.edges if edge.target == gate)
    return gate


def _merge(flow: Flow, at: str, ends: list[tuple[str, str]]) -> str:
    gate = flow.add("exclusiveGateway", "")
    flow.join(at, gate)
    for source, name in ends:
        flow.join(source, gate, name)
    return gate


def _matches(text: str | None, step: Step) -> bool:
    return text is not None and text in (step["activity"], step["screen"])


def _rows_after(handover: Handover, step: Step | None) -> list[dict[str, Any]]:
    rows = handover.decisions.iter_rows(named=True)
    return [row for row in rows if (row["after"] is None if step is None else _matches(row["after"], step))]


def _target(branch: str, place: int, steps: list[Step]) -> int | None:
    """The later step that a branch leads to; the number of steps where it ends."""
    if branch == END:
        return len(steps)
    return next((i for i in range(place + 1, len(steps)) if _matches(branch, steps[i])), None)


def _was_before(branch: str, place: int, steps: list[Step]) -> bool:
    return any(_matches(branch, step) for step in steps[: place + 1])


def rule_of_block(place: int, steps: list[Step], handover: Handover) -> str | None:
    """The rule of a decision point right before a block, if it says no more than whether the block is done."""
    if not place or handover.decisions.is_empty():
        return None
    behind = place + size_of(place, steps, "block")
    for row in _rows_after(handover, steps[place - 1]):
        targets = {_target(branch, place - 1, steps) for branch in row["branches"] or []}
        if targets <= {place, behind} and place in targets:
            return str(row["rule"] or "No logged field predicts it")
    return None


def branches_after(place: int, steps: list[Step], handover: Handover) -> list[dict[str, Any]]:
    """The decision points right after a step (−1: the start) that are no block's: rows with `all` and `others` in addition,
    the branches as pairs of step and share, `others` without the next step of the way."""
    step = steps[place] if place >= 0 else None
    if place + 1 >= len(steps) or (step and any(_matches(step["activity"], later) for later in steps[place + 1 :])):
        return []  # the last time of a step is where it is decided
    found = []
    for row in _rows_after(handover, step):
        branches = list(zip(row["branches"] or [], row["shares"] or [], strict=False))
        # what no field predicts is drawn where steps are left out, not once more
        if (
            row["rule"] is None
            or len(branches) < 2
            or (starts(place + 1, steps, "block") and rule_of_block(place + 1, steps, handover))
        ):
            continue
        # back to a step that was there already: another order, no other way
        branches = [(b, s) for b, s in branches if _target(b, place, steps) or not _was_before(b, place, steps)]
        others = [(branch, share) for branch, share in branches if _target(branch, place, steps) != place + 1]
        if not others:
            continue
        found.append(row | {"all": branches, "others": others})
    return found


def _decide(
    flow: Flow, at: str, place: int, steps: list[Step], handover: Handover, open_ends: dict[int, list[tuple[str, str]]]
) -> str:
    """Gateways for the decision points after a step."""
    for row in branches_after(place, steps, handover):
        branches = row["all"]
        gate = flow.add("exclusiveGateway", row["rule"] or "No logged field predicts it", sentence(row["why"] or ""))
        flow.join(at, gate)
        others: list[tuple[str, str]] = []
        name = "otherwise"
        for branch, share in branches:
            target = _target(branch, place, steps)
            label = f"{share:.0%}"
            if target == place + 1:
                name = label
            elif target is not None:
                open_ends.setdefault(target, []).append((gate, label))
            else:
                other = flow.add(
                    "userTask", branch, "Not in this way; see exceptions.", lane=len(others) + 1, beside=bool(others)
                )
                flow.join(gate, other, label)
                others.append((other, ""))
        if others:
            end = flow.add("exclusiveGateway", "")
            flow.join(gate, end, name)
            for source, empty in others:
                flow.join(source, end, empty)
            at = end
        else:
            at = gate
    return at


def _name_of_way_on(flow: Flow, at: str, step: Step) -> str:
    node = next(node for node in flow.nodes if node.id == at)
    if node.kind != "exclusiveGateway" or not node.name or node.name == "Once more?":
        return ""
    return f"{step['share']:.0%}" if step["block"] is not None else ""


def _routed(flow: Flow) -> Flow:
    """Straight lines to the neighbour; arcs over the steps where flows jump ahead, under them where they go back."""
    at = {node.id: node for node in flow.nodes}
    edges = []
    for number, edge in enumerate(flow.edges):
        source, target = at[edge.source], at[edge.target]
        (sx, sy), (tx, ty) = source.centre, target.centre
        half, other = source.size[0] // 2, target.size[0] // 2
        if source.lane != target.lane:
            points = [(sx, sy + source.size[1] // 2), (sx, ty), (tx - other, ty)] if target.lane else [
                (sx + half, sy), (tx, sy), (tx, ty + target.size[1] // 2)]  # fmt: skip
        elif target.column == source.column + 1:
            points = [(sx + half, sy), (tx - other, ty)]
        else:
            ahead = target.column > source.column
            far = (-1 if ahead else 1) * (90 + 18 * (number % 6))
            rim = -1 if ahead else 1
            points = [
                (sx, sy + rim * source.size[1] // 2),
                (sx, sy + far),
                (tx, ty + far),
                (tx, ty + rim * target.size[1] // 2),
            ]
        edges.append(Edge(edge.id, edge.source, edge.target, edge.name, tuple(points)))
    return Flow(flow.nodes, edges, flow.columns)
