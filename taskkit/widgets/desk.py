"""The live controls of the rule workbench: they fill in, call the workbench and show what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from taskkit import charts
from taskkit.activities.rules import MATCHES, SAYS, Rule, check_rules
from taskkit.errors import TaskkitError
from taskkit.widgets.controls import put
from taskkit.widgets.displays import STYLE, Shown, sentence

if TYPE_CHECKING:
    from taskkit.widgets.workbench import RuleWorkbench

_LAST = -1  # None would be shown as an empty list
_TEXTS = (*MATCHES, *SAYS, "note")
_LABELS = {
    "app": "application", "title": "title", "url": "address", "element": "element", "app_role": "role of the application",
    "screen": "screen", "activity": "activity", "case_ref": "case reference", "note": "note for people",
}  # fmt: skip


class Desk:
    """The form of one workbench; `texts`, `drop`, `place`, `chosen`, `reference` and `buttons` are its controls."""

    def __init__(self, bench: RuleWorkbench, *, quick: bool) -> None:
        import ipywidgets as w

        self.bench, self.at, self._filling = bench, 0, False
        wide, short = w.Layout(width="470px"), {"description_width": "150px"}
        self.texts = {
            name: w.Text(description=_LABELS[name], continuous_update=quick, layout=wide, style=short)
            for name in _TEXTS
        }  # fmt: skip
        self.drop = w.Checkbox(description="leave it out: it carries no meaning", indent=False, layout=wide)
        self.place = w.Dropdown(description="its place", layout=wide, style=short)
        self.chosen = w.Dropdown(description="rule", layout=w.Layout(width="620px"))
        self.reference = w.Dropdown(description="pattern", layout=w.Layout(width="620px"))
        self.bar, self.piece, self.caught, self.said, self.listed, self.found = (
            w.Output(), w.HTML(), w.HTML(), w.HTML(), w.HTML(), w.HTML()
        )  # fmt: skip
        self.buttons = {
            name: w.Button(description=words, icon=icon, layout=w.Layout(width="auto"))
            for name, words, icon in (
                ("previous", "Previous piece", "arrow-left"), ("next", "Next piece", "arrow-right"),
                ("keep", "Keep this rule", "check"), ("take_back", "Take back the last rule", "undo"),
                ("up", "Up", "arrow-up"), ("down", "Down", "arrow-down"), ("remove", "Remove", "trash"),
                ("refer", "Fill the form with it", "pencil"),
            )
        }  # fmt: skip
        self._wire()
        self.box = w.VBox(self._laid_out(w))
        self.refresh()
        self.go(0)

    def rule(self) -> Rule:
        """The rule in the form; blank texts are left out."""
        return Rule(**{name: text.value.strip() or None for name, text in self.texts.items()}, drop=self.drop.value)

    def fill(self, rule: Rule) -> None:
        """Put a rule into the form, and look once at what it does."""
        self._filling = True
        for name, text in self.texts.items():
            text.value = getattr(rule, name) or ""
        self.drop.value, self._filling = rule.drop, False
        self.look()

    def look(self, _: Any = None) -> None:
        """Show what the rule in the form would do, or the sentence that says what is wrong with it."""
        if self._filling:
            return
        rule, works = self.rule(), False
        if not rule.patterns or not (rule.says or rule.drop):
            shown = sentence("Say in the form what to look at and what it is called; the preview comes by itself.")
        else:
            try:
                check_rules([rule])
                shown, works = self.bench.preview(rule, self._place()), True
            except Exception as error:  # noqa: BLE001  a control must say what went wrong, not fall silent
                shown = problem(error)
        self.caught.value, self.buttons["keep"].disabled = shown.markup, not works

    def go(self, number: int) -> None:
        """Show a piece of time, counted from 0, with its suggestion in the form."""
        pieces = self.bench.chunks
        self.at = min(max(number, 0), max(pieces.height - 1, 0))
        self.buttons["previous"].disabled = self.at <= 0
        self.buttons["next"].disabled = self.at >= pieces.height - 1
        self.piece.value = self.bench.piece(self.at).markup
        self.fill(self.bench.suggest(self.at) if pieces.height else Rule())

    def refresh(self) -> None:
        """Show the bar, the lists and the places as they are now."""
        rules = self.bench.rules
        put(self.bar, charts.naming_coverage(self.bench.measured, min_people=self.bench.min_people))
        self.listed.value = self.bench.list_rules(min_people=1).markup
        lines = [f"{number}  {_in_words(rule)}" for number, rule in enumerate(rules, start=1)]
        self._filling = True
        self.place.options = [
            ("last", _LAST),
            *((f"before rule {n + 1}" if n else "first", n) for n in range(len(rules))),
        ]
        self.place.value = _LAST
        self.chosen.options = [(line, number) for number, line in enumerate(lines, start=1)]
        self.chosen.index = 0 if lines else None
        self._filling = False
        for name in ("up", "down", "remove"):
            self.buttons[name].disabled = not rules
        self.buttons["take_back"].disabled = not self.bench.kept
        if not self.found.value:  # looking for references takes a while; rules do not change them
            self.found.value = self.bench.list_references().markup
            self.reference.options = [
                (f"{row['field'].replace('_', ' ')}  {row['pattern']}", number)
                for number, row in enumerate(self.bench.references.iter_rows(named=True)) if row["kind"] == "reference"
            ]  # fmt: skip
            self.reference.index = 0 if self.reference.options else None
            self.buttons["refer"].disabled = not self.reference.options

    def act(self, change: Callable[[], str], *, on: bool = False) -> None:
        """Change the rules and show what came of it; `on`: go on to the next piece."""
        here = self.bench.chunks.row(self.at) if self.bench.chunks.height else None
        self._say(sentence(f"Naming {self.bench.events.height:,} events again …", kind="tk-asked"))
        try:
            said = sentence(change(), kind="tk-callout")
        except Exception as error:  # noqa: BLE001  a control must say what went wrong, not fall silent
            self.refresh()
            self._say(problem(error))
            return
        self.refresh()
        still = (
            here is not None and self.at < self.bench.chunks.height and self.bench.chunks.row(self.at)[:2] == here[:2]
        )
        self.go(self.at + 1 if on and still else self.at)
        self._say(said)

    def _place(self) -> int | None:
        return None if self.place.value in (None, _LAST) else int(self.place.value)

    def _wire(self) -> None:
        bench, press = self.bench, {name: button.on_click for name, button in self.buttons.items()}
        for control in (*self.texts.values(), self.drop, self.place):
            control.observe(self.look, names="value")
        press["previous"](lambda _: self.go(self.at - 1))
        press["next"](lambda _: self.go(self.at + 1))
        press["keep"](lambda _: self.act(lambda: bench.keep(self.rule(), self._place()), on=True))
        press["take_back"](lambda _: self.act(bench.take_back))
        press["up"](lambda _: self._move(-1))
        press["down"](lambda _: self._move(1))
        press["remove"](lambda _: self.act(lambda: bench.remove(self.chosen.value)))
        press["refer"](lambda _: self.fill(bench.suggest_reference(self.reference.value)))

    def _move(self, by: int) -> None:
        """Move the chosen rule, and keep it chosen."""
        number = self.chosen.value
        self.act(lambda: self.bench.move(number, by))
        if number is not None and self.bench.rules:
            self.chosen.value = min(max(number + by, 1), len(self.bench.rules))

    def _laid_out(self, w: Any) -> list[Any]:
        wrap = w.Layout(flex_flow="row wrap")
        looks = w.VBox([w.HTML("<b>Where all of these match</b> (patterns; upper or lower case)"),
                        *(self.texts[name] for name in MATCHES)])  # fmt: skip
        says = w.VBox([w.HTML("<b>it is called</b> ({name} puts in what (?&lt;name&gt;…) caught)"),
                       *(self.texts[name] for name in SAYS), self.drop])  # fmt: skip
        pick = self.buttons
        folded = w.Accordion(
            [
                w.VBox([self.listed, w.HBox([self.chosen, pick["up"], pick["down"], pick["remove"]], layout=wrap)]),
                w.VBox([self.found, w.HBox([self.reference, pick["refer"]], layout=wrap)]),
            ],
            titles=("Rules that hold", "Numbers that may be case references"),
        )
        return [
            w.HTML(STYLE), self.bar, self.said, self.piece, w.HBox([pick["previous"], pick["next"]]),
            w.HBox([looks, says], layout=wrap), w.HBox([self.texts["note"], self.place], layout=wrap),
            w.HBox([pick["keep"], pick["take_back"]]), self.caught, folded,
        ]  # fmt: skip

    def _say(self, shown: Shown) -> None:
        self.said.value = shown.markup


def problem(error: Exception) -> Shown:
    """What is wrong with a rule or a file, as one box."""
    if not isinstance(error, (TaskkitError, OSError)):
        return sentence(f"This did not work: {type(error).__name__}: {error}", kind="tk-problem")
    lines = [line.strip() for line in str(error).splitlines()]
    if len(lines) > 1 and lines[0].endswith("cannot be used:"):
        lines = [line.removeprefix("rule 1: ").replace("rule 1 ", "the rule ", 1) for line in lines[1:]]
    return sentence("; ".join(lines), kind="tk-problem")


def _in_words(rule: Rule) -> str:
    """A rule in one line: what it looks at → what it says."""
    said = [*(f"{name} {text}" for name, text in rule.says.items()), *(["left out"] if rule.drop else [])]
    return " and ".join(f"{name} {text}" for name, text in rule.patterns.items()) + " → " + ", ".join(said)
