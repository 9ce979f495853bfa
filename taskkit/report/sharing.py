"""Pages that may leave the room: looked through before anything is written, and refused where they give somebody away."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import polars as pl

from taskkit.decisions import Decisions
from taskkit.errors import SettingError, TaskkitError
from taskkit.pipeline import Mined
from taskkit.privacy import MIN_PEOPLE
from taskkit.report.handwritten import find_handwritten
from taskkit.report.linter import find_secrets, lint_pages, own_scripts
from taskkit.report.linter.names import read_names
from taskkit.report.linter.secrets import Secrets
from taskkit.report.making import Made, Sources, find_sources, make_pages, write_pages
from taskkit.report.notebooks import find_notebooks

SMALLEST = 3  # people; under that a group is somebody and somebody else


class LeakError(TaskkitError):
    """Pages give somebody away, so none was written; `leaks` has one row per leak (`lint_pages`)."""

    def __init__(self, leaks: pl.DataFrame) -> None:
        super().__init__(tell_leaks(leaks))
        self.leaks = leaks


def share_report(
    source: str | Path | None = None, *, out: str | Path = "shared", k: int | None = None,
    names: str | Path | Iterable[str] | None = None, override: str | None = None, role: str | None = None,
    journal: str | Path | None = None, process_log: str | Path | None = None, model: str | Path | None = None,
    rules: str | Path | None = None, notebooks: str | Path | Sequence[str | Path] | None = None,
    method: str | None = None, show_code: bool = False, progress: bool = True, key: bytes | None = None,
    process_time_zone: str | None = None,
) -> Path:  # fmt: skip
    """Make pages that may leave the room: nothing on them stands for one person, and what would is refused.

    The notebooks run as for `write_report`, but show aggregates over at least `k` people where they would show single
    people, days or cases. Before anything is written every page is looked through (`lint_pages`); if one gives somebody
    away, none is written, and the error lists each leak with its place and how to mend it. Where texts that people wrote
    into the journal, the rules or notebooks of their own stand on the pages, `names` is needed: nobody else can know whom
    they speak of.

    Parameters
    ----------
    source : a project folder, whose journal of corrections, names and marks is replayed and not changed; or a UI log, a
        file or a folder; the bundled sample by default.
    out : folder that the pages are written to; pages of the same name are replaced, once all of them are made.
    k : smallest group that is shown, in people, 3 or more; that of the project if it is more than 5, else 5, by default.
        Fewer than 5 needs `override` and `role`, and is recorded in the journal and stated on every page.
    names : names that must not appear: a text file or CSV, or the names themselves.
    override : reason for sharing the pages in spite of leaks, or with a smaller `k`; it is recorded in the journal and stated
        on every page.
    role : role of the person who decides so; needed with `override`.
    journal : the journal that an override is recorded in; that of the project by default.
    process_log, model, rules, notebooks, method, show_code, progress, key, process_time_zone : as in `write_report`.

    Returns
    -------
    Path of the index page. The files are readable by their owner only (mode 0600); they may be passed on.

    Raises
    ------
    LeakError : a page gives somebody away; nothing was written.
    SettingError : `k` is under 3, or an override lacks its reason, role or journal.
    LogFileError : the list of names is empty. TaskkitError : as in `write_report`.

    >>> share_report("no/such/log")
    Traceback (most recent call last):
    ...
    taskkit.errors.LogFileError: There is no log at no/such/log...
    """
    _check_k(k, override)
    sources = find_sources(source, process_log=process_log, model=model, rules=rules, method=method, min_people=k)
    k = k if k is not None else max(sources.min_people, MIN_PEOPLE)  # no file lowers it
    sources = replace(sources, min_people=k)
    listed = read_names(names)
    record = _check_override(sources, override, role, journal)
    made = make_pages(sources, notebooks=notebooks, show_code=show_code, shared=True, progress=progress, key=key,
                      process_time_zone=process_time_zone)  # fmt: skip
    mined = cast(Mined, made.mined)  # shared pages bring their frames
    secrets = find_secrets(
        mined.events, process=mined.process, names=listed or None, segments=mined.segments, key=key,
        allowed=_model_names(sources.model), min_people=k,
    )  # fmt: skip
    leaks = lint_pages(made.pages, secrets=secrets, k=k)
    if not listed:
        run = find_notebooks(notebooks if notebooks is not None else sources.notebooks)
        told = find_handwritten(made.pages, sources.journal, rules=sources.rules, notebooks=run, own=own_scripts())
        leaks = pl.concat([leaks, told])
    notes = [_note_on_k(k)] if k < MIN_PEOPLE else []
    if not leaks.is_empty() or k < MIN_PEOPLE:
        if override is None or record is None or role is None:
            raise LeakError(leaks)
        notes.append(_note_on_override(leaks, override, role, secrets, k))
        _record(record, made, leaks, override, role, k)
    checked = _note_on_check(mined, leaks, k, len(listed))
    return write_pages({name: _with_notes(page, notes, checked) for name, page in made.pages.items()}, Path(out))


def tell_leaks(leaks: pl.DataFrame) -> str:
    """Say in lines what was found: per page and kind how to mend it, and every place.

    Parameters
    ----------
    leaks : frame of `lint_pages`.

    >>> print(tell_leaks(lint_pages({"a.html": "<p>ada@example.org</p>"})))
    The pages give somebody away, so none was written. Found: 1 leak on 1 page.
    <BLANKLINE>
    a.html: e-mail address (1)
      Leave the text out, or show the learnt screen or activity of at least 5 people instead.
      - line 1, p: ad… (15 characters)
    <BLANKLINE>
    Mend them and share again. If they must be shared as they are, say why with an override: it is recorded and shown.
    """
    pages = leaks["page"].n_unique()
    lines = [
        f"The pages give somebody away, so none was written. Found: {_count(leaks.height, 'leak')} on {_count(pages, 'page')}."
    ]
    for (page, kind, mend), part in leaks.group_by("page", "kind", "how_to_mend", maintain_order=True):
        lines += ["", f"{page}: {kind} ({part.height:,})", f"  {mend}"]
        lines += [f"  - {place}: {what}" for place, what in part.select("place", "what").iter_rows()]
    end = "Mend them and share again. If they must be shared as they are, say why with an override: it is recorded and shown."
    return "\n".join([*lines, "", end])


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


# ------------------------------------------------------------------------------------------------------------ override
def _check_k(k: int | None, override: str | None) -> None:
    """Said before minutes are spent: a smaller group is somebody's decision, and there is an end to it."""
    if k is None or k >= MIN_PEOPLE:
        return
    if k < SMALLEST:
        raise SettingError(
            f"k is {k}; shared pages show groups of at least {SMALLEST} people, {MIN_PEOPLE} by default."
        )
    if override is None:
        raise SettingError(
            f"k is {k}; fewer than {MIN_PEOPLE} people in a group need a reason and a role, which are recorded: "
            "override='…', role='…'."
        )


