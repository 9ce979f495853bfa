"""One row per booking: what was done on the desktop between the case's previous booking and this one."""

from __future__ import annotations

import difflib

import numpy as np
import polars as pl

from taskkit.activities.fields import in_order
from taskkit.errors import SettingError
from taskkit.overlay.effort.rekeying import mark_rekeyed
from taskkit.overlay.lifecycles import pair_lifecycles
from taskkit.overlay.process_log import with_numbers
from taskkit.overlay.references import known_offsets
from taskkit.schema import PROCESS, require, require_columns

COMMIT_SECONDS = 60.0  # work so shortly before a booking shows in which application it is made
SLACK = 2_000_000  # microseconds: a booking may be stamped a little before the click that caused it
_LISTS = {"apps": "app", "tasks": "task_id", "variants": "variant_id"}
_OWN = (
    "booking", "case_id", "activity", "before", "timestamp", "resource", "user", "people", "elapsed_seconds",
    "service_seconds", "waiting_seconds", "touch_seconds", "switches", "copy_pastes", "rekeyed", "excursion_seconds",
    "excursion_pastes", "apps", "tasks", "variants",
)  # fmt: skip


def list_step_work(events: pl.DataFrame, process: pl.DataFrame, *, main_app: str | None = None) -> pl.DataFrame:
    """List for every booking of the process the desktop work that led to it.

    A row attributed to a case belongs to the case's next booking (clocks made equal, `clock_offsets`): a step is what
    happens after the previous booking of the case up to its own. Work after a case's last booking belongs to no step
    (`list_hidden_work`). Bookings of a case at the same time stand in the order of the process log.

    Parameters
    ----------
    events : one row per interaction, with `case_id` from `attribute_cases` and `active_seconds`; `task_id` and
        `variant_id` are used where they are there.
    process : one row per process event.
    main_app : the system the process runs in; by default the application with most active time in the last 60 s
        before all bookings (where steps are booked).

    Returns
    -------
    One row per booking (completed process event), by case and time: `booking` (its number), `case_id`, `activity`,
    `before` (activity of the case's previous booking; null for its first), `timestamp`, `resource` (if the log has it),
    `user` (recorded person with most touch time), `people` (recorded, 0 without recorded work), `elapsed_seconds` (since
    the previous booking; calendar time, nights and weekends included), `service_seconds` (from `start_timestamp`, where
    the log knows it), `waiting_seconds` (elapsed
    less service where that is known, else less touch; never below 0; calendar time too), `touch_seconds` (active desktop seconds),
    `switches` (changes of application of one person), `copy_pastes`, `rekeyed` (values typed although they were there:
    `count_reentries`), `excursion_seconds` and `excursion_pastes` (outside the main application), `apps`, `tasks`,
    `variants` (most touch time first; null where the events have no `task_id` or `variant_id`), and the other columns
    of the process log (those that hold only numbers, as a CSV
    file does in text, as numbers), a name that is taken with `_in_log`.
    Figures of recorded work are null where none was recorded.

    Raises
    ------
    ContractError : `name_activities` or `attribute_cases` has not been run, or no process log.
    SettingError : no row of the events is in `main_app`.

    >>> import datetime as dt
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(4)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(4), "timestamp": when, "case_id": "c",
    ...                        "app": ["erp", "xl"] * 2, "event_type": "click", "active_seconds": 15.0})
    >>> process = pl.DataFrame({"case_id": ["c"], "activity": ["Approve"], "timestamp": when[3:]})
    >>> list_step_work(events, process).select("activity", "touch_seconds", "switches").row(0)
    ('Approve', 60.0, 3)
    """
    booked = list_bookings(process)
    rows = list_rows(events, process, booked)
    return sum_rows(rows, booked, choose_main_app(events, rows, main_app))


def list_bookings(process: pl.DataFrame) -> pl.DataFrame:
    """Completed process events, numbered by case and time, with what the log itself says of their times."""
    require(process.select(name for name in process.columns if name in PROCESS.schema), PROCESS)
    process = pair_lifecycles(process)
    began, served = (
        pl.col(name) if name in process.columns else pl.lit(None, kind)
        for name, kind in (("start_timestamp", PROCESS["timestamp"].dtype), ("service_seconds", pl.Float64))
    )
    known = {*PROCESS.schema, "service_seconds"}
    others = {name: f"{name}_in_log" if name in _OWN else name for name in process.columns if name not in known}
    process = with_numbers(process, [*others])
    ordered = process.with_row_index("_place").sort("case_id", "timestamp", "_place")
    own = [name for name in ("case_id", "activity", "timestamp", "resource") if name in process.columns]
    return ordered.select(
        *own,
        *[pl.col(name).alias(free) for name, free in others.items()],
        before=pl.col("activity").shift(1).over("case_id"),
        elapsed_seconds=seconds_of(pl.col("timestamp") - pl.col("timestamp").shift(1).over("case_id")),
        service_seconds=pl.coalesce(served, seconds_of(pl.col("timestamp") - began)),
    ).with_row_index("booking")  # fmt: skip


