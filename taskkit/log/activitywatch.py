"""ActivityWatch, JSON export: spans of windows, absence and tabs become rows in one order per machine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl

from taskkit.errors import ContractError
from taskkit.log.readings import Fate, Reading, text_of, to_events
from taskkit.log.times import read_times

NEEDS = (("bucket.type",), ("bucket.id",), ("timestamp",), ("duration",))
_LAST = datetime(9999, 12, 31, tzinfo=UTC)
_MOST_MS = 2**32 - 1
_PRIVATE_TITLE = r"(?i)\((?:incognito|inprivate|private browsing)\)|\b(?:private browsing|inprivate)\b"
# what a web watcher calls its browser → what the window watcher may call the program
_BROWSERS = {"chrome": "chrom", "chromium": "chrom", "edge": "edge", "firefox": "firefox", "brave": "brave",
             "opera": "opera", "vivaldi": "vivaldi", "safari": "safari", "arc": r"\barc\b"}  # fmt: skip
_ANY_BROWSER = r"(?i)" + "|".join(sorted({*_BROWSERS.values(), "browser", "librewolf", "waterfox", "iexplore"}))
_PARTS = ("window", "afk", "web", "input", "other")
_COUNTED: Fate = (None, "dropped", "keys and clicks are only counted, not placed in time")
_FATES: dict[str, Fate] = {
    "timestamp": ("timestamp, seq", "mapped", "start of the span; the file's order does not matter"),
    "duration": ("duration_ms", "mapped", "of windows and tabs; the end of an absence"),
    "id": (None, "dropped", "number of the row in ActivityWatch's own store"),
    "bucket.id": ("app", "mapped", "names the browser where no window is recorded"),
    "bucket.type": ("event_type", "mapped", "currentwindow, afkstatus and web.tab.current; see the rows about rows"),
    "bucket.hostname": ("session_id", "mapped", "one session per machine, under a digest"),
    "bucket.client": (None, "dropped", "which watcher wrote the bucket"),
    "bucket.name": (None, "dropped", "name of the bucket"),
    "bucket.created": (None, "dropped", "when the bucket was made"),
    "bucket.data": (None, "dropped", "settings of the bucket"),
    "data.app": ("app", "mapped", "without .exe"),
    "data.title": ("window_title", "mapped", "not of private windows"),
    "data.url": ("url", "mapped", "without query and fragment"),
    "data.status": ("event_type", "mapped", "an absence becomes its start and its end"),
    "data.incognito": (None, "dropped", "rows of private windows are left out, see the rows about rows"),
    "data.audible": (None, "dropped", "state of a tab, no meaning for the work"),
    "data.tabCount": (None, "dropped", "state of a tab, no meaning for the work"),
    **{f"data.{name}": _COUNTED for name in ("presses", "clicks", "deltaX", "deltaY", "scrollX", "scrollY")},
}  # fmt: skip


def read_activitywatch(table: pl.DataFrame, *, where: str, columns: Mapping[str, str]) -> Reading:
    """Events of an export: windows, the tabs that were in front, and absences, in one order per machine."""
    spans, notes = _spans(table, where)
    parts = {name: spans.filter(pl.col("§part") == name) for name in _PARTS}
    private = spans.filter("§private")
    windows, repeats = _merge_heartbeats(parts["window"].filter(~pl.col("§private")))
    tabs, again = _merge_heartbeats(parts["web"].filter(~pl.col("§private")))
    windows, hidden = _hide_private_titles(windows, private)
    shown = _in_front(tabs, windows)
    absent = parts["afk"].filter((pl.col("§status") == "afk") & ~pl.col("§private"))
    away, still = _merge_heartbeats(absent)
    rows = pl.concat([
        windows.with_columns(pl.lit("window_focus").alias("§type"), pl.lit(2).alias("§rank")),
        shown.with_columns(pl.lit("navigate").alias("§type"), pl.lit(3).alias("§rank")),
        away.with_columns(pl.lit("idle_start").alias("§type"), pl.lit(4).alias("§rank")),
        away.with_columns(pl.col("§end").alias("§time"), pl.lit("idle_end").alias("§type"), pl.lit(1).alias("§rank")),
    ])  # fmt: skip
    there = parts["afk"].filter((pl.col("§status") != "afk").fill_null(True) & ~pl.col("§private"))
    counted = parts["input"].filter(~pl.col("§private")).height
    dropped = {
        "rows of a private (incognito) window or tab": private.height,
        "heartbeats that go on with the row before them": repeats + again + still,
        "tabs while their browser was not in front": tabs.height - shown.height,
        "spans of presence: between two absences the person was there": there.height,
        "counts of keys, clicks and scrolling, which are no single events": counted,
        **_others(parts["other"].filter(~pl.col("§private"))),
    }
    doubled = {"absences: each gave its start and its end": away.height}
    events = _events(rows, columns, where)
    notes |= {"data.title": f"{hidden:,} titles of windows at the time of a private tab are left out"} if hidden else {}
    notes |= _totals(table)
    return Reading(events, _FATES, notes, _some(dropped), _some(doubled), clear_sessions=True)


def _totals(table: pl.DataFrame) -> dict[str, str]:
    """How much the counters of keys, clicks and scrolling counted in all."""
    counters = [name for name in _FATES if _FATES[name] is _COUNTED and name in table.columns]
    return {name: f"{table[name].cast(pl.Float64, strict=False).abs().sum():,.0f} in all" for name in counters}


def _some(counts: dict[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in counts.items() if count}


def _others(rows: pl.DataFrame) -> dict[str, int]:
    kinds = rows["bucket.type"].fill_null("without a type").value_counts().sort("bucket.type")
    return {f"buckets of the type {kind}, which is not read": count for kind, count in kinds.iter_rows()}


def _spans(table: pl.DataFrame, where: str) -> tuple[pl.DataFrame, dict[str, str]]:
    """Rows with start, end, machine, kind and whether they are private, in the order of time."""
    start = read_times(table["timestamp"], column="timestamp", where=where).alias("§time")
    seconds = table["duration"].cast(pl.Float64, strict=False)
    wrong = (seconds.is_null() & table["duration"].is_not_null()) | seconds.is_nan().fill_null(False)
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        raise ContractError(
            f"The column 'duration' of {where} is no number in {int(wrong.sum()):,} of {table.height:,} rows; the first "
            f"is row {row} (counted from 0): {str(table['duration'][row])[:80]!r}. Allowed: seconds."
        )
    length = (seconds.fill_null(0.0).clip(0.0, _MOST_MS / 1000) * 1000).round().cast(pl.Int64)
    kind = text_of(table, "bucket.type")
    part = kind.replace_strict(
        {"currentwindow": "window", "afkstatus": "afk", "web.tab.current": "web", "os.hid.input": "input"},
        default="other", return_dtype=pl.String,
    )  # fmt: skip
    private = text_of(table, "data.incognito").str.to_lowercase().is_in(["true", "1"]).fill_null(False)
    marked = text_of(table, "data.title").str.contains(_PRIVATE_TITLE).fill_null(False) & (part == "window")
    marked &= text_of(table, "data.app").str.contains(_ANY_BROWSER).fill_null(False)
    rows = table.with_row_index("§row").with_columns(start, length.alias("§ms"), part.alias("§part"),
        (private | marked).alias("§private"), text_of(table, "data.status").alias("§status"),
        text_of(table, "data.app").str.extract(r"([^\\/]+)$").str.replace(r"(?i)\.exe\s*$", "").alias("§app"),
    )  # fmt: skip
    end = pl.min_horizontal(pl.col("§time") + pl.duration(milliseconds="§ms"), pl.lit(_LAST, dtype=start.dtype))
    rows = _name_hosts(rows).with_columns(end.alias("§end"))
    # the file's order is newest first: of two rows of one time the later in the file is the earlier
    rows = rows.sort("§host", "bucket.id", "§time", "§row", descending=[False, False, False, True])
    odd = {"negative": int((seconds < 0).sum()), "missing": seconds.null_count(),
           "longer than 49 days, cut to that": int((seconds * 1000 > _MOST_MS).sum())}  # fmt: skip
    said = ", ".join(f"{count:,} {what}" for what, count in odd.items() if count)
    return rows, {"duration": said} if said else {}


def _name_hosts(rows: pl.DataFrame) -> pl.DataFrame:
    """Machine of each row; a browser's watcher that does not know it belongs to the only one there is."""
    host = text_of(rows, "bucket.hostname").str.strip_chars()
    known = pl.when(host.str.to_lowercase() != "unknown").then(host)
    rows = rows.with_columns(known.alias("§host"))
    hosts = rows["§host"].drop_nulls().unique()
    return rows.with_columns(pl.col("§host").fill_null(hosts[0] if len(hosts) == 1 else "unknown"))


