"""Official models: a BPMN file as nodes and flows with their places, the ways it allows, and a net for tokens."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import polars as pl

from taskkit.variants.standards import Standard, read_standard

_KINDS = {
    "startEvent": "start", "endEvent": "end", "intermediateCatchEvent": "event", "intermediateThrowEvent": "event",
    "exclusiveGateway": "one of", "eventBasedGateway": "one of", "parallelGateway": "all of",
}  # fmt: skip
_ACTIVITIES = (
    "task", "userTask", "manualTask", "serviceTask", "scriptTask", "sendTask", "receiveTask", "businessRuleTask",
    "callActivity", "subProcess", "transaction", "adHocSubProcess",
)  # fmt: skip
_NODES = pl.Schema({"node": pl.String, "kind": pl.String, "name": pl.String, "x": pl.Float64, "y": pl.Float64,
                    "width": pl.Float64, "height": pl.Float64})  # fmt: skip
_PLACES = pl.List(pl.Float64())
_FLOW: dict[str, pl.DataType] = {
    "flow": pl.UInt32(), "source": pl.String(), "target": pl.String(), "name": pl.String(), "xs": _PLACES, "ys": _PLACES,
}  # fmt: skip
_FLOWS = pl.Schema(_FLOW)


@dataclass(frozen=True, eq=False)
class OfficialModel:
    """The official flow of a process: its drawing, and the ways that it allows.

    `nodes`: `node`, `kind` (activity, start, end, event, "one of", "all of"), `name`, `x` and `y` of the centre, `width`,
    `height` (null where the file has no drawing). `flows`: `flow`, `source`, `target`, `name`, `xs`, `ys` (the points of
    the line; empty without a drawing).
    """

    name: str
    source: str
    standard: Standard
    nodes: pl.DataFrame
    flows: pl.DataFrame
    one_token: bool = False  # made of a standard: a node with several flows out is a choice, not a split

    @property
    def activities(self) -> list[str]:
        """The activities in the order in which the model reaches them."""
        return list(dict.fromkeys(self.standard.steps))

    def __repr__(self) -> str:
        return f"OfficialModel({self.name!r}, {self.source!r}, {len(self.activities)} activities)"


@dataclass(frozen=True)
class Step:
    """A transition of the net: takes a token from every place in `takes` and puts one into every place in `gives`."""

    label: str | None  # null: silent
    takes: tuple[int, ...]
    gives: tuple[int, ...]


SOURCE, SINK = 0, 1  # places of the net


def read_model(path: str | Path, *, process: str | None = None) -> OfficialModel:
    """Read the official flow of a process: a BPMN 2.0 file with its drawing, or a list of allowed successions.

    The file is checked by `read_standard`, which says what is understood; the places of the drawing are read in addition
    where the file has them.

    Parameters
    ----------
    path : .bpmn or .xml (BPMN 2.0), .csv or .json (successions).
    process : id or name of the process, where a BPMN file holds several.

    Returns
    -------
    An `OfficialModel`.

    Raises
    ------
    LogFileError : the file cannot be read as one; all problems are listed.

    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from taskkit.samples.official_model import official_model
    >>> file = Path(mkdtemp()) / "official.bpmn"
    >>> _ = file.write_text(official_model())
    >>> read_model(file).activities[:3]
    ['Receive invoice', 'Enter invoice', 'Match invoice']
    """
    path = Path(path)
    standard = read_standard(path, process=process)
    if path.suffix.lower() not in (".bpmn", ".xml"):
        return model_of(standard)
    from defusedxml.ElementTree import parse

    root = parse(path, forbid_dtd=True).getroot()
    found = [e for e in root if _tag(e) == "process" and any(_tag(c) in _ACTIVITIES for c in e)]
    chosen = next(e for e in found if process is None or process in (e.get("id"), e.get("name")))
    nodes, flows = _drawing(root, chosen)
    return OfficialModel(standard.name, standard.source, standard, nodes, flows)


def model_of(model: str | Path | Standard | OfficialModel) -> OfficialModel:
    """The official model behind a path or a standard; a standard's places become the activities."""
    if isinstance(model, OfficialModel):
        return model
    if not isinstance(model, Standard):
        return read_model(model)
    nodes = [("start", "start", ""), *((f"{i}", "activity", s) for i, s in enumerate(model.steps)), ("end", "end", "")]
    pairs = [("start", f"{i}") for i in sorted(set(model.starts))]
    pairs += [(f"{a}", f"{b}") for a, b in sorted(set(model.successions))]
    pairs += [(f"{i}", "end") for i in sorted(set(model.ends))]
    drawn = pl.DataFrame([(*n, None, None, None, None) for n in nodes], schema=_NODES, orient="row")
    flows = pl.DataFrame([(i, a, b, "", [], []) for i, (a, b) in enumerate(pairs)], schema=_FLOWS, orient="row")
    return OfficialModel(model.name, model.source, model, drawn, flows, one_token=True)


