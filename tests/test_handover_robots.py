"""Robot skeletons: they run, they find what was recorded, and nothing of the log is code in them."""

from __future__ import annotations

import ast
import importlib.util
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from taskkit.automation.transformations import describe, run
from taskkit.errors import SettingError
from taskkit.handover import Handover, describe_work, document_session, write_robot
from taskkit.handover.robots.formulas import read_formula
from taskkit.handover.robots.framework import cell
from taskkit.handover.robots.plans import Plan
from taskkit.handover.robots.playwright import by_id
from taskkit.handover.steps import slug
from tests.handover_frames import FORM, Row, button, enter_invoice, record, shown, write

FORM_PAGE = Path(__file__).with_name("handover_form.html")
EVIL = [
    "x'); __import__('os').system('id') #", '"""\nimport os\n"""', "a\nimport os", "{page.close()}", "${OWNED}    Evaluate    1",
    "\\'); boom(", "x\u2028boom()", "END\n*** Keywords ***\nOwned", "%{HOME}", "‹…›'); x('", "  Evaluate    __import__('os')",
]  # fmt: skip


@pytest.fixture(scope="module")
def work() -> Handover:
    return describe_work(*record(), task_id="T01")


def load(path: Path) -> ModuleType:
    """The generated module; to load it runs none of its steps."""
    about = importlib.util.spec_from_file_location(path.stem, path)
    assert about is not None
    assert about.loader is not None
    module = importlib.util.module_from_spec(about)
    about.loader.exec_module(module)
    return module


def one_session(name: str, element_id: str | None = None, how: str = "click") -> Handover:
    """A recording whose element has a given name."""
    from taskkit.activities import name_activities
    from tests.frames import make_events

    about = {
        "event_type": how,
        "element_name": name,
        "element_id": element_id,
        "element_role": "button",
        "value_digest": "d",
    }
    return document_session(name_activities(make_events([about | FORM, button("Save")])))


def test_the_playwright_skeleton_fills_the_form(work: Handover, tmp_path: Path, window: SimpleNamespace) -> None:
    robot: Any = load(write_robot(work, tmp_path / "robot.py"))
    robot.COMPANY_CODE, robot.DOCUMENT_TYPE = "1000", "KR"  # the TODOs, done
    robot.TAX_CODE_BY_COUNTRY[("DE",)] = "V1"
    robot.run(
        window.page, start_page=FORM_PAGE.as_uri(), invoice_number="INV-1 'x'", vendor="Miller & Son", gross_amount="1.234,50",
        g_l_account="4711", text="", do_text=False,
    )  # fmt: skip
    filled = window.page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('input')].map(i => [i.id || i.name || i.ariaLabel, i.value]))"
    )
    assert filled == {
        "inv.company": "1000", "inv.type": "KR", "inv.number": "INV-1 'x'", "inv.vendor": "Miller & Son", "inv.date": "",
        "inv.amount": "1.234,50", "inv.tax": "V1", "inv.account": "4711", "Text": "",
    }  # fmt: skip
    assert window.page.inner_text("#done") == "posted"
    assert window.errors == []


def test_a_todo_that_was_not_done_ends_with_its_name(work: Handover, tmp_path: Path, window: SimpleNamespace) -> None:
    robot: Any = load(write_robot(work, tmp_path / "robot.py"))
    with pytest.raises(ValueError, match="Company code is not known: see the TODO"):
        robot.run(window.page, start_page=FORM_PAGE.as_uri(), invoice_number="", vendor="", gross_amount="", g_l_account="",
                  text="")  # fmt: skip


def test_every_written_field_is_filled_once(work: Handover, tmp_path: Path) -> None:
    text = write_robot(work, tmp_path / "robot.py").read_text(encoding="utf-8")
    assert re.findall(r"needed\(\w+, '([^']+)'\)\)$", text, re.MULTILINE) == [
        "Company code", "Document type", "Invoice number", "Vendor", "Gross amount", "Tax code", "G/L account", "Text",
    ]  # fmt: skip
    assert "sleep" not in text
    assert "wait_for_timeout" not in text


