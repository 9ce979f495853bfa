"""A model of the process from its log: pm4py's inductive miner finds its blocks, here they become plain frames."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

import polars as pl

from taskkit.errors import SettingError
from taskkit.overlay.optional import import_pm4py
from taskkit.schema import require_columns

START, END = "start", "end"
NODES = pl.Schema({"node": pl.String, "kind": pl.String, "name": pl.String})
EDGES = pl.Schema({"before": pl.String, "after": pl.String, "back": pl.Boolean})


class ProcessModel(NamedTuple):
    """A model as BPMN: its nodes, the flows between them, and how much of the log it allows."""

    nodes: pl.DataFrame
    edges: pl.DataFrame
    noise: float
    fitting: float | None


def discover_model(process: pl.DataFrame, *, noise: float = 0.2) -> ProcessModel:
    """Discover a model of the process, sound by construction: blocks in sequence, choice, parallel or loop.

    Parameters
    ----------
    process : one row per process event.
    noise : where no clear order is found, successions under this part of the most frequent one after the same activity
        are left out; 0 (all are kept) to 1.

    Returns
    -------
    `nodes`, one row per node: `node` (its number as text, `start` and `end`), `kind` (`start`, `end`, `task`,
    `exclusive`: one of the ways, `parallel`: all of them), `name` (activity of a task, else null). `edges`, one row per
    flow: `before`, `after`, `back` (Boolean: it leads back in a loop). `noise` as given; `fitting` (part of the cases
    that the model replays without a deviation; null for a log without cases).

    Raises
    ------
    MissingExtraError : pm4py is not installed.
    SettingError : `noise` is not between 0 and 1.

    References
    ----------
    Leemans, Fahland & van der Aalst (2014), Discovering block-structured process models from event logs containing
    infrequent behaviour.

    >>> import datetime as dt
    >>> at = [dt.datetime(2026, 3, 2, hour, tzinfo=dt.UTC) for hour in (8, 9)]
    >>> log = pl.DataFrame({"case_id": ["c", "c"], "activity": ["Enter", "Approve"], "timestamp": at})
    >>> discover_model(log).nodes["name"].drop_nulls().to_list()
    ['Enter', 'Approve']
    """
    require_columns(process, "case_id", "activity", "timestamp", made_by="read_process_log")
    if not 0 <= noise <= 1:
        raise SettingError(f"noise is {noise:g}; allowed: 0 (everything is kept) to 1.")
    pm4py = import_pm4py(needed_for="A discovered model")
    traces = _traces(process)
    if traces.is_empty():
        return ProcessModel(pl.DataFrame(schema=NODES), pl.DataFrame(schema=EDGES), noise, None)
    tree = pm4py.discover_process_tree_inductive(_table(traces), noise_threshold=noise, **_COLUMNS)
    nodes, edges = _as_bpmn(_plain(tree))
    return ProcessModel(nodes, edges, noise, _fitting(pm4py, tree, traces))


_COLUMNS = {"case_id_key": "case_id", "activity_key": "activity", "timestamp_key": "timestamp"}
_KINDS = {"->": "sequence", "X": "exclusive", "+": "parallel", "*": "loop", "O": "exclusive", "<>": "parallel"}


class _Block(NamedTuple):
    kind: str  # task, skip, sequence, exclusive, parallel, loop
    name: str
    parts: tuple[_Block, ...]


def _traces(process: pl.DataFrame) -> pl.DataFrame:
    """One row per different order of activities, with the number of its cases, in an order that the rows do not decide."""
    if "lifecycle" in process.columns:
        completed = pl.col("lifecycle").str.to_lowercase() == "complete"
        process = process.filter(completed.fill_null(True) | ~completed.any())
    ordered = process.sort("case_id", "timestamp", maintain_order=True)
    traces = ordered.group_by("case_id", maintain_order=True).agg("activity")
    return traces.group_by("activity").agg(cases=pl.len()).sort(pl.col("activity").list.join("\n"))


def _table(traces: pl.DataFrame) -> Any:
    """The log for pm4py, without times, names or any other column: each order as often as it occurs."""
    import pandas as pd  # type: ignore[import-untyped]  # no stubs are installed for it

    cases = traces.select(pl.col("activity").repeat_by("cases")).explode("activity", empty_as_null=True)
    rows = cases.with_row_index("case_id").explode("activity", empty_as_null=True).with_row_index("place")
    moment = pl.datetime(2000, 1, 1, time_zone="UTC") + pl.duration(seconds=pl.col("place"))
    named = rows.select(pl.col("case_id").cast(pl.String).str.zfill(10), "activity", timestamp=moment)
    return pd.DataFrame({name: pd.Series(named[name].to_list()) for name in named.columns})


def _fitting(pm4py: Any, tree: Any, traces: pl.DataFrame) -> float:
    """Part of the cases that token-based replay finds no deviation in; each order is replayed once."""
    net, first, last = pm4py.convert_to_petri_net(tree)
    once = _table(traces.with_columns(cases=pl.lit(1, pl.UInt32)))
    replayed = pm4py.conformance_diagnostics_token_based_replay(once, net, first, last, **_COLUMNS)
    fits = pl.Series([bool(each["trace_is_fit"]) for each in replayed], dtype=pl.Boolean)
    return float((traces["cases"] * fits).sum()) / float(traces["cases"].sum())


def _plain(tree: Any) -> _Block:
    """The tree of pm4py as blocks of our own; what has no order is sorted by name, so that the same log gives the same."""
    if tree.operator is None:
        return _Block("task", str(tree.label), ()) if tree.label is not None else _Block("skip", "", ())
    kind = _KINDS[tree.operator.value]
    parts = tuple(_plain(child) for child in tree.children)
    if kind in ("exclusive", "parallel"):
        parts = tuple(sorted(parts, key=lambda part: tuple(_names(part))))
    return _Block(kind, "", parts)


def _names(block: _Block) -> Iterator[str]:
    if block.kind == "task":
        yield block.name
    for part in block.parts:
        yield from _names(part)


def _as_bpmn(block: _Block) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Nodes and flows: a choice and a parallel block between two gateways, a loop between two as well."""
    nodes: list[tuple[str, str, str | None]] = [(START, "start", None)]
    edges: list[tuple[str, str, bool]] = []
    numbers = count(1)

    def add(kind: str, name: str | None = None) -> str:
        node = str(next(numbers))
        nodes.append((node, kind, name))
        return node

    def lay(part: _Block, before: str, back: bool = False) -> str:
        """Lay a block after a node; returns the node that it ends with."""
        if part.kind == "skip":
            return before
        if part.kind == "task":
            node = add("task", part.name)
            edges.append((before, node, back))
            return node
        if part.kind == "sequence":
            for inner in part.parts:
                after = lay(inner, before, back)
                before, back = after, back and after == before
            return before
        return lay_loop(part, before, back) if part.kind == "loop" else lay_ways(part, before, back)

    def lay_ways(part: _Block, before: str, back: bool) -> str:
        split = add(part.kind)
        edges.append((before, split, back))
        ends = [lay(inner, split) for inner in part.parts]
        join = add(part.kind)
        edges.extend(dict.fromkeys((end, join, False) for end in ends))
        return join

    def lay_loop(part: _Block, before: str, back: bool) -> str:
        join = add("exclusive")
        edges.append((before, join, back))
        split = add("exclusive")
        end = lay(part.parts[0], join)
        edges.append((end, split, False))
        for inner in part.parts[1:]:
            edges.append((lay(inner, split, True), join, True))
        return split

    edges.append((lay(block, START), END, False))
    nodes.append((END, "end", None))
    return pl.DataFrame(nodes, schema=NODES, orient="row"), pl.DataFrame(edges, schema=EDGES, orient="row")
