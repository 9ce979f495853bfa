"""A joined log as XES, written in pieces: an XML event for each row, a trace for each case."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

import polars as pl

from taskkit.overlay.exports.private_files import private_file
from taskkit.overlay.exports.work import split_attributes

PIECE = 20_000  # rows that are held as text at a time
_ILLEGAL = "[^\\t\\n\\r\\x{20}-\\x{D7FF}\\x{E000}-\\x{FFFD}\\x{10000}-\\x{10FFFF}]"  # what XML 1.0 cannot hold
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2023" xes.features="" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
<classifier name="Activity" keys="concept:name"/>
"""


def write_traces(process: pl.DataFrame, work: pl.DataFrame, path: Path) -> None:
    """Write the traces in the order of their first process event, the events of each by their end."""
    cases, others = split_attributes(process)
    of_log = pl.concat([process.drop("others"), others], how="horizontal").with_columns(level=pl.lit("process"))
    events = pl.concat([of_log, work.drop("instance", "rows")], how="diagonal")
    order = process.group_by("case_id").agg(_first=pl.col("end").min())
    events = events.join(order, on="case_id", maintain_order="left").with_row_index("_place")
    # work that ends when it is booked stands before its booking
    events = events.sort("_first", "case_id", "end", pl.col("level") == "process", "_place")
    with private_file(path) as passing, passing.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_HEAD)
        for piece in _with_traces(events, cases).iter_slices(PIECE):
            file.writelines(piece.select(_as_xml(piece)).to_series())
        file.write("</log>\n")


def _with_traces(events: pl.DataFrame, cases: pl.DataFrame) -> pl.DataFrame:
    """Adds what opens a trace before its first event and what closes it after its last."""
    heads = cases.select(
        "case_id",
        _head=pl.concat_str(
            pl.lit("<trace>\n"), _attribute("concept:name", "case_id", pl.String()),
            *(_attribute(_free(name), name, dtype) for name, dtype in cases.schema.items() if name != "case_id"),
            ignore_nulls=True,
        ),
    )  # fmt: skip
    case = pl.col("case_id")
    events = events.join(heads, on="case_id", maintain_order="left")
    return events.with_columns(
        _head=pl.when((case != case.shift(1)).fill_null(True)).then("_head").otherwise(pl.lit("")),
        _foot=pl.when((case != case.shift(-1)).fill_null(True)).then(pl.lit("</trace>\n")).otherwise(pl.lit("")),
    )


def _as_xml(events: pl.DataFrame) -> pl.Expr:
    apps = pl.when(pl.col("apps").list.len() > 0).then(pl.col("apps").list.join(", "))
    own = {
        "concept:name": "name", "start_timestamp": "start", "time:timestamp": "end", "org:resource": "person",
        "taskkit:level": "level", "taskkit:touch_seconds": "touch_seconds", "taskkit:confidence": "confidence",
        "taskkit:booking": "booking",
    }  # fmt: skip
    others = {_free(name): name for name in events.columns if name.startswith("a:")}
    return pl.concat_str(
        "_head", pl.lit("<event>\n"),
        *(_attribute(key, name, events.schema[name]) for key, name in (own | others).items()),
        _text("taskkit:apps", apps), pl.lit("</event>\n"), "_foot",
        ignore_nulls=True,
    )  # fmt: skip


def _free(name: str) -> str:
    """The key of a column of the log; the standard's own keys are taken."""
    bare = name.removeprefix("a:")
    return f"log:{bare}" if bare in ("concept:name", "time:timestamp", "start_timestamp", "org:resource") else bare


def _attribute(key: str, name: str, dtype: pl.DataType) -> pl.Expr:
    """One attribute as XML with the standard's type, null where it has no value."""
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        return _tag("date", key, column.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00"))
    if dtype == pl.Boolean:
        return _tag("boolean", key, column.cast(pl.String))
    if dtype.is_integer() or dtype.is_float():
        return _tag("int" if dtype.is_integer() else "float", key, column.cast(pl.String))
    return _text(key, column.cast(pl.String))


def _text(key: str, text: pl.Expr) -> pl.Expr:
    legal = text.str.replace_all(_ILLEGAL, "\N{REPLACEMENT CHARACTER}")
    return _tag("string", key, legal.str.replace_many(list(_ESCAPES), list(_ESCAPES.values())))


def _tag(kind: str, key: str, value: pl.Expr) -> pl.Expr:
    opening = f'<{kind} key={quoteattr(key)} value="'
    return pl.lit(opening) + value + pl.lit('"/>\n')
