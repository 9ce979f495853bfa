"""How far a long run is: a function that is told, or a line of text in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable

Told = Callable[[str, int, int], None]  # stage that begins now, stages done, stages in all
WIDTH = 24  # signs of the bar
LINE = 78  # signs of the line that is overwritten


class Progress:
    """Tells about each stage that begins, and that all are done.

    Parameters
    ----------
    told : function of the stage, the number of stages done and of all; None writes a line to stderr where that is a
        terminal, and nothing elsewhere.
    stages : how many there are.
    """

    def __init__(self, told: Told | None, stages: int) -> None:
        self.told = told or (_line if sys.stderr.isatty() else None)
        self.done, self.stages = 0, stages

    def begin(self, stage: str) -> None:
        """Say that a stage begins."""
        if self.told is not None:
            self.told(stage, self.done, self.stages)
        self.done += 1

    def end(self) -> None:
        """Say that there is nothing left to do."""
        if self.told is not None:
            self.told("done", self.stages, self.stages)


def _line(stage: str, done: int, total: int) -> None:
    full = WIDTH * done // max(total, 1)
    text = "" if done >= total else f"[{'#' * full}{'.' * (WIDTH - full)}] {done}/{total} {stage}"
    sys.stderr.write(f"\r{text[:LINE]:<{LINE}}" + ("\r" if done >= total else ""))
    sys.stderr.flush()
