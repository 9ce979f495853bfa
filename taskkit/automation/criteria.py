"""What is looked at before a task is called worth automating: name → function, definition, unit and where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from taskkit.automation.choices import decisions_foretold, personal_habit, quicker_way
from taskkit.automation.fields import found_again
from taskkit.automation.work import Work
from taskkit.overlay.attribution import TALK_APPS
from taskkit.variants.standardisation import repeated_steps, similarity_to_medoid

FREE_TEXT = 60  # characters: what is longer was composed, not filled in
JUDGEMENT_APPS = (*TALK_APPS, "soffice writer", "swriter", "winword", "word")
COVERED, MOST_WAYS = 0.8, 5  # variants in scope: the most frequent ones up to this share of the runs, at most so many
WAIT_SECONDS = 600  # work that stops so long behind a message waits for somebody
_INTERACTIONS = ("click", "double_click", "right_click", "drag", "text_input", "paste", "cut")
_WRITTEN = ("text_input", "paste")
_CHOICES = ("check box", "combo box", "list box", "list item", "option", "radio button", "switch", "toggle", "select")
_DOCUMENTS = ("document", "text area", "textarea", "rich text", "paragraph")


@dataclass(frozen=True)
class Criterion:
    """A criterion is a ratio of two sums over rows, so that it can be traced and resampling people gives its uncertainty.

    `function` returns the rows that the figure rests on: `user`, whatever of `session_id`, `seq`, `segment_id` and `day`
    says which row it is, `numerator`, `denominator`; the value is the sum of the one over the sum of the other, nothing
    is known where there are no rows. `better` says which end suits automation ("high", "low" or "" for context);
    `source` is the paper or the idea; `said` is the figure in words, with `{}` for it.
    """

    function: Callable[[Work], pl.DataFrame]
    definition: str
    unit: str
    better: str
    source: str = ""
    said: str = "{}"


# ------------------------------------------------------------------------------------------------------- volume and time
def frequency_per_week(work: Work) -> pl.DataFrame:
    """How often the recorded people do the task in a week."""
    return _per_week(work, pl.lit(1.0))


def active_hours_per_week(work: Work) -> pl.DataFrame:
    """Hours the recorded people are active in the task in a week."""
    return _per_week(work, pl.col("active_seconds") / 3600)


def active_minutes(work: Work) -> pl.DataFrame:
    """Active minutes of a run, on average."""
    return _per_segment(work, pl.col("active_seconds") / 60)


def dispersion(work: Work) -> pl.DataFrame:
    """How far the active time of a run is from the median one, as a part of the mean."""
    seconds = pl.col("active_seconds")
    return _of_segments(work.segments, (seconds - seconds.median()).abs(), seconds)


def stability(work: Work) -> pl.DataFrame:
    """How evenly the runs spread over the recorded weeks, given how many person-days were recorded in each."""
    week = pl.col("day").dt.truncate("1w").alias("week")
    recorded = work.days.group_by(week).agg(days=pl.len())
    if recorded.height < 2:
        return _nothing(work)
    runs = work.segments.select("user", "segment_id", day=_local_day(work))
    seen = recorded.join(runs.group_by(week).agg(n=pl.len()), on="week", how="left").fill_null(0).sort("week")
    expected = pl.col("days") / pl.col("days").sum() * pl.col("n").sum()
    # half the sum of the distances, told by rows: a run in a week with more than its share counts as one too many there
    over = seen.with_columns(over=(1 - expected / pl.col("n")).clip(lower_bound=0.0).fill_nan(0.0))
    rows = runs.with_columns(week).join(over.select("week", "over"), on="week", how="left").sort("segment_id")
    return _of_segments(rows, 1 - pl.col("over").fill_null(0.0), pl.lit(1.0))


# ------------------------------------------------------------------------------------------------- uniformity and rules
def standardisation(work: Work) -> pl.DataFrame:
    """Similarity of the segments' step sequences to the one most like all others (the medoid)."""
    return _per_segment(replace(work, segments=similarity_to_medoid(work.segments)), pl.col("similarity"))


