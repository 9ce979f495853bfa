"""The map of a process: what follows what, or the model that was discovered, coloured by what the steps cost inside."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import polars as pl

from taskkit.charts.graphs import END, MARK, START, of_enough_cases, strongest
from taskkit.charts.look import (
    INK,
    PALETTE,
    WIDTH,
    Chart,
    duration_words,
    finish,
    inline,
    nothing,
    picker,
    seconds_in_words,
    short,
    wrap,
)
from taskkit.charts.process_graph import (
    BOX_HEIGHT,
    BOX_WIDTH,
    Drawing,
    arrow_layers,
    place_process,
    scales,
    sign_layers,
)
from taskkit.errors import check_choice
from taskkit.overlay import count_process_successions
from taskkit.privacy import MIN_PEOPLE, shares_pages

NO_LOG = "No process log was given, so there is no process map. Give one as PROCESS_LOG in the second cell."
LEAST_CASES = 5  # fewer have no median
CALENDAR = "calendar time, nights and weekends included"
_DARK = 0.6  # part of the largest value from which the text on a box is white


class Measure(NamedTuple):
    """One thing that the boxes of the map can be coloured by."""

    said: str
    column: str
    unit: str  # seconds, share, count
    of_log: bool = False  # known from the process log alone


MEASURES = {
    "touch": Measure("active desktop time of a booking (median)", "touch_median_seconds", "seconds"),
    "waiting": Measure("waiting before a booking (median)", "waiting_median_seconds", "seconds", True),
    "elapsed": Measure("time since the booking before (median)", "elapsed_median_seconds", "seconds", True),
    "outside": Measure("part of the work outside the main application", "excursion_share", "share"),
    "hidden": Measure("hidden work: outside it, or after the last booking", "hidden_share", "share"),
    "pasted": Measure("values pasted outside the main application (mean)", "excursion_pastes_mean", "count"),
    "copy_pastes": Measure("pastes in a booking (median)", "copy_pastes_median", "count"),
    "rekeyed": Measure("values typed although they were there (median)", "rekeyed_median", "count"),
    "switches": Measure("changes of application in a booking (median)", "switches_median", "count"),
    "people": Measure("people seen working on it", "people", "count"),
}


def process_map(
    process: pl.DataFrame | None,
    effort: pl.DataFrame | None = None,
    *,
    transitions: pl.DataFrame | None = None,
    measure: str = "touch",
    edges: int = 30,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw which booking directly follows which, the steps coloured by a measure that can be chosen in the page.

    Parameters
    ----------
    process : frame of `read_process_log`, or None.
    effort : frame of `step_effort`; without it the steps are not coloured.
    transitions : frame of `step_effort(…, by="transition")`: the arrows then tell their median time too.
    measure : what colours the steps at first: one of `touch`, `waiting`, `elapsed`, `outside`, `hidden`, `pasted`,
        `copy_pastes`, `rekeyed`, `switches`, `people`, as far as `effort` knows it.
    edges : most successions that are drawn, for every step its strongest way in and out beside.
    min_people : what fewer people worked on is not told.

    Returns
    -------
    An Altair chart.

    >>> process_map(None).to_dict()["description"][:34]
    'No process log was given, so there'
    """
    check_choice(measure, allowed=MEASURES, what="measure of the map")
    if process is None or process.is_empty():
        return nothing(NO_LOG)
    told = tell_steps(effort, min_people)
    layers, drawn = succession_layers(process, told, transitions, edges=edges, measure=measure, min_people=min_people)
    return finish(
        layers,
        title=_title(told),
        subtitle=[_cases(process, drawn), explain_map(told)],
    )


