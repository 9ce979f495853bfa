"""How often and for how long a task leaves its own applications, for mail, a spreadsheet or a chat."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from taskkit.errors import SettingError
from taskkit.schema import require_columns

# what an application is, by its name or by the job that a rule gives it
KINDS = {
    "mail": ("evolution", "gmail", "hcl notes", "mail", "notes", "olk", "outlook", "thunderbird"),
    "spreadsheet": ("calc", "excel", "libreoffice calc", "numbers", "scalc", "sheets", "spreadsheet"),
    "chat": ("chat", "discord", "lync", "mattermost", "ms-teams", "msteams", "rocket.chat", "signal", "skype", "slack", "teams",
             "telegram", "webex", "whatsapp", "zoom"),
}  # fmt: skip


def measure_leaving(segments: pl.DataFrame, *, events: pl.DataFrame, main: float | Sequence[str] = 0.5) -> pl.DataFrame:
    """Measure how often and for how long each task leaves its main applications, and for what.

    An application (its `app_role`, so that a rule can give several the same job) is one of the task's main ones if at least
    half of the task's segments use it; if none is, the one with most time. A leaving is a stretch of a segment, after a
    main application was used, in another one; rows that lie in no segment are not looked at.

    Parameters
    ----------
    segments : segments frame with `task_id`.
    events : the events that the segments were made of, with `segment_id`.
    main : smallest part of a task's segments that use a main application, or the main applications themselves.

    Returns
    -------
    One row per task and kind of application that is left for, most seconds first inside a task: `task_id`, `left_for` (mail,
    spreadsheet, chat, other), `apps` (which), `leavings`, `segments` (with at least one), `share` (of the task's segments),
    `people`, `seconds` (active seconds there in all), `median_seconds` (of one leaving), `time_share` (of the task's active
    time), `returned` (part of the leavings after which the segment comes back to a main application), `measured` (the
    task's segments), `main` (its main applications). A task that is never left has no row.

    Raises
    ------
    ContractError : `find_tasks` or `segment` has not been run. SettingError : `main` is not allowed.

    >>> import polars as pl, taskkit as tk
    >>> apps = ["erp", "teams", "erp", "erp", "erp", "erp"]
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9 + 9 * n for n in range(6)], "app": apps, "what": list("axsabs")}),
    ...                     columns={"timestamp": "at", "app": "app", "event_name": "what"})
    >>> events = tk.segment(tk.name_activities(log), method="anchor", end="^s")
    >>> segments = tk.list_segments(events).with_columns(task_id=pl.lit("T01"))
    >>> measure_leaving(segments, events=events, main=0.6).select("left_for", "leavings", "seconds", "share").rows()
    [('chat', 1, 9.0, 0.5)]
    """
    require_columns(segments, "segment_id", "task_id", "user", made_by="find_tasks")
    require_columns(events, "segment_id", "active_seconds", made_by="segment")
    tasks = segments.drop_nulls("task_id").select("segment_id", "task_id", "user")
    name = pl.coalesce("app_role", "app") if "app_role" in events.columns else pl.col("app")
    if "dropped" in events.columns:  # a window that only flickered was not gone to
        name = pl.when(pl.col("dropped").ne_missing("flicker")).then(name)
    rows = (
        events.drop_nulls("segment_id").sort("segment_id", "session_id", "seq").drop("task_id", "user", strict=False)
        .with_columns(_app=name.forward_fill().over("segment_id"))
        .join(tasks, on="segment_id", maintain_order="left")
    )  # fmt: skip
    mains = _main_applications(rows, tasks, main)
    rows = rows.drop_nulls("_app").join(
        mains.with_columns(_main=True), on=["task_id", "_app"], how="left", maintain_order="left"
    )
    kind = pl.when(pl.col("_main")).then(pl.lit("main")).otherwise(_kind("_app"))
    rows = rows.with_columns(left_for=kind).with_columns(
        _stretch=pl.struct("segment_id", "left_for").rle_id(),
        _in=(pl.col("left_for") == "main").cum_max().over("segment_id"),
        _back=(pl.col("left_for") == "main").cum_max(reverse=True).over("segment_id"),
    )
    away = rows.filter((pl.col("left_for") != "main") & pl.col("_in")).group_by("_stretch", maintain_order=True).agg(
        pl.col("task_id", "segment_id", "user", "left_for", "_back").first(), pl.col("active_seconds").sum(),
        apps=pl.col("_app").unique(),
    )  # fmt: skip
    counted = away.group_by("task_id", "left_for").agg(
        apps=pl.col("apps").explode(empty_as_null=True).unique().sort(), leavings=pl.len(),
        segments=pl.col("segment_id").n_unique(), people=pl.col("user").n_unique(), seconds=pl.col("active_seconds").sum(),
        median_seconds=pl.col("active_seconds").median(), returned=pl.col("_back").mean(),
    )  # fmt: skip
    whole = tasks.group_by("task_id").agg(measured=pl.len()).join(
        rows.group_by("task_id").agg(_all=pl.col("active_seconds").sum()), on="task_id", how="left"
    ).join(mains.group_by("task_id").agg(main=pl.col("_app").sort()), on="task_id", how="left")  # fmt: skip
    counted = counted.join(whole, on="task_id").with_columns(
        share=pl.col("segments") / pl.col("measured"), time_share=pl.col("seconds") / pl.col("_all")
    )
    return counted.sort("task_id", "seconds", "left_for", descending=[False, True, False]).select(
        "task_id", "left_for", "apps", "leavings", "segments", "share", "people", "seconds", "median_seconds", "time_share",
        "returned", "measured", "main",
    )  # fmt: skip


def _main_applications(rows: pl.DataFrame, tasks: pl.DataFrame, main: float | Sequence[str]) -> pl.DataFrame:
    """One row per task and main application (`_app`)."""
    used = rows.drop_nulls("_app").group_by("task_id", "_app").agg(
        _n=pl.col("segment_id").n_unique(), _time=pl.col("active_seconds").sum()
    )  # fmt: skip
    if isinstance(main, str) or not isinstance(main, (int, float)):
        named = [main] if isinstance(main, str) else list(main)
        known = used["_app"].unique().sort().to_list()
        if unknown := [app for app in named if app not in known]:
            raise SettingError(f"main={unknown!r}: no such application in the tasks. Known: {', '.join(known)}.")
        return used.filter(pl.col("_app").is_in(named)).select("task_id", "_app")
    if not 0 < main <= 1:
        raise SettingError(f"main={main} is not allowed: a part above 0 and at most 1, or a list of applications.")
    used = used.join(tasks.group_by("task_id").agg(_size=pl.len()), on="task_id")
    enough = pl.col("_n") >= main * pl.col("_size")
    most = pl.struct(-pl.col("_time"), "_app").rank("ordinal").over("task_id") == 1
    return used.filter(enough | (~enough.any().over("task_id") & most)).select("task_id", "_app")


def _kind(column: str) -> pl.Expr:
    bare = pl.col(column).str.to_lowercase().str.strip_suffix(".exe").str.strip_chars()
    kind = pl.lit("other")
    for name, apps in KINDS.items():
        kind = pl.when(bare.is_in(list(apps))).then(pl.lit(name)).otherwise(kind)
    return kind
