"""Cards: what was recorded and who may see it, the question, the finding."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.decisions import Decisions
from taskkit.errors import TaskkitError
from taskkit.privacy import MIN_PEOPLE, posture
from taskkit.widgets.displays import STYLE, Shown, is_static, sentence
from taskkit.widgets.tables import table

POSTURE = "application/x-taskkit-posture+json"
FINDING = "application/x-taskkit-finding+json"
JOURNAL = "decisions.sqlite"


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
    markup = f'<div class="tk-card" role="note"><h4>What this rests on, and who may see it</h4><dl>{lines}</dl></div>'
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
    """Show a finding; in a live notebook it can be recorded with a click.

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
        markup = f'<div class="tk-card tk-callout"><p><b>Finding.</b> {html.escape(text)}</p></div>'
        super().__init__(markup, f"Finding: {text}", {FINDING: {"finding": text}})
        self.text, self.subject, self.results = text, subject, results

    def static(self) -> Shown:
        """The finding without its button."""
        return Shown(self.markup, self.words, self.carried)

    def live(self) -> Any:
        """The finding with a button that records it."""
        import ipywidgets as w

        button = w.Button(description="Record this finding", icon="check", layout=w.Layout(width="auto"))
        said = w.Label("")

        def record(_: Any) -> None:
            try:
                number = self.record()
            except (TaskkitError, OSError) as error:
                said.value = str(error)
            else:
                said.value, button.disabled = f"Recorded as number {number} in {JOURNAL}.", True

        button.on_click(record)
        return w.VBox([w.HTML(STYLE + self.markup), w.HBox([button, said])])

    def record(self) -> int:
        """Write the finding into the journal beside the folder of results; returns its number."""
        if self.results is None:
            raise TaskkitError("There is no folder of results to record beside: give results=.")
        return Decisions(_journal(self.results)).record(self.subject, self.text)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        if is_static() or self.results is None:
            return super()._repr_mimebundle_(include, exclude)
        return dict(self.live()._repr_mimebundle_()) | self.carried


def recorded_findings(results: str | Path) -> Shown:
    """Show what has been decided and recorded, oldest first; nothing is created.

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
    listed = Decisions(path).list().filter(~pl.col("subject").str.starts_with("attribution "))  # answers, not decisions
    listed = listed.with_columns(pl.col("time").dt.strftime("%d %b %Y %H:%M UTC"))
    return table(
        listed,
        caption="Recorded decisions",
        definition="What stands in the journal; a decision that was taken back is not listed.",
        empty="The journal holds no decision that stands.",
    )


def _journal(results: str | Path) -> Path:
    return Path(results).parent / JOURNAL