def determinism(work: Work) -> pl.DataFrame:
    """Part of the written values that a rule explains: a constant, a copy, a transformation or a look-up."""
    known = work.written.drop_nulls("predictable")
    return _select(known, pl.col("predictable"), pl.lit(1.0))


def exceptions(work: Work) -> pl.DataFrame:
    """Part of the runs that are none of the variants in scope."""
    counts = work.segments.drop_nulls("variant_id").group_by("variant_id").len()
    counts = counts.filter(pl.col("len") > 1).sort("len", "variant_id", descending=[True, False])
    before = pl.col("len").cum_sum().shift(1, fill_value=0)
    scope = counts.filter(before < COVERED * work.segments.height).head(MOST_WAYS)["variant_id"]
    return _per_segment(work, ~pl.col("variant_id").is_in(scope.implode()).fill_null(False))


def rework(work: Work) -> pl.DataFrame:
    """Part of the steps that had been done before in the same run."""
    again, steps = repeated_steps("activities"), pl.col("activities").list.len()
    return _of_segments(work.segments, again, steps)


def self_loops(work: Work) -> pl.DataFrame:
    """Part of the steps that do at once again what the step before did."""
    at_once = pl.col("activities").list.eval(pl.element().eq_missing(pl.element().shift(1)).sum()).list.first()
    return _of_segments(work.segments, at_once.fill_null(0), pl.col("activities").list.len())


# --------------------------------------------------------------------------------------------------- values carried over
def copy_pastes_per_segment(work: Work) -> pl.DataFrame:
    """Pastes per segment."""
    return _counted(work, work.events.filter(pl.col("event_type").cast(pl.String) == "paste"))


def rekeyed_per_segment(work: Work) -> pl.DataFrame:
    """Values typed per segment that another application had shown or held earlier in the segment."""
    typed = pl.col("event_type").cast(pl.String) == "text_input"
    return _carried(work, typed, pl.col("app") != pl.col("app_shown"))


def carried_out_per_segment(work: Work) -> pl.DataFrame:
    """Values per segment copied from the log's main application into the one other that takes at least half of them."""
    written = pl.col("event_type").cast(pl.String).is_in(_WRITTEN)
    # a constant such as the currency, or a value that is equal by chance, is not carried
    keys = ["user", "session_id", "seq"]
    copied = work.written.filter((pl.col("rule") == "copy") & (pl.col("predictable") == 1)).select(keys)
    copies = replace(
        work, events=work.events.join(copied.with_columns(_copied=True), on=keys, how="left", maintain_order="left")
    )
    found = _carried(copies, written & pl.col("_copied").fill_null(False),
                     (pl.col("app") != work.main_app) & (pl.col("app_shown") == work.main_app))  # fmt: skip
    if "into" not in found.columns:
        return found
    into = found["into"].drop_nulls()
    most = into.value_counts().sort("count", "into", descending=[True, False]).head(1)
    top = most["into"][0] if most.height and most["count"][0] >= len(into) / 2 else None
    return found.filter(pl.col("into").is_null() | pl.col("into").eq_missing(pl.lit(top, pl.String)))


def _carried(work: Work, written: pl.Expr, between: pl.Expr) -> pl.DataFrame:
    """Written values per segment that an application (`app_shown`) had shown or held earlier in the segment."""
    values = [pl.col(name) for name in ("value_digest", "value") if name in work.events.columns]
    if not values:
        return _nothing(work)
    rows = work.events.with_row_index("place").with_columns(seen_as=pl.coalesce(values)).drop_nulls(["seen_as", "app"])
    first = rows.group_by("segment_id", "seen_as", "app").agg(first=pl.col("place").min())
    writes = rows.filter(written)
    pairs = writes.join(first, on=["segment_id", "seen_as"], suffix="_shown").filter(
        between & (pl.col("first") < pl.col("place"))
    )
    return _counted(
        work, writes.join(pairs.select("place").unique(), on="place", how="semi", maintain_order="left"), into=True
    )


