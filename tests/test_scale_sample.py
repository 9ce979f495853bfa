"""The sample at the size of a department: contract, truth, distinct documents, and the same files whoever writes them."""

from __future__ import annotations

import stat
from pathlib import Path

import polars as pl
import pytest

from taskkit.errors import SettingError
from taskkit.log import read_log
from taskkit.overlay import read_process_log
from taskkit.pipeline.partitions import list_partitions, read_part
from taskkit.samples import make_engagement
from taskkit.samples.scale import write_large_sample
from taskkit.schema import EVENTS, check

PEOPLE, DAYS, EVENTS_A_DAY = 12, 6, 1_500
KEYS = ["user", "session_id", "seq"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_large_sample(
        tmp_path_factory.mktemp("large"), people=PEOPLE, days=DAYS, events=EVENTS_A_DAY, workers=1
    )


@pytest.fixture(scope="module")
def events(folder: Path) -> pl.DataFrame:
    return read_log(folder / "log")


@pytest.fixture(scope="module")
def labelled(folder: Path, events: pl.DataFrame) -> pl.DataFrame:
    truth = pl.read_parquet(folder / "truth" / "**" / "*.parquet")
    return events.join(truth, on=KEYS, how="left", maintain_order="left")


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_log_keeps_its_contract(events: pl.DataFrame) -> None:
    assert check(events, EVENTS).is_empty()


def test_files_keep_the_types_of_the_contract(folder: Path) -> None:
    for path in (folder / "log").rglob("*.parquet"):
        held = pl.read_parquet_schema(path)
        assert held == {name: EVENTS.schema[name] for name in held}


@pytest.mark.parametrize("where", ["truth/*", "."])
def test_texts_of_the_truth_and_the_bookings_are_texts(folder: Path, where: str) -> None:
    for path in folder.glob(f"{where}/*.parquet"):
        assert not any(isinstance(kind, pl.Enum) for kind in pl.read_parquet_schema(path).values())
    assert [*folder.glob(f"{where}/*.parquet")]


def test_there_are_as_many_events_as_asked_for(events: pl.DataFrame) -> None:
    days = events.select(pl.struct("user", "session_id").n_unique()).item()
    assert days > 0.85 * PEOPLE * DAYS
    assert events.height / days == pytest.approx(EVENTS_A_DAY, rel=0.06)


def test_a_file_holds_one_person_and_day(folder: Path) -> None:
    for path in (folder / "log").rglob("*.parquet"):
        held = pl.read_parquet(path)
        assert held["user"].unique().to_list() == [path.parent.name]
        assert held["timestamp"].dt.date().unique().cast(pl.String).to_list() == [path.stem]


def test_partitions_are_understood(folder: Path, events: pl.DataFrame) -> None:
    parts = list_partitions(folder / "log", rows=10_000)
    assert sum(read_part(part.files).height for part in parts) == events.height
    assert {part.name for part in parts} >= set(events["user"])


def test_the_number_of_workers_changes_nothing(folder: Path, tmp_path: Path) -> None:
    again = write_large_sample(tmp_path, people=PEOPLE, days=DAYS, events=EVENTS_A_DAY, workers=2)
    assert _files(again) == _files(folder)


def test_another_seed_is_another_log(folder: Path, tmp_path: Path) -> None:
    other = write_large_sample(tmp_path, seed=8, people=1, days=1, events=EVENTS_A_DAY, workers=1)
    file = next((other / "log").rglob("*.parquet"))
    assert file.read_bytes() != (folder / "log" / file.relative_to(other / "log")).read_bytes()


def test_only_the_owner_may_read(folder: Path) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
    assert modes == {0o600}


def test_a_log_that_is_there_is_not_mixed_with_another(folder: Path) -> None:
    with pytest.raises(SettingError, match="not empty"):
        write_large_sample(folder, people=1, days=1)


def test_wrong_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="people=0"):
        write_large_sample(tmp_path, people=0)


def test_every_execution_has_documents_of_its_own(labelled: pl.DataFrame) -> None:
    shown = labelled.filter(pl.col("true_segment").is_not_null() & pl.col("case_ref").str.starts_with("INV-"))
    assert shown.height > 1_000
    assert shown.group_by("case_ref").agg(pl.col("true_segment").n_unique())["true_segment"].max() == 1


def test_title_and_address_show_the_same_document(labelled: pl.DataFrame) -> None:
    numbers = labelled.select(
        title=pl.col("window_title").str.extract(r"Invoice INV-(\d+) - "),
        url=pl.col("url").str.extract(r"/invoices/(\d+)"),
    ).drop_nulls()
    assert numbers.height > 1_000
    assert (numbers["title"] == numbers["url"]).all()


