"""Segmentation by a plain rule: a pause, a named start and end, another application, or a loop in the work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.log.durations import parse_duration

_SESSION = ["user", "session_id"]
_LONGEST = 60.0  # seconds that count at most for a stay after a step: who went away did not stay
_ENTERED = 0.1  # part of the entries of a loop from which an activity is one of its headers
_DEEPEST = 60  # loops inside loops
Array = np.ndarray[Any, Any]


def segment_by_gap(steps: pl.DataFrame, *, gap: str = "5m") -> pl.DataFrame:
    """Begin a new segment wherever nothing was done for at least `gap`, and with every session."""
    pause = pl.col("timestamp").diff().over(_SESSION).fill_null(parse_duration(gap)) >= parse_duration(gap)
    return _labels(steps.select(segment=pause.cum_sum()))


def segment_by_anchor(steps: pl.DataFrame, *, start: str | None = None, end: str | None = None) -> pl.DataFrame:
    """Begin a segment where an activity matches `start`, finish it where one matches `end` (regular expressions).

    With only `start` a segment lasts until the next start, with only `end` it begins right after the last end; with both,
    what lies between an end and the next start belongs to no segment.
    """
    if not start and not end:
        raise SettingError("Method 'anchor' needs start=, end= or both: regular expressions on the activity, "
                           "for example start='open invoice', end='Post|Save'.")  # fmt: skip
    first_of_session = pl.int_range(pl.len()).over(_SESSION) == 0
    ends = _matches(steps, end) if end else pl.Series([False] * steps.height, dtype=pl.Boolean)
    starts = _matches(steps, start) if start else None
    frame = steps.select(*_SESSION, _end=ends)
    after_end = pl.col("_end").shift(1, fill_value=False).over(_SESSION)
    if starts is None:
        return _labels(frame.select(segment=(after_end | first_of_session).cum_sum()))
    frame = frame.with_columns(_start=starts)
    # a block runs from one start (or session) to the next; inside it, rows before the first start and after the end are out
    begins = (pl.col("_start") | first_of_session).cum_sum()
    frame = frame.with_columns(_block=begins, _after_end=after_end)
    opened = pl.col("_start").cum_max().over("_block")
    # the start row itself may follow an end directly
    closed = (pl.col("_after_end") & ~pl.col("_start")).cum_max().over("_block")
    return _labels(frame.select(segment=pl.when(opened & ~closed).then("_block")))


def segment_by_switch(steps: pl.DataFrame, *, by: str = "app", stay: str = "30s", gap: str = "5m") -> pl.DataFrame:
    """Begin a segment where the person goes to another application (or screen) and stays there.

    A visit shorter than `stay` belongs to the work it interrupts, or leads to; a minute at most counts after each step. A
    pause of `gap` ends a segment, too. `by` is "app", "app_role" or "screen".
    """
    check_choice(by, allowed=("app", "app_role", "screen"), what="by= of method 'switch'")
    if by not in steps.columns:
        raise SettingError(f"Method 'switch' with by={by!r} needs that column. Allowed here: "
                           f"{', '.join(repr(n) for n in ('app', 'app_role', 'screen') if n in steps.columns)}.")  # fmt: skip
    pause = pl.col("timestamp").diff().over(_SESSION).fill_null(parse_duration(gap)) >= parse_duration(gap)
    frame = steps.select(*_SESSION, "timestamp", _place=pl.col(by).cast(pl.String), _block=pause.cum_sum())
    seconds = pl.col("timestamp").diff().over(_SESSION).dt.total_microseconds().shift(-1) / 1e6
    visit = pl.struct("_block", "_place").rle_id()
    frame = frame.with_columns(_visit=visit, _seconds=seconds.clip(0, _LONGEST).fill_null(0))
    stays = pl.col("_seconds").sum().over("_visit") >= parse_duration(stay).total_seconds()
    main = pl.when(stays).then("_place").forward_fill().over("_block")
    # a short visit from which one does not come back leads to what comes next
    frame = frame.with_columns(_anchor=pl.when(pl.col("_place") == main).then("_place"))
    filled = pl.col("_anchor").backward_fill().over("_block"), pl.col("_anchor").forward_fill().over("_block")
    frame = frame.with_columns(_main=pl.coalesce(filled))
    return _labels(frame.select(segment=pl.struct("_block", "_main").rle_id()))


def segment_by_routine(steps: pl.DataFrame, *, rare: float = 0.1) -> pl.DataFrame:
    """Begin a segment at each round of a loop in the directly-follows graph: recurring work comes back to its first step.

    The loops are those of `find_loops`. What is done before the first round of a session belongs to no segment, nor do the
    steps after a round that lie on no loop. Two pieces of work that always follow one another are one loop.
    """
    if not 0 <= rare < 1:
        raise SettingError(f"rare={rare}; allowed: 0 to less than 1, a part of the times that an activity occurs.")
    x = steps["activity"].rank("dense").fill_null(0).to_numpy().astype(np.int64)
    frame = steps.select(*_SESSION, _opens=pl.int_range(pl.len()).over(_SESSION) == 0)
    headers, members = find_loops(x, frame["_opens"].to_numpy(), rare=rare)
    frame = frame.with_columns(_begins=pl.Series(np.isin(x, headers)), _inside=pl.Series(np.isin(x, members)))
    frame = frame.with_columns(_round=(pl.col("_begins") | pl.col("_opens")).cum_sum())
    begun = pl.col("_begins").cum_max().over("_round")
    goes_on = pl.col("_inside").reverse().cum_max().reverse().over("_round")
    return _labels(frame.select(segment=pl.when(begun & goes_on).then("_round")))


def find_loops(x: Array, opens: Array, *, rare: float = 0.1) -> tuple[Array, Array]:
    """Find the activities with which rounds of recurring work begin, and all activities that lie on these loops.

    The directly-follows graph is entered where sessions begin. A part of it in which every activity leads to every other is
    a loop; the activities by which it is entered are its headers. With one header it is a natural loop, which its header
    dominates. Without the ways back to the headers, the rest is looked at again. The header of an inner loop begins
    another piece of work if it comes after the same activities as a header that was found before; else it repeats a part.

    Parameters
    ----------
    x : number of the activity of each step, in order.
    opens : whether a session begins with the step.
    rare : successions are left out that are rarer than this part of the times that either activity occurs; activities that
        occur only once are passed over.

    Returns
    -------
    Numbers of the activities: the headers, and the members of their loops, ascending.

    References
    ----------
    Leno et al., Identifying candidate routines for robotic process automation from unsegmented UI logs, ICPM 2020 (natural
    loops). Steensgaard, Sequentializing program dependence graphs for irreducible programs, 1993 (several headers).

    >>> [part.tolist() for part in find_loops(np.array([0, 1, 2, 0, 2, 1, 0, 1, 2, 3]), np.arange(10) == 0)]
    [[0], [0, 1, 2]]
    """
    graph = _follow(x, opens, rare)
    levels = list(_loops(graph))
    begins = levels[0].headers.copy() if levels else np.zeros(graph.entry + 1, np.bool_)
    while (more := _more_beginnings(graph, levels, begins)).any():
        begins |= more
    members = [np.flatnonzero(np.isin(level.loop, level.loop[level.headers & begins])) for level in levels]
    return np.flatnonzero(begins), np.unique(np.concatenate([np.empty(0, np.int64), *members]))


class _Graph(NamedTuple):
    """Successions: activity, the one that follows, how often; `entry` stands for the beginning of a session."""

    source: Array
    target: Array
    times: Array
    entry: int

    def only(self, rows: Array) -> _Graph:
        return _Graph(self.source[rows], self.target[rows], self.times[rows], self.entry)


class _Level(NamedTuple):
    """Loops that lie in one another so many times: for each activity whether it is a header, and its loop (-1 = none)."""

    headers: Array
    loop: Array


def _follow(x: Array, opens: Array, rare: float) -> _Graph:
    entry = int(x.max(initial=-1)) + 1
    session = np.cumsum(opens)
    often = np.bincount(x, minlength=entry)[x] > 1  # what occurs once recurs nowhere
    x, session = x[often], session[often]
    begins = np.ones(len(x), np.bool_)
    begins[1:] = session[1:] != session[:-1]
    before = np.where(begins, entry, np.roll(x, 1))
    pairs, count = np.unique(before * (entry + 1) + x, return_counts=True)
    source, target = np.divmod(pairs, entry + 1)
    leaves, comes = (np.bincount(ends, count, entry + 1) for ends in (source, target))
    kept = count >= rare * np.minimum(leaves[source], comes[target])
    return _Graph(source, target, count, entry).only(kept)


def _loops(graph: _Graph) -> Iterator[_Level]:
    """The loops of the graph, level by level, outer ones first."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n = graph.entry + 1
    for _ in range(_DEEPEST):
        ways = csr_array((np.ones(len(graph.source)), (graph.source, graph.target)), shape=(n, n))
        loop = connected_components(ways, directed=True, connection="strong")[1]
        inside = loop[graph.source] == loop[graph.target]
        if not inside.any():
            return
        enters, comes = (np.bincount(graph.target[rows], graph.times[rows], n) for rows in (~inside, inside))
        loop = np.where(np.isin(loop, loop[graph.source[inside]]), loop, -1)
        # a loop that only rare ways lead to begins with what is done most
        times = np.where(np.bincount(loop + 1, enters)[loop + 1] > 0, enters, comes)
        most = np.zeros(loop.max() + 2)
        np.maximum.at(most, loop + 1, times)
        headers = times >= np.minimum(_ENTERED * np.bincount(loop + 1, times), most)[loop + 1]
        headers &= times > 0
        headers &= loop >= 0
        yield _Level(headers, loop)
        graph = graph.only(~(inside & headers[graph.target]))


