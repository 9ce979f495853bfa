"""A log that is too large for one frame: the whole of it in summaries, single steps of a stated draw, the same tasks in both."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import taskkit as tk
from taskkit import project
from taskkit.errors import SettingError
from taskkit.pipeline import large
from taskkit.pipeline.partitioned import mine_partitions
from taskkit.pipeline.workers import start_workers
from taskkit.privacy import MIN_PEOPLE, write_private
from taskkit.samples import make_engagement
from taskkit.variants import screen_of

PEOPLE, DAYS = 6, 3
KEY = ["user", "session_id", "start", "end", "steps", "task_id", "task_name"]
DECIDED = "Enter what was sent"


@pytest.fixture(scope="module", autouse=True)
def small_logs_are_large() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large, "LARGE", 7_000)
        patch.setattr(large, "FITTED", 5_000)
        patch.setattr(large, "DRAWN", 6_000)
        yield


@pytest.fixture(scope="module")
def engagement(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `log/`, a file for each person and day, and `process_log.parquet`."""
    folder = tmp_path_factory.mktemp("engagement")
    made = make_engagement(people=PEOPLE, days=DAYS)
    dated = made.events.with_columns(
        _day=pl.col("timestamp").min().over("user", "session_id").dt.date().cast(pl.String)
    )
    for (user, day), part in dated.group_by("user", "_day", maintain_order=True):
        (folder / "log" / str(user)).mkdir(exist_ok=True, parents=True)
        tk.write_log(part.drop("_day"), folder / "log" / str(user) / f"{day}.parquet")
    made.process.write_parquet(folder / "process_log.parquet")
    return folder


def mine(engagement: Path, results: Path, **settings: Any) -> Any:
    return tk.mine(engagement / "log", process_log=engagement / "process_log.parquet", results=results, **settings)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project") / "results"


@pytest.fixture(scope="module")
def mined(engagement: Path, results: Path) -> Any:
    return mine(engagement, results)


def test_the_whole_is_what_the_parts_give(mined: Any, engagement: Path, tmp_path: Path) -> None:
    alone = mine_partitions(engagement / "log", results=tmp_path, sampled_rows=large.FITTED)
    for name in ("tasks", "variants", "successions", "criteria"):
        assert_frame_equal(getattr(mined.whole, name), getattr(alone, name), check_exact=False)


def test_the_draw_is_a_part_of_the_log_divided_like_the_whole(mined: Any) -> None:
    drawn, whole = mined.segments.select(KEY), mined.whole.scan_segments().select(KEY).collect()
    assert 0 < mined.events.height < mined.whole.about["events"]
    assert_frame_equal(drawn.join(whole, on=KEY, how="semi", nulls_equal=True, maintain_order="left"), drawn)


def test_tasks_have_the_numbers_and_names_of_the_whole(mined: Any) -> None:
    called = mined.whole.tasks.select("task_id", "task_name")
    drawn = tk.list_tasks(mined.segments).select("task_id", "task_name")
    assert drawn.height > 3
    assert_frame_equal(drawn.join(called, on=["task_id", "task_name"], how="semi", maintain_order="left"), drawn)


def test_what_was_drawn_is_stated(mined: Any, engagement: Path) -> None:
    events = tk.scan_log(engagement / "log").select("user", "session_id").collect()
    drawn = mined.metadata["drawn"]
    assert (drawn["of_events"], drawn["of_people"]) == (events.height, PEOPLE)
    assert drawn["of_sessions"] == events.n_unique()
    assert (drawn["events"], drawn["people"]) == (mined.events.height, mined.events["user"].n_unique())
    said = dict(tk.posture(mined.events, metadata=mined.metadata).iter_rows())
    assert f"This log has {events.height:,} events of {PEOPLE} people." in said["drawn"]
    assert f"rests on {mined.events.height:,} events" in said["drawn"]
    assert f"{events.height:,} rows" in said["recorded"]


def test_cases_outside_the_draw_do_not_count_as_cases_without_work(mined: Any, engagement: Path) -> None:
    unmatched = tk.list_unmatched(mined.events, mined.process)
    assert set(unmatched["side"]) == {"work without a case"}
    cases = pl.read_parquet(engagement / "process_log.parquet")["case_id"].n_unique()
    assert mined.metadata["drawn"]["of_cases"] == cases > mined.process["case_id"].n_unique() > 0
    assert f"Of the {cases:,} cases" in dict(tk.posture(mined.events, metadata=mined.metadata).iter_rows())["cases"]


def test_kept_results_are_read_and_are_the_same(mined: Any, engagement: Path, results: Path) -> None:
    stages: list[tuple[str, int, int]] = []
    again = mine(engagement, results, progress=lambda *told: stages.append(told))
    assert_frame_equal(again.events, mined.events)
    assert_frame_equal(again.whole.tasks, mined.whole.tasks)
    assert again.metadata == mined.metadata
    assert not any("drawn" in stage for stage, *_ in stages)
    assert stages[-1] == ("done", stages[-1][2], stages[-1][2])
    assert [done for _, done, _ in stages] == sorted(done for _, done, _ in stages)


def test_the_executor_changes_nothing(mined: Any, engagement: Path, tmp_path: Path) -> None:
    with start_workers(2) as executor:
        other = mine(engagement, tmp_path, executor=executor)
    assert_frame_equal(other.events, mined.events)
    assert_frame_equal(other.whole.variants, mined.whole.variants)
    assert other.metadata == mined.metadata


