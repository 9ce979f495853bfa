"""Small groups: what rests on few people is hidden, and so is what would give it away by subtraction."""

from __future__ import annotations

import os
from collections.abc import Iterable

import polars as pl

from taskkit.errors import SettingError

MIN_PEOPLE = 5  # groups under this size are hidden in anything shared
SHARED_VARIABLE = "TASKKIT_SHARED"  # 1 while pages are made that leave the room


def shares_pages() -> bool:
    """Whether pages are being made that leave the room: then nothing that is drawn or listed may stand for one person."""
    return os.environ.get(SHARED_VARIABLE) == "1"


def suppress_small_groups(
    frame: pl.DataFrame,
    *,
    people: str = "people",
    k: int = MIN_PEOPLE,
    keep: Iterable[str] = (),
    exhaustive: bool | None = None,
    disjoint: bool = False,
    within: str | None = None,
) -> pl.DataFrame:
    """Hide every row that rests on fewer than `k` people: its values become null, only the columns in `keep` stay.

    Where the rows are all parts of a whole that is known, what is hidden is the whole less what is shown. Then the next
    smallest rows are hidden too, until what is hidden rests on at least two rows and `k` people (complementary suppression).

    Parameters
    ----------
    frame : one row per group, with a column that counts people.
    people : name of that column.
    k : smallest group that is shown.
    keep : columns that stay readable in a hidden row (a task's number, say); they must not give anybody away.
    exhaustive : the rows are all parts of a whole that is known. None: only while pages are made that leave the room, where a
        column of shares adds up to 1.
    disjoint : everybody is in one row only, as in teams. Otherwise the same few people may stand behind several hidden
        rows, and a row of at least `k` people is hidden with them.
    within : column of a coarser grouping whose totals are known too, as the application of a screen: of exhaustive rows what
        is hidden cannot be told by subtraction within any of its values either.

    Returns
    -------
    The frame with the same rows and a Boolean column `hidden`.

    References
    ----------
    Cox, L. H. (1980): Suppression methodology and statistical disclosure control. JASA 75 (370).

    >>> suppress_small_groups(pl.DataFrame({"team": ["a", "b"], "people": [7, 2]}))["people"].to_list()
    [7, None]
    >>> teams = pl.DataFrame({"team": ["a", "b", "c"], "people": [9, 7, 2], "share": [0.5, 0.3, 0.2]})
    >>> suppress_small_groups(teams, exhaustive=True)["share"].to_list()
    [0.5, None, None]
    """
    if people not in frame.columns:
        raise SettingError(f"The frame has no column {people!r} to count people; found: {', '.join(frame.columns)}.")
    hidden = frame.select((pl.col(people) < k).fill_null(True)).to_series()
    if exhaustive or (exhaustive is None and shares_pages() and _adds_up(frame)):
        hidden = _cover_within(frame, people, hidden, k, disjoint, within)
    stay = {*keep}
    return frame.with_columns(hidden.alias("hidden")).with_columns(
        pl.when("hidden").then(None).otherwise(pl.col(name)).alias(name) for name in frame.columns if name not in stay
    )


def pool_small_tasks(
    events: pl.DataFrame, segments: pl.DataFrame, *, k: int = MIN_PEOPLE
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Count the executions of tasks that fewer than `k` people did as work outside any task.

    A page that leaves the room says of one log in many places how many executions and hours there are; a task that is only
    hidden could be worked out from any of them. Where the work outside tasks would then be that of fewer than `k` people, the
    task of the fewest people is counted there too.

    Parameters
    ----------
    events : events frame with `segment_id` and `task_id`.
    segments : segments of these events with `task_id` and `user`.
    k : smallest group that is shown.

    Returns
    -------
    The same events, without segment, task and variant where they are pooled; and the segments without them.

    >>> events = pl.DataFrame({"user": ["a", "b"], "segment_id": [1, 2], "task_id": ["T01", "T02"]})
    >>> segments = pl.DataFrame({"user": ["a", "b"], "segment_id": [1, 2], "task_id": ["T01", "T02"]})
    >>> pool_small_tasks(events, segments, k=2)[1].height
    0
    """
    if not {"task_id", "user"} <= set(segments.columns) or not {"task_id", "user"} <= set(events.columns):
        return events, segments
    tasks = segments.drop_nulls("task_id").group_by("task_id").agg(people=pl.col("user").n_unique())
    tasks = tasks.sort("people", "task_id")
    pooled = tasks.filter(pl.col("people") < k)["task_id"].to_list()
    rest = tasks.filter(pl.col("people") >= k)["task_id"].to_list()
    while pooled and rest and _outside(events, pooled) < k:
        pooled.append(rest.pop(0))
    away = pl.col("task_id").is_in(pooled).fill_null(False)
    keys = [name for name in ("segment_id", "variant_id", "task_id") if name in events.columns]
    told = events.with_columns(pl.when(away).then(None).otherwise(pl.col(name)).alias(name) for name in keys)
    return told, segments.filter(~away)


def _outside(events: pl.DataFrame, pooled: list[str]) -> int:
    """How many people worked outside the tasks that remain."""
    return events.filter(pl.col("task_id").is_null() | pl.col("task_id").is_in(pooled))["user"].n_unique()


def _cover_within(
    frame: pl.DataFrame, people: str, hidden: pl.Series, k: int, disjoint: bool, within: str | None
) -> pl.Series:
    """Cover the whole and each part of it, until neither asks for more."""
    counts = frame[people].fill_null(1)
    parts = [] if within is None else frame.select(within).with_row_index("_row").partition_by(within)
    places = [part["_row"] for part in parts]
    while True:
        before, hidden = hidden, hidden.clone()
        for rows in places:
            hidden = hidden.scatter(rows, _cover(counts[rows], hidden[rows], k, disjoint))
        hidden = _cover(counts, hidden, k, disjoint)
        if hidden.equals(before):
            return hidden


def _cover(people: pl.Series, hidden: pl.Series, k: int, disjoint: bool) -> pl.Series:
    """Hide the next smallest rows until the hidden ones cannot be told apart by subtraction."""
    flags = hidden.to_list()
    someone = [place for place, count in enumerate(people) if count > 0]  # a row of nobody hides nobody
    inside = [people[place] for place in someone if flags[place]]
    for place in sorted((p for p in someone if not flags[p]), key=lambda p: people[p]):
        behind = sum(inside) if disjoint else max(inside, default=k)
        if not inside or (len(inside) > 1 and behind >= k):
            break
        flags[place] = True
        inside.append(people[place])
    return pl.Series("hidden", flags, pl.Boolean)


def _adds_up(frame: pl.DataFrame) -> bool:
    """Whether a column of shares adds up to the whole, but for rounding."""
    shares = [name for name, dtype in frame.schema.items() if dtype.is_float() and _is_share(name)]
    return frame.height > 1 and any(abs(float(frame[name].sum()) - 1) < 0.005 for name in shares)


def _is_share(name: str) -> bool:
    return name == "share" or name.endswith("_share")
