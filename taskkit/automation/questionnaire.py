"""What no log can know: questions to the people who know the work, and what an answer does to the verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.schema import require_columns

Answers = dict[str, dict[str, Any]]
_NO = ("", "none", "false", "0", "unknown", "not known", "don't know", "don’t know", "?", "n/a", "-", "–")
_SAYS_NO = re.compile(r"^(no|nein)\b")


@dataclass(frozen=True)
class Question:
    """A question about a task: its words, what an answer other than no means, and the verdict that it leads to, if any."""

    text: str
    effect: str
    verdict: str | None = None
    number: bool = False


QUESTIONS: dict[str, Question] = {
    "control": Question("Is the work a control on purpose (four eyes, segregation of duties)?",
                        "It stays with people: {}", "leave to judgement"),
    "legal": Question("Does a law, a contract or an agreement forbid that a machine does it?",
                      "It must not be automated: {}", "leave to judgement"),
    "needless": Question("Would the work fall away if something before it were put right?",
                         "What comes before it should be put right: {}", "fix the process"),
    "change": Question("Will the system or the process be replaced within a year?",
                       "It is about to change: {}; settle that first", "fix the process"),
    "interface": Question("Do the systems between which values are carried offer an interface, or could one ask the other?",
                          "The systems could talk to each other: {}", "integrate"),
    "error_rate": Question("What part of the runs goes wrong today and would not with a robot (0 to 1)?",
                           "Errors avoided are part of the savings", number=True),
    "error_cost": Question("What does one of these errors cost?", "Errors avoided are part of the savings", number=True),
}  # fmt: skip


def list_questions() -> pl.DataFrame:
    """List the questions to ask about each task, with what an answer does.

    Returns
    -------
    One row per question: `question` (its name in `context`), `text`, `effect`, `verdict` (null = changes the value only).

    >>> list_questions()["question"].to_list()[0]
    'control'
    """
    rows = [(name, one.text, one.effect.replace(": {}", ""), one.verdict) for name, one in QUESTIONS.items()]
    schema = dict.fromkeys(["question", "text", "effect", "verdict"], pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")


def read_answers(context: pl.DataFrame | Mapping[str, Mapping[str, Any]] | None) -> Answers:
    """Read the answers of a workshop, given as {task: {question: answer}} or as a frame, and check every one of them.

    Parameters
    ----------
    context : answers by task and question, or a frame with `task_id`, `question`, `answer`. "no", "no, …", false, "not
        known" and nothing at all mean no; anything else means yes and is quoted in the reason; error rate and cost are numbers.

    Returns
    -------
    The answers other than no, by task and question.

    Raises
    ------
    SettingError : an unknown question, or an answer that is not a number where one is asked; all problems at once.

    >>> read_answers({"T01": {"control": "four eyes", "legal": "no"}})
    {'T01': {'control': 'four eyes'}}
    """
    given: list[tuple[str, str, Any]] = []
    if isinstance(context, pl.DataFrame):
        require_columns(context, "task_id", "question", "answer", made_by="the questionnaire")
        given = list(context.select("task_id", "question", "answer").iter_rows())
    elif context is not None:
        given = [(task, name, answer) for task, own in context.items() for name, answer in own.items()]
    out: Answers = {}
    problems: list[str] = []
    for task, name, answer in given:
        try:
            question = QUESTIONS[check_choice(name, allowed=QUESTIONS, what="question")]
            if _is_no(answer):
                continue
            out.setdefault(task, {})[name] = _number(answer, name, task) if question.number else answer
        except SettingError as error:
            problems.append(f"  task {task!r}: {error}")
    if problems:
        raise SettingError(
            "These answers cannot be read:\n" + "\n".join(problems) + "\nCorrect them, then score again."
        )
    return out


def _is_no(answer: Any) -> bool:
    """No, or nothing that could be quoted as a reason; "No. …" is a no as well."""
    said = "" if answer is None else str(answer).strip().strip(".!").strip().casefold()
    return said in _NO or _SAYS_NO.search(said) is not None


def _number(answer: Any, name: str, task: str) -> float:
    highest = 1.0 if name == "error_rate" else float("inf")
    try:
        value = float(answer)
    except (TypeError, ValueError):
        value = -1.0
    if not 0 <= value <= highest:
        raise SettingError(f"{name}={answer!r}: allowed is a number from 0{' to 1' if highest == 1.0 else ' up'}.")
    return value


def verdict_of(answers: Mapping[str, Any]) -> tuple[str, str] | None:
    """The verdict that the answers lead to, with the sentence; the first question of the list decides."""
    for name, question in QUESTIONS.items():
        if name in answers and question.verdict is not None:
            said = answers[name]
            words = "so the workshop said" if said is True or str(said).casefold() == "yes" else str(said)
            return question.verdict, question.effect.format(words)
    return None


def closed_gates(answers: Mapping[str, Any]) -> list[str]:
    """Reasons that answers give against automating at all."""
    out = []
    for name in ("control", "legal"):
        found = verdict_of({name: answers[name]}) if name in answers else None
        if found:
            out.append(found[1])
    return out
