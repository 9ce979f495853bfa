"""A skeleton for Robot Framework: Browser library for pages, RPA.Windows for other applications."""

from __future__ import annotations

import re

from taskkit.handover.contents import Handover
from taskkit.handover.document import plain_text
from taskkit.handover.flow import Step
from taskkit.handover.robots.plans import SLOTS, Move, Plan, make_plan, pattern_of, says_which
from taskkit.handover.robots.playwright import ROLES, by_id, keys_of
from taskkit.handover.robots.structure import Opening, list_openings

_GAP = "    "
_FIELDS = ("edit", "entry", "textbox", "combo box")
_WINDOWS_KEYS = {"Control": "Ctrl", "Meta": "Win", "ArrowUp": "Up", "ArrowDown": "Down", "ArrowLeft": "Left",
                 "ArrowRight": "Right", "Escape": "Esc", "Shift": "Shift", "Alt": "Alt"}  # fmt: skip
_NEEDED = """
Needed
    [Documentation]    The value, or a clear end where a TODO has not been done.
    [Arguments]    ${value}    ${what}
    IF    $value is None
        Fail    ${what} is not known: see the TODO beside its name.
    END
    RETURN    ${value}
"""


def as_robot(handover: Handover) -> str:
    """The skeleton as Robot Framework source. Texts of the log stand in escaped cells and comments, names are slugs."""
    plan = make_plan(handover, desktop=True)
    body = _body(plan, handover)  # declares switches
    desktop = any(not move.step["browser"] and move.kind != "outside" for move in plan.moves)
    lines = [
        "*** Settings ***",
        f"Documentation    Robot skeleton: {cell(handover.title)}. Made by taskkit from recorded work, for a developer to go on",
        "...    with. Every TODO says what is missing and why. Needs robotframework-browser"
        + (" and, for steps outside of the browser, rpaframework (Windows)." if desktop else "."),
        "Library    Browser    timeout=15s",
        *(["Library    RPA.Windows    AS    Desktop"] if desktop else []),
        "Library    String",
        "",
        "*** Variables ***",
        *_variables(plan),
        "",
        "*** Tasks ***",
        cell(handover.title) or "Recorded work",
        *body,
        "",
        "*** Keywords ***" + _NEEDED.rstrip(),
        *_keywords(plan),
    ]
    return "\n".join(lines) + "\n"


def cell(text: str | None) -> str:
    """A text as one cell: no gap, no variable, no comment, no named argument in it.

    >>> cell("a  ${x} # b=c")
    'a \\\\${x} \\\\# b\\\\=c'
    """
    plain = plain_text(text or "").replace("\\", "\\\\")
    plain = re.sub(r"([$@%&])(?=\{)", r"\\\1", plain)
    plain = re.sub(r"([#=|*])", r"\\\1", plain)
    return re.sub(r"^(\.\.\.|\[)", r"\\\1", plain)


def _comment(text: str) -> str:
    return f"# {plain_text(text)}"


def _variables(plan: Plan) -> list[str]:
    page = cell(plan.start_page) if plan.start_page else "${EMPTY}"
    lines = [f"${{START_PAGE}}    {page}" + ("" if plan.start_page else "    # TODO: the address")]
    lines += [f"${{{name}}}    ${{NONE}}    {_comment('TODO constant: always the same value in ' + what)}"
              for name, what in plan.constants.items()]  # fmt: skip
    lines += [f"${{{name}}}    ${{NONE}}    {_comment('asked for: ' + why)}" for name, why in plan.arguments.items()]
    lines += [f"${{{name}}}    ${{True}}    {_comment(about)}" for name, about in plan.switches.items()]
    lines += [f"${{{name}}}    ${{1}}    {_comment(about)}" for name, about in plan.rounds.items()]
    lines += [f"${{{name}}}    ${{NONE}}    # filled by the steps" for name in plan.variables]
    return lines


