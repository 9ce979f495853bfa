"""The room: the guided notebooks without their code, through Voilà, on this machine and for this user only."""

from __future__ import annotations

import os
import re
import secrets
import threading
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from taskkit.report.pages import ABOUT_CODE, describe_page

HERE = Path(__file__).parent
TOKEN = "TASKKIT_WORKSHOP_TOKEN"  # in the environment, for tests: a command line can be read by every user of a machine
IDLE_SECONDS = 1800  # a page that was closed or forgotten gives its memory back
# what a page may load: nothing from outside, scripts of its own (Vega compiles expressions, widgets come as blobs)
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: data:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob: ws://127.0.0.1:*; "
    "frame-ancestors 'none'; form-action 'self'"
)


def run_room(notebooks: Path, *, scratch: Path, port: int = 8866, browser: bool = True) -> int:
    """Serve notebooks until it is interrupted; prints the address, which holds the secret.

    Parameters
    ----------
    notebooks : folder of notebooks.
    scratch : private folder for settings, connection files and history.
    port : where it listens; the next free one if it is taken.
    browser : open a browser window on it.
    """
    own = {name: str(scratch / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    own |= {"JUPYTER_DATA_DIR": str(scratch / "data"), "JUPYTER_PATH": str(HERE), "JUPYTER_NO_CONFIG": "1"}
    for place in own.values():
        if place.startswith(str(scratch)):
            Path(place).mkdir(mode=0o700)
    token = os.environ.pop(TOKEN, "") or secrets.token_urlsafe(24)
    before = dict(os.environ)
    os.environ.update(own)  # for the server and the kernels that it starts
    try:
        room = _room_class()(config=_settings(scratch, token, port))
        room.shown_in_browser = browser
        room.initialize([str(notebooks)])
        room.start()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return 0


def prepare_notebook(_: Any, notebook: Any, **__: Any) -> Any:
    """A notebook as the room shows it: without the prose that only makes sense beside code, under its own title."""
    notebook.cells = [cell for cell in notebook.cells if ABOUT_CODE not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"notebook (\d\d)\b", _as_question, cell.source)
    notebook.metadata["title"] = describe_page("Workshop", notebook).title
    return notebook


def _as_question(said: re.Match[str]) -> str:
    """The room's list numbers its questions in order: "notebook 03" is question 5 there."""
    from taskkit.widgets.guided_path import STATIONS

    at = next((n for n, station in enumerate(STATIONS, start=1) if station.stem.startswith(said[1])), None)
    return f"question {at}" if at else said[0]


def refuse(host: str, path: str, headers: Mapping[str, str], *, port: int) -> int:
    """Why a request is not answered, as an HTTP status; 0 if nothing speaks against it.

    Parameters
    ----------
    host, path, headers : of the request.
    port : where the room listens.

    >>> refuse("evil.example:8866", "/", {}, port=8866)
    403
    """
    if host.lower() not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        return 403  # another name for this machine: a page of another site may stand behind it
    if headers.get("Upgrade", "").lower() == "websocket" and not headers.get("Origin"):
        return 403  # a browser always says from which page it comes
    if ".." in re.split(r"[/\\]", unquote(path)):
        return 404
    return 0


def list_pages(folder: Path) -> list[dict[str, str]]:
    """The notebooks of a folder as the opening page shows them: name, title, question and what is recorded."""
    import nbformat

    from taskkit.widgets.guided_path import STATIONS, read_progress

    numbers = {station.stem: n for n, station in enumerate(STATIONS, start=1)}
    pages = []
    for path in sorted(folder.glob("*.ipynb"), key=lambda path: (numbers.get(path.stem, 99), path.name)):
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        page = describe_page(path.stem, notebook)
        recorded = read_progress(_results(notebook, folder)).recorded.get(path.stem)
        pages.append({"name": path.name, "title": page.title, "question": page.question, "finding": recorded or "",
                      "number": str(numbers.get(path.stem, ""))})  # fmt: skip
    return pages


def _results(notebook: Any, folder: Path) -> Path:
    """The folder of results that a notebook's parameters name."""
    import ast

    for cell in notebook.cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            for line in ast.parse(cell.source).body:
                if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "RESULTS":
                    return folder / str(ast.literal_eval(line.value))
    return folder / "results"


def _settings(scratch: Path, token: str, port: int) -> Any:
    from traitlets.config import Config

    short = os.name == "posix" and len(str(scratch)) < 60  # a socket file's name may have about 100 characters
    return Config({
        "Voila": {
            "ip": "127.0.0.1", "port": port, "token": token, "open_browser": False, "config_file_paths": [],
            "connection_dir_root": str(scratch),
            "identity_provider_class": "voila.voila_identity_provider.VoilaIdentityProvider",
            "tornado_settings": {
                "mathjax_url": "/voila/static/none.js", "mathjax_config": "none",
                "headers": {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"},
            },
            "log_level": "ERROR",
        },
        # forgotten when the browser is closed; not sent along when another site asks for something
        "IdentityProvider": {"cookie_options": {"expires_days": None, "samesite": "Lax"}},
        "VoilaConfiguration": {
            "template": "taskkit", "theme": "light", "strip_sources": True, "show_tracebacks": False,
            "allow_template_override": "NO", "allow_theme_override": "NO", "file_allowlist": ["nothing"],
            "prelaunch_hook": prepare_notebook, "resources": {}, "progressive_rendering": True,
        },
        "VoilaExecutor": {"cell_error_instruction": "Open the notebook in JupyterLab (taskkit lab) to see what went wrong."},
        "MappingKernelManager": {"cull_idle_timeout": IDLE_SECONDS, "cull_interval": 60, "cull_connected": False},
        "KernelManager": {"transport": "ipc" if short else "tcp"},
    })  # fmt: skip


def _room_class() -> Any:
    """Voilà with an opening page of ours and without its list of files."""
    from jupyter_server.utils import url_path_join
    from tornado.ioloop import IOLoop
    from tornado.web import ErrorHandler, authenticated
    from voila.app import Voila  # type: ignore[import-untyped]
    from voila.handler import BaseVoilaHandler  # type: ignore[import-untyped]
    from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler  # type: ignore[import-untyped]

    class Opening(BaseVoilaHandler):  # type: ignore[misc]
        """The questions, with what is recorded, and a link to each."""

        @authenticated
        def get(self) -> None:
            if self.get_query_argument("token", None) is not None:
                self.redirect(self.base_url)  # the secret is in the cookie now: not in the address, nor in the history
                return
            from jinja2 import Environment, FileSystemLoader

            template = Environment(loader=FileSystemLoader(HERE), autoescape=True).get_template("opening.html.j2")
            folder = Path(self.settings["voila"].root_dir)
            self.set_header("Cache-Control", "no-store")
            pages = list_pages(folder)
            done = sum(bool(page["number"] and page["finding"]) for page in pages)
            style = (HERE / "voila" / "templates" / "taskkit" / "room.css").read_text(encoding="utf-8")
            self.finish(
                template.render(pages=pages, done=done, base=self.base_url, project=folder.parent.name, style=style)
            )

    class Leaving(VoilaShutdownKernelHandler):  # type: ignore[misc]
        """A page that is closed ends its kernel."""

        def check_xsrf_cookie(self) -> None:
            """Not asked for: a closing page cannot send it, and the kernel's name, a random one, is proof enough."""

    class Room(Voila):  # type: ignore[misc]
        name = "voila"  # the settings and the application's place in them go by it
        shown_in_browser = True

        def init_handlers(self) -> list[Any]:
            opening = url_path_join(self.server_url, "/")
            hidden = ("/voila/tree", "/voila/api/contents", "/voila/files")
            kept = [h for h in super().init_handlers() if h[0] != opening and not any(part in h[0] for part in hidden)]
            kept = [(h[0], Leaving, *h[2:]) if "/voila/api/shutdown" in h[0] else h for h in kept]
            return [(opening, Opening, {"voila_configuration": self.voila_configuration}), *kept]

        def listen(self) -> None:
            find = self.app.find_handler

            def find_handler(request: Any, **settings: Any) -> Any:
                refused = refuse(request.host, request.path, request.headers, port=self.port)
                if not refused:
                    return find(request, **settings)
                return self.app.get_handler_delegate(request, ErrorHandler, {"status_code": refused})

            self.app.find_handler = find_handler  # before any handler, those of files and sockets too
            IOLoop.current().add_callback(self.announce)  # once it listens, and its port is known
            super().listen()

        def announce(self) -> None:
            address = f"http://127.0.0.1:{self.port}/?token={self.token}"
            print(
                f"The workshop is open at {address}\nOnly this machine can reach it. Close it with Ctrl+C.", flush=True
            )
            if self.shown_in_browser:
                # through a file of this user's own: the address in a command line could be read by others
                door = Path(self.connection_dir) / "open.html"
                door.touch(mode=0o600)
                door.write_text(f'<meta http-equiv="refresh" content="0; url={address}">')
                threading.Thread(target=webbrowser.open, args=(door.as_uri(),), daemon=True).start()

    return Room
