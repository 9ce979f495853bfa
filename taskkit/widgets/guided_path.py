"""The guided path: where one is, which findings are recorded, and what else the people in the room have said."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from taskkit.decisions import Decisions, journal_of
from taskkit.widgets.displays import Shown, is_static
from taskkit.widgets.running import in_room


class Station(NamedTuple):
    """One notebook of the guided path: file stem, what its finding is recorded under, and a short name."""

    stem: str
    subject: str
    name: str


STATIONS = (
    Station("00_start_here", "00 recording", "Recording"),
    Station("00_work_at_a_glance", "00 at a glance", "At a glance"),
    Station("01_segmentation", "01 segmentation", "Pieces of work"),
    Station("02_tasks", "02 tasks", "Tasks"),
    Station("03_variants", "03 variants", "Ways"),
    Station("04_process_overlay", "04 process", "Process"),
    Station("04_the_official_flow", "04 official flow", "Official flow"),
    Station("05_automation", "05 automation", "Automation"),
    Station("06_findings", "06 findings", "Findings"),
)

PAGES_VARIABLE = "TASKKIT_PAGES"  # while pages are made: the file stems of all of them, so that no link leads nowhere

_STYLE = """<style>
.tk-path { font:14px/1.4 system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif; max-width:1060px; margin:.3rem 0 .7rem;
   color:var(--tk-ink); container-type:inline-size }
.tk-path ol { display:grid; grid-template-columns:repeat(9,minmax(0,1fr)); list-style:none!important; margin:0!important;
   padding:0!important }
.tk-path li { position:relative; margin:0!important; padding:0 .15rem; max-width:none; text-align:center; font-size:13px;
   line-height:1.25 }
