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
HELP = """Commands:
show               the whole session, minute by minute
show 10:05-10:20   a span of it, both minutes included
delete 10:05-10:20 remove what was recorded in a span, both minutes included; the gap stays visible
sign               sign the session off: you have seen it and hand it over as it is
quit               end; what was deleted or signed is in the file already
A session of several days needs the day too: delete 2026-03-02 10:05-10:20"""
# what begins a state → what ends it
_STATES = {"idle_start": "idle_end", "lock": "unlock", "pause": "resume", "blind_start": "blind_end"}
_PRESENCE = {
    "idle_start": "away", "idle_end": "back", "lock": "screen locked", "unlock": "screen unlocked",
    "pause": "recording paused", "resume": "recording goes on", "blind_start": "nothing recorded",
    "blind_end": "recorded again", "session_start": "recording begins", "session_end": "recording ends",
}  # fmt: skip
_CONTENT = {"window_title": "Titles", "url": "Addresses", "element_name": "Names of buttons and fields",
            "value": "TEXTS THAT WERE COPIED OR TYPED"}  # fmt: skip
_SHOWN = 20  # titles, addresses and so on that are named
_KIND = pl.col("event_type").cast(pl.String)
_UNTIL = pl.col("timestamp") + pl.duration(milliseconds=pl.col("duration_ms").fill_null(0))  # the end of a burst


