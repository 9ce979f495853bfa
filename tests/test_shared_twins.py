"""Pages that leave the room: what would stand for one person, day, case or recording has a twin over enough people."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskkit import charts, widgets
from taskkit.charts.days_together import coverage_of, rhythm_of
from taskkit.charts.process_together import steps_of_cases
from taskkit.privacy import posture, shares_pages
from taskkit.widgets.explorers import common_lengths
from taskkit.widgets.quality import list_checks

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
K = 5


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKKIT_SHARED", "1")
    monkeypatch.setenv("TASKKIT_STATIC", "1")


def work(people: int = 8, *, days: int = 2, apps: tuple[str, ...] = ("erp", "mail")) -> pl.DataFrame:
    """Everybody works in each application in every hour from eight to eleven; the last person alone uses "secret"."""
    rows = [
        (f"p_{who:012x}", day, hour, app)
        for who in range(people)
        for day in range(days)
        for hour in range(3)
        for app in (*apps, *(["secret"] if who == people - 1 else []))
    ]
    frame = pl.DataFrame(rows, schema=["user", "day", "hour", "app"], orient="row").with_row_index("seq")
    at = pl.lit(MONDAY) + pl.duration(days="day", hours="hour", seconds=pl.col("seq"))
    return frame.with_columns(
        timestamp=at, active_seconds=pl.lit(30.0), session_id="user", case_id=pl.format("C{}", pl.col("seq") % 20),
        task_id=pl.lit("T01"), event_type=pl.lit("click"),
    ).drop("day", "hour")  # fmt: skip


def bookings(cases: int = 20) -> pl.DataFrame:
    rows = [
        (f"C{case}", step, MONDAY + timedelta(hours=4 * number, minutes=case))
        for case in range(cases)
        for number, step in enumerate(("enter", "approve", "pay"), start=1)
    ]
    return pl.DataFrame(rows, schema=["case_id", "activity", "timestamp"], orient="row")


def day_rows(people: int, *, part: int = 0, absent: int = 0) -> pl.DataFrame:
    """One Monday of some people, of whom some are recorded in part and some only on the Tuesday after."""
    cover = [0.3] * part + [1.0] * (people - part - absent)
    who = [f"p{n}" for n in range(people)]
    monday = [(user, date(2026, 3, 2), value) for user, value in zip(who, cover, strict=False)]
    tuesday = [(user, date(2026, 3, 3), 1.0) for user in who]
    return pl.DataFrame([*monday, *tuesday], schema=["user", "day", "coverage"], orient="row")


def data_of(chart: Any) -> list[dict[str, str]]:
    """Every row of a chart's data, hidden fields included."""
    spec = chart.to_dict()
    held = [*spec.get("datasets", {}).values()]

    def look(part: Any) -> None:
        if isinstance(part, dict):
            held.extend([part["values"]] if isinstance(part.get("values"), str) else [])
            for value in part.values():
                look(value)
        elif isinstance(part, list):
            for value in part:
                look(value)

    look(spec)
    return [row for text in held for row in (csv.DictReader(io.StringIO(text)) if isinstance(text, str) else text)]


def test_the_variable_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not shares_pages()
    monkeypatch.setenv("TASKKIT_SHARED", "1")
    assert shares_pages()


# --------------------------------------------------------------------------------------------------------------- days
@pytest.mark.parametrize("by", ["app", "task_id"])
@pytest.mark.usefixtures("shared")
def test_the_day_is_that_of_all_people_together(by: str) -> None:
    rows = data_of(charts.day_timeline(work(), by=by))
    assert rows
    assert {"user", "day", "who"}.isdisjoint(rows[0])
    assert min(int(row["people"]) for row in rows) >= K


@pytest.mark.usefixtures("shared")
def test_the_control_of_the_days_has_the_same_twin() -> None:
    chart = widgets.DayTimeline(work()).static()
    assert "Person " not in json.dumps(chart.to_dict())
    assert "All people together" in chart.to_dict()["description"]


@pytest.mark.usefixtures("shared")
def test_what_one_person_used_is_not_in_the_day_of_all() -> None:
    assert "secret" not in json.dumps(charts.day_timeline(work()).to_dict())


