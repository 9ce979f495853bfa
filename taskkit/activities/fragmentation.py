"""How the day is cut up: stretches of work without a change of application or screen."""

from __future__ import annotations

import polars as pl

from taskkit.activities.fields import SESSION, changes, excluded, in_order
from taskkit.log.durations import parse_duration
from taskkit.schema import PRESENCE_TYPES, require_columns

LEAST_SECONDS = 600.0  # a person-day with less active time is no day to describe
_CLASSES = {"share_under_1m": (0.0, 60.0), "share_1m_to_5m": (60.0, 300.0), "share_5m_to_15m": (300.0, 900.0),
            "share_over_15m": (900.0, float("inf"))}  # fmt: skip
_FIGURES = ("median_seconds", "q25_seconds", "q75_seconds", "stretches_per_hour", *_CLASSES)
_RESULT = pl.Schema({"change_of": pl.String} | dict.fromkeys(_FIGURES, pl.Float64) | {
    "stretches": pl.UInt32, "active_hours": pl.Float64, "person_days": pl.UInt32, "people": pl.UInt32,
})  # fmt: skip
_STOPS = [kind for kind in PRESENCE_TYPES if kind != "alive"]


def measure_fragmentation(events: pl.DataFrame, *, pause: str = "5m") -> pl.DataFrame:
    """Measure how the day is cut up: how long people work without changing the application, and without changing the screen.

    A stretch is work in one application (screen) without another one between; a lock, idle or excluded time and a silence
    longer than `pause` end it too, a window that only flickered does not. Its length is its active time (at most 60 s a
    row). The figures are made per person and day, averaged over each person's days and then over people, so that nobody
    weighs more for having been recorded longer, and nobody's own figure comes out. Days with less than 10 active minutes
    are left out.

    Parameters
    ----------
    events : events frame of `name_activities`.
    pause : longest silence inside a stretch, such as "5m".

    Returns
    -------
    Two rows, `change_of` "application" and "screen": `median_seconds`, `q25_seconds`, `q75_seconds` of a stretch (active
    seconds), `stretches_per_hour` (per active hour), `share_under_1m`, `share_1m_to_5m`, `share_5m_to_15m`,
    `share_over_15m` (part of the active time spent in stretches of that length), each a mean over people; `stretches`,
    `active_hours`, `person_days` and `people` it rests on. Empty if no day is long enough.

    Raises
    ------
    ContractError : `name_activities` has not been run.
    SettingError : `pause` is no duration.

    >>> import polars as pl, taskkit as tk
    >>> table = {"at": [1.8e9 + 30 * n for n in range(60)], "app": [("erp", "mail")[n // 4 % 2] for n in range(60)]}
    >>> log = tk.from_table(pl.DataFrame(table), columns={"timestamp": "at", "app": "app"})
    >>> cut = measure_fragmentation(tk.name_activities(log))
    >>> cut.select("change_of", "median_seconds", "stretches").row(0)
    ('application', 120.0, 15)
    """
    require_columns(events, "step", "screen", "active_seconds", made_by="name_activities")
    rows = _work(events, parse_duration(pause).total_seconds())
    parts = [_figures(rows, name, kind) for name, kind in (("app", "application"), ("screen", "screen"))]
    return pl.concat([part for part in parts if part.height] or [pl.DataFrame(schema=_RESULT)])


def _work(events: pl.DataFrame, pause: float) -> pl.DataFrame:
    """Rows with an application that were not excluded, in order, with the block that they belong to and the local day."""
    offset = pl.col("utc_offset_minutes") if "utc_offset_minutes" in events.columns else pl.lit(0)
    local = pl.col("timestamp").dt.replace_time_zone(None) + pl.duration(minutes=offset.cast(pl.Int64).fill_null(0))
    rows = in_order(events.select(
        *SESSION, "seq", "timestamp", "app", "screen", "step", "active_seconds", _day=local.dt.date(),
        _stop=pl.col("event_type").cast(pl.String).is_in(_STOPS) | excluded(events),
    ))  # fmt: skip
    silence = (pl.col("timestamp").diff().dt.total_microseconds() > pause * 1e6).fill_null(False)
    rows = rows.with_columns(_block=(changes(*SESSION) | pl.col("_stop") | silence).cum_sum())
    return rows.filter(~pl.col("_stop") & pl.col("app").is_not_null())


def _figures(rows: pl.DataFrame, name: str, kind: str) -> pl.DataFrame:
    """The one row of a kind of change; none without a day that is long enough."""
    # a row that is no step (scrolling, a flicker) belongs to the place of the step before it
    placed = rows.with_columns(_place=pl.when("step").then(name).forward_fill().backward_fill().over("_block"))
    seconds = pl.col("active_seconds")
    stretches = placed.group_by(changes("_block", "_place").cum_sum().alias("_stretch"), maintain_order=True).agg(
        pl.col("user", "_day").first(), seconds.sum()
    ).filter(seconds > 0)  # fmt: skip
    whole = seconds.sum()
    days = stretches.group_by("user", "_day", maintain_order=True).agg(
        whole.alias("_whole"), _stretches=pl.len(), median_seconds=seconds.median(),
        q25_seconds=seconds.quantile(0.25, "linear"), q75_seconds=seconds.quantile(0.75, "linear"),
        stretches_per_hour=pl.len() / whole * 3600,
        **{label: seconds.filter((seconds >= low) & (seconds < high)).sum() / whole for label, (low, high) in _CLASSES.items()},
    ).filter(pl.col("_whole") >= LEAST_SECONDS)  # fmt: skip
    if days.is_empty():
        return pl.DataFrame(schema=_RESULT)
    people = days.group_by("user").agg(pl.col(*_FIGURES).mean()).sort("user")
    found = people.select(
        pl.lit(kind).alias("change_of"), pl.col(*_FIGURES).mean(), stretches=pl.lit(int(days["_stretches"].sum())),
        active_hours=pl.lit(float(days["_whole"].sum()) / 3600), person_days=pl.lit(days.height),
        people=pl.lit(people.height),
    )  # fmt: skip
    return found.cast(_RESULT)
