"""One case on one time axis: what the system booked above, the desktop work of each person below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from taskkit.charts.look import (
    GREY,
    INK,
    MISSING,
    PALETTE,
    SOFT,
    WIDTH,
    Chart,
    app_colours,
    count_of,
    finish,
    inline,
    nothing,
    people,
    picker,
    seconds_in_words,
    short,
)
from taskkit.charts.process_together import typical_case
from taskkit.overlay.references import known_offsets
from taskkit.privacy import MIN_PEOPLE, shares_pages

NO_LOG = (
    "No process log was given, so there is nothing to see inside the "
    "steps of the process. Give one as PROCESS_LOG in the second cell."
)
_PLOT = WIDTH - 60.0  # pixels of the time axis, and its units
_GAP, _LEAST, _LETTER, _LEVEL = 22.0, 46.0, 7.4, 22  # pixels: a cut, a stretch of work, a letter, a row of bookings
_QUARTERS = (0.5, 0.75, 0.95, 1.0, 0.25, 0.05)


class _Rows(NamedTuple):
    """The rows of all cases: pieces of work, bookings, cuts and clock times."""

    work: list[tuple[Any, ...]]
    booked: list[tuple[Any, ...]]
    cuts: list[tuple[Any, ...]]
    clock: list[tuple[Any, ...]]


def case_view(
    events: pl.DataFrame,
    process: pl.DataFrame | None,
    *,
    cases: int = 6,
    pause: str = "15m",
    names: Mapping[str, str] | None = None,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw single cases on one time axis: bookings of the system above, the desktop work of each person below.

    Long silences are cut out and named. The cases are taken from the quarter points of the recorded work, from one typical
    in the amount of recorded work to the longest; they are called Case A, Case B and so on. Each person has a lane, called
    person 1, 2 in the order in which they come to the case: the same number in two cases is not the same person. The
    paler a piece of work, the less sure it is that it belongs to the case.

    Parameters
    ----------
    events : events frame with `case_id`.
    process : frame of `read_process_log`, or None.
    cases : how many cases can be chosen from.
    pause : a silence of at least this length is cut out.
    names : task_id → readable name.
    min_people : smallest number of people that a page tells of that leaves the room. There all cases are drawn together
        (`typical_case`); elsewhere it does not matter.

    >>> case_view(pl.DataFrame(), None).to_dict()["description"][:28]
    'No process log was given, so'
    """
    from taskkit.log.durations import parse_duration

    if process is None or process.is_empty():
        return nothing(NO_LOG)
    if shares_pages():
        return typical_case(events, process, colours=app_colours(events), min_people=min_people)
    chosen = _typical(events, process, cases)
    if not chosen:
        return nothing("No desktop work could be attributed to a case, so there is no case to look at.")
    silence = parse_duration(pause).total_seconds()
    attributed = _on_one_clock(events.filter(pl.col("case_id").is_in(chosen)), known_offsets(events, process))
    rows, options = _Rows([], [], [], []), {}
    for number, case in enumerate(chosen):
        name = f"Case {chr(65 + number)}"
        work = _work_of(attributed, case)
        booked = process.filter(pl.col("case_id") == case).sort("timestamp", maintain_order=True)
        options[name] = f"{name}: {_in_words(work, booked)}"
        _lay_out(name, work, booked, silence, dict(names or {}), rows)
    return finish(
        _layers(rows, options, app_colours(events)),
        title="One case: what the system saw, and the desktop work behind it",
        subtitle=[
            "Above: bookings in the process log, in UTC, clocks made equal. Below: the desktop work that was attributed to "
            "the case, a lane for each person; pale: less sure. "
            f"Silences of {seconds_in_words(silence)} and more are cut out at the dotted lines, their length stands below. "
            "Single cases are examples; they prove nothing about the others. Choose case and colour above.",
        ],
    )


