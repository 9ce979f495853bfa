"""The command: a report on a log, JupyterLab with the guided notebooks, a fresh sample."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import taskkit
from taskkit.errors import MissingExtraError, TaskkitError

OWN_COPY = Path("taskkit-notebooks")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 done, 2 a message says what is wrong, 130 interrupted.

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
    commands = parser.add_subparsers(title="commands", required=True, metavar="report | lab | document | sample")

    report = _command(commands, "report", _report, "run the guided notebooks on a log and write HTML pages")
    report.add_argument(
        "log", nargs="?", metavar="LOG", help="UI log, a file or a folder (default: the bundled sample)"
    )
    report.add_argument("--process-log", metavar="FILE", help="log of the business systems: CSV, Parquet, XES or OCEL")
    report.add_argument(
        "--process-time-zone",
        metavar="ZONE",
        help="zone of its times if they have no offset, such as Europe/Berlin (default: UTC)",
    )
    report.add_argument("--model", metavar="FILE", help="official flow of the process, BPMN")
    report.add_argument("--out", default="report", metavar="DIR", help="folder for the pages (default: report)")
    report.add_argument("--show-code", action="store_true", help="show the notebooks' code too")
    report.add_argument("--rules", metavar="FILE", help="names for screens and activities, a rules.toml")
    report.add_argument(
        "--method", metavar="M", help="segmentation method: model (default), cohesion, gap, routine or switch"
    )
    report.add_argument(
        "--min-people", type=int, metavar="N",
        help="smallest group shown (default: 5); a log of fewer people is shown in full and says so",
    )  # fmt: skip

    report.add_argument("--key", metavar="FILE", help="key file of an encrypted log")

    _command(commands, "lab", _lab, "open JupyterLab on the guided notebooks (further options are passed to it)")

    document = _command(commands, "document", _document, "turn one recorded flow into a document")
    document.add_argument("log", metavar="LOG", help="UI log, a file or a folder")
    document.add_argument("--session", metavar="ID", help="session of the log; needed if it holds several")
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

    sample = _command(commands, "sample", _sample, "write a fresh sample log with its truth")
    sample.add_argument("--seed", type=int, metavar="N", help="same seed, same sample")
    sample.add_argument("--people", type=int, metavar="P", help="people who are recorded")
    sample.add_argument("--days", type=int, metavar="D", help="working days")
    sample.add_argument("--out", required=True, metavar="DIR", help="folder for the sample")
    return parser


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
    pages = sorted(index.parent.glob("*.html"))
    for page in pages:
        print(f"  {page.name:32} {page.stat().st_size / 1e6:5.2f} MB")
    print(f"{len(pages)} pages. Open {index} in a browser: no network is needed.")


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


def _lab(options: argparse.Namespace) -> int:
    from taskkit.report.notebooks import bundled

    missing = [name for name in ("jupyterlab", "ipywidgets", "altair") if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"JupyterLab with the notebooks needs {', '.join(missing)}. Install them with: pip install 'taskkit[lab]'"
        )
    notebooks = bundled("notebooks")
    if notebooks.parent.name == "_bundled":  # an installation is not the place to work in
        notebooks = copy_notebooks(OWN_COPY)
        print(f"The notebooks are in {notebooks}: change them as you like, an upgrade leaves them alone.")
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    quiet = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    command = [sys.executable, "-m", "jupyterlab", *root, *quiet, *options.further, str(notebooks)]
    with tempfile.TemporaryDirectory(prefix="taskkit-") as settings:
        # JupyterLab asks whether it may fetch news; a tool that sends nothing anywhere does not ask
        page = Path(settings) / "labconfig" / "page_config.json"
        page.parent.mkdir()
        page.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))
        paths = [settings, *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
        return subprocess.call(command, env=os.environ | {"JUPYTER_CONFIG_PATH": os.pathsep.join(paths)})


def copy_notebooks(place: Path) -> Path:
    """Copy notebooks and sample so that they lie to each other as in a clone; what is there already stays as it is."""
    from taskkit.report.notebooks import bundled

    for source, target in ((bundled("notebooks"), "notebooks"), (bundled("samples"), "data/samples")):
        for file in source.rglob("*"):
            goal = place / target / file.relative_to(source)
            if file.is_file() and not goal.exists():
                goal.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, goal)
    return place / "notebooks"


def _sample(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from taskkit.samples import write_sample

    with tqdm(unit="day", disable=not sys.stderr.isatty(), leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        write_sample(options.out, progress=show, **_given(options, "seed", "people", "days"))
    out = Path(options.out)
    print(f"The sample is in {out}. Look at it with:")
    print(
        f"  taskkit report {out / 'ui_log'} --process-log {out / 'process_log.csv'} --model {out / 'process_model.bpmn'}"
    )


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The options that were given; for the others the function's own default holds."""
    return {name: value for name in names if (value := getattr(options, name)) is not None}
