"""The guided notebooks keep their budget: prose and calls, no programs, nothing left over from a run."""

from __future__ import annotations

import ast
import itertools
import statistics
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
GUIDED = sorted(FOLDER.glob("*.ipynb"))
NAMES = {"LOG", "PROCESS_LOG", "RULES", "RESULTS", "METHOD", "MIN_PEOPLE"}

pytestmark = pytest.mark.parametrize("path", GUIDED, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def code(path: Path) -> ast.Module:
    return ast.parse("\n".join(cell.source for cell in cells(path, "code")))


def test_no_outputs_are_kept(path: Path) -> None:
    assert [cell.outputs for cell in cells(path, "code") if cell.outputs] == []
    assert {cell.execution_count for cell in cells(path, "code")} == {None}


def test_it_opens_without_asking_for_a_kernel(path: Path) -> None:
    assert nbformat.read(path, as_version=4).metadata["kernelspec"]["name"] == "python3"


def test_cells_are_short(path: Path) -> None:
    lines = [sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in cells(path, "code")]
    assert statistics.median(lines) <= 3
    assert max(lines) <= 15


def test_the_file_is_small(path: Path) -> None:
    assert path.stat().st_size <= 25_000


def test_prose_is_about_half(path: Path) -> None:
    prose, calls = len(cells(path, "markdown")), len(cells(path, "code"))
    assert 0.35 <= prose / (prose + calls) <= 0.65


def test_no_programs(path: Path) -> None:
    programs = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.AsyncFunctionDef)
    assert [type(node).__name__ for node in ast.walk(code(path)) if isinstance(node, programs)] == []


def test_parameters_are_plain_literals(path: Path) -> None:
    tagged = [cell for cell in cells(path, "code") if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert tagged[0] == cells(path, "code")[0], "the first code cell holds the parameters"
    given = {s.targets[0].id: ast.literal_eval(s.value) for s in ast.parse(tagged[0].source).body}  # type: ignore[attr-defined]
    assert set(given) - {"MODEL"} == NAMES
    assert given["MIN_PEOPLE"] == 5


def test_it_opens_with_one_title_and_asks_one_question(path: Path) -> None:
    first = nbformat.read(path, as_version=4).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert first.source.count("?") == 1
    titles = [line for cell in cells(path, "markdown") for line in cell.source.splitlines() if line.startswith("# ")]
    assert len(titles) == 1


def test_headings_skip_no_level(path: Path) -> None:
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    levels = [len(line) - len(line.lstrip("#")) for line in text.splitlines() if line.startswith("#")]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_it_imports_no_dataframe_or_mining_library(path: Path) -> None:
    used = {n.split(".")[0] for node in ast.walk(code(path)) for n in _imported(node)}
    assert not used & {"pandas", "pm4py", "altair", "ipywidgets", "numpy"}
    assert "taskkit" in used


def test_it_names_no_address_and_no_place_of_a_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "/home/" not in text
    assert '"/' not in "".join(cell.source for cell in cells(path, "code"))


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [name.name for name in node.names] if isinstance(node, ast.Import) else []
