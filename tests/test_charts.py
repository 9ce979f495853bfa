"""Charts: they draw what they are given, hide small groups, name nobody and say so when there is nothing to draw."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

import taskkit as tk
from taskkit import charts
from taskkit.activities import measures
from taskkit.charts.days_together import coverage_by_day
from taskkit.charts.graphs import _labels
from taskkit.charts.labels import plain_address
from taskkit.charts.layout import lay_out
from taskkit.charts.look import aliases
from tests.frames import make_events

PEOPLE = [f"p_secret{n}" for n in range(12)]
WAY = ["Open", "Number", "Amount", "Save"]


def work(people: list[str] = PEOPLE, *, team: bool = True) -> pl.DataFrame:
    """A day of each person: the same four steps eight times, in the odd half in another order, and a copy and paste."""
    parts = []
    for number, user in enumerate(people):
        steps: list[dict[str, Any]] = []
        for turn in range(8):
            way = WAY if number % 2 else [WAY[0], WAY[2], WAY[1], WAY[3]]
            steps += [
                {"element_name": name, "window_title": f"Mrs Smith {turn}", "after": 900 if not at and turn else 7}
                for at, name in enumerate(way)
            ]
            value = {"value_digest": f"d{turn}"}
            steps.append({"event_type": "copy", "element_name": "Total", "app": "sheet"} | value)
            steps.append({"event_type": "paste", "element_name": "Sum", "case_ref": "INV-77001"} | value)
        parts.append(make_events(steps, user=user, session_id=f"s{number}", team="ab"[number % 2] if team else None))
    return pl.concat(parts, how="diagonal")


def alternation(people: list[str] = PEOPLE) -> pl.DataFrame:
    """Three clicks in the mail program, three in the other, and so on; what is seen in a mail is typed into the other."""
    parts = []
    for user in people:
        rows: list[dict[str, Any]] = []
        for turn in range(24):
            seen = {"value_digest": f"{user}{turn}", "value_length": 9}
            rows += [
                {"app": "mail", "element_name": name, "after": 9 if name == "One" else 4} for name in ("One", "Two")
            ]
            rows.append({"app": "mail", "element_name": "Number", "after": 4} | seen)
            rows += [
                {"app": "erp", "element_name": name, "after": 9 if name == "Four" else 4} for name in ("Four", "Five")
            ]
            rows.append({"app": "erp", "element_name": "Reference", "event_type": "text_input", "after": 4} | seen)
        parts.append(make_events(rows, user=user, window_title="Mrs Smith"))
    return tk.name_activities(pl.concat(parts, how="diagonal"))


@pytest.fixture(scope="module")
def events() -> pl.DataFrame:
    events = tk.segment(tk.name_activities(work()), method="gap", gap="5m")
    segments = tk.find_variants(tk.find_tasks(tk.list_segments(events)))
    return events.join(segments.select("segment_id", "task_id", "variant_id"), on="segment_id", how="left")


@pytest.fixture(scope="module")
def segments(events: pl.DataFrame) -> pl.DataFrame:
    return tk.find_variants(tk.find_tasks(tk.list_segments(events)))


@pytest.fixture(scope="module")
def process(events: pl.DataFrame) -> pl.DataFrame:
    booked = events.filter(pl.col("element_name") == "Save").with_row_index("n")
    return booked.select(
        case_id=pl.format("INV-77{}", pl.col("n") // 2),
        activity=pl.when(pl.col("n") % 2 == 0).then(pl.lit("Enter")).otherwise(pl.lit("Approve")),
        timestamp="timestamp", resource="user",
    )  # fmt: skip


@pytest.fixture(scope="module")
def drawn(events: pl.DataFrame, segments: pl.DataFrame, process: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Every chart of the worked frames, as a specification."""
    joined = tk.attribute_cases(events, process)
    effort = tk.step_effort(joined, process)
    ranking = tk.score_automation(events, segments=segments)
    to_and_fro = alternation()
    made = {
        "day_timeline": charts.day_timeline(events),
        "day_timeline by task": charts.day_timeline(events, by="task_id", names={"T01": "Enter"}),
        "coverage_calendar": charts.coverage_calendar(tk.list_days(events)),
        "time_per_app": charts.time_per_app(tk.time_per_app(events)),
        "time_per_app by screen": charts.time_per_app(tk.time_per_app(events, by="screen")),
        "switch_matrix": charts.switch_matrix(tk.count_switches(events)),
        "round_trip_bars": charts.round_trip_bars(measures.count_round_trips(to_and_fro)),
        "switch_cost_intervals": charts.switch_cost_intervals(measures.switch_cost(to_and_fro)),
        "reentry_flow": charts.reentry_flow(measures.count_reentries(to_and_fro)),
        "entry_bars": charts.entry_bars(measures.count_entries(to_and_fro)),
        "fragmentation_bars": charts.fragmentation_bars(measures.measure_fragmentation(to_and_fro)),
        "transfer_flow": charts.transfer_flow(tk.count_transfers(events)),
        "task_overview": charts.task_overview(tk.list_tasks(segments)),
        "segment_lengths": charts.segment_lengths(segments),
        "confidence_by_task": charts.confidence_by_task(segments),
        "variant_ladder": charts.variant_ladder(tk.count_variants(segments, level="activity")),
        "succession_map": charts.succession_map(tk.count_successions(segments)),
        "comparison_intervals": charts.comparison_intervals(tk.compare(segments)),
        "process_map": charts.process_map(process, effort),
        "step_effort_bars": charts.step_effort_bars(effort),
        "case_view": charts.case_view(joined, process),
        "value_feasibility": charts.value_feasibility(ranking),
        "criteria_heat": charts.criteria_heat(ranking),
    }
    return {name: chart.to_dict() for name, chart in made.items()}


