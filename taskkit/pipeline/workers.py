"""Processes that work on parts of a log, one thread each, so that two of them do not fight for the same cores."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from taskkit.errors import SettingError

# read when polars is imported, so it must stand in the environment before a worker starts
ONE_THREAD = {"POLARS_MAX_THREADS": "1"}


@contextmanager
def start_workers(workers: int | None = None) -> Iterator[ProcessPoolExecutor]:
    """Start processes for `mine_partitions`, each with one thread and the memory of one part.

    On a Dask cluster the same is had by starting its workers with POLARS_MAX_THREADS=1 and one thread each.

    Parameters
    ----------
    workers : how many; as many as there are cores by default.

    Raises
    ------
    SettingError : fewer than one.

    >>> with start_workers(1) as executor:
    ...     executor.submit(os.getenv, "POLARS_MAX_THREADS").result()
    '1'
    """
    many = (os.cpu_count() or 1) if workers is None else workers
    if many < 1:
        raise SettingError(f"workers={workers}; allowed: at least 1.")
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    # a new interpreter: a copy of this process would have its threads' locks but not its threads
    executor = ProcessPoolExecutor(many, mp_context=multiprocessing.get_context("spawn"))
    try:
        # each task starts one; what they need is loaded while the models are fitted here
        for _ in range(many):
            executor.submit(_load)
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _load() -> None:
    """Import what works on parts."""
    import taskkit.pipeline.parts
    import taskkit.pipeline.summaries  # noqa: F401
