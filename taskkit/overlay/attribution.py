"""Which case a piece of work was for: visible references first, the clock last."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from taskkit.errors import ContractError, SettingError
from taskkit.log.durations import parse_duration
from taskkit.overlay.coding import Bookings, book, number_texts, put_in_order, refuse_empty_cells
from taskkit.overlay.references import OFFSET_MIN_EVENTS, code_cases, offsets_of
from taskkit.overlay.values import Values, code_values
from taskkit.overlay.whole_log import refuse_other_process, refuse_wrong_hours
from taskkit.privacy import shape
from taskkit.schema import PROCESS, require, require_columns

_ANY = float("inf")
_Array = Any  # numpy array

ONE_SIDED = 10  # a reference that only one side shows is looked at for a tenth of `carry`
BARRED = ("excluded",)  # what the recorder calls a program whose content it does not record
# Mail and chat are about anything: between two looks at a case they were about it in 2 % and 20 % of the sample's rows,
# sheets and the ERP in 91 % and 93 %. So only what they show themselves, or their segment, gives them a case.
TALK_APPS = (
    "discord", "gmail", "hcl notes", "lync", "mail", "mattermost", "ms-teams", "msteams", "notes", "olk", "outlook",
    "signal", "skype", "slack", "teams", "thunderbird", "webex", "whatsapp", "zoom",
)  # fmt: skip
SLACK = 2_000_000  # microseconds that a booking may be stamped before the click that caused it, the offset taken out

# Evidence → its rule, and how often it was right by how far away it was: (seconds up to which, share of rows). In the order
# of `taskkit.overlay.kernels`. Figures from seeds 7, 11, 12 and 13 of the worked example as it is by default (those outside
# segments from runs without, the last line from runs without any visible reference); `benchmarks/attribution.py` tests them
# on other seeds.
CONFIDENCE: dict[str, tuple[str, tuple[tuple[float, float], ...]]] = {
    "shown by the row": ("visible both sides", ((_ANY, 0.97),)),
    "between, in one segment": ("visible both sides", ((2, 0.59), (5, 0.86), (_ANY, 0.96))),
    "between, outside segments": ("visible both sides", ((2, 0.57), (5, 0.85), (120, 0.95), (300, 0.75), (_ANY, 0.2))),
    "attribute of the case": ("case attribute", ((_ANY, 0.99),)),
    "value seen with the case": ("same value", ((_ANY, 0.99),)),
    "between values, in one segment": ("same value", ((_ANY, 0.96),)),
    "between values, outside segments": ("same value", ((60, 0.95), (120, 0.85), (300, 0.55), (_ANY, 0.25))),
    "segment": ("same segment", ((10, 0.96), (20, 0.93), (40, 0.9), (60, 0.82), (_ANY, 0.63))),
    "segment, time in mail or chat": ("same segment", ((10, 0.15), (20, 0.75), (40, 0.9), (300, 0.93), (_ANY, 0.65))),
    "reference and booking": ("visible + process event", ((10, 0.79), (20, 0.57), (40, 0.34), (_ANY, 0.25))),
    "last reference": ("carried", ((5, 0.87), (10, 0.59), (20, 0.23), (_ANY, 0.09))),
    "next booking": ("next process event", ((120, 0.85), (300, 0.65), (_ANY, 0.4))),
}  # fmt: skip


def attribute_cases(
    events: pl.DataFrame,
    process: pl.DataFrame,
    *,
    carry: str = "10m",
    resource_window: str = "15m",
    bar_apps: Sequence[str] = (),
    key: bytes | None = None,
    least: float = 0.5,
) -> pl.DataFrame:
    """Say for every row which process case the person was working on, by which rule, and how far to trust that.

    Rules; the first that has an answer gives it:

    - "visible both sides": the row itself shows a known case, or the last and the next reference the person saw, each
      at most `carry` away, agree;
    - "case attribute" (with `key`): the value that was copied, pasted or entered is the number or another attribute of
      exactly one case that is open at that time, and of at most three in all;
    - "same value": that value was only ever seen while one case was shown, or it is pasted after it was copied from a
      case; or such rows stand before and after and agree;
    - "same segment": all references inside the row's segment agree;
    - "visible + process event": the last or the next reference, at most a tenth of `carry` away, is the case of the
      person's next booking;
    - "carried": the last reference, at most a tenth of `carry` old, unless the person has booked something since;
    - "next process event": the person's next booking, at most `resource_window` away and for one case only, if no
      reference was seen within `carry`.

    If the events have a `segment_id`, the references of a segment count only for its own rows. Rows of mail and chat
    programs (`TALK_APPS`) get a case only from what they show themselves or from their segment. Windows that were only
    passed over (`dropped` "flicker") show nothing. A number that is written like a case but is none of the process is work
    without a case. The difference between the clocks is estimated for each person (`clock_offsets`) and taken out.

    `case_confidence` is the share of rows that this evidence got right, at this distance, on four seeds of the worked
    example (`CONFIDENCE`); on other seeds it is near the share that is right (`benchmarks/attribution.py` prints the
    table). It is not a probability that holds for another office: there draw rows and check them by hand. Rows whose
    evidence has less than `least` get no case.

    On seeds of the worked example that the rules were not made with, 0.96 of the rows that get a case get the right one
    and 0.98 of the rows that have one get it, with the segments of `segment`; 0.95 and 0.91 without segments, 0.96 and
    0.94 without values, 0.95 and 0.80 with neither. The nearest process event in time reaches 0.50 and 0.35. Clocks that
    are wrong by up to ten minutes for each person change none of this. The example was written by the same hands, so
    expect less elsewhere.

    Parameters
    ----------
    events : one row per interaction.
    process : one row per process event; without `resource` only visible references are used. Its other columns are taken
        as attributes of the cases.
    carry : how long a reference stays believable.
    resource_window : how far ahead a person's next booking may lie.
    bar_apps : applications that are never work on a case.
    key : the key with which `add_case_refs` or the recorder made digests of case references and values.
    least : smallest confidence with which a row gets a case; 0 gives every answer, 0.9 only the surest.

    Returns
    -------
    The events, in their order, with `case_id`, `case_confidence` and `case_source` (null where no rule has an answer;
    presence rows never get a case), and `clock_offset_seconds` (process time minus recorder time that was taken out for
    the row's person; null where too little told it and nothing was taken out).

    Raises
    ------
    ContractError : a column is missing or has empty cells, no resource of the process log is a user of the events, no row
        shows and nobody recorded booked one of its cases, or its bookings fit the recording only whole or half hours
        earlier or later.
    SettingError : a duration cannot be read, or `least` is no share.

    >>> import datetime as dt
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(3)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": [0, 1, 2], "timestamp": when, "app": "erp",
    ...                        "event_type": "click", "window_title": ["Invoice INV-1001", "Excel", "INV-1001"]})
    >>> process = pl.DataFrame({"case_id": ["INV-1001"], "activity": ["Approve"], "timestamp": when[2:]})
    >>> attribute_cases(events, process)["case_id"].to_list()
    ['INV-1001', 'INV-1001', 'INV-1001']
    """
    require_columns(events, "user", "session_id", "seq", "timestamp", "app", made_by="read_log")
    refuse_empty_cells(events)
    require(process.select(name for name in process.columns if name in PROCESS.schema), PROCESS)
    if not 0 <= least <= 1:
        raise SettingError(f"least={least!r}: allowed: a confidence from 0 to 1.")
    if events.height and "resource" in process.columns and process["resource"].count():
        _refuse_strangers(events, process)
    carried, ahead = (int(parse_duration(text).total_seconds() * 1e6) for text in (carry, resource_window))
    cases = process["case_id"].unique().sort()
    rows = _read(events, process, cases, bar_apps, key)
    bookings = book(process, rows.people, cases)
    told = len(bookings.when) or len(rows.values.cases) or ((rows.shown >= 0) & (rows.shown < cases.len())).any()
    if events.height and cases.len() and not told:
        refuse_other_process(events, cases)
    found = _find(rows, bookings, cases, carried, ahead)
    return events.with_columns(*_name(*found[:3], cases, least), found[3])


class _Rows(NamedTuple):
    """The rows as numbers, in the order of work."""

    order: slice | _Array
    people: pl.Series
    user: _Array  # place in `people`
    at: _Array  # microseconds
    app: _Array
    kinds: _Array  # of every application
    shown: _Array  # case, or a code of `taskkit.overlay.kernels`
    segment: _Array
    segments: int
    doing: _Array
    values: Values


def _read(
    events: pl.DataFrame, process: pl.DataFrame, cases: pl.Series, bar_apps: Sequence[str], key: bytes | None
) -> _Rows:
    """What the rules look at; texts, values and order are numbered side by side."""
    from taskkit.overlay import kernels

    with ThreadPoolExecutor(2) as pool:
        values_of = pool.submit(code_values, events, process, cases, key=key)
        order_of, doing_of = pool.submit(put_in_order, events), pool.submit(_doing, events)
        app, kinds = _applications(events["app"], bar_apps)
        shown = code_cases(events, cases, key=key)
    values, (order, user, people) = values_of.result(), order_of.result()
    shown[(kinds[app] & kernels.UNREAD) > 0] = kernels.NONE
    segment, segments = _segments(events)
    at = events["timestamp"].dt.timestamp("us").to_numpy()
    at, app, shown, segment, doing, value = (
        column[order] for column in (at, app, shown, segment, doing_of.result(), values.numbers)
    )
    values = values._replace(numbers=value)  # in the order of work, like the others
    return _Rows(order, people, user, at, app, kinds, shown, segment, segments, doing, values)


def _find(
    rows: _Rows, bookings: Bookings, cases: pl.Series, carried: int, ahead: int
) -> tuple[_Array, _Array, _Array, pl.Series]:
    """The number of every row's case, of the evidence that found it, how far away that was (microseconds); the clock."""
    from taskkit.overlay import kernels

    order, user, at, app, shown, segment, values = (
        rows.order, rows.user, rows.at, rows.app, rows.shown, rows.segment, rows.values,
    )  # fmt: skip
    offset, n = offsets_of(user, at, shown, cases.len(), bookings)[:, :2].T
    refuse_wrong_hours(user, at, shown, cases.len(), bookings, int(n.sum()))
    shift = np.where(n >= OFFSET_MIN_EVENTS, offset * 1e6, 0.0).astype(np.int64)
    dtypes = (np.int8, np.int32, np.int64, np.int8, np.int64, np.int64)
    rule, last, last_at, last_rule, any_at, entered = (np.empty(len(at), dtype) for dtype in dtypes)
    seen_with = kernels.settle_values(shown, values.numbers, len(values.telling), cases.len())
    seen_with[~values.telling] = kernels.NONE
    kernels.refer(
        user, at, shown, rows.doing, values.numbers, seen_with, values.starts, values.cases, values.opens, values.closes, shift,
        carried, rule,
    )  # fmt: skip
    of_segment = kernels.settle_segments(shown, segment, rows.segments)
    kernels.look_back(user, at, app, shown, rule, segment, of_segment, last, last_at, last_rule, any_at, entered)
    case, source, age = (np.empty(len(at), dtype) for dtype in (np.int32, np.int8, np.int64))
    kernels.decide(
        user, at, app, rows.kinds, shown, rule, segment, of_segment, last, last_at, last_rule, any_at, entered, shift,
        bookings.first, bookings.when + SLACK, bookings.cases, carried, carried // ONE_SIDED, ahead, case, source, age,
    )  # fmt: skip
    clock = np.where(n >= OFFSET_MIN_EVENTS, shift / 1e6, np.nan)[user]
    given: list[_Array] = [case, source, age, clock]
    if not isinstance(order, slice):
        for place, column in enumerate(given):
            given[place] = np.empty_like(column)
            given[place][order] = column
    return given[0], given[1], given[2], pl.Series("clock_offset_seconds", given[3]).fill_nan(None)