def _check_override(
    sources: Sources, override: str | None, role: str | None, journal: str | Path | None
) -> Path | None:
    """The journal that an override goes to; what it lacks is said before minutes are spent."""
    if override is None:
        if role is not None:
            raise SettingError("A role is given without an override. Give the reason too: override='…'.")
        return None
    missing = [what for what, text in (("a reason", override), ("a role", role)) if not (text or "").strip()]
    if missing:
        raise SettingError(f"An override needs {' and '.join(missing)}: override='…', role='…'.")
    place = Path(journal) if journal is not None else sources.journal
    if place is None:
        raise SettingError(
            "An override is recorded in a journal, and a log has none. Share from a project folder (taskkit new), or name "
            "the journal: journal='decisions.sqlite'."
        )
    return place


def _record(journal: Path, made: Made, leaks: pl.DataFrame, reason: str, role: str, k: int) -> None:
    counts = dict(leaks.group_by("kind").len().sort("kind").iter_rows())
    small = f", groups from {k} people on" if k < MIN_PEOPLE else ""
    Decisions(journal).record(
        "shared pages", f"shared with {_count(leaks.height, 'leak')}{small}", kind="override", why=reason, role=role,
        detail={"leaks": counts, "pages": sorted(leaks["page"].unique()), "k": k,
                "data": made.facts.get("Data (SHA-256)")},
    )  # fmt: skip


