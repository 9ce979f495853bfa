"""The recorded person looks at a session before it is handed over: reads it in plain words, deletes spans, signs it off."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.errors import LogFileError, SettingError
from taskkit.privacy import scan_private
from taskkit.schema import PRESENCE_TYPES
from taskkit_capture.chunks import COLUMNS, write_whole

REMOVED = "removed by the recorded person"
_HELP = """show               the whole session, minute by minute
show 10:05-10:20   a span of it, both minutes included
delete 10:05-10:20 remove what was recorded in a span, both minutes included; the gap stays visible
sign               sign the session off: you have seen it and hand it over as it is
quit               end; what was deleted or signed is in the file already
A session of several days needs the day too: delete 2026-03-02 10:05-10:20"""
# what begins a state → what ends it, what it is called
_STATES = {"idle_start": ("idle_end", "Away"), "lock": ("unlock", "Locked"), "pause": ("resume", "Paused"),
           "blind_start": ("blind_end", "Nothing recorded")}  # fmt: skip
_PRESENCE = {
    "idle_start": "away from here", "idle_end": "back", "lock": "screen locked", "unlock": "screen unlocked",
    "pause": "recording paused", "resume": "recording goes on", "blind_start": "nothing recorded from here",
    "blind_end": "recorded again", "session_start": "recording begins", "session_end": "recording ends",
}  # fmt: skip
_CARRIED = {"copy": "copied", "cut": "cut", "paste": "pasted"}
_CONTENT = {"window_title": "Titles", "url": "Addresses", "element_name": "Names of buttons and fields",
            "value": "TEXTS THAT WERE COPIED OR TYPED"}  # fmt: skip
_SHOWN = 20  # titles, addresses and so on that are named
_IS_GAP = (pl.col("event_name") == REMOVED).fill_null(False)
_UNTIL = pl.col("timestamp") + pl.duration(milliseconds=pl.col("duration_ms").fill_null(0))  # the end of a burst


def review(
    path: Path, *, delete: Sequence[str] = (), sign: bool = False, key: bytes | None = None,
    ask: Callable[[str], str] = input, tell: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Let the recorded person read a finished session, delete spans of it and sign it off.

    Parameters
    ----------
    path : the session's file.
    delete : spans such as "10:05-10:20" to delete without a question.
    sign : sign the session off without a question, after the deletions.
    key : key of an encrypted recording.

    Raises
    ------
    LogFileError : the file is no finished session of one person, or it needs a key.
    SettingError : a span of `delete` cannot be understood or holds nothing.
    """
    session = _Session(Path(path), key, tell)
    if delete or sign:
        for span in delete:
            session.delete(*find_span(session.events, span))
        if sign:
            session.sign()
        return
    tell(summarise(session.events, session.notes))
    tell("Commands: show, delete, sign, help, quit.")
    while (said := _answer(ask, "> ")) != "quit":
        try:
            _obey(session, *said.split(maxsplit=1), ask=ask, tell=tell)
        except SettingError as error:
            tell(str(error))


def _obey(session: _Session, command: str = "help", rest: str = "", *, ask: Callable[[str], str],
          tell: Callable[[str], None]) -> None:  # fmt: skip
    if command == "show":
        tell(tell_span(session.events, *(find_span(session.events, rest) if rest else _whole(session.events))))
    elif command == "delete":
        span = find_span(session.events, rest)
        count = session.events.filter(_in_span(session.events, *span)).height
        if count and _answer(ask, f"Delete {_rows(count)}? They cannot be brought back. yes/no: ").casefold() != "yes":
            tell("Nothing was deleted.")
        else:
            session.delete(*span)
    elif command == "sign":
        session.sign()
    elif command == "help":
        tell(_HELP)
    else:
        raise SettingError(f"There is no command {command!r}. Known: show, delete, sign, help, quit.")


def _answer(ask: Callable[[str], str], question: str) -> str:
    try:
        return ask(question).strip()
    except (EOFError, KeyboardInterrupt):
        return "quit"


