"""Charts that need no network: an Altair renderer that leaves the specification and loads Vega once."""

from __future__ import annotations

import functools
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from taskkit.errors import MissingExtraError
from taskkit.widgets.displays import is_static

CHART_CLASS = "tk-chart"

# finds its own chart by its place in the document, not by an id: two notebooks in one window cannot mix them up
_DRAW = (
    "(function(script){var box=script.parentElement,chart=box.querySelector('.tk-chart'),"
    "spec=box.querySelector('script[type=\"application/json\"]');"
    "function fail(text){chart.setAttribute('data-failed','true');chart.textContent=text;}"
    "function draw(tries){if(window.vegaEmbed){"
    "window.vegaEmbed(chart,JSON.parse(spec.textContent),{actions:false,renderer:'svg'})"
    ".then(function(drawn){if(window.taskkitPage){window.taskkitPage.dressChart(chart,drawn.view);}})"
    ".catch(function(error){fail(String(error));});}"
    "else if(tries<200){setTimeout(function(){draw(tries+1);},50);}"
    "else{fail('The chart library is not loaded: run the cell with tk.start_notebook() again.');}}"
    "draw(0);})(document.currentScript);"
)


def enable_offline_charts() -> None:
    """Let Altair charts draw without a network, in JupyterLab and in exported pages.

    In a live notebook the Vega library, and the script that makes tables sort and charts copy, are put on the page
    once, by the cell that calls this; while pages are made (`TASKKIT_STATIC=1`) they are left out, since the page
    carries them itself.

    Raises
    ------
    MissingExtraError : Altair is not installed.

    >>> enable_offline_charts()
    >>> import altair
    >>> altair.renderers.active
    'taskkit'
    """
    try:
        import altair
    except ImportError as error:
        raise MissingExtraError("Charts need Altair. Install it with: pip install 'taskkit[lab]'") from error
    altair.renderers.register("taskkit", render_chart)
    altair.renderers.enable("taskkit")
    if is_live():
        from IPython.display import display

        scripts = f"<script>{vega_bundle()}</script><script>{page_script()}</script>"
        display({"text/html": scripts, "text/plain": ""}, raw=True)  # type: ignore[no-untyped-call]


def is_live() -> bool:
    """Whether this runs in a notebook that somebody looks at: not in a script, not while pages are made."""
    if is_static():
        return False
    try:
        shell = __import__("IPython").get_ipython()
    except ImportError:
        return False
    return shell is not None and getattr(shell, "kernel", None) is not None


def render_chart(spec: Mapping[str, Any], **_: Any) -> dict[str, str]:
    """Turn a Vega-Lite specification into one `<div>`, the specification and the few lines that draw it.

    The same specification gives the same text: no random ids. The chart's description, else its title, is what a
    screen reader says.

    >>> "tk-chart" in render_chart({"title": "Steps"})["text/html"]
    True
    """
    label = describe(spec)
    text = json.dumps({"description": label} | dict(spec), separators=(",", ":")).replace("<", "\\u003c")
    markup = (
        f'<div class="tk-figure"><div class="{CHART_CLASS}" role="graphics-document" tabindex="0" '
        f'aria-label="{html.escape(label)}"></div>'
        f'<script type="application/json">{text}</script><script>{_DRAW}</script></div>'
    )
    return {"text/html": markup, "text/plain": f"[chart: {label}]"}


def describe(spec: Mapping[str, Any]) -> str:
    """The words that stand for a chart: its description, else title and subtitle, else those of its first part."""
    if spec.get("description"):
        return str(spec["description"])
    title = spec.get("title")
    words = [title.get("text"), title.get("subtitle")] if isinstance(title, Mapping) else [title]
    parts = [" ".join(map(str, word)) if isinstance(word, list) else str(word) for word in words if word]
    if parts:
        return ". ".join(parts)
    for key in ("layer", "hconcat", "vconcat", "concat"):
        for part in spec.get(key) or []:
            if (inner := describe(part)) != "Chart":
                return inner
    return describe(spec["spec"]) if isinstance(spec.get("spec"), Mapping) else "Chart"


@functools.cache
def page_script() -> str:
    """What makes tables sort, filter and unfold, and charts copy and follow a dark theme; a second copy does nothing."""
    return (Path(__file__).parent / "page.js").read_text(encoding="utf-8")


@functools.cache
def vega_bundle() -> str:
    """The Vega, Vega-Lite and Vega-Embed libraries as one script; a second copy on a page does nothing."""
    try:
        import vl_convert
    except ImportError as error:
        raise MissingExtraError("Charts need vl-convert. Install it with: pip install 'taskkit[lab]'") from error
    # the raw bundle has const and let at its top: a second copy would be a syntax error, hence the wrapping
    script = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # the stub calls an optional argument required
    script = script.replace("</script", "<\\/script")
    return "if(!window.vegaEmbed){(function(){" + script + "\n})();}"
