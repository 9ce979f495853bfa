"""The joined log: written without pm4py, read back by pm4py and by ourselves with equal counts and times."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import warnings
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from taskkit.errors import ContractError, LogFileError, SettingError
from taskkit.log import read_log
from taskkit.overlay.exports import write_ocel, write_xes
from taskkit.overlay.exports.work import list_work
from taskkit.overlay.ocel import list_object_types
from taskkit.overlay.process_log import read_process_log
from taskkit.privacy import digest
from tests.frames import START, make_events

SAMPLE = Path(__file__).parents[1] / "data/samples/accounts_payable"
KEYS = ["case_id", "timestamp", "activity", "start_timestamp"]
ADA, BEN = "p_0123456789ab", "p_ba9876543210"


def make_process(*events: tuple[str, str, float], **more: Any) -> pl.DataFrame:
    """Process events from (case, activity, seconds after the start of the desktop log)."""
    return pl.DataFrame(
        {
            "case_id": [case for case, _, _ in events],
            "activity": [activity for _, activity, _ in events],
            "timestamp": [START + timedelta(seconds=seconds) for _, _, seconds in events],
        }
    ).with_columns(**more)


def work_on(*cases: str | None, **shared: Any) -> pl.DataFrame:
    """One row of five seconds per case, in one segment unless `shared` says otherwise."""
    rows: list[dict[str, Any] | str] = [{"case_id": case, "activity": f"step {n}"} for n, case in enumerate(cases)]
    events = make_events(
        rows, **({"user": ADA, "active_seconds": 5.0, "segment_id": 0, "case_confidence": 0.8} | shared)
    )
    return events.with_columns(action=pl.int_range(pl.len(), dtype=pl.UInt32))


EVENTS = work_on("C-1", "C-1", None, "C-2", window_title="Jane Doe owes 17", url="erp/doe", element_name="Doe")
PROCESS = make_process(("C-1", "Enter", 0), ("C-1", "Approve", 30), ("C-2", "Enter", 20), amount=pl.lit(3.5))


def read_text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", errors="replace")


# ------------------------------------------------------------------------------------------------------------- contents
def test_a_trace_holds_the_bookings_and_the_work_between_them(tmp_path: Path) -> None:
    log = read_process_log(write_xes(EVENTS, PROCESS, tmp_path / "log.xes", people=True))
    assert log.filter(pl.col("case_id") == "C-1").select("activity", "taskkit:level", "taskkit:touch_seconds").rows() == [
        ("Enter", "process", None), ("work in erp", "task", 10.0), ("Approve", "process", None),
    ]  # fmt: skip
    work = log.filter(pl.col("taskkit:level") == "task")
    assert work["resource"].unique().to_list() == [ADA]
    assert work["taskkit:confidence"].to_list() == [0.8, 0.8]
    assert log["amount"].to_list() == [3.5] * 5


def test_work_is_called_by_its_task(tmp_path: Path) -> None:
    segments = pl.DataFrame({"segment_id": [0], "task_id": ["T01"], "task_name": ["Check invoice"]}).with_columns(
        pl.col("segment_id").cast(pl.UInt32)
    )
    named = read_process_log(write_xes(EVENTS, PROCESS, tmp_path / "log.xes", segments=segments))
    assert "T01 Check invoice" in named["activity"]
    by_id = EVENTS.with_columns(task_id=pl.lit("T01"))
    assert "T01" in read_process_log(write_xes(by_id, PROCESS, tmp_path / "log.xes"))["activity"]


def test_actions_are_the_finer_level(tmp_path: Path) -> None:
    log = read_process_log(write_xes(EVENTS, PROCESS, tmp_path / "log.xes", level="activity"))
    assert log.filter(pl.col("taskkit:level") == "action")["activity"].to_list() == ["step 0", "step 1", "step 3"]


def test_rows_without_meaning_count_with_the_action_before(tmp_path: Path) -> None:
    events = EVENTS.with_columns(action=pl.Series([0, None, 1, 2], dtype=pl.UInt32))
    work = list_work(events, PROCESS, segments=None, level="activity", people=False)
    assert work.select("name", "touch_seconds").rows() == [("step 0", 10.0), ("step 3", 5.0)]


def test_they_count_with_an_action_of_the_same_case() -> None:
    events = work_on("C-1", "C-2", "C-2").with_columns(action=pl.Series([0, None, 1], dtype=pl.UInt32))
    work = list_work(events, PROCESS, segments=None, level="activity", people=False)
    assert work.select("case_id", "touch_seconds").rows() == [("C-1", 5.0), ("C-2", 10.0)]


def test_work_without_any_action_is_kept_with_its_applications() -> None:
    events = work_on("C-1").with_columns(activity=pl.lit(None, pl.String), action=pl.lit(None, pl.UInt32))
    work = list_work(events, PROCESS, segments=None, level="activity", people=False)
    assert work.select("name", "apps").rows() == [("other work", ["erp"])]


@pytest.mark.parametrize("name", ["log.xes", "log.json"])
def test_work_that_ends_with_a_booking_stands_before_it(tmp_path: Path, name: str) -> None:
    process = make_process(("C-1", "Approve", 5), ("C-2", "Enter", 20))
    write: Any = write_xes if name.endswith("xes") else write_ocel
    log = read_process_log(write(EVENTS, process, tmp_path / name)).filter(pl.col("case_id") == "C-1")
    assert log["timestamp"].n_unique() == 1
    assert log["activity"].to_list() == ["work in erp", "Approve"]


@pytest.mark.parametrize("name", ["log.xes", "log.json", "log.sqlite"])
@pytest.mark.parametrize("level", ["segment", "activity"])
def test_work_stands_before_the_booking_that_it_led_to(tmp_path: Path, name: str, level: str) -> None:
    process = make_process(("C-1", "Enter", 4), ("C-2", "Enter", 14), ("C-2", "Approve", 90))
    events = work_on("C-1", "C-1", None, "C-2", "C-2").with_columns(activity=pl.lit("click"))
    write: Any = write_xes if name.endswith("xes") else write_ocel
    log = read_process_log(write(events, process, tmp_path / name, level=level))
    column = "taskkit:booking" if name.endswith("xes") else "booking"
    for case in ("C-1", "C-2"):
        own = log.filter(pl.col("case_id") == case).sort("timestamp", maintain_order=True)
        work = own.with_row_index("place").filter(pl.col(column).is_not_null())
        assert work.height >= 1
        for row in work.iter_rows(named=True):
            booked = own.with_row_index("place").filter(activity=row[column]).row(0, named=True)
            assert row["start_timestamp"] <= row["timestamp"] <= booked["timestamp"]
            if not name.endswith("sqlite"):  # its tables have no order for what happens at the same time
                assert row["place"] < booked["place"]


def test_work_after_the_last_booking_led_to_none(tmp_path: Path) -> None:
    log = read_process_log(
        write_xes(EVENTS, make_process(("C-1", "Enter", -60), ("C-2", "Enter", 60)), tmp_path / "log.xes")
    )
    work = log.filter(pl.col("taskkit:level") == "task").sort("case_id")
    assert work["taskkit:booking"].to_list() == [None, "Enter"]


@pytest.mark.parametrize("level", ["segment", "activity"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases=st.lists(st.sampled_from(["C-1", "C-2", None]), min_size=1, max_size=12), data=st.data())
def test_no_touch_time_is_lost_or_counted_twice(level: str, cases: list[str | None], data: st.DataObject) -> None:
    size = len(cases)
    numbers = data.draw(st.lists(st.sampled_from([0, 1, None]), min_size=size, max_size=size))
    actions = data.draw(st.lists(st.sampled_from([0, 1, 2, None]), min_size=size, max_size=size))
    events = work_on(*cases).with_columns(
        segment_id=pl.Series(numbers, dtype=pl.UInt32), action=pl.Series(actions, dtype=pl.UInt32)
    )
    work = list_work(events, PROCESS, segments=None, level=level, people=False)
    assert work["touch_seconds"].sum() == 5.0 * sum(case is not None for case in cases)
    assert work["rows"].list.len().sum() == sum(case is not None for case in cases)


def test_desktop_times_are_on_the_process_clock(tmp_path: Path) -> None:
    events = work_on(*[f"C-10{n}" for n in range(8)], segment_id=None).with_columns(case_ref="case_id")
    events = events.with_columns(timestamp=pl.col("timestamp") + pl.duration(minutes=pl.int_range(pl.len()) * 3))
    process = events.select(
        "case_id", activity=pl.lit("Book"), timestamp=pl.col("timestamp").dt.offset_by("40s"), resource="user"
    )
    log = read_process_log(write_xes(events, process, tmp_path / "log.xes"))
    work = log.filter(pl.col("taskkit:level") == "task").sort("case_id")
    assert work["timestamp"].to_list() == process.sort("case_id")["timestamp"].to_list()


def test_every_object_of_the_work_is_there_with_its_relation(tmp_path: Path) -> None:
    events = EVENTS.with_columns(case_ref=pl.Series(["C-1", "PO-7", None, digest("c-2", key=b"k" * 16)]))
    file = write_ocel(events, PROCESS, tmp_path / "log.sqlite", people=True, key=b"k" * 16)
    assert {row[0]: row[1] for row in list_object_types(file).iter_rows()} == {
        "case": 2, "task": 1, "application": 1, "document": 1, "person": 1,
    }  # fmt: skip
    database = sqlite3.connect(file)
    qualifiers = dict(database.execute("SELECT ocel_qualifier, count(*) FROM event_object GROUP BY 1"))
    links = database.execute("SELECT * FROM object_object ORDER BY 2").fetchall()
    database.close()
    assert qualifiers == {"books": 3, "for": 2, "execution of": 2, "uses": 2, "shows": 1, "by": 2}
    assert links == [("task:1", "C-1", "for"), ("task:1", "C-2", "for")]


@pytest.mark.parametrize("name", ["log.json", "log.sqlite"])
def test_actions_belong_to_their_task_instance(tmp_path: Path, name: str) -> None:
    file = write_ocel(EVENTS, PROCESS, tmp_path / name, level="activity")
    log = read_process_log(file)
    assert log["level"].value_counts().sort("level").rows() == [("action", 3), ("process", 3), ("task", 2)]
    assert log.filter(pl.col("level") == "action")["task"].to_list() == [["task:1"]] * 3


# -------------------------------------------------------------------------------------------------------------- privacy
@pytest.mark.parametrize("name", ["log.xes", "log.json", "log.sqlite"])
@pytest.mark.parametrize("level", ["segment", "activity"])
def test_titles_addresses_labels_and_references_stay_here(tmp_path: Path, name: str, level: str) -> None:
    events = EVENTS.with_columns(
        case_ref=pl.lit("SECRET-77"), value=pl.lit("SECRET-78"), value_digest=pl.lit("SECRET-79")
    )
    write: Any = write_xes if name.endswith("xes") else write_ocel
    text = read_text(write(events, PROCESS, tmp_path / name, level=level, people=True))
    assert not [word for word in ("Doe", "doe", "SECRET") if word in text]


@pytest.mark.parametrize("name", ["log.xes", "log.json", "log.sqlite"])
def test_persons_can_be_left_out(tmp_path: Path, name: str) -> None:
    process = PROCESS.with_columns(resource=pl.lit(BEN))
    write: Any = write_xes if name.endswith("xes") else write_ocel
    without = read_text(write(EVENTS, process, tmp_path / name))
    assert not {ADA, BEN} & {*re.findall(r"p_[0-9a-f]{12}", without)}
    both = read_text(write(EVENTS, process, tmp_path / name, people=True))
    assert ADA in both
    assert BEN in both


def test_names_of_people_are_never_written(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="1 of 1 users are no pseudonyms"):
        write_xes(EVENTS.with_columns(user=pl.lit("Jane")), PROCESS, tmp_path / "log.xes", people=True)
    process = PROCESS.with_columns(resource=pl.lit("Jane"))
    assert "Jane" not in read_text(write_xes(EVENTS, process, tmp_path / "log.xes", people=True))


@pytest.mark.skipif(os.name != "posix", reason="file modes")
@pytest.mark.parametrize("name", ["log.xes", "log.json", "log.sqlite"])
def test_only_the_owner_may_read_the_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("older")
    file.chmod(0o644)
    (write_xes if name.endswith("xes") else write_ocel)(EVENTS, PROCESS, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


# ---------------------------------------------------------------------------------------------------- what cannot be done
def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="attribute_cases"):
        write_xes(EVENTS.drop("case_id"), PROCESS, tmp_path / "log.xes")
    with pytest.raises(ContractError, match="segment"):
        write_ocel(EVENTS.drop("segment_id"), PROCESS, tmp_path / "log.json")
    with pytest.raises(ContractError, match="1 cases of the events are not in the process log"):
        write_xes(EVENTS, PROCESS.filter(pl.col("case_id") == "C-1"), tmp_path / "log.xes")
    with pytest.raises(SettingError, match="level of desktop work"):
        write_xes(EVENTS, PROCESS, tmp_path / "log.xes", level="task")
    with pytest.raises(LogFileError, match=r"must end in \.json or"):
        write_ocel(EVENTS, PROCESS, tmp_path / "log.xes")
    with pytest.raises(LogFileError, match="folder"):
        write_xes(EVENTS, PROCESS, tmp_path / "nowhere" / "log.xes")
    assert not list(tmp_path.iterdir())


def test_a_log_without_desktop_work_is_still_a_log(tmp_path: Path) -> None:
    nothing = EVENTS.with_columns(case_id=pl.lit(None, pl.String))
    for name, write in (("log.xes", write_xes), ("log.json", write_ocel), ("log.sqlite", write_ocel)):
        log = read_process_log(write(nothing, PROCESS, tmp_path / name))  # type: ignore[operator]
        assert log.height == PROCESS.height


# ----------------------------------------------------------------------------------------------------------- round trips
ODD = "a<b> & \"c\" 'd' \t\n\r é😀 \x00\x0b"


def test_odd_texts_survive_except_what_xml_cannot_hold(tmp_path: Path) -> None:
    process = make_process((ODD, ODD, 0), note=pl.lit(ODD))
    events = EVENTS.head(0)
    assert read_process_log(write_ocel(events, process, tmp_path / "log.json")).select("case_id", "note").row(0) == (
        ODD.strip(),
        ODD,
    )
    xes = read_process_log(write_xes(events, process, tmp_path / "log.xes"))
    assert xes["note"][0] == ODD.replace("\x00", "\ufffd").replace("\x0b", "\ufffd")


@pytest.mark.parametrize("name", ["log.xes", "log.json", "log.sqlite"])
def test_columns_of_the_log_with_our_names_do_no_harm(tmp_path: Path, name: str) -> None:
    names = ("level", "touch_seconds", "name", "end", "others", "id", "type", "time", "concept:name", "time:timestamp",
             "Level", "taskkit:level", "a:x")  # fmt: skip
    process = PROCESS.with_columns(**{each: pl.Series(["x", "y", "z"]) for each in names})
    write: Any = write_xes if name.endswith("xes") else write_ocel
    log = read_process_log(write(EVENTS, process, tmp_path / name))
    level = "taskkit:level" if name.endswith("xes") else "level"
    assert log[level].value_counts().sort(level).rows() == [("process", 3), ("task", 2)]
    assert_frame_equal(log.filter(pl.col(level) == "process").select(PROCESS.columns), PROCESS, check_row_order=False)


def test_types_of_attributes_survive(tmp_path: Path) -> None:
    process = PROCESS.with_columns(
        whole=pl.Series([1, 2, None]), truth=pl.Series([True, None, False]), odd=pl.Series([float("nan"), 0.5, None]),
        nothing=pl.lit(None), day=pl.Series(["x", "y", "z"], dtype=pl.Categorical), lists=pl.lit(["a"]),
    )  # fmt: skip
    for name, write in (("log.xes", write_xes), ("log.json", write_ocel)):
        log = read_process_log(write(EVENTS, process, tmp_path / name)).filter(pl.col("activity") != "work in erp")  # type: ignore[operator]
        assert log.select("whole", "truth", "odd", "day").rows() == [
            (1, True, None, "x"),
            (None, False, None, "z"),
            (2, None, 0.5, "y"),
        ]
        assert not {"lists", "nothing"} & {*log.columns}


@pytest.mark.parametrize("name", ["log.xes", "log.json", "log.sqlite"])
def test_the_same_log_gives_the_same_file_whatever_the_order_of_rows(tmp_path: Path, name: str) -> None:
    write: Any = write_xes if name.endswith("xes") else write_ocel
    first = write(EVENTS, PROCESS, tmp_path / name, level="activity").read_bytes()
    assert write(EVENTS.reverse(), PROCESS.reverse(), tmp_path / name, level="activity").read_bytes() == first


def test_what_was_exported_can_be_read_and_exported_again(tmp_path: Path) -> None:
    once = read_process_log(write_ocel(EVENTS, PROCESS, tmp_path / "once.json"))
    again = read_process_log(write_ocel(EVENTS.head(0), once, tmp_path / "again.json"))
    assert_frame_equal(again.select(KEYS[:3]), once.select(KEYS[:3]), check_row_order=False)


@pytest.fixture(scope="module")
def sample() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part of the worked example with the cases and segments that are true of it."""
    truth = pl.read_parquet(SAMPLE / "truth" / "events.parquet")
    files = sorted((SAMPLE / "ui_log").glob("*.parquet"))[:1]
    events = pl.concat([read_log(file) for file in files]).drop("case_ref").with_columns(
        # naming is not what is tested here, and takes longer
        active_seconds=pl.col("timestamp").diff(-1).dt.total_seconds().abs().clip(0, 60).cast(pl.Float64).fill_null(0.0),
        activity=pl.col("event_type").cast(pl.String), action=pl.col("seq").cast(pl.UInt32),
    )  # fmt: skip
    process = read_process_log(SAMPLE / "process_log.csv")
    known = pl.col("true_case").cast(pl.String)
    true = truth.select(
        "user", "session_id", "seq", segment_id=pl.col("true_segment").rank("dense").cast(pl.UInt32),
        case_id=pl.when(known.is_in(process["case_id"].unique().implode())).then(known),
    )  # fmt: skip
    return events.join(true, on=["user", "session_id", "seq"], how="left", maintain_order="left"), process


