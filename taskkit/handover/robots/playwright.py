"""A skeleton for Playwright (Python): the browser's steps; what lies outside of it is asked for or left to a person."""

from __future__ import annotations

import re
from typing import Any

from taskkit.handover.contents import Handover
from taskkit.handover.document import plain_text
from taskkit.handover.flow import Step
from taskkit.handover.robots.plans import Move, Plan, make_plan, pattern_of, says_which
from taskkit.handover.robots.structure import Opening, list_openings

ROLES = {
    "button": "button", "link": "link", "hyperlink": "link", "edit": "textbox", "entry": "textbox", "textbox": "textbox",
    "text field": "textbox", "check box": "checkbox", "checkbox": "checkbox", "radio button": "radio", "combo box": "combobox",
    "combobox": "combobox", "list item": "listitem", "menu item": "menuitem", "tab item": "tab", "tab": "tab",
    "cell": "cell", "heading": "heading", "image": "img", "tree item": "treeitem", "option": "option",
}  # fmt: skip
_NAMES = {
    "ctrl": "Control", "control": "Control", "alt": "Alt", "shift": "Shift", "cmd": "Meta", "win": "Meta", "enter": "Enter",
    "return": "Enter", "esc": "Escape", "escape": "Escape", "tab": "Tab", "space": "Space", "up": "ArrowUp",
    "down": "ArrowDown", "left": "ArrowLeft", "right": "ArrowRight", "page_up": "PageUp", "page_down": "PageDown",
    "home": "Home", "end": "End", "delete": "Delete", "backspace": "Backspace", "insert": "Insert",
}  # fmt: skip
_HELPERS = '''

def needed(value: str | None, what: str) -> str:
    """The value, or a clear end where a TODO has not been done."""
    if value is None:
        raise ValueError(f"{what} is not known: see the TODO beside its name.")
    return value


def shown(element: Locator) -> str:
    """What an element shows, once it is there."""
    element.wait_for()
    field = element.evaluate("e => ['INPUT', 'TEXTAREA', 'SELECT'].includes(e.tagName)")
    return element.input_value() if field else element.inner_text().strip()
'''
_MAIN = '''

def main() -> None:
    """Run once with the values of a JSON file: python {file} values.json."""
    with open(sys.argv[1], encoding="utf-8") as file, sync_playwright() as playwright:
        browser = playwright.chromium.launch(headless=False)
        run(browser.new_page(), **json.load(file))
        browser.close()


if __name__ == "__main__":
    main()
'''


def as_playwright(handover: Handover) -> str:
    """The skeleton as Python source. Nothing of the log is code: texts stand in literals and comments, names are slugs."""
    plan = make_plan(handover, desktop=False)
    body = _body(plan, handover)  # declares switches
    title = plain_text(handover.title).replace("\\", "/").replace('"', "'")
    which = (
        plain_text(", ".join(filter(None, [handover.task_id, handover.variant_id])))
        .replace("\\", "/")
        .replace('"', "'")
    )
    head = [
        f'"""Robot skeleton: {title}{f" ({which})" if which else ""}.', "",
        "Made by taskkit from recorded work, for a developer to go on with. Every TODO says what is missing and why.",
        "Steps outside of the browser are not done here.", '"""', "", "from __future__ import annotations", "",
        "import datetime  # noqa: F401", "import json", "import re  # noqa: F401", "import sys", "",
        "from playwright.sync_api import Locator, Page, sync_playwright", "",
        "TIMEOUT_MS = 15_000  # longest wait for an element",
        f"START_PAGE = {plan.start_page or ''!r}" + ("" if plan.start_page else "  # TODO: not recorded, or never the same"),
    ]  # fmt: skip
    parts = [*head, *_declared(plan)]
    text = "\n".join(parts) + "\n" + _HELPERS + _formulas(plan) + _signature(plan) + "\n".join(body) + "\n"
    return text + _MAIN.replace("{file}", "robot.py")


def _declared(plan: Plan) -> list[str]:
    lines = []
    if plan.constants:
        lines += ["", "# TODO constants: the log tells that these values never change, not what they are"]
        lines += [f"{name}: str | None = None  # {plain_text(what)}" for name, what in plan.constants.items()]
    if plan.lookups:
        lines += ["", "# TODO look-ups: fill in which value goes with which"]
        for name, (inputs, rule) in plan.lookups.items():
            lines.append(f"{name}: dict[tuple[str, ...], str] = {{}}  # by {', '.join(inputs)}: {plain_text(rule)}")
    return lines


def _formulas(plan: Plan) -> str:
    out = ""
    for name, (inputs, rule, code) in plan.formulas.items():
        names = ["source"] if inputs == 1 else [f"source_{number + 1}" for number in range(inputs)]
        out += f"\n\ndef {name}({', '.join(f'{one}: str' for one in names)}) -> str:\n    # rule: {plain_text(rule)}\n"
        out += f"    return {code}\n" if code else (
            f"    raise NotImplementedError({'TODO: write this rule as code: ' + plain_text(rule)!r})\n")  # fmt: skip
    return out


def _signature(plan: Plan) -> str:
    lines = ["", "", "def run(", "    page: Page,", "    *,", "    start_page: str = START_PAGE,"]
    asked = [f"    {name}: str,  # {plain_text(why)}" for name, why in plan.arguments.items()]
    asked += [f"    {name}: bool = True,  # {plain_text(about)}" for name, about in plan.switches.items()]
    asked += [f"    {name}: int = 1,  # {plain_text(about)}" for name, about in plan.rounds.items()]
    lines += [*asked, ") -> None:", '    """Do the work once."""', "    page.set_default_timeout(TIMEOUT_MS)"]
    lines += [f"    {name}: str | None = None" for name in plan.variables]
    return "\n".join(lines) + "\n"