def succession_layers(
    process: pl.DataFrame,
    told: pl.DataFrame,
    transitions: pl.DataFrame | None,
    *,
    edges: int,
    measure: str,
    min_people: int,
    chosen: Any = None,
) -> tuple[Chart, str]:
    """The layers of the directly-follows map, and the sentence how much of it is drawn."""
    follows = count_process_successions(process)
    follows = of_enough_cases(process, follows, min_people) if shares_pages() else follows
    kept = strongest(follows, 40, edges).select("before", "after", pl.col("times").cast(pl.Int64)).unique()
    weights = {(before, after): float(times) for before, after, times in kept.iter_rows()}
    kinds = {START: "start", END: "end"}
    drawing = place_process(weights, kinds=kinds, start=START, end=END)
    layers = stack_layers(
        drawing,
        _arrow_facts(kept, transitions, min_people),
        told,
        names={},
        measure=measure,
        chosen=chosen,
        tips=_tips(),
    )
    if shares_pages():
        return layers, (
            f"counts are rounded to fives, successions of fewer than {min_people} cases or of fewer than {min_people} "
            "people are not drawn."
        )
    return layers, f"{int(kept['times'].sum()):,} of {int(follows['times'].sum()):,} successions are drawn."


def tell_steps(effort: pl.DataFrame | None, min_people: int) -> pl.DataFrame:
    """One row per activity with every measure that may be told; what rests on too few people is null."""
    if effort is None or effort.is_empty():
        return pl.DataFrame(schema={"activity": pl.String, "people": pl.UInt32, "few": pl.Boolean})
    few = pl.col("people").is_between(1, min_people - 1)
    columns = [m.column for m in MEASURES.values() if m.column in effort.columns and m.column != "people"]
    return effort.select(
        "activity",
        *[pl.when(~few).then(pl.col(name)).alias(name) for name in columns],
        people=pl.when(~few).then("people"),
        few=few,
        **{
            name: pl.col(name)
            for name in ("main_app", "process_events", "cases", "cases_with_work")
            if name in effort.columns
        },
    )


def explain_map(told: pl.DataFrame) -> str:
    """What the boxes mean, and what is not told."""
    hidden = told.filter("few").height if told.height else 0
    few = f" {hidden} {'step has' if hidden == 1 else 'steps have'} too few people to be told." if hidden else ""
    said = (
        "Boxes: activity of the process log and the measure chosen above; grey: no recorded work."
        if told.height
        else ""
    )
    main = next((name for name in told["main_app"] if name), None) if "main_app" in told.columns else None
    return said + (f" The main application is {main}, where bookings are made." if main else "") + few


def _cases(process: pl.DataFrame, drawn: str) -> str:
    return (
        f"{process['case_id'].n_unique():,} cases; {drawn} Arrows: how many times one booking directly followed another, "
        f"and the median time between them where five cases or more did so ({CALENDAR}); dashed: back."
    )


def _title(told: pl.DataFrame) -> str:
    if "touch_median_seconds" in told.columns:
        top = told.drop_nulls("touch_median_seconds").sort("touch_median_seconds", "activity", descending=[True, False])
        if top.height:
            row = top.row(0, named=True)
            time = seconds_in_words(row["touch_median_seconds"])
            return f"Most desktop time per booking goes into “{row['activity']}” (median {time})"
    return "How the cases run through the system, and where the desktop time goes"


def _arrow_facts(kept: pl.DataFrame, transitions: pl.DataFrame | None, min_people: int) -> pl.DataFrame:
    """Width and words of each arrow: how often, and (of five cases or more) the median time between and the waiting in it."""
    times = pl.DataFrame(schema={"before": pl.String, "after": pl.String, "seconds": pl.Float64, "waited": pl.Float64})
    if transitions is not None and not transitions.is_empty():
        # waiting is what is left without the recorded work, so it tells of few people's work
        waited = pl.col("waiting_median_seconds") if "waiting_median_seconds" in transitions.columns else pl.lit(None)
        times = transitions.drop_nulls("before").select(
            "before", after="activity",
            seconds=pl.when(pl.col("cases") >= max(LEAST_CASES, min_people)).then("elapsed_median_seconds"),
            waited=pl.when(~pl.col("people").is_between(1, min_people - 1)).then(waited),
        )  # fmt: skip
    most = float(kept["times"].max() or 1)  # type: ignore[arg-type]
    facts = kept.join(times, on=["before", "after"], how="left")
    between, waiting = (
        pl.Series([seconds_in_words(s) if s is not None else "" for s in facts[name]], dtype=pl.String)
        for name in ("seconds", "waited")
    )
    names = [pl.col(name).str.strip_chars(MARK) for name in ("before", "after")]
    return facts.select(
        "before", "after", "times",
        wide=(1 + 5 * pl.col("times") / most).round(1),
        one=pl.Series([f"{n:,}" for n in facts["times"]], dtype=pl.String),
        two=between, between=between, waiting=waiting, tip=pl.format("{} → {}", *names),
    )  # fmt: skip