@pytest.fixture
def pm4py() -> Iterator[Any]:
    pytest.importorskip("pm4py")
    from taskkit.overlay.optional import import_pm4py

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pm4py and the packages that it imports
        yield import_pm4py()


def same(log: pl.DataFrame, other: pl.DataFrame, *, to: str = "us") -> None:
    """Equal cases, activities and times."""
    both = [
        frame.select(KEYS).with_columns(pl.col("timestamp", "start_timestamp").dt.truncate("1s" if to == "s" else "1us")).sort(KEYS)
        for frame in (log, other)
    ]  # fmt: skip
    assert_frame_equal(*both)


@pytest.mark.parametrize("level", ["segment", "activity"])
def test_pm4py_reads_the_xes_and_writes_it_as_it_was(
    tmp_path: Path, sample: tuple[pl.DataFrame, ...], pm4py: Any, level: str
) -> None:
    events, process = sample
    file = write_xes(events, process, tmp_path / "log.xes", level=level)
    ours, theirs = read_process_log(file), pm4py.read_xes(str(file))
    assert len(theirs) == ours.height > process.height
    assert theirs["case:concept:name"].nunique() == process["case_id"].n_unique()
    their_times = pl.Series(theirs["time:timestamp"].astype("int64")).sort()
    assert their_times.to_list() == ours["timestamp"].dt.timestamp("us").sort().to_list()
    assert float(theirs["taskkit:touch_seconds"].sum()) == pytest.approx(
        events.drop_nulls("case_id")["active_seconds"].sum(), abs=5
    )
    pm4py.write_xes(theirs, str(tmp_path / "back.xes"))
    same(ours, read_process_log(tmp_path / "back.xes"))


