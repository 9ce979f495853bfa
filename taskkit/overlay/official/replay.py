"""Token replay: how far each case of the process log keeps to the official model."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.overlay.lifecycles import pair_lifecycles
from taskkit.overlay.official.models import SINK, SOURCE, OfficialModel, Step, model_of, net_of
from taskkit.schema import PROCESS, require
from taskkit.variants.standards import Standard

MOST_MARKINGS = 2_000  # states that are looked at for a way through silent steps
_Marking = frozenset[tuple[int, int]]  # place, tokens
_REPLAYED = pl.Schema({
    "_trace": pl.UInt32, "fits": pl.Boolean, "fitness": pl.Float64, "missing": pl.UInt32, "remaining": pl.UInt32,
    "consumed": pl.UInt32, "produced": pl.UInt32, "deviations": pl.UInt32, "inserted": pl.UInt32, "skipped": pl.UInt32,
    "unfinished": pl.Boolean,
})  # fmt: skip


def replay_model(
    process: pl.DataFrame, model: str | Path | Standard | OfficialModel, *, names: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """Replay every case of the process log on the official model, with tokens.

    Each booking takes tokens from the places before its activity and puts tokens behind it; what a gateway or an event
    does by itself happens on the shortest way to that. A token that is not there is put there and counted as missing, a
    token that is left over at the end as remaining. Fitness is ½ (1 − missing / consumed) + ½ (1 − remaining / produced),
    1 for a case that fits. A booking whose activity the model does not have counts as one token missing and one consumed.
    Beside it the cheapest alignment of the case with the model says how many bookings are inserted and skipped.

    No package is needed for it, and the same log gives the same tokens; a test compares them with pm4py's.

    Parameters
    ----------
    process : one row per process event; of a log with life cycles, the completed ones. Events of a case at the same time
        keep the order of the rows.
    model : BPMN file, or what `read_model` or `read_standard` gives.
    names : {name in the log: name in the model}, for activities that the two call differently. Capitals and spaces make no
        difference anyway.

    Returns
    -------
    One row per case, in order of case_id: `case_id`, `bookings`, `fits`, `fitness`, `missing`, `remaining`, `consumed`,
    `produced` (tokens), `deviations` (places where the model is left), `inserted`, `skipped` (bookings), `unfinished`
    (the case only ends before the model does: so far it keeps to it). Such a case does not fit: its last token is left over.

    Raises
    ------
    SettingError : no activity of the log is one of the model, or unknown `names`. LogFileError : the file
        cannot be read as a model.

    References
    ----------
    Rozinat, van der Aalst, Conformance checking of processes based on monitoring real behavior, Information Systems 33
    (2008).

    >>> import datetime as dt
    >>> from taskkit.variants.standards import standard_from_steps
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(3)]
    >>> process = pl.DataFrame({"case_id": ["a", "a", "b"], "activity": ["enter", "pay", "pay"], "timestamp": when})
    >>> replay_model(process, standard_from_steps(["enter", "pay"])).select("case_id", "fits", "missing").rows()
    [('a', True, 0), ('b', False, 1)]
    """
    official = model_of(model)
    booked = bookings_of(name_as_model(process, official, names))
    known = check_activities(booked, official)
    cases, traces = traces_of(booked)
    net = net_of(official)
    rows = []
    for number, trace in traces.iter_rows():
        missing, remaining, consumed, produced = play(net, trace)
        gaps = official.standard.align(trace)
        fitness = (1 - missing / consumed) / 2 + (1 - remaining / produced) / 2
        fits = not missing and not remaining and known.issuperset(trace)
        inserted, skipped = sum(len(gap.inserted) for gap in gaps), sum(len(gap.skipped) for gap in gaps)
        unfinished = not fits and bool(gaps) and not inserted and all(gap.returned is None for gap in gaps)
        tokens = (missing, remaining, consumed, produced)
        rows.append((number, fits, fitness, *tokens, len(gaps), inserted, skipped, unfinished))
    replayed = cases.join(pl.DataFrame(rows, schema=_REPLAYED, orient="row"), on="_trace", how="left")
    return replayed.drop("_trace").sort("case_id")


def name_as_model(process: pl.DataFrame, model: OfficialModel, names: Mapping[str, str] | None = None) -> pl.DataFrame:
    """The process log with its activities called as the model calls them.

    >>> from taskkit.overlay.official.models import model_of
    >>> from taskkit.variants.standards import standard_from_steps
    >>> process = pl.DataFrame({"activity": ["Approve Invoice", "pay it", "call"]})
    >>> name_as_model(process, model_of(standard_from_steps(["Approve invoice", "pay"])), {"pay it": "pay"})["activity"].to_list()
    ['Approve invoice', 'pay', 'call']
    """
    if "activity" not in process.columns or process.is_empty():
        return process
    logged = [str(name) for name in process["activity"].drop_nulls().unique().sort()]
    for name, known in (names or {}).items():
        check_choice(name, allowed=logged, what="activity of the process log in names=")
        check_choice(known, allowed=model.activities, what="activity of the model in names=")
    folded = [_folded(name) for name in model.activities]
    by_fold = {text: name for text, name in zip(folded, model.activities, strict=True) if folded.count(text) == 1}
    called = {}
    for name in logged:
        plain = " ".join(name.split())  # as the names of a model are read
        called[name] = plain if plain in model.activities else by_fold.get(_folded(name), plain)
    return process.with_columns(pl.col("activity").replace(called | dict(names or {})))


def _folded(name: str) -> str:
    return "".join(name.split()).casefold()


def bookings_of(process: pl.DataFrame) -> pl.DataFrame:
    """Completed process events by case and time: `case_id`, `activity`, `timestamp`, `resource` and the place in the case."""
    require(process.select(name for name in process.columns if name in PROCESS.schema), PROCESS)
    process = pair_lifecycles(process)
    resource = pl.col("resource") if "resource" in process.columns else pl.lit(None, pl.String).alias("resource")
    plain = pl.col("activity").str.replace_all(r"\s+", " ").str.strip_chars()  # as the names of a model are read
    rows = process.with_row_index("_row").sort("case_id", "timestamp", "_row")
    return rows.select("case_id", plain, "timestamp", resource,
                       at=pl.int_range(pl.len(), dtype=pl.UInt32).over("case_id"))  # fmt: skip


def check_activities(booked: pl.DataFrame, model: OfficialModel) -> set[str]:
    """The model's activities; an error if the log has none of them."""
    logged = booked["activity"].unique().sort().to_list()
    known = set(model.standard.steps)
    if logged and known.isdisjoint(logged):
        raise SettingError(
            f"No activity of the process log ({', '.join(map(repr, logged[:4]))}, …) is one of the model {model.name!r} "
            f"({', '.join(map(repr, model.activities[:4]))}, …). Say which are meant: "
            "names={'name in the log': 'name in the model'}."
        )
    return known


