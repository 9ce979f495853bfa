"""The contracts of all frames, on one page: whoever has read it can read everything else.

`events` (one row per user interaction) → `segments` (one row per stretch of one person's work) → `tasks` (one row per
recurring piece of work) → `variants` (one row per distinct way of doing a task) → `cases` (one row per process case).
`process` is the event log of the business systems that tasks are laid over.

Privacy classes: P0 harmless, P1 pseudonymous, P2 may name persons or customers, P3 content.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import polars as pl

from taskkit.errors import ContractError

SCHEMA_VERSION = "1"

EVENT_TYPES = (
    "click", "double_click", "right_click", "drag", "scroll", "text_input", "key", "shortcut", "copy", "cut", "paste",
    "window_focus", "window_title", "navigate", "idle_start", "idle_end", "lock", "unlock", "pause", "resume",
    "blind_start", "blind_end", "session_start", "session_end", "alive", "comment", "other",
)  # fmt: skip
PRESENCE_TYPES = (
    "idle_start", "idle_end", "lock", "unlock", "pause", "resume", "blind_start", "blind_end", "session_start",
    "session_end", "alive",
)  # fmt: skip

PrivacyClass = Literal["P0", "P1", "P2", "P3"]
TIME = pl.Datetime("us", "UTC")
EVENT_TYPE = pl.Enum(EVENT_TYPES)


@dataclass(frozen=True)
class Column:
    """One column of a contract: its type, what it means and how private it is."""

    name: str
    dtype: pl.DataType
    meaning: str
    privacy: PrivacyClass = "P0"
    required: bool = False
    nullable: bool = True
    unit: str = ""
    allowed: tuple[float, float] | None = None  # lowest and highest allowed value


@dataclass(frozen=True)
class Contract:
    """The contract of a frame: its grain, its columns and the key that is unique in it."""

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def schema(self) -> pl.Schema:
        """Column names and types, in the contract's order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must be there."""
        return tuple(column.name for column in self.columns if column.required)

    def privacy_of(self, name: str) -> str:
        """Privacy class of a column; a column that the contract does not know may be content (P3)."""
        return next((column.privacy for column in self.columns if column.name == name), "P3")


def _must(name: str, dtype: pl.DataType, meaning: str, privacy: PrivacyClass = "P0", unit: str = "",
          allowed: tuple[float, float] | None = None) -> Column:  # fmt: skip
    return Column(name, dtype, meaning, privacy, required=True, nullable=False, unit=unit, allowed=allowed)


_TEXT, _COUNT, _NUMBER, _SHARE = pl.String(), pl.UInt32(), pl.Float64(), (0.0, 1.0)

