"""From a log or a project to finished pages in memory: the one way that a report and shared pages take."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from taskkit.decisions import JOURNAL, Decisions
from taskkit.errors import LogFileError, MissingExtraError, SettingError, TaskkitError, check_choice
from taskkit.overlay import read_process_log
from taskkit.pipeline import Mined, mine
from taskkit.privacy import MIN_PEOPLE
from taskkit.project import FILE as PROJECT_FILE
from taskkit.project import open_project
from taskkit.report.notebooks import bundled, find_notebooks, run_notebooks
from taskkit.report.pages import hidden_fact, private_texts, render_pages, run_facts

SAMPLE = "accounts_payable"

_NEEDED = ("nbclient", "nbconvert", "ipykernel", "altair", "vl_convert")


@dataclass(frozen=True)
class Sources:
    """What pages are made from: files, settings, and the journal whose corrections, names and marks they replay."""

    log: Path
    process_log: Path | None = None
    model: Path | None = None
    rules: Path | None = None
    journal: Path | None = None
    notebooks: Path | None = None
    folder: Path | None = None  # the project's
    method: str = "model"
    min_people: int = MIN_PEOPLE


@dataclass(frozen=True)
class Made:
    """Finished pages, file name → HTML; of shared ones also the frames that they rest on, to look for them."""

    pages: dict[str, str]
    mined: Mined | None
    facts: Mapping[str, str]


def find_sources(
    source: str | Path | None, *, process_log: str | Path | None = None, model: str | Path | None = None,
    rules: str | Path | None = None, method: str | None = None, min_people: int | None = None,
) -> Sources:  # fmt: skip
    """Find out what pages are made from: a project folder, a log, or the bundled sample; what is given goes first.

    Raises
    ------
    LogFileError : a file is missing. SettingError : a setting is not allowed.
    """
    _need_lab()
    if source is not None and (Path(source) / PROJECT_FILE).is_file():
        found = _project(Path(source))
    elif source is None:
        sample = bundled("samples") / SAMPLE
        found = Sources(sample / "ui_log", sample / "process_log.csv", sample / "process_model.bpmn")
    else:
        found = Sources(Path(source))
    found = replace(
        found,
        process_log=Path(process_log) if process_log is not None else found.process_log,
        model=Path(model) if model is not None else found.model,
        rules=Path(rules) if rules is not None else found.rules,
        method=method if method is not None else found.method,
        min_people=min_people if min_people is not None else found.min_people,
    )
    _check(found)
    return found


def make_pages(
    sources: Sources, *, notebooks: str | Path | Sequence[str | Path] | None = None, show_code: bool = False,
    shared: bool = False, progress: bool = True, key: bytes | None = None, process_time_zone: str | None = None,
) -> Made:  # fmt: skip
    """Run the notebooks on a log and return the pages; nothing is written but interim results, which are removed.

    Parameters
    ----------
    sources : what they are made from.
    notebooks : a folder or list of notebooks; those of the project, else the bundled ones, by default.
    show_code : show the code cells too.
    shared : nothing on the pages stands for one person.
    progress, key, process_time_zone : as in `write_report`.
    """
    paths = find_notebooks(notebooks if notebooks is not None else sources.notebooks)
    with _scratch(sources) as scratch:
        process = sources.process_log
        if process is not None and process_time_zone is not None:
            placed = read_process_log(process, time_zone=process_time_zone)
            process = scratch / "process_log.parquet"
            placed.write_parquet(process)
        values = {
            "LOG": str(sources.log.resolve()), "PROCESS_LOG": _whole(process), "MODEL": _whole(sources.model),
            "RULES": _whole(sources.rules), "RESULTS": str(scratch / "results"), "METHOD": sources.method,
            "MIN_PEOPLE": sources.min_people,
        }  # fmt: skip
        if key is not None:  # the notebooks find what is kept; they are never given a key
            _mine(values, key)
        executed = run_notebooks(paths, values, scratch=scratch, progress=progress, shared=shared)
        mined = _mine(values, key) if shared else None
        facts = run_facts(sources.log, sources.process_log, values)
        if mined is not None:
            facts |= _shared_facts(sources, mined, scratch / JOURNAL)
        pages = render_pages(
            {path.stem: notebook for path, notebook in zip(paths, executed, strict=True)},
            values=values | _readable(sources), private=private_texts(_named(sources, paths, scratch)),
            show_code=show_code, facts=(lambda made: facts | hidden_fact(made)) if shared else facts, shared=shared,
        )  # fmt: skip
        return Made(pages, mined, facts)


def _mine(values: Mapping[str, Any], key: bytes | None) -> Mined:
    """The frames of a run, read from where its notebooks kept them, or made for them."""
    return mine(values["LOG"], process_log=values["PROCESS_LOG"], rules=values["RULES"], method=values["METHOD"],
                results=values["RESULTS"], key=key, progress=lambda *_: None)  # fmt: skip


def write_pages(pages: Mapping[str, str], out: Path) -> Path:
    """Write all pages beside `out` with mode 0600, then move them in: a reader never finds half a report."""
    try:
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        waiting = Path(tempfile.mkdtemp(prefix=".taskkit-", dir=out))
    except OSError as error:
        raise TaskkitError(f"The pages cannot be written to {out}: {error.strerror}. Give another folder.") from error
    try:
        for name, html in pages.items():
            handle = os.open(waiting / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(html)
        for name in pages:
            (waiting / name).replace(out / name)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
    return out / "index.html"


def list_written(index: Path) -> tuple[list[Path], list[Path]]:
    """The pages that belong to an index, itself included, and other pages that lie beside them and were not looked at.

    Parameters
    ----------
    index : the index page that `write_pages` returned.
    """
    linked = set(re.findall(r'href="([^":/#?]+\.html)"', index.read_text(encoding="utf-8"))) | {index.name}
    pages = sorted(index.parent.glob("*.html"))
    return [page for page in pages if page.name in linked], [page for page in pages if page.name not in linked]


# ------------------------------------------------------------------------------------------------------------- sources
def _need_lab() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"A report needs {', '.join(missing)}. Install the notebook packages with: pip install 'taskkit[lab]'"
        )


def _project(folder: Path) -> Sources:
    project = open_project(folder)
    settings: Mapping[str, Any] = project.settings
    own = Path(project.notebooks)
    return Sources(
        log=Path(project.log), process_log=_path(project.process_log), model=_path(project.model),
        rules=_path(project.rules), journal=Path(project.decisions), folder=folder,
        notebooks=own if any(own.glob("*.ipynb")) else None,
        method=settings.get("method") or "model", min_people=settings.get("min_people") or MIN_PEOPLE,
    )  # fmt: skip


def _path(file: str | Path | None) -> Path | None:
    return Path(file) if file is not None and Path(file).exists() else None


def _check(sources: Sources) -> None:
    """Faults in files and settings are told now, not after minutes."""
    from taskkit.activities import read_rules
    from taskkit.segments import METHODS

    named = (("log", sources.log), ("process log", sources.process_log), ("official model", sources.model))
    for what, path in named:
        if path is not None and not path.exists():
            raise LogFileError(f"There is no {what} at {path}. Give an existing file or folder, or leave it out.")
    if sources.model is not None:
        from taskkit.variants.standards import read_standard

        read_standard(sources.model)
    if sources.rules is not None:
        if sources.folder is None and not sources.rules.is_file():
            raise LogFileError(f"There is no rule file at {sources.rules}. Give an existing file, or leave it out.")
        if sources.rules.is_file():
            read_rules(sources.rules)
    check_choice(sources.method, allowed=METHODS, what="segmentation method")
    if not isinstance(sources.min_people, int) or sources.min_people < 1:
        raise SettingError(f"min_people is {sources.min_people!r}; allowed: a whole number of people, 1 or more.")


@contextmanager
def _scratch(sources: Sources) -> Iterator[Path]:
    """A private folder (mode 0700) for interim results, with a copy of the journal that the pages replay."""
    scratch = Path(tempfile.mkdtemp(prefix="taskkit-"))
    with _ended_as_interrupted(), _removed(scratch):
        (scratch / "results").mkdir(mode=0o700)
        # parts of a large log that are done are not done again
        for kept in (sources.folder / "results").glob("parts-*") if sources.folder is not None else ():
            (scratch / "results" / kept.name).symlink_to(kept.resolve())
        if sources.journal is not None and sources.journal.is_file():
            _copy_journal(sources.journal, scratch / JOURNAL)
        yield scratch


@contextmanager
def _removed(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ended_as_interrupted() -> Iterator[None]:
    """A request to end (SIGTERM) stops the kernels and clears up as Ctrl-C does; only a main thread is told of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_: int, __: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)


