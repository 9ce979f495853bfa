"""What a notebook cell shows: HTML that needs no network, and the choice between a live control and its twin."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from typing import Any

STATIC_VARIABLE = "TASKKIT_STATIC"  # 1 while pages are made: there is no kernel behind them

STYLE = """<style>
.tk-card { border:1px solid #d6dbe2; border-left:5px solid #0072b2; border-radius:4px; padding:.7rem 1rem;
   margin:.4rem 0; max-width:1060px; background:#fff; color:#1d2430;
   font:14px/1.5 system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif; }
.tk-card h4 { margin:0 0 .4rem; font-size:15px }
.tk-card dl { margin:0; display:grid; grid-template-columns:8.5rem 1fr; gap:.2rem 1rem }
.tk-card dl>div { display:contents }
.tk-card dt { color:#55606f; padding:0 }
.tk-card dd { margin:0; padding:0 }
.tk-card p { margin:.15rem 0; max-width:none }
.tk-callout { border-left-color:#009e73; background:#f3faf7 }
.tk-asked { border-left-color:#e69f00; background:#fdf8ee }
.tk-problem { border-left-color:#d55e00; background:#fdf4ee }
.tk-table { font:13px/1.45 system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif; color:#1d2430; max-width:1150px;
   overflow-x:auto; margin:.4rem 0; }
.tk-table table { border-collapse:collapse; table-layout:auto!important; font-variant-numeric:tabular-nums; margin:0 }
.tk-table caption { caption-side:top; text-align:left!important; padding:0 0 .4rem; color:#1d2430; max-width:1050px }
.tk-table caption b { font-size:14px }
.tk-table caption span { color:#55606f; display:block }
.tk-table th { border-bottom:2px solid #1d2430; padding:.25rem .7rem; text-align:left!important; vertical-align:bottom;
   font-weight:600; background:#fff; }
.tk-table td { border-bottom:1px solid #e4e8ed; padding:.25rem .7rem; text-align:left!important; vertical-align:top;
   background:#fff }
.tk-table td,.tk-table th { max-width:44rem!important; white-space:normal; word-break:normal }
.tk-table td,.tk-table th { min-width:0!important }
.tk-table td.w { min-width:18rem!important }
.tk-table th.n,.tk-table td.n { text-align:right!important; white-space:nowrap }
.tk-table .h { color:#7b8794; font-style:italic }
.tk-table tfoot td { border:0; color:#55606f }
.tk-mark { display:inline-block; padding:0 .45rem; border-radius:3px; background:#e4e8ed }
.tk-mark.warning { background:#f6d9c7 }
.tk-mark.note { background:#fbecc8 }
.tk-mark.ok { background:#d5eee5 }
.tk-chart.vega-embed { display:flex; flex-direction:column }
.tk-chart .vega-bindings { order:-1; padding:.2rem 0 .5rem }
.tk-chart .vega-bind { font:14px system-ui,"Segoe UI",sans-serif }
.tk-chart .vega-bind-name { margin-right:.5rem; color:#55606f }
.tk-card dt { white-space:nowrap }
.tk-chart { overflow-x:auto } .tk-chart svg { max-width:none!important; height:auto }
</style>"""


class Shown:
    """Something to show: HTML, words for where there is no HTML, and what a report reads from the notebook.

    >>> Shown("<p>Three tasks recur.</p>", "Three tasks recur.")
    Three tasks recur.
    """

    def __init__(self, markup: str, words: str = "", carried: Mapping[str, Any] | None = None) -> None:
        self.markup, self.words, self.carried = markup, words, dict(carried or {})

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": STYLE + self.markup, "text/plain": self.words, **self.carried}

    def __repr__(self) -> str:
        return self.words


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
