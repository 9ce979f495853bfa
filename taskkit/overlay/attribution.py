"""Which case a piece of work was for: visible references first, the clock last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from taskkit.errors import ContractError
from taskkit.log.durations import parse_duration
from taskkit.overlay.references import UNKNOWN, offsets_of, show_cases
from taskkit.schema import PROCESS, TIME, require, require_columns

ONE_SIDED = 10  # a reference that only one side shows is believed for a tenth of `carry`
BARRED = ("excluded",)  # what the recorder calls a program whose content it does not record
# Mail and chat are about anything: between two looks at a case they were about it in 2 % and 20 % of the sample's rows,
# sheets and the ERP in 91 % and 93 %. So only what they show themselves, or their segment, gives them a case.
TALK_APPS = (
    "discord", "gmail", "hcl notes", "lync", "mail", "mattermost", "ms-teams", "msteams", "notes", "olk", "outlook",
    "signal", "skype", "slack", "teams", "thunderbird", "webex", "whatsapp", "zoom",
)  # fmt: skip
SLACK = "2s"  # a booking may be stamped a little before the click that caused it, even after the offset is taken out

# Rule → confidence, in the order in which the rules are asked. Each is a round figure for the share of rows that the rule
# got right on the bundled sample and in a simulation (the last hardly ever speaks there: no measurement): an order of trust, not
# a probability that holds elsewhere.
CONFIDENCE = {
    "visible both sides": 0.95,
    "same segment": 0.8,
    "visible + process event": 0.75,
    "carried": 0.45,
    "next process event": 0.3,
}


def attribute_cases(
    events: pl.DataFrame,
    process: pl.DataFrame,
    *,
    carry: str = "10m",
    resource_window: str = "15m",
    bar_apps: Sequence[str] = (),
    key: bytes | None = None,
) -> pl.DataFrame:
    """Say for every row which process case the person was working on, by which rule, and how far to trust that.

    Rules; the first that has an answer gives it:

    - "visible both sides": the row itself shows a known case, or the last and the next reference the person saw, each
      at most `carry` away, agree;
    - "same segment": all references inside the row's segment agree;
    - "visible + process event": the last or the next reference, at most a tenth of `carry` away, is the case of the
      person's next booking;
    - "carried": the last reference, at most a tenth of `carry` old, unless the person has booked something since;
    - "next process event": the person's next booking, at most `resource_window` away and for one case only, if no
      reference was seen within `carry`.

    If the events have a `segment_id`, the references of a segment count only for its own rows. Rows of mail and chat
    programs (`TALK_APPS`) get a case only from what they show themselves or from their segment. A number that is written
    like a case but is none of the process is work without a case. The difference between the clocks is estimated for
    each person (`clock_offsets`) and taken out.

    On the worked example, where the truth is known, about 0.89 of the rows that get a case get the right one and 0.86 of
    the rows that have one get it; with the segments of `segment` 0.88 and 0.92, with the true ones 0.95 and 0.96. The
    nearest process event in time reaches 0.50 and 0.34 (`benchmarks/attribution.py`, also for seeds that the rules were
    not made with). The example was written by the same hands, so expect less elsewhere.

    Parameters
    ----------
    events : one row per interaction.
    process : one row per process event; without `resource` only visible references are used.
    carry : how long a reference stays believable.
    resource_window : how far ahead a person's next booking may lie.
    bar_apps : applications that are never work on a case.
    key : the key with which `add_case_refs` or the recorder made digests of the case references.

    Returns
    -------
    The events, in their order, with `case_id`, `case_confidence` and `case_source` (null where no rule has an answer;
    presence rows never get a case).

    >>> import datetime as dt
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(3)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": [0, 1, 2], "timestamp": when, "app": "erp",
    ...                        "event_type": "click", "window_title": ["Invoice INV-1001", "Excel", "INV-1001"]})
    >>> process = pl.DataFrame({"case_id": ["INV-1001"], "activity": ["Approve"], "timestamp": when[2:]})
    >>> attribute_cases(events, process)["case_id"].to_list()
    ['INV-1001', 'INV-1001', 'INV-1001']
    """
    require_columns(events, "user", "session_id", "seq", "timestamp", "app", made_by="read_log")
    require(process.select(name for name in process.columns if name in PROCESS.schema), PROCESS)
    if "resource" in process.columns and process["resource"].null_count() < process.height:
        _refuse_strangers(events, process)
    carried, ahead = parse_duration(carry), parse_duration(resource_window)
    rows = _in_order(events.drop("case_id", "case_confidence", "case_source", strict=False).with_row_index("_row"))
    rows = rows.with_columns(shown=show_cases(rows, process, key=key)).with_columns(
        shown=pl.when(~pl.col("app").is_in(list(bar_apps))).then("shown")
    )
    rows = _with_next_booking(_with_neighbours(rows, carried), process, ahead)
    if "segment_id" in rows.columns:
        agreed = pl.when(pl.col("shown").drop_nulls().n_unique() == 1).then(pl.col("shown").drop_nulls().first())
        rows = rows.with_columns(of_segment=pl.when(pl.col("segment_id").is_not_null()).then(agreed.over("segment_id")))
    else:
        rows = rows.with_columns(of_segment=pl.lit(None, pl.String))
    return events.with_columns(_decide(rows, bar_apps).sort("_row").drop("_row"))


def _refuse_strangers(events: pl.DataFrame, process: pl.DataFrame) -> None:
    if not process["resource"].is_in(events["user"].unique().implode()).any():
        raise ContractError(
            f"No resource of the process log is a user of the events: resources such as "
            f"{process['resource'].drop_nulls()[0]!r}, users such as {events['user'].drop_nulls().first()!r}. Give the "
            "resources the events' pseudonyms (taskkit.pseudonym with the engagement's key), or drop the column."
        )


def _in_order(events: pl.DataFrame) -> pl.DataFrame:
    """The rows of each person in the order of work: sessions by their first time, inside them by seq."""
    begin = pl.col("timestamp").min().over("user", "session_id")
    return events.with_columns(begin=begin).sort("user", "begin", "session_id", "seq").drop("begin")


def _with_neighbours(rows: pl.DataFrame, carried: timedelta) -> pl.DataFrame:
    """Adds the last and the next reference the person saw, if it is believable, and which of them are close."""
    # inside a segment that shows references, only its own count: those outside belong to other work
    within = pl.when(pl.col("shown").is_not_null().any().over("segment_id")).then("segment_id")
    group = ["user", within.alias("within")]
    if "segment_id" not in rows.columns:
        group = ["user"]
    seen = pl.when(pl.col("shown").is_not_null()).then("timestamp")
    rows = rows.with_columns(
        last=pl.col("shown").forward_fill().over(group),
        next=pl.col("shown").backward_fill().over(group),
        last_at=seen.forward_fill().over(group),
        since=pl.col("timestamp") - seen.forward_fill().over(group),
        until=seen.backward_fill().over(group) - pl.col("timestamp"),
    )
    alone = carried / ONE_SIDED
    around = pl.min_horizontal(
        pl.col("timestamp") - seen.forward_fill().over("user"), seen.backward_fill().over("user") - pl.col("timestamp")
    )
    return rows.with_columns(
        last=pl.when(pl.col("since") <= carried).then("last"),
        next=pl.when(pl.col("until") <= carried).then("next"),
        close_last=pl.when(pl.col("since") <= alone).then("last"),
        close_next=pl.when(pl.col("until") <= alone).then("next"),
        nothing_seen=(around > carried).fill_null(True),
    ).drop("since", "until")


def _with_next_booking(rows: pl.DataFrame, process: pl.DataFrame, ahead: timedelta) -> pl.DataFrame:
    """Adds the cases of the person's next booking (one interaction may book many) and the time of the last one."""
    if "resource" not in process.columns:
        return rows.with_columns(booked=pl.lit(None, pl.List(pl.String)), last_booked=pl.lit(None, TIME))
    shown = rows.select("user", "timestamp", case="shown").drop_nulls()
    offsets = offsets_of(shown, process, rows["user"].unique())
    own = process.select(user="resource", case="case_id", when="timestamp").drop_nulls()
    own = own.join(offsets, on="user").with_columns(
        when=pl.col("when") - pl.duration(microseconds=(pl.col("offset_seconds") * 1e6).round().cast(pl.Int64))
    )
    bookings = own.group_by("user", "when").agg(booked=pl.col("case").unique().sort()).sort("when")
    bookings = bookings.with_columns(when=pl.col("when").dt.offset_by(SLACK))
    # sorted by time just above; polars cannot see that inside `by` and would warn
    rows = rows.sort("timestamp", maintain_order=True)
    next_one = rows.join_asof(
        bookings, left_on="timestamp", right_on="when", by="user", strategy="forward", tolerance=ahead,
        check_sortedness=False,
    ).drop("when")  # fmt: skip
    return next_one.join_asof(
        bookings.select("user", "when", last_booked="when"), left_on="timestamp", right_on="when", by="user",
        strategy="backward", allow_exact_matches=False, check_sortedness=False,
    ).drop("when")  # fmt: skip


