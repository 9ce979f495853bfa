"""What an importer hands back: events with content, and the fate of every column and row of its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import polars as pl

from taskkit.log.table import from_table

LONGEST_LABEL = 80  # characters
_JUST_BEFORE = timedelta(seconds=1)  # a cell is read some 0.06 s before its copy
_USER_FOLDER = r"(?i)(^|[\\/])(users|home|documents and settings)[\\/][^\\/]+[\\/]*$"
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


def file_name_of(path: pl.Expr) -> pl.Expr:
    """The last part of a path; the folder of a person is not named."""
    path = path.str.strip_chars()
    name = path.str.extract(r"([^\\/]+)[\\/]*$")
    return pl.when(path.str.contains(_USER_FOLDER)).then(pl.lit("[user_folder]")).otherwise(name)


def place_clipboard(
    rows: pl.DataFrame, place: Mapping[str, pl.Expr], *, clipboard: pl.Expr, front: pl.Expr, value: pl.Expr
) -> tuple[pl.DataFrame, str]:
    """Where each row happened: a row of the clipboard takes the place of the person's row just before it.

    Parameters
    ----------
    rows : rows in their final order, with `§time` and `§user`.
    place : column → what a row says itself of window, address and element.
    clipboard : whether a row is of the clipboard, which has no window.
    front : whether a row tells what is in front.
    value : what was copied; an element that is called like it gives no name, for that would be content.

    Returns
    -------
    The columns of `place`, one row per row of `rows`; and what was counted, in words.
    """
    text = value.str.replace_all(r"\s+", " ").str.strip_chars().str.head(LONGEST_LABEL)
    own = rows.select("§time", **{"§copied": clipboard.fill_null(False), "§text": text}, **place)
    last = pl.when(front.fill_null(False)).then(pl.int_range(pl.len(), dtype=pl.UInt32))
    number = rows.select(last.forward_fill().over("§user")).to_series()
    before = pl.DataFrame({f"{name}_before": own[name].gather(number) for name in ("§time", *place)})
    both = pl.concat([own, before], how="horizontal")
    near = (pl.col("§time") - pl.col("§time_before") <= _JUST_BEFORE).fill_null(False)
    taken = pl.col("§copied") & near & pl.all_horizontal(pl.col(name).is_null() for name in place)
    counts = both.select(
        all=pl.col("§copied").sum(), taken=taken.sum(), guessed=(pl.col("§copied") & ~near).sum()
    ).row(0, named=True)  # fmt: skip
    said = (
        f"{counts['all']:,} rows; {counts['taken']:,} of them take window and element too, of a row at most 1 s before; "
        f"{counts['guessed']:,} take the program of a row that is further away: a guess"
    )
    filled = both.select(
        "§text", taken=taken, **{name: pl.when(taken).then(f"{name}_before").otherwise(name) for name in place}
    )
    repeats = (pl.col("taken") & (pl.col("element_name") == pl.col("§text"))).fill_null(False)
    return filled.with_columns(pl.when(~repeats).then("element_name").alias("element_name")).select(*place), said


def hide_passwords(values: pl.Series, *, secret: pl.Series) -> tuple[pl.Series, int]:
    """Take passwords out of values: those of secret fields, and the same text wherever it was copied or pasted.

    Returns
    -------
    The values without them, and how many rows were emptied.
    """
    known = values.filter(secret.fill_null(False)).drop_nulls().unique()
    out = values.is_in(known.implode()).fill_null(False) & values.is_not_null()
    return values.set(out, None), int(out.sum())
