"""One recorded flow as a document."""

from __future__ import annotations

import polars as pl

from taskkit.errors import SettingError, check_choice
from taskkit.handover.asking import list_questions
from taskkit.handover.contents import EXCEPTIONS, FACTS, Handover
from taskkit.handover.executions import list_actions_of
from taskkit.handover.rules import DECISIONS, TRANSFERS
from taskkit.handover.steps import describe_steps, list_applications, source_name
from taskkit.handover.ways import Way
from taskkit.schema import require_columns


def document_session(
    events: pl.DataFrame, *, session_id: str | None = None, user: str | None = None, purpose: str | None = None
) -> Handover:  # fmt: skip
    """Describe one recorded flow, step by step, as it was done once.

    It is meant for somebody who records their own work in order to hand it on. Nothing is averaged and no rule is sought.

    Parameters
    ----------
    events : events frame of `name_activities`.
    session_id : the session; needed where the frame holds several.
    user : the person; needed where several people have a session of this name.
    purpose : what the work is for; without it the document asks.

    Returns
    -------
    A `Handover`, to be written with `write_document`, `write_bpmn` or `write_robot`; every step has been done once. Contents
    that were typed or copied are not in it, and numbers in titles and names are shown as #.

    Raises
    ------
    ContractError : `name_activities` has not been run. SettingError : no such session or person, or none was chosen among
    several.

    >>> import polars as pl, taskkit as tk
    >>> from taskkit.handover import document_session
    >>> log = tk.from_table(pl.DataFrame({"at": [1.8e9, 1.8e9 + 5], "what": ["copy", "paste"], "app": ["mail", "erp"]}),
    ...                     columns={"timestamp": "at", "event_name": "what"})
    >>> document_session(tk.name_activities(log)).steps.select("number", "app", "done").rows()
    [(1, 'mail', 'copy'), (2, 'erp', 'paste')]
    """
    require_columns(
        events, "activity", "step", "action", "dropped", "screen", "active_seconds", made_by="name_activities"
    )
    if user is not None:
        check_choice(user, allowed=events["user"].unique().sort().to_list(), what="user")
        events = events.filter(pl.col("user") == user)
    sessions = events["session_id"].unique().sort().to_list()
    if session_id is not None:
        check_choice(session_id, allowed=sessions, what="session")
    elif len(sessions) != 1:
        shown = ", ".join(map(repr, sessions[:10])) + (" …" if len(sessions) > 10 else "")
        raise SettingError(
            f"The log holds {len(sessions)} sessions{': ' + shown if shown else ''}. Choose one with session_id= (in the "
            "command: --session)."
        )
    rows = events.filter(pl.col("session_id") == (session_id or sessions[0]))
    people = rows["user"].n_unique()
    if people > 1:
        raise SettingError(
            f"{people} people have a session {session_id or sessions[0]!r}; a recording is one person's. Choose with user= (a "
            "value of the column user), or filter the log before."
        )
    rows = rows.with_columns(segment_id=pl.lit(0, pl.UInt32))
    actions = list_actions_of(rows, pl.Series([0], dtype=pl.UInt32))
    # every action is a step of its own, however often it comes
    once = actions.with_columns(key=pl.format("{}\0{}", "place", "key"))
    way = _as_done(once)
    steps = _with_sources(
        describe_steps(once, way, TRANSFERS.to_frame(), min_people=1), rows, actions["action"].to_list()
    )
    apps = list_applications(actions, min_people=1)
    none = EXCEPTIONS.to_frame()
    when = rows["timestamp"].sort().dt.strftime("%d %B %Y, %H:%M")
    names = actions.drop_nulls("app")["app"].unique(maintain_order=True).to_list()
    return Handover(
        title=f"Recorded work in {', '.join(names) or 'no application'}", kind="recording", task_id=None, variant_id=None,
        purpose=purpose, facts=_facts(rows, actions), applications=apps, steps=steps, decisions=DECISIONS.to_frame(),
        exceptions=none, transfers=TRANSFERS.to_frame(),
        questions=list_questions(steps, TRANSFERS.to_frame(), DECISIONS.to_frame(), none, purpose=purpose, interrupted=0.0),
        assumptions=(
            f"One recording from {when[0]} to {when[-1]} (UTC). Done once: how often it is done otherwise is not known.",
            f"{rows.height} recorded rows, merged into {actions.height} steps; scrolling, moving inside a form, presence and "
            "excluded time are set aside.",
            "Written and copied contents are not part of this document. Names of elements and titles are shown after redaction, "
            "numbers as #: read them through before the document is passed on.",
        ) if rows.height else ("The recording holds no rows.",),
    )  # fmt: skip


def _with_sources(steps: pl.DataFrame, rows: pl.DataFrame, actions: list[int]) -> pl.DataFrame:
    """The steps with the step that a written value came from, where the same value was copied, shown or written before."""
    from taskkit.activities import list_actions

    traced = list_actions(rows).filter(pl.col("source").is_not_null())
    number = {action: place for place, action in enumerate(actions)}
    told = steps.to_dicts()
    for action, source in traced.select("action", "source_action").iter_rows():
        step, origin = told[number[action]], told[number[source]]
        field = source_name(origin["app"], origin["element"] or origin["element_id"])
        said = {"value_from": f"the value of step {origin['number']}", "kind": "copy", "sources": [field]}
        step.update(said | {"rule": f"the value of {field}"})
    return pl.DataFrame(told, schema=steps.schema, orient="row")


def _as_done(actions: pl.DataFrame) -> Way:
    import numpy as np

    n = actions.height
    return Way(actions["key"].to_list(), np.ones((1, n), np.bool_), [None] * n, [None] * n, {})


def _facts(rows: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    elapsed = (rows["timestamp"].sort()[-1] - rows["timestamp"].sort()[0]).total_seconds() if rows.height else 0.0
    found = [
        ("steps", actions.height, None, None, "steps", 1, 1, "actions that carry a meaning"),
        ("active time", rows["active_seconds"].sum(), None, None, "seconds", 1, 1,
         "sum of the times to the next event, each at most the idle cap"),
        ("elapsed time", elapsed, None, None, "seconds", 1, 1, "from the first to the last recorded row"),
    ]  # fmt: skip
    return pl.DataFrame(found, schema=FACTS, orient="row", strict=False)
