"""What is carried by hand, as bands from place to place: copied and pasted, or typed although it was there already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from taskkit.charts.look import (
    INK,
    WIDTH,
    Chart,
    count_of,
    finish,
    hidden_note,
    inline,
    largest,
    nothing,
    scale_of,
    seconds_in_words,
    short,
    shown,
)
from taskkit.privacy import MIN_PEOPLE

_ACROSS = 430.0  # pixels that a band spans
_BENDS = 12  # straight parts that a band is drawn with


def transfer_flow(
    transfers: pl.DataFrame,
    *,
    colours: Mapping[str, str] | None = None,
    most: int = 18,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw what is carried by hand: from where values are copied, and where they are pasted.

    Parameters
    ----------
    transfers : frame of `count_transfers`.
    colours : application → colour (`app_colours`), the same in all charts of a log.
    most : flows that are drawn, most frequent first.
    min_people : smallest group that is drawn.

    >>> transfer_flow(pl.DataFrame({"transfers": [], "people": []})).to_dict()["description"]
    'No copy and paste was recorded.'
    """
    if transfers.is_empty():
        return nothing("No copy and paste was recorded.")
    known = transfers.filter(pl.col("from_app").is_not_null())
    seen, hidden = shown(known, min_people)
    if seen.is_empty():
        return nothing("No copy-paste between two known places was seen with enough people to be shown.")
    flows = _flows(seen, "transfers", most)
    total, drawn = int(transfers["transfers"].sum()), int(flows["n"].sum())
    unknown = int(transfers.filter(pl.col("from_app").is_null())["transfers"].sum())
    top = flows.row(0, named=True)
    return finish(
        _bands(flows, colours, verbs=("copied", "pasted"), unit="pastes"),
        title=f"What people carry by hand: most often from {top['from_place']} to {top['to_place']}",
        subtitle=[
            f"{drawn:,} of {total:,} pastes are drawn ({len(flows)} most frequent flows); thickness is the number of pastes."
            + _without_copy(unknown, total),
            hidden_note(hidden, min_people, what="flow"),
        ],
    )


def reentry_flow(
    reentries: pl.DataFrame,
    *,
    colours: Mapping[str, str] | None = None,
    most: int = 18,
    min_people: int = MIN_PEOPLE,
) -> Chart:
    """Draw what is typed again: where the same person saw, copied or wrote the value before, and where it is typed.

    Parameters
    ----------
    reentries : frame of `count_reentries`.
    colours : application → colour (`app_colours`), the same in all charts of a log.
    most : flows that are drawn, most frequent first.
    min_people : smallest group that is drawn.

    >>> reentry_flow(pl.DataFrame({"reentries": [], "people": []})).to_dict()["description"][:33]
    'No value was seen to be typed aga'
    """
    if reentries.is_empty():
        return nothing(
            "No value was seen to be typed again. A log tells it only if it holds digests (or the content) of values that "
            "were shown, copied and typed."
        )
    seen, hidden = shown(reentries, min_people)
    if seen.is_empty():
        return nothing("Nothing that is typed again was seen with enough people to be shown.")
    flows = _flows(seen, "reentries", most)
    total, drawn = int(reentries["reentries"].sum()), int(flows["n"].sum())
    limit = seconds_in_words(float(reentries["within_seconds"][0]))
    top = flows.row(0, named=True)
    return finish(
        _bands(flows, colours, verbs=("seen", "typed"), unit="entries"),
        title=f"What is typed again: most often from {top['from_place']} to {top['to_place']}",
        subtitle=[
            f"{total:,} entries, {reentries['share'].sum():.0%} of the typed ones whose value can be judged, repeat what the same "
            f"person saw, copied or wrote in another place up to {limit} before; {drawn:,} are drawn "
            f"({count_of(len(flows), 'flow')}, up to {largest(flows['people'])} people in one). Values of fewer than four "
            "characters and constants of a field do not count; paper and telephone cannot be seen.",
            hidden_note(hidden, min_people, what="flow"),
        ],
    )


def _without_copy(count: int, total: int) -> str:
    if not count:
        return ""
    part = count / max(total, 1)
    return (
        f" {count:,} {'paste has' if count == 1 else 'pastes have'} no copy of the same value in the log "
        f"({part if part >= 0.001 else 0.001:.1%}{'' if part >= 0.001 else ' or less'}) and cannot be drawn."
    )


# -------------------------------------------------------------------------------------------------------- the picture
def _flows(seen: pl.DataFrame, count: str, most: int) -> pl.DataFrame:
    """The most frequent flows, with `n` and the names of their two places."""
    place = [
        pl.when(pl.col(f"{end}_element").is_null())
        .then(pl.col(f"{end}_app"))
        .otherwise(pl.concat_str(pl.col(f"{end}_app").fill_null("?"), pl.lit(" · "), pl.col(f"{end}_element")))
        .map_elements(_label, return_dtype=pl.String)
        .alias(f"{end}_place")
        for end in ("from", "to")
    ]
    return seen.head(most).with_columns(place).with_columns(n=pl.col(count))