def _tips() -> list[Any]:
    import altair as alt

    return [
        alt.Tooltip("tip:N", title="succession"),
        alt.Tooltip("times:Q", title="times", format=","),
        alt.Tooltip("between:N", title="median time between"),
        alt.Tooltip("waiting:N", title="of it waiting (median)"),
    ]


def stack_layers(
    drawing: Drawing,
    facts: pl.DataFrame,
    told: pl.DataFrame,
    *,
    names: dict[str, str],
    measure: str,
    tips: list[Any],
    chosen: Any = None,
) -> Chart:
    """Arrows, boxes, signs and labels above one another."""
    import altair as alt

    below, above = arrow_layers(drawing, facts, tips)
    known = [name for name, each in MEASURES.items() if each.column in told.columns and told.height]
    boxes = _boxes(drawing, told, names, known, measure, chosen)
    layers = alt.layer(*below, *sign_layers(drawing), *boxes, *above)
    if known:
        options = {name: MEASURES[name].said for name in known}
        layers = layers.add_params(
            picker("measure", "Colour", options, value=measure if measure in known else known[0])
        )
    return layers.properties(width=int(min(drawing.width, WIDTH + 130)), height=int(drawing.height))


def _boxes(
    drawing: Drawing, told: pl.DataFrame, names: dict[str, str], known: list[str], measure: str, chosen: Any
) -> list[Chart]:
    """Coloured boxes, the activity on two lines, and the measure in words."""
    import altair as alt

    rows = _box_rows(drawing, told, names, known)
    x, y = scales(drawing)
    base = alt.Chart(inline(rows))
    if known:
        said = json.dumps({name: MEASURES[name].said for name in known})
        base = base.transform_filter("datum.measure == measure")
        base = base.transform_calculate(told=f"{said}[datum.measure] + ': ' + datum.words")
    rect = base.mark_rect(cornerRadius=6, stroke=PALETTE[0], strokeWidth=1.2, cursor="pointer").encode(
        x=alt.X("left:Q", axis=None, scale=x["scale"]), x2="right:Q", y=alt.Y("top:Q", axis=None, scale=y["scale"]), y2="bottom:Q",
        tooltip=[alt.Tooltip("step:N"), *([alt.Tooltip("told:N", title="coloured by")] if known else []),
                 *([alt.Tooltip("people:Q", title="people")] if "people" in rows.columns else [])],
    )  # fmt: skip
    if chosen is not None:
        rect = rect.encode(
            stroke=alt.condition(chosen, alt.value(PALETTE[5]), alt.value(PALETTE[0])),
            strokeWidth=alt.condition(chosen, alt.value(4), alt.value(1.2)),
        )
    blank = rect.encode(fill=alt.value("#E4E8ED" if known else "#EAF3F9"))
    if chosen is not None:
        blank = blank.add_params(chosen)
    ink: Any = alt.value(INK)
    shaded = []
    if known:
        colour = alt.Color("value:Q", title=None, scale=alt.Scale(scheme="blues", domainMin=0), legend=_legend(rows))
        shaded = [rect.transform_filter("isValid(datum.value)").encode(fill=colour)]
        ink = alt.condition(f"datum.part > {_DARK}", alt.value("white"), alt.value(INK))
    lines = [
        base.mark_text(fontSize=12, fontWeight=600, dy=dy, cursor="pointer").encode(
            x=x, y=y, text=f"{text}:N", color=ink
        )
        for text, dy in (("only", -9), ("one", -16), ("two", -2))
    ]
    words = base.mark_text(fontSize=11, dy=17, cursor="pointer").encode(x=x, y=y, text="words:N", color=ink)
    return [blank, *shaded, *lines, words]


