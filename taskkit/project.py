"""A folder that holds one engagement: the log, the official flow, names, decisions, results, notebooks and pages."""

from __future__ import annotations

import ast
import json
import os
import secrets
import shutil
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taskkit.activities import read_rules
from taskkit.decisions import JOURNAL
from taskkit.errors import LogFileError, SettingError, TaskkitError, check_choice
from taskkit.log.parquet_files import find_files
from taskkit.privacy import MIN_PEOPLE
from taskkit.segments import METHODS
from taskkit.variants.standards import read_standard

FILE = "project.toml"
VERSION = 1
PARAMETERS = "parameters"  # tag of a notebook's cell that holds the settings
KNOWN = {"": ("version", "name", "files", "settings"), "files": ("log", "process_log", "model", "rules"),
         "settings": ("method", "min_people")}  # fmt: skip
FOLDERS = ("log", "results", "pages", "notebooks")
LINKED_BYTES = 100_000_000  # a log that is larger gets a second name in the project instead of a copy


@dataclass(frozen=True)
class Project:
    """Where everything of one engagement lies; made by `create_project`, read by `open_project`."""

    path: Path
    name: str
    log: Path
    process_log: Path | None
    model: Path | None
    rules: Path
    decisions: Path
    results: Path
    pages: Path
    notebooks: Path
    settings: Mapping[str, Any]


def create_project(
    path: str | Path, *, log: str | Path, process_log: str | Path | None = None, model: str | Path | None = None,
    rules: str | Path | None = None, notebooks: str | Path | None = None, method: str = "model",
    min_people: int = MIN_PEOPLE,
) -> Project:  # fmt: skip
    """Make the folder of an engagement, with copies of everything that it rests on.

    Parameters
    ----------
    path : folder to make; its last part is the project's name. It must not be there yet, or be empty.
    log : UI log, a file, a folder or a pattern; copied into `log/`. Of more than 100 MB nothing is copied where it can be
        helped: files that only their owner may read get a second name there (hard link).
    process_log, model, rules : log of the business systems, official flow (BPMN) and names for screens and activities;
        copied where they are given.
    notebooks : folder of guided notebooks; copied, with the parameters of each pointing to the project.
    method, min_people : segmentation method, and smallest group that is shown; written into `project.toml`.

    Returns
    -------
    The project; its folders have mode 0700, its files 0600.

    Raises
    ------
    SettingError : a setting that is not allowed; all are told. LogFileError : a file cannot be read. TaskkitError : the
    folder is in use; nothing is ever overwritten.

    >>> import tempfile, polars as pl, taskkit as tk
    >>> place = Path(tempfile.mkdtemp())
    >>> events = tk.from_table(pl.DataFrame({"at": [1.8e9], "what": ["open"]}), columns={"timestamp": "at", "event_name": "what"})
    >>> _ = tk.write_log(events, place / "log.parquet")
    >>> create_project(place / "ap-discovery", log=place / "log.parquet", method="gap").settings
    {'method': 'gap', 'min_people': 5}
    """
    place = Path(path)
    _check_free(place)
    files = _check(log, process_log, model, rules, notebooks, method, min_people)
    waiting = place.absolute().parent / f".{place.name}.{secrets.token_hex(4)}"
    try:
        waiting.parent.mkdir(parents=True, exist_ok=True)
        for folder in (waiting, *(waiting / name for name in FOLDERS)):
            folder.mkdir(mode=0o700)
        names = _copy_all(waiting, log, files)
        settings = {"method": method, "min_people": min_people}
        _write(waiting / FILE, _as_toml(place.absolute().name, names, settings))
        linked = any(file.stat().st_nlink > 1 for file in (waiting / "log").rglob("*") if file.is_file())
        _write(waiting / "README.txt", _README.format(name=place.absolute().name, log=names["log"], held=_HELD[linked]))
        if notebooks is not None:
            _copy_notebooks(_read(waiting), Path(notebooks))
        waiting.replace(place)  # a reader never finds half a project
    except OSError as error:
        raise TaskkitError(f"The project {place} cannot be made: {error}. Nothing was left there.") from error
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
    return open_project(place)


