"""Processes that work on parts of a log, one thread each, so that two of them do not fight for the same cores."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from threading import Timer
from typing import Any

from taskkit.errors import SettingError

# read when libraries are imported, so it must stand in the environment before a worker starts
ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
LOOPS = "taskkit.kernels"
LATER = 2.5  # seconds after which workers start that nobody has asked for yet
_SHARED = (LOOPS, "scipy.sparse")  # no thread begins with these
_NEEDED = (*_SHARED, "taskkit.pipeline.parts", "taskkit.pipeline.summaries")


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
    executor = ProcessPoolExecutor(many, mp_context=_context(), initializer=_load)
    # each task starts one: what they need is loaded beside the fitting here, after what this process itself loads
    starting = Timer(LATER, lambda: [executor.submit(int) for _ in range(many)])
    starting.start()
    try:
        yield executor
    finally:
        starting.cancel()
        starting.join()
        executor.shutdown(cancel_futures=True)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _load() -> None:
    """What a worker does first."""
    os.environ.update(ONE_THREAD)  # not there in a copy of a process that others began
    for name in _NEEDED:
        importlib.import_module(name)
    gc.freeze()  # what is loaded stays: it is not looked through again for what could go


def _context() -> Any:
    """How workers begin: never as copies of this process, which would have its threads' locks but not its threads."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    # copies of a process that has the loops and, without polars, not one thread
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_SHARED])
    return context