@pytest.mark.parametrize(("name", "to"), [("log.json", "s"), ("log.sqlite", "us")])  # pm4py writes JSON to the second
def test_pm4py_reads_the_ocel_and_writes_it_as_it_was(
    tmp_path: Path, sample: tuple[pl.DataFrame, ...], pm4py: Any, name: str, to: str
) -> None:
    events, process = sample
    file = write_ocel(events, process, tmp_path / name, people=True)
    kind = "json" if name.endswith("json") else "sqlite"
    ours, theirs = read_process_log(file), getattr(pm4py, f"read_ocel2_{kind}")(str(file))
    sizes = {row["object_type"]: row for row in list_object_types(file).iter_rows(named=True)}
    assert len(theirs.events) == ours.height == sizes["case"]["events"]
    assert dict(theirs.objects["ocel:type"].value_counts()) == {kind: row["objects"] for kind, row in sizes.items()}
    their_times = pl.Series(theirs.events["ocel:timestamp"].astype("int64")).sort()
    assert their_times.to_list() == ours["timestamp"].dt.timestamp("us").sort().to_list()
    per_type = theirs.relations.groupby("ocel:type").size().to_dict()
    named = {kind: ours[kind].list.len().sum() for kind in ("application", "person", "task")}
    assert per_type == {"case": ours.height, **named}
    assert len(theirs.o2o) == ours.filter(pl.col("level") == "task").height
    getattr(pm4py, f"write_ocel2_{kind}")(theirs, str(tmp_path / f"back_{name}"))
    same(ours, read_process_log(tmp_path / f"back_{name}"), to=to)
    pm4py.write_ocel2_xml(theirs, str(tmp_path / "back.xml"))
    same(ours, read_process_log(tmp_path / "back.xml"), to="s")


