"""What is worth automating: criteria, determinism, feasibility, verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from taskkit.activities import name_activities
from taskkit.automation.choices import personal_habit
from taskkit.automation.criteria import CRITERIA
from taskkit.automation.determinism import written_fields
from taskkit.automation.evidence import list_evidence
from taskkit.automation.feasibility import WEIGHTS, combine_criteria
from taskkit.automation.ranking import measure_criteria, rank_tasks, score_automation
from taskkit.automation.routine_steps import list_routine_candidates, list_stretch_rows
from taskkit.automation.stability import rank_stability
from taskkit.automation.value import Assumptions
from taskkit.automation.work import Work
from taskkit.errors import ContractError, SettingError
from tests.frames import make_events

SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "accounts_payable"
KEY = ["user", "session_id", "seq"]


def make_task(runs: list[list[dict[str, Any]]], people: int = 6) -> pl.DataFrame:
    """Events of one task from its runs; run i is done by person i modulo `people`, 10 active seconds a row."""
    rows = [
        {"user": f"p_{number % people}", "session_id": f"s{number}", "segment_id": number, "active_seconds": 10.0,
         "task_id": "T01", "step": True, "activity": row.get("element_id", "look"), **row}
        for number, run in enumerate(runs)
        for row in run
    ]  # fmt: skip
    extra = {"segment_model": pl.Int32, "segment_confidence": pl.Float64, "team": pl.String}
    return make_events(rows).with_columns(pl.lit(None, dtype).alias(name) for name, dtype in extra.items())


def field(app: str, name: str, value: str, kind: str = "text_input") -> dict[str, Any]:
    return {"app": app, "element_id": name, "value_digest": value, "event_type": kind}


def simulate(kind: str, runs: int, seed: int = 3) -> pl.DataFrame:
    """Runs of which all, half or none of the written values follow a rule; the sheet is read, not written."""
    random = np.random.default_rng(seed)
    out = []
    for _ in range(runs):
        number, vendor = f"INV{random.integers(1_000_000)}", f"V{random.integers(8)}"
        sheet = [field("excel", "number", number, "copy"), field("excel", "vendor", vendor, "copy")]
        followed = [field("erp", "number", number, "paste"), field("erp", "centre", "CC" + vendor)]
        free = [
            field("erp", "note", f"x{random.integers(1_000_000)}"),
            field("erp", "priority", f"{random.integers(5)}"),
        ]
        out.append(sheet + {"all": followed, "half": followed + free, "none": free}[kind])
    return make_task(out)


@pytest.mark.parametrize(("kind", "truth"), [("all", 1.0), ("half", 0.5), ("none", 0.0)])
@pytest.mark.parametrize("runs", [30, 120])
def test_determinism_tells_rule_based_from_free_work(kind: str, truth: float, runs: int) -> None:
    assert written_fields(simulate(kind, runs))["predictable"].mean() == pytest.approx(truth, abs=0.13)


def test_each_field_is_explained_by_its_best_rule() -> None:
    rules = dict(written_fields(simulate("half", 120)).select("field", "rule").unique().iter_rows())
    assert rules == {
        "erp › number": "copy",
        "erp › centre": "look-up",
        "erp › note": "judgement",
        "erp › priority": "judgement",
    }
    same = make_task([[field("erp", "company", "1000")]] * 10)
    assert written_fields(same)["rule"].unique().to_list() == ["constant"]


def test_a_field_written_too_rarely_is_not_judged() -> None:
    written = written_fields(make_task([[field("erp", "company", "1000")]] * 4))
    assert (written.height, written["predictable"].null_count()) == (4, 4)


def test_a_dependency_is_learnt_from_other_segments_only() -> None:
    runs = [
        [field("erp", "key", f"K{i}"), field("erp", "value", f"W{i}"), field("erp", "value", f"W{i}")]
        for i in range(20)
    ]
    assert written_fields(make_task(runs))["predictable"].sum() == 0


def test_a_segment_does_not_vote_for_itself() -> None:
    runs = [[field("erp", "code", code)] for code in "AAABB"]  # without its own vote each A faces two against two
    assert written_fields(make_task(runs))["predictable"].sum() == 0


def test_a_habit_is_not_a_rule() -> None:
    runs = [[field("erp", "code", "A" if i % 5 < 3 else "B")] for i in range(40)]
    assert written_fields(make_task(runs))["predictable"].sum() == 0


def test_cells_of_a_sheet_are_one_field() -> None:
    runs = [[{**field("excel", "cell", "ok"), "element_name": f"K{i}"}] for i in range(10)]
    assert written_fields(make_task(runs))["field"].unique().to_list() == ["excel › column K"]


def test_without_values_determinism_is_not_known() -> None:
    events = simulate("all", 30).drop("value_digest")
    row = score_automation(events).row(0, named=True)
    assert row["determinism"] is None
    assert "Not known from this log: determinism" in row["reason"]
    assert row["feasibility"] is not None


def value(name: str, events: pl.DataFrame) -> float:
    return float(score_automation(events)[name].item())


def test_standardisation_stands_still_while_the_log_grows() -> None:
    def noisy(runs: int) -> pl.DataFrame:
        random = np.random.default_rng(5)
        names = [[name for name in "ABCDEFGHIJKL" if random.random() > 0.02] for _ in range(runs)]
        return make_task([[{"app": "erp", "element_id": name} for name in run] for run in names])

    few, many = value("standardisation", noisy(10)), value("standardisation", noisy(200))
    assert (few, many) == (pytest.approx(0.975, abs=0.02), pytest.approx(0.975, abs=0.01))


def test_counts_are_per_segment() -> None:
    run = [
        field("excel", "a", "1", "copy"),
        field("erp", "a", "1", "paste"),
        field("erp", "b", "1"),
        field("mail", "c", "9"),
    ]
    row = score_automation(make_task([run] * 20)).row(0, named=True)
    assert (row["copy_pastes_per_segment"], row["rekeyed_per_segment"], row["apps"], row["steps"]) == (1, 1, 3, 4)
    assert (row["stable_element_share"], row["judgement_share"], row["interrupted"]) == (1.0, 0.25, 0.0)


def test_a_rate_counts_recorded_days_of_everybody() -> None:
    events = make_task([[{}]] * 20, people=2)
    idle = make_events(["x"], user="p_9", active_seconds=1.0)
    both = pl.concat([events, idle], how="diagonal")
    assert value("frequency_per_week", both) == pytest.approx(20 * 5)
    assert value("value_hours_per_year", both) == pytest.approx(20 * 10 / 3600 * 5 * 44)


def test_money_follows_the_rate() -> None:
    row = score_automation(make_task([[{}]] * 20), assumptions=Assumptions(hourly_rate=50.0, weeks_per_year=10)).row(
        0, named=True
    )
    assert row["value_money_per_year"] == pytest.approx(row["value_hours_per_year"] * 50)
    assert row["value_hours_per_year"] == pytest.approx(20 * 10 / 3600 * 5 * 10)


def test_few_runs_get_no_verdict_but_a_sentence() -> None:
    row = score_automation(simulate("all", 19)).row(0, named=True)
    assert row["verdict"] == "too little data"
    assert "19 runs by 6 people" in row["reason"]


def test_verdicts_follow_from_the_figures() -> None:
    assert score_automation(simulate("all", 60))["verdict"].item() == "automate"
    assert score_automation(simulate("none", 60))["verdict"].item() == "leave to judgement"
    row = score_automation(make_task([carried(f"{n}") for n in range(30)])).row(0, named=True)
    assert row["verdict"] == "integrate"
    assert "from erp into excel" in row["reason"]
    random = np.random.default_rng(2)
    loose = [
        [{"app": "erp", "element_id": str(name)} for name in random.permutation(list("ABCDEFGHIJ"))] for _ in range(30)
    ]
    assert score_automation(make_task(loose))["verdict"].item() == "standardise first"


def carried(value: str, into: str = "excel") -> list[dict[str, Any]]:
    sheet = [{**field("erp", f"f{i}", f"v{i}-{value}", "copy"), "active_seconds": 60.0} for i in range(3)]
    return sheet + [field(into, f"c{i}", f"v{i}-{value}", "paste") for i in range(3)]


def test_a_constant_is_not_carried_out_and_many_targets_are_no_interface() -> None:
    assert value("carried_out_per_segment", make_task([carried("EUR")] * 30)) == 0
    spread = [carried(f"{n}", into=f"app{n % 4}") for n in range(40)]
    assert value("carried_out_per_segment", make_task(spread)) == 0


def test_a_handful_of_inputs_closes_no_gate() -> None:
    note = {"app": "erp", "element_id": "note", "event_type": "text_input", "element_role": "document"}
    look = {"app": "erp", "element_id": "look", "element_role": "button"}
    runs = [[look, *([note] if n < 4 else [])] for n in range(56)]
    row = score_automation(make_task(runs)).row(0, named=True)
    assert (row["structured_input_share"], row["gates"], row["feasibility"] > 0) == (None, [], True)


def test_ids_made_anew_each_time_do_not_hide_names_and_rules() -> None:
    runs = [[{"app": "erp", "element_id": f"ember{n}_{i}", "element_name": name, "element_role": "edit", "activity": name,
              "event_type": kind, "value_digest": f"x{n}"} for i, (name, kind) in enumerate([("A", "copy"), ("B", "paste")])]
            for n in range(30)]  # fmt: skip
    row = score_automation(make_task(runs)).row(0, named=True)
    assert (row["determinism"], row["stable_element_share"], row["verdict"]) == (1.0, 1.0, "automate")
    assert list_routine_candidates(make_task(runs))["taken_by"].to_list() == ["robot"]


def test_the_population_stands_for_those_who_do_the_task() -> None:
    idle = make_events(["x"], user="p_9", active_seconds=1.0)
    both = pl.concat([make_task([[{}]] * 20, people=2), idle], how="diagonal")
    one, two = (score_automation(both, assumptions=Assumptions(population=n))["runs_per_year"].item() for n in (2, 4))
    assert (one, two) == (pytest.approx(score_automation(both)["runs_per_year"].item()), pytest.approx(2 * one))


def test_a_step_whose_values_are_not_known_stays_with_the_person() -> None:
    runs = [[field("erp", "a", f"{n}", "copy"), field("erp", "b", f"{n}", "paste"),
             {"app": "erp", "element_id": "c", "event_type": "text_input"}] for n in range(30)]  # fmt: skip
    found = list_routine_candidates(make_task(runs))
    assert found.select("taken_by", "people_of").rows() == [("robot", [6, 6]), ("person", [6])]
    assert found["why"][1] == "the log does not tell where the value comes from"


def test_a_log_that_does_not_tell_the_local_time_is_read_as_utc(half: pl.DataFrame) -> None:
    unknown = half.with_columns(utc_offset_minutes=pl.lit(None, pl.Int16))
    at_utc = half.with_columns(utc_offset_minutes=pl.lit(0, pl.Int16))
    assert score_automation(unknown)["stability"].equals(score_automation(at_utc)["stability"])


def test_the_rows_of_a_stretch_give_its_share() -> None:
    runs = [[field("erp", "a", f"{n}", "copy"), field("erp", "b", f"{n}", "paste"),
             {"app": "erp", "element_id": "c", "event_type": "text_input"}] for n in range(30)]  # fmt: skip
    events = make_task(runs)
    for number, share in list_routine_candidates(events).select("candidate", "covers_seconds_share").iter_rows():
        rows = list_stretch_rows(events, task_id="T01", candidate=number)
        assert rows["numerator"].sum() / rows["denominator"].sum() == pytest.approx(share)
    with pytest.raises(SettingError, match="candidate"):
        list_stretch_rows(events, task_id="T01", candidate=9)


def test_evidence_of_determinism_tells_the_rows(half: pl.DataFrame) -> None:
    rows = list_evidence(half, task_id="T01", criterion="determinism")
    assert rows.select("session_id", "seq").null_count().row(0) == (0, 0)


def test_a_closed_gate_makes_feasibility_zero_and_says_why() -> None:
    notes = make_task([[field("erp", "note", f"text {i}")] for i in range(30)])
    row = score_automation(notes).row(0, named=True)
    assert row["feasibility"] == 0.0
    assert row["reason"].startswith("No written value follows a rule")


def test_intervals_hold_the_figure_and_need_people() -> None:
    row = score_automation(simulate("half", 60)).row(0, named=True)
    assert row["feasibility_low"] <= row["feasibility"] <= row["feasibility_high"]
    alone = score_automation(simulate("half", 60).with_columns(user=pl.lit("p_1"))).row(0, named=True)
    assert (alone["feasibility_low"], alone["value_hours_per_year_high"]) == (None, None)


def test_the_ranking_does_not_depend_on_row_order() -> None:
    two = pl.concat([
        simulate("half", 40),
        simulate("all", 40, seed=9).with_columns(
            pl.col("segment_id") + 40, session_id="t" + pl.col("session_id"), task_id=pl.lit("T02")
        ),
    ])  # fmt: skip
    assert score_automation(two.sample(fraction=1.0, shuffle=True, seed=4)).equals(score_automation(two))


def test_events_without_segments_and_wrong_settings_are_refused() -> None:
    with pytest.raises(ContractError, match="segment"):
        score_automation(make_events(["x"], active_seconds=1.0))
    with pytest.raises(SettingError, match="hourly_rate"):
        score_automation(simulate("all", 20), assumptions=Assumptions(hourly_rate=-1.0))
    with pytest.raises(SettingError, match="min_segments"):
        score_automation(simulate("all", 20), min_segments=0)
    with pytest.raises(SettingError, match="determinism"):
        score_automation(simulate("all", 20), weights={"determinisms": 1.0})
    with pytest.raises(SettingError, match="weights"):
        score_automation(simulate("all", 20), weights=dict.fromkeys(WEIGHTS, 0.0))


@pytest.fixture(scope="module")
def half() -> pl.DataFrame:
    """Thirty runs of six people on two days a week apart, half of their values by rule."""
    events = simulate("half", 30)
    late = pl.duration(days=pl.when(pl.col("segment_id") % 2 == 0).then(7).otherwise(0))
    return events.with_columns(pl.col("timestamp") + late, element_role=pl.lit("edit"), screen=pl.col("app"))


@pytest.fixture(scope="module")
def scored(half: pl.DataFrame) -> pl.DataFrame:
    return score_automation(half)


@pytest.mark.parametrize("name", list(CRITERIA))
def test_every_figure_can_be_traced_to_rows(name: str, half: pl.DataFrame, scored: pl.DataFrame) -> None:
    rows = list_evidence(half, task_id="T01", criterion=name)
    whole = rows["denominator"].sum()
    figure = scored[name].item()
    assert figure == (pytest.approx(rows["numerator"].sum() / whole) if whole else None)
    assert rows.columns[:5] == ["user", "session_id", "seq", "segment_id", "day"]
    assert rows["user"].null_count() == 0


@pytest.mark.parametrize("name", list(CRITERIA))
def test_every_criterion_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    one = CRITERIA[name]
    assert one.definition
    assert one.unit
    assert one.source
    assert "{}" in one.said
    assert one.function.__doc__


def test_evidence_names_the_known_criteria_and_tasks(half: pl.DataFrame) -> None:
    with pytest.raises(SettingError, match="determinism"):
        list_evidence(half, task_id="T01", criterion="determinsm")
    with pytest.raises(SettingError, match="T01"):
        list_evidence(half, task_id="T9", criterion="steps")


def test_every_figure_lies_in_its_interval_or_has_none(scored: pl.DataFrame) -> None:
    row = scored.row(0, named=True)
    for name in (*CRITERIA, "feasibility", "value_hours_per_year", "savings_per_year", "net_present_value"):
        if row[name] is not None:
            assert row[f"{name}_low"] <= row[name] + 1e-9, name
            assert row[f"{name}_high"] >= row[name] - 1e-9, name


def ways(choice: str, people: int = 6, runs: int = 60) -> pl.DataFrame:
    """Runs that go one of two ways after the start: by who does it, or by the country in a field."""
    random = np.random.default_rng(4)
    out = []
    for number in range(runs):
        country = "AB"[int(random.integers(2))]
        left = country == "A" if choice == "field" else number % people < people / 2
        steps = ["p", "q"] if left else ["r", "s"]
        shown = country if choice == "field" else "A"
        rows = [{"app": "erp", "element_id": "start"}, field("erp", "country", shown)]
        rows += [{"app": "erp", "element_id": name} for name in steps]
        out.append([{**row, "screen": row["element_id"]} for row in rows])
    return make_task(out, people)


def test_a_choice_by_a_field_is_foretold_and_no_habit() -> None:
    row = score_automation(ways("field")).row(0, named=True)
    assert row["decisions_foretold"] == pytest.approx(1.0)
    assert row["personal_habit"] < 0.15


def test_a_choice_by_the_person_is_a_habit_and_not_foretold() -> None:
    row = score_automation(ways("person")).row(0, named=True)
    assert row["decisions_foretold"] < 0.7
    assert row["personal_habit"] == pytest.approx(1.0)
    assert row["verdict"] == "standardise first"


def test_a_run_does_not_vote_for_its_own_way() -> None:
    # everybody does A, A, B: of the others' runs most are A, of the person's own others one is A and one is B
    ways = pl.DataFrame({
        "user": [f"p_{n // 3}" for n in range(18)], "segment_id": range(18), "variant_id": ["A", "A", "B"] * 6
    })  # fmt: skip
    rows = personal_habit(Work(pl.DataFrame(), ways, pl.DataFrame()))
    assert rows["numerator"].to_list() == [-0.5, -0.5, 0.0] * 6
    assert rows["denominator"].to_list() == [0.0, 0.0, 1.0] * 6


def test_exceptions_are_what_the_ways_in_scope_leave_out() -> None:
    def run(names: str) -> list[dict[str, Any]]:
        return [{"app": "erp", "element_id": name, "screen": name} for name in names]

    events = make_task([run("abc")] * 16 + [run("axd")] * 4 + [run(f"a{n}") for n in range(5)])
    variants = ["T01-V01"] * 16 + ["T01-V02"] * 4 + [f"T01-V0{n}" for n in range(3, 8)]
    segments = pl.DataFrame(
        {"segment_id": range(25), "variant_id": variants}, schema_overrides={"segment_id": pl.UInt32}
    )
    whole = measure_segments(events).join(segments, on="segment_id")
    row = rank_tasks(measure_criteria(events, whole)).row(0, named=True)
    assert row["exceptions"] == pytest.approx(5 / 25)


def measure_segments(events: pl.DataFrame) -> pl.DataFrame:
    return events.group_by("segment_id", maintain_order=True).agg(
        pl.col("user", "task_id").first(), pl.col("active_seconds").sum(), activities=pl.col("activity"),
        apps=pl.col("app").unique(), steps=pl.len(), fragments=pl.lit(1), start=pl.col("timestamp").first(),
    )  # fmt: skip


def test_repeats_are_rework_and_repeats_at_once_are_loops() -> None:
    row = score_automation(make_task([[{"element_id": name} for name in "aabca"]] * 20)).row(0, named=True)
    assert (row["rework"], row["self_loops"]) == (pytest.approx(2 / 5), pytest.approx(1 / 5))


def test_stability_needs_two_weeks_and_falls_where_all_work_is_in_one() -> None:
    events = make_task([[{}, {}]] * 20, people=2)
    assert score_automation(events)["stability"].item() is None
    idle = make_events(["x"], user="p_0", session_id="idle", active_seconds=1.0)
    both = pl.concat([events, idle.with_columns(pl.col("timestamp") + pl.duration(days=7))], how="diagonal")
    assert 0.5 < score_automation(both)["stability"].item() < 0.8  # two of three recorded days, all of the runs
    even = events.with_columns(pl.col("timestamp") + pl.duration(days=7 * (pl.col("segment_id") // 2 % 2)))
    assert score_automation(even)["stability"].item() == pytest.approx(1.0)


def test_dispersion_is_the_mean_distance_from_the_median() -> None:
    events = make_task([[{"active_seconds": 10.0}]] * 10 + [[{"active_seconds": 30.0}]] * 10)
    assert value("dispersion", events) == pytest.approx(10 / 20)


def test_long_texts_and_messages_are_no_structured_input() -> None:
    typed = {"app": "erp", "event_type": "text_input", "element_id": "a"}
    run = [{**typed, "value_length": 5}, {**typed, "value_length": 80}, {**typed, "app": "outlook", "value_length": 5},
           {"app": "erp", "element_id": "b", "element_role": "check box"}]  # fmt: skip
    assert value("structured_input_share", make_task([run] * 20)) == pytest.approx(2 / 4)


def test_a_run_that_stops_behind_a_message_waits() -> None:
    events = make_task([[{"app": "outlook"}, {"app": "erp"}]] * 20)
    late = (pl.col("app") == "erp") & (pl.col("segment_id") < 5)
    events = events.with_columns(
        pl.when(late).then(pl.col("timestamp") + pl.duration(minutes=11)).otherwise("timestamp")
    )
    assert value("waiting_share", events) == pytest.approx(5 / 20)


def test_one_zero_kills_feasibility_and_weights_move_it() -> None:
    values = {"standardisation": np.array([0.25]), "determinism": np.array([1.0]), "judgement_share": np.array([1.0])}
    assert combine_criteria(values, {"standardisation": 1.0, "determinism": 3.0})[0] == pytest.approx(0.25**0.25)
    assert combine_criteria(values, {"standardisation": 1.0, "judgement_share": 0.1})[0] == 0.0
    assert np.isnan(combine_criteria({"determinism": np.array([np.nan])}, {"determinism": 1.0})[0])


def test_measuring_once_and_ranking_is_the_same_as_scoring(half: pl.DataFrame, scored: pl.DataFrame) -> None:
    assert rank_tasks(measure_criteria(half)).equals(scored)


def test_an_answer_of_the_workshop_is_heard_and_leaves_the_figures(half: pl.DataFrame, scored: pl.DataFrame) -> None:
    told = score_automation(half, context={"T01": {"control": "four eyes"}}).row(0, named=True)
    assert told["verdict"] == "leave to judgement"
    assert told["gates"] == ["It stays with people: four eyes"]
    assert told["feasibility"] == scored["feasibility"].item()


def test_ranks_stand_firm_where_one_task_is_better_in_everything() -> None:
    two = pl.concat([
        simulate("none", 40),
        simulate("all", 40, seed=9).with_columns(
            pl.col("segment_id") + 40, session_id="t" + pl.col("session_id"), task_id=pl.lit("T02")
        ),
    ])  # fmt: skip
    measured = measure_criteria(two)
    ranking = rank_tasks(measured)
    for given in (measured, None):
        firm = rank_stability(ranking, measured=given, draws=50)
        assert firm.select("task_id", "rank_low", "rank_high").rows() == [("T02", 1, 1), ("T01", 2, 2)]
        assert firm["top5_share"].to_list() == [1.0, 1.0]
    assert rank_stability(ranking, measured=measured, draws=50).equals(
        rank_stability(ranking, measured=measured.sample(fraction=1.0, shuffle=True, seed=1), draws=50)
    )
    with pytest.raises(SettingError, match="spread"):
        rank_stability(ranking, spread=0.0)


def test_of_equal_tasks_the_one_that_takes_longer_stands_first() -> None:
    longer = simulate("all", 40, seed=9).with_columns(
        pl.col("segment_id") + 40,
        pl.col("active_seconds") * 3,
        session_id="t" + pl.col("session_id"),
        task_id=pl.lit("T02"),
    )
    measured = measure_criteria(pl.concat([simulate("all", 40), longer]))
    ranking = rank_tasks(measured)
    assert ranking["verdict"].to_list() == ["automate", "automate"]
    firm = rank_stability(ranking, measured=measured, draws=50)
    assert firm.select("task_id", "rank_median").rows() == [("T02", 1), ("T01", 2)]


def test_a_task_is_divided_between_robot_and_person() -> None:
    random = np.random.default_rng(8)
    runs = []
    for number in range(20):
        sheet = field("excel", "number", f"N{number}", "copy")
        written = [field("erp", "number", f"N{number}", "paste"), field("erp", "company", "1000")]
        note = field("erp", "note", f"x{random.integers(1_000_000)}")
        runs.append([sheet, *written, note, {"app": "outlook", "element_id": "send"}])
    found = list_routine_candidates(make_task(runs))
    assert found["taken_by"].to_list() == ["robot", "person"]
    assert found["steps"].to_list() == [["number", "company"], ["note", "send"]]
    assert found["covers_seconds_share"].to_list() == pytest.approx([3 / 5, 2 / 5])
    assert "erp › note" in found["why"][1]


# what the truth's "why" says that no log can know
ANSWERS = {"payment run": {"control": "a control on purpose"}, "change vendor data": {"control": "four eyes"}}


@pytest.fixture(scope="module")
def measured_sample() -> pl.DataFrame:
    events = pl.read_parquet(SAMPLE / "ui_log" / "*.parquet").unique(KEY, maintain_order=True)
    truth = pl.read_parquet(SAMPLE / "truth" / "events.parquet").select(
        *KEY, segment_id="true_segment", task_id="true_task", segment_model=pl.lit(None, pl.Int32),
        segment_confidence=pl.lit(None, pl.Float64),
    )  # fmt: skip
    return measure_criteria(name_activities(events).join(truth, on=KEY, how="left", maintain_order="left"))


@pytest.mark.parametrize("answers", [None, ANSWERS])
def test_the_planted_ranking_is_found(measured_sample: pl.DataFrame, answers: dict[str, dict[str, str]] | None) -> None:
    ranking = rank_tasks(measured_sample, context=answers)
    wanted = {entry["task"]: entry["rank"] for entry in planted()["automation"]}
    ranks = np.array([(row["rank"], wanted[row["task_id"]]) for row in ranking.iter_rows(named=True)], dtype=float)
    assert np.corrcoef(ranks.T)[0, 1] >= 0.9  # of ranks: Spearman's


def test_the_planted_verdicts_are_found_with_the_answers_of_a_workshop(measured_sample: pl.DataFrame) -> None:
    verdicts = dict(rank_tasks(measured_sample, context=ANSWERS).select("task_id", "verdict").iter_rows())
    assert {task: verdict.split()[0] for task, verdict in verdicts.items()} == {
        entry["task"]: entry["verdict"] for entry in planted()["automation"]
    }


def test_the_planted_determinism_is_found(measured_sample: pl.DataFrame) -> None:
    found = dict(rank_tasks(measured_sample).select("task_id", "determinism").iter_rows())
    determinism = {task["task"]: task["determinism"]["share"] for task in planted()["tasks"]}
    assert found == {task: pytest.approx(share, abs=0.05) for task, share in determinism.items()}


def planted() -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((SAMPLE / "truth" / "engagement.json").read_text(encoding="utf-8"))
    return truth


def test_candidates_and_evidence_do_not_depend_on_row_order(half: pl.DataFrame) -> None:
    mixed = half.sample(fraction=1.0, shuffle=True, seed=2)
    assert list_routine_candidates(mixed).equals(list_routine_candidates(half))
    for name in ("active_hours_per_week", "determinism", "decisions_foretold", "rekeyed_per_segment"):
        one, two = (list_evidence(events, task_id="T01", criterion=name) for events in (half, mixed))
        assert one.equals(two), name


def test_of_very_many_runs_a_part_tells_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    events = ways("field")
    monkeypatch.setattr("taskkit.automation.choices.MOST_RUNS", 30)
    rows = list_evidence(events, task_id="T01", criterion="decisions_foretold")
    assert rows["segment_id"].n_unique() == 30
    assert rows["numerator"].sum() / rows["denominator"].sum() == pytest.approx(1.0)