def test_what_a_person_decides_is_an_argument_with_a_todo(work: Handover, tmp_path: Path) -> None:
    text = write_robot(work, tmp_path / "robot.py").read_text(encoding="utf-8")
    assert "g_l_account: str,  # TODO judgement: a person decides what is written into G/L account" in text
    assert "COMPANY_CODE: str | None = None" in text
    assert "1000" not in text


def test_a_block_that_may_be_left_out_is_an_if(work: Handover, tmp_path: Path) -> None:
    tree = ast.parse(write_robot(work, tmp_path / "robot.py").read_text(encoding="utf-8"))
    do = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run")
    tests = [ast.unparse(node.test) for node in ast.walk(do) if isinstance(node, ast.If)]
    assert tests == ["do_text"]


def test_a_decision_is_an_if_with_its_rule_and_a_todo(tmp_path: Path) -> None:
    decisions = pl.DataFrame({
        "task_id": ["T01"], "after": ["type into Tax code · Invoice - Enter - Horizon ERP"],
        "branches": [["type into G/L account · Invoice - Enter - Horizon ERP", "click Park · Invoice - Enter - Horizon ERP"]],
        "shares": [[0.7, 0.3]], "rule": ["if chrome › Country is rare then click Park"], "fields": [["chrome › Country"]],
        "accuracy": [0.95], "baseline": [0.7], "exceptions": [2], "segments": [42], "people": [7], "why": [None],
    })  # fmt: skip

    def parked(number: int) -> list[Row]:
        return [*enter_invoice(number), *([button("Park")] if number % 4 == 1 else [])]

    work = describe_work(*record(make=parked), task_id="T01", decisions=decisions)
    text = write_robot(work, tmp_path / "robot.py").read_text(encoding="utf-8")
    assert "# TODO decide, the rule in words: if chrome › Country is rare then click Park" in text
    assert "if not usual_way_after_step_11:" in text
    assert "NotImplementedError('TODO: the other ways on: click Park" in text


def test_parts_and_other_forms_become_code(tmp_path: Path) -> None:
    names = ["Ann Lee", "Bo Fox", "Cy Orr", "Di Poe", "Ed Ray", "Flo Day"]

    def split(number: int) -> list[Row]:
        name = f"{names[number % 6]}{'abcdefgh'[number % 8]}"
        plain = {"value_digest": None, "value_length": None}
        return [shown("Name", "", element_id="name", **FORM) | plain | {"value": name},
                write("Last name", "last", "") | plain | {"value": name.split()[1]}, button("Save", "save")]  # fmt: skip

    work = describe_work(*record(make=split), task_id="T01")
    robot: Any = load(write_robot(work, tmp_path / "robot.py"))
    assert work.steps["kind"].to_list() == [None, "part", None]
    assert robot.make_last_name("Max Moritz") == "Moritz"


@pytest.mark.parametrize(
    ("program", "given"),
    [
        ((("token", ",", 1),), "a, b, c"), ((("token", ";", -1),), "a; b"), ((("before", " "),), "Ann Lee"),
        ((("after", "-"), ("case", "lower")), "INV-4711-AB"), ((("before last", "/"),), "a/b/c"), ((("digits", 1),), "a1b22"),
        ((("digits", -1),), "a1b22"), ((("all digits",),), "+61 03-5"), ((("start", 3),), "abcdef"), ((("end", 2),), "abcdef"),
        ((("letter",), ("case", "upper")), "ann"), ((("case", "title"),), "ann lee"), ((("spaces",),), " a  b "),
        ((("no signs",),), "a-b c"), ((("replace", ".", "/"),), "1.2.26"), ((("replace", " ", ""),), "1 2"),
        ((("no zeros",),), "0042"), ((("zeros", 6),), "42"), ((("date", "%d/%m/%Y", "%Y-%m-%d"),), "18/06/1986"),
        ((("date", "%d %B %Y", "%d.%m.%y"),), "18 June 1986"),
    ],
)  # fmt: skip
def test_a_rule_in_words_becomes_the_code_that_it_came_from(program: Any, given: str) -> None:
    import datetime

    code = read_formula(describe(program, "erp › Field"), ["erp › Field"])
    assert code is not None
    assert eval(code, {"datetime": datetime, "re": re}, {"source": given}) == run(program, given)


