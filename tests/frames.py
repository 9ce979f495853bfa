"""The one factory for the small frames that tests are written with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from taskkit.schema import EVENTS

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def make_events(rows: Sequence[dict[str, Any] | str], *, seconds: float = 5.0, **shared: Any) -> pl.DataFrame:
    """An events frame from short row descriptions, `seconds` apart unless a row says `after` (seconds since the last).

    A row that is only a text is a click on that element. Columns that are not given are null.
    """
    time, out = START, []
    for number, row in enumerate(rows):
        given = {"element_name": row} if isinstance(row, str) else dict(row)
        if number:
            time += timedelta(seconds=given.pop("after", seconds))
        given.pop("after", None)
        base = {
            "user": "p_1",
            "session_id": "s1",
            "seq": number,
            "timestamp": time,
            "app": "erp",
            "event_type": "click",
        }
        out.append(base | shared | given)
    columns = {name: dtype for name, dtype in EVENTS.schema.items() if any(name in row for row in out)}
    return pl.DataFrame(out, schema=columns, orient="row")
