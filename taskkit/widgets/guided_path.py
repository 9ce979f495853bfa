"""The guided path: where one is, which findings are recorded, and what else the people in the room have said."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from taskkit.decisions import JOURNAL, Decisions
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

_STYLE = """<style>
.tk-path { font:14px/1.5 system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif; max-width:1060px; margin:.2rem 0 .6rem }
.tk-path ol { display:flex; flex-wrap:wrap; gap:.25rem .35rem; list-style:none!important; margin:0!important;
   padding:0!important }
.tk-path li { margin:0!important; padding:.1rem .6rem; border:1px solid #8a94a3; border-radius:1rem; white-space:nowrap }
.tk-path li.here { border-color:#0072b2; box-shadow:inset 0 0 0 1px #0072b2; font-weight:600 }
.tk-path a { text-decoration:none }
.tk-path a:hover { text-decoration:underline }
.tk-path p { margin:.3rem 0 0!important; opacity:.85 }
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
    Something to show: a strip with links in a running notebook, without them on a page, which has its own.

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
        stations = "".join(_station(station, here, progress) for station in STATIONS)
        markup = f'<nav class="tk-path" aria-label="Guided path"><ol>{stations}</ol><p>{html.escape(words)}</p></nav>'
        listed = " · ".join(f"{'✓' if s.stem in progress.recorded else '○'} {s.name}" for s in STATIONS)
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
    journal = Path(results).parent / JOURNAL
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


def _station(station: Station, here: str, progress: Progress) -> str:
    done, current = station.stem in progress.recorded, station.subject == here
    sign = f'<span aria-hidden="true">{"✓" if done else "○"}</span>'
    said = "finding recorded" if done else "no finding recorded"
    name = html.escape(station.name)
    if (
        not current and not is_static() and Path(f"{station.stem}.ipynb").exists()
    ):  # a kernel works where its notebook lies
        name = f'<a href="{station.stem}.ipynb">{name}</a>'
    marks = ' class="here" aria-current="step"' if current else ""
    return f'<li{marks} title="{said}">{sign} {name}</li>'


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