def test_constants_recur_and_documents_values_do_not(labelled: pl.DataFrame) -> None:
    typed = labelled.filter(pl.col("true_segment").is_not_null()).drop_nulls("value_digest")
    of_field = typed.group_by("element_name").agg(
        values=pl.col("value_digest").n_unique(), executions=pl.col("true_segment").n_unique()
    )
    found = {name: (values, executions) for name, values, executions in of_field.iter_rows()}
    assert found["Company code"][0] < 5
    assert found["Gross amount"][0] > 0.9 * found["Gross amount"][1]


def test_what_is_pasted_was_copied_before(labelled: pl.DataFrame) -> None:
    work = labelled.filter(pl.col("true_segment").is_not_null())
    copied = work.filter(pl.col("event_type") == "copy").select("true_segment", "value_digest").unique()
    pasted = work.filter(pl.col("event_type") == "paste")
    assert pasted.height > 500
    assert pasted.join(copied, on=["true_segment", "value_digest"], how="semi").height > 0.98 * pasted.height


def test_the_clock_never_goes_back_and_nobody_works_at_night(labelled: pl.DataFrame) -> None:
    session = labelled.sort(KEYS).group_by("user", "session_id", maintain_order=True)
    found = session.agg(back=(pl.col("timestamp").diff() < pl.duration()).sum(), first=pl.col("timestamp").first(),
                        last=pl.col("timestamp").last())  # fmt: skip
    assert found["back"].sum() == 0
    assert found["first"].dt.hour().min() >= 6  # UTC: an hour before local time
    assert found["last"].dt.hour().max() < 18


def test_planted_habits_of_the_teams_are_there(labelled: pl.DataFrame) -> None:
    made = labelled.filter(true_task="enter invoice").unique("true_segment")
    share = made.group_by("team").agg(pl.col("true_variant").str.starts_with("re-keying").mean())
    found = dict(share.iter_rows())
    assert found["north"] < 0.35 < 0.6 < found["south"]


def test_tasks_are_as_frequent_as_in_the_detailed_sample(labelled: pl.DataFrame) -> None:
    detailed = make_engagement(people=28, days=6).truth_events.drop_nulls("true_segment").unique("true_segment")
    ours = labelled.drop_nulls("true_segment").unique("true_segment")
    shares = [dict(frame["true_task"].value_counts(normalize=True).iter_rows()) for frame in (ours, detailed)]
    assert shares[0].keys() == shares[1].keys()
    assert max(abs(shares[0][task] - shares[1][task]) for task in shares[1]) < 0.06


def test_executions_are_interrupted_as_often_as_recorded(labelled: pl.DataFrame) -> None:
    work = labelled.drop_nulls("true_segment").sort(KEYS)
    parts = work.with_columns(starts=pl.col("true_segment") != pl.col("true_segment").shift(1)).group_by("true_segment")
    interrupted = (parts.agg(pl.col("starts").sum())["starts"] > 1).mean()
    assert interrupted == pytest.approx(0.17, abs=0.06)


def test_the_process_log_books_what_was_worked_on(folder: Path, labelled: pl.DataFrame) -> None:
    process = read_process_log(folder / "process_log.parquet")
    assert process.height > 500
    assert set(process["case_id"]) <= set(labelled["true_case"].drop_nulls())


def test_a_page_of_results_holds_what_was_wanted_and_every_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from benchmarks.scale import page

    monkeypatch.setattr(page, "lines", [])
    monkeypatch.setattr(page, "aims", [])
    page.head("events", "s")
    page.row(1_000_000, "2.5")
    page.aim("events/s", "≥ 1", "400,000", "")
    page.write_page(tmp_path / "RESULTS.md", "benchmark", "- By the clock: seconds that pass.")
    written = (tmp_path / "RESULTS.md").read_text().splitlines()
    assert written.index("| events/s | ≥ 1 | 400,000 |  |") < written.index("| 1,000,000 | 2.5 |")


def test_what_takes_ten_times_as_long_for_ten_times_as_much_is_proportional() -> None:
    from benchmarks.scale.__main__ import exponent

    assert exponent((1_000, 0.5), (10_000, 5.0)) == "1.00"
    assert exponent((1_000, 0.5), (10_000, 50.0)) == "2.00"
    assert exponent(None, (10_000, 50.0)) == ""
