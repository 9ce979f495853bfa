"""A hand check of the attribution: some rows drawn at random, and how many of them got the right case."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import polars as pl

from taskkit.errors import SettingError
from taskkit.overlay.references import known_offsets
from taskkit.schema import require_columns

ANSWERS = ("right", "wrong", "cannot tell")
ALL = "all rules"
_KEY = ("user", "session_id", "seq")
_Z = 1.959963984540054  # 95 %
_PLACE = pl.Struct({"seconds": pl.Float64, "rows": pl.UInt32, "app": pl.String, "window_title": pl.String})
_SCORED = pl.Schema({
    "rule": pl.String, "drawn": pl.UInt32, "answered": pl.UInt32, "right": pl.UInt32, "wrong": pl.UInt32,
    "cannot_tell": pl.UInt32, "precision": pl.Float64, "low": pl.Float64, "high": pl.Float64, "confidence": pl.Float64,
    "sentence": pl.String,
})  # fmt: skip


def draw_hand_check(
    events: pl.DataFrame, *, n: int = 50, seed: int = 0, around: int = 3, process: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Draw rows that got a case, with what was on the screen before and after, to be judged by somebody who knows the work.

    Every row with a case is as likely as any other (simple random sample without replacement), so the share of right ones
    among the drawn estimates the precision of all without bias. Drawing the same number from every rule would tell more
    about the rare rules, but its plain share would be no precision of the whole. The same rows, n and seed give the same
    draw, whatever the order of the rows.

    The draw shows titles as they stand in the log: it is for the analyst, not for a page that is shared.

    Parameters
    ----------
    events : events with `case_id`, `case_source` and `case_confidence` from `attribute_cases`.
    n : rows to draw; all of them if there are fewer.
    seed : another seed draws other rows.
    around : places (stretches of rows in one window) that are shown before and after.
    process : the process log; with it, the person's own bookings around the row are told.

    Returns
    -------
    One row per drawn row, in random order: `number` (1, 2, …), `check_id` (a digest of the row, its case and rule: an answer
    holds for exactly that), `user`, `session_id`, `seq`, `timestamp`, `app`, `window_title`, `activity`, `event_type`, `case_id`,
    `case_source`, `case_confidence`, `before` and `after` (lists of places, nearest first: `seconds` from the row, `rows`,
    `app`, `window_title`), `booked` (the person's last and next bookings in words; null without `process`).

    Raises
    ------
    ContractError : `attribute_cases` has not been run. SettingError : n or around is not allowed.

    >>> import datetime as dt
    >>> when = [dt.datetime(2026, 3, 2, 8, minute, tzinfo=dt.UTC) for minute in range(3)]
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": range(3), "timestamp": when, "app": "erp",
    ...                        "window_title": ["Inbox", "INV-1", "Inbox"], "case_id": [None, "INV-1", None],
    ...                        "case_source": [None, "carried", None], "case_confidence": [None, 0.45, None]})
    >>> drawn = draw_hand_check(events, n=1)
    >>> drawn["case_id"].item(), drawn["before"].item()[0]["window_title"]
    ('INV-1', 'Inbox')
    """
    require_columns(events, "case_id", "case_source", "case_confidence", made_by="attribute_cases")
    require_columns(events, *_KEY, "timestamp", "app", made_by="read_log")
    if n < 1 or around < 0:
        raise SettingError(f"n={n}, around={around}; allowed: n at least 1, around at least 0.")
    extra = [name for name in ("window_title", "activity", "event_type") if name in events.columns]
    kept = events.select(*_KEY, "timestamp", "app", *extra, "case_id", "case_source", "case_confidence").with_columns(
        pl.lit(None, pl.String).alias(name) for name in ("window_title", "activity", "event_type") if name not in extra
    )
    having = kept.drop_nulls("case_id").sort(_KEY)
    places = np.random.default_rng(seed).permutation(having.height)[:n]
    drawn: pl.DataFrame = having[places.tolist()].with_row_index("number", offset=1)
    digests = [
        hashlib.sha256("\x1f".join(map(str, row)).encode()).hexdigest()[:16]
        for row in drawn.select(*_KEY, "case_id", "case_source").iter_rows()
    ]
    drawn = drawn.with_columns(
        pl.col("event_type").cast(pl.String), pl.Series("check_id", digests, dtype=pl.String)
    ).with_columns(_neighbours(drawn, kept, around))
    told = (
        _bookings(drawn, events, process)
        if process is not None
        else pl.Series("booked", [None] * drawn.height, pl.String)
    )
    listed: pl.DataFrame = drawn.with_columns(told).select(
        "number", "check_id", *_KEY, "timestamp", "app", "window_title", "activity", "event_type", "case_id", "case_source",
        "case_confidence", "before", "after", "booked",
    )  # fmt: skip
    return listed


