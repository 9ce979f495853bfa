"""What goes into a joined log: process events and stretches of desktop work on one clock."""

from __future__ import annotations

import polars as pl

from taskkit.errors import ContractError, SettingError
from taskkit.overlay.lifecycles import pair_lifecycles
from taskkit.overlay.persons import names_persons
from taskkit.overlay.references import known_offsets
from taskkit.privacy import PSEUDONYM, UNKNOWN_USER, digest
from taskkit.schema import TIME, require_columns

SLACK = pl.duration(seconds=2)  # that a booking may be stamped before the click that caused it
LEVELS = ("segment", "activity")
_KNOWN = rf"^({PSEUDONYM}|{UNKNOWN_USER})$"
_ACTIVITY = pl.col("activity").cast(pl.String).str.strip_chars()  # "Pay" and " Pay" are one when the file is read again
_OWN = ("case_id", "activity", "timestamp", "start_timestamp", "resource", "lifecycle")


def list_process(process: pl.DataFrame, *, people: bool, users: pl.Series | None = None) -> pl.DataFrame:
    """The process events as they go out, ordered by case and time; `users` of the events tell which columns name persons.

    Returns
    -------
    One row per activity done: `case_id`, `name`, `start`, `end`, `person`, and the other columns that a single value fits.
    """
    done = pair_lifecycles(process).with_row_index("_place").sort("case_id", "timestamp", "_place")
    start = pl.col("start_timestamp") if "start_timestamp" in done.columns else pl.lit(None)
    who = pl.col("resource") if people and "resource" in done.columns else pl.lit(None, pl.String)
    own = done.select(
        "case_id", name=_ACTIVITY, start=start.cast(TIME), end="timestamp",
        person=pl.when(who.str.contains(_KNOWN)).then(who),
    )  # fmt: skip
    hidden = {*_OWN, "_place"} | names_persons(process, users=users)
    others = [
        name for name, dtype in done.schema.items()
        if name not in hidden and not dtype.is_nested() and dtype not in (pl.Binary, pl.Object)
        and not name.startswith("taskkit:")
    ]  # fmt: skip
    free = _free_names(others)
    if not free:
        return own.with_columns(others=pl.lit(None))
    plain = [each.alias(name) for each, name in zip(_plain(done, list(free)), free.values(), strict=True)]
    # one level down: a column of the log may be called "name" or "end"
    return own.with_columns(done.select(others=pl.struct(plain))["others"])


def _free_names(names: list[str]) -> dict[str, str]:
    """The names as a file can hold them, without control characters and told apart; what has no name is left out."""
    clean = {name: "".join(letter if letter.isprintable() else " " for letter in name).strip() for name in names}
    taken = {name for name in names if clean[name] == name}
    free = {}
    for name, wanted in clean.items():
        base, number = wanted, 2
        while wanted != name and wanted in taken:
            wanted, number = f"{base}_{number}", number + 1
        taken.add(wanted)
        free[name] = wanted
    return {name: wanted for name, wanted in free.items() if clean[name]}


def _plain(frame: pl.DataFrame, names: list[str]) -> list[pl.Expr]:
    """Texts, whole numbers, numbers, truths and times stay so, spans become seconds; anything else becomes text."""
    plain = []
    for name in names:
        dtype = frame.schema[name]
        if dtype == pl.Duration:
            plain.append(pl.col(name).dt.total_microseconds() / 1e6)
            continue
        if dtype.is_integer() and dtype != pl.UInt64:
            plain.append(pl.col(name).cast(pl.Int64))
        elif dtype.is_numeric():
            number = pl.col(name).cast(pl.Float64, strict=False)
            plain.append(pl.when(number.is_finite()).then(number).alias(name))
        elif dtype == pl.Boolean or dtype.is_temporal():
            plain.append(pl.col(name).cast(TIME) if isinstance(dtype, pl.Datetime) and dtype.time_zone else
                         pl.col(name) if dtype == pl.Boolean else pl.col(name).cast(pl.String))  # fmt: skip
        else:
            plain.append(pl.col(name).cast(pl.String))
    return plain