def open_project(path: str | Path) -> Project:
    """Read where everything of an engagement lies.

    Parameters
    ----------
    path : folder of the project, or its `project.toml`.

    Raises
    ------
    TaskkitError : not a project, one of a later version, or a `project.toml` that is not as it should be; the message lists
    every fault. LogFileError : a file that it names is missing.

    >>> open_project("no/such/project")
    Traceback (most recent call last):
    ...
    taskkit.errors.TaskkitError: no/such/project is not a project: ...
    """
    place = Path(path)
    project = _read(place.parent if place.name == FILE else place)
    needed = {"log": project.log, "process log": project.process_log, "official flow": project.model}
    missing = [f"the {what} {file}" for what, file in needed.items() if file is not None and not file.exists()]
    if missing:
        raise LogFileError(
            f"The project {project.path} lacks {', '.join(missing)}. Put it back, or change its name in {project.path / FILE}."
        )
    return project


def refresh_project(path: str | Path, *, notebooks: str | Path) -> list[Path]:
    """Add the guided notebooks that a project does not have yet; those that it has are never changed.

    Parameters
    ----------
    path : folder of the project.
    notebooks : folder of guided notebooks.

    Returns
    -------
    The notebooks that were added.

    >>> refresh_project("no/such/project", notebooks="notebooks")
    Traceback (most recent call last):
    ...
    taskkit.errors.TaskkitError: no/such/project is not a project: ...
    """
    return _copy_notebooks(open_project(path), Path(notebooks))


def project_values(project: Project) -> dict[str, Any]:
    """What the parameters of a project's notebooks are, as seen from the folder of notebooks.

    >>> place = Path("a")
    >>> files = dict.fromkeys(("log", "rules", "decisions", "results", "pages", "notebooks"), place)
    >>> project_values(Project(place, "a", **files, process_log=None, model=None, settings={}))["PROCESS_LOG"] is None
    True
    """
    seen = {"LOG": project.log, "PROCESS_LOG": project.process_log, "MODEL": project.model, "RULES": project.rules,
            "RESULTS": project.results}  # fmt: skip
    values: dict[str, Any] = {
        name: None if file is None else f"../{file.relative_to(project.path).as_posix()}" for name, file in seen.items()
    }
    return values | {"METHOD": project.settings.get("method"), "MIN_PEOPLE": project.settings.get("min_people")}


# ---------------------------------------------------------------------------------------------------------------- making
def _check_free(place: Path) -> None:
    if (place / FILE).exists():
        raise TaskkitError(
            f"{place} is a project already, and is never overwritten. Open it, or choose another name for the new one."
        )
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise TaskkitError(f"{place} is there already and not empty. Choose another name for the project.")


def _check(
    log: str | Path, process_log: str | Path | None, model: str | Path | None, rules: str | Path | None,
    notebooks: str | Path | None, method: str, min_people: int,
) -> dict[str, Path]:  # fmt: skip
    """The single files that were given; every fault is told at once, before anything is made."""
    faults = []

    def test(check: Any) -> None:
        try:
            check()
        except TaskkitError as error:
            faults.append(str(error))

    test(lambda: find_files(log))
    given = {"process_log": process_log, "model": model, "rules": rules}
    files = {name: Path(file) for name, file in given.items() if file is not None}
    for name, file in files.items():
        if not file.is_file():
            faults.append(f"There is no {name.replace('_', ' ')} {file}. Give an existing file, or leave it out.")
        elif name == "rules":
            test(lambda: read_rules(files["rules"]))
        elif name == "model":
            test(lambda: read_standard(files["model"]))
    if notebooks is not None and not Path(notebooks).is_dir():
        faults.append(f"There is no folder of notebooks {notebooks}.")
    faults += _faults({"method": method, "min_people": min_people})
    if faults:
        raise SettingError("The project was not made. " + " ".join(faults))
    return files


