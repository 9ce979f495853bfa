"""Marks of business context: kept in the journal, followed by the triage, shown in charts, and nowhere by accident."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from taskkit import charts
from taskkit.automation.marks import KINDS, detour_words, place_marks, read_detour, variant_words
from taskkit.automation.ranking import score_automation
from taskkit.automation.routine_steps import list_routine_candidates
from taskkit.automation.triage import judge, list_gates, list_verdicts
from taskkit.charts.marks import SIGNS, marked, sign_spec, standing_marks
from taskkit.decisions import Decisions
from taskkit.decisions.marks import MARKS, anchor_of, list_marks, list_vanished_marks, mark
from taskkit.errors import SettingError
from tests.test_triage import GOOD

LABELS = {"T01": "Enter", "T02": "Pay"}


@pytest.fixture(autouse=True)
def no_marks() -> Iterator[None]:
    yield
    charts.show_marks(None)


@pytest.fixture
def journal(tmp_path: Path) -> Decisions:
    return Decisions(tmp_path / "decisions.sqlite")


def marks(*rows: tuple[str, str, str | None, str]) -> pl.DataFrame:
    """Marks of a process owner: what, subject, task, mark."""
    full = [(*row, "four eyes", "process owner", number) for number, row in enumerate(rows, start=1)]
    schema = ["what", "subject", "task_id", "mark", "note", "role", "number"]
    return pl.DataFrame(full, schema=dict.fromkeys(schema[:-1], pl.String) | {"number": pl.Int64}, orient="row")


def segments(activities: list[str] | None = None, *, task: str = "T01", n: int = 10) -> pl.DataFrame:
    steps = activities or ["open list", "check price", "save"]
    return pl.DataFrame(
        [(i, f"p{i % 6}", task, LABELS[task], steps, ["erp", "mail"], 30.0) for i in range(n)],
        schema=["segment_id", "user", "task_id", "task_name", "activities", "apps", "active_seconds"], orient="row",
    )  # fmt: skip


def tasks() -> pl.DataFrame:
    rows = [(task, name, 30, 6, 2.0, 0.5, 60.0, 50.0, 70.0, 5.0, 0.1) for task, name in LABELS.items()]
    schema = ["task_id", "task_name", "segments", "people", "active_hours", "share", "median_seconds", "q25_seconds",
              "q75_seconds", "median_steps", "interrupted"]  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def lines(chart: Any) -> str:
    """The subtitle of a chart."""
    return " ".join(chart.to_dict()["title"]["subtitle"])


# ------------------------------------------------------------------------------------------------------------- journal
def test_every_mark_has_a_meaning_and_a_sign_of_its_own() -> None:
    assert all(kind.meaning.endswith(".") for kind in KINDS.values())
    assert len({kind.sign for kind in KINDS.values()}) == len(MARKS) == 5


def test_a_mark_is_read_back_as_it_was_made(journal: Decisions) -> None:
    number = mark(journal, "a → b", "work-around", what="variant", task_id="T02", note="no interface", role="clerk")
    assert list_marks(journal.path).row(0) == (
        "variant",
        "a → b",
        "T02",
        "work-around",
        "no interface",
        "clerk",
        number,
    )


def test_a_mark_that_was_taken_back_does_not_stand(journal: Decisions) -> None:
    journal.undo(mark(journal, "Approve", "control"))
    assert list_marks(journal).is_empty()


def test_all_that_is_wrong_with_a_mark_is_told_at_once(journal: Decisions) -> None:
    with pytest.raises(SettingError) as said:
        mark(journal, "a", "habit", what="task", role=" ")
    assert "habit" in str(said.value)
    assert "task_id" in str(said.value)
    assert "role" in str(said.value)


def test_a_detour_must_say_from_where_to_where(journal: Decisions) -> None:
    with pytest.raises(SettingError, match="no detour"):
        mark(journal, "to the mail", "policy", what="detour")
    assert read_detour(detour_words("Approve “now”", "mail")) == ("Approve “now”", "mail")


def test_a_task_that_got_another_number_is_found_again(journal: Decisions) -> None:
    events = pl.DataFrame({"session_id": "s", "seq": [0, 1, 2, 3], "segment_id": [0, 0, 1, 1]})
    before = pl.DataFrame({"segment_id": [0, 1], "task_id": ["T01", "T02"], "active_seconds": [9.0, 9.0]})
    anchor = anchor_of(events, before, "T01")
    mark(journal, "Enter", "control", what="task", task_id="T01", anchor=anchor)
    after = before.with_columns(task_id=pl.Series(["T07", "T01"]))
    assert list_marks(journal, events=events, segments=after)["task_id"].to_list() == ["T07"]
    without = events.filter(pl.col("segment_id") == 1)
    assert list_marks(journal, events=without, segments=after)["task_id"].to_list() == [None]


def test_marks_of_what_is_no_longer_in_the_log_are_listed() -> None:
    given = marks(
        ("step", "check price", None, "control"), ("step", "sign", None, "control"), ("task", "Pay", "T09", "policy"),
        ("variant", "open list → gone", "T01", "policy"), ("detour", "fax during “Enter”", None, "work-around"),
    )  # fmt: skip
    assert list_vanished_marks(given, segments())["number"].to_list() == [2, 3, 4, 5]


# -------------------------------------------------------------------------------------------------------------- triage
def placed(*rows: tuple[str, str, str | None, str]) -> list[dict[str, Any]]:
    return place_marks(marks(*rows), segments()).get("T01", [])


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [("policy", "leave to judgement"), ("control", "leave to judgement"), ("exception handling", "leave to judgement"),
     ("work-around", "fix the process"), ("training issue", "share the better practice")],
)  # fmt: skip
def test_a_mark_of_the_whole_task_decides_its_verdict(kind: str, verdict: str) -> None:
    found, why = judge(GOOD, {}, marks=placed(("task", "Enter", "T01", kind)))
    assert found == verdict
    assert "process owner" in why
    assert "four eyes" in why


def test_a_work_around_that_carries_values_by_hand_is_to_be_integrated() -> None:
    figures = GOOD | {"carried_out_per_segment": 2.0}
    assert judge(figures, {}, marks=placed(("task", "Enter", "T01", "work-around")))[0] == "integrate"


@pytest.mark.parametrize(
    "what", [("step", "check price"), ("detour", "mail during “Enter”"), ("variant", "open list → save")]
)
@pytest.mark.parametrize(
    ("kind", "verdict"),
    [("control", "automate"), ("work-around", "fix the process"), ("training issue", "share the better practice")],
)  # fmt: skip
def test_a_mark_of_a_part_keeps_it_or_points_elsewhere(what: tuple[str, str], kind: str, verdict: str) -> None:
    task = "T01" if what[0] == "variant" else None
    assert judge(GOOD, {}, marks=placed((*what, task, kind)))[0] == verdict


def test_what_the_workshop_answered_comes_before_a_mark() -> None:
    said = judge(GOOD, {"needless": "yes"}, marks=placed(("task", "Enter", "T01", "training issue")))
    assert said[0] == "fix the process"


def test_a_task_that_stays_by_policy_has_a_closed_gate_and_its_parts_do_not_close_one() -> None:
    assert "policy" in list_gates(GOOD, {}, placed(("task", "Enter", "T01", "policy")))[0]
    assert list_gates(GOOD, {}, placed(("step", "save", None, "policy"), ("task", "Enter", "T01", "work-around"))) == []


def test_marks_of_rare_steps_and_other_tasks_do_not_concern_a_task() -> None:
    rare = pl.concat([segments(), segments(["sign"], n=1)])
    assert place_marks(marks(("step", "sign", None, "control"), ("step", "save", "T02", "control")), rare) == {}


def test_a_step_is_known_by_its_screen_as_well() -> None:
    found = place_marks(
        marks(("step", "Invoice - ERP", None, "control")), segments(["type into Amount · Invoice - ERP"])
    )
    assert found["T01"][0]["share"] == 1.0


def test_a_way_is_known_by_its_steps_in_their_order() -> None:
    there = variant_words(["open list", "save"])
    back = variant_words(["save", "open list"])
    found = place_marks(marks(("variant", there, "T01", "control"), ("variant", back, "T01", "control")), segments())
    assert [row["subject"] for row in found["T01"]] == [there]


def test_the_rules_of_the_marks_are_listed_with_the_others() -> None:
    rules = list_verdicts().filter(pl.col("rule").str.contains("marked"))
    assert set(rules["verdict"]) == {"leave to judgement", "integrate", "fix the process", "share the better practice"}


def small_log() -> tuple[pl.DataFrame, pl.DataFrame]:
    import taskkit as tk

    log = pl.DataFrame({"at": range(1_800_000_000, 1_800_000_120), "what": list("abcs" * 30)})
    events = tk.from_table(log, columns={"timestamp": "at", "event_name": "what"})
    events = tk.segment(tk.name_activities(events), method="anchor", end="^s$")
    return events, tk.find_tasks(tk.list_segments(events))


def test_the_ranking_follows_the_marks_and_says_which_steps_stay() -> None:
    events, found = small_log()
    whole = score_automation(events, found, marks=marks(("task", "x", "T01", "control"))).row(0, named=True)
    part = score_automation(events, found, marks=marks(("step", "b", None, "control"))).row(0, named=True)
    none = score_automation(events, found).row(0, named=True)
    assert whole["verdict"] == "leave to judgement"
    assert part["verdict"] == none["verdict"] != "leave to judgement"
    assert " With the person stays the step “b” (a control)." in part["reason"]
    assert "workshop" not in none["reason"]


def test_a_marked_step_stays_with_the_person_and_divides_the_robots_stretch() -> None:
    events, found = small_log()
    assert list_routine_candidates(events, found)["taken_by"].to_list() == ["robot"]
    cut = list_routine_candidates(events, found, marks=marks(("step", "b", None, "policy")))
    kept = cut.filter(pl.col("steps").list.contains("b"))
    assert kept["taken_by"].to_list() == ["person"]
    assert "marked as policy in the workshop by process owner" in kept["why"][0]
    assert cut["taken_by"].to_list() == ["person", "robot"]  # a alone is no stretch for a robot


# -------------------------------------------------------------------------------------------------------------- charts
def test_a_marked_task_has_its_sign_and_a_line_that_explains_it() -> None:
    charts.show_marks(marks(("task", "Pay", "T02", "control")))
    spec = charts.task_overview(tasks()).to_dict()
    assert next(p for p in spec["params"] if p["name"] == SIGNS)["value"] == {"T02  Pay": "◆ "}
    assert "labelExpr" in json.dumps(spec)
    assert "◆ control: marked in the workshop: task T02 “Pay” (by process owner, 1 note)" in lines(
        charts.task_overview(tasks())
    )
    assert "◆ control" in spec["description"]


def test_notes_are_counted_in_charts_and_not_quoted() -> None:
    charts.show_marks(marks(("task", "Pay", "T02", "control")))
    assert "four eyes" not in json.dumps(charts.task_overview(tasks()).to_dict())


def test_without_marks_a_chart_is_what_it_was() -> None:
    before = charts.task_overview(tasks()).to_dict()
    charts.show_marks(marks(("task", "Pay", "T02", "control")))
    charts.show_marks(None)
    assert charts.task_overview(tasks()).to_dict() == before
    assert standing_marks() == ()


def test_a_chart_without_anything_marked_says_nothing_of_marks() -> None:
    before = charts.task_overview(tasks()).to_dict()
    charts.show_marks(marks(("step", "sign", None, "policy")))
    assert charts.task_overview(tasks()).to_dict() == before


def test_the_data_of_a_signed_chart_are_what_they_were() -> None:
    before = charts.task_overview(tasks()).to_dict()["datasets"]
    charts.show_marks(marks(("task", "Pay", "T02", "control")))
    assert charts.task_overview(tasks()).to_dict()["datasets"] == before


def test_t1_is_not_taken_for_t10() -> None:
    charts.show_marks(marks(("task", "Pay", "T1", "control")))
    assert marked("T10  Post") == "T10  Post"
    assert marked("T1  Pay") == "◆ T1  Pay"


def test_two_marks_of_one_thing_show_both_signs() -> None:
    charts.show_marks(marks(("step", "save", None, "control"), ("step", "save", None, "policy")))
    assert marked("save") == "◆§ save"


def test_a_name_that_was_cut_is_still_known() -> None:
    charts.show_marks(marks(("step", "Approve the large invoice", None, "control")))
    assert marked("Approve the la…") == "◆ Approve the la…"
    assert marked("Ap…") == "Ap…"


def variants() -> pl.DataFrame:
    rows = [("T01", f"T01-V0{n}", steps, 20 - n, 6, 0.5 - n / 10, 30.0) for n, steps in
            enumerate((["open list", "save"], ["open list", "check price", "save"]), start=1)]  # fmt: skip
    names = ["task_id", "variant_id", "activities", "segments", "people", "share", "median_seconds"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_a_way_is_signed_in_the_ladder_whatever_its_number() -> None:
    charts.show_marks(marks(("variant", "open list → check price → save", "T01", "exception handling")))
    chart = charts.variant_ladder(variants())
    assert "◇ V02" in chart.to_dict()["datasets"]["ways"]
    assert "V01" in chart.to_dict()["datasets"]["ways"].replace("◇ V01", "")
    assert "way “open list → check price → save” in T01" in lines(chart)


def test_a_step_is_signed_in_the_ladder_on_its_first_line_only() -> None:
    charts.show_marks(marks(("step", "check price", None, "control")))
    signs = next(p for p in charts.variant_ladder(variants()).to_dict()["params"] if p["name"] == SIGNS)["value"]
    assert [key.split(" ¦ ")[0] for key in signs] == ["check price"]


def test_a_detour_is_signed_where_its_step_and_application_meet() -> None:
    charts.show_marks(marks(("detour", "mail during “Approve”", None, "work-around")))
    data = {"values": [{"step": "Approve", "app": "mail"}, {"step": "Post", "app": "mail"}]}
    given = {"field": "app", "type": "nominal"}
    spec: dict[str, Any] = {"data": data, "mark": "text", "encoding": {"text": given}}
    signed = sign_spec(spec, standing_marks())
    assert list(signed["params"][0]["value"]) == ["mail ¦ Approve"]
    assert given == {"field": "app", "type": "nominal"}


def test_signing_twice_is_signing_once() -> None:
    charts.show_marks(marks(("task", "Pay", "T02", "control")))
    once = charts.task_overview(tasks()).to_dict()
    assert sign_spec(once, standing_marks()) == once


def test_signs_are_drawn_without_an_error(window: Any, tmp_path: Path) -> None:
    from taskkit.report.offline import render_chart, vega_bundle

    charts.show_marks(marks(("task", "Pay", "T02", "control"), ("step", "check price", None, "policy")))
    parts = [
        render_chart(chart.to_dict())["text/html"]
        for chart in (charts.task_overview(tasks()), charts.variant_ladder(variants()))
    ]
    (tmp_path / "page.html").write_text(f"<meta charset=utf-8><script>{vega_bundle()}</script>{''.join(parts)}")
    window.page.goto((tmp_path / "page.html").as_uri())
    window.page.locator("svg text:text-is('§ check price')").first.wait_for(state="attached", timeout=20_000)
    assert window.page.locator("svg text:text-is('◆ T02  Pay')").count() == 1
    assert window.errors == []
