"""The rule workbench: steps are brought to names that everybody accepts, the largest piece of unnamed time first."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from taskkit import charts
from taskkit.activities import name_activities
from taskkit.activities.references import find_case_refs, suggest_reference_rule
from taskkit.activities.rules import Rule, check_rules, read_rules, write_rules
from taskkit.activities.workbench import (
    list_learnt,
    list_unnamed,
    measure_naming,
    measure_rules,
    preview_rule,
    suggest_rule,
)
from taskkit.charts.look import count_of, hidden_note, people, shown, smallest_group
from taskkit.errors import SettingError
from taskkit.privacy import MIN_PEOPLE
from taskkit.widgets.controls import Explorer
from taskkit.widgets.displays import Shown, sentence, stack
from taskkit.widgets.tables import table

SHARE = "Share of the active time; people: who was seen there."
_QUICK = 500_000  # rows up to which every key stroke in the form may look at the log


class RuleWorkbench(Explorer):
    """Rules of the people who know the work, made from the time that has no name yet; kept in a file.

    The events with their new names are `events`, the rules `rules`. Titles of single people are needed to name them, so
    the live form shows their patterns; pages hide what fewer than `min_people` people used, and examples altogether.

    Parameters
    ----------
    events : events frame, named or not.
    rules : rules that hold at first; by default those of the file.
    path : rule file (TOML); it is made with the first rule that is kept. It is read again before it is written.
    min_people : smallest group that tables show; a log of fewer people shows all.
    most : largest number of pieces of time.

    Raises
    ------
    SettingError : a rule cannot be used, or the file holds other rules than those given.
    """

    def __init__(
        self, events: pl.DataFrame, *, rules: Sequence[Rule] | None = None, path: str | Path | None = "../rules.toml",
        min_people: int = MIN_PEOPLE, most: int = 40,
    ) -> None:  # fmt: skip
        self.path, self.most = Path(path) if path is not None else None, most
        self.min_people = smallest_group(events, min_people=min_people)
        self._recorded, self.kept = events, list[Rule]()
        self._on_file = read_rules(self.path) if self.path is not None else []
        if rules is not None and self._on_file and list(rules) != self._on_file:
            raise SettingError(
                f"{self.path} holds {len(self._on_file)} rules, and not those given. Leave rules= out to go on with the "
                "file, or name another file with path=."
            )
        self._name(self._on_file if rules is None else check_rules(list(rules)))

    def keep(self, rule: Rule, place: int | None = None) -> str:
        """Write a rule into the file, at its place (from 0; None: behind all others), and name the events again."""

        def insert(rules: list[Rule]) -> list[Rule]:
            here = len(rules) if place is None else place
            if not 0 <= here <= len(rules):
                raise SettingError(f"place={place} is no place among {len(rules)} rules; allowed: 0 to {len(rules)}.")
            return [*rules[:here], rule, *rules[here:]]

        check_rules([rule], where="the new rule")
        said = self._change(insert, "Kept")
        self.kept.append(rule)
        return said

    def take_back(self) -> str:
        """Take the rule that was kept last here out of the file again."""
        if not self.kept:
            raise SettingError("No rule was kept here that could be taken back; rules of the list can be removed.")
        rule = self.kept.pop()
        return self._change(lambda rules: _without(rules, rule), "Taken back")

    def remove(self, number: int) -> str:
        """Take a rule out of the file; rules count from 1."""
        rule = self._rule(number)
        said = self._change(lambda rules: _without(rules, rule), "Removed")
        self.kept = [kept for kept in self.kept if kept != rule]
        return said

    def move(self, number: int, by: int) -> str:
        """Move a rule up (-1) or down (1); rules count from 1."""
        rule = self._rule(number)

        def moved(rules: list[Rule]) -> list[Rule]:
            rest, here = _without(rules, rule), _place(rules, rule)
            here = min(max(here + by, 0), len(rest))
            return [*rest[:here], rule, *rest[here:]]

        return self._change(moved, "Moved")

    def preview(self, rule: Rule, place: int | None = None) -> Shown:
        """What a rule would catch at a place (None: behind all others), in words and as a table."""
        here = len(self.rules) if place is None else place
        found = preview_rule(self.events, rule=rule, rules=self.rules, place=here)
        if found.is_empty():
            return sentence("This rule matches nothing in this log.", kind="tk-asked")
        names = {
            "says": "says", "outcome": "outcome", "now": "now", "named_by": "named by", "becomes": "becomes",
            "titles": "titles", "events": "events", "active_hours": "active time (h)", "share": "share", "people": "people",
        }  # fmt: skip
        seen, hidden = shown(found, self.min_people)
        rest = hidden_note(hidden, self.min_people, what="line")
        listed = table(seen, caption="What this rule does", definition=f"{SHARE} A dash: no name yet. {rest}", columns=names,
                       most=10, empty=rest)  # fmt: skip
        return stack(Shown(f'<div class="tk-card tk-callout">{_paragraphs(found)}</div>', ""), listed)

    def draw(self) -> Any:
        """The bar, the largest unnamed pieces, the names that were learnt and the rules."""
        return stack(
            charts.naming_coverage(self.measured, min_people=self.min_people),
            self._pieces(
                self.chunks.filter("unnamed"), "Time without a name", "Largest first, with what a rule could say.",
                "No time is left without a name in this log.",
            ),
            self._pieces(
                self.chunks.filter(~pl.col("unnamed")), "Names that were learnt",
                "Most time first. Do the people who work there call it so? A rule can say it better.",
                "No name was learnt: rules give them all.",
            ),
            self.list_rules(),
        )  # fmt: skip

    def list_rules(self, *, min_people: int | None = None) -> Shown:
        """The rules that hold, in the order in which they are tried, with what each catches."""
        return table(
            measure_rules(self.events, rules=self.rules), caption="Rules that hold", most=100,
            definition=f"For each thing that can be said, the first rule that matches and says it wins. {SHARE}",
            columns={"rule": "rule", "looks_at": "looks at", "says": "says", "titles": "titles", "events": "events",
                     "active_hours": "active time (h)", "share": "share", "people": "people"},
            min_people=self.min_people if min_people is None else min_people, keep=("rule",),
            empty="There is none yet: all names were learnt from the log.",
        )  # fmt: skip

    def list_references(self) -> Shown:
        """Patterns of numbers that may be case references."""
        return table(
            self.references, caption="Numbers that may be case references", most=20, min_people=self.min_people,
            definition="Share of the active time in rows that show exactly one; several: rows that show more (lists, of which "
            "a rule takes the first). Collisions: numbers that also stand behind other letters. A rule keeps the number "
            "itself; tk.add_case_refs(events, patterns=[…], key=…) keeps its digest.",
            columns=[name for name in self.references.columns if name != "example"],
            empty="No pattern of numbers was found in titles, addresses or names.",
        )  # fmt: skip

    @cached_property
    def references(self) -> pl.DataFrame:
        """Frame of `find_case_refs`."""
        return find_case_refs(self.events)

    def piece(self, number: int) -> Shown:
        """A piece of time that a name is looked for, counted from 0; its example only where enough people saw it."""
        if self.chunks.is_empty():
            return sentence("Every name was given by a rule; there is nothing left to name.", kind="tk-callout")
        row, unnamed = self.chunks.row(number, named=True), int(self.chunks["unnamed"].sum())
        if row["unnamed"]:
            head = f"Piece {number + 1} of {unnamed} without a name"
        else:
            head = f"Learnt name {number - unnamed + 1} of {self.chunks.height - unnamed}: would people call it so?"
        seen = f"{row['active_hours']:.2f} h, {row['share']:.1%} of the active time".replace("%", " %")
        who = f"{count_of(row['titles'], 'title')}, {people(row['people'])}"
        like = f"such as “{row['example']}”" if row["example"] and row["people"] >= self.min_people else ""
        lines = [f"{row['app'] or 'no application'}: {seen}; {who}", like]
        body = "".join(f"<p>{html.escape(line)}</p>" for line in lines if line)
        return Shown(
            f'<div class="tk-card"><p class="tk-head">{html.escape(head)}</p>{body}</div>',
            f"{head}. {'. '.join(lines)}",
        )

    def live(self) -> Any:
        """The bar, the form and the rules, as an ipywidgets box; `desk` holds its controls."""
        from taskkit.widgets.desk import Desk

        self.desk = Desk(self, quick=self.events.height <= _QUICK)
        return self.desk.box

    def _pieces(self, chunks: pl.DataFrame, caption: str, definition: str, empty: str) -> Shown:
        patterns = pl.coalesce(
            pl.concat_str(pl.lit("title: "), "title"), pl.concat_str(pl.lit("url: "), "url"), pl.lit("the application")
        )
        seen, hidden = shown(chunks.with_columns(looks_at=patterns), self.min_people)
        rest = hidden_note(hidden, self.min_people, what="line")
        return table(
            seen, caption=caption, definition=f"{definition} {SHARE} {rest}", empty=rest or empty,
            columns={"app": "application", "looks_at": "pattern", "screen": "screen", "titles": "titles",
                     "active_hours": "active time (h)", "share": "share", "people": "people"},
        )  # fmt: skip

    def _rule(self, number: int) -> Rule:
        if not 1 <= number <= len(self.rules):
            raise SettingError(f"There is no rule {number}; rules: {len(self.rules)}.")
        return self.rules[number - 1]

    def _change(self, act: Callable[[list[Rule]], list[Rule]], done: str) -> str:
        """Change the rules as they stand in the file now; what others wrote in the meantime holds."""
        if self.path is None:
            raise SettingError(
                "There is no rule file to keep it in: give path=, for example RuleWorkbench(events, path='rules.toml')."
            )
        now = read_rules(self.path)
        changed = now != self._on_file
        own = [rule for rule in self.rules if rule not in self._on_file and rule not in now]  # given, not written yet
        held = [*now, *own] if changed else list(self.rules)
        try:
            rules = check_rules(act(list(held)))
        except SettingError:
            if changed:
                self._on_file = now
                self._name(held)
            raise
        write_rules(rules, self.path)
        self._on_file = rules
        self._name(rules)
        words = f"{done}; {len(rules)} {'rule' if len(rules) == 1 else 'rules'} in {self.path.name}."
        if changed:
            words += (
                " The file had been changed by somebody else in the meantime: those rules hold too. Look at the list."
            )
        return words

    def _name(self, rules: list[Rule]) -> None:
        """Name the events by these rules, and look again at what is left."""
        events = self._recorded
        given = {"named_by", "dropped"} <= {*events.columns}
        if rules or not given or (events["named_by"] == "rule").any() or (events["dropped"] == "rule").any():
            events = name_activities(events, rules=rules)
        self.rules, self.events, self.measured = rules, events, measure_naming(events)
        lists = [(list_unnamed(events, most=self.most), True), (list_learnt(events, most=self.most), False)]
        self.chunks = pl.concat([found.with_columns(unnamed=pl.lit(unnamed)) for found, unnamed in lists])

    def suggest(self, number: int) -> Rule:
        """The rule that would name a piece of time; pieces count from 0."""
        return suggest_rule(self.chunks.row(number, named=True))

    def suggest_reference(self, number: int) -> Rule:
        """The rule that would fill `case_ref` from a pattern; patterns count from 0."""
        return suggest_reference_rule(self.references.row(number, named=True))


def _without(rules: list[Rule], rule: Rule) -> list[Rule]:
    if rule not in rules:
        raise SettingError("Somebody else changed or removed this rule in the file in the meantime. Look at the list.")
    here = _place(rules, rule)
    return [*rules[:here], *rules[here + 1 :]]


def _place(rules: list[Rule], rule: Rule) -> int:
    return len(rules) - 1 - rules[::-1].index(rule)


def _paragraphs(found: pl.DataFrame) -> str:
    """One sentence for each thing that a rule says: what it catches, and whose it was."""
    lines = []
    for (says,), part in found.group_by("says", maintain_order=True):
        caught = part.filter(pl.col("outcome") == "caught")
        hours, share = float(caught["active_hours"].sum()), float(caught["share"].sum())
        by = pl.col("named_by")
        learnt = by.is_in(["template", "title"])
        ruled = by.str.starts_with("rule")
        origins = {"had no name": by == "unnamed", "had a learnt name": learnt, "is taken from other rules": ruled}
        parts = {words: caught.filter(which) for words, which in origins.items()}
        of = ", ".join(f"{rows['active_hours'].sum():.2f} h {words}" for words, rows in parts.items() if rows.height)
        text = f"{hours:.2f} h ({share:.1%} of the active time)".replace("%", " %") + (f": {of}." if of else ".")
        if part.height > caught.height:
            left = float(part["active_hours"].sum()) - hours
            text += f" Not caught: {left:.2f} h of which an earlier rule, or the log itself, says it already."
        lines.append(f"<p><b>{html.escape(str(says).replace('_', ' '))}</b>: {text}</p>")
    return "".join(lines)