def traces_of(booked: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cases with the number of their trace (`case_id`, `bookings`, `_trace`), and the traces (`_trace`, `trace`)."""
    cases = booked.group_by("case_id", maintain_order=True).agg(trace="activity", bookings=pl.len())
    traces = cases.select("trace").unique(maintain_order=True).with_row_index("_trace").select("_trace", "trace")
    cases = cases.join(traces, on="trace", how="left", maintain_order="left")
    return cases.select("case_id", "bookings", "_trace"), traces


def play(net: Sequence[Step], trace: Sequence[str]) -> tuple[int, int, int, int]:
    """Play a trace on the net: missing, remaining, consumed and produced tokens.

    >>> play([Step("a", (SOURCE,), (2,)), Step("b", (2,), (SINK,))], ["a"])
    (1, 1, 2, 2)
    """
    game = _Game(net)
    for activity in trace:
        game.book(activity)
    return game.finish()


class _Game:
    """The tokens of one case."""

    def __init__(self, net: Sequence[Step]) -> None:
        self.silent = [step for step in net if step.label is None]
        self.steps: dict[str, list[Step]] = {}
        for step in net:
            if step.label is not None:
                self.steps.setdefault(step.label, []).append(step)
        taken = {place for step in net for place in step.takes}
        self.sinks = {place for step in net for place in step.gives} - taken or {SINK}
        self.tokens = Counter({SOURCE: 1})
        self.missing, self.consumed, self.produced = 0, 0, 1

    def book(self, activity: str) -> None:
        wanted = self.steps.get(activity)
        if wanted is None:
            self.missing, self.consumed = self.missing + 1, self.consumed + 1
            return
        self._go([step.takes for step in wanted])
        lacking = [sum(1 for place in step.takes if not self.tokens[place]) for step in wanted]
        self._fire(wanted[lacking.index(min(lacking))])

    def finish(self) -> tuple[int, int, int, int]:
        ends = [(place,) for place in sorted(self.sinks)]
        if not self._go(ends, alone=True):
            self._go(ends)
        ended = sum(1 for place in self.sinks if self.tokens[place])  # more than one where branches end apart
        missing, consumed = self.missing + (not ended), self.consumed + max(ended, 1)
        return missing, sum(self.tokens.values()) - ended, consumed, self.produced

    def _fire(self, step: Step) -> None:
        for place in step.takes:
            if self.tokens[place]:
                self.tokens[place] -= 1
            else:
                self.missing += 1
        self.tokens.update(step.gives)
        self.consumed, self.produced = self.consumed + len(step.takes), self.produced + len(step.gives)

    def _go(self, wanted: Sequence[tuple[int, ...]], *, alone: bool = False) -> bool:
        """Take the shortest way of silent steps to where one of the wanted sets of places is filled, if there is one.

        `alone`: and nothing is left but one token in each end.
        """
        begin = _frozen(self.tokens)
        before: dict[_Marking, tuple[_Marking, Step] | None] = {begin: None}
        waiting = deque([begin])
        while waiting and len(before) <= MOST_MARKINGS:
            here = waiting.popleft()
            held = dict(here)
            done = not alone or (self.sinks.issuperset(held) and max(held.values()) == 1)
            if done and any(all(held.get(place) for place in places) for places in wanted):
                way = []
                while (came := before[here]) is not None:
                    here, step = came
                    way.append(step)
                for step in reversed(way):
                    self._fire(step)
                return True
            for step in self.silent:
                if all(held.get(place) for place in step.takes):
                    after = Counter(held)
                    after.subtract(step.takes)
                    after.update(step.gives)
                    if (there := _frozen(after)) not in before:
                        before[there] = (here, step)
                        waiting.append(there)
        return False


def _frozen(tokens: Counter[int]) -> _Marking:
    return frozenset((place, count) for place, count in tokens.items() if count)
