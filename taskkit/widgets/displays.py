"""What a notebook cell shows: HTML that needs no network, and the choice between a live control and its twin."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Mapping
from typing import Any

from taskkit.charts.look import spaced
from taskkit.privacy import shares_pages as is_shared

__all__ = ["STYLE", "TABLE_STYLE", "Shown", "Summary", "fold", "is_shared", "is_static", "sentence", "show", "stack"]

STATIC_VARIABLE = "TASKKIT_STATIC"  # 1 while pages are made: there is no kernel behind them

_DARK = """--tk-paper:#14181f; --tk-ink:#e6eaf0; --tk-soft:#adb7c5; --tk-line:#39424f; --tk-tint:#262d38;
   --tk-good:#12251e; --tk-asked:#2a2211; --tk-bad:#2e1c13; --tk-warning:#63331a; --tk-note:#54420f; --tk-ok:#12483a;
   --tk-link:#8ab8f0; --tk-focus:#f5b54a; color-scheme:dark"""

# a page of ours follows what the reader's system asks for; a notebook follows the theme of JupyterLab
_COLOURS = f"""
:root {{ --tk-paper:#fff; --tk-ink:#1d2430; --tk-soft:#55606f; --tk-line:#d6dbe2; --tk-tint:#e4e8ed; --tk-good:#f3faf7;
   --tk-asked:#fdf8ee; --tk-bad:#fdf4ee; --tk-warning:#f6d9c7; --tk-note:#fbecc8; --tk-ok:#d5eee5; --tk-link:#0b5394;
   --tk-focus:#b35c00 }}
body[data-jp-theme-light="false"] {{ {_DARK} }}
@media screen and (prefers-color-scheme:dark) {{ :root[data-tk-page] {{ {_DARK} }} }}
"""
_CARDS = """
.tk-card { border:1px solid var(--tk-line); border-left:5px solid #0072b2; border-radius:4px; padding:.7rem 1rem;
   margin:.4rem 0; max-width:1060px; background:var(--tk-paper); color:var(--tk-ink);
   font:14px/1.5 system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif; }
.tk-card .tk-head { margin:0 0 .4rem; font-size:15px; font-weight:600; color:inherit; max-width:none }
.tk-card dl { margin:0; display:grid; grid-template-columns:8.5rem 1fr; gap:.2rem 1rem }
.tk-card dl>div { display:contents }
.tk-card dt { color:var(--tk-soft); padding:0; white-space:nowrap }
.tk-card dd { margin:0; padding:0 }
.tk-card p { margin:.15rem 0; max-width:none }
.tk-callout { border-left-color:#009e73; background:var(--tk-good) }
.tk-asked { border-left-color:#e69f00; background:var(--tk-asked) }
.tk-problem { border-left-color:#d55e00; background:var(--tk-bad) }
.jp-OutputArea-child:has(>.jp-RenderedHTML:empty) { display:none }
.tk-card details { margin:.25rem 0 0 }
.tk-card summary { cursor:pointer; color:var(--tk-link); width:fit-content }
.tk-card summary:hover { text-decoration:underline }
.tk-card summary:focus-visible { outline:3px solid var(--tk-focus); outline-offset:2px }
.tk-card details ul { margin:.3rem 0 .1rem; padding-left:1.2rem }
.tk-card details li { margin:.1rem 0; max-width:none }
.tk-card .tk-whole { margin:0 }
.tk-card .tk-whole>summary { width:auto }
.tk-whole>summary b { color:var(--tk-ink); font-size:15px; font-weight:600 }
.tk-whole>summary span { color:var(--tk-soft); font-size:13px }
.tk-whole[open]>summary { margin-bottom:.5rem }
@media print {
.tk-figures::details-content { content-visibility:visible; block-size:auto }
.tk-figures>summary { list-style:none; color:inherit }
}
"""
_TABLES = """
.tk-table { font:13px/1.45 system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif; color:var(--tk-ink);
   background:var(--tk-paper); max-width:100%; overflow-x:auto; margin:.4rem 0 }
.tk-table table { border-collapse:collapse; table-layout:auto!important; font-variant-numeric:tabular-nums; margin:0;
   min-width:min(100%,30rem) }
.tk-table caption { caption-side:top; text-align:left!important; padding:0 0 .4rem; color:inherit; max-width:1050px }
.tk-table caption b { font-size:14px }
.tk-table caption span { color:var(--tk-soft); display:block }
.tk-table th { border-bottom:2px solid var(--tk-ink); padding:.25rem .7rem; text-align:left!important;
   vertical-align:bottom; font-weight:600; background:var(--tk-paper)!important; color:inherit }
.tk-table td { border-bottom:1px solid var(--tk-line); padding:.25rem .7rem; text-align:left!important;
   vertical-align:top; background:var(--tk-paper)!important }
.tk-table td,.tk-table th { max-width:44rem!important; white-space:normal; word-break:normal; min-width:0!important }
.tk-table td.w { min-width:15rem!important } .tk-table td.m { min-width:10rem!important }
@media (max-width:900px) {
  .tk-table td,.tk-table th { padding-left:.3rem; padding-right:.3rem }
  .tk-table td.w { min-width:9rem!important } .tk-table td.m { min-width:5rem!important } }
.tk-table td.d { white-space:nowrap!important }
.tk-table th.n,.tk-table td.n,.tk-table [style="text-align:right"] { text-align:right!important; white-space:nowrap }
.tk-table th.n { white-space:normal!important }
.tk-table .h { color:var(--tk-soft); font-style:italic }
.tk-table tfoot td { border:0; color:var(--tk-soft) }
.tk-table table.tk-filtered tfoot,.tk-table table.tk-filtered~p { display:none }
.tk-table p { color:var(--tk-soft); margin:.3rem 0 }
.tk-table .tk-sort { all:unset; cursor:pointer; position:relative; box-sizing:border-box }
.tk-table .tk-sort:hover { text-decoration:underline }
.tk-table .tk-sort::after { content:""; position:absolute; left:calc(100% + .15rem); bottom:.42em; border:.3em solid transparent }
.tk-table th.n .tk-sort::after,.tk-table th[style] .tk-sort::after { left:auto; right:calc(100% + .15rem) }
.tk-table [aria-sort="ascending"] .tk-sort::after { border-bottom-color:currentColor; bottom:.5em }
.tk-table [aria-sort="descending"] .tk-sort::after { border-top-color:currentColor; bottom:.15em }
.tk-table :focus-visible,.tk-table:focus-visible { outline:3px solid var(--tk-focus); outline-offset:1px }
.tk-filter { color:var(--tk-soft); padding:.6rem 0 .4rem }
.tk-filter input { font:inherit; color:var(--tk-ink); background:var(--tk-paper); border:1px solid #7b8794;
   border-radius:3px; padding:.1rem .4rem; width:13rem; margin:0 .7rem 0 .3rem }
.tk-count+button { font:13px system-ui,"Segoe UI",sans-serif; color:var(--tk-link); cursor:pointer;
   background:var(--tk-paper); border:1px solid #7b8794; border-radius:3px; padding:.1rem .55rem }
.tk-count+button { margin-left:.6rem }
.tk-mark { display:inline-block; padding:0 .45rem; border-radius:3px; background:var(--tk-tint) }
.tk-mark.warning { background:var(--tk-warning) }
.tk-mark.note { background:var(--tk-note) }
.tk-mark.ok { background:var(--tk-ok) }
@media print { .tk-filter,.tk-count+button { display:none } .tk-table { max-width:none; overflow:visible } }
"""
_CHARTS = """
.tk-figure { position:relative; background:var(--tk-paper) }
.tk-tools { position:absolute; right:.3rem; top:.2rem; z-index:2; display:flex; gap:.3rem; opacity:0;
   color:var(--tk-soft); font:13px system-ui,"Segoe UI",sans-serif }
.tk-figure:hover .tk-tools,.tk-tools:focus-within { opacity:1 }
.tk-tools [role="status"]:not(:empty) { background:var(--tk-paper); padding:.1rem .5rem }
.tk-tools button { font:13px system-ui,"Segoe UI",sans-serif; color:var(--tk-link); cursor:pointer;
   background:var(--tk-paper); border:1px solid #7b8794; border-radius:3px; padding:.1rem .55rem }
.tk-tools :focus-visible { outline:3px solid var(--tk-focus); outline-offset:1px }
@media (hover:none) { .tk-tools { position:static; opacity:1; padding:.2rem 0 } }
@media (prefers-reduced-motion:no-preference) { .tk-tools { transition:opacity .12s } }
.tk-chart.vega-embed { display:flex; flex-direction:column }
.tk-chart .vega-bindings { order:-1; padding:.2rem 0 .5rem }
.tk-chart .vega-bind { font:14px system-ui,"Segoe UI",sans-serif; color:var(--tk-ink) }
.tk-chart .vega-bind-name { margin-right:.5rem; color:var(--tk-soft) }
@media screen {
.tk-chart { overflow-x:auto } .tk-chart svg { max-width:none!important; height:auto }
.jp-Notebook .tk-chart svg, .jp-NotebookPanel .tk-chart svg, #rendered_cells .tk-chart svg { max-width:max(100%,720px)!important }
.tk-dark .tk-chart svg { background:none!important; mix-blend-mode:normal!important; color-scheme:dark }
.tk-dark #vg-tooltip-element { background:#262d38; color:#e6eaf0; border-color:#55606f; box-shadow:none }
.tk-dark #vg-tooltip-element table tr td.key { color:#adb7c5 }
}
@media print {
.tk-tools { display:none }
.tk-chart { overflow:visible }
}
"""
TABLE_STYLE = f"<style>{_COLOURS}{_TABLES}</style>"
STYLE = f"<style>{_COLOURS}{_CARDS}{_TABLES}{_CHARTS}</style>"