@pytest.mark.parametrize("kind", ["playwright", "robot"])
@pytest.mark.parametrize("name", EVIL)
def test_names_of_the_log_are_no_code(tmp_path: Path, kind: str, name: str) -> None:
    for how in ("click", "text_input", "copy"):
        for element_id in (None, name):
            path = tmp_path / ("robot.py" if kind == "playwright" else "work.robot")
            text = write_robot(one_session(name, element_id, how), path, kind=kind).read_text(encoding="utf-8")
            assert_harmless(text) if kind == "playwright" else assert_plain_robot(text)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1, max_size=30))
@example(name="x\nboom()\n    y")
@example(name="x\r\x0c\x85\u2028boom()")
@example(name='"""\nboom()\n"""')
@example(name="x'); boom('")
@example(name="x    ${boom}    # y\n*** Keywords ***")
@example(name="http://x/');boom('")
def test_no_name_whatever_breaks_a_skeleton(tmp_path: Path, name: str) -> None:
    work = one_session("Name")
    hostile = {
        c: pl.lit(name) for c in ("element", "activity", "screen", "done", "role", "address", "element_id", "app")
    }
    asked = work.steps.with_columns(**hostile)
    filled = asked.with_columns(act=pl.lit("paste"), kind=pl.lit("look-up"), rule=pl.lit(name), sources=pl.lit([name]))
    for steps in (
        asked,
        filled,
        filled.with_columns(kind=pl.lit("part")),
        filled.with_columns(kind=pl.lit("constant")),
    ):
        evil = replace(work, title=name, task_id=name, steps=steps.with_columns(block=pl.lit(1, pl.UInt32)))
        assert_harmless(write_robot(evil, tmp_path / "robot.py").read_text(encoding="utf-8"))
        assert_plain_robot(write_robot(evil, tmp_path / "work.robot", kind="robot").read_text(encoding="utf-8"))


def assert_harmless(text: str) -> None:
    """Only the calls that the generator itself writes are there, and only its own modules are imported."""
    tree = ast.parse(text)
    imported = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)}
    assert imported == {
        "from __future__ import annotations", "import datetime", "import json", "import re", "import sys",
        "from playwright.sync_api import Locator, Page, sync_playwright",
    }  # fmt: skip
    do = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run")
    called = {node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
              for node in ast.walk(do) if isinstance(node, ast.Call)}  # fmt: skip
    made = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and re.fullmatch(r"make_[a-z0-9_]+", node.name)
    }
    assert called - made <= {
        "set_default_timeout", "goto", "locator", "get_by_role", "get_by_text", "compile", "click", "dblclick", "fill", "needed",
        "shown", "press", "wait_for_load_state", "get",
    }  # fmt: skip
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) and node in ast.walk(do)]


def assert_plain_robot(text: str) -> None:
    """Only the sections and keywords that the generator itself writes are there."""
    lines = text.split("\n")
    assert [line for line in lines if line.startswith("***")] == [
        "*** Settings ***", "*** Variables ***", "*** Tasks ***", "*** Keywords ***"
    ]  # fmt: skip
    body = lines[lines.index("*** Tasks ***") + 2 : lines.index("*** Keywords ***")]
    own = {
        "New Browser", "New Page", "Browser.Wait For Load State", "Browser.Wait For Elements State", "Browser.Click",
        "Browser.Fill Text", "Browser.Click With Options", "Browser.Get Text", "Browser.Get Property", "Browser.Keyboard Key",
        "Desktop.Control Window", "Desktop.Get Element", "Desktop.Click", "Desktop.Set Value", "Desktop.Get Text",
        "Desktop.Get Value", "Needed", "No Operation", "IF", "END",
    }  # fmt: skip
    for line in body:
        cells = [part for part in re.split(r"\s{2,}|\t", line.strip()) if part and not part.startswith("#")]
        keyword = next((part for part in cells if not re.fullmatch(r"\$\{\w+\}=", part)), None)
        assert keyword is None or keyword in own or re.fullmatch(r"(Look Up|Make)( [A-Za-z0-9]+)+", keyword), line
        for part in re.findall(r"(?<!\\)(?:\\\\)*[$@&%]\{([^}]*)\}", "    ".join(cells)):
            assert re.fullmatch(r"\w+", part), line


