"""Triage: the verdicts and what they rest on, effort, gates, and the questions to a workshop."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from taskkit.automation.questionnaire import QUESTIONS, list_questions, read_answers
from taskkit.automation.triage import GATES, VERDICTS, classify_effort, closed_by, judge, list_gates, list_verdicts
from taskkit.errors import ContractError, SettingError

GOOD: dict[str, float | None] = {
    "standardisation": 0.9, "determinism": 0.95, "decisions_foretold": 0.95, "stable_element_share": 1.0,
    "structured_input_share": 1.0, "judgement_share": 0.0, "waiting_share": 0.0, "carried_out_per_segment": 0.0,
    "personal_habit": 0.0, "quicker_way": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ({}, "automate"),
        ({"carried_out_per_segment": 2.0}, "integrate"),
        ({"standardisation": 0.4, "decisions_foretold": 0.6}, "standardise first"),
        ({"standardisation": 0.4}, "automate"),  # they differ, but by rules
        ({"determinism": 0.6}, "standardise first"),
        ({"personal_habit": 0.4}, "standardise first"),
        ({"waiting_share": 0.5}, "fix the process"),
        ({"waiting_share": 0.5, "carried_out_per_segment": 2.0}, "integrate"),  # the cure before the diagnosis
        ({"judgement_share": 0.7}, "leave to judgement"),
        ({"determinism": 0.3}, "leave to judgement"),
        ({"determinism": 0.3, "personal_habit": 0.4, "quicker_way": 0.3}, "share the better practice"),
        ({"determinism": 0.3, "quicker_way": 0.3}, "leave to judgement"),  # a way by content is no habit
        ({"stable_element_share": 0.0}, "automate"),  # hard to build, no gate
        ({"decisions_foretold": 0.5}, "standardise first"),
        ({"determinism": None}, "too little data"),  # values are written, and nothing is known of them
        (dict.fromkeys(GOOD), "too little data"),
    ],
)
def test_verdicts_follow_from_the_figures(figures: dict[str, float | None], verdict: str) -> None:
    found, why = judge(GOOD | figures, {})
    assert (found, why != "") == (verdict, True)


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ({"control": "four eyes"}, "leave to judgement"),
        ({"legal": "yes"}, "leave to judgement"),
        ({"needless": "the order could be matched at once"}, "fix the process"),
        ({"change": "new ERP in May"}, "fix the process"),
        ({"interface": "yes"}, "integrate"),
        ({"control": "x", "interface": "yes"}, "leave to judgement"),
        ({"error_rate": 0.1}, "automate"),
    ],
)
def test_answers_come_before_figures(answers: dict[str, Any], verdict: str) -> None:
    assert judge(GOOD, answers)[0] == verdict


def test_only_what_is_known_is_said() -> None:
    why = judge({"standardisation": 0.93}, {})[1]
    assert (
        why == "Runs are 93% like the most typical one, whether rules give what is written is not known from this log"
    )
    assert judge({}, {})[0] == "too little data"


def test_both_applications_of_a_transfer_are_named() -> None:
    why = judge(GOOD | {"carried_out_per_segment": 2.0}, {}, between=("erp", "excel"))[1]
    assert why == "2.0 values a run are carried by hand from erp into excel"


@pytest.mark.parametrize("said", ["No.", "not known", "n/a", "?", "No, nothing of the kind", "don't know", "-"])
def test_what_is_not_known_is_no_yes(said: str) -> None:
    assert read_answers({"T01": {"control": said}}) == {}
    assert read_answers({"T01": {"control": "notary must sign"}}) != {}


def test_an_interface_helps_no_work_of_judgement() -> None:
    assert judge(GOOD | {"judgement_share": 0.8}, {"interface": "yes"})[0] == "leave to judgement"


@pytest.mark.parametrize("name", list(GATES))
def test_every_gate_closes_at_its_end_only(name: str) -> None:
    end = 1.0 if name == "judgement_share" else 0.0
    assert closed_by(GOOD | {name: end}) == [GATES[name]]
    assert closed_by(GOOD | {name: 0.5}) == []
    assert closed_by(GOOD | {name: None}) == []


def test_gates_of_figures_and_of_answers_are_listed_together() -> None:
    assert list_gates({"determinism": 0.0}, {"legal": "works council"}) == [
        "no written value follows a rule", "It must not be automated: works council"
    ]  # fmt: skip


def test_effort_grows_with_what_makes_it_hard() -> None:
    hard = {"apps": 4.0, "screens": 9.0, "steps": 60.0, "exceptions": 0.5}
    classes = [classify_effort(dict(list(hard.items())[:n]))[0] for n in range(5)]
    assert classes == ["low", "low", "medium", "medium", "high"]
    assert classify_effort(hard)[1].count(";") == 3


def test_no_and_nothing_are_no_answers() -> None:
    assert read_answers({"T01": {"control": "No", "legal": None, "change": False, "interface": " "}}) == {}
    assert read_answers(None) == {}


def test_answers_as_a_frame_are_the_same() -> None:
    frame = pl.DataFrame(
        {"task_id": ["T01", "T01"], "question": ["control", "error_cost"], "answer": ["four eyes", "12"]}
    )
    assert read_answers(frame) == read_answers({"T01": {"control": "four eyes", "error_cost": 12}})
    with pytest.raises(ContractError, match="answer"):
        read_answers(frame.drop("answer"))


def test_all_wrong_answers_are_told_at_once() -> None:
    with pytest.raises(SettingError, match=r"(?s)Did you mean 'control'.*error_rate='often'"):
        read_answers({"T01": {"controls": "yes"}, "T02": {"error_rate": "often"}})
    with pytest.raises(SettingError, match="0 to 1"):
        read_answers({"T01": {"error_rate": 7}})


def test_every_question_has_words_and_a_known_verdict() -> None:
    listed = list_questions()
    assert listed["question"].to_list() == list(QUESTIONS)
    assert set(listed["verdict"].drop_nulls()) <= set(VERDICTS)
    assert not listed["effect"].str.contains("{}", literal=True).any()


def test_every_verdict_has_a_rule() -> None:
    assert set(list_verdicts()["verdict"]) == set(VERDICTS)