def net_of(model: OfficialModel) -> list[Step]:
    """The net of the model: a place for every flow, a transition for every activity, silent ones for the rest.

    A choice is one silent transition for every way through it; a model without a drawing of its own is a net in which one
    token goes from place to place.
    """
    return list(_machine_steps(model.standard) if model.one_token else _bpmn_steps(model))


def _bpmn_steps(model: OfficialModel) -> Iterator[Step]:
    into: dict[str, list[int]] = {}
    out: dict[str, list[int]] = {}
    for number, source, target in model.flows.select("flow", "source", "target").iter_rows():
        place = number + 2  # after the source and the sink
        out.setdefault(source, []).append(place)
        into.setdefault(target, []).append(place)
    ends = count(model.flows.height + 2)
    free = SINK
    for node, kind, name in model.nodes.select("node", "kind", "name").iter_rows():
        before, after = into.get(node, []), tuple(out.get(node, []))
        label = name if kind == "activity" else None
        if kind == "start":
            yield Step(None, (SOURCE,), after)
        elif kind == "all of" and after:
            yield Step(None, tuple(before), after)
        elif kind == "one of" and after:
            yield from (Step(None, (here,), (there,)) for here in before for there in after)
        else:
            for here in before:
                if after:
                    yield Step(label, (here,), after)
                else:  # a place of its own for every end, so that branches may end apart
                    yield Step(label, (here,), (free,))
                    free = next(ends)


def _machine_steps(standard: Standard) -> Iterator[Step]:
    for place in sorted(set(standard.starts)):
        yield Step(standard.steps[place], (SOURCE,), (place + 2,))
    for here, there in sorted(set(standard.successions)):
        yield Step(standard.steps[there], (here + 2,), (there + 2,))
    for place in sorted(set(standard.ends)):
        yield Step(None, (place + 2,), (SINK,))


def _drawing(root: Element, process: Element) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Nodes and flows of the process, with the places of its diagram."""
    bounds, lines = {}, {}
    for element in root.iter():
        if _tag(element) == "BPMNShape":
            box = next((c for c in element if _tag(c) == "Bounds"), None)
            if box is not None and (place := _numbers([box.get(n) for n in ("x", "y", "width", "height")])):
                x, y, width, height = place
                bounds[element.get("bpmnElement")] = (x + width / 2, y + height / 2, width, height)
        elif _tag(element) == "BPMNEdge":
            points = [_numbers([c.get("x"), c.get("y")]) for c in element if _tag(c) == "waypoint"]
            if len(points) > 1 and all(points):
                lines[element.get("bpmnElement")] = points
    nodes: list[tuple[Any, ...]] = []
    flows: list[tuple[Any, ...]] = []
    for element in process:
        kind = "activity" if _tag(element) in _ACTIVITIES else _KINDS.get(_tag(element))
        if kind is not None:
            name = " ".join((element.get("name") or "").split())
            nodes.append((element.get("id"), kind, name, *bounds.get(element.get("id"), (None,) * 4)))
        elif _tag(element) == "sequenceFlow":
            name = " ".join((element.get("name") or "").split())
            points = lines.get(element.get("id"), [])
            flows.append((len(flows), element.get("sourceRef"), element.get("targetRef"), name,
                          [p[0] for p in points], [p[1] for p in points]))  # fmt: skip
    return pl.DataFrame(nodes, schema=_NODES, orient="row"), pl.DataFrame(flows, schema=_FLOWS, orient="row")


def _numbers(texts: list[str | None]) -> list[float]:
    """The numbers, or an empty list if one is none: a drawing that cannot be read is none."""
    try:
        numbers = [float(text or "") for text in texts]
    except ValueError:
        return []
    return numbers if all(math.isfinite(n) and abs(n) < 1e6 for n in numbers) else []


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
