"""The single checks: each looks at one thing and says one sentence."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from taskkit.privacy import UNKNOWN_USER
from taskkit.quality.days import Window
from taskkit.quality.defects import ends_due
from taskkit.quality.streams import is_a

FEW_DAYS, FEW_PERSON_DAYS = 5, 5
MIN_EVENTS = 500  # about one person's day: under it nothing can recur often enough to be told from chance
_UNTOLD = "the log does not say how many people worked"


@dataclass(frozen=True)
class Finding:
    """What one check found: the columns of a row of `check_quality`."""

    check: str
    level: str  # ok, note, warning
    value: float
    unit: str
    threshold: str
    n: int
    where: str
    sentence: str


@dataclass(frozen=True)
class Seen:
    """What the checks look at: the log in order, its days, its defects, its people."""

    rows: pl.DataFrame  # of read_stream
    work: pl.DataFrame  # its rows that are no presence rows
    days: pl.DataFrame
    window: Window | None
    defects: pl.DataFrame
    people: int  # that the log tells apart; 0 = it does not say how many worked
    sessions: int

    @property
    def nameless(self) -> bool:
        """Whether there are rows of which the log does not say who worked."""
        return bool((self.rows["user"] == UNKNOWN_USER).any())

    @property
    def present(self) -> bool:
        """Whether any session has presence rows."""
        return bool(self.rows["present"].any())

    def places(self, kind: str) -> str:
        """In how many sessions there is such a defect."""
        hit = self.defects.filter(pl.col("defect") == kind).select("user", "session_id").n_unique()
        return f"{hit:,} of {times(self.sessions, 'session')}"


def check_size(seen: Seen) -> Finding:
    """How much there is."""
    count, on = seen.rows.height, times(seen.days["day"].n_unique(), "day")
    said = f"{times(count, 'event')} of {times(seen.people, 'person', 'people')} on {on}"
    said = said if seen.people else f"{times(count, 'event')} on {on}"
    level = "ok" if count >= MIN_EVENTS else "note"
    said += ": too few to tell what recurs from chance" if level == "note" else ""
    if seen.nameless:
        said += "; of some events the log does not say who worked" if seen.people else f"; {_UNTOLD}"
    if seen.work.is_empty():
        level, said = "warning", f"{times(count, 'event')} on {on}, and none of them is an interaction"
    return Finding("size", level, float(count), "events", f"at least {MIN_EVENTS} events", count,
                   times(seen.sessions, "session"), said + ".")  # fmt: skip


def check_days(seen: Seen) -> Finding:
    """Whether the days are enough to stand for others."""
    days, person_days = seen.days["day"].n_unique(), seen.days.height
    few = days < FEW_DAYS
    said, where = f"{'Only ' if few else ''}{times(days, 'day')}", times(days, "day")
    if seen.people:
        where = times(person_days, "person-day")
        said += f", {where}"
        all_days = days * (seen.people + seen.nameless)
        said += f" of {all_days:,} if everybody had been recorded every day" if all_days > person_days else ""
    said += ": too few to stand for a usual week." if few else "."
    return Finding("days", "note" if few else "ok", float(days), "days", f"at least {FEW_DAYS} days", person_days, where,
                   said)  # fmt: skip


def check_groups(seen: Seen, fewest: int) -> Finding:
    """Whether groups are large enough to be compared and shown."""
    teams = pl.DataFrame()
    if "team" in seen.rows.columns:
        known = pl.col("user").filter(pl.col("user") != UNKNOWN_USER)
        teams = seen.rows.drop_nulls("team").group_by("team").agg(known.n_unique())
    if teams.height >= 2:
        small = int(teams.select(pl.col("user").min()).item())
        asked, value = f"at least {fewest} people in each team", small
        said = f"the smallest of {teams.height} teams has {times(small, 'person', 'people')}"
    else:
        asked, value = f"at least {fewest} people", seen.people
        said = f"{times(seen.people, 'person', 'people')}, not divided into teams"
    if not seen.people:
        value, said = 0, _UNTOLD
    enough = value >= fewest
    verdict = f"{'Enough' if enough else 'Too few'} people for a comparison of groups"
    verdict = verdict if seen.people else "No comparison of groups"
    return Finding("groups", "ok" if enough else "note", float(value), "people", asked, seen.people,
                   times(max(teams.height, 1), "group"), f"{verdict}: {said} ({asked}).")  # fmt: skip


def check_dominance(seen: Seen) -> Finding:
    """Whether the results describe mostly one person."""
    counts = seen.rows.filter(pl.col("user") != UNKNOWN_USER)["user"].value_counts()["count"].to_list()
    share = max(counts, default=seen.rows.height) / seen.rows.height
    if not seen.people:
        level, said = "note", f"{_UNTOLD.capitalize()}: results may describe a single person."
    elif seen.people < 3:
        level = "note"
        said = f"{times(seen.people, 'person', 'people')} recorded: every result describes single persons."
    else:
        level = "warning" if share > 0.5 else "ok"
        said = f"One person made {share:.0%} of the events" + (
            ": results describe mostly that person." if level == "warning" else "; nobody dominates the log."
        )
    return Finding("dominance", level, share, "share of events", "at most 50 % by one person", seen.rows.height,
                   times(seen.people, "person", "people"), said)  # fmt: skip


def check_presence(seen: Seen) -> Finding:
    """Whether the log says when people were away."""
    told = seen.rows.filter("present")["run"].n_unique()
    share = told / seen.sessions
    said = "The log says when people were idle, locked or paused."
    if not told:
        said = (
            "The log has no presence rows (idle, lock, pause, blind, session): "
            "breaks cannot be told from missing recording."
        )
    elif share < 1:
        said = (
            f"{share:.0%} of the sessions say when people were away; of the others nothing is known but their events."
        )
    return Finding("presence", "ok" if told == seen.sessions else "note", share, "share of sessions",
                   "presence rows in every session", seen.sessions,
                   f"{told:,} of {times(seen.sessions, 'session')}", said)  # fmt: skip


def check_coverage(seen: Seen) -> Finding:
    """How much of the working window is covered by the recording."""
    covered = seen.days["coverage"].drop_nulls()
    asked = "at least 70 % on half of the person-days; a warning under 50 %"
    if seen.window is None or not len(covered):
        said = "The working window cannot be learnt from this log: give working_window to see what is covered of it."
        return Finding("coverage", "note", 0.0, "share of the window", asked, 0, "unknown", said)
    middle, thin = float(covered.median() or 0), int((covered < 0.5).sum())  # type: ignore[arg-type]
    level = "warning" if middle < 0.5 else "note" if middle < 0.7 else "ok"
    learnt = "as given" if not seen.window.learnt_from else (
        f"learnt: median first to median last interaction of {times(seen.window.learnt_from, 'person-day')}")  # fmt: skip
    said = (
        f"Half of the person-days cover {middle:.0%} or more of the working window {seen.window} local time ({learnt})"
    )
    if seen.window.learnt_from and len(covered) < FEW_PERSON_DAYS:
        level = "note"
        said += f"; under {FEW_PERSON_DAYS} person-days a learnt window says little: give working_window"
    return Finding("coverage", level, middle, "median share of the window", asked, len(covered),
                   f"under 50 % on {thin:,} of {times(len(covered), 'person-day')}", said + ".")  # fmt: skip


def check_gaps(seen: Seen, gap: str) -> Finding:
    """Silences that nothing explains; where there are no presence rows they may be breaks and are only counted."""
    asked = f"at most 5 % of the span in gaps over {gap}" if seen.present else f"gaps over {gap} are only counted"
    silent = seen.defects.filter(pl.col("defect") == "gap")
    known, unsure = silent.filter(~pl.col("doubtful")), int(silent["doubtful"].sum())
    lost, whole = float(silent["seconds"].sum()), _seconds(seen.rows.filter(~pl.col("night")))
    share = lost / whole if whole else 0.0
    said = f"{times(silent.height, 'gap')} of more than {gap}, {hours(lost)} together ({share:.1%} of the span)"
    if known.height:
        said += ": nothing says why" + (f", and {unsure:,} may be breaks" if unsure else "")
    elif unsure:
        said += ": without presence rows breaks cannot be told from missing recording"
    told = _seconds(seen.rows.filter(pl.col("present") & ~pl.col("night")))
    level = level_of(float(known["seconds"].sum()) / told if told else 0.0, warn=0.05)
    return Finding("gaps", "note" if unsure and level == "ok" else level, float(silent.height), "gaps", asked,
                   seen.sessions, seen.places("gap"), said + ".")  # fmt: skip


def check_sleep(seen: Seen) -> Finding:
    """Silences in which signs of life are missing."""
    usual = seen.rows["usual"].drop_nulls()
    asleep = seen.defects.filter("signs")
    lost, whole = float(asleep["seconds"].sum()), _seconds(seen.rows.filter(pl.col("present") & ~pl.col("night")))
    every = hours(float(usual.median() or 0) / 1e6)  # type: ignore[arg-type]
    said = f"Signs of life come every {every}; they never stop without a reason in the log."
    if asleep.height:
        said = (
            f"Signs of life come every {every} and stop {times(asleep.height, 'time')} without a reason in the log, "
            f"{hours(lost)} together: the machine slept or the recorder stood still."
        )
    where = f"{asleep.select('user', 'session_id').n_unique():,} of {times(seen.sessions, 'session')}"
    signs = int(seen.rows.select(is_a("alive").sum()).item())
    return Finding("sleep", level_of(lost / whole if whole else 0.0, warn=0.05), float(asleep.height), "times",
                   "at most 5 % of the span without due signs of life", signs, where, said)  # fmt: skip


def check_blind(seen: Seen) -> Finding:
    """Spans in which the recorder says that it saw nothing."""
    seconds = _seconds(seen.rows.filter("blind"))
    whole = _seconds(seen.rows.filter(~pl.col("idle") & ~pl.col("night")))
    share, count = (
        min(seconds / whole, 1.0) if whole else 0.0,
        seen.defects.filter(pl.col("defect") == "blind span").height,
    )
    said = "The recorder reports no blind spots."
    if count:
        said = (
            f"The recorder saw nothing for {hours(seconds)} in {times(count, 'span')} "
            f"({share:.1%} of the time when people were not idle)."
        )
    return Finding("blind_spots", level_of(share, warn=0.1), seconds, "seconds", "at most 10 % of the time", count,
                   seen.places("blind span"), said)  # fmt: skip


def check_excluded(seen: Seen) -> Finding:
    """Time in applications that must not be recorded."""
    rows = seen.rows.filter("excluded")
    seconds, whole = _seconds(rows), _seconds(seen.rows.filter(~pl.col("idle") & ~pl.col("night")))
    share = seconds / whole if whole else 0.0
    said = f"Applications that are excluded on purpose were in front for {hours(seconds)} ({share:.1%} of the time when " \
           "people were not idle)."  # fmt: skip
    if not rows.height:
        said = "No application was excluded, or the log does not say so."
    return Finding("excluded", "note" if share > 0.1 else "ok", seconds, "seconds", "a note above 10 % of the time",
                   rows.height, f"{rows['run'].n_unique():,} of {times(seen.sessions, 'session')}", said)  # fmt: skip


def check_duplicates(seen: Seen) -> Finding:
    """Rows that are there twice."""
    found = seen.defects.filter(pl.col("defect") == "duplicate")
    twice, unsure = found.height, int(found["doubtful"].sum())
    share = twice / max(seen.work.height, 1)
    said = f"{times(twice, 'row repeats', 'rows repeat')} an earlier row in every respect, time included ({share:.1%})"
    if unsure:
        said += (
            f"; times are whole seconds in {unsure:,} of them, which may be second clicks: look before you drop them"
        )
    return Finding("duplicates", level_of(share, warn=0.01), float(twice), "rows", "at most 1 % of the rows",
                   seen.work.height, seen.places("duplicate"), said + ".")  # fmt: skip


def check_clock(seen: Seen, least: str) -> Finding:
    """Jumps of the clock."""
    jumps = seen.defects.filter(pl.col("defect") == "clock jump")["seconds"]
    back, forward = jumps.filter(jumps < 0), jumps.filter(jumps > 0)
    parts = []
    if len(back):
        most = hours(-float(back.min()))  # type: ignore[arg-type]
        parts.append(f"jumps back {times(len(back), 'time')} inside a session, at most by {most}")
    if len(forward):
        parts.append(f"jumps forward {times(len(forward), 'time')}, at most by {hours(float(forward.max()))}")  # type: ignore[arg-type]
    said = (
        f"The clock {' and '.join(parts)}: seq gives the order." if parts else "The clock never jumps inside a session."
    )
    jumping = seen.defects.filter(pl.col("defect") == "clock jump").select("user", "session_id").n_unique()
    sessions = seen.rows.select("user", "session_id").n_unique()
    return Finding("clock", level_of(jumping / max(sessions, 1), warn=0.1), float(len(jumps)), "jumps",
                   f"jumps of {least} or more in at most 10 % of the sessions", seen.rows.height, seen.places("clock jump"),
                   said)  # fmt: skip


def check_order(seen: Seen) -> Finding:
    """Moments in which seq and clock disagree."""
    late = seen.defects.filter(pl.col("defect") == "order break").height
    share = late / seen.rows.height
    said = "The order of seq and the order of the clock agree."
    if late:
        said = f"{times(late, 'row is', 'rows are')} earlier than the row before ({share:.2%}): seq gives the order."
    return Finding("order", level_of(share, warn=0.05), float(late), "rows", "at most 5 % of the rows", seen.rows.height,
                   seen.places("order break"), said)  # fmt: skip


def check_ends(seen: Seen) -> Finding:
    """Sessions without an end, where the recorder writes ends."""
    due = ends_due(seen.rows)
    told, cut = due.height, due.filter(~pl.col("ended")).height
    said = f"All {told:,} sessions end properly." if told > 1 else "The session ends properly."
    if not told:
        said = "This recorder writes no ends of sessions: whether one was broken off cannot be told."
    elif cut:
        said = f"{cut:,} of {times(told, 'session')} {'has no end: it was' if cut == 1 else 'have no end: they were'} broken off."
    return Finding("incomplete_sessions", level_of(cut / max(told, 1), warn=0.1), float(cut), "sessions",
                   "at most 10 % of them", told, f"{cut:,} of {times(told, 'session')}", said)  # fmt: skip


def times(count: int, noun: str, plural: str = "") -> str:
    """A number of things in words.

    >>> times(1, "day"), times(2000, "day")
    ('1 day', '2,000 days')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def hours(seconds: float) -> str:
    """A length of time in words.

    >>> hours(90.0), hours(5400.0)
    ('2 min', '1.5 h')
    """
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"


def level_of(share: float, *, warn: float) -> str:
    """Nothing is ok, something a note, more than the limit a warning."""
    return "warning" if share > warn else "note" if share > 0 else "ok"


def _seconds(rows: pl.DataFrame) -> float:
    return float(rows["us"].clip(0).sum()) / 1e6