def _name(case: _Array, source: _Array, age: _Array, cases: pl.Series, least: float) -> list[pl.Series]:
    """The three columns."""
    from taskkit.overlay.kernels import grade

    widest = max(len(bands) for _, bands in CONFIDENCE.values())
    until, shares = (np.full((len(CONFIDENCE), widest), filler) for filler in (_ANY, 0.0))
    for kind, (_, bands) in enumerate(CONFIDENCE.values()):
        until[kind, : len(bands)], shares[kind, : len(bands)] = zip(*bands, strict=True)
    confidence = np.empty(len(case))
    grade(case, source, age, cases.len(), until * 1e6, shares, least, confidence)
    rules = pl.Series([rule for rule, _ in CONFIDENCE.values()])
    found = pl.DataFrame({"case": case, "source": source}).select(
        pl.when(pl.col(name) >= 0).then(name) for name in ("case", "source")
    )
    return [
        cases.gather(found["case"]).alias("case_id"),
        pl.Series("case_confidence", confidence).fill_nan(None),
        rules.gather(found["source"]).alias("case_source"),
    ]


def _refuse_strangers(events: pl.DataFrame, process: pl.DataFrame) -> None:
    if not process["resource"].is_in(events["user"].unique().implode()).any():
        raise ContractError(
            f"No resource of the process log ({process['resource'].n_unique()}, written like "
            f"{shape(process['resource'].drop_nulls()[0])!r}) is a user of the events ({events['user'].n_unique()}, written "
            f"like {shape(events['user'].drop_nulls()[0])!r}; letters as a, digits as 9: nothing is named). Give the resources "
            "the events' pseudonyms with the engagement's key, process = map_resources(process, events, key=key), or drop the "
            "column."
        )