def list_work(
    events: pl.DataFrame, process: pl.DataFrame, *, segments: pl.DataFrame | None, level: str, people: bool
) -> pl.DataFrame:
    """The desktop work on the cases, on the process log's clock.

    Returns
    -------
    One row per stretch of work and case, or per action: `case_id`, `name`, `start`, `end`, `person`, `touch_seconds`,
    `apps` (most used first), `confidence`, `instance` (number of the task instance), `level`, `rows` (of the events) and
    `booking` (process activity of the booking that most of its time led to; it ends with that at the latest).
    """
    require_columns(events, "case_id", made_by="attribute_cases")
    require_columns(events, "segment_id", made_by="segment")
    needed = ("activity", "action") if level == "activity" else ()
    require_columns(events, "active_seconds", *needed, made_by="name_activities")
    _refuse_names(events, people)
    rows = _numbered(_rows(events, process), segments)
    group = ["instance", "case_id"]
    if level == "activity":
        # what carries no meaning counts with the action before it, so that the times add up
        group.append("session_id")
        rows = rows.with_columns(pl.col("action").forward_fill().backward_fill().over(group))
        group.append("action")
        label = pl.col("activity").drop_nulls().first().fill_null("other work")
    else:
        label = pl.col("task").first()
    weight = pl.col("active_seconds") + 1e-9  # rows without length still say how sure they are
    sure = pl.col("case_confidence") if "case_confidence" in rows.columns else pl.lit(None, pl.Float64)
    work = rows.group_by(group, maintain_order=True).agg(
        name=label, start=pl.col("at").min(), end=pl.col("at").max(), person=pl.col("user").first(),
        touch_seconds=pl.col("active_seconds").sum().round(3),
        confidence=((sure * weight).sum() / weight.filter(sure.is_not_null()).sum()).round(3).fill_nan(None),
        rows=pl.col("_row"),
    )  # fmt: skip
    used = rows.drop_nulls("app").group_by(*group, "app").agg(pl.col("active_seconds").sum())
    apps = (
        used.sort("active_seconds", "app", descending=[True, False])
        .group_by(group, maintain_order=True)
        .agg(apps="app")
    )
    nobody = pl.lit(None, pl.String)
    work = work.join(_led(rows, process, group), on=group, how="left", nulls_equal=True, maintain_order="left")
    # stamped a moment after its own booking it would stand behind it
    end = pl.min_horizontal("end", "_booked")
    work = work.with_columns(start=pl.min_horizontal("start", end), end=end).drop("_booked")
    return work.join(apps, on=group, how="left", nulls_equal=True, maintain_order="left").with_columns(
        pl.col("apps").fill_null(pl.lit([], pl.List(pl.String))),
        person=pl.col("person") if people else nobody,
        level=pl.lit("task" if level == "segment" else "action"),
    )  # fmt: skip


def _led(rows: pl.DataFrame, process: pl.DataFrame, group: list[str]) -> pl.DataFrame:
    """The booking that most of the time of each piece of work led to: its activity `booking` and time `_booked`."""
    done = pair_lifecycles(process).with_row_index("_place").sort("case_id", "timestamp", "_place")
    ends = done.select("case_id", booking=_ACTIVITY, _booked="timestamp", _when=pl.col("timestamp") + SLACK)
    led = rows.select(*group, "at", "active_seconds").sort("at", maintain_order=True).join_asof(
        ends.sort("_when", maintain_order=True), left_on="at", right_on="_when", by="case_id", strategy="forward",
        check_sortedness=False,
    )  # fmt: skip
    spent = led.drop_nulls("_booked").group_by(*group, "booking", "_booked").agg(pl.col("active_seconds").sum())
    spent = spent.sort("active_seconds", "_booked", "booking", descending=[True, True, False])
    return spent.unique(group, keep="first", maintain_order=True).drop("active_seconds")