def test_names_that_people_give_stand_in_the_draw_and_in_the_whole(mined: Any, engagement: Path, results: Path) -> None:
    row = mined.events.drop_nulls("task_id").row(0, named=True)
    journal = tk.Decisions(results.parent / "decisions.sqlite")
    anchor = [row["user"], row["session_id"], row["seq"]]
    number = journal.record(row["task_id"], DECIDED, kind="name", detail={"anchor": anchor})
    named = mine(engagement, results)
    journal.undo(number)
    for tasks in (named.whole.tasks, tk.list_tasks(named.segments), named.whole.criteria):
        assert set(tasks.filter(task_name=DECIDED)["task_id"]) == {row["task_id"]}


def test_a_large_log_needs_a_folder_for_its_results(engagement: Path) -> None:
    with pytest.raises(SettingError, match="results="):
        tk.mine(engagement / "log")


def test_a_smaller_log_and_a_single_file_are_one_frame(engagement: Path, tmp_path: Path) -> None:
    whole = tk.read_log(engagement / "log")
    tk.write_log(whole, tmp_path / "log.parquet")
    assert large.count_large(engagement / "log") == whole.height
    assert large.count_large(tmp_path / "log.parquet") == 0
    assert large.count_large(next((engagement / "log").iterdir())) == 0


def test_an_encrypted_log_is_one_frame(engagement: Path, tmp_path: Path) -> None:
    for number, file in enumerate((engagement / "log").rglob("*.parquet")):
        write_private(tk.read_log(file), tmp_path / f"{number}.parquet", key=b"k" * 32, metadata={})
    assert large.count_large(tmp_path) == 0


# --------------------------------------------------------------------------------------------- what notebooks show of it
@pytest.mark.parametrize("what", ["tasks", "variants", "automation"])
def test_the_whole_log_is_shown_with_how_much_it_rests_on(mined: Any, what: str) -> None:
    shown = tk.widgets.whole_log(mined, what=what)
    assert shown is not None
    assert f"Counted on all {mined.whole.about['events']:,} events of {PEOPLE} people" in shown.markup
    assert mined.whole.tasks["task_id"][0] in shown.markup


@pytest.mark.parametrize("what", ["tasks", "variants", "automation"])
def test_an_ordinary_log_shows_nothing_there(mined: Any, what: str) -> None:
    assert tk.widgets.whole_log(mined._replace(whole=None), what=what) is None


def test_what_cannot_be_shown_of_the_whole_is_refused(mined: Any) -> None:
    with pytest.raises(SettingError, match="variants"):
        tk.widgets.whole_log(mined, what="cases")


def test_small_groups_are_hidden_in_the_whole(mined: Any) -> None:
    few = mined.whole.tasks.with_columns(people=pl.when(task_id="T01").then(MIN_PEOPLE - 1).otherwise("people"))
    hours = f"{few['active_hours'][0]:,.1f}"
    shown = tk.widgets.whole_log(mined._replace(whole=mined.whole._replace(tasks=few)))
    assert hours in tk.widgets.whole_log(mined).markup
    assert shown is not None
    assert hours not in shown.markup


def test_a_page_that_leaves_the_room_shows_of_the_whole_what_the_draw_may_show(
    mined: Any, engagement: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKKIT_SHARED", "1")
    shared = mine(engagement, results)
    told = shared.whole.tasks
    assert told.height > 0
    assert told["people"].min() >= MIN_PEOPLE
    assert set(told["task_id"]) <= set(shared.segments["task_id"])
    steps = set(shared.whole.variants["activities"].explode(empty_as_null=True))
    own = shared.segments.select("user", step="activities").explode("step", empty_as_null=True)
    seen = own.select("user", step=screen_of("step")).group_by("step").agg(pl.col("user").n_unique())
    assert steps
    assert steps <= set(seen.filter(pl.col("user") >= MIN_PEOPLE)["step"])
    secrets = tk.find_secrets(shared.events, process=shared.process, segments=shared.segments, min_people=MIN_PEOPLE)
    pages = {}  # names of tasks are those of the draw, and looked through there
    for name in ("variants", "successions"):
        frame = getattr(shared.whole, name).drop(
            "variant_id", strict=False
        )  # the same number is another way in the draw
        pages[name] = tk.widgets.table(frame, min_people=MIN_PEOPLE).markup
    assert tk.lint_pages(pages, secrets=secrets, k=MIN_PEOPLE).is_empty()


# ------------------------------------------------------------------------------------------------------------- projects
def test_the_files_of_a_large_log_are_linked_into_a_project(
    engagement: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project, "LINKED_BYTES", 1)
    made = tk.create_project(tmp_path / "ap", log=engagement / "log")
    files = sorted(made.log.rglob("*.parquet"))
    assert len(files) == PEOPLE * DAYS
    assert all(file.samefile(engagement / "log" / file.relative_to(made.log)) for file in files)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert "linked: the same files" in (made.path / "README.txt").read_text()


def test_files_that_others_may_read_are_copied_and_stay_as_they_are(
    engagement: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project, "LINKED_BYTES", 1)
    file = tmp_path / "log.parquet"
    tk.write_log(tk.read_log(next((engagement / "log").rglob("*.parquet"))), file)
    file.chmod(0o644)
    made = tk.create_project(tmp_path / "ap", log=file)
    assert not made.log.samefile(file)
    assert (stat.S_IMODE(made.log.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o600, 0o644)


def test_the_files_of_a_smaller_log_are_copied(engagement: Path, tmp_path: Path) -> None:
    made = tk.create_project(tmp_path / "ap", log=engagement / "log")
    assert {file.stat().st_nlink for file in made.log.rglob("*.parquet")} == {1}