class Shown:
    """Something to show: HTML, words for where there is no HTML, and what a report reads from the notebook.

    >>> Shown("<p>Three tasks recur.</p>", "Three tasks recur.")
    Three tasks recur.
    """

    def __init__(self, markup: str, words: str = "", carried: Mapping[str, Any] | None = None) -> None:
        self.markup, self.words, self.carried = markup, words, dict(carried or {})

    def _ipython_display_(self) -> None:
        """Nothing to say leaves no empty box."""
        from IPython.display import display

        if self.markup:
            display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": STYLE + self.markup, "text/plain": self.words, **self.carried}

    def __repr__(self) -> str:
        return self.words


class Summary(str):
    """A finding in one or two sentences; `figures` are the sentences behind it: figures, what they count, caveats.

    >>> Summary("43% of it.", ["Of 12 people.", ""]).figures
    ('Of 12 people.',)
    """

    figures: tuple[str, ...]

    def __new__(cls, text: str, figures: Iterable[str] = ()) -> Summary:
        told = super().__new__(cls, spaced(text))
        told.figures = tuple(spaced(line.strip()) for line in figures if line.strip())
        return told


def fold(label: str, lines: Iterable[str]) -> str:
    """Lines that unfold by a click or a key, as HTML; nothing without lines. On paper they are printed."""
    points = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return (
        f'<details class="tk-figures"><summary>{html.escape(label)}</summary><ul>{points}</ul></details>'
        if points
        else ""
    )


