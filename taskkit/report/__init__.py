"""The guided notebooks as pages that open anywhere: executed here, readable with no network and no kernel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from taskkit.report.linter import find_secrets as find_secrets
from taskkit.report.linter import lint_pages as lint_pages
from taskkit.report.making import find_sources, make_pages, write_pages
from taskkit.report.notebooks import bundled as bundled
from taskkit.report.offline import enable_offline_charts
from taskkit.report.sharing import LeakError as LeakError
from taskkit.report.sharing import share_report as share_report
from taskkit.report.tables import render_table
from taskkit.widgets.running import explain_errors, show_working


def write_report(
    log: str | Path | None = None, *, process_log: str | Path | None = None, model: str | Path | None = None,
    out: str | Path = "report",
    notebooks: str | Path | Sequence[str | Path] | None = None, show_code: bool = False,
    rules: str | Path | None = None, method: str | None = None, min_people: int | None = None, progress: bool = True,
    key: bytes | None = None, process_time_zone: str | None = None,
) -> Path:  # fmt: skip
    """Run the guided notebooks on a log and write each as one self-contained HTML page, with an index.

    Nothing in the pages asks a network, and nothing names this machine, its user or its folders. The pages may show
    pseudonyms, window titles and case numbers, so they are readable by their owner only (mode 0600): pass them on to
    those who may see them. The same log, notebooks and versions give the same pages.

    Parameters
    ----------
    log : UI log, a file or a folder; or a project folder, whose settings and journal of corrections, names and marks hold;
        the bundled sample by default.
    process_log : log of the business systems (CSV or XES); without one the overlay page says that it is missing.
    model : the official flow of the process, a BPMN file; without one the page of the official flow says that it is missing.
    out : folder that the pages are written to; pages of the same name are replaced, once all of them are made.
    notebooks : a folder of notebooks or a list of files; the project's own, else the bundled
        guided notebooks, by default.
    show_code : show the code cells too.
    rules : the engagement's names for applications, screens and activities (`read_rules`).
    method : segmentation method, one of `taskkit.METHODS`; that of the project, else `model`, by default.
    min_people : smallest group that is shown, in people; that of the project, else 5, by default.
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
    sources = find_sources(log, process_log=process_log, model=model, rules=rules, method=method, min_people=min_people)
    made = make_pages(sources, notebooks=notebooks, show_code=show_code, progress=progress, key=key,
                      process_time_zone=process_time_zone)  # fmt: skip
    return write_pages(made.pages, Path(out))


def start_notebook() -> None:
    """Make a notebook ready: charts that need no network, tables that read well, readable errors, a bar under long work.

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
    explain_errors()
    show_working()
