"""From a log, its process log and a list of names to what a page must not hold."""

from __future__ import annotations

import base64
import getpass
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from taskkit.privacy import MIN_PEOPLE, PSEUDONYM, UNKNOWN_USER
from taskkit.report.linter.names import fold, is_person, read_names
from taskkit.report.linter.secrets import Secrets, common_words, squeeze

RAW_COLUMNS = {
    "window_title": "raw window title",
    "url": "address",
    "element_name": "label of an element",
    "value": "content",
    "case_ref": "case reference",
}
_SLOT = re.compile(r"‹…›|#")


def find_secrets(
    events: pl.DataFrame, *, process: pl.DataFrame | None = None, names: str | Path | Iterable[str] | None = None,
    segments: pl.DataFrame | None = None, key: bytes | None = None, allowed: Iterable[str] = (),
    min_people: int = MIN_PEOPLE,
) -> Secrets:  # fmt: skip
    """Collect what a shared page of this log must not hold.

    That is: titles, addresses, labels, content and case references as they were recorded, what stood in the changing
    places of titles, people, sessions, digests, the machine that this runs on, the people and cases of the process log,
    and the names that are given. A learnt screen or activity of at least `min_people` people is no secret, and neither is
    a text that is part of one.

    Parameters
    ----------
    events : an events frame, best one with `screen` and `activity`.
    process : the process log's frame.
    names : names that must not appear: a text file or CSV with one name a line or cell, or the names themselves. They are
        found in other spellings too: turned round, with a genitive, initial and surname, ue for ü, look-alike letters.
    segments : segments with `variant_id`, so that ways of few people are known.
    key : the engagement's key, which must not appear either.
    allowed : texts that are no secret, such as the names in the official model.
    min_people : smallest group that may be shown, in people.

    Returns
    -------
    Secrets : give them to `lint_pages`.

    Raises
    ------
    LogFileError : the file of names cannot be read, or no name is in it.

    >>> secrets = find_secrets(pl.DataFrame({"user": ["Ada Lovelace"]}))
    >>> [hit.kind for hit in secrets.find("mail from ada.lovelace")]
    ['person of the log']
    """
    secrets = Secrets(people=events["user"].n_unique() if events.height else 0, least=min_people)
    listed = read_names(names)
    secrets.names = len(listed)
    for name in listed:
        secrets.add_name(name, "name on the list")
        secrets.add(name, "name on the list", sure=" " in name)
    _add_log(secrets, events)
    shown = _shown(events, "screen", min_people) + _shown(events, "activity", min_people)
    if process is not None:
        _add_process(secrets, process)
        shown += process["activity"].unique().drop_nulls().to_list()
    secrets.forget([*shown, *_apps(events), *allowed])
    _add_few(secrets, events, segments, min_people)
    _add_machine(secrets)
    if key is not None:
        for text in (key.hex(), base64.b64encode(key).decode()):
            secrets.add(text, "key of the engagement")
    secrets.index()
    return secrets


# -------------------------------------------------------------------------------------------------------- from the log
def _add_log(secrets: Secrets, events: pl.DataFrame) -> None:
    for column, kind in RAW_COLUMNS.items():
        for text, people in _counted(events, column):
            secrets.add(text, kind, people)
            if column == "case_ref":
                _add_digits(secrets, text, kind, people)
    for text, people in _counted(events, "value_digest"):
        secrets.add(text, "digest", people)
    for text, _ in _counted(events, "session_id"):
        if len(text) >= 4:
            secrets.add(text, "session", 1, exact=True)
    for text, _ in _counted(events, "user"):
        if text != UNKNOWN_USER and not re.fullmatch(PSEUDONYM, text):
            secrets.add(text, "person of the log", 1, sure=True)
            _add_person(secrets, text, "person of the log")
    if "case_id" in events.columns:
        for text, people in _counted(events, "case_id"):
            secrets.add(text, "case reference", people)
            _add_digits(secrets, text, "case reference", people)
    for text, people in _slots(events):
        secrets.add(text, "changing part of a title", people)


def _add_digits(secrets: Secrets, text: str, kind: str, people: int | None) -> None:
    """INV-104157 is also 104157."""
    for digits in re.findall(r"\d{5,}", text):
        secrets.add(digits, kind, people)


