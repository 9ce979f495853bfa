"""The live controls of a finding: the sentence to correct, who says so and why, record and take back."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from taskkit.decisions import JOURNAL
from taskkit.errors import TaskkitError
from taskkit.widgets.displays import STYLE

if TYPE_CHECKING:
    from taskkit.widgets.cards import Finding

ROLES = ("analyst", "clerk", "process owner", "team lead", "IT")


_STYLE = '<style>.tk-agreed textarea { font:14px/1.5 system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif }</style>'


class FindingDesk:
    """The form of one finding; `text`, `role`, `why`, `record` and `take_back` are its controls, `said` its answer."""

    def __init__(self, finding: Finding) -> None:
        import ipywidgets as w

        standing = finding.standing.rows(named=True)
        self.finding = finding
        self.number: int | None = standing[-1]["number"] if standing else None
        wide, auto = w.Layout(width="calc(100% - 8px)", max_width="1060px"), w.Layout(width="auto")
        agreed = str(standing[-1]["decision"]) if standing else finding.text
        self.text = w.Textarea(value=agreed, rows=_rows(agreed), layout=wide)
        self.text.add_class("tk-agreed")
        self.text.tooltip = "The finding in the words of the room"
        self.role = w.Combobox(
            value="", placeholder="who says so", options=ROLES, ensure_option=False, description="role",
            layout=w.Layout(width="260px"),
            style={"description_width": "40px"},
        )  # fmt: skip
        self.why = w.Text(
            description="why", placeholder="what it rests on, or what was put differently", style={"description_width": "40px"},
            layout=w.Layout(width="560px", max_width="100%"),
        )  # fmt: skip
        self.record = w.Button(description="Record this finding", icon="check", layout=auto)
        self.take_back = w.Button(description="Take it back", icon="undo", layout=auto, disabled=self.number is None)
        self.said = w.HTML(self._stands())
        self.record.on_click(lambda _: self._try(self._record))
        self.take_back.on_click(lambda _: self._try(self._take_back))
        self.box = w.VBox(
            [
                w.HTML(STYLE + _STYLE + finding.markup),
                w.HTML("<b>Correct it in your own words before you record it</b>"),
                self.text,
                w.HBox([self.role, self.why], layout=w.Layout(flex_flow="row wrap")),
                w.HBox([self.record, self.take_back]),
                self.said,
            ]
        )

    def _try(self, act: Any) -> None:
        from taskkit.widgets.guided_path import renew_paths

        try:
            said = act()
            renew_paths()
        except (TaskkitError, OSError) as error:
            said = f'<div class="tk-card tk-problem" role="alert"><p>{html.escape(str(error))}</p></div>'
        self.said.value = said
        self.take_back.disabled = self.number is None

    def _record(self) -> str:
        self.number = self.finding.record(
            self.text.value.strip(), why=self.why.value.strip(), role=self.role.value.strip() or "not stated"
        )
        return f"Recorded as number {self.number} in {JOURNAL}."

    def _take_back(self) -> str:
        number, self.number = self.number or 0, None
        self.finding.decisions.undo(number, why=self.why.value.strip(), role=self.role.value.strip() or "not stated")
        return f"Number {number} was taken back; it stays in the journal as taken back."

    def _stands(self) -> str:
        if self.number is None:
            return "Nothing is recorded for this question yet."
        row = self.finding.standing.row(-1, named=True)
        return f"Recorded as number {row['number']} by {html.escape(row['role'])}; recording again adds to it."


def _rows(text: str) -> int:
    return min(max(len(text) // 120 + 1, 2), 8)
