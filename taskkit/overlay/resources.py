"""The users of the business system as the pseudonyms of the recording: the same key on both sides, no clear names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from taskkit.errors import ContractError, LogFileError, SettingError
from taskkit.privacy import pseudonym
from taskkit.schema import require_columns

_PSEUDONYM = r"p_[0-9a-f]{12}"
_DOMAINS = r"^.*\\|^.*/|@.*$"  # ACME\jsmith, acme/jsmith, jsmith@acme.com


def map_resources(
    process: pl.DataFrame,
    events: pl.DataFrame,
    *,
    key: bytes,
    names: Mapping[str, str] | str | Path | None = None,
) -> pl.DataFrame:
    """Replace the resources of a process log by the pseudonyms that the same people have in the recording.

    "ACME\\\\jsmith", "jsmith@acme.com" and " JSMITH" are one login: domain, upper and lower case and spaces do not count
    (what is written in full counts first, in case the recorder knew it so). Logins become pseudonyms with the engagement's
    key, as the recorder makes them, so nobody has to see who is who. Resources that are no recorded person (colleagues,
    technical users) become pseudonyms too; what is a pseudonym already stays. No clear name is left in the column.

    Parameters
    ----------
    process : one row per process event, with `resource`.
    events : one row per interaction; `user` holds pseudonyms.
    key : the key with which the events' pseudonyms were made.
    names : logins of users who have another name in the business system: {"17004": "jsmith"}, or a CSV file with the
        columns resource and login.

    Returns
    -------
    The process log, row by row, with `resource` replaced.

    Raises
    ------
    ContractError : no resource becomes a user of the events.
    LogFileError : the file of names cannot be read or lacks a column.

    >>> from taskkit.privacy import pseudonym
    >>> key = b"k" * 32
    >>> events = pl.DataFrame({"user": [pseudonym("jsmith", key=key)]})
    >>> process = pl.DataFrame({"case_id": ["c", "c"], "resource": ["ACME\\\\JSmith", "jsmith@acme.com"]})
    >>> map_resources(process, events, key=key)["resource"].n_unique()
    1
    """
    require_columns(process, "resource", made_by="read_process_log")
    require_columns(events, "user", made_by="read_log")
    logins = {_plain(name): login for name, login in _read_names(names).items()}
    users = set(events["user"].drop_nulls().unique())
    given = process["resource"].cast(pl.String).drop_nulls().unique().sort()
    mapped = [_map(resource, users, logins, key) for resource in given]
    if given.len() and not users.intersection(mapped):
        raise ContractError(
            f"None of the {given.len()} resources of the process log becomes one of the {len(users)} users of the events. "
            "Check that key= is the key the recording was made with, and that resources are logins; where the business "
            'system has other names, give them: names={"name in the system": "login"} or a CSV file (resource, login).'
        )
    resource = pl.col("resource").cast(pl.String)
    return process.with_columns(resource.replace_strict(given, mapped, default=None, return_dtype=pl.String))


def list_resources(process: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Say how much of the process log was booked by recorded people; sizes only, no names.

    Parameters
    ----------
    process : one row per process event, with `resource` (`map_resources`).
    events : one row per interaction.

    Returns
    -------
    Three rows, `booked_by` "recorded people", "others" (colleagues, technical users) and "nobody named": `resources`
    (distinct), `bookings` (process events), `share` (of all process events), `cases` (with such a booking).

    >>> process = pl.DataFrame({"case_id": ["c", "c"], "resource": ["p_1", "p_2"]})
    >>> list_resources(process, pl.DataFrame({"user": ["p_1"]})).select("bookings", "share").rows()
    [(1, 0.5), (1, 0.5), (0, 0.0)]
    """
    require_columns(process, "case_id", "resource", made_by="read_process_log")
    require_columns(events, "user", made_by="read_log")
    recorded = pl.col("resource").is_in(events["user"].drop_nulls().unique().implode())
    kinds = ("recorded people", "others", "nobody named")
    kind = pl.when(pl.col("resource").is_null()).then(pl.lit(kinds[2])).when(recorded).then(pl.lit(kinds[0]))
    counted = process.group_by(booked_by=kind.otherwise(pl.lit(kinds[1]))).agg(
        resources=pl.col("resource").drop_nulls().n_unique(),
        bookings=pl.len(),
        share=pl.len() / max(process.height, 1),
        cases=pl.col("case_id").n_unique(),
    )
    every = pl.DataFrame({"booked_by": kinds}).join(counted, on="booked_by", how="left", maintain_order="left")
    return every.with_columns(pl.col("resources", "bookings", "cases").fill_null(0), pl.col("share").fill_null(0.0))


def _map(resource: str, users: set[str], logins: Mapping[str, str], key: bytes) -> str:
    """The pseudonym of a resource: as it is, by the list of names, as it is written, by its login."""
    if resource in users or re.fullmatch(_PSEUDONYM, resource):
        return resource
    login = logins.get(_plain(resource), resource)
    if login in users:
        return login
    candidates = [pseudonym(form, key=key) for form in (login, _plain(login))]
    return next((name for name in candidates if name in users), candidates[-1])


def _plain(login: str) -> str:
    """A login without domain, spaces, upper case."""
    text = " ".join(login.split()).casefold()
    return re.sub(_DOMAINS, "", text).strip() or text


def _read_names(names: Mapping[str, str] | str | Path | None) -> dict[str, str]:
    if names is None:
        return {}
    if isinstance(names, Mapping):
        return dict(names)
    try:
        table = pl.read_csv(names, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise LogFileError(f"The names cannot be read from {names}: {error}") from error
    if missing := {"resource", "login"} - {*table.columns}:
        raise LogFileError(
            f"{names} has no column {', '.join(sorted(missing))}; found: {', '.join(table.columns)}. It needs resource (the "
            "name in the business system) and login (the name the person signs in with)."
        )
    table = table.select("resource", "login").drop_nulls()
    if twice := table.filter(table["resource"].is_duplicated())["resource"].unique().len():
        raise SettingError(f"{names} names {twice} resources more than once; each needs one login.")
    return dict(table.iter_rows())
