"""The slowest measures of an engagement, kept beside its results so that a notebook that asks again need not wait."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from taskkit.automation import measure_criteria
from taskkit.pipeline.keeping import digest, forget_older, read_frames, write_frames


def keep_criteria(events: pl.DataFrame, segments: pl.DataFrame, *, results: str | Path | None) -> pl.DataFrame:
    """What `measure_criteria` gives for these frames, measured once and then read from the folder of results.

    Parameters
    ----------
    events, segments : frames of `mine`.
    results : folder of results; None measures anew.

    >>> import tempfile, taskkit as tk
    >>> log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_012), "what": list("abs" * 4)})
    >>> events = tk.from_table(log, columns={"timestamp": "at", "event_name": "what"})
    >>> events = tk.segment(tk.name_activities(events), method="anchor", end="^s$")
    >>> segments, folder = tk.find_tasks(tk.list_segments(events)), tempfile.mkdtemp()
    >>> first = keep_criteria(events, segments, results=folder)
    >>> first.equals(keep_criteria(events, segments, results=folder))
    True
    """
    if results is None:
        return measure_criteria(events, segments)
    rests_on = digest(
        _digest(events), _digest(segments), files={}, code=("automation", "tasks", "variants", "routines")
    )
    folder = Path(results) / f"criteria-{rests_on}"
    if (kept := read_frames(folder, ("criteria",))) is not None:
        measured: pl.DataFrame = kept[0]["criteria"]
        return measured
    measured = measure_criteria(events, segments)
    write_frames(folder, {"criteria": measured}, {})
    forget_older(folder)
    return measured


def _digest(frame: pl.DataFrame) -> str:
    """A digest of the rows in their order; lists follow from what stands beside them."""
    flat = frame.select(name for name, kind in frame.schema.items() if not kind.is_nested())
    return hashlib.sha256(repr(flat.schema).encode() + flat.hash_rows(seed=0).to_numpy().tobytes()).hexdigest()