def _decide(rows: pl.DataFrame, bar_apps: Sequence[str]) -> pl.DataFrame:
    one_booking = pl.when(pl.col("booked").list.len() == 1).then(pl.col("booked").list.first())
    bare = pl.col("app").str.to_lowercase().str.strip_suffix(".exe")
    talk = bare.is_in(list(TALK_APPS)).fill_null(False)
    between = pl.when((pl.col("last") == pl.col("next")) & ~talk).then("last")
    answers = {
        "visible both sides": pl.coalesce("shown", between),
        "same segment": pl.col("of_segment"),
        "visible + process event": pl.coalesce(
            pl.when(pl.col("booked").list.contains(pl.col("close_next"))).then("next"),
            pl.when(pl.col("booked").list.contains(pl.col("close_last"))).then("last"),
        ),
        # a booking since then closed the case
        "carried": pl.when((pl.col("last_booked") < pl.col("last_at")).fill_null(True)).then("close_last"),
        # who was seen with other cases just before or after is not believed to be at this one
        "next process event": pl.when("nothing_seen").then(one_booking),
    }
    may = pl.col("app").is_not_null() & ~pl.col("app").is_in([*bar_apps, *BARRED])
    for rule in ("visible + process event", "carried", "next process event"):
        answers[rule] = pl.when(~talk).then(answers[rule])
    case = pl.coalesce(*answers.values())
    source = pl.coalesce(*(pl.when(answer.is_not_null()).then(pl.lit(rule)) for rule, answer in answers.items()))
    may = may & ~case.str.starts_with(UNKNOWN).fill_null(False)
    decided = rows.select("_row", case_id=pl.when(may).then(case), case_source=pl.when(may).then(source))
    return decided.select(
        "_row", "case_id",
        case_confidence=pl.col("case_source").replace_strict(CONFIDENCE, default=None, return_dtype=pl.Float64),
        case_source="case_source",
    )  # fmt: skip


