"""First answers without any segmentation: where the time goes, how applications alternate, what is carried by hand."""

from __future__ import annotations

import polars as pl

from taskkit.schema import require_columns

_SESSION = ["user", "session_id"]


def time_per_app(events: pl.DataFrame) -> pl.DataFrame:
    """Sum the active time in each application.

    Parameters
    ----------
    events : events frame of `name_activities`.

    Returns
    -------
    One row per application, most time first: `app`, `active_hours`, `share` of the active time with an application,
    `visits` (stretches without another application between), `people`.

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 36, 1.8e9 + 72], "app": ["mail", "erp", "erp"]}),
    ...                     columns={"timestamp": "at", "app": "app"})
    >>> tk.time_per_app(tk.name_activities(log))["active_hours"].to_list()
    [0.01, 0.01]
    """
    require_columns(events, "active_seconds", made_by="name_activities")
    rows = events.filter(pl.col("app").is_not_null()).sort(*_SESSION, "seq")
    rows = rows.with_columns(_enters=pl.col("app").ne_missing(pl.col("app").shift(1)).over(_SESSION))
    summed = rows.group_by("app").agg(
        active_hours=pl.col("active_seconds").sum() / 3600, visits=pl.col("_enters").sum().cast(pl.UInt32),
        people=pl.col("user").n_unique(),
    )  # fmt: skip
    share = pl.col("active_hours") / pl.max_horizontal(pl.col("active_hours").sum(), pl.lit(1e-12))
    return summed.select("app", "active_hours", share.alias("share"), "visits", "people").sort(
        "active_hours", "app", descending=[True, False]
    )


def count_switches(events: pl.DataFrame) -> pl.DataFrame:
    """Count how often people went from one application to another.

    Parameters
    ----------
    events : events frame of `name_activities`; only steps count, so a window that flickered is no switch.

    Returns
    -------
    One row per ordered pair of applications, most frequent first: `from_app`, `to_app`, `switches`, `people`.

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 9, 1.8e9 + 18], "app": ["mail", "erp", "mail"]}),
    ...                     columns={"timestamp": "at", "app": "app"})
    >>> tk.count_switches(tk.name_activities(log)).rows()
    [('erp', 'mail', 1, 1), ('mail', 'erp', 1, 1)]
    """
    require_columns(events, "step", made_by="name_activities")
    steps = events.filter(pl.col("step") & pl.col("app").is_not_null()).sort(*_SESSION, "seq")
    pairs = steps.select("user", from_app=pl.col("app").shift(1).over(_SESSION), to_app="app")
    pairs = pairs.filter(pl.col("from_app") != pl.col("to_app"))
    counted = pairs.group_by("from_app", "to_app").agg(switches=pl.len(), people=pl.col("user").n_unique())
    return counted.sort("switches", "from_app", "to_app", descending=[True, False, False])


def count_transfers(events: pl.DataFrame) -> pl.DataFrame:
    """Count what is carried by hand: a value copied in one place and pasted in another.

    A paste belongs to the latest copy of the same value (digest, or content where the log has it) in the session; without
    either it belongs to the latest copy of all.

    Parameters
    ----------
    events : events frame of `name_activities`.

    Returns
    -------
    One row per pair of places, most frequent first: `from_app`, `from_element`, `to_app`, `to_element` (numbers as #, null
    where the log does not tell), `transfers`, `people`, `median_seconds` from copy to paste. Pastes without a copy in the
    log have a null `from_app`.

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 9], "app": ["mail", "erp"], "what": ["copy", "paste"]}),
    ...                     columns={"timestamp": "at", "app": "app", "event_name": "what"})
    >>> tk.count_transfers(tk.name_activities(log)).select("from_app", "to_app", "transfers").rows()
    [('mail', 'erp', 1)]
    """
    require_columns(events, "activity", made_by="name_activities")
    have = [pl.col(name) for name in ("value_digest", "value", "element_name", "element_id") if name in events.columns]
    rows = events.sort(*_SESSION, "seq").select(
        *_SESSION, "seq", "timestamp", "app", pl.col("event_type").cast(pl.String), *have
    )
    key = pl.coalesce(*[name for name in ("value_digest", "value") if name in rows.columns], pl.lit(None, pl.String))
    place = pl.coalesce(
        *[name for name in ("element_name", "element_id") if name in rows.columns], pl.lit(None, pl.String)
    )
    rows = rows.filter(pl.col("event_type").is_in(["copy", "cut", "paste"])).with_columns(
        _key=key, _place=place.str.replace_all(r"\d+", "#"), _copy=pl.col("event_type") != "paste"
    )  # fmt: skip
    source = pl.when("_copy").then(pl.struct(app="app", place="_place", at="timestamp"))
    rows = rows.with_columns(
        _same=source.forward_fill().over([*_SESSION, "_key"]), _last=source.forward_fill().over(_SESSION)
    ).filter(~pl.col("_copy"))
    origin = pl.when(pl.col("_key").is_not_null()).then("_same").otherwise("_last")
    transfers = rows.select(
        "user", from_app=origin.struct.field("app"), from_element=origin.struct.field("place"), to_app="app", to_element="_place",
        seconds=(pl.col("timestamp") - origin.struct.field("at")).dt.total_microseconds() / 1e6,
    )  # fmt: skip
    keys = ["from_app", "from_element", "to_app", "to_element"]
    counted = transfers.group_by(keys).agg(
        transfers=pl.len(), people=pl.col("user").n_unique(), median_seconds=pl.col("seconds").median()
    )  # fmt: skip
    return counted.sort("transfers", *keys, descending=[True, False, False, False, False])