def review(
    path: Path, *, delete: Sequence[str] = (), sign: bool = False, key: bytes | None = None,
    ask: Callable[[str], str] = input, tell: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Let the recorded person read a finished session, delete spans of it and sign it off.

    Every change is in the file at once, or not at all.

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
    for span in delete:
        tell(_delete(path, span, key))
    if sign:
        tell(_sign(path, key))
    if delete or sign:
        return
    tell(summarise(*_read(path, key)))
    tell(HELP)
    while (said := _answer(ask, "> ")) != "quit":
        command, _, rest = said.partition(" ")
        try:
            if command in ("show", "delete"):
                events, _ = _read(path, key)
                whole = command == "show" and not rest
                tell(tell_span(events, *(_whole(events) if whole else find_span(events, rest))))
            if command == "delete":
                sure = _answer(ask, "Delete this? It cannot be brought back. yes/no: ").casefold() == "yes"
                tell(_delete(path, rest, key) if sure else "Nothing was deleted.")
            elif command == "sign":
                tell(_sign(path, key))
            elif command != "show":
                tell(HELP)
        except SettingError as error:
            tell(str(error))


def _answer(ask: Callable[[str], str], question: str) -> str:
    try:
        return ask(question).strip()
    except (EOFError, KeyboardInterrupt):
        return "quit"


def _delete(path: Path, text: str, key: bytes | None) -> str:
    """Remove a span from the file, and with it a sign-off that was for more than is left."""
    events, notes = _read(path, key)
    left = delete_span(events, *find_span(events, text))
    ours = pl.col("event_name").ne_missing(REMOVED)
    spans, seconds = _held(left.filter(~ours), "blind_start")
    count = events.filter(ours).height - left.filter(ours).height
    if count == 0:
        raise SettingError("There is nothing to delete in this span.")
    before = json.loads(notes.get("removed_spans", "{}")).get("rows", 0)
    notes["removed_spans"] = json.dumps({"spans": spans, "rows": before + count, "seconds": round(seconds)})
    signed = notes.pop("signed_off", None)
    _write(path, left, notes, key)
    again = " The session was signed off before this deletion: sign it again." if signed else ""
    return (f"{_many(count, 'row')} deleted. The gap is marked: {REMOVED}. Where the same values come again, their "
            f"fingerprints are gone too.{again}")  # fmt: skip


def _sign(path: Path, key: bytes | None) -> str:
    """Note in the file that the recorded person has seen it."""
    events, notes = _read(path, key)
    notes["signed_off"] = datetime.now(UTC).isoformat(timespec="seconds")
    _write(path, events, notes, key)
    return f"Signed off at {notes['signed_off']}."


# ------------------------------------------------------------------------------------------------------------ deletion
def delete_span(events: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    """Remove what was recorded in a span of time; the gap is marked by a blind_start and a blind_end row.

    What began before the span and lasted into it (a burst of typing) goes too, with what came in between, and so do digest,
    length, shape and text of the same values in rows outside the span. A pause or an absence that reaches into the span ends
    at its border.

    Parameters
    ----------
    events : events of one session, as the recorder writes them: the clock never goes back.
    start, end : first moment of the span and first moment after it.

    Returns
    -------
    The rows that are left, in order, with new numbers (`seq`).
    """
    events = events.sort("seq")
    stays = _KIND.is_in(["session_start", "session_end"])
    span = events.filter(_overlaps(start, end) & ~stays)
    if span.is_empty():
        return events
    before, rest = events.filter(pl.col("seq") < span["seq"][0]), events.filter(pl.col("seq") >= span["seq"][0])
    gone, after = rest.filter((pl.col("timestamp") < end) & ~stays), rest.filter((pl.col("timestamp") >= end) | stays)
    left = pl.concat([before, _gap(before, gone, after, start, end), after])
    same = pl.col("value_digest").is_in(gone["value_digest"].drop_nulls().implode()).fill_null(False)
    values = ("value", "value_digest", "value_length", "value_shape")
    return left.with_columns(
        (pl.int_range(pl.len(), dtype=pl.UInt64) + events["seq"][0]).alias("seq"),
        *(pl.when(~same).then(pl.col(name)).alias(name) for name in values),
    )


def _overlaps(start: datetime, end: datetime) -> pl.Expr:
    """Rows in a span, and those that began before it and last into it."""
    return (pl.col("timestamp") < end) & ((pl.col("timestamp") >= start) | (start < _UNTIL))


def _gap(before: pl.DataFrame, gone: pl.DataFrame, after: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    """The rows that stand where `gone` were; states such as a pause end before the gap and begin again after it."""
    # nothing is said of the time before and after the session
    begin = max([min(start, gone["timestamp"][0]), *before["timestamp"][-1:]])
    until = max(end, gone.select(_UNTIL.max()).item())
    finish = max(begin, min([until, *(after["timestamp"][:1] if after.height else gone["timestamp"][-1:])]))
    stands = [
        *((begin, _STATES[kind], said) for kind, said in _still(before)),
        (begin, "blind_start", REMOVED),
        (finish, "blind_end", REMOVED),
        *((finish, kind, said) for kind, said in _still(pl.concat([before, gone]))),
    ]
    shared = gone.select("user", "session_id", "team", "utc_offset_minutes").row(0, named=True)
    made = [shared | {"timestamp": at, "event_type": kind, "event_name": said} for at, kind, said in stands]
    return pl.DataFrame(made, schema=gone.schema)


def _still(events: pl.DataFrame) -> list[tuple[str, str | None]]:
    """Which of idle, locked, paused, blind still hold after these rows, with what their first row said."""
    last = [events.filter(_KIND.is_in([kind, end])).tail(1) for kind, end in _STATES.items()]
    return pl.concat(last).filter(_KIND.is_in(list(_STATES))).select(_KIND, "event_name").rows()


def _held(events: pl.DataFrame, kind: str) -> tuple[int, float]:
    """How often and for how many seconds a state such as idle held."""
    rows = events.filter(_KIND.is_in([kind, _STATES[kind], "session_end"]))
    held = rows.select(_KIND, pl.col("timestamp").shift(-1) - pl.col("timestamp")).filter(_KIND.is_in([kind]))
    return held.height, held.select(pl.col("timestamp").sum().dt.total_microseconds()).item() / 1e6


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
    for kind in _STATES:
        times, seconds = _held(events, kind)
        lines += [f"{_PRESENCE[kind].capitalize()}: {_many(times, 'time')}, {_spell(seconds)}"] if times else []
    lines.append(f"Fingerprints of values: in {_rows(len(_texts(events, 'value_digest')))}. They show where the same value "
                 "came again, not what it was. Who has the key can test a guess.")  # fmt: skip
    if removed := json.loads(notes.get("removed_spans", "{}")):
        lines.append(f"Deleted: {_rows(removed['rows'])}, {_spell(removed['seconds'])}")
    lines.append(f"Signed off at {notes['signed_off']}." if "signed_off" in notes else "Not signed off yet.")
    return "\n".join(lines)


def tell_span(events: pl.DataFrame, start: datetime, end: datetime) -> str:
    """Tell a span of a session minute by minute: one line per minute and window."""
    rows = events.sort("seq").filter(_overlaps(start, end) & (_KIND != "alive"))
    minute = (pl.col("timestamp") + _offset(events)).dt.strftime("%H:%M").alias("minute")
    presence = _KIND.replace_strict(_PRESENCE, default=None).alias("presence")
    place = itemgetter("minute", "presence", "app", "window_title", "url")
    said = []
    for (at, present, app, title, url), group in groupby(
        rows.with_columns(minute, presence).iter_rows(named=True), place
    ):
        if present:
            said += [": ".join(filter(None, [f"{at} {present}", _plain(row["event_name"] or "")])) for row in group]
        else:
            where = [app or "unknown program", f"'{title}'" if title else "", url or ""]
            said.append(f"{at} {_plain(' '.join(filter(None, where)))}: {_told(list(group))}")
    return "\n".join(said) or "Nothing was recorded in this span."


def _told(rows: list[dict[str, Any]]) -> str:
    """What was done in one window within one minute, each kind once."""
    said = []
    for kind in dict.fromkeys(row["event_type"] for row in rows):
        these = [row for row in rows if row["event_type"] == kind]
        keys = sum(row["input_count"] or 0 for row in these)
        done = f"typed {_many(keys, 'key')}" if kind == "text_input" else _many(len(these), kind.replace("_", " "))
        about = [f"'{_plain(row['value'])}'" for row in these if row["value"]]
        about += [f"a value of {_many(row['value_length'], 'character')}" for row in these if row["value_length"]]
        about += [_plain(row[name]) for name in ("element_name", "event_name") for row in these if row[name]]
        said.append(done + (f" ({', '.join(dict.fromkeys(about))})" if about else ""))
    return ", ".join(said)


def _seconds_of_apps(events: pl.DataFrame) -> dict[str, float]:
    """How long each program was in use: until the next row, or until the person went away."""
    rows = events.sort("seq").filter(_KIND != "alive")
    us = (pl.col("timestamp").shift(-1) - pl.col("timestamp")).dt.total_microseconds().alias("us")
    spent = rows.with_columns(us).filter(~_KIND.is_in(PRESENCE_TYPES)).group_by("app").agg(pl.sum("us"))
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
    clock = r"([01]\d|2[0-3]):([0-5]\d)"
    found = re.fullmatch(rf"(?:(\d{{4}}-\d\d-\d\d) )?{clock} ?[-–] ?{clock}", text.strip())
    first, last = (moment + _offset(events) for moment in _whole(events))
    if found is None or (found.group(4, 5) < found.group(2, 3) and first.date() == last.date()):
        raise SettingError(f"{text!r} is no span. Allowed: local times such as {first:%H:%M}-{last:%H:%M}.")
    start = timedelta(hours=int(found[2]), minutes=int(found[3]))
    end = timedelta(hours=int(found[4]), minutes=int(found[5]) + 1)
    end += timedelta(days=end <= start)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    days = [midnight + timedelta(days=n) for n in range((last - midnight).days + 1)]
    hits = [day for day in days if day + start < last and day + end > first and found[1] in (None, f"{day:%Y-%m-%d}")]
    if not hits:
        raise SettingError(f"{text} is outside the session: from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}.")
    if len(hits) > 1:
        raise SettingError(f"{text} could be on several days. Say which day: {hits[0]:%Y-%m-%d} {text}.")
    return hits[0] + start - _offset(events), hits[0] + end - _offset(events)


def _whole(events: pl.DataFrame) -> tuple[datetime, datetime]:
    start, end = events.select(pl.min("timestamp"), _UNTIL.max().alias("end")).row(0)
    return start, end + timedelta(microseconds=1)


def _offset(events: pl.DataFrame) -> timedelta:
    return timedelta(minutes=next(iter(_texts(events, "utc_offset_minutes")), 0))


# -------------------------------------------------------------------------------------------------------------- files
def _read(path: Path, key: bytes | None) -> tuple[pl.DataFrame, dict[str, str]]:
    """A finished session of one person, and what its file says about itself."""
    if path.with_suffix(".chunks").exists():
        raise LogFileError(f"The chunks of {path} are still there: the session goes on, or it broke off. End it, or "
                           f"take it up with taskkit-capture recover {path.parent}; a deletion here would miss them.")  # fmt: skip
    try:
        notes = {name: said for name, said in pl.read_parquet_metadata(path).items() if not name.startswith("ARROW:")}
        events = scan_private([path], key=key).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LogFileError(f"{path} cannot be read as a session ({error}).") from None
    one = {*COLUMNS} <= {*events.columns} and events.select(pl.struct("user", "session_id").n_unique()).item() == 1
    if not one:
        raise LogFileError(
            f"{path} is no session of the recorder. Allowed: the file of one finished session of one person."
        )
    return events.sort("seq"), notes


def _write(path: Path, events: pl.DataFrame, notes: dict[str, str], key: bytes | None) -> None:
    try:
        write_whole(events, path, notes, key=key)
    except OSError as error:
        raise LogFileError(f"{path} cannot be written ({error.strerror or error}): it is as it was before.") from error
