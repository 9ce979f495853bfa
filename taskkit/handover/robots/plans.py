"""What a robot does, in whatever language: moves in order, names for values, and what must be filled in."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, field
from typing import Any

from taskkit.automation.rare import FEW_FIELD
from taskkit.handover.contents import Handover
from taskkit.handover.executions import COPIES, WRITES
from taskkit.handover.robots.formulas import read_formula
from taskkit.handover.steps import slug, source_name

_RESERVED = {
    "page", "re", "run", "needed", "shown", "start_page", "main", "json", "sys", "datetime", "source", "sources", "Page",
    "Locator", "sync_playwright", "str", "int", "bool", "dict", "tuple", "range", "ValueError", "print", "open", "id", "type",
    "input", "any", "all", "list", "set", "none", "true", "false", "empty", "space", "round", "match", "case",
    # of the skeletons, and of Robot Framework itself
    "entered", "made", "timeout_ms", "null", "nan", "inf", "infinity", "curdir", "execdir", "tempdir", "options",
    "test_name", "test_tags", "test_documentation", "test_status", "test_message", "prev_test_name", "prev_test_status",
    "prev_test_message", "suite_name", "suite_source", "suite_documentation", "suite_metadata", "suite_status",
    "suite_message", "keyword_status", "keyword_message", "log_level", "log_file", "output_dir", "output_file",
    "report_file", "debug_file",
}  # fmt: skip
_TAKEN = {name.lower().replace("_", "") for name in _RESERVED}
_MADE = ("part", "reformat", "concatenation")
_OPENS = ("navigate", "window_focus", "window_title")
SLOTS = re.compile(r"‹…›|#")  # what stands for changing parts of names


@dataclass(frozen=True)
class Move:
    """One step of the robot."""

    step: dict[str, Any]
    kind: str  # fill, read, click, double_click, right_click, press, wait, outside, todo
    variable: str | None = None  # holds the value that is filled in, or gets the value that is read
    made: tuple[str, ...] = ()  # ("look-up" or "formula", name, inputs…) of a value that is made here


@dataclass
class Plan:
    """The moves, and the names that the skeleton declares."""

    moves: list[Move] = field(default_factory=list)
    arguments: dict[str, str] = field(default_factory=dict)  # name → why it is asked for
    constants: dict[str, str] = field(default_factory=dict)  # name → field
    lookups: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)  # name → inputs, rule
    formulas: dict[str, tuple[int, str, str | None]] = field(
        default_factory=dict
    )  # name → number of inputs, rule, code
    switches: dict[str, str] = field(default_factory=dict)  # name → what it is about
    rounds: dict[str, str] = field(default_factory=dict)  # name → what is repeated
    variables: list[str] = field(default_factory=list)  # of the moves
    start_page: str | None = None
    used: set[str] = field(default_factory=set)

    def name(self, text: str | None, *, otherwise: str = "value", upper: bool = False) -> str:
        """A new name that is safe and not in use."""
        base = slug(text, otherwise=otherwise)
        if keyword.iskeyword(base) or _bare(base) in _TAKEN:
            base += "_value"
        found, number = base, 2
        while _bare(found) in self.used:
            found, number = f"{base}_{number}", number + 1
        self.used.add(_bare(found))
        return found.upper() if upper else found


def _bare(name: str) -> str:
    """The name as Robot Framework compares it: `e_mail` and `Email` are one there."""
    return name.lower().replace("_", "")


def make_plan(handover: Handover, *, desktop: bool) -> Plan:
    """Plan the moves; without `desktop`, what is done outside of the browser is left to a person, its values are asked for."""
    plan = Plan()
    known: dict[str, str] = {}  # field → name that holds its value by then
    for step in handover.steps.iter_rows(named=True):
        here = step["browser"] or desktop
        if (
            plan.start_page is None
            and step["browser"]
            and re.match(r"https?://[^\s\"'<>\\^`{|}]+$", step["address"] or "")
        ):
            plan.start_page = step["address"]
        plan.moves.append(_move(plan, known, step) if here and step["app"] else Move(step, "outside"))
    return plan


def says_which(text: str | None) -> bool:
    """Whether a name is always the same, so that it finds one element."""
    return bool(text) and not SLOTS.search(text or "")


def pattern_of(text: str) -> str:
    """A regular expression for a name with slots.

    >>> pattern_of("Invoice # (‹…›)")
    '^Invoice .+ \\\\(.+\\\\)$'
    """
    return "^" + ".+".join(re.escape(part).replace("\\ ", " ") for part in SLOTS.split(text)) + "$"


def _move(plan: Plan, known: dict[str, str], step: dict[str, Any]) -> Move:
    act = step["act"]
    findable = step["element_id"] or step["element"]
    if act in ("key", "shortcut"):
        return Move(step, "press" if step["keys"] else "todo")
    if act in _OPENS:
        return Move(step, "wait")
    if not findable:
        return Move(step, "todo")
    if act in WRITES:
        return _fill(plan, known, step)
    if act in COPIES or act == "read":
        variable = plan.name(step["element"] or step["element_id"])
        plan.variables.append(variable)
        _remember(known, step, variable)
        return Move(step, "read", variable)
    return Move(step, act if act in ("double_click", "right_click", "click") else "todo")


def _remember(known: dict[str, str], step: dict[str, Any], name: str) -> None:
    name_and_id = f"{step['element']} ({step['element_id']})" if step["element"] and step["element_id"] else None
    for text in (step["element_id"], step["element"], name_and_id):
        if text:
            known[source_name(step["app"], text)] = name


def _fill(plan: Plan, known: dict[str, str], step: dict[str, Any]) -> Move:
    """Where the value comes from decides whether it is a variable, a constant, an argument or made by code."""
    kind, what = step["kind"], step["element"] or step["element_id"]
    sources = list(step["sources"] or [])
    made: tuple[str, ...] = ()
    if kind == "constant":
        variable = plan.name(what, upper=True)
        plan.constants[variable] = what
    elif kind == "copy" and sources:
        variable = _source(plan, known, sources[0])
    elif kind in (*_MADE, "look-up") and sources:
        inputs = tuple(_source(plan, known, source) for source in sources)
        variable = plan.name(what)
        plan.variables.append(variable)
        made = _made(plan, step, inputs, variable)
    else:
        why = (
            "judgement: a person decides what is written"
            if kind == "judgement"
            else "the log does not tell where it comes from"
        )
        variable = plan.name(what)
        plan.arguments[variable] = f"TODO {why} into {what}"
    _remember(known, step, variable)
    return Move(step, "fill", variable, made)


def _made(plan: Plan, step: dict[str, Any], inputs: tuple[str, ...], variable: str) -> tuple[str, ...]:
    rule = step["rule"] or step["value_from"] or ""
    if step["kind"] == "look-up":
        name = plan.name(f"{variable} by {' and '.join(inputs)}", upper=True)
        plan.lookups[name] = (inputs, rule)
        return ("look-up", name, *inputs)
    name = plan.name(f"make {variable}")
    plan.formulas[name] = (len(inputs), rule, read_formula(rule, list(step["sources"] or [])))
    return ("formula", name, *inputs)


def _source(plan: Plan, known: dict[str, str], source: str) -> str:
    """The name that holds a source's value; what no move reads before is asked for."""
    if source not in known or source == FEW_FIELD:  # two fields without a name are not the same field
        known[source] = plan.name(re.sub(r" \([^()]*\)$", "", source.rpartition("›")[2]))
        plan.arguments[known[source]] = f"value of {source}: not read by the robot"
    return known[source]
