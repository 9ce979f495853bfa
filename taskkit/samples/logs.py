"""Sessions become the events frame and, row by row beside it, the truth."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from taskkit.privacy import digest, shape
from taskkit.samples.days import ALIVE_EVERY, Session, present
from taskkit.samples.defects import Stream, apply_defect
from taskkit.samples.office import Office
from taskkit.samples.steps import Row, plain, screen_of
from taskkit.samples.world import SAMPLE_KEY, UTC_OFFSET_MINUTES, calendar_day, epoch
from taskkit.schema import EVENTS

_POINTED = ("click", "double_click", "right_click", "drag", "scroll")
_REFERS = (
    "click",
    "double_click",
    "navigate",
    "window_title",
    "window_focus",
)  # the recorder reads numbers from titles then
_LAST = "redactions"  # last column that a recorder writes
TRUTH_SCHEMA = pl.Schema({
    "user": pl.String(), "session_id": pl.String(), "seq": pl.UInt64(), "true_segment": pl.UInt32(),
    "true_task": pl.String(), "true_variant": pl.String(), "true_case": pl.String(),
    "true_kind": pl.String(),  # task, noise, between, private, presence
    "true_value": pl.String(),  # where a typed or pasted value comes from; null for other rows
    "true_screen": pl.String(),  # application and title with its changing parts as slots; null without a window
})  # fmt: skip


def recorded_schema() -> pl.Schema:
    """Columns of the events contract that the sample's recorder writes: it does not count inputs."""
    names = EVENTS.schema.names()
    return pl.Schema({name: EVENTS.schema[name] for name in names[: names.index(_LAST) + 1] if name != "input_count"})


@dataclass
class _Day:
    """All rows of a day, session after session, with what the session adds to each."""

    user: list[str] = field(default_factory=list)
    team: list[str] = field(default_factory=list)
    session_id: list[str] = field(default_factory=list)
    seq: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    instances: list[int | None] = field(default_factory=list)

    def add(self, session: Session, session_id: str, stream: Stream) -> None:
        n = len(stream.rows)
        self.user += [session.person.user] * n
        self.team += [session.person.team] * n
        self.session_id += [session_id] * n
        self.seq += range(n)
        self.rows += stream.rows
        self.times += stream.times
        self.lengths += stream.lengths
        self.instances += stream.instances


def write_day(
    office: Office, sessions: list[Session], plan: dict[tuple[int, int], str], *, seed: int, known: dict[str, tuple[str, str]]
) -> tuple[pl.DataFrame, pl.DataFrame, list[dict[str, Any]]]:  # fmt: skip
    """Events, truth and planted defects of one day's sessions; `known` remembers digests and shapes of values."""
    day, defects = _Day(), []
    for session in sessions:
        stream, place = apply_defect(plan.get((session.person.index, session.day)), session, _finish(session))
        session_id = _session_id(session)
        if place:
            defects.append({"user": session.person.user, "session_id": session_id, **place})
        day.add(session, session_id, stream)
    return _events(day, [seed, 7, sessions[0].day], known), _truth(office, day), defects


def _session_id(session: Session) -> str:
    return f"{calendar_day(session.day):%Y%m%d}-{digest(session.person.user, key=SAMPLE_KEY)[:4]}"


def _finish(session: Session) -> Stream:
    """Add the recorder's signs of life and put everything in the order of the clock."""
    alive, last = session.times[0] + ALIVE_EVERY, session.times[-1]
    while alive < last:
        present(session, "alive", alive)
        alive += ALIVE_EVERY
    order = sorted(range(len(session.rows)), key=session.times.__getitem__)
    return Stream(session.rows, session.times, session.lengths, session.instances).take(order)


def _events(day: _Day, seeds: list[int], known: dict[str, tuple[str, str]]) -> pl.DataFrame:
    (app, title, url, event_type, name, role, element_id, element, value, _, shown, _, _, kind, _) = zip(
        *day.rows, strict=True
    )
    n = len(day.rows)
    values = [_describe(text, known) if text is not None else (None, None) for text in value]
    milliseconds = np.rint(np.array(day.times) * 1_000).astype(np.int64) + round(epoch().timestamp() * 1_000)
    x, y = _positions(day.rows, seeds)
    data: dict[str, Any] = {
        "user": day.user,
        "session_id": day.session_id,
        "seq": day.seq,
        "timestamp": pl.Series(milliseconds * 1_000).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        "app": app,
        "event_type": event_type,
        "event_name": name,
        "team": day.team,
        "utc_offset_minutes": np.full(n, UTC_OFFSET_MINUTES, dtype=np.int16),
        "duration_ms": [round(length * 1_000) or None for length in day.lengths],
        "window_title": [plain(text) if text else text for text in title],
        "url": url,
        "element_role": role,
        "element_id": element_id,
        "element_name": element,
        "value": [None] * n,
        "value_digest": [v[0] for v in values],
        "value_length": [len(text) if text is not None else None for text in value],
        "value_shape": [v[1] for v in values],
        "x": x,
        "y": y,
        "case_ref": [s if s and t in _REFERS else None for s, t in zip(shown, event_type, strict=True)],
        "redactions": [_removed(*row) for row in zip(kind, title, element, strict=True)],
    }
    return pl.DataFrame(data, schema=recorded_schema())


def _describe(text: str, known: dict[str, tuple[str, str]]) -> tuple[str, str]:
    found = known.get(text)
    if found is None:
        found = known[text] = digest(text, key=SAMPLE_KEY), shape(text)
    return found


def _removed(kind: str, title: str | None, element: str | None) -> list[str] | None:
    if kind == "private":
        return ["excluded"]
    for name in ("email", "iban"):
        if (title and f"[{name}]" in title) or (element and f"[{name}]" in element):
            return [name]
    return None


def _positions(rows: list[Row], seeds: list[int]) -> tuple[pl.Series, pl.Series]:
    """Where the pointer was: every element has its place, and nobody hits it twice at the same spot."""
    draws = np.random.default_rng(seeds).standard_normal((2, len(rows)))
    first = [i == 0 or row is not rows[i - 1] for i, row in enumerate(rows)]  # a duplicate lies where its original lies
    draws = draws[:, np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))]
    codes = np.array([zlib.crc32(f"{row.app} {row.element_id or row.element}".encode()) for row in rows])
    pointed = pl.Series([row.event_type in _POINTED and row.kind != "private" for row in rows])
    out = []
    for axis, part in enumerate((codes % 1_000, codes // 1_000 % 1_000)):
        place = np.clip(0.04 + 0.92 * part / 1_000 + 0.008 * draws[axis], 0, 1).round(3)
        out.append(pl.select(pl.when(pointed).then(pl.Series(place))).to_series())
    return out[0], out[1]


def _truth(office: Office, day: _Day) -> pl.DataFrame:
    made = [office.instances[number] if number is not None else None for number in day.instances]
    data = {
        "user": day.user,
        "session_id": day.session_id,
        "seq": day.seq,
        "true_segment": day.instances,
        "true_task": [m.task if m else None for m in made],
        "true_variant": [m.variant if m else None for m in made],
        "true_case": [row.case if m else None for row, m in zip(day.rows, made, strict=True)],
        "true_kind": [row.kind for row in day.rows],
        "true_value": [row.made for row in day.rows],
        "true_screen": [f"{row.app} | {screen_of(row.title)}" if row.title else None for row in day.rows],
    }
    return pl.DataFrame(data, schema=TRUTH_SCHEMA)
