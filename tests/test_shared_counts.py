"""Pages that leave the room: what the journal holds of single people, and small counts that could be worked out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit import charts, widgets
from taskkit.automation.marks import KINDS, verdict_of_task
from taskkit.charts import automation_told
from taskkit.charts.graphs import of_enough_cases
from taskkit.charts.look import leave_enough
from taskkit.charts.marks import say_marks, show_marks, standing_marks
from taskkit.decisions import JOURNAL, Decisions
from taskkit.decisions.marks import mark
from taskkit.overlay import count_process_successions
from taskkit.privacy import posture, suppress_small_groups
from taskkit.quality import judge_uses
from taskkit.widgets.findings import _across
from tests.test_context_desk import frames
from tests.test_shared_twins import data_of

K = 5
SECRET = "Ada Verne of the night shift"


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKKIT_SHARED", "1")
    monkeypatch.setenv("TASKKIT_STATIC", "1")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder of results beside a journal in which everything but the decisions themselves names somebody."""
    journal = Decisions(tmp_path / JOURNAL)
    journal.record("02 tasks", "Nine tasks recur", why=SECRET, role=SECRET)
    journal.record("T01", "Enter invoice", kind="name", why=SECRET, role=SECRET)
    journal.record("T01", f"3: because {SECRET} refuses", kind="context", role=SECRET)
    journal.record("T01", "automate", kind="verdict", why=SECRET, role=SECRET)
    journal.record("leaks", "allowed", kind="override", why=SECRET, role=SECRET)
    mark(journal, "Archive", "control", note=SECRET, role=SECRET)
    return tmp_path / "results"


# ------------------------------------------------------------------------------------------------------------ journal
@pytest.mark.usefixtures("shared")
def test_a_shared_page_tells_findings_and_names_with_the_day_and_of_the_rest_the_number(results: Path) -> None:
    page = widgets.recorded_findings(results).markup
    assert SECRET not in page
    assert "Nine tasks recur" in page
    assert "Enter invoice" in page
    assert "Also recorded: 1 verdict, 1 answer, 1 mark, 1 override." in page
    assert "UTC" not in page


def test_the_room_reads_why_and_who(results: Path) -> None:
    assert SECRET in widgets.recorded_findings(results).markup


@pytest.mark.usefixtures("shared")
def test_any_table_of_the_journal_keeps_its_reasons_and_roles_in_the_room(results: Path) -> None:
    journal = Decisions(results.parent / JOURNAL)
    page = widgets.table(journal.list("verdict"), caption="Verdicts", columns={"decision": "said", "why": "why"}).markup
    assert SECRET not in page
    assert "Also recorded: 1 verdict." in page


@pytest.mark.usefixtures("shared")
def test_corrections_that_are_gone_are_counted() -> None:
    gone = pl.DataFrame({"number": [4], "op": ["split"], "rows": [3], "found": [2], "sentence": ["2 of its 3 rows"]})
    page = widgets.table(gone, caption="Corrections").markup
    assert "2 of its 3 rows" not in page
    assert "1 correction could not be replayed in full." in page


@pytest.mark.usefixtures("shared")
def test_a_finding_that_was_put_differently_names_nobody(results: Path) -> None:
    page = widgets.finding("Ten tasks recur", subject="02 tasks", results=results).markup
    assert "Put differently in the room: Nine tasks recur" in page
    assert SECRET not in page


@pytest.mark.usefixtures("shared")
def test_a_conflict_is_counted_and_not_told(tmp_path: Path) -> None:
    one, other = Decisions(tmp_path / JOURNAL), Decisions(tmp_path / JOURNAL)
    one.record("02 tasks", "Nine", role=SECRET)
    other.record("02 tasks", "Ten", role=SECRET)
    assert widgets.conflicting_decisions(tmp_path / "results").words.startswith("1 pair of decisions disagrees")
    assert SECRET not in widgets.conflicting_decisions(tmp_path / "results").markup


