"""Which case a row shows by itself, and how far the business system's clock is from the recorder's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl

from taskkit.overlay.coding import Bookings, book, number_texts, refuse_empty_cells
from taskkit.privacy import digest
from taskkit.schema import require_columns

SHORTEST_REFERENCE = 4  # characters; shorter ids ("17") turn up in titles by chance and count only as case_ref
SHORTEST_NUMBER = 5  # digits by which a case may be known without its letters (…/invoices/104233)
OFFSET_WIDTH = 4_000_000  # microseconds: booking follows the click that causes it within about so long
OFFSET_REACH = 900_000_000  # microseconds: larger differences between the clocks are not looked for
OFFSET_STEP = 500_000
OFFSET_MIN_EVENTS = 5
_TEXTS = ("window_title", "url", "element_name")
# words with a digit in them, and their parts: a_b-17.pdf, b-17, 17
_WORD, _PARTS = r"[\p{L}\p{N}_.\-]*\p{N}[\p{L}\p{N}_.\-]*", (r"[\p{L}\p{N}\-]+", r"[\p{L}\p{N}]+")
_Array = Any  # numpy array


def clock_offsets(events: pl.DataFrame, process: pl.DataFrame, *, key: bytes | None = None) -> pl.DataFrame:
    """Estimate for each person how many seconds the process log's clock is ahead of the recorder's.

    A booking is caused by an interaction that, as a rule, still shows the case. So of all differences between a
    person's process events and that person's rows that show the same case, those of the causing rows crowd around
    the offset: it is the middle of the 4 seconds that hold most process events. Differences over 15 minutes are not
    looked at. With fewer than 5 such process events nothing is corrected (offset 0).

    Parameters
    ----------
    events : one row per interaction.
    process : one row per process event; `resource` must hold the events' pseudonyms.
    key : the key with which case references were made digests, if they were.

    Returns
    -------
    One row per person: `user`, `offset_seconds` (process time minus recorder time), `n` (process events it rests on),
    `low_seconds` and `high_seconds` (from the earliest to the latest offset that would explain nearly as many, at most two
    standard deviations of a count fewer; null where nothing is corrected), `bookings` (process events of which the person
    saw the case within 15 minutes). A wide range, or a small part of the bookings, says that the clocks are not well known.

    >>> from datetime import datetime, timedelta, UTC
    >>> when = [datetime(2026, 3, 2, 8, minute, tzinfo=UTC) for minute in range(6)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(6), "timestamp": when,
    ...                        "case_ref": [f"C-10{i}" for i in range(6)]})
    >>> later = pl.col("timestamp") + timedelta(seconds=30)
    >>> process = events.select(case_id="case_ref", resource="user", timestamp=later)
    >>> clock_offsets(events, process).select("user", "offset_seconds", "n").row(0)
    ('p', 30.0, 6)
    """
    require_columns(events, "user", "session_id", "seq", "timestamp", made_by="read_log")
    refuse_empty_cells(events)
    numbers, distinct = number_texts(events["user"])
    people, rank = distinct.sort(), (distinct.rank("ordinal") - 1).cast(pl.Int32).to_numpy()
    cases = process["case_id"].unique().sort()
    shown = code_cases(events, cases, key=key)
    rows = np.flatnonzero(shown >= 0)
    rows = rows[np.argsort(rank[numbers[rows]], kind="stable")]
    user, at = rank[numbers[rows]], events["timestamp"].dt.timestamp("us").to_numpy()[rows]
    found = offsets_of(user, at, shown[rows], cases.len(), book(process, people, cases))
    number = pl.col("n").cast(pl.UInt32), pl.col("bookings").cast(pl.UInt32)
    names = ("offset_seconds", "n", "low_seconds", "high_seconds", "bookings")
    table = pl.DataFrame(found, schema=names, orient="row").with_columns(user=people)
    enough = pl.col("n") >= OFFSET_MIN_EVENTS
    return table.select(
        "user", pl.when(enough).then("offset_seconds").otherwise(0.0), number[0],
        *(pl.when(enough).then(name).alias(name) for name in names[2:4]), number[1],
    )  # fmt: skip


def known_offsets(events: pl.DataFrame, process: pl.DataFrame) -> pl.DataFrame:
    """The clock offsets that attribution used, where the events tell (`clock_offset_seconds`), else those estimated now.

    Only attribution has the key of references that are digests: without it they would show no case here.

    Returns
    -------
    One row per person: `user`, `offset_seconds` (process time minus recorder time, 0 where nothing is corrected),
    `compared` (whether enough process events told the offset).
    """
    if "clock_offset_seconds" not in events.columns:
        found = clock_offsets(events, process)
        return found.select("user", "offset_seconds", compared=pl.col("n") >= OFFSET_MIN_EVENTS)
    used = events.group_by("user").agg(offset_seconds=pl.col("clock_offset_seconds").drop_nulls().first()).sort("user")
    return used.with_columns(pl.col("offset_seconds").fill_null(0.0), compared=pl.col("offset_seconds").is_not_null())


def offsets_of(user: _Array, at: _Array, shown: _Array, known: int, bookings: Bookings) -> _Array:
    """The columns of `clock_offsets`, one row per person, for rows whose shown case is known already."""
    from taskkit.overlay.kernels import find_offsets

    found = np.zeros((len(bookings.first) - 1, 5))
    find_offsets(
        user, at, shown, known, bookings.first, bookings.when, bookings.cases, OFFSET_REACH, OFFSET_WIDTH, OFFSET_STEP, found
    )  # fmt: skip
    return found / np.array([1e6, 1.0, 1e6, 1e6, 1.0])


def code_cases(events: pl.DataFrame, cases: pl.Series, *, key: bytes | None = None) -> _Array:
    """The one case that a row shows, in its `case_ref` or in the words of its title, address or element.

    Parameters
    ----------
    events : one row per interaction.
    cases : the cases of the process, distinct and sorted.
    key : with it, references that were stored as digests are known too.

    Returns
    -------
    For every row the place of its case in `cases`; NONE where it shows none, or several (a list of invoices). What is
    written like a case number but is no case has a number from the end of `cases` on: the person is visibly at something
    else. Each distinct text is taken apart once.
    """
    from taskkit.overlay.kernels import NONE, add_references, add_texts

    known = _known_names(cases, key)
    sources = [name for name in (*_TEXTS, "case_ref") if name in events.columns]
    numbers, texts = {}, []
    with ThreadPoolExecutor(2) as pool:
        numbered = list(pool.map(number_texts, [events[source] for source in sources]))
    for source, (of_rows, distinct) in zip(sources, numbered, strict=True):
        numbers[source] = of_rows
        texts.append(
            pl.DataFrame({"text": distinct}).with_row_index("number").drop_nulls().with_columns(source=pl.lit(source))
        )
    shown = np.full(events.height, NONE, np.int32)
    if not texts:
        return shown
    whole = pl.concat(texts).with_columns(pl.col("text").str.to_lowercase())
    stated = pl.col("source") == "case_ref"
    named = pl.concat([_name_references(whole.filter(stated), known), _name_texts(whole.filter(~stated), known)])
    # what is written like a case and is none gets the numbers after the cases
    strange = named.filter(pl.col("case").is_null()).select(pl.col("name").unique().sort())
    places = strange.with_row_index("place", offset=cases.len()).with_columns(pl.col("place").cast(pl.Int32))
    named = named.join(places, on="name", how="left").with_columns(pl.coalesce("case", "place").alias("case"))
    for source in sources:
        table = _settle(named.filter(pl.col("source") == source), int(numbers[source].max(initial=0)) + 1)
        if source == "case_ref":
            add_references(shown, numbers[source], table, cases.len())
        else:
            add_texts(shown, numbers[source], table)
    if "case_ref" not in sources:
        shown[shown < 0] = NONE
    return shown


def find_words(events: pl.DataFrame) -> pl.Series:
    """The distinct words of the events that are long enough and have a digit, as cases do."""
    sources = [name for name in (*_TEXTS, "case_ref") if name in events.columns]
    texts = pl.concat([events[name].cast(pl.String).unique().alias("text").to_frame() for name in sources] or [
        pl.DataFrame(schema={"text": pl.String})
    ])  # fmt: skip
    words = texts.select(name=pl.col("text").str.extract_all(_WORD)).explode("name", empty_as_null=True).drop_nulls()
    return words.with_columns(pl.col("name").str.strip_chars("._-")).filter(_telling())["name"].unique().sort()


def _known_names(cases: pl.Series, key: bytes | None) -> pl.DataFrame:
    """One row per name that stands for exactly one case: its id in small letters, its longest run of digits, their digests."""
    frame = pl.DataFrame({"case": pl.int_range(cases.len(), dtype=pl.Int32, eager=True), "id": cases})
    runs = (
        frame.select("case", run=pl.col("id").str.extract_all(r"\d+")).explode("run", empty_as_null=True).drop_nulls()
    )
    runs = runs.with_columns(length=pl.col("run").str.len_chars()).filter(pl.col("length") >= SHORTEST_NUMBER)
    longest = runs.sort("length", descending=True, maintain_order=True).unique("case", keep="first")
    # what one case is called comes before what is only a part of another one's name
    whole = frame.select("case", name=pl.col("id").str.to_lowercase())
    part = longest.select("case", name="run").join(whole, on="name", how="anti")
    names = pl.concat([whole, part])
    if key is not None:
        hidden = pl.Series("name", [digest(name, key=key) for name in names["name"]], dtype=pl.String)
        names = pl.concat([names, names.select("case").with_columns(hidden)])
    return names.filter(pl.col("name").is_unique())


def _pattern(name: str) -> pl.Expr:
    """How a number is written: INV-104233 like INV-999999; keyed digests all alike."""
    digest = pl.col(name).str.contains(r"^[0-9a-f]{16}$")
    return pl.when(digest).then(pl.lit("digest")).otherwise(pl.col(name).str.replace_all(r"\d", "9"))


def _telling() -> pl.Expr:
    return (pl.col("name").str.len_chars() >= SHORTEST_REFERENCE) & pl.col("name").str.contains(r"\d")


def _name_references(texts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """`source`, `number`, `name` and `case` (null: written like one) of the references that may be a case."""
    found = _look_up(texts["text"].unique(), known)
    return texts.join(found, left_on="text", right_on="name").select("source", "number", name="text", case="case")


def _name_texts(texts: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The same for the words of texts and the parts of those words; each distinct word is taken apart once."""
    words = (
        texts.lazy()
        .select("source", "number", word=pl.col("text").str.extract_all(_WORD))
        .explode("word", empty_as_null=True)
        .drop_nulls()
        .with_columns(pl.col("word").str.strip_chars("._-"))
        .collect()
    )
    place, distinct = number_texts(words["word"])
    parts = pl.DataFrame({"word": distinct}).with_row_index("place")
    joined = parts.filter(pl.col("word").str.contains(r"[_.\-]"))
    divided = [
        joined.select("place", name=pl.col("word").str.extract_all(part))
        .explode("name", empty_as_null=True)
        .drop_nulls()
        .with_columns(pl.col("name").str.strip_chars("-"), level=pl.lit(level))
        for level, part in enumerate(_PARTS, 1)
    ]
    names = pl.concat([parts.select("place", name="word", level=pl.lit(0)), *divided]).filter(_telling())
    found = _look_up(names["name"].unique(), known.filter(_telling()))
    # digits alone (a year, an amount) are a case only if it is known
    found = found.filter(pl.col("case").is_not_null() | ~pl.col("name").str.contains(r"^\d+$"))
    said = names.join(found, on="name")
    # the parts of a word that is a case say nothing of their own: INV-10001_2 is not INV-10001
    first = pl.col("level").filter(pl.col("case").is_not_null()).min().over("place")
    said = said.filter(first.is_null() | (pl.col("level") <= first)).drop("level").unique()
    return words.select("source", "number", place=pl.Series(place)).join(said, on="place").drop("place")


def _look_up(names: pl.Series, known: pl.DataFrame) -> pl.DataFrame:
    """`name` and `case` of the names that are a case, or are written like one (`case` null)."""
    patterns = known.select(pattern=_pattern("name")).unique()
    found = pl.DataFrame({"name": names}).join(known, on="name", how="left")
    strange = found.filter(pl.col("case").is_null()).with_columns(pattern=_pattern("name"))
    alike = strange.join(patterns, on="pattern", how="semi")
    return pl.concat([found.drop_nulls("case"), alike.drop("pattern")]).select("name", "case")


def _settle(found: pl.DataFrame, size: int) -> _Array:
    """The one case that each text names, NONE or SEVERAL."""
    from taskkit.overlay.kernels import NONE, SEVERAL

    table = np.full(size, NONE, np.int32)
    one = found.group_by("number").agg(pl.col("case").min(), several=pl.col("case").min() != pl.col("case").max())
    one = one.with_columns(pl.when("several").then(SEVERAL).otherwise("case").alias("case"))
    table[one["number"].to_numpy()] = one["case"].to_numpy()
    return table