def _add_process(secrets: Secrets, process: pl.DataFrame) -> None:
    for text in process["case_id"].unique().drop_nulls().to_list():
        secrets.add(text, "case reference")
        _add_digits(secrets, text, "case reference", None)
    if "resource" in process.columns:
        for text in process["resource"].unique().drop_nulls().to_list():
            if not re.fullmatch(PSEUDONYM, text):
                secrets.add(text, "person of the process log", 1)
                _add_person(secrets, text, "person of the process log")


def _add_person(secrets: Secrets, text: str, kind: str) -> None:
    """Whole and parts of what names a person; the surname in jmueller too."""
    if not is_person(text):
        return
    secrets.add_name(text, kind, 1)
    if re.fullmatch(r"[^\W\d_]{6,}\d*", text):
        secrets.add_name(text[1:].rstrip("0123456789"), kind, 1, parts=False)


def _add_few(secrets: Secrets, events: pl.DataFrame, segments: pl.DataFrame | None, least: int) -> None:
    """Groups that are too small by themselves: a team, a step, a way of working that hardly anybody has."""
    for text, people in _counted(events, "team"):
        if people < least and text.strip():
            secrets.whole.setdefault(squeeze(text).text, ("group of few people", people))
            secrets.teams[fold(text).casefold()] = people
    if segments is not None and "variant_id" in segments.columns:
        ways = segments.drop_nulls("variant_id").group_by("variant_id").agg(pl.col("user").n_unique())
        secrets.few_variants = frozenset(ways.filter(pl.col("user") < least)["variant_id"].to_list())


def _add_machine(secrets: Secrets) -> None:
    node = platform.node()
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # no such user in the system's list
        login = ""
    for text, kind in ((node, "name of this machine"), (login, "login name on this machine")):
        if len(text) > 3 and text.lower() not in ("root", "user", "localhost", "runner"):
            secrets.add(text, kind)
    if len(Path.home().parts) > 2:
        secrets.add(str(Path.home()), "path of this machine")


def _counted(events: pl.DataFrame, column: str) -> list[tuple[str, int]]:
    if column not in events.columns or events[column].dtype != pl.String:
        return []
    counted = (
        events.filter(pl.col(column).is_not_null())
        .group_by(pl.col(column).alias("text"))
        .agg(pl.col("user").n_unique())
    )
    return list(counted.sort("text").iter_rows())


def _shown(events: pl.DataFrame, column: str, least: int) -> list[str]:
    """Learnt names that may be shown."""
    return [text for text, people in _counted(events, column) if people >= least]


def _apps(events: pl.DataFrame) -> list[str]:
    return [text for column in ("app", "app_role") for text, _ in _counted(events, column)]


def _slots(events: pl.DataFrame) -> list[tuple[str, int]]:
    """What stood in the places of titles that change, such as the firm in a file's name."""
    if not {"window_title", "screen"} <= {*events.columns}:
        return []
    pairs = events.filter(pl.col("screen").str.contains("‹…›", literal=True) & pl.col("window_title").is_not_null())
    found: dict[str, int] = {}
    patterns: dict[str, re.Pattern[str]] = {}
    counted = pairs.group_by("screen", "window_title").agg(pl.col("user").n_unique()).sort("screen", "window_title")
    for screen, title, people in counted.iter_rows():
        if screen not in patterns:
            patterns[screen] = _pattern(screen)
        match = patterns[screen].fullmatch(title)
        for text in match.groups() if match else ():
            text = re.sub(r"\[\w+\]", " ", text).strip()  # the marks of redaction
            if len(squeeze(text).text) >= 4 and not all(word in common_words() for word in _words(text)):
                found[text] = max(people, found.get(text, 0))
    return sorted(found.items())


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.casefold())


def _pattern(screen: str) -> re.Pattern[str]:
    parts: Mapping[str, str] = {"‹…›": "(.+?)", "#": r"[\d][\w.,:/-]*?"}
    at, made = 0, ""
    for match in _SLOT.finditer(screen):
        made += re.escape(screen[at : match.start()]) + parts[match[0]]
        at = match.end()
    return re.compile(made + re.escape(screen[at:]))