def _typical(events: pl.DataFrame, process: pl.DataFrame, count: int) -> list[str]:
    """Cases at the quarter points of touch time, typical first; only those with bookings."""
    if "case_id" not in events.columns:
        return []
    touch = events.drop_nulls("case_id").group_by("case_id").agg(pl.col("active_seconds").sum())
    # fully recorded cases tell most: those with as many bookings as most cases have
    sizes = process.group_by("case_id").agg(n=pl.len())
    touch = touch.filter(pl.col("active_seconds") > 30).join(sizes, on="case_id")
    touch = touch.filter(pl.col("n") >= pl.col("n").median()).sort("active_seconds", "case_id")
    more = [part / (count + 1) for part in range(1, count + 1)] if count > len(_QUARTERS) else []
    places = [round((touch.height - 1) * part) for part in (*_QUARTERS, *more)] if touch.height else []
    return [str(touch["case_id"][place]) for place in list(dict.fromkeys(places))[:count]]


def _on_one_clock(events: pl.DataFrame, offsets: pl.DataFrame) -> pl.DataFrame:
    """The events by the clock of the process log."""
    ahead = (pl.col("offset_seconds").fill_null(0) * 1e6).round().cast(pl.Int64)
    moved = events.join(offsets.select("user", "offset_seconds"), on="user", how="left", maintain_order="left")
    return moved.with_columns(timestamp=pl.col("timestamp") + pl.duration(microseconds=ahead))


def _work_of(events: pl.DataFrame, case: str) -> pl.DataFrame:
    """Pieces of work on the case: rows of one person in one application and task, no more than a minute apart."""
    role = "app_role" if "app_role" in events.columns else "app"
    extra = {
        "task": pl.col("task_id") if "task_id" in events.columns else pl.lit(None, pl.String),
        "sure": pl.col("case_confidence") if "case_confidence" in events.columns else pl.lit(1.0),
        "rule": pl.col("case_source").cast(pl.String) if "case_source" in events.columns else pl.lit(None, pl.String),
    }
    work = events.filter(
        (pl.col("case_id") == case) & (pl.col("active_seconds") > 0) & pl.col("app").is_not_null()
    ).sort("user", "timestamp", "session_id", "seq")
    work = work.select("user", "timestamp", "active_seconds", app=pl.coalesce(role, "app").cast(pl.String), **extra)
    apart = (pl.col("timestamp") - pl.col("timestamp").shift(1)).dt.total_seconds() > 60
    other = [pl.col(name).ne_missing(pl.col(name).shift(1)) for name in ("user", "app", "task")]
    runs = work.with_columns(run=pl.any_horizontal(*other, apart).fill_null(True).cum_sum())
    pieces = runs.group_by("run", "user", "app", "task", maintain_order=True).agg(
        start=pl.col("timestamp").first(),
        seconds=pl.col("active_seconds").sum(),
        end=pl.col("timestamp").last()
        + pl.duration(milliseconds=(pl.col("active_seconds").last() * 1000).cast(pl.Int64)),
        sure=pl.col("sure").mean(),
        rule=pl.col("rule").mode(maintain_order=True).first(),
    )
    lanes = pieces.group_by("user").agg(pl.col("start").min()).sort("start", "user")
    lanes = lanes.select("user", lane=pl.int_range(1, pl.len() + 1))
    return pieces.join(lanes, on="user", maintain_order="left").drop("user").sort("start", "lane")


def _in_words(work: pl.DataFrame, booked: pl.DataFrame) -> str:
    whole = (booked["timestamp"][-1] - booked["timestamp"][0]).total_seconds()
    return (
        f"{count_of(booked.height, 'booking')} in {seconds_in_words(whole)}, {seconds_in_words(float(work['seconds'].sum()))} "
        f"of work by {people(work['lane'].n_unique())}"
    )


# ---------------------------------------------------------------------------------------------------------- time axis
class _Axis:
    """Gives every moment of a case a place; long silences get a fixed width."""

    def __init__(self, spans: list[tuple[float, float]], silence: float) -> None:
        self.parts: list[list[float]] = []
        for low, high in sorted(spans):
            if self.parts and low - self.parts[-1][1] < silence:
                self.parts[-1][1] = max(self.parts[-1][1], high)
            else:
                self.parts.append([low, high])
        gap = min(_GAP, 0.3 * _PLOT / len(self.parts))
        room = _PLOT - gap * len(self.parts)
        least = min(_LEAST, 0.6 * room / len(self.parts))
        free = room - least * len(self.parts)
        whole = sum(high - low for low, high in self.parts) or 1.0
        self.widths = [least + free * (high - low) / whole for low, high in self.parts]
        self.starts = [gap / 2 + sum(self.widths[:n]) + gap * n for n in range(len(self.parts))]
        self.gap = gap

    def place(self, moment: float) -> float:
        index = max((n for n, (low, _) in enumerate(self.parts) if low <= moment + 1e-6), default=0)
        low, high = self.parts[index]
        inside = (min(moment, high) - low) / (high - low) if high > low else 0.5
        return round(self.starts[index] + inside * self.widths[index], 1)


