"""Cards: what was recorded and who may see it, the question, the finding."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.charts.look import count_of
from taskkit.decisions import JOURNAL as JOURNAL
from taskkit.decisions import Decisions
from taskkit.errors import TaskkitError
from taskkit.privacy import MIN_PEOPLE, posture
from taskkit.widgets.displays import Shown, is_shared, is_static, sentence
from taskkit.widgets.tables import table

POSTURE = "application/x-taskkit-posture+json"
FINDING = "application/x-taskkit-finding+json"


def posture_card(
    events: pl.DataFrame, metadata: Mapping[str, Any] | None = None, min_people: int = MIN_PEOPLE
) -> Shown:
    """Show in plain sentences what was recorded, what was not, and who may see it.

    Parameters
    ----------
    events : events frame.
    metadata : what the log says about itself (`read_metadata`).
    min_people : smallest group that is shown.

    >>> from taskkit.schema import EVENTS
    >>> posture_card(pl.DataFrame(schema=EVENTS.schema)).words.splitlines()[0][:27]
    'recorded: Nothing: the log '
    """
    rows = posture(events, metadata=metadata, k=min_people).rows()
    lines = "".join(f"<div><dt>{html.escape(topic)}</dt><dd>{html.escape(said)}</dd></div>" for topic, said in rows)
    markup = f'<div class="tk-card" role="note"><p class="tk-head">What this rests on, and who may see it</p><dl>{lines}</dl></div>'
    return Shown(markup, "\n".join(f"{topic}: {said}" for topic, said in rows), {POSTURE: [list(row) for row in rows]})


def question(text: str) -> Shown:
    """Show a question for the people in the room.

    >>> question("Why is it done twice?")
    For the people in the room: Why is it done twice?
    """
    words = f"For the people in the room: {text}"
    return Shown(
        f'<div class="tk-card tk-asked"><p><b>For the people in the room:</b> {html.escape(text)}</p></div>', words
    )


def finding(text: str, *, subject: str = "finding", results: str | Path | None = None) -> Finding:
    """Show a finding; in a live notebook it can be put into the room's own words and recorded with a click.

    Parameters
    ----------
    text : the finding, one or a few sentences; `summarise_tasks` and its sisters write them.
    subject : what it is about, such as the notebook's name.
    results : folder of results; the journal `decisions.sqlite` lies beside it. None: it cannot be recorded.

    >>> finding("Eleven tasks recur.")
    Finding: Eleven tasks recur.
    """
    return Finding(text, subject, results)


class Finding(Shown):
    """A finding to show and to record; made by `finding`."""

    def __init__(self, text: str, subject: str, results: str | Path | None) -> None:
        self.text, self.subject, self.results = text, subject, results
        there = results is not None and _journal(results).exists()
        # opened now and kept: what another notebook writes from here on was not seen, and is told as a conflict
        self._decisions = Decisions(_journal(results)) if there and results is not None else None
        self._seen = 0 if self._decisions is None else self._decisions.newest  # 0: drawn before there was any journal
        self.standing = _standing(self._decisions, subject)
        said = "".join(f"<p>{html.escape(line)}</p>" for line in self._said())
        markup = f'<div class="tk-card tk-callout"><p><b>Finding.</b> {html.escape(text)}</p>{said}</div>'
        agreed = self.standing["decision"].last() if self.standing.height else text
        super().__init__(markup, "\n".join([f"Finding: {text}", *self._said()]), {FINDING: {"finding": agreed}})

    def static(self) -> Shown:
        """The finding, and what the room made of it, without the controls."""
        return Shown(self.markup, self.words, self.carried)

    def live(self) -> Any:
        """The finding with a text to correct, a role, a reason, and buttons that record it and take it back."""
        from taskkit.widgets.finding_desk import FindingDesk

        return FindingDesk(self).box

    def record(self, text: str | None = None, *, why: str = "", role: str = "analyst") -> int:
        """Write the finding into the journal beside the folder of results; returns its number.

        Parameters
        ----------
        text : the wording that was agreed on; the computed one by default, which is kept beside it as evidence.
        why, role : the reason, and who decided in which role.
        """
        return self.decisions.record(
            self.subject, text or self.text, why=why, role=role, detail={"computed": self.text}, seen=self._seen
        )

    @property
    def decisions(self) -> Decisions:
        """The journal that it is recorded in; made at the first word."""
        if self.results is None:
            raise TaskkitError("There is no folder of results to record beside: give results=.")
        if self._decisions is None:
            self._decisions = Decisions(_journal(self.results))
        return self._decisions

    def _said(self) -> list[str]:
        """What the room recorded, where it put it differently."""
        rows = self.standing.filter(pl.col("decision") != self.text).tail(3).iter_rows(named=True)
        if is_shared():  # who said so and why stays in the room
            return [f"Put differently in the room: {row['decision']}" for row in rows]
        return [
            f"Put differently by {row['role']}: {row['decision']}" + (f" Why: {row['why']}" if row["why"] else "")
            for row in rows
        ]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        if is_static() or self.results is None:
            return super()._repr_mimebundle_(include, exclude)
        return dict(self.live()._repr_mimebundle_()) | self.carried


def recorded_findings(results: str | Path) -> Shown:
    """Show what has been decided and recorded, oldest first; nothing is created.

    Corrections of single borders are counted, not listed: each is about one person's work.

    Parameters
    ----------
    results : folder of results; the journal lies beside it.

    >>> recorded_findings("no/such/results")
    Nothing has been recorded yet: each notebook has a button for its finding, and tk.Decisions takes names and verdicts.
    """
    path = _journal(results)
    if not path.exists():
        return sentence(
            "Nothing has been recorded yet: each notebook has a button for its finding, and tk.Decisions takes names and verdicts."
        )
    standing = Decisions(path).list()
    answers = pl.col("subject").str.starts_with("attribution ")  # of the check by hand: answers, not decisions
    listed = standing.filter(~answers & (pl.col("kind") != "correction"))
    corrected = standing.filter(pl.col("kind") == "correction").height
    further = f" {corrected} {'correction' if corrected == 1 else 'corrections'} of borders and tasks stand too."
    return table(
        listed if is_shared() else listed.with_columns(pl.col("time").dt.strftime("%d %b %Y %H:%M UTC")),
        caption="Recorded decisions",
        definition="What stands in the journal; what was taken back is not listed." + (further if corrected else ""),
        columns={"number": "number", "time": "time", "kind": "kind", "subject": "about", "decision": "decision",
                 "why": "why", "role": "role"},
        most=40,
        empty="The journal holds no decision that stands." + (further if corrected else ""),
    )  # fmt: skip


def conflicting_decisions(results: str | Path) -> Shown:
    """Show decisions about the same thing whose writers had not seen each other's; nothing is created.

    Parameters
    ----------
    results : folder of results; the journal lies beside it.

    >>> conflicting_decisions("no/such/results")
    No two decisions disagree.
    """
    path, none = _journal(results), "No two decisions disagree."
    found = Decisions(path).conflicts() if path.exists() else None
    if found is None or found.is_empty():
        return sentence(none)
    if is_shared():
        pairs = count_of(found.height, "pair of decisions disagrees", "pairs of decisions disagree")
        return sentence(
            f"{pairs}: neither writer had seen the other's, and the later one holds until the room settles it."
        )
    return table(
        found,
        caption="Decisions that disagree",
        definition="Written without having seen each other; both are kept and the later one holds until one is taken back.",
        columns={"kind": "kind", "sentence": "what was decided twice"},
        empty=none,
    )


def _standing(decisions: Decisions | None, subject: str) -> pl.DataFrame:
    """The findings about a subject that stand, oldest first."""
    if decisions is None:
        return pl.DataFrame(schema={"number": pl.Int64, "decision": pl.String, "why": pl.String, "role": pl.String})
    return decisions.list("finding").filter(pl.col("subject") == subject)


def _journal(results: str | Path) -> Path:
    return Path(results).parent / JOURNAL