def split_attributes(process: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The process log's other columns: those that are the same all through each case, and those of the events.

    Returns
    -------
    One row per case, in the order of their first event, with `case_id` and `a:…`; one row per process event with `a:…`.
    """
    if process["others"].dtype == pl.Null:
        return process.select(pl.col("case_id").unique(maintain_order=True)), pl.DataFrame()
    others = process["others"].struct.unnest()
    others = others.rename({name: f"a:{name}" for name in others.columns})
    together = pl.concat([process.select("case_id"), others], how="horizontal")
    kinds = together.group_by("case_id").agg(pl.all().n_unique())
    same = [name for name in others.columns if (kinds[name].max() or 0) <= 1]  # type: ignore[operator]
    first = together.group_by("case_id", maintain_order=True).agg(pl.col(name).first() for name in same)
    return first, others.drop(same)


def list_documents(
    events: pl.DataFrame, process: pl.DataFrame, work: pl.DataFrame, *, key: bytes | None
) -> pl.DataFrame:
    """The other business objects that the work's rows show, numbered in the order of their names.

    Returns
    -------
    One row per row of `work` and document: `place` (row of `work`), `document` (number).
    """
    if "case_ref" not in events.columns:
        return pl.DataFrame(schema={"place": pl.UInt32, "document": pl.UInt32})
    cases = process["case_id"].unique().str.to_lowercase()
    if key is not None:
        cases = pl.concat([cases, pl.Series([digest(name, key=key) for name in cases], dtype=pl.String)])
    shown = events.select(reference=pl.col("case_ref").str.to_lowercase()).with_row_index("row").drop_nulls()
    others = shown.filter(~pl.col("reference").is_in(cases.implode()))
    numbers = others.select(pl.col("reference").unique().sort()).with_row_index("document", offset=1)
    places = work.select(row="rows").with_row_index("place").explode("row", empty_as_null=True)
    found = places.join(others.join(numbers, on="reference"), on="row").select("place", "document")
    return found.unique().sort("place", "document")


def _refuse_names(events: pl.DataFrame, people: bool) -> None:
    users = events["user"].unique().drop_nulls()
    names = users.filter(~users.str.contains(_KNOWN)).len()
    if people and names:
        raise SettingError(
            f"people=True writes who worked, but {names:,} of {users.len():,} users are no pseudonyms. Give them some "
            "(taskkit.pseudonym with the engagement's key), or leave the persons out: people=False."
        )


def _rows(events: pl.DataFrame, process: pl.DataFrame) -> pl.DataFrame:
    """The rows with a case in the order of work, `at` on the process log's clock."""
    rows = events.with_row_index("_row").with_columns(_begin=pl.col("timestamp").min().over("user", "session_id"))
    rows = rows.drop_nulls("case_id").sort("user", "_begin", "session_id", "seq")
    unknown = rows.join(process, on="case_id", how="anti")["case_id"].n_unique()
    if unknown:
        raise ContractError(
            f"{unknown:,} cases of the events are not in the process log. Give the log that attribute_cases was given."
        )
    offsets = known_offsets(events, process).select("user", "offset_seconds")
    shift = pl.duration(microseconds=(pl.col("offset_seconds") * 1e6).round().cast(pl.Int64))
    rows = rows.join(offsets, on="user", how="left", maintain_order="left")
    return rows.with_columns(at=pl.col("timestamp") + shift.fill_null(pl.duration(microseconds=0)))


def _numbered(rows: pl.DataFrame, segments: pl.DataFrame | None) -> pl.DataFrame:
    """The rows with the `instance` they belong to and its `task`; work outside segments: an instance per case and session."""
    loose = pl.struct("user", "session_id", "case_id").rle_id()
    rows = rows.with_columns(_loose=pl.when(pl.col("segment_id").is_null()).then(loose))
    both = ["segment_id", "_loose"]
    numbers = rows.select(both).unique(maintain_order=True).with_row_index("instance", offset=1)
    rows = rows.join(numbers, on=both, nulls_equal=True, maintain_order="left")
    most = rows.drop_nulls("app").group_by("instance", "app").agg(pl.col("active_seconds").sum())
    main = (
        most.sort("active_seconds", "app", descending=[True, False]).group_by("instance", maintain_order=True).first()
    )
    rows = rows.join(main.select("instance", _main="app"), on="instance", how="left", maintain_order="left")
    if segments is not None:
        require_columns(segments, "segment_id", "task_id", made_by="find_tasks")
        name = pl.col("task_name") if "task_name" in segments.columns else pl.lit(None, pl.String)
        full = pl.when(pl.col("task_id").is_not_null()).then(
            pl.concat_str("task_id", name, separator=" ", ignore_nulls=True)
        )
        rows = rows.join(segments.select("segment_id", _task=full), on="segment_id", how="left", maintain_order="left")
    else:
        rows = rows.with_columns(_task=pl.col("task_id") if "task_id" in rows.columns else pl.lit(None, pl.String))
    return rows.with_columns(task=pl.coalesce("_task", pl.lit("work in ") + pl.col("_main"), pl.lit("other work")))
