"""The way as BPMN 2.0 XML, with where everything is drawn."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent, register_namespace

from taskkit.errors import SettingError
from taskkit.handover.contents import Handover
from taskkit.handover.document import plain_text
from taskkit.handover.flow import Flow, Node, draw_flow

_MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
_DI = "http://www.omg.org/spec/BPMN/20100524/DI"
_DC = "http://www.omg.org/spec/DD/20100524/DC"
_WAY = "http://www.omg.org/spec/DD/20100524/DI"
_TARGET = "urn:taskkit:handover"
_ENDINGS = (".bpmn", ".xml")


def write_bpmn(handover: Handover, path: str | Path) -> Path:
    """Write the way as a BPMN 2.0 diagram that modelling tools open and `read_standard` reads.

    Steps whose value a rule gives are script tasks, steps without an application manual tasks, all others user tasks. Where
    steps are left out, repeated or decided, exclusive gateways stand; a decision's gateway is named by its rule.

    Parameters
    ----------
    handover : from `describe_work` or `document_session`.
    path : the file, .bpmn or .xml.

    Returns
    -------
    The path.

    Raises
    ------
    SettingError : another ending.

    References
    ----------
    OMG, Business Process Model and Notation 2.0.2 (2014).

    >>> import pathlib, tempfile, polars as pl, taskkit as tk
    >>> from taskkit.handover import document_session, write_bpmn
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 5], "what": ["copy", "paste"], "app": ["mail", "erp"]}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> file = write_bpmn(document_session(tk.name_activities(log)), pathlib.Path(tempfile.mkdtemp()) / "steps.bpmn")
    >>> tk.read_standard(file).steps
    ('copy mail', 'paste erp')
    """
    path = Path(path)
    if path.suffix.lower() not in _ENDINGS:
        raise SettingError(
            f"{path.name}: BPMN is written as {' or '.join(_ENDINGS)}, not as {path.suffix or 'this'!r}."
        )
    flow = draw_flow(handover)
    for prefix, address in (("bpmn", _MODEL), ("bpmndi", _DI), ("dc", _DC), ("di", _WAY)):
        register_namespace(prefix, address)
    root = Element(f"{{{_MODEL}}}definitions", {
        "id": "definitions", "targetNamespace": _TARGET, "exporter": "taskkit", "exporterVersion": "1",
    })  # fmt: skip
    process = SubElement(root, f"{{{_MODEL}}}process", {
        "id": "process", "name": plain_text(handover.title), "isExecutable": "false",
    })  # fmt: skip
    _add_process(process, flow)
    _add_diagram(root, flow)
    indent(root)
    ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return path


def _add_process(process: Element, flow: Flow) -> None:
    for node in flow.nodes:
        element = SubElement(process, f"{{{_MODEL}}}{node.kind}", {"id": node.id, **_named(node.name)})
        if node.said:
            SubElement(element, f"{{{_MODEL}}}documentation").text = plain_text(node.said)
        into = [edge.id for edge in flow.edges if edge.target == node.id]
        out = [edge.id for edge in flow.edges if edge.source == node.id]
        if node.kind == "exclusiveGateway":
            ways = "Diverging" if len(into) <= 1 else "Converging" if len(out) <= 1 else "Mixed"
            element.set("gatewayDirection", ways)
        for incoming in into:
            SubElement(element, f"{{{_MODEL}}}incoming").text = incoming
        for outgoing in out:
            SubElement(element, f"{{{_MODEL}}}outgoing").text = outgoing
    for edge in flow.edges:
        ends = {"id": edge.id, "sourceRef": edge.source, "targetRef": edge.target, **_named(edge.name)}
        SubElement(process, f"{{{_MODEL}}}sequenceFlow", ends)


def _named(name: str) -> dict[str, str]:
    return {"name": plain_text(name)} if name else {}


def _add_diagram(root: Element, flow: Flow) -> None:
    diagram = SubElement(root, f"{{{_DI}}}BPMNDiagram", {"id": "diagram"})
    plane = SubElement(diagram, f"{{{_DI}}}BPMNPlane", {"id": "plane", "bpmnElement": "process"})
    for node in flow.nodes:
        marked = {"isMarkerVisible": "true"} if node.kind == "exclusiveGateway" else {}
        shape = SubElement(plane, f"{{{_DI}}}BPMNShape", {"id": f"{node.id}_shape", "bpmnElement": node.id, **marked})
        _add_bounds(shape, node)
    for edge in flow.edges:
        line = SubElement(plane, f"{{{_DI}}}BPMNEdge", {"id": f"{edge.id}_edge", "bpmnElement": edge.id})
        for x, y in edge.points:
            SubElement(line, f"{{{_WAY}}}waypoint", {"x": str(x), "y": str(y)})


def _add_bounds(shape: Element, node: Node) -> None:
    (x, y), (wide, high) = node.centre, node.size
    at = {"x": str(x - wide // 2), "y": str(y - high // 2), "width": str(wide), "height": str(high)}
    SubElement(shape, f"{{{_DC}}}Bounds", at)
    if node.kind.endswith("Gateway") and node.name:
        label = SubElement(shape, f"{{{_DI}}}BPMNLabel")
        # below and to the left, beside the line that leads down
        at = {"x": str(x - 98), "y": str(y + 28), "width": "92", "height": "70"}
        SubElement(label, f"{{{_DC}}}Bounds", at)
