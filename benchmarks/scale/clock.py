"""Seconds, processor time and memory."""

from __future__ import annotations

import resource
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil

RUNS, QUICK = 3, 9
Took = tuple[float, float]  # seconds by the clock, seconds of processor time


def median(function: Callable[[], Any], runs: int = RUNS) -> tuple[Took, Any]:
    """Median seconds and seconds of processor time, and the last result."""
    took, result = in_turn({"": function}, runs)
    return took[""], result[""]


def in_turn(functions: dict[str, Callable[[], Any]], runs: int = RUNS) -> tuple[dict[str, Took], dict[str, Any]]:
    """The same of some functions one after the other in each run, so that a busy moment of the machine hits all of them."""
    took: dict[str, list[Took]] = {name: [] for name in functions}
    result: dict[str, Any] = {}
    for _ in range(runs):
        for name, function in functions.items():
            result.pop(name, None)  # what was made before is not held beside
            began, before = time.perf_counter(), time.process_time()
            result[name] = function()
            took[name].append((time.perf_counter() - began, time.process_time() - before))
    found = {name: [statistics.median(values) for values in zip(*of, strict=True)] for name, of in took.items()}
    return {name: (clock, busy) for name, (clock, busy) in found.items()}, result


def memory(of: int = resource.RUSAGE_SELF) -> float:
    """Peak of this process, or of the largest of its children, in GB."""
    return resource.getrusage(of).ru_maxrss / 1e6


def processor() -> float:
    """Seconds of processor time of this process and its finished children."""
    both = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


class Watch:
    """The most memory that this process and its children hold, looked at once a second, in GB, and their processor time.

    Pages that several of them share count once in `whole` (proportional set size); `own` is this process, `worker` the largest
    of the children. `busy` are the seconds of processor time of all: children are looked at a last time while they are there.
    """

    def __enter__(self) -> Watch:
        self.own = self.worker = self.whole = self.busy = 0.0
        self._before, self._times = processor(), dict[int, float]()
        self._begun = {each.pid: sum(each.cpu_times()[:2]) for each in psutil.Process().children(recursive=True)}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.busy = processor() - self._before + sum(self._times.values())

    def _look(self) -> None:
        this, going = psutil.Process(), True
        while going:
            going = not self._over.wait(1.0)
            held = [self._see(each) for each in this.children(recursive=True)]
            own = _held(this)
            self.own, self.worker = max(self.own, own), max([self.worker, *held])
            self.whole = max(self.whole, own + sum(held))

    def _see(self, process: psutil.Process) -> float:
        try:
            self._times[process.pid] = sum(process.cpu_times()[:2]) - self._begun.get(process.pid, 0.0)
        except psutil.Error:  # it has just ended
            return 0.0
        return _held(process)


def _held(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss / 1e9)
    except psutil.Error:  # it has just ended
        return 0.0
