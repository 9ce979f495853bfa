"""What a log is good enough for: from the checks to a verdict per use, with the limits that were applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from taskkit.errors import check_choice
from taskkit.privacy import MIN_PEOPLE, shares_pages
from taskkit.quality.checks import MIN_EVENTS
from taskkit.schema import require_columns

_SEVERE = {"ok": 0, "note": 1, "warning": 2}
_VERDICTS = pl.Schema({"use": pl.String(), "verdict": pl.String(), "because": pl.List(pl.String()),
                       "threshold": pl.String(), "sentence": pl.String()})  # fmt: skip


@dataclass(frozen=True)
class Use:
    """A use of a log: what it cannot do without, and from which level on a check speaks against it."""

    named: str  # as in "Enough for …"
    needs: tuple[str, ...]  # checks whose value must reach a minimum
    minds: Mapping[str, str] = field(default_factory=dict)  # check → note or warning


_DAMAGE = dict.fromkeys(("duplicates", "clock", "order", "gaps", "blind_spots", "same_time"), "warning")
USES: dict[str, Use] = {
    "segmentation": Use("segmentation", ("size",), _DAMAGE | {
        "presence": "note", "without_app": "warning", "without_window_title": "note"}),
    "variants": Use("variants", ("size",), _DAMAGE | {
        "dominance": "note", "without_kind": "note", "without_window_title": "note", "without_element_name": "note"}),
    "comparison": Use("a comparison of teams", ("size", "groups"), {
        "dominance": "note", "days": "note", "coverage": "note", "gaps": "warning", "blind_spots": "warning",
        "same_time": "warning", "without_kind": "note"}),
    "overlay": Use("laying it over the process", ("size",), {
        "clock": "warning", "same_time": "warning", "coverage": "note", "gaps": "warning", "blind_spots": "warning",
        "without_window_title": "note", "redacted": "note"}),
    "automation": Use("automation scores", ("size",), {
        "dominance": "note", "days": "note", "coverage": "note", "duplicates": "warning", "blind_spots": "warning",
        "same_time": "warning", "without_kind": "note", "without_element_name": "note"}),
    "effort figures": Use("effort figures", ("size",), _DAMAGE | {
        "days": "note", "dominance": "note", "presence": "note", "coverage": "note", "sleep": "warning",
        "excluded": "note", "incomplete_sessions": "warning"}),
}  # fmt: skip
_REASONS = {
    "duplicates": "many rows are there twice", "clock": "the clock jumps often", "order": "clock and order disagree often",
    "gaps": "long silences are not explained", "sleep": "the recorder stood still for long",
    "blind_spots": "the recorder was often blind", "presence": "breaks cannot be told from missing recording",
    "coverage": "much of the working window is not covered", "days": "few days were recorded",
    "dominance": "it describes few people or mostly one", "excluded": "much time was excluded on purpose",
    "incomplete_sessions": "many sessions were broken off", "redacted": "much was redacted",
    "same_time": "many rows have one time", "without_kind": "copies and entries cannot be told from clicks",
    "without_app": "applications are missing", "without_window_title": "window titles are missing",
    "without_element_name": "elements are missing",
}  # fmt: skip


def judge_uses(quality: pl.DataFrame, *, min_people: int | None = None, min_events: int = MIN_EVENTS) -> pl.DataFrame:
    """Say for each use of a log whether it is enough, to be used with care, or not enough, and why.

    Parameters
    ----------
    quality : frame of `check_quality`.
    min_people : fewest people in the smallest group of a comparison; by default the limit that the check was made with.
    min_events : fewest rows of a log from which anything recurring can be read.

    Returns
    -------
    One row per use (segmentation, variants, comparison, overlay, automation, effort figures): `use`, `verdict` (enough,
    with care, not enough), `because` (the checks that speak against it, none for enough), `threshold` (the limits of those
    checks, or what the use needs) and `sentence`.

    >>> from taskkit.schema import EVENTS
    >>> from taskkit.quality import check_quality
    >>> judge_uses(check_quality(pl.DataFrame(schema=EVENTS.schema)))["sentence"][1]
    'Too few events for variants (0 of at least 500).'
    """
    require_columns(quality, "check", "level", "value", "threshold", "sentence", made_by="check_quality")
    least = {"size": (min_events, "events"), "groups": (-1 if min_people is None else min_people, "people")}
    found = {row["check"]: row for row in quality.iter_rows(named=True)}
    return pl.DataFrame([_judge(name, use, found, least) for name, use in USES.items()], schema=_VERDICTS, orient="row")


def list_use_caveats(quality: pl.DataFrame, *, use: str, min_people: int | None = None) -> pl.DataFrame:
    """List the checks that speak against one use of a log: what its results should say beside their figures.

    Parameters
    ----------
    quality : frame of `check_quality`.
    use : one of segmentation, variants, comparison, overlay, automation, effort figures.
    min_people : fewest people in the smallest group of a comparison; by default the limit that the check was made with.

    Returns
    -------
    The rows of `quality` that concern the use, the gravest first; none where nothing speaks against it.

    Raises
    ------
    SettingError : there is no such use.

    >>> from taskkit.schema import EVENTS
    >>> from taskkit.quality import check_quality
    >>> list_use_caveats(check_quality(pl.DataFrame(schema=EVENTS.schema)), use="overlay")["check"].to_list()
    ['size']
    """
    check_choice(use, allowed=USES, what="use")
    judged = judge_uses(quality, min_people=min_people).row(by_predicate=pl.col("use") == use, named=True)
    rank = pl.col("level").replace_strict(_SEVERE, return_dtype=pl.Int8)
    concerned = quality.filter(pl.col("check").is_in(judged["because"]))
    return concerned.sort(rank, descending=True, maintain_order=True)


def _judge(
    name: str, use: Use, found: Mapping[str, Mapping[str, object]], least: Mapping[str, tuple[int, str]]
) -> tuple[str, str, list[str], str, str]:
    have = {check: float(str(found[check]["value"])) if check in found else 0.0 for check in use.needs}
    bare = "size" in found and found["size"]["level"] == "warning" and have["size"] > 0  # presence rows only
    untold = "groups" in found and float(str(found["groups"]["value"])) == 0
    # the check was made with a limit of its own: what it calls too few is too few here too
    refused = {c for c in use.needs if least[c][0] < 0 and c in found and found[c]["level"] != "ok"}
    short = [c for c in use.needs if have[c] < least[c][0] or c in refused or (c == "size" and bare)]
    if short:
        parts = [
            f"no interaction for {use.named}" if c == "size" and bare
            else f"the log does not say how many people worked, which {use.named} needs" if c == "groups" and untold
            else f"too few people for {use.named} (fewer than {MIN_PEOPLE} in the smallest group)"
            if c == "groups" and shares_pages() and have[c] < MIN_PEOPLE
            else f"too few {least[c][1]} for {use.named} ({have[c]:,.0f} of {found[c]['threshold']})"
            if c in refused and have[c] >= least[c][0]
            else f"too few {least[c][1]} for {use.named} ({have[c]:,.0f} of at least {least[c][0]:,})"
            for c in short
        ]  # fmt: skip
        said = " and ".join(parts)
        return name, "not enough", short, _limits(short, least, found), said[0].upper() + said[1:] + "."
    minds = [check for check, level in use.minds.items()
             if check in found and _SEVERE[str(found[check]["level"])] >= _SEVERE[level]]  # fmt: skip
    if minds:
        limits = "; ".join(f"{_in_words(check)}: {found[check]['threshold']}" for check in minds)
        reasons = _REASONS | ({"dominance": "it does not say how many people it describes"} if untold else {})
        if "coverage" in minds and (found["coverage"].get("n") == 0 or float(str(found["coverage"]["value"])) >= 0.7):
            reasons |= {"coverage": "how much of the working window is covered is not known well"}
        return name, "with care", minds, limits, f"With care for {use.named}: {', '.join(reasons[c] for c in minds)}."
    return name, "enough", [], _limits(use.needs, least, found), f"Enough for {use.named}."


def _limits(
    checks: tuple[str, ...] | list[str], least: Mapping[str, tuple[int, str]], found: Mapping[str, Mapping[str, object]]
) -> str:
    return "; ".join(
        f"{_in_words(check)}: {found[check]['threshold']}" if least[check][0] < 0 and check in found
        else f"{_in_words(check)}: at least {least[check][0]:,} {least[check][1]}" for check in checks
    )  # fmt: skip


def _in_words(check: str) -> str:
    return check.replace("_", " ")
