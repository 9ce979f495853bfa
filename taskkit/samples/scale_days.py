"""One person's days put together from blocks, all rows at once."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.privacy import digest, pseudonym
from taskkit.samples.days import ALIVE_EVERY, LONGEST_BREAK
from taskkit.samples.logs import recorded_schema
from taskkit.samples.office import CLOSES, ERP_SKEW, OPENS
from taskkit.samples.scale_blocks import AWAY, KEPT, TEXTS, WORK, Blocks, Slots, as_few
from taskkit.samples.world import SAMPLE_KEY, TEAMS, calendar_day, epoch, midnight
from taskkit.schema import TIME

Array = np.ndarray[Any, Any]

ABSENT = 0.035
SPREAD, PERSONAL = 0.085, 0.1  # of the events of a day; of the log pace of a person
JITTER = 0.25  # of the log waits, around those that were recorded
BUSIEST = 0.94  # waits are shortened where a day's rows would fill more of it
FIRST_NUMBER = 100_000_000  # of documents
BOOKED = {"enter invoice": "Enter invoice", "three-way match": "Match invoice", "prepare approval": "Approve invoice",
          "archive scans": "Archive document"}  # fmt: skip
_HEAD, _TAIL = -1.0, 1e9
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Staff(NamedTuple):
    """Who is recorded, for how long, and how much."""

    seed: int
    people: int
    days: int
    events: int  # of a day


class Days(NamedTuple):
    """What one person leaves behind in some days; texts of which there are few are Enum."""

    events: pl.DataFrame
    truth: pl.DataFrame
    bookings: pl.DataFrame
    begins: list[tuple[str, int, int]]  # date, first row, rows of each session


class _Plan(NamedTuple):
    day: Array  # of each execution: which of the person's days
    number: Array  # of each execution, in the whole log
    block: Array  # of each execution, which one of the detailed sample


def longest_day(blocks: Blocks, events: int) -> int:
    """Most executions that a day is planned with."""
    return int(1.5 * events / float(blocks.work_rows.mean())) + 12


def name_person(index: int) -> str:
    """The pseudonym of the n-th person."""
    return pseudonym(f"sample person {index + 1:02d}", key=SAMPLE_KEY)


def make_days(blocks: Blocks, staff: Staff, index: int, first: int, days: int) -> Days:
    """Put some days of one person together.

    Executions are drawn from those of a few recorded colleagues of the same team, by weights that are this person's own; where
    one was interrupted it is again, by those that come next. Breaks are as many a day as were recorded, and last as long as the
    day's work leaves time.
    """
    rng = np.random.default_rng([staff.seed, index, first])
    here = [day for day in range(first, first + days) if staff.days < 5 or rng.random() >= ABSENT]
    team = TEAMS[0] if index < (staff.people + 1) // 2 else TEAMS[1]
    user = name_person(index)
    plan = _draw(blocks, staff, index, team, here, rng)
    keep = min(1.0, blocks.rows_a_day / staff.events)
    row, owner, day = _lay_out(blocks, plan, len(here), keep, rng)
    own = np.random.default_rng([staff.seed, index])
    clock = _clock(blocks, row, day, here, math.exp(PERSONAL * own.standard_normal()), rng)
    row, owner, day, clock = _add_signs_of_life(blocks, row, owner, day, clock)
    begins = np.searchsorted(day, np.arange(len(here) + 1))
    columns = _columns(blocks, plan, row, owner)
    mark = digest(user, key=SAMPLE_KEY)[:4]
    dates = [calendar_day(day) for day in here]
    frame = columns.with_columns(
        user=pl.lit(user, pl.Enum([user])), team=pl.lit(team, pl.Enum(TEAMS)), value=pl.lit(None, pl.String),
        session_id=as_few(pl.Series([f"{date:%Y%m%d}-{mark}" for date in dates], dtype=pl.String)).gather(day),
        seq=pl.Series(np.arange(len(row)) - begins[day], dtype=pl.UInt64),
        timestamp=pl.Series(clock * 1_000).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
    )  # fmt: skip
    bookings = _book(blocks, plan, frame, row, owner)
    truth = frame.select(
        "user", "session_id", "seq", "true_segment", "true_task", "true_variant", "true_case", "true_kind"
    )
    places = [(date.isoformat(), int(a), int(b - a)) for date, a, b in zip(dates, begins[:-1], begins[1:], strict=True)]
    return Days(frame.select(recorded_schema().names()), truth, bookings, places)


def _draw(
    blocks: Blocks, staff: Staff, index: int, team: str, here: list[int], rng: np.random.Generator
) -> _Plan:  # fmt: skip
    """Executions of every day until it has its events."""
    colleagues = np.flatnonzero([other == team for other in blocks.team])
    own = np.random.default_rng([staff.seed, index, staff.people])
    weights = own.gamma(0.6, size=len(colleagues)) + 1e-6  # a few colleagues have most of the weight
    most = longest_day(blocks, staff.events)
    size = (len(here), most)
    person = colleagues[rng.choice(len(colleagues), size=size, p=weights / weights.sum())]
    many = blocks.first_execution[person + 1] - blocks.first_execution[person]
    block = blocks.first_execution[person] + (rng.random(size) * many).astype(np.int64)
    kept = min(1.0, blocks.rows_a_day / staff.events)
    rows = blocks.work_rows[block] + kept * blocks.break_rows[block]
    wanted = staff.events * np.clip(1 + SPREAD * rng.standard_normal((len(here), 1)), 0.6, 1.4)
    done = np.cumsum(rows, axis=1) - rows / 2 < wanted
    day, place = np.nonzero(done)
    number = (index * staff.days + np.array(here, dtype=np.int64)[day]) * most + place
    return _Plan(day, number, block[done])


def _lay_out(
    blocks: Blocks, plan: _Plan, days: int, keep: float, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """The rows in order: of each its row in the detailed sample, its execution (-1: none) and its day."""
    many = blocks.first_fragment[plan.block + 1] - blocks.first_fragment[plan.block]
    fragment = _spread(blocks.first_fragment[plan.block], many)
    owner = np.repeat(np.arange(len(many)), many)
    which = rng.integers(0, len(blocks.heads), days)
    begin = np.concatenate([blocks.fragment_begin[fragment], blocks.heads[which, 0], blocks.tails[which]])
    rows = np.concatenate([blocks.fragment_rows[fragment], np.full(days, 2), np.ones(days, np.int64)])
    place = np.concatenate([owner + blocks.fragment_offset[fragment], np.full(days, _HEAD), np.full(days, _TAIL)])
    owner = np.concatenate([owner, np.full(2 * days, -1)])
    day = np.concatenate([plan.day[owner[: len(fragment)]], np.arange(days), np.arange(days)])
    order = np.lexsort((owner, place, day))
    begin, rows, owner, day = begin[order], rows[order], owner[order], day[order]
    row = _spread(begin, rows)
    stays = ~blocks.is_break[row] | np.repeat((rng.random(len(rows)) < keep) | (owner < 0), rows)
    return row[stays], np.repeat(owner, rows)[stays], np.repeat(day, rows)[stays]


def _clock(
    blocks: Blocks, row: Array, day: Array, here: list[int], pace: float, rng: np.random.Generator
) -> Array:  # fmt: skip
    """Milliseconds since 1970 of every row: work at the person's pace, breaks in what is left of the day."""
    days = len(here)
    first = np.diff(day, prepend=-1) > 0
    long = blocks.rows["duration_ms"].fill_null(0).to_numpy()[row] / 1_000
    fixed = np.concatenate([[0.0], long[:-1]]) * ~first
    scaling = blocks.scaling[row]
    wait = blocks.wait[row] * np.exp(JITTER * rng.standard_normal(len(row), dtype=np.float32))
    sums = [np.bincount(day, wait * (scaling == kind), days) for kind in (WORK, AWAY)]
    still = np.bincount(day, fixed + wait * (scaling < WORK), days)
    opens = OPENS + rng.triangular(-1_200, 0, 1_200, days)
    time = CLOSES + rng.triangular(-1_800, 0, 1_800, days) - opens
    work = np.minimum(pace, np.maximum(BUSIEST * time - still, 0.05 * time) / np.maximum(sums[0], 1.0))
    away = np.clip((time - still - work * sums[0]) / np.maximum(sums[1], 1.0), 0.1, 4.0)
    factor = np.stack([np.ones(days), work, away])[scaling, day]
    gap = fixed + np.minimum(wait * factor, LONGEST_BREAK)
    passed = np.cumsum(np.where(first, 0, np.rint(1_000 * gap)).astype(np.int64))
    zero = round(epoch().timestamp() * 1_000)
    begin = np.array([midnight(day) for day in here]) + opens
    return passed - passed[first][day] + (np.rint(1_000 * begin).astype(np.int64) + zero)[day]


