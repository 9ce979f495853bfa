"""`import taskkit` loads nothing heavy. How long it takes is measured in benchmarks/import_cost.py, not here."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("pandas", "altair", "ipywidgets", "pm4py", "sklearn", "dask", "distributed", "scipy", "numba", "nbclient",
         "nbconvert", "IPython", "jinja2", "pynput")  # fmt: skip


def loaded_after(code: str) -> set[str]:
    """Top-level packages that are loaded in a fresh process after some code."""
    command = [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize(
    "code",
    ["import taskkit", "import taskkit.report", "import taskkit.cli", "import taskkit as tk; tk.read_log, tk.check, tk.segment"],
)  # fmt: skip
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert loaded_after(code) & set(HEAVY) == set()


def test_the_recorder_package_loads_nothing_heavy() -> None:
    assert loaded_after("import taskkit_capture") & set(HEAVY) == set()