def _merge_heartbeats(spans: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Spans of one bucket without overlap: equal ones that touch are one, an older one ends where the next begins."""
    bucket = ["§host", "bucket.id"]
    same = pl.struct("bucket.id", *(name for name in spans.columns if name.startswith("data.")))
    reach = pl.col("§end").cum_max().shift(1).over(bucket)
    goes_on = (same.eq_missing(same.shift(1).over(bucket)) & (pl.col("§time") <= reach)).fill_null(False)
    spans = spans.with_columns((~goes_on).cum_sum().over(bucket).alias("§run"))
    last = pl.col("§end").max().over(*bucket, "§run")
    merged = spans.with_columns(last.alias("§end")).unique([*bucket, "§run"], keep="first", maintain_order=True)
    following = pl.col("§time").shift(-1).over(bucket)
    ends = pl.min_horizontal("§end", pl.coalesce(following, "§end"))
    merged = merged.with_columns(ends.alias("§end"))
    length = (pl.col("§end") - pl.col("§time")).dt.total_milliseconds().clip(0, _MOST_MS)
    return merged.with_columns(length.alias("§ms")).drop("§run"), spans.height - merged.height


def _hide_private_titles(windows: pl.DataFrame, private: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Browser windows during a private tab lose title and address: the window watcher saw the same page."""
    if private.is_empty() or "data.title" not in windows.columns:
        return windows, 0
    browser = windows.filter(pl.col("§app").str.contains(_ANY_BROWSER).fill_null(False))
    edges = private.filter(pl.col("§part") == "web").sort("§host", "§time")
    apart = (pl.col("§time") > pl.col("§end").cum_max().shift(1).over("§host")).fill_null(True)
    runs = edges.select("§host", "§time", "§end", run=apart.cum_sum()).group_by("§host", "run")
    unions = runs.agg(pl.col("§time").min().alias("§from"), pl.col("§end").max().alias("§to")).sort("§to")
    touched = []
    for (host,), part in unions.group_by("§host", maintain_order=True):
        spans = browser.filter(pl.col("§host") == host).select("§row", "§time", "§end").sort("§time")
        met = spans.join_asof(part, left_on="§time", right_on="§to", strategy="forward")
        touched += met.filter((pl.col("§from") <= pl.col("§end")).fill_null(False))["§row"].to_list()
    over = pl.col("§row").is_in(touched)
    gone = [pl.when(~over).then(name).alias(name) for name in ("data.title", "data.url") if name in windows.columns]
    hidden = windows.filter(over & pl.col("data.title").is_not_null()).height
    return windows.with_columns(gone), hidden


def _in_front(tabs: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """Tabs whose browser was in front, from then on; without any window of the machine all of them."""
    called = tabs["bucket.id"].str.to_lowercase().str.extract(r"web-([a-z]+)")
    tabs = tabs.with_columns(called.alias("§browser"))
    seen = windows["§host"].unique()
    alone = tabs.filter(~pl.col("§host").is_in(seen.implode())).with_columns(
        pl.coalesce("§browser", "§app").alias("§app")
    )
    found = [alone]
    for (host, browser), part in tabs.filter(pl.col("§host").is_in(seen.implode())).group_by(
        "§host", "§browser", maintain_order=True
    ):
        pattern = "(?i)" + _BROWSERS[str(browser)] if browser in _BROWSERS else _ANY_BROWSER
        spans = windows.filter((pl.col("§host") == host) & pl.col("§app").str.contains(pattern).fill_null(False))
        spans = spans.select(
            pl.col("§time").alias("§from"), pl.col("§end").alias("§to"), pl.col("§app").alias("§program")
        )
        joined = part.sort("§time").join_asof(spans.sort("§to"), left_on="§time", right_on="§to", strategy="forward")
        shown = joined.filter((pl.col("§from") <= pl.col("§end")).fill_null(False))
        found.append(shown.with_columns(
            pl.max_horizontal("§time", "§from").alias("§time"), pl.col("§program").alias("§app")
        ).select(alone.columns))  # fmt: skip
    return pl.concat(found).drop("§browser")


def _events(rows: pl.DataFrame, columns: Mapping[str, str], where: str) -> pl.DataFrame:
    rows = rows.sort("§host", "§time", "§rank", "§row", descending=[False, False, False, True])
    span = pl.col("§type").is_in(["window_focus", "navigate"])
    status = pl.concat_str(pl.col("bucket.type"), pl.col("§status"), separator=" ", ignore_nulls=True)
    chosen = {
        "timestamp": pl.col("§time"),
        "session_id": pl.col("§host"),
        "seq": pl.int_range(pl.len()).over("§host"),
        "app": pl.when(span).then(pl.col("§app")),
        "event_type": pl.col("§type"),
        "event_name": status,
        "duration_ms": pl.when(span).then(pl.col("§ms")),
        "window_title": pl.when(span).then(text_of(rows, "data.title")),
        "url": pl.when(span).then(text_of(rows, "data.url")),
    }
    return to_events(rows, chosen, columns=columns, where=where)
