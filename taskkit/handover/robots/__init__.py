"""Robot skeletons: what a developer would type first, with a TODO wherever the log does not say how to go on."""

from __future__ import annotations

from pathlib import Path

from taskkit.errors import SettingError, check_choice
from taskkit.handover.contents import Handover
from taskkit.handover.robots.framework import as_robot
from taskkit.handover.robots.playwright import as_playwright

KINDS = {"playwright": (as_playwright, ".py"), "robot": (as_robot, ".robot")}


def write_robot(handover: Handover, path: str | Path, *, kind: str = "playwright") -> Path:
    """Write a robot skeleton of the way: Playwright for Python (browser steps) or Robot Framework (browser and desktop).

    Elements are found by their recorded id, else by role and name. A value that a transfer explains is made by code: copies
    become variables that are read where they are shown, parts, reformats and combinations functions, constants and
    look-ups names to be filled in, since the log holds no contents. What a person decides is an argument with a TODO. Steps that
    may be left out and decision points are `if`s with the rule beside them; waits are for elements, never for time.

    Parameters
    ----------
    handover : from `describe_work` or `document_session`.
    path : the file, .py or .robot as the kind asks.
    kind : "playwright" or "robot".

    Returns
    -------
    The path. The file is a start and no finished robot: it stops where a TODO has not been done.

    Raises
    ------
    SettingError : unknown kind, or an ending that does not fit it.

    >>> import pathlib, tempfile, polars as pl, taskkit as tk
    >>> from taskkit.handover import document_session, write_robot
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 5], "what": ["click", "paste"], "app": ["chrome", "chrome"],
    ...     "element": ["New", "Name"]}), columns={"timestamp": "at", "event_name": "what", "element_name": "element"})
    >>> file = write_robot(document_session(tk.name_activities(log)), pathlib.Path(tempfile.mkdtemp()) / "robot.py")
    >>> [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if ".click(" in line]
    ["page.get_by_text('New', exact=True).click()"]
    """
    make, ending = KINDS[check_choice(kind, allowed=KINDS, what="kind of robot")]
    path = Path(path)
    if path.suffix.lower() != ending:
        raise SettingError(
            f"{path.name}: a skeleton of the kind {kind!r} is written to a file that ends with {ending}."
        )
    path.write_text(make(handover), encoding="utf-8", newline="\n")
    return path
