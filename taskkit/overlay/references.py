"""Which case a row shows by itself, and how far the business system's clock is from the recorder's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from taskkit.privacy import digest
from taskkit.schema import require_columns

SHORTEST_REFERENCE = 4  # characters; shorter ids ("17") turn up in titles by chance and count only as case_ref
SHORTEST_NUMBER = 5  # digits by which a case may be known without its letters (…/invoices/104233)
OFFSET_WIDTH = 4.0  # seconds: booking follows the click that causes it within about so long
OFFSET_REACH = 900.0  # seconds: larger differences between the clocks are not looked for
OFFSET_MIN_EVENTS = 5
UNKNOWN = "unknown: "
_TEXTS = ("window_title", "url", "element_name")
_TOKENS = (r"[\p{L}\p{N}][\p{L}\p{N}_.\-]*", r"[\p{L}\p{N}][\p{L}\p{N}\-]*", r"[\p{L}\p{N}]+")


def clock_offsets(events: pl.DataFrame, process: pl.DataFrame) -> pl.DataFrame:
    """Estimate for each person how many seconds the process log's clock is ahead of the recorder's.

    A booking is caused by an interaction that, as a rule, still shows the case. So of all differences between a
    person's process events and that person's rows that show the same case, those of the causing rows crowd around
    the offset: it is the middle of the 4 seconds that hold most process events. Differences over 15 minutes are not
    looked at. With fewer than 5 such process events nothing is corrected (offset 0).

    Parameters
    ----------
    events : one row per interaction.
    process : one row per process event; `resource` must hold the events' pseudonyms.

    Returns
    -------
    One row per person: `user`, `offset_seconds` (process time minus recorder time), `n` (process events it rests on).

    >>> from datetime import datetime, timedelta, UTC
    >>> when = [datetime(2026, 3, 2, 8, minute, tzinfo=UTC) for minute in range(6)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(6), "timestamp": when,
    ...                        "case_ref": [f"C-10{i}" for i in range(6)]})
    >>> later = pl.col("timestamp") + timedelta(seconds=30)
    >>> process = events.select(case_id="case_ref", resource="user", timestamp=later)
    >>> clock_offsets(events, process).row(0)
    ('p', 30.0, 6)
    """
    require_columns(events, "user", "session_id", "seq", "timestamp", made_by="read_log")
    shown = events.select("user", "timestamp", case=show_cases(events, process)).drop_nulls()
    shown = shown.filter(~pl.col("case").str.starts_with(UNKNOWN))
    return offsets_of(shown, process, events["user"].unique().sort())


def offsets_of(shown: pl.DataFrame, process: pl.DataFrame, people: pl.Series) -> pl.DataFrame:
    """`clock_offsets` for rows whose shown case is known already."""
    rows = []
    if "resource" in process.columns:
        booked = (
            process.select(user="resource", case="case_id", booked="timestamp")
            .drop_nulls()
            .sort("user", "case", "booked")
        )
        booked = booked.with_row_index("booking")
        pairs = shown.join(booked, on=["user", "case"]).select(
            "user", "booking", seconds=(pl.col("booked") - pl.col("timestamp")).dt.total_microseconds() / 1e6
        )
        pairs = pairs.filter(pl.col("seconds").abs() <= OFFSET_REACH).unique().sort("user", "seconds", "booking")
        rows = [
            (str(user), *_densest(of_user["seconds"].to_numpy(), of_user["booking"].to_numpy()))
            for (user,), of_user in pairs.group_by("user", maintain_order=True)
        ]
    found = pl.DataFrame(rows, schema={"user": pl.String, "offset_seconds": pl.Float64, "n": pl.UInt32}, orient="row")
    everyone = pl.DataFrame({"user": people.cast(pl.String)}).join(found, on="user", how="left").sort("user")
    return everyone.with_columns(pl.col("offset_seconds").fill_null(0.0), pl.col("n").fill_null(0))


def _densest(seconds: npt.NDArray[np.float64], booking: npt.NDArray[np.uint32]) -> tuple[float, int]:
    """Median of the differences in the window that holds most bookings; of equal ones the nearest to zero."""
    ends = np.searchsorted(seconds, seconds + OFFSET_WIDTH, side="right")
    # a booking has many rows: each counts once a window, or lingering on a page would look like a crowd
    counts = np.array([np.unique(booking[start:end]).size for start, end in enumerate(ends)])
    best = np.flatnonzero(counts == counts.max())
    start = int(best[np.argmin(np.abs(seconds[best] + OFFSET_WIDTH / 2))])
    n = int(counts[start])
    return (float(np.median(seconds[start : ends[start]])), n) if n >= OFFSET_MIN_EVENTS else (0.0, n)


def show_cases(events: pl.DataFrame, process: pl.DataFrame, *, key: bytes | None = None) -> pl.Series:
    """The one case that a row shows, in its `case_ref` or in the words of its title, address or element.

    Null where it shows none, or several (a list of invoices). What is written like a case number but is no case of the
    process is given with a leading `UNKNOWN`: the person is visibly at something else. With `key`, references that were
    stored as digests with it are known too.
    """
    known = _known_names(process["case_id"].unique().sort(), key)
    sources = [name for name in ("case_ref", *_TEXTS) if name in events.columns]
    columns = []
    for source in sources:
        distinct = events[source].drop_nulls().unique()
        found = _cases_in_references(distinct, known) if source == "case_ref" else _cases_in_texts(distinct, known)
        columns.append(
            events.select(text=source).join(found, on="text", how="left", maintain_order="left")["cases"].alias(source)
        )
    if not columns:
        return pl.Series("case", [None] * events.height, dtype=pl.String)
    nothing = pl.lit([], dtype=pl.List(pl.String))
    texts = [pl.col(name).fill_null(nothing) for name in sources if name != "case_ref"]
    in_texts = pl.concat_list(texts).list.unique() if texts else nothing
    stated = pl.col("case_ref").list.first() if "case_ref" in sources else pl.lit(None, pl.String)
    alone = pl.when(in_texts.list.len() == 1).then(in_texts.list.first())
    # a number that the process does not know gives way to one that it knows
    certain = pl.when(~stated.str.starts_with(UNKNOWN)).then(stated)
    return pl.DataFrame(columns).select(case=pl.coalesce(certain, alone, stated)).to_series()


def _known_names(cases: pl.Series, key: bytes | None) -> pl.DataFrame:
    """One row per name that stands for exactly one case: its id in small letters, its longest run of digits, their digests."""
    frame = pl.DataFrame({"case": cases})
    digits = pl.col("case").str.extract_all(r"\d+").list
    number = digits.eval(pl.element().sort_by(pl.element().str.len_chars(), descending=True)).list.first()
    names = pl.concat([
        frame.select("case", name=pl.col("case").str.to_lowercase()),
        frame.select("case", name=number).filter(pl.col("name").str.len_chars() >= SHORTEST_NUMBER),
    ]).unique()  # fmt: skip
    if key is not None:
        hidden = pl.Series("name", [digest(name, key=key) for name in names["name"]], dtype=pl.String)
        names = pl.concat([names, names.select("case").with_columns(hidden)])
    return names.filter(pl.col("case").n_unique().over("name") == 1).select("name", "case")


def _pattern(name: str) -> pl.Expr:
    """How a number is written: INV-104233 like INV-999999; keyed digests all alike."""
    digest = pl.col(name).str.contains(r"^[0-9a-f]{16}$")
    return pl.when(digest).then(pl.lit("digest")).otherwise(pl.col(name).str.replace_all(r"\d", "9"))


def _cases_in_references(references: pl.Series, known: pl.DataFrame) -> pl.DataFrame:
    frame = pl.DataFrame({"text": references}).with_columns(name=pl.col("text").str.to_lowercase())
    return _list_cases(_look_up(frame, known))


def _cases_in_texts(texts: pl.Series, known: pl.DataFrame) -> pl.DataFrame:
    """One row per text that names cases; only distinct texts are taken apart, they are few."""
    telling = (pl.col("name").str.len_chars() >= SHORTEST_REFERENCE) & pl.col("name").str.contains(r"\d")
    frame = pl.DataFrame({"text": texts})
    words = [
        frame.select("text", name=pl.col("text").str.to_lowercase().str.extract_all(pattern))
        .explode("name", empty_as_null=True)
        .drop_nulls()
        for pattern in _TOKENS
    ]
    named = pl.concat(words).with_columns(pl.col("name").str.strip_chars_end("._-")).unique().filter(telling)
    found = _look_up(named, known.filter(telling))
    # digits alone (a year, an amount) are a case only if it is known
    return _list_cases(found.filter(~pl.col("case").str.contains(rf"^{UNKNOWN}\d+$")))


def _look_up(named: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """`text` and `case` for the names that are a case, or are written like one."""
    patterns = known.select(pattern=_pattern("name")).unique()
    found = named.join(known, on="name", how="left").with_columns(pattern=_pattern("name"))
    alike = found.join(patterns, on="pattern", how="semi")
    return alike.select("text", case=pl.coalesce("case", pl.lit(UNKNOWN) + pl.col("name"))).unique()


def _list_cases(found: pl.DataFrame) -> pl.DataFrame:
    return found.group_by("text").agg(cases=pl.col("case").sort())