def _body(plan: Plan, handover: Handover) -> list[str]:
    lines: list[str] = []
    steps = [move.step for move in plan.moves]
    depth, opened = 1, False
    for place, move in enumerate(plan.moves):
        for opening in list_openings(place, steps, handover):
            depth -= opening.closes
            lines += [f"{'    ' * depth}{line}" for line in _open(plan, opening)]
            depth += opening.opens
        indent = "    " * depth
        step = move.step
        where = " · ".join(filter(None, [step["app"], step["screen"]]))
        lines.append(f"{indent}# {step['number']} {plain_text(where)}: {plain_text(step['done'])}{_object(step)}")
        if step["browser"] and not opened:
            lines.append(f"{indent}page.goto(start_page)")
            opened = True
        done = _lines(move)
        if depth > 1 and all(line.startswith("#") for line in done):
            done.append("pass")
        lines += [indent + line for line in done]
    for opening in list_openings(len(steps), steps, handover):
        depth -= opening.closes
        lines += [f"{'    ' * depth}{line}" for line in _open(plan, opening)]
    return lines


def _open(plan: Plan, opening: Opening) -> list[str]:
    if opening.kind == "block":
        name = plan.name(f"do {opening.about}", otherwise="do")
        plan.switches[name] = (
            f"TODO decide: {opening.rule or 'what decides it is not known'}; {opening.share:.0%} of executions do it"
        )
        return [
            f"# TODO decide: {plain_text(opening.rule or 'what decides it is not known from the log')}",
            f"if {name}:",
        ]
    if opening.kind == "loop":
        name = plan.name(f"rounds of {opening.about}", otherwise="rounds")
        plan.rounds[name] = "TODO how often this is repeated; the log shows repetitions"
        return [f"for _ in range({name}):"]
    if opening.kind == "decision":
        name = plan.name(f"usual way after step {opening.number}", otherwise="usual_way")
        plan.switches[name] = f"TODO decide: {opening.rule}"
        return [
            f"# TODO decide, the rule in words: {plain_text(opening.rule or '')}",
            f"if not {name}:",
            f"    raise NotImplementedError({'TODO: the other ways on: ' + plain_text(opening.about)!r})",
        ]
    return []


def _object(step: Step) -> str:
    text = " ".join(filter(None, [step["role"], f"“{step['element']}”" if step["element"] else None]))
    return f" {plain_text(text)}" if text else ""


def _lines(move: Move) -> list[str]:
    step = move.step
    if move.kind == "outside":
        return ["# outside of the browser: not done here"]
    if move.kind == "wait":
        return ["page.wait_for_load_state()"]
    if move.kind == "press":
        keys = keys_of(step["keys"])
        return [f"page.keyboard.press({keys!r})"] if keys else [f"# TODO: press {plain_text(step['keys'])}"]
    if move.kind == "todo":
        return [
            "# TODO: the element was recorded without a name and a stable id, or what was done has no counterpart here"
        ]
    found, note = _locator(step)
    if move.kind == "read":
        return [*note, f"{move.variable} = shown({found})"]
    if move.kind == "fill":
        return [
            *note,
            *_made(move),
            f"{found}.fill(needed({move.variable}, {plain_text(step['element'] or step['element_id'])!r}))",
        ]
    deed = {"click": "click()", "double_click": "dblclick()", "right_click": 'click(button="right")'}[move.kind]
    return [*note, f"{found}.{deed}"]


def _made(move: Move) -> list[str]:
    if not move.made:
        return []
    kind, name, *inputs = move.made
    values = [f"needed({one}, {one!r})" for one in inputs]
    if kind == "look-up":
        return [f"{move.variable} = {name}.get(({', '.join(values)},))"]
    return [f"{move.variable} = {name}({', '.join(values)})"]


def _locator(step: Step) -> tuple[str, list[str]]:
    """The element by its id, else by role and name; what changes in a name becomes a pattern with a TODO."""
    name, role = step["element"], ROLES.get((step["role"] or "").lower())
    note = (
        [] if not name or says_which(name) else ["# TODO: the name changes from record to record: choose the right one"]
    )
    if step["element_id"] and (not name or says_which(name)):
        return f"page.locator({by_id(step['element_id'])!r})", note
    named = (
        f"name={plain_text(name)!r}, exact=True"
        if says_which(name)
        else f"name=re.compile({pattern_of(plain_text(name or ''))!r})"
    )
    if role and name:
        found = f"page.get_by_role({role!r}, {named})"
    elif says_which(name):
        found = f"page.get_by_text({plain_text(name)!r}, exact=True)"
    elif name:
        found = f"page.get_by_text(re.compile({pattern_of(plain_text(name))!r}))"
    else:
        found = f"page.locator({by_id(step['element_id'])!r})"
    return f"{found}{'.first' if note else ''}", note


def by_id(element_id: str) -> str:
    """A CSS selector for an id or a field's name, with everything in it quoted.

    >>> by_id('inv.number')
    '[id="inv.number"], [name="inv.number"]'
    """
    quoted = "".join(c if re.match(r"[\w.:\- ]", c, re.ASCII) else f"\\{ord(c):x} " for c in element_id)
    return f'[id="{quoted}"], [name="{quoted}"]'


def keys_of(keys: Any) -> str | None:
    """The name that Playwright has for keys; null where it has none.

    >>> keys_of("ctrl+s"), keys_of("f2"), keys_of("media play")
    ('Control+S', 'F2', None)
    """
    parts = [part.strip().lower() for part in str(keys).split("+")]
    named = [_NAMES.get(part, part.upper() if re.fullmatch(r"[a-z0-9]|f\d{1,2}", part) else None) for part in parts]
    if any(part is None for part in named):
        return None
    return "+".join(part for part in named if part)
