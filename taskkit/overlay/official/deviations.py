"""Where the official flow is left: what is skipped, inserted, repeated, done in another order or not reached yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from taskkit.overlay.official.models import OfficialModel, model_of
from taskkit.overlay.official.replay import bookings_of, check_activities, name_as_model, traces_of
from taskkit.variants.standards import Standard

KINDS = ("skipped", "not in the model", "inserted", "repeated", "other order", "not reached")
_RECORD = pl.Schema({
    "_trace": pl.UInt32, "kind": pl.String, "activity": pl.String, "left": pl.String, "returned": pl.String,
    "_done": pl.UInt32, "_from": pl.UInt32, "_to": pl.UInt32,
})  # fmt: skip
_PASSED = pl.Schema({"_trace": pl.UInt32, "activity": pl.String})
_Record = tuple[str, str, str | None, str | None, int | None, int | None, int | None]


def list_process_deviations(
    process: pl.DataFrame, model: str | Path | Standard | OfficialModel, *, names: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """List where the cases leave the official model, by activity, with the time that goes by there.

    Each case is aligned with the model as cheaply as possible: a booking that the model does not have there costs 1, an
    activity of the model that is left out costs 1. Kinds: "skipped" (left out, and the case went on), "not in the model"
    (the model does not know the activity), "inserted" (it knows it, but not on this way), "repeated" (done once more),
    "other order" (done at another place than the model has it, told once), "not reached" (the case ends before it: it may
    still be open).

    Parameters
    ----------
    process : one row per process event.
    model : BPMN file, or what `read_model` or `read_standard` gives.
    names : {name in the log: name in the model}, for activities that the two call differently. Capitals and spaces make no
        difference anyway.

    Returns
    -------
    One row per kind, activity and place, most cases first; after them those of kind "not reached", one row per place where
    cases end, with all activities that they do not reach in `activity` ("Approve, Archive"): `kind`, `activity`, `left`
    (activity of the model before; null:
    the start), `returned` (the next one of the model; null: the end), `times`, `cases`, `share` (part of all cases),
    `people` (resources that booked it, or that booked what came next instead; 0 where the log names none),
    `elapsed_median_seconds` (from the booking of `left` to that of `returned`; calendar time, nights and weekends
    included), `fitting_median_seconds` (the same in
    cases that fit), `extra_hours` (elapsed time beyond that median, summed over the times; below zero where leaving the
    model is quicker; a difference, not proof of a cause), `measured` (all cases). Times are null at the start and end, and
    where no case that fits has both.

    Raises
    ------
    SettingError : no activity of the log is one of the model, or unknown `names`. LogFileError : the file
        cannot be read as a model.

    >>> import datetime as dt
    >>> from taskkit.variants.standards import standard_from_steps
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(4)]
    >>> process = pl.DataFrame({"case_id": "a", "activity": ["enter", "call", "pay", "pay"], "timestamp": when})
    >>> list_process_deviations(process, standard_from_steps(["enter", "pay"])).select("kind", "activity").rows()
    [('not in the model', 'call'), ('repeated', 'pay')]
    """
    official = model_of(model)
    booked = bookings_of(name_as_model(process, official, names))
    check_activities(booked, official)
    cases, traces = traces_of(booked)
    records = _with_ends(align_traces(traces, official)[0])
    each = cases.select("case_id", "_trace").join(records, on="_trace")
    for end, place in (("_before", "_from"), ("_after", "_to"), ("_by", pl.coalesce("_done", "_to"))):
        found = booked.select("case_id", pl.col("at").alias("_at"), pl.col("timestamp").alias(end),
                              pl.col("resource").alias(f"{end}_who"))  # fmt: skip
        each = each.with_columns(_at=place).join(found, on=["case_id", "_at"], how="left", maintain_order="left")
    each = each.with_columns(elapsed=(pl.col("_after") - pl.col("_before")).dt.total_microseconds() / 1e6)
    usual = _usual(booked, cases, records)
    each = each.join(usual, on=["left", "returned"], how="left", maintain_order="left")
    listed = each.group_by("kind", "activity", "left", "returned").agg(
        times=pl.len(), cases=pl.col("case_id").n_unique(), people=pl.col("_by_who").drop_nulls().n_unique(),
        elapsed_median_seconds=pl.col("elapsed").median(), fitting_median_seconds=pl.col("usual").first(),
        extra_hours=pl.when((pl.col("elapsed") - pl.col("usual")).is_not_null().any())
        .then((pl.col("elapsed") - pl.col("usual")).sum() / 3600),
    ).with_columns(share=pl.col("cases") / cases.height, measured=pl.lit(cases.height, pl.UInt32))  # fmt: skip
    order = [pl.col("kind") == "not reached", "cases", "times", "kind", "activity", "left", "returned"]
    return listed.sort(order, descending=[False, True, True] + [False] * 4).select(
        "kind", "activity", "left", "returned", "times", "cases", "share", "people", "elapsed_median_seconds",
        "fitting_median_seconds", "extra_hours", "measured",
    )  # fmt: skip


def _with_ends(records: pl.DataFrame) -> pl.DataFrame:
    """One record for where a trace ends before the model does, with all that it does not reach."""
    late = pl.col("kind") == "not reached"
    ends = records.filter(late).group_by("_trace", "kind", "left", maintain_order=True).agg(
        pl.col("activity").str.join(", "), pl.col("returned", "_done", "_from", "_to").first()
    )  # fmt: skip
    return pl.concat([records.filter(~late), ends.select(records.columns)])


def count_passes(process: pl.DataFrame, official: OfficialModel) -> pl.DataFrame:
    """One row per activity of the model, in its order: what becomes of it in the cases that come to it.

    `cases` (the model's way of the case leads over it, or it was done), of them `passed` (once and where the model has it),
    `skipped`, `repeated`, `other_order`, `inserted` (done where the model does not have it); `not_reached` beside them;
    `fitness` (passed, part of the cases).
    """
    booked = bookings_of(process)
    check_activities(booked, official)
    cases, traces = traces_of(booked)
    records, passed = align_traces(traces, official)
    marks = records.filter(pl.col("kind") != "not in the model").select("_trace", "activity", "kind")
    rank = {"other order": 0, "skipped": 1, "repeated": 2, "inserted": 3, "not reached": 4, "passed": 5}
    fates = pl.concat([marks, passed.with_columns(kind=pl.lit("passed"))])
    fates = fates.with_columns(_rank=pl.col("kind").replace_strict(rank, return_dtype=pl.UInt8))
    one = fates.sort("_rank").unique(["_trace", "activity"], keep="first", maintain_order=True)
    counted = cases.join(one, on="_trace").group_by("activity", "kind").agg(pl.len())
    order = pl.DataFrame({"activity": official.activities}).with_row_index("place", offset=1)
    for kind in rank:
        own = counted.filter(kind=kind).select("activity", pl.col("len").alias(kind.replace(" ", "_")))
        order = order.join(own, on="activity", how="left", maintain_order="left")
    came = ("passed", "skipped", "repeated", "other_order", "inserted")
    order = order.with_columns(pl.col(*came, "not_reached").fill_null(0).cast(pl.UInt32))
    order = order.with_columns(cases=pl.sum_horizontal(came))
    return order.select(
        "place", "activity", "cases", *came, "not_reached",
        fitness=pl.when(pl.col("cases") > 0).then(pl.col("passed") / pl.col("cases")),
    )  # fmt: skip


def align_traces(traces: pl.DataFrame, official: OfficialModel) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Deviations of every distinct trace, and the activities that it passes as the model has them."""
    records: list[tuple[int, *_Record]] = []
    passed: list[tuple[int, str]] = []
    known = set(official.standard.steps)
    for number, trace in traces.iter_rows():
        gaps = official.standard.align(trace)
        outside = {place for gap in gaps for place in gap.inserted}
        met = [place for place in range(len(trace)) if place not in outside]
        passed += [(number, activity) for activity in dict.fromkeys(trace[place] for place in met)]
        records += [(number, *record) for record in _records(trace, met, gaps, known)]
    return pl.DataFrame(records, schema=_RECORD, orient="row"), pl.DataFrame(passed, schema=_PASSED, orient="row")


def _records(trace: Sequence[str], met: list[int], gaps: Sequence[tuple[str | None, tuple[int, ...], tuple[str, ...], str | None]],
             known: set[str]) -> Iterator[_Record]:  # fmt: skip
    left_out = Counter(step for _, _, skipped, _ in gaps for step in skipped)
    moved = Counter({
        step: min(times, sum(1 for _, places, _, _ in gaps for place in places if trace[place] == step))
        for step, times in left_out.items()
    })  # fmt: skip
    here, there = moved.copy(), moved.copy()  # told where it was done, not where it is missed
    ends = list(zip([None, *met], [*met, None], strict=True))
    at = 0
    for left, inserted, skipped, returned in gaps:
        while not _between(trace, ends[at], left, inserted, returned):
            at += 1
        (start, end), at = ends[at], at + 1
        for place in inserted:
            activity = trace[place]
            if here[activity]:
                here[activity] -= 1
                kind = "other order"
            elif activity not in known:
                kind = "not in the model"
            else:
                kind = "repeated" if activity in {trace[p] for p in met} else "inserted"
            yield kind, activity, left, returned, place, start, end
        for step in skipped:
            if there[step]:
                there[step] -= 1
            else:
                yield "skipped" if end is not None else "not reached", step, left, returned, None, start, end


def _between(trace: Sequence[str], ends: tuple[int | None, int | None], left: str | None, inserted: Sequence[int],
             returned: str | None) -> bool:  # fmt: skip
    """Whether a gap lies between two meetings of the case with the model."""
    start, end = ends
    names = (None if start is None else trace[start], None if end is None else trace[end])
    between = range(-1 if start is None else start, len(trace) if end is None else end)
    return names == (left, returned) and list(between)[1:] == list(inserted)


def _usual(booked: pl.DataFrame, cases: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Median seconds between two activities in cases that fit, for the pairs between which others leave the model."""
    pairs = records.select("left", "returned").drop_nulls().unique()
    fitting = cases.join(records.select("_trace").unique(), on="_trace", how="anti").select("case_id")
    first = (
        booked.join(fitting, on="case_id", how="semi").group_by("case_id", "activity").agg(pl.col("timestamp").min())
    )
    both = first.join(pairs, left_on="activity", right_on="left").rename({"activity": "left"})
    both = both.join(first, left_on=["case_id", "returned"], right_on=["case_id", "activity"], suffix="_after")
    seconds = (pl.col("timestamp_after") - pl.col("timestamp")).dt.total_microseconds() / 1e6
    return both.filter(seconds >= 0).group_by("left", "returned").agg(usual=seconds.median())
