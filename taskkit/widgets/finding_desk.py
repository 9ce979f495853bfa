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
NOT_STATED = "not stated"  # the role of who left it blank

_STYLE = '<style>.tk-agreed textarea { font:14px/1.5 system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif }</style>'


class FindingDesk:
    """The form of one finding: `text`, `role`, `why`, `record` and `take_back` are its controls, `said` its answer.

    `others` says what another notebook recorded meanwhile.
    """

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
        self.said, self.others = w.HTML(self._stands()), w.HTML()
        self._looked = -1  # newest entry of the journal when others' words were looked for last
        self._look()
        for control in (self.text, self.role, self.why):  # told before it is recorded, if somebody else was quicker
            control.observe(lambda _: self._look(), names="value")
        self.record.on_click(lambda _: self._try(self._record))
        self.take_back.on_click(lambda _: self._try(self._take_back))
        self.box = w.VBox(
            [
                w.HTML(STYLE + _STYLE + finding.markup),
                self.others,
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
            said = _problem(str(error))
        self.said.value = said
        self.take_back.disabled = self.number is None
        self._look()

    def _look(self) -> None:
        """Show what another notebook has recorded meanwhile; asked at every key, so only a new entry is looked into."""
        try:
            if (newest := self.finding.newest) == self._looked:
                return
            self.others.value, self._looked = _problem(self.finding.disagreement()), newest
        except (TaskkitError, OSError) as error:
            self.others.value = _problem(str(error))

    def _record(self) -> str:
        self.number = self.finding.record(self.text.value.strip(), why=self.why.value.strip(), role=self._role())
        return f"Recorded as number {self.number} in {JOURNAL}."

    def _take_back(self) -> str:
        number, self.number = self.number or 0, None
        self.finding.decisions.undo(number, why=self.why.value.strip(), role=self._role())
        rest = self.finding.recorded().tail(1).rows(named=True)
        holds = [
            f" Number {row['number']} ({html.escape(row['role'])}) holds: “{html.escape(row['decision'])}”"
            for row in rest
        ]
        return f"Number {number} was taken back; it stays in the journal as taken back.{''.join(holds)}"

    def _role(self) -> str:
        return self.role.value.strip() or NOT_STATED

    def _stands(self) -> str:
        if self.number is None:
            return "Nothing is recorded for this question yet."
        row = self.finding.standing.row(-1, named=True)
        return f"Recorded as number {row['number']} by {html.escape(row['role'])}; recording again adds to it."


def _problem(text: str) -> str:
    return f'<div class="tk-card tk-problem" role="alert"><p>{html.escape(text)}</p></div>' if text else ""


def _rows(text: str) -> int:
    return min(max(len(text) // 120 + 1, 2), 8)
