"""First answers without segmentation: time, switches, round trips, what a change costs, transfers, entries, stretches."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import taskkit as tk
from taskkit.activities import measures as m
from taskkit.errors import ContractError, SettingError
from taskkit.schema import EVENTS
from taskkit.widgets.findings import summarise_log
from tests.frames import make_events

SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "accounts_payable"
MEASURES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "time_per_app": m.time_per_app,
    "time per screen": lambda events: m.time_per_app(events, by="screen"),
    "time per role": lambda events: m.time_per_app(events, by="app_role"),
    "count_switches": m.count_switches,
    "count_round_trips": m.count_round_trips,
    "switch_cost": m.switch_cost,
    "count_transfers": m.count_transfers,
    "count_reentries": m.count_reentries,
    "count_entries": m.count_entries,
    "measure_fragmentation": m.measure_fragmentation,
}


def named(rows: list[Any], **shared: Any) -> pl.DataFrame:
    """The named frame of rows as `make_events` takes them."""
    return tk.name_activities(make_events(rows, **shared))


def value(text: str, event_type: str, app: str, element: str, **more: Any) -> dict[str, Any]:
    """A row that carries a value: its digest is its text."""
    about = {"event_type": event_type, "app": app, "element_name": element}
    return about | {"value_digest": text, "value_length": len(text)} | more


def people(rows: list[dict[str, Any]], count: int, **shared: Any) -> pl.DataFrame:
    """The same rows for so many people."""
    frames = [make_events(rows, user=f"p_{n}", session_id=f"s{n}", **shared) for n in range(count)]
    return tk.name_activities(pl.concat(frames, how="diagonal"))


@pytest.fixture(scope="module")
def sample() -> pl.DataFrame:
    return tk.name_activities(tk.read_log(SAMPLE / "ui_log"))


# ------------------------------------------------------------------------------------------------------------ of all
@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_an_empty_log_gives_the_same_columns_and_no_row(measure: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    work = people(
        [value("long value", kind, app, "Field") for app in "ab" * 90 for kind in ("copy", "paste", "text_input")], 2
    )
    found, empty = measure(work), measure(work.clear())
    assert empty.height == 0
    assert empty.schema == found.schema


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_without_names_the_error_says_what_to_run(measure: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    with pytest.raises(ContractError, match="name_activities"):
        measure(make_events(["Save"]))


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_the_order_of_the_rows_is_irrelevant(
    measure: Callable[[pl.DataFrame], pl.DataFrame], sample: pl.DataFrame
) -> None:
    few = sample.filter(pl.col("timestamp").dt.day() < 4)
    one, other = measure(few), measure(few.sample(fraction=1.0, shuffle=True, seed=3))
    assert one.height > 0
    floats = [name for name, kind in one.schema.items() if kind.is_float()]
    assert one.drop(floats).equals(other.drop(floats))
    rounded = [
        frame.select(pl.col(floats).round(9)) for frame in (one, other)
    ]  # sums in another order differ in the last bit
    assert rounded[0].equals(rounded[1])


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_every_row_says_on_how_many_people_it_rests_and_names_nobody(
    measure: Callable[[pl.DataFrame], pl.DataFrame], sample: pl.DataFrame
) -> None:
    found = measure(sample)
    assert found["people"].min() >= 1
    assert found["people"].max() <= 14
    users = set(sample["user"])
    assert not any(users & set(found[name].drop_nulls()) for name, kind in found.schema.items() if kind == pl.String)


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_a_log_with_the_first_six_columns_only_is_enough(measure: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    bare = make_events([{"app": app} for app in "abab"]).select(EVENTS.required)
    assert measure(tk.name_activities(bare)).width > 3


# ------------------------------------------------------------------------------------------------------------- time
@pytest.mark.parametrize("by", ["app", "app_role", "screen"])
def test_time_adds_up_however_it_is_divided(sample: pl.DataFrame, by: str) -> None:
    hours = m.time_per_app(sample, by=by)
    assert hours["active_hours"].sum() == pytest.approx(
        sample.filter(pl.col(by).is_not_null())["active_seconds"].sum() / 3600
    )
    assert hours["share"].sum() == pytest.approx(1.0)


def test_screens_of_one_name_in_two_applications_are_two() -> None:
    rows = named([{"app": app, "window_title": "Untitled"} for app in ("word", "mail")])
    assert sorted(m.time_per_app(rows, by="screen")["app"]) == ["mail", "word"]


def test_a_visit_lasts_until_another_application() -> None:
    rows = [{"app": "erp"}, {"app": "erp"}, {"app": "mail"}, {"app": "erp"}, {"app": "mail"}]
    found = m.time_per_app(named(rows)).select("app", "visits", "median_visit_seconds")
    assert found.rows() == [("erp", 2, 7.5), ("mail", 2, 2.5)]


def test_an_unknown_way_to_sum_up_names_the_known_ones() -> None:
    with pytest.raises(SettingError, match="app, app_role, screen"):
        m.time_per_app(named(["Save"]), by="apps")


# ------------------------------------------------------------------------------------------------------ round trips
def test_every_switch_starts_at_most_one_round_trip() -> None:
    found = m.count_round_trips(named([{"app": app} for app in "abab"]))
    assert found.select("app", "there", "round_trips", "switches").rows() == [("a", "b", 1, 2), ("b", "a", 1, 1)]
    assert found["share"].sum() == pytest.approx(2 / 3)


def test_who_comes_back_late_or_over_a_third_application_made_no_round_trip() -> None:
    late = [{"app": "a"}, {"app": "b"}, {"app": "a", "after": 61}]
    assert m.count_round_trips(named(late)).is_empty()
    assert m.count_round_trips(named(late), within="2m")["within_seconds"].to_list() == [120.0]
    assert m.count_round_trips(named([{"app": app} for app in "abca"])).is_empty()


def test_a_round_trip_does_not_reach_over_the_end_of_a_session() -> None:
    rows = [{"app": "a"}, {"app": "b"}, {"app": "a", "session_id": "s2", "seq": 0}]
    assert m.count_round_trips(named(rows)).is_empty()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40))
def test_round_trips_and_switches_agree(apps: list[str]) -> None:
    rows = named([{"app": app} for app in apps])
    trips, switches = m.count_round_trips(rows), m.count_switches(rows)
    whole = sum(one != other for one, other in pairwise(apps))
    assert switches["switches"].sum() == whole
    runs = [app for app, before in zip(apps, [None, *apps], strict=False) if app != before]
    assert trips["round_trips"].sum() == sum(a == c for a, c in zip(runs, runs[2:], strict=False))
    assert (trips["round_trips"] <= trips["switches"]).all()


# ------------------------------------------------------------------------------------------------------ switch cost
def to_and_fro(after: float, inside: float) -> list[dict[str, Any]]:
    """Three clicks in a row in either application, and so on."""
    apps = [app for app in "ab" * 12 for _ in range(3)]
    times = [after if number % 3 == 0 else inside for number in range(len(apps))]
    names = ["One", "Two", "Three"] * 24
    return [{"app": a, "element_name": n, "after": t} for a, n, t in zip(apps, names, times, strict=True)]


def test_the_cost_is_how_much_later_the_next_act_of_a_kind_comes() -> None:
    found = m.switch_cost(people(to_and_fro(9, 4), 6))
    assert found["app"].to_list() == ["all applications", "b", "a"]
    assert found.select("cost_seconds", "low", "high", "after_seconds", "inside_seconds").row(0) == (5, 5, 5, 9, 4)
    assert found.select("switches", "steps", "people").row(0) == (6 * 23, 6 * 48, 6)


def test_fewer_than_five_people_have_no_interval() -> None:
    found = m.switch_cost(people(to_and_fro(9, 4), 4))
    assert found.select("cost_seconds", "low", "high").row(0) == (5.0, None, None)


def test_typing_time_a_break_and_a_glance_are_no_cost() -> None:
    rows = to_and_fro(9, 4)
    rows[2] |= {"event_type": "text_input", "duration_ms": 3_000}
    rows[3]["after"] = 12  # of which three seconds are typing
    rows[6]["after"] = 61
    glance = {"app": "c", "event_type": "window_focus", "after": 2}
    found = m.switch_cost(people([*rows[:10], glance, *rows[10:]], 5))
    assert found.select("after_seconds", "inside_seconds").row(0) == (9, 4)
    assert found["switches"][0] == 5 * 22


def test_what_lies_between_a_lock_is_no_step() -> None:
    rows = to_and_fro(9, 4)
    lock = [{"event_type": kind, "app": None, "after": 1} for kind in ("lock", "unlock")]
    found = m.switch_cost(people([*rows[:3], *lock, *rows[3:]], 5))
    assert found["switches"][0] == 5 * 22


def test_a_slow_and_a_quick_person_count_alike() -> None:
    quick, slow = make_events(to_and_fro(3, 2), user="p_1"), make_events(to_and_fro(30, 20), user="p_2")
    found = m.switch_cost(tk.name_activities(pl.concat([quick, slow], how="diagonal")))
    assert found["cost_seconds"][0] == pytest.approx((1 + 10) / 2)


def test_a_window_that_comes_to_the_front_costs_time_in_the_sample(sample: pl.DataFrame) -> None:
    row = m.switch_cost(sample).row(0, named=True)
    assert 0 < row["low"] < row["cost_seconds"] < row["high"] < 2  # the generator waits a median of 1.3 s for a window
    assert row["people"] == 14


def test_a_key_that_carries_no_meaning_is_still_an_act() -> None:
    rows = to_and_fro(9, 4)
    rows[2] = {"app": "a", "event_type": "key", "event_name": "tab", "after": 4}
    found = m.switch_cost(people(rows, 5))
    assert found["switches"][0] == 5 * 23


# -------------------------------------------------------------------------------------------------------- transfers
def test_how_a_value_was_taken_is_said() -> None:
    kinds = [("copy", "one"), ("cut", "two")]
    rows = [value(v, kind, "a", "From") for kind, v in kinds] + [
        value(v, "paste", "b", "To") for v in ("one", "two", "three")
    ]
    found = m.count_transfers(named(rows))
    assert sorted(found["kind"]) == ["copied → pasted", "cut → pasted", "unknown → pasted"]
    assert found["share"].to_list() == pytest.approx([1 / 3] * 3)


# -------------------------------------------------------------------------------------------------------- re-entries
def reentries(*rows: dict[str, Any], **settings: Any) -> list[tuple[Any, ...]]:
    """Kind, places and number of what is typed again in the rows."""
    return m.count_reentries(named([*rows]), **settings).select("kind", "from_app", "to_app", "reentries").rows()


@pytest.mark.parametrize(
    ("how", "kind"), [("click", "shown"), ("copy", "copied"), ("paste", "pasted"), ("text_input", "typed")]
)
def test_a_value_that_was_elsewhere_before_is_typed_again(how: str, kind: str) -> None:
    rows = [value("INV-1", how, "pdf", "Number"), value("INV-1", "text_input", "erp", "Reference")]
    assert reentries(*rows) == [(f"{kind} → typed", "pdf", "erp", 1)]


def test_what_is_pasted_is_not_typed_again() -> None:
    assert reentries(value("INV-1", "copy", "pdf", "Number"), value("INV-1", "paste", "erp", "Reference")) == []


def test_the_same_value_in_the_same_field_is_a_correction() -> None:
    assert reentries(*[value("INV-1", "text_input", "erp", "Number")] * 3) == []


def test_cells_of_one_column_are_one_place() -> None:
    assert reentries(value("INV-1", "text_input", "excel", "B7"), value("INV-1", "text_input", "excel", "B8")) == []


def test_a_value_of_long_ago_or_of_somebody_else_does_not_count() -> None:
    shown, typed = value("INV-1", "click", "pdf", "Number"), value("INV-1", "text_input", "erp", "Reference")
    assert reentries(shown, typed | {"after": 31 * 60}) == []
    assert reentries(shown, typed | {"after": 31 * 60}, within="1h") == [("shown → typed", "pdf", "erp", 1)]
    assert reentries(shown, typed | {"user": "p_2"}) == []


def test_short_values_and_constants_meet_by_chance() -> None:
    assert reentries(value("DE1", "click", "pdf", "Code"), value("DE1", "text_input", "erp", "Country")) == []
    code = [value("1000", "click", "pdf", "Code"), value("1000", "text_input", "erp", "Company")]
    assert reentries(*code) == [("shown → typed", "pdf", "erp", 1)]
    assert reentries(*code * 10) == []  # ten times and always: a constant of the field


def test_the_content_of_a_log_serves_as_well_as_digests() -> None:
    rows = [
        {"event_type": "click", "app": "pdf", "value": "INV-1"},
        {"event_type": "text_input", "app": "erp", "value": "INV-1"},
    ]
    found = m.count_reentries(named(rows))
    assert found["reentries"].to_list() == [1]
    assert "INV-1" not in str(found.rows())


def test_what_is_typed_again_in_the_sample_is_what_was_generated_as_a_copy(sample: pl.DataFrame) -> None:
    truth = pl.read_parquet(SAMPLE / "truth" / "events.parquet")
    origin = sample.join(truth, on=["user", "session_id", "seq"]).filter(pl.col("event_type") == "text_input")[
        "true_value"
    ]
    copies, found = int((origin == "copy").sum()), int(m.count_reentries(sample)["reentries"].sum())
    assert 0.95 * copies < found < 1.02 * copies


# ------------------------------------------------------------------------------------------------------------ entries
def test_bursts_of_typing_in_one_field_are_one_entry() -> None:
    rows = [value("x", "text_input", "erp", "Text"), value("y", "text_input", "erp", "Text"), {"element_name": "Save"}]
    assert m.count_entries(named([*rows, *rows])).select("element", "entries", "values").rows() == [("Text", 2, 1)]


def test_a_constant_field_and_a_key_field_are_told_apart() -> None:
    rows = [row for n in range(8) for row in (
        value("1000", "text_input", "erp", "Code"), value(f"INV-{n}", "paste" if n % 2 else "text_input", "erp", "Number"),
    )]  # fmt: skip
    found = m.count_entries(named(rows)).select("element", "entries", "values", "top_value_share", "pasted_share")
    assert found.rows() == [("Code", 8, 1, 1.0, 0.0), ("Number", 8, 8, 0.125, 0.5)]


def test_without_digests_entries_are_counted_and_values_unknown() -> None:
    found = m.count_entries(named([{"event_type": "text_input", "element_name": "Text"}]))
    assert found.select("entries", "values", "top_value_share").row(0) == (1, None, None)


# ------------------------------------------------------------------------------------------------------ fragmentation
def day(minutes: list[int], **more: Any) -> list[dict[str, Any]]:
    """A click every 30 seconds, in turn so many minutes in one application and in the other."""
    apps = [app for turn, length in enumerate(minutes) for app in "ab"[turn % 2] * (2 * length)]
    return [{"app": app, "element_name": f"{'xyz'[n % 3]}"} | more for n, app in enumerate(apps)]


def test_the_shares_are_those_of_the_stretches_in_them() -> None:
    found = m.measure_fragmentation(named([*day([1, 4, 6, 20]), {"app": "c"}], seconds=30))
    row = found.row(0, named=True)
    assert row["change_of"] == "application"
    shares = [row[name] for name in ("share_under_1m", "share_1m_to_5m", "share_5m_to_15m", "share_over_15m")]
    assert shares == pytest.approx([0, 5 / 31, 6 / 31, 20 / 31])
    assert row["median_seconds"] == 300
    assert row["stretches_per_hour"] == pytest.approx(4 / 31 * 60)


def test_a_flicker_does_not_end_a_stretch_but_a_lock_does() -> None:
    rows = day([12])
    flicker = [{"app": "b", "event_type": "window_focus", "after": 30}, {"app": "a", "element_name": "x", "after": 0.5}]
    lock = [{"app": None, "event_type": kind} for kind in ("lock", "unlock")]
    assert m.measure_fragmentation(named([*rows, *flicker, *rows], seconds=30))["stretches"][0] == 1
    assert m.measure_fragmentation(named([*rows, *lock, *rows], seconds=30))["stretches"][0] == 2


def test_excluded_time_is_in_no_stretch() -> None:
    private = {"app": "excluded", "redactions": ["excluded"]}
    rows = [*day([12]), private, private, *day([12])]
    found = m.measure_fragmentation(named(rows, seconds=30))
    assert found["stretches"][0] == 2
    assert found["active_hours"][0] == pytest.approx((12 + 12) / 60, abs=0.01)


def test_a_silence_ends_a_stretch() -> None:
    rows = [*day([12]), {"app": "a", "element_name": "w", "after": 400}, *day([12])]
    assert m.measure_fragmentation(named(rows, seconds=30))["stretches"][0] == 2
    assert m.measure_fragmentation(named(rows, seconds=30), pause="10m")["stretches"][0] == 1


def test_every_person_weighs_the_same_however_long_recorded() -> None:
    short, long = make_events(day([12]), seconds=30), make_events(day([1] * 120), seconds=30, user="p_2")
    found = m.measure_fragmentation(tk.name_activities(pl.concat([short, long], how="diagonal"))).row(0, named=True)
    assert found["median_seconds"] == pytest.approx((11.5 * 60 + 60) / 2)
    assert (found["people"], found["person_days"]) == (2, 2)


def test_a_day_of_a_few_minutes_is_no_day() -> None:
    assert m.measure_fragmentation(named(day([4]), seconds=30)).is_empty()


def test_screens_change_at_least_as_often_as_applications(sample: pl.DataFrame) -> None:
    found = m.measure_fragmentation(sample)
    assert found["change_of"].to_list() == ["application", "screen"]
    assert found["stretches"][1] >= found["stretches"][0]
    shares = found.select(pl.sum_horizontal("share_under_1m", "share_1m_to_5m", "share_5m_to_15m", "share_over_15m"))
    assert shares.to_series().to_list() == pytest.approx([1.0, 1.0])


# ---------------------------------------------------------------------------------------------------------- in a sentence
def test_the_finding_names_the_first_answers_that_say_something(sample: pl.DataFrame) -> None:
    told = summarise_log(sample)
    said = " ".join([told, *told.figures])
    for words in ("stretches of less than a minute", "lead straight back", "later than without one", "were pasted",
                  "typed entries repeat a value", "the same value at least 95 %"):  # fmt: skip
        assert words in said
    assert "14 people" in told
    assert len(told) < 300, "one or two sentences: the rest is folded below"


def test_the_finding_is_silent_on_what_the_log_does_not_show() -> None:
    said = summarise_log(named(day([12]), seconds=30))
    assert said.startswith("0.2 active hours of 1 person were recorded; 100 % of it in a.")
    for words in ("stretches", "straight back", "later", "pasted", "repeat", "same value"):
        assert words not in " ".join([said, *said.figures])