def test_what_few_did_does_not_follow_from_the_rest_of_the_day() -> None:
    events = work().with_columns(
        timestamp=pl.when((pl.col("user") == pl.col("user").first()) & (pl.col("app") == "mail"))
        .then(pl.col("timestamp") + pl.duration(hours=6))
        .otherwise("timestamp")
    )
    slots, _ = rhythm_of(events, min_people=K)
    alone = events.filter((pl.col("app") == "mail") & (pl.col("timestamp").dt.hour() >= 14))["active_seconds"].sum()
    mail = events.filter(app="mail")["active_seconds"].sum() / 60 / 16
    rest = mail - slots.filter(what="mail")["minutes"].sum()  # what somebody who knows the whole can work out
    assert rest > 2 * alone / 60 / 16
    assert slots["people"].min() >= K  # type: ignore[operator]


def test_minutes_of_the_day_are_means_over_person_days() -> None:
    slots, days = rhythm_of(work(apps=("erp",)).filter(pl.col("app") == "erp"), min_people=K)
    assert days == 16
    assert slots["minutes"].to_list() == [0.5, 0.5, 0.5]


@pytest.mark.usefixtures("shared")
def test_a_day_of_few_people_is_a_sentence() -> None:
    chart = charts.day_timeline(work(3))
    assert "at least 5 people" in chart.to_dict()["description"]
    assert "erp" not in json.dumps(chart.to_dict())


# ----------------------------------------------------------------------------------------------------------- coverage
@given(st.integers(K, 20), st.integers(0, 20), st.integers(0, 20))
def test_no_part_of_a_days_bar_stands_for_few_people(people: int, part: int, absent: int) -> None:
    part = min(part, people)
    told = coverage_of(day_rows(people, part=part, absent=min(absent, people - part)), min_people=K)
    exact = told.filter(pl.col("said").str.contains(r"^\d+$"))
    assert exact.filter(pl.col("to") - pl.col("from") < K).is_empty()


@given(st.integers(2 * K, 20), st.integers(1, K - 1), st.integers(1, K - 1))
def test_days_that_differ_in_a_small_number_only_look_the_same(people: int, one: int, other: int) -> None:
    told = [coverage_of(day_rows(people, part=part), min_people=K) for part in (one, other)]
    assert told[0].equals(told[1])
    assert told[0].equals(coverage_of(day_rows(people, absent=one), min_people=K))


def test_every_bar_is_as_high_as_there_are_people() -> None:
    told = coverage_of(day_rows(14, part=6, absent=1), min_people=K)
    assert told.group_by("day").agg(pl.col("to").max())["to"].to_list() == [14, 14]


def test_a_weekday_without_any_recording_is_drawn_and_a_weekend_is_not() -> None:
    days = day_rows(8).with_columns(day=pl.col("day").replace({date(2026, 3, 3): date(2026, 3, 10)}))
    told = coverage_of(days, min_people=K)
    assert "2026-03-04" in told["day"].to_list()
    assert "2026-03-07" not in told["day"].to_list()
    assert told.filter(day="2026-03-04")["state"].to_list() == ["nothing recorded"]


@pytest.mark.usefixtures("shared")
def test_the_calendar_has_no_row_per_person() -> None:
    chart = charts.coverage_calendar(day_rows(14, part=1))
    assert "Person " not in json.dumps(chart.to_dict())
    assert {"who", "user"}.isdisjoint(data_of(chart)[0])


# --------------------------------------------------------------------------------------------------------------- case
@pytest.mark.usefixtures("shared")
def test_the_case_view_draws_no_single_case() -> None:
    chart = charts.case_view(work(), bookings())
    text = json.dumps(chart.to_dict())
    assert "Case A" not in text
    assert "person 1" not in text
    assert all("case" not in row and "lane" not in row for row in data_of(chart))


def test_what_one_person_did_for_a_case_is_no_part_of_the_typical_one() -> None:
    _, spent = steps_of_cases(work(), bookings(), min_people=K)
    assert spent["people"].min() >= K  # type: ignore[operator]
    assert "secret" not in spent["app"].to_list()