# ----------------------------------------------------------------------------------------------------- shape of the work
def apps(work: Work) -> pl.DataFrame:
    """Different applications per segment."""
    return _per_segment(work, pl.col("apps").list.n_unique())


def screens(work: Work) -> pl.DataFrame:
    """Different screens per segment."""
    if "screen" not in work.events.columns:
        return _nothing(work)
    seen = work.events.filter(pl.col("step")) if "step" in work.events.columns else work.events
    counts = seen.group_by("segment_id").agg(screens=pl.col("screen").drop_nulls().n_unique())
    both = work.segments.join(counts, on="segment_id", how="left", maintain_order="left")
    return _of_segments(both, pl.col("screens").fill_null(0), pl.lit(1.0))


def steps(work: Work) -> pl.DataFrame:
    """Steps per segment."""
    return _per_segment(work, pl.col("steps"))


def interrupted(work: Work) -> pl.DataFrame:
    """Part of the segments with more than one fragment."""
    return _per_segment(work, pl.col("fragments") > 1)


def stable_element_share(work: Work) -> pl.DataFrame:
    """Part of the interactions on an element that turns up in more than one segment, by its id or by role and name."""
    rows = work.events.filter(pl.col("event_type").cast(pl.String).is_in(_INTERACTIONS))
    if "element_id" not in rows.columns or rows["element_id"].null_count() == rows.height:
        # a recorder without ids says nothing about whether elements could be found again
        return _nothing(work)
    return _select(rows, found_again(rows), pl.lit(1.0))


def structured_input_share(work: Work) -> pl.DataFrame:
    """Part of the inputs that go into fields, cells, lists and check boxes, not into free text."""
    rows = _with_columns(work.events, "element_role", "value_length", "value")
    role = pl.col("element_role").str.to_lowercase()
    length = pl.coalesce("value_length", pl.col("value").str.len_chars().cast(pl.UInt32))
    free = _composing() | role.is_in(_DOCUMENTS).fill_null(False) | (length >= FREE_TEXT).fill_null(False)
    kind = pl.col("event_type").cast(pl.String)
    chosen = kind.is_in(["click", "double_click"]) & role.is_in(_CHOICES).fill_null(False)
    inputs = rows.filter(kind.is_in(_WRITTEN) | chosen)
    return _select(inputs, ~free, pl.lit(1.0))


# ------------------------------------------------------------------------------------------------------------- judgement
def judgement_share(work: Work) -> pl.DataFrame:
    """Part of the active time in mail, chat and writing programs or on free text of 60 characters or more."""
    rows = _with_columns(work.events, "value_length")
    typed = pl.col("event_type").cast(pl.String) == "text_input"
    composing = _composing() | (typed & (pl.col("value_length") >= FREE_TEXT)).fill_null(False)
    seconds = pl.col("active_seconds").fill_null(0.0)
    return _select(rows, pl.when(composing).then(seconds).otherwise(0.0), seconds)


def waiting_share(work: Work) -> pl.DataFrame:
    """Part of the runs that stop for ten minutes or more behind a message or a look at one."""
    rest = (pl.col("timestamp").shift(-1) - pl.col("timestamp")).dt.total_milliseconds().over("segment_id") / 1000
    waits = (_composing() & (rest >= WAIT_SECONDS)).fill_null(False)
    found = work.events.filter(waits)["segment_id"].unique()
    return _per_segment(work, pl.col("segment_id").is_in(found.implode()))


def _composing() -> pl.Expr:
    bare = pl.col("app").str.to_lowercase().str.strip_suffix(".exe")
    return bare.is_in(list(JUDGEMENT_APPS)).fill_null(False)


