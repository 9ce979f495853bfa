"""Seconds, processor time and memory."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

RUNS = 3


def median(function: Callable[[], Any], runs: int = RUNS) -> tuple[tuple[float, float], Any]:
    """Median seconds and seconds of processor time, and the last result."""
    seconds, busy, result = [], [], None
    for _ in range(runs):
        result = None  # what was made before is not held beside
        began, before = time.perf_counter(), time.process_time()
        result = function()
        seconds.append(time.perf_counter() - began)
        busy.append(time.process_time() - before)
    return (statistics.median(seconds), statistics.median(busy)), result


def memory(of: int = resource.RUSAGE_SELF) -> float:
    """Peak of this process, or of the largest of its children, in GB."""
    return resource.getrusage(of).ru_maxrss / 1e6


def processor() -> float:
    """Seconds of processor time of this process and its finished children."""
    both = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)