def score_hand_check(answers: pl.DataFrame) -> pl.DataFrame:
    """Score a hand check: the share of right cases, with its 95 % interval, over all and by rule.

    Parameters
    ----------
    answers : what `draw_hand_check` gave, with a column `answer`: right, wrong, cannot tell, or null where none was given yet.

    Returns
    -------
    A row over all rules, then one row per rule, most trusted first: `rule`, `drawn`, `answered` (right or wrong), `right`,
    `wrong`, `cannot_tell`, `precision` (right, part of the answered), `low` and `high` (95 %, Wilson; of independent answers, so
    it is a little narrow where many rows belong to one case), `confidence` (mean that the rules state), `sentence`. Rows that
    cannot be told are left out of the precision, and the sentence says how many they are: if there are many, it may be too high.

    Raises
    ------
    ContractError : there is no column `answer`. SettingError : an answer is not allowed.

    References
    ----------
    Wilson, Probable inference, the law of succession, and statistical inference, Journal of the American Statistical
    Association 22 (1927).

    >>> answers = pl.DataFrame({"case_source": ["carried"] * 4, "case_confidence": 0.45,
    ...                         "answer": ["right", "right", "wrong", None]})
    >>> score_hand_check(answers)["sentence"][0]
    '2 of 3 attributions that were checked by hand are right: 67 % (95 % interval 21 to 94 %).'
    """
    require_columns(answers, "case_source", "case_confidence", made_by="draw_hand_check")
    require_columns(answers, "answer", made_by="whoever checks by hand (right, wrong, cannot tell)")
    answers = answers.with_columns(pl.col("answer").cast(pl.String))
    given = answers["answer"].drop_nulls().unique().sort().to_list()
    if unknown := [answer for answer in given if answer not in ANSWERS]:
        raise SettingError(f"Unknown answers {', '.join(map(repr, unknown))}. Allowed: {', '.join(ANSWERS)}, or null.")
    trust = answers.group_by("case_source").agg(pl.col("case_confidence").mean()).sort(
        "case_confidence", "case_source", descending=[True, False]
    )  # fmt: skip
    parts = [(ALL, answers), *((rule, answers.filter(case_source=rule)) for rule in trust["case_source"])]
    return pl.DataFrame([_scored(str(rule), part) for rule, part in parts], schema=_SCORED, orient="row")


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share, 0 to 1 where nothing was counted.

    >>> [round(bound, 3) for bound in wilson(45, 50)]
    [0.786, 0.957]
    """
    if not n:
        return 0.0, 1.0
    share, z2 = right / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _scored(rule: str, part: pl.DataFrame) -> tuple[object, ...]:
    counts = {answer: int((part["answer"] == answer).sum()) for answer in ANSWERS}
    right, wrong, unsure = counts["right"], counts["wrong"], counts["cannot tell"]
    n = right + wrong
    low, high = wilson(right, n)
    confidence = part["case_confidence"].mean()
    if not n:
        said = f"No attribution has been checked by hand yet, of {part.height} drawn."
        return rule, part.height, 0, 0, 0, unsure, None, None, None, confidence, said
    said = (
        f"{right} of {n} attribution{'s' if n > 1 else ''} that {'were' if n > 1 else 'was'} checked by hand "
        f"{'is' if right == 1 else 'are'} right: {100 * right / n:.0f} % (95 % interval {100 * low:.0f} to {100 * high:.0f} %)."
    )
    if unsure:
        said += f" {unsure} more could not be told and {'is' if unsure == 1 else 'are'} left out."
    return rule, part.height, n, right, wrong, unsure, right / n, low, high, confidence, said


def _neighbours(drawn: pl.DataFrame, kept: pl.DataFrame, around: int) -> list[pl.Series]:
    """The places before and after each drawn row: stretches of rows of the session in one window."""
    sessions = kept.join(drawn.select("user", "session_id").unique(), on=["user", "session_id"], how="semi").sort(_KEY)
    sessions = sessions.with_columns(_run=pl.struct("user", "session_id", "app", "window_title").rle_id())
    runs = sessions.filter(pl.col("app").is_not_null()).group_by("_run", maintain_order=True).agg(
        pl.col("user", "session_id", "app", "window_title").first(), begin=pl.col("timestamp").first(),
        end=pl.col("timestamp").last(), rows=pl.len(),
    )  # fmt: skip
    own = drawn.select("number", *_KEY, "timestamp").join(sessions.select(*_KEY, "_run"), on=_KEY, how="left")
    both = own.join(runs, on=["user", "session_id"], how="left", suffix="_other").filter(
        pl.col("_run") != pl.col("_run_other")
    )
    seconds = (
        pl.when(pl.col("_run_other") < pl.col("_run")).then(pl.col("timestamp") - pl.col("end"))
        .otherwise(pl.col("begin") - pl.col("timestamp")).dt.total_microseconds() / 1e6
    )  # fmt: skip
    both = both.with_columns(seconds=seconds, away=pl.col("_run_other").cast(pl.Int64) - pl.col("_run").cast(pl.Int64))
    found = []
    for name, side in (("before", pl.col("away") < 0), ("after", pl.col("away") > 0)):
        near = both.filter(side).sort("number", pl.col("away").abs()).group_by("number", maintain_order=True).agg(
            pl.struct("seconds", pl.col("rows").cast(pl.UInt32), "app", "window_title").head(around).alias(name)
        )  # fmt: skip
        nothing = pl.lit([], dtype=pl.List(_PLACE))
        column = drawn.select("number").join(near, on="number", how="left", maintain_order="left")
        found.append(column.select(pl.col(name).fill_null(nothing).cast(pl.List(_PLACE))).to_series())
    return found


def _bookings(drawn: pl.DataFrame, events: pl.DataFrame, process: pl.DataFrame) -> pl.Series:
    """The person's last and next booking around each drawn row, by the recorder's clock, in words."""
    if "resource" not in process.columns:
        return pl.Series("booked", ["The process log does not say who booked."] * drawn.height, dtype=pl.String)
    offsets = known_offsets(events, process).select("user", "offset_seconds")
    own = process.select(user="resource", case="case_id", what="activity", when="timestamp").drop_nulls().join(
        offsets, on="user", how="semi"
    ).join(offsets, on="user").with_columns(
        when=pl.col("when") - pl.duration(microseconds=(pl.col("offset_seconds") * 1e6).round().cast(pl.Int64))
    ).sort("when", "case", "what")  # fmt: skip
    rows = drawn.select("number", "user", "timestamp").sort("timestamp", "number")
    # sorted just above; polars cannot see that inside `by` and would warn
    last = rows.join_asof(own, left_on="timestamp", right_on="when", by="user", check_sortedness=False)
    following = rows.join_asof(
        own, left_on="timestamp", right_on="when", by="user", strategy="forward", check_sortedness=False
    )
    told = {}
    for side, words in ((last, "before"), (following, "after")):
        for number, at, case, what, when in side.select("number", "timestamp", "case", "what", "when").iter_rows():
            if when is not None:
                away = abs((when - at).total_seconds())
                told[number, words] = f"{what} of {case}, {_apart(away)} {words}"
    return pl.Series("booked", [
        "; ".join(told[n, words] for words in ("before", "after") if (n, words) in told) or "no booking of the person is known"
        for n in drawn["number"]
    ], dtype=pl.String)  # fmt: skip


def _apart(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return (
        f"{seconds / 60:.0f} min"
        if seconds < 5_400
        else f"{seconds / 3600:.1f} h"
        if seconds < 129_600
        else f"{seconds / 86400:.0f} days"
    )