def _bands(flows: pl.DataFrame, colours: Mapping[str, str] | None, *, verbs: tuple[str, str], unit: str) -> Chart:
    """Curved bands from the places on the left to those on the right, named at both ends."""
    import altair as alt

    left, right = _stack(flows, "from_place"), _stack(flows, "to_place")
    right = _untangled(flows, left, right)
    height = max(30 * max(len(left), len(right)), 120)
    y = {("from", name): (i + 0.5) / len(left) * height for i, name in enumerate(left)}
    y |= {("to", name): (i + 0.5) / len(right) * height for i, name in enumerate(right)}
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-300, _ACROSS + 300]))
    yy = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[height, 0]))
    apps = flows.group_by("from_app").agg(pl.col("n").sum()).sort("n", "from_app", descending=[True, False])
    scale = scale_of(apps["from_app"].to_list(), other="", colours=colours)
    curves = (
        alt.Chart(inline(_lines(flows, y)))
        .mark_line(opacity=0.75, interpolate="monotone", strokeCap="round")
        .encode(
            x=x,
            y=yy,
            detail="flow:N",
            strokeWidth=alt.StrokeWidth("n:Q", scale=alt.Scale(range=[1.5, 14], domainMin=0), title=unit),
            color=alt.Color("app:N", title=f"{verbs[0]} in", scale=scale),
            tooltip=[
                alt.Tooltip("from:N", title=f"{verbs[0]} in"),
                alt.Tooltip("to:N", title=f"{verbs[1]} into"),
                alt.Tooltip("kind:N", title="how"),
                alt.Tooltip("n:Q", title=unit),
                "people:Q",
                alt.Tooltip("seconds:Q", title="median seconds between", format=".1f"),
            ],
        )
    )
    ends = [(-8.0, y[("from", name)], f"{name}  ({n:,})") for name, n in left.items()]
    starts = [(_ACROSS + 8.0, y[("to", name)], f"({n:,})  {name}") for name, n in right.items()]
    label: dict[str, Any] = {"fontSize": 12, "color": INK}
    names = [alt.Chart(inline(pl.DataFrame(rows, schema=["x", "y", "text"], orient="row"))) for rows in (ends, starts)]
    before = names[0].mark_text(align="right", **label).encode(x=x, y=yy, text="text:N")
    behind = names[1].mark_text(align="left", **label).encode(x=x, y=yy, text="text:N")
    return alt.layer(curves, before, behind).properties(width=WIDTH - 90, height=height)


def _lines(flows: pl.DataFrame, y: Mapping[tuple[str, str], float]) -> pl.DataFrame:
    """The points of each band, one row per point."""
    rows = [
        (
            number,
            at * _ACROSS,
            y[("from", row["from_place"])] * (1 - bend) + y[("to", row["to_place"])] * bend,
            *(row[name] for name in ("n", "people", "median_seconds", "from_place", "to_place", "from_app", "kind")),
        )
        for number, row in enumerate(flows.iter_rows(named=True))
        for at, bend in ((step / _BENDS, _ease(step / _BENDS)) for step in range(_BENDS + 1))
    ]
    names = ["flow", "x", "y", "n", "people", "seconds", "from", "to", "app", "kind"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _label(place: str) -> str:
    return short(place, 40)


def _ease(t: float) -> float:
    return t * t * (3 - 2 * t)


def _stack(flows: pl.DataFrame, end: str) -> dict[str, int]:
    """The places of one side with their transfers, those of one application together, most carried first."""
    app = end.replace("place", "app")
    sums = flows.group_by(end, app).agg(pl.col("n").sum())
    sums = sums.with_columns(of_app=pl.col("n").sum().over(app))
    sums = sums.sort("of_app", app, "n", end, descending=[True, False, True, False], nulls_last=True)
    merged: dict[str, int] = {}
    for name, count in sums.select(end, "n").iter_rows():
        merged[name] = merged.get(name, 0) + count
    return merged


def _untangled(flows: pl.DataFrame, left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    """The places of the right side in the order in which the left side reaches them: fewer bands cross."""
    row = {name: number for number, name in enumerate(left)}
    reached = flows.select("to_place", "n", at=pl.col("from_place").replace_strict(row, return_dtype=pl.Float64))
    middle = reached.group_by("to_place").agg((pl.col("at") * pl.col("n")).sum() / pl.col("n").sum())
    order = dict(middle.iter_rows())
    return dict(sorted(right.items(), key=lambda item: (order[item[0]], item[0])))