.tk-path li+li::before { content:""; position:absolute; top:.85rem; right:calc(50% + 1.05rem); width:calc(100% - 2.1rem);
   border-top:2px solid #8a94a3 }
.tk-path li.done+li::before { border-color:#00735a }
.tk-path b { display:block; width:1.75rem; box-sizing:border-box; margin:0 auto .2rem; border:2px solid #8a94a3;
   border-radius:50%; font-weight:600; line-height:1.5rem; font-variant-numeric:tabular-nums; color:var(--tk-ink) }
.tk-path li.done b { background:#00735a; border-color:#00735a; color:#fff }
.tk-path li.here b { background:#0072b2; border-color:#0072b2; color:#fff; box-shadow:0 0 0 2px var(--tk-paper),0 0 0 4px #0072b2 }
.tk-path li.here { font-weight:600 }
.tk-path a,.tk-path a:visited { color:var(--tk-link); text-decoration:none }
.tk-path a:hover { text-decoration:underline }
.tk-path a:focus-visible { outline:3px solid var(--tk-focus); outline-offset:2px }
.tk-path p { margin:.5rem 0 0!important; max-width:none; display:flex; flex-wrap:wrap; gap:.2rem 1.5rem }
.tk-path p span { color:var(--tk-soft); flex:1 1 20rem }
.tk-path p strong { display:none }
.tk-path li i { font-style:normal }
.tk-path .tk-said { position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%); white-space:nowrap }
@container (max-width:700px) {
.tk-path li i { position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%); white-space:nowrap }
.tk-path p { justify-content:space-between } .tk-path p strong { display:inline } .tk-path p span { flex-basis:100%; order:1 }
}
@media print { .tk-path p a { display:none } .tk-path { print-color-adjust:exact; -webkit-print-color-adjust:exact } }
</style>"""


@dataclass(frozen=True)
class Progress:
    """What the journal of an engagement holds: file stem → recorded finding, and counts of what else stands."""

    recorded: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


def path(results: str | Path, here: str) -> GuidedPath:
    """Show the stations of the guided path: which findings are recorded, where one is, and how to go on.

    One can stop at any station and go on another day: what was recorded lies in the journal beside the results.

    Parameters
    ----------
    results : folder of results; the journal lies beside it.
    here : what the finding of this notebook is recorded under, such as "01 segmentation".

    Returns
    -------
    Something to show: nine numbered stations, done, here or to come, with links to them, to the previous and to the next one.

    >>> path("no/such/results", "02 tasks").words.splitlines()[-1]
    'No finding is recorded yet; the path has 9.'
    """
    return GuidedPath(results, here)


class GuidedPath(Shown):
    """The strip of stations; made by `path`."""

    def __init__(self, results: str | Path, here: str) -> None:
        self.results, self.here = results, here
        progress = read_progress(results)
        words = _in_words(progress)
        stations = "".join(_station(number, here, progress) for number in range(len(STATIONS)))
        previous, following = _neighbours(here)
        markup = (
            f'<nav class="tk-path" aria-label="Guided path"><ol>{stations}</ol>'
            f"<p>{previous}{_now(here)}<span>{html.escape(words)}</span>{following}</p></nav>"
        )
        listed = " · ".join(
            f"{n} {s.name}{' ✓' if s.stem in progress.recorded else ''}" for n, s in enumerate(STATIONS, 1)
        )
        super().__init__(_STYLE + markup, f"{listed}\n{words}")

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if in_room():  # Voilà renews controls, not outputs
            import ipywidgets as w

            strip = w.HTML(self._repr_mimebundle_()["text/html"])
            display(strip)  # type: ignore[no-untyped-call]
            _watch(self, lambda bundle: setattr(strip, "value", bundle["text/html"]))
            return
        handle = display(self._repr_mimebundle_(), raw=True, display_id=not is_static())  # type: ignore[no-untyped-call]
        if handle is not None:
            _watch(self, lambda bundle: handle.update(bundle, raw=True))


# the strips of this kernel and how each is renewed, so that a click further down is seen at once
_shown: list[tuple[GuidedPath, Callable[[dict[str, Any]], object]]] = []


def renew_paths() -> None:
    """Show the stations as they are now, wherever this kernel has shown them; called after something was recorded."""
    for strip, renew in _shown:
        renew(GuidedPath(strip.results, strip.here)._repr_mimebundle_())


def _watch(strip: GuidedPath, renew: Callable[[dict[str, Any]], object]) -> None:
    _shown[:] = [*_shown[-9:], (strip, renew)]


def read_progress(results: str | Path) -> Progress:
    """Read what is recorded beside a folder of results; nothing is created.

    Parameters
    ----------
    results : folder of results.

    >>> read_progress("no/such/results").recorded
    {}
    """
    journal = journal_of(results)
    if not journal.exists():
        return Progress()
    decisions = Decisions(journal)
    standing = decisions.list()
    subjects = {station.subject: station.stem for station in STATIONS}
    found = standing.filter(pl.col("kind") == "finding", pl.col("subject").is_in(list(subjects)))
    recorded = {subjects[subject]: said for subject, said in found.select("subject", "decision").iter_rows()}
    kinds = dict(standing.group_by("kind").len().iter_rows())
    counts = {word: int(kinds.get(kind, 0)) for word, kind in _COUNTED}
    return Progress(recorded, counts | {"conflict": decisions.conflicts().height})


_COUNTED = (("correction", "correction"), ("name", "name"), ("mark", "mark"), ("verdict", "verdict"))


def _station(number: int, here: str, progress: Progress) -> str:
    station = STATIONS[number]
    done, current = station.stem in progress.recorded, station.subject == here
    said = "finding recorded" if done else "no finding recorded"
    name = f"<b>{number + 1}</b><i>{html.escape(station.name)}{'&nbsp;✓' if done else ''}</i>"
    kind = " ".join(word for word, holds in (("done", done), ("here", current)) if holds)
    marks = (f' class="{kind}"' if kind else "") + (' aria-current="step"' if current else "")
    link = "" if current else _link(station)
    name = f'<a href="{link}">{name}</a>' if link else name
    return f'<li{marks}>{name}<span class="tk-said">, {said}</span></li>'


def _neighbours(here: str) -> tuple[str, str]:
    """The links to the station before and the one after, or nothing."""
    at = next((number for number, station in enumerate(STATIONS) if station.subject == here), None)
    if at is None:
        return "", ""
    told = []
    for rel, number, words in (("prev", at - 1, "← {} {}"), ("next", at + 1, "{} {} →")):
        link = _link(STATIONS[number]) if 0 <= number < len(STATIONS) else ""
        said = words.format(number + 1, html.escape(STATIONS[number % len(STATIONS)].name))
        told.append(f'<a rel="{rel}" href="{link}">{said}</a>' if link else "")
    return told[0], told[1]


def _now(here: str) -> str:
    """The name of the station where one is, for a strip that is too narrow for names; a screen reader has them all."""
    told = [f"{number} {html.escape(s.name)}" for number, s in enumerate(STATIONS, 1) if s.subject == here]
    return f'<strong aria-hidden="true">{told[0]}</strong>' if told else ""


def _link(station: Station) -> str:
    """Where a station is: the page of its name while pages are made, else its notebook; nothing if it is not there."""
    if is_static():
        return f"{station.stem}.html" if station.stem in os.environ.get(PAGES_VARIABLE, "").split("/") else ""
    # a kernel works where its notebook lies
    return f"{station.stem}.ipynb" if Path(f"{station.stem}.ipynb").exists() else ""


def _in_words(progress: Progress) -> str:
    done = len(progress.recorded)
    said = (
        f"{done} of {len(STATIONS)} findings are recorded."
        if done
        else f"No finding is recorded yet; the path has {len(STATIONS)}."
    )
    counted = [f"{n} {word}{'s' if n != 1 else ''}" for word, n in progress.counts.items() if n and word != "conflict"]
    if counted:
        said += f" The people in the room also gave {', '.join(counted)}."
    if conflicts := progress.counts.get("conflict"):
        said += f" {conflicts} {'pair' if conflicts == 1 else 'pairs'} of decisions disagree: see Findings."
    return said