def _copy_journal(journal: Path, goal: Path) -> None:
    """A copy that is whole even while somebody writes; the project's own file is only read."""
    os.close(os.open(goal, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            closing(sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as source,
            closing(sqlite3.connect(goal)) as target,
        ):
            source.backup(target)
    except sqlite3.DatabaseError as error:
        raise TaskkitError(f"{journal} cannot be read as a journal of decisions ({error}).") from error


# ------------------------------------------------------------------------------------------------- what a reader may see
def _whole(path: Path | None) -> str | None:
    return str(path.resolve()) if path else None


def _readable(sources: Sources) -> dict[str, Any]:
    files = {"PROCESS_LOG": sources.process_log, "MODEL": sources.model, "RULES": sources.rules}
    names = {name: file and file.name for name, file in files.items()}
    return {"LOG": sources.log.name, "RESULTS": "results", **names}


def _named(sources: Sources, notebooks: Sequence[Path], scratch: Path) -> dict[Path, str]:
    """Places of this machine, and what pages say instead."""
    named = {scratch / "results": "results", scratch: "scratch"} | {path.parent: "notebooks" for path in notebooks}
    if sources.folder is not None:
        named[sources.folder] = sources.folder.resolve().name
    files = [sources.log, sources.process_log, sources.model, sources.rules]
    return named | {file: file.name for file in files if file}


def _shared_facts(sources: Sources, mined: Mined, journal: Path) -> dict[str, str]:
    """What a shared page states beyond a report: the recorder, the assumptions, what people decided."""
    from taskkit.automation import list_assumptions

    recorder = ", ".join(
        str(mined.metadata[name]) for name in ("recorder", "recorder_version") if mined.metadata.get(name)
    )
    shown = list_assumptions()
    assumed = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value, *_ in shown.iter_rows())
    said = {"Recorder": recorder or "the log does not say", "Assumptions about value": assumed}
    said["Smallest group shown"] = f"{sources.min_people} people"
    said["Active time"] = "until the person's next event, at most 60 s, or the event's own length if that is longer"
    return said | {"Decided by people": _decided(journal, mined)}


_DECIDED = {"correction": "correction", "name": "name", "mark": "mark of business context", "verdict": "verdict",
            "finding": "finding", "context": "answer", "override": "override of an earlier sharing"}  # fmt: skip


def _decided(journal: Path, mined: Mined) -> str:
    if not journal.is_file():
        return "Nothing is recorded; names and boundaries are as the method found them."
    counts = dict(Decisions(journal).list().group_by("kind").len().iter_rows())
    parts = [
        f"{counts[kind]:,} {word if counts[kind] == 1 else _plural(word)}"
        for kind, word in _DECIDED.items() if counts.get(kind)
    ]  # fmt: skip
    lost = f" {mined.vanished.height:,} of them could not be replayed on this log." if mined.vanished.height else ""
    return (", ".join(parts) or "Nothing is recorded") + "." + lost


def _plural(word: str) -> str:
    first, _, rest = word.partition(" ")
    return f"{first}s {rest}".strip()
