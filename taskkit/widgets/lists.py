"""Findings, caveats and leftovers as frames, for the tables of the notebooks."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from taskkit.activities.workbench import measure_naming
from taskkit.automation import CRITERIA, rank_tasks
from taskkit.charts.look import count_of, of_enough_people, people, smallest_group, spaced
from taskkit.comparison import compare
from taskkit.decisions import Decisions, journal_of
from taskkit.errors import SettingError
from taskkit.overlay import list_unmatched, step_effort
from taskkit.pipeline import Mined
from taskkit.pipeline.measuring import keep_criteria
from taskkit.privacy import MIN_PEOPLE, shares_pages, suppress_small_groups
from taskkit.tasks import list_tasks
from taskkit.variants import count_variants
from taskkit.widgets.findings import (
    summarise_automation,
    summarise_comparison,
    summarise_log,
    summarise_segments,
    summarise_steps,
    summarise_tasks,
    summarise_variants,
    work_seconds,
)
from taskkit.widgets.quality import list_checks, summarise_quality

# what a finding is about → the subject under which its notebook records it
_SUBJECTS = {"What was recorded": "00 recording", "At a glance": "00 at a glance", "Pieces of work": "01 segmentation",
             "Tasks": "02 tasks", "Ways of doing them": "03 variants", "Inside the process": "04 process",
             "Automation": "05 automation"}  # fmt: skip


def list_findings(mined: Mined, *, results: str | Path | None = None, min_people: int = MIN_PEOPLE) -> pl.DataFrame:
    """List the findings of all notebooks for one engagement, in the words of the room where it has recorded its own.

    Parameters
    ----------
    mined : result of `taskkit.mine`.
    results : folder of results; the journal of decisions lies beside it.
    min_people : smallest group that is named.

    Returns
    -------
    One row per notebook: `notebook`, `finding`, `said_by` ("the room", or "computed").
    """
    events, segments, process, whole = mined.events, mined.segments, mined.process, mined.whole
    least = smallest_group(events, min_people=min_people)
    scored = rank_tasks(whole.criteria if whole else keep_criteria(events, segments, results=results))
    ways = whole.variants if whole else count_variants(segments)
    enough = of_enough_people(segments, min_people=least) if segments.height else []
    rows = [
        ("What was recorded", summarise_quality(mined.quality, measure_naming(events), min_people=min_people)),
        ("At a glance", summarise_log(events)),
        ("Pieces of work", summarise_segments(segments, events)),
        ("Tasks", summarise_tasks(whole.tasks if whole else list_tasks(segments), min_people=least)),
        ("Ways of doing them", summarise_variants(ways, tasks=enough, min_people=least)),
        ("Groups", summarise_comparison(_compared(segments, min_people))),
        (
            "Inside the process",
            summarise_steps(step_effort(events, process) if process is not None else None, min_people=least),
        ),
        ("Automation", summarise_automation(scored, min_people=least)),
    ]
    agreed = _agreed(results)
    told = [
        (about, agreed[_SUBJECTS[about]], "the room")
        if _SUBJECTS.get(about) in agreed
        else (about, str(text), "computed")
        for about, text in rows
    ]
    return pl.DataFrame(told, schema=["notebook", "finding", "said_by"], orient="row")


def _agreed(results: str | Path | None) -> dict[str, str]:
    """The findings that were recorded, the last one of each subject."""
    path = journal_of(results)
    if path is None or not path.is_file():
        return {}
    return dict(Decisions(path).list("finding").select("subject", "decision").iter_rows())


def summarise_all(findings: pl.DataFrame) -> str:
    """Say in one or two sentences what matters most: the tasks, and what could be done about them.

    Parameters
    ----------
    findings : frame of `list_findings`.
    """
    said = dict(findings.select("notebook", "finding").iter_rows())
    first = [said[name].split(". ")[0].rstrip(".") + "." for name in ("Tasks", "Automation") if name in said]
    return " ".join(
        [*first, "The findings are proposals of a method: what they mean is for the people who do the work to say."]
    )


def list_both_unmatched(
    events: pl.DataFrame, process: pl.DataFrame | None, *, min_people: int = MIN_PEOPLE
) -> pl.DataFrame | None:
    """List what the overlay left over, without naming a case; None without a process log.

    Parameters
    ----------
    events : events frame with `case_id`.
    process : frame of `read_process_log`, or None.
    min_people : applications that fewer people used without a case are summed up.

    Returns
    -------
    One row per application with work that has no case, and one for all cases without work: `side`, `where`,
    `active_hours`, `share`.
    """
    if process is None:
        return None
    found = list_unmatched(events, process)
    part = pl.col("active_hours") * 3600 / work_seconds(events)
    least = smallest_group(events, min_people=min_people)
    work = found.filter(pl.col("active_hours").is_not_null()).with_columns(share=part)
    # all applications together are a figure of its own: what is summed up must not be one application's rest
    hidden = suppress_small_groups(work, k=least, exhaustive=shares_pages())["hidden"]
    work = work.with_columns(few=hidden)
    work = work.group_by("side", where=pl.when("few").then(pl.lit("other applications")).otherwise("item")).agg(
        pl.col("active_hours", "share").sum()
    )
    work = work.sort(pl.col("where") == "other applications", "active_hours", "where", descending=[False, True, False])
    rest = found.filter(pl.col("active_hours").is_null())
    cases = rest.group_by("side").agg(
        pl.format("{} of {}", pl.len(), pl.lit(count_of(process["case_id"].n_unique(), "case"))).alias("where"),
        active_hours=pl.lit(None, pl.Float64),
        share=pl.col("share").sum(),
    )
    return pl.concat([work, cases])


def list_criteria() -> pl.DataFrame:
    """List the criteria of automation with their definitions.

    Returns
    -------
    One row per criterion: `criterion`, `definition`, `unit`, `speaks for automation`.

    >>> list_criteria().columns
    ['criterion', 'definition', 'unit', 'speaks for automation']
    """
    rows = [
        (name.replace("_", " "), c.definition, c.unit, {"high": "if high", "low": "if low"}.get(c.better, "context"))
        for name, c in CRITERIA.items()
    ]
    return pl.DataFrame(rows, schema=["criterion", "definition", "unit", "speaks for automation"], orient="row")


def list_caveats(mined: Mined, *, min_people: int = MIN_PEOPLE) -> pl.DataFrame:
    """List what is not known after this analysis.

    Parameters
    ----------
    mined : result of `taskkit.mine`.
    min_people : smallest number of sessions of which a page tells that leaves the room.

    Returns
    -------
    One row per gap: `about`, `not_known`.
    """
    events, segments, process = mined.events, mined.segments, mined.process
    checks = list_checks(mined.quality, min_people=min_people)
    rows = [("recording", text) for text in checks.filter(pl.col("level") != "ok")["sentence"]]
    unnamed = float(measure_naming(events).filter(named_by="unnamed")["share"].item())
    if unnamed > 0:
        rows.append(("names", f"{unnamed:.0%} of the active time has no name yet: what was done there is not known."))
    whole = work_seconds(events)
    rest = (
        1 - min(float(segments.drop_nulls("task_id")["active_seconds"].sum()) / whole, 1.0) if segments.height else 1.0
    )
    few = " (with the tasks of too few people to be shown)" if shares_pages() else ""
    if drawn := mined.metadata.get("drawn"):
        left = drawn["of_events"] - drawn["events"]
        rows.append(
            ("draw", f"Single steps of {left:,} of {drawn['of_events']:,} events were not looked at: they count in the tables of "
                     "the whole log only.")
        )  # fmt: skip
    rows.append(("tasks", f"{rest:.0%} of the active time belongs to no recurring task{few}: nobody has looked at it."))
    rows.append(
        ("people", f"Only {people(events['user'].n_unique())} were recorded; whether others work alike is not known.")
    )
    if process is None:
        rows.append(("process", "No process log was given: waiting, outcomes and the way of the cases are not known."))
    else:
        left_over = list_both_unmatched(events, process)
        gaps = {} if left_over is None else dict(left_over.group_by("side").agg(pl.col("share").sum()).iter_rows())
        rows += [
            (
                "process",
                f"{share:.0%} of "
                f"{'the active time is work without a case' if side.startswith('work') else 'the cases have no recorded work'}.",
            )
            for side, share in sorted(gaps.items())
        ]
    rows.append(
        ("meaning", "Why a step is done (policy, control, exception) is in no log; the people who do the work know it.")
    )
    return pl.DataFrame([(about, spaced(text)) for about, text in rows], schema=["about", "not_known"], orient="row")


def _compared(segments: pl.DataFrame, min_people: int) -> pl.DataFrame | None:
    try:
        return compare(segments, by="team", min_people=min_people)
    except SettingError:  # not two teams
        return None
