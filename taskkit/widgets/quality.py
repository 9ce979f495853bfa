"""The card that repeats beside a result what speaks against believing it."""

from __future__ import annotations

import html
import re

import polars as pl

from taskkit.privacy import MIN_PEOPLE, shares_pages
from taskkit.quality import judge_uses, list_use_caveats
from taskkit.widgets.displays import Shown, Summary

QUALITY = "application/x-taskkit-caveats+json"
_FEW = re.compile(r"^(\d+)(?= of [\d,]+ (?:session|person-day))")
# check → what it counts, for a page that tells only that there are few
_COUNTED = {
    "gaps": "silences that nothing explains", "sleep": "signs of life that stop without a reason",
    "blind_spots": "spans in which the recorder saw nothing", "excluded": "programs that are kept out on purpose",
    "duplicates": "rows that repeat an earlier row", "clock": "jumps of the clock", "order": "rows out of order",
    "incomplete_sessions": "sessions that were broken off", "presence": "rows that say when people were away",
}  # fmt: skip


def list_checks(quality: pl.DataFrame, *, min_people: int = MIN_PEOPLE) -> pl.DataFrame:
    """List the checks of a log; on a page that leaves the room without what tells of few recordings or of one person.

    Parameters
    ----------
    quality : frame of `check_quality`.
    min_people : smallest number of sessions, and of people, that such a page tells.

    Returns
    -------
    The same rows, the checks in words. On such a page a defect of fewer sessions is said to be there, and no more;
    nor does it say how much one person made of the log.

    >>> from taskkit.schema import EVENTS
    >>> from taskkit.quality import check_quality
    >>> list_checks(check_quality(pl.DataFrame(schema=EVENTS.schema)))["sentence"].to_list()
    ['The log is empty: nothing can be said.']
    """
    told = quality
    if shares_pages() and not quality.is_empty():
        told = pl.DataFrame([_coarse(row, min_people) for row in quality.iter_rows(named=True)], schema=quality.schema)
    return told.with_columns(pl.col("check").str.replace_all("_", " "))


def _coarse(row: dict[str, object], k: int) -> dict[str, object]:
    """A check without what tells of few recordings or of one person."""
    if row["check"] == "dominance" and row["people"] is not None:
        said = (
            "Nobody dominates the log." if row["level"] == "ok" else "The events are unevenly spread over the people."
        )
        return row | {"value": None, "sentence": said}
    if row["check"] == "groups" and row["value"] is not None and 0 < float(str(row["value"])) < k:
        said = f"Too few people for a comparison of groups: the smallest has fewer than {k}."
        return row | {"value": None, "sentence": said}
    found = _FEW.match(str(row["where"]))
    if found is None or not 0 < int(found[0]) < k:
        return row
    few = f"fewer than {k}"
    where = _FEW.sub(few, str(row["where"]))
    if row["check"] not in _COUNTED:
        return row | {"where": where}
    counted = _COUNTED[str(row["check"])]
    return row | {"value": None, "where": where, "sentence": f"There are {counted}, in {few} sessions."}


def caveat_card(quality: pl.DataFrame, *, use: str = "comparison", min_people: int = MIN_PEOPLE) -> Shown:
    """Show what speaks against one use of a log, in sentences with their limits; nothing where nothing does.

    Parameters
    ----------
    quality : frame of `check_quality`.
    use : one of segmentation, variants, comparison, overlay, automation, effort figures.
    min_people : fewest people in the smallest group of a comparison.

    Returns
    -------
    A card, or an empty display.

    Raises
    ------
    SettingError : there is no such use.

    >>> from taskkit.schema import EVENTS
    >>> from taskkit.quality import check_quality
    >>> print(caveat_card(check_quality(pl.DataFrame(schema=EVENTS.schema)), use="variants"))
    Too few events for variants (0 of at least 500).
    size: The log is empty: nothing can be said. Limit: at least 500 events.
    """
    caveats = list_checks(list_use_caveats(quality, use=use, min_people=min_people), min_people=min_people)
    if caveats.is_empty():
        return Shown("")
    verdict = judge_uses(quality, min_people=min_people).row(by_predicate=pl.col("use") == use, named=True)
    rows = list(caveats.select("check", "sentence", "threshold").iter_rows())
    lines = "".join(
        f"<div><dt>{html.escape(check)}</dt><dd>{html.escape(said)} <small>Limit: {html.escape(limit)}.</small></dd></div>"
        for check, said, limit in rows
    )
    kind = "tk-problem" if verdict["verdict"] == "not enough" else "tk-asked"
    head = f'<p class="tk-head">{html.escape(verdict["sentence"])}</p>'
    markup = f'<div class="tk-card {kind}" role="note">{head}<dl>{lines}</dl></div>'
    words = "\n".join([verdict["sentence"], *(f"{check}: {said} Limit: {limit}." for check, said, limit in rows)])
    return Shown(markup, words, {QUALITY: {"use": use, "verdict": verdict["verdict"], "because": verdict["because"]}})


def summarise_quality(quality: pl.DataFrame, measured: pl.DataFrame, *, min_people: int = MIN_PEOPLE) -> Summary:
    """Say what a log is good enough for, what speaks against it, and how much of its time has a name.

    Parameters
    ----------
    quality : frame of `check_quality`.
    measured : frame of `measure_naming`.
    min_people : fewest people in the smallest group of a comparison.

    >>> import taskkit as tk
    >>> log = tk.from_table(pl.DataFrame({"timestamp": [1.8e9 + n * 9 for n in range(4)], "window_title": ["Inbox"] * 4}))
    >>> named = tk.name_activities(log)
    >>> summarise_quality(tk.check_quality(named), tk.measure_naming(named))[-37:]
    'it waits in the list of unnamed time.'
    """
    if quality.filter(check="size")["value"].item() == 0:
        return Summary("The log is empty: nothing can be said.")
    size = str(quality.filter(check="size")["sentence"].item())
    judged = judge_uses(quality, min_people=min_people)
    enough = judged.filter(verdict="enough")["use"].to_list()
    least = judged.filter(pl.col("verdict") != "enough")
    said = (
        f"{size} Enough for {_listed(enough)}" if enough else f"{size} It is not enough for any of the uses by itself"
    )
    for verdict, words in (("with care", "with care for"), ("not enough", "not for")):
        uses = least.filter(verdict=verdict)["use"].to_list()
        said += f"; {words} {_listed(uses)}" if enough and uses else ""
    said += "."
    unnamed = float(measured.filter(named_by="unnamed")["share"].item())
    screens = int(measured.filter(pl.col("named_by") != "unnamed")["screens"].sum())
    named = f"{100 * (1 - unnamed):.0f} % of the active time has a name, on {screens:,} screens."
    if unnamed > 0.1:
        share = f"{100 * unnamed:.0f} % of the active time has no name yet (goal: at most 10 %)"
        said, named = f"{said} {share}: it waits in the list of unnamed time.", ""
    return Summary(said, [*least["sentence"], named])


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
