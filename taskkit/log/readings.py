"""What an importer hands back: events with content, and the fate of every column and row of its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from taskkit.log.table import from_table

Fate = tuple[str | None, str, str]  # mapped_to, outcome (mapped, split, dropped), reason


@dataclass(frozen=True)
class Reading:
    """What became of one source: rows in = rows that gave one event + `doubled` + `dropped`.

    The events still hold typed values and clear names; `import_log` protects them.
    """

    events: pl.DataFrame
    fates: Mapping[str, Fate]  # source column → where it went and why
    notes: Mapping[str, str] = field(default_factory=dict)  # source column → what was counted while it was read
    dropped: Mapping[str, int] = field(default_factory=dict)  # reason → rows without an event
    doubled: Mapping[str, int] = field(default_factory=dict)  # reason → rows with two events
    clear_sessions: bool = False  # session ids are names of machines: they need a digest


def to_events(
    rows: pl.DataFrame, chosen: Mapping[str, pl.Expr], *, columns: Mapping[str, str], where: str
) -> pl.DataFrame:
    """Events of rows in their final order: what the format says, and on top what the caller maps himself."""
    own = {name: pl.col(foreign) for name, foreign in columns.items()}
    return from_table(rows.select(**{**chosen, **own}), source=where)


def text_of(table: pl.DataFrame, *names: str) -> pl.Expr:
    """Text of the first of these columns that has one on a row; null where the table has none of them."""
    there = [pl.col(name).cast(pl.String) for name in names if name in table.columns]
    filled = [pl.when(column.str.strip_chars() != "").then(column) for column in there]
    return pl.coalesce(filled) if filled else pl.lit(None, dtype=pl.String)


def hide_passwords(values: pl.Series, *, secret: pl.Series) -> tuple[pl.Series, int]:
    """Take passwords out of values: those of secret fields, and the same text wherever it was copied or pasted.

    Returns
    -------
    The values without them, and how many rows were emptied.
    """
    known = values.filter(secret.fill_null(False)).drop_nulls().unique()
    out = values.is_in(known.implode()).fill_null(False) & values.is_not_null()
    return values.set(out, None), int(out.sum())
