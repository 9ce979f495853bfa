"""The hand check of the attribution: one drawn row at a time, right, wrong or cannot tell; one can stop and go on."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import polars as pl

from taskkit.decisions import JOURNAL, Decisions, journal_of
from taskkit.errors import TaskkitError, check_choice
from taskkit.overlay.hand_check import ANSWERS, draw_hand_check, score_hand_check
from taskkit.privacy import MIN_PEOPLE, shares_pages
from taskkit.widgets.displays import STYLE, Shown, is_static, sentence

SUBJECT = "attribution "  # before the digest of what was judged; the journal holds no title, case or person
_STYLES = {"right": "success", "wrong": "danger", "cannot tell": ""}


class HandCheck:
    """Judge drawn attributions one at a time; the answers stay in the journal beside the results.

    Each row is shown with what was on the screen, the places before and after, the case it got, by which rule and how far
    that is trusted. The buttons keep the focus, so Tab chooses one and Space or Enter presses it. Answers are appended to
    `decisions.sqlite`; whoever opens the same draw again goes on where it was left. A page without a kernel shows only
    how many were right, with the interval: titles and cases are for the analyst.

    Parameters
    ----------
    events : events of `attribute_cases`.
    process : the process log; with it, the person's own bookings around the row are told. None: there is nothing to check.
    results : folder of results; the journal lies beside it. None: the answers are kept only as long as the kernel runs.
    n, seed : as in `draw_hand_check`.

    >>> import datetime as dt
    >>> events = pl.DataFrame({"user": "p", "session_id": "s", "seq": [0], "app": "erp", "case_id": "INV-1",
    ...                        "timestamp": [dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)], "case_source": "carried",
    ...                        "case_confidence": 0.45})
    >>> check = HandCheck(events, None)
    >>> check.answer("right")
    >>> check.static()
    1 of 1 attribution that was checked by hand is right: 100 % (95 % interval 21 to 100 %).
    """

    def __init__(
        self,
        events: pl.DataFrame,
        process: pl.DataFrame | None,
        *,
        results: str | Path | None = None,
        n: int = 50,
        seed: int = 0,
    ) -> None:
        attributed = "case_id" in events.columns
        self.drawn = draw_hand_check(events, n=n, seed=seed, process=process) if attributed else None
        self.path = journal_of(results)
        self._given: dict[str, tuple[str, int | None]] = {}  # check_id → answer and its number in the journal
        self._seen = 0  # number of the newest entry that this desk has read
        self._restore()
        self.place = self._next(-1)

    @property
    def answers(self) -> pl.DataFrame | None:
        """The draw with the answers given so far (`answer`), or None without attributed events."""
        if self.drawn is None:
            return None
        given = {check: answer for check, (answer, _) in self._given.items()}
        answer = pl.col("check_id").replace_strict(given, default=None, return_dtype=pl.String)
        return self.drawn.with_columns(answer=answer)

    def answer(self, answer: str) -> None:
        """Answer for the row that is shown, keep it, and go on to the next one without an answer."""
        check_choice(answer, allowed=ANSWERS, what="answer")
        if self.drawn is None or self.place >= self.drawn.height:
            raise TaskkitError("Every drawn row has an answer. Draw others with another seed.")
        check, number = str(self.drawn["check_id"][self.place]), None
        if self.path is not None:
            journal = Decisions(self.path)
            before = self._given.get(check, ("", None))[1]
            number = journal.replace(
                [] if before is None else [before], f"{SUBJECT}{check}", answer, kind="verdict",
                why="attribution checked by hand", seen=max(self._seen, before or 0),
            )  # fmt: skip
        self._given[check] = (answer, number)
        self.place = self._next(self.place)

    def back(self) -> None:
        """Show the row before, to judge it again."""
        self.place = max(self.place - 1, 0)

    def static(self) -> Shown:
        """How many were right, with the interval; no row is shown."""
        if self.answers is None or self.answers.is_empty():
            return sentence("No work was joined to a case, so there is nothing to check by hand.")
        if shares_pages() and 0 < len(self._given) < MIN_PEOPLE:
            return sentence(
                "Too few attributions have been checked by hand to say how many are right.", kind="tk-asked"
            )
        return sentence(
            str(score_hand_check(self.answers)["sentence"][0]), kind="tk-callout" if self._given else "tk-asked"
        )

    def live(self) -> Any:
        """The row, the buttons, how far one is, and the result so far."""
        import ipywidgets as w

        if self.drawn is None or self.drawn.is_empty():
            return w.HTML(STYLE + self.static().markup)
        card, result, problem = w.HTML(), w.HTML(), w.HTML()
        progress = w.IntProgress(min=0, max=self.drawn.height, description="checked", layout=w.Layout(width="420px"))
        buttons = [w.Button(description=each, button_style=_STYLES[each]) for each in ANSWERS]
        back = w.Button(description="one back", icon="undo", tooltip="show the row before, to judge it again")

        def redraw() -> None:
            progress.value = len(self._given)
            card.value, result.value = self._card(), self.static().markup
            for button in buttons:
                button.disabled = self.place >= self.drawn.height  # type: ignore[union-attr]
            back.disabled = self.place == 0

        def pressed(button: Any) -> None:
            problem.value = ""
            try:
                self.back() if button is back else self.answer(button.description)
            except (TaskkitError, OSError) as error:
                problem.value = sentence(str(error), kind="tk-problem").markup
            redraw()

        for button in (*buttons, back):
            button.on_click(pressed)
        redraw()
        return w.VBox([w.HTML(STYLE), progress, card, w.HBox([*buttons, back]), problem, result])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        shown = self.static() if is_static() or shares_pages() else self.live()
        return shown._repr_mimebundle_(include=include, exclude=exclude)

    def _restore(self) -> None:
        """Answers that the journal holds for rows of this draw; of several the last one counts."""
        if self.drawn is None or self.path is None or not self.path.exists():
            return
        known, kept = set(self.drawn["check_id"]), Decisions(self.path).list()
        self._seen = int(kept["number"].max() or 0)  # type: ignore[arg-type]
        for number, subject, answer in kept.filter(kind="verdict").select("number", "subject", "decision").iter_rows():
            check = subject.removeprefix(SUBJECT)
            if subject.startswith(SUBJECT) and check in known and answer in ANSWERS:
                self._given[check] = (answer, number)

    def _next(self, place: int) -> int:
        """The next row without an answer, after the place or from the beginning; the number of rows if there is none."""
        if self.drawn is None:
            return 0
        open_ones = [i for i, check in enumerate(self.drawn["check_id"]) if check not in self._given]
        return next((i for i in open_ones if i > place), open_ones[0] if open_ones else self.drawn.height)

    def _card(self) -> str:
        """The row that is to be judged, as HTML; everything from the log is escaped."""
        if self.drawn is None or self.place >= self.drawn.height:
            where = (
                f" They are kept in {JOURNAL}."
                if self.path is not None
                else " They are kept only as long as the kernel runs."
            )
            return sentence(f"Every drawn row has an answer.{where}").markup
        row = self.drawn.row(self.place, named=True)
        before = [_line(each, "before") for each in reversed(row["before"])]
        shown = html.escape(f"{row['app']} · {row['window_title'] or 'no title'}")
        did = html.escape(row["activity"] or row["event_type"] or "")
        when = f"{row['timestamp']:%d %b %Y %H:%M:%S} UTC"
        here = f'<li><b>{shown}</b><br><span style="color:var(--tk-soft)">{when} · {did}</span></li>'
        places = "".join([*before, here, *(_line(each, "after") for each in row["after"])])
        why = f"rule “{row['case_source']}”, confidence {row['case_confidence']:.2f}"
        booked = f"<div><dt>bookings</dt><dd>{html.escape(row['booked'])}</dd></div>" if row["booked"] else ""
        given = self._given.get(row["check_id"])
        judged = f"<div><dt>so far</dt><dd>{html.escape(given[0])}</dd></div>" if given else ""
        return (
            f'<div class="tk-card"><p class="tk-head">Row {row["number"]} of {self.drawn.height}: was this work for case '
            f"{html.escape(str(row['case_id']))}?</p><dl><div><dt>because</dt><dd>{html.escape(why)}</dd></div>{booked}{judged}"
            f'<div><dt>on the screen</dt><dd><ul style="margin:0;padding-left:1.1rem">{places}</ul></dd></div></dl></div>'
        )


def _line(place: dict[str, Any], when: str) -> str:
    away = f"{place['seconds']:.0f} s" if place["seconds"] < 120 else f"{place['seconds'] / 60:.0f} min"
    rows = "1 row" if place["rows"] == 1 else f"{place['rows']} rows"
    shown = html.escape(f"{place['app']} · {place['window_title'] or 'no title'}")
    return f'<li style="color:var(--tk-soft)">{shown} ({away} {when}, {rows})</li>'
