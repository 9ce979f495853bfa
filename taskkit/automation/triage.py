"""Triage: which of six things to do with a task, how hard automating it would be, and the sentence with the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from taskkit.automation.marks import KINDS, STAYS, USUAL, verdict_of_parts, verdict_of_task
from taskkit.automation.questionnaire import closed_gates, verdict_of

Figures = Mapping[str, float | None]

VERDICTS = ("automate", "integrate", "standardise first", "fix the process", "share the better practice",
            "too little data", "leave to judgement")  # fmt: skip
# criterion → why in words: what stops a task from being automated at all, where the criterion is 0 (1 if low is good)
GATES: dict[str, str] = {
    "determinism": "no written value follows a rule",
    "structured_input_share": "every input is a free text",
    "judgement_share": "all of the time goes into reading and composing messages",
}
# thresholds of the verdicts: starting points for a workshop, set with the bundled sample in view
RULE_BASED, LAWLESS = 0.8, 0.5  # determinism; the first is the usual straight-through share
SIMILAR, FORETOLD, CHANCE = 0.5, 0.8, 0.6  # standardisation; differences that rules foretell may be larger
HABIT, QUICKER = 0.15, 0.15  # personal habit; time that the quickest way takes less
COMPOSED, TRANSFERS, WAITING = 0.5, 1.0, 0.3  # judgement; values carried out a run; runs that wait
# what makes a task hard to automate: criterion, limit, True = hard above it, words
_HARD = (
    ("apps", 2.5, True, "{:.1f} applications a run"),
    ("screens", 6.0, True, "{:.1f} screens a run"),
    ("steps", 30.0, True, "{:.0f} steps a run"),
    ("exceptions", 0.2, True, "{:.0%} of the runs outside the ways in scope"),
    ("decisions_foretold", FORETOLD, False, "only {:.0%} of the decisions foretold"),
    ("stable_element_share", 0.8, False, "only {:.0%} of the interactions on elements found again"),
    ("structured_input_share", 0.8, False, "only {:.0%} of the inputs structured"),
    ("determinism", RULE_BASED, False, "only {:.0%} of the written values follow a rule"),
)


def judge(
    figures: Figures,
    answers: Mapping[str, Any],
    *,
    between: tuple[str, str] | None = None,
    marks: Sequence[Mapping[str, Any]] = (),
) -> tuple[str, str]:
    """The verdict and why, the first rule that fits: answers and marks, gates, judgement, transfers, habits, likeness.

    Parameters
    ----------
    figures : value of each criterion, null where it is not known.
    answers : of the workshop, by question.
    between : the applications between which values are carried by hand, if any.
    marks : those of the task and of its parts (`place_marks`).

    >>> judge({"standardisation": 0.9, "determinism": 0.95}, {})[0], judge({}, {"control": "four eyes"})
    ('automate', ('leave to judgement', 'It stays with people: four eyes'))
    """
    told = verdict_of(answers)
    if told is not None and told[0] != "integrate":
        return told
    out, waits = figures.get("carried_out_per_segment"), figures.get("waiting_share")
    carries = out is not None and out >= TRANSFERS
    marked = verdict_of_task(marks, carries=carries)
    if marked is not None:
        return marked
    closed = closed_by(figures)
    if closed:
        return "leave to judgement", closed[0][0].upper() + closed[0][1:]
    stays = _stays(figures)
    if stays:
        quicker = _quicker(figures)
        return ("share the better practice", f"{stays}, but {quicker}") if quicker else ("leave to judgement", stays)
    if told is not None:
        return told
    if out is not None and carries:
        where = f"from {between[0]} into {between[1]}" if between else "out of the log's main application"
        return "integrate", f"{out:.1f} values a run are carried by hand {where}"
    if waits is not None and waits >= WAITING:
        return "fix the process", f"{waits:.0%} of the runs wait ten minutes or more behind a message"
    return verdict_of_parts(marks, carries=carries) or _uniform(figures) or _ready(figures)


def _ready(figures: Figures) -> tuple[str, str]:
    """What speaks for a robot, as far as it is known; nothing does where what is written is not known."""
    similar, rules, foretold = (figures.get(name) for name in ("standardisation", "determinism", "decisions_foretold"))
    unknown = "whether rules give what is written is not known from this log"
    if rules is None and (figures.get("structured_input_share") is not None or similar is None):
        return "too little data", unknown[0].upper() + unknown[1:]
    said = [] if similar is None else [f"runs are {similar:.0%} like the most typical one"]
    said += [] if foretold is None else [f"{foretold:.0%} of the decisions are foretold"]
    said.append(unknown if rules is None else f"{rules:.0%} of the written values follow a rule")
    words = ", ".join(said)
    return "automate", words[0].upper() + words[1:]


def _stays(figures: Figures) -> str | None:
    rules, composed = figures.get("determinism"), figures.get("judgement_share")
    if composed is not None and composed > COMPOSED:
        return f"{composed:.0%} of the time goes into messages and free text"
    if rules is not None and rules < LAWLESS:
        return f"Only {rules:.0%} of the written values follow a rule"
    return None


def _quicker(figures: Figures) -> str | None:
    habit, gain = figures.get("personal_habit") or 0.0, figures.get("quicker_way") or 0.0
    if habit < HABIT or gain < QUICKER:
        return None
    return f"the quickest of the usual ways takes {gain:.0%} less time, and which way is taken goes with the person"


def _uniform(figures: Figures) -> tuple[str, str] | None:
    """What has to be made uniform before a robot can do it."""
    habit, similar, rules = (figures.get(name) for name in ("personal_habit", "standardisation", "determinism"))
    foretold = figures.get("decisions_foretold")
    if habit is not None and habit >= HABIT:
        why = (
            "Which way is taken goes with the person, a habit or work that is shared out that way: a person's other runs tell "
            f"{habit:.0%} of what everybody's leave open"
        )
        return "standardise first", why
    if similar is not None and similar < SIMILAR and (foretold is None or foretold < FORETOLD):
        said = "" if foretold is None else f", and only {foretold:.0%} of the decisions are foretold"
        return "standardise first", f"Runs differ: they are {similar:.0%} like the most typical one{said}"
    if foretold is not None and foretold < CHANCE:
        why = f"Which way is taken follows no rule that the log shows: {foretold:.0%} of the decisions are foretold"
        return "standardise first", why
    if rules is not None and rules < RULE_BASED:
        return "standardise first", f"{rules:.0%} of the written values follow a rule, the others must be settled first"
    return None


def closed_by(figures: Figures) -> list[str]:
    """Reasons of the gates that the figures close.

    >>> closed_by({"determinism": 0.0})
    ['no written value follows a rule']
    """
    shut = {"judgement_share": 1.0}
    return [words for name, words in GATES.items() if figures.get(name) == shut.get(name, 0.0)]


def list_gates(figures: Figures, answers: Mapping[str, Any], marks: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """Reasons of all closed gates: those of the figures, of the workshop's answers, and of what it marked the task as."""
    kept = [row for row in marks if row["what"] == "task" and row["mark"] in STAYS]
    told = verdict_of_task(kept, carries=False)
    return closed_by(figures) + closed_gates(answers) + ([] if told is None else [told[1]])


