"""The seeded generator of the worked example: one believable engagement, with its truth beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import SettingError
from taskkit.samples.days import comes, work_days
from taskkit.samples.defects import plan_defects
from taskkit.samples.files import write_files
from taskkit.samples.logs import write_day
from taskkit.samples.office import open_office
from taskkit.samples.process import finish_cases, process_frame
from taskkit.samples.truth import describe_truth
from taskkit.samples.world import SAMPLE_KEY

__all__ = ["SAMPLE_KEY", "Engagement", "make_engagement", "write_sample"]


@dataclass(frozen=True)
class Engagement:
    """An engagement: what was recorded, what the ERP logged, and what is true about both."""

    events: pl.DataFrame  # one row per user interaction
    process: pl.DataFrame  # one row per event of the ERP
    truth_events: pl.DataFrame  # one row per row of `events`, in the same order
    truth: dict[str, Any]


def make_engagement(*, seed: int = 7, people: int = 14, days: int = 10) -> Engagement:
    """Generate accounts payable: two teams, working days in March 2026, eight tasks, and the ERP's log of the same invoices.

    Parameters
    ----------
    seed : the same seed gives the same engagement.
    people : how many are recorded; the first half is team north.
    days : working days from Monday 2 March 2026 on.

    Returns
    -------
    Events (one row per interaction, about 540 a person and day), process events (one row per ERP event), the truth of
    every row, and the truth of the engagement.

    Raises
    ------
    SettingError : fewer than one person or day.

    >>> make_engagement(people=1, days=1).events["user"].n_unique()
    1
    """
    return _make(seed, people, days, None)


def write_sample(
    folder: str | Path, *, seed: int = 7, people: int = 14, days: int = 10,
    progress: Callable[[int, int], None] | None = None,
) -> Path:  # fmt: skip
    """Write the worked example into a folder: UI log, process log (CSV and XES), truth and a description.

    Parameters
    ----------
    folder : is made if it is missing; files of the same names are replaced.
    seed, people, days : as in `make_engagement`.
    progress : is called with (days done, days in all).

    Returns
    -------
    The folder.

    Raises
    ------
    SettingError : fewer than one person or day.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sorted(path.name for path in write_sample(folder, people=1, days=1).iterdir())
    ['README.md', 'process_log.csv', 'process_log.xes', 'process_model.bpmn', 'truth', 'ui_log']
    """
    made = _make(seed, people, days, progress)
    return write_files(Path(folder), made.events, made.process, made.truth_events, made.truth)


def _make(seed: int, people: int, days: int, progress: Callable[[int, int], None] | None) -> Engagement:
    if people < 1 or days < 1:
        raise SettingError(f"people={people}, days={days}; allowed: at least 1 of each.")
    office = open_office(seed, people, days)
    at_work = [(p.index, day) for day in range(days) for p in office.people if comes(seed, p, day, days)]
    plan = plan_defects(seed, at_work)
    known: dict[str, tuple[str, str]] = {}
    parts = []
    for day, sessions in enumerate(work_days(office, seed=seed, days=days), 1):
        if sessions:
            parts.append(write_day(office, sessions, plan, seed=seed, known=known))
        if progress is not None:
            progress(day, days)
    finish_cases(office, seed=seed)
    events, truth_events = _in_order(pl.concat([p[0] for p in parts]), pl.concat([p[1] for p in parts]))
    defects = sorted((d for p in parts for d in p[2]), key=lambda d: (d["defect"], d["user"], d["session_id"]))
    process = process_frame(office)
    settings = {"seed": seed, "people": people, "days": days}
    truth = settings | describe_truth(office, events, truth_events, process, defects)
    return Engagement(events, process, truth_events, truth)


def _in_order(events: pl.DataFrame, truth: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sort both by person, session and seq, and number the true segments in that order."""
    keys = ["user", "session_id", "seq"]
    truth = truth.sort(keys)
    numbers = truth["true_segment"].drop_nulls().unique(maintain_order=True)
    dense = pl.Series(range(len(numbers)), dtype=pl.UInt32)
    return events.sort(keys), truth.with_columns(pl.col("true_segment").replace_strict(numbers, dense, default=None))