def test_the_two_forms_of_ocel_say_the_same(tmp_path: Path, sample: tuple[pl.DataFrame, ...]) -> None:
    both = [read_process_log(write_ocel(*sample, tmp_path / name, level="activity")) for name in ("log.json", "log.db")]
    assert_frame_equal(*(log.sort(KEYS) for log in both), check_column_order=False, check_row_order=False)


def test_the_default_finds_the_cases_of_our_own_files(tmp_path: Path, sample: tuple[pl.DataFrame, ...]) -> None:
    log = read_process_log(write_ocel(*sample, tmp_path / "log.sqlite", level="activity", people=True))
    assert log["case_id"].unique().sort().to_list() == sample[1]["case_id"].unique().sort().to_list()


# -------------------------------------------------------------------------------------------------------------- odd logs
FILES = pytest.mark.parametrize("name", ["log.xes", "log.json", "log.sqlite"])


def written(folder: Path, name: str, process: pl.DataFrame, events: pl.DataFrame = EVENTS, **settings_: Any) -> Path:
    write: Any = write_xes if name.endswith("xes") else write_ocel
    file: Path = write(events, process, folder / name, **settings_)
    return file


@FILES
@pytest.mark.parametrize("people", [True, False])
def test_columns_that_name_persons_are_never_written(tmp_path: Path, name: str, people: bool) -> None:
    jane = pl.lit("Jane Doe")
    process = PROCESS.with_columns(
        resource=pl.lit("Max Muster"), approver=jane, created_by=jane, booked=pl.lit("Max Muster")
    )
    text = read_text(written(tmp_path, name, process.with_columns(vendor=pl.lit("Nordwind")), people=people))
    assert not [word for word in ("Jane", "Muster", "approver", "created_by") if word in text]
    assert "Nordwind" in text