def _lay_out(
    name: str, work: pl.DataFrame, booked: pl.DataFrame, silence: float, names: dict[str, str], to: _Rows
) -> None:
    spans = [(row["start"].timestamp(), row["end"].timestamp()) for row in work.iter_rows(named=True)]
    moments = [moment.timestamp() for moment in booked["timestamp"]]
    axis = _Axis([*spans, *((moment, moment) for moment in moments)], silence)
    for row, (low, high) in zip(work.iter_rows(named=True), spans, strict=True):
        begin = axis.place(low)
        end = max(axis.place(high), begin + 2.5)
        task = f"{row['task']} {names.get(row['task'], '')}".strip() if row["task"] else MISSING
        sure = 0.5 if row["sure"] is None else row["sure"]
        to.work.append((name, begin, end, f"person {row['lane']}", row["app"], short(task, 40), row["seconds"], sure,
                        row["rule"] or "", f"{row['start']:%d %b %H:%M:%S} UTC"))  # fmt: skip
    ends: list[float] = []  # where the label of each level ends
    for row, moment in zip(booked.iter_rows(named=True), moments, strict=True):
        said, x = short(row["activity"], 30), axis.place(moment)
        wide = 12 + _LETTER * len(said)
        left = x + wide > _PLOT  # then its name stands before it
        low, high = (x - wide, x + 8) if left else (x - 8, x + wide)
        level = next((n for n, end in enumerate(ends) if end < low), len(ends))
        ends[level : level + 1] = [high]
        to.booked.append((name, x, level, said, left, f"{row['timestamp']:%a %d %b %Y %H:%M:%S} UTC"))
    free, said_until = [-1e9, -1e9], -1e9
    for n, (low, _) in enumerate(axis.parts):
        x = axis.starts[n]
        if n:
            silent = seconds_in_words(low - axis.parts[n - 1][1])
            cut = round(x - axis.gap / 2, 1)
            to.cuts.append((name, cut, f"{silent} later"))
            if cut - said_until > _LETTER * len(silent) / 2:
                to.clock.append((name, cut, 2, f"+ {silent}"))
                said_until = cut + _LETTER * (len(silent) / 2 + 3)
        said = f"{_utc(low):%d %b %H:%M}"
        row_ = next((k for k, end in enumerate(free) if end < x), None)
        if row_ is not None:
            free[row_] = x + _LETTER * len(said) + 6
            to.clock.append((name, round(x, 1), row_, said))


def _utc(seconds: float) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC)


# ------------------------------------------------------------------------------------------------------------ drawing
def _layers(rows: _Rows, options: dict[str, str], colours: Mapping[str, str]) -> Chart:
    import altair as alt

    text, number = pl.String, pl.Float64
    at = {"case": text, "x": number}
    work = pl.DataFrame(rows.work, orient="row", schema=at | {
        "x2": number, "lane": text, "app": text, "task": text, "seconds": number, "sure": number, "rule": text, "at": text,
    })  # fmt: skip
    booked = pl.DataFrame(
        rows.booked, schema=at | {"level": pl.Int64, "activity": text, "left": pl.Boolean, "at": text}, orient="row"
    )
    cuts = pl.DataFrame(rows.cuts, schema=at | {"text": text}, orient="row")
    clock = pl.DataFrame(rows.clock, schema=at | {"level": pl.Int64, "text": text}, orient="row")
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, _PLOT], nice=False))
    gaps = (
        alt.Chart(inline(cuts)).transform_filter("datum.case == chosen").mark_rule(color="#C3C9D1", strokeDash=[2, 3])
    )
    gaps = gaps.encode(x=x, tooltip=alt.Tooltip("text:N", title="silence"))
    upper = alt.layer(gaps, *_bookings(booked, x)).properties(width=_PLOT, height=alt.Step(_LEVEL))
    lower = alt.layer(gaps, _pieces(work, x, colours)).properties(width=_PLOT, height=alt.Step(34))
    shade = picker("shade", "Colour", {"app": "application", "task": "task"})
    return (
        alt.vconcat(upper, lower, _times(clock, x), spacing=4)
        .add_params(picker("chosen", "Case", options), shade)
        .resolve_scale(x="shared")
        # each case has its own number of lanes: the page makes room for those of the one that is chosen
        .properties(autosize=alt.AutoSizeParams(type="pad", resize=True))
    )


