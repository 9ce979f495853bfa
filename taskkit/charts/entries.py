"""Where data are entered by hand: field by field, typed or pasted, and how often the same value."""

from __future__ import annotations

import polars as pl

from taskkit.charts.labels import distinct
from taskkit.charts.look import (
    INK,
    PALETTE,
    PRIVATE,
    WIDTH,
    Chart,
    finish,
    hidden_note,
    inline,
    nothing,
    picker,
    shown,
)
from taskkit.privacy import MIN_PEOPLE

CONSTANT = 0.95  # a field is said to get always the same value from this share on
_HOW = ("typed", "pasted")


def entry_bars(entries: pl.DataFrame, *, most: int = 15, min_people: int = MIN_PEOPLE) -> Chart:
    """Draw how often each field is filled in, typed or pasted, and how many different values it gets.

    Parameters
    ----------
    entries : frame of `count_entries`; the application can be chosen in the picture.
    most : fields that are drawn, most entries first.
    min_people : smallest group that is drawn.

    >>> entry_bars(pl.DataFrame({"people": []})).to_dict()["description"]
    'Nobody typed or pasted anything in this log.'
    """
    import altair as alt

    seen, hidden = shown(entries, min_people)
    if seen.is_empty():
        return nothing(
            "No field was filled in by enough people to be shown."
            if hidden
            else "Nobody typed or pasted anything in this log."
        )
    drawn = _labelled(seen, most)
    base = alt.Chart(inline(drawn)).transform_filter("application == '' ? datum.overall : datum.app == application")
    y = alt.Y("place:N", sort=None, title=None)
    bars = (
        base.transform_calculate(typed="datum.entries * (1 - datum.pasted_share)", pasted="datum.entries - datum.typed")
        .transform_fold(list(_HOW), as_=["how", "times"])
        .mark_bar(height={"band": 0.7})
        .encode(
            y=y,
            x=alt.X("times:Q", title="entries of all people together"),
            order=alt.Order("how:N", sort="descending"),
            color=alt.Color("how:N", scale=alt.Scale(domain=list(_HOW), range=[PALETTE[1], PALETTE[4]]),
                            legend=alt.Legend(orient="top", title=None)),
            tooltip=[
                alt.Tooltip("element:N", title="field"),
                alt.Tooltip("screen:N", title="screen"),
                alt.Tooltip("how:N"),
                alt.Tooltip("times:Q", title="entries", format=",.0f"),
                alt.Tooltip("values:Q", title="different values", format=","),
                alt.Tooltip("top_value_share:Q", title="have the most frequent value", format=".0%"),
                alt.Tooltip("active_hours:Q", title="active hours", format=".1f"),
                "people:Q",
            ],
        )
    )  # fmt: skip
    words = base.mark_text(align="left", dx=5, fontSize=12, color=INK).encode(y=y, x="entries:Q", text="label:N")
    return finish(
        (bars + words).add_params(picker("application", "Application", _choices(drawn))).properties(
            width=WIDTH - 480, height=alt.Step(24)
        ),
        title=f"Where data are entered by hand: {int(seen['entries'].sum()):,} entries, most often into "
        f"{drawn['place'][0]}",
        subtitle=[
            "An entry is an action that writes into a field (# stands for a number, so B# is a column of a sheet). Values are "
            "compared by digest. Few values: a default or a list would do; as many values as entries: the data come from "
            "somewhere else.",
            _constants(seen),
            f"The {most} fields with most entries are drawn; choose an application to see its own. "
            + hidden_note(hidden, min_people, what="field"),
        ],
    )  # fmt: skip


def _labelled(seen: pl.DataFrame, most: int) -> pl.DataFrame:
    """The fields to draw, named by field and screen, with what is written beside the bar."""
    overall = pl.int_range(pl.len()) < most
    seen = seen.with_columns(overall=overall).filter((pl.int_range(pl.len()) < most).over("app") | overall)
    whole = pl.concat_str(pl.coalesce("element", pl.lit("no field")), pl.lit(" · "), pl.coalesce("screen", "app"))
    seen = seen.with_columns(whole=whole)
    known = pl.when(pl.col("values") == pl.col("entries")).then(pl.lit("every value different")).when(
        pl.col("top_value_share") >= CONSTANT).then(pl.lit("always the same value")).when(
        pl.col("top_value_share") >= 0.5).then(pl.format("{} values, one of them in {} %", "values",
        (pl.col("top_value_share") * 100).round(0).cast(pl.Int64))).otherwise(pl.format("{} values", pl.col("values")))  # fmt: skip
    return seen.with_columns(
        place=pl.col("whole").replace_strict(distinct({t: t for t in seen["whole"].unique()}, 52), return_dtype=pl.String),
        label=pl.concat_str(
            pl.col("entries").cast(pl.String), pl.lit(" · "),
            pl.when(pl.col("values").is_null()).then(pl.lit("values unknown")).otherwise(known),
            pl.lit(" · "), pl.col("people").cast(pl.String),
            pl.when(pl.col("people") == 1).then(pl.lit(" person")).otherwise(pl.lit(" people")),
        ),
    ).drop("whole")  # fmt: skip


def _choices(drawn: pl.DataFrame) -> dict[str, str]:
    apps = drawn.group_by("app").agg(pl.col("entries").sum()).sort("entries", "app", descending=[True, False])
    return {"": "all"} | {app: PRIVATE.get(app, app) for app in apps["app"].drop_nulls().to_list()}


def _constants(seen: pl.DataFrame) -> str:
    """How many entries go into fields that get always the same value."""
    fixed = seen.filter((pl.col("top_value_share") >= CONSTANT) & (pl.col("entries") >= 20))
    if fixed.is_empty():
        return ""
    times = int(fixed["entries"].sum())
    return (
        f"{times:,} entries ({times / max(int(seen['entries'].sum()), 1):.0%}, {fixed['active_hours'].sum():.1f} h) go into "
        f"{fixed.height} {'field that gets' if fixed.height == 1 else 'fields that get'} the same value at least "
        f"{CONSTANT:.0%} of the time."
    )
