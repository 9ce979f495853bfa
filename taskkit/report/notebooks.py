"""Notebooks in, executed notebooks out: where they are, what is given to them, how they are run."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from taskkit.errors import SettingError, TaskkitError
from taskkit.privacy import SHARED_VARIABLE
from taskkit.widgets.displays import STATIC_VARIABLE
from taskkit.widgets.guided_path import PAGES_VARIABLE, STATIONS

SIDE_BY_SIDE = 2  # kernels at once: each takes a core and a few hundred MB
PARAMETERS = "parameters"  # tag of the cell that defines what a run may change


def run_notebooks(
    paths: Sequence[Path], values: Mapping[str, Any], *, scratch: Path, progress: bool = True, shared: bool = False
) -> list[Any]:
    """Run notebooks with the given values for their parameters and return them with their outputs.

    The first one runs alone, because it fills the folder of results that the others read; then two side by side.

    Parameters
    ----------
    paths : notebook files, in reading order.
    values : parameter name → plain value; written into a cell after the one tagged `parameters`.
    scratch : private folder for what kernels need: connection files, settings, history.
    progress : say on stderr how far it is.
    shared : the pages are to leave the room, so that nothing on them stands for one person.

    Returns
    -------
    One executed notebook per path, in the same order.

    Raises
    ------
    TaskkitError : a notebook failed; the message names notebook, cell and error.
    """
    notebooks = [read_notebook(path, values) for path in paths]
    cells = sum(cell.cell_type == "code" for notebook in notebooks for cell in notebook.cells)
    with _Progress(cells, shown=progress) as bar:
        _finish(_run_all(paths, notebooks, scratch, bar, shared=shared))
    return notebooks


def bundled(name: str) -> Path:
    """Where the guided notebooks or the sample lie: beside the package in a clone, inside it when installed.

    Parameters
    ----------
    name : `notebooks` or `samples`.

    >>> bundled("notebooks").name
    'notebooks'
    """
    package = Path(__file__).parents[1]
    places = {
        "notebooks": (package / "_bundled" / "notebooks", package.parent / "notebooks"),
        "samples": (package / "_bundled" / "samples", package.parent / "data" / "samples"),
    }
    if name not in places:
        raise SettingError(f"Nothing called {name!r} is bundled. Known: {', '.join(sorted(places))}.")
    found = next((place for place in places[name] if place.is_dir()), None)
    if found is None:
        raise TaskkitError(f"The bundled {name} are missing from this installation. Install taskkit again.")
    return found


def find_notebooks(notebooks: str | Path | Sequence[str | Path] | None = None) -> list[Path]:
    """List the notebooks of a folder in order of name, or check the given ones; the bundled ones by default.

    Those of the guided path come first: a copy or a notebook of somebody's own is no step of it.
    """
    if notebooks is None or isinstance(notebooks, (str, Path)):
        place = Path(notebooks) if notebooks is not None else bundled("notebooks")
        found = sorted(place.glob("*.ipynb")) if place.is_dir() else [place]
    else:
        found, place = [Path(path) for path in notebooks], Path()
    missing = [path.name for path in found if not path.is_file()]
    if missing:
        raise TaskkitError(f"No such notebook: {', '.join(missing)}. Give a folder, or paths of .ipynb files.")
    if not found:
        raise TaskkitError(f"There is no notebook in {place}. A report needs at least one .ipynb file.")
    names = [path.stem for path in found]
    if "index" in names or len(set(names)) < len(names):
        raise TaskkitError("Two notebooks have the same name, or one is called index: each becomes a page of its name.")
    return sorted(found, key=lambda path: not is_guided(path.stem))


def is_guided(stem: str) -> bool:
    """Whether a notebook of this name is a step of the guided path.

    >>> is_guided("02_tasks"), is_guided("02_tasks-Copy1")
    (True, False)
    """
    return any(station.stem == stem for station in STATIONS)


def read_notebook(path: Path, values: Mapping[str, Any]) -> Any:
    """Read a notebook, drop old outputs and put the values into a cell after the one tagged `parameters`."""
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:  # nbformat raises a ValueError for what is not a notebook
        raise TaskkitError(f"{path.name} cannot be read as a notebook: {error}") from error
    places = [n for n, cell in enumerate(notebook.cells) if PARAMETERS in cell.metadata.get("tags", [])]
    if not places:
        raise TaskkitError(
            f"{path.name} has no cell tagged `{PARAMETERS}`. Tag the code cell that defines {', '.join(values)}, "
            "so that a report can set them."
        )
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    cell = {"cell_type": "code", "metadata": {"tags": ["injected"]}, "source": source, "outputs": []}
    notebook.cells.insert(places[0] + 1, nbformat.from_dict({**cell, "execution_count": None}))  # type: ignore[no-untyped-call]
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    return notebook


async def _run_all(
    paths: Sequence[Path], notebooks: Sequence[Any], scratch: Path, bar: _Progress, *, shared: bool
) -> None:
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def run(number: int) -> None:
        async with places:
            environment = _environment(scratch / f"kernel-{number}", paths, shared=shared)
            await _run_one(paths[number], notebooks[number], scratch / f"kernel-{number}", bar, environment)

    await run(0)
    try:
        async with asyncio.TaskGroup() as group:  # the first failure stops the others
            for number in range(1, len(paths)):
                group.create_task(run(number))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _run_one(path: Path, notebook: Any, scratch: Path, bar: _Progress, environment: Mapping[str, str]) -> None:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    started = time.perf_counter()
    client = NotebookClient(
        notebook,
        km=_kernel(scratch),
        resources={"metadata": {"path": str(path.parent)}},
        shutdown_kernel="immediate",
        on_cell_executed=lambda **_: bar.cell(path.stem),
    )
    try:
        await client.async_execute(cleanup_kc=True, env=environment)
    except CellExecutionError as error:
        raise TaskkitError(_failure(path, notebook, f"{error.ename}: {error.evalue}")) from error
    except DeadKernelError as error:
        raise TaskkitError(_failure(path, notebook, "the kernel died, perhaps for want of memory")) from error
    bar.notebook(path.stem, time.perf_counter() - started)


def _kernel(scratch: Path) -> Any:
    """A kernel of this very interpreter, whatever kernels are installed on the machine."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    folder = scratch / "kernels" / "python3"
    folder.mkdir(parents=True, mode=0o700)
    start = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {"argv": start, "display_name": "Python 3", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(kernel))
    specs = KernelSpecManager(kernel_dirs=[str(folder.parent)], ensure_native_kernel=False)
    connection = scratch / "k.json"
    # a socket file's name may have about 100 characters; TCP is what is left where it would be longer
    transport = "ipc" if os.name == "posix" and len(str(connection)) < 90 else "tcp"
    return AsyncKernelManager(
        kernel_name="python3", kernel_spec_manager=specs, connection_file=str(connection), transport=transport
    )


