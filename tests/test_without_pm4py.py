"""pm4py is optional: without it everything but process discovery works, and that says how to get it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "taskkit"
BORDER = "taskkit.overlay.optional"  # the one file that imports pm4py
BLOCKED = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "pm4py":
            raise ImportError("No module named 'pm4py'", name="pm4py")

sys.meta_path.insert(0, Absent())
"""
EVERY_MODULE = """
import importlib, json, pkgutil, taskkit
names = [found.name for found in pkgutil.walk_packages(taskkit.__path__, "taskkit.")]
names = [name for name in names if not name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(json.dumps(len(names)))
"""
DOCTESTS = """
import doctest, importlib, json, sys, warnings
warnings.simplefilter("error")
done = {name: list(doctest.testmod(importlib.import_module(name))) for name in sys.argv[1:]}
print(json.dumps(done))
"""
NOTEBOOK = """
import json, sys, tempfile
from pathlib import Path
import polars as pl
import taskkit as tk
from taskkit.charts.process_map import process_map
from taskkit.overlay import exports

sample, out = Path(sys.argv[1]), Path(sys.argv[2])
file = min((sample / "ui_log").glob("*.parquet"))
events = tk.name_activities(tk.read_log(file).head(3000))
events = events.with_columns(segment_id=pl.col("app").rle_id())
process = tk.read_process_log(sample / "process_log.xes")
cased = tk.attribute_cases(events, process)
effort = tk.step_effort(cased, process)
chart = process_map(process, effort, min_people=1).to_dict()
sizes = [cased["case_id"].drop_nulls().len(), effort["touch_total_hours"].sum(), len(chart), tk.list_cases(cased, process).height]
for name, write in (("a.xes", exports.write_xes), ("a.json", exports.write_ocel), ("a.sqlite", exports.write_ocel)):
    sizes.append(tk.read_process_log(write(cased, process, out / name)).height)
print(json.dumps([sizes, "pm4py" in sys.modules]))
"""
DISCOVERY = """
import datetime as dt, json
import polars as pl
from taskkit.errors import MissingExtraError
from taskkit.overlay.discovery import discover_model
process = pl.DataFrame({"case_id": ["c"], "activity": ["Enter"], "timestamp": [dt.datetime(2026, 3, 2, tzinfo=dt.UTC)]})
try:
    discover_model(process)
except MissingExtraError as error:
    print(json.dumps(str(error)))
"""


def without_pm4py(code: str, *arguments: str) -> Any:
    """What some code prints in a process in which pm4py cannot be imported."""
    command = [sys.executable, "-c", BLOCKED + code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def imports(path: Path) -> set[str]:
    """Everything a file imports, wherever it does."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return plain | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}


def name_of(path: Path) -> str:
    """The module that a file is."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
NEEDING = {"taskkit.overlay.discovery"}


def test_one_file_imports_pm4py() -> None:
    users = {name for name, path in FILES.items() if any(each.split(".")[0] == "pm4py" for each in imports(path))}
    assert users == {BORDER}
    assert {name for name, path in FILES.items() if BORDER in imports(path)} == NEEDING


def test_every_module_can_be_imported() -> None:
    assert without_pm4py(EVERY_MODULE) > 50


def test_what_stands_on_the_overlay_works() -> None:
    """No other module can reach pm4py (the test above), so these examples are all that might."""
    near = [name for name in FILES if name.startswith(("taskkit.overlay", "taskkit.charts.process"))]
    near = [name for name in near if name not in NEEDING | {BORDER}]
    done = without_pm4py(DOCTESTS, *near)
    assert {name: failed for name, (failed, _) in done.items() if failed} == {}
    assert sum(tried for _, tried in done.values()) > 50


def test_the_way_of_the_notebook_works(tmp_path: Path) -> None:
    sizes, loaded = without_pm4py(NOTEBOOK, str(ROOT / "data/samples/accounts_payable"), str(tmp_path))
    assert all(size > 0 for size in sizes)
    assert loaded is False


def test_its_absence_gets_a_sentence_with_the_cure() -> None:
    said = without_pm4py(DISCOVERY)
    assert said.startswith("A discovered model needs pm4py")
    assert "pip install 'taskkit[lab]'" in said


def test_a_package_that_pm4py_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from taskkit.errors import MissingExtraError
    from taskkit.overlay.optional import import_pm4py

    for name in [name for name in sys.modules if name.split(".")[0] == "pm4py"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="needs pm4py, which needs pandas"):
        import_pm4py()


def test_it_is_imported_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas")
    from taskkit.overlay.optional import import_pm4py

    assert import_pm4py().util.constants.SHOW_PROGRESS_BAR is False  # warnings are errors here
    assert capfd.readouterr() == ("", "")