def test_every_chart_is_titled_and_described(drawn: dict[str, dict[str, Any]]) -> None:
    for name, spec in drawn.items():
        assert spec.get("title"), f"{name} was not drawn: {spec['description']}"
        assert len(spec["description"]) > 30, name


def test_no_chart_holds_a_pseudonym_a_title_or_a_case_number(drawn: dict[str, dict[str, Any]]) -> None:
    for name, spec in drawn.items():
        text = json.dumps(spec)
        assert "p_secret" not in text, name
        assert "INV-77" not in text, name


def test_charts_stay_within_the_page(drawn: dict[str, dict[str, Any]]) -> None:
    for name, spec in drawn.items():
        parts = spec.get("hconcat", [spec])
        widths = [part.get("width", 0) for part in parts]
        assert sum(w for w in widths if isinstance(w, int)) <= 1150, name


def test_data_stay_small(drawn: dict[str, dict[str, Any]]) -> None:
    assert sum(len(json.dumps(spec)) for spec in drawn.values()) < 250_000


def test_the_same_frames_give_the_same_chart(events: pl.DataFrame, drawn: dict[str, dict[str, Any]]) -> None:
    again = charts.day_timeline(events.sample(fraction=1.0, shuffle=True, seed=1)).to_dict()
    assert json.dumps(again["datasets"] if "datasets" in again else again["data"]) == json.dumps(
        drawn["day_timeline"]["datasets"] if "datasets" in drawn["day_timeline"] else drawn["day_timeline"]["data"]
    )


EMPTY = {
    "day_timeline": lambda: charts.day_timeline(tk.name_activities(work([PEOPLE[0]])).clear()),
    "coverage_calendar": lambda: charts.coverage_calendar(pl.DataFrame()),
    "time_per_app": lambda: charts.time_per_app(pl.DataFrame({"people": []})),
    "switch_matrix": lambda: charts.switch_matrix(pl.DataFrame({"people": []})),
    "round_trip_bars": lambda: charts.round_trip_bars(measures.count_round_trips(alternation(PEOPLE[:1]).clear())),
    "switch_cost_intervals": lambda: charts.switch_cost_intervals(
        measures.switch_cost(alternation(PEOPLE[:1]).clear())
    ),
    "transfer_flow": lambda: charts.transfer_flow(pl.DataFrame()),
    "reentry_flow": lambda: charts.reentry_flow(measures.count_reentries(alternation(PEOPLE[:1]).clear())),
    "entry_bars": lambda: charts.entry_bars(measures.count_entries(alternation(PEOPLE[:1]).clear())),
    "fragmentation_bars": lambda: charts.fragmentation_bars(
        measures.measure_fragmentation(alternation(PEOPLE[:1]).clear())
    ),
    "task_overview": lambda: charts.task_overview(pl.DataFrame()),
    "segment_lengths": lambda: charts.segment_lengths(pl.DataFrame({"active_seconds": []})),
    "confidence_by_task": lambda: charts.confidence_by_task(pl.DataFrame({"task_id": []})),
    "variant_ladder": lambda: charts.variant_ladder(pl.DataFrame()),
    "succession_map": lambda: charts.succession_map(pl.DataFrame()),
    "comparison_intervals": lambda: charts.comparison_intervals(None),
    "process_map": lambda: charts.process_map(None),
    "step_effort_bars": lambda: charts.step_effort_bars(None),
    "case_view": lambda: charts.case_view(pl.DataFrame(), None),
    "value_feasibility": lambda: charts.value_feasibility(pl.DataFrame()),
    "criteria_heat": lambda: charts.criteria_heat(pl.DataFrame()),
}