def _body(plan: Plan, handover: Handover) -> list[str]:
    lines: list[str] = []
    steps = [move.step for move in plan.moves]
    depth, opened = 1, False
    for place in range(len(steps) + 1):
        for opening in list_openings(place, steps, handover):
            for _ in range(opening.closes):
                depth -= 1
                lines.append(_GAP * depth + "END")
            lines += [_GAP * depth + line for line in _open(plan, opening)]
            depth += opening.opens
        if place == len(steps):
            break
        move, indent = plan.moves[place], _GAP * depth
        step = move.step
        where = " · ".join(filter(None, [step["app"], step["screen"]]))
        lines.append(indent + _comment(f"{step['number']} {where}: {step['done']} {step['element'] or ''}"))
        if step["browser"] and not opened:
            lines += [indent + "New Browser    chromium    headless=False", indent + "New Page    ${START_PAGE}"]
            opened = True
        done = _lines(move, before=steps[place - 1] if place else None)
        if depth > 1 and all(line.startswith("#") for line in done):
            done = [*done, "No Operation"]
        lines += [indent + line for line in done]
    return lines if any(not line.strip().startswith("#") for line in lines) else [*lines, "    No Operation"]


def _open(plan: Plan, opening: Opening) -> list[str]:
    if opening.kind == "block":
        name = plan.name(f"do {opening.about}", otherwise="do")
        plan.switches[name] = f"TODO decide; {opening.share:.0%} of executions do it"
        rule = opening.rule or "what decides it is not known from the log"
        return [_comment(f"TODO decide: {rule}"), f"IF    ${{{name}}}"]
    if opening.kind == "loop":
        name = plan.name(f"rounds of {opening.about}", otherwise="rounds")
        plan.rounds[name] = "TODO how often this is repeated"
        return [f"FOR    ${{round}}    IN RANGE    ${{{name}}}"]
    if opening.kind == "decision":
        name = plan.name(f"usual way after step {opening.number}", otherwise="usual_way")
        plan.switches[name] = f"TODO decide: {opening.rule}"
        return [
            _comment(f"TODO decide, the rule in words: {opening.rule or ''}"), f"IF    not ${{{name}}}",
            f"    Fail    TODO: the other ways on: {cell(opening.about)}", "END",
        ]  # fmt: skip
    return []


def _lines(move: Move, *, before: Step | None) -> list[str]:
    step = move.step
    if move.kind == "outside" or move.kind == "todo":
        return [
            "# TODO: the element was recorded without a name and a stable id, or what was done has no counterpart here"
        ]
    if step["browser"]:
        return _in_browser(move)
    window = [] if before and before["app"] == step["app"] and before["screen"] == step["screen"] else [_window(step)]
    return window + _on_desktop(move)


def _in_browser(move: Move) -> list[str]:
    step = move.step
    if move.kind == "wait":
        return ["Browser.Wait For Load State"]
    if move.kind == "press":
        keys = keys_of(step["keys"])
        return (
            [f"Browser.Keyboard Key    press    {cell(keys)}"]
            if keys
            else [f"# TODO: press {plain_text(step['keys'])}"]
        )
    found, note = _selector(step)
    waits = [*note, f"Browser.Wait For Elements State    {found}    visible"]
    if move.kind == "read":
        how = f"Browser.Get Property    {found}    value" if step["role"] in _FIELDS else f"Browser.Get Text    {found}"
        return [*waits, f"${{{move.variable}}}=    {how}"]
    if move.kind == "fill":
        return [*waits, *_made(move), *_needed(move, "Browser.Fill Text", found)]
    deed = {"click": "", "double_click": "    clickCount=2", "right_click": "    button=right"}[move.kind]
    return [*waits, f"Browser.Click With Options    {found}{deed}" if deed else f"Browser.Click    {found}"]


def _on_desktop(move: Move) -> list[str]:
    step = move.step
    if move.kind == "wait":
        return []
    if move.kind == "press":
        keys = keys_of(step["keys"])
        names = [_WINDOWS_KEYS.get(one, one) for one in (keys or "").split("+")]
        sent = "".join(f"{{{name}}}" if len(name) > 1 else name.lower() for name in names)
        return [f"Desktop.Send Keys    keys={sent}"] if keys else [f"# TODO: press {plain_text(step['keys'])}"]
    found, note = _locator(step)
    waits = [*note, f"Desktop.Get Element    {found}    timeout=15"]
    if move.kind == "read":
        keyword = "Get Value" if step["role"] in _FIELDS else "Get Text"
        return [*waits, f"${{{move.variable}}}=    Desktop.{keyword}    {found}"]
    if move.kind == "fill":
        return [*waits, *_made(move), *_needed(move, "Desktop.Set Value", found)]
    keyword = {"click": "Click", "double_click": "Double Click", "right_click": "Right Click"}[move.kind]
    return [*waits, f"Desktop.{keyword}    {found}"]