def _add_signs_of_life(
    blocks: Blocks, row: Array, owner: Array, day: Array, clock: Array
) -> tuple[Array, Array, Array, Array]:
    """The recorder says every half hour that it runs."""
    begins = np.searchsorted(day, np.arange(day[-1] + 2)) if len(day) else np.zeros(1, np.int64)
    start, end = clock[begins[:-1]], clock[begins[1:] - 1]
    every = round(1_000 * ALIVE_EVERY)
    many = (end - start - 1) // every
    tick = np.repeat(start, many) + every * (_spread(np.zeros(len(many), np.int64), many) + 1)
    at = np.searchsorted(clock, tick, side="right")
    sign = np.repeat(np.arange(len(many)), many)
    return (np.insert(row, at, blocks.alive), np.insert(owner, at, -1), np.insert(day, at, sign),
            np.insert(clock, at, tick))  # fmt: skip


def _columns(blocks: Blocks, plan: _Plan, row: Array, owner: Array) -> pl.DataFrame:
    """What was recorded, with numbers, titles and values of each execution's own; and what is true."""
    numbers = FIRST_NUMBER + plan.number * blocks.numbers
    begin, pool = _pool(blocks.texts, plan.block, numbers)
    texts = pl.concat([blocks.fixed, pool])
    begin_values, pool_values = _pool_values(blocks.digests, plan)
    values = pl.concat([blocks.values, pool_values])
    begin, begin_values = begin[owner], begin_values[owner]
    made = {name: texts.gather(_place(blocks.place[name][row], begin, len(blocks.fixed))) for name in TEXTS}
    made["value_digest"] = values.gather(_place(blocks.value_place[row], begin_values, len(blocks.values)))
    at_work = np.where(blocks.is_task[row], owner, len(plan.block))
    block = np.append(plan.block, len(blocks.task))[at_work]
    for name, known in (("true_task", blocks.task), ("true_variant", blocks.variant)):
        made[name] = known.extend_constant(None, 1).gather(block)
    number = pl.Series(plan.number, dtype=pl.UInt32).extend_constant(None, 1)
    return blocks.rows.select(KEPT)[row].with_columns(
        *(series.alias(name) for name, series in made.items()), true_segment=number.gather(at_work)
    )