def test_confidence_is_said_to_be_a_probability_only_where_it_is_one(segments: pl.DataFrame) -> None:
    sure = segments.with_columns(confidence=pl.lit(0.9), boundary_confidence=pl.lit(0.8))
    assert "about 90 should be right" in charts.confidence_by_task(sure).to_dict()["description"]
    said = charts.confidence_by_task(sure.drop("boundary_confidence")).to_dict()["description"]
    assert "about 90" not in said
    assert "for this method it is not a probability" in said


def test_confidence_of_beginnings_segments_and_kinds_stands_side_by_side(segments: pl.DataFrame) -> None:
    sure = segments.with_columns(confidence=pl.lit(0.9), boundary_confidence=pl.lit(0.8))
    text = json.dumps(charts.confidence_by_task(sure).to_dict())
    assert all(f'"{part}"' in text for part in ("beginning", "whole segment", "kind (task)"))


def test_confidence_of_a_task_of_few_people_is_hidden_once(segments: pl.DataFrame) -> None:
    few = segments.filter(pl.col("user").is_in(PEOPLE[:3])).with_columns(
        confidence=pl.lit(0.9), boundary_confidence=pl.lit(0.8)
    )
    tasks = few["task_id"].n_unique()
    said = charts.confidence_by_task(few).to_dict()["description"]
    assert said.startswith(f"{tasks} task")
    assert "hidden" in said


@pytest.mark.parametrize("draw", EMPTY.values(), ids=EMPTY)
def test_nothing_to_draw_is_said_in_a_sentence(draw: Callable[[], Any]) -> None:
    assert draw().to_dict()["description"].endswith(".")


def test_small_groups_are_hidden_and_the_chart_says_so() -> None:
    apps = pl.DataFrame(
        {
            "app": ["mail", "secret"],
            "active_hours": [3.0, 1.0],
            "share": [0.75, 0.25],
            "visits": [4, 2],
            "people": [9, 2],
            "median_visit_seconds": [8.0, 5.0],
        }
    )
    spec = json.dumps(charts.time_per_app(apps, min_people=5).to_dict())
    assert "secret" not in spec
    assert "1 application seen with fewer than 5 people is hidden." in spec


FEW = {
    "time_per_app": lambda events: charts.time_per_app(tk.time_per_app(events, by="screen")),
    "switch_matrix": lambda events: charts.switch_matrix(tk.count_switches(events)),
    "round_trip_bars": lambda events: charts.round_trip_bars(measures.count_round_trips(events)),
    "switch_cost_intervals": lambda events: charts.switch_cost_intervals(measures.switch_cost(events)),
    "reentry_flow": lambda events: charts.reentry_flow(measures.count_reentries(events)),
    "entry_bars": lambda events: charts.entry_bars(measures.count_entries(events)),
    "fragmentation_bars": lambda events: charts.fragmentation_bars(measures.measure_fragmentation(events)),
}


@pytest.mark.parametrize("draw", FEW.values(), ids=FEW)
def test_the_first_answers_on_four_people_are_a_sentence(draw: Callable[[pl.DataFrame], Any]) -> None:
    spec = draw(alternation(PEOPLE[:4])).to_dict()
    assert "title" not in spec
    assert spec["description"].endswith(".")
    assert "mail" not in json.dumps(spec)


