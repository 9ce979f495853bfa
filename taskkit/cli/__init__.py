"""The command: a project, its notebooks for analysts and for a room, pages to look at and pages to pass on."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import taskkit
from taskkit.errors import TaskkitError

REFUSED = 3  # exit code: pages give somebody away, so none was written


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 done, 2 a message says what is wrong, 3 pages
    were not shared because they give somebody away, 130 interrupted.

    Parameters
    ----------
    arguments : the words after `taskkit`; those of the running process by default.

    >>> main(["report", "no/such/log"])
    2
    """
    parser = _parser()
    options, further = parser.parse_known_args(arguments)
    if further and options.run is not _lab:
        parser.error(f"unknown words: {' '.join(further)}")
    options.further = further
    try:
        return int(options.run(options) or 0)
    except TaskkitError as error:
        print(f"taskkit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("taskkit: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="taskkit", description="Task mining for Jupyter: recorded work as evidence.")
    parser.add_argument("--version", action="version", version=f"taskkit {taskkit.__version__}")
    commands = parser.add_subparsers(
        title="commands", required=True, metavar="report | new | lab | workshop | share | document | sample"
    )

    report = _command(commands, "report", _report, "run the guided notebooks on a log and write HTML pages")
    _pages(report, default="report")
    report.add_argument(
        "--min-people", type=int, metavar="N",
        help="smallest group shown (default: 5); a log of fewer people is shown in full and says so",
    )  # fmt: skip

    new = _command(commands, "new", _new, "make the folder of an engagement, with notebooks of its own")
    new.add_argument("name", metavar="NAME", help="folder to make, such as ap-discovery")
    new.add_argument("--log", metavar="LOG", help="UI log, a file or a folder (default: the bundled sample)")
    _engagement(new)
    new.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that take a large log at once (default: 1)"
    )
    new.add_argument("--min-people", type=int, metavar="N", help="smallest group shown (default: 5)")
    new.add_argument(
        "--later", action="store_true", help="do not take the log the whole way yet: the first notebook does"
    )

    lab = _command(commands, "lab", _lab, "open JupyterLab on the notebooks (further options are passed to it)")
    lab.add_argument("--project", metavar="DIR", help="folder made by taskkit new (default: the guided notebooks)")

    workshop = _command(commands, "workshop", _workshop, "open the notebooks as a room without code, on this machine")
    workshop.add_argument("project", nargs="?", metavar="PROJECT", help="folder made by taskkit new")
    workshop.add_argument("--port", type=int, default=8866, metavar="N", help="port (default: 8866)")
    workshop.add_argument("--no-browser", action="store_true", help="only print the address")

    share = _command(commands, "share", _share, "write pages that may be passed on, unless they give somebody away")
    _pages(share, default="shared")
    share.add_argument(
        "--k",
        type=int,
        metavar="N",
        help="smallest group shown, in people, 3 or more (default: 5); fewer than 5 needs --override and --role",
    )
    share.add_argument(
        "--names",
        metavar="FILE",
        help="names that must not appear, one a line or CSV; needed where hand-written text is shown",
    )
    share.add_argument(
        "--override",
        metavar="REASON",
        help="share in spite of what was found, or with a k under 5; recorded and stated",
    )
    share.add_argument("--role", metavar="ROLE", help="role of who decides so; needed with --override")
    share.add_argument("--journal", metavar="FILE", help="journal for the override (default: the project's)")
    share.add_argument("--leaks", metavar="FILE", help="write what was found as CSV too")

    document = _command(commands, "document", _document, "turn one recorded flow into a document")
    document.add_argument("log", metavar="LOG", help="UI log, a file or a folder")
    document.add_argument("--session", metavar="ID", help="session of the log; needed if it holds several")
    document.add_argument("--user", metavar="P", help="pseudonym of the person, where a session's name is not enough")
    document.add_argument(
        "--out",
        default="recording.docx",
        metavar="FILE",
        help="document to write, .docx or .md (default: recording.docx)",
    )
    document.add_argument("--bpmn", metavar="FILE", help="write a BPMN diagram of it too")
    document.add_argument("--robot", metavar="FILE", help="write a robot's skeleton too: .py (Playwright) or .robot")
    document.add_argument("--rules", metavar="FILE", help="names for screens and activities, a rules.toml")
    document.add_argument("--key", metavar="FILE", help="key file of an encrypted log")

    mined = _command(
        commands, "mine", _mine, "take a log of any size the whole way, part by part, and keep the results"
    )
    mined.add_argument("log", metavar="LOG", help="Parquet log, a folder with a file for each person and day")
    mined.add_argument("--results", required=True, metavar="DIR", help="folder for the results (Parquet)")
    mined.add_argument("--rules", metavar="FILE", help="names for screens and activities, a rules.toml")
    mined.add_argument("--method", metavar="M", help="segmentation method (default: model)")
    mined.add_argument("--seed", type=int, metavar="N", help="of the sample that models are fitted on (default: 0)")
    mined.add_argument("--workers", type=int, default=1, metavar="N", help="processes that work at once (default: 1)")

    sample = _command(commands, "sample", _sample, "write a fresh sample log with its truth")
    sample.add_argument("--seed", type=int, metavar="N", help="same seed, same sample")
    sample.add_argument("--people", type=int, metavar="P", help="people who are recorded (default: 14)")
    sample.add_argument(
        "--days", type=int, metavar="D",
        help="working days (default: 10); above 1,000 days of people in all, a department is written: log/ by person and day",
    )  # fmt: skip
    sample.add_argument("--events", type=int, metavar="N", help="events of a person and day, of a department (3460)")
    sample.add_argument("--out", required=True, metavar="DIR", help="folder for the sample")
    return parser


