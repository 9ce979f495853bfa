"""Events → actions: what carries no meaning is set aside, what belongs to one action is merged; nothing is lost."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

ECHO_SECONDS = 2.0  # a field that reports its text so soon after a paste reports the paste
FLICKER_SECONDS = 1.0  # a window that was in front for less was passed over, not looked at
WINDOW, FLICKER, EXCLUDED, PRESENCE = "window", "flicker", "excluded", "presence"
ASIDE = (PRESENCE, "rule", "scroll", "pointer", "key")  # why a row is set aside whatever is around it
RECURS = 3  # a title that was visited less often names nothing that comes back


class Rows(NamedTuple):
    """A log as numbers, one entry per event, in the order of sessions and of `seq`."""

    session: npt.NDArray[np.uint32]
    seq: npt.NDArray[np.uint64]
    at: npt.NDArray[np.int64]  # µs
    lasts: npt.NDArray[np.uint32]  # ms that the row says it lasts
    excluded: npt.NDArray[np.bool_]
    code: npt.NDArray[np.uint32]  # row of the table of names
    title: npt.NDArray[np.uint32]  # row of the table of windows
    shown: npt.NDArray[np.uint32]  # row of the table of what rules say


class Actions(NamedTuple):
    """What `climb` decides, one entry per event."""

    active_seconds: npt.NDArray[np.float64]
    passed: npt.NDArray[np.uint8]  # 1 a window in which something else was done, 2 one that flickered, 0 neither
    name: npt.NDArray[np.int32]  # number of the activity
    step: npt.NDArray[np.bool_]
    action: npt.NDArray[np.uint32]  # in the session, from 1; 0 in a session without any


def climb(rows: Rows, names: pl.DataFrame, windows: pl.Series, *, idle_cap: float) -> Actions:
    """Decide for every row which action it belongs to and whether it stands for it.

    Rows that only lead to an entry (a click into the field that is then written, the selection of a text that is then
    copied) are one action with it, and so is the text that a field reports right after a paste; successive rows of one
    activity are one action. A window that comes to the front is an action of its own only if nothing else was done in it.
    Rows that are set aside belong to the action they happened in, a window that came to the front to what is done in it.

    Parameters
    ----------
    rows : the log as numbers.
    names : one row per code: `name` (number of the activity), `place` (number of the field; null = none), `strength` (2
        types, 3 pastes, 4 copies, 1 leads to one of these), `focus`, `alive` (a sign of life), and `dropped`: why it is set aside.
    windows : number of the window of each title.
    idle_cap : longest time in seconds that one row stands for, unless it says itself that it lasts longer.
    """
    from taskkit.activities.kernels import look_ahead, number_actions

    codes = names.select(
        "alive", "focus", "name", "strength", kept=pl.col("dropped").is_null(), place=pl.col("place").fill_null(-1),
        counts=pl.col("dropped").ne_missing(PRESENCE),
    )  # fmt: skip
    of = {name: codes[name].to_numpy() for name in codes.columns}
    n = len(rows.session)
    done = Actions(
        np.empty(n, np.float64),
        np.empty(n, np.uint8),
        np.empty(n, np.int32),
        np.empty(n, np.bool_),
        np.empty(n, np.uint32),
    )
    look_ahead(
        rows.session, rows.at, rows.lasts, rows.excluded, rows.code, rows.title, of["kept"], of["counts"], of["alive"],
        of["focus"], of["name"], of["place"], of["strength"], windows.to_numpy(), idle_cap, FLICKER_SECONDS, ECHO_SECONDS,
        *done[:3],
    )  # fmt: skip
    number_actions(rows.session, rows.excluded, rows.code, of["kept"], done.passed, done.name, done.step, done.action)
    return done


def spell_out(done: Actions, rows: Rows, names: pl.DataFrame, activities: pl.Series) -> pl.DataFrame:
    """What was decided in the words of the contract, one row per event; texts are taken from the tables of the distinct."""
    from taskkit.activities.kernels import say

    there = pl.col("dropped").ne_missing(PRESENCE)
    screen, reasons = pl.when(there).then("screen"), pl.Enum([*ASIDE, WINDOW, FLICKER, EXCLUDED])
    whole = len(reasons.categories)
    codes = names.select(
        screen=screen, named_by=pl.when(there).then("named_by"), visited=screen.rank("dense").cast(pl.Int32).fill_null(0) - 1,
        reason=pl.col("dropped").cast(reasons).to_physical().cast(pl.Int64).fill_null(whole),
    )  # fmt: skip
    visited = codes["visited"].to_numpy()
    visits = np.zeros(int(visited.max(initial=-1)) + 2, np.int64)  # the last one is -1: no screen
    why, shown, doing = (np.empty(len(rows.session), np.uint32) for _ in range(3))
    say(rows.session, rows.code, rows.excluded, done.passed, done.name, visited, codes["reason"].to_numpy(), whole,
        len(activities), visits, why, shown, doing)  # fmt: skip
    # what a person named has a name however rare it is
    given = (pl.col("named_by") == "rule") | pl.lit(pl.Series(visits[visited] >= RECURS))
    known = codes.select("screen", named_by=pl.when(given).then("named_by"))
    code, row = pl.lit(pl.Series(rows.code)), pl.lit(pl.Series(shown))
    action = pl.lit(pl.Series(done.action))
    return pl.select(
        app_role=pl.lit(names["app_role"]).gather(code), screen=_and_nothing(known["screen"]).gather(row),
        named_by=_and_nothing(known["named_by"]).gather(row), active_seconds=pl.lit(pl.Series(done.active_seconds)),
        step=pl.lit(pl.Series(done.step)),
        dropped=_and_nothing(reasons.categories).gather(pl.lit(pl.Series(why))),
        action=pl.when(action > 0).then(action), activity=_and_nothing(activities).gather(pl.lit(pl.Series(doing))),
    )  # fmt: skip


def _and_nothing(texts: pl.Series) -> pl.Expr:
    """Texts and null behind them, in one piece: millions of rows are picked from them."""
    return pl.lit(pl.concat([texts, pl.Series([None], dtype=pl.String)], rechunk=True))