def _note_on_override(leaks: pl.DataFrame, reason: str, role: str, secrets: Secrets, k: int) -> str:
    """The override in words; a reason that gives somebody away itself is no use."""
    said = {"a": f"<p>{html.escape(reason)}</p><p>{html.escape(role)}</p>"}
    if not (own := lint_pages(said, secrets=secrets, k=k)).is_empty():
        kinds = ", ".join(own["kind"].unique().sort())
        raise SettingError(
            f"The reason or the role of the override gives somebody away itself ({kinds}). Word it without."
        )
    counts = leaks.group_by("kind").len().sort("kind").iter_rows()
    kinds = ", ".join(f"{kind} ({number:,})" for kind, number in counts) or f"groups from {k} people on"
    return (
        f"Shared in spite of the check for personal data: {kinds}. Reason: {reason.strip().rstrip('.')}. Decided by: "
        f"{role.strip()}. These pages are for those who may see this."
    )


# --------------------------------------------------------------------------------------------------------------- notes
def _note_on_k(k: int) -> str:
    return (
        f"Groups from {k} people on are shown here; usual are {MIN_PEOPLE}. The smaller a group, the easier it is to tell "
        "who is meant."
    )


def _note_on_check(mined: Mined, leaks: pl.DataFrame, k: int, names: int) -> str:
    listed = (
        f"{_count(names, 'name')} of a list {'was' if names == 1 else 'were'} looked for."
        if names else "No list of names was given, so names that the log does not hold were not looked for."
    )  # fmt: skip
    few = "" if leaks.filter(kind="log of few people").is_empty() else (
        f" The log holds fewer than {k} people, so nothing here is anonymous."
    )  # fmt: skip
    done = "nothing was found" if leaks.is_empty() else f"{_count(leaks.height, 'leak')} found and shared all the same"
    return (
        "Every page was looked through for raw titles, addresses, case numbers, people of the logs, pseudonyms, marks of "
        f"single people and groups of fewer than {k} people before it was written: {done}. {listed}{few}"
    )


def _with_notes(page: str, notes: Sequence[str], checked: str) -> str:
    """A page with its notes on top, and on the index what was checked."""
    said = "".join(f'<p class="tk-shared" role="note"><strong>{html.escape(note)}</strong></p>' for note in notes)
    page = re.sub(r"<main\b[^>]*>", lambda match: match[0] + said, page, count=1)
    fact = f"<div><dt>Checked</dt><dd>{html.escape(checked)}</dd></div>"
    return re.sub(r'(<h2 id="made">.*?<dl>)', lambda match: match[0] + fact, page, count=1, flags=re.DOTALL)


def _model_names(model: Path | None) -> list[str]:
    """Names in the official model: the firm wrote them, and they are shown on purpose."""
    if model is None:
        return []
    text = model.read_text(encoding="utf-8", errors="replace")
    return [html.unescape(name) for name in re.findall(r"""\bname\s*=\s*["']([^"']+)["']""", text)]


def count_kinds(leaks: pl.DataFrame) -> Mapping[str, int]:
    """How often each kind of leak was found, the most frequent first."""
    counted = leaks.group_by("kind").len().sort(["len", "kind"], descending=[True, False])
    return dict(counted.iter_rows())
