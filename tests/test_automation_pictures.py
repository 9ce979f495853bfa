"""Pictures and controls of automation: everything can be opened without a kernel, small groups are hidden, verdicts are kept."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import taskkit as tk
from taskkit.automation import CRITERIA
from taskkit.automation.questionnaire import QUESTIONS
from taskkit.automation.ranking import rank_tasks
from taskkit.charts.automation import VERDICTS, value_feasibility
from taskkit.charts.automation_criteria import criteria_heat
from taskkit.charts.automation_fields import KINDS, field_map
from taskkit.charts.automation_ranks import rank_intervals, savings_cases
from taskkit.charts.automation_steps import routine_strip
from taskkit.charts.automation_told import say_candidate
from taskkit.decisions import Decisions
from taskkit.errors import SettingError, TaskkitError
from taskkit.report.offline import render_chart
from taskkit.widgets.automation import AutomationExplorer, rule_table
from taskkit.widgets.automation_desk import VerdictDesk
from taskkit.widgets.automation_journal import TaskDecisions
from tests.frames import make_events


def make_ranking(verdicts: list[str], **changed: Any) -> pl.DataFrame:
    """A ranking with a task per verdict; what is changed holds for all of them."""
    rows = []
    for number, verdict in enumerate(verdicts, 1):
        row: dict[str, Any] = {"rank": number, "task_id": f"T{number:02}", "task_name": f"Name {number}", "segments": 10 * number,
                               "people": 9, "verdict": verdict, "reason": f"Because of {number}.", "gates": []}  # fmt: skip
        for name, value in (
            *((name, 0.5) for name in CRITERIA),
            ("feasibility", 0.1 * number),
            ("value_hours_per_year", 90.0),
        ):
            row |= {name: value, f"{name}_low": value * 0.8, f"{name}_high": value * 1.2}
        rows.append(row | changed)
    return pl.DataFrame(rows)


def make_transfers(**changed: Any) -> pl.DataFrame:
    rows = []
    for task in ("T01", "T02"):
        for number, kind in enumerate(kind if kind != "too little data" else None for kind in KINDS):
            ruled = kind not in (None, "judgement")
            rows.append({
                "task_id": task, "field": f"erp › Field {number}", "kind": kind, "rule": f"rule {number}", "writes": 40,
                "sources": [f"mail › Source {number}"] if ruled and kind != "constant" else [],
                "explained": 38 if ruled else 0, "share": 0.95 if ruled else None, "violations": 2 if ruled else None,
                "people": 7, "source_people": [7] if ruled and kind != "constant" else [], **changed,
            })  # fmt: skip
    lists = {"sources": pl.List(pl.String), "source_people": pl.List(pl.UInt32)}
    return pl.DataFrame(rows, schema_overrides={"kind": pl.String, "share": pl.Float64} | lists)


def data_of(spec: dict[str, Any], part: dict[str, Any]) -> str:
    """The rows behind a part of a specification, as they stand in it."""
    own = part["layer"][0].get("data", part.get("data")) if "layer" in part else part["data"]
    return str(spec["datasets"][own["name"]] if "name" in own else own["values"])


def text_of(chart: Any) -> str:
    """The specification with the accents, quotes and arrows as they are read."""
    return json.dumps(chart.to_dict(), ensure_ascii=False)


# ----------------------------------------------------------------------------------------------------------- the plane
def test_every_verdict_has_its_own_colour_and_shape() -> None:
    looks = list(VERDICTS.values())
    assert len({colour for colour, _ in looks}) == len({shape for _, shape in looks}) == len(looks)


def test_too_little_data_stands_in_a_strip_of_its_own() -> None:
    chart = value_feasibility(make_ranking(["automate", "too little data"]), min_people=5).to_dict()
    plane, strip = chart["vconcat"][0]["hconcat"][0]["vconcat"]
    assert "Too little data" in strip["title"]["text"]
    assert "T01" in data_of(chart, plane)
    assert "T02" not in data_of(chart, plane)


def test_the_specification_put_together_is_a_valid_one() -> None:
    chart = value_feasibility(make_ranking(["automate", "too little data"]))
    assert chart.to_dict(validate=True) == chart.to_dict()


def test_a_ranking_without_enough_data_has_a_strip_and_no_plane() -> None:
    chart = value_feasibility(make_ranking(["too little data"] * 2))
    assert "too little data" in chart.to_dict()["title"]["text"]
    assert len(chart.to_dict()["vconcat"][0]["hconcat"][0]["vconcat"]) == 1


def test_the_chosen_task_can_be_clicked_on_the_plane_and_in_the_strip() -> None:
    chart = value_feasibility(make_ranking(["automate", "too little data"]), task_id="T02").to_dict()
    pick = next(param for param in chart["params"] if param["name"] == "candidate")
    assert pick["value"] == [{"task_id": "T02"}]
    assert pick["bind"]["options"] == ["T01", "T02"]
    named = set()

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            named.add(part.get("name") if "mark" in part else None)
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else []:
            collect(inner)

    collect(chart)
    assert len(pick["views"]) == 2
    assert set(pick["views"]) <= named


def test_tasks_of_few_people_are_on_no_picture() -> None:
    ranking = make_ranking(["automate", "integrate"]).with_columns(people=pl.Series([9, 3]))
    for chart in (value_feasibility(ranking), criteria_heat(ranking)):
        assert "T02" not in text_of(chart)
        assert "1 task seen with fewer than 5 people is hidden." in text_of(chart)


def test_the_bars_carry_the_intervals_of_every_criterion() -> None:
    chart = value_feasibility(make_ranking(["automate"])).to_dict()
    values = data_of(chart, chart["vconcat"][0]["hconcat"][1])
    for name, criterion in CRITERIA.items():
        assert name.split("_")[0] in values
        assert criterion.unit in values
    assert "40 % to 60 %" in values


def test_a_criterion_that_the_log_cannot_tell_is_not_known() -> None:
    ranking = make_ranking(["automate"]).with_columns(determinism=pl.lit(None, pl.Float64))
    assert "not known" in text_of(value_feasibility(ranking))


def test_the_sentences_tell_gates_effort_money_and_decisions() -> None:
    row = {"task_id": "T01", "task_name": "Pay", "verdict": "leave to judgement", "reason": "A control.", "people": 7,
           "gates": ["It stays with people: four eyes"], "effort": "low", "effort_reason": "few steps",
           "savings_per_year": 1000.0, "savings_per_year_low": 800.0, "savings_per_year_high": 1200.0,
           "net_present_value": -50.0, "payback_months": None, "break_even_runs_per_year": 300.0}  # fmt: skip
    said = " ".join(say_candidate(row))
    for words in ("Closed gate: It stays with people: four eyes.", "Effort to build: low (few steps).", "1,000 a year saved",
                  "(800 to 1,200)", "never paid back", "break-even at 300 runs"):  # fmt: skip
        assert words in said


# ------------------------------------------------------------------------------------------------------ ranks and money
def test_ranks_name_those_that_are_firm_and_hide_those_of_few_people() -> None:
    stability = pl.DataFrame({"task_id": ["T01", "T02"], "task_name": ["A", "B"], "top5_share": [1.0, 0.5],
                              "rank_low": [1, 2], "rank_median": [1, 4], "rank_high": [2, 9]})  # fmt: skip
    assert rank_intervals(stability).to_dict()["title"]["text"].startswith("1 of 2 candidates is in or out")
    assert "T02" not in text_of(rank_intervals(stability, tasks=["T01"]))


def test_a_candidate_pays_only_if_its_low_case_does() -> None:
    worth = {"T01": (1.0, 2.0, 3.0), "T02": (-1.0, 1.0, 2.0), "T03": (-3.0, -2.0, -1.0)}
    cases = pl.DataFrame([
        {"task_id": task, "task_name": task, "case": name, "savings_per_year": 5.0, "net_present_value": value,
         "payback_months": None, "break_even_runs_per_year": 9.0}
        for task, values in worth.items() for name, value in zip(("−20 %", "as assumed", "+20 %"), values, strict=True)
    ], schema_overrides={"payback_months": pl.Float64})  # fmt: skip
    text = text_of(savings_cases(cases))
    assert "1 of 3 candidates pays in every case" in text
    assert "from −20 % to +20 %" in text
    assert all(f"{words}\\n" in text or f"{words}," in text for words in ("pays in no case", "depends on the case"))


# -------------------------------------------------------------------------------------------------------- inside a task
def test_the_field_map_has_a_line_for_each_source_and_none_for_judgement() -> None:
    chart = field_map(make_transfers()).to_dict()
    lines = data_of(chart, chart["layer"][0])
    assert "mail › Source 0→erp › Field 0" in lines
    assert "judgement" not in lines
    assert "judgement: no rule found (40 values, 7 people)" in text_of(field_map(make_transfers()))


def test_the_field_map_opens_every_task_without_a_kernel() -> None:
    chart = field_map(make_transfers(), task_id="T02", names={"T02": "Pay"}).to_dict()
    pick = next(param for param in chart["params"] if param["name"] == "task")
    assert (pick["value"], pick["bind"]["options"]) == ("T02", ["T01", "T02"])
    assert pick["bind"]["labels"][1] == "T02  Pay"


def test_a_rule_that_is_broken_once_does_not_give_all_values() -> None:
    nearly = make_transfers(writes=1000, explained=999, share=0.999, violations=1)
    text = text_of(field_map(nearly))
    assert "99 % of 1,000 values, 7 people, 1 break it" in text
    assert "100 % of 1,000" not in text


def test_fields_of_few_people_are_not_drawn_and_counted() -> None:
    text = text_of(field_map(pl.concat([make_transfers(), make_transfers(people=2, field="erp › Secret")])))
    assert "Secret" not in text
    assert "16 fields written by fewer than 5 people not shown" in text
    assert "at least 5 people" in field_map(make_transfers(people=2)).to_dict()["description"]


def test_the_strip_shows_what_a_robot_takes_and_what_stays() -> None:
    found = pl.DataFrame([
        {"task_id": "T01", "candidate": 1, "taken_by": "robot", "steps": ["open", "type"], "covers_seconds_share": 0.4,
         "segments": 9, "people": 6, "why": "rules", "people_of": [6, 6]},
        {"task_id": "T01", "candidate": 2, "taken_by": "person", "steps": ["reply"], "covers_seconds_share": 0.3,
         "segments": 9, "people": 6, "why": "it reads or writes messages", "people_of": [6]},
        {"task_id": "T01", "candidate": 3, "taken_by": "robot", "steps": ["secret"], "covers_seconds_share": 0.1,
         "segments": 2, "people": 1, "why": "rules", "people_of": [1]},
    ])  # fmt: skip
    text = text_of(routine_strip(found, names={"T01": "Pay"}))
    assert "In T01  Pay a robot could take the steps of 40 % of the time" in text
    assert "2: stays with the person, 1 step, 30 % of the time (9 runs, 6 people)" in text
    assert "secret" not in text


def test_decision_rules_stand_in_words_those_with_a_rule_first() -> None:
    rules = pl.DataFrame({
        "task_id": ["T01", "T01", "T02"], "after": [None, "open", "secret"], "branches": [["a", "b"]] * 3,
        "shares": [[0.6, 0.4]] * 3, "rule": [None, "if Country is AU then a, else b", "x"],
        "why": ["no logged field predicts it", None, None], "accuracy": [0.6, 0.97, 1.0], "baseline": [0.6] * 3,
        "exceptions": [None, 1, 0], "segments": [90, 50, 20], "people": [8, 8, 2], "fields": [[], ["Country"], []],
        "people_of": [[8, 8]] * 3, "source_people": [[], [8], []],
    })  # fmt: skip
    html = rule_table(rules).markup
    assert html.index("if Country is AU") < html.index("no logged field predicts it")
    assert "a (60 %); b (40 %)" in html
    assert "secret" not in html


def test_the_headline_sets_apart_what_does_not_pay() -> None:
    ranking = make_ranking(["automate", "integrate"]).with_columns(net_present_value=pl.Series([5.0, -5.0]))
    assert "of 1 of them the net present value is negative as assumed" in text_of(value_feasibility(ranking))


def test_rare_sources_and_written_values_are_not_on_the_map() -> None:
    told = "the value of chrome › Notes of Erika; else always “HR-SECRET-1”"
    text = text_of(field_map(make_transfers(sources=["chrome › Notes of Erika"], source_people=[1], rule=told)))
    assert "a field of few people" in text
    assert "Erika" not in text
    assert "SECRET" not in text


def test_a_step_of_few_people_is_not_named_on_the_strip() -> None:
    found = pl.DataFrame([{"task_id": "T01", "candidate": 1, "taken_by": "robot", "steps": ["open", "secret"], "people": 6,
                           "covers_seconds_share": 0.4, "segments": 9, "why": "x", "people_of": [6, 2]}])  # fmt: skip
    text = text_of(routine_strip(found))
    assert "open → a step of few people" in text
    assert "secret" not in text


def test_rare_branches_fields_and_values_are_not_in_the_table_of_rules() -> None:
    rules = pl.DataFrame({
        "task_id": ["T01", "T01"], "after": ["open", "open"], "branches": [["post", "erikas way"]] * 2, "shares": [[0.7, 0.3]] * 2,
        "rule": ["if erp › Country is “NZ” then erikas way, else (if “post” was done before then post, else erikas way)", None],
        "why": [None, "no logged field predicts it: with erp › Note of Erika, learnt from others"], "accuracy": [0.9, 0.7],
        "baseline": [0.7] * 2, "exceptions": [1, None], "segments": [50] * 2, "people": [8] * 2,
        "fields": [["erp › Country"], ["erp › Note of Erika"]], "people_of": [[8, 2]] * 2, "source_people": [[8], [1]],
    })  # fmt: skip
    html = rule_table(rules).markup
    assert "erp › Country" in html
    assert "a step of few people" in html
    assert "“post” was done" in html
    assert not re.search("(?i)erika|NZ", html)


@pytest.mark.parametrize(
    "draw", [value_feasibility, criteria_heat, field_map, routine_strip, rank_intervals, savings_cases]
)
def test_where_there_is_nothing_a_picture_says_so(draw: Any) -> None:
    spec = draw(pl.DataFrame({"task_id": [], "people": []})).to_dict()
    assert spec["description"].endswith(".")
    assert spec["layer" if "layer" in spec else "mark"]


# ------------------------------------------------------------------------------------------------------------- controls
def work(people: int = 6) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two tasks done four times by each person: a value is copied from the sheet, another one is composed."""
    rows: list[dict[str, Any]] = []
    for number in range(people * 8):
        one = {"user": f"p_secret{number % people}", "session_id": f"s{number}", "segment_id": number, "active_seconds": 9.0,
               "step": True, "task_id": "T01" if number // people % 2 else "T02"}  # fmt: skip
        for app, field, value, kind in (("sheet", "Number", f"n{number}", "copy"), ("erp", "Number", f"n{number}", "paste"),
                                        ("erp", "Note", f"x{number % 7}", "text_input")):  # fmt: skip
            rows.append(one | {"app": app, "element_id": field, "element_name": field, "value_digest": value,
                               "event_type": kind, "activity": f"{kind} {field} · {app}", "screen": app})  # fmt: skip
    events = make_events(rows)
    grouped = events.group_by("segment_id", "user", "task_id", "session_id", maintain_order=True)
    segments = grouped.agg(
        start=pl.col("timestamp").min(), end=pl.col("timestamp").max(), active_seconds=pl.col("active_seconds").sum(),
        steps=pl.len(), fragments=pl.lit(1), activities=pl.col("activity"), apps=pl.col("app"),
    )  # fmt: skip
    return events, segments.with_columns(task_name=pl.col("task_id"), variant_id=pl.format("{}-V01", "task_id"))


@pytest.fixture(scope="module")
def explorer() -> AutomationExplorer:
    return AutomationExplorer(*work())


@pytest.fixture
def kept(explorer: AutomationExplorer, tmp_path: Path) -> AutomationExplorer:
    """The same explorer with a journal of its own."""
    own = object.__new__(AutomationExplorer)
    path = tmp_path / "decisions.sqlite"
    own.__dict__ |= explorer.__dict__ | {"path": path, "_kept": TaskDecisions(path, explorer.events, explorer.segments)}
    return own


def test_the_settings_of_the_controls_at_first_are_those_of_the_ranking(explorer: AutomationExplorer) -> None:
    settings = {name: control.value for name, control in explorer.controls().items()}
    ranking, assumptions, weights = explorer._changed(settings)
    assert ranking is explorer.ranking
    assert (assumptions, weights) == (explorer.assumptions, explorer.weights)


def test_a_weight_moves_the_feasibility_and_an_assumption_the_money(explorer: AutomationExplorer) -> None:
    weighed = explorer._changed({"weight_determinism": 0.0})[0]
    richer = explorer._changed({"hourly_rate": explorer.assumptions.hourly_rate * 2})[0]
    by_task = [frame.sort("task_id") for frame in (explorer.ranking, weighed, richer)]
    assert by_task[0]["feasibility"].to_list() != by_task[1]["feasibility"].to_list()
    twice = by_task[2]["value_money_per_year"] / by_task[0]["value_money_per_year"]
    assert twice.to_list() == pytest.approx([2.0, 2.0])


def test_moving_a_weight_is_quick_as_the_log_is_measured_once(explorer: AutomationExplorer, monkeypatch: Any) -> None:
    monkeypatch.setattr("taskkit.widgets.automation.keep_criteria", lambda *_, **__: pytest.fail("measured again"))
    explorer.draw(weight_determinism=1.5)
    began = time.process_time()
    explorer.draw(weight_determinism=2.0)
    assert time.process_time() - began < 0.9  # 0.2 s where nothing else runs


def test_a_page_without_a_kernel_shows_plane_cases_and_assumptions(
    explorer: AutomationExplorer, monkeypatch: Any
) -> None:
    monkeypatch.setenv("TASKKIT_STATIC", "1")
    tk.start_notebook()
    html = tk.widgets.show(explorer)._repr_mimebundle_()["text/html"]
    assert html.count("tk-chart") >= 2
    assert re.search(r"hourly rate</td><td[^>]*>40</td>", html)
    assert "p_secret" not in html


def test_a_live_control_redraws_the_plane_and_the_cases(explorer: AutomationExplorer) -> None:
    box = explorer.live()
    moved, plane = box.children[1], box.children[2]
    before = plane.outputs
    moved.children[0].children[0].value = 3.0
    assert plane.outputs != before


def test_a_verdict_is_accepted_with_role_and_reason_and_told_on_the_page(kept: AutomationExplorer) -> None:
    number = kept.decide("T01", accept=True, why="rule-based <b>", role="process owner")
    assert number == 1
    verdict = kept.ranking.filter(task_id="T01")["verdict"][0]
    assert kept.decided is not None
    assert kept.decided.select("subject", "decision", "why", "role").row(0) == (
        "T01", f"accepted: {verdict}", "rule-based <b>", "process owner",
    )  # fmt: skip
    assert "as process owner: accepted" in text_of(value_feasibility(kept.ranking, decided=kept.decided))
    assert "rule-based &lt;b&gt;" in VerdictDesk(kept).static().markup


def test_who_decides_anew_takes_the_own_decision_back_and_not_another_ones(kept: AutomationExplorer) -> None:
    kept.decide("T01", accept=True, why="fits", role="owner")
    kept.decide("T01", accept=True, why="agreed", role="clerk")
    kept.decide("T01", accept=False, why="fields move", role="owner", instead="fix the process")
    assert kept.decided is not None
    assert kept.decided["role"].to_list() == ["clerk", "owner"]
    assert kept.decided["decision"][1].endswith("; instead: fix the process")


@pytest.mark.parametrize(("changed", "words"), [({"why": " "}, "reason"), ({"role": ""}, "role"), ({"task_id": "T9"}, "T9"),
                                                ({"instead": "dance"}, "dance")])  # fmt: skip
def test_a_decision_without_what_it_needs_is_refused(kept: AutomationExplorer, changed: Any, words: str) -> None:
    settings: dict[str, Any] = {"task_id": "T01", "accept": False, "why": "so", "role": "owner"} | changed
    with pytest.raises(SettingError, match=words):
        kept.decide(settings.pop("task_id"), **settings)
    assert kept.decided is None


def test_a_rejected_verdict_is_not_its_own_alternative(kept: AutomationExplorer) -> None:
    verdict = kept.ranking.filter(task_id="T01")["verdict"][0]
    with pytest.raises(SettingError, match="already"):
        kept.decide("T01", accept=False, why="so", role="owner", instead=verdict)


def test_an_answer_is_kept_and_changes_the_verdict(kept: AutomationExplorer) -> None:
    kept.answer("T01", "control", "four eyes")
    row = kept.ranking.filter(task_id="T01").row(0, named=True)
    assert row["verdict"] == "leave to judgement" or row["verdict"] == "too little data"
    assert any("four eyes" in gate for gate in row["gates"])
    kept.answer("T01", "control", "no")
    assert kept.context == {"T01": {"control": "no"}}
    assert not any("four eyes" in gate for gate in kept.ranking.filter(task_id="T01")["gates"][0])


def test_an_answer_that_cannot_be_read_is_not_kept(kept: AutomationExplorer) -> None:
    with pytest.raises(SettingError):
        kept.answer("T01", "error_rate", "often")
    assert kept.context == {}


def test_without_results_nothing_can_be_recorded(explorer: AutomationExplorer) -> None:
    with pytest.raises(TaskkitError, match="give results="):
        explorer.decide("T01", accept=True, why="fits", role="owner")
    assert "No verdict has been accepted" in explorer.decisions().markup


def test_the_desk_records_by_button_and_says_what_is_missing(kept: AutomationExplorer) -> None:
    box = VerdictDesk(kept).live()
    _, task, _, role, why, buttons, asked, _, said, listed = box.children
    task.value = "T02"
    buttons.children[0].click()
    assert "reason" in said.value
    role.value, why.value = "owner", "rule-based"
    buttons.children[0].click()
    assert "Recorded as number 1" in said.value
    assert "rule-based" in listed.value
    assert len(asked.options) == len(QUESTIONS)


def test_a_small_group_cannot_be_decided_about_or_named() -> None:
    events, segments = work()
    few = segments.filter((pl.col("task_id") == "T01") | (pl.col("user") == "p_secret0"))
    own = AutomationExplorer(events.filter(pl.col("segment_id").is_in(few["segment_id"].implode())), few)
    with pytest.raises(SettingError):
        own.decide("T02", accept=True, why="fits", role="owner")
    assert "T02" not in json.dumps(own.cases().to_dict())


def test_the_ranking_is_that_of_the_functions(explorer: AutomationExplorer) -> None:
    assert explorer.ranking.equals(rank_tasks(explorer._measured, assumptions=explorer.assumptions))


# -------------------------------------------------------------------------------------------------------------- browser
def test_a_click_opens_a_task_in_a_page_without_a_kernel(window: Any, tmp_path: Path) -> None:
    from taskkit.report.offline import vega_bundle

    chart = value_feasibility(make_ranking(["automate", "integrate", "too little data"]))
    markup = render_chart(chart.to_dict())["text/html"]
    page = tmp_path / "page.html"
    page.write_text(f"<meta charset=utf-8><script>{vega_bundle()}</script>{markup}", encoding="utf-8")
    window.page.goto(page.as_uri())
    window.page.wait_for_selector("svg")
    assert "Because of 1." in window.page.text_content("svg")
    window.page.select_option("select", label="T02  Name 2")
    window.page.wait_for_function("document.querySelector('svg').textContent.includes('Because of 2.')")
    window.page.locator("svg .beside_plane_1_marks path, svg [class*=beside_plane] path").first.click()
    window.page.wait_for_function("document.querySelector('svg').textContent.includes('Because of 3.')")
    assert not window.errors


def test_a_negative_habit_is_shown_as_none() -> None:
    text = text_of(value_feasibility(make_ranking(["automate"], personal_habit=-0.2)))
    assert "-20 %" not in text
    assert "−20 %" not in text


def two_screens(tmp_path: Path) -> tuple[TaskDecisions, TaskDecisions]:
    events, segments = work()
    return tuple(TaskDecisions(tmp_path / "decisions.sqlite", events, segments) for _ in range(2))  # type: ignore[return-value]


def test_a_screen_does_not_take_back_what_it_has_not_shown(tmp_path: Path) -> None:
    one, two = two_screens(tmp_path)
    one.record("T01", "accepted: automate", kind="verdict", why="fits", role="owner")
    two.record("T01", "rejected: automate", kind="verdict", why="no", role="owner")
    journal = Decisions(tmp_path / "decisions.sqlite")
    assert journal.list()["decision"].to_list() == ["accepted: automate", "rejected: automate"]
    assert journal.conflicts().select("earlier", "later").rows() == [(1, 2)]


def test_who_has_seen_the_other_ones_verdict_replaces_it(tmp_path: Path) -> None:
    one, two = two_screens(tmp_path)
    one.record("T01", "accepted: automate", kind="verdict", why="fits", role="owner")
    two.show()
    two.record("T01", "rejected: automate", kind="verdict", why="no", role="owner")
    journal = Decisions(tmp_path / "decisions.sqlite")
    assert journal.list()["decision"].to_list() == ["rejected: automate"]
    assert journal.conflicts().is_empty()


def test_a_verdict_follows_its_task_to_another_number(tmp_path: Path) -> None:
    one, _ = two_screens(tmp_path)
    one.record("T01", "accepted: automate", kind="verdict", why="fits", role="owner")
    swapped = one.segments.with_columns(pl.col("task_id").replace({"T01": "T02", "T02": "T01"}))
    kept = TaskDecisions(one.path, one.events, swapped).read("verdict")
    assert kept is not None
    assert kept["subject"].to_list() == ["T02"]


def test_a_verdict_whose_task_is_gone_is_told_as_such(kept: AutomationExplorer) -> None:
    kept.decide("T01", accept=True, why="fits", role="owner")
    kept._kept = TaskDecisions(kept.path, kept.events.filter(pl.col("task_id") != "T01"), kept.segments)
    assert kept.decided is not None
    assert kept.decided.is_empty()
    assert "not in this log (was T01)" in kept.decisions().markup