@pytest.mark.usefixtures("shared")
def test_marks_are_shown_without_note_and_role_and_only_of_what_enough_people_do(tmp_path: Path) -> None:
    events, segments = frames()
    desk = widgets.ContextDesk(events, segments, results=tmp_path / "results")
    subject = desk.choices("step")["subject"][0]
    desk.record("step", subject, "control", note=SECRET, role=SECRET)
    desk.record("step", "Hand over to Ada", "training issue", role=SECRET)
    page = desk.static()._repr_mimebundle_()["text/html"]
    show_marks(None)
    assert subject in page
    assert SECRET not in page
    assert "Hand over to Ada" not in page
    assert "1 mark is of the room only." in page


@pytest.mark.usefixtures("shared")
def test_charts_say_what_is_marked_and_not_by_whom() -> None:
    show_marks(
        pl.DataFrame({"what": ["step"], "subject": ["Pay"], "task_id": ["T01"], "mark": [next(iter(KINDS))],
                      "role": [SECRET], "note": [SECRET]})
    )  # fmt: skip
    lines = " ".join(say_marks(standing_marks()))
    show_marks(None)
    assert "Pay" in lines
    assert SECRET not in lines


@pytest.mark.usefixtures("shared")
def test_the_reasons_of_the_triage_say_what_was_marked_and_not_by_whom() -> None:
    said = verdict_of_task([{"what": "task", "mark": "policy", "role": SECRET, "note": SECRET}], carries=False)
    assert said is not None
    assert SECRET not in said[1]
    assert "marked the task as policy" in said[1]


@pytest.mark.usefixtures("shared")
def test_a_candidate_tells_how_often_it_was_decided_on_and_not_what_was_said(results: Path) -> None:
    decided = Decisions(results.parent / JOURNAL).list("verdict")
    assert automation_told._decisions("T01", decided) == ["1 decision recorded in the room."]


# ---------------------------------------------------------------------------------------------------- seen when drawn
def test_first_findings_of_two_notebooks_that_were_drawn_before_any_journal_are_a_conflict(tmp_path: Path) -> None:
    one = widgets.finding("Nine tasks", subject="02 tasks", results=tmp_path / "results")
    other = widgets.finding("Ten tasks", subject="02 tasks", results=tmp_path / "results")
    one.record()
    other.record()
    assert Decisions(tmp_path / JOURNAL).conflicts().height == 1


def test_marks_of_two_desks_that_were_drawn_before_any_journal_are_a_conflict(tmp_path: Path) -> None:
    events, segments = frames()
    one, other = (widgets.ContextDesk(events, segments, results=tmp_path / "results") for _ in range(2))
    subject = one.choices("step")["subject"][0]
    one.record("step", subject, "control", role="clerk")
    other.record("step", subject, "work-around", role="team lead")
    show_marks(None)
    assert Decisions(tmp_path / JOURNAL).conflicts().height == 1


def test_a_mark_that_the_desk_shows_has_been_seen(tmp_path: Path) -> None:
    events, segments = frames()
    one, other = (widgets.ContextDesk(events, segments, results=tmp_path / "results") for _ in range(2))
    subject = one.choices("step")["subject"][0]
    one.record("step", subject, "control", role="clerk")
    other.refresh()
    other.record("step", subject, "work-around", role="team lead")
    show_marks(None)
    assert Decisions(tmp_path / JOURNAL).conflicts().is_empty()


# ------------------------------------------------------------------------------------------------- totals within totals
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 12)), min_size=1, max_size=15))
def test_what_is_hidden_follows_from_no_total_of_its_part(rows: list[tuple[str, int]]) -> None:
    frame = pl.DataFrame(rows, schema=["app", "people"], orient="row")
    hidden = suppress_small_groups(frame, k=K, keep=["app"], exhaustive=True, within="app")["hidden"]
    for part in frame.with_columns(hidden=hidden).partition_by("app"):
        away = part.filter("hidden")["people"]
        # a part of which nothing is shown has a total of few people, or its rows cover each other
        assert away.is_empty() or away.len() == part.height or (away.len() > 1 and away.max() >= K)  # type: ignore[operator]


