"""Standards from files, which are untrusted: BPMN 2.0 XML, and successions as CSV or JSON. Bounded size, all problems named."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import polars as pl

from taskkit.errors import LogFileError, SettingError
from taskkit.variants.standards.model import MAX_PLACES, Standard, standard_of_graph

MAX_BYTES = 16 << 20
MAX_MARKINGS = 20_000  # states of the tokens that are looked at
_STEPS = {
    "task", "userTask", "manualTask", "serviceTask", "scriptTask", "sendTask", "receiveTask", "businessRuleTask",
    "callActivity", "subProcess", "transaction", "adHocSubProcess",
}  # fmt: skip
_ONE_OF = {"exclusiveGateway", "eventBasedGateway"}
_PASSED = {"startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent"}
_NOT_READ = {"inclusiveGateway", "complexGateway", "boundaryEvent"}
_Marking = frozenset[str]


def read_standard(path: str | Path, *, process: str | None = None) -> Standard:
    """Read a standard from a BPMN 2.0 file (.bpmn, .xml) or from a list of allowed successions (.csv, .json).

    Of BPMN, tasks, sequence flows, exclusive and parallel gateways and events are read; a subprocess is one step. Several
    flows out of a task run in parallel, as the norm says. Successions are rows `before`, `after`, empty where a way starts
    or ends, as `count_successions` lists them: CSV columns, or a JSON list of objects or of pairs.

    Parameters
    ----------
    path : the file, at most 16 MB.
    process : id or name of the process, where a BPMN file holds several.

    Returns
    -------
    A `Standard`; its name is the process's, or the file's.

    Raises
    ------
    LogFileError : the file cannot be read as one; all problems are listed.

    References
    ----------
    OMG, Business Process Model and Notation 2.0.2 (2014), section 13.

    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "pay.csv"
    >>> _ = file.write_text("before,after\\n,open\\nopen,save\\nsave,\\n")
    >>> read_standard(file).steps
    ('open', 'save')
    """
    path = Path(path)
    if not path.is_file():
        raise LogFileError(f"{path}: no such file. Give a BPMN file (.bpmn, .xml) or successions (.csv, .json).")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise LogFileError(f"{path} has {size >> 20} MB; a standard has at most {MAX_BYTES >> 20} MB.")
    kind = path.suffix.lower()
    if kind not in (".bpmn", ".xml", ".csv", ".json"):
        raise LogFileError(f"{path}: a standard is read from .bpmn, .xml, .csv or .json, not from {kind or 'this'!r}.")
    try:
        if kind in (".bpmn", ".xml"):
            return _read_bpmn(path, process)
        pairs = _csv_pairs(path) if kind == ".csv" else _json_pairs(path)
        return standard_of_pairs(pairs, name=path.stem, source=f"successions in {path.name}")
    except SettingError as error:
        raise LogFileError(f"{path}: {error}") from error


def standard_of_pairs(pairs: list[tuple[str | None, str | None]], *, name: str, source: str) -> Standard:
    """A standard whose places are the steps themselves; without a start or end given, it is where nothing comes before or after."""
    steps: dict[Hashable, str] = {step: step for pair in pairs for step in pair if step is not None}
    every: list[tuple[Hashable | None, Hashable | None]] = list(pairs)
    if not any(a is None for a, _ in pairs):
        every += [(None, step) for step in steps if step not in {b for a, b in pairs if a != b}]
    if not any(b is None for _, b in pairs):
        every += [(step, None) for step in steps if step not in {a for a, b in pairs if a != b}]
    return standard_of_graph(name, source, every, steps)


def _csv_pairs(path: Path) -> list[tuple[str | None, str | None]]:
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise LogFileError(f"{path} cannot be read as CSV in UTF-8: {error}") from error
    missing = [name for name in ("before", "after") if name not in table.columns]
    if missing:
        raise LogFileError(f"{path} has no column {', '.join(missing)}; found: {', '.join(table.columns[:12])}.")
    clean = pl.col("before", "after").str.strip_chars().replace("", None)
    return [(a, b) for a, b in table.select(clean).iter_rows() if a is not None or b is not None]


def _json_pairs(path: Path) -> list[tuple[str | None, str | None]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise LogFileError(f"{path} is no JSON in UTF-8: {error}.") from error
    rows = content if isinstance(content, list) else [content]
    pairs: list[tuple[str | None, str | None]] = []
    wrong = []
    for number, row in enumerate(rows, 1):
        pair: Any = (row.get("before"), row.get("after")) if isinstance(row, dict) else row
        if (
            not isinstance(pair, (list, tuple))
            or len(pair) != 2
            or not all(p is None or isinstance(p, str) for p in pair)
        ):
            wrong.append(str(number))
        elif pair[0] or pair[1]:
            pairs.append((pair[0] or None, pair[1] or None))
    if wrong:
        raise LogFileError(
            f"{path}: entries {', '.join(wrong[:10])}{' …' if len(wrong) > 10 else ''} are no successions. Allowed: a list of "
            '{"before": "a", "after": "b"} or ["a", "b"], null for start and end.'
        )
    return pairs


def _read_bpmn(path: Path, wanted: str | None) -> Standard:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import parse

    try:
        root = parse(path, forbid_dtd=True).getroot()
    except DefusedXmlException as error:
        raise LogFileError(
            f"{path} declares a document type or entities. BPMN needs neither, so it is not read."
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise LogFileError(f"{path} is not complete, well-formed XML: {error}. Export it again.") from error
    if _tag(root) != "definitions":
        raise LogFileError(
            f"{path}: the outermost element is <{_tag(root)}>, not <definitions>: this is no BPMN 2.0 file."
        )
    found = [e for e in root if _tag(e) == "process" and any(_tag(c) in _STEPS for c in e)]
    chosen = [e for e in found if wanted is None or wanted in (e.get("id"), e.get("name"))]
    if len(chosen) != 1:
        names = ", ".join(repr(e.get("name") or e.get("id")) for e in found)
        raise LogFileError(f"{path} holds {len(found)} processes with tasks{f': {names}' if names else ''}. "
                           f"Exactly one is read; choose it with process=.")  # fmt: skip
    name = chosen[0].get("name") or path.stem
    return _Net(path, chosen[0]).standard(name)


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


class _Net:
    """The flows of one process, and the game of its tokens."""

    def __init__(self, path: Path, process: Element) -> None:
        self.path = path
        self.kinds = {
            str(e.get("id")): _tag(e) for e in process if _tag(e) in _STEPS | _ONE_OF | _PASSED | {"parallelGateway"}
        }
        self.names = {str(e.get("id")): " ".join((e.get("name") or "").split()) for e in process}
        self.into: dict[str, list[str]] = {node: [] for node in self.kinds}
        self.out: dict[str, list[str]] = {node: [] for node in self.kinds}
        self.target: dict[str, str] = {}
        problems = [f"{_tag(e)} {e.get('id')!r} is not understood" for e in process if _tag(e) in _NOT_READ]
        problems += [f"{k} {n!r} has no name" for n, k in self.kinds.items() if k in _STEPS and not self.names[n]]
        for number, flow in enumerate(e for e in process if _tag(e) == "sequenceFlow"):
            source, target = flow.get("sourceRef"), flow.get("targetRef")
            unknown = [repr(end) for end in (source, target) if end not in self.kinds]
            if unknown:
                problems.append(f"sequenceFlow {flow.get('id')!r} joins {', '.join(unknown)}, which is not read")
                continue
            key = f"{number}"
            self.out[str(source)].append(key)
            self.into[str(target)].append(key)
            self.target[key] = str(target)
        if "startEvent" not in self.kinds.values():
            problems.append("there is no startEvent")
        if problems:
            raise LogFileError(f"{path} cannot be read as a standard: {'; '.join(problems)}.")

    def standard(self, name: str) -> Standard:
        """Every task in every state of the tokens is one place."""
        begin: list[_Marking] = [frozenset(self.out[n]) for n, kind in self.kinds.items() if kind == "startEvent"]
        steps: dict[Hashable, str] = {}
        pairs: list[tuple[Hashable | None, Hashable | None]] = []
        waiting: list[tuple[Hashable | None, _Marking]] = [(None, marking) for marking in begin]
        looked = 0
        while waiting:
            place, marking = waiting.pop(0)
            for state in self._silently(marking):
                looked += 1
                if not state and place is not None:
                    pairs.append((place, None))
                for node, after in self._steps(state):
                    following = (node, after)
                    pairs.append((place, following))
                    if following not in steps:
                        steps[following] = self.names[node]
                        waiting.append((following, after))
            if looked > MAX_MARKINGS or len(steps) > MAX_PLACES:
                raise LogFileError(
                    f"{self.path} has too many parallel branches: more than {MAX_PLACES} places. Allowed: about 7 tasks "
                    "in parallel."
                )
        return standard_of_graph(name, f"BPMN in {self.path.name}", pairs, steps)

    def _silently(self, marking: _Marking) -> list[_Marking]:
        """The states that gateways and events reach by themselves, the first included."""
        found, waiting = {marking: None}, [marking]
        while waiting and len(found) <= MAX_MARKINGS:
            state = waiting.pop()
            for after in self._passes(state):
                if after not in found:
                    found[after] = None
                    waiting.append(after)
        return list(found)

    def _passes(self, state: _Marking) -> Iterator[_Marking]:
        for node in sorted({self.target[flow] for flow in state}):
            kind, here = self.kinds[node], [flow for flow in self.into[node] if flow in state]
            if kind in _STEPS:
                continue
            if kind == "parallelGateway":
                if len(here) == len(self.into[node]):
                    yield self._moved(state, here, self.out[node])
                continue
            for flow in here:
                for chosen in [[f] for f in self.out[node]] if kind in _ONE_OF and self.out[node] else [self.out[node]]:
                    yield self._moved(state, [flow], chosen)

    def _steps(self, state: _Marking) -> Iterator[tuple[str, _Marking]]:
        for flow in sorted(state, key=int):
            node = self.target[flow]
            if self.kinds[node] in _STEPS:
                yield node, self._moved(state, [flow], self.out[node])

    def _moved(self, state: _Marking, taken: list[str], given: list[str]) -> _Marking:
        left = state.difference(taken)
        if twice := left.intersection(given):
            node = self.target[min(twice, key=int)]
            raise LogFileError(
                f"{self.path}: two tokens can meet before {self.names.get(node) or node!r}. Close parallel branches with a "
                "parallel gateway before they are merged."
            )
        return left.union(given)
