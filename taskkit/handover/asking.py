"""What the log cannot know, as questions for the expert; and what the description assumes."""

from __future__ import annotations

import polars as pl

from taskkit.handover.executions import WRITES

_ALWAYS = (
    "Which rules, approvals or four-eyes checks apply that the screens do not show?",
    "What does an error in this work cost, and who notices it?",
    "Is one of the applications about to be replaced or changed?",
    "Which accounts and rights would a robot need, and may it have them?",
    "Are there times of the year in which much more or less of this work comes in?",
)


def list_questions(
    steps: pl.DataFrame, transfers: pl.DataFrame, decisions: pl.DataFrame, exceptions: pl.DataFrame, *, purpose: str | None,
    interrupted: float,
) -> tuple[str, ...]:  # fmt: skip
    """List what an expert must answer before somebody builds on the description."""
    asked = [] if purpose else ["What is the purpose of this work, what starts it, and what is its result?"]
    writes = steps.filter(pl.col("act").is_in(WRITES))
    for number, element, kind in writes.select("number", "element", "kind").iter_rows():
        what = element or "this field"
        if kind == "judgement":
            asked.append(f"Step {number}: how does the person decide what to write into {what}?")
        elif kind is None:
            asked.append(f"Step {number}: where does the value of {what} come from? The log does not tell.")
        elif kind == "constant":
            asked.append(f"Step {number}: which value always stands in {what}, and could it ever be another one?")
    fields = transfers.filter(pl.col("violations").fill_null(0) > 0)
    for field, n, of in fields.select("field", "violations", "writes").iter_rows():
        asked.append(
            f"{field}: {n} of {of} values do not follow the rule. Are these errors, or cases that it does not cover?"
        )
    for after, rule, why in decisions.select("after", "rule", "why").iter_rows():
        if rule is None:
            asked.append(
                f"After {after or 'the start'}: what decides how it goes on? {sentence(why or 'no logged field predicts it')}"
            )
    weak = steps.filter(
        ~pl.col("stable") & pl.col("element").is_null() & pl.col("act").is_in(["click", "double_click", *WRITES])
    )
    if weak.height:
        numbers = ", ".join(str(number) for number in weak["number"])
        asked.append(
            f"Steps {numbers}: which element is meant? It was recorded without a name and without a stable id."
        )
    if interrupted >= 0.2:
        asked.append(f"{interrupted:.0%} of the executions are interrupted: what is waited for, and who must act?")
    for name, share in exceptions.filter(kind="other way").head(5).select("name", "share").iter_rows():
        asked.append(f"{name} ({share:.0%} of the executions): when is it right to do it that way?")
    return (*asked, *_ALWAYS)


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop.

    >>> sentence("no logged field predicts it")
    'No logged field predicts it.'
    """
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) or not text else ".")


def list_assumptions(
    of_task: pl.DataFrame, chosen: pl.DataFrame, steps: pl.DataFrame, *, min_people: int, unseen: dict[str, int]
) -> tuple[str, ...]:
    """Say what the description rests on, and what it leaves out."""
    first, last = (f"{at:%d %B %Y}" for at in (of_task["start"].sort()[0], of_task["end"].sort()[-1]))
    people, part = of_task["user"].n_unique(), chosen.height / max(of_task.height, 1)
    said = [
        f"Recorded from {first} to {last} (UTC): {of_task.height} executions of the task by {people} "
        f"{'person' if people == 1 else 'people'}, {chosen.height} of them ({part:.0%}) done this way.",
        "Beginnings and ends of executions, and which of them are the same task, were found by taskkit and may be corrected.",
        f"The way holds the {steps.height} steps that at least half of the executions do; others are listed as occasional.",
        "Written and copied contents are not part of this document; changing parts of titles and names are shown as # and ‹…›.",
        "What happened on paper, by telephone or away from the recorded machines is not in the log.",
    ]
    hidden = [f"{n} {what}" for what, n in unseen.items() if n]
    if hidden:
        said.append(f"Not shown, because fewer than {min_people} people are behind it: {', '.join(hidden)}.")
    if steps.height and steps["share"].null_count() == 0:
        said.append(
            f"The step of the way that is done least is done in {steps['share'].sort()[0]:.0%} of the executions."
        )
    return tuple(said)
