"""What is true about the sample, for those who want to check a result. The library never reads it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from taskkit.samples.office import ERP_SKEW, Office
from taskkit.samples.steps import CONSTANT, COPY, DEPENDENCY, JUDGEMENT, SLIP
from taskkit.samples.world import APPROVAL_LIMIT, REKEYS, TASKS, TEAMS, USES_SHEET

_IDLE_CAP = 60.0  # seconds
_ORIGINS = (CONSTANT, COPY, DEPENDENCY, JUDGEMENT, SLIP)
_DEFINITIONS = {
    "active_seconds": "time from each row of the instance to the person's next row in the session, at most 60 s, summed",
    "seconds inside": "active seconds without those between the last row of a fragment and whatever the person did next: breaks "
    "come after so many rows, and who pastes has more of them, so that what follows a task differs where the task does not",
    "interrupted": "part of the instances whose rows fall into more than one fragment, other instances' rows between them",
    "determinism": "part of the typed and pasted values that were generated as a constant, a copy of a value shown before "
    "in the instance, or a function of one (dependency); the rest are free choices (judgement) and typing slips",
    "mean_of_people": "mean over people of each person's mean over instances",
    "noise": "rows without a task inside an instance: glances at chat and mail, flickering windows, stray clicks",
    "screen": "application and title with what changes from record to record (number, name, date, counter, a document named "
    "after its record, a chat's partner) as ‹…›; an address that redaction left as [email] is a constant text",
    "screens": "number of distinct screens",
}
_VERDICTS = {
    "archive scans": ("automate", "Every written value is a constant or a copy and nine of ten runs take one of two paths."),
    "enter invoice": ("automate", "Copies and dependencies with orders; without one an account is chosen by judgement. "
                                  "Settle copy-paste against re-keying first."),
    "prepare approval": ("integrate", "The sheet repeats what the ERP knows; asking inside the ERP makes it needless."),
    "three-way match": ("standardise", "Looking, not typing; whether the price list is opened is a personal habit."),
    "payment run": ("leave", "Few people, few runs, and a control on purpose."),
    "reconcile statement": ("standardise", "Long and varying; every vendor's statement looks different."),
    "change vendor data": ("leave", "Four eyes are a control on purpose."),
    "answer vendor query": ("leave", "Reading, thinking and free text."),
}  # fmt: skip


def describe_truth(
    office: Office, events: pl.DataFrame, truth: pl.DataFrame, process: pl.DataFrame, defects: list[dict[str, Any]]
) -> dict[str, Any]:  # fmt: skip
    """Tasks, variants, planted differences, root cause, defects and verdicts, with the numbers that came out."""
    instances = true_instances(events, truth)
    field = pl.coalesce("element_id", "element_name")
    written = truth.with_columns(events.select(field=field)["field"]).filter(pl.col("true_value").is_not_null())
    tasks = [_describe_task(task, written, instances) for task in TASKS]
    return {
        "definitions": _DEFINITIONS,
        "tasks": tasks,
        "differences": _differences(instances),
        "root_cause": _root_cause(process, instances),
        "automation": _automation(tasks),
        "defects": defects,
        "redacted": _redacted(events),
        "process": _process(office, process, truth),
        "events": _shares(truth),
        "screens": truth["true_screen"].drop_nulls().n_unique(),
    }


def true_instances(events: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """One row per true task instance: user, team, task, variant, events, active seconds, seconds inside, fragments."""
    seconds = (pl.col("timestamp").shift(-1) - pl.col("timestamp")).dt.total_milliseconds() / 1_000
    goes_on = (pl.col("true_segment") == pl.col("true_segment").shift(-1)).over("user", "session_id").fill_null(False)
    rows = truth.with_columns(events["team"], events["timestamp"]).with_columns(
        active_seconds=seconds.over("user", "session_id").clip(0, _IDLE_CAP).fill_null(0.0), goes_on=goes_on
    )
    work = rows.filter(pl.col("true_segment").is_not_null()).with_columns(
        starts=pl.col("true_segment").ne_missing(pl.col("true_segment").shift(1))
    )
    return work.group_by("true_segment", maintain_order=True).agg(
        pl.col("user", "team", "session_id").first(),
        pl.col("true_task").first().alias("task"),
        pl.col("true_variant").first().alias("variant"),
        pl.col("true_case").drop_nulls().first().alias("case"),
        pl.len().alias("events"),
        pl.col("active_seconds").sum(),
        pl.col("active_seconds").filter("goes_on").sum().alias("inside_seconds"),
        pl.col("starts").sum().alias("fragments"),
    )


def _describe_task(task: str, written: pl.DataFrame, instances: pl.DataFrame) -> dict[str, Any]:
    mine = instances.filter(pl.col("task") == task)
    counts = mine.group_by("variant").len().sort(["len", "variant"], descending=[True, False])
    return {
        "task": task,
        "instances": mine.height,
        "people": mine["user"].n_unique(),
        "active_hours": _round(mine["active_seconds"].sum() / 3_600),
        "median_active_seconds": _round(mine["active_seconds"].median()),
        "interrupted": _round((mine["fragments"] > 1).mean()),
        "determinism": _determinism(written.filter(pl.col("true_task") == task)),
        "variants": [
            {"variant": name, "instances": n, "share": {team: _share(mine, team, name) for team in TEAMS}}
            for name, n in counts.iter_rows()
        ],
    }


def _determinism(written: pl.DataFrame) -> dict[str, Any]:
    """How many of the values that were typed or pasted follow from a rule; `written` has one row per value."""
    kinds = {kind: written.filter(pl.col("true_value") == kind).height for kind in _ORIGINS}
    rule = kinds[CONSTANT] + kinds[COPY] + kinds[DEPENDENCY]
    fields: dict[str, dict[str, int]] = {}
    for name, kind, n in written.group_by("field", "true_value").len().sort("field", "true_value").iter_rows():
        fields.setdefault(name, {})[kind] = n
    share = _round(rule / written.height) if written.height else None
    return {"share": share, "written_values": written.height, **kinds, "fields": fields}


def _share(mine: pl.DataFrame, team: str, variant: str) -> float | None:
    group = mine.filter(pl.col("team") == team)
    return _round((group["variant"] == variant).mean()) if group.height else None


def _differences(instances: pl.DataFrame) -> list[dict[str, Any]]:
    def of(
        task: str, measure: str, value: pl.Expr, differs: bool, why: str, where: pl.Expr | None = None
    ) -> dict[str, Any]:
        mine = instances.filter(pl.col("task") == task)
        mine = mine.filter(where) if where is not None else mine
        people = mine.group_by("user", "team", maintain_order=True).agg(value.mean().alias("value"))
        found = {t: _round(people.filter(pl.col("team") == t)["value"].mean()) for t in TEAMS}
        return {
            "task": task,
            "measure": measure,
            "by": "team",
            "really_differs": differs,
            "why": why,
            "mean_of_people": found,
        }

    seconds, inside = pl.col("active_seconds"), pl.col("inside_seconds")
    agreed = pl.col("variant").is_in(["sheet and chat", "sheet and mail", "request in ERP"])
    return [
        of("enter invoice", "share of re-keying", pl.col("variant").str.starts_with("re-keying"), True,
           f"planted habit, means {REKEYS['north']} and {REKEYS['south']}", pl.col("variant") != "new vendor"),
        of("enter invoice", "active seconds", seconds, True, "typing takes longer than pasting"),
        of("prepare approval", "share of the approval sheet", pl.col("variant").str.starts_with("sheet"), True,
           f"planted habit, means {USES_SHEET['north']} and {USES_SHEET['south']}", agreed),
        of("three-way match", "seconds inside", inside, False, "same script; people differ, teams do not"),
        of("three-way match", "share with price list", pl.col("variant") == "with price list", False, "a personal habit"),
        of("archive scans", "share of 'rename first'", pl.col("variant") == "rename first", False, "same odds for everybody"),
        of("archive scans", "seconds inside", inside, False, "same script; people differ, teams do not"),
        of("answer vendor query", "seconds inside", inside, False, "same script; people differ, teams do not"),
    ]  # fmt: skip


def _root_cause(process: pl.DataFrame, instances: pl.DataFrame) -> dict[str, Any]:
    steps = process.sort("case_id", "timestamp").with_columns(
        hours=(pl.col("timestamp") - pl.col("timestamp").shift(1).over("case_id")).dt.total_seconds() / 3_600
    )
    approve = steps.filter(pl.col("activity") == "Approve invoice").with_columns(
        agreement=(pl.col("amount") > APPROVAL_LIMIT) | (pl.col("po") == "no")
    )
    hours = dict(approve.group_by("agreement").agg(pl.col("hours").median()).sort("agreement").iter_rows())
    ways = instances.filter((pl.col("task") == "prepare approval") & (pl.col("variant") != "answer next day"))
    ways = ways.select("case", way=pl.col("variant").replace({"sheet and chat": "sheet", "sheet and mail": "sheet"}))
    by_way = ways.unique("case", keep="first", maintain_order=True).join(approve, left_on="case", right_on="case_id")
    by_way = by_way.group_by("way").agg(pl.col("hours").median(), pl.len()).sort("way")
    return {
        "step": "Approve invoice",
        "cause": "Above the limit or without an order most people copy 6 to 8 fields from the ERP into an approval sheet, "
                 "send it by chat or mail and wait for an answer there before they approve in the ERP.",
        "variants": ["sheet and chat", "sheet and mail", "answer next day"],
        "condition": f"amount > {APPROVAL_LIMIT:g} or po = no",
        "by_way": [{"way": way, "cases": n, "median_hours": _round(h)} for way, h, n in by_way.iter_rows()],
        "median_hours_before_the_step": {"condition holds": _round(hours.get(True)), "does not": _round(hours.get(False))},
    }  # fmt: skip


def _automation(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ranked = [next(t for t in tasks if t["task"] == name) for name in _VERDICTS]
    return [
        {"rank": place, "task": t["task"], "verdict": _VERDICTS[t["task"]][0], "why": _VERDICTS[t["task"]][1],
         "determinism": t["determinism"]["share"], "active_hours": t["active_hours"]}
        for place, t in enumerate(ranked, 1)
    ]  # fmt: skip


def _redacted(events: pl.DataFrame) -> dict[str, Any]:
    kinds = events["redactions"].drop_nulls().list.first()
    counts = {str(kind): int(n) for kind, n in sorted(kinds.value_counts().iter_rows())}
    return {"rows": counts, "share": _round(sum(counts.values()) / max(events.height, 1), 4)}


def _process(office: Office, process: pl.DataFrame, truth: pl.DataFrame) -> dict[str, Any]:
    worked = truth["true_case"].drop_nulls().unique()
    cases = process["case_id"].unique(maintain_order=True)
    return {
        "cases": len(cases),
        "events": process.height,
        "cases_with_recorded_work": int(cases.is_in(worked.implode()).sum()),
        "cases_by_kind": dict(sorted(Counter(invoice.kind for invoice in office.invoices.values()).items())),
        "erp_clock_skew_seconds": ERP_SKEW,
        "jitter_seconds": {person.user: person.erp_jitter for person in office.people},
    }


def _shares(truth: pl.DataFrame) -> dict[str, Any]:
    counts = {str(kind): int(n) for kind, n in sorted(truth["true_kind"].value_counts().iter_rows())}
    case_related = truth["true_case"].is_not_null().sum()
    return {"rows": truth.height, "by_kind": counts, "rows_with_a_case": int(case_related)}


def _round(value: Any, digits: int = 3) -> float | None:
    return None if value is None else round(float(value), digits)
