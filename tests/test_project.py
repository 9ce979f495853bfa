"""A folder that holds one engagement."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

import taskkit as tk
from taskkit.errors import LogFileError, SettingError, TaskkitError
from taskkit.project import create_project, open_project, project_values, refresh_project
from taskkit.report import bundled
from tests.conftest import write_notebook
from tests.frames import make_events

SAMPLE = bundled("samples") / "accounts_payable"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "given" / "team").mkdir(parents=True)
    tk.write_log(make_events(["a", "b"]), tmp_path / "given" / "one.parquet")
    tk.write_log(make_events(["a", "b"], user="p_2"), tmp_path / "given" / "team" / "two.parquet")
    return tmp_path / "given"


@pytest.fixture
def guided(tmp_path: Path) -> Path:
    return write_notebook(tmp_path / "guided" / "01_first.ipynb", "print(LOG)").parent


def parameters(notebook: Path) -> dict[str, Any]:
    cells = json.loads(notebook.read_text())["cells"]
    found: dict[str, Any] = {}
    exec("".join(next(c for c in cells if "parameters" in c["metadata"].get("tags", []))["source"]), {}, found)
    return found


def test_a_project_holds_copies_of_what_it_was_given(tmp_path: Path, log: Path) -> None:
    made = create_project(
        tmp_path / "ap", log=log, process_log=SAMPLE / "process_log.csv", model=SAMPLE / "process_model.bpmn"
    )
    shutil.rmtree(log)
    assert tk.read_log(made.log)["user"].unique().sort().to_list() == ["p_1", "p_2"]
    assert made.process_log is not None
    assert made.model is not None
    assert made.process_log.read_bytes() == (SAMPLE / "process_log.csv").read_bytes()
    assert made.model.read_bytes() == (SAMPLE / "process_model.bpmn").read_bytes()


def test_an_opened_project_is_the_one_that_was_made(tmp_path: Path, log: Path) -> None:
    made = create_project(tmp_path / "ap", log=log / "one.parquet", method="gap", min_people=3)
    assert open_project(tmp_path / "ap") == made
    assert open_project(tmp_path / "ap" / "project.toml") == made
    assert (made.name, made.settings, made.log.name) == ("ap", {"method": "gap", "min_people": 3}, "one.parquet")


def test_everything_in_it_is_private(tmp_path: Path, log: Path, guided: Path) -> None:
    made = create_project(tmp_path / "ap", log=log, notebooks=guided)
    places = [made.path, *made.path.rglob("*")]
    assert {stat.S_IMODE(place.stat().st_mode) for place in places if place.is_dir()} == {0o700}
    assert {stat.S_IMODE(place.stat().st_mode) for place in places if place.is_file()} == {0o600}


def test_notebooks_point_to_the_project_and_nothing_else_in_them_changes(
    tmp_path: Path, log: Path, guided: Path
) -> None:
    made = create_project(tmp_path / "ap", log=log, notebooks=guided, min_people=3)
    copy = made.notebooks / "01_first.ipynb"
    assert parameters(copy) == {
        "LOG": "../log", "PROCESS_LOG": None, "RESULTS": "../results", "METHOD": "model", "MIN_PEOPLE": 3,
    }  # fmt: skip
    old, new = (json.loads(file.read_text())["cells"] for file in (guided / "01_first.ipynb", copy))
    assert [cell for cell in new if "parameters" not in cell["metadata"].get("tags", [])] == [
        cell for cell in old if "parameters" not in cell["metadata"].get("tags", [])
    ]


def test_the_guided_notebooks_find_every_file_of_the_project(tmp_path: Path) -> None:
    made = create_project(
        tmp_path / "ap", log=SAMPLE / "ui_log", process_log=SAMPLE / "process_log.csv",
        model=SAMPLE / "process_model.bpmn", notebooks=bundled("notebooks"),
    )  # fmt: skip
    copies = sorted(made.notebooks.glob("*.ipynb"))
    assert [copy.name for copy in copies] == sorted(file.name for file in bundled("notebooks").glob("*.ipynb"))
    for copy in copies:
        own = parameters(copy)
        assert own == {name: value for name, value in project_values(made).items() if name in own}
        assert all((copy.parent / own[name]).exists() for name in ("LOG", "PROCESS_LOG", "MODEL") if name in own)


def test_mining_a_project_keeps_everything_inside_it(tmp_path: Path, log: Path) -> None:
    made = create_project(tmp_path / "ap", log=log)
    tk.Decisions(made.decisions).record("T01", "Use it", kind="name")
    mined = tk.mine(made.log, rules=made.rules, method="gap", results=made.results)
    assert mined.segments["task_name"].unique().to_list() == ["Use it"]
    assert {place.name for place in tmp_path.iterdir()} == {"ap", "given"}


def test_a_project_is_never_overwritten(tmp_path: Path, log: Path) -> None:
    made = create_project(tmp_path / "ap", log=log)
    before = (made.path / "project.toml").read_bytes()
    with pytest.raises(TaskkitError, match="is a project already"):
        create_project(tmp_path / "ap", log=log, method="gap")
    assert (made.path / "project.toml").read_bytes() == before


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path, log: Path) -> None:
    with pytest.raises(TaskkitError, match="not empty"):
        create_project(log, log=log)
    assert not (log / "project.toml").exists()


def test_every_fault_is_told_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"(?s)no file or folder.*no process log.*'modle'.*min_people is 0"):
        create_project(
            tmp_path / "ap", log=tmp_path / "no", process_log=tmp_path / "no.csv", method="modle", min_people=0
        )
    assert [*tmp_path.iterdir()] == []


def test_a_faulty_official_flow_is_told_before_anything_is_made(tmp_path: Path, log: Path) -> None:
    (tmp_path / "flow.bpmn").write_text("<no")
    with pytest.raises(SettingError, match=r"flow\.bpmn"):
        create_project(tmp_path / "ap", log=log, model=tmp_path / "flow.bpmn")
    assert not (tmp_path / "ap").exists()


def test_refreshing_adds_what_is_new_and_leaves_edited_notebooks_alone(tmp_path: Path, log: Path, guided: Path) -> None:
    made = create_project(tmp_path / "ap", log=log, notebooks=guided)
    (made.notebooks / "01_first.ipynb").write_text("mine now")
    write_notebook(guided / "02_second.ipynb", "1 + 1")
    assert [file.name for file in refresh_project(made.path, notebooks=guided)] == ["02_second.ipynb"]
    assert (made.notebooks / "01_first.ipynb").read_text() == "mine now"
    assert parameters(made.notebooks / "02_second.ipynb")["RESULTS"] == "../results"


def test_names_that_need_quoting_survive(tmp_path: Path, log: Path) -> None:
    name = 'büro "A" \\ [1] \x7f'
    assert create_project(tmp_path / name, log=log).name == name


def test_a_foreign_folder_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(TaskkitError, match="is not a project"):
        open_project(tmp_path)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("version = ", "cannot be read"),
        ("version = 2", "Install a later taskkit"),
        ('version = 1\n[files]\nlog = "/etc"\n', "allowed: a path inside the project"),
        ('version = 1\n[files]\nlog = "../log"\n', "allowed: a path inside the project"),
        ("version = 1\n", "files has no log"),
        ("version = 1\nfiles = 3\n", "must be tables"),
        ('version = 1\n[files]\nlog = "."\n', "allowed: a path inside the project"),
        ('version = true\n[files]\nlog = "log"\n', "version is True"),
        ('version = 1\nname = [1]\n[files]\nlog = "log"\n', r"name is \[1\]"),
        ('version = 1\n[files]\nlog = "log"\n[settings]\nmin_poeple = 9\n', "min_poeple, which is not known"),
        ("a = " + "[" * 5000 + "]" * 5000, "cannot be read"),
        (
            'version = 1\n[files]\nlog = "log"\n[settings]\nmethod = "modle"\nmin_people = 0\n',
            "(?s)'modle'.*min_people is 0",
        ),
    ],
)
def test_a_project_file_that_is_not_as_it_should_be_is_refused(tmp_path: Path, written: str, words: str) -> None:
    (tmp_path / "project.toml").write_text(written)
    with pytest.raises(TaskkitError, match=words):
        open_project(tmp_path)


def test_a_log_that_was_taken_away_is_named(tmp_path: Path, log: Path) -> None:
    made = create_project(tmp_path / "ap", log=log)
    shutil.rmtree(made.log)
    with pytest.raises(LogFileError, match="lacks the log"):
        open_project(made.path)


def test_a_log_that_is_a_link_out_of_the_project_is_refused(tmp_path: Path, log: Path) -> None:
    made = create_project(tmp_path / "ap", log=log)
    shutil.rmtree(made.log)
    made.log.symlink_to(log)
    with pytest.raises(TaskkitError, match="no link that leads out of it"):
        open_project(made.path)


def test_a_parameter_with_a_type_points_to_the_project_too(tmp_path: Path, log: Path) -> None:
    guided = write_notebook(tmp_path / "guided" / "01_first.ipynb", "print(LOG)")
    guided.write_text(guided.read_text().replace("LOG = ", "LOG: str = "))
    made = create_project(tmp_path / "ap", log=log, notebooks=guided.parent)
    assert parameters(made.notebooks / "01_first.ipynb")["LOG"] == "../log"