def _more_beginnings(graph: _Graph, levels: list[_Level], begins: Array) -> Array:
    """Headers that are mostly entered from activities after which, too, a beginning comes that was found before."""
    more = np.zeros(len(begins), np.bool_)
    alike = np.zeros(len(begins), np.bool_)
    alike[graph.source[begins[graph.target]]] = True
    alike &= ~begins  # work of one step says nothing
    for level in levels:
        enters = graph.only(level.loop[graph.source] != level.loop[graph.target])
        entered = np.bincount(enters.target, enters.times, len(begins))
        so_entered = np.bincount(enters.target, enters.times * alike[enters.source], len(begins))
        more |= level.headers & (so_entered * 2 >= np.maximum(1, entered))
    return more & ~begins


def _matches(steps: pl.DataFrame, pattern: str) -> pl.Series:
    try:
        re.compile(pattern)
        return steps["activity"].str.contains(f"(?i){pattern}").fill_null(False)
    except (re.error, pl.exceptions.ComputeError) as error:
        raise SettingError(f"{pattern!r} is not a regular expression: {error}.") from error


def _labels(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        pl.col("segment").cast(pl.Int64),
        segment_model=pl.lit(None, dtype=pl.Int32), segment_confidence=pl.lit(None, dtype=pl.Float64),
    )  # fmt: skip
