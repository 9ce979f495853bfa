"""Marks of business context on charts: a sign before every marked step, way, detour and task, and a line that explains it.

A chart is signed when it becomes a specification, so that all charts are treated alike: what they compare, sort and hand
back after a click are the names without signs; signs are put before labels only when these are drawn.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from taskkit.automation.marks import KINDS, WHATS, read_detour, variant_words
from taskkit.errors import check_choice
from taskkit.privacy import shares_pages
from taskkit.schema import require_columns

SIGNS = "tk_signs"  # the parameter of a signed chart: label, or label and names of its row → signs
_NAMES = (
    "full",
    "place",
    "step",
    "node",
    "activity",
    "task",
    "task_id",
    "app",
    "application",
)  # tell what a row is about
_FIRST = ("line1", "one", "only")  # fields that hold the first line of a name on several lines
_LEAST = 6  # characters of a name that was cut by which it is still known
_GLUE = " ¦ "


class Mark(NamedTuple):
    """One mark that stands: what was marked, as what, by which role, with how many notes."""

    what: str
    subject: str
    task_id: str | None
    kind: str
    role: str
    notes: int

    @property
    def sign(self) -> str:
        return KINDS[self.kind].sign


_standing: list[Mark] = []


def show_marks(marks: pl.DataFrame | None) -> None:
    """Show marks of business context in every chart that is made from now on; None: show none.

    The charts of one notebook or process share this, like a theme. A sign stands before the label of what is marked, and
    a line under the title says what the signs mean, what is marked and by whom. Frames are never changed.

    Parameters
    ----------
    marks : frame of `list_marks`, or None.

    Raises
    ------
    ContractError : a column is missing. SettingError : an unknown mark.

    >>> show_marks(pl.DataFrame({"what": ["task"], "subject": ["Pay"], "task_id": ["T01"], "mark": ["policy"], "role": ["clerk"],
    ...                          "note": ["contract"]}))
    >>> marked("T01  Pay"), marked("T02  Post")
    ('§ T01  Pay', 'T02  Post')
    >>> show_marks(None)
    """
    found: list[Mark] = []
    if marks is not None and marks.height:
        require_columns(marks, "what", "subject", "task_id", "mark", "role", "note", made_by="list_marks")
        for row in marks.iter_rows(named=True):
            check_choice(row["mark"], allowed=KINDS, what="mark")
            check_choice(row["what"], allowed=WHATS, what="marked thing")
        same = ["what", "subject", "task_id", "mark", "role"]
        noted = marks.group_by(same, maintain_order=True).agg(notes=(pl.col("note") != "").sum())
        found = [Mark(*row) for row in noted.select(*same, "notes").iter_rows()]
    _standing[:] = found


def standing_marks() -> tuple[Mark, ...]:
    """The marks that charts show now."""
    return tuple(_standing)


def marked(label: str) -> str:
    """A label with the signs of what it names before it, where charts cannot sign it by themselves (such as in lists)."""
    return _signed(label, [mark for mark in _standing if _names(mark, label)])


def sign_way(steps: Sequence[str], task_id: str) -> str:
    """The signs of a way of doing a task, with a space behind them, or nothing."""
    return _signed("", marks_of_way(steps, task_id))


def marks_of_way(steps: Sequence[str], task_id: str) -> list[Mark]:
    """The marks of a way of doing a task; it is known by its steps, since its number may change."""
    words = variant_words(steps)
    return [m for m in _standing if m.what == "variant" and m.subject == words and m.task_id in (None, task_id)]


def say_marks(marks: Iterable[Mark]) -> list[str]:
    """The lines that explain the signs: what each means, what is marked so, and who said so."""
    lines = []
    for kind, meaning in KINDS.items():
        own: dict[str, list[Mark]] = {}
        for mark in marks:
            if mark.kind == kind:
                own.setdefault(_in_words(mark), []).append(mark)
        if own:
            said = "; ".join(f"{name}{_by(found)}" for name, found in own.items())
            lines.append(f"{meaning.sign} {kind}: marked in the workshop: {said}")
    return lines


def signing(chart: Any) -> Any:
    """The chart, made so that it signs its labels when it becomes a specification; without marks as it is."""
    if not _standing:
        return chart
    kind, standing = type(chart), standing_marks()

    def to_dict(self: Any, *args: Any, **settings: Any) -> Any:
        return sign_spec(kind.to_dict(self, *args, **settings), standing)

    signed = type(kind.__name__, (kind,), {"to_dict": to_dict})
    object.__setattr__(chart, "__class__", signed)  # what is set in the usual way becomes a part of the specification
    return chart


def sign_spec(spec: dict[str, Any], marks: Sequence[Mark]) -> dict[str, Any]:
    """A Vega-Lite specification with signs before the labels of what is marked, and the lines that explain them."""
    if "usermeta" in spec and SIGNS in spec["usermeta"]:
        return spec
    spec = json.loads(json.dumps(spec))  # parts of it may be shared with other charts
    found = _Found(marks)
    _visit(spec, None, spec.get("datasets", {}), found)
    for param in [p for part in _parts(spec) for p in part.get("params", [])]:
        _sign_list(param.get("bind"), found)
    seen = [mark for mark in marks if mark in found.seen]
    if found.signs:
        spec.setdefault("params", []).append({"name": SIGNS, "value": found.signs})
    if seen:
        _explain(spec, say_marks(seen))
    return spec | {"usermeta": {**spec.get("usermeta", {}), SIGNS: len(seen)}} if seen else spec


class _Found:
    """What has been found on the way through a specification: signs by label, and the marks that are shown."""

    def __init__(self, marks: Sequence[Mark]) -> None:
        self.marks, self.signs, self.seen = marks, dict[str, str](), set[Mark]()
        self._of_label: dict[str, list[Mark]] = {}

    def of_label(self, label: str) -> list[Mark]:
        if label not in self._of_label:
            self._of_label[label] = [mark for mark in self.marks if _names(mark, label)]
        return self._of_label[label]

    def keep(self, key: str, marks: Sequence[Mark]) -> bool:
        if marks:
            self.signs[key] = _signed("", marks)
            self.seen.update(marks)
        return bool(marks)


def _visit(
    part: dict[str, Any], table: list[dict[str, str]] | None, datasets: Mapping[str, Any], found: _Found
) -> None:
    """Sign the labels of one part of a chart, then of the parts inside it; `table` is the data it inherits."""
    if "data" in part:
        table = _rows(part["data"], datasets)
    _see_detours(table or [], found)
    channels = part.get("encoding", {})
    for channel, coded in channels.items():
        if not isinstance(coded, dict) or not isinstance(coded.get("field"), str):
            continue
        if channel == "text":
            channels[channel] = _sign_text(coded, table or [], found)
        elif channel in _GUIDES and coded.get("type") in ("nominal", "ordinal"):
            _sign_guide(channel, coded, table or [], found)
    for inner in _inner(part):
        _visit(inner, table, datasets, found)


_GUIDES = {"x": "axis", "y": "axis", "color": "legend", "fill": "legend", "shape": "legend", "row": "header",
           "column": "header"}  # fmt: skip


def _sign_guide(channel: str, coded: dict[str, Any], table: list[dict[str, str]], found: _Found) -> None:
    """Put signs before the labels of an axis, a legend or a header."""
    guide = _GUIDES[channel]
    if (guide in coded and coded[guide] is None) or (coded.get(guide) or {}).get("labels") is False:
        return
    labels = {row[coded["field"]] for row in table if coded["field"] in row}
    hits = [found.keep(label, found.of_label(label)) for label in sorted(labels)]  # all of them, not the first
    if any(hits):
        own = dict(coded.get(guide) or {})
        name = f"(({SIGNS}[datum.label] || '') + datum.label)"
        own["labelExpr"] = own.get("labelExpr", "datum.label").replace("datum.label", name)
        coded[guide] = own


def _sign_text(coded: dict[str, Any], table: list[dict[str, str]], found: _Found) -> dict[str, Any]:
    """A text channel that puts signs before what it writes, row by row: the same word may stand for two things."""
    field = coded["field"]
    about = [name for name in _NAMES if table and name in table[0] and name != field]
    hit = False
    for row in table:
        if field in row and row[field].strip():
            key = _GLUE.join([row[field], *(row[name] for name in about)])
            hit |= found.keep(key, _marks_of_text(field, row, found))
    if not hit:
        return coded
    parts = [f"datum[{json.dumps(name)}]" for name in (field, *about)]
    key = f" + {json.dumps(_GLUE)} + ".join(parts)
    words = f"isValid({parts[0]}) ? ({SIGNS}[{key}] || '') + {parts[0]} : ''"
    return {"value": {"expr": words}}


def _marks_of_text(field: str, row: Mapping[str, str], found: _Found) -> list[Mark]:
    """The marks that concern a text: it names a marked thing, or it is the first line of the name of one."""
    text = row[field]
    marks = list(found.of_label(text))
    for name in ("full", "step", "node", "activity"):
        whole = row.get(name, "").strip()
        if not whole or name == field:
            continue
        place = row.get("place", "").strip() if name == "full" else ""
        in_lines = any(line in row for line in _FIRST)  # then the other lines stand below it
        first = field in _FIRST if in_lines else len(text) > 2 and whole.startswith(text.rstrip("…").rstrip())
        if first:
            marks += found.of_label(f"{whole} · {place}" if place else whole)
    app = row.get("app", row.get("application", text)).strip()
    for mark in found.marks:
        step, application = read_detour(mark.subject) if mark.what == "detour" else ("", "")
        if application and application == app and text.startswith(app[:_LEAST]) and step in row.values():
            marks.append(mark)
    return list(dict.fromkeys(marks))


def _see_detours(table: list[dict[str, str]], found: _Found) -> None:
    """Explain also the detours that a chart shows without a label of their own, such as cells of a table of colours."""
    wanted = [(mark, *read_detour(mark.subject)) for mark in found.marks if mark.what == "detour"]
    for mark, step, application in wanted:
        if any(step in row.values() and application in row.values() for row in table):
            found.seen.add(mark)


def _sign_list(bind: Any, found: _Found) -> None:
    """Put signs before the entries of a list; what the list hands on stays as it is."""
    if not isinstance(bind, dict) or bind.get("input") != "select":
        return
    labels = [str(label) for label in bind.get("labels") or bind.get("options") or []]
    marks = [found.of_label(label) for label in labels]
    if any(marks):
        found.seen.update(mark for each in marks for mark in each)
        bind["labels"] = [_signed(label, each) for label, each in zip(labels, marks, strict=True)]


def _explain(spec: dict[str, Any], lines: list[str]) -> None:
    from taskkit.charts.look import wrap

    title = spec.get("title")
    title = dict(title) if isinstance(title, dict) else {"text": title or "", "anchor": "start"}
    before = title.get("subtitle") or []
    before = [before] if isinstance(before, str) else list(before)
    title["subtitle"] = [*before, *(part for line in lines for part in wrap(line, 150))]
    spec["title"] = title
    said = str(spec.get("description") or "").rstrip(".")
    spec["description"] = ". ".join(filter(None, [said, *lines])) + "."


def _rows(data: Any, datasets: Mapping[str, Any]) -> list[dict[str, str]]:
    """The data of a part as rows of text; data from elsewhere are not known."""
    values = data.get("values") if isinstance(data, dict) else None
    if values is None and isinstance(data, dict):
        values = datasets.get(data.get("name", ""))
    if isinstance(values, str):
        return list(csv.DictReader(io.StringIO(values)))
    if isinstance(values, list):
        return [{name: str(value) for name, value in row.items()} for row in values if isinstance(row, dict)]
    return []


def _inner(part: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("layer", "hconcat", "vconcat", "concat"):
        yield from part.get(name, [])
    if isinstance(part.get("spec"), dict):
        yield part["spec"]


def _parts(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield part
    for inner in _inner(part):
        yield from _parts(inner)


def _names(mark: Mark, label: str) -> bool:
    """Whether a label names what is marked; a name that was cut to fit is known by what is left of it."""
    from taskkit.charts.labels import plain_address

    label = label.strip()
    if mark.what == "task":
        known = mark.task_id or ""
        return label == mark.subject or bool(
            known and (label == known or re.match(re.escape(known) + r"[^\w-]", label))
        )
    if mark.what == "step":
        return any(label == name or _cut(label, name) for name in (mark.subject, plain_address(mark.subject)))
    return mark.what == "detour" and label == mark.subject


def _cut(label: str, name: str) -> bool:
    begin, dots, end = label.partition("…")
    return bool(dots) and len(begin + end) >= _LEAST and name.startswith(begin.rstrip()) and name.endswith(end.lstrip())


def _signed(label: str, marks: Iterable[Mark]) -> str:
    signs = "".join(dict.fromkeys(mark.sign for mark in marks))
    return f"{signs} {label}" if signs else label


def _in_words(mark: Mark) -> str:
    if mark.what == "detour":
        return mark.subject
    if mark.what == "task":
        return f"task {mark.task_id} “{mark.subject}”" if mark.task_id else f"task “{mark.subject}”"
    where = f" in {mark.task_id}" if mark.task_id else ""
    return f"{mark.what if mark.what != 'variant' else 'way'} “{_shortened(mark.subject)}”{where}"


def _shortened(text: str) -> str:
    return text if len(text) <= 90 else text[:89].rstrip(" →·-") + "…"


def _by(marks: Sequence[Mark]) -> str:
    """By which roles, with how many notes; what the notes say is in the table of marks, and stays in the room."""
    if shares_pages():
        return ""
    roles = Counter(mark.role for mark in marks)
    notes = sum(mark.notes for mark in marks)
    said = ", ".join(role for role in roles if role)
    counted = f"{notes} {'note' if notes == 1 else 'notes'}" if notes else ""
    told = ", ".join(filter(None, [f"by {said}" if said else "", counted]))
    return f" ({told})" if told else ""
