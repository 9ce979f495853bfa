"""The executions of a task as an event log: a case for each."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.handover.document import plain_text
from taskkit.handover.executions import choose_executions
from taskkit.handover.rules import FEW
from taskkit.privacy import MIN_PEOPLE

_ENDINGS = (".xes", ".csv")
FEW_APP, FEW_WAY = "(an application of few people)", "(a way of few people)"


def write_task_log(
    events: pl.DataFrame, segments: pl.DataFrame, path: str | Path, *, task_id: str, variant_id: str | None = None,
    all_ways: bool = True, min_people: int = MIN_PEOPLE,
) -> Path:  # fmt: skip
    """Write the executions of a task as an event log for any process-mining tool: a case for each execution.

    The file holds no pseudonyms, teams, titles as they were, or values; cases are numbered in the order in which they began.
    Its times are as recorded: with a rota at hand they can tell who worked, so it goes to the analyst and not to everybody.
    What fewer than `min_people` people do has no name in it: their steps, applications and ways are not told apart. In a CSV
    file a text that a spreadsheet would take for a formula begins with an apostrophe.

    Parameters
    ----------
    events : events frame of `segment`.
    segments : segments frame of `find_tasks`.
    path : the file, .xes or .csv.
    task_id : the task.
    variant_id, all_ways : one way only, if `all_ways` is False: the given or the most frequent one.
    min_people : fewest people behind the executions.

    Returns
    -------
    The path. Each row (event) is a step: `case`, `activity`, `timestamp`, `app`, `active_seconds`, `way`.

    Raises
    ------
    ContractError : a frame comes from too early a step. SettingError : no such task or way, too few people, another ending.

    References
    ----------
    IEEE 1849-2023, Standard for eXtensible Event Stream (XES).

    >>> import pathlib, tempfile, polars as pl, taskkit as tk
    >>> from taskkit.handover import write_task_log
    >>> log = tk.from_table(pl.DataFrame({"at": range(1_800_000_000, 1_800_000_009), "what": list("abs" * 3)}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> log = tk.segment(tk.name_activities(log), method="anchor", end="^s$")
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "task.csv"
    >>> file = write_task_log(log, tk.find_tasks(tk.list_segments(log)), file, task_id="T01", min_people=1)
    >>> pl.read_csv(file)["case"].n_unique()
    3
    """
    path = Path(path)
    kind = check_choice(path.suffix.lower(), allowed=_ENDINGS, what="ending of an event log")
    if all_ways and variant_id is not None:
        raise SettingError("variant_id= chooses one way, all_ways=True asks for all: leave one of them out.")
    steps = _list_steps(events, segments, task_id, variant_id, all_ways, min_people)
    if kind == ".csv":
        steps.with_columns(_no_formula(name) for name in ("case", "activity", "app", "way")).write_csv(path)
    else:
        _write_xes(steps, path, task_id)
    return path


def _list_steps(
    events: pl.DataFrame, segments: pl.DataFrame, task_id: str, variant_id: str | None, all_ways: bool, min_people: int
) -> pl.DataFrame:
    # for all ways the people of the task are counted, not those of its most frequent way
    runs = choose_executions(
        events, segments, task_id=task_id, variant_id=variant_id, min_people=min_people, all_ways=all_ways
    )
    order = runs.chosen.sort("start", "segment_id").with_row_index("_n", offset=1)
    case = order.select("segment_id", way="variant_id", case=pl.format("execution {}", "_n"), _n="_n")
    steps = runs.actions.join(case, on="segment_id").with_columns(active_seconds=pl.col("seconds").round(3))
    hidden = [
        pl.when(pl.col(name).is_null() | (pl.col("user").n_unique().over(name) >= min_people)).then(name).otherwise(pl.lit(few))
        for name, few in (("activity", FEW), ("app", FEW_APP), ("way", FEW_WAY))
    ]  # fmt: skip
    return steps.with_columns(hidden).sort("_n", "place").select(
        "case", "activity", "timestamp", "app", "active_seconds", "way"
    )  # fmt: skip


def _no_formula(name: str) -> pl.Expr:
    """A text that no spreadsheet takes for a formula."""
    begins = pl.col(name).str.contains(r"^[=+\-@\t\r]")
    return pl.when(begins).then(pl.format("'{}", name)).otherwise(name).alias(name)


def _write_xes(steps: pl.DataFrame, path: Path, task_id: str) -> None:
    log = Element("log", {"xes.version": "1849.2023", "xmlns": "http://www.xes-standard.org/"})
    for name, prefix in (("Concept", "concept"), ("Time", "time")):
        SubElement(
            log, "extension", {"name": name, "prefix": prefix, "uri": f"http://www.xes-standard.org/{prefix}.xesext"}
        )
    SubElement(log, "string", {"key": "concept:name", "value": plain_text(task_id)})
    trace, last = log, None
    for case, activity, at, app, seconds, way in steps.iter_rows():
        if case != last:
            trace, last = SubElement(log, "trace"), case
            SubElement(trace, "string", {"key": "concept:name", "value": case})
            SubElement(trace, "string", {"key": "way", "value": plain_text(way or "")})
        event = SubElement(trace, "event")
        SubElement(event, "string", {"key": "concept:name", "value": plain_text(activity)})
        SubElement(event, "date", {"key": "time:timestamp", "value": at.isoformat(timespec="milliseconds")})
        SubElement(event, "string", {"key": "app", "value": plain_text(app or "")})
        SubElement(event, "float", {"key": "active_seconds", "value": str(seconds)})
    indent(log)
    ElementTree(log).write(path, encoding="utf-8", xml_declaration=True)