@pytest.mark.parametrize("name", ["log.json", "log.sqlite"])
@pytest.mark.parametrize("case", ["app:erp", "task:1", "document:1", f"person:{ADA}"])
def test_a_case_is_no_other_object(tmp_path: Path, name: str, case: str) -> None:
    events = EVENTS.with_columns(
        case_id=pl.col("case_id").replace("C-1", case), case_ref=pl.when(pl.col("seq") == 1).then(pl.lit("PO-7"))
    )
    process = PROCESS.with_columns(pl.col("case_id").replace("C-1", case))
    types = list_object_types(written(tmp_path, name, process, events, people=True))
    assert types.sort("object_type").select("object_type", "objects").rows() == [
        ("application", 1), ("case", 2), ("document", 1), ("person", 1), ("task", 1),
    ]  # fmt: skip


@FILES
def test_names_of_columns_that_no_file_can_hold_are_mended(tmp_path: Path, name: str) -> None:
    process = PROCESS.with_columns(
        **{"bad\x01word": pl.lit("b"), "bad word": pl.lit("a"), "": pl.lit("LOST"), "\n": pl.lit("LOST")}
    )
    file = written(tmp_path, name, process)
    log = read_process_log(file).filter(pl.col("amount").is_not_null())
    assert (log["bad word"][0], log["bad word_2"][0]) == ("a", "b")
    assert "LOST" not in read_text(file)