class _Session:
    """A session's file; every change is in it at once, or not at all."""

    def __init__(self, path: Path, key: bytes | None, tell: Callable[[str], None]) -> None:
        self._path, self._key, self._tell = path, key, tell
        self.events, self.notes = _read(path, key)

    def delete(self, start: datetime, end: datetime) -> None:
        """Remove a span from the file, and with it a sign-off that was for more than is left."""
        gone = self.events.filter(_in_span(self.events, start, end) & ~_IS_GAP)
        if gone.is_empty():
            raise SettingError("There is nothing to delete in this span.")
        events = delete_span(self.events, start, end)
        gaps = events.filter(_IS_GAP)
        told = json.loads(self.notes.get("removed_spans", "{}"))
        removed = {"spans": gaps.filter(pl.col("event_type") == "blind_start").height,
                   "rows": told.get("rows", 0) + gone.height, "seconds": round(_states(gaps)[1]["blind_start"][1])}  # fmt: skip
        notes = {name: said for name, said in self.notes.items() if name != "signed_off"}
        signed = "signed_off" in self.notes
        self._keep(events, notes | {"removed_spans": json.dumps(removed)})
        self._tell(f"{_rows(gone.height)} deleted. The gap is marked: {REMOVED}. Where the same values come again, "
                   "their fingerprints are gone too.")  # fmt: skip
        if signed:
            self._tell("The session was signed off before this deletion: sign it again.")

    def sign(self) -> None:
        """Note in the file that the recorded person has seen it."""
        signed = datetime.now(UTC).isoformat(timespec="seconds")
        self._keep(self.events, self.notes | {"signed_off": signed})
        self._tell(f"Signed off at {signed}.")

    def _keep(self, events: pl.DataFrame, notes: dict[str, str]) -> None:
        try:
            write_whole(events, self._path, notes, key=self._key)
        except OSError as error:
            why = error.strerror or error
            raise LogFileError(f"{self._path} cannot be written ({why}): it is as it was before.") from error
        self.events, self.notes = events, notes


