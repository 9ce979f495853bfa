"""Where the time goes and where data are entered: application by application, screen by screen, field by field."""

from __future__ import annotations

import polars as pl

from taskkit.activities.fields import SESSION, WRITES, changes, element, in_order, value_key
from taskkit.errors import check_choice
from taskkit.schema import require_columns

_KEYS = {"app": ["app"], "app_role": ["app_role"], "screen": ["app", "screen"]}


def time_per_app(events: pl.DataFrame, *, by: str = "app") -> pl.DataFrame:
    """Sum the active time in each application, or in each role of an application, or in each screen.

    Active time of a row is the time until the same person's next row, at most 60 s: reading and talking count little,
    so the hours are a lower bound of working time. A visit is a stretch of rows without another application (role,
    screen) between. Hours are those of all people together; nobody's own hours come out.

    Parameters
    ----------
    events : events frame of `name_activities`.
    by : "app", "app_role" (two applications that do the same job count as one, see `rules.toml`) or "screen".

    Returns
    -------
    One row per application (role; application and screen), most time first: `app` (`app_role`; `app`, `screen`),
    `active_hours`, `share` of the active time with an application (role, screen), `visits`, `people`,
    `median_visit_seconds` (active seconds of a visit).

    Raises
    ------
    ContractError : `name_activities` has not been run.
    SettingError : an unknown `by`.

    >>> import polars as pl, taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 36, 1.8e9 + 72], "app": ["mail", "erp", "erp"]}),
    ...                     columns={"timestamp": "at", "app": "app"})
    >>> tk.time_per_app(tk.name_activities(log)).select("app", "active_hours", "median_visit_seconds").rows()
    [('erp', 0.01, 36.0), ('mail', 0.01, 36.0)]
    """
    keys = _KEYS[check_choice(by, allowed=_KEYS, what="way to sum up time")]
    require_columns(events, "active_seconds", *keys, made_by="name_activities")
    rows = in_order(events.select(*SESSION, "seq", *keys, "active_seconds").drop_nulls(by))
    visits = rows.group_by(changes(*SESSION, *keys).cum_sum().alias("_visit"), maintain_order=True).agg(
        pl.col("user", *keys).first(), pl.col("active_seconds").sum()
    )
    summed = visits.group_by(keys).agg(
        active_hours=pl.col("active_seconds").sum() / 3600,
        visits=pl.len().cast(pl.UInt32),
        people=pl.col("user").n_unique(),
        median_visit_seconds=pl.col("active_seconds").median(),
    )
    share = pl.col("active_hours") / pl.max_horizontal(pl.col("active_hours").sum(), pl.lit(1e-12))
    return summed.select(*keys, "active_hours", share.alias("share"), "visits", "people", "median_visit_seconds").sort(
        "active_hours", *keys, descending=[True, *[False] * len(keys)]
    )


def count_entries(events: pl.DataFrame) -> pl.DataFrame:
    """Count how often each field is filled in, by typing or by pasting, and how often with the same value.

    An entry is an action that writes into a field; what `name_activities` merges into one action, such as several bursts
    of typing in one field, is one entry. A field in which most entries have the same value could have a default; one with
    as many values as entries carries data that come from somewhere else. Values are compared by digest, none is stored.

    Parameters
    ----------
    events : events frame of `name_activities`.

    Returns
    -------
    One row per field, most entries first: `app`, `screen`, `element` (numbers as #, null where the log does not tell),
    `entries`, `people`, `values` (distinct ones) and `top_value_share` (part of the entries that have the field's most
    frequent value), both null where the log holds no digests, `pasted_share`, `active_hours` (of the rows that write).

    Raises
    ------
    ContractError : `name_activities` has not been run.

    >>> import polars as pl, taskkit as tk
    >>> table = {"at": [1.8e9, 1.8e9 + 9, 1.8e9 + 18], "app": ["erp"] * 3, "what": ["edit", "click", "paste"],
    ...          "field": ["Code", "Save", "Code"]}
    >>> log = tk.from_table(pl.DataFrame(table),
    ...                     columns={"timestamp": "at", "app": "app", "event_name": "what", "element_name": "field"})
    >>> count_entries(tk.name_activities(log)).select("element", "entries", "pasted_share").rows()
    [('Code', 2, 0.5)]
    """
    require_columns(events, "screen", "activity", "action", "active_seconds", made_by="name_activities")
    written = pl.col("event_type").cast(pl.String).is_in(WRITES) & pl.col("activity").is_not_null()
    rows = in_order(events.filter(written))
    rows = rows.with_columns(element=element(rows), _key=value_key(rows), _pasted=pl.col("event_type") == "paste")
    field = ["app", "screen", "element"]
    entries = rows.group_by([*SESSION, "action", *field], maintain_order=True).agg(
        pl.col("_key").drop_nulls().last(), pl.col("_pasted").any(), pl.col("active_seconds").sum()
    )
    known = entries.drop_nulls("_key").group_by([*field, "_key"]).len("_n").group_by(field).agg(
        values=pl.len().cast(pl.UInt32), top_value_share=pl.col("_n").max() / pl.col("_n").sum()
    )  # fmt: skip
    counted = entries.group_by(field).agg(
        entries=pl.len().cast(pl.UInt32),
        people=pl.col("user").n_unique(),
        pasted_share=pl.col("_pasted").mean(),
        active_hours=pl.col("active_seconds").sum() / 3600,
    )
    joined = counted.join(known, on=field, how="left", nulls_equal=True)
    columns = [*field, "entries", "people", "values", "top_value_share", "pasted_share", "active_hours"]
    return joined.select(columns).sort("entries", *field, descending=[True, False, False, False])