def _applications(app: pl.Series, bar_apps: Sequence[str]) -> tuple[_Array, _Array]:
    """The number of each row's application, and of each number what attribution thinks of it."""
    from taskkit.overlay import kernels

    numbers, distinct = number_texts(app)
    bare = pl.col("app").str.to_lowercase().str.strip_suffix(".exe")
    table = pl.DataFrame({"app": distinct}, schema={"app": pl.String}).select(
        talk=bare.is_in(list(TALK_APPS)).fill_null(False),
        barred=(pl.col("app").is_null() | pl.col("app").is_in([*bar_apps, *BARRED])),
        unread=pl.col("app").is_in(list(bar_apps)).fill_null(False),
    )
    talk, barred, unread = (table[name].to_numpy().astype(np.uint8) for name in table.columns)
    return numbers, talk * kernels.TALKS + barred * kernels.BARRED + unread * kernels.UNREAD


def _doing(events: pl.DataFrame) -> _Array:
    """What each row does with a value, and whether its window was only passed over."""
    from taskkit.overlay import kernels

    parts = []
    if "event_type" in events.columns:
        kind = pl.col("event_type")
        parts = [(kind == "copy", kernels.COPIES), (kind == "cut", kernels.COPIES), (kind == "paste", kernels.PASTES)]
    if "dropped" in events.columns:
        parts.append((pl.col("dropped") == "flicker", kernels.SHORT))
    whole = pl.sum_horizontal(
        pl.lit(0, pl.UInt8), *(is_so.fill_null(False).cast(pl.UInt8) * number for is_so, number in parts)
    )
    doing: _Array = np.broadcast_to(events.select(doing=whole.cast(pl.UInt8)).to_series().to_numpy(), events.height)
    return doing