def _legend(rows: pl.DataFrame) -> Any:
    """A legend whose ticks and unit follow the chosen measure."""
    import altair as alt

    most = dict(rows.group_by("measure").agg(pl.col("value").max().fill_null(0.0)).iter_rows())
    ticks = " : ".join(f"measure == '{name}' ? {_ticks(most[name], MEASURES[name].unit)}" for name in sorted(most))
    units = [
        f"indexof({[name for name, each in MEASURES.items() if each.unit == unit]}, measure) >= 0 ? {said} : "
        for unit, said in (("seconds", f"({duration_words()})"), ("share", "format(datum.value * 100, '.0f') + ' %'"))
    ]
    return alt.Legend(
        orient="top", title=None, labelExpr="".join(units) + "format(datum.value, '~g')", gradientLength=320,
        values=alt.ExprRef(ticks + " : [0]"),
    )  # fmt: skip


def _ticks(most: float, unit: str) -> list[float]:
    """Up to five round values from 0 to the largest."""
    steps = _SECONDS if unit == "seconds" else [b * 10.0**e for e in range(-2, 7) for b in (1, 2, 5)]
    step = next((s for s in steps if most / s <= 5), steps[-1])
    return [round(n * step, 3) for n in range(int(most / step) + 1)]


_SECONDS = (
    1.0,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1800.0,
    3600.0,
    7200.0,
    14400.0,
    43200.0,
    86400.0,
    345600.0,
)


def _box_rows(drawing: Drawing, told: pl.DataFrame, names: dict[str, str], known: list[str]) -> pl.DataFrame:
    """One row per box and measure: its place, its words, the value, and that as part of the largest."""
    tasks = drawing.nodes.filter(pl.col("kind") == "task")
    steps = [names.get(node, node) for node in tasks["node"]]
    lines = [_lines(step) for step in steps]
    place = tasks.select(
        "x", "y", step=pl.Series(steps, dtype=pl.String), left=pl.col("x") - BOX_WIDTH / 2, right=pl.col("x") + BOX_WIDTH / 2,
        top=pl.col("y") - BOX_HEIGHT / 2, bottom=pl.col("y") + BOX_HEIGHT / 2,
        only=pl.Series([a if not b else "" for a, b in lines], dtype=pl.String),
        one=pl.Series([a if b else "" for a, b in lines], dtype=pl.String),
        two=pl.Series([b for _, b in lines], dtype=pl.String),
    )  # fmt: skip
    if not known:
        return place.with_columns(words=pl.lit(""))
    facts = place.join(told, left_on="step", right_on="activity", how="left")
    parts = []
    for name in known:
        each = MEASURES[name]
        value = facts[each.column].cast(pl.Float64)
        most = float(value.max() or 0) or 1.0  # type: ignore[arg-type]
        said = [
            in_words(v, each.unit) if v is not None else "too few people" if few else _absent(each, people)
            for v, few, people in zip(value, facts["few"], facts["people"], strict=True)
        ]
        parts.append(
            facts.select(*place.columns, "people", value=value, part=(value / most).fill_null(0.0),
                         words=pl.Series(said, dtype=pl.String), measure=pl.lit(name))
        )  # fmt: skip
    return pl.concat(parts)


def _absent(measure: Measure, people: int | None) -> str:
    return "first booking" if measure.of_log and not people else "no work seen" if not people else "unknown"


def in_words(value: float, unit: str) -> str:
    """A value of a measure as a reader says it."""
    if unit == "seconds":
        return seconds_in_words(value)
    return f"{value:.0%}".replace("%", " %") if unit == "share" else f"{value:.1f}".removesuffix(".0")


def _lines(step: str) -> tuple[str, str]:
    first, *rest = wrap(step, 11)
    return short(first, 13), short(" ".join(rest), 13)
