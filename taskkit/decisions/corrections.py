"""Corrections of segments: "these rows belong to …", replayed on what the method found.

A correction names rows by their keys, never by the number of a segment, so that it still holds when the log is segmented
anew: rows join the piece of work that another row belongs to (move, merge), become one of their own (split), become no
work, or keep their piece of work and say which task it is (assign, example).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from taskkit.decisions.entries import Correction, read_corrections
from taskkit.schema import require_columns

Array = np.ndarray[Any, Any]

ORDER = ("user", "session_id", "seq")
VANISHED = pl.Schema({"number": pl.Int64(), "op": pl.String(), "rows": pl.UInt32(), "found": pl.UInt32(),
                      "sentence": pl.String()})  # fmt: skip

_LABELS = ("segment_id", "segment_model", "segment_confidence", "boundary_confidence")
_ADDED = (*(f"found_{name}" for name in _LABELS), "task_said", "corrected")
_NOBODYS = ("presence", "excluded")  # rows that belong to no work, whatever lies around them


def correct_segments(events: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """Apply people's corrections to the segments that a method found, in the order in which they were said.

    Parameters
    ----------
    events : events frame of `segment`; corrected ones are restored first.
    corrections : standing entries of kind "correction" (`Decisions.list(kind="correction")`): `number`, `detail`.

    Returns
    -------
    The events in the given order with `segment_id` numbered anew (dense, in order of user and first event) and
    `segment_model`; `segment_confidence` is 1 for segments with a row that a person decided about, `boundary_confidence` 1
    on first rows that a person put there. Added: `found_segment_id`, `found_segment_model`, `found_segment_confidence`,
    `found_boundary_confidence` (as the method found them), `task_said` (task that a person named for the segment; null) and
    `corrected` (a person decided about this row). What can no longer be applied is left out: see `list_vanished`. Rows of
    presence and excluded ones belong to no segment, also inside a stretch that a person marked.

    Raises
    ------
    ContractError : `segment` has not been run.

    >>> import json, polars as pl, taskkit as tk
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_004), "what": list("abcd")})
    >>> events = tk.segment(tk.name_activities(tk.from_table(log, columns={"timestamp": "at", "event_name": "what"})), method="gap")
    >>> user, session = events["user"][0], events["session_id"][0]
    >>> detail = {"op": "split", "user": user, "rows": [[session, 2, 3]], "to": "new", "task": None}
    >>> said = pl.DataFrame({"number": [1], "detail": [json.dumps(detail)]})
    >>> correct_segments(events, said)["segment_id"].to_list()
    [0, 0, 1, 1]
    """
    frame, order = _in_order(restore_segments(events))
    return _back(_labelled(frame, _replay(frame, read_corrections(corrections))), order)


def restore_segments(events: pl.DataFrame) -> pl.DataFrame:
    """Give back the segments as the method found them, and drop the columns that `correct_segments` added.

    Parameters
    ----------
    events : events frame; without corrections it is given back as it is. `task_id` and `variant_id` are left alone.

    >>> restore_segments(pl.DataFrame({"segment_id": [0], "found_segment_id": [3], "corrected": [True]}))
    shape: (1, 1)
    ┌────────────┐
    │ segment_id │
    │ ---        │
    │ i64        │
    ╞════════════╡
    │ 3          │
    └────────────┘
    """
    found = [name for name in _LABELS if f"found_{name}" in events.columns]
    return events.with_columns(pl.col(f"found_{name}").alias(name) for name in found).drop(_ADDED, strict=False)


def examples_of(events: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """List the steps of the executions that people marked as examples, for `segment(examples=)` and `start_relabelling`.

    What later corrections gave to an example or took from it counts.

    Parameters
    ----------
    events : events frame; only its keys and `step` are read.
    corrections : as in `correct_segments`.

    Returns
    -------
    One row per step of an example, in order: `user`, `session_id`, `seq`, `segment_id` (one number per example) and `task`.
    No rows if nobody marked one.

    >>> import json
    >>> events = pl.DataFrame({"user": ["p"] * 2, "session_id": ["s"] * 2, "seq": [0, 1], "step": [True, True]})
    >>> detail = {"op": "example", "user": "p", "rows": [["s", 0, 1]], "to": "same", "task": "Pay"}
    >>> examples_of(events, pl.DataFrame({"number": [4], "detail": [json.dumps(detail)]}))["task"].to_list()
    ['Pay', 'Pay']
    """
    frame, _ = _in_order(events)
    read = read_corrections(corrections)
    places = _Places(frame, read)
    label, tasks = np.full(frame.height, -1, np.int64), list[str]()
    for each in read:
        rows = places.rows(each)
        if each.op == "example":
            label[rows] = len(tasks)
            tasks.append(each.task or f"example {each.number}")
        elif isinstance(each.to, str):
            if each.to != "same":
                label[rows] = -1
            for known in np.unique(label[rows]) if each.task else ():
                if known >= 0:
                    tasks[int(known)] = str(each.task)
        elif (anchor := places.row(each.user, *each.to)) is not None:
            label[rows] = label[anchor]
    marked = frame.select(*ORDER, "step", segment_id=pl.Series(label)).filter("step", pl.col("segment_id") >= 0)
    return marked.drop("step").with_columns(task=pl.Series(tasks, dtype=pl.String).gather(marked["segment_id"]))


def list_vanished(events: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """List the corrections that could not be applied, or not wholly, because their rows are no longer in the log.

    Parameters
    ----------
    events : events frame of `segment`, corrected or not.
    corrections : as in `correct_segments`.

    Returns
    -------
    One row per such correction (per place, where one holds at several), in order: `number` in the journal, `op`, `rows` (how
    many rows it names: the first and the last of each stretch, and the one whose segment they were given to), `found` (how
    many of these are in the log) and a `sentence` for people.

    >>> import json
    >>> events = pl.DataFrame({"user": ["p"], "session_id": ["s"], "seq": [0], "segment_id": [0], "segment_model": [None],
    ...                        "segment_confidence": [0.5], "boundary_confidence": [None]})
    >>> detail = {"op": "not work", "user": "p", "rows": [["s", 7, 9]], "to": "none", "task": None}
    >>> list_vanished(events, pl.DataFrame({"number": [4], "detail": [json.dumps(detail)]}))["sentence"][0]
    'Correction 4 (not work) was not applied: none of its rows is in the log any more.'
    """
    frame, _ = _in_order(restore_segments(events))
    return pl.DataFrame(_replay(frame, read_corrections(corrections)).vanished, schema=VANISHED, orient="row")


# ---------------------------------------------------------------------------------------------------------------- replay
class _Places:
    """Where the rows of the named sessions stand in the ordered frame."""

    def __init__(self, frame: pl.DataFrame, corrections: Iterable[Correction]) -> None:
        named = {(each.user, session) for each in corrections for session in _sessions(each)}
        wanted = pl.DataFrame([*sorted(named)], schema={"user": pl.String, "session_id": pl.String}, orient="row")
        keys = ["user", "session_id"]
        own = frame.lazy().select(*keys, row=pl.int_range(pl.len())).join(wanted.lazy(), on=keys, how="semi")
        spans = own.group_by(keys).agg(first=pl.col("row").min(), last=pl.col("row").max()).collect()
        self.spans = {(user, session): (first, last + 1) for user, session, first, last in spans.iter_rows()}
        self.seq = frame["seq"].cast(pl.UInt64).to_numpy()

    def span(self, user: str, session: str, first: int, last: int) -> tuple[int, int]:
        """First row and the row after the last one of a stretch; the same row twice if nothing of it is there."""
        begin, end = self.spans.get((user, session), (0, 0))
        own = self.seq[begin:end]
        low, high = np.searchsorted(own, np.uint64(first)), np.searchsorted(own, np.uint64(last), side="right")
        return begin + int(low), begin + int(high)

    def row(self, user: str, session: str, seq: int) -> int | None:
        """Place of one row; None if it is not there."""
        low, high = self.span(user, session, seq, seq)
        return low if high > low else None

    def rows(self, each: Correction) -> Array:
        """Places of all rows of a correction, in order."""
        spans = [np.arange(*self.span(each.user, *stretch)) for stretch in each.rows]
        return np.unique(np.concatenate(spans)) if spans else np.empty(0, np.int64)

    def count(self, each: Correction) -> tuple[int, int]:
        """How many rows a correction names, and how many of these are there."""
        named = {(session, seq) for session, *ends in each.rows for seq in ends}
        named |= {each.to} if isinstance(each.to, tuple) else set()
        return len(named), sum(self.row(each.user, session, seq) is not None for session, seq in named)


def _sessions(each: Correction) -> set[str]:
    return {session for session, _, _ in each.rows} | ({each.to[0]} if isinstance(each.to, tuple) else set())


@dataclass
class _Replayed:
    """What each row belongs to after the corrections: label and model are -1 outside segments."""

    label: Array
    model: Array
    corrected: Array
    said: dict[int, str] = field(default_factory=dict)  # label → task
    vanished: list[tuple[int, str, int, int, str]] = field(default_factory=list)


def _replay(frame: pl.DataFrame, corrections: list[Correction]) -> _Replayed:
    """Apply the corrections one after the other; each touches only its own rows."""
    require_columns(frame, *_LABELS, made_by="segment")
    label, model = (
        frame[name].cast(pl.Int64).fill_null(-1).to_numpy().copy() for name in ("segment_id", "segment_model")
    )
    state = _Replayed(label, model, np.zeros(frame.height, bool))
    places = _Places(frame, corrections)
    nobodys = np.zeros(frame.height, bool)
    if "dropped" in frame.columns:
        nobodys = frame["dropped"].is_in(_NOBODYS).fill_null(False).to_numpy()
    fresh, models = int(label.max(initial=-1)) + 1, int(model.max(initial=-1)) + 1
    for each in corrections:
        named, found = places.count(each)
        rows = places.rows(each)
        anchor = places.row(each.user, *each.to) if isinstance(each.to, tuple) else None
        lost = _lost(each, len(rows), named, found, anchor, state.label)
        if lost:
            state.vanished.append((each.number, each.op, named, found, lost))
        if not len(rows) or each.problem or (isinstance(each.to, tuple) and (anchor is None or label[anchor] < 0)):
            continue
        _apply(state, each, rows[~nobodys[rows]], anchor, fresh, models)
        fresh, models = fresh + 1, models + 1 if models else 0
    return state


def _apply(state: _Replayed, each: Correction, rows: Array, anchor: int | None, fresh: int, models: int) -> None:
    """Give the rows to where they belong; `fresh` is a label, and `models` a task model, that is not in use."""
    state.corrected[rows] = True
    before = state.label[rows]
    if each.to == "same":
        for known in np.unique(before[before >= 0]).tolist():
            if each.task:
                state.said[known] = each.task
            elif each.op == "assign":
                state.said.pop(known, None)
        return
    said = next((state.said[known] for known in _most_first(before) if known in state.said), None)
    if each.to == "none":
        state.label[rows] = state.model[rows] = -1
        return
    if anchor is not None:
        target, model = int(state.label[anchor]), int(state.model[anchor])
        said = each.task or state.said.get(target) or said
    else:
        own = _most_first(state.model[rows])
        target, model, said = fresh, own[0] if own else models or -1, each.task or said
    state.label[rows], state.model[rows] = target, model
    if said:
        state.said[target] = said


def _most_first(values: Array) -> list[int]:
    """The values that are not negative, most frequent first."""
    known, times = np.unique(values[values >= 0], return_counts=True)
    return [int(value) for value in known[np.argsort(-times, kind="stable")]]


def _lost(each: Correction, there: int, named: int, found: int, anchor: int | None, label: Array) -> str:
    """What to tell people about a correction whose evidence is gone; empty if all of it is there."""
    what = f"Correction {each.number} ({each.op})"
    if each.places > 1:
        what += f" at one of its {each.places} places"
    if each.problem:
        return f"{what} cannot be understood, and was not applied: {each.problem}"
    if not there:
        return f"{what} was not applied: none of its rows is in the log any more."
    if isinstance(each.to, tuple) and anchor is None:
        return f"{what} was not applied: the work that its rows were given to is not in the log any more."
    if anchor is not None and label[anchor] < 0:
        return f"{what} was not applied: the row that its rows were to go with belongs to no piece of work now."
    if found < named:
        return f"{what} was applied to what is left: {named - found} of the {named} rows that it names are not in the log any more."
    return ""


# ---------------------------------------------------------------------------------------------------------------- frames
def _labelled(frame: pl.DataFrame, state: _Replayed) -> pl.DataFrame:
    """The ordered events with the labels after the replay, and what was found before in columns of its own."""
    inside = state.label >= 0
    known, first, number = np.unique(state.label[inside], return_index=True, return_inverse=True)
    rank = np.empty(len(known), np.int64)
    rank[np.argsort(first)] = np.arange(len(known))
    dense = np.full(len(inside), -1, np.int64)
    dense[inside] = rank[np.ravel(number)]
    said = [state.said.get(int(label)) for label in known[np.argsort(first)]]
    decided = np.zeros(len(known) + 1, bool)  # the last one stands for rows outside
    decided[dense[state.corrected & inside]] = True
    begins = np.zeros(len(inside), bool)
    begins[np.flatnonzero(inside)[first]] = True
    ids = pl.Series(dense)
    found = frame.with_columns(pl.col(name).alias(f"found_{name}") for name in _LABELS)
    put = pl.Series(state.corrected) | pl.col("found_segment_id").is_null() | ~pl.col("_first")
    first_found = pl.int_range(pl.len()).over("found_segment_id") == 0
    outside, model = ids < 0, pl.Series(state.model)
    return found.with_columns(_first=first_found).with_columns(
        segment_id=ids.set(outside, None).cast(pl.UInt32),
        segment_model=model.set(model < 0, None).cast(pl.Int32),
        segment_confidence=pl.when(outside).then(None).when(pl.Series(decided[dense])).then(1.0)
        .otherwise("found_segment_confidence").cast(pl.Float64),
        boundary_confidence=pl.when(~pl.Series(begins)).then(None).when(put).then(1.0)
        .otherwise("found_boundary_confidence").cast(pl.Float64),
        task_said=pl.Series([*said, None], dtype=pl.String).gather(np.where(inside, dense, len(said))),
        corrected=pl.Series(state.corrected),
    ).drop("_first")  # fmt: skip


def _in_order(events: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series | None]:
    """The events in order, and the place of each of their rows in it; None where they stand in order already."""
    require_columns(events, *ORDER, made_by="read_log")
    user, session, seq = (pl.col(name) for name in ORDER)
    later = (session > session.shift()) | ((session == session.shift()) & (seq >= seq.shift()))
    sorted_already = ((user > user.shift()) | ((user == user.shift()) & later)).fill_null(True).all()
    if events.select(sorted_already).item():
        return events, None
    place = events.select(*ORDER, row=pl.int_range(pl.len())).sort(ORDER)["row"]
    return events[place], place


def _back(frame: pl.DataFrame, order: pl.Series | None) -> pl.DataFrame:
    """The rows in the order in which they were given."""
    return frame if order is None else frame[order.arg_sort()]
