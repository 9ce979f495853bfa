"""The diagram: complete, drawn, and read back by other tools with the same numbers."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import Element, parse

import polars as pl
import pytest

import taskkit as tk
from taskkit.errors import SettingError
from taskkit.handover import Handover, describe_work, document_session, write_bpmn
from tests.handover_frames import Row, button, enter_invoice, record, shown, write

BPMN, DI, DC = (
    f"{{http://www.omg.org/spec/{name}}}" for name in ("BPMN/20100524/MODEL", "BPMN/20100524/DI", "DD/20100524/DC")
)
WAYPOINT = "{http://www.omg.org/spec/DD/20100524/DI}waypoint"
TASKS = ("userTask", "scriptTask", "manualTask")


def looped(number: int) -> list[Row]:
    """A loop with an optional step behind it."""
    line = [shown("Line", f"a{number}"), write("Item", "item", f"a{number}")]
    note = [write("Note", "note", f"n{number}"), button("Attach", "attach")] if number % 2 else []
    return [button("Open", "open"), *line * 3, *note, button("Save", "save")]


def parked(number: int) -> list[Row]:
    """Some executions have a step that is not in the way."""
    rows = enter_invoice(number)
    return [*rows, button("Park")] if number % 4 == 1 else rows


DECISION = pl.DataFrame({
    "task_id": ["T01"], "after": ["type into Tax code · Invoice - Enter - Horizon ERP"],
    "branches": [["type into G/L account · Invoice - Enter - Horizon ERP", "click Park · Invoice - Enter - Horizon ERP", "(end)"]],
    "shares": [[0.7, 0.2, 0.1]], "rule": ["if chrome › Country is <new> & rare then click Park"], "fields": [["chrome › Country"]],
    "accuracy": [0.95], "baseline": [0.7], "exceptions": [2], "segments": [42], "people": [7], "why": [None],
})  # fmt: skip


@pytest.fixture(scope="module", params=["plain", "loop", "decision", "recording"])
def work(request: pytest.FixtureRequest) -> Handover:
    if request.param == "recording":
        return document_session(record(executions=2, people=1)[0])
    events, segments = record(make=looped if request.param == "loop" else parked)
    decisions = DECISION if request.param == "decision" else None
    return describe_work(events, segments, task_id="T01", decisions=decisions)


@pytest.fixture
def process(work: Handover, tmp_path: Path) -> Element:
    found = parse(write_bpmn(work, tmp_path / "work.bpmn")).getroot().find(f"{BPMN}process")
    assert found is not None
    return found


def nodes_of(process: Element) -> dict[str, Element]:
    return {str(e.get("id")): e for e in process if not e.tag.endswith("sequenceFlow")}


def flows_of(process: Element) -> list[tuple[str, str]]:
    return [(str(e.get("sourceRef")), str(e.get("targetRef"))) for e in process.iter(f"{BPMN}sequenceFlow")]


def test_every_step_is_a_task(work: Handover, process: Element) -> None:
    names = [node.get("name") for node in process if node.tag.removeprefix(BPMN) in TASKS]
    steps = [" ".join(text.split()) for text in work.steps["activity"]]
    assert [name for name in names if name in steps] == steps


def test_flows_join_what_is_there_and_nodes_list_them(process: Element) -> None:
    nodes = nodes_of(process)
    for flow in process.iter(f"{BPMN}sequenceFlow"):
        source, target = nodes[str(flow.get("sourceRef"))], nodes[str(flow.get("targetRef"))]
        assert flow.get("id") in [e.text for e in source.findall(f"{BPMN}outgoing")]
        assert flow.get("id") in [e.text for e in target.findall(f"{BPMN}incoming")]


def test_only_gateways_part_and_join(process: Element) -> None:
    into, out = Counter(b for _, b in flows_of(process)), Counter(a for a, _ in flows_of(process))
    for name, node in nodes_of(process).items():
        kind = node.tag.removeprefix(BPMN)
        expected = {"startEvent": (0, 1), "endEvent": (1, 0)}.get(kind, (1, 1))
        if kind != "exclusiveGateway":
            assert (into[name], out[name]) == expected, name
        else:
            assert into[name] + out[name] >= 3, name


def test_everything_lies_between_start_and_end(process: Element) -> None:
    flows, nodes = flows_of(process), nodes_of(process)
    for begin, pairs in (("start_1", flows), ("end_1", [(b, a) for a, b in flows])):
        seen, waiting = {begin}, [begin]
        while waiting:
            at = waiting.pop()
            waiting += [b for a, b in pairs if a == at and b not in seen]
            seen |= {b for a, b in pairs if a == at}
        assert seen == set(nodes)


def test_everything_is_drawn_and_nothing_lies_on_something_else(work: Handover, tmp_path: Path) -> None:
    root = parse(write_bpmn(work, tmp_path / "work.bpmn")).getroot()
    process = root.find(f"{BPMN}process")
    assert process is not None
    shapes = {e.get("bpmnElement"): e.find(f"{DC}Bounds") for e in root.iter(f"{DI}BPMNShape")}
    assert set(shapes) == set(nodes_of(process))
    boxes = [
        tuple(int(b.get(name) or -1) for name in ("x", "y", "width", "height"))
        for b in shapes.values()
        if b is not None
    ]
    for i, (x, y, wide, high) in enumerate(boxes):
        assert min(x, y, wide, high) >= 0
        for other_x, other_y, other_wide, other_high in boxes[:i]:
            apart = x + wide <= other_x or other_x + other_wide <= x or y + high <= other_y or other_y + other_high <= y
            assert apart
    lines = {e.get("bpmnElement"): len(e.findall(WAYPOINT)) for e in root.iter(f"{DI}BPMNEdge")}
    assert set(lines) == {e.get("id") for e in process.iter(f"{BPMN}sequenceFlow")}
    assert min(lines.values()) >= 2


def test_pm4py_reads_the_same_numbers(work: Handover, process: Element, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pm4py

        read = pm4py.read_bpmn(str(write_bpmn(work, tmp_path / "work.bpmn")))
    kinds = Counter(type(node).__name__.lower() for node in read.get_nodes())
    own = Counter(node.tag.removeprefix(BPMN).lower() for node in nodes_of(process).values())
    assert kinds["exclusivegateway"] == own["exclusivegateway"]
    assert sum(kinds[name.lower()] for name in (*TASKS, "Task")) == sum(own[name.lower()] for name in TASKS)
    assert len(read.get_flows()) == len(flows_of(process))


def test_it_can_be_read_as_a_standard(work: Handover, tmp_path: Path) -> None:
    standard = tk.read_standard(write_bpmn(work, tmp_path / "work.bpmn"))
    assert {" ".join(text.split()) for text in work.steps["activity"]} <= set(standard.steps)


def test_values_that_a_rule_gives_are_script_tasks(tmp_path: Path) -> None:
    work = describe_work(*record(), task_id="T01")
    root = parse(write_bpmn(work, tmp_path / "work.bpmn")).getroot()
    ruled = work.steps.filter(pl.col("kind").is_not_null() & (pl.col("kind") != "judgement"))["activity"].to_list()
    assert [e.get("name") for e in root.iter(f"{BPMN}scriptTask")] == ruled
    assert len(ruled) == 6


def test_a_decision_is_a_gateway_named_by_its_rule(tmp_path: Path) -> None:
    work = describe_work(*record(make=parked), task_id="T01", decisions=DECISION)
    process = parse(write_bpmn(work, tmp_path / "work.bpmn")).getroot().find(f"{BPMN}process")
    assert process is not None
    nodes = nodes_of(process)
    gate = next(
        name
        for name, node in nodes.items()
        if node.get("name") == "if chrome › Country is <new> & rare then click Park"
    )
    after = [nodes[target] for source, target in flows_of(process) if source == gate]
    assert next(node.get("name") for node in after) == "click Park · Invoice - Enter - Horizon ERP"
    assert len(after) == 3  # the way on, the other step, the end


def test_a_loop_goes_back(tmp_path: Path) -> None:
    work = describe_work(*record(make=looped), task_id="T01")
    process = parse(write_bpmn(work, tmp_path / "work.bpmn")).getroot().find(f"{BPMN}process")
    assert process is not None
    order = list(nodes_of(process))
    assert [(a, b) for a, b in flows_of(process) if order.index(b) < order.index(a)] == [("gateway_2", "gateway_1")]


def test_other_endings_are_refused(tmp_path: Path) -> None:
    work = document_session(record(executions=2, people=1)[0])
    with pytest.raises(SettingError, match=r"\.bpmn or \.xml"):
        write_bpmn(work, tmp_path / "work.png")
