"""The order of the modules holds: imports point left, heavy packages are loaded inside functions only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "taskkit"
RECORDER = PACKAGE.parent / "capture" / "taskkit_capture"
ORDER = [
    "kernels", "errors", "schema", "redaction", "privacy", "log", "quality", "activities", "segments", "routines", "tasks",
    "variants", "comparison", "overlay", "automation", "handover", "evaluation", "decisions", "project", "pipeline", "charts",
    "widgets", "report", "cli",
]  # fmt: skip
HEAVY = {
    "pandas", "altair", "ipywidgets", "anywidget", "pm4py", "sklearn", "dask", "distributed", "scipy", "numba", "nbclient",
    "nbconvert", "nbformat", "IPython", "vl_convert", "jupyter_client", "traitlets", "jinja2", "tqdm", "defusedxml", "docx",
}  # fmt: skip
MODULES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """The module or folder directly below the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path, *, top_only: bool = False) -> Iterator[str]:
    """Dotted names that a file imports; `top_only` leaves out those inside functions and those for types only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(_outside_functions(tree)) if top_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} line {node.lineno}: relative import; name the module"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and not for_types:
            yield child
            yield from _outside_functions(child)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_left(path: Path) -> None:
    own = module_of(path)
    used = {name.split(".")[1] for name in imports(path) if name.startswith("taskkit.")}
    if own == "__init__":
        assert not used, "the package's front loads its modules at first use"
    elif own == "samples":  # stands beside the flow
        assert used <= {"samples", "errors", "schema", "privacy", "log"}
    else:
        allowed = {*ORDER[: ORDER.index(own) + 1]} | ({"samples"} if own == "cli" else set())
        assert used <= allowed, f"{own} may import only modules to its left, not {sorted(used - allowed)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_inner_modules_never_import_the_package(path: Path) -> None:
    if module_of(path) != "cli":  # the command asks it for the version
        assert "taskkit" not in set(imports(path))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_inside_functions(path: Path) -> None:
    heavy = {name.split(".")[0] for name in imports(path, top_only=True)} & HEAVY
    compiled = (
        {"numba"} if path.name.endswith("kernels.py") else set()
    )  # a decorator needs it, so the file is loaded inside one
    assert heavy <= compiled


def test_only_overlay_imports_pm4py() -> None:
    users = {module_of(path) for path in MODULES if any(name.split(".")[0] == "pm4py" for name in imports(path))}
    assert users <= {"overlay"}


def test_recorder_imports_only_the_contracts() -> None:
    used = {name for path in RECORDER.rglob("*.py") for name in imports(path) if name.split(".")[0] == "taskkit"}
    assert {name.split(".")[1] for name in used} <= {"errors", "schema", "privacy"}


def test_nothing_imports_the_recorder() -> None:
    assert not [path for path in MODULES if any(name.startswith("taskkit_capture") for name in imports(path))]


def test_no_module_outgrows_400_lines() -> None:
    long = {str(p.relative_to(PACKAGE)): n for p in MODULES if (n := len(p.read_text().splitlines())) > 400}
    assert long == {}