def test_a_place_of_few_people_is_in_no_first_answer() -> None:
    renamed = {"mail": "rare", "erp": "secret"}
    few = alternation(PEOPLE[:4]).with_columns(
        app=pl.col("app").replace(renamed), element_name=pl.lit("hushed"), window_title=pl.lit("hushed"),
        screen=pl.lit("hushed"), user=pl.concat_str(pl.lit("x"), "user"),
    )  # fmt: skip
    both = pl.concat([alternation(), few])
    for name, draw in FEW.items():
        spec = json.dumps(draw(both).to_dict())
        assert not any(word in spec for word in ("rare →", '"rare', "secret", "hushed")), name


@pytest.mark.parametrize(
    ("chart", "options"), [("time_per_app by screen", ["", "erp", "sheet"]), ("entry_bars", ["", "erp"])]
)
def test_the_application_can_be_chosen(drawn: dict[str, dict[str, Any]], chart: str, options: list[str]) -> None:
    assert drawn[chart]["params"][0]["bind"]["options"] == options


def test_a_cost_that_may_be_none_is_said_to_be() -> None:
    row = {"app": ["all applications"], "cost_seconds": [0.4], "low": [-0.2], "high": [1.0], "after_seconds": [4.4],
           "inside_seconds": [4.0], "switches": [50], "steps": [90], "people": [7]}  # fmt: skip
    title = charts.switch_cost_intervals(pl.DataFrame(row)).to_dict()["title"]["text"]
    assert "neither later nor earlier" in title


def test_the_bars_of_a_cut_up_day_add_up_to_the_whole(drawn: dict[str, dict[str, Any]]) -> None:
    layer = drawn["fragmentation_bars"]["layer"][0]
    data = drawn["fragmentation_bars"].get("data") or layer["data"]
    values = data.get("values") or drawn["fragmentation_bars"]["datasets"][data["name"]]
    bars = pl.read_csv(values.encode()).group_by("place").agg(pl.col("share").sum())
    assert bars["share"].to_list() == pytest.approx([1.0, 1.0], abs=1e-3)


def test_a_log_of_few_people_shows_all() -> None:
    assert charts.smallest_group(pl.DataFrame({"user": list("abc")}), min_people=5) == 1
    assert charts.smallest_group(pl.DataFrame({"user": list("abcdef")}), min_people=5) == 5


def test_ways_of_few_people_are_summed_up_in_the_last_row() -> None:
    rows = [("T01", "T01-V01", ["Open", "Save"], 80, 9, 0.8), ("T01", "T01-V02", ["Cheat", "Save"], 20, 2, 0.2)]
    names = ["task_id", "variant_id", "activities", "segments", "people", "share"]
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(median_seconds=pl.lit(30.0))
    text = json.dumps(charts.variant_ladder(frame).to_dict())
    assert "Cheat" not in text
    assert "1 more way" in text
    assert "20 %" in text


def test_what_a_way_does_otherwise_is_marked() -> None:
    rows = [("T01", "T01-V01", ["a", "b", "c"], 80, 9, 0.8), ("T01", "T01-V02", ["a", "x", "c"], 20, 6, 0.2)]
    names = ["task_id", "variant_id", "activities", "segments", "people", "share"]
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(median_seconds=pl.lit(30.0))
    text = json.dumps(charts.variant_ladder(frame).to_dict())
    assert "2,only here" in text
    assert "0,left out here" in text


