"""Cards: what was recorded and who may see it, the question, the finding."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.charts.look import count_of, people
from taskkit.decisions import Decisions, journal_of
from taskkit.errors import TaskkitError
from taskkit.privacy import MIN_PEOPLE, posture
from taskkit.widgets.displays import Shown, Summary, fold, is_shared, is_static, sentence
from taskkit.widgets.finding_desk import NOT_STATED
from taskkit.widgets.tables import table

POSTURE = "application/x-taskkit-posture+json"
FINDING = "application/x-taskkit-finding+json"


def posture_card(
    events: pl.DataFrame,
    metadata: Mapping[str, Any] | None = None,
    min_people: int = MIN_PEOPLE,
    *,
    whole: bool = False,
) -> Shown:
    """Show in plain sentences what was recorded, what was not, and who may see it: one line that unfolds, or all of it.

    Parameters
    ----------
    events : events frame.
    metadata : what the log says about itself (`read_metadata`).
    min_people : smallest group that is shown.
    whole : unfolded from the beginning.

    >>> from taskkit.schema import EVENTS
    >>> posture_card(pl.DataFrame(schema=EVENTS.schema)).words.splitlines()[0][:27]
    'recorded: Nothing: the log '
    """
    rows = posture(events, metadata=metadata, k=min_people).rows()
    lines = "".join(f"<div><dt>{html.escape(topic)}</dt><dd>{html.escape(said)}</dd></div>" for topic, said in rows)
    short = html.escape(" · ".join(_essentials(events, metadata or {}, min_people)))
    markup = (
        f'<div class="tk-card" role="note"><details class="tk-whole"{" open" if whole else ""}><summary><b>Recorded</b> '
        f"<span>{short}</span></summary><dl>{lines}</dl></details></div>"
    )
    return Shown(markup, "\n".join(f"{topic}: {said}" for topic, said in rows), {POSTURE: [list(row) for row in rows]})


def _essentials(events: pl.DataFrame, metadata: Mapping[str, Any], k: int) -> list[str]:
    """The posture in a few words: from when to when, of whom, with content or without, kept until when, for whom."""
    if events.is_empty():
        return ["nothing: the log is empty"]
    days, drawn = events["timestamp"].dt.date().sort(), metadata.get("drawn") or {}
    first, last = (
        (date.fromisoformat(drawn[f"{end}_day"]) for end in ("first", "last")) if drawn else (days[0], days[-1])
    )
    begin = f"{first.day}" + ("" if (first.year, first.month) == (last.year, last.month) else f" {first:%b}")
    begin += "" if first.year == last.year else f" {first.year}"
    who = int(drawn.get("of_people", events["user"].n_unique()))
    told = "value" in events.columns and events["value"].null_count() < events.height
    return [
        (f"{begin} to " if first != last else "") + f"{last.day} {last:%b %Y}",
        people(who),
        *([f"single steps: {drawn['events']:,} of {drawn['of_events']:,} events, drawn by file"] if drawn else []),
        "with texts that were typed or copied: confidential" if told else "no typed texts or screenshots",
        f"kept until {metadata['kept_until']}" if metadata.get("kept_until") else "no date of deletion stated",
        "not anonymous: only for them, or with their consent" if who < k
        else "may be passed on" if is_shared() else "for this room",
    ]  # fmt: skip


def question(text: str) -> Shown:
    """Show a question for the people in the room.

    >>> question("Why is it done twice?")
    For the people in the room: Why is it done twice?
    """
    words = f"For the people in the room: {text}"
    return Shown(
        f'<div class="tk-card tk-asked"><p><b>For the people in the room:</b> {html.escape(text)}</p></div>', words
    )


def finding(
    text: str | Sequence[str],
    *,
    figures: Iterable[str] = (),
    subject: str = "finding",
    results: str | Path | None = None,
) -> Finding:
    """Show a finding; in a live notebook it can be put into the room's own words and recorded with a click.

    Parameters
    ----------
    text : the finding, one or two sentences, or a list of such; `summarise_tasks` and its sisters write them, with the
        figures behind them.
    figures : further sentences with the figures behind it; they are shown folded, and kept with what is recorded.
    subject : what it is about, such as the notebook's name.
    results : folder of results; the journal `decisions.sqlite` lies beside it. None: it cannot be recorded.

    >>> finding("Eleven tasks recur.")
    Finding: Eleven tasks recur.
    """
    parts = [text] if isinstance(text, str) else list(text)
    behind = [line for part in parts for line in getattr(part, "figures", ())]
    return Finding(Summary(" ".join(parts), dict.fromkeys([*behind, *figures])), subject, results)


class Finding(Shown):
    """A finding to show and to record; made by `finding`."""

    def __init__(self, text: Summary, subject: str, results: str | Path | None) -> None:
        self.text, self.figures, self.subject, self.results = str(text), text.figures, subject, results
        there = results is not None and journal_of(results).exists()
        # opened now and kept: what another notebook writes from here on was not seen, and is told as a conflict
        self._decisions = Decisions(journal_of(results)) if there and results is not None else None
        self._seen = 0 if self._decisions is None else self._decisions.newest  # 0: drawn before there was any journal
        self.standing = self.recorded()
        said = "".join(f"<p>{html.escape(line)}</p>" for line in self._said())
        markup = (
            f'<div class="tk-card tk-callout"><p><b>Finding.</b> {html.escape(self.text)}</p>{said}'
            f"{fold('The figures behind it', self.figures)}</div>"
        )
        agreed = self.standing["decision"].last() if self.standing.height else self.text
        words = [f"Finding: {self.text}", *self._said(), *self.figures]
        super().__init__(markup, "\n".join(words), {FINDING: {"finding": agreed}})

    def static(self) -> Shown:
        """The finding, and what the room made of it, without the controls."""
        return Shown(self.markup, self.words, self.carried)

    def live(self) -> Any:
        """The finding with a text to correct, a role, a reason, and buttons that record it and take it back."""
        from taskkit.widgets.finding_desk import FindingDesk

        return FindingDesk(self).box

    def record(self, text: str | None = None, *, why: str = "", role: str = NOT_STATED) -> int:
        """Write the finding into the journal beside the folder of results; returns its number.

        Parameters
        ----------
        text : the wording that was agreed on; the computed one by default, which is kept beside it as evidence.
        why, role : the reason, and who decided in which role.
        """
        detail = {"computed": self.text} | ({"figures": list(self.figures)} if self.figures else {})
        return self.decisions.record(
            self.subject, text or self.text, why=why, role=role, detail=detail, seen=self._seen
        )

    def recorded(self) -> pl.DataFrame:
        """The findings on this question that stand now, oldest first."""
        if self._decisions is None:
            return pl.DataFrame(schema={"number": pl.Int64, "decision": pl.String, "why": pl.String, "role": pl.String})
        return self._decisions.list("finding").filter(pl.col("subject") == self.subject)

    def disagreement(self) -> str:
        """What another notebook recorded on the same question since this one was opened, and what to do; or nothing.

        Two findings that were recorded without sight of each other count as read once they have been told here: the next one
        that is recorded settles them.
        """
        if not self.newest:
            return ""
        decisions = self.decisions
        pairs = decisions.conflicts().filter(kind="finding", subject=self.subject)
        if pairs.height:
            pair = pairs.row(-1, named=True)
            self._seen = max(self._seen, pair["later"])
            return (
                f"Two findings on this question were recorded without sight of each other: number {pair['earlier']} "
                f"({pair['earlier_role']}) says “{pair['earlier_decision']}”, number {pair['later']} ({pair['later_role']}) "
                f"says “{pair['later_decision']}”. Both are kept, and number {pair['later']} holds. Agree on a wording and "
                "record it: that settles it. Or take one of them back."
            )
        others = self.recorded().filter(pl.col("number") > self._seen, pl.col("writer") != decisions.writer)
        if others.is_empty():
            return ""
        row = others.row(-1, named=True)
        return (
            f"Since this notebook was opened, number {row['number']} ({row['role']}) was recorded on this question in another: "
            f"“{row['decision']}”. Speak with them before you record another wording: then both would be kept, and yours would "
            "hold as the later one until you have agreed."
        )

    @property
    def newest(self) -> int:
        """Number of the newest entry of the journal, 0 where there is none; asking makes no journal."""
        there = self.results is not None and journal_of(self.results).exists()
        return self.decisions.newest if there else 0

    @property
    def decisions(self) -> Decisions:
        """The journal that it is recorded in; made at the first word."""
        if self.results is None:
            raise TaskkitError("There is no folder of results to record beside: give results=.")
        if self._decisions is None:
            self._decisions = Decisions(journal_of(self.results))
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
    path = journal_of(results)
    if not path.exists():
        return sentence(
            "Nothing has been recorded yet: each notebook has a button for its finding, and tk.Decisions takes names and verdicts."
        )
    standing = Decisions(path).list()
    answers = pl.col("subject").str.starts_with("attribution ")  # of the check by hand: answers, not decisions
    listed = standing.filter(~answers & (pl.col("kind") != "correction"))
    corrected = standing.filter(pl.col("kind") == "correction").height
    further = f" {corrected} {'correction' if corrected == 1 else 'corrections'} of borders and tasks stand too."
    local, zone = (listed, "") if is_shared() else _in_local_time(listed)
    return table(
        local,
        caption="Recorded decisions",
        definition=f"What stands in the journal; what was taken back is not listed.{zone}" + (further if corrected else ""),
        columns={"number": "number", "time": "time", "kind": "kind", "subject": "about", "decision": "decision",
                 "why": "why", "role": "role"},
        most=40,
        empty="The journal holds no decision that stands." + (further if corrected else ""),
    )  # fmt: skip


def _in_local_time(listed: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """The entries with the times of this machine's clock, and the sentence that names its zone."""
    local = [time.astimezone() for time in listed["time"]]
    zones = dict.fromkeys(f"{time.tzname()} (UTC{time:%z})" for time in local)
    times = pl.Series("time", [time.replace(tzinfo=None) for time in local], dtype=pl.Datetime("us"))
    return listed.with_columns(times), f" Times are local: {' and '.join(zones)}." if local else ""


def conflicting_decisions(results: str | Path) -> Shown:
    """Show decisions about the same thing whose writers had not seen each other's; nothing is created.

    Parameters
    ----------
    results : folder of results; the journal lies beside it.

    >>> conflicting_decisions("no/such/results")
    No two decisions disagree.
    """
    path, none = journal_of(results), "No two decisions disagree."
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
