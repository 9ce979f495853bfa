"""Any table to events: which of its columns is what, chosen by hand from a guess."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import check_choice
from taskkit.log.any_table import guess_columns, read_table
from taskkit.log.table import RECORDED, as_polars
from taskkit.schema import EVENTS
from taskkit.widgets.controls import Explorer, choice
from taskkit.widgets.displays import Shown, stack
from taskkit.widgets.tables import table

_TRIED, _SHOWN = 500, 6  # rows that are read for the picture, and rows in it
_FIRST = ("timestamp", "user", "app", "event_type", "event_name", "session_id", "seq")
_ORDER = (*_FIRST, *(column.name for column in RECORDED if column.name not in (*_FIRST, "redactions")))
_NONE = "–"


class ColumnMapper(Explorer):
    """Choose which column of a table is which of the events contract, and see the first rows as they would become.

    `columns` is the choice so far, `events()` the events that it makes. What typed content there is is never shown; a page
    shows nothing that may name a person.

    Parameters
    ----------
    frame : polars or pandas frame, one row per interaction.
    path : where the table was read from, for the call to copy.
    """

    def __init__(self, frame: Any, *, path: str | Path = "log.csv") -> None:
        self.frame, self.path = as_polars(frame), str(path)
        guessed = guess_columns(self.frame)
        self.evidence = dict(guessed.select("contract", "evidence").iter_rows())
        self.guess = dict(guessed.select("contract", "column").iter_rows())
        # a column that bears its contract name is taken in any case
        self.guess |= {n: n for n in _ORDER if n in self.frame.columns and n not in self.guess}
        self.columns = {name: self.guess[name] for name in _ORDER if name in self.guess}

    def events(self) -> pl.DataFrame:
        """The events of the whole table by the choice so far, with values as they stand; an error says what is wrong."""
        return read_table(self.frame, where="the table", columns=self.columns).events

    def controls(self) -> dict[str, Any]:
        """One list for each column of the contract, those that must be known first."""
        return {
            name: choice(
                f"{name}{' *' if name == 'timestamp' else ''}",
                [*([] if name in self.frame.columns else [_NONE]), *self.frame.columns],
                self.columns.get(name, _NONE),
            )
            for name in _ORDER
        }

    def draw(self, **chosen: str | None) -> Any:
        """The first rows by a choice {contract name: column}, and the call that reads the whole file so."""
        return self._drawn(chosen, most_private="P2")

    def static(self) -> Any:
        """The guess with its evidence, the first rows without what may name anybody, and the call."""
        rows = [(name, EVENTS[name].meaning, column, self._why(name)) for name, column in self.columns.items()]
        names = ["events column", "meaning", "column of the table", "why"]
        guess = table(pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row"), caption="Which column is what",
                      most=len(_ORDER), empty="No column could be guessed: name them with columns={…}.")  # fmt: skip
        return (
            stack(guess, self._drawn(dict(self.columns), most_private="P0")) if "timestamp" in self.columns else guess
        )

    def call(self) -> str:
        """The call that reads the file with the choice so far."""
        return f"tk.read_log({self.path!r}, columns={self.columns!r})"

    def _drawn(self, chosen: dict[str, str | None], *, most_private: str) -> Any:
        for name in chosen:
            check_choice(name, allowed=_ORDER, what="events column")
        given = chosen or self.columns
        self.columns = {name: column for name in _ORDER if (column := given.get(name)) not in (None, _NONE)}
        read = read_table(self.frame.head(_TRIED), where="the table", columns=self.columns).events
        filled = [name for name in _ORDER if name in read.columns and read[name].null_count() < read.height]
        hidden = [name for name in filled if EVENTS.privacy_of(name) > most_private and name != "user"]
        mark = [pl.when(pl.col(name).is_not_null()).then(pl.lit("filled")).alias(name) for name in hidden]
        # headings of their own: tables leave out by name what may name persons, but here it is looked at to be judged
        seen = (
            read.select(filled).head(_SHOWN).with_columns(mark).rename({n: _heading(n) for n in filled if n != "user"})
        )
        said = f"{read.height:,} of {self.frame.height:,} rows tried. " if read.height < self.frame.height else ""
        rows = table(seen, caption="The first rows as they would become", most=_SHOWN,
                     definition=f"{said}Columns that stay empty are left out. Users are shown as letters; typed content is not "
                     "shown.", empty="The table has no rows.")  # fmt: skip
        words = self.call()
        code = f'<pre style="white-space:pre-wrap">{html.escape(words)}</pre>'
        return stack(rows, Shown(f'<div class="tk-card"><p>To read it so:</p>{code}</div>', words))

    def _why(self, name: str) -> str:
        own = "it bears the contract's name" if self.guess.get(name) == name else "chosen by hand"
        return self.evidence.get(name, own) if self.guess.get(name) == self.columns[name] else "chosen by hand"


def _heading(name: str) -> str:
    return name.replace("_", " ") if "_" in name else f"{name} "