def _needed(move: Move, keyword: str, found: str) -> list[str]:
    what = cell(move.step["element"] or move.step["element_id"])
    return [f"${{entered}}=    Needed    ${{{move.variable}}}    {what}", f"{keyword}    {found}    ${{entered}}"]


def _made(move: Move) -> list[str]:
    if not move.made:
        return []
    kind, name, *inputs = move.made
    keyword = ("Look Up " if kind == "look-up" else "") + name.lower().replace("_", " ").title()
    return [f"${{{move.variable}}}=    {keyword}    {_GAP.join(f'${{{one}}}' for one in inputs)}"]


def _keywords(plan: Plan) -> list[str]:
    lines: list[str] = []
    for name, (inputs, rule) in plan.lookups.items():
        asked = _GAP.join(f"${{{one.lower()}}}" for one in inputs)
        lines += ["", f"Look Up {name.lower().replace('_', ' ').title()}", f"    [Arguments]    {asked}",
                  f"    Fail    TODO look-up: which value goes with which? {cell(rule)}"]  # fmt: skip
    for name, (many, rule, code) in plan.formulas.items():
        names = ["source"] if many == 1 else [f"source_{number + 1}" for number in range(many)]
        lines += [
            "",
            name.replace("_", " ").title(),
            f"    [Arguments]    {_GAP.join(f'${{{one}}}' for one in names)}",
            f"    {_comment('rule: ' + rule)}",
        ]
        if code:
            lines += [
                f"    ${{made}}=    Evaluate    {_evaluated(code)}    modules=datetime, re",
                "    RETURN    ${made}",
            ]
        else:
            lines.append(f"    Fail    TODO: write this rule as code: {cell(rule)}")
    return lines


def _evaluated(code: str) -> str:
    """The expression with the keyword's argument as a variable; what would end the cell is escaped."""
    escaped = code.replace("\\", "\\\\").replace("#", "\\#").replace("=", "\\=")
    return re.sub(r"\bsource\b", "$source", escaped).replace("' '", "chr(32)")


def _selector(step: Step) -> tuple[str, list[str]]:
    """The element for the Browser library: by id or name attribute, else by role and name."""
    name, role = step["element"], ROLES.get((step["role"] or "").lower())
    note = (
        [] if not name or says_which(name) else ["# TODO: the name changes from record to record: choose the right one"]
    )
    if step["element_id"] and not note:
        return cell(f"css={by_id(step['element_id'])}"), note
    if name and role:
        quoted = plain_text(name).replace("\\", "\\\\").replace('"', '\\"')
        said = f'[name="{quoted}"s]' if not note else f"[name=/{_slashed(name)}/]"
        return cell(f"role={role}{said}" + (" >> nth=0" if note else "")), note
    if name and not note:
        quoted = plain_text(name).replace("\\", "\\\\").replace('"', '\\"')
        return cell(f'text="{quoted}"'), note
    if name:
        return cell(f"text=/{_slashed(name)}/ >> nth=0"), note
    return cell(f"css={by_id(step['element_id'])}"), note


def _slashed(name: str) -> str:
    return pattern_of(plain_text(name)).replace("/", r"\/")


def _window(step: Step) -> str:
    """The window by the longest part of its title that does not change."""
    parts = [part.strip(" -–|·") for part in SLOTS.split(plain_text(step["screen"] or step["app"] or ""))]
    return f"Desktop.Control Window    {cell(_quoted('subname', max(parts, key=len)))}"


def _locator(step: Step) -> tuple[str, list[str]]:
    """The element for RPA.Windows: by automation id, else by name."""
    name = step["element"]
    note = (
        [] if not name or says_which(name) else ["# TODO: the name changes from record to record: choose the right one"]
    )
    if step["element_id"] and not note:
        return cell(_quoted("id", step["element_id"])), note
    if name and not note:
        return cell(_quoted("name", plain_text(name))), note
    if name:
        return cell(_quoted("regex", pattern_of(plain_text(name)))), note
    return cell(_quoted("id", step["element_id"])), note


def _quoted(strategy: str, text: str) -> str:
    """A locator's value in quotes; it has no escape for them, so a quote ends up as a space."""
    return f'{strategy}:"{plain_text(text).replace(chr(34), " ")}"'