def _environment(scratch: Path, paths: Sequence[Path], *, shared: bool) -> dict[str, str]:
    """The kernel's environment: static twins instead of widgets, which pages there will be, nothing of the user's settings."""
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    ours = {STATIC_VARIABLE: "1", SHARED_VARIABLE: "1" if shared else "0"}
    ours[PAGES_VARIABLE] = "/".join(path.stem for path in paths)
    return dict(os.environ) | ours | {name: str(scratch / name.lower()) for name in folders}


def _failure(path: Path, notebook: Any, error: str) -> str:
    code = [
        cell for cell in notebook.cells if cell.cell_type == "code" and "injected" not in cell.metadata.get("tags", [])
    ]
    number = next(
        (n for n, cell in enumerate(code, 1) if any(out.output_type == "error" for out in cell.outputs)),
        sum(cell.execution_count is not None for cell in code),
    )
    first = code[number - 1].source.strip().partition("\n")[0] if code and number else ""
    return (
        f"The report stopped: notebook {path.name}, code cell {number} ({first!r}) failed.\n  {error}\n"
        "Open the notebook with `taskkit lab` to look closer; no page was written."
    )


def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end in a thread of its own: works inside a notebook too, and an interrupt stops the kernels."""
    handle: dict[str, Any] = {}

    async def main() -> None:
        handle.update(loop=asyncio.get_running_loop(), task=asyncio.current_task())
        await work

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(asyncio.run, main())
        try:
            while not future.done():  # waiting without an end would sleep through an interrupt
                wait([future], timeout=0.2)
        except KeyboardInterrupt:
            if handle and not handle["loop"].is_closed():
                handle["loop"].call_soon_threadsafe(handle["task"].cancel)
            raise
        future.result()


class _Progress:
    """How far it is, on stderr: a bar in a terminal, one line per notebook elsewhere."""

    def __init__(self, cells: int, *, shown: bool) -> None:
        from tqdm import tqdm

        self.shown = shown
        self.bar = tqdm(total=cells, unit="cell", disable=not (shown and sys.stderr.isatty()), leave=False)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def cell(self, name: str) -> None:
        self.bar.set_description(name)
        self.bar.update()

    def notebook(self, name: str, seconds: float) -> None:
        if self.shown:
            self.bar.write(f"{name}: done in {seconds:.1f} s", file=sys.stderr)