def _place(place: Array, begin: Array, fixed: int) -> pl.Series:
    """Where the text of each row is, behind the texts that recur those that are its execution's own."""
    return pl.Series(place + begin * (place >= fixed), dtype=pl.UInt32)


def _pool(slots: Slots, block: Array, numbers: Array) -> tuple[Array, pl.Series]:
    """The texts of each execution's own, and where they begin."""
    many = slots.begin[block + 1] - slots.begin[block]
    which = _spread(slots.begin[block], many)
    number = pl.Series(np.repeat(numbers, many) + slots.rank[which])
    made = pl.select(pl.concat_str(slots.before.gather(which), number.cast(pl.String), slots.after.gather(which)))
    return np.append(np.cumsum(many) - many, 0).astype(np.uint32), made.to_series()


def _pool_values(slots: Slots, plan: _Plan) -> tuple[Array, pl.Series]:
    """The same of digests: another value has another one."""
    many = slots.begin[plan.block + 1] - slots.begin[plan.block]
    which = _spread(slots.begin[plan.block], many)
    known = slots.before.str.to_integer(base=16, dtype=pl.UInt64).to_numpy()[which]
    mixed = (known ^ np.repeat(plan.number.astype(np.uint64) + np.uint64(1), many)) * _MIX
    mixed ^= mixed >> np.uint64(29)
    parts = [_four_digits().gather((mixed >> np.uint64(shift)) & np.uint64(0xFFFF)) for shift in (48, 32, 16, 0)]
    return np.append(np.cumsum(many) - many, 0).astype(np.uint32), pl.select(pl.concat_str(parts)).to_series()


@cache
def _four_digits() -> pl.Series:
    return pl.Series([f"{number:04x}" for number in range(65_536)])


def _book(blocks: Blocks, plan: _Plan, frame: pl.DataFrame, row: Array, owner: Array) -> pl.DataFrame:
    """One row of the process log for each execution that books its case, at its last row."""
    at_work = np.flatnonzero(blocks.is_task[row])
    last = np.zeros(len(plan.block), np.int64)
    np.maximum.at(last, owner[at_work], at_work)
    task = blocks.task.gather(plan.block).cast(pl.String)
    activity = task.replace_strict(BOOKED, default=None, return_dtype=pl.String)
    slot = blocks.case_slot[plan.block]
    begins = blocks.texts.begin[plan.block] + np.maximum(slot, 0)
    numbers = (
        FIRST_NUMBER + plan.number * blocks.numbers + blocks.texts.rank[begins.clip(max=len(blocks.texts.rank) - 1)]
    )
    booked = pl.DataFrame({"case_id": pl.Series(numbers).cast(pl.String), "activity": activity}).with_columns(
        case_id="INV-" + pl.col("case_id"), timestamp=frame["timestamp"].gather(last) + pl.duration(seconds=ERP_SKEW),
        start_timestamp=pl.lit(None, TIME), resource=pl.lit(frame["user"].first() if frame.height else ""),
    )  # fmt: skip
    made = pl.concat([booked, blocks.case[plan.block]], how="horizontal")
    team = frame["team"].first() if frame.height else None
    return made.with_columns(team=pl.lit(team, pl.String)).filter(
        pl.Series(slot >= 0) & pl.col("activity").is_not_null()
    )


def _spread(begin: Array, many: Array) -> Array:
    """`begin`, `begin + 1`, … so many each, one after the other."""
    places: Array = np.arange(int(many.sum())) + np.repeat(begin - (np.cumsum(many) - many), many)
    return places