EVENTS = Contract(
    "events",
    "one row per user interaction; order inside a user is (session_id, seq), never the clock alone",
    (
        _must("user", _TEXT, "keyed pseudonym of the person", "P1"),
        _must("session_id", _TEXT, "one run of the recorder on one machine"),
        _must("seq", pl.UInt64(), "order inside the session"),
        _must("timestamp", TIME, "when"),
        Column("app", _TEXT, "program in front, normalised process name; null for presence events", required=True),
        _must("event_type", EVENT_TYPE, "kind of interaction"),
        Column("event_name", _TEXT, "what the source called it: a shortcut, a menu command, a foreign log's event"),
        Column("team", _TEXT, "a group the person chose", "P1"),
        Column("utc_offset_minutes", pl.Int16(), "local time", unit="minutes", allowed=(-1440, 1440)),
        Column("duration_ms", _COUNT, "length of a burst (typing, scrolling)", unit="milliseconds"),
        Column(
            "input_count",
            _COUNT,
            "inputs that the row stands for: keys of a burst, steps of a scroll, clicks",
            unit="inputs",
        ),
        Column("window_title", _TEXT, "after redaction", "P2"),
        Column("url", _TEXT, "scheme, host, path; no query, after redaction", "P2"),
        Column("element_role", _TEXT, "accessible role"),
        Column("element_id", _TEXT, "stable accessible id"),
        Column("element_name", _TEXT, "accessible name or foreign element label, after redaction", "P2"),
        Column("value", _TEXT, "content; off unless a foreign log brings it or the profile allows it", "P3"),
        Column("value_digest", _TEXT, "keyed digest of a copied, pasted or entered value", "P1"),
        Column("value_length", _COUNT, "length of that value", "P1", unit="characters"),
        Column("value_shape", _TEXT, "character-class shape of that value", "P1"),
        Column("x", pl.Float32(), "position inside the window, 0 left to 1 right", allowed=_SHARE),
        Column("y", pl.Float32(), "position inside the window, 0 top to 1 bottom", allowed=_SHARE),
        Column("case_ref", _TEXT, "a business object's visible number, or its keyed digest", "P2"),
        Column("redactions", pl.List(pl.String), "what was removed from this row"),
        # derived: by name_activities
        Column("app_role", _TEXT, "job that the application does; the application itself where no rule says otherwise"),
        Column("screen", _TEXT, "title or address with its changing parts as slots, or what a rule calls it", "P2"),
        Column("named_by", _TEXT, "what named the screen: rule, template, title; null = time that is not named yet"),
        Column("action", _COUNT, "number of the action in the session; rows merged into one action share it"),
        Column("dropped", _TEXT, "why the row carries no meaning for mining; null for the others"),
        Column("activity", _TEXT, "what the step is; null where the row carries no meaning for mining", "P2"),
        Column("step", pl.Boolean(), "the row stands for its action; rows merged into it or dropped are false"),
        Column("active_seconds", _NUMBER, "time until the person's next event, at most the idle cap", unit="seconds"),
        # derived: by segment
        Column("segment_id", _COUNT, "stretch of work the row belongs to; null = belongs to no task"),
        Column("segment_model", pl.Int32(), "task model that produced the segment; null for other methods"),
        Column("segment_confidence", _NUMBER, "how sure the method is of the segment", allowed=_SHARE),
        Column("boundary_confidence", _NUMBER, "how sure it is that the segment begins on this row", allowed=_SHARE),
        # derived: by correct_segments
        Column("found_segment_id", _COUNT, "segment_id as the method found it, before people's corrections"),
        Column("found_segment_model", pl.Int32(), "segment_model as the method found it"),
        Column("found_segment_confidence", _NUMBER, "segment_confidence as the method found it", allowed=_SHARE),
        Column("found_boundary_confidence", _NUMBER, "boundary_confidence as the method found it", allowed=_SHARE),
        Column("task_said", _TEXT, "task that a person named for the segment; null where nobody did", "P2"),
        Column("corrected", pl.Boolean(), "a person decided about this row"),
        # derived: by find_tasks, find_variants, attribute_cases
        Column("task_id", _TEXT, "recurring piece of work; null = rest"),
        Column("variant_id", _TEXT, "way of doing the task"),
        Column("case_id", _TEXT, "process case the row was attributed to", "P2"),
        Column("case_confidence", _NUMBER, "how sure the attribution is", allowed=_SHARE),
        Column("case_source", _TEXT, "rule that attributed the row"),
        Column(
            "clock_offset_seconds",
            _NUMBER,
            "process log's clock minus the recorder's; null where too little told it",
            unit="seconds",
        ),
    ),
    key=("user", "session_id", "seq"),
)

SEGMENTS = Contract(
    "segments",
    "one row per stretch of one person's work; a segment need not be contiguous, work gets interrupted",
    (
        _must("segment_id", _COUNT, "dense number of the segment, in order of user and first event"),
        _must("user", _TEXT, "keyed pseudonym of the person", "P1"),
        Column("team", _TEXT, "a group the person chose", "P1"),
        _must("session_id", _TEXT, "session of the first event"),
        _must("start", TIME, "first event"),
        _must("end", TIME, "last event"),
        _must("elapsed_seconds", _NUMBER, "from first to last event, clock time", unit="seconds"),
        _must("active_seconds", _NUMBER, "sum of the events' active seconds", unit="seconds"),
        _must("events", _COUNT, "rows of the events frame"),
        _must("steps", _COUNT, "rows that stand for an activity"),
        _must("fragments", _COUNT, "stretches without another segment between; 1 = never interrupted"),
        _must("activities", pl.List(pl.String), "activities of the steps, in order", "P2"),
        _must("apps", pl.List(pl.String), "applications used, most used first"),
        _must("switches", _COUNT, "changes of application between successive steps"),
        Column("model", pl.Int32(), "task model that produced the segment; null for other methods"),
        Column("confidence", _NUMBER, "how sure the method is of the segment", allowed=_SHARE),
        Column("boundary_confidence", _NUMBER, "how sure it is of the segment's beginning", allowed=_SHARE),
        # derived: by find_tasks, find_variants
        Column("task_id", _TEXT, "recurring piece of work; null = rest"),
        Column("task_name", _TEXT, "readable name of the task", "P2"),
        Column("task_confidence", _NUMBER, "similarity to the task's centre", allowed=_SHARE),
        Column("variant_id", _TEXT, "way of doing the task"),
    ),
    key=("segment_id",),
)

