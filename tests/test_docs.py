"""Documentation that cannot rot: every public name is explained, shown in use, and real."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

import taskkit

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
FUNCTIONS = sorted(name for name in taskkit.__all__ if name not in taskkit._MODULES)


def public(name: str) -> Any:
    """A public object; a module that is not there yet skips the test instead of hiding a wrong name."""
    try:
        return getattr(taskkit, name)
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("taskkit."):
            raise
        pytest.skip(f"{error.name} is not written yet")


def used_names() -> set[str]:
    """Names that follow `tk.` or `taskkit.` in the README's and the notebooks' code."""
    notebooks = [nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    code = [*BLOCKS, *(c.source for book in notebooks for c in book.cells if c.cell_type == "code")]
    trees = [ast.parse(text) for text in code]
    return {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("tk", "taskkit")
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_are_explained_with_an_example(name: str) -> None:
    thing = public(name)
    if inspect.isfunction(thing):
        words = inspect.getdoc(thing) or ""
        assert ">>>" in words
        assert words.splitlines()[0].endswith((".", ":"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_are_shown_in_a_notebook_or_the_readme(name: str) -> None:
    if inspect.isfunction(public(name)):
        shown = used_names() | set(re.findall(r"`(?:tk|taskkit)\.(\w+)", README))
        assert name in shown, f"tk.{name} stands in no notebook and not in the README"


INPUTS = {"events", "segments", "process", "model", "path"}  # what several functions need together: frames and a file


@pytest.mark.parametrize("name", FUNCTIONS)
def test_frames_come_first_and_settings_by_name(name: str) -> None:
    thing = public(name)
    if inspect.isfunction(thing):
        first = [p.name for p in inspect.signature(thing).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert len(first) <= 2 or set(first) <= INPUTS


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_names_in_the_readme_exist(block: str) -> None:
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tk":
            assert node.attr in taskkit.__all__


def test_readme_names_the_two_commands() -> None:
    commands = re.findall(r"^uv run (.+)$", README, flags=re.MULTILINE)
    assert commands[:2] == ["taskkit report", "pytest"]


def test_files_that_the_documents_link_to_exist() -> None:
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "capture" / "README.md"]
    links = [(d, link) for d in documents for link in re.findall(r"\]\(([^)#:]+)\)", d.read_text(encoding="utf-8"))]
    assert [link for document, link in links if not (document.parent / link).exists()] == []


def test_versions_agree() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f'version = "{taskkit.__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(taskkit.__version__)}\b", changelog, flags=re.MULTILINE)


def test_the_guided_path_has_its_nine_notebooks() -> None:
    names = [path.stem for path in sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))]
    assert names == [
        "00_start_here", "00_work_at_a_glance", "01_segmentation", "02_tasks", "03_variants", "04_process_overlay",
        "04_the_official_flow", "05_automation", "06_findings",
    ]  # fmt: skip
