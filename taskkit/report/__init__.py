"""The guided notebooks as pages that open anywhere: executed here, readable with no network and no kernel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from taskkit.errors import LogFileError, MissingExtraError, SettingError, TaskkitError, check_choice
from taskkit.overlay import read_process_log
from taskkit.pipeline import mine
from taskkit.privacy import MIN_PEOPLE
from taskkit.report.notebooks import bundled, find_notebooks, run_notebooks
from taskkit.report.offline import enable_offline_charts
from taskkit.report.pages import private_texts, render_pages, run_facts
from taskkit.report.tables import render_table

SAMPLE = "accounts_payable"

_NEEDED = ("nbclient", "nbconvert", "ipykernel", "altair", "vl_convert")


def write_report(
    log: str | Path | None = None, *, process_log: str | Path | None = None, model: str | Path | None = None,
    out: str | Path = "report",
    notebooks: str | Path | Sequence[str | Path] | None = None, show_code: bool = False,
    rules: str | Path | None = None, method: str = "model", min_people: int = MIN_PEOPLE, progress: bool = True,
    key: bytes | None = None, process_time_zone: str | None = None,
) -> Path:  # fmt: skip
    """Run the guided notebooks on a log and write each as one self-contained HTML page, with an index.

    Nothing in the pages asks a network, and nothing names this machine, its user or its folders. The pages may show
    pseudonyms, window titles and case numbers, so they are readable by their owner only (mode 0600): pass them on to
    those who may see them. The same log, notebooks and versions give the same pages.

    Parameters
    ----------
    log : UI log, a file or a folder; the bundled sample by default.
    process_log : log of the business systems (CSV or XES); without one the overlay page says that it is missing.
    model : the official flow of the process, a BPMN file; without one the page of the official flow says that it is missing.
    out : folder that the pages are written to; pages of the same name are replaced, once all of them are made.
    notebooks : a folder of notebooks or a list of files; the bundled guided notebooks by default.
    show_code : show the code cells too.
    rules : the engagement's names for applications, screens and activities (`read_rules`).
    method : segmentation method, one of `taskkit.METHODS`.
    min_people : smallest group that is shown, in people.
    progress : say on stderr how far it is.
    key : the key of an encrypted log (`taskkit.privacy.read_key`).
    process_time_zone : zone of the process log's times where they have no offset, such as "Europe/Berlin"; else UTC.

    Returns
    -------
    Path of the index page.

    Raises
    ------
    TaskkitError : a notebook failed (the message names it, the cell and the error), or a file or setting is wrong.
    MissingExtraError : the packages of the extra `lab` are not installed.

    >>> write_report("no/such/log")
    Traceback (most recent call last):
    ...
    taskkit.errors.LogFileError: There is no log at no/such/log...
    """
    _need_lab()
    log, process_log, model = _sources(log, process_log, model)
    _check_settings(rules, method, min_people)
    paths = find_notebooks(notebooks)
    scratch = Path(tempfile.mkdtemp(prefix="taskkit-"))  # mode 0700: it holds interim results of the log
    try:
        results = scratch / "results"
        results.mkdir(mode=0o700)
        read_from = process_log
        if process_log is not None and process_time_zone is not None:
            read_from = scratch / "process_log.parquet"
            read_process_log(process_log, time_zone=process_time_zone).write_parquet(read_from)
        values = {
            "LOG": str(log.resolve()),
            "PROCESS_LOG": str(read_from.resolve()) if read_from else None,
            "MODEL": str(model.resolve()) if model else None,
            "RULES": str(Path(rules).resolve()) if rules else None,
            "RESULTS": str(results),
            "METHOD": method,
            "MIN_PEOPLE": min_people,
        }
        if key is not None:  # the notebooks find what is kept; they are never given a key
            mine(log.resolve(), process_log=read_from and read_from.resolve(), rules=rules and Path(rules).resolve(),
                 method=method, results=results, key=key)  # fmt: skip
        executed = run_notebooks(paths, values, scratch=scratch, progress=progress)
        named = {log: log.name, results: "results", scratch: "scratch"} | {p.parent: "notebooks" for p in paths}
        given = [Path(file) for file in (process_log, model, rules) if file]
        named |= {file: file.name for file in given}
        readable = values | {"LOG": log.name, "PROCESS_LOG": process_log and process_log.name, "RESULTS": "results"}
        readable |= {"RULES": Path(rules).name if rules else None, "MODEL": model.name if model else None}
        pages = render_pages(
            {path.stem: notebook for path, notebook in zip(paths, executed, strict=True)},
            values=readable, private=private_texts(named), show_code=show_code,
            facts=run_facts(log, process_log, values),
        )  # fmt: skip
        return _write(pages, Path(out))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def start_notebook() -> None:
    """Make a notebook ready: charts that need no network, tables that read well.

    Call it once, at the top. Running the cell again does no harm.

    Raises
    ------
    MissingExtraError : the packages of the extra `lab` are not installed.

    >>> start_notebook()
    """
    enable_offline_charts()
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None:
        shell.display_formatter.formatters["text/html"].for_type_by_name(
            "polars.dataframe.frame", "DataFrame", render_table
        )


def _need_lab() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"A report needs {', '.join(missing)}. Install the notebook packages with: pip install 'taskkit[lab]'"
        )


def _sources(
    log: str | Path | None, process_log: str | Path | None, model: str | Path | None
) -> tuple[Path, Path | None, Path | None]:
    if log is None:
        sample = bundled("samples") / SAMPLE
        log, process_log = sample / "ui_log", process_log or sample / "process_log.csv"
        model = model or sample / "process_model.bpmn"
    for what, path in (("log", log), ("process log", process_log), ("official model", model)):
        if path is not None and not Path(path).exists():
            raise LogFileError(f"There is no {what} at {path}. Give an existing file or folder, or leave it out.")
    if model is not None:
        from taskkit.variants.standards import read_standard

        read_standard(model)  # a fault in it is told now, not after minutes
    return Path(log), Path(process_log) if process_log else None, Path(model) if model else None


def _check_settings(rules: str | Path | None, method: str, min_people: int) -> None:
    from taskkit.activities import read_rules
    from taskkit.segments import METHODS

    if rules is not None:
        if not Path(rules).is_file():
            raise LogFileError(f"There is no rule file at {rules}. Give an existing file, or leave it out.")
        read_rules(rules)  # a fault in it is told now, not after minutes

    check_choice(method, allowed=METHODS, what="segmentation method")
    if not isinstance(min_people, int) or min_people < 1:
        raise SettingError(f"min_people is {min_people!r}; allowed: a whole number of people, 1 or more.")


def _write(pages: Mapping[str, str], out: Path) -> Path:
    """Write all pages beside `out`, then move them in: a reader never finds half a report."""
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
