"""Tasks on the process level: reading process logs, whose case a row is, and what a step costs inside."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from taskkit.activities import name_activities
from taskkit.activities.references import add_case_refs
from taskkit.errors import ContractError, LogFileError, SettingError
from taskkit.overlay import (
    CONFIDENCE,
    attribute_cases,
    clock_offsets,
    guess_columns,
    list_cases,
    list_unmatched,
    read_process_log,
    step_effort,
)  # fmt: skip
from taskkit.schema import CASES, PROCESS, check
from tests.frames import START, make_events

SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "accounts_payable"
KEY = ["user", "session_id", "seq"]


def make_process(*rows: tuple[str, str, float] | tuple[str, str, float, str]) -> pl.DataFrame:
    """Process events from (case, activity, seconds after START[, resource])."""
    frame = pl.DataFrame(
        {
            "case_id": [row[0] for row in rows],
            "activity": [row[1] for row in rows],
            "timestamp": [START + timedelta(seconds=row[2]) for row in rows],
            "resource": [row[3] if len(row) == 4 else "p_1" for row in rows],
        }
    )
    return frame.cast({"timestamp": PROCESS["timestamp"].dtype})


# ------------------------------------------------------------------------------------------------------ process logs
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_csv_is_read_whatever_its_separator_and_usual_names(tmp_path: Path, mark: str) -> None:
    rows = [["CaseID", "concept:name", "Complete Timestamp", "Resource", "case:amount"],
            ["17", "Approve", "2026-03-02 09:00:00+01:00", "p_1", "12"],
            ["17", "Enter", "2026-03-02 08:30:00+01:00", "", "12"]]  # fmt: skip
    file = tmp_path / "log.csv"
    file.write_text("\n".join(mark.join(row) for row in rows), encoding="utf-8")
    log = read_process_log(file)
    assert check(log, PROCESS).is_empty()
    assert log["activity"].to_list() == ["Enter", "Approve"]
    assert log["timestamp"][1] == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert (log["resource"].to_list(), log["amount"].to_list()) == ([None, "p_1"], ["12", "12"])


def test_a_parquet_file_is_read(tmp_path: Path) -> None:
    make_process(("a", "Enter", 0.0)).write_parquet(tmp_path / "log.parquet")
    assert read_process_log(tmp_path / "log.parquet")["case_id"].to_list() == ["a"]


def test_the_guess_can_be_seen_and_overridden(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("case,order,activity,time\n1,X,Enter,2026-03-02T08:00:00Z\n")
    assert guess_columns(["case", "order", "activity", "time"])["case_id"] == "case"
    log = read_process_log(file, columns={"case_id": "order"})
    assert (log["case_id"].item(), log["case"].item()) == ("X", "1")


def test_missing_columns_are_listed_with_what_was_found_and_the_call(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("invoice,activity,when\n1,Enter,2026-03-02\n")
    with pytest.raises(LogFileError, match=r"case_id, timestamp.*invoice, activity, when.*columns=\{\"case_id\": "):
        read_process_log(file)
    with pytest.raises(LogFileError, match=r"no column 'nr'.*invoice"):
        read_process_log(file, columns={"case_id": "nr"})
    with pytest.raises(SettingError, match="case_id"):
        read_process_log(file, columns={"caseid": "invoice"})


def test_a_time_that_cannot_be_read_is_shown_with_its_row(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("case,activity,time\n1,Enter,2026-03-02T08:00:00Z\n1,Book,soon\n")
    with pytest.raises(LogFileError, match=r"1 of 2 times.*row 2: 'soon'"):
        read_process_log(file)


def test_day_and_month_are_not_guessed(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("case,activity,time\n1,Enter,03/04/2026 08:00\n")
    with pytest.raises(LogFileError, match="month/day"):
        read_process_log(file)
    file.write_text("case,activity,time\n1,Enter,03/04/2026 08:00\n1,Book,13/04/2026 08:00\n")
    assert read_process_log(file)["timestamp"].dt.month().to_list() == [4, 4]


@pytest.mark.parametrize("content", ["", "case,activity,time\n", "case,activity,time\n,Enter,2026-03-02T08:00:00Z\n"])
def test_empty_files_and_empty_cases_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "log.csv").write_text(content)
    with pytest.raises(LogFileError, match=r"empty|no events"):
        read_process_log(tmp_path / "log.csv")


XES = """<?xml version="1.0" encoding="UTF-8"?>
<log xmlns="http://www.xes-standard.org/" xes.version="1.0">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<global scope="event"><string key="concept:name" value="UNKNOWN"/></global><string key="source" value="ERP"/>
<trace><string key="concept:name" value="INV-1"/><int key="amount" value="12"/>
<event><string key="concept:name" value="Enter"/><date key="time:timestamp" value="2026-03-02T09:00:00.000+01:00"/>
<string key="org:resource" value="p_1"><string key="note" value="nested"/></string></event>
<event><string key="concept:name" value="Approve"/><date key="time:timestamp" value="2026-03-02T10:00:00.000+01:00"/></event>
</trace>
<trace><string key="concept:name" value="INV-2"/>
<event><string key="concept:name" value="Enter"/><date key="time:timestamp" value="2026-03-02T09:30:00.000+01:00"/></event>
</trace></log>"""


@pytest.mark.parametrize("name", ["log.xes", "log.xes.gz"])
def test_xes_is_read_with_the_attributes_of_the_trace(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(XES.encode()) if name.endswith("gz") else XES.encode())
    log = read_process_log(tmp_path / name)
    assert check(log, PROCESS).is_empty()
    assert log.select("case_id", "activity", "resource", "amount").rows() == [
        ("INV-1", "Enter", "p_1", 12), ("INV-2", "Enter", None, None), ("INV-1", "Approve", None, 12),
    ]  # fmt: skip
    assert "note" not in log.columns


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.xes", XES.encode()[:-60], "not complete, well-formed XML"),
        ("cut.xes.gz", gzip.compress(XES.encode())[:-30], "not a complete gzip file"),
        ("dtd.xes", b'<!DOCTYPE log SYSTEM "log.dtd"><log/>', "document type"),
        ("entity.xes", b'<!DOCTYPE log [<!ENTITY a "b">]><log><trace/></log>', "document type"),
        ("deep.xes", b"<log>" + b"<list>" * 60 + b"</list>" * 60 + b"</log>", "nested deeper"),
        ("page.xes", b"<html><body/></html>", "outermost element is <html>"),
        ("none.xes", b"<log></log>", "no events"),
    ],
)
def test_hostile_or_broken_xes_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LogFileError, match=message):
        read_process_log(tmp_path / name)


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "bomb.xes.gz").write_bytes(gzip.compress(b"<log>" + (b" " * (1 << 16) + b"<list/>") * 500 + b"</log>"))
    with pytest.raises(LogFileError, match="not read any further"):
        read_process_log(tmp_path / "bomb.xes.gz")


def test_an_endless_comment_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "comment.xes").write_bytes(b"<log><!--" + b" " * (6 << 20) + b"--></log>")
    with pytest.raises(LogFileError, match="single tag or comment"):
        read_process_log(tmp_path / "comment.xes")


# ------------------------------------------------------------------------------------------------------- attribution
def attribute(rows: list[dict[str, Any] | str], process: pl.DataFrame, **settings: Any) -> list[tuple[Any, Any]]:
    return attribute_cases(make_events(rows), process, **settings).select("case_id", "case_source").rows()


ONE = make_process(("INV-1001", "Approve", 3600.0), ("INV-1002", "Approve", 7200.0))


@pytest.mark.parametrize(
    "row",
    [{"case_ref": "INV-1001"}, {"window_title": "Invoice inv-1001 - ERP"}, {"element_name": "INV-1001_Nordwind.pdf"},
     {"url": "https://erp.example.com/invoices/INV-1001/edit"}],
)  # fmt: skip
def test_a_case_is_seen_wherever_it_is_shown(row: dict[str, Any]) -> None:
    assert attribute([row], ONE) == [("INV-1001", "visible both sides")]


def test_a_list_of_several_cases_shows_none() -> None:
    assert attribute([{"window_title": "INV-1001, INV-1002"}], ONE) == [(None, None)]


def test_short_numbers_in_titles_are_no_case() -> None:
    assert attribute([{"window_title": "Sheet 17"}], make_process(("17", "Approve", 3600.0))) == [(None, None)]


def test_a_row_between_two_references_to_a_case_belongs_to_it() -> None:
    assert attribute([{"case_ref": "INV-1001"}, "x", {"case_ref": "INV-1001"}], ONE)[1][0] == "INV-1001"


def test_a_reference_is_confirmed_by_the_persons_next_booking() -> None:
    process = make_process(("INV-1001", "Approve", 11.0), ("INV-1002", "Approve", 21.0))
    found = attribute([{"case_ref": "INV-1001"}, "x", "y", "z", {"case_ref": "INV-1002"}], process)
    assert found[1:4] == [("INV-1001", "visible + process event")] * 2 + [("INV-1002", "visible + process event")]


def test_a_reference_is_carried_for_a_limited_time_and_not_past_a_booking() -> None:
    rows: list[dict[str, Any] | str] = [{"case_ref": "INV-1001"}, {"after": 8.0}, {"after": 42.0}, {"after": 20.0}]
    carried = ("INV-1001", "carried")
    assert attribute(rows, ONE) == [("INV-1001", "visible both sides"), carried, (None, None), (None, None)]
    assert attribute(rows, ONE, least=0.0)[1:] == [carried, carried, (None, None)]
    booked = make_process(("INV-1001", "Approve", 1.0))
    assert attribute(rows, booked)[1] == (None, None)


def test_the_next_booking_counts_only_if_nothing_was_seen_and_it_is_for_one_case() -> None:
    process = make_process(("INV-1001", "Approve", 60.0))
    assert attribute(["x"], process) == [("INV-1001", "next process event")]
    assert attribute(["x"], process, resource_window="30s") == [(None, None)]
    both = make_process(("INV-1001", "Pay", 60.0), ("INV-1002", "Pay", 60.0))
    assert attribute(["x"], both) == [(None, None)]


def test_a_number_that_the_process_does_not_know_is_work_without_a_case() -> None:
    found = attribute([{"case_ref": "INV-1001"}, {"window_title": "Invoice INV-9999"}, {"case_ref": "INV-1001"}], ONE)
    assert [case for case, _ in found] == ["INV-1001", None, "INV-1001"]


def test_a_segment_gives_its_one_case_to_its_other_rows_and_keeps_it_inside() -> None:
    rows: list[dict[str, Any] | str] = [
        {"segment_id": None}, {"segment_id": 0}, {"segment_id": 0, "case_ref": "INV-1001"},
        {"segment_id": 0, "after": 1500.0}, {"segment_id": 1},
    ]  # fmt: skip
    found = attribute(rows, ONE)
    assert [case for case, _ in found] == [None, "INV-1001", "INV-1001", "INV-1001", None]
    assert found[3][1] == "same segment"


def test_barred_programs_and_presence_rows_get_no_case() -> None:
    rows: list[dict[str, Any] | str] = [
        {"case_ref": "INV-1001"}, {"app": "music"}, {"app": None, "event_type": "idle_start"}, {"case_ref": "INV-1001"},
    ]  # fmt: skip
    assert [case for case, _ in attribute(rows, ONE, bar_apps=["music"])] == ["INV-1001", None, None, "INV-1001"]


def test_excluded_time_gets_no_case() -> None:
    rows: list[dict[str, Any] | str] = [{"case_ref": "INV-1001"}, {"app": "excluded"}, {"case_ref": "INV-1001"}]
    assert [case for case, _ in attribute(rows, ONE)] == ["INV-1001", None, "INV-1001"]


def test_a_process_log_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.csv").write_text("case_id,activity,timestamp,resource\nC1,A,2026-03-01T08:00:00Z\n")
    with pytest.raises(LogFileError, match=r"cut\.csv"):
        read_process_log(tmp_path / "cut.csv")


def test_cases_that_are_no_text_are_refused(tmp_path: Path) -> None:
    pl.DataFrame({"case_id": [1.5], "activity": ["A"], "timestamp": ["2026-03-01"]}).write_parquet(
        tmp_path / "odd.parquet"
    )
    with pytest.raises(LogFileError, match="Float64"):
        read_process_log(tmp_path / "odd.parquet")


def test_mail_and_chat_get_a_case_only_from_themselves_or_their_segment() -> None:
    rows: list[dict[str, Any] | str] = [
        {"case_ref": "INV-1001"}, {"app": "teams"}, {"app": "Outlook.exe", "window_title": "INV-1001"}, "x",
        {"case_ref": "INV-1001"},
    ]  # fmt: skip
    assert [case for case, _ in attribute(rows, ONE)] == ["INV-1001", None, "INV-1001", "INV-1001", "INV-1001"]
    inside = attribute_cases(make_events(rows, seconds=15.0, segment_id=0), ONE)
    assert inside.select("case_id", "case_source").row(1) == ("INV-1001", "same segment")
    glance = attribute_cases(make_events(rows, segment_id=0), ONE)
    assert glance["case_id"][1] is None


def test_confidence_follows_the_rule() -> None:
    found = attribute_cases(make_events([{"case_ref": "INV-1001"}, "x"]), ONE)
    assert found["case_source"].to_list() == ["visible both sides", "carried"]
    own, last = CONFIDENCE["shown by the row"][1], CONFIDENCE["last reference"][1]
    assert found["case_confidence"].to_list() == [own[0][1], last[0][1]]


def test_attribution_does_not_depend_on_row_order_and_keeps_the_given_one() -> None:
    events = make_events([{"case_ref": "INV-1001"}, "x", {"case_ref": "INV-1001"}, {"case_ref": "INV-1002"}, "y"] * 5)
    shuffled = events.sample(fraction=1.0, shuffle=True, seed=1)
    found = attribute_cases(shuffled, ONE)
    assert found.select(events.columns).equals(shuffled)
    assert found.sort("seq").equals(attribute_cases(events, ONE))


def test_resources_that_are_no_users_are_an_error() -> None:
    with pytest.raises(ContractError, match="pseudonym"):
        attribute_cases(make_events(["x"]), make_process(("INV-1001", "Approve", 0.0, "Ada Lovelace")))


def test_clock_offsets_find_the_difference_of_the_clocks() -> None:
    rows: list[dict[str, Any] | str] = []
    bookings = []
    for number in range(10):
        rows += [{"case_ref": f"INV-10{number}", "after": 7.0 + number}] * 4
        spent = sum(row["after"] for row in rows[1:] if isinstance(row, dict))
        bookings.append((f"INV-10{number}", "Approve", spent - 95.0))
    offsets = clock_offsets(make_events(rows), make_process(*bookings))
    assert offsets["offset_seconds"].item() == pytest.approx(-95.0, abs=1.0)
    assert offsets["n"].item() == 10


def test_the_difference_of_the_clocks_does_not_change_the_attribution() -> None:
    rows: list[dict[str, Any] | str] = []
    for number in range(10):
        rows += ["look", "look", {"case_ref": f"INV-10{number}"}, {"case_ref": f"INV-10{number}"}]
    bookings = [(f"INV-10{number}", "Approve", 20.0 * number + 15.0) for number in range(10)]
    ahead = [(case, activity, seconds + 60.0) for case, activity, seconds in bookings]
    events = make_events(rows)
    wanted = attribute_cases(events, make_process(*bookings))
    assert wanted["case_source"].to_list()[4] == "visible + process event"
    found = attribute_cases(events, make_process(*ahead))
    assert found.drop("clock_offset_seconds").equals(wanted.drop("clock_offset_seconds"))


def test_lingering_on_one_case_does_not_look_like_a_clock_offset() -> None:
    rows: list[dict[str, Any] | str] = []
    for number in range(6):
        rows += [{"case_ref": f"INV-10{number}", "after": 30.0}]
    rows += [{"case_ref": "INV-109", "after": 0.1}] * 30
    bookings = [(f"INV-10{number}", "Approve", 30.0 * number + 10.0) for number in range(6)]
    offsets = clock_offsets(make_events(rows), make_process(*bookings, ("INV-109", "Approve", 400.0)))
    assert offsets.select("user", "offset_seconds", "n").row(0) == ("p_1", 10.0, 6)


def test_too_few_bookings_correct_nothing() -> None:
    process = make_process(("INV-1001", "Approve", 40.0))
    assert clock_offsets(make_events([{"case_ref": "INV-1001"}]), process).row(0)[:3] == ("p_1", 0.0, 1)


# ------------------------------------------------------------------------------------------------------------ effort
def worked() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Ten seconds a row: two steps of a case in the ERP, the second with an excursion into a sheet."""
    rows: list[dict[str, Any] | str] = [
        {}, {}, {"app": "excel", "event_type": "paste"}, {"app": "excel"}, {}, {"app": "mail", "case_id": None}, {},
    ]  # fmt: skip
    events = make_events(rows, seconds=10.0, case_id="c1", active_seconds=10.0)
    return events, make_process(("c1", "Enter", 5.0), ("c1", "Approve", 45.0), ("c2", "Enter", 50.0))


