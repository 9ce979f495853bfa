"""What the forms of the desks share: the width of the fields, the answer below them, and taking back what stands."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

from taskkit.errors import SettingError, TaskkitError
from taskkit.widgets.finding_desk import NOT_STATED

_BESIDE = '<div style="color:var(--tk-soft);margin-left:98px;line-height:1.4;max-width:900px">{}</div>'


def beside(markup: str) -> str:
    """Markup in the column of the fields, in the quiet colour of explanations."""
    return _BESIDE.format(markup)


class Form:
    """The fields that every form has, wired: `role`, `said` (the answer), `listed` and `standing` (what stands), `back`.

    A form of a desk adds its own fields, and says in `tell` what is shown anew after every change.

    Parameters
    ----------
    undo : takes an entry of the journal back, as the desks do.
    """

    def __init__(self, undo: Callable[..., None]) -> None:
        import ipywidgets as w

        self._undo = undo
        self.style = {"description_width": "90px"}
        self.wide, self.half = (w.Layout(width=f"min({most}px, 98%)") for most in (1020, 500))
        self.auto, self.flow = w.Layout(width="auto"), w.Layout(flex_flow="row wrap")
        self.said, self.listed = w.HTML(), w.HTML()
        self.role = w.Text(description="your role", placeholder="process owner", layout=self.half, style=self.style)
        self.standing = w.Dropdown(description="take back", layout=self.half, style=self.style)
        self.back = w.Button(description="Take it back", icon="undo", layout=self.auto)
        self.back.on_click(lambda _: self.act(self._take_chosen_back))

    def tell(self) -> None:
        """Show what stands now."""
        raise NotImplementedError

    def act(self, change: Callable[[], str]) -> None:
        """Change something, and say what was done or what is missing."""
        try:
            self.say(change(), "tk-callout")
        except (TaskkitError, OSError) as error:
            self.say(str(error), "tk-problem")
        self.tell()

    def say(self, text: str, kind: str) -> None:
        """Show an answer in a box, a line for each problem."""
        lines = "".join(f"<p>{html.escape(line.strip())}</p>" for line in text.splitlines())
        self.said.value = f'<div class="tk-card {kind}" role="status">{lines}</div>'

    def offer_back(self, rows: Sequence[tuple[str, int]]) -> None:
        """Offer what stands for taking back, oldest given first and newest shown first."""
        self.standing.options = [*reversed(rows)]
        self.standing.index = 0 if rows else None
        self.back.disabled = self.standing.disabled = not rows

    def take_back(self, number: int, *, why: str = "") -> str:
        """Take one entry back; a role that was left blank is recorded as not stated."""
        self._undo(number, why=why or "taken back at the desk", role=self.role.value.strip() or NOT_STATED)
        return f"Number {number} is taken back; the journal keeps both entries."

    def _take_chosen_back(self) -> str:
        if self.standing.value is None:
            raise SettingError("Nothing stands that could be taken back.")
        return self.take_back(int(self.standing.value), why=self.reason())

    def reason(self) -> str:
        """The reason in the form's own field, where it has one that fits taking back."""
        return ""