def list_attributions(events: pl.DataFrame) -> pl.DataFrame:
    """Sum the active time by the rule that joined it to a case.

    Parameters
    ----------
    events : events frame of `attribute_cases`, with `active_seconds`.

    Returns
    -------
    One row per rule, most trusted first: `rule` ("no case" for the rest), `confidence`, `active_hours`, `share` of the
    active time, `cases`, `people`.

    Raises
    ------
    ContractError : `attribute_cases` has not been run.

    >>> events = pl.DataFrame({"user": "p", "app": "erp", "active_seconds": [36.0, 36.0], "case_id": ["c", None],
    ...                        "case_source": ["carried", None], "case_confidence": [0.45, None]})
    >>> list_attributions(events).select("rule", "share").rows()
    [('carried', 0.5), ('no case', 0.5)]
    """
    require_columns(events, "case_id", "case_source", "case_confidence", made_by="attribute_cases")
    require_columns(events, "active_seconds", made_by="name_activities")
    summed = events.drop_nulls("app").group_by(rule=pl.col("case_source").fill_null("no case")).agg(
        confidence=pl.col("case_confidence").first(),
        active_hours=pl.col("active_seconds").sum() / 3600,
        cases=pl.col("case_id").drop_nulls().n_unique(),
        people=pl.col("user").n_unique(),
    )  # fmt: skip
    share = pl.col("active_hours") / pl.max_horizontal(pl.col("active_hours").sum(), pl.lit(1e-12))
    listed = summed.with_columns(share=share).sort("confidence", "rule", descending=[True, False], nulls_last=True)
    return listed.select("rule", "confidence", "active_hours", "share", "cases", "people")
