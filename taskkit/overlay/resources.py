"""The users of the business system as the pseudonyms of the recording: the same key on both sides, no clear names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from taskkit.errors import ContractError, LogFileError, SettingError
from taskkit.privacy import PSEUDONYM, UNKNOWN_USER, pseudonym
from taskkit.schema import PROCESS, require_columns

MOST_SPELLINGS = 10  # of one login; a column with more distinct texts than that holds something else
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

    Other columns of texts, or of lists of texts, are mapped likewise if more than half of their distinct values become a
    user or one of those pseudonyms: who approved is then the same person as who booked. In all others the texts stay, clear
    names too ("approver" full of people who booked nothing): `names_persons` tells such columns by their names, and rules,
    pictures and files leave them out.

    Parameters
    ----------
    process : one row per process event, with `resource`.
    events : one row per interaction; `user` holds pseudonyms.
    key : the key with which the events' pseudonyms were made.
    names : logins of users who have another name in the business system: {"17004": "jsmith"}, or a CSV file with the
        columns resource and login.

    Returns
    -------
    The process log, row by row, with `resource` and the other columns of logins replaced.

    Raises
    ------
    ContractError : the log does not say who booked, users of the events are no pseudonyms, or no resource becomes one of
        them.
    LogFileError : the file of names cannot be read or lacks a column.

    >>> from taskkit.privacy import pseudonym
    >>> key = b"k" * 32
    >>> events = pl.DataFrame({"user": [pseudonym("jsmith", key=key)]})
    >>> process = pl.DataFrame({"case_id": ["c", "c"], "resource": ["ACME\\\\JSmith", "jsmith@acme.com"]})
    >>> map_resources(process, events, key=key)["resource"].n_unique()
    1
    """
    _require_resource(process)
    require_columns(events, "user", made_by="read_log")
    _require_pseudonyms(events)
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
    replaced = resource.replace_strict(given, mapped, default=None, return_dtype=pl.String)
    known = users.union(mapped)
    others = [
        _map_others(process[name], known, users, logins, key) for name in process.columns if name not in PROCESS.schema
    ]
    return process.with_columns(replaced, *(column for column in others if column is not None))


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
    require_columns(process, "case_id", made_by="read_process_log")
    _require_resource(process)
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


def _require_resource(process: pl.DataFrame) -> None:
    if "resource" not in process.columns:
        raise ContractError(
            "The process log has no column that says who booked (resource). Name it when reading: read_process_log(…, "
            f'columns={{"resource": "…"}}), or leave this step out. Columns found: {", ".join(process.columns[:12])}.'
        )


def _require_pseudonyms(events: pl.DataFrame) -> None:
    users = events["user"].unique().drop_nulls()
    if names := users.filter(~users.str.contains(rf"^({PSEUDONYM}|{UNKNOWN_USER})$")).len():
        raise ContractError(
            f"{names:,} of the {users.len():,} users of the events are no pseudonyms; allowed: p_ and 12 hexadecimal digits. "
            "Give them some (taskkit.pseudonym with the engagement's key) before the resources get the same."
        )


def _map_others(
    column: pl.Series, known: set[str], users: set[str], logins: Mapping[str, str], key: bytes
) -> pl.Series | None:
    """A column of which most distinct texts are logins of `known` pseudonyms, mapped; None for any other."""
    listed = column.dtype == pl.List(pl.String)
    if not listed and column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return None
    texts = (column.explode(empty_as_null=True) if listed else column).cast(pl.String).drop_nulls().unique().sort()
    if not texts.len() or texts.len() > MOST_SPELLINGS * len(known):
        return None
    mapped = [_map(text, users, logins, key) if text.strip() else text for text in texts]
    if sum(name in known for name in mapped) <= texts.len() / 2:
        return None
    value = (pl.element() if listed else pl.col(column.name)).cast(pl.String)
    value = value.replace_strict(texts, mapped, default=None, return_dtype=pl.String)
    return column.to_frame().select(pl.col(column.name).list.eval(value) if listed else value).to_series()


def _map(resource: str, users: set[str], logins: Mapping[str, str], key: bytes) -> str:
    """The pseudonym of a resource: as it is, by the list of names, as it is written, by its login."""
    if resource in users or re.fullmatch(PSEUDONYM, resource):
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
        # what polars says quotes cells, which are names; so the cause is not shown either
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise LogFileError(
            f"The names cannot be read from {names} ({why}). It must be a CSV file in UTF-8 with the columns resource and login."
        ) from None
    if missing := {"resource", "login"} - {*table.columns}:
        raise LogFileError(
            f"{names} has no column {', '.join(sorted(missing))}; found: {', '.join(table.columns)}. It needs resource (the "
            "name in the business system) and login (the name the person signs in with)."
        )
    table = table.select("resource", "login").drop_nulls()
    if twice := table.filter(table["resource"].is_duplicated())["resource"].unique().len():
        raise SettingError(f"{names} names {twice} resources more than once; each needs one login.")
    return dict(table.iter_rows())
