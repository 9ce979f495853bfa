"""The single checks: each looks at one thing and says one sentence."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from taskkit.quality.days import Window
from taskkit.quality.streams import EXCLUDED, is_a

_NO_ELEMENT = ("window_focus", "window_title", "navigate", "scroll", "shortcut", "comment")  # they have none by nature
FEW_DAYS, FEW_PERSON_DAYS = 5, 5


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
    people: int
    sessions: int

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
    days = seen.days["day"].n_unique()
    said = f"{times(seen.rows.height, 'event')} of {times(seen.people, 'person', 'people')} on {times(days, 'day')}."
    return Finding("size", "ok", float(seen.rows.height), "events", "at least 1", seen.rows.height,
                   times(seen.sessions, "session"), said)  # fmt: skip


def check_days(seen: Seen) -> Finding:
    """Whether the days are enough to stand for others."""
    days, person_days = seen.days["day"].n_unique(), seen.days.height
    few = days < FEW_DAYS
    said = f"{'Only ' if few else ''}{times(days, 'day')}, {times(person_days, 'person-day')}"
    said += (
        f" of {days * seen.people:,} if everybody had been recorded every day"
        if days * seen.people > person_days
        else ""
    )
    said += ": too few to stand for a usual week." if few else "."
    return Finding("days", "note" if few else "ok", float(days), "days", f"at least {FEW_DAYS} days", person_days,
                   times(person_days, "person-day"), said)  # fmt: skip


def check_groups(seen: Seen, fewest: int) -> Finding:
    """Whether groups are large enough to be compared and shown."""
    teams = pl.DataFrame()
    if "team" in seen.rows.columns:
        teams = seen.rows.drop_nulls("team").group_by("team").agg(pl.col("user").n_unique())
    if teams.height >= 2:
        small = int(teams.select(pl.col("user").min()).item())
        asked, value = f"at least {fewest} people in each team", small
        said = f"the smallest of {teams.height} teams has {times(small, 'person', 'people')}"
    else:
        asked, value = f"at least {fewest} people", seen.people
        said = f"{times(seen.people, 'person', 'people')}, not divided into teams"
    enough = value >= fewest
    verdict = "Enough people for a comparison of groups" if enough else "Too few people for a comparison of groups"
    return Finding("groups", "ok" if enough else "note", float(value), "people", asked, seen.people,
                   times(max(teams.height, 1), "group"), f"{verdict}: {said} ({asked}).")  # fmt: skip


def check_dominance(seen: Seen) -> Finding:
    """Whether the results describe mostly one person."""
    share = max(seen.rows["user"].value_counts()["count"].to_list()) / seen.rows.height
    if seen.people < 3:
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
    """Silences that nothing explains; where there are no presence rows they are only counted."""
    asked = f"at most 5 % of the span in gaps over {gap}"
    rows, silent, where = (
        seen.rows.filter("present"),
        seen.defects.filter(pl.col("defect") == "gap"),
        seen.places("gap"),
    )
    lengths = silent["seconds"]
    if not seen.present:
        asked, rows = f"gaps over {gap} are only counted", seen.rows
        found = rows.filter("gap")
        lengths = found.group_by("silence").agg(pl.col("us").sum() / 1e6)["us"]
        where = f"{found['run'].n_unique():,} of {times(seen.sessions, 'session')}"
    whole = float(rows["us"].clip(0).sum()) / 1e6
    lost = float(lengths.sum())
    share = lost / whole if whole else 0.0
    said = f"{times(len(lengths), 'gap')} of more than {gap}, {hours(lost)} together ({share:.1%} of the span)"
    said += "." if not len(lengths) else ": nothing says why." if seen.present else ": the log cannot say why."
    level = level_of(share, warn=0.05 if seen.present else 1.0)
    return Finding("gaps", level, float(len(lengths)), "gaps", asked, rows["run"].n_unique(), where, said)


def check_sleep(seen: Seen) -> Finding:
    """Silences in which signs of life are missing."""
    usual = seen.rows["usual"].drop_nulls()
    asleep = seen.defects.filter("signs")
    lost, whole = float(asleep["seconds"].sum()), float(seen.rows.filter("present")["us"].clip(0).sum()) / 1e6
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
    whole = _seconds(seen.rows.filter(~pl.col("idle")))
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
    seconds, whole = _seconds(rows), _seconds(seen.rows.filter(~pl.col("idle")))
    share = seconds / whole if whole else 0.0
    said = f"Applications that are excluded on purpose were in front for {hours(seconds)} ({share:.1%} of the time when " \
           "people were not idle)."  # fmt: skip
    if not rows.height:
        said = "No application was excluded, or the log does not say so."
    return Finding("excluded", "note" if share > 0.1 else "ok", seconds, "seconds", "a note above 10 % of the time",
                   rows.height, f"{rows['run'].n_unique():,} of {times(seen.sessions, 'session')}", said)  # fmt: skip


def check_duplicates(seen: Seen) -> Finding:
    """Rows that are there twice."""
    twice = seen.defects.filter(pl.col("defect") == "duplicate").height
    share = twice / max(seen.work.height, 1)
    said = f"{times(twice, 'row repeats', 'rows repeat')} an earlier row in every respect, time included ({share:.1%})."
    return Finding("duplicates", level_of(share, warn=0.01), float(twice), "rows", "at most 1 % of the rows",
                   seen.work.height, seen.places("duplicate"), said)  # fmt: skip


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
    return Finding("clock", level_of(len(jumps) / seen.rows.height, warn=0.01), float(len(jumps)), "jumps",
                   f"jumps of {least} or more in at most 1 % of the rows", seen.rows.height, seen.places("clock jump"),
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
    """Sessions without an end."""
    told = seen.rows.filter("present")["run"].n_unique()
    cut = seen.defects.filter(pl.col("defect") == "no end").height
    said = f"{cut:,} of {times(told, 'session')} {'has' if cut == 1 else 'have'} no end: it was broken off."
    if not cut:
        said = f"All {told:,} sessions end properly." if told > 1 else "The session ends properly."
    return Finding("incomplete_sessions", level_of(cut / max(told, 1), warn=0.1), float(cut), "sessions",
                   "at most 10 % of them", told, f"{cut:,} of {times(told, 'session')}", said)  # fmt: skip


def check_redacted(seen: Seen) -> Finding:
    """How much was removed."""
    count = 0
    if "redactions" in seen.rows.columns:
        count = int((seen.rows["redactions"].list.len().fill_null(0) > 0).sum())
    share = count / seen.rows.height
    said = f"Something was redacted in {times(count, 'row')} ({share:.1%})."
    return Finding("redacted", "note" if share > 0.2 else "ok", share, "share of rows", "a note above 20 %",
                   seen.rows.height, times(count, "row"), said)  # fmt: skip


def check_fields(seen: Seen) -> list[Finding]:
    """Interactions without application, title or element; what is excluded on purpose has none and does not count."""
    work = seen.work.filter(pl.col("app").ne_missing(EXCLUDED))
    pointed = work.filter(~is_a(*_NO_ELEMENT))
    return [
        _without(work, "app", ["app"], "application", 0.2, " They cannot be placed in a program."),
        _without(work, "window_title", ["window_title", "url"], "window title and no address", 0.5,
                 " Activities can only be named roughly there."),
        _without(pointed, "element_name", ["element_name", "element_id"], "element", 0.5,
                 " What was clicked or filled in is not known there."),
    ]  # fmt: skip


def _without(work: pl.DataFrame, name: str, fields: list[str], word: str, limit: float, then: str) -> Finding:
    have = [field for field in fields if field in work.columns]
    empty = work.height
    if have:
        empty = int(work.select(pl.all_horizontal(pl.col(have).is_null() | (pl.col(have) == "")).sum()).item())
    share = empty / max(work.height, 1)
    level = "ok" if share <= limit else "warning" if name == "app" else "note"
    kind = "interactions with an element" if name == "element_name" else "interactions"
    said = f"{share:.0%} of the {'clicks and entries' if name == 'element_name' else 'interactions'} have no {word}."
    return Finding(f"without_{name}", level, share, f"share of {kind}", f"at most {limit:.0%}", work.height,
                   times(empty, "row"), said + (then if level != "ok" else ""))  # fmt: skip


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