def _pages(command: argparse.ArgumentParser, *, default: str) -> None:
    """What a report and shared pages have in common."""
    command.add_argument(
        "log", nargs="?", metavar="LOG", help="project folder, or UI log (file or folder; default: the bundled sample)"
    )
    _engagement(command)
    command.add_argument("--out", default=default, metavar="DIR", help=f"folder for the pages (default: {default})")
    command.add_argument("--show-code", action="store_true", help="show the notebooks' code too")
    command.add_argument("--key", metavar="FILE", help="key file of an encrypted log")
    command.add_argument(
        "--process-time-zone", metavar="ZONE",
        help="zone of the process log's times if they have no offset, such as Europe/Berlin (default: UTC)",
    )  # fmt: skip


def _engagement(command: argparse.ArgumentParser) -> None:
    command.add_argument("--process-log", metavar="FILE", help="log of the business systems: CSV, Parquet, XES or OCEL")
    command.add_argument("--model", metavar="FILE", help="official flow of the process, BPMN")
    command.add_argument("--rules", metavar="FILE", help="names for screens and activities, a rules.toml")
    command.add_argument(
        "--method", metavar="M", help="segmentation method: model (default), cohesion, gap, routine or switch"
    )


def _command(commands: Any, name: str, run: Any, words: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=words, description=words[0].upper() + words[1:] + "."
    )
    parser.set_defaults(run=run)
    return parser


def _report(options: argparse.Namespace) -> None:
    from taskkit.privacy import read_key
    from taskkit.report import write_report

    index = write_report(
        options.log,
        process_log=options.process_log,
        model=options.model,
        out=options.out,
        show_code=options.show_code,
        key=read_key(Path(options.key)) if options.key else None,
        **_given(options, "rules", "method", "min_people", "process_time_zone"),
    )
    _list_pages(index)


def _list_pages(index: Path) -> None:
    from taskkit.report.making import list_written

    pages, others = list_written(index)
    for page in pages:
        print(f"  {page.name:32} {page.stat().st_size / 1e6:5.2f} MB")
    print(f"{len(pages)} pages. Open {index} in a browser: no network is needed.")
    if others:
        names = ", ".join(page.name for page in others)
        print(f"Not made now and not looked through: {names}. Do not pass these on.")


def _document(options: argparse.Namespace) -> None:
    from taskkit.activities import name_activities, read_rules
    from taskkit.handover import document_session, write_bpmn, write_document, write_robot
    from taskkit.log import read_log
    from taskkit.privacy import read_key

    events = read_log(options.log, key=read_key(Path(options.key)) if options.key else None)
    rules = read_rules(options.rules) if options.rules else ()
    flow = document_session(name_activities(events, rules=rules), session_id=options.session, user=options.user)
    written = [write_document(flow, options.out)]
    if options.bpmn:
        written.append(write_bpmn(flow, options.bpmn))
    if options.robot:
        kind = "robot" if options.robot.lower().endswith(".robot") else "playwright"
        written.append(write_robot(flow, options.robot, kind=kind))
    for path in written:
        print(f"  {path}")
    print(f"{flow.steps.height} steps. No content is in it; read names and titles through before you pass it on.")


