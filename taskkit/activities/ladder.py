"""Events → actions: what carries no meaning is set aside, what belongs to one action is merged; nothing is lost."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

ECHO_SECONDS = 2.0  # a field that reports its text so soon after a paste reports the paste
FLICKER_SECONDS = 1.0  # a window that was in front for less was passed over, not looked at
WINDOW, FLICKER, EXCLUDED, PRESENCE = "window", "flicker", "excluded", "presence"
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

    kept = names["dropped"].is_null().to_numpy()
    counts = (names["dropped"] != PRESENCE).fill_null(True).to_numpy()
    n = len(rows.session)
    done = Actions(
        np.empty(n, np.float64),
        np.empty(n, np.uint8),
        np.empty(n, np.int32),
        np.empty(n, np.bool_),
        np.empty(n, np.uint32),
    )
    look_ahead(
        rows.session, rows.at, rows.lasts, rows.excluded, rows.code, rows.title, kept, counts, names["alive"].to_numpy(),
        names["focus"].to_numpy(), names["name"].to_numpy(), names["place"].fill_null(-1).to_numpy(),
        names["strength"].to_numpy(), windows.to_numpy(), idle_cap, FLICKER_SECONDS, ECHO_SECONDS, *done[:3],
    )  # fmt: skip
    number_actions(rows.session, rows.excluded, rows.code, kept, done.passed, done.name, done.step, done.action)
    return done


def spell_out(done: Actions, rows: Rows, names: pl.DataFrame, activities: pl.Series) -> pl.DataFrame:
    """What was decided in the words of the contract, one row per event; texts are taken from the tables of the distinct."""
    from taskkit.activities.kernels import say

    away = names["dropped"] == PRESENCE
    names = names.with_columns(
        pl.when(away.fill_null(False)).then(None).otherwise(pl.col(name)).alias(name) for name in ("screen", "named_by")
    )
    screen = names.select(pl.col("screen").rank("dense").cast(pl.Int32) - 1).to_series().fill_null(-1).to_numpy()
    visits = np.zeros(int(screen.max(initial=-1)) + 2, np.int64)  # the last one is -1: no screen
    reasons = [*names["dropped"].unique().drop_nulls().sort(), WINDOW, FLICKER, EXCLUDED, None]
    none = len(reasons) - 1
    number = pl.col("dropped").replace_strict(reasons[:none], range(none), default=none, return_dtype=pl.Int64)
    reason = names.select(number).to_series().to_numpy()
    why, shown, doing = (np.empty(len(rows.session), np.uint32) for _ in range(3))
    say(rows.session, rows.code, rows.excluded, done.passed, done.name, screen, reason, none, len(activities), visits,
        why, shown, doing)  # fmt: skip
    # what a person named has a name however rare it is
    given = (pl.col("named_by") == "rule") | pl.Series(visits[screen] >= RECURS)
    names = names.with_columns(named_by=pl.when(given).then("named_by"))
    nameless = pl.DataFrame({"screen": [None], "named_by": [None]}, schema=names.select("screen", "named_by").schema)
    # in one piece: millions of rows are picked from them
    known = pl.concat([names.select(nameless.columns), nameless], rechunk=True)
    texts = pl.concat([activities, pl.Series([None], dtype=pl.String)], rechunk=True)
    code, row = pl.lit(pl.Series(rows.code)), pl.lit(pl.Series(shown))
    action = pl.lit(pl.Series(done.action))
    return pl.select(
        app_role=pl.lit(names["app_role"]).gather(code), screen=pl.lit(known["screen"]).gather(row),
        named_by=pl.lit(known["named_by"]).gather(row), active_seconds=pl.lit(pl.Series(done.active_seconds)),
        step=pl.lit(pl.Series(done.step)), dropped=pl.lit(pl.Series(reasons, dtype=pl.String)).gather(pl.lit(pl.Series(why))),
        action=pl.when(action > 0).then(action), activity=pl.lit(texts).gather(pl.lit(pl.Series(doing))),
    )  # fmt: skip
