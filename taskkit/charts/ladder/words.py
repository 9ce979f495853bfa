"""What is written on the chevrons of a ladder: for each step two short lines that tell it from the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import polars as pl

from taskkit.charts.labels import middle_cut, plain_address, shared_ending
from taskkit.charts.look import short, split_activity, wrap

Words = dict[str, tuple[str, str, str, str]]  # step → two lines, full name, place


def name_steps(drawn: pl.DataFrame, beside: dict[str, pl.DataFrame]) -> Words:
    """For each step two lines that tell it from the others of the task, its full name and its place."""
    own = [beside[way] for way in drawn["variant_id"].to_list() if way in beside]
    of_standard = {step for frame in own for step in frame["standard_step"].drop_nulls()}
    steps = sorted({step for way in drawn["activities"] for step in way} | of_standard)
    parts = {step: _parts(step) for step in steps}
    words = _single(sorted({part for found, _ in parts.values() for part in found}))
    return {step: _joined([words[part] for part in found], sign) for step, (found, sign) in parts.items()}


def _parts(step: str) -> tuple[list[str], str]:
    """The steps of a loop or of a block without an order (as `simplify_variants` writes them), and the sign for it."""
    if step.startswith("{") and step.endswith("}"):
        inner = [_parts(part)[0] for part in step[1:-1].split(", ")]
        return [name for names in inner for name in names], "⇅"
    if step.startswith("(") and step.endswith(")+"):
        return step[1:-2].split(" → "), "↻"
    return [step], ""


def _joined(parts: list[tuple[str, str, str, str]], sign: str) -> tuple[str, str, str, str]:
    """One label for several steps that are drawn together."""
    if not sign:
        return parts[0]
    said = [" ".join(part[:2]).strip() for part in parts]
    second = "again" if len(parts) == 1 else said[1] if len(parts) == 2 else f"and {len(parts) - 1} more"
    names = [part[2] for part in parts]
    full = f"{' → '.join(names)}, repeated" if sign == "↻" else f"{', '.join(names)}, in any order"
    return short(said[0], 12), short(f"{sign} {second}", 13), full, parts[0][3]


def _single(activities: Iterable[str]) -> Words:
    """The labels of single steps."""
    activities = list(activities)
    ending = shared_ending(activities)
    lines = {activity: _two_lines(plain_address(activity.removesuffix(ending))) for activity in activities}
    again = Counter((one, two) for one, two, _, _ in lines.values())
    apart = {}
    for activity, (one, two, full, place) in lines.items():
        if again[one, two] > 1:
            rest = full.replace(" - ", " ")
            one, two = rest[:12].rstrip(), middle_cut(rest[12:].lstrip() or place, 12)
        apart[activity] = (one, two, full + (ending if not place else ""), place)
    return apart


def _two_lines(activity: str) -> tuple[str, str, str, str]:
    verb, thing, place = split_activity(activity)
    full = activity.partition(" · ")[0]
    if verb and (thing or place):
        return short(thing or place, 12), short(verb, 12), full, place
    first, *rest = wrap(full.replace(" - ", " "), 12)
    return short(first, 12), short(" ".join(rest), 12), full, place