def classify_effort(figures: Figures) -> tuple[str, str]:
    """How hard automating would be, by how many things make it hard: none or one low, two or three medium, more high.

    >>> classify_effort({"apps": 4.0, "screens": 3.0, "steps": 45.0})
    ('medium', '4.0 applications a run; 45 steps a run')
    """
    found = [
        words.format(value)
        for name, limit, above, words in _HARD
        if (value := figures.get(name)) is not None and (value > limit if above else value < limit)
    ]
    effort = "low" if len(found) < 2 else "medium" if len(found) < 4 else "high"
    return effort, "; ".join(found) or "few applications and steps, steady elements, foretold decisions"


def list_verdicts(*, min_segments: int = 20) -> pl.DataFrame:
    """List the rules of the verdicts, in the order in which they are tried: the first that fits decides.

    Parameters
    ----------
    min_segments : the least number of executions of `score_automation`.

    Returns
    -------
    One row per rule: `order`, `verdict`, `rule`.

    >>> list_verdicts()["verdict"].to_list()[-1]
    'automate'
    """
    better = f"as the next two, but {QUICKER:.0%} quicker is a usual way whose choice goes with the person ({HABIT:.0%} or more)"
    rows = [
        ("too little data", f"fewer than {min_segments} executions"),
        ("leave to judgement", "the workshop says: a control on purpose, or not allowed"),
        ("fix the process", "the workshop says: needless once something before is put right, or about to be replaced"),
        ("leave to judgement", "the workshop marked the whole task as " + _either(STAYS) + "; marked steps alone stay with "
                               "the person and the rest is judged as usual"),
        ("integrate", "the workshop marked the whole task as a work-around, and values are carried by hand"),
        ("fix the process", "the workshop marked the whole task as a work-around"),
        ("share the better practice", "the workshop marked the whole task as a training issue"),
        ("leave to judgement", "a gate is closed: " + "; ".join(GATES.values())),
        ("share the better practice", better),
        ("leave to judgement", f"over {COMPOSED:.0%} of the time goes into messages (judgement)"),
        ("leave to judgement", f"under {LAWLESS:.0%} of the written values follow a rule (determinism)"),
        ("integrate", "the workshop says: the systems have an interface"),
        ("integrate", f"{TRANSFERS:.0f} value an execution or more is carried by hand out of the main application"),
        ("fix the process", f"{WAITING:.0%} of the executions or more wait ten minutes or more behind a message"),
        ("fix the process", f"the workshop marked a step, way or detour in {USUAL:.0%} of the executions or more as a work-around"),
        ("share the better practice", "the same, marked as a training issue"),
        ("standardise first", f"which way is taken goes with the person, a habit or how work is shared out ({HABIT:.0%} or more)"),
        ("standardise first", f"executions are less than {SIMILAR:.0%} like the most typical one, and rules foretell less "
                              f"than {FORETOLD:.0%} of the decisions"),
        ("standardise first", f"rules foretell less than {CHANCE:.0%} of the decisions"),
        ("standardise first", f"under {RULE_BASED:.0%} of the written values follow a rule"),
        ("too little data", "none of these, but values are written and no rule could be looked for"),
        ("automate", "none of these"),
    ]  # fmt: skip
    listed = pl.DataFrame(rows, schema=["verdict", "rule"], orient="row")
    return listed.with_row_index("order", offset=1)


def _either(kinds: Sequence[str]) -> str:
    said = [KINDS[kind].said for kind in kinds]
    return f"{', '.join(said[:-1])} or {said[-1]}"