def _faults(settings: Mapping[str, Any]) -> list[str]:
    faults = []
    try:
        check_choice(settings.get("method", ""), allowed=METHODS, what="segmentation method")
    except SettingError as error:
        faults.append(str(error))
    people = settings.get("min_people")
    if not isinstance(people, int) or isinstance(people, bool) or people < 1:
        faults.append(f"min_people is {people!r}; allowed: a whole number of people, 1 or more.")
    return faults


def _copy_all(place: Path, log: str | Path, files: Mapping[str, Path]) -> dict[str, str]:
    """Copy the files; returns where each lies, relative to the project."""
    found, whole = find_files(log), Path(log).is_dir()
    above = Path(log) if whole else Path(os.path.commonpath([file.parent for file in found]))
    large = sum(file.stat().st_size for file in found) > LINKED_BYTES
    for file in found:
        _copy(file, place / "log" / file.relative_to(above), link=large)
    alone = len(found) == 1 and not whole
    names = {"log": f"log/{found[0].name}" if alone else "log"}
    for name, file in files.items():
        packed = file.suffix.lower() == ".gz"
        kept = {"model": "model.bpmn", "rules": "rules.toml"}.get(
            name, name + "".join(file.suffixes[-2 if packed else -1 :]).lower()
        )
        _copy(file, place / kept)
        names[name] = kept
    return names