def _segments(events: pl.DataFrame) -> tuple[_Array, int]:
    """The number of each row's segment, -1 without one, and how many numbers there are."""
    if "segment_id" not in events.columns:
        return np.full(events.height, -1, np.int32), 0
    given = events["segment_id"]
    if not given.dtype.is_integer() or (given.max() or 0) > 4 * events.height:  # type: ignore[operator]
        given = given.rank("dense")
    found: _Array = given.cast(pl.Int32).fill_null(-1).to_numpy()
    return found, int(found.max(initial=-1)) + 1


def list_attributions(events: pl.DataFrame) -> pl.DataFrame:
    """Sum the active time by the rule that joined it to a case.

    Parameters
    ----------
    events : events frame of `attribute_cases`, with `active_seconds`.

    Returns
    -------
    One row per rule, most trusted first: `rule` ("no case" for the rest), `confidence` (mean over rows), `active_hours`,
    `share` of the active time, `cases`, `people`.

    Raises
    ------
    ContractError : `attribute_cases` has not been run.

    >>> events = pl.DataFrame({"user": "p", "app": "erp", "active_seconds": [36.0, 36.0], "case_id": ["c", None],
    ...                        "case_source": ["carried", None], "case_confidence": [0.45, None]})
    >>> list_attributions(events).select("rule", "share").rows()
    [('carried', 0.5), ('no case', 0.5)]
    """
    require_columns(events, "case_id", "case_source", "case_confidence", made_by="attribute_cases")
    require_columns(events, "active_seconds", made_by="name_activities")
    summed = events.drop_nulls("app").group_by(rule=pl.col("case_source").fill_null("no case")).agg(
        confidence=pl.col("case_confidence").mean().round(4),  # the order of rows may not show
        active_hours=pl.col("active_seconds").sum() / 3600,
        cases=pl.col("case_id").drop_nulls().n_unique(),
        people=pl.col("user").n_unique(),
    )  # fmt: skip
    share = pl.col("active_hours") / pl.max_horizontal(pl.col("active_hours").sum(), pl.lit(1e-12))
    listed = summed.with_columns(share=share).sort("confidence", "rule", descending=[True, False], nulls_last=True)
    return listed.select("rule", "confidence", "active_hours", "share", "cases", "people")