# ------------------------------------------------------------------------------------------------------------ deletion
def delete_span(events: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    """Remove what was recorded in a span of time; the gap is marked by a blind_start and a blind_end row.

    What began before the span and lasted into it (a burst of typing) goes too, and so do digest, length, shape and text of
    the same values in rows outside the span. A pause or an absence that reaches into the span ends at its border.

    Parameters
    ----------
    events : events of one session.
    start, end : first moment of the span and first moment after it.

    Returns
    -------
    The rows that are left, in order, with new numbers (`seq`) from the gap on.
    """
    events = events.sort("seq")
    gone = _in_span(events, start, end)
    kept, shift = [], 0
    for (is_gone, _), rows in events.group_by(gone.alias("gone"), gone.rle_id().alias("run"), maintain_order=True):
        if not is_gone:
            kept.append(rows.with_columns((pl.col("seq").cast(pl.Int64) + shift).cast(pl.UInt64)))
            continue
        before = events.filter(pl.col("seq") < rows["seq"][0])
        after = events.filter(pl.col("seq") > rows["seq"][-1])
        gap = _gap(rows, before, after, start, end)
        first = rows["seq"][0] + shift
        shift += gap.height - (rows["seq"][-1] - rows["seq"][0] + 1)
        kept.append(gap.with_columns(pl.int_range(first, first + gap.height, dtype=pl.UInt64).alias("seq")))
    left = pl.concat(kept) if kept else events
    same = pl.col("value_digest").is_in(events.filter(gone)["value_digest"].drop_nulls().implode()).fill_null(False)
    return left.with_columns(
        pl.when(~same).then(pl.col(name)).alias(name)
        for name in ("value", "value_digest", "value_length", "value_shape")
    )


def _in_span(events: pl.DataFrame, start: datetime, end: datetime) -> pl.Series:
    """Which rows a deletion takes; the beginning and the end of the session stay."""
    stays = pl.col("event_type").cast(pl.String).is_in(["session_start", "session_end"])
    return events.select(_overlaps(start, end) & ~stays).to_series()


def _overlaps(start: datetime, end: datetime) -> pl.Expr:
    """Rows in a span, and those that began before it and last into it."""
    return (pl.col("timestamp") < end) & ((pl.col("timestamp") >= start) | (start < _UNTIL))


def _gap(rows: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    """The rows that stand where `rows` were; states such as a pause end before the gap and begin again after it."""
    # nothing is said of the time before and after the session, and the clock does not run backwards because of a gap
    begin = max(min(start, rows["timestamp"][0]), before["timestamp"][-1] if before.height else rows["timestamp"][0])
    until = rows.select(_UNTIL.max()).item()
    finish = max(begin, min(max(end, until), after["timestamp"][0] if after.height else until))
    stands = [
        *((begin, _STATES[kind][0], said) for kind, said in _states(before)[0].items()),
        (begin, "blind_start", REMOVED), (finish, "blind_end", REMOVED),
        *((finish, kind, said) for kind, said in _states(pl.concat([before, rows]))[0].items()),
    ]  # fmt: skip
    shared = {name: rows[name][0] for name in ("user", "session_id", "team", "utc_offset_minutes")}
    made = [shared | {"timestamp": at, "event_type": kind, "event_name": said} for at, kind, said in stands]
    return pl.DataFrame(made, schema=rows.schema)


def _states(events: pl.DataFrame) -> tuple[dict[str, str | None], dict[str, tuple[int, float]]]:
    """Which of idle, locked, paused, blind still hold after these rows, with what their first row said; and how often and
    how long (seconds) each of them held."""
    still, held = dict[str, tuple[datetime, str | None]](), dict.fromkeys(_STATES, (0, 0.0))
    for at, kind, said in events.select("timestamp", "event_type", "event_name").iter_rows():
        for state in [state for state in still if kind in (_STATES[state][0], "session_end")]:
            times, seconds = held[state]
            held[state] = times + 1, seconds + max(0.0, (at - still.pop(state)[0]).total_seconds())
        if kind in _STATES:
            still[kind] = (at, said)
    return {state: said for state, (_, said) in still.items()}, held


# ---------------------------------------------------------------------------------------------------------- plain words
def summarise(events: pl.DataFrame, notes: Mapping[str, str]) -> str:
    """Say in plain words what a session's file holds, by its events and its metadata (`notes`), and what is not in it."""
    first, last = (moment + _offset(events) for moment in _whole(events))
    done = Counter(kind for kind in _texts(events, "event_type") if kind not in PRESENCE_TYPES)
    replaced = Counter(kind for kinds in _texts(events, "redactions") for kind in kinds)
    excluded = json.loads(notes.get("excluded", "{}"))
    left_out = {name[:-5].replace("_", " "): n for name, n in excluded.items() if name != "redacted_rows" and n}
    lines = [
        f"From {first:%d %b %Y %H:%M} to {last:%d %b %Y %H:%M} local time, {_spell((last - first).total_seconds())}, "
        f"{_rows(events.height)}; profile: {notes.get('profile', 'not stated')}.",
        *(["It did not end cleanly: its last rows may be missing."] if notes.get("ended_cleanly") == "false" else []),
        "Programs: " + (", ".join(_most(_seconds_of_apps(events), _spell)) or "none"),
        "Done: " + ", ".join(_many(count, kind.replace("_", " ")) for kind, count in done.most_common()),
    ]
    for name, said in _CONTENT.items():
        found = Counter(_texts(events, name))
        lines.append(f"{said} in the file: {len(found)}" + "".join(f"\n  {one}" for one in _most(found, str)))
    lines.append("Replaced before writing: " + (", ".join(_most(replaced, _rows)) or "nothing"))
    lines.append("Left out but for the time: " + (", ".join(_most(left_out, _rows)) or "nothing"))
    lines += [f"{_STATES[kind][1]}: {_many(times, 'time')}, {_spell(seconds)}"
              for kind, (times, seconds) in _states(events)[1].items() if times]  # fmt: skip
    why = Counter(_texts(events.filter(pl.col("event_type") == "blind_start"), "event_name"))
    lines += [f"  because: {one}" for one in _most(why, str)]
    digests = len(_texts(events, "value_digest"))
    lines.append(f"Fingerprints of values: in {_rows(digests)}")
    if digests:
        lines.append("  They show where the same value came again, not what it was. Who has the key can test a guess.")
    if removed := json.loads(notes.get("removed_spans", "{}")):
        lines.append(f"Deleted: {_rows(removed['rows'])}, {_spell(removed['seconds'])}")
    lines.append(f"Signed off at {notes['signed_off']}." if "signed_off" in notes else "Not signed off yet.")
    return "\n".join(lines)


def tell_span(events: pl.DataFrame, start: datetime, end: datetime) -> str:
    """Tell a span of a session minute by minute: one line per minute and window."""
    rows = events.sort("seq").filter(_overlaps(start, end) & (pl.col("event_type") != "alive"))
    minute = (pl.col("timestamp") + _offset(events)).dt.strftime("%H:%M").alias("minute")
    presence = pl.col("event_type").cast(pl.String).is_in(PRESENCE_TYPES).alias("presence")
    place = itemgetter("minute", "presence", "app", "window_title", "url")
    said = []
    for (at, away, app, title, url), group in groupby(rows.with_columns(minute, presence).iter_rows(named=True), place):
        if away:
            told = [[f"{at} {_PRESENCE[row['event_type']]}", _plain(row["event_name"] or "")] for row in group]
            said += [": ".join(filter(None, words)) for words in told]
        else:
            where = f"{at} {_plain(app or 'unknown program')}" + f" '{_plain(title or '')}'" * bool(title)
            said.append(f"{where}{f' {_plain(url)}' if url else ''}: {_told(list(group))}")
    return "\n".join(said) or "Nothing was recorded in this span."


def _told(rows: list[dict[str, Any]]) -> str:
    """What was done in one window within one minute, each kind once."""
    said = []
    for kind in dict.fromkeys(row["event_type"] for row in rows):
        these = [row for row in rows if row["event_type"] == kind]
        about = [_plain(row["element_name"]) for row in these if row["element_name"]]
        if kind in ("key", "shortcut"):
            about += [_plain(row["event_name"]) for row in these if row["event_name"]]
        if kind in _CARRIED:
            said += [f"{_CARRIED[kind]} {_value(row)}" for row in these]
            continue
        if kind == "text_input":
            said.append(f"typed {_many(sum(row['input_count'] or 0 for row in these), 'key')}")
            about += [_value(row) for row in these if row["value_digest"]]
        else:
            said.append(_many(len(these), kind.replace("_", " ")))
        if about:
            said[-1] += f" ({', '.join(dict.fromkeys(about))})"
    return ", ".join(said)


def _value(row: dict[str, Any]) -> str:
    if row["value"]:
        return f"'{_plain(row['value'])}'"
    length = row["value_length"]
    return "something" if length is None else f"a value of {_many(length, 'character')}"


def _seconds_of_apps(events: pl.DataFrame) -> dict[str, float]:
    """How long each program was in use: until the next row, or until the person went away."""
    rows = events.sort("seq").filter(pl.col("event_type") != "alive")
    us = (pl.col("timestamp").shift(-1) - pl.col("timestamp")).dt.total_microseconds().clip(0).alias("us")
    spent = rows.with_columns(us)
    spent = spent.filter(~pl.col("event_type").cast(pl.String).is_in(PRESENCE_TYPES)).group_by("app").agg(pl.sum("us"))
    return {app or "unknown program": us / 1e6 for app, us in spent.iter_rows()}


def _most(counts: Mapping[str, float], say: Callable[[Any], str]) -> list[str]:
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = [f"and {len(most) - _SHOWN} more"] if len(most) > _SHOWN else []
    return [*(f"{_plain(name)} ({say(count)})" for name, count in most[:_SHOWN]), *more]


def _texts(events: pl.DataFrame, name: str) -> list[Any]:
    return events[name].drop_nulls().to_list()


def _plain(text: str) -> str:
    """A text that cannot command the terminal: programs choose their titles themselves."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _rows(count: int) -> str:
    return _many(count, "row")


def _many(count: int, what: str) -> str:
    many = what.replace("copy", "copie").replace("focus", "focuse") + "s"
    return f"{count:,} {what if count == 1 else many}"


def _spell(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


# --------------------------------------------------------------------------------------------------------- local time
def find_span(events: pl.DataFrame, text: str) -> tuple[datetime, datetime]:
    """Find the span that a text such as "10:05-10:20" means, local time of the session, both minutes included.

    Raises
    ------
    SettingError : it is no span, it is outside the session, or it could be on several of its days.
    """
    found = re.fullmatch(
        r"(?:(\d{4}-\d\d-\d\d) )?([01]\d|2[0-3]):([0-5]\d) ?[-–] ?([01]\d|2[0-3]):([0-5]\d)", text.strip()
    )
    first, last = (moment + _offset(events) for moment in _whole(events))
    if found is None or (found.group(4, 5) < found.group(2, 3) and first.date() == last.date()):
        raise SettingError(f"{text!r} is no span. Allowed: local times such as {first:%H:%M}-{last:%H:%M}.")
    start = timedelta(hours=int(found[2]), minutes=int(found[3]))
    end = timedelta(hours=int(found[4]), minutes=int(found[5]) + 1)
    if end <= start:
        end += timedelta(days=1)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    days = [midnight + timedelta(days=n) for n in range((last - midnight).days + 1)]
    hits = [(day + start, day + end) for day in days if day + start < last and day + end > first]
    hits = [span for span in hits if found[1] in (None, f"{span[0]:%Y-%m-%d}")]
    if not hits:
        raise SettingError(f"{text} is outside the session: from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}.")
    if len(hits) > 1:
        named = ", ".join(f"{span[0]:%Y-%m-%d}" for span in hits)
        raise SettingError(f"{text} could be on {named}. Say which day: {hits[0][0]:%Y-%m-%d} {text}.")
    return hits[0][0] - _offset(events), hits[0][1] - _offset(events)


def _whole(events: pl.DataFrame) -> tuple[datetime, datetime]:
    start, end = events.select(pl.min("timestamp"), _UNTIL.max().alias("end")).row(0)
    return start, end + timedelta(microseconds=1)


def _offset(events: pl.DataFrame) -> timedelta:
    return timedelta(minutes=next(iter(_texts(events, "utc_offset_minutes")), 0))


# -------------------------------------------------------------------------------------------------------------- files
def _read(path: Path, key: bytes | None) -> tuple[pl.DataFrame, dict[str, str]]:
    """A finished session of one person, and what its file says about itself."""
    if not path.is_file():
        raise LogFileError(f"{path} is no file. Allowed: the file of one finished session, LOG/<session>.parquet.")
    if path.with_suffix(".chunks").exists():
        raise LogFileError(f"The chunks of {path} are still there: the session goes on, or it broke off. End it, or "
                           f"take it up with taskkit-capture recover {path.parent}; a deletion here would miss them.")  # fmt: skip
    try:
        notes = {name: said for name, said in pl.read_parquet_metadata(path).items() if not name.startswith("ARROW:")}
        events = scan_private([path], key=key).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LogFileError(f"{path} cannot be read as a session ({error}).") from None
    missing = [name for name in COLUMNS if name not in events.columns]
    if missing or events.is_empty():
        raise LogFileError(f"{path} is no session of the recorder: {', '.join(missing) or 'rows'} missing.")
    if events.select(pl.struct("user", "session_id").n_unique()).item() > 1:
        raise LogFileError(
            f"{path} holds more than one session. Allowed: one session of one person; review each by itself."
        )
    return events.sort("seq"), notes