def screens() -> pl.DataFrame:
    people = {"Sheet 1": 9, "Sheet 2": 8, "Sheet 3": 7, "Private": 4}
    rows = [("excel", name, 3.0 + who, 0.1, 40, who, 12.3456) for name, who in people.items()]
    rows += [("mail", f"Folder {n}", 1.0 + n, 0.02, 9, 3 + n, 4.5) for n in range(5)]
    return pl.DataFrame(rows, schema=["app", "screen", "active_hours", "share", "visits", "people", "median_visit_seconds"],
                        orient="row")  # fmt: skip


@pytest.mark.usefixtures("shared")
def test_the_one_hidden_screen_of_an_application_hides_the_next_one_too() -> None:
    drawn = {row["screen"] for row in data_of(charts.time_per_app(screens())) if row["app"] == "excel"}
    assert drawn == {"Sheet 1", "Sheet 2"}


@pytest.mark.usefixtures("shared")
def test_figures_are_as_exact_as_they_are_read() -> None:
    assert {
        row["median_visit_seconds"] for row in data_of(charts.time_per_app(screens())) if row["app"] == "excel"
    } == {"12.0"}


# --------------------------------------------------------------------------------------------------------------- ways
def ways() -> pl.DataFrame:
    rows = [("T01-1", 40, 9, ["a", "b"], 0), ("T01-2", 20, 7, ["a", "c"], 3), ("T01-3", 1, 1, ["c"], 0)]
    frame = pl.DataFrame(rows, schema=["variant_id", "segments", "people", "activities", "left_out"], orient="row")
    return frame.with_columns(
        task_id=pl.lit("T01"), share=pl.col("segments") / 61, median_seconds=60.0, q25_seconds=50.0, q75_seconds=70.0,
    )  # fmt: skip


@pytest.mark.usefixtures("shared")
def test_the_way_of_one_is_summed_up_with_the_next_one() -> None:
    said = json.dumps(charts.variant_ladder(ways()).to_dict())
    assert "2 more ways, 21 executions" in said
    assert "1 more way" not in said
    assert "a rare step" not in said


def test_the_room_sees_all_ways_of_enough_people() -> None:
    said = json.dumps(charts.variant_ladder(ways()).to_dict())
    assert "1 more way, 1 execution" in said
    assert "in 3 a rare step" in said


@pytest.mark.usefixtures("shared")
def test_a_rest_of_enough_people_takes_no_way_along() -> None:
    assert leave_enough(ways().head(1), ways(), K).height == 1


# ----------------------------------------------------------------------------------------------- exceptions of rules
def rules() -> pl.DataFrame:
    rows = [("Amount", "copy", 400, 398, 0.995, 2, 9), ("Date", "reformat", 50, 37, 0.74, 13, 8)]
    frame = pl.DataFrame(
        rows, schema=["field", "kind", "writes", "explained", "share", "violations", "people"], orient="row"
    )
    return frame.with_columns(
        task_id=pl.lit("T01"), rule=pl.lit("the value of Total"), sources=pl.lit(["Total"]), source_people=pl.lit([9])
    )


@pytest.mark.usefixtures("shared")
def test_how_often_a_rule_is_broken_is_not_told() -> None:
    chart = charts.field_map(rules())
    held = data_of(chart)
    assert {row["violations"].strip() for row in held} == {""}
    assert {row["explained"].strip() for row in held} == {""}
    assert {row["share"] for row in held if row["right"] == "true"} == {"1.0", "0.7"}
    notes = " ".join(row["note"] for row in held)
    assert "copy: nearly all of 400 values" in notes
    assert "reformat: about 70 % of 50 values" in notes
    assert "break" not in json.dumps(chart.to_dict())


def test_the_room_reads_how_often_a_rule_is_broken() -> None:
    assert "2 break it" in " ".join(row["note"] for row in data_of(charts.field_map(rules())))


def pastes(inside: int, inside_people: int) -> pl.DataFrame:
    return pl.DataFrame({"from_app": ["erp", "erp"], "to_app": ["mail", "erp"], "transfers": [2547, inside],
                         "people": [12, inside_people]})  # fmt: skip