def list_rows(
    events: pl.DataFrame, process: pl.DataFrame, booked: pl.DataFrame, *, keep: tuple[str, ...] = (),
    clocks: pl.DataFrame | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Attributed rows by booking and in the order of work, with the booking of their case that they lead to.

    `booking` is null for work after the case's last booking (these rows come first); `at` is the time on the process
    log's clock, `booked` that of the booking. `keep` names further columns of the events to carry along; `clocks` is what
    `known_offsets` gives of the same frames, where that is there already.
    """
    require_columns(events, "case_id", made_by="attribute_cases")
    require_columns(events, "active_seconds", made_by="name_activities")
    offsets = (known_offsets(events, process) if clocks is None else clocks).select("user", "offset_seconds")
    extra = [name for name in ("task_id", "variant_id", *keep) if name in events.columns]
    what = pl.col("event_type")
    slim = events.select(
        "user", "session_id", "seq", "timestamp", "app", "active_seconds", "case_id", *extra,
        paste=what == "paste", typed=what == "text_input", rekeyed=mark_rekeyed(events),
    )  # fmt: skip
    work = in_order(slim)
    work = work.with_columns(_order(work, offsets)).drop_nulls("case_id").drop("seq")
    found = _find_next(work, booked)
    times = booked.get_column("timestamp").gather(found)  # nothing where there is no booking, even in an empty log
    work = work.with_columns(booking=found, booked=times)
    # one number to sort by is twice as quick as two; what has no booking stays in front
    place = (found.cast(pl.Int64) + 1).fill_null(0) * (slim.height + 1) + work["position"]
    return work.with_columns(_place=place).sort("_place").drop("_place")


def _find_next(work: pl.DataFrame, booked: pl.DataFrame) -> pl.Series:
    """The number of the case's next booking for every row: a search in one sorted list of case and time together."""
    if work.is_empty() or booked.is_empty():
        return pl.Series("booking", [None] * work.height, dtype=pl.UInt32)
    number = booked["case_id"].rle_id().cast(pl.Int64)  # bookings stand by case and time
    numbers = pl.DataFrame({"case_id": booked["case_id"], "number": number}).unique("case_id", keep="first")
    case = work.select("case_id").join(numbers, on="case_id", how="left", maintain_order="left")["number"].to_numpy()
    at = work["at"].dt.epoch("us").to_numpy()
    ends = booked["timestamp"].dt.epoch("us").to_numpy() + SLACK
    first = min(at.min(), ends.min())
    span = int(max(at.max(), ends.max()) - first) + 1
    coarse = max(
        1, -(-span * (numbers.height + 1) // 2**62)
    )  # microseconds, unless decades of many cases are laid over
    span = span // coarse + 1
    keys = number.to_numpy() * span + (ends - first) // coarse
    known = ~np.isnan(case)
    own = np.where(known, case, numbers.height).astype(np.int64)
    place = np.searchsorted(keys, own * span + (at - first) // coarse)
    inside = known & (place < booked.height)
    inside &= number.to_numpy()[np.minimum(place, booked.height - 1)] == own
    return pl.select(booking=pl.when(pl.Series(inside)).then(pl.Series(place).cast(pl.UInt32))).to_series()


def _order(ordered: pl.DataFrame, offsets: pl.DataFrame) -> list[pl.Series]:
    """Of every row the `position` in the order of work (sessions by their first time) and its time `at` on the log's clock."""
    runs = ordered.group_by("user", "session_id", maintain_order=True).agg(
        begin=pl.col("timestamp").min(), size=pl.len()
    )
    runs = runs.join(offsets, on="user", how="left", maintain_order="left").with_row_index("run")
    runs = runs.with_columns(start=pl.col("size").cum_sum() - pl.col("size"))
    by_time = runs.sort("user", "begin", "session_id").with_columns(place=pl.col("size").cum_sum() - pl.col("size"))
    moved = by_time.sort("run").select(pl.col("place").cast(pl.Int64) - pl.col("start").cast(pl.Int64)).to_series()
    sizes = runs["size"].to_numpy()
    position = np.arange(ordered.height) + np.repeat(moved.to_numpy(), sizes)
    ahead = (runs["offset_seconds"].fill_null(0.0) * 1e6).round().cast(pl.Int64).to_numpy()
    spans = pl.Series(np.repeat(ahead, sizes)).cast(pl.Duration("us"))
    return [pl.Series("position", position), (ordered["timestamp"] + spans).alias("at")]


def choose_main_app(events: pl.DataFrame, rows: pl.DataFrame, main_app: str | None) -> str | None:
    """The main application that was asked for, if the events know it; without one, what `find_main_app` finds."""
    if main_app is None:
        return find_main_app(rows)
    known = events["app"].drop_nulls().unique().cast(pl.String).sort().to_list()
    if not known or main_app in known:
        return main_app
    plain = {name.casefold(): name for name in known}  # names differ in capitals most often
    near = difflib.get_close_matches(main_app.casefold(), list(plain), n=1)
    hint = f" Did you mean {plain[near[0]]!r}?" if near else ""
    raise SettingError(f"No row of the events is in the application {main_app!r}.{hint} Known: {', '.join(known)}.")


def find_main_app(rows: pl.DataFrame) -> str | None:
    """The application with most active time in the last 60 s before all bookings; None without recorded work."""
    near = seconds_of(pl.col("booked") - pl.col("at")) <= COMMIT_SECONDS
    used = rows.filter(near).group_by("app").agg(pl.col("active_seconds").sum())
    names = used.drop_nulls("app").sort("active_seconds", "app", descending=[True, False])["app"]
    return str(names[0]) if names.len() else None


def is_outside(main_app: str | None) -> pl.Expr:
    """True for rows outside the main application; null where that is not known."""
    return pl.col("app") != pl.lit(main_app, dtype=pl.String)


def sum_rows(rows: pl.DataFrame, booked: pl.DataFrame, main_app: str | None) -> pl.DataFrame:
    """`list_step_work` of rows that are laid over the bookings already."""
    inside = rows.drop_nulls("booking")
    touch, outside = pl.col("active_seconds"), is_outside(main_app)
    moved = (pl.col("app") != pl.col("app").shift(1)) & (pl.col("user") == pl.col("user").shift(1))
    moved = moved & (pl.col("booking") == pl.col("booking").shift(1))
    marked = inside.with_columns(_moved=moved, _out=outside)
    sums = marked.group_by("booking").agg(
        touch_seconds=touch.sum(),
        switches=pl.col("_moved").sum(),
        copy_pastes=pl.col("paste").sum(),
        rekeyed=pl.col("rekeyed").sum(),
        excursion_seconds=touch.filter(pl.col("_out")).sum(),
        excursion_pastes=(pl.col("paste") & pl.col("_out")).sum(),
    )
    result = booked.join(sums, on="booking", how="left").join(_who_and_where(inside), on="booking", how="left")
    known = pl.lit(main_app is not None)
    spent = pl.coalesce("service_seconds", "touch_seconds")
    result = result.with_columns(
        pl.col("people").fill_null(0).cast(pl.UInt32),
        pl.when(known).then(pl.col("excursion_seconds", "excursion_pastes")).name.keep(),
        *(
            pl.col(name).fill_null(pl.lit([], dtype=pl.List(pl.String)))
            for name, source in _LISTS.items()
            if source in rows.columns
        ),
        waiting_seconds=pl.max_horizontal(pl.col("elapsed_seconds") - spent, pl.lit(0.0)),
    ).with_columns(
        pl.col("switches", "copy_pastes", "rekeyed", "excursion_pastes").cast(pl.UInt32),
        waiting_seconds=pl.when((pl.col("elapsed_seconds") - spent).is_not_null()).then("waiting_seconds"),
    )
    own = [name for name in _OWN if name in result.columns]
    return result.select(*own, *(name for name in booked.columns if name not in _OWN)).sort("booking")


def _who_and_where(inside: pl.DataFrame) -> pl.DataFrame:
    """One row per booking: its people and the one who worked most on it, its applications, tasks and variants."""
    used = [name for name in _LISTS.values() if name in inside.columns]
    cells = inside.group_by("booking", "user", *used).agg(pl.col("active_seconds").sum())
    of_people = _by_time(cells, "user")
    result = of_people.select("booking", user=pl.col("user").list.first(), people=pl.col("user").list.len())
    for name, column in _LISTS.items():
        if column in used:
            result = result.join(_by_time(cells, column).rename({column: name}), on="booking", how="left")
        else:
            result = result.with_columns(pl.lit(None, pl.List(pl.String)).alias(name))
    return result


def _by_time(cells: pl.DataFrame, column: str) -> pl.DataFrame:
    used = cells.drop_nulls(column).group_by("booking", column).agg(pl.col("active_seconds").sum())
    ordered = used.sort("booking", "active_seconds", column, descending=[False, True, False])
    return ordered.group_by("booking", maintain_order=True).agg(column)


def seconds_of(span: pl.Expr) -> pl.Expr:
    """A span of time in seconds."""
    return span.dt.total_microseconds() / 1e6