def test_the_robot_file_is_understood_by_robot_framework(work: Handover, tmp_path: Path) -> None:
    parsing = pytest.importorskip("robot.api.parsing")
    path = write_robot(work, tmp_path / "work.robot", kind="robot")
    problems: list[Any] = []

    class Look(parsing.ModelVisitor):  # type: ignore[misc]
        def generic_visit(self, node: Any) -> None:
            problems.extend(getattr(node, "errors", None) or [])
            super().generic_visit(node)

    model = parsing.get_model(str(path))
    Look().visit(model)
    assert problems == []
    assert [type(section).__name__ for section in model.sections] == [
        "SettingSection", "VariableSection", "TestCaseSection", "KeywordSection"
    ]  # fmt: skip


def test_the_robot_file_reads_and_fills_browser_and_desktop(work: Handover, tmp_path: Path) -> None:
    text = write_robot(work, tmp_path / "work.robot", kind="robot").read_text(encoding="utf-8")
    assert '${invoice_number}=    Desktop.Get Text    name:"Invoice number"' in text
    assert "${entered}=    Needed    ${invoice_number}    Invoice number" in text
    assert r'Browser.Fill Text    css\=[id\="inv.number"], [name\="inv.number"]    ${entered}' in text
    assert "    IF    ${do_text}" in text
    assert "Sleep" not in text


def test_a_block_with_nothing_that_can_be_done_is_whole(work: Handover, tmp_path: Path) -> None:
    nameless = pl.when(pl.col("block").is_null()).then(pl.col("element"))
    work = replace(work, steps=work.steps.with_columns(element=nameless))
    assert_harmless(write_robot(work, tmp_path / "robot.py").read_text(encoding="utf-8"))
    lines = write_robot(work, tmp_path / "work.robot", kind="robot").read_text(encoding="utf-8").splitlines()
    said = [line.strip() for line in lines if not line.strip().startswith("#")]
    first = next(place for place, line in enumerate(said) if line.startswith("IF    ${do_"))
    assert said[first + 1 : first + 3] == ["No Operation", "END"]


def test_endings_and_kinds_are_checked(work: Handover, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"ends with \.py"):
        write_robot(work, tmp_path / "work.robot")
    with pytest.raises(SettingError, match="playwright"):
        write_robot(work, tmp_path / "work.py", kind="playwrite")


@given(st.text(max_size=40))
def test_a_slug_is_an_identifier(text: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", slug(text))


@given(st.text(max_size=40))
def test_a_selector_is_one_quoted_list(text: str) -> None:
    assert re.fullmatch(r'\[id="([^"\\]|\\[0-9a-f]+ )*"\], \[name="([^"\\]|\\[0-9a-f]+ )*"\]', by_id(text))


@given(st.text(max_size=40))
def test_a_cell_stays_one_cell(text: str) -> None:
    made = cell(text)
    assert not re.search(r"\s{2,}|\t|\n", made)
    assert not re.search(r"(?<!\\)(?:\\\\)*[$@&%]\{", made)


def test_the_form_page_asks_for_nothing_outside() -> None:
    assert "http" not in FORM_PAGE.read_text(encoding="utf-8").replace("</html>", "").replace("<html", "")


def test_names_differ_also_without_underscores_and_capitals() -> None:
    plan = Plan()
    names = [plan.name(text) for text in ("E-mail", "Email", "Test name", "Suite name", "Output dir", "Log level")]
    names += [plan.name(text, upper=True) for text in ("Timeout ms", "EMail", "Entered")]
    bare = [name.replace("_", "").lower() for name in names]
    assert len(set(bare)) == len(bare)
    assert not set(bare) & {"testname", "suitename", "outputdir", "loglevel", "timeoutms", "entered"}