def test_work_belongs_to_the_next_booking_of_its_case() -> None:
    effort = step_effort(*worked())
    by = {row["activity"]: row for row in effort.iter_rows(named=True)}
    assert (by["Enter"]["touch_median_seconds"], by["Approve"]["touch_median_seconds"]) == (10.0, 40.0)
    assert by["Approve"]["elapsed_median_seconds"] == 40.0
    assert (by["Enter"]["cases"], by["Enter"]["cases_with_work"], by["Approve"]["people"]) == (2, 1, 1)


def test_excursions_are_work_outside_the_main_application() -> None:
    approve = step_effort(*worked(), main_app="erp").filter(pl.col("activity") == "Approve").row(0, named=True)
    assert (approve["excursion_share"], approve["switches_median"]) == (0.5, 2.0)
    assert (approve["copy_pastes_median"], approve["excursion_pastes_mean"]) == (1.0, 1.0)
    assert approve["apps"] == ["erp", "excel"]


def test_the_caveat_says_how_much_is_not_known() -> None:
    caveats = dict(step_effort(*worked()).select("activity", "caveat").iter_rows())
    assert "1 of 2 process events (50 %)" in caveats["Enter"]


def test_cases_and_both_unmatched_lists_have_their_sizes() -> None:
    cases = list_cases(*worked())
    assert check(cases, CASES).is_empty()
    assert cases.select("case_id", "events", "touch_seconds").rows() == [("c1", 6, 60.0), ("c2", 0, None)]
    unmatched = list_unmatched(*worked())
    assert unmatched.select("side", "item", "share").rows() == [
        ("work without a case", "mail", pytest.approx(1 / 7)), ("case without recorded work", "c2", 0.5),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ the bundled sample
@pytest.fixture(scope="module")
def sample() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    events = pl.read_parquet(SAMPLE / "ui_log" / "*.parquet").unique(KEY, maintain_order=True)
    truth = pl.read_parquet(SAMPLE / "truth" / "events.parquet")
    return name_activities(events), read_process_log(SAMPLE / "process_log.csv"), truth


def right_and_found(attributed: pl.DataFrame, truth: pl.DataFrame, column: str = "case_id") -> tuple[float, float]:
    """Precision among rows with a case, recall among rows that have one."""
    both = attributed.select(*KEY, column).join(truth, on=KEY, how="inner")
    hits = int((both[column] == both["true_case"]).sum())
    return hits / (both.height - both[column].null_count()), hits / (both.height - both["true_case"].null_count())


def test_attribution_on_the_sample_beats_the_nearest_booking(sample: tuple[pl.DataFrame, ...]) -> None:
    events, process, truth = sample
    precision, recall = right_and_found(attribute_cases(events, process), truth)
    bookings = process.select(user="resource", nearest="case_id", timestamp="timestamp").drop_nulls().sort("timestamp")
    nearest = events.sort("timestamp").join_asof(
        bookings, on="timestamp", by="user", strategy="nearest", tolerance="15m", check_sortedness=False
    )
    near_precision, near_recall = right_and_found(nearest, truth, "nearest")
    assert (precision > 0.85, recall > 0.85) == (True, True), f"{precision:.3f} / {recall:.3f}"
    assert (precision - near_precision > 0.3, recall - near_recall > 0.3) == (True, True)


def test_true_segments_make_attribution_better(sample: tuple[pl.DataFrame, ...]) -> None:
    events, process, truth = sample
    marked = events.join(truth.select(*KEY, segment_id="true_segment"), on=KEY, how="left", maintain_order="left")
    precision, recall = right_and_found(attribute_cases(marked, process), truth)
    assert (precision > 0.92, recall > 0.95) == (True, True), f"{precision:.3f} / {recall:.3f}"


def test_the_planted_cause_shows_inside_its_step(sample: tuple[pl.DataFrame, ...]) -> None:
    events, process, _ = sample
    effort = step_effort(attribute_cases(events, process), process)
    out = effort.drop_nulls("excursion_pastes_mean").sort("excursion_pastes_mean", descending=True)
    assert out["activity"][0] == "Approve invoice"
    assert out["excursion_pastes_mean"][0] > 2 * out["excursion_pastes_mean"][1]
    assert "excel" in out["apps"][0].to_list()[:3]


def test_the_two_forms_of_the_sample_log_say_the_same() -> None:
    csv, xes = (read_process_log(SAMPLE / f"process_log.{kind}") for kind in ("csv", "xes"))
    columns = ["case_id", "activity", "timestamp", "resource"]
    assert csv.select(columns).sort(columns).equals(xes.select(columns).sort(columns))


def test_references_that_were_stored_as_digests_are_cases_for_whoever_has_the_key() -> None:
    events = make_events([{"window_title": "Invoice INV-100501 - ERP"}, {"window_title": "Invoice INV-100502 - ERP"}])
    hidden = add_case_refs(events, patterns=[r"(INV-\d{6})"], key=b"k" * 32).with_columns(
        window_title=pl.lit("Invoice")
    )
    process = pl.DataFrame({"case_id": ["INV-100501"], "activity": ["Enter"], "timestamp": events["timestamp"][:1]})
    with pytest.raises(ContractError, match="then give key="):
        attribute_cases(hidden, process)
    assert attribute_cases(hidden, process, key=b"k" * 32)["case_id"][0] == "INV-100501"