def test_a_step_of_few_cases_is_left_out() -> None:
    rare = pl.DataFrame({"case_id": ["C1"], "activity": ["cancel"], "timestamp": [MONDAY + timedelta(hours=13)]})
    steps, _ = steps_of_cases(work(), pl.concat([bookings(), rare.cast(bookings().schema)]), min_people=K)
    assert steps["name"].to_list() == ["enter", "approve", "pay"]


def test_the_typical_case_tells_the_median_time_since_its_first_booking() -> None:
    steps, _ = steps_of_cases(work(), bookings(), min_people=K)
    assert steps["median"].to_list() == [0, 4 * 3600, 8 * 3600]


@pytest.mark.usefixtures("shared")
def test_a_typical_case_of_few_people_is_a_sentence() -> None:
    assert "no typical case" in charts.case_view(work(3), bookings()).to_dict()["description"]


# ---------------------------------------------------------------------------------------------------- lengths, checks
def test_lengths_of_few_people_are_left_out_with_one_more() -> None:
    rows = [(f"u{n}", seconds) for seconds in (60.0, 120.0) for n in range(9)] + [("u1", 4000.0)]
    segments = pl.DataFrame(rows, schema=["user", "active_seconds"], orient="row")
    assert Counter(common_lengths(segments)["active_seconds"].to_list()) in (Counter({60.0: 9}), Counter({120.0: 9}))


def checks() -> pl.DataFrame:
    rows = [
        ("gaps", "note", 1.0, "1 of 135 sessions", 14, "1 gap of more than 20m, 1.6 h together: nothing says why."),
        ("excluded", "ok", 5.2, "96 of 135 sessions", 14, "Applications that are excluded were in front for 5.2 h."),
        ("dominance", "ok", 0.08, "14 people", 14, "One person made 8 % of the events; nobody dominates the log."),
    ]
    return pl.DataFrame(rows, schema=["check", "level", "value", "where", "people", "sentence"], orient="row")


def test_checks_are_told_in_full_in_the_room() -> None:
    assert list_checks(checks()).equals(checks())


@pytest.mark.usefixtures("shared")
def test_a_defect_of_few_sessions_is_told_without_its_size() -> None:
    gap = list_checks(checks()).row(0, named=True)
    assert (gap["value"], gap["where"]) == (None, "fewer than 5 of 135 sessions")
    assert "1.6 h" not in gap["sentence"]


@pytest.mark.usefixtures("shared")
def test_a_defect_of_many_sessions_keeps_its_size() -> None:
    assert list_checks(checks())["sentence"][1] == checks()["sentence"][1]


@pytest.mark.usefixtures("shared")
def test_the_share_of_one_person_is_not_told() -> None:
    assert "8 %" not in list_checks(checks())["sentence"][2]


# ------------------------------------------------------------------------------------------------------------ posture
@pytest.mark.usefixtures("shared")
def test_the_sharing_line_of_a_shared_page_promises_no_examples() -> None:
    said = dict(posture(work()).iter_rows())["sharing"]
    assert "examples" not in said
    assert "at least 5 people" in said


@pytest.mark.usefixtures("shared")
def test_small_counts_of_what_was_removed_are_not_told() -> None:
    notes = {"excluded": '{"blind_spans": 1, "denied_rows": 900}', "removed_spans": '{"spans": 1, "seconds": 720}',
             "ended_cleanly": "no: 1 of 14 recordings did not end"}  # fmt: skip
    said = dict(posture(work(), metadata=notes).iter_rows())
    assert "nothing: fewer than 5" in said["excluded"]
    assert "900" in said["excluded"]
    assert "12 minutes" not in said["withdrawn"]
    assert said["ended"].startswith("Fewer than 5 of 14 recordings")


def test_in_the_room_the_sharing_line_says_that_days_are_examples() -> None:
    assert "examples" in dict(posture(work()).iter_rows())["sharing"]


def test_the_posture_names_fields_in_words() -> None:
    said = dict(posture(work().with_columns(window_title=pl.lit("Inbox"))).iter_rows())["recorded"]
    assert "titles of windows" in said
    assert "window_title" not in said