def _new(options: argparse.Namespace) -> None:
    from contextlib import nullcontext

    from taskkit.pipeline import mine
    from taskkit.pipeline.measuring import keep_criteria
    from taskkit.pipeline.workers import start_workers
    from taskkit.project import create_project
    from taskkit.report.making import SAMPLE
    from taskkit.report.notebooks import bundled

    given = _given(options, "process_log", "model", "rules", "method", "min_people")
    if options.log is None:
        sample = bundled("samples") / SAMPLE
        files = {"process_log": sample / "process_log.csv", "model": sample / "process_model.bpmn"}
        given, options.log = files | given, sample / "ui_log"
    project = create_project(options.name, log=options.log, notebooks=bundled("notebooks"), **given)
    if not options.later:
        print("Taking the log the whole way once, so that every notebook opens at once …", file=sys.stderr)
        with start_workers(options.workers) if options.workers > 1 else nullcontext() as executor:
            mined = mine(project.log, process_log=project.process_log, rules=project.rules,
                         method=project.settings["method"], results=project.results, executor=executor)  # fmt: skip
        if mined.whole is None:
            keep_criteria(mined.events, mined.segments, results=project.results)
    print(f"The project is in {project.path}; README.txt there says what lies where. Go on with one of:")
    print(f"  taskkit lab --project {project.path}    to work in the notebooks")
    print(f"  taskkit workshop {project.path}         to show them to a room, without code")
    print(f"  taskkit share {project.path}            to write pages that may be passed on")


def _lab(options: argparse.Namespace) -> int:
    from taskkit.cli.servers import open_lab

    return open_lab(options.project, further=options.further)


def _workshop(options: argparse.Namespace) -> int:
    from taskkit.cli.servers import open_workshop

    return open_workshop(options.project, port=options.port, browser=not options.no_browser)


def _share(options: argparse.Namespace) -> int:
    from taskkit.privacy import read_key
    from taskkit.report.sharing import LeakError, count_kinds, share_report

    given = (
        "process_log",
        "model",
        "rules",
        "method",
        "k",
        "names",
        "override",
        "role",
        "journal",
        "process_time_zone",
    )
    try:
        index = share_report(
            options.log, out=options.out, show_code=options.show_code,
            key=read_key(Path(options.key)) if options.key else None, **_given(options, *given),
        )  # fmt: skip
    except LeakError as refused:
        print(f"taskkit: {refused}", file=sys.stderr)
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in count_kinds(refused.leaks).items())
        print(f"In all: {kinds}.", file=sys.stderr)
        if options.leaks:
            with os.fdopen(os.open(options.leaks, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                refused.leaks.write_csv(file)
        return REFUSED
    _list_pages(index)
    print("They were looked through before they were written. Only you can read the files; you may pass them on.")
    return 0


def _mine(options: argparse.Namespace) -> None:
    from taskkit.pipeline.partitioned import mine_partitions
    from taskkit.pipeline.workers import start_workers

    given = _given(options, "rules", "method", "seed")
    if options.workers > 1:
        with start_workers(options.workers) as executor:
            found = mine_partitions(options.log, results=options.results, executor=executor, **given)
    else:
        found = mine_partitions(options.log, results=options.results, **given)
    about = found.about
    print(
        f"{about['events']:,} events, {found.tasks.height} tasks, {found.tasks['segments'].sum():,} executions of them."
    )
    print(f"Fitted on {about['sampled_events']:,} events (seed {about['seed']}). The results are in {found.folder}.")


def _sample(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from taskkit.samples import write_sample
    from taskkit.samples.scale import LARGE, write_large_sample

    people, days = options.people or 14, options.days or 10
    large = options.events is not None or people * days > LARGE
    with tqdm(unit="day", disable=not sys.stderr.isatty(), leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        if large:
            write_large_sample(
                options.out, people=people, days=days, progress=show, **_given(options, "seed", "events")
            )
        else:
            write_sample(options.out, progress=show, **_given(options, "seed", "people", "days"))
    out = Path(options.out)
    print(f"The sample is in {out}. Look at it with:")
    if large:
        print(f"  taskkit new my-project --log {out / 'log'} --process-log {out / 'process_log.parquet'} --workers 2")
    else:
        files = f"{out / 'ui_log'} --process-log {out / 'process_log.csv'} --model {out / 'process_model.bpmn'}"
        print(f"  taskkit report {files}")


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The options that were given; for the others the function's own default holds."""
    return {name: value for name in names if (value := getattr(options, name)) is not None}
