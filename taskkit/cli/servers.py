"""Servers on this machine: JupyterLab for who works on the analysis, a room without code for who knows the work."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from taskkit.errors import MissingExtraError, TaskkitError

OWN_COPY = Path("taskkit-notebooks")


def open_lab(project: str | Path | None = None, *, further: Sequence[str] = ()) -> int:
    """Open JupyterLab on the guided notebooks and return its exit code.

    Parameters
    ----------
    project : project folder or folder of notebooks; the bundled notebooks by default.
    further : options that are passed to JupyterLab.
    """
    _need("JupyterLab with the notebooks", "jupyterlab", "ipywidgets", "altair")
    notebooks = _notebooks(project)
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    quiet = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    command = [sys.executable, "-m", "jupyterlab", *root, *quiet, *further, str(notebooks)]
    with tempfile.TemporaryDirectory(prefix="taskkit-") as settings:
        # JupyterLab asks whether it may fetch news; a tool that sends nothing anywhere does not ask
        page = Path(settings) / "labconfig" / "page_config.json"
        page.parent.mkdir()
        page.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))
        paths = [settings, *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
        return run_server(command, os.environ | {"JUPYTER_CONFIG_PATH": os.pathsep.join(paths)})


def run_server(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a server to its end; who asks this command to end, asks the server, which then ends its kernels too."""
    with subprocess.Popen(command, env=environment) as server:
        before = signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        try:
            while True:
                try:
                    return server.wait()
                except KeyboardInterrupt:  # the terminal tells the server as well; it asks, and ends at the second one
                    continue
        finally:
            signal.signal(signal.SIGTERM, before)


def open_workshop(project: str | Path | None = None, *, port: int = 8866, browser: bool = True) -> int:
    """Open the guided notebooks as a room without code (Voilà) and return its exit code.

    Only this machine can reach it, and only who has the address that is printed: it holds a secret that is made anew
    each time. Nothing in it asks a network. Kernels of closed or forgotten pages are ended.

    Parameters
    ----------
    project : project folder or folder of notebooks; the bundled notebooks by default.
    port : where it listens; the next free one if it is taken.
    browser : open a browser window on it.
    """
    _need("The workshop", "voila", "ipywidgets", "altair")
    from taskkit.cli.room import run_room

    notebooks = _notebooks(project)
    scratch = Path(tempfile.mkdtemp(prefix="taskkit-"))  # mode 0700: settings, connection files, history
    try:
        return run_room(notebooks, scratch=scratch, port=port, browser=browser)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


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


def _notebooks(project: str | Path | None) -> Path:
    """The folder of notebooks of a project, or the bundled ones, copied first where they lie in an installation."""
    from taskkit.report.notebooks import bundled

    if project is not None:
        place = Path(project)
        found = place / "notebooks" if (place / "notebooks").is_dir() else place
        if not found.is_dir() or not any(found.glob("*.ipynb")):
            raise TaskkitError(
                f"There are no notebooks in {place}. Give a project folder (taskkit new makes one) or a folder of notebooks."
            )
        return found.resolve()
    notebooks = bundled("notebooks")
    if notebooks.parent.name == "_bundled":  # an installation is not the place to work in
        notebooks = copy_notebooks(OWN_COPY)
        print(f"The notebooks are in {notebooks}: change them as you like, an upgrade leaves them alone.")
    return notebooks.resolve()


def _need(what: str, *packages: str) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"{what} needs {', '.join(missing)}. Install them with: pip install 'taskkit[lab]'")