TASKS = Contract(
    "tasks",
    "one row per recurring piece of work",
    (
        _must("task_id", _TEXT, "T01, T02, … in order of active time"),
        _must("task_name", _TEXT, "readable name from the task's distinctive words", "P2"),
        _must("segments", _COUNT, "how often it was seen"),
        _must("people", _COUNT, "people it was seen with"),
        _must("active_hours", _NUMBER, "sum of the segments' active seconds", unit="hours"),
        _must("share", _NUMBER, "part of the active time inside segments", allowed=_SHARE),
        _must("median_seconds", _NUMBER, "median active seconds of a segment", unit="seconds"),
        _must("q25_seconds", _NUMBER, "lower quartile of the active seconds", unit="seconds"),
        _must("q75_seconds", _NUMBER, "upper quartile of the active seconds", unit="seconds"),
        _must("median_steps", _NUMBER, "median steps of a segment", unit="steps"),
        _must("interrupted", _NUMBER, "part of the segments with more than one fragment", allowed=_SHARE),
        _must("apps", pl.List(pl.String), "applications used, most used first"),
    ),
    key=("task_id",),
)

VARIANTS = Contract(
    "variants",
    "one row per distinct way of doing a task",
    (
        _must("task_id", _TEXT, "task the variant belongs to"),
        _must("variant_id", _TEXT, "T01-V01, T01-V02, … in order of frequency"),
        _must("activities", pl.List(pl.String), "activities in order, immediate repeats collapsed", "P2"),
        _must("segments", _COUNT, "how often the task was done this way"),
        _must("people", _COUNT, "people who did it this way"),
        _must("share", _NUMBER, "part of the task's segments", allowed=_SHARE),
        _must("cumulative_share", _NUMBER, "share of this and all more frequent variants", allowed=(0.0, 1.0 + 1e-9)),
        _must("median_seconds", _NUMBER, "median active seconds", unit="seconds"),
        _must("q25_seconds", _NUMBER, "lower quartile of the active seconds", unit="seconds"),
        _must("q75_seconds", _NUMBER, "upper quartile of the active seconds", unit="seconds"),
    ),
    key=("variant_id",),
)

PROCESS = Contract(
    "process",
    "one row per event of the business systems' own log",
    (
        _must("case_id", _TEXT, "process case", "P2"),
        _must("activity", _TEXT, "process activity"),
        _must("timestamp", TIME, "when the activity was completed"),
        Column("start_timestamp", TIME, "when the activity was started"),
        Column("service_seconds", _NUMBER, "from start to completion, without suspended time", unit="seconds"),
        Column("resource", _TEXT, "who did it, with the same pseudonyms as the events' user", "P1"),
        Column("lifecycle", _TEXT, "lifecycle transition of the source"),
    ),
    key=(),
)

CASES = Contract(
    "cases",
    "one row per process case",
    (
        _must("case_id", _TEXT, "process case", "P2"),
        _must("start", TIME, "first process event"),
        _must("end", TIME, "last process event"),
        _must("elapsed_seconds", _NUMBER, "from first to last process event", unit="seconds"),
        _must("process_events", _COUNT, "rows of the process log"),
        _must("events", _COUNT, "attributed rows of the events frame; 0 = a case without recorded work"),
        Column("touch_seconds", _NUMBER, "active seconds of the attributed events; null without any", unit="seconds"),
        _must("people", _COUNT, "recorded people who worked on it"),
        Column("apps", pl.List(pl.String), "applications used for it, most used first"),
    ),
    key=("case_id",),
)

UNKEYED = replace(EVENTS, key=())  # to look for one key twice takes longest: where the order tells, it is not asked for
CONTRACTS = {c.name: c for c in (EVENTS, SEGMENTS, TASKS, VARIANTS, PROCESS, CASES)}

_Problem = tuple[str, int, int | None, str, str]
_PROBLEMS = pl.Schema({"column": pl.String, "rows": pl.UInt32, "first_row": pl.UInt32, "found": pl.String,
                       "allowed": pl.String})  # fmt: skip


