"""What is said about the chosen candidate: the verdict and its sentence, closed gates, effort, money, and what was decided."""

from __future__ import annotations

from typing import Any

import polars as pl

from taskkit.charts.look import INK, Chart, count_of, inline, people, spaced, wrap
from taskkit.privacy import shares_pages

_LINE = 18  # pixels


def tell_candidate(ranking: pl.DataFrame, decided: pl.DataFrame | None, pick: Any, *, width: int) -> Chart:
    """The chosen candidate in sentences, the first as a heading."""
    import altair as alt

    rows: list[tuple[str, int, str, bool]] = []
    for row in ranking.iter_rows(named=True):
        lines = [
            (part, number == 0)
            for number, said in enumerate(say_candidate(row, decided))
            for part in wrap(spaced(said), round(width / 6.6))
        ]
        rows += [(row["task_id"], number, part, head) for number, (part, head) in enumerate(lines)]
    told = pl.DataFrame(rows, schema=["task_id", "line", "text", "head"], orient="row")
    lines_most = max((line for _, line, _, _ in rows), default=0) + 1
    y = alt.Y("line:Q", axis=None, scale=alt.Scale(domain=[-0.6, lines_most - 0.4], reverse=True, nice=False))
    words = alt.Chart(inline(told)).transform_filter(pick).encode(y=y, text="text:N")
    head = words.transform_filter("datum.head").mark_text(align="left", x=0, fontSize=13, fontWeight=600, color=INK)
    rest = words.transform_filter("!datum.head").mark_text(align="left", x=0, fontSize=12.5, color=INK)
    return alt.layer(head, rest).properties(width=width, height=_LINE * lines_most)


def say_candidate(row: dict[str, Any], decided: pl.DataFrame | None = None) -> list[str]:
    """The sentences about one row of `score_automation`.

    >>> say_candidate({"task_id": "T01", "task_name": "Pay", "verdict": "automate", "reason": "Alike."})
    ['T01 Pay: automate', 'Alike.']
    """
    said = [f"{row['task_id']} {row['task_name']}: {row['verdict']}"]
    said += [row["reason"]] if row.get("reason") else []
    gates = [gate.rstrip(".") for gate in (row.get("gates") or [])]
    said += [f"Closed {'gate' if len(gates) == 1 else 'gates'}: {'; '.join(gates)}."] if gates else []
    if row.get("effort"):
        why = (row.get("effort_reason") or "").rstrip(".")
        said.append(f"Effort to build: {row['effort']}{f' ({why})' if why else ''}.")
    money = _money(row)
    said += [money] if money else []
    return said + (_decisions(row["task_id"], decided) if decided is not None else [])


def _money(row: dict[str, Any]) -> str:
    saved, worth = row.get("savings_per_year"), row.get("net_present_value")
    if saved is None:
        return ""
    low, high = row.get("savings_per_year_low"), row.get("savings_per_year_high")
    said = f"Under the assumptions: {saved:,.0f} a year saved"
    said += f" ({low:,.0f} to {high:,.0f})" if low is not None and high is not None else ""
    said += f", net present value {worth:,.0f}" if worth is not None else ""
    back, runs = row.get("payback_months"), row.get("break_even_runs_per_year")
    said += (
        f", paid back in {back:,.0f} months" if back is not None else ", never paid back" if worth is not None else ""
    )
    said += f", break-even at {runs:,.0f} runs a year" if runs is not None else ""
    return f"{said} (your currency; {people(row['people'])} recorded)."


def _decisions(task: str, decided: pl.DataFrame) -> list[str]:
    own = decided.filter(pl.col("subject") == task)
    said = []
    if shares_pages():  # what was said, by whom and why, stays in the room
        return [f"{count_of(own.height, 'decision')} recorded in the room."] if own.height else []
    for row in own.iter_rows(named=True):
        reason = f": {row['why'].rstrip('.')}" if row["why"] else ""
        said.append(f"Decided {row['time']:%d %b %Y} as {row['role']}: {row['decision']}{reason}.")
    return said
