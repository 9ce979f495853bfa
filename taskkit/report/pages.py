"""Executed notebooks in, self-contained pages out: nothing in them asks a network or names the machine."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from taskkit.report.notebooks import PARAMETERS, is_guided
from taskkit.report.offline import CHART_CLASS, vega_bundle
from taskkit.widgets.guided_path import STATIONS

_ROOM_ONLY = re.compile(
    r"`tk\.|running notebook|In the notebook|JupyterLab"
)  # sentences for who works in the notebooks
ABOUT_CODE = "about-code"  # tag of a markdown cell that only makes sense beside the code
FINDING = "application/x-taskkit-finding+json"
POSTURE = "application/x-taskkit-posture+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
LANGUAGE = "en"
# what a page can show without a kernel, the best first
SHOWN = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]

_HERE = Path(__file__).parent
_LIBRARY = (
    "<!-- Vega -->"  # put in after nbconvert is done: it parses the whole page, which takes long with 0.9 MB more
)


@dataclass(frozen=True)
class Page:
    """One notebook's page: the file's stem, what it is called, what it asks and what it found.

    `number` counts the guided pages from 1 in the order that they are read; a further notebook has none.
    """

    stem: str
    title: str
    question: str
    finding: str
    number: int | None = None

    @property
    def short(self) -> str:
        """The name of its place on the guided path, or its title."""
        return next((station.name for station in STATIONS if station.stem == self.stem), self.title)


def render_pages(
    notebooks: Mapping[str, Any], *, values: Mapping[str, Any], private: Mapping[str, str], show_code: bool,
    facts: Mapping[str, str] | Callable[[Mapping[str, str]], Mapping[str, str]], shared: bool = False,
) -> dict[str, str]:  # fmt: skip
    """Turn executed notebooks into pages and an index that links them.

    Parameters
    ----------
    notebooks : file stem → executed notebook, in reading order, those of the guided path first.
    values : the parameters of the run, as a reader may see them.
    private : text that must not stand in a page → what stands there instead.
    show_code : show the code cells too.
    facts : what the index says about the run: label → text; or a function of the pages that tells it.
    shared : leave out what is said to the room: hints to facilitators, and sentences about the running notebook.

    Returns
    -------
    File name → HTML; `index.html` is the last.
    """
    said = dict(private) | _spoken(notebooks)
    for notebook in notebooks.values():
        _prepare(notebook, values=values, private=said, show_code=show_code)
        for cell in notebook.cells if shared else []:
            cell.source = _without_the_room(cell.source) if cell.cell_type == "markdown" else cell.source
    pages = _number([describe_page(stem, notebook) for stem, notebook in notebooks.items()])
    html = {
        f"{page.stem}.html": _page(notebook, number=number, pages=pages, show_code=show_code)
        for number, (page, notebook) in enumerate(zip(pages, notebooks.values(), strict=True))
    }
    posture = _carried(next(iter(notebooks.values())), POSTURE)
    told = facts(html) if callable(facts) else facts
    return html | {"index.html": _index(pages, posture=posture[0] if posture else [], facts=told)}


def hidden_fact(pages: Mapping[str, str]) -> dict[str, str]:
    """What the pages hide, counted on them: rows of tables that say so, and groups that charts say they leave out.

    >>> hidden_fact({"a": "<td>hidden (fewer than 5 people)</td><p>2 tasks are hidden: seen with fewer than 5 people.</p>"})
    {'Hidden on these pages': 'rows of tables: 1; groups left out of charts and texts: 2, counted page by page.'}
    """
    rows = sum(len(re.findall(r">hidden \(", html)) for html in pages.values())
    groups = 0
    for html in pages.values():
        # a chart says it in its specification and in its label; it counts once
        said = dict.fromkeys(re.findall(r"(?<![\d,])([\d,]+) ([a-z ]{3,60}?) (?:is|are) hidden: seen with fewer", html))
        said |= dict.fromkeys(
            re.findall(r"(?<![\d,])([\d,]+) ([a-z ]{3,60}?) seen with fewer than \d+ people (?:is|are)", html)
        )
        groups += sum(int(number.replace(",", "")) for number, _ in said)
    if not rows and not groups:
        return {"Hidden on these pages": "nothing: no group was too small."}
    return {
        "Hidden on these pages": f"rows of tables: {rows:,}; groups left out of charts and texts: {groups:,}, counted page by page."
    }


def describe_page(stem: str, notebook: Any) -> Page:
    """Title, question and finding of a notebook: its first heading, its first question mark, its last finding."""
    first = next((cell.source for cell in notebook.cells if cell.cell_type == "markdown"), "")
    heading = re.search(r"^#\s+(.+)$", first, flags=re.MULTILINE)
    title = _plain(heading[1]) if heading else stem
    text = _plain(first.replace(heading[0], "", 1) if heading else first)
    question = re.search(r"[^.!?:]*\?", text) or re.search(r"[^.!?:]*\?", title)
    findings = [carried.get("finding", "") for carried in _carried(notebook, FINDING)]
    return Page(stem, title, question[0].strip() if question else "", findings[-1] if findings else "")


def _number(pages: Sequence[Page]) -> list[Page]:
    """Number the pages of the guided path; if none belongs to it, all of them. A copy is told by its file's name."""
    counted = [page for page in pages if is_guided(page.stem)] or list(pages)
    numbers = {page.stem: number for number, page in enumerate(counted, 1)}
    taken = {page.title for page in counted}
    return [
        replace(page, number=numbers[page.stem]) if page.stem in numbers
        else replace(page, title=f"{page.title} ({page.stem})") if page.title in taken else page
        for page in pages
    ]  # fmt: skip


