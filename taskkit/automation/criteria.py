"""What is looked at before a task is called worth automating: name → function, definition and unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from taskkit.automation.determinism import written_fields
from taskkit.overlay.attribution import TALK_APPS
from taskkit.variants.standardisation import similarity_to_medoid

FREE_TEXT = 60  # characters: what is longer was composed, not filled in
JUDGEMENT_APPS = (*TALK_APPS, "soffice writer", "swriter", "winword", "word")
_INTERACTIONS = ("click", "double_click", "right_click", "drag", "text_input", "paste", "cut")


@dataclass(frozen=True)
class Work:
    """One task's rows and segments, and on how many days each recorded person was recorded at all."""

    events: pl.DataFrame
    segments: pl.DataFrame
    days: pl.DataFrame  # user, days: everybody recorded, also those who never did the task
    main_app: str = ""  # application with the most active time of the whole log: the system of record


@dataclass(frozen=True)
class Criterion:
    """A criterion is a ratio of sums over people, so that resampling people gives its uncertainty.

    `function` returns one row per person: `user`, `numerator`, `denominator`; the value is the sum of the one over the
    sum of the other. `better` says which end suits automation ("high", "low" or "" for context).
    """

    function: Callable[[Work], pl.DataFrame]
    definition: str
    unit: str
    better: str


def _per_segment(work: Work, value: pl.Expr) -> pl.DataFrame:
    """Mean over the segments of a figure of each."""
    return work.segments.group_by("user").agg(
        numerator=value.cast(pl.Float64).sum(), denominator=pl.len().cast(pl.Float64)
    )


def _per_day(work: Work, value: pl.Expr) -> pl.DataFrame:
    """A rate for all recorded people together in five recorded days; who never did the task counts with zero."""
    people = work.days.height
    sums = work.segments.group_by("user").agg(numerator=value.cast(pl.Float64).sum() * 5 * people)
    return work.days.join(sums, on="user", how="left").select(
        "user", pl.col("numerator").fill_null(0.0), denominator=pl.col("days").cast(pl.Float64)
    )


def _count_rows(work: Work, counted: pl.Expr) -> pl.DataFrame:
    """Rows of a kind per segment."""
    found = work.events.group_by("user").agg(numerator=counted.sum().cast(pl.Float64))
    size = work.segments.group_by("user").agg(denominator=pl.len().cast(pl.Float64))
    return size.join(found, on="user", how="left").select("user", pl.col("numerator").fill_null(0.0), "denominator")


def frequency_per_week(work: Work) -> pl.DataFrame:
    """How often the recorded people do the task in a week."""
    return _per_day(work, pl.col("segment_id").is_not_null())


def active_hours_per_week(work: Work) -> pl.DataFrame:
    """Hours the recorded people are active in the task in a week."""
    return _per_day(work, pl.col("active_seconds") / 3600)


def standardisation(work: Work) -> pl.DataFrame:
    """Similarity of the segments' step sequences to the one most like all others (the medoid)."""
    return _per_segment(replace(work, segments=similarity_to_medoid(work.segments)), pl.col("similarity"))


def determinism(work: Work) -> pl.DataFrame:
    """Part of the written values that a constant, a copy or a dependency on another field explains."""
    known = written_fields(work.events).drop_nulls("predictable")
    return known.group_by("user").agg(numerator=pl.col("predictable").sum(), denominator=pl.len().cast(pl.Float64))


def copy_pastes_per_segment(work: Work) -> pl.DataFrame:
    """Pastes per segment."""
    return _count_rows(work, pl.col("event_type").cast(pl.String) == "paste")


def rekeyed_per_segment(work: Work) -> pl.DataFrame:
    """Values typed per segment that another application had shown or held earlier in the segment."""
    typed = pl.col("event_type").cast(pl.String) == "text_input"
    return _carried(work, typed, pl.col("app") != pl.col("app_shown"))


def carried_out_per_segment(work: Work) -> pl.DataFrame:
    """Values per segment taken from the log's main application, which has them, into another one."""
    written = pl.col("event_type").cast(pl.String).is_in(["text_input", "paste"])
    return _carried(work, written, (pl.col("app") != work.main_app) & (pl.col("app_shown") == work.main_app))


