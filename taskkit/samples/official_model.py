"""The official flow of the worked example, as a company would draw it: BPMN 2.0 with its layout.

Some real cases leave it, on purpose: invoices are parked, approved or paid in another order, or not paid yet. What the log of
the ERP cannot show: many approvals that should be requested there are asked for by sheet, chat and mail, inside a step.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

_BPMN, _DI = "http://www.omg.org/spec/BPMN/20100524/MODEL", "http://www.omg.org/spec/BPMN/20100524/DI"
_DC, _DD = "http://www.omg.org/spec/DD/20100524/DC", "http://www.omg.org/spec/DD/20100524/DI"
_SIZE = {"task": (110, 64), "exclusiveGateway": (46, 46), "startEvent": (36, 36), "endEvent": (36, 36)}
_ROW, _BELOW = 140, 250  # centres of the two rows, in pixels

# id: kind, name, centre
_NODES: dict[str, tuple[str, str, int, int]] = {
    "start": ("startEvent", "Invoice arrives", 60, _ROW),
    "receive": ("task", "Receive invoice", 175, _ROW),
    "enter": ("task", "Enter invoice", 325, _ROW),
    "with_order": ("exclusiveGateway", "With order?", 440, _ROW),
    "match": ("task", "Match invoice", 555, _ROW),
    "matched": ("exclusiveGateway", "", 655, _ROW),
    "above_limit": ("exclusiveGateway", "Above 2,000 or without order?", 745, _ROW),
    "request": ("task", "Request approval", 855, _BELOW),
    "to_approve": ("exclusiveGateway", "", 965, _ROW),
    "approve": ("task", "Approve invoice", 1075, _ROW),
    "archive": ("task", "Archive document", 1220, _ROW),
    "pay": ("task", "Release payment", 1365, _ROW),
    "end": ("endEvent", "Invoice paid", 1475, _ROW),
}
# source, target, what stands on the flow
_FLOWS = (
    ("start", "receive", ""), ("receive", "enter", ""), ("enter", "with_order", ""), ("with_order", "match", "yes"),
    ("with_order", "matched", "no"), ("match", "matched", ""), ("matched", "above_limit", ""),
    ("above_limit", "request", "yes"), ("above_limit", "to_approve", "no"), ("request", "to_approve", ""),
    ("to_approve", "approve", ""), ("approve", "archive", ""), ("archive", "pay", ""), ("pay", "end", ""),
)  # fmt: skip
_ROUND = ("with_order", "matched")  # passes below the activity between them


def official_model() -> str:
    """Write the official flow of accounts payable as BPMN 2.0, with the places of the drawing.

    Receive, enter; with an order match it; above the limit or without an order request the approval in the ERP; approve,
    archive, and only then pay.

    Returns
    -------
    The file's text, always the same.

    >>> official_model().count("<task ")
    7
    """
    nodes = [
        f"    <{kind} id={quoteattr(node)} name={quoteattr(name)}/>" for node, (kind, name, _, _) in _NODES.items()
    ]
    flows = [
        f'    <sequenceFlow id="flow_{number}" sourceRef={quoteattr(source)} targetRef={quoteattr(target)}'
        + (f" name={quoteattr(name)}/>" if name else "/>")
        for number, (source, target, name) in enumerate(_FLOWS, 1)
    ]
    shapes = [_shape(node) for node in _NODES]
    edges = [_edge(number, source, target) for number, (source, target, _) in enumerate(_FLOWS, 1)]
    return "\n".join([
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<definitions xmlns="{_BPMN}" xmlns:bpmndi="{_DI}" xmlns:dc="{_DC}" xmlns:di="{_DD}" id="official"',
        '    targetNamespace="http://example.org/accounts-payable">',
        '  <process id="accounts_payable" name="accounts payable" isExecutable="false">',
        *nodes, *flows,
        "  </process>",
        '  <bpmndi:BPMNDiagram id="diagram">',
        '    <bpmndi:BPMNPlane id="plane" bpmnElement="accounts_payable">',
        *shapes, *edges,
        "    </bpmndi:BPMNPlane>",
        "  </bpmndi:BPMNDiagram>",
        "</definitions>", "",
    ])  # fmt: skip


def _shape(node: str) -> str:
    kind, _, x, y = _NODES[node]
    width, height = _SIZE[kind]
    bounds = f'<dc:Bounds x="{x - width // 2}" y="{y - height // 2}" width="{width}" height="{height}"/>'
    marker = ' isMarkerVisible="true"' if kind == "exclusiveGateway" else ""
    return (
        f'      <bpmndi:BPMNShape id="shape_{node}" bpmnElement="{node}"{marker}>\n        {bounds}\n'
        "      </bpmndi:BPMNShape>"
    )


def _edge(number: int, source: str, target: str) -> str:
    points = "".join(f'<di:waypoint x="{x}" y="{y}"/>' for x, y in _way(source, target))
    return (
        f'      <bpmndi:BPMNEdge id="edge_{number}" bpmnElement="flow_{number}">\n        {points}\n'
        "      </bpmndi:BPMNEdge>"
    )


def _way(source: str, target: str) -> list[tuple[int, int]]:
    """From border to border, along rows and columns."""
    (kind, _, x, y), (other, _, tx, ty) = _NODES[source], _NODES[target]
    (width, height), (to_width, to_height) = _SIZE[kind], _SIZE[other]
    if (source, target) == _ROUND:
        return [(x, y + height // 2), (x, _BELOW), (tx, _BELOW), (tx, ty + to_height // 2)]
    if y == ty:
        return [(x + width // 2, y), (tx - to_width // 2, ty)]
    if ty > y:
        return [(x, y + height // 2), (x, ty), (tx - to_width // 2, ty)]
    return [(x + width // 2, y), (tx, y), (tx, ty + to_height // 2)]
