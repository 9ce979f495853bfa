"""What is printed, and the page it makes: tables, the machine, its load, and how what was measured compares with what is wanted."""

from __future__ import annotations

import datetime
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

lines: list[str] = []
aims: list[tuple[str, str, str, str]] = []


def say(text: str = "") -> None:
    """Print a line, and keep it for the page."""
    print(text, flush=True)
    lines.append(text)


def head(*names: str) -> None:
    """Begin a table."""
    say(f"\n| {' | '.join(names)} |")
    say(f"|{'---|' * len(names)}")


def row(*cells: Any) -> None:
    """One line of a table."""
    say(f"| {' | '.join(f'{c:,}' if isinstance(c, int) else str(c) for c in cells)} |")


def aim(what: str, wanted: str, clock: str, processor: str = "") -> None:
    """Note what is wanted beside what was found."""
    aims.append((what, wanted, clock, processor))


def load() -> str:
    """The load of the machine now."""
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


def machine() -> str:
    """Where and with what this is measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    used = [
        f"{name} {version}"
        for name in ("polars", "numba", "pm4py", "pandas", "dask", "duckdb")
        if (version := _version(name))
    ]
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB of memory, {platform.system()}; Python "
        f"{platform.python_version()}, {', '.join(used)}; {datetime.date.today():%-d %B %Y}."
    )


def write_page(file: Path, command: str, definitions: str) -> None:
    """Write all that was said as a page, what is wanted and what was found first."""
    table = ["| what | wanted | by the clock | by processor time |", "|---|---|---|---|"]
    table += [f"| {' | '.join(cells)} |" for cells in aims]
    text = [
        "# Results at scale", "", f"`{command}` wrote this page. {machine()}", "", definitions.strip(), "",
        "## What is wanted, and what was found", "", *table, *lines,
    ]  # fmt: skip
    file.write_text("\n".join(text).rstrip() + "\n")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        said = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.split(":", 1)[1].strip() for line in said.splitlines() if line.startswith("model name")),
        platform.machine(),
    )
