"""Which step directly follows which: the steps are hashed, numbered and counted block by block, on every core."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.activities.numbers import Numbers
from taskkit.schema import require_columns
from taskkit.variants.ways import check_order, drop_absent, ends_of, number, screen_of, with_task

Array = np.ndarray[Any, Any]

# more steps at once ask for new memory; in blocks of fewer the threads wait for polars
_BLOCK = 1 << 19
_SLICE = 1 << 20  # steps that are worth a thread
_START = 1 << 12  # rows for different steps or successions at first
_WHOLE = 1 << 26  # bytes up to which each succession that there can be has its row: most are never touched


class _Counted(NamedTuple):
    """The successions of some segments."""

    units: list[str]  # text of each unit from 1 on; 0 stands for the start and the end of a segment
    pairs: Array  # (successions, 5): task, unit before, unit after, times, segments
    seen: Array  # (successions, people): who does it


class _Room(NamedTuple):
    """Where successions are counted."""

    width: int  # units are below
    keys: Array  # (rows): number of the succession plus one; none where each that there can be has its row
    table: Array  # (rows, 4): times, segments, mark of the last segment, its person plus one
    seen: Array  # (rows, people)


def count_successions(segments: pl.DataFrame | pl.LazyFrame, *, level: str = "screen") -> pl.DataFrame:
    """Count which screen or activity directly follows which, inside each task (the directly-follows graph).

    Parameters
    ----------
    segments : segments frame with `task_id`. Of a LazyFrame, such as `pl.scan_parquet` gives, only the three columns that
        are needed are read.
    level : "screen" (staying on a screen is no succession), "activity" (nor is doing the same again) or "action" (it is).

    Returns
    -------
    One row per task and pair, most frequent first: `task_id`, `before`, `after`, `times`, `segments`, `people`. A null
    `before` is the start of a segment, a null `after` its end; segments without a step have neither.

    Raises
    ------
    ContractError : `find_tasks` has not been run. SettingError : the level is not one of these.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_006), "what": list("ab" * 3)}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> segments = tk.find_tasks(tk.list_segments(tk.segment(tk.name_activities(log), method="anchor", end="^b$")))
    >>> tk.count_successions(segments, level="activity").select("before", "after", "times").rows()
    [(None, 'a', 3), ('a', 'b', 3), ('b', None, 3)]
    """
    check_order(level, what="level of successions")
    needed = ("task_id", "user", "activities")
    if isinstance(segments, pl.LazyFrame):
        require_columns(pl.DataFrame(schema=segments.collect_schema()), *needed, made_by="find_tasks")
        segments = segments.select(needed).collect()
    require_columns(segments, *needed, made_by="find_tasks")
    frame, task, tasks = with_task(segments.select(needed), "activities")
    person, first = number(frame["user"].hash())
    lists = frame["activities"]
    ends = ends_of(lists)
    slices = _cut(ends, pl.thread_pool_size())
    with ThreadPoolExecutor(len(slices)) as threads:  # polars and compiled loops let the others run
        counted = threads.map(lambda blocks: _count(lists, ends, blocks, task, person, len(first), level), slices)
        units, pairs, seen = _merge([*counted])
    names = pl.Series([None, *units], dtype=pl.String)  # none stands for start and end
    whole = pl.DataFrame({
        "task_id": pl.Series(tasks, dtype=pl.String).gather(pairs[:, 0]),
        "before": names.gather(pairs[:, 1]), "after": names.gather(pairs[:, 2]),
        "times": pairs[:, 3].astype(np.uint32), "segments": pairs[:, 4].astype(np.uint32),
        "people": seen.sum(axis=1).astype(np.uint32),
    })  # fmt: skip
    return whole.sort("task_id", "times", "before", "after", descending=[False, True, False, False])


def _cut(ends: Array, threads: int) -> list[list[tuple[int, int]]]:
    """For each thread that is worth while the blocks of segments it counts: first, and the one behind the last."""
    steps, many = int(ends[-1]), len(ends) - 1
    borders = np.unique(np.append(np.searchsorted(ends, np.arange(0, steps, _BLOCK), side="right") - 1, many))
    blocks = [*zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True)]
    many = max(min(threads, steps // _SLICE, len(blocks)), 1)
    return [blocks[len(blocks) * i // many : len(blocks) * (i + 1) // many] for i in range(many)]


def _count(
    lists: pl.Series, ends: Array, blocks: list[tuple[int, int]], task: Array, person: Array, people: int, level: str
) -> _Counted:
    """The successions of some blocks; units are numbered as they come."""
    from taskkit.variants.kernels import count_follows, count_some_follows

    units: dict[str, int] = {}
    unit_of, found = np.zeros(0, np.uint32), 0
    tasks = int(task.max(initial=-1)) + 1
    room = _Room(1, np.zeros(_START, np.int64), np.zeros((_START, 4), np.uint32), np.zeros((_START, people), np.bool_))
    for (first, behind), (begin, codes, fresh) in zip(blocks, _number_blocks(lists, ends, blocks), strict=True):
        if len(fresh):
            texts = fresh.to_frame("x").select(screen_of("x")).to_series() if level == "screen" else fresh
            new = [units.setdefault(text, len(units) + 1) for text in texts]
            unit_of = np.append(unit_of, np.array(new, np.uint32))
            if len(units) >= room.width:
                room = _enlarge(room, 1 << len(units).bit_length(), tasks, max(len(room.table), _START))
        steps = codes, unit_of, begin, task[first:behind], person[first:behind], first + 1
        if not len(room.keys):
            count_follows(*steps, room.width, level == "action", room.table, room.seen)
            continue
        at = 0
        while True:
            found, at = count_some_follows(*steps, room.width, level == "action", *room[1:], at, found)
            if at == behind - first:
                break
            room = _enlarge(room, room.width, tasks, 2 * len(room.table))
    rows, task, before, after = _list_pairs(room)
    return _Counted(list(units), np.column_stack((task, before, after, room.table[rows, :2])), room.seen[rows])


def _enlarge(room: _Room, width: int, tasks: int, size: int) -> _Room:
    """The same counts with room for more units, or for more successions."""
    from taskkit.variants.kernels import find_places

    rows, task, before, after = _list_pairs(room)
    number, people = (task * width + before) * width + after, room.seen.shape[1]
    cells = tasks * width**2
    whole = cells * (16 + people) <= _WHOLE
    size = cells if whole else size
    keys = np.zeros(0 if whole else size, np.int64)
    table, seen = np.zeros((size, 4), np.uint32), np.zeros((size, people), np.bool_)
    places = number if whole else find_places(number, keys)
    table[places], seen[places] = room.table[rows], room.seen[rows]
    return _Room(width, keys, table, seen)


def _list_pairs(room: _Room) -> tuple[Array, Array, Array, Array]:
    """The rows that are used, and their task, unit before and unit after."""
    rows = np.flatnonzero(room.table[:, 0])
    pair, after = np.divmod(room.keys[rows] - 1 if len(room.keys) else rows, room.width)
    return rows, *np.divmod(pair, room.width), after


def _number_blocks(
    lists: pl.Series, ends: Array, blocks: list[tuple[int, int]]
) -> Iterator[tuple[Array, Array, pl.Series]]:
    """Of each block where the segments' steps begin, the number of each step, and the texts that were not seen before."""
    longest = max((int(ends[behind] - ends[first]) for first, behind in blocks), default=0)
    numbers = Numbers(longest)  # all blocks have their numbers in one place: memory that is new is slow
    for first, behind in blocks:
        texts = lists.slice(first, behind - first).explode(empty_as_null=False, keep_nulls=False)
        begin, texts = drop_absent(ends[first : behind + 1] - ends[first], texts)
        numbers.add(texts.hash(), 0)
        fresh = numbers.first[numbers.before :]
        yield begin, numbers.numbers, texts.gather(fresh) if len(fresh) else texts.clear()


def _merge(parts: list[_Counted]) -> _Counted:
    """The successions of all parts: no segment is in two of them, people are."""
    units: dict[str, int] = {}
    rows = []
    for part in parts:
        place = np.array([0, *(units.setdefault(text, len(units) + 1) for text in part.units)])
        rows.append(np.column_stack((part.pairs[:, 0], place[part.pairs[:, 1:3]], part.pairs[:, 3:])))
    pairs, many = np.concatenate(rows), len(units) + 1
    group, first = number((pairs[:, 0] * many + pairs[:, 1]) * many + pairs[:, 2])
    whole = pairs[first]
    for column in (3, 4):
        whole[:, column] = np.bincount(group, weights=pairs[:, column], minlength=len(first))
    seen = np.zeros((len(first), parts[0].seen.shape[1]), np.bool_)
    begin = 0
    for part in parts:
        seen[group[begin : begin + len(part.pairs)]] |= part.seen
        begin += len(part.pairs)
    return _Counted(list(units), whole, seen)