def _bookings(booked: pl.DataFrame, x: Any) -> list[Chart]:
    import altair as alt

    hover = [alt.Tooltip("activity:N", title="booked"), alt.Tooltip("at:N", title="time")]
    base = alt.Chart(inline(booked)).transform_filter("datum.case == chosen")
    base = base.encode(x=x, y=alt.Y("level:O", axis=None), tooltip=hover)
    stems = base.mark_rule(color=PALETTE[5], strokeWidth=1).encode(y2=alt.value("height"))
    marks = base.mark_point(shape="diamond", filled=True, size=90, color=PALETTE[5], opacity=1)
    after = base.transform_filter("!datum.left").mark_text(align="left", dx=8, fontSize=12, color=INK)
    before = base.transform_filter("datum.left").mark_text(align="right", dx=-8, fontSize=12, color=INK)
    return [stems, marks, after.encode(text="activity:N"), before.encode(text="activity:N")]


def _pieces(work: pl.DataFrame, x: Any, colours: Mapping[str, str]) -> Chart:
    import altair as alt

    by_time = {
        name: work.group_by(name).agg(pl.col("seconds").sum()).sort("seconds", name, descending=[True, False])[name].to_list()
        for name in ("app", "task")
    }  # fmt: skip
    of_tasks = {task: PALETTE[n % len(PALETTE)] for n, task in enumerate(t for t in by_time["task"] if t != MISSING)}
    shades = {app: colours.get(app, GREY) for app in by_time["app"]} | {MISSING: "#C3C9D1"} | of_tasks
    legend = alt.Legend(orient="bottom", title=None, columns=6, labelLimit=180, symbolType="square",
                        values=alt.ExprRef(f"shade == 'task' ? {by_time['task']} : {by_time['app']}"))  # fmt: skip
    return (
        alt.Chart(inline(work))
        .transform_filter("datum.case == chosen")
        .transform_calculate(what="shade == 'task' ? datum.task : datum.app")
        .mark_bar(height={"band": 0.72}, stroke="white", strokeWidth=0.4)
        .encode(
            x=x, x2="x2:Q", y=alt.Y("lane:N", title=None),
            color=alt.Color("what:N", scale=alt.Scale(domain=list(shades), range=list(shades.values())), legend=legend),
            opacity=alt.Opacity("sure:Q", scale=alt.Scale(domain=[0, 1], range=[0.25, 1], clamp=True), legend=None),
            tooltip=[
                alt.Tooltip("lane:N", title="who"), alt.Tooltip("app:N", title="application"),
                alt.Tooltip("task:N", title="task"), alt.Tooltip("at:N", title="from"),
                alt.Tooltip("seconds:Q", title="active seconds", format=".0f"),
                alt.Tooltip("sure:Q", title="sure that it is this case", format=".0%"),
                alt.Tooltip("rule:N", title="attributed by"),
            ],
        )
    )  # fmt: skip


def _times(clock: pl.DataFrame, x: Any) -> Chart:
    import altair as alt

    base = alt.Chart(inline(clock)).transform_filter("datum.case == chosen").encode(x=x, y=alt.Y("level:O", axis=None))
    moments = base.transform_filter("datum.level < 2")
    ticks = moments.mark_point(shape="triangle-up", size=22, filled=True, color=SOFT, opacity=1)
    words = moments.mark_text(align="left", dx=6, fontSize=11, color=SOFT).encode(text="text:N")
    silences = base.transform_filter("datum.level == 2").mark_text(fontSize=11, color=INK).encode(text="text:N")
    return alt.layer(ticks, words, silences).properties(width=_PLOT, height=alt.Step(15))