def is_static() -> bool:
    """Whether pages are being made, so that a live control would stay blank."""
    return os.environ.get(STATIC_VARIABLE) == "1"


def show(widget: Any) -> Any:
    """Return what a cell should show of a control: the live one, or its static twin while pages are made.

    Parameters
    ----------
    widget : a control of this module, or anything else, which is returned as it is.

    >>> show("a sentence")
    'a sentence'
    """
    if not hasattr(widget, "static"):
        return widget
    return widget.static() if is_static() else widget.live()


def stack(*parts: Any) -> Shown:
    """Put charts, tables and cards under one another as one display.

    >>> stack(Shown("<p>a</p>", "a"), Shown("<p>b</p>", "b"))
    a
    b
    """
    bundles = [_bundle(part) for part in parts]
    markup = "".join(
        str(b.get("text/html") or f"<pre>{html.escape(str(b.get('text/plain', '')))}</pre>").replace(STYLE, "")
        for b in bundles
    )
    return Shown(markup, "\n".join(str(b.get("text/plain", "")) for b in bundles))


def sentence(text: str, *, kind: str = "") -> Shown:
    """A sentence in a card."""
    return Shown(f'<div class="tk-card {kind}"><p>{html.escape(text)}</p></div>', text)


def _bundle(part: Any) -> dict[str, Any]:
    found = part._repr_mimebundle_()
    return dict(found[0] if isinstance(found, tuple) else found)