@pytest.mark.usefixtures("shared")
def test_the_one_paste_within_an_application_does_not_follow_from_a_sentence() -> None:
    assert _across(pastes(1, 1), 2548) == "nearly all"
    assert _across(pastes(900, 8), 3447) == "2,547"


def test_the_room_reads_the_number_of_pastes() -> None:
    assert _across(pastes(1, 1), 2548) == "2,547"


# ------------------------------------------------------------------------------------------------------------- arrows
def process(resource: bool = True) -> pl.DataFrame:
    """Many cases by many people in one order, by one system at first; two cases are different, and so is what one person does."""
    at, rows = datetime(2026, 3, 2, 8, tzinfo=UTC), []
    for case in range(43):
        who = f"p{case % 8}"
        order = ["receive", "enter", "approve"]
        if case < 2:
            order = ["receive", "approve", "enter"]
        elif case % 8 == 5:
            order = ["receive", "enter", "call", "approve"]
        rows += [
            (f"C{case}", step, at + timedelta(hours=n), "BATCH" if step == "receive" else who)
            for n, step in enumerate(order)
        ]
    frame = pl.DataFrame(rows, schema=["case_id", "activity", "timestamp", "resource"], orient="row")
    return frame if resource else frame.drop("resource")


def test_arrows_of_few_cases_or_people_are_not_drawn_and_counts_are_rounded() -> None:
    kept = of_enough_cases(process(), count_process_successions(process()), K)
    assert {row[:2]: row[2] for row in kept.iter_rows()} == {
        (None, "receive"): 45, ("receive", "enter"): 40, ("enter", "approve"): 35, ("approve", None): 40,
    }  # fmt: skip


def test_without_resources_the_cases_decide() -> None:
    kept = of_enough_cases(process(False), count_process_successions(process(False)), K)
    assert ("enter", "call") in set(kept.select("before", "after").iter_rows())
    assert ("receive", "approve") not in set(kept.select("before", "after").iter_rows())


@pytest.mark.usefixtures("shared")
def test_the_map_of_a_shared_page_says_how_it_counts() -> None:
    chart = charts.process_map(process()).to_dict()
    assert "rounded to fives" in chart["description"]
    assert min(int(row["times"]) for row in data_of(charts.process_map(process())) if row.get("times", "").strip()) >= K
    assert "call" not in {row.get("after") for row in data_of(charts.process_map(process()))}


# ---------------------------------------------------------------------------------------------------------- sentences
def checked() -> pl.DataFrame:
    rows = [("size", "ok", 9000.0, "at least 500 events", "9,000 events of 6 people."),
            ("groups", "note", 2.0, "at least 5 people in each team", "Too few: the smallest of 2 teams has 2 people."),
            ("blind_spots", "warning", 9.0, "none", "9 spans.")]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["check", "level", "value", "threshold", "sentence"], orient="row")
    return frame.with_columns(where=pl.lit("9 of 9 sessions"), people=pl.lit(6))


@pytest.mark.usefixtures("shared")
def test_the_size_of_a_small_team_is_not_told() -> None:
    listed = widgets.list_checks(checked())
    said = " ".join(listed["sentence"].to_list() + judge_uses(checked())["sentence"].to_list())
    assert "2 people" not in said
    assert "2 of" not in said
    assert "fewer than 5" in said
    assert listed["value"][1] is None


def test_checks_are_named_in_words() -> None:
    assert widgets.list_checks(checked())["check"].to_list() == ["size", "groups", "blind spots"]
    assert "_" not in " ".join(judge_uses(checked())["threshold"].to_list())


@pytest.mark.usefixtures("shared")
def test_the_posture_says_that_a_smaller_group_than_usual_is_shown() -> None:
    events = pl.DataFrame({"user": [f"p{n}" for n in range(9)], "timestamp": [datetime(2026, 3, 2, tzinfo=UTC)] * 9})
    assert "at least 3 people, fewer than the 5 that are usual" in dict(posture(events, k=3).iter_rows())["sharing"]
    assert "usual" not in dict(posture(events).iter_rows())["sharing"]
