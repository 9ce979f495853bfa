"""The posture: what was recorded, what was not, until when it is kept and who may see it, in plain sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from taskkit.privacy.groups import MIN_PEOPLE, shares_pages
from taskkit.schema import EVENTS

UNKNOWN_USER = "p_unknown"  # a log that does not say who worked
_DERIVED = ("activity", "case_id", "screen", "task_said")  # made from what was recorded
# event types → what the recorded people did, in their words
_DONE = {
    "clicks": ("click", "double_click", "right_click", "drag"),
    "scrolling": ("scroll",),
    "that something was typed": ("text_input",),
    "named keys and shortcuts": ("key", "shortcut"),
    "copying and pasting": ("copy", "cut", "paste"),
    "when nobody was at the computer": ("idle_start", "lock", "pause"),
}
_FIELDS = {
    "window_title": "titles of windows", "url": "addresses of pages", "element_name": "names of buttons and fields",
    "case_ref": "numbers of documents",
}  # fmt: skip
_REMOVED = {
    "email": "e-mail addresses", "iban": "account numbers", "card": "card numbers", "phone": "telephone numbers",
    "long_number": "long numbers", "national_id": "identity numbers", "secret": "keys and passwords",
    "user_folder": "names of user folders", "name": "names", "excluded": "programs that are kept out on purpose",
}  # fmt: skip
_EXCLUDED = {
    "blind_spans": "spans in which the recorder saw nothing", "redacted_rows": "rows in which something was replaced",
    "private_windows_rows": "rows of private windows", "private_windows_visits": "visits to private windows",
    "denied_rows": "rows of programs on the list of exceptions",
}  # fmt: skip


def posture(events: pl.DataFrame, *, metadata: Mapping[str, Any] | None = None, k: int = MIN_PEOPLE) -> pl.DataFrame:
    """Say in plain sentences what was recorded, what was not, and who may see it.

    While pages are made that leave the room, the sentences are those of such a page: numbers under `k` are not told.

    Parameters
    ----------
    events : an events frame.
    metadata : what the log's files say about themselves (`taskkit.log.read_metadata`); unknown facts are said to be so. With
        `drawn` (`taskkit.mine` of a large log) the events are a draw of the log.
    k : smallest group that shared pages show.

    Returns
    -------
    One row per statement: `topic` (recorded, not recorded, removed, people, consent, kept until, sharing; and where the
    metadata say so: drawn, cases, excluded, withdrawn, signed off, ended, seen by), `statement`.

    >>> posture(pl.DataFrame(schema=EVENTS.schema))["topic"].to_list()[0]
    'recorded'
    """
    meta = dict(metadata or {})
    n, people = events.height, events["user"].n_unique() if events.height else 0
    filled = {name for name in events.columns if events[name].null_count() < n}
    drawn = meta.get("drawn") or {}
    rows = [
        (
            "recorded",
            _recorded(events, filled, drawn) + (f" Profile: {meta['profile']}." if meta.get("profile") else ""),
        ),
        ("drawn", _drawn(drawn, k)),
        ("cases", _cases(drawn, k)),
        ("not recorded", _not_recorded(events, filled)),
        ("removed", _removed(events, filled, k, drawn)),
        ("excluded", _excluded(meta.get("excluded"), k)),
        ("withdrawn", _withdrawn(meta.get("removed_spans"))),
        ("people", f"{_people(events, drawn.get('of_people', people))} Results describe tasks; nobody is ranked."),
        ("consent", meta.get("consent") or "The log does not say which notice the people agreed to."),
        ("signed off", _signed_off(meta)),
        ("kept until", _kept_until(meta.get("kept_until"))),
        ("ended", _ended(meta.get("ended_cleanly"), k)),
        ("seen by", str(meta.get("seen_by") or "")),
        ("sharing", _sharing(people, k)),
    ]
    return pl.DataFrame([row for row in rows if row[1]], schema=["topic", "statement"], orient="row")


def _recorded(events: pl.DataFrame, filled: set[str], drawn: Mapping[str, Any]) -> str:
    if events.is_empty():
        return "Nothing: the log is empty."
    ends = (
        [date.fromisoformat(drawn[day]) for day in ("first_day", "last_day")] if drawn else events["timestamp"].sort()
    )
    days = [ends[0].strftime("%d %b %Y"), ends[-1].strftime("%d %b %Y")]
    span = f"On {days[0]}" if days[0] == days[-1] else f"From {days[0]} to {days[-1]}"
    kinds = set(events["event_type"].drop_nulls().cast(pl.String).unique()) if "event_type" in events.columns else set()
    done = [words for words, types in _DONE.items() if kinds & {*types}]
    rows = _rows(drawn.get("of_events", events.height))
    said = f"{span}, {rows}: which program was in front and when{''.join(f', {words}' for words in done)}."
    naming = [c.name for c in EVENTS.columns if c.privacy == "P2" and c.name in filled and c.name not in _DERIVED]
    words = ", ".join(_FIELDS.get(name, name) for name in naming)
    return said + (f" Kept, and able to name people or customers: {words}." if naming else "")


def _drawn(drawn: Mapping[str, Any], k: int) -> str:
    """What rests on the whole of a large log, and what on a part of it."""
    if not drawn:
        return ""
    of_people, of_sessions = (_told(drawn[name], k) for name in ("of_people", "of_sessions"))
    return (
        f"This log has {drawn['of_events']:,} events of {of_people} people. What looks at single steps rests on "
        f"{drawn['events']:,} events of {_told(drawn['people'], k)} people ({_told(drawn['sessions'], k)} of {of_sessions} "
        f"sessions), drawn by file (seed {drawn['seed']}): counts and hours there are those of the draw. Tables of the whole log "
        "say that they are."
    )


def _cases(drawn: Mapping[str, Any], k: int) -> str:
    """What a draw cannot say about the cases of the process."""
    if "of_cases" not in drawn:
        return ""
    return (
        f"Of the {drawn['of_cases']:,} cases of the process log, those are shown on which somebody worked in the draw "
        f"({_told(drawn['cases'], k)}). Cases without recorded work cannot be counted, and work on a case outside "
        "the draw is not seen."
    )


def _not_recorded(events: pl.DataFrame, filled: set[str]) -> str:
    if "value" in filled:
        return "Texts that were typed or copied ARE in this log: it is confidential."
    said = "No screenshots. The text that was typed or copied has no field of its own in this log."
    if filled & {"window_title", "element_name"}:
        said += " But titles and labels are kept as the programs showed them, and they can repeat what was typed."
    if "value_digest" in filled:
        said += (
            " Of values that were copied or entered a keyed fingerprint (digest) is kept: it shows where the same value comes "
            "again; who has the key file can test a guess against it."
        )
    unknown = [name for name in events.columns if name not in EVENTS.schema]
    return said + (f" Columns of your own that may hold content: {', '.join(unknown)}." if unknown else "")


def _removed(events: pl.DataFrame, filled: set[str], k: int, drawn: Mapping[str, Any]) -> str:
    if "redactions" not in filled:
        return "This log does not say that anything was replaced before it was written."
    removed = events["redactions"].drop_nulls().explode(empty_as_null=True).drop_nulls()
    kinds = [
        f"{_REMOVED.get(kind, kind)} ({_told(n, k, 'row')})" for kind, n in sorted(removed.value_counts().iter_rows())
    ]
    return (
        f"Before the log was written: {', '.join(kinds)}{' (counted in the draw)' if drawn else ''}."
        if kinds
        else f"Nothing had to be replaced before it was written{', as far as the draw tells' if drawn else ''}."
    )


def _sharing(people: int, k: int) -> str:
    """Who may see it; on a page that leaves the room, what it can be relied on not to show."""
    if people < k:
        return f"Fewer than {k} people were recorded, so nothing here is anonymous: share it only with them or with their consent."
    if shares_pages():
        fewer = f", fewer than the {MIN_PEOPLE} that are usual" if k < MIN_PEOPLE else ""
        return (
            f"Every figure of desktop work on this page rests on at least {k} people{fewer}. No row, bar or dot stands for one "
            "person, one person's day, one case or one recording; smaller groups are left out or counted with others, and so is "
            "what would tell them by subtraction. The page can be passed on; whoever has it can pass it on too."
        )
    return (
        f"For the room in which it is discussed. Groups of fewer than {k} people are hidden; single days and cases are "
        "examples, under letters that are not the pseudonyms of the log. Pages to be passed on are made with taskkit share."
    )


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def _told(count: int, k: int, what: str = "") -> str:
    """A count, and on a page that leaves the room only whether it is small."""
    number = f"fewer than {k}" if count < k and shares_pages() else f"{count:,}"
    plural = what if count == 1 and number == "1" else f"{what}s"
    return f"{number} {plural}" if what else number


def _people(events: pl.DataFrame, people: int) -> str:
    if not people:
        return "Nobody."
    if UNKNOWN_USER in events["user"].unique():
        return "The log does not say who worked; it counts as one person."
    said = f"{people} {'person' if people == 1 else 'people'}"
    if events["user"].str.contains(r"^p_[0-9a-f]{12}$").all():
        return f"{said}, under pseudonyms; who has the key file can find out whose they are."
    return f"{said}, under the names of the log: replace them with taskkit.privacy.pseudonym before you share anything."


def _counts(stated: Any) -> dict[str, int]:
    """Counts that a log states, as JSON or as they are; none where it states none."""
    try:
        counts = json.loads(stated) if isinstance(stated, str) else stated
    except ValueError:
        return {}
    return {k: n for k, n in counts.items() if isinstance(n, int) and n} if isinstance(counts, Mapping) else {}


def _excluded(stated: Any, k: int) -> str:
    counts = _counts(stated)
    said = "; ".join(
        f"{_EXCLUDED.get(name, name.replace('_', ' '))}: {_told(count, k)}" for name, count in sorted(counts.items())
    )
    return f"{said.capitalize()}. Of what was kept out the log knows only that time passed." if said else ""


def _withdrawn(stated: Any) -> str:
    counts = _counts(stated)
    if not counts.get("spans"):
        return ""
    if shares_pages():  # who withdraws something is often a single person
        return "Recorded people can remove spans afterwards, and that was done; each left a marked gap."
    length = f" ({counts['seconds'] / 60:,.0f} minutes)" if "seconds" in counts else ""
    rows = f", {counts['rows']:,} rows" if "rows" in counts else ""
    return f"The recorded people removed spans afterwards: {counts['spans']:,}{length}{rows}; each left a marked gap."


def _signed_off(meta: Mapping[str, Any]) -> str:
    """Whether the recorded people looked at the log and let it go; only logs of our recorder can say so."""
    if meta.get("signed_off"):
        return f"By the recorded people, {meta['signed_off']}."
    ours = str(meta.get("recorder", "")).startswith("taskkit-capture")
    return "No recording was signed off by the recorded person." if ours else ""


def _ended(stated: Any, k: int) -> str:
    if not stated:
        return ""
    if str(stated).startswith(("yes", "true")):
        return "Every recording that says how it ended ended as it should."
    said = str(stated).removeprefix("no: ")
    if shares_pages():
        said = re.sub(r"^(\d+)(?= of \d)", lambda found: _told(int(found[0]), k), said)
        said = re.sub(r" \(\d+ of \d+ files do not say so\)", "", said)
    return f"{said.capitalize()}: what came last in them may be missing."


def _kept_until(stated: str | None) -> str:
    """The date of deletion in words; a date that has passed is said to have."""
    if not stated:
        return "The log states no date of deletion."
    today = datetime.now(UTC).date().isoformat()
    passed = [day < today for day in re.findall(r"\b\d{4}-\d\d-\d\d\b", stated)]
    said = f"{stated}. Then the log is to be deleted."
    if any(passed):
        which = "This date has" if all(passed) else "The first of these dates has"
        said = f"{stated}. {which} passed: the log should have been deleted."
    return said + (" Pages that were passed on are not deleted with it." if shares_pages() else "")
