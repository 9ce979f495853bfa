"""What all controls share: a row of settings above what they change, and a twin for pages without a kernel."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from taskkit.charts.look import unchecked
from taskkit.errors import TaskkitError
from taskkit.widgets.displays import STYLE, is_static, sentence

_WAITING = (
    """<div role="status" style="min-height:1.5em;color:var(--tk-soft);font:14px/1.5 system-ui,sans-serif">{}</div>"""
)


class Explorer:
    """A row of controls above what they change; a page without a kernel shows `static()` instead."""

    def controls(self) -> dict[str, Any]:
        """The controls: setting → ipywidgets control."""
        raise NotImplementedError

    draw: Callable[..., Any]  # what the settings give: a chart, a table or a stack of them

    def static(self) -> Any:
        """The same without a kernel, with the settings as they are at first."""
        return self.draw()

    def waiting(self, **settings: Any) -> str:
        """What is said while a picture is made that takes longer than people wait without a word; "" for all others."""
        return ""

    def adjust(self, controls: dict[str, Any]) -> None:
        """Change the controls after one of them has moved, such as which can be moved at all."""

    def live(self) -> Any:
        """The controls and what they change, as an ipywidgets box."""
        import ipywidgets as w

        controls, place, said = self.controls(), w.Output(), w.HTML()

        def redraw(_: Any = None) -> None:
            settings = {name: control.value for name, control in controls.items()}
            self.adjust(controls)
            words = self.waiting(**settings)
            if words:
                said.value = _WAITING.format(f"<progress></progress> {html.escape(words)}")
            put(place, shown_by(lambda: self.draw(**settings)))
            if words:
                said.value = _WAITING.format("")

        for control in controls.values():
            control.observe(redraw, names="value")
        redraw()
        row = w.HBox([*controls.values(), said], layout=w.Layout(flex_flow="row wrap"))
        return w.VBox([w.HTML(STYLE), row, place])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        shown = self.static() if is_static() else self.live()
        return shown._repr_mimebundle_(include=include, exclude=exclude)


def shown_by(draw: Callable[[], Any]) -> Any:
    """What a function draws, or what went wrong in a readable box."""
    try:
        with unchecked():
            return Quick.of(draw())
    except TaskkitError as error:
        return sentence(str(error), kind="tk-problem")
    except Exception as error:  # noqa: BLE001  a control must say what went wrong, not fall silent
        return sentence(f"This could not be drawn: {type(error).__name__}: {error}", kind="tk-problem")


class Quick:
    """A chart whose specification is not checked again each time that a control moves; tests do that."""

    def __init__(self, chart: Any) -> None:
        self.chart = chart

    @classmethod
    def of(cls, shown: Any) -> Any:
        """The same, if it is a chart; anything else as it is."""
        return cls(shown) if hasattr(shown, "to_json") else shown

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        import altair as alt

        renderer: Any = alt.renderers.get()
        return renderer(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The specification."""
        with unchecked():
            return dict(self.chart.to_dict(validate=False))


def put(place: Any, shown: Any) -> None:
    """Replace what an Output shows; set directly, so that it works inside callbacks and before it is displayed."""
    found = shown._repr_mimebundle_()
    data, metadata = found if isinstance(found, tuple) else (found, {})
    place.outputs = ({"output_type": "display_data", "data": dict(data), "metadata": dict(metadata)},)


def choice(label: str, options: Any, value: Any) -> Any:
    import ipywidgets as w

    return w.Dropdown(options=options, value=value, description=label, style={"description_width": "initial"})


def slider(label: str, value: Any, least: Any, most: Any, step: Any) -> Any:
    import ipywidgets as w

    kind = w.FloatSlider if isinstance(step, float) else w.IntSlider
    return kind(
        value=value,
        min=least,
        max=most,
        step=step,
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": "460px"},
    )