# ------------------------------------------------------------------------------------------------------------------ rows
def _local_day(work: Work) -> pl.Expr:
    """The day on which a segment began where the person is, as the recorded days are counted."""
    if "utc_offset_minutes" not in work.events.columns:
        return pl.col("start").dt.date()
    minutes = pl.col("utc_offset_minutes").cast(pl.Int64).fill_null(0)
    first = work.events.group_by("segment_id").agg(minutes.sort_by("timestamp").first())
    offset = pl.col("segment_id").replace_strict(
        first["segment_id"], first["utc_offset_minutes"], default=0, return_dtype=pl.Int64
    )
    return (pl.col("start") + pl.duration(minutes=offset)).dt.date()


def _with_columns(events: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The events with columns that a log may lack: null there."""
    types = {"value_length": pl.UInt32}
    return events.with_columns(
        pl.lit(None, types.get(name, pl.String)).alias(name) for name in names if name not in events.columns
    )


def _select(rows: pl.DataFrame, numerator: pl.Expr, denominator: pl.Expr) -> pl.DataFrame:
    where = [name for name in ("session_id", "seq", "segment_id", "field") if name in rows.columns]
    return rows.select("user", *where, numerator=numerator.cast(pl.Float64), denominator=denominator.cast(pl.Float64))


def _of_segments(segments: pl.DataFrame, numerator: pl.Expr, denominator: pl.Expr) -> pl.DataFrame:
    return segments.select(
        "user", "segment_id", numerator=numerator.cast(pl.Float64), denominator=denominator.cast(pl.Float64)
    )


def _per_segment(work: Work, value: pl.Expr) -> pl.DataFrame:
    """Mean over the segments of a figure of each."""
    return _of_segments(work.segments, value, pl.lit(1.0))


def _per_week(work: Work, value: pl.Expr) -> pl.DataFrame:
    """A rate of all recorded people in five recorded days: rows of segments, and a row per recorded person-day."""
    people = work.days["user"].n_unique()
    rows = _of_segments(work.segments, value * 5 * people, pl.lit(0.0))
    return pl.concat([rows, work.days.with_columns(numerator=pl.lit(0.0), denominator=pl.lit(1.0))], how="diagonal")


def _counted(work: Work, rows: pl.DataFrame, *, into: bool = False) -> pl.DataFrame:
    """Rows of a kind per segment: the rows, and one row per segment that they are divided by."""
    size = _of_segments(work.segments, pl.lit(0.0), pl.lit(1.0))
    counted = _select(rows, pl.lit(1.0), pl.lit(0.0))
    counted = counted.with_columns(into=rows["app"]) if into else counted
    return pl.concat([counted, size], how="diagonal_relaxed")


def _nothing(work: Work) -> pl.DataFrame:
    return _per_segment(work, pl.lit(0.0)).clear()


_RPA = "Wellmann et al. (2020), A framework to evaluate the viability of robotic process automation"
_LENO = "Leno et al. (2020), Automated discovery of data transformations for robotic process automation"
_IDEA = "own definition"
CRITERIA: dict[str, Criterion] = {
    "frequency_per_week": Criterion(frequency_per_week, "segments of all recorded people in five recorded days",
                                    "segments", "high", _RPA, "{} runs a week"),
    "active_hours_per_week": Criterion(active_hours_per_week, "active hours of all recorded people in five recorded days",
                                       "hours", "high", _RPA, "{} active hours a week"),
    "active_minutes": Criterion(active_minutes, "mean active minutes of a segment", "minutes", "", _RPA,
                                "{} active minutes a run"),
    "dispersion": Criterion(dispersion, "mean distance of the segments' active time from its median, over its mean",
                            "share", "low", "Bonett and Seier (2006), Confidence interval for a coefficient of dispersion",
                            "the time of a run is {} of the mean away from the median"),
    "stability": Criterion(stability, "1 − part of the segments that are too many in their week, were they spread over the "
                           "weeks as the recorded person-days are; needs two weeks", "share", "high", _RPA,
                           "{} of the runs are where an even spread over the weeks puts them"),
    "standardisation": Criterion(standardisation, "mean similarity (1 − edits / longer length) of each segment's steps "
                                 "to the medoid, the sequence most like all others", "share", "high", _RPA,
                                 "runs are {} like the most typical one"),
    "determinism": Criterion(determinism, "part of the written values that are constants, copies, transformed copies or "
                             "look-ups, each told from the other segments", "share", "high", _LENO,
                             "{} of the written values follow a rule"),
    "decisions_foretold": Criterion(decisions_foretold, "part of the decisions, where runs go different ways, that a rule "
                                    "over logged fields or else the most frequent way foretells, the rule for people it was "
                                    "not learnt from, the most frequent way counted over everybody", "share",
                                    "high", "Rozinat and van der Aalst (2006), Decision mining in ProM",
                                    "{} of the decisions are foretold"),
    "personal_habit": Criterion(personal_habit, "part of the segments whose variant the person's own other segments tell, "
                                "less the part that everybody's tell, over what is left to tell", "share", "low", _IDEA,
                                "{} of the choice between the ways goes with the person"),
    "quicker_way": Criterion(quicker_way, "part of the active time by which segments take longer than those of the "
                             "quickest variant that five people and a tenth of the segments use", "share", "", _IDEA,
                             "the quickest of the usual ways takes {} less time"),
    "exceptions": Criterion(exceptions, f"part of the segments outside the variants in scope: the most frequent ones that "
                            f"cover {COVERED:.0%}, at most {MOST_WAYS}", "share", "low", _RPA,
                            "{} of the runs are outside the ways in scope"),
    "rework": Criterion(rework, "part of the steps that had been done before in the same segment", "share", "low", _IDEA,
                        "{} of the steps are repeats"),
    "self_loops": Criterion(self_loops, "part of the steps that repeat the step before at once", "share", "low", _IDEA,
                            "{} of the steps repeat the one before"),
    "copy_pastes_per_segment": Criterion(copy_pastes_per_segment, "pastes per segment", "pastes", "", _LENO,
                                         "{} pastes a run"),
    "rekeyed_per_segment": Criterion(rekeyed_per_segment, "typed values per segment that another application had "
                                     "shown before", "values", "", _LENO, "{} values a run are typed off"),
    "carried_out_per_segment": Criterion(carried_out_per_segment, "values per segment copied from the log's main "
                                         "application into the one other that takes at least half of them", "values", "", _IDEA,
                                         "{} values a run are carried out of the main application"),
    "apps": Criterion(apps, "different applications per segment", "applications", "low", _RPA, "{} applications a run"),
    "screens": Criterion(screens, "different screens per segment", "screens", "low", _RPA, "{} screens a run"),
    "steps": Criterion(steps, "steps per segment", "steps", "", _RPA, "{} steps a run"),
    "interrupted": Criterion(interrupted, "part of the segments with more than one fragment", "share", "low", _IDEA,
                             "{} of the runs are interrupted"),
    "stable_element_share": Criterion(stable_element_share, "part of the clicks, inputs and pastes on elements that "
                                      "come back in another segment, by id or by role and name", "share", "high", _RPA,
                                      "{} of the interactions are on elements that are found again"),
    "structured_input_share": Criterion(structured_input_share, "part of the inputs into fields, cells, lists and check "
                                        "boxes, not into messages, documents or texts of "
                                        f"{FREE_TEXT} characters or more", "share", "high", _RPA,
                                        "{} of the inputs are structured"),
    "judgement_share": Criterion(judgement_share, "part of the active time in mail, chat and writing programs or on "
                                 f"typed texts of {FREE_TEXT} characters or more", "share", "low", _RPA,
                                 "{} of the time goes into messages and free text"),
    "waiting_share": Criterion(waiting_share, f"part of the segments that stop for {WAIT_SECONDS // 60} minutes or more "
                               "behind a row in a mail or chat program", "share", "low", _IDEA,
                               "{} of the runs wait behind a message"),
}  # fmt: skip