def _spoken(notebooks: Mapping[str, Any]) -> dict[str, str]:
    """What a text calls notebook 05 is a page of another number: pages call it by its title."""
    guided = [stem for stem in notebooks if is_guided(stem)]
    return {f"notebook {stem[:2]}": f"“{describe_page(stem, notebooks[stem]).title}”" for stem in reversed(guided)}


def private_texts(named: Mapping[Path, str]) -> dict[str, str]:
    """Texts that would tell about the machine, and what pages say instead; the longest first.

    Parameters
    ----------
    named : path → the name a reader may see.
    """
    texts = {str(place): name for path, name in named.items() for place in (path, path.absolute(), path.resolve())}
    temporary = Path(tempfile.gettempdir())
    texts |= {str(place): "~" for place in (Path.home(), temporary, temporary.resolve()) if len(place.parts) > 1}
    absolute = {text: name for text, name in texts.items() if Path(text).is_absolute()}
    return dict(sorted(absolute.items(), key=lambda item: -len(item[0])))


def data_digest(*sources: Path | None) -> str:
    """SHA-256 over the files of a log, in order of their names: two reports with the same digest saw the same data."""
    total = hashlib.sha256()
    for source in sources:
        files = [source] if not source or not source.is_dir() else sorted(
            p for p in source.rglob("*") if p.is_file() and not p.name.startswith(".") and p.name != "lock"
        )  # fmt: skip
        for file in files:
            if file is not None:
                with file.open("rb") as stream:
                    total.update(file.name.encode() + hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def run_facts(log: Path, process_log: Path | None, values: Mapping[str, Any]) -> dict[str, str]:
    """What the index says about a run: when, from which data, with which settings and versions."""
    from importlib.metadata import version

    epoch = os.environ.get("SOURCE_DATE_EPOCH")  # reproducible-builds.org: a fixed time gives the same bytes
    made = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    rules = Path(values["RULES"]) if values.get("RULES") else None
    return {
        "Made": f"{made:%d %b %Y %H:%M} UTC",
        "Log": log.name,
        "Process log": process_log.name if process_log else "none",
        "Data (SHA-256)": data_digest(log, process_log, rules)[:16],
        "Names": f"learnt from the log, and the rules of {rules.name}" if rules else "learnt from the log",
        "Segmentation method": str(values["METHOD"]),
        "Smallest group shown": f"{values['MIN_PEOPLE']} people; a log of fewer people is shown in full, see the posture",
        "Versions": f"taskkit {version('taskkit')}, polars {version('polars')}, Python {platform.python_version()}",
    }


def _prepare(
    notebook: Any, *, values: Mapping[str, Any], private: Mapping[str, str], show_code: bool
) -> None:  # fmt: skip
    """Leave what a reader may see: no injected cell, no warnings of the machine, no private text, no live controls."""
    notebook.cells = [cell for cell in notebook.cells if "injected" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        cell.source = _clean(cell.source, private)
        if cell.cell_type != "code":
            continue
        if PARAMETERS in cell.metadata.get("tags", []):
            cell.source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
        cell.metadata = type(cell.metadata)()
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for output in cell.outputs:
            if "text" in output:
                output.text = _clean(output.text, private)
            if WIDGET in output.get("data", {}):
                output.data = {"text/plain": "This control needs a running notebook; the page cannot show it."}
            for kind, content in output.get("data", {}).items():
                if not kind.startswith("image/"):
                    output.data[kind] = _clean(content, private)
    notebook.cells = [cell for cell in notebook.cells if show_code or _speaks_to_readers(cell)]
    notebook.metadata = type(notebook.metadata)()


def _speaks_to_readers(cell: Any) -> bool:
    """Without the code, a page drops the cells that showed nothing and the prose that speaks of the code."""
    if cell.cell_type == "markdown":
        return ABOUT_CODE not in cell.metadata.get("tags", [])
    return bool(cell.get("outputs"))


def _without_the_room(markdown: str) -> str:
    """Prose without hints to facilitators and sentences about the running notebook.

    >>> _without_the_room("## Teach\\n\\nLook here. `tk.mine` does it.\\n\\n> **Facilitator.** Ask.")
    '## Teach\\n\\nLook here.'
    """
    kept = []
    for block in re.split(r"\n{2,}", markdown):
        if block.startswith("> **Facilitator"):
            continue
        said = [part for part in re.split(r"(?<=[.!?])\s+", block) if not _ROOM_ONLY.search(part)]
        kept.append(block if block.startswith(("#", "-", "|")) else " ".join(said))
    return "\n\n".join(block for block in kept if block.strip())


def _clean(content: Any, private: Mapping[str, str]) -> Any:
    if isinstance(content, str):
        for text, name in private.items():
            # a whole path only: /tmp must not touch /srv/tmp or /tmpfs
            content = re.sub(rf"(?<![\w/.~-]){re.escape(text)}(?![\w-])", name.replace("\\", r"\\"), content)
        return re.sub(r"/ipykernel_\d+/\d+\.py", "/cell", content)
    if isinstance(content, Mapping):
        return {key: _clean(value, private) for key, value in content.items()}
    return [_clean(value, private) for value in content] if isinstance(content, list) else content


def _page(notebook: Any, *, number: int, pages: Sequence[Page], show_code: bool) -> str:
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        config=Config({"NbConvertBase": {"display_data_priority": SHOWN}}),
        template_name="lab",  # its cell blocks are used; head, navigation and style are our own
        template_file=str(_HERE / "page.html.j2"),
        language_code=LANGUAGE,
        exclude_anchor_links=True,
        exclude_input=not show_code,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    charts = any(
        f'class="{CHART_CLASS}"' in output.get("data", {}).get("text/html", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )
    given = {
        "page": pages[number],
        "pages": pages,
        "previous": pages[number - 1] if number else None,
        "following": pages[number + 1] if number + 1 < len(pages) else None,
        "style": _style(),
        "library": _LIBRARY if charts else "",
    }
    html, _ = exporter.from_notebook_node(notebook, resources={"taskkit": given})
    return str(html).replace(_LIBRARY, f"<script>{vega_bundle()}</script>", 1) if charts else str(html)


def _index(pages: Sequence[Page], *, posture: Sequence[Sequence[str]], facts: Mapping[str, str]) -> str:
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=True)
    template = environment.get_template("index.html.j2")
    return template.render(language=LANGUAGE, pages=pages, posture=posture, facts=facts, style=_style()) + "\n"


def _style() -> str:
    return (_HERE / "page.css").read_text(encoding="utf-8")


def _carried(notebook: Any, kind: str) -> list[Any]:
    """What outputs carry under a MIME type of our own, in order of the cells."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.data[kind] for output in outputs if kind in output.get("data", {})]


def _plain(markdown: str) -> str:
    """Markdown as running text: no marks, no links, one line."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"\s+", " ", re.sub(r"[*`#>]+|(?<!\w)_+|_+(?!\w)", "", text)).strip()
