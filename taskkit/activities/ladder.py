"""Events → actions: what carries no meaning is set aside, what belongs to one action is merged; nothing is lost."""

from __future__ import annotations

import polars as pl

FLICKER_SECONDS = 1.0  # a window that was in front for less was passed over, not looked at
WINDOW, FLICKER, EXCLUDED, PRESENCE = "window", "flicker", "excluded", "presence"
DROPPED = pl.Enum([PRESENCE, EXCLUDED, "rule", "scroll", "pointer", "key", FLICKER, WINDOW])  # why a row is set aside


def climb(rows: pl.DataFrame, *, idle_cap: float) -> pl.DataFrame:
    """Decide for every row which action it belongs to and whether it stands for it.

    Rows that only lead to an entry (a click into the field that is then written, the selection of a text that is then
    copied) are one action with it; successive rows of one activity are one action. A window that comes to the front is an
    action of its own only if nothing else was done in it. Rows that are set aside belong to the action they happened in, a
    window that came to the front to what is done in it.

    Parameters
    ----------
    rows : in the order of sessions and of `seq`: `session` (number), `at` (µs), `alive` (a sign of life), numbers of
        equal things: `name` (activity), `place` (field; null = none), `window`; `strength` (2 says what an entry is, 1
        leads to it), `focus`, and `dropped` for what is set aside already.
    idle_cap : longest time in seconds that one row stands for.

    Returns
    -------
    One row per row: `active_seconds`, `dropped`, `name` (null where set aside), `step`, `action` (number in the session,
    from 1, on all rows of it or in it; null in a session without any).
    """
    from taskkit.activities.kernels import look_ahead, number_actions

    counts = (rows["dropped"] != PRESENCE).fill_null(True)
    kept = rows["dropped"].is_null().to_numpy()
    session = rows["session"].to_numpy()
    seconds, passed, names = look_ahead(
        session, rows["at"].to_numpy(), rows["alive"].to_numpy(), counts.to_numpy(), kept, rows["focus"].to_numpy(),
        rows["name"].to_numpy(), rows["place"].fill_null(-1).to_numpy(), rows["window"].to_numpy(),
        rows["strength"].to_numpy(), idle_cap, FLICKER_SECONDS,
    )  # fmt: skip
    steps, actions = number_actions(session, kept, passed, names)
    found = pl.DataFrame({"active_seconds": seconds, "name": names, "step": steps, "action": actions, "passed": passed})
    found = found.with_columns(rows["dropped"])
    over = pl.col("passed").replace_strict([1, 2], [WINDOW, FLICKER], default=None, return_dtype=DROPPED)
    return found.select(
        "active_seconds", "step", dropped=pl.coalesce("dropped", over),
        name=pl.when((pl.col("passed") == 0) & pl.col("dropped").is_null()).then("name"),
        action=pl.when(pl.col("action") > 0).then("action"),
    )  # fmt: skip
