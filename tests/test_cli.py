"""The command: one readable message when something is wrong, and the place of the pages when it worked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import taskkit
from taskkit import cli
from taskkit.cli.servers import copy_notebooks


def test_report_says_where_the_pages_are(
    make_notebook: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    notebook = make_notebook("00_start_here", "print(METHOD, MIN_PEOPLE)")
    (tmp_path / "desks.csv").write_text("timestamp,app\n")
    monkeypatch.setattr("taskkit.report.notebooks.bundled", lambda name: notebook.parent)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["report", "desks.csv", "--out", "pages", "--method", "gap", "--min-people", "6"]) == 0
    assert "2 pages. Open pages/index.html" in capsys.readouterr().out
    assert "gap 6" in (tmp_path / "pages" / "00_start_here.html").read_text()


def test_an_error_is_one_message_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "no/such/log"]) == 2
    said = capsys.readouterr()
    assert said.err == (
        "taskkit: There is no log at no/such/log. Give an existing file or folder, or leave it out.\n"
    )  # fmt: skip
    assert said.out == ""


def test_an_interrupt_gives_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("taskkit.report.write_report", interrupted)
    assert cli.main(["report"]) == 130


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_an_interrupt_stops_the_kernels_and_leaves_nothing(
    make_notebook: Callable[..., Path], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    temporary = tmp_path_factory.mktemp("t")
    endless = make_notebook("a", "import time, os\nopen(f'{RESULTS}/../{os.getpid()}', 'w')\ntime.sleep(600)")
    (tmp_path / "desks.csv").write_text("timestamp,app\n")
    code = "from taskkit import cli\nfrom taskkit.report import making\n"
    code += f"making.find_notebooks = lambda _: [making.Path({str(endless)!r})]\n"
    code += "import sys\nsys.exit(cli.main(['report', 'desks.csv', '--out', 'pages']))"
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, stderr=subprocess.PIPE
    ) as process:
        end = time.monotonic() + 60
        while not (started := [p for p in temporary.glob("*/*") if p.name.isdigit()]) and time.monotonic() < end:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert (process.returncode, said) == (130, b"taskkit: interrupted\n")
    assert not (tmp_path / "pages").exists()
    assert list(temporary.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(started[0].name), 0)


@pytest.mark.parametrize("command", ["report", "lab"])
def test_a_missing_extra_names_its_cure(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main([command]) == 2
    assert "pip install 'taskkit[lab]'" in capsys.readouterr().err


def test_version_is_printed() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "taskkit.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert said.stdout == f"taskkit {taskkit.__version__}\n"


def test_lab_opens_the_notebooks_of_a_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    asked: list[str] = []

    def run(command: list[str], environment: dict[str, str]) -> int:
        called.append(command)
        settings = Path(environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0]) / "labconfig" / "page_config.json"
        asked.append(settings.read_text())
        return 0

    monkeypatch.setattr("taskkit.cli.servers.run_server", run)
    assert cli.main(["lab", "--no-browser"]) == 0
    assert called[0][1:3] == ["-m", "jupyterlab"]
    assert "--no-browser" in called[0]
    assert Path(called[0][-1]).name == "notebooks"
    assert "announcements" in asked[0]


def test_own_copy_keeps_the_places_and_what_was_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "_bundled"
    for name in ("notebooks/00.ipynb", "samples/ap/ui_log/a.parquet"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("new")
    monkeypatch.setattr("taskkit.report.notebooks.bundled", lambda name: source / name)
    place = copy_notebooks(tmp_path / "mine")
    (place / "00.ipynb").write_text("changed")
    copy_notebooks(tmp_path / "mine")
    assert (place / "00.ipynb").read_text() == "changed"
    assert (place / "../data/samples/ap/ui_log/a.parquet").read_text() == "new"


def test_sample_writes_what_report_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("taskkit.samples", exc_type=ImportError)
    out = os.path.relpath(tmp_path / "s")
    assert cli.main(["sample", "--seed", "3", "--people", "6", "--days", "1", "--out", out]) == 0
    assert list((tmp_path / "s" / "ui_log").glob("*.parquet"))
    assert (tmp_path / "s" / "process_log.csv").is_file()
    assert out in capsys.readouterr().out


def test_new_makes_a_project_of_the_sample_and_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "ap-discovery"
    assert cli.main(["new", str(place), "--later"]) == 0
    said = capsys.readouterr().out
    assert f"taskkit workshop {place}" in said
    assert (place / "project.toml").is_file()
    assert len(list((place / "notebooks").glob("*.ipynb"))) == len(list(Path("notebooks").glob("*.ipynb")))
    assert cli.main(["new", str(place)]) == 2
    assert "never overwritten" in capsys.readouterr().err


def test_document_writes_one_recorded_flow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {
        "timestamp": ["2026-03-02T08:00:00", "2026-03-02T08:00:05"],
        "app": ["erp", "erp"],
        "element_name": ["New", "Save"],
    }
    log = tmp_path / "flow.parquet"
    taskkit.write_log(taskkit.from_table(pl.DataFrame(rows)), log)
    out = tmp_path / "flow.md"
    assert cli.main(["document", str(log), "--out", str(out)]) == 0
    assert "2 steps." in capsys.readouterr().out
    assert "Save" in out.read_text()


def test_mine_takes_a_log_of_many_files_and_says_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {"timestamp": [1_800_000_000 + 9 * n for n in range(60)], "event_name": ["open", "fill", "save"] * 20}
    (tmp_path / "log").mkdir()
    for person in ("p", "q"):
        events = taskkit.from_table(pl.DataFrame(rows).with_columns(user=pl.lit(person)))
        taskkit.write_log(events, tmp_path / "log" / f"{person}.parquet")
    assert cli.main(["mine", str(tmp_path / "log"), "--results", str(tmp_path / "kept"), "--method", "gap"]) == 0
    assert "120 events" in capsys.readouterr().out
    assert list((tmp_path / "kept").rglob("segments.parquet"))


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_who_ends_the_command_ends_the_server(tmp_path: Path) -> None:
    told = tmp_path / "told"
    server = (
        "import pathlib, signal, sys, time\n"
        f"ended = lambda *_: (pathlib.Path({str(told)!r}).write_text('ended'), sys.exit(7))\n"
        "signal.signal(signal.SIGTERM, ended)\nprint('up', flush=True)\ntime.sleep(60)"
    )
    code = "import os, sys\nfrom taskkit.cli.servers import run_server\n"
    code += f"sys.exit(run_server([sys.executable, '-c', {server!r}], os.environ))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == b"up\n"
        command.send_signal(signal.SIGTERM)
        assert command.wait(30) == 7
    assert told.read_text() == "ended"
