"""The live form of the variant explorer: controls that depend on one another, the query and its problems, the evidence."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

from taskkit.errors import SettingError
from taskkit.widgets.controls import choice, put, shown_by
from taskkit.widgets.displays import STYLE, Shown, stack

if TYPE_CHECKING:
    from taskkit.widgets.variants import VariantExplorer

_WAYS = ("task", "level", "rare", "together")  # controls that make other ways
# A click on a chevron says which one to Python through a hidden text field: what is drawn carries its row of data.
# (The chart widget that could do it needs a package that loads its scripts from the network.)
_LISTEN = (
    "<script>(function(script){{var box=script.parentElement;box.addEventListener('click',function(event){{"
    "var item=event.target.__data__,row=item&&item.datum,field=document.querySelector('.{mark} input');"
    "if(!row||!row.way||!field){{return;}}"
    "field.value=JSON.stringify([row.way,row.number,Date.now()]);"
    "field.dispatchEvent(new Event('input',{{bubbles:true}}));field.dispatchEvent(new Event('change',{{bubbles:true}}));"
    "}});}})(document.currentScript);</script>"
)
_PROBLEM = '<pre style="margin:0;color:#a33c00;font:13px/1.35 ui-monospace,monospace;white-space:pre-wrap">{}</pre>'


class LadderDesk:
    """The controls of a `VariantExplorer`, wired; `box` is what is shown."""

    def __init__(self, explorer: VariantExplorer) -> None:
        import ipywidgets as w

        self.explorer, self.controls, self._quiet = explorer, explorer.controls(), False
        self.place, self.rows, self.said = w.Output(), w.Output(), w.HTML()
        self.clicked = w.Text(layout={"display": "none"})
        self.mark = f"tk-clicked-{self.clicked.model_id}"
        self.clicked.add_class(self.mark)
        self.clicked.observe(lambda change: self._step_clicked(change["new"]), names="value")
        self.way = choice("rows behind a step that is clicked, or", [("choose a way", "")], "")
        self.step = choice("step", [("the whole way", "")], "")
        for name, control in self.controls.items():
            control.observe(lambda _, name=name: self._moved(name), names="value")
        self.way.observe(lambda _: self._way_chosen(), names="value")
        self.step.observe(lambda _: self._show_rows(), names="value")
        *choices, query = self.controls.values()
        flow = w.Layout(flex_flow="row wrap")
        settings = w.VBox([w.HBox(choices, layout=flow), query, self.said])
        self._moved("task")
        lists = w.HBox([self.way, self.step, self.clicked])
        self.box = w.VBox([w.HTML(STYLE), settings, self.place, lists, self.rows])

    def _of_ways(self) -> dict[str, Any]:
        return {name: self.controls[name].value for name in _WAYS}

    def _moved(self, name: str) -> None:
        """Draw again after a control has moved; a query that cannot be read leaves the picture as it is."""
        if self._quiet:
            return
        query = self.controls["query"]
        try:
            if name in _WAYS:
                self._offer(self.controls["standard"], self.explorer.standards(**self._of_ways()))
            if name in ("task", "level", "query"):
                query.options = self._completions(query.value)
            ways = self.explorer.ways(query=query.value, **self._of_ways())
        except SettingError as error:
            self.said.value = _PROBLEM.format(html.escape(str(error)))
            return
        self.said.value = ""
        drawn = shown_by(lambda: self.explorer.draw(**{n: c.value for n, c in self.controls.items()}))
        put(self.place, stack(drawn, Shown(_LISTEN.format(mark=self.mark))))
        enough = ways.filter(ways["people"] >= self.explorer.min_people).head(self.explorer.top)
        found = [(way.rpartition("-")[2], way) for way in enough["variant_id"]]
        self._offer(self.way, [("choose a way", ""), *found])
        self._way_chosen()

    def _completions(self, text: str) -> list[str]:
        return self.explorer.completions(text, **{name: self.controls[name].value for name in ("task", "level")})

    def _offer(self, control: Any, options: list[tuple[str, str]], chosen: str | None = None) -> None:
        """Give a list other options; what was chosen stays if it is still there."""
        chosen, self._quiet = control.value if chosen is None else chosen, True
        control.options = options
        control.value = chosen if chosen in [value for _, value in options] else options[0][1]
        self._quiet = False

    def _way_chosen(self) -> None:
        if not self._quiet:
            steps = self.explorer.steps(self.way.value, **self._of_ways()) if self.way.value else []
            self._offer(self.step, [("the whole way", ""), *((step, step) for step in steps)])
            self._show_rows()

    def _step_clicked(self, said: str) -> None:
        """Choose the way and the step that a click in the picture is on, and show their rows."""
        try:
            way, number, _ = json.loads(said)
            known = way in [value for _, value in self.way.options]
        except (ValueError, TypeError):
            return
        if not known:
            return
        ways = self.explorer.ways(query=self.controls["query"].value, **self._of_ways())
        steps = ways.filter(ways["variant_id"] == way)["activities"][0].to_list()
        offered = self.explorer.steps(way, **self._of_ways())
        step = steps[number - 1] if isinstance(number, int) and 0 < number <= len(steps) else ""
        self._quiet = True
        self.way.value = way
        self._quiet = False
        self._offer(
            self.step, [("the whole way", ""), *((step, step) for step in offered)], step if step in offered else ""
        )
        self._show_rows()

    def _show_rows(self) -> None:
        """The evidence of the way and the step that are chosen."""
        if self._quiet:
            return
        if not self.way.value:
            self.rows.outputs = ()
            return
        settings = self._of_ways() | {"query": self.controls["query"].value}
        put(self.rows, shown_by(lambda: self.explorer.evidence(self.way.value, self.step.value or None, **settings)))