def _ways(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    names = ["task_id", "variant_id", "activities", "segments", "people", "share"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(median_seconds=pl.lit(30.0))


def test_a_step_at_another_place_is_drawn_once_as_such() -> None:
    frame = _ways([("T01", "T01-V01", ["a", "b", "c"], 80, 9, 0.8), ("T01", "T01-V02", ["b", "c", "a"], 20, 6, 0.2)])
    text = json.dumps(charts.variant_ladder(frame).to_dict())
    assert ",3,elsewhere in the order" in text
    assert "0,left out here" not in text
    assert ",only here" not in text


def test_a_task_of_few_people_is_nowhere_in_ladder_map_and_intervals() -> None:
    ways = _ways([("T01", "T01-V01", ["a", "b"], 80, 9, 0.8), ("T77", "T77-V01", ["Cheat", "b"], 20, 4, 1.0)])
    moves = pl.DataFrame(
        {"task_id": ["T01", "T77"], "before": ["a", "Cheat"], "after": ["b", "b"], "times": [9, 9], "people": [9, 4]}
    )
    figures = {"measure": "steps", "unit": "steps", "group_a": "x", "group_b": "y", "value_a": 1.0, "value_b": 2.0}
    figures |= {"difference": 1.0, "low": 0.5, "high": 1.5, "p_adjusted": 0.2, "segments_a": 9, "segments_b": 9}
    none = dict.fromkeys(("value_a", "value_b", "difference", "low", "high", "p_adjusted"))
    result = pl.DataFrame(
        [
            figures | {"task_id": "T01", "task_name": "Enter", "people_a": 9, "people_b": 9},
            figures | none | {"task_id": "T77", "task_name": "Cheat", "people_a": 3, "people_b": 1},
        ]
    )
    names = {"T01": "Enter", "T77": "Cheat"}
    for chart in (
        charts.variant_ladder(ways, names=names),
        charts.variant_ladder(ways, names=names, tasks=["T01"]),
        charts.succession_map(moves, names=names),
        charts.succession_map(moves, names=names, tasks=["T01"]),
        charts.comparison_intervals(result),
    ):
        text = json.dumps(chart.to_dict())
        assert "T77" not in text
        assert "Cheat" not in text
        assert "1 task seen with fewer than 5 people is not shown." in text


def test_a_task_of_few_people_is_called_other_on_the_clock(events: pl.DataFrame) -> None:
    rare = events.with_columns(
        task_id=pl.when(pl.col("user") == PEOPLE[0]).then(pl.lit("T77")).otherwise(pl.lit("T01"))
    )
    text = json.dumps(charts.day_timeline(rare, by="task_id", names={"T77": "Cheat"}).to_dict())
    assert "T77" not in text
    assert "other" in text


def test_the_calendar_holds_no_hours(drawn: dict[str, dict[str, Any]]) -> None:
    text = json.dumps(drawn["coverage_calendar"])
    assert "hours" not in text
    assert ":Q" not in text
    assert '"quantitative"' not in text


def calendar_days(people: int, days: int, **more: float | None) -> pl.DataFrame:
    """Person-days as `list_days` gives them, from Monday 2 March 2026 on, without weekends."""
    first = date(2026, 3, 2)
    dates = [first + timedelta(days=n // 5 * 7 + n % 5) for n in range(days)]
    whole = {"coverage": 0.95, "window_seconds": 28800.0, "gap_seconds": 0.0, "sleep_seconds": 0.0, "blind_seconds": 0.0,
             "excluded_seconds": 30.0} | more  # fmt: skip
    rows = [{"user": f"p_secret{p}", "day": day} | whole for p in range(people) for day in dates]
    numbers = dict.fromkeys(whole, pl.Float64())
    return pl.DataFrame(rows, schema={"user": pl.String(), "day": pl.Date()} | numbers)


def cells(chart: Any) -> list[list[str]]:
    """The rows of the calendar's data: who, day, state, missing."""
    (data,) = chart.to_dict()["datasets"].values()
    return list(csv.reader(data.splitlines()))[1:]


@pytest.mark.parametrize(
    ("more", "state", "missing"),
    [
        ({}, "recorded", "nothing"),
        ({"coverage": 0.5}, "recorded in part", "nothing"),
        ({"coverage": None}, "recorded, breaks are not known", "nothing"),
        ({"gap_seconds": 4000.0, "blind_seconds": 60.0}, "recorded", "unexplained silence"),
        ({"sleep_seconds": 400.0}, "recorded", "unexplained silence"),
        ({"blind_seconds": 60.0, "excluded_seconds": 9000.0}, "recorded", "recorder blind"),
        ({"excluded_seconds": 9000.0}, "recorded", "excluded on purpose"),
    ],
)
def test_the_calendar_says_how_far_a_day_is_recorded(more: dict[str, float | None], state: str, missing: str) -> None:
    assert [row[2:] for row in cells(charts.coverage_calendar(calendar_days(1, 1, **more)))] == [[state, missing]]


def test_the_calendar_of_a_foreign_log_says_what_it_does_not_know() -> None:
    unknown = dict.fromkeys(("coverage", "gap_seconds", "sleep_seconds", "blind_seconds", "excluded_seconds"))
    description = charts.coverage_calendar(calendar_days(3, 5, **unknown)).to_dict()["description"]
    assert "how much of a working day the log covers is not known" in description
    assert "marked" not in description


def test_a_short_private_span_is_not_marked() -> None:
    assert "excluded on purpose" not in {row[-1] for row in cells(charts.coverage_calendar(calendar_days(6, 10)))}


def test_what_fully_recorded_means_is_a_setting_and_is_said() -> None:
    chart = charts.coverage_calendar(calendar_days(1, 1, coverage=0.5), full=0.4)
    assert cells(chart)[0][2] == "recorded"
    assert "at least 40 % of the working window" in chart.to_dict()["description"]


def test_a_weekday_without_recording_is_a_box_and_a_weekend_is_not() -> None:
    days = calendar_days(2, 10).filter((pl.col("user") == "p_secret0") | (pl.col("day") != date(2026, 3, 4)))
    chart = charts.coverage_calendar(days)
    drawn = cells(chart)
    assert [row[1] for row in drawn if row[2].startswith("nothing recorded")] == ["2026-03-04"]
    assert not [row for row in drawn if row[1] in ("2026-03-07", "2026-03-08")]
    layer = chart.to_dict()
    axis = (layer["layer"][0] if "layer" in layer else layer)["encoding"]["x"]["scale"]["domain"]
    assert len(axis) == 12  # the weekend stays visible as a gap


def test_a_draw_says_nothing_of_the_days_that_were_not_drawn() -> None:
    days = calendar_days(1, 3).with_columns(day=pl.Series([date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 5)]))
    for drawn, title, empty in (
        (False, "Which days were recorded", "nothing recorded on a weekday"),
        (True, "Which days were drawn", "not drawn, or nothing recorded"),
    ):
        spec = charts.coverage_calendar(days, drawn=drawn).to_dict()
        assert spec["title"]["text"] == title
        assert empty in json.dumps(spec, ensure_ascii=False)
        assert ("may be recorded in the log" in spec["description"]) == drawn
    many = calendar_days(12, 3).filter((pl.col("day") != date(2026, 3, 3)) & (pl.col("user") < "p_secret4"))
    text = json.dumps(coverage_by_day(many, drawn=True, min_people=5).to_dict(), ensure_ascii=False)
    assert "not drawn, or nothing recorded" in text
    assert '"nothing recorded"' not in text


def test_the_timeline_has_rows_for_those_who_were_seen_on_the_day() -> None:
    spec = charts.day_timeline(tk.name_activities(work())).to_dict()
    assert "domain" not in spec["encoding"]["y"].get("scale", {})  # the people of all days
    assert "Who has no row was not seen" in json.dumps(spec)


@pytest.mark.parametrize(("people", "days"), [(3, 5), (40, 5), (3, 60), (40, 60), (5, 150)])
def test_the_calendar_stays_legible(people: int, days: int) -> None:
    spec = charts.coverage_calendar(calendar_days(people, days)).to_dict()
    axis = (spec["layer"][0] if "layer" in spec else spec)["encoding"]["x"]
    assert spec["width"]["step"] * len(axis["scale"]["domain"]) <= 1000
    assert 16 <= spec["height"]["step"] * people <= 900
    assert len(axis["axis"]["values"]) * 62 <= 1000 or axis["axis"]["labelOverlap"]


def test_the_calendar_names_nobody_and_does_not_depend_on_order() -> None:
    days = calendar_days(6, 10)
    spec = charts.coverage_calendar(days).to_dict()
    again = charts.coverage_calendar(days.sample(fraction=1.0, shuffle=True, seed=3)).to_dict()
    assert "p_secret" not in json.dumps(spec)
    assert cells(charts.coverage_calendar(days)) == cells(charts.coverage_calendar(days[::-1]))
    assert spec["description"] == again["description"]


def test_a_day_starts_alike_by_application_and_by_task(drawn: dict[str, dict[str, Any]]) -> None:
    days = [
        next(p["value"] for p in drawn[name]["params"] if p["name"] == "day")
        for name in ("day_timeline", "day_timeline by task")
    ]
    assert days[0] == days[1]


def test_boxes_whose_names_begin_alike_stay_apart() -> None:
    names = [f"Invoices that wait for the second signature of {who} - Horizon ERP" for who in ("sales", "board")]
    labels = _labels(names)
    assert len(set(labels.values())) == 2
    assert all("Horizon" not in label for pair in labels.values() for label in pair)


def test_addresses_are_short() -> None:
    assert plain_address("https://www.school.example/a/b/records") == "school.example/…/records"


def test_an_application_has_one_colour(events: pl.DataFrame) -> None:
    mirrored = events.with_columns(app=pl.col("app").replace({"sheet": "excluded"}))
    colours = charts.app_colours(mirrored)
    scale = charts.day_timeline(mirrored, slot="2m").to_dict()["encoding"]["color"]["scale"]
    drawn = dict(zip(scale["domain"], scale["range"], strict=True))
    assert drawn["erp"] == colours["erp"] == "#0072B2"
    assert colours["excluded"] == "#9AA3AF"
    flow = json.dumps(charts.transfer_flow(tk.count_transfers(events), colours={"sheet": "#123456"}).to_dict())
    assert "#123456" in flow


def test_aliases_do_not_follow_the_order_of_the_people() -> None:
    people = [f"p{n:02d}" for n in range(26)]
    letters = [aliases(people)[name] for name in people]
    assert len(set(letters)) == 26
    assert letters != sorted(letters)
    assert aliases(reversed(people)) == aliases(people)


def test_heavy_arrows_go_down_and_boxes_do_not_overlap() -> None:
    edges = {
        ("start", "a"): 9.0,
        ("a", "b"): 9.0,
        ("a", "c"): 5.0,
        ("b", "a"): 1.0,
        ("b", "end"): 8.0,
        ("c", "end"): 5.0,
    }
    plan = lay_out(edges, start="start", end="end")
    assert plan.y["start"] < plan.y["a"] < plan.y["b"] < plan.y["end"]
    for level in range(plan.layers):
        places = sorted(plan.x[node] for node in plan.x if plan.y[node] == level)
        assert all(b - a > 0.99 for a, b in pairwise(places))


def test_a_page_holds_a_few_days_as_examples() -> None:
    rows = [{"user": f"p_{n % 6}", "session_id": f"s{n}", "after": 3600 * 5} for n in range(60)]
    events = tk.name_activities(make_events([{**row, "element_name": "a"} for row in rows] * 1))
    spec = charts.day_timeline(events.with_columns(active_seconds=pl.lit(30.0)), examples=3).to_dict()
    assert len(next(p for p in spec["params"] if p["name"] == "day")["bind"]["options"]) == 3


def test_the_process_map_hides_the_time_of_few_people() -> None:
    at = [datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (8, 9)]
    process = pl.DataFrame({"case_id": ["c", "c"], "activity": ["Enter", "Approve"], "timestamp": at})
    effort = pl.DataFrame({"activity": ["Enter", "Approve"], "people": [1, 6], "touch_median_seconds": [3333.0, 60.0]})
    drawn = str(charts.process_map(process, effort).to_dict())
    assert "1 min" in drawn
    assert "56 min" not in drawn


def test_steps_tell_behind_how_many_bookings_work_was_recorded(events: pl.DataFrame, process: pl.DataFrame) -> None:
    effort = tk.step_effort(tk.attribute_cases(events, process), process)
    said = charts.step_effort_bars(effort, min_people=1).to_dict()["description"]
    seen, booked = effort["cases_with_work"].sum(), effort["process_events"].sum()
    assert re.search(rf"Recorded work behind (at least )?{seen:,} of {booked:,} bookings? \(\d+ %\)", said)
    assert "calendar time, nights and weekends included" in said
    assert f"{seen:,} of {booked:,} booking" in tk.widgets.summarise_steps(effort, min_people=1)


def test_less_than_a_minute_is_not_shown_as_no_hours() -> None:
    markup = tk.widgets.table(pl.DataFrame({"active_hours": [0.001, 0.0, 1.25]})).markup
    assert ">under 1 min<" in markup
    assert ">0<" in markup
    assert "0.00" not in markup


def test_a_screen_without_an_application_is_drawn() -> None:
    frame = pl.DataFrame({"app": ["mail", None], "screen": ["Inbox", "task bar"], "active_hours": [1.5, 0.5], "share": [0.75, 0.25],
                          "visits": [3, 2], "people": [6, 6], "median_visit_seconds": [9.0, 2.0]})  # fmt: skip
    spec = json.dumps(charts.time_per_app(frame).to_dict())
    assert "no application" in spec
