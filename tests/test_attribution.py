"""Evidence for cases beyond what a row shows: values, glances, clocks; confidence, resources, and what is left over."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskkit.activities import name_activities
from taskkit.errors import ContractError, LogFileError, SettingError
from taskkit.overlay.attribution import CONFIDENCE, attribute_cases, list_attributions
from taskkit.overlay.persons import names_persons
from taskkit.overlay.references import clock_offsets, known_offsets
from taskkit.overlay.resources import list_resources, map_resources
from taskkit.overlay.unmatched import list_unmatched
from taskkit.privacy import digest, pseudonym
from taskkit.samples import SAMPLE_KEY
from taskkit.schema import EVENTS, PRESENCE_TYPES, PROCESS
from tests.frames import START, make_events

SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "accounts_payable"
KEYS = ["user", "session_id", "seq"]
KEY = b"k" * 32
Row = dict[str, Any] | str


def make_process(*rows: tuple[Any, ...], **attributes: list[Any]) -> pl.DataFrame:
    """Process events from (case, seconds after START[, resource]) and attributes of each."""
    frame = pl.DataFrame({
        "case_id": [row[0] for row in rows], "activity": "Approve",
        "timestamp": [START + timedelta(seconds=row[1]) for row in rows],
        "resource": [row[2] if len(row) > 2 else "p_1" for row in rows], **attributes,
    })  # fmt: skip
    return frame.cast({"timestamp": PROCESS["timestamp"].dtype})


TWO = make_process(("INV-1001", 3600.0), ("INV-1002", 7200.0))


def attribute(rows: list[Row], process: pl.DataFrame = TWO, **given_settings: Any) -> list[tuple[Any, Any]]:
    found = attribute_cases(make_events(rows), process, **given_settings)
    return found.select("case_id", "case_source").rows()


def value(text: str, **rest: Any) -> dict[str, Any]:
    return {"value_digest": digest(text, key=KEY), "value_length": len(text), "value_shape": "9.9", **rest}


# ------------------------------------------------------------------------------------------------------------- values
def test_a_value_that_was_seen_with_one_case_only_is_that_case() -> None:
    rows: list[Row] = [
        value("733.10", case_ref="INV-1001"),
        value("733.10", app="excel", after=7200.0),
        {"after": 7200.0},
    ]
    assert attribute(rows)[1:] == [("INV-1001", "same value"), (None, None)]


def test_a_value_that_was_seen_with_two_cases_tells_nothing() -> None:
    rows: list[Row] = [
        value("733.10", case_ref="INV-1001"), value("733.10", case_ref="INV-1002"), value("733.10", after=7200.0),
    ]  # fmt: skip
    assert attribute(rows)[2] == (None, None)


@pytest.mark.parametrize("told", [value("12.5"), value("seven more", value_shape="a a")])
def test_short_values_and_words_tell_nothing(told: dict[str, Any]) -> None:
    assert attribute([{**told, "case_ref": "INV-1001"}, {**told, "after": 9000.0}])[1] == (None, None)


def test_what_is_pasted_belongs_to_the_case_it_was_copied_from_for_a_while() -> None:
    seen: list[Row] = [value("733.10", case_ref="INV-1001"), value("733.10", case_ref="INV-1002")]
    copy = value("733.10", case_ref="INV-1001", event_type="copy")
    paste = value("733.10", app="excel", event_type="paste", after=400.0)
    assert attribute([*seen, copy, paste])[3] == ("INV-1001", "same value")
    assert attribute([*seen, copy, {**paste, "after": 900.0}])[3] == (None, None)
    other = value("100.00", event_type="copy", after=300.0)
    assert attribute([*seen, copy, other, paste])[4] == (None, None)


def test_values_of_one_case_before_and_after_hold_what_is_between() -> None:
    told = value("733.10", app="excel")
    rows: list[Row] = [
        value("733.10", case_ref="INV-1001"),
        {**told, "after": 7200.0},
        {"app": "excel", "after": 30.0},
        {**told, "after": 30.0},
    ]
    assert attribute(rows)[2] == ("INV-1001", "same value")


@pytest.mark.parametrize("text", ["2184.1", "2184.10", "2,184.10", "2.184,10", "2184,10", "INV-1001"])
def test_an_attribute_of_one_case_is_known_to_whoever_has_the_key(text: str) -> None:
    process = make_process(("INV-1001", 60.0), ("INV-1002", 120.0), amount=[2184.1, 99.95])
    rows: list[Row] = [value(text, app="excel")]
    assert attribute(rows, process, key=KEY, resource_window="1s") == [("INV-1001", "case attribute")]
    assert attribute(rows, process, resource_window="1s") == [(None, None)]


@pytest.mark.parametrize("text", ["12000", "12000.00", "12,000.00"])
def test_a_whole_number_among_fractions_is_known_without_its_point(text: str) -> None:
    process = make_process(("INV-1001", 60.0), ("INV-1002", 120.0), amount=[12000.0, 99.95])
    rows: list[Row] = [value(text, app="excel")]
    assert attribute(rows, process, key=KEY, resource_window="1s") == [("INV-1001", "case attribute")]


def test_an_attribute_counts_if_one_of_its_cases_is_open() -> None:
    rows: list[Row] = [value("99.95", app="excel")]
    open_now = make_process(("INV-1001", 60.0), ("INV-1002", 120.0), amount=["99.95", "99.95"])
    assert attribute(rows, open_now, key=KEY, resource_window="1s") == [(None, None)]
    long_ago = make_process(("INV-1001", 60.0), ("INV-1002", -9e5), amount=["99.95", "99.95"])
    assert attribute(rows, long_ago, key=KEY, resource_window="1s") == [("INV-1001", "case attribute")]


def test_what_many_cases_have_and_words_are_no_evidence() -> None:
    many = make_process(
        *((f"INV-100{n}", 60.0 + n * 1e6) for n in range(6)), price=["99.95"] * 6, vendor=["Nordwind"] * 6
    )
    assert attribute([value("99.95")], many, key=KEY, resource_window="1s") == [(None, None)]
    one = make_process(("INV-1001", 60.0), vendor=["Nordwind"])
    assert attribute([value("Nordwind")], one, key=KEY, resource_window="1s") == [(None, None)]


def test_dates_are_attributes_as_people_write_them() -> None:
    process = make_process(("INV-1001", 60.0), due=[START.date()])
    for text in ("2026-03-02", "02.03.2026", "02/03/2026", "03/02/2026"):
        assert attribute([value(text)], process, key=KEY, resource_window="1s")[0][0] == "INV-1001"


# ---------------------------------------------------------------------------------------------------- what rows show
def test_a_window_that_was_passed_over_shows_nothing() -> None:
    rows: list[Row] = [
        {"case_ref": "INV-1001"}, "x", {"case_ref": "INV-1002", "dropped": "flicker"}, "x", {"case_ref": "INV-1001"},
    ]  # fmt: skip
    assert [case for case, _ in attribute(rows)] == ["INV-1001"] * 5


@pytest.mark.parametrize(("text", "case"), [
    ("scan_INV-1001.pdf", "INV-1001"), ("(INV-1001)", "INV-1001"), ("x.INV-1001_2", "INV-1001"), ("AINV-1001", None),
    ("INV-10011", None), ("INV-1001 and INV-1002", None), ("INV-1001 and INV-9999", None), ("INV-1001 of 2026", "INV-1001"),
])  # fmt: skip
def test_words_and_their_parts_name_a_case(text: str, case: str | None) -> None:
    assert attribute([{"window_title": text}], resource_window="1s")[0][0] == case


def test_a_stated_reference_that_is_unknown_gives_way_to_a_case_in_the_title() -> None:
    assert attribute([{"case_ref": "INV-9999", "window_title": "INV-1001"}])[0][0] == "INV-1001"
    assert attribute([{"case_ref": "INV-1002", "window_title": "INV-1001"}])[0][0] == "INV-1002"


def test_a_moment_that_books_many_cases_confirms_each_of_them() -> None:
    process = make_process(*((f"INV-1{number:03d}", 31.0) for number in range(50)))
    for number in (0, 7, 49):
        rows: list[Row] = [{"case_ref": "INV-2000"}, "x", {"case_ref": f"INV-1{number:03d}", "after": 5.0}]
        assert attribute(rows, process)[1] == (f"INV-1{number:03d}", "visible + process event")


def test_sessions_follow_each_other_by_time_not_by_name() -> None:
    late = make_events([{"case_ref": None}], session_id="a").with_columns(pl.col("timestamp").dt.offset_by("5s"))
    early = make_events([{"case_ref": "INV-1001"}], session_id="b")
    found = attribute_cases(pl.concat([late, early]), TWO)
    assert found.select("case_id", "case_source").row(0) == ("INV-1001", "carried")


def test_interrupted_segments_keep_their_own_references() -> None:
    rows: list[Row] = [
        {"case_ref": "INV-1001", "segment_id": 7}, {"case_ref": "INV-1002", "segment_id": 9}, {"segment_id": 7},
        {"segment_id": 9}, {"segment_id": None},
    ]  # fmt: skip
    assert [case for case, _ in attribute(rows)] == ["INV-1001", "INV-1002", "INV-1001", "INV-1002", None]


def test_an_empty_log_gets_empty_columns() -> None:
    found = attribute_cases(make_events(["x"]).clear(), TWO)
    assert (found.height, found.schema["case_id"], found.schema["case_confidence"]) == (0, pl.String, pl.Float64)


def test_the_events_are_not_changed() -> None:
    events = make_events([value("733.10", case_ref="INV-1001", app="music"), "x"])
    before = events.clone()
    attribute_cases(events, TWO, bar_apps=["music"], key=KEY)
    assert events.equals(before)


# --------------------------------------------------------------------------------------------------------- confidence
BOTH = make_process(("INV-1001", 40.0), ("INV-1002", 90.0, "p_2"), ("INV-1002", 800.0), ("INV-1001", 800.0))
SHOWN = st.sampled_from([None, None, "INV-1001", "INV-1002", "INV-1003"])
ROWS = st.lists(
    st.fixed_dictionaries({
        "case_ref": SHOWN, "segment_id": st.sampled_from([None, 0, 1]), "app": st.sampled_from(["erp", "excel", "teams", None]),
        "event_type": st.sampled_from(["click", "copy", "paste"]), "value_digest": st.sampled_from([None, "a" * 16, "b" * 16]),
        "after": st.sampled_from([1.0, 8.0, 30.0, 700.0]), "user": st.sampled_from(["p_1", "p_2"]),
    }), min_size=1, max_size=25,
)  # fmt: skip


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_no_order_of_rows_changes_anything(rows: list[dict[str, Any]], rng: Random) -> None:
    events = make_events(rows)
    events = events.with_columns(segment_id=pl.col("segment_id") * 2 + (pl.col("user") == "p_2").cast(pl.UInt32))
    found = attribute_cases(events, BOTH, least=0.0)
    order = list(range(events.height))
    rng.shuffle(order)
    assert attribute_cases(events[order], BOTH[::-1], least=0.0).equals(found[order])


@given(ROWS, st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_least_only_takes_answers_away(rows: list[dict[str, Any]], least: float) -> None:
    every = attribute_cases(make_events(rows), BOTH, least=0.0)
    some = attribute_cases(make_events(rows), BOTH, least=least)
    kept = (every["case_confidence"] >= least).fill_null(False)
    columns = ["case_id", "case_confidence", "case_source"]
    assert some.filter(kept).select(columns).equals(every.filter(kept).select(columns))
    assert some.filter(~kept)["case_id"].count() == 0


def test_least_must_be_a_share() -> None:
    with pytest.raises(SettingError, match=r"least=1.5.*0 to 1"):
        attribute([{"case_ref": "INV-1001"}], least=1.5)


def test_confidence_is_a_share_for_every_distance_and_falls_below_a_half_only_for_one_sided_evidence() -> None:
    for rule, bands in CONFIDENCE.values():
        ends = [end for end, _ in bands]
        assert ends == sorted(ends)
        assert ends[-1] == float("inf")
        assert all(0 <= share <= 1 for _, share in bands), rule
    assert CONFIDENCE["last reference"][1][-1][1] < 0.5 < CONFIDENCE["segment"][1][-1][1]


def test_confidence_falls_with_the_age_of_the_reference() -> None:
    rows: list[Row] = [{"case_ref": "INV-1001"}, {"after": 4.0}, {"after": 4.0}, {"after": 10.0}]
    found = attribute_cases(make_events(rows), TWO, least=0.0)["case_confidence"].to_list()
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 4


def test_rules_are_listed_with_their_time() -> None:
    events = attribute_cases(
        make_events([{"case_ref": "INV-1001"}, {"after": 4.0}, {"after": 50.0}], active_seconds=9.0), TWO
    )
    listed = list_attributions(events).select("rule", "share")
    assert dict(listed.rows()) == {
        "visible both sides": pytest.approx(1 / 3),
        "carried": pytest.approx(1 / 3),
        "no case": pytest.approx(1 / 3),
    }


# ------------------------------------------------------------------------------------------------------------- clocks
def office(people: int = 3, cases: int = 12) -> tuple[pl.DataFrame, pl.DataFrame]:
    """People who look at a case for a while and book it; a minute between cases."""
    rng, parts, bookings = Random(3), [], []
    for person in range(people):
        time, rows = 0.0, []
        for number in range(cases):
            case, looks = f"INV-{person}{number:03d}", rng.randint(3, 9)
            waits = [60.0] + [rng.uniform(2, 15) for _ in range(looks - 1)]
            rows += [{"case_ref": case, "after": wait} for wait in waits]
            time += sum(waits) - (60.0 if not number else 0.0)
            bookings.append((case, time + rng.uniform(0.3, 2.0), f"p_{person}"))
        parts.append(make_events(rows, user=f"p_{person}", session_id=f"s{person}"))
    return pl.concat(parts), make_process(*bookings)


@pytest.mark.parametrize("seconds", [0, 30, -30, 120, -120, 600, -600])
def test_clocks_that_are_wrong_for_each_person_are_set_right(seconds: int) -> None:
    events, process = office()
    late = pl.col("resource").str.tail(1).cast(pl.Int64) * seconds * 1_000_000
    found = clock_offsets(events, process.with_columns(pl.col("timestamp") + pl.duration(microseconds=late)))
    right = np.arange(3) * seconds
    kept = np.abs(right) <= 900
    assert np.abs(found["offset_seconds"].to_numpy() - right - 1.0)[kept].max() < 1.5
    assert found.filter(pl.Series(kept)).select((pl.col("low_seconds") <= pl.col("offset_seconds")).all()).item()
    assert found.filter(pl.Series(kept)).select((pl.col("high_seconds") >= pl.col("offset_seconds")).all()).item()


def test_clocks_that_nothing_settles_have_a_wide_range() -> None:
    events, process = office(people=1, cases=40)
    rng = Random(1)
    loose = [rng.uniform(-600, 600) for _ in range(process.height)]
    wrong = process.with_columns(pl.col("timestamp") + pl.duration(microseconds=pl.Series(loose) * 1e6))
    width = [
        table.select(pl.col("high_seconds") - pl.col("low_seconds")).item()
        for table in (clock_offsets(events, process), clock_offsets(events, wrong))
    ]
    assert width[0] < 30 < 300 < width[1]


def test_every_row_says_by_how_much_its_clock_was_corrected() -> None:
    rows: list[Row] = [{"case_ref": f"INV-10{n}", "after": 30.0} for n in range(9)]
    process = make_process(*((f"INV-10{n}", 30.0 * n + 60.0) for n in range(9)))
    other = make_events(["x"], user="p_2")
    events = pl.concat([other, make_events(rows)], how="diagonal").sample(fraction=1, shuffle=True, seed=3)
    found = attribute_cases(events, process)
    told = dict(found.select("user", "clock_offset_seconds").unique().rows())
    estimated = dict(clock_offsets(events, process).select("user", "offset_seconds").rows())
    assert told == {"p_1": estimated["p_1"], "p_2": None}
    assert estimated["p_1"] == 60.0
    expected = [("p_1", 60.0, True), ("p_2", 0.0, False)]
    assert known_offsets(found, process).rows() == expected
    assert known_offsets(events, process).rows() == expected


def test_references_that_are_digests_keep_their_clock_without_the_key() -> None:
    rows: list[Row] = [{"case_ref": digest(f"inv-10{n}", key=KEY), "after": 30.0} for n in range(9)]
    process = make_process(*((f"INV-10{n}", 30.0 * n + 60.0) for n in range(9)))
    found = attribute_cases(make_events(rows), process, key=KEY)
    assert known_offsets(found, process).rows() == [("p_1", 60.0, True)]
    assert known_offsets(make_events(rows), process).rows() == [("p_1", 0.0, False)]


@pytest.mark.parametrize("asked", [attribute_cases, clock_offsets])
@pytest.mark.parametrize("column", ["user", "session_id"])
def test_empty_cells_in_what_says_whose_row_it_is_are_refused(asked: Callable[..., pl.DataFrame], column: str) -> None:
    events = make_events(["INV-1001", "x"]).with_columns(pl.Series(column, ["p_1", None]))
    with pytest.raises(ContractError, match=rf"Columns {column} \(1\) of the events have empty cells; allowed: none"):
        asked(events, TWO)


# ------------------------------------------------------------------------------------------------- cases inside others
def test_a_case_is_known_by_its_whole_name_before_it_is_a_part_of_another() -> None:
    process = make_process(("10001", 3600.0), ("A-10001", 7200.0))
    rows: list[Row] = [{"window_title": "Order 10001"}, {"window_title": "Order A-10001"}]
    assert [case for case, _ in attribute(rows, process)] == ["10001", "A-10001"]


def test_the_parts_of_a_word_that_is_a_case_are_no_other_case() -> None:
    process = make_process(("INV-10001", 3600.0), ("INV-10001_2", 7200.0))
    rows: list[Row] = [
        {"window_title": "INV-10001_2"},
        {"window_title": "INV-10001"},
        {"window_title": "INV-10001.pdf"},
    ]
    assert [case for case, _ in attribute(rows, process)] == ["INV-10001_2", "INV-10001", "INV-10001"]


def test_clock_offsets_do_not_depend_on_the_order_of_rows() -> None:
    events, process = office()
    shuffled = events.sample(fraction=1.0, shuffle=True, seed=5)
    assert clock_offsets(shuffled, process.reverse()).equals(clock_offsets(events, process))


@pytest.mark.parametrize(
    ("hours", "said"), [(1, "1 h ahead.*Europe/Berlin"), (-5, "5 h behind.*New_York"), (5.5, "5.5 h ahead")]
)
def test_a_process_log_in_local_time_is_refused(hours: float, said: str) -> None:
    events, process = office()
    late = process.with_columns(pl.col("timestamp") + pl.duration(minutes=int(60 * hours)))
    with pytest.raises(ContractError, match=rf"{said}") as error:
        attribute_cases(events, late)
    assert "as it stands 0. Times without a zone are read as UTC" in str(error.value)


def test_clocks_that_are_wrong_by_minutes_only_are_no_other_zone() -> None:
    events, process = office()
    late = process.with_columns(pl.col("timestamp") + pl.duration(minutes=12))
    assert attribute_cases(events, late)["case_id"].equals(attribute_cases(events, process)["case_id"])


def test_a_process_log_of_something_else_is_refused_in_patterns() -> None:
    events = make_events([{"window_title": "Order INV-104233"}, {"window_title": "INV-104234 paid"}])
    with pytest.raises(ContractError, match=r"2 cases \('AAA-9999'\).*'AAA-999999'.*prefix") as error:
        attribute_cases(events, TWO.drop("resource"))
    assert "1042" not in str(error.value)


# --------------------------------------------------------------------------------------------------------- the sample
@pytest.fixture(scope="module")
def sample() -> tuple[pl.DataFrame, pl.DataFrame]:
    events = pl.read_parquet(SAMPLE / "ui_log" / "*.parquet").unique(KEYS, maintain_order=True)
    truth = pl.read_parquet(SAMPLE / "truth" / "events.parquet")
    process = pl.read_csv(SAMPLE / "process_log.csv", try_parse_dates=False).with_columns(
        pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", time_zone="UTC", time_unit="us")
    )
    return name_activities(events).join(truth, on=KEYS, how="left", maintain_order="left"), process.drop(
        "start_timestamp"
    )


def mark(found: pl.DataFrame) -> pl.DataFrame:
    rows = found.filter(~pl.col("event_type").cast(pl.String).is_in(PRESENCE_TYPES))
    return rows.with_columns(right=(pl.col("case_id") == pl.col("true_case")).fill_null(False))


def test_nine_in_ten_rows_are_right_and_found_even_without_segments(sample: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    rows = mark(attribute_cases(*sample))
    precision, recall = (rows.drop_nulls(name)["right"].mean() for name in ("case_id", "true_case"))
    assert (precision > 0.93, recall > 0.90) == (True, True), f"{precision:.3f} / {recall:.3f}"  # type: ignore[operator]


def test_wrong_clocks_of_each_person_change_hardly_any_row(sample: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = sample
    rng = Random(4)
    late = {user: rng.uniform(-120, 120) * 1e6 for user in events["user"].unique().sort()}
    shift = pl.col("resource").replace_strict(late, default=0.0, return_dtype=pl.Float64).cast(pl.Int64)
    skewed = attribute_cases(events, process.with_columns(pl.col("timestamp") + pl.duration(microseconds=shift)))
    assert skewed["case_id"].eq_missing(attribute_cases(events, process)["case_id"]).mean() > 0.998  # type: ignore[operator]


def test_confidence_is_near_the_share_that_is_right(sample: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    rows = mark(attribute_cases(*sample)).drop_nulls("case_id")
    bands = rows.group_by((pl.col("case_confidence") >= 0.9).alias("sure")).agg(
        pl.col("case_confidence").mean(), pl.col("right").mean(), pl.len()
    )
    gaps = bands.with_columns(gap=(pl.col("case_confidence") - pl.col("right")).abs()).sort("sure")
    assert gaps["len"].min() > 1000  # type: ignore[operator]
    assert gaps["gap"].to_list() < [0.1, 0.03]


def test_the_key_opens_the_attributes_of_the_sample(sample: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    rows = mark(attribute_cases(*sample, key=SAMPLE_KEY)).filter(pl.col("case_source") == "case attribute")
    assert rows.height > 1000
    assert rows["right"].mean() > 0.99  # type: ignore[operator]


# ---------------------------------------------------------------------------------------------------------- resources
LOGINS = make_events(["x"], user=pseudonym("jsmith", key=KEY))


@pytest.mark.parametrize(
    "name", ["jsmith", "ACME\\jsmith", "jsmith@acme.com", "JSMITH", "  jsmith ", "acme.local/JSmith"]
)
def test_a_login_is_known_however_it_is_written(name: str) -> None:
    found = map_resources(make_process(("INV-1001", 0.0, name)), LOGINS, key=KEY)
    assert found["resource"].to_list() == [pseudonym("jsmith", key=KEY)]


def test_a_recorder_that_knew_the_domain_is_met_with_it() -> None:
    events = make_events(["x"], user=pseudonym("acme\\jsmith", key=KEY))
    found = map_resources(make_process(("INV-1001", 0.0, "ACME\\JSmith")), events, key=KEY)
    assert found["resource"].to_list() == events["user"].to_list()


def test_nobody_keeps_a_clear_name_and_nobody_is_lost() -> None:
    process = make_process(
        ("a", 0.0, "jsmith"), ("b", 1.0, "Ada Lovelace"), ("c", 2.0, None), ("d", 3.0, "p_0123456789ab")
    )
    found = map_resources(process, LOGINS, key=KEY)
    assert found.drop("resource").equals(process.drop("resource"))
    assert found["resource"].to_list()[2:] == [None, "p_0123456789ab"]
    assert found["resource"][1] == pseudonym("ada lovelace", key=KEY)


@pytest.mark.parametrize("as_file", [False, True])
def test_other_names_of_the_system_are_given_as_a_list(tmp_path: Path, as_file: bool) -> None:
    (tmp_path / "names.csv").write_text("resource,login\n17004,ACME\\jsmith\n")
    names = tmp_path / "names.csv" if as_file else {"17004": "ACME\\jsmith"}
    found = map_resources(make_process(("a", 0.0, "17004")), LOGINS, key=KEY, names=names)
    assert found["resource"].to_list() == [pseudonym("jsmith", key=KEY)]


def test_a_list_of_names_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("user,login\n17004,jsmith\n")
    with pytest.raises(LogFileError, match=r"no column resource; found: user, login"):
        map_resources(make_process(("a", 0.0, "17004")), LOGINS, key=KEY, names=tmp_path / "names.csv")
    with pytest.raises(LogFileError, match="cannot be read"):
        map_resources(make_process(("a", 0.0, "17004")), LOGINS, key=KEY, names=tmp_path / "none.csv")


def test_one_resource_with_two_logins_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("resource,login\n17004,jsmith\n17004,ada\n")
    with pytest.raises(SettingError, match="1 resources more than once"):
        map_resources(make_process(("a", 0.0, "17004")), LOGINS, key=KEY, names=tmp_path / "names.csv")


def test_nothing_that_matches_is_an_error_without_names() -> None:
    with pytest.raises(ContractError, match="None of the 1 resources") as error:
        map_resources(make_process(("a", 0.0, "Ada Lovelace")), LOGINS, key=KEY)
    assert "Ada" not in str(error.value)


def test_the_refusal_of_strangers_names_nobody() -> None:
    with pytest.raises(ContractError, match="map_resources") as error:
        attribute(["x"], make_process(("INV-1001", 0.0, "Ada Lovelace")))
    assert "Ada" not in str(error.value)
    assert "letters as a, digits as 9" in str(error.value)
    assert "map_resources(process, events, key=key)" in str(error.value)


def test_other_columns_of_logins_get_the_same_pseudonyms() -> None:
    process = make_process(
        ("a", 0.0, "jsmith"), ("b", 1.0, "ada"), ("c", 2.0, "bob"),
        approver=["ACME\\ada", None, "JSMITH"], seen_by=[["jsmith", "ada"], [], None],
        vendor=["Nordwind", "ada", "Südwind"], empty=[None, None, None], amount=[1, 2, 3],
    )  # fmt: skip
    found = map_resources(process, LOGINS, key=KEY)
    jsmith, ada = (pseudonym(name, key=KEY) for name in ("jsmith", "ada"))
    assert found["approver"].to_list() == [ada, None, jsmith]
    assert found["seen_by"].to_list() == [[jsmith, ada], [], None]
    assert found.select("vendor", "empty", "amount").equals(process.select("vendor", "empty", "amount"))


def test_clear_names_in_the_events_are_refused_before_resources_become_pseudonyms() -> None:
    events = make_events(["x"], user="Ada Lovelace")
    with pytest.raises(ContractError, match="1 of the 1 users of the events are no pseudonyms") as error:
        map_resources(make_process(("a", 0.0, "Ada Lovelace")), events, key=KEY)
    assert "Ada" not in str(error.value)


def test_a_list_of_names_that_cannot_be_parsed_shows_none_of_its_cells(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text('resource,login\n"Jane ""Doe,"jdoe\nAda Lovelace,a,b,c\n')
    with pytest.raises(LogFileError, match="cannot be read") as error:
        map_resources(make_process(("a", 0.0, "17004")), LOGINS, key=KEY, names=tmp_path / "names.csv")
    told = "".join(traceback.format_exception(error.value))
    assert "Jane" not in told
    assert "Lovelace" not in told


def test_a_log_that_does_not_say_who_booked_is_told_what_to_name() -> None:
    process = TWO.drop("resource")
    for asked in (lambda: map_resources(process, LOGINS, key=KEY), lambda: list_resources(process, LOGINS)):
        with pytest.raises(ContractError, match=r'columns=\{"resource": "…"\}\), or leave this step out'):
            asked()


def test_resources_are_counted_without_names() -> None:
    process = make_process(("a", 0.0, "p_1"), ("a", 1.0, "p_1"), ("b", 2.0, "p_2"), ("b", 3.0, None))
    assert list_resources(process, make_events(["x"])).rows() == [
        ("recorded people", 1, 2, 0.5, 1), ("others", 1, 1, 0.25, 1), ("nobody named", 0, 1, 0.25, 1),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ persons
@pytest.mark.parametrize(
    "name",
    ["approver", "created_by", "CreatedByUser", "Changed By", "changedby", "USERNAME", "name", "E-Mail", "case owner"],
)
def test_a_column_whose_name_says_so_names_persons(name: str) -> None:
    process = TWO.with_columns(pl.lit("x").alias(name))
    assert names_persons(process) == {name}
    assert names_persons(process.with_columns(pl.lit(True).alias(name))) == set()  # whether, not who


@pytest.mark.parametrize(
    "name", ["vendor name", "SupplierName", "company_email", "customer", "surface", "baby", "usage"]
)
def test_names_of_firms_and_things_are_no_persons(name: str) -> None:
    assert names_persons(TWO.with_columns(pl.lit("x").alias(name))) == set()


def test_a_column_that_shares_a_text_with_who_booked_or_was_recorded_names_persons() -> None:
    process = make_process(
        ("a", 0.0, "JDoe"), ("b", 1.0, "x"), second=["other", " jdoe "], lists=[["p_9"], None], place=["here", "there"]
    )
    assert names_persons(process) == {"second"}
    assert names_persons(process, users=make_events(["x"], user="p_9")["user"]) == {"second", "lists"}
    assert names_persons(process.drop("resource")) == set()


# ---------------------------------------------------------------------------------------------------------- left over
def test_what_is_left_over_adds_up_on_both_sides(sample: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = sample
    found = attribute_cases(events, process)
    unmatched = list_unmatched(found, process)
    shares = dict(unmatched.group_by("side").agg(pl.col("share").sum()).rows())
    active = found.drop_nulls("app")
    without = active.filter(pl.col("case_id").is_null())["active_seconds"].sum() / found["active_seconds"].sum()
    cases = 1 - found["case_id"].drop_nulls().n_unique() / process["case_id"].n_unique()
    assert shares == {"work without a case": pytest.approx(without), "case without recorded work": pytest.approx(cases)}


def test_cases_without_recorded_work_are_those_of_the_truth(sample: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    events, process = sample
    unseen = pl.col("side") == "case without recorded work"
    found = list_unmatched(attribute_cases(events, process), process).filter(unseen)["item"]
    true = list_unmatched(events.with_columns(case_id="true_case"), process).filter(unseen)["item"]
    assert found.len() == pytest.approx(true.len(), rel=0.05)
    assert found.is_in(true.implode()).mean() > 0.95  # type: ignore[operator]


def test_the_schema_of_the_three_columns_is_the_contracts() -> None:
    found = attribute_cases(make_events([{"case_ref": "INV-1001"}, "x"]), TWO)
    assert all(found.schema[name] == EVENTS[name].dtype for name in ("case_id", "case_confidence", "case_source"))
