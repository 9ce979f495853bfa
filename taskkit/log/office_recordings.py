"""Office recordings (Microsoft 50 business assignments): element and typed text stand in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from taskkit.log.descriptions import INVISIBLE, Step, read_step
from taskkit.log.readings import Fate, Reading, hide_passwords, to_events

NEEDS = (("StepId",), ("RecordingId",), ("TimeStamp",), ("StepName",), ("StepDescription",),
         ("ApplicationProcessName",), ("ApplicationParentWindowName",))  # fmt: skip
_LABEL: Fate = (None, "dropped", "a label: knowing it would answer what is to be found out")
_FATES: dict[str, Fate] = {
    "StepId": ("seq", "mapped", "order inside the recording"),
    "RecordingId": ("session_id", "mapped", ""),
    "ProcessId": _LABEL,
    "TimeStamp": ("timestamp", "mapped", ""),
    "StepName": ("event_name, event_type", "mapped", "named keys and shortcuts stand behind the name"),
    "StepDescription": ("element_role, element_name, window_title, value", "split",
                        "typed text is content and goes to value; a sentence that is not understood is left out whole"),
    "ApplicationProcessName": ("app", "mapped", "keys that were sent take program and window of the row before"),
    "ApplicationParentWindowName": ("window_title", "mapped", "else the window in the description"),
    "AutomationStep": (None, "dropped", "a script; it repeats the description and the typed text"),
    "NextStepId": (None, "dropped", "repeats the order of StepId"),
    "label_EventName": _LABEL,
    "label_EventId": _LABEL,
}  # fmt: skip
_STEP = {"§role": pl.String, "§name": pl.String, "§window": pl.String, "§value": pl.String, "§keys": pl.String,
         "§event_type": pl.String, "§understood": pl.Boolean}  # fmt: skip


def read_office_recordings(table: pl.DataFrame, *, where: str, columns: Mapping[str, str]) -> Reading:
    """Events of the office recordings: element, window and typed text are read from the description."""
    rows = _with_steps(table)
    keys = pl.col("§keys").is_not_null() | (pl.col("§event_type") == "text_input").fill_null(False)
    order = pl.col("StepId").cast(pl.Float64, strict=False)

    def front(name: str) -> pl.Expr:
        before = pl.col(name).forward_fill().over("RecordingId", order_by=[order, "§row"])
        return pl.when(keys).then(pl.coalesce(name, before)).otherwise(pl.col(name))

    secret = rows["§name"].str.contains(r"(?i)\bpass(word|code)\b|\bPIN\b") & (rows["§role"] == "edit")
    values, hidden = hide_passwords(rows["§value"], secret=secret)
    chosen = {
        "session_id": pl.col("RecordingId"),
        "seq": pl.col("StepId"),
        "timestamp": pl.col("TimeStamp"),
        "app": front("ApplicationProcessName"),
        "event_type": pl.coalesce("§event_type", "StepName"),
        "event_name": pl.concat_str("StepName", "§keys", separator=" ", ignore_nulls=True),
        "window_title": pl.coalesce(front("§title"), "§window"),
        "element_role": pl.col("§role"),
        "element_name": pl.col("§name"),
        "value": pl.lit(values),
    }
    unread = rows.filter(~pl.col("§understood").fill_null(True)).height
    filled = rows.filter(keys & pl.col("ApplicationProcessName").is_null()).height
    said = f"{unread:,} rows not understood" + (f"; {hidden:,} rows with a password are emptied" if hidden else "")
    notes = {"StepDescription": said, "ApplicationProcessName": f"{filled:,} rows"}
    return Reading(to_events(rows, chosen, columns=columns, where=where), _FATES, notes)


def _with_steps(table: pl.DataFrame) -> pl.DataFrame:
    """The table with what its descriptions say; every distinct sentence is read once."""
    said = table["StepDescription"].unique().drop_nulls().sort()
    read = [list(vars(read_step(text)).values()) for text in said] or [list(vars(Step()).values())]
    steps = pl.DataFrame(read, schema=_STEP, orient="row").head(len(said)).with_columns(said.alias("StepDescription"))
    rows = table.with_row_index("§row").join(steps, on="StepDescription", how="left", maintain_order="left")
    title = pl.col("ApplicationParentWindowName").str.replace_all(INVISIBLE.pattern, "")
    return rows.with_columns(title.str.replace_all(r"\s+", " ").str.strip_chars().alias("§title"))