def check(frame: pl.DataFrame, contract: Contract = EVENTS) -> pl.DataFrame:
    """List every problem of a frame against its contract; an empty result means that it holds.

    Columns that the contract does not know are allowed: analysts add their own.

    Parameters
    ----------
    frame : polars DataFrame of any shape.
    contract : one of `CONTRACTS`; the events contract by default.

    Returns
    -------
    One row per problem: `column`, `rows` (how many), `first_row` (position in the frame, null where a whole column is
    wrong), `found`, `allowed`.

    >>> check(pl.DataFrame({"user": [None]}, schema={"user": pl.String}))["column"].to_list()[:2]
    ['user', 'session_id']
    """
    problems: list[_Problem] = []
    for column in contract.columns:
        if column.name not in frame.columns:
            if column.required:
                problems.append((column.name, frame.height, None, "no such column", str(column.dtype)))
            continue
        series = frame[column.name]
        if series.dtype != column.dtype:
            problems.append((column.name, frame.height, None, f"type {series.dtype}", str(column.dtype)))
            continue
        if not column.nullable and series.null_count():
            _add(problems, column.name, series.is_null(), lambda row: "null", "a value in every row")
        if column.allowed is not None:
            low, high = column.allowed
            wrong = (~series.is_between(low, high)).fill_null(False)
            _add(problems, column.name, wrong, _value_of(series), f"{low:g} to {high:g}")
    have = [name for name in contract.key if name in frame.columns]
    if have and len(have) == len(contract.key):
        twice = frame.select(pl.struct(have).is_duplicated()).to_series()
        _add(problems, ", ".join(have), twice, lambda row: f"the same key twice: {frame.select(have).row(row)}",
             f"one row per {', '.join(have)}")  # fmt: skip
    return pl.DataFrame(problems, schema=_PROBLEMS, orient="row")


def _add(problems: list[_Problem], column: str, wrong: pl.Series, found: Callable[[int], str], allowed: str) -> None:
    if wrong.any():
        first = int(wrong.arg_max() or 0)
        problems.append((column, int(wrong.sum()), first, found(first), allowed))


def _value_of(series: pl.Series) -> Callable[[int], str]:
    return lambda row: str(series[row])


def require(frame: pl.DataFrame, contract: Contract = EVENTS, *, source: str = "") -> pl.DataFrame:
    """Return the frame if it keeps its contract, else raise a ContractError that lists every problem.

    >>> require(pl.DataFrame({"case_id": ["a"]}), CASES)
    Traceback (most recent call last):
    ...
    taskkit.errors.ContractError: ...
    """
    problems = check(frame, contract)
    if problems.is_empty():
        return frame
    lines = [
        f"  column {p['column']!r}: {p['found']}"
        + (f" ({p['rows']} rows, the first is row {p['first_row']})" if p["first_row"] is not None else "")
        + f"; allowed: {p['allowed']}"
        for p in problems.iter_rows(named=True)
    ]
    where = f" in {source}" if source else ""
    raise ContractError(f"This is not a valid {contract.name} frame{where} ({contract.grain}):\n" + "\n".join(lines))


def rises(events: pl.DataFrame, *, twice: bool = False) -> bool:
    """Whether every event has a key after that of the row above it; `twice` allows the same key.

    >>> rows = pl.DataFrame({"user": ["a", "a", "b"], "session_id": ["s", "t", "s"], "seq": [5, 1, 0]})
    >>> rises(rows), rises(rows.reverse())
    (True, False)
    """
    after = pl.lit(twice)
    for name in reversed(EVENTS.key):
        here, above = pl.col(name), pl.col(name).shift(1)
        after = (here > above) | ((here == above) & after)
    return bool(events.select(after.fill_null(True).all()).item())  # nothing stands above the first


def require_columns(frame: pl.DataFrame, *names: str, made_by: str) -> None:
    """Raise a ContractError if a derived column is missing, naming the function that makes it.

    >>> require_columns(pl.DataFrame({"user": ["a"]}), "user", made_by="read_log")
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ContractError(
            f"The frame has no column {', '.join(map(repr, missing))}. It is made by {made_by}: run that first, "
            f"then pass its result. Columns found: {', '.join(frame.columns[:12])}{', …' if frame.width > 12 else ''}."
        )