def _carried(work: Work, written: pl.Expr, between: pl.Expr) -> pl.DataFrame:
    """Written values per segment that an application (`app_shown`) had shown or held earlier in the segment."""
    values = [pl.col(name) for name in ("value_digest", "value") if name in work.events.columns]
    if not values:
        return work.segments.clear().select("user", numerator=pl.lit(0.0), denominator=pl.lit(0.0))
    rows = work.events.with_row_index("place").with_columns(seen_as=pl.coalesce(values)).drop_nulls(["seen_as", "app"])
    first = rows.group_by("segment_id", "seen_as", "app").agg(first=pl.col("place").min())
    writes = rows.filter(written).select("place", "user", "segment_id", "seen_as", "app")
    pairs = writes.join(first, on=["segment_id", "seen_as"], suffix="_shown").filter(
        between & (pl.col("first") < pl.col("place"))
    )
    counts = pairs.unique("place").group_by("user").agg(numerator=pl.len().cast(pl.Float64))
    size = work.segments.group_by("user").agg(denominator=pl.len().cast(pl.Float64))
    return size.join(counts, on="user", how="left").select("user", pl.col("numerator").fill_null(0.0), "denominator")


def apps(work: Work) -> pl.DataFrame:
    """Different applications per segment."""
    return _per_segment(work, pl.col("apps").list.n_unique())


def steps(work: Work) -> pl.DataFrame:
    """Steps per segment."""
    return _per_segment(work, pl.col("steps"))


def interrupted(work: Work) -> pl.DataFrame:
    """Part of the segments with more than one fragment."""
    return _per_segment(work, pl.col("fragments") > 1)


def stable_element_share(work: Work) -> pl.DataFrame:
    """Part of the interactions on an element with a stable id that turns up in more than one segment."""
    rows = work.events.filter(pl.col("event_type").cast(pl.String).is_in(_INTERACTIONS))
    if "element_id" not in rows.columns or rows["element_id"].null_count() == rows.height:
        # a recorder without ids says nothing about whether elements could be found again
        return work.segments.clear().select("user", numerator=pl.lit(0.0), denominator=pl.lit(0.0))
    again = pl.col("segment_id").n_unique().over("app", "element_id") > 1
    rows = rows.with_columns(stable=pl.col("element_id").is_not_null() & again)
    return rows.group_by("user").agg(
        numerator=pl.col("stable").sum().cast(pl.Float64), denominator=pl.len().cast(pl.Float64)
    )


def judgement_share(work: Work) -> pl.DataFrame:
    """Part of the active time in mail, chat and writing programs or on free text of 60 characters or more."""
    bare = pl.col("app").str.to_lowercase().str.strip_suffix(".exe")
    composing = bare.is_in(list(JUDGEMENT_APPS)).fill_null(False)
    if "value_length" in work.events.columns:
        typed = pl.col("event_type").cast(pl.String) == "text_input"
        composing = composing | (typed & (pl.col("value_length") >= FREE_TEXT)).fill_null(False)
    seconds = pl.col("active_seconds").fill_null(0.0)
    return work.events.group_by("user").agg(numerator=seconds.filter(composing).sum(), denominator=seconds.sum())


def stability(work: Work) -> pl.DataFrame:
    """Part of a person's recorded days on which the person did the task, over those who did it at all."""
    seen = work.segments.group_by("user").agg(numerator=pl.col("start").dt.date().n_unique().cast(pl.Float64))
    return seen.join(work.days, on="user").select(
        "user", pl.min_horizontal("numerator", "days").alias("numerator"), denominator=pl.col("days").cast(pl.Float64)
    )


CRITERIA: dict[str, Criterion] = {
    "frequency_per_week": Criterion(frequency_per_week, "segments of all recorded people in five recorded days",
                                    "segments", "high"),
    "active_hours_per_week": Criterion(active_hours_per_week, "active hours of all recorded people in five recorded days",
                                       "hours", "high"),
    "standardisation": Criterion(standardisation, "mean similarity (1 − edits / longer length) of each segment's steps "
                                 "to the medoid, the sequence most like all others", "share", "high"),
    "determinism": Criterion(determinism, "part of the written values that are constants, copies, or held-out "
                             "dependencies on another field of the same segment", "share", "high"),
    "copy_pastes_per_segment": Criterion(copy_pastes_per_segment, "pastes per segment", "pastes", ""),
    "rekeyed_per_segment": Criterion(rekeyed_per_segment, "typed values per segment that another application had "
                                     "shown before", "values", ""),
    "carried_out_per_segment": Criterion(carried_out_per_segment, "values per segment that the log's main application "
                                         "had shown and that were pasted or typed into another one", "values", ""),
    "apps": Criterion(apps, "different applications per segment", "applications", "low"),
    "steps": Criterion(steps, "steps per segment", "steps", ""),
    "interrupted": Criterion(interrupted, "part of the segments with more than one fragment", "share", "low"),
    "stable_element_share": Criterion(stable_element_share, "part of the clicks, inputs and pastes on elements whose "
                                      "id comes back in another segment", "share", "high"),
    "judgement_share": Criterion(judgement_share, "part of the active time in mail, chat and writing programs or on "
                                 f"typed texts of {FREE_TEXT} characters or more", "share", "low"),
    "stability": Criterion(stability, "part of the recorded days on which a person who does the task did it",
                           "share", "high"),
}  # fmt: skip