def _copy(source: Path, goal: Path, *, link: bool = False) -> None:
    """Copy a file with mode 0600, or link it where only its owner may read it; two files of one name are never put into one."""
    for folder in reversed(goal.parents):
        folder.mkdir(exist_ok=True, mode=0o700)
    if link and not source.is_symlink() and not source.stat().st_mode & 0o077:
        with suppress(OSError):  # another disk, or one that knows no links
            os.link(source, goal)
            return
    with (
        source.open("rb") as stream,
        os.fdopen(os.open(goal, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy,
    ):
        shutil.copyfileobj(stream, copy)


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _as_toml(name: str, files: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    def value(of: Any) -> str:  # JSON's texts and numbers are TOML's, but for one control character
        return json.dumps(of, ensure_ascii=False).replace("\x7f", "\\u007f")

    lines = [
        "# What this engagement rests on. Paths are relative to this folder.",
        f"version = {VERSION}",
        f"name = {value(name)}",
    ]
    for table, entries in (("files", files), ("settings", settings)):
        lines += ["", f"[{table}]", *(f"{key} = {value(of)}" for key, of in entries.items())]
    return "\n".join([*lines, ""])


# --------------------------------------------------------------------------------------------------------------- reading
def _read(place: Path) -> Project:
    file = place / FILE
    if not file.is_file():
        raise TaskkitError(
            f"{place} is not a project: it has no {FILE}. Make one with create_project, or name its folder."
        )
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise TaskkitError(f"{file} cannot be read: it is nested too deeply. Restore the file.") from error
    except (OSError, ValueError) as error:  # tomllib and a wrong encoding raise ValueErrors
        raise TaskkitError(f"{file} cannot be read: {error}. Mend that line, or restore the file.") from error
    version = told.get("version")
    if isinstance(version, int) and not isinstance(version, bool) and version > VERSION:
        raise TaskkitError(f"{file} is of version {version}; this taskkit knows {VERSION}. Install a later taskkit.")
    files, settings = told.get("files", {}), told.get("settings", {})
    fine = version == VERSION and not isinstance(version, bool)
    faults = [] if fine else [f"version is {version!r}; allowed: {VERSION}."]
    if not isinstance(files, dict) or not isinstance(settings, dict):
        raise TaskkitError(f"{file} is not as it should be: files and settings must be tables.")
    name = told.get("name", place.absolute().name)
    if not isinstance(name, str) or not name.strip():
        faults.append(f"name is {name!r}; allowed: a text.")
    if "log" not in files:
        faults.append("files has no log.")
    for table, entries in (("", told), ("files", files), ("settings", settings)):
        unknown = ", ".join(sorted({*entries} - {*KNOWN[table]}))
        if unknown:
            faults.append(
                f"{table or 'the file'} has {unknown}, which is not known; allowed: {', '.join(KNOWN[table])}."
            )
    faults += [
        f"files.{which} is {value!r}; allowed: a path inside the project, and no link that leads out of it."
        for which, value in files.items() if not _is_inside(place, value)
    ] + _faults({"method": "model", "min_people": MIN_PEOPLE} | settings)  # fmt: skip
    if faults:
        raise TaskkitError(f"{file} is not as it should be: {' '.join(faults)}")
    own = {name: place / files[name] if name in files else None for name in ("process_log", "model")}
    return Project(
        place, name, place / files["log"], **own, rules=place / files.get("rules", "rules.toml"),
        decisions=place / JOURNAL, results=place / "results", pages=place / "pages", notebooks=place / "notebooks",
        settings={"method": "model", "min_people": MIN_PEOPLE} | settings,
    )  # fmt: skip


def _is_inside(place: Path, value: Any) -> bool:
    if not isinstance(value, str) or "\0" in value or Path(value).is_absolute() or ".." in Path(value).parts:
        return False
    try:
        whole, found = place.resolve(), (place / value).resolve()
    except (OSError, RuntimeError):  # a ring of links
        return False
    return found != whole and found.is_relative_to(whole)


# ------------------------------------------------------------------------------------------------------------- notebooks
def _copy_notebooks(project: Project, source: Path) -> list[Path]:
    """Copy the notebooks that are not there yet, their parameters pointing to the project."""
    if not source.is_dir():
        raise TaskkitError(f"There is no folder of notebooks {source}.")
    values, added = project_values(project), []
    for file in sorted(source.glob("*.ipynb")):
        goal = project.notebooks / file.name
        if goal.exists():
            continue
        try:
            notebook = json.loads(file.read_text(encoding="utf-8"))
            cells = [cell for cell in notebook["cells"] if PARAMETERS in cell.get("metadata", {}).get("tags", [])]
            for cell in cells:
                cell["source"] = _set_values("".join(cell["source"]), values).splitlines(keepends=True)
        except (ValueError, KeyError, TypeError) as error:
            raise TaskkitError(f"{file} cannot be read as a notebook: {error}.") from error
        _write(goal, json.dumps(notebook, ensure_ascii=False, indent=1) + "\n")
        added.append(goal)
    return added


def _set_values(source: str, values: Mapping[str, Any]) -> str:
    """The source with other values for the names that it sets; everything else stays as it is written."""
    lines = source.splitlines(keepends=True)
    for node in reversed(ast.parse(source).body):
        goal = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(goal, ast.Name) and goal.id in values:
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            rest = lines[last].encode()[(node.value or node).end_col_offset or 0 :].decode()
            value = values[goal.id]
            written = "None" if value is None else json.dumps(value, ensure_ascii=False)
            lines[first : last + 1] = [f"{goal.id} = {written}{rest}"]
    return "".join(lines)


# what the README says of the log: whether it is linked
_HELD = {False: "a copy", True: "linked: the same files as where they were taken from, so delete both in the end"}
_README = """\
{name}: one engagement of task mining, made with taskkit.

What lies where
  project.toml      the settings: which files, which method, the smallest group that is shown
  {log:<17} the recorded desktop work, {held}
  process_log.*     the log of the business systems, a copy (if there is one)
  model.bpmn        the official flow (if there is one)
  rules.toml        names for screens and activities (made when the first rule is written)
  decisions.sqlite  what was decided: findings, names, corrections, marks, verdicts; nothing in it is ever rewritten
  results/          what was computed; it can be deleted at any time and is computed again
  notebooks/        your copies of the guided notebooks; change them as you like, nothing overwrites them
  pages/            pages that were made for sharing

What is private
  Everything but pages/. The log, the results and the decisions hold the work of single people under pseudonyms, and
  titles that may name persons or customers. Keep this folder where only the analysts of this engagement can read it, and
  do not send it by mail. Share pages that `taskkit share` has checked.

What to delete at the end
  The whole folder, with every copy and backup of it, when the time that the recorded people agreed to is over. The key of
  the pseudonyms lies elsewhere: delete it as well. Pages that were shared stay: no single person can be found in them.
"""