@FILES
def test_spans_are_written_as_seconds_and_bytes_not_at_all(tmp_path: Path, name: str) -> None:
    process = PROCESS.with_columns(span=pl.lit(timedelta(minutes=2)), raw=pl.lit(b"\xff"))
    log = read_process_log(written(tmp_path, name, process))
    assert log["span"].drop_nulls().unique().to_list() == [120.0]
    assert "raw" not in log.columns


@FILES
def test_an_activity_is_one_whatever_spaces_stand_around_it(tmp_path: Path, name: str) -> None:
    process = make_process(("C-1", "Pay", 30), ("C-2", " Pay", 20))
    file = written(tmp_path, name, process)
    assert set(read_process_log(file)["activity"]) == {"Pay", "work in erp"}
    assert '" Pay"' not in read_text(file)
    assert read_text(file).count("pay_2") == read_text(file).count("Pay_2") == 0


@pytest.mark.parametrize("name", ["log.json", "log.sqlite"])
def test_names_given_to_columns_of_ours_do_not_clash(tmp_path: Path, name: str) -> None:
    each = {"level": ["x", "y", "z"], "log_level": ["u", "v", "w"]}
    log = read_process_log(written(tmp_path, name, PROCESS.with_columns(pl.Series(k, v) for k, v in each.items())))
    assert {"log_level", "log_level_"} <= {*log.columns}


def test_the_offset_that_the_cases_rest_on_is_used_again() -> None:
    work = list_work(
        EVENTS.with_columns(clock_offset_seconds=-20.0), PROCESS, segments=None, level="segment", people=False
    )
    own = list_work(EVENTS, PROCESS, segments=None, level="segment", people=False)
    assert (own["start"] - work["start"]).to_list() == [timedelta(seconds=20)] * 2
